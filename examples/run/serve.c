/* SPDX-License-Identifier: MIT */
/*
 * The tree, and its mount. The mount is made without a place, by the process
 * that serves, as its pid namespace is the one whose numbers requests have;
 * process 1 alone attaches it. Contract: run.h.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mount.h>
#include <unistd.h>

#include "run.h"
#include "server.h"

/* How long the kernel may take to give the mount up, once its namespace has
 * gone. */
#define END_MSEC 10000

/* ---- the tree ---- */

static int fail_load(struct run *run, int err, const char *why)
{
	static const char program[] = "/process/args/0: ";

	run->status = run_fail("%s: %s", run->directory, why);
	if (!strncmp(why, program, sizeof(program) - 1))
		run->status = err == -ENOENT ? EXIT_NOT_FOUND : EXIT_NOT_RUN;
	return err;
}

/* For server_create: the server works in the container's mount namespace, as
 * root. */
static int make_tree(struct server *server, const void *context)
{
	struct run *run = (struct run *)(uintptr_t)context;
	char why[512];
	int err = vfs_bundle_load(server->vfs, &run->spec, &run->bundle, why,
				  sizeof(why));

	if (err)
		return fail_load(run, err, why);
	err = vfs_task_clone(vfs_bundle_task(run->bundle), 0, &server->root);
	if (!err)
		err = server_become_user(server, server->root);
	server->place = "/";
	return err;
}

int run_load(struct run *run)
{
	const struct server_options options = {
		.make = make_tree,
		.context = run,
		/* failures are told with the message that the call gives */
		.log_level = run->debug ? VFS_LOG_DEBUG : -1,
	};
	int err = server_create(&options, &run->server);

	if (!err)
		return 0;
	return run->status ? run->status : run_fail("%s", vfs_strerror(err));
}

/* ---- the mount ---- */

static int configure(int fs, const char *fuse)
{
	static const char *const flags[] = {"default_permissions",
					    "allow_other"};
	static const char *const values[][2] = {{"source", "vfs-run"},
						{"subtype", "vfs-run"},
						{"rootmode", "40000"},
						{"user_id", "0"},
						{"group_id", "0"}};
	size_t i;

	if (fsconfig(fs, FSCONFIG_SET_STRING, "fd", fuse, 0))
		return -1;
	for (i = 0; i < sizeof(values) / sizeof(*values); i++) {
		if (fsconfig(fs, FSCONFIG_SET_STRING, values[i][0],
			     values[i][1], 0))
			return -1;
	}
	for (i = 0; i < sizeof(flags) / sizeof(*flags); i++) {
		if (fsconfig(fs, FSCONFIG_SET_FLAG, flags[i], NULL, 0))
			return -1;
	}
	return fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0);
}

int run_mount(struct run *run, int *mount_fd)
{
	int fs, err, tree = -1;
	char number[16];

	if (run->fuse_fd < 0)
		run->fuse_fd = open("/dev/fuse", O_RDWR | O_CLOEXEC);
	if (run->fuse_fd < 0)
		return run_fail("/dev/fuse: %s", strerror(errno));
	snprintf(number, sizeof(number), "%d", run->fuse_fd);
	fs = fsopen("fuse", FSOPEN_CLOEXEC);
	if (fs >= 0 && !configure(fs, number))
		tree = fsmount(fs, FSMOUNT_CLOEXEC, 0);
	err = errno;
	if (fs >= 0)
		close(fs);
	if (tree < 0)
		return run_fail("mounting the tree: %s", strerror(err));
	*mount_fd = tree;
	return 0;
}

int run_serve(struct run *run)
{
	const struct session_options options = {
		.fuse = (char *)(uintptr_t) "allow_other,default_permissions",
		.cache = run->cache,
	};
	int ended = eventfd(0, EFD_CLOEXEC);
	char device[32];
	int err = session_create(run->server, &options, ended, &run->session);

	snprintf(device, sizeof(device), "/dev/fd/%d", run->fuse_fd);
	if (!err)
		err = session_mount(run->session, device, NULL);
	if (!err)
		err = session_start(run->session);
	if (err)
		return run_fail("serving the tree: %s", vfs_strerror(err));
	return 0;
}

void run_serve_end(struct run *run)
{
	struct session *session = run->session;
	struct pollfd ended = {.events = POLLIN};

	if (!session)
		return;
	ended.fd = session->ended_fd;
	/* what the kernel has still to write comes before it hangs up */
	if (session->mounted) {
		poll(&ended, 1, END_MSEC);
		session_stop(session);
	}
	session_destroy(session);
	close(ended.fd);
	run->session = NULL;
}
