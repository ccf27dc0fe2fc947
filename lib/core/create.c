/* SPDX-License-Identifier: MIT */
/*
 * Making names: mknod, mkdir, symlink, link, and the node behind open's
 * O_CREAT. Contract: names.h. The order of checks is Linux's, because the
 * order of errors is.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "core/acl.h"
#include "core/names.h"
#include "core/notify.h"
#include "core/pathname.h"
#include "core/perm.h"
#include "core/place.h"
#include "core/synthdir.h"
#include "util/epoch.h"

VFS_HOT
int vfs__may_create(struct vfs__thread *thread, const struct vfs_cred *cred,
		    const struct vfs_userns *idmap, struct vfs_inode *dir)
{
	if (VFS_READ_ONCE(dir->flags) & VFS_INODE_DEAD)
		return -ENOENT;
	if (!vfs__can_own(cred, idmap, dir->super))
		return -EOVERFLOW;
	return vfs__permission_load(thread, cred, idmap, dir,
				    VFS__MAY_WRITE | VFS__MAY_EXEC);
}

/* The name under the directory's lock; what can be said before permissions. */
static int find_free(struct vfs__thread *thread, struct vfs *vfs,
		     struct vfs__create *c, bool directory)
{
	int err = vfs__lookup_one(thread, vfs, c->parent.dentry, &c->last.name,
				  &c->dentry);

	if (err)
		return err;
	if (c->dentry->inode)
		err = -EEXIST;
	else if (!directory && c->last.slash)
		err = -ENOENT;
	if (err)
		vfs__dentry_unref(thread, c->dentry);
	return err;
}

VFS_HOT
int vfs__create_begin(struct vfs__thread *thread, struct vfs_task *task,
		      int dirfd, const char *path, bool directory,
		      struct vfs__create *c)
{
	struct vfs_inode *dir;
	int readonly;
	int err = vfs__path_parent(thread, task, dirfd, path, 0, &c->parent,
				   &c->last);

	if (err)
		return err;
	err = -EEXIST;
	if (c->last.type != VFS__LAST_NORM)
		goto put_parent;
	dir = c->parent.dentry->inode;
	readonly = vfs__mount_write_begin(thread, c->parent.mnt);
	vfs__inode_lock(dir);
	err = find_free(thread, task->vfs, c, directory);
	if (err)
		goto unlock;
	err = readonly;
	if (err)
		goto put_dentry;
	c->cred = vfs__task_cred(thread, task);
	return 0;

put_dentry:
	vfs__dentry_unref(thread, c->dentry);
unlock:
	vfs__inode_unlock(dir);
	if (!readonly)
		vfs__mount_write_end(thread, c->parent.mnt);
put_parent:
	vfs__path_unref(thread, &c->parent);
	return err;
}

VFS_HOT
void vfs__create_end(struct vfs__thread *thread, struct vfs__create *c)
{
	vfs__inode_unlock(c->parent.dentry->inode);
	vfs__task_cred_put(thread, c->cred);
	vfs__dentry_unref(thread, c->dentry);
	vfs__mount_write_end(thread, c->parent.mnt);
	vfs__path_unref(thread, &c->parent);
	vfs__notify_flush(thread);
}

/* Owner, group and setgid of a new inode, as inode(7) has them. */
static void inherit_owner(const struct vfs_cred *cred,
			  const struct vfs_userns *idmap,
			  const struct vfs_inode *dir,
			  struct vfs_create_args *args)
{
	args->uid = vfs__idmap_in(idmap, dir->super, VFS__UID, cred->fsuid);
	args->gid = vfs__idmap_in(idmap, dir->super, VFS__GID, cred->fsgid);
	if (!(VFS_READ_ONCE(dir->mode) & S_ISGID))
		return;
	args->gid = VFS_READ_ONCE(dir->gid);
	if (S_ISDIR(args->mode))
		args->mode |= S_ISGID;
	else if ((args->mode & (S_ISGID | S_IXGRP)) == (S_ISGID | S_IXGRP) &&
		 !vfs__may_setgid(cred, idmap, dir, vfs__inode_gid(idmap, dir)))
		args->mode &= ~(uint32_t)S_ISGID;
}

