/* SPDX-License-Identifier: MIT */
/*
 * Synthetic file systems: files whose content is a callback, symlinks whose
 * target is one, magic links, directories that are tables, and directories
 * that list themselves. devfs and procfs are made of it. It stands on
 * <vfs/sys/backend.h> alone.
 *
 * A node says what a file is. Nodes of a table are constant and last as long
 * as the file system; those that a directory's lookup fills are copied. The
 * file system is a type of yours, with room for this layer and a mount
 * operation that names the root:
 *
 *	static int my_mount(struct vfs_super *super,
 *			    const struct vfs_mount_args *args,
 *			    struct vfs_inode **root)
 *	{
 *		return vfs_synthetic_mount(super, args, &my_tree, root);
 *	}
 *
 *	const struct vfs_filesystem_type my_type = {
 *		.size = sizeof(my_type),
 *		.name = "my",
 *		.inode_size = VFS_SYNTHETIC_INODE_SIZE,
 *		.super_size = VFS_SYNTHETIC_SUPER_SIZE,
 *		.mount = my_mount,
 *		.unmount = vfs_synthetic_unmount,
 *	};
 *
 * Callbacks may come from several threads at once, and may block. Those of
 * directories come with the directory's lock held, store with the file's, show
 * and read with the open file's position (show not with AT_OPEN): they make no
 * calls on the same instance but for memory. The others come without a lock.
 */
#ifndef VFS_SYS_SYNTHETIC_H
#define VFS_SYS_SYNTHETIC_H

#include <vfs/sys/backend.h>

