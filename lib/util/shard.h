/* SPDX-License-Identifier: MIT */
/*
 * A pair of reference counters spread over threads: adding touches a line of
 * the thread's own, without a locked instruction, because nobody else writes
 * there; only the threads beyond the first seven share a line. The sum is taken
 * rarely, and is exact only when nobody adds meanwhile: who wants that sets a
 * flag that the adders look at, waits a grace period, and sums.
 */
#ifndef VFS__SHARD_H
#define VFS__SHARD_H

#include "util/domain.h"

#define VFS__SHARDS 8u
#define VFS__REFS_USERS 0u
#define VFS__REFS_WRITERS 1u

struct vfs__refs_shard {
	int64_t counts[2] __attribute__((aligned(64)));
};

struct vfs__refs {
	struct vfs__refs_shard *shards;
};

/* Adds to a counter that only this thread writes; the new value. */
static inline int64_t vfs__shard_add_own(int64_t *count, int64_t delta)
{
	int64_t value = __atomic_load_n(count, __ATOMIC_RELAXED) + delta;

	__atomic_store_n(count, value, __ATOMIC_RELEASE);
	return value;
}

/* - 0, -ENOMEM. */
int vfs__refs_init(struct vfs__refs *refs, struct vfs__domain *domain);
void vfs__refs_fini(struct vfs__refs *refs, struct vfs__domain *domain);
int64_t vfs__refs_sum(const struct vfs__refs *refs, unsigned which);

static inline void vfs__refs_add(struct vfs__refs *refs,
				 const struct vfs__thread *thread,
				 unsigned which, int64_t delta)
{
	unsigned i = vfs__thread_index(thread);

	if (__builtin_expect(i < VFS__SHARDS - 1, 1))
		vfs__shard_add_own(&refs->shards[i].counts[which], delta);
	else
		__atomic_fetch_add(&refs->shards[VFS__SHARDS - 1].counts[which],
				   delta, __ATOMIC_ACQ_REL);
}

#endif
