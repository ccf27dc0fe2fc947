/* SPDX-License-Identifier: MIT */
/* Making and ending instances: configuration, isolation, memory. */
#include <pthread.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>
#include <vfs/sys/backend.h>
#include <vfs/tmpfs.h>

#include "support/check.h"

static void test_instance__defaults(void **state)
{
	struct vfs *vfs = NULL;
	struct vfs_task *t;
	struct vfs_stat st;

	(void)state;
	check_ok(vfs_create(NULL, &vfs));
	check_ok(vfs_task_create(vfs, NULL, &t));
	check_ok(vfs_stat(t, "/", &st));
	check_eq(st.mode, S_IFDIR | 01777);
	check_eq(st.uid, 0);
	put_file(t, "/f", "x");
	check_file(t, "/f", "x");
	assert_ptr_equal(vfs_ref(vfs), vfs);
	assert_null(vfs_ref(NULL));
	vfs_unref(vfs);
	vfs_unref(NULL);
	/* The task holds the instance. */
	vfs_unref(vfs);
	check_file(t, "/f", "x");
	vfs_task_unref(t);
}

static void test_instance__bad_config(void **state)
{
	struct vfs *vfs = (struct vfs *)state;
	struct {
		struct vfs_config config;
		uint64_t more;
	} longer = {.config = {.size = sizeof(longer)}};
	struct vfs_config config = {.size = sizeof(config)};
	struct vfs_allocator half = {.alloc = NULL};

	check_eq(vfs_create(NULL, NULL), -EFAULT);
	config.size = 8;
	check_eq(vfs_create(&config, &vfs), -EINVAL);
	config.size = 0;
	check_eq(vfs_create(&config, &vfs), -EINVAL);
	longer.more = 1;
	check_eq(vfs_create(&longer.config, &vfs), -E2BIG);
	config = (struct vfs_config){.size = sizeof(config), .flags = 1u << 31};
	check_eq(vfs_create(&config, &vfs), -EINVAL);
	config =
		(struct vfs_config){.size = sizeof(config), .allocator = &half};
	check_eq(vfs_create(&config, &vfs), -EINVAL);
	config = (struct vfs_config){.size = sizeof(config),
				     .root_type = "nosuchfs"};
	check_eq(vfs_create(&config, &vfs), -ENODEV);
	config.root_type = "tmpfs";
	config.root_options = "nosuchoption=1";
	check_eq(vfs_create(&config, &vfs), -EINVAL);
	/* Untouched by every failure. */
	assert_ptr_equal(vfs, state);
	longer.more = 0;
	check_ok(vfs_create(&longer.config, &vfs));
	vfs_unref(vfs);
}

static void test_instance__failures_free_all(void **state)
{
	struct world w;
	struct vfs_config config = {.size = sizeof(config),
				    .root_options = "bogus"};

	(void)state;
	check_eq(world_open(&w, &config), -EINVAL);
	assert_true(test_alloc_balanced(&w.alloc));
	assert_non_null(strstr(w.log, "bogus"));
	config.root_options = NULL;
	config.root_type = "bogus";
	check_eq(world_open(&w, &config), -ENODEV);
	assert_true(test_alloc_balanced(&w.alloc));
}

static void test_instance__root_options(void **state)
{
	struct world w;
	struct vfs_config config = {
		.size = sizeof(config),
		.root_options = "mode=0750,uid=5,gid=6,size=1m,nr_inodes=3"};
	struct vfs_stat st;
	struct vfs_statfs fs;

	(void)state;
	check_ok(world_open(&w, &config));
	check_ok(vfs_stat(w.task, "/", &st));
	check_eq(st.mode, S_IFDIR | 0750);
	check_eq(st.uid, 5);
	check_eq(st.gid, 6);
	check_ok(vfs_statfs(w.task, "/", &fs));
	check_eq(fs.type, 0x01021994);
	check_eq(fs.blocks * fs.bsize, 1024 * 1024);
	check_eq(fs.files, 3);
	check_ok(vfs_mkdir(w.task, "/a", 0755));
	check_ok(vfs_mkdir(w.task, "/b", 0755));
	check_eq(vfs_mkdir(w.task, "/c", 0755), -ENOSPC);
	check_ok(vfs_rmdir(w.task, "/a"));
	check_ok(vfs_mkdir(w.task, "/c", 0755));
	assert_true(world_close(&w));
}

