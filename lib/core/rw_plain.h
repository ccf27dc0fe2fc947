/* SPDX-License-Identifier: MIT */
/*
 * The straight ways of pread, pwrite and lseek, inline: what most calls are,
 * and nothing else. One segment of a sane size, an operation that never blocks,
 * no lock that is taken, no rule that has something to say. Whatever is
 * different: false with nothing done, and rw.c does it.
 *
 * watched, a constant: something is, somewhere; whoever wants to know of this
 * is told by the long way. Not watched: it was looked at before.
 *
 * A pread stores to the caller's buffer and the thread's own record, so that
 * threads that share a descriptor do not slow each other down.
 */
#ifndef VFS__RW_PLAIN_H
#define VFS__RW_PLAIN_H

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/atime.h"
#include "core/cred.h"
#include "core/notify.h"
#include "core/rw.h"

/* Neither empty, nor cut, nor beyond the last offset there is. */
static inline bool vfs__io_is_sane(const void *buffer, size_t count,
				   int64_t offset)
{
	return buffer && count - 1 < VFS__IO_MAX &&
	       (uint64_t)offset <= (uint64_t)INT64_MAX - VFS__IO_MAX;
}

/* Does somebody want to know of a read, if only the inode's atime? */
static inline bool vfs__read_is_told(const struct vfs_file *file)
{
	return vfs__mount_traces_all(file->path.mnt) ||
	       vfs__notify_wants(file, VFS_IN_ACCESS);
}

static inline bool vfs__pread_plain(struct vfs__thread *thread,
				    struct vfs_task *task, int fd, void *buffer,
				    size_t count, int64_t offset, bool watched,
				    int64_t *n)
{
	struct vfs_inode *inode;
	struct vfs_file *file;

	if (__builtin_expect(!vfs__io_is_sane(buffer, count, offset), 0))
		return false;
	vfs__epoch_enter(thread);
	file = vfs__fd_peek(VFS_LOAD_POINTER(task->files), fd);
	if (__builtin_expect(
		    !file || !(vfs__file_mode(file) & VFS__FILE_PLAIN_READ) ||
			    (watched && vfs__read_is_told(file)),
		    0)) {
		vfs__epoch_leave(thread);
		return false;
	}
	inode = file->inode;
	*n = inode->ops->read(inode, file, buffer, count, offset);
	if (__builtin_expect(!vfs__atime_is_fresh(thread, inode), 0))
		vfs__file_accessed(thread, file, *n);
	vfs__epoch_leave(thread);
	return true;
}

/* At the position, if nobody else is reading there. */
static inline bool vfs__read_plain(struct vfs__thread *thread,
				   struct vfs_task *task, int fd, void *buffer,
				   size_t count, bool watched, int64_t *n)
{
	struct vfs_inode *inode;
	struct vfs_file *file;
	int64_t at;

	if (__builtin_expect(!buffer || count - 1 >= VFS__IO_MAX, 0))
		return false;
	vfs__epoch_enter(thread);
	file = vfs__fd_peek(VFS_LOAD_POINTER(task->files), fd);
	if (__builtin_expect(
		    !file || !(vfs__file_mode(file) & VFS__FILE_PLAIN_READ) ||
			    (watched && vfs__read_is_told(file)) ||
			    !vfs__mutex_trylock(&file->position_lock,
						VFS__RANK_POS),
		    0)) {
		vfs__epoch_leave(thread);
		return false;
	}
	inode = file->inode;
	at = VFS_READ_ONCE(file->position);
	*n = -EINVAL;
	if (__builtin_expect(at <= INT64_MAX - (int64_t)count, 1)) {
		*n = inode->ops->read(inode, file, buffer, count, at);
		if (*n > 0)
			vfs__position_move(file, at, at + *n);
	}
	vfs__mutex_unlock(&file->position_lock, VFS__RANK_POS);
	if (__builtin_expect(!vfs__atime_is_fresh(thread, inode), 0))
		vfs__file_accessed(thread, file, *n);
	vfs__epoch_leave(thread);
	return true;
}

