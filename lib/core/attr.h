/* SPDX-License-Identifier: MIT */
/*
 * Changing attributes: chmod, chown, utimens, and what a write does to the
 * set-id bits. Policy is here; backends store.
 */
#ifndef VFS__ATTR_H
#define VFS__ATTR_H

#include "core/cred.h"
#include "core/inode.h"
#include "core/mount.h"

/* All: path referenced, not inside a section; they take the mount's write
 * access and the inode's lock. Errors as the manual pages have them. */
int vfs__chmod(struct vfs__thread *thread, const struct vfs_cred *cred,
	       const struct vfs__path *path, uint32_t mode);
/* Ids as the caller's namespace numbers them; (uint32_t)-1: unchanged. */
int vfs__chown(struct vfs__thread *thread, const struct vfs_cred *cred,
	       const struct vfs__path *path, uint32_t uid, uint32_t gid);
/* times NULL: both now. */
int vfs__utimens(struct vfs__thread *thread, const struct vfs_cred *cred,
		 const struct vfs__path *path,
		 const struct vfs_timespec *times);

/* - Clears setuid (and setgid when group-executable) before a write by one
 *   without CAP_FSETID, and drops security.capability; excl lock held. Cheap
 *   when there is nothing to clear. */
int vfs__attr_kill_suid(struct vfs__thread *thread, const struct vfs_cred *cred,
			const struct vfs_userns *idmap,
			struct vfs_inode *inode);
/* - The same by an open file, and whoever watches is told. */
int vfs__attr_kill_file(struct vfs__thread *thread, const struct vfs_cred *cred,
			const struct vfs_file *file);
/* - Stores attr: the backend first, which may refuse, then in the inode; excl
 *   lock. */
int vfs__setattr(struct vfs_inode *inode, const struct vfs_attr *attr);

#endif
