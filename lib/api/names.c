/* SPDX-License-Identifier: MIT */
/* Making and removing names. */
#include <fcntl.h>
#include <sys/stat.h>
#include <vfs/path.h>

#include "api/call.h"
#include "core/names.h"

int vfs_linkat(struct vfs_task *task, int olddirfd, const char *oldpath,
	       int newdirfd, const char *newpath, int flags)
{
	struct vfs__thread *thread;
	int err = vfs__enter(task, &thread);

	if (err)
		return err;
	return vfs__link(thread, task, olddirfd, oldpath, newdirfd, newpath,
			 flags);
}

int vfs_link(struct vfs_task *task, const char *oldpath, const char *newpath)
{
	return vfs_linkat(task, AT_FDCWD, oldpath, AT_FDCWD, newpath, 0);
}

int vfs_symlinkat(struct vfs_task *task, const char *target, int dirfd,
		  const char *path)
{
	struct vfs__thread *thread;
	int err = vfs__enter(task, &thread);

	return err ? err : vfs__symlink(thread, task, target, dirfd, path);
}

int vfs_symlink(struct vfs_task *task, const char *target, const char *path)
{
	return vfs_symlinkat(task, target, AT_FDCWD, path);
}

int vfs_unlinkat(struct vfs_task *task, int dirfd, const char *path, int flags)
{
	struct vfs__thread *thread;
	int err = vfs__enter(task, &thread);

	if (err)
		return err;
	if (flags & ~AT_REMOVEDIR)
		return -EINVAL;
	return flags & AT_REMOVEDIR ? vfs__rmdir(thread, task, dirfd, path)
				    : vfs__unlink(thread, task, dirfd, path);
}

VFS_HOT
int vfs_unlink(struct vfs_task *task, const char *path)
{
	return vfs_unlinkat(task, AT_FDCWD, path, 0);
}

VFS_HOT
int vfs_rmdir(struct vfs_task *task, const char *path)
{
	return vfs_unlinkat(task, AT_FDCWD, path, AT_REMOVEDIR);
}

int vfs_mkdirat(struct vfs_task *task, int dirfd, const char *path,
		uint32_t mode)
{
	struct vfs__thread *thread;
	int err = vfs__enter(task, &thread);

	return err ? err : vfs__mkdir(thread, task, dirfd, path, mode);
}

VFS_HOT
int vfs_mkdir(struct vfs_task *task, const char *path, uint32_t mode)
{
	return vfs_mkdirat(task, AT_FDCWD, path, mode);
}

int vfs_mknodat(struct vfs_task *task, int dirfd, const char *path,
		uint32_t mode, uint64_t dev)
{
	struct vfs__thread *thread;
	int err = vfs__enter(task, &thread);

	return err ? err : vfs__mknod(thread, task, dirfd, path, mode, dev);
}

VFS_HOT
int vfs_mknod(struct vfs_task *task, const char *path, uint32_t mode,
	      uint64_t dev)
{
	return vfs_mknodat(task, AT_FDCWD, path, mode, dev);
}

int vfs_mkfifoat(struct vfs_task *task, int dirfd, const char *path,
		 uint32_t mode)
{
	return vfs_mknodat(task, dirfd, path, S_IFIFO | (mode & 07777), 0);
}

int vfs_mkfifo(struct vfs_task *task, const char *path, uint32_t mode)
{
	return vfs_mkfifoat(task, AT_FDCWD, path, mode);
}

int vfs_renameat2(struct vfs_task *task, int olddirfd, const char *oldpath,
		  int newdirfd, const char *newpath, uint32_t flags)
{
	struct vfs__thread *thread;
	int err = vfs__enter(task, &thread);

	if (err)
		return err;
	return vfs__rename(thread, task, olddirfd, oldpath, newdirfd, newpath,
			   flags);
}

int vfs_renameat(struct vfs_task *task, int olddirfd, const char *oldpath,
		 int newdirfd, const char *newpath)
{
	return vfs_renameat2(task, olddirfd, oldpath, newdirfd, newpath, 0);
}

VFS_HOT
int vfs_rename(struct vfs_task *task, const char *oldpath, const char *newpath)
{
	return vfs_renameat2(task, AT_FDCWD, oldpath, AT_FDCWD, newpath, 0);
}
