/* SPDX-License-Identifier: MIT */
/* The host's calls for imported descriptors. Contract: hostio.h. */
#include "core/hostio.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/statfs.h>
#include <sys/uio.h>
#include <sys/xattr.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#ifndef RWF_NOAPPEND
#define RWF_NOAPPEND 0x20
#endif

#ifndef RWF_NOSIGNAL
#define RWF_NOSIGNAL 0x100
#endif

#define NSEC_PER_SEC INT64_C(1000000000)

_Static_assert(sizeof(struct vfs_iovec) == sizeof(struct iovec) &&
		       offsetof(struct vfs_iovec, len) ==
			       offsetof(struct iovec, iov_len),
	       "vectors go to the host as they are");

/* What a call returned, with the errno that there was before it put back. */
static int64_t result(int64_t n, int saved)
{
	if (n < 0)
		n = -errno;
	errno = saved;
	return n;
}

static const struct iovec *host_iov(const struct vfs_iovec *iov)
{
	return (const struct iovec *)(const void *)iov;
}

/* ---- descriptors ---- */

int vfs__host_flags(int fd)
{
	int saved = errno;

	return (int)result(fcntl(fd, F_GETFL), saved);
}

int vfs__host_stat(int fd, struct stat *out)
{
	int saved = errno;

	return (int)result(fstat(fd, out), saved);
}

static void proc_path(int fd, char path[40])
{
	snprintf(path, 40, "/proc/thread-self/fd/%d", fd);
}

static bool is_same(int fd, int other)
{
	struct stat a, b;

	return !vfs__host_stat(fd, &a) && !vfs__host_stat(other, &b) &&
	       a.st_dev == b.st_dev && a.st_ino == b.st_ino &&
	       a.st_rdev == b.st_rdev;
}

int vfs__host_reopen(int fd, int flags)
{
	int saved = errno, opened;
	char path[40];

	proc_path(fd, path);
	opened = (int)result(
		open(path, (flags & ~O_TRUNC) | O_CLOEXEC | O_NOCTTY), saved);
	if (opened < 0 || is_same(fd, opened))
		return opened;
	vfs__host_close(opened);
	return -ENOENT;
}

void vfs__host_cloexec(int fd)
{
	int saved = errno;

	(void)fcntl(fd, F_SETFD, FD_CLOEXEC);
	errno = saved;
}

void vfs__host_close(int fd)
{
	int saved = errno;

	(void)close(fd);
	errno = saved;
}

int64_t vfs__host_name(int fd, char *out, size_t size)
{
	int saved = errno;
	char path[40];

	proc_path(fd, path);
	return result(readlink(path, out, size), saved);
}

bool vfs__host_is_plain_pipe(int fd)
{
	int saved = errno;
	struct statfs fs;

	return !result(fstatfs(fd, &fs), saved) && fs.f_type == PIPEFS_MAGIC;
}

bool vfs__host_is_terminal(int fd)
{
	int saved = errno;
	struct termios settings;

	return !result(tcgetattr(fd, &settings), saved);
}

bool vfs__host_is_master(int fd)
{
	int saved = errno;
	unsigned int number;

	return !result(ioctl(fd, TIOCGPTN, &number), saved);
}

bool vfs__host_is_stream(int fd)
{
	int saved = errno, type = 0;
	socklen_t size = sizeof(type);

	return !result(getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size),
		       saved) &&
	       type == SOCK_STREAM;
}

int vfs__host_socket_timeout(int fd, bool write)
{
	int saved = errno;
	struct timeval limit = {0, 0};
	socklen_t size = sizeof(limit);
	int64_t ms;

	if (result(getsockopt(fd, SOL_SOCKET, write ? SO_SNDTIMEO : SO_RCVTIMEO,
			      &limit, &size),
		   saved) ||
	    (!limit.tv_sec && !limit.tv_usec))
		return -1;
	ms = (int64_t)limit.tv_sec * 1000 + limit.tv_usec / 1000;
	return ms < INT32_MAX ? (int)ms : INT32_MAX;
}

int vfs__host_terminal_timeout(int fd, bool *gather)
{
	int saved = errno;
	struct termios settings;

	*gather = false;
	if (result(tcgetattr(fd, &settings), saved) ||
	    (settings.c_lflag & ICANON))
		return -1;
	*gather = settings.c_cc[VMIN] > 1;
	return settings.c_cc[VMIN] || !settings.c_cc[VTIME]
		       ? -1
		       : settings.c_cc[VTIME] * 100;
}

/* ---- signals ---- */

/* A signal that a call may send to this thread, and is to be kept from. */
struct quiet {
	int signal; /* 0: none */
	bool take;
	sigset_t old;
};

/* A new one has to be taken away afterwards: not if one was waiting already,
 * for the two are one. */
