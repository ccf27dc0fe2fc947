/* SPDX-License-Identifier: MIT */
/* Pages with reference counts: lib/util/page.c. */
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

#define PAGE 4096u
#define ARENA_PAGES 512

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

static void test_page__counts_references(void **state)
{
	struct ground *g = *state;
	char *page = vfs__page_alloc(g->self), *other;

	assert_non_null(page);
	assert_int_equal((uintptr_t)page % PAGE, 0);
	memset(page, 1, PAGE);
	assert_false(vfs__page_shared(page));
	assert_ptr_equal(vfs__page_ref(page), page);
	assert_true(vfs__page_shared(page));
	vfs__page_unref(g->self, page);
	assert_false(vfs__page_shared(page));
	other = vfs__page_alloc(g->self);
	assert_non_null(other);
	assert_ptr_not_equal(other, page);
	assert_int_equal(page[PAGE - 1], 1);
	vfs__page_unref(g->self, page);
	vfs__page_unref(g->self, other);
}

/* How many of the pages lie right behind the one before. */
static int neighbours(char **pages, int count)
{
	int found = 0;

	for (int i = 1; i < count; i++)
		found += pages[i] == pages[i - 1] + PAGE;
	return found;
}

static void test_page__neighbours_in_time_and_memory(void **state)
{
	struct ground *g = *state;
	char *pages[1000];

	if (VFS__ASAN)
		skip();
	/* twice: fresh ones, and those that came back in ascending order */
	for (int round = 0; round < 2; round++) {
		for (int i = 0; i < 1000; i++) {
			pages[i] = vfs__page_alloc(g->self);
			assert_non_null(pages[i]);
		}
		assert_true(neighbours(pages, 1000) > 900);
		for (int i = 0; i < 1000; i++)
			vfs__page_unref(g->self, pages[i]);
	}
	/* a small file's worth, as often as one likes */
	for (int round = 0; round < 100; round++) {
		for (int i = 0; i < 8; i++)
			pages[i] = vfs__page_alloc(g->self);
		if (round)
			assert_int_equal(neighbours(pages, 8), 7);
		for (int i = 0; i < 8; i++)
			vfs__page_unref(g->self, pages[i]);
	}
}

static void test_page__the_last_freed_comes_first(void **state)
{
	struct ground *g = *state;
	void *a = vfs__page_alloc(g->self), *b = vfs__page_alloc(g->self);
	void *again;

	if (VFS__ASAN) {
		vfs__page_unref(g->self, a);
		vfs__page_unref(g->self, b);
		skip();
	}
	vfs__page_unref(g->self, b);
	vfs__page_unref(g->self, a);
	again = vfs__page_alloc(g->self);
	assert_ptr_equal(again, a);
	vfs__page_unref(g->self, again);
}

static void test_page__memory_goes_back(void **state)
{
	struct ground *g = *state;
	enum {
		COUNT = ARENA_PAGES * 100
	};
	char **pages = calloc(COUNT, sizeof(*pages));
	int64_t before = g->alloc.live_bytes;

	assert_non_null(pages);
	/* one page: a small arena */
	pages[0] = vfs__page_alloc(g->self);
	assert_true(g->alloc.live_bytes - before <= 256 << 10);
	for (int i = 1; i < COUNT; i++) {
		pages[i] = vfs__page_alloc(g->self);
		assert_non_null(pages[i]);
		if (i % 64 == 0)
			*(int *)pages[i] = i;
	}
	/* the header is one page in 512 */
	assert_true(g->alloc.live_bytes - before <=
		    (int64_t)(COUNT + ARENA_PAGES * 2) * PAGE);
	for (int i = COUNT - 1; i > 0; i--) {
		if (i % 64 == 0)
			assert_int_equal(*(int *)pages[i], i);
		vfs__page_unref(g->self, pages[i]);
	}
	vfs__page_unref(g->self, pages[0]);
	/* 64 free arenas are kept, of 100 */
	assert_true(g->alloc.live_bytes - before <= 66 * ARENA_PAGES * PAGE);
	free(pages);
}

static void test_page__out_of_memory_is_null(void **state)
{
	struct ground *g = *state;
	char *list = NULL, *page;

	for (uint64_t nth = 1; nth <= 3; nth++) {
		test_alloc_fail(&g->alloc, nth, UINT64_MAX / 2);
		while ((page = vfs__page_alloc(g->self))) {
			*(char **)page = list;
			list = page;
		}
		assert_null(vfs__page_alloc(g->self));
		test_alloc_heal(&g->alloc);
		page = vfs__page_alloc(g->self);
		assert_non_null(page);
		*(char **)page = list;
		list = page;
	}
	while ((page = list)) {
		list = *(char **)page;
		vfs__page_unref(g->self, page);
	}
}

/* Threads share pages, write into those that are theirs alone, and free what
 * others allocated. */
#define THREADS 3
#define ROUNDS 300
#define SHARED 100

struct crowd {
	struct vfs__domain *domain;
	void *shared[SHARED];
	int wrong; /* atomic */
};

static void *mingle(void *context)
{
	struct crowd *crowd = context;
	struct vfs__thread *self = vfs__thread_self(crowd->domain);
	uint64_t *own[40];
	int wrong = 0;

	for (int round = 0; round < ROUNDS; round++) {
		for (int i = 0; i < 40; i++) {
			own[i] = vfs__page_alloc(self);
			if (!own[i])
				abort();
			own[i][5] = (uintptr_t)&own[i];
		}
		for (int i = 0; i < SHARED; i++)
			vfs__page_ref(crowd->shared[i]);
		for (int i = 0; i < 40; i++) {
			wrong += own[i][5] != (uintptr_t)&own[i];
			vfs__page_unref(self, own[i]);
		}
		for (int i = 0; i < SHARED; i++) {
			wrong += !vfs__page_shared(crowd->shared[i]);
			vfs__page_unref(self, crowd->shared[i]);
		}
	}
	/* the reference that each thread was given */
	for (int i = 0; i < SHARED; i++)
		vfs__page_unref(self, crowd->shared[i]);
	__atomic_fetch_add(&crowd->wrong, wrong, __ATOMIC_RELAXED);
	return NULL;
}

static void test_page__threads_share(void **state)
{
	struct ground *g = *state;
	struct crowd crowd = {g->domain, {NULL}, 0};
	pthread_t threads[THREADS];

	for (int i = 0; i < SHARED; i++) {
		crowd.shared[i] = vfs__page_alloc(g->self);
		assert_non_null(crowd.shared[i]);
		for (int t = 0; t < THREADS; t++)
			vfs__page_ref(crowd.shared[i]);
	}
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(
			pthread_create(&threads[i], NULL, mingle, &crowd), 0);
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	assert_int_equal(crowd.wrong, 0);
	for (int i = 0; i < SHARED; i++) {
		assert_false(vfs__page_shared(crowd.shared[i]));
		vfs__page_unref(g->self, crowd.shared[i]);
	}
}

int main(void)
{
#define TEST(function) \
	cmocka_unit_test_setup_teardown(function, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_page__counts_references),
		TEST(test_page__neighbours_in_time_and_memory),
		TEST(test_page__the_last_freed_comes_first),
		TEST(test_page__memory_goes_back),
		TEST(test_page__out_of_memory_is_null),
		TEST(test_page__threads_share),
	};

	return cmocka_run_group_tests(tests, NULL, NULL) ? 1 : 0;
}
