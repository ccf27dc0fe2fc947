/* SPDX-License-Identifier: MIT */
/* How many calls of the host a call of ours is. */
#include "hostfs/host_world.h"

static void open_with(struct host_world *w, const char *options)
{
	check_ok(host_open(w, options));
	host_mkdir(w, "a");
	host_mkdir(w, "a/b");
	host_mkdir(w, "a/b/c");
	host_put(w, "a/b/c/file", "bytes");
	check_ok(symlinkat("file", w->dirfd, "a/b/c/link"));
	/* what changed this moment ago may change again unseen */
	usleep(50000);
}

/* a call's calls, the second time that it is made */
#define CALLS(w, call)                   \
	({                               \
		check_ok(call);          \
		host_calls(w);           \
		check_ok(call);          \
		(int64_t) host_calls(w); \
	})

/* One for each component, and the root is one. */
static void test_revalidate_stat(void **state)
{
	struct host_world w;
	struct vfs_stat st;
	int dirfd;

	(void)state;
	open_with(&w, "cache=revalidate,owner=host");
	for (int user = 0; user < 2; user++) {
		struct vfs_task *t = user ? w.user : w.task;

		check_eq(CALLS(&w, vfs_stat(t, "/h", &st)), 1);
		check_eq(CALLS(&w, vfs_stat(t, "/h/a", &st)), 2);
		check_eq(CALLS(&w, vfs_stat(t, "/h/a/b/c", &st)), 4);
		check_eq(CALLS(&w, vfs_stat(t, "/h/a/b/c/file", &st)), 5);
		check_eq(CALLS(&w, vfs_lstat(t, "/h/a/b/c/link", &st)), 5);
		dirfd = check_fd(vfs_open(t, "/h/a/b/c", O_PATH, 0));
		check_eq(CALLS(&w, vfs_fstatat(t, dirfd, "file", &st, 0)), 2);
		check_eq(CALLS(&w, vfs_fstat(t, dirfd, &st)), 1);
		check_ok(vfs_close(t, dirfd));
	}
	check_eq(vfs_stat(w.task, "/h/a/none", &st), -ENOENT);
	host_calls(&w);
	check_eq(vfs_stat(w.task, "/h/a/none", &st), -ENOENT);
	check_eq(host_calls(&w), 3);
	assert_true(host_close(&w));
}

static void test_exclusive_hot(void **state)
{
	struct host_world w;
	struct vfs_stat st;
	char text[8];

	(void)state;
	open_with(&w, "cache=exclusive,owner=host");
	for (int user = 0; user < 2; user++) {
		struct vfs_task *t = user ? w.user : w.task;

		check_eq(CALLS(&w, vfs_stat(t, "/h/a/b/c/file", &st)), 0);
		check_eq(CALLS(&w, vfs_stat(t, "/h/a/b/c/link", &st)), 0);
		check_eq(CALLS(&w, vfs_access(t, "/h/a/b/c/file", R_OK)), 0);
		check_eq(CALLS(&w, vfs_access(t, "/h/a/b/c", X_OK)), 0);
		check_eq(vfs_readlink(t, "/h/a/b/c/link", text, 8), 4);
		check_eq(vfs_stat(t, "/h/a/none", &st), -ENOENT);
		host_calls(&w);
		check_eq(vfs_stat(t, "/h/a/none", &st), -ENOENT);
		check_eq(vfs_access(t, "/h/a/b/c/file", W_OK),
			 user ? -EACCES : 0);
		check_eq(vfs_readlink(t, "/h/a/b/c/link", text, 8), 4);
		check_eq(host_calls(&w), 0);
	}
	assert_true(host_close(&w));
}

/* Permissions that only an ACL tells are asked for once. */
static void test_exclusive_acl(void **state)
{
	/* user::rwx user:1000:rwx group::--- mask::rwx other::--- */
	static const unsigned char acl[] = {
		2,    0,    0,	  0, /* version */
		1,    0,    7,	  0,	0xff, 0xff, 0xff, 0xff, 2,    0,
		7,    0,    0xe8, 0x03, 0,    0,    4,	  0,	0,    0,
		0xff, 0xff, 0xff, 0xff, 16,   0,    7,	  0,	0xff, 0xff,
		0xff, 0xff, 32,	  0,	0,    0,    0xff, 0xff, 0xff, 0xff,
	};
	struct host_world w;
	struct vfs_stat st;

	(void)state;
	open_with(&w, "cache=exclusive,owner=host");
	check_ok(vfs_chmod(w.task, "/h/a", 0700));
	check_eq(vfs_stat(w.user, "/h/a/b", &st), -EACCES);
	check_ok(vfs_setxattr(w.task, "/h/a", "system.posix_acl_access", acl,
			      sizeof(acl), 0));
	check_eq(CALLS(&w, vfs_stat(w.user, "/h/a/b/c/file", &st)), 0);
	check_eq(CALLS(&w, vfs_access(w.user, "/h/a", W_OK | X_OK)), 0);
	assert_true(host_close(&w));
}

/* Bytes: one call each, whatever the mode. */
static void test_data(void **state)
{
	static const char *const options[] = {"cache=revalidate,owner=host",
					      "cache=exclusive,owner=host"};
	struct host_world w;
	char text[8];
	int fd;

	(void)state;
	for (int i = 0; i < 2; i++) {
		open_with(&w, options[i]);
		fd = check_fd(vfs_open(w.task, "/h/a/b/c/file", O_RDWR, 0));
		check_eq(vfs_pread(w.task, fd, text, 8, 0), 5);
		host_calls(&w);
		check_eq(vfs_pread(w.task, fd, text, 8, 0), 5);
		check_eq(host_calls(&w), 1);
		check_ok(vfs_close(w.task, fd));
		assert_true(host_close(&w));
	}
}

/* Making and opening a file is one thing. */
static void test_create(void **state)
{
	struct host_world w;
	int fd;

	(void)state;
	check_ok(host_open(&w, "cache=exclusive,owner=host"));
	fd = check_fd(vfs_open(w.task, "/h/f", O_RDWR | O_CREAT, 0644));
	check_ok(vfs_close(w.task, fd));
	host_calls(&w);
	fd = check_fd(vfs_open(w.task, "/h/g", O_RDWR | O_CREAT, 0644));
	/* not there yet; made; looked at twice; the directory's ACLs are known,
	 * and so are the umask's doings */
	assert_true(host_calls(&w) <= 5);
	check_ok(vfs_close(w.task, fd));
	assert_true(host_close(&w));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_revalidate_stat),
		cmocka_unit_test(test_exclusive_hot),
		cmocka_unit_test(test_exclusive_acl),
		cmocka_unit_test(test_data),
		cmocka_unit_test(test_create),
	};

	return cmocka_run_group_tests(tests, NULL, NULL) ? 1 : 0;
}
