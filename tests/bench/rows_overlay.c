/* SPDX-License-Identifier: MIT */
/* Rows 13 to 15: overlay over tmpfs. Where the kernel's side may not mount one,
 * libvfs is measured alone. */
#include "bench.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LAYERS 16
#define FILES 10000 /* of a listing, in each of two layers */
#define COPIES 512  /* small files copied up in a batch */
#define SMALL 4096
#define LARGE ((size_t)64 << 20)
#define DEPTH_DIR "one/two/three"
#define DEPTH_PATH DEPTH_DIR "/file"

static void must(const struct side *side, int error)
{
	if (error < 0)
		side_fail(side, "overlay", error);
}

/* In a directory that is there. */
static void make_file_in(const struct side *side, const char *top)
{
	static const char *const dirs[] = {"/one", "/one/two", ("/" DEPTH_DIR)};
	char path[BENCH_PATH / 2];

	for (size_t i = 0; i < 3; i++) {
		snprintf(path, sizeof(path), "%s%s", top, dirs[i]);
		side->ops->mkdir(side, path);
	}
	snprintf(path, sizeof(path), "%s/" DEPTH_PATH, top);
	side->ops->mkfile(side, path, SMALL);
}

static void make_file(const struct side *side, const char *top)
{
	side->ops->mkdir(side, top);
	make_file_in(side, top);
}

/* A directory `top` with up, wk and on in it, for layers that are elsewhere. */
static void make_places(const struct side *side, const char *top)
{
	static const char *const names[] = {"", "/up", "/wk", "/on"};
	char path[BENCH_PATH / 2];

	for (size_t i = 0; i < 4; i++) {
		snprintf(path, sizeof(path), "%s%s", top, names[i]);
		side->ops->mkdir(side, path);
	}
}

static int mount_on(const struct side *side, const char *top,
		    const char *const *lower, size_t count)
{
	char up[BENCH_PATH / 2], work[BENCH_PATH / 2], on[BENCH_PATH / 2];

	snprintf(up, sizeof(up), "%s/up", top);
	snprintf(work, sizeof(work), "%s/wk", top);
	snprintf(on, sizeof(on), "%s/on", top);
	return side->ops->overlay(side, lower, count, up, work, on);
}

/* Whether the kernel's side can. */
static bool kernel_can(struct bench *bench)
{
	const struct side *side = &bench->kernel;
	const char *lower = "probe/low";

	if (bench->overlay)
		return bench->overlay > 0;
	make_places(side, "probe");
	side->ops->mkdir(side, lower);
	bench->overlay = mount_on(side, "probe", &lower, 1) < 0 ? -1 : 1;
	if (bench->overlay > 0)
		side->ops->umount(side, "probe/on");
	return bench->overlay > 0;
}

/* ---- row 13 ---- */

/* The file is in the lowest of count layers. */
static void stat_tree(const struct side *side, const char *top, size_t count)
{
	char paths[LAYERS][BENCH_PATH / 4];
	const char *lower[LAYERS];

	make_places(side, top);
	for (size_t i = 0; i < count; i++) {
		snprintf(paths[i], sizeof(paths[i]), "%s/l%zu", top, i);
		lower[i] = paths[i];
		if (i + 1 < count)
			side->ops->mkdir(side, paths[i]);
		else
			make_file(side, paths[i]);
	}
	must(side, mount_on(side, top, lower, count));
}

static void row_stat(struct bench *bench, int row)
{
	struct work work[4] = {{.fd = -1}, {.fd = -1}, {.fd = -1}, {.fd = -1}};
	struct side own;
	struct series s[4] = {
		{.side = &own, .work = &work[0]},
		{.side = &own, .work = &work[1]},
		{.side = &own, .work = &work[2]},
		{.side = &bench->kernel, .work = &work[3]},
	};
	bool both;

	side_vfs_init(&own);
	own.ops->mkdir(&own, "plain");
	own.ops->mkdir(&own, "plain/on");
	own.ops->mount(&own, "bench", "plain/on", "tmpfs", 0);
	make_file_in(&own, "plain/on");
	stat_tree(&own, "one", 1);
	stat_tree(&own, "many", LAYERS);
	side_path(&own, work[0].path, "one/on/" DEPTH_PATH);
	side_path(&own, work[1].path, "plain/on/" DEPTH_PATH);
	side_path(&own, work[2].path, "many/on/" DEPTH_PATH);
	both = kernel_can(bench);
	if (both) {
		stat_tree(&bench->kernel, "one", 1);
		side_path(&bench->kernel, work[3].path, "one/on/" DEPTH_PATH);
	}
	for (size_t i = 0; i < 4; i++)
		s[i].loop = s[i].side->ops->stat_hit;
	series_run(bench, s, both ? 4 : 3);
	report_pair(bench, row, "overlay: stat of a lower file, depth 4",
		    s[0].out, s[3].out, both ? 25 : 0);
	report_self(bench, row, "against our tmpfs, as deep", "x",
		    output_pick(bench, s[0].out) / output_pick(bench, s[1].out),
		    GOAL_AT_MOST, 1.10, NULL);
	report_self(bench, row, "16 lower layers against 1", "x",
		    output_pick(bench, s[2].out) / output_pick(bench, s[0].out),
		    GOAL_AT_MOST, 1.02, NULL);
	side_vfs_fini(&own);
}

