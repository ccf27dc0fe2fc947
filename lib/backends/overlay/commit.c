/* SPDX-License-Identifier: MIT */
/*
 * vfs_overlay_commit and vfs_overlay_discard: the upper directory of an overlay
 * that is not mounted is brought into the lower one, or emptied.
 *
 * A commit goes three times through upper:
 *
 *  1. Files that have no data get it (metacopy), while everything is where it
 *     says it is.
 *  2. Directories of lower that upper has moved go to OVERLAY_STAGE, the
 *     innermost first, so that each is still where upper says; and upper says
 *     then that they are there. What is on its way is noted at upper's
 * directory before.
 *  3. Every name is brought to lower (apply.c).
 *
 * When it ends in between, what has been done is not done again. Contract:
 * <vfs/overlay.h>, commit.h.
 */
#include "commit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <vfs/dir.h>
#include <vfs/file.h>
#include <vfs/overlay.h>
#include <vfs/path.h>
#include <vfs/stat.h>
#include <vfs/task.h>

#define LIST_BUFFER 8192u
#define FROM "from" /* own attribute: where a directory is to be found */
#define STAGED "/" OVERLAY_STAGE "/"

/* ---- what both files need ---- */

int overlay_commit_step(struct overlay_commit *c)
{
	return vfs_fault(c->fs.vfs, "overlay:commit");
}

static int add_bytes(struct vfs *vfs, struct overlay_names *names,
		     const char *bytes, size_t size)
{
	size_t room = names->room ? names->room : 1024;
	char *data;

	while (room - names->used < size)
		room *= 2;
	if (room != names->room) {
		data = vfs_alloc(vfs, room);
		if (!data)
			return -ENOMEM;
		if (names->used)
			memcpy(data, names->data, names->used);
		vfs_free(vfs, names->data, names->room);
		names->data = data;
		names->room = room;
	}
	memcpy(names->data + names->used, bytes, size);
	names->used += size;
	return 0;
}

static int add_entries(struct vfs *vfs, struct overlay_names *names,
		       const char *buffer, int64_t size)
{
	int err = 0;

	for (int64_t at = 0; !err && at < size;) {
		const struct vfs_dirent *entry = (const void *)(buffer + at);

		at += entry->reclen;
		if (strcmp(entry->name, ".") != 0 &&
		    strcmp(entry->name, "..") != 0)
			err = add_bytes(vfs, names, entry->name,
					strlen(entry->name) + 1);
	}
	return err;
}

int overlay_names_read(struct overlay_super *fs, int dirfd,
		       struct overlay_names *names)
{
	char *buffer = vfs_alloc(fs->vfs, LIST_BUFFER);
	int64_t n = buffer ? vfs_fault(fs->vfs, "overlay:getdents") : -ENOMEM;
	int fd = -1;

	if (!n)
		fd = vfs_layer_reopen(fs->task, dirfd, O_RDONLY | O_DIRECTORY);
	if (!n && fd < 0)
		n = fd;
	while (!n) {
		n = vfs_getdents(fs->task, fd, buffer, LIST_BUFFER);
		if (n <= 0)
			break;
		n = add_entries(fs->vfs, names, buffer, n);
	}
	overlay_close(fs, fd);
	vfs_free(fs->vfs, buffer, LIST_BUFFER);
	return (int)n;
}

void overlay_names_fini(struct overlay_super *fs, struct overlay_names *names)
{
	vfs_free(fs->vfs, names->data, names->room);
}

int overlay_get_text(struct overlay_super *fs, int fd, const char *suffix,
		     char **text, size_t *size)
{
	int64_t n = overlay_get_own(fs, fd, suffix, NULL, 0);
	char *value;

	if (n < 0)
		return (int)n;
	*size = (size_t)n + 1;
	value = vfs_alloc(fs->vfs, *size);
	if (!value)
		return -ENOMEM;
	if (n)
		n = overlay_get_own(fs, fd, suffix, value, (size_t)n);
	if (n < 0) {
		vfs_free(fs->vfs, value, *size);
		return (int)n;
	}
	value[n] = '\0';
	*text = value;
	return 0;
}

