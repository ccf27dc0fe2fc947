/* SPDX-License-Identifier: MIT */
/*
 * Small objects. Contract: domain.h.
 *
 * A thread allocates from and frees to magazines of its own, a list a size
 * class, and exchanges halves of them with the domain's depot. The depot is
 * filled from arenas, which grow from 64 KiB to 2 MiB and go back to the
 * allocator with the domain.
 */
#include <assert.h>
#include <string.h>

#include "util/domain_private.h"

#define GRAIN 16u
#define SMALL_MAX (VFS__CLASSES * GRAIN)
#define FIRST_ARENA ((size_t)64 << 10)
#define LAST_ARENA ((size_t)2 << 20)
#define MAGAZINE_MAX 256u
#define REFILL_BYTES 4096u

/* Free objects are linked through their first word. */
static void **link_of(void *object)
{
	return object;
}

static bool is_small(size_t size)
{
	return size <= SMALL_MAX;
}

static unsigned class_of(size_t size)
{
	return size ? (unsigned)((size - 1) / GRAIN) : 0;
}

static size_t class_size(unsigned c)
{
	return (c + 1) * (size_t)GRAIN;
}

/* An object of 64 bytes (or a multiple) is a cache line: align it. */
static size_t class_align(unsigned c)
{
	return class_size(c) % 64 ? GRAIN : 64;
}

static bool arena_add(struct vfs__domain *domain, size_t need)
{
	size_t size = domain->arenas ? domain->arenas->size * 2 : FIRST_ARENA;
	struct vfs__arena *arena;

	if (size > LAST_ARENA)
		size = LAST_ARENA;
	while (size < need + 64)
		size *= 2;
	arena = vfs__domain_alloc(domain, size,
				  size == LAST_ARENA ? LAST_ARENA : 64);
	if (!arena)
		return false;
	arena->next = domain->arenas;
	arena->size = size;
	arena->used = 64;
	domain->arenas = arena;
	return true;
}

/* Carves up to `want` objects of class c into thread's magazine. Locked. */
static void carve(struct vfs__thread *thread, unsigned c, unsigned want)
{
	struct vfs__domain *domain = thread->domain;
	size_t size = class_size(c), align = class_align(c);
	struct vfs__arena *arena = domain->arenas;
	size_t at = arena ? (arena->used + align - 1) & ~(align - 1) : 0;
	void **tail = &thread->magazines[c].first;

	if (!arena || at + size > arena->size) {
		if (!arena_add(domain, size))
			return;
		arena = domain->arenas;
		at = (arena->used + align - 1) & ~(align - 1);
	}
	/* in ascending order, so that neighbours in time are in memory */
	for (; want && at + size <= arena->size; want--, at += size) {
		void *object = (char *)arena + at;

		*tail = object;
		tail = link_of(object);
		thread->magazines[c].count++;
	}
	*tail = NULL;
	arena->used = at;
}

static void *refill(struct vfs__thread *thread, unsigned c)
{
	struct vfs__domain *domain = thread->domain;
	unsigned want = (unsigned)(REFILL_BYTES / class_size(c));
	void *object;

	if (want < 4)
		want = 4;
	vfs__mutex_lock(&domain->slab_lock, VFS__RANK_SLAB);
	while (want && domain->depot[c].first) {
		object = domain->depot[c].first;
		domain->depot[c].first = *link_of(object);
		domain->depot[c].count--;
		*link_of(object) = thread->magazines[c].first;
		thread->magazines[c].first = object;
		thread->magazines[c].count++;
		want--;
	}
	if (!thread->magazines[c].first)
		carve(thread, c, want);
	vfs__mutex_unlock(&domain->slab_lock, VFS__RANK_SLAB);
	object = thread->magazines[c].first;
	if (object) {
		thread->magazines[c].first = *link_of(object);
		thread->magazines[c].count--;
	}
	return object;
}

void *vfs__mem_alloc(struct vfs__thread *thread, size_t size)
{
	unsigned c = class_of(size);
	void *object;

	if (!is_small(size))
		return vfs__domain_alloc(thread->domain, size, 64);
	object = thread->magazines[c].first;
	if (__builtin_expect(!object, 0))
		return refill(thread, c);
	thread->magazines[c].first = *link_of(object);
	thread->magazines[c].count--;
	return object;
}

/* Gives all but `keep` objects of class c to the depot. */
static void spill(struct vfs__thread *thread, unsigned c, unsigned keep)
{
	struct vfs__domain *domain = thread->domain;

	vfs__mutex_lock(&domain->slab_lock, VFS__RANK_SLAB);
	while (thread->magazines[c].count > keep) {
		void *object = thread->magazines[c].first;

		thread->magazines[c].first = *link_of(object);
		thread->magazines[c].count--;
		*link_of(object) = domain->depot[c].first;
		domain->depot[c].first = object;
		domain->depot[c].count++;
	}
	vfs__mutex_unlock(&domain->slab_lock, VFS__RANK_SLAB);
}

void vfs__mem_free(struct vfs__thread *thread, void *pointer, size_t size)
{
	unsigned c = class_of(size);

	if (!pointer)
		return;
	if (!is_small(size)) {
		vfs__domain_free(thread->domain, pointer, size, 64);
		return;
	}
	*link_of(pointer) = thread->magazines[c].first;
	thread->magazines[c].first = pointer;
	if (__builtin_expect(++thread->magazines[c].count > MAGAZINE_MAX, 0))
		spill(thread, c, MAGAZINE_MAX / 2);
}

void vfs__slab_thread_flush(struct vfs__thread *thread)
{
	for (unsigned c = 0; c < VFS__CLASSES; c++)
		if (thread->magazines[c].count)
			spill(thread, c, 0);
}

void vfs__slab_fini(struct vfs__domain *domain)
{
	struct vfs__arena *arena;

	while ((arena = domain->arenas)) {
		domain->arenas = arena->next;
		vfs__domain_free(domain, arena, arena->size,
				 arena->size == LAST_ARENA ? LAST_ARENA : 64);
	}
}
