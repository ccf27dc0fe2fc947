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
#include "core/hostfile.h"
#include "core/instance.h"
#include "core/notify.h"
#include "core/perm.h"
#include "core/place.h"
#include "core/seal.h"
#include "util/time.h"

#define UNCHANGED UINT32_MAX
#define FLAGS                                                        \
	(VFS_INODE_IMMUTABLE | VFS_INODE_APPEND | VFS_INODE_NODUMP | \
	 VFS_INODE_NOATIME)
#define XATTR_CAPABILITY "security.capability"

/* ---- storing ---- */

static void store(struct vfs_inode *inode, const struct vfs_attr *attr)
{
	vfs__inode_change_begin(inode);
	if (attr->mask & VFS_ATTR_MODE)
		VFS_WRITE_ONCE(inode->mode,
			       (VFS_READ_ONCE(inode->mode) & S_IFMT) |
				       (attr->mode & 07777));
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
	if ((attr->mask & (VFS_ATTR_MODE | VFS_ATTR_UID | VFS_ATTR_GID)) &&
	    vfs__inode_is_dir(inode))
		vfs__dcache_changed(&inode->super->vfs->dcache);
	if (attr->mask & VFS_ATTR_FLAGS)
		vfs_inode_set_flags(inode, attr->flags & FLAGS,
				    ~attr->flags & FLAGS);
	if (attr->mask & VFS_ATTR_ATIME)
		vfs__inode_set_atime(inode, &attr->atime);
}

int vfs__setattr(struct vfs_inode *inode, const struct vfs_attr *attr)
{
	int err = 0;

	if (inode->ops->setattr)
		err = inode->ops->setattr(inode, attr);
	/* of another's file the backend has said what became of it */
	if (!err && vfs__inode_is_remote(inode)) {
		if ((attr->mask & VFS_ATTR_MODE) &&
		    (VFS_READ_ONCE(inode->flags) & VFS_INODE_ACL))
			vfs__acl_forget(inode);
	} else if (!err) {
		store(inode, attr);
	}
	return err;
}

/* What is behind descriptors of no file at all: nobody's to change, whoever
 * asks. */
static bool has_no_type(const struct vfs_inode *inode)
{
	return !(vfs__inode_mode(inode) & S_IFMT);
}

/* Writable mount, and the inode's lock; change_end undoes both. */
static int change_begin(struct vfs__thread *thread,
			const struct vfs__path *path, struct vfs_inode *inode)
{
	int err = vfs__mount_write_begin(thread, path->mnt);

	if (err)
		return err;
	vfs__inode_lock(inode);
	err = vfs__inode_refresh(thread, inode);
	if (err) {
		vfs__inode_unlock(inode);
		vfs__mount_write_end(thread, path->mnt);
	}
	return err;
}

static void change_end(struct vfs__thread *thread, const struct vfs__path *path,
		       struct vfs_inode *inode)
{
	vfs__inode_unlock(inode);
	vfs__mount_write_end(thread, path->mnt);
	vfs__notify_flush(thread);
}

static int check_unmapped(const struct vfs_userns *idmap,
			  const struct vfs_inode *inode,
			  const struct vfs_attr *attr)
{
	/* ids that nobody knows may only be replaced */
	if (!(attr->mask & VFS_ATTR_UID) &&
	    vfs__inode_uid(idmap, inode) == VFS__NO_ID)
		return -EOVERFLOW;
	if (!(attr->mask & VFS_ATTR_GID) &&
	    vfs__inode_gid(idmap, inode) == VFS__NO_ID)
		return -EOVERFLOW;
	return 0;
}

/* ---- chmod ---- */

