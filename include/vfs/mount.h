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

struct vfs_filesystem_type;

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
 * Errors: -EINVAL no type or source where one is needed, or one of 4096 bytes
 * or more; what is to be changed or moved is no mount, or not in the task's
 * namespace, or locked; an unbindable source; options that the type refuses;
 * two kinds of propagation at once; a move out of a shared mount, or of
 * something unbindable into one; -ENODEV no such type; -EBUSY read-only is
 * asked for while something is open for writing; -EPERM a locked flag would be
 * cleared; -ENOTDIR a directory on another file, or the reverse; -ENOENT target
 * was removed; -ELOOP a move into the moved tree; -ENOSPC too many mounts in a
 * namespace (vfs_config); the type's own. Since 0.1. See mount(2).
 */
VFS_API int vfs_mount(struct vfs_task *task, const char *source,
		      const char *target, const char *type, uint64_t flags,
		      const char *data);

/*
 * A new mount of a type that need not be registered, and so cannot be named by
 * the tasks inside: vfs_hostfs_type and its like, or one of your own
 * (<vfs/sys/backend.h>), which outlives the mount. flags: those that vfs_mount
 * has for a new mount.
 *
 * Errors: those of vfs_mount; -EFAULT also type is NULL; -EINVAL also a
 * malformed table, or a flag for something else than a new mount. Since 0.1.
 * See mount(2).
 */
VFS_API int vfs_mount_type(struct vfs_task *task,
			   const struct vfs_filesystem_type *type,
			   const char *source, const char *target,
			   uint64_t flags, const char *data);

/*
 * What a word of mount(8)'s options says of vfs_mount's flags: sets and clears
 * bits of *flags, so that of words that contradict each other the later one
 * counts. option: length bytes, as they lie in a list; no NUL is needed.
 *
 *   ro rw nosuid suid nodev dev noexec exec sync async dirsync lazytime
 *   nolazytime nodiratime diratime nosymfollow symfollow
 *   noatime atime relatime norelatime strictatime nostrictatime
 *                         (setting one of the three takes the others away)
 *   remount bind rbind move, shared private slave unbindable, and these with an
 *   r in front            what is to be done
 *   defaults silent loud mand nomand iversion noiversion
 *                         mean nothing
 *
 * Returns 1; or 0, and *flags is as it was, for any other word, which belongs
 * to the type then, or to nobody; -EFAULT a NULL. Any thread; no instance is
 * needed. Since 0.1. See mount(8).
 */
VFS_API int vfs_mount_option(const char *option, size_t length,
			     uint64_t *flags);

/*
 * Takes the topmost mount at target away. flags: MNT_DETACH (now from the tree,
 * with all below; for good when its last user goes), MNT_FORCE, MNT_EXPIRE
 * (only if it was not used since the last such call), UMOUNT_NOFOLLOW (a last
 * symlink is not followed). The task's root is made read-only instead.
 *
 * Errors: -EINVAL an unknown flag, MNT_EXPIRE with MNT_FORCE or MNT_DETACH,
 * target is no mount, not in the task's namespace, or locked; -EBUSY it is
 * used; -EAGAIN MNT_EXPIRE, the first time. Since 0.1. See umount2(2).
 */
VFS_API int vfs_umount2(struct vfs_task *task, const char *target, int flags);
VFS_API int vfs_umount(struct vfs_task *task, const char *target);

/*
 * new_root becomes the root of the task's namespace, and of every task whose
 * root or working directory was the old one, which is mounted on put_old.
 *
 * Errors: -EINVAL new_root or the root is no mount, put_old is not below
 * new_root, one of the mounts concerned is shared or locked; -EBUSY new_root or
 * put_old is on the root's mount; -ENOTDIR one is no directory. Since 0.1. See
 * pivot_root(2).
 */
VFS_API int vfs_pivot_root(struct vfs_task *task, const char *new_root,
			   const char *put_old);

