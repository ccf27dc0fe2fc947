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

/*
 * Locks or unlocks the whole file for the open file that fd names (and for its
 * duplicates). operation: LOCK_SH, LOCK_EX or LOCK_UN, with or without
 * LOCK_NB. Blocks until it is granted, in the order of arrival; a lock of the
 * other kind that the open file has is given up first, and is lost when the
 * new one is refused.
 *
 * Returns 0 or: -EFAULT task is NULL; -EINVAL another operation (LOCK_MAND is
 * ignored, as Linux does); -EBADF fd is no descriptor, or opened with O_PATH
 * or for neither reading nor writing; -EWOULDBLOCK LOCK_NB, and somebody has
 * it; -EINTR vfs_task_interrupt; -ENOMEM (never for LOCK_UN).
 * Any thread. Since 0.1. See flock(2).
 */
VFS_API int vfs_flock(struct vfs_task *task, int fd, int operation);

/*
 * Locks of byte ranges. cmd: F_GETLK, F_SETLK, F_SETLKW, whose owner is the
 * task's descriptor table, as Linux's is the process's: closing any descriptor
 * of the file drops them; or F_OFD_GETLK, F_OFD_SETLK, F_OFD_SETLKW, whose
 * owner is the open file. Waiting calls are granted in the order of arrival.
 * F_GETLK and F_OFD_GETLK fill *lock with the first lock in the way, or set
 * its type to F_UNLCK; F_OFD_GETLK with F_UNLCK asks for the open file's own.
 *
 * Returns 0 or: -EFAULT task or lock is NULL; -EBADF fd is no descriptor, or
 * O_PATH, or was not opened for what the lock's type needs, or was closed
 * meanwhile; -EINVAL an unknown cmd, type or whence, a range that begins below
 * 0, F_GETLK of F_UNLCK, or pid is not 0 for an F_OFD_ command; -EOVERFLOW a
 * range that ends above 63 bits; -EAGAIN somebody has it; -EDEADLK waiting
 * would never end (POSIX locks only); -EINTR vfs_task_interrupt; -ENOLCK or
 * -ENOMEM no memory (unlocking: only when it splits a lock).
 * Any thread. Since 0.1. See F_SETLK(2const), fcntl_locking(2).
 */
VFS_API int vfs_fcntl_lock(struct vfs_task *task, int fd, int cmd,
			   struct vfs_flock *lock);

#ifdef __cplusplus
}
#endif

#endif
