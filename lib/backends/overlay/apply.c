/* SPDX-License-Identifier: MIT */
/*
 * One name of upper on its way to lower, for vfs_overlay_commit.
 *
 * In every step the merged tree stays what it is: first lower gets what upper
 * has, or loses what upper hides, then upper loses it. So a commit that ended
 * anywhere goes on when it is begun again, with what is still in upper.
 *
 * On one mount a file, or a directory that nothing lower is part of, is
 * renamed, which is one step. From elsewhere a file is copied to OVERLAY_STAGE,
 * and renamed there. Contract: commit.h.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <vfs/dir.h>
#include <vfs/file.h>
#include <vfs/path.h>
#include <vfs/stat.h>

#include "commit.h"

#define COPY "copy"   /* the name of a copy in the making */
#define MARK "commit" /* own attribute: what is to be known when it goes on */
#define TIMES_MAX 96u

/* A name, where it is and where it is to be. */
struct name {
	int udir, ldir;
	const char *text;
	int fd; /* upper's */
	struct vfs_stat st;
	unsigned depth; /* that is left */
};

/* ---- removing ---- */

/* What lower has of the name, which upper hides. */
static int remove_lower(struct overlay_commit *c, const struct name *n)
{
	int err = overlay_commit_step(c);

	return err ? err : overlay_remove_tree(&c->fs, n->ldir, n->text);
}

static int remove_upper(struct overlay_commit *c, const struct name *n,
			int flags)
{
	int err = overlay_commit_step(c);

	return err ? err : vfs_unlinkat(c->fs.task, n->udir, n->text, flags);
}

static int remove_own(struct overlay_commit *c, int fd, const char *suffix)
{
	int err = overlay_commit_step(c);

	if (!err)
		err = overlay_remove_own(&c->fs, fd, suffix);
	return err == -EOPNOTSUPP || err == -EPERM ? 0 : err;
}

/* 1: lower has a directory of that name, 0: it has not, or an error. */
static int has_directory(struct overlay_commit *c, const struct name *n)
{
	int fd = overlay_open_path(&c->fs, n->ldir, n->text), err;
	struct vfs_stat st;

	if (fd < 0)
		return fd == -ENOENT ? 0 : fd;
	err = overlay_stat(&c->fs, fd, &st);
	overlay_close(&c->fs, fd);
	return err ? err : S_ISDIR(st.mode);
}

/* ---- attributes ---- */

/* Takes those of overlay's own that say something of layers away. */
static int strip(struct overlay_commit *c, int fd)
{
	/* MARK stays: what was copied before is not forgotten */
	static const char *const suffixes[] = {
		"origin",   "impure", "opaque", "redirect",
		"metacopy", "nlink",  "upper",	"uuid",
	};
	int64_t n = vfs_layer_listxattr(c->fs.task, fd, NULL, 0);
	int err = 0;

	if (n <= 0)
		return n == -EOPNOTSUPP ? 0 : (int)n;
	for (size_t i = 0; !err && i < sizeof(suffixes) / sizeof(*suffixes);
	     i++)
		err = remove_own(c, fd, suffixes[i]);
	return err;
}

/* The names of a file's attributes, overlay's own left out. */
static int read_xattrs(struct overlay_super *fs, int fd,
		       struct overlay_names *names)
{
	int64_t n = vfs_layer_listxattr(fs->task, fd, NULL, 0);
	size_t kept = 0;

	if (n <= 0)
		return n == -EOPNOTSUPP ? 0 : (int)n;
	names->room = (size_t)n;
	names->data = vfs_alloc(fs->vfs, names->room);
	if (!names->data)
		return -ENOMEM;
	n = vfs_layer_listxattr(fs->task, fd, names->data, names->room);
	for (int64_t at = 0; at < n;) {
		char *name = names->data + at;
		size_t size = strlen(name) + 1;

		at += (int64_t)size;
		if (overlay_is_own(fs, name))
			continue;
		memmove(names->data + kept, name, size);
		kept += size;
	}
	names->used = kept;
	return n < 0 ? (int)n : 0;
}

/* Those of `to` that `from` has not. */
static int drop_xattrs(struct overlay_super *fs, int from, int to)
{
	struct overlay_names names = {0};
	int err = read_xattrs(fs, to, &names);

	for (size_t at = 0; !err && at < names.used;
	     at += strlen(names.data + at) + 1) {
		const char *name = names.data + at;
		int64_t n = vfs_layer_getxattr(fs->task, from, name, NULL, 0);

		if (n == -ENODATA || n == -EOPNOTSUPP)
			err = vfs_layer_removexattr(fs->task, to, name);
		else if (n < 0)
			err = (int)n;
	}
	overlay_names_fini(fs, &names);
	return err;
}

