/* SPDX-License-Identifier: MIT */
/* Sizes: truncate, ftruncate, fallocate. Contract: rw.h. */
#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <sys/stat.h>

#include "core/attr.h"
#include "core/hostfile.h"
#include "core/notify.h"
#include "core/perm.h"
#include "core/place.h"
#include "core/rw.h"
#include "core/seal.h"
#include "core/walk.h"

/* May the file grow to size? */
static int check_new_size(struct vfs_task *task, const struct vfs_inode *inode,
			  int64_t size)
{
	if (size <= VFS_READ_ONCE(inode->size))
		return 0;
	if ((uint64_t)size > VFS_READ_ONCE(task->fsize_cur) ||
	    size > inode->super->max_file_size)
		return -EFBIG;
	return 0;
}

/* Another's file is cut as truncate(2) does: by a descriptor it is a change
 * even if the size is the same. */
static int cut_remote(struct vfs_inode *inode, int64_t size, bool always)
{
	struct vfs_attr attr = {
		.size_of = sizeof(attr),
		.mask = VFS_ATTR_MTIME | VFS_ATTR_MTIME_NOW | VFS_ATTR_CTIME,
	};
	bool same = size == VFS_READ_ONCE(inode->size);
	int err = inode->ops->truncate(inode, size);

	if (err || !always || !same)
		return err;
	vfs_now(inode->super->vfs, &attr.mtime);
	attr.ctime = attr.mtime;
	return vfs__setattr(inode, &attr);
}

int vfs__truncate_path(struct vfs__thread *thread, struct vfs_task *task,
		       const struct vfs_cred *cred,
		       const struct vfs__path *path, int64_t size, bool always)
{
	struct vfs_inode *inode = path->dentry->inode;
	const struct vfs_dentry *name;
	uint32_t mode;
	int err;

	vfs__inode_lock(inode);
	name = vfs__by_name(thread, path->dentry);
	err = vfs__inode_refresh(thread, inode);
	mode = VFS_READ_ONCE(inode->mode);
	if (!err && !inode->ops->truncate)
		err = -EINVAL;
	if (!err)
		err = check_new_size(task, inode, size);
	if (!err && vfs__inode_sealable(inode))
		err = vfs__seal_resize(inode, size);
	if (!err)
		err = vfs__attr_kill_suid(thread, cred,
					  vfs__mount_idmap(path->mnt), inode);
	if (!err && vfs__inode_is_remote(inode)) {
		err = cut_remote(inode, size, always);
	} else if (!err) {
		/* cutting where there are blocks is a change, whatever goes */
		bool changes = always || size != VFS_READ_ONCE(inode->size) ||
			       VFS_READ_ONCE(inode->blocks);

		err = inode->ops->truncate(inode, size);
		if (!err && changes)
			vfs__inode_modified(task->vfs, inode);
	}
	vfs__by_name(thread, name);
	if (!err)
		vfs__notify_dentry(thread, task->vfs, path->dentry,
				   VFS_IN_MODIFY |
					   (VFS_READ_ONCE(inode->mode) == mode
						    ? 0
						    : VFS_IN_ATTRIB));
	vfs__inode_unlock(inode);
	vfs__notify_flush(thread);
	return err;
}

static bool is_append(const struct vfs_inode *inode)
{
	return VFS_READ_ONCE(inode->flags) & VFS_INODE_APPEND;
}

static int check_truncate(struct vfs__thread *thread,
			  const struct vfs_cred *cred,
			  const struct vfs__path *path)
{
	struct vfs_inode *inode = path->dentry->inode;

	if (vfs__inode_is_dir(inode))
		return -EISDIR;
	if (!S_ISREG(vfs__inode_mode(inode)))
		return -EINVAL;
	if (vfs__mount_readonly(path->mnt))
		return -EROFS;
	return vfs__permission_load(thread, cred, vfs__mount_idmap(path->mnt),
				    inode, VFS__MAY_WRITE);
}

int vfs__truncate(struct vfs__thread *thread, struct vfs_task *task,
		  const char *path, int64_t length)
{
	struct vfs_cred *cred;
	struct vfs__path at;
	int err;

	if (length < 0)
		return -EINVAL;
	err = vfs__path_lookup(thread, task, AT_FDCWD, path, VFS__WALK_FOLLOW,
			       &at);
	if (err)
		return err;
	cred = vfs__task_cred(thread, task);
	err = check_truncate(thread, cred, &at);
	if (!err)
		err = vfs__mount_write_begin(thread, at.mnt);
	if (!err) {
		err = is_append(at.dentry->inode)
			      ? -EPERM
			      : vfs__truncate_path(thread, task, cred, &at,
						   length, false);
		vfs__mount_write_end(thread, at.mnt);
	}
	vfs__task_cred_put(thread, cred);
	vfs__path_unref(thread, &at);
	return err;
}

