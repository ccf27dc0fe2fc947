/* SPDX-License-Identifier: MIT */
/* Magic links: symlinks that lead to a place and not to a path. */
#ifndef VFS__JUMP_H
#define VFS__JUMP_H

#include "core/task.h"

/* What a backend's follow fills, through vfs_jump_to. */
struct vfs_jump {
	struct vfs__thread *thread;
	struct vfs *vfs;
	struct vfs__path to; /* referenced, when set */
	bool set;
};

static inline bool vfs__is_magic(const struct vfs_inode *inode)
{
	return !inode->link && VFS__HAS_OP(inode->ops, follow);
}

/*
 * - Where link, found on mount `from`, leads: *to, referenced.
 * - -ELOOP under RESOLVE_NO_MAGICLINKS; -EXDEV where resolve (RESOLVE_*) keeps
 *   the walk in a tree or on its mount; the backend's error.
 * - Not inside a section, no lock.
 */
int vfs__jump(struct vfs__thread *thread, struct vfs_task *task,
	      struct vfs_inode *link, uint32_t resolve,
	      const struct vfs_mount *from, struct vfs__path *to);

#endif
