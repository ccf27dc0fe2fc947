/* SPDX-License-Identifier: MIT */
/*
 * tmpfs: files in memory, as Linux's tmpfs(5) has them. Every instance has
 * registered the type as "tmpfs"; it is what an instance's first root is
 * unless its configuration says otherwise.
 *
 * Options, separated by commas: size=BYTES (suffix k, m, g, t, p, e, or % of
 * the machine's memory; default 50%; 0: no limit), nr_blocks=PAGES,
 * nr_inodes=COUNT (default: half the machine's pages; 0: no limit),
 * mode=OCTAL (default 1777), uid=ID, gid=ID (numbers of the user namespace that
 * mounts; default: the mounter's). Accepted
 * and without effect here: huge=never|always|within_size|advise, mpol=POLICY,
 * inode32, inode64, noswap. Anything else, and a number that is malformed or
 * does not fit: -EINVAL, and a line to the log.
 */
#ifndef VFS_TMPFS_H
#define VFS_TMPFS_H

#include <vfs/base.h>

#ifdef __cplusplus
extern "C" {
#endif

struct vfs_filesystem_type;

/* For vfs_register_filesystem under the name "tmpfs". Since 0.1. */
extern VFS_API const struct vfs_filesystem_type vfs_tmpfs_type;

#ifdef __cplusplus
}
#endif

#endif
