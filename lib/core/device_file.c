/* SPDX-License-Identifier: MIT */
/* Open files of devices: reading, writing, seeking, waiting. */
#include "core/device_file.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/uio.h>

#define ALWAYS_READY (POLLIN | POLLOUT | POLLRDNORM | POLLWRNORM)

uint64_t vfs_file_device(const struct vfs_file *file)
{
	return (vfs__file_mode(file) & VFS__FILE_DEVICE) && file->device
		       ? file->inode->rdev
		       : 0;
}

int vfs__device_check(const struct vfs_file *file, const struct vfs__io *io,
		      bool write)
{
	const struct vfs_device_ops *ops = file->device->ops;

	if (write ? !ops->write : !ops->read)
		return -EINVAL;
	if ((io->flags & RWF_NOWAIT) && !(ops->flags & VFS_DEVICE_NOWAIT))
		return -EOPNOTSUPP;
	return 0;
}

static int64_t transfer(struct vfs_file *file, const struct vfs_iovec *part,
			size_t count, int64_t *position, bool write)
{
	struct vfs_device *device = file->device;
	const struct vfs_device_ops *ops = device->ops;
	uint64_t any = write ? VFS_DEVICE_WRITE_ANY : VFS_DEVICE_READ_ANY;

	if (!part->base && count && !(ops->flags & any))
		return -EFAULT;
	return write ? ops->write(device, file, part->base, count, position)
		     : ops->read(device, file, part->base, count, position);
}

/* Segment after segment, until one comes short. A plain call of no bytes
 * reaches the device, empty segments of a vector do not. */
static int64_t segments(struct vfs_file *file, const struct vfs__io *io,
			int64_t *position, bool write)
{
	size_t left = VFS__IO_MAX;
	int64_t done = 0;

	for (int i = 0; i < io->count; i++) {
		const struct vfs_iovec *part = &io->iov[i];
		size_t count = part->len < left ? part->len : left;
		int64_t n;

		if (!count && !(io->flags & VFS__IO_PLAIN))
			continue;
		n = transfer(file, part, count, position, write);
		if (n < 0)
			return done ? done : n;
		done += n;
		left -= (size_t)n;
		if ((size_t)n < part->len)
			break;
	}
	return done;
}

/* Nothing reaches beyond the last offset there is. */
static bool too_far(const struct vfs__io *io, int64_t position)
{
	uint64_t left = (uint64_t)(INT64_MAX - position);

	for (int i = 0; i < io->count; i++) {
		if (io->iov[i].len > left)
			return true;
		left -= io->iov[i].len;
	}
	return false;
}

int64_t vfs__device_rw(struct vfs_file *file, const struct vfs__io *io,
		       bool write)
{
	bool seekable = vfs__file_mode(file) & VFS__FILE_SEEKABLE;
	int64_t before, position, n;

	if (io->offset >= 0) {
		position = io->offset;
		return too_far(io, position)
			       ? -EINVAL
			       : segments(file, io, &position, write);
	}
	if (!seekable) {
		position = 0;
		return segments(file, io, &position, write);
	}
	vfs__mutex_lock(&file->position_lock, VFS__RANK_POS);
	before = position = VFS_READ_ONCE(file->position);
	n = too_far(io, position) ? -EINVAL
				  : segments(file, io, &position, write);
	if (position != before)
		vfs__position_move(file, before, position);
	vfs__mutex_unlock(&file->position_lock, VFS__RANK_POS);
	return n;
}

int64_t vfs__device_seek(struct vfs_file *file, int64_t offset, int whence)
{
	struct vfs_device *device = file->device;
	int64_t before, at;

	vfs__mutex_lock(&file->position_lock, VFS__RANK_POS);
	before = VFS_READ_ONCE(file->position);
	at = device->ops->seek(device, file, before, offset, whence);
	if (at >= 0)
		vfs__position_move(file, before, at);
	vfs__mutex_unlock(&file->position_lock, VFS__RANK_POS);
	return at;
}

uint32_t vfs__device_poll(struct vfs_file *file)
{
	struct vfs_device *device = file->device;

	return device->ops->poll ? device->ops->poll(device, file)
				 : ALWAYS_READY;
}

struct vfs__waitqueue *vfs__device_queue(struct vfs_file *file)
{
	return &file->device->changed;
}

int vfs__device_ioctl(struct vfs_file *file, uint64_t request, void *argument)
{
	struct vfs_device *device = file->device;

	return device->ops->ioctl
		       ? device->ops->ioctl(device, file, request, argument)
		       : -ENOTTY;
}

int vfs__device_fsync(struct vfs_file *file, int datasync)
{
	struct vfs_device *device = file->device;

	return device->ops->fsync ? device->ops->fsync(device, file, datasync)
				  : -EINVAL;
}

void vfs_device_notify(struct vfs_device *device)
{
	/* what the device did before: who has yet to enter the queue sees it
	 * then, and who is in it is seen now */
	vfs__mutex_lock(&device->changed.lock, VFS__RANK_WAIT);
	vfs__mutex_unlock(&device->changed.lock, VFS__RANK_WAIT);
	vfs__wait_wake(&device->changed);
}

int vfs_device_wait(struct vfs_device *device, struct vfs_file *file,
		    int (*ready)(void *argument), void *argument)
{
	struct vfs__waiter waiter;
	struct vfs__wait_link link;
	int err = 0;

	if (ready(argument))
		return 0;
	if (VFS_READ_ONCE(file->flags) & O_NONBLOCK)
		return -EAGAIN;
	vfs__waiter_init(&waiter, vfs_current_task(device->vfs));
	vfs__wait_add(&device->changed, &link, &waiter);
	while (!ready(argument) && !err)
		err = vfs__wait_sleep(&waiter, -1);
	vfs__wait_remove(&link);
	vfs__waiter_fini(&waiter);
	return err;
}
