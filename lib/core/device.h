/* SPDX-License-Identifier: MIT */
/*
 * The device registry, and open files of devices (VFS__FILE_DEVICE), which
 * have their device's operations in place of the inode's.
 *
 * A region lives from its registration to vfs_unregister_device or the
 * instance's end; open files are counted, and keep it. The list is under
 * devices_lock (LEAF), operations are called without it.
 */
#ifndef VFS__DEVICE_H
#define VFS__DEVICE_H

#include <vfs/sys/device.h>

#include "core/rw.h"

/* - null, zero, full, random, urandom. 0, -ENOMEM. */
int vfs__device_register_mem(struct vfs *vfs);
/* - Every region, at the instance's end. */
void vfs__devices_fini(struct vfs__thread *thread, struct vfs *vfs);

/* - For a new file of a device node (VFS__FILE_DEVICE, not seekable yet):
 *   finds its device and tells it. -ENXIO, -EINVAL (O_DIRECT), the device's. */
int vfs__device_open(struct vfs__thread *thread, struct vfs_file *file);
/* - Nothing happens when it was not opened. */
void vfs__device_release(struct vfs__thread *thread, struct vfs_file *file);

/* - Whether the device has the operation at all, and grants io's flags. */
int vfs__device_check(const struct vfs_file *file, const struct vfs__io *io,
		      bool write);
int64_t vfs__device_rw(struct vfs_file *file, const struct vfs__io *io,
		       bool write);
int64_t vfs__device_seek(struct vfs_file *file, int64_t offset, int whence);
uint32_t vfs__device_poll(struct vfs_file *file);
struct vfs__waitqueue *vfs__device_queue(struct vfs_file *file);
int vfs__device_ioctl(struct vfs_file *file, uint64_t request, void *argument);
int vfs__device_fsync(struct vfs_file *file, int datasync);

#endif
