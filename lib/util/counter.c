/* SPDX-License-Identifier: MIT */
/*
 * Counters with a ceiling. Contract: counter.h.
 *
 * What is left is the centre's part and the shards' credits; each thread takes
 * from its shard, refills it from the centre in batches, and when that is
 * empty gathers every shard's credit under the lock. Without a ceiling credits
 * just go below zero.
 */
#include "util/counter.h"

#include <errno.h>
#include <string.h>

#include "util/lock.h"

#define SHARDS 8u
#define BATCH 64

struct shard {
	int64_t credit __attribute__((aligned(64))); /* atomic */
};

struct vfs_counter {
	int64_t limit;	/* constant */
	int64_t centre; /* lock */
	struct vfs__mutex lock;
	struct shard shards[SHARDS];
};

int vfs__counter_create(struct vfs__domain *domain, int64_t limit,
			struct vfs_counter **out)
{
	struct vfs_counter *c;

	if (limit < 0)
		return -EINVAL;
	c = vfs__domain_alloc(domain, sizeof(*c), 64);
	if (!c)
		return -ENOMEM;
	memset(c, 0, sizeof(*c));
	c->limit = limit;
	c->centre = limit == VFS_COUNTER_UNLIMITED ? 0 : limit;
	vfs__mutex_init(&c->lock);
	*out = c;
	return 0;
}

void vfs__counter_destroy(struct vfs__domain *domain,
			  struct vfs_counter *counter)
{
	vfs__domain_free(domain, counter, sizeof(*counter), 64);
}

static struct shard *shard_of(struct vfs__thread *thread,
			      struct vfs_counter *c)
{
	return &c->shards[vfs__thread_index(thread) % SHARDS];
}

/* The shard's credit does not suffice: from the centre, then from all. */
static int take_slow(struct vfs_counter *c, struct shard *mine, int64_t amount)
{
	int64_t grab, extra;
	int err = 0;

	vfs__mutex_lock(&c->lock, VFS__RANK_LEAF);
	grab = __atomic_exchange_n(&mine->credit, 0, __ATOMIC_RELAXED);
	if (grab + c->centre < amount)
		for (unsigned i = 0; i < SHARDS; i++)
			grab += __atomic_exchange_n(&c->shards[i].credit, 0,
						    __ATOMIC_RELAXED);
	c->centre += grab;
	if (c->centre < amount) {
		err = -ENOSPC;
	} else {
		c->centre -= amount;
		extra = c->centre < BATCH ? c->centre : BATCH;
		c->centre -= extra;
		__atomic_fetch_add(&mine->credit, extra, __ATOMIC_RELAXED);
	}
	vfs__mutex_unlock(&c->lock, VFS__RANK_LEAF);
	return err;
}

int vfs__counter_take(struct vfs__thread *thread, struct vfs_counter *counter,
		      int64_t amount)
{
	struct shard *mine = shard_of(thread, counter);
	int64_t credit;

	if (counter->limit == VFS_COUNTER_UNLIMITED) {
		__atomic_fetch_sub(&mine->credit, amount, __ATOMIC_RELAXED);
		return 0;
	}
	credit = __atomic_load_n(&mine->credit, __ATOMIC_RELAXED);
	while (credit >= amount) {
		if (__atomic_compare_exchange_n(&mine->credit, &credit,
						credit - amount, true,
						__ATOMIC_RELAXED,
						__ATOMIC_RELAXED))
			return 0;
	}
	return take_slow(counter, mine, amount);
}

void vfs__counter_give(struct vfs__thread *thread, struct vfs_counter *counter,
		       int64_t amount)
{
	__atomic_fetch_add(&shard_of(thread, counter)->credit, amount,
			   __ATOMIC_RELAXED);
}

int64_t vfs__counter_used(const struct vfs_counter *counter)
{
	struct vfs_counter *c = (struct vfs_counter *)(uintptr_t)counter;
	int64_t left = 0;

	vfs__mutex_lock(&c->lock, VFS__RANK_LEAF);
	for (unsigned i = 0; i < SHARDS; i++)
		left += __atomic_load_n(&c->shards[i].credit,
					__ATOMIC_RELAXED);
	left += c->centre;
	vfs__mutex_unlock(&c->lock, VFS__RANK_LEAF);
	return c->limit == VFS_COUNTER_UNLIMITED ? -left : c->limit - left;
}

int64_t vfs__counter_limit(const struct vfs_counter *counter)
{
	return counter->limit;
}
