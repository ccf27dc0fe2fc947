/* SPDX-License-Identifier: MIT */
/*
 * Changing how much of a file exists: truncate, fallocate with its holes, and
 * seeking for data and holes. As on the kernel's tmpfs, FALLOC_FL_KEEP_SIZE
 * and FALLOC_FL_PUNCH_HOLE exist and the other modes do not.
 */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "tmpfs.h"
#include "tree.h"

#ifndef FALLOC_FL_KEEP_SIZE
#define FALLOC_FL_KEEP_SIZE 0x01
#endif
#ifndef FALLOC_FL_PUNCH_HOLE
#define FALLOC_FL_PUNCH_HOLE 0x02
#endif
#ifndef SEEK_DATA
#define SEEK_DATA 3
#endif

#define PAGE VFS_PAGE_SIZE

static uint64_t page_of(uint64_t offset)
{
	return offset >> TMPFS_PAGE_SHIFT;
}

static void pages_gone(struct vfs_inode *inode, uint64_t pages)
{
	if (!pages)
		return;
	tmpfs_add_blocks(inode, -(int64_t)pages);
	tmpfs_give_pages(inode->super, pages);
}

/* Zeroes from first to last, both inside one page of a tree, if the page has
 * memory. */
static void zero_in_page(struct vfs_inode *inode, uint64_t first, uint64_t last)
{
	struct tmpfs_node *root = tmpfs_inode(inode)->root, *leaf;
	uint64_t index = page_of(first), span;
	char *page;

	leaf = root ? tmpfs_tree_leaf(root, index, &span) : NULL;
	page = leaf ? leaf->slot[index % TMPFS_FANOUT] : NULL;
	if (tmpfs_is_page(page))
		tmpfs_zero_shared(page + first % PAGE,
				  (size_t)(last - first) + 1);
}

/* The bytes first to last of page 0, which is all there is, are no more: it
 * goes if it is wholly inside. */
static void erase_one(struct vfs_inode *inode, uint64_t first, uint64_t last)
{
	struct tmpfs_small *small = tmpfs_small(tmpfs_inode(inode)->root);
	unsigned char *bytes = tmpfs_single(tmpfs_inode(inode)->root);
	uint64_t capacity = PAGE;

	if (first == 0 && last >= PAGE - 1) {
		tmpfs_data_replace(inode, NULL);
		pages_gone(inode, 1);
		return;
	}
	if (small) {
		bytes = small->data;
		capacity = small->capacity;
	}
	if (first >= capacity)
		return;
	if (last >= capacity)
		last = capacity - 1;
	tmpfs_zero_shared(bytes + first, (size_t)(last - first) + 1);
}

/* The pages of which erase zeroes a part can be written. */
static int own_edges(struct vfs_inode *inode, uint64_t first, uint64_t last)
{
	int error = 0;

	if (first % PAGE)
		error = tmpfs_own_page(inode, page_of(first));
	if (!error && (last + 1) % PAGE)
		error = tmpfs_own_page(inode, page_of(last));
	return error;
}

static void erase(struct vfs_inode *inode, uint64_t first, uint64_t last)
{
	uint64_t begin = page_of(first + PAGE - 1), end = page_of(last + 1);

	assert(first <= last);
	if (tmpfs_in_one(tmpfs_inode(inode)->root)) {
		erase_one(inode, first, last);
		return;
	}
	if (begin > end) {
		/* Inside one page. */
		zero_in_page(inode, first, last);
		return;
	}
	if (first % PAGE)
		zero_in_page(inode, first, begin * PAGE - 1);
	if ((last + 1) % PAGE)
		zero_in_page(inode, end * PAGE, last);
	if (begin < end)
		pages_gone(inode, tmpfs_tree_remove(inode, begin, end - 1));
}

int tmpfs_truncate(struct vfs_inode *inode, int64_t size)
{
	const uint64_t end = (UINT64_C(1) << 63) - 1;
	int64_t before = inode->size;

	if (tmpfs_shared(tmpfs_inode(inode)->root))
		return tmpfs_shared_truncate(inode, size);
	if (size <= before && own_edges(inode, (uint64_t)size, end))
		return -ENOMEM;
	VFS_STORE_POINTER(inode->size, size);
	/* To the same size as well: what was promised beyond it goes. */
	if (size <= before && tmpfs_inode(inode)->root)
		erase(inode, (uint64_t)size, end);
	return 0;
}

/* -- fallocate -- */

/* Promises every page of the range that does not exist, and repeats promises.
 * All or nothing. */
