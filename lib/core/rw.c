/* SPDX-License-Identifier: MIT */
/*
 * Reading and writing. Contract: rw.h.
 *
 * Order of locks: position, inode. The short ways use the file inside a read
 * section, without a reference; when they find a lock taken or a backend that
 * may block, they go the long way, with one.
 */
#include "core/rw.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "core/attr.h"
#include "core/device.h"
#include "core/hostfile.h"
#include "core/inode.h"
#include "core/inotify.h"
#include "core/pipe.h"
#include "core/rw_plain.h"
#include "core/seal.h"
#include "util/epoch.h"

static bool is_nonblocking(const struct vfs_inode *inode)
{
	return inode->super->type->flags & VFS_FS_NONBLOCKING;
}

/* ---- reading ---- */

static int64_t read_one(struct vfs_inode *inode, struct vfs_file *file,
			const struct vfs_iovec *iov, int64_t offset)
{
	if (!iov->base && !vfs__inode_is_remote(inode))
		return offset < VFS_READ_ONCE(inode->size) ? -EFAULT : 0;
	return inode->ops->read(inode, file, iov->base, iov->len, offset);
}

/* The segments one after the other, until one comes short. Inside a section
 * for non-blocking types. */
static int64_t read_segments(struct vfs_inode *inode, struct vfs_file *file,
			     const struct vfs__io *io, int64_t offset)
{
	size_t left = VFS__IO_MAX;
	int64_t done = 0;

	/* whether nothing leaves a trace is for the file's owner to say */
	if ((io->flags & VFS__IO_PLAIN) && !io->iov->len &&
	    vfs__inode_is_remote(inode))
		return inode->ops->read(inode, file, NULL, 0, offset);
	for (int i = 0; i < io->count && left; i++) {
		struct vfs_iovec part = io->iov[i];
		int64_t n;

		if (part.len > left)
			part.len = left;
		if (!part.len)
			continue;
		n = read_one(inode, file, &part, offset + done);
		if (n < 0)
			return done ? done : n;
		done += n;
		left -= (size_t)n;
		if ((size_t)n < part.len)
			break;
	}
	return done;
}

static void accessed(const struct vfs_file *file, bool moved)
{
	if (moved && !(VFS_READ_ONCE(file->flags) & O_NOATIME))
		vfs__path_accessed(&file->path, file->inode);
}

void vfs__file_accessed(struct vfs__thread *thread, const struct vfs_file *file,
			int64_t n)
{
	thread->now_valid &= thread->keep_now;
	accessed(file, n >= 0 || n == -EFAULT);
}

static size_t total_of(const struct vfs__io *io)
{
	size_t total = 0;

	for (int i = 0; i < io->count; i++) {
		if (io->iov[i].len > VFS__IO_MAX - total)
			return VFS__IO_MAX;
		total += io->iov[i].len;
	}
	return total;
}

/* A read at the end of the file, or one that faults, is an access too; one of
 * no bytes is not where the backend is told of accesses. */
static bool is_access(const struct vfs_inode *inode, const struct vfs__io *io,
		      int64_t n)
{
	bool plain = (io->flags & VFS__IO_PLAIN) &&
		     !VFS__HAS_OP(inode->ops, accessed);

	return n > 0 || ((n == 0 || n == -EFAULT) && (plain || total_of(io)));
}

/* No transfer may reach beyond the last offset there is. */
static int check_range(const struct vfs__io *io, int64_t offset)
{
	size_t length = io->flags & VFS__IO_PLAIN ? io->iov->len : total_of(io);

	return length > (uint64_t)(INT64_MAX - offset) ? -EINVAL : 0;
}

/* Nothing here knows beforehand whether it would wait, but streams. */
static int check_flags(const struct vfs__io *io, uint32_t mode)
{
	if (!(io->flags & RWF_NOWAIT) ||
	    (mode & (VFS__FILE_STREAM | VFS__FILE_HOST)))
		return 0;
	return io->offset >= 0 && check_range(io, io->offset) ? -EINVAL
							      : -EOPNOTSUPP;
}

/* Whether file can be read at all, as io asks. */
static int check_read(const struct vfs_file *file, const struct vfs__io *io)
{
	uint32_t mode = vfs__file_mode(file);

	if (mode & VFS__FILE_PATH)
		return -EBADF;
	if (io->offset >= 0 && !(mode & VFS__FILE_SEEKABLE))
		return -ESPIPE;
	if (!(mode & VFS__FILE_READ))
		return -EBADF;
	if (mode & VFS__FILE_DIR)
		return check_range(io, io->offset < 0
					       ? VFS_READ_ONCE(file->position)
					       : io->offset)
			       ? -EINVAL
			       : -EISDIR;
	if (mode & VFS__FILE_DEVICE)
		return vfs__device_check(file, io, false);
	if (!(mode & VFS__FILE_SPECIAL) && !file->inode->ops->read)
		return -EINVAL;
	return check_flags(io, mode);
}

