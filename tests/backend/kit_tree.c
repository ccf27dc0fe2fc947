/* SPDX-License-Identifier: MIT */
/* Contract: kit_tree.h. */
#include "backend/kit_tree.h"

#include <stdio.h>
#include <stdlib.h>

/* -- state -- */

static uint64_t mix(uint64_t state, const void *data, size_t size)
{
	const uint8_t *at = data;

	while (size--)
		state = (state ^ *at++) * UINT64_C(0x100000001b3);
	return state;
}

static uint64_t mix_number(uint64_t state, uint64_t number)
{
	return mix(state, &number, sizeof(number));
}

/* A directory's times change when something is made in it and taken away
 * again, unless they are the instance's own. */
static bool has_times(const struct kit *kit, const struct vfs_stat *st)
{
	return (kit->backend->features & KIT_CLOCK) || !S_ISDIR(st->mode);
}

static uint64_t mix_stat(const struct kit *kit, uint64_t state,
			 const struct vfs_stat *st)
{
	state = mix_number(state, st->ino);
	state = mix_number(state, st->mode);
	state = mix_number(state, st->nlink);
	state = mix_number(state, (uint64_t)st->uid << 32 | st->gid);
	state = mix_number(state, st->rdev);
	state = mix_number(state, (uint64_t)st->size);
	if (!has_times(kit, st))
		return state;
	state = mix_number(state, (uint64_t)st->mtime.sec);
	state = mix_number(state, st->mtime.nsec);
	state = mix_number(state, (uint64_t)st->ctime.sec);
	return mix_number(state, st->ctime.nsec);
}

static uint64_t mix_xattrs(struct vfs_task *t, const char *path, uint64_t state)
{
	char names[1024], value[256];
	int64_t n = vfs_llistxattr(t, path, names, sizeof(names));

	for (int64_t at = 0; at < n; at += (int64_t)strlen(names + at) + 1) {
		int64_t size = vfs_lgetxattr(t, path, names + at, value,
					     sizeof(value));

		state = mix(state, names + at, strlen(names + at));
		if (size > 0)
			state = mix(state, value, (size_t)size);
	}
	return state;
}

/* The first and last bytes of a file; O_NOATIME: looking leaves no trace. */
static uint64_t mix_data(struct vfs_task *t, const char *path,
			 const struct vfs_stat *st, uint64_t state)
{
	char data[4096];
	int64_t n;
	int fd;

	if (S_ISLNK(st->mode)) {
		n = vfs_readlink(t, path, data, sizeof(data));
		return n > 0 ? mix(state, data, (size_t)n) : state;
	}
	if (!S_ISREG(st->mode) || !st->size)
		return state;
	fd = vfs_open(t, path, O_RDONLY | O_NOATIME, 0);
	if (fd < 0)
		return mix_number(state, 1);
	n = vfs_pread(t, fd, data, sizeof(data), 0);
	if (n > 0)
		state = mix(state, data, (size_t)n);
	if (st->size > (int64_t)sizeof(data))
		n = vfs_pread(t, fd, data, sizeof(data),
			      st->size - (int64_t)sizeof(data));
	if (n > 0)
		state = mix(state, data, (size_t)n);
	vfs_close(t, fd);
	return state;
}

/* -- a list of what a directory holds, so that no stream stays open -- */

struct listing {
	size_t size, room;
	char *bytes; /* ino, type, name and NUL of each */
};

struct item {
	uint64_t ino;
	uint8_t type;
	char name[256];
};

static void listing_add(struct listing *list, const struct vfs_dirent *d)
{
	size_t len = strlen(d->name) + 1, need = 9 + len;

	if (list->size + need > list->room) {
		list->room = (list->room + need) * 2;
		list->bytes = realloc(list->bytes, list->room);
		if (!list->bytes)
			abort();
	}
	memcpy(list->bytes + list->size, &d->ino, 8);
	list->bytes[list->size + 8] = (char)d->type;
	memcpy(list->bytes + list->size + 9, d->name, len);
	list->size += need;
}

static size_t listing_next(const struct listing *list, size_t at,
			   struct item *item)
{
	memcpy(&item->ino, list->bytes + at, 8);
	item->type = (uint8_t)list->bytes[at + 8];
	snprintf(item->name, sizeof(item->name), "%s", list->bytes + at + 9);
	return at + 9 + strlen(item->name) + 1;
}

/* Everything but `.` and `..`; 0 or a negative errno. */
static int listing_make(struct vfs_task *t, const char *path,
			struct listing *list)
{
	_Alignas(8) char records[4096];
	int fd = vfs_open(t, path, O_RDONLY | O_DIRECTORY | O_NOATIME, 0);
	int64_t n;

	*list = (struct listing){0};
	if (fd < 0)
		return fd;
	while ((n = vfs_getdents(t, fd, records, sizeof(records))) > 0) {
		for (int64_t at = 0; at < n;) {
			struct vfs_dirent *d =
				(struct vfs_dirent *)(records + at);

			if (strcmp(d->name, ".") && strcmp(d->name, ".."))
				listing_add(list, d);
			at += d->reclen;
		}
	}
	vfs_close(t, fd);
	return (int)n;
}

