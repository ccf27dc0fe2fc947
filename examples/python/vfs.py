# SPDX-License-Identifier: MIT
"""A Python binding of libvfs, made when it is imported from the C headers.

    from vfs import VFS
    with VFS(options="size=64m") as fs, fs.task() as root:
        root.mkdir("/home")
        with root.file("/home/note", "w") as note:
            note.write("hello\\n")
        alice = fs.task(uid=1000, gid=1000)
        alice.unlink("/home/note")      # raises PermissionError

Every method is named after the os function that it is like, takes the same
flags and constants (os.O_CREAT, stat.S_IFIFO, ...) and raises OSError with
errno set. Calls that wait release Python's lock, as everything in ctypes does.

Where the headers and the library are: $VFS_INCLUDE and $VFS_LIBRARY, else
pkg-config, else /usr/include and the loader's own search.
"""

import ctypes
import ctypes.util
import errno
import io
import os
import stat as stat_module
import subprocess
from typing import NamedTuple

import cbinding
from rawfile import RawFile

AT_FDCWD = -100
AT_SYMLINK_NOFOLLOW = 0x100
PATH_MAX = 4096


def _pkg_config(argument):
    try:
        result = subprocess.run(["pkg-config", argument, "vfs"], check=True,
                                capture_output=True, text=True)
    except (OSError, subprocess.CalledProcessError):
        return ""
    return result.stdout.strip()


def _include_directories():
    if "VFS_INCLUDE" in os.environ:
        return os.environ["VFS_INCLUDE"].split(":")
    found = _pkg_config("--variable=includedir")
    return [found] if found else ["/usr/local/include", "/usr/include"]


def _library_path():
    if "VFS_LIBRARY" in os.environ:
        return os.environ["VFS_LIBRARY"]
    directory = _pkg_config("--variable=libdir")
    path = os.path.join(directory, "libvfs.so")
    if directory and os.path.exists(path):
        return path
    found = ctypes.util.find_library("vfs")
    if not found:
        raise ImportError("libvfs is not found; set VFS_LIBRARY")
    return found


binding = cbinding.load("vfs/vfs.h", _include_directories(), _library_path())
calls = binding.calls
structs = binding.structs
constants = binding.constants

CAP_ALL = constants["VFS_CAP_ALL"]


def _encode(path):
    """Bytes for a path or a name; C's strings cannot hold a NUL."""
    encoded = os.fsencode(path)
    if b"\0" in encoded:
        raise ValueError("embedded null byte")
    return encoded


def strerror(error):
    return calls.vfs_strerror(error).decode()


def _check(result, *paths):
    """The result of a call, or the OSError that it means."""
    if result >= 0:
        return result
    names = [path for path in paths if path is not None]
    if len(names) > 1:
        raise OSError(-result, strerror(result), names[0], None, names[1])
    raise OSError(-result, strerror(result), *names)


class StatResult(NamedTuple):
    """struct vfs_stat; the times also as nanoseconds, as os.stat has them."""

    st_mode: int
    st_ino: int
    st_dev: int
    st_nlink: int
    st_uid: int
    st_gid: int
    st_size: int
    st_blocks: int
    st_blksize: int
    st_rdev: int
    st_atime_ns: int
    st_mtime_ns: int
    st_ctime_ns: int
    st_birthtime_ns: int


def _nanoseconds(time):
    return time.sec * 1_000_000_000 + time.nsec


def _stat_result(raw):
    return StatResult(
        raw.mode, raw.ino, raw.dev, raw.nlink, raw.uid, raw.gid, raw.size,
        raw.blocks, raw.blksize, raw.rdev, _nanoseconds(raw.atime),
        _nanoseconds(raw.mtime), _nanoseconds(raw.ctime),
        _nanoseconds(raw.btime))


class DirEntry(NamedTuple):
    name: str
    ino: int
    type: int  # DT_*

    def is_dir(self):
        return self.type == stat_module.S_IFDIR >> 12


