/* SPDX-License-Identifier: MIT */
/* Lists of locked ranges. Contract: lockset.h. */
#include "core/lockset.h"

#include <assert.h>
#include <fcntl.h>
#include <stddef.h>

static bool overlap(const struct vfs__lock *a, const struct vfs__lock *b)
{
	return a->start <= b->end && b->start <= a->end;
}

/* Overlapping, or one ends where the other begins. No end is ever above
 * VFS__LOCK_END, so that only starts may be counted down. */
static bool touch(const struct vfs__lock *a, const struct vfs__lock *b)
{
	return a->start - 1 <= b->end && b->start - 1 <= a->end;
}

static bool in_conflict(const struct vfs__lock *held,
			const struct vfs__lock *want)
{
	return held->owner != want->owner &&
	       (held->type == F_WRLCK || want->type == F_WRLCK) &&
	       overlap(held, want);
}

struct vfs__lock *vfs__lockset_conflict(struct vfs__lock *held,
					const struct vfs__lock *want)
{
	while (held && !in_conflict(held, want))
		held = held->next;
	return held;
}

struct vfs__lock *vfs__lockset_next_conflict(const struct vfs__lock *lock,
					     const struct vfs__lock *want)
{
	return vfs__lockset_conflict(lock->next, want);
}

struct vfs__lock *vfs__lockset_own(struct vfs__lock *held,
				   const struct vfs__lock *want)
{
	while (held && (held->owner != want->owner || !overlap(held, want)))
		held = held->next;
	return held;
}

bool vfs__lockset_splits(struct vfs__lock *held, const struct vfs__lock *want)
{
	held = vfs__lockset_own(held, want);
	return held && held->start < want->start && held->end > want->end;
}

static void push(struct vfs__lock **list, struct vfs__lock *lock)
{
	lock->next = *list;
	*list = lock;
}

static struct vfs__lock *pop(struct vfs__lock **list)
{
	struct vfs__lock *lock = *list;

	assert(lock);
	*list = lock->next;
	return lock;
}

/* Takes *link, which touches want and is of its type, into want. */
static void absorb(struct vfs__lock **link, struct vfs__lock *want,
		   struct vfs__lock **spares)
{
	struct vfs__lock *lock = pop(link);

	if (lock->start < want->start)
		want->start = lock->start;
	if (lock->end > want->end)
		want->end = lock->end;
	want->pid = lock->pid;
	push(spares, lock);
}

/* Cuts want's range out of *link, which overlaps it. Returns where a lock of
 * want's range belongs, or what comes after it. */
static struct vfs__lock **cut(struct vfs__lock **link,
			      const struct vfs__lock *want,
			      struct vfs__lock **spares)
{
	struct vfs__lock *lock = *link;

	if (lock->start >= want->start) {
		if (lock->end > want->end)
			lock->start = want->end + 1;
		else
			push(spares, pop(link));
		return link;
	}
	if (lock->end > want->end) {
		struct vfs__lock *right = pop(spares);

		*right = *lock;
		right->start = want->end + 1;
		lock->next = right;
	}
	lock->end = want->start - 1;
	return &lock->next;
}

bool vfs__lockset_apply(struct vfs__lock **held, const struct vfs__lock *want,
			struct vfs__lock **spares)
{
	struct vfs__lock **link = held;
	struct vfs__lock new = *want;
	struct vfs__lock *lock;
	bool weaker = false;

	while ((lock = *link) && lock->owner != new.owner)
		link = &lock->next;
	while ((lock = *link) && lock->owner == new.owner &&
	       lock->start - 1 <= new.end) {
		if (lock->type == new.type && touch(lock, &new)) {
			absorb(link, &new, spares);
		} else if (lock->type != new.type && overlap(lock, &new)) {
			if (lock->type == F_WRLCK || new.type == F_UNLCK)
				weaker = true;
			link = cut(link, &new, spares);
		} else if (lock->start > new.end) {
			break; /* touches from above, and stays */
		} else {
			link = &lock->next;
		}
	}
	if (new.type != F_UNLCK) {
		lock = pop(spares);
		*lock = new;
		push(link, lock);
	}
	return weaker;
}