VFS_HOT
int vfs__create_attributes(struct vfs__thread *thread, struct vfs_task *task,
			   const struct vfs_cred *cred,
			   const struct vfs_userns *idmap,
			   struct vfs_inode *dir, struct vfs_create_args *args,
			   struct vfs__acl_inherit *acl)
{
	int err;

	inherit_owner(cred, idmap, dir, args);
	err = vfs__acl_inherit(thread, dir, args->mode,
			       vfs__task_umask(thread, task), acl);
	if (err)
		return err;
	args->mode = acl->mode;
	args->xattrs = acl->xattrs;
	args->xattr_count = acl->count;
	return 0;
}

/* The node's attributes, then op on them: with a name or without. */
static int make_inode(struct vfs__thread *thread, struct vfs_task *task,
		      const struct vfs_cred *cred, const struct vfs__path *at,
		      const struct vfs_name *name, struct vfs_create_args *args,
		      struct vfs_inode **inode, uint64_t *cookie)
{
	struct vfs_inode *dir = at->dentry->inode;
	struct vfs__acl_inherit acl;
	int err = vfs__create_attributes(
		thread, task, cred, vfs__mount_idmap(at->mnt), dir, args, &acl);

	if (err)
		return err;
	err = name ? dir->ops->create(dir, name, args, inode, cookie)
		   : dir->ops->tmpfile(dir, args, inode);
	if (!err)
		vfs__acl_inherited(thread, *inode, &acl);
	vfs__acl_inherit_fini(thread, &acl);
	return err;
}

VFS_HOT
int vfs__make_node(struct vfs__thread *thread, struct vfs_task *task,
		   const struct vfs_cred *cred, const struct vfs__path *dir,
		   struct vfs_dentry *dentry, uint32_t mode, uint64_t rdev,
		   const char *target)
{
	struct vfs_create_args args = {
		.size = sizeof(args),
		.mode = mode,
		.rdev = rdev,
		.target = target,
		.target_len = target ? strlen(target) : 0,
	};
	struct vfs_name name = {.hash = dentry->hash};
	struct vfs_inode *inode;
	uint64_t cookie = 0;
	int err;

	if (!dir->dentry->inode->ops->create)
		return -EPERM;
	name.str = vfs__dentry_name(dentry, &name.len);
	err = make_inode(thread, task, cred, dir, &name, &args, &inode,
			 &cookie);
	if (err)
		return err;
	vfs__dentry_instantiate(dentry, inode, cookie);
	thread->made_in = dir->dentry;
	if (!vfs__dentry_hashed(dentry))
		vfs__dcache_insert(thread, task->vfs, dentry);
	vfs__notify_created(thread, task->vfs, dir->dentry, dentry, false);
	return 0;
}

int vfs__make_tmpfile(struct vfs__thread *thread, struct vfs_task *task,
		      const struct vfs_cred *cred, const struct vfs__path *dir,
		      uint32_t mode, struct vfs_dentry **out)
{
	struct vfs_create_args args = {.size = sizeof(args), .mode = mode};
	static const struct vfs_name nameless = {.str = "#", .len = 1};
	struct vfs_inode *inode;
	struct vfs_dentry *d;
	int err;

	if (!dir->dentry->inode->ops->tmpfile)
		return -EOPNOTSUPP;
	d = vfs__dentry_alloc(thread, dir->dentry, &nameless);
	if (!d)
		return -ENOMEM;
	err = make_inode(thread, task, cred, dir, NULL, &args, &inode, NULL);
	if (err) {
		vfs__dentry_unref(thread, d);
		return err;
	}
	vfs__dentry_instantiate(d, inode, 0);
	/* what Linux calls it where a name is wanted; nobody knows it yet */
	d->name_len = (uint8_t)snprintf(d->name.chars, sizeof(d->name.chars),
					"#%" PRIu64, inode->ino);
	*out = d;
	return 0;
}

/* ---- the calls ---- */

