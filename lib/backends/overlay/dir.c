/* SPDX-License-Identifier: MIT */
/*
 * Making and linking names.
 *
 * A new file is made in the work directory, as whoever makes it will own it,
 * and renamed to its place when it has all that it is born with. Where a
 * whiteout was it takes that one's place; a directory is opaque then, for what
 * the whiteout hid must not come back. A file that is all that it is to be as
 * soon as it is made is made in its place. Contract: overlay.h.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include <vfs/file.h>
#include <vfs/path.h>
#include <vfs/stat.h>

#include "overlay.h"

/* What is not there may be marked as gone. */
static int cover_mark(struct overlay_super *fs, int dirfd, const char *name)
{
	int marked = overlay_is_marked(fs, dirfd, name), err;
	struct overlay_name mark;

	if (marked <= 0)
		return marked ? marked : OVERLAY_FREE;
	err = overlay_whiteout(fs, dirfd, name, false);
	if (err)
		return err;
	memcpy(mark.text, OVERLAY_MARK, OVERLAY_MARK_LEN);
	strcpy(mark.text + OVERLAY_MARK_LEN, name);
	err = overlay_remove_tree(fs, dirfd, mark.text);
	return err ? err : OVERLAY_WHITEOUT;
}

int overlay_cover(struct overlay_super *fs, int dirfd, const char *name)
{
	struct vfs_stat st;
	int err = vfs_fault(fs->vfs, "overlay:stat");

	if (!err)
		err = vfs_fstatat(fs->task, dirfd, name, &st,
				  AT_SYMLINK_NOFOLLOW);
	if (err == -ENOENT)
		return cover_mark(fs, dirfd, name);
	if (err)
		return err;
	return S_ISCHR(st.mode) && !st.rdev ? OVERLAY_WHITEOUT : OVERLAY_TAKEN;
}

void overlay_changed(struct overlay_inode *dir, struct overlay_inode *oi)
{
	overlay_dir_changed(dir);
	if (overlay_publish(dir))
		overlay_stale(dir->inode);
	if (oi && overlay_publish(oi))
		overlay_stale(oi->inode);
}

/* ---- a new file ---- */

/* Where one is made. */
struct making {
	int dirfd;
	const char *name;
	bool in_place; /* it has its name, and the mode that it is to have */
	int cover;     /* what has that name on upper */
};

static int make_node(struct overlay_super *fs, const struct making *m,
		     const struct vfs_create_args *args)
{
	uint32_t mode = m->in_place ? args->mode : (args->mode & S_IFMT) | 0600;
	int err = vfs_fault(fs->vfs, "overlay:create");

	if (err)
		return err;
	if (S_ISDIR(args->mode))
		return vfs_mkdirat(fs->task, m->dirfd, m->name, 0700);
	if (S_ISLNK(args->mode))
		return vfs_symlinkat(fs->task, args->target, m->dirfd, m->name);
	return vfs_mknodat(fs->task, m->dirfd, m->name, mode, args->rdev);
}

static uint64_t owner(uint32_t uid, uint32_t gid)
{
	return (uint64_t)uid << 32 | gid;
}

/* What args say that making it has not seen to. */
static int finish_node(struct overlay_super *fs, int fd,
		       const struct vfs_create_args *args)
{
	struct vfs_stat st;
	int err = overlay_stat(fs, fd, &st);
	bool moved;

	if (err)
		return err;
	if (VFS_READ_ONCE(fs->maker) == OVERLAY_NOBODY)
		VFS_WRITE_ONCE(fs->maker, owner(st.uid, st.gid));
	moved = st.uid != args->uid || st.gid != args->gid;
	if (moved)
		err = vfs_fchownat(fs->task, fd, "", args->uid, args->gid,
				   AT_EMPTY_PATH);
	for (uint64_t i = 0; !err && i < args->xattr_count; i++)
		err = vfs_layer_setxattr(fs->task, fd, args->xattrs[i].name,
					 args->xattrs[i].value,
					 args->xattrs[i].size, 0);
	if (!err && !S_ISLNK(args->mode) &&
	    (moved || args->xattr_count || (st.mode ^ args->mode) & 07777))
		err = vfs_fchmodat2(fs->task, fd, "", args->mode & 07777,
				    AT_EMPTY_PATH);
	return err;
}

