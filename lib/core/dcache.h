/* SPDX-License-Identifier: MIT */
/*
 * The dentry cache: a hash table from (directory, name) to dentry that is
 * read without locks.
 *
 * A bucket is a cache line: seven slots, each a dentry's address with sixteen
 * bits of its hash above it, so that a look-up touches no dentry but the one
 * it wants, and a word with the lock for writers (bit 0) and a chain for what
 * does not fit. The table grows a few buckets at a time, inside the insertions,
 * so that none of them pauses: while it grows, buckets below `cursor` of the
 * old table live in the new one. A reader that finds nothing cannot know
 * whether a chain was moved under it, so a miss is believed only when `moves`
 * did not change; a hit needs no such check. A rename takes effect between two
 * steps of `renames` (odd: in progress): a whole walk is believed only when it
 * did not change.
 */
#ifndef VFS__DCACHE_H
#define VFS__DCACHE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/dentry.h"
#include "util/lock.h"

struct vfs;
struct vfs__thread;

#define VFS__DCACHE_SHARDS 8u

#define VFS__DCACHE_SLOTS 7u

struct vfs__dbucket {
	uintptr_t chain;		   /* atomic; bit 0: lock */
	uint64_t slots[VFS__DCACHE_SLOTS]; /* atomic; 0: free */
} __attribute__((aligned(64)));

struct vfs__dtable {
	uint64_t mask;		  /* constant */
	uint64_t cursor;	  /* atomic: buckets below are in next */
	struct vfs__dtable *next; /* atomic */
	struct vfs__dbucket buckets[];
};

struct vfs__dcache {
	/* read by every walk, written rarely */
	struct vfs__dtable *table __attribute__((aligned(64)));
	uint64_t renames; /* sequence; odd while one is in progress */
	uint64_t seed[2];
	bool large; /* the table is in no cache of the processor's: atomic */
	uint64_t moves;	  /* sequence of bucket moves: grow_lock */
	uint64_t changes; /* of what paths are remembered by; atomic */

	struct vfs__mutex grow_lock __attribute__((aligned(64)));
	uint32_t no_grow; /* shutdowns in progress: grow_lock */

	/* hashed dentries, spread over threads */
	struct vfs__dshard {
		int64_t count __attribute__((aligned(64)));
		int64_t look_at; /* the count at which to look at the others */
	} shards[VFS__DCACHE_SHARDS];

	/* dentries of supers that are not complete: an age by a clock's hand */
	uint64_t clock_hand __attribute__((aligned(64))); /* atomic */
	int64_t evictable_count;			  /* atomic */
	int64_t evictable_max;				  /* constant */
	/* how much is still to be searched for absences in directories that
	 * were removed, and where the search goes on: see dcache_trim.c */
	int64_t orphans_left;  /* atomic */
	uint64_t orphans_hand; /* atomic */
};

int vfs__dcache_init(struct vfs *vfs, uint64_t max_cached);
/* No other thread is inside; every super has been shut down. */
void vfs__dcache_fini(struct vfs *vfs);

/*
 * - vfs__dcache_find (dcache_find.h) looks for a name inside a read section,
 *   without any lock: a dentry without a reference, or NULL; *certain tells
 *   whether NULL is a fact (no chain moved meanwhile). A rename may still have
 *   been in progress: the caller validates `renames`.
 * - vfs__dcache_get does all of that: a referenced dentry, or NULL, which is a
 *   fact. Takes a section of its own.
 * - vfs__dcache_get_locked is for who holds parent's lock excl: no rename
 *   brings a name there, or takes one away.
 */
struct vfs_dentry *vfs__dcache_get(struct vfs__thread *thread, struct vfs *vfs,
				   const struct vfs_dentry *parent,
				   const struct vfs_name *name);

struct vfs_dentry *vfs__dcache_get_locked(struct vfs__thread *thread,
					  struct vfs *vfs,
					  const struct vfs_dentry *parent,
					  const struct vfs_name *name);

