/* SPDX-License-Identifier: MIT */
/*
 * File locks: who holds them, who waits for them, who would wait for ever.
 * Contract: lock.h; the lists of ranges: lockset.h.
 *
 * One mutex an instance, locks_lock, protects every list of locks and of
 * waiters. A blocked call stands in the inode's queue with the memory that its
 * lock will need. Whoever gives something up grants, in the order of arrival,
 * what is then possible, so that the sleeper wakes with its lock and nobody
 * comes in between.
 *
 * Deadlocks. Owners of POSIX locks are descriptor tables; each table has the
 * list of its blocked requests. A request is refused when following "waits for
 * the holder of" from it leads back to its owner. Open files as owners are not
 * followed, but for the first step, as Linux does it.
 */
#include "core/lock.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "core/inode.h"
#include "core/lockset.h"
#include "core/rw.h"
#include "util/epoch.h"

#ifndef LOCK_MAND
#define LOCK_MAND 32
#endif

struct queue {
	struct vfs__lock *held;
	struct vfs__lock_wait *waiting, **last;
};

/* What an inode has; kept until the inode goes. */
struct vfs__locks {
	struct queue records; /* POSIX and OFD */
	struct queue flocks;
};

/* A request: on the stack of the call. */
struct vfs__lock_wait {
	struct vfs__lock want;
	struct queue *queue;
	struct vfs__fdtable *table; /* the owner of a POSIX lock, or NULL */
	struct vfs__lock *spares;   /* memory for vfs__lockset_apply */
	/* in the queue, while blocked */
	struct vfs__lock_wait *next, **prev;
	/* in table->lock_waits, while blocked */
	struct vfs__lock_wait *owner_next, **owner_prev;
	/* a search for deadlocks is going on, and has come by */
	struct vfs__lock_wait *found_next;
	bool found;
	bool done;
	int result;
	struct vfs__waiter waiter;
};

static void lock_all(struct vfs *vfs)
{
	vfs__mutex_lock(&vfs->locks_lock, VFS__RANK_LOCKS);
}

static void unlock_all(struct vfs *vfs)
{
	vfs__mutex_unlock(&vfs->locks_lock, VFS__RANK_LOCKS);
}

/* ---- memory ---- */

static void free_spares(struct vfs__thread *thread, struct vfs__lock *spares)
{
	while (spares) {
		struct vfs__lock *next = spares->next;

		vfs__mem_free(thread, spares, sizeof(*spares));
		spares = next;
	}
}

/* count locks more on the list; false: not all of them. */
static bool add_spares(struct vfs__thread *thread, struct vfs__lock **spares,
		       unsigned count)
{
	while (count--) {
		struct vfs__lock *lock = vfs__mem_alloc(thread, sizeof(*lock));

		if (!lock)
			return false;
		lock->next = *spares;
		*spares = lock;
	}
	return true;
}

/* What inode has, or NULL. locks_lock held. */
static struct vfs__locks *locks_of(struct vfs_inode *inode)
{
	struct vfs__inode_ext *ext = vfs__inode_ext_peek(inode);

	return ext ? ext->locks : NULL;
}

/* Makes sure that inode has a struct vfs__locks. */
static int make_locks(struct vfs__thread *thread, struct vfs *vfs,
		      struct vfs_inode *inode)
{
	struct vfs__inode_ext *ext = vfs__inode_ext(thread, inode);
	struct vfs__locks *locks;
	bool have;

	if (!ext)
		return -ENOMEM;
	lock_all(vfs);
	have = ext->locks;
	unlock_all(vfs);
	if (have)
		return 0;
	locks = vfs__mem_alloc(thread, sizeof(*locks));
	if (!locks)
		return -ENOMEM;
	memset(locks, 0, sizeof(*locks));
	locks->records.last = &locks->records.waiting;
	locks->flocks.last = &locks->flocks.waiting;
	lock_all(vfs);
	have = ext->locks;
	if (!have)
		ext->locks = locks;
	unlock_all(vfs);
	if (have)
		vfs__mem_free(thread, locks, sizeof(*locks));
	return 0;
}

void vfs__locks_free(struct vfs__thread *thread, struct vfs__locks *locks)
{
	if (!locks)
		return;
	assert(!locks->records.held && !locks->records.waiting);
	assert(!locks->flocks.held && !locks->flocks.waiting);
	vfs__mem_free(thread, locks, sizeof(*locks));
}

/* ---- deadlocks ---- */

/* Puts the requests in the list, if they are not yet, behind *last. */
static void find_wait(struct vfs__lock_wait *w, struct vfs__lock_wait ***last)
{
	if (w->found)
		return;
	w->found = true;
	w->found_next = NULL;
	**last = w;
	*last = &w->found_next;
}

/*
 * What the holder of `lock` is waiting for itself. Open files are asked in the
 * first step only: they can wait for a lock of their own file alone, which is
 * in the same queue.
 */
