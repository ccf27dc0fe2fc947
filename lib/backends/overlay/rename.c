/* SPDX-License-Identifier: MIT */
/*
 * Renaming: everything is brought to the upper layer, and there it is one
 * rename, which leaves a whiteout where a lower layer has the old name.
 *
 * A directory that is merged of layers keeps what it is merged of by a
 * redirect, which says what it is called below: its old name, when it stays in
 * its directory, or a path from the root. Without redirects it stays where it
 * is
 * (-EXDEV), but with redirect_dir=copy, which brings all of it up. A directory
 * of upper's alone that comes into a merged one is opaque from then on.
 * Contract: overlay.h.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include <vfs/file.h>
#include <vfs/path.h>
#include <vfs/stat.h>

#include "overlay.h"

struct renaming {
	struct overlay_super *fs;
	struct overlay_inode *old_dir, *new_dir;
	struct overlay_inode *old, *new; /* new: NULL where there is nothing */
	struct overlay_name old_name, new_name;
	char *old_home, *new_home; /* memory for the names afterwards */
	bool exchange;
	bool old_is_dir, new_is_dir;
	uint32_t flags; /* of the rename on upper */
	bool hidden;	/* the new one, a directory, has whiteouts in it */
	bool clear_old; /* a whiteout comes to the old name, and is to go */
};

/* ---- redirects ---- */

/* A redirect keeps what the names are behind it. */
static bool has_lower_name(const struct overlay_inode *oi)
{
	if (S_ISDIR(VFS_READ_ONCE(oi->inode->mode)))
		return overlay_has_lower(oi);
	return overlay_state(oi) & OVERLAY_METACOPY;
}

/* Puts text in front of what ends at *at; false: no room. */
static bool prepend(char *buffer, size_t *at, const char *text, size_t len)
{
	if (len > *at)
		return false;
	*at -= len;
	memcpy(buffer + *at, text, len);
	return true;
}

/* What the inode is called on the layers below: a path from the root, at the
 * end of buffer. names_lock. 0 or -EXDEV: it is too long. */
static int path_below(const struct overlay_inode *oi, char *buffer, size_t *at)
{
	while (oi->parent) {
		const char *name = oi->redirect ? oi->redirect : oi->name;
		size_t len = strlen(name);
		bool whole = *name == '/';

		if (!prepend(buffer, at, name, len) ||
		    (!whole && !prepend(buffer, at, "/", 1)))
			return -EXDEV;
		if (whole)
			break;
		oi = overlay_inode(oi->parent);
	}
	return 0;
}

static int store_redirect(struct overlay_inode *oi, const char *text,
			  size_t len)
{
	struct overlay_super *fs = oi->fs;
	char *copy = vfs_alloc(fs->vfs, len + 1), *old;
	uint32_t old_size;
	int err;

	if (!copy)
		return -ENOMEM;
	memcpy(copy, text, len);
	copy[len] = '\0';
	err = overlay_set_own(fs, overlay_upper(oi), "redirect", text, len);
	if (err) {
		vfs_free(fs->vfs, copy, len + 1);
		return err == -EOPNOTSUPP || err == -EPERM ? -EXDEV : err;
	}
	pthread_mutex_lock(&fs->names_lock);
	old = oi->redirect;
	old_size = oi->redirect_size;
	oi->redirect = copy;
	oi->redirect_size = (uint32_t)len + 1;
	pthread_mutex_unlock(&fs->names_lock);
	vfs_free(fs->vfs, old, old_size);
	return 0;
}

/* same: in its directory, where its old name will do. */
static int set_redirect(struct overlay_inode *oi, bool same)
{
	char buffer[OVERLAY_REDIRECT_MAX];
	size_t at = sizeof(buffer);
	bool enough;
	int err = 0;

	pthread_mutex_lock(&oi->fs->names_lock);
	enough = oi->redirect && (same || *oi->redirect == '/');
	if (!enough && same && S_ISDIR(VFS_READ_ONCE(oi->inode->mode)))
		prepend(buffer, &at, oi->name, strlen(oi->name));
	else if (!enough)
		err = path_below(oi, buffer, &at);
	pthread_mutex_unlock(&oi->fs->names_lock);
	if (err || enough)
		return err;
	return store_redirect(oi, buffer + at, sizeof(buffer) - at);
}

int overlay_set_link_redirect(struct overlay_inode *oi)
{
	int err;

	if (!(overlay_state(oi) & OVERLAY_METACOPY))
		return 0;
	err = set_redirect(oi, false);
	/* then with its data */
	return err == -EXDEV ? overlay_copy_up(oi, OVERLAY_ALL) : err;
}

/* ---- whole trees ---- */

/* Everything below dir comes up, so that nothing is below any more. */
static int copy_tree(struct overlay_inode *dir);

