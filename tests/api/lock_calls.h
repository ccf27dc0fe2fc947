/* SPDX-License-Identifier: MIT */
/* Locks of one file, /f, in few words. */
#ifndef TEST_LOCK_CALLS_H
#define TEST_LOCK_CALLS_H

#include "support/check.h"

static inline int lock_cmd(struct vfs_task *task, int fd, int cmd, int type,
			   int64_t start, int64_t len)
{
	struct vfs_flock lock = {
		.type = (int16_t)type,
		.start = start,
		.len = len,
	};

	return vfs_fcntl_lock(task, fd, cmd, &lock);
}

static inline int set(struct vfs_task *task, int fd, int type, int64_t start,
		      int64_t len)
{
	return lock_cmd(task, fd, F_SETLK, type, start, len);
}

/* The first lock in the way of writing [start, start + len) is this one. */
static inline void check_held(struct vfs_task *task, int fd, int64_t start,
			      int64_t len, int type, int64_t held_start,
			      int64_t held_len)
{
	struct vfs_flock lock = {
		.type = F_WRLCK,
		.whence = SEEK_SET,
		.start = start,
		.len = len,
	};

	check_ok(vfs_fcntl_lock(task, fd, F_GETLK, &lock));
	check_eq(lock.type, type);
	if (type == F_UNLCK)
		return;
	check_eq(lock.start, held_start);
	check_eq(lock.len, held_len);
	check_eq(lock.whence, SEEK_SET);
}

static inline void check_free(struct vfs_task *task, int fd, int64_t start,
			      int64_t len)
{
	check_held(task, fd, start, len, F_UNLCK, 0, 0);
}

/* Another owner, with a descriptor of the same file. */
static inline struct vfs_task *other_task(struct world *world, int *fd)
{
	struct vfs_task *task;

	check_ok(vfs_task_create(world->vfs, NULL, &task));
	*fd = check_fd(vfs_open(task, "/f", O_RDWR, 0));
	return task;
}

static inline int open_f(struct world *world)
{
	return check_fd(vfs_open(world->task, "/f", O_RDWR | O_CREAT, 0644));
}

#endif