/*
 * The task no longer shares what flags name: VFS_CLONE_FS, VFS_CLONE_FILES,
 * VFS_CLONE_NEWNS (a copy of its mount namespace, which belongs to the task's
 * user namespace; implies VFS_CLONE_FS), VFS_CLONE_NEWUSER (a user namespace
 * below its own, without maps; implies VFS_CLONE_FS, and comes before
 * VFS_CLONE_NEWNS). Errors: -EINVAL an unknown flag; -EPERM VFS_CLONE_NEWNS
 * without CAP_SYS_ADMIN in the task's user namespace; -EPERM and -ENOSPC for
 * VFS_CLONE_NEWUSER as vfs_task_clone has them. Since 0.1. See unshare(2).
 */
VFS_API int vfs_unshare(struct vfs_task *task, uint64_t flags);

/*
 * The task enters the namespace that fd stands for. type: 0, VFS_CLONE_NEWNS or
 * VFS_CLONE_NEWUSER. Of a mount namespace the root becomes root and working
 * directory; in a user namespace the task gets every capability. Errors: -EBADF
 * fd is not open, or O_PATH; -EINVAL fd stands for no namespace of that type,
 * the task shares its root and working directory (VFS_CLONE_FS), or is in that
 * user namespace; -EPERM without CAP_SYS_ADMIN in the namespace (of a mount
 * namespace: in its owner), and for a mount namespace without CAP_SYS_ADMIN and
 * CAP_SYS_CHROOT in the task's own user namespace. Since 0.1. See setns(2).
 */
VFS_API int vfs_setns(struct vfs_task *task, int fd, int type);

/*
 * A descriptor of task's for the namespace that target is in, as if
 * /proc/PID/ns/mnt or /proc/PID/ns/user were opened: for vfs_setns and
 * vfs_mount_setattr, and it keeps the namespace alive. type: VFS_CLONE_NEWNS or
 * VFS_CLONE_NEWUSER; flags: O_CLOEXEC. No capability is needed.
 *
 * Returns the descriptor or: -EFAULT target is NULL; -EINVAL another type or
 * flag, or target is of another instance; -EMFILE. Since 0.1. See
 * namespaces(7).
 */
VFS_API int vfs_open_namespace(struct vfs_task *task, struct vfs_task *target,
			       int type, int flags);

/* -- the calls that work with descriptors -- */

/*
 * A descriptor (O_PATH) of path's place, or with OPEN_TREE_CLONE of a copy of
 * the mount there (AT_RECURSIVE: with all below) that is nowhere yet, and ends
 * with the descriptor unless vfs_move_mount puts it somewhere. flags:
 * OPEN_TREE_CLONE, OPEN_TREE_CLOEXEC, AT_EMPTY_PATH, AT_NO_AUTOMOUNT,
 * AT_RECURSIVE, AT_SYMLINK_NOFOLLOW. -EPERM is for OPEN_TREE_CLONE alone.
 *
 * Returns the descriptor or: -EINVAL an unknown flag, AT_RECURSIVE without
 * OPEN_TREE_CLONE, the mount is unbindable or not to be seen by the task;
 * -EMFILE. Since 0.1. See open_tree(2).
 */
VFS_API int vfs_open_tree(struct vfs_task *task, int dirfd, const char *path,
			  uint32_t flags);

/*
 * Moves a mount, or a tree that is nowhere yet, to another place. flags:
 * MOVE_MOUNT_F_SYMLINKS, _F_AUTOMOUNTS, _F_EMPTY_PATH (NULL is then as ""), and
 * the same with T for the target; MOVE_MOUNT_SET_GROUP: to, which is private,
 * gets the peers and masters of from, and nothing moves; MOVE_MOUNT_BENEATH:
 * below the topmost mount at the target, not on it.
 *
 * Errors: -EINVAL an unknown flag, and as vfs_mount with MS_MOVE; -ELOOP;
 * -ENOSPC. Since 0.1. See move_mount(2).
 */
VFS_API int vfs_move_mount(struct vfs_task *task, int from_dirfd,
			   const char *from, int to_dirfd, const char *to,
			   uint32_t flags);

/*
 * A file system of a type in the making. flags: FSOPEN_CLOEXEC. Reading the
 * descriptor gives -ENODATA: messages go to the instance's log.
 *
 * Returns the descriptor or: -EINVAL an unknown flag; -ENODEV no such type;
 * -EMFILE. Since 0.1. See fsopen(2).
 */
VFS_API int vfs_fsopen(struct vfs_task *task, const char *type, uint32_t flags);

