/* SPDX-License-Identifier: MIT */
/* access and its forms: what the real ids may do. */
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <vfs/stat.h>

#include "api/call.h"
#include "core/inode.h"
#include "core/perm.h"
#include "core/walk.h"
#include "util/epoch.h"

_Static_assert(R_OK == VFS__MAY_READ && W_OK == VFS__MAY_WRITE &&
		       X_OK == VFS__MAY_EXEC,
	       "access modes are permission masks");

/* What refuses before permissions are asked. */
static int refused_before(const struct vfs__path *path, uint32_t type,
			  uint32_t mode)
{
	if ((mode & X_OK) && S_ISREG(type) &&
	    (vfs__mount_flags(path->mnt) & VFS__MNT_NOEXEC))
		return -EACCES;
	if ((mode & W_OK) &&
	    (VFS_READ_ONCE(path->mnt->super->flags) & VFS_SUPER_RDONLY) &&
	    (S_ISREG(type) || S_ISDIR(type) || S_ISLNK(type)))
		return -EROFS;
	return 0;
}

/* Writing to devices, FIFOs and sockets changes nothing on the mount. */
static int refused_after(const struct vfs__path *path, uint32_t type,
			 uint32_t mode)
{
	if (!(mode & W_OK) || S_ISCHR(type) || S_ISBLK(type) ||
	    S_ISFIFO(type) || S_ISSOCK(type))
		return 0;
	return vfs__mount_readonly(path->mnt) ? -EROFS : 0;
}

static int check(struct vfs__thread *thread, const struct vfs_cred *cred,
		 const struct vfs__path *path, uint32_t mode)
{
	struct vfs_inode *inode = vfs__dentry_inode(path->dentry);
	uint32_t type = vfs__inode_mode(inode);
	int err = refused_before(path, type, mode);

	if (!err)
		err = vfs__permission_load(
			thread, cred, vfs__mount_idmap(path->mnt), inode, mode);
	return err ? err : refused_after(path, type, mode);
}

/* Inside a section. -ECHILD: must be asked with a reference. */
static int check_fast(struct vfs_task *task, const struct vfs__path *path,
		      uint32_t mode)
{
	struct vfs_inode *inode = vfs__dentry_inode(path->dentry);
	uint32_t type = vfs__inode_mode(inode);
	int err = refused_before(path, type, mode);

	if (!err)
		err = vfs__permission(vfs__task_cred_peek(task),
				      vfs__mount_idmap(path->mnt), inode, mode);
	return err ? err : refused_after(path, type, mode);
}

/* As somebody else than the task, or where the fast way could not tell. */
static int access_as(struct vfs__thread *thread, struct vfs_task *task,
		     int dirfd, const char *path, uint32_t mode, uint32_t walk,
		     bool real)
{
	struct vfs_cred *cred = vfs__task_cred(thread, task), *own = cred;
	struct vfs__path at;
	int err = 0;

	if (real) {
		err = vfs__cred_for_access(own, &cred);
		if (err)
			goto put;
	}
	err = vfs__path_lookup_as(thread, task, cred, dirfd, path, walk, &at);
	if (!err) {
		err = check(thread, cred, &at, mode);
		vfs__path_unref(thread, &at);
	}
	if (real)
		vfs_cred_unref(cred);
put:
	vfs__task_cred_put(thread, own);
	return err;
}

static int access_at(struct vfs__thread *thread, struct vfs_task *task,
		     int dirfd, const char *path, uint32_t mode, uint32_t walk,
		     bool effective)
{
	struct vfs__lookup lookup;
	bool real;
	int err;

	vfs__epoch_enter(thread);
	real = !effective &&
	       vfs__cred_access_differs(vfs__task_cred_peek(task));
	vfs__epoch_leave(thread);
	if (real)
		return access_as(thread, task, dirfd, path, mode, walk, true);
	err = vfs__lookup_begin(thread, task, dirfd, path, walk, &lookup);
	if (err)
		return err;
	err = lookup.referenced ? -ECHILD
				: check_fast(task, &lookup.path, mode);
	vfs__lookup_end(thread, &lookup);
	if (err == -ECHILD)
		err = access_as(thread, task, dirfd, path, mode, walk, false);
	return err;
}

int vfs_faccessat2(struct vfs_task *task, int dirfd, const char *path, int mode,
		   int flags)
{
	struct vfs__thread *thread;
	uint32_t walk = 0;
	int err = vfs__enter(task, &thread);

	if (err)
		return err;
	if (mode & ~(R_OK | W_OK | X_OK))
		return -EINVAL;
	if (flags & ~(AT_EACCESS | AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH))
		return -EINVAL;
	if (!(flags & AT_SYMLINK_NOFOLLOW))
		walk |= VFS__WALK_FOLLOW;
	if (flags & AT_EMPTY_PATH)
		walk |= VFS__WALK_EMPTY;
	return access_at(thread, task, dirfd, path, (uint32_t)mode, walk,
			 flags & AT_EACCESS);
}

int vfs_faccessat(struct vfs_task *task, int dirfd, const char *path, int mode)
{
	return vfs_faccessat2(task, dirfd, path, mode, 0);
}

int vfs_access(struct vfs_task *task, const char *path, int mode)
{
	return vfs_faccessat2(task, AT_FDCWD, path, mode, 0);
}
