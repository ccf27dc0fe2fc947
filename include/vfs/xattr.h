/* SPDX-License-Identifier: MIT */
/*
 * Extended attributes and, through system.posix_acl_access and
 * system.posix_acl_default, POSIX access control lists (acl(5)). Each function
 * is the Linux call of its name with the task in front: by path with a last
 * symlink followed, by path without (l), by descriptor (f).
 *
 * Names are NUL-terminated, of 1 to 255 bytes, and begin with their namespace:
 *
 *	user.      regular files and directories; permission to read or write
 *	           the file; in a sticky directory only the owner may change it
 *	trusted.   only with CAP_SYS_ADMIN, others do not see them
 *	security.  anybody reads; changed with CAP_SYS_ADMIN, but
 *	           security.capability with CAP_SETFCAP
 *	system.    the two ACLs: anybody reads, the owner changes
 *
 * CAP_SYS_ADMIN is asked for in the root user namespace for trusted., in that
 * of the file system for security.; CAP_SETFCAP is one over the file. The ids
 * in ACLs and in security.capability are numbers of the task's namespace
 * (<vfs/userns.h>). Of an immutable or append-only file (vfs_ioctl) none is
 * changed: -EPERM.
 *
 * All of them: any thread, at any time; since 0.1; a negative errno on failure,
 * and then nothing was changed. Besides what each one lists there is
 * everywhere
 *
 *	-EFAULT      task, path or name is NULL
 *	-ENOMEM      no memory
 *	-ERANGE      the name is empty or longer than 255 bytes
 *	-EBADF       fd is not open or was opened with O_PATH
 *	-EOPNOTSUPP  the file system, or this kind of file, has no attributes of
 *	             this namespace; an ACL of a symlink
 *	-EINVAL      a namespace without a name behind it
 *	-EACCES      no permission on the file (user.), or on the way to it
 *
 * the other errors of a walk (<vfs/stat.h>), and the backend's own. An argument
 * that is wrong by itself is reported before a path that is. See xattr(7).
 */
#ifndef VFS_XATTR_H
#define VFS_XATTR_H

#include <vfs/base.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Reads the attribute's value into value[0..size). Returns its length in
 * bytes; size 0 asks for that alone. An ACL is given in its canonical form.
 *
 * Errors, besides those above: -ENODATA there is no such attribute, or it is
 * not for the task to see; -ERANGE the value is longer than size; -EFAULT value
 * is NULL and size is not 0. See getxattr(2).
 */
VFS_API int64_t vfs_getxattr(struct vfs_task *task, const char *path,
			     const char *name, void *value, size_t size);
VFS_API int64_t vfs_lgetxattr(struct vfs_task *task, const char *path,
			      const char *name, void *value, size_t size);
VFS_API int64_t vfs_fgetxattr(struct vfs_task *task, int fd, const char *name,
			      void *value, size_t size);
/*
 * Sets the attribute to value[0..size); size 0 is an empty value. flags:
 * XATTR_CREATE, XATTR_REPLACE, or 0 for either case.
 *
 * ACLs: the blob is a version (2) and the entries, little-endian; flags do not
 * matter, no entries (or size 0) removes the ACL. An access ACL sets the file's
 * permission bits, and is not kept when they say all of it.
 *
 * Returns 0. Errors, besides those above: -EINVAL an unknown flag, a value that
 * is no ACL or no file capability; -E2BIG more than 65536 bytes; -EFAULT value
 * is NULL and size is not 0; -EEXIST XATTR_CREATE and it exists; -ENODATA
 * XATTR_REPLACE and it does not; -EPERM the namespace's rule forbids it;
 * -EOPNOTSUPP an ACL of another version; -EACCES a default ACL for what is no
 * directory; -EROFS a read-only file system; -ENOSPC no space for it.
 * See setxattr(2).
 */
VFS_API int vfs_setxattr(struct vfs_task *task, const char *path,
			 const char *name, const void *value, size_t size,
			 int flags);
VFS_API int vfs_lsetxattr(struct vfs_task *task, const char *path,
			  const char *name, const void *value, size_t size,
			  int flags);
VFS_API int vfs_fsetxattr(struct vfs_task *task, int fd, const char *name,
			  const void *value, size_t size, int flags);
/*
 * Writes the names into list[0..size), each with its NUL: ACLs first, trusted.
 * only with CAP_SYS_ADMIN. Returns their length in bytes; size 0 asks for that
 * alone.
 *
 * Errors, besides those above: -ERANGE size is too small; -E2BIG the names need
 * more than 65536 bytes; -EFAULT list is NULL and size is not 0. See
 * listxattr(2).
 */
VFS_API int64_t vfs_listxattr(struct vfs_task *task, const char *path,
			      char *list, size_t size);
VFS_API int64_t vfs_llistxattr(struct vfs_task *task, const char *path,
			       char *list, size_t size);
VFS_API int64_t vfs_flistxattr(struct vfs_task *task, int fd, char *list,
			       size_t size);
/*
 * Removes the attribute. Returns 0, for an ACL also when there is none.
 *
 * Errors, besides those above: -ENODATA there is no such attribute; -EPERM the
 * namespace's rule forbids it; -EROFS a read-only file system. See
 * removexattr(2).
 */
VFS_API int vfs_removexattr(struct vfs_task *task, const char *path,
			    const char *name);
VFS_API int vfs_lremovexattr(struct vfs_task *task, const char *path,
			     const char *name);
VFS_API int vfs_fremovexattr(struct vfs_task *task, int fd, const char *name);

#ifdef __cplusplus
}
#endif

#endif