/*
 * The file system of the mount at path, to be changed. flags: FSPICK_CLOEXEC,
 * FSPICK_SYMLINK_NOFOLLOW, FSPICK_NO_AUTOMOUNT, FSPICK_EMPTY_PATH.
 *
 * Returns the descriptor or: -EINVAL an unknown flag, or path is no mount;
 * -EMFILE. Since 0.1. See fspick(2).
 */
VFS_API int vfs_fspick(struct vfs_task *task, int dirfd, const char *path,
		       uint32_t flags);

/*
 * Sets a parameter (FSCONFIG_SET_FLAG, FSCONFIG_SET_STRING), makes the file
 * system (FSCONFIG_CMD_CREATE, FSCONFIG_CMD_CREATE_EXCL) or changes it
 * (FSCONFIG_CMD_RECONFIGURE).
 *
 * Errors: -EINVAL fd is of another kind, the arguments do not fit the command,
 * or the type refuses the parameter; -EOPNOTSUPP an unknown command; -EBUSY not
 * the time for it; -EBADF, also for the value of FSCONFIG_SET_FD; -ENOENT and
 * -ENAMETOOLONG for that of FSCONFIG_SET_PATH; the type's own. Since 0.1. See
 * fsconfig(2).
 */
VFS_API int vfs_fsconfig(struct vfs_task *task, int fd, uint32_t command,
			 const char *key, const void *value, int aux);

/*
 * A mount of what vfs_fsconfig made, nowhere yet: for vfs_move_mount. flags:
 * FSMOUNT_CLOEXEC; attributes: MOUNT_ATTR_*.
 *
 * Returns the descriptor or: -EINVAL an unknown flag or attribute, fd is of
 * another kind, or nothing was made; -EBUSY it is mounted already; -EBADF;
 * -EMFILE. Since 0.1. See fsmount(2).
 */
VFS_API int vfs_fsmount(struct vfs_task *task, int fd, uint32_t flags,
			uint32_t attributes);

/* Laid out as struct mount_attr of <linux/mount.h>. */
struct vfs_mount_attr {
	uint64_t attr_set;
	uint64_t attr_clr;
	uint64_t propagation; /* MS_SHARED, MS_PRIVATE, MS_SLAVE, MS_UNBINDABLE,
				 or 0: as it is */
	uint64_t userns_fd;   /* with MOUNT_ATTR_IDMAP: see below */
};

/*
 * Clears attr_clr and sets attr_set (MOUNT_ATTR_*) of the mount at path, or of
 * its whole tree (AT_RECURSIVE): of all mounts or of none. size: that of *attr.
 * flags: AT_EMPTY_PATH, AT_RECURSIVE, AT_SYMLINK_NOFOLLOW, AT_NO_AUTOMOUNT.
 *
 * MOUNT_ATTR_IDMAP in attr_set: ids of the file system's go through the maps of
 * the user namespace that userns_fd stands for (vfs_open_namespace): what is
 * its user 5 of a file is whoever the namespace's user 5 is, for who comes by
 * this mount. For a tree that is nowhere yet, once and for good.
 *
 * Errors: -EINVAL an unknown flag, attribute or kind of propagation, two of the
 * atime kind, size is too small, path is no mount of the task's namespace nor a
 * tree that is nowhere; -E2BIG attr is larger than this library knows and its
 * tail is not zero; -EPERM a locked attribute; -EBUSY read-only or a mapping is
 * asked for while something is open for writing. With MOUNT_ATTR_IDMAP also
 * -EBADF userns_fd is not open; -EINVAL it stands for no user namespace, for
 * one without maps or for the file system's own, the mount has been seen
 * already, or the type knows no mapping; -EPERM it is the first namespace, the
 * mount is mapped, or the task lacks CAP_SYS_ADMIN in the namespace or in that
 * of the file system. Since 0.1. See mount_setattr(2).
 */
VFS_API int vfs_mount_setattr(struct vfs_task *task, int dirfd,
			      const char *path, uint32_t flags,
			      const struct vfs_mount_attr *attr, size_t size);

/* For vfs_statmount and vfs_listmount; laid out as the kernel's. */
struct vfs_mnt_id_req {
	uint32_t size; /* sizeof */
	uint32_t zero;
	uint64_t mnt_id;    /* vfs_stat.mnt_id, or VFS_LSMT_ROOT */
	uint64_t param;	    /* VFS_STATMOUNT_*; or the last id got */
	uint64_t mnt_ns_id; /* 0: the task's */
};

