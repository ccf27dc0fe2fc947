/* SPDX-License-Identifier: MIT */
/*
 * The tasks of an instance, by number. Under the lock a task that is found
 * cannot end: its end begins with leaving the table. Who needs it for longer
 * takes a reference, and gives it back without a lock.
 */
#ifndef VFS__TASKS_H
#define VFS__TASKS_H

#include "core/task.h"

/* - Cannot fail; the task is complete, and gets its number. */
void vfs__tasks_add(struct vfs_task *task);
/* - First of all when the task ends. */
void vfs__tasks_remove(struct vfs_task *task);
/* - The task of that number, referenced, or NULL. */
struct vfs_task *vfs__tasks_get(struct vfs *vfs, int32_t id);

#endif
