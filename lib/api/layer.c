/* SPDX-License-Identifier: MIT */
/* Calls on layers, for file systems that have them. */
#include <fcntl.h>
#include <vfs/sys/layer.h>

#include "api/call.h"
#include "core/handle.h"
#include "core/layer.h"
#include "core/mount_fd.h"
#include "core/mount_tree.h"
#include "core/open.h"
#include "core/rw.h"
#include "core/walk.h"
#include "core/xattr.h"

int vfs_layer_task_create(struct vfs *vfs, struct vfs_task *like,
			  struct vfs_task **out)
{
	struct vfs__thread *thread;

	if (!vfs || !out)
		return -EFAULT;
	if (like && like->vfs != vfs)
		return -EINVAL;
	thread = vfs__self(vfs);
	if (!thread)
		return -ENOMEM;
	return vfs__task_create_inner(thread, vfs, like, out);
}

int vfs_layer_open(struct vfs_task *layers, struct vfs_task *from, int dirfd,
		   const char *path, uint32_t flags, int beside)
{
	struct vfs__thread *thread;
	struct vfs__path at;
	int err;

	if (!layers)
		return -EFAULT;
	if (flags & ~(VFS_LAYER_READONLY | VFS_LAYER_WHOLE))
		return -EINVAL;
	err = vfs__enter(from, &thread);
	if (err)
		return err;
	if (layers->vfs != from->vfs)
		return -EINVAL;
	err = vfs__path_lookup(thread, from, dirfd, path,
			       VFS__WALK_FOLLOW | VFS__WALK_EMPTY, &at);
	if (err)
		return err;
	err = beside >= 0 ? vfs__layer_open_beside(thread, layers, beside, &at)
			  : vfs__layer_open(thread, layers, from, &at, flags);
	vfs__path_unref(thread, &at);
	return err;
}

int vfs_layer_reopen(struct vfs_task *layers, int fd, int flags)
{
	struct vfs__open_how how = {.flags = (uint32_t)flags, .quiet = true};
	struct vfs__thread *thread;
	struct vfs_file *file;
	int err = vfs__enter(layers, &thread);

	if (err)
		return err;
	if (flags & (O_CREAT | (O_TMPFILE & ~O_DIRECTORY)))
		return -EINVAL;
	file = vfs__fd_get(thread, layers, fd);
	if (!file)
		return -EBADF;
	how.place = &file->path;
	err = vfs__open(thread, layers, AT_FDCWD, "", &how);
	vfs__file_unref(thread, file);
	return err;
}

/* The file behind fd, referenced. */
static int begin(struct vfs_task *layers, int fd, struct vfs__thread **thread,
		 struct vfs_file **file)
{
	int err = vfs__enter(layers, thread);

	if (err)
		return err;
	*file = vfs__fd_get(*thread, layers, fd);
	return *file ? 0 : -EBADF;
}

int vfs_layer_info(struct vfs_task *layers, int fd, struct vfs_layer_info *info)
{
	struct vfs__thread *thread;
	struct vfs_file *file;
	int err = info ? begin(layers, fd, &thread, &file) : -EFAULT;

	if (err)
		return err;
	err = vfs__layer_info(file, info);
	vfs__file_unref(thread, file);
	return err;
}

int vfs_layer_within(struct vfs_task *layers, int fd, int top)
{
	struct vfs__thread *thread;
	struct vfs_file *file, *above;
	int err = begin(layers, fd, &thread, &file);

	if (err)
		return err;
	above = vfs__fd_get(thread, layers, top);
	if (!above)
		err = -EBADF;
	else if (file->inode->super == above->inode->super)
		err = vfs__dentry_below(thread, layers->vfs, file->path.dentry,
					above->path.dentry);
	if (above)
		vfs__file_unref(thread, above);
	vfs__file_unref(thread, file);
	return err;
}

int vfs_layer_claim(struct vfs_task *layers, int fd)
{
	struct vfs__thread *thread;
	struct vfs_file *file;
	int err = begin(layers, fd, &thread, &file);

	if (err)
		return err;
	err = vfs__layer_claim(file->inode);
	vfs__file_unref(thread, file);
	return err;
}

int vfs_layer_unclaim(struct vfs_task *layers, int fd)
{
	struct vfs__thread *thread;
	struct vfs_file *file;
	int err = begin(layers, fd, &thread, &file);

	if (err)
		return err;
	vfs_inode_set_flags(file->inode, 0, VFS_INODE_CLAIMED);
	vfs__file_unref(thread, file);
	return 0;
}

int vfs_layer_setattr(struct vfs_task *layers, int fd,
		      const struct vfs_attr *attr)
{
	struct vfs__thread *thread;
	struct vfs_file *file;
	int err = attr ? begin(layers, fd, &thread, &file) : -EFAULT;

	if (err)
		return err;
	err = vfs__layer_setattr(thread, file->inode, attr);
	vfs__file_unref(thread, file);
	return err;
}

int vfs_layer_accessed(struct vfs_task *layers, int fd)
{
	struct vfs__thread *thread;
	struct vfs_file *file;
	int err = begin(layers, fd, &thread, &file);

	if (err)
		return err;
	err = vfs__layer_accessed(file->inode);
	vfs__file_unref(thread, file);
	return err;
}

int64_t vfs_layer_copy(struct vfs_task *layers, int fd_in, int64_t offset_in,
		       int fd_out, int64_t offset_out, size_t length)
{
	struct vfs__thread *thread;
	int err = vfs__enter(layers, &thread);

	return err ? err
		   : vfs__copy_across(thread, layers, fd_in, offset_in, fd_out,
				      offset_out, length);
}

