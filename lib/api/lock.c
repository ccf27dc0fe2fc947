/* SPDX-License-Identifier: MIT */
/* flock and the record locks of fcntl. */
#include <vfs/lock.h>

#include "api/call.h"
#include "core/lock.h"

int vfs_flock(struct vfs_task *task, int fd, int operation)
{
	struct vfs__thread *thread;
	int err = vfs__enter(task, &thread);

	return err ? err : vfs__flock(thread, task, fd, operation);
}

int vfs_fcntl_lock(struct vfs_task *task, int fd, int cmd,
		   struct vfs_flock *lock)
{
	struct vfs__thread *thread;
	int err = vfs__enter(task, &thread);

	return err ? err : vfs__record_lock(thread, task, fd, cmd, lock);
}