static int copy_entry(struct overlay_inode *dir, const char *name)
{
	struct overlay_super *fs = dir->fs;
	struct overlay_found found;
	struct vfs_inode *inode;
	struct overlay_inode *oi;
	int err = overlay_find(fs, dir, name, &found);

	if (err)
		return err == -ENOENT ? 0 : err;
	err = overlay_get_inode(fs, dir->inode, name, &found, &inode);
	overlay_found_fini(fs, &found);
	if (err)
		return err;
	oi = overlay_inode(inode);
	err = overlay_copy_up(oi, OVERLAY_ALL);
	if (!err)
		err = overlay_bring_name(oi, dir, name);
	if (!err && S_ISDIR(VFS_READ_ONCE(inode->mode)))
		err = copy_tree(oi);
	vfs_inode_unref(inode);
	return err;
}

static int make_opaque(struct overlay_inode *oi)
{
	int err = overlay_set_own(oi->fs, overlay_upper(oi), "opaque", "y", 1);

	if (err)
		return err == -EOPNOTSUPP || err == -EPERM ? -EXDEV : err;
	overlay_set_state(oi, OVERLAY_OPAQUE);
	overlay_dir_changed(oi);
	return 0;
}

static int copy_tree(struct overlay_inode *dir)
{
	struct overlay_cache *cache;
	int err = overlay_get_cache(dir, &cache);

	if (err)
		return err;
	for (uint32_t i = 0; !err && i < overlay_cache_count(cache); i++)
		err = copy_entry(dir, overlay_cache_name(cache, i));
	overlay_cache_unref(dir->fs, cache);
	return err || !overlay_has_lower(dir) ? err : make_opaque(dir);
}

/* ---- what has to be so before ---- */

/* Whether a directory can go where its name is another. */
static bool can_move(const struct renaming *r, const struct overlay_inode *oi)
{
	if (!S_ISDIR(VFS_READ_ONCE(oi->inode->mode)) || !overlay_has_lower(oi))
		return true;
	return r->fs->redirect == OVERLAY_REDIRECT_ON ||
	       r->fs->redirect == OVERLAY_REDIRECT_COPY;
}

static int bring_up(const struct renaming *r, struct overlay_inode *oi)
{
	int err = overlay_copy_up(oi, -1);

	if (!err && S_ISDIR(VFS_READ_ONCE(oi->inode->mode)) &&
	    overlay_has_lower(oi) && r->fs->redirect == OVERLAY_REDIRECT_COPY)
		err = copy_tree(oi);
	return err;
}

static int bring_all_up(const struct renaming *r)
{
	int err = overlay_bring_name(r->old, r->old_dir, r->old_name.text);

	if (!err)
		err = bring_up(r, r->old);
	if (!err)
		err = overlay_copy_up(r->new_dir, OVERLAY_ALL);
	if (!err && r->new)
		err = overlay_bring_name(r->new, r->new_dir, r->new_name.text);
	if (!err && r->exchange)
		err = bring_up(r, r->new);
	return err;
}

/* Whether it can be, and a merged directory that is to be replaced has nothing
 * in it; one of upper's alone the rename itself will tell of. */
static int check_target(struct renaming *r)
{
	if (!can_move(r, r->old) || (r->exchange && !can_move(r, r->new)))
		return -EXDEV;
	if (r->exchange || !r->new_is_dir || !r->new->lower_count)
		return 0;
	return overlay_check_empty(r->new, &r->hidden);
}

/* What of upper's is under the new name; a directory there has nothing at all
 * in it afterwards. OVERLAY_*, or an error. */
static int prepare_target(struct renaming *r)
{
	int dirfd = overlay_upper(r->new_dir), err = 0;

	if (r->hidden)
		err = overlay_clear_empty(r->new, dirfd, r->new_name.text);
	return err ? err : overlay_cover(r->fs, dirfd, r->new_name.text);
}

/* Which rename it is to be on upper. */
static int choose_flags(struct renaming *r, int cover)
{
	struct vfs_stat st;
	int below;

	if (r->exchange) {
		r->flags = VFS_RENAME_EXCHANGE;
		return 0;
	}
	below = overlay_below(r->fs, r->old_dir, r->old_name.text, &st);
	if (below < 0)
		return below;
	if (below && cover == OVERLAY_WHITEOUT)
		r->flags = VFS_RENAME_EXCHANGE; /* it comes to the old name */
	else if (below)
		r->flags = VFS_RENAME_WHITEOUT;
	else if (r->old_is_dir && cover == OVERLAY_WHITEOUT)
		r->flags = VFS_RENAME_EXCHANGE;
	r->clear_old = !below && r->flags == VFS_RENAME_EXCHANGE;
	return 0;
}

/* oi comes from a name of its own to one in dir. */
static int prepare_moved(const struct renaming *r, struct overlay_inode *oi,
			 struct overlay_inode *dir)
{
	int err = 0;

	if (has_lower_name(oi))
		err = set_redirect(oi, r->old_dir == r->new_dir);
	else if (S_ISDIR(VFS_READ_ONCE(oi->inode->mode)) &&
		 overlay_has_lower(dir) &&
		 /* a mark beside it does not come along */
		 (r->fs->marks || !(overlay_state(oi) & OVERLAY_OPAQUE)))
		err = make_opaque(oi);
	if (err == -EXDEV && !S_ISDIR(VFS_READ_ONCE(oi->inode->mode)))
		err = overlay_copy_up(oi, OVERLAY_ALL);
	if (!err && r->old_dir != r->new_dir && oi->lower_count &&
	    !(overlay_state(oi) & OVERLAY_OWN_NUMBER))
		err = overlay_set_impure(dir);
	return err;
}

