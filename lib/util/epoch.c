/* SPDX-License-Identifier: MIT */
/*
 * Batches of retired objects. Contract: epoch.h.
 *
 * A batch goes from `filling` to libck (ck_epoch_call), comes back through
 * `ready` when its grace period has passed, and is run from there: not from
 * libck's own dispatch, which would take what callbacks retire for as old as
 * what it is just dispatching.
 */
#include "util/epoch.h"

#include <assert.h>
#include <sched.h>
#include <time.h>
#include <unistd.h>

#include "util/atomic.h"
#include "util/domain_private.h"

#define BATCH_BYTES ((size_t)256 << 10) /* a batch is full at this, too */
#define SPARE_MAX (8u + 4 * WAITING_MAX)
/* Batches waiting for their grace period from which on the thread helps it
 * along by giving others the processor. */
#define SUBMITTED_HIGH (32u + 4 * WAITING_MAX)
#define HELP_ROUNDS 64u
/* A barrier on all threads interrupts them, so that it has to be worth it: as
 * many batches, or as many bytes. */
#define WAITING_MAX 64u
#define WAITING_BYTES ((size_t)2 << 20)

/* ---- batches ---- */

static void batch_reset(struct vfs__batch *batch, struct vfs__thread *thread)
{
	batch->next = NULL;
	batch->thread = thread;
	batch->count = 0;
	batch->bytes = 0;
}

static struct vfs__batch *batch_get(struct vfs__thread *thread)
{
	struct vfs__batch *batch = thread->spare;

	if (batch) {
		thread->spare = batch->next;
		thread->spare_count--;
	} else {
		batch = vfs__domain_alloc(thread->domain, sizeof(*batch), 64);
		if (!batch)
			return NULL;
		batch->embedded = false;
	}
	batch_reset(batch, thread);
	return batch;
}

static void batch_put(struct vfs__batch *batch)
{
	struct vfs__thread *thread = batch->thread;

	if (!batch->embedded && thread->spare_count >= SPARE_MAX) {
		vfs__domain_free(thread->domain, batch, sizeof(*batch), 64);
		return;
	}
	batch->next = thread->spare;
	thread->spare = batch;
	thread->spare_count++;
}

/* libck's callback: the batch's grace period has passed. */
static void batch_ready(ck_epoch_entry_t *entry)
{
	struct vfs__batch *batch = (struct vfs__batch *)(void *)entry;
	struct vfs__thread *thread = batch->thread;

	batch->next = thread->ready;
	thread->ready = batch;
	thread->submitted--;
}

/* Tells ThreadSanitizer that every section that could see what is freed now
 * has ended before. */
static void acquire_sections(const struct vfs__domain *domain)
{
#if VFS__THREAD_SANITIZER
	struct vfs__thread *thread =
		__atomic_load_n(&domain->threads, __ATOMIC_ACQUIRE);

	for (; thread; thread = thread->next)
		vfs__tsan_acquire(&thread->record);
#else
	(void)domain;
#endif
}

static inline void item_run(struct vfs__thread *thread, struct vfs *owner,
			    const struct vfs__retired *item)
{
	if (item->fn)
		item->fn(owner, item->pointer, item->size);
	else
		vfs__mem_free(thread, item->pointer, item->size);
}

VFS_HOT
static void batches_run(struct vfs__thread *thread)
{
	struct vfs *owner = thread->domain->owner;
	struct vfs__batch *batch;

	if (!thread->ready)
		return;
	acquire_sections(thread->domain);
	thread->running = true;
	while ((batch = thread->ready)) {
		thread->ready = batch->next;
		for (uint32_t i = 0; i < batch->count; i++)
			item_run(thread, owner, &batch->items[i]);
		batch_put(batch);
	}
	thread->running = false;
}

/* ---- barriers ---- */

/* Puts the batch that is being filled in the queue. */
static void batch_submit(struct vfs__thread *thread)
{
	struct vfs__batch *batch = thread->filling;

	thread->filling = NULL;
	if (!batch)
		return;
	/* A barrier that begins from now on comes after what was unlinked: if
	 * it meets this thread before the unlinking, then before this load,
	 * too, which shows it. */
	VFS__COMPILER_FENCE();
	batch->ticket = __atomic_load_n(&thread->domain->barriers_begun,
					__ATOMIC_RELAXED);
	*(thread->waiting ? &thread->waiting_last->next
			  : &thread->waiting_first) = batch;
	thread->waiting_last = batch;
	thread->waiting++;
	thread->waiting_bytes += batch->bytes;
}

