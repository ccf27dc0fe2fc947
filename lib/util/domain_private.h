/* SPDX-License-Identifier: MIT */
/* What the files behind domain.h share. */
#ifndef VFS__DOMAIN_PRIVATE_H
#define VFS__DOMAIN_PRIVATE_H

#include "util/domain.h"
#include "util/lock.h"

struct vfs__arena {
	struct vfs__arena *next;
	size_t size, used;
};

struct vfs__page_arena;

struct vfs__domain {
	struct vfs__domain_head head; /* first: see domain_inline.h */
	struct vfs *owner;
	struct vfs_allocator allocator;
	bool own_allocator; /* malloc's family */
	bool has_key;
	pthread_key_t key;
	ck_epoch_t epoch;

	struct vfs__mutex threads_lock;
	struct vfs__thread *threads; /* threads_lock */
	uint32_t next_index;	     /* threads_lock */

	/* slab.c */
	struct vfs__mutex slab_lock __attribute__((aligned(64)));
	struct vfs__arena *arenas;
	struct {
		void *first;
		uint32_t count;
	} depot[VFS__CLASSES];

	/* page.c */
	struct vfs__mutex page_lock __attribute__((aligned(64)));
	struct vfs__page_arena *page_arenas;
	uint32_t empty_arenas;
};

/* Tells ThreadSanitizer that every section has ended. */
void vfs__domain_acquire_sections(struct vfs__domain *domain);

void vfs__slab_thread_flush(struct vfs__thread *thread);
void vfs__slab_fini(struct vfs__domain *domain);
void vfs__page_thread_flush(struct vfs__thread *thread);
void vfs__page_fini(struct vfs__domain *domain);

#endif
