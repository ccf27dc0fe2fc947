/* SPDX-License-Identifier: MIT */
/* Which file a command is, and which program runs it. */
#include <vfs/exec.h>

#include "api/call.h"
#include "core/exec.h"

int vfs_resolve_executable(struct vfs_task *task, const char *name,
			   const char *path_env, char *out, size_t size)
{
	struct vfs__thread *thread;
	int err = vfs__enter(task, &thread);

	if (err)
		return err;
	if (!name || !out)
		return -EFAULT;
	return vfs__resolve_executable(thread, task, name, path_env, out, size);
}

int64_t vfs_resolve_script(struct vfs_task *task, const char *path, char *out,
			   size_t size)
{
	struct vfs__thread *thread;
	int err = vfs__enter(task, &thread);

	if (err)
		return err;
	if (!path || !out)
		return -EFAULT;
	return vfs__resolve_script(thread, task, path, out, size);
}
