/* SPDX-License-Identifier: MIT */
/*
 * Reading and writing. Files that stay small live in one block of just their
 * size, those of up to a page in one; others in pages of a tree (tree.h).
 *
 * A read holds no lock: it takes the size, then the root, and copies what it
 * finds. A page or block is filled before it is published, so that a reader
 * meets old bytes, new bytes or zeros, never anything else.
 *
 * A write charges a page to the super before it allocates it, in runs that are
 * exactly as long as they must be: another writer never sees -ENOSPC because
 * of room that this one does not use.
 */
#include <assert.h>
#include <errno.h>
#include <string.h>

#include "tmpfs.h"
#include "tree.h"

#define PAGE VFS_PAGE_SIZE
#define SMALL_GRAIN 16u
#define SMALL_HEADER ((uint32_t)sizeof(struct tmpfs_small))

static size_t min_size(size_t a, size_t b)
{
	return a < b ? a : b;
}

void tmpfs_zero_shared(void *to, size_t size)
{
	static const unsigned char zeros[1024];
	unsigned char *at = to;
	size_t n;

	for (; size; at += n, size -= n) {
		n = min_size(size, sizeof(zeros));
		vfs_copy_shared(at, zeros, n);
	}
}

/* -- reading -- */

/* Of the bytes that there are, and zeros behind them. */
static void read_one(const unsigned char *bytes, size_t capacity, char *to,
		     size_t count, uint64_t offset)
{
	size_t n = 0;

	if (offset < capacity) {
		n = min_size(count, capacity - (size_t)offset);
		vfs_copy_shared(to, bytes + offset, n);
	}
	memset(to + n, 0, count - n);
}

/* From the leaf's slot on, until count or the leaf is at its end. Neighbours
 * in the file that are neighbours in memory are one copy. */
static size_t read_leaf(const struct tmpfs_node *leaf, uint32_t slot,
			size_t in_page, char *to, size_t count)
{
	const char *page, *next;
	size_t done = 0, n;

	while (done < count && slot < TMPFS_FANOUT) {
		page = VFS_LOAD_POINTER(leaf->slot[slot]);
		slot++;
		n = PAGE - in_page;
		if (!tmpfs_is_page(page)) {
			n = min_size(n, count - done);
			memset(to + done, 0, n);
			done += n;
			in_page = 0;
			continue;
		}
		while (n < count - done && slot < TMPFS_FANOUT) {
			next = VFS_LOAD_POINTER(leaf->slot[slot]);
			if (next != page + in_page + n)
				break;
			n += PAGE;
			slot++;
		}
		n = min_size(n, count - done);
		vfs_copy_shared(to + done, page + in_page, n);
		done += n;
		in_page = 0;
	}
	return done;
}

static void read_tree(struct tmpfs_node *root, char *to, size_t count,
		      uint64_t offset)
{
	const struct tmpfs_node *leaf;
	uint64_t index, span;
	size_t in_page, n;

	while (count) {
		index = offset >> TMPFS_PAGE_SHIFT;
		in_page = offset % PAGE;
		leaf = tmpfs_tree_leaf(root, index, &span);
		if (leaf) {
			n = read_leaf(leaf, index % TMPFS_FANOUT, in_page, to,
				      count);
		} else {
			n = count;
			if (span <= (count + in_page) >> TMPFS_PAGE_SHIFT)
				n = (size_t)span * PAGE - in_page;
			memset(to, 0, n);
		}
		to += n;
		offset += n;
		count -= n;
	}
}

/*
 * What most reads and writes are: count bytes from offset on lie in one piece.
 * Where, or NULL. As tmpfs_tree_leaf, but for what it tells of holes. own: to
 * be written, so that it must not be another file's page as well.
 */
static inline char *find_straight(void *root, size_t count, uint64_t offset,
				  const bool own)
{
	uint64_t index = offset >> TMPFS_PAGE_SHIFT;
	size_t in_page = offset % PAGE;
	struct tmpfs_node *node = root;
	uint32_t shift;
	char *page;

	if ((uintptr_t)root & TMPFS_TAGS) {
		struct tmpfs_small *small = tmpfs_small(root);

		if ((uintptr_t)root & TMPFS_SINGLE_TAG)
			return offset + count <= PAGE &&
					       !(own && (uintptr_t)root &
								TMPFS_LENT_TAG)
				       ? (char *)tmpfs_single(root) + offset
				       : NULL;
		return small && offset + count <= small->capacity
			       ? (char *)small->data + offset
			       : NULL;
	}
	if (!node || count > PAGE - in_page)
		return NULL;
	shift = node->shift;
	if (index >> shift >> TMPFS_FANOUT_SHIFT)
		return NULL;
	for (; shift; shift = node->shift) {
		node = VFS_LOAD_POINTER(
			node->slot[(index >> shift) % TMPFS_FANOUT]);
		if (!node)
			return NULL;
	}
	if (own && __builtin_expect(VFS_READ_ONCE(node->lent), 0))
		return NULL;
	page = VFS_LOAD_POINTER(node->slot[index % TMPFS_FANOUT]);
	return tmpfs_is_page(page) ? page + in_page : NULL;
}

