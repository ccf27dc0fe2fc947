/* SPDX-License-Identifier: MIT */
/*
 * A name through the layers, topmost first: what is there, where the search
 * ends, and what it is called further down.
 *
 * A directory is merged of all that layers have under the name, down to one
 * that is opaque, a whiteout, or a file. Of files the topmost is the file; one
 * that has no data of its own (metacopy) is looked for further down. A redirect
 * says what the name is on the layers below: another name in the same
 * directory, or a path from the layer's root.
 */
#include <errno.h>
#include <string.h>

#include <vfs/file.h>

#include "overlay.h"

#define PATH_SIZE 4096u

struct search {
	struct overlay_super *fs;
	const struct overlay_inode *dir;
	struct overlay_found *found;
	char *path;	/* on the next layer; absolute: from its root */
	char *redirect; /* of what was looked at last: redirect_len bytes */
	size_t redirect_len;
	char *room; /* once there was one: of both, 2 * PATH_SIZE bytes */
	char name[OVERLAY_NAME_MAX + 1]; /* path, until then */
	bool is_dir;			 /* a directory was found further up */
	bool metacopy;			 /* a file without data was */
	bool stop;			 /* nothing further down matters */
	bool opaque; /* what was looked at last hides what is below */
};

/* ---- places ---- */

int overlay_found_add(struct overlay_super *fs, struct overlay_found *found,
		      int fd, uint32_t layer)
{
	uint32_t room = found->lower_room ? found->lower_room * 2 : 2;
	struct overlay_place *places;

	if (found->lower_count == found->lower_room) {
		places = vfs_alloc(fs->vfs, room * sizeof(*places));
		if (!places)
			return -ENOMEM;
		if (found->lower_count)
			memcpy(places, found->lower,
			       found->lower_count * sizeof(*places));
		vfs_free(fs->vfs, found->lower,
			 found->lower_room * sizeof(*places));
		found->lower = places;
		found->lower_room = room;
	}
	found->lower[found->lower_count++] =
		(struct overlay_place){.fd = fd, .layer = layer};
	return 0;
}

void overlay_found_fini(struct overlay_super *fs, struct overlay_found *found)
{
	overlay_close(fs, found->upper);
	for (uint32_t i = 0; i < found->lower_count; i++)
		overlay_close(fs, found->lower[i].fd);
	vfs_free(fs->vfs, found->lower,
		 found->lower_room * sizeof(*found->lower));
	vfs_free(fs->vfs, found->redirect, found->redirect_size);
	*found = (struct overlay_found){.upper = -1};
}

/* ---- redirects ---- */

/* Whether a redirect makes sense: a name, or an absolute path of names. */
static bool is_redirect(const char *text, size_t len)
{
	size_t start = 0;

	if (!len || memchr(text, '\0', len))
		return false;
	if (*text != '/')
		return !memchr(text, '/', len) && len <= OVERLAY_NAME_MAX;
	for (size_t i = 1; i <= len; i++) {
		if (i < len && text[i] != '/')
			continue;
		if (i == start + 1)
			return false;
		start = i;
	}
	return true;
}

/* Most names have no redirect, and short memory of theirs stays in use between
 * long memory of ours that does not. */
static int make_room(struct search *s)
{
	s->room = vfs_alloc(s->fs->vfs, 2 * PATH_SIZE);
	if (!s->room)
		return -ENOMEM;
	memcpy(s->room, s->path, strlen(s->path) + 1);
	s->path = s->room;
	s->redirect = s->room + PATH_SIZE;
	return 0;
}

static int check_redirect(struct search *s, int fd)
{
	int64_t n = overlay_get_own(s->fs, fd, "redirect", s->redirect,
				    s->room ? PATH_SIZE : 0);
	int err;

	if (n >= 0 && !s->room) {
		err = make_room(s);
		if (err)
			return err;
		n = overlay_get_own(s->fs, fd, "redirect", s->redirect,
				    PATH_SIZE);
	}
	if (n == -ENODATA)
		return 0;
	if (n < 0)
		return (int)n;
	s->redirect_len = (size_t)n;
	return is_redirect(s->redirect, s->redirect_len) ? 0 : -EINVAL;
}

/* Appends len bytes to path, with a slash before them. */
static int append(char *path, const char *text, size_t len)
{
	size_t old = strlen(path);

	if (old + len + 2 > PATH_SIZE)
		return -ENAMETOOLONG;
	path[old] = '/';
	memcpy(path + old + 1, text, len);
	path[old + 1 + len] = '\0';
	return 0;
}

