/* SPDX-License-Identifier: MIT */
/*
 * Small objects. Contract: domain.h.
 *
 * thread: lists of free objects, linked through their first words, of each
 *   class: one that is used (domain_inline.h), and full ones, enough for what
 *   comes back at once after a grace period: what a thread has touched is
 *   better not given to another.
 * depot: full lists of a class that threads exchange whole, and the spans
 *   with room.
 * span: a run of memory cut into objects of one class, aligned to its size,
 *   with a header of 64 bytes in front; found from an object by masking, since
 *   who frees says the size. 16 KiB for objects up to 256 bytes and 64 KiB for
 *   larger ones, so that header and rest are less than two in a hundred. Its
 *   memory is touched only as objects are first taken. An empty span goes back
 *   to its arena and serves any class.
 * arena: 64 KiB, then twice the one before, up to 2 MiB (a huge page). One
 *   empty arena is kept; others go back to the allocator.
 *
 * In a plain domain the threads' lists are always empty and full at the same
 * time, so that each allocation and each freeing takes the slow half, and goes
 * to the allocator: the fast half does not ask.
 *
 * Lock: slab_lock for all but the threads' lists.
 */
#include <assert.h>
#include <string.h>

#include "util/domain_private.h"

#define UNIT ((size_t)16 << 10) /* arenas are divided in these */
#define WIDE_UNITS 4u		/* of a span for objects over 256 bytes */
#define NARROW_CLASSES 16u	/* classes of up to 256 bytes */
#define FIRST_ARENA ((size_t)64 << 10)
#define DEPOT_BYTES ((size_t)64 << 10) /* kept of a class in full lists */
#define EMPTY_MAX 1u
#define CHAIN_BYTES ((size_t)8 << 10)
#define KEPT_BYTES ((size_t)2 << 20) /* by a thread in full lists */
#define CHAIN_MAX 64u

struct vfs__slab_arena {
	struct vfs__slab_arena *next, *prev;
	char *base;
	size_t size;
	uint32_t units;
	uint32_t free_units;
	uint64_t free[VFS__HUGE / UNIT / 64]; /* bit: the unit is free */
};

struct vfs__span {
	struct vfs__slab_arena *arena;
	struct vfs__span *next, *prev; /* in the depot, while there is room */
	void *free;		       /* returned objects */
	uint32_t used;		       /* objects that are out */
	uint32_t fresh;		       /* objects never taken begin here */
	uint32_t capacity;
	uint32_t class;
	uint64_t unused[2];
};

_Static_assert(sizeof(struct vfs__span) <= 64, "objects begin at 64");

/* Free objects are linked through their first word, lists of them through the
 * second word of their first object. */
static void **link_of(void *object)
{
	return object;
}

static void **chain_link_of(void *object)
{
	return (void **)object + 1;
}

static size_t class_size(uint32_t class)
{
	return (class + 1) * (size_t)VFS__GRAIN;
}

static uint32_t span_units(uint32_t class)
{
	return class < NARROW_CLASSES ? 1 : WIDE_UNITS;
}

static struct vfs__span *span_of(const void *object, uint32_t class)
{
	size_t size = UNIT * span_units(class);

	return (struct vfs__span *)((uintptr_t)object & ~(uintptr_t)(size - 1));
}

/* ---- arenas ---- */

static void arena_unlink(struct vfs__domain *domain, struct vfs__slab_arena *a)
{
	*(a->prev ? &a->prev->next : &domain->arenas) = a->next;
	*(a->next ? &a->next->prev : &domain->arenas_last) = a->prev;
}

static void arena_push(struct vfs__domain *domain, struct vfs__slab_arena *a)
{
	a->prev = NULL;
	a->next = domain->arenas;
	*(a->next ? &a->next->prev : &domain->arenas_last) = a;
	domain->arenas = a;
}