/* All before the file's end. */
static int64_t __attribute__((noinline))
read_scattered(void *root, void *buffer, size_t count, uint64_t offset)
{
	const struct tmpfs_small *small = tmpfs_small(root);

	if (tmpfs_shared(root))
		return tmpfs_shared_read(tmpfs_shared(root), buffer, count,
					 offset);
	if (small)
		read_one(small->data, small->capacity, buffer, count, offset);
	else if (tmpfs_single(root))
		read_one(tmpfs_single(root), PAGE, buffer, count, offset);
	else if (!root)
		memset(buffer, 0, count);
	else
		read_tree(root, buffer, count, offset);
	return (int64_t)count;
}

int64_t tmpfs_read(struct vfs_inode *inode, struct vfs_file *file, void *buffer,
		   size_t count, int64_t offset)
{
	int64_t size = VFS_LOAD_POINTER(inode->size);
	const char *from;
	void *root;

	(void)file;
	if (offset >= size)
		return 0;
	if (count > (uint64_t)(size - offset))
		count = (size_t)(size - offset);
	root = VFS_LOAD_POINTER(tmpfs_inode(inode)->root);
	from = find_straight(root, count, (uint64_t)offset, false);
	if (__builtin_expect(!from, 0))
		return read_scattered(root, buffer, count, (uint64_t)offset);
	vfs_copy_shared(buffer, from, count);
	return (int64_t)count;
}

/* -- small files -- */

static void free_small(struct vfs *vfs, void *small, size_t size)
{
	vfs_free(vfs, small, size);
}

void tmpfs_small_retire(struct vfs *vfs, struct tmpfs_small *small)
{
	vfs_retire(vfs, free_small, small, SMALL_HEADER + small->capacity);
}

static struct tmpfs_small *small_create(struct vfs *vfs, uint32_t capacity)
{
	uint32_t size = SMALL_HEADER + capacity;
	struct tmpfs_small *small;

	size = (size + SMALL_GRAIN - 1) & ~(SMALL_GRAIN - 1);
	small = vfs_alloc(vfs, size);
	if (!small)
		return NULL;
	small->capacity = size - SMALL_HEADER;
	small->zero = 0;
	return small;
}

/* Writes where root is NULL or a small block and the end fits into one. */
static int64_t write_small(struct vfs_inode *inode, const void *from,
			   uint32_t count, uint32_t offset)
{
	struct vfs *vfs = inode->super->vfs;
	struct tmpfs_inode *data = tmpfs_inode(inode);
	struct tmpfs_small *old = tmpfs_small(data->root), *small;
	uint32_t end = offset + count, kept = 0, capacity = end;
	int error;

	assert(!old || end > old->capacity);
	if (old) {
		/* Growing: by half at least, against many small appends. */
		kept = old->capacity;
		if (capacity < kept + kept / 2)
			capacity = kept + kept / 2;
		if (capacity > TMPFS_SMALL_MAX)
			capacity = TMPFS_SMALL_MAX;
	} else {
		error = tmpfs_take_pages(inode->super, 1);
		if (error)
			return error;
	}
	small = small_create(vfs, capacity);
	if (!small) {
		if (!old)
			tmpfs_give_pages(inode->super, 1);
		return -ENOMEM;
	}
	if (old)
		memcpy(small->data, old->data, kept);
	if (kept < offset)
		memset(small->data + kept, 0, offset - kept);
	memcpy(small->data + offset, from, count);
	memset(small->data + end, 0, small->capacity - end);
	VFS_STORE_POINTER(data->root,
			  (void *)((uintptr_t)small + TMPFS_SMALL_TAG));
	if (old)
		tmpfs_small_retire(vfs, old);
	else
		tmpfs_add_blocks(inode, 1);
	return count;
}

