/* SPDX-License-Identifier: MIT */
/*
 * Copying up: a lower file gets an upper one, from which time on it is that.
 *
 * The copy is made in the work directory, with all that belongs to it, and then
 * renamed to its place: whoever looks, also after a crash, finds the lower file
 * or the whole copy. What is simple enough gets its name last instead, in one
 * call. Parents come first. One thread copies one file, under its
 * lock; writing is through the upper file alone, which is not there before, so
 * that no write is lost.
 *
 * A file whose last name is gone is copied to where it has none. Contract:
 * overlay.h.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include <vfs/file.h>
#include <vfs/path.h>
#include <vfs/stat.h>

#include "overlay.h"

#define VALUE_MAX 65536u
#define CAPABILITY "security.capability"
#define CAPABILITY_MAX 64u

/* A copy in the making. */
struct copy {
	struct overlay_super *fs;
	struct overlay_inode *oi;
	int64_t bytes;		  /* of data; negative: none, a metacopy */
	int from;		  /* the lower place */
	struct vfs_stat st;	  /* its attributes */
	struct overlay_name temp; /* in work */
	bool indexed;		  /* it goes to the index */
	int fd;			  /* of the copy */
	int out;		  /* the same, open, of a regular file; -1 */
	void **ready;		  /* of who is about to open it; NULL */
	struct vfs_stat made;	  /* of the copy */
};

/* ---- attributes ---- */

static bool must_copy(const char *name)
{
	return !strncmp(name, "security.", 9) ||
	       !strncmp(name, "system.posix_acl_", 17);
}

static int copy_xattr(struct overlay_super *fs, int from, int to,
		      const char *name, void *value)
{
	int64_t n = vfs_layer_getxattr(fs->task, from, name, value, VALUE_MAX);
	int err;

	if (n == -ENODATA)
		return 0; /* gone meanwhile */
	if (n < 0)
		return (int)n;
	err = vfs_fault(fs->vfs, "overlay:setxattr");
	if (!err)
		err = vfs_layer_setxattr(fs->task, to, name, value, (size_t)n,
					 0);
	return err == -EOPNOTSUPP && !must_copy(name) ? 0 : err;
}

static int copy_listed(struct overlay_super *fs, int from, int to,
		       const char *list, size_t size)
{
	void *value = vfs_alloc(fs->vfs, VALUE_MAX);
	int err = value ? 0 : -ENOMEM;

	for (size_t at = 0; !err && at < size; at += strlen(list + at) + 1)
		if (!overlay_is_own(fs, list + at))
			err = copy_xattr(fs, from, to, list + at, value);
	vfs_free(fs->vfs, value, VALUE_MAX);
	return err;
}

int overlay_copy_xattrs(struct overlay_super *fs, int from, int to)
{
	int64_t n = vfs_layer_listxattr(fs->task, from, NULL, 0);
	size_t room;
	char *list;

	if (n == -EOPNOTSUPP || !n)
		return 0;
	if (n < 0)
		return (int)n;
	room = (size_t)n;
	list = vfs_alloc(fs->vfs, room);
	if (!list)
		return -ENOMEM;
	n = vfs_layer_listxattr(fs->task, from, list, room);
	if (n > 0)
		n = copy_listed(fs, from, to, list, (size_t)n);
	vfs_free(fs->vfs, list, room);
	return (int)n;
}

/* Flags that go with the file. */
static int copy_flags(struct copy *c, uint32_t flags)
{
	flags &= VFS_INODE_IMMUTABLE | VFS_INODE_APPEND | VFS_INODE_NOATIME;
	if (!flags || !(S_ISREG(c->st.mode) || S_ISDIR(c->st.mode)))
		return 0;
	VFS_WRITE_ONCE(c->oi->flags, flags & ~VFS_INODE_NOATIME);
	return overlay_store_flags(c->fs, c->fd, flags);
}

static int set_owner(struct overlay_super *fs, int fd,
		     const struct vfs_stat *st)
{
	int err = vfs_fault(fs->vfs, "overlay:chown");

	return err ? err
		   : vfs_fchownat(fs->task, fd, "", st->uid, st->gid,
				  AT_EMPTY_PATH);
}

