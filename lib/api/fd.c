/* SPDX-License-Identifier: MIT */
/* Descriptors: close, dup, fcntl, ioctl. */
#include <fcntl.h>
#include <linux/fs.h>
#include <string.h>
#include <sys/ioctl.h>
#include <vfs/file.h>

#include "api/call.h"
#include "core/device.h"
#include "core/fileattr.h"
#include "core/hostfile.h"
#include "core/inode.h"
#include "core/inotify.h"
#include "core/perm.h"
#include "core/pipe.h"
#include "core/rw.h"
#include "core/seal.h"

#ifndef CLOSE_RANGE_UNSHARE
#define CLOSE_RANGE_UNSHARE (1U << 1)
#endif
#ifndef CLOSE_RANGE_CLOEXEC
#define CLOSE_RANGE_CLOEXEC (1U << 2)
#endif
#ifndef F_DUPFD_QUERY
#define F_DUPFD_QUERY 1027
#endif

/* What F_SETFL changes. */
#define SETTABLE (O_APPEND | O_NONBLOCK | O_NOATIME | O_DIRECT)

VFS_HOT
int vfs_close(struct vfs_task *task, int fd)
{
	struct vfs__thread *thread;
	int err = vfs__enter(task, &thread);

	return err ? err : vfs__fd_close(thread, task, fd);
}

int vfs_close_range(struct vfs_task *task, uint32_t first, uint32_t last,
		    uint32_t flags)
{
	struct vfs__thread *thread;
	int err = vfs__enter(task, &thread);

	if (err)
		return err;
	if (flags & ~(CLOSE_RANGE_UNSHARE | CLOSE_RANGE_CLOEXEC))
		return -EINVAL;
	if (first > last)
		return -EINVAL;
	if (flags & CLOSE_RANGE_UNSHARE) {
		err = vfs__task_unshare_files(thread, task);
		if (err)
			return err;
	}
	vfs__fd_close_range(thread, task, first, last,
			    flags & CLOSE_RANGE_CLOEXEC);
	return 0;
}

static int dup_from(struct vfs__thread *thread, struct vfs_task *task, int fd,
		    uint32_t minimum, bool cloexec)
{
	struct vfs_file *file = vfs__fd_get(thread, task, fd);
	int new_fd;

	if (!file)
		return -EBADF;
	new_fd = vfs__fd_install(thread, task, file, minimum, cloexec);
	if (new_fd < 0)
		vfs__file_unref(thread, file);
	return new_fd;
}

int vfs_dup(struct vfs_task *task, int fd)
{
	struct vfs__thread *thread;
	int err = vfs__enter(task, &thread);

	return err ? err : dup_from(thread, task, fd, 0, false);
}

static int dup_onto(struct vfs__thread *thread, struct vfs_task *task,
		    int oldfd, int newfd, bool cloexec)
{
	struct vfs_file *file = vfs__fd_get(thread, task, oldfd);
	int fd;

	if (!file)
		return -EBADF;
	fd = vfs__fd_replace(thread, task, newfd, file, cloexec);
	if (fd < 0)
		vfs__file_unref(thread, file);
	return fd;
}

int vfs_dup2(struct vfs_task *task, int oldfd, int newfd)
{
	struct vfs__thread *thread;
	struct vfs_file *file;
	int err = vfs__enter(task, &thread);

	if (err)
		return err;
	if (oldfd != newfd)
		return dup_onto(thread, task, oldfd, newfd, false);
	file = vfs__fd_get(thread, task, oldfd);
	if (!file)
		return -EBADF;
	vfs__file_unref(thread, file);
	return newfd;
}

int vfs_dup3(struct vfs_task *task, int oldfd, int newfd, int flags)
{
	struct vfs__thread *thread;
	int err = vfs__enter(task, &thread);

	if (err)
		return err;
	if ((flags & ~O_CLOEXEC) || oldfd == newfd)
		return -EINVAL;
	return dup_onto(thread, task, oldfd, newfd, flags & O_CLOEXEC);
}

