/* SPDX-License-Identifier: MIT */
/*
 * Copying from file to file, maybe of another tmpfs of the instance, without
 * copying: both get the same pages, and whoever writes first makes one of its
 * own (data.c). Leaves and single pages that may be such are marked, so that
 * the straight ways need not look at each page.
 *
 * Accounting. A page counts for each file that has it, as if it were copied:
 * the room for the copy to be made is there.
 *
 * What does not lie on pages' borders, and files that were mapped, are left to
 * the core, which reads and writes.
 */
#include <errno.h>
#include <string.h>

#include "tmpfs.h"
#include "tree.h"

#define PAGE VFS_PAGE_SIZE

/* One run of a copy, inside a leaf on either side: of pages, or of none. */
struct part {
	struct vfs_inode *out;
	struct tmpfs_node *from; /* NULL: a hole */
	uint64_t source, target; /* pages */
	uint32_t count;
	bool hole;
};

static uint64_t smaller(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* Takes the room for what the leaf `to` has not yet; cuts the part to what
 * there is room for. How much was taken, or -ENOSPC. */
static int part_charge(struct part *part, const struct tmpfs_node *to)
{
	struct vfs_super *super = part->out->super;
	void *const *slots = to->slot + part->target % TMPFS_FANOUT;
	uint32_t i, want = 0;

	for (i = 0; i < part->count; i++)
		want += !slots[i];
	if (!want || !tmpfs_take_pages(super, want))
		return (int)want;
	want = 0;
	for (i = 0; i < part->count; i++) {
		if (!slots[i] && tmpfs_take_pages(super, 1))
			break;
		want += !slots[i];
	}
	part->count = i;
	return i ? (int)want : -ENOSPC;
}

/* A page for the part's place i, referenced: the source's, or, where that has a
 * hole, one of zeros, as reading and writing would make it. NULL: no memory. */
static void *part_page(const struct part *part, uint32_t i)
{
	struct vfs *vfs = part->out->super->vfs;
	void *page;

	if (!part->hole)
		return vfs_page_ref(
			part->from->slot[part->source % TMPFS_FANOUT + i]);
	page = vfs_page_alloc(vfs);
	return page ? memset(page, 0, PAGE) : NULL;
}

/* Puts the pages into the leaf, as many as there is memory for; taken: what was
 * charged. */
static uint32_t part_fill(const struct part *part, struct tmpfs_node *to,
			  int taken)
{
	uint32_t first = part->target % TMPFS_FANOUT, i;
	struct vfs_super *super = part->out->super;
	int fresh = 0;

	for (i = 0; i < part->count; i++) {
		void *old = to->slot[first + i], *page = part_page(part, i);

		if (!page)
			break;
		fresh += !old;
		tmpfs_tree_fill(to, first + i, page);
		if (tmpfs_is_page(old))
			tmpfs_page_retire(super->vfs, old);
	}
	tmpfs_add_blocks(part->out, fresh);
	tmpfs_give_pages(super, (uint64_t)(taken - fresh));
	return i;
}

/* Pages done, or an error. */
static int64_t part_copy(struct part *part)
{
	struct tmpfs_node *to;
	int taken = tmpfs_tree_make_leaf(part->out, part->target, &to);
	uint32_t done;

	if (!taken)
		taken = part_charge(part, to);
	if (taken < 0)
		return taken;
	if (!part->hole) {
		VFS_WRITE_ONCE(part->from->lent, 1);
		VFS_WRITE_ONCE(to->lent, 1);
	}
	done = part_fill(part, to, taken);
	return done ? (int64_t)done : -ENOMEM;
}

/* How many slots from the source on are pages, as the first is, or are none. */
static uint32_t run_of(const struct part *part, uint64_t limit)
{
	void *const *from = part->from->slot + part->source % TMPFS_FANOUT;
	bool pages = tmpfs_is_page(from[0]);
	uint32_t n = 1;

	limit = smaller(limit, TMPFS_FANOUT - part->source % TMPFS_FANOUT);
	while (n < limit && tmpfs_is_page(from[n]) == pages)
		n++;
	return n;
}

/* As many pages as lie in one leaf on both sides, or in one hole. */
static int64_t copy_part(struct tmpfs_node *root, uint64_t source,
			 struct vfs_inode *out, uint64_t target, uint64_t count)
{
	struct part part = {.out = out, .source = source, .target = target};
	uint64_t span = count;

	count = smaller(count, TMPFS_FANOUT - target % TMPFS_FANOUT);
	if (root)
		part.from = tmpfs_tree_leaf(root, source, &span);
	part.hole = !part.from;
	if (part.from) {
		part.hole =
			!tmpfs_is_page(part.from->slot[source % TMPFS_FANOUT]);
		span = run_of(&part, count);
	}
	part.count = (uint32_t)smaller(count, span);
	return part_copy(&part);
}

/* Under any lock: others do the same at most. */
static void mark_single(struct vfs_inode *in)
{
	void *root = VFS_LOAD_POINTER(tmpfs_inode(in)->root);

	if (!((uintptr_t)root & TMPFS_LENT_TAG))
		VFS_STORE_POINTER(
			tmpfs_inode(in)->root,
			tmpfs_single_root(tmpfs_single(root), TMPFS_LENT_TAG));
}

/* The root of a tree with the same pages. lone: for one that is none. */
static struct tmpfs_node *tree_of(struct vfs_inode *in, struct tmpfs_node *lone)
{
	void *root = VFS_LOAD_POINTER(tmpfs_inode(in)->root);

	if (!tmpfs_single(root))
		return root;
	mark_single(in);
	memset(lone, 0, sizeof(*lone));
	tmpfs_tree_fill(lone, 0, tmpfs_single(root));
	return lone;
}

static int64_t copy_pages(struct vfs_inode *in, uint64_t source,
			  struct vfs_inode *out, uint64_t target,
			  uint64_t count)
{
	struct tmpfs_node lone, *root = tree_of(in, &lone);
	uint64_t done = 0;
	int64_t n = 0;

	while (done < count) {
		/* which may grow, when the file is its own source */
		if (in == out)
			root = tmpfs_inode(in)->root;
		n = copy_part(root, source + done, out, target + done,
			      count - done);
		if (n < 0)
			break;
		done += (uint64_t)n;
	}
	if (n < 0 && tmpfs_inode(out)->root)
		tmpfs_tree_prune(out, target + done, target + done);
	return done ? (int64_t)done : n;
}

/* Whether the range may be had by sharing pages: whole ones, but for a last
 * one that nothing follows in either file. */
static bool is_whole(const struct vfs_inode *in, int64_t in_offset,
		     const struct vfs_inode *out, int64_t out_offset,
		     size_t length)
{
	if (in_offset % PAGE || out_offset % PAGE)
		return false;
	return !(length % PAGE) || (in_offset + (int64_t)length == in->size &&
				    out_offset + (int64_t)length >= out->size);
}

/* A file of a single page to one that has none yet. */
static int64_t copy_single(struct vfs_inode *in, struct vfs_inode *out,
			   size_t length)
{
	void *page = tmpfs_single(VFS_LOAD_POINTER(tmpfs_inode(in)->root));
	int error = tmpfs_take_pages(out->super, 1);

	if (error)
		return error;
	mark_single(in);
	VFS_STORE_POINTER(
		tmpfs_inode(out)->root,
		tmpfs_single_root(vfs_page_ref(page), TMPFS_LENT_TAG));
	tmpfs_add_blocks(out, 1);
	if ((int64_t)length > out->size)
		VFS_STORE_POINTER(out->size, (int64_t)length);
	return (int64_t)length;
}

static int64_t copy_small(const struct vfs_inode *in, int64_t in_offset,
			  struct vfs_inode *out, int64_t out_offset,
			  size_t length)
{
	const struct tmpfs_small *small = tmpfs_small(tmpfs_inode(in)->root);

	if ((uint64_t)in_offset + length > small->capacity)
		return -EOPNOTSUPP;
	return tmpfs_write(out, NULL, small->data + in_offset, length,
			   out_offset);
}

int64_t tmpfs_copy_range(struct vfs_inode *in, struct vfs_file *in_file,
			 int64_t in_offset, struct vfs_inode *out,
			 struct vfs_file *out_file, int64_t out_offset,
			 size_t length)
{
	const void *from = VFS_LOAD_POINTER(tmpfs_inode(in)->root);
	int64_t n, end;
	int error;

	(void)in_file;
	(void)out_file;
	if (tmpfs_shared(from) || tmpfs_shared(tmpfs_inode(out)->root))
		return -EOPNOTSUPP;
	if (tmpfs_small(from))
		return copy_small(in, in_offset, out, out_offset, length);
	if (!is_whole(in, in_offset, out, out_offset, length))
		return -EOPNOTSUPP;
	if (tmpfs_single(from) && !tmpfs_inode(out)->root && !in_offset &&
	    !out_offset && length <= PAGE)
		return copy_single(in, out, length);
	error = tmpfs_promote(out);
	if (error)
		return error;
	n = copy_pages(in, (uint64_t)in_offset >> TMPFS_PAGE_SHIFT, out,
		       (uint64_t)out_offset >> TMPFS_PAGE_SHIFT,
		       (length + PAGE - 1) >> TMPFS_PAGE_SHIFT);
	if (n < 0)
		return n;
	n *= PAGE;
	if ((uint64_t)n > length)
		n = (int64_t)length;
	end = out_offset + n;
	if (end > out->size)
		VFS_STORE_POINTER(out->size, end);
	return n;
}