class VFS:
    """One instance. type, source and options configure the root's mount.

    log(level, line) is told what an errno cannot say, such as which option is
    refused. fault(call) is asked before each call of the host that a hostfs
    makes, by that call's name: an errno makes it fail, 0 does not. Neither may
    use the instance.
    """

    def __init__(self, type=None, source=None, options=None, log=None,
                 fault=None):
        config = structs["vfs_config"]()
        config.size = ctypes.sizeof(config)
        config.root_type = _encode(type) if type else None
        config.root_source = _encode(source) if source else None
        config.root_options = _encode(options) if options else None
        self._handle = ctypes.POINTER(structs["vfs"])()
        # C holds no references on them: the tasks do, which keep the instance.
        self._callbacks = []
        if log is not None:
            config.log = self._callback(
                "log", lambda context, level, message:
                log(level, os.fsdecode(message)))
        if fault is not None:
            config.fault = self._callback(
                "fault", lambda context, call: fault(call.decode()) or 0)
        _check(calls.vfs_create(ctypes.byref(config),
                                ctypes.byref(self._handle)))

    def _callback(self, member, function):
        made = dict(structs["vfs_config"]._fields_)[member](function)
        self._callbacks.append(made)
        return made

    def close(self):
        """The instance ends with its last task, or here."""
        handle, self._handle = self._handle, None
        if handle:
            calls.vfs_unref(handle)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def __del__(self):
        if getattr(self, "_handle", None):
            self.close()

    def _cred(self, uid, gid, groups, capabilities):
        if capabilities is None:
            capabilities = CAP_ALL if uid == 0 else 0
        array = (ctypes.c_uint32 * len(groups))(*groups)
        spec = structs["vfs_cred_spec"]()
        spec.size = ctypes.sizeof(spec)
        spec.uid = spec.fsuid = uid
        spec.gid = spec.fsgid = gid
        spec.groups = array
        spec.group_count = len(groups)
        spec.cap_effective = spec.cap_permitted = capabilities
        cred = ctypes.POINTER(structs["vfs_cred"])()
        _check(calls.vfs_cred_create(self._handle, ctypes.byref(spec),
                                     ctypes.byref(cred)))
        return cred

    def task(self, uid=0, gid=0, groups=(), capabilities=None):
        """Somebody who works in the tree. Without capabilities given, uid 0
        has all of them and anybody else none."""
        cred = self._cred(uid, gid, groups, capabilities)
        handle = ctypes.POINTER(structs["vfs_task"])()
        try:
            _check(calls.vfs_task_create(self._handle, cred,
                                         ctypes.byref(handle)))
        finally:
            calls.vfs_cred_unref(cred)
        return Task(handle, self._callbacks)


