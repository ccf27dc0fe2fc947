/* SPDX-License-Identifier: MIT */
/* The file system that the inodes of pipe2 live on; it is mounted nowhere. */
#ifndef VFS__PIPEFS_H
#define VFS__PIPEFS_H

#include <vfs/sys/backend.h>

#define VFS__PIPEFS_MAGIC 0x50495045u

extern const struct vfs_filesystem_type vfs__pipefs_type;

/* - A FIFO's inode with one reference. NULL: out of memory. */
struct vfs_inode *vfs__pipefs_inode(struct vfs_super *super, uint32_t uid,
				    uint32_t gid);

/* The same for what is no file of any type. */
#define VFS__ANONFS_MAGIC 0x09041934u

extern const struct vfs_filesystem_type vfs__anonfs_type;

/* - Its one inode, with one reference. NULL: out of memory. */
struct vfs_inode *vfs__anonfs_inode(struct vfs_super *super);

/* And for what was imported: core/hostfile.h. */
extern const struct vfs_filesystem_type vfs__importfs_type;

#endif