static void quiet_begin(struct quiet *q, int signal)
{
	sigset_t set, pending;

	q->signal = signal;
	if (!signal)
		return;
	sigemptyset(&set);
	sigaddset(&set, signal);
	pthread_sigmask(SIG_BLOCK, &set, &q->old);
	q->take = !sigismember(&q->old, signal);
	if (q->take)
		return;
	sigpending(&pending);
	q->take = !sigismember(&pending, signal);
}

/* sent: the call failed as one does that sends it. */
static void quiet_end(const struct quiet *q, bool sent)
{
	static const struct timespec now = {0, 0};
	sigset_t set;

	if (!q->signal)
		return;
	sigemptyset(&set);
	sigaddset(&set, q->signal);
	while (q->take && sent && sigtimedwait(&set, NULL, &now) < 0 &&
	       errno == EINTR)
		;
	pthread_sigmask(SIG_SETMASK, &q->old, NULL);
}

static int limit_signal(uint32_t flags)
{
	return flags & VFS__HOST_LIMITED ? SIGXFSZ : 0;
}

/* ---- bytes ---- */

static int rwf(uint32_t flags)
{
	return (flags & VFS__HOST_NOWAIT ? RWF_NOWAIT : 0) |
	       (flags & VFS__HOST_APPEND ? RWF_APPEND : 0) |
	       (flags & VFS__HOST_INPLACE ? RWF_NOAPPEND : 0) |
	       (flags & VFS__HOST_QUIET ? RWF_NOSIGNAL : 0);
}

int64_t vfs__host_readv(int fd, const struct vfs_iovec *iov, int count,
			int64_t offset, uint32_t flags)
{
	const struct iovec *v = host_iov(iov);
	int saved = errno;

	if (flags)
		return result(preadv2(fd, v, count, offset, rwf(flags)), saved);
	return result(offset < 0 ? readv(fd, v, count)
				 : preadv(fd, v, count, offset),
		      saved);
}

int64_t vfs__host_writev(int fd, const struct vfs_iovec *iov, int count,
			 int64_t offset, uint32_t flags)
{
	const struct iovec *v = host_iov(iov);
	int how = rwf(flags), saved = errno;
	struct quiet q;
	int64_t n;

	quiet_begin(&q, limit_signal(flags));
	if (how)
		n = pwritev2(fd, v, count, offset, how);
	else
		n = offset < 0 ? writev(fd, v, count)
			       : pwritev(fd, v, count, offset);
	n = result(n, saved);
	quiet_end(&q, n == -EFBIG);
	errno = saved;
	return n;
}

int64_t vfs__host_pipe_writev(int fd, const struct vfs_iovec *iov, int count,
			      uint32_t flags)
{
	int saved = errno;
	struct quiet q;
	int64_t n;

	quiet_begin(&q, SIGPIPE);
	n = vfs__host_writev(fd, iov, count, -1, flags);
	quiet_end(&q, n == -EPIPE);
	errno = saved;
	return n;
}

static struct msghdr message(const struct vfs_iovec *iov, int count)
{
	return (struct msghdr){
		.msg_iov = (struct iovec *)(uintptr_t)host_iov(iov),
		.msg_iovlen = (size_t)count,
	};
}

int64_t vfs__host_receive(int fd, const struct vfs_iovec *iov, int count)
{
	struct msghdr m = message(iov, count);
	int saved = errno;

	return result(recvmsg(fd, &m, MSG_DONTWAIT), saved);
}

int64_t vfs__host_send(int fd, const struct vfs_iovec *iov, int count)
{
	struct msghdr m = message(iov, count);
	int saved = errno;

	return result(sendmsg(fd, &m, MSG_DONTWAIT | MSG_NOSIGNAL), saved);
}

uint32_t vfs__host_poll(int fd, int16_t wanted)
{
	struct pollfd p = {.fd = fd, .events = wanted};
	int saved = errno, n;

	do {
		n = poll(&p, 1, 0);
	} while (n < 0 && errno == EINTR);
	errno = saved;
	/* somebody closed it behind our back, or there is no memory */
	if (n < 0 || (p.revents & POLLNVAL))
		return POLLERR;
	return (uint16_t)p.revents;
}

/* ---- regular files ---- */

int64_t vfs__host_seek(int fd, int64_t offset, int whence)
{
	int saved = errno;
	int64_t at = lseek(fd, offset, whence);

	/* behind the last page of all Linux's arithmetic runs over */
	return at == INT64_MIN ? INT64_MAX : result(at, saved);
}

bool vfs__host_is_limited(void)
{
	int saved = errno;
	struct rlimit limit;

	return !result(getrlimit(RLIMIT_FSIZE, &limit), saved) &&
	       limit.rlim_cur != RLIM_INFINITY;
}