static void *page_of_small(struct vfs *vfs, const struct tmpfs_small *small)
{
	unsigned char *page = vfs_page_alloc(vfs);

	if (page) {
		memcpy(page, small->data, small->capacity);
		memset(page + small->capacity, 0, PAGE - small->capacity);
	}
	return page;
}

int tmpfs_promote(struct vfs_inode *inode)
{
	struct vfs *vfs = inode->super->vfs;
	struct tmpfs_inode *data = tmpfs_inode(inode);
	struct tmpfs_small *small = tmpfs_small(data->root);
	void *page = tmpfs_single(data->root);
	struct tmpfs_node *root;

	if (!small && !page)
		return 0;
	if (small)
		page = page_of_small(vfs, small);
	if (!page)
		return -ENOMEM;
	root = vfs_zalloc(vfs, sizeof(*root));
	if (!root) {
		if (small)
			vfs_page_unref(vfs, page);
		return -ENOMEM;
	}
	root->lent = !small && (uintptr_t)data->root & TMPFS_LENT_TAG;
	tmpfs_tree_fill(root, 0, page);
	VFS_STORE_POINTER(data->root, root);
	if (small)
		tmpfs_small_retire(vfs, small);
	return 0;
}

void tmpfs_data_replace(struct vfs_inode *inode, void *root)
{
	uint64_t pages = (uint64_t)inode->blocks / TMPFS_BLOCKS_PER_PAGE;
	struct vfs *vfs = inode->super->vfs;
	void *old = tmpfs_inode(inode)->root;

	VFS_STORE_POINTER(tmpfs_inode(inode)->root, root);
	if (tmpfs_small(old))
		tmpfs_small_retire(vfs, tmpfs_small(old));
	else if (tmpfs_single(old))
		tmpfs_page_retire(vfs, tmpfs_single(old));
	else if (tmpfs_shared(old))
		tmpfs_shared_retire(vfs, tmpfs_shared(old), pages);
	else if (old)
		tmpfs_tree_retire(vfs, old, pages);
}

/* -- files of a page -- */

/* Into a fresh page, with what there was around it. -ENOMEM. */
static int64_t replace_single(struct vfs_inode *inode, const void *from,
			      size_t count, size_t offset)
{
	struct tmpfs_inode *data = tmpfs_inode(inode);
	const struct tmpfs_small *small = tmpfs_small(data->root);
	const unsigned char *old =
		small ? small->data : tmpfs_single(data->root);
	size_t kept = small ? small->capacity : old ? PAGE : 0;
	size_t end = offset + count, before = min_size(offset, kept);
	unsigned char *page = vfs_page_alloc(inode->super->vfs);

	if (!page)
		return -ENOMEM;
	if (before)
		memcpy(page, old, before);
	memset(page + before, 0, offset - before);
	memcpy(page + offset, from, count);
	if (end < kept) {
		memcpy(page + end, old + end, kept - end);
		end = kept;
	}
	memset(page + end, 0, PAGE - end);
	tmpfs_data_replace(inode, tmpfs_single_root(page, 0));
	return (int64_t)count;
}

/* Writes where there is no page but the first and the end lies in it. */
static int64_t write_single(struct vfs_inode *inode, const void *from,
			    size_t count, size_t offset)
{
	struct tmpfs_inode *data = tmpfs_inode(inode);
	unsigned char *page = tmpfs_single(data->root);
	int64_t done;

	if (page && !vfs_page_shared(page)) {
		/* its own again */
		VFS_STORE_POINTER(data->root, tmpfs_single_root(page, 0));
		vfs_copy_shared(page + offset, from, count);
		return (int64_t)count;
	}
	if (data->root)
		return replace_single(inode, from, count, offset);
	done = tmpfs_take_pages(inode->super, 1);
	if (done)
		return done;
	done = replace_single(inode, from, count, offset);
	if (done < 0)
		tmpfs_give_pages(inode->super, 1);
	else
		tmpfs_add_blocks(inode, 1);
	return done;
}

static int own_single(struct vfs_inode *inode)
{
	const void *page = tmpfs_single(tmpfs_inode(inode)->root);

	if (!vfs_page_shared(page))
		return 0;
	return replace_single(inode, page, PAGE, 0) < 0 ? -ENOMEM : 0;
}

/* -- pages -- */

