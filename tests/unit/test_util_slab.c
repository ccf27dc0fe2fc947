/* SPDX-License-Identifier: MIT */
/* Small objects: lib/util/slab.c. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "support/alloc.h"
#include "util/domain.h"
#include "util/sanitize.h"

#define BIG_ARENA ((int64_t)2 << 20)

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

static void fill(void *object, size_t size, size_t key)
{
	memset(object, (int)(key * 37 & 0xff), size);
}

static bool filled(const void *object, size_t size, size_t key)
{
	const unsigned char *bytes = object;

	for (size_t i = 0; i < size; i++)
		if (bytes[i] != (key * 37 & 0xff))
			return false;
	return true;
}

static void test_slab__sizes_and_alignment(void **state)
{
	struct ground *g = *state;

	for (size_t size = 1; size <= 1200; size++) {
		void *a = vfs__mem_alloc(g->self, size);
		void *b = vfs__mem_alloc(g->self, size);

		assert_non_null(a);
		assert_non_null(b);
		assert_int_equal((uintptr_t)a % (size % 64 ? 16 : 64), 0);
		fill(a, size, 1);
		fill(b, size, 2);
		assert_true(filled(a, size, 1));
		vfs__mem_free(g->self, a, size);
		vfs__mem_free(g->self, b, size);
	}
	vfs__mem_free(g->self, NULL, 5);
}

/* Many of all classes at once: none overlaps, all come back. */
static void test_slab__objects_do_not_overlap(void **state)
{
	struct ground *g = *state;
	enum {
		COUNT = 20000
	};
	void **objects = calloc(COUNT, sizeof(*objects));
	unsigned seed = 7;

	assert_non_null(objects);
	for (int round = 0; round < 3; round++) {
		for (size_t i = 0; i < COUNT; i++) {
			size_t size = i % 1024 + 1;

			if (objects[i])
				continue;
			objects[i] = vfs__mem_alloc(g->self, size);
			assert_non_null(objects[i]);
			fill(objects[i], size, i);
		}
		for (size_t i = 0; i < COUNT; i++) {
			size_t size = i % 1024 + 1;

			seed = seed * 1103515245 + 12345;
			if (round < 2 && seed & 0x10000)
				continue;
			assert_true(filled(objects[i], size, i));
			vfs__mem_free(g->self, objects[i], size);
			objects[i] = NULL;
		}
	}
	free(objects);
}

/* An object of 144 bytes costs 144: within two in a hundred, and the arena
 * that is begun. */
static void test_slab__costs_what_it_takes(void **state)
{
	static const size_t sizes[] = {16, 64, 144, 240, 256, 272, 912, 1024};
	struct ground *g = *state;
	enum {
		BYTES = 24 << 20
	};

	if (VFS__ASAN)
		skip();
	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		size_t size = sizes[i], count = BYTES / size;
		int64_t before = g->alloc.live_bytes, cost;
		void *list = NULL, *object;

		for (size_t n = 0; n < count; n++) {
			object = vfs__mem_alloc(g->self, size);
			assert_non_null(object);
			*(void **)object = list;
			list = object;
		}
		cost = g->alloc.live_bytes - before;
		assert_true(cost <= BYTES + BYTES / 50 + BIG_ARENA);
		while ((object = list)) {
			list = *(void **)object;
			vfs__mem_free(g->self, object, size);
		}
		/* what a thread and a depot keep of a class hold spans of an
		 * arena or two */
		assert_true(g->alloc.live_bytes - before <= 4 * BIG_ARENA);
	}
}

/* What one class gave back another one uses. */
static void test_slab__spans_change_class(void **state)
{
	struct ground *g = *state;
	int64_t most = 0;

	if (VFS__ASAN)
		skip();
	for (size_t size = 16; size <= 1024; size += 16) {
		void *list = NULL, *object;

		for (size_t n = 0; n < (1 << 20) / size; n++) {
			object = vfs__mem_alloc(g->self, size);
			assert_non_null(object);
			*(void **)object = list;
			list = object;
		}
		while ((object = list)) {
			list = *(void **)object;
			vfs__mem_free(g->self, object, size);
		}
		if (g->alloc.live_bytes > most)
			most = g->alloc.live_bytes;
	}
	/* 64 classes with a mebibyte each were there, never at a time */
	assert_true(most < 16 << 20);
}

static void test_slab__small_ones_begin_small(void **state)
{
	struct ground *g = *state;
	int64_t before = g->alloc.live_bytes;
	void *object;

	if (VFS__ASAN)
		skip();
	object = vfs__mem_alloc(g->self, 100);
	assert_non_null(object);
	assert_true(g->alloc.live_bytes - before <= 65 << 10);
	vfs__mem_free(g->self, object, 100);
}

