/* SPDX-License-Identifier: MIT */
/*
 * Open files and descriptors. Each function is the Linux call of its name
 * with the task in front: same arguments, same flag values, and on failure
 * the negative errno that Linux would have set. errno is never touched.
 *
 * For all of them: since 0.1; any thread at any time, several threads on one
 * task or descriptor included. -EFAULT where task, a path or a buffer that is
 * needed is NULL; -EBADF where a descriptor is not open, is not open for what
 * is asked, or was opened with O_PATH; -ENOMEM where memory runs out, and then
 * nothing has changed. A path gives in addition: -ENOENT a missing name or an
 * empty path, -ENOTDIR, -EACCES no permission to search a directory, -ELOOP
 * over 40 symlinks, -ENAMETOOLONG a name over 255 or a path over 4095 bytes.
 * These are not repeated below.
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

/*
 * Opens path, and with O_CREAT makes it with mode less the task's umask. The
 * descriptor is the lowest free one; at least 0 on success.
 *
 * -EEXIST O_CREAT | O_EXCL and the name exists; -EISDIR a directory for writing
 * or with O_CREAT; -ENOTDIR O_DIRECTORY and it is none; -ELOOP O_NOFOLLOW and
 * it is a symlink; -EACCES, -EROFS; -EPERM O_NOATIME by another than the owner;
 * -EINVAL O_CREAT | O_DIRECTORY, O_TMPFILE without writing; -EOPNOTSUPP
 * O_TMPFILE and the file system has none; -ENXIO a socket, a device that
 * nothing serves, or a FIFO for writing without a reader and with O_NONBLOCK;
 * -EMFILE the task's RLIMIT_NOFILE; -ENOSPC; -EINTR while waiting for a FIFO's
 * other end; -EPERM also for inode flags (vfs_ioctl); -EOVERFLOW a file to be
 * made whose owner would have no number on the mount or in the file system's
 * user namespace. Flags it does not know are passed over. See open(2).
 */
VFS_API int vfs_open(struct vfs_task *task, const char *path, int flags,
		     uint32_t mode);

/*
 * The same, with relative paths beginning at dirfd, or at the working directory
 * for AT_FDCWD. -EBADF dirfd is not open, -ENOTDIR it is no directory (neither
 * matters for an absolute path). See openat(2).
 */
VFS_API int vfs_openat(struct vfs_task *task, int dirfd, const char *path,
		       int flags, uint32_t mode);

/*
 * The same with how->resolve: RESOLVE_NO_XDEV, RESOLVE_NO_MAGICLINKS,
 * RESOLVE_NO_SYMLINKS, RESOLVE_BENEATH, RESOLVE_IN_ROOT, RESOLVE_CACHED. size:
 * sizeof(struct vfs_open_how).
 *
 * Also -EINVAL an unknown flag, mode bits without O_CREAT or O_TMPFILE, size
 * too small; -E2BIG a larger size whose tail is not zero; -EXDEV a path that
 * leads out; -ELOOP a symlink that is refused; -EAGAIN RESOLVE_CACHED and the
 * answer is not at hand, or something was renamed or mounted while `..` was
 * followed under RESOLVE_BENEATH or RESOLVE_IN_ROOT: ask again. See openat2(2).
 */
VFS_API int vfs_openat2(struct vfs_task *task, int dirfd, const char *path,
			const struct vfs_open_how *how, size_t size);

/*
 * vfs_open with O_CREAT | O_WRONLY | O_TRUNC. See creat(2).
 */
VFS_API int vfs_creat(struct vfs_task *task, const char *path, uint32_t mode);

/*
 * Closes fd, whatever is returned. The last descriptor of an open file ends it:
 * flock and OFD locks go with it; any descriptor of a file takes the task's
 * record locks on it along. See close(2).
 */
VFS_API int vfs_close(struct vfs_task *task, int fd);

/*
 * Closes first to last inclusive; flags: CLOSE_RANGE_UNSHARE (on a table of the
 * task's own), CLOSE_RANGE_CLOEXEC (marks instead of closing). -EINVAL an
 * unknown flag, or first above last. See close_range(2).
 */
