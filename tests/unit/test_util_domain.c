/* SPDX-License-Identifier: MIT */
/* Domains and threads' records: util/domain.h. */
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "support/alloc.h"
#include "util/domain.h"
#include "util/epoch.h"

#define MANY 1500 /* more than a process has thread keys */

static void test_domain__many_by_turns_on_one_thread(void **state)
{
	struct vfs__domain *domains[9];
	struct vfs__thread *threads[9];

	(void)state;
	for (int i = 0; i < 9; i++) {
		assert_int_equal(
			vfs__domain_create(NULL, NULL, NULL, &domains[i]), 0);
		threads[i] = vfs__thread_self(domains[i]);
		assert_non_null(threads[i]);
		assert_ptr_equal(vfs__thread_domain(threads[i]), domains[i]);
	}
	for (int round = 0; round < 3; round++)
		for (int i = 0; i < 9; i++)
			assert_ptr_equal(vfs__thread_self(domains[i]),
					 threads[i]);
	for (int i = 0; i < 9; i++)
		vfs__domain_destroy(domains[i]);
	vfs__domain_destroy(NULL);
}

static void *use_once(void *context)
{
	struct vfs__thread *self = vfs__thread_self(context);
	void *object;

	if (!self)
		return NULL;
	object = vfs__mem_alloc(self, 48);
	if (!object)
		return NULL;
	vfs__mem_free(self, object, 48);
	return self;
}

static void test_domain__exit_gives_the_record_back(void **state)
{
	struct vfs__domain *domain;
	struct vfs__thread *own;
	void *first = NULL, *again;
	pthread_t thread;

	(void)state;
	assert_int_equal(vfs__domain_create(NULL, NULL, NULL, &domain), 0);
	own = vfs__thread_self(domain);
	for (int i = 0; i < 20; i++) {
		assert_int_equal(
			pthread_create(&thread, NULL, use_once, domain), 0);
		assert_int_equal(pthread_join(thread, &again), 0);
		assert_non_null(again);
		assert_ptr_not_equal(again, own);
		if (first)
			assert_ptr_equal(again, first);
		first = again;
		assert_int_not_equal(vfs__thread_index(again),
				     vfs__thread_index(own));
	}
	vfs__domain_destroy(domain);
}

static void *use_all(void *context)
{
	struct vfs__domain **domains = context;

	for (int round = 0; round < 2; round++)
		for (int i = 0; i < MANY; i++)
			if (!use_once(domains[i]))
				return NULL;
	return context;
}

static void test_domain__more_than_there_are_keys(void **state)
{
	struct vfs__domain **domains = calloc(MANY, sizeof(*domains));
	struct test_alloc alloc;
	pthread_t thread;
	void *result;

	(void)state;
	test_alloc_init(&alloc);
	assert_non_null(domains);
	for (int i = 0; i < MANY; i++)
		assert_int_equal(vfs__domain_create(&alloc.hooks, NULL, NULL,
						    &domains[i]),
				 0);
	assert_non_null(use_all(domains));
	for (int i = 0; i < 2; i++) {
		assert_int_equal(
			pthread_create(&thread, NULL, use_all, domains), 0);
		assert_int_equal(pthread_join(thread, &result), 0);
		assert_non_null(result);
	}
	for (int i = 0; i < MANY; i++)
		vfs__domain_destroy(domains[i]);
	assert_true(test_alloc_balanced(&alloc));
	free(domains);
}

/* A number is not given twice, so a new domain at an old one's address does
 * not find the old one's record. */
static void test_domain__stale_cache_is_not_found(void **state)
{
	struct vfs__domain *domain;

	(void)state;
	for (int i = 0; i < 50; i++) {
		void *object;

		assert_int_equal(vfs__domain_create(NULL, NULL, NULL, &domain),
				 0);
		object = vfs__mem_alloc(vfs__thread_self(domain), 100);
		assert_non_null(object);
		vfs__mem_free(vfs__thread_self(domain), object, 100);
		vfs__domain_destroy(domain);
	}
}

static void test_domain__every_allocation_may_fail(void **state)
{
	struct test_alloc alloc;
	struct vfs__domain *domain = NULL;
	uint64_t n;
	int err;

	(void)state;
	test_alloc_init(&alloc);
	for (n = 1;; n++) {
		test_alloc_fail(&alloc, n, 1);
		err = vfs__domain_create(&alloc.hooks, NULL, NULL, &domain);
		if (!test_alloc_heal(&alloc))
			break;
		assert_int_equal(err, -12);
		assert_null(domain);
		assert_true(test_alloc_balanced(&alloc));
	}
	assert_int_equal(err, 0);
	assert_true(n > 1);
	vfs__domain_destroy(domain);
	assert_true(test_alloc_balanced(&alloc));
}

