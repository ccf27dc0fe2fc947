/* SPDX-License-Identifier: MIT */
/* How every call begins. */
#ifndef VFS__CALL_H
#define VFS__CALL_H

#include <errno.h>

#include "core/instance.h"
#include "core/task.h"

/* The calling thread's record for task's instance: 0, -EFAULT for a NULL task,
 * -ENOMEM when this thread comes by for the first time and there is none. */
static inline int vfs__enter(struct vfs_task *task, struct vfs__thread **thread)
{
	if (__builtin_expect(!task, 0))
		return -EFAULT;
	*thread = vfs__thread_peek_id(task->domain_id);
	if (__builtin_expect(!*thread, 0)) {
		*thread = vfs__self(task->vfs);
		if (!*thread)
			return -ENOMEM;
	}
	(*thread)->now_valid &= (*thread)->keep_now;
	(*thread)->fresh = NULL;
	(*thread)->task = task;
	return 0;
}

#endif
