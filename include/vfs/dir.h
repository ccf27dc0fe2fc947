/* SPDX-License-Identifier: MIT */
/*
 * Listing directories: the system call, and readdir's family on top of it.
 * What is in a directory from the beginning of a scan to its end comes exactly
 * once, whatever else comes and goes.
 *
 * Since 0.1. Any thread at any time, but one vfs_dir is for one thread at a
 * time. -EFAULT a NULL that is needed; -ENOMEM.
 */
#ifndef VFS_DIR_H
#define VFS_DIR_H

#include <vfs/base.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Laid out as the host's struct linux_dirent64 and, on 64-bit glibc, its
 * struct dirent. A record in a buffer is reclen bytes long, not
 * sizeof(struct vfs_dirent). */
struct vfs_dirent {
	uint64_t ino;
	int64_t off; /* the position behind this entry */
	uint16_t reclen;
	uint8_t type; /* DT_* */
	char name[256];
	char zero[5];
};

struct vfs_dir;

/*
 * As many records (struct vfs_dirent, each reclen bytes) as fit in size bytes,
 * from the open directory's position on, which moves; `.` and `..` first.
 * Returns the bytes filled, 0 at the end. vfs_lseek takes an entry's off.
 *
 * -EBADF; -ENOTDIR; -EINVAL size holds not one record; -ENOENT the directory
 * was removed. See getdents64(2).
 */
VFS_API int64_t vfs_getdents(struct vfs_task *task, int fd, void *buffer,
			     size_t size);

/*
 * A stream over path, with a close-on-exec descriptor of its own in task, which
 * it holds. Errors of vfs_open; *out is untouched on failure. See opendir(3).
 */
VFS_API int vfs_opendir(struct vfs_task *task, const char *path,
			struct vfs_dir **out);
/*
 * The same over fd, which it takes over on success only. -EBADF also for
 * O_PATH; -ENOTDIR. See fdopendir(3).
 */
VFS_API int vfs_fdopendir(struct vfs_task *task, int fd, struct vfs_dir **out);
/*
 * 1 with *out set, 0 at the end with *out NULL, or an error of vfs_getdents.
 * *out is valid until the next call on dir. See readdir(3).
 */
VFS_API int vfs_readdir(struct vfs_dir *dir, const struct vfs_dirent **out);

/*
 * The position, for vfs_seekdir; it stays good while names come and go.
 * See telldir(3).
 */
VFS_API int64_t vfs_telldir(struct vfs_dir *dir);

/*
 * Goes to a position that vfs_telldir gave. -EINVAL below 0. See seekdir(3).
 */
VFS_API int vfs_seekdir(struct vfs_dir *dir, int64_t position);

/*
 * Goes to the beginning. See rewinddir(3).
 */
VFS_API int vfs_rewinddir(struct vfs_dir *dir);

/*
 * The stream's descriptor. See dirfd(3).
 */
VFS_API int vfs_dirfd(struct vfs_dir *dir);
/*
 * Ends the stream and closes its descriptor. -EBADF it was closed already; the
 * stream is gone all the same. See closedir(3).
 */
VFS_API int vfs_closedir(struct vfs_dir *dir);

#ifdef __cplusplus
}
#endif

#endif