/* Whether a write of these bytes has nothing to wait for, to clear or to cut.
 * inode locked. */
static inline bool vfs__pwrite_is_plain(const struct vfs_task *task,
					const struct vfs_inode *inode,
					uint64_t end)
{
	return end <= VFS_READ_ONCE(task->fsize_cur) &&
	       end <= (uint64_t)inode->super->max_file_size &&
	       !(VFS_READ_ONCE(inode->mode) & (S_ISUID | S_ISGID)) &&
	       !(VFS_READ_ONCE(inode->flags) &
		 (VFS_INODE_XATTR | VFS_INODE_DEAD | VFS_INODE_SEALABLE));
}

static inline void vfs__pwrite_end(struct vfs__thread *thread,
				   struct vfs_inode *inode)
{
	vfs__epoch_enter(thread);
	vfs__inode_unlock(inode);
	vfs__epoch_leave(thread);
}

/*
 * The inode's lock, taken inside the section, keeps the inode alive when the
 * section has ended, because eviction takes it too. The file itself may go, and
 * is not passed on. NULL: not the straight way; else locked.
 * It is unlocked in a section again, which is what keeps the lock itself.
 */
static inline struct vfs_inode *vfs__pwrite_begin(struct vfs__thread *thread,
						  struct vfs_task *task, int fd,
						  uint64_t end, bool watched)
{
	struct vfs_inode *inode = NULL;
	struct vfs_file *file;

	vfs__epoch_enter(thread);
	file = vfs__fd_peek(VFS_LOAD_POINTER(task->files), fd);
	if (__builtin_expect(
		    file && (vfs__file_mode(file) & VFS__FILE_PLAIN_WRITE) &&
			    !(VFS_READ_ONCE(file->flags) & O_APPEND) &&
			    !(watched &&
			      vfs__notify_wants(file,
						VFS_IN_MODIFY | VFS_IN_ATTRIB)),
		    1)) {
		inode = file->inode;
		if (!vfs__rw_try_excl(&inode->core_lock, VFS__RANK_INODE))
			inode = NULL;
	}
	vfs__epoch_leave(thread);
	if (__builtin_expect(inode && !vfs__pwrite_is_plain(task, inode, end),
			     0)) {
		vfs__pwrite_end(thread, inode);
		inode = NULL;
	}
	return inode;
}

/* The times follow the bytes, whose copying hides what the clock costs; whether
 * or not they fit, as Linux has it. */
static inline bool vfs__pwrite_plain(struct vfs__thread *thread,
				     struct vfs_task *task, int fd,
				     const void *buffer, size_t count,
				     int64_t offset, bool watched, int64_t *n)
{
	struct vfs_inode *inode;

	if (__builtin_expect(!vfs__io_is_sane(buffer, count, offset), 0))
		return false;
	inode = vfs__pwrite_begin(thread, task, fd, (uint64_t)offset + count,
				  watched);
	if (__builtin_expect(!inode, 0))
		return false;
	*n = inode->ops->write(inode, NULL, buffer, count, offset);
	vfs__inode_modified_once(task->vfs, inode);
	vfs__pwrite_end(thread, inode);
	return true;
}

/* Whether set-id bits that somebody else may have set meanwhile are to be
 * looked for before task writes. Inside a section. */
static inline bool vfs__write_asks(struct vfs_task *task,
				   const struct vfs_inode *inode)
{
	return (VFS_READ_ONCE(inode->flags) & VFS_INODE_VOLATILE) &&
	       !vfs__capable(
		       vfs__task_cred_peek((struct vfs_task *)(uintptr_t)task),
		       VFS_CAP_FSETID);
}