/* ---- fcntl ---- */

static int set_status(struct vfs__thread *thread, struct vfs_task *task,
		      struct vfs_file *file, uint32_t flags)
{
	struct vfs_cred *cred = vfs__task_cred(thread, task);
	uint32_t now = VFS_READ_ONCE(file->flags);
	int err = 0;

	/* whose file it is, and of what kind, matters to these alone */
	if (((flags ^ now) & O_APPEND) || (flags & ~now & O_NOATIME))
		err = vfs__inode_refresh(thread, file->inode);
	if (!err && ((flags ^ now) & O_APPEND) &&
	    (VFS_READ_ONCE(file->inode->flags) & VFS_INODE_APPEND))
		err = -EPERM;
	else if (!err && (flags & ~now & O_NOATIME) &&
		 !vfs__owner_or_capable(cred, vfs__mount_idmap(file->path.mnt),
					file->inode))
		err = -EPERM;
	vfs__task_cred_put(thread, cred);
	if (!err && (flags & O_DIRECT) &&
	    (vfs__file_mode(file) & (VFS__FILE_DIR | VFS__FILE_NOTIFY)))
		err = -EINVAL;
	/* it is the host's to say how its description reads and writes */
	if (!err && ((flags ^ now) & O_DIRECT) &&
	    vfs__inode_is_foreign(file->inode))
		err = -EINVAL;
	if (err)
		return err;
	while (!__atomic_compare_exchange_n(
		&file->flags, &now,
		(now & ~(uint32_t)SETTABLE) | (flags & SETTABLE), false,
		__ATOMIC_RELAXED, __ATOMIC_RELAXED))
		;
	return 0;
}

static int pipe_size(struct vfs__thread *thread, struct vfs_task *task,
		     struct vfs_file *file, int cmd, int64_t arg)
{
	if (vfs__file_mode(file) & VFS__FILE_STREAM)
		return vfs__pipe_fcntl(thread, task, file, cmd, arg);
	if (vfs__file_mode(file) & VFS__FILE_HOST)
		return vfs__hoststream_fcntl(file, cmd, arg);
	return -EBADF;
}

static int same_file(struct vfs__thread *thread, struct vfs_task *task,
		     const struct vfs_file *file, int64_t fd)
{
	struct vfs_file *other = vfs__fd_get(thread, task, (int)fd);
	int same;

	if (!other)
		return -EBADF;
	same = other == file;
	vfs__file_unref(thread, other);
	return same;
}

/* Commands on the descriptor, which O_PATH descriptors know too. */
static int fcntl_fd(struct vfs__thread *thread, struct vfs_task *task, int fd,
		    struct vfs_file *file, int cmd, int64_t arg, bool *known)
{
	*known = true;
	switch (cmd) {
	case F_DUPFD:
	case F_DUPFD_CLOEXEC:
		if (arg < 0 || arg > INT32_MAX)
			return -EINVAL;
		return dup_from(thread, task, fd, (uint32_t)arg,
				cmd == F_DUPFD_CLOEXEC);
	case F_DUPFD_QUERY:
		return same_file(thread, task, file, arg);
	case F_GETFD:
		return vfs__fd_get_cloexec(thread, task, fd);
	case F_SETFD:
		return vfs__fd_set_cloexec(thread, task, fd, arg & FD_CLOEXEC);
	case F_GETFL:
		return (int)VFS_READ_ONCE(file->flags);
	default:
		*known = false;
		return 0;
	}
}

