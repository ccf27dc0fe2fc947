/* SPDX-License-Identifier: MIT */
/* vfs_builtin_type: in a file of its own, so that a program that is linked with
 * the static library has those types alone that it names. */
#include <string.h>
#include <vfs/devfs.h>
#include <vfs/devpts.h>
#include <vfs/hostfs.h>
#include <vfs/instance.h>
#include <vfs/overlay.h>
#include <vfs/procfs.h>
#include <vfs/sys/backend.h>
#include <vfs/sysfs.h>
#include <vfs/tmpfs.h>

const struct vfs_filesystem_type *vfs_builtin_type(const char *name)
{
	static const struct vfs_filesystem_type *const types[] = {
		&vfs_tmpfs_type, &vfs_overlay_type, &vfs_procfs_type,
		&vfs_devfs_type, &vfs_hostfs_type,  &vfs_devpts_type,
		&vfs_sysfs_type,
	};

	for (size_t i = 0; name && i < sizeof(types) / sizeof(*types); i++)
		if (!strcmp(types[i]->name, name))
			return types[i];
	return NULL;
}
