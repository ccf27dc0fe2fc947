/* SPDX-License-Identifier: MIT */
/* One name in one directory. Contract: lookup.h, walk.h. */
#define _GNU_SOURCE
#include "core/lookup.h"

#include <errno.h>
#include <string.h>

#include "core/acl.h"
#include "core/dcache_find.h"
#include "core/pathname.h"
#include "core/synthdir.h"
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
	if (!err && vfs__inode_is_remote(inode))
		thread->fresh = inode; /* ACLs: when somebody asks */
	else if (!err)
		err = vfs__acl_load(thread, inode);
	if (err && err != -ENOENT) {
		vfs__inode_unref(thread, inode);
		vfs__dentry_unref(thread, d);
		return err;
	}
	if (!err)
		vfs__dentry_instantiate(d, inode, cookie);
	vfs__lookup_mark(d, dir->inode);
	*out = d;
	if (err && (vfs__dentry_flags(d) & VFS__DENTRY_VOLATILE))
		return 0; /* an absence that says nothing of the next time */
	if (err)
		vfs_inode_set_flags(dir->inode, VFS_INODE_MISSED, 0);
	other = vfs__dcache_insert_unique(thread, vfs, d);
	if (other) {
		vfs__dentry_unref(thread, d);
		d = other;
	}
	*out = d;
	return 0;
}

/* Does d, found in dir (locked, shared or excl, where that is needed), still
 * stand for name? 1, 0, or an error. What is mounted on stays as it is. */
static int still_valid(struct vfs__thread *thread, struct vfs_inode *dir,
		       const struct vfs_name *name, struct vfs_dentry *d)
{
	uint32_t flags = vfs__dentry_flags(d);
	struct vfs_inode *inode = vfs__dentry_inode(d);
	int valid;

	if (!(flags & VFS__DENTRY_VOLATILE) || (flags & VFS__DENTRY_MOUNTED) ||
	    !inode)
		return 1;
	if (VFS_READ_ONCE(inode->flags) & VFS_INODE_SYNTHETIC)
		return vfs__synthetic_valid(thread, dir, name);
	if (!VFS__HAS_OP(dir->ops, revalidate))
		return 1;
	valid = dir->ops->revalidate(dir, name, inode);
	if (valid == 1)
		thread->fresh = inode;
	return valid;
}

/* A mount point in memory is looked for among the names. */
static bool needs_lock(const struct vfs_inode *dir, struct vfs_dentry *d)
{
	const struct vfs_inode *inode = vfs__dentry_inode(d);

	return !(dir->super->type->flags & VFS_FS_FREE_REVALIDATE) ||
	       (inode && VFS_READ_ONCE(inode->flags) & VFS_INODE_SYNTHETIC);
}

/* d (a reference passes), found in dir, if it is still valid; NULL: it was
 * forgotten. dir is not locked: d may go elsewhere at any time. */
static int keep_valid(struct vfs__thread *thread, struct vfs *vfs,
		      struct vfs_dentry *dir, const struct vfs_name *name,
		      struct vfs_dentry **d)
{
	struct vfs_inode *inode = dir->inode;
	bool locked;
	int valid;

	if (!*d || !(vfs__dentry_flags(*d) & VFS__DENTRY_VOLATILE))
		return 0;
	locked = needs_lock(inode, *d);
	if (locked)
		vfs__inode_lock_shared(inode);
	valid = still_valid(thread, inode, name, *d);
	if (locked)
		vfs__inode_unlock_shared(inode);
	if (valid == 1)
		return 0;
	if (!valid) {
		vfs__inode_lock(inode);
		vfs__forget_name(thread, vfs, dir, name, *d);
		vfs__inode_unlock(inode);
	}
	vfs__dentry_unref(thread, *d);
	*d = NULL;
	return valid;
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

/* d, found in dir (locked excl) and VOLATILE, if it still stands for name:
 * *d, whose reference passes, else NULL. */
static int keep_valid_locked(struct vfs__thread *thread, struct vfs *vfs,
			     struct vfs_dentry *dir,
			     const struct vfs_name *name, struct vfs_dentry **d)
{
	int valid = still_valid(thread, dir->inode, name, *d);

	if (valid == 1)
		return 0;
	if (!valid)
		vfs__forget_name(thread, vfs, dir, name, *d);
	vfs__dentry_unref(thread, *d);
	*d = NULL;
	return valid;
}

VFS_HOT
int vfs__lookup_there(struct vfs__thread *thread, struct vfs *vfs,
		      struct vfs_dentry *dir, const struct vfs_name *name,
		      struct vfs_dentry **out)
{
	struct vfs_inode *inode = dir->inode;
	struct vfs_dentry *d;
	int err;

	if (VFS_READ_ONCE(inode->flags) & VFS_INODE_DEAD)
		return -ENOENT;
	if (name->len > inode->super->name_max)
		return -ENAMETOOLONG;
	d = vfs__dcache_get_locked(thread, vfs, dir, name);
	if (d && (vfs__dentry_flags(d) & VFS__DENTRY_VOLATILE)) {
		err = keep_valid_locked(thread, vfs, dir, name, &d);
		if (err)
			return err;
	}
	if (!d && !is_complete(inode))
		return ask_backend(thread, vfs, dir, name, out);
	*out = d;
	return 0;
}

VFS_HOT
int vfs__lookup_one(struct vfs__thread *thread, struct vfs *vfs,
		    struct vfs_dentry *dir, const struct vfs_name *name,
		    struct vfs_dentry **out)
{
	struct vfs_dentry *d = NULL, *spare = NULL;
	bool likely = thread->made_in == dir;
	int err;

	/* while what is looked at is on its way from memory */
	if (likely && is_complete(dir->inode) && name->len <= VFS__NAME_INLINE)
		spare = vfs__dentry_alloc(thread, dir, name);
	err = vfs__lookup_there(thread, vfs, dir, name, &d);
	if (likely && (err || (d && d->inode)))
		thread->made_in = NULL;
	if (!err && !d) {
		d = spare ? spare : vfs__dentry_alloc(thread, dir, name);
		spare = NULL;
		if (!d)
			err = -ENOMEM;
	}
	vfs__dentry_unref(thread, spare);
	*out = d;
	return err;
}

void vfs__lookup_expect(struct vfs__thread *thread, struct vfs *vfs,
			const char *path)
{
	size_t len = vfs__path_length(path);
	const char *slash = memrchr(path, '/', len);
	const char *name = slash ? slash + 1 : path;
	uint32_t hash;

	vfs__component_scan(vfs->dcache.seed, name, path + len, &hash);
	vfs__epoch_enter(thread);
	__builtin_prefetch(
		vfs__dcache_bucket(VFS_LOAD_POINTER(vfs->dcache.table),
				   vfs__dcache_hash(thread->made_in, hash)));
	vfs__epoch_leave(thread);
}

int vfs__child_slow(struct vfs__thread *thread, struct vfs *vfs,
		    struct vfs_dentry *dir, const struct vfs_name *name,
		    struct vfs_dentry **out)
{
	struct vfs_inode *inode = vfs__dentry_inode(dir);
	struct vfs_dentry *d;
	int err;

	if (name->len > inode->super->name_max)
		return too_long(inode);
	d = vfs__dcache_get(thread, vfs, dir, name);
	err = keep_valid(thread, vfs, dir, name, &d);
	if (!err && !d && !is_complete(inode)) {
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
