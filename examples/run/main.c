/* SPDX-License-Identifier: MIT */
/* vfs-run: the order of things, and the exit status. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "run.h"
#include "server.h"

static const char usage[] =
	"vfs-run: runs a program in the tree of an OCI bundle\n"
	"\n"
	"  vfs-run [OPTION...] BUNDLE [-- PROGRAM [ARGUMENT...]]\n"
	"\n"
	"  BUNDLE                  a directory with a config.json\n"
	"  PROGRAM [ARGUMENT...]   instead of the config's process.args\n"
	"\n"
	"  --overlay=memory        changes are in memory, and gone afterwards "
	"(default)\n"
	"  --overlay=DIRECTORY     changes are kept in DIRECTORY/upper\n"
	"  --overlay=none          the bundle's rootfs itself is changed\n"
	"  --diff                  print afterwards what was changed\n"
	"  --cache=kernel|none     what the kernel may keep: everything, or "
	"nothing\n"
	"  --strict                fields that OCI does not know are errors\n"
	"  -d, --debug             say more on stderr\n"
	"  -h, --help              this\n"
	"  -V, --version           the version\n"
	"\n"
	"The exit status is the program's, or 128 and the signal that killed "
	"it; 125\n"
	"when something else failed, 126 when the program cannot be run, 127 "
	"when it\n"
	"is not there.\n";

int run_fail(const char *format, ...)
{
	char line[1024];
	va_list args;

	va_start(args, format);
	vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	fprintf(stderr, "vfs-run: %s\n", line);
	return EXIT_RUN;
}

/* Errors are told by who called, with the message that the call gives. */
static void log_line(void *context, int32_t level, const char *message)
{
	const struct run *run = context;

	if (level == VFS_LOG_WARNING || (level > VFS_LOG_WARNING && run->debug))
		fprintf(stderr, "vfs-run: %s\n", message);
}

static int read_bundle(struct run *run)
{
	struct vfs_config config = {
		.size = sizeof(config), .log = log_line, .log_context = run};
	char why[512];
	int err = vfs_create(&config, &run->reader);

	if (err)
		return run_fail("%s", vfs_strerror(err));
	err = vfs_bundle_read(run->reader, run->directory,
			      run->strict ? VFS_BUNDLE_STRICT : 0, &run->config,
			      why, sizeof(why));
	if (!err)
		return 0;
	/* a line that is about a file has its path */
	if (!strncmp(why, run->directory, strlen(run->directory)))
		return run_fail("%s", why);
	return run_fail("%s: %s", run->directory, why);
}

/* So that nothing else is opened as one of them. */
static void fill_stdio(void)
{
	int fd;

	do
		fd = open("/dev/null", O_RDWR);
	while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd >= 0)
		close(fd);
}

static void remember_limits(struct run *run)
{
	int i;

	for (i = 0; i < RLIM_NLIMITS; i++)
		getrlimit((__rlimit_resource_t)i, &run->limits[i]);
}

/* From the tree to the program's end; its exit status, or that of a failure. */
static int run_bundle(struct run *run)
{
	int mount_fd = -1, status = run_load(run);

	if (!status)
		status = run_mount(run, &mount_fd);
	if (status)
		return status;
	run_hold_signals(run);
	/* before there is a second thread */
	status = run_init(run, mount_fd);
	close(mount_fd);
	if (status)
		return status;
	status = run_serve(run);
	if (!status)
		status = run_go(run);
	/* a process 1 that was not told to go ends */
	if (status) {
		close(run->socket);
		run->socket = -1;
		run_watch(run);
	} else {
		status = run_watch(run);
	}
	run_serve_end(run);
	return status;
}

int main(int argc, char **argv)
{
	struct run run = {.cache = CACHE_KERNEL, .socket = -1, .fuse_fd = -1};
	int status = run_options(&run, argc, argv), diff = 0;

	if (status)
		return status;
	if (run.help) {
		fputs(usage, stdout);
		return 0;
	}
	if (run.version) {
		printf("vfs-run %d.%d.%d\n", VFS_VERSION_MAJOR,
		       VFS_VERSION_MINOR, VFS_VERSION_PATCH);
		return 0;
	}
	fill_stdio();
	/* who has it ignored is told of no child's end */
	signal(SIGCHLD, SIG_DFL);
	remember_limits(&run);
	status = read_bundle(&run);
	if (!status)
		status = run_plan(&run);
	if (!status)
		status = run_identity(&run);
	if (!status) {
		server_raise_limits();
		status = run_bundle(&run);
		if (run.diff && run.bundle)
			diff = run_diff(&run);
	}
	vfs_bundle_free(run.bundle);
	server_destroy(run.server);
	run_plan_free(&run);
	vfs_bundle_spec_free(run.config);
	vfs_unref(run.reader);
	return diff ? diff : status;
}
