/* SPDX-License-Identifier: MIT */
/* Reading, writing, positions and sizes. */
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <vfs/file.h>

#include "api/call.h"
#include "core/inode.h"
#include "core/rw.h"
#include "core/rw_plain.h"

#ifndef RWF_NOAPPEND
#define RWF_NOAPPEND 0x20
#endif
#define KNOWN_RWF (RWF_HIPRI | RWF_DSYNC | RWF_SYNC | RWF_NOWAIT | RWF_APPEND)
#define IOV_LIMIT 1024

/* One segment where something is different: see rw_plain.h. */
static int64_t __attribute__((noinline))
rw_one(struct vfs_task *task, int fd, void *buffer, size_t count,
       int64_t offset, bool write)
{
	struct vfs_iovec iov = {buffer, count};
	struct vfs__io io = {&iov, 1, offset, VFS__IO_PLAIN};
	struct vfs__thread *thread;
	int err = vfs__enter(task, &thread);

	if (err)
		return err;
	if (__builtin_expect(count > (size_t)PTRDIFF_MAX, 0)) {
		/* a bad descriptor is told of first; no buffer is so long */
		iov.len = 0;
		io.flags = VFS__IO_PROBE;
		err = (int)(write ? vfs__write(thread, task, fd, &io)
				  : vfs__read(thread, task, fd, &io));
		return err < 0 && err != -EISDIR ? err : -EFAULT;
	}
	return write ? vfs__write(thread, task, fd, &io)
		     : vfs__read(thread, task, fd, &io);
}

/* The thread's record, if that costs no call. */
static inline struct vfs__thread *enter_plain(struct vfs_task *task)
{
	return __builtin_expect(task != NULL, 1)
		       ? vfs__thread_peek_id(task->domain_id)
		       : NULL;
}

/* The same for what somebody may watch: if nothing is watched at all. */
static inline struct vfs__thread *enter_unwatched(struct vfs_task *task)
{
	return __builtin_expect(task != NULL, 1) && !vfs__notify_on(task->vfs)
		       ? vfs__thread_peek_id(task->domain_id)
		       : NULL;
}

/* And if something is. */
static struct vfs__thread *enter_watched(struct vfs_task *task)
{
	return task && vfs__notify_on(task->vfs) ? vfs__self(task->vfs) : NULL;
}

static int64_t __attribute__((noinline))
read_slow(struct vfs_task *task, int fd, void *buffer, size_t count)
{
	struct vfs__thread *thread = enter_watched(task);
	int64_t n;

	if (thread &&
	    vfs__read_plain(thread, task, fd, buffer, count, true, &n))
		return n;
	return rw_one(task, fd, buffer, count, -1, false);
}

int64_t vfs_read(struct vfs_task *task, int fd, void *buffer, size_t count)
{
	struct vfs__thread *thread = enter_unwatched(task);
	int64_t n;

	if (__builtin_expect(thread != NULL, 1) &&
	    vfs__read_plain(thread, task, fd, buffer, count, false, &n))
		return n;
	return read_slow(task, fd, buffer, count);
}

int64_t vfs_write(struct vfs_task *task, int fd, const void *buffer,
		  size_t count)
{
	return rw_one(task, fd, (void *)(uintptr_t)buffer, count, -1, true);
}

static int64_t __attribute__((noinline))
pread_slow(struct vfs_task *task, int fd, void *buffer, size_t count,
	   int64_t offset)
{
	struct vfs__thread *thread = enter_watched(task);
	int64_t n;

	if (!thread) {
		thread = enter_plain(task);
		if (thread && !vfs__notify_on(task->vfs) &&
		    vfs__pread_direct(thread, task, fd, buffer, count, offset,
				      &n))
			return n;
	} else if (vfs__pread_plain(thread, task, fd, buffer, count, offset,
				    true, &n)) {
		return n;
	}
	if (offset < 0)
		return task ? -EINVAL : -EFAULT;
	return rw_one(task, fd, buffer, count, offset, false);
}