static int chmod_locked(struct vfs__thread *thread, const struct vfs_cred *cred,
			const struct vfs_userns *idmap, struct vfs_inode *inode,
			uint32_t mode)
{
	struct vfs_attr attr = {
		.size_of = sizeof(attr),
		.mask = VFS_ATTR_MODE | VFS_ATTR_CTIME,
		.mode = mode & 07777,
	};
	uint32_t old = VFS_READ_ONCE(inode->mode);
	int err;

	if (vfs__inode_is_fixed(inode))
		return -EPERM;
	if (S_ISLNK(VFS_READ_ONCE(inode->mode)))
		return -EOPNOTSUPP;
	err = check_unmapped(idmap, inode, &attr);
	if (err)
		return err;
	if (!vfs__owner_or_capable(cred, idmap, inode))
		return -EPERM;
	if (!vfs__may_setgid(cred, idmap, inode, vfs__inode_gid(idmap, inode)))
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
	const struct vfs_dentry *name;
	int err = change_begin(thread, path, inode);

	if (err)
		return err;
	name = vfs__by_name(thread, path->dentry);
	err = has_no_type(inode)
		      ? -EOPNOTSUPP
		      : chmod_locked(thread, cred, vfs__mount_idmap(path->mnt),
				     inode, mode);
	vfs__by_name(thread, name);
	if (!err)
		vfs__notify_attr(thread, inode->super->vfs, path->dentry,
				 VFS_ATTR_MODE);
	change_end(thread, path, inode);
	return err;
}

/* ---- set-id bits and file capabilities ---- */

/* The bits that a change of contents or owner takes away; excl. */
static uint32_t set_id_bits(const struct vfs_cred *cred,
			    const struct vfs_userns *idmap,
			    const struct vfs_inode *inode)
{
	uint32_t mode = VFS_READ_ONCE(inode->mode), kill = mode & S_ISUID;

	if ((mode & S_ISGID) &&
	    ((mode & S_IXGRP) ||
	     !vfs__may_setgid(cred, idmap, inode,
			      vfs__inode_gid(idmap, inode))))
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
			const struct vfs_userns *idmap, struct vfs_inode *inode)
{
	struct vfs_attr attr = {
		.size_of = sizeof(attr),
		.mask = VFS_ATTR_MODE,
	};
	uint32_t mode = VFS_READ_ONCE(inode->mode), kill = 0;
	int has;

	(void)thread;
	if (!S_ISREG(mode))
		return 0;
	if ((mode & (S_ISUID | S_ISGID)) && !vfs__capable(cred, VFS_CAP_FSETID))
		kill = set_id_bits(cred, idmap, inode);
	has = has_capability(inode);
	if (has > 0)
		has = drop_capability(inode);
	if (has || !kill)
		return has;
	attr.mode = mode & 07777 & ~kill;
	/* it is the change of the ACL that leaves a stamp */
	if (VFS_READ_ONCE(inode->flags) & VFS_INODE_ACL) {
		attr.mask |= VFS_ATTR_CTIME;
		vfs_now(inode->super->vfs, &attr.ctime);
	}
	return vfs__setattr(inode, &attr);
}

int vfs__attr_kill_file(struct vfs__thread *thread, const struct vfs_cred *cred,
			const struct vfs_file *file)
{
	uint32_t mode = VFS_READ_ONCE(file->inode->mode);
	const struct vfs_dentry *name = vfs__by_name(thread, file->path.dentry);
	int err = vfs__attr_kill_suid(
		thread, cred, vfs__mount_idmap(file->path.mnt), file->inode);

	vfs__by_name(thread, name);
	if (VFS_READ_ONCE(file->inode->mode) != mode)
		vfs__notify_attr(thread, file->vfs, file->path.dentry,
				 VFS_ATTR_MODE);
	return err;
}

/* ---- chown ---- */

/* A chown on its way through the checks; ids internal, as the mount has them.
 */
struct chowning {
	const struct vfs_cred *cred;
	const struct vfs_userns *idmap;
	struct vfs_inode *inode;
	uint32_t uid, gid;
	struct vfs_attr attr; /* ids as the inode is to have them */
};

/* Capable, or able to give a file that nobody knows an id. */
static bool is_chown_capable(const struct chowning *c, uint32_t id)
{
	return vfs__capable_over(c->cred, c->idmap, c->inode, VFS_CAP_CHOWN) ||
	       (id == VFS__NO_ID &&
		vfs__capable_in(c->cred, c->inode->super->userns,
				VFS_CAP_CHOWN));
}

