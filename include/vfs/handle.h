/* SPDX-License-Identifier: MIT */
/*
 * File handles: files by number instead of by name, as a file server needs
 * them.
 */
#ifndef VFS_HANDLE_H
#define VFS_HANDLE_H

#include <vfs/base.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The most that handle_bytes can be. */
#define VFS_MAX_HANDLE_SIZE 128

/* Laid out as the host's struct file_handle, with all the room there can be;
 * a smaller one serves as well, for handle_bytes says how much there is. */
struct vfs_file_handle {
	uint32_t handle_bytes; /* in: the room in f_handle; out: what is used */
	int32_t handle_type;
	uint8_t f_handle[VFS_MAX_HANDLE_SIZE];
};

/*
 * A handle of what path leads to, and the identity of the mount it is on in
 * *mount_id: an int32_t, with AT_HANDLE_MNT_ID_UNIQUE a uint64_t. flags: also
 * AT_SYMLINK_FOLLOW, AT_EMPTY_PATH (an empty path is dirfd itself),
 * AT_HANDLE_FID (it is to compare files with, and need not lead back).
 *
 * The handle stays the same as long as the file is there, whatever it is called
 * and whoever asks, keeps nothing alive, and means nothing to another instance.
 *
 * Returns 0 or: -EFAULT a NULL; -EINVAL another flag, or handle_bytes above
 * VFS_MAX_HANDLE_SIZE; -EOVERFLOW handle_bytes is too small, and is now what is
 * needed; -EOPNOTSUPP the file system has no handles, or
 * AT_HANDLE_CONNECTABLE; -ENOMEM; and those of a path (<vfs/file.h>). Any
 * thread. Since 0.1. See name_to_handle_at(2).
 */
VFS_API int vfs_name_to_handle_at(struct vfs_task *task, int dirfd,
				  const char *path,
				  struct vfs_file_handle *handle,
				  void *mount_id, int flags);

/*
 * Opens what handle leads to, on the file system of mount_fd, any descriptor
 * there or AT_FDCWD. flags are vfs_open's.
 *
 * Returns the descriptor or: -EFAULT a NULL; -EINVAL handle_bytes is 0 or above
 * VFS_MAX_HANDLE_SIZE, or a handle_type that nobody gave; -EBADF mount_fd;
 * -EPERM without CAP_DAC_READ_SEARCH; -ESTALE the file is gone, or there never
 * was such a handle; -ELOOP a symlink, without O_PATH; and those of vfs_open.
 * Any thread. Since 0.1. See open_by_handle_at(2).
 */
VFS_API int vfs_open_by_handle_at(struct vfs_task *task, int mount_fd,
				  const struct vfs_file_handle *handle,
				  int flags);

#ifdef __cplusplus
}
#endif

#endif
