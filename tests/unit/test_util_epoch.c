/* SPDX-License-Identifier: MIT */
/* Read sections and deferred freeing: util/epoch.h. */
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "support/alloc.h"
#include "util/domain_private.h"

/* What the callbacks of a test count in: a domain's owner is only handed on. */
struct counts {
	struct vfs__domain *domain;
	uint64_t run; /* atomic */
	size_t bytes;
};

static struct counts *counts_of(struct vfs *owner)
{
	return (struct counts *)(void *)owner;
}

static void setup(struct counts *counts, const struct vfs_allocator *allocator)
{
	memset(counts, 0, sizeof(*counts));
	assert_int_equal(vfs__domain_create(allocator,
					    (struct vfs *)(void *)counts, NULL,
					    &counts->domain),
			 0);
}

static uint64_t run_so_far(struct counts *counts)
{
	return __atomic_load_n(&counts->run, __ATOMIC_ACQUIRE);
}

static void count(struct vfs *owner, void *pointer, size_t size)
{
	(void)pointer;
	counts_of(owner)->bytes += size;
	__atomic_fetch_add(&counts_of(owner)->run, 1, __ATOMIC_ACQ_REL);
}

static void free_object(struct vfs *owner, void *pointer, size_t size)
{
	struct counts *counts = counts_of(owner);

	__atomic_fetch_add(&counts->run, 1, __ATOMIC_ACQ_REL);
	vfs__mem_free(vfs__thread_self(counts->domain), pointer, size);
}

/* Retires itself as many times as its address says. */
static void again(struct vfs *owner, void *pointer, size_t size)
{
	struct counts *counts = counts_of(owner);
	uintptr_t left = (uintptr_t)pointer;

	__atomic_fetch_add(&counts->run, 1, __ATOMIC_ACQ_REL);
	if (left)
		vfs__epoch_retire(vfs__thread_self(counts->domain), again,
				  (void *)(left - 1), size);
}

static void test_epoch__synchronize_runs_what_was_retired(void **state)
{
	struct counts counts;
	struct vfs__thread *self;

	(void)state;
	setup(&counts, NULL);
	self = vfs__thread_self(counts.domain);
	for (int i = 1; i <= 5; i++)
		vfs__epoch_retire(self, count, NULL, (size_t)i);
	assert_int_equal(counts.run, 0);
	vfs__epoch_synchronize(self);
	assert_int_equal(counts.run, 5);
	assert_int_equal(counts.bytes, 15);
	vfs__domain_destroy(counts.domain);
	assert_int_equal(counts.run, 5);
}

static void test_epoch__sections_nest(void **state)
{
	struct counts counts;
	struct vfs__thread *self;

	(void)state;
	setup(&counts, NULL);
	self = vfs__thread_self(counts.domain);
	assert_false(vfs__epoch_inside(self));
	vfs__epoch_enter(self);
	vfs__epoch_enter(self);
	vfs__epoch_leave(self);
	assert_true(vfs__epoch_inside(self));
	vfs__epoch_leave(self);
	assert_false(vfs__epoch_inside(self));
	vfs__domain_destroy(counts.domain);
}

static void test_epoch__destroy_runs_the_rest(void **state)
{
	struct counts counts;

	(void)state;
	setup(&counts, NULL);
	vfs__epoch_retire(vfs__thread_self(counts.domain), again, (void *)200,
			  1);
	vfs__domain_destroy(counts.domain);
	assert_int_equal(counts.run, 201);
}

/* A thread that enters a section, and leaves it when told to. */
struct reader {
	struct counts *counts;
	pthread_t thread;
	int inside, leave; /* atomic */
};

static void *reader_main(void *context)
{
	struct reader *reader = context;
	struct vfs__thread *self = vfs__thread_self(reader->counts->domain);

	vfs__epoch_enter(self);
	__atomic_store_n(&reader->inside, 1, __ATOMIC_RELEASE);
	while (!__atomic_load_n(&reader->leave, __ATOMIC_ACQUIRE))
		sched_yield();
	vfs__epoch_leave(self);
	return NULL;
}

static void *visitor_main(void *context)
{
	struct counts *counts = context;

	assert_non_null(vfs__thread_self(counts->domain));
	return NULL;
}

/* A grace period orders all threads' sections, also when nothing is retired:
 * who unmounts waits for one without having retired anything. */
static void test_epoch__waiting_is_always_ordered(void **state)
{
	struct counts counts;
	struct vfs__thread *self;
	pthread_t visitor;
	uint64_t before;

	(void)state;
	setup(&counts, NULL);
	self = vfs__thread_self(counts.domain);
	assert_int_equal(pthread_create(&visitor, NULL, visitor_main, &counts),
			 0);
	pthread_join(visitor, NULL);
	before = counts.domain->barriers_begun;
	vfs__epoch_wait(self);
	vfs__epoch_synchronize(self);
	if (counts.domain->asymmetric)
		assert_int_equal(counts.domain->barriers_begun, before + 2);
	vfs__epoch_retire(self, count, NULL, 1);
	vfs__epoch_synchronize(self);
	assert_int_equal(counts.run, 1);
	if (counts.domain->asymmetric)
		assert_int_equal(counts.domain->barriers_begun, before + 3);
	vfs__domain_destroy(counts.domain);
}