#ifdef __cplusplus
extern "C" {
#endif

#define VFS_SYNTHETIC_INODE_SIZE 192u
#define VFS_SYNTHETIC_SUPER_SIZE 64u

struct vfs_synthetic_ops;

/* vfs_synthetic_node.flags */
/* Content is made when the file is opened, and stays that until it is closed;
 * otherwise each read makes it anew. */
#define VFS_SYNTHETIC_AT_OPEN 0x1u
/* A directory with callbacks that has no directories but its table's: its
 * links can be counted. Otherwise it shows 1. */
#define VFS_SYNTHETIC_FLAT 0x2u
/* Making a name in the directory is -ENOENT, as procfs has it, and not
 * -EPERM. */
#define VFS_SYNTHETIC_CLOSED 0x4u
/* The permissions stay as they are: chmod is -EPERM. Otherwise what chmod and
 * chown set lasts as long as the core remembers the file; for nodes of tables,
 * as long as their directory. */
#define VFS_SYNTHETIC_FIXED 0x8u
/* In tables: it belongs to whom its directory belongs, whatever uid and gid. */
#define VFS_SYNTHETIC_OWNED 0x10u

struct vfs_synthetic_node {
	uint64_t size; /* sizeof, in tables too: the step to the next */
	/* In tables: 1 to 255 bytes; NULL ends the table. Set by the layer for
	 * nodes of lookup, until it returns. */
	const char *name;
	uint32_t mode; /* type (any but a socket's and FIFO's), permissions */
	uint32_t uid, gid;
	uint32_t flags; /* VFS_SYNTHETIC_* */
	uint64_t ino;	/* 0: made from the place, the same each time */
	uint64_t rdev;	/* devices */
	/* Yours. Both 0 in a table: the directory's. */
	uint64_t key;
	void *context;
	const struct vfs_synthetic_node *children; /* directories: a table */
	const char *target; /* symlinks: a constant target; NULL: ops */
	const struct vfs_synthetic_ops *ops; /* may be NULL */
};

/* What a callback is called for. */
struct vfs_synthetic_call {
	uint64_t size;
	struct vfs_super *super;
	struct vfs_task *task; /* whose call it is; no reference */
	const struct vfs_synthetic_node *node;
	uint64_t ino; /* of node: of its place if that has 0 */
};

/* Text in the making, for the callback that is given it; a failure for want of
 * memory is remembered, and becomes the callback's -ENOMEM. Since 0.1. */
struct vfs_synthetic_text;
VFS_API void vfs_synthetic_printf(struct vfs_synthetic_text *text,
				  const char *format, ...)
	__attribute__((format(printf, 2, 3)));
VFS_API void vfs_synthetic_write(struct vfs_synthetic_text *text,
				 const void *data, size_t size);

/* A listing that goes on. */
struct vfs_synthetic_listing;
/*
 * One entry of a directory that lists itself; node as lookup would fill it for
 * name (mode and ino count). cookie: 0 and above, growing from entry to entry,
 * the same for an entry as long as it exists. 0: no room, the listing ends, and
 * goes on with this cookie. Since 0.1.
 */
VFS_API int vfs_synthetic_emit(struct vfs_synthetic_listing *listing,
			       const char *name, uint32_t len,
			       const struct vfs_synthetic_node *node,
			       int64_t cookie);

/* All optional. Results are 0 or a count, or a negative errno that the caller
 * gets as it is. */
struct vfs_synthetic_ops {
	uint64_t size; /* sizeof(struct vfs_synthetic_ops) */

	/* Files: the whole content. Missing: see read. */
	int (*show)(const struct vfs_synthetic_call *call,
		    struct vfs_synthetic_text *text);
	/* Files: bytes at offset, where the content is no text to be made at
	 * once. Missing, and no show: -EINVAL. */
	int64_t (*read)(const struct vfs_synthetic_call *call, void *buffer,
			size_t count, int64_t offset);
	/* Files: what was written, one call a write; returns how much was
	 * taken. The file's lock is held. Missing: -EINVAL. */
	int64_t (*store)(const struct vfs_synthetic_call *call,
			 const void *data, size_t count, int64_t offset);
	/* Files: st_size. Missing: 0, as procfs has it. */
	int64_t (*length)(const struct vfs_synthetic_call *call);

	/* Symlinks: the target. */
	int (*readlink)(const struct vfs_synthetic_call *call,
			struct vfs_synthetic_text *text);
	/* Magic links: where it leads, by vfs_jump_to of <vfs/sys/task.h>.
	 * readlink then says only what is shown. */
	int (*follow)(const struct vfs_synthetic_call *call,
		      struct vfs_jump *jump);

	/* Directories, beside their table, which comes first: *node is zeroed
	 * but for size. -ENOENT: no such name. Each step to a name asks; when
	 * the answer is another node than before (mode, owner, ino, key,
	 * context or tables differ), it is another file. */
	int (*lookup)(const struct vfs_synthetic_call *call, const char *name,
		      uint32_t len, struct vfs_synthetic_node *node);
	/* Emits what has cookies from `from` on. */
	int (*iterate)(const struct vfs_synthetic_call *call, int64_t from,
		       struct vfs_synthetic_listing *listing);

	/* May change what stat shows: called with *st filled. */
	int (*getattr)(const struct vfs_synthetic_call *call,
		       struct vfs_stat *st);
	/* Before a file or directory is opened; flags: O_*. */
	int (*open)(const struct vfs_synthetic_call *call, uint32_t flags);
	/* A node that lookup filled is no longer needed: once for each. */
	void (*drop)(struct vfs_super *super,
		     const struct vfs_synthetic_node *node);
};

struct vfs_synthetic_tree {
	uint64_t size;	/* sizeof(struct vfs_synthetic_tree) */
	uint64_t magic; /* what statfs shows as the type */
	const struct vfs_synthetic_node *root; /* a directory; its name is
						* not looked at */
};

/*
 * For a type's mount: makes the root of tree, which outlives the mount with
 * its tables. No option is known; a type with options reads its own and leaves
 * args' out.
 *
 * Returns 0 or: -EINVAL an option, or a type whose private sizes are below
 * VFS_SYNTHETIC_*_SIZE; -ENOMEM. Since 0.1.
 */
VFS_API int vfs_synthetic_mount(struct vfs_super *super,
				const struct vfs_mount_args *args,
				const struct vfs_synthetic_tree *tree,
				struct vfs_inode **root);

/* A type's unmount, or called by it. Since 0.1. */
VFS_API void vfs_synthetic_unmount(struct vfs_super *super);

#ifdef __cplusplus
}
#endif

#endif
