/* SPDX-License-Identifier: MIT */
/* What backends get from the core: memory, pages, retiring, counters. Thin
 * covers over util; contracts in <vfs/sys/backend.h>. */
#include <errno.h>
#include <string.h>

#include "core/instance.h"
#include "util/counter.h"
#include "util/epoch.h"

void *vfs_alloc(struct vfs *vfs, size_t size)
{
	struct vfs__thread *thread = vfs__self(vfs);

	return thread ? vfs__mem_alloc(thread, size) : NULL;
}

void *vfs_zalloc(struct vfs *vfs, size_t size)
{
	void *pointer = vfs_alloc(vfs, size);

	return pointer ? memset(pointer, 0, size) : NULL;
}

void vfs_free(struct vfs *vfs, void *pointer, size_t size)
{
	if (pointer)
		vfs__mem_free(vfs__self_always(vfs), pointer, size);
}

void *vfs_page_alloc(struct vfs *vfs)
{
	struct vfs__thread *thread = vfs__self(vfs);

	return thread ? vfs__page_alloc(thread) : NULL;
}

void *vfs_page_ref(void *page)
{
	return vfs__page_ref(page);
}

void vfs_page_unref(struct vfs *vfs, void *page)
{
	vfs__page_unref(vfs__self_always(vfs), page);
}

int vfs_page_shared(const void *page)
{
	return vfs__page_shared(page);
}

void vfs_retire(struct vfs *vfs,
		void (*free_fn)(struct vfs *vfs, void *pointer, size_t size),
		void *pointer, size_t size)
{
	vfs__epoch_retire(vfs__self_always(vfs), free_fn, pointer, size);
}

struct vfs_task *vfs_current_task(struct vfs *vfs)
{
	struct vfs__thread *thread = vfs__self(vfs);

	return thread ? thread->task : NULL;
}

int vfs_counter_create(struct vfs *vfs, int64_t limit, struct vfs_counter **out)
{
	return vfs__counter_create(vfs->domain, limit, out);
}

void vfs_counter_destroy(struct vfs *vfs, struct vfs_counter *counter)
{
	vfs__counter_destroy(vfs->domain, counter);
}

VFS_HOT
int vfs_counter_take(struct vfs *vfs, struct vfs_counter *counter,
		     int64_t amount)
{
	return vfs__counter_take(vfs__self_always(vfs), counter, amount);
}

VFS_HOT
void vfs_counter_give(struct vfs *vfs, struct vfs_counter *counter,
		      int64_t amount)
{
	vfs__counter_give(vfs__self_always(vfs), counter, amount);
}

int vfs_counter_set_limit(struct vfs *vfs, struct vfs_counter *counter,
			  int64_t limit)
{
	(void)vfs;
	return vfs__counter_set_limit(counter, limit);
}

int64_t vfs_counter_used(struct vfs_counter *counter)
{
	return vfs__counter_used(counter);
}

int64_t vfs_counter_limit(struct vfs_counter *counter)
{
	return vfs__counter_limit(counter);
}

#if defined(__SANITIZE_THREAD__) || defined(VFS__TSAN)
/* Files promise nothing to a reader beside a writer but bytes: say so. */
void vfs_copy_shared(void *to, const void *from, size_t size)
{
	unsigned char *t = to;
	const unsigned char *f = from;

	for (size_t i = 0; i < size; i++)
		VFS_WRITE_ONCE(t[i], VFS_READ_ONCE(f[i]));
}
#else
/*
 * For more than this memcpy may take the processor's string instruction, which
 * is as fast as a loop, but does not overlap with what comes before and after
 * it: a tenth of the time, when a page is copied. So a page or two go in
 * pieces.
 */
#define COPY_PIECE ((size_t)2048)
#define COPY_IN_PIECES (4 * COPY_PIECE)

static void __attribute__((noinline))
copy_in_pieces(char *to, const char *from, size_t size)
{
	size_t piece;

	for (; size; size -= piece) {
		piece = size < COPY_PIECE ? size : COPY_PIECE;
		/* a compiler that knew its limit would choose such an
		 * instruction itself */
		__asm__("" : "+r"(piece));
		memcpy(to, from, piece);
		to += piece;
		from += piece;
	}
}

void vfs_copy_shared(void *to, const void *from, size_t size)
{
	if (size > COPY_PIECE && size <= COPY_IN_PIECES)
		copy_in_pieces(to, from, size);
	else
		memcpy(to, from, size);
}
#endif
