/* SPDX-License-Identifier: MIT */
/*
 * Attributes and extended attributes. Contract: backend.h. The core has checked
 * who may; the host checks whether this process may.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <string.h>
#include <sys/stat.h>

#include "hostfs.h"

#define PERMISSIONS 07777u

/* ---- owner and mode ---- */

/* On the host's file itself. *undo: whose it was, when it changed hands. */
static int set_host_owner(struct vfs_inode *inode, int fd,
			  const struct vfs_attr *attr)
{
	struct hostfs_super *s = hostfs_of(inode);
	uint32_t uid = attr->mask & VFS_ATTR_UID ? attr->uid : UINT32_MAX;
	uint32_t gid = attr->mask & VFS_ATTR_GID ? attr->gid : UINT32_MAX;
	bool chown = attr->mask & (VFS_ATTR_UID | VFS_ATTR_GID);
	int err = 0;

	if (chown)
		err = hostfs_chown(s, fd, uid, gid);
	if (err || !(attr->mask & VFS_ATTR_MODE))
		return err;
	err = hostfs_chmod(s, fd, attr->mode & PERMISSIONS);
	if (err && chown) {
		/* as it was, as far as the host is willing: setuid bits went */
		(void)hostfs_chown(s, fd, VFS_READ_ONCE(inode->uid),
				   VFS_READ_ONCE(inode->gid));
		(void)hostfs_chmod(s, fd, hostfs_mode(inode) & PERMISSIONS);
	}
	return err;
}

/* As a record, beside which the host's file keeps what we need to use it. */
static int set_record(struct vfs_inode *inode, int fd,
		      const struct vfs_attr *attr)
{
	struct hostfs_super *s = hostfs_of(inode);
	uint32_t type = hostfs_inode(inode)->id.type;
	uint32_t mode = hostfs_mode(inode), uid = VFS_READ_ONCE(inode->uid),
		 gid = VFS_READ_ONCE(inode->gid);
	bool device = S_ISCHR(mode) || S_ISBLK(mode);
	int err = 0;

	if (attr->mask & VFS_ATTR_MODE)
		mode = (mode & S_IFMT) | (attr->mode & PERMISSIONS);
	/* takes away what goes with an owner on the host */
	if (attr->mask & (VFS_ATTR_UID | VFS_ATTR_GID))
		err = hostfs_chown(s, fd, UINT32_MAX, UINT32_MAX);
	if (err)
		return err;
	if (attr->mask & VFS_ATTR_UID)
		uid = attr->uid;
	if (attr->mask & VFS_ATTR_GID)
		gid = attr->gid;
	if (type != S_IFREG && type != S_IFDIR) {
		/* the host's own special files have no room for a record */
		if (uid != VFS_READ_ONCE(inode->uid) ||
		    gid != VFS_READ_ONCE(inode->gid))
			return -EPERM;
		return mode == hostfs_mode(inode)
			       ? 0
			       : hostfs_chmod(s, fd, mode & PERMISSIONS);
	}
	err = hostfs_owner_store(s, fd, mode, uid, gid,
				 device ? inode->rdev : 0);
	if (err || !(attr->mask & VFS_ATTR_MODE))
		return err;
	err = hostfs_chmod(s, fd, hostfs_owner_mode(mode));
	if (err) /* as it was */
		(void)hostfs_owner_store(
			s, fd, hostfs_mode(inode), VFS_READ_ONCE(inode->uid),
			VFS_READ_ONCE(inode->gid), device ? inode->rdev : 0);
	return err;
}

static uint32_t kept_mode(const struct vfs_inode *inode,
			  const struct vfs_attr *attr)
{
	return hostfs_kept_mode(hostfs_of(inode), hostfs_mode(inode),
				attr->mode);
}

/* Everybody is the same: only that may be asked for. */
static int set_squashed(struct vfs_inode *inode, int fd,
			const struct vfs_attr *attr)
{
	struct hostfs_super *s = hostfs_of(inode);

	if (((attr->mask & VFS_ATTR_UID) &&
	     attr->uid != VFS_READ_ONCE(inode->uid)) ||
	    ((attr->mask & VFS_ATTR_GID) &&
	     attr->gid != VFS_READ_ONCE(inode->gid)))
		return -EPERM;
	return attr->mask & VFS_ATTR_MODE
		       ? hostfs_chmod(s, fd, kept_mode(inode, attr))
		       : 0;
}

static int set_owner(struct vfs_inode *inode, int fd,
		     const struct vfs_attr *attr)
{
	if (!(attr->mask & (VFS_ATTR_UID | VFS_ATTR_GID | VFS_ATTR_MODE)))
		return 0;
	switch (hostfs_of(inode)->options.owner) {
	case HOSTFS_OWNER_XATTR:
		return set_record(inode, fd, attr);
	case HOSTFS_OWNER_SQUASH:
		return set_squashed(inode, fd, attr);
	default:
		return set_host_owner(inode, fd, attr);
	}
}