static int set_mode(struct overlay_super *fs, int fd, const struct vfs_stat *st)
{
	if (S_ISLNK(st->mode))
		return 0;
	return vfs_fchmodat2(fs->task, fd, "", st->mode & 07777, AT_EMPTY_PATH);
}

int overlay_set_times(struct overlay_super *fs, int fd,
		      const struct vfs_stat *st)
{
	const struct vfs_timespec times[2] = {st->atime, st->mtime};

	return vfs_utimensat(fs->task, fd, "", times, AT_EMPTY_PATH);
}

int overlay_set_attributes(struct overlay_super *fs, int fd,
			   const struct vfs_stat *st)
{
	int err = set_owner(fs, fd, st);

	if (!err)
		err = set_mode(fs, fd, st);
	return err ? err : overlay_set_times(fs, fd, st);
}

int overlay_set_impure(struct overlay_inode *dir)
{
	int err;

	if (overlay_state(dir) & OVERLAY_IMPURE)
		return 0;
	err = overlay_set_own(dir->fs, overlay_upper(dir), "impure", "y", 1);
	if (!err) {
		overlay_set_state(dir, OVERLAY_IMPURE);
		/* whose list has the layer's own numbers */
		overlay_dir_changed(dir);
	}
	/* without attributes numbers in listings may differ, which is all */
	return err == -EOPNOTSUPP || err == -EPERM ? 0 : err;
}

/* The copy says what it is a copy of, unless there will be others. */
static int set_origin(struct copy *c)
{
	unsigned char bytes[OVERLAY_ORIGIN_MAX];
	int64_t n;
	int err;

	if (!S_ISDIR(c->st.mode) && c->st.nlink > 1 && !c->indexed)
		return 0;
	n = overlay_encode_origin(c->fs, &c->oi->lower[0], bytes);
	if (n < 0)
		return (int)n;
	/* empty: of something without a handle */
	err = overlay_set_own(c->fs, c->fd, "origin", bytes, (size_t)n);
	return err == -EOPNOTSUPP || err == -EPERM ? 0 : err;
}

/* ---- data ---- */

/* length bytes at offset, by pages or by copying. */
static int copy_run(struct overlay_super *fs, int in, int out, int64_t offset,
		    int64_t length)
{
	while (length > 0) {
		int64_t n = vfs_fault(fs->vfs, "overlay:copy");

		if (!n)
			n = vfs_layer_copy(fs->task, in, offset, out, offset,
					   (size_t)length);
		if (n < 0)
			return (int)n;
		if (!n)
			break; /* cut short below us */
		offset += n;
		length -= n;
	}
	return 0;
}

/* What is data up to size; holes stay holes. */
static int copy_data(struct overlay_super *fs, int in, int out, int64_t size)
{
	int64_t at = 0, end;
	int err = 0;

	while (!err && at < size) {
		at = vfs_lseek(fs->task, in, at, SEEK_DATA);
		if (at == -ENXIO)
			break;
		if (at < 0)
			return (int)at;
		end = vfs_lseek(fs->task, in, at, SEEK_HOLE);
		if (end < 0)
			return (int)end;
		if (at >= size)
			break;
		if (end > size)
			end = size;
		err = copy_run(fs, in, out, at, end - at);
		at = end;
	}
	return err;
}

static int64_t wanted(int64_t bytes, int64_t size)
{
	return bytes < size ? bytes : size;
}

static int set_size(struct overlay_super *fs, int fd, int64_t size)
{
	struct vfs_stat st;
	int err = overlay_stat(fs, fd, &st);

	return err || st.size == size ? err : vfs_ftruncate(fs->task, fd, size);
}

