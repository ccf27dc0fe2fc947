/* SPDX-License-Identifier: MIT */
/* chdir, fchdir, chroot, getcwd and realpath. */
#include "support/check.h"

static void check_cwd(struct vfs_task *t, const char *expected)
{
	char path[4096];

	check_eq(vfs_getcwd(t, path, sizeof(path)), strlen(expected) + 1);
	assert_string_equal(path, expected);
}

static void test_cwd__chdir(void **state)
{
	struct world *w = *state;
	int fd;

	check_cwd(w->task, "/");
	check_ok(vfs_mkdir(w->task, "/a", 0755));
	check_ok(vfs_mkdir(w->task, "/a/b", 0755));
	check_ok(vfs_chdir(w->task, "a/b"));
	check_cwd(w->task, "/a/b");
	put_file(w->task, "f", "here");
	check_file(w->task, "/a/b/f", "here");
	check_ok(vfs_chdir(w->task, ".."));
	check_cwd(w->task, "/a");
	check_ok(vfs_chdir(w->task, "../../../.."));
	check_cwd(w->task, "/");
	check_ok(vfs_symlink(w->task, "a/b", "/l"));
	check_ok(vfs_chdir(w->task, "/l"));
	check_cwd(w->task, "/a/b");
	check_eq(vfs_chdir(w->task, "f"), -ENOTDIR);
	check_eq(vfs_chdir(w->task, "none"), -ENOENT);
	check_eq(vfs_chdir(w->task, ""), -ENOENT);
	check_ok(vfs_mkdir(w->task, "/closed", 0600));
	check_eq(vfs_chdir(w->user, "/closed"), -EACCES);
	fd = check_fd(vfs_open(w->task, "/a", O_RDONLY, 0));
	check_ok(vfs_fchdir(w->task, fd));
	check_cwd(w->task, "/a");
	fd = check_fd(vfs_open(w->task, "/a/b/f", O_RDONLY, 0));
	check_eq(vfs_fchdir(w->task, fd), -ENOTDIR);
	check_eq(vfs_fchdir(w->task, 99), -EBADF);
	fd = check_fd(vfs_open(w->task, "/a/b", O_PATH, 0));
	check_ok(vfs_fchdir(w->task, fd));
	check_cwd(w->task, "/a/b");
}

static void test_cwd__getcwd(void **state)
{
	struct vfs_task *t = ((struct world *)*state)->task;
	char path[16] = "untouched";

	check_ok(vfs_mkdir(t, "/dir", 0755));
	check_ok(vfs_chdir(t, "/dir"));
	check_eq(vfs_getcwd(t, path, 4), -ERANGE);
	check_eq(vfs_getcwd(t, path, 0), -ERANGE);
	assert_string_equal(path, "untouched");
	check_eq(vfs_getcwd(t, path, 5), 5);
	assert_string_equal(path, "/dir");
	/* It follows the directory when that moves. */
	check_ok(vfs_rename(t, "/dir", "/moved"));
	check_cwd(t, "/moved");
}

static void test_cwd__chroot(void **state)
{
	struct world *w = *state;
	struct vfs_task *t = w->task;
	struct vfs_stat root, st;
	char path[64];

	check_ok(vfs_mkdir(t, "/jail", 0755));
	check_ok(vfs_mkdir(t, "/jail/in", 0755));
	put_file(t, "/outside", "");
	check_ok(vfs_symlink(t, "/in", "/jail/abs"));
	check_ok(vfs_stat(t, "/jail", &root));
	check_eq(vfs_chroot(w->user, "/jail"), -EPERM);
	check_eq(vfs_chroot(t, "/outside"), -ENOTDIR);
	check_eq(vfs_chroot(t, "/none"), -ENOENT);
	check_ok(vfs_chroot(t, "/jail"));
	check_ok(vfs_stat(t, "/", &st));
	check_eq(st.ino, root.ino);
	check_ok(vfs_stat(t, "/abs/../../../", &st));
	check_eq(st.ino, root.ino);
	check_ok(vfs_lstat(t, "/abs/", &st));
	/* The working directory stayed outside. */
	check_ok(vfs_stat(t, "outside", &st));
	check_fd(vfs_getcwd(t, path, sizeof(path)));
	assert_memory_equal(path, "(unreachable)", 13);
	check_ok(vfs_chdir(t, "/in"));
	check_cwd(t, "/in");
	check_eq(vfs_stat(t, "../../outside", &st), -ENOENT);
}

static void check_real(struct vfs_task *t, const char *path,
		       const char *expected)
{
	char real[4096];

	check_eq(vfs_realpath(t, path, real, sizeof(real)), strlen(expected));
	assert_string_equal(real, expected);
}

static void test_cwd__realpath(void **state)
{
	struct vfs_task *t = ((struct world *)*state)->task;
	char real[8];

	check_ok(vfs_mkdir(t, "/a", 0755));
	check_ok(vfs_mkdir(t, "/a/b", 0755));
	put_file(t, "/a/b/f", "");
	check_ok(vfs_symlink(t, "../a/./b", "/a/l"));
	check_real(t, "/", "/");
	check_real(t, "//a/./b/../b/", "/a/b");
	check_real(t, "/a/l/f", "/a/b/f");
	check_ok(vfs_chdir(t, "/a"));
	check_real(t, ".", "/a");
	check_real(t, "l", "/a/b");
	check_eq(vfs_realpath(t, "/none", real, 8), -ENOENT);
	check_eq(vfs_realpath(t, "", real, 8), -ENOENT);
	check_eq(vfs_realpath(t, "/a/b/f/", real, 8), -ENOTDIR);
	check_eq(vfs_realpath(t, "/a/b/f", real, 6), -ERANGE);
	check_eq(vfs_realpath(t, "/a/b/f", real, 7), 6);
	/* outside of the root, whatever room there is, which stays as it is */
	check_ok(vfs_chroot(t, "/a/b"));
	check_eq(vfs_realpath(t, ".", real, 2), -ENOENT);
	check_eq(vfs_realpath(t, ".", real, 8), -ENOENT);
	assert_string_equal(real, "/a/b/f");
}

static void test_cwd__dot_dot_stops_at_root(void **state)
{
	struct vfs_task *t = ((struct world *)*state)->task;
	struct vfs_task *jailed;

	check_ok(vfs_mkdir(t, "/jail", 0755));
	check_ok(vfs_task_clone(t, 0, &jailed));
	check_ok(vfs_chroot(jailed, "/jail"));
	check_ok(vfs_chdir(jailed, "/"));
	put_file(jailed, "/../../f", "inside");
	check_file(t, "/jail/f", "inside");
	check_cwd(t, "/");
	vfs_task_unref(jailed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		world_test(test_cwd__chdir),
		world_test(test_cwd__getcwd),
		world_test(test_cwd__chroot),
		world_test(test_cwd__realpath),
		world_test(test_cwd__dot_dot_stops_at_root),
	};

	return cmocka_run_group_tests(tests, NULL, NULL) ? 1 : 0;
}