VFS_API int vfs_close_range(struct vfs_task *task, uint32_t first,
			    uint32_t last, uint32_t flags);

/*
 * Another descriptor, the lowest free one, of the same open file. -EMFILE.
 * See dup(2).
 */
VFS_API int vfs_dup(struct vfs_task *task, int fd);

/*
 * The same at newfd, which is closed first when it is open; newfd == oldfd does
 * nothing. Returns newfd. -EBADF also for a newfd beyond the limit. See dup(2).
 */
VFS_API int vfs_dup2(struct vfs_task *task, int oldfd, int newfd);

/*
 * The same with flags 0 or O_CLOEXEC. -EINVAL another flag, or newfd == oldfd.
 * See dup(2).
 */
VFS_API int vfs_dup3(struct vfs_task *task, int oldfd, int newfd, int flags);
/*
 * F_DUPFD, F_DUPFD_CLOEXEC (arg: the lowest number wanted; -EINVAL beyond the
 * limit, -EMFILE), F_GETFD, F_SETFD, F_GETFL, F_SETFL (O_APPEND, O_NONBLOCK,
 * O_NOATIME; -EPERM O_NOATIME by another than the owner, or O_APPEND changes
 * on an append-only file), F_GETPIPE_SZ, F_SETPIPE_SZ (bytes; -EBUSY it holds
 * more, -EPERM above the limit), F_GET_SEALS and F_ADD_SEALS (F_SEAL_SEAL,
 * _SHRINK, _GROW, _WRITE, _FUTURE_WRITE, _EXEC; -EINVAL another one, or no file
 * that has seals; -EPERM not open for writing, or sealed with F_SEAL_SEAL, as
 * all are that vfs_memfd_create did not make; -EBUSY F_SEAL_WRITE while it is
 * mapped writable). -EINVAL another command; the lock commands are
 * vfs_fcntl_lock
 * (<vfs/lock.h>).
 * See fcntl(2).
 */
VFS_API int vfs_fcntl(struct vfs_task *task, int fd, int cmd, int64_t arg);
/*
 * arg: what the request takes, an integer cast to a pointer or an address. Of
 * the core's: FIOCLEX, FIONCLEX, FIONBIO, FIONREAD, FIOQSIZE (bytes of its
 * blocks, an int64_t), FIGETBSZ, FS_IOC_GETFLAGS, FS_IOC_SETFLAGS (an int),
 * FS_IOC_FSGETXATTR, FS_IOC_FSSETXATTR (the host's struct fsxattr), FICLONE and
 * FICLONERANGE (-EOPNOTSUPP where the file system shares nothing, -EXDEV
 * between two, -EISDIR, -EINVAL no regular files; beyond RLIMIT_FSIZE -EFBIG
 * where it begins there, -EINVAL where it ends there; ioctl_ficlone(2)); others
 * go to the backend.
 *
 * Inode flags, where the file system has them (tmpfs does): FS_IMMUTABLE_FL
 * (nothing about the file changes but through descriptors that are open for
 * writing already), FS_APPEND_FL (it is opened for writing with O_APPEND alone,
 * and a directory loses no names), FS_NOATIME_FL, FS_NODUMP_FL. What the first
 * two forbid is -EPERM, for everybody. Setting flags: -EPERM not the owner, or
 * one of the first two changes without CAP_LINUX_IMMUTABLE in the root user
 * namespace; -EOPNOTSUPP a flag that there is not; -EINVAL one that makes no
 * sense for the file; -EROFS.
 *
 * -ENOTTY there is no such request for this file. See ioctl(2),
 * ioctl_iflags(2), ioctl_xfs_fsgetxattr(2).
 */
VFS_API int vfs_ioctl(struct vfs_task *task, int fd, uint64_t request,
		      void *arg);

