/* SPDX-License-Identifier: MIT */
/*
 * Listings of tmpfs while names come and go: what exists from the beginning of
 * a scan to its end is returned exactly once, however small the buffer. And
 * a directory in long use does not grow.
 */
#include <stdlib.h>

#include "support/check.h"

#define NAMES 700
#define SCANS 3
#define STEPS 30000

/* A name is its number, padded to a length of its own. */
struct churn {
	uint64_t random;
	struct vfs_task *task;
	uint64_t born[NAMES]; /* the step that made it; 0: it is not there */
	uint64_t step;
};

struct scan {
	int fd; /* below 0: none going on */
	uint64_t began;
	size_t buffer;
	uint8_t seen[NAMES];
};

static struct churn churn;
static struct scan scans[SCANS];

static uint64_t next_random(uint64_t below)
{
	churn.random ^= churn.random << 13;
	churn.random ^= churn.random >> 7;
	churn.random ^= churn.random << 17;
	return (churn.random * UINT64_C(0x9e3779b97f4a7c15) >> 16) % below;
}

static const char *path_of(uint32_t number, char path[300])
{
	int length = number % 50 == 7 ? 240 : (int)(number % 13) + 4;

	snprintf(path, 300, "/d/%0*u", length, number);
	return path;
}

static void make(uint32_t number)
{
	char path[300];
	int fd;

	fd = check_fd(vfs_open(churn.task, path_of(number, path),
			       O_CREAT | O_EXCL | O_WRONLY, 0600));
	check_ok(vfs_close(churn.task, fd));
	churn.born[number] = churn.step;
}

static void take(uint32_t number)
{
	char path[300];

	check_ok(vfs_unlink(churn.task, path_of(number, path)));
	churn.born[number] = 0;
}

static void move(uint32_t from, uint32_t to)
{
	char old_path[300], new_path[300];

	check_ok(vfs_rename(churn.task, path_of(from, old_path),
			    path_of(to, new_path)));
	churn.born[from] = 0;
	/* One that is replaced is there throughout, as a name. */
	if (!churn.born[to])
		churn.born[to] = churn.step;
}

static void change(uint32_t wanted)
{
	uint32_t number = (uint32_t)next_random(wanted ? wanted : NAMES);
	uint32_t other = (uint32_t)next_random(NAMES);

	if (!churn.born[number])
		make(number);
	else if (next_random(3) == 0 && other != number)
		move(number, other);
	else
		take(number);
	/* Above what is wanted, names only go. */
	if (other >= wanted && churn.born[other])
		take(other);
}

/* -- scans -- */

/* A name that went and came back may have been met twice. */
static void scan_end(struct scan *scan)
{
	uint32_t i;

	for (i = 0; i < NAMES; i++) {
		if (churn.born[i] && churn.born[i] < scan->began)
			assert_int_equal(scan->seen[i], 1);
	}
	check_ok(vfs_close(churn.task, scan->fd));
	scan->fd = -1;
}

static void scan_step(struct scan *scan)
{
	_Alignas(8) char buffer[4096];
	const struct vfs_dirent *entry;
	int64_t length, at;

	length = vfs_getdents(churn.task, scan->fd, buffer, scan->buffer);
	assert_true(length >= 0);
	for (at = 0; at < length; at += entry->reclen) {
		entry = (const struct vfs_dirent *)(buffer + at);
		if (entry->name[0] != '.')
			scan->seen[atoi(entry->name)]++;
	}
	if (!length)
		scan_end(scan);
}

static void scan_begin(struct scan *scan)
{
	static const size_t sizes[] = {280, 300, 1000, 4096};

	memset(scan, 0, sizeof(*scan));
	scan->fd =
		check_fd(vfs_open(churn.task, "/d", O_RDONLY | O_DIRECTORY, 0));
	scan->began = churn.step + 1;
	scan->buffer = sizes[next_random(4)];
}

static void some_scan(void)
{
	struct scan *scan = &scans[next_random(SCANS)];
	uint64_t steps = 1 + next_random(12);

	if (scan->fd < 0)
		scan_begin(scan);
	while (steps-- && scan->fd >= 0)
		scan_step(scan);
}

static void test_tmpfs__what_stays_is_listed_once(void **state)
{
	static const uint32_t wanted[] = {0, 1, 4, 30, 200, NAMES};
	struct world *world = *state;
	uint32_t limit = 0, i;

	memset(&churn, 0, sizeof(churn));
	churn.random = 88172645463325252;
	churn.task = world->task;
	for (i = 0; i < SCANS; i++)
		scans[i].fd = -1;
	check_ok(vfs_mkdir(world->task, "/d", 0755));
	for (churn.step = 1; churn.step <= STEPS; churn.step++) {
		if (churn.step % 1000 == 1)
			limit = wanted[next_random(6)];
		change(limit);
		if (next_random(3) == 0)
			some_scan();
	}
	for (i = 0; i < SCANS; i++) {
		while (scans[i].fd >= 0)
			scan_step(&scans[i]);
	}
}

static void test_tmpfs__a_directory_in_use_does_not_grow(void **state)
{
	struct world *world = *state;
	struct vfs_task *task = world->task;
	int64_t after_warming = 0;
	char path[300];
	uint32_t i;

	memset(&churn, 0, sizeof(churn));
	churn.task = task;
	check_ok(vfs_mkdir(task, "/d", 0755));
	make(1);
	for (i = 0; i < 200000; i++) {
		if (i == 20000)
			after_warming = world->alloc.live_bytes;
		make(2 + i % 5);
		if (i % 5 == 4) {
			take(2);
			take(4);
			take(3);
			take(6);
			take(5);
		}
	}
	assert_true(world->alloc.live_bytes <= after_warming + (1 << 20));
	assert_true(exists(task, path_of(1, path)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		world_test(test_tmpfs__what_stays_is_listed_once),
		world_test(test_tmpfs__a_directory_in_use_does_not_grow),
	};

	return cmocka_run_group_tests(tests, NULL, NULL) ? 1 : 0;
}
