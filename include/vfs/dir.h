/* SPDX-License-Identifier: MIT */
/* Listing directories: the system call, and readdir's family on top of it. */
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

VFS_API int64_t vfs_getdents(struct vfs_task *task, int fd, void *buffer,
			     size_t size);

VFS_API int vfs_opendir(struct vfs_task *task, const char *path,
			struct vfs_dir **out);
/* Takes the descriptor over on success only. */
VFS_API int vfs_fdopendir(struct vfs_task *task, int fd, struct vfs_dir **out);
/* 1 with *out set, 0 at the end with *out NULL, or a negative errno. *out is
 * valid until the next call on dir. */
VFS_API int vfs_readdir(struct vfs_dir *dir, const struct vfs_dirent **out);
VFS_API int64_t vfs_telldir(struct vfs_dir *dir);
VFS_API int vfs_seekdir(struct vfs_dir *dir, int64_t position);
VFS_API int vfs_rewinddir(struct vfs_dir *dir);
VFS_API int vfs_dirfd(struct vfs_dir *dir);
/* Also closes the descriptor. NULL gives -EFAULT. */
VFS_API int vfs_closedir(struct vfs_dir *dir);

#ifdef __cplusplus
}
#endif

#endif
