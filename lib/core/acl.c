/* SPDX-License-Identifier: MIT */
/*
 * ACLs of inodes: stored by the backend as xattrs, cached parsed at the inode,
 * kept in step with the mode. Contract: acl.h.
 */
#include "core/acl.h"

#include <errno.h>

#include "core/attr.h"
#include "core/instance.h"
#include "core/perm.h"
#include "util/epoch.h"

#define BLOB_MAX 65536
/* How often a remote ACL that is changed meanwhile is asked for without a lock.
 */
#define TRIES_MAX 8u

static void acl_free(struct vfs__thread *thread, struct vfs__acl *acl)
{
	if (acl)
		vfs__mem_free(thread, acl, vfs__acl_size(acl->count));
}

static struct vfs__acl *acl_clone(struct vfs__thread *thread,
				  const struct vfs__acl *acl)
{
	size_t size = vfs__acl_size(acl->count);
	struct vfs__acl *copy = vfs__mem_alloc(thread, size);

	return copy ? memcpy(copy, acl, size) : NULL;
}

/* ---- the cache at the inode ---- */

static struct vfs__acl **slot_of(struct vfs__inode_ext *ext, bool access)
{
	return access ? &ext->access : &ext->default_;
}

static bool is_unknown(const struct vfs_inode *inode)
{
	return VFS_READ_ONCE(inode->flags) & VFS_INODE_ACL_UNKNOWN;
}

static struct vfs__acl *cached(const struct vfs_inode *inode, bool access)
{
	struct vfs__inode_ext *ext = vfs__inode_ext_peek(inode);

	return ext ? VFS_LOAD_POINTER(*slot_of(ext, access)) : NULL;
}

/*
 * The cached ACLs change under the inode's lock; of a remote inode, which may
 * have to be asked again under any lock, under a lock of its super.
 */
static void change_begin(struct vfs_inode *inode)
{
	if (vfs__inode_is_remote(inode))
		vfs__mutex_lock(vfs__super_acl_lock(inode->super),
				VFS__RANK_ACL);
}

static void change_end(struct vfs_inode *inode)
{
	if (vfs__inode_is_remote(inode))
		vfs__mutex_unlock(vfs__super_acl_lock(inode->super),
				  VFS__RANK_ACL);
}

/* inode's ACL becomes acl (NULL: none), which passes to it; ext may be NULL
 * when there is none to replace. excl, or between change_begin and _end. */
static void publish(struct vfs__thread *thread, struct vfs_inode *inode,
		    struct vfs__inode_ext *ext, bool access,
		    struct vfs__acl *acl)
{
	uint32_t flag = access ? VFS_INODE_ACL : VFS_INODE_DEFACL;
	struct vfs__acl *old;

	if (!acl)
		vfs_inode_set_flags(inode, 0, flag);
	old = ext ? *slot_of(ext, access) : NULL;
	if (ext)
		VFS_STORE_POINTER(*slot_of(ext, access), acl);
	if (acl)
		vfs_inode_set_flags(inode, flag, 0);
	if (access && (old || acl))
		vfs__dcache_changed(&inode->super->vfs->dcache);
	if (old)
		vfs__epoch_free(thread, old, vfs__acl_size(old->count));
}

void vfs__acl_free(struct vfs__thread *thread, struct vfs__inode_ext *ext)
{
	for (int access = 0; access < 2; access++) {
		struct vfs__acl *acl = *slot_of(ext, access);

		if (acl)
			vfs__epoch_free(thread, acl, vfs__acl_size(acl->count));
	}
}

/* ---- the backend's copy ---- */

static const char *name_of(bool access)
{
	return access ? VFS__ACL_ACCESS : VFS__ACL_DEFAULT;
}

/* acl NULL: removes. excl. */
static int store(struct vfs__thread *thread, struct vfs_inode *inode,
		 bool access, const struct vfs__acl *acl)
{
	const struct vfs_inode_ops *ops = inode->ops;
	size_t size;
	void *blob;
	int err;

	if (!acl) {
		err = ops->removexattr
			      ? ops->removexattr(inode, name_of(access))
			      : -EOPNOTSUPP;
		return err;
	}
	if (!ops->setxattr)
		return -EOPNOTSUPP;
	size = vfs__acl_blob_size(acl->count);
	blob = vfs__mem_alloc(thread, size);
	if (!blob)
		return -ENOMEM;
	vfs__acl_format(acl, blob);
	err = ops->setxattr(inode, name_of(access), blob, size, 0);
	vfs__mem_free(thread, blob, size);
	return err;
}

