/* SPDX-License-Identifier: MIT */
/* Mutex and reader-writer lock: util/lock.h. */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "util/lock.h"

#define THREADS 4
#define ROUNDS 20000

struct shared {
	struct vfs__mutex mutex;
	uint32_t rw;
	uint64_t a, b;	/* equal when nobody writes; the lock */
	uint64_t wrong; /* atomic */
	int stop;	/* atomic */
	int arrived;	/* atomic */
};

static void run(void *(*function)(void *), struct shared *shared)
{
	pthread_t threads[THREADS];

	for (int i = 0; i < THREADS; i++)
		assert_int_equal(
			pthread_create(&threads[i], NULL, function, shared), 0);
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
}

static void test_lock__try(void **state)
{
	struct vfs__mutex mutex = {77};
	uint32_t rw = 0;

	(void)state;
	vfs__mutex_init(&mutex);
	assert_true(vfs__mutex_trylock(&mutex, VFS__RANK_LEAF));
	assert_false(vfs__mutex_trylock(&mutex, VFS__RANK_LEAF));
	vfs__mutex_unlock(&mutex, VFS__RANK_LEAF);
	vfs__mutex_lock(&mutex, VFS__RANK_LEAF);
	assert_false(vfs__mutex_trylock(&mutex, VFS__RANK_LEAF));
	vfs__mutex_unlock(&mutex, VFS__RANK_LEAF);
	assert_int_equal(mutex.word, 0);

	assert_true(vfs__rw_try_excl(&rw, VFS__RANK_INODE));
	assert_false(vfs__rw_try_excl(&rw, VFS__RANK_INODE));
	assert_false(vfs__rw_try_shared(&rw, VFS__RANK_INODE));
	vfs__rw_unlock_excl(&rw);
	assert_true(vfs__rw_try_shared(&rw, VFS__RANK_INODE));
	assert_true(vfs__rw_try_shared(&rw, VFS__RANK_INODE));
	assert_false(vfs__rw_try_excl(&rw, VFS__RANK_INODE));
	vfs__rw_unlock_shared(&rw);
	assert_false(vfs__rw_try_excl(&rw, VFS__RANK_INODE));
	vfs__rw_unlock_shared(&rw);
	assert_true(vfs__rw_try_excl(&rw, VFS__RANK_INODE));
	vfs__rw_unlock_excl(&rw);
	assert_int_equal(rw, 0);
}

/* A reader that was not woken by the unlocking came in by itself. */
static void test_lock__lost_wake_leaves_nothing(void **state)
{
	uint32_t rw = VFS__LOCK_SLEEP;

	(void)state;
	vfs__rw_lock_shared(&rw, VFS__RANK_INODE);
	vfs__rw_lock_shared(&rw, VFS__RANK_INODE + 1);
	vfs__rw_unlock_shared(&rw);
	assert_int_equal(rw, VFS__LOCK_SLEEP + 1);
	vfs__rw_unlock_shared(&rw);
	assert_int_equal(rw, 0);
	/* a writer's flag stays until it had its turn */
	rw = 1 | VFS__LOCK_WRITER;
	vfs__rank_take(&rw, VFS__RANK_INODE, false, false);
	vfs__rw_unlock_shared(&rw);
	assert_int_equal(rw, VFS__LOCK_WRITER);
}

static void *come_and_go(void *context)
{
	struct shared *s = context;
	bool reader = __atomic_fetch_add(&s->arrived, 1, __ATOMIC_RELAXED);

	while (!__atomic_load_n(&s->stop, __ATOMIC_RELAXED)) {
		if (reader) {
			vfs__rw_lock_shared(&s->rw, VFS__RANK_INODE);
			vfs__rw_unlock_shared(&s->rw);
		} else {
			vfs__rw_lock_excl(&s->rw, VFS__RANK_INODE);
			vfs__rw_unlock_excl(&s->rw);
		}
	}
	return NULL;
}

/* Who comes last leaves a lock that can be had by trying. */
static void test_lock__is_free_in_the_end(void **state)
{
	const struct timespec nap = {0, 2000000};
	pthread_t threads[3];

	(void)state;
	for (int round = 0; round < 100; round++) {
		struct shared s = {.rw = 0};

		for (int i = 0; i < 3; i++)
			assert_int_equal(pthread_create(&threads[i], NULL,
							come_and_go, &s),
					 0);
		nanosleep(&nap, NULL);
		__atomic_store_n(&s.stop, 1, __ATOMIC_RELAXED);
		for (int i = 0; i < 3; i++)
			pthread_join(threads[i], NULL);
		assert_true(vfs__rw_try_excl(&s.rw, VFS__RANK_INODE));
		vfs__rw_unlock_excl(&s.rw);
	}
}

static void *count_under_mutex(void *context)
{
	struct shared *s = context;

	for (int i = 0; i < ROUNDS; i++) {
		if (i % 3 || !vfs__mutex_trylock(&s->mutex, VFS__RANK_LEAF))
			vfs__mutex_lock(&s->mutex, VFS__RANK_LEAF);
		s->a++;
		if (i % 500 == 0)
			sched_yield();
		s->b++;
		if (s->a != s->b)
			s->wrong++;
		vfs__mutex_unlock(&s->mutex, VFS__RANK_LEAF);
	}
	return NULL;
}

