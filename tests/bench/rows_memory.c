/* SPDX-License-Identifier: MIT */
/* Rows 5 (pauses), 10 and 11: a million files. */
#include "bench.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define MILLION 1000000
#define PARTS 20 /* of 5 % each */
#define PART (MILLION / PARTS)
#define MILLION_RUNS 9
/* What a file costs in the kernel where this machine does not tell. */
#define KERNEL_FILE_BYTES 1042

static double resident_bytes(void)
{
	FILE *file = fopen("/proc/self/statm", "r");
	unsigned long total, resident = 0;

	if (!file)
		return 0;
	if (fscanf(file, "%lu %lu", &total, &resident) != 2)
		resident = 0;
	fclose(file);
	return (double)resident * (double)sysconf(_SC_PAGESIZE);
}

/* The kernel's memory for objects of its own. */
static double slab_bytes(void)
{
	FILE *file = fopen("/proc/meminfo", "r");
	unsigned long kib = 0;
	char line[128];

	if (!file)
		return 0;
	while (fgets(line, sizeof(line), file))
		if (sscanf(line, "Slab: %lu", &kib) == 1)
			break;
	fclose(file);
	return (double)kib * 1024;
}

static double child_measure(void)
{
	struct work work = {.fd = -1};
	struct side side;
	double before, after;

	side_vfs_init(&side);
	side.ops->mkdir(&side, "many");
	/* Warm: what an instance costs by itself is not a file's. */
	side.ops->mkfile(&side, "many/first", 0);
	work_names(&side, &work, "many", MILLION + 1);
	before = resident_bytes();
	side.ops->create(&side, &work, MILLION);
	after = resident_bytes();
	return before > 0 && after > before ? (after - before) / MILLION : 0;
}

double memory_of_file(void)
{
	double result = 0;
	int status = 0;
	int fds[2];
	pid_t pid;

	if (pipe(fds) < 0)
		return 0;
	fflush(NULL);
	pid = fork();
	if (pid == 0) {
		double value = child_measure();
		ssize_t done = write(fds[1], &value, sizeof(value));

		_exit(done == (ssize_t)sizeof(value) ? 0 : 1);
	}
	close(fds[1]);
	if (pid < 0 ||
	    read(fds[0], &result, sizeof(result)) != (ssize_t)sizeof(result))
		result = 0;
	close(fds[0]);
	if (pid > 0)
		waitpid(pid, &status, 0);
	return status == 0 ? result : 0;
}

static void row_memory(struct bench *bench, int row)
{
	uint64_t count = bench->options->quick ? 100000 : 300000;
	struct work work = {.fd = -1};
	struct side *kernel = &bench->kernel;
	double file = bench->bytes_per_file;
	double slab;
	struct result result = {
		.row = row,
		.name = "memory of an empty file",
		.unit = "bytes",
		.vfs = {file, file},
		.figure_unit = "x",
		.kind = GOAL_AT_LEAST,
		.goal = 4,
		.note = "kernel: growth of Slab",
	};

	kernel->ops->mkdir(kernel, "many");
	work_names(kernel, &work, "many", count + 1);
	slab = slab_bytes();
	kernel->ops->create(kernel, &work, count);
	slab = (slab_bytes() - slab) / (double)count;
	kernel->ops->remove_dir(kernel, "many");
	if (slab < 500 || slab > 3000) {
		slab = KERNEL_FILE_BYTES;
		result.note = "kernel: as documented, not measured here";
	}
	result.kernel.best = slab;
	result.kernel.median = slab;
	if (file <= 0)
		side_fail(&bench->vfs, "resident memory cannot be read",
			  -ENOENT);
	result.figure = slab / file;
	output_result(bench, &result);
	report_self(bench, row, "an empty file itself", "bytes", file,
		    GOAL_AT_MOST, 256, "resident memory, 1,000,000 files");
}

static double timed_part(const struct side *side, struct work *work,
			 uint64_t count, double *best)
{
	uint64_t start = bench_now();
	double took;

	side->ops->create(side, work, count);
	took = (double)(bench_now() - start) / (double)count;
	if (*best <= 0 || took < *best)
		*best = took;
	return took;
}

static double sum(const double *parts, size_t count)
{
	double total = 0;

	while (count--)
		total += parts[count];
	return total;
}

