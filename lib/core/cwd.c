/* SPDX-License-Identifier: MIT */
/* chdir, chroot, getcwd, realpath. Contract: cwd.h. */
#include "core/cwd.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "core/notify.h"
#include "core/path.h"
#include "core/pathname.h"
#include "core/perm.h"
#include "core/walk.h"

#define UNREACHABLE "(unreachable)"

static int may_enter(struct vfs__thread *thread, struct vfs_task *task,
		     const struct vfs__path *at, bool root)
{
	struct vfs_inode *inode = at->dentry->inode;
	struct vfs_cred *cred;
	int err = vfs__inode_refresh(thread, inode);

	if (err)
		return err;
	cred = vfs__task_cred(thread, task);
	err = vfs__permission_load(thread, cred, vfs__mount_idmap(at->mnt),
				   inode, VFS__MAY_EXEC);
	if (!err && root && !vfs__capable_own(cred, VFS_CAP_SYS_CHROOT))
		err = -EPERM;
	vfs__task_cred_put(thread, cred);
	return err;
}

static int change(struct vfs__thread *thread, struct vfs_task *task,
		  const char *path, bool root)
{
	struct vfs__path at;
	int err = vfs__path_lookup(thread, task, AT_FDCWD, path,
				   VFS__WALK_FOLLOW | VFS__WALK_DIRECTORY, &at);

	if (err)
		return err;
	err = may_enter(thread, task, &at, root);
	if (!err)
		err = vfs__task_set_path(thread, task, &at, root);
	vfs__path_unref(thread, &at);
	vfs__notify_flush(thread);
	return err;
}

int vfs__chdir(struct vfs__thread *thread, struct vfs_task *task,
	       const char *path)
{
	return change(thread, task, path, false);
}

int vfs__chroot(struct vfs__thread *thread, struct vfs_task *task,
		const char *path)
{
	return change(thread, task, path, true);
}

int vfs__fchdir(struct vfs__thread *thread, struct vfs_task *task, int fd)
{
	struct vfs_file *file = vfs__fd_get(thread, task, fd);
	int err;

	if (!file)
		return -EBADF;
	if (!vfs__inode_is_dir(file->inode))
		err = -ENOTDIR;
	else
		err = may_enter(thread, task, &file->path, false);
	if (!err)
		err = vfs__task_set_path(thread, task, &file->path, false);
	vfs__notify_flush(thread);
	vfs__file_unref(thread, file);
	return err;
}

/* The path of at into buffer; the length with the NUL. reachable: it is -ENOENT
 * where no path leads there. */
static int64_t path_of(struct vfs__thread *thread, struct vfs_task *task,
		       const struct vfs__path *at, const struct vfs__path *root,
		       bool reachable, char *buffer, size_t size)
{
	const size_t prefix = sizeof(UNREACHABLE) - 1;
	bool unreachable;
	char *start, *scratch;
	int64_t len;

	scratch = vfs__mem_alloc(thread, VFS__PATH_MAX);
	if (!scratch)
		return -ENOMEM;
	len = vfs__path_string(thread, task->vfs, at, root, scratch,
			       VFS__PATH_MAX, &start, &unreachable);
	if (len == -ERANGE)
		len = -ENAMETOOLONG;
	if (len > 0 && unreachable && reachable) {
		len = -ENOENT;
	} else if (len > 0 && unreachable) {
		if ((size_t)(start - scratch) < prefix) {
			len = -ENAMETOOLONG;
		} else {
			start -= prefix;
			memcpy(start, UNREACHABLE, prefix);
			len += (int64_t)prefix;
		}
	}
	if (len > 0 && (size_t)len > size)
		len = -ERANGE;
	if (len > 0)
		memcpy(buffer, start, (size_t)len);
	vfs__mem_free(thread, scratch, VFS__PATH_MAX);
	return len;
}

int64_t vfs__getcwd(struct vfs__thread *thread, struct vfs_task *task,
		    char *buffer, size_t size)
{
	struct vfs__fspaths at;
	int64_t len;

	vfs__task_paths(thread, task, &at);
	len = path_of(thread, task, &at.cwd, &at.root, false, buffer, size);
	vfs__path_unref(thread, &at.root);
	vfs__path_unref(thread, &at.cwd);
	return len;
}

int64_t vfs__realpath(struct vfs__thread *thread, struct vfs_task *task,
		      const char *path, char *buffer, size_t size)
{
	struct vfs__fspaths paths;
	struct vfs__path at;
	int64_t len = vfs__path_lookup(thread, task, AT_FDCWD, path,
				       VFS__WALK_FOLLOW, &at);

	if (len)
		return len;
	vfs__task_paths(thread, task, &paths);
	len = path_of(thread, task, &at, &paths.root, true, buffer, size);
	vfs__path_unref(thread, &paths.root);
	vfs__path_unref(thread, &paths.cwd);
	vfs__path_unref(thread, &at);
	return len > 0 ? len - 1 : len;
}
