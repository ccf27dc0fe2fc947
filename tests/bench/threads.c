/* SPDX-License-Identifier: MIT */
/*
 * One thread against two. The caller's thread is the first; the second sleeps
 * while it is not needed, so that it takes nothing from the first.
 */
#include "bench.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>

#define BATCHES 120
#define BATCHES_QUICK 40
#define BATCH_NS 2000000.0

/* The stage on which the duets are played, one at a time. */
struct stage {
	pthread_mutex_t lock;
	pthread_cond_t wake;
	struct duet *duet; /* guarded by lock, as turn; NULL: the end */
	uint32_t turn;
	uint32_t ready; /* atomic: the second thread spins, about to start */
	uint32_t go;	/* atomic: the turn that may start */
	uint32_t done;	/* atomic: the turn that the second has finished */
	uint64_t end;	/* written before done */
	cpu_set_t allowed;
	struct duet *duets;
	size_t count;
	struct side own[DUETS_MAX]; /* the second thread's */
};

/*
 * Two threads on one processor measure the scheduler, and it does put them
 * there when it wakes one from the other. So each gets a processor of its own
 * for this row, the index'th of those that the process may use.
 */
static void pin(const cpu_set_t *allowed, int index)
{
	cpu_set_t one;
	int cpu;

	CPU_ZERO(&one);
	for (cpu = 0; cpu < CPU_SETSIZE; cpu++)
		if (CPU_ISSET(cpu, allowed) && index-- == 0) {
			CPU_SET(cpu, &one);
			pthread_setaffinity_np(pthread_self(), sizeof(one),
					       &one);
			return;
		}
}

static void *second_main(void *argument)
{
	struct stage *stage = argument;
	const struct side *side;
	uint32_t turn = 0;

	pin(&stage->allowed, 1);
	for (size_t i = 0; i < stage->count; i++)
		if (stage->duets[i].own)
			stage->duets[i].side->ops->own_files(
				stage->duets[i].side, &stage->own[i]);

	for (;;) {
		struct duet *duet;

		pthread_mutex_lock(&stage->lock);
		while (stage->turn == turn)
			pthread_cond_wait(&stage->wake, &stage->lock);
		turn = stage->turn;
		duet = stage->duet;
		pthread_mutex_unlock(&stage->lock);
		if (!duet)
			break;
		side = duet->own ? &stage->own[duet - stage->duets]
				 : duet->side;
		__atomic_store_n(&stage->ready, turn, __ATOMIC_RELEASE);
		while (__atomic_load_n(&stage->go, __ATOMIC_ACQUIRE) != turn)
			;
		duet->loop(side, &duet->work[1], duet->rounds);
		stage->end = bench_now();
		__atomic_store_n(&stage->done, turn, __ATOMIC_RELEASE);
	}
	for (size_t i = 0; i < stage->count; i++)
		if (stage->duets[i].own)
			stage->own[i].ops->leave(&stage->own[i]);
	return NULL;
}

static void start_turn(struct stage *stage, struct duet *duet)
{
	pthread_mutex_lock(&stage->lock);
	stage->duet = duet;
	stage->turn++;
	pthread_cond_signal(&stage->wake);
	pthread_mutex_unlock(&stage->lock);
}

static double alone(struct duet *duet)
{
	uint64_t start = bench_now();

	duet->loop(duet->side, &duet->work[0], duet->rounds);
	return (double)(bench_now() - start) / (double)duet->rounds;
}

static double together(struct stage *stage, struct duet *duet)
{
	uint32_t turn = stage->turn + 1;
	uint64_t start, end;

	start_turn(stage, duet);
	while (__atomic_load_n(&stage->ready, __ATOMIC_ACQUIRE) != turn)
		;
	start = bench_now();
	__atomic_store_n(&stage->go, turn, __ATOMIC_RELEASE);
	duet->loop(duet->side, &duet->work[0], duet->rounds);
	end = bench_now();
	while (__atomic_load_n(&stage->done, __ATOMIC_ACQUIRE) != turn)
		;
	end = stage->end > end ? stage->end : end;
	return (double)(end - start) / (double)(2 * duet->rounds);
}

static void calibrate(struct stage *stage, struct duet *duet)
{
	double each;

	duet->rounds = 64;
	for (;;) {
		each = alone(duet);
		if (each * (double)duet->rounds * 4 >= BATCH_NS)
			break;
		duet->rounds *= 2;
	}
	duet->rounds = (uint64_t)(BATCH_NS / each) + 1;
	together(stage, duet);
}

void duets_run(const struct bench *bench, struct duet *duets, size_t count)
{
	double one[DUETS_MAX][BATCHES], two[DUETS_MAX][BATCHES];
	size_t batches = bench->options->quick ? BATCHES_QUICK : BATCHES;
	struct stage stage = {.duets = duets, .count = count};
	pthread_t thread;
	size_t done, i;
	int error;

	pthread_mutex_init(&stage.lock, NULL);
	pthread_cond_init(&stage.wake, NULL);
	CPU_ZERO(&stage.allowed);
	sched_getaffinity(0, sizeof(stage.allowed), &stage.allowed);
	error = pthread_create(&thread, NULL, second_main, &stage);
	if (error)
		side_fail(&bench->vfs, "pthread_create", -error);
	pin(&stage.allowed, 0);
	for (i = 0; i < count; i++)
		calibrate(&stage, &duets[i]);
	for (done = 0; done < batches; done++)
		for (i = 0; i < count; i++) {
			one[i][done] = alone(&duets[i]);
			two[i][done] = together(&stage, &duets[i]);
		}
	start_turn(&stage, NULL);
	pthread_join(thread, NULL);
	sched_setaffinity(0, sizeof(stage.allowed), &stage.allowed);
	pthread_cond_destroy(&stage.wake);
	pthread_mutex_destroy(&stage.lock);
	for (i = 0; i < count; i++) {
		struct timing first = timing_of(one[i], batches);
		struct timing both = timing_of(two[i], batches);

		duets[i].out.best = first.best / both.best;
		duets[i].out.median = first.median / both.median;
	}
}
