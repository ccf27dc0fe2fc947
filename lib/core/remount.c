/* SPDX-License-Identifier: MIT */
/*
 * Changing mounts and supers that are there: flags, options, read-only.
 * Contract: mount_calls.h.
 *
 * Becoming read-only. Who wants to write adds to its thread's counter and then
 * looks at the flags; who makes read-only sets HOLD, waits until every
 * processor has seen it, and sums. A writer that meets HOLD steps back and
 * waits for the end of it, so that nobody is refused in vain.
 */
#include <errno.h>
#include <linux/mount.h>

#include "core/mount_calls.h"
#include "core/namespace.h"
#include "util/barrier.h"

#define SETTABLE                                              \
	(VFS__MNT_RDONLY | VFS__MNT_NOSUID | VFS__MNT_NODEV | \
	 VFS__MNT_NOEXEC | VFS__MNT_ATIME | VFS__MNT_NOSYMFOLLOW)
#define ATIME_FLAGS                                               \
	(UINT64_C(0) | MS_NOATIME | MS_NODIRATIME | MS_RELATIME | \
	 MS_STRICTATIME)
/* what a remount may change of a super */
#define REMOUNT_MASK (UINT64_C(0) | MS_RDONLY | MS_SYNCHRONOUS | MS_LAZYTIME)

/* ---- writers ---- */

int vfs__writers_hold(struct vfs_mount *mnt)
{
	__atomic_fetch_or(&mnt->flags, VFS__MNT_HOLD, __ATOMIC_SEQ_CST);
	vfs__barrier_force();
	return vfs__refs_sum(&mnt->refs, VFS__REFS_WRITERS) > 0 ? -EBUSY : 0;
}

void vfs__writers_release(struct vfs_mount *mnt, bool readonly)
{
	if (readonly)
		__atomic_fetch_or(&mnt->flags, VFS__MNT_RDONLY,
				  __ATOMIC_SEQ_CST);
	__atomic_fetch_and(&mnt->flags, ~VFS__MNT_HOLD, __ATOMIC_SEQ_CST);
}

/* ---- one mount ---- */

