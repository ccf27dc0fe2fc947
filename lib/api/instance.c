/* SPDX-License-Identifier: MIT */
/* vfs_create, with the file systems that every instance knows. */
#include <errno.h>
#include <vfs/devfs.h>
#include <vfs/instance.h>
#include <vfs/overlay.h>
#include <vfs/procfs.h>
#include <vfs/tmpfs.h>

#include "core/instance.h"

uint32_t vfs_version(void)
{
	return VFS_VERSION_MAJOR * 10000 + VFS_VERSION_MINOR * 100 +
	       VFS_VERSION_PATCH;
}

int vfs_create(const struct vfs_config *config, struct vfs **out)
{
	const struct vfs_filesystem_type *const types[] = {
		&vfs_tmpfs_type, &vfs_procfs_type, &vfs_devfs_type,
		&vfs_overlay_type, NULL};

	if (!out)
		return -EFAULT;
	return vfs__instance_create(config, types, out);
}
