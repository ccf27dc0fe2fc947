/* SPDX-License-Identifier: MIT */
/*
 * Overlay's inodes: making one for what was found, what stat says of it, the
 * table that finds those with more than one name, and their end.
 *
 * A directory has one name and one inode. Another file is found in the table by
 * the file that its number is of: the lower one that it is or was copied from,
 * unless that has more names, which are copied up one by one; then the upper
 * one.
 *
 * Attributes are published when something has changed them, so that stat asks
 * no layer. Contract: overlay.h.
 */
#include <errno.h>
#include <string.h>

#include <vfs/path.h>

#include "overlay.h"

#define SHOWN                                                            \
	(STATX_MODE | STATX_UID | STATX_GID | STATX_SIZE | STATX_NLINK | \
	 STATX_ATIME | STATX_MTIME | STATX_CTIME | STATX_BLOCKS)
#define DIRECTORY_BITS 16u /* of a number that is overlay's: whose it was */

/* ---- numbers ---- */

void overlay_map_ino(const struct overlay_super *fs, uint32_t fs_index,
		     bool is_dir, uint64_t ino, uint64_t *dev, uint64_t *out)
{
	*dev = fs->super->dev;
	*out = ino;
	if (fs->same_fs)
		return;
	if (fs->xino_shift && !(ino >> fs->xino_shift)) {
		*out = ino | (uint64_t)fs_index << (fs->xino_shift + 1);
		return;
	}
	if (!is_dir)
		*dev = fs->fs_dev[fs_index];
	else /* one device for all of them: the number tells them apart */
		*out = ino ^ (uint64_t)fs_index << (64 - DIRECTORY_BITS);
}

/* Whether the number is that of lower[0]. */
static bool has_origin(const struct overlay_super *fs,
		       const struct overlay_found *found, bool root)
{
	if (!found->lower_count)
		return false;
	if (found->upper < 0)
		return true;
	if (root)
		return false;
	return found->is_dir ||
	       (found->lower_st.nlink == 1 && overlay_is_known(fs, found)) ||
	       (fs->index && found->indexed);
}

static void number(const struct overlay_super *fs,
		   const struct overlay_found *found, bool root, uint64_t *dev,
		   uint64_t *ino)
{
	if (has_origin(fs, found, root))
		overlay_map_ino(fs, fs->layers[found->lower[0].layer].fs,
				found->is_dir, found->lower_st.ino, dev, ino);
	else
		overlay_map_ino(fs, 0, found->is_dir, found->st.ino, dev, ino);
}

uint64_t overlay_found_ino(const struct overlay_super *fs,
			   const struct overlay_found *found)
{
	uint64_t dev, ino;

	number(fs, found, false, &dev, &ino);
	return ino;
}

/* Whether stat must say something else than the inode does, now or later. */
static bool is_split(const struct overlay_super *fs,
		     const struct overlay_found *found)
{
	if (found->is_dir)
		return false;
	if (!fs->same_fs && !fs->xino_shift)
		return true;
	if (!fs->has_upper || found->upper >= 0)
		return false;
	/* each of its names becomes a file of its own, or nobody will know of
	 * the copy where it came from */
	return (!fs->index && found->lower_st.nlink > 1) ||
	       !overlay_is_known(fs, found);
}

int overlay_getattr(struct vfs_inode *inode, struct vfs_stat *out)
{
	const struct overlay_inode *oi = overlay_inode(inode);

	out->dev = VFS_READ_ONCE(oi->dev);
	out->ino = VFS_READ_ONCE(oi->ino);
	return 0;
}

/* ---- homes ---- */

char *overlay_copy_name(struct overlay_super *fs, const char *name)
{
	size_t size = strlen(name) + 1;
	char *copy = vfs_alloc(fs->vfs, size);

	return copy ? memcpy(copy, name, size) : NULL;
}

void overlay_free_name(struct overlay_super *fs, char *name)
{
	if (name)
		vfs_free(fs->vfs, name, strlen(name) + 1);
}

void overlay_set_home(struct overlay_inode *oi, struct vfs_inode *parent,
		      char *name)
{
	struct vfs_inode *old_parent;
	char *old;

	vfs_inode_ref(parent);
	pthread_mutex_lock(&oi->fs->names_lock);
	old_parent = oi->parent;
	old = oi->name;
	oi->parent = parent;
	oi->name = name;
	pthread_mutex_unlock(&oi->fs->names_lock);
	overlay_free_name(oi->fs, old);
	vfs_inode_unref(old_parent);
}

