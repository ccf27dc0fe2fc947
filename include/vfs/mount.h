/* SPDX-License-Identifier: MIT */
/*
 * Mounts and mount namespaces. Each function is the Linux call of its name with
 * the task in front, flags are those of <sys/mount.h> and <linux/mount.h>, and
 * the result is 0 unless said otherwise.
 *
 * For all of them: any thread at any time. -EFAULT task or a path that is
 * needed is NULL; the errors of a walk (see <vfs/path.h>) for every path;
 * -EPERM without CAP_SYS_ADMIN; -ENOMEM, and nothing has changed. These are
 * not repeated below.
 */
#ifndef VFS_MOUNT_H
#define VFS_MOUNT_H

#include <vfs/base.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Mounts something on target (a last symlink is followed), or changes what is
 * mounted there. Which, the flags say, in this order:
 *
 *   MS_REMOUNT | MS_BIND  the mount's own flags become those given
 *   MS_REMOUNT            these, and the file system's flags and options (data)
 *   MS_BIND [| MS_REC]    source, a path, appears at target too [with all that
 *                         is mounted below it]
 *   one of MS_SHARED, MS_PRIVATE, MS_SLAVE, MS_UNBINDABLE [| MS_REC]
 *                         how target's mount propagates
 *   MS_MOVE               what is mounted at source moves to target
 *   otherwise             a new file system of type with options data; source
 *                         is what its type makes of it, and shown
 *
 * Flags of the mount: MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC, MS_NOATIME,
 * MS_NODIRATIME, MS_RELATIME (the default), MS_STRICTATIME, MS_NOSYMFOLLOW; of
 * the file system: MS_RDONLY, MS_SYNCHRONOUS, MS_DIRSYNC, MS_LAZYTIME. The
 * magic number in the upper half is ignored, and so are other flags.
 *
 * Errors: -EINVAL no type or source where one is needed; what is to be changed
 * or moved is no mount, or not in the task's namespace, or locked; an
 * unbindable source; options that the type refuses; two kinds of propagation
 * at once; a move out of a shared mount, or of something unbindable into one;
 * -ENODEV no such type; -EBUSY read-only is asked for while something is open
 * for writing; -EPERM a locked flag would be cleared; -ENOTDIR a directory on
 * another file, or the reverse; -ENOENT target was removed; -ELOOP a move into
 * the moved tree; -ENOSPC too many mounts in a namespace (vfs_config); the
 * type's own. Since 0.2. See mount(2).
 */
VFS_API int vfs_mount(struct vfs_task *task, const char *source,
		      const char *target, const char *type, uint64_t flags,
		      const char *data);

/*
 * Takes the topmost mount at target away. flags: MNT_DETACH (now from the tree,
 * with all below; for good when its last user goes), MNT_FORCE, MNT_EXPIRE
 * (only if it was not used since the last such call), UMOUNT_NOFOLLOW (a last
 * symlink is not followed). The task's root is made read-only instead.
 *
 * Errors: -EINVAL an unknown flag, MNT_EXPIRE with MNT_FORCE or MNT_DETACH,
 * target is no mount, not in the task's namespace, or locked; -EBUSY it is
 * used; -EAGAIN MNT_EXPIRE, the first time. Since 0.2. See umount2(2).
 */
VFS_API int vfs_umount2(struct vfs_task *task, const char *target, int flags);
VFS_API int vfs_umount(struct vfs_task *task, const char *target);

/*
 * new_root becomes the root of the task's namespace, and of every task whose
 * root or working directory was the old one, which is mounted on put_old.
 *
 * Errors: -EINVAL new_root or the root is no mount, put_old is not below
 * new_root, one of the mounts concerned is shared or locked; -EBUSY new_root or
 * put_old is on the root's mount; -ENOTDIR one is no directory. Since 0.2. See
 * pivot_root(2).
 */
VFS_API int vfs_pivot_root(struct vfs_task *task, const char *new_root,
			   const char *put_old);

/*
 * The task no longer shares what flags name: VFS_CLONE_FS, VFS_CLONE_FILES,
 * VFS_CLONE_NEWNS (a copy of its mount namespace; implies VFS_CLONE_FS). -EPERM
 * is for VFS_CLONE_NEWNS alone. Errors: -EINVAL an unknown flag. Since 0.2. See
 * unshare(2).
 */
VFS_API int vfs_unshare(struct vfs_task *task, uint64_t flags);

/*
 * The task enters the namespace that fd stands for; root and working directory
 * become its root. type: 0, or VFS_CLONE_NEWNS. -EPERM: without CAP_SYS_CHROOT
 * too. Errors: -EBADF fd is not open, or O_PATH; -EINVAL fd stands for no
 * namespace of that type, or the task shares its root and working directory
 * (VFS_CLONE_FS). Since 0.2. See setns(2).
 */
VFS_API int vfs_setns(struct vfs_task *task, int fd, int type);

/*
 * A descriptor of task's for the namespace that target is in, as if
 * /proc/PID/ns/mnt were opened: for vfs_setns, and it keeps the namespace
 * alive. type: VFS_CLONE_NEWNS; flags: O_CLOEXEC. No capability is needed.
 *
 * Returns the descriptor or: -EFAULT target is NULL; -EINVAL another type or
 * flag, or target is of another instance; -EMFILE. Since 0.2. See
 * namespaces(7).
 */
VFS_API int vfs_open_namespace(struct vfs_task *task, struct vfs_task *target,
			       int type, int flags);

/* vfs_mountinfo: lines as in /proc/PID/mountinfo, or in /proc/PID/mounts. */
#define VFS_MOUNTINFO_FULL 0u
#define VFS_MOUNTINFO_SHORT 1u

/*
 * The mounts that the task sees, as text in the form that proc(5) describes,
 * NUL-terminated. buffer NULL and size 0: only the length is asked for. No
 * capability is needed.
 *
 * Returns the length without the NUL, or: -EINVAL another form; -ERANGE size is
 * too small; -EFAULT. Since 0.2.
 */
VFS_API int64_t vfs_mountinfo(struct vfs_task *task, uint32_t form,
			      char *buffer, size_t size);

#ifdef __cplusplus
}
#endif

#endif
