/* SPDX-License-Identifier: MIT */
/* readlink, and the task's place in the tree. */
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <vfs/path.h>

#include "api/call.h"
#include "core/cwd.h"
#include "core/inode.h"
#include "core/walk.h"

static int64_t read_link(const struct vfs__path *at, char *buffer, size_t size)
{
	struct vfs_inode *inode = at->dentry->inode;
	int64_t n;

	if (inode->link) {
		n = inode->size < (int64_t)size ? inode->size : (int64_t)size;
		memcpy(buffer, inode->link, (size_t)n);
	} else {
		n = inode->ops->readlink
			    ? inode->ops->readlink(inode, buffer, size)
			    : -EINVAL;
	}
	if (n >= 0)
		vfs__path_accessed(at, inode);
	return n;
}

int64_t vfs_readlinkat(struct vfs_task *task, int dirfd, const char *path,
		       char *buffer, size_t size)
{
	struct vfs__thread *thread;
	struct vfs__path at;
	int64_t n = vfs__enter(task, &thread);

	if (n)
		return n;
	if (!size || size > INT_MAX)
		return -EINVAL;
	n = vfs__path_lookup(thread, task, dirfd, path, VFS__WALK_EMPTY, &at);
	if (n)
		return n;
	if (!S_ISLNK(vfs__inode_mode(at.dentry->inode)))
		/* the empty path names the descriptor, which is no link */
		n = *path ? -EINVAL : -ENOENT;
	else
		n = buffer ? read_link(&at, buffer, size) : -EFAULT;
	vfs__path_unref(thread, &at);
	return n;
}

int64_t vfs_readlink(struct vfs_task *task, const char *path, char *buffer,
		     size_t size)
{
	return vfs_readlinkat(task, AT_FDCWD, path, buffer, size);
}

int vfs_chdir(struct vfs_task *task, const char *path)
{
	struct vfs__thread *thread;
	int err = vfs__enter(task, &thread);

	return err ? err : vfs__chdir(thread, task, path);
}

int vfs_fchdir(struct vfs_task *task, int fd)
{
	struct vfs__thread *thread;
	int err = vfs__enter(task, &thread);

	return err ? err : vfs__fchdir(thread, task, fd);
}

int vfs_chroot(struct vfs_task *task, const char *path)
{
	struct vfs__thread *thread;
	int err = vfs__enter(task, &thread);

	return err ? err : vfs__chroot(thread, task, path);
}

int64_t vfs_getcwd(struct vfs_task *task, char *buffer, size_t size)
{
	struct vfs__thread *thread;
	int err = vfs__enter(task, &thread);

	if (err)
		return err;
	if (!buffer && size)
		return -EFAULT;
	return vfs__getcwd(thread, task, buffer, size);
}

int64_t vfs_realpath(struct vfs_task *task, const char *path, char *buffer,
		     size_t size)
{
	struct vfs__thread *thread;
	int err = vfs__enter(task, &thread);

	if (err)
		return err;
	if (!buffer && size)
		return -EFAULT;
	return vfs__realpath(thread, task, path, buffer, size);
}