int vfs__host_truncate(int fd, int64_t size, uint32_t flags)
{
	int saved = errno, err;
	struct quiet q;

	quiet_begin(&q, limit_signal(flags));
	err = (int)result(ftruncate(fd, size), saved);
	quiet_end(&q, err == -EFBIG);
	errno = saved;
	return err;
}

int vfs__host_allocate(int fd, int mode, int64_t offset, int64_t length,
		       uint32_t flags)
{
	int saved = errno, err;
	struct quiet q;

	quiet_begin(&q, limit_signal(flags));
	err = (int)result(fallocate(fd, mode, offset, length), saved);
	quiet_end(&q, err == -EFBIG);
	errno = saved;
	return err;
}

int vfs__host_sync(int fd, bool datasync)
{
	int saved = errno;

	return (int)result(datasync ? fdatasync(fd) : fsync(fd), saved);
}

int vfs__host_syncfs(int fd)
{
	int saved = errno;

	return (int)result(syncfs(fd), saved);
}

int vfs__host_statfs(int fd, struct vfs_statfs *out)
{
	int saved = errno;
	struct statfs fs;
	int err = (int)result(fstatfs(fd, &fs), saved);

	if (err)
		return err;
	out->type = (uint64_t)fs.f_type;
	out->bsize = (uint64_t)fs.f_bsize;
	out->blocks = fs.f_blocks;
	out->bfree = fs.f_bfree;
	out->bavail = fs.f_bavail;
	out->files = fs.f_files;
	out->ffree = fs.f_ffree;
	out->namelen = (uint64_t)fs.f_namelen;
	out->frsize = (uint64_t)(fs.f_frsize ? fs.f_frsize : fs.f_bsize);
	return 0;
}

int vfs__host_chmod(int fd, uint32_t mode)
{
	int saved = errno;

	return (int)result(fchmod(fd, mode & 07777), saved);
}

int vfs__host_chown(int fd, uint32_t uid, uint32_t gid)
{
	int saved = errno;

	return (int)result(fchown(fd, uid, gid), saved);
}

static struct timespec host_time(const struct vfs_timespec *t)
{
	struct timespec out = {0, UTIME_OMIT};

	if (t) {
		out.tv_sec = (time_t)t->sec;
		out.tv_nsec = (long)t->nsec;
	}
	return out;
}

int vfs__host_utimens(int fd, const struct vfs_timespec *atime,
		      const struct vfs_timespec *mtime)
{
	const struct timespec times[2] = {host_time(atime), host_time(mtime)};
	int saved = errno;

	return (int)result(futimens(fd, times), saved);
}

int64_t vfs__host_getxattr(int fd, const char *name, void *value, size_t size)
{
	int saved = errno;

	return result(fgetxattr(fd, name, value, size), saved);
}

int vfs__host_setxattr(int fd, const char *name, const void *value, size_t size,
		       int flags)
{
	int saved = errno;

	return (int)result(fsetxattr(fd, name, value, size, flags), saved);
}

int64_t vfs__host_listxattr(int fd, char *list, size_t size)
{
	int saved = errno;

	return result(flistxattr(fd, list, size), saved);
}

int vfs__host_removexattr(int fd, const char *name)
{
	int saved = errno;

	return (int)result(fremovexattr(fd, name), saved);
}

/* ---- control ---- */

int vfs__host_ioctl(int fd, uint64_t request, void *argument)
{
	int saved = errno;

	return (int)result(ioctl(fd, (unsigned long)request, argument), saved);
}

int vfs__host_fcntl(int fd, int cmd, int64_t argument)
{
	int saved = errno;

	return (int)result(fcntl(fd, cmd, (long)argument), saved);
}

/* ---- being woken ---- */

int vfs__host_event_create(void)
{
	int saved = errno;

	return (int)result(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), saved);
}

void vfs__host_event_set(int fd)
{
	int saved = errno;

	(void)eventfd_write(fd, 1);
	errno = saved;
}

void vfs__host_event_clear(int fd)
{
	int saved = errno;
	eventfd_t count;

	(void)eventfd_read(fd, &count);
	errno = saved;
}

int vfs__host_wait(struct pollfd *fds, uint64_t count, int64_t deadline_ns)
{
	struct timespec left = {0, 0}, now;
	int saved = errno, n;

	if (deadline_ns >= 0) {
		int64_t ns;

		clock_gettime(CLOCK_MONOTONIC, &now);
		ns = deadline_ns - now.tv_sec * NSEC_PER_SEC - now.tv_nsec;
		if (ns > 0) {
			left.tv_sec = (time_t)(ns / NSEC_PER_SEC);
			left.tv_nsec = (long)(ns % NSEC_PER_SEC);
		}
	}
	n = (int)result(
		ppoll(fds, (nfds_t)count, deadline_ns < 0 ? NULL : &left, NULL),
		saved);
	return n == -EINTR ? 0 : n;
}
