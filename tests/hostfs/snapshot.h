/* SPDX-License-Identifier: MIT */
/* What a tree of the host is, as a number, and whether libvfs says the same. */
#ifndef TEST_HOST_SNAPSHOT_H
#define TEST_HOST_SNAPSHOT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct vfs_task;

/* Names, types, modes, owners, links, sizes, bytes, targets and attributes of
 * everything below the directory; times, too, if asked for. What is mounted
 * there is not looked into. */
uint64_t snapshot_host(int dirfd, bool times);

/* Whether everything below dirfd, and nothing else, is at `path` for task: the
 * first difference in why. For owner=host. */
bool snapshot_same(struct vfs_task *task, const char *path, int dirfd,
		   char *why, size_t size);

#endif
