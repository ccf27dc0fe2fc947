/* SPDX-License-Identifier: MIT */
/* Row 12: two threads, of one task but where it says otherwise, against one. */
#include "bench.h"

#include <fcntl.h>
#include <string.h>

#define NAMES 1000

/* Prepares the two threads' work on one side. */
typedef void (*prepare_fn)(const struct side *side, struct work work[2]);

struct scaling {
	const char *name;
	loop_fn (*loop)(const struct side *side);
	prepare_fn prepare;
	prepare_fn undo; /* or NULL */
	double goal;
	bool own; /* each thread has its own descriptors */
};

static loop_fn loop_stat(const struct side *side)
{
	return side->ops->stat_hit;
}

static loop_fn loop_fstat(const struct side *side)
{
	return side->ops->fstat;
}

static loop_fn loop_pread(const struct side *side)
{
	return side->ops->pread;
}

static loop_fn loop_create_remove(const struct side *side)
{
	return side->ops->create_remove;
}

static loop_fn loop_mknod_remove(const struct side *side)
{
	return side->ops->mknod_remove;
}

static void one_path(const struct side *side, struct work work[2])
{
	side_path(side, work[0].path, DEEP_PATH);
	side_path(side, work[1].path, DEEP_PATH);
}

static void two_paths(const struct side *side, struct work work[2])
{
	side_path(side, work[0].path, DEEP_PATH);
	side_path(side, work[1].path, DEEP_DIR);
	strcat(work[1].path, "/india.txt");
	side->ops->mkfile(side, DEEP_DIR "/india.txt", 0);
}

static void two_paths_undo(const struct side *side, struct work work[2])
{
	(void)work;
	side->ops->unlink(side, DEEP_DIR "/india.txt");
}

static void one_fd(const struct side *side, struct work work[2])
{
	work[0].fd = side->ops->open(side, DEEP_PATH, O_RDONLY);
	work[1].fd = work[0].fd;
}

static void one_fd_undo(const struct side *side, struct work work[2])
{
	side->ops->close(side, work[0].fd);
}

/* Lines apart from each other: the threads share nothing but the file. */
static char buffers[2][8192] __attribute__((aligned(4096)));

static void pread_small(const struct side *side, struct work work[2])
{
	one_fd(side, work);
	work[0].buffer = buffers[0];
	work[1].buffer = buffers[1];
	work[0].size = 64;
	work[1].size = 64;
}

static void pread_page(const struct side *side, struct work work[2])
{
	pread_small(side, work);
	work[0].size = 4096;
	work[1].size = 4096;
}

static void own_dirs(const struct side *side, struct work work[2])
{
	side->ops->mkdir(side, "thread-0");
	side->ops->mkdir(side, "thread-1");
	work_names(side, &work[0], "thread-0", NAMES);
	work_names(side, &work[1], "thread-1", NAMES);
}

static void own_dirs_undo(const struct side *side, struct work work[2])
{
	(void)work;
	side->ops->remove_dir(side, "thread-0");
	side->ops->remove_dir(side, "thread-1");
}

/* Work that shares nothing: what the machine itself gives two threads. */
static void loop_nothing(const struct side *side, struct work *work,
			 uint64_t count)
{
	uint64_t state = count;

	(void)side;
	(void)work;
	while (count--) {
		state = state * 6364136223846793005u + 1442695040888963407u;
		__asm__ volatile("" : "+r"(state));
	}
}

static void prepare(struct duet *duet, const struct side *side,
		    const struct scaling *scaling)
{
	duet->side = side;
	duet->loop = scaling->loop(side);
	duet->own = scaling->own;
	scaling->prepare(side, duet->work);
}

static void scaling_row(struct bench *bench, int row,
			const struct scaling *scaling)
{
	struct duet duets[DUETS_MAX] = {{.loop = NULL}};
	struct result result = {
		.row = row,
		.name = scaling->name,
		.unit = "x",
		.figure_unit = "times",
		.kind = scaling->goal > 0 ? GOAL_AT_LEAST : GOAL_NONE,
		.goal = scaling->goal,
	};
	size_t i;

	prepare(&duets[0], &bench->vfs, scaling);
	prepare(&duets[1], &bench->kernel, scaling);
	duets[2].loop = loop_nothing;
	duets_run(bench, duets, 3);
	for (i = 0; i < 2 && scaling->undo; i++)
		scaling->undo(duets[i].side, duets[i].work);

	result.vfs = duets[0].out;
	result.kernel = duets[1].out;
	result.figure = output_pick(bench, result.vfs);
	output_result(bench, &result);
	/* "No worse": two parts in a hundred are the machine's noise. */
	report_self(bench, row, "against the kernel's", "x",
		    result.figure / output_pick(bench, result.kernel),
		    result.kind, 0.98, NULL);
	report_self(bench, row, "the machine's own, without calls", "times",
		    output_pick(bench, duets[2].out), GOAL_NONE, 0, NULL);
}

static void row_threads(struct bench *bench, int row)
{
	static const struct scaling all[] = {
		{"two threads: stat of one path", loop_stat, one_path, NULL,
		 1.95, false},
		{"two threads: stat of two paths", loop_stat, two_paths,
		 two_paths_undo, 1.95, false},
		{"two threads: fstat of one descriptor", loop_fstat, one_fd,
		 one_fd_undo, 1.95, false},
		{"two threads: pread 64 bytes, one descriptor", loop_pread,
		 pread_small, one_fd_undo, 1.95, false},
		{"two threads: pread 4 KiB, one descriptor", loop_pread,
		 pread_page, one_fd_undo, 1.95, false},
		/* to tell the directories' part from the descriptors' */
		{"two threads: mknod + unlink, own dirs", loop_mknod_remove,
		 own_dirs, own_dirs_undo, 0, false},
		{"two threads: create + unlink, own dirs and descriptors",
		 loop_create_remove, own_dirs, own_dirs_undo, 1.85, true},
		/* the lowest number is one that all must agree on */
		{"two threads: create + unlink, own dirs", loop_create_remove,
		 own_dirs, own_dirs_undo, 0, false},
	};
	size_t i;

	for (i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		scaling_row(bench, row, &all[i]);
}

const struct benchmark rows_threads[] = {
	{12, "two threads", row_threads},
	{0, NULL, NULL},
};
