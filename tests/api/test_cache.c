/* SPDX-License-Identifier: MIT */
/* The cache of names by what it must not change: many names, long names, deep
 * paths, names that come and go, with locks and without. */
#include "support/check.h"

#define MANY 20000

static void number(char *path, size_t size, const char *dir, int i)
{
	/* Short, inline and long ones. */
	static const char longer[] = "a-name-longer-than-what-fits-inside-";
	static const char some[] = "a-name-of-some-";
	const char *start = i % 3 == 0 ? "" : i % 3 == 1 ? some : longer;

	snprintf(path, size, "%s/%s%d", dir, start, i);
}

static void many(struct world *w)
{
	struct vfs_task *t = w->task;
	struct vfs_stat st;
	char path[128], other[128];

	check_ok(vfs_mkdir(t, "/d", 0755));
	check_ok(vfs_mkdir(t, "/e", 0755));
	for (int i = 0; i < MANY; i++) {
		number(path, sizeof(path), "/d", i);
		check_ok(vfs_mknod(t, path, S_IFREG | 0644, 0));
	}
	for (int i = 0; i < MANY; i++) {
		number(path, sizeof(path), "/d", i);
		check_ok(vfs_stat(w->user, path, &st));
		number(path, sizeof(path), "/e", i);
		check_eq(vfs_stat(w->user, path, &st), -ENOENT);
	}
	for (int i = 0; i < MANY; i += 2) {
		number(path, sizeof(path), "/d", i);
		number(other, sizeof(other), "/e", i);
		check_ok(vfs_rename(t, path, other));
	}
	for (int i = 0; i < MANY; i++) {
		number(path, sizeof(path), i % 2 ? "/d" : "/e", i);
		number(other, sizeof(other), i % 2 ? "/e" : "/d", i);
		check_ok(vfs_stat(t, path, &st));
		check_eq(vfs_stat(t, other, &st), -ENOENT);
		check_ok(vfs_unlink(t, path));
		check_eq(vfs_stat(t, path, &st), -ENOENT);
	}
	check_ok(vfs_rmdir(t, "/d"));
	check_ok(vfs_rmdir(t, "/e"));
}

static void deep(struct world *w)
{
	struct vfs_task *t = w->task;
	char path[4096] = "";

	for (int i = 0; i < 500; i++) {
		strcat(path, "/dir");
		check_ok(vfs_mkdir(t, path, 0755));
	}
	strcat(path, "/f");
	put_file(t, path, "deep down");
	check_file(w->user, path, "deep down");
	check_ok(vfs_rename(t, "/dir/dir", "/moved"));
	check_eq(vfs_open(t, path, O_RDONLY, 0), -ENOENT);
	memmove(path + 6, path + 8, strlen(path + 8) + 1);
	memcpy(path, "/moved", 6);
	check_file(w->user, path, "deep down");
	check_ok(vfs_chmod(t, "/moved/dir/dir", 0700));
	check_eq(vfs_open(w->user, path, O_RDONLY, 0), -EACCES);
	check_ok(vfs_chmod(t, "/moved/dir/dir", 0711));
	check_file(w->user, path, "deep down");
}

static void test_cache__many_names(void **state)
{
	many(*state);
}

static void test_cache__deep_paths(void **state)
{
	deep(*state);
}

static void test_cache__slow_walk(void **state)
{
	struct vfs_config config = {.size = sizeof(config),
				    .flags = VFS_CONFIG_SLOW_WALK};
	struct world w;

	(void)state;
	check_ok(world_open(&w, &config));
	many(&w);
	deep(&w);
	assert_true(world_close(&w));
}

/* Names of one length and of one beginning are told apart. */
static void test_cache__similar_names(void **state)
{
	struct world *w = *state;
	struct vfs_stat st;
	char path[64];

	for (size_t len = 1; len < 60; len++) {
		memset(path, 'x', sizeof(path));
		path[0] = '/';
		path[len + 1] = 0;
		check_ok(vfs_mkdir(w->task, path, 0755));
		path[len] = 'y';
		check_eq(vfs_stat(w->task, path, &st), -ENOENT);
		path[len] = 'x';
		path[1] = 'y';
		check_eq(vfs_stat(w->task, path, &st), -ENOENT);
		path[1] = 'x';
		path[len + 1] = '/';
		path[len + 2] = '.';
		path[len + 3] = 0;
		check_ok(vfs_stat(w->task, path, &st));
	}
	check_eq(nlink_of(w->task, "/"), 2 + 59);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		world_test(test_cache__many_names),
		world_test(test_cache__deep_paths),
		cmocka_unit_test(test_cache__slow_walk),
		world_test(test_cache__similar_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL) ? 1 : 0;
}
