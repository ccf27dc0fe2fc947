/* SPDX-License-Identifier: MIT */
/*
 * procfs: what Linux's proc(5) tells of file systems and tasks:
 *
 *	filesystems    the types that the instance knows
 *	mounts         -> self/mounts
 *	self           -> the number of the task that asks
 *	NUMBER/        each task (vfs_task_id):
 *	  mounts, mountinfo    its mounts, as they were at the open
 *	  fd/                  magic links to its open files
 *	  fdinfo/              position, flags, mount and inode of each, as they
 *	                       were at the open
 *	  cwd, root            magic links to its places
 *
 * Who may look is as on Linux: a task's directory belongs to the task's ids,
 * fd/ can be listed by them alone, and the links, like fdinfo, take what
 * ptrace(2) calls PTRACE_MODE_READ_FSCREDS. There is no exe: tasks execute
 * nothing.
 *
 * Every instance has registered the type as "proc". It has no options: any is
 * -EINVAL, and a line to the log.
 */
#ifndef VFS_PROCFS_H
#define VFS_PROCFS_H

#include <vfs/base.h>

#ifdef __cplusplus
extern "C" {
#endif

struct vfs_filesystem_type;

/* For vfs_register_filesystem under the name "proc". Since 0.1. */
extern VFS_API const struct vfs_filesystem_type vfs_procfs_type;

#ifdef __cplusplus
}
#endif

#endif