/* Flags that a file in dir is born with, or an ACL: what has to be set. */
static bool has_heritage(struct overlay_super *fs,
			 const struct overlay_inode *dir)
{
	const uint32_t flags = VFS_INODE_DEFACL | VFS_INODE_ACL_UNKNOWN |
			       VFS_INODE_NODUMP | VFS_INODE_NOATIME;
	struct vfs_layer_info info = {.size = sizeof(info)};

	return VFS_READ_ONCE(dir->inode->mode) & S_ISGID ||
	       VFS_READ_ONCE(dir->inode->flags) & flags ||
	       vfs_layer_info(fs->task, overlay_upper(dir), &info) ||
	       info.inode_flags & flags;
}

/* Whether nothing is left to do when it is made, so that whoever comes upon it
 * at any time finds all of it. */
static bool is_made_at_once(const struct overlay_inode *dir,
			    const struct vfs_create_args *args, int cover)
{
	return S_ISREG(args->mode) && !(args->mode & 07000) &&
	       cover == OVERLAY_FREE && !args->xattr_count &&
	       VFS_READ_ONCE(dir->fs->maker) == owner(args->uid, args->gid) &&
	       !has_heritage(dir->fs, dir);
}

/* New directories in merged ones are opaque where what is below may be looked
 * at by other ways than their names. */
static bool wants_opaque(const struct overlay_super *fs,
			 const struct overlay_inode *dir)
{
	return overlay_has_lower(dir) &&
	       (fs->index || fs->metacopy || fs->xino_on ||
		fs->redirect == OVERLAY_REDIRECT_ON);
}

/* The file in work gets its name, over what is there. */
static int place_node(struct overlay_super *fs, const char *temp, int dirfd,
		      const char *name, int cover, bool is_dir)
{
	uint32_t flags = 0;
	int err = vfs_fault(fs->vfs, "overlay:rename");

	if (err)
		return err;
	if (cover == OVERLAY_FREE)
		flags = VFS_RENAME_NOREPLACE;
	else if (is_dir) /* a whiteout, which is no directory */
		flags = VFS_RENAME_EXCHANGE;
	err = vfs_renameat2(fs->task, fs->work_fd, temp, dirfd, name, flags);
	if (!err && flags == VFS_RENAME_EXCHANGE)
		(void)vfs_unlinkat(fs->task, fs->work_fd, temp, 0);
	return err;
}

/* The file is all that it is to be, but for its name. */
static int make_file(struct overlay_inode *dir, const struct making *m,
		     const struct vfs_create_args *args, int *fd)
{
	struct overlay_super *fs = dir->fs;
	bool is_dir = S_ISDIR(args->mode);
	int err = make_node(fs, m, args);

	*fd = -1;
	if (err)
		return err;
	*fd = overlay_open_path(fs, m->dirfd, m->name);
	err = *fd < 0 ? *fd : finish_node(fs, *fd, args);
	/* Linux makes it in its place, where there is no whiteout */
	if (!err && m->cover == OVERLAY_FREE)
		err = overlay_inherit_flags(fs, overlay_upper(dir), *fd);
	if (!err && is_dir && m->cover == OVERLAY_WHITEOUT) {
		err = overlay_set_own(fs, *fd, "opaque", "y", 1);
		if (err == -EOPNOTSUPP || err == -EPERM)
			err = -EIO;
	} else if (!err && is_dir && wants_opaque(fs, dir)) {
		(void)overlay_set_own(fs, *fd, "opaque", "y", 1);
	}
	if (!err)
		return 0;
	overlay_close(fs, *fd);
	(void)overlay_remove_tree(fs, m->dirfd, m->name);
	return err;
}

