/* SPDX-License-Identifier: MIT */
/*
 * Attributes. Each function is the Linux call of its name with the task in
 * front.
 *
 * All of them: any thread, at any time; since 0.1; 0 on success, a negative
 * errno on failure, and then nothing was changed and *out was not touched.
 * Besides what each one lists there is everywhere
 *
 *	-EFAULT  task is NULL
 *	-ENOMEM  no memory
 *
 * and where a path is walked (path_resolution(7))
 *
 *	-EFAULT        path is NULL
 *	-ENOENT        the empty path (without AT_EMPTY_PATH), a missing name,
 *	               a dangling symlink, a directory that was removed
 *	-ENOTDIR       something used as a directory is none; a relative path
 *	               below a dirfd that is none
 *	-EACCES        no search permission on a directory on the way
 *	-ELOOP         more than 40 symlinks; one on a nosymfollow mount
 *	-ENAMETOOLONG  a path of 4096 bytes or more; a name that is longer than
 *	               the file system takes (255)
 *	-EBADF         a relative path and dirfd is neither AT_FDCWD nor open
 *
 * and any error of the backend's own. "Owner" below means: the task's fsuid is
 * the file's user, or the task has CAP_FOWNER.
 *
 * Ids are numbers of the task's user namespace (<vfs/userns.h>), and a
 * capability is one over the file: both of the file's ids have a number there
 * (for CAP_FOWNER its user). An id without one shows as 65534; a change of a
 * file with an id that has none on the mount is -EOVERFLOW, unless the change
 * gives it another. chmod, chown and explicit times of an immutable or
 * append-only file (vfs_ioctl) are -EPERM.
 */
#ifndef VFS_STAT_H
#define VFS_STAT_H

#include <vfs/base.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * statx's set without its prefixes; every stat call fills all of it, whatever
 * was asked for. mask says which members mean something: a file system without
 * times of birth leaves STATX_BTIME out, and btime is 0 then.
 */
struct vfs_stat {
	uint32_t mask; /* STATX_*: the members that the file system has */
	uint32_t mode;
	uint64_t dev; /* as makedev(3) packs it */
	uint64_t ino;
	uint64_t rdev;
	uint32_t nlink;
	uint32_t uid;
	uint32_t gid;
	uint32_t blksize;
	int64_t size;
	int64_t blocks; /* of 512 bytes */
	struct vfs_timespec atime;
	struct vfs_timespec mtime;
	struct vfs_timespec ctime;
	struct vfs_timespec btime;
	uint64_t mnt_id;     /* of the mount that the path ends in */
	uint64_t attributes; /* STATX_ATTR_*: MOUNT_ROOT, IMMUTABLE, APPEND,
			      * NODUMP, and the backend's */
};

struct vfs_statfs {
	uint64_t type;	  /* the magic number, as in statfs(2) */
	uint64_t bsize;	  /* bytes of a block, best for transfers */
	uint64_t blocks;  /* of frsize bytes; 0: no limit */
	uint64_t bfree;	  /* not in use */
	uint64_t bavail;  /* what an unprivileged user may still take */
	uint64_t files;	  /* inodes that there may be; 0: no limit */
	uint64_t ffree;	  /* inodes not in use */
	uint64_t fsid;	  /* the same for all of one file system */
	uint64_t namelen; /* bytes of the longest name */
	uint64_t frsize;  /* bytes that blocks, bfree and bavail count in */
	uint64_t flags;	  /* ST_* of statvfs(3), and 0x20 as statfs(2) has it */
};

/*
 * The attributes of what path names, following a last symlink (vfs_stat) or
 * not (vfs_lstat), of the open file fd (O_PATH too), or of path below dirfd.
 * No permission on the file itself is needed.
 *
 * flags: AT_SYMLINK_NOFOLLOW; AT_EMPTY_PATH (with path "" or NULL: dirfd
 * itself, which may be any file, or the working directory for AT_FDCWD);
 * AT_NO_AUTOMOUNT and AT_STATX_*SYNC* have no effect. mask: STATX_*, which
 * members are wanted; all are given.
 *
 * Errors: those of the walk; -EFAULT out is NULL; -EBADF fd is not open;
 * -EINVAL an unknown flag, for vfs_statx also both AT_STATX_FORCE_SYNC and
 * AT_STATX_DONT_SYNC, or STATX__RESERVED in mask. As in the kernel, flags are
 * not looked at when AT_EMPTY_PATH makes dirfd the file.
 * See stat(2), statx(2).
 */
VFS_API int vfs_stat(struct vfs_task *task, const char *path,
		     struct vfs_stat *out);
VFS_API int vfs_lstat(struct vfs_task *task, const char *path,
		      struct vfs_stat *out);
VFS_API int vfs_fstat(struct vfs_task *task, int fd, struct vfs_stat *out);
VFS_API int vfs_fstatat(struct vfs_task *task, int dirfd, const char *path,
			struct vfs_stat *out, int flags);
VFS_API int vfs_statx(struct vfs_task *task, int dirfd, const char *path,
		      int flags, uint32_t mask, struct vfs_stat *out);

/*
 * A number that no other file of the instance has for as long as fd (O_PATH
 * too) is open on this one. st_dev and st_ino do not tell all files apart: in
 * an overlay several names of one lower file share them before they are copied
 * up, and are files of their own all the same. It means nothing outside of the
 * process.
 *
 * Errors: -EFAULT out is NULL; -EBADF fd is not open. There is no such call in
 * Linux; see kcmp(2) for a cousin.
 */
