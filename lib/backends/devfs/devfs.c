/* SPDX-License-Identifier: MIT */
/*
 * devfs: a directory of nodes, on the synthetic layer. What does the work
 * behind a node is the instance's registry of devices.
 */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include <vfs/devfs.h>
#include <vfs/sys/device.h>
#include <vfs/sys/synthetic.h>

/* what statfs shows of the kernel's devtmpfs */
#define DEVFS_MAGIC 0x01021994
/* makedev(5, 0) */
#define TTY_NUMBER 0x500

/* -- the registry's nodes -- */

static void fill(const struct vfs_device_info *info,
		 struct vfs_synthetic_node *node)
{
	node->mode = info->type | info->mode;
	node->rdev = info->number;
	/* another device of the same name is another file */
	node->key = info->position;
}

struct wanted {
	const char *name;
	uint32_t len;
	struct vfs_synthetic_node *node;
};

static int find(void *context, const struct vfs_device_info *info)
{
	struct wanted *wanted = context;

	if (strlen(info->name) != wanted->len ||
	    memcmp(info->name, wanted->name, wanted->len))
		return 0;
	fill(info, wanted->node);
	return 1;
}

static int root_lookup(const struct vfs_synthetic_call *call, const char *name,
		       uint32_t len, struct vfs_synthetic_node *node)
{
	struct wanted wanted = {name, len, node};

	return vfs_devices(call->super->vfs, 0, find, &wanted) ? 0 : -ENOENT;
}

static int emit(void *context, const struct vfs_device_info *info)
{
	struct vfs_synthetic_node node = {.size = sizeof(node)};

	fill(info, &node);
	return !vfs_synthetic_emit(context, info->name,
				   (uint32_t)strlen(info->name), &node,
				   (int64_t)info->position);
}

static int root_iterate(const struct vfs_synthetic_call *call, int64_t from,
			struct vfs_synthetic_listing *listing)
{
	(void)vfs_devices(call->super->vfs, (uint64_t)from, emit, listing);
	return 0;
}

/* -- the tree -- */

static const struct vfs_synthetic_ops root_ops = {
	.size = sizeof(root_ops),
	.lookup = root_lookup,
	.iterate = root_iterate,
};

#define LINK(text, to)                                    \
	{                                                 \
		.size = sizeof(nodes[0]), .name = (text), \
		.mode = S_IFLNK | 0777, .target = (to)    \
	}

static const struct vfs_synthetic_node nodes[] = {
	/* There even where nobody serves it: then opening it is -ENXIO, as for
	 * a process without a terminal. */
	{.size = sizeof(nodes[0]),
	 .name = "tty",
	 .mode = S_IFCHR | 0666,
	 .rdev = TTY_NUMBER},
	LINK("fd", "/proc/self/fd"),
	LINK("stdin", "/proc/self/fd/0"),
	LINK("stdout", "/proc/self/fd/1"),
	LINK("stderr", "/proc/self/fd/2"),
	{.size = sizeof(nodes[0])},
};

static const struct vfs_synthetic_node root = {
	.size = sizeof(root),
	.mode = S_IFDIR | 0755,
	.flags = VFS_SYNTHETIC_FLAT,
	.children = nodes,
	.ops = &root_ops,
};

static const struct vfs_synthetic_tree tree = {
	.size = sizeof(tree),
	.magic = DEVFS_MAGIC,
	.root = &root,
};

static int devfs_mount(struct vfs_super *super,
		       const struct vfs_mount_args *args,
		       struct vfs_inode **out)
{
	return vfs_synthetic_mount(super, args, &tree, out);
}

const struct vfs_filesystem_type vfs_devfs_type = {
	.size = sizeof(vfs_devfs_type),
	.name = "devtmpfs",
	.inode_size = VFS_SYNTHETIC_INODE_SIZE,
	.super_size = VFS_SYNTHETIC_SUPER_SIZE,
	.mount = devfs_mount,
	.unmount = vfs_synthetic_unmount,
};