/*
 * The same for operations that block, on files whose attributes are somebody
 * else's: with a reference, out of the section. What is to be saved here are
 * calls and returns, of which the processor knows nothing any more after one of
 * the system's.
 */
static inline struct vfs_file *vfs__direct_begin(struct vfs__thread *thread,
						 struct vfs_task *task, int fd,
						 uint32_t bit)
{
	struct vfs_file *file;

	vfs__epoch_enter(thread);
	file = vfs__fd_peek(VFS_LOAD_POINTER(task->files), fd);
	if (!file || !(vfs__file_mode(file) & bit) ||
	    (VFS_READ_ONCE(file->flags) & O_APPEND) ||
	    (bit == VFS__FILE_DIRECT_WRITE &&
	     vfs__write_asks(task, file->inode)) ||
	    !vfs__file_tryref(file))
		file = NULL;
	vfs__epoch_leave(thread);
	thread->task = task;
	thread->now_valid &= thread->keep_now;
	thread->fresh = NULL;
	return file;
}

static inline bool vfs__pread_direct(struct vfs__thread *thread,
				     struct vfs_task *task, int fd,
				     void *buffer, size_t count, int64_t offset,
				     int64_t *n)
{
	struct vfs_inode *inode;
	struct vfs_file *file;

	if (!vfs__io_is_sane(buffer, count, offset))
		return false;
	file = vfs__direct_begin(thread, task, fd, VFS__FILE_DIRECT_READ);
	if (!file)
		return false;
	inode = file->inode;
	*n = inode->ops->read(inode, file, buffer, count, offset);
	/* what is to be asked for anyway is not known better by a read, but by
	 * who is told of it */
	if (VFS_READ_ONCE(inode->flags) & VFS__INODE_ASK
		    ? VFS__HAS_OP(inode->ops, accessed)
		    : !vfs__atime_is_fresh(thread, inode))
		vfs__file_accessed(thread, file, *n);
	vfs__file_unref(thread, file);
	return true;
}

static inline bool vfs__pwrite_direct(struct vfs__thread *thread,
				      struct vfs_task *task, int fd,
				      const void *buffer, size_t count,
				      int64_t offset, int64_t *n)
{
	struct vfs_inode *inode;
	struct vfs_file *file;
	bool plain;

	if (!vfs__io_is_sane(buffer, count, offset))
		return false;
	file = vfs__direct_begin(thread, task, fd, VFS__FILE_DIRECT_WRITE);
	if (!file)
		return false;
	inode = file->inode;
	vfs__rw_lock_excl(&inode->core_lock, VFS__RANK_INODE);
	plain = vfs__pwrite_is_plain(task, inode, (uint64_t)offset + count);
	if (plain)
		*n = inode->ops->write(inode, file, buffer, count, offset);
	vfs__rw_unlock_excl(&inode->core_lock);
	vfs__file_unref(thread, file);
	return plain;
}

/* To a place that depends on nothing, or nowhere: without a lock. */
static inline bool vfs__lseek_plain(struct vfs__thread *thread,
				    struct vfs_task *task, int fd,
				    int64_t offset, int whence, int64_t *at)
{
	struct vfs_file *file;
	bool done = false;

	vfs__epoch_enter(thread);
	file = vfs__fd_peek(VFS_LOAD_POINTER(task->files), fd);
	if (__builtin_expect(file && (vfs__file_mode(file) &
				      (VFS__FILE_SEEKABLE | VFS__FILE_DEVICE |
				       VFS__FILE_HOST)) == VFS__FILE_SEEKABLE,
			     1)) {
		if (whence == SEEK_SET && offset >= 0 &&
		    offset <= file->inode->super->max_file_size) {
			VFS_WRITE_ONCE(file->position, offset);
			*at = offset;
			done = true;
		} else if (whence == SEEK_CUR && !offset) {
			*at = VFS_READ_ONCE(file->position);
			done = true;
		}
	}
	vfs__epoch_leave(thread);
	return done;
}

#endif
