/* SPDX-License-Identifier: MIT */
/*
 * The pages of a regular file. tmpfs_inode.root is one of
 *
 *	NULL                nothing but holes;
 *	a shared object     (tagged) the file was mapped once: its bytes are in
 *	                    a memfd of the host (shared.c);
 *	a small block       (tagged) the front of page 0, the rest of which is
 *	                    zero; no other page exists. Whatever the file's
 *	                    size: it may be a sparse giant;
 *	a single page       (tagged) page 0; no other page exists, as above;
 *	a node              a radix tree of 64-way nodes whose leaves hold
 *	                    pages.
 *
 * A leaf's slot is NULL (a hole), a page, or a page that fallocate has
 *promised: it reads as zeros and is accounted for, but has no memory yet. There
 *are two sorts of promises, as on the kernel's tmpfs: to SEEK_DATA one made
 *once is a hole (TMPFS_RESERVED), one that was made again is data
 *(TMPFS_ZEROED). Bytes of blocks and pages beyond the file's size are zero.
 *
 * Readers follow root and slots without a lock, inside a read section: both
 * are written with VFS_STORE_POINTER under the inode's exclusive lock; what
 * they pointed to goes to vfs_retire. A node's shift never changes.
 */
#ifndef TMPFS_TREE_H
#define TMPFS_TREE_H

#include <stdbool.h>

#include <vfs/sys/backend.h>

#define TMPFS_FANOUT_SHIFT 6
#define TMPFS_FANOUT (1u << TMPFS_FANOUT_SHIFT)
#define TMPFS_RESERVED ((void *)1)
#define TMPFS_ZEROED ((void *)2)
#define TMPFS_SMALL_TAG UINT64_C(1)
#define TMPFS_SHARED_TAG UINT64_C(2)
#define TMPFS_SINGLE_TAG UINT64_C(4)
/* With the one before: the page may be another file's, too, as in a leaf that
 * is lent. Set under any lock, cleared under excl. */
#define TMPFS_LENT_TAG UINT64_C(8)
/* What has one of them is no node. */
#define TMPFS_TAGS (TMPFS_SMALL_TAG | TMPFS_SHARED_TAG | TMPFS_SINGLE_TAG)
#define TMPFS_SMALL_MAX 2040u /* bytes of data in a small block */

struct tmpfs_small {
	uint32_t capacity; /* constant */
	uint32_t zero;
	unsigned char data[];
};

struct tmpfs_node {
	uint16_t shift; /* a slot stands for 1 << shift pages; 0: a leaf */
	/* A leaf's pages may be other files', too: none is written in place
	 * without a look. Set under any lock, cleared under excl. */
	uint16_t lent;
	uint32_t used; /* slots that are not NULL: excl */
	void *slot[TMPFS_FANOUT];
};

static inline struct tmpfs_small *tmpfs_small(const void *root)
{
	if (!((uintptr_t)root & TMPFS_SMALL_TAG))
		return NULL;
	return (struct tmpfs_small *)((uintptr_t)root - TMPFS_SMALL_TAG);
}

static inline struct tmpfs_shared *tmpfs_shared(const void *root)
{
	if (!((uintptr_t)root & TMPFS_SHARED_TAG))
		return NULL;
	return (struct tmpfs_shared *)((uintptr_t)root - TMPFS_SHARED_TAG);
}

/* The page, or NULL. */
static inline unsigned char *tmpfs_single(const void *root)
{
	if (!((uintptr_t)root & TMPFS_SINGLE_TAG))
		return NULL;
	return (unsigned char *)((uintptr_t)root -
				 (uintptr_t)root % VFS_PAGE_SIZE);
}

/* A root with nothing but that page; lent: TMPFS_LENT_TAG or 0. */
static inline void *tmpfs_single_root(void *page, uint64_t lent)
{
	return (void *)((uintptr_t)page + TMPFS_SINGLE_TAG + lent);
}

/* Whether there is page 0 and no other. */
static inline bool tmpfs_in_one(const void *root)
{
	return (uintptr_t)root & (TMPFS_SMALL_TAG | TMPFS_SINGLE_TAG);
}

static inline bool tmpfs_is_page(const void *slot)
{
	return (uintptr_t)slot > (uintptr_t)TMPFS_ZEROED;
}

/* What SEEK_DATA finds. */
static inline bool tmpfs_is_data(const void *slot)
{
	return (uintptr_t)slot > (uintptr_t)TMPFS_RESERVED;
}

/*
 * The leaf that has this page's slot, or NULL, with *span the number of pages
 * from index on that have none. node: a tree's root. Lock: none, in a read
 * section, or the inode's.
 */
static inline struct tmpfs_node *tmpfs_tree_leaf(struct tmpfs_node *node,
						 uint64_t index, uint64_t *span)
{
	uint32_t shift = node->shift;

	if (index >> (shift + TMPFS_FANOUT_SHIFT)) {
		*span = UINT64_MAX - index;
		return NULL;
	}
	while (shift) {
		node = VFS_LOAD_POINTER(
			node->slot[(index >> shift) % TMPFS_FANOUT]);
		if (!node) {
			*span = (UINT64_C(1) << shift) -
				(index & ((UINT64_C(1) << shift) - 1));
			return NULL;
		}
		shift = node->shift;
	}
	return node;
}

/* All: excl. The inode's root is no tagged object. */

/* As tmpfs_tree_leaf, making what is missing. 0, -ENOMEM. */
int tmpfs_tree_make_leaf(struct vfs_inode *inode, uint64_t index,
			 struct tmpfs_node **out);
/* A leaf's slot gets its first page or promise. */
void tmpfs_tree_fill(struct tmpfs_node *leaf, uint32_t slot, void *page);
/* Removes the pages first to last; returns how many there were, promised ones
 * too. Accounting is the caller's. */
uint64_t tmpfs_tree_remove(struct vfs_inode *inode, uint64_t first,
			   uint64_t last);
/* Removes nodes without a page, left by a failure, from that range. */
void tmpfs_tree_prune(struct vfs_inode *inode, uint64_t first, uint64_t last);
/* The number of pages and promises among first to last. */
uint64_t tmpfs_tree_count(struct vfs_inode *inode, uint64_t first,
			  uint64_t last);
/* Hands a small block that no reader finds any more to be freed (data.c). */
void tmpfs_small_retire(struct vfs *vfs, struct tmpfs_small *small);
/* Hands a page that no reader finds any more to be freed. */
void tmpfs_page_retire(struct vfs *vfs, void *page);
/* Hands a whole tree to be freed. */
void tmpfs_tree_retire(struct vfs *vfs, struct tmpfs_node *root,
		       uint64_t pages);

#endif
