/* SPDX-License-Identifier: MIT */
/*
 * Mounts and the tree they form. Contract: mount.h.
 *
 * The hash table's chains are read inside sections and changed under
 * mounts.lock; a mount is freed after a grace period.
 */
#include "core/mount.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "core/instance.h"
#include "core/userns.h"
#include "util/epoch.h"

static unsigned bucket_of(const struct vfs_mount *mnt,
			  const struct vfs_dentry *dentry)
{
	uint64_t h = ((uintptr_t)mnt >> 4 ^ (uintptr_t)dentry >> 6) *
		     UINT64_C(0x9e3779b97f4a7c15);

	return (unsigned)(h >> 58) % VFS__MOUNT_BUCKETS;
}

struct vfs_mount *vfs__mount_lookup(const struct vfs *vfs,
				    const struct vfs_mount *mnt,
				    const struct vfs_dentry *dentry)
{
	struct vfs_mount *m = __atomic_load_n(
		&vfs->mounts.buckets[bucket_of(mnt, dentry)], __ATOMIC_ACQUIRE);

	while (m && (m->parent != mnt || m->mountpoint != dentry))
		m = __atomic_load_n(&m->next, __ATOMIC_ACQUIRE);
	return m;
}

int vfs__mount_create(struct vfs__thread *thread, struct vfs *vfs,
		      struct vfs_super *super, struct vfs_dentry *root,
		      uint32_t flags, struct vfs_mount **out)
{
	struct vfs_mount *mnt = vfs__mem_alloc(thread, sizeof(*mnt));
	int err;

	if (!mnt)
		return -ENOMEM;
	memset(mnt, 0, sizeof(*mnt));
	err = vfs__refs_init(&mnt->refs, vfs->domain);
	if (err) {
		vfs__mem_free(thread, mnt, sizeof(*mnt));
		return err;
	}
	mnt->vfs = vfs;
	mnt->super = super;
	mnt->root = root;
	mnt->parent = mnt;
	mnt->flags = flags;
	mnt->id = __atomic_add_fetch(&vfs->next_mount, 1, __ATOMIC_RELAXED);
	*out = mnt;
	return 0;
}

int vfs__mount_attach(struct vfs__thread *thread, struct vfs *vfs,
		      struct vfs_mount *mnt, const struct vfs__path *at)
{
	struct vfs_mount **bucket =
		&vfs->mounts.buckets[bucket_of(at->mnt, at->dentry)];

	if (vfs__inode_is_dir(mnt->root->inode) !=
	    vfs__inode_is_dir(at->dentry->inode))
		return -ENOTDIR;
	vfs__mutex_lock(&vfs->mounts.lock, VFS__RANK_NAMESPACE);
	vfs__path_ref(thread, at);
	mnt->parent = at->mnt;
	mnt->mountpoint = at->dentry;
	mnt->next = *bucket;
	__atomic_store_n(bucket, mnt, __ATOMIC_RELEASE);
	vfs__dentry_set(at->dentry, VFS__DENTRY_MOUNTED);
	vfs__mutex_unlock(&vfs->mounts.lock, VFS__RANK_NAMESPACE);
	return 0;
}

/* Whether anything is still mounted on dentry, by any mount. Lock held. */
static bool still_mounted(const struct vfs *vfs,
			  const struct vfs_dentry *dentry)
{
	for (unsigned i = 0; i < VFS__MOUNT_BUCKETS; i++)
		for (const struct vfs_mount *m = vfs->mounts.buckets[i]; m;
		     m = m->next)
			if (m->mountpoint == dentry)
				return true;
	return false;
}

void vfs__mount_detach(struct vfs__thread *thread, struct vfs *vfs,
		       struct vfs_mount *mnt)
{
	struct vfs__path at = {mnt->parent, mnt->mountpoint};
	struct vfs_mount **link =
		&vfs->mounts.buckets[bucket_of(at.mnt, at.dentry)];

	vfs__mutex_lock(&vfs->mounts.lock, VFS__RANK_NAMESPACE);
	while (*link != mnt)
		link = &(*link)->next;
	__atomic_store_n(link, mnt->next, __ATOMIC_RELEASE);
	if (!still_mounted(vfs, at.dentry))
		vfs__dentry_clear(at.dentry, VFS__DENTRY_MOUNTED);
	vfs__mutex_unlock(&vfs->mounts.lock, VFS__RANK_NAMESPACE);
	/* walkers that have just found mnt must be gone before it changes */
	vfs__epoch_synchronize(thread);
	mnt->parent = mnt;
	mnt->mountpoint = NULL;
	vfs__path_unref(thread, &at);
}

int vfs__mount_set_idmap(struct vfs_mount *mnt, struct vfs_userns *ns)
{
	struct vfs_userns *none = NULL;

	vfs_userns_ref(ns);
	if (__atomic_compare_exchange_n(&mnt->idmap, &none, ns, false,
					__ATOMIC_RELEASE, __ATOMIC_RELAXED))
		return 0;
	vfs_userns_unref(ns);
	return -EPERM;
}

static void mount_free(struct vfs *vfs, void *pointer, size_t size)
{
	struct vfs_mount *mnt = pointer;

	vfs_userns_unref(mnt->idmap);
	vfs__refs_fini(&mnt->refs, vfs->domain);
	vfs__mem_free(vfs__self(vfs), mnt, size);
}

void vfs__mount_destroy(struct vfs__thread *thread, struct vfs *vfs,
			struct vfs_mount *mnt)
{
	(void)vfs;
	assert(mnt->parent == mnt);
	vfs__dentry_unref(thread, mnt->root);
	vfs__super_destroy(thread, mnt->super);
	vfs__epoch_retire(thread, mount_free, mnt, sizeof(*mnt));
}