static void test_slab__out_of_memory_is_null(void **state)
{
	struct ground *g = *state;
	void *list = NULL, *object;
	size_t count = 0;

	for (size_t nth = 1; nth <= 6; nth++) {
		test_alloc_fail(&g->alloc, nth, UINT64_MAX / 2);
		while ((object = vfs__mem_alloc(g->self, 512))) {
			*(void **)object = list;
			list = object;
			count++;
		}
		assert_null(vfs__mem_alloc(g->self, 512));
		assert_null(vfs__mem_alloc(g->self, 5000));
		test_alloc_heal(&g->alloc);
		object = vfs__mem_alloc(g->self, 512);
		assert_non_null(object);
		vfs__mem_free(g->self, object, 512);
	}
	assert_true(count > 0);
	while ((object = list)) {
		list = *(void **)object;
		vfs__mem_free(g->self, object, 512);
	}
}

/* Where there is no room for a large arena, a small one does. */
static void test_slab__a_little_memory_will_do(void **state)
{
	struct ground *g = *state;
	void *list = NULL, *object;

	if (VFS__ASAN)
		skip();
	for (int i = 0; i < 4000; i++) {
		/* of two: the arena's own record comes before it */
		if (i)
			test_alloc_fail(&g->alloc, 2, 1);
		object = vfs__mem_alloc(g->self, 1024);
		test_alloc_heal(&g->alloc);
		assert_non_null(object);
		*(void **)object = list;
		list = object;
	}
	while ((object = list)) {
		list = *(void **)object;
		vfs__mem_free(g->self, object, 1024);
	}
}

static void test_slab__plain_domains_ask_each_time(void **state)
{
	struct ground *g = *state;
	void *objects[100];
	uint64_t calls;

	vfs__domain_set_plain(g->domain);
	calls = g->alloc.calls;
	for (int i = 0; i < 100; i++) {
		objects[i] = vfs__mem_alloc(g->self, 40);
		assert_non_null(objects[i]);
	}
	assert_int_equal(g->alloc.calls - calls, 100);
	for (int i = 0; i < 100; i++)
		vfs__mem_free(g->self, objects[i], 40);
	test_alloc_fail(&g->alloc, 1, 1);
	assert_null(vfs__mem_alloc(g->self, 40));
	assert_int_equal(test_alloc_heal(&g->alloc), 1);
}

/* Objects go round: each thread frees what its neighbour allocated. */
#define THREADS 3
#define ROUNDS 200
#define HANDED 300

struct carousel {
	struct vfs__domain *domain;
	pthread_barrier_t barrier;
	void *handed[THREADS][HANDED];
	int wrong; /* atomic */
};

struct rider {
	struct carousel *carousel;
	int number;
};

static size_t handed_size(int i)
{
	return (size_t)(i * 7 % 600 + 1);
}

static void *ride(void *context)
{
	struct rider *rider = context;
	struct carousel *c = rider->carousel;
	struct vfs__thread *self = vfs__thread_self(c->domain);
	int next = (rider->number + 1) % THREADS, wrong = 0;

	for (int round = 0; round < ROUNDS; round++) {
		for (int i = 0; i < HANDED; i++) {
			void *p = vfs__mem_alloc(self, handed_size(i));

			if (!p)
				abort();
			fill(p, handed_size(i), (size_t)(rider->number + i));
			c->handed[rider->number][i] = p;
		}
		pthread_barrier_wait(&c->barrier);
		for (int i = 0; i < HANDED; i++) {
			void *p = c->handed[next][i];

			wrong += !filled(p, handed_size(i), (size_t)(next + i));
			vfs__mem_free(self, p, handed_size(i));
		}
		pthread_barrier_wait(&c->barrier);
	}
	__atomic_fetch_add(&c->wrong, wrong, __ATOMIC_RELAXED);
	return NULL;
}

static void test_slab__threads_free_each_others(void **state)
{
	struct ground *g = *state;
	struct carousel *c = calloc(1, sizeof(*c));
	struct rider riders[THREADS];
	pthread_t threads[THREADS];
	int64_t after;

	assert_non_null(c);
	c->domain = g->domain;
	pthread_barrier_init(&c->barrier, NULL, THREADS);
	for (int i = 0; i < THREADS; i++) {
		riders[i] = (struct rider){c, i};
		assert_int_equal(
			pthread_create(&threads[i], NULL, ride, &riders[i]), 0);
	}
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	assert_int_equal(c->wrong, 0);
	/* the threads gave all back; depots keep 64 KiB a class at most */
	after = g->alloc.live_bytes;
	assert_true(after < 12 << 20);
	pthread_barrier_destroy(&c->barrier);
	free(c);
}

int main(void)
{
#define TEST(function) \
	cmocka_unit_test_setup_teardown(function, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_slab__sizes_and_alignment),
		TEST(test_slab__objects_do_not_overlap),
		TEST(test_slab__costs_what_it_takes),
		TEST(test_slab__spans_change_class),
		TEST(test_slab__small_ones_begin_small),
		TEST(test_slab__out_of_memory_is_null),
		TEST(test_slab__a_little_memory_will_do),
		TEST(test_slab__plain_domains_ask_each_time),
		TEST(test_slab__threads_free_each_others),
	};

	return cmocka_run_group_tests(tests, NULL, NULL) ? 1 : 0;
}
