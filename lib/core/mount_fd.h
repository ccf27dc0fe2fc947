/* SPDX-License-Identifier: MIT */
/*
 * The mount calls that work with descriptors: open_tree(2), move_mount(2),
 * fsopen(2) and its relatives, mount_setattr(2), statmount(2), listmount(2).
 */
#ifndef VFS__MOUNT_FD_H
#define VFS__MOUNT_FD_H

#include <vfs/mount.h>

#include "core/mount_calls.h"

/* -- mount_fd.c -- */

/* - A descriptor (O_PATH) for path, whose references pass whatever happens;
 *   tree: the anonymous namespace that ends with the file, or NULL, passes too.
 *   The descriptor, -EMFILE, -ENOMEM. */
int vfs__mount_fd_install(struct vfs__thread *thread, struct vfs_task *task,
			  const struct vfs__path *path,
			  struct vfs__namespace *tree, bool cloexec);
/* - A namespace of its own for a tree that is nowhere, whose root is mnt; mnt
 *   is destroyed on failure. origin: the namespace that it was copied from, or
 *   0. The descriptor, -EMFILE, -ENOMEM. */
int vfs__mount_fd_detached(struct vfs__thread *thread, struct vfs_task *task,
			   struct vfs_mount *mnt, uint64_t origin,
			   bool cloexec);
/* - The same for a place in mnt, which the caller has a reference on. */
int vfs__mount_fd_detached_at(struct vfs__thread *thread, struct vfs_task *task,
			      struct vfs_mount *mnt, struct vfs_dentry *at,
			      uint64_t origin, bool cloexec);

int vfs__open_tree(struct vfs__thread *thread, struct vfs_task *task, int dirfd,
		   const char *path, uint32_t flags);
int vfs__move_mount(struct vfs__thread *thread, struct vfs_task *task,
		    int from_dirfd, const char *from, int to_dirfd,
		    const char *to, uint32_t flags);

/* -- fs_context.c -- */

/* - What all files of fsopen and fspick are, with one reference. NULL: out of
 *   memory. */
struct vfs_dentry *vfs__fs_context_dentry(struct vfs__thread *thread,
					  struct vfs *vfs);

int vfs__fsopen(struct vfs__thread *thread, struct vfs_task *task,
		const char *type, uint32_t flags);
int vfs__fspick(struct vfs__thread *thread, struct vfs_task *task, int dirfd,
		const char *path, uint32_t flags);
int vfs__fsconfig(struct vfs__thread *thread, struct vfs_task *task, int fd,
		  uint32_t command, const char *key, const void *value,
		  int aux);
int vfs__fsmount(struct vfs__thread *thread, struct vfs_task *task, int fd,
		 uint32_t flags, uint32_t attributes);

/* -- mount_setattr.c -- */

/* - MOUNT_ATTR_* as VFS__MNT_*: 0 or -EINVAL (a contradiction, or unknown). */
int vfs__attributes_parse(uint64_t attributes, uint32_t *flags);
int vfs__mount_setattr(struct vfs__thread *thread, struct vfs_task *task,
		       int dirfd, const char *path, uint32_t flags,
		       const struct vfs_mount_attr *attr);

/* -- statmount.c -- */

int vfs__statmount(struct vfs__thread *thread, struct vfs_task *task,
		   const struct vfs_mnt_id_req *req, struct vfs_statmount *out,
		   size_t size);
int64_t vfs__listmount(struct vfs__thread *thread, struct vfs_task *task,
		       const struct vfs_mnt_id_req *req, uint64_t *ids,
		       size_t count, bool reverse);

#endif
