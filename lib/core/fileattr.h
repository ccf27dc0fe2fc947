/* SPDX-License-Identifier: MIT */
/*
 * Inode flags: FS_IOC_GETFLAGS, FS_IOC_SETFLAGS and their FSXATTR forms, and
 * the other requests that every file system answers alike. What the flags
 * forbid is with each call: vfs__permission, vfs__inode_is_fixed (perm.h).
 */
#ifndef VFS__FILEATTR_H
#define VFS__FILEATTR_H

#include "core/file.h"

/* - 0, an error as ioctl_xfs_fsgetxattr(2) and FS_IOC_SETFLAGS(2const) have
 *   them, or -ENOTTY: another request, or not for this file. File referenced,
 *   not in a section; takes the mount's write access and the inode's lock. */
int vfs__fileattr_ioctl(struct vfs__thread *thread, const struct vfs_cred *cred,
			struct vfs_file *file, uint64_t request, void *arg);

#endif
