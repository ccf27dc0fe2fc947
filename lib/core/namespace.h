/* SPDX-License-Identifier: MIT */
/*
 * Mount namespaces: a tree of mounts and who sees it.
 *
 * Life. Counted by tasks and by open files and mounts that name it; with the
 * last reference its whole tree is taken apart. An anonymous one belongs to a
 * tree that is nowhere yet (open_tree, fsmount): no task is in it.
 */
#ifndef VFS__NAMESPACE_H
#define VFS__NAMESPACE_H

#include "core/instance.h"

struct vfs_task;

struct vfs__namespace {
	struct vfs *vfs;
	uint64_t id;  /* constant; the inode's number in nsfs */
	uint32_t ref; /* atomic */
	bool anonymous;
	uint64_t origin; /* of an anonymous one: who may use it; 0: all */
	struct vfs_dentry *file;  /* in nsfs, uncounted: zombie_lock */
	struct vfs_userns *owner; /* constant, counted; NULL: the root */
	struct vfs_mount *root;	  /* mounts.lock; constant but for pivot_root */
	struct vfs__list mounts;  /* of ns_link: mounts.lock */
	struct vfs__list link;	  /* mounts.namespaces: zombie_lock */
	uint64_t count, pending;  /* mounts, and those being made: lock */
};

/* Whether what comes from `from` into ns comes into other hands. */
static inline bool vfs__namespace_foreign(const struct vfs__namespace *ns,
					  const struct vfs__namespace *from)
{
	return ns->owner != from->owner;
}

/* - Room for n more mounts, until `pending` is 0 again. 0, -ENOSPC. Lock. */
static inline int vfs__namespace_reserve(struct vfs__namespace *ns, uint64_t n)
{
	if (ns->count + ns->pending + n > ns->vfs->mounts.max)
		return -ENOSPC;
	ns->pending += n;
	return 0;
}

/* - One without a mount, with one reference. NULL: out of memory. */
struct vfs__namespace *vfs__namespace_create(struct vfs__thread *thread,
					     struct vfs *vfs, bool anonymous);
/* - To a new one, once: NULL is the root user namespace, too. */
void vfs__namespace_own(struct vfs__namespace *ns, struct vfs_userns *owner);
struct vfs__namespace *vfs__namespace_ref(struct vfs__namespace *ns);
/* - With the last one the tree goes: no lock held, not inside a section. */
void vfs__namespace_unref(struct vfs__thread *thread,
			  struct vfs__namespace *ns);
/* - The same where no lock may be taken: vfs__namespaces_collect does the rest,
 *   where vfs__namespace_unref may be called. */
void vfs__namespace_unref_later(struct vfs__namespace *ns);
/* - A file that held ns (or an inode of nsfs; NULL) is closed. */
void vfs__namespace_release(struct vfs__thread *thread, struct vfs *vfs,
			    struct vfs__namespace *ns);
void vfs__namespaces_collect(struct vfs__thread *thread, struct vfs *vfs);
/* - A copy of old's tree for owner; paths, referenced, go from the old tree to
 *   the copy. One reference. 0, -ENOMEM. */
struct vfs__fspaths;
int vfs__namespace_copy(struct vfs__thread *thread, struct vfs__namespace *old,
			struct vfs_userns *owner, struct vfs__fspaths *paths,
			struct vfs__namespace **out);
/* - The root of its tree, with what is mounted on it; referenced. 0, -ENOENT:
 *   it was unmounted. */
int vfs__namespace_root(struct vfs__thread *thread, struct vfs__namespace *ns,
			struct vfs__path *root);
/* - mnt's tree, in no namespace, is ns's. Lock held. */
void vfs__namespace_adopt(struct vfs__namespace *ns, struct vfs_mount *mnt);

/* - The task's, with a reference. */
struct vfs__namespace *vfs__task_namespace(struct vfs__thread *thread,
					   struct vfs_task *task);

#endif
