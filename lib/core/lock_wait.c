/* SPDX-License-Identifier: MIT */
/*
 * Who waits for which lock, and who would wait for ever. Contract:
 * lock_wait.h.
 *
 * A blocked call stands in the inode's queue with the memory that its lock
 * will need. Whoever gives something up grants, in the order of arrival, what
 * is then possible, so that the sleeper wakes with its lock and nobody comes
 * in between.
 *
 * Deadlocks. Owners of POSIX locks are descriptor tables; each table has the
 * list of its blocked requests. A request is refused when following "waits for
 * the holder of" from it leads back to its owner. Open files as owners are not
 * followed, but for the first step, as Linux does it.
 */
#include "core/lock_wait.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "core/lock.h"

/* ---- memory ---- */

void vfs__lock_spares_free(struct vfs__thread *thread, struct vfs__lock *spares)
{
	while (spares) {
		struct vfs__lock *next = spares->next;

		vfs__mem_free(thread, spares, sizeof(*spares));
		spares = next;
	}
}

/* count locks more on the list; false: not all of them. */
bool vfs__lock_spares_add(struct vfs__thread *thread, struct vfs__lock **spares,
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

/* Makes sure that inode has a struct vfs__locks. */
int vfs__locks_make(struct vfs__thread *thread, struct vfs *vfs,
		    struct vfs_inode *inode)
{
	struct vfs__inode_ext *ext = vfs__inode_ext(thread, inode);
	struct vfs__locks *locks;
	bool have;

	if (!ext)
		return -ENOMEM;
	vfs__locks_lock(vfs);
	have = ext->locks;
	vfs__locks_unlock(vfs);
	if (have)
		return 0;
	locks = vfs__mem_alloc(thread, sizeof(*locks));
	if (!locks)
		return -ENOMEM;
	memset(locks, 0, sizeof(*locks));
	locks->records.last = &locks->records.waiting;
	locks->flocks.last = &locks->flocks.waiting;
	vfs__locks_lock(vfs);
	have = ext->locks;
	if (!have)
		ext->locks = locks;
	vfs__locks_unlock(vfs);
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
static void find_waits_of(const struct vfs__lock *lock,
			  struct vfs__lock_queue *queue, bool first,
			  struct vfs__lock_wait ***last)
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
	struct vfs__lock_queue *queue = w->queue;

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
static bool grant_once(struct vfs__lock_queue *queue)
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
void vfs__lock_grant(struct vfs__lock_queue *queue)
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
		vfs__locks_unlock(vfs);
		err = vfs__wait_sleep(&w->waiter, -1);
		vfs__locks_lock(vfs);
	}
	if (w->done)
		err = w->result;
	else
		dequeue(w);
	vfs__waiter_fini(&w->waiter);
	return err;
}

/* Sets w's lock; it has its spares. locks_lock held. */
int vfs__lock_set(struct vfs *vfs, struct vfs_task *task,
		  struct vfs__lock_wait *w, bool wait)
{
	struct vfs__lock_queue *queue = w->queue;

	if (!vfs__lockset_conflict(queue->held, &w->want)) {
		if (vfs__lockset_apply(&queue->held, &w->want, &w->spares))
			vfs__lock_grant(queue);
		return 0;
	}
	if (!wait)
		return -EAGAIN;
	if (is_deadlock(w))
		return -EDEADLK;
	return wait_for(vfs, task, w);
}

/* locks_lock held. */
int vfs__lock_clear(struct vfs__lock_wait *w)
{
	struct vfs__lock_queue *queue = w->queue;

	if (!w->spares && vfs__lockset_splits(queue->held, &w->want))
		return -ENOLCK;
	if (vfs__lockset_apply(&queue->held, &w->want, &w->spares))
		vfs__lock_grant(queue);
	return 0;
}
