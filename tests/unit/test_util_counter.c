/* SPDX-License-Identifier: MIT */
/* Counters with a ceiling: util/counter.h. */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "support/alloc.h"
#include "util/counter.h"

struct ground {
	struct test_alloc alloc;
	struct vfs__domain *domain;
	struct vfs__thread *self;
};

static int setup(void **state)
{
	struct ground *g = calloc(1, sizeof(*g));

	if (!g)
		return -1;
	test_alloc_init(&g->alloc);
	if (vfs__domain_create(&g->alloc.hooks, NULL, NULL, &g->domain))
		return -1;
	g->self = vfs__thread_self(g->domain);
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

static void test_counter__limits(void **state)
{
	struct ground *g = *state;
	struct vfs_counter *c = NULL;

	assert_int_equal(vfs__counter_create(g->domain, -1, &c), -EINVAL);
	assert_int_equal(vfs__counter_create(g->domain, INT64_MIN, &c),
			 -EINVAL);
	assert_null(c);
	test_alloc_fail(&g->alloc, 1, 1);
	assert_int_equal(vfs__counter_create(g->domain, 5, &c), -ENOMEM);
	assert_null(c);
	test_alloc_heal(&g->alloc);
	assert_int_equal(vfs__counter_create(g->domain, 0, &c), 0);
	assert_int_equal(vfs__counter_take(g->self, c, 1), -ENOSPC);
	assert_int_equal(vfs__counter_take(g->self, c, 0), 0);
	assert_int_equal(vfs__counter_used(c), 0);
	assert_int_equal(vfs__counter_limit(c), 0);
	vfs__counter_destroy(g->domain, c);
	vfs__counter_destroy(g->domain, NULL);
}

static void test_counter__another_limit(void **state)
{
	struct ground *g = *state;
	struct vfs_counter *c;

	assert_int_equal(vfs__counter_create(g->domain, 10, &c), 0);
	assert_int_equal(vfs__counter_take(g->self, c, 6), 0);
	assert_int_equal(vfs__counter_set_limit(c, 5), -EINVAL);
	assert_int_equal(vfs__counter_set_limit(c, -1), -EINVAL);
	assert_int_equal(vfs__counter_set_limit(c, VFS_COUNTER_UNLIMITED),
			 -EINVAL);
	assert_int_equal(vfs__counter_limit(c), 10);
	assert_int_equal(vfs__counter_set_limit(c, 6), 0);
	assert_int_equal(vfs__counter_take(g->self, c, 1), -ENOSPC);
	assert_int_equal(vfs__counter_set_limit(c, 100), 0);
	assert_int_equal(vfs__counter_take(g->self, c, 94), 0);
	assert_int_equal(vfs__counter_take(g->self, c, 1), -ENOSPC);
	assert_int_equal(vfs__counter_used(c), 100);
	vfs__counter_destroy(g->domain, c);
	assert_int_equal(
		vfs__counter_create(g->domain, VFS_COUNTER_UNLIMITED, &c), 0);
	assert_int_equal(vfs__counter_set_limit(c, 5), -EINVAL);
	vfs__counter_destroy(g->domain, c);
}

static void test_counter__exact_at_the_ceiling(void **state)
{
	static const int64_t limits[] = {1, 7, 63, 64, 65, 1000, 100000};
	struct ground *g = *state;
	struct vfs_counter *c;

	for (size_t n = 0; n < sizeof(limits) / sizeof(*limits); n++) {
		int64_t limit = limits[n];

		assert_int_equal(vfs__counter_create(g->domain, limit, &c), 0);
		for (int64_t i = 0; i < limit; i++) {
			assert_int_equal(vfs__counter_used(c), i);
			assert_int_equal(vfs__counter_take(g->self, c, 1), 0);
		}
		assert_int_equal(vfs__counter_take(g->self, c, 1), -ENOSPC);
		assert_int_equal(vfs__counter_used(c), limit);
		vfs__counter_give(g->self, c, limit);
		assert_int_equal(vfs__counter_used(c), 0);
		/* all in one, and one too many in one */
		assert_int_equal(vfs__counter_take(g->self, c, limit + 1),
				 -ENOSPC);
		assert_int_equal(vfs__counter_take(g->self, c, limit), 0);
		assert_int_equal(vfs__counter_take(g->self, c, 1), -ENOSPC);
		vfs__counter_destroy(g->domain, c);
	}
}

/* A debt: what was used without asking counts before anybody gets more. */
static void test_counter__passed_by_force(void **state)
{
	struct ground *g = *state;
	struct vfs_counter *c;

	assert_int_equal(vfs__counter_create(g->domain, 1000, &c), 0);
	assert_int_equal(vfs__counter_take(g->self, c, 998), 0);
	vfs__counter_give(g->self, c, -1);
	assert_int_equal(vfs__counter_used(c), 999);
	assert_int_equal(vfs__counter_take(g->self, c, 2), -ENOSPC);
	assert_int_equal(vfs__counter_take(g->self, c, 1), 0);
	assert_int_equal(vfs__counter_take(g->self, c, 1), -ENOSPC);
	vfs__counter_give(g->self, c, -5);
	assert_int_equal(vfs__counter_used(c), 1000);
	assert_int_equal(vfs__counter_take(g->self, c, 1), -ENOSPC);
	vfs__counter_give(g->self, c, 1005);
	assert_int_equal(vfs__counter_used(c), 0);
	assert_int_equal(vfs__counter_take(g->self, c, 1000), 0);
	vfs__counter_destroy(g->domain, c);
}

static void test_counter__without_a_ceiling(void **state)
{
	struct ground *g = *state;
	struct vfs_counter *c;

	assert_int_equal(
		vfs__counter_create(g->domain, VFS_COUNTER_UNLIMITED, &c), 0);
	assert_int_equal(vfs__counter_limit(c), VFS_COUNTER_UNLIMITED);
	assert_int_equal(vfs__counter_take(g->self, c, INT64_C(1) << 50), 0);
	assert_int_equal(vfs__counter_take(g->self, c, 3), 0);
	vfs__counter_give(g->self, c, INT64_C(1) << 50);
	assert_int_equal(vfs__counter_used(c), 3);
	vfs__counter_destroy(g->domain, c);
}

/* Threads that hold some and give it back; together never more than all. */
#define THREADS 4
#define MANY_THREADS 20
#define ROUNDS 40004 /* ends in the middle of taking */

struct rush {
	struct vfs__domain *domain;
	struct vfs_counter *counter;
	pthread_barrier_t barrier;
	int64_t held; /* atomic: counted after a take, before a give */
	int64_t limit;
	int64_t over;	/* atomic: times that held was above the limit */
	int64_t kept;	/* atomic: what the threads did not give back */
	int64_t failed; /* atomic */
};

static void *rush(void *context)
{
	struct rush *r = context;
	struct vfs__thread *self = vfs__thread_self(r->domain);
	int64_t mine[8] = {0}, over = 0, failed = 0;
	unsigned seed = (unsigned)(uintptr_t)self;

	pthread_barrier_wait(&r->barrier);
	for (int i = 0; i < ROUNDS; i++) {
		int64_t *slot = &mine[i % 8];

		if (i % 61 == 0)
			sched_yield();
		seed = seed * 1103515245 + 12345;
		if (*slot) {
			__atomic_fetch_sub(&r->held, *slot, __ATOMIC_SEQ_CST);
			vfs__counter_give(self, r->counter, *slot);
			*slot = 0;
			continue;
		}
		*slot = (seed >> 16) % 40 + 1;
		if (vfs__counter_take(self, r->counter, *slot)) {
			failed++;
			*slot = 0;
			continue;
		}
		over += __atomic_add_fetch(&r->held, *slot, __ATOMIC_SEQ_CST) >
			r->limit;
	}
	for (int i = 0; i < 8; i++)
		__atomic_fetch_add(&r->kept, mine[i], __ATOMIC_RELAXED);
	__atomic_fetch_add(&r->over, over, __ATOMIC_RELAXED);
	__atomic_fetch_add(&r->failed, failed, __ATOMIC_RELAXED);
	return NULL;
}

static void run_rush(struct rush *r, unsigned count)
{
	pthread_t threads[MANY_THREADS];

	pthread_barrier_init(&r->barrier, NULL, count);
	for (unsigned i = 0; i < count; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, rush, r), 0);
	for (unsigned i = 0; i < count; i++)
		pthread_join(threads[i], NULL);
	pthread_barrier_destroy(&r->barrier);
}