/* ---- times, flags ---- */

static void fill_time(struct timespec *out, bool set, bool now,
		      const struct vfs_timespec *time)
{
	out->tv_sec = set ? time->sec : 0;
	out->tv_nsec = !set ? UTIME_OMIT : now ? UTIME_NOW : (long)time->nsec;
}

static int set_times(struct vfs_inode *inode, int fd,
		     const struct vfs_attr *attr)
{
	struct timespec times[2];

	if (!(attr->mask & (VFS_ATTR_ATIME | VFS_ATTR_MTIME)))
		return 0;
	fill_time(&times[0], attr->mask & VFS_ATTR_ATIME,
		  attr->mask & VFS_ATTR_ATIME_NOW, &attr->atime);
	fill_time(&times[1], attr->mask & VFS_ATTR_MTIME,
		  attr->mask & VFS_ATTR_MTIME_NOW, &attr->mtime);
	return hostfs_utimens(hostfs_of(inode), fd, times);
}

static const struct {
	uint32_t vfs;
	int host;
} flag_pairs[] = {
	{VFS_INODE_IMMUTABLE, FS_IMMUTABLE_FL},
	{VFS_INODE_APPEND, FS_APPEND_FL},
	{VFS_INODE_NODUMP, FS_NODUMP_FL},
	{VFS_INODE_NOATIME, FS_NOATIME_FL},
};

static int set_flags(struct vfs_inode *inode, const struct vfs_attr *attr)
{
	struct hostfs_super *s = hostfs_of(inode);
	struct hostfs_fd *fd;
	int flags = 0, err;

	if (!(attr->mask & VFS_ATTR_FLAGS))
		return 0;
	/* any descriptor but a place will do */
	err = hostfs_handle(inode, &fd);
	if (!err && fd->access == O_PATH) {
		hostfs_fd_unref(fd);
		err = hostfs_real(inode, false, &fd);
	}
	if (err)
		return err;
	err = hostfs_flags(s, fd->fd, false, &flags);
	for (size_t i = 0; i < sizeof(flag_pairs) / sizeof(flag_pairs[0]); i++)
		flags = attr->flags & flag_pairs[i].vfs
				? flags | flag_pairs[i].host
				: flags & ~flag_pairs[i].host;
	if (!err)
		err = hostfs_flags(s, fd->fd, true, &flags);
	hostfs_fd_unref(fd);
	if (!err)
		vfs_inode_set_flags(inode, attr->flags & VFS_INODE_NOATIME,
				    ~attr->flags & VFS_INODE_NOATIME);
	return err;
}

static uint64_t shown_flags(const struct vfs_inode *inode)
{
	return (VFS_READ_ONCE(inode->flags) &
		(VFS_INODE_IMMUTABLE | VFS_INODE_APPEND | VFS_INODE_NODUMP)) >>
	       8;
}

/* What is known without asking. */
static void publish(struct vfs_inode *inode, const struct vfs_attr *attr)
{
	const uint32_t shown =
		VFS_INODE_IMMUTABLE | VFS_INODE_APPEND | VFS_INODE_NODUMP;
	struct vfs_stat stat = {
		.mode = kept_mode(inode, attr),
		.uid = attr->uid,
		.gid = attr->gid,
	};
	uint32_t mask = 0;

	if (attr->mask & VFS_ATTR_FLAGS)
		vfs_inode_set_flags(inode, attr->flags & shown,
				    ~attr->flags & shown);
	stat.attributes = shown_flags(inode);
	if (attr->mask & VFS_ATTR_MODE)
		mask |= STATX_MODE;
	if (attr->mask & VFS_ATTR_UID)
		mask |= STATX_UID;
	if (attr->mask & VFS_ATTR_GID)
		mask |= STATX_GID;
	hostfs_changed_to(inode, &stat, mask);
}

int hostfs_setattr(struct vfs_inode *inode, const struct vfs_attr *attr)
{
	struct hostfs_fd *fd;
	int err = hostfs_handle(inode, &fd);

	if (err)
		return err;
	/* a chown of nothing is a change, too */
	if (attr->mask == VFS_ATTR_CTIME)
		err = hostfs_chown(hostfs_of(inode), fd->fd, UINT32_MAX,
				   UINT32_MAX);
	if (!err)
		err = set_owner(inode, fd->fd, attr);
	if (!err)
		err = set_times(inode, fd->fd, attr);
	if (!err)
		err = set_flags(inode, attr);
	hostfs_fd_unref(fd);
	if (!err)
		publish(inode, attr);
	else
		hostfs_changed(inode);
	return err;
}

/* ---- extended attributes ---- */

/* Ours, which nobody else sees or sets, whatever owner= is: the directory may
 * be mounted with owner=xattr some day, and what is recorded be believed. */
static bool is_record(const char *name)
{
	return !strcmp(name, HOSTFS_OWNER_ATTRIBUTE);
}

