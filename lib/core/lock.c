/* SPDX-License-Identifier: MIT */
/*
 * File locks as calls ask for them: flock, fcntl, closing. Contract: lock.h;
 * ranges: lockset.h; waiting: lock_wait.h.
 */
#include "core/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "core/lock_wait.h"

#ifndef LOCK_MAND
#define LOCK_MAND 32
#endif

/* ---- flock ---- */

static int flock_type(int operation)
{
	switch (operation & ~LOCK_NB) {
	case LOCK_SH:
		return F_RDLCK;
	case LOCK_EX:
		return F_WRLCK;
	case LOCK_UN:
		return F_UNLCK;
	default:
		return -EINVAL;
	}
}

/* A lock of another type is given up first, whatever comes of the new one. */
static int flock_locked(struct vfs *vfs, struct vfs_task *task,
			struct vfs__lock_wait *w, bool wait)
{
	struct vfs__lock_queue *queue = w->queue;
	struct vfs__lock *own = vfs__lockset_own(queue->held, &w->want);
	struct vfs__lock none = w->want;
	int err;

	if (own && own->type == w->want.type)
		return 0;
	none.type = F_UNLCK;
	if (own)
		vfs__lockset_apply(&queue->held, &none, &w->spares);
	if (w->want.type != F_UNLCK &&
	    !vfs__lockset_conflict(queue->held, &w->want)) {
		/* before those whom the old lock kept waiting */
		err = vfs__lock_set(vfs, task, w, false);
		vfs__lock_grant(queue);
		return err;
	}
	vfs__lock_grant(queue);
	if (w->want.type == F_UNLCK)
		return 0;
	return vfs__lock_set(vfs, task, w, wait);
}

static int flock_file(struct vfs__thread *thread, struct vfs_task *task,
		      struct vfs_file *file, int32_t type, bool wait)
{
	struct vfs *vfs = task->vfs;
	struct vfs__lock_wait w = {
		.want = {.owner = file,
			 .end = VFS__LOCK_END,
			 .pid = -1,
			 .type = type},
	};
	struct vfs__locks *locks;
	int err = 0;

	if (type != F_UNLCK) {
		err = vfs__locks_make(thread, vfs, file->inode);
		if (!err && !vfs__lock_spares_add(thread, &w.spares, 1))
			err = -ENOMEM;
		if (err)
			return err;
		__atomic_fetch_or(&file->mode, VFS__FILE_LOCKED,
				  __ATOMIC_ACQ_REL);
	}
	vfs__locks_lock(vfs);
	locks = vfs__locks_of(file->inode);
	if (locks) {
		w.queue = &locks->flocks;
		err = flock_locked(vfs, task, &w, wait);
	}
	vfs__locks_unlock(vfs);
	vfs__lock_spares_free(thread, w.spares);
	return err;
}

int vfs__flock(struct vfs__thread *thread, struct vfs_task *task, int fd,
	       int operation)
{
	struct vfs_file *file;
	int type, err;

	/* Linux has lost them, and says yes to all that asks for them */
	if (operation & LOCK_MAND)
		return 0;
	type = flock_type(operation);
	if (type < 0)
		return type;
	file = vfs__fd_get_io(thread, task, fd);
	if (!file)
		return -EBADF;
	if (type != F_UNLCK &&
	    !(vfs__file_mode(file) & (VFS__FILE_READ | VFS__FILE_WRITE)))
		err = -EBADF;
	else
		err = flock_file(thread, task, file, type,
				 !(operation & LOCK_NB));
	vfs__file_unref(thread, file);
	return err;
}

/* ---- record locks ---- */