/*
 * What was unlinked before is seen as such by every section that begins after
 * this, and a section that may have seen it otherwise is seen to be there. The
 * number of the barrier.
 */
static uint64_t order_sections(struct vfs__domain *domain)
{
	uint64_t number = __atomic_add_fetch(&domain->barriers_begun, 1,
					     __ATOMIC_SEQ_CST);
	uint64_t done =
		__atomic_load_n(&domain->barriers_done, __ATOMIC_RELAXED);

	vfs__barrier_force();
	while (done < number &&
	       !__atomic_compare_exchange_n(&domain->barriers_done, &done,
					    number, true, __ATOMIC_RELEASE,
					    __ATOMIC_RELAXED))
		;
	return number;
}

/*
 * Whether sections have to be put in order by a barrier. libck's own do that
 * for a symmetric domain; and while one thread alone has ever come by it is
 * that thread which retires. A second one sets `shared`, with a barrier, before
 * its first section.
 */
static bool needs_barrier(struct vfs__domain *domain)
{
	if (!domain->asymmetric)
		return false;
	/* It is never taken back; only who finds that there is no other thread
	 * has to know it, by a load that is a barrier, too. */
	return __atomic_load_n(&domain->shared, __ATOMIC_ACQUIRE) ||
	       __atomic_fetch_or(&domain->shared, 0, __ATOMIC_SEQ_CST);
}

/* Hands the batches that need no barrier any more to libck; all: they are made
 * to need none. */
static void submit_waiting(struct vfs__thread *thread, bool all)
{
	struct vfs__domain *domain = thread->domain;
	uint64_t done = UINT64_MAX;

	if (thread->waiting && needs_barrier(domain)) {
		done = __atomic_load_n(&domain->barriers_done,
				       __ATOMIC_ACQUIRE);
		if (thread->waiting_last->ticket >= done &&
		    (all || thread->waiting >= WAITING_MAX ||
		     thread->waiting_bytes >= WAITING_BYTES))
			done = order_sections(domain);
	}
	while (thread->waiting && thread->waiting_first->ticket < done) {
		struct vfs__batch *batch = thread->waiting_first;

		thread->waiting_first = batch->next;
		thread->waiting--;
		thread->waiting_bytes -= batch->bytes;
		thread->submitted++;
		ck_epoch_call(&thread->record, &batch->entry, batch_ready);
	}
}

/* ---- grace periods ---- */

struct patience {
	struct vfs__thread *thread;
	unsigned rounds;
};

/* Somebody is still inside: spins, then yields, then sleeps. A section is
 * short, so one that lasts may be that of a thread fork() left behind. */
static void wait_a_little(ck_epoch_t *epoch, ck_epoch_record_t *blocking,
			  void *context)
{
	struct patience *patience = context;
	struct timespec nap = {0, 50000};

	(void)epoch;
	(void)blocking;
	if (++patience->rounds < 64)
		return;
	if (patience->rounds < 128) {
		sched_yield();
		return;
	}
	if (patience->rounds == 128)
		vfs__epoch_after_fork(patience->thread);
	nanosleep(&nap, NULL);
}

static void wait_for_sections(struct vfs__thread *thread)
{
	struct patience patience = {thread, 0};

	ck_epoch_synchronize_wait(&thread->domain->epoch, wait_a_little,
				  &patience);
}

void vfs__epoch_wait(struct vfs__thread *thread)
{
	assert(!vfs__epoch_inside(thread));
	if (needs_barrier(thread->domain))
		order_sections(thread->domain);
	wait_for_sections(thread);
}

/* Much waits: readers that were interrupted get a chance to leave. They are
 * not waited for at any price, though: retiring is for any place. */
static void help(struct vfs__thread *thread)
{
	vfs__epoch_after_fork(thread);
	for (unsigned i = 0;
	     i < HELP_ROUNDS && thread->submitted > SUBMITTED_HIGH; i++) {
		sched_yield();
		ck_epoch_poll(&thread->record);
	}
}

static void poll_batches(struct vfs__thread *thread)
{
	submit_waiting(thread, false);
	if (!thread->submitted)
		return;
	ck_epoch_poll(&thread->record);
	if (thread->submitted > SUBMITTED_HIGH)
		help(thread);
	batches_run(thread);
}

/* The thread fills no batch: one to fill, or NULL. */
static __attribute__((noinline)) struct vfs__batch *
batch_begin(struct vfs__thread *thread)
{
	struct vfs__batch *batch = batch_get(thread);

	if (!batch && !thread->running) {
		/* brings the embedded batches back, if no callback filled
		 * them again */
		vfs__epoch_synchronize(thread);
		batch = thread->filling ? thread->filling : batch_get(thread);
	}
	thread->filling = batch;
	return batch;
}