int64_t hostfs_getxattr(struct vfs_inode *inode, const char *name, void *value,
			size_t size)
{
	struct hostfs_fd *fd;
	int64_t n;
	int err;

	if (is_record(name))
		return -ENODATA;
	err = hostfs_handle(inode, &fd);
	if (err)
		return err;
	n = fd->access == O_PATH
		    ? hostfs_place_getxattr(
			      hostfs_of(inode), fd->fd,
			      S_ISDIR(hostfs_inode(inode)->id.type), name,
			      value, size)
		    : hostfs_fgetxattr(hostfs_of(inode), fd->fd, name, value,
				       size);
	hostfs_fd_unref(fd);
	return n;
}

/* The permissions that an ACL is, beside the rest of mode: those of its mask
 * are the group's. */
static uint32_t mode_of_acl(const unsigned char *acl, size_t size,
			    uint32_t mode)
{
	uint32_t bits[64] = {0};

	for (size_t at = 4; at + 8 <= size; at += 8)
		if (!acl[at + 1] && acl[at] < 64)
			bits[acl[at]] = 8u | (acl[at + 2] & 7u);
	return (mode & ~0777u) | (bits[1] & 7) << 6 |
	       ((bits[16] ? bits[16] : bits[4]) & 7) << 3 | (bits[32] & 7);
}

/* It has happened, whether what else it changed can be asked for or not. */
static void changed_attribute(struct vfs_inode *inode, const char *name,
			      const void *value, size_t size)
{
	struct vfs_stat stat = {.attributes = shown_flags(inode)};
	uint32_t mask = 0;

	if (value && !strcmp(name, "system.posix_acl_access")) {
		stat.mode = mode_of_acl(value, size, hostfs_mode(inode));
		mask = STATX_MODE;
	}
	hostfs_changed_to(inode, &stat, mask);
	if (!strncmp(name, "system.", 7))
		(void)hostfs_refresh(inode);
}

int hostfs_setxattr(struct vfs_inode *inode, const char *name,
		    const void *value, size_t size, int flags)
{
	struct hostfs_fd *fd;
	int err;

	/* on the host it would be for whoever finds the file, as set-id bits */
	if (is_record(name) ||
	    (hostfs_of(inode)->options.owner != HOSTFS_OWNER_HOST &&
	     !strcmp(name, "security.capability")))
		return -EPERM;
	err = hostfs_handle(inode, &fd);
	if (err)
		return err;
	err = hostfs_fsetxattr(hostfs_of(inode), fd->fd, name, value, size,
			       flags);
	hostfs_fd_unref(fd);
	if (err)
		return err;
	changed_attribute(inode, name, value, size);
	return 0;
}

int hostfs_removexattr(struct vfs_inode *inode, const char *name)
{
	struct hostfs_fd *fd;
	int err;

	if (is_record(name))
		return -ENODATA;
	err = hostfs_handle(inode, &fd);
	if (err)
		return err;
	err = hostfs_fremovexattr(hostfs_of(inode), fd->fd, name);
	hostfs_fd_unref(fd);
	if (err)
		return err;
	changed_attribute(inode, name, NULL, 0);
	return 0;
}

/* Takes our record's name out of list[0..len). */
static int64_t hide_record(char *list, int64_t len)
{
	for (int64_t at = 0; at < len;) {
		int64_t size = (int64_t)strlen(list + at) + 1;

		if (!strcmp(list + at, HOSTFS_OWNER_ATTRIBUTE)) {
			memmove(list + at, list + at + size,
				(size_t)(len - at - size));
			return len - size;
		}
		at += size;
	}
	return len;
}

/* The whole list is needed to know what is left of it. */
static int64_t list_hidden(struct hostfs_super *s, int fd, char *list,
			   size_t size)
{
	char *names = NULL;
	size_t room = 0;
	int64_t len;

	/* another may come between the two questions */
	do {
		vfs_free(s->vfs, names, room);
		len = hostfs_flistxattr(s, fd, NULL, 0);
		if (len <= 0)
			return len;
		room = (size_t)len;
		names = vfs_alloc(s->vfs, room);
		if (!names)
			return -ENOMEM;
		len = hostfs_flistxattr(s, fd, names, room);
	} while (len == -ERANGE);
	if (len > 0)
		len = hide_record(names, len);
	if (len > 0 && size) {
		if ((uint64_t)len > size)
			len = -ERANGE;
		else
			memcpy(list, names, (size_t)len);
	}
	vfs_free(s->vfs, names, room);
	return len;
}

int64_t hostfs_listxattr(struct vfs_inode *inode, char *list, size_t size)
{
	struct hostfs_super *s = hostfs_of(inode);
	struct hostfs_fd *fd;
	int64_t n = hostfs_handle(inode, &fd);

	if (n)
		return n;
	n = size ? hostfs_flistxattr(s, fd->fd, list, size) : -ERANGE;
	if (n > 0)
		n = hide_record(list, n);
	else if (n == -ERANGE)
		n = list_hidden(s, fd->fd, list, size);
	hostfs_fd_unref(fd);
	return n;
}