int overlay_same_attributes(struct overlay_super *fs, int from, int to,
			    const struct vfs_stat *st)
{
	int err = overlay_set_attributes(fs, to, st);

	/* a new owner takes capabilities away, ACLs change permissions, and
	 * all of it may change times */
	if (!err)
		err = drop_xattrs(fs, from, to);
	if (!err)
		err = overlay_copy_xattrs(fs, from, to);
	if (!err && !S_ISLNK(st->mode))
		err = vfs_fchmodat2(fs->task, to, "", st->mode & 07777,
				    AT_EMPTY_PATH);
	return err ? err : overlay_set_times(fs, to, st);
}

/* ---- times of a directory ---- */

/* Names that go change a directory's times: what they were is kept at it until
 * the end. */
static int keep_times(struct overlay_commit *c, int fd, struct vfs_stat *st)
{
	long long as, ms;
	unsigned an, mn;
	char *text, buffer[TIMES_MAX];
	size_t size;
	int n, err = overlay_get_text(&c->fs, fd, MARK, &text, &size);

	if (!err) {
		n = sscanf(text, "%lld.%u %lld.%u", &as, &an, &ms, &mn);
		vfs_free(c->fs.vfs, text, size);
		if (n != 4)
			return -EIO;
		st->atime = (struct vfs_timespec){as, an, 0};
		st->mtime = (struct vfs_timespec){ms, mn, 0};
		return 0;
	}
	if (err != -ENODATA)
		return err;
	n = snprintf(buffer, sizeof(buffer), "%lld.%u %lld.%u",
		     (long long)st->atime.sec, (unsigned)st->atime.nsec,
		     (long long)st->mtime.sec, (unsigned)st->mtime.nsec);
	err = overlay_commit_step(c);
	if (!err)
		err = overlay_set_own(&c->fs, fd, MARK, buffer, (size_t)n);
	/* then a commit that was interrupted loses them */
	return err == -EOPNOTSUPP || err == -EPERM ? 0 : err;
}

int overlay_apply_whole(struct overlay_commit *c, int udir, int ldir,
			unsigned depth)
{
	struct vfs_stat st;
	int err = overlay_stat(&c->fs, udir, &st);

	if (!err)
		err = keep_times(c, udir, &st);
	if (!err)
		err = overlay_apply_dir(c, udir, ldir, depth);
	if (!err)
		err = overlay_commit_step(c);
	return err ? err : overlay_same_attributes(&c->fs, udir, ldir, &st);
}

/* ---- files ---- */

static int make_link(struct overlay_commit *c, const struct name *n)
{
	size_t size = (size_t)n->st.size + 1;
	char *text = vfs_alloc(c->fs.vfs, size);
	int64_t got;

	if (!text)
		return -ENOMEM;
	got = vfs_readlinkat(c->fs.task, n->fd, "", text, size);
	if (got >= 0) {
		text[got < n->st.size ? got : n->st.size] = '\0';
		got = vfs_symlinkat(c->fs.task, text, c->stage, COPY);
	}
	vfs_free(c->fs.vfs, text, size);
	return (int)got;
}

static int copy_bytes(struct overlay_commit *c, const struct name *n)
{
	int out = vfs_openat(c->fs.task, c->stage, COPY,
			     O_RDWR | O_CREAT | O_EXCL, 0600);
	int err;

	if (out < 0)
		return out;
	err = overlay_copy_data(&c->fs, n->fd, out, n->st.size, OVERLAY_ALL);
	overlay_close(&c->fs, out);
	return err;
}

/* A copy of the file in the stage. */
static int make_copy(struct overlay_commit *c, const struct name *n)
{
	int fd, err = overlay_remove_tree(&c->fs, c->stage, COPY);

	if (!err)
		err = overlay_commit_step(c);
	if (err)
		return err;
	if (S_ISREG(n->st.mode))
		err = copy_bytes(c, n);
	else if (S_ISLNK(n->st.mode))
		err = make_link(c, n);
	else
		err = vfs_mknodat(c->fs.task, c->stage, COPY, n->st.mode,
				  n->st.rdev);
	if (err)
		return err;
	fd = overlay_open_path(&c->fs, c->stage, COPY);
	if (fd < 0)
		return fd;
	err = overlay_same_attributes(&c->fs, n->fd, fd, &n->st);
	overlay_close(&c->fs, fd);
	return err;
}