/* What the redirect found last, or else name, makes of a path further down. */
static int go_on(const struct search *s, char *path, const char *name)
{
	if (!s->redirect_len)
		return append(path, name, strlen(name));
	if (*s->redirect != '/')
		return append(path, s->redirect, s->redirect_len);
	*path = '\0';
	return append(path, s->redirect + 1, s->redirect_len - 1);
}

/* ---- one name on one layer ---- */

/* Whether the layer marks the name, and there is something below to hide. */
static int is_marked(const struct search *s, uint32_t layer, int dirfd,
		     const char *name)
{
	return layer + 1 < s->fs->layer_count
		       ? overlay_is_marked(s->fs, dirfd, name)
		       : 0;
}

static int check_directory(struct search *s, uint32_t layer, int fd, bool last)
{
	char value[2];
	int64_t n = overlay_get_own(s->fs, fd, "opaque", value, sizeof(value));

	if (last)
		s->is_dir = true;
	if (n < 0 && n != -ENODATA && n != -ERANGE)
		return (int)n;
	if (n != 1 || *value != 'y') {
		int marked = is_marked(s, layer, fd, OVERLAY_MARK_OPAQUE);

		if (marked < 0)
			return marked;
		/* a directory on the way may have stopped it already */
		s->stop = s->stop || marked;
		s->opaque = marked && last;
	} else {
		s->stop = true;
		s->opaque = last;
	}
	if (n == 1 && *value == 'x' && layer != OVERLAY_UPPER) {
		VFS_WRITE_ONCE(s->fs->layers[layer].xwhiteouts, true);
	}
	return s->stop ? 0 : check_redirect(s, fd);
}

int overlay_is_metacopy(struct overlay_super *fs, int fd)
{
	char value[64];
	int64_t n = overlay_get_own(fs, fd, "metacopy", value, sizeof(value));

	if (n == -ENODATA || n == -EACCES)
		return 0;
	if (n < 0 && n != -ERANGE)
		return (int)n;
	/* what was not asked for could be anybody's */
	return fs->metacopy ? 1 : -EPERM;
}

static int check_file(struct search *s, int fd, const struct vfs_stat *st)
{
	int metacopy = S_ISREG(st->mode) ? overlay_is_metacopy(s->fs, fd) : 0;

	if (metacopy < 0)
		return metacopy;
	s->metacopy = metacopy;
	s->stop = !s->metacopy;
	return s->metacopy ? check_redirect(s, fd) : 0;
}

/* A lower directory that is upper's or work's own is not walked into. */
static bool is_trap(const struct search *s, uint32_t layer,
		    const struct vfs_stat *st)
{
	const struct overlay_super *fs = s->fs;

	return layer != OVERLAY_UPPER && fs->has_upper &&
	       fs->layers[layer].fs == 0 &&
	       (st->ino == fs->upper_ino || st->ino == fs->work_base_ino);
}

/* What it means that fd is there. -ENOENT: as if it were not. */
static int judge(struct search *s, uint32_t layer, int fd,
		 const struct vfs_stat *st, bool last)
{
	int white = overlay_is_whiteout(s->fs, layer, fd, st);

	if (white < 0)
		return white;
	if (white) {
		s->stop = true;
		s->opaque = last;
		return -ENOENT;
	}
	if (S_ISDIR(st->mode) && !(last && s->metacopy))
		return is_trap(s, layer, st)
			       ? -ELOOP
			       : check_directory(s, layer, fd, last);
	if (!last || s->is_dir || (s->metacopy && !S_ISREG(st->mode))) {
		s->stop = true;
		return -ENOENT;
	}
	return check_file(s, fd, st);
}

/* What err says of name in dirfd, 0 or -ENOENT, is all if it is marked. */
static int heed_mark(struct search *s, uint32_t layer, int dirfd,
		     const char *name, bool last, int err)
{
	int marked = s->stop || (err && err != -ENOENT)
			     ? 0
			     : is_marked(s, layer, dirfd, name);

	if (marked <= 0)
		return marked ? marked : err;
	s->stop = true;
	s->opaque = last;
	s->redirect_len = 0;
	return err;
}

/* name in dirfd: its descriptor with *st, or -ENOENT (stop: nor anywhere
 * below), or an error. last: it is what is looked for, not on the way to it. */
