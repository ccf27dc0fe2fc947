/* SPDX-License-Identifier: MIT */
/* Removing names: unlink and rmdir. Contract: names.h. */
#include <errno.h>

#include "core/names.h"
#include "core/notify.h"
#include "core/perm.h"
#include "core/synthdir.h"
#include "core/uncover.h"

VFS_HOT
int vfs__may_delete(struct vfs__thread *thread, const struct vfs_cred *cred,
		    const struct vfs_userns *idmap, struct vfs_inode *dir,
		    struct vfs_dentry *victim, bool directory)
{
	struct vfs_inode *inode = victim->inode;
	int err;

	if (!vfs__inode_has_ids(idmap, inode))
		return -EOVERFLOW;
	err = vfs__permission_load(thread, cred, idmap, dir,
				   VFS__MAY_WRITE | VFS__MAY_EXEC);
	if (!err && (VFS_READ_ONCE(dir->flags) & VFS_INODE_APPEND))
		err = -EPERM;
	if (!err)
		err = vfs__sticky(cred, idmap, dir, inode);
	if (!err)
		err = vfs__may_attach(idmap, inode);
	if (err)
		return err;
	if (directory) {
		if (!vfs__inode_is_dir(inode))
			return -ENOTDIR;
		if (vfs__dentry_is_root(victim))
			return -EBUSY;
	} else if (vfs__inode_is_dir(inode)) {
		return -EISDIR;
	}
	return VFS_READ_ONCE(dir->flags) & VFS_INODE_DEAD ? -ENOENT : 0;
}

/* The backend's part, and the name leaves the cache. dir locked. */
static int remove_locked(struct vfs__thread *thread, struct vfs_task *task,
			 struct vfs_inode *dir, struct vfs_dentry *victim)
{
	struct vfs_inode *inode = victim->inode;
	struct vfs_name name = {.hash = victim->hash};
	bool synthetic = vfs__is_synthetic(inode);
	int err;

	if (!synthetic && !dir->ops->remove)
		return -EPERM;
	name.str = vfs__dentry_name(victim, &name.len);
	vfs__inode_lock_nested(inode);
	if (vfs__mounted_for(thread, task, victim))
		err = -EBUSY;
	else if (synthetic)
		err = vfs__synthetic_remove(thread, dir, &name, inode);
	else if (vfs__synthetic_within(inode))
		err = -ENOTEMPTY;
	else
		err = dir->ops->remove(dir, &name, inode,
				       vfs__dentry_cookie(victim));
	if (!err) {
		if (vfs__inode_is_dir(inode))
			vfs_inode_set_flags(inode, VFS_INODE_DEAD, 0);
		vfs__dcache_remove(thread, task->vfs, victim);
		vfs__dcache_orphaned(thread, task->vfs, victim);
	}
	vfs__inode_unlock(inode);
	return err;
}

/* What trailing slashes make of a name that unlink was given. */
static int slash_error(const struct vfs_dentry *victim)
{
	if (!victim || !victim->inode)
		return -ENOENT;
	return vfs__inode_is_dir(victim->inode) ? -EISDIR : -ENOTDIR;
}

VFS_HOT
static int remove_name(struct vfs__thread *thread, struct vfs_task *task,
		       const struct vfs__path *parent,
		       const struct vfs__last *last, bool directory)
{
	struct vfs_inode *dir = parent->dentry->inode;
	struct vfs_cred *cred = vfs__task_cred(thread, task);
	struct vfs_dentry *victim;
	int err;

	vfs__inode_lock(dir);
	err = vfs__lookup_there(thread, task->vfs, parent->dentry, &last->name,
				&victim);
	if (!err) {
		if (!directory && last->slash)
			err = slash_error(victim);
		else if (!victim || !victim->inode)
			err = -ENOENT;
		else
			err = vfs__may_delete(thread, cred,
					      vfs__mount_idmap(parent->mnt),
					      dir, victim, directory);
		if (!err)
			err = remove_locked(thread, task, dir, victim);
		if (!err)
			vfs__notify_removed(thread, task->vfs, victim);
		vfs__inode_unlock(dir);
		if (!err)
			vfs__uncover(thread, task->vfs, victim);
		/* the last user of a file evicts it here, without locks */
		vfs__dentry_unref(thread, victim);
	} else {
		vfs__inode_unlock(dir);
	}
	vfs__task_cred_put(thread, cred);
	return err;
}

static int remove_at(struct vfs__thread *thread, struct vfs_task *task,
		     int dirfd, const char *path, bool directory,
		     const int last_errors[4])
{
	struct vfs__path parent;
	struct vfs__last last;
	int err =
		vfs__path_parent(thread, task, dirfd, path, 0, &parent, &last);

	if (err)
		return err;
	err = last_errors[last.type];
	if (!err)
		err = vfs__mount_write_begin(thread, parent.mnt);
	if (!err) {
		err = remove_name(thread, task, &parent, &last, directory);
		vfs__mount_write_end(thread, parent.mnt);
	}
	vfs__path_unref(thread, &parent);
	vfs__notify_flush(thread);
	return err;
}

VFS_HOT
int vfs__unlink(struct vfs__thread *thread, struct vfs_task *task, int dirfd,
		const char *path)
{
	static const int errors[4] = {[VFS__LAST_ROOT] = -EISDIR,
				      [VFS__LAST_DOT] = -EISDIR,
				      [VFS__LAST_DOTDOT] = -EISDIR};

	return remove_at(thread, task, dirfd, path, false, errors);
}

VFS_HOT
int vfs__rmdir(struct vfs__thread *thread, struct vfs_task *task, int dirfd,
	       const char *path)
{
	static const int errors[4] = {[VFS__LAST_ROOT] = -EBUSY,
				      [VFS__LAST_DOT] = -EINVAL,
				      [VFS__LAST_DOTDOT] = -ENOTEMPTY};

	return remove_at(thread, task, dirfd, path, true, errors);
}