int overlay_home(struct overlay_inode *oi, struct vfs_inode **parent,
		 struct overlay_name *name)
{
	int err = 0;

	pthread_mutex_lock(&oi->fs->names_lock);
	if (oi->parent) {
		*parent = vfs_inode_ref(oi->parent);
		memcpy(name->text, oi->name, strlen(oi->name) + 1);
	} else {
		err = -ENOENT;
	}
	pthread_mutex_unlock(&oi->fs->names_lock);
	return err;
}

/* ---- what is published ---- */

static bool is_merged(const struct overlay_inode *oi)
{
	if (!overlay_has_lower(oi))
		return false;
	return overlay_upper(oi) >= 0 || oi->lower_count > 1;
}

/* st, of the real file, becomes what the inode says. stat_lock. */
static void set_stat(struct overlay_inode *oi, struct vfs_stat *st)
{
	if (S_ISDIR(st->mode) && is_merged(oi))
		st->nlink = 1;
	if (S_ISDIR(st->mode) && (overlay_state(oi) & OVERLAY_UNLINKED))
		st->nlink = 0;
	if (overlay_state(oi) & OVERLAY_INDEXED)
		st->nlink = VFS_READ_ONCE(oi->nlink);
	st->attributes |= (uint64_t)VFS_READ_ONCE(oi->flags) >> 8;
	vfs_inode_set_stat(oi->inode, st, SHOWN);
}

int overlay_publish(struct overlay_inode *oi)
{
	struct overlay_super *fs = oi->fs;
	struct vfs_stat st, data;
	int err;

	pthread_mutex_lock(&oi->stat_lock);
	/* what changes from here on is told of by the flag again */
	vfs_inode_set_flags(oi->inode, 0, VFS_INODE_STALE);
	err = overlay_stat(fs, overlay_real(oi), &st);
	if (!err && (overlay_state(oi) & OVERLAY_METACOPY)) {
		err = overlay_stat(fs, oi->lower[oi->lower_count - 1].fd,
				   &data);
		st.blocks = data.blocks;
	}
	if (!err)
		set_stat(oi, &st);
	else
		vfs_inode_set_flags(oi->inode, VFS_INODE_STALE, 0);
	pthread_mutex_unlock(&oi->stat_lock);
	return err;
}

int overlay_refresh(struct vfs_inode *inode)
{
	struct vfs_nesting nesting;
	int err;

	if (!(VFS_READ_ONCE(inode->flags) & VFS_INODE_STALE))
		return 0;
	vfs_nest_begin(inode->super->vfs, &nesting);
	err = overlay_publish(overlay_inode(inode));
	vfs_nest_end(inode->super->vfs, &nesting);
	return err;
}

void overlay_accessed(struct vfs_inode *inode)
{
	struct overlay_inode *oi = overlay_inode(inode);
	struct overlay_super *fs = oi->fs;
	struct vfs_nesting nesting;
	struct vfs_stat st;
	int upper = overlay_upper(oi);

	if (upper < 0)
		return;
	vfs_nest_begin(fs->vfs, &nesting);
	pthread_mutex_lock(&oi->stat_lock);
	if (!vfs_layer_accessed(fs->task, upper) &&
	    !overlay_stat(fs, upper, &st))
		vfs_inode_set_stat(inode, &st, STATX_ATIME);
	pthread_mutex_unlock(&oi->stat_lock);
	vfs_nest_end(fs->vfs, &nesting);
}

/* ---- making ---- */

static const struct vfs_inode_ops *ops_of(uint32_t mode, bool split)
{
	if (S_ISDIR(mode))
		return &overlay_dir_ops;
	if (S_ISREG(mode))
		return split ? &overlay_file_split_ops : &overlay_file_ops;
	return split ? &overlay_other_split_ops : &overlay_other_ops;
}

static int read_link(struct overlay_super *fs, int fd, struct vfs_inode *inode,
		     size_t size)
{
	char *text = vfs_alloc(fs->vfs, size + 1);
	int64_t n;

	if (!text)
		return -ENOMEM;
	n = vfs_readlinkat(fs->task, fd, "", text, size + 1);
	if (n < 0 || (size_t)n != size) {
		vfs_free(fs->vfs, text, size + 1);
		return n < 0 ? (int)n : -EIO;
	}
	text[n] = '\0';
	inode->link = text;
	inode->size = n;
	return 0;
}

/* The real file's flags that the core wants to know; where it is known that
 * there are no ACLs nobody has to ask. */