/* room for size bytes of the path. */
static int path_room(struct overlay_commit *c, size_t size)
{
	size_t room = c->path_room ? c->path_room : 256;
	char *path;

	if (size <= c->path_room)
		return 0;
	while (room < size)
		room *= 2;
	path = vfs_alloc(c->fs.vfs, room);
	if (!path)
		return -ENOMEM;
	if (c->path_room)
		memcpy(path, c->path, c->path_len + 1);
	else
		*path = '\0';
	vfs_free(c->fs.vfs, c->path, c->path_room);
	c->path = path;
	c->path_room = room;
	return 0;
}

int overlay_path_push(struct overlay_commit *c, const char *name)
{
	size_t len = strlen(name);
	int err = path_room(c, c->path_len + len + 2);

	if (err)
		return err;
	if (c->path_len)
		c->path[c->path_len++] = '/';
	memcpy(c->path + c->path_len, name, len + 1);
	c->path_len += len;
	return 0;
}

void overlay_path_pop(struct overlay_commit *c, size_t len)
{
	c->path_len = len;
	c->path[len] = '\0';
}

/* ---- the first and second time: files without data, moved directories ---- */

/* A directory that upper has moved, and where lower has it. */
struct moved {
	int fd;
	char *from; /* from lower's root */
	size_t size;
};

struct survey {
	struct overlay_commit *c; /* its path is that on lower */
	struct moved *moved;
	size_t count, room;
};

static int add_moved(struct survey *s, int fd)
{
	struct vfs *vfs = s->c->fs.vfs;
	struct moved m = {.fd = fd, .size = s->c->path_len + 1};

	if (s->count == s->room) {
		size_t room = s->room ? s->room * 2 : 16;
		struct moved *moved = vfs_alloc(vfs, room * sizeof(*moved));

		if (!moved)
			return -ENOMEM;
		if (s->count)
			memcpy(moved, s->moved, s->count * sizeof(*moved));
		vfs_free(vfs, s->moved, s->room * sizeof(*moved));
		s->moved = moved;
		s->room = room;
	}
	m.from = vfs_alloc(vfs, m.size);
	if (!m.from)
		return -ENOMEM;
	memcpy(m.from, s->c->path, m.size);
	s->moved[s->count++] = m;
	return 0;
}

/* The path becomes what a name in a directory is called on lower. len: of the
 * path before, to come back to. */
static int push_lower(struct overlay_commit *c, const char *name,
		      const char *redirect)
{
	if (redirect && *redirect == '/') {
		overlay_path_pop(c, 0);
		return overlay_path_push(c, redirect + 1);
	}
	return overlay_path_push(c, redirect ? redirect : name);
}

static int fill_metacopy(struct survey *s, int ufd, const struct vfs_stat *st)
{
	struct overlay_super *fs = &s->c->fs;
	int from = overlay_open_path(fs, s->c->lower, s->c->path), out, err;

	if (from < 0)
		return from;
	out = vfs_layer_reopen(fs->task, ufd, O_WRONLY);
	err = out < 0 ? out : overlay_commit_step(s->c);
	if (!err)
		err = overlay_fill(fs, from, ufd, out, st->size, OVERLAY_ALL);
	overlay_close(fs, out);
	overlay_close(fs, from);
	/* writing has left its traces */
	if (!err)
		err = vfs_fchmodat2(fs->task, ufd, "", st->mode & 07777,
				    AT_EMPTY_PATH);
	if (!err)
		err = overlay_set_times(fs, ufd, st);
	if (!err)
		err = overlay_remove_own(fs, ufd, "metacopy");
	return err ? err : overlay_remove_own(fs, ufd, "redirect");
}

static int survey_dir(struct survey *s, int udir, unsigned depth);

/* With the path that it has on lower; fd passes if *kept. */
static int survey_placed(struct survey *s, int fd, const struct vfs_stat *st,
			 bool redirected, unsigned depth, bool *kept)
{
	char value;
	int64_t n;
	int err;

	if (S_ISDIR(st->mode)) {
		if (redirected) {
			err = add_moved(s, fd);
			if (err)
				return err;
			*kept = true;
		}
		return depth ? survey_dir(s, fd, depth - 1) : -ELOOP;
	}
	if (!S_ISREG(st->mode))
		return 0;
	n = overlay_get_own(&s->c->fs, fd, "metacopy", &value, 0);
	if (n < 0)
		return n == -ENODATA ? 0 : (int)n;
	return fill_metacopy(s, fd, st);
}

