/* SPDX-License-Identifier: MIT */
/*
 * Mount namespaces: making, copying, ending, and a task's. Contract:
 * namespace.h.
 *
 * A namespace's memory outlives the sections in which a task's pointer to it
 * was read. References may be given back where no lock may be taken (an inode
 * of nsfs is evicted under its lock): such a namespace waits in a list.
 */
#include "core/namespace.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "core/mount_tree.h"
#include "core/task.h"
#include "util/epoch.h"

struct vfs__namespace *vfs__namespace_create(struct vfs__thread *thread,
					     struct vfs *vfs, bool anonymous)
{
	struct vfs__namespace *ns = vfs__mem_alloc(thread, sizeof(*ns));

	if (!ns)
		return NULL;
	memset(ns, 0, sizeof(*ns));
	ns->vfs = vfs;
	ns->ref = 1;
	ns->anonymous = anonymous;
	ns->id = __atomic_add_fetch(&vfs->mounts.next_ns, 1, __ATOMIC_RELAXED);
	vfs__list_init(&ns->mounts);
	vfs__list_init(&ns->link);
	return ns;
}

void vfs__namespace_own(struct vfs__namespace *ns, struct vfs_userns *owner)
{
	ns->owner =
		owner == ns->vfs->root_userns ? NULL : vfs_userns_ref(owner);
}

struct vfs__namespace *vfs__namespace_ref(struct vfs__namespace *ns)
{
	__atomic_fetch_add(&ns->ref, 1, __ATOMIC_RELAXED);
	return ns;
}

static void destroy(struct vfs__thread *thread, struct vfs__namespace *ns)
{
	struct vfs *vfs = ns->vfs;
	struct vfs__list out;

	vfs__list_init(&out);
	vfs__tree_lock(vfs);
	if (ns->root)
		vfs__tree_umount(thread, ns->root,
				 ns->anonymous ? VFS__UMOUNT_CONNECTED : 0,
				 &out);
	assert(vfs__list_empty(&ns->mounts));
	vfs__tree_unlock(vfs);
	vfs__mounts_release(thread, vfs, &out);
	vfs_userns_unref(ns->owner);
	vfs__epoch_free(thread, ns, sizeof(*ns));
}

void vfs__namespace_unref(struct vfs__thread *thread, struct vfs__namespace *ns)
{
	if (ns && !__atomic_sub_fetch(&ns->ref, 1, __ATOMIC_ACQ_REL))
		destroy(thread, ns);
}

void vfs__namespace_unref_later(struct vfs__namespace *ns)
{
	struct vfs__mounts *mounts = &ns->vfs->mounts;

	if (__atomic_sub_fetch(&ns->ref, 1, __ATOMIC_ACQ_REL))
		return;
	vfs__mutex_lock(&mounts->zombie_lock, VFS__RANK_LEAF);
	vfs__list_add(&mounts->namespaces, &ns->link);
	vfs__mutex_unlock(&mounts->zombie_lock, VFS__RANK_LEAF);
}

void vfs__namespace_release(struct vfs__thread *thread, struct vfs *vfs,
			    struct vfs__namespace *ns)
{
	vfs__namespace_unref(thread, ns);
	vfs__namespaces_collect(thread, vfs);
}

void vfs__namespaces_collect(struct vfs__thread *thread, struct vfs *vfs)
{
	struct vfs__mounts *mounts = &vfs->mounts;
	struct vfs__namespace *ns;

	do {
		ns = NULL;
		vfs__mutex_lock(&mounts->zombie_lock, VFS__RANK_LEAF);
		if (!vfs__list_empty(&mounts->namespaces)) {
			ns = VFS__LIST_FIRST(&mounts->namespaces,
					     struct vfs__namespace, link);
			vfs__list_del(&ns->link);
		}
		vfs__mutex_unlock(&mounts->zombie_lock, VFS__RANK_LEAF);
		if (ns)
			destroy(thread, ns);
	} while (ns);
}

/* By number: in the order in which they were made. */
static void insert_sorted(struct vfs__namespace *ns, struct vfs_mount *mnt)
{
	struct vfs__list *at = ns->mounts.prev;

	while (at != &ns->mounts &&
	       VFS__LIST_ENTRY(at, struct vfs_mount, ns_link)->id > mnt->id)
		at = at->prev;
	vfs__list_add(at->next, &mnt->ns_link);
}

void vfs__namespace_adopt(struct vfs__namespace *ns, struct vfs_mount *mnt)
{
	for (struct vfs_mount *m = mnt; m; m = vfs__tree_next(m, mnt)) {
		if (m->ns) {
			m->ns->count--;
			if (m->ns->root == m)
				m->ns->root = NULL;
			vfs__list_del(&m->ns_link);
		}
		VFS_WRITE_ONCE(m->ns, ns);
		insert_sorted(ns, m);
		ns->count++;
	}
}

/* ---- copies ---- */

/* What the copy of the tree has in place of a mount of the old one. */
static void translate(struct vfs__thread *thread,
		      const struct vfs__namespace *old, struct vfs__path *path)
{
	struct vfs_mount *twin = path->mnt->ns == old ? path->mnt->twin : NULL;

	if (!twin)
		return;
	vfs__mount_ref(thread, twin);
	vfs__mount_unref(thread, path->mnt);
	path->mnt = twin;
}

int vfs__namespace_copy(struct vfs__thread *thread, struct vfs__namespace *old,
			struct vfs_userns *owner, struct vfs__fspaths *paths,
			struct vfs__namespace **out)
{
	struct vfs *vfs = old->vfs;
	struct vfs__namespace *ns = vfs__namespace_create(thread, vfs, false);
	uint32_t how = VFS__COPY_UNBINDABLE;
	struct vfs_mount *root;
	int err;

	if (!ns)
		return -ENOMEM;
	vfs__namespace_own(ns, owner);
	if (vfs__namespace_foreign(ns, old))
		how |= VFS__COPY_SLAVE | VFS__COPY_LOCKED;
	vfs__tree_lock(vfs);
	err = old->root ? vfs__tree_copy(thread, old->root, old->root->root,
					 how, &root)
			: -EINVAL;
	if (!err) {
		vfs__namespace_adopt(ns, root);
		ns->root = root;
		translate(thread, old, &paths->root);
		translate(thread, old, &paths->cwd);
		vfs__mounts_grow(thread, vfs);
	}
	vfs__tree_unlock(vfs);
	if (err) {
		vfs__namespace_unref(thread, ns);
		return err;
	}
	*out = ns;
	return 0;
}

int vfs__namespace_root(struct vfs__thread *thread, struct vfs__namespace *ns,
			struct vfs__path *root)
{
	vfs__tree_lock(ns->vfs);
	root->mnt = ns->root;
	if (ns->root) {
		root->dentry = ns->root->root;
		vfs__path_ref(thread, root);
	}
	vfs__tree_unlock(ns->vfs);
	if (!root->mnt)
		return -ENOENT;
	while (vfs__mount_down(thread, ns->vfs, root))
		;
	return 0;
}

struct vfs__namespace *vfs__task_namespace(struct vfs__thread *thread,
					   struct vfs_task *task)
{
	struct vfs__namespace *ns;
	uint32_t ref;

	vfs__epoch_enter(thread);
	do {
		ns = VFS_LOAD_POINTER(task->ns);
		ref = VFS_READ_ONCE(ns->ref);
	} while (!ref || !__atomic_compare_exchange_n(&ns->ref, &ref, ref + 1,
						      true, __ATOMIC_ACQUIRE,
						      __ATOMIC_RELAXED));
	vfs__epoch_leave(thread);
	return ns;
}
