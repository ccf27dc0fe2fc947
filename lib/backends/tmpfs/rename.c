/* SPDX-License-Identifier: MIT */
/*
 * Renaming. The order of things: what may fail (the whiteout's inode, room in
 * the new directory's log), then the logs, then links, sizes and times, which
 * cannot. A name that is replaced or exchanged keeps its place in its
 * directory's listing and only stands for another inode.
 */
#include <errno.h>
#include <stdbool.h>
#include <sys/stat.h>

#include "log.h"
#include "tmpfs.h"

static uint32_t type_of(const struct vfs_inode *inode)
{
	return (inode->mode & S_IFMT) >> 12;
}

static void add_link(struct vfs_inode *dir, int32_t change)
{
	VFS_WRITE_ONCE(dir->nlink, dir->nlink + (uint32_t)change);
}

/* The times that every rename touches. */
static void touch_all(const struct vfs_rename_args *args)
{
	vfs_inode_touch(args->old_dir, VFS_TOUCH_MTIME | VFS_TOUCH_CTIME);
	if (args->new_dir != args->old_dir)
		vfs_inode_touch(args->new_dir,
				VFS_TOUCH_MTIME | VFS_TOUCH_CTIME);
	vfs_inode_touch(args->old_inode, VFS_TOUCH_CTIME);
	if (args->new_inode)
		vfs_inode_touch(args->new_inode, VFS_TOUCH_CTIME);
}

static int exchange(struct vfs_rename_args *args)
{
	struct vfs_inode *old = args->old_inode, *new = args->new_inode;
	int32_t moved = S_ISDIR(old->mode) - S_ISDIR(new->mode);

	tmpfs_log_retarget(tmpfs_inode(args->old_dir)->log, args->old_cookie,
			   new->ino, type_of(new));
	tmpfs_log_retarget(tmpfs_inode(args->new_dir)->log, args->new_cookie,
			   old->ino, type_of(old));
	args->new_name_cookie = args->new_cookie;
	args->old_name_cookie = args->old_cookie;
	if (args->old_dir != args->new_dir) {
		/* Whose ".." came and went. */
		add_link(args->old_dir, -moved);
		add_link(args->new_dir, moved);
	}
	touch_all(args);
	return 0;
}

static int make_whiteout(const struct vfs_rename_args *args,
			 struct vfs_inode **out)
{
	struct vfs_super *super = args->old_dir->super;

	return tmpfs_make_inode(super, args->old_dir, vfs_super_next_ino(super),
				args->whiteout_args, out);
}

/* Puts old_inode under its new name, and what there is to be under the old
 * one: the only step on the logs that may fail, and then changes nothing. */
static int move_record(struct vfs_rename_args *args, struct vfs_inode *whiteout)
{
	struct vfs *vfs = args->old_dir->super->vfs;
	struct tmpfs_inode *from = tmpfs_inode(args->old_dir);
	struct tmpfs_inode *to = tmpfs_inode(args->new_dir);
	const struct vfs_inode *inode = args->old_inode;
	const struct vfs_name *name = &args->new_name;
	int error;

	if (args->new_inode) {
		args->new_name_cookie = args->new_cookie;
		tmpfs_log_retarget(to->log, args->new_cookie, inode->ino,
				   type_of(inode));
	} else if (from == to && !whiteout &&
		   tmpfs_log_rename(from->log, args->old_cookie, name->str,
				    name->len)) {
		args->new_name_cookie = args->old_cookie;
		return 0;
	} else {
		error = tmpfs_log_reserve(vfs, &to->log, name->len);
		if (error)
			return error;
		args->new_name_cookie =
			tmpfs_log_append(to->log, name->str, name->len,
					 inode->ino, type_of(inode));
	}
	if (whiteout) {
		args->old_name_cookie = args->old_cookie;
		tmpfs_log_retarget(from->log, args->old_cookie, whiteout->ino,
				   type_of(whiteout));
	} else {
		tmpfs_log_remove(vfs, from->log, args->old_cookie);
	}
	return 0;
}

/* Links and sizes after the names have changed. */
static void account(const struct vfs_rename_args *args, bool whiteout)
{
	struct vfs_inode *from = args->old_dir, *to = args->new_dir;
	bool dir = S_ISDIR(args->old_inode->mode);

	if (args->new_inode) {
		tmpfs_drop_link(args->new_inode);
		/* Of two directories' ".." one is left, in new_dir. */
		if (dir)
			add_link(from, -1);
	} else if (dir && from != to) {
		add_link(from, -1);
		add_link(to, 1);
	}
	if (!whiteout)
		VFS_WRITE_ONCE(from->size, from->size - TMPFS_DIRENT_SIZE);
	if (!args->new_inode)
		VFS_WRITE_ONCE(to->size, to->size + TMPFS_DIRENT_SIZE);
}

VFS_HOT
int tmpfs_rename(struct vfs_rename_args *args)
{
	const struct vfs_inode *victim = args->new_inode;
	struct vfs_inode *whiteout = NULL;
	int error;

	if (args->flags &
	    ~(VFS_RENAME_NOREPLACE | VFS_RENAME_EXCHANGE | VFS_RENAME_WHITEOUT))
		return -EINVAL;
	if (args->flags & VFS_RENAME_EXCHANGE)
		return exchange(args);
	if (victim && S_ISDIR(victim->mode) &&
	    !tmpfs_log_empty(tmpfs_inode(victim)->log))
		return -ENOTEMPTY;
	if (args->flags & VFS_RENAME_WHITEOUT) {
		error = make_whiteout(args, &whiteout);
		if (error)
			return error;
	}
	error = move_record(args, whiteout);
	if (error) {
		if (whiteout)
			tmpfs_undo_inode(whiteout);
		return error;
	}
	account(args, whiteout);
	touch_all(args);
	args->whiteout = whiteout;
	return 0;
}
