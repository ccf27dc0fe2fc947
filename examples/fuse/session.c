/* SPDX-License-Identifier: MIT */
/*
 * Sessions. Contract: session.h.
 *
 * The threads are the session's own rather than libfuse's (workers.c). Requests
 * and answers come through here so that what this libfuse does not know works
 * as well: making a file without a name,
 * which is answered like create, with a name that no file can have; statx, for
 * the time of birth; and that set-id bits are cleared on this side, without
 * which the kernel asks for file capabilities before each first write, and
 * makes changes of mode that look as if the caller made them.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/fuse.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "ops.h"
#include "session.h"
#include "text.h"
#include "workers.h"

#define MAX_THREADS 64u
#define MAX_IDLE 8u
/* Of the protocol; the headers may be older. */
#define OPCODE_TMPFILE 51
#define OPCODE_STATX 52
#define INIT_HANDLE_KILLPRIV_V2 (1u << 28)
#define INIT_EXT (1u << 30)
#define INIT2_DIRECT_IO_ALLOW_MMAP (1u << 4)

/* For what the kernel writes at the end: looks, and the time between two. */
#define DRAIN_ROUNDS 5000
#define DRAIN_USEC 1000

#define SMALL 256 /* an answer without data */

/* Seconds that the kernel may believe for as long as nothing happens: all
 * changes come through it. */
#define FOREVER (365.0 * 86400)

static void want(struct fuse_conn_info *conn, unsigned int flag, bool on)
{
	conn->want &= ~flag;
	if (on)
		conn->want |= conn->capable & flag;
}

void session_init(void *userdata, struct fuse_conn_info *conn)
{
	struct session *session = userdata;
	bool keep = session->cache == CACHE_KERNEL;

	/* the library takes the umask, as a default ACL may replace it */
	want(conn, FUSE_CAP_DONT_MASK, true);
	want(conn, FUSE_CAP_ATOMIC_O_TRUNC, true);
	/* what all comes through one kernel, that can keep the locks for */
	want(conn, FUSE_CAP_POSIX_LOCKS, !keep);
	want(conn, FUSE_CAP_FLOCK_LOCKS, !keep);
	want(conn, FUSE_CAP_PARALLEL_DIROPS, true);
	want(conn, FUSE_CAP_IOCTL_DIR, true);
	want(conn, FUSE_CAP_READDIRPLUS, true);
	want(conn, FUSE_CAP_READDIRPLUS_AUTO, true);
	/* requests are looked into, and data is in memory on both sides */
	want(conn, FUSE_CAP_SPLICE_READ, false);
	want(conn, FUSE_CAP_SPLICE_WRITE, false);
	/* the kernel opens devices and FIFOs itself, and walks over what it has
	 * kept: there it must check, ACLs too */
	want(conn, FUSE_CAP_POSIX_ACL, !session->no_acls);
	want(conn, FUSE_CAP_CACHE_SYMLINKS, keep);
	/* data changes through the kernel alone, so no time stamp has to tell
	 * it */
	want(conn, FUSE_CAP_EXPLICIT_INVAL_DATA, keep);
	want(conn, FUSE_CAP_AUTO_INVAL_DATA, !keep);
	/* times are the kernel's then, and a full disk is told too late */
	want(conn, FUSE_CAP_WRITEBACK_CACHE, session->writeback);
	if (session->max_write && session->max_write < conn->max_write)
		conn->max_write = session->max_write;
	/* libfuse wants to be told twice */
	conn->max_read = session->max_read;
}

static ssize_t read_request(int fd, void *buffer, size_t size, void *userdata)
{
	(void)userdata;
	return read(fd, buffer, size);
}

bool session_mixes_direct(const struct session *session)
{
	return session->init_flags & INIT_EXT &&
	       session->init_flags2 & INIT2_DIRECT_IO_ALLOW_MMAP;
}

static void complete_init(const struct session *session,
			  struct fuse_init_out *out)
{
	out->flags |= session->init_flags & INIT_HANDLE_KILLPRIV_V2;
	/* files that are opened for direct I/O can be mapped all the same */
	if (session_mixes_direct(session)) {
		out->flags |= INIT_EXT;
		out->flags2 |= INIT2_DIRECT_IO_ALLOW_MMAP;
	}
}

/* The kernel takes each part's pages by themselves: a small answer is of one.
 */
