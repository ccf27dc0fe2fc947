/* SPDX-License-Identifier: MIT */
/*
 * Reading, writing and waiting for pipes, sockets, terminals and devices of
 * the host. Contract: hostfile.h.
 *
 * An attempt never waits: it does what can be done at once, or is -EAGAIN.
 * Between attempts a call waits for the host to say that the next one may have
 * more luck. A descriptor may be ready and an attempt fail all the same
 * (another reader was faster); then the call waits a little longer each time
 * before it asks again, so that it does not spin.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <string.h>
#include <sys/uio.h>

#include "core/hostfile.h"
#include "core/pipe.h"
#include "core/wait.h"

/* How many segments the rest of a write goes in. */
#define BATCH 8
/* How often a terminal that gathers bytes is asked again. */
#define GATHER_MS 100
#define PAUSE_MS_MAX 64

/* ---- attempts ---- */

static size_t total_of(const struct vfs__io *io)
{
	size_t total = 0;

	for (int i = 0; i < io->count; i++) {
		if (io->iov[i].len > VFS__IO_MAX - total)
			return VFS__IO_MAX;
		total += io->iov[i].len;
	}
	return total;
}

/* What one attempt may write where the host might wait for the rest, though it
 * said that there is room. */
static size_t most_at_once(const struct vfs__hostfile *host)
{
	if (host->own >= 0 || !VFS_READ_ONCE(host->deaf))
		return VFS__IO_MAX;
	if (host->kind == VFS__HOST_TERMINAL)
		return 1;
	return host->kind == VFS__HOST_PIPE ? PIPE_BUF : VFS__IO_MAX;
}

/* The bytes of io from `done` on, `most` at the most; how many segments. */
static int rest_of(const struct vfs__io *io, size_t done, size_t most,
		   struct vfs_iovec out[BATCH])
{
	int n = 0;

	for (int i = 0; i < io->count && n < BATCH && most; i++) {
		const struct vfs_iovec *part = &io->iov[i];
		size_t len;

		if (done >= part->len) {
			done -= part->len;
			continue;
		}
		len = part->len - done;
		if (len > most)
			len = most;
		out[n].base = part->base ? (char *)part->base + done : NULL;
		out[n++].len = len;
		done = 0;
		most -= len;
	}
	return n;
}

static int64_t read_plain(int fd, const struct vfs__io *io, uint32_t flags)
{
	return vfs__host_readv(fd, io->iov, io->count, io->offset, flags);
}

static int64_t try_read(struct vfs__hostfile *host, const struct vfs__io *io)
{
	int64_t n;

	if (host->kind == VFS__HOST_SOCKET)
		return vfs__host_receive(host->fd, io->iov, io->count);
	if (host->own >= 0)
		return read_plain(host->own, io, 0);
	if (!VFS_READ_ONCE(host->deaf)) {
		n = read_plain(host->fd, io, VFS__HOST_NOWAIT);
		if (n != -EOPNOTSUPP)
			return n;
		VFS_WRITE_ONCE(host->deaf, 1);
	}
	if (!(vfs__host_poll(host->fd, POLLIN) & (POLLIN | POLLERR | POLLHUP)))
		return -EAGAIN;
	return read_plain(host->fd, io, 0);
}

/* To a pipe, without a signal: by a flag where there is one. */
static int64_t write_quietly(struct vfs__hostfile *host, int fd,
			     const struct vfs_iovec *iov, int count,
			     uint32_t flags)
{
	int64_t n;

	if (!VFS_READ_ONCE(host->noisy)) {
		n = vfs__host_writev(fd, iov, count, -1,
				     flags | VFS__HOST_QUIET);
		if (n != -EOPNOTSUPP)
			return n;
		VFS_WRITE_ONCE(host->noisy, 1);
	}
	return vfs__host_pipe_writev(fd, iov, count, flags);
}

static int64_t write_plain(struct vfs__hostfile *host, int fd,
			   const struct vfs_iovec *iov, int count,
			   int64_t offset, uint32_t flags)
{
	return host->kind == VFS__HOST_PIPE
		       ? write_quietly(host, fd, iov, count, flags)
		       : vfs__host_writev(fd, iov, count, offset, flags);
}

static int64_t try_write_iov(struct vfs__hostfile *host,
			     const struct vfs_iovec *iov, int count,
			     int64_t offset)
{
	int64_t n;

	if (host->kind == VFS__HOST_SOCKET)
		return vfs__host_send(host->fd, iov, count);
	if (host->own >= 0)
		return write_plain(host, host->own, iov, count, offset, 0);
	if (!VFS_READ_ONCE(host->deaf)) {
		n = write_plain(host, host->fd, iov, count, offset,
				VFS__HOST_NOWAIT);
		if (n != -EOPNOTSUPP)
			return n;
		/* less at once, from now on: the caller comes again */
		VFS_WRITE_ONCE(host->deaf, 1);
		return -ERESTART;
	}
	if (!(vfs__host_poll(host->fd, POLLOUT) &
	      (POLLOUT | POLLERR | POLLHUP)))
		return -EAGAIN;
	return write_plain(host, host->fd, iov, count, offset, 0);
}

/* The first attempt is the caller's vector as it is, because a datagram, or
 * what a pipe takes as a whole, is one. */
static int64_t try_write(struct vfs__hostfile *host, const struct vfs__io *io,
			 size_t total, size_t done)
{
	struct vfs_iovec rest[BATCH];
	int64_t offset, n;

	do {
		size_t most = most_at_once(host);

		offset = io->offset < 0 ? -1 : io->offset + (int64_t)done;
		if (!done && total <= most) {
			n = try_write_iov(host, io->iov, io->count, offset);
		} else {
			int count = rest_of(io, done, most, rest);

			n = try_write_iov(host, rest, count, offset);
		}
	} while (n == -ERESTART);
	return n;
}