static void arena_append(struct vfs__domain *domain, struct vfs__slab_arena *a)
{
	a->next = NULL;
	a->prev = domain->arenas_last;
	*(a->prev ? &a->prev->next : &domain->arenas) = a;
	domain->arenas_last = a;
}

/* The alignment that makes spans aligned, and a huge page of a huge arena. */
static size_t arena_align(size_t size)
{
	return size == VFS__HUGE ? VFS__HUGE : UNIT * WIDE_UNITS;
}

static void arena_free(struct vfs__domain *domain, struct vfs__slab_arena *a)
{
	vfs__domain_free(domain, a->base, a->size, arena_align(a->size));
	vfs__domain_free(domain, a, sizeof(*a), VFS__GRAIN);
}

/* A new arena in front of all; false when out of memory. */
static bool arena_add(struct vfs__domain *domain)
{
	size_t size = domain->next_arena;
	struct vfs__slab_arena *a =
		vfs__domain_alloc(domain, sizeof(*a), VFS__GRAIN);

	if (!a)
		return false;
	memset(a, 0, sizeof(*a));
	a->base = vfs__domain_alloc(domain, size, arena_align(size));
	if (!a->base && size > FIRST_ARENA) {
		/* the little that there is may do */
		size = FIRST_ARENA;
		a->base = vfs__domain_alloc(domain, size, arena_align(size));
	}
	if (!a->base) {
		vfs__domain_free(domain, a, sizeof(*a), VFS__GRAIN);
		return false;
	}
	a->size = size;
	a->units = a->free_units = (uint32_t)(size / UNIT);
	for (uint32_t i = 0; i < a->units; i++)
		a->free[i / 64] |= UINT64_C(1) << (i % 64);
	if (domain->next_arena < VFS__HUGE)
		domain->next_arena *= 2;
	arena_push(domain, a);
	domain->empty_arenas++;
	return true;
}

/* The first unit of a free run for a span of class, or -1. Wide spans are
 * aligned, so one of four bits of a group decides; narrow ones are looked for
 * in groups that are broken already. */
static int arena_find(const struct vfs__slab_arena *a, uint32_t class)
{
	const uint64_t ones = UINT64_C(0x1111111111111111);
	int whole = -1;

	for (uint32_t w = 0; w * 64 < a->units; w++) {
		uint64_t bits = a->free[w];
		uint64_t groups =
			bits & bits >> 1 & bits >> 2 & bits >> 3 & ones;
		uint64_t broken = bits & ~(groups * 15);

		if (class < NARROW_CLASSES && broken)
			return (int)(w * 64) + __builtin_ctzll(broken);
		if (groups && whole < 0)
			whole = (int)(w * 64) + __builtin_ctzll(groups);
		if (groups && class >= NARROW_CLASSES)
			break;
	}
	return whole;
}

static void *arena_take(struct vfs__domain *domain, struct vfs__slab_arena *a,
			uint32_t unit, uint32_t count)
{
	uint64_t mask = ((UINT64_C(1) << count) - 1) << (unit % 64);

	if (a->free_units == a->units)
		domain->empty_arenas--;
	a->free[unit / 64] &= ~mask;
	a->free_units -= count;
	if (!a->free_units) {
		arena_unlink(domain, a);
		arena_append(domain, a);
	}
	return a->base + unit * UNIT;
}

/* Gives a span's memory back, and the arena if it is one too many. */
static void arena_put(struct vfs__domain *domain, struct vfs__span *span)
{
	struct vfs__slab_arena *a = span->arena;
	uint32_t count = span_units(span->class);
	uint32_t unit = (uint32_t)((size_t)((char *)span - a->base) / UNIT);
	uint64_t mask = ((UINT64_C(1) << count) - 1) << (unit % 64);

	a->free[unit / 64] |= mask;
	if (!a->free_units) {
		arena_unlink(domain, a);
		arena_push(domain, a);
	}
	a->free_units += count;
	if (a->free_units < a->units)
		return;
	if (domain->empty_arenas >= EMPTY_MAX) {
		arena_unlink(domain, a);
		arena_free(domain, a);
		return;
	}
	domain->empty_arenas++;
}

