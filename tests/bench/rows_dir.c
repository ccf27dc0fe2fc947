/* SPDX-License-Identifier: MIT */
/* Rows 5, 6, 9 and 16: directories, as they are changed, listed, walked. */
#include "bench.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#define MILLION 1000000
/* Names that a loop goes round; they stay in the cache, as names in use do. */
#define NAMES 1000

static void pair_run(struct bench *bench, int row, const char *name,
		     struct series s[2], double goal)
{
	series_run(bench, s, 2);
	report_pair(bench, row, name, s[0].out, s[1].out, goal);
}

static void fill(const struct side *side, const char *dir, const char *prefix,
		 uint64_t count)
{
	struct work work = {.fd = -1};
	char path[BENCH_PATH / 2];

	snprintf(path, sizeof(path), "%s/%s", dir, prefix);
	/* Another first letter than the names that come and go have. */
	work_names(side, &work, path, count + 1);
	memmove(work.tail - 1, work.tail, NAME_DIGITS + 1);
	work.tail--;
	side->ops->create(side, &work, count);
}

static void row_create(struct bench *bench, int row)
{
	struct work work[4] = {{.fd = -1}, {.fd = -1}, {.fd = -1}, {.fd = -1}};
	struct side own;
	struct series s[4] = {
		{.side = &bench->vfs, .work = &work[0]},
		{.side = &bench->kernel, .work = &work[1]},
		{.side = &own, .work = &work[2]},
		{.side = &own, .work = &work[3]},
	};
	size_t i;

	side_vfs_init(&own);
	own.ops->mkdir(&own, "large");
	fill(&own, "large", "f", MILLION);
	for (i = 0; i < 4; i++) {
		const char *dir = i == 3 ? "large" : "small";

		s[i].loop = s[i].side->ops->create_remove;
		if (i < 3) {
			s[i].side->ops->mkdir(s[i].side, dir);
			fill(s[i].side, dir, "f", 10);
		}
		work_names(s[i].side, s[i].work, dir, NAMES);
	}
	series_run(bench, s, 4);

	report_pair(bench, row, "create + close + unlink", s[0].out, s[1].out,
		    30);
	report_self(bench, row, "in a directory of 10", "ns",
		    output_pick(bench, s[2].out), GOAL_NONE, 0, NULL);
	report_self(bench, row, "in a directory of 1,000,000", "ns",
		    output_pick(bench, s[3].out), GOAL_NONE, 0, NULL);
	report_self(bench, row, "large directory against small", "x",
		    output_pick(bench, s[3].out) / output_pick(bench, s[2].out),
		    GOAL_AT_MOST, 1.15, NULL);
	for (i = 0; i < 2; i++)
		s[i].side->ops->remove_dir(s[i].side, "small");
	side_vfs_fini(&own);
}

static void row_rename(struct bench *bench, int row)
{
	struct work work[2] = {{.fd = -1}, {.fd = -1}};
	struct series s[2] = {
		{.side = &bench->vfs, .work = &work[0]},
		{.side = &bench->kernel, .work = &work[1]},
	};
	size_t i;

	for (i = 0; i < 2; i++) {
		const struct side *side = s[i].side;

		side->ops->mkdir(side, "names");
		fill(side, "names", "f", 10);
		side->ops->mkfile(side, "names/first-name", 0);
		side_path(side, work[i].path, "names/first-name");
		side_path(side, work[i].path2, "names/other-name");
		s[i].loop = side->ops->rename;
	}
	pair_run(bench, row, "rename in a directory", s, 25);
	for (i = 0; i < 2; i++) {
		s[i].loop = s[i].side->ops->mkdir_rmdir;
		s[i].rounds = 0;
		work_names(s[i].side, &work[i], "names", NAMES);
	}
	pair_run(bench, row, "mkdir + rmdir", s, 25);
	for (i = 0; i < 2; i++)
		s[i].side->ops->remove_dir(s[i].side, "names");
}