static int64_t __attribute__((noinline))
pwrite_slow(struct vfs_task *task, int fd, const void *buffer, size_t count,
	    int64_t offset)
{
	struct vfs__thread *thread = enter_watched(task);
	int64_t n;

	if (!thread) {
		thread = enter_plain(task);
		if (thread && !vfs__notify_on(task->vfs) &&
		    vfs__pwrite_direct(thread, task, fd, buffer, count, offset,
				       &n))
			return n;
	} else if (vfs__pwrite_plain(thread, task, fd, buffer, count, offset,
				     true, &n)) {
		return n;
	}
	if (offset < 0)
		return task ? -EINVAL : -EFAULT;
	return rw_one(task, fd, (void *)(uintptr_t)buffer, count, offset, true);
}

int64_t vfs_pread(struct vfs_task *task, int fd, void *buffer, size_t count,
		  int64_t offset)
{
	struct vfs__thread *thread = enter_unwatched(task);
	int64_t n;

	if (__builtin_expect(thread != NULL, 1) &&
	    vfs__pread_plain(thread, task, fd, buffer, count, offset, false,
			     &n))
		return n;
	return pread_slow(task, fd, buffer, count, offset);
}

int64_t vfs_pwrite(struct vfs_task *task, int fd, const void *buffer,
		   size_t count, int64_t offset)
{
	struct vfs__thread *thread = enter_unwatched(task);
	int64_t n;

	if (__builtin_expect(thread != NULL, 1) &&
	    vfs__pwrite_plain(thread, task, fd, buffer, count, offset, false,
			      &n))
		return n;
	return pwrite_slow(task, fd, buffer, count, offset);
}

static int check_iov(const struct vfs_iovec *iov, int count)
{
	if (count < 0 || count > IOV_LIMIT)
		return -EINVAL;
	if (count && !iov)
		return -EFAULT;
	for (int i = 0; i < count; i++)
		if (iov[i].len > (size_t)PTRDIFF_MAX)
			return -EINVAL;
	return 0;
}

/* Where it would be is looked at before how. */
static int check_flags(const struct vfs_iovec *iov, int count, int64_t offset,
		       int flags)
{
	size_t left = offset < 0 ? SIZE_MAX : (size_t)(INT64_MAX - offset);

	if (!(flags & ~KNOWN_RWF))
		return 0;
	for (int i = 0; i < count; i++) {
		if (iov[i].len > left)
			return -EINVAL;
		left -= iov[i].len;
	}
	return -EOPNOTSUPP;
}

static int64_t rw_vector(struct vfs_task *task, int fd,
			 const struct vfs_iovec *iov, int count, int64_t offset,
			 int flags, bool write)
{
	struct vfs__io io = {iov, 0, offset, (uint32_t)flags};
	struct vfs__thread *thread;
	int64_t n = vfs__enter(task, &thread);
	bool empty = true;
	int err;

	if (n)
		return n;
	/* The descriptor first, then the vector, then the flags; that it is a
	 * directory comes last, and a vector of no bytes gets nowhere. */
	err = check_iov(iov, count);
	for (int i = 0; !err && i < count; i++)
		empty = empty && !iov[i].len;
	if (!err && !empty)
		err = check_flags(iov, count, offset, flags);
	if (err || empty) {
		io.flags = err ? VFS__IO_PROBE : 0;
		n = write ? vfs__write(thread, task, fd, &io)
			  : vfs__read(thread, task, fd, &io);
		if (n == -EISDIR && !err)
			vfs__read_nothing(thread, task, fd);
		return n < 0 && n != -EISDIR ? n : err;
	}
	io.count = count;
	n = write ? vfs__write(thread, task, fd, &io)
		  : vfs__read(thread, task, fd, &io);
	return n == -EISDIR && (flags & ~RWF_HIPRI) ? -EOPNOTSUPP : n;
}

