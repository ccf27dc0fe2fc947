/* SPDX-License-Identifier: MIT */
/*
 * Open files and descriptors. Each function is the Linux call of its name
 * with the task in front: same arguments, same flag values, and on failure
 * the negative errno that Linux would have set. errno is never touched.
 */
#ifndef VFS_FILE_H
#define VFS_FILE_H

#include <vfs/base.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Laid out as the host's struct open_how. */
struct vfs_open_how {
	uint64_t flags;
	uint64_t mode;
	uint64_t resolve;
};

/* Laid out as the host's struct pollfd. */
struct vfs_pollfd {
	int32_t fd;
	int16_t events;
	int16_t revents;
};

VFS_API int vfs_open(struct vfs_task *task, const char *path, int flags,
		     uint32_t mode);
VFS_API int vfs_openat(struct vfs_task *task, int dirfd, const char *path,
		       int flags, uint32_t mode);
VFS_API int vfs_openat2(struct vfs_task *task, int dirfd, const char *path,
			const struct vfs_open_how *how, size_t size);
VFS_API int vfs_creat(struct vfs_task *task, const char *path, uint32_t mode);
VFS_API int vfs_close(struct vfs_task *task, int fd);
VFS_API int vfs_close_range(struct vfs_task *task, uint32_t first,
			    uint32_t last, uint32_t flags);
VFS_API int vfs_dup(struct vfs_task *task, int fd);
VFS_API int vfs_dup2(struct vfs_task *task, int oldfd, int newfd);
VFS_API int vfs_dup3(struct vfs_task *task, int oldfd, int newfd, int flags);
/* Every command whose argument is an integer; the lock commands are
 * vfs_fcntl_lock (<vfs/lock.h>). */
VFS_API int vfs_fcntl(struct vfs_task *task, int fd, int cmd, int64_t arg);
/* arg: what the request takes, an integer cast to a pointer or an address. */
VFS_API int vfs_ioctl(struct vfs_task *task, int fd, uint64_t request,
		      void *arg);

VFS_API int64_t vfs_read(struct vfs_task *task, int fd, void *buffer,
			 size_t count);
VFS_API int64_t vfs_write(struct vfs_task *task, int fd, const void *buffer,
			  size_t count);
VFS_API int64_t vfs_pread(struct vfs_task *task, int fd, void *buffer,
			  size_t count, int64_t offset);
VFS_API int64_t vfs_pwrite(struct vfs_task *task, int fd, const void *buffer,
			   size_t count, int64_t offset);
VFS_API int64_t vfs_readv(struct vfs_task *task, int fd,
			  const struct vfs_iovec *iov, int iovcnt);
VFS_API int64_t vfs_writev(struct vfs_task *task, int fd,
			   const struct vfs_iovec *iov, int iovcnt);
VFS_API int64_t vfs_preadv(struct vfs_task *task, int fd,
			   const struct vfs_iovec *iov, int iovcnt,
			   int64_t offset);
VFS_API int64_t vfs_pwritev(struct vfs_task *task, int fd,
			    const struct vfs_iovec *iov, int iovcnt,
			    int64_t offset);
VFS_API int64_t vfs_preadv2(struct vfs_task *task, int fd,
			    const struct vfs_iovec *iov, int iovcnt,
			    int64_t offset, int flags);
VFS_API int64_t vfs_pwritev2(struct vfs_task *task, int fd,
			     const struct vfs_iovec *iov, int iovcnt,
			     int64_t offset, int flags);
VFS_API int64_t vfs_lseek(struct vfs_task *task, int fd, int64_t offset,
			  int whence);
VFS_API int vfs_truncate(struct vfs_task *task, const char *path,
			 int64_t length);
VFS_API int vfs_ftruncate(struct vfs_task *task, int fd, int64_t length);
VFS_API int vfs_fallocate(struct vfs_task *task, int fd, int mode,
			  int64_t offset, int64_t length);
VFS_API int vfs_fsync(struct vfs_task *task, int fd);
VFS_API int vfs_fdatasync(struct vfs_task *task, int fd);
VFS_API int vfs_syncfs(struct vfs_task *task, int fd);
VFS_API int vfs_sync(struct vfs_task *task);
VFS_API int64_t vfs_copy_file_range(struct vfs_task *task, int fd_in,
				    int64_t *off_in, int fd_out,
				    int64_t *off_out, size_t len,
				    uint32_t flags);
VFS_API int64_t vfs_sendfile(struct vfs_task *task, int out_fd, int in_fd,
			     int64_t *offset, size_t count);
/* posix_fadvise(2). */
VFS_API int vfs_fadvise(struct vfs_task *task, int fd, int64_t offset,
			int64_t length, int advice);

/*
 * A pipe: fds[0] reads what fds[1] writes. Holds 65,536 bytes in pages of
 * 4,096 (F_SETPIPE_SZ changes it); up to 4,096 bytes are written at once or
 * not at all. A write without a reader is -EPIPE; there is no signal. Reads
 * and writes that block return -EINTR, or what they have done, on
 * vfs_task_interrupt. flags: O_CLOEXEC, O_NONBLOCK, O_DIRECT (packets).
 *
 * Returns 0 or: -EFAULT a NULL; -EINVAL another flag; -ENOPKG
 * O_NOTIFICATION_PIPE; -EMFILE no descriptors left; -ENOMEM. fds is untouched
 * on failure. Any thread. Since 0.1. See pipe(2), pipe(7).
 */
VFS_API int vfs_pipe(struct vfs_task *task, int fds[2]);
VFS_API int vfs_pipe2(struct vfs_task *task, int fds[2], int flags);
/*
 * Waits until one of nfds descriptors is ready. timeout: milliseconds, 0 does
 * not wait, negative waits for ever. Files and directories are always ready;
 * pipes and FIFOs when they can be read or written. fds may be NULL when nfds
 * is 0; a negative fd is passed over.
 *
 * Returns how many have revents, 0 after the timeout, or: -EFAULT a NULL;
 * -EINVAL nfds is above RLIMIT_NOFILE; -EINTR vfs_task_interrupt; -ENOMEM (only
 * when it must wait). Any thread. Since 0.1. See poll(2).
 */
VFS_API int vfs_poll(struct vfs_task *task, struct vfs_pollfd *fds,
		     uint64_t nfds, int timeout);

#ifdef __cplusplus
}
#endif

#endif
