/* SPDX-License-Identifier: MIT */
/* The kernel's calls on open files. */
#define _GNU_SOURCE
#include "kernel_calls.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "ktask.h"

#ifndef SYS_fchmodat2
#define SYS_fchmodat2 452
#endif

#define P(pointer) (long)(pointer)
#define CALL(name, ...)                              \
	ktask_call((struct ktask *)task, SYS_##name, \
		   (const long[6]){__VA_ARGS__})

int kernel_open(struct vfs_task *task, const char *path, int flags,
		uint32_t mode)
{
	return (int)CALL(openat, AT_FDCWD, P(path), flags, mode);
}

int kernel_openat(struct vfs_task *task, int dirfd, const char *path, int flags,
		  uint32_t mode)
{
	return (int)CALL(openat, dirfd, P(path), flags, mode);
}

/* A rename or mount anywhere in the system, at the same time, makes a scoped
 * `..` fail with EAGAIN: then again. */
int kernel_openat2(struct vfs_task *task, int dirfd, const char *path,
		   const struct vfs_open_how *how, size_t size)
{
	int result = -EAGAIN;

	for (int i = 0; i < 1000 && result == -EAGAIN; i++) {
		result = (int)CALL(openat2, dirfd, P(path), P(how), (long)size);
		if (how && (how->resolve & RESOLVE_CACHED))
			break;
	}
	return result;
}

int kernel_creat(struct vfs_task *task, const char *path, uint32_t mode)
{
	return (int)CALL(openat, AT_FDCWD, P(path),
			 O_CREAT | O_WRONLY | O_TRUNC, mode);
}

int kernel_close(struct vfs_task *task, int fd)
{
	return (int)CALL(close, fd);
}

int kernel_dup(struct vfs_task *task, int fd)
{
	return (int)CALL(dup, fd);
}

int kernel_dup3(struct vfs_task *task, int oldfd, int newfd, int flags)
{
	return (int)CALL(dup3, oldfd, newfd, flags);
}

int kernel_fcntl(struct vfs_task *task, int fd, int cmd, int64_t arg)
{
	return (int)CALL(fcntl, fd, cmd, arg);
}

int kernel_ioctl(struct vfs_task *task, int fd, uint64_t request, void *arg)
{
	return (int)CALL(ioctl, fd, (long)request, P(arg));
}

int64_t kernel_read(struct vfs_task *task, int fd, void *buffer, size_t count)
{
	return CALL(read, fd, P(buffer), (long)count);
}

int64_t kernel_write(struct vfs_task *task, int fd, const void *buffer,
		     size_t count)
{
	return CALL(write, fd, P(buffer), (long)count);
}

int64_t kernel_pread(struct vfs_task *task, int fd, void *buffer, size_t count,
		     int64_t offset)
{
	return CALL(pread64, fd, P(buffer), (long)count, offset);
}

int64_t kernel_pwrite(struct vfs_task *task, int fd, const void *buffer,
		      size_t count, int64_t offset)
{
	return CALL(pwrite64, fd, P(buffer), (long)count, offset);
}

int64_t kernel_readv(struct vfs_task *task, int fd, const struct vfs_iovec *iov,
		     int iovcnt)
{
	return CALL(readv, fd, P(iov), iovcnt);
}

int64_t kernel_writev(struct vfs_task *task, int fd,
		      const struct vfs_iovec *iov, int iovcnt)
{
	return CALL(writev, fd, P(iov), iovcnt);
}

int64_t kernel_preadv(struct vfs_task *task, int fd,
		      const struct vfs_iovec *iov, int iovcnt, int64_t offset)
{
	return CALL(preadv, fd, P(iov), iovcnt, offset);
}

int64_t kernel_pwritev(struct vfs_task *task, int fd,
		       const struct vfs_iovec *iov, int iovcnt, int64_t offset)
{
	return CALL(pwritev, fd, P(iov), iovcnt, offset);
}

int64_t kernel_preadv2(struct vfs_task *task, int fd,
		       const struct vfs_iovec *iov, int iovcnt, int64_t offset,
		       int flags)
{
	return CALL(preadv2, fd, P(iov), iovcnt, offset, 0, flags);
}

int64_t kernel_pwritev2(struct vfs_task *task, int fd,
			const struct vfs_iovec *iov, int iovcnt, int64_t offset,
			int flags)
{
	return CALL(pwritev2, fd, P(iov), iovcnt, offset, 0, flags);
}

int64_t kernel_lseek(struct vfs_task *task, int fd, int64_t offset, int whence)
{
	return CALL(lseek, fd, offset, whence);
}

int kernel_truncate(struct vfs_task *task, const char *path, int64_t length)
{
	return (int)CALL(truncate, P(path), length);
}

int kernel_ftruncate(struct vfs_task *task, int fd, int64_t length)
{
	return (int)CALL(ftruncate, fd, length);
}

int kernel_fallocate(struct vfs_task *task, int fd, int mode, int64_t offset,
		     int64_t length)
{
	return (int)CALL(fallocate, fd, mode, offset, length);
}

int kernel_fsync(struct vfs_task *task, int fd)
{
	return (int)CALL(fsync, fd);
}

int kernel_fdatasync(struct vfs_task *task, int fd)
{
	return (int)CALL(fdatasync, fd);
}

int kernel_syncfs(struct vfs_task *task, int fd)
{
	return (int)CALL(syncfs, fd);
}

int64_t kernel_copy_file_range(struct vfs_task *task, int fd_in,
			       int64_t *off_in, int fd_out, int64_t *off_out,
			       size_t len, uint32_t flags)
{
	return CALL(copy_file_range, fd_in, P(off_in), fd_out, P(off_out),
		    (long)len, flags);
}

int64_t kernel_sendfile(struct vfs_task *task, int out_fd, int in_fd,
			int64_t *offset, size_t count)
{
	return CALL(sendfile, out_fd, in_fd, P(offset), (long)count);
}

int kernel_fadvise(struct vfs_task *task, int fd, int64_t offset,
		   int64_t length, int advice)
{
	return (int)CALL(fadvise64, fd, offset, length, advice);
}

int kernel_pipe(struct vfs_task *task, int fds[2])
{
	return (int)CALL(pipe2, P(fds), 0);
}

int kernel_pipe2(struct vfs_task *task, int fds[2], int flags)
{
	return (int)CALL(pipe2, P(fds), flags);
}

int kernel_flock(struct vfs_task *task, int fd, int operation)
{
	return (int)CALL(flock, fd, operation);
}

int64_t kernel_getdents(struct vfs_task *task, int fd, void *buffer,
			size_t size)
{
	return CALL(getdents64, fd, P(buffer), (long)size);
}

int kernel_inotify_init(struct vfs_task *task)
{
	return (int)CALL(inotify_init1, 0);
}

int kernel_inotify_init1(struct vfs_task *task, int flags)
{
	return (int)CALL(inotify_init1, flags);
}

int kernel_inotify_add_watch(struct vfs_task *task, int fd, const char *path,
			     uint32_t mask)
{
	return (int)CALL(inotify_add_watch, fd, P(path), mask);
}

int kernel_inotify_rm_watch(struct vfs_task *task, int fd, int wd)
{
	return (int)CALL(inotify_rm_watch, fd, wd);
}