static uint64_t state_below(const struct kit *kit, struct vfs_task *t,
			    const char *path, uint64_t state)
{
	const char *here = *path ? path : "/";
	struct listing list;
	struct item item;
	struct vfs_stat st = {0};
	char below[4096];

	state = mix_number(state, (uint64_t)vfs_lstat(t, here, &st));
	state = mix_xattrs(t, here, mix_stat(kit, state, &st));
	state = mix_data(t, here, &st, state);
	if (!S_ISDIR(st.mode))
		return state;
	state = mix_number(state, (uint64_t)listing_make(t, here, &list));
	for (size_t at = 0; at < list.size;) {
		at = listing_next(&list, at, &item);
		state = mix(state, item.name, strlen(item.name));
		if (snprintf(below, sizeof(below), "%s/%s", path, item.name) <
		    (int)sizeof(below))
			state = state_below(kit, t, below, state);
	}
	free(list.bytes);
	return state;
}

/* A task of its own, so that the descriptors of the body are left alone. */
static struct vfs_task *observer(struct kit *kit)
{
	struct vfs_task *t = NULL;

	if (vfs_task_create(kit->vfs, NULL, &t))
		return NULL;
	return t;
}

uint64_t kit_tree_state(struct kit *kit)
{
	struct vfs_task *t = observer(kit);
	uint64_t state = 0;

	if (t)
		state = state_below(kit, t, "", UINT64_C(0xcbf29ce484222325));
	vfs_task_unref(t);
	return state;
}

/* -- sense -- */

#define SEEN_MAX 4096

struct check {
	struct kit *kit;
	struct vfs_task *task;
	struct {
		uint64_t ino;
		uint32_t nlink, names;
	} seen[SEEN_MAX]; /* files with more than one link */
	size_t count;
};

static void note_name(struct check *c, const struct vfs_stat *st)
{
	size_t i = 0;

	while (i < c->count && c->seen[i].ino != st->ino)
		i++;
	if (i == SEEN_MAX)
		return;
	if (i == c->count)
		c->seen[c->count++].ino = st->ino;
	c->seen[i].nlink = st->nlink;
	c->seen[i].names++;
}

static void check_directory(struct check *c, const char *path, uint64_t ino,
			    uint64_t parent);

static void check_item(struct check *c, const char *dir, uint64_t dir_ino,
		       const struct item *item, uint32_t *directories)
{
	struct kit *kit = c->kit;
	struct vfs_stat st = {0};
	char path[4096];

	if (snprintf(path, sizeof(path), "%s/%s", dir, item->name) >=
	    (int)sizeof(path))
		return;
	kit__equal(kit, vfs_lstat(c->task, path, &st), 0, path, __FILE__,
		   __LINE__);
	kit__equal(kit, (int64_t)st.ino, (int64_t)item->ino, path, __FILE__,
		   __LINE__);
	kit__equal(kit, (int64_t)((st.mode & S_IFMT) >> 12), item->type, path,
		   __FILE__, __LINE__);
	if (S_ISDIR(st.mode)) {
		(*directories)++;
		check_directory(c, path, st.ino, dir_ino);
	} else {
		note_name(c, &st);
	}
}

static void check_directory(struct check *c, const char *path, uint64_t ino,
			    uint64_t parent)
{
	struct vfs_stat st = {0};
	struct listing list;
	struct item item;
	uint32_t directories = 0;
	char up[4096];

	kit__equal(c->kit, listing_make(c->task, *path ? path : "/", &list), 0,
		   path, __FILE__, __LINE__);
	for (size_t at = 0; at < list.size;) {
		at = listing_next(&list, at, &item);
		check_item(c, path, ino, &item, &directories);
	}
	free(list.bytes);
	KIT_TRUE(c->kit, vfs_stat(c->task, *path ? path : "/", &st) == 0);
	/* 1 where a file system does not count directories. */
	if (st.nlink != 1)
		kit__equal(c->kit, st.nlink, 2 + (int64_t)directories, path,
			   __FILE__, __LINE__);
	snprintf(up, sizeof(up), "%s/..", path);
	KIT_TRUE(c->kit, vfs_stat(c->task, up, &st) == 0);
	kit__equal(c->kit, (int64_t)st.ino, (int64_t)parent, up, __FILE__,
		   __LINE__);
}

void kit_tree_check(struct kit *kit)
{
	struct check *c = calloc(1, sizeof(*c));
	struct vfs_stat st = {0};

	if (!c)
		abort();
	c->kit = kit;
	c->task = observer(kit);
	KIT_TRUE(kit, c->task != NULL);
	if (c->task) {
		KIT_TRUE(kit, vfs_stat(c->task, "/", &st) == 0);
		check_directory(c, "", st.ino, st.ino);
		for (size_t i = 0; i < c->count; i++)
			kit__equal(kit, c->seen[i].nlink, c->seen[i].names,
				   "number of links", __FILE__, __LINE__);
	}
	vfs_task_unref(c->task);
	free(c);
}
