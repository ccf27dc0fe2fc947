/* SPDX-License-Identifier: MIT */
/*
 * The locks of one inode with the calls that wait for them: what is behind
 * lock.h. Everything here is under vfs->locks_lock, but for memory, which is
 * asked for before and given back after it.
 */
#ifndef VFS__LOCK_WAIT_H
#define VFS__LOCK_WAIT_H

#include "core/inode.h"
#include "core/lockset.h"
#include "core/task.h"

struct vfs__lock_queue {
	struct vfs__lock *held;
	struct vfs__lock_wait *waiting, **last;
};

/* What an inode has; kept until the inode goes. */
struct vfs__locks {
	struct vfs__lock_queue records; /* POSIX and OFD */
	struct vfs__lock_queue flocks;
};

/* A request: on the stack of the call. */
struct vfs__lock_wait {
	struct vfs__lock want;
	struct vfs__lock_queue *queue;
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

static inline void vfs__locks_lock(struct vfs *vfs)
{
	vfs__mutex_lock(&vfs->locks_lock, VFS__RANK_LOCKS);
}

static inline void vfs__locks_unlock(struct vfs *vfs)
{
	vfs__mutex_unlock(&vfs->locks_lock, VFS__RANK_LOCKS);
}

/* - What inode has, or NULL. locks_lock held. */
static inline struct vfs__locks *vfs__locks_of(const struct vfs_inode *inode)
{
	struct vfs__inode_ext *ext = vfs__inode_ext_peek(inode);

	return ext ? ext->locks : NULL;
}

/* - Makes sure that inode has a struct vfs__locks: 0, -ENOMEM. Takes the
 *   lock. */
int vfs__locks_make(struct vfs__thread *thread, struct vfs *vfs,
		    struct vfs_inode *inode);
/* - count locks more on the list; false: not all of them. */
bool vfs__lock_spares_add(struct vfs__thread *thread, struct vfs__lock **spares,
			  unsigned count);
void vfs__lock_spares_free(struct vfs__thread *thread,
			   struct vfs__lock *spares);

/* - Something was given up: whoever can have its lock now gets it. Locked. */
void vfs__lock_grant(struct vfs__lock_queue *queue);
/* - Sets w's lock (not F_UNLCK); it has its spares. 0, -EAGAIN, -EDEADLK,
 *   -EINTR. Locked; given back while asleep. */
int vfs__lock_set(struct vfs *vfs, struct vfs_task *task,
		  struct vfs__lock_wait *w, bool wait);
/* - Takes w's range from its owner. 0, -ENOLCK: it takes a spare, and there is
 *   none. Locked. */
int vfs__lock_clear(struct vfs__lock_wait *w);

#endif
