/* SPDX-License-Identifier: MIT */
/*
 * Every call that hostfs makes on the host. Contract: hostfs.h. Each asks for a
 * fault first, so that tests can make any of them fail; none follows a path of
 * the host's beyond the root's descriptor, but for /proc/thread-self/fd, whose
 * directory is opened at mount and leads to descriptors of our own.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <linux/openat2.h>
#include <linux/stat.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "call.h"

#ifndef SYS_fchmodat2
#define SYS_fchmodat2 452
#endif
#ifndef SYS_setxattrat
#define SYS_setxattrat 463
#define SYS_getxattrat 464
#define SYS_listxattrat 465
#define SYS_removexattrat 466
#endif
#ifndef RESOLVE_NO_XDEV
#error "Linux headers of 5.6 or later are needed"
#endif

/* struct fsuuid2 and its request, of Linux 6.9 */
struct uuid_answer {
	uint8_t length;
	uint8_t uuid[16];
};
#define GET_UUID _IOR(0x15, 0, struct uuid_answer)

/* struct file_handle, with its bytes */
struct host_handle {
	uint32_t length;
	int32_t type;
	uint8_t bytes[VFS_LAYER_HANDLE_MAX];
};

/* struct xattr_args of Linux 6.13 */
struct attribute_args {
	uint64_t value;
	uint32_t size;
	uint32_t flags;
};

/* "/proc/thread-self/fd/" and a number: the descriptors of the thread that
 * asks, for the process's may be another table, or none when its first thread
 * ended. */
struct fd_path {
	char str[40];
};

/* As seen from s->proc. */
static void fd_path(int fd, struct fd_path *out)
{
	snprintf(out->str, sizeof(out->str), "thread-self/fd/%d", fd);
}

/* As seen from the process's root, for calls that have no form with a
 * directory. -ENOENT: it is not the root that it was at mount, and who knows
 * who made what is there. */
static int fd_path_absolute(struct hostfs_super *s, int fd, struct fd_path *out)
{
	struct statx stx;
	int err = hostfs_statx(s, AT_FDCWD, "/proc", &stx);

	if (err)
		return err;
	if (stx.stx_ino != s->proc_ino ||
	    makedev(stx.stx_dev_major, stx.stx_dev_minor) != s->proc_dev)
		return -ENOENT;
	snprintf(out->str, sizeof(out->str), "/proc/thread-self/fd/%d", fd);
	return 0;
}

bool hostfs_again(struct hostfs_super *s, int64_t err)
{
	if (err == -EINTR)
		return true;
	return (err == -EMFILE || err == -ENFILE) && hostfs_drop_oldest(s);
}

/* ---- opening ---- */

/* Whether fd is on the host's mount that the root is on. */
static int check_mount(struct hostfs_super *s, int fd)
{
	struct statx stx;
	int err = s->options.xdev ? 0 : hostfs_statx(s, fd, "", &stx);

	if (err || s->options.xdev)
		return err;
	return stx.stx_mnt_id != s->mnt_id ? -EXDEV : 0;
}

/* One name below dir. A symlink is opened itself, or refused. */
static int open_step(struct hostfs_super *s, int dir, const char *name,
		     int flags, uint32_t mode)
{
	int64_t fd;
	int err;

	HOSTFS_CALL(s, fd, "openat",
		    openat(dir, name, flags | O_NOFOLLOW | O_CLOEXEC, mode));
	if (fd < 0)
		return (int)fd;
	err = check_mount(s, (int)fd);
	if (!err)
		return (int)fd;
	hostfs_close(s->vfs, (int)fd);
	return err;
}

/* openat2 where the host has none: name by name. No name is `..`. */
static int open_steps(struct hostfs_super *s, int dir, const char *path,
		      uint64_t flags, uint32_t mode)
{
	struct hostfs_name name;
	int at = dir, fd = -ENOENT;
	size_t len;

	for (;;) {
		len = strcspn(path, "/");
		if (len >= sizeof(name.str)) {
			fd = -ENAMETOOLONG;
		} else {
			memcpy(name.str, path, len);
			name.str[len] = '\0';
			fd = path[len] ? open_step(s, at, name.str,
						   O_PATH | O_DIRECTORY, 0)
				       : open_step(s, at, name.str, (int)flags,
						   mode);
		}
		if (at != dir)
			hostfs_close(s->vfs, at);
		if (fd < 0 || !path[len])
			return fd;
		at = fd;
		path += len + 1;
	}
}

