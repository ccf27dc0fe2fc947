/* SPDX-License-Identifier: MIT */
/*
 * chmod, chown, utimens and what writing does to the set-id bits. The order of
 * the checks is the kernel's: it decides which error a caller sees. Contract:
 * attr.h.
 */
#include "core/attr.h"

#include <errno.h>
#include <sys/stat.h>

#include "core/acl.h"
#include "core/instance.h"
#include "core/perm.h"
#include "core/seal.h"
#include "util/time.h"

#define UNCHANGED UINT32_MAX
#define XATTR_CAPABILITY "security.capability"

/* ---- storing ---- */

static void store(struct vfs_inode *inode, const struct vfs_attr *attr)
{
	vfs__inode_change_begin(inode);
	if (attr->mask & VFS_ATTR_MODE)
		VFS_WRITE_ONCE(inode->mode,
			       (inode->mode & S_IFMT) | (attr->mode & 07777));
	if (attr->mask & VFS_ATTR_UID)
		VFS_WRITE_ONCE(inode->uid, attr->uid);
	if (attr->mask & VFS_ATTR_GID)
		VFS_WRITE_ONCE(inode->gid, attr->gid);
	if (attr->mask & VFS_ATTR_MTIME) {
		VFS_WRITE_ONCE(inode->mtime_sec, attr->mtime.sec);
		VFS_WRITE_ONCE(inode->mtime_nsec, attr->mtime.nsec);
	}
	if (attr->mask & VFS_ATTR_CTIME)
		VFS_WRITE_ONCE(inode->ctime_packed,
			       vfs__time_pack(&attr->ctime));
	vfs__inode_change_end(inode);
	if (attr->mask & VFS_ATTR_ATIME)
		vfs__inode_set_atime(inode, &attr->atime);
}

int vfs__setattr(struct vfs_inode *inode, const struct vfs_attr *attr)
{
	int err = 0;

	if (inode->ops->setattr)
		err = inode->ops->setattr(inode, attr);
	if (!err)
		store(inode, attr);
	return err;
}

/* Writable mount, and the inode's lock; change_end undoes both. */
static int change_begin(struct vfs__thread *thread,
			const struct vfs__path *path, struct vfs_inode *inode)
{
	int err = vfs__mount_write_begin(thread, path->mnt);

	if (!err)
		vfs__inode_lock(inode);
	return err;
}

static void change_end(struct vfs__thread *thread, const struct vfs__path *path,
		       struct vfs_inode *inode)
{
	vfs__inode_unlock(inode);
	vfs__mount_write_end(thread, path->mnt);
}

bool vfs__attr_may_setgid(const struct vfs_cred *cred, uint32_t gid)
{
	return vfs__cred_in_group(cred, gid) ||
	       vfs__capable(cred, VFS_CAP_FSETID);
}

/* ---- chmod ---- */

static int chmod_locked(struct vfs__thread *thread, const struct vfs_cred *cred,
			struct vfs_inode *inode, uint32_t mode)
{
	struct vfs_attr attr = {
		.size_of = sizeof(attr),
		.mask = VFS_ATTR_MODE | VFS_ATTR_CTIME,
		.mode = mode & 07777,
	};
	uint32_t old = inode->mode;
	int err;

	if (S_ISLNK(inode->mode))
		return -EOPNOTSUPP;
	if (!vfs__owner_or_capable(cred, inode))
		return -EPERM;
	if (!vfs__attr_may_setgid(cred, inode->gid))
		attr.mode &= ~(uint32_t)S_ISGID;
	if (vfs__seal_chmod(inode, attr.mode))
		return -EPERM;
	/* the ACL first: it may fail, and can be put back */
	err = vfs__acl_chmod(thread, inode, attr.mode);
	if (err)
		return err;
	vfs_now(inode->super->vfs, &attr.ctime);
	err = vfs__setattr(inode, &attr);
	if (err)
		(void)vfs__acl_chmod(thread, inode, old);
	return err;
}