VFS_API int vfs_fidentity(struct vfs_task *task, int fd, uint64_t *out);

/*
 * The file system that path (a last symlink is followed) or fd (O_PATH too) is
 * in. Errors: those of the walk; -EFAULT out is NULL; -EBADF fd is not open.
 * See statfs(2).
 */
VFS_API int vfs_statfs(struct vfs_task *task, const char *path,
		       struct vfs_statfs *out);
VFS_API int vfs_fstatfs(struct vfs_task *task, int fd, struct vfs_statfs *out);

/*
 * Whether the task may read (R_OK), write (W_OK) and execute or search (X_OK)
 * what path names; mode F_OK (0): whether it exists. The question is asked for
 * the real ids, with the permitted capabilities when the real user is 0 and
 * none otherwise; with AT_EACCESS for the ids and capabilities that every other
 * call uses. The walk is done as the same person.
 *
 * flags: AT_EACCESS, AT_SYMLINK_NOFOLLOW, AT_EMPTY_PATH.
 *
 * Errors: those of the walk; -EINVAL a mode other than those bits, or an
 * unknown flag; -EACCES one of the accesses is refused (also X_OK on a regular
 * file without any x bit, for everybody, and on a noexec mount); -EROFS W_OK
 * on a read-only file system, but for devices, FIFOs and sockets.
 * See access(2).
 */
VFS_API int vfs_access(struct vfs_task *task, const char *path, int mode);
VFS_API int vfs_faccessat(struct vfs_task *task, int dirfd, const char *path,
			  int mode);
VFS_API int vfs_faccessat2(struct vfs_task *task, int dirfd, const char *path,
			   int mode, int flags);
/*
 * Sets the permission bits, setuid, setgid and sticky of a file: mode & 07777.
 * An access ACL follows: its mask gets the group bits. The setgid bit is
 * dropped silently when the file's group is none of the task's and CAP_FSETID
 * is missing.
 *
 * A last symlink is followed, but with AT_SYMLINK_NOFOLLOW. flags:
 * AT_SYMLINK_NOFOLLOW, AT_EMPTY_PATH.
 *
 * Errors: those of the walk; -EINVAL an unknown flag; -EBADF fd is not open or
 * was opened with O_PATH; -EROFS a read-only file system; -EOPNOTSUPP a
 * symlink; -EPERM not the owner. See chmod(2).
 */
VFS_API int vfs_chmod(struct vfs_task *task, const char *path, uint32_t mode);
VFS_API int vfs_fchmod(struct vfs_task *task, int fd, uint32_t mode);
VFS_API int vfs_fchmodat(struct vfs_task *task, int dirfd, const char *path,
			 uint32_t mode);
VFS_API int vfs_fchmodat2(struct vfs_task *task, int dirfd, const char *path,
			  uint32_t mode, int flags);
/*
 * Gives a file to user uid and group gid; 0xffffffff ((uid_t)-1) leaves either
 * as it is. Of anything but a directory the setuid bit is cleared, and setgid
 * when the group may execute it or is none of the task's; file capabilities
 * are removed.
 *
 * A last symlink is followed, but by vfs_lchown and with AT_SYMLINK_NOFOLLOW.
 * flags: AT_SYMLINK_NOFOLLOW, AT_EMPTY_PATH (dirfd may be an O_PATH one then).
 *
 * Errors: those of the walk; -EINVAL an unknown flag, or an id that has no
 * number in the task's user namespace; -EOVERFLOW one that the mount has none
 * for; -EBADF fd is not open or
 * was opened with O_PATH; -EROFS a read-only file system; -EPERM without
 * CAP_CHOWN: another user, another group by one who is not the file's user or
 * not in that group; or a bit is to be cleared and the task is not the owner.
 * See chown(2).
 */
VFS_API int vfs_chown(struct vfs_task *task, const char *path, uint32_t uid,
		      uint32_t gid);
VFS_API int vfs_lchown(struct vfs_task *task, const char *path, uint32_t uid,
		       uint32_t gid);
VFS_API int vfs_fchown(struct vfs_task *task, int fd, uint32_t uid,
		       uint32_t gid);
VFS_API int vfs_fchownat(struct vfs_task *task, int dirfd, const char *path,
			 uint32_t uid, uint32_t gid, int flags);
/*
 * Sets the times of access and modification. times: two, access first; nsec
 * is below 1,000,000,000, or UTIME_NOW, or UTIME_OMIT (unchanged); NULL: both
 * now. Both UTIME_OMIT: 0 at once, nothing is looked at. The time of change
 * becomes now.
 *
 * A last symlink is followed, but with AT_SYMLINK_NOFOLLOW. flags:
 * AT_SYMLINK_NOFOLLOW, AT_EMPTY_PATH. path NULL: the open file dirfd, without
 * flags, as the system call has it (not AT_FDCWD: -EFAULT).
 *
 * Errors: those of the walk; -EINVAL an unknown flag, a flag with path NULL,
 * or nsec out of range; -EBADF fd is not open or was opened with O_PATH;
 * -EROFS a read-only file system; -EACCES both to be now, and the task is
 * neither the owner nor may it write; -EPERM anything else, and the task is not
 * the owner. See utimensat(2).
 */
VFS_API int vfs_utimensat(struct vfs_task *task, int dirfd, const char *path,
			  const struct vfs_timespec times[2], int flags);
VFS_API int vfs_futimens(struct vfs_task *task, int fd,
			 const struct vfs_timespec times[2]);

#ifdef __cplusplus
}
#endif

#endif
