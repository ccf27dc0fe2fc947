/* SPDX-License-Identifier: MIT */
/*
 * umount2(2). Contract: mount_calls.h.
 *
 * Whether a mount is used is asked inside the name cache's rename sequence,
 * after a grace period: walks without locks that had come upon the mount have
 * taken their reference by then, and later ones start anew behind the answer.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <sys/mount.h>

#include "core/mount_calls.h"
#include "core/namespace.h"
#include "core/notify.h"
#include "core/propagate.h"
#include "core/walk.h"
#include "util/barrier.h"
#include "util/epoch.h"

static bool is_task_root(struct vfs__thread *thread, struct vfs_task *task,
			 const struct vfs_mount *mnt)
{
	struct vfs__fspaths paths;
	bool is;

	vfs__task_paths(thread, task, &paths);
	is = paths.root.mnt == mnt;
	vfs__path_unref(thread, &paths.root);
	vfs__path_unref(thread, &paths.cwd);
	return is;
}

/* Lock held; mnt is referenced by the caller. False: walks begin anew until
 * vfs__tree_umount has taken it out, so that nobody comes to use it between. */
static bool is_busy(struct vfs__thread *thread, struct vfs_mount *mnt)
{
	bool busy = vfs__propagate_busy(mnt, 1);

	if (busy)
		return true;
	vfs__dcache_rename_begin(mnt->vfs);
	vfs__epoch_wait(thread);
	vfs__barrier_force();
	busy = vfs__propagate_busy(mnt, 1);
	if (busy)
		vfs__dcache_rename_end(mnt->vfs);
	return busy;
}

/* The first time it is only marked. */
static int expire(struct vfs_mount *mnt, int flags, bool root)
{
	if ((flags & (MNT_FORCE | MNT_DETACH)) || root)
		return -EINVAL;
	if (!vfs__list_empty(&mnt->children) ||
	    vfs__refs_sum(&mnt->refs, VFS__REFS_USERS) > 1)
		return -EBUSY;
	if (__atomic_exchange_n(&mnt->expiring, true, __ATOMIC_ACQ_REL))
		return 0;
	/* who comes by a path that is remembered does not see the mark */
	vfs__dcache_changed(&mnt->vfs->dcache);
	return -EAGAIN;
}

static int take_out(struct vfs__thread *thread, struct vfs_task *task,
		    struct vfs_mount *mnt, int flags, bool root)
{
	struct vfs__list out;
	int err = 0;

	vfs__list_init(&out);
	vfs__tree_lock(task->vfs);
	if (flags & MNT_EXPIRE)
		err = expire(mnt, flags, root);
	if (!err && (!mnt->ns || (vfs__mount_flags(mnt) & VFS__MNT_LOCKED)))
		err = -EINVAL;
	if (!err && (flags & MNT_DETACH))
		vfs__tree_umount(thread, mnt, VFS__UMOUNT_PROPAGATE, &out);
	else if (!err && is_busy(thread, mnt))
		err = -EBUSY;
	else if (!err)
		vfs__tree_umount(thread, mnt,
				 VFS__UMOUNT_PROPAGATE | VFS__UMOUNT_SYNC,
				 &out);
	vfs__tree_unlock(task->vfs);
	vfs__mounts_release(thread, task->vfs, &out);
	return err;
}

static int check(struct vfs__thread *thread, struct vfs_task *task,
		 const struct vfs__path *at, int flags)
{
	if (!vfs__may_mount(thread, task))
		return -EPERM;
	if (!vfs__path_is_mount(at) ||
	    VFS_READ_ONCE(at->mnt->ns) != VFS_READ_ONCE(task->ns) ||
	    (vfs__mount_flags(at->mnt) & VFS__MNT_LOCKED))
		return -EINVAL;
	if ((flags & MNT_FORCE) &&
	    !vfs__may_administer(thread, task, at->mnt->super->userns))
		return -EPERM;
	return 0;
}

/* A task's root is not unmounted, but made to last. */
static int settle_root(struct vfs__thread *thread, struct vfs_task *task,
		       struct vfs_super *super)
{
	if (!vfs__may_administer(thread, task, super->userns))
		return -EPERM;
	return vfs__super_reconfigure(super, MS_RDONLY, MS_RDONLY, NULL);
}

int vfs__umount(struct vfs__thread *thread, struct vfs_task *task,
		const char *target, int flags)
{
	struct vfs__path at;
	uint32_t how = VFS__WALK_FOLLOW | VFS__WALK_QUIET;
	struct vfs_mount *mnt;
	bool root;
	int err;

	if (flags & ~(MNT_FORCE | MNT_DETACH | MNT_EXPIRE | UMOUNT_NOFOLLOW))
		return -EINVAL;
	if (flags & UMOUNT_NOFOLLOW)
		how &= ~VFS__WALK_FOLLOW;
	err = vfs__path_lookup(thread, task, AT_FDCWD, target, how, &at);
	if (err)
		return err;
	/* `.` leads below what was mounted on it since */
	while (vfs__mount_down(thread, task->vfs, &at))
		;
	mnt = at.mnt;
	err = check(thread, task, &at, flags);
	root = is_task_root(thread, task, mnt);
	if (!err && root && !(flags & (MNT_DETACH | MNT_EXPIRE)))
		err = settle_root(thread, task, mnt->super);
	else if (!err)
		err = take_out(thread, task, mnt, flags, root);
	vfs__path_unref(thread, &at);
	vfs__notify_flush(thread);
	return err;
}
