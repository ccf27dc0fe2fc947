/* SPDX-License-Identifier: MIT */
/*
 * Forgetting dentries: by age when there are too many, absences in directories
 * that were removed, and all of a super at its end. Contract: dcache.h.
 */
#include "core/dcache_bucket.h"
#include "core/inode.h"
#include "util/epoch.h"

#define FEW_BUCKETS 1024u /* that a removal searches by itself */
#define VICTIMS 32u
#define STEP 64 /* buckets at a time */

static bool victim_of_super(struct vfs_dentry *d, const void *super)
{
	return d->parent->inode && d->parent->inode->super == super;
}

/* The clock's hand passes: used ones get a second round. */
static bool victim_of_age(struct vfs_dentry *d, const void *unused)
{
	(void)unused;
	if (!(vfs__dentry_flags(d) & VFS__DENTRY_EVICTABLE) ||
	    VFS_READ_ONCE(d->ref) != VFS__DENTRY_REF_HASHED)
		return false;
	if (vfs__dentry_flags(d) & VFS__DENTRY_COLD)
		return true;
	vfs__dentry_set(d, VFS__DENTRY_COLD);
	return false;
}

struct search {
	bool (*wanted)(struct vfs_dentry *d, const void *argument);
	const void *argument;
	/* only those that nobody uses, which then nobody can find or reference
	 * any more; their supers are pinned */
	bool unused_only;
	uint64_t mask; /* of the table that the last bucket was in */
};

/* Of the table that has a locked bucket; inside the section. */
static uint64_t mask_of(const struct vfs__dcache *dcache,
			const struct vfs__dbucket *bucket)
{
	const struct vfs__dtable *table = VFS_LOAD_POINTER(
		((struct vfs__dcache *)(uintptr_t)dcache)->table);
	uintptr_t first = (uintptr_t)table->buckets;
	uintptr_t last = (uintptr_t)(table->buckets + table->mask);

	if ((uintptr_t)bucket < first || (uintptr_t)bucket > last)
		table = VFS_LOAD_POINTER(
			((struct vfs__dtable *)(uintptr_t)table)->next);
	return table->mask;
}

/* Takes up to VICTIMS dentries that are wanted out of the bucket that hash is
 * in at present, each with one reference. */
static unsigned harvest(struct vfs__thread *thread, struct vfs *vfs,
			uint32_t hash, struct search *s,
			struct vfs_dentry *victims[VICTIMS])
{
	struct vfs_dentry *d, *chained = NULL;
	struct vfs__dbucket *bucket;
	unsigned n = 0, at = 0;

	vfs__epoch_enter(thread);
	bucket = vfs__bucket_lock_for(vfs, hash);
	s->mask = mask_of(&vfs->dcache, bucket);
	while (n < VICTIMS && (d = vfs__bucket_each(bucket, &at, &chained))) {
		uint32_t unused = VFS__DENTRY_REF_HASHED;

		if (!s->wanted(d, s->argument))
			continue;
		if (s->unused_only) {
			if (!__atomic_compare_exchange_n(
				    &d->ref, &unused, 0, false,
				    __ATOMIC_ACQ_REL, __ATOMIC_RELAXED))
				continue;
			vfs__super_pin(d->parent->inode->super);
		} else {
			vfs__dentry_ref(d);
			vfs__dentry_unhash(d);
		}
		vfs__bucket_take_out(bucket, d);
		victims[n++] = d;
	}
	vfs__bucket_unlock(bucket);
	vfs__epoch_leave(thread);
	for (unsigned k = 0; k < n; k++) {
		vfs__dcache_uncount(thread, vfs, victims[k]);
		vfs__dcache_gone(&vfs->dcache, victims[k]);
	}
	return n;
}

void vfs__dcache_shutdown(struct vfs__thread *thread, struct vfs *vfs,
			  struct vfs_super *super)
{
	struct search s = {.wanted = victim_of_super, .argument = super};
	struct vfs_dentry *victims[VICTIMS];
	struct vfs__dcache *dcache = &vfs->dcache;

	vfs__dcache_hold(thread, vfs);
	for (uint64_t i = 0; i <= dcache->table->mask; i++) {
		unsigned n;

		do {
			n = harvest(thread, vfs, (uint32_t)i, &s, victims);
			for (unsigned k = 0; k < n; k++)
				vfs__dentry_unref(thread, victims[k]);
		} while (n == VICTIMS);
	}
	vfs__dcache_release(dcache);
}

/* Nobody uses them, and nobody can find them any more. */
static void discard(struct vfs__thread *thread, struct vfs_dentry *const *d,
		    unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		struct vfs_super *super = d[i]->parent->inode->super;

		vfs__dentry_discard(thread, d[i]);
		vfs__super_unpin(super);
	}
}

/* An absence that nobody looks at, in a directory that was removed: in parent,
 * or in any. */