static void find_waits_of(const struct vfs__lock *lock, struct queue *queue,
			  bool first, struct vfs__lock_wait ***last)
{
	struct vfs__fdtable *table = (void *)(uintptr_t)lock->owner;

	if (lock->pid != -1) {
		for (struct vfs__lock_wait *w = table->lock_waits; w;
		     w = w->owner_next)
			find_wait(w, last);
	} else if (first) {
		for (struct vfs__lock_wait *w = queue->waiting; w; w = w->next)
			if (w->want.owner == lock->owner)
				find_wait(w, last);
	}
}

/* Whether one of the locks that w is blocked by is owner's; if not, their
 * holders' requests are put in the list. */
static bool leads_back(struct vfs__lock_wait *w, const void *owner, bool first,
		       struct vfs__lock_wait ***last)
{
	struct vfs__lock *lock =
		vfs__lockset_conflict(w->queue->held, &w->want);

	for (; lock; lock = vfs__lockset_next_conflict(lock, &w->want)) {
		if (lock->owner == owner)
			return true;
		find_waits_of(lock, w->queue, first, last);
	}
	return false;
}

/* Whether w, once blocked, waits for itself. */
static bool is_deadlock(struct vfs__lock_wait *w)
{
	struct vfs__lock_wait *list = NULL, **last = &list;
	bool back = false;

	if (!w->table)
		return false;
	find_wait(w, &last);
	for (struct vfs__lock_wait *at = list; at && !back; at = at->found_next)
		back = leads_back(at, w->want.owner, at == w, &last);
	for (; list; list = list->found_next)
		list->found = false;
	return back;
}

/* ---- waiting and granting ---- */

static void enqueue(struct vfs__lock_wait *w)
{
	struct queue *queue = w->queue;

	w->next = NULL;
	w->prev = queue->last;
	*queue->last = w;
	queue->last = &w->next;
	if (!w->table)
		return;
	w->owner_next = w->table->lock_waits;
	w->owner_prev = &w->table->lock_waits;
	if (w->owner_next)
		w->owner_next->owner_prev = &w->owner_next;
	w->table->lock_waits = w;
}

static void dequeue(struct vfs__lock_wait *w)
{
	*w->prev = w->next;
	if (w->next)
		w->next->prev = w->prev;
	else
		w->queue->last = w->prev;
	if (!w->table)
		return;
	*w->owner_prev = w->owner_next;
	if (w->owner_next)
		w->owner_next->owner_prev = w->owner_prev;
}

/* The blocked request has its answer. */
static void answer(struct vfs__lock_wait *w, int result)
{
	dequeue(w);
	w->done = true;
	w->result = result;
	vfs__waiter_wake(&w->waiter);
}

/* One look at everybody; true: something was given up on the way. */
static bool grant_once(struct queue *queue)
{
	struct vfs__lock_wait *next;

	for (struct vfs__lock_wait *w = queue->waiting; w; w = next) {
		next = w->next;
		if (!vfs__lockset_conflict(queue->held, &w->want)) {
			bool weaker = vfs__lockset_apply(&queue->held, &w->want,
							 &w->spares);

			answer(w, 0);
			if (weaker)
				return true;
		} else if (is_deadlock(w)) {
			answer(w, -EDEADLK);
		}
	}
	return false;
}

/* Something was given up: whoever can have its lock now gets it. */
static void grant(struct queue *queue)
{
	while (grant_once(queue))
		;
}

/* locks_lock held, and given back while asleep. */
static int wait_for(struct vfs *vfs, struct vfs_task *task,
		    struct vfs__lock_wait *w)
{
	int err = 0;

	w->done = false;
	vfs__waiter_init(&w->waiter, task);
	enqueue(w);
	while (!w->done && !err) {
		unlock_all(vfs);
		err = vfs__wait_sleep(&w->waiter, -1);
		lock_all(vfs);
	}
	if (w->done)
		err = w->result;
	else
		dequeue(w);
	vfs__waiter_fini(&w->waiter);
	return err;
}

/* Sets w's lock; it has its spares. locks_lock held. */
static int set_lock(struct vfs *vfs, struct vfs_task *task,
		    struct vfs__lock_wait *w, bool wait)
{
	struct queue *queue = w->queue;

	if (!vfs__lockset_conflict(queue->held, &w->want)) {
		if (vfs__lockset_apply(&queue->held, &w->want, &w->spares))
			grant(queue);
		return 0;
	}
	if (!wait)
		return -EAGAIN;
	if (is_deadlock(w))
		return -EDEADLK;
	return wait_for(vfs, task, w);
}

