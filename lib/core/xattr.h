/* SPDX-License-Identifier: MIT */
/*
 * Extended attributes: names, sizes, namespaces and who may do what. The
 * paths are referenced, no section; the functions take locks and the mount's
 * write access.
 */
#ifndef VFS__XATTR_H
#define VFS__XATTR_H

#include "core/cred.h"
#include "core/mount.h"

/* - A name as such, before any path is looked at: 0, -EFAULT, -ERANGE. */
int vfs__xattr_check_name(const char *name);
/* - The arguments of setxattr as such: the name's errors, -EINVAL flags,
 *   -E2BIG, -EFAULT. */
int vfs__xattr_check_set(const char *name, const void *value, size_t size,
			 int flags);

int64_t vfs__xattr_get(struct vfs__thread *thread, const struct vfs_cred *cred,
		       const struct vfs__path *path, const char *name,
		       void *value, size_t size);
int vfs__xattr_set(struct vfs__thread *thread, const struct vfs_cred *cred,
		   const struct vfs__path *path, const char *name,
		   const void *value, size_t size, int flags);
int64_t vfs__xattr_list(struct vfs__thread *thread, const struct vfs_cred *cred,
			const struct vfs__path *path, char *list, size_t size);
int vfs__xattr_remove(struct vfs__thread *thread, const struct vfs_cred *cred,
		      const struct vfs__path *path, const char *name);

#endif
