/* SPDX-License-Identifier: MIT */
/* Batches of retired objects. Contract: epoch.h. */
#include "util/epoch.h"

#include <assert.h>
#include <errno.h>

#include "util/domain.h"
#include "util/domain_private.h"

#define BATCH 64u
#define RETAINED_MAX ((size_t)1 << 20)

struct vfs__batch {
	ck_epoch_entry_t entry; /* first: see batch_of */
	struct vfs__batch *next;
	struct vfs__thread *thread;
	size_t bytes;
	unsigned count;
	struct {
		void (*fn)(struct vfs *owner, void *pointer, size_t size);
		void *pointer;
		size_t size;
	} items[BATCH];
};

static struct vfs__batch *batch_alloc(struct vfs__thread *thread)
{
	struct vfs__batch *batch = thread->spare;

	if (batch) {
		thread->spare = batch->next;
	} else {
		batch = vfs__domain_alloc(thread->domain, sizeof(*batch), 64);
		if (!batch)
			return NULL;
	}
	batch->next = NULL;
	batch->thread = thread;
	batch->count = 0;
	batch->bytes = 0;
	return batch;
}

static void batch_run(ck_epoch_entry_t *entry)
{
	struct vfs__batch *batch = (struct vfs__batch *)(void *)entry;
	struct vfs__thread *thread = batch->thread;
	struct vfs *owner = thread->domain->owner;

	vfs__domain_acquire_sections(thread->domain);
	for (unsigned i = 0; i < batch->count; i++)
		batch->items[i].fn(owner, batch->items[i].pointer,
				   batch->items[i].size);
	thread->retained -= batch->bytes;
	batch->next = thread->spare;
	thread->spare = batch;
}

static void poll_batches(struct vfs__thread *thread)
{
	if (thread->polling)
		return;
	thread->polling = true;
	ck_epoch_poll(&thread->record);
	thread->polling = false;
}

/* Hands the batch that is being filled to the epoch. */
static void submit(struct vfs__thread *thread)
{
	struct vfs__batch *batch = thread->filling;

	thread->filling = NULL;
	if (batch)
		ck_epoch_call(&thread->record, &batch->entry, batch_run);
}

void vfs__epoch_retire(struct vfs__thread *thread,
		       void (*fn)(struct vfs *owner, void *pointer,
				  size_t size),
		       void *pointer, size_t size)
{
	struct vfs__batch *batch;

	assert(!vfs__epoch_inside(thread));
	while (!thread->filling) {
		thread->filling = batch_alloc(thread);
		/* no memory: what is in flight comes back after a grace
		 * period, and a callback that retires finds the reserve */
		if (!thread->filling && !thread->polling)
			vfs__epoch_synchronize(thread);
	}
	batch = thread->filling;
	batch->items[batch->count].fn = fn;
	batch->items[batch->count].pointer = pointer;
	batch->items[batch->count].size = size;
	batch->count++;
	batch->bytes += size;
	thread->retained += size;
	if (batch->count == BATCH || thread->retained > RETAINED_MAX) {
		submit(thread);
		poll_batches(thread);
	}
}

void vfs__epoch_synchronize(struct vfs__thread *thread)
{
	assert(!vfs__epoch_inside(thread) && !thread->polling);
	submit(thread);
	thread->polling = true;
	ck_epoch_barrier(&thread->record);
	thread->polling = false;
}

int vfs__epoch_thread_init(struct vfs__thread *thread, ck_epoch_t *epoch)
{
	struct vfs__batch *first;

	/* one to fill and two in reserve, so that retiring cannot fail */
	thread->spare = NULL;
	for (unsigned i = 0; i < 3; i++) {
		first = vfs__domain_alloc(thread->domain, sizeof(*first), 64);
		if (!first) {
			vfs__epoch_thread_fini(thread);
			return -ENOMEM;
		}
		first->next = thread->spare;
		thread->spare = first;
	}
	thread->filling = NULL;
	thread->retained = 0;
	thread->polling = false;
	ck_epoch_register(epoch, &thread->record, NULL);
	return 0;
}

void vfs__epoch_thread_drain(struct vfs__thread *thread)
{
	/* callbacks may retire: until nothing is left */
	do {
		vfs__epoch_synchronize(thread);
	} while (thread->filling);
}

void vfs__epoch_thread_fini(struct vfs__thread *thread)
{
	struct vfs__batch *batch;

	while ((batch = thread->spare)) {
		thread->spare = batch->next;
		vfs__domain_free(thread->domain, batch, sizeof(*batch), 64);
	}
}
