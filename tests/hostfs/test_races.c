/* SPDX-License-Identifier: MIT */
/* Threads that look for names which others of the instance move: what a look-up
 * finds out too late must not undo what was done meanwhile. */
#include "hostfs/host_world.h"

#define PLACES 3

static const char *const places[PLACES] = {"/h/0/a", "/h/1/a", "/h/2/a"};

struct race {
	struct host_world w;
	int stop;   /* atomic */
	int moves;  /* the mover's */
	int result; /* of the last one */
};

static bool goes_on(struct race *r)
{
	return !__atomic_load_n(&r->stop, __ATOMIC_RELAXED);
}

/* From one directory to the next, and never back to the one before. */
static void *move_on(void *argument)
{
	struct race *r = argument;

	while (goes_on(r) && !r->result) {
		r->result = vfs_rename(r->w.task, places[r->moves % PLACES],
				       places[(r->moves + 1) % PLACES]);
		r->moves++;
	}
	return NULL;
}

static void *look_about(void *argument)
{
	struct race *r = argument;
	struct vfs_stat st;

	while (goes_on(r))
		for (int i = 0; i < PLACES; i++)
			(void)vfs_stat(r->w.user, places[i], &st);
	return NULL;
}

static void test_moved_while_looked_for(void **state)
{
	pthread_t threads[3];
	struct vfs_stat st;
	struct race r;

	(void)state;
	memset(&r, 0, sizeof(r));
	check_ok(host_open(&r.w, "cache=revalidate,owner=host"));
	for (int i = 0; i < PLACES; i++)
		host_mkdir(&r.w, (const char[]){(char)('0' + i), '\0'});
	host_put(&r.w, "0/a", "bytes");
	for (int i = 0; i < 3; i++)
		check_eq(pthread_create(&threads[i], NULL,
					i ? look_about : move_on, &r),
			 0);
	usleep(700000);
	__atomic_store_n(&r.stop, 1, __ATOMIC_RELAXED);
	for (int i = 0; i < 3; i++)
		check_eq(pthread_join(threads[i], NULL), 0);
	check_ok(r.result);
	assert_true(r.moves > PLACES);
	for (int i = 0; i < PLACES; i++)
		check_eq(vfs_stat(r.w.task, places[i], &st),
			 i == r.moves % PLACES ? 0 : -ENOENT);
	assert_true(host_close(&r.w));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_moved_while_looked_for),
	};

	return cmocka_run_group_tests(tests, NULL, NULL) ? 1 : 0;
}
