/* SPDX-License-Identifier: MIT */
/* The directory, and mounting it. Contract: devpts.h, <vfs/devpts.h>. */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <vfs/devpts.h>

#include "devpts.h"

#define MAGIC 0x1cd1
#define ROOT_INO 1u
#define BLOCK_SIZE 1024u
/* Positions in a listing: ptmx, then the slaves by number. */
#define PTMX_POSITION 2
#define FIRST_POSITION 3
/* Names that are read at once. */
#define BATCH 16u

/* ---- the directory ---- */

/* The number that a name is, written as one is written; false: none. */
static bool number_of(const struct vfs_name *name, uint32_t *number)
{
	uint32_t value = 0;

	if (name->len > 7 || (name->len > 1 && name->str[0] == '0'))
		return false;
	for (uint32_t i = 0; i < name->len; i++) {
		if (name->str[i] < '0' || name->str[i] > '9')
			return false;
		value = value * 10 + (uint32_t)(name->str[i] - '0');
	}
	*number = value;
	return true;
}

static bool is_ptmx(const struct vfs_name *name)
{
	return name->len == 4 && !memcmp(name->str, "ptmx", 4);
}

static int devpts_lookup(struct vfs_inode *dir, const struct vfs_name *name,
			 struct vfs_inode **inode, uint64_t *cookie)
{
	struct devpts_super *s = devpts_super(dir->super);
	struct vfs_inode *found = NULL;
	uint32_t number;

	(void)cookie;
	if (is_ptmx(name))
		found = vfs_inode_ref(s->ptmx);
	else if (number_of(name, &number))
		found = devpts_find(s, number);
	if (!found)
		return -ENOENT;
	*inode = found;
	return 0;
}

static int devpts_revalidate(struct vfs_inode *dir, const struct vfs_name *name,
			     struct vfs_inode *inode)
{
	struct devpts_super *s = devpts_super(dir->super);
	uint32_t number;

	if (is_ptmx(name))
		return 1;
	return number_of(name, &number) && devpts_is(s, number, inode);
}

/* The numbers from `from` on; how many. */
static uint32_t read_numbers(struct devpts_super *s, uint32_t from,
			     uint32_t numbers[BATCH])
{
	const struct devpts_pty *pty;
	uint32_t count = 0;

	pthread_mutex_lock(&s->lock);
	for (pty = s->ptys; pty && count < BATCH; pty = pty->next)
		if (pty->number >= from)
			numbers[count++] = pty->number;
	pthread_mutex_unlock(&s->lock);
	return count;
}

static int devpts_iterate(struct vfs_inode *dir, struct vfs_file *file,
			  struct vfs_dir_context *context)
{
	struct devpts_super *s = devpts_super(dir->super);
	uint32_t numbers[BATCH], count;
	char name[16];

	(void)file;
	if (context->position <= PTMX_POSITION &&
	    !vfs_dir_emit(context, "ptmx", 4, DEVPTS_PTMX_INO, DT_CHR,
			  FIRST_POSITION))
		return 0;
	if (context->position - FIRST_POSITION > DEVPTS_MAX)
		return 0;
	do {
		count = read_numbers(
			s, (uint32_t)(context->position - FIRST_POSITION),
			numbers);
		for (uint32_t i = 0; i < count; i++) {
			int len =
				snprintf(name, sizeof(name), "%u", numbers[i]);

			if (!vfs_dir_emit(context, name, (uint32_t)len,
					  DEVPTS_FIRST_INO + numbers[i], DT_CHR,
					  FIRST_POSITION + 1 +
						  (int64_t)numbers[i]))
				return 0;
		}
	} while (count == BATCH);
	return 0;
}

static const struct vfs_inode_ops dir_ops = {
	.size = sizeof(dir_ops),
	.lookup = devpts_lookup,
	.iterate = devpts_iterate,
	.revalidate = devpts_revalidate,
};

