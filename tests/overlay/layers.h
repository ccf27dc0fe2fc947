/* SPDX-License-Identifier: MIT */
/*
 * What the tests of overlay share: a world with layers on tmpfs at /l, and the
 * merged tree at /m. /l is bottom, middle, top, up, work.
 */
#ifndef TEST_OVERLAY_LAYERS_H
#define TEST_OVERLAY_LAYERS_H

#include "support/check.h"

#define TWO "lowerdir=/l/top:/l/bottom,upperdir=/l/up,workdir=/l/work"
#define ONE "lowerdir=/l/bottom,upperdir=/l/up,workdir=/l/work"

/* Makes the directories of the layers, and /m. */
void make_layers(struct vfs_task *task);
/* The same filled with a small tree: a file, a tree of directories, a symlink,
 * two hard links, a file with an xattr. */
void fill_lower(struct vfs_task *task);
int mount_overlay(struct vfs_task *task, const char *options);
/* /m, unmounted and mounted with these options. */
void remount(struct vfs_task *task, const char *options);
/* An attribute of overlay's on a layer. */
void check_own(struct vfs_task *task, const char *path, const char *name,
	       const char *value);
/* The names in a directory, sorted, each with a blank behind it. */
const char *names_in(struct vfs_task *task, const char *path);
/* Everything below a directory in one text: names, modes, owners, sizes,
 * targets, contents; no link counts, as copying up may part links. The caller
 * frees it. */
char *dump_tree(struct vfs_task *task, const char *path);

#endif
