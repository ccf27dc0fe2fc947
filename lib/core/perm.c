/* SPDX-License-Identifier: MIT */
/* Permission checks (path_resolution(7), acl(5)). Contract: perm.h. */
#include "core/perm.h"

#include <sched.h>

#include "core/acl.h"
#include "core/instance.h"
#include "util/epoch.h"

/* ---- whose it is ---- */

bool vfs__capable_over(const struct vfs_cred *cred,
		       const struct vfs_userns *idmap,
		       const struct vfs_inode *inode, int cap)
{
	uint32_t uid, gid;

	if (!vfs__capable_own(cred, cap))
		return false;
	uid = vfs__inode_uid(idmap, inode);
	gid = vfs__inode_gid(idmap, inode);
	if (uid == VFS__NO_ID || gid == VFS__NO_ID)
		return false;
	return !cred->mapped ||
	       (vfs__id_is_mapped(cred->userns, VFS__UID, uid) &&
		vfs__id_is_mapped(cred->userns, VFS__GID, gid));
}

bool vfs__owner_or_capable(const struct vfs_cred *cred,
			   const struct vfs_userns *idmap,
			   const struct vfs_inode *inode)
{
	uint32_t uid = vfs__inode_uid(idmap, inode);

	if (cred->fsuid == uid)
		return true;
	return vfs__capable_own(cred, VFS_CAP_FOWNER) && uid != VFS__NO_ID &&
	       (!cred->mapped ||
		vfs__id_is_mapped(cred->userns, VFS__UID, uid));
}

bool vfs__may_setgid(const struct vfs_cred *cred,
		     const struct vfs_userns *idmap,
		     const struct vfs_inode *inode, uint32_t gid)
{
	return vfs__cred_in_group(cred, gid) ||
	       vfs__capable_over(cred, idmap, inode, VFS_CAP_FSETID);
}

VFS_HOT
int vfs__sticky(const struct vfs_cred *cred, const struct vfs_userns *idmap,
		const struct vfs_inode *dir, const struct vfs_inode *victim)
{
	if (!(vfs__inode_mode(dir) & S_ISVTX) ||
	    cred->fsuid == vfs__inode_uid(idmap, victim) ||
	    cred->fsuid == vfs__inode_uid(idmap, dir) ||
	    vfs__capable_over(cred, idmap, victim, VFS_CAP_FOWNER))
		return 0;
	return -EPERM;
}

VFS_HOT
bool vfs__can_own(const struct vfs_cred *cred, const struct vfs_userns *idmap,
		  const struct vfs_super *super)
{
	if (__builtin_expect(!idmap && !super->userns, 1))
		return true;
	return vfs__id_is_of_super(
		       super, VFS__UID,
		       vfs__idmap_in(idmap, super, VFS__UID, cred->fsuid)) &&
	       vfs__id_is_of_super(
		       super, VFS__GID,
		       vfs__idmap_in(idmap, super, VFS__GID, cred->fsgid));
}

/* ---- what may be done ---- */

/* A question, as it goes from check to check. */
struct asking {
	const struct vfs_cred *cred;
	const struct vfs_userns *idmap;
	const struct vfs_inode *inode;
	uint32_t mode; /* the inode's */
	uint32_t mask;
};

/* What the access ACL says: 0, -EACCES; -ECHILD: it is not here. */
static int check_acl(const struct asking *q)
{
	struct vfs__inode_ext *ext;
	const struct vfs__acl *acl;

	/* first: what is asked for anew is forgotten before this is cleared,
	 * so that a pointer that is read afterwards is of what was found */
	if (__atomic_load_n(&q->inode->flags, __ATOMIC_ACQUIRE) &
	    VFS_INODE_ACL_UNKNOWN)
		return -ECHILD;
	ext = vfs__inode_ext_peek(q->inode);
	acl = ext ? VFS_LOAD_POINTER(ext->access) : NULL;
	return acl ? vfs__acl_permission(q->cred, q->idmap, q->inode, acl,
					 q->mask)
		   : -ECHILD;
}

/* Without capabilities. acl: the inode has one. */
static int check_bits(const struct asking *q, bool acl)
{
	uint32_t mode = q->mode;

	if (q->cred->fsuid == vfs__inode_uid(q->idmap, q->inode))
		return q->mask & ~(mode >> 6) ? -EACCES : 0;
	/* an ACL without group bits has an empty mask: only "other" is left,
	 * which is in the mode */
	if (acl && (mode & S_IRWXG))
		return check_acl(q);
	if (q->mask & (mode ^ mode >> 3) &&
	    vfs__cred_in_group(q->cred, vfs__inode_gid(q->idmap, q->inode)))
		mode >>= 3;
	return q->mask & ~mode ? -EACCES : 0;
}

static bool is_overridden(const struct asking *q)
{
	bool reading = S_ISDIR(q->mode) ? !(q->mask & VFS__MAY_WRITE)
					: q->mask == VFS__MAY_READ;

	if (reading && vfs__capable_over(q->cred, q->idmap, q->inode,
					 VFS_CAP_DAC_READ_SEARCH))
		return true;
	/* nobody executes what nobody may execute */
	if (!S_ISDIR(q->mode) && (q->mask & VFS__MAY_EXEC) && !(q->mode & 0111))
		return false;
	return vfs__capable_over(q->cred, q->idmap, q->inode,
				 VFS_CAP_DAC_OVERRIDE);
}

/* What keeps everybody from writing. */
static int may_be_written(const struct vfs_userns *idmap,
			  const struct vfs_inode *inode)
{
	if (VFS_READ_ONCE(inode->flags) & VFS_INODE_IMMUTABLE)
		return -EPERM;
	return vfs__inode_has_ids(idmap, inode) ? 0 : -EACCES;
}

static int check(const struct vfs_cred *cred, const struct vfs_userns *idmap,
		 const struct vfs_inode *inode, uint32_t mask, bool acl)
{
	const struct asking q = {cred, idmap, inode, vfs__inode_mode(inode),
				 mask};
	int err = 0;

	if (mask & VFS__MAY_WRITE)
		err = may_be_written(idmap, inode);
	if (err)
		return err;
	err = check_bits(&q, acl);
	if (err == -EACCES && is_overridden(&q))
		return 0;
	return err;
}

int vfs__permission(const struct vfs_cred *cred, const struct vfs_userns *idmap,
		    const struct vfs_inode *inode, uint32_t mask)
{
	return check(cred, idmap, inode, mask,
		     VFS_READ_ONCE(inode->flags) & VFS_INODE_ACL);
}

int vfs__permission_load_slow(struct vfs__thread *thread,
			      const struct vfs_cred *cred,
			      const struct vfs_userns *idmap,
			      struct vfs_inode *inode, uint32_t mask)
{
	int err;

	/* without an ACL there is nothing that must be kept from vanishing */
	if (__builtin_expect(!(VFS_READ_ONCE(inode->flags) & VFS_INODE_ACL), 1))
		return check(cred, idmap, inode, mask, false);
	for (;;) {
		vfs__epoch_enter(thread);
		err = vfs__permission(cred, idmap, inode, mask);
		vfs__epoch_leave(thread);
		if (err != -ECHILD)
			return err;
		/* it is being replaced right now, or was never read */
		err = vfs__acl_load(thread, inode);
		if (err)
			return err;
		sched_yield();
	}
}