/* At io->offset or the position. -EAGAIN: the long way, please. */
static int64_t read_short(struct vfs_file *file, const struct vfs__io *io)
{
	struct vfs_inode *inode = file->inode;
	int64_t n;

	if (io->offset >= 0) {
		n = check_range(io, io->offset);
		if (!n)
			n = read_segments(inode, file, io, io->offset);
	} else {
		int64_t at;

		if (!vfs__mutex_trylock(&file->position_lock, VFS__RANK_POS))
			return -EAGAIN;
		at = VFS_READ_ONCE(file->position);
		n = check_range(io, at);
		if (!n)
			n = read_segments(inode, file, io, at);
		if (n > 0)
			vfs__position_move(file, at, at + n);
		vfs__mutex_unlock(&file->position_lock, VFS__RANK_POS);
	}
	accessed(file, is_access(inode, io, n));
	return n;
}

static int64_t read_at(struct vfs__thread *thread, struct vfs_file *file,
		       const struct vfs__io *io, int64_t offset)
{
	bool section = is_nonblocking(file->inode);
	int64_t n = check_range(io, offset);

	if (n)
		return n;
	if (section)
		vfs__epoch_enter(thread);
	n = read_segments(file->inode, file, io, offset);
	accessed(file, is_access(file->inode, io, n));
	if (section)
		vfs__epoch_leave(thread);
	return n;
}

/* On a referenced file. */
static int64_t read_long(struct vfs__thread *thread, struct vfs_task *task,
			 struct vfs_file *file, const struct vfs__io *io)
{
	bool nonblock = (VFS_READ_ONCE(file->flags) & O_NONBLOCK) ||
			(io->flags & RWF_NOWAIT);
	int64_t at, n;

	if (vfs__file_mode(file) & VFS__FILE_STREAM)
		return vfs__pipe_readv(thread, task, file, io->iov, io->count,
				       nonblock);
	if (vfs__file_mode(file) & VFS__FILE_DEVICE)
		return vfs__device_rw(file, io, false);
	if (vfs__file_mode(file) & VFS__FILE_HOST)
		return vfs__hoststream_read(task, file, io, nonblock);
	if (__builtin_expect(vfs__file_mode(file) & VFS__FILE_NOTIFY, 0))
		return io->flags & VFS__IO_PROBE
			       ? 0
			       : vfs__inotify_readv(thread, task, file, io->iov,
						    io->count, nonblock);
	if (io->offset >= 0)
		return read_at(thread, file, io, io->offset);
	vfs__mutex_lock(&file->position_lock, VFS__RANK_POS);
	at = VFS_READ_ONCE(file->position);
	n = read_at(thread, file, io, at);
	if (n > 0)
		vfs__position_move(file, at, at + n);
	vfs__mutex_unlock(&file->position_lock, VFS__RANK_POS);
	return n;
}

/* Reading by vectors is told of even if there was nothing, as in Linux. */
static void was_read(struct vfs__thread *thread, const struct vfs_file *file,
		     const struct vfs__io *io, int64_t n)
{
	if (n > 0 || (!n && !(io->flags & (VFS__IO_PLAIN | VFS__IO_PROBE))))
		vfs__notify_file(thread, file, VFS_IN_ACCESS);
}

/* Whether the short ways do: they know of no watchers. Inside a section. */
static bool is_short(const struct vfs_task *task, const struct vfs_file *file,
		     uint32_t mask)
{
	return is_nonblocking(file->inode) &&
	       !(vfs__file_mode(file) & VFS__FILE_SPECIAL) &&
	       !(vfs__notify_on(task->vfs) && vfs__notify_wants(file, mask));
}

int64_t vfs__read(struct vfs__thread *thread, struct vfs_task *task, int fd,
		  const struct vfs__io *io)
{
	struct vfs_file *file;
	bool held;
	int64_t n;

	do {
		vfs__epoch_enter(thread);
		file = vfs__fd_peek(VFS_LOAD_POINTER(task->files), fd);
		n = file ? check_read(file, io) : -EBADF;
		if (!n && is_short(task, file, VFS_IN_ACCESS))
			n = read_short(file, io);
		else if (!n)
			n = -EAGAIN;
		held = n == -EAGAIN && vfs__file_tryref(file);
		vfs__epoch_leave(thread);
		if (__builtin_expect(n != -EAGAIN, 1))
			return n;
	} while (!held); /* it was closed meanwhile; there may be another */
	n = read_long(thread, task, file, io);
	was_read(thread, file, io, n);
	vfs__file_unref(thread, file);
	return n;
}

