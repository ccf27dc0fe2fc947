/* SPDX-License-Identifier: MIT */
/*
 * The benchmark's own interface: options, timing (harness.c), printing
 * (output.c) and the rows (rows_*.c).
 */
#ifndef BENCH_BENCH_H
#define BENCH_BENCH_H

#include "side.h"

#include <stdbool.h>

struct options {
	bool json;
	bool quick;
	bool list;
	bool median; /* print medians, not the best batch */
	const char *filter;
};

struct bench {
	const struct options *options;
	struct side vfs;    /* the instance that most rows share */
	struct side kernel; /* its tree is the current directory */
	uint32_t goals;	    /* compared so far */
	uint32_t goals_met;
	int overlay; /* the kernel's side has one: 1, -1; 0: not asked yet */
	double bytes_per_file; /* row 10, taken before all else; 0: not */
};

/* Nanoseconds of one unit of work: the best batch's, and the median's. */
struct timing {
	double best;
	double median;
};

/*
 * One loop to be timed. Several series are timed together, a batch of each in
 * turn, so that what disturbs the machine disturbs all of them alike.
 */
struct series {
	loop_fn loop;
	const struct side *side; /* NULL: a loop that needs none */
	struct work *work;
	double units; /* of work in one round: 0 means 1 */
	bool whole;   /* a batch is one round, never more */
	/* Not timed, before and after each batch; NULL: nothing to do. */
	void (*before)(struct series *series);
	void (*after)(struct series *series);
	uint64_t rounds; /* of a batch; 0: found by calibration */
	struct timing out;
};

#define SERIES_MAX 4

void series_run(const struct bench *bench, struct series *series, size_t count);

/* Monotonic nanoseconds. */
uint64_t bench_now(void);

/* Best (least) and median of count values, which are sorted. */
struct timing timing_of(double *values, size_t count);

/* What two threads do, each with a work of its own. */
struct duet {
	loop_fn loop;
	const struct side *side; /* NULL: a loop that needs none */
	bool own; /* the second thread has descriptors of its own */
	struct work work[2];
	uint64_t rounds;   /* of a batch; found by calibration */
	struct timing out; /* the speed-up, by the best and by the medians */
};

#define DUETS_MAX 3

/* The speed-up of two threads over one, which has work[0] to do, for each of
 * the duets, batches of them in turn. */
void duets_run(const struct bench *bench, struct duet *duets, size_t count);

enum goal_kind {
	GOAL_NONE,
	GOAL_AT_LEAST,
	GOAL_AT_MOST
};

/* One line of the output. Figures that do not apply are 0. */
struct result {
	int row;
	const char *name;
	const char *unit; /* of vfs and kernel: "ns", "GB/s", "bytes", "x" */
	struct timing vfs;
	struct timing kernel;
	double figure; /* what the goal is about; 0: none */
	const char *figure_unit;
	enum goal_kind kind;
	double goal;
	const char *note; /* or NULL */
};

void output_begin(const struct bench *bench, const char *kernel_tree);
void output_result(struct bench *bench, const struct result *result);
void output_end(const struct bench *bench);

/* The figure that is quoted: the best batch or the median. */
double output_pick(const struct bench *bench, struct timing timing);

/* vfs against kernel with a goal of at least so many times as fast. */
void report_pair(struct bench *bench, int row, const char *name,
		 struct timing vfs, struct timing kernel, double goal);

/* One figure of libvfs's with a goal of its own. */
void report_self(struct bench *bench, int row, const char *name,
		 const char *unit, double figure, enum goal_kind kind,
		 double goal, const char *note);

struct benchmark {
	int row;
	const char *name; /* for --list and --filter */
	void (*run)(struct bench *bench, int row);
};

/* Each ends with a row 0. */
extern const struct benchmark rows_fuse[];
extern const struct benchmark rows_host[];
extern const struct benchmark rows_path[];
extern const struct benchmark rows_io[];
extern const struct benchmark rows_dir[];
extern const struct benchmark rows_memory[];
extern const struct benchmark rows_mounts[];
extern const struct benchmark rows_overlay[];
extern const struct benchmark rows_threads[];

/* Row 10's figure for libvfs: the growth of the resident memory of a child
 * process that does nothing else. To be called before anything else is
 * allocated. 0 when it cannot be had. */
double memory_of_file(void);

/* The depth-8 path that rows 1 to 3 use, and the directory of it. */
#define DEEP_DIR "alpha/bravo/charlie/delta/echo/foxtrot/golf"
#define DEEP_PATH DEEP_DIR "/hotel.txt"
#define DEEP_MISSING DEEP_DIR "/absent.txt"

/* Makes every directory of a path like DEEP_DIR that is not there yet, on one
 * side, and once. */
void deep_tree(struct side *side);

#endif
