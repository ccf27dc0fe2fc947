/* SPDX-License-Identifier: MIT */
/*
 * Removing names. Where a lower layer has the name a whiteout takes its place,
 * in one rename; elsewhere the upper file goes. A directory that is empty to
 * its users may hold whiteouts: it is moved to the work directory whole, and
 * cleared there. Contract: overlay.h.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include <vfs/file.h>
#include <vfs/path.h>
#include <vfs/stat.h>

#include "overlay.h"

int overlay_check_empty(struct overlay_inode *oi, bool *hidden)
{
	struct overlay_cache *cache;
	int err = overlay_get_cache(oi, &cache);

	if (err)
		return err;
	err = overlay_cache_count(cache) ? -ENOTEMPTY : 0;
	if (hidden)
		*hidden = overlay_cache_hides(cache);
	overlay_cache_unref(oi->fs, cache);
	return err;
}

/* The file that whiteouts are links to, made when it is wanted first. A
 * descriptor, or an error. whiteout_lock. */
static int shared_whiteout(struct overlay_super *fs)
{
	struct overlay_name name;
	int err;

	if (fs->whiteout_fd >= 0)
		return fs->whiteout_fd;
	overlay_temp_name(fs, &name);
	err = vfs_mknodat(fs->task, fs->work_fd, name.text, S_IFCHR, 0);
	if (err)
		return err;
	fs->whiteout_fd = overlay_open_path(fs, fs->work_fd, name.text);
	return fs->whiteout_fd;
}

/* A whiteout called temp in work: a name more of the one that there is, or,
 * where that has all that it can have, another one. */
static int make_whiteout(struct overlay_super *fs, const char *temp)
{
	int fd, err = vfs_fault(fs->vfs, "overlay:create");

	if (err)
		return err;
	pthread_mutex_lock(&fs->whiteout_lock);
	fd = shared_whiteout(fs);
	err = fd < 0 ? fd
		     : vfs_linkat(fs->task, fd, "", fs->work_fd, temp,
				  AT_EMPTY_PATH);
	pthread_mutex_unlock(&fs->whiteout_lock);
	return err ? vfs_mknodat(fs->task, fs->work_fd, temp, S_IFCHR, 0) : 0;
}

int overlay_whiteout(struct overlay_super *fs, int dirfd, const char *name,
		     bool has_dir)
{
	struct overlay_name temp;
	int err;

	overlay_temp_name(fs, &temp);
	err = make_whiteout(fs, temp.text);
	if (err)
		return err;
	err = vfs_fault(fs->vfs, "overlay:rename");
	if (!err)
		err = vfs_renameat2(fs->task, fs->work_fd, temp.text, dirfd,
				    name, has_dir ? VFS_RENAME_EXCHANGE : 0);
	if (err || has_dir)
		(void)overlay_remove_tree(fs, fs->work_fd, temp.text);
	return err;
}

/* An upper directory with nothing but whiteouts in it goes. */
static int remove_dir(struct overlay_super *fs, int dirfd, const char *name)
{
	struct overlay_name temp;
	int err = vfs_fault(fs->vfs, "overlay:rmdir");

	if (!err)
		err = vfs_unlinkat(fs->task, dirfd, name, AT_REMOVEDIR);
	if (err != -ENOTEMPTY)
		return err;
	overlay_temp_name(fs, &temp);
	err = vfs_renameat2(fs->task, dirfd, name, fs->work_fd, temp.text,
			    VFS_RENAME_NOREPLACE);
	if (!err)
		(void)overlay_remove_tree(fs, fs->work_fd, temp.text);
	return err;
}

static int remove_upper(struct overlay_super *fs, int dirfd, const char *name,
			bool is_dir)
{
	int err;

	if (is_dir)
		return remove_dir(fs, dirfd, name);
	err = vfs_fault(fs->vfs, "overlay:unlink");
	return err ? err : vfs_unlinkat(fs->task, dirfd, name, 0);
}

void overlay_lost_name(struct overlay_inode *oi)
{
	if (!S_ISDIR(VFS_READ_ONCE(oi->inode->mode)) &&
	    overlay_upper(oi) >= 0 && VFS_READ_ONCE(oi->inode->nlink) > 1)
		return;
	overlay_set_state(oi, OVERLAY_UNLINKED);
	vfs_inode_set_flags(oi->inode, VFS_INODE_UNNAMED, 0);
}

/* Whether a lower layer has what the name is, or was. */
static int needs_whiteout(struct overlay_inode *dir, const char *name,
			  const struct overlay_inode *oi)
{
	struct vfs_stat below;

	if (overlay_upper(oi) < 0)
		return 1;
	return overlay_below(dir->fs, dir, name, &below);
}

