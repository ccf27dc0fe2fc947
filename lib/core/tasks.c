/* SPDX-License-Identifier: MIT */
/* The table of tasks, and what <vfs/sys/task.h> tells of them while nobody
 * holds one. Contract: tasks.h. */
#include "core/tasks.h"

#include <errno.h>
#include <vfs/sys/task.h>

#include "core/perm.h"
#include "util/epoch.h"

/* linux/capability.h's CAP_SYS_PTRACE: no call on files asks for it */
#define CAP_PTRACE 19

static void lock(struct vfs *vfs)
{
	vfs__mutex_lock(&vfs->tasks_lock, VFS__RANK_LEAF);
}

static void unlock(struct vfs *vfs)
{
	vfs__mutex_unlock(&vfs->tasks_lock, VFS__RANK_LEAF);
}

/* ---- the tree: ordered by number, a heap by rank ---- */

/* As good as random, so that the tree is flat whatever numbers there are. */
static uint32_t rank(const struct vfs_task *task)
{
	uint32_t n = (uint32_t)task->id;

	n = (n ^ n >> 16) * UINT32_C(0x85ebca6b);
	n = (n ^ n >> 13) * UINT32_C(0xc2b2ae35);
	return n ^ n >> 16;
}

/* Locked; NULL: none. */
static struct vfs_task *find(struct vfs *vfs, int32_t id)
{
	struct vfs_task *task = vfs->tasks;

	while (task && task->id != id)
		task = task->id < id ? task->above : task->below;
	return task;
}

/* Takes tree apart into what is below id and what is above it. */
static void split(struct vfs_task *tree, int32_t id, struct vfs_task **below,
		  struct vfs_task **above)
{
	while (tree) {
		if (tree->id < id) {
			*below = tree;
			below = &tree->above;
			tree = tree->above;
		} else {
			*above = tree;
			above = &tree->below;
			tree = tree->below;
		}
	}
	*below = *above = NULL;
}

static void insert(struct vfs *vfs, struct vfs_task *task)
{
	struct vfs_task **link = &vfs->tasks;

	while (*link && rank(*link) >= rank(task))
		link = (*link)->id < task->id ? &(*link)->above
					      : &(*link)->below;
	split(*link, task->id, &task->below, &task->above);
	*link = task;
}

static void take_out(struct vfs *vfs, struct vfs_task *task)
{
	struct vfs_task *below = task->below, *above = task->above;
	struct vfs_task **link = &vfs->tasks;

	while (*link != task)
		link = (*link)->id < task->id ? &(*link)->above
					      : &(*link)->below;
	while (below && above) {
		if (rank(below) >= rank(above)) {
			*link = below;
			link = &below->above;
			below = below->above;
		} else {
			*link = above;
			link = &above->below;
			above = above->below;
		}
	}
	*link = below ? below : above;
}

/* ---- numbers ---- */

/* Locked. When all have been given, those that are free again; 0 is nobody's.
 */
static int32_t next_id(struct vfs *vfs)
{
	int32_t id;

	do {
		id = (int32_t)(++vfs->next_task & INT32_MAX);
	} while (!id || (vfs->next_task > INT32_MAX && find(vfs, id)));
	return id;
}

void vfs__tasks_add(struct vfs_task *task)
{
	lock(task->vfs);
	task->id = next_id(task->vfs);
	insert(task->vfs, task);
	unlock(task->vfs);
}

void vfs__tasks_remove(struct vfs_task *task)
{
	lock(task->vfs);
	take_out(task->vfs, task);
	unlock(task->vfs);
}

struct vfs_task *vfs__tasks_get(struct vfs *vfs, int32_t id)
{
	struct vfs_task *task;
	uint32_t ref = 0;

	lock(vfs);
	task = find(vfs, id);
	if (task)
		ref = VFS_READ_ONCE(task->ref);
	while (ref &&
	       !__atomic_compare_exchange_n(&task->ref, &ref, ref + 1, true,
					    __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
		;
	unlock(vfs);
	return ref ? task : NULL;
}

int32_t vfs_task_next(struct vfs *vfs, int32_t after)
{
	const struct vfs_task *task;
	int32_t lowest = 0;

	lock(vfs);
	for (task = vfs->tasks; task;
	     task = task->id > after ? task->below : task->above)
		if (task->id > after)
			lowest = task->id;
	unlock(vfs);
	return lowest;
}

/* ---- what others may know of a task ---- */

int vfs_task_owner(struct vfs *vfs, int32_t id, uint32_t *uid, uint32_t *gid)
{
	struct vfs__thread *thread = vfs__self(vfs);
	struct vfs_task *task;

	if (!thread)
		return -ENOMEM;
	lock(vfs);
	task = find(vfs, id);
	if (task) {
		vfs__epoch_enter(thread);
		*uid = vfs__task_cred_peek(task)->fsuid;
		*gid = vfs__task_cred_peek(task)->fsgid;
		vfs__epoch_leave(thread);
	}
	unlock(vfs);
	return task ? 0 : -ESRCH;
}

static bool may_inspect(const struct vfs_cred *cred,
			const struct vfs_cred *other)
{
	if (vfs__capable_in(cred, other->userns, CAP_PTRACE))
		return true;
	return cred->userns == other->userns && cred->fsuid == other->uid &&
	       cred->fsuid == other->fsuid && cred->fsgid == other->gid &&
	       cred->fsgid == other->fsgid &&
	       !(other->cap_permitted & ~cred->cap_effective);
}

int vfs_task_inspect(struct vfs *vfs, int32_t id)
{
	struct vfs__thread *thread = vfs__self(vfs);
	struct vfs_task *caller, *task;
	int err = 0;

	if (!thread)
		return -ENOMEM;
	caller = thread->task;
	lock(vfs);
	task = find(vfs, id);
	if (!task) {
		err = -ESRCH;
	} else if (!caller) {
		err = -EACCES; /* nobody asks */
	} else if (task != caller) {
		vfs__epoch_enter(thread);
		if (!may_inspect(vfs__task_cred_peek(caller),
				 vfs__task_cred_peek(task)))
			err = -EACCES;
		vfs__epoch_leave(thread);
	}
	unlock(vfs);
	return err;
}

int vfs_task_next_fd(struct vfs *vfs, int32_t id, int after)
{
	struct vfs__thread *thread = vfs__self(vfs);
	struct vfs_task *task;
	int fd = -ESRCH;

	if (!thread)
		return -ENOMEM;
	if (after < -1 || after == INT32_MAX)
		return -EBADF;
	lock(vfs);
	task = find(vfs, id);
	if (task)
		fd = vfs__fd_next(thread, task, (uint32_t)(after + 1));
	unlock(vfs);
	return fd;
}