/* locks_lock held. */
static int clear_lock(struct vfs__lock_wait *w)
{
	struct queue *queue = w->queue;

	if (!w->spares && vfs__lockset_splits(queue->held, &w->want))
		return -ENOLCK;
	if (vfs__lockset_apply(&queue->held, &w->want, &w->spares))
		grant(queue);
	return 0;
}

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
	struct queue *queue = w->queue;
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
		err = set_lock(vfs, task, w, false);
		grant(queue);
		return err;
	}
	grant(queue);
	if (w->want.type == F_UNLCK)
		return 0;
	return set_lock(vfs, task, w, wait);
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
		err = make_locks(thread, vfs, file->inode);
		if (!err && !add_spares(thread, &w.spares, 1))
			err = -ENOMEM;
		if (err)
			return err;
		__atomic_fetch_or(&file->mode, VFS__FILE_LOCKED,
				  __ATOMIC_ACQ_REL);
	}
	lock_all(vfs);
	locks = locks_of(file->inode);
	if (locks) {
		w.queue = &locks->flocks;
		err = flock_locked(vfs, task, &w, wait);
	}
	unlock_all(vfs);
	free_spares(thread, w.spares);
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
static int read_request(const struct vfs_file *file, const struct vfs_flock *in,
			struct vfs__lock *out)
{
	int64_t start = 0;

	switch (in->whence) {
	case SEEK_SET:
		break;
	case SEEK_CUR:
		start = VFS_READ_ONCE(file->position);
		break;
	case SEEK_END:
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

	lock_all(vfs);
	locks = locks_of(file->inode);
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
	unlock_all(vfs);
	return 0;
}

/* Whether fd still names file: if not, the lock came too late to be dropped
 * by the closing of fd, and must not stay. */
static bool still_open(struct vfs_task *task, int fd,
		       const struct vfs_file *file)
{
	struct vfs__fdtable *table = task->files;
	bool same;

	vfs__mutex_lock(&table->lock, VFS__RANK_FDTABLE);
	same = (uint32_t)fd < table->array->size &&
	       table->array->files[fd] == file;
	vfs__mutex_unlock(&table->lock, VFS__RANK_FDTABLE);
	return same;
}

/* What a request other than F_UNLCK needs, and who must hear of its end. */
static int prepare(struct vfs__thread *thread, struct vfs_task *task,
		   struct vfs_file *file, struct vfs__lock_wait *w)
{
	int err = make_locks(thread, task->vfs, file->inode);

	if (err)
		return err;
	if (!add_spares(thread, &w->spares, 2))
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
		add_spares(thread, &w->spares, 1);
	else
		err = prepare(thread, task, file, w);
	if (err)
		goto free_spares;
	lock_all(vfs);
	locks = locks_of(file->inode);
	if (locks) {
		w->queue = &locks->records;
		err = unlock ? clear_lock(w) : set_lock(vfs, task, w, wait);
	}
	unlock_all(vfs);
	if (!err && !unlock && w->table && !still_open(task, fd, file)) {
		/* setting it has left a spare if taking it back splits */
		w->want.type = F_UNLCK;
		lock_all(vfs);
		clear_lock(w);
		unlock_all(vfs);
		err = -EBADF;
	}
free_spares:
	free_spares(thread, w->spares);
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
	err = read_request(file, lock, &w.want);
	if (err)
		return err;
	if (plain != F_GETLK &&
	    ((w.want.type == F_RDLCK && !(mode & VFS__FILE_READ)) ||
	     (w.want.type == F_WRLCK && !(mode & VFS__FILE_WRITE))))
		return -EBADF;
	if (ofd && lock->pid)
		return -EINVAL;
	w.table = ofd ? NULL : task->files;
	w.want.owner = ofd ? (const void *)file : task->files;
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
static void drop_all(struct queue *queue, const void *owner,
		     struct vfs__lock **spares)
{
	const struct vfs__lock none = {
		.owner = owner,
		.end = VFS__LOCK_END,
		.type = F_UNLCK,
	};

	if (vfs__lockset_apply(&queue->held, &none, spares))
		grant(queue);
}

void vfs__locks_close(struct vfs__thread *thread, struct vfs *vfs,
		      struct vfs__fdtable *table, struct vfs_inode *inode)
{
	struct vfs__lock *spares = NULL;
	struct vfs__locks *locks;

	if (!vfs__inode_ext_peek(inode))
		return;
	lock_all(vfs);
	locks = locks_of(inode);
	if (locks)
		drop_all(&locks->records, table, &spares);
	unlock_all(vfs);
	free_spares(thread, spares);
}

void vfs__locks_release(struct vfs__thread *thread, struct vfs_file *file)
{
	struct vfs *vfs = file->vfs;
	struct vfs__lock *spares = NULL;
	struct vfs__locks *locks;

	lock_all(vfs);
	locks = locks_of(file->inode);
	if (locks) {
		drop_all(&locks->records, file, &spares);
		drop_all(&locks->flocks, file, &spares);
	}
	unlock_all(vfs);
	free_spares(thread, spares);
}
