/* SPDX-License-Identifier: MIT */
/*
 * Names: making, removing and resolving them. Each function is the Linux call
 * of its name with the task in front; results are 0 unless said otherwise.
 *
 * For all of them: since 0.1; any thread at any time. -EFAULT where task, a
 * path or a buffer is NULL; -ENOENT a missing name or an empty path; -ENOTDIR a
 * name in the middle that is no directory; -EACCES no permission to search, or
 * to write the directory that changes; -ELOOP over 40 symlinks; -ENAMETOOLONG
 * a name over 255 or a path over 4095 bytes; -ENOMEM, and nothing has changed.
 * What changes the tree: -EROFS on what is read-only, -ENOSPC where it is
 * full, -EPERM where the file system has no such operation, or an inode flag
 * forbids it (vfs_ioctl: names in an immutable directory and of an immutable or
 * append-only file stay as they are, an append-only directory loses none),
 * -EOVERFLOW where the caller's ids, or those of the file concerned, have no
 * number on the mount (<vfs/userns.h>). The `at` forms
 * begin at a directory's descriptor, or the working directory for AT_FDCWD:
 * -EBADF it is not open, -ENOTDIR it is no directory; an absolute path does not
 * look at it. These are not repeated below.
 */
#ifndef VFS_PATH_H
#define VFS_PATH_H

#include <vfs/base.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Gives oldpath's file (a symlink itself, not its target) another name.
 * -EEXIST; -EPERM a directory; -EXDEV another mount; -EMLINK. See link(2).
 */
VFS_API int vfs_link(struct vfs_task *task, const char *oldpath,
		     const char *newpath);

/*
 * flags: AT_SYMLINK_FOLLOW, AT_EMPTY_PATH (an empty oldpath is olddirfd's file;
 * -ENOENT when it has no name left, or was made with O_TMPFILE | O_EXCL).
 * -EINVAL another flag. See linkat(2).
 */
VFS_API int vfs_linkat(struct vfs_task *task, int olddirfd, const char *oldpath,
		       int newdirfd, const char *newpath, int flags);

/*
 * Makes path a symlink to target, 1 to 4095 bytes of any text. -EEXIST; -ENOENT
 * an empty target; -ENAMETOOLONG. See symlink(2).
 */
VFS_API int vfs_symlink(struct vfs_task *task, const char *target,
			const char *path);

/*
 * See symlinkat(2).
 */
VFS_API int vfs_symlinkat(struct vfs_task *task, const char *target, int dirfd,
			  const char *path);

/*
 * The symlink's target, cut at size bytes, without a NUL; returns its length.
 * -EINVAL no symlink, or size 0. See readlink(2).
 */
VFS_API int64_t vfs_readlink(struct vfs_task *task, const char *path,
			     char *buffer, size_t size);

/*
 * The same; an empty path is dirfd's symlink (O_PATH | O_NOFOLLOW).
 * See readlinkat(2).
 */
VFS_API int64_t vfs_readlinkat(struct vfs_task *task, int dirfd,
			       const char *path, char *buffer, size_t size);

/*
 * Takes a name away; the file goes with its last name and descriptor. -EISDIR a
 * directory; -EPERM somebody else's file in a sticky directory; -EBUSY a mount
 * point. See unlink(2).
 */
VFS_API int vfs_unlink(struct vfs_task *task, const char *path);

/*
 * flags: 0, or AT_REMOVEDIR for vfs_rmdir. -EINVAL another flag.
 * See unlinkat(2).
 */
VFS_API int vfs_unlinkat(struct vfs_task *task, int dirfd, const char *path,
			 int flags);

/*
 * Removes an empty directory. -ENOTEMPTY, also for a last `..`; -EINVAL a last
 * `.`; -ENOTDIR; -EBUSY the root or a mount point; -EPERM as for vfs_unlink.
 * See rmdir(2).
 */
VFS_API int vfs_rmdir(struct vfs_task *task, const char *path);

/*
 * A directory with mode (0777 and 01000 of it) less the umask; its group and
 * setgid bit from a setgid parent. -EEXIST whatever has the name; -EMLINK.
 * See mkdir(2).
 */