static __attribute__((noinline)) void batch_full(struct vfs__thread *thread)
{
	batch_submit(thread);
	/* a callback retired: whoever runs it polls again */
	if (!thread->running)
		poll_batches(thread);
}

/* Without memory for a batch. */
static __attribute__((noinline)) void retire_now(struct vfs__thread *thread,
						 struct vfs__retired item)
{
	vfs__epoch_wait(thread);
	acquire_sections(thread->domain);
	item_run(thread, thread->domain->owner, &item);
}

static inline void retire(struct vfs__thread *thread,
			  void (*fn)(struct vfs *owner, void *pointer,
				     size_t size),
			  void *pointer, size_t size)
{
	struct vfs__batch *batch = thread->filling;
	uint32_t n;

	assert(!vfs__epoch_inside(thread));
	vfs__rank_retiring();
	if (__builtin_expect(!batch, 0)) {
		batch = batch_begin(thread);
		if (!batch) {
			retire_now(thread,
				   (struct vfs__retired){fn, pointer, size});
			return;
		}
	}
	n = batch->count++;
	batch->items[n].fn = fn;
	batch->items[n].pointer = pointer;
	batch->items[n].size = size;
	batch->bytes += size;
	if (__builtin_expect(n + 1 == VFS__BATCH || batch->bytes >= BATCH_BYTES,
			     0))
		batch_full(thread);
}

void vfs__epoch_retire(struct vfs__thread *thread,
		       void (*fn)(struct vfs *owner, void *pointer,
				  size_t size),
		       void *pointer, size_t size)
{
	retire(thread, fn, pointer, size);
}

VFS_HOT
void vfs__epoch_free(struct vfs__thread *thread, void *pointer, size_t size)
{
	/* nobody else is there who could be looking at it, and what is made
	 * next finds memory that is still near */
	if (vfs__alone()) {
		assert(!vfs__epoch_inside(thread));
		vfs__rank_retiring();
		vfs__mem_free(thread, pointer, size);
		return;
	}
	retire(thread, NULL, pointer, size);
}

void vfs__epoch_synchronize(struct vfs__thread *thread)
{
	assert(!vfs__epoch_inside(thread) && !thread->running);
	batch_submit(thread);
	/* whatever is retired, or nothing: the caller waits for who may see
	 * what it did until now */
	if (needs_barrier(thread->domain))
		order_sections(thread->domain);
	do {
		batch_submit(thread);
		submit_waiting(thread, true);
		wait_for_sections(thread);
		ck_epoch_reclaim(&thread->record);
		batches_run(thread);
	} while (vfs__epoch_pending(thread));
}

bool vfs__epoch_pending(const struct vfs__thread *thread)
{
	return thread->filling || thread->waiting || thread->submitted ||
	       thread->ready;
}

void vfs__epoch_after_fork(struct vfs__thread *thread)
{
	struct vfs__domain *domain = thread->domain;
	struct vfs__thread *other =
		__atomic_load_n(&domain->threads, __ATOMIC_ACQUIRE);
	pid_t pid = getpid();

	/*
	 * This thread is alive, so if its record is from another process it is
	 * the one that forked; so is the first thread of a process that finds
	 * such records. All other records of other processes belong to threads
	 * that are not here. Who else comes by cannot tell, and waits.
	 */
	if (!pthread_equal(thread->owner, pthread_self()) ||
	    (thread->pid == pid && !vfs__thread_is_main()))
		return;
	for (; other; other = other->next) {
		if (other == thread ||
		    __atomic_load_n(&other->pid, __ATOMIC_RELAXED) == pid)
			continue;
		ck_pr_store_uint(&other->record.active, 0);
	}
	__atomic_store_n(&thread->pid, pid, __ATOMIC_RELAXED);
}

void vfs__epoch_thread_init(struct vfs__thread *thread)
{
	thread->asymmetric = thread->domain->asymmetric;
	for (unsigned i = 0; i < VFS__EMBEDDED; i++) {
		thread->embedded[i].embedded = true;
		thread->embedded[i].thread = thread;
		batch_put(&thread->embedded[i]);
	}
	ck_epoch_register(&thread->domain->epoch, &thread->record, NULL);
}

void vfs__epoch_thread_fini(struct vfs__thread *thread)
{
	struct vfs__batch *batch;

	while ((batch = thread->spare)) {
		thread->spare = batch->next;
		if (!batch->embedded)
			vfs__domain_free(thread->domain, batch, sizeof(*batch),
					 64);
	}
}