int vfs__ftruncate(struct vfs__thread *thread, struct vfs_task *task, int fd,
		   int64_t length)
{
	struct vfs_cred *cred;
	struct vfs_file *file;
	int err = 0;

	if (length < 0)
		return -EINVAL;
	file = vfs__fd_get_io(thread, task, fd);
	if (!file)
		return -EBADF;
	if (!S_ISREG(vfs__inode_mode(file->inode)) ||
	    !(vfs__file_mode(file) & VFS__FILE_WRITE))
		err = -EINVAL;
	else if (is_append(file->inode))
		err = -EPERM;
	if (!err) {
		cred = vfs__task_cred(thread, task);
		err = vfs__truncate_path(thread, task, cred, &file->path,
					 length, true);
		vfs__task_cred_put(thread, cred);
	}
	vfs__file_unref(thread, file);
	return err;
}

/* ---- fallocate ---- */

#ifndef FALLOC_FL_WRITE_ZEROES
#define FALLOC_FL_WRITE_ZEROES 0x80
#endif

static int check_fallocate_mode(int mode, int64_t offset, int64_t length)
{
	const int what = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_COLLAPSE_RANGE |
			 FALLOC_FL_ZERO_RANGE | FALLOC_FL_INSERT_RANGE |
			 FALLOC_FL_UNSHARE_RANGE | FALLOC_FL_WRITE_ZEROES;

	if (offset < 0 || length <= 0)
		return -EINVAL;
	if (mode & ~(what | FALLOC_FL_KEEP_SIZE))
		return -EOPNOTSUPP;
	switch (mode & what) {
	case 0:
	case FALLOC_FL_UNSHARE_RANGE:
	case FALLOC_FL_ZERO_RANGE:
		return 0;
	case FALLOC_FL_PUNCH_HOLE:
		return mode & FALLOC_FL_KEEP_SIZE ? 0 : -EOPNOTSUPP;
	case FALLOC_FL_WRITE_ZEROES:
	case FALLOC_FL_COLLAPSE_RANGE:
	case FALLOC_FL_INSERT_RANGE:
		return mode & FALLOC_FL_KEEP_SIZE ? -EOPNOTSUPP : 0;
	default:
		return -EOPNOTSUPP;
	}
}

static int check_fallocate_file(const struct vfs_file *file, int mode,
				int64_t offset, int64_t length)
{
	uint32_t type = vfs__inode_mode(file->inode) & S_IFMT;
	int64_t end;

	if (!(vfs__file_mode(file) & VFS__FILE_WRITE))
		return -EBADF;
	if ((mode & ~FALLOC_FL_KEEP_SIZE) && is_append(file->inode))
		return -EPERM;
	if (VFS_READ_ONCE(file->inode->flags) & VFS_INODE_IMMUTABLE)
		return -EPERM;
	if (type == S_IFIFO)
		return -ESPIPE;
	if (type == S_IFDIR)
		return -EISDIR;
	if (type != S_IFREG)
		return -ENODEV;
	if (__builtin_add_overflow(offset, length, &end) ||
	    end > file->inode->super->max_file_size)
		return -EFBIG;
	return file->inode->ops->fallocate ? 0 : -EOPNOTSUPP;
}

int vfs__fallocate(struct vfs__thread *thread, struct vfs_task *task, int fd,
		   int mode, int64_t offset, int64_t length)
{
	struct vfs_file *file = vfs__fd_get_io(thread, task, fd);
	const struct vfs_dentry *name;
	struct vfs_inode *inode;
	struct vfs_cred *cred;
	uint32_t old_mode;
	int err;

	if (!file)
		return -EBADF;
	inode = file->inode;
	err = check_fallocate_mode(mode, offset, length);
	if (!err)
		err = check_fallocate_file(file, mode, offset, length);
	if (err)
		goto unref;
	cred = vfs__task_cred(thread, task);
	vfs__inode_lock(inode);
	err = vfs__inode_refresh(thread, inode);
	if (!err && !(mode & FALLOC_FL_PUNCH_HOLE))
		err = check_new_size(task, inode, offset + length);
	/* a mode that the file system has not is told of first */
	if (!err && vfs__inode_sealable(inode) &&
	    !(mode & ~(FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE)))
		err = vfs__seal_fallocate(inode, mode & FALLOC_FL_PUNCH_HOLE,
					  offset + length);
	old_mode = VFS_READ_ONCE(inode->mode);
	name = vfs__by_name(thread, file->path.dentry);
	if (!err)
		err = inode->ops->fallocate(inode, mode, offset, length);
	vfs__by_name(thread, name);
	/* a host may have done by itself what is done next */
	if (!err && VFS_READ_ONCE(inode->mode) != old_mode)
		vfs__notify_attr(thread, task->vfs, file->path.dentry,
				 VFS_ATTR_MODE);
	if (!err)
		err = vfs__attr_kill_file(thread, cred, file);
	if (!err)
		vfs__inode_modified(task->vfs, inode);
	vfs__inode_unlock(inode);
	vfs__task_cred_put(thread, cred);
	if (!err)
		vfs__notify_file(thread, file, VFS_IN_MODIFY);
unref:
	vfs__file_unref(thread, file);
	return err;
}
