/* SPDX-License-Identifier: MIT */
/* What is spread over threads: util/shard.h, util/run.h. And util/time.h. */
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "support/alloc.h"
#include "util/run.h"
#include "util/shard.h"
#include "util/time.h"

#define THREADS 4
#define ROUNDS 10000

struct ground {
	struct test_alloc alloc;
	struct vfs__domain *domain;
	struct vfs__refs refs;
	uint64_t next[6];
	unsigned char given[6][THREADS * ROUNDS * 2]; /* atomic */
	int wrong;				      /* atomic */
};

static int setup(void **state)
{
	struct ground *g = calloc(1, sizeof(*g));

	if (!g)
		return -1;
	test_alloc_init(&g->alloc);
	if (vfs__domain_create(&g->alloc.hooks, NULL, NULL, &g->domain))
		return -1;
	*state = g;
	return 0;
}

static int teardown(void **state)
{
	struct ground *g = *state;
	bool balanced;

	vfs__domain_destroy(g->domain);
	balanced = test_alloc_balanced(&g->alloc);
	free(g);
	return balanced ? 0 : -1;
}

static void run(struct ground *g, void *(*function)(void *))
{
	pthread_t threads[THREADS];

	for (int i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, function, g),
				 0);
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
}

/* Gives back what another thread took: shards go below zero. */
static void *ref_and_unref(void *context)
{
	struct ground *g = context;
	struct vfs__thread *self = vfs__thread_self(g->domain);

	for (int i = 0; i < ROUNDS; i++) {
		vfs__refs_add(&g->refs, self, VFS__REFS_USERS, 3);
		vfs__refs_add(&g->refs, self, VFS__REFS_WRITERS, -1);
		vfs__refs_add(&g->refs, self, VFS__REFS_USERS, -2);
	}
	return NULL;
}

static void test_shard__sums(void **state)
{
	struct ground *g = *state;

	test_alloc_fail(&g->alloc, 1, 1);
	assert_int_equal(vfs__refs_init(&g->refs, g->domain), -ENOMEM);
	test_alloc_heal(&g->alloc);
	assert_int_equal(vfs__refs_init(&g->refs, g->domain), 0);
	assert_int_equal(vfs__refs_sum(&g->refs, VFS__REFS_USERS), 0);
	run(g, ref_and_unref);
	assert_int_equal(vfs__refs_sum(&g->refs, VFS__REFS_USERS),
			 THREADS * ROUNDS);
	assert_int_equal(vfs__refs_sum(&g->refs, VFS__REFS_WRITERS),
			 -THREADS * ROUNDS);
	vfs__refs_fini(&g->refs, g->domain);
}

static void *draw(void *context)
{
	struct ground *g = context;
	struct vfs__thread *self = vfs__thread_self(g->domain);
	int wrong = 0;

	/* more keys than a thread keeps runs for */
	for (int i = 0; i < ROUNDS; i++) {
		unsigned key = i < ROUNDS / 2 ? 0 : (unsigned)i / 50 % 6;
		uint64_t n = vfs__run_next(self, key + 1, &g->next[key]);

		if (n < 2 || n >= sizeof(g->given[0]))
			wrong++;
		else
			wrong += __atomic_exchange_n(&g->given[key][n], 1,
						     __ATOMIC_RELAXED);
	}
	__atomic_fetch_add(&g->wrong, wrong, __ATOMIC_RELAXED);
	return NULL;
}

static void test_run__no_number_twice(void **state)
{
	struct ground *g = *state;

	for (int i = 0; i < 6; i++)
		g->next[i] = 2;
	run(g, draw);
	assert_int_equal(g->wrong, 0);
}

static void test_time__packs(void **state)
{
	static const int64_t seconds[] = {
		0, 1, -1, 1700000000, -100000000, 8589934591, -8589934592};
	static const uint32_t nanoseconds[] = {0, 1, 500000000, 999999999};
	struct vfs_timespec ts, back, last = {INT64_MIN, 0, 0};

	(void)state;
	for (size_t i = 0; i < sizeof(seconds) / sizeof(*seconds); i++) {
		for (size_t j = 0; j < 4; j++) {
			ts = (struct vfs_timespec){seconds[i], nanoseconds[j],
						   0};
			back = vfs__time_unpack(vfs__time_pack(&ts));
			assert_true(back.sec == ts.sec);
			assert_int_equal(back.nsec, ts.nsec);
			assert_int_equal(back.zero, 0);
			/* in order as numbers */
			assert_true(
				(vfs__time_pack(&last) < vfs__time_pack(&ts)) ==
				(last.sec < ts.sec ||
				 (last.sec == ts.sec && last.nsec < ts.nsec)));
			last = ts;
		}
	}
	ts = (struct vfs_timespec){INT64_MAX, 5, 0};
	assert_true(vfs__time_unpack(vfs__time_pack(&ts)).sec == 8589934591);
	ts = (struct vfs_timespec){INT64_MIN, 5, 0};
	assert_true(vfs__time_unpack(vfs__time_pack(&ts)).sec == -8589934592);
}

int main(void)
{
#define TEST(function) \
	cmocka_unit_test_setup_teardown(function, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_shard__sums),
		TEST(test_run__no_number_twice),
		cmocka_unit_test(test_time__packs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL) ? 1 : 0;
}
