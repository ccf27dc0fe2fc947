/* SPDX-License-Identifier: MIT */
/*
 * vfs-fuse: the command, and the process around a mount. It goes into the
 * background once everything that can fail has been done there, so that its
 * exit status tells whether the tree is mounted. A signal unmounts; so does
 * the kernel, when somebody else has.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "options.h"
#include "server.h"

static const char usage[] =
	"vfs-fuse: a tree of libvfs as a mount\n"
	"\n"
	"  vfs-fuse [OPTION...] TYPE MOUNTPOINT\n"
	"  vfs-fuse [OPTION...] -t TYPE SOURCE MOUNTPOINT\n"
	"  vfs-fuse [OPTION...] -F FILE MOUNTPOINT\n"
	"  mount -t fuse.vfs-fuse TYPE MOUNTPOINT [-o ...]\n"
	"\n"
	"  -F, --fstab FILE   the tree is what FILE, like fstab(5), describes\n"
	"  -t, --types TYPE   the type of the tree's root (the first word)\n"
	"  -o OPTION,...      options, see below\n"
	"  -f, --foreground   stay in the foreground\n"
	"  -d, --debug        the same, and print each request\n"
	"  -s                 one request at a time\n"
	"  -h, --help         this\n"
	"  -V, --version      the versions of this and of libfuse\n"
	"\n"
	"Options of -o are those of the type (size=1g), of the mount (ro, "
	"dev,\n"
	"suid, noexec, noatime, fsname=, allow_other, allow_root, ...), and\n"
	"\n"
	"  cache=kernel|none  what the kernel may keep: everything (default) "
	"or\n"
	"                     nothing\n"
	"  max_threads=N      how many requests are worked at at once (64)\n"
	"  remount            change the options of what is mounted\n";

/* The process that was started waits for a byte on this pipe, its exit status:
 * -1, it is this one. */
static int go_back(int *status_fd)
{
	unsigned char status = 1;
	int fds[2];
	pid_t pid;

	if (pipe2(fds, O_CLOEXEC) || (pid = fork()) < 0) {
		perror("vfs-fuse");
		return 1;
	}
	if (!pid) {
		close(fds[0]);
		setsid();
		*status_fd = fds[1];
		return -1;
	}
	close(fds[1]);
	if (read(fds[0], &status, 1) != 1)
		status = 1;
	return status;
}

/* All is well: the first process may go. */
static void tell_ready(int status_fd)
{
	int null;

	if (status_fd < 0)
		return;
	null = open("/dev/null", O_RDWR);
	if (chdir("/") || null < 0)
		perror("vfs-fuse");
	dup2(null, 0);
	dup2(null, 1);
	dup2(null, 2);
	if (null > 2)
		close(null);
	if (write(status_fd, "", 1) != 1)
		return;
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

static void wait_for_end(const struct session *session, int signals)
{
	struct pollfd fds[2] = {{.fd = signals, .events = POLLIN},
				{.fd = session->ended_fd, .events = POLLIN}};

	while (poll(fds, 2, -1) < 0 && errno == EINTR)
		;
}

/* Each mapped file of the tree takes a descriptor. */
static void raise_limits(void)
{
	struct rlimit limit;

	if (!getrlimit(RLIMIT_NOFILE, &limit)) {
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
	/* the caller's own was looked at already, by the kernel */
	limit.rlim_cur = limit.rlim_max = RLIM_INFINITY;
	setrlimit(RLIMIT_FSIZE, &limit);
}

static int serve(const struct options *options, int status_fd)
{
	struct server *server = NULL;
	struct session *session = NULL;
	int signals = catch_signals();
	int err;

	raise_limits();
	umask(0);
	err = server_create(&options->tree,
			    options->session.cache == CACHE_KERNEL,
			    options->debug, &server);
	if (!err)
		err = session_create(server, &options->session, &session);
	if (!err)
		err = session_mount(session, options->mountpoint);
	if (!err)
		err = session_start(session);
	if (!err) {
		tell_ready(status_fd);
		wait_for_end(session, signals);
	}
	if (session && session->mountpoint)
		session_stop(session);
	session_destroy(session);
	server_destroy(server);
	close(signals);
	return err ? 1 : 0;
}

/* The mount in the host's kernel, then, in its server, the one in the tree. */
static int remount(const struct options *options)
{
	struct server_remount request = {{0}};
	int fd, err = 0;

	if (options->inside.at &&
	    options->inside.length >= sizeof(request.options)) {
		fputs("vfs-fuse: the options are too long\n", stderr);
		return 1;
	}
	if (options->inside.at)
		strcpy(request.options, options->inside.at);
	fd = open(options->mountpoint, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
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

int main(int argc, char **argv)
{
	struct options options;
	int status = -1, status_fd = -1;
	char *place = NULL;

	if (options_parse(&options, argc, argv))
		return 1;
	if (options.help) {
		fputs(usage, stdout);
		return 0;
	}
	if (options.version) {
		printf("vfs-fuse %d.%d.%d\n", VFS_VERSION_MAJOR,
		       VFS_VERSION_MINOR, VFS_VERSION_PATCH);
		printf("libfuse %s\n", fuse_pkgversion());
		return 0;
	}
	/* the process will stand elsewhere */
	place = realpath(options.mountpoint, NULL);
	if (!place && strncmp(options.mountpoint, "/dev/fd/", 8)) {
		fprintf(stderr, "vfs-fuse: %s: %m\n", options.mountpoint);
		return 1;
	}
	if (place)
		options.mountpoint = place;
	if (options.remount)
		status = remount(&options);
	else if (!options.foreground)
		status = go_back(&status_fd);
	if (status < 0)
		status = serve(&options, status_fd);
	options_free(&options);
	free(place);
	return status;
}
