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

/*
 * Takes up to VICTIMS dentries that `wanted` names out of bucket i of the
 * present table, each with one reference. unused_only: only those that nobody
 * uses, which then nobody can find or reference any more; their supers are
 * pinned.
 */
static unsigned harvest(struct vfs__thread *thread, struct vfs *vfs, uint64_t i,
			bool (*wanted)(struct vfs_dentry *, const void *),
			const void *argument, bool unused_only,
			struct vfs_dentry *victims[VICTIMS])
{
	struct vfs_dentry *d, *chained = NULL;
	struct vfs__dbucket *bucket;
	unsigned n = 0, at = 0;

	vfs__epoch_enter(thread);
	bucket = vfs__bucket_lock_for(vfs, (uint32_t)i);
	while (n < VICTIMS && (d = vfs__bucket_each(bucket, &at, &chained))) {
		uint32_t unused = VFS__DENTRY_REF_HASHED;

		if (!wanted(d, argument))
			continue;
		if (unused_only) {
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
	for (unsigned k = 0; k < n; k++)
		vfs__dcache_uncount(thread, vfs, victims[k]);
	return n;
}

void vfs__dcache_shutdown(struct vfs__thread *thread, struct vfs *vfs,
			  struct vfs_super *super)
{
	struct vfs_dentry *victims[VICTIMS];
	struct vfs__dcache *dcache = &vfs->dcache;

	vfs__dcache_hold(thread, vfs);
	for (uint64_t i = 0; i <= dcache->table->mask; i++) {
		unsigned n;

		do {
			n = harvest(thread, vfs, i, victim_of_super, super,
				    false, victims);
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

static void sweep_bucket(struct vfs__thread *thread, struct vfs *vfs,
			 uint64_t bucket, const struct vfs_dentry *parent)
{
	struct vfs_dentry *victims[VICTIMS];
	unsigned count;

	do {
		count = harvest(thread, vfs, bucket, victim_of_removal, parent,
				true, victims);
		discard(thread, victims, count);
	} while (count == VICTIMS);
}

/* A bounded step of the search for absences in removed directories. */
static void sweep(struct vfs__thread *thread, struct vfs *vfs)
{
	struct vfs__dcache *dcache = &vfs->dcache;

	for (unsigned n = 0; n < 64; n++) {
		if (VFS_READ_ONCE(dcache->orphans_left) <= 0)
			return;
		sweep_bucket(thread, vfs,
			     __atomic_fetch_add(&dcache->orphans_hand, 1,
						__ATOMIC_RELAXED),
			     NULL);
		__atomic_fetch_sub(&dcache->orphans_left, 1, __ATOMIC_RELAXED);
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

void vfs__dcache_orphaned(struct vfs__thread *thread, struct vfs *vfs,
			  const struct vfs_dentry *dir)
{
	struct vfs__dcache *dcache = &vfs->dcache;
	uint64_t buckets;

	if (!(VFS_READ_ONCE(dir->inode->flags) & VFS_INODE_MISSED))
		return;
	buckets = bucket_count(thread, dcache);
	if (buckets > FEW_BUCKETS)
		__atomic_store_n(&dcache->orphans_left, (int64_t)buckets,
				 __ATOMIC_RELAXED);
	else
		for (uint64_t i = 0; i < buckets; i++)
			sweep_bucket(thread, vfs, i, dir);
}

void vfs__dcache_trim(struct vfs__thread *thread, struct vfs *vfs)
{
	struct vfs__dcache *dcache = &vfs->dcache;
	struct vfs_dentry *victims[VICTIMS];

	if (thread->nesting)
		return;
	sweep(thread, vfs);
	if (VFS_READ_ONCE(dcache->evictable_count) <= dcache->evictable_max)
		return;
	/* a bounded step: the next miss takes the next one */
	for (unsigned n = 0; n < 64; n++) {
		uint64_t hand = __atomic_fetch_add(&dcache->clock_hand, 1,
						   __ATOMIC_RELAXED);
		unsigned count = harvest(thread, vfs, hand, victim_of_age, NULL,
					 true, victims);

		discard(thread, victims, count);
	}
}
