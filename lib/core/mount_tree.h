/* SPDX-License-Identifier: MIT */
/*
 * Trees of mounts: going through them, copying, attaching and taking apart.
 * Everything here wants vfs.mounts.lock.
 */
#ifndef VFS__MOUNT_TREE_H
#define VFS__MOUNT_TREE_H

#include "core/mount.h"
#include "core/namespace.h"

/* vfs_mount.mark, within one operation */
#define VFS__MARK_GOES 0x1u /* is to be unmounted */
#define VFS__MARK_MAY_GO                                                      \
	0x2u		      /* so, by propagation, if nothing is against it \
			       */
#define VFS__MARK_STAYS 0x4u  /* is unmounted, and stays on its parent */
#define VFS__MARK_SHARED 0x8u /* has just become shared */

/* vfs__tree_copy, vfs__mount_copy */
#define VFS__COPY_SHARED 0x1u	  /* the copies are shared */
#define VFS__COPY_SLAVE 0x2u	  /* and slaves of what they are copies of */
#define VFS__COPY_PRIVATE 0x4u	  /* neither peers nor slaves */
#define VFS__COPY_UNBINDABLE 0x8u /* unbindable mounts too */
#define VFS__COPY_LOCKED 0x10u	  /* for less privileged hands: locked */
#define VFS__COPY_NSFILES 0x20u	  /* mounts of namespaces too */

/* - The mount after mnt in the tree of root, parents first; NULL: none. */
struct vfs_mount *vfs__tree_next(struct vfs_mount *mnt,
				 const struct vfs_mount *root);
/* - The same without what is below mnt. */
struct vfs_mount *vfs__tree_skip(struct vfs_mount *mnt,
				 const struct vfs_mount *root);
/* - Whether mnt is in the tree of root. */
bool vfs__tree_contains(const struct vfs_mount *root,
			const struct vfs_mount *mnt);
/* - Whether dentry is top or below it; false at a rename's whim only for what
 *   is being moved at the same time. */
bool vfs__dentry_below(struct vfs__thread *thread, struct vfs *vfs,
		       const struct vfs_dentry *dentry,
		       const struct vfs_dentry *top);

/* - Whether one gets from root down to place. */
bool vfs__is_reachable(struct vfs__thread *thread,
		       const struct vfs__path *place,
		       const struct vfs__path *root);

/* - A copy of mnt alone, with root as its root, in no tree. 0, -ENOMEM. */
int vfs__mount_copy(struct vfs__thread *thread, struct vfs_mount *mnt,
		    struct vfs_dentry *root, uint32_t flags,
		    struct vfs_mount **out);
/* - A copy of mnt from root on, with what is mounted below. 0, -ENOMEM,
 *   -EINVAL (mnt is unbindable), -EPERM (what is below is locked). */
int vfs__tree_copy(struct vfs__thread *thread, struct vfs_mount *mnt,
		   struct vfs_dentry *root, uint32_t flags,
		   struct vfs_mount **out);
/* - Gives a copy that was never attached up: its mounts go to *out. */
void vfs__tree_discard(struct vfs_mount *mnt, struct vfs__list *out);

/*
 * - Attaches mnt's tree (detached, or where it is: then it moves) at `at`,
 *   whose dentry is checked by the caller, and everywhere the propagation of
 *   at->mnt leads. What copies were given up goes to *out.
 * - 0, -ENOMEM, -ENOENT (mnt's root was removed), -ENOSPC (too many mounts in
 *   a namespace), those of
 *   vfs__tree_copy; nothing has changed then.
 */
int vfs__tree_attach(struct vfs__thread *thread, struct vfs_mount *mnt,
		     const struct vfs__path *at, struct vfs__list *out);

/* nobody uses it: asked inside the rename sequence, which ends with it */
#define VFS__UMOUNT_SYNC 0x1u
#define VFS__UMOUNT_PROPAGATE 0x2u /* elsewhere too */
#define VFS__UMOUNT_CONNECTED 0x4u /* what is below stays where it is */
/* - Takes mnt's tree out of its namespace; for vfs__mounts_release: *out. */
void vfs__tree_umount(struct vfs__thread *thread, struct vfs_mount *mnt,
		      uint32_t how, struct vfs__list *out);
/* - Takes everything that is mounted on dentry, which was removed, out. Takes
 *   the lock itself. */
void vfs__tree_uncover(struct vfs__thread *thread, struct vfs *vfs,
		       struct vfs_dentry *dentry);

/* -- the lock, with what goes when it is given back -- */

static inline void vfs__tree_lock(struct vfs *vfs)
{
	vfs__mutex_lock(&vfs->mounts.lock, VFS__RANK_NAMESPACE);
}

static inline void vfs__tree_unlock(struct vfs *vfs)
{
	vfs__mutex_unlock(&vfs->mounts.lock, VFS__RANK_NAMESPACE);
}

#endif
