/* SPDX-License-Identifier: MIT */
/* chmod, chown, utimens and their forms. */
#include "core/attr.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <vfs/stat.h>

#include "api/call.h"
#include "core/walk.h"

/* What is to be done to the place that a call names. */
struct change {
	int (*apply)(struct vfs__thread *thread, const struct vfs_cred *cred,
		     const struct vfs__path *path, const struct change *change);
	uint32_t mode;
	uint32_t uid, gid;
	const struct vfs_timespec *times;
};

static int apply_chmod(struct vfs__thread *thread, const struct vfs_cred *cred,
		       const struct vfs__path *path,
		       const struct change *change)
{
	return vfs__chmod(thread, cred, path, change->mode);
}

static int apply_chown(struct vfs__thread *thread, const struct vfs_cred *cred,
		       const struct vfs__path *path,
		       const struct change *change)
{
	return vfs__chown(thread, cred, path, change->uid, change->gid);
}

static int apply_utimens(struct vfs__thread *thread,
			 const struct vfs_cred *cred,
			 const struct vfs__path *path,
			 const struct change *change)
{
	return vfs__utimens(thread, cred, path, change->times);
}

/* flags: AT_SYMLINK_NOFOLLOW and AT_EMPTY_PATH. */
static int change_at(struct vfs_task *task, int dirfd, const char *path,
		     int flags, const struct change *change)
{
	struct vfs__thread *thread;
	struct vfs_cred *cred;
	struct vfs__path at;
	uint32_t walk = 0;
	int err = vfs__enter(task, &thread);

	if (err)
		return err;
	if (flags & ~(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH))
		return -EINVAL;
	if (!(flags & AT_SYMLINK_NOFOLLOW))
		walk |= VFS__WALK_FOLLOW;
	if (flags & AT_EMPTY_PATH)
		walk |= VFS__WALK_EMPTY;
	err = vfs__path_lookup(thread, task, dirfd, path, walk, &at);
	if (err)
		return err;
	cred = vfs__task_cred(thread, task);
	err = change->apply(thread, cred, &at, change);
	vfs__task_cred_put(thread, cred);
	vfs__path_unref(thread, &at);
	return err;
}

static int change_fd(struct vfs_task *task, int fd, const struct change *change)
{
	struct vfs__thread *thread;
	struct vfs_file *file;
	struct vfs_cred *cred;
	int err = vfs__enter(task, &thread);

	if (err)
		return err;
	file = vfs__fd_get_io(thread, task, fd);
	if (!file)
		return -EBADF;
	cred = vfs__task_cred(thread, task);
	err = change->apply(thread, cred, &file->path, change);
	vfs__task_cred_put(thread, cred);
	vfs__file_unref(thread, file);
	return err;
}

/* ---- chmod ---- */

int vfs_fchmodat2(struct vfs_task *task, int dirfd, const char *path,
		  uint32_t mode, int flags)
{
	const struct change change = {.apply = apply_chmod, .mode = mode};

	return change_at(task, dirfd, path, flags, &change);
}

int vfs_fchmodat(struct vfs_task *task, int dirfd, const char *path,
		 uint32_t mode)
{
	return vfs_fchmodat2(task, dirfd, path, mode, 0);
}

int vfs_chmod(struct vfs_task *task, const char *path, uint32_t mode)
{
	return vfs_fchmodat2(task, AT_FDCWD, path, mode, 0);
}

int vfs_fchmod(struct vfs_task *task, int fd, uint32_t mode)
{
	const struct change change = {.apply = apply_chmod, .mode = mode};

	return change_fd(task, fd, &change);
}

/* ---- chown ---- */

int vfs_fchownat(struct vfs_task *task, int dirfd, const char *path,
		 uint32_t uid, uint32_t gid, int flags)
{
	const struct change change = {
		.apply = apply_chown,
		.uid = uid,
		.gid = gid,
	};

	return change_at(task, dirfd, path, flags, &change);
}

int vfs_chown(struct vfs_task *task, const char *path, uint32_t uid,
	      uint32_t gid)
{
	return vfs_fchownat(task, AT_FDCWD, path, uid, gid, 0);
}

int vfs_lchown(struct vfs_task *task, const char *path, uint32_t uid,
	       uint32_t gid)
{
	return vfs_fchownat(task, AT_FDCWD, path, uid, gid,
			    AT_SYMLINK_NOFOLLOW);
}

int vfs_fchown(struct vfs_task *task, int fd, uint32_t uid, uint32_t gid)
{
	const struct change change = {
		.apply = apply_chown,
		.uid = uid,
		.gid = gid,
	};

	return change_fd(task, fd, &change);
}

/* ---- utimens ---- */

/* Nothing to do: the kernel then looks neither at the path nor at flags. */
static bool omits_both(const struct vfs_timespec *times)
{
	return times && times[0].nsec == UTIME_OMIT &&
	       times[1].nsec == UTIME_OMIT;
}

int vfs_utimensat(struct vfs_task *task, int dirfd, const char *path,
		  const struct vfs_timespec times[2], int flags)
{
	const struct change change = {.apply = apply_utimens, .times = times};

	if (!task)
		return -EFAULT;
	if (omits_both(times))
		return 0;
	if (path || dirfd == AT_FDCWD)
		return change_at(task, dirfd, path, flags, &change);
	return flags ? -EINVAL : change_fd(task, dirfd, &change);
}

int vfs_futimens(struct vfs_task *task, int fd,
		 const struct vfs_timespec times[2])
{
	const struct change change = {.apply = apply_utimens, .times = times};

	if (!task)
		return -EFAULT;
	return omits_both(times) ? 0 : change_fd(task, fd, &change);
}
