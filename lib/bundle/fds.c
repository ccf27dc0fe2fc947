/* SPDX-License-Identifier: MIT */
/*
 * Descriptors 0, 1 and 2: duplicates of the host's, which the library owns, or
 * one terminal behind all three. Contract: fds.h.
 */
#include "fds.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <vfs/file.h>
#include <vfs/import.h>

#define COUNT 3

/* A duplicate of host_fd behind descriptor number of the task. */
static int import(struct bundle_load *b, int host_fd, int number)
{
	int fd, copy, err = vfs_fault(b->report.vfs, "fcntl");

	if (err)
		return err;
	copy = fcntl(host_fd, F_DUPFD_CLOEXEC, 0);
	if (copy < 0)
		return -errno;
	fd = vfs_import_fd(b->task, copy, 0);
	if (fd < 0) {
		close(copy);
		return fd;
	}
	if (fd == number)
		return 0;
	/* those below are not given */
	err = vfs_dup2(b->task, fd, number);
	vfs_close(b->task, fd);
	return err < 0 ? err : 0;
}

static int set_size(struct bundle_load *b, int host_fd)
{
	const struct vfs_bundle_spec *spec = b->spec;
	const struct winsize size = {
		.ws_row = (unsigned short)spec->console_rows,
		.ws_col = (unsigned short)spec->console_columns};
	int err;

	if (!size.ws_row || !size.ws_col)
		return 0;
	err = vfs_fault(b->report.vfs, "ioctl");
	if (!err && ioctl(host_fd, TIOCSWINSZ, &size))
		err = -errno;
	return err;
}

static int import_terminal(struct bundle_load *b)
{
	int host_fd = b->spec->stdio[0], err;

	if (!isatty(host_fd))
		return bundle_fail(&b->report, -ENOTTY, "descriptor %d",
				   host_fd);
	err = set_size(b, host_fd);
	if (!err)
		err = import(b, host_fd, 0);
	for (int i = 1; !err && i < COUNT; i++) {
		err = vfs_dup2(b->task, 0, i);
		err = err < 0 ? err : 0;
	}
	return err ? bundle_fail(&b->report, err, "descriptor %d", host_fd) : 0;
}

int bundle_import_stdio(struct bundle_load *b)
{
	const struct vfs_bundle_spec *spec = b->spec;
	int err = 0;

	if (!(spec->flags & VFS_BUNDLE_STDIO))
		return 0;
	bundle_where(&b->report, "/process/terminal");
	if (spec->flags & VFS_BUNDLE_TERMINAL)
		return import_terminal(b);
	for (int i = 0; !err && i < COUNT; i++) {
		if (spec->stdio[i] < 0)
			continue;
		bundle_where(&b->report, "/stdio/%d", i);
		err = import(b, spec->stdio[i], i);
		if (err)
			err = bundle_fail(&b->report, err, "descriptor %d",
					  spec->stdio[i]);
	}
	return err;
}
