/* SPDX-License-Identifier: MIT */
/*
 * The life of a process that serves. Contract: run.h. One thread does all of
 * this: it waits for signals, for mounts that end, and for messages to a
 * server with a name.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "control.h"
#include "run.h"
#include "server.h"

struct life {
	const struct options *options;
	struct server *server;
	struct session *sessions;
	int signals; /* a signalfd */
	int ended;   /* an eventfd: a session has ended */
	int listen;  /* -1: no name */
	int lock;    /* keeps the name */
	int answer;  /* whoever asked for the end, or -1 */
	bool stopping;
};

/* All is well: the process that was started may go, and the terminal is its
 * own again. */
static void tell_ready(int status_fd)
{
	int null, i;

	if (status_fd < 0)
		return;
	null = open("/dev/null", O_RDWR);
	if (chdir("/") || null < 0)
		perror("vfs-fuse");
	for (i = 0; i < 3; i++)
		dup2(null, i);
	if (null > 2)
		close(null);
	if (write(status_fd, "", 1) == 1)
		close(status_fd);
}

/* Threads inherit the mask: the signals come to signalfd alone. */
static int catch_signals(void)
{
	sigset_t set;

	signal(SIGPIPE, SIG_IGN);
	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	return signalfd(-1, &set, SFD_CLOEXEC);
}

static void end_session(struct life *life, struct session *session)
{
	struct session **at = &life->sessions;

	while (*at && *at != session)
		at = &(*at)->next;
	if (*at)
		*at = session->next;
	if (session->mounted)
		session_stop(session);
	session_destroy(session);
}

static int add_session(struct life *life, const struct session_options *options,
		       const char *device, const char *mountpoint)
{
	struct session *session;
	int err = session_create(life->server, options, life->ended, &session);

	if (err)
		return err;
	session->next = life->sessions;
	life->sessions = session;
	err = session_mount(session, device, mountpoint);
	if (!err)
		err = session_start(session);
	if (err)
		end_session(life, session);
	return err;
}

static void join(struct life *life, struct control_message *message,
		 int fuse_fd, int answer_fd)
{
	struct session_options options = {
		.fuse = message->fuse,
		.cache = CACHE_NONE,
		.noatime = message->noatime,
		.max_threads = message->max_threads,
		.max_idle = message->max_idle,
		.max_write = message->max_write,
		.max_read = message->max_read,
		.device = message->device,
	};
	char device[32];
	int err;

	snprintf(device, sizeof(device), "/dev/fd/%d", fuse_fd);
	err = add_session(life, &options, device, message->mountpoint);
	if (err)
		close(fuse_fd);
	control_answer(answer_fd, err);
}

/* -EXDEV: who asks numbers users or processes in other ways. */
static int check_namespaces(const struct control_message *message)
{
	uint64_t own[2];

	control_namespaces(own);
	return memcmp(own, message->namespaces, sizeof(own)) ? -EXDEV : 0;
}

static void follow_message(struct life *life, struct control_message *message,
			   int fuse_fd, int answer_fd)
{
	int err = 0;

	if (message->kind == CONTROL_STOP) {
		life->stopping = true;
		life->answer = answer_fd;
		return;
	}
	if (message->kind == CONTROL_JOIN && fuse_fd >= 0) {
		join(life, message, fuse_fd, answer_fd);
		return;
	}
	err = message->kind == CONTROL_ASK ? check_namespaces(message)
					   : -EINVAL;
	control_answer(answer_fd, err);
}

static void on_message(struct life *life)
{
	struct control_message *message = text_need(malloc(sizeof(*message)));
	int fuse_fd, answer_fd;

	if (!control_receive(life->listen, message, &fuse_fd, &answer_fd))
		follow_message(life, message, fuse_fd, answer_fd);
	free(message);
}

/* Those that the kernel has hung up on. */
static void on_ended(struct life *life)
{
	struct session *session, *next;
	uint64_t count;

	if (read(life->ended, &count, sizeof(count)) < 0)
		return;
	for (session = life->sessions; session; session = next) {
		next = session->next;
		if (fuse_session_exited(session->fuse))
			end_session(life, session);
	}
}

static void live(struct life *life)
{
	while (!life->stopping && (life->sessions || life->listen >= 0)) {
		struct pollfd fds[3] = {
			{.fd = life->signals, .events = POLLIN},
			{.fd = life->ended, .events = POLLIN},
			{.fd = life->listen, .events = POLLIN},
		};

		if (poll(fds, 3, -1) < 0)
			continue;
		if (fds[0].revents)
			life->stopping = true;
		if (fds[1].revents)
			on_ended(life);
		if (fds[2].revents)
			on_message(life);
	}
	while (life->sessions)
		end_session(life, life->sessions);
}