int64_t vfs_readv(struct vfs_task *task, int fd, const struct vfs_iovec *iov,
		  int iovcnt)
{
	return rw_vector(task, fd, iov, iovcnt, -1, 0, false);
}

int64_t vfs_writev(struct vfs_task *task, int fd, const struct vfs_iovec *iov,
		   int iovcnt)
{
	return rw_vector(task, fd, iov, iovcnt, -1, 0, true);
}

int64_t vfs_preadv(struct vfs_task *task, int fd, const struct vfs_iovec *iov,
		   int iovcnt, int64_t offset)
{
	if (offset < 0)
		return task ? -EINVAL : -EFAULT;
	return rw_vector(task, fd, iov, iovcnt, offset, 0, false);
}

int64_t vfs_pwritev(struct vfs_task *task, int fd, const struct vfs_iovec *iov,
		    int iovcnt, int64_t offset)
{
	if (offset < 0)
		return task ? -EINVAL : -EFAULT;
	return rw_vector(task, fd, iov, iovcnt, offset, 0, true);
}

int64_t vfs_preadv2(struct vfs_task *task, int fd, const struct vfs_iovec *iov,
		    int iovcnt, int64_t offset, int flags)
{
	if (offset < -1)
		return task ? -EINVAL : -EFAULT;
	return rw_vector(task, fd, iov, iovcnt, offset, flags, false);
}

int64_t vfs_pwritev2(struct vfs_task *task, int fd, const struct vfs_iovec *iov,
		     int iovcnt, int64_t offset, int flags)
{
	if (offset < -1)
		return task ? -EINVAL : -EFAULT;
	return rw_vector(task, fd, iov, iovcnt, offset, flags, true);
}

static int64_t __attribute__((noinline))
lseek_slow(struct vfs_task *task, int fd, int64_t offset, int whence)
{
	struct vfs__thread *thread;
	int err = vfs__enter(task, &thread);

	return err ? err : vfs__lseek(thread, task, fd, offset, whence);
}

int64_t vfs_lseek(struct vfs_task *task, int fd, int64_t offset, int whence)
{
	struct vfs__thread *thread = enter_plain(task);
	int64_t at;

	if (__builtin_expect(thread != NULL, 1) &&
	    vfs__lseek_plain(thread, task, fd, offset, whence, &at))
		return at;
	return lseek_slow(task, fd, offset, whence);
}

int vfs_truncate(struct vfs_task *task, const char *path, int64_t length)
{
	struct vfs__thread *thread;
	int err = vfs__enter(task, &thread);

	return err ? err : vfs__truncate(thread, task, path, length);
}

int vfs_ftruncate(struct vfs_task *task, int fd, int64_t length)
{
	struct vfs__thread *thread;
	int err = vfs__enter(task, &thread);

	return err ? err : vfs__ftruncate(thread, task, fd, length);
}

int vfs_fallocate(struct vfs_task *task, int fd, int mode, int64_t offset,
		  int64_t length)
{
	struct vfs__thread *thread;
	int err = vfs__enter(task, &thread);

	if (err)
		return err;
	return vfs__fallocate(thread, task, fd, mode, offset, length);
}

int64_t vfs_copy_file_range(struct vfs_task *task, int fd_in, int64_t *off_in,
			    int fd_out, int64_t *off_out, size_t len,
			    uint32_t flags)
{
	struct vfs__thread *thread;
	int err = vfs__enter(task, &thread);

	if (err)
		return err;
	return vfs__copy_file_range(thread, task, fd_in, off_in, fd_out,
				    off_out, len, flags);
}

int64_t vfs_sendfile(struct vfs_task *task, int out_fd, int in_fd,
		     int64_t *offset, size_t count)
{
	struct vfs__thread *thread;
	int err = vfs__enter(task, &thread);

	if (err)
		return err;
	return vfs__sendfile(thread, task, out_fd, in_fd, offset, count);
}
