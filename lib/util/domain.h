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
 * - config's allocator, or malloc's family when NULL (2 MiB arenas are then
 *   advised to be huge pages).
 * - Makes the calling thread's record.
 * - 0, -ENOMEM, -EAGAIN (no thread key left and no fallback possible).
 * - owner: what vfs_retire's callbacks get as their struct vfs *.
 */
int vfs__domain_create(const struct vfs_allocator *allocator, struct vfs *owner,
		       struct vfs__domain **out);
/* Runs every retired callback, then frees all. No other thread is inside. */
void vfs__domain_destroy(struct vfs__domain *domain);

/* Slow half of vfs__thread_self: finds or makes; NULL when out of memory. */
struct vfs__thread *vfs__thread_lookup(struct vfs__domain *domain);

/* The calling thread's record in domain, NULL when out of memory. Inline and
 * a few instructions when this thread used this domain last. */
static inline struct vfs__thread *vfs__thread_self(struct vfs__domain *domain);

struct vfs__domain *vfs__thread_domain(const struct vfs__thread *thread);
/* A small number, unique among the living threads of the domain. */
static inline uint32_t vfs__thread_index(const struct vfs__thread *thread);

/* -- epochs: <util/epoch.h> is included at the end -- */

/* -- memory -- */

/* From the instance's allocator, any size. */
void *vfs__domain_alloc(struct vfs__domain *domain, size_t size, size_t align);
void vfs__domain_free(struct vfs__domain *domain, void *pointer, size_t size,
		      size_t align);

/*
 * Small objects from slabs (size classes of 16 bytes up to 1024, aligned to
 * 16, objects of 64 bytes aligned to 64), larger ones from the allocator.
 * NULL when out of memory. The freeing thread may be another.
 */
void *vfs__mem_alloc(struct vfs__thread *thread, size_t size);
void vfs__mem_free(struct vfs__thread *thread, void *pointer, size_t size);

/* Pages of 4096 bytes: see vfs_page_alloc in <vfs/sys/backend.h>. */
void *vfs__page_alloc(struct vfs__thread *thread);
void *vfs__page_ref(void *page);
void vfs__page_unref(struct vfs__thread *thread, void *page);
bool vfs__page_shared(const void *page);

#include "domain_inline.h"

#endif