static int copy_flags(struct overlay_super *fs, int fd, struct vfs_inode *inode)
{
	const uint32_t acls =
		VFS_INODE_ACL | VFS_INODE_DEFACL | VFS_INODE_ACL_UNKNOWN;
	struct vfs_layer_info info = {.size = sizeof(info)};
	int err = vfs_layer_info(fs->task, fd, &info);

	if (err)
		return err;
	vfs_inode_set_flags(
		inode, info.inode_flags & (VFS_INODE_XATTR | VFS_INODE_NOATIME),
		info.inode_flags & acls ? 0 : acls);
	return 0;
}

static void set_times_of_birth(struct vfs_inode *inode,
			       const struct vfs_stat *st)
{
	vfs_inode_set_btime(inode, st->mask & STATX_BTIME ? &st->btime : NULL);
}

/* Everything but the layers' descriptors, which are still found's. */
static int fill(struct overlay_super *fs, const struct overlay_found *found,
		struct vfs_inode *inode)
{
	struct overlay_inode *oi = overlay_inode(inode);
	int fd = found->upper >= 0 ? found->upper : found->lower[0].fd;
	int err = 0;

	oi->fs = fs;
	oi->inode = inode;
	oi->upper = oi->old_upper = oi->map_fd = oi->old_map_fd = -1;
	oi->version = 1;
	pthread_mutex_init(&oi->lock, NULL);
	pthread_mutex_init(&oi->stat_lock, NULL);
	if (S_ISCHR(found->st.mode) || S_ISBLK(found->st.mode))
		inode->rdev = found->st.rdev;
	set_times_of_birth(inode, &found->st);
	err = copy_flags(fs, fd, inode);
	if (found->upper >= 0 && !found->is_new)
		oi->flags = overlay_load_flags(fs, fd);
	if (!err && S_ISLNK(found->st.mode))
		err = read_link(fs, fd, inode, (size_t)found->st.size);
	return err;
}

/* The descriptors pass. */
static void take_places(struct overlay_inode *oi, struct overlay_found *found)
{
	oi->upper = found->upper;
	oi->upper_ino = found->st.ino;
	oi->lower = found->lower;
	oi->lower_count = found->lower_count;
	oi->lower_room = found->lower_room;
	oi->redirect = found->redirect;
	oi->redirect_size = found->redirect_size;
	if (found->opaque && found->is_dir)
		oi->state |= OVERLAY_OPAQUE;
	if (found->metacopy)
		oi->state |= OVERLAY_METACOPY;
	if (found->indexed) {
		oi->state |= OVERLAY_INDEXED;
		oi->nlink = found->nlink;
	}
	found->upper = -1;
	found->lower = NULL;
	found->lower_count = found->lower_room = 0;
	found->redirect = NULL;
	found->redirect_size = 0;
}

/* Everything that oi holds but the places. */
static void free_parts(struct overlay_inode *oi)
{
	struct vfs *vfs = oi->fs->vfs;

	vfs_free(vfs, oi->lower, oi->lower_room * sizeof(*oi->lower));
	vfs_free(vfs, oi->redirect, oi->redirect_size);
	overlay_free_name(oi->fs, oi->name);
	vfs_inode_unref(oi->parent);
	pthread_mutex_destroy(&oi->lock);
	pthread_mutex_destroy(&oi->stat_lock);
}

static void close_places(struct overlay_inode *oi)
{
	overlay_drop_ready(oi);
	overlay_close(oi->fs, oi->upper);
	overlay_close(oi->fs, oi->old_upper);
	overlay_close(oi->fs, oi->map_fd);
	overlay_close(oi->fs, oi->old_map_fd);
	for (uint32_t i = 0; i < oi->lower_count; i++)
		overlay_close(oi->fs, oi->lower[i].fd);
}

/* An inode that nobody has seen. */
static void undo(struct vfs_inode *inode)
{
	struct overlay_inode *oi = overlay_inode(inode);

	if (S_ISLNK(VFS_READ_ONCE(inode->mode)))
		vfs_free(oi->fs->vfs, (void *)(uintptr_t)inode->link,
			 (size_t)VFS_READ_ONCE(inode->size) + 1);
	close_places(oi);
	free_parts(oi);
	vfs_inode_discard(inode);
}

/* name NULL: it has none, but it is made in dir. */
static int first_home(struct overlay_inode *oi, struct vfs_inode *dir,
		      const char *name)
{
	char *copy = overlay_copy_name(oi->fs, name ? name : "");

	if (!copy)
		return -ENOMEM;
	overlay_set_home(oi, dir, copy);
	return 0;
}

