/* SPDX-License-Identifier: MIT */
/* The overlay type: mounting, statfs, the end. Contract: overlay.h. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include <vfs/file.h>
#include <vfs/overlay.h>
#include <vfs/task.h>

#include "overlay.h"

/* ---- operations ---- */

static int overlay_statfs(struct vfs_super *super, struct vfs_statfs *out)
{
	struct overlay_super *fs = overlay_super(super);
	struct vfs_nesting nesting;
	struct vfs_statfs real;
	int err;

	vfs_nest_begin(fs->vfs, &nesting);
	err = vfs_fstatfs(fs->task, fs->layers[fs->has_upper ? 0 : 1].fd,
			  &real);
	vfs_nest_end(fs->vfs, &nesting);
	if (err)
		return err;
	*out = real;
	out->type = OVERLAY_MAGIC;
	return 0;
}

static int overlay_sync(struct vfs_super *super)
{
	struct overlay_super *fs = overlay_super(super);
	struct vfs_nesting nesting;
	int err;

	if (!fs->has_upper || fs->is_volatile)
		return 0;
	vfs_nest_begin(fs->vfs, &nesting);
	err = vfs_syncfs(fs->task, fs->layers[OVERLAY_UPPER].open_fd);
	vfs_nest_end(fs->vfs, &nesting);
	return err;
}

static int overlay_show_options(struct vfs_super *super, char *out, size_t size)
{
	return snprintf(out, size, "%s", overlay_super(super)->shown);
}

/* As in Linux, options are not looked at, however wrong; what cannot be written
 * stays so. */
static int overlay_reconfigure(struct vfs_super *super,
			       const struct vfs_mount_args *args,
			       uint64_t *flags)
{
	(void)args;
	if (overlay_super(super)->read_only && !(*flags & VFS_SUPER_RDONLY))
		return -EROFS;
	return 0;
}

static const struct vfs_super_ops overlay_super_ops = {
	.size = sizeof(overlay_super_ops),
	.statfs = overlay_statfs,
	.sync = overlay_sync,
	.evict = overlay_inode_evict,
	.show_options = overlay_show_options,
	.reconfigure = overlay_reconfigure,
};

/* ---- the end ---- */

static void overlay_unmount(struct vfs_super *super)
{
	struct overlay_super *fs = overlay_super(super);
	struct vfs_nesting nesting;

	if (fs->task) {
		vfs_nest_begin(fs->vfs, &nesting);
		overlay_close_layers(fs);
		vfs_task_unref(fs->task);
		vfs_nest_end(fs->vfs, &nesting);
	}
	vfs_free(fs->vfs, fs->shown, fs->shown_size);
	vfs_free(fs->vfs, fs->table, fs->table_size * sizeof(*fs->table));
	pthread_mutex_destroy(&fs->whiteout_lock);
	pthread_mutex_destroy(&fs->names_lock);
	pthread_mutex_destroy(&fs->table_lock);
}

/* ---- mounting ---- */

static void configure(struct overlay_super *fs, const struct overlay_config *c)
{
	fs->redirect = c->redirect;
	fs->metacopy = c->metacopy;
	fs->index = c->index;
	fs->userxattr = c->userxattr;
	fs->is_volatile = c->is_volatile;
	fs->marks = c->marks;
	fs->uuid = !c->no_uuid;
	fs->xino_asked = c->xino != OVERLAY_XINO_OFF;
	fs->xino_on = c->xino == OVERLAY_XINO_ON;
	fs->work_base_fd = fs->work_fd = fs->index_fd = -1;
	fs->whiteout_fd = -1;
	pthread_mutex_init(&fs->whiteout_lock, NULL);
	pthread_mutex_init(&fs->names_lock, NULL);
	pthread_mutex_init(&fs->table_lock, NULL);
}

