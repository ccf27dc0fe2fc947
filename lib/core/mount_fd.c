/* SPDX-License-Identifier: MIT */
/* open_tree(2) and move_mount(2). Contract: mount_fd.h. */
#include "core/mount_fd.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>

#include "core/propagate.h"
#include "core/walk.h"
#include "util/epoch.h"

#ifndef AT_RECURSIVE
#define AT_RECURSIVE 0x8000
#endif
#ifndef MOVE_MOUNT_BENEATH
#define MOVE_MOUNT_BENEATH 0x00000200
#endif

int vfs__mount_fd_install(struct vfs__thread *thread, struct vfs_task *task,
			  const struct vfs__path *path,
			  struct vfs__namespace *tree, bool cloexec)
{
	struct vfs_cred *cred = vfs__task_cred(thread, task);
	uint32_t mode = VFS__FILE_PATH | (tree ? VFS__FILE_TREE : 0);
	struct vfs_file *file;
	int fd = -ENOMEM;

	if (vfs__inode_is_dir(path->dentry->inode))
		mode |= VFS__FILE_DIR;
	file = vfs__file_alloc(thread, task->vfs, path, cred, O_PATH, mode);
	vfs__task_cred_put(thread, cred);
	if (!file) {
		vfs__path_unref(thread, path);
		vfs__namespace_unref(thread, tree);
		return -ENOMEM;
	}
	file->private_data = tree;
	fd = vfs__fd_install(thread, task, file, 0, cloexec);
	if (fd < 0)
		vfs__file_unref(thread, file);
	return fd;
}

/* A namespace for a tree that is nowhere, which is as the task's own whose it
 * is; NULL: out of memory. */
static struct vfs__namespace *make_anonymous(struct vfs__thread *thread,
					     struct vfs_task *task)
{
	struct vfs__namespace *ns =
		vfs__namespace_create(thread, task->vfs, true);
	struct vfs__namespace *own;

	if (!ns)
		return NULL;
	own = vfs__task_namespace(thread, task);
	vfs__namespace_own(ns, own->owner);
	vfs__namespace_unref(thread, own);
	return ns;
}

/* The tree of path's mount is ns's. Lock held, since the tree has more than one
 * mount: who removes a place in it takes mounts there out, and has to know by
 * their namespace that they are somebody's. */
static void settle(struct vfs__thread *thread, struct vfs__namespace *ns,
		   const struct vfs__path *path, uint64_t origin)
{
	ns->origin = origin;
	vfs__namespace_adopt(ns, path->mnt);
	ns->root = path->mnt;
	vfs__path_ref(thread, path);
}

int vfs__mount_fd_detached(struct vfs__thread *thread, struct vfs_task *task,
			   struct vfs_mount *mnt, uint64_t origin, bool cloexec)
{
	return vfs__mount_fd_detached_at(thread, task, mnt, mnt->root, origin,
					 cloexec);
}

int vfs__mount_fd_detached_at(struct vfs__thread *thread, struct vfs_task *task,
			      struct vfs_mount *mnt, struct vfs_dentry *at,
			      uint64_t origin, bool cloexec)
{
	struct vfs__namespace *ns = make_anonymous(thread, task);
	struct vfs__path path = {mnt, at};
	struct vfs__list out;

	vfs__list_init(&out);
	vfs__tree_lock(task->vfs);
	if (ns)
		settle(thread, ns, &path, origin);
	else
		vfs__tree_discard(mnt, &out);
	vfs__tree_unlock(task->vfs);
	vfs__mounts_release(thread, task->vfs, &out);
	return ns ? vfs__mount_fd_install(thread, task, &path, ns, cloexec)
		  : -ENOMEM;
}

/* ---- open_tree ---- */

static int copy_tree(struct vfs__thread *thread, struct vfs_task *task,
		     const struct vfs__path *from, uint32_t flags)
{
	struct vfs__namespace *ns = make_anonymous(thread, task);
	const struct vfs__namespace *of;
	struct vfs__path path;
	int err;

	if (!ns)
		return -ENOMEM;
	vfs__tree_lock(task->vfs);
	of = from->mnt->ns;
	err = vfs__bind_copy(thread, task, from, flags & AT_RECURSIVE,
			     &path.mnt);
	if (!err) {
		path.dentry = path.mnt->root;
		settle(thread, ns, &path,
		       !of	       ? 0
		       : of->anonymous ? of->origin
				       : of->id);
	}
	vfs__tree_unlock(task->vfs);
	if (err) {
		vfs__namespace_unref(thread, ns);
		return err;
	}
	return vfs__mount_fd_install(thread, task, &path, ns,
				     flags & OPEN_TREE_CLOEXEC);
}

