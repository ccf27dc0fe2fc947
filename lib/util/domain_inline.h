/* SPDX-License-Identifier: MIT */
/* The hot half of domain.h. */
#ifndef VFS__DOMAIN_INLINE_H
#define VFS__DOMAIN_INLINE_H

#include "util/epoch.h"

/*
 * The records that this thread used last, a slot chosen by the domain's
 * number. A cache, not state: no two domains of a process ever have the same
 * number, so that what a domain leaves behind here is never found again.
 */
#define VFS__TLS_SLOTS 4u

struct vfs__tls {
	uint64_t id; /* 0: empty */
	struct vfs__thread *thread;
};

#if defined(__GLIBC__)
#define VFS__TLS_MODEL __attribute__((tls_model("initial-exec")))
#else
#define VFS__TLS_MODEL
#endif

extern __thread struct vfs__tls vfs__tls[VFS__TLS_SLOTS] VFS__TLS_MODEL
	__attribute__((visibility("hidden")));

/* The first member of struct vfs__domain. Numbers are multiples of a slot's
 * size, so that a slot is found by masking. */
struct vfs__domain_head {
	uint64_t id; /* constant */
};

static inline struct vfs__tls *vfs__tls_slot(uint64_t id)
{
	size_t offset = id & (VFS__TLS_SLOTS - 1) * sizeof(struct vfs__tls);

	return (struct vfs__tls *)(void *)((char *)vfs__tls + offset);
}

static inline uint64_t vfs__domain_id(const struct vfs__domain *domain)
{
	return ((const struct vfs__domain_head *)(const void *)domain)->id;
}

/* The calling thread's record in the domain of that number when that costs no
 * call, else NULL: for paths that then take another way. */
static inline struct vfs__thread *vfs__thread_peek_id(uint64_t id)
{
	const struct vfs__tls *slot = vfs__tls_slot(id);

	if (__builtin_expect(slot->id != id, 0))
		return NULL;
	/* for the compiler, which would ask again */
	if (!slot->thread)
		__builtin_unreachable();
	return slot->thread;
}

static inline struct vfs__thread *
vfs__thread_peek(const struct vfs__domain *domain)
{
	return vfs__thread_peek_id(vfs__domain_id(domain));
}

static inline struct vfs__thread *vfs__thread_self(struct vfs__domain *domain)
{
	struct vfs__thread *thread = vfs__thread_peek(domain);

	return thread ? thread : vfs__thread_lookup(domain);
}

static inline uint32_t vfs__thread_index(const struct vfs__thread *thread)
{
	return thread->index;
}

static inline struct vfs__domain *
vfs__thread_domain(const struct vfs__thread *thread)
{
	return thread->domain;
}

/* -- small objects: slab.c has the slow halves -- */

#define VFS__GRAIN 16u
#define VFS__SMALL_MAX (VFS__CLASSES * (size_t)VFS__GRAIN)

void *vfs__slab_refill(struct vfs__thread *thread, uint32_t class);
void vfs__slab_spill(struct vfs__thread *thread, uint32_t class);

static inline uint32_t vfs__slab_class(size_t size)
{
	return size ? (uint32_t)((size - 1) / VFS__GRAIN) : 0;
}

static inline void *vfs__mem_alloc(struct vfs__thread *thread, size_t size)
{
	struct vfs__magazine *magazine;
	void *object;

	if (size > VFS__SMALL_MAX)
		return vfs__domain_alloc(thread->domain, size,
					 size % 64 ? VFS__GRAIN : 64);
	magazine = &thread->magazines[vfs__slab_class(size)];
	object = magazine->first;
	if (__builtin_expect(!object, 0))
		return vfs__slab_refill(thread, vfs__slab_class(size));
	magazine->first = *(void **)object;
	magazine->count--;
	return object;
}

static inline void vfs__mem_free(struct vfs__thread *thread, void *pointer,
				 size_t size)
{
	struct vfs__magazine *magazine;

	if (!pointer)
		return;
	if (size > VFS__SMALL_MAX) {
		vfs__domain_free(thread->domain, pointer, size,
				 size % 64 ? VFS__GRAIN : 64);
		return;
	}
	magazine = &thread->magazines[vfs__slab_class(size)];
	*(void **)pointer = magazine->first;
	magazine->first = pointer;
	if (__builtin_expect(magazine->count++ == magazine->chain, 0))
		vfs__slab_spill(thread, vfs__slab_class(size));
}

#endif