/* ---- row 14 ---- */

static void fill(const struct side *side, const char *dir, const char *prefix)
{
	struct work work = {.fd = -1};
	char path[BENCH_PATH / 2];

	snprintf(path, sizeof(path), "%s/%s", dir, prefix);
	work_names(side, &work, path, FILES + 1);
	/* the slash before the digits goes: they belong to the name */
	memmove(work.tail - 1, work.tail, NAME_DIGITS + 1);
	work.tail--;
	side->ops->create(side, &work, FILES);
}

static const char *const list_lower = "list/low";

/* Nothing is known of the directory. */
static void list_afresh(struct series *s)
{
	s->side->ops->close(s->side, s->work->fd);
	s->side->ops->umount(s->side, "list/on");
	must(s->side, mount_on(s->side, "list", &list_lower, 1));
	s->work->fd =
		s->side->ops->open(s->side, "list/on", O_RDONLY | O_DIRECTORY);
}

static void list_tree(const struct side *side, struct work *work)
{
	make_places(side, "list");
	side->ops->mkdir(side, list_lower);
	fill(side, list_lower, "l");
	fill(side, "list/up", "u");
	must(side, mount_on(side, "list", &list_lower, 1));
	work->fd = side->ops->open(side, "list/on", O_RDONLY | O_DIRECTORY);
}

static void row_list(struct bench *bench, int row)
{
	struct work work[3] = {{.fd = -1}, {.fd = -1}, {.fd = -1}};
	struct side own;
	struct series s[3] = {
		{.side = &own, .work = &work[0], .whole = true},
		{.side = &bench->kernel, .work = &work[1], .whole = true},
		{.side = &own, .work = &work[2]},
	};
	bool both = kernel_can(bench);

	side_vfs_init(&own);
	list_tree(&own, &work[0]);
	if (both)
		list_tree(&bench->kernel, &work[1]);
	for (size_t i = 0; i < 2; i++) {
		s[i].loop = s[i].side->ops->list;
		s[i].units = 2 * FILES;
		s[i].before = list_afresh;
	}
	series_run(bench, s, both ? 2 : 1);
	report_pair(bench, row, "overlay: merged listing, first, an entry",
		    s[0].out, s[1].out, both ? 10 : 0);
	report_self(bench, row, "an entry of the first listing itself", "ns",
		    output_pick(bench, s[0].out), GOAL_AT_MOST, 70, NULL);
	/* and as many in one directory of ours */
	own.ops->mkdir(&own, "plain");
	fill(&own, "plain", "l");
	fill(&own, "plain", "u");
	work[2].fd = own.ops->open(&own, "plain", O_RDONLY | O_DIRECTORY);
	s[2].loop = own.ops->list;
	s[2].units = 2 * FILES;
	for (size_t i = 0; i < 2; i++) {
		s[i].before = NULL;
		s[i].whole = false;
		s[i].rounds = 0;
	}
	if (!both)
		s[1] = s[2];
	series_run(bench, s, both ? 3 : 2);
	report_pair(bench, row, "overlay: merged listing, again, an entry",
		    s[0].out, both ? s[1].out : (struct timing){0, 0},
		    both ? 10 : 0);
	report_self(bench, row, "against our tmpfs", "x",
		    output_pick(bench, s[0].out) /
			    output_pick(bench, s[both ? 2 : 1].out),
		    GOAL_AT_MOST, 1.2, NULL);
	if (both) {
		bench->kernel.ops->close(&bench->kernel, work[1].fd);
		bench->kernel.ops->umount(&bench->kernel, "list/on");
	}
	own.ops->close(&own, work[2].fd);
	own.ops->close(&own, work[0].fd);
	side_vfs_fini(&own);
}

/* ---- row 15 ---- */