int vfs_layer_clone(struct vfs_task *layers, struct vfs_layer_clone *order)
{
	struct vfs__thread *thread;
	struct vfs_file *from, *at;
	int err = order && order->name ? 0 : -EFAULT;

	if (!err && order->size < sizeof(*order))
		err = -EINVAL;
	if (!err)
		err = begin(layers, order->from, &thread, &from);
	if (err)
		return err;
	at = vfs__fd_get(thread, layers, order->dirfd);
	err = -EBADF;
	if (at) {
		err = vfs__layer_clone(thread, layers, from, at, order);
		vfs__file_unref(thread, at);
	}
	vfs__file_unref(thread, from);
	return err;
}

int vfs_layer_settle(struct vfs_task *layers, int fd)
{
	struct vfs__thread *thread = layers ? vfs__self(layers->vfs) : NULL;
	struct vfs_file *file;
	int err;

	if (!thread)
		return layers ? -ENOMEM : -EFAULT;
	vfs__epoch_enter(thread);
	file = vfs__fd_peek(VFS_LOAD_POINTER(layers->files), fd);
	err = file ? vfs__layer_settle(thread, file) : -EBADF;
	vfs__epoch_leave(thread);
	return err;
}

int vfs_layer_mmap(struct vfs_task *layers, int fd, int *host_fd)
{
	struct vfs__thread *thread;
	struct vfs_file *file;
	int err = vfs__enter(layers, &thread);

	if (err)
		return err;
	if (!host_fd)
		return -EFAULT;
	file = vfs__fd_get_io(thread, layers, fd);
	if (!file)
		return -EBADF;
	err = vfs__layer_mmap(file, host_fd);
	vfs__file_unref(thread, file);
	return err;
}

int vfs_layer_mmap_sync(struct vfs_task *layers, int fd)
{
	struct vfs__thread *thread;
	struct vfs_file *file;
	int err = begin(layers, fd, &thread, &file);

	if (err)
		return err;
	vfs__layer_mmap_sync(file->inode);
	vfs__file_unref(thread, file);
	return 0;
}

/* ---- handles ---- */

int vfs_layer_encode(struct vfs_task *layers, int fd,
		     struct vfs_layer_handle *out)
{
	struct vfs__thread *thread;
	struct vfs_file *file;
	int err = out ? begin(layers, fd, &thread, &file) : -EFAULT;

	if (err)
		return err;
	err = vfs__layer_encode(thread, layers->vfs, &file->path, out);
	vfs__file_unref(thread, file);
	return err;
}

int vfs_layer_decode(struct vfs_task *layers, int top,
		     const struct vfs_layer_handle *handle)
{
	struct vfs__thread *thread;
	struct vfs__path place;
	struct vfs_file *file;
	int err = handle ? begin(layers, top, &thread, &file) : -EFAULT;

	if (err)
		return err;
	if (handle->length > sizeof(handle->bytes))
		err = -ESTALE;
	if (!err)
		err = vfs__layer_decode(thread, layers->vfs, file->path.mnt,
					handle, &place.dentry);
	if (!err) {
		place.mnt = file->path.mnt;
		vfs__mount_ref(thread, place.mnt);
		/* the references pass */
		err = vfs__mount_fd_install(thread, layers, &place, NULL,
					    false);
	}
	vfs__file_unref(thread, file);
	return err;
}

/* ---- extended attributes ---- */

int64_t vfs_layer_getxattr(struct vfs_task *layers, int fd, const char *name,
			   void *value, size_t size)
{
	struct vfs__thread *thread;
	struct vfs_file *file;
	struct vfs_cred *cred;
	int64_t n = vfs__xattr_check_name(name);

	if (!n)
		n = begin(layers, fd, &thread, &file);
	if (n)
		return n;
	cred = vfs__task_cred(thread, layers);
	n = vfs__xattr_get(thread, cred, &file->path, name, value, size);
	vfs__task_cred_put(thread, cred);
	vfs__file_unref(thread, file);
	return n;
}

int vfs_layer_setxattr(struct vfs_task *layers, int fd, const char *name,
		       const void *value, size_t size, int flags)
{
	struct vfs__thread *thread;
	struct vfs_file *file;
	struct vfs_cred *cred;
	int err = vfs__xattr_check_set(name, value, size, flags);

	if (!err)
		err = begin(layers, fd, &thread, &file);
	if (err)
		return err;
	cred = vfs__task_cred(thread, layers);
	err = vfs__xattr_set(thread, cred, &file->path, name,
			     value ? value : "", size, flags);
	vfs__task_cred_put(thread, cred);
	vfs__file_unref(thread, file);
	return err;
}

int64_t vfs_layer_listxattr(struct vfs_task *layers, int fd, char *list,
			    size_t size)
{
	struct vfs__thread *thread;
	struct vfs_file *file;
	struct vfs_cred *cred;
	int64_t n = begin(layers, fd, &thread, &file);

	if (n)
		return n;
	cred = vfs__task_cred(thread, layers);
	n = vfs__xattr_list(thread, cred, &file->path, list, size);
	vfs__task_cred_put(thread, cred);
	vfs__file_unref(thread, file);
	return n;
}

int vfs_layer_removexattr(struct vfs_task *layers, int fd, const char *name)
{
	struct vfs__thread *thread;
	struct vfs_file *file;
	struct vfs_cred *cred;
	int err = vfs__xattr_check_name(name);

	if (!err)
		err = begin(layers, fd, &thread, &file);
	if (err)
		return err;
	cred = vfs__task_cred(thread, layers);
	err = vfs__xattr_remove(thread, cred, &file->path, name);
	vfs__task_cred_put(thread, cred);
	vfs__file_unref(thread, file);
	return err;
}
