/* SPDX-License-Identifier: MIT */
/*
 * Epochs: what readers without locks may look at is freed after a grace
 * period, when every section that was open has ended. The only includer of
 * libck.
 *
 * A section costs two stores to the thread's own line. What it must not cost is
 * an order between these stores and the loads that follow, 4 to 10 ns: in an
 * asymmetric domain who looks for sections orders them on all threads at once
 * (barrier.h); where the system has no such call, each section begins with an
 * exchange.
 *
 * Retired objects are gathered in batches. A full one waits for a barrier that
 * began after it, anybody's, then for its grace period; the thread that filled
 * it polls, and runs the callbacks. Callbacks run outside sections, under
 * whatever locks the retiring call is made with, and may free memory, give
 * references back and retire in turn.
 *
 * Inside a section nobody waits for a lock under which somebody might retire:
 * retiring may have to wait for the section. Debug builds check it (lock.h).
 */
#ifndef VFS__EPOCH_H
#define VFS__EPOCH_H

#include <ck_epoch.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <vfs/base.h>

#include "util/barrier.h"
#include "util/lock.h"
#include "util/sanitize.h"

struct vfs;
struct vfs_cred;
struct vfs__domain;

#define VFS__BATCH 64u	    /* objects retired together */
#define VFS__EMBEDDED 2u    /* batches in the thread's record */
#define VFS__CLASSES 64u    /* size classes of 16 bytes */
#define VFS__PAGE_CACHE 32u /* pages kept by a thread */
#define VFS__NUMBER_RUNS 4u

struct vfs__batch {
	ck_epoch_entry_t entry; /* first: epoch.c casts */
	struct vfs__batch *next;
	struct vfs__thread *thread;
	uint64_t ticket; /* barriers begun when it was full */
	size_t bytes;
	uint32_t count;
	bool embedded; /* in the record: never given to the allocator */
	struct vfs__retired {
		/* NULL: the memory goes back, and that is all */
		void (*fn)(struct vfs *owner, void *pointer, size_t size);
		void *pointer;
		size_t size;
	} items[VFS__BATCH];
};

/* Free objects of one class: `first` is being used, `full` are lists of exactly
 * `chain` objects. Linked through the objects' first words, lists through the
 * second words of their first objects. */
struct vfs__magazine {
	void *first;
	void *full;
	uint32_t count; /* in first: at most chain */
	uint32_t chain; /* constant */
};

/*
 * The layer above's: a path that was walked, and where it led; what the words
 * mean, core/pathmem.h says.
 */
#define VFS__REMEMBERED 16u
#define VFS__REMEMBERED_PATH 120u

struct vfs__remembered {
	uint64_t tag;
	uint64_t renames, changes;
	const void *start_mnt, *start;
	uint64_t cred;
	void *mnt, *dentry;

	uint8_t len; /* 0: nothing is remembered */
	uint8_t wait, penalty;
	bool used, absent;
	char path[VFS__REMEMBERED_PATH];
};

/*
 * One thread's record in one domain, used by that thread alone, but for
 * record, which others scan. A record is never freed before its domain: when
 * its thread exits, it waits for another.
 */
struct vfs__thread {
	ck_epoch_record_t record;

	struct vfs__domain *domain; /* constant */
	bool asymmetric;	    /* constant: the domain's */
	uint32_t index;		    /* constant */
	struct vfs__thread *next;   /* constant once linked */
	/* the domain's threads_lock: */
	bool in_use;
	pthread_t owner;

	pid_t pid;    /* process that took the record; atomic: see epoch.c */
	bool running; /* callbacks */
	uint32_t submitted; /* batches that libck has, for a grace period */
	uint32_t waiting;   /* batches that wait for a barrier */
	size_t waiting_bytes;
	struct vfs__batch *waiting_first, *waiting_last;
	uint32_t spare_count; /* in spare */
	struct vfs__batch *filling;
	struct vfs__batch *spare; /* empty ones */
	struct vfs__batch *ready; /* after their grace period */

	struct vfs__magazine magazines[VFS__CLASSES];
	size_t kept; /* bytes in full lists of all classes */

	uint32_t page_count;
	uint32_t page_run; /* see page.c */
	void *pages[VFS__PAGE_CACHE];

	struct {
		uint64_t key, next, end;
	} runs[VFS__NUMBER_RUNS];
	uint32_t run_victim;

