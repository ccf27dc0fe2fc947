/* SPDX-License-Identifier: MIT */
/*
 * The locks that are held on one inode: lists of ranges, and how a change of
 * one owner's locks cuts, joins and replaces them. No waiting here, and no
 * memory is asked for: what a change needs is brought along as spares, what it
 * sets free is added to them.
 *
 * Invariants of a list: an owner's locks stand together, sorted, without
 * overlap, and neighbours that touch differ in type. Owners stand in the order
 * in which they came. Protected by vfs->locks_lock.
 */
#ifndef VFS__LOCKSET_H
#define VFS__LOCKSET_H

#include <stdbool.h>
#include <stdint.h>

#define VFS__LOCK_END INT64_MAX

struct vfs__lock {
	struct vfs__lock *next;
	const void *owner; /* a descriptor table or an open file */
	int64_t start;
	int64_t end;  /* the last byte: VFS__LOCK_END is for ever */
	int32_t pid;  /* what F_GETLK answers; -1: the owner is an open file */
	int32_t type; /* F_RDLCK, F_WRLCK; F_UNLCK in wishes only */
};

/* - The first lock of another owner that want cannot be together with. */
struct vfs__lock *vfs__lockset_conflict(struct vfs__lock *held,
					const struct vfs__lock *want);
/* - The next one after `lock` in its list. */
struct vfs__lock *vfs__lockset_next_conflict(const struct vfs__lock *lock,
					     const struct vfs__lock *want);
/* - The first lock of want's own owner in want's range. */
struct vfs__lock *vfs__lockset_own(struct vfs__lock *held,
				   const struct vfs__lock *want);
/* - Whether vfs__lockset_apply of an F_UNLCK leaves two parts of one lock,
 *   which takes a spare. Any other type takes two spares at the most. */
bool vfs__lockset_splits(struct vfs__lock *held, const struct vfs__lock *want);
/*
 * - Makes want true of its owner's locks; nobody else's stand in the way.
 * - spares: list of locks to use and to give what is no longer needed.
 * - Whether something was given up that others may be waiting for.
 */
bool vfs__lockset_apply(struct vfs__lock **held, const struct vfs__lock *want,
			struct vfs__lock **spares);

#endif
