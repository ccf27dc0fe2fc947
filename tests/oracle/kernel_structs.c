/* SPDX-License-Identifier: MIT */
/* The kernel's calls whose structures differ from the API's, or that have no
 * system call of their own. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <time.h>

#include "kernel_calls.h"
#include "ktask.h"

#define P(pointer) (long)(pointer)
#define CALL(name, ...)                              \
	ktask_call((struct ktask *)task, SYS_##name, \
		   (const long[6]){__VA_ARGS__})
#define EVERYTHING (STATX_BASIC_STATS | STATX_BTIME)

static struct vfs_timespec time_of(struct statx_timestamp t)
{
	return (struct vfs_timespec){t.tv_sec, t.tv_nsec, 0};
}

static int convert_statx(long result, const struct statx *in,
			 struct vfs_stat *out)
{
	if (result < 0)
		return (int)result;
	memset(out, 0, sizeof(*out));
	out->mask = in->stx_mask;
	out->mode = in->stx_mode;
	out->dev = makedev(in->stx_dev_major, in->stx_dev_minor);
	out->ino = in->stx_ino;
	out->rdev = makedev(in->stx_rdev_major, in->stx_rdev_minor);
	out->nlink = in->stx_nlink;
	out->uid = in->stx_uid;
	out->gid = in->stx_gid;
	out->blksize = in->stx_blksize;
	out->size = (int64_t)in->stx_size;
	out->blocks = (int64_t)in->stx_blocks;
	out->atime = time_of(in->stx_atime);
	out->mtime = time_of(in->stx_mtime);
	out->ctime = time_of(in->stx_ctime);
	out->btime = time_of(in->stx_btime);
	memcpy(&out->mnt_id, (const char *)in + 144, sizeof(out->mnt_id));
	out->attributes = in->stx_attributes;
	return 0;
}

int kernel_statx(struct vfs_task *task, int dirfd, const char *path, int flags,
		 uint32_t mask, struct vfs_stat *out)
{
	struct statx buffer;
	/* The API fills everything, whatever was asked for. */
	long result = CALL(statx, dirfd, P(path), flags, mask | EVERYTHING,
			   out ? P(&buffer) : 0);

	return convert_statx(result, &buffer, out);
}

int kernel_stat(struct vfs_task *task, const char *path, struct vfs_stat *out)
{
	return kernel_statx(task, AT_FDCWD, path, 0, EVERYTHING, out);
}

int kernel_lstat(struct vfs_task *task, const char *path, struct vfs_stat *out)
{
	return kernel_statx(task, AT_FDCWD, path, AT_SYMLINK_NOFOLLOW,
			    EVERYTHING, out);
}

int kernel_fstat(struct vfs_task *task, int fd, struct vfs_stat *out)
{
	if (fd < 0) {
		struct stat buffer;

		return (int)CALL(fstat, fd, out ? P(&buffer) : 0);
	}
	return kernel_statx(task, fd, "", AT_EMPTY_PATH, EVERYTHING, out);
}

/* The system call decides, statx fills. */
int kernel_fstatat(struct vfs_task *task, int dirfd, const char *path,
		   struct vfs_stat *out, int flags)
{
	struct stat buffer;
	long result =
		CALL(newfstatat, dirfd, P(path), out ? P(&buffer) : 0, flags);

	if (result < 0)
		return (int)result;
	return kernel_statx(task, dirfd, path, flags, EVERYTHING, out);
}

static int convert_statfs(long result, const struct statfs *in,
			  struct vfs_statfs *out)
{
	if (result < 0)
		return (int)result;
	memset(out, 0, sizeof(*out));
	out->type = (uint64_t)in->f_type;
	out->bsize = (uint64_t)in->f_bsize;
	out->blocks = in->f_blocks;
	out->bfree = in->f_bfree;
	out->bavail = in->f_bavail;
	out->files = in->f_files;
	out->ffree = in->f_ffree;
	out->namelen = (uint64_t)in->f_namelen;
	out->frsize = (uint64_t)in->f_frsize;
	out->flags = (uint64_t)in->f_flags;
	return 0;
}

