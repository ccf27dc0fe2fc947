/* SPDX-License-Identifier: MIT */
/* A region of the registry, shared by device.c and device_file.c. */
#ifndef VFS__DEVICE_FILE_H
#define VFS__DEVICE_FILE_H

#include "core/device.h"
#include "core/wait.h"

struct vfs_device {
	struct vfs_device *next; /* vfs->devices_lock */
	uint64_t open_files;	 /* vfs->devices_lock */
	/* constant once it is registered */
	struct vfs *vfs;
	uint64_t serial;
	uint32_t type, mode;
	uint32_t major, minor, count;
	const struct vfs_device_ops *ops;
	void *context;
	char name[48];
	/* who polls its files, and who sleeps in its operations */
	struct vfs__waitqueue changed;
};

#endif