static void test_instance__many(void **state)
{
	enum {
		COUNT = 40
	};
	static struct world worlds[COUNT];
	char text[16];

	(void)state;
	for (int i = 0; i < COUNT; i++) {
		check_ok(world_open(&worlds[i], NULL));
		snprintf(text, sizeof(text), "number %d", i);
		put_file(worlds[i].task, "/f", text);
	}
	for (int i = 0; i < COUNT; i++) {
		snprintf(text, sizeof(text), "number %d", i);
		check_file(worlds[i].task, "/f", text);
	}
	for (int i = 0; i < COUNT; i += 2)
		assert_true(world_close(&worlds[i]));
	for (int i = 1; i < COUNT; i += 2) {
		snprintf(text, sizeof(text), "number %d", i);
		check_file(worlds[i].task, "/f", text);
		assert_true(world_close(&worlds[i]));
	}
}

static void test_instance__allocator_gets_all_back(void **state)
{
	struct world w;
	char path[64];

	(void)state;
	check_ok(world_open(&w, NULL));
	for (int i = 0; i < 500; i++) {
		snprintf(path, sizeof(path), "/d%d", i % 20);
		vfs_mkdir(w.task, path, 0777);
		snprintf(path, sizeof(path), "/d%d/file-%d", i % 20, i);
		put_file(w.user, path, path);
		check_ok(vfs_setxattr(w.task, path, "user.k", path, 10, 0));
	}
	check_fd(vfs_open(w.task, "/d1/file-1", O_RDONLY, 0));
	check_fd(vfs_open(w.task, "/d1", O_TMPFILE | O_RDWR, 0600));
	check_ok(vfs_unlink(w.task, "/d1/file-1"));
	assert_true(w.alloc.live_bytes > 0);
	assert_true(world_close(&w));
}

static void test_instance__slow_walk(void **state)
{
	struct world w;
	struct vfs_config config = {.size = sizeof(config),
				    .flags = VFS_CONFIG_SLOW_WALK};

	(void)state;
	check_ok(world_open(&w, &config));
	check_ok(vfs_mkdir(w.task, "/a", 0755));
	check_ok(vfs_symlink(w.task, "../a", "/a/l"));
	put_file(w.task, "/a/l/l/f", "deep");
	check_file(w.user, "/a/../a/f", "deep");
	check_ok(vfs_chmod(w.task, "/a", 0700));
	check_eq(vfs_open(w.user, "/a/f", O_RDONLY, 0), -EACCES);
	assert_true(world_close(&w));
}

static void test_instance__register(void **state)
{
	struct world *w = *state;
	struct vfs_filesystem_type type = vfs_tmpfs_type;

	check_eq(vfs_register_filesystem(NULL, &type, 0), -EFAULT);
	check_eq(vfs_register_filesystem(w->vfs, NULL, 0), -EFAULT);
	check_eq(vfs_register_filesystem(w->vfs, &type, 1), -EINVAL);
	check_eq(vfs_register_filesystem(w->vfs, &vfs_tmpfs_type, 0), -EEXIST);
	type.name = "";
	check_eq(vfs_register_filesystem(w->vfs, &type, 0), -EINVAL);
	type.name = NULL;
	check_eq(vfs_register_filesystem(w->vfs, &type, 0), -EINVAL);
	type.name = "mine";
	type.mount = NULL;
	check_eq(vfs_register_filesystem(w->vfs, &type, 0), -EINVAL);
	type.mount = vfs_tmpfs_type.mount;
	check_ok(vfs_register_filesystem(w->vfs, &type, 0));
	check_eq(vfs_register_filesystem(w->vfs, &type, 0), -EEXIST);
}