int vfs_fcntl(struct vfs_task *task, int fd, int cmd, int64_t arg)
{
	struct vfs__thread *thread;
	struct vfs_file *file;
	bool known;
	int result = vfs__enter(task, &thread);

	if (result)
		return result;
	file = vfs__fd_get(thread, task, fd);
	if (!file)
		return -EBADF;
	result = fcntl_fd(thread, task, fd, file, cmd, arg, &known);
	if (known)
		goto unref;
	if (vfs__file_mode(file) & VFS__FILE_PATH) {
		result = -EBADF;
		goto unref;
	}
	switch (cmd) {
	case F_SETFL:
		result = set_status(thread, task, file, (uint32_t)arg);
		break;
	case F_GETPIPE_SZ:
	case F_SETPIPE_SZ:
		result = pipe_size(thread, task, file, cmd, arg);
		break;
	case F_GET_SEALS:
		result = vfs__seals_get(file);
		break;
	case F_ADD_SEALS:
		result = vfs__seals_add(file, (uint32_t)arg);
		break;
	default:
		result = -EINVAL;
	}
unref:
	vfs__file_unref(thread, file);
	return result;
}

/* ---- ioctl ---- */

static int ioctl_nonblock(struct vfs_file *file, const int *on)
{
	if (!on)
		return -EFAULT;
	if (*on)
		__atomic_fetch_or(&file->flags, O_NONBLOCK, __ATOMIC_RELAXED);
	else
		__atomic_fetch_and(&file->flags, ~(uint32_t)O_NONBLOCK,
				   __ATOMIC_RELAXED);
	return 0;
}

/* Bytes behind the position of a regular file. */
static int ioctl_left(const struct vfs_file *file, int *left)
{
	if (!left)
		return -EFAULT;
	*left = (int)(VFS_READ_ONCE(file->inode->size) -
		      VFS_READ_ONCE(file->position));
	return 0;
}

static int ioctl_file(struct vfs__thread *thread, struct vfs_task *task,
		      struct vfs_file *file, uint64_t request, void *arg)
{
	struct vfs_inode *inode = file->inode;
	const struct file_clone_range *range = arg;
	struct vfs_cred *cred;
	int err;

	if (request == FICLONE)
		return vfs__clone(thread, task, (int)(intptr_t)arg, file, NULL);
	if (request == FICLONERANGE)
		return !range ? -EFAULT
			      : vfs__clone(thread, task, (int)range->src_fd,
					   file, range);
	err = vfs__inode_refresh(thread, inode);
	if (err)
		return err;
	cred = vfs__task_cred(thread, task);
	err = vfs__fileattr_ioctl(thread, cred, file, request, arg);
	vfs__task_cred_put(thread, cred);
	if (err != -ENOTTY)
		return err;
	if (vfs__file_mode(file) & VFS__FILE_STREAM)
		return vfs__pipe_ioctl(file, request, arg);
	if (vfs__file_mode(file) & VFS__FILE_DEVICE)
		return vfs__device_ioctl(file, request, arg);
	if (vfs__file_mode(file) & VFS__FILE_NOTIFY)
		return vfs__inotify_ioctl(file, request, arg);
	if (vfs__file_mode(file) & VFS__FILE_HOST)
		return vfs__hoststream_ioctl(file, request, arg);
	if (request == FIONREAD && S_ISREG(vfs__inode_mode(inode)))
		return ioctl_left(file, arg);
	return inode->ops->ioctl ? inode->ops->ioctl(inode, file, request, arg)
				 : -ENOTTY;
}

int vfs_ioctl(struct vfs_task *task, int fd, uint64_t request, void *arg)
{
	struct vfs__thread *thread;
	struct vfs_file *file;
	int err = vfs__enter(task, &thread);

	if (err)
		return err;
	file = vfs__fd_get_io(thread, task, fd);
	if (!file)
		return -EBADF;
	/* an int to Linux, whatever else is in the register */
	if (request >> 32 != VFS_IOC_OWN >> 32)
		request = (uint32_t)request;
	switch (request) {
	case FIOCLEX:
		err = vfs__fd_set_cloexec(thread, task, fd, true);
		break;
	case FIONCLEX:
		err = vfs__fd_set_cloexec(thread, task, fd, false);
		break;
	case FIONBIO:
		err = ioctl_nonblock(file, arg);
		break;
	default:
		err = ioctl_file(thread, task, file, request, arg);
	}
	vfs__file_unref(thread, file);
	return err;
}
