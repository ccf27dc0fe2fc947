/* SPDX-License-Identifier: MIT */
/* Contract: run.h. */
#include "util/run.h"

#define RUN 256u

VFS_HOT
uint64_t vfs__run_next(struct vfs__thread *thread, uint64_t key, uint64_t *next)
{
	unsigned i = 0;

	while (i < VFS__NUMBER_RUNS && thread->runs[i].key != key)
		i++;
	if (i == VFS__NUMBER_RUNS) {
		i = thread->run_victim++ % VFS__NUMBER_RUNS;
		thread->runs[i].key = key;
		thread->runs[i].next = thread->runs[i].end = 0;
	}
	if (thread->runs[i].next == thread->runs[i].end) {
		thread->runs[i].next =
			__atomic_fetch_add(next, RUN, __ATOMIC_RELAXED);
		thread->runs[i].end = thread->runs[i].next + RUN;
	}
	return thread->runs[i].next++;
}
