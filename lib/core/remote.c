/* SPDX-License-Identifier: MIT */
/*
 * Inodes whose attributes are somebody else's (VFS_FS_OWN_ATTR): what backends
 * set in them, and asking before what may be wrong is used. Contracts: inode.h,
 * backend.h.
 *
 * The core changes no attribute of such an inode, so that a backend may publish
 * them from any place, with whatever lock. A reader copies under core_seq, as
 * from any inode.
 */
#include "core/inode.h"
#include "core/instance.h"
#include "util/epoch.h"
#include "util/time.h"

#define SHOWN_FLAGS (VFS_INODE_IMMUTABLE | VFS_INODE_APPEND | VFS_INODE_NODUMP)

/* The flags that vfs__stat_attributes shows as these. */
static uint32_t flags_of(uint64_t attributes)
{
	return (uint32_t)(attributes << 8) & SHOWN_FLAGS;
}

/* Whether it may be somebody else's, or others', now. */
static bool set_owner(struct vfs_inode *inode, const struct vfs_stat *stat,
		      uint32_t mask)
{
	uint32_t mode = inode->mode, uid = inode->uid, gid = inode->gid;

	if (mask & STATX_MODE)
		mode = (mode & S_IFMT) | (stat->mode & 07777);
	if (mask & STATX_UID)
		uid = stat->uid;
	if (mask & STATX_GID)
		gid = stat->gid;
	if (mode == inode->mode && uid == inode->uid && gid == inode->gid)
		return false;
	VFS_WRITE_ONCE(inode->mode, mode);
	VFS_WRITE_ONCE(inode->uid, uid);
	VFS_WRITE_ONCE(inode->gid, gid);
	return true;
}

static void set_contents(struct vfs_inode *inode, const struct vfs_stat *stat,
			 uint32_t mask)
{
	if (mask & STATX_NLINK)
		VFS_WRITE_ONCE(inode->nlink, stat->nlink);
	/* a symlink's is the length of what it says, which stays */
	if ((mask & STATX_SIZE) && !(S_ISLNK(inode->mode) && inode->link))
		VFS_WRITE_ONCE(inode->size, stat->size);
	if ((mask & STATX_BLOCKS) && !S_ISCHR(inode->mode) &&
	    !S_ISBLK(inode->mode))
		VFS_WRITE_ONCE(inode->blocks, stat->blocks);
	if (mask & STATX_MTIME) {
		VFS_WRITE_ONCE(inode->mtime_sec, stat->mtime.sec);
		VFS_WRITE_ONCE(inode->mtime_nsec, stat->mtime.nsec);
	}
	if (mask & STATX_CTIME)
		VFS_WRITE_ONCE(inode->ctime_packed,
			       vfs__time_pack(&stat->ctime));
}

void vfs_inode_set_stat(struct vfs_inode *inode, const struct vfs_stat *stat,
			uint32_t mask)
{
	bool owner;

	vfs__inode_change_begin(inode);
	owner = set_owner(inode, stat, mask);
	set_contents(inode, stat, mask);
	vfs__inode_change_end(inode);
	if (owner && vfs__inode_is_dir(inode))
		vfs__dcache_changed(&inode->super->vfs->dcache);
	if (mask & STATX_ATIME)
		vfs__inode_set_atime(inode, &stat->atime);
	if (mask & STATX_MODE) {
		uint32_t flags = flags_of(stat->attributes);
		uint32_t now = VFS_READ_ONCE(inode->flags) & SHOWN_FLAGS;

		if (flags != now)
			vfs_inode_set_flags(inode, flags, now & ~flags);
	}
}

void vfs_inode_set_btime(struct vfs_inode *inode,
			 const struct vfs_timespec *btime)
{
	VFS_WRITE_ONCE(inode->btime_packed,
		       btime ? vfs__time_pack(btime) : INT64_MIN);
}

int vfs__inode_refresh_slow(struct vfs__thread *thread, struct vfs_inode *inode)
{
	int err;

	if (!vfs__inode_is_remote(inode) || !VFS__HAS_OP(inode->ops, refresh))
		return 0;
	if (thread->fresh == inode &&
	    !(VFS_READ_ONCE(inode->flags) & VFS_INODE_STALE))
		return 0;
	err = inode->ops->refresh(inode);
	if (!err)
		thread->fresh = inode;
	return err;
}
