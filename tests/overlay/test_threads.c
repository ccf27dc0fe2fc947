/* SPDX-License-Identifier: MIT */
/* Copying up while others write, read, link and rename: nothing is lost, and
 * the lower layer stays as it was. */
#include "layers.h"

#include <pthread.h>
#include <stdlib.h>

#define FILES 40
#define THREADS 4
#define RECORD 16

struct worker {
	struct vfs_task *task;
	int number;
	int problems;
};

static pthread_barrier_t together;

static void put_lower(struct vfs_task *task)
{
	char path[64];

	for (int i = 0; i < FILES; i++) {
		snprintf(path, sizeof(path), "/l/bottom/d/f%d", i);
		put_file(task, path, "0123456789abcdef");
	}
}

static int problem(int64_t got, int64_t expected)
{
	return got != expected;
}

/* All come upon each file at the same time; each appends its own record. */
static void *append(void *arg)
{
	struct worker *w = arg;
	char path[64], record[RECORD];

	memset(record, 'A' + w->number, sizeof(record));
	for (int i = 0; i < FILES; i++) {
		char start[RECORD];
		int reader, fd;

		snprintf(path, sizeof(path), "/m/d/f%d", i);
		reader = vfs_open(w->task, path, O_RDONLY, 0);
		pthread_barrier_wait(&together);
		if (w->number == 0)
			w->problems +=
				problem(vfs_chmod(w->task, path, 0600), 0);
		fd = vfs_open(w->task, path, O_WRONLY | O_APPEND, 0);
		w->problems +=
			problem(vfs_write(w->task, fd, record, RECORD), RECORD);
		w->problems += problem(
			vfs_pread(w->task, reader, start, RECORD, 0), RECORD);
		w->problems +=
			problem(memcmp(start, "0123456789abcdef", RECORD), 0);
		vfs_close(w->task, fd);
		vfs_close(w->task, reader);
	}
	return NULL;
}

static void run(struct world *world, void *(*body)(void *))
{
	struct worker workers[THREADS] = {0};
	pthread_t threads[THREADS];

	pthread_barrier_init(&together, NULL, THREADS);
	for (int i = 0; i < THREADS; i++) {
		workers[i].number = i;
		check_ok(vfs_task_clone(world->task, 0, &workers[i].task));
		assert_int_equal(
			pthread_create(&threads[i], NULL, body, &workers[i]),
			0);
	}
	for (int i = 0; i < THREADS; i++) {
		pthread_join(threads[i], NULL);
		vfs_task_unref(workers[i].task);
		assert_int_equal(workers[i].problems, 0);
	}
	pthread_barrier_destroy(&together);
}

static void check_records(struct vfs_task *task, const char *path)
{
	char data[(THREADS + 2) * RECORD];
	int fd = check_fd(vfs_open(task, path, O_RDONLY, 0));
	int seen[THREADS] = {0};

	check_eq(vfs_read(task, fd, data, sizeof(data)),
		 (THREADS + 1) * RECORD);
	for (int i = 1; i <= THREADS; i++)
		seen[data[i * RECORD] - 'A']++;
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(seen[i], 1);
	check_ok(vfs_close(task, fd));
}

static void appends(struct world *w, const char *options)
{
	char *before, *after, path[64];

	make_layers(w->task);
	fill_lower(w->task);
	put_lower(w->task);
	before = dump_tree(w->task, "/l/bottom");
	check_ok(mount_overlay(w->task, options));
	run(w, append);
	for (int i = 0; i < FILES; i++) {
		snprintf(path, sizeof(path), "/m/d/f%d", i);
		check_records(w->task, path);
	}
	after = dump_tree(w->task, "/l/bottom");
	assert_string_equal(before, after);
	assert_string_equal(names_in(w->task, "/l/work/work"), "");
	free(before);
	free(after);
}

static void test_append(void **state)
{
	appends(*state, ONE);
}

static void test_append_metacopy(void **state)
{
	appends(*state, ONE ",metacopy=on,index=on,redirect_dir=on");
}