static int open_beneath(struct hostfs_super *s, int dir, const char *path,
			uint64_t flags, uint32_t mode, bool xdev)
{
	struct open_how how = {
		.flags = flags | O_CLOEXEC,
		.mode = mode,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS |
			   RESOLVE_NO_SYMLINKS | (xdev ? 0 : RESOLVE_NO_XDEV),
	};
	unsigned tries = 0;
	int64_t fd;

	/* EAGAIN: somebody renames something, somewhere */
	do
		HOSTFS_CALL(s, fd, "openat2",
			    syscall(SYS_openat2, dir, path, &how, sizeof(how)));
	while (fd == -EAGAIN && ++tries < 64);
	if (fd == -ENOSYS)
		return open_steps(s, dir, path, flags, mode);
	return (int)(fd == -EAGAIN ? -ESTALE : fd);
}

int hostfs_openat2(struct hostfs_super *s, int dir, const char *path,
		   uint64_t flags, uint32_t mode)
{
	return open_beneath(s, dir, path, flags, mode, s->options.xdev);
}

int hostfs_open_made(struct hostfs_super *s, int dir, const char *name)
{
	return open_beneath(s, dir, name, O_PATH | O_NOFOLLOW, 0, false);
}

int hostfs_reopen(struct hostfs_super *s, int fd, int flags)
{
	struct hostfs_link link;
	int64_t opened;

	hostfs_link_begin(s, fd, &link);
	do
		HOSTFS_CALL(s, opened, "openat",
			    openat(link.dir, link.path,
				   flags | O_CLOEXEC | O_NOCTTY));
	while (hostfs_link_again(s, fd, opened, &link));
	return (int)opened;
}

int hostfs_open_path(struct hostfs_super *s, const char *path, int flags)
{
	int64_t fd;

	HOSTFS_CALL(s, fd, "open", open(path, flags | O_CLOEXEC));
	return (int)fd;
}

int hostfs_dup(struct hostfs_super *s, int fd)
{
	int64_t copy;

	HOSTFS_CALL(s, copy, "dup", fcntl(fd, F_DUPFD_CLOEXEC, 3));
	return (int)copy;
}

void hostfs_close(struct vfs *vfs, int fd)
{
	int saved = errno;

	/* it is closed whatever close says */
	(void)vfs_fault(vfs, "close");
	if (fd >= 0)
		close(fd);
	errno = saved;
}

/* ---- what is there ---- */

int hostfs_statx(struct hostfs_super *s, int dir, const char *name,
		 struct statx *out)
{
	/* where it changes nothing, it is for whoever is mounted on name */
	int how = AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT |
		  (*name ? 0 : AT_EMPTY_PATH) |
		  (s->local ? AT_STATX_DONT_SYNC : 0);
	int64_t err;

	HOSTFS_CALL(s, err, "statx",
		    statx(dir, name, how,
			  STATX_BASIC_STATS | STATX_BTIME | STATX_MNT_ID, out));
	return (int)err;
}

int64_t hostfs_readlinkat(struct hostfs_super *s, int dir, const char *name,
			  char *buffer, size_t size)
{
	int64_t n;

	HOSTFS_CALL(s, n, "readlinkat", readlinkat(dir, name, buffer, size));
	return n;
}

int64_t hostfs_getdents(struct hostfs_super *s, int fd, void *buffer,
			size_t size)
{
	int64_t n;

	HOSTFS_CALL(s, n, "getdents64",
		    syscall(SYS_getdents64, fd, buffer, size));
	return n;
}

int hostfs_fstatfs(struct hostfs_super *s, int fd, struct statfs *out)
{
	int64_t err;

	HOSTFS_CALL(s, err, "fstatfs", fstatfs(fd, out));
	return (int)err;
}

/* ---- names ---- */

int hostfs_mkdirat(struct hostfs_super *s, int dir, const char *name,
		   uint32_t mode)
{
	int64_t err;

	HOSTFS_CALL(s, err, "mkdirat", mkdirat(dir, name, mode));
	return (int)err;
}

int hostfs_mknodat(struct hostfs_super *s, int dir, const char *name,
		   uint32_t mode, uint64_t rdev)
{
	int64_t err;

	HOSTFS_CALL(s, err, "mknodat", mknodat(dir, name, mode, rdev));
	return (int)err;
}

int hostfs_symlinkat(struct hostfs_super *s, const char *target, int dir,
		     const char *name)
{
	int64_t err;

	HOSTFS_CALL(s, err, "symlinkat", symlinkat(target, dir, name));
	return (int)err;
}