/* - Makes d findable. parent's lock: excl (or shared for an addition that was
 *   looked up again under the bucket's lock by _insert_unique). */
void vfs__dcache_insert(struct vfs__thread *thread, struct vfs *vfs,
			struct vfs_dentry *d);
/*
 * - Inserts d unless a dentry of its name is there, which is then returned
 *   with a reference (d stays the caller's). NULL: inserted.
 */
struct vfs_dentry *vfs__dcache_insert_unique(struct vfs__thread *thread,
					     struct vfs *vfs,
					     struct vfs_dentry *d);
/* - d is no longer findable. parent's lock: excl. */
void vfs__dcache_remove(struct vfs__thread *thread, struct vfs *vfs,
			struct vfs_dentry *d);
/*
 * - Moves d to (parent, name); longname: memory for a long one, made by
 *   vfs__longname_alloc, or NULL; *old_longname receives what to
 *   retire. The super's rename lock held, both directories excl, inside
 * rename_begin/end.
 * - The reference on the parent moves too.
 */
void vfs__dcache_move(struct vfs__thread *thread, struct vfs *vfs,
		      struct vfs_dentry *d, struct vfs_dentry *parent,
		      const struct vfs_name *name,
		      struct vfs__longname *longname,
		      struct vfs__longname **old_longname);
/* - begin waits for another rename to end; between the two nothing blocks and
 *   nothing is retired. */
void vfs__dcache_rename_begin(struct vfs *vfs);
void vfs__dcache_rename_end(struct vfs *vfs);

/*
 * - For who remembers paths (pathmem.h): d is findable, and whoever takes it
 *   out from now on counts a change; or there is no such name in parent, and
 *   whoever inserts one counts it. False: that is not so. Inside a section, no
 *   rename since it was found.
 */
bool vfs__dcache_remember(struct vfs *vfs, struct vfs_dentry *d);
bool vfs__dcache_remember_absence(struct vfs *vfs, struct vfs_dentry *parent,
				  const struct vfs_name *name);

/* - Something has changed by which a path leads somewhere, and it is neither a
 *   name that came or went nor a rename: who may search a directory, a map of
 *   ids, a mount's end. */
static inline void vfs__dcache_changed(struct vfs__dcache *dcache)
{
	__atomic_fetch_add(&dcache->changes, 1, __ATOMIC_SEQ_CST);
}

/* - Drops every dentry of super from the cache, whoever uses them; used at a
 *   super's end. Not inside a section. */
void vfs__dcache_shutdown(struct vfs__thread *thread, struct vfs *vfs,
			  struct vfs_super *super);
/* - Whether no rename took place since `renames` was read: what was seen since
 *   then is true. */
static inline bool vfs__dcache_unchanged(const struct vfs__dcache *dcache,
					 uint64_t renames)
{
#if !defined(__SANITIZE_THREAD__) && !defined(VFS__TSAN)
	/* what was read before was read before the next look */
	__atomic_thread_fence(__ATOMIC_ACQUIRE);
#endif
	return !(renames & 1) &&
	       __atomic_load_n(&dcache->renames, __ATOMIC_ACQUIRE) == renames;
}

/* - Forgets unused dentries of supers that are not complete when there are
 *   too many. Not inside a section, no inode lock held. */
void vfs__dcache_trim(struct vfs__thread *thread, struct vfs *vfs);

/* - A directory (referenced) was removed: what was looked for in it in vain is
 *   forgotten, because it keeps the directory: at once in a small cache, with
 *   the next misses in a large one. Not inside a section. */
void vfs__dcache_orphaned(struct vfs__thread *thread, struct vfs *vfs,
			  const struct vfs_dentry *dir);

struct vfs__longname *vfs__longname_alloc(struct vfs__thread *thread,
					  const struct vfs_name *name);
void vfs__longname_free(struct vfs__thread *thread, struct vfs__longname *l);
void vfs__longname_retire(struct vfs__thread *thread, struct vfs__longname *l);

#endif