#define VFS_LSMT_ROOT UINT64_MAX
#define VFS_LISTMOUNT_REVERSE 0x1u

#define VFS_STATMOUNT_SB_BASIC UINT64_C(0x1)
#define VFS_STATMOUNT_MNT_BASIC UINT64_C(0x2)
#define VFS_STATMOUNT_PROPAGATE_FROM UINT64_C(0x4)
#define VFS_STATMOUNT_MNT_ROOT UINT64_C(0x8)
#define VFS_STATMOUNT_MNT_POINT UINT64_C(0x10)
#define VFS_STATMOUNT_FS_TYPE UINT64_C(0x20)
#define VFS_STATMOUNT_MNT_NS_ID UINT64_C(0x40)
#define VFS_STATMOUNT_MNT_OPTS UINT64_C(0x80)
#define VFS_STATMOUNT_SB_SOURCE UINT64_C(0x200)

/* Laid out as the kernel's; strings follow, NUL-terminated, and are given as
 * offsets from its end. mask: what is filled in; the rest is 0. */
struct vfs_statmount {
	uint32_t size; /* of all, strings included */
	uint32_t mnt_opts;
	uint64_t mask;
	uint32_t sb_dev_major;
	uint32_t sb_dev_minor;
	uint64_t sb_magic;
	uint32_t sb_flags; /* MS_RDONLY, MS_SYNCHRONOUS, … */
	uint32_t fs_type;
	uint64_t mnt_id;
	uint64_t mnt_parent_id;
	uint32_t mnt_id_old;
	uint32_t mnt_parent_id_old;
	uint64_t mnt_attr; /* MOUNT_ATTR_* */
	uint64_t mnt_propagation;
	uint64_t mnt_peer_group;
	uint64_t mnt_master;
	uint64_t propagate_from;
	uint32_t mnt_root;
	uint32_t mnt_point;
	uint64_t mnt_ns_id;
	uint32_t fs_subtype;
	uint32_t sb_source;
	uint64_t zero[48];
};

/*
 * What is known of a mount, into buffer, a struct vfs_statmount with room for
 * strings behind it. flags must be 0.
 *
 * Errors: -EINVAL a flag, or req->size is too small; -E2BIG it is larger than
 * this library knows and the tail is not zero; -ENOENT no such mount in the
 * task's namespace; -EPERM the task's root does not lead to it; -EOVERFLOW size
 * is too small. Since 0.1. See statmount(2).
 */
VFS_API int vfs_statmount(struct vfs_task *task,
			  const struct vfs_mnt_id_req *req,
			  struct vfs_statmount *buffer, size_t size,
			  uint32_t flags);

/*
 * The identities of the mounts below a mount (VFS_LSMT_ROOT: of all that the
 * task sees), in the order of their numbers, those after req->param; flags:
 * VFS_LISTMOUNT_REVERSE, the other way round.
 *
 * Returns how many were written, or: -EINVAL an unknown flag, or req->size is
 * too small; -E2BIG as for vfs_statmount; -ENOENT no such mount in the task's
 * namespace; -EPERM the task's root does not lead to it; -EOVERFLOW count is
 * above 1000000. Since 0.1. See listmount(2).
 */
VFS_API int64_t vfs_listmount(struct vfs_task *task,
			      const struct vfs_mnt_id_req *req, uint64_t *ids,
			      size_t count, uint32_t flags);

/* vfs_mountinfo: lines as in /proc/PID/mountinfo, or in /proc/PID/mounts. */
#define VFS_MOUNTINFO_FULL 0u
#define VFS_MOUNTINFO_SHORT 1u

/*
 * The mounts that the task sees, as text in the form that proc(5) describes,
 * NUL-terminated. buffer NULL and size 0: only the length is asked for. No
 * capability is needed.
 *
 * Returns the length without the NUL, or: -EINVAL another form; -ERANGE size is
 * too small; -EFAULT. Since 0.1.
 */
VFS_API int64_t vfs_mountinfo(struct vfs_task *task, uint32_t form,
			      char *buffer, size_t size);

#ifdef __cplusplus
}
#endif

#endif