class Task:
    """A process's view of the tree; its methods are os's functions."""

    def __init__(self, handle, callbacks=()):
        self._handle = handle
        self._callbacks = callbacks

    def close_task(self):
        handle, self._handle = self._handle, None
        if handle:
            calls.vfs_task_unref(handle)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close_task()

    def __del__(self):
        if getattr(self, "_handle", None):
            self.close_task()

    # ---- files ----

    def open(self, path, flags=os.O_RDONLY, mode=0o777, dir_fd=AT_FDCWD):
        return _check(calls.vfs_openat(self._handle, dir_fd, _encode(path),
                                       flags, mode), path)

    def close(self, fd):
        _check(calls.vfs_close(self._handle, fd))

    def file(self, path, mode="r", encoding="utf-8"):
        """Like the built-in open()."""
        plain = mode.replace("b", "").replace("t", "")
        flags = {
            "r": os.O_RDONLY, "r+": os.O_RDWR,
            "w": os.O_WRONLY | os.O_CREAT | os.O_TRUNC,
            "w+": os.O_RDWR | os.O_CREAT | os.O_TRUNC,
            "a": os.O_WRONLY | os.O_CREAT | os.O_APPEND,
            "a+": os.O_RDWR | os.O_CREAT | os.O_APPEND,
            "x": os.O_WRONLY | os.O_CREAT | os.O_EXCL,
            "x+": os.O_RDWR | os.O_CREAT | os.O_EXCL,
        }.get(plain)
        if flags is None:
            raise ValueError(f"invalid mode: {mode!r}")
        raw = RawFile(self, self.open(path, flags, 0o666), flags)
        if flags & os.O_APPEND and raw.seekable():
            raw.seek(0, os.SEEK_END)
        if flags & os.O_ACCMODE == os.O_RDWR:
            buffered = io.BufferedRandom(raw)
        elif flags & os.O_ACCMODE == os.O_WRONLY:
            buffered = io.BufferedWriter(raw)
        else:
            buffered = io.BufferedReader(raw)
        if "b" in mode:
            return buffered
        return io.TextIOWrapper(buffered, encoding)

    def read(self, fd, size):
        buffer = ctypes.create_string_buffer(size)
        count = _check(calls.vfs_read(self._handle, fd, buffer, size))
        return buffer.raw[:count]

    def write(self, fd, data):
        data = bytes(data)
        return _check(calls.vfs_write(self._handle, fd, data, len(data)))

    def pread(self, fd, size, offset):
        buffer = ctypes.create_string_buffer(size)
        count = _check(calls.vfs_pread(self._handle, fd, buffer, size, offset))
        return buffer.raw[:count]

    def pwrite(self, fd, data, offset):
        data = bytes(data)
        return _check(calls.vfs_pwrite(self._handle, fd, data, len(data),
                                       offset))

    def lseek(self, fd, offset, whence=os.SEEK_SET):
        return _check(calls.vfs_lseek(self._handle, fd, offset, whence))

    def truncate(self, path, length):
        if isinstance(path, int):
            _check(calls.vfs_ftruncate(self._handle, path, length))
        else:
            _check(calls.vfs_truncate(self._handle, _encode(path), length),
                   path)

    def fsync(self, fd):
        _check(calls.vfs_fsync(self._handle, fd))

    def dup(self, fd):
        return _check(calls.vfs_dup(self._handle, fd))

    def pipe(self, flags=os.O_CLOEXEC):
        fds = (ctypes.c_int * 2)()
        _check(calls.vfs_pipe2(self._handle, fds, flags))
        return fds[0], fds[1]

    # ---- attributes ----

    def stat(self, path, follow_symlinks=True):
        raw = structs["vfs_stat"]()
        if isinstance(path, int):
            _check(calls.vfs_fstat(self._handle, path, ctypes.byref(raw)))
        else:
            call = calls.vfs_stat if follow_symlinks else calls.vfs_lstat
            _check(call(self._handle, _encode(path), ctypes.byref(raw)), path)
        return _stat_result(raw)

    def lstat(self, path):
        return self.stat(path, follow_symlinks=False)

    def exists(self, path):
        try:
            self.stat(path)
        except OSError as error:
            if error.errno in (errno.ENOENT, errno.ENOTDIR):
                return False
            raise
        return True

    def statvfs(self, path):
        raw = structs["vfs_statfs"]()
        _check(calls.vfs_statfs(self._handle, _encode(path),
                                ctypes.byref(raw)), path)
        return {name: getattr(raw, name) for name, _ in raw._fields_}

    def access(self, path, mode):
        return calls.vfs_access(self._handle, _encode(path), mode) == 0

    def chmod(self, path, mode):
        _check(calls.vfs_chmod(self._handle, _encode(path), mode), path)

    def chown(self, path, uid, gid, follow_symlinks=True):
        call = calls.vfs_chown if follow_symlinks else calls.vfs_lchown
        _check(call(self._handle, _encode(path), uid & 0xffffffff,
                    gid & 0xffffffff), path)

    def utime(self, path, ns, follow_symlinks=True):
        """ns: (access, modification) in nanoseconds."""
        times = (structs["vfs_timespec"] * 2)()
        for time, value in zip(times, ns):
            time.sec, time.nsec = divmod(value, 1_000_000_000)
        _check(calls.vfs_utimensat(
            self._handle, AT_FDCWD, _encode(path), times,
            0 if follow_symlinks else AT_SYMLINK_NOFOLLOW), path)

    def umask(self, mask):
        return _check(calls.vfs_umask(self._handle, mask))

    def getxattr(self, path, name):
        return self._sized(calls.vfs_getxattr, path, _encode(path),
                           _encode(name))

    def setxattr(self, path, name, value, flags=0):
        _check(calls.vfs_setxattr(self._handle, _encode(path), _encode(name),
                                  value, len(value), flags), path)

    def listxattr(self, path):
        names = self._sized(calls.vfs_listxattr, path, _encode(path))
        return [os.fsdecode(name) for name in names.split(b"\0")[:-1]]

    def removexattr(self, path, name):
        _check(calls.vfs_removexattr(self._handle, _encode(path),
                                     _encode(name)), path)

    def _sized(self, call, path, *arguments):
        """A call that tells the size first; again when it has grown."""
        while True:
            size = _check(call(self._handle, *arguments, None, 0), path)
            buffer = ctypes.create_string_buffer(size + 1)
            count = call(self._handle, *arguments, buffer, size)
            if count != -errno.ERANGE:
                return buffer.raw[:min(_check(count, path), size)]

    # ---- names ----

    def scandir(self, path="."):
        """DirEntry's in the directory's own order, without `.` and `..`."""
        handle = ctypes.POINTER(structs["vfs_dir"])()
        _check(calls.vfs_opendir(self._handle, _encode(path),
                                 ctypes.byref(handle)), path)
        entry = ctypes.POINTER(structs["vfs_dirent"])()
        try:
            while _check(calls.vfs_readdir(handle, ctypes.byref(entry)), path):
                raw = entry.contents
                if raw.name not in (b".", b".."):
                    yield DirEntry(os.fsdecode(raw.name), raw.ino, raw.type)
        finally:
            calls.vfs_closedir(handle)

    def listdir(self, path="."):
        return [entry.name for entry in self.scandir(path)]

    def walk(self, top):
        """(directory, directories, others), as os.walk."""
        directories, others = [], []
        for entry in self.scandir(top):
            (directories if entry.is_dir() else others).append(entry.name)
        yield top, directories, others
        for name in directories:
            yield from self.walk(top.rstrip("/") + "/" + name)

    def mkdir(self, path, mode=0o777):
        _check(calls.vfs_mkdir(self._handle, _encode(path), mode), path)

    def makedirs(self, path, mode=0o777, exist_ok=False):
        parent = os.path.dirname(path.rstrip("/"))
        if parent and not self.exists(parent):
            self.makedirs(parent, mode, exist_ok=True)
        try:
            self.mkdir(path, mode)
        except FileExistsError:
            if not exist_ok:
                raise

    def rmdir(self, path):
        _check(calls.vfs_rmdir(self._handle, _encode(path)), path)

    def unlink(self, path):
        _check(calls.vfs_unlink(self._handle, _encode(path)), path)

    def rename(self, source, target, flags=0):
        _check(calls.vfs_renameat2(self._handle, AT_FDCWD, _encode(source),
                                   AT_FDCWD, _encode(target), flags),
               source, target)

    def link(self, source, target):
        _check(calls.vfs_link(self._handle, _encode(source), _encode(target)),
               source, target)

    def symlink(self, target, path):
        _check(calls.vfs_symlink(self._handle, _encode(target),
                                 _encode(path)), target, path)

    def readlink(self, path):
        buffer = ctypes.create_string_buffer(PATH_MAX)
        count = _check(calls.vfs_readlink(self._handle, _encode(path), buffer,
                                          PATH_MAX), path)
        return os.fsdecode(buffer.raw[:count])

    def mkfifo(self, path, mode=0o666):
        _check(calls.vfs_mkfifo(self._handle, _encode(path), mode), path)

    def mknod(self, path, mode=0o600, device=0):
        _check(calls.vfs_mknod(self._handle, _encode(path), mode, device),
               path)

    def chdir(self, path):
        _check(calls.vfs_chdir(self._handle, _encode(path)), path)

    def getcwd(self):
        buffer = ctypes.create_string_buffer(PATH_MAX)
        _check(calls.vfs_getcwd(self._handle, buffer, PATH_MAX))
        return os.fsdecode(buffer.value)

    def realpath(self, path):
        buffer = ctypes.create_string_buffer(PATH_MAX)
        _check(calls.vfs_realpath(self._handle, _encode(path), buffer,
                                  PATH_MAX), path)
        return os.fsdecode(buffer.value)

    # ---- mounts ----

    def mount(self, source, target, type, flags=0, options=None):
        """mount(2); flags are those of <sys/mount.h>."""
        _check(calls.vfs_mount(
            self._handle, _encode(source), _encode(target), _encode(type),
            flags, _encode(options) if options else None), source, target)

    def mount_host(self, directory, target, flags=0, options=None):
        """A directory of the host's in the tree: hostfs."""
        _check(calls.vfs_mount_type(
            self._handle, calls.vfs_builtin_type(b"hostfs"),
            _encode(directory), _encode(target), flags,
            _encode(options) if options else None), directory, target)

    def umount(self, target, flags=0):
        _check(calls.vfs_umount2(self._handle, _encode(target), flags),
               target)
