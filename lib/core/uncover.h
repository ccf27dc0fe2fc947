/* SPDX-License-Identifier: MIT */
/*
 * Names that are mount points: they stay for who sees the mount, and for
 * others take it along (mount_namespaces(7)).
 */
#ifndef VFS__UNCOVER_H
#define VFS__UNCOVER_H

#include "core/mount_tree.h"
#include "core/task.h"

/* - Whether something is mounted on d in the task's namespace. Locks may be
 *   held, that of the name's directory excl is; not inside a section.
 * - A call inside another, which has locks of the outer one above it, may not
 *   come to wait for the tree's: to it the name stays if somebody is about to
 *   mount there, so that vfs__uncover has nothing to do. */
static inline bool vfs__mounted_for(struct vfs__thread *thread,
				    struct vfs_task *task,
				    const struct vfs_dentry *d)
{
	return __builtin_expect(vfs__dentry_flags(d) & VFS__DENTRY_MOUNTED,
				0) &&
	       (task->inner ||
		vfs__mounted_in(thread, task->vfs, VFS_READ_ONCE(task->ns), d));
}

/* - If d has lost its name, what is mounted on it is unmounted. No lock held.
 */
static inline void vfs__uncover(struct vfs__thread *thread, struct vfs *vfs,
				struct vfs_dentry *d)
{
	if (__builtin_expect(vfs__dentry_flags(d) & VFS__DENTRY_MOUNTED, 0) &&
	    !vfs__dentry_hashed(d))
		vfs__tree_uncover(thread, vfs, d);
}

#endif
