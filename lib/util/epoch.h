/* SPDX-License-Identifier: MIT */
/*
 * Epochs: memory that readers without locks may look at is freed after a grace
 * period. The only includer of libck.
 *
 * A read section costs one exchange on the thread's own line. Retired objects
 * are gathered in batches; the thread that fills one polls, and runs the
 * callbacks of its own batches whose grace period has passed. Callbacks run
 * outside sections and may retire in turn.
 */
#ifndef VFS__EPOCH_H
#define VFS__EPOCH_H

#include <ck_epoch.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/sanitize.h"

struct vfs;
struct vfs__domain;
struct vfs__batch;

#define VFS__CLASSES 64u      /* size classes of 16 bytes */
#define VFS__PAGE_CACHE 32u   /* pages kept by a thread */
#define VFS__NUMBER_RUNS 4u

/* One thread's record in one domain. Used by that thread alone, but for
 * record, which others scan. */
struct vfs__thread {
	ck_epoch_record_t record;
	struct vfs__domain *domain;
	uint32_t index;
	bool polling;
	bool in_use;		 /* domain lock */
	pthread_t owner;	 /* domain lock */
	struct vfs__thread *next; /* all of the domain: domain lock */
	struct vfs__batch *filling;
	struct vfs__batch *spare;
	size_t retained; /* bytes in batches not yet freed */
	struct {
		void *first;
		uint32_t count;
	} magazines[VFS__CLASSES];
	uint32_t page_count;
	void *pages[VFS__PAGE_CACHE];
	struct {
		uint64_t key, next, end;
	} runs[VFS__NUMBER_RUNS];
	uint32_t run_victim;
};

static inline void vfs__epoch_enter(struct vfs__thread *thread)
{
	ck_epoch_begin(&thread->record, NULL);
}

static inline void vfs__epoch_leave(struct vfs__thread *thread)
{
	vfs__tsan_release(&thread->record);
	ck_epoch_end(&thread->record, NULL);
}

static inline bool vfs__epoch_inside(const struct vfs__thread *thread)
{
	return thread->record.active != 0;
}

/* - Calls fn(owner, pointer, size) after a grace period. Never fails. Not
 *   inside a section. */
void vfs__epoch_retire(struct vfs__thread *thread,
		       void (*fn)(struct vfs *owner, void *pointer,
				  size_t size),
		       void *pointer, size_t size);
/* - Waits a grace period and runs all of this thread's callbacks. Not inside a
 *   section, nor in a callback. */
void vfs__epoch_synchronize(struct vfs__thread *thread);

/* For domain.c: a record's life. */
int vfs__epoch_thread_init(struct vfs__thread *thread, ck_epoch_t *epoch);
void vfs__epoch_thread_drain(struct vfs__thread *thread);
void vfs__epoch_thread_fini(struct vfs__thread *thread);

#endif
