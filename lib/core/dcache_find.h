/* SPDX-License-Identifier: MIT */
/* The look-up of the dentry cache, inline for the walk. See dcache.h. */
#ifndef VFS__DCACHE_FIND_H
#define VFS__DCACHE_FIND_H

#include "core/dcache.h"
#include "core/pathname.h"

static inline uint64_t vfs__dcache_hash(const struct vfs_dentry *parent,
					uint32_t name_hash)
{
	uint64_t p = (uint64_t)((uintptr_t)parent >> 6) *
		     UINT64_C(0x9e3779b97f4a7c15);

	return name_hash + (p >> 32);
}

/* The bucket that a reader looks at; see struct vfs__dtable. */
static inline uintptr_t *vfs__dcache_bucket(struct vfs__dtable *table,
					    uint64_t hash)
{
	uint64_t i = hash & table->mask;

	if (i < __atomic_load_n(&table->cursor, __ATOMIC_ACQUIRE)) {
		table = VFS_LOAD_POINTER(table->next);
		i = hash & table->mask;
	}
	return &table->buckets[i];
}

static inline bool vfs__dentry_matches(const struct vfs_dentry *d,
				       const struct vfs__component *c)
{
	if (c->name.len <= VFS__NAME_INLINE)
		return VFS_READ_ONCE(d->name.words[0]) == c->words[0] &&
		       VFS_READ_ONCE(d->name.words[1]) == c->words[1] &&
		       VFS_READ_ONCE(d->name.words[2]) == c->words[2];
	if (!(vfs__dentry_flags(d) & VFS__DENTRY_LONG))
		return false;
	struct vfs__longname *l = VFS_LOAD_POINTER(
		((struct vfs_dentry *)(uintptr_t)d)->name.longname);
	return l && l->len == c->name.len &&
	       memcmp(l->str, c->name.str, l->len) == 0;
}

/*
 * - As vfs__dcache_lookup. The caller is inside a section.
 */
static inline struct vfs_dentry *
vfs__dcache_find(const struct vfs__dcache *dcache,
		 const struct vfs_dentry *parent,
		 const struct vfs__component *c, bool *certain)
{
	uint64_t moves = __atomic_load_n(&dcache->moves, __ATOMIC_ACQUIRE);
	struct vfs__dtable *table = VFS_LOAD_POINTER(
		((struct vfs__dcache *)(uintptr_t)dcache)->table);
	uint64_t hash = vfs__dcache_hash(parent, c->name.hash);
	uintptr_t head = __atomic_load_n(vfs__dcache_bucket(table, hash),
					 __ATOMIC_ACQUIRE);
	struct vfs_dentry *d = (struct vfs_dentry *)(head & ~(uintptr_t)1);

	for (; d; d = VFS_LOAD_POINTER(d->next)) {
		if (VFS_READ_ONCE(d->hash) == c->name.hash &&
		    VFS_LOAD_POINTER(d->parent) == parent &&
		    vfs__dentry_matches(d, c))
			return d;
	}
	/* acquire loads above order this one behind them */
	*certain = !(moves & 1) &&
		   __atomic_load_n(&dcache->moves, __ATOMIC_RELAXED) == moves;
	return NULL;
}

#endif