static void test_counter__threads_never_pass_the_ceiling(void **state)
{
	struct ground *g = *state;
	struct rush r = {.domain = g->domain, .limit = 100};

	assert_int_equal(vfs__counter_create(g->domain, r.limit, &r.counter),
			 0);
	run_rush(&r, THREADS);
	assert_int_equal(r.over, 0);
	assert_true(r.failed > 0);
	assert_int_equal(vfs__counter_used(r.counter), r.kept);
	/* what is left can be had to the last one, from another thread */
	assert_int_equal(
		vfs__counter_take(g->self, r.counter, r.limit - r.kept), 0);
	assert_int_equal(vfs__counter_take(g->self, r.counter, 1), -ENOSPC);
	vfs__counter_destroy(g->domain, r.counter);
}

/* There is enough for all of them all the time, and nobody is refused although
 * the last bit of credit is always somewhere else. */
static void test_counter__nobody_is_refused_what_is_there(void **state)
{
	struct ground *g = *state;
	struct rush r = {.domain = g->domain, .limit = THREADS * 8 * 40};

	assert_int_equal(vfs__counter_create(g->domain, r.limit, &r.counter),
			 0);
	run_rush(&r, THREADS);
	assert_int_equal(r.over, 0);
	assert_int_equal(r.failed, 0);
	assert_int_equal(vfs__counter_used(r.counter), r.kept);
	vfs__counter_destroy(g->domain, r.counter);
}

/* More threads than a counter has shards. */
static void test_counter__many_threads_without_a_ceiling(void **state)
{
	struct ground *g = *state;
	struct rush r = {.domain = g->domain, .limit = VFS_COUNTER_UNLIMITED};

	assert_int_equal(vfs__counter_create(g->domain, r.limit, &r.counter),
			 0);
	run_rush(&r, MANY_THREADS);
	assert_int_equal(r.failed, 0);
	assert_true(r.kept > 0);
	assert_int_equal(vfs__counter_used(r.counter), r.kept);
	vfs__counter_destroy(g->domain, r.counter);
}

int main(void)
{
#define TEST(function) \
	cmocka_unit_test_setup_teardown(function, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_counter__limits),
		TEST(test_counter__another_limit),
		TEST(test_counter__exact_at_the_ceiling),
		TEST(test_counter__passed_by_force),
		TEST(test_counter__without_a_ceiling),
		TEST(test_counter__threads_never_pass_the_ceiling),
		TEST(test_counter__nobody_is_refused_what_is_there),
		TEST(test_counter__many_threads_without_a_ceiling),
	};

	return cmocka_run_group_tests(tests, NULL, NULL) ? 1 : 0;
}