void vfs__read_nothing(struct vfs__thread *thread, struct vfs_task *task,
		       int fd)
{
	struct vfs_file *file = vfs__fd_get_io(thread, task, fd);

	if (!file)
		return;
	vfs__notify_file(thread, file, VFS_IN_ACCESS);
	vfs__file_unref(thread, file);
}

int64_t vfs__file_read(struct vfs__thread *thread, struct vfs_task *task,
		       struct vfs_file *file, const struct vfs_iovec *iov,
		       int count, int64_t *offset)
{
	struct vfs__io io = {iov, count, offset ? *offset : -1, 0};
	int64_t n = check_read(file, &io);

	if (!n)
		n = read_long(thread, task, file, &io);
	if (n > 0 && offset)
		*offset += n;
	return n;
}

/* ---- writing ---- */

static int check_write(const struct vfs_file *file, const struct vfs__io *io)
{
	uint32_t mode = vfs__file_mode(file);

	if (mode & VFS__FILE_PATH)
		return -EBADF;
	if (io->offset >= 0 && !(mode & VFS__FILE_SEEKABLE))
		return -ESPIPE;
	if (!(mode & VFS__FILE_WRITE))
		return -EBADF;
	if (mode & VFS__FILE_DEVICE)
		return vfs__device_check(file, io, true);
	if (!(mode & (VFS__FILE_STREAM | VFS__FILE_HOST)) &&
	    !file->inode->ops->write)
		return -EINVAL;
	return check_flags(io, mode);
}

/* Cuts *length to what the limits leave at offset. */
static int check_limits(struct vfs_task *task, const struct vfs_inode *inode,
			int64_t offset, size_t *length)
{
	uint64_t limit = VFS_READ_ONCE(task->fsize_cur);
	uint64_t max = (uint64_t)inode->super->max_file_size;

	if (limit > max)
		limit = max;
	if ((uint64_t)offset >= limit)
		return -EFBIG;
	if (*length > limit - (uint64_t)offset)
		*length = (size_t)(limit - (uint64_t)offset);
	return 0;
}

/* inode locked. */
static int64_t write_segments(struct vfs_inode *inode, struct vfs_file *file,
			      const struct vfs__io *io, int64_t offset,
			      size_t left)
{
	int64_t done = 0;

	for (int i = 0; i < io->count && left; i++) {
		const struct vfs_iovec *part = &io->iov[i];
		size_t len = part->len < left ? part->len : left;
		int64_t n;

		if (!len)
			continue;
		/* whoever has the times sets them before it looks */
		n = part->base || vfs__inode_is_remote(inode)
			    ? inode->ops->write(inode, file, part->base, len,
						offset + done)
			    : -EFAULT;
		if (n < 0)
			return done ? done : n;
		done += n;
		left -= (size_t)n;
		if ((size_t)n < len)
			break;
	}
	return done;
}

/* Whether a write may have set-id bits or capabilities to take away. Locked. */
static bool loses_privilege(const struct vfs_inode *inode)
{
	return (VFS_READ_ONCE(inode->mode) & (S_ISUID | S_ISGID)) ||
	       (VFS_READ_ONCE(inode->flags) & VFS_INODE_XATTR);
}

/* Where the file ends, and whether it has set-id bits, as it is now. */
static int refresh_for_write(struct vfs__thread *thread, struct vfs_task *task,
			     struct vfs_inode *inode, bool append)
{
	bool asks;

	if (!(VFS_READ_ONCE(inode->flags) & VFS__INODE_ASK))
		return 0;
	vfs__epoch_enter(thread);
	asks = append || vfs__write_asks(task, inode);
	vfs__epoch_leave(thread);
	return asks ? vfs__inode_refresh(thread, inode) : 0;
}

/* inode locked, in no section. *offset: out, where it was written. file may be
 * NULL for one that loses nothing. */
