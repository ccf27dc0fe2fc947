/* SPDX-License-Identifier: MIT */
/* The look-up of the dentry cache, inline for the walk. See dcache.h. */
#ifndef VFS__DCACHE_FIND_H
#define VFS__DCACHE_FIND_H

#include "core/dcache.h"
#include "core/pathname.h"

static inline uint32_t vfs__dcache_hash(const struct vfs_dentry *parent,
					uint32_t name_hash)
{
	uint64_t p = (uint64_t)((uintptr_t)parent >> 6) *
		     UINT64_C(0x9e3779b97f4a7c15);

	return name_hash + (uint32_t)(p >> 32);
}

/* The part of a hash that a slot holds, in its place. */
static inline uint64_t vfs__dcache_tag(uint32_t hash)
{
	return (uint64_t)(hash >> 16) << 48;
}

#define VFS__SLOT_ADDRESS ((UINT64_C(1) << 48) - 1)

/* The bucket that a reader looks at; see struct vfs__dtable. */
static inline struct vfs__dbucket *vfs__dcache_bucket(struct vfs__dtable *table,
						      uint32_t hash)
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
	if (VFS_LOAD_POINTER(d->flags) & VFS__DENTRY_LONG) {
		struct vfs__longname *l = VFS_LOAD_POINTER(
			((struct vfs_dentry *)(uintptr_t)d)->name.longname);

		return l->len == c->name.len &&
		       memcmp(l->str, c->name.str, l->len) == 0;
	}
	return c->name.len <= VFS__NAME_INLINE &&
	       VFS_READ_ONCE(d->name.words[0]) == c->words[0] &&
	       VFS_READ_ONCE(d->name.words[1]) == c->words[1] &&
	       VFS_READ_ONCE(d->name.words[2]) == c->words[2];
}

static inline bool vfs__dentry_is(const struct vfs_dentry *d,
				  const struct vfs_dentry *parent,
				  const struct vfs__component *c)
{
	return VFS_READ_ONCE(d->hash) == c->name.hash &&
	       VFS_LOAD_POINTER(d->parent) == parent &&
	       vfs__dentry_matches(d, c);
}

/* What did not fit into the slots. */
struct vfs_dentry *vfs__dcache_find_chained(const struct vfs__dbucket *bucket,
					    const struct vfs_dentry *parent,
					    const struct vfs__component *c);

/*
 * - The dentry of c in parent, without a reference, or NULL: see dcache.h. The
 *   caller is inside a section.
 */
static inline struct vfs_dentry *
vfs__dcache_find(const struct vfs__dcache *dcache,
		 const struct vfs_dentry *parent,
		 const struct vfs__component *c, bool *certain)
{
	uint64_t moves = __atomic_load_n(&dcache->moves, __ATOMIC_ACQUIRE);
	struct vfs__dtable *table = VFS_LOAD_POINTER(
		((struct vfs__dcache *)(uintptr_t)dcache)->table);
	uint32_t hash = vfs__dcache_hash(parent, c->name.hash);
	const struct vfs__dbucket *bucket = vfs__dcache_bucket(table, hash);
	uint64_t tag = vfs__dcache_tag(hash);
	struct vfs_dentry *d;

	for (unsigned i = 0; i < VFS__DCACHE_SLOTS; i++) {
		uint64_t slot =
			__atomic_load_n(&bucket->slots[i], __ATOMIC_ACQUIRE);

		if ((slot ^ tag) >> 48)
			continue;
		d = (struct vfs_dentry *)(uintptr_t)(slot & VFS__SLOT_ADDRESS);
		if (d && vfs__dentry_is(d, parent, c))
			return d;
	}
	if (__builtin_expect(
		    __atomic_load_n(&bucket->chain, __ATOMIC_ACQUIRE) > 1, 0)) {
		d = vfs__dcache_find_chained(bucket, parent, c);
		if (d)
			return d;
	}
	/* the acquiring loads above order this one behind them */
	*certain = !(moves & 1) &&
		   __atomic_load_n(&dcache->moves, __ATOMIC_RELAXED) == moves;
	return NULL;
}

/*
 * - A name that fits a dentry, by its words; hash is the name's. NULL with
 *   *certain: there is none (see dcache.h); without: vfs__dcache_find knows.
 */
