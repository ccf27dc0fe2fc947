/* SPDX-License-Identifier: MIT */
/*
 * The radix tree of a file's pages: see tree.h. A subtree that is detached
 * goes to vfs_retire as one object, whose callback walks it; nothing is freed
 * while a reader may be inside.
 */
#include <assert.h>
#include <errno.h>

#include "tmpfs.h"
#include "tree.h"

/* -- freeing -- */

static void free_page(struct vfs *vfs, void *page, size_t size)
{
	(void)size;
	vfs_page_unref(vfs, page);
}

void tmpfs_page_retire(struct vfs *vfs, void *page)
{
	vfs_retire(vfs, free_page, page, VFS_PAGE_SIZE);
}

static void free_node(struct vfs *vfs, void *node, size_t size)
{
	vfs_free(vfs, node, size);
}

static void free_subtree(struct vfs *vfs, void *pointer, size_t size)
{
	struct tmpfs_node *node = pointer;
	uint32_t i;

	(void)size;
	for (i = 0; i < TMPFS_FANOUT && node->used; i++) {
		if (!node->slot[i])
			continue;
		node->used--;
		if (node->shift)
			free_subtree(vfs, node->slot[i], 0);
		else if (tmpfs_is_page(node->slot[i]))
			vfs_page_unref(vfs, node->slot[i]);
	}
	vfs_free(vfs, node, sizeof(*node));
}

void tmpfs_tree_retire(struct vfs *vfs, struct tmpfs_node *root, uint64_t pages)
{
	size_t size = sizeof(*root) + (size_t)pages * VFS_PAGE_SIZE;

	vfs_retire(vfs, free_subtree, root, size);
}

/* -- growing -- */

static struct tmpfs_node *node_create(struct vfs *vfs, uint32_t shift)
{
	struct tmpfs_node *node = vfs_zalloc(vfs, sizeof(*node));

	if (node)
		node->shift = (uint16_t)shift;
	return node;
}

/* Puts roots on top until the tree covers index. */
static int tree_grow(struct vfs_inode *inode, uint64_t index)
{
	struct tmpfs_inode *data = tmpfs_inode(inode);
	struct tmpfs_node *root = data->root, *above;
	uint32_t shift = root ? root->shift + TMPFS_FANOUT_SHIFT : 0;

	while (!root || index >> shift) {
		/* The first root is made as high as it must be. */
		if (!root) {
			while (index >> (shift + TMPFS_FANOUT_SHIFT))
				shift += TMPFS_FANOUT_SHIFT;
		}
		above = node_create(inode->super->vfs, shift);
		if (!above)
			return -ENOMEM;
		above->slot[0] = root;
		above->used = root ? 1 : 0;
		VFS_STORE_POINTER(data->root, above);
		root = above;
		shift += TMPFS_FANOUT_SHIFT;
	}
	return 0;
}

int tmpfs_tree_make_leaf(struct vfs_inode *inode, uint64_t index,
			 struct tmpfs_node **out)
{
	struct tmpfs_node *node = tmpfs_inode(inode)->root, *below;
	void **slot;
	int error;

	assert(!((uintptr_t)node & TMPFS_TAGS));
	if (!node || index >> (node->shift + TMPFS_FANOUT_SHIFT)) {
		error = tree_grow(inode, index);
		if (error)
			return error;
		node = tmpfs_inode(inode)->root;
	}
	while (node->shift) {
		slot = &node->slot[(index >> node->shift) % TMPFS_FANOUT];
		below = *slot;
		if (!below) {
			below = node_create(inode->super->vfs,
					    node->shift - TMPFS_FANOUT_SHIFT);
			if (!below)
				return -ENOMEM;
			node->used++;
			VFS_STORE_POINTER(*slot, below);
		}
		node = below;
	}
	*out = node;
	return 0;
}

void tmpfs_tree_fill(struct tmpfs_node *leaf, uint32_t slot, void *page)
{
	assert(!leaf->shift && slot < TMPFS_FANOUT && page);
	if (!leaf->slot[slot])
		leaf->used++;
	VFS_STORE_POINTER(leaf->slot[slot], page);
}

/* -- ranges -- */

/* The part of a range of pages that lies under a node: its slots. */
struct range {
	uint64_t first, last;
};

static uint32_t first_slot(const struct tmpfs_node *node, uint64_t base,
			   const struct range *range)
{
	if (range->first <= base)
		return 0;
	return (uint32_t)((range->first - base) >> node->shift);
}

/* One past the last. */
static uint32_t end_slot(const struct tmpfs_node *node, uint64_t base,
			 const struct range *range)
{
	uint64_t last = (range->last - base) >> node->shift;

	return last < TMPFS_FANOUT ? (uint32_t)last + 1 : TMPFS_FANOUT;
}

