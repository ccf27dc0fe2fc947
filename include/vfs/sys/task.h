/* SPDX-License-Identifier: MIT */
/*
 * What a file system may ask about tasks: who there is, what they have open
 * and where they stand. For backends that show it, as procfs does, and for
 * magic links. Tasks are named by their numbers (vfs_task_id), so that a
 * backend keeps none of them alive.
 *
 * Thread safety: any thread. What says "no lock" may give back the last
 * reference on a task or file and is therefore for operations that come
 * without a lock (getattr, readlink, follow, open, ioctl) or from outside;
 * everything else is for lookup, iterate and revalidate too.
 */
#ifndef VFS_SYS_TASK_H
#define VFS_SYS_TASK_H

#include <vfs/base.h>

#ifdef __cplusplus
extern "C" {
#endif

struct vfs_jump;
struct vfs_filesystem_type;

/* The lowest number above `after` that a task of the instance has; 0: there is
 * none, or no memory for a first call of this thread. Since 0.1. */
VFS_API int32_t vfs_task_next(struct vfs *vfs, int32_t after);

/*
 * To whom what shows task id belongs: its ids for files.
 * Returns 0 or -ESRCH (no such task). Since 0.1.
 */
VFS_API int vfs_task_owner(struct vfs *vfs, int32_t id, uint32_t *uid,
			   uint32_t *gid);

/*
 * May the current task (vfs_current_task) look into task id? Itself always;
 * another one of its user namespace when all ids of that one are its ids for
 * files and its effective capabilities include what that one is permitted; any
 * with CAP_SYS_PTRACE in that one's namespace. Outside of an operation there is
 * no current task: -EACCES. Returns 0 or: -ESRCH no such task; -EACCES. Since
 * 0.1. See ptrace(2), PTRACE_MODE_READ_FSCREDS.
 */
VFS_API int vfs_task_inspect(struct vfs *vfs, int32_t id);

/*
 * The lowest descriptor above `after` (-1: any) that task id has open.
 * Returns it or: -ESRCH no such task; -EBADF none. Since 0.1.
 */
VFS_API int vfs_task_next_fd(struct vfs *vfs, int32_t id, int after);

#define VFS_FD_READ 0x1u
#define VFS_FD_WRITE 0x2u

struct vfs_fd_info {
	uint64_t size; /* in: sizeof(struct vfs_fd_info) */
	int64_t position;
	uint32_t flags;	 /* O_*, O_CLOEXEC too */
	uint32_t access; /* VFS_FD_*: neither for O_PATH */
	uint64_t mnt_id;
	uint64_t ino;
};

/*
 * What descriptor fd of task id is. No lock.
 * Returns 0 or: -ESRCH no such task; -EBADF no such descriptor; -EINVAL size is
 * too small; -ENOMEM. Since 0.1.
 */
VFS_API int vfs_task_fd(struct vfs *vfs, int32_t id, int fd,
			struct vfs_fd_info *info);

/* Places of a task, beside those of its descriptors (0 and above). */
#define VFS_PLACE_CWD (-1)
#define VFS_PLACE_ROOT (-2)

/*
 * The path of a place of task id, as the current task would write it, with
 * " (deleted)" behind one that was removed; "pipe:[INO]" for a pipe. At most
 * size bytes of it, no NUL. No lock.
 * Returns the number of bytes or: -ENOENT no such task or descriptor, or no
 * current task;
 * -ENAMETOOLONG; -ENOMEM. Since 0.1. See readlink(2), proc(5).
 */
VFS_API int64_t vfs_task_place(struct vfs *vfs, int32_t id, int place,
			       char *buffer, size_t size);

/*
 * For the follow operation of a magic link: it leads to that place of task id.
 * Asks nobody for permission. No lock.
 * Returns 0 or -ENOENT (no such task or descriptor), which the operation
 * returns. Since 0.1.
 */
VFS_API int vfs_jump_to(struct vfs_jump *jump, int32_t id, int place);

/* vfs_task_mounts.form */
#define VFS_MOUNTS_INFO 0u /* as /proc/PID/mountinfo */
#define VFS_MOUNTS_OLD 1u  /* as /proc/PID/mounts */

/*
 * The mounts of task id, a line each, as proc(5) has them. *text is
 * NUL-terminated, *size without the NUL; it is given back with
 * vfs_free(vfs, *text, *size + 1). No lock.
 * Returns 0 or: -ESRCH no such task; -EINVAL form; -ENOMEM. Since 0.1.
 */
VFS_API int vfs_task_mounts(struct vfs *vfs, int32_t id, uint32_t form,
			    char **text, size_t *size);

/*
 * Calls each for every registered type, in the order of registration, until
 * it returns other than 0, which is returned. each may ask for memory, and
 * nothing else of the instance. Since 0.1.
 */
VFS_API int vfs_filesystems(struct vfs *vfs,
			    int (*each)(void *context,
					const struct vfs_filesystem_type *type),
			    void *context);

#ifdef __cplusplus
}
#endif

#endif