int hostfs_linkfd(struct hostfs_super *s, int fd, int dir, const char *name)
{
	struct fd_path path;
	int64_t err;

	fd_path(fd, &path);
	HOSTFS_CALL(s, err, "linkat",
		    linkat(s->proc, path.str, dir, name, AT_SYMLINK_FOLLOW));
	return (int)err;
}

int hostfs_unlinkat(struct hostfs_super *s, int dir, const char *name,
		    bool directory)
{
	int64_t err;

	HOSTFS_CALL(s, err, "unlinkat",
		    unlinkat(dir, name, directory ? AT_REMOVEDIR : 0));
	return (int)err;
}

int hostfs_renameat2(struct hostfs_super *s, int old_dir, const char *old_name,
		     int new_dir, const char *new_name, uint32_t flags)
{
	int64_t err;

	HOSTFS_CALL(s, err, "renameat2",
		    syscall(SYS_renameat2, old_dir, old_name, new_dir, new_name,
			    flags));
	return (int)err;
}

/* ---- attributes ---- */

int hostfs_chown(struct hostfs_super *s, int fd, uint32_t uid, uint32_t gid)
{
	int64_t err;

	HOSTFS_CALL(s, err, "fchownat",
		    fchownat(fd, "", uid, gid, AT_EMPTY_PATH));
	return (int)err;
}

int hostfs_chmod(struct hostfs_super *s, int fd, uint32_t mode)
{
	struct fd_path path;
	int64_t err;

	HOSTFS_CALL(s, err, "fchmodat2",
		    syscall(SYS_fchmodat2, fd, "", mode, AT_EMPTY_PATH));
	if (err != -ENOSYS)
		return (int)err;
	fd_path(fd, &path);
	HOSTFS_CALL(s, err, "fchmodat", fchmodat(s->proc, path.str, mode, 0));
	return (int)err;
}

int hostfs_utimens(struct hostfs_super *s, int fd,
		   const struct timespec times[2])
{
	int64_t err;

	HOSTFS_CALL(s, err, "utimensat",
		    syscall(SYS_utimensat, fd, "", times, AT_EMPTY_PATH));
	return (int)err;
}

int hostfs_flags(struct hostfs_super *s, int fd, bool set, int *flags)
{
	int64_t err;

	HOSTFS_CALL(s, err, "ioctl",
		    ioctl(fd, set ? FS_IOC_SETFLAGS : FS_IOC_GETFLAGS, flags));
	return (int)err;
}

/* ---- extended attributes ---- */

/* By the file's link in proc, which takes many times as long as by a descriptor
 * of it. */
static int64_t get_by_link(struct hostfs_super *s, int fd, const char *name,
			   void *value, size_t size)
{
	struct attribute_args args = {
		.value = (uintptr_t)value,
		.size = (uint32_t)size,
	};
	struct hostfs_link link;
	struct fd_path path;
	int64_t n;

	hostfs_link_begin(s, fd, &link);
	do
		HOSTFS_CALL(s, n, "getxattr",
			    syscall(SYS_getxattrat, link.dir, link.path, 0,
				    name, &args, sizeof(args)));
	while (hostfs_link_again(s, fd, n, &link));
	if (n != -ENOSYS)
		return n;
	n = fd_path_absolute(s, fd, &path);
	if (n)
		return (int)n;
	HOSTFS_CALL(s, n, "getxattr", getxattr(path.str, name, value, size));
	return n;
}

int64_t hostfs_fgetxattr(struct hostfs_super *s, int fd, const char *name,
			 void *value, size_t size)
{
	int64_t n;

	HOSTFS_CALL(s, n, "getxattr", fgetxattr(fd, name, value, size));
	/* a place */
	return n == -EBADF ? get_by_link(s, fd, name, value, size) : n;
}

int64_t hostfs_place_getxattr(struct hostfs_super *s, int fd, bool directory,
			      const char *name, void *value, size_t size)
{
	struct attribute_args args = {
		.value = (uintptr_t)value,
		.size = (uint32_t)size,
	};
	int64_t n = -EACCES;

	/* a directory is its own `.`, for who may search it */
	if (directory)
		HOSTFS_CALL(s, n, "getxattr",
			    syscall(SYS_getxattrat, fd, ".",
				    AT_SYMLINK_NOFOLLOW, name, &args,
				    sizeof(args)));
	return n == -EACCES || n == -ENOSYS
		       ? get_by_link(s, fd, name, value, size)
		       : n;
}

