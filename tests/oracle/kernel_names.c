/* SPDX-License-Identifier: MIT */
/* The kernel's calls on names and attributes. */
#define _GNU_SOURCE
#include "kernel_calls.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "ktask.h"

#ifndef SYS_fchmodat2
#define SYS_fchmodat2 452
#endif

#define P(pointer) (long)(pointer)
#define CALL(name, ...)                              \
	ktask_call((struct ktask *)task, SYS_##name, \
		   (const long[6]){__VA_ARGS__})

int kernel_link(struct vfs_task *task, const char *oldpath, const char *newpath)
{
	return (int)CALL(linkat, AT_FDCWD, P(oldpath), AT_FDCWD, P(newpath), 0);
}

int kernel_linkat(struct vfs_task *task, int olddirfd, const char *oldpath,
		  int newdirfd, const char *newpath, int flags)
{
	return (int)CALL(linkat, olddirfd, P(oldpath), newdirfd, P(newpath),
			 flags);
}

int kernel_symlink(struct vfs_task *task, const char *target, const char *path)
{
	return (int)CALL(symlinkat, P(target), AT_FDCWD, P(path));
}

int kernel_symlinkat(struct vfs_task *task, const char *target, int dirfd,
		     const char *path)
{
	return (int)CALL(symlinkat, P(target), dirfd, P(path));
}

int64_t kernel_readlink(struct vfs_task *task, const char *path, char *buffer,
			size_t size)
{
	return CALL(readlinkat, AT_FDCWD, P(path), P(buffer), (long)size);
}

int64_t kernel_readlinkat(struct vfs_task *task, int dirfd, const char *path,
			  char *buffer, size_t size)
{
	return CALL(readlinkat, dirfd, P(path), P(buffer), (long)size);
}

int kernel_unlink(struct vfs_task *task, const char *path)
{
	return (int)CALL(unlinkat, AT_FDCWD, P(path), 0);
}

int kernel_unlinkat(struct vfs_task *task, int dirfd, const char *path,
		    int flags)
{
	return (int)CALL(unlinkat, dirfd, P(path), flags);
}

int kernel_rmdir(struct vfs_task *task, const char *path)
{
	return (int)CALL(unlinkat, AT_FDCWD, P(path), AT_REMOVEDIR);
}

int kernel_mkdir(struct vfs_task *task, const char *path, uint32_t mode)
{
	return (int)CALL(mkdirat, AT_FDCWD, P(path), mode);
}

int kernel_mkdirat(struct vfs_task *task, int dirfd, const char *path,
		   uint32_t mode)
{
	return (int)CALL(mkdirat, dirfd, P(path), mode);
}

int kernel_mknod(struct vfs_task *task, const char *path, uint32_t mode,
		 uint64_t dev)
{
	return (int)CALL(mknodat, AT_FDCWD, P(path), mode, (long)dev);
}

int kernel_mknodat(struct vfs_task *task, int dirfd, const char *path,
		   uint32_t mode, uint64_t dev)
{
	return (int)CALL(mknodat, dirfd, P(path), mode, (long)dev);
}

int kernel_mkfifo(struct vfs_task *task, const char *path, uint32_t mode)
{
	return (int)CALL(mknodat, AT_FDCWD, P(path), S_IFIFO | mode, 0);
}

int kernel_mkfifoat(struct vfs_task *task, int dirfd, const char *path,
		    uint32_t mode)
{
	return (int)CALL(mknodat, dirfd, P(path), S_IFIFO | mode, 0);
}

int kernel_rename(struct vfs_task *task, const char *oldpath,
		  const char *newpath)
{
	return (int)CALL(renameat2, AT_FDCWD, P(oldpath), AT_FDCWD, P(newpath),
			 0);
}

int kernel_renameat(struct vfs_task *task, int olddirfd, const char *oldpath,
		    int newdirfd, const char *newpath)
{
	return (int)CALL(renameat2, olddirfd, P(oldpath), newdirfd, P(newpath),
			 0);
}

int kernel_renameat2(struct vfs_task *task, int olddirfd, const char *oldpath,
		     int newdirfd, const char *newpath, uint32_t flags)
{
	return (int)CALL(renameat2, olddirfd, P(oldpath), newdirfd, P(newpath),
			 flags);
}

int kernel_chdir(struct vfs_task *task, const char *path)
{
	return (int)CALL(chdir, P(path));
}

int kernel_fchdir(struct vfs_task *task, int fd)
{
	return (int)CALL(fchdir, fd);
}

int kernel_chroot(struct vfs_task *task, const char *path)
{
	return (int)CALL(chroot, P(path));
}

