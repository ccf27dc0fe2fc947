/* SPDX-License-Identifier: MIT */
/*
 * One name in one directory: what the walk asks where its inline look-up does
 * not answer. vfs__lookup_one, for who holds the directory's lock, is in
 * walk.h.
 */
#ifndef VFS__LOOKUP_H
#define VFS__LOOKUP_H

#include "core/instance.h"

/* - How d, which nobody else has seen, is cached as a name in dir: the backend
 *   can be asked for it again, if it is not one that has said all, and has to
 *   be where others change names. */
static inline void vfs__lookup_mark(struct vfs_dentry *d,
				    const struct vfs_inode *dir)
{
	if (!(dir->super->type->flags & VFS_FS_COMPLETE))
		vfs__dentry_set(d, VFS__DENTRY_EVICTABLE);
	if (VFS_READ_ONCE(dir->flags) & VFS_INODE_VOLATILE)
		vfs__dentry_set(d, VFS__DENTRY_VOLATILE);
}

/*
 * - The child of dir of that name, referenced, positive. Asks the backend when
 *   the cache does not know. Not inside a section; takes dir's lock shared.
 * - -ENOENT, -ENAMETOOLONG, -ENOMEM, the backend's error.
 */
int vfs__child_slow(struct vfs__thread *thread, struct vfs *vfs,
		    struct vfs_dentry *dir, const struct vfs_name *name,
		    struct vfs_dentry **out);
/*
 * - The child from the cache, whatever the name's length and wherever it lies,
 *   without a reference. Inside a section.
 * - likely: it is probably there, which a first look tells sooner than one
 *   that can tell, too, that it is not.
 * - -ENOENT is a fact, if no rename took place; -ECHILD: ask the slow one.
 */
int vfs__child_fast(struct vfs *vfs, const struct vfs_dentry *parent,
		    const struct vfs_name *name, bool likely,
		    struct vfs_dentry **out);
/*
 * - path's last name is about to be made, and most likely where this thread
 *   made the last one: what a large table has of it comes from memory while
 *   the call does other things first. Any path will do. Not inside a section.
 */
void vfs__lookup_expect(struct vfs__thread *thread, struct vfs *vfs,
			const char *path);

#endif