static int survey_name(struct survey *s, int udir, const char *name,
		       unsigned depth)
{
	struct overlay_commit *c = s->c;
	char *before = NULL, *redirect = NULL;
	size_t before_size = c->path_len + 1, size = 0;
	struct vfs_stat st;
	bool kept = false;
	int fd = overlay_open_path(&c->fs, udir, name), err;

	if (fd < 0)
		return fd;
	err = overlay_stat(&c->fs, fd, &st);
	if (!err) {
		err = overlay_get_text(&c->fs, fd, "redirect", &redirect,
				       &size);
		err = err == -ENODATA ? 0 : err;
	}
	if (!err) {
		before = vfs_alloc(c->fs.vfs, before_size);
		err = before ? 0 : -ENOMEM;
	}
	if (!err) {
		memcpy(before, c->path_len ? c->path : "", before_size);
		err = push_lower(c, name, redirect);
	}
	if (!err)
		err = survey_placed(s, fd, &st, redirect, depth, &kept);
	if (before) {
		/* shorter than what there is room for */
		memcpy(c->path, before, before_size);
		c->path_len = before_size - 1;
	}
	vfs_free(c->fs.vfs, before, before_size);
	vfs_free(c->fs.vfs, redirect, size);
	if (!kept)
		overlay_close(&c->fs, fd);
	return err;
}

static int survey_dir(struct survey *s, int udir, unsigned depth)
{
	struct overlay_names names = {0};
	int err = overlay_names_read(&s->c->fs, udir, &names);

	for (size_t at = 0; !err && at < names.used;
	     at += strlen(names.data + at) + 1)
		err = survey_name(s, udir, names.data + at, depth);
	overlay_names_fini(&s->c->fs, &names);
	return err;
}

static bool is_staged(const struct moved *m)
{
	return !strncmp(m->from, &STAGED[1], sizeof(STAGED) - 2);
}

/* What is on its way comes first, and then the innermost: a longer path is not
 * around a shorter one. */
static int by_length(const void *a, const void *b)
{
	const struct moved *x = a, *y = b;

	if (is_staged(x) != is_staged(y))
		return is_staged(x) ? -1 : 1;
	if (x->size != y->size)
		return x->size < y->size ? 1 : -1;
	return strcmp(x->from, y->from);
}

/* A name in the stage that is free. */
static int free_name(struct overlay_commit *c, char *name, size_t size)
{
	for (unsigned i = 0;; i++) {
		int fd;

		snprintf(name, size, "%u", i);
		fd = overlay_open_path(&c->fs, c->stage, name);
		if (fd < 0)
			return fd == -ENOENT ? 0 : fd;
		overlay_close(&c->fs, fd);
	}
}

/* What upper's directory says: where it will be, and where it is until then. */
static int announce(struct overlay_commit *c, const struct moved *m)
{
	char text[64] = STAGED;
	size_t len = sizeof(STAGED) - 1;
	int err = free_name(c, text + len, sizeof(text) - len);

	if (!err)
		err = overlay_commit_step(c);
	if (!err)
		err = overlay_set_own(&c->fs, m->fd, FROM, m->from,
				      m->size - 1);
	if (!err)
		err = overlay_commit_step(c);
	return err ? err
		   : overlay_set_own(&c->fs, m->fd, "redirect", text,
				     strlen(text));
}

/* From where it is (FROM) to where it was said to be. */
static int bring(struct overlay_commit *c, int fd, const char *from)
{
	char *text = NULL;
	size_t size = 0;
	int err = overlay_get_text(&c->fs, fd, "redirect", &text, &size);

	if (err)
		return err;
	err = overlay_commit_step(c);
	if (!err)
		err = vfs_renameat2(c->fs.task, c->lower, from, c->lower,
				    text + 1, VFS_RENAME_NOREPLACE);
	vfs_free(c->fs.vfs, text, size);
	/* it was there already */
	if (err == -EEXIST || err == -ENOENT)
		err = 0;
	if (!err)
		err = overlay_commit_step(c);
	return err ? err : overlay_remove_own(&c->fs, fd, FROM);
}

/* It cannot be moved: everything is as it was. */
static void restore(struct overlay_commit *c, const struct moved *m)
{
	char *text = vfs_alloc(c->fs.vfs, m->size + 1);

	if (!text)
		return;
	*text = '/';
	memcpy(text + 1, m->from, m->size);
	if (!overlay_set_own(&c->fs, m->fd, "redirect", text, m->size))
		(void)overlay_remove_own(&c->fs, m->fd, FROM);
	vfs_free(c->fs.vfs, text, m->size + 1);
}

