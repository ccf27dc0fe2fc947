/* SPDX-License-Identifier: MIT */
/* Mount points: synthetic directories, and paths with their parents. */
#include <sys/stat.h>

#include "api/call.h"
#include "core/mountpoint.h"
#include "core/names.h"
#include "core/synthdir.h"

int vfs_mkdirat2(struct vfs_task *task, int dirfd, const char *path,
		 uint32_t mode, uint32_t flags)
{
	struct vfs__thread *thread;
	int err = vfs__enter(task, &thread);

	if (err)
		return err;
	if (flags & ~VFS_MKDIR_SYNTHETIC)
		return -EINVAL;
	if (flags & VFS_MKDIR_SYNTHETIC)
		return vfs__synthetic_make(thread, task, dirfd, path,
					   S_IFDIR | (mode & 01777));
	return vfs__mkdir(thread, task, dirfd, path, mode);
}

int vfs_make_mountpoint(struct vfs_task *task, const char *path, uint32_t flags)
{
	struct vfs__thread *thread;
	int err = vfs__enter(task, &thread);

	if (err)
		return err;
	if (flags & ~(VFS_MOUNTPOINT_FILE | VFS_MOUNTPOINT_SYNTHETIC))
		return -EINVAL;
	if (!path)
		return -EFAULT;
	return vfs__make_mountpoint(thread, task, path, flags);
}
