/* SPDX-License-Identifier: MIT */
/* Open files: making and releasing them. Contract: file.h. */
#include "core/file.h"

#include <string.h>

#include "core/cred.h"
#include "core/device.h"
#include "core/hostfile.h"
#include "core/inode_stat.h"
#include "core/instance.h"
#include "core/lock.h"
#include "core/namespace.h"
#include "core/notify.h"
#include "core/pipe.h"
#include "util/atomic.h"
#include "util/epoch.h"

VFS_HOT
struct vfs_file *vfs__file_reserve(struct vfs__thread *thread)
{
	return vfs__mem_alloc(thread, sizeof(struct vfs_file));
}

void vfs__file_discard(struct vfs__thread *thread, struct vfs_file *file)
{
	vfs__mem_free(thread, file, sizeof(*file));
}

/* Under strictatime every read leaves a trace, which the straight way does not
 * know: such a mount's files do without it. */
static uint32_t plain_bits(const struct vfs_inode *inode, uint32_t mode,
			   uint32_t mount_flags, bool root)
{
	bool plain = inode->super->type->flags & VFS_FS_NONBLOCKING;
	uint32_t bits = 0;

	if (vfs__inode_stat_plain(inode) && !root)
		bits |= VFS__FILE_PLAIN_STAT;
	if (!(mode & VFS__FILE_SEEKABLE) ||
	    (mode & (VFS__FILE_PATH | VFS__FILE_STREAM | VFS__FILE_DIR |
		     VFS__FILE_HOST)) ||
	    (!plain && !vfs__inode_is_remote(inode)))
		return bits;
	if ((mode & VFS__FILE_READ) && inode->ops->read &&
	    (mount_flags & (VFS__MNT_RELATIME | VFS__MNT_NOATIME)))
		bits |= plain ? VFS__FILE_PLAIN_READ : VFS__FILE_DIRECT_READ;
	if ((mode & VFS__FILE_WRITE) && inode->ops->write)
		bits |= plain ? VFS__FILE_PLAIN_WRITE : VFS__FILE_DIRECT_WRITE;
	return bits;
}

VFS_HOT
void vfs__file_init(struct vfs_file *file, struct vfs *vfs,
		    const struct vfs__path *path, const struct vfs_cred *cred,
		    uint32_t flags, uint32_t mode)
{
	file->inode = path->dentry->inode;
	vfs__path_set(&file->path, path);
	file->flags = flags;
	file->mode = mode |
		     plain_bits(file->inode, mode, vfs__mount_flags(path->mnt),
				path->dentry == path->mnt->root);
	file->ref = 1;
	vfs__mutex_init(&file->position_lock);
	file->position = 0;
	file->cred_id = cred->id;
	file->userns = cred->mapped ? vfs_userns_ref(cred->userns) : NULL;
	file->private_data = NULL;
	file->device = NULL;
	file->vfs = vfs;
}

struct vfs_file *vfs__file_alloc(struct vfs__thread *thread, struct vfs *vfs,
				 const struct vfs__path *path,
				 const struct vfs_cred *cred, uint32_t flags,
				 uint32_t mode)
{
	struct vfs_file *file = vfs__file_reserve(thread);

	if (file)
		vfs__file_init(file, vfs, path, cred, flags, mode);
	return file;
}

static void was_closed(struct vfs__thread *thread, struct vfs_file *file)
{
	if (file->mode & (VFS__FILE_OPENED | VFS__FILE_STREAM))
		vfs__notify_file(thread, file,
				 file->mode & VFS__FILE_WRITE
					 ? VFS_IN_CLOSE_WRITE
					 : VFS_IN_CLOSE_NOWRITE);
}

VFS_HOT
static void file_release(struct vfs__thread *thread, struct vfs_file *file)
{
	struct vfs_inode *inode = file->inode;

	if (vfs__notify_on(file->vfs))
		was_closed(thread, file);
	if (vfs__file_mode(file) & VFS__FILE_LOCKED)
		vfs__locks_release(thread, file);
	if (file->mode & VFS__FILE_STREAM)
		vfs__fifo_release(thread, file);
	else if (file->mode & VFS__FILE_DEVICE)
		vfs__device_release(thread, file);
	else if ((file->mode & VFS__FILE_OPENED) && inode->ops->release)
		inode->ops->release(inode, file);
	if (file->mode & VFS__FILE_WRITER)
		vfs__mount_write_end(thread, file->path.mnt);
	if (file->mode & VFS__FILE_HOST)
		vfs__hostfile_detach(thread, file);
	vfs__path_unref(thread, &file->path);
	if (file->mode & VFS__FILE_TREE)
		vfs__namespace_release(thread, file->vfs, file->private_data);
	vfs_userns_unref(file->userns);
	vfs__notify_flush(thread);
	vfs__epoch_free(thread, file, sizeof(*file));
}

VFS_HOT
void vfs__file_unref(struct vfs__thread *thread, struct vfs_file *file)
{
	if (vfs__fetch_add_u32(&file->ref, UINT32_MAX) == 1)
		file_release(thread, file);
}

void vfs__file_unref_later(struct vfs_file *file, struct vfs_file **gone)
{
	if (vfs__fetch_add_u32(&file->ref, UINT32_MAX) != 1)
		return;
	file->gone = *gone;
	*gone = file;
}

void vfs__files_release(struct vfs__thread *thread, struct vfs_file *gone)
{
	struct vfs_file *file;

	while ((file = gone)) {
		gone = file->gone;
		file_release(thread, file);
	}
}

uint32_t vfs_file_flags(const struct vfs_file *file)
{
	return VFS_READ_ONCE(file->flags);
}

void vfs_file_set_private(struct vfs_file *file, void *data)
{
	file->private_data = data;
}

void *vfs_file_private(const struct vfs_file *file)
{
	return file->private_data;
}