int vfs__open_tree(struct vfs__thread *thread, struct vfs_task *task, int dirfd,
		   const char *path, uint32_t flags)
{
	uint32_t how = 0;
	struct vfs__path at;
	int err;

	if (flags & ~(uint32_t)(AT_EMPTY_PATH | AT_NO_AUTOMOUNT | AT_RECURSIVE |
				AT_SYMLINK_NOFOLLOW | OPEN_TREE_CLONE |
				OPEN_TREE_CLOEXEC))
		return -EINVAL;
	if ((flags & AT_RECURSIVE) && !(flags & OPEN_TREE_CLONE))
		return -EINVAL;
	if ((flags & OPEN_TREE_CLONE) && !vfs__may_mount(thread, task))
		return -EPERM;
	if (!(flags & AT_SYMLINK_NOFOLLOW))
		how |= VFS__WALK_FOLLOW;
	if (flags & AT_EMPTY_PATH)
		how |= VFS__WALK_EMPTY;
	err = vfs__path_lookup(thread, task, dirfd, path, how, &at);
	if (err)
		return err;
	if (!(flags & OPEN_TREE_CLONE))
		return vfs__mount_fd_install(thread, task, &at, NULL,
					     flags & OPEN_TREE_CLOEXEC);
	err = copy_tree(thread, task, &at, flags);
	vfs__path_unref(thread, &at);
	return err;
}

/* ---- move_mount ---- */

/* to gets the peers and masters that from has. */
static int set_group(struct vfs__thread *thread, struct vfs_task *task,
		     const struct vfs__path *from, const struct vfs__path *to)
{
	struct vfs_mount *a = from->mnt, *b = to->mnt;

	if (!a->ns || !b->ns)
		return -EINVAL;
	if (!vfs__may_mount_in(thread, task, a->ns) ||
	    !vfs__may_mount_in(thread, task, b->ns))
		return -EPERM;
	if (!vfs__path_is_mount(from) || !vfs__path_is_mount(to) ||
	    a->super != b->super || b->group || b->master ||
	    (!a->group && !a->master) ||
	    !vfs__dentry_below(thread, task->vfs, b->root, a->root))
		return -EINVAL;
	if (a->group) {
		vfs__peers_join(b, a);
		vfs__mount_set_flags(b, VFS__MNT_UNBINDABLE, 0);
	}
	vfs__peers_enslave(b, a->master);
	return 0;
}

static int move(struct vfs__thread *thread, struct vfs_task *task,
		const struct vfs__path *from, struct vfs__path *to,
		uint32_t flags)
{
	struct vfs__list out;
	int err;

	if (flags & MOVE_MOUNT_SET_GROUP) {
		vfs__tree_lock(task->vfs);
		err = set_group(thread, task, from, to);
		vfs__tree_unlock(task->vfs);
		return err;
	}
	if (!vfs__path_is_mount(from) ||
	    ((flags & MOVE_MOUNT_BENEATH) && !vfs__path_is_mount(to)))
		return -EINVAL;
	vfs__list_init(&out);
	err = vfs__attach_lock(thread, task, to, flags & MOVE_MOUNT_BENEATH);
	if (!err) {
		err = flags & MOVE_MOUNT_BENEATH
			      ? vfs__move_beneath(thread, task, from, to, &out)
			      : vfs__move_locked(thread, task, from, to, &out);
		vfs__attach_unlock(thread, task, to, &out);
	}
	return err;
}

int vfs__move_mount(struct vfs__thread *thread, struct vfs_task *task,
		    int from_dirfd, const char *from_path, int to_dirfd,
		    const char *to_path, uint32_t flags)
{
	struct vfs__path from, to;
	uint32_t how = 0;
	int err;

	if (!vfs__may_mount(thread, task))
		return -EPERM;
	if (flags & ~(uint32_t)(MOVE_MOUNT__MASK | MOVE_MOUNT_BENEATH))
		return -EINVAL;
	if ((flags & MOVE_MOUNT_BENEATH) && (flags & MOVE_MOUNT_SET_GROUP))
		return -EINVAL;
	if (flags & MOVE_MOUNT_T_SYMLINKS)
		how |= VFS__WALK_FOLLOW;
	if (flags & MOVE_MOUNT_T_EMPTY_PATH)
		how |= VFS__WALK_EMPTY;
	err = vfs__path_lookup(thread, task, to_dirfd, to_path, how, &to);
	if (err)
		return err;
	how = 0;
	if (flags & MOVE_MOUNT_F_SYMLINKS)
		how |= VFS__WALK_FOLLOW;
	if (flags & MOVE_MOUNT_F_EMPTY_PATH)
		how |= VFS__WALK_EMPTY;
	err = vfs__path_lookup(thread, task, from_dirfd, from_path, how, &from);
	if (!err) {
		err = move(thread, task, &from, &to, flags);
		vfs__path_unref(thread, &from);
	}
	vfs__path_unref(thread, &to);
	return err;
}
