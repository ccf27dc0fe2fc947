/* SPDX-License-Identifier: MIT */
/* name_to_handle_at. open_by_handle_at is with the opens, in open.c. */
#include <vfs/handle.h>

#include "api/call.h"
#include "core/handle.h"

int vfs_name_to_handle_at(struct vfs_task *task, int dirfd, const char *path,
			  struct vfs_file_handle *handle, void *mount_id,
			  int flags)
{
	struct vfs__thread *thread;
	int err = vfs__enter(task, &thread);

	return err ? err
		   : vfs__name_to_handle(thread, task, dirfd, path, handle,
					 mount_id, flags);
}