static int may_create_at(struct vfs__thread *thread, struct vfs__create *c)
{
	return vfs__may_create(thread, c->cred, vfs__mount_idmap(c->parent.mnt),
			       c->parent.dentry->inode);
}

static int check_node_type(uint32_t mode)
{
	switch (mode & S_IFMT) {
	case 0:
	case S_IFREG:
	case S_IFCHR:
	case S_IFBLK:
	case S_IFIFO:
	case S_IFSOCK:
		return 0;
	case S_IFDIR:
		return -EPERM;
	default:
		return -EINVAL;
	}
}

VFS_HOT
int vfs__mknod(struct vfs__thread *thread, struct vfs_task *task, int dirfd,
	       const char *path, uint32_t mode, uint64_t dev)
{
	struct vfs__create c;
	bool device = S_ISCHR(mode) || S_ISBLK(mode);
	int err = check_node_type(mode);

	if (err)
		return err;
	err = vfs__create_begin(thread, task, dirfd, path, false, &c);
	if (err)
		return err;
	if (!(mode & S_IFMT))
		mode |= S_IFREG;
	/* a 0:0 character device is a whiteout, which anybody may make */
	err = may_create_at(thread, &c);
	if (!err && device && !(S_ISCHR(mode) && !dev) &&
	    !vfs__capable(c.cred, VFS_CAP_MKNOD))
		err = -EPERM;
	if (!err)
		err = vfs__make_node(thread, task, c.cred, &c.parent, c.dentry,
				     mode & (S_IFMT | 07777), device ? dev : 0,
				     NULL);
	vfs__create_end(thread, &c);
	return err;
}

VFS_HOT
int vfs__mkdir(struct vfs__thread *thread, struct vfs_task *task, int dirfd,
	       const char *path, uint32_t mode)
{
	struct vfs__create c;
	int err = vfs__create_begin(thread, task, dirfd, path, true, &c);

	if (err)
		return err;
	err = may_create_at(thread, &c);
	if (!err)
		err = vfs__make_node(thread, task, c.cred, &c.parent, c.dentry,
				     S_IFDIR | (mode & 01777), 0, NULL);
	vfs__create_end(thread, &c);
	return err;
}

int vfs__symlink(struct vfs__thread *thread, struct vfs_task *task,
		 const char *target, int dirfd, const char *path)
{
	struct vfs__create c;
	size_t len;
	int err;

	if (!target)
		return -EFAULT;
	len = strnlen(target, VFS__PATH_MAX);
	if (!len)
		return -ENOENT;
	if (len == VFS__PATH_MAX)
		return -ENAMETOOLONG;
	err = vfs__create_begin(thread, task, dirfd, path, false, &c);
	if (err)
		return err;
	err = may_create_at(thread, &c);
	if (!err)
		err = vfs__make_node(thread, task, c.cred, &c.parent, c.dentry,
				     S_IFLNK | 0777, 0, target);
	vfs__create_end(thread, &c);
	return err;
}

/* With the new name's directory locked and both on one mount. */
static int link_locked(struct vfs__thread *thread, struct vfs_task *task,
		       struct vfs__create *c, const struct vfs_dentry *old)
{
	struct vfs_inode *dir = c->parent.dentry->inode;
	struct vfs_inode *inode = vfs__dentry_inode(old);
	const struct vfs_dentry *by;
	struct vfs_name name = {.hash = c->dentry->hash};
	uint64_t cookie = 0;
	int err = may_create_at(thread, c);