static void reader_start(struct reader *reader, struct counts *counts)
{
	memset(reader, 0, sizeof(*reader));
	reader->counts = counts;
	assert_int_equal(
		pthread_create(&reader->thread, NULL, reader_main, reader), 0);
	while (!__atomic_load_n(&reader->inside, __ATOMIC_ACQUIRE))
		sched_yield();
}

static void reader_stop(struct reader *reader)
{
	__atomic_store_n(&reader->leave, 1, __ATOMIC_RELEASE);
	pthread_join(reader->thread, NULL);
}

static void test_epoch__nothing_runs_under_a_section(void **state)
{
	struct counts counts;
	struct reader reader;
	struct vfs__thread *self;

	(void)state;
	setup(&counts, NULL);
	self = vfs__thread_self(counts.domain);
	reader_start(&reader, &counts);
	for (int i = 0; i < 5000; i++)
		vfs__epoch_retire(self, count, NULL, i % 1000 ? 1 : 1 << 20);
	assert_int_equal(counts.run, 0);
	reader_stop(&reader);
	/* without asking for it, retiring runs what was in the way */
	for (int i = 0; i < 10000; i++)
		vfs__epoch_retire(self, count, NULL, 1);
	assert_true(counts.run >= 10000);
	vfs__epoch_synchronize(self);
	assert_int_equal(counts.run, 15000);
	vfs__domain_destroy(counts.domain);
}

/* What a callback retires gets a grace period of its own: here it is retired
 * while a section is open that began after the callback's. */
struct late {
	struct reader reader;
	uint64_t run_inside; /* callbacks run while the reader was inside */
};

static void late_inner(struct vfs *owner, void *pointer, size_t size)
{
	struct late *late = pointer;

	(void)size;
	if (!__atomic_load_n(&late->reader.leave, __ATOMIC_ACQUIRE))
		late->run_inside++;
	__atomic_fetch_add(&counts_of(owner)->run, 1, __ATOMIC_ACQ_REL);
}

static void late_outer(struct vfs *owner, void *pointer, size_t size)
{
	struct late *late = pointer;
	struct vfs__thread *self = vfs__thread_self(counts_of(owner)->domain);

	(void)size;
	if (!late->reader.counts)
		reader_start(&late->reader, counts_of(owner));
	vfs__epoch_retire(self, late_inner, late, 1);
}

static void test_epoch__callbacks_retire_for_later(void **state)
{
	struct counts counts;
	struct vfs__thread *self;
	struct late late;

	(void)state;
	memset(&late, 0, sizeof(late));
	setup(&counts, NULL);
	self = vfs__thread_self(counts.domain);
	for (int i = 0; i < 64 * 3; i++)
		vfs__epoch_retire(self, late_outer, &late, 1);
	for (int i = 0; i < 64 * 3; i++)
		vfs__epoch_retire(self, count, NULL, 1);
	assert_non_null(late.reader.counts);
	assert_int_equal(late.run_inside, 0);
	reader_stop(&late.reader);
	vfs__epoch_synchronize(self);
	assert_int_equal(counts.run, 64 * 6);
	assert_int_equal(late.run_inside, 0);
	vfs__domain_destroy(counts.domain);
}

static void test_epoch__retires_without_memory(void **state)
{
	struct counts counts;
	struct vfs__thread *self;
	struct test_alloc alloc;

	(void)state;
	test_alloc_init(&alloc);
	setup(&counts, &alloc.hooks);
	self = vfs__thread_self(counts.domain);
	test_alloc_fail(&alloc, 1, UINT64_MAX / 2);
	for (int i = 0; i < 1000; i++)
		vfs__epoch_retire(self, again, (void *)10, 1 << 18);
	vfs__epoch_synchronize(self);
	assert_int_equal(counts.run, 11000);
	test_alloc_heal(&alloc);
	vfs__domain_destroy(counts.domain);
	assert_true(test_alloc_balanced(&alloc));
}

static void *retire_and_exit(void *context)
{
	struct counts *counts = context;

	for (int i = 0; i < 10; i++)
		vfs__epoch_retire(vfs__thread_self(counts->domain), again,
				  (void *)3, 1);
	return NULL;
}

static void test_epoch__exit_runs_the_rest(void **state)
{
	struct counts counts;
	pthread_t thread;

	(void)state;
	setup(&counts, NULL);
	assert_int_equal(
		pthread_create(&thread, NULL, retire_and_exit, &counts), 0);
	pthread_join(thread, NULL);
	assert_int_equal(run_so_far(&counts), 40);
	vfs__domain_destroy(counts.domain);
}