static int look(struct search *s, uint32_t layer, int dirfd, const char *name,
		bool last, struct vfs_stat *st)
{
	int fd = overlay_open_path(s->fs, dirfd, name), err;

	s->redirect_len = 0;
	s->opaque = false;
	if (fd == -ENAMETOOLONG || fd == -ENOTDIR)
		return -ENOENT;
	err = fd < 0 ? fd : overlay_stat(s->fs, fd, st);
	if (!err)
		err = judge(s, layer, fd, st, last);
	err = heed_mark(s, layer, dirfd, name, last, err);
	if (!err)
		return fd;
	overlay_close(s->fs, fd);
	return err;
}

/* One name. What a redirect says of it is what it is called further down. */
static int look_name(struct search *s, uint32_t layer, int dirfd,
		     struct vfs_stat *st)
{
	int fd = look(s, layer, dirfd, s->path, true, st);

	if (fd >= 0 && s->redirect_len) {
		memcpy(s->path, s->redirect, s->redirect_len);
		s->path[s->redirect_len] = '\0';
	}
	return fd;
}

/* The path from the layer's root on; names on the way may be others further
 * down, too. now: a copy of it. */
static int walk_path(struct search *s, uint32_t layer, char *now,
		     struct vfs_stat *st)
{
	int dirfd = s->fs->layers[layer].fd, fd = -1, err = 0;
	char *name = now + 1, *end;

	*s->path = '\0';
	for (;;) {
		bool last;
		int next;

		end = name + strcspn(name, "/");
		last = !*end;
		*end = '\0';
		next = look(s, layer, dirfd, name, last, st);
		overlay_close(s->fs, fd);
		fd = next;
		err = go_on(s, s->path, name);
		if (fd < 0 || last || err)
			break;
		dirfd = fd;
		name = end + 1;
	}
	/* what was not reached is called the same */
	if (!err && fd < 0 && end + 1 < now + PATH_SIZE && end[1])
		err = append(s->path, end + 1, strlen(end + 1));
	if (err && fd >= 0) {
		overlay_close(s->fs, fd);
		fd = -1;
	}
	return err ? err : fd;
}

static int look_path(struct search *s, uint32_t layer, struct vfs_stat *st)
{
	char *now = vfs_zalloc(s->fs->vfs, PATH_SIZE);
	int fd;

	if (!now)
		return -ENOMEM;
	memcpy(now, s->path, strlen(s->path));
	fd = walk_path(s, layer, now, st);
	vfs_free(s->fs->vfs, now, PATH_SIZE);
	return fd;
}

/* ---- the search ---- */

/* Where dir is on the layer; -1: nowhere. */
static int place_on(const struct overlay_inode *dir, uint32_t layer)
{
	if (!overlay_has_lower(dir))
		return -1;
	for (uint32_t i = 0; i < dir->lower_count; i++)
		if (dir->lower[i].layer == layer)
			return dir->lower[i].fd;
	return -1;
}

static int keep_redirect(struct search *s)
{
	struct overlay_found *found = s->found;

	if (!s->redirect_len)
		return 0;
	found->redirect = vfs_alloc(s->fs->vfs, s->redirect_len + 1);
	if (!found->redirect)
		return -ENOMEM;
	found->redirect_size = (uint32_t)s->redirect_len + 1;
	memcpy(found->redirect, s->redirect, s->redirect_len);
	found->redirect[s->redirect_len] = '\0';
	return 0;
}

static int search_upper(struct search *s)
{
	struct overlay_found *found = s->found;
	int dirfd = overlay_upper(s->dir), fd;

	if (dirfd < 0)
		return 0;
	fd = look_name(s, OVERLAY_UPPER, dirfd, &found->st);
	found->opaque = s->opaque;
	if (fd == -ENOENT)
		return 0;
	if (fd < 0)
		return fd;
	found->upper = fd;
	found->metacopy = s->metacopy;
	return keep_redirect(s);
}

/* What was found on a lower layer. A file without data between the first and
 * the one with data is of no use. */
static int keep_lower(struct search *s, int fd, uint32_t layer,
		      const struct vfs_stat *st)
{
	struct overlay_found *found = s->found;
	int err = 0;

	if (s->metacopy && found->lower_count) {
		overlay_close(s->fs, fd);
		return 0;
	}
	if (!found->lower_count)
		found->lower_st = *st;
	err = overlay_found_add(s->fs, found, fd, layer);
	if (err)
		overlay_close(s->fs, fd);
	return err;
}