	/* the layer above: credentials used last, and who uses them now */
	uint32_t cred_pins;
	struct vfs_cred *cred;
	struct vfs_task *task; /* whose call this thread made last */
	/* whose attributes this call has just asked for; only compared */
	const struct vfs_inode *fresh;
	/* by which name the present operation came to its inode: place.h */
	const struct vfs_dentry *by_name;
	uint32_t nesting; /* calls of a backend's inside another: nest.c */
	/* where the last name was made, a sign of where the next will be; only
	 * compared and hashed, it may be gone */
	const struct vfs_dentry *made_in;
	/* events for callbacks when this call holds no lock: core/watch.c */
	struct vfs__event *events_first, *events_last;
	bool telling; /* a callback is running */
	/* what the clock showed first in this call: one call, one time */
	bool now_valid;
	bool keep_now; /* also for the calls inside it */
	struct vfs_timespec now;
	int64_t now_packed; /* the same as time.h has it */
	/* the second that it showed, and how often to believe it still */
	uint32_t clock_left;
	int64_t clock_sec;

	struct vfs__batch embedded[VFS__EMBEDDED];

	struct vfs__remembered remembered[VFS__REMEMBERED];
};

/* ck_epoch_begin, with the barrier left to the other side. */
static inline void vfs__epoch_begin_asymmetric(ck_epoch_record_t *record)
{
	unsigned int active = record->active;

	ck_pr_store_uint(&record->active, active + 1);
	if (__builtin_expect(!active, 1))
		ck_pr_store_uint(&record->epoch,
				 ck_pr_load_uint(&record->global->epoch));
	VFS__COMPILER_FENCE();
}

/* - Sections nest. */
static inline void vfs__epoch_enter(struct vfs__thread *thread)
{
	if (__builtin_expect(thread->asymmetric, 1))
		vfs__epoch_begin_asymmetric(&thread->record);
	else
		ck_epoch_begin(&thread->record, NULL);
	vfs__rank_section(1);
}

static inline void vfs__epoch_leave(struct vfs__thread *thread)
{
	vfs__rank_section(-1);
	vfs__tsan_release(&thread->record);
	ck_epoch_end(&thread->record, NULL);
}

/*
 * - The same for what is so short that reading the count again is a good part
 *   of it. False: it does not nest, nor do without a barrier; then nothing was
 *   entered.
 */
static inline bool vfs__epoch_enter_brief(struct vfs__thread *thread)
{
	ck_epoch_record_t *record = &thread->record;

	if (__builtin_expect(!thread->asymmetric || record->active, 0))
		return false;
	ck_pr_store_uint(&record->active, 1);
	ck_pr_store_uint(&record->epoch,
			 ck_pr_load_uint(&record->global->epoch));
	VFS__COMPILER_FENCE();
	vfs__rank_section(1);
	return true;
}

static inline void vfs__epoch_leave_brief(struct vfs__thread *thread)
{
	vfs__rank_section(-1);
	vfs__tsan_release(&thread->record);
	ck_pr_fence_release();
	ck_pr_store_uint(&thread->record.active, 0);
}

static inline bool vfs__epoch_inside(const struct vfs__thread *thread)
{
	return thread->record.active != 0;
}

/*
 * - Calls fn(owner, pointer, size) after a grace period.
 * - Never fails: without memory for a batch it waits for the grace period.
 * - Not inside a section; locks below rank LEAF may be held.
 */
void vfs__epoch_retire(struct vfs__thread *thread,
		       void (*fn)(struct vfs *owner, void *pointer,
				  size_t size),
		       void *pointer, size_t size);
/* - The same with nothing to be done but to give pointer, which came from
 *   vfs__mem_alloc, back. */
void vfs__epoch_free(struct vfs__thread *thread, void *pointer, size_t size);
/* - Waits a grace period and runs this thread's callbacks, those included that
 *   these callbacks retire. Not inside a section, nor in a callback. */
void vfs__epoch_synchronize(struct vfs__thread *thread);

/* - Waits until every section that is open now has ended. Runs nothing. Not
 *   inside a section; locks below rank LEAF may be held. */
void vfs__epoch_wait(struct vfs__thread *thread);

/* -- for domain.c and thread.c: a record's life -- */

void vfs__epoch_thread_init(struct vfs__thread *thread);
/* - Frees the batches beyond the embedded ones; nothing is retired any more. */
void vfs__epoch_thread_fini(struct vfs__thread *thread);
/* - Whether callbacks of this record are still to be run. */
bool vfs__epoch_pending(const struct vfs__thread *thread);
/* - In a child of fork(), when called by the thread that forked: ends the
 *   sections of the threads that were left behind. Otherwise nothing. */
void vfs__epoch_after_fork(struct vfs__thread *thread);

#endif