static int stage_one(struct overlay_commit *c, const struct moved *m)
{
	char *from = NULL;
	size_t size = 0;
	int err;

	if (!is_staged(m)) {
		err = announce(c, m);
		if (!err)
			err = bring(c, m->fd, m->from);
		if (err == -EXDEV)
			restore(c, m);
		return err;
	}
	err = overlay_get_text(&c->fs, m->fd, FROM, &from, &size);
	if (err)
		return err == -ENODATA ? 0 : err;
	err = bring(c, m->fd, from);
	vfs_free(c->fs.vfs, from, size);
	return err;
}

static int prepare(struct overlay_commit *c)
{
	struct survey s = {.c = c};
	int err = survey_dir(&s, c->upper, OVERLAY_COMMIT_DEPTH);

	if (!err && s.count)
		qsort(s.moved, s.count, sizeof(*s.moved), by_length);
	for (size_t i = 0; i < s.count; i++) {
		if (!err)
			err = stage_one(c, &s.moved[i]);
		overlay_close(&c->fs, s.moved[i].fd);
		vfs_free(c->fs.vfs, s.moved[i].from, s.moved[i].size);
	}
	vfs_free(c->fs.vfs, s.moved, s.room * sizeof(*s.moved));
	return err;
}

/* ---- the calls ---- */

/* A view of the directory that fd of task is open on, in the one of beside if
 * they are on one mount. */
static int open_root(struct overlay_commit *c, struct vfs_task *task, int fd,
		     uint32_t flags, int beside)
{
	struct vfs_stat st;
	int own = vfs_layer_open(c->fs.task, task, fd, "", flags, beside), err;

	if (own == -EXDEV && beside >= 0)
		own = vfs_layer_open(c->fs.task, task, fd, "", flags, -1);
	/* mounts below hide something */
	if (own == -EINVAL && (flags & VFS_LAYER_WHOLE))
		own = vfs_layer_open(c->fs.task, task, fd, "", 0, -1);
	if (own < 0)
		return own;
	err = overlay_stat(&c->fs, own, &st);
	if (!err && !S_ISDIR(st.mode))
		err = -ENOTDIR;
	if (err)
		overlay_close(&c->fs, own);
	return err ? err : own;
}

static int check_roots(struct overlay_commit *c)
{
	struct vfs_task *task = c->fs.task;
	int within = 0;

	if (c->lower >= 0)
		within = vfs_layer_within(task, c->upper, c->lower);
	if (!within && c->lower >= 0)
		within = vfs_layer_within(task, c->lower, c->upper);
	if (!within && c->lower >= 0 && c->work >= 0)
		within = vfs_layer_within(task, c->lower, c->work);
	if (!within && c->work >= 0)
		within = vfs_layer_within(task, c->upper, c->work);
	if (!within && c->work >= 0)
		within = vfs_layer_within(task, c->work, c->upper);
	return within > 0 ? -ELOOP : within;
}

static int open_roots(struct overlay_commit *c, struct vfs_task *task,
		      const struct vfs_overlay_layers *layers, bool lower)
{
	if (lower) {
		c->lower =
			open_root(c, task, layers->lower, VFS_LAYER_WHOLE, -1);
		if (c->lower < 0)
			return c->lower;
	}
	c->upper = open_root(c, task, layers->upper, 0, c->lower);
	if (c->upper < 0)
		return c->upper;
	if (layers->work >= 0) {
		c->work = open_root(c, task, layers->work, 0, -1);
		if (c->work < 0)
			return c->work;
	}
	return check_roots(c);
}

/* Ends with everything that is open. */
static void end(struct overlay_commit *c)
{
	struct vfs *vfs = c->fs.vfs;

	overlay_close(&c->fs, c->stage);
	overlay_close(&c->fs, c->work);
	overlay_close(&c->fs, c->upper);
	overlay_close(&c->fs, c->lower);
	vfs_task_unref(c->fs.task);
	vfs_free(vfs, c->path, c->path_room);
	vfs_free(vfs, c, sizeof(*c));
}

