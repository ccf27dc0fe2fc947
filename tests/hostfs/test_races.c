/* SPDX-License-Identifier: MIT */
/* Threads that look for names which others of the instance move: what a look-up
 * finds out too late must not undo what was done meanwhile. */
#include "hostfs/host_world.h"

#include <vfs/inotify.h>

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

static void start_race(struct race *r)
{
	memset(r, 0, sizeof(*r));
	check_ok(host_open(&r->w, "cache=revalidate,owner=host"));
	for (int i = 0; i < PLACES; i++)
		host_mkdir(&r->w, (const char[]){(char)('0' + i), '\0'});
	host_put(&r->w, "0/a", "bytes");
}

/* One thread does something, two look on. */
static void run_race(struct race *r, void *(*doing)(void *),
		     void *(*looking)(void *))
{
	pthread_t threads[3];

	for (int i = 0; i < 3; i++)
		check_eq(pthread_create(&threads[i], NULL, i ? looking : doing,
					r),
			 0);
	usleep(700000);
	__atomic_store_n(&r->stop, 1, __ATOMIC_RELAXED);
	for (int i = 0; i < 3; i++)
		check_eq(pthread_join(threads[i], NULL), 0);
	check_ok(r->result);
	assert_true(r->moves > PLACES);
}

static void test_moved_while_looked_for(void **state)
{
	struct vfs_stat st;
	struct race r;

	(void)state;
	start_race(&r);
	run_race(&r, move_on, look_about);
	for (int i = 0; i < PLACES; i++)
		check_eq(vfs_stat(r.w.task, places[i], &st),
			 i == r.moves % PLACES ? 0 : -ENOENT);
	assert_true(host_close(&r.w));
}

/* ---- a second name ---- */

static void *link_on(void *argument)
{
	struct race *r = argument;

	while (goes_on(r) && !r->result) {
		r->result = vfs_link(r->w.task, "/h/0/a", "/h/1/a");
		if (!r->result)
			r->result = vfs_unlink(r->w.task, "/h/1/a");
		r->moves++;
	}
	return NULL;
}

/* The first name leads to it all the time. */
static void *look_at_first(void *argument)
{
	struct race *r = argument;
	struct vfs_stat st;
	int err;

	while (goes_on(r)) {
		err = vfs_stat(r->w.user, "/h/0/a", &st);
		if (!err && !st.nlink)
			err = -EMLINK;
		if (err)
			__atomic_store_n(&r->result, err, __ATOMIC_RELAXED);
	}
	return NULL;
}

/* Nobody is told that it is gone. */
static void test_one_name_of_two(void **state)
{
	const uint32_t gone = VFS_IN_DELETE_SELF;
	struct race r;
	char event[64];
	int queue;

	(void)state;
	start_race(&r);
	queue = check_fd(vfs_inotify_init1(r.w.task, O_NONBLOCK));
	check_eq(vfs_inotify_add_watch(r.w.task, queue, "/h/0/a", gone), 1);
	run_race(&r, link_on, look_at_first);
	check_eq(vfs_read(r.w.task, queue, event, sizeof(event)), -EAGAIN);
	check_ok(vfs_close(r.w.task, queue));
	assert_true(host_close(&r.w));
}

/* ---- the last name ---- */

/* What is left of the file is known, and that it has no name. */
static int remove_one(struct vfs_task *task, int fd)
{
	struct vfs_stat st;
	int err = vfs_unlink(task, "/h/0/a");

	if (!err)
		err = vfs_fstat(task, fd, &st);
	return err || !st.nlink ? err : -EMLINK;
}

static void *remove_on(void *argument)
{
	struct race *r = argument;
	int fd;

	while (goes_on(r) && !r->result) {
		fd = vfs_open(r->w.task, "/h/0/a", O_PATH, 0);
		r->result = fd < 0 ? fd : remove_one(r->w.task, fd);
		vfs_close(r->w.task, fd);
		if (!r->result)
			host_put(&r->w, "0/a", "bytes");
		r->moves++;
	}
	return NULL;
}

static void test_removed_while_looked_for(void **state)
{
	struct race r;

	(void)state;
	start_race(&r);
	run_race(&r, remove_on, look_about);
	assert_true(host_close(&r.w));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_moved_while_looked_for),
		cmocka_unit_test(test_one_name_of_two),
		cmocka_unit_test(test_removed_while_looked_for),
	};

	return cmocka_run_group_tests(tests, NULL, NULL) ? 1 : 0;
}