int overlay_copy_data(struct overlay_super *fs, int from, int out, int64_t size,
		      int64_t bytes)
{
	int in = vfs_layer_reopen(fs->task, from, O_RDONLY);
	int64_t limit = wanted(bytes, size);
	int err = 0;

	if (in < 0)
		return in;
	/* most files have no hole */
	if (limit == size && size &&
	    vfs_lseek(fs->task, in, 0, SEEK_HOLE) >= size) {
		err = copy_run(fs, in, out, 0, size);
	} else {
		err = copy_data(fs, in, out, limit);
		/* one at the end; a size that is there already is no change */
		if (!err && size)
			err = set_size(fs, out, size);
	}
	if (!err && !fs->is_volatile)
		err = vfs_fsync(fs->task, out);
	overlay_close(fs, in);
	return err;
}

static int mark_metacopy(struct copy *c)
{
	int err = overlay_set_own(c->fs, c->fd, "metacopy", "", 0);

	return err ? err : vfs_ftruncate(c->fs->task, c->out, c->st.size);
}

/* ---- the copy in work ---- */

static int make_link(struct copy *c)
{
	size_t size = (size_t)c->st.size + 1;
	char *text = vfs_alloc(c->fs->vfs, size);
	int64_t n;

	if (!text)
		return -ENOMEM;
	n = vfs_readlinkat(c->fs->task, c->from, "", text, size);
	if (n >= 0) {
		text[n < c->st.size ? n : c->st.size] = '\0';
		n = vfs_symlinkat(c->fs->task, text, c->fs->work_fd,
				  c->temp.text);
	}
	vfs_free(c->fs->vfs, text, size);
	return (int)n;
}

/* Makes it, with what the calls that make it take; a regular file is open. */
static int make_node(struct copy *c)
{
	struct overlay_super *fs = c->fs;
	uint32_t mode = c->st.mode & 0777;

	if (S_ISDIR(c->st.mode))
		return vfs_mkdirat(fs->task, fs->work_fd, c->temp.text, mode);
	if (S_ISLNK(c->st.mode))
		return make_link(c);
	if (!S_ISREG(c->st.mode))
		return vfs_mknodat(fs->task, fs->work_fd, c->temp.text,
				   (c->st.mode & S_IFMT) | mode, c->st.rdev);
	c->out = vfs_openat(fs->task, fs->work_fd, c->temp.text,
			    O_RDWR | O_CREAT | O_EXCL, mode);
	return c->out < 0 ? c->out : 0;
}

static int make_temp(struct copy *c)
{
	int err = vfs_fault(c->fs->vfs, "overlay:create");

	overlay_temp_name(c->fs, &c->temp);
	if (!err)
		err = make_node(c);
	if (err)
		return err;
	c->fd = c->out >= 0 ? vfs_layer_reopen(c->fs->task, c->out, O_PATH)
			    : overlay_open_path(c->fs, c->fs->work_fd,
						c->temp.text);
	return c->fd < 0 ? c->fd : 0;
}

/* xattrs, ACLs and flags, where the lower file has any. */
static int copy_extras(struct copy *c, bool *has)
{
	const uint32_t extras = VFS_INODE_XATTR | VFS_INODE_ACL |
				VFS_INODE_DEFACL | VFS_INODE_ACL_UNKNOWN |
				VFS_INODE_IMMUTABLE | VFS_INODE_APPEND |
				VFS_INODE_NOATIME;
	struct vfs_layer_info info = {.size = sizeof(info)};
	int err = vfs_layer_info(c->fs->task, c->from, &info);

	/* of somebody else's files it is not known what they have */
	*has = (info.inode_flags & extras) ||
	       (info.type_flags & VFS_FS_OWN_ATTR);
	if (err || !*has)
		return err;
	err = overlay_copy_xattrs(c->fs, c->from, c->fd);
	return err ? err : copy_flags(c, info.inode_flags);
}

/* Owner, permissions and the rest, as far as they are not so already. */
static int copy_attributes(struct copy *c)
{
	struct vfs_stat st;
	bool other, has;
	int err = overlay_stat(c->fs, c->fd, &st);

	if (err)
		return err;
	other = st.uid != c->st.uid || st.gid != c->st.gid;
	if (other)
		err = set_owner(c->fs, c->fd, &c->st);
	if (!err)
		err = copy_extras(c, &has);
	if (!err && (other || has || st.mode != c->st.mode))
		err = set_mode(c->fs, c->fd, &c->st);
	return err ? err : overlay_set_times(c->fs, c->fd, &c->st);
}

