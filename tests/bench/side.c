/* SPDX-License-Identifier: MIT */
/* What both sides share. */
#include "side.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void side_path(const struct side *side, char *out, const char *path)
{
	int length = snprintf(out, BENCH_PATH, "%s%s", side->prefix, path);

	if (length < 0 || length >= BENCH_PATH) {
		fprintf(stderr, "vfs-bench: path too long: %s\n", path);
		exit(1);
	}
}

void work_names(const struct side *side, struct work *work, const char *dir,
		uint64_t count)
{
	char path[BENCH_PATH];

	snprintf(path, sizeof(path), "%s/%0*d", dir, NAME_DIGITS, 0);
	side_path(side, work->path, path);
	work->tail = work->path + strlen(work->path) - NAME_DIGITS;
	work->name_count = count;
	work->name_next = 0;
}

void side_fail(const struct side *side, const char *what, int64_t error)
{
	fprintf(stderr, "vfs-bench: %s: %s: %s\n", side->name, what,
		error < 0 ? strerror((int)-error) : "unexpected success");
	exit(1);
}
