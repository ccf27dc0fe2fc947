/* SPDX-License-Identifier: MIT */
/*
 * A task's view of the tree as a whole: unshare, setns, and what pivot_root
 * does to everybody. Contract: mount_calls.h, task.h.
 */
#include <errno.h>
#include <fcntl.h>

#include "core/cred.h"
#include "core/mount_calls.h"
#include "core/namespace.h"
#include "core/nsfs.h"
#include "core/rw.h"
#include "util/epoch.h"

/* ---- unshare ---- */

static int unshare_namespace(struct vfs__thread *thread, struct vfs_task *task,
			     struct vfs_userns *owner)
{
	struct vfs__namespace *old = vfs__task_namespace(thread, task), *ns;
	struct vfs__fspaths paths;
	int err;

	vfs__task_paths(thread, task, &paths);
	err = vfs__namespace_copy(thread, old, owner, &paths, &ns);
	vfs__namespace_unref(thread, old);
	if (!err) {
		err = vfs__task_replace_fs(thread, task, &paths);
		if (!err) {
			vfs__task_set_namespace(thread, task, ns);
			return 0;
		}
		vfs__namespace_unref(thread, ns);
	}
	vfs__path_unref(thread, &paths.root);
	vfs__path_unref(thread, &paths.cwd);
	return err;
}

static int unshare_fs(struct vfs__thread *thread, struct vfs_task *task)
{
	struct vfs__fspaths paths;
	int err;

	if (!vfs__task_shares_fs(thread, task))
		return 0;
	vfs__task_paths(thread, task, &paths);
	err = vfs__task_replace_fs(thread, task, &paths);
	if (err) {
		vfs__path_unref(thread, &paths.root);
		vfs__path_unref(thread, &paths.cwd);
	}
	return err;
}

/* As somebody else, maybe: cred is who the task is to be. */
static int unshare_as(struct vfs__thread *thread, struct vfs_task *task,
		      uint64_t flags, const struct vfs_cred *cred)
{
	int err = 0;

	if ((flags & VFS_CLONE_NEWNS) &&
	    !vfs__capable_own(cred, VFS_CAP_SYS_ADMIN))
		return -EPERM;
	/* the one that may be undone by nobody comes last */
	if (flags & VFS_CLONE_FILES)
		err = vfs__task_unshare_files(thread, task);
	if (!err && (flags & VFS_CLONE_NEWNS))
		return unshare_namespace(thread, task, cred->userns);
	if (!err && (flags & (VFS_CLONE_FS | VFS_CLONE_NEWUSER)))
		err = unshare_fs(thread, task);
	return err;
}

int vfs__unshare(struct vfs__thread *thread, struct vfs_task *task,
		 uint64_t flags)
{
	struct vfs_cred *cred;
	int err;

	if (flags & ~(uint64_t)(VFS_CLONE_FS | VFS_CLONE_FILES |
				VFS_CLONE_NEWNS | VFS_CLONE_NEWUSER))
		return -EINVAL;
	if (!(flags & VFS_CLONE_NEWUSER)) {
		cred = vfs__task_cred(thread, task);
		err = unshare_as(thread, task, flags, cred);
		vfs__task_cred_put(thread, cred);
		return err;
	}
	err = vfs__userns_unshare(thread, task, &cred);
	if (err)
		return err;
	err = unshare_as(thread, task, flags, cred);
	if (!err)
		err = vfs_task_set_cred(task, cred);
	vfs_cred_unref(cred);
	return err;
}

/* ---- setns ---- */

static int may_enter(struct vfs__thread *thread, struct vfs_task *task,
		     const struct vfs__namespace *ns)
{
	struct vfs_cred *cred = vfs__task_cred(thread, task);
	bool may = vfs__capable_in(cred, ns->owner, VFS_CAP_SYS_ADMIN) &&
		   vfs__capable_own(cred, VFS_CAP_SYS_CHROOT) &&
		   vfs__capable_own(cred, VFS_CAP_SYS_ADMIN);

	vfs__task_cred_put(thread, cred);
	if (!may)
		return -EPERM;
	/* others who share root and cwd would be in two places */
	if (ns->anonymous || vfs__task_shares_fs(thread, task))
		return -EINVAL;
	return 0;
}

static int enter(struct vfs__thread *thread, struct vfs_task *task,
		 struct vfs__namespace *ns)
{
	struct vfs__fspaths paths;
	int err = may_enter(thread, task, ns);

	if (!err)
		err = vfs__namespace_root(thread, ns, &paths.root);
	if (err)
		return err;
	paths.cwd = paths.root;
	vfs__path_ref(thread, &paths.cwd);
	err = vfs__task_set_paths(thread, task, &paths);
	if (err) {
		vfs__path_unref(thread, &paths.root);
		vfs__path_unref(thread, &paths.cwd);
		return err;
	}
	vfs__task_set_namespace(thread, task, vfs__namespace_ref(ns));
	return 0;
}

static int enter_user(struct vfs__thread *thread, struct vfs_task *task,
		      struct vfs_userns *userns)
{
	struct vfs_cred *cred = vfs__task_cred(thread, task), *as;
	int err;

	if (userns == cred->userns || vfs__task_shares_fs(thread, task))
		err = -EINVAL;
	else if (!vfs__capable_in(cred, userns, VFS_CAP_SYS_ADMIN))
		err = -EPERM;
	else
		err = vfs__cred_in_userns(cred, userns, &as);
	vfs__task_cred_put(thread, cred);
	if (err)
		return err;
	err = vfs_task_set_cred(task, as);
	vfs_cred_unref(as);
	return err;
}

