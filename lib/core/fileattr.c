/* SPDX-License-Identifier: MIT */
/* Inode flags by ioctl. The order of the checks is the kernel's. Contract:
 * fileattr.h. */
#include "core/fileattr.h"

#include <errno.h>
#include <linux/fs.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

#include "core/attr.h"
#include "core/instance.h"
#include "core/perm.h"
#include "core/place.h"

/* Of inode->flags. */
#define PRIVILEGED (VFS_INODE_IMMUTABLE | VFS_INODE_APPEND)

/* One flag in its three forms; inode 0: known, but there is no such. */
static const struct {
	uint32_t fs, fsx, inode;
} forms[] = {
	{FS_IMMUTABLE_FL, FS_XFLAG_IMMUTABLE, VFS_INODE_IMMUTABLE},
	{FS_APPEND_FL, FS_XFLAG_APPEND, VFS_INODE_APPEND},
	{FS_NODUMP_FL, FS_XFLAG_NODUMP, VFS_INODE_NODUMP},
	{FS_NOATIME_FL, FS_XFLAG_NOATIME, VFS_INODE_NOATIME},
	{FS_SYNC_FL, FS_XFLAG_SYNC, 0},
	{FS_DAX_FL, FS_XFLAG_DAX, 0},
	{FS_PROJINHERIT_FL, FS_XFLAG_PROJINHERIT, 0},
	{FS_VERITY_FL, 0, 0},
};
#define FORMS (sizeof(forms) / sizeof(forms[0]))

/* Shown, and passed over when set. */
#define FSX_READ_ONLY (FS_XFLAG_PREALLOC | FS_XFLAG_HASATTR)
#define FSX_EXTENTS \
	(FS_XFLAG_EXTSIZE | FS_XFLAG_EXTSZINHERIT | FS_XFLAG_COWEXTSIZE)
/* Known, and no flag of the first form. */
#define FSX_OTHER                                                       \
	(FS_XFLAG_REALTIME | FS_XFLAG_RTINHERIT | FS_XFLAG_NOSYMLINKS | \
	 FS_XFLAG_NODEFRAG | FS_XFLAG_FILESTREAM | FSX_EXTENTS)

/* What is to be set. */
struct wanted {
	uint32_t inode;	  /* VFS_INODE_* */
	uint32_t fsx;	  /* the flags in this form, and FSX_OTHER */
	bool unsupported; /* asks for what there is not */
	bool is_fsx;	  /* the rest is the caller's too */
	uint32_t extsize, projid, cowextsize;
};

static bool has_flags(const struct vfs_inode *inode)
{
	uint32_t mode = vfs__inode_mode(inode);

	return (VFS_READ_ONCE(inode->super->flags) & VFS_SUPER_FLAGS) &&
	       (S_ISREG(mode) || S_ISDIR(mode) || S_ISLNK(mode));
}

/* ---- showing ---- */

static uint32_t shown(const struct vfs_inode *inode, bool fsx)
{
	uint32_t flags = VFS_READ_ONCE(inode->flags), out = 0;

	for (size_t i = 0; i < FORMS; i++)
		if (flags & forms[i].inode)
			out |= fsx ? forms[i].fsx : forms[i].fs;
	return out;
}

/* What another's file has: some of it is not among its attributes. */
static int load(struct vfs__thread *thread, struct vfs_file *file)
{
	struct vfs_inode *inode = file->inode;
	uint32_t flags;
	int err = vfs__inode_refresh(thread, inode);

	if (err || !vfs__inode_is_remote(inode) || !inode->ops->ioctl)
		return err;
	return inode->ops->ioctl(inode, file, FS_IOC_GETFLAGS, &flags);
}

static int get_flags(struct vfs__thread *thread, struct vfs_file *file,
		     uint32_t *out)
{
	struct vfs_inode *inode = file->inode;
	int err;

	if (!has_flags(inode))
		return -ENOTTY;
	err = load(thread, file);
	if (err)
		return err;
	if (!out)
		return -EFAULT;
	*out = shown(inode, false);
	return 0;
}

static int get_fsxattr(struct vfs__thread *thread, struct vfs_file *file,
		       struct fsxattr *out)
{
	struct vfs_inode *inode = file->inode;
	int err;

	if (!has_flags(inode))
		return -ENOTTY;
	err = load(thread, file);
	if (err)
		return err;
	if (!out)
		return -EFAULT;
	memset(out, 0, sizeof(*out));
	out->fsx_xflags = shown(inode, true);
	return 0;
}

/* ---- setting ---- */

static void want_flags(uint32_t flags, struct wanted *out)
{
	memset(out, 0, sizeof(*out));
	for (size_t i = 0; i < FORMS; i++) {
		if (!(flags & forms[i].fs))
			continue;
		out->inode |= forms[i].inode;
		out->fsx |= forms[i].fsx;
		if (forms[i].inode)
			flags &= ~forms[i].fs;
	}
	out->unsupported = flags != 0;
}

static int want_fsxattr(const struct fsxattr *from, struct wanted *out)
{
	uint32_t known = FSX_READ_ONLY | FSX_OTHER;

	memset(out, 0, sizeof(*out));
	for (size_t i = 0; i < FORMS; i++) {
		known |= forms[i].fsx;
		if (!(from->fsx_xflags & forms[i].fsx))
			continue;
		out->inode |= forms[i].inode;
		if (!forms[i].inode)
			out->unsupported = true;
	}
	if (from->fsx_xflags & ~known)
		return -EOPNOTSUPP;
	out->fsx = from->fsx_xflags & ~(uint32_t)FSX_READ_ONLY;
	out->is_fsx = true;
	out->extsize = from->fsx_extsize;
	out->projid = from->fsx_projid;
	out->cowextsize = from->fsx_cowextsize;
	return 0;
}