/* Puts what was made in the stage into its place. */
static int place_copy(struct overlay_commit *c, const struct name *n)
{
	int err = overlay_commit_step(c);

	return err ? err
		   : vfs_renameat2(c->fs.task, c->stage, COPY, n->ldir, n->text,
				   0);
}

/* A file with several names is copied once, and says where to: the others are
 * linked there. -ENODATA: it was not copied yet. *placed: this is the name. */
static int link_copy(struct overlay_commit *c, const struct name *n,
		     bool *placed)
{
	char *text;
	size_t size;
	int err = overlay_get_text(&c->fs, n->fd, MARK, &text, &size);

	if (err)
		return err;
	*placed = !strcmp(text, c->path);
	if (!*placed) {
		err = overlay_remove_tree(&c->fs, c->stage, COPY);
		if (!err)
			err = vfs_linkat(c->fs.task, c->lower, text, c->stage,
					 COPY, 0);
	}
	vfs_free(c->fs.vfs, text, size);
	return err == -ENOENT ? -ENODATA : err;
}

static int note_copy(struct overlay_commit *c, const struct name *n)
{
	int err = overlay_commit_step(c);

	if (!err)
		err = overlay_set_own(&c->fs, n->fd, MARK, c->path,
				      c->path_len);
	/* then its other names become files of their own */
	return err == -EOPNOTSUPP || err == -EPERM ? 0 : err;
}

static int copy_file(struct overlay_commit *c, const struct name *n)
{
	bool placed = false, first = false;
	int err = link_copy(c, n, &placed);

	if (err == -ENODATA) {
		first = n->st.nlink > 1;
		err = make_copy(c, n);
	}
	if (!err && !placed)
		err = place_copy(c, n);
	if (!err && first)
		err = note_copy(c, n);
	return err ? err : remove_upper(c, n, 0);
}

static int move_file(struct overlay_commit *c, const struct name *n)
{
	int err = strip(c, n->fd);

	if (!err)
		err = overlay_commit_step(c);
	if (!err)
		err = vfs_renameat2(c->fs.task, n->udir, n->text, n->ldir,
				    n->text, 0);
	/* two names of one file: both have stayed */
	if (!err && n->st.nlink > 1)
		err = remove_upper(c, n, 0);
	return err == -ENOENT ? 0 : err;
}

static int apply_file(struct overlay_commit *c, const struct name *n)
{
	int err = has_directory(c, n);

	if (err > 0)
		err = remove_lower(c, n);
	if (!err)
		err = c->apart ? -EXDEV : move_file(c, n);
	if (err != -EXDEV)
		return err;
	c->apart = true;
	return copy_file(c, n);
}

/* ---- directories ---- */

/* Whether nothing lower is part of what is below, and nothing there says so;
 * what says needless things is made plain. 1, 0 or an error. */
static int make_plain(struct overlay_commit *c, int fd, unsigned depth);

static int plain_after(int err)
{
	return err ? err : 1;
}

static int plain_name(struct overlay_commit *c, int dirfd, const char *name,
		      unsigned depth)
{
	int fd = overlay_open_path(&c->fs, dirfd, name), result;
	struct vfs_stat st;

	if (fd < 0)
		return fd;
	result = overlay_stat(&c->fs, fd, &st);
	if (!result)
		result = overlay_is_whiteout(&c->fs, OVERLAY_UPPER, fd, &st);
	if (result)
		result = result < 0 ? result : 0;
	else if (S_ISDIR(st.mode))
		result = make_plain(c, fd, depth);
	else
		result = plain_after(strip(c, fd));
	overlay_close(&c->fs, fd);
	return result;
}

static int make_plain(struct overlay_commit *c, int fd, unsigned depth)
{
	struct overlay_names names = {0};
	char value;
	int64_t n = overlay_get_own(&c->fs, fd, "redirect", &value, 0);
	int result;

	if (n != -ENODATA)
		return n < 0 ? (int)n : 0;
	if (!depth)
		return -ELOOP;
	result = plain_after(overlay_names_read(&c->fs, fd, &names));
	for (size_t at = 0; result > 0 && at < names.used;
	     at += strlen(names.data + at) + 1)
		result = plain_name(c, fd, names.data + at, depth - 1);
	overlay_names_fini(&c->fs, &names);
	return result > 0 ? plain_after(strip(c, fd)) : result;
}

