/* SPDX-License-Identifier: MIT */
/*
 * Inode flags. Upper's own file gets those that harm nobody; "immutable" and
 * "append-only" are kept in an attribute (`protattr`: letters i and a) and are
 * true of the overlay's file alone, so that overlay can still move what it
 * keeps. Contract: overlay.h.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>

#include <vfs/file.h>

#include "overlay.h"

#define PROTECTED (VFS_INODE_IMMUTABLE | VFS_INODE_APPEND)
#define OTHERS (VFS_INODE_NODUMP | VFS_INODE_NOATIME)

static int store_others(struct overlay_super *fs, int fd, uint32_t flags)
{
	struct vfs_attr attr = {
		.size_of = sizeof(attr),
		.mask = VFS_ATTR_FLAGS | VFS_ATTR_CTIME,
		.flags = flags & OTHERS,
	};

	vfs_now(fs->vfs, &attr.ctime);
	return vfs_layer_setattr(fs->task, fd, &attr);
}

int overlay_inherit_flags(struct overlay_super *fs, int dirfd, int fd)
{
	struct vfs_layer_info info = {.size = sizeof(info)};
	int err = vfs_layer_info(fs->task, dirfd, &info);

	if (err || !(info.inode_flags & OTHERS))
		return err;
	err = store_others(fs, fd, info.inode_flags);
	/* what cannot have them does without */
	return err == -ENOMEM ? err : 0;
}

static int store_protected(struct overlay_super *fs, int fd, uint32_t flags)
{
	char text[2];
	size_t len = 0;
	int err;

	if (flags & VFS_INODE_APPEND)
		text[len++] = 'a';
	if (flags & VFS_INODE_IMMUTABLE)
		text[len++] = 'i';
	err = len ? overlay_set_own(fs, fd, "protattr", text, len)
		  : overlay_remove_own(fs, fd, "protattr");
	return err == -EOPNOTSUPP && !len ? 0 : err;
}

int overlay_store_flags(struct overlay_super *fs, int fd, uint32_t flags)
{
	int err = store_others(fs, fd, flags);

	return err ? err : store_protected(fs, fd, flags);
}

uint32_t overlay_load_flags(struct overlay_super *fs, int fd)
{
	char text[8];
	int64_t n = overlay_get_own(fs, fd, "protattr", text, sizeof(text));
	uint32_t flags = 0;

	for (int64_t i = 0; i < n; i++) {
		if (text[i] == 'a')
			flags |= VFS_INODE_APPEND;
		else if (text[i] == 'i')
			flags |= VFS_INODE_IMMUTABLE;
	}
	return flags;
}

int overlay_set_flags(struct overlay_inode *oi, uint32_t flags)
{
	int err = overlay_store_flags(oi->fs, overlay_upper(oi), flags);

	if (err)
		return err;
	VFS_WRITE_ONCE(oi->flags, flags & PROTECTED);
	vfs_inode_set_flags(oi->inode, flags & VFS_INODE_NOATIME,
			    ~flags & VFS_INODE_NOATIME);
	return 0;
}