/* oi's lock held. */
static int remove_locked(struct overlay_inode *dir, const char *name,
			 struct overlay_inode *oi, bool is_dir)
{
	struct overlay_super *fs = dir->fs;
	int dirfd = overlay_upper(dir), err;
	int below = needs_whiteout(dir, name, oi);

	if (below < 0)
		return below;
	err = overlay_index_begin(oi);
	if (err)
		return err;
	if (below)
		err = overlay_whiteout(fs, dirfd, name,
				       is_dir && overlay_upper(oi) >= 0);
	else
		err = remove_upper(fs, dirfd, name, is_dir);
	if (err)
		return err;
	overlay_lost_name(oi);
	overlay_index_end(oi, -1);
	return 0;
}

/* By this one of its names. */
static int copy_up_as(struct overlay_inode *oi, struct overlay_inode *dir,
		      const char *name)
{
	char *home = overlay_copy_name(oi->fs, name);

	if (!home)
		return -ENOMEM;
	overlay_set_home(oi, dir->inode, home);
	return overlay_copy_up(oi, -1);
}

/* A file of several names that is, or is to be, in the index has this one on
 * upper before it loses it, so that the counts go together. */
int overlay_bring_name(struct overlay_inode *oi, struct overlay_inode *dir,
		       const char *name)
{
	int err = 0;

	if (!overlay_may_index(oi))
		return 0;
	if (overlay_upper(oi) < 0)
		err = copy_up_as(oi, dir, name);
	return err ? err : overlay_link_name(oi, dir, name);
}

static int remove_nested(struct overlay_inode *dir, const char *name,
			 struct overlay_inode *oi)
{
	bool is_dir = S_ISDIR(VFS_READ_ONCE(oi->inode->mode));
	int err = is_dir ? overlay_check_empty(oi, NULL) : 0;

	if (!err)
		err = overlay_copy_up(dir, OVERLAY_ALL);
	if (!err)
		err = overlay_bring_name(oi, dir, name);
	if (err)
		return err;
	pthread_mutex_lock(&oi->lock);
	err = remove_locked(dir, name, oi, is_dir);
	pthread_mutex_unlock(&oi->lock);
	if (!err)
		overlay_changed(dir, oi);
	return err;
}

int overlay_remove(struct vfs_inode *dir, const struct vfs_name *name,
		   struct vfs_inode *inode, uint64_t cookie)
{
	struct vfs *vfs = dir->super->vfs;
	struct vfs_nesting nesting;
	struct overlay_name text;
	int err;

	(void)cookie;
	if (!overlay_make_name(name, &text))
		return -ENAMETOOLONG;
	vfs_nest_begin(vfs, &nesting);
	err = remove_nested(overlay_inode(dir), text.text,
			    overlay_inode(inode));
	vfs_nest_end(vfs, &nesting);
	return err;
}

/* ---- an empty directory without whiteouts ---- */

static int make_clear(struct overlay_inode *oi, const char *temp, int *fd)
{
	struct overlay_super *fs = oi->fs;
	int upper = overlay_upper(oi);
	struct vfs_stat st;
	int err = overlay_stat(fs, upper, &st);

	if (!err)
		err = vfs_mkdirat(fs->task, fs->work_fd, temp, 0700);
	if (err)
		return err;
	*fd = overlay_open_path(fs, fs->work_fd, temp);
	err = *fd < 0 ? *fd : overlay_copy_xattrs(fs, upper, *fd);
	/* whoever has it open is shown what it had */
	if (!err)
		err = overlay_inherit_flags(fs, upper, *fd);
	if (!err)
		err = overlay_set_own(fs, *fd, "opaque", "y", 1);
	if (!err)
		err = overlay_set_attributes(fs, *fd, &st);
	if (err) {
		overlay_close(fs, *fd);
		(void)overlay_remove_tree(fs, fs->work_fd, temp);
	}
	return err;
}

int overlay_clear_empty(struct overlay_inode *oi, int dirfd, const char *name)
{
	struct overlay_super *fs = oi->fs;
	struct overlay_name temp;
	int fd, err;

	overlay_temp_name(fs, &temp);
	err = make_clear(oi, temp.text, &fd);
	if (err)
		return err;
	err = vfs_fault(fs->vfs, "overlay:rename");
	if (!err)
		err = vfs_renameat2(fs->task, fs->work_fd, temp.text, dirfd,
				    name, VFS_RENAME_EXCHANGE);
	(void)overlay_remove_tree(fs, fs->work_fd, temp.text);
	if (err) {
		overlay_close(fs, fd);
		return err;
	}
	/* whoever looks at the old one looks at one that is gone: it is about
	 * to be replaced, and nobody finds anything in it as it is */
	overlay_replace_upper(oi, fd);
	return 0;
}