int64_t hostfs_flistxattr(struct hostfs_super *s, int fd, char *list,
			  size_t size)
{
	struct fd_path path;
	int64_t n;

	fd_path(fd, &path);
	HOSTFS_CALL(s, n, "listxattr",
		    syscall(SYS_listxattrat, s->proc, path.str, 0, list, size));
	if (n != -ENOSYS)
		return n;
	n = fd_path_absolute(s, fd, &path);
	if (n)
		return (int)n;
	HOSTFS_CALL(s, n, "listxattr", listxattr(path.str, list, size));
	return n;
}

int hostfs_fsetxattr(struct hostfs_super *s, int fd, const char *name,
		     const void *value, size_t size, int flags)
{
	struct attribute_args args = {
		.value = (uintptr_t)value,
		.size = (uint32_t)size,
		.flags = (uint32_t)flags,
	};
	struct fd_path path;
	int64_t err;

	fd_path(fd, &path);
	HOSTFS_CALL(s, err, "setxattr",
		    syscall(SYS_setxattrat, s->proc, path.str, 0, name, &args,
			    sizeof(args)));
	if (err != -ENOSYS)
		return (int)err;
	err = fd_path_absolute(s, fd, &path);
	if (err)
		return (int)err;
	HOSTFS_CALL(s, err, "setxattr",
		    setxattr(path.str, name, value, size, flags));
	return (int)err;
}

int hostfs_fremovexattr(struct hostfs_super *s, int fd, const char *name)
{
	struct fd_path path;
	int64_t err;

	fd_path(fd, &path);
	HOSTFS_CALL(s, err, "removexattr",
		    syscall(SYS_removexattrat, s->proc, path.str, 0, name));
	if (err != -ENOSYS)
		return (int)err;
	err = fd_path_absolute(s, fd, &path);
	if (err)
		return (int)err;
	HOSTFS_CALL(s, err, "removexattr", removexattr(path.str, name));
	return (int)err;
}

/* ---- data ---- */

/* SIGXFSZ, which would end the process, kept from this thread. */
struct quiet {
	bool limited, take;
	sigset_t old;
};

static void quiet_begin(const struct hostfs_super *s, struct quiet *q)
{
	sigset_t set, pending;

	q->limited = s->limited;
	if (!q->limited)
		return;
	sigemptyset(&set);
	sigaddset(&set, SIGXFSZ);
	pthread_sigmask(SIG_BLOCK, &set, &q->old);
	sigpending(&pending);
	/* one that was waiting before is not ours to take */
	q->take = !sigismember(&pending, SIGXFSZ);
}

static void quiet_end(const struct quiet *q, int64_t result)
{
	static const struct timespec now = {0, 0};
	sigset_t set;

	if (!q->limited)
		return;
	sigemptyset(&set);
	sigaddset(&set, SIGXFSZ);
	while (q->take && result == -EFBIG &&
	       sigtimedwait(&set, NULL, &now) < 0 && errno == EINTR)
		;
	pthread_sigmask(SIG_SETMASK, &q->old, NULL);
}

#define LIMITED_CALL(s, out, name, expression)             \
	do {                                               \
		struct quiet quiet_;                       \
                                                           \
		quiet_begin((s), &quiet_);                 \
		HOSTFS_CALL((s), (out), name, expression); \
		quiet_end(&quiet_, (out));                 \
	} while (0)

int64_t hostfs_pwrite_limited(struct hostfs_super *s, int fd,
			      const void *buffer, size_t size, int64_t offset)
{
	int64_t n;

	LIMITED_CALL(s, n, "pwrite", pwrite(fd, buffer, size, offset));
	return n;
}

int64_t hostfs_copy(struct hostfs_super *s, int in, int64_t in_offset, int out,
		    int64_t out_offset, size_t length)
{
	int64_t n;

	LIMITED_CALL(
		s, n, "copy_file_range",
		copy_file_range(in, &in_offset, out, &out_offset, length, 0));
	return n;
}

int hostfs_clone(struct hostfs_super *s, int in, int64_t in_offset, int out,
		 int64_t out_offset, int64_t length)
{
	struct file_clone_range range = {
		.src_fd = in,
		.src_offset = (uint64_t)in_offset,
		.src_length = (uint64_t)length,
		.dest_offset = (uint64_t)out_offset,
	};
	int64_t err;

	LIMITED_CALL(s, err, "ficlone", ioctl(out, FICLONERANGE, &range));
	return (int)err;
}

