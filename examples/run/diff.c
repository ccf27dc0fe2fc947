/* SPDX-License-Identifier: MIT */
/*
 * What was changed, a line for each name: a letter, the path, and for a
 * directory that was renamed where it was. Contract: run.h.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "run.h"
#include "server.h"

/* The letters of vfsh's diff. */
static char letter_of(uint32_t kind)
{
	switch (kind) {
	case VFS_OVERLAY_ADDED:
		return 'A';
	case VFS_OVERLAY_METADATA:
		return 'T';
	case VFS_OVERLAY_DELETED:
		return 'D';
	case VFS_OVERLAY_REPLACED:
		return 'X';
	case VFS_OVERLAY_RENAMED:
		return 'R';
	default:
		return 'M';
	}
}

/* A name stays on its line, and what is no text can be told. */
static void print_name(const char *name)
{
	for (; *name; name++) {
		unsigned char c = (unsigned char)*name;

		if (c < ' ' || c == 0x7f || c == '\\')
			printf("\\%03o", c);
		else
			putchar(c);
	}
}

static void print_change(const struct vfs_overlay_change *change)
{
	printf("%c /", letter_of(change->kind));
	print_name(change->path);
	if (change->from) {
		fputs(" <- ", stdout);
		print_name(change->from);
	}
	putchar('\n');
}

int run_diff(struct run *run)
{
	const struct vfs_overlay_change *change;
	struct vfs_overlay_diff *diff;
	int more, err;

	err = vfs_overlay_diff(run->server->root, AT_FDCWD, "/", &diff);
	if (!err) {
		while ((more = vfs_overlay_diff_next(diff, &change)) > 0)
			print_change(change);
		err = more;
		vfs_overlay_diff_close(diff);
	}
	if (!err && fflush(stdout))
		err = -errno;
	return err ? run_fail("--diff: %s", vfs_strerror(err)) : 0;
}