/* In the child the reader is gone, in the middle of its section. */
static void test_epoch__fork_leaves_readers_behind(void **state)
{
	struct counts counts;
	struct reader reader;
	int status;
	pid_t child;

	(void)state;
	setup(&counts, NULL);
	reader_start(&reader, &counts);
	child = fork();
	if (!child) {
		struct vfs__thread *self = vfs__thread_self(counts.domain);

		alarm(20);
		vfs__epoch_retire(self, count, NULL, 1);
		vfs__epoch_synchronize(self);
		for (int i = 0; i < 10000; i++)
			vfs__epoch_retire(self, count, NULL, 1);
		if (counts.run < 5000)
			_exit(1);
		vfs__domain_destroy(counts.domain);
		_exit(counts.run == 10001 ? 0 : 2);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	reader_stop(&reader);
	vfs__domain_destroy(counts.domain);
}

/* One slot that readers follow and writers replace. A reader that sees freed
 * memory sees another magic number (or the sanitizer does). */
#define MAGIC UINT64_C(0x1357246813572468)
#define STRESS_ROUNDS 20000

struct object {
	uint64_t magic;
	uint64_t pad[5];
};

struct stress {
	struct counts counts;
	struct object *slots[4];
	uint64_t wrong; /* atomic */
	int stop;	/* atomic */
};

static void kill_object(struct vfs *owner, void *pointer, size_t size)
{
	((struct object *)pointer)->magic = 0;
	free_object(owner, pointer, size);
}

static void *stress_read(void *context)
{
	struct stress *stress = context;
	struct vfs__thread *self = vfs__thread_self(stress->counts.domain);
	uint64_t wrong = 0;

	for (unsigned i = 0; !__atomic_load_n(&stress->stop, __ATOMIC_RELAXED);
	     i++) {
		struct object *object;

		vfs__epoch_enter(self);
		object = __atomic_load_n(&stress->slots[i % 4],
					 __ATOMIC_ACQUIRE);
		if (object && object->magic != MAGIC)
			wrong++;
		vfs__epoch_leave(self);
	}
	__atomic_fetch_add(&stress->wrong, wrong, __ATOMIC_RELAXED);
	return NULL;
}

static void *stress_write(void *context)
{
	struct stress *stress = context;
	struct vfs__thread *self = vfs__thread_self(stress->counts.domain);

	for (unsigned i = 0; i < STRESS_ROUNDS; i++) {
		struct object *object = vfs__mem_alloc(self, sizeof(*object));

		if (!object)
			abort();
		object->magic = MAGIC;
		object = __atomic_exchange_n(&stress->slots[i % 4], object,
					     __ATOMIC_ACQ_REL);
		if (object)
			vfs__epoch_retire(self, kill_object, object,
					  sizeof(*object));
	}
	return NULL;
}

static void test_epoch__readers_and_writers(void **state)
{
	struct stress stress;
	struct test_alloc alloc;
	pthread_t readers[2], writers[2];

	(void)state;
	memset(&stress, 0, sizeof(stress));
	test_alloc_init(&alloc);
	setup(&stress.counts, &alloc.hooks);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(
			pthread_create(&readers[i], NULL, stress_read, &stress),
			0);
		assert_int_equal(pthread_create(&writers[i], NULL, stress_write,
						&stress),
				 0);
	}
	for (int i = 0; i < 2; i++)
		pthread_join(writers[i], NULL);
	__atomic_store_n(&stress.stop, 1, __ATOMIC_RELAXED);
	for (int i = 0; i < 2; i++)
		pthread_join(readers[i], NULL);
	assert_int_equal(stress.wrong, 0);
	assert_int_equal(run_so_far(&stress.counts), 2 * STRESS_ROUNDS - 4);
	for (int i = 0; i < 4; i++)
		vfs__mem_free(vfs__thread_self(stress.counts.domain),
			      stress.slots[i], sizeof(struct object));
	vfs__domain_destroy(stress.counts.domain);
	assert_true(test_alloc_balanced(&alloc));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_epoch__synchronize_runs_what_was_retired),
		cmocka_unit_test(test_epoch__sections_nest),
		cmocka_unit_test(test_epoch__waiting_is_always_ordered),
		cmocka_unit_test(test_epoch__destroy_runs_the_rest),
		cmocka_unit_test(test_epoch__nothing_runs_under_a_section),
		cmocka_unit_test(test_epoch__callbacks_retire_for_later),
		cmocka_unit_test(test_epoch__retires_without_memory),
		cmocka_unit_test(test_epoch__exit_runs_the_rest),
		cmocka_unit_test(test_epoch__fork_leaves_readers_behind),
		cmocka_unit_test(test_epoch__readers_and_writers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL) ? 1 : 0;
}