/* A write's share of one leaf. */
struct segment {
	struct vfs_inode *inode;
	struct tmpfs_node *leaf;
	const char *from;
	uint32_t first; /* slot */
	uint32_t pages; /* slots from first on, as prepared so far */
	size_t in_page; /* where the first page is written */
	size_t bytes;
	uint64_t fresh; /* which pages are not in the leaf yet: a bit each */
	uint64_t lent;	/* which of these are to replace a shared page */
	unsigned char *page[TMPFS_FANOUT];
};

/* Charges the run of holes from slot on that this write will fill, or one page
 * when that is too much. The number charged, or -ENOSPC. */
static int charge_holes(const struct segment *segment, uint32_t slot,
			uint32_t end)
{
	struct vfs_super *super = segment->inode->super;
	uint32_t run = 1;

	while (slot + run < end && !segment->leaf->slot[slot + run])
		run++;
	if (!tmpfs_take_pages(super, run))
		return (int)run;
	if (run > 1 && !tmpfs_take_pages(super, 1))
		return 1;
	return -ENOSPC;
}

/* Finds or allocates the segment's pages: as many as there are to be had.
 * Returns why there are not more. */
static int segment_prepare(struct segment *segment)
{
	struct vfs_super *super = segment->inode->super;
	uint32_t end =
		segment->first +
		(uint32_t)((segment->in_page + segment->bytes + PAGE - 1) /
			   PAGE);
	uint32_t slot;
	int charged = 0, error = 0;
	void *page;

	for (slot = segment->first; slot < end; slot++) {
		bool lent;

		page = segment->leaf->slot[slot];
		lent = segment->leaf->lent && tmpfs_is_page(page) &&
		       vfs_page_shared(page);
		if (!tmpfs_is_page(page) || lent) {
			if (!page && !charged) {
				charged = charge_holes(segment, slot, end);
				if (charged < 0)
					return charged;
			}
			if (!page)
				charged--;
			page = vfs_page_alloc(super->vfs);
			if (!page) {
				charged += !segment->leaf->slot[slot];
				error = -ENOMEM;
				break;
			}
			segment->fresh |= UINT64_C(1) << segment->pages;
			if (lent)
				segment->lent |= UINT64_C(1) << segment->pages;
		}
		segment->page[segment->pages++] = page;
	}
	tmpfs_give_pages(super, (uint64_t)charged);
	return error;
}

/* What surrounds the caller's bytes in a fresh page: what the page that it is
 * to replace has there, or zeros. */
static void fill_around(const struct segment *segment, uint32_t i, size_t from,
			size_t size)
{
	const char *old = segment->leaf->slot[segment->first + i];
	unsigned char *to = segment->page[i] + from;

	if (segment->lent >> i & 1)
		memcpy(to, old + from, size);
	else
		memset(to, 0, size);
}

/* Fills the pages: the caller's bytes, and in fresh pages what is around them.
 */
static void segment_copy(const struct segment *segment)
{
	uint32_t i = 0, last = segment->pages - 1;
	size_t at = segment->in_page, done = 0, n;
	unsigned char *page;

	if (segment->fresh & 1)
		fill_around(segment, 0, 0, at);
	n = (at + segment->bytes) % PAGE;
	if (n && segment->fresh >> last & 1)
		fill_around(segment, last, n, PAGE - n);
	while (i <= last) {
		page = segment->page[i++];
		n = PAGE - at;
		while (i <= last && segment->page[i] == page + at + n) {
			n += PAGE;
			i++;
		}
		n = min_size(n, segment->bytes - done);
		vfs_copy_shared(page + at, segment->from + done, n);
		done += n;
		at = 0;
	}
	assert(done == segment->bytes);
}

/* All pages of the leaf are its own again. */
static bool is_own(const struct tmpfs_node *leaf)
{
	uint32_t i = 0;

	while (i < TMPFS_FANOUT && !(tmpfs_is_page(leaf->slot[i]) &&
				     vfs_page_shared(leaf->slot[i])))
		i++;
	return i == TMPFS_FANOUT;
}

static void segment_publish(const struct segment *segment)
{
	struct tmpfs_node *leaf = segment->leaf;
	struct vfs *vfs = segment->inode->super->vfs;
	uint32_t before = leaf->used, i;
	void *old;

	for (i = 0; i < segment->pages; i++) {
		if (!(segment->fresh >> i & 1))
			continue;
		old = leaf->slot[segment->first + i];
		tmpfs_tree_fill(leaf, segment->first + i, segment->page[i]);
		if (segment->lent >> i & 1)
			tmpfs_page_retire(vfs, old);
	}
	if (segment->lent && is_own(leaf))
		VFS_WRITE_ONCE(leaf->lent, 0);
	if (leaf->used != before)
		tmpfs_add_blocks(segment->inode, leaf->used - before);
}