static int64_t write_locked(struct vfs__thread *thread, struct vfs_task *task,
			    struct vfs_inode *inode, struct vfs_file *file,
			    const struct vfs__io *io, bool append,
			    int64_t *offset)
{
	size_t length = total_of(io);
	int64_t n;
	int err;

	if (VFS_READ_ONCE(inode->flags) & VFS_INODE_DEAD)
		return -EBADF; /* closed meanwhile by another thread */
	err = check_range(io, *offset);
	if (err)
		return err;
	if (!length)
		return 0;
	err = refresh_for_write(thread, task, inode, append);
	if (err)
		return err;
	if (append)
		*offset = VFS_READ_ONCE(inode->size);
	err = check_limits(task, inode, *offset, &length);
	if (err)
		return err;
	if (__builtin_expect(loses_privilege(inode), 0)) {
		struct vfs_cred *cred = vfs__task_cred(thread, task);

		err = vfs__attr_kill_file(thread, cred, file);
		vfs__task_cred_put(thread, cred);
		if (err)
			return err;
	}
	/* Linux updates the times before it knows whether bytes will fit */
	vfs__inode_modified(task->vfs, inode);
	if (__builtin_expect(vfs__inode_sealable(inode), 0)) {
		err = vfs__seal_write(inode, *offset, &length);
		if (err)
			return err;
	}
	n = write_segments(inode, file, io, *offset, length);
	return n;
}

static bool appends(const struct vfs_file *file, const struct vfs__io *io)
{
	return (VFS_READ_ONCE(file->flags) & O_APPEND) ||
	       (io->flags & RWF_APPEND);
}

static int64_t write_at(struct vfs__thread *thread, struct vfs_task *task,
			struct vfs_file *file, const struct vfs__io *io,
			int64_t *offset)
{
	struct vfs_inode *inode = file->inode;
	int64_t n;

	vfs__inode_lock(inode);
	n = write_locked(thread, task, inode, file, io, appends(file, io),
			 offset);
	vfs__inode_unlock(inode);
	if (vfs__inode_is_foreign(inode) && n > 0 &&
	    (io->flags & (RWF_DSYNC | RWF_SYNC))) {
		int err =
			inode->ops->fsync(inode, file, !(io->flags & RWF_SYNC));

		if (err)
			return err;
	}
	return n;
}

/* On a referenced file. */
static int64_t write_long(struct vfs__thread *thread, struct vfs_task *task,
			  struct vfs_file *file, const struct vfs__io *io)
{
	bool nonblock = (VFS_READ_ONCE(file->flags) & O_NONBLOCK) ||
			(io->flags & RWF_NOWAIT);
	int64_t offset = io->offset;
	int64_t at, n;

	if (vfs__file_mode(file) & VFS__FILE_STREAM)
		return vfs__pipe_writev(thread, task, file, io->iov, io->count,
					nonblock);
	if (vfs__file_mode(file) & VFS__FILE_DEVICE)
		return vfs__device_rw(file, io, true);
	if (vfs__file_mode(file) & VFS__FILE_HOST)
		return vfs__hoststream_write(task, file, io, nonblock);
	if (offset >= 0)
		return write_at(thread, task, file, io, &offset);
	vfs__mutex_lock(&file->position_lock, VFS__RANK_POS);
	offset = at = VFS_READ_ONCE(file->position);
	n = write_at(thread, task, file, io, &offset);
	if (n > 0)
		vfs__position_move(file, at, offset + n);
	vfs__mutex_unlock(&file->position_lock, VFS__RANK_POS);
	return n;
}

/*
 * pwrite to a non-blocking type: the inode's lock, taken inside the section,
 * keeps the inode alive when the section has ended, because eviction takes it
 * too. The file itself may go, and is not passed on.
 */
static bool pwrite_short(struct vfs__thread *thread, struct vfs_task *task,
			 int fd, const struct vfs__io *io, int64_t *result)
{
	struct vfs_file *file;
	struct vfs_inode *inode;
	int64_t offset = io->offset;
	bool append, short_way;

	vfs__epoch_enter(thread);
	file = vfs__fd_peek(VFS_LOAD_POINTER(task->files), fd);
	*result = file ? check_write(file, io) : -EBADF;
	if (*result) {
		vfs__epoch_leave(thread);
		return true;
	}
	inode = file->inode;
	append = appends(file, io);
	if (!is_short(task, file, VFS_IN_MODIFY | VFS_IN_ATTRIB) ||
	    !vfs__inode_trylock(inode)) {
		vfs__epoch_leave(thread);
		return false;
	}
	vfs__epoch_leave(thread);
	short_way = !loses_privilege(inode);
	if (short_way)
		*result = write_locked(thread, task, inode, NULL, io, append,
				       &offset);
	/* with the lock the inode may go, but not before unlocking is done */
	vfs__epoch_enter(thread);
	vfs__inode_unlock(inode);
	vfs__epoch_leave(thread);
	return short_way;
}

