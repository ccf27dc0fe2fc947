/* SPDX-License-Identifier: MIT */
/* The working directory and the root of a task. */
#ifndef VFS__CWD_H
#define VFS__CWD_H

#include "core/task.h"

int vfs__chdir(struct vfs__thread *thread, struct vfs_task *task,
	       const char *path);
int vfs__fchdir(struct vfs__thread *thread, struct vfs_task *task, int fd);
int vfs__chroot(struct vfs__thread *thread, struct vfs_task *task,
		const char *path);
/* - The length with the NUL. */
int64_t vfs__getcwd(struct vfs__thread *thread, struct vfs_task *task,
		    char *buffer, size_t size);
/* - The length without the NUL; -ERANGE when it does not fit. */
int64_t vfs__realpath(struct vfs__thread *thread, struct vfs_task *task,
		      const char *path, char *buffer, size_t size);

#endif
