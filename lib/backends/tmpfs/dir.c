/* SPDX-License-Identifier: MIT */
/*
 * Directories: making, linking, removing and listing names, and the tables of
 * operations.
 *
 * Names are found by the core, which has all of them; a directory keeps only
 * their order, in its log. An operation gets whatever may fail done first (room
 * in the log, the inode with all it is born with), then changes things that
 * cannot fail.
 */
#include <assert.h>
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "log.h"
#include "tmpfs.h"

/* -- making inodes -- */

static const struct vfs_inode_ops *ops_for(uint32_t mode)
{
	if (S_ISDIR(mode))
		return &tmpfs_dir_ops;
	return S_ISREG(mode) ? &tmpfs_file_ops : &tmpfs_other_ops;
}

static int set_target(struct vfs_inode *inode,
		      const struct vfs_create_args *args)
{
	size_t size = (size_t)args->target_len + 1;
	char *target;
	int error;

	if (args->target_len >= TMPFS_LONG_SYMLINK) {
		error = tmpfs_take_pages(inode->super, 1);
		if (error)
			return error;
		tmpfs_add_blocks(inode, 1);
	}
	target = vfs_alloc(inode->super->vfs, size);
	if (!target)
		return -ENOMEM;
	memcpy(target, args->target, size);
	inode->link = target;
	inode->size = (int64_t)args->target_len;
	return 0;
}

VFS_HOT
int tmpfs_make_inode(struct vfs_super *super, const struct vfs_inode *dir,
		     uint64_t ino, const struct vfs_create_args *args,
		     struct vfs_inode **out)
{
	uint64_t space = TMPFS_INODE_SPACE;
	struct vfs_inode *inode;
	int error;

	if (args->xattr_count)
		space += tmpfs_xattrs_space(args);
	error = tmpfs_take_inode_space(super, space);
	if (error)
		return error;
	inode = vfs_inode_create(super, ops_for(args->mode), ino, args->mode);
	if (!inode) {
		tmpfs_give_inode_space(super, space);
		return -ENOMEM;
	}
	inode->uid = args->uid;
	inode->gid = args->gid;
	if (dir)
		inode->flags = VFS_READ_ONCE(dir->flags) & TMPFS_INHERITED;
	if (S_ISDIR(args->mode))
		inode->size = 2 * TMPFS_DIRENT_SIZE;
	else if (S_ISCHR(args->mode) || S_ISBLK(args->mode))
		inode->rdev = args->rdev;
	else if (S_ISLNK(args->mode))
		error = set_target(inode, args);
	if (error)
		tmpfs_give_inode_space(super, space - TMPFS_INODE_SPACE);
	else if (args->xattr_count)
		error = tmpfs_xattrs_init(inode, args);
	if (error) {
		tmpfs_undo_inode(inode);
		return error;
	}
	*out = inode;
	return 0;
}

/* -- names -- */

static uint32_t entry_type(const struct vfs_inode *inode)
{
	return (inode->mode & S_IFMT) >> 12; /* as IFTODT */
}

void tmpfs_dir_changed(struct vfs_inode *dir, int32_t entries)
{
	if (entries)
		VFS_WRITE_ONCE(dir->size,
			       dir->size + entries * TMPFS_DIRENT_SIZE);
	vfs_inode_touch(dir, VFS_TOUCH_MTIME | VFS_TOUCH_CTIME);
}

void tmpfs_drop_link(struct vfs_inode *inode)
{
	if (S_ISDIR(inode->mode)) {
		VFS_WRITE_ONCE(inode->nlink, 0);
	} else {
		/* The last one's space goes with the inode. */
		if (inode->nlink > 1)
			tmpfs_give_inode_space(inode->super, TMPFS_INODE_SPACE);
		VFS_WRITE_ONCE(inode->nlink, inode->nlink - 1);
	}
	vfs_inode_touch(inode, VFS_TOUCH_CTIME);
}

VFS_HOT
static int tmpfs_create(struct vfs_inode *dir, const struct vfs_name *name,
			const struct vfs_create_args *args,
			struct vfs_inode **out, uint64_t *cookie)
{
	struct tmpfs_inode *data = tmpfs_inode(dir);
	struct vfs_super *super = dir->super;
	struct vfs_inode *inode;
	int error;

