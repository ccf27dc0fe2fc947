/* SPDX-License-Identifier: MIT */
/*
 * Synthetic mount points: directories and empty files that live in memory
 * only, in a directory of any file system, where that cannot or must not be
 * written. The core makes them for every backend, which never hears of them.
 *
 * A synthetic inode (VFS_INODE_SYNTHETIC) has operations of the core's, and a
 * dentry that never falls out of the cache; in a file system that is not
 * complete the dentry is volatile, so that a real entry that appears wins. The
 * directory keeps a list of them for its listing (VFS_INODE_MERGED) in its
 * vfs__inode_ext: changed under the directory's lock (excl), read under it.
 */
#ifndef VFS__SYNTHDIR_H
#define VFS__SYNTHDIR_H

#include "core/task.h"

struct vfs__synthetic {
	struct vfs__synthetic *next;
	uint64_t ino;
	int64_t position; /* in listings; growing along the list */
	uint32_t type;	  /* DT_* */
	uint32_t len;
	char name[];
};

/* Where a listing's synthetic entries begin: backends stay below. */
#define VFS__SYNTHETIC_FIRST (INT64_C(1) << 62)

static inline bool vfs__is_synthetic(const struct vfs_inode *inode)
{
	return VFS_READ_ONCE(inode->flags) & VFS_INODE_SYNTHETIC;
}

/* - Makes path, mode's type a directory or a regular file, whatever the mount
 *   and its file system say of writing. Who may mount may. -EEXIST, -EPERM,
 *   -ENOMEM, the walk's. */
int vfs__synthetic_make(struct vfs__thread *thread, struct vfs_task *task,
			int dirfd, const char *path, uint32_t mode);
/* - Takes path away again, if it is synthetic and empty. */
int vfs__synthetic_undo(struct vfs__thread *thread, struct vfs_task *task,
			const char *path);
/* - The synthetic inode loses its name in dir; both locked excl. -ENOTEMPTY;
 *   memory is not needed. */
int vfs__synthetic_remove(struct vfs__thread *thread, struct vfs_inode *dir,
			  const struct vfs_name *name, struct vfs_inode *inode);
/* - Does a synthetic entry of that name in dir (locked, shared or excl) still
 *   stand? 1; 0: dir has a real one; or the backend's error. */
int vfs__synthetic_valid(struct vfs__thread *thread, struct vfs_inode *dir,
			 const struct vfs_name *name);
/* - d (referenced) is not what name in dir (excl) means: it leaves the cache,
 *   if it still has that name and nothing is mounted on it. */
void vfs__forget_name(struct vfs__thread *thread, struct vfs *vfs,
		      struct vfs_dentry *dir, const struct vfs_name *name,
		      struct vfs_dentry *d);
/* - The backend's iterate, then the synthetic ones. dir: shared. */
int vfs__synthetic_iterate(struct vfs__thread *thread, struct vfs_inode *dir,
			   struct vfs_file *file,
			   struct vfs_dir_context *context);
/* - Are there any in dir (locked)? Then it is not empty. */
bool vfs__synthetic_within(const struct vfs_inode *dir);
/* - What forbids a rename: -EPERM, -ENOTEMPTY or 0. All locked excl. */
int vfs__synthetic_rename(const struct vfs_rename_args *args);
/* - The directory goes. */
void vfs__synthetic_free(struct vfs__thread *thread,
			 struct vfs__inode_ext *ext);

#endif
