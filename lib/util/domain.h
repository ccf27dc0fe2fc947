/* SPDX-License-Identifier: MIT */
/*
 * A domain is what an instance stands on: its allocator, its epochs (deferred
 * freeing), its slabs and pages, and a record for every thread that comes by.
 * Everything above is per instance because this is.
 *
 * A thread's record (struct vfs__thread) is made on the thread's first call
 * and given back at its exit. It holds the thread's epoch record, its retired
 * objects, its magazines of free slab objects and pages, and an index that
 * spreads sharded counters.
 *
 * In a child of fork() the thread that forked may go on using a domain, if no
 * other thread was in the middle of a change (held a lock) when it forked.
 */
#ifndef VFS__DOMAIN_H
#define VFS__DOMAIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <vfs/instance.h>

struct vfs__domain;
struct vfs__thread;

/*
 * - config's allocator, or malloc's family when NULL (blocks of 2 MiB that are
 *   aligned to that are then mapped, and advised to be huge pages).
 * - Makes the calling thread's record.
 * - 0, -ENOMEM. When no thread key is left, records are found by thread in a
 *   list, and are not given back when their threads exit.
 * - owner: what vfs_retire's callbacks get as their struct vfs *.
 * - thread_exit: called for a record before it is given back, and for each at
 *   the end, to give up what the layer above keeps there. May be NULL.
 */
int vfs__domain_create(const struct vfs_allocator *allocator, struct vfs *owner,
		       void (*thread_exit)(struct vfs__thread *thread),
		       struct vfs__domain **out);
/* - Every object comes straight from the allocator from now on, so that each
 *   can be made to fail and is watched by memory checkers.
 * - Before anything was allocated; the default under AddressSanitizer. */
void vfs__domain_set_plain(struct vfs__domain *domain);
/*
 * - Runs every retired callback, then frees all. NULL is accepted.
 * - No other thread is inside. One that has used the domain may be on its way
 *   out, or go on living.
 */
void vfs__domain_destroy(struct vfs__domain *domain);

/* Slow half of vfs__thread_self: finds or makes; NULL when out of memory. */
struct vfs__thread *vfs__thread_lookup(struct vfs__domain *domain);

/* The calling thread's record in domain, NULL when out of memory. Inline and
 * a few instructions when this thread used this domain lately. */
static inline struct vfs__thread *vfs__thread_self(struct vfs__domain *domain);

static inline struct vfs__domain *
vfs__thread_domain(const struct vfs__thread *thread);
/* A small number, unique among the living threads of the domain. */
static inline uint32_t vfs__thread_index(const struct vfs__thread *thread);

/* -- epochs: <util/epoch.h> is included at the end -- */

/* -- memory -- */

/* From the instance's allocator, any size. */
void *vfs__domain_alloc(struct vfs__domain *domain, size_t size, size_t align);
/* - NULL is accepted; size and align as they were asked for. */
void vfs__domain_free(struct vfs__domain *domain, void *pointer, size_t size,
		      size_t align);

/*
 * Small objects from slabs (size classes of 16 bytes up to 1024), larger ones
 * from the allocator. Aligned to 16; sizes that are a multiple of 64, to 64.
 * NULL when out of memory. The freeing thread may be another; size is what was
 * asked for; NULL is accepted.
 */
static inline void *vfs__mem_alloc(struct vfs__thread *thread, size_t size);
static inline void vfs__mem_free(struct vfs__thread *thread, void *pointer,
				 size_t size);

/* Pages of 4096 bytes: see vfs_page_alloc in <vfs/sys/backend.h>. */
void *vfs__page_alloc(struct vfs__thread *thread);
void *vfs__page_ref(void *page);
void vfs__page_unref(struct vfs__thread *thread, void *page);
bool vfs__page_shared(const void *page);

#include "util/domain_inline.h"

#endif
