/* SPDX-License-Identifier: MIT */
/* inotify, and watches with a function. */
#include <fcntl.h>
#include <string.h>
#include <vfs/inotify.h>

#include "api/call.h"
#include "core/inotify.h"
#include "core/watch.h"
#include "util/grown.h"

/* The size of struct vfs_watch_spec in the first version. */
#define SPEC_SIZE_0 32u

int vfs_inotify_init1(struct vfs_task *task, int flags)
{
	struct vfs__thread *thread;
	struct vfs_file *file;
	int fd = vfs__enter(task, &thread);

	if (fd)
		return fd;
	if (flags & ~(O_NONBLOCK | O_CLOEXEC))
		return -EINVAL;
	fd = vfs__inotify_create(thread, task, (uint32_t)flags & O_NONBLOCK,
				 &file);
	if (fd)
		return fd;
	fd = vfs__fd_install(thread, task, file, 0, flags & O_CLOEXEC);
	if (fd < 0)
		vfs__file_unref(thread, file);
	return fd;
}

int vfs_inotify_init(struct vfs_task *task)
{
	return vfs_inotify_init1(task, 0);
}

int vfs_inotify_add_watch(struct vfs_task *task, int fd, const char *path,
			  uint32_t mask)
{
	struct vfs__thread *thread;
	struct vfs_file *file;
	int wd = vfs__enter(task, &thread);

	if (!wd)
		wd = vfs__group_check(mask);
	if (wd)
		return wd;
	file = vfs__fd_get_io(thread, task, fd);
	if (!file)
		return -EBADF;
	if (((mask & VFS_IN_MASK_ADD) && (mask & VFS_IN_MASK_CREATE)) ||
	    !(vfs__file_mode(file) & VFS__FILE_NOTIFY))
		wd = -EINVAL;
	else
		wd = vfs__group_watch(thread, task, vfs__inotify_group(file),
				      AT_FDCWD, path, mask);
	vfs__file_unref(thread, file);
	return wd;
}

int vfs_inotify_rm_watch(struct vfs_task *task, int fd, int wd)
{
	struct vfs__thread *thread;
	struct vfs_file *file;
	int err = vfs__enter(task, &thread);

	if (err)
		return err;
	file = vfs__fd_get_io(thread, task, fd);
	if (!file)
		return -EBADF;
	err = -EINVAL;
	if (vfs__file_mode(file) & VFS__FILE_NOTIFY)
		err = vfs__group_unwatch(thread, vfs__inotify_group(file), wd);
	vfs__file_unref(thread, file);
	return err;
}

/* ---- with a function ---- */

/* spec in this version's form; what a smaller one lacks is 0. */
static int read_spec(const struct vfs_watch_spec *spec,
		     struct vfs_watch_spec *out)
{
	if (spec->size < SPEC_SIZE_0)
		return -EINVAL;
	if (vfs__grown_check(spec, spec->size, sizeof(*out)))
		return -E2BIG;
	memcpy(out, spec, sizeof(*out));
	return out->event ? 0 : -EFAULT;
}

int vfs_watch_create(struct vfs *vfs, const struct vfs_watch_spec *spec,
		     struct vfs_watch **out)
{
	struct vfs_watch_spec wanted;
	struct vfs__thread *thread;
	int err;

	if (!vfs || !spec || !out)
		return -EFAULT;
	err = read_spec(spec, &wanted);
	if (err)
		return err;
	thread = vfs__self(vfs);
	return thread ? vfs__watch_create(thread, vfs, &wanted, out) : -ENOMEM;
}

int vfs_watch_add(struct vfs_watch *watch, struct vfs_task *task, int dirfd,
		  const char *path, uint32_t mask)
{
	struct vfs__thread *thread;
	int err = vfs__enter(task, &thread);

	if (err || !watch)
		return err ? err : -EFAULT;
	if (vfs__watch_group(watch)->vfs != task->vfs ||
	    ((mask & VFS_IN_MASK_ADD) && (mask & VFS_IN_MASK_CREATE)))
		return -EINVAL;
	err = vfs__group_check(mask);
	return err ? err
		   : vfs__group_watch(thread, task, vfs__watch_group(watch),
				      dirfd, path, mask);
}

int vfs_watch_remove(struct vfs_watch *watch, int wd)
{
	struct vfs__thread *thread;
	int err;

	if (!watch)
		return -EFAULT;
	thread = vfs__self(vfs__watch_group(watch)->vfs);
	if (!thread)
		return -ENOMEM;
	err = vfs__group_unwatch(thread, vfs__watch_group(watch), wd);
	vfs__notify_flush(thread);
	return err;
}

void vfs_watch_destroy(struct vfs_watch *watch)
{
	if (watch)
		vfs__watch_destroy(
			vfs__self_always(vfs__watch_group(watch)->vfs), watch);
}
