#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Works in a virtual tree through the Python binding; VFS_INCLUDE and
VFS_LIBRARY say what it is made from: test_binding.py PYTHON_DIRECTORY."""

import ctypes
import errno
import gc
import os
import stat
import sys
import tempfile
import threading
import unittest

sys.path.insert(0, sys.argv[1])

import vfs  # noqa: E402


class Case(unittest.TestCase):
    def setUp(self):
        self.fs = vfs.VFS()
        self.root = self.fs.task()
        self.user = self.fs.task(1000, 1000, groups=(100, 200))

    def tearDown(self):
        self.root.close_task()
        self.user.close_task()
        self.fs.close()

    def fails(self, number, call, *arguments):
        with self.assertRaises(OSError) as caught:
            call(*arguments)
        self.assertEqual(caught.exception.errno, number,
                         errno.errorcode.get(caught.exception.errno))
        return caught.exception


class Files(Case):
    def test_open__write_and_read_back(self):
        fd = self.root.open("/f", os.O_RDWR | os.O_CREAT, 0o644)
        self.assertEqual(self.root.write(fd, b"hello, world"), 12)
        self.assertEqual(self.root.lseek(fd, 7), 7)
        self.assertEqual(self.root.read(fd, 100), b"world")
        self.assertEqual(self.root.read(fd, 100), b"")
        self.assertEqual(self.root.pread(fd, 5, 0), b"hello")
        self.assertEqual(self.root.pwrite(fd, b"J", 0), 1)
        self.assertEqual(self.root.pread(fd, 5, 0), b"Jello")
        self.root.close(fd)
        self.fails(errno.EBADF, self.root.read, fd, 1)

    def test_file__text_and_seek(self):
        with self.root.file("/note", "w") as note:
            note.write("one\ntwo\nthr\u00e9e\n")
        with self.root.file("/note") as note:
            self.assertEqual(note.readlines(), ["one\n", "two\n", "thr\u00e9e\n"])
        with self.root.file("/note", "a") as note:
            self.assertEqual(note.tell(), 15)
            note.write("four\n")
        with self.root.file("/note", "r+b") as note:
            note.seek(4)
            note.write(b"TWO")
            note.seek(0)
            self.assertEqual(note.read(), "one\nTWO\nthr\u00e9e\nfour\n".encode())
        with self.assertRaises(FileExistsError):
            self.root.file("/note", "x")

    def test_data__a_large_file(self):
        data = os.urandom(3 << 20)
        with self.root.file("/big", "wb") as big:
            big.write(data)
        with self.root.file("/big", "rb") as big:
            self.assertEqual(big.read(), data)
        self.root.truncate("/big", 100)
        self.assertEqual(self.root.stat("/big").st_size, 100)

    def test_pipe__another_thread_writes(self):
        reading, writing = self.root.pipe()
        thread = threading.Timer(0.05, self.root.write, (writing, b"late"))
        thread.start()
        self.assertEqual(self.root.read(reading, 10), b"late")
        thread.join()


class Attributes(Case):
    def test_stat__every_member(self):
        fd = self.user.open("/f", os.O_WRONLY | os.O_CREAT, 0o666)
        self.user.write(fd, b"x" * 5000)
        self.user.close(fd)
        result = self.user.stat("/f")
        self.assertEqual(result.st_mode, stat.S_IFREG | 0o644)
        self.assertEqual((result.st_uid, result.st_gid), (1000, 1000))
        self.assertEqual((result.st_size, result.st_nlink), (5000, 1))
        self.assertGreaterEqual(result.st_blocks * 512, 5000)
        self.assertGreater(result.st_ino, 0)
        self.assertGreater(result.st_mtime_ns, 10**18)

    def test_utime__to_the_nanosecond(self):
        self.root.mkdir("/d")
        self.root.utime("/d", ns=(1_234_567_890_123_456_789, -1))
        result = self.root.stat("/d")
        self.assertEqual(result.st_atime_ns, 1_234_567_890_123_456_789)
        self.assertEqual(result.st_mtime_ns, -1)

    def test_chmod_chown__and_who_may(self):
        self.root.mkdir("/d", 0o755)
        self.root.chmod("/d", 0o2750)
        self.assertEqual(self.root.stat("/d").st_mode & 0o7777, 0o2750)
        self.root.chown("/d", 1000, 200)
        self.user.chmod("/d", 0o700)
        self.fails(errno.EPERM, self.user.chown, "/d", 0, -1)
        self.user.chown("/d", -1, 100)
        self.assertEqual(self.root.stat("/d").st_gid, 100)

    def test_umask__is_the_tasks(self):
        self.assertEqual(self.user.umask(0o077), 0o022)
        self.user.mkdir("/mine")
        self.root.mkdir("/theirs")
        self.assertEqual(self.root.stat("/mine").st_mode & 0o777, 0o700)
        self.assertEqual(self.root.stat("/theirs").st_mode & 0o777, 0o755)

    def test_xattr__round_trip(self):
        self.root.file("/f", "w").close()
        self.root.setxattr("/f", "user.a", b"\0\1")
        self.root.setxattr("/f", "user.empty", b"")
        self.assertEqual(self.root.getxattr("/f", "user.a"), b"\0\1")
        self.assertEqual(self.root.getxattr("/f", "user.empty"), b"")
        self.assertEqual(sorted(self.root.listxattr("/f")),
                         ["user.a", "user.empty"])
        self.fails(errno.EEXIST, self.root.setxattr, "/f", "user.a", b"",
                   os.XATTR_CREATE)
        self.root.removexattr("/f", "user.a")
        self.fails(errno.ENODATA, self.root.getxattr, "/f", "user.a")
        self.fails(errno.EOPNOTSUPP, self.root.setxattr, "/f", "no.a", b"")

    def test_statvfs__counts(self):
        with vfs.VFS(options="size=1m,nr_inodes=10") as small:
            task = small.task()
            before = task.statvfs("/")
            self.assertEqual(before["blocks"] * before["bsize"], 1 << 20)
            self.assertEqual(before["files"], 10)
            task.mkdir("/d")
            self.assertEqual(task.statvfs("/")["ffree"], before["ffree"] - 1)
            fd = task.open("/f", os.O_WRONLY | os.O_CREAT)
            self.assertEqual(task.write(fd, b"x" * (2 << 20)), 1 << 20)
            self.fails(errno.ENOSPC, task.write, fd, b"x")
            task.close(fd)
            task.unlink("/f")
            self.assertEqual(task.statvfs("/")["bfree"], before["bfree"])


class Names(Case):
    def test_listdir__what_was_made(self):
        names = [f"file-{i}" for i in range(500)] + ["n\u00e4me", "a b"]
        self.root.mkdir("/d")
        for name in names:
            self.root.file("/d/" + name, "w").close()
        self.root.mkdir("/d/sub")
        self.root.symlink("/nowhere", "/d/link")
        self.assertEqual(sorted(self.root.listdir("/d")),
                         sorted([*names, "sub", "link"]))
        types = {entry.name: entry.type for entry in self.root.scandir("/d")}
        self.assertEqual(types["sub"], stat.S_IFDIR >> 12)
        self.assertEqual(types["link"], stat.S_IFLNK >> 12)
        self.assertEqual(types["a b"], stat.S_IFREG >> 12)
        inodes = {entry.name: entry.ino for entry in self.root.scandir("/d")}
        self.assertEqual(inodes["sub"], self.root.stat("/d/sub").st_ino)

    def test_walk__the_whole_tree(self):
        self.root.makedirs("/a/b/c")
        self.root.file("/a/b/f", "w").close()
        self.assertEqual(list(self.root.walk("/a")), [
            ("/a", ["b"], []), ("/a/b", ["c"], ["f"]), ("/a/b/c", [], [])])

    def test_links__hard_and_symbolic(self):
        self.root.file("/f", "w").close()
        self.root.link("/f", "/g")
        self.assertEqual(self.root.stat("/g").st_nlink, 2)
        self.root.symlink("f", "/s")
        self.assertEqual(self.root.readlink("/s"), "f")
        self.assertEqual(self.root.stat("/s").st_ino,
                         self.root.stat("/f").st_ino)
        self.assertTrue(stat.S_ISLNK(self.root.lstat("/s").st_mode))
        self.root.unlink("/f")
        self.assertFalse(self.root.exists("/s"))
        self.assertEqual(self.root.stat("/g").st_nlink, 1)

    def test_rename__and_flags(self):
        self.root.mkdir("/a")
        self.root.mkdir("/b")
        self.root.mkdir("/a/inside")
        self.fails(errno.EEXIST, self.root.rename, "/a", "/b", 1)
        self.root.rename("/a", "/b", 2)
        self.assertEqual(self.root.listdir("/b"), ["inside"])
        self.fails(errno.EINVAL, self.root.rename, "/b", "/b/inside/c")
        self.root.rename("/a", "/c")
        self.assertEqual(sorted(self.root.listdir("/")), ["b", "c"])

    def test_cwd__moves_with_chdir(self):
        self.root.makedirs("/x/y")
        self.root.chdir("/x")
        self.root.mkdir("z")
        self.root.chdir("y")
        self.assertEqual(self.root.getcwd(), "/x/y")
        self.assertEqual(self.root.realpath("../z"), "/x/z")
        self.assertEqual(self.user.getcwd(), "/")

    def test_special__fifo_and_device(self):
        self.root.mkfifo("/p", 0o600)
        self.root.mknod("/null", stat.S_IFCHR | 0o666, os.makedev(1, 3))
        self.assertTrue(stat.S_ISFIFO(self.root.stat("/p").st_mode))
        self.assertEqual(self.root.stat("/null").st_rdev, os.makedev(1, 3))
        self.fails(errno.EPERM, self.user.mknod, "/sda",
                   stat.S_IFBLK | 0o600, os.makedev(8, 0))


class Mounts(Case):
    def setUp(self):
        super().setUp()
        self.host = tempfile.TemporaryDirectory()
        self.root.mkdir("/m")

    def tearDown(self):
        super().tearDown()
        self.host.cleanup()

    def test_mount__and_umount(self):
        self.root.mount("small", "/m", "tmpfs", options="size=64k")
        self.assertEqual(self.root.statvfs("/m")["blocks"], 16)
        self.fails(errno.EPERM, self.user.umount, "/m")
        self.root.umount("/m")
        self.fails(errno.EINVAL, self.root.umount, "/m")
        self.fails(errno.ENODEV, self.root.mount, "x", "/m", "nosuchfs")

    def test_mount_host__shows_a_directory(self):
        with open(os.path.join(self.host.name, "f"), "w") as file:
            file.write("outside")
        self.root.mount_host(self.host.name, "/m")
        with self.root.file("/m/f") as file:
            self.assertEqual(file.read(), "outside")
        self.fails(errno.ENOENT, self.root.mount_host, "/no/such", "/m")

    def test_fault__makes_the_host_fail(self):
        asked, broken = set(), {}

        def fault(call):
            asked.add(call)
            return broken.get(call)

        with vfs.VFS(fault=fault) as fs, fs.task() as task:
            task.mkdir("/m")
            task.mount_host(self.host.name, "/m")
            fd = task.open("/m/f", os.O_RDWR | os.O_CREAT)
            broken["fsync"] = errno.EIO
            self.fails(errno.EIO, task.fsync, fd)
            broken.clear()
            task.fsync(fd)
            broken["pwrite"] = -errno.ENOSPC
            self.fails(errno.ENOSPC, task.write, fd, b"x")
            self.assertEqual(task.stat(fd).st_size, 0)
            self.assertIn("openat2", asked)

    def test_callbacks__live_as_long_as_a_task(self):
        lines = []
        task = vfs.VFS(log=lambda level, line: lines.append(line)).task()
        gc.collect()
        task.mkdir("/m")
        self.fails(errno.EINVAL, task.mount, "x", "/m", "tmpfs", 0, "colour=red")
        self.assertTrue(any("colour" in line for line in lines), lines)
        task.close_task()


class Errors(Case):
    def test_errors__become_pythons_own(self):
        with self.assertRaises(FileNotFoundError) as caught:
            self.root.stat("/nope")
        self.assertEqual(caught.exception.filename, "/nope")
        self.assertEqual(caught.exception.strerror,
                         os.strerror(errno.ENOENT))
        self.root.mkdir("/d", 0o700)
        with self.assertRaises(PermissionError):
            self.user.listdir("/d")
        with self.assertRaises(FileExistsError):
            self.root.mkdir("/d")
        with self.assertRaises(IsADirectoryError):
            self.root.open("/d", os.O_WRONLY)
        with self.assertRaises(NotADirectoryError):
            self.root.file("/f", "w").close()
            self.root.stat("/f/x")
        self.fails(errno.ENOTEMPTY, self._rmdir_full)
        self.fails(errno.ENAMETOOLONG, self.root.stat, "/" + "n" * 256)

    def _rmdir_full(self):
        self.root.mkdir("/d/full")
        self.root.rmdir("/d")

    def test_messages__those_of_the_c_library(self):
        for number in errno.errorcode:
            self.assertEqual(vfs.strerror(-number), os.strerror(number))
            name = vfs.calls.vfs_errno_name(-number).decode()
            self.assertEqual(getattr(errno, name), number)

    def test_null__is_an_error_code(self):
        calls = vfs.calls
        self.assertEqual(calls.vfs_open(None, b"/", 0, 0), -errno.EFAULT)
        self.assertEqual(calls.vfs_stat(self.root._handle, None, None),
                         -errno.EFAULT)
        self.assertEqual(calls.vfs_create(None, None), -errno.EFAULT)
        calls.vfs_unref(None)
        calls.vfs_task_unref(None)
        calls.vfs_cred_unref(None)

    def test_options__refused_with_a_word_to_the_log(self):
        lines = []
        with self.assertRaises(OSError) as caught:
            vfs.VFS(options="size=1m,colour=red",
                    log=lambda level, line: lines.append(line))
        self.assertEqual(caught.exception.errno, errno.EINVAL)
        self.assertTrue(any("colour" in line for line in lines), lines)
        with self.assertRaises(OSError) as caught:
            vfs.VFS(type="nosuchfs")
        self.assertEqual(caught.exception.errno, errno.ENODEV)

    def test_config__a_larger_one_needs_a_zero_tail(self):
        larger = type("Larger", (ctypes.Structure,), {"_fields_": [
            ("config", vfs.structs["vfs_config"]), ("tail", ctypes.c_uint64)]})
        handle = ctypes.POINTER(vfs.structs["vfs"])()
        value = larger()
        value.config.size = ctypes.sizeof(value)
        pointer = ctypes.cast(ctypes.pointer(value),
                              ctypes.POINTER(vfs.structs["vfs_config"]))
        value.tail = 1
        self.assertEqual(vfs.calls.vfs_create(pointer, ctypes.byref(handle)),
                         -errno.E2BIG)
        self.assertFalse(handle)
        value.tail = 0
        self.assertEqual(vfs.calls.vfs_create(pointer, ctypes.byref(handle)),
                         0)
        vfs.calls.vfs_unref(handle)


class Instances(Case):
    def test_instances__share_nothing(self):
        with vfs.VFS() as other:
            other.task().mkdir("/only-there")
            self.assertEqual(self.root.listdir("/"), [])
            cred = other._cred(0, 0, (), None)
            self.assertEqual(
                vfs.calls.vfs_task_set_cred(self.root._handle, cred),
                -errno.EINVAL)
            vfs.calls.vfs_cred_unref(cred)

    def test_version__is_the_headers(self):
        constants = vfs.constants
        self.assertEqual(vfs.calls.vfs_version(),
                         constants["VFS_VERSION_MAJOR"] * 10000 +
                         constants["VFS_VERSION_MINOR"] * 100 +
                         constants["VFS_VERSION_PATCH"])

    def test_threads__one_task_many_threads(self):
        failures = []

        def work(number):
            try:
                for i in range(100):
                    path = f"/t{number}-{i}"
                    self.root.file(path, "w").close()
                    if i % 2:
                        self.root.unlink(path)
            except OSError as error:
                failures.append(error)

        threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(failures, [])
        self.assertEqual(len(self.root.listdir("/")), 200)


unittest.main(argv=sys.argv[:1])
