/* SPDX-License-Identifier: MIT */
/*
 * Mount points, also where a file system cannot or must not be written:
 * synthetic ones live in memory only, in a directory of any file system. In a
 * synthetic directory nothing can be made but synthetic entries (else -EPERM);
 * listings show them like others; they go with their file system's last mount;
 * and where the file system has or gets a real entry of the name, that one is
 * seen. They are removed by unlink and rmdir, and cannot be renamed or linked
 * (-EPERM).
 */
#ifndef VFS_MOUNTPOINT_H
#define VFS_MOUNTPOINT_H

#include <vfs/base.h>

#ifdef __cplusplus
extern "C" {
#endif

/* vfs_mkdirat2: a synthetic directory, on a read-only mount too. */
#define VFS_MKDIR_SYNTHETIC 0x1u

/*
 * As vfs_mkdirat, with flags (VFS_MKDIR_*). A synthetic directory belongs to
 * the task's ids for files and has the permissions mode & ~umask & 01777;
 * write permission on its parent is not needed.
 *
 * Returns 0 or what vfs_mkdirat returns, and: -EINVAL an unknown flag; for a
 * synthetic directory never -EROFS and -EACCES because of writing, but -EPERM:
 * the task may not mount (CAP_SYS_ADMIN in the user namespace that owns its
 * mount namespace). Any thread. Since 0.1. See mkdir(2).
 */
VFS_API int vfs_mkdirat2(struct vfs_task *task, int dirfd, const char *path,
			 uint32_t mode, uint32_t flags);

/* vfs_make_mountpoint */
#define VFS_MOUNTPOINT_FILE 0x1u /* the last component: else a directory */
/* What is missing is made synthetic, even where the file system could. */
#define VFS_MOUNTPOINT_SYNTHETIC 0x2u

/*
 * Makes sure that path is there to be mounted on: its last component and
 * missing parents are made, directories with mode 0755, a file empty with mode
 * 0644, less the umask. What the file system cannot hold (-EROFS, -EACCES,
 * -EPERM, -EOPNOTSUPP, -ENOSPC, -EDQUOT) is made synthetic. What exists stays
 * as it is; symbolic links are followed.
 *
 * Returns 0 or: -EINVAL an unknown flag; -EFAULT path is NULL; -ENOENT path is
 * empty, or a dangling link; -ENOTDIR a component, or with flags 0 the last
 * one, is no directory; -EISDIR VFS_MOUNTPOINT_FILE, and a directory is there;
 * -EPERM a synthetic entry is needed and the task may not mount; any
 * error of path resolution; -ENOMEM. A failed call leaves nothing behind.
 * Any thread. Since 0.1.
 */
VFS_API int vfs_make_mountpoint(struct vfs_task *task, const char *path,
				uint32_t flags);

#ifdef __cplusplus
}
#endif

#endif
