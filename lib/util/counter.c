/* SPDX-License-Identifier: MIT */
/*
 * Counters with a ceiling. Contract: counter.h.
 *
 * What is left is the centre's part and the shards' credits; each thread takes
 * from its shard, and fetches credit from the centre in batches. When centre
 * and shard do not suffice, the shards are closed, which makes takers wait for
 * the lock; what is left can then only grow, so that if the sum of all does
 * not suffice, there was a moment in which it did not: the ceiling is exact.
 * Without a ceiling credits just go below zero.
 */
#include "util/counter.h"

#include <errno.h>
#include <string.h>

#include "util/atomic.h"
#include "util/lock.h"
#include "util/shard.h"

#define SHARDS 16u
#define BATCH INT64_C(64)      /* of what is taken at a time */
#define CLOSED (INT64_MIN / 2) /* added to a shard that is closed */

struct shard {
	int64_t credit __attribute__((aligned(64))); /* atomic */
};

struct vfs_counter {
	int64_t limit;		/* atomic; changes under the lock */
	struct vfs__mutex lock; /* rank LEAF */
	int64_t centre;		/* lock */
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

static int64_t *credit_of(const struct vfs__thread *thread,
			  struct vfs_counter *c)
{
	return &c->shards[vfs__thread_index(thread) % SHARDS].credit;
}

/* Without a ceiling nobody gathers: most threads have a shard of their own. */
static void add_unlimited(const struct vfs__thread *thread,
			  struct vfs_counter *c, int64_t delta)
{
	uint32_t i = vfs__thread_index(thread);

	if (__builtin_expect(i < SHARDS - 1, 1))
		vfs__shard_add_own(&c->shards[i].credit, delta);
	else
		__atomic_fetch_add(&c->shards[SHARDS - 1].credit, delta,
				   __ATOMIC_RELAXED);
}

/* Brings the credit of all shards to the centre; lock held. */
static void gather(struct vfs_counter *c)
{
	int64_t found;

	/* what is given meanwhile is added to CLOSED */
	for (unsigned i = 0; i < SHARDS; i++)
		c->centre += __atomic_exchange_n(&c->shards[i].credit, CLOSED,
						 __ATOMIC_ACQ_REL);
	for (unsigned i = 0; i < SHARDS; i++) {
		found = __atomic_exchange_n(&c->shards[i].credit, 0,
					    __ATOMIC_ACQ_REL);
		c->centre += found - CLOSED;
	}
}

/* The shard's credit does not suffice: from the centre, then from all. */
static int take_slow(struct vfs_counter *c, int64_t *mine, int64_t amount)
{
	int64_t extra;
	int err = -ENOSPC;

	vfs__mutex_lock(&c->lock, VFS__RANK_LEAF);
	if (c->centre < amount)
		gather(c);
	if (c->centre >= amount) {
		c->centre -= amount;
		/* near the ceiling credit stays where everybody finds it */
		extra = c->centre / (2 * SHARDS);
		if (extra / BATCH > amount)
			extra = amount * BATCH;
		c->centre -= extra;
		__atomic_fetch_add(mine, extra, __ATOMIC_RELAXED);
		err = 0;
	}
	vfs__mutex_unlock(&c->lock, VFS__RANK_LEAF);
	return err;
}

VFS_HOT
int vfs__counter_take(struct vfs__thread *thread, struct vfs_counter *counter,
		      int64_t amount)
{
	int64_t *mine = credit_of(thread, counter);
	int64_t credit;

	if (vfs__counter_limit(counter) == VFS_COUNTER_UNLIMITED) {
		add_unlimited(thread, counter, -amount);
		return 0;
	}
	credit = __atomic_load_n(mine, __ATOMIC_RELAXED);
	while (credit >= amount)
		if (vfs__cas_i64(mine, &credit, credit - amount))
			return 0;
	return take_slow(counter, mine, amount);
}

/* The centre may go below zero: then nobody finds any there. */
static void take_always(struct vfs_counter *c, int64_t amount)
{
	vfs__mutex_lock(&c->lock, VFS__RANK_LEAF);
	gather(c);
	c->centre -= amount;
	vfs__mutex_unlock(&c->lock, VFS__RANK_LEAF);
}

VFS_HOT
void vfs__counter_give(struct vfs__thread *thread, struct vfs_counter *counter,
		       int64_t amount)
{
	bool unlimited = vfs__counter_limit(counter) == VFS_COUNTER_UNLIMITED;

	if (amount < 0 && !unlimited)
		take_always(counter, -amount);
	else if (unlimited)
		add_unlimited(thread, counter, amount);
	else
		vfs__fetch_add_i64(credit_of(thread, counter), amount);
}

int64_t vfs__counter_used(const struct vfs_counter *counter)
{
	struct vfs_counter *c = (struct vfs_counter *)(uintptr_t)counter;
	int64_t left, used;

	vfs__mutex_lock(&c->lock, VFS__RANK_LEAF);
	left = c->centre;
	for (unsigned i = 0; i < SHARDS; i++)
		left += __atomic_load_n(&c->shards[i].credit, __ATOMIC_RELAXED);
	vfs__mutex_unlock(&c->lock, VFS__RANK_LEAF);
	used = c->limit == VFS_COUNTER_UNLIMITED ? -left : c->limit - left;
	/* the shards were not looked at in one moment */
	if (used < 0)
		return 0;
	return used < c->limit ? used : c->limit;
}

int vfs__counter_set_limit(struct vfs_counter *c, int64_t limit)
{
	int64_t left;
	int err = -EINVAL;

	if (limit < 0 || limit == VFS_COUNTER_UNLIMITED ||
	    c->limit == VFS_COUNTER_UNLIMITED)
		return -EINVAL;
	vfs__mutex_lock(&c->lock, VFS__RANK_LEAF);
	gather(c);
	left = c->centre + (limit - c->limit);
	if (left >= 0) {
		c->centre = left;
		VFS_WRITE_ONCE(c->limit, limit);
		err = 0;
	}
	vfs__mutex_unlock(&c->lock, VFS__RANK_LEAF);
	return err;
}

int64_t vfs__counter_limit(const struct vfs_counter *counter)
{
	return VFS_READ_ONCE(counter->limit);
}
