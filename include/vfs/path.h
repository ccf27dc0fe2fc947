/* SPDX-License-Identifier: MIT */
/* Names: making, removing and resolving them. Each function is the Linux call
 * of its name with the task in front. */
#ifndef VFS_PATH_H
#define VFS_PATH_H

#include <vfs/base.h>

#ifdef __cplusplus
extern "C" {
#endif

VFS_API int vfs_link(struct vfs_task *task, const char *oldpath,
		     const char *newpath);
VFS_API int vfs_linkat(struct vfs_task *task, int olddirfd, const char *oldpath,
		       int newdirfd, const char *newpath, int flags);
VFS_API int vfs_symlink(struct vfs_task *task, const char *target,
			const char *path);
VFS_API int vfs_symlinkat(struct vfs_task *task, const char *target, int dirfd,
			  const char *path);
VFS_API int64_t vfs_readlink(struct vfs_task *task, const char *path,
			     char *buffer, size_t size);
VFS_API int64_t vfs_readlinkat(struct vfs_task *task, int dirfd,
			       const char *path, char *buffer, size_t size);
VFS_API int vfs_unlink(struct vfs_task *task, const char *path);
VFS_API int vfs_unlinkat(struct vfs_task *task, int dirfd, const char *path,
			 int flags);
VFS_API int vfs_rmdir(struct vfs_task *task, const char *path);
VFS_API int vfs_mkdir(struct vfs_task *task, const char *path, uint32_t mode);
VFS_API int vfs_mkdirat(struct vfs_task *task, int dirfd, const char *path,
			uint32_t mode);
VFS_API int vfs_mknod(struct vfs_task *task, const char *path, uint32_t mode,
		      uint64_t dev);
VFS_API int vfs_mknodat(struct vfs_task *task, int dirfd, const char *path,
			uint32_t mode, uint64_t dev);
VFS_API int vfs_mkfifo(struct vfs_task *task, const char *path, uint32_t mode);
VFS_API int vfs_mkfifoat(struct vfs_task *task, int dirfd, const char *path,
			 uint32_t mode);
VFS_API int vfs_rename(struct vfs_task *task, const char *oldpath,
		       const char *newpath);
VFS_API int vfs_renameat(struct vfs_task *task, int olddirfd,
			 const char *oldpath, int newdirfd,
			 const char *newpath);
VFS_API int vfs_renameat2(struct vfs_task *task, int olddirfd,
			  const char *oldpath, int newdirfd,
			  const char *newpath, uint32_t flags);
VFS_API int vfs_chdir(struct vfs_task *task, const char *path);
VFS_API int vfs_fchdir(struct vfs_task *task, int fd);
VFS_API int vfs_chroot(struct vfs_task *task, const char *path);
/* The length of the path with its NUL, as the system call returns it. */
VFS_API int64_t vfs_getcwd(struct vfs_task *task, char *buffer, size_t size);
/* realpath(3) into a buffer of the caller's: the length without the NUL, or
 * -ERANGE when it does not fit. */
VFS_API int64_t vfs_realpath(struct vfs_task *task, const char *path,
			     char *buffer, size_t size);

#ifdef __cplusplus
}
#endif

#endif