/* Whether the change in attr may be made; completes attr.mode. */
static int chown_check(struct chowning *c)
{
	uint32_t uid = vfs__inode_uid(c->idmap, c->inode);
	uint32_t gid = vfs__inode_gid(c->idmap, c->inode);
	bool owner = c->cred->fsuid == uid;

	if ((c->attr.mask & VFS_ATTR_UID) && !(owner && c->uid == uid) &&
	    !is_chown_capable(c, uid))
		return -EPERM;
	if (c->attr.mask & VFS_ATTR_GID) {
		if (!(owner &&
		      (c->gid == gid || vfs__cred_in_group(c->cred, c->gid))) &&
		    !is_chown_capable(c, gid))
			return -EPERM;
		gid = c->gid;
	}
	if (c->attr.mask & VFS_ATTR_MODE) {
		if (!vfs__owner_or_capable(c->cred, c->idmap, c->inode))
			return -EPERM;
		if (!vfs__may_setgid(c->cred, c->idmap, c->inode, gid))
			c->attr.mode &= ~(uint32_t)S_ISGID;
	}
	return 0;
}

/* Ids that the file system can store, and a file that may have others. */
static int chown_map(struct chowning *c)
{
	const struct vfs_super *super = c->inode->super;
	struct vfs_attr *attr = &c->attr;

	attr->uid = vfs__idmap_in(c->idmap, super, VFS__UID, c->uid);
	attr->gid = vfs__idmap_in(c->idmap, super, VFS__GID, c->gid);
	if ((attr->mask & VFS_ATTR_UID) && attr->uid == VFS__NO_ID)
		return -EOVERFLOW;
	if ((attr->mask & VFS_ATTR_GID) && attr->gid == VFS__NO_ID)
		return -EOVERFLOW;
	return check_unmapped(c->idmap, c->inode, attr);
}

static int chown_locked(struct chowning *c)
{
	struct vfs_inode *inode = c->inode;
	bool is_dir = S_ISDIR(VFS_READ_ONCE(inode->mode));
	uint32_t kill = is_dir ? 0 : set_id_bits(c->cred, c->idmap, inode);
	int err, has;

	if ((c->attr.mask & (VFS_ATTR_UID | VFS_ATTR_GID)) &&
	    vfs__inode_is_fixed(inode))
		return -EPERM;
	has = is_dir ? 0 : has_capability(inode);
	if (has < 0)
		return has;
	if (kill) {
		c->attr.mask |= VFS_ATTR_MODE;
		c->attr.mode = VFS_READ_ONCE(inode->mode) & 07777 & ~kill;
	}
	err = chown_map(c);
	if (!err)
		err = chown_check(c);
	if (!err && has)
		err = drop_capability(inode);
	if (err)
		return err;
	vfs_now(inode->super->vfs, &c->attr.ctime);
	return vfs__setattr(inode, &c->attr);
}

/* The caller's numbers become internal ids. */
static int chown_ids(struct chowning *c, uint32_t uid, uint32_t gid)
{
	const struct vfs_userns *ns = c->cred->userns;

	c->uid = vfs__id_make(ns, VFS__UID, uid);
	c->gid = vfs__id_make(ns, VFS__GID, gid);
	if (uid != UNCHANGED)
		c->attr.mask |= VFS_ATTR_UID;
	if (gid != UNCHANGED)
		c->attr.mask |= VFS_ATTR_GID;
	if ((uid != UNCHANGED && c->uid == VFS__NO_ID) ||
	    (gid != UNCHANGED && c->gid == VFS__NO_ID))
		return -EINVAL;
	return 0;
}