/* All that the copy is to have. */
static int fill_temp(struct copy *c)
{
	int err = 0;

	if (S_ISREG(c->st.mode) && c->bytes < 0)
		err = mark_metacopy(c);
	else if (S_ISREG(c->st.mode))
		err = overlay_copy_data(c->fs,
					c->oi->lower[c->oi->lower_count - 1].fd,
					c->out, c->st.size, c->bytes);
	if (!err)
		err = set_origin(c);
	return err ? err : copy_attributes(c);
}

/* From work to its place; parent's times stay, for nothing has changed in it.
 */
static int move_temp(struct copy *c, struct overlay_inode *parent,
		     const char *name)
{
	struct overlay_super *fs = c->fs;
	int dirfd = overlay_upper(parent);
	struct vfs_stat before;
	int err = overlay_stat(fs, dirfd, &before);

	if (!err)
		err = overlay_set_impure(parent);
	if (!err)
		err = vfs_fault(fs->vfs, "overlay:rename");
	if (!err)
		err = vfs_renameat2(fs->task, fs->work_fd, c->temp.text, dirfd,
				    name, VFS_RENAME_NOREPLACE);
	if (err)
		return err;
	(void)overlay_set_times(fs, dirfd, &before);
	overlay_stale(parent->inode);
	return 0;
}

/* parent NULL: it has no name any more. */
static int place_temp(struct copy *c, struct overlay_inode *parent,
		      const char *name)
{
	if (c->indexed)
		return overlay_index_place(c->oi, c->temp.text);
	if (parent)
		return move_temp(c, parent, name);
	return vfs_unlinkat(c->fs->task, c->fs->work_fd, c->temp.text,
			    S_ISDIR(c->st.mode) ? AT_REMOVEDIR : 0);
}

/* Made and placed; c->fd is its descriptor. */
static int make_copy(struct copy *c, struct overlay_inode *parent,
		     const char *name)
{
	struct overlay_super *fs = c->fs;
	int err = make_temp(c);

	if (!err)
		err = fill_temp(c);
	/* while nothing has happened yet */
	if (!err)
		err = overlay_stat(fs, c->fd, &c->made);
	if (!err)
		err = place_temp(c, parent, name);
	if (!err && c->ready && c->bytes >= 0 && c->out >= 0)
		*c->ready = overlay_upper_word(c->out, false);
	else
		overlay_close(fs, c->out);
	if (!err)
		return 0;
	overlay_close(fs, c->fd);
	(void)overlay_remove_tree(fs, fs->work_fd, c->temp.text);
	return err;
}

/* ---- one file ---- */

/* Whether there is nothing to do. */
static bool is_done(const struct overlay_inode *oi, int64_t bytes)
{
	if (overlay_upper(oi) < 0)
		return false;
	return bytes < 0 || !(overlay_state(oi) & OVERLAY_METACOPY);
}

int overlay_fill(struct overlay_super *fs, int from, int upper, int out,
		 int64_t size, int64_t bytes)
{
	unsigned char value[CAPABILITY_MAX];
	int64_t n = vfs_layer_getxattr(fs->task, upper, CAPABILITY, value,
				       sizeof(value));
	int err;

	if (n < 0 && n != -ENODATA && n != -EOPNOTSUPP)
		return (int)n;
	err = overlay_copy_data(fs, from, out, size, bytes);
	if (err || n <= 0)
		return err;
	err = vfs_fault(fs->vfs, "overlay:setxattr");
	return err ? err
		   : vfs_layer_setxattr(fs->task, upper, CAPABILITY, value,
					(size_t)n, 0);
}

/* The data of a file that has everything else. Into the file itself: until the
 * mark is gone nobody believes what is there. lock held. */
