/* SPDX-License-Identifier: MIT */
/* Mounting for tests that are about what is mounted. */
#ifndef TEST_MOUNTING_H
#define TEST_MOUNTING_H

#include <sys/mount.h>

#include <vfs/sys/backend.h>

#include "core/task.h"
#include "core/walk.h"
#include "support/check.h"
#include "util/epoch.h"

/* Source and options: none. */
static inline void mount_type_at(struct vfs_task *task, const char *type,
				 const char *path)
{
	check_ok(vfs_mount(task, type, path, type, 0, NULL));
}

/* Nobody uses it any more. */
static inline void unmount_it(struct vfs_task *task, const char *path)
{
	check_ok(vfs_umount2(task, path, 0));
}

#endif
