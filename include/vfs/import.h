/* SPDX-License-Identifier: MIT */
/*
 * Descriptors of the host behind descriptors of a task: a log file, the ends of
 * pipes, connected sockets, the terminal. A directory is mounted instead.
 */
#ifndef VFS_IMPORT_H
#define VFS_IMPORT_H

#include <vfs/base.h>

#ifdef __cplusplus
extern "C" {
#endif

/* vfs_import_fd: as if it had been opened O_RDONLY, on a read-only mount: also
 * -EROFS for fchmod, fchown, futimens and attributes. */
#define VFS_IMPORT_RDONLY 0x1u
/* The new descriptor is close-on-exec. */
#define VFS_IMPORT_CLOEXEC 0x2u

/*
 * A new descriptor of the task, the lowest free one, for what host_fd is open
 * on: a regular file, a pipe or FIFO, a socket, a terminal or another character
 * device. Access and status flags are those of the host's description
 * (F_GETFL).
 *
 * On success host_fd is the library's: it is marked close-on-exec, and closed
 * with the last reference to the open file; nobody else uses or closes that
 * number any more. On failure it stays the caller's as it was. Who wants to
 * keep it imports a dup(2) of it.
 *
 * - A regular file has a position of its own, which begins where the host's
 *   description stands and leaves that alone. Reading, writing, sizes, holes,
 *   mappings, fsync, owner, mode, times and user.* attributes go to the host.
 *   Record locks are the instance's: the host does not see them, and two
 *   imports are two files to them. O_APPEND may be set and cleared
 *   (-EOPNOTSUPP for writes before Linux 6.9, when the host's description has
 *   it and the descriptor no more).
 * - Everything else is asked of the host, in pieces that do not wait, so that
 *   the descriptor's O_NONBLOCK and vfs_task_interrupt are heeded; O_NONBLOCK
 *   of the host's description, which others may share, is neither needed nor
 *   changed. For a terminal or FIFO a second description is opened for that, by
 *   the host's /proc; where that is refused, another reader of the same
 *   description can make a read wait that cannot be interrupted.
 * - No signal is sent for -EPIPE, nor for -EFBIG beyond an RLIMIT_FSIZE that
 *   the process has when the descriptor is imported. A call that has to wait is
 * -ENOMEM when the process has no descriptor left to be woken by.
 * - If the task has a descriptor already for the same terminal (device and
 *   inode) with the same access and VFS_IMPORT_RDONLY or not, the new one is
 *   for the same open file, as by vfs_dup, and host_fd is closed at once: so
 *   0, 1 and 2 share their flags, as a shell's do.
 * - A terminal answers isatty, window size, termios, foreground process group
 *   and the like by vfs_ioctl. What would change whose controlling terminal it
 *   is, put input into it, change its line discipline or give out another
 *   descriptor is -EPERM: TIOCSCTTY, TIOCNOTTY, TIOCSTI, TIOCSETD, TIOCCONS,
 *   TIOCLINUX, TIOCVHANGUP, TIOCGPTPEER; so are breaks, modem lines, and the
 *   characters of TCIOFF and TCION, with VFS_IMPORT_RDONLY. A pipe and a
 *   socket answer FIONREAD. Nobody makes a pipe larger than 1 MiB (-EPERM),
 *   whatever the process may. Any other request is -ENOTTY and does not reach
 *   the host.
 *
 * The library asks the host with the rights of the process; what a task may do
 * is asked by its credentials and the file's owner and mode, as for any file.
 * A task that is privileged in the instance may change the owner, mode and
 * attributes of whatever is not imported with VFS_IMPORT_RDONLY.
 *
 * Attributes are the host's, ids as numbers of the instance's root user
 * namespace; st_dev is a number of the instance's own for each device of the
 * host. vfs_fstatfs tells of the host's file system. /proc/self/fd/N shows
 * "pipe:[INO]", "socket:[INO]", "file:[INO]", or a device by the host's name;
 * opening it opens the file again on the host, for nothing that the descriptor
 * is not open for (-EACCES; -ENXIO a socket, a FIFO without a reader, or the
 * host has no /proc).
 *
 * Returns the descriptor or: -EFAULT task is NULL; -EINVAL an unknown flag;
 * -EBADF host_fd is not open or is O_PATH, or is not open for reading and
 * VFS_IMPORT_RDONLY asks for that; -EISDIR a directory, which is mounted and
 * not imported; -EOPNOTSUPP neither of the above (block devices, epoll,
 * eventfd and their like); -EMFILE the task's RLIMIT_NOFILE; -ENOMEM. Any
 * thread. Since 0.1. See vfs_import(3).
 */
VFS_API int vfs_import_fd(struct vfs_task *task, int host_fd, uint32_t flags);

#ifdef __cplusplus
}
#endif

#endif