int kernel_statfs(struct vfs_task *task, const char *path,
		  struct vfs_statfs *out)
{
	struct statfs buffer;

	return convert_statfs(CALL(statfs, P(path), out ? P(&buffer) : 0),
			      &buffer, out);
}

int kernel_fstatfs(struct vfs_task *task, int fd, struct vfs_statfs *out)
{
	struct statfs buffer;

	return convert_statfs(CALL(fstatfs, fd, out ? P(&buffer) : 0), &buffer,
			      out);
}

int kernel_utimensat(struct vfs_task *task, int dirfd, const char *path,
		     const struct vfs_timespec times[2], int flags)
{
	struct timespec converted[2];

	for (int i = 0; times && i < 2; i++) {
		converted[i].tv_sec = times[i].sec;
		converted[i].tv_nsec = times[i].nsec;
	}
	return (int)CALL(utimensat, dirfd, P(path), times ? P(converted) : 0,
			 flags);
}

/* futimens(3) says EBADF where the system call would want a path. */
int kernel_futimens(struct vfs_task *task, int fd,
		    const struct vfs_timespec times[2])
{
	int result = kernel_utimensat(task, fd, NULL, times, 0);

	return fd < 0 && result < 0 ? -EBADF : result;
}

int kernel_fcntl_lock(struct vfs_task *task, int fd, int cmd,
		      struct vfs_flock *lock)
{
	struct flock native = {0};
	long result;

	if (lock) {
		native.l_type = lock->type;
		native.l_whence = lock->whence;
		native.l_start = lock->start;
		native.l_len = lock->len;
		native.l_pid = lock->pid;
	}
	result = CALL(fcntl, fd, cmd, lock ? P(&native) : 0);
	if (result >= 0 && lock) {
		lock->type = native.l_type;
		lock->whence = native.l_whence;
		lock->start = native.l_start;
		lock->len = native.l_len;
		lock->pid = native.l_pid;
	}
	return (int)result;
}

/* The program's own descriptors are out of a script's reach. */
int kernel_close_range(struct vfs_task *task, uint32_t first, uint32_t last,
		       uint32_t flags)
{
	if (first < FIRST_PRIVATE_FD && last >= FIRST_PRIVATE_FD)
		last = FIRST_PRIVATE_FD - 1;
	return (int)CALL(close_range, first, last, flags);
}

/* dup2(2) as libraries make it where the system call is missing. */
int kernel_dup2(struct vfs_task *task, int oldfd, int newfd)
{
	if (oldfd != newfd)
		return (int)CALL(dup3, oldfd, newfd, 0);
	return CALL(fcntl, oldfd, F_GETFD) < 0 ? -EBADF : newfd;
}

int kernel_poll(struct vfs_task *task, struct vfs_pollfd *fds, uint64_t nfds,
		int timeout)
{
	struct timespec limit = {timeout / 1000, timeout % 1000 * 1000000L};

	return (int)CALL(ppoll, P(fds), (long)nfds, timeout < 0 ? 0 : P(&limit),
			 0, 0);
}

struct realpath_request {
	const char *path;
	char *resolved;
	int error;
};

static void run_realpath(void *argument)
{
	struct realpath_request *request = argument;

	errno = 0;
	request->resolved = realpath(request->path, NULL);
	request->error = errno;
}

int64_t kernel_realpath(struct vfs_task *task, const char *path, char *buffer,
			size_t size)
{
	struct realpath_request request = {path, NULL, 0};
	size_t len;

	if (!path || !buffer)
		return -EFAULT;
	ktask_run((struct ktask *)task, run_realpath, &request);
	if (!request.resolved)
		return -request.error;
	len = strlen(request.resolved);
	if (len < size)
		memcpy(buffer, request.resolved, len + 1);
	free(request.resolved);
	return len < size ? (int64_t)len : -ERANGE;
}