/* What makes sense for the file at all. */
static int check_sense(const struct vfs_cred *cred,
		       const struct vfs_inode *inode,
		       const struct wanted *wanted)
{
	uint32_t mode = vfs__inode_mode(inode);

	/* projects belong to the root namespace */
	if (cred->mapped &&
	    (wanted->projid || (wanted->fsx & FS_XFLAG_PROJINHERIT)))
		return -EINVAL;
	if (wanted->projid == UINT32_MAX)
		return -EINVAL;
	if ((wanted->fsx & FS_XFLAG_EXTSIZE) && !S_ISREG(mode))
		return -EINVAL;
	if ((wanted->fsx & FS_XFLAG_EXTSZINHERIT) && !S_ISDIR(mode))
		return -EINVAL;
	if ((wanted->fsx & (FS_XFLAG_COWEXTSIZE | FS_XFLAG_DAX)) &&
	    !S_ISREG(mode) && !S_ISDIR(mode))
		return -EINVAL;
	return 0;
}

static bool is_supported(const struct wanted *wanted)
{
	uint32_t fsx = wanted->fsx & FSX_OTHER;

	if (!wanted->is_fsx)
		return !wanted->unsupported;
	/* sizes of 0 turn off what they are for */
	if (!wanted->extsize)
		fsx &= ~(uint32_t)(FS_XFLAG_EXTSIZE | FS_XFLAG_EXTSZINHERIT);
	if (!wanted->cowextsize)
		fsx &= ~(uint32_t)FS_XFLAG_COWEXTSIZE;
	return !fsx && !wanted->extsize && !wanted->projid &&
	       !wanted->cowextsize && !wanted->unsupported;
}

static int set_locked(const struct vfs_cred *cred, struct vfs_inode *inode,
		      const struct wanted *wanted)
{
	struct vfs_attr attr = {
		.size_of = sizeof(attr),
		.mask = VFS_ATTR_FLAGS | VFS_ATTR_CTIME,
		.flags = wanted->inode,
	};
	int err;

	if (((VFS_READ_ONCE(inode->flags) ^ wanted->inode) & PRIVILEGED) &&
	    !vfs__capable(cred, VFS_CAP_LINUX_IMMUTABLE))
		return -EPERM;
	err = check_sense(cred, inode, wanted);
	if (err)
		return err;
	if (!is_supported(wanted))
		return -EOPNOTSUPP;
	vfs_now(inode->super->vfs, &attr.ctime);
	return vfs__setattr(inode, &attr);
}

static int set(struct vfs__thread *thread, const struct vfs_cred *cred,
	       struct vfs_file *file, const struct wanted *wanted)
{
	struct vfs_inode *inode = file->inode;
	const struct vfs_dentry *name;
	int err = vfs__mount_write_begin(thread, file->path.mnt);

	if (err)
		return err;
	if (!has_flags(inode)) {
		err = -ENOTTY;
		goto end;
	}
	vfs__inode_lock(inode);
	err = vfs__inode_refresh(thread, inode);
	if (!err && !vfs__owner_or_capable(
			    cred, vfs__mount_idmap(file->path.mnt), inode))
		err = -EPERM;
	name = vfs__by_name(thread, file->path.dentry);
	if (!err)
		err = set_locked(cred, inode, wanted);
	vfs__by_name(thread, name);
	vfs__inode_unlock(inode);
end:
	vfs__mount_write_end(thread, file->path.mnt);
	return err;
}

static int set_flags(struct vfs__thread *thread, const struct vfs_cred *cred,
		     struct vfs_file *file, const uint32_t *flags)
{
	struct wanted wanted;

	if (!flags)
		return -EFAULT;
	want_flags(*flags, &wanted);
	return set(thread, cred, file, &wanted);
}

static int set_fsxattr(struct vfs__thread *thread, const struct vfs_cred *cred,
		       struct vfs_file *file, const struct fsxattr *attr)
{
	struct wanted wanted;
	int err;

	if (!attr)
		return -EFAULT;
	err = want_fsxattr(attr, &wanted);
	return err ? err : set(thread, cred, file, &wanted);
}

/* ---- the rest ---- */

/* Bytes that the file's blocks take. */
static int get_bytes(struct vfs__thread *thread, struct vfs_inode *inode,
		     int64_t *out)
{
	uint32_t mode = vfs__inode_mode(inode);
	struct vfs_stat stat;
	int err;

	if (!S_ISREG(mode) && !S_ISDIR(mode) && !S_ISLNK(mode))
		return -ENOTTY;
	if (!out)
		return -EFAULT;
	err = vfs__inode_refresh(thread, inode);
	if (!err)
		err = vfs__inode_stat(inode, 0, &stat);
	if (!err)
		*out = stat.blocks * 512;
	return err;
}

static int get_block_size(const struct vfs_inode *inode, int32_t *out)
{
	if (!out)
		return -EFAULT;
	*out = (int32_t)inode->super->block_size;
	return 0;
}

int vfs__fileattr_ioctl(struct vfs__thread *thread, const struct vfs_cred *cred,
			struct vfs_file *file, uint64_t request, void *arg)
{
	switch (request) {
	case FS_IOC_GETFLAGS:
		return get_flags(thread, file, arg);
	case FS_IOC_SETFLAGS:
		return set_flags(thread, cred, file, arg);
	case FS_IOC_FSGETXATTR:
		return get_fsxattr(thread, file, arg);
	case FS_IOC_FSSETXATTR:
		return set_fsxattr(thread, cred, file, arg);
	case FIOQSIZE:
		return get_bytes(thread, file->inode, arg);
	case FIGETBSZ:
		return get_block_size(file->inode, arg);
	default:
		return -ENOTTY;
	}
}
