/* SPDX-License-Identifier: MIT */
/* From a place back to its path. */
#ifndef VFS__PATH_H
#define VFS__PATH_H

#include "core/mount.h"

/* - Whether the place lies under its mount's root. Inside a section. */
bool vfs__path_connected(const struct vfs__path *path);

/*
 * - The path of a place as seen from root, built backwards into
 *   buffer[0..size): *start is where it begins, NUL-terminated.
 * - Its length with the NUL; -ERANGE: size is too small; -ENOENT: the place
 *   was removed. *unreachable: root is not above it.
 */
int64_t vfs__path_string(struct vfs__thread *thread, struct vfs *vfs,
			 const struct vfs__path *path,
			 const struct vfs__path *root, char *buffer,
			 size_t size, char **start, bool *unreachable);
/*
 * - The same of any place, as a magic link shows it: " (deleted)" behind a
 *   removed one, and what is not below root as far as the path goes.
 * - Its length, without a NUL; -ENAMETOOLONG.
 */
int64_t vfs__path_describe(struct vfs__thread *thread, struct vfs *vfs,
			   const struct vfs__path *path,
			   const struct vfs__path *root, char *buffer,
			   size_t size, char **start);

/*
 * - The same from the root of dentry's file system, removed or not.
 * - Its length with the NUL; -ERANGE.
 */
int64_t vfs__dentry_string(struct vfs__thread *thread, struct vfs *vfs,
			   const struct vfs_dentry *dentry, char *buffer,
			   size_t size, char **start);
bool vfs__dentry_is_removed(const struct vfs_dentry *dentry);

#endif
