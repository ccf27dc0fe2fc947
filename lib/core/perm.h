/* SPDX-License-Identifier: MIT */
/*
 * Permission: mode bits, POSIX ACLs, capabilities.
 */
#ifndef VFS__PERM_H
#define VFS__PERM_H

#include <errno.h>

#include "core/cred.h"
#include "core/inode.h"

#define VFS__MAY_EXEC 1u
#define VFS__MAY_WRITE 2u
#define VFS__MAY_READ 4u

/* ---- whose it is ---- */

/* The ids of inode as those who come through a mount of idmap see them, or
 * VFS__NO_ID. */
static inline uint32_t vfs__inode_uid(const struct vfs_userns *idmap,
				      const struct vfs_inode *inode)
{
	uint32_t uid = VFS_READ_ONCE(inode->uid);

	return __builtin_expect(!idmap, 1)
		       ? uid
		       : vfs__idmap_out(idmap, inode->super, VFS__UID, uid);
}

static inline uint32_t vfs__inode_gid(const struct vfs_userns *idmap,
				      const struct vfs_inode *inode)
{
	uint32_t gid = VFS_READ_ONCE(inode->gid);

	return __builtin_expect(!idmap, 1)
		       ? gid
		       : vfs__idmap_out(idmap, inode->super, VFS__GID, gid);
}

static inline bool vfs__inode_has_ids(const struct vfs_userns *idmap,
				      const struct vfs_inode *inode)
{
	return vfs__inode_uid(idmap, inode) != VFS__NO_ID &&
	       vfs__inode_gid(idmap, inode) != VFS__NO_ID;
}

/* - Whether cred has cap over inode: in its own namespace, where both of the
 *   inode's ids have a number. */
bool vfs__capable_over(const struct vfs_cred *cred,
		       const struct vfs_userns *idmap,
		       const struct vfs_inode *inode, int cap);
/* - The user's, or of one with CAP_FOWNER where the user has a number. */
bool vfs__owner_or_capable(const struct vfs_cred *cred,
			   const struct vfs_userns *idmap,
			   const struct vfs_inode *inode);
/* - Whether cred may keep or give inode's setgid bit, were it of group gid. */
bool vfs__may_setgid(const struct vfs_cred *cred,
		     const struct vfs_userns *idmap,
		     const struct vfs_inode *inode, uint32_t gid);
/* - The sticky rule: may cred remove victim from dir? 0 or -EPERM. */
int vfs__sticky(const struct vfs_cred *cred, const struct vfs_userns *idmap,
		const struct vfs_inode *dir, const struct vfs_inode *victim);

/* - Whether a new file of cred's can be stored: its ids have a number there. */
bool vfs__can_own(const struct vfs_cred *cred, const struct vfs_userns *idmap,
		  const struct vfs_super *super);

/* ---- what may be done ---- */

/*
 * - May cred do mask to inode? 0, -EACCES, or -EPERM to write to what is
 *   immutable. Says nothing of read-only mounts.
 * - Inside a read section, or with a reference on the inode and the ACL kept
 *   alive by the inode's lock: it never blocks (cached ACLs only; a backend's
 *   ACL that was never read is fetched by vfs__acl_load first).
 * - -ECHILD: an ACL must be loaded first (VFS_INODE_ACL set, none cached).
 */
int vfs__permission(const struct vfs_cred *cred, const struct vfs_userns *idmap,
		    const struct vfs_inode *inode, uint32_t mask);
/* - The same, loading ACLs; referenced inode, not inside a section. */
int vfs__permission_load_slow(struct vfs__thread *thread,
			      const struct vfs_cred *cred,
			      const struct vfs_userns *idmap,
			      struct vfs_inode *inode, uint32_t mask);

static inline int vfs__permission_load(struct vfs__thread *thread,
				       const struct vfs_cred *cred,
				       const struct vfs_userns *idmap,
				       struct vfs_inode *inode, uint32_t mask)
{
	/* to its owner the mode says all, whatever ACL there is */
	if (__builtin_expect(!idmap &&
				     VFS_READ_ONCE(inode->uid) == cred->fsuid &&
				     VFS_READ_ONCE(inode->gid) != VFS__NO_ID &&
				     !(mask & ~(vfs__inode_mode(inode) >> 6)) &&
				     !(VFS_READ_ONCE(inode->flags) &
				       VFS_INODE_IMMUTABLE),
			     1))
		return 0;
	return vfs__permission_load_slow(thread, cred, idmap, inode, mask);
}

/* Immutable or append-only: its attributes and names stay. */
static inline bool vfs__inode_is_fixed(const struct vfs_inode *inode)
{
	return VFS_READ_ONCE(inode->flags) &
	       (VFS_INODE_IMMUTABLE | VFS_INODE_APPEND);
}

/* - Whether inode may get or lose a name or an xattr: -EPERM when it is fixed,
 *   or has an id without a number. */
static inline int vfs__may_attach(const struct vfs_userns *idmap,
				  const struct vfs_inode *inode)
{
	return vfs__inode_is_fixed(inode) || !vfs__inode_has_ids(idmap, inode)
		       ? -EPERM
		       : 0;
}

#endif
