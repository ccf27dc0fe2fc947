/* SPDX-License-Identifier: MIT */
/*
 * The tmpfs type: mounting, accounting, statfs, and the end of an inode.
 */
#include <assert.h>
#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include <vfs/tmpfs.h>

#include "log.h"
#include "tmpfs.h"
#include "tree.h"

#define ROOT_INO 1 /* vfs_super_next_ino begins at 2 */

/* -- accounting -- */

int tmpfs_take_pages(struct vfs_super *super, uint64_t pages)
{
	struct tmpfs_super *data = tmpfs_super(super);

	if (!data->blocks)
		return 0;
	return vfs_counter_take(super->vfs, data->blocks, (int64_t)pages);
}

void tmpfs_settle_pages(struct vfs_super *super, int64_t pages)
{
	struct tmpfs_super *data = tmpfs_super(super);

	if (data->blocks && pages)
		vfs_counter_give(super->vfs, data->blocks, pages);
}

void tmpfs_give_pages(struct vfs_super *super, uint64_t pages)
{
	struct tmpfs_super *data = tmpfs_super(super);

	if (data->blocks && pages)
		vfs_counter_give(super->vfs, data->blocks, (int64_t)pages);
}

VFS_HOT
int tmpfs_take_inode_space(struct vfs_super *super, uint64_t bytes)
{
	struct tmpfs_super *data = tmpfs_super(super);

	if (!data->inode_space || !bytes)
		return 0;
	return vfs_counter_take(super->vfs, data->inode_space, (int64_t)bytes);
}

void tmpfs_give_inode_space(struct vfs_super *super, uint64_t bytes)
{
	struct tmpfs_super *data = tmpfs_super(super);

	if (data->inode_space && bytes)
		vfs_counter_give(super->vfs, data->inode_space, (int64_t)bytes);
}

/* What a counter still has; other threads may be taking and giving. */
static uint64_t counter_left(struct vfs_counter *counter, uint64_t limit)
{
	int64_t used = vfs_counter_used(counter);

	if (used < 0)
		used = 0;
	return (uint64_t)used < limit ? limit - (uint64_t)used : 0;
}

static int tmpfs_statfs(struct vfs_super *super, struct vfs_statfs *out)
{
	const struct tmpfs_super *data = tmpfs_super(super);

	out->type = TMPFS_MAGIC;
	out->bsize = VFS_PAGE_SIZE;
	out->blocks = out->bfree = out->bavail = 0;
	out->files = out->ffree = 0;
	if (data->max_blocks) {
		out->blocks = data->max_blocks;
		out->bfree = counter_left(data->blocks, data->max_blocks);
		out->bavail = out->bfree;
	}
	if (data->max_inodes) {
		out->files = data->max_inodes;
		out->ffree =
			counter_left(data->inode_space,
				     data->max_inodes * TMPFS_INODE_SPACE) /
			TMPFS_INODE_SPACE;
	}
	return 0;
}

/* -- inodes -- */

static void free_target(struct vfs *vfs, void *target, size_t size)
{
	vfs_free(vfs, target, size);
}

/* Accounts for the inode's end, and hands on what it holds. */
VFS_HOT
static void tmpfs_evict(struct vfs_inode *inode)
{
	struct vfs_super *super = inode->super;
	struct tmpfs_inode *data = tmpfs_inode(inode);
	uint64_t pages;

	if (S_ISREG(inode->mode) || S_ISLNK(inode->mode)) {
		pages = (uint64_t)inode->blocks / TMPFS_BLOCKS_PER_PAGE;
		tmpfs_give_pages(super, pages);
	}
	if (S_ISREG(inode->mode)) {
		if (data->root)
			tmpfs_data_replace(inode, NULL);
	} else if (S_ISDIR(inode->mode)) {
		tmpfs_log_destroy(super->vfs, data->log);
		data->log = NULL;
	} else if (S_ISLNK(inode->mode) && inode->link) {
		vfs_retire(super->vfs, free_target,
			   (void *)(uintptr_t)inode->link,
			   (size_t)inode->size + 1);
	}
	if (inode->flags & VFS_INODE_XATTR)
		tmpfs_xattrs_free(inode);
	tmpfs_give_inode_space(super, TMPFS_INODE_SPACE);
}

void tmpfs_undo_inode(struct vfs_inode *inode)
{
	tmpfs_evict(inode);
	vfs_inode_discard(inode);
}

/* -- remounting -- */

#define NO_LIMIT (INT64_MAX - 1) /* of a counter that had one */

static int64_t space_of(uint64_t inodes)
{
	if (!inodes || inodes >= NO_LIMIT / TMPFS_INODE_SPACE)
		return NO_LIMIT;
	return (int64_t)inodes * TMPFS_INODE_SPACE;
}

static int set_limit(struct vfs_super *super, struct vfs_counter *counter,
		     uint64_t old, uint64_t new_limit, int64_t limit,
		     const char *what)
{
	int error = -EINVAL;

	if (old == new_limit)
		return 0;
	if (!old || !counter) {
		vfs_log(super->vfs, VFS_LOG_ERROR,
			"tmpfs: no limit of %s can be set afterwards", what);
		return -EINVAL;
	}
	error = vfs_counter_set_limit(super->vfs, counter, limit);
	if (error)
		vfs_log(super->vfs, VFS_LOG_ERROR,
			"tmpfs: more %s are used than the new limit", what);
	return error;
}

