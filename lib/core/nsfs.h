/* SPDX-License-Identifier: MIT */
/* Files that stand for namespaces; mounted nowhere, bound at will. */
#ifndef VFS__NSFS_H
#define VFS__NSFS_H

#include "core/namespace.h"

#define VFS__NSFS_MAGIC 0x6e736673u

extern const struct vfs_filesystem_type vfs__nsfs_type;
/* What the first namespace's root is mounted on, so that it can be moved away
 * (pivot_root): an empty directory that nobody sees. */
extern const struct vfs_filesystem_type vfs__rootfs_type;

/* - A place whose file is ns, which gets a reference of the file's own;
 *   referenced. 0, -ENOMEM. */
int vfs__nsfs_path(struct vfs__thread *thread, struct vfs__namespace *ns,
		   struct vfs__path *out);
/* - The same for a user namespace; each has files of its own number. */
int vfs__nsfs_user_path(struct vfs__thread *thread, struct vfs_userns *userns,
			struct vfs__path *out);
/* - d is being freed; its inode, which has VFS_INODE_HANDLE, may live on: who
 *   watches it keeps it. */
void vfs__nsfs_forget(const struct vfs_dentry *d);
/* - The namespace that a file stands for, or NULL. */
struct vfs__namespace *vfs__nsfs_namespace(const struct vfs_inode *inode);
struct vfs_userns *vfs__nsfs_userns(const struct vfs_inode *inode);

static inline bool vfs__nsfs_is_mount_ns(const struct vfs_dentry *dentry)
{
	return vfs__nsfs_namespace(dentry->inode) != NULL;
}

static inline bool vfs__nsfs_is_ns(const struct vfs_dentry *dentry)
{
	return vfs__nsfs_is_mount_ns(dentry) ||
	       vfs__nsfs_userns(dentry->inode) != NULL;
}

#endif
