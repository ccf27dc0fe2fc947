/* SPDX-License-Identifier: MIT */
/* Descriptors of the host. */
#include <vfs/import.h>

#include "api/call.h"
#include "core/hostfile.h"

int vfs_import_fd(struct vfs_task *task, int host_fd, uint32_t flags)
{
	struct vfs__thread *thread;
	int err = vfs__enter(task, &thread);

	if (err)
		return err;
	if (flags & ~(VFS_IMPORT_RDONLY | VFS_IMPORT_CLOEXEC))
		return -EINVAL;
	return vfs__import(thread, task, host_fd, flags);
}