/* Limits may change; what the root was made with stays. */
static int tmpfs_reconfigure(struct vfs_super *super,
			     const struct vfs_mount_args *args, uint64_t *flags)
{
	struct tmpfs_super *data = tmpfs_super(super), wanted = *data;
	int64_t old_blocks =
		data->max_blocks ? (int64_t)data->max_blocks : NO_LIMIT;
	int error;

	wanted.rdonly = !!(*flags & VFS_SUPER_RDONLY);
	error = tmpfs_parse_options(super->vfs, args->options, &wanted);
	if (error)
		return error;
	error = set_limit(
		super, data->blocks, data->max_blocks, wanted.max_blocks,
		wanted.max_blocks ? (int64_t)wanted.max_blocks : NO_LIMIT,
		"blocks");
	if (error)
		return error;
	error = set_limit(super, data->inode_space, data->max_inodes,
			  wanted.max_inodes, space_of(wanted.max_inodes),
			  "inodes");
	if (error) {
		if (data->blocks)
			vfs_counter_set_limit(super->vfs, data->blocks,
					      old_blocks);
		return error;
	}
	VFS_WRITE_ONCE(data->max_blocks, wanted.max_blocks);
	VFS_WRITE_ONCE(data->max_inodes, wanted.max_inodes);
	*flags &= ~VFS_SUPER_RDONLY;
	if (wanted.rdonly)
		*flags |= VFS_SUPER_RDONLY;
	return 0;
}

static const struct vfs_super_ops tmpfs_super_ops = {
	.size = sizeof(tmpfs_super_ops),
	.statfs = tmpfs_statfs,
	.evict = tmpfs_evict,
	.show_options = tmpfs_show_options,
	.reconfigure = tmpfs_reconfigure,
};

/* -- mounting -- */

static uint64_t machine_pages(void)
{
	long pages = sysconf(_SC_PHYS_PAGES), size = sysconf(_SC_PAGESIZE);

	if (pages <= 0 || size <= 0)
		return UINT64_C(1) << 20; /* unknown: 4 GiB */
	return (uint64_t)pages * (uint64_t)size / VFS_PAGE_SIZE;
}

static void tmpfs_unmount(struct vfs_super *super)
{
	struct tmpfs_super *data = tmpfs_super(super);

	vfs_counter_destroy(super->vfs, data->blocks);
	vfs_counter_destroy(super->vfs, data->inode_space);
	data->blocks = data->inode_space = NULL;
}

static int make_counters(struct vfs_super *super)
{
	struct tmpfs_super *data = tmpfs_super(super);
	int64_t space = INT64_MAX - 1;
	int error;

	if (data->max_blocks) {
		error = vfs_counter_create(
			super->vfs, (int64_t)data->max_blocks, &data->blocks);
		if (error)
			return error;
	}
	if (data->max_inodes) {
		if (data->max_inodes < INT64_MAX / TMPFS_INODE_SPACE)
			space = (int64_t)data->max_inodes * TMPFS_INODE_SPACE;
		return vfs_counter_create(super->vfs, space,
					  &data->inode_space);
	}
	return 0;
}

static int tmpfs_mount(struct vfs_super *super,
		       const struct vfs_mount_args *args,
		       struct vfs_inode **root)
{
	struct tmpfs_super *data = tmpfs_super(super);
	struct vfs_create_args create = {.size = sizeof(create)};
	int error;

	data->userns = super->userns;
	data->blocks = data->inode_space = NULL;
	data->memory_pages = machine_pages();
	data->max_blocks = data->memory_pages / 2;
	data->max_inodes = data->memory_pages / 2;
	data->mode = 01777;
	data->uid = args->uid;
	data->gid = args->gid;
	data->rdonly = 0;
	error = tmpfs_parse_options(super->vfs, args->options, data);
	if (error)
		return error;
	super->ops = &tmpfs_super_ops;
	super->flags = VFS_SUPER_POSIXACL | VFS_SUPER_FLAGS |
		       (data->rdonly ? VFS_SUPER_RDONLY : 0);
	super->magic = TMPFS_MAGIC;
	super->block_size = VFS_PAGE_SIZE;
	super->name_max = 255;
	super->max_file_size = INT64_MAX;
	error = make_counters(super);
	if (error)
		goto unmount;
	create.mode = S_IFDIR | data->mode;
	create.uid = data->uid;
	create.gid = data->gid;
	error = tmpfs_make_inode(super, NULL, ROOT_INO, &create, root);
	if (error)
		goto unmount;
	return 0;

unmount:
	tmpfs_unmount(super);
	return error;
}

static int tmpfs_check_options(struct vfs *vfs,
			       const struct vfs_mount_args *args)
{
	struct tmpfs_super data = {
		.memory_pages = machine_pages(),
		.userns = args->userns,
	};

	return tmpfs_parse_options(vfs, args->options, &data);
}

VFS_API const struct vfs_filesystem_type vfs_tmpfs_type = {
	.size = sizeof(vfs_tmpfs_type),
	.name = "tmpfs",
	.flags = VFS_FS_USERNS | VFS_FS_IDMAP | VFS_FS_COMPLETE |
		 VFS_FS_NONBLOCKING | VFS_FS_SEALS | VFS_FS_HANDLES,
	.super_size = sizeof(struct tmpfs_super),
	.mount = tmpfs_mount,
	.unmount = tmpfs_unmount,
	.check_options = tmpfs_check_options,
};