static uint64_t count_all(const struct tmpfs_node *node)
{
	uint64_t pages = 0;
	uint32_t i;

	if (!node->shift)
		return node->used;
	for (i = 0; i < TMPFS_FANOUT; i++) {
		if (node->slot[i])
			pages += count_all(node->slot[i]);
	}
	return pages;
}

static uint64_t count_under(const struct tmpfs_node *node, uint64_t base,
			    const struct range *range)
{
	uint32_t i = first_slot(node, base, range);
	uint32_t end = end_slot(node, base, range);
	uint64_t pages = 0;

	for (; i < end; i++) {
		if (!node->slot[i])
			continue;
		if (node->shift)
			pages += count_under(
				node->slot[i],
				base + ((uint64_t)i << node->shift), range);
		else
			pages++;
	}
	return pages;
}

static void slot_clear(struct tmpfs_node *node, uint32_t slot)
{
	assert(node->used);
	VFS_STORE_POINTER(node->slot[slot], NULL);
	node->used--;
}

static uint64_t remove_under(struct vfs *vfs, struct tmpfs_node *node,
			     uint64_t base, const struct range *range)
{
	uint32_t i = first_slot(node, base, range);
	uint32_t end = end_slot(node, base, range);
	uint64_t pages = 0, low, high, under;
	void *slot;

	for (; i < end && node->used; i++) {
		slot = node->slot[i];
		if (!slot)
			continue;
		low = base + ((uint64_t)i << node->shift);
		high = low + (UINT64_C(1) << node->shift) - 1;
		if (!node->shift) {
			slot_clear(node, i);
			if (tmpfs_is_page(slot))
				vfs_retire(vfs, free_page, slot, VFS_PAGE_SIZE);
			pages++;
		} else if (range->first <= low && high <= range->last) {
			under = count_all(slot);
			slot_clear(node, i);
			tmpfs_tree_retire(vfs, slot, under);
			pages += under;
		} else {
			pages += remove_under(vfs, slot, low, range);
			if (!((struct tmpfs_node *)slot)->used) {
				slot_clear(node, i);
				vfs_retire(vfs, free_node, slot,
					   sizeof(struct tmpfs_node));
			}
		}
	}
	return pages;
}

static void prune_under(struct vfs *vfs, struct tmpfs_node *node, uint64_t base,
			const struct range *range)
{
	uint32_t i = first_slot(node, base, range);
	uint32_t end = end_slot(node, base, range);
	struct tmpfs_node *below;

	for (; node->shift && i < end && node->used; i++) {
		below = node->slot[i];
		if (!below)
			continue;
		prune_under(vfs, below, base + ((uint64_t)i << node->shift),
			    range);
		if (!below->used) {
			slot_clear(node, i);
			vfs_retire(vfs, free_node, below, sizeof(*below));
		}
	}
}

/* Takes roots away that are empty or stand for nothing but their first slot.
 */
static void tree_shrink(struct vfs_inode *inode)
{
	struct tmpfs_inode *data = tmpfs_inode(inode);
	struct tmpfs_node *root = data->root;

	while (root && (!root->used ||
			(root->shift && root->used == 1 && root->slot[0]))) {
		VFS_STORE_POINTER(data->root, root->slot[0]);
		vfs_retire(inode->super->vfs, free_node, root, sizeof(*root));
		root = data->root;
	}
}

/* Whether some of the range lies under the tree. */
static bool tree_meets(const struct tmpfs_node *root, const struct range *range)
{
	return root && range->first <= range->last &&
	       !(range->first >> (root->shift + TMPFS_FANOUT_SHIFT));
}

uint64_t tmpfs_tree_remove(struct vfs_inode *inode, uint64_t first,
			   uint64_t last)
{
	struct tmpfs_node *root = tmpfs_inode(inode)->root;
	const struct range range = {first, last};
	uint64_t pages;

	assert(!((uintptr_t)root & TMPFS_TAGS));
	if (!tree_meets(root, &range))
		return 0;
	pages = remove_under(inode->super->vfs, root, 0, &range);
	tree_shrink(inode);
	return pages;
}

void tmpfs_tree_prune(struct vfs_inode *inode, uint64_t first, uint64_t last)
{
	struct tmpfs_node *root = tmpfs_inode(inode)->root;
	const struct range range = {first, last};

	assert(!((uintptr_t)root & TMPFS_TAGS));
	if (!tree_meets(root, &range))
		return;
	prune_under(inode->super->vfs, root, 0, &range);
	tree_shrink(inode);
}

uint64_t tmpfs_tree_count(struct vfs_inode *inode, uint64_t first,
			  uint64_t last)
{
	const struct tmpfs_node *root = tmpfs_inode(inode)->root;
	const struct range range = {first, last};

	assert(!((uintptr_t)root & TMPFS_TAGS));
	return tree_meets(root, &range) ? count_under(root, 0, &range) : 0;
}
