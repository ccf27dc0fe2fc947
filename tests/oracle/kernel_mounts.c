/* SPDX-License-Identifier: MIT */
/* The kernel's calls on mounts and namespaces. */
#define _GNU_SOURCE
#include "kernel_calls.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "ktask.h"

#define P(pointer) (long)(pointer)
#define CALL(name, ...)                              \
	ktask_call((struct ktask *)task, SYS_##name, \
		   (const long[6]){__VA_ARGS__})

static void take_over(int tid, int fd)
{
	int pidfd, mine;

	ktask_unlimit();
	pidfd = (int)syscall(SYS_pidfd_open, tid, O_EXCL);
	mine = (int)syscall(SYS_pidfd_getfd, pidfd, fd, 0);
	fcntl(mine, F_DUPFD_CLOEXEC, KEPT_FD);
	close(mine);
	close(pidfd);
}

/*
 * The kernel gives the device number of a file system that is gone to the next
 * one, the library does not: so that they can be compared by identity, each
 * file system stays until the script's end, behind a mount that is nowhere, in
 * the descriptors of the thread that runs the script. Not what is called
 * `passing`.
 */
static void keep(struct vfs_task *task, int dirfd, const char *target)
{
	struct mount_attr attr = {.propagation = MS_PRIVATE};
	int fd = (int)CALL(open_tree, dirfd, P(target),
			   OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH);

	if (fd < 0)
		return;
	CALL(mount_setattr, fd, P(""), AT_EMPTY_PATH, P(&attr), sizeof(attr));
	take_over((int)CALL(gettid), fd);
	CALL(close, fd);
}

int kernel_mount(struct vfs_task *task, const char *source, const char *target,
		 const char *type, uint64_t flags, const char *data)
{
	const uint64_t others = MS_REMOUNT | MS_BIND | MS_MOVE | MS_SHARED |
				MS_PRIVATE | MS_SLAVE | MS_UNBINDABLE;
	int result = (int)CALL(mount, P(source), P(target), P(type),
			       (long)flags, P(data));

	if ((flags & 0xffff0000) == 0xc0ed0000)
		flags &= 0xffff;
	if (!result && !(flags & others) &&
	    !(source && !strcmp(source, "passing")))
		keep(task, AT_FDCWD, target);
	return result;
}

int kernel_umount2(struct vfs_task *task, const char *target, int flags)
{
	int result = (int)CALL(umount2, P(target), flags);

	/* what was closed just before may still be going away */
	for (int i = 0; i < 2 && result == -EBUSY; i++) {
		usleep(i ? 5000 : 500);
		result = (int)CALL(umount2, P(target), flags);
	}
	return result;
}

int kernel_pivot_root(struct vfs_task *task, const char *new_root,
		      const char *put_old)
{
	return (int)CALL(pivot_root, P(new_root), P(put_old));
}

int kernel_unshare(struct vfs_task *task, uint64_t flags)
{
	return (int)CALL(unshare, (long)flags);
}

int kernel_setns(struct vfs_task *task, int fd, int type)
{
	return (int)CALL(setns, fd, type);
}

int kernel_open_tree(struct vfs_task *task, int dirfd, const char *path,
		     uint32_t flags)
{
	return (int)CALL(open_tree, dirfd, P(path), flags);
}

int kernel_move_mount(struct vfs_task *task, int from_dirfd, const char *from,
		      int to_dirfd, const char *to, uint32_t flags)
{
	return (int)CALL(move_mount, from_dirfd, P(from), to_dirfd, P(to),
			 flags);
}

int kernel_fsopen(struct vfs_task *task, const char *type, uint32_t flags)
{
	return (int)CALL(fsopen, P(type), flags);
}

int kernel_fspick(struct vfs_task *task, int dirfd, const char *path,
		  uint32_t flags)
{
	return (int)CALL(fspick, dirfd, P(path), flags);
}

int kernel_fsconfig(struct vfs_task *task, int fd, uint32_t command,
		    const char *key, const void *value, int aux)
{
	return (int)CALL(fsconfig, fd, command, P(key), P(value), aux);
}

int kernel_fsmount(struct vfs_task *task, int fd, uint32_t flags,
		   uint32_t attributes)
{
	int result = (int)CALL(fsmount, fd, flags, attributes);

	if (result >= 0)
		keep(task, result, "");
	return result;
}

int kernel_mount_setattr(struct vfs_task *task, int dirfd, const char *path,
			 uint32_t flags, const struct vfs_mount_attr *attr,
			 size_t size)
{
	return (int)CALL(mount_setattr, dirfd, P(path), flags, P(attr),
			 (long)size);
}

#ifndef SYS_statmount
#define SYS_statmount 457
#define SYS_listmount 458
#endif

int kernel_statmount(struct vfs_task *task, const struct vfs_mnt_id_req *req,
		     struct vfs_statmount *buffer, size_t size, uint32_t flags)
{
	return (int)CALL(statmount, P(req), P(buffer), (long)size, flags);
}

int64_t kernel_listmount(struct vfs_task *task,
			 const struct vfs_mnt_id_req *req, uint64_t *ids,
			 size_t count, uint32_t flags)
{
	return CALL(listmount, P(req), P(ids), (long)count, flags);
}
