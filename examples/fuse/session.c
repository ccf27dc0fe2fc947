/* SPDX-License-Identifier: MIT */
/*
 * Sessions. Contract: session.h.
 *
 * The threads are the session's own rather than libfuse's: one waits for a
 * request at any time, another is made when that one has got one, and those
 * that are too many go. Requests and answers come through here so that what
 * this libfuse does not know works as well: making a file without a name,
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

#define MAX_THREADS 64u
#define MAX_IDLE 8u
/* Of the protocol; the headers may be older. */
#define OPCODE_TMPFILE 51
#define OPCODE_STATX 52
#define INIT_HANDLE_KILLPRIV_V2 (1u << 28)
#define INIT_EXT (1u << 30)
#define INIT2_DIRECT_IO_ALLOW_MMAP (1u << 4)

/* Seconds that the kernel may believe for as long as nothing happens: all
 * changes come through it. */
#define FOREVER (365.0 * 86400)

/* A thread of a session's. */
struct worker {
	struct session *session;
	pthread_t thread;
	struct worker *next; /* under the session's lock */
};

static void *work(void *argument);

static void on_wake(int signal)
{
	(void)signal;
}

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
	want(conn, FUSE_CAP_POSIX_LOCKS, true);
	want(conn, FUSE_CAP_FLOCK_LOCKS, true);
	want(conn, FUSE_CAP_PARALLEL_DIROPS, true);
	want(conn, FUSE_CAP_IOCTL_DIR, true);
	want(conn, FUSE_CAP_READDIRPLUS, true);
	want(conn, FUSE_CAP_READDIRPLUS_AUTO, true);
	/* requests are looked into, and data is in memory on both sides */
	want(conn, FUSE_CAP_SPLICE_READ, false);
	want(conn, FUSE_CAP_SPLICE_WRITE, false);
	/* the kernel opens devices and FIFOs itself, and walks over what it has
	 * kept: there it must check, ACLs too */
	want(conn, FUSE_CAP_POSIX_ACL, true);
	want(conn, FUSE_CAP_CACHE_SYMLINKS, keep);
	/* data changes through the kernel alone, so no time stamp has to tell
	 * it */
	want(conn, FUSE_CAP_EXPLICIT_INVAL_DATA, keep);
	want(conn, FUSE_CAP_AUTO_INVAL_DATA, !keep);
	/* times would be the kernel's, and a full disk would be told too late
	 */
	want(conn, FUSE_CAP_WRITEBACK_CACHE, false);
}

static ssize_t read_request(int fd, void *buffer, size_t size, void *userdata)
{
	(void)userdata;
	return read(fd, buffer, size);
}