/* ---- waiting ---- */

struct waiting {
	struct vfs_task *task;
	struct vfs__hostfile *host;
	int16_t events;
	bool begun;
	bool gather;	  /* ask again now and then */
	bool stalled;	  /* it was ready, and nothing came of that */
	int timeout;	  /* what is returned when it is over */
	int64_t deadline; /* -1: none */
	int pause;	  /* ms: how long to wait though it is ready */
	struct vfs__waiter waiter;
};

static void begin(struct waiting *w)
{
	const struct vfs__hostfile *host = w->host;
	int ms = -1;

	vfs__waiter_init(&w->waiter, w->task);
	w->begun = true;
	w->timeout = -EAGAIN;
	if (host->kind == VFS__HOST_SOCKET) {
		ms = vfs__host_socket_timeout(host->fd, w->events == POLLOUT);
	} else if (host->kind == VFS__HOST_TERMINAL && w->events == POLLIN) {
		ms = vfs__host_terminal_timeout(host->fd, &w->gather);
		w->timeout = 0;
	}
	w->deadline = ms < 0 ? -1 : vfs__wait_deadline(ms);
}

static void finish(struct waiting *w)
{
	if (w->begun)
		vfs__waiter_fini(&w->waiter);
}

/* It was ready, and yet there was nothing: not at once again. */
static int take_a_break(struct waiting *w)
{
	int err;

	w->pause = w->pause ? w->pause : 1;
	err = vfs__wait_sleep(&w->waiter, vfs__wait_deadline(w->pause));
	if (w->pause < PAUSE_MS_MAX)
		w->pause *= 2;
	return err == -ETIMEDOUT ? 0 : err;
}

static int wait_once(struct waiting *w)
{
	struct pollfd fds[2];
	int64_t until = w->gather ? vfs__wait_deadline(GATHER_MS) : w->deadline;
	int err;

	fds[1] = (struct pollfd){.fd = w->host->fd, .events = w->events};
	err = vfs__wait_host(&w->waiter, fds, 2, until);
	if (err == -ETIMEDOUT && w->gather)
		return 0;
	if (!err && fds[1].revents & POLLNVAL)
		return -EBADF; /* closed behind our back */
	return err;
}

/* 0: try again; -ETIMEDOUT: w->timeout is the answer; -EINTR, -ENOMEM. */
static int wait_for_host(struct waiting *w)
{
	int err = 0;

	if (!w->begun)
		begin(w);
	else if (w->stalled && !w->gather)
		err = take_a_break(w);
	if (!err)
		err = wait_once(w);
	w->stalled = !err;
	return err;
}

/* ---- reading and writing ---- */

int64_t vfs__hoststream_read(struct vfs_task *task, struct vfs_file *file,
			     const struct vfs__io *io, bool nonblock)
{
	struct vfs__hostfile *host = file->host;
	struct waiting w = {.task = task, .host = host, .events = POLLIN};
	int64_t n;

	if (!total_of(io))
		return 0;
	while ((n = try_read(host, io)) == -EAGAIN && !nonblock) {
		n = wait_for_host(&w);
		if (n == -ETIMEDOUT)
			n = w.timeout;
		else if (!n)
			continue;
		break;
	}
	finish(&w);
	return n;
}

/* One datagram may be empty. */
static bool is_nothing(const struct vfs__hostfile *host,
		       const struct vfs__io *io, size_t total)
{
	return !total &&
	       (host->stream || !(io->flags & VFS__IO_PLAIN) || !io->count);
}

int64_t vfs__hoststream_write(struct vfs_task *task, struct vfs_file *file,
			      const struct vfs__io *io, bool nonblock)
{
	struct vfs__hostfile *host = file->host;
	struct waiting w = {.task = task, .host = host, .events = POLLOUT};
	size_t total = total_of(io), done = 0;
	int64_t n;

	if (is_nothing(host, io, total))
		return 0;
	for (;;) {
		n = try_write(host, io, total, done);
		if (n > 0) {
			done += (size_t)n;
			w.stalled = false;
			w.pause = 0;
		}
		if (n >= 0 && (done >= total || !host->stream || !n))
			break;
		if (n >= 0)
			continue;
		if (n != -EAGAIN || nonblock)
			break;
		n = wait_for_host(&w);
		if (n == -ETIMEDOUT)
			n = w.timeout;
		if (n)
			break;
	}
	finish(&w);
	return done ? (int64_t)done : n;
}

/* ---- the rest ---- */

int64_t vfs__hoststream_seek(struct vfs_file *file, int64_t offset, int whence)
{
	return vfs__host_seek(file->host->fd, offset, whence);
}

uint32_t vfs__hoststream_poll(struct vfs_file *file, int16_t wanted)
{
	return vfs__host_poll(file->host->fd, wanted);
}

int vfs__hoststream_fcntl(struct vfs_file *file, int cmd, int64_t arg)
{
	struct vfs__hostfile *host = file->host;

	if (cmd == F_SETPIPE_SZ && host->rdonly)
		return -EPERM;
	/* the process may have more of the host's memory than any task */
	if (cmd == F_SETPIPE_SZ && (uint32_t)arg > VFS__PIPE_SIZE_MAX) {
		int now = vfs__host_fcntl(host->fd, F_GETPIPE_SZ, 0);

		if (now < 0 || (uint32_t)arg > (uint32_t)now)
			return now < 0 ? now : -EPERM;
	}
	return vfs__host_fcntl(host->fd, cmd, arg);
}