int64_t kernel_getcwd(struct vfs_task *task, char *buffer, size_t size)
{
	return CALL(getcwd, P(buffer), (long)size);
}

int kernel_access(struct vfs_task *task, const char *path, int mode)
{
	return (int)CALL(faccessat, AT_FDCWD, P(path), mode);
}

int kernel_faccessat(struct vfs_task *task, int dirfd, const char *path,
		     int mode)
{
	return (int)CALL(faccessat, dirfd, P(path), mode);
}

int kernel_faccessat2(struct vfs_task *task, int dirfd, const char *path,
		      int mode, int flags)
{
	return (int)CALL(faccessat2, dirfd, P(path), mode, flags);
}

int kernel_chmod(struct vfs_task *task, const char *path, uint32_t mode)
{
	return (int)CALL(fchmodat, AT_FDCWD, P(path), mode);
}

int kernel_fchmod(struct vfs_task *task, int fd, uint32_t mode)
{
	return (int)CALL(fchmod, fd, mode);
}

int kernel_fchmodat(struct vfs_task *task, int dirfd, const char *path,
		    uint32_t mode)
{
	return (int)CALL(fchmodat, dirfd, P(path), mode);
}

int kernel_fchmodat2(struct vfs_task *task, int dirfd, const char *path,
		     uint32_t mode, int flags)
{
	return (int)CALL(fchmodat2, dirfd, P(path), mode, flags);
}

int kernel_chown(struct vfs_task *task, const char *path, uint32_t uid,
		 uint32_t gid)
{
	return (int)CALL(fchownat, AT_FDCWD, P(path), uid, gid, 0);
}

int kernel_lchown(struct vfs_task *task, const char *path, uint32_t uid,
		  uint32_t gid)
{
	return (int)CALL(fchownat, AT_FDCWD, P(path), uid, gid,
			 AT_SYMLINK_NOFOLLOW);
}

int kernel_fchown(struct vfs_task *task, int fd, uint32_t uid, uint32_t gid)
{
	return (int)CALL(fchown, fd, uid, gid);
}

int kernel_fchownat(struct vfs_task *task, int dirfd, const char *path,
		    uint32_t uid, uint32_t gid, int flags)
{
	return (int)CALL(fchownat, dirfd, P(path), uid, gid, flags);
}

int kernel_umask(struct vfs_task *task, uint32_t mask)
{
	return (int)CALL(umask, mask);
}

int64_t kernel_getxattr(struct vfs_task *task, const char *path,
			const char *name, void *value, size_t size)
{
	return CALL(getxattr, P(path), P(name), P(value), (long)size);
}

int kernel_setxattr(struct vfs_task *task, const char *path, const char *name,
		    const void *value, size_t size, int flags)
{
	return (int)CALL(setxattr, P(path), P(name), P(value), (long)size,
			 flags);
}

int64_t kernel_listxattr(struct vfs_task *task, const char *path, char *list,
			 size_t size)
{
	return CALL(listxattr, P(path), P(list), (long)size);
}

int kernel_removexattr(struct vfs_task *task, const char *path,
		       const char *name)
{
	return (int)CALL(removexattr, P(path), P(name));
}

int64_t kernel_lgetxattr(struct vfs_task *task, const char *path,
			 const char *name, void *value, size_t size)
{
	return CALL(lgetxattr, P(path), P(name), P(value), (long)size);
}

int kernel_lsetxattr(struct vfs_task *task, const char *path, const char *name,
		     const void *value, size_t size, int flags)
{
	return (int)CALL(lsetxattr, P(path), P(name), P(value), (long)size,
			 flags);
}

int64_t kernel_llistxattr(struct vfs_task *task, const char *path, char *list,
			  size_t size)
{
	return CALL(llistxattr, P(path), P(list), (long)size);
}

int kernel_lremovexattr(struct vfs_task *task, const char *path,
			const char *name)
{
	return (int)CALL(lremovexattr, P(path), P(name));
}

int64_t kernel_fgetxattr(struct vfs_task *task, int fd, const char *name,
			 void *value, size_t size)
{
	return CALL(fgetxattr, fd, P(name), P(value), (long)size);
}

int kernel_fsetxattr(struct vfs_task *task, int fd, const char *name,
		     const void *value, size_t size, int flags)
{
	return (int)CALL(fsetxattr, fd, P(name), P(value), (long)size, flags);
}

int64_t kernel_flistxattr(struct vfs_task *task, int fd, char *list,
			  size_t size)
{
	return CALL(flistxattr, fd, P(list), (long)size);
}

int kernel_fremovexattr(struct vfs_task *task, int fd, const char *name)
{
	return (int)CALL(fremovexattr, fd, P(name));
}