int64_t vfs__write(struct vfs__thread *thread, struct vfs_task *task, int fd,
		   const struct vfs__io *io)
{
	struct vfs_file *file;
	int64_t n;

	if (io->offset >= 0 && pwrite_short(thread, task, fd, io, &n))
		return n;
	file = vfs__fd_get_io(thread, task, fd);
	if (!file)
		return -EBADF;
	n = check_write(file, io);
	if (!n)
		n = write_long(thread, task, file, io);
	if (n > 0)
		vfs__notify_file(thread, file, VFS_IN_MODIFY);
	else
		vfs__notify_flush(thread);
	vfs__file_unref(thread, file);
	return n;
}

int64_t vfs__file_write(struct vfs__thread *thread, struct vfs_task *task,
			struct vfs_file *file, const struct vfs_iovec *iov,
			int count, int64_t *offset, uint32_t flags)
{
	struct vfs__io io = {iov, count, offset ? *offset : -1, flags};
	int64_t n = check_write(file, &io);

	if (!n)
		n = write_long(thread, task, file, &io);
	if (n > 0 && offset)
		*offset += n;
	return n;
}

/* ---- positions ---- */

/* The new position for whence, or an error. */
static int64_t seek_target(const struct vfs_file *file, int64_t before,
			   int64_t offset, int whence)
{
	struct vfs_inode *inode = file->inode;
	bool dir = vfs__file_mode(file) & VFS__FILE_DIR;
	int64_t base = 0;

	switch (whence) {
	case SEEK_SET:
		break;
	case SEEK_CUR:
		base = before;
		break;
	case SEEK_END:
		if (dir)
			return -EINVAL;
		base = VFS_READ_ONCE(inode->size);
		break;
	default:
		return -EINVAL;
	}
	if (__builtin_add_overflow(base, offset, &offset) || offset < 0)
		return -EINVAL;
	if (!dir && offset > inode->super->max_file_size)
		return -EINVAL;
	return offset;
}

static int64_t seek_data(struct vfs_file *file, int64_t offset, int whence)
{
	struct vfs_inode *inode = file->inode;
	int64_t at;

	if (vfs__file_mode(file) & VFS__FILE_DIR)
		return -EINVAL;
	vfs__inode_lock_shared(inode);
	if (offset < 0 || offset >= VFS_READ_ONCE(inode->size))
		at = -ENXIO;
	else if (inode->ops->seek)
		at = inode->ops->seek(inode, offset, whence);
	else
		at = whence == SEEK_DATA ? offset : VFS_READ_ONCE(inode->size);
	vfs__inode_unlock_shared(inode);
	return at;
}

/* On a referenced file. A seek that depends on the position, or takes long,
 * waits for transfers that move it. */
static int64_t seek_locked(struct vfs_file *file, int64_t offset, int whence)
{
	int64_t before, at;

	vfs__mutex_lock(&file->position_lock, VFS__RANK_POS);
	before = VFS_READ_ONCE(file->position);
	if (whence == SEEK_DATA || whence == SEEK_HOLE)
		at = seek_data(file, offset, whence);
	else
		at = seek_target(file, before, offset, whence);
	if (at >= 0)
		vfs__position_move(file, before, at);
	vfs__mutex_unlock(&file->position_lock, VFS__RANK_POS);
	return at;
}

/* The same, where the end of the file may be another by now. */
static int64_t seek_fresh(struct vfs__thread *thread, struct vfs_file *file,
			  int64_t offset, int whence)
{
	int err = 0;

	if (whence != SEEK_SET && whence != SEEK_CUR)
		err = vfs__inode_refresh(thread, file->inode);
	return err ? err : seek_locked(file, offset, whence);
}

int64_t vfs__lseek(struct vfs__thread *thread, struct vfs_task *task, int fd,
		   int64_t offset, int whence)
{
	struct vfs_file *file = vfs__fd_get_io(thread, task, fd);
	int64_t at;

	if (!file)
		return -EBADF;
	if (whence < 0 || whence > SEEK_HOLE)
		at = -EINVAL;
	else if (vfs__file_mode(file) & VFS__FILE_NOTIFY)
		at = 0;
	else if (!(vfs__file_mode(file) & VFS__FILE_SEEKABLE))
		at = -ESPIPE;
	else if (vfs__file_mode(file) & VFS__FILE_DEVICE)
		at = vfs__device_seek(file, offset, whence);
	else if (vfs__file_mode(file) & VFS__FILE_HOST)
		at = vfs__hoststream_seek(file, offset, whence);
	else
		at = seek_fresh(thread, file, offset, whence);
	vfs__file_unref(thread, file);
	return at;
}