/* The range that *in names, and its type. */
static int read_request(struct vfs__thread *thread, const struct vfs_file *file,
			const struct vfs_flock *in, struct vfs__lock *out)
{
	int64_t start = 0;
	int err;

	switch (in->whence) {
	case SEEK_SET:
		break;
	case SEEK_CUR:
		start = VFS_READ_ONCE(file->position);
		break;
	case SEEK_END:
		err = vfs__inode_refresh(thread, file->inode);
		if (err)
			return err;
		start = VFS_READ_ONCE(file->inode->size);
		break;
	default:
		return -EINVAL;
	}
	if (__builtin_add_overflow(start, in->start, &start))
		return -EOVERFLOW;
	if (start < 0)
		return -EINVAL;
	out->end = VFS__LOCK_END;
	if (in->len > 0) {
		if (__builtin_add_overflow(start, in->len - 1, &out->end))
			return -EOVERFLOW;
	} else if (in->len < 0) {
		out->end = start - 1;
		start += in->len;
		if (start < 0)
			return -EINVAL;
	}
	out->start = start;
	out->type = in->type;
	return in->type == F_RDLCK || in->type == F_WRLCK || in->type == F_UNLCK
		       ? 0
		       : -EINVAL;
}

static int get_lock(struct vfs *vfs, struct vfs_file *file,
		    const struct vfs__lock *want, struct vfs_flock *out)
{
	struct vfs__lock *lock = NULL;
	struct vfs__locks *locks;

	vfs__locks_lock(vfs);
	locks = vfs__locks_of(file->inode);
	if (locks && want->type == F_UNLCK)
		lock = vfs__lockset_own(locks->records.held, want);
	else if (locks)
		lock = vfs__lockset_conflict(locks->records.held, want);
	if (lock) {
		out->type = (int16_t)lock->type;
		out->whence = SEEK_SET;
		out->pid = lock->pid;
		out->start = lock->start;
		out->len = lock->end == VFS__LOCK_END
				   ? 0
				   : lock->end - lock->start + 1;
	} else {
		out->type = F_UNLCK;
	}
	vfs__locks_unlock(vfs);
	return 0;
}

/* What a request other than F_UNLCK needs, and who must hear of its end. */
static int prepare(struct vfs__thread *thread, struct vfs_task *task,
		   struct vfs_file *file, struct vfs__lock_wait *w)
{
	int err = vfs__locks_make(thread, task->vfs, file->inode);

	if (err)
		return err;
	if (!vfs__lock_spares_add(thread, &w->spares, 2))
		return -ENOLCK;
	if (w->table)
		__atomic_store_n(&w->table->posix_locks, 1, __ATOMIC_RELEASE);
	else
		__atomic_fetch_or(&file->mode, VFS__FILE_LOCKED,
				  __ATOMIC_ACQ_REL);
	return 0;
}

static int change_locks(struct vfs__thread *thread, struct vfs_task *task,
			int fd, struct vfs_file *file, struct vfs__lock_wait *w,
			bool wait)
{
	struct vfs *vfs = task->vfs;
	bool unlock = w->want.type == F_UNLCK;
	struct vfs__locks *locks;
	int err = 0;

	if (unlock)
		vfs__lock_spares_add(thread, &w->spares, 1);
	else
		err = prepare(thread, task, file, w);
	if (err)
		goto free_spares;
	vfs__locks_lock(vfs);
	locks = vfs__locks_of(file->inode);
	if (locks) {
		w->queue = &locks->records;
		err = unlock ? vfs__lock_clear(w)
			     : vfs__lock_set(vfs, task, w, wait);
	}
	vfs__locks_unlock(vfs);
	/* closing fd has dropped the lock, unless it came too late for that:
	 * then it must not stay */
	if (!err && !unlock && w->table &&
	    !vfs__fd_is(thread, w->table, fd, file)) {
		/* setting it has left a spare if taking it back splits */
		w->want.type = F_UNLCK;
		vfs__locks_lock(vfs);
		vfs__lock_clear(w);
		vfs__locks_unlock(vfs);
		err = -EBADF;
	}
free_spares:
	vfs__lock_spares_free(thread, w->spares);
	return err;
}

