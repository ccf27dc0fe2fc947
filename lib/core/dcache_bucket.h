/* SPDX-License-Identifier: MIT */
/*
 * What is done with the buckets of the dentry cache under their locks, for
 * dcache.c and dcache_trim.c alone. See dcache.h.
 *
 * Bucket locks are leaves; grow_lock is taken before them.
 */
#ifndef VFS__DCACHE_BUCKET_H
#define VFS__DCACHE_BUCKET_H

#include "core/dcache_find.h"
#include "core/instance.h"
#include "util/atomic.h"

#define VFS__BUCKET_LOCKED ((uintptr_t)1)

static inline bool vfs__bucket_trylock(struct vfs__dbucket *bucket)
{
	uintptr_t head = VFS_READ_ONCE(bucket->chain);

	return !(head & VFS__BUCKET_LOCKED) &&
	       vfs__cas_word(&bucket->chain, &head, head | VFS__BUCKET_LOCKED);
}

void vfs__bucket_lock_slow(struct vfs__dbucket *bucket);

static inline void vfs__bucket_lock(struct vfs__dbucket *bucket)
{
	if (__builtin_expect(!vfs__bucket_trylock(bucket), 0))
		vfs__bucket_lock_slow(bucket);
}

static inline struct vfs_dentry *
vfs__bucket_chain(const struct vfs__dbucket *bucket)
{
	return (struct vfs_dentry *)(__atomic_load_n(&bucket->chain,
						     __ATOMIC_ACQUIRE) &
				     ~VFS__BUCKET_LOCKED);
}

static inline void vfs__bucket_unlock(struct vfs__dbucket *bucket)
{
	__atomic_store_n(&bucket->chain, (uintptr_t)vfs__bucket_chain(bucket),
			 __ATOMIC_RELEASE);
}

static inline struct vfs_dentry *vfs__slot_dentry(uint64_t slot)
{
	return (struct vfs_dentry *)(uintptr_t)(slot & VFS__SLOT_ADDRESS);
}

/* The bucket of hash, locked. Inside a section: a table may be replaced. */
static inline struct vfs__dbucket *vfs__bucket_lock_for(struct vfs *vfs,
							uint32_t hash)
{
	for (;;) {
		struct vfs__dtable *table = VFS_LOAD_POINTER(vfs->dcache.table);
		struct vfs__dtable *next;
		uint64_t i = hash & table->mask;
		struct vfs__dbucket *bucket = &table->buckets[i];

		if (i < __atomic_load_n(&table->cursor, __ATOMIC_ACQUIRE)) {
			next = VFS_LOAD_POINTER(table->next);
			i = hash & next->mask;
			bucket = &next->buckets[i];
			table = next;
		}
		vfs__bucket_lock(bucket);
		if (i >= __atomic_load_n(&table->cursor, __ATOMIC_ACQUIRE))
			return bucket;
		/* moved while we waited */
		vfs__bucket_unlock(bucket);
	}
}

/* Takes d out of its locked bucket; readers on it go on along next. */
static inline void vfs__bucket_take_out(struct vfs__dbucket *bucket,
					struct vfs_dentry *d)
{
	struct vfs_dentry *before = vfs__bucket_chain(bucket);

	for (unsigned i = 0; i < VFS__DCACHE_SLOTS; i++) {
		if (vfs__slot_dentry(VFS_READ_ONCE(bucket->slots[i])) == d) {
			__atomic_store_n(&bucket->slots[i], 0,
					 __ATOMIC_RELEASE);
			return;
		}
	}
	if (before == d) {
		__atomic_store_n(&bucket->chain,
				 (uintptr_t)d->next | VFS__BUCKET_LOCKED,
				 __ATOMIC_RELEASE);
		return;
	}
	while (before->next != d)
		before = before->next;
	VFS_STORE_POINTER(before->next, d->next);
}

/* The dentries of a locked bucket one by one: *at begins at 0, *chained at
 * NULL. What was returned may be taken out. */
static inline struct vfs_dentry *
vfs__bucket_each(const struct vfs__dbucket *bucket, unsigned *at,
		 struct vfs_dentry **chained)
{
	struct vfs_dentry *d;

	while (*at < VFS__DCACHE_SLOTS) {
		d = vfs__slot_dentry(VFS_READ_ONCE(bucket->slots[(*at)++]));
		if (d)
			return d;
	}
	if (*at == VFS__DCACHE_SLOTS) {
		(*at)++;
		*chained = vfs__bucket_chain(bucket);
	}
	d = *chained;
	if (d)
		*chained = d->next;
	return d;
}

static inline void vfs__dentry_unhash(struct vfs_dentry *d)
{
	vfs__fetch_and_u32(&d->ref, ~VFS__DENTRY_REF_HASHED);
}

/* - d was taken out: who remembers it is told, before it can be freed. */
static inline void vfs__dcache_gone(struct vfs__dcache *dcache,
				    const struct vfs_dentry *d)
{
	if (__builtin_expect(vfs__dentry_flags(d) & VFS__DENTRY_REMEMBERED, 0))
		vfs__dcache_changed(dcache);
}

/* - The table holds still, all growth done, until it is released. Not inside a
 *   section. */
void vfs__dcache_hold(struct vfs__thread *thread, struct vfs *vfs);
void vfs__dcache_release(struct vfs__dcache *dcache);
/* - Counts d, which was taken out. */
void vfs__dcache_uncount(struct vfs__thread *thread, struct vfs *vfs,
			 struct vfs_dentry *d);

#endif
