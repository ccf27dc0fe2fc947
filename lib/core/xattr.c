/* SPDX-License-Identifier: MIT */
/*
 * Extended attributes: which names there are and who may do what to them
 * (xattr(7)). The order of the checks is the kernel's. Contract: xattr.h.
 */
#include "core/xattr.h"

#include <errno.h>
#include <linux/limits.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include "core/acl.h"
#include "core/filecap.h"
#include "core/hostfile.h"
#include "core/notify.h"
#include "core/perm.h"
#include "core/place.h"
#include "util/domain.h"

#define CAPABILITY VFS__FILECAP_NAME

static bool has_prefix(const char *name, const char *prefix)
{
	return !strncmp(name, prefix, strlen(prefix));
}

static bool is_security(const char *name)
{
	return has_prefix(name, "security.");
}

static bool is_trusted(const char *name)
{
	return has_prefix(name, "trusted.");
}

static bool is_user(const char *name)
{
	return has_prefix(name, "user.");
}

/* ---- arguments ---- */

int vfs__xattr_check_name(const char *name)
{
	size_t len;

	if (!name)
		return -EFAULT;
	len = strnlen(name, XATTR_NAME_MAX + 1);
	return len && len <= XATTR_NAME_MAX ? 0 : -ERANGE;
}

int vfs__xattr_check_set(const char *name, const void *value, size_t size,
			 int flags)
{
	int err;

	if (flags & ~(XATTR_CREATE | XATTR_REPLACE))
		return -EINVAL;
	err = vfs__xattr_check_name(name);
	if (err)
		return err;
	if (size > XATTR_SIZE_MAX)
		return -E2BIG;
	return size && !value ? -EFAULT : 0;
}

/* Whether inode could have an attribute of this name. */
static int resolve_name(const struct vfs_inode *inode, const char *name)
{
	const char *dot = strchr(name, '.');

	if (!inode->ops->getxattr)
		return -EOPNOTSUPP;
	if (!is_security(name) && !is_trusted(name) && !is_user(name))
		return -EOPNOTSUPP;
	return dot[1] ? 0 : -EINVAL;
}

/* ---- permission ---- */

/* Who asks, and through what. */
struct asking {
	struct vfs__thread *thread;
	const struct vfs_cred *cred;
	const struct vfs_userns *idmap;
	struct vfs_inode *inode;
};

static struct asking ask(struct vfs__thread *thread,
			 const struct vfs_cred *cred,
			 const struct vfs__path *path)
{
	struct vfs_inode *inode = vfs__dentry_inode(path->dentry);

	/* what cannot be asked is judged by what is known */
	(void)vfs__inode_refresh(thread, inode);
	return (struct asking){thread, cred, vfs__mount_idmap(path->mnt),
			       inode};
}

/* mask: VFS__MAY_READ or VFS__MAY_WRITE. */
static int permission(const struct asking *q, const char *name, uint32_t mask)
{
	uint32_t mode = vfs__inode_mode(q->inode);
	int refusal = mask & VFS__MAY_WRITE ? -EPERM : -ENODATA;
	int err = 0;

	if (mask & VFS__MAY_WRITE)
		err = vfs__may_attach(q->idmap, q->inode);
	if (err)
		return err;

	/* those of security.* are with the caller */
	if (is_security(name) || has_prefix(name, "system."))
		return 0;
	if (is_trusted(name))
		return vfs__capable(q->cred, VFS_CAP_SYS_ADMIN) ? 0 : refusal;
	if (is_user(name)) {
		if (!S_ISREG(mode) && !S_ISDIR(mode))
			return refusal;
		if (S_ISDIR(mode) && (mode & S_ISVTX) &&
		    (mask & VFS__MAY_WRITE) &&
		    !vfs__owner_or_capable(q->cred, q->idmap, q->inode))
			return -EPERM;
	}
	return vfs__permission_load(q->thread, q->cred, q->idmap, q->inode,
				    mask);
}

/* Changing what is the security system's own; what is no file at all it does
 * not look at. */
