/* SPDX-License-Identifier: MIT */
/* File locks: flock(2) and the record locks of fcntl(2). */
#ifndef VFS_LOCK_H
#define VFS_LOCK_H

#include <vfs/base.h>

#ifdef __cplusplus
extern "C" {
#endif

struct vfs_flock {
	int16_t type;	/* F_RDLCK, F_WRLCK, F_UNLCK */
	int16_t whence; /* SEEK_SET, SEEK_CUR, SEEK_END */
	int32_t pid;	/* out: the owner's vfs_task_id, -1 for an OFD lock */
	int64_t start;
	int64_t len;
};

/* operation: LOCK_SH, LOCK_EX or LOCK_UN, with or without LOCK_NB. */
VFS_API int vfs_flock(struct vfs_task *task, int fd, int operation);

/* cmd: F_GETLK, F_SETLK, F_SETLKW and their F_OFD_ forms. The owner of a
 * record lock is the task's descriptor table, as Linux's is the process's. */
VFS_API int vfs_fcntl_lock(struct vfs_task *task, int fd, int cmd,
			   struct vfs_flock *lock);

#ifdef __cplusplus
}
#endif

#endif
