/* SPDX-License-Identifier: MIT */
/*
 * vfs-fuse: the command, and the process around a mount. It goes into the
 * background once everything that can fail has been done there, so that its
 * exit status tells whether the tree is mounted. A signal unmounts; so does
 * the kernel, when somebody else has.
 */
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "options.h"
#include "run.h"

static const char usage[] =
	"vfs-fuse: a tree of libvfs as a mount\n"
	"\n"
	"  vfs-fuse [OPTION...] TYPE MOUNTPOINT\n"
	"  vfs-fuse [OPTION...] -t TYPE SOURCE MOUNTPOINT\n"
	"  vfs-fuse [OPTION...] -F FILE MOUNTPOINT\n"
	"  vfs-fuse [OPTION...] -o lowerdir=A:B,upperdir=C,workdir=D "
	"MOUNTPOINT\n"
	"  mount -t fuse.vfs-fuse TYPE MOUNTPOINT [-o ...]\n"
	"\n"
	"  -F, --fstab FILE   the tree is what FILE, like fstab(5), describes\n"
	"  -t, --types TYPE   the type of the tree's root (the first word)\n"
	"  -o OPTION,...      options, see below\n"
	"  --stop NAME        end a server that was started with server=NAME\n"
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
	"  writeback          it keeps what is written, too, for a while\n"
	"  server=NAME        a tree that outlives its mount, and can have "
	"several:\n"
	"                     joins the server of that name, or starts it\n"
	"  max_threads=N      how many requests are worked at at once (64)\n"
	"  timeout=SECONDS    how long the kernel may believe what it keeps\n"
	"  remount            change the options of what is mounted\n"
	"\n"
	"Of an overlay of the host's directories, as fuse-overlayfs has them: "
	"lowerdir,\n"
	"upperdir, workdir, redirect_dir, metacopy, index, xino, volatile, "
	"userxattr,\n"
	"whiteouts, uidmapping, gidmapping, squash_to_root, squash_to_uid and "
	"_gid,\n"
	"static_nlink, noxattrs, noacl, fsync=0, threaded=0, owner=host|xattr"
	"\n";

/* How often, and for how long each time, one looks for a server that another
 * process is just making. */
#define LOOKS 500
#define LOOK_USEC 10000

/* The process that was started waits for a byte on this pipe, its exit status,
 * or for the other one's end: -1, it is this one. */
static int go_back(int *status_fd)
{
	unsigned char status = 1;
	int fds[2], ended;
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
		status = waitpid(pid, &ended, 0) == pid && WIFEXITED(ended)
				 ? (unsigned char)WEXITSTATUS(ended)
				 : 1;
	close(fds[0]);
	return status;
}

/* Joins a server, or becomes one; -1: it is this process's turn to serve. */
static int start(const struct options *options, int *status_fd)
{
	int err;

	if (options->server) {
		err = run_join(options);
		if (err != -ENOENT)
			return 1;
	}
	return options->foreground ? -1 : go_back(status_fd);
}

/* Returns the exit status. */
static int serve(const struct options *options)
{
	int status = RUN_EXISTS, i;

	for (i = 0; i < LOOKS && status == RUN_EXISTS; i++) {
		int status_fd = -1;

		if (i)
			usleep(LOOK_USEC);
		status = start(options, &status_fd);
		if (status < 0)
			status = run_server(options, status_fd);
		if (status_fd >= 0)
			return status;
	}
	if (status == RUN_EXISTS)
		fprintf(stderr,
			"vfs-fuse: server %s: it is there, and does not "
			"answer\n",
			options->server);
	return status == RUN_EXISTS ? 1 : status;
}

/* The mountpoint, wherever the process will stand; or /dev/fd/N, which is an
 * open /dev/fuse and no place. NULL: it is no directory, errno says why. */
static char *find_place(const char *mountpoint)
{
	struct stat st;
	char *place;

	if (!strncmp(mountpoint, "/dev/fd/", 8))
		return strdup(mountpoint);
	place = realpath(mountpoint, NULL);
	if (place && !stat(place, &st) && !S_ISDIR(st.st_mode)) {
		free(place);
		place = NULL;
		errno = ENOTDIR;
	}
	return place;
}

static int print(const struct options *options)
{
	if (options->help) {
		fputs(usage, stdout);
		return 0;
	}
	printf("vfs-fuse %d.%d.%d\n", VFS_VERSION_MAJOR, VFS_VERSION_MINOR,
	       VFS_VERSION_PATCH);
	printf("libfuse %s\n", fuse_pkgversion());
	return 0;
}

/* Whoever starts this may have closed these. Nothing that is opened is to be
 * taken for one of them, or replaced when the terminal is left. False: errno.
 */
static bool have_streams(void)
{
	int fd;

	do
		fd = open("/dev/null", O_RDWR);
	while (fd >= 0 && fd <= 2);
	if (fd < 0)
		return false;
	close(fd);
	return true;
}

/* Files that become known take memory for good. One arena grows by large steps;
 * those of threads grow by a page and a system call at a time. */
static void grow_by_large_steps(void)
{
	mallopt(M_ARENA_MAX, 1);
	mallopt(M_TOP_PAD, 1 << 20);
	mallopt(M_TRIM_THRESHOLD, 16 << 20);
}

int main(int argc, char **argv)
{
	struct options options;
	int status;
	char *place;

	grow_by_large_steps();
	if (!have_streams()) {
		perror("vfs-fuse: /dev/null");
		return 1;
	}
	if (options_parse(&options, argc, argv)) {
		options_free(&options);
		return 1;
	}
	if (options.help || options.version || options.stop) {
		status =
			options.stop ? run_stop(options.stop) : print(&options);
		options_free(&options);
		return status;
	}
	place = find_place(options.mountpoint);
	if (!place) {
		fprintf(stderr, "vfs-fuse: %s: %m\n", options.mountpoint);
		options_free(&options);
		return 1;
	}
	options.mountpoint = place;
	status = options.remount ? run_remount(&options) : serve(&options);
	options_free(&options);
	free(place);
	return status;
}