static bool victim_of_removal(struct vfs_dentry *d, const void *parent)
{
	const struct vfs_dentry *in = vfs__dentry_parent(d);
	const struct vfs_inode *dir = vfs__dentry_inode(in);

	/* in such a directory nothing is made any more */
	if (parent ? in != parent
		   : !dir || !(VFS_READ_ONCE(dir->flags) & VFS_INODE_DEAD))
		return false;
	return !vfs__dentry_inode(d) &&
	       VFS_READ_ONCE(d->ref) == VFS__DENTRY_REF_HASHED;
}

/*
 * The search for these goes through the hashes in the order of their reversed
 * bits, 2^32 places in all. In that order a bucket is a run of places, and
 * stays one when it becomes two because the table grows: so none is passed over
 * that was not searched yet.
 */
#define PLACES (INT64_C(1) << 32)

static uint32_t reversed(uint32_t n)
{
	n = (n >> 1 & 0x55555555) | (n & 0x55555555) << 1;
	n = (n >> 2 & 0x33333333) | (n & 0x33333333) << 2;
	n = (n >> 4 & 0x0f0f0f0f) | (n & 0x0f0f0f0f) << 4;
	return __builtin_bswap32(n);
}

/* The places of a bucket, of so many. */
static int64_t places_of(uint64_t buckets)
{
	return buckets < (uint64_t)PLACES ? PLACES / (int64_t)buckets : 1;
}

/* The buckets that the places from `from` on are in, before `end`. */
static void sweep_places(struct vfs__thread *thread, struct vfs *vfs,
			 int64_t from, int64_t end,
			 const struct vfs_dentry *parent)
{
	struct search s = {.wanted = victim_of_removal,
			   .argument = parent,
			   .unused_only = true};
	struct vfs_dentry *victims[VICTIMS];
	unsigned count;

	while (from < end) {
		do {
			count = harvest(thread, vfs, reversed((uint32_t)from),
					&s, victims);
			discard(thread, victims, count);
		} while (count == VICTIMS);
		/* the first place of the next one */
		from = (from | (places_of(s.mask + 1) - 1)) + 1;
	}
}

/* While the table grows some buckets are in one twice as large, where what was
 * in one is in two. */
static uint64_t bucket_count(struct vfs__thread *thread,
			     struct vfs__dcache *dcache)
{
	struct vfs__dtable *table, *next;
	uint64_t count;

	vfs__epoch_enter(thread);
	table = VFS_LOAD_POINTER(dcache->table);
	next = VFS_LOAD_POINTER(table->next);
	count = (next ? next : table)->mask + 1;
	vfs__epoch_leave(thread);
	return count;
}

/* A bounded step of the search for absences in removed directories. */
static void sweep(struct vfs__thread *thread, struct vfs *vfs)
{
	struct vfs__dcache *dcache = &vfs->dcache;
	int64_t from, count;

	if (VFS_READ_ONCE(dcache->orphans_left) <= 0)
		return;
	count = STEP * places_of(bucket_count(thread, dcache));
	from = (uint32_t)__atomic_fetch_add(&dcache->orphans_hand,
					    (uint64_t)count, __ATOMIC_RELAXED);
	/* before it is done: who begins anew meanwhile means these, too */
	__atomic_fetch_sub(&dcache->orphans_left, count, __ATOMIC_RELAXED);
	sweep_places(thread, vfs, from, from + count, NULL);
}

void vfs__dcache_orphaned(struct vfs__thread *thread, struct vfs *vfs,
			  const struct vfs_dentry *dir)
{
	struct vfs__dcache *dcache = &vfs->dcache;

	if (!(VFS_READ_ONCE(dir->inode->flags) & VFS_INODE_MISSED))
		return;
	if (bucket_count(thread, dcache) > FEW_BUCKETS)
		__atomic_store_n(&dcache->orphans_left, PLACES,
				 __ATOMIC_RELAXED);
	else
		sweep_places(thread, vfs, 0, PLACES, dir);
}

void vfs__dcache_trim(struct vfs__thread *thread, struct vfs *vfs)
{
	struct vfs__dcache *dcache = &vfs->dcache;
	struct search s = {.wanted = victim_of_age, .unused_only = true};
	struct vfs_dentry *victims[VICTIMS];

	if (thread->nesting)
		return;
	sweep(thread, vfs);
	if (VFS_READ_ONCE(dcache->evictable_count) <= dcache->evictable_max)
		return;
	/* a bounded step: the next miss takes the next one */
	for (unsigned n = 0; n < STEP; n++) {
		uint64_t hand = __atomic_fetch_add(&dcache->clock_hand, 1,
						   __ATOMIC_RELAXED);
		unsigned count =
			harvest(thread, vfs, (uint32_t)hand, &s, victims);

		discard(thread, victims, count);
	}
}
