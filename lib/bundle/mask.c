/* SPDX-License-Identifier: MIT */
/* Paths that are hidden, and paths that cannot be changed. Contract: bundle.h.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <vfs/file.h>
#include <vfs/mount.h>
#include <vfs/mountpoint.h>
#include <vfs/stat.h>
#include <vfs/task.h>
#include <vfs/tmpfs.h>

#include "bundle.h"

#ifndef AT_RECURSIVE
#define AT_RECURSIVE 0x8000
#endif

static bool is_missing(int err)
{
	return err == -ENOENT || err == -ENOTDIR;
}

/* An empty directory, or a file that is null. */
static int mask_one(struct bundle_load *b, const char *path)
{
	const struct vfs_bundle_device null = {.size = sizeof(null),
					       .mode = S_IFCHR | 0666,
					       .major = 1,
					       .minor = 3};
	struct vfs_stat st;
	int fd, err;

	bundle_be_outer(b);
	err = vfs_stat(b->task, path, &st);
	bundle_be_inner(b);
	if (err)
		return is_missing(err) ? 0 : err;
	if (S_ISDIR(st.mode)) {
		bundle_be_outer(b);
		err = vfs_mount_type(b->task, &vfs_tmpfs_type, "tmpfs", path,
				     MS_RDONLY | MS_NOSUID | MS_NODEV |
					     MS_NOEXEC,
				     "mode=0755");
		bundle_be_inner(b);
		return err;
	}
	fd = bundle_stage_node(b, &null);
	return fd < 0 ? fd : bundle_place(b, fd, path, VFS_MOUNTPOINT_FILE);
}

/* Bound on itself, with all that is mounted below. */
static int protect_one(struct bundle_load *b, const char *path)
{
	const struct vfs_mount_attr attr = {.attr_set = MOUNT_ATTR_RDONLY};
	int fd, err;

	bundle_be_outer(b);
	fd = vfs_open_tree(b->task, AT_FDCWD, path,
			   OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE);
	err = fd < 0 ? fd
		     : vfs_mount_setattr(b->task, fd, "",
					 AT_EMPTY_PATH | AT_RECURSIVE, &attr,
					 sizeof(attr));
	if (!err)
		err = vfs_move_mount(b->task, fd, "", AT_FDCWD, path,
				     MOVE_MOUNT_F_EMPTY_PATH |
					     MOVE_MOUNT_T_SYMLINKS);
	if (fd >= 0)
		vfs_close(b->task, fd);
	bundle_be_inner(b);
	return is_missing(err) ? 0 : err;
}

int bundle_mask(struct bundle_load *b)
{
	const struct vfs_bundle_spec *spec = b->spec;
	int err = 0;

	for (uint64_t i = 0; !err && i < spec->readonly_path_count; i++) {
		bundle_where(&b->report, "/linux/readonlyPaths/%llu (%s)",
			     (unsigned long long)i, spec->readonly_paths[i]);
		err = protect_one(b, spec->readonly_paths[i]);
	}
	for (uint64_t i = 0; !err && i < spec->masked_path_count; i++) {
		bundle_where(&b->report, "/linux/maskedPaths/%llu (%s)",
			     (unsigned long long)i, spec->masked_paths[i]);
		err = mask_one(b, spec->masked_paths[i]);
	}
	return err ? bundle_fail(&b->report, err, "it stays as it is") : 0;
}
