/* SPDX-License-Identifier: MIT */
/* What the files behind domain.h share. */
#ifndef VFS__DOMAIN_PRIVATE_H
#define VFS__DOMAIN_PRIVATE_H

#include "util/domain.h"
#include "util/lock.h"

#define VFS__HUGE ((size_t)2 << 20)

struct vfs__span;
struct vfs__slab_arena;
struct vfs__page_arena;

/* What small objects of one class there are beyond the threads' magazines. */
struct vfs__depot {
	void *chains; /* full lists, linked by second words */
	uint32_t chain_count;
	struct vfs__span *first; /* spans with room, the one in use first */
	struct vfs__span *last;
};

struct vfs__domain {
	struct vfs__domain_head head; /* first: see domain_inline.h */
	/* constant: */
	struct vfs *owner;
	struct vfs_allocator allocator;
	void (*thread_exit)(struct vfs__thread *thread);
	bool plain;	 /* no slabs; since before the first allocation */
	bool asymmetric; /* sections without barriers: see epoch.h */
	/* constant until the end: */
	struct vfs__domain *next; /* thread.c: registry_lock */
	uint32_t exiting;	  /* threads that are: registry_lock */
	bool has_key;		  /* else records are found by pthread_self() */
	pthread_key_t key;
	uint32_t shared; /* atomic: there has been a second thread */

	/* read by every section: no neighbours that change often */
	ck_epoch_t epoch __attribute__((aligned(64)));

	/* barriers on all threads, numbered; atomic. The last one that began,
	 * and the last one that is known to be over: epoch.c */
	uint64_t barriers_begun __attribute__((aligned(128)));
	uint64_t barriers_done;

	/* thread.c */
	struct vfs__mutex threads_lock __attribute__((aligned(64)));
	struct vfs__thread *threads; /* grows only: lock, read atomically */
	uint32_t next_index;	     /* threads_lock */

	/* slab.c; all under slab_lock */
	struct vfs__mutex slab_lock __attribute__((aligned(64)));
	struct vfs__slab_arena *arenas; /* those with room first */
	struct vfs__slab_arena *arenas_last;
	uint32_t empty_arenas;
	size_t next_arena; /* size of the next one */
	struct vfs__depot depots[VFS__CLASSES];

	/* page.c; all under page_lock */
	struct vfs__mutex page_lock __attribute__((aligned(64)));
	struct vfs__page_arena *page_arenas; /* those with free pages first */
	struct vfs__page_arena *page_arenas_last;
	struct vfs__page_arena *page_spares; /* wholly free */
	uint32_t page_spare_count;
	uint32_t page_arena_count;
};

/* thread.c */
/* - Whether the caller is its process's first thread, which in a child of
 *   fork() is the one that forked. False where nobody can tell. */
bool vfs__thread_is_main(void);
/* - Threads that exit find the domain from now on, and no more. The second
 *   waits for those that have found it. */
void vfs__domain_enlist(struct vfs__domain *domain);
void vfs__domain_delist(struct vfs__domain *domain);
void vfs__threads_drain(struct vfs__domain *domain, struct vfs__thread *self);
void vfs__threads_fini(struct vfs__domain *domain);
/* The destructor of the domain's thread key. */
void vfs__thread_exited(void *record);

/* slab.c, page.c: beginning, a thread's exit, end */
void vfs__slab_init(struct vfs__domain *domain);
/* Before the thread's first allocation. */
void vfs__slab_thread_init(struct vfs__thread *thread);
void vfs__slab_thread_flush(struct vfs__thread *thread);
void vfs__slab_fini(struct vfs__domain *domain);
void vfs__page_thread_flush(struct vfs__thread *thread);
void vfs__page_fini(struct vfs__domain *domain);

#endif