static inline struct vfs_dentry *
vfs__dcache_find_words(const struct vfs__dcache *dcache,
		       const struct vfs_dentry *parent, uint32_t name_hash,
		       const uint64_t words[VFS__NAME_INLINE / 8],
		       bool *certain)
{
	uint64_t moves = __atomic_load_n(&dcache->moves, __ATOMIC_ACQUIRE);
	struct vfs__dtable *table = VFS_LOAD_POINTER(
		((struct vfs__dcache *)(uintptr_t)dcache)->table);
	uint32_t hash = vfs__dcache_hash(parent, name_hash);
	const struct vfs__dbucket *bucket = vfs__dcache_bucket(table, hash);
	uint64_t tag = vfs__dcache_tag(hash);
	bool lookalike = false;

	for (unsigned i = 0; i < VFS__DCACHE_SLOTS; i++) {
		uint64_t address =
			__atomic_load_n(&bucket->slots[i], __ATOMIC_ACQUIRE) ^
			tag;
		struct vfs_dentry *d = (struct vfs_dentry *)(uintptr_t)address;

		if (address >> 48 || !d)
			continue;
		if (VFS_READ_ONCE(d->name.words[0]) == words[0] &&
		    VFS_READ_ONCE(d->name.words[1]) == words[1] &&
		    VFS_READ_ONCE(d->name.words[2]) == words[2] &&
		    VFS_LOAD_POINTER(d->parent) == parent)
			return d;
		lookalike = true; /* or a name that is kept outside */
	}
	*certain = !lookalike && !(moves & 1) &&
		   __atomic_load_n(&bucket->chain, __ATOMIC_ACQUIRE) <= 1 &&
		   __atomic_load_n(&dcache->moves, __ATOMIC_RELAXED) == moves;
	return NULL;
}

/* - vfs__dcache_find, out of the way of those that need it rarely. */
struct vfs_dentry *vfs__dcache_find_closely(const struct vfs__dcache *dcache,
					    const struct vfs_dentry *parent,
					    const struct vfs__component *c,
					    bool *certain);

/* - A name of any length: by its words where that decides, else as
 *   vfs__dcache_find. */
static inline struct vfs_dentry *
vfs__dcache_find_any(const struct vfs__dcache *dcache,
		     const struct vfs_dentry *parent,
		     const struct vfs__component *c, bool *certain)
{
	struct vfs_dentry *d = NULL;

	*certain = false;
	if (__builtin_expect(c->name.len <= VFS__NAME_INLINE, 1))
		d = vfs__dcache_find_words(dcache, parent, c->name.hash,
					   c->words, certain);
	if (__builtin_expect(d || *certain, 1))
		return d;
	return vfs__dcache_find_closely(dcache, parent, c, certain);
}

/* What a slot holds, if it is the short name `word` in parent. */
static inline struct vfs_dentry *
vfs__slot_short(const uint64_t *at, uint64_t tag,
		const struct vfs_dentry *parent, uint64_t word)
{
	/* an empty slot looks like tag 0 and address 0 */
	uint64_t address = __atomic_load_n(at, __ATOMIC_ACQUIRE) ^ tag;
	struct vfs_dentry *d = (struct vfs_dentry *)(uintptr_t)address;

	if (address >> 48 || !d || VFS_READ_ONCE(d->name.words[0]) != word ||
	    VFS_LOAD_POINTER(d->parent) != parent)
		return NULL;
	return d;
}

/*
 * - The hot case: a name of seven bytes or fewer, which is all in word; hash
 *   is the name's. NULL says nothing: vfs__dcache_find knows.
 */
static inline struct vfs_dentry *
vfs__dcache_find_short(const struct vfs__dcache *dcache,
		       const struct vfs_dentry *parent, uint32_t name_hash,
		       uint64_t word)
{
	struct vfs__dtable *table = VFS_LOAD_POINTER(
		((struct vfs__dcache *)(uintptr_t)dcache)->table);
	uint32_t hash = vfs__dcache_hash(parent, name_hash);
	const struct vfs__dbucket *bucket = vfs__dcache_bucket(table, hash);
	uint64_t tag = vfs__dcache_tag(hash);
	struct vfs_dentry *d;

	/* most buckets of a table that is not full have what they have in the
	 * first slot */
	d = vfs__slot_short(&bucket->slots[0], tag, parent, word);
	if (__builtin_expect(d != NULL, 1))
		return d;
	for (unsigned i = 1; i < VFS__DCACHE_SLOTS; i++) {
		d = vfs__slot_short(&bucket->slots[i], tag, parent, word);
		if (d)
			return d;
	}
	return NULL;
}

/*
 * - The other hot case: a name that fits a dentry. NULL says nothing. Apart
 *   from vfs__dcache_find_words, because what makes a miss certain costs a hit
 *   a tenth of a walk.
 */
static inline struct vfs_dentry *
vfs__dcache_find_hit(const struct vfs__dcache *dcache,
		     const struct vfs_dentry *parent, uint32_t name_hash,
		     const uint64_t words[VFS__NAME_INLINE / 8])
{
	struct vfs__dtable *table = VFS_LOAD_POINTER(
		((struct vfs__dcache *)(uintptr_t)dcache)->table);
	uint32_t hash = vfs__dcache_hash(parent, name_hash);
	const struct vfs__dbucket *bucket = vfs__dcache_bucket(table, hash);
	uint64_t tag = vfs__dcache_tag(hash);

	for (unsigned i = 0; i < VFS__DCACHE_SLOTS; i++) {
		struct vfs_dentry *d = vfs__slot_short(&bucket->slots[i], tag,
						       parent, words[0]);

		if (d && VFS_READ_ONCE(d->name.words[1]) == words[1] &&
		    VFS_READ_ONCE(d->name.words[2]) == words[2])
			return d;
	}
	return NULL;
}

#endif