/* The inode of an upper file that was just made; fd passes. */
static int new_inode(struct overlay_super *fs, struct vfs_inode *dir,
		     const char *name, int fd, struct vfs_inode **inode)
{
	struct overlay_found found = {.upper = fd, .is_new = true};
	char value[2];
	int err = overlay_stat(fs, fd, &found.st);

	found.is_dir = S_ISDIR(found.st.mode);
	if (!err && found.is_dir)
		found.opaque = overlay_get_own(fs, fd, "opaque", value,
					       sizeof(value)) == 1;
	if (!err)
		err = overlay_get_inode(fs, dir, name, &found, inode);
	overlay_found_fini(fs, &found);
	return err;
}

/* Where it is to be made: temp in work, if not in its place. */
static int plan_making(struct overlay_inode *dir, const char *name,
		       const struct vfs_create_args *args, struct making *m,
		       struct overlay_name *temp)
{
	struct overlay_super *fs = dir->fs;

	m->cover = overlay_cover(fs, overlay_upper(dir), name);
	if (m->cover < 0)
		return m->cover;
	if (m->cover == OVERLAY_TAKEN)
		return -EEXIST; /* put there behind our back */
	m->in_place = is_made_at_once(dir, args, m->cover);
	if (m->in_place) {
		m->dirfd = overlay_upper(dir);
		m->name = name;
		return 0;
	}
	overlay_temp_name(fs, temp);
	m->dirfd = fs->work_fd;
	m->name = temp->text;
	return 0;
}

/* What can fail comes first: in the end there is the name, or nothing. */
static int create_nested(struct vfs_inode *dir, const char *name,
			 const struct vfs_create_args *args,
			 struct vfs_inode **inode)
{
	struct overlay_inode *oi = overlay_inode(dir);
	struct overlay_super *fs = oi->fs;
	struct overlay_name temp;
	struct vfs_inode *made;
	struct making m;
	int fd, err = overlay_copy_up(oi, OVERLAY_ALL);

	if (!err)
		err = plan_making(oi, name, args, &m, &temp);
	if (!err)
		err = make_file(oi, &m, args, &fd);
	if (err)
		return err;
	err = new_inode(fs, dir, name, fd, &made);
	if (err)
		goto remove_made;
	err = overlay_make_ready(overlay_inode(made));
	if (!err && !m.in_place)
		err = place_node(fs, temp.text, overlay_upper(oi), name,
				 m.cover, S_ISDIR(args->mode));
	if (err)
		goto unref_made;
	/* a rename leaves its time */
	overlay_changed(oi, m.in_place ? NULL : overlay_inode(made));
	*inode = made;
	return 0;

unref_made:
	vfs_inode_unref(made);
remove_made:
	(void)overlay_remove_tree(fs, m.dirfd, m.name);
	return err;
}

int overlay_create(struct vfs_inode *dir, const struct vfs_name *name,
		   const struct vfs_create_args *args, struct vfs_inode **inode,
		   uint64_t *cookie)
{
	struct vfs *vfs = dir->super->vfs;
	struct vfs_nesting nesting;
	struct overlay_name text;
	int err;

	(void)cookie;
	/* to be a whiteout is not for everybody to say */
	if (S_ISCHR(args->mode) && !args->rdev)
		return -EPERM;
	if (!overlay_make_name(name, &text))
		return -ENAMETOOLONG;
	if (overlay_is_mark(overlay_inode(dir)->fs, text.text))
		return -EINVAL;
	vfs_nest_begin(vfs, &nesting);
	err = create_nested(dir, text.text, args, inode);
	vfs_nest_end(vfs, &nesting);
	return err;
}

/* ---- links ---- */

static int link_over(struct overlay_super *fs, int fd, int dirfd,
		     const char *name)
{
	struct overlay_name temp;
	int err;

	overlay_temp_name(fs, &temp);
	err = vfs_linkat(fs->task, fd, "", fs->work_fd, temp.text,
			 AT_EMPTY_PATH);
	if (err)
		return err;
	err = place_node(fs, temp.text, dirfd, name, OVERLAY_WHITEOUT, false);
	if (err)
		(void)vfs_unlinkat(fs->task, fs->work_fd, temp.text, 0);
	return err;
}