	if (err)
		return err;
	if (inode->super != dir->super)
		return -EXDEV;
	err = vfs__may_attach(vfs__mount_idmap(c->parent.mnt), inode);
	if (err)
		return err;
	if (!dir->ops->link || vfs__inode_is_dir(inode) ||
	    vfs__is_synthetic(inode))
		return -EPERM;
	name.str = vfs__dentry_name(c->dentry, &name.len);
	vfs__inode_lock_nested(inode);
	by = vfs__by_name(thread, old);
	if (vfs__inode_is_unnamed(inode) &&
	    !(VFS_READ_ONCE(inode->flags) & VFS_INODE_LINKABLE))
		err = -ENOENT;
	else if (VFS_READ_ONCE(inode->nlink) == UINT32_MAX)
		err = -EMLINK;
	else
		err = dir->ops->link(dir, &name, inode, &cookie);
	vfs__by_name(thread, by);
	if (!err)
		vfs_inode_set_flags(inode, 0, VFS_INODE_LINKABLE);
	vfs__inode_unlock(inode);
	if (err)
		return err;
	vfs__dentry_instantiate(c->dentry, vfs_inode_ref(inode), cookie);
	if (!vfs__dentry_hashed(c->dentry))
		vfs__dcache_insert(thread, task->vfs, c->dentry);
	vfs__notify_created(thread, task->vfs, c->parent.dentry, c->dentry,
			    true);
	return 0;
}

/* With AT_EMPTY_PATH a descriptor is for who opened it, or for
 * CAP_DAC_READ_SEARCH where the opener was, whether the path is empty or not.
 */
static int may_link_fd(struct vfs__thread *thread, struct vfs_task *task,
		       int fd)
{
	const struct vfs_cred *cred;
	struct vfs_file *file;
	int err = 0;

	if (fd == AT_FDCWD)
		return 0;
	vfs__epoch_enter(thread);
	cred = vfs__task_cred_peek(task);
	file = vfs__fd_peek(VFS_LOAD_POINTER(task->files), fd);
	if (!file)
		err = -EBADF;
	else if (file->cred_id != cred->id &&
		 !vfs__capable_in(cred, file->userns, VFS_CAP_DAC_READ_SEARCH))
		err = -ENOENT;
	vfs__epoch_leave(thread);
	return err;
}

/* Somebody else's file is linked only when it could be read and written
 * anyway and is no program with more rights (fs.protected_hardlinks). */
static int may_link_inode(struct vfs__thread *thread,
			  const struct vfs_cred *cred,
			  const struct vfs_userns *idmap,
			  struct vfs_inode *inode)
{
	uint32_t mode = vfs__inode_mode(inode);

	if (!vfs__inode_has_ids(idmap, inode))
		return -EOVERFLOW;
	if (vfs__owner_or_capable(cred, idmap, inode))
		return 0;
	if (!S_ISREG(mode) || (mode & S_ISUID) ||
	    (mode & (S_ISGID | S_IXGRP)) == (S_ISGID | S_IXGRP))
		return -EPERM;
	return vfs__permission_load(thread, cred, idmap, inode,
				    VFS__MAY_READ | VFS__MAY_WRITE)
		       ? -EPERM
		       : 0;
}

int vfs__link(struct vfs__thread *thread, struct vfs_task *task, int olddirfd,
	      const char *oldpath, int newdirfd, const char *newpath, int flags)
{
	struct vfs__path old;
	struct vfs__create c;
	uint32_t how = 0;
	int err;

	if (flags & ~(AT_SYMLINK_FOLLOW | AT_EMPTY_PATH))
		return -EINVAL;
	if (flags & AT_SYMLINK_FOLLOW)
		how |= VFS__WALK_FOLLOW;
	if (flags & AT_EMPTY_PATH)
		how |= VFS__WALK_EMPTY;
	/* a path that is no path is told of before a descriptor that is none */
	if ((flags & AT_EMPTY_PATH) && oldpath && *oldpath != '/' &&
	    vfs__path_length(oldpath) < VFS__PATH_MAX) {
		err = may_link_fd(thread, task, olddirfd);
		if (err)
			return err;
	}
	err = vfs__path_lookup(thread, task, olddirfd, oldpath, how, &old);
	if (err)
		return err;
	err = vfs__create_begin(thread, task, newdirfd, newpath, false, &c);
	if (!err) {
		if (old.mnt != c.parent.mnt)
			err = -EXDEV;
		else
			err = may_link_inode(thread, c.cred,
					     vfs__mount_idmap(old.mnt),
					     old.dentry->inode);
		if (!err)
			err = link_locked(thread, task, &c, old.dentry);
		vfs__create_end(thread, &c);
	}
	vfs__path_unref(thread, &old);
	return err;
}