/* Writes into one leaf. Bytes written, or an error when there are none. */
static int64_t write_leaf(struct vfs_inode *inode, struct tmpfs_node *leaf,
			  const char *from, size_t count, uint64_t offset)
{
	struct segment segment;
	size_t room;
	int error;

	segment.inode = inode;
	segment.leaf = leaf;
	segment.from = from;
	segment.first = (offset >> TMPFS_PAGE_SHIFT) % TMPFS_FANOUT;
	segment.in_page = offset % PAGE;
	segment.pages = 0;
	segment.fresh = segment.lent = 0;
	room = (TMPFS_FANOUT - segment.first) * PAGE - segment.in_page;
	segment.bytes = min_size(count, room);
	error = segment_prepare(&segment);
	if (!segment.pages)
		return error;
	room = segment.pages * PAGE - segment.in_page;
	segment.bytes = min_size(segment.bytes, room);
	segment_copy(&segment);
	segment_publish(&segment);
	return (int64_t)segment.bytes;
}

static int64_t write_tree(struct vfs_inode *inode, const char *from,
			  size_t count, uint64_t offset)
{
	uint64_t index = offset >> TMPFS_PAGE_SHIFT;
	struct tmpfs_node *leaf;
	size_t done = 0;
	int64_t n = 0;

	while (done < count) {
		index = (offset + done) >> TMPFS_PAGE_SHIFT;
		n = tmpfs_tree_make_leaf(inode, index, &leaf);
		if (!n)
			n = write_leaf(inode, leaf, from + done, count - done,
				       offset + done);
		if (n < 0)
			break;
		done += (size_t)n;
	}
	if (n < 0)
		tmpfs_tree_prune(inode, index, index);
	return done ? (int64_t)done : n;
}

int tmpfs_own_page(struct vfs_inode *inode, uint64_t index)
{
	struct vfs *vfs = inode->super->vfs;
	struct tmpfs_node *root = tmpfs_inode(inode)->root, *leaf = NULL;
	uint32_t slot = index % TMPFS_FANOUT;
	void *page, *copy;
	uint64_t span;

	if (tmpfs_single(root))
		return index ? 0 : own_single(inode);
	if (root && !((uintptr_t)root & TMPFS_TAGS))
		leaf = tmpfs_tree_leaf(root, index, &span);
	if (!leaf || !leaf->lent)
		return 0;
	page = leaf->slot[slot];
	if (!tmpfs_is_page(page) || !vfs_page_shared(page))
		return 0;
	copy = vfs_page_alloc(vfs);
	if (!copy)
		return -ENOMEM;
	memcpy(copy, page, PAGE);
	tmpfs_tree_fill(leaf, slot, copy);
	tmpfs_page_retire(vfs, page);
	return 0;
}

/* Where pages or a small block are to be made, or there are several. */
static int64_t __attribute__((noinline))
write_scattered(struct vfs_inode *inode, const void *buffer, size_t count,
		uint64_t at)
{
	void *root = tmpfs_inode(inode)->root;
	int error;

	if (tmpfs_shared(root))
		return tmpfs_shared_write(inode, buffer, count, at);
	if ((!root || tmpfs_small(root)) && count <= TMPFS_SMALL_MAX &&
	    at <= TMPFS_SMALL_MAX - count)
		return write_small(inode, buffer, (uint32_t)count,
				   (uint32_t)at);
	if ((!root || tmpfs_in_one(root)) && count <= PAGE &&
	    at <= PAGE - count)
		return write_single(inode, buffer, count, (size_t)at);
	error = tmpfs_promote(inode);
	return error ? error : write_tree(inode, buffer, count, at);
}

int64_t tmpfs_write(struct vfs_inode *inode, struct vfs_file *file,
		    const void *buffer, size_t count, int64_t offset)
{
	int64_t done = (int64_t)count, end;
	char *to;

	(void)file;
	if (!count)
		return 0;
	to = find_straight(tmpfs_inode(inode)->root, count, (uint64_t)offset,
			   true);
	if (__builtin_expect(to != NULL, 1))
		vfs_copy_shared(to, buffer, count);
	else
		done = write_scattered(inode, buffer, count, (uint64_t)offset);
	if (done <= 0)
		return done;
	end = offset + done;
	if (end > inode->size)
		VFS_STORE_POINTER(inode->size, end);
	return done;
}