static int reserve_tree(struct vfs_inode *inode, uint64_t first, uint64_t last)
{
	uint64_t wanted = last - first + 1, holes, index;
	struct tmpfs_node *leaf;
	uint32_t slot;
	int error;

	holes = wanted - tmpfs_tree_count(inode, first, last);
	error = holes ? tmpfs_take_pages(inode->super, holes) : 0;
	if (error)
		return error;
	for (index = first; index <= last; index = (index | 63) + 1) {
		error = tmpfs_tree_make_leaf(inode, index, &leaf);
		if (error)
			goto prune;
	}
	for (index = first; index <= last;) {
		error = tmpfs_tree_make_leaf(inode, index, &leaf);
		assert(!error);
		do {
			slot = index % TMPFS_FANOUT;
			if (!leaf->slot[slot])
				tmpfs_tree_fill(leaf, slot, TMPFS_RESERVED);
			else if (leaf->slot[slot] == TMPFS_RESERVED)
				tmpfs_tree_fill(leaf, slot, TMPFS_ZEROED);
			index++;
		} while (index <= last && index % TMPFS_FANOUT);
	}
	tmpfs_add_blocks(inode, (int64_t)holes);
	return 0;

prune:
	tmpfs_tree_prune(inode, first, last);
	tmpfs_give_pages(inode->super, holes);
	return error;
}

bool tmpfs_could_reserve(const struct vfs_inode *inode, uint64_t pages)
{
	const struct tmpfs_super *super = tmpfs_super(inode->super);

	/* Whatever exists already. And without a limit, the machine's memory
	 * is one: it could not keep the promise. */
	return pages <=
	       (super->max_blocks ? super->max_blocks : super->memory_pages);
}

static int reserve(struct vfs_inode *inode, uint64_t first, uint64_t last)
{
	int error;

	if (!tmpfs_could_reserve(inode, last - first + 1))
		return -ENOSPC;
	if (tmpfs_in_one(tmpfs_inode(inode)->root)) {
		if (last == 0)
			return 0;
		error = tmpfs_promote(inode);
		if (error)
			return error;
	}
	return reserve_tree(inode, first, last);
}

int tmpfs_fallocate(struct vfs_inode *inode, int mode, int64_t offset,
		    int64_t length)
{
	uint64_t first = (uint64_t)offset;
	uint64_t last = first + (uint64_t)length - 1;
	int error;

	if (mode & ~(FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE))
		return -EOPNOTSUPP;
	if (tmpfs_shared(tmpfs_inode(inode)->root))
		return tmpfs_shared_fallocate(inode, mode, offset, length);
	if (mode & FALLOC_FL_PUNCH_HOLE) {
		error = own_edges(inode, first, last);
		if (error)
			return error;
		if (tmpfs_inode(inode)->root)
			erase(inode, first, last);
		return 0;
	}
	error = reserve(inode, page_of(first), page_of(last));
	if (error)
		return error;
	if (!(mode & FALLOC_FL_KEEP_SIZE) && offset + length > inode->size)
		VFS_STORE_POINTER(inode->size, offset + length);
	return 0;
}

/* -- seeking -- */

/* The first page from index on that has data (or has none), or one at or
 * beyond end. */
static uint64_t find_page(struct vfs_inode *inode, uint64_t index, uint64_t end,
			  bool data)
{
	/* a copy may be marking it */
	struct tmpfs_node *root = VFS_LOAD_POINTER(tmpfs_inode(inode)->root);
	const struct tmpfs_node *leaf;
	uint64_t span;

	if (!root || tmpfs_in_one(root)) {
		if (data)
			return root && index == 0 ? 0 : end;
		return root && index == 0 ? 1 : index;
	}
	while (index < end) {
		leaf = tmpfs_tree_leaf(root, index, &span);
		if (!leaf) {
			if (!data)
				return index;
			if (span >= end - index)
				return end;
			index += span;
			continue;
		}
		do {
			if (tmpfs_is_data(leaf->slot[index % TMPFS_FANOUT]) ==
			    data)
				return index;
			index++;
		} while (index % TMPFS_FANOUT);
	}
	return end;
}

int64_t tmpfs_seek(struct vfs_inode *inode, int64_t offset, int whence)
{
	const void *root = VFS_LOAD_POINTER(tmpfs_inode(inode)->root);
	bool data = whence == SEEK_DATA;
	uint64_t index, end;
	int64_t found;

	if (offset < 0 || offset >= inode->size)
		return -ENXIO;
	if (tmpfs_shared(root))
		return tmpfs_shared_seek(tmpfs_shared(root), offset, whence);
	end = page_of((uint64_t)inode->size - 1) + 1;
	index = find_page(inode, page_of((uint64_t)offset), end, data);
	/* The end's last page may begin where 63 bits end. */
	if (index >= end)
		return data ? -ENXIO : inode->size;
	found = (int64_t)(index << TMPFS_PAGE_SHIFT);
	if (found < offset)
		found = offset;
	return found;
}