static int copy_rest(struct overlay_inode *oi, int64_t bytes)
{
	struct overlay_super *fs = oi->fs;
	struct vfs_stat st;
	int upper = overlay_upper(oi), out;
	int err = overlay_stat(fs, upper, &st);

	if (err)
		return err;
	out = vfs_layer_reopen(fs->task, upper, O_WRONLY);
	if (out < 0)
		return out;
	if (!bytes)
		err = vfs_ftruncate(fs->task, out, 0);
	else
		err = overlay_fill(fs, oi->lower[oi->lower_count - 1].fd, upper,
				   out, st.size, bytes);
	overlay_close(fs, out);
	if (!err)
		err = overlay_remove_own(fs, upper, "metacopy");
	if (err)
		return err;
	overlay_clear_state(oi, OVERLAY_METACOPY);
	return 0;
}

/* A plain file between layers in memory in one step: what most are that are
 * copied often. What it says is published, too. -EOPNOTSUPP: it is not that
 * simple. lock held. */
static int clone_locked(struct overlay_inode *oi, struct overlay_inode *parent,
			const char *name, int64_t bytes, void **ready)
{
	struct overlay_super *fs = oi->fs;
	unsigned char origin[OVERLAY_ORIGIN_MAX];
	struct vfs_layer_clone order;
	int64_t n;
	int err;

	if (!parent || bytes < 0 || oi->lower_count != 1 ||
	    !S_ISREG(VFS_READ_ONCE(oi->inode->mode)))
		return -EOPNOTSUPP;
	n = overlay_encode_origin(fs, &oi->lower[0], origin);
	err = n < 0 ? (int)n : overlay_set_impure(parent);
	if (!err)
		err = vfs_fault(fs->vfs, "overlay:clone");
	if (err)
		return err;
	order.size = sizeof(order);
	order.from = oi->lower[0].fd;
	order.dirfd = overlay_upper(parent);
	order.name = name;
	order.xattr = OVERLAY_XATTR(fs, "origin");
	order.value = origin;
	order.value_size = (uint64_t)n;
	order.empty = !bytes;
	order.open = ready != NULL;
	order.zero = 0;
	err = vfs_layer_clone(fs->task, &order);
	if (err)
		return err;
	overlay_stale(parent->inode);
	if (ready)
		*ready = overlay_upper_word(order.fd, true);
	overlay_set_upper(oi, order.fd, &order.st, true);
	/* else the listing has no reason to change */
	if (overlay_state(oi) & OVERLAY_OWN_NUMBER)
		overlay_dir_changed(parent);
	return 0;
}

/* lock held; parent (NULL: there is no name) is on upper. */
static int copy_locked(struct overlay_inode *oi, struct overlay_inode *parent,
		       const char *name, int64_t bytes, void **ready)
{
	struct copy c = {
		.fs = oi->fs,
		.oi = oi,
		.bytes = bytes,
		.from = oi->lower[0].fd,
		.fd = -1,
		.out = -1,
		.ready = ready,
	};
	int err = overlay_stat(c.fs, c.from, &c.st);

	if (err)
		return err;
	/* all is to be cut off: the copy is so from the beginning */
	if (!bytes && S_ISREG(c.st.mode))
		c.st.size = 0;
	c.indexed = overlay_wants_index(c.fs, &c.st);
	err = make_copy(&c, parent, name);
	if (err)
		return err;
	if (bytes < 0 && S_ISREG(c.st.mode))
		overlay_set_state(oi, OVERLAY_METACOPY);
	if (c.indexed) {
		VFS_WRITE_ONCE(oi->nlink, c.st.nlink);
		overlay_set_state(oi, OVERLAY_INDEXED);
	}
	overlay_set_upper(oi, c.fd, &c.made, false);
	/* its number may be another one now, and is in the listing */
	if (parent)
		overlay_dir_changed(parent);
	if (c.indexed)
		err = overlay_index_begin(oi);
	return err || !parent ? err : overlay_link_up(oi, parent, name);
}

