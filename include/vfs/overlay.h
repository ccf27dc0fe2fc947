/* SPDX-License-Identifier: MIT */
/*
 * overlay: directories of file systems laid over each other, as Linux's
 * overlayfs does it and in its format: what is written is in the upper
 * directory, and the lower ones stay as they are. Every instance has
 * registered the type as "overlay".
 *
 * Options, separated by commas (a comma, colon or backslash in a path has a
 * backslash before it; paths are absolute):
 *
 *	lowerdir=TOP:...:BOTTOM
 *		up to 500 directories; lowerdir+=DIR adds one
 *	upperdir=DIR
 *		where changes go; without one nothing can be changed, and two
 *		lower directories are needed
 *	workdir=DIR
 *		beside upperdir, on its mount, for overlay's own use
 *	redirect_dir=on
 *		directories of lower layers can be renamed. off (the default)
 *		and follow: redirects that are there are followed; nofollow:
 *		refused; copy: renaming copies the whole tree up
 *	metacopy=on
 *		a change of attributes does not copy the data up
 *	index=on
 *		hard links stay together when they are copied up
 *	xino=on, xino=auto
 *		one device, and inode numbers that say which layer
 *	userxattr
 *		overlay's own attributes are user.overlay.*
 *	volatile
 *		nothing is synced
 *
 * Accepted as they are the only way here: nfs_export=off, verity=off,
 * uuid=null|off|auto, default_permissions, override_creds. Anything else, and
 * what does not go together: -EINVAL, and a line to the log. -ELOOP a lower
 * directory lies in another layer; -EBUSY index=on, and upperdir or workdir
 * are used by another overlay; -ESTALE the upper directory's index belongs to
 * other layers. See https://docs.kernel.org/filesystems/overlayfs.html.
 */
#ifndef VFS_OVERLAY_H
#define VFS_OVERLAY_H

#include <vfs/base.h>

#ifdef __cplusplus
extern "C" {
#endif

struct vfs_filesystem_type;

/* For vfs_register_filesystem under the name "overlay". Since 0.1. */
extern VFS_API const struct vfs_filesystem_type vfs_overlay_type;

/* Layers by descriptors of the mounting task: O_PATH will do, and so will what
 * vfs_open_tree gives. */
struct vfs_overlay_spec {
	uint64_t size;	      /* sizeof(struct vfs_overlay_spec) */
	const int32_t *lower; /* topmost first */
	uint64_t lower_count;
	int32_t upper, work; /* -1: none */
	const char *options; /* the others, as above; may be NULL */
};

/*
 * Mounts an overlay on target, as vfs_mount does with flags. The descriptors
 * may be closed afterwards.
 *
 * Errors: -EFAULT a NULL; -EINVAL size, no lower directory, more than 500, and
 * as above; -EBADF a descriptor is not open; and those of vfs_mount. Any
 * thread. Since 0.1. See mount(2).
 */
VFS_API int vfs_overlay_mount(struct vfs_task *task,
			      const struct vfs_overlay_spec *spec,
			      const char *target, uint64_t flags);

#ifdef __cplusplus
}
#endif

#endif
