/* SPDX-License-Identifier: MIT */
/* Domains and threads' records. Contract: domain.h. */
#include "util/domain.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "util/domain_private.h"

#define HUGE_SIZE ((size_t)2 << 20)

__thread struct vfs__tls vfs__tls VFS__TLS_MODEL;

/* The only word that all instances of a process share: it makes domains'
 * numbers unique, and means nothing else. */
static uint64_t last_id;

/* ---- the allocator ---- */

static void *own_alloc(void *context, size_t size, size_t align)
{
	void *pointer = NULL;

	(void)context;
	if (align <= 16)
		return malloc(size);
	if (posix_memalign(&pointer, align, size))
		return NULL;
#ifdef MADV_HUGEPAGE
	if (align == HUGE_SIZE)
		madvise(pointer, size, MADV_HUGEPAGE);
#endif
	return pointer;
}

static void own_free(void *context, void *pointer, size_t size, size_t align)
{
	(void)context;
	(void)size;
	(void)align;
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
		domain->allocator.free(domain->allocator.context, pointer,
				       size, align);
}

/* ---- threads ---- */

static void thread_exited(void *pointer)
{
	struct vfs__thread *thread = pointer;
	struct vfs__domain *domain = thread->domain;

	vfs__epoch_thread_drain(thread);
	vfs__slab_thread_flush(thread);
	vfs__page_thread_flush(thread);
	vfs__mutex_lock(&domain->threads_lock, VFS__RANK_LEAF);
	thread->in_use = false;
	vfs__mutex_unlock(&domain->threads_lock, VFS__RANK_LEAF);
	if (vfs__tls.id == domain->head.id)
		vfs__tls.id = 0;
}

static struct vfs__thread *thread_create(struct vfs__domain *domain)
{
	struct vfs__thread *thread =
		vfs__domain_alloc(domain, sizeof(*thread), 64);

	if (!thread)
		return NULL;
	memset(thread, 0, sizeof(*thread));
	thread->domain = domain;
	if (vfs__epoch_thread_init(thread, &domain->epoch)) {
		vfs__domain_free(domain, thread, sizeof(*thread), 64);
		return NULL;
	}
	return thread;
}

/* This thread's record, or one that nobody uses; threads_lock held. */
static struct vfs__thread *find(struct vfs__domain *domain, bool mine)
{
	struct vfs__thread *thread;

	for (thread = domain->threads; thread; thread = thread->next) {
		if (mine ? thread->in_use &&
				   pthread_equal(thread->owner,
						 pthread_self()) :
			   !thread->in_use)
			return thread;
	}
	return NULL;
}

static struct vfs__thread *thread_adopt(struct vfs__domain *domain)
{
	struct vfs__thread *thread = NULL, *fresh;

	vfs__mutex_lock(&domain->threads_lock, VFS__RANK_LEAF);
	if (!domain->has_key)
		thread = find(domain, true);
	if (!thread)
		thread = find(domain, false);
	if (thread) {
		thread->in_use = true;
		thread->owner = pthread_self();
	}
	vfs__mutex_unlock(&domain->threads_lock, VFS__RANK_LEAF);
	if (thread)
		return thread;
	fresh = thread_create(domain);
	if (!fresh)
		return NULL;
	vfs__mutex_lock(&domain->threads_lock, VFS__RANK_LEAF);
	fresh->index = domain->next_index++;
	fresh->in_use = true;
	fresh->owner = pthread_self();
	fresh->next = domain->threads;
	domain->threads = fresh;
	vfs__mutex_unlock(&domain->threads_lock, VFS__RANK_LEAF);
	return fresh;
}

struct vfs__thread *vfs__thread_lookup(struct vfs__domain *domain)
{
	struct vfs__thread *thread = NULL;

	if (domain->has_key)
		thread = pthread_getspecific(domain->key);
	if (!thread) {
		thread = thread_adopt(domain);
		if (!thread)
			return NULL;
		if (domain->has_key &&
		    pthread_setspecific(domain->key, thread)) {
			vfs__mutex_lock(&domain->threads_lock, VFS__RANK_LEAF);
			thread->in_use = false;
			vfs__mutex_unlock(&domain->threads_lock,
					  VFS__RANK_LEAF);
			return NULL;
		}
	}
	vfs__tls.id = domain->head.id;
	vfs__tls.thread = thread;
	return thread;
}

struct vfs__domain *vfs__thread_domain(const struct vfs__thread *thread)
{
	return thread->domain;
}

void vfs__domain_acquire_sections(struct vfs__domain *domain)
{
#if defined(__SANITIZE_THREAD__) || defined(VFS__TSAN)
	struct vfs__thread *thread;

	vfs__mutex_lock(&domain->threads_lock, VFS__RANK_LEAF);
	for (thread = domain->threads; thread; thread = thread->next)
		vfs__tsan_acquire(&thread->record);
	vfs__mutex_unlock(&domain->threads_lock, VFS__RANK_LEAF);
#else
	(void)domain;
#endif
}

/* ---- domains ---- */

int vfs__domain_create(const struct vfs_allocator *allocator, struct vfs *owner,
		       struct vfs__domain **out)
{
	static const struct vfs_allocator own = { own_alloc, own_free, NULL };
	const struct vfs_allocator *a = allocator ? allocator : &own;
	struct vfs__domain *domain =
		a->alloc(a->context, sizeof(*domain), 64);

	if (!domain)
		return -ENOMEM;
	memset(domain, 0, sizeof(*domain));
	domain->head.id = __atomic_add_fetch(&last_id, 1, __ATOMIC_RELAXED);
	domain->owner = owner;
	domain->allocator = *a;
	domain->own_allocator = !allocator;
	ck_epoch_init(&domain->epoch);
	vfs__mutex_init(&domain->threads_lock);
	vfs__mutex_init(&domain->slab_lock);
	vfs__mutex_init(&domain->page_lock);
	/* without a key, records are found by thread and never given back */
	domain->has_key = !pthread_key_create(&domain->key, thread_exited);
	if (!vfs__thread_self(domain)) {
		if (domain->has_key)
			pthread_key_delete(domain->key);
		a->free(a->context, domain, sizeof(*domain), 64);
		return -ENOMEM;
	}
	*out = domain;
	return 0;
}

void vfs__domain_destroy(struct vfs__domain *domain)
{
	struct vfs_allocator a = domain->allocator;
	struct vfs__thread *thread, *next;

	/* callbacks find this thread's record by the cache from now on */
	thread = vfs__thread_self(domain);
	assert(thread);
	if (domain->has_key)
		pthread_key_delete(domain->key);
	/* callbacks run under their own thread's record, and may retire into
	 * the caller's: until all are empty */
	for (bool again = true; again;) {
		again = false;
		for (thread = domain->threads; thread; thread = thread->next) {
			vfs__epoch_thread_drain(thread);
		}
		for (thread = domain->threads; thread; thread = thread->next)
			again = again || thread->filling || thread->retained;
	}
	for (thread = domain->threads; thread; thread = next) {
		next = thread->next;
		vfs__slab_thread_flush(thread);
		vfs__page_thread_flush(thread);
		vfs__epoch_thread_fini(thread);
		a.free(a.context, thread, sizeof(*thread), 64);
	}
	if (vfs__tls.id == domain->head.id)
		vfs__tls.id = 0;
	vfs__slab_fini(domain);
	vfs__page_fini(domain);
	a.free(a.context, domain, sizeof(*domain), 64);
}