/* One of them gets each name; the others are told. */
static void *take(void *arg)
{
	struct worker *w = arg;
	char from[64], to[64];

	for (int i = 0; i < FILES; i++) {
		int err;

		snprintf(from, sizeof(from), "/m/d/f%d", i);
		snprintf(to, sizeof(to), "/m/d/e/f%d", i);
		pthread_barrier_wait(&together);
		switch (w->number) {
		case 0:
			err = vfs_rename(w->task, from, to);
			break;
		case 1:
			err = vfs_unlink(w->task, from);
			break;
		case 2:
			err = vfs_link(w->task, from, to);
			if (err == -EEXIST)
				err = 0;
			break;
		default:
			err = vfs_truncate(w->task, from, 3);
			break;
		}
		w->problems += err != 0 && err != -ENOENT;
	}
	return NULL;
}

static void test_names(void **state)
{
	struct world *w = *state;
	char *before, *after;

	make_layers(w->task);
	fill_lower(w->task);
	put_lower(w->task);
	before = dump_tree(w->task, "/l/bottom");
	check_ok(mount_overlay(w->task, ONE));
	run(w, take);
	/* either of the first two took the name away */
	assert_string_equal(names_in(w->task, "/m/d"), "e x ");
	after = dump_tree(w->task, "/l/bottom");
	assert_string_equal(before, after);
	/* what whiteouts are links to */
	assert_true(strlen(names_in(w->task, "/l/work/work")) <= 4);
	free(before);
	free(after);
}

/* By four names of one file: it comes up once, and each name when it is used.
 */
static void *use_links(void *arg)
{
	struct worker *w = arg;
	char from[64], to[64];

	for (int i = 0; i < FILES; i++) {
		int err;

		snprintf(from, sizeof(from), "/m/d/%cf%d",
			 w->number ? 'b' : 'c', i);
		snprintf(to, sizeof(to), "/m/d/e/f%d", i);
		pthread_barrier_wait(&together);
		switch (w->number) {
		case 0:
			err = vfs_unlink(w->task, from);
			break;
		case 1:
			err = vfs_rename(w->task, from, to);
			break;
		case 2:
			err = vfs_open(w->task, from, O_WRONLY, 0);
			if (err >= 0)
				err = vfs_close(w->task, err);
			break;
		default:
			from[5] = 'a';
			err = vfs_chmod(w->task, from, 0600);
			break;
		}
		w->problems += err != 0 && err != -ENOENT;
	}
	return NULL;
}

static void test_links(void **state)
{
	struct world *w = *state;
	char path[64], other[64];

	make_layers(w->task);
	fill_lower(w->task);
	for (int i = 0; i < FILES; i++) {
		snprintf(path, sizeof(path), "/l/bottom/d/af%d", i);
		put_file(w->task, path, "0123456789abcdef");
		for (char c = 'b'; c <= 'd'; c++) {
			snprintf(other, sizeof(other), "/l/bottom/d/%cf%d", c,
				 i);
			check_ok(vfs_link(w->task, path, other));
		}
	}
	check_ok(mount_overlay(w->task, ONE ",index=on"));
	run(w, use_links);
	for (int i = 0; i < FILES; i++) {
		snprintf(path, sizeof(path), "/m/d/df%d", i);
		snprintf(other, sizeof(other), "/m/d/e/f%d", i);
		check_eq(nlink_of(w->task, path), 3);
		check_eq(ino_of(w->task, path), ino_of(w->task, other));
		snprintf(other, sizeof(other), "/m/d/bf%d", i);
		check_eq(vfs_access(w->task, other, F_OK), -ENOENT);
	}
	assert_true(strlen(names_in(w->task, "/l/work/work")) <= 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		world_test(test_append),
		world_test(test_append_metacopy),
		world_test(test_names),
		world_test(test_links),
	};

	return cmocka_run_group_tests_name("overlay-threads", tests, NULL,
					   NULL);
}