static int make_inode(struct overlay_super *fs, struct vfs_inode *dir,
		      const char *name, struct overlay_found *found,
		      struct vfs_inode **out)
{
	struct overlay_inode *oi;
	struct vfs_stat st = found->st;
	struct vfs_inode *inode;
	uint64_t dev, ino;
	int err;

	number(fs, found, !dir, &dev, &ino);
	inode = vfs_inode_create(
		fs->super, ops_of(st.mode, is_split(fs, found)), ino, st.mode);
	if (!inode)
		return -ENOMEM;
	oi = overlay_inode(inode);
	err = fill(fs, found, inode);
	oi->dev = dev;
	oi->ino = ino;
	if (!err && dir)
		err = first_home(oi, dir, name);
	if (err) {
		undo(inode);
		return err;
	}
	if (found->upper >= 0 && !has_origin(fs, found, !dir))
		overlay_set_state(oi, OVERLAY_OWN_NUMBER);
	take_places(oi, found);
	if (oi->state & OVERLAY_METACOPY)
		err = overlay_publish(oi);
	else
		set_stat(oi, &st);
	if (err) {
		undo(inode);
		return err;
	}
	*out = inode;
	return 0;
}

int overlay_get_inode(struct overlay_super *fs, struct vfs_inode *dir,
		      const char *name, struct overlay_found *found,
		      struct vfs_inode **out)
{
	struct overlay_wanted wanted = {
		.dir = dir,
		.name = name ? name : "",
		.has_upper = found->upper >= 0,
		.indexed = found->indexed,
		.upper_ino = found->st.ino,
	};
	struct vfs_inode *inode, *other;
	int err;

	if (!dir)
		return make_inode(fs, NULL, NULL, found, out);
	overlay_key_of(fs, found, &wanted);
	*out = overlay_table_find(fs, &wanted);
	if (*out)
		return 0;
	err = make_inode(fs, dir, name, found, &inode);
	if (err)
		return err;
	other = overlay_table_enter(overlay_inode(inode), &wanted);
	if (other)
		undo(inode); /* another thread was faster */
	*out = other ? other : inode;
	return 0;
}

void overlay_set_upper(struct overlay_inode *oi, int fd, struct vfs_stat *st,
		       bool publish)
{
	set_times_of_birth(oi->inode, st);
	/* of several names of a lower file this is one: it becomes its own */
	if (!S_ISDIR(st->mode) && (overlay_state(oi) & OVERLAY_ONE_NAME)) {
		overlay_map_ino(oi->fs, 0, false, st->ino, &oi->dev, &oi->ino);
		overlay_set_state(oi, OVERLAY_OWN_NUMBER);
	}
	overlay_table_move(oi, st);
	/* whoever changes it sees it first, and publishes later */
	pthread_mutex_lock(&oi->stat_lock);
	if (publish) {
		if (VFS_READ_ONCE(oi->inode->flags) & VFS_INODE_STALE)
			vfs_inode_set_flags(oi->inode, 0, VFS_INODE_STALE);
		set_stat(oi, st);
	}
	__atomic_store_n(&oi->upper, fd, __ATOMIC_RELEASE);
	pthread_mutex_unlock(&oi->stat_lock);
}

void overlay_replace_upper(struct overlay_inode *oi, int fd)
{
	/* a second time nobody has the first one any more: the directory is
	 * locked by whoever replaces */
	overlay_close(oi->fs, oi->old_upper);
	oi->old_upper = overlay_upper(oi);
	overlay_set_state(oi, OVERLAY_OPAQUE);
	__atomic_store_n(&oi->upper, fd, __ATOMIC_RELEASE);
	overlay_dir_changed(oi);
}

/* ---- the end ---- */

static void free_link(struct vfs *vfs, void *pointer, size_t size)
{
	vfs_free(vfs, pointer, size);
}

void overlay_inode_evict(struct vfs_inode *inode)
{
	struct overlay_inode *oi = overlay_inode(inode);
	struct overlay_super *fs = oi->fs;
	struct vfs_nesting nesting;

	overlay_table_remove(oi);
	vfs_nest_begin(fs->vfs, &nesting);
	close_places(oi);
	vfs_nest_end(fs->vfs, &nesting);
	overlay_cache_unref(fs, oi->cache);
	if (S_ISLNK(VFS_READ_ONCE(inode->mode)) && inode->link)
		vfs_retire(fs->vfs, free_link, (void *)(uintptr_t)inode->link,
			   (size_t)VFS_READ_ONCE(inode->size) + 1);
	free_parts(oi);
}
