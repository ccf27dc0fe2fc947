/* SPDX-License-Identifier: MIT */
/* fuse-overlayfs on the same layers, in a process and a mount namespace of its
 * own; what it shows comes back through a pipe. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "exchange.h"

#define PROGRAM "fuse-overlayfs"

static bool run_program(char *const argv[])
{
	int status;
	pid_t pid = fork();

	if (!pid) {
		int null = open("/dev/null", O_WRONLY);

		dup2(null, 1);
		dup2(null, 2);
		execvp(argv[0], argv);
		_exit(127);
	}
	return pid > 0 && waitpid(pid, &status, 0) == pid && !status;
}

bool fuse_possible(void)
{
	char *const argv[] = {PROGRAM, "--version", NULL};

	return !access("/dev/fuse", R_OK | W_OK) && run_program(argv);
}

static void make_options(const struct layers *layers, char *out, size_t size)
{
	int at = snprintf(out, size, "lowerdir=");

	for (unsigned i = 1; i <= layers->lowers; i++)
		at += snprintf(out + at, size - (size_t)at, "%sl%u",
			       i > 1 ? ":" : "", i);
	snprintf(out + at, size - (size_t)at,
		 ",upperdir=u/upper,workdir=u/work");
}

/* A detached mount of what fuse-overlayfs shows, or -1. */
static int mount_fuse(const struct stage *stage)
{
	char options[256], where[] = "/tmp/overlay-fuse-XXXXXX";
	char *const argv[] = {PROGRAM, "-o", options, "m", NULL};
	int tree, fd;

	make_options(&stage->layers, options, sizeof(options));
	tree = open_tree(stage->host.dir, "",
			 AT_EMPTY_PATH | OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
	if (tree < 0 || unshare(CLONE_NEWNS) ||
	    mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
	    !mkdtemp(where) ||
	    move_mount(tree, "", AT_FDCWD, where, MOVE_MOUNT_F_EMPTY_PATH) ||
	    chdir(where) || !run_program(argv))
		return -1;
	fd = open_tree(AT_FDCWD, "m", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
	if (chdir("/") || umount2(where, MNT_DETACH) || rmdir(where))
		return -1;
	return fd;
}

static void show(struct stage *stage, int out)
{
	struct host host = {.dir = mount_fuse(stage)};
	struct side *side;
	struct text text = {0};
	size_t at = 0;
	ssize_t n;

	if (host.dir < 0)
		_exit(1);
	side = kernel_create(PLACE_MOUNT, "", &host, false);
	side->keep = side->mounts = side->overlay = true;
	side_begin(side);
	stage_look(side, DETAIL_PLAIN, &text);
	while (at < text.len &&
	       (n = write(out, text.data + at, text.len - at)) > 0)
		at += (size_t)n;
	side_end(side);
	_exit(0);
}

bool fuse_look(struct stage *stage, struct text *out)
{
	char buffer[4096];
	int ends[2], status;
	ssize_t n;
	pid_t pid;

	fflush(NULL);
	if (pipe2(ends, O_CLOEXEC))
		return false;
	pid = fork();
	if (!pid)
		show(stage, ends[1]);
	close(ends[1]);
	text_clear(out);
	while (pid > 0 && (n = read(ends[0], buffer, sizeof(buffer))) > 0)
		text_add(out, buffer, (size_t)n);
	close(ends[0]);
	return pid > 0 && waitpid(pid, &status, 0) == pid && !status;
}