/* lower's directory of the name, which was staged, comes to its place. */
static int place_staged(struct overlay_commit *c, const struct name *n,
			const char *redirect)
{
	const char *staged = strrchr(redirect, '/') + 1;
	int fd = overlay_open_path(&c->fs, c->stage, staged), err;

	if (fd >= 0) {
		overlay_close(&c->fs, fd);
		err = remove_lower(c, n);
		if (!err)
			err = overlay_commit_step(c);
		if (!err)
			err = vfs_renameat2(c->fs.task, c->stage, staged,
					    n->ldir, n->text, 0);
	} else {
		err = fd == -ENOENT ? 0 : fd; /* it is there already */
	}
	return err ? err : remove_own(c, n->fd, "redirect");
}

/* Instead, an empty one in lower. */
static int make_empty(struct overlay_commit *c, const struct name *n)
{
	int err = overlay_commit_step(c);

	if (!err)
		err = vfs_mkdirat(c->fs.task, n->ldir, n->text, 0700);
	return err ? err : remove_own(c, n->fd, "opaque");
}

/* As a whole, when nothing lower is part of it. 1: it was. */
static int move_whole(struct overlay_commit *c, const struct name *n)
{
	int plain = c->apart ? 0 : make_plain(c, n->fd, n->depth), err;

	if (plain <= 0)
		return plain;
	err = overlay_commit_step(c);
	if (!err)
		err = vfs_renameat2(c->fs.task, n->udir, n->text, n->ldir,
				    n->text, 0);
	if (err == -EXDEV) {
		c->apart = true;
		return 0;
	}
	return err ? err : 1;
}

/* Brings lower's directory about that upper's is laid over. 1: all is done. */
static int make_lower(struct overlay_commit *c, const struct name *n)
{
	char *redirect, opaque[2] = "";
	size_t size;
	int there, err;
	int64_t got;

	err = overlay_get_text(&c->fs, n->fd, "redirect", &redirect, &size);
	if (!err) {
		err = place_staged(c, n, redirect);
		vfs_free(c->fs.vfs, redirect, size);
	}
	if (err && err != -ENODATA)
		return err;
	got = overlay_get_own(&c->fs, n->fd, "opaque", opaque, sizeof(opaque));
	if (got < 0 && got != -ENODATA)
		return (int)got;
	there = has_directory(c, n);
	if (there < 0 || (there && *opaque != 'y'))
		return there < 0 ? there : 0;
	/* nothing of what lower has there is seen */
	err = remove_lower(c, n);
	if (!err)
		err = move_whole(c, n);
	return err ? err : make_empty(c, n);
}

static int apply_subdir(struct overlay_commit *c, const struct name *n)
{
	int err = n->depth ? make_lower(c, n) : -ELOOP, fd;

	if (err)
		return err < 0 ? err : 0;
	fd = overlay_open_path(&c->fs, n->ldir, n->text);
	if (fd < 0)
		return fd;
	err = overlay_apply_whole(c, n->fd, fd, n->depth - 1);
	overlay_close(&c->fs, fd);
	return err ? err : remove_upper(c, n, AT_REMOVEDIR);
}

/* ---- one name ---- */

static int apply_opened(struct overlay_commit *c, struct name *n)
{
	int err = overlay_stat(&c->fs, n->fd, &n->st), white;

	if (err)
		return err;
	white = overlay_is_whiteout(&c->fs, OVERLAY_UPPER, n->fd, &n->st);
	if (white < 0)
		return white;
	if (white) {
		err = remove_lower(c, n);
		return err ? err : remove_upper(c, n, 0);
	}
	if (S_ISDIR(n->st.mode))
		return apply_subdir(c, n);
	return apply_file(c, n);
}

static int apply_name(struct overlay_commit *c, struct name *n)
{
	size_t len = c->path_len;
	int err = overlay_path_push(c, n->text);

	if (err)
		return err;
	n->fd = overlay_open_path(&c->fs, n->udir, n->text);
	err = n->fd < 0 ? n->fd : apply_opened(c, n);
	overlay_close(&c->fs, n->fd);
	overlay_path_pop(c, len);
	return err;
}

int overlay_apply_dir(struct overlay_commit *c, int udir, int ldir,
		      unsigned depth)
{
	struct overlay_names names = {0};
	int err = overlay_names_read(&c->fs, udir, &names);

	for (size_t at = 0; !err && at < names.used;
	     at += strlen(names.data + at) + 1) {
		struct name n = {
			.udir = udir,
			.ldir = ldir,
			.text = names.data + at,
			.depth = depth,
		};

		err = apply_name(c, &n);
	}
	overlay_names_fini(&c->fs, &names);
	return err;
}