/* Everything is lower's again, and its names are known. */
static void copies_afresh(struct series *s, const char *top, const char *lower,
			  uint64_t count)
{
	const struct side *side = s->side;
	char on[BENCH_PATH / 2], up[BENCH_PATH / 2];
	struct work names;

	snprintf(on, sizeof(on), "%s/on", top);
	snprintf(up, sizeof(up), "%s/up", top);
	side->ops->umount(side, on);
	side->ops->remove_dir(side, up);
	side->ops->mkdir(side, up);
	must(side, mount_on(side, top, &lower, 1));
	work_names(side, s->work, on, count);
	names = *s->work;
	names.tail = names.path + (s->work->tail - s->work->path);
	while (count--) {
		side->ops->stat_hit(side, &names, 1);
		name_step(&names);
	}
}

static void small_afresh(struct series *s)
{
	copies_afresh(s, "small", "small/low", COPIES);
}

static void large_afresh(struct series *s)
{
	copies_afresh(s, "large", "large/low", 1);
}

static void loop_small(const struct side *side, struct work *work,
		       uint64_t count)
{
	while (count--)
		side->ops->open_write(side, work, COPIES);
}

static void copies_tree(const struct side *side, const char *top,
			uint64_t count, size_t size)
{
	char lower[BENCH_PATH / 4], name[BENCH_PATH / 2];
	const char *layer = lower;

	make_places(side, top);
	snprintf(lower, sizeof(lower), "%s/low", top);
	side->ops->mkdir(side, lower);
	for (uint64_t i = 0; i < count; i++) {
		snprintf(name, sizeof(name), "%s/%0*llu", lower, NAME_DIGITS,
			 (unsigned long long)i);
		side->ops->mkfile(side, name, size);
	}
	must(side, mount_on(side, top, &layer, 1));
}

static void loop_memcpy(const struct side *side, struct work *work,
			uint64_t count)
{
	(void)side;
	while (count--) {
		memcpy(work->buffer, (char *)work->buffer + LARGE, LARGE);
		__asm__ volatile("" : : "r"(work->buffer) : "memory");
	}
}

static void copy_row(struct bench *bench, int row, const char *top,
		     const char *name, struct series s[2], double goal)
{
	bool both = kernel_can(bench);

	for (size_t i = 0; i < (both ? 2 : 1); i++)
		copies_tree(s[i].side, top, s[i].units > 1 ? COPIES : 1,
			    s[i].units > 1 ? SMALL : LARGE);
	series_run(bench, s, both ? 2 : 1);
	report_pair(bench, row, name, s[0].out,
		    both ? s[1].out : (struct timing){0, 0}, both ? goal : 0);
	if (both) {
		char on[BENCH_PATH / 2];

		snprintf(on, sizeof(on), "%s/on", top);
		bench->kernel.ops->umount(&bench->kernel, on);
	}
}

static void row_copy_up(struct bench *bench, int row)
{
	struct work work[3] = {{.fd = -1}, {.fd = -1}, {.fd = -1}};
	struct side own;
	struct series small[2] = {
		{.side = &own, .work = &work[0]},
		{.side = &bench->kernel, .work = &work[1]},
	};
	struct series large[2] = {
		{.side = &own, .work = &work[0]},
		{.side = &bench->kernel, .work = &work[1]},
	};
	struct series copy = {.loop = loop_memcpy, .work = &work[2]};

	side_vfs_init(&own);
	for (size_t i = 0; i < 2; i++) {
		small[i].whole = large[i].whole = true;
		small[i].before = small_afresh;
		large[i].before = large_afresh;
		small[i].loop = loop_small;
		large[i].loop = large[i].side->ops->open_write;
		small[i].units = COPIES;
		large[i].units = 1;
	}
	copy_row(bench, row, "small", "overlay: copy-up of 4 KiB", small, 30);
	copy_row(bench, row, "large", "overlay: copy-up of 64 MiB", large, 4);
	work[2].buffer = malloc(2 * LARGE);
	if (!work[2].buffer)
		side_fail(&own, "memory", -12);
	memset(work[2].buffer, 1, 2 * LARGE);
	series_run(bench, &copy, 1);
	free(work[2].buffer);
	report_self(bench, row, "64 MiB against a memcpy of as much", "x",
		    output_pick(bench, large[0].out) /
			    output_pick(bench, copy.out),
		    GOAL_AT_MOST, 0.10, NULL);
	side_vfs_fini(&own);
}

const struct benchmark rows_overlay[] = {
	{13, "overlay: stat of a lower file", row_stat},
	{14, "overlay: merged listing, 10,000 + 10,000", row_list},
	{15, "overlay: copy-up", row_copy_up},
	{0, NULL, NULL},
};