static int security_permission(const struct asking *q, const char *name,
			       bool removing)
{
	bool may;

	if (!is_security(name) || !(vfs__inode_mode(q->inode) & S_IFMT))
		return 0;
	/* setting it has been checked by its value */
	if (!strcmp(name, CAPABILITY))
		may = !removing || vfs__capable_over(q->cred, q->idmap,
						     q->inode, VFS_CAP_SETFCAP);
	else
		may = vfs__capable_in(q->cred, q->inode->super->userns,
				      VFS_CAP_SYS_ADMIN);
	return may ? 0 : -EPERM;
}

/* ---- reading ---- */

static int64_t get_locked(const struct asking *q, const char *name, void *value,
			  size_t size)
{
	struct vfs_inode *inode = q->inode;

	if (vfs__acl_is_name(name))
		return vfs__acl_get(q->thread, q->cred, q->idmap, inode, name,
				    value, size);
	if (!inode->ops->getxattr)
		return -EOPNOTSUPP;
	if (!strcmp(name, CAPABILITY))
		return vfs__filecap_get(q->cred, q->idmap, inode, value, size);
	return inode->ops->getxattr(inode, name, value, size);
}

/* What a NULL buffer of some size gets, when a size was all it would give. */
static int64_t null_result(int64_t len, size_t size)
{
	if (len <= 0)
		return len;
	return (uint64_t)len > size ? -ERANGE : -EFAULT;
}

int64_t vfs__xattr_get(struct vfs__thread *thread, const struct vfs_cred *cred,
		       const struct vfs__path *path, const char *name,
		       void *value, size_t size)
{
	const struct asking q = ask(thread, cred, path);
	int64_t len;
	int err = 0;

	if (!vfs__acl_is_name(name)) {
		err = permission(&q, name, VFS__MAY_READ);
		if (!err)
			err = resolve_name(q.inode, name);
	}
	if (err)
		return err;
	vfs__inode_lock_shared(q.inode);
	len = get_locked(&q, name, value, value ? size : 0);
	vfs__inode_unlock_shared(q.inode);
	return value || !size ? len : null_result(len, size);
}

/* Takes the names out of list[0..len) that cred is not shown. */
static size_t filter(char *list, size_t len)
{
	size_t kept = 0, size;

	for (size_t at = 0; at < len; at += size) {
		size = strlen(list + at) + 1;
		if (is_trusted(list + at))
			continue;
		memmove(list + kept, list + at, size);
		kept += size;
	}
	return kept;
}

/* All names, in *names, which has room for *room; their length, or 0. Others
 * may add some between the question for the size and that for them. */
static int64_t list_all(struct vfs__thread *thread, struct vfs_inode *inode,
			char **names, size_t *room)
{
	int64_t len;

	for (;;) {
		len = inode->ops->listxattr(inode, NULL, 0);
		if (len <= 0)
			return len;
		*room = (size_t)len;
		*names = vfs__mem_alloc(thread, *room);
		if (!*names)
			return -ENOMEM;
		len = inode->ops->listxattr(inode, *names, *room);
		if (len > 0)
			return len;
		vfs__mem_free(thread, *names, *room);
		if (len != -ERANGE)
			return len;
	}
}

/* As list_locked, without the privileged names. */
static int64_t list_filtered(struct vfs__thread *thread,
			     struct vfs_inode *inode, char *list, size_t size)
{
	char *names;
	size_t room;
	int64_t len = list_all(thread, inode, &names, &room);

	if (len <= 0)
		return len;
	len = (int64_t)filter(names, (size_t)len);
	if (len > 0 && size) {
		if ((uint64_t)len > size)
			len = -ERANGE;
		else
			memcpy(list, names, (size_t)len);
	}
	vfs__mem_free(thread, names, room);
	return len;
}

static int64_t list_locked(struct vfs__thread *thread,
			   const struct vfs_cred *cred, struct vfs_inode *inode,
			   char *list, size_t size)
{
	int64_t len;

	if (!inode->ops->listxattr)
		return 0;
	if (!vfs__capable(cred, VFS_CAP_SYS_ADMIN))
		return list_filtered(thread, inode, list, size);
	len = inode->ops->listxattr(inode, NULL, 0);
	if (len <= 0 || !size)
		return len;
	if ((uint64_t)len > size)
		return -ERANGE;
	return inode->ops->listxattr(inode, list, size);
}

