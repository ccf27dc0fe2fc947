/* SPDX-License-Identifier: MIT */
/*
 * Mount points, and what is put there. A symlink that leads nowhere is followed
 * to where it leads, in the tree, and the mount point made there: images have
 * /etc/resolv.conf and the like as links into a /run that is empty. Contract:
 * bundle.h.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <string.h>
#include <vfs/file.h>
#include <vfs/mount.h>
#include <vfs/mountpoint.h>
#include <vfs/path.h>
#include <vfs/stat.h>

#include "bundle.h"

#define LINKS_MAX 40u /* on the way to a mount point */

/* Where a prefix of a path is a link that leads nowhere: its target. 1; 0: it
 * is none; -ENOENT: nothing is there. */
static int read_dangling(struct bundle_load *b, const char *prefix,
			 char *target)
{
	int64_t n = vfs_readlink(b->task, prefix, target, BUNDLE_PATH_MAX - 1);
	struct vfs_stat st;
	int err;

	if (n < 0)
		return n == -EINVAL ? 0 : (int)n;
	target[n] = 0;
	err = vfs_stat(b->task, prefix, &st);
	return err == -ENOENT ? 1 : err;
}

/* *path with its first link that leads nowhere replaced by where it leads. 1;
 * or 0: it has none. */
static int lead(struct bundle_load *b, const char **path)
{
	char *prefix = bundle_copy(&b->arena, *path, strlen(*path));
	char *target = bundle_alloc(&b->arena, BUNDLE_PATH_MAX);
	size_t start, end = 0;
	int found = 0;

	if (!prefix || !target)
		return -ENOMEM;
	while (!found) {
		char kept;

		start = end + strspn(prefix + end, "/");
		end = start + strcspn(prefix + start, "/");
		if (start == end)
			return 0;
		kept = prefix[end];
		prefix[end] = 0;
		found = read_dangling(b, prefix, target);
		prefix[end] = kept;
	}
	if (found < 0)
		return found == -ENOENT ? 0 : found;
	*path = bundle_printf(&b->arena, "%.*s%s%s",
			      *target == '/' ? 0 : (int)start, prefix, target,
			      prefix + end);
	return *path ? 1 : -ENOMEM;
}

/* In memory also where a file system says that what is not there cannot be, as
 * procfs does. */
static int make(struct bundle_load *b, const char *path, uint32_t flags)
{
	int err = vfs_make_mountpoint(b->task, path, flags);

	if (err == -ENOENT)
		err = vfs_make_mountpoint(b->task, path,
					  flags | VFS_MOUNTPOINT_SYNTHETIC);
	return err;
}

int bundle_make_point(struct bundle_load *b, const char *path, uint32_t flags)
{
	for (uint32_t links = 0; links < LINKS_MAX; links++) {
		int more, err = make(b, path, flags);

		if (err != -ENOENT)
			return err;
		more = lead(b, &path);
		if (more <= 0)
			return more ? more : err;
	}
	return -ELOOP;
}

int bundle_place(struct bundle_load *b, int fd, const char *path,
		 uint32_t flags)
{
	int err = bundle_make_point(b, path, flags);

	if (!err) {
		bundle_be_outer(b);
		err = vfs_move_mount(b->task, fd, "", AT_FDCWD, path,
				     MOVE_MOUNT_F_EMPTY_PATH |
					     MOVE_MOUNT_T_SYMLINKS);
		bundle_be_inner(b);
	}
	vfs_close(b->task, fd);
	return err;
}
