/* SPDX-License-Identifier: MIT */
/*
 * Pages of 4096 bytes with reference counts. Contract: <vfs/sys/backend.h>.
 *
 * thread: a stack of free pages. Pages that were freed in ascending order are
 *   put so that they are given out in ascending order again.
 * arena: aligned to 2 MiB, so that a page's is found by masking; the first of
 *   256 KiB, others of 2 MiB (a huge page). Its first page is the header, with
 *   the counts and a bitmap of free pages; the lowest is taken, so that pages
 *   taken one after the other lie one after the other, and pages that were
 *   used before come before those that were not. Up to SPARES_MAX arenas that
 *   are wholly free are kept; others go back to the allocator.
 *
 * Locks: page_lock for the arenas' lists and bitmaps; counts are atomic.
 */
#include <assert.h>
#include <string.h>

#include "util/atomic.h"
#include "util/domain_private.h"

#define PAGE ((size_t)4096)
#define FIRST_SIZE ((size_t)256 << 10)
#define PAGES_MAX (VFS__HUGE / PAGE)
/* Free arenas kept: a first touch of new memory costs more than a copy. */
#define SPARES_MAX 64u

struct vfs__page_arena {
	struct vfs__page_arena *next, *prev;
	uint32_t pages;		       /* with the header */
	uint32_t free_count;	       /* page_lock */
	uint64_t free[PAGES_MAX / 64]; /* page_lock */
	uint32_t refs[PAGES_MAX];      /* atomic */
};

_Static_assert(sizeof(struct vfs__page_arena) <= PAGE, "fits its page");

static struct vfs__page_arena *arena_of(const void *page)
{
	return (struct vfs__page_arena *)((uintptr_t)page &
					  ~(uintptr_t)(VFS__HUGE - 1));
}

static uint32_t index_of(const void *page)
{
	return (uint32_t)(((uintptr_t)page & (VFS__HUGE - 1)) / PAGE);
}

static uint32_t *refs_of(const void *page)
{
	return &arena_of(page)->refs[index_of(page)];
}

/* ---- arenas ---- */

static void list_unlink(struct vfs__domain *domain, struct vfs__page_arena *a)
{
	*(a->prev ? &a->prev->next : &domain->page_arenas) = a->next;
	*(a->next ? &a->next->prev : &domain->page_arenas_last) = a->prev;
}

static void list_push(struct vfs__domain *domain, struct vfs__page_arena *a)
{
	a->prev = NULL;
	a->next = domain->page_arenas;
	*(a->next ? &a->next->prev : &domain->page_arenas_last) = a;
	domain->page_arenas = a;
}

static void list_append(struct vfs__domain *domain, struct vfs__page_arena *a)
{
	a->next = NULL;
	a->prev = domain->page_arenas_last;
	*(a->prev ? &a->prev->next : &domain->page_arenas) = a;
	domain->page_arenas_last = a;
}

static bool is_whole(const struct vfs__page_arena *a)
{
	return a->free_count == a->pages - 1;
}

static struct vfs__page_arena *arena_create(struct vfs__domain *domain)
{
	size_t size = domain->page_arena_count ? VFS__HUGE : FIRST_SIZE;
	struct vfs__page_arena *a = vfs__domain_alloc(domain, size, VFS__HUGE);

	if (!a && size > FIRST_SIZE) {
		size = FIRST_SIZE;
		a = vfs__domain_alloc(domain, size, VFS__HUGE);
	}
	if (!a)
		return NULL;
	memset(a, 0, sizeof(*a));
	a->pages = (uint32_t)(size / PAGE);
	a->free_count = a->pages - 1;
	for (uint32_t i = 1; i < a->pages; i++)
		a->free[i / 64] |= UINT64_C(1) << (i % 64);
	domain->page_arena_count++;
	return a;
}

static void arena_free(struct vfs__domain *domain, struct vfs__page_arena *a)
{
	domain->page_arena_count--;
	vfs__domain_free(domain, a, a->pages * PAGE, VFS__HUGE);
}

/* An arena with free pages, in front of the list; NULL when out of memory. */
static struct vfs__page_arena *arena_get(struct vfs__domain *domain)
{
	struct vfs__page_arena *a = domain->page_arenas;

	if (a && a->free_count)
		return a;
	a = domain->page_spares;
	if (a) {
		domain->page_spares = a->next;
		domain->page_spare_count--;
	} else {
		a = arena_create(domain);
	}
	if (a)
		list_push(domain, a);
	return a;
}

/* The lowest free page. */
static void *arena_take(struct vfs__domain *domain, struct vfs__page_arena *a)
{
	uint32_t w = 0, i;

	while (!a->free[w])
		w++;
	i = w * 64 + (uint32_t)__builtin_ctzll(a->free[w]);
	a->free[w] &= a->free[w] - 1;
	if (!--a->free_count) {
		list_unlink(domain, a);
		list_append(domain, a);
	}
	return (char *)a + i * PAGE;
}