int vfs__setns(struct vfs__thread *thread, struct vfs_task *task, int fd,
	       int type)
{
	struct vfs_file *file = vfs__fd_get_io(thread, task, fd);
	struct vfs__namespace *ns;
	struct vfs_userns *userns;
	int err = -EINVAL;

	if (!file)
		return -EBADF;
	ns = vfs__nsfs_namespace(file->inode);
	userns = vfs__nsfs_userns(file->inode);
	if (ns && (!type || type == VFS_CLONE_NEWNS))
		err = enter(thread, task, ns);
	else if (userns && (!type || type == VFS_CLONE_NEWUSER))
		err = enter_user(thread, task, userns);
	vfs__file_unref(thread, file);
	return err;
}

/* What stands for target's namespace of that type. */
static int namespace_path(struct vfs__thread *thread, struct vfs_task *target,
			  int type, struct vfs__path *out)
{
	struct vfs__namespace *ns;
	struct vfs_cred *cred;
	int err;

	if (type == VFS_CLONE_NEWUSER) {
		cred = vfs__task_cred(thread, target);
		err = vfs__nsfs_user_path(thread, cred->userns, out);
		vfs__task_cred_put(thread, cred);
		return err;
	}
	ns = vfs__task_namespace(thread, target);
	err = vfs__nsfs_path(thread, ns, out);
	vfs__namespace_unref(thread, ns);
	return err;
}

int vfs__open_namespace(struct vfs__thread *thread, struct vfs_task *task,
			struct vfs_task *target, int type, int flags)
{
	struct vfs__path path;
	struct vfs_file *file;
	struct vfs_cred *cred;
	int err;

	if ((type != VFS_CLONE_NEWNS && type != VFS_CLONE_NEWUSER) ||
	    (flags & ~O_CLOEXEC) || target->vfs != task->vfs)
		return -EINVAL;
	err = namespace_path(thread, target, type, &path);
	if (err)
		return err;
	cred = vfs__task_cred(thread, task);
	file = vfs__file_alloc(thread, task->vfs, &path, cred,
			       O_RDONLY | VFS__O_LARGEFILE,
			       VFS__FILE_READ | VFS__FILE_TREE);
	vfs__task_cred_put(thread, cred);
	if (!file) {
		vfs__path_unref(thread, &path);
		vfs__mounts_collect(thread, task->vfs);
		return -ENOMEM;
	}
	err = vfs__fd_install(thread, task, file, 0, flags & O_CLOEXEC);
	if (err < 0)
		vfs__file_unref(thread, file);
	return err;
}

/* ---- what pivot_root does to everybody ---- */

static void drop_spare(struct vfs__thread *thread, struct vfs__moved *moved)
{
	struct vfs__fspaths *paths;

	while ((paths = moved->spare)) {
		moved->spare = paths->next;
		vfs__mem_free(thread, paths, sizeof(*paths));
	}
}

int vfs__moved_prepare(struct vfs__thread *thread, struct vfs *vfs,
		       struct vfs__moved *moved)
{
	moved->spare = NULL;
	vfs__mutex_lock(&vfs->views_lock, VFS__RANK_TASKS);
	for (struct vfs__list *at = vfs->views.next; at != &vfs->views;
	     at = at->next) {
		struct vfs__fspaths *paths =
			vfs__mem_alloc(thread, sizeof(*paths));

		if (!paths) {
			vfs__mutex_unlock(&vfs->views_lock, VFS__RANK_TASKS);
			drop_spare(thread, moved);
			return -ENOMEM;
		}
		paths->next = moved->spare;
		moved->spare = paths;
	}
	return 0;
}

static bool replace(struct vfs__thread *thread, struct vfs__path *path,
		    const struct vfs__path *old,
		    const struct vfs__path *new_root)
{
	if (path->mnt != old->mnt || path->dentry != old->dentry)
		return false;
	*path = *new_root;
	vfs__path_ref(thread, path);
	return true;
}

static void move_view(struct vfs__thread *thread, struct vfs__fs *fs,
		      struct vfs__moved *moved, const struct vfs__path *old,
		      const struct vfs__path *new_root)
{
	struct vfs__fspaths *paths = moved->spare, *before;
	bool root, cwd;

	moved->spare = paths->next;
	vfs__mutex_lock(&fs->lock, VFS__RANK_LEAF);
	before = fs->paths;
	*paths = *before;
	root = replace(thread, &paths->root, old, new_root);
	cwd = replace(thread, &paths->cwd, old, new_root);
	if (root || cwd)
		VFS_STORE_POINTER(fs->paths, paths);
	vfs__mutex_unlock(&fs->lock, VFS__RANK_LEAF);
	if (root)
		vfs__path_unref(thread, &before->root);
	if (cwd)
		vfs__path_unref(thread, &before->cwd);
	if (root || cwd)
		vfs__epoch_free(thread, before, sizeof(*before));
	else
		vfs__mem_free(thread, paths, sizeof(*paths));
}

void vfs__moved_finish(struct vfs__thread *thread, struct vfs *vfs,
		       struct vfs__moved *moved, const struct vfs__path *old,
		       const struct vfs__path *new_root)
{
	if (old)
		VFS__LIST_EACH (at, &vfs->views)
			move_view(thread,
				  VFS__LIST_ENTRY(at, struct vfs__fs, link),
				  moved, old, new_root);
	vfs__mutex_unlock(&vfs->views_lock, VFS__RANK_TASKS);
	drop_spare(thread, moved);
}