/* The bytes of the stored ACL, in *blob, which has room for *room; 0: there is
 * none. Of a remote inode it may be replaced at any time, also between the
 * question for its size and that for itself. */
static int64_t fetch_blob(struct vfs__thread *thread, struct vfs_inode *inode,
			  bool access, void **blob, size_t *room)
{
	const char *name = name_of(access);
	int64_t n;

	for (;;) {
		n = inode->ops->getxattr(inode, name, NULL, 0);
		if (n == -ENODATA || n == -EOPNOTSUPP || !n)
			return 0;
		if (n < 0)
			return n;
		if (n > BLOB_MAX)
			return -EINVAL;
		*room = (size_t)n;
		*blob = vfs__mem_alloc(thread, *room);
		if (!*blob)
			return -ENOMEM;
		n = inode->ops->getxattr(inode, name, *blob, *room);
		if (n > 0)
			return n;
		vfs__mem_free(thread, *blob, *room);
		if (n != -ERANGE)
			return n == -ENODATA ? 0 : n;
	}
}

/* The stored ACL, NULL when there is none. shared, but for remote inodes. */
static int fetch(struct vfs__thread *thread, struct vfs_inode *inode,
		 bool access, struct vfs__acl **out)
{
	size_t room;
	void *blob;
	int64_t got = fetch_blob(thread, inode, access, &blob, &room);
	int err;

	*out = NULL;
	if (got <= 0)
		return (int)got;
	err = vfs__acl_parse(thread, blob, (size_t)got, out);
	vfs__mem_free(thread, blob, room);
	if (!err && *out && vfs__acl_check(*out)) {
		acl_free(thread, *out);
		*out = NULL;
		err = -EINVAL;
	}
	return err;
}

static int load_one(struct vfs__thread *thread, struct vfs_inode *inode,
		    bool access)
{
	struct vfs__inode_ext *ext = NULL;
	struct vfs__acl *acl;
	int err;

	if (cached(inode, access))
		return 0;
	err = fetch(thread, inode, access, &acl);
	if (err)
		return err;
	if (acl) {
		ext = vfs__inode_ext(thread, inode);
		if (!ext) {
			acl_free(thread, acl);
			return -ENOMEM;
		}
	}
	publish(thread, inode, ext, access, acl);
	return 0;
}

/* What was cached is not believed any more; the flag stays, so that who asks
 * meanwhile asks the backend, too. */
static void disbelieve(struct vfs__thread *thread, struct vfs_inode *inode,
		       bool access)
{
	struct vfs__inode_ext *ext = vfs__inode_ext_peek(inode);
	struct vfs__acl *old = ext ? *slot_of(ext, access) : NULL;

	vfs_inode_set_flags(inode, access ? VFS_INODE_ACL : VFS_INODE_DEFACL,
			    0);
	if (!old)
		return;
	VFS_STORE_POINTER(*slot_of(ext, access), NULL);
	vfs__epoch_free(thread, old, vfs__acl_size(old->count));
}

/*
 * A remote inode's ACLs are asked for without a lock, because the backend may
 * take its time, and the lock is the super's. What was asked for is published
 * if nobody has begun to ask anew since, for then it may be older than what he
 * is told.
 */
struct asked {
	bool dir;
	uint32_t turn;
	bool known[2]; /* by access: it was cached */
	struct vfs__acl *acl[2];
};

/* acl_lock is held. */
static void ask_begin(struct vfs__thread *thread, struct vfs_inode *inode,
		      struct asked *a)
{
	uint32_t *turn = vfs__super_acl_turn(inode);

	if (is_unknown(inode)) {
		disbelieve(thread, inode, true);
		if (a->dir)
			disbelieve(thread, inode, false);
		++*turn;
		/* what changes from here on is told of by the flag again */
		vfs_inode_set_flags(inode, 0, VFS_INODE_ACL_UNKNOWN);
	}
	a->turn = *turn;
	a->known[true] = cached(inode, true);
	a->known[false] = !a->dir || cached(inode, false);
}

static int ask_backend(struct vfs__thread *thread, struct vfs_inode *inode,
		       struct asked *a)
{
	int err = 0;

	for (int access = 1; !err && access >= 0; access--)
		if (!a->known[access])
			err = fetch(thread, inode, access, &a->acl[access]);
	if (!err && (a->acl[0] || a->acl[1]) && !vfs__inode_ext(thread, inode))
		err = -ENOMEM;
	return err;
}

/* Whether it was what there is. acl_lock is held. */
static bool ask_end(struct vfs__thread *thread, struct vfs_inode *inode,
		    struct asked *a, int err)
{
	bool valid = a->turn == *vfs__super_acl_turn(inode);

