/* SPDX-License-Identifier: MIT */
/* rename(2), renameat(2), renameat2(2). */
#include "support/check.h"

/* /d/sub/x, /e, files /f and /g, /l -> d. */
static void make_tree(struct vfs_task *t)
{
	check_ok(vfs_mkdir(t, "/d", 0755));
	check_ok(vfs_mkdir(t, "/d/sub", 0755));
	put_file(t, "/d/sub/x", "x");
	check_ok(vfs_mkdir(t, "/e", 0755));
	put_file(t, "/f", "f");
	put_file(t, "/g", "g");
	check_ok(vfs_symlink(t, "d", "/l"));
}

static int flagged(struct vfs_task *t, const char *from, const char *to,
		   uint32_t flags)
{
	return vfs_renameat2(t, AT_FDCWD, from, AT_FDCWD, to, flags);
}

static void test_rename__files(void **state)
{
	struct vfs_task *t = ((struct world *)*state)->task;
	uint64_t ino;

	make_tree(t);
	ino = ino_of(t, "/f");
	check_ok(vfs_rename(t, "/f", "/d/f"));
	assert_false(exists(t, "/f"));
	check_eq(ino_of(t, "/d/f"), ino);
	check_ok(vfs_rename(t, "/d/f", "/g"));
	check_eq(ino_of(t, "/g"), ino);
	check_file(t, "/g", "f");
	assert_false(exists(t, "/d/f"));
	check_eq(vfs_rename(t, "/none", "/g"), -ENOENT);
	check_eq(vfs_rename(t, "/g", "/none/g"), -ENOENT);
	check_eq(vfs_rename(t, "", "/x"), -ENOENT);
	check_eq(vfs_rename(t, "/g", ""), -ENOENT);
}

static void test_rename__to_itself(void **state)
{
	struct vfs_task *t = ((struct world *)*state)->task;

	make_tree(t);
	check_ok(vfs_rename(t, "/f", "/f"));
	check_ok(vfs_link(t, "/f", "/f2"));
	check_ok(vfs_rename(t, "/f", "/f2"));
	assert_true(exists(t, "/f"));
	assert_true(exists(t, "/f2"));
	check_eq(nlink_of(t, "/f"), 2);
	check_ok(vfs_rename(t, "/d", "/d"));
	check_eq(flagged(t, "/f", "/f2", RENAME_NOREPLACE), -EEXIST);
	check_eq(flagged(t, "/f", "/f", RENAME_NOREPLACE), -EEXIST);
}

static void test_rename__directories(void **state)
{
	struct vfs_task *t = ((struct world *)*state)->task;

	make_tree(t);
	check_eq(nlink_of(t, "/d"), 3);
	check_eq(vfs_rename(t, "/d", "/d/sub/in"), -EINVAL);
	check_eq(vfs_rename(t, "/d", "/d/in"), -EINVAL);
	check_eq(vfs_rename(t, "/d/sub", "/d"), -ENOTEMPTY);
	check_eq(vfs_rename(t, "/e", "/d"), -ENOTEMPTY);
	check_eq(vfs_rename(t, "/f", "/e"), -EISDIR);
	check_eq(vfs_rename(t, "/e", "/f"), -ENOTDIR);
	check_ok(vfs_rename(t, "/d/sub", "/e"));
	check_eq(nlink_of(t, "/d"), 2);
	check_eq(nlink_of(t, "/"), 4);
	check_file(t, "/e/x", "x");
	check_ok(vfs_rename(t, "/e", "/d/moved/"));
	check_eq(nlink_of(t, "/d"), 3);
	check_eq(nlink_of(t, "/"), 3);
	check_ok(vfs_chdir(t, "/d/moved"));
	check_file(t, "../moved/x", "x");
}

static void test_rename__last_components(void **state)
{
	struct vfs_task *t = ((struct world *)*state)->task;

	make_tree(t);
	check_eq(vfs_rename(t, "/d/.", "/x"), -EBUSY);
	check_eq(vfs_rename(t, "/d/..", "/x"), -EBUSY);
	check_eq(vfs_rename(t, "/e", "/d/."), -EBUSY);
	check_eq(vfs_rename(t, "/e", "/d/.."), -EBUSY);
	check_eq(vfs_rename(t, "/", "/x"), -EBUSY);
	check_eq(vfs_rename(t, "/f/", "/x"), -ENOTDIR);
	check_eq(vfs_rename(t, "/f", "/new/"), -ENOTDIR);
	check_eq(vfs_rename(t, "/l/", "/x"), -ENOTDIR);
	check_ok(vfs_rename(t, "/e/", "/e2/"));
	check_ok(vfs_rename(t, "/l", "/l2"));
	assert_true(exists(t, "/l2"));
}

static void test_rename__noreplace_and_exchange(void **state)
{
	struct vfs_task *t = ((struct world *)*state)->task;
	uint64_t f, d;

	make_tree(t);
	f = ino_of(t, "/f");
	d = ino_of(t, "/d");
	check_eq(flagged(t, "/f", "/g", RENAME_NOREPLACE), -EEXIST);
	check_ok(flagged(t, "/f", "/h", RENAME_NOREPLACE));
	check_ok(flagged(t, "/h", "/d", RENAME_EXCHANGE));
	check_eq(ino_of(t, "/h"), d);
	check_eq(ino_of(t, "/d"), f);
	check_file(t, "/h/sub/x", "x");
	check_eq(flagged(t, "/h", "/none", RENAME_EXCHANGE), -ENOENT);
	check_ok(flagged(t, "/h", "/h", RENAME_EXCHANGE));
	check_eq(flagged(t, "/h", "/h/sub", RENAME_EXCHANGE), -EINVAL);
	check_eq(flagged(t, "/h/sub", "/h", RENAME_EXCHANGE), -EINVAL);
	check_eq(flagged(t, "/h", "/e", RENAME_NOREPLACE | RENAME_EXCHANGE),
		 -EINVAL);
	check_eq(flagged(t, "/h", "/e", RENAME_WHITEOUT | RENAME_EXCHANGE),
		 -EINVAL);
	check_eq(flagged(t, "/h", "/e", 0x100), -EINVAL);
	/* Between two directories, the link counts follow. */
	check_eq(nlink_of(t, "/"), 4);
	check_ok(flagged(t, "/h/sub/x", "/e", RENAME_EXCHANGE));
	check_eq(nlink_of(t, "/"), 3);
	check_eq(nlink_of(t, "/h/sub"), 3);
}