/* A command as its POSIX form; *ofd: whether it was the other. */
static int plain_command(int cmd, bool *ofd)
{
	*ofd = false;
	switch (cmd) {
#if defined(F_GETLK64) && F_GETLK64 != F_GETLK
	case F_GETLK64:
		return F_GETLK;
	case F_SETLK64:
		return F_SETLK;
	case F_SETLKW64:
		return F_SETLKW;
#endif
	case F_GETLK:
	case F_SETLK:
	case F_SETLKW:
		return cmd;
#ifdef F_OFD_GETLK
	case F_OFD_GETLK:
		*ofd = true;
		return F_GETLK;
	case F_OFD_SETLK:
		*ofd = true;
		return F_SETLK;
	case F_OFD_SETLKW:
		*ofd = true;
		return F_SETLKW;
#endif
	default:
		return -EINVAL;
	}
}

static int record_lock_file(struct vfs__thread *thread, struct vfs_task *task,
			    int fd, struct vfs_file *file, int cmd,
			    struct vfs_flock *lock)
{
	uint32_t mode = vfs__file_mode(file);
	struct vfs__lock_wait w = {.queue = NULL};
	int plain, err;
	bool ofd;

	plain = plain_command(cmd, &ofd);
	if (plain < 0)
		return plain;
	if (!lock)
		return -EFAULT;
	if (plain == F_GETLK && !ofd && lock->type != F_RDLCK &&
	    lock->type != F_WRLCK)
		return -EINVAL;
	err = read_request(thread, file, lock, &w.want);
	if (err)
		return err;
	if (plain != F_GETLK &&
	    ((w.want.type == F_RDLCK && !(mode & VFS__FILE_READ)) ||
	     (w.want.type == F_WRLCK && !(mode & VFS__FILE_WRITE))))
		return -EBADF;
	if (ofd && lock->pid)
		return -EINVAL;
	w.table = ofd ? NULL : VFS_LOAD_POINTER(task->files);
	w.want.owner = ofd ? (const void *)file : w.table;
	w.want.pid = ofd ? -1 : task->id;
	if (plain == F_GETLK)
		return get_lock(task->vfs, file, &w.want, lock);
	return change_locks(thread, task, fd, file, &w, plain == F_SETLKW);
}

int vfs__record_lock(struct vfs__thread *thread, struct vfs_task *task, int fd,
		     int cmd, struct vfs_flock *lock)
{
	struct vfs_file *file = vfs__fd_get_io(thread, task, fd);
	int err;

	if (!file)
		return -EBADF;
	err = record_lock_file(thread, task, fd, file, cmd, lock);
	vfs__file_unref(thread, file);
	return err;
}

/* ---- closing ---- */

/* Everything that owner holds goes. locks_lock held. */
static void drop_all(struct vfs__lock_queue *queue, const void *owner,
		     struct vfs__lock **spares)
{
	const struct vfs__lock none = {
		.owner = owner,
		.end = VFS__LOCK_END,
		.type = F_UNLCK,
	};

	if (vfs__lockset_apply(&queue->held, &none, spares))
		vfs__lock_grant(queue);
}

void vfs__locks_close(struct vfs__thread *thread, struct vfs *vfs,
		      struct vfs__fdtable *table, struct vfs_inode *inode)
{
	struct vfs__lock *spares = NULL;
	struct vfs__locks *locks;

	if (!vfs__inode_ext_peek(inode))
		return;
	vfs__locks_lock(vfs);
	locks = vfs__locks_of(inode);
	if (locks)
		drop_all(&locks->records, table, &spares);
	vfs__locks_unlock(vfs);
	vfs__lock_spares_free(thread, spares);
}

void vfs__locks_release(struct vfs__thread *thread, struct vfs_file *file)
{
	struct vfs *vfs = file->vfs;
	struct vfs__lock *spares = NULL;
	struct vfs__locks *locks;

	vfs__locks_lock(vfs);
	locks = vfs__locks_of(file->inode);
	if (locks) {
		drop_all(&locks->records, file, &spares);
		drop_all(&locks->flocks, file, &spares);
	}
	vfs__locks_unlock(vfs);
	vfs__lock_spares_free(thread, spares);
}
