/* SPDX-License-Identifier: MIT */
/* Mounting for tests: what is mounted is taken off before the instance ends. */
#ifndef TEST_MOUNTING_H
#define TEST_MOUNTING_H

#include <sys/mount.h>
#include <vfs/mount.h>

#include "support/check.h"

static inline void mount_type_at(struct vfs_task *task, const char *type,
				 const char *path)
{
	check_ok(vfs_mount(task, type, path, type, 0, NULL));
}

static inline void mount_flags(struct vfs_task *task, const char *path,
			       uint64_t flags)
{
	check_ok(vfs_mount(task, NULL, path, NULL, MS_REMOUNT | MS_BIND | flags,
			   NULL));
}

/* Nobody uses it any more. */
static inline void unmount_it(struct vfs_task *task, const char *path)
{
	check_ok(vfs_umount2(task, path, 0));
}

#endif
