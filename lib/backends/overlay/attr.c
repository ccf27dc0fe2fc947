/* SPDX-License-Identifier: MIT */
/*
 * Attributes and xattrs: changes go to the upper file and are published.
 *
 * Overlay's own xattrs are nobody's to see. What a user sets by a name like
 * theirs is stored behind one more "overlay.", as Linux does it, so that an
 * overlay can be made of directories that are in an overlay. Contract:
 * overlay.h.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include <vfs/file.h>
#include <vfs/stat.h>

#include "overlay.h"

#define ESCAPE "overlay."
#define ESCAPE_LEN 8u
#define NAME_SIZE 257u
#define LIST_MAX 65536u

/* ---- names ---- */

static const char *prefix_of(const struct overlay_super *fs)
{
	return fs->userxattr ? "user.overlay." : "trusted.overlay.";
}

/* What follows the prefix of overlay's names; NULL: it is no such name. */
static const char *suffix_of(const struct overlay_super *fs, const char *name)
{
	const char *prefix = prefix_of(fs);
	size_t len = strlen(prefix);

	return strncmp(name, prefix, len) ? NULL : name + len;
}

bool overlay_is_own(const struct overlay_super *fs, const char *name)
{
	const char *suffix = suffix_of(fs, name);

	return suffix && strncmp(suffix, ESCAPE, ESCAPE_LEN);
}

/* The name on the layers of what users call name. */
static int escape(const struct overlay_super *fs, const char *name,
		  char buffer[NAME_SIZE], const char **out)
{
	const char *suffix = suffix_of(fs, name);
	int n;

	*out = name;
	if (!suffix)
		return 0;
	n = snprintf(buffer, NAME_SIZE, "%s" ESCAPE "%s", prefix_of(fs),
		     suffix);
	if (n >= (int)NAME_SIZE)
		return -EOPNOTSUPP;
	*out = buffer;
	return 0;
}

/* What users call a layer's name, in place: bytes, 0: it is not for them. */
static size_t unescape(const struct overlay_super *fs, char *name)
{
	size_t len = strlen(name) + 1, prefix = strlen(prefix_of(fs));

	if (!suffix_of(fs, name))
		return len;
	if (overlay_is_own(fs, name))
		return 0;
	memmove(name + prefix, name + prefix + ESCAPE_LEN,
		len - prefix - ESCAPE_LEN);
	return len - ESCAPE_LEN;
}

/* ---- attributes ---- */

static int set_owner(struct overlay_super *fs, int fd,
		     const struct vfs_attr *attr)
{
	return vfs_fchownat(fs->task, fd, "",
			    attr->mask & VFS_ATTR_UID ? attr->uid : UINT32_MAX,
			    attr->mask & VFS_ATTR_GID ? attr->gid : UINT32_MAX,
			    AT_EMPTY_PATH);
}

static int set_times(struct overlay_super *fs, int fd,
		     const struct vfs_attr *attr)
{
	struct vfs_timespec times[2] = {attr->atime, attr->mtime};

	if (!(attr->mask & VFS_ATTR_ATIME))
		times[0].nsec = UTIME_OMIT;
	if (!(attr->mask & VFS_ATTR_MTIME))
		times[1].nsec = UTIME_OMIT;
	return vfs_utimensat(fs->task, fd, "", times, AT_EMPTY_PATH);
}

/* Its time of change alone: what a change to what it is already leaves. */
static int touch(struct overlay_super *fs, int fd)
{
	struct vfs_stat st;
	int err = overlay_stat(fs, fd, &st);

	if (err)
		return err;
	if (S_ISLNK(st.mode))
		return vfs_fchownat(fs->task, fd, "", UINT32_MAX, UINT32_MAX,
				    AT_EMPTY_PATH);
	return vfs_fchmodat2(fs->task, fd, "", st.mode & 07777, AT_EMPTY_PATH);
}

static int store(struct overlay_super *fs, int fd, const struct vfs_attr *attr)
{
	int err = vfs_fault(fs->vfs, "overlay:setattr");

	if (!err && attr->mask == VFS_ATTR_CTIME)
		return touch(fs, fd);
	/* a set-id bit that a truncation takes leaves no time by itself */
	if (!err && attr->mask == VFS_ATTR_MODE)
		return vfs_layer_setattr(fs->task, fd, attr);
	if (!err && (attr->mask & (VFS_ATTR_UID | VFS_ATTR_GID)))
		err = set_owner(fs, fd, attr);
	if (!err && (attr->mask & VFS_ATTR_MODE))
		err = vfs_fchmodat2(fs->task, fd, "", attr->mode & 07777,
				    AT_EMPTY_PATH);
	if (!err && (attr->mask & (VFS_ATTR_ATIME | VFS_ATTR_MTIME)))
		err = set_times(fs, fd, attr);
	return err;
}