/* ---- the rename ---- */

/* Memory for the names; overlay_free_name gives it back. */
static int reserve_names(struct renaming *r)
{
	r->old_home = overlay_copy_name(r->fs, r->new_name.text);
	if (!r->old_home)
		return -ENOMEM;
	if (r->exchange)
		r->new_home = overlay_copy_name(r->fs, r->old_name.text);
	return r->exchange && !r->new_home ? -ENOMEM : 0;
}

static void set_homes(struct renaming *r)
{
	overlay_set_home(r->old, r->new_dir->inode, r->old_home);
	if (r->exchange)
		overlay_set_home(r->new, r->old_dir->inode, r->new_home);
	r->old_home = r->new_home = NULL;
}

static int rename_upper(struct renaming *r)
{
	struct overlay_super *fs = r->fs;
	int old_fd = overlay_upper(r->old_dir);
	int err = vfs_fault(fs->vfs, "overlay:rename");

	if (!err)
		err = vfs_renameat2(fs->task, old_fd, r->old_name.text,
				    overlay_upper(r->new_dir), r->new_name.text,
				    r->flags);
	if (!err && r->clear_old)
		(void)vfs_unlinkat(fs->task, old_fd, r->old_name.text, 0);
	return err;
}

/* The file that is replaced is not copied up meanwhile, nor afterwards to where
 * it was. */
static int replace(struct renaming *r)
{
	struct overlay_inode *new = r->new;
	int err;

	pthread_mutex_lock(&new->lock);
	err = overlay_index_begin(new);
	if (!err)
		err = rename_upper(r);
	if (!err) {
		overlay_lost_name(new);
		overlay_index_end(new, -1);
	}
	pthread_mutex_unlock(&new->lock);
	return err;
}

/* A directory that is gone had whiteouts in it, which went first. */
static void was_cleared(const struct overlay_inode *dir)
{
	const struct vfs_timespec now[2] = {{.nsec = UTIME_OMIT},
					    {.nsec = UTIME_NOW}};

	(void)vfs_utimensat(dir->fs->task, overlay_upper(dir), "", now,
			    AT_EMPTY_PATH);
}

static void was_renamed(struct renaming *r)
{
	set_homes(r);
	if (r->hidden)
		was_cleared(r->new);
	if (r->new &&overlay_publish(r->new))
		overlay_stale(r->new->inode);
	overlay_changed(r->old_dir, r->old);
	if (r->new_dir != r->old_dir)
		overlay_changed(r->new_dir, NULL);
}

/* It may have got a mark, and a time with it; and a disk that has begun to
 * leave a whiteout changes the directory's times. */
static void was_refused(struct renaming *r)
{
	overlay_stale(r->old->inode);
	overlay_stale(r->old_dir->inode);
	overlay_stale(r->new_dir->inode);
	if (r->exchange)
		overlay_stale(r->new->inode);
}

static int rename_nested(struct renaming *r)
{
	int cover, err = check_target(r);

	if (!err)
		err = bring_all_up(r);
	if (err)
		return err;
	cover = prepare_target(r);
	if (cover < 0)
		return cover;
	err = choose_flags(r, cover);
	if (!err)
		err = prepare_moved(r, r->old, r->new_dir);
	if (!err && r->exchange)
		err = prepare_moved(r, r->new, r->old_dir);
	if (!err)
		err = reserve_names(r);
	if (!err)
		err = r->new && !r->exchange ? replace(r) : rename_upper(r);
	if (!err)
		was_renamed(r);
	else
		was_refused(r);
	overlay_free_name(r->fs, r->old_home);
	overlay_free_name(r->fs, r->new_home);
	return err;
}

int overlay_rename(struct vfs_rename_args *args)
{
	struct vfs *vfs = args->old_dir->super->vfs;
	struct vfs_nesting nesting;
	struct renaming r = {
		.fs = overlay_super(args->old_dir->super),
		.old_dir = overlay_inode(args->old_dir),
		.new_dir = overlay_inode(args->new_dir),
		.old = overlay_inode(args->old_inode),
		.new = args->new_inode ? overlay_inode(args->new_inode) : NULL,
		.exchange = args->flags &VFS_RENAME_EXCHANGE,
		.old_is_dir = S_ISDIR(VFS_READ_ONCE(args->old_inode->mode)),
		.new_is_dir = args->new_inode &&S_ISDIR(
			VFS_READ_ONCE(args->new_inode->mode)),
	};
	int err;

	if (args->flags & VFS_RENAME_WHITEOUT)
		return -EINVAL;
	if (!overlay_make_name(&args->old_name, &r.old_name) ||
	    !overlay_make_name(&args->new_name, &r.new_name))
		return -ENAMETOOLONG;
	if (overlay_is_mark(r.fs, r.new_name.text))
		return -EINVAL;
	vfs_nest_begin(vfs, &nesting);
	err = rename_nested(&r);
	vfs_nest_end(vfs, &nesting);
	return err;
}
