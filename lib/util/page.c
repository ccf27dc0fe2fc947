/* SPDX-License-Identifier: MIT */
/*
 * Pages of 4096 bytes with reference counts. Contract: <vfs/sys/backend.h>.
 *
 * Arenas of 2 MiB, aligned to that; the first page is the header, with the
 * counts and a bitmap of free pages, from which the lowest is taken, so that
 * pages taken one after the other lie one after the other. Threads keep a few.
 */
#include <assert.h>
#include <string.h>

#include "util/domain_private.h"

#define PAGE ((size_t)4096)
#define ARENA_SIZE ((size_t)2 << 20)
#define PAGES (ARENA_SIZE / PAGE)
#define EMPTY_MAX 4u

struct vfs__page_arena {
	struct vfs__page_arena *next, *prev; /* those with free pages first */
	uint32_t free_count;		     /* page_lock */
	uint64_t free[PAGES / 64];	     /* page_lock */
	uint32_t refs[PAGES];		     /* atomic */
};

_Static_assert(sizeof(struct vfs__page_arena) <= PAGE, "fits its page");

static struct vfs__page_arena *arena_of(const void *page)
{
	return (struct vfs__page_arena *)((uintptr_t)page &
					  ~(uintptr_t)(ARENA_SIZE - 1));
}

static unsigned index_of(const void *page)
{
	return (unsigned)(((uintptr_t)page & (ARENA_SIZE - 1)) / PAGE);
}

static void arena_unlink(struct vfs__domain *domain, struct vfs__page_arena *a)
{
	if (a->prev)
		a->prev->next = a->next;
	else
		domain->page_arenas = a->next;
	if (a->next)
		a->next->prev = a->prev;
}

static void arena_link(struct vfs__domain *domain, struct vfs__page_arena *a,
		       bool front)
{
	struct vfs__page_arena *last = domain->page_arenas;

	a->next = a->prev = NULL;
	if (front || !last) {
		a->next = domain->page_arenas;
		if (a->next)
			a->next->prev = a;
		domain->page_arenas = a;
		return;
	}
	/* behind the first, full ones are never looked at */
	a->next = last->next;
	a->prev = last;
	if (a->next)
		a->next->prev = a;
	last->next = a;
}

static struct vfs__page_arena *arena_add(struct vfs__domain *domain)
{
	struct vfs__page_arena *a =
		vfs__domain_alloc(domain, ARENA_SIZE, ARENA_SIZE);

	if (!a)
		return NULL;
	memset(a, 0, sizeof(*a));
	memset(a->free, 0xff, sizeof(a->free));
	a->free[0] &= ~UINT64_C(1);
	a->free_count = PAGES - 1;
	arena_link(domain, a, true);
	domain->empty_arenas++;
	return a;
}

/* The lowest free page of a. */
static void *arena_take(struct vfs__domain *domain, struct vfs__page_arena *a)
{
	unsigned w = 0, i;

	if (a->free_count == PAGES - 1)
		domain->empty_arenas--;
	while (!a->free[w])
		w++;
	i = w * 64 + (unsigned)__builtin_ctzll(a->free[w]);
	a->free[w] &= a->free[w] - 1;
	a->free_count--;
	return (char *)a + i * PAGE;
}

static void *refill(struct vfs__thread *thread)
{
	struct vfs__domain *domain = thread->domain;
	struct vfs__page_arena *a;
	void *taken[VFS__PAGE_CACHE];
	unsigned n = 0;

	vfs__mutex_lock(&domain->page_lock, VFS__RANK_SLAB);
	a = domain->page_arenas;
	if (!a || !a->free_count)
		a = arena_add(domain);
	while (a && n < VFS__PAGE_CACHE / 2 && a->free_count)
		taken[n++] = arena_take(domain, a);
	if (a && !a->free_count) {
		/* full: out of the list, until a page of it comes back */
		arena_unlink(domain, a);
	}
	vfs__mutex_unlock(&domain->page_lock, VFS__RANK_SLAB);
	/* the stack gives them out in ascending order */
	while (n)
		thread->pages[thread->page_count++] = taken[--n];
	return thread->page_count ? thread->pages[--thread->page_count] : NULL;
}

void *vfs__page_alloc(struct vfs__thread *thread)
{
	void *page = thread->page_count ? thread->pages[--thread->page_count] :
					  refill(thread);

	if (page)
		__atomic_store_n(&arena_of(page)->refs[index_of(page)], 1,
				 __ATOMIC_RELAXED);
	return page;
}

void *vfs__page_ref(void *page)
{
	__atomic_fetch_add(&arena_of(page)->refs[index_of(page)], 1,
			   __ATOMIC_RELAXED);
	return page;
}

bool vfs__page_shared(const void *page)
{
	return __atomic_load_n(&arena_of(page)->refs[index_of(page)],
			       __ATOMIC_ACQUIRE) > 1;
}

/* page_lock held; an arena to be given back is returned. */
static struct vfs__page_arena *arena_put(struct vfs__domain *domain, void *page)
{
	struct vfs__page_arena *a = arena_of(page);
	unsigned i = index_of(page);

	a->free[i / 64] |= UINT64_C(1) << (i % 64);
	if (!a->free_count++)
		arena_link(domain, a, false);
	if (a->free_count < PAGES - 1)
		return NULL;
	if (domain->empty_arenas >= EMPTY_MAX) {
		arena_unlink(domain, a);
		return a;
	}
	domain->empty_arenas++;
	return NULL;
}

static void spill(struct vfs__thread *thread, unsigned keep)
{
	struct vfs__domain *domain = thread->domain;

	while (thread->page_count > keep) {
		struct vfs__page_arena *gone;

		vfs__mutex_lock(&domain->page_lock, VFS__RANK_SLAB);
		do {
			gone = arena_put(domain,
					 thread->pages[--thread->page_count]);
		} while (!gone && thread->page_count > keep);
		vfs__mutex_unlock(&domain->page_lock, VFS__RANK_SLAB);
		vfs__domain_free(domain, gone, ARENA_SIZE, ARENA_SIZE);
	}
}

void vfs__page_unref(struct vfs__thread *thread, void *page)
{
	if (__atomic_sub_fetch(&arena_of(page)->refs[index_of(page)], 1,
			       __ATOMIC_ACQ_REL))
		return;
	if (thread->page_count == VFS__PAGE_CACHE)
		spill(thread, VFS__PAGE_CACHE / 2);
	thread->pages[thread->page_count++] = page;
}

void vfs__page_thread_flush(struct vfs__thread *thread)
{
	spill(thread, 0);
}

void vfs__page_fini(struct vfs__domain *domain)
{
	struct vfs__page_arena *a;

	while ((a = domain->page_arenas)) {
		domain->page_arenas = a->next;
		assert(a->free_count == PAGES - 1);
		vfs__domain_free(domain, a, ARENA_SIZE, ARENA_SIZE);
	}
}
