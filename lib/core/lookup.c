/* SPDX-License-Identifier: MIT */
/* One name in one directory. Contract: lookup.h, walk.h. */
#include "core/lookup.h"

#include <errno.h>

#include "core/acl.h"
#include "core/dcache_find.h"
#include "core/walk.h"

/* Asks the backend of dir (locked, shared or excl) for name; a dentry with a
 * reference, maybe negative, is in the cache afterwards. */
static int ask_backend(struct vfs__thread *thread, struct vfs *vfs,
		       struct vfs_dentry *dir, const struct vfs_name *name,
		       struct vfs_dentry **out)
{
	struct vfs_inode *inode = NULL;
	struct vfs_dentry *d, *other;
	uint64_t cookie = 0;
	int err;

	d = vfs__dentry_alloc(thread, dir, name);
	if (!d)
		return -ENOMEM;
	err = dir->inode->ops->lookup(dir->inode, name, &inode, &cookie);
	if (!err)
		err = vfs__acl_load(thread, inode);
	if (err && err != -ENOENT) {
		vfs__inode_unref(thread, inode);
		vfs__dentry_unref(thread, d);
		return err;
	}
	if (!err)
		vfs__dentry_instantiate(d, inode, cookie);
	vfs__dentry_set(d, VFS__DENTRY_EVICTABLE | VFS__DENTRY_USED);
	other = vfs__dcache_insert_unique(thread, vfs, d);
	if (other) {
		vfs__dentry_unref(thread, d);
		d = other;
	}
	*out = d;
	return 0;
}

static bool is_complete(const struct vfs_inode *inode)
{
	return inode->super->type->flags & VFS_FS_COMPLETE;
}

/* In a removed directory there is nothing, whatever its name. */
static int too_long(const struct vfs_inode *dir)
{
	return VFS_READ_ONCE(dir->flags) & VFS_INODE_DEAD ? -ENOENT
							  : -ENAMETOOLONG;
}

int vfs__lookup_one(struct vfs__thread *thread, struct vfs *vfs,
		    struct vfs_dentry *dir, const struct vfs_name *name,
		    struct vfs_dentry **out)
{
	struct vfs_inode *inode = dir->inode;
	struct vfs_dentry *d;

	if (VFS_READ_ONCE(inode->flags) & VFS_INODE_DEAD)
		return -ENOENT;
	if (name->len > inode->super->name_max)
		return -ENAMETOOLONG;
	d = vfs__dcache_get(thread, vfs, dir, name);
	if (!d && !is_complete(inode))
		return ask_backend(thread, vfs, dir, name, out);
	if (!d)
		d = vfs__dentry_alloc(thread, dir, name);
	*out = d;
	return d ? 0 : -ENOMEM;
}

int vfs__child_slow(struct vfs__thread *thread, struct vfs *vfs,
		    struct vfs_dentry *dir, const struct vfs_name *name,
		    struct vfs_dentry **out)
{
	struct vfs_inode *inode = vfs__dentry_inode(dir);
	struct vfs_dentry *d;
	int err = 0;

	if (name->len > inode->super->name_max)
		return too_long(inode);
	d = vfs__dcache_get(thread, vfs, dir, name);
	if (!d && !is_complete(inode)) {
		vfs__inode_lock_shared(inode);
		if (VFS_READ_ONCE(inode->flags) & VFS_INODE_DEAD)
			err = -ENOENT;
		else
			err = ask_backend(thread, vfs, dir, name, &d);
		vfs__inode_unlock_shared(inode);
		vfs__dcache_trim(thread, vfs);
	}
	if (!err && (!d || !vfs__dentry_inode(d))) {
		vfs__dentry_unref(thread, d);
		err = -ENOENT;
	}
	if (err)
		return err;
	*out = d;
	return 0;
}

int vfs__child_fast(struct vfs *vfs, const struct vfs_dentry *parent,
		    const struct vfs_name *name, bool likely,
		    struct vfs_dentry **out)
{
	const struct vfs_inode *inode;
	struct vfs__component c;
	struct vfs_dentry *d;
	bool certain;

	vfs__component_of(name, &c);
	if (likely && __builtin_expect(name->len <= VFS__NAME_INLINE, 1)) {
		d = vfs__dcache_find_hit(&vfs->dcache, parent, name->hash,
					 c.words);
		if (__builtin_expect(d != NULL, 1)) {
			*out = d;
			return 0;
		}
	}
	d = vfs__dcache_find_any(&vfs->dcache, parent, &c, &certain);
	if (d) {
		*out = d;
		return 0;
	}
	inode = vfs__dentry_inode(parent);
	if (name->len > inode->super->name_max)
		return too_long(inode);
	return certain && is_complete(inode) ? -ENOENT : -ECHILD;
}
