/* SPDX-License-Identifier: MIT */
/* Making a path to mount on, with its missing parents. */
#ifndef VFS__MOUNTPOINT_H
#define VFS__MOUNTPOINT_H

#include <vfs/mountpoint.h>

#include "core/task.h"

/* - As vfs_make_mountpoint, of a path that is one and known flags. */
int vfs__make_mountpoint(struct vfs__thread *thread, struct vfs_task *task,
			 const char *path, uint32_t flags);

#endif