/*
 * Reads up to count bytes at the open file's position, which moves. Returns the
 * bytes read, 0 at the end.
 *
 * -EISDIR a directory; -EINVAL the file cannot be read, or position and count
 * pass 63 bits; -EAGAIN an empty pipe with O_NONBLOCK; -EINTR interrupted
 * before anything came; any error of the backend. See read(2).
 */
VFS_API int64_t vfs_read(struct vfs_task *task, int fd, void *buffer,
			 size_t count);

/*
 * Writes up to count bytes at the position (at the end with O_APPEND), which
 * moves. Returns the bytes written, fewer than count at a limit.
 *
 * -EFBIG beyond RLIMIT_FSIZE or the file system's largest file; -ENOSPC;
 * -EINVAL as for vfs_read; -EPIPE a pipe without readers (no signal is sent);
 * -EAGAIN a full pipe with O_NONBLOCK; -EINTR. See write(2).
 */
VFS_API int64_t vfs_write(struct vfs_task *task, int fd, const void *buffer,
			  size_t count);

/*
 * vfs_read at offset (bytes), leaving the position alone. Also -EINVAL a
 * negative offset; -ESPIPE a pipe or FIFO. See pread(2).
 */
VFS_API int64_t vfs_pread(struct vfs_task *task, int fd, void *buffer,
			  size_t count, int64_t offset);

/*
 * vfs_write at offset, leaving the position alone; with O_APPEND it appends all
 * the same. Errors as vfs_pread's. See pwrite(2).
 */
VFS_API int64_t vfs_pwrite(struct vfs_task *task, int fd, const void *buffer,
			   size_t count, int64_t offset);

/*
 * vfs_read into iovcnt buffers in turn. -EINVAL iovcnt below 0 or above 1024,
 * or lengths whose sum passes 63 bits. See readv(2).
 */
VFS_API int64_t vfs_readv(struct vfs_task *task, int fd,
			  const struct vfs_iovec *iov, int iovcnt);

/*
 * vfs_write from iovcnt buffers in turn. Errors as vfs_readv's. See writev(2).
 */
VFS_API int64_t vfs_writev(struct vfs_task *task, int fd,
			   const struct vfs_iovec *iov, int iovcnt);

/*
 * vfs_readv at offset. See preadv(2).
 */
VFS_API int64_t vfs_preadv(struct vfs_task *task, int fd,
			   const struct vfs_iovec *iov, int iovcnt,
			   int64_t offset);

/*
 * vfs_writev at offset. See pwritev(2).
 */
VFS_API int64_t vfs_pwritev(struct vfs_task *task, int fd,
			    const struct vfs_iovec *iov, int iovcnt,
			    int64_t offset);

/*
 * vfs_preadv with RWF_* flags; offset -1: at the position. -EOPNOTSUPP an
 * unknown flag. See preadv2(2).
 */
VFS_API int64_t vfs_preadv2(struct vfs_task *task, int fd,
			    const struct vfs_iovec *iov, int iovcnt,
			    int64_t offset, int flags);

/*
 * vfs_pwritev with RWF_* flags (RWF_APPEND: at the end; RWF_NOAPPEND); offset
 * -1: at the position. -EOPNOTSUPP an unknown flag. See pwritev2(2).
 */
VFS_API int64_t vfs_pwritev2(struct vfs_task *task, int fd,
			     const struct vfs_iovec *iov, int iovcnt,
			     int64_t offset, int flags);

/*
 * Moves the position and returns it, in bytes. whence: SEEK_SET, SEEK_CUR,
 * SEEK_END, SEEK_DATA, SEEK_HOLE.
 *
 * -EINVAL another whence, or a result below 0 or above the largest file; -ENXIO
 * SEEK_DATA or SEEK_HOLE at or past the end, or no data behind; -ESPIPE a pipe.
 * See lseek(2).
 */
VFS_API int64_t vfs_lseek(struct vfs_task *task, int fd, int64_t offset,
			  int whence);

/*
 * Sets the size of path to length bytes. -EACCES not writable; -EISDIR; -EINVAL
 * length below 0, or no regular file; -EFBIG; -EROFS; -EPERM an immutable or
 * append-only file. See truncate(2).
 */
