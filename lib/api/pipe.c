/* SPDX-License-Identifier: MIT */
/* pipe, pipe2, poll. */
#include <errno.h>
#include <fcntl.h>
#include <vfs/file.h>

#include "api/call.h"
#include "core/pipe.h"

/* What Linux calls O_NOTIFICATION_PIPE, which needs a kernel that has it. */
#define NOTIFICATION_PIPE O_EXCL

int vfs_pipe2(struct vfs_task *task, int fds[2], int flags)
{
	struct vfs_file *files[2];
	struct vfs__thread *thread;
	int err = vfs__enter(task, &thread);

	if (err)
		return err;
	if (flags & ~(O_CLOEXEC | O_NONBLOCK | O_DIRECT | NOTIFICATION_PIPE))
		return -EINVAL;
	if (flags & NOTIFICATION_PIPE)
		return -ENOPKG;
	if (!fds)
		return -EFAULT;
	err = vfs__pipe_create(thread, task, (uint32_t)flags, files);
	if (err)
		return err;
	err = vfs__fd_install_pair(thread, task, files, flags & O_CLOEXEC, fds);
	if (err) {
		vfs__file_unref(thread, files[0]);
		vfs__file_unref(thread, files[1]);
	}
	return err;
}

int vfs_pipe(struct vfs_task *task, int fds[2])
{
	return vfs_pipe2(task, fds, 0);
}

int vfs_poll(struct vfs_task *task, struct vfs_pollfd *fds, uint64_t nfds,
	     int timeout)
{
	struct vfs__thread *thread;
	int err = vfs__enter(task, &thread);

	return err ? err : vfs__poll(thread, task, fds, nfds, timeout);
}