static int add_link(struct overlay_inode *oi, struct overlay_inode *dir,
		    const char *name, int cover)
{
	struct overlay_super *fs = oi->fs;
	int err = vfs_fault(fs->vfs, "overlay:link");

	if (err)
		return err;
	if (cover != OVERLAY_FREE)
		return link_over(fs, overlay_upper(oi), overlay_upper(dir),
				 name);
	return vfs_linkat(fs->task, overlay_upper(oi), "", overlay_upper(dir),
			  name, AT_EMPTY_PATH);
}

static int link_nested(struct overlay_inode *dir, const char *name,
		       struct overlay_inode *oi)
{
	struct overlay_super *fs = dir->fs;
	int err = overlay_copy_up(oi, -1), cover;
	char *home = NULL;

	if (!err)
		err = overlay_copy_up(dir, OVERLAY_ALL);
	/* by another name the data would not be found */
	if (!err)
		err = overlay_set_link_redirect(oi);
	if (!err && oi->lower_count &&
	    !(overlay_state(oi) & OVERLAY_OWN_NUMBER))
		err = overlay_set_impure(dir);
	if (err)
		return err;
	cover = overlay_cover(fs, overlay_upper(dir), name);
	if (cover < 0)
		return cover;
	if (overlay_state(oi) & OVERLAY_UNLINKED) {
		/* made without a name: this is its first */
		home = overlay_copy_name(fs, name);
		if (!home)
			return -ENOMEM;
	}
	err = overlay_index_begin(oi);
	if (!err)
		err = add_link(oi, dir, name, cover);
	if (err) {
		overlay_free_name(fs, home);
		return err;
	}
	if (home) {
		overlay_clear_state(oi, OVERLAY_UNLINKED);
		vfs_inode_set_flags(oi->inode, 0, VFS_INODE_UNNAMED);
		overlay_set_home(oi, dir->inode, home);
	}
	overlay_index_end(oi, 1);
	overlay_changed(dir, oi);
	return 0;
}

int overlay_link(struct vfs_inode *dir, const struct vfs_name *name,
		 struct vfs_inode *inode, uint64_t *cookie)
{
	struct vfs *vfs = dir->super->vfs;
	struct vfs_nesting nesting;
	struct overlay_name text;
	int err;

	(void)cookie;
	if (!overlay_make_name(name, &text))
		return -ENAMETOOLONG;
	if (overlay_is_mark(overlay_inode(dir)->fs, text.text))
		return -EINVAL;
	vfs_nest_begin(vfs, &nesting);
	err = link_nested(overlay_inode(dir), text.text, overlay_inode(inode));
	vfs_nest_end(vfs, &nesting);
	return err;
}

/* ---- files without a name ---- */

static int tmpfile_nested(struct vfs_inode *dir,
			  const struct vfs_create_args *args,
			  struct vfs_inode **inode)
{
	struct overlay_inode *oi = overlay_inode(dir);
	struct overlay_super *fs = oi->fs;
	int open, fd, err = overlay_copy_up(oi, OVERLAY_ALL);

	if (!err)
		err = vfs_fault(fs->vfs, "overlay:create");
	if (err)
		return err;
	open = vfs_openat(fs->task, fs->work_fd, ".", O_TMPFILE | O_RDWR, 0600);
	if (open < 0)
		return open;
	fd = vfs_layer_reopen(fs->task, open, O_PATH);
	overlay_close(fs, open);
	if (fd < 0)
		return fd;
	err = finish_node(fs, fd, args);
	if (!err)
		err = overlay_inherit_flags(fs, overlay_upper(oi), fd);
	if (err) {
		overlay_close(fs, fd);
		return err;
	}
	err = new_inode(fs, dir, NULL, fd, inode);
	if (!err)
		overlay_set_state(overlay_inode(*inode), OVERLAY_UNLINKED);
	return err;
}

int overlay_tmpfile(struct vfs_inode *dir, const struct vfs_create_args *args,
		    struct vfs_inode **inode)
{
	struct vfs *vfs = dir->super->vfs;
	struct vfs_nesting nesting;
	int err;

	vfs_nest_begin(vfs, &nesting);
	err = tmpfile_nested(dir, args, inode);
	vfs_nest_end(vfs, &nesting);
	return err;
}
