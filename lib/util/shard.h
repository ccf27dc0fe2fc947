/* SPDX-License-Identifier: MIT */
/*
 * A pair of reference counters spread over threads: adding touches a line of
 * the thread's own, the sum is taken rarely. A sum is exact only when nobody
 * adds meanwhile.
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

/* - 0, -ENOMEM. */
int vfs__refs_init(struct vfs__refs *refs, struct vfs__domain *domain);
void vfs__refs_fini(struct vfs__refs *refs, struct vfs__domain *domain);
int64_t vfs__refs_sum(const struct vfs__refs *refs, unsigned which);

static inline void vfs__refs_add(struct vfs__refs *refs,
				 const struct vfs__thread *thread,
				 unsigned which, int64_t delta)
{
	unsigned i = vfs__thread_index(thread) % VFS__SHARDS;

	__atomic_fetch_add(&refs->shards[i].counts[which], delta,
			   __ATOMIC_ACQ_REL);
}

#endif