int run_server(const struct options *options, int status_fd)
{
	struct life life = {
		.options = options, .listen = -1, .lock = -1, .answer = -1};
	const struct server_options make = {
		.make = tree_make,
		.context = &options->tree,
		.log_level = options->debug ? VFS_LOG_DEBUG : VFS_LOG_WARNING,
	};
	bool exists = false;
	int err = 0;

	server_raise_limits();
	life.signals = catch_signals();
	life.ended = eventfd(0, EFD_CLOEXEC);
	if (options->server) {
		life.listen = control_listen(options->server, &life.lock);
		err = life.listen < 0 ? life.listen : 0;
		exists = err == -EEXIST;
	}
	if (!err)
		err = server_create(&make, &life.server);
	if (!err)
		err = add_session(&life, &options->session, options->mountpoint,
				  options->mountpoint);
	if (!err) {
		tell_ready(status_fd);
		live(&life);
	}
	server_destroy(life.server);
	if (life.listen >= 0)
		control_unlisten(options->server, life.listen, life.lock);
	if (life.answer >= 0)
		control_answer(life.answer, 0);
	close(life.ended);
	close(life.signals);
	if (exists)
		return RUN_EXISTS;
	return err ? 1 : 0;
}

/* ---- those who ask ---- */

/* The open /dev/fuse of a new mount at the mountpoint, which stays. */
static int mount_only(const struct options *options)
{
	static const struct fuse_lowlevel_ops none;
	struct fuse_args args = FUSE_ARGS_INIT(0, NULL);
	struct fuse_session *fuse;
	int fd = -1;

	fuse_opt_add_arg(&args, "vfs-fuse");
	fuse_opt_add_arg(&args, "-o");
	fuse_opt_add_arg(&args, options->session.fuse);
	fuse = fuse_session_new(&args, &none, sizeof(none), NULL);
	fuse_opt_free_args(&args);
	if (!fuse)
		return -EINVAL;
	if (!fuse_session_mount(fuse, options->mountpoint))
		fd = fcntl(fuse_session_fd(fuse), F_DUPFD_CLOEXEC, 0);
	fuse_session_destroy(fuse);
	return fd < 0 ? -EIO : fd;
}

int run_join(const struct options *options)
{
	struct control_message *message =
		text_need(calloc(1, sizeof(*message)));
	int err, fd;

	control_namespaces(message->namespaces);
	err = control_send(options->server, message, -1);
	if (err)
		goto out;
	message->kind = CONTROL_JOIN;
	message->noatime = options->session.noatime;
	message->max_threads = options->session.max_threads;
	message->max_idle = options->session.max_idle;
	message->max_write = options->session.max_write;
	message->max_read = options->session.max_read;
	snprintf(message->fuse, sizeof(message->fuse), "%s",
		 options->session.fuse);
	snprintf(message->mountpoint, sizeof(message->mountpoint), "%s",
		 options->mountpoint);
	fd = mount_only(options);
	message->device = session_device_at(options->mountpoint);
	err = fd < 0 ? fd : control_send(options->server, message, fd);
	if (fd >= 0)
		close(fd);
	if (err && fd >= 0 && !session_unmount(options->mountpoint, true))
		fprintf(stderr, "vfs-fuse: %s: it stays mounted\n",
			options->mountpoint);
	/* it was there a moment ago */
	if (err == -ENOENT)
		err = -EPIPE;
out:
	if (err && err != -ENOENT)
		fprintf(stderr, "vfs-fuse: server %s: %s\n", options->server,
			err == -EXDEV ? "it is in other namespaces, of users "
					"or of processes"
				      : strerror(-err));
	free(message);
	/* the session of libfuse's that the mount was made with knows the place
	 * until it unmounts, and that is not wanted */
	if (!err)
		_exit(0);
	return err;
}

int run_stop(const char *name)
{
	struct control_message *message =
		text_need(calloc(1, sizeof(*message)));
	int err;

	message->kind = CONTROL_STOP;
	err = control_send(name, message, -1);
	free(message);
	if (err)
		fprintf(stderr, "vfs-fuse: server %s: %s\n", name,
			strerror(-err));
	return err ? 1 : 0;
}

int run_remount(const struct options *options)
{
	struct server_remount request = {{0}};
	int fd, err = 0;

	if (options->inside.length >= sizeof(request.options)) {
		fputs("vfs-fuse: the options are too long\n", stderr);
		return 1;
	}
	if (options->inside.at)
		strcpy(request.options, options->inside.at);
	fd = open(options->mountpoint, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	/* the server first: it may refuse */
	if (fd < 0 || ioctl(fd, SERVER_IOC_REMOUNT, &request))
		err = errno;
	if (fd >= 0)
		close(fd);
	if (!err && mount("none", options->mountpoint, NULL,
			  MS_REMOUNT | options->host_flags, NULL))
		err = errno;
	if (err)
		fprintf(stderr, "vfs-fuse: remounting %s: %s\n",
			options->mountpoint, strerror(err));
	return err ? 1 : 0;
}