int hostfs_truncate_fd(struct hostfs_super *s, int fd, int64_t size)
{
	int64_t err;

	LIMITED_CALL(s, err, "ftruncate", ftruncate(fd, size));
	return (int)err;
}

int hostfs_truncate_name(struct hostfs_super *s, int fd, int64_t size)
{
	struct fd_path path;
	int64_t err;

	err = fd_path_absolute(s, fd, &path);
	if (err)
		return (int)err;
	LIMITED_CALL(s, err, "truncate", truncate(path.str, size));
	return (int)err;
}

int hostfs_fallocate_fd(struct hostfs_super *s, int fd, int mode,
			int64_t offset, int64_t length)
{
	int64_t err;

	LIMITED_CALL(s, err, "fallocate", fallocate(fd, mode, offset, length));
	return (int)err;
}

int hostfs_fsync_fd(struct hostfs_super *s, int fd, bool datasync)
{
	int64_t err;

	HOSTFS_CALL(s, err, "fsync", datasync ? fdatasync(fd) : fsync(fd));
	return (int)err;
}

int hostfs_syncfs(struct hostfs_super *s, int fd)
{
	int64_t err;

	HOSTFS_CALL(s, err, "syncfs", syncfs(fd));
	return (int)err;
}

int hostfs_sync_all(struct hostfs_super *s)
{
	int err = vfs_fault(s->vfs, "sync");

	if (!err)
		sync();
	return err;
}

/* Behind the last page of all the arithmetic of Linux's tmpfs runs over. */
static int64_t seek(int fd, int64_t offset, int whence)
{
	int64_t at = lseek(fd, offset, whence);

	return at == INT64_MIN ? INT64_MAX : at;
}

int64_t hostfs_lseek(struct hostfs_super *s, int fd, int64_t offset, int whence)
{
	int64_t at;

	HOSTFS_CALL(s, at, "lseek", seek(fd, offset, whence));
	return at;
}

int hostfs_set_status(struct hostfs_super *s, int fd, int flags)
{
	int64_t err;

	HOSTFS_CALL(s, err, "fcntl", fcntl(fd, F_SETFL, flags));
	return (int)err;
}

/* ---- handles ---- */

int hostfs_read_uuid(struct hostfs_super *s, int fd, uint8_t uuid[16])
{
	struct uuid_answer answer;
	int64_t err;

	HOSTFS_CALL(s, err, "ioctl", ioctl(fd, GET_UUID, &answer));
	if (err < 0)
		return (int)err;
	if (answer.length != sizeof(answer.uuid))
		return -EOPNOTSUPP;
	memcpy(uuid, answer.uuid, sizeof(answer.uuid));
	return 0;
}

int hostfs_name_to_handle(struct hostfs_super *s, int fd,
			  struct vfs_layer_handle *out)
{
	struct host_handle handle;
	int64_t err;
	int mount_id;

	handle.length = sizeof(handle.bytes);
	HOSTFS_CALL(s, err, "name_to_handle_at",
		    syscall(SYS_name_to_handle_at, fd, "", &handle, &mount_id,
			    AT_EMPTY_PATH));
	if (err < 0)
		return (int)err;
	out->length = handle.length;
	out->type = (uint32_t)handle.type;
	memcpy(out->bytes, handle.bytes, handle.length);
	return 0;
}

int hostfs_open_handle(struct hostfs_super *s, int dir,
		       const struct vfs_layer_handle *stored)
{
	struct host_handle handle = {
		.length = stored->length,
		.type = (int32_t)stored->type,
	};
	int64_t fd;

	memcpy(handle.bytes, stored->bytes, stored->length);
	HOSTFS_CALL(s, fd, "open_by_handle_at",
		    syscall(SYS_open_by_handle_at, dir, &handle,
			    O_PATH | O_NOFOLLOW | O_CLOEXEC));
	return (int)fd;
}

int hostfs_read_path(struct hostfs_super *s, int fd, char *path, size_t size)
{
	struct fd_path link;
	int64_t n;

	fd_path(fd, &link);
	HOSTFS_CALL(s, n, "readlinkat",
		    readlinkat(s->proc, link.str, path, size));
	if (n < 0)
		return (int)n;
	if ((size_t)n == size)
		return -ENAMETOOLONG;
	path[n] = '\0';
	return 0;
}
