/* SPDX-License-Identifier: MIT */
/* Rows 7 and 8: data. memcpy of the same bytes is the physical limit. */
#include "bench.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#define MIB ((size_t)1 << 20)
#define APPEND_TOTAL (256 * MIB)
#define APPEND_CHUNK ((size_t)64 << 10)
#define FILE_NAME "data.bin"

/* Pages of our own, huge where the machine has them, all touched, so that
 * memcpy gets the best conditions there are. */
static void *buffer_create(size_t size)
{
	static const struct side here = {.name = "memory"};
	void *buffer = mmap(NULL, size, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (buffer == MAP_FAILED)
		side_fail(&here, "mmap", -errno);
	madvise(buffer, size, MADV_HUGEPAGE);
	memset(buffer, 1, size);
	return buffer;
}

static void buffer_destroy(void *buffer, size_t size)
{
	munmap(buffer, size);
}

/* memcpy's source is what work->path2's bytes hold: a pointer. */
static void *copy_source(const struct work *work)
{
	void *source;

	memcpy(&source, work->path2, sizeof(source));
	return source;
}

static void loop_memcpy(const struct side *side, struct work *work,
			uint64_t count)
{
	void *source = copy_source(work);

	(void)side;
	while (count--) {
		memcpy(work->buffer, source, work->size);
		__asm__ volatile(""
				 :
				 : "r"(work->buffer), "r"(source)
				 : "memory");
	}
}

static void copy_work(struct work *work, void *to, void *from, size_t size)
{
	memset(work, 0, sizeof(*work));
	work->buffer = to;
	work->size = size;
	memcpy(work->path2, &from, sizeof(from));
}

struct transfer {
	const char *name;
	const char *self;
	size_t size;
	bool write;
	double goal;	  /* against the kernel; 0: none */
	double copy_goal; /* so many times memcpy's time at most */
};

static void transfer_row(struct bench *bench, int row, const struct transfer *t)
{
	struct work work[3] = {{.fd = -1}, {.fd = -1}, {.fd = -1}};
	struct series s[3] = {
		{.side = &bench->vfs, .work = &work[0]},
		{.side = &bench->kernel, .work = &work[1]},
		{.loop = loop_memcpy, .work = &work[2]},
	};
	void *user = buffer_create(t->size);
	void *other = buffer_create(t->size);
	size_t i;

	for (i = 0; i < 2; i++) {
		const struct side *side = s[i].side;

		side->ops->mkfile(side, FILE_NAME, t->size);
		work[i].fd = side->ops->open(side, FILE_NAME, O_RDWR);
		work[i].buffer = user;
		work[i].size = t->size;
		s[i].loop = t->write ? side->ops->pwrite : side->ops->pread;
	}
	copy_work(&work[2], t->write ? other : user, t->write ? user : other,
		  t->size);
	series_run(bench, s, 3);

	report_pair(bench, row, t->name, s[0].out, s[1].out, t->goal);
	report_self(bench, row, "memcpy of as much", "ns",
		    output_pick(bench, s[2].out), GOAL_NONE, 0, NULL);
	report_self(bench, row, t->self, "x",
		    output_pick(bench, s[0].out) / output_pick(bench, s[2].out),
		    GOAL_AT_MOST, t->copy_goal, NULL);

	for (i = 0; i < 2; i++) {
		s[i].side->ops->close(s[i].side, work[i].fd);
		s[i].side->ops->unlink(s[i].side, FILE_NAME);
	}
	buffer_destroy(other, t->size);
	buffer_destroy(user, t->size);
}

static void row_pread(struct bench *bench, int row)
{
	static const struct transfer small = {
		"pread 4 KiB", "pread 4 KiB against memcpy", 4096, false, 7,
		1.25,
	};
	/* 0.95 of memcpy's bandwidth is 1 / 0.95 of its time. */
	static const struct transfer large = {
		"pread 1 MiB", "pread 1 MiB against memcpy", MIB, false, 0,
		1.053,
	};

	transfer_row(bench, row, &small);
	transfer_row(bench, row, &large);
}

static void row_pwrite(struct bench *bench, int row)
{
	static const struct transfer small = {
		"pwrite 4 KiB",
		"pwrite 4 KiB against memcpy",
		4096,
		true,
		7,
		1.4,
	};
	static const struct transfer large = {
		"pwrite 1 MiB", "pwrite 1 MiB against memcpy", MIB, true, 0,
		1.053,
	};

	transfer_row(bench, row, &small);
	transfer_row(bench, row, &large);
}

static void append_open(struct series *series)
{
	struct work *work = series->work;

	series->side->ops->mkfile(series->side, FILE_NAME, 0);
	work->fd = series->side->ops->open(series->side, FILE_NAME,
					   O_WRONLY | O_APPEND);
}

static void append_close(struct series *series)
{
	series->side->ops->close(series->side, series->work->fd);
	series->side->ops->unlink(series->side, FILE_NAME);
}

/* The side is the row's own, so that it may be made anew for each batch. */
static struct side *own_side(struct series *series)
{
	return (struct side *)(uintptr_t)series->side;
}

static void append_open_fresh(struct series *series)
{
	side_vfs_init(own_side(series));
	append_open(series);
}

static void append_close_fresh(struct series *series)
{
	append_close(series);
	side_vfs_fini(own_side(series));
}

/* ns for 256 MiB to GB/s. */
static struct timing bandwidth(struct timing timing)
{
	timing.best = (double)APPEND_TOTAL / timing.best;
	timing.median = (double)APPEND_TOTAL / timing.median;
	return timing;
}

static void append_report(struct bench *bench, int row, const char *name,
			  const char *self, const struct series *vfs,
			  const struct series *kernel,
			  const struct series *copy)
{
	struct result result = {
		.row = row,
		.name = name,
		.unit = "GB/s",
		.vfs = bandwidth(vfs->out),
		.kernel = bandwidth(kernel->out),
		.figure_unit = "x",
		.kind = GOAL_AT_LEAST,
		.goal = 2.7,
	};

	result.figure = output_pick(bench, result.vfs) /
			output_pick(bench, result.kernel);
	output_result(bench, &result);
	report_self(bench, row, self, "x",
		    output_pick(bench, result.vfs) /
			    output_pick(bench, bandwidth(copy->out)),
		    GOAL_AT_LEAST, 0.7, NULL);
}

static void row_append(struct bench *bench, int row)
{
	struct work work[4] = {{.fd = -1}, {.fd = -1}, {.fd = -1}, {.fd = -1}};
	struct side again, fresh;
	struct series s[4] = {
		{.side = &again,
		 .work = &work[0],
		 .before = append_open,
		 .after = append_close},
		{.side = &bench->kernel,
		 .work = &work[1],
		 .before = append_open,
		 .after = append_close},
		{.side = &fresh,
		 .work = &work[2],
		 .before = append_open_fresh,
		 .after = append_close_fresh},
		{.loop = loop_memcpy, .work = &work[3], .whole = true},
	};
	uint64_t chunks = APPEND_TOTAL / APPEND_CHUNK;
	void *chunk = buffer_create(APPEND_CHUNK);
	void *from = buffer_create(APPEND_TOTAL);
	void *to = buffer_create(APPEND_TOTAL);
	size_t i;

	side_vfs_init(&again);
	for (i = 0; i < 3; i++) {
		s[i].rounds = chunks;
		s[i].units = 1 / (double)chunks; /* a unit: all of them */
		s[i].loop =
			i == 1 ? bench->kernel.ops->append : again.ops->append;
		work[i].buffer = chunk;
		work[i].size = APPEND_CHUNK;
	}
	copy_work(&work[3], to, from, APPEND_TOTAL);
	/* Set here too: the loops of the fresh side are known before it is. */
	fresh = again;
	series_run(bench, s, 4);

	append_report(bench, row, "append 256 MiB, fresh instance",
		      "fresh, of memcpy's bandwidth", &s[2], &s[1], &s[3]);
	append_report(bench, row, "append 256 MiB, pages used before",
		      "used before, of memcpy's bandwidth", &s[0], &s[1],
		      &s[3]);
	side_vfs_fini(&again);
	buffer_destroy(to, APPEND_TOTAL);
	buffer_destroy(from, APPEND_TOTAL);
	buffer_destroy(chunk, APPEND_CHUNK);
}

const struct benchmark rows_io[] = {
	{7, "pread 4 KiB, 1 MiB", row_pread},
	{7, "pwrite 4 KiB, 1 MiB", row_pwrite},
	{8, "append 256 MiB", row_append},
	{0, NULL, NULL},
};
