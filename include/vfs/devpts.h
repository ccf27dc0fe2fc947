/* SPDX-License-Identifier: MIT */
/*
 * devpts: pseudo-terminals of the host in the tree. Opening ptmx makes one
 * (posix_openpt) and gives its master; its slave appears beside it, under the
 * number that the host gave it, as TIOCGPTN says, and is gone when the master
 * is closed. Masters and slaves are what they are on the host: unlocking
 * (TIOCSPTLCK), window size, termios, hang-up. Each mount has terminals of its
 * own, and leads to no other of the host's.
 *
 * No instance knows the type by itself, because who may open ptmx has the
 * process make descriptors and terminals: vfs_mount_type,
 * vfs_register_filesystem and <vfs/bundle.h> mount it.
 *
 * Options, as Linux's: uid=N, gid=N (whose slaves are: default the ids of who
 * opens ptmx), mode=M (their permissions: 600), ptmxmode=M (of ptmx: 000),
 * max=N (at most so many terminals), newinstance (nothing: every mount is one).
 * Anything else, and a malformed number: -EINVAL, and a line to the log.
 *
 * Opening ptmx: -ENOSPC max is reached, or the host has no more; -ENODEV the
 * host has none. Opening a slave: -EIO it is locked.
 */
#ifndef VFS_DEVPTS_H
#define VFS_DEVPTS_H

#include <vfs/base.h>

#ifdef __cplusplus
extern "C" {
#endif

struct vfs_filesystem_type;

/* The type "devpts". Since 0.1. */
extern VFS_API const struct vfs_filesystem_type vfs_devpts_type;

#ifdef __cplusplus
}
#endif

#endif