int vfs__chmod(struct vfs__thread *thread, const struct vfs_cred *cred,
	       const struct vfs__path *path, uint32_t mode)
{
	struct vfs_inode *inode = vfs__dentry_inode(path->dentry);
	int err = change_begin(thread, path, inode);

	if (err)
		return err;
	err = chmod_locked(thread, cred, inode, mode);
	change_end(thread, path, inode);
	return err;
}

/* ---- set-id bits and file capabilities ---- */

/* The bits that a change of contents or owner takes away; excl. */
static uint32_t set_id_bits(const struct vfs_cred *cred,
			    const struct vfs_inode *inode)
{
	uint32_t mode = inode->mode, kill = mode & S_ISUID;

	if ((mode & S_ISGID) &&
	    ((mode & S_IXGRP) || !vfs__attr_may_setgid(cred, inode->gid)))
		kill |= S_ISGID;
	return kill;
}

/* 1: the file has capabilities, which are to go; 0: none; or an error. */
static int has_capability(struct vfs_inode *inode)
{
	int64_t size;

	if (!(VFS_READ_ONCE(inode->flags) & VFS_INODE_XATTR) ||
	    !inode->ops->getxattr || !inode->ops->removexattr)
		return 0;
	size = inode->ops->getxattr(inode, XATTR_CAPABILITY, NULL, 0);
	if (size == -ENODATA || size == -EOPNOTSUPP)
		return 0;
	return size < 0 ? (int)size : size > 0;
}

static int drop_capability(struct vfs_inode *inode)
{
	int err = inode->ops->removexattr(inode, XATTR_CAPABILITY);

	return err == -ENODATA ? 0 : err;
}

int vfs__attr_kill_suid(struct vfs__thread *thread, const struct vfs_cred *cred,
			struct vfs_inode *inode)
{
	struct vfs_attr attr = {
		.size_of = sizeof(attr),
		.mask = VFS_ATTR_MODE,
	};
	uint32_t mode = inode->mode, kill = 0;
	int has;

	(void)thread;
	if (!S_ISREG(mode))
		return 0;
	if ((mode & (S_ISUID | S_ISGID)) && !vfs__capable(cred, VFS_CAP_FSETID))
		kill = set_id_bits(cred, inode);
	has = has_capability(inode);
	if (has > 0)
		has = drop_capability(inode);
	if (has || !kill)
		return has;
	attr.mode = mode & 07777 & ~kill;
	/* it is the change of the ACL that leaves a stamp */
	if (inode->flags & VFS_INODE_ACL) {
		attr.mask |= VFS_ATTR_CTIME;
		vfs_now(inode->super->vfs, &attr.ctime);
	}
	return vfs__setattr(inode, &attr);
}

/* ---- chown ---- */

/* Whether cred may make the change in attr; completes attr->mode. */
static int chown_check(const struct vfs_cred *cred,
		       const struct vfs_inode *inode, struct vfs_attr *attr)
{
	bool owner = cred->fsuid == inode->uid;
	bool capable = vfs__capable(cred, VFS_CAP_CHOWN);
	uint32_t gid = inode->gid;

	if ((attr->mask & VFS_ATTR_UID) && !capable &&
	    !(owner && attr->uid == inode->uid))
		return -EPERM;
	if (attr->mask & VFS_ATTR_GID) {
		if (!capable &&
		    !(owner && (attr->gid == inode->gid ||
				vfs__cred_in_group(cred, attr->gid))))
			return -EPERM;
		gid = attr->gid;
	}
	if (attr->mask & VFS_ATTR_MODE) {
		if (!vfs__owner_or_capable(cred, inode))
			return -EPERM;
		if (!vfs__attr_may_setgid(cred, gid))
			attr->mode &= ~(uint32_t)S_ISGID;
	}
	return 0;
}

