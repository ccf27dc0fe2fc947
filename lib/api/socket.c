/* SPDX-License-Identifier: MIT */
/* Sockets' names; endpoints themselves are in core/endpoint.c. */
#include <fcntl.h>
#include <vfs/socket.h>

#include "api/call.h"
#include "core/endpoint.h"
#include "core/walk.h"

int vfs_bind_socket(struct vfs_task *task, int dirfd, const char *path,
		    uint32_t mode, struct vfs_endpoint *endpoint)
{
	struct vfs__thread *thread;
	int err = vfs__enter(task, &thread);

	if (!err && !endpoint)
		err = -EFAULT;
	return err ? err
		   : vfs__socket_bind(thread, task, dirfd, path, mode,
				      endpoint);
}

int vfs_connect_socket(struct vfs_task *task, int dirfd, const char *path,
		       int flags, struct vfs_endpoint **out)
{
	struct vfs__thread *thread;
	uint32_t walk = VFS__WALK_FOLLOW;
	int err = vfs__enter(task, &thread);

	if (err)
		return err;
	if (!out)
		return -EFAULT;
	if (flags & ~AT_EMPTY_PATH)
		return -EINVAL;
	if (flags & AT_EMPTY_PATH)
		walk |= VFS__WALK_EMPTY;
	return vfs__socket_connect(thread, task, dirfd, path, walk, out);
}