/* ---- the file system ---- */

static int devpts_statfs(struct vfs_super *super, struct vfs_statfs *out)
{
	out->type = super->magic;
	out->bsize = VFS_PAGE_SIZE;
	return 0;
}

/* As on Linux, what is not said becomes what it was at first. */
static int devpts_reconfigure(struct vfs_super *super,
			      const struct vfs_mount_args *args,
			      uint64_t *flags)
{
	struct devpts_super *s = devpts_super(super);
	struct devpts_options options;
	int err = devpts_parse_options(s->vfs, args->options, super->userns,
				       &options);

	(void)flags;
	if (err)
		return err;
	pthread_mutex_lock(&s->lock);
	s->options = options;
	pthread_mutex_unlock(&s->lock);
	VFS_WRITE_ONCE(s->ptmx->mode, S_IFCHR | options.ptmxmode);
	return 0;
}

/* The directory goes last but for what it holds. */
static void devpts_evict(struct vfs_inode *inode)
{
	struct devpts_super *s = devpts_super(inode->super);

	if (inode->ino == ROOT_INO)
		vfs_inode_unref(s->ptmx);
}

static const struct vfs_super_ops super_ops = {
	.size = sizeof(super_ops),
	.statfs = devpts_statfs,
	.evict = devpts_evict,
	.show_options = devpts_show_options,
	.reconfigure = devpts_reconfigure,
};

static int make_inodes(struct vfs_super *super,
		       const struct vfs_mount_args *args,
		       struct vfs_inode **root)
{
	struct devpts_super *s = devpts_super(super);
	uint32_t uid = vfs_userns_make_uid(super->userns, 0);
	uint32_t gid = vfs_userns_make_gid(super->userns, 0);
	struct vfs_inode *dir;

	(void)args;
	if (uid == UINT32_MAX || gid == UINT32_MAX)
		return -EINVAL;
	dir = vfs_inode_create(super, &dir_ops, ROOT_INO, S_IFDIR | 0755);
	if (!dir)
		return -ENOMEM;
	s->ptmx = vfs_inode_create(super, &devpts_ptmx_ops, DEVPTS_PTMX_INO,
				   S_IFCHR | s->options.ptmxmode);
	if (!s->ptmx) {
		vfs_inode_discard(dir);
		return -ENOMEM;
	}
	s->ptmx->rdev = makedev(5, 2);
	s->ptmx->uid = dir->uid = uid;
	s->ptmx->gid = dir->gid = gid;
	/* slaves come and go */
	dir->flags |= VFS_INODE_VOLATILE;
	*root = dir;
	return 0;
}

static int devpts_mount(struct vfs_super *super,
			const struct vfs_mount_args *args,
			struct vfs_inode **root)
{
	struct devpts_super *s = devpts_super(super);
	int err;

	s->vfs = super->vfs;
	err = devpts_parse_options(s->vfs, args->options, super->userns,
				   &s->options);
	if (err)
		return err;
	super->ops = &super_ops;
	super->magic = MAGIC;
	super->block_size = BLOCK_SIZE;
	err = make_inodes(super, args, root);
	if (!err)
		pthread_mutex_init(&s->lock, NULL);
	return err;
}

static void devpts_unmount(struct vfs_super *super)
{
	pthread_mutex_destroy(&devpts_super(super)->lock);
}

static int devpts_check_options(struct vfs *vfs,
				const struct vfs_mount_args *args)
{
	struct devpts_options options;

	return devpts_parse_options(vfs, args->options, args->userns, &options);
}

const struct vfs_filesystem_type vfs_devpts_type = {
	.size = sizeof(vfs_devpts_type),
	.name = "devpts",
	.flags = VFS_FS_USERNS,
	.super_size = sizeof(struct devpts_super),
	.mount = devpts_mount,
	.unmount = devpts_unmount,
	.check_options = devpts_check_options,
};