	error = tmpfs_log_reserve(super->vfs, &data->log, name->len);
	if (error)
		return error;
	error = tmpfs_make_inode(super, dir, vfs_super_next_ino(super), args,
				 &inode);
	if (error)
		return error;
	*cookie = tmpfs_log_append(data->log, name->str, name->len, inode->ino,
				   entry_type(inode));
	if (S_ISDIR(args->mode))
		VFS_WRITE_ONCE(dir->nlink, dir->nlink + 1);
	tmpfs_dir_changed(dir, 1);
	*out = inode;
	return 0;
}

static int tmpfs_tmpfile(struct vfs_inode *dir,
			 const struct vfs_create_args *args,
			 struct vfs_inode **out)
{
	struct vfs_super *super = dir->super;
	int error;

	error = tmpfs_make_inode(super, dir, vfs_super_next_ino(super), args,
				 out);
	if (!error)
		(*out)->nlink = 0;
	return error;
}

static int tmpfs_link(struct vfs_inode *dir, const struct vfs_name *name,
		      struct vfs_inode *inode, uint64_t *cookie)
{
	struct tmpfs_inode *data = tmpfs_inode(dir);
	struct vfs_super *super = dir->super;
	int error;

	error = tmpfs_log_reserve(super->vfs, &data->log, name->len);
	if (error)
		return error;
	/* A file of O_TMPFILE has paid for its first name. */
	if (inode->nlink) {
		error = tmpfs_take_inode_space(super, TMPFS_INODE_SPACE);
		if (error)
			return error;
	}
	*cookie = tmpfs_log_append(data->log, name->str, name->len, inode->ino,
				   entry_type(inode));
	VFS_WRITE_ONCE(inode->nlink, inode->nlink + 1);
	vfs_inode_touch(inode, VFS_TOUCH_CTIME);
	tmpfs_dir_changed(dir, 1);
	return 0;
}

VFS_HOT
static int tmpfs_remove(struct vfs_inode *dir, const struct vfs_name *name,
			struct vfs_inode *inode, uint64_t cookie)
{
	(void)name;
	if (S_ISDIR(inode->mode)) {
		if (!tmpfs_log_empty(tmpfs_inode(inode)->log))
			return -ENOTEMPTY;
		VFS_WRITE_ONCE(dir->nlink, dir->nlink - 1);
	}
	tmpfs_log_remove(dir->super->vfs, tmpfs_inode(dir)->log, cookie);
	tmpfs_drop_link(inode);
	tmpfs_dir_changed(dir, -1);
	return 0;
}

static int tmpfs_iterate(struct vfs_inode *dir, struct vfs_file *file,
			 struct vfs_dir_context *context)
{
	(void)file;
	tmpfs_log_iterate(tmpfs_inode(dir)->log, context);
	return 0;
}

/* -- tables -- */

#define XATTR_OPS                                               \
	.getxattr = tmpfs_getxattr, .setxattr = tmpfs_setxattr, \
	.listxattr = tmpfs_listxattr, .removexattr = tmpfs_removexattr

const struct vfs_inode_ops tmpfs_dir_ops = {
	.size = sizeof(tmpfs_dir_ops),
	.create = tmpfs_create,
	.link = tmpfs_link,
	.remove = tmpfs_remove,
	.rename = tmpfs_rename,
	.tmpfile = tmpfs_tmpfile,
	.iterate = tmpfs_iterate,
	XATTR_OPS,
};

const struct vfs_inode_ops tmpfs_file_ops = {
	.size = sizeof(tmpfs_file_ops),
	XATTR_OPS,
	.read = tmpfs_read,
	.write = tmpfs_write,
	.truncate = tmpfs_truncate,
	.fallocate = tmpfs_fallocate,
	.seek = tmpfs_seek,
	.mmap = tmpfs_mmap,
	.mmap_sync = tmpfs_mmap_sync,
	.copy_range = tmpfs_copy_range,
};

/* Symlinks (their target lies at the inode), FIFOs, sockets and devices. */
const struct vfs_inode_ops tmpfs_other_ops = {
	.size = sizeof(tmpfs_other_ops),
	XATTR_OPS,
};
