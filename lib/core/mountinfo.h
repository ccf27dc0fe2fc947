/* SPDX-License-Identifier: MIT */
/* The mounts of a task as text: /proc/PID/mountinfo and /proc/PID/mounts. */
#ifndef VFS__MOUNTINFO_H
#define VFS__MOUNTINFO_H

#include "core/task.h"

/*
 * - The mounts of task's namespace that are below its root, a line each;
 *   mounts_form: as /proc/PID/mounts.
 * - *out is NUL-terminated, *len without the NUL; its memory is the caller's to
 *   give back: vfs__mem_free(thread, *out, *len + 1).
 * - 0, -ENOMEM. Takes the namespace's lock.
 */
int vfs__mountinfo(struct vfs__thread *thread, struct vfs_task *task,
		   bool mounts_form, char **out, size_t *len);

#endif
