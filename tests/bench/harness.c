/* SPDX-License-Identifier: MIT */
/*
 * Timing. A batch is some milliseconds of one loop; batches of the loops that
 * are compared alternate; what is reported is the best batch of each, which is
 * what the machine can do when it is left alone, and the median beside it.
 */
#include "bench.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define BATCHES_MAX 64

struct plan {
	uint64_t batch_ns;  /* how long a batch should take */
	uint64_t budget_ns; /* for all batches of one series */
	size_t batches;
	size_t least;
};

static struct plan plan_of(const struct bench *bench)
{
	struct plan full = {3000000, 3000000000, 40, 5};
	struct plan quick = {2000000, 300000000, 12, 3};

	return bench->options->quick ? quick : full;
}

uint64_t bench_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static int compare_doubles(const void *a, const void *b)
{
	double x = *(const double *)a;
	double y = *(const double *)b;

	return (x > y) - (x < y);
}

struct timing timing_of(double *values, size_t count)
{
	struct timing timing = {0, 0};

	if (count == 0)
		return timing;
	qsort(values, count, sizeof(*values), compare_doubles);
	timing.best = values[0];
	timing.median =
		count % 2 ? values[count / 2]
			  : (values[count / 2 - 1] + values[count / 2]) / 2;
	return timing;
}

static uint64_t batch(struct series *series, uint64_t rounds)
{
	uint64_t start, end;

	if (series->before)
		series->before(series);
	start = bench_now();
	series->loop(series->side, series->work, rounds);
	end = bench_now();
	if (series->after)
		series->after(series);
	return end - start > 0 ? end - start : 1;
}

/* How many rounds take about batch_ns; runs the loop, which warms it up. */
static uint64_t calibrate(struct series *series, uint64_t batch_ns)
{
	uint64_t rounds = 2;
	uint64_t took;

	if (series->rounds)
		return series->rounds;
	if (series->whole)
		return 1;
	for (;;) {
		took = batch(series, rounds);
		if (took * 4 >= batch_ns)
			break;
		rounds *= 2;
	}
	/* The last run was at least a quarter of a batch. */
	rounds = (uint64_t)((double)rounds * (double)batch_ns / (double)took);
	rounds += rounds & 1;
	return rounds ? rounds : 2;
}

void series_run(const struct bench *bench, struct series *series, size_t count)
{
	double values[SERIES_MAX][BATCHES_MAX];
	struct plan plan = plan_of(bench);
	uint64_t spent[SERIES_MAX] = {0};
	uint64_t most = 0;
	size_t done, i;

	for (i = 0; i < count; i++) {
		series[i].rounds = calibrate(&series[i], plan.batch_ns);
		batch(&series[i], series[i].rounds);
	}
	for (done = 0; done < plan.batches; done++) {
		if (done >= plan.least && most >= plan.budget_ns)
			break;
		for (i = 0; i < count; i++) {
			double units =
				series[i].units > 0 ? series[i].units : 1;
			uint64_t took = batch(&series[i], series[i].rounds);

			values[i][done] = (double)took /
					  ((double)series[i].rounds * units);
			spent[i] += took;
			most = spent[i] > most ? spent[i] : most;
		}
	}
	for (i = 0; i < count; i++)
		series[i].out = timing_of(values[i], done);
}