/* ---- spans ---- */

static void span_unlink(struct vfs__depot *depot, struct vfs__span *span)
{
	*(span->prev ? &span->prev->next : &depot->first) = span->next;
	*(span->next ? &span->next->prev : &depot->last) = span->prev;
}

/* Behind the others: those in front are used up first. */
static void span_append(struct vfs__depot *depot, struct vfs__span *span)
{
	span->next = NULL;
	span->prev = depot->last;
	*(span->prev ? &span->prev->next : &depot->first) = span;
	depot->last = span;
}

static struct vfs__span *span_create(struct vfs__domain *domain, uint32_t class)
{
	struct vfs__slab_arena *a = domain->arenas;
	uint32_t count = span_units(class);
	struct vfs__span *span;
	int unit = -1;

	/* full arenas are at the end */
	for (; a && a->free_units; a = a->next) {
		unit = arena_find(a, class);
		if (unit >= 0)
			break;
	}
	if (unit < 0) {
		if (!arena_add(domain))
			return NULL;
		a = domain->arenas;
		unit = 0;
	}
	span = arena_take(domain, a, (uint32_t)unit, count);
	span->arena = a;
	span->free = NULL;
	span->used = span->fresh = 0;
	span->class = class;
	span->capacity =
		(uint32_t)((count * UNIT - sizeof(*span)) / class_size(class));
	span_append(&domain->depots[class], span);
	return span;
}

static void *span_take(struct vfs__span *span)
{
	void *object = span->free;

	if (object)
		span->free = *link_of(object);
	else
		object = (char *)span + 64 +
			 span->fresh++ * class_size(span->class);
	span->used++;
	return object;
}

static bool span_has_room(const struct vfs__span *span)
{
	return span->free || span->fresh < span->capacity;
}

static void span_put(struct vfs__domain *domain, struct vfs__span *span,
		     void *object)
{
	struct vfs__depot *depot = &domain->depots[span->class];

	if (!span_has_room(span))
		span_append(depot, span);
	*link_of(object) = span->free;
	span->free = object;
	assert(span->used);
	if (!--span->used) {
		span_unlink(depot, span);
		arena_put(domain, span);
	}
}

/* ---- between threads and spans ---- */

/* Objects for the thread's list from spans, in ascending order where they are
 * fresh: neighbours in time are neighbours in memory. */
static void fill_from_spans(struct vfs__thread *thread, uint32_t class)
{
	struct vfs__domain *domain = thread->domain;
	struct vfs__magazine *magazine = &thread->magazines[class];
	struct vfs__depot *depot = &domain->depots[class];
	void **tail = &magazine->first;

	while (magazine->count < magazine->chain) {
		struct vfs__span *span = depot->first;
		void *object;

		if (!span) {
			/* one arena at most at a time */
			if (magazine->count)
				break;
			span = span_create(domain, class);
			if (!span)
				break;
		}
		object = span_take(span);
		if (!span_has_room(span))
			span_unlink(depot, span);
		*tail = object;
		tail = link_of(object);
		magazine->count++;
	}
	*tail = NULL;
}

/* - The thread's list is empty: an object, or NULL when out of memory. */
void *vfs__slab_refill(struct vfs__thread *thread, uint32_t class)
{
	struct vfs__domain *domain = thread->domain;
	struct vfs__magazine *magazine = &thread->magazines[class];
	struct vfs__depot *depot = &domain->depots[class];
	void *object;

	if (domain->plain)
		return vfs__domain_alloc(domain, class_size(class), 64);
	assert(!magazine->count);
	if (magazine->full) {
		magazine->first = magazine->full;
		magazine->full = *chain_link_of(magazine->first);
		thread->kept -= magazine->chain * class_size(class);
		magazine->count = magazine->chain;
	} else {
		vfs__mutex_lock(&domain->slab_lock, VFS__RANK_SLAB);
		if (depot->chains) {
			magazine->first = depot->chains;
			magazine->count = magazine->chain;
			depot->chains = *chain_link_of(magazine->first);
			depot->chain_count--;
		} else {
			fill_from_spans(thread, class);
		}
		vfs__mutex_unlock(&domain->slab_lock, VFS__RANK_SLAB);
	}
	object = magazine->first;
	if (object) {
		magazine->first = *link_of(object);
		magazine->count--;
	}
	return object;
}

