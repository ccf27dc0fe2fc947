/* SPDX-License-Identifier: MIT */
/* Which file a command is, and which program runs it (execve(2)). */
#ifndef VFS__EXEC_H
#define VFS__EXEC_H

#include "core/task.h"

/* - Contract: vfs_resolve_executable. No NULL but path_env. */
int vfs__resolve_executable(struct vfs__thread *thread, struct vfs_task *task,
			    const char *name, const char *path_env, char *out,
			    size_t size);
/* - Contract: vfs_resolve_script. No NULL. */
int64_t vfs__resolve_script(struct vfs__thread *thread, struct vfs_task *task,
			    const char *path, char *out, size_t size);

#endif
