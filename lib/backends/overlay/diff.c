/* SPDX-License-Identifier: MIT */
/*
 * What the upper layer has of one directory, and how it differs from the lower
 * ones: a list that the ioctl of directories makes for the iterator (walk.c).
 * Contract: overlay.h.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <string.h>

#include <vfs/dir.h>
#include <vfs/file.h>
#include <vfs/overlay.h>

#include "overlay.h"

#define BUFFER_SIZE 8192u

/* ---- the list ---- */

void overlay_diff_fini(struct vfs *vfs, struct overlay_diff_list *list)
{
	vfs_free(vfs, list->data, list->room);
	memset(list, 0, sizeof(*list));
}

static int make_room(struct vfs *vfs, struct overlay_diff_list *list,
		     size_t need)
{
	size_t room = list->room ? list->room : 1024;
	char *data;

	if (list->room - list->used >= need)
		return 0;
	while (room - list->used < need)
		room *= 2;
	data = vfs_alloc(vfs, room);
	if (!data)
		return -ENOMEM;
	if (list->used)
		memcpy(data, list->data, list->used);
	vfs_free(vfs, list->data, list->room);
	list->data = data;
	list->room = room;
	return 0;
}

static int add(struct vfs *vfs, struct overlay_diff_list *list,
	       const struct overlay_diff_record *record, const char *name,
	       const char *from)
{
	struct overlay_diff_record r = *record;
	size_t name_size = strlen(name) + 1;
	size_t from_size = from ? strlen(from) + 1 : 0;
	size_t size = (sizeof(r) + name_size + from_size + 7) & ~(size_t)7;
	int err = make_room(vfs, list, size);

	if (err)
		return err;
	r.size = (uint32_t)size;
	r.from = from ? (uint32_t)(sizeof(r) + name_size) : 0;
	memcpy(list->data + list->used, &r, sizeof(r));
	memcpy(list->data + list->used + sizeof(r), name, name_size);
	if (from)
		memcpy(list->data + list->used + r.from, from, from_size);
	list->used += size;
	return 0;
}

/* ---- one name ---- */

/* Whether a file has the data that below has, as far as stat can tell. */
static bool same_data(const struct overlay_found *found,
		      const struct vfs_stat *below)
{
	const struct vfs_stat *st = &found->st;

	if (((st->mode ^ below->mode) & S_IFMT) || st->rdev != below->rdev)
		return false;
	if (found->lower_count && (found->lower_st.ino != below->ino ||
				   found->lower_st.dev != below->dev))
		return false;
	return found->metacopy ||
	       (st->size == below->size && st->mtime.sec == below->mtime.sec &&
		st->mtime.nsec == below->mtime.nsec);
}

/* A directory that is merged, and lies where it always was or was moved. */
static uint32_t kind_of_merged(const struct overlay_found *found)
{
	const struct vfs_stat *a = &found->st, *b = &found->lower_st;

	if (found->redirect)
		return VFS_OVERLAY_RENAMED;
	return a->mode != b->mode || a->uid != b->uid || a->gid != b->gid
		       ? VFS_OVERLAY_METADATA
		       : 0;
}

static int kind_of(struct overlay_super *fs, const struct overlay_inode *dir,
		   const char *name, const struct overlay_found *found,
		   uint32_t *kind)
{
	struct vfs_stat below;
	int err;

	if (found->is_dir && found->lower_count) {
		*kind = kind_of_merged(found);
		return 0;
	}
	err = overlay_below(fs, dir, name, &below);
	if (err < 0)
		return err;
	if (!err)
		*kind = VFS_OVERLAY_ADDED;
	else if (found->is_dir || S_ISDIR(below.mode))
		*kind = VFS_OVERLAY_REPLACED;
	else
		*kind = same_data(found, &below) ? VFS_OVERLAY_METADATA
						 : VFS_OVERLAY_MODIFIED;
	return 0;
}

