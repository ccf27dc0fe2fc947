/* SPDX-License-Identifier: MIT */
/* Files that stand for namespaces. Contract: nsfs.h. */
#include "core/nsfs.h"

#include <errno.h>
#include <sys/stat.h>

#include "core/userns.h"
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

/* What a file stands for: one of the two, referenced. */
struct slot {
	struct vfs__namespace *mounts;
	struct vfs_userns *users;
};

static struct slot *slot(const struct vfs_inode *inode)
{
	return vfs_inode_private(inode);
}

static void forget(struct vfs *vfs, struct vfs_dentry **file,
		   const struct vfs_dentry *d)
{
	vfs__mutex_lock(&vfs->mounts.zombie_lock, VFS__RANK_LEAF);
	if (*file == d)
		*file = NULL;
	vfs__mutex_unlock(&vfs->mounts.zombie_lock, VFS__RANK_LEAF);
}

static void nsfs_evict(struct vfs_inode *inode)
{
	struct slot *s = slot(inode);

	if (s->users)
		vfs_userns_unref(s->users);
	if (s->mounts)
		vfs__namespace_unref_later(s->mounts);
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
	.inode_size = sizeof(struct slot),
	.mount = nsfs_mount,
};

const struct vfs_filesystem_type vfs__rootfs_type = {
	.size = sizeof(struct vfs_filesystem_type),
	.name = "rootfs",
	.flags = VFS_FS_COMPLETE | VFS_FS_NONBLOCKING,
	.inode_size = sizeof(struct slot),
	.mount = nsfs_mount,
};

/*
 * The dentry that is there, referenced; else made (may be NULL), which is there
 * from now on. So two that come at once have one file: there are record locks
 * on it, and mounts.
 */
static struct vfs_dentry *find_file(struct vfs__thread *thread, struct vfs *vfs,
				    struct vfs_dentry **file,
				    struct vfs_dentry *made)
{
	struct vfs_dentry *dentry;

	/* in a section: the last user may be giving it back */
	vfs__epoch_enter(thread);
	vfs__mutex_lock(&vfs->mounts.zombie_lock, VFS__RANK_LEAF);
	dentry = *file;
	if (dentry && !vfs__dentry_tryref(dentry))
		dentry = NULL;
	if (!dentry && made)
		*file = dentry = made;
	vfs__mutex_unlock(&vfs->mounts.zombie_lock, VFS__RANK_LEAF);
	vfs__epoch_leave(thread);
	return dentry;
}

/* Of nothing yet. */
static struct vfs_dentry *make_dentry(struct vfs__thread *thread,
				      struct vfs *vfs, uint64_t ino)
{
	struct vfs_dentry *dentry = vfs__dentry_alloc(thread, NULL, NULL);
	struct vfs_inode *inode;

	if (!dentry)
		return NULL;
	inode = vfs_inode_create(vfs->ns_mount->super, &nsfs_file_ops, ino,
				 S_IFREG | 0444);
	if (!inode) {
		vfs__dentry_unref(thread, dentry);
		return NULL;
	}
	inode->btime_packed = INT64_MIN;  /* statx tells none */
	inode->flags |= VFS_INODE_HANDLE; /* found by what it stands for */
	vfs__dentry_instantiate(dentry, inode, 0);
	return dentry;
}

/* dentry's reference passes; NULL: there was no memory for it. */
static int place(struct vfs__thread *thread, struct vfs *vfs,
		 struct vfs_dentry *dentry, struct vfs__path *out)
{
	if (!dentry)
		return -ENOMEM;
	out->dentry = dentry;
	out->mnt = vfs->ns_mount;
	vfs__mount_ref(thread, out->mnt);
	return 0;
}

/* made, unless another was faster, whose is then taken. */
static struct vfs_dentry *publish(struct vfs__thread *thread, struct vfs *vfs,
				  struct vfs_dentry **file,
				  struct vfs_dentry *made)
{
	struct vfs_dentry *dentry = find_file(thread, vfs, file, made);

	if (dentry != made)
		vfs__dentry_unref(thread, made);
	return dentry;
}

int vfs__nsfs_path(struct vfs__thread *thread, struct vfs__namespace *ns,
		   struct vfs__path *out)
{
	struct vfs_dentry *dentry = find_file(thread, ns->vfs, &ns->file, NULL);

	if (!dentry) {
		dentry = make_dentry(thread, ns->vfs, ns->id);
		if (dentry) {
			slot(dentry->inode)->mounts = vfs__namespace_ref(ns);
			dentry = publish(thread, ns->vfs, &ns->file, dentry);
		}
	}
	return place(thread, ns->vfs, dentry, out);
}

int vfs__nsfs_user_path(struct vfs__thread *thread, struct vfs_userns *userns,
			struct vfs__path *out)
{
	struct vfs *vfs = userns->vfs;
	struct vfs_dentry *dentry = find_file(thread, vfs, &userns->file, NULL);

	if (!dentry) {
		dentry = make_dentry(thread, vfs, userns->id);
		if (dentry) {
			slot(dentry->inode)->users = vfs_userns_ref(userns);
			dentry = publish(thread, vfs, &userns->file, dentry);
		}
	}
	return place(thread, vfs, dentry, out);
}

void vfs__nsfs_forget(const struct vfs_dentry *d)
{
	const struct slot *s;

	if (d->inode->ops != &nsfs_file_ops)
		return;
	s = slot(d->inode);
	if (s->users)
		forget(s->users->vfs, &s->users->file, d);
	if (s->mounts)
		forget(s->mounts->vfs, &s->mounts->file, d);
}

struct vfs__namespace *vfs__nsfs_namespace(const struct vfs_inode *inode)
{
	return inode->ops == &nsfs_file_ops ? slot(inode)->mounts : NULL;
}

struct vfs_userns *vfs__nsfs_userns(const struct vfs_inode *inode)
{
	return inode->ops == &nsfs_file_ops ? slot(inode)->users : NULL;
}
