/* SPDX-License-Identifier: MIT */
/*
 * A task is what a process is to a file system: credentials, root, working
 * directory, umask and descriptors. Any number of threads may use one task at
 * once.
 */
#ifndef VFS_TASK_H
#define VFS_TASK_H

#include <vfs/base.h>

#ifdef __cplusplus
extern "C" {
#endif

/* For vfs_task_clone: what the two tasks share, and what is new; values as in
 * clone(2). */
#define VFS_CLONE_FS 0x00000200u    /* root, working directory, umask */
#define VFS_CLONE_FILES 0x00000400u /* the descriptor table */
#define VFS_CLONE_NEWNS 0x00020000u /* a mount namespace of its own */
/* Not to be shared but new: a user namespace below the task's, without maps
 * (vfs_userns_set_maps), in which the clone has every capability. */
#define VFS_CLONE_NEWUSER 0x10000000u

struct vfs_rlimit {
	uint64_t cur;
	uint64_t max;
};
#define VFS_RLIM_INFINITY UINT64_MAX

/*
 * cred NULL: the instance's root (ids 0, every capability). A new task has
 * root and working directory `/`, umask 022 and no descriptors; it holds a
 * reference on the instance.
 *
 * Returns 0 or: -EFAULT vfs or out is NULL; -EINVAL cred is another
 * instance's; -ENOMEM. *out gets one reference. Any thread. Since 0.1.
 */
VFS_API int vfs_task_create(struct vfs *vfs, struct vfs_cred *cred,
			    struct vfs_task **out);

/*
 * A task like this one: what flags name is shared, the rest is copied
 * (descriptors share their open files, as after fork). It is in the same mount
 * namespace, or with VFS_CLONE_NEWNS in a copy of it.
 *
 * Returns 0 or: -EFAULT a NULL; -EINVAL an unknown flag, or VFS_CLONE_NEWNS or
 * VFS_CLONE_NEWUSER with VFS_CLONE_FS; -EPERM VFS_CLONE_NEWNS without
 * CAP_SYS_ADMIN; with VFS_CLONE_NEWUSER also -EPERM the task's root is not its
 * namespace's (chroot), or its ids have no number in its own user namespace,
 * and -ENOSPC more than 33 namespaces deep; -ENOMEM.
 * Any thread. Since 0.1. See clone(2), user_namespaces(7).
 */
VFS_API int vfs_task_clone(struct vfs_task *task, uint64_t flags,
			   struct vfs_task **out);

/* One more reference; returns task. NULL gives NULL. Any thread. Since 0.1. */
VFS_API struct vfs_task *vfs_task_ref(struct vfs_task *task);

/*
 * Gives a reference back; with the last one every descriptor is closed and
 * the task's record locks are dropped. NULL is accepted. Since 0.1.
 */
VFS_API void vfs_task_unref(struct vfs_task *task);

/*
 * Changes who the task is; calls in progress finish as who they were.
 * Returns 0 or: -EFAULT a NULL; -EINVAL cred is another instance's.
 * Any thread. Since 0.1.
 */
VFS_API int vfs_task_set_cred(struct vfs_task *task, struct vfs_cred *cred);

/* The task's credentials, with a reference for the caller. NULL for NULL.
 * Any thread. Since 0.1. */
VFS_API struct vfs_cred *vfs_task_cred(struct vfs_task *task);

/* The task's instance, without a reference. NULL for NULL. Since 0.1. */
VFS_API struct vfs *vfs_task_instance(struct vfs_task *task);

/* The number that F_GETLK reports as the owner of the task's record locks;
 * 0 for NULL. Any thread. Since 0.1. */
VFS_API int32_t vfs_task_id(struct vfs_task *task);

/*
 * Every call of this task that is blocked now returns -EINTR (or what it has
 * done so far). A call that blocks later is not affected.
 * Returns 0 or -EFAULT. Any thread. Since 0.1.
 */
VFS_API int vfs_task_interrupt(struct vfs_task *task);

/*
 * The task's limits. resource: RLIMIT_FSIZE (bytes; writes past it are cut,
 * then -EFBIG) or RLIMIT_NOFILE (descriptors).
 * Returns 0 or: -EFAULT a NULL; -EINVAL another resource, or cur above max;
 * -EPERM raising max without CAP_SYS_RESOURCE in the root user namespace, or
 * NOFILE above the instance's ceiling. Any thread. Since 0.1. See setrlimit(2).
 */
VFS_API int vfs_getrlimit(struct vfs_task *task, int resource,
			  struct vfs_rlimit *limit);
VFS_API int vfs_setrlimit(struct vfs_task *task, int resource,
			  const struct vfs_rlimit *limit);

/* Sets the file mode creation mask to mask & 0777 and returns the old one;
 * -EFAULT for a NULL task. Any thread. Since 0.1. See umask(2). */
VFS_API int vfs_umask(struct vfs_task *task, uint32_t mask);

#ifdef __cplusplus
}
#endif

#endif