bool vfs__may_change_flags(const struct vfs_mount *mnt, uint32_t flags)
{
	static const struct {
		uint32_t lock, flag;
	} table[] = {
		{VFS__MNT_LOCK_READONLY, VFS__MNT_RDONLY},
		{VFS__MNT_LOCK_NODEV, VFS__MNT_NODEV},
		{VFS__MNT_LOCK_NOSUID, VFS__MNT_NOSUID},
		{VFS__MNT_LOCK_NOEXEC, VFS__MNT_NOEXEC},
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		if ((vfs__mount_flags(mnt) & table[i].lock) &&
		    !(flags & table[i].flag))
			return false;
	return !(vfs__mount_flags(mnt) & VFS__MNT_LOCK_ATIME) ||
	       ((vfs__mount_flags(mnt) ^ flags) & VFS__MNT_ATIME) == 0;
}

int vfs__remount_mount(struct vfs_mount *mnt, uint32_t flags)
{
	int err = 0;

	if (!vfs__may_change_flags(mnt, flags))
		return -EPERM;
	if ((flags & VFS__MNT_RDONLY) &&
	    !(vfs__mount_flags(mnt) & VFS__MNT_RDONLY)) {
		err = vfs__writers_hold(mnt);
		vfs__writers_release(mnt, !err);
	}
	if (!err)
		vfs__mount_set_flags(mnt, SETTABLE, flags);
	return err;
}

/* Without a word about atime it stays as it is. */
static uint32_t attributes_of(const struct vfs_mount *mnt, uint64_t flags)
{
	uint32_t wanted = vfs__mount_attributes(flags);

	if (!(flags & ATIME_FLAGS))
		wanted = (wanted & ~VFS__MNT_ATIME) |
			 (vfs__mount_flags(mnt) & VFS__MNT_ATIME);
	return wanted;
}

int vfs__remount_bind(struct vfs_task *task, const struct vfs__path *path,
		      uint64_t flags)
{
	struct vfs_mount *mnt = path->mnt;
	int err = -EINVAL;

	vfs__tree_lock(task->vfs);
	if (vfs__in_own_namespace(task, mnt) && vfs__path_is_mount(path))
		err = vfs__remount_mount(mnt, attributes_of(mnt, flags));
	vfs__tree_unlock(task->vfs);
	return err;
}

/* ---- a super ---- */

#define MOUNT(at) VFS__LIST_ENTRY(at, struct vfs_mount, super_link)

uint64_t vfs__super_flags(uint64_t flags)
{
	return (flags & MS_RDONLY ? VFS_SUPER_RDONLY : 0) |
	       (flags & MS_SYNCHRONOUS ? VFS_SUPER_SYNCHRONOUS : 0) |
	       (flags & MS_DIRSYNC ? VFS_SUPER_DIRSYNC : 0) |
	       (flags & MS_LAZYTIME ? VFS_SUPER_LAZYTIME : 0);
}

/* Holds the writers of every mount of super, also of those that are made
 * meanwhile, until release_all. Super locked. */
static int hold_all(struct vfs_super *super)
{
	int err = 0;

	vfs__mutex_lock(&super->vfs->mounts.super_lock, VFS__RANK_LEAF);
	VFS_WRITE_ONCE(super->flags, super->flags | VFS__SUPER_HELD);
	VFS__LIST_EACH (at, vfs__super_mounts(super))
		__atomic_fetch_or(&MOUNT(at)->flags, VFS__MNT_HOLD_ALL,
				  __ATOMIC_SEQ_CST);
	vfs__barrier_force();
	VFS__LIST_EACH (at, vfs__super_mounts(super))
		if (vfs__refs_sum(&MOUNT(at)->refs, VFS__REFS_WRITERS) > 0)
			err = -EBUSY;
	vfs__mutex_unlock(&super->vfs->mounts.super_lock, VFS__RANK_LEAF);
	return err;
}

static void release_all(struct vfs_super *super)
{
	vfs__mutex_lock(&super->vfs->mounts.super_lock, VFS__RANK_LEAF);
	VFS_WRITE_ONCE(super->flags, super->flags & ~VFS__SUPER_HELD);
	VFS__LIST_EACH (at, vfs__super_mounts(super))
		__atomic_fetch_and(&MOUNT(at)->flags, ~VFS__MNT_HOLD_ALL,
				   __ATOMIC_SEQ_CST);
	vfs__mutex_unlock(&super->vfs->mounts.super_lock, VFS__RANK_LEAF);
}

static int backend_reconfigure(struct vfs_super *super, const char *data,
			       uint64_t *wanted)
{
	struct vfs_mount_args args = {.size = sizeof(args), .options = data};
	const struct vfs_super_ops *ops = super->ops;

	if (ops->size <= offsetof(struct vfs_super_ops, reconfigure) ||
	    !ops->reconfigure)
		return 0;
	return ops->reconfigure(super, &args, wanted);
}

int vfs__super_reconfigure(struct vfs_super *super, uint64_t flags,
			   uint64_t mask, const char *data)
{
	uint64_t wanted;
	bool hold;
	int err = 0;

	vfs__super_lock(super);
	wanted = (super->flags & ~vfs__super_flags(mask)) |
		 vfs__super_flags(flags & mask);
	hold = (wanted & VFS_SUPER_RDONLY) &&
	       !(super->flags & VFS_SUPER_RDONLY);
	if (hold)
		err = hold_all(super);
	if (!err)
		err = backend_reconfigure(super, data, &wanted);
	if (!err)
		VFS_WRITE_ONCE(super->flags, wanted);
	if (hold)
		release_all(super);
	vfs__super_unlock(super);
	return err;
}

/* What is wrong with data is told before that it is nothing for the task. */
static int may_reconfigure(struct vfs__thread *thread, struct vfs_task *task,
			   const struct vfs_super *super, const char *data)
{
	struct vfs_mount_args args = {.size = sizeof(args), .options = data};
	int err = 0;

	if (vfs__may_administer(thread, task, super->userns))
		return 0;
	args.userns = vfs_task_userns(task);
	if (super->type->check_options)
		err = super->type->check_options(task->vfs, &args);
	vfs_userns_unref(args.userns);
	return err ? err : -EPERM;
}

int vfs__remount(struct vfs__thread *thread, struct vfs_task *task,
		 const struct vfs__path *path, uint64_t flags, const char *data)
{
	struct vfs_mount *mnt = path->mnt;
	uint32_t wanted = attributes_of(mnt, flags);
	int err = 0;

	vfs__tree_lock(task->vfs);
	if (!vfs__in_own_namespace(task, mnt) || !vfs__path_is_mount(path))
		err = -EINVAL;
	else if (!vfs__may_change_flags(mnt, wanted))
		err = -EPERM;
	vfs__tree_unlock(task->vfs);
	if (!err)
		err = may_reconfigure(thread, task, mnt->super, data);
	if (!err)
		err = vfs__super_reconfigure(mnt->super, flags, REMOUNT_MASK,
					     data);
	if (err)
		return err;
	vfs__tree_lock(task->vfs);
	vfs__mount_set_flags(mnt, SETTABLE, wanted);
	vfs__tree_unlock(task->vfs);
	return 0;
}