static int chown_locked(const struct vfs_cred *cred, struct vfs_inode *inode,
			struct vfs_attr *attr)
{
	bool is_dir = S_ISDIR(inode->mode);
	uint32_t kill = is_dir ? 0 : set_id_bits(cred, inode);
	int has = is_dir ? 0 : has_capability(inode);
	int err;

	if (has < 0)
		return has;
	if (kill) {
		attr->mask |= VFS_ATTR_MODE;
		attr->mode = inode->mode & 07777 & ~kill;
	}
	err = chown_check(cred, inode, attr);
	if (!err && has)
		err = drop_capability(inode);
	if (err)
		return err;
	vfs_now(inode->super->vfs, &attr->ctime);
	return vfs__setattr(inode, attr);
}

int vfs__chown(struct vfs__thread *thread, const struct vfs_cred *cred,
	       const struct vfs__path *path, uint32_t uid, uint32_t gid)
{
	struct vfs_inode *inode = vfs__dentry_inode(path->dentry);
	struct vfs_attr attr = {
		.size_of = sizeof(attr),
		.mask = VFS_ATTR_CTIME | (uid == UNCHANGED ? 0 : VFS_ATTR_UID) |
			(gid == UNCHANGED ? 0 : VFS_ATTR_GID),
		.uid = uid,
		.gid = gid,
	};
	int err = change_begin(thread, path, inode);

	if (err)
		return err;
	err = chown_locked(cred, inode, &attr);
	change_end(thread, path, inode);
	return err;
}

/* ---- utimens ---- */

static bool nsec_valid(uint32_t nsec)
{
	return nsec == UTIME_NOW || nsec == UTIME_OMIT || nsec < 1000000000;
}

/* One of the two times: what to set, if at all. */
static uint32_t choose_time(const struct vfs_timespec *asked,
			    const struct vfs_timespec *now, uint32_t bit,
			    struct vfs_timespec *out)
{
	if (asked && asked->nsec == UTIME_OMIT)
		return 0;
	*out = !asked || asked->nsec == UTIME_NOW ? *now : *asked;
	out->zero = 0;
	if (out->sec == INT64_MAX || out->sec == INT64_MIN)
		out->nsec = 0; /* there is nothing beyond */
	return bit;
}

static int utimens_check(struct vfs__thread *thread,
			 const struct vfs_cred *cred, struct vfs_inode *inode,
			 bool touch)
{
	if (vfs__owner_or_capable(cred, inode))
		return 0;
	/* only setting both to now is a matter of write permission */
	return touch ? vfs__permission_load(thread, cred, inode, VFS__MAY_WRITE)
		     : -EPERM;
}

int vfs__utimens(struct vfs__thread *thread, const struct vfs_cred *cred,
		 const struct vfs__path *path, const struct vfs_timespec *times)
{
	struct vfs_inode *inode = vfs__dentry_inode(path->dentry);
	struct vfs_attr attr = {.size_of = sizeof(attr)};
	int err;

	if (times && (!nsec_valid(times[0].nsec) || !nsec_valid(times[1].nsec)))
		return -EINVAL;
	if (times && times[0].nsec == UTIME_NOW && times[1].nsec == UTIME_NOW)
		times = NULL;
	err = vfs__mount_write_begin(thread, path->mnt);
	if (err)
		return err;
	err = utimens_check(thread, cred, inode, !times);
	if (!err) {
		vfs__inode_lock(inode);
		vfs_now(inode->super->vfs, &attr.ctime);
		attr.mask = VFS_ATTR_CTIME;
		attr.mask |= choose_time(times, &attr.ctime, VFS_ATTR_ATIME,
					 &attr.atime);
		attr.mask |= choose_time(times ? times + 1 : NULL, &attr.ctime,
					 VFS_ATTR_MTIME, &attr.mtime);
		err = vfs__setattr(inode, &attr);
		vfs__inode_unlock(inode);
	}
	vfs__mount_write_end(thread, path->mnt);
	return err;
}
