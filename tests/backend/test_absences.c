/* SPDX-License-Identifier: MIT */
/* What was looked for in vain in a directory keeps it, until it is removed. */
#include <sys/mount.h>

#include "backend/plainfs.h"
#include "support/check.h"

#define ABSENCES 500
/* enough for a table of names that is not searched at once (dcache_trim.c) */
#define NAMES 7000
/* until it has been moved to one twice as large */
#define MORE 3500
/* each of which searches a part of it */
#define MISSES 200

static void make_names(struct vfs_task *task, int first, int count)
{
	char path[32];

	for (int i = first; i < first + count; i++) {
		snprintf(path, sizeof(path), "/n%d", i);
		check_ok(vfs_mknod(task, path, S_IFREG | 0644, 0));
	}
}

static void look_in_vain(struct vfs_task *task, const char *dir, int count)
{
	struct vfs_stat st;
	char path[32];

	for (int i = 0; i < count; i++) {
		snprintf(path, sizeof(path), "%s/%d", dir, i);
		check_eq(vfs_stat(task, path, &st), -ENOENT);
	}
}

/* names: in the cache when the directory is removed; more: made before the
 * absences have been searched for. */
static void remove_directory(int names, int more)
{
	static const struct vfs_filesystem_type *types[] = {&plainfs_type};
	const struct vfs_config config = {
		.size = sizeof(config), .types = types, .type_count = 1};
	struct world w;
	int64_t before;

	check_ok(world_open(&w, &config));
	check_ok(vfs_mkdir(w.task, "/p", 0755));
	check_ok(vfs_mount(w.task, "p", "/p", "plainfs", 0, NULL));
	make_names(w.task, 0, names);
	before = plainfs_counts.inodes;
	check_ok(vfs_mkdir(w.task, "/p/d", 0755));
	look_in_vain(w.task, "/p/d", ABSENCES);
	assert_int_equal(plainfs_counts.inodes, before + 1);
	check_ok(vfs_rmdir(w.task, "/p/d"));
	make_names(w.task, names, more);
	look_in_vain(w.task, "/p", MISSES);
	assert_int_equal(plainfs_counts.inodes, before);
	assert_true(world_close(&w));
}

static void test_absences__small_table(void **state)
{
	(void)state;
	remove_directory(0, 0);
}

static void test_absences__large_table(void **state)
{
	(void)state;
	remove_directory(NAMES, 0);
}

static void test_absences__table_that_grows(void **state)
{
	(void)state;
	/* at every stage of the growth */
	for (int more = 0; more <= MORE; more += 500)
		remove_directory(NAMES, more);
	for (int names = NAMES; names <= NAMES + MORE; names += 500)
		remove_directory(names, MORE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_absences__small_table),
		cmocka_unit_test(test_absences__large_table),
		cmocka_unit_test(test_absences__table_that_grows),
	};

	return cmocka_run_group_tests(tests, NULL, NULL) ? 1 : 0;
}