static int begin(struct vfs_task *task, const struct vfs_overlay_layers *layers,
		 bool lower, struct overlay_commit **out)
{
	struct vfs *vfs = vfs_task_instance(task);
	struct overlay_commit *c;
	int err = overlay_check_size(layers, layers->size, sizeof(*layers));

	if (err)
		return err;
	if (layers->upper < 0 || (lower && layers->lower < 0))
		return -EBADF;
	c = vfs_zalloc(vfs, sizeof(*c));
	if (!c)
		return -ENOMEM;
	c->fs.vfs = vfs;
	c->fs.layers = &c->layer;
	c->fs.userxattr = layers->userxattr;
	c->layer.xwhiteouts = true;
	c->lower = c->upper = c->work = c->stage = -1;
	err = vfs_layer_task_create(vfs, task, &c->fs.task);
	if (err) {
		vfs_free(vfs, c, sizeof(*c));
		return err;
	}
	err = open_roots(c, task, layers, lower);
	if (!err)
		err = path_room(c, 1);
	if (!err)
		err = vfs_layer_claim(c->fs.task, c->upper);
	if (err) {
		end(c);
		return err;
	}
	*out = c;
	return 0;
}

/* What an index keeps together is not to be seen in upper. */
static int check_index(struct overlay_commit *c)
{
	struct overlay_names names = {0};
	int fd = c->work < 0 ? -ENOENT
			     : overlay_open_path(&c->fs, c->work, "index");
	int err;

	if (fd < 0)
		return fd == -ENOENT ? 0 : fd;
	err = overlay_names_read(&c->fs, fd, &names);
	if (!err && names.used)
		err = -EOPNOTSUPP;
	overlay_names_fini(&c->fs, &names);
	overlay_close(&c->fs, fd);
	return err;
}

static int open_stage(struct overlay_commit *c)
{
	int err = overlay_commit_step(c);

	if (!err)
		err = vfs_mkdirat(c->fs.task, c->lower, OVERLAY_STAGE, 0700);
	if (err && err != -EEXIST)
		return err;
	c->stage = overlay_open_path(&c->fs, c->lower, OVERLAY_STAGE);
	return c->stage < 0 ? c->stage : 0;
}

/* Nothing in upper was copied from lower. */
static int forget_impure(struct overlay_commit *c)
{
	int err = overlay_remove_own(&c->fs, c->upper, "impure");

	/* then there is none */
	return err == -EOPNOTSUPP || err == -EPERM ? 0 : err;
}

static int commit(struct overlay_commit *c)
{
	int err = check_index(c);

	if (!err)
		err = open_stage(c);
	if (!err)
		err = prepare(c);
	if (!err)
		err = overlay_apply_dir(c, c->upper, c->lower,
					OVERLAY_COMMIT_DEPTH);
	if (!err)
		err = overlay_commit_step(c);
	if (!err)
		err = overlay_remove_tree(&c->fs, c->lower, OVERLAY_STAGE);
	if (!err)
		err = forget_impure(c);
	return err;
}

int vfs_overlay_commit(struct vfs_task *task,
		       const struct vfs_overlay_layers *layers)
{
	struct overlay_commit *c;
	int err = task && layers ? begin(task, layers, true, &c) : -EFAULT;

	if (err)
		return err;
	err = commit(c);
	(void)vfs_layer_unclaim(c->fs.task, c->upper);
	end(c);
	return err;
}

static int empty(struct overlay_commit *c, int dirfd)
{
	struct overlay_names names = {0};
	int err = dirfd < 0 ? 0 : overlay_names_read(&c->fs, dirfd, &names);

	for (size_t at = 0; !err && at < names.used;
	     at += strlen(names.data + at) + 1) {
		err = overlay_commit_step(c);
		if (!err)
			err = overlay_remove_tree(&c->fs, dirfd,
						  names.data + at);
	}
	overlay_names_fini(&c->fs, &names);
	return err;
}

int vfs_overlay_discard(struct vfs_task *task,
			const struct vfs_overlay_layers *layers)
{
	struct overlay_commit *c;
	int err = task && layers ? begin(task, layers, false, &c) : -EFAULT;

	if (err)
		return err;
	err = empty(c, c->upper);
	if (!err)
		err = empty(c, c->work);
	if (!err)
		err = forget_impure(c);
	(void)vfs_layer_unclaim(c->fs.task, c->upper);
	end(c);
	return err;
}
