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
 *	whiteouts=names
 *		besides devices, a file .wh.NAME hides NAME on the layers below
 *		its own, and .wh..wh..opq in a directory all that is below it,
 *		as image tools and fuse-overlayfs write them where no devices
 *		can be made. Such names are not seen, and making one is -EINVAL.
 *		What is written are devices. devices (the default): these are
 *		names like others
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
 * Errors: -EFAULT a NULL; -EINVAL size is too small, no lower directory, more
 * than 500, one of upper and work without the other, and as above; -E2BIG a
 * larger size whose tail is not zero, or one above 4096; -EBADF a descriptor is
 * not open; and those of vfs_mount. Any thread. Since 0.1. See mount(2).
 */
VFS_API int vfs_overlay_mount(struct vfs_task *task,
			      const struct vfs_overlay_spec *spec,
			      const char *target, uint64_t flags);

/* How a name of the upper directory differs from the lower ones. */
enum vfs_overlay_kind {
	VFS_OVERLAY_ADDED = 1,	  /* the lower ones have no such name */
	VFS_OVERLAY_MODIFIED = 2, /* other data, target or type */
	/* The data is the same, as far as its size and time of modification
	 * tell; mode, owner, times or attributes may be others. */
	VFS_OVERLAY_METADATA = 3,
	VFS_OVERLAY_DELETED = 4,
	/* A directory that hides what the lower ones have there, or that
	 * something else was before, or the reverse. */
	VFS_OVERLAY_REPLACED = 5,
	VFS_OVERLAY_RENAMED = 6 /* a directory that was from before */
};

struct vfs_overlay_change {
	/* From the directory that the diff is of, without a slash before. */
	const char *path;
	/* RENAMED: absolute, from the lower layers' root, or a name in the
	 * same directory. Otherwise NULL. */
	const char *from;
	uint32_t kind; /* enum vfs_overlay_kind */
	uint32_t mode; /* the type and permissions now; DELETED: 0 */
};

struct vfs_overlay_diff;

/*
 * What the upper layer changed below a directory of an overlay, which is opened
 * as vfs_openat does with task's rights; *out is given back with
 * vfs_overlay_diff_close. A directory comes before what is in it, and is
 * reported if it was changed itself. What is changed meanwhile is seen or not.
 * Hard links are separate names.
 *
 * Errors: -EFAULT a NULL; -EINVAL the directory is not an overlay's; those of
 * vfs_openat. One thread at a time. Since 0.1.
 */
VFS_API int vfs_overlay_diff(struct vfs_task *task, int dirfd, const char *path,
			     struct vfs_overlay_diff **out);

/*
 * 1 with *out set, which stays until the next call; 0 at the end, with *out
 * NULL. Errors: -EFAULT a NULL; those of vfs_openat and vfs_getdents for a
 * directory that is to be gone into, which the next call leaves out; -ENOMEM.
 * Since 0.1.
 */
VFS_API int vfs_overlay_diff_next(struct vfs_overlay_diff *diff,
				  const struct vfs_overlay_change **out);

/* 0 or -EFAULT. Since 0.1. */
VFS_API int vfs_overlay_diff_close(struct vfs_overlay_diff *diff);

/* The directories of an overlay, by descriptors of the calling task (O_PATH
 * will do). */
struct vfs_overlay_layers {
	uint64_t size; /* sizeof(struct vfs_overlay_layers) */
	int32_t lower; /* the only lower directory; for discard: nothing */
	int32_t upper;
	int32_t work;	    /* the work directory; -1: there is none */
	uint32_t userxattr; /* not 0: as the option of that name */
};

/*
 * Brings all that is in the upper directory into the lower one, which becomes
 * what the overlay of the two shows, and leaves upper empty. No overlay that
 * uses upper may be mounted. The lower directory itself keeps its owner,
 * permissions and attributes; inode flags (append-only and so on) are not
 * brought.
 *
 * On one mount each file, and each directory that nothing lower is part of, is
 * renamed to its place, so that a commit of one such thing is done or not done;
 * from one file system to another a copy is renamed. A commit that ends early,
 * with an error or its process, is finished by another call: what had been done
 * is not done again, and the overlay of the two shows the same as before, but
 * for directories that were renamed, which are complete in the end. Until then
 * a directory `.vfs-commit` is in lower.
 *
 * Returns 0 or: -EFAULT a NULL; -EINVAL size is too small; -E2BIG a larger
 * size whose tail is not zero, or one above 4096; -EBADF a descriptor; -ENOTDIR
 * it is of no directory; -EBUSY an overlay uses upper; -ELOOP one lies in
 * another, or they are too deep; -EOPNOTSUPP the work directory has an index
 * with files; -EXDEV a directory was renamed, and lower's file system cannot;
 * -EROFS; -ENOSPC, -EDQUOT; -ENOMEM; and those of reading and changing names,
 * as whoever calls. Any thread. Since 0.1. See rename(2).
 */
VFS_API int vfs_overlay_commit(struct vfs_task *task,
			       const struct vfs_overlay_layers *layers);

/*
 * Takes everything out of the upper directory and the work directory, so that
 * the overlay shows what is lower; upper itself keeps its owner and
 * permissions. No overlay that uses them may be mounted. What ends early is
 * finished by another call. Errors as above. Any thread. Since 0.1.
 */
VFS_API int vfs_overlay_discard(struct vfs_task *task,
				const struct vfs_overlay_layers *layers);

#ifdef __cplusplus
}
#endif

#endif
