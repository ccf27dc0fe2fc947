/* SPDX-License-Identifier: MIT */
/* Mounts and mount namespaces. */
#include <string.h>
#include <vfs/mount.h>

#include "api/call.h"
#include "core/mount_calls.h"
#include "core/mountinfo.h"

int vfs_mount(struct vfs_task *task, const char *source, const char *target,
	      const char *type, uint64_t flags, const char *data)
{
	struct vfs__thread *thread;
	int err = vfs__enter(task, &thread);

	return err ? err
		   : vfs__mount(thread, task, source, target, type, flags,
				data);
}

int vfs_mount_type(struct vfs_task *task,
		   const struct vfs_filesystem_type *type, const char *source,
		   const char *target, uint64_t flags, const char *data)
{
	struct vfs__thread *thread;
	int err = vfs__enter(task, &thread);

	if (err)
		return err;
	return type ? vfs__mount_type(thread, task, type, source, target, flags,
				      data)
		    : -EFAULT;
}

int vfs_umount2(struct vfs_task *task, const char *target, int flags)
{
	struct vfs__thread *thread;
	int err = vfs__enter(task, &thread);

	return err ? err : vfs__umount(thread, task, target, flags);
}

int vfs_umount(struct vfs_task *task, const char *target)
{
	return vfs_umount2(task, target, 0);
}

int vfs_pivot_root(struct vfs_task *task, const char *new_root,
		   const char *put_old)
{
	struct vfs__thread *thread;
	int err = vfs__enter(task, &thread);

	return err ? err : vfs__pivot_root(thread, task, new_root, put_old);
}

int vfs_unshare(struct vfs_task *task, uint64_t flags)
{
	struct vfs__thread *thread;
	int err = vfs__enter(task, &thread);

	return err ? err : vfs__unshare(thread, task, flags);
}

int vfs_setns(struct vfs_task *task, int fd, int type)
{
	struct vfs__thread *thread;
	int err = vfs__enter(task, &thread);

	return err ? err : vfs__setns(thread, task, fd, type);
}

int vfs_open_namespace(struct vfs_task *task, struct vfs_task *target, int type,
		       int flags)
{
	struct vfs__thread *thread;
	int err = vfs__enter(task, &thread);

	if (err)
		return err;
	if (!target)
		return -EFAULT;
	return vfs__open_namespace(thread, task, target, type, flags);
}

int64_t vfs_mountinfo(struct vfs_task *task, uint32_t form, char *buffer,
		      size_t size)
{
	struct vfs__thread *thread;
	char *text;
	size_t len;
	int err = vfs__enter(task, &thread);

	if (err)
		return err;
	if (form > VFS_MOUNTINFO_SHORT)
		return -EINVAL;
	if (!buffer && size)
		return -EFAULT;
	err = vfs__mountinfo(thread, task, form == VFS_MOUNTINFO_SHORT, &text,
			     &len);
	if (err)
		return err;
	if (buffer && size <= len)
		err = -ERANGE;
	else if (buffer)
		memcpy(buffer, text, len + 1);
	vfs__mem_free(thread, text, len + 1);
	return err ? err : (int64_t)len;
}
