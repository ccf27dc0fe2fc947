/* SPDX-License-Identifier: MIT */
/*
 * sysfs: an empty directory in the place of one. There are no kernel objects
 * to be shown, and what stands in a container's description as sysfs at /sys
 * has to be mountable all the same, to be a place for other mounts and to keep
 * what the root file system has there from being written. Nothing can be made
 * in it (-EPERM) but mount points in memory; statfs shows a number of its own
 * and not sysfs', so that a program that asks finds that it has none.
 *
 * No instance knows the type by itself: vfs_mount_type, vfs_register_filesystem
 * and <vfs/bundle.h> mount it. It has no options: any is -EINVAL, and a line to
 * the log.
 */
#ifndef VFS_SYSFS_H
#define VFS_SYSFS_H

#include <vfs/base.h>

#ifdef __cplusplus
extern "C" {
#endif

struct vfs_filesystem_type;

/* The type "sysfs". Since 0.1. */
extern VFS_API const struct vfs_filesystem_type vfs_sysfs_type;

#ifdef __cplusplus
}
#endif

#endif
