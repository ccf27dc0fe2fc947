/* SPDX-License-Identifier: MIT */
/* procfs: the root. */
#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>

#include <vfs/procfs.h>
#include <vfs/task.h>

#include "procfs.h"

#define PROC_MAGIC 0x9fa0

int32_t procfs_number(const char *name, uint32_t len)
{
	int64_t number = 0;

	if (!len || len > 10 || (*name == '0' && len > 1))
		return -1;
	for (uint32_t i = 0; i < len; i++) {
		if (name[i] < '0' || name[i] > '9')
			return -1;
		number = number * 10 + (name[i] - '0');
	}
	return number > INT32_MAX ? -1 : (int32_t)number;
}

uint32_t procfs_name(int32_t number, char name[16])
{
	return (uint32_t)snprintf(name, 16, "%d", number);
}

/* -- files -- */

/* Nothing here lives on a block device. */
static int add_type(void *context, const struct vfs_filesystem_type *type)
{
	vfs_synthetic_printf(context, "nodev\t%s\n", type->name);
	return 0;
}

static int show_filesystems(const struct vfs_synthetic_call *call,
			    struct vfs_synthetic_text *text)
{
	return vfs_filesystems(call->super->vfs, add_type, text);
}

static int self_readlink(const struct vfs_synthetic_call *call,
			 struct vfs_synthetic_text *text)
{
	if (!call->task)
		return -ENOENT;
	vfs_synthetic_printf(text, "%d", vfs_task_id(call->task));
	return 0;
}

/* -- tasks -- */

static int root_iterate(const struct vfs_synthetic_call *call, int64_t from,
			struct vfs_synthetic_listing *listing)
{
	struct vfs *vfs = call->super->vfs;
	struct vfs_synthetic_node node = {.size = sizeof(node),
					  .mode = S_IFDIR | 0555};
	int32_t id =
		from > INT32_MAX ? 0 : vfs_task_next(vfs, (int32_t)from - 1);
	char name[16];

	for (; id > 0; id = vfs_task_next(vfs, id))
		if (!vfs_synthetic_emit(listing, name, procfs_name(id, name),
					&node, id))
			break;
	return 0;
}

/* -- the tree -- */

static const struct vfs_synthetic_ops filesystems_ops = {
	.size = sizeof(filesystems_ops),
	.show = show_filesystems,
};

static const struct vfs_synthetic_ops self_ops = {
	.size = sizeof(self_ops),
	.readlink = self_readlink,
};

static const struct vfs_synthetic_ops root_ops = {
	.size = sizeof(root_ops),
	.lookup = procfs_task_lookup,
	.iterate = root_iterate,
};

static const struct vfs_synthetic_node nodes[] = {
	{.size = sizeof(nodes[0]),
	 .name = "filesystems",
	 .mode = S_IFREG | 0444,
	 .ops = &filesystems_ops},
	{.size = sizeof(nodes[0]),
	 .name = "mounts",
	 .mode = S_IFLNK | 0777,
	 .target = "self/mounts"},
	{.size = sizeof(nodes[0]),
	 .name = "self",
	 .mode = S_IFLNK | 0777,
	 .ops = &self_ops},
	{.size = sizeof(nodes[0])},
};

static const struct vfs_synthetic_node root = {
	.size = sizeof(root),
	.mode = S_IFDIR | 0555,
	.flags = PROCFS_FLAGS,
	.children = nodes,
	.ops = &root_ops,
};

static const struct vfs_synthetic_tree tree = {
	.size = sizeof(tree),
	.magic = PROC_MAGIC,
	.root = &root,
};

static int procfs_mount(struct vfs_super *super,
			const struct vfs_mount_args *args,
			struct vfs_inode **out)
{
	return vfs_synthetic_mount(super, args, &tree, out);
}

const struct vfs_filesystem_type vfs_procfs_type = {
	.size = sizeof(vfs_procfs_type),
	.name = "proc",
	.inode_size = VFS_SYNTHETIC_INODE_SIZE,
	.super_size = VFS_SYNTHETIC_SUPER_SIZE,
	.mount = procfs_mount,
	.unmount = vfs_synthetic_unmount,
};