VFS_API int vfs_mkdir(struct vfs_task *task, const char *path, uint32_t mode);

/*
 * See mkdirat(2).
 */
VFS_API int vfs_mkdirat(struct vfs_task *task, int dirfd, const char *path,
			uint32_t mode);

/*
 * A node of mode's type: S_IFREG (or 0), S_IFIFO, S_IFSOCK, S_IFCHR or S_IFBLK,
 * the last two for dev (as makedev(3) packs it). -EEXIST; -EPERM S_IFDIR, or a
 * device without CAP_MKNOD in the root user namespace (a character device 0:0
 * is open to all); -EINVAL
 * another type. See mknod(2).
 */
VFS_API int vfs_mknod(struct vfs_task *task, const char *path, uint32_t mode,
		      uint64_t dev);

/*
 * See mknodat(2).
 */
VFS_API int vfs_mknodat(struct vfs_task *task, int dirfd, const char *path,
			uint32_t mode, uint64_t dev);

/*
 * vfs_mknod of an S_IFIFO. See mkfifo(3).
 */
VFS_API int vfs_mkfifo(struct vfs_task *task, const char *path, uint32_t mode);

/*
 * See mkfifoat(3).
 */
VFS_API int vfs_mkfifoat(struct vfs_task *task, int dirfd, const char *path,
			 uint32_t mode);

/*
 * Moves a name, replacing what has the new one; two names of one file: nothing
 * happens. -EISDIR a directory would be replaced by another file, -ENOTDIR the
 * reverse; -ENOTEMPTY; -EINVAL a directory into itself; -EXDEV another mount;
 * -EBUSY a last `.` or `..`, the root, a mount point; -EPERM sticky; -EACCES
 * also for a directory that moves and cannot be written. See rename(2).
 */
VFS_API int vfs_rename(struct vfs_task *task, const char *oldpath,
		       const char *newpath);

/*
 * See renameat(2).
 */
VFS_API int vfs_renameat(struct vfs_task *task, int olddirfd,
			 const char *oldpath, int newdirfd,
			 const char *newpath);

/*
 * flags: RENAME_NOREPLACE (-EEXIST), RENAME_EXCHANGE (-ENOENT without a
 * partner) or RENAME_WHITEOUT (leaves a character device 0:0; CAP_MKNOD is not
 * needed for it). -EINVAL another flag, EXCHANGE with one of the others, or a
 * flag that the file system has not. See renameat2(2).
 */
VFS_API int vfs_renameat2(struct vfs_task *task, int olddirfd,
			  const char *oldpath, int newdirfd,
			  const char *newpath, uint32_t flags);

/*
 * The task's working directory. -EACCES no permission to search it.
 * See chdir(2).
 */
VFS_API int vfs_chdir(struct vfs_task *task, const char *path);

/*
 * The same by descriptor, O_PATH too. -EBADF, -ENOTDIR. See fchdir(2).
 */
VFS_API int vfs_fchdir(struct vfs_task *task, int fd);

/*
 * The task's root; the working directory stays where it is. -EPERM without
 * CAP_SYS_CHROOT in the task's own user namespace. See chroot(2).
 */
VFS_API int vfs_chroot(struct vfs_task *task, const char *path);
/*
 * The working directory's path, and the length of it with its NUL, as the
 * system call returns it; "(unreachable)" stands before one outside the root.
 * -ERANGE it does not fit in size bytes; -ENOENT it was removed. See getcwd(2).
 */
VFS_API int64_t vfs_getcwd(struct vfs_task *task, char *buffer, size_t size);
/*
 * realpath(3) into a buffer of the caller's: the path without symlinks, `.` and
 * `..`, NUL-terminated, and its length without the NUL. -ERANGE it does not fit
 * in size bytes. See realpath(3).
 */
VFS_API int64_t vfs_realpath(struct vfs_task *task, const char *path,
			     char *buffer, size_t size);

#ifdef __cplusplus
}
#endif

#endif
