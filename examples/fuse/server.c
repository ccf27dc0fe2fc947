/* SPDX-License-Identifier: MIT */
/* Servers. Contract: server.h. */
#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "server.h"
#include "text.h"
#include "tree.h"

/* MS_REMOUNT of <sys/mount.h>, which does not go with <linux/mount.h>. */
#define REMOUNT 32u

/* That nobody uses, at most. */
#define CACHED_NAMES 16384u

/* Descriptors that there is room for from the beginning on. */
#define TABLE_SIZE 65536

static void log_line(void *context, int32_t level, const char *message)
{
	const struct server *server = context;

	if (level <= server->log_level)
		fprintf(stderr, "%s: %s\n", program_invocation_short_name,
			message);
}

/* Beside a request's way through the kernel the exact clock costs nothing, and
 * no two changes have the same time. */
static void tell_time(void *context, struct vfs_timespec *now)
{
	struct timespec time;

	(void)context;
	clock_gettime(CLOCK_REALTIME, &time);
	now->sec = time.tv_sec;
	now->nsec = (uint32_t)time.tv_nsec;
}

/* A proc that is mounted nowhere: open files by their numbers, for calls that
 * take no descriptor with an empty path. */
static int open_proc(struct server *server)
{
	struct vfs_task *root = server->root;
	int err, fs = vfs_fsopen(root, "proc", 0);

	if (fs < 0)
		return fs;
	err = vfs_fsconfig(root, fs, FSCONFIG_SET_STRING, "source", "proc", 0);
	if (!err)
		err = vfs_fsconfig(root, fs, FSCONFIG_CMD_CREATE, NULL, NULL,
				   0);
	if (!err) {
		server->proc_fd = vfs_fsmount(root, fs, 0, 0);
		err = server->proc_fd < 0 ? server->proc_fd : 0;
	}
	vfs_close(root, fs);
	return err;
}

/* Before there are descriptors that it would get copies of. */
static int make_bare(struct server *server)
{
	int err = vfs_task_clone(server->root, 0, &server->bare);

	if (!err)
		err = vfs_fchdir(server->bare, server->proc_fd);
	if (!err)
		err = vfs_close(server->bare, server->proc_fd);
	return err;
}

static int set_up(struct server *server)
{
	int err, fd;

	err = open_proc(server);
	if (!err)
		err = make_bare(server);
	if (err)
		return err;
	fd = vfs_openat(server->root, server->proc_fd, "self/fd",
			O_PATH | O_DIRECTORY, 0);
	if (fd < 0)
		return fd;
	err = vfs_fchdir(server->root, fd);
	vfs_close(server->root, fd);
	return err;
}

/* What is made here is whose the server is, as with a mount of the user's own.
 */
int server_become_user(struct server *server, struct vfs_task *task)
{
	struct vfs_cred_spec spec = {.size = sizeof(spec)};
	struct vfs_cred *cred;
	int err;

	spec.uid = spec.fsuid = geteuid();
	spec.gid = spec.fsgid = getegid();
	spec.cap_effective = spec.cap_permitted = VFS_CAP_ALL;
	err = vfs_cred_create(server->vfs, &spec, &cred);
	if (!err)
		err = vfs_task_set_cred(task, cred);
	if (!err)
		vfs_cred_unref(cred);
	return err;
}

int server_create(const struct server_options *options, struct server **out)
{
	struct server *server = text_need(calloc(1, sizeof(*server)));
	struct vfs_config config = {.size = sizeof(config)};
	int err;

	server->log_level = options->log_level;
	config.log = log_line;
	config.log_context = server;
	config.now = tell_time;
	/* one for each file that the kernel knows */
	config.max_descriptors = INT32_MAX;
	/* what is in use is kept anyway, and the kernel keeps names as well */
	config.max_cached_names = CACHED_NAMES;
	err = vfs_create(&config, &server->vfs);
	if (!err)
		err = options->make(server, options->context);
	if (!err)
		err = set_up(server);
	if (!err) {
		server->users = users_create(server);
		err = server->users ? 0 : -ENOMEM;
	}
	if (err) {
		server_destroy(server);
		return err;
	}
	*out = server;
	return 0;
}

/* The kernel's table of descriptors doubles whenever it is full, and where
 * there are threads each time waits until every processor has noticed: for
 * longer than a thousand requests take. It never shrinks, so it is made large
 * before there are any. */
static void make_room_for_descriptors(rlim_t limit)
{
	int last = limit < TABLE_SIZE ? (int)limit - 1 : TABLE_SIZE - 1;
	int fd = eventfd(0, EFD_CLOEXEC);

	if (fd < 0)
		return;
	last = fcntl(fd, F_DUPFD_CLOEXEC, last);
	if (last >= 0)
		close(last);
	close(fd);
}

void server_raise_limits(void)
{
	struct rlimit limit;

	/* each file of the tree that is mapped inside takes a descriptor */
	if (!getrlimit(RLIMIT_NOFILE, &limit)) {
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_NOFILE, &limit);
		make_room_for_descriptors(limit.rlim_cur);
	}
	/* the caller's own limit is looked at by the kernel */
	limit.rlim_cur = limit.rlim_max = RLIM_INFINITY;
	setrlimit(RLIMIT_FSIZE, &limit);
	umask(0);
}

void server_destroy(struct server *server)
{
	if (!server)
		return;
	users_destroy(server->users);
	vfs_task_unref(server->bare);
	vfs_task_unref(server->root);
	vfs_unref(server->vfs);
	free(server);
}

int server_remount(struct server *server, const void *in, size_t size)
{
	const struct server_remount *remount = in;
	const char *list, *option;
	struct text data = {0};
	uint64_t flags = 0;
	size_t length;
	int err;

	if (size != sizeof(*remount) ||
	    !memchr(remount->options, '\0', sizeof(remount->options)))
		return -EINVAL;
	list = remount->options;
	while ((length = option_next(&list, &option))) {
		if (!tree_flag(option, length, &flags))
			text_option(&data, option, length);
	}
	err = vfs_mount(server->root, NULL, server->place, NULL,
			flags | REMOUNT, data.at);
	free(data.at);
	return err;
}
