/* SPDX-License-Identifier: MIT */
/*
 * devfs: the device nodes of an instance, as /dev has them: null, zero, full,
 * random, urandom, tty, and whatever else is in the registry of
 * <vfs/sys/device.h>, as soon as it is there; the links fd, stdin, stdout and
 * stderr, which lead into a procfs at /proc. Its names are what they are;
 * directories to mount on can be added with vfs_make_mountpoint.
 *
 * Every instance has registered the type as "devtmpfs". It has no options:
 * any is -EINVAL, and a line to the log.
 */
#ifndef VFS_DEVFS_H
#define VFS_DEVFS_H

#include <vfs/base.h>

#ifdef __cplusplus
extern "C" {
#endif

struct vfs_filesystem_type;

/* For vfs_register_filesystem under the name "devtmpfs". Since 0.1. */
extern VFS_API const struct vfs_filesystem_type vfs_devfs_type;

#ifdef __cplusplus
}
#endif

#endif