static ssize_t write_parts(int fd, const struct iovec *iov, int count)
{
	_Alignas(SMALL) char whole[SMALL];
	size_t used = 0;
	int i;

	for (i = 0; i < count; i++) {
		if (iov[i].iov_len > sizeof(whole) - used)
			return writev(fd, iov, count);
		memcpy(whole + used, iov[i].iov_base, iov[i].iov_len);
		used += iov[i].iov_len;
	}
	return write(fd, whole, used);
}

/* The answer to the first request says what the server can do. */
static ssize_t write_answer(int fd, struct iovec *iov, int count,
			    void *userdata)
{
	const struct session *session = userdata;
	const struct fuse_out_header *header = iov[0].iov_base;

	if (header->unique == session->init_unique && !header->error &&
	    count == 2 && iov[1].iov_len == sizeof(struct fuse_init_out))
		complete_init(session, iov[1].iov_base);
	return write_parts(fd, iov, count);
}

int session_create(struct server *server, const struct session_options *options,
		   int ended_fd, struct session **out)
{
	struct fuse_args args = FUSE_ARGS_INIT(0, NULL);
	struct session *session = text_need(calloc(1, sizeof(*session)));
	struct vfs_task *root = server->root;
	int fd;

	session->server = server;
	session->cache = options->cache;
	session->noatime = options->noatime;
	session->writeback = options->writeback;
	session->no_xattrs = options->no_xattrs;
	session->no_acls = options->no_acls || options->no_xattrs;
	session->no_sync = options->no_sync;
	session->static_nlink = options->static_nlink;
	session->squash = options->squash;
	session->device = options->device;
	session->max_write = options->max_write;
	session->max_read = options->max_read;
	session->timeout = options->cache == CACHE_NONE ? 0
			   : options->has_timeout	? options->timeout
							: FOREVER;
	session->max_threads =
		options->max_threads ? options->max_threads : MAX_THREADS;
	session->max_idle = options->max_idle ? options->max_idle : MAX_IDLE;
	pthread_mutex_init(&session->lock, NULL);
	pthread_mutex_init(&session->handles_lock, NULL);
	pthread_cond_init(&session->ended, NULL);
	pthread_cond_init(&session->tick, NULL);
	session->ended_fd = ended_fd;
	fd = vfs_open(root, server->place, O_PATH | O_DIRECTORY, 0);
	session->nodes =
		fd < 0 ? NULL
		       : nodes_create(server, fd, options->cache == CACHE_NONE);
	freedom_find(&session->freedom);
	session->waits = waits_create(&session->freedom);
	session->owners = owners_create(server);
	fuse_opt_add_arg(&args, program_invocation_short_name);
	fuse_opt_add_arg(&args, "-o");
	fuse_opt_add_arg(&args, options->fuse);
	if (session->nodes && session->waits && session->owners)
		session->fuse = fuse_session_new(&args, &bridge_ops,
						 sizeof(bridge_ops), session);
	fuse_opt_free_args(&args);
	if (!session->fuse) {
		session_destroy(session);
		return -EINVAL;
	}
	*out = session;
	return 0;
}

uint64_t session_device_at(const char *place)
{
	struct statx stx;

	/* nobody may answer yet */
	if (statx(AT_FDCWD, place, AT_STATX_DONT_SYNC | AT_NO_AUTOMOUNT,
		  STATX_TYPE, &stx))
		return 0;
	return (uint64_t)stx.stx_dev_major << 32 | stx.stx_dev_minor;
}

int session_mount(struct session *session, const char *device,
		  const char *mountpoint)
{
	static const struct fuse_custom_io io = {.read = read_request,
						 .writev = write_answer};

	if (fuse_session_mount(session->fuse, device))
		return -EIO;
	session->mounted = true;
	session->joined = device != mountpoint;
	if (mountpoint) {
		session->mountpoint = text_need(strdup(mountpoint));
		if (!session->device)
			session->device = session_device_at(mountpoint);
	}
	if (fuse_session_custom_io(session->fuse, &io,
				   fuse_session_fd(session->fuse))) {
		fprintf(stderr, "%s: libfuse refuses to be listened to\n",
			program_invocation_short_name);
		return -EIO;
	}
	return 0;
}