static void complete_init(const struct session *session,
			  struct fuse_init_out *out)
{
	out->flags |= session->init_flags & INIT_HANDLE_KILLPRIV_V2;
	/* files that are opened for direct I/O can be mapped all the same */
	if (session->cache == CACHE_NONE && session->init_flags & INIT_EXT) {
		out->flags |= INIT_EXT;
		out->flags2 |=
			session->init_flags2 & INIT2_DIRECT_IO_ALLOW_MMAP;
	}
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
	return writev(fd, iov, count);
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
	session->timeout = options->cache == CACHE_KERNEL ? FOREVER : 0;
	session->max_threads =
		options->max_threads ? options->max_threads : MAX_THREADS;
	pthread_mutex_init(&session->lock, NULL);
	pthread_mutex_init(&session->handles_lock, NULL);
	pthread_cond_init(&session->ended, NULL);
	session->ended_fd = ended_fd;
	fd = vfs_open(root, server->place, O_PATH | O_DIRECTORY, 0);
	session->nodes = fd < 0 ? NULL : nodes_create(server, fd);
	session->waits = waits_create();
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

int session_mount(struct session *session, const char *device,
		  const char *mountpoint)
{
	static const struct fuse_custom_io io = {.read = read_request,
						 .writev = write_answer};

	if (fuse_session_mount(session->fuse, device))
		return -EIO;
	session->mounted = true;
	session->joined = device != mountpoint;
	if (mountpoint)
		session->mountpoint = text_need(strdup(mountpoint));
	if (fuse_session_custom_io(session->fuse, &io,
				   fuse_session_fd(session->fuse))) {
		fprintf(stderr, "%s: libfuse refuses to be listened to\n",
			program_invocation_short_name);
		return -EIO;
	}
	return 0;
}

/* ---- threads ---- */

/* Lock held. */
static int start_thread(struct session *session)
{
	struct worker *worker = calloc(1, sizeof(*worker));
	pthread_attr_t attr;
	int err;

	if (!worker)
		return -ENOMEM;
	worker->session = session;
	pthread_attr_init(&attr);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	err = pthread_create(&worker->thread, &attr, work, worker);
	pthread_attr_destroy(&attr);
	if (err) {
		free(worker);
		return -err;
	}
	worker->next = session->workers;
	session->workers = worker;
	session->threads++;
	session->idle++;
	return 0;
}

/* A thread has a request: is another needed to wait for the next? */
static void now_busy(struct session *session)
{
	pthread_mutex_lock(&session->lock);
	session->idle--;
	if (!session->idle && !session->stopping &&
	    session->threads < session->max_threads)
		start_thread(session);
	pthread_mutex_unlock(&session->lock);
}

/* It has answered. False: there are enough without it. */
static bool now_idle(struct session *session)
{
	bool stay;

	pthread_mutex_lock(&session->lock);
	stay = session->idle < MAX_IDLE && !session->stopping;
	if (stay)
		session->idle++;
	pthread_mutex_unlock(&session->lock);
	return stay;
}

/* What libfuse does not know, or does not say. True: it was answered. */
static bool look_into(struct session *session, struct fuse_buf *buf)
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

/* The thread ends; idle: because there are no more requests. */
static void leave(struct worker *worker, bool idle)
{
	struct session *session = worker->session;
	struct worker **at = &session->workers;
	uint64_t one = 1;

	pthread_mutex_lock(&session->lock);
	while (*at != worker)
		at = &(*at)->next;
	*at = worker->next;
	session->threads--;
	if (idle) {
		session->idle--;
		/* the kernel has hung up: whoever waits for that is told */
		fuse_session_exit(session->fuse);
		if (write(session->ended_fd, &one, sizeof(one)) < 0)
			fprintf(stderr, "%s: eventfd: %m\n",
				program_invocation_short_name);
	}
	pthread_cond_broadcast(&session->ended);
	pthread_mutex_unlock(&session->lock);
	free(worker);
}

static void *work(void *argument)
{
	struct worker *worker = argument;
	struct session *session = worker->session;
	struct fuse_session *fuse = session->fuse;
	struct fuse_buf buf = {.mem = NULL};
	bool stay = true;

	while (stay && !fuse_session_exited(fuse)) {
		int n = fuse_session_receive_buf(fuse, &buf);

		if (n == -EINTR)
			continue;
		if (n <= 0)
			break;
		now_busy(session);
		if (!look_into(session, &buf))
			fuse_session_process_buf(fuse, &buf);
		stay = now_idle(session);
	}
	free(buf.mem);
	leave(worker, stay);
	return NULL;
}

int session_start(struct session *session)
{
	struct sigaction wake = {.sa_handler = on_wake};
	int err;

	sigaction(SESSION_SIGNAL, &wake, NULL);
	pthread_mutex_lock(&session->lock);
	err = start_thread(session);
	pthread_mutex_unlock(&session->lock);
	return err;
}

/* ---- the end ---- */

static void run_fusermount(const char *place)
{
	pid_t pid = fork();

	if (!pid) {
		execlp("fusermount3", "fusermount3", "-u", "-q", "--", place,
		       NULL);
		_exit(127);
	}
	if (pid > 0)
		waitpid(pid, NULL, 0);
}

/* Properly, so that what the kernel has to write comes; threads are still at
 * work. What is in use is written, too, and is cut off later. */
static void unmount(const struct session *session)
{
	const char *place = session->mountpoint;
	int fd;

	if (!place)
		return;
	if (!geteuid() ? !umount2(place, UMOUNT_NOFOLLOW)
		       : (run_fusermount(place), false))
		return;
	fd = open(place, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd >= 0) {
		syncfs(fd);
		close(fd);
	}
	if (session->joined)
		umount2(place, UMOUNT_NOFOLLOW | MNT_DETACH);
}

/* A signal may come a moment before its thread sleeps: it comes again. */
static void end_threads(struct session *session)
{
	struct worker *worker;
	struct timespec at;

	fuse_session_exit(session->fuse);
	pthread_mutex_lock(&session->lock);
	session->stopping = true;
	while (session->threads) {
		for (worker = session->workers; worker; worker = worker->next)
			pthread_kill(worker->thread, SESSION_SIGNAL);
		clock_gettime(CLOCK_REALTIME, &at);
		at.tv_nsec += 2000000;
		at.tv_sec += at.tv_nsec / 1000000000;
		at.tv_nsec %= 1000000000;
		pthread_cond_timedwait(&session->ended, &session->lock, &at);
	}
	pthread_mutex_unlock(&session->lock);
}

void session_stop(struct session *session)
{
	waits_stop(session->waits);
	if (!fuse_session_exited(session->fuse))
		unmount(session);
	end_threads(session);
	/* closes the connection; unmounts only what is mounted still */
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
	pthread_cond_destroy(&session->ended);
	pthread_mutex_destroy(&session->handles_lock);
	pthread_mutex_destroy(&session->lock);
	free(session->mountpoint);
	free(session);
}
