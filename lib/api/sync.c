/* SPDX-License-Identifier: MIT */
/* fsync and its kin, fadvise. */
#include <fcntl.h>
#include <sys/stat.h>
#include <vfs/file.h>

#include "api/call.h"
#include "core/device.h"
#include "core/hostfile.h"
#include "core/inode.h"

static int sync_file(struct vfs_task *task, int fd, int datasync)
{
	struct vfs__thread *thread;
	struct vfs_file *file;
	int err = vfs__enter(task, &thread);

	if (err)
		return err;
	file = vfs__fd_get_io(thread, task, fd);
	if (!file)
		return -EBADF;
	if (vfs__file_mode(file) & (VFS__FILE_STREAM | VFS__FILE_NOTIFY))
		err = -EINVAL;
	else if (vfs__file_mode(file) & VFS__FILE_DEVICE)
		err = vfs__device_fsync(file, datasync);
	else if (file->inode->ops->fsync)
		err = file->inode->ops->fsync(file->inode, file, datasync);
	vfs__file_unref(thread, file);
	return err;
}

int vfs_fsync(struct vfs_task *task, int fd)
{
	return sync_file(task, fd, 0);
}

int vfs_fdatasync(struct vfs_task *task, int fd)
{
	return sync_file(task, fd, 1);
}

static int sync_super(struct vfs_super *super)
{
	return super->ops->sync ? super->ops->sync(super) : 0;
}

int vfs_syncfs(struct vfs_task *task, int fd)
{
	struct vfs__thread *thread;
	struct vfs_file *file;
	int err = vfs__enter(task, &thread);

	if (err)
		return err;
	file = vfs__fd_get_io(thread, task, fd);
	if (!file)
		return -EBADF;
	err = vfs__inode_is_foreign(file->inode)
		      ? vfs__hostfile_syncfs(file->inode)
		      : sync_super(file->inode->super);
	vfs__file_unref(thread, file);
	return err;
}

int vfs_sync(struct vfs_task *task)
{
	struct vfs__thread *thread;
	int err = vfs__enter(task, &thread);

	if (!err)
		vfs__supers_sync(thread, task->vfs);
	return err;
}

int vfs_fadvise(struct vfs_task *task, int fd, int64_t offset, int64_t length,
		int advice)
{
	struct vfs__thread *thread;
	struct vfs_file *file;
	int err = vfs__enter(task, &thread);

	(void)offset;
	if (err)
		return err;
	file = vfs__fd_get_io(thread, task, fd);
	if (!file)
		return -EBADF;
	if (S_ISFIFO(vfs__inode_mode(file->inode)))
		err = -ESPIPE;
	else if (length < 0)
		err = -EINVAL;
	else if (advice < POSIX_FADV_NORMAL || advice > POSIX_FADV_NOREUSE)
		err = -EINVAL;
	vfs__file_unref(thread, file);
	return err;
}
