/* SPDX-License-Identifier: MIT */
/* Where anonymous pipes live, and what has no type of its own. Contract:
 * pipefs.h. */
#include "core/pipefs.h"

#include <errno.h>
#include <sys/stat.h>

#include "core/hostfile.h"
#include "core/inotify.h"

static int pipefs_statfs(struct vfs_super *super, struct vfs_statfs *out)
{
	out->type = super->magic;
	out->bsize = super->block_size;
	out->blocks = out->bfree = out->bavail = 0;
	out->files = out->ffree = 0;
	return 0;
}

/* The root has no names, and nobody comes by to read them. */
static int pipefs_iterate(struct vfs_inode *dir, struct vfs_file *file,
			  struct vfs_dir_context *context)
{
	(void)dir;
	(void)file;
	(void)context;
	return 0;
}

static const struct vfs_super_ops pipefs_super_ops = {
	.size = sizeof(struct vfs_super_ops),
	.statfs = pipefs_statfs,
};

static const struct vfs_inode_ops pipefs_root_ops = {
	.size = sizeof(struct vfs_inode_ops),
	.iterate = pipefs_iterate,
};

/* Everything that a pipe can do is the core's. */
static const struct vfs_inode_ops pipefs_pipe_ops = {
	.size = sizeof(struct vfs_inode_ops),
};

static int mount_magic(struct vfs_super *super, uint64_t magic,
		       struct vfs_inode **root)
{
	super->ops = &pipefs_super_ops;
	super->magic = magic;
	super->block_size = VFS_PAGE_SIZE;
	*root = vfs_inode_create(super, &pipefs_root_ops, 1, S_IFDIR | 0600);
	return *root ? 0 : -ENOMEM;
}

static int pipefs_mount(struct vfs_super *super,
			const struct vfs_mount_args *args,
			struct vfs_inode **root)
{
	(void)args;
	return mount_magic(super, VFS__PIPEFS_MAGIC, root);
}

const struct vfs_filesystem_type vfs__pipefs_type = {
	.size = sizeof(struct vfs_filesystem_type),
	.name = "pipefs",
	.flags = VFS_FS_COMPLETE | VFS_FS_NONBLOCKING,
	.mount = pipefs_mount,
};

struct vfs_inode *vfs__pipefs_inode(struct vfs_super *super, uint32_t uid,
				    uint32_t gid)
{
	struct vfs_inode *inode =
		vfs_inode_create(super, &pipefs_pipe_ops,
				 vfs_super_next_ino(super), S_IFIFO | 0600);

	if (inode) {
		inode->uid = uid;
		inode->gid = gid;
		inode->btime_packed = INT64_MIN; /* statx tells none */
	}
	return inode;
}

/* ---- neither file nor pipe ---- */

static int anonfs_mount(struct vfs_super *super,
			const struct vfs_mount_args *args,
			struct vfs_inode **root)
{
	(void)args;
	return mount_magic(super, VFS__ANONFS_MAGIC, root);
}

const struct vfs_filesystem_type vfs__anonfs_type = {
	.size = sizeof(struct vfs_filesystem_type),
	.name = "anon_inodefs",
	.flags = VFS_FS_COMPLETE,
	.mount = anonfs_mount,
};

/* All share one inode, whose attributes are nobody's to change. */
static int anon_setattr(struct vfs_inode *inode, const struct vfs_attr *attr)
{
	(void)inode;
	(void)attr;
	return -EOPNOTSUPP;
}

static void anon_release(struct vfs_inode *inode, struct vfs_file *file)
{
	struct vfs__thread *thread = vfs__self_always(inode->super->vfs);

	if (vfs__file_mode(file) & VFS__FILE_NOTIFY)
		vfs__inotify_release(thread, file);
}

static const struct vfs_inode_ops anon_ops = {
	.size = sizeof(struct vfs_inode_ops),
	.release = anon_release,
	.setattr = anon_setattr,
};

struct vfs_inode *vfs__anonfs_inode(struct vfs_super *super)
{
	struct vfs_inode *inode = vfs_inode_create(
		super, &anon_ops, vfs_super_next_ino(super), 0600);

	if (inode)
		inode->btime_packed = INT64_MIN;
	return inode;
}

/* ---- descriptors of the host ---- */

const struct vfs_filesystem_type vfs__importfs_type = {
	.size = sizeof(struct vfs_filesystem_type),
	.name = "importfs",
	.flags = VFS_FS_COMPLETE,
	.inode_size = sizeof(struct vfs__hostfile),
	.mount = anonfs_mount,
};