/* The root is all layers' roots, down to one that hides the others. */
static int make_root(struct overlay_super *fs, struct vfs_inode **root)
{
	struct overlay_found found = {.upper = -1, .is_dir = true};
	int fd, opaque = 0, err = 0;

	if (fs->has_upper) {
		found.upper = fd = vfs_dup(fs->task, fs->layers[0].fd);
		err = fd < 0 ? fd : 0;
	}
	for (uint32_t i = 1; !err && !opaque && i < fs->layer_count; i++) {
		fd = vfs_dup(fs->task, fs->layers[i].fd);
		err = fd < 0 ? fd : overlay_found_add(fs, &found, fd, i);
		if (err && fd >= 0)
			overlay_close(fs, fd);
		opaque = err ? 0
			     : overlay_is_marked(fs, fd, OVERLAY_MARK_OPAQUE);
		if (opaque < 0)
			err = opaque;
	}
	if (!err)
		err = overlay_stat(fs, found.lower[0].fd, &found.lower_st);
	found.st = found.lower_st;
	if (!err && fs->has_upper)
		err = overlay_stat(fs, found.upper, &found.st);
	if (!err)
		err = overlay_get_inode(fs, NULL, NULL, &found, root);
	overlay_found_fini(fs, &found);
	return err;
}

/* What is true of the whole as it is of upper. */
static int take_over(struct overlay_super *fs)
{
	struct vfs_layer_info info = {.size = sizeof(info)};
	int fd = fs->layers[fs->has_upper ? 0 : 1].fd;
	int err = vfs_layer_info(fs->task, fd, &info);

	if (err)
		return err;
	fs->super->flags |=
		info.super_flags & (VFS_SUPER_POSIXACL | VFS_SUPER_FLAGS);
	if (fs->read_only)
		fs->super->flags |= VFS_SUPER_RDONLY;
	return 0;
}

static int mount_nested(struct overlay_super *fs,
			const struct overlay_config *config,
			struct vfs_inode **root)
{
	int err;

	fs->mounter = vfs_current_task(fs->vfs);
	err = vfs_layer_task_create(fs->vfs, fs->mounter, &fs->task);
	if (!err)
		err = overlay_open_layers(fs, config);
	if (!err)
		err = take_over(fs);
	if (!err)
		err = overlay_make_shown(fs, config);
	return err ? err : make_root(fs, root);
}

static int mount_with(struct vfs_super *super,
		      const struct overlay_config *config,
		      struct vfs_inode **root)
{
	struct overlay_super *fs = overlay_super(super);
	struct vfs_nesting nesting;
	int err;

	fs->vfs = super->vfs;
	fs->super = super;
	super->ops = &overlay_super_ops;
	super->magic = OVERLAY_MAGIC;
	super->name_max = 0;
	super->block_size = VFS_PAGE_SIZE;
	fs->maker = OVERLAY_NOBODY;
	configure(fs, config);
	vfs_nest_begin(fs->vfs, &nesting);
	err = mount_nested(fs, config, root);
	vfs_nest_end(fs->vfs, &nesting);
	if (err)
		overlay_unmount(super);
	else
		fs->root = *root;
	return err;
}

static int overlay_mount(struct vfs_super *super,
			 const struct vfs_mount_args *args,
			 struct vfs_inode **root)
{
	struct overlay_config *config = vfs_zalloc(super->vfs, sizeof(*config));
	int err;

	if (!config)
		return -ENOMEM;
	err = overlay_parse_options(super->vfs, args->options, true, config);
	if (!err)
		err = mount_with(super, config, root);
	overlay_free_config(super->vfs, config);
	vfs_free(super->vfs, config, sizeof(*config));
	return err;
}

static int overlay_check_options(struct vfs *vfs,
				 const struct vfs_mount_args *args)
{
	struct overlay_config *config = vfs_zalloc(vfs, sizeof(*config));
	int err;

	if (!config)
		return -ENOMEM;
	err = overlay_parse_options(vfs, args->options, false, config);
	overlay_free_config(vfs, config);
	vfs_free(vfs, config, sizeof(*config));
	return err;
}

VFS_API const struct vfs_filesystem_type vfs_overlay_type = {
	.size = sizeof(vfs_overlay_type),
	.name = "overlay",
	.flags = VFS_FS_OWN_ATTR | VFS_FS_FAST_GETATTR,
	.inode_size = sizeof(struct overlay_inode),
	.super_size = sizeof(struct overlay_super),
	.mount = overlay_mount,
	.unmount = overlay_unmount,
	.check_options = overlay_check_options,
};