static int by_size(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static double median(double *values, int count)
{
	qsort(values, (size_t)count, sizeof(*values), by_size);
	return (values[(count - 1) / 2] + values[count / 2]) / 2;
}

/*
 * How the last part compares with the first is a matter of one run; the median
 * of the runs, because some of them get memory that the machine itself has yet
 * to get from its host.
 */
static void row_million(struct bench *bench, int row)
{
	int runs = bench->options->quick ? 3 : MILLION_RUNS;
	uint64_t part = bench->options->quick ? PART / 10 : PART;
	double own[PARTS] = {0}, theirs[PARTS] = {0};
	double growth[MILLION_RUNS];
	struct work work = {.fd = -1}, kernel_work = {.fd = -1};
	struct side *kernel = &bench->kernel;
	struct side side;
	double took[PARTS], mean;
	int run, i;

	kernel->ops->mkdir(kernel, "many");
	work_names(kernel, &kernel_work, "many", MILLION + 1);
	for (run = 0; run < runs; run++) {
		side_vfs_init(&side);
		side.ops->mkdir(&side, "many");
		work_names(&side, &work, "many", MILLION + 1);
		for (i = 0; i < PARTS; i++) {
			took[i] = timed_part(&side, &work, PART, &own[i]);
			if (run == 0)
				timed_part(kernel, &kernel_work, part,
					   &theirs[i]);
		}
		growth[run] = took[PARTS - 1] / took[0];
		side_vfs_fini(&side);
	}
	kernel->ops->remove_dir(kernel, "many");

	mean = sum(theirs, PARTS) / PARTS;
	report_pair(bench, row,
		    bench->options->quick ? "create 1 M files (kernel: 100,000)"
					  : "create 1 M files in a directory",
		    (struct timing){sum(own, PARTS) / PARTS,
				    sum(own, PARTS) / PARTS},
		    (struct timing){mean, mean}, 20);
	report_self(bench, row, "the last 5 % against the first", "x",
		    median(growth, runs), GOAL_AT_MOST, 1.25,
		    "median of the runs");
	report_self(bench, row, "the same in the kernel", "x",
		    theirs[PARTS - 1] / theirs[0], GOAL_NONE, 0, NULL);
}

/*
 * Each create of a growing directory by itself. A resize comes at the same
 * count in every run, an interruption by another program does not: so the
 * least time of each create over the runs, then the longest of these.
 */
static void pause_run(const struct side *side, uint32_t *times, uint64_t count)
{
	struct work work = {.fd = -1};
	uint64_t last, now, i;

	side->ops->mkdir(side, "many");
	work_names(side, &work, "many", count + 1);
	last = bench_now();
	for (i = 0; i < count; i++) {
		uint64_t took;

		side->ops->create(side, &work, 1);
		now = bench_now();
		took = now - last;
		last = now;
		if (took < times[i])
			times[i] = (uint32_t)took;
	}
}

static uint32_t longest(const uint32_t *times, uint64_t count)
{
	uint32_t most = 0;

	while (count--)
		most = times[count] > most ? times[count] : most;
	return most;
}

static void row_pause(struct bench *bench, int row)
{
	int runs = bench->options->quick ? 3 : 5;
	uint64_t count = bench->options->quick ? 100000 : 300000;
	uint32_t *times = malloc(MILLION * sizeof(*times));
	struct side side;
	double own, theirs;

	if (!times)
		side_fail(&bench->vfs, "memory", -ENOMEM);
	memset(times, 0xff, MILLION * sizeof(*times));
	while (runs--) {
		side_vfs_init(&side);
		pause_run(&side, times, MILLION);
		side_vfs_fini(&side);
	}
	own = (double)longest(times, MILLION) / 1000;
	memset(times, 0xff, MILLION * sizeof(*times));
	for (runs = 0; runs < 2; runs++) {
		pause_run(&bench->kernel, times, count);
		bench->kernel.ops->remove_dir(&bench->kernel, "many");
	}
	theirs = (double)longest(times, count) / 1000;
	free(times);
	output_result(bench, &(struct result){
				     .row = row,
				     .name = "longest create, up to 1 M files",
				     .unit = "us",
				     .vfs = {own, own},
				     .kernel = {theirs, theirs},
				     .note = "least of several runs; kernel: "
					     "fewer files",
			     });
}

const struct benchmark rows_memory[] = {
	{5, "longest create while a directory grows", row_pause},
	{10, "memory of an empty file", row_memory},
	{11, "create 1 M files in one directory", row_million},
	{0, NULL, NULL},
};