static int add_name(struct overlay_super *fs, const struct overlay_inode *dir,
		    const char *name, struct overlay_diff_list *list)
{
	struct overlay_diff_record record = {0};
	struct overlay_found found;
	struct vfs_stat below;
	int err = overlay_find(fs, dir, name, &found);

	if (err == -ENOENT) {
		/* a whiteout, which may hide nothing */
		err = overlay_below(fs, dir, name, &below);
		record.kind = VFS_OVERLAY_DELETED;
		return err > 0 ? add(fs->vfs, list, &record, name, NULL) : err;
	}
	if (err)
		return err;
	if (found.upper >= 0) {
		err = kind_of(fs, dir, name, &found, &record.kind);
		record.mode = found.st.mode;
		record.enter = found.is_dir;
		if (!err && (record.kind || record.enter))
			err = add(fs->vfs, list, &record, name,
				  record.kind == VFS_OVERLAY_RENAMED
					  ? found.redirect
					  : NULL);
	}
	overlay_found_fini(fs, &found);
	return err;
}

/* ---- one directory ---- */

/* A mark says that the name is gone, if there is nothing in upper that says
 * what it is. */
static int add_mark(struct overlay_super *fs, const struct overlay_inode *dir,
		    const char *mark, struct overlay_diff_list *list)
{
	const char *name = mark + OVERLAY_MARK_LEN;
	int fd = overlay_open_path(fs, overlay_upper(dir), name);

	overlay_close(fs, fd);
	if (fd >= 0 || !strcmp(name, OVERLAY_MARK_OPAQUE))
		return 0;
	return fd == -ENOENT ? add_name(fs, dir, name, list) : fd;
}

static int add_buffer(struct overlay_super *fs, const struct overlay_inode *dir,
		      const char *buffer, int64_t size,
		      struct overlay_diff_list *list)
{
	int err = 0;

	for (int64_t at = 0; !err && at < size;) {
		const struct vfs_dirent *entry =
			(const struct vfs_dirent *)(buffer + at);

		at += entry->reclen;
		if (overlay_is_mark(fs, entry->name))
			err = add_mark(fs, dir, entry->name, list);
		else if (strcmp(entry->name, ".") != 0 &&
			 strcmp(entry->name, "..") != 0)
			err = add_name(fs, dir, entry->name, list);
	}
	return err;
}

static int add_upper(struct overlay_super *fs, const struct overlay_inode *dir,
		     int upper, struct overlay_diff_list *list)
{
	char *buffer = vfs_alloc(fs->vfs, BUFFER_SIZE);
	int64_t n = buffer ? vfs_fault(fs->vfs, "overlay:getdents") : -ENOMEM;
	int fd = -1;

	if (!n)
		fd = vfs_layer_reopen(fs->task, upper, O_RDONLY | O_DIRECTORY);
	if (!n && fd < 0)
		n = fd;
	while (!n) {
		n = vfs_getdents(fs->task, fd, buffer, BUFFER_SIZE);
		if (n <= 0)
			break;
		n = add_buffer(fs, dir, buffer, n, list);
	}
	overlay_close(fs, fd);
	vfs_free(fs->vfs, buffer, BUFFER_SIZE);
	return (int)n;
}

int overlay_dir_ioctl(struct vfs_inode *inode, struct vfs_file *file,
		      uint64_t request, void *argument)
{
	struct overlay_inode *dir = overlay_inode(inode);
	struct overlay_diff_list *list = argument;
	struct vfs_nesting nesting;
	int upper = overlay_upper(dir), err = 0;

	(void)file;
	/* the core asks for what it does not have: it has them */
	if (request == FS_IOC_GETFLAGS)
		return 0;
	if (request != OVERLAY_IOC_DIFF)
		return -ENOTTY;
	if (upper < 0)
		return 0;
	vfs_nest_begin(dir->fs->vfs, &nesting);
	err = add_upper(dir->fs, dir, upper, list);
	vfs_nest_end(dir->fs->vfs, &nesting);
	if (err)
		overlay_diff_fini(dir->fs->vfs, list);
	return err;
}