static int search_lower(struct search *s)
{
	struct overlay_super *fs = s->fs;
	int err = 0;

	for (uint32_t i = 1; !err && !s->stop && i < fs->layer_count; i++) {
		struct vfs_stat st;
		int fd = -ENOENT;

		if (*s->path == '/')
			fd = look_path(s, i, &st);
		else if (place_on(s->dir, i) >= 0)
			fd = look_name(s, i, place_on(s->dir, i), &st);
		if (fd >= 0)
			err = keep_lower(s, fd, i, &st);
		else if (fd != -ENOENT)
			err = fd;
	}
	return err;
}

/* What is known of a lower file that has no place: that upper is a copy of it,
 * which would not say so if there were other names of it and no index. */
static void make_stat(struct search *s, const struct overlay_place *place,
		      uint64_t ino)
{
	struct overlay_found *found = s->found;

	found->lower_st = (struct vfs_stat){
		.dev = s->fs->layers[place->layer].dev,
		.ino = ino,
		.mode = found->st.mode,
		.nlink = 1,
	};
}

/* The file that upper was copied from: its number is the file's. */
static int find_origin(struct search *s)
{
	struct overlay_found *found = s->found;
	struct overlay_place place;
	uint64_t ino;
	int err;

	if (found->upper < 0 || s->is_dir || found->lower_count)
		return 0;
	err = overlay_decode_origin(s->fs, found->upper, &place, &ino);
	if (err)
		return err == -ENODATA ? 0 : err;
	if (place.fd < 0)
		make_stat(s, &place, ino);
	else
		err = overlay_stat(s->fs, place.fd, &found->lower_st);
	if (!err && (found->lower_st.mode ^ found->st.mode) & S_IFMT)
		err = -ENODATA;
	if (!err)
		err = overlay_found_add(s->fs, found, place.fd, place.layer);
	if (err)
		overlay_close(s->fs, place.fd);
	return err == -ENODATA ? 0 : err;
}

static int search_all(struct search *s, const char *name)
{
	struct overlay_found *found = s->found;
	int err;

	memcpy(s->path, name, strlen(name) + 1);
	err = search_upper(s);
	if (!err && found->redirect &&
	    s->fs->redirect == OVERLAY_REDIRECT_NOFOLLOW)
		err = -EPERM;
	if (!err)
		err = search_lower(s);
	if (err)
		return err;
	/* there is no data anywhere */
	if (s->metacopy)
		return -EIO;
	err = find_origin(s);
	if (!err && !s->is_dir)
		err = overlay_index_find(s->fs, found);
	if (err)
		return err;
	if (found->upper < 0 && !found->lower_count)
		return -ENOENT;
	found->is_dir = s->is_dir;
	if (found->upper < 0)
		found->st = found->lower_st;
	return 0;
}

int overlay_find(struct overlay_super *fs, const struct overlay_inode *dir,
		 const char *name, struct overlay_found *found)
{
	struct search s = {.fs = fs, .dir = dir, .found = found};
	int err;

	*found = (struct overlay_found){.upper = -1};
	if (strlen(name) > fs->super->name_max ||
	    strlen(name) > OVERLAY_NAME_MAX)
		return -ENAMETOOLONG;
	if (overlay_is_mark(fs, name))
		return -ENOENT;
	s.path = s.name;
	err = search_all(&s, name);
	vfs_free(fs->vfs, s.room, 2 * PATH_SIZE);
	if (err)
		overlay_found_fini(fs, found);
	return err;
}

/* The same on one layer; -ENOENT: it is to be looked for further down. */
static int below_on(struct overlay_super *fs, const struct overlay_place *place,
		    const char *name, struct vfs_stat *st)
{
	int fd = overlay_open_path(fs, place->fd, name), err;

	if (fd == -ENOENT) {
		err = overlay_is_marked(fs, place->fd, name);
		return err > 0 ? 0 : err ? err : -ENOENT;
	}
	if (fd == -ENAMETOOLONG)
		return -ENOENT;
	if (fd < 0)
		return fd;
	err = overlay_stat(fs, fd, st);
	if (!err)
		err = overlay_is_whiteout(fs, place->layer, fd, st);
	overlay_close(fs, fd);
	return err < 0 ? err : !err;
}

int overlay_below(struct overlay_super *fs, const struct overlay_inode *dir,
		  const char *name, struct vfs_stat *st)
{
	int found = -ENOENT;

	for (uint32_t i = 0;
	     found == -ENOENT && overlay_has_lower(dir) && i < dir->lower_count;
	     i++)
		found = below_on(fs, &dir->lower[i], name, st);
	return found == -ENOENT ? 0 : found;
}
