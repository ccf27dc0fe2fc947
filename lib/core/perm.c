/* SPDX-License-Identifier: MIT */
/* Permission checks (path_resolution(7), acl(5)). Contract: perm.h. */
#include "core/perm.h"

#include <errno.h>
#include <sched.h>

#include "core/acl.h"
#include "core/instance.h"
#include "util/epoch.h"

/* What the access ACL says: 0, -EACCES; -ECHILD: it is not here. */
static int check_acl(const struct vfs_cred *cred, const struct vfs_inode *inode,
		     uint32_t mask)
{
	struct vfs__inode_ext *ext = vfs__inode_ext_peek(inode);
	const struct vfs__acl *acl = ext ? VFS_LOAD_POINTER(ext->access) : NULL;

	return acl ? vfs__acl_permission(cred, inode, acl, mask) : -ECHILD;
}

/* Without capabilities. acl: the inode has one. */
static int check_bits(const struct vfs_cred *cred,
		      const struct vfs_inode *inode, uint32_t mode,
		      uint32_t mask, bool acl)
{
	if (cred->fsuid == VFS_READ_ONCE(inode->uid))
		return mask & ~(mode >> 6) ? -EACCES : 0;
	/* an ACL without group bits has an empty mask: only "other" is left,
	 * which is in the mode */
	if (acl && (mode & S_IRWXG))
		return check_acl(cred, inode, mask);
	if (mask & (mode ^ mode >> 3) &&
	    vfs__cred_in_group(cred, VFS_READ_ONCE(inode->gid)))
		mode >>= 3;
	return mask & ~mode ? -EACCES : 0;
}

static bool is_overridden(const struct vfs_cred *cred, uint32_t mode,
			  uint32_t mask)
{
	bool reading = S_ISDIR(mode) ? !(mask & VFS__MAY_WRITE)
				     : mask == VFS__MAY_READ;

	if (reading && vfs__capable(cred, VFS_CAP_DAC_READ_SEARCH))
		return true;
	/* nobody executes what nobody may execute */
	if (!S_ISDIR(mode) && (mask & VFS__MAY_EXEC) && !(mode & 0111))
		return false;
	return vfs__capable(cred, VFS_CAP_DAC_OVERRIDE);
}

static int check(const struct vfs_cred *cred, const struct vfs_inode *inode,
		 uint32_t mask, bool acl)
{
	uint32_t mode = vfs__inode_mode(inode);
	int err = check_bits(cred, inode, mode, mask, acl);

	if (err == -EACCES && is_overridden(cred, mode, mask))
		return 0;
	return err;
}

int vfs__permission(const struct vfs_cred *cred, const struct vfs_inode *inode,
		    uint32_t mask)
{
	return check(cred, inode, mask,
		     VFS_READ_ONCE(inode->flags) & VFS_INODE_ACL);
}

int vfs__permission_load(struct vfs__thread *thread,
			 const struct vfs_cred *cred, struct vfs_inode *inode,
			 uint32_t mask)
{
	int err;

	/* without an ACL there is nothing that must be kept from vanishing */
	if (__builtin_expect(!(VFS_READ_ONCE(inode->flags) & VFS_INODE_ACL), 1))
		return check(cred, inode, mask, false);
	for (;;) {
		vfs__epoch_enter(thread);
		err = vfs__permission(cred, inode, mask);
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

int vfs__sticky(const struct vfs_cred *cred, const struct vfs_inode *dir,
		const struct vfs_inode *victim)
{
	if (!(vfs__inode_mode(dir) & S_ISVTX) ||
	    cred->fsuid == VFS_READ_ONCE(victim->uid) ||
	    cred->fsuid == VFS_READ_ONCE(dir->uid) ||
	    vfs__capable(cred, VFS_CAP_FOWNER))
		return 0;
	return -EPERM;
}