static void list_row(struct bench *bench, int row, uint64_t entries,
		     const char *name, const char *self, double goal,
		     double self_goal)
{
	struct work work[2] = {{.fd = -1}, {.fd = -1}};
	struct series s[2] = {
		{.side = &bench->vfs, .work = &work[0]},
		{.side = &bench->kernel, .work = &work[1]},
	};
	size_t i;

	for (i = 0; i < 2; i++) {
		const struct side *side = s[i].side;

		side->ops->mkdir(side, "list");
		fill(side, "list", "f", entries);
		work[i].fd =
			side->ops->open(side, "list", O_RDONLY | O_DIRECTORY);
		s[i].loop = side->ops->list;
		s[i].units = (double)entries;
	}
	pair_run(bench, row, name, s, goal);
	report_self(bench, row, self, "ns", output_pick(bench, s[0].out),
		    GOAL_AT_MOST, self_goal, NULL);
	for (i = 0; i < 2; i++) {
		s[i].side->ops->close(s[i].side, work[i].fd);
		s[i].side->ops->remove_dir(s[i].side, "list");
	}
}

static void row_list(struct bench *bench, int row)
{
	list_row(bench, row, 1000, "getdents, 1,000 entries, an entry",
		 "an entry of 1,000 itself", 30, 4);
	list_row(bench, row, 100000, "getdents, 100,000 entries, an entry",
		 "an entry of 100,000 itself", 27, 12);
}

#define TREE_DIRS 100
#define TREE_FILES 1000

static void tree_make(const struct side *side)
{
	char dir[BENCH_PATH / 4];
	int i;

	side->ops->mkdir(side, "tree");
	for (i = 0; i < TREE_DIRS; i++) {
		if (i % 10 == 0) {
			snprintf(dir, sizeof(dir), "tree/%d", i / 10);
			side->ops->mkdir(side, dir);
		}
		snprintf(dir, sizeof(dir), "tree/%d/sub-%d", i / 10, i);
		side->ops->mkdir(side, dir);
		fill(side, dir, "file", TREE_FILES);
	}
}

static void tree_remove(const struct side *side)
{
	char dir[BENCH_PATH / 4];
	int i;

	for (i = 0; i < TREE_DIRS; i++) {
		snprintf(dir, sizeof(dir), "tree/%d/sub-%d", i / 10, i);
		side->ops->remove_dir(side, dir);
		if (i % 10 == 9) {
			snprintf(dir, sizeof(dir), "tree/%d", i / 10);
			side->ops->remove_dir(side, dir);
		}
	}
	side->ops->remove_dir(side, "tree");
}

static void row_walk(struct bench *bench, int row)
{
	struct work work[2] = {{.fd = -1}, {.fd = -1}};
	struct series s[2] = {
		{.side = &bench->vfs, .work = &work[0], .whole = true},
		{.side = &bench->kernel, .work = &work[1], .whole = true},
	};
	size_t i;

	for (i = 0; i < 2; i++) {
		const struct side *side = s[i].side;

		tree_make(side);
		side_path(side, work[i].path, "tree");
		s[i].loop = side->ops->walk;
		side->ops->walk(side, &work[i], 1);
		s[i].units = (double)work[i].entries;
	}
	if (work[0].entries != work[1].entries)
		side_fail(&bench->vfs, "the walks saw different trees", 0);
	pair_run(bench, row, "walk of 100,000 files, an entry", s, 6);
	for (i = 0; i < 2; i++)
		tree_remove(s[i].side);
}

const struct benchmark rows_dir[] = {
	{5, "create + close + unlink", row_create},
	{6, "rename; mkdir + rmdir", row_rename},
	{9, "getdents, 1,000 and 100,000 entries", row_list},
	{16, "walk of a tree of 100,000 files", row_walk},
	{0, NULL, NULL},
};