static void arena_put(struct vfs__domain *domain, void *page)
{
	struct vfs__page_arena *a = arena_of(page);
	uint32_t i = index_of(page);

	assert(i && i < a->pages);
	assert(!(a->free[i / 64] >> (i % 64) & 1));
	a->free[i / 64] |= UINT64_C(1) << (i % 64);
	if (!a->free_count++) {
		list_unlink(domain, a);
		list_push(domain, a);
	}
	if (!is_whole(a))
		return;
	list_unlink(domain, a);
	if (domain->page_spare_count >= SPARES_MAX) {
		arena_free(domain, a);
		return;
	}
	a->next = domain->page_spares;
	domain->page_spares = a;
	domain->page_spare_count++;
}

/* ---- threads ---- */

/* The stack is empty: half a stack of pages, the lowest on top. */
static void refill(struct vfs__thread *thread)
{
	struct vfs__domain *domain = thread->domain;
	void *taken[VFS__PAGE_CACHE / 2];
	struct vfs__page_arena *a;
	uint32_t n = 0, want = VFS__PAGE_CACHE / 2;

	if (domain->plain) {
		/* a page may fail as every object may */
		void *probe = vfs__domain_alloc(domain, 64, 64);

		if (!probe)
			return;
		vfs__domain_free(domain, probe, 64, 64);
		want = 1;
	}
	vfs__mutex_lock(&domain->page_lock, VFS__RANK_SLAB);
	a = arena_get(domain);
	while (a && a->free_count && n < want)
		taken[n++] = arena_take(domain, a);
	vfs__mutex_unlock(&domain->page_lock, VFS__RANK_SLAB);
	while (n)
		thread->pages[thread->page_count++] = taken[--n];
	thread->page_run = thread->page_count;
}

/* Gives the deepest pages back, those that were not used for longest. */
static void spill(struct vfs__thread *thread, uint32_t count)
{
	struct vfs__domain *domain = thread->domain;

	vfs__mutex_lock(&domain->page_lock, VFS__RANK_SLAB);
	for (uint32_t i = 0; i < count; i++)
		arena_put(domain, thread->pages[i]);
	vfs__mutex_unlock(&domain->page_lock, VFS__RANK_SLAB);
	thread->page_count -= count;
	memmove(thread->pages, thread->pages + count,
		thread->page_count * sizeof(thread->pages[0]));
	thread->page_run = thread->page_count;
}

/*
 * Pages from page_run on were freed one after the other in ascending order;
 * the next one of such a row goes below them.
 */
static void stack_push(struct vfs__thread *thread, void *page)
{
	uint32_t run = thread->page_run, count = thread->page_count;

	if (run < count && (char *)thread->pages[run] + PAGE == page) {
		memmove(thread->pages + run + 1, thread->pages + run,
			(count - run) * sizeof(thread->pages[0]));
		thread->pages[run] = page;
	} else {
		thread->page_run = count;
		thread->pages[count] = page;
	}
	thread->page_count++;
}

void *vfs__page_alloc(struct vfs__thread *thread)
{
	void *page;

	if (__builtin_expect(!thread->page_count, 0)) {
		refill(thread);
		if (!thread->page_count)
			return NULL;
	}
	page = thread->pages[--thread->page_count];
	if (thread->page_run > thread->page_count)
		thread->page_run = thread->page_count;
	__atomic_store_n(refs_of(page), 1, __ATOMIC_RELAXED);
	return page;
}

void *vfs__page_ref(void *page)
{
	uint32_t before = vfs__fetch_add_u32(refs_of(page), 1);

	assert(before);
	(void)before;
	return page;
}

bool vfs__page_shared(const void *page)
{
	return __atomic_load_n(refs_of(page), __ATOMIC_ACQUIRE) > 1;
}

void vfs__page_unref(struct vfs__thread *thread, void *page)
{
	uint32_t *refs = refs_of(page);

	assert(__atomic_load_n(refs, __ATOMIC_RELAXED));
	/* whoever has the only reference needs no exchange to give it up */
	if (__atomic_load_n(refs, __ATOMIC_ACQUIRE) == 1)
		__atomic_store_n(refs, 0, __ATOMIC_RELAXED);
	else if (vfs__fetch_add_u32(refs, UINT32_MAX) != 1)
		return;
	if (thread->page_count == VFS__PAGE_CACHE)
		spill(thread, VFS__PAGE_CACHE / 2);
	stack_push(thread, page);
}

void vfs__page_thread_flush(struct vfs__thread *thread)
{
	spill(thread, thread->page_count);
}

void vfs__page_fini(struct vfs__domain *domain)
{
	struct vfs__page_arena *a, *next;

	for (a = domain->page_spares; a; a = next) {
		next = a->next;
		arena_free(domain, a);
	}
	for (a = domain->page_arenas; a; a = next) {
		next = a->next;
		arena_free(domain, a);
	}
	domain->page_arenas = domain->page_arenas_last = NULL;
	domain->page_spares = NULL;
}
