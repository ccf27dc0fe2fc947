/* SPDX-License-Identifier: MIT */
/* Rows 1 to 4: paths that are known, and descriptors. */
#include "bench.h"

#include <fcntl.h>
#include <string.h>

#define DEPTH 8

/* What a path costs for each name more. */
static void report_step(struct bench *bench, int row, const char *name,
			double deep, double flat, double goal)
{
	double step = (deep - flat) / (DEPTH - 1);

	/* Flat is better than anything that could be printed as a slope. */
	report_self(bench, row, name, "ns", step > 0.01 ? step : 0.01,
		    GOAL_AT_MOST, goal, NULL);
}

static void row_stat(struct bench *bench, int row)
{
	struct side walking;
	struct work deep_walk = {.fd = -1}, deep_kernel = {.fd = -1};
	struct work deep_vfs = {.fd = -1}, flat_vfs = {.fd = -1};
	struct series s[4] = {
		{.side = &walking, .work = &deep_walk},
		{.side = &bench->kernel, .work = &deep_kernel},
		{.side = &bench->vfs, .work = &deep_vfs},
		{.side = &walking, .work = &flat_vfs},
	};
	double flat;
	size_t i;

	side_vfs_init_walking(&walking);
	deep_tree(&walking);
	side_path(&walking, deep_walk.path, DEEP_PATH);
	side_path(&bench->vfs, deep_vfs.path, DEEP_PATH);
	side_path(&bench->kernel, deep_kernel.path, DEEP_PATH);
	side_path(&walking, flat_vfs.path, "hotel.txt");
	for (i = 0; i < 4; i++)
		s[i].loop = s[i].side->ops->stat_hit;
	series_run(bench, s, 4);

	report_pair(bench, row, "stat, depth 8, by walking", s[0].out, s[1].out,
		    15);
	report_pair(bench, row, "stat, depth 8, with path memory", s[2].out,
		    s[1].out, 30);
	flat = output_pick(bench, s[3].out);
	report_self(bench, row, "stat, depth 1", "ns", flat, GOAL_NONE, 0,
		    NULL);
	report_step(bench, row, "a component more, by walking",
		    output_pick(bench, s[0].out), flat, 9);
	report_step(bench, row, "a component more, with path memory",
		    output_pick(bench, s[2].out), flat, 2.5);
	side_vfs_fini(&walking);
}

static void row_miss(struct bench *bench, int row)
{
	struct work miss_vfs = {.fd = -1}, miss_kernel = {.fd = -1};
	struct work hit_vfs = {.fd = -1};
	struct series s[3] = {
		{.side = &bench->vfs, .work = &miss_vfs},
		{.side = &bench->kernel, .work = &miss_kernel},
		{.side = &bench->vfs, .work = &hit_vfs},
	};

	side_path(&bench->vfs, miss_vfs.path, DEEP_MISSING);
	side_path(&bench->kernel, miss_kernel.path, DEEP_MISSING);
	side_path(&bench->vfs, hit_vfs.path, DEEP_PATH);
	s[0].loop = bench->vfs.ops->stat_miss;
	s[1].loop = bench->kernel.ops->stat_miss;
	s[2].loop = bench->vfs.ops->stat_hit;
	series_run(bench, s, 3);

	report_pair(bench, row, "stat of a missing name, depth 8", s[0].out,
		    s[1].out, 25);
	report_self(bench, row, "a miss against our own hit", "x",
		    output_pick(bench, s[0].out) / output_pick(bench, s[2].out),
		    GOAL_AT_MOST, 1.05, NULL);
}

static void row_open(struct bench *bench, int row)
{
	struct work work_vfs = {.fd = -1}, work_kernel = {.fd = -1};
	struct series s[2] = {
		{.side = &bench->vfs, .work = &work_vfs},
		{.side = &bench->kernel, .work = &work_kernel},
	};
	int tries = 60;

	side_path(&bench->vfs, work_vfs.path, DEEP_PATH);
	side_path(&bench->kernel, work_kernel.path, DEEP_PATH);
	s[0].loop = bench->vfs.ops->open_close;
	s[1].loop = bench->kernel.ops->open_close;
	series_run(bench, s, 2);

	report_pair(bench, row, "open + close, depth 8", s[0].out, s[1].out,
		    18);
	report_self(bench, row, "lowest free descriptor", "of 20",
		    bench->vfs.ops->lowest_fd(&bench->vfs, DEEP_PATH, tries),
		    GOAL_AT_LEAST, tries / 3, NULL);
}

static void fstat_or_lseek(struct bench *bench, int row, bool seek)
{
	struct work work_vfs = {.fd = -1}, work_kernel = {.fd = -1};
	struct series s[2] = {
		{.side = &bench->vfs, .work = &work_vfs},
		{.side = &bench->kernel, .work = &work_kernel},
	};
	size_t i;

	for (i = 0; i < 2; i++) {
		s[i].work->fd =
			s[i].side->ops->open(s[i].side, DEEP_PATH, O_RDONLY);
		s[i].loop =
			seek ? s[i].side->ops->lseek : s[i].side->ops->fstat;
	}
	series_run(bench, s, 2);
	report_pair(bench, row, seek ? "lseek" : "fstat", s[0].out, s[1].out,
		    seek ? 25 : 50);
	report_self(bench, row, seek ? "lseek itself" : "fstat itself", "ns",
		    output_pick(bench, s[0].out), GOAL_AT_MOST, seek ? 5 : 6.5,
		    NULL);
	for (i = 0; i < 2; i++)
		s[i].side->ops->close(s[i].side, s[i].work->fd);
}

static void row_fstat(struct bench *bench, int row)
{
	fstat_or_lseek(bench, row, false);
}

static void row_lseek(struct bench *bench, int row)
{
	fstat_or_lseek(bench, row, true);
}

void deep_tree(struct side *side)
{
	char path[BENCH_PATH] = DEEP_DIR;
	char *p;

	for (p = path; *p; p++) {
		if (*p != '/')
			continue;
		*p = '\0';
		side->ops->mkdir(side, path);
		*p = '/';
	}
	side->ops->mkdir(side, DEEP_DIR);
	side->ops->mkfile(side, DEEP_PATH, 4096);
	side->ops->mkfile(side, "hotel.txt", 4096);
}

const struct benchmark rows_path[] = {
	{1, "stat, depth 8", row_stat},
	{2, "stat of a missing name, depth 8", row_miss},
	{3, "open + close, depth 8", row_open},
	{4, "fstat", row_fstat},
	{4, "lseek", row_lseek},
	{0, NULL, NULL},
};
