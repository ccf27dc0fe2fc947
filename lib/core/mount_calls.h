/* SPDX-License-Identifier: MIT */
/*
 * The calls that change trees of mounts, as mount(2), umount2(2),
 * pivot_root(2), unshare(2) and setns(2) have them.
 */
#ifndef VFS__MOUNT_CALLS_H
#define VFS__MOUNT_CALLS_H

#include "core/mount_tree.h"
#include "core/task.h"

/* - Whether the task has CAP_SYS_ADMIN in userns (NULL: the root's). */
bool vfs__may_administer(struct vfs__thread *thread, struct vfs_task *task,
			 const struct vfs_userns *userns);
/* - May cred make a file system of type that userns (NULL: the root) owns? */
bool vfs__may_make(const struct vfs_cred *cred,
		   const struct vfs_filesystem_type *type,
		   const struct vfs_userns *userns);
/* - May the task change its mount namespace? The one place that decides. */
bool vfs__may_mount(struct vfs__thread *thread, struct vfs_task *task);
/* - The same for namespace ns, be it the task's or not. */
bool vfs__may_mount_in(struct vfs__thread *thread, struct vfs_task *task,
		       const struct vfs__namespace *ns);

int vfs__mount(struct vfs__thread *thread, struct vfs_task *task,
	       const char *source, const char *target, const char *type,
	       uint64_t flags, const char *data);
/* - The same for a new mount of a type that need not be registered. */
int vfs__mount_type(struct vfs__thread *thread, struct vfs_task *task,
		    const struct vfs_filesystem_type *type, const char *source,
		    const char *target, uint64_t flags, const char *data);
int vfs__umount(struct vfs__thread *thread, struct vfs_task *task,
		const char *target, int flags);
int vfs__pivot_root(struct vfs__thread *thread, struct vfs_task *task,
		    const char *new_root, const char *put_old);
int vfs__unshare(struct vfs__thread *thread, struct vfs_task *task,
		 uint64_t flags);
int vfs__setns(struct vfs__thread *thread, struct vfs_task *task, int fd,
	       int type);
/* - A descriptor of task's for the mount namespace that target is in. */
int vfs__open_namespace(struct vfs__thread *thread, struct vfs_task *task,
			struct vfs_task *target, int type, int flags);

/* -- shared among the calls; mounts.lock held where no task is passed -- */

/* Is mnt in the task's namespace? */
static inline bool vfs__in_own_namespace(struct vfs_task *task,
					 const struct vfs_mount *mnt)
{
	return mnt->ns && mnt->ns == VFS_READ_ONCE(task->ns);
}

/* Is path where its mount begins? */
static inline bool vfs__path_is_mount(const struct vfs__path *path)
{
	return path->dentry == path->mnt->root;
}

/*
 * - beneath: the place that is kept is the one that this mount is on.
 * - Takes the lock and goes to the topmost mount on *at, which stays
 *   referenced, and keeps its file from being removed until something is
 *   mounted there: 0 or -ENOENT (removed or unmounted already, lock not
 *   held).
 */
int vfs__attach_lock(struct vfs__thread *thread, struct vfs_task *task,
		     struct vfs__path *at, bool beneath);
/* - Gives it back. */
void vfs__attach_unlock(struct vfs__thread *thread, struct vfs_task *task,
			struct vfs__path *at, struct vfs__list *out);
/* - Attaches where vfs__attach_lock went: those of vfs__tree_attach, -ENOTDIR
 *   a directory on another file or the reverse. */
int vfs__attach_new(struct vfs__thread *thread, struct vfs_mount *mnt,
		    const struct vfs__path *at, struct vfs__list *out);
/* - A copy of the mounts at `from`, as bind has them: 0, -ENOMEM, -EINVAL. */
int vfs__bind_copy(struct vfs__thread *thread, struct vfs_task *task,
		   const struct vfs__path *from, bool recursive,
		   struct vfs_mount **out);
/* - Moves what is mounted at `from`, or is a detached tree, to `to`, which
 *   vfs__attach_lock went to. */
int vfs__move_locked(struct vfs__thread *thread, struct vfs_task *task,
		     const struct vfs__path *from, const struct vfs__path *to,
		     struct vfs__list *out);
/* - The same beneath the mount that vfs__attach_lock found at `to`. */
int vfs__move_beneath(struct vfs__thread *thread, struct vfs_task *task,
		      const struct vfs__path *from, const struct vfs__path *to,
		      struct vfs__list *out);
/* - Propagation of path's mount: flags as mount(2) has them. Takes the lock. */
int vfs__change_type(struct vfs__thread *thread, struct vfs_task *task,
		     const struct vfs__path *path, uint64_t flags);
/* - VFS__MNT_* that mount(2)'s flags ask for, atime's default included. */
uint32_t vfs__mount_attributes(uint64_t flags);
/* - A mount of a new super: 0, the type's errors. */
int vfs__mount_make(struct vfs__thread *thread, struct vfs_task *task,
		    const struct vfs_filesystem_type *type, const char *source,
		    uint64_t flags, const char *data, struct vfs_mount **out);

/* -- remount.c -- */

/* - mnt's flags, of those that are settable: 0, -EPERM (locked), -EBUSY. The
 *   lock is held. */
int vfs__remount_mount(struct vfs_mount *mnt, uint32_t flags);
/* - Whether the flags may be what is asked for, those being locked. */
bool vfs__may_change_flags(const struct vfs_mount *mnt, uint32_t flags);
/* - Nobody writes through mnt from now on until _release, or -EBUSY. */
int vfs__writers_hold(struct vfs_mount *mnt);
void vfs__writers_release(struct vfs_mount *mnt, bool readonly);
int vfs__remount(struct vfs__thread *thread, struct vfs_task *task,
		 const struct vfs__path *path, uint64_t flags,
		 const char *data);
int vfs__remount_bind(struct vfs_task *task, const struct vfs__path *path,
		      uint64_t flags);
/* - VFS_SUPER_* for MS_*; others are nothing to a super. */
uint64_t vfs__super_flags(uint64_t flags);
/* - Changes super: flags (MS_*) of mask, and data. */
int vfs__super_reconfigure(struct vfs_super *super, uint64_t flags,
			   uint64_t mask, const char *data);

#endif
