/* SPDX-License-Identifier: MIT */
/*
 * Every call of the host that is made for an imported descriptor
 * (core/hostfile.h), in one place: what fails here is what the host can make
 * fail. Each returns what the call returns, or a negative errno, and leaves
 * the caller's errno alone. None takes a lock; those that may wait say so, and
 * none is called inside a section.
 */
#ifndef VFS__HOSTIO_H
#define VFS__HOSTIO_H

#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>
#include <vfs/base.h>
#include <vfs/stat.h>

/* -- descriptors -- */

/* - F_GETFL. */
int vfs__host_flags(int fd);
int vfs__host_stat(int fd, struct stat *out);
/* - The same file behind a description of its own, by way of /proc. -ENOENT:
 *   there is no /proc, or it is not the host's and leads elsewhere. O_TRUNC,
 *   which would come before that is known, is passed over. */
int vfs__host_reopen(int fd, int flags);
void vfs__host_cloexec(int fd);
void vfs__host_close(int fd);
/* - What the host's /proc calls it: the length, not NUL-terminated. */
int64_t vfs__host_name(int fd, char *out, size_t size);
/* - Whether it is a pipe without a name, which knows RWF_NOWAIT. */
bool vfs__host_is_plain_pipe(int fd);
bool vfs__host_is_terminal(int fd);
bool vfs__host_is_master(int fd);
/* - Of a socket: whether writes are a stream that may be taken up again. */
bool vfs__host_is_stream(int fd);
/* - Milliseconds that a read or write waits at the most; -1: for ever. */
int vfs__host_socket_timeout(int fd, bool write);
/* - The same of a read from a terminal without lines (VMIN, VTIME); *gather:
 *   the terminal waits for more than one byte. */
int vfs__host_terminal_timeout(int fd, bool *gather);

/* -- bytes -- */

#define VFS__HOST_NOWAIT 0x1u	/* -EAGAIN instead of waiting (RWF_NOWAIT) */
#define VFS__HOST_APPEND 0x2u	/* at the end, whatever the description says */
#define VFS__HOST_INPLACE 0x4u	/* at the offset, whatever it says */
#define VFS__HOST_QUIET 0x8u	/* -EPIPE comes without a signal */
#define VFS__HOST_LIMITED 0x10u /* -EFBIG does */

/* - offset -1: at the description's own. -EOPNOTSUPP: a flag is not known. */
int64_t vfs__host_readv(int fd, const struct vfs_iovec *iov, int count,
			int64_t offset, uint32_t flags);
int64_t vfs__host_writev(int fd, const struct vfs_iovec *iov, int count,
			 int64_t offset, uint32_t flags);
/* - The same to a pipe, without a signal where VFS__HOST_QUIET is not known. */
int64_t vfs__host_pipe_writev(int fd, const struct vfs_iovec *iov, int count,
			      uint32_t flags);
/* - Sockets; never wait, never send a signal. */
int64_t vfs__host_receive(int fd, const struct vfs_iovec *iov, int count);
int64_t vfs__host_send(int fd, const struct vfs_iovec *iov, int count);
/* - The POLL* of `wanted` that hold now. */
uint32_t vfs__host_poll(int fd, int16_t wanted);

/* -- regular files -- */

int64_t vfs__host_seek(int fd, int64_t offset, int whence);
/* - Whether RLIMIT_FSIZE is one, beyond which the host sends SIGXFSZ. */
bool vfs__host_is_limited(void);
/* - flags: VFS__HOST_LIMITED or 0. */
int vfs__host_truncate(int fd, int64_t size, uint32_t flags);
int vfs__host_allocate(int fd, int mode, int64_t offset, int64_t length,
		       uint32_t flags);
int vfs__host_sync(int fd, bool datasync);
int vfs__host_syncfs(int fd);
int vfs__host_statfs(int fd, struct vfs_statfs *out);
int vfs__host_chmod(int fd, uint32_t mode);
int vfs__host_chown(int fd, uint32_t uid, uint32_t gid);
/* - NULL: that one stays. */
int vfs__host_utimens(int fd, const struct vfs_timespec *atime,
		      const struct vfs_timespec *mtime);
int64_t vfs__host_getxattr(int fd, const char *name, void *value, size_t size);
int vfs__host_setxattr(int fd, const char *name, const void *value, size_t size,
		       int flags);
int64_t vfs__host_listxattr(int fd, char *list, size_t size);
int vfs__host_removexattr(int fd, const char *name);

/* -- control -- */

int vfs__host_ioctl(int fd, uint64_t request, void *argument);
int vfs__host_fcntl(int fd, int cmd, int64_t argument);

/* -- being woken while the host waits -- */

/* - An eventfd, or an error. */
int vfs__host_event_create(void);
void vfs__host_event_set(int fd);
void vfs__host_event_clear(int fd);
/* - poll(2) until the time on CLOCK_MONOTONIC; deadline_ns < 0: for ever. May
 *   return 0 early. */
int vfs__host_wait(struct pollfd *fds, uint64_t count, int64_t deadline_ns);

#endif
