/* SPDX-License-Identifier: MIT */
/* procfs: a task's directory. */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "procfs.h"

#define PATH_BYTES 4096

/* -- magic links -- */

int procfs_show_place(const struct vfs_synthetic_call *call, int place,
		      struct vfs_synthetic_text *text)
{
	struct vfs *vfs = call->super->vfs;
	char *path = vfs_alloc(vfs, PATH_BYTES);
	int64_t n;
	int err;

	if (!path)
		return -ENOMEM;
	err = vfs_task_inspect(vfs, procfs_task(call));
	n = err ? err
		: vfs_task_place(vfs, procfs_task(call), place, path,
				 PATH_BYTES);
	if (n > 0)
		vfs_synthetic_write(text, path, (size_t)n);
	vfs_free(vfs, path, PATH_BYTES);
	if (n == -ESRCH)
		n = -ENOENT;
	return n < 0 ? (int)n : 0;
}

static int follow(const struct vfs_synthetic_call *call, int place,
		  struct vfs_jump *jump)
{
	int err = vfs_task_inspect(call->super->vfs, procfs_task(call));

	if (err)
		return err == -ESRCH ? -ENOENT : err;
	return vfs_jump_to(jump, procfs_task(call), place);
}

static int cwd_readlink(const struct vfs_synthetic_call *call,
			struct vfs_synthetic_text *text)
{
	return procfs_show_place(call, VFS_PLACE_CWD, text);
}

static int cwd_follow(const struct vfs_synthetic_call *call,
		      struct vfs_jump *jump)
{
	return follow(call, VFS_PLACE_CWD, jump);
}

static int root_readlink(const struct vfs_synthetic_call *call,
			 struct vfs_synthetic_text *text)
{
	return procfs_show_place(call, VFS_PLACE_ROOT, text);
}

static int root_follow(const struct vfs_synthetic_call *call,
		       struct vfs_jump *jump)
{
	return follow(call, VFS_PLACE_ROOT, jump);
}

/* -- mounts -- */

static int show_mounts(const struct vfs_synthetic_call *call, uint32_t form,
		       struct vfs_synthetic_text *text)
{
	struct vfs *vfs = call->super->vfs;
	char *lines;
	size_t size;
	int err = vfs_task_mounts(vfs, procfs_task(call), form, &lines, &size);

	if (err)
		return err == -ESRCH ? -EINVAL : err;
	vfs_synthetic_write(text, lines, size);
	vfs_free(vfs, lines, size + 1);
	return 0;
}

static int show_mountinfo(const struct vfs_synthetic_call *call,
			  struct vfs_synthetic_text *text)
{
	return show_mounts(call, VFS_MOUNTS_INFO, text);
}

static int show_old_mounts(const struct vfs_synthetic_call *call,
			   struct vfs_synthetic_text *text)
{
	return show_mounts(call, VFS_MOUNTS_OLD, text);
}

/* -- the directory -- */

static const struct vfs_synthetic_ops cwd_ops = {
	.size = sizeof(cwd_ops),
	.readlink = cwd_readlink,
	.follow = cwd_follow,
};

static const struct vfs_synthetic_ops root_ops = {
	.size = sizeof(root_ops),
	.readlink = root_readlink,
	.follow = root_follow,
};

static const struct vfs_synthetic_ops mountinfo_ops = {
	.size = sizeof(mountinfo_ops),
	.show = show_mountinfo,
};

static const struct vfs_synthetic_ops mounts_ops = {
	.size = sizeof(mounts_ops),
	.show = show_old_mounts,
};

#define TABLE_FLAGS (PROCFS_FLAGS | VFS_SYNTHETIC_OWNED)
/* A read comes with the file's position locked, and mounts are looked at under
 * a lock that comes before it: therefore at the open. */
#define TASK_FILE(text, file_ops)                                          \
	{                                                                  \
		.size = sizeof(struct vfs_synthetic_node), .name = (text), \
		.mode = S_IFREG | 0444,                                    \
		.flags = TABLE_FLAGS | VFS_SYNTHETIC_AT_OPEN,              \
		.ops = (file_ops)                                          \
	}
#define TASK_DIRECTORY(text, permissions, dir_ops)                          \
	{                                                                   \
		.size = sizeof(struct vfs_synthetic_node), .name = (text),  \
		.mode = S_IFDIR | (permissions),                            \
		.flags = TABLE_FLAGS | VFS_SYNTHETIC_FLAT, .ops = (dir_ops) \
	}
#define TASK_LINK(text, link_ops)                                          \
	{                                                                  \
		.size = sizeof(struct vfs_synthetic_node), .name = (text), \
		.mode = S_IFLNK | 0777, .flags = TABLE_FLAGS,              \
		.ops = (link_ops)                                          \
	}

static const struct vfs_synthetic_node nodes[] = {
	TASK_LINK("cwd", &cwd_ops),
	TASK_DIRECTORY("fd", 0500, &procfs_fd_ops),
	TASK_DIRECTORY("fdinfo", 0555, &procfs_fdinfo_ops),
	TASK_FILE("mountinfo", &mountinfo_ops),
	TASK_FILE("mounts", &mounts_ops),
	TASK_LINK("root", &root_ops),
	{.size = sizeof(struct vfs_synthetic_node)},
};

int procfs_task_lookup(const struct vfs_synthetic_call *call, const char *name,
		       uint32_t len, struct vfs_synthetic_node *node)
{
	int32_t id = procfs_number(name, len);

	if (id <= 0 ||
	    vfs_task_owner(call->super->vfs, id, &node->uid, &node->gid))
		return -ENOENT;
	node->mode = S_IFDIR | 0555;
	node->flags = PROCFS_FLAGS;
	node->key = procfs_key(id, 0);
	node->children = nodes;
	return 0;
}