bool session_look_into(struct session *session, struct fuse_buf *buf)
{
	struct fuse_in_header *header = buf->mem;

	if (buf->flags & FUSE_BUF_IS_FD || buf->size < sizeof(*header))
		return false;
	if (header->opcode == FUSE_INIT &&
	    buf->size >= sizeof(*header) + sizeof(struct fuse_init_in)) {
		const struct fuse_init_in *in = (const void *)(header + 1);

		session->init_unique = header->unique;
		session->init_flags = in->flags;
		session->init_flags2 = in->flags2;
		return false;
	}
	if (header->opcode == OPCODE_TMPFILE) {
		/* the kernel calls such a file "/" */
		header->opcode = FUSE_CREATE;
		return false;
	}
	if (header->opcode != OPCODE_STATX)
		return false;
	op_statx(session, header->unique, header->nodeid, header + 1,
		 buf->size - sizeof(*header));
	return true;
}

/* ---- the end ---- */

static bool run_fusermount(const char *place, const char *how)
{
	pid_t pid = fork();
	int status = -1;

	if (!pid) {
		execlp("fusermount3", "fusermount3", how, "-q", "--", place,
		       NULL);
		_exit(127);
	}
	return pid > 0 && waitpid(pid, &status, 0) == pid && !status;
}

bool session_unmount(const char *place, bool lazily)
{
	if (geteuid())
		return run_fusermount(place, lazily ? "-uz" : "-u");
	return !umount2(place, UMOUNT_NOFOLLOW | (lazily ? MNT_DETACH : 0));
}

/* Whether what is at the place is this mount, and not what somebody has mounted
 * there since. */
static bool is_seen(const struct session *session)
{
	return session->mountpoint &&
	       session_device_at(session->mountpoint) == session->device;
}

/*
 * What the kernel has begun to write comes: syncfs does not wait for a FUSE.
 * Requests are read in their order, so that with the answer to one that comes
 * later all before it are at least in somebody's hands; when they are answered,
 * more may follow. fd: of the mount.
 */
static void drain(struct session *session, int fd)
{
	bool busy, quiet;
	struct statx stx;
	int round;

	for (round = 0, quiet = false; !quiet && round < DRAIN_ROUNDS;
	     round++) {
		unsigned int before = workers_count(session, &busy);

		if (round)
			usleep(DRAIN_USEC);
		if (statx(fd, "", AT_EMPTY_PATH | AT_STATX_FORCE_SYNC,
			  STATX_BASIC_STATS, &stx))
			return;
		quiet = workers_count(session, &busy) - before <= 1 && !busy;
	}
}

/* What the kernel has to write comes; threads are still at work. That is before
 * it is unmounted, which is no end where others still see it: in use, or in
 * other namespaces. They are cut off later. */
static void unmount(struct session *session)
{
	const char *place = session->mountpoint;
	int fd;

	if (!is_seen(session))
		return;
	fd = open(place, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd >= 0) {
		syncfs(fd);
		drain(session, fd);
		close(fd);
	}
	if (!session_unmount(place, false) && session->joined)
		session_unmount(place, true);
}

/* What libfuse takes for a connection that the kernel has hung up is a pipe
 * that nobody reads. False: there is none to be had. */
static bool hang_up(const struct session *session)
{
	int ends[2];

	if (pipe2(ends, O_CLOEXEC))
		return false;
	close(ends[0]);
	dup2(ends[1], fuse_session_fd(session->fuse));
	close(ends[1]);
	return true;
}

int session_start(struct session *session)
{
	return workers_start(session);
}

void session_stop(struct session *session)
{
	waits_stop(session->waits);
	if (!fuse_session_exited(session->fuse))
		unmount(session);
	workers_stop(session);
	/* libfuse closes the connection, and unmounts what is at the place if
	 * the kernel has not hung up */
	if (!session->mountpoint || is_seen(session) || hang_up(session))
		fuse_session_unmount(session->fuse);
}

void session_destroy(struct session *session)
{
	if (!session)
		return;
	if (session->fuse)
		fuse_session_destroy(session->fuse);
	handles_destroy(session);
	owners_destroy(session->owners);
	waits_destroy(session->waits);
	nodes_destroy(session->nodes);
	pthread_cond_destroy(&session->tick);
	pthread_cond_destroy(&session->ended);
	pthread_mutex_destroy(&session->handles_lock);
	pthread_mutex_destroy(&session->lock);
	free(session->mountpoint);
	free(session);
}
