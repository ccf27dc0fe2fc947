/* SPDX-License-Identifier: MIT */
/* An empty directory, on the synthetic layer. Contract: <vfs/sysfs.h>. */
#include <sys/stat.h>

#include <vfs/sys/synthetic.h>
#include <vfs/sysfs.h>

/* "none" */
#define NO_SYSFS_MAGIC 0x6e6f6e65

static const struct vfs_synthetic_node root = {
	.size = sizeof(root),
	.mode = S_IFDIR | 0555,
	.flags = VFS_SYNTHETIC_FLAT,
};

static const struct vfs_synthetic_tree tree = {
	.size = sizeof(tree),
	.magic = NO_SYSFS_MAGIC,
	.root = &root,
};

static int sysfs_mount(struct vfs_super *super,
		       const struct vfs_mount_args *args,
		       struct vfs_inode **out)
{
	return vfs_synthetic_mount(super, args, &tree, out);
}

const struct vfs_filesystem_type vfs_sysfs_type = {
	.size = sizeof(vfs_sysfs_type),
	.name = "sysfs",
	.inode_size = VFS_SYNTHETIC_INODE_SIZE,
	.super_size = VFS_SYNTHETIC_SUPER_SIZE,
	.mount = sysfs_mount,
	.unmount = vfs_synthetic_unmount,
};
