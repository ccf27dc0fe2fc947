/* SPDX-License-Identifier: MIT */
/*
 * File handles: an inode by its number, without a path.
 *
 * Inodes are in no table: one of 247 bytes would pay for it in each file. So
 * there is one for those inodes only that somebody was given a handle of; such
 * an inode says so in its flags (VFS_INODE_HANDLE), and a handle that nobody
 * was given is stale. An entry holds no reference: eviction takes it out of the
 * table, and a dentry that goes, takes itself out of it. So a handle keeps
 * nothing alive, works through renames, and is stale as soon as the file is
 * gone, which is what a handle means.
 *
 * A handle is the inode's number and a generation, which is a hash of number
 * and device under the instance's secret: it need not be stored, because a
 * number is never given twice (VFS_FS_HANDLES), and who has not been given a
 * handle cannot guess it.
 *
 * Lock: the table's, a leaf.
 */
#ifndef VFS__HANDLE_H
#define VFS__HANDLE_H

#include <vfs/handle.h>
#include <vfs/sys/layer.h>

#include "core/task.h"

struct vfs__handle;

/* - name_to_handle_at(2). */
int vfs__name_to_handle(struct vfs__thread *thread, struct vfs_task *task,
			int dirfd, const char *path,
			struct vfs_file_handle *handle, void *mount_id,
			int flags);
/* - Where handle leads to, for open_by_handle_at(2): referenced. */
int vfs__handle_place(struct vfs__thread *thread, struct vfs_task *task,
		      int mount_fd, const struct vfs_file_handle *handle,
		      struct vfs__path *place);
/* - For <vfs/sys/layer.h>. */
int vfs__layer_encode(struct vfs__thread *thread, struct vfs *vfs,
		      const struct vfs__path *path,
		      struct vfs_layer_handle *out);
/* - *out is referenced; the mount is that of the file system. */
int vfs__layer_decode(struct vfs__thread *thread, struct vfs *vfs,
		      struct vfs_mount *mnt,
		      const struct vfs_layer_handle *handle,
		      struct vfs_dentry **out);

/* - The inode, which has VFS_INODE_HANDLE, is being evicted. */
void vfs__handle_evict(struct vfs__thread *thread, struct vfs_inode *inode);
/* - d, a dentry of such an inode, is being freed. */
void vfs__handle_forget(const struct vfs_dentry *d);
/* - The instance's end; no inode is left. */
void vfs__handles_fini(struct vfs__thread *thread, struct vfs *vfs);

#endif
