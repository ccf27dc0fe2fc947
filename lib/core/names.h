/* SPDX-License-Identifier: MIT */
/*
 * Making and removing names: what stands between the calls and a backend's
 * directory operations.
 */
#ifndef VFS__NAMES_H
#define VFS__NAMES_H

#include "core/task.h"
#include "core/walk.h"

/* A name about to be made: parent locked, dentry negative. */
struct vfs__create {
	struct vfs__path parent;   /* referenced; its inode locked excl */
	struct vfs_dentry *dentry; /* referenced */
	struct vfs__last last;
	struct vfs_cred *cred; /* referenced */
};

/*
 * - Walks to path's parent, takes the mount's write access and the directory's
 *   lock, and finds that the name is free and may be made.
 * - directory: trailing slashes are allowed.
 * - -EEXIST (before -EROFS and -EACCES), -ENOENT, -EROFS, -EACCES, the walk's.
 */
int vfs__create_begin(struct vfs__thread *thread, struct vfs_task *task,
		      int dirfd, const char *path, bool directory,
		      struct vfs__create *out);
void vfs__create_end(struct vfs__thread *thread, struct vfs__create *create);

/*
 * - Makes the inode, with dir's lock (excl) held and permission checked: mode
 *   (type and permissions) before umask, ACLs and setgid rules. dentry becomes
 *   positive and is cached.
 */
int vfs__make_node(struct vfs__thread *thread, struct vfs_task *task,
		   const struct vfs_cred *cred, const struct vfs__path *dir,
		   struct vfs_dentry *dentry, uint32_t mode, uint64_t rdev,
		   const char *target);
/* - What an inode of args->mode gets in dir: owner, group, umask, ACLs. The
 *   new inode is given to vfs__acl_inherited, and *acl to
 *   vfs__acl_inherit_fini. dir locked excl. 0, -ENOMEM. */
struct vfs__acl_inherit;
int vfs__create_attributes(struct vfs__thread *thread, struct vfs_task *task,
			   const struct vfs_cred *cred,
			   const struct vfs_userns *idmap,
			   struct vfs_inode *dir, struct vfs_create_args *args,
			   struct vfs__acl_inherit *acl);
/* - O_TMPFILE's: an unhashed dentry below dir, referenced. dir locked excl. */
int vfs__make_tmpfile(struct vfs__thread *thread, struct vfs_task *task,
		      const struct vfs_cred *cred, const struct vfs__path *dir,
		      uint32_t mode, struct vfs_dentry **out);

/* - Write and search permission on a locked directory: -ENOENT when it was
 *   removed, -EACCES, -EPERM when it is immutable, -EOVERFLOW when cred's ids
 *   have no number there. */
int vfs__may_create(struct vfs__thread *thread, const struct vfs_cred *cred,
		    const struct vfs_userns *idmap, struct vfs_inode *dir);
/* - May cred take victim's name out of dir? directory: by rmdir. */
int vfs__may_delete(struct vfs__thread *thread, const struct vfs_cred *cred,
		    const struct vfs_userns *idmap, struct vfs_inode *dir,
		    struct vfs_dentry *victim, bool directory);

/* The calls. */
int vfs__mknod(struct vfs__thread *thread, struct vfs_task *task, int dirfd,
	       const char *path, uint32_t mode, uint64_t dev);
int vfs__mkdir(struct vfs__thread *thread, struct vfs_task *task, int dirfd,
	       const char *path, uint32_t mode);
int vfs__symlink(struct vfs__thread *thread, struct vfs_task *task,
		 const char *target, int dirfd, const char *path);
int vfs__link(struct vfs__thread *thread, struct vfs_task *task, int olddirfd,
	      const char *oldpath, int newdirfd, const char *newpath,
	      int flags);
int vfs__unlink(struct vfs__thread *thread, struct vfs_task *task, int dirfd,
		const char *path);
int vfs__rmdir(struct vfs__thread *thread, struct vfs_task *task, int dirfd,
	       const char *path);
int vfs__rename(struct vfs__thread *thread, struct vfs_task *task, int olddirfd,
		const char *oldpath, int newdirfd, const char *newpath,
		uint32_t flags);

#endif
