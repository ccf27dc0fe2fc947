/* SPDX-License-Identifier: MIT */
/* Layers of other file systems. Contract: layer.h. */
#include "core/layer.h"

#include <errno.h>

#include "core/attr.h"
#include "core/inode.h"
#include "core/mount_calls.h"
#include "core/mount_fd.h"
#include "core/mount_tree.h"
#include "core/propagate.h"

int vfs__layer_open(struct vfs__thread *thread, struct vfs_task *layers,
		    struct vfs_task *from, const struct vfs__path *at,
		    uint32_t flags)
{
	const uint32_t times =
		VFS__MNT_RELATIME | VFS__MNT_NODIRATIME | VFS__MNT_NOATIME;
	const uint32_t readonly =
		flags & VFS_LAYER_READONLY ? VFS__MNT_RDONLY : 0;
	struct vfs__path root = *at;
	struct vfs_mount *copy;
	int err;

	if (flags & VFS_LAYER_WHOLE)
		root.dentry = at->mnt->root;
	vfs__tree_lock(layers->vfs);
	err = vfs__bind_copy(thread, from, &root, false, &copy);
	if (!err) {
		vfs__peers_leave(thread, copy);
		vfs__mount_set_flags(copy, times | readonly,
				     VFS__MNT_NOATIME | readonly);
	}
	vfs__tree_unlock(layers->vfs);
	return err ? err
		   : vfs__mount_fd_detached_at(thread, layers, copy, at->dentry,
					       0, false);
}

int vfs__layer_open_beside(struct vfs__thread *thread, struct vfs_task *layers,
			   int beside, const struct vfs__path *at)
{
	struct vfs_file *file = vfs__fd_get(thread, layers, beside);
	struct vfs__path place;
	int fd = -EXDEV;

	if (!file)
		return -EBADF;
	place.mnt = file->path.mnt;
	place.dentry = at->dentry;
	if (place.mnt->super == at->mnt->super &&
	    vfs__dentry_below(thread, layers->vfs, at->dentry,
			      place.mnt->root)) {
		vfs__path_ref(thread, &place);
		fd = vfs__mount_fd_install(thread, layers, &place, NULL, false);
	}
	vfs__file_unref(thread, file);
	return fd;
}

int vfs__layer_info(const struct vfs_file *file, struct vfs_layer_info *info)
{
	const struct vfs_super *super = file->inode->super;

	if (info->size < sizeof(*info))
		return -EINVAL;
	info->dev = super->dev;
	info->type_flags = super->type->flags;
	info->super_flags = VFS_READ_ONCE(super->flags);
	info->inode_flags = VFS_READ_ONCE(file->inode->flags);
	info->name_max = super->name_max;
	info->depth = super->depth;
	info->readonly = vfs__mount_readonly(file->path.mnt);
	return 0;
}

int vfs__layer_claim(struct vfs_inode *inode)
{
	uint32_t before = __atomic_fetch_or(&inode->flags, VFS_INODE_CLAIMED,
					    __ATOMIC_ACQ_REL);

	return before & VFS_INODE_CLAIMED ? -EBUSY : 0;
}

int vfs__layer_setattr(struct vfs__thread *thread, struct vfs_inode *inode,
		       const struct vfs_attr *attr)
{
	int err;

	if ((attr->mask & VFS_ATTR_FLAGS) &&
	    !(VFS_READ_ONCE(inode->super->flags) & VFS_SUPER_FLAGS))
		return -EOPNOTSUPP;
	vfs__inode_lock(inode);
	err = vfs__inode_refresh(thread, inode);
	if (!err)
		err = vfs__setattr(inode, attr);
	vfs__inode_unlock(inode);
	return err;
}

int vfs__layer_accessed(struct vfs_inode *inode)
{
	vfs__inode_accessed_strictly(inode);
	return 0;
}

int vfs__layer_mmap(struct vfs_file *file, int *host_fd)
{
	struct vfs_inode *inode = file->inode;
	int err;

	if ((vfs__file_mode(file) & (VFS__FILE_DIR | VFS__FILE_SPECIAL)) ||
	    !VFS__HAS_OP(inode->ops, mmap))
		return -ENODEV;
	vfs__inode_lock(inode);
	err = inode->ops->mmap(inode, file, host_fd);
	vfs__inode_unlock(inode);
	return err;
}

void vfs__layer_mmap_sync(struct vfs_inode *inode)
{
	if (!VFS__HAS_OP(inode->ops, mmap_sync))
		return;
	vfs__inode_lock(inode);
	inode->ops->mmap_sync(inode);
	vfs__inode_unlock(inode);
}
