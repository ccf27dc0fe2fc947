/* SPDX-License-Identifier: MIT */
/* The lookup operation. Contract: overlay.h. */
#include <errno.h>

#include "overlay.h"

int overlay_lookup(struct vfs_inode *dir, const struct vfs_name *name,
		   struct vfs_inode **inode, uint64_t *cookie)
{
	struct overlay_inode *parent = overlay_inode(dir);
	struct overlay_super *fs = parent->fs;
	struct overlay_found found;
	struct vfs_nesting nesting;
	struct overlay_name text;
	int err;

	(void)cookie;
	if (!overlay_make_name(name, &text))
		return -ENAMETOOLONG;
	vfs_nest_begin(fs->vfs, &nesting);
	err = overlay_find(fs, parent, text.text, &found);
	if (!err) {
		err = overlay_get_inode(fs, dir, text.text, &found, inode);
		overlay_found_fini(fs, &found);
	}
	vfs_nest_end(fs->vfs, &nesting);
	return err;
}
