/* SPDX-License-Identifier: MIT */
/* The mount calls that work with descriptors. */
#include <fcntl.h>
#include <linux/mount.h>
#include <string.h>
#include <vfs/mount.h>

#include "api/call.h"
#include "core/mount_fd.h"
#include "util/grown.h"

#ifndef AT_RECURSIVE
#define AT_RECURSIVE 0x8000
#endif
#define LIST_MAX 1000000u /* of what is asked for at once */

int vfs_open_tree(struct vfs_task *task, int dirfd, const char *path,
		  uint32_t flags)
{
	struct vfs__thread *thread;
	int err = vfs__enter(task, &thread);

	return err ? err : vfs__open_tree(thread, task, dirfd, path, flags);
}

int vfs_move_mount(struct vfs_task *task, int from_dirfd, const char *from,
		   int to_dirfd, const char *to, uint32_t flags)
{
	struct vfs__thread *thread;
	int err = vfs__enter(task, &thread);

	/* only here, and as Linux has it: no path is as good as an empty one */
	if (!from && flags & MOVE_MOUNT_F_EMPTY_PATH)
		from = "";
	if (!to && flags & MOVE_MOUNT_T_EMPTY_PATH)
		to = "";
	return err ? err
		   : vfs__move_mount(thread, task, from_dirfd, from, to_dirfd,
				     to, flags);
}

int vfs_fsopen(struct vfs_task *task, const char *type, uint32_t flags)
{
	struct vfs__thread *thread;
	int err = vfs__enter(task, &thread);

	return err ? err : vfs__fsopen(thread, task, type, flags);
}

int vfs_fspick(struct vfs_task *task, int dirfd, const char *path,
	       uint32_t flags)
{
	struct vfs__thread *thread;
	int err = vfs__enter(task, &thread);

	return err ? err : vfs__fspick(thread, task, dirfd, path, flags);
}

int vfs_fsconfig(struct vfs_task *task, int fd, uint32_t command,
		 const char *key, const void *value, int aux)
{
	struct vfs__thread *thread;
	int err = vfs__enter(task, &thread);

	return err ? err
		   : vfs__fsconfig(thread, task, fd, command, key, value, aux);
}

int vfs_fsmount(struct vfs_task *task, int fd, uint32_t flags,
		uint32_t attributes)
{
	struct vfs__thread *thread;
	int err = vfs__enter(task, &thread);

	return err ? err : vfs__fsmount(thread, task, fd, flags, attributes);
}

int vfs_mount_setattr(struct vfs_task *task, int dirfd, const char *path,
		      uint32_t flags, const struct vfs_mount_attr *attr,
		      size_t size)
{
	struct vfs__thread *thread;
	int err = vfs__enter(task, &thread);

	if (err)
		return err;
	if (flags & ~(uint32_t)(AT_EMPTY_PATH | AT_RECURSIVE |
				AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT))
		return -EINVAL;
	if (size > VFS__GROWN_MAX)
		return -E2BIG;
	if (size < sizeof(*attr))
		return -EINVAL;
	if (!vfs__may_mount(thread, task))
		return -EPERM;
	err = vfs__grown_check(attr, size, sizeof(*attr));
	if (err)
		return err;
	return vfs__mount_setattr(thread, task, dirfd, path, flags, attr);
}

#define REQUEST_SIZE_0 offsetof(struct vfs_mnt_id_req, mnt_ns_id)

/* req in this version's form. */
static int read_request(const struct vfs_mnt_id_req *req,
			struct vfs_mnt_id_req *out)
{
	if (!req)
		return -EFAULT;
	if (req->size < REQUEST_SIZE_0)
		return -EINVAL;
	if (vfs__grown_check(req, req->size, sizeof(*req)))
		return -E2BIG;
	memset(out, 0, sizeof(*out));
	memcpy(out, req, req->size < sizeof(*out) ? req->size : sizeof(*out));
	return out->zero ? -EINVAL : 0;
}

int vfs_statmount(struct vfs_task *task, const struct vfs_mnt_id_req *req,
		  struct vfs_statmount *buffer, size_t size, uint32_t flags)
{
	struct vfs_mnt_id_req request;
	struct vfs__thread *thread;
	int err = vfs__enter(task, &thread);

	if (err)
		return err;
	if (flags)
		return -EINVAL;
	err = read_request(req, &request);
	if (err)
		return err;
	if (!buffer)
		return -EFAULT;
	return vfs__statmount(thread, task, &request, buffer, size);
}

int64_t vfs_listmount(struct vfs_task *task, const struct vfs_mnt_id_req *req,
		      uint64_t *ids, size_t count, uint32_t flags)
{
	struct vfs_mnt_id_req request;
	struct vfs__thread *thread;
	int err = vfs__enter(task, &thread);

	if (err)
		return err;
	if (flags & ~VFS_LISTMOUNT_REVERSE)
		return -EINVAL;
	if (count > LIST_MAX)
		return -EOVERFLOW;
	err = read_request(req, &request);
	if (err)
		return err;
	if (!ids && count)
		return -EFAULT;
	return vfs__listmount(thread, task, &request, ids, count,
			      flags & VFS_LISTMOUNT_REVERSE);
}
