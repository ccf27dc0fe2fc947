/* SPDX-License-Identifier: MIT */
/*
 * vfs_overlay_diff: goes through the directories that the upper layer has, with
 * the caller's rights, and asks each for its list (diff.c). Contract:
 * <vfs/overlay.h>.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include <vfs/file.h>
#include <vfs/overlay.h>
#include <vfs/task.h>

#include "overlay.h"

struct level {
	struct overlay_diff_list list;
	size_t at;	 /* in the list: the next record */
	size_t path_len; /* of the directory */
	int fd;
};

struct vfs_overlay_diff {
	struct vfs_task *task; /* referenced */
	struct vfs *vfs;
	struct level *levels;
	size_t level_count, level_room;
	char *path;
	size_t path_room;
	bool enter; /* the record given last is a directory to go into */
	struct vfs_overlay_change change;
};

static int grow(struct vfs *vfs, void *at, size_t *room, size_t need,
		size_t size)
{
	size_t wanted = *room ? *room : 16;
	void **old = at, *data;

	if (need <= *room)
		return 0;
	while (wanted < need)
		wanted *= 2;
	data = vfs_alloc(vfs, wanted * size);
	if (!data)
		return -ENOMEM;
	if (*room)
		memcpy(data, *old, *room * size);
	vfs_free(vfs, *old, *room * size);
	*old = data;
	*room = wanted;
	return 0;
}

/* Takes fd over in any case. */
static int push(struct vfs_overlay_diff *diff, int fd, size_t path_len)
{
	struct level level = {.path_len = path_len, .fd = fd};
	int err = grow(diff->vfs, &diff->levels, &diff->level_room,
		       diff->level_count + 1, sizeof(level));

	if (!err)
		err = vfs_ioctl(diff->task, fd, OVERLAY_IOC_DIFF, &level.list);
	if (err) {
		vfs_close(diff->task, fd);
		return err;
	}
	diff->levels[diff->level_count++] = level;
	return 0;
}

static void pop(struct vfs_overlay_diff *diff)
{
	struct level *level = &diff->levels[--diff->level_count];

	vfs_close(diff->task, level->fd);
	overlay_diff_fini(diff->vfs, &level->list);
}

int vfs_overlay_diff_close(struct vfs_overlay_diff *diff)
{
	struct vfs_task *task;
	struct vfs *vfs;

	if (!diff)
		return -EFAULT;
	task = diff->task;
	vfs = diff->vfs;
	while (diff->level_count)
		pop(diff);
	vfs_free(vfs, diff->levels, diff->level_room * sizeof(*diff->levels));
	vfs_free(vfs, diff->path, diff->path_room);
	vfs_free(vfs, diff, sizeof(*diff));
	vfs_task_unref(task);
	return 0;
}

int vfs_overlay_diff(struct vfs_task *task, int dirfd, const char *path,
		     struct vfs_overlay_diff **out)
{
	struct vfs_overlay_diff *diff;
	int fd, err;

	if (!task || !path || !out)
		return -EFAULT;
	fd = vfs_openat(task, dirfd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC,
			0);
	if (fd < 0)
		return fd;
	diff = vfs_zalloc(vfs_task_instance(task), sizeof(*diff));
	if (!diff) {
		vfs_close(task, fd);
		return -ENOMEM;
	}
	diff->task = vfs_task_ref(task);
	diff->vfs = vfs_task_instance(task);
	err = push(diff, fd, 0);
	if (err) {
		vfs_overlay_diff_close(diff);
		return err == -ENOTTY ? -EINVAL : err;
	}
	*out = diff;
	return 0;
}

/* Goes into the directory that was given last. */
static int enter(struct vfs_overlay_diff *diff)
{
	const struct level *level = &diff->levels[diff->level_count - 1];
	size_t len = level->path_len, from = len ? len + 1 : 0;
	int fd = vfs_openat(diff->task, level->fd, diff->path + from,
			    O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC, 0);
	int err;

	if (fd < 0)
		return fd;
	err = push(diff, fd, from + strlen(diff->path + from));
	/* something else is mounted there */
	if (err == -ENOTTY)
		err = 0;
	return err;
}

/* The record's name becomes the end of the path. */
static int make_path(struct vfs_overlay_diff *diff, size_t len,
		     const char *name)
{
	size_t size = strlen(name) + 1;
	int err = grow(diff->vfs, &diff->path, &diff->path_room, len + 1 + size,
		       1);

	if (err)
		return err;
	if (len)
		diff->path[len++] = '/';
	memcpy(diff->path + len, name, size);
	return 0;
}

/* The next record of the topmost level: 1, or an error. */
static int next_record(struct vfs_overlay_diff *diff, struct level *level)
{
	const char *at = level->list.data + level->at;
	struct overlay_diff_record r;
	int err;

	memcpy(&r, at, sizeof(r));
	err = make_path(diff, level->path_len, at + sizeof(r));
	if (err)
		return err;
	level->at += r.size;
	diff->enter = r.enter;
	diff->change = (struct vfs_overlay_change){
		.path = diff->path,
		.from = r.from ? at + r.from : NULL,
		.kind = r.kind,
		.mode = r.mode,
	};
	return 1;
}

int vfs_overlay_diff_next(struct vfs_overlay_diff *diff,
			  const struct vfs_overlay_change **out)
{
	int err;

	if (!diff || !out)
		return -EFAULT;
	for (;;) {
		struct level *level;

		if (diff->enter) {
			diff->enter = false;
			err = enter(diff);
			/* removed meanwhile */
			if (err && err != -ENOENT)
				return err;
		}
		if (!diff->level_count) {
			*out = NULL;
			return 0;
		}
		level = &diff->levels[diff->level_count - 1];
		if (level->at == level->list.used) {
			pop(diff);
			continue;
		}
		err = next_record(diff, level);
		if (err < 0)
			return err;
		if (diff->change.kind)
			break;
	}
	*out = &diff->change;
	return 1;
}
