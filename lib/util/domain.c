/* SPDX-License-Identifier: MIT */
/* Domains: the allocator, and making and ending them. Contract: domain.h. */
#include "util/domain.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "util/domain_private.h"

/* The only word that all instances of a process share, beside the list of them
 * in thread.c: it makes domains' numbers unique, and means nothing else. */
static uint64_t last_id;

/* ---- the allocator ---- */

#if defined(MAP_ANONYMOUS)
/* size bytes aligned to 2 MiB: mapped, so that no heap keeps what is left
 * over for the alignment. */
static void *map_aligned(size_t size)
{
	char *start, *aligned;
	size_t before;

	start = mmap(NULL, size, PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (start == MAP_FAILED)
		return NULL;
	if ((uintptr_t)start % VFS__HUGE == 0)
		return start;
	munmap(start, size);
	if (size > SIZE_MAX - VFS__HUGE)
		return NULL;
	start = mmap(NULL, size + VFS__HUGE, PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (start == MAP_FAILED)
		return NULL;
	before = -(uintptr_t)start % VFS__HUGE;
	aligned = start + before;
	if (before)
		munmap(start, before);
	if (VFS__HUGE - before)
		munmap(aligned + size, VFS__HUGE - before);
	return aligned;
}

static void *huge_alloc(size_t size)
{
	int saved = errno;
	void *pointer = map_aligned(size);

#ifdef MADV_HUGEPAGE
	/* what is left over at the end would be a whole one */
	if (pointer && size >= VFS__HUGE)
		madvise(pointer, size - size % VFS__HUGE, MADV_HUGEPAGE);
#endif
	errno = saved;
	return pointer;
}

static void huge_free(void *pointer, size_t size)
{
	munmap(pointer, size);
}
#else
static void *huge_alloc(size_t size)
{
	void *pointer;

	return posix_memalign(&pointer, VFS__HUGE, size) ? NULL : pointer;
}

static void huge_free(void *pointer, size_t size)
{
	(void)size;
	free(pointer);
}
#endif

static void *own_alloc(void *context, size_t size, size_t align)
{
	void *pointer;

	(void)context;
	if (align == VFS__HUGE)
		return huge_alloc(size);
	if (align <= _Alignof(max_align_t))
		return malloc(size);
	return posix_memalign(&pointer, align, size) ? NULL : pointer;
}

static void own_free(void *context, void *pointer, size_t size, size_t align)
{
	(void)context;
	if (align == VFS__HUGE)
		huge_free(pointer, size);
	else
		free(pointer);
}

void *vfs__domain_alloc(struct vfs__domain *domain, size_t size, size_t align)
{
	return domain->allocator.alloc(domain->allocator.context, size, align);
}

void vfs__domain_free(struct vfs__domain *domain, void *pointer, size_t size,
		      size_t align)
{
	if (pointer)
		domain->allocator.free(domain->allocator.context, pointer, size,
				       align);
}

/* ---- domains ---- */

int vfs__domain_create(const struct vfs_allocator *allocator, struct vfs *owner,
		       void (*thread_exit)(struct vfs__thread *thread),
		       struct vfs__domain **out)
{
	static const struct vfs_allocator own = {own_alloc, own_free, NULL};
	const struct vfs_allocator *a = allocator ? allocator : &own;
	struct vfs__domain *domain = a->alloc(a->context, sizeof(*domain),
					      _Alignof(struct vfs__domain));

	if (!domain)
		return -ENOMEM;
	memset(domain, 0, sizeof(*domain));
	domain->head.id = __atomic_add_fetch(&last_id, sizeof(struct vfs__tls),
					     __ATOMIC_RELAXED);
	domain->owner = owner;
	domain->thread_exit = thread_exit;
	domain->plain = VFS__ASAN;
	domain->asymmetric = !VFS__THREAD_SANITIZER && vfs__barrier_supported();
	domain->allocator = *a;
	ck_epoch_init(&domain->epoch);
	vfs__mutex_init(&domain->threads_lock);
	vfs__mutex_init(&domain->page_lock);
	vfs__slab_init(domain);
	domain->has_key = !pthread_key_create(&domain->key, vfs__thread_exited);
	if (!vfs__thread_self(domain)) {
		if (domain->has_key)
			pthread_key_delete(domain->key);
		a->free(a->context, domain, sizeof(*domain),
			_Alignof(struct vfs__domain));
		return -ENOMEM;
	}
	vfs__domain_enlist(domain);
	*out = domain;
	return 0;
}

void vfs__domain_set_plain(struct vfs__domain *domain)
{
	struct vfs__thread *thread = domain->threads;

	domain->plain = true;
	for (; thread; thread = thread->next)
		vfs__slab_thread_init(thread);
}

void vfs__domain_destroy(struct vfs__domain *domain)
{
	struct vfs_allocator a;

	if (!domain)
		return;
	a = domain->allocator;
	vfs__domain_delist(domain);
	/* callbacks still find their thread's record, by pthread_self() */
	if (domain->has_key)
		pthread_key_delete(domain->key);
	domain->has_key = false;
	vfs__threads_drain(domain, vfs__thread_self(domain));
	vfs__threads_fini(domain);
	vfs__slab_fini(domain);
	vfs__page_fini(domain);
	a.free(a.context, domain, sizeof(*domain),
	       _Alignof(struct vfs__domain));
}