int overlay_setattr(struct vfs_inode *inode, const struct vfs_attr *attr)
{
	struct overlay_inode *oi = overlay_inode(inode);
	struct vfs_nesting nesting;
	int err;

	vfs_nest_begin(oi->fs->vfs, &nesting);
	err = overlay_copy_up(oi, -1);
	if (!err)
		err = store(oi->fs, overlay_upper(oi), attr);
	if (!err && (attr->mask & VFS_ATTR_FLAGS))
		err = overlay_set_flags(oi, attr->flags);
	if (!err && overlay_publish(oi))
		overlay_stale(inode);
	vfs_nest_end(oi->fs->vfs, &nesting);
	return err;
}

/* ---- xattrs ---- */

int64_t overlay_getxattr(struct vfs_inode *inode, const char *name, void *value,
			 size_t size)
{
	struct overlay_inode *oi = overlay_inode(inode);
	struct vfs_nesting nesting;
	char buffer[NAME_SIZE];
	const char *real;
	int64_t n;
	int err = escape(oi->fs, name, buffer, &real);

	if (err)
		return err;
	vfs_nest_begin(oi->fs->vfs, &nesting);
	n = vfs_layer_getxattr(oi->fs->task, overlay_real(oi), real, value,
			       size);
	vfs_nest_end(oi->fs->vfs, &nesting);
	return n;
}

/* value NULL: removes. */
static int change_xattr(struct overlay_inode *oi, const char *name,
			const void *value, size_t size, int flags)
{
	struct overlay_super *fs = oi->fs;
	int err = vfs_fault(fs->vfs, "overlay:setxattr");

	/* a file that is up by another name may stay so: unlike what else
	 * changes it, this does not bring the name up in Linux, either */
	if (!err && overlay_upper(oi) < 0)
		err = overlay_copy_up(oi, -1);
	if (err)
		return err;
	if (value)
		err = vfs_layer_setxattr(fs->task, overlay_upper(oi), name,
					 value, size, flags);
	else
		err = vfs_layer_removexattr(fs->task, overlay_upper(oi), name);
	if (!err && value)
		vfs_inode_set_flags(oi->inode, VFS_INODE_XATTR, 0);
	if (!err && overlay_publish(oi))
		overlay_stale(oi->inode);
	return err;
}

static int check_removal(struct overlay_inode *oi, const char *name)
{
	int64_t n = vfs_layer_getxattr(oi->fs->task, overlay_real(oi), name,
				       NULL, 0);

	return n < 0 ? (int)n : 0;
}

int overlay_setxattr(struct vfs_inode *inode, const char *name,
		     const void *value, size_t size, int flags)
{
	struct overlay_inode *oi = overlay_inode(inode);
	struct vfs_nesting nesting;
	char buffer[NAME_SIZE];
	const char *real;
	int err = escape(oi->fs, name, buffer, &real);

	if (err)
		return err;
	vfs_nest_begin(oi->fs->vfs, &nesting);
	err = change_xattr(oi, real, value ? value : "", size, flags);
	vfs_nest_end(oi->fs->vfs, &nesting);
	return err;
}

int overlay_removexattr(struct vfs_inode *inode, const char *name)
{
	struct overlay_inode *oi = overlay_inode(inode);
	struct vfs_nesting nesting;
	char buffer[NAME_SIZE];
	const char *real;
	int err = escape(oi->fs, name, buffer, &real);

	if (err)
		return err;
	vfs_nest_begin(oi->fs->vfs, &nesting);
	/* nothing comes up for what is not there; that it is not is no error
	 * of an ACL's, and leaves a time of change */
	if (overlay_upper(oi) < 0 || strncmp(real, "system.", 7))
		err = check_removal(oi, real);
	if (!err)
		err = change_xattr(oi, real, NULL, 0, 0);
	vfs_nest_end(oi->fs->vfs, &nesting);
	return err;
}

static int64_t list_names(struct overlay_inode *oi, char *all, int64_t n,
			  char *list, size_t size)
{
	size_t used = 0;

	for (int64_t at = 0; at < n;) {
		size_t whole = strlen(all + at) + 1;
		size_t len = unescape(oi->fs, all + at);

		if (size && used + len > size)
			return -ERANGE;
		if (size)
			memcpy(list + used, all + at, len);
		used += len;
		at += (int64_t)whole;
	}
	return (int64_t)used;
}

int64_t overlay_listxattr(struct vfs_inode *inode, char *list, size_t size)
{
	struct overlay_inode *oi = overlay_inode(inode);
	struct vfs *vfs = oi->fs->vfs;
	char *all = vfs_alloc(vfs, LIST_MAX);
	struct vfs_nesting nesting;
	int64_t n;

	if (!all)
		return -ENOMEM;
	vfs_nest_begin(vfs, &nesting);
	n = vfs_layer_listxattr(oi->fs->task, overlay_real(oi), all, LIST_MAX);
	vfs_nest_end(vfs, &nesting);
	if (n > 0)
		n = list_names(oi, all, n, list, size);
	vfs_free(vfs, all, LIST_MAX);
	return n;
}
