/* SPDX-License-Identifier: MIT */
/*
 * A dentry is a name in a directory, or its known absence (inode NULL).
 *
 * Life. Made by vfs__dentry_alloc, hashed by vfs__dcache_insert under the
 * directory's lock. `ref` counts users (open files, working directories,
 * mounts, walks, children), with a bit above them that says that the dentry is
 * findable in the cache. So a hashed dentry with no user stays; whoever makes
 * the word 0 frees it, after a grace period, and nobody gets a reference any
 * more. A dentry holds a reference on its parent and on its inode.
 *
 * Locks. parent, name, hash and cookie change only in rename.c, under the
 * instance's rename sequence and both directories' locks; walkers without
 * locks read them with VFS_READ_ONCE and validate by the sequence. inode
 * changes under the parent's exclusive lock. flags and ref are atomic.
 */
#ifndef VFS__DENTRY_H
#define VFS__DENTRY_H

#include <stdbool.h>
#include <vfs/sys/backend.h>

#include "util/atomic.h"

#define VFS__NAME_INLINE 24u

#define VFS__DENTRY_REMEMBERED 0x1u /* by some thread: pathmem.h */
#define VFS__DENTRY_MOUNTED 0x2u    /* something is mounted here, somewhere */
#define VFS__DENTRY_HANDLE 0x4u	    /* what its inode's handle leads to */
#define VFS__DENTRY_LONG 0x8u	    /* the name is outside, for good */
#define VFS__DENTRY_EVICTABLE 0x10u /* of a super that is not complete */
#define VFS__DENTRY_COLD 0x20u	    /* not walked to since the last trim */
#define VFS__DENTRY_ABSENCES 0x40u  /* in it are remembered: pathmem.h */
#define VFS__DENTRY_VOLATILE 0x80u  /* each step asks the backend again */

struct vfs__longname {
	uint32_t len;
	char str[];
};

struct vfs_dentry {
	struct vfs_dentry *next; /* bucket chain: bucket lock */
	struct vfs_dentry *parent;
	struct vfs_inode *inode;
	uint32_t hash;
	uint32_t ref; /* atomic; 0: being freed */
	uint32_t cookie_low;
	uint16_t cookie_high;
	uint8_t name_len; /* when inline */
	uint8_t flags;	  /* atomic */
	/* A long name has words 0 and 2 all ones and its pointer in between:
	 * no name looks like that, not even its first word like a name of
	 * seven bytes or fewer. */
	union {
		uint64_t words[VFS__NAME_INLINE / 8]; /* zero-padded */
		char chars[VFS__NAME_INLINE];
		struct {
			uint64_t ones;
			struct vfs__longname *longname;
		};
	} name;
};

_Static_assert(sizeof(struct vfs_dentry) == 64, "one cache line");

#define VFS__DENTRY_REF_HASHED 0x40000000u

/* Findable in the cache? Stable under the directory's lock. */
static inline bool vfs__dentry_hashed(const struct vfs_dentry *d)
{
	return VFS_READ_ONCE(d->ref) & VFS__DENTRY_REF_HASHED;
}

static inline uint32_t vfs__dentry_flags(const struct vfs_dentry *d)
{
	return VFS_READ_ONCE(d->flags);
}

static inline void vfs__dentry_set(struct vfs_dentry *d, uint8_t flags)
{
	vfs__fetch_or_u8(&d->flags, flags);
}

static inline void vfs__dentry_clear(struct vfs_dentry *d, uint8_t flags)
{
	vfs__fetch_and_u8(&d->flags, (uint8_t)~flags);
}

/* The inode, NULL for a negative dentry; inside a section or referenced. */
static inline struct vfs_inode *vfs__dentry_inode(const struct vfs_dentry *d)
{
	return VFS_LOAD_POINTER(d->inode);
}

static inline struct vfs_dentry *vfs__dentry_parent(const struct vfs_dentry *d)
{
	return VFS_LOAD_POINTER(d->parent);
}

/* Has it no parent: is it a super's root? */
static inline bool vfs__dentry_is_root(const struct vfs_dentry *d)
{
	return vfs__dentry_parent(d) == d;
}

static inline uint64_t vfs__dentry_cookie(const struct vfs_dentry *d)
{
	return (uint64_t)d->cookie_high << 32 | d->cookie_low;
}

static inline void vfs__dentry_set_cookie(struct vfs_dentry *d, uint64_t cookie)
{
	d->cookie_low = (uint32_t)cookie;
	d->cookie_high = (uint16_t)(cookie >> 32);
}

/*
 * The name, with its parent's lock or the rename lock held (or inside a
 * section, to be validated). Not NUL-terminated.
 */
static inline const char *vfs__dentry_name(const struct vfs_dentry *d,
					   uint32_t *len)
{
	if (VFS_LOAD_POINTER(d->flags) & VFS__DENTRY_LONG) {
		const struct vfs__longname *l = VFS_LOAD_POINTER(
			((struct vfs_dentry *)(uintptr_t)d)->name.longname);
		*len = l->len;
		return l->str;
	}
	*len = VFS_READ_ONCE(d->name_len);
	return d->name.chars;
}

/* One more user of a dentry that has one. */
static inline struct vfs_dentry *vfs__dentry_ref(struct vfs_dentry *d)
{
	vfs__fetch_add_u32(&d->ref, 1);
	return d;
}

struct vfs__thread;

/*
 * - A user of a dentry found without a reference, inside a section; false
 *   when it is dead.
 */
bool vfs__dentry_tryref(struct vfs_dentry *d);
/* - Gives a user back; frees, and the parents in turn, what is then dead.
 * - Not inside a section. NULL is accepted. May evict inodes. */
void vfs__dentry_unref(struct vfs__thread *thread, struct vfs_dentry *d);

/* - Frees a dentry whose ref the caller made 0. */
void vfs__dentry_discard(struct vfs__thread *thread, struct vfs_dentry *d);

/*
 * - A dentry of parent, unhashed, with one user, inode NULL.
 * - Takes a reference on parent (NULL: a root, its own parent).
 * - NULL: out of memory.
 */
struct vfs_dentry *vfs__dentry_alloc(struct vfs__thread *thread,
				     struct vfs_dentry *parent,
				     const struct vfs_name *name);
/* Puts inode (its one reference passes) behind a negative dentry. */
void vfs__dentry_instantiate(struct vfs_dentry *d, struct vfs_inode *inode,
			     uint64_t cookie);

#endif
