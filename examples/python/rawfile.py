# SPDX-License-Identifier: MIT
"""A task's descriptor as a raw file, for Python's own buffering and text."""

import io
import os


class RawFile(io.RawIOBase):
    """Closes the descriptor when it is closed or collected. fd is the task's
    number for it, which is none of the process's: there is no fileno()."""

    def __init__(self, task, fd, flags):
        super().__init__()
        self._task = task
        self.fd = fd
        self._access = flags & os.O_ACCMODE

    def readable(self):
        return self._access != os.O_WRONLY

    def writable(self):
        return self._access != os.O_RDONLY

    def seekable(self):
        try:
            self._task.lseek(self.fd, 0, os.SEEK_CUR)
        except OSError:
            return False
        return True

    def readinto(self, buffer):
        data = self._task.read(self.fd, len(buffer))
        buffer[:len(data)] = data
        return len(data)

    def write(self, data):
        return self._task.write(self.fd, data)

    def seek(self, offset, whence=os.SEEK_SET):
        return self._task.lseek(self.fd, offset, whence)

    def truncate(self, size=None):
        if size is None:
            size = self.tell()
        self._task.truncate(self.fd, size)
        return size

    def close(self):
        if self.closed:
            return
        super().close()
        self._task.close(self.fd)
