/* SPDX-License-Identifier: MIT */
/* Row 19: the mount tree. Where the kernel's side may not mount, libvfs is
 * measured alone. */
#include "bench.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>

#define FEW 10
#define THOUSAND 1000
#define MANY 10000
#define CROSSED 4

/* ---- across mounts ---- */

/* The deep path again, below `top`, every second directory of it a mount. */
static void crossing_tree(struct side *side, const char *top, bool mounts)
{
	char path[BENCH_PATH];
	size_t depth = 0, length;
	const char *p = DEEP_DIR;

	side->ops->mkdir(side, top);
	length = (size_t)snprintf(path, sizeof(path), "%s", top);
	while (*p) {
		size_t n = strcspn(p, "/");

		length += (size_t)snprintf(path + length, sizeof(path) - length,
					   "/%.*s", (int)n, p);
		p += n + (p[n] == '/');
		side->ops->mkdir(side, path);
		if (mounts && ++depth % 2 && depth / 2 < CROSSED)
			side->ops->mount(side, "bench", path, "tmpfs", 0);
	}
	snprintf(path + length, sizeof(path) - length, "%s",
		 strrchr(DEEP_PATH, '/'));
	side->ops->mkfile(side, path, 4096);
}

static void row_crossing(struct bench *bench, int row)
{
	struct work across = {.fd = -1}, plain = {.fd = -1};
	struct side own;
	struct series s[2] = {
		{.side = &own, .work = &across},
		{.side = &own, .work = &plain},
	};

	side_vfs_init(&own);
	crossing_tree(&own, "across", true);
	crossing_tree(&own, "plain", false);
	side_path(&own, across.path, "across/" DEEP_PATH);
	side_path(&own, plain.path, "plain/" DEEP_PATH);
	s[0].loop = s[1].loop = own.ops->stat_hit;
	series_run(bench, s, 2);
	report_self(bench, row, "stat through 4 mounts", "ns",
		    output_pick(bench, s[0].out), GOAL_NONE, 0, NULL);
	report_self(bench, row, "as deep in one mount", "ns",
		    output_pick(bench, s[1].out), GOAL_NONE, 0, NULL);
	report_self(bench, row, "4 mounts against none", "x",
		    output_pick(bench, s[0].out) / output_pick(bench, s[1].out),
		    GOAL_AT_MOST, 1.3, NULL);
	side_vfs_fini(&own);
}

/* ---- many mounts ---- */

static void bind_many(const struct side *side, const char *dir, int count)
{
	char path[BENCH_PATH], from[BENCH_PATH];

	snprintf(path, sizeof(path), "%s/from", dir);
	side->ops->mkdir(side, dir);
	side->ops->mkdir(side, path);
	strcpy(from, path);
	strcat(path, "/file");
	side->ops->mkfile(side, path, 0);
	for (int i = 0; i < count; i++) {
		snprintf(path, sizeof(path), "%s/%d", dir, i);
		side->ops->mkdir(side, path);
		side->ops->mount(side, from, path, NULL, MS_BIND);
	}
}

static void row_many(struct bench *bench, int row)
{
	struct work few = {.fd = -1}, many = {.fd = -1};
	struct side sides[2];
	struct series s[2] = {
		{.side = &sides[0], .work = &few},
		{.side = &sides[1], .work = &many},
	};
	char path[BENCH_PATH];

	for (int i = 0; i < 2; i++) {
		int count = i ? MANY : FEW;

		side_vfs_init(&sides[i]);
		bind_many(&sides[i], "b", count);
		snprintf(path, sizeof(path), "b/%d/file", count - 1);
		side_path(&sides[i], s[i].work->path, path);
		s[i].loop = sides[i].ops->stat_hit;
	}
	series_run(bench, s, 2);
	report_self(bench, row, "stat in the last of 10,000 mounts", "ns",
		    output_pick(bench, s[1].out), GOAL_NONE, 0, NULL);
	report_self(bench, row, "10,000 mounts against 10", "x",
		    output_pick(bench, s[1].out) / output_pick(bench, s[0].out),
		    GOAL_AT_MOST, 1.15, NULL);
	side_vfs_fini(&sides[0]);
	side_vfs_fini(&sides[1]);
}

/* ---- changing the tree ---- */

/* Whether the kernel's side may mount; undone again. */
static bool kernel_mounts(struct bench *bench)
{
	const struct side *kernel = &bench->kernel;

	if (kernel->ops->try_mount(kernel, "from", "to", NULL, MS_BIND))
		return false;
	kernel->ops->umount(kernel, "to");
	return true;
}

static void row_bind(struct bench *bench, int row)
{
	struct work work[2] = {{.fd = -1}, {.fd = -1}};
	struct series s[2] = {
		{.side = &bench->vfs, .work = &work[0]},
		{.side = &bench->kernel, .work = &work[1]},
	};
	size_t sides = 2;

	for (size_t i = 0; i < 2; i++) {
		s[i].side->ops->mkdir(s[i].side, "from");
		s[i].side->ops->mkdir(s[i].side, "to");
		side_path(s[i].side, work[i].path, "from");
		side_path(s[i].side, work[i].path2, "to");
		s[i].loop = s[i].side->ops->bind_umount;
	}
	if (!kernel_mounts(bench))
		sides = 1;
	series_run(bench, s, sides);
	if (sides == 2)
		report_pair(bench, row, "bind + umount", s[0].out, s[1].out, 0);
	else
		report_self(bench, row, "bind + umount", "ns",
			    output_pick(bench, s[0].out), GOAL_NONE, 0, NULL);
	for (size_t i = 0; i < 2; i++) {
		s[i].side->ops->remove_dir(s[i].side, "from");
		s[i].side->ops->remove_dir(s[i].side, "to");
	}
}

static void row_unshare(struct bench *bench, int row)
{
	struct work work = {.fd = -1};
	struct side own;
	struct series s[1] = {{.side = &own, .work = &work}};

	side_vfs_init(&own);
	bind_many(&own, "b", THOUSAND);
	s[0].loop = own.ops->unshare_mounts;
	series_run(bench, s, 1);
	report_self(bench, row, "a copy of a namespace with 1,000 mounts", "ns",
		    output_pick(bench, s[0].out), GOAL_NONE, 0, NULL);
	side_vfs_fini(&own);
}

const struct benchmark rows_mounts[] = {
	{19, "stat across mounts", row_crossing},
	{19, "stat among many mounts", row_many},
	{19, "bind + umount", row_bind},
	{19, "copy of a mount namespace", row_unshare},
	{0, NULL, NULL},
};
