/* SPDX-License-Identifier: MIT */
/*
 * Calls that a backend makes inside an operation, on file systems below its
 * own, and faults that tests make: services, see <vfs/sys/backend.h>.
 *
 * What a thread's record says of the present call is saved and put back; its
 * time is that of the calls inside as well, because they are one call to who
 * made it.
 * While it nests, no function of the embedder's is told of events, and nothing
 * is trimmed, because the outer call holds locks. Ranks are compared among
 * the locks of one level (docs/locking.md).
 */
#include <assert.h>

#include "core/instance.h"
#include "util/epoch.h"
#include "util/lock.h"
#include "util/time.h"

enum {
	TASK,
	FRESH,
	NOW_VALID,
	NOW_SEC,
	NOW_NSEC,
	RANKS
};

void vfs_nest_begin(struct vfs *vfs, struct vfs_nesting *outer)
{
	struct vfs__thread *thread = vfs__self_always(vfs);

	assert(!vfs__epoch_inside(thread));
	outer->state[TASK] = (uintptr_t)thread->task;
	outer->state[FRESH] = (uintptr_t)thread->fresh;
	outer->state[NOW_VALID] = thread->now_valid;
	outer->state[NOW_SEC] = (uint64_t)thread->now.sec;
	outer->state[NOW_NSEC] = thread->now.nsec;
	outer->state[RANKS] = vfs__rank_nest();
	thread->nesting++;
	thread->keep_now = true;
}

void vfs_nest_end(struct vfs *vfs, const struct vfs_nesting *outer)
{
	struct vfs__thread *thread = vfs__self_always(vfs);

	assert(thread->nesting);
	thread->nesting--;
	thread->keep_now = thread->nesting;
	vfs__rank_unnest((uint32_t)outer->state[RANKS]);
	thread->now.sec = (int64_t)outer->state[NOW_SEC];
	thread->now.nsec = (uint32_t)outer->state[NOW_NSEC];
	thread->now_packed = vfs__time_pack(&thread->now);
	thread->now_valid = outer->state[NOW_VALID];
	thread->fresh =
		(const struct vfs_inode *)(uintptr_t)outer->state[FRESH];
	thread->task = (struct vfs_task *)(uintptr_t)outer->state[TASK];
}

int vfs_fault(struct vfs *vfs, const char *call)
{
	int err = vfs->fault ? vfs->fault(vfs->fault_context, call) : 0;

	/* what is more than 0 would be taken for a descriptor or a count */
	return err > 0 ? -err : err;
}
