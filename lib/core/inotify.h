/* SPDX-License-Identifier: MIT */
/* Queues of events as files: what vfs_inotify_init1 opens. */
#ifndef VFS__INOTIFY_H
#define VFS__INOTIFY_H

#include "core/notify.h"

/* - A file of mode NOTIFY with one reference. flags: O_NONBLOCK. 0, -ENOMEM,
 *   -EMFILE. */
int vfs__inotify_create(struct vfs__thread *thread, struct vfs_task *task,
			uint32_t flags, struct vfs_file **out);
/* - The queue of such a file. */
static inline struct vfs__group *vfs__inotify_group(const struct vfs_file *file)
{
	return file->private_data;
}

/* - The last reference of such a file went. */
void vfs__inotify_release(struct vfs__thread *thread, struct vfs_file *file);
/* - Whole events, as many as fit in each segment. -EAGAIN, -EINTR, -EINVAL,
 *   -EFAULT. */
int64_t vfs__inotify_readv(struct vfs__thread *thread, struct vfs_task *task,
			   struct vfs_file *file, const struct vfs_iovec *iov,
			   int count, bool nonblock);
/* - FIONREAD; others -ENOTTY. */
int vfs__inotify_ioctl(struct vfs_file *file, uint64_t request, void *arg);
/* - The POLL* that hold now, and the queue where changes are told. */
uint32_t vfs__inotify_poll(struct vfs_file *file);

#endif