static void test_instance__words(void **state)
{
	(void)state;
	check_eq(vfs_version(), 100 * VFS_VERSION_MINOR + VFS_VERSION_PATCH +
					10000 * VFS_VERSION_MAJOR);
	assert_string_equal(vfs_errno_name(-EACCES), "EACCES");
	assert_string_equal(vfs_errno_name(ENOENT), "ENOENT");
	assert_string_equal(vfs_errno_name(0), "0");
	assert_string_equal(vfs_errno_name(-123456), "EUNKNOWN");
	assert_string_equal(vfs_errno_name(INT32_MIN), "EUNKNOWN");
	assert_string_equal(vfs_strerror(-EACCES), "Permission denied");
	assert_string_equal(vfs_strerror(0), "Success");
	assert_string_equal(vfs_strerror(-123456), "Unknown error");
	assert_string_equal(vfs_strerror(INT32_MIN), "Unknown error");
	for (int error = 1; error < 134; error++) {
		if (error == 41 || error == 58)
			continue; /* no errno has these numbers */
		assert_string_equal(vfs_strerror(-error), strerror(error));
		assert_string_not_equal(vfs_errno_name(error), "EUNKNOWN");
	}
}

static void *make_and_remove(void *context)
{
	struct vfs_task *t = context;

	for (int i = 0; i < 100; i++) {
		check_ok(vfs_mkdir(t, "/d", 0755));
		check_ok(vfs_rmdir(t, "/d"));
	}
	return NULL;
}

/* The exit status of a child that goes on with what it has a copy of. */
static int go_on(struct vfs *vfs, struct vfs_task *t, int fd)
{
	struct vfs_stat st;
	char b[8] = "";
	int bad = vfs_pread(t, fd, b, 8, 0) != 4 || strcmp(b, "data") != 0;

	bad |= vfs_write(t, fd, "!", 1) != 1;
	for (int i = 0; i < 1000; i++) {
		snprintf(b, sizeof(b), "/%d", i);
		bad |= vfs_mkdir(t, b, 0755) != 0;
	}
	bad |= vfs_stat(t, "/f", &st) != 0 || st.size != 5;
	bad |= vfs_unlink(t, "/f") != 0;
	vfs_task_unref(t);
	vfs_unref(vfs);
	return bad;
}

static void test_instance__a_child_has_a_copy(void **state)
{
	struct vfs_task *t;
	struct vfs_stat st;
	pthread_t thread;
	struct vfs *vfs;
	int fd, status;
	pid_t pid;

	(void)state;
	check_ok(vfs_create(NULL, &vfs));
	check_ok(vfs_task_create(vfs, NULL, &t));
	fd = check_fd(vfs_open(t, "/f", O_RDWR | O_CREAT, 0644));
	check_eq(vfs_write(t, fd, "data", 4), 4);
	/* there have been others, who are not in the child */
	assert_int_equal(pthread_create(&thread, NULL, make_and_remove, t), 0);
	assert_int_equal(pthread_join(thread, NULL), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (!pid)
		_exit(go_on(vfs, t, fd));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	check_file(t, "/f", "data");
	check_eq(vfs_stat(t, "/0", &st), -ENOENT);
	make_and_remove(t);
	vfs_task_unref(t);
	vfs_unref(vfs);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_instance__defaults),
		cmocka_unit_test(test_instance__bad_config),
		cmocka_unit_test(test_instance__failures_free_all),
		cmocka_unit_test(test_instance__root_options),
		cmocka_unit_test(test_instance__many),
		cmocka_unit_test(test_instance__allocator_gets_all_back),
		cmocka_unit_test(test_instance__slow_walk),
		world_test(test_instance__register),
		cmocka_unit_test(test_instance__words),
		cmocka_unit_test(test_instance__a_child_has_a_copy),
	};

	return cmocka_run_group_tests(tests, NULL, NULL) ? 1 : 0;
}