static int copy_one(struct overlay_inode *oi, struct overlay_inode *parent,
		    const char *name, int64_t bytes, void **ready)
{
	int err = 0;

	pthread_mutex_lock(&oi->lock);
	if (is_done(oi, bytes))
		goto unlock;
	if (overlay_upper(oi) >= 0) {
		err = copy_rest(oi, bytes);
	} else if (overlay_state(oi) & OVERLAY_UNLINKED) {
		err = copy_locked(oi, NULL, NULL, bytes, ready);
	} else {
		err = clone_locked(oi, parent, name, bytes, ready);
		if (err != -EOPNOTSUPP)
			goto unlock;
		err = copy_locked(oi, parent, name, bytes, ready);
	}
	if (!err)
		overlay_stale(oi->inode);
unlock:
	pthread_mutex_unlock(&oi->lock);
	return err;
}

/* The topmost inode on the way from the root to oi that is not on upper,
 * referenced unless it is oi's own; its parent is referenced. */
static int find_missing(struct overlay_inode *oi, struct vfs_inode **inode,
			struct vfs_inode **parent, struct overlay_name *name)
{
	struct vfs_inode *at = oi->inode;
	int err;

	for (;;) {
		err = overlay_home(overlay_inode(at), parent, name);
		if (err || overlay_upper(overlay_inode(*parent)) >= 0)
			break;
		if (at != oi->inode)
			vfs_inode_unref(at);
		at = *parent;
	}
	*inode = at;
	if (err && at != oi->inode)
		vfs_inode_unref(at);
	return err;
}

static int copy_all(struct overlay_inode *oi, int64_t bytes, void **ready)
{
	struct vfs_inode *inode, *parent;
	struct overlay_name name;
	int err = 0;

	while (!err && !is_done(oi, bytes)) {
		bool last;

		err = find_missing(oi, &inode, &parent, &name);
		if (err)
			break;
		last = inode == oi->inode;
		err = copy_one(overlay_inode(inode), overlay_inode(parent),
			       name.text, last ? bytes : OVERLAY_ALL,
			       last ? ready : NULL);
		vfs_inode_unref(parent);
		if (!last)
			vfs_inode_unref(inode);
	}
	return err;
}

static int bring_up(struct overlay_inode *oi, int64_t bytes, void **ready)
{
	int err;

	if (is_done(oi, bytes))
		return 0;
	if (!oi->fs->has_upper)
		return -EROFS;
	if (bytes < 0 &&
	    (!oi->fs->metacopy || !S_ISREG(VFS_READ_ONCE(oi->inode->mode))))
		bytes = OVERLAY_ALL;
	err = copy_all(oi, bytes, ready);
	if (err || !(VFS_READ_ONCE(oi->inode->flags) & VFS_INODE_STALE))
		return err;
	return overlay_publish(oi);
}

/* Of a file that is, or is to be, in the index: the name that the call came by
 * is on upper afterwards, which it may not be although the file is. */
static int bring_up_by(struct overlay_inode *oi, struct vfs_inode *dir,
		       const char *name, int64_t bytes, void **ready)
{
	char *home;
	int err;

	if (overlay_upper(oi) < 0) {
		home = overlay_copy_name(oi->fs, name);
		if (!home)
			return -ENOMEM;
		overlay_set_home(oi, dir, home);
	}
	err = bring_up(oi, bytes, ready);
	return err ? err : overlay_link_name(oi, overlay_inode(dir), name);
}

static int copy_up(struct overlay_inode *oi, int64_t bytes, void **ready)
{
	struct overlay_super *fs = oi->fs;
	struct overlay_name name;
	struct vfs_inode *dir;
	int err;

	if (!overlay_may_index(oi) ||
	    vfs_current_name(fs->vfs, oi->inode, &dir, name.text))
		return bring_up(oi, bytes, ready);
	err = bring_up_by(oi, dir, name.text, bytes, ready);
	vfs_inode_unref(dir);
	return err;
}

int overlay_copy_up(struct overlay_inode *oi, int64_t bytes)
{
	return copy_up(oi, bytes, NULL);
}

int overlay_copy_up_ready(struct overlay_inode *oi, void **ready)
{
	return copy_up(oi, OVERLAY_ALL, ready);
}