	for (int access = 1; access >= 0; access--) {
		if (!err && valid && !a->known[access] &&
		    !cached(inode, access)) {
			publish(thread, inode, vfs__inode_ext_peek(inode),
				access, a->acl[access]);
			a->acl[access] = NULL;
		}
		acl_free(thread, a->acl[access]);
		a->acl[access] = NULL;
	}
	if (err)
		vfs_inode_set_flags(inode, VFS_INODE_ACL_UNKNOWN, 0);
	/* it may have been set while a flag was taken away that goes with it */
	if (is_unknown(inode))
		vfs_inode_set_flags(
			inode, VFS_INODE_ACL | (a->dir ? VFS_INODE_DEFACL : 0),
			0);
	return valid;
}

/* Any lock of the inode's, or none. */
static int load_remote(struct vfs__thread *thread, struct vfs_inode *inode)
{
	struct asked a = {.dir = S_ISDIR(vfs__inode_mode(inode))};
	unsigned tries = 0;
	bool valid, hold;
	int err;

	do {
		/* who never gets to an end keeps the others away */
		hold = ++tries > TRIES_MAX;
		change_begin(inode);
		ask_begin(thread, inode, &a);
		if (!hold)
			change_end(inode);
		err = ask_backend(thread, inode, &a);
		if (!hold)
			change_begin(inode);
		valid = ask_end(thread, inode, &a, err);
		change_end(inode);
	} while (!err && !valid);
	return err;
}

int vfs__acl_load(struct vfs__thread *thread, struct vfs_inode *inode)
{
	uint32_t mode = vfs__inode_mode(inode);
	int err;

	if (!(VFS_READ_ONCE(inode->super->flags) & VFS_SUPER_POSIXACL) ||
	    !inode->ops->getxattr || S_ISLNK(mode)) {
		vfs_inode_set_flags(inode, 0,
				    VFS_INODE_ACL | VFS_INODE_DEFACL |
					    VFS_INODE_ACL_UNKNOWN);
		return 0;
	}
	if (vfs__inode_is_remote(inode))
		return load_remote(thread, inode);
	vfs__inode_lock_nested(inode);
	err = load_one(thread, inode, true);
	if (!err && S_ISDIR(mode))
		err = load_one(thread, inode, false);
	vfs__inode_unlock(inode);
	return err;
}

void vfs__acl_forget(struct vfs_inode *inode)
{
	if (!vfs__inode_is_remote(inode) || S_ISLNK(vfs__inode_mode(inode)) ||
	    !(VFS_READ_ONCE(inode->super->flags) & VFS_SUPER_POSIXACL))
		return;
	vfs_inode_set_flags(inode,
			    VFS_INODE_ACL_UNKNOWN | VFS_INODE_ACL |
				    (S_ISDIR(vfs__inode_mode(inode))
					     ? VFS_INODE_DEFACL
					     : 0),
			    0);
	if (vfs__inode_is_dir(inode))
		vfs__dcache_changed(&inode->super->vfs->dcache);
}

/* ---- what the xattr calls do ---- */

static int64_t show(const struct vfs_cred *cred, const struct vfs_userns *idmap,
		    const struct vfs_inode *inode, bool access, void *value,
		    size_t size)
{
	const struct vfs__acl *acl = cached(inode, access);
	size_t need;

	if (!acl)
		return -ENODATA;
	need = vfs__acl_blob_size(acl->count);
	if (size && size < need)
		return -ERANGE;
	if (size)
		vfs__acl_show(cred, idmap, inode->super, acl, value);
	return (int64_t)need;
}

int64_t vfs__acl_get(struct vfs__thread *thread, const struct vfs_cred *cred,
		     const struct vfs_userns *idmap, struct vfs_inode *inode,
		     const char *name, void *value, size_t size)
{
	bool access = !strcmp(name, VFS__ACL_ACCESS);
	int64_t n;
	int err = 0;

	if (!(VFS_READ_ONCE(inode->super->flags) & VFS_SUPER_POSIXACL) ||
	    S_ISLNK(VFS_READ_ONCE(inode->mode)))
		return -EOPNOTSUPP;
	if (is_unknown(inode))
		err = vfs__acl_load(thread, inode);
	if (err)
		return err;
	change_begin(inode);
	n = show(cred, idmap, inode, access, value, size);
	change_end(inode);
	return n;
}

static int change_mode(struct vfs_inode *inode, uint32_t mode)
{
	struct vfs_attr attr = {
		.size_of = sizeof(attr),
		.mask = VFS_ATTR_CTIME | VFS_ATTR_MODE,
		.mode = mode & 07777,
	};

	vfs_now(inode->super->vfs, &attr.ctime);
	return vfs__setattr(inode, &attr);
}