static void *use_without_memory(void *context)
{
	return vfs__thread_self(context) ? NULL : context;
}

static void test_domain__no_memory_for_a_record(void **state)
{
	struct test_alloc alloc;
	struct vfs__domain *domain;
	pthread_t thread;
	void *result;

	(void)state;
	test_alloc_init(&alloc);
	assert_int_equal(vfs__domain_create(&alloc.hooks, NULL, NULL, &domain),
			 0);
	test_alloc_fail(&alloc, 1, 1000);
	assert_int_equal(
		pthread_create(&thread, NULL, use_without_memory, domain), 0);
	pthread_join(thread, &result);
	assert_ptr_equal(result, domain);
	test_alloc_heal(&alloc);
	vfs__domain_destroy(domain);
	assert_true(test_alloc_balanced(&alloc));
}

static void test_domain__blocks_of_any_size(void **state)
{
	static const size_t sizes[] = {1,	16,	 4096,	   100000,
				       1 << 20, 2 << 20, 3u << 20, 8u << 20};
	static const size_t aligns[] = {16, 64, 4096, 65536, 2 << 20};
	struct vfs__domain *domain;

	(void)state;
	assert_int_equal(vfs__domain_create(NULL, NULL, NULL, &domain), 0);
	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		for (size_t j = 0; j < sizeof(aligns) / sizeof(*aligns); j++) {
			char *p =
				vfs__domain_alloc(domain, sizes[i], aligns[j]);

			assert_non_null(p);
			assert_int_equal((uintptr_t)p % aligns[j], 0);
			p[0] = 1;
			p[sizes[i] - 1] = 1;
			vfs__domain_free(domain, p, sizes[i], aligns[j]);
		}
	}
	vfs__domain_free(domain, NULL, 16, 16);
	vfs__domain_destroy(domain);
}

struct leaver {
	struct vfs__domain *domain;
	uint32_t done; /* atomic */
};

static void free_object(struct vfs *owner, void *pointer, size_t size)
{
	struct leaver *leaver = (void *)owner;

	vfs__mem_free(vfs__thread_self(leaver->domain), pointer, size);
}

static void *leave_much(void *argument)
{
	struct leaver *leaver = argument;
	struct vfs__thread *self = vfs__thread_self(leaver->domain);

	for (int i = 0; i < 200; i++)
		vfs__epoch_retire(self, free_object, vfs__mem_alloc(self, 64),
				  64);
	__atomic_store_n(&leaver->done, 1, __ATOMIC_RELEASE);
	return NULL;
}

/* Languages join their threads before the system does: a domain may end while
 * one is still on its way out, with things to give back. */
static void test_domain__ends_while_a_thread_exits(void **state)
{
	(void)state;
	for (int i = 0; i < 300; i++) {
		struct leaver leaver = {.done = 0};
		pthread_t thread;

		assert_int_equal(vfs__domain_create(NULL, (void *)&leaver, NULL,
						    &leaver.domain),
				 0);
		assert_int_equal(
			pthread_create(&thread, NULL, leave_much, &leaver), 0);
		while (!__atomic_load_n(&leaver.done, __ATOMIC_ACQUIRE))
			sched_yield();
		for (int spins = 0; spins < i * 20; spins++)
			__asm__ volatile("");
		vfs__domain_destroy(leaver.domain);
		pthread_join(thread, NULL);
	}
}

static void test_domain__goes_on_in_a_forked_child(void **state)
{
	struct vfs__domain *domain;
	int status;
	pid_t child;

	(void)state;
	assert_int_equal(vfs__domain_create(NULL, NULL, NULL, &domain), 0);
	assert_non_null(use_once(domain));
	child = fork();
	if (!child) {
		pthread_t thread;
		void *result = NULL;

		if (!use_once(domain))
			_exit(1);
		if (pthread_create(&thread, NULL, use_once, domain) ||
		    pthread_join(thread, &result) || !result)
			_exit(2);
		vfs__domain_destroy(domain);
		_exit(0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	vfs__domain_destroy(domain);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_domain__many_by_turns_on_one_thread),
		cmocka_unit_test(test_domain__exit_gives_the_record_back),
		cmocka_unit_test(test_domain__more_than_there_are_keys),
		cmocka_unit_test(test_domain__stale_cache_is_not_found),
		cmocka_unit_test(test_domain__every_allocation_may_fail),
		cmocka_unit_test(test_domain__no_memory_for_a_record),
		cmocka_unit_test(test_domain__blocks_of_any_size),
		cmocka_unit_test(test_domain__ends_while_a_thread_exits),
		cmocka_unit_test(test_domain__goes_on_in_a_forked_child),
	};

	return cmocka_run_group_tests(tests, NULL, NULL) ? 1 : 0;
}