/* Takes a list of objects apart; slab_lock held. */
static void return_list(struct vfs__domain *domain, uint32_t class, void *list)
{
	while (list) {
		void *object = list;

		list = *link_of(object);
		span_put(domain, span_of(object, class), object);
	}
}

/* - One object too many was put on the thread's list. */
void vfs__slab_spill(struct vfs__thread *thread, uint32_t class)
{
	struct vfs__domain *domain = thread->domain;
	struct vfs__magazine *magazine = &thread->magazines[class];
	struct vfs__depot *depot = &domain->depots[class];
	size_t bytes = magazine->chain * class_size(class);
	void *list;

	if (domain->plain) {
		vfs__domain_free(domain, magazine->first, class_size(class),
				 64);
		magazine->first = NULL;
		magazine->count = 0;
		return;
	}
	/* the newest stays, so that the next allocation is quick, too */
	assert(magazine->count == magazine->chain + 1);
	list = *link_of(magazine->first);
	*link_of(magazine->first) = NULL;
	magazine->count = 1;
	if (!magazine->full || thread->kept + bytes <= KEPT_BYTES) {
		*chain_link_of(list) = magazine->full;
		magazine->full = list;
		thread->kept += bytes;
		return;
	}
	vfs__mutex_lock(&domain->slab_lock, VFS__RANK_SLAB);
	if ((depot->chain_count + 1) * bytes <= DEPOT_BYTES) {
		*chain_link_of(list) = depot->chains;
		depot->chains = list;
		depot->chain_count++;
	} else {
		return_list(domain, class, list);
	}
	vfs__mutex_unlock(&domain->slab_lock, VFS__RANK_SLAB);
}

/* - The thread exits: all that it keeps goes to the spans. */
void vfs__slab_thread_flush(struct vfs__thread *thread)
{
	struct vfs__domain *domain = thread->domain;

	vfs__mutex_lock(&domain->slab_lock, VFS__RANK_SLAB);
	for (uint32_t class = 0; class < VFS__CLASSES; class ++) {
		struct vfs__magazine *magazine = &thread->magazines[class];

		return_list(domain, class, magazine->first);
		while (magazine->full) {
			void *list = magazine->full;

			magazine->full = *chain_link_of(list);
			return_list(domain, class, list);
		}
		magazine->first = NULL;
		magazine->count = 0;
	}
	thread->kept = 0;
	vfs__mutex_unlock(&domain->slab_lock, VFS__RANK_SLAB);
}

void vfs__slab_init(struct vfs__domain *domain)
{
	vfs__mutex_init(&domain->slab_lock);
	domain->next_arena = FIRST_ARENA;
}

void vfs__slab_thread_init(struct vfs__thread *thread)
{
	for (uint32_t class = 0; class < VFS__CLASSES; class ++) {
		size_t fit = CHAIN_BYTES / class_size(class);

		if (fit > CHAIN_MAX)
			fit = CHAIN_MAX;
		if (thread->domain->plain)
			fit = 0;
		thread->magazines[class].chain = (uint32_t)fit;
	}
}

void vfs__slab_fini(struct vfs__domain *domain)
{
	struct vfs__slab_arena *a = domain->arenas, *next;

	for (; a; a = next) {
		next = a->next;
		arena_free(domain, a);
	}
	domain->arenas = domain->arenas_last = NULL;
}