/* What replace does for an inode that is somebody else's, who knows what an ACL
 * makes of the mode, and whether there is one to be taken away. */
static int replace_remote(struct vfs__thread *thread, struct vfs_inode *inode,
			  bool access, uint32_t mode, struct vfs__acl *acl)
{
	bool none = false;
	int err = store(thread, inode, access, acl);

	/* where a bit of the mode goes, too, that goes first: the ACL may be
	 * looked for in another file afterwards */
	if (err == -ENODATA && mode != VFS_READ_ONCE(inode->mode)) {
		err = change_mode(inode, mode);
		if (!err)
			err = store(thread, inode, access, acl);
		none = err == -ENODATA;
	}
	if (err && !none)
		return err;
	if (mode != VFS_READ_ONCE(inode->mode)) {
		err = change_mode(inode, mode);
		if (err && !none)
			(void)store(thread, inode, access,
				    cached(inode, access));
		if (err)
			return err;
	}
	/* what it has become is asked for when somebody needs it */
	vfs__acl_forget(inode);
	acl_free(thread, acl);
	return 0;
}

/* Stores *acl (NULL: none), which passes to the inode when all went well, with
 * the mode. */
static int replace(struct vfs__thread *thread, struct vfs_inode *inode,
		   bool access, uint32_t mode, struct vfs__acl *acl)
{
	struct vfs_attr attr = {
		.size_of = sizeof(attr),
		.mask = VFS_ATTR_CTIME,
		.mode = mode & 07777,
	};
	struct vfs__inode_ext *ext = vfs__inode_ext_peek(inode);
	int err;

	if (acl && !ext) {
		ext = vfs__inode_ext(thread, inode);
		if (!ext)
			return -ENOMEM;
	}
	if (acl || cached(inode, access)) {
		err = store(thread, inode, access, acl);
		if (err && err != -ENODATA)
			return err;
	}
	if (mode != VFS_READ_ONCE(inode->mode))
		attr.mask |= VFS_ATTR_MODE;
	vfs_now(inode->super->vfs, &attr.ctime);
	err = vfs__setattr(inode, &attr);
	if (err) {
		/* as before, as far as the backend is willing */
		(void)store(thread, inode, access, cached(inode, access));
		return err;
	}
	publish(thread, inode, ext, access, acl);
	return 0;
}

/* Whether cred may set this kind of ACL at all, in the kernel's order. 1:
 * nothing to do. */
static int check_set(const struct vfs_cred *cred,
		     const struct vfs_userns *idmap,
		     const struct vfs_inode *inode, bool access,
		     struct vfs__acl *acl)
{
	int err = vfs__may_attach(idmap, inode);

	if (err)
		return err;
	if (!(VFS_READ_ONCE(inode->super->flags) & VFS_SUPER_POSIXACL) ||
	    S_ISLNK(VFS_READ_ONCE(inode->mode)))
		return -EOPNOTSUPP;
	if (!access && !S_ISDIR(VFS_READ_ONCE(inode->mode)))
		return acl ? -EACCES : 1;
	if (!vfs__owner_or_capable(cred, idmap, inode))
		return -EPERM;
	if (!acl)
		return 0;
	err = vfs__acl_check(acl);
	return err ? err : vfs__acl_store_ids(idmap, inode->super, acl);
}

int vfs__acl_set(struct vfs__thread *thread, const struct vfs_cred *cred,
		 const struct vfs_userns *idmap, struct vfs_inode *inode,
		 const char *name, const void *value, size_t size)
{
	bool access = !strcmp(name, VFS__ACL_ACCESS);
	struct vfs__acl *acl = NULL;
	uint32_t mode = VFS_READ_ONCE(inode->mode);
	bool minimal = false;
	int err = 0;

	if (value && size)
		err = vfs__acl_parse(thread, value, size, &acl);
	if (err)
		return err;
	if (acl)
		err = vfs__acl_make_ids(cred->userns, acl);
	if (!err)
		err = check_set(cred, idmap, inode, access, acl);
	if (err)
		goto free_acl;
	if (access && acl) {
		minimal = vfs__acl_to_mode(acl, &mode);
		mode |= VFS_READ_ONCE(inode->mode) & ~0777u;
	}
	if (access &&
	    !vfs__may_setgid(cred, idmap, inode, vfs__inode_gid(idmap, inode)))
		mode &= ~(uint32_t)S_ISGID;
	if (vfs__inode_is_remote(inode)) {
		err = replace_remote(thread, inode, access, mode, acl);
		minimal = false;
	} else {
		err = replace(thread, inode, access, mode,
			      minimal ? NULL : acl);
	}
	if (!err && !minimal)
		return 0;

free_acl:
	acl_free(thread, acl);
	return err < 0 ? err : 0;
}

