/* SPDX-License-Identifier: MIT */
/* Files that stand for namespaces. Contract: nsfs.h. */
#include "core/nsfs.h"

#include <errno.h>
#include <sys/stat.h>

#include "util/epoch.h"

static int nsfs_statfs(struct vfs_super *super, struct vfs_statfs *out)
{
	out->type = super->magic;
	out->bsize = super->block_size;
	out->blocks = out->bfree = out->bavail = 0;
	out->files = out->ffree = 0;
	return 0;
}

static int nsfs_iterate(struct vfs_inode *dir, struct vfs_file *file,
			struct vfs_dir_context *context)
{
	(void)dir;
	(void)file;
	(void)context;
	return 0;
}

static struct vfs__namespace **slot(const struct vfs_inode *inode)
{
	return vfs_inode_private(inode);
}

static void nsfs_evict(struct vfs_inode *inode)
{
	struct vfs__namespace *ns = *slot(inode);

	if (!ns)
		return;
	vfs__mutex_lock(&ns->vfs->mounts.zombie_lock, VFS__RANK_LEAF);
	if (ns->file && ns->file->inode == inode)
		ns->file = NULL;
	vfs__mutex_unlock(&ns->vfs->mounts.zombie_lock, VFS__RANK_LEAF);
	vfs__namespace_unref_later(ns);
}

static const struct vfs_super_ops nsfs_super_ops = {
	.size = sizeof(struct vfs_super_ops),
	.statfs = nsfs_statfs,
	.evict = nsfs_evict,
};

static const struct vfs_inode_ops nsfs_root_ops = {
	.size = sizeof(struct vfs_inode_ops),
	.iterate = nsfs_iterate,
};

static int nsfs_refuse(struct vfs_inode *inode, const struct vfs_attr *attr)
{
	(void)inode;
	(void)attr;
	return -EPERM;
}

static const struct vfs_inode_ops nsfs_file_ops = {
	.size = sizeof(struct vfs_inode_ops),
	.setattr = nsfs_refuse,
};

static int nsfs_mount(struct vfs_super *super,
		      const struct vfs_mount_args *args,
		      struct vfs_inode **root)
{
	(void)args;
	super->ops = &nsfs_super_ops;
	super->magic = VFS__NSFS_MAGIC;
	super->block_size = VFS_PAGE_SIZE;
	*root = vfs_inode_create(super, &nsfs_root_ops, 1, S_IFDIR | 0555);
	return *root ? 0 : -ENOMEM;
}

const struct vfs_filesystem_type vfs__nsfs_type = {
	.size = sizeof(struct vfs_filesystem_type),
	.name = "nsfs",
	.flags = VFS_FS_COMPLETE | VFS_FS_NONBLOCKING,
	.inode_size = sizeof(struct vfs__namespace *),
	.mount = nsfs_mount,
};

const struct vfs_filesystem_type vfs__rootfs_type = {
	.size = sizeof(struct vfs_filesystem_type),
	.name = "rootfs",
	.flags = VFS_FS_COMPLETE | VFS_FS_NONBLOCKING,
	.inode_size = sizeof(struct vfs__namespace *),
	.mount = nsfs_mount,
};

/* The dentry that is there, referenced, or NULL. */
static struct vfs_dentry *find_file(struct vfs__thread *thread,
				    struct vfs__namespace *ns)
{
	struct vfs_dentry *dentry;

	/* in a section: the last user may be giving it back */
	vfs__epoch_enter(thread);
	vfs__mutex_lock(&ns->vfs->mounts.zombie_lock, VFS__RANK_LEAF);
	dentry = ns->file;
	if (dentry && !vfs__dentry_tryref(dentry))
		dentry = NULL;
	vfs__mutex_unlock(&ns->vfs->mounts.zombie_lock, VFS__RANK_LEAF);
	vfs__epoch_leave(thread);
	return dentry;
}

static struct vfs_dentry *make_file(struct vfs__thread *thread,
				    struct vfs__namespace *ns)
{
	struct vfs *vfs = ns->vfs;
	struct vfs_dentry *dentry = vfs__dentry_alloc(thread, NULL, NULL);
	struct vfs_inode *inode;

	if (!dentry)
		return NULL;
	inode = vfs_inode_create(vfs->ns_mount->super, &nsfs_file_ops, ns->id,
				 S_IFREG | 0444);
	if (!inode) {
		vfs__dentry_unref(thread, dentry);
		return NULL;
	}
	inode->btime_packed = INT64_MIN; /* statx tells none */
	*slot(inode) = vfs__namespace_ref(ns);
	vfs__dentry_instantiate(dentry, inode, 0);
	vfs__mutex_lock(&vfs->mounts.zombie_lock, VFS__RANK_LEAF);
	ns->file = dentry;
	vfs__mutex_unlock(&vfs->mounts.zombie_lock, VFS__RANK_LEAF);
	return dentry;
}

int vfs__nsfs_path(struct vfs__thread *thread, struct vfs__namespace *ns,
		   struct vfs__path *out)
{
	out->dentry = find_file(thread, ns);
	if (!out->dentry)
		out->dentry = make_file(thread, ns);
	if (!out->dentry)
		return -ENOMEM;
	out->mnt = ns->vfs->ns_mount;
	vfs__mount_ref(thread, out->mnt);
	return 0;
}

struct vfs__namespace *vfs__nsfs_namespace(const struct vfs_inode *inode)
{
	return inode->ops == &nsfs_file_ops ? *slot(inode) : NULL;
}