int vfs__chown(struct vfs__thread *thread, const struct vfs_cred *cred,
	       const struct vfs__path *path, uint32_t uid, uint32_t gid)
{
	struct chowning c = {
		.cred = cred,
		.idmap = vfs__mount_idmap(path->mnt),
		.inode = vfs__dentry_inode(path->dentry),
		.attr = {.size_of = sizeof(c.attr), .mask = VFS_ATTR_CTIME},
	};
	const struct vfs_dentry *name;
	int err = change_begin(thread, path, c.inode);

	if (err)
		return err;
	name = vfs__by_name(thread, path->dentry);
	err = chown_ids(&c, uid, gid);
	if (!err)
		err = has_no_type(c.inode) ? -EOPNOTSUPP : chown_locked(&c);
	vfs__by_name(thread, name);
	if (!err)
		vfs__notify_attr(thread, c.inode->super->vfs, path->dentry,
				 c.attr.mask);
	change_end(thread, path, c.inode);
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
	if (!asked || asked->nsec == UTIME_NOW) {
		*out = *now;
		return bit | (bit == VFS_ATTR_ATIME ? VFS_ATTR_ATIME_NOW
						    : VFS_ATTR_MTIME_NOW);
	}
	*out = *asked;
	out->zero = 0;
	if (out->sec == INT64_MAX || out->sec == INT64_MIN)
		out->nsec = 0; /* there is nothing beyond */
	return bit;
}

static int utimens_check(struct vfs__thread *thread,
			 const struct vfs_cred *cred,
			 const struct vfs_userns *idmap,
			 struct vfs_inode *inode, bool touch)
{
	const struct vfs_attr times = {.mask = 0};
	int err = 0;

	if (!touch && has_no_type(inode))
		return -EOPNOTSUPP;
	/* only setting both to now is a matter of write permission */
	if (touch) {
		if (VFS_READ_ONCE(inode->flags) & VFS_INODE_IMMUTABLE)
			return -EPERM;
		if (!vfs__owner_or_capable(cred, idmap, inode))
			err = vfs__permission_load(thread, cred, idmap, inode,
						   VFS__MAY_WRITE);
		return err ? err : check_unmapped(idmap, inode, &times);
	}
	if (vfs__inode_is_fixed(inode))
		return -EPERM;
	err = check_unmapped(idmap, inode, &times);
	if (!err && !vfs__owner_or_capable(cred, idmap, inode))
		err = -EPERM;
	return err;
}

static int utimens_locked(struct vfs__thread *thread,
			  const struct vfs__path *path, struct vfs_inode *inode,
			  const struct vfs_timespec *times)
{
	struct vfs_attr attr = {.size_of = sizeof(attr),
				.mask = VFS_ATTR_CTIME};
	const struct vfs_dentry *name;
	int err;

	vfs_now(inode->super->vfs, &attr.ctime);
	attr.mask |=
		choose_time(times, &attr.ctime, VFS_ATTR_ATIME, &attr.atime);
	attr.mask |= choose_time(times ? times + 1 : NULL, &attr.ctime,
				 VFS_ATTR_MTIME, &attr.mtime);
	name = vfs__by_name(thread, path->dentry);
	err = vfs__setattr(inode, &attr);
	vfs__by_name(thread, name);
	if (!err)
		vfs__notify_attr(thread, inode->super->vfs, path->dentry,
				 attr.mask);
	return err;
}

int vfs__utimens(struct vfs__thread *thread, const struct vfs_cred *cred,
		 const struct vfs__path *path, const struct vfs_timespec *times)
{
	struct vfs_inode *inode = vfs__dentry_inode(path->dentry);
	int err;

	if (times && (!nsec_valid(times[0].nsec) || !nsec_valid(times[1].nsec)))
		return -EINVAL;
	if (times && times[0].nsec == UTIME_NOW && times[1].nsec == UTIME_NOW)
		times = NULL;
	err = change_begin(thread, path, inode);
	if (err)
		return err;
	err = utimens_check(thread, cred, vfs__mount_idmap(path->mnt), inode,
			    !times);
	if (!err)
		err = utimens_locked(thread, path, inode, times);
	change_end(thread, path, inode);
	return err;
}