int vfs__acl_chmod(struct vfs__thread *thread, struct vfs_inode *inode,
		   uint32_t mode)
{
	const struct vfs__acl *old;
	struct vfs__acl *acl;
	int err;

	/* whoever has the file of a remote inode sees to its ACL */
	if (!(VFS_READ_ONCE(inode->flags) & VFS_INODE_ACL) ||
	    vfs__inode_is_remote(inode))
		return 0;
	old = cached(inode, true);
	if (!old)
		return 0;
	acl = acl_clone(thread, old);
	if (!acl)
		return -ENOMEM;
	vfs__acl_from_mode(acl, mode);
	err = store(thread, inode, true, acl);
	if (err)
		acl_free(thread, acl);
	else
		publish(thread, inode, vfs__inode_ext_peek(inode), true, acl);
	return err;
}

/* ---- birth ---- */

static int add_blob(struct vfs__thread *thread, struct vfs__acl_inherit *out,
		    bool access, const struct vfs__acl *acl)
{
	size_t size = vfs__acl_blob_size(acl->count);
	void *blob = vfs__mem_alloc(thread, size);

	if (!blob)
		return -ENOMEM;
	vfs__acl_format(acl, blob);
	out->blobs[out->count] = blob;
	out->sizes[out->count] = size;
	out->xattrs[out->count].name = name_of(access);
	out->xattrs[out->count].value = blob;
	out->xattrs[out->count].size = size;
	out->count++;
	return 0;
}

static int inherit(struct vfs__thread *thread, const struct vfs__acl *from,
		   struct vfs__acl_inherit *out)
{
	struct vfs__acl *acl = acl_clone(thread, from);
	int err = 0;

	if (!acl)
		return -ENOMEM;
	if (vfs__acl_create_mask(acl, &out->mode)) {
		acl_free(thread, acl);
	} else {
		out->access = acl;
		err = add_blob(thread, out, true, acl);
	}
	if (!err && S_ISDIR(out->mode)) {
		out->default_ = acl_clone(thread, from);
		if (!out->default_)
			return -ENOMEM;
		err = add_blob(thread, out, false, from);
	}
	if (err || !out->count)
		return err;
	out->ext = vfs__mem_alloc(thread, sizeof(*out->ext));
	if (!out->ext)
		return -ENOMEM;
	memset(out->ext, 0, sizeof(*out->ext));
	return 0;
}

int vfs__acl_inherit_slow(struct vfs__thread *thread, struct vfs_inode *dir,
			  uint32_t mode, struct vfs__acl_inherit *out)
{
	const struct vfs__acl *from;
	int err;

	if (is_unknown(dir)) {
		err = vfs__acl_load(thread, dir);
		if (err)
			return err;
	}
	change_begin(dir);
	from = cached(dir, false);
	if (from)
		out->mode = mode;
	err = from ? inherit(thread, from, out) : 0;
	change_end(dir);
	if (err)
		vfs__acl_inherit_free(thread, out);
	return err;
}

void vfs__acl_inherited_slow(struct vfs__thread *thread,
			     struct vfs_inode *inode,
			     struct vfs__acl_inherit *inherit)
{
	struct vfs__inode_ext *ext = inode->core_ext;

	if (vfs__inode_is_remote(inode))
		return; /* a remote one's are not known yet */
	/* the backend may have made one for an extra of its own */
	if (!ext) {
		ext = inherit->ext;
		VFS_STORE_POINTER(inode->core_ext, ext);
		inherit->ext = NULL;
	}
	if (inherit->access)
		publish(thread, inode, ext, true, inherit->access);
	if (inherit->default_)
		publish(thread, inode, ext, false, inherit->default_);
	inherit->access = inherit->default_ = NULL;
}

void vfs__acl_inherit_free(struct vfs__thread *thread,
			   struct vfs__acl_inherit *inherit)
{
	while (inherit->count) {
		inherit->count--;
		vfs__mem_free(thread, inherit->blobs[inherit->count],
			      inherit->sizes[inherit->count]);
	}
	acl_free(thread, inherit->access);
	acl_free(thread, inherit->default_);
	inherit->access = inherit->default_ = NULL;
	vfs__mem_free(thread, inherit->ext, sizeof(*inherit->ext));
	inherit->ext = NULL;
}
