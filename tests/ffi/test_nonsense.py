#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Calls everything in the headers with nonsense, as a confused binding would:
test_nonsense.py PYTHON_DIRECTORY.

Arguments are drawn by type and name: NULL, descriptors that are not open,
structures of wrong sizes, unknown flags, extreme numbers, and now and then what
is right, so that calls get somewhere. A pointer that is not NULL leads to
memory, and to as much of it as is said; more no library can check. What has to
come back is an answer: no crash, a result that is an errno or none, -EFAULT
where there is no task, and outputs as they were where the answer is an error.

NONSENSE_CALLS and NONSENSE_SEED say how many and which. A child makes the calls;
how it ended, and the call it was in, is told by its parent.
"""

import ctypes
import errno
import os
import random
import sys
import threading

sys.path.insert(0, sys.argv[1])

import vfs  # noqa: E402

CALLS = int(os.environ.get("NONSENSE_CALLS", "40000"))
SEED = int(os.environ.get("NONSENSE_SEED", "1"))
ROOM = 65536
DESCRIPTORS = 12
PATTERN = 0xA5
ERRNOS = {-number for number in errno.errorcode}

# Whoever ends what others of the same world have, or changes this process.
GIVE_BACK = {
    "vfs_unref", "vfs_task_unref", "vfs_cred_unref", "vfs_userns_unref",
    "vfs_closedir", "vfs_endpoint_unref", "vfs_watch_destroy",
    "vfs_bundle_free", "vfs_bundle_spec_free", "vfs_overlay_diff_close",
}
# What a call makes is given back by the other.
MADE = {
    "vfs": "vfs_unref", "vfs_task": "vfs_task_unref",
    "vfs_cred": "vfs_cred_unref", "vfs_userns": "vfs_userns_unref",
    "vfs_dir": "vfs_closedir", "vfs_endpoint": "vfs_endpoint_unref",
    "vfs_watch": "vfs_watch_destroy", "vfs_bundle": "vfs_bundle_free",
    "vfs_bundle_spec": "vfs_bundle_spec_free",
    "vfs_overlay_diff": "vfs_overlay_diff_close",
}
# These return what is still somebody else's.
BORROWED = {"vfs_task_instance", "vfs_bundle_task", "vfs_builtin_type"}
# Outputs and nothing else.
OUTPUTS = {"vfs_stat", "vfs_statfs"}
# As Linux has it, these say something with an error, too: how large a handle has
# to be, and that nothing is ready.
TOLD = {"vfs_name_to_handle_at": -errno.EOVERFLOW, "vfs_poll": -errno.EINTR}
# What is right more often than not.
WORDS = {
    "name": [b"user.a", b"user.b", b"system.posix_acl_access", b"sh"],
    "type": [b"tmpfs", b"proc", b"devtmpfs", b"overlay"],
    "key": [b"size", b"mode", b"source"],
    "path_env": [b"/bin:/d"],
}
NUMBERS = [0, 1, 2, 3, 4, 7, 8, 16, 63, 255, 256, 4095, 4096, 4097, 65535,
           2**31 - 1, 2**31, 2**32 - 1, 2**62, 2**63 - 1, 2**63, 2**64 - 1]
PATHS = [b"", b".", b"..", b"/", b"/f", b"/d", b"/d/g", b"/l", b"/p", b"/none",
         b"/none/x", b"f", b"/f/x", b"/d/../f", b"/loop", b"/" + b"n" * 256,
         b"/" * 4200, b"/m", b"/m/x", b"user.a", b"trusted.", b"tmpfs", b"proc",
         b"overlay", b"size=4k", b"ro", b"source", b"lowerdir=/d:/m", b"\xff"]
# Kept: C holds no references.
EVENT = dict(vfs.structs["vfs_watch_spec"]._fields_)["event"](
    lambda context, event: None)
RELEASE = ctypes.CFUNCTYPE(None, ctypes.c_void_p)(lambda context: None)


class World:
    """An instance with a few of everything."""

    def __init__(self, rnd):
        self.rnd = rnd
        calls = vfs.calls
        self.fs = vfs.VFS(options="size=1m,nr_inodes=200")
        self.tasks = [self.fs.task(), self.fs.task(1000, 1000)]
        root = self.tasks[0]
        root.file("/f", "w").close()
        root.mkdir("/d")
        root.mkdir("/m", 0o777)
        root.file("/d/g", "w").close()
        root.symlink("/f", "/l")
        root.symlink("/loop", "/loop")
        root.mkfifo("/p")
        root.mount("t", "/m", "tmpfs", options="size=64k")
        for path, flags in (("/f", os.O_RDWR), ("/d", os.O_RDONLY),
                            ("/f", os.O_PATH), ("/p", os.O_RDWR)):
            root.open(path, flags)
        root.pipe()
        for fd in (calls.vfs_fsopen(root._handle, b"tmpfs", 0),
                   calls.vfs_inotify_init1(root._handle, os.O_NONBLOCK),
                   calls.vfs_memfd_create(root._handle, b"m", 2),
                   calls.vfs_open_tree(root._handle, -100, b"/m", 1)):
            assert vfs._check(fd) < DESCRIPTORS
        vfs._check(calls.vfs_inotify_add_watch(root._handle, 7, b"/d", 0xfff))
        root.setxattr("/f", "user.a", b"value")
        self.handles = {
            "vfs": [self.fs._handle],
            "vfs_task": [task._handle for task in self.tasks],
            "vfs_userns": [calls.vfs_userns_root(self.fs._handle)],
            "vfs_cred": [calls.vfs_task_cred(self.tasks[1]._handle)],
            "vfs_filesystem_type": [
                calls.vfs_tmpfs_type, calls.vfs_procfs_type,
                calls.vfs_devfs_type, calls.vfs_sysfs_type,
                calls.vfs_overlay_type, calls.vfs_devpts_type],
        }
        self.made = []
        self.make("vfs_dir", "vfs_opendir", root._handle, b"/d")
        self.make("vfs_endpoint", "vfs_endpoint_create", self.fs._handle, None,
                  RELEASE)
        spec = vfs.structs["vfs_watch_spec"]()
        spec.size = ctypes.sizeof(spec)
        spec.event = EVENT
        self.make("vfs_watch", "vfs_watch_create", self.fs._handle,
                  ctypes.byref(spec))

    def make(self, name, call, *arguments):
        handle = ctypes.POINTER(vfs.structs[name])()
        vfs._check(getattr(vfs.calls, call)(*arguments, ctypes.byref(handle)))
        self.handles[name] = [handle]
        self.made.append((name, handle))

    def close(self):
        for name, handle in self.made:
            getattr(vfs.calls, MADE[name])(handle)
        vfs.calls.vfs_cred_unref(self.handles["vfs_cred"][0])
        vfs.calls.vfs_userns_unref(self.handles["vfs_userns"][0])
        for task in self.tasks:
            task.close_task()
        self.fs.close()


class Caller:
    def __init__(self, seed):
        self.rnd = random.Random(seed)
        self.world = World(self.rnd)
        self.lock = threading.Lock()
        self.buffer = ctypes.create_string_buffer(ROOM)

    # ---- drawing ----

    def number(self, bits, signed):
        rnd = self.rnd
        value = rnd.choice((0, 0, 1, rnd.choice(NUMBERS), -1,
                            1 << rnd.randrange(bits), rnd.getrandbits(bits)))
        value &= (1 << bits) - 1
        return value - (1 << bits) if signed and value >> (bits - 1) else value

    def descriptor(self):
        if self.rnd.random() < 0.6:
            return self.rnd.choice((-100, *range(DESCRIPTORS)))
        return self.rnd.choice((-1, -2, 100, 2**20, 2**31 - 1, -2**31))

    def amount(self, step):
        """No more than there is room for, with elements of step bytes."""
        return self.rnd.choice((0, 1, 2, 3, 8, 16, 100, 4096,
                                ROOM)) // max(step, 1)

    def structure(self, name):
        """One of the structure, maybe too small or too large by what it says;
        what is behind it is zeros, or not."""
        rnd = self.rnd
        kind = vfs.structs[name]
        memory = ctypes.create_string_buffer(ROOM)
        made = kind.from_buffer(memory)
        if name in OUTPUTS:
            ctypes.memset(memory, PATTERN, ctypes.sizeof(kind))
        elif rnd.random() < 0.6:
            for member, type_ in kind._fields_:
                self.fill(name, made, member, type_)
        if rnd.random() < 0.1:
            memory[ctypes.sizeof(kind) + rnd.randrange(16)] = b"x"
        if "size" in dict(kind._fields_) and name not in OUTPUTS:
            limit = 2**32 if name == "vfs_mnt_id_req" else 2**64
            made.size = rnd.choice((
                ctypes.sizeof(kind), ctypes.sizeof(kind), 0, 8,
                ctypes.sizeof(kind) + 16, 4096, 4097, limit // 2,
                limit - 1)) % limit
        return made

    def fill(self, name, made, member, type_):
        rnd = self.rnd
        if type_ is ctypes.c_char_p:
            # a bundle's paths are the host's
            setattr(made, member, b"/none" if name.startswith("vfs_bundle")
                    else rnd.choice(PATHS + [None] * len(PATHS)))
        elif member in ("base", "len") and name == "vfs_iovec":
            made.base = ctypes.addressof(self.buffer)
            made.len = self.amount(1)
        elif member == "event":
            made.event = EVENT
        elif member == "root_fd":
            made.root_fd = -1
        elif type_ in (ctypes.c_int16, ctypes.c_uint16, ctypes.c_int32,
                       ctypes.c_uint32, ctypes.c_int64, ctypes.c_uint64):
            bits = 8 * ctypes.sizeof(type_)
            if rnd.random() < 0.5:
                setattr(made, member, self.number(
                    bits, type_(-1).value < 0))

    def pointer(self, function, parameter):
        """What is passed, and the memory that is watched for changes."""
        rnd = self.rnd
        type_ = parameter.type
        if type_.function is not None:
            made = vfs.binding.ctype(type_)
            return made() if rnd.random() < 0.3 else ctypes.cast(RELEASE, made)
        if rnd.random() < 0.08:
            return None
        name = type_.base.removeprefix("struct ")
        if type_.base == "char" and type_.pointers == 1 and type_.const:
            known = WORDS.get(parameter.name)
            return rnd.choice(known if known and rnd.random() < 0.6 else PATHS)
        if name != type_.base and type_.pointers == 2:
            return ctypes.pointer(ctypes.POINTER(vfs.structs[name])())
        if name in self.world.handles:
            return rnd.choice(self.world.handles[name])
        if name != type_.base and vfs.binding.header.structs[name] is None:
            return None
        if name != type_.base:
            return ctypes.pointer(self.structure(name))
        if function.name in ("vfs_mmap", "vfs_munmap", "vfs_msync") and \
                parameter.name == "addr":
            return rnd.choice((None, None, 4096, 1, 2**46, 2**64 - 4096))
        if type_.base == "void" and type_.pointers == 2:
            return ctypes.pointer(ctypes.c_void_p())
        return ctypes.cast(self.buffer, vfs.binding.ctype(type_, True))

    def argument(self, function, parameter, step):
        rnd = self.rnd
        type_ = parameter.type
        if type_.pointers or type_.array is not None or type_.function:
            return self.pointer(function, parameter)
        if parameter.name.endswith("fd") or parameter.name == "wd":
            return self.descriptor()
        if function.name == "vfs_mmap" and parameter.name == "flags":
            # at a fixed place it could be in the place of this program
            return self.number(32, True) & ~0x100010
        if parameter.name in ("flags", "aux", "attributes") and \
                rnd.random() < 0.5:
            return 0
        if parameter.name in ("cmd", "command"):
            return rnd.choice((*range(16), 36, 37, 38, 1024, 1033, -1))
        bits = 8 * ctypes.sizeof(vfs.binding.ctype(type_))
        if function.name == "vfs_umask":
            return 0o22
        if type_.base == "size_t" or parameter.name in (
                "iovcnt", "nfds", "count", "size", "length"):
            if function.name in ("vfs_openat2", "vfs_mount_setattr"):
                return rnd.choice((0, 8, 24, 32, 40, 4096, 4097, 2**64 - 1))
            return self.amount(step)
        return self.number(bits, type_.base.startswith("int"))

    # ---- calling ----

    def call(self, function):
        rnd = self.rnd
        step = max((self.step(p.type) for p in function.parameters), default=1)
        arguments = [self.argument(function, p, step)
                     for p in function.parameters]
        if function.name in GIVE_BACK:
            arguments = [None]
        if function.name == "vfs_import_fd" and arguments[1] >= 0:
            arguments[1] = rnd.choice((-1, 10**6))
        if function.name.startswith("vfs_bundle_"):
            arguments = [b"/none" if isinstance(a, bytes) else a
                         for a in arguments]
        if function.name == "vfs_bundle_parse":
            arguments[1:3] = rnd.choice(((b"", 0), (b"{}", 2), (b"[1]", 3),
                                         (b"\xff\0", 2), (None, 0)))
        os.pwrite(2, f"{function.name}{tuple(arguments)!r}"[:2000]
                  .ljust(2001).encode(), 0)
        before = self.outputs(function, arguments)
        result = getattr(vfs.calls, function.name)(*arguments)
        self.check(function, arguments, result)
        if (isinstance(result, int) and result < 0 and
                function.result.base in ("int", "int64_t") and
                TOLD.get(function.name) != result):
            assert before == self.outputs(function, arguments), \
                f"{function.name}{tuple(arguments)!r}: {result}, and outputs"
        return result

    def outputs(self, function, arguments):
        """What a failure leaves as it is."""
        found = []
        for parameter, argument in zip(function.parameters, arguments):
            type_ = parameter.type
            name = type_.base.removeprefix("struct ")
            if not argument or type_.const or parameter.name == "message":
                continue
            if name == type_.base and type_.pointers == 1 or \
                    type_.array is not None:
                found.append(self.buffer.raw)
            elif type_.pointers and name in vfs.structs and \
                    vfs.binding.header.structs[name] is not None:
                size = ctypes.sizeof(argument.contents)
                found.append(ctypes.string_at(argument, size))
        return found

    @staticmethod
    def step(type_):
        """Bytes of an element of an array that is an argument."""
        if type_.pointers != 1 or type_.base in ("void", "char"):
            return 1
        if type_.base.startswith("struct "):
            struct = vfs.structs[type_.base[7:]]
            return ctypes.sizeof(struct) if hasattr(struct, "_fields_") else 1
        return 8

    def check(self, function, arguments, result):
        where = f"{function.name}{tuple(arguments)!r}: {result}"
        type_ = function.result
        if type_.pointers:
            if result and type_.base.startswith("struct ") and \
                    function.name not in BORROWED:
                getattr(vfs.calls, MADE[type_.base[7:]])(result)
            return
        if type_.base in ("int", "int64_t") and result < 0:
            assert result in ERRNOS, where
        first = function.parameters[0].type if function.parameters else None
        if first and first.base == "struct vfs_task" and not arguments[0] and \
                type_.base in ("int", "int64_t"):
            assert result == -errno.EFAULT, where
        for parameter, argument in zip(function.parameters, arguments):
            self.check_output(parameter, argument, result, where)

    def check_output(self, parameter, argument, result, where):
        name = parameter.type.base.removeprefix("struct ")
        if parameter.type.pointers == 2 and argument and name in MADE:
            if result == 0:
                getattr(vfs.calls, MADE[name])(argument.contents)
            else:
                assert not argument.contents, where

    def run(self, count):
        functions = sorted(vfs.binding.header.functions.values(),
                           key=lambda function: function.name)
        good = set()
        for i in range(count):
            if i % 500 == 499:
                with self.lock:
                    self.world.close()
                    self.world = World(self.rnd)
            function = functions[i % len(functions)] if i < len(functions) \
                else self.rnd.choice(functions)
            result = self.call(function)
            if not isinstance(result, int) or result >= 0:
                good.add(function.name)
        return functions, good

    def wake(self):
        """Who waits for what never comes is woken."""
        with self.lock:
            for task in self.world.tasks:
                vfs.calls.vfs_task_interrupt(task._handle)


def child():
    caller = Caller(SEED)
    stop = threading.Event()

    def wake():
        while not stop.wait(0.002):
            caller.wake()

    waker = threading.Thread(target=wake, daemon=True)
    waker.start()
    functions, good = caller.run(CALLS)
    stop.set()
    waker.join()
    with caller.lock:
        caller.world.close()
    never = [f.name for f in functions if f.name not in good]
    print(f"{CALLS} calls of {len(functions)} functions, of which "
          f"{len(good)} did something; never: {' '.join(never)}", flush=True)
    # nonsense alone would never get behind the first look at the arguments
    return 0 if len(good) > len(functions) // 2 else 1


def main():
    import tempfile
    import traceback

    with tempfile.TemporaryFile() as last:
        pid = os.fork()
        if not pid:
            said = os.dup(2)
            os.dup2(last.fileno(), 2)
            try:
                status = child()
            except BaseException:
                status = 1
                os.write(said, traceback.format_exc().encode())
            os._exit(status)
        _, status = os.waitpid(pid, 0)
        code = os.waitstatus_to_exitcode(status)
        if code:
            print(f"ended with {code} in {os.pread(last.fileno(), 2001, 0).decode(errors='replace').rstrip()}")
        return 1 if code else 0


sys.exit(main())
