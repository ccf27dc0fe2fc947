/* SPDX-License-Identifier: MIT */
/*
 * For file systems that are made of directories of other file systems of the
 * same instance, as overlay is: a task for the calls on these layers, private
 * views of them, and what the calls for applications do not do, because they
 * want a file that is open, a path, or less than a layer's keeper may.
 *
 * A descriptor here is one of the layers' task; O_PATH will do wherever nothing
 * else is said.
 *
 * For all of them: any thread; between vfs_nest_begin and vfs_nest_end when an
 * operation makes them. -EFAULT a NULL; -EBADF fd is not open; -ENOMEM, and
 * nothing has changed. Since 0.1.
 */
#ifndef VFS_SYS_LAYER_H
#define VFS_SYS_LAYER_H

#include <vfs/base.h>
#include <vfs/handle.h>
#include <vfs/stat.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * A task for calls on layers, with the credentials of like (NULL: the
 * instance's root). It has no umask and no limits, nobody sees it, and `/` is
 * nothing to it: its paths begin at descriptors. Unlike others it keeps neither
 * the instance nor a namespace alive, so that what a file system holds does not
 * hold the file system. Give it back with vfs_task_unref, in unmount.
 *
 * Returns 0 or -EINVAL (like is another instance's).
 */
VFS_API int vfs_layer_task_create(struct vfs *vfs, struct vfs_task *like,
				  struct vfs_task **out);

#define VFS_LAYER_READONLY 0x1u /* through this view nothing is changed */
/* The view is of the whole mount, and others may be opened beside. */
#define VFS_LAYER_WHOLE 0x2u

/*
 * A descriptor of layers' (O_PATH) for a private copy of the mount that path of
 * task from is on, with path as its root: what is mounted, moved or unmounted
 * later does not matter to it, nor does what is mounted below, and reading
 * through it leaves no times. path as in vfs_openat; empty: dirfd itself.
 * beside: -1, or a descriptor of a view of a whole mount, in which path is
 * found instead, so that names can be moved between the two.
 *
 * Returns the descriptor or: -EINVAL the mount is unbindable, or locked mounts
 * hide something below, or the tasks are not of one instance; -EXDEV path is
 * not in the view beside; those of a path.
 */
VFS_API int vfs_layer_open(struct vfs_task *layers, struct vfs_task *from,
			   int dirfd, const char *path, uint32_t flags,
			   int beside);

/*
 * Opens what fd is open on, once more, with vfs_open's flags but those that
 * make or follow something. Nobody is told of it. The errors of vfs_open.
 */
VFS_API int vfs_layer_reopen(struct vfs_task *layers, int fd, int flags);

struct vfs_layer_info {
	uint64_t size;	      /* in: sizeof(struct vfs_layer_info) */
	uint64_t dev;	      /* of the file system: st_dev, most times */
	uint64_t type_flags;  /* VFS_FS_* */
	uint64_t super_flags; /* VFS_SUPER_* */
	uint32_t inode_flags; /* VFS_INODE_* */
	uint32_t name_max;
	uint32_t depth;	   /* how many file systems it stands on */
	uint32_t readonly; /* the mount is */
};

/* What is known of the file and its file system. 0 or -EINVAL (size). */
VFS_API int vfs_layer_info(struct vfs_task *layers, int fd,
			   struct vfs_layer_info *info);

/* Whether the file is the directory top, or somewhere below it, on one file
 * system: 1 or 0. */
VFS_API int vfs_layer_within(struct vfs_task *layers, int fd, int top);

/* The most that a handle's bytes can be. */
#define VFS_LAYER_HANDLE_MAX 128

/* Which file it is, in a form to be stored. Two of one file are equal in every
 * byte. */
struct vfs_layer_handle {
	uint8_t fs[16];	 /* the file system's UUID */
	uint64_t dev;	 /* which one of those that have this UUID */
	uint32_t length; /* of bytes */
	uint32_t type;
	uint8_t bytes[VFS_LAYER_HANDLE_MAX];
};

/*
 * The file's handle: of a host's file system, what its kernel's
 * name_to_handle_at says; else one that is good for this instance. 0,
 * -EOPNOTSUPP there is none, or the file system's error.
 */
VFS_API int vfs_layer_encode(struct vfs_task *layers, int fd,
			     struct vfs_layer_handle *out);

/*
 * A descriptor (O_PATH) of the file with that handle, on the file system and
 * the mount of top. Only what lies in that file system's tree is found: of a
 * host, below the directory that was mounted.
 *
 * Returns the descriptor or: -ESTALE it is gone, or of another file system;
 * -ENODATA it may be there, and nobody knows where; -EOPNOTSUPP nothing is
 * found by handles; -EMFILE; the file system's error.
 */
VFS_API int vfs_layer_decode(struct vfs_task *layers, int top,
			     const struct vfs_layer_handle *handle);

/*
 * Takes the file for a purpose that has no room for two (the upper directory of
 * one overlay); the claim lasts until it is given back, and vfs_layer_info
 * shows it as VFS_INODE_CLAIMED. 0 or -EBUSY.
 */
VFS_API int vfs_layer_claim(struct vfs_task *layers, int fd);
VFS_API int vfs_layer_unclaim(struct vfs_task *layers, int fd);

/* The file was read by way of another: its time of access becomes now, and
 * nothing else. 0, also where there are no such times to be kept. */
VFS_API int vfs_layer_accessed(struct vfs_task *layers, int fd);

struct vfs_attr;

/*
 * What the setattr operation of <vfs/sys/backend.h> does, for a file of
 * whatever type: attr->mask says which of the mode, ids, times and inode flags
 * the file gets, and nothing else changes, not even the time of change, nor an
 * ACL. No permission is asked. 0, -EOPNOTSUPP the file system has no inode
 * flags, or what its setattr says.
 */
VFS_API int vfs_layer_setattr(struct vfs_task *layers, int fd,
			      const struct vfs_attr *attr);

/*
 * vfs_copy_file_range between two open files that may be on different file
 * systems; of one type, they may share what is copied. Returns the bytes
 * copied, 0 at the end of fd_in, or vfs_copy_file_range's errors but -EXDEV.
 */
VFS_API int64_t vfs_layer_copy(struct vfs_task *layers, int fd_in,
			       int64_t offset_in, int fd_out,
			       int64_t offset_out, size_t length);

/* What vfs_layer_clone is to do, and has done. */
struct vfs_layer_clone {
	uint64_t size;	  /* in: sizeof(struct vfs_layer_clone) */
	int32_t from;	  /* the original */
	int32_t dirfd;	  /* the directory of the copy */
	const char *name; /* and its name there: one component */
	/* An attribute that the copy is born with; NULL: none. */
	const char *xattr;
	const void *value;
	uint64_t value_size;
	uint32_t empty; /* not 0: without the original's data */
	uint32_t open;	/* not 0: fd is open, until vfs_layer_settle */
	/* out, on success: a descriptor of the copy, the caller's to close:
	 * O_PATH, or O_RDWR; and its attributes. */
	int32_t fd;
	int32_t zero;
	struct vfs_stat st;
};

/*
 * Makes a copy of a regular file, with its data (shared), permissions, owner
 * and times, under a name that is free. Whoever looks finds no such name or all
 * of it. The directory's time of change becomes now, and its other times stay.
 *
 * It is the short way for what is simple; whoever is told that it is not can
 * take the long one, of several calls. Returns 0 or: -EOPNOTSUPP the file has
 * other names, xattrs, flags, holes or more than 4 MiB, it or the directory are
 * not of one type that keeps all in memory and can share data, a mount is
 * id-mapped, or the task may not do everything; -EEXIST the name is taken;
 * -EINVAL size, or a name that is none; -ENAMETOOLONG; -ENOTDIR dirfd is none;
 * -ENOENT it was removed; -EROFS; -ENOSPC, -EDQUOT no room.
 */
VFS_API int vfs_layer_clone(struct vfs_task *layers,
			    struct vfs_layer_clone *order);

/*
 * A descriptor that vfs_layer_clone left open names the file alone from here
 * on, as if opened with O_PATH: what a file system has one descriptor for, that
 * names the copy for good, serves its first open file, too. By then nobody may
 * be reading, writing or closing by it. It needs no vfs_nest_begin. 0, -EBADF,
 * or -EINVAL it is not such a descriptor.
 */
VFS_API int vfs_layer_settle(struct vfs_task *layers, int fd);

/*
 * For the mmap operation: the descriptor of the host behind an open file, as
 * the file's own mmap operation has it, valid as long as fd is open. -ENODEV
 * there is none. vfs_layer_mmap_sync does what mmap_sync does.
 */
VFS_API int vfs_layer_mmap(struct vfs_task *layers, int fd, int *host_fd);
VFS_API int vfs_layer_mmap_sync(struct vfs_task *layers, int fd);

/* As vfs_fgetxattr and its family. */
VFS_API int64_t vfs_layer_getxattr(struct vfs_task *layers, int fd,
				   const char *name, void *value, size_t size);
VFS_API int vfs_layer_setxattr(struct vfs_task *layers, int fd,
			       const char *name, const void *value, size_t size,
			       int flags);
VFS_API int64_t vfs_layer_listxattr(struct vfs_task *layers, int fd, char *list,
				    size_t size);
VFS_API int vfs_layer_removexattr(struct vfs_task *layers, int fd,
				  const char *name);

#ifdef __cplusplus
}
#endif

#endif
