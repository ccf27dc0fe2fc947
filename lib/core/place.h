/* SPDX-License-Identifier: MIT */
/*
 * Where a dentry is: its directory and its name, which a rename may change at
 * any time; and by which dentry the present operation came to its inode, for
 * backends to which a file's names are not all the same (vfs_current_name).
 */
#ifndef VFS__PLACE_H
#define VFS__PLACE_H

#include <limits.h>

#include "core/dentry.h"
#include "util/epoch.h"

struct vfs__place {
	struct vfs_dentry *parent; /* referenced */
	struct vfs_name name;	   /* in text; without its hash */
	union {
		char chars[NAME_MAX + 1];
		uint64_t words[VFS__NAME_INLINE / 8];
	} text;
};

/* - Where d is at one moment; d is referenced, or its directory locked.
 * - Not inside a section. */
void vfs__place_of(struct vfs__thread *thread, struct vfs *vfs,
		   const struct vfs_dentry *d, struct vfs__place *place);

/*
 * - The operation that follows is made on d's inode by that name, until the
 *   same is called with what this returns.
 * - d is referenced; NULL: by no name.
 */
static inline const struct vfs_dentry *vfs__by_name(struct vfs__thread *thread,
						    const struct vfs_dentry *d)
{
	const struct vfs_dentry *before = thread->by_name;

	thread->by_name = d;
	return before;
}

#endif