int64_t vfs__xattr_list(struct vfs__thread *thread, const struct vfs_cred *cred,
			const struct vfs__path *path, char *list, size_t size)
{
	struct vfs_inode *inode = vfs__dentry_inode(path->dentry);
	size_t room = size > XATTR_LIST_MAX ? XATTR_LIST_MAX : size;
	int64_t len;

	vfs__inode_lock_shared(inode);
	len = list_locked(thread, cred, inode, list, list ? room : 0);
	vfs__inode_unlock_shared(inode);
	if (!list && size)
		len = null_result(len, room);
	if (len == -ERANGE && room == XATTR_LIST_MAX)
		return -E2BIG;
	return len;
}

/* ---- changing ---- */

static int set_check(const struct asking *q, const char *name)
{
	int err = permission(q, name, VFS__MAY_WRITE);

	if (!err)
		err = security_permission(q, name, false);
	if (!err)
		err = resolve_name(q->inode, name);
	if (!err && !q->inode->ops->setxattr)
		err = -EOPNOTSUPP;
	return err;
}

/* Any but an ACL. */
static int set_plain(const struct asking *q, const char *name,
		     const void *value, size_t size, int flags)
{
	unsigned char stored[VFS__FILECAP_SIZE];
	struct vfs_inode *inode = q->inode;
	int err = 0;

	if (size && !strcmp(name, CAPABILITY)) {
		err = vfs__filecap_convert(q->cred, q->idmap, inode, value,
					   &size, stored);
		value = stored;
	}
	if (err)
		return err;
	vfs__inode_lock(inode);
	err = set_check(q, name);
	if (!err)
		err = inode->ops->setxattr(inode, name, value, size, flags);
	vfs__inode_unlock(inode);
	return err;
}

/* value NULL: removes. */
static int set_acl(const struct asking *q, const char *name, const void *value,
		   size_t size)
{
	int err;

	vfs__inode_lock(q->inode);
	err = vfs__acl_set(q->thread, q->cred, q->idmap, q->inode, name, value,
			   size);
	vfs__inode_unlock(q->inode);
	return err;
}

int vfs__xattr_set(struct vfs__thread *thread, const struct vfs_cred *cred,
		   const struct vfs__path *path, const char *name,
		   const void *value, size_t size, int flags)
{
	const struct asking q = ask(thread, cred, path);
	const struct vfs_dentry *by;
	int err = vfs__mount_write_begin(thread, path->mnt);

	if (err)
		return err;
	by = vfs__by_name(thread, path->dentry);
	err = vfs__acl_is_name(name) ? set_acl(&q, name, value, size)
				     : set_plain(&q, name, value, size, flags);
	vfs__by_name(thread, by);
	if (!err)
		vfs__notify_dentry(thread, q.inode->super->vfs, path->dentry,
				   VFS_IN_ATTRIB);
	vfs__mount_write_end(thread, path->mnt);
	vfs__notify_flush(thread);
	return err;
}

/* Any but an ACL. */
static int remove_plain(const struct asking *q, const char *name)
{
	struct vfs_inode *inode = q->inode;
	int err;

	vfs__inode_lock(inode);
	err = permission(q, name, VFS__MAY_WRITE);
	if (!err)
		err = security_permission(q, name, true);
	if (!err)
		err = resolve_name(inode, name);
	if (!err && !inode->ops->removexattr)
		err = -EOPNOTSUPP;
	if (!err)
		err = inode->ops->removexattr(inode, name);
	vfs__inode_unlock(inode);
	return err;
}

int vfs__xattr_remove(struct vfs__thread *thread, const struct vfs_cred *cred,
		      const struct vfs__path *path, const char *name)
{
	const struct asking q = ask(thread, cred, path);
	const struct vfs_dentry *by;
	int err = vfs__mount_write_begin(thread, path->mnt);

	if (err)
		return err;
	by = vfs__by_name(thread, path->dentry);
	err = vfs__acl_is_name(name) ? set_acl(&q, name, NULL, 0)
				     : remove_plain(&q, name);
	vfs__by_name(thread, by);
	if (!err)
		vfs__notify_dentry(thread, q.inode->super->vfs, path->dentry,
				   VFS_IN_ATTRIB);
	vfs__mount_write_end(thread, path->mnt);
	vfs__notify_flush(thread);
	return err;
}