VFS_API int vfs_truncate(struct vfs_task *task, const char *path,
			 int64_t length);

/*
 * The same by descriptor; -EINVAL also for one not open for writing; an
 * immutable file is cut all the same, as it is written.
 * See ftruncate(2).
 */
VFS_API int vfs_ftruncate(struct vfs_task *task, int fd, int64_t length);

/*
 * Reserves offset to offset + length, in bytes; mode: FALLOC_FL_KEEP_SIZE,
 * FALLOC_FL_PUNCH_HOLE, FALLOC_FL_ZERO_RANGE, FALLOC_FL_COLLAPSE_RANGE,
 * FALLOC_FL_INSERT_RANGE as far as the file system has them.
 *
 * -EINVAL offset below 0 or length below 1; -EFBIG beyond the largest file;
 * -EOPNOTSUPP an unknown mode, or one the file system has not; -ENOSPC; -ENODEV
 * neither file nor directory; -ESPIPE a pipe; -EPERM an immutable file, or more
 * than to reserve in an append-only one. See fallocate(2).
 */
VFS_API int vfs_fallocate(struct vfs_task *task, int fd, int mode,
			  int64_t offset, int64_t length);

/*
 * Brings the file's data and attributes to where the backend keeps them.
 * -EINVAL a pipe; any error of the backend, as -EIO. See fsync(2).
 */
VFS_API int vfs_fsync(struct vfs_task *task, int fd);

/*
 * The same, without attributes that reading the data does not need.
 * See fdatasync(2).
 */
VFS_API int vfs_fdatasync(struct vfs_task *task, int fd);

/*
 * Writes out the whole file system that fd is on. See syncfs(2).
 */
VFS_API int vfs_syncfs(struct vfs_task *task, int fd);

/*
 * Writes out every file system of the instance. See sync(2).
 */
VFS_API int vfs_sync(struct vfs_task *task);

/*
 * Copies up to len bytes between two regular files. A NULL off_in or off_out
 * stands for the position, which then moves; otherwise the offset is advanced.
 * flags must be 0. Returns the bytes copied, 0 at the end of the source.
 *
 * -EINVAL flags, a negative offset, overlapping ranges of one file, or no
 * regular file; -EISDIR; -EBADF also for an out open with O_APPEND; -EOVERFLOW
 * ranges that pass 64 bits; -EXDEV two file systems; -EPERM fd_out's file is
 * immutable; -EFBIG; -ENOSPC. See copy_file_range(2).
 */
VFS_API int64_t vfs_copy_file_range(struct vfs_task *task, int fd_in,
				    int64_t *off_in, int fd_out,
				    int64_t *off_out, size_t len,
				    uint32_t flags);

/*
 * Copies up to count bytes from in_fd, at *offset (advanced) or the position,
 * to out_fd's position. Returns the bytes copied. -EINVAL a negative offset or
 * an out_fd with O_APPEND; errors of reading and writing. See sendfile(2).
 */
VFS_API int64_t vfs_sendfile(struct vfs_task *task, int out_fd, int in_fd,
			     int64_t *offset, size_t count);
/*
 * Accepts the advice, which changes nothing. -EINVAL an unknown advice or a
 * negative length; -ESPIPE a pipe. See posix_fadvise(2).
 */
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
 * pipes and FIFOs when they can be read or written; what was imported when the
 * host says so. fds may be NULL when nfds is 0; a negative fd is passed over.
 *
 * Returns how many have revents, 0 after the timeout, or: -EFAULT a NULL;
 * -EINVAL nfds is above RLIMIT_NOFILE; -EINTR vfs_task_interrupt; -ENOMEM (only
 * when it must wait; for imported ones also when the process has no descriptor
 * left). Any thread. Since 0.1. See poll(2).
 */
VFS_API int vfs_poll(struct vfs_task *task, struct vfs_pollfd *fds,
		     uint64_t nfds, int timeout);

#ifdef __cplusplus
}
#endif

#endif