static void test_rename__whiteout(void **state)
{
	struct world *w = *state;
	struct vfs_stat st;

	make_tree(w->task);
	check_ok(flagged(w->task, "/f", "/h", RENAME_WHITEOUT));
	check_ok(vfs_lstat(w->task, "/f", &st));
	check_eq(st.mode & S_IFMT, S_IFCHR);
	check_eq(st.rdev, 0);
	check_file(w->task, "/h", "f");
	check_ok(flagged(w->task, "/d/sub/x", "/g", RENAME_WHITEOUT));
	check_ok(vfs_lstat(w->task, "/d/sub/x", &st));
	check_eq(st.mode & S_IFMT, S_IFCHR);
}

static void test_rename__permissions(void **state)
{
	struct world *w = *state;

	make_tree(w->task);
	check_ok(vfs_mkdir(w->task, "/open", 0777));
	check_ok(vfs_mkdir(w->task, "/open2", 0777));
	check_ok(vfs_mkdir(w->task, "/open/theirs", 0755));
	check_eq(vfs_rename(w->user, "/d/sub/x", "/open/x"), -EACCES);
	check_eq(vfs_rename(w->user, "/open/theirs", "/d/x"), -EACCES);
	/* Another parent means writing the directory's own `..`. */
	check_eq(vfs_rename(w->user, "/open/theirs", "/open2/x"), -EACCES);
	check_ok(vfs_rename(w->user, "/open/theirs", "/open/x"));
	check_ok(vfs_chmod(w->task, "/open/x", 0777));
	check_ok(vfs_rename(w->user, "/open/x", "/open2/x"));
}

static void test_rename__over_open_file(void **state)
{
	struct vfs_task *t = ((struct world *)*state)->task;
	struct vfs_stat st;
	char byte;
	int fd;

	make_tree(t);
	fd = check_fd(vfs_open(t, "/g", O_RDONLY, 0));
	check_ok(vfs_rename(t, "/f", "/g"));
	check_ok(vfs_fstat(t, fd, &st));
	check_eq(st.nlink, 0);
	check_eq(vfs_read(t, fd, &byte, 1), 1);
	check_eq(byte, 'g');
}

static void test_rename__over_removed_directory(void **state)
{
	struct vfs_task *t = ((struct world *)*state)->task;
	int fd;

	make_tree(t);
	fd = check_fd(vfs_open(t, "/e", O_RDONLY | O_DIRECTORY, 0));
	check_ok(vfs_rename(t, "/d", "/e"));
	check_file(t, "/e/sub/x", "x");
	check_eq(vfs_openat(t, fd, "n", O_CREAT | O_RDWR, 0644), -ENOENT);
	check_eq(vfs_renameat(t, AT_FDCWD, "/f", fd, "n"), -ENOENT);
	assert_true(exists(t, "/f"));
}

static void test_rename__dirfds(void **state)
{
	struct vfs_task *t = ((struct world *)*state)->task;
	int d, e, f;

	make_tree(t);
	d = check_fd(vfs_open(t, "/d", O_RDONLY | O_DIRECTORY, 0));
	e = check_fd(vfs_open(t, "/e", O_PATH, 0));
	f = check_fd(vfs_open(t, "/f", O_RDONLY, 0));
	check_ok(vfs_renameat(t, d, "sub/x", e, "y"));
	check_file(t, "/e/y", "x");
	check_eq(vfs_renameat(t, f, "a", e, "b"), -ENOTDIR);
	check_eq(vfs_renameat(t, 77, "a", e, "b"), -EBADF);
	check_eq(vfs_renameat(t, e, "y", 77, "b"), -EBADF);
	check_ok(vfs_renameat(t, 77, "/e/y", 77, "/e/z"));
}

static void test_rename__cached_paths(void **state)
{
	struct vfs_task *t = ((struct world *)*state)->task;
	char path[64];

	/* Names that were walked before and after each move. */
	make_tree(t);
	for (int i = 0; i < 50; i++) {
		const char *from = i & 1 ? "/e/sub" : "/d/sub";
		const char *to = i & 1 ? "/d/sub" : "/e/sub";

		snprintf(path, sizeof(path), "%s/x", from);
		check_file(t, path, "x");
		check_ok(vfs_rename(t, from, to));
		assert_false(exists(t, path));
		snprintf(path, sizeof(path), "%s/x", to);
		check_file(t, path, "x");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		world_test(test_rename__files),
		world_test(test_rename__to_itself),
		world_test(test_rename__directories),
		world_test(test_rename__last_components),
		world_test(test_rename__noreplace_and_exchange),
		world_test(test_rename__whiteout),
		world_test(test_rename__permissions),
		world_test(test_rename__over_open_file),
		world_test(test_rename__over_removed_directory),
		world_test(test_rename__dirfds),
		world_test(test_rename__cached_paths),
	};

	return cmocka_run_group_tests(tests, NULL, NULL) ? 1 : 0;
}