static void test_lock__mutex_excludes(void **state)
{
	struct shared s;

	(void)state;
	memset(&s, 0, sizeof(s));
	run(count_under_mutex, &s);
	assert_int_equal(s.wrong, 0);
	assert_int_equal(s.a, THREADS * ROUNDS);
	assert_int_equal(s.mutex.word, 0);
}

static void *read_and_write(void *context)
{
	struct shared *s = context;
	uint64_t wrong = 0;

	for (int i = 0; i < ROUNDS; i++) {
		if (i % 8 == 0) {
			vfs__rw_lock_excl(&s->rw, VFS__RANK_INODE);
			s->a++;
			if (i % 512 == 0)
				sched_yield();
			s->b++;
			vfs__rw_unlock_excl(&s->rw);
		} else {
			if (i % 3 ||
			    !vfs__rw_try_shared(&s->rw, VFS__RANK_INODE))
				vfs__rw_lock_shared(&s->rw, VFS__RANK_INODE);
			wrong += s->a != s->b;
			if (i % 500 == 0)
				sched_yield();
			wrong += s->a != s->b;
			vfs__rw_unlock_shared(&s->rw);
		}
	}
	__atomic_fetch_add(&s->wrong, wrong, __ATOMIC_RELAXED);
	return NULL;
}

static void test_lock__readers_and_writers_exclude(void **state)
{
	struct shared s;

	(void)state;
	memset(&s, 0, sizeof(s));
	run(read_and_write, &s);
	assert_int_equal(s.wrong, 0);
	assert_int_equal(s.a, THREADS * ROUNDS / 8);
	assert_int_equal(s.rw, 0);
}

/* Holds the lock, overlapping with the other readers, until told to stop. */
static void *read_without_pause(void *context)
{
	struct shared *s = context;
	struct timespec nap = {0, 200000};

	__atomic_fetch_add(&s->arrived, 1, __ATOMIC_RELAXED);
	while (!__atomic_load_n(&s->stop, __ATOMIC_RELAXED)) {
		vfs__rw_lock_shared(&s->rw, VFS__RANK_INODE);
		nanosleep(&nap, NULL);
		vfs__rw_unlock_shared(&s->rw);
	}
	return NULL;
}

static void test_lock__writers_do_not_starve(void **state)
{
	pthread_t threads[THREADS];
	struct shared s;

	(void)state;
	memset(&s, 0, sizeof(s));
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL,
						read_without_pause, &s),
				 0);
	while (__atomic_load_n(&s.arrived, __ATOMIC_RELAXED) < THREADS)
		sched_yield();
	/* returns at all: a word that readers hold in turn is never 0 */
	for (int i = 0; i < 100; i++) {
		vfs__rw_lock_excl(&s.rw, VFS__RANK_INODE);
		s.a++;
		vfs__rw_unlock_excl(&s.rw);
	}
	__atomic_store_n(&s.stop, 1, __ATOMIC_RELAXED);
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	assert_int_equal(s.rw, 0);
}

static void *lock_and_leave_errno(void *context)
{
	struct shared *s = context;

	errno = 1234;
	vfs__mutex_lock(&s->mutex, VFS__RANK_LEAF);
	vfs__mutex_unlock(&s->mutex, VFS__RANK_LEAF);
	vfs__rw_lock_shared(&s->rw, VFS__RANK_INODE);
	vfs__rw_unlock_shared(&s->rw);
	vfs__rw_lock_excl(&s->rw, VFS__RANK_INODE);
	vfs__rw_unlock_excl(&s->rw);
	return (void *)(intptr_t)errno;
}

static void test_lock__waiting_leaves_errno_alone(void **state)
{
	struct timespec nap = {0, 20000000};
	struct shared s;
	pthread_t thread;
	void *result;

	(void)state;
	memset(&s, 0, sizeof(s));
	vfs__rw_lock_excl(&s.rw, VFS__RANK_INODE);
	vfs__mutex_lock(&s.mutex, VFS__RANK_LEAF);
	assert_int_equal(
		pthread_create(&thread, NULL, lock_and_leave_errno, &s), 0);
	nanosleep(&nap, NULL);
	vfs__mutex_unlock(&s.mutex, VFS__RANK_LEAF);
	nanosleep(&nap, NULL);
	vfs__rw_unlock_excl(&s.rw);
	pthread_join(thread, &result);
	assert_int_equal((intptr_t)result, 1234);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lock__try),
		cmocka_unit_test(test_lock__lost_wake_leaves_nothing),
		cmocka_unit_test(test_lock__is_free_in_the_end),
		cmocka_unit_test(test_lock__mutex_excludes),
		cmocka_unit_test(test_lock__readers_and_writers_exclude),
		cmocka_unit_test(test_lock__writers_do_not_starve),
		cmocka_unit_test(test_lock__waiting_leaves_errno_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL) ? 1 : 0;
}
