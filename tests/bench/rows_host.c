/* SPDX-License-Identifier: MIT */
/* Row 17: hostfs on the kernel's tree, against the kernel itself. */
#include "bench.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <vfs/hostfs.h>
#include <vfs/sys/backend.h>
#include <vfs/vfs.h>

#define FILE_NAME "host.bin"
#define BLOCK 4096
/* DEEP_PATH's, and the mount's root before them. */
#define COMPONENTS 9

/* A side whose root is the kernel's tree, seen through hostfs. */
static void host_side(struct side *side, const char *options)
{
	const struct vfs_filesystem_type *types[] = {&vfs_hostfs_type};
	struct vfs_config config = {
		.size = sizeof(config),
		.root_type = "hostfs",
		.root_source = ".",
		.root_options = options,
		.types = types,
		.type_count = 1,
	};
	int err;

	side_vfs_init(side);
	side->name = "hostfs";
	vfs_task_unref(side->task);
	vfs_unref(side->vfs);
	side->task = NULL;
	side->vfs = NULL;
	err = vfs_create(&config, &side->vfs);
	if (!err)
		err = vfs_task_create(side->vfs, NULL, &side->task);
	if (err)
		side_fail(side, "mount hostfs", err);
}

static void transfer(struct bench *bench, int row, bool write)
{
	struct work work[2] = {{.fd = -1}, {.fd = -1}};
	struct side own;
	struct series s[2] = {
		{.side = &own, .work = &work[0]},
		{.side = &bench->kernel, .work = &work[1]},
	};
	void *buffer = calloc(1, BLOCK);

	host_side(&own, "cache=exclusive");
	if (!buffer)
		side_fail(&own, "memory", -ENOMEM);
	bench->kernel.ops->mkfile(&bench->kernel, FILE_NAME, BLOCK);
	for (int i = 0; i < 2; i++) {
		const struct side *side = s[i].side;

		work[i].fd = side->ops->open(side, FILE_NAME, O_RDWR);
		work[i].buffer = buffer;
		work[i].size = BLOCK;
		s[i].loop = write ? side->ops->pwrite : side->ops->pread;
	}
	series_run(bench, s, 2);
	report_pair(bench, row,
		    write ? "hostfs: pwrite 4 KiB" : "hostfs: pread 4 KiB",
		    s[0].out, s[1].out, 0);
	report_self(bench, row,
		    write ? "pwrite against the raw call"
			  : "pread against the raw call",
		    "x",
		    output_pick(bench, s[0].out) / output_pick(bench, s[1].out),
		    GOAL_AT_MOST, 1.15, NULL);
	for (int i = 0; i < 2; i++)
		s[i].side->ops->close(s[i].side, work[i].fd);
	bench->kernel.ops->unlink(&bench->kernel, FILE_NAME);
	free(buffer);
	side_vfs_fini(&own);
}

static void row_transfer(struct bench *bench, int row)
{
	transfer(bench, row, false);
	transfer(bench, row, true);
}

static void stat_pair(struct bench *bench, int row, const char *name,
		      const char *options, double goal)
{
	struct work work[2] = {{.fd = -1}, {.fd = -1}};
	struct side own;
	struct series s[2] = {
		{.side = &own, .work = &work[0]},
		{.side = &bench->kernel, .work = &work[1]},
	};

	host_side(&own, options);
	for (int i = 0; i < 2; i++) {
		side_path(s[i].side, work[i].path, DEEP_PATH);
		s[i].loop = s[i].side->ops->stat_hit;
	}
	series_run(bench, s, 2);
	report_pair(bench, row, name, s[0].out, s[1].out, goal);
	side_vfs_fini(&own);
}

/* ---- how many calls of the host ---- */

static int count_call(void *context, const char *call)
{
	uint64_t *count = context;

	(void)call;
	++*count;
	return 0;
}

/* Calls of the host that a hot stat of DEEP_PATH makes. */
static double calls_of_stat(const struct side *side, const char *options)
{
	const int rounds = 100;
	uint64_t count = 0;
	struct vfs_config config = {
		.size = sizeof(config),
		.fault = count_call,
		.fault_context = &count,
	};
	struct vfs_task *task = NULL;
	struct vfs *vfs = NULL;
	struct vfs_stat st;
	double calls;
	int err = vfs_create(&config, &vfs);

	if (!err)
		err = vfs_task_create(vfs, NULL, &task);
	if (!err)
		err = vfs_mkdir(task, "/h", 0755);
	if (!err)
		err = vfs_mount_type(task, &vfs_hostfs_type, ".", "/h", 0,
				     options);
	if (!err)
		err = vfs_stat(task, "/h/" DEEP_PATH, &st);
	count = 0;
	for (int i = 0; i < rounds && !err; i++)
		err = vfs_stat(task, "/h/" DEEP_PATH, &st);
	if (err)
		side_fail(side, "stat on hostfs", err);
	calls = (double)count / rounds;
	vfs_task_unref(task);
	vfs_unref(vfs);
	return calls;
}

static void row_stat(struct bench *bench, int row)
{
	stat_pair(bench, row, "hostfs: stat, exclusive, depth 8",
		  "cache=exclusive", 15);
	report_self(bench, row, "host calls of it", "calls",
		    calls_of_stat(&bench->kernel, "cache=exclusive"),
		    GOAL_AT_MOST, 0, NULL);
	stat_pair(bench, row, "hostfs: stat, revalidating, depth 8",
		  "cache=revalidate", 0);
	report_self(bench, row, "host calls a component", "calls",
		    calls_of_stat(&bench->kernel, "cache=revalidate") /
			    COMPONENTS,
		    GOAL_AT_MOST, 1, "the mount's root is one");
}

const struct benchmark rows_host[] = {
	{17, "hostfs: pread and pwrite", row_transfer},
	{17, "hostfs: stat", row_stat},
	{0, NULL, NULL},
};
