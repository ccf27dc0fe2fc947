/* SPDX-License-Identifier: MIT */
/*
 * Permission: mode bits, POSIX ACLs, capabilities.
 */
#ifndef VFS__PERM_H
#define VFS__PERM_H

#include "core/cred.h"
#include "core/inode.h"

#define VFS__MAY_EXEC 1u
#define VFS__MAY_WRITE 2u
#define VFS__MAY_READ 4u

/*
 * - May cred do mask to inode? 0 or -EACCES. Says nothing of read-only mounts.
 * - Inside a read section, or with a reference on the inode and the ACL kept
 *   alive by the inode's lock: it never blocks (cached ACLs only; a backend's
 *   ACL that was never read is fetched by vfs__acl_load first).
 * - -ECHILD: an ACL must be loaded first (VFS_INODE_ACL set, none cached).
 */
int vfs__permission(const struct vfs_cred *cred, const struct vfs_inode *inode,
		    uint32_t mask);
/* - The same, loading ACLs; referenced inode, not inside a section. */
int vfs__permission_load(struct vfs__thread *thread,
			 const struct vfs_cred *cred, struct vfs_inode *inode,
			 uint32_t mask);

/* The hot case: search permission that the mode gives to everybody. */
static inline int vfs__may_search(const struct vfs_cred *cred,
				  const struct vfs_inode *dir)
{
	if ((vfs__inode_mode(dir) & 0111) == 0111 &&
	    !(VFS_READ_ONCE(dir->flags) & VFS_INODE_ACL))
		return 0;
	return vfs__permission(cred, dir, VFS__MAY_EXEC);
}

/* Owner, or CAP_FOWNER. */
static inline bool vfs__owner_or_capable(const struct vfs_cred *cred,
					 const struct vfs_inode *inode)
{
	return cred->fsuid == VFS_READ_ONCE(inode->uid) ||
	       vfs__capable(cred, VFS_CAP_FOWNER);
}

/* - The sticky rule: may cred remove victim from dir? 0 or -EPERM. */
int vfs__sticky(const struct vfs_cred *cred, const struct vfs_inode *dir,
		const struct vfs_inode *victim);

#endif
