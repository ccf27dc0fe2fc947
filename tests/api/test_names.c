/* SPDX-License-Identifier: MIT */
/* link, symlink, readlink, unlink, rmdir, mkdir, mknod in all their forms. */
#include <sys/sysmacros.h>

#include "support/check.h"

static void test_names__mkdir(void **state)
{
	struct world *w = *state;
	struct vfs_stat st;

	check_ok(vfs_mkdir(w->task, "/d", 06755));
	check_ok(vfs_lstat(w->task, "/d", &st));
	check_eq(st.mode, S_IFDIR | 0755);
	check_eq(st.nlink, 2);
	check_ok(vfs_mkdir(w->task, "/d/e/", 01777));
	check_ok(vfs_lstat(w->task, "/d/e", &st));
	check_eq(st.mode, S_IFDIR | 01777);
	check_eq(nlink_of(w->task, "/d"), 3);
	check_eq(vfs_mkdir(w->task, "/d", 0755), -EEXIST);
	check_eq(vfs_mkdir(w->task, "/d/.", 0755), -EEXIST);
	check_eq(vfs_mkdir(w->task, "/d/..", 0755), -EEXIST);
	check_eq(vfs_mkdir(w->task, "/", 0755), -EEXIST);
	check_eq(vfs_mkdir(w->task, "", 0755), -ENOENT);
	check_eq(vfs_mkdir(w->task, "/none/x", 0755), -ENOENT);
	check_ok(vfs_symlink(w->task, "nowhere", "/dangling"));
	check_eq(vfs_mkdir(w->task, "/dangling", 0755), -EEXIST);
	check_eq(vfs_mkdir(w->task, "/dangling/", 0755), -EEXIST);
}

static void test_names__mkdir_in_setgid_directory(void **state)
{
	struct world *w = *state;
	struct vfs_stat st;

	check_ok(vfs_mkdir(w->task, "/d", 0777));
	check_ok(vfs_chown(w->task, "/d", 0, 77));
	check_ok(vfs_chmod(w->task, "/d", 02777));
	check_ok(vfs_mkdir(w->user, "/d/sub", 0755));
	check_ok(vfs_lstat(w->task, "/d/sub", &st));
	check_eq(st.gid, 77);
	check_eq(st.mode, S_IFDIR | 02755);
	check_fd(vfs_open(w->user, "/d/f", O_CREAT | O_RDWR, 0644));
	check_ok(vfs_lstat(w->task, "/d/f", &st));
	check_eq(st.gid, 77);
	check_eq(st.uid, 1000);
}

static void test_names__errors_in_order(void **state)
{
	struct world *w = *state;

	check_ok(vfs_mkdir(w->task, "/d", 0755));
	put_file(w->task, "/d/f", "");
	/* That the name exists comes before the lack of permission. */
	check_eq(vfs_mkdir(w->user, "/d/f", 0755), -EEXIST);
	check_eq(vfs_mkdir(w->user, "/d/g", 0755), -EACCES);
	check_eq(vfs_symlink(w->user, "x", "/d/f"), -EEXIST);
	check_eq(vfs_symlink(w->user, "x", "/d/g"), -EACCES);
	check_eq(vfs_unlink(w->user, "/d/none"), -ENOENT);
	check_eq(vfs_unlink(w->user, "/d/f"), -EACCES);
	check_eq(vfs_rmdir(w->user, "/d/none"), -ENOENT);
	check_eq(vfs_unlink(w->task, "/d/f/x"), -ENOTDIR);
	check_eq(vfs_unlink(w->task, "/none/x"), -ENOENT);
}

static void test_names__unlink(void **state)
{
	struct world *w = *state;
	char text[8];
	int fd;

	put_file(w->task, "/f", "data");
	check_ok(vfs_link(w->task, "/f", "/g"));
	check_eq(nlink_of(w->task, "/f"), 2);
	check_ok(vfs_unlink(w->task, "/f"));
	check_eq(nlink_of(w->task, "/g"), 1);
	fd = check_fd(vfs_open(w->task, "/g", O_RDONLY, 0));
	check_ok(vfs_unlinkat(w->task, AT_FDCWD, "g", 0));
	check_eq(vfs_read(w->task, fd, text, 8), 4);
	check_ok(vfs_mkdir(w->task, "/d", 0755));
	check_eq(vfs_unlink(w->task, "/d"), -EISDIR);
	check_eq(vfs_unlink(w->task, "/d/."), -EISDIR);
	check_eq(vfs_unlink(w->task, "/d/.."), -EISDIR);
	check_eq(vfs_unlink(w->task, "/"), -EISDIR);
	check_eq(vfs_unlink(w->task, ""), -ENOENT);
	put_file(w->task, "/h", "");
	check_eq(vfs_unlink(w->task, "/h/"), -ENOTDIR);
	check_eq(vfs_unlinkat(w->task, AT_FDCWD, "/h", 0x1000000), -EINVAL);
	check_ok(vfs_symlink(w->task, "h", "/l"));
	check_ok(vfs_unlink(w->task, "/l"));
	assert_true(exists(w->task, "/h"));
}

static void test_names__rmdir(void **state)
{
	struct world *w = *state;

	check_ok(vfs_mkdir(w->task, "/d", 0755));
	check_ok(vfs_mkdir(w->task, "/d/e", 0755));
	check_ok(vfs_symlink(w->task, "d", "/l"));
	put_file(w->task, "/f", "");
	check_eq(vfs_rmdir(w->task, "/d"), -ENOTEMPTY);
	check_eq(vfs_rmdir(w->task, "/d/."), -EINVAL);
	check_eq(vfs_rmdir(w->task, "/d/.."), -ENOTEMPTY);
	check_eq(vfs_rmdir(w->task, "/"), -EBUSY);
	check_eq(vfs_rmdir(w->task, "/f"), -ENOTDIR);
	check_eq(vfs_rmdir(w->task, "/f/"), -ENOTDIR);
	check_eq(vfs_rmdir(w->task, "/l"), -ENOTDIR);
	check_eq(vfs_rmdir(w->task, "/l/"), -ENOTDIR);
	check_eq(vfs_rmdir(w->task, "/none"), -ENOENT);
	check_ok(vfs_rmdir(w->task, "/d/e/"));
	check_eq(nlink_of(w->task, "/d"), 2);
	check_ok(vfs_unlinkat(w->task, AT_FDCWD, "d", AT_REMOVEDIR));
	check_eq(vfs_unlinkat(w->task, AT_FDCWD, "f", AT_REMOVEDIR), -ENOTDIR);
}

static void test_names__removed_directory(void **state)
{
	struct world *w = *state;
	struct vfs_stat st;
	char buffer[512];
	int fd;

	check_ok(vfs_mkdir(w->task, "/d", 0755));
	check_ok(vfs_chdir(w->task, "/d"));
	fd = check_fd(vfs_open(w->task, ".", O_RDONLY | O_DIRECTORY, 0));
	check_ok(vfs_rmdir(w->task, "/d"));
	check_eq(vfs_open(w->task, "f", O_CREAT | O_RDWR, 0644), -ENOENT);
	check_eq(vfs_mkdir(w->task, "x", 0755), -ENOENT);
	check_eq(vfs_openat(w->task, fd, "f", O_CREAT | O_RDWR, 0644), -ENOENT);
	check_eq(vfs_lstat(w->task, "f", &st), -ENOENT);
	check_ok(vfs_stat(w->task, ".", &st));
	check_eq(st.nlink, 0);
	check_ok(vfs_stat(w->task, "..", &st));
	check_eq(vfs_getdents(w->task, fd, buffer, sizeof(buffer)), -ENOENT);
	check_eq(vfs_getcwd(w->task, buffer, sizeof(buffer)), -ENOENT);
	check_eq(vfs_rmdir(w->task, "../d"), -ENOENT);
}

static void test_names__link(void **state)
{
	struct world *w = *state;
	int fd;

	put_file(w->task, "/f", "data");
	check_ok(vfs_mkdir(w->task, "/d", 0755));
	check_ok(vfs_symlink(w->task, "f", "/l"));
	check_ok(vfs_link(w->task, "/f", "/d/g"));
	check_eq(ino_of(w->task, "/d/g"), ino_of(w->task, "/f"));
	check_eq(vfs_link(w->task, "/f", "/d/g"), -EEXIST);
	check_eq(vfs_link(w->task, "/d", "/e"), -EPERM);
	check_eq(vfs_link(w->task, "/none", "/e"), -ENOENT);
	check_eq(vfs_link(w->task, "/f", "/new/"), -ENOENT);
	check_eq(vfs_link(w->task, "/f", "/none/e"), -ENOENT);
	/* A symlink is linked itself unless it is followed by a flag. */
	check_ok(vfs_link(w->task, "/l", "/l2"));
	check_eq(ino_of(w->task, "/l2"), ino_of(w->task, "/l"));
	check_ok(vfs_linkat(w->task, AT_FDCWD, "/l", AT_FDCWD, "/f3",
			    AT_SYMLINK_FOLLOW));
	check_eq(ino_of(w->task, "/f3"), ino_of(w->task, "/f"));
	fd = check_fd(vfs_open(w->task, "/f", O_PATH, 0));
	check_ok(vfs_linkat(w->task, fd, "", AT_FDCWD, "/f4", AT_EMPTY_PATH));
	check_eq(nlink_of(w->task, "/f"), 4);
	check_eq(vfs_linkat(w->task, fd, "", AT_FDCWD, "/f5", 0), -ENOENT);
	check_eq(vfs_linkat(w->task, AT_FDCWD, "/f", AT_FDCWD, "/f5", 0x1),
		 -EINVAL);
}

static void test_names__symlink(void **state)
{
	struct world *w = *state;
	static char target[4097];
	struct vfs_stat st;
	char buffer[16];
	int fd;

	check_ok(vfs_symlink(w->task, "some/where", "/l"));
	check_ok(vfs_lstat(w->task, "/l", &st));
	check_eq(st.mode, S_IFLNK | 0777);
	check_eq(st.size, 10);
	check_eq(vfs_readlink(w->task, "/l", buffer, sizeof(buffer)), 10);
	assert_memory_equal(buffer, "some/where", 10);
	check_eq(vfs_readlink(w->task, "/l", buffer, 4), 4);
	check_eq(vfs_readlink(w->task, "/l", buffer, 0), -EINVAL);
	check_eq(vfs_readlink(w->task, "/", buffer, 4), -EINVAL);
	check_eq(vfs_readlink(w->task, "/none", buffer, 4), -ENOENT);
	fd = check_fd(vfs_open(w->task, "/l", O_PATH | O_NOFOLLOW, 0));
	check_eq(vfs_readlinkat(w->task, fd, "", buffer, 16), 10);
	check_eq(vfs_symlink(w->task, "", "/e"), -ENOENT);
	check_eq(vfs_symlink(w->task, "x", "/l"), -EEXIST);
	check_eq(vfs_symlink(w->task, "x", ""), -ENOENT);
	check_eq(vfs_symlink(w->task, "x", "/new/"), -ENOENT);
	memset(target, 't', sizeof(target) - 1);
	check_eq(vfs_symlink(w->task, target, "/e"), -ENAMETOOLONG);
	target[4095] = 0;
	check_ok(vfs_symlinkat(w->task, target, AT_FDCWD, "e"));
	check_ok(vfs_lstat(w->task, "/e", &st));
	check_eq(st.size, 4095);
}

static void test_names__mknod(void **state)
{
	struct world *w = *state;
	struct vfs_stat st;

	check_ok(vfs_mknod(w->task, "/plain", 0640, 0));
	check_ok(vfs_lstat(w->task, "/plain", &st));
	check_eq(st.mode, S_IFREG | 0640);
	check_ok(vfs_mknod(w->task, "/c", S_IFCHR | 0600, makedev(5, 1)));
	check_ok(vfs_lstat(w->task, "/c", &st));
	check_eq(st.mode, S_IFCHR | 0600);
	check_eq(st.rdev, makedev(5, 1));
	check_ok(vfs_mknod(w->task, "/b", S_IFBLK | 0600, makedev(8, 300)));
	check_ok(vfs_lstat(w->task, "/b", &st));
	check_eq(st.rdev, makedev(8, 300));
	check_ok(vfs_mkfifoat(w->task, AT_FDCWD, "p", 0600));
	check_ok(vfs_mknodat(w->task, AT_FDCWD, "s", S_IFSOCK | 0600, 0));
	check_eq(vfs_mknod(w->task, "/x", S_IFDIR | 0700, 0), -EPERM);
	check_eq(vfs_mknod(w->task, "/x", S_IFLNK | 0700, 0), -EINVAL);
	check_eq(vfs_mknod(w->task, "/c", S_IFREG | 0700, 0), -EEXIST);
	check_eq(vfs_mknod(w->task, "/new/", S_IFREG | 0700, 0), -ENOENT);
	check_eq(vfs_mknod(w->user, "/x", S_IFCHR | 0700, makedev(1, 3)),
		 -EPERM);
	check_eq(vfs_mknod(w->user, "/x", S_IFBLK | 0700, 0), -EPERM);
	check_ok(vfs_mknod(w->user, "/white", S_IFCHR | 0700, 0));
	check_ok(vfs_mkfifo(w->user, "/fifo", 0700));
}

static void test_names__sticky(void **state)
{
	struct world *w = *state;
	struct vfs_task *other = world_user(w, 2000, 2000);

	assert_non_null(other);
	check_ok(vfs_mkdir(w->task, "/t", 0777));
	check_ok(vfs_chmod(w->task, "/t", 01777));
	put_file(w->user, "/t/mine", "");
	put_file(other, "/t/theirs", "");
	check_eq(vfs_unlink(w->user, "/t/theirs"), -EPERM);
	check_eq(vfs_rename(w->user, "/t/theirs", "/t/x"), -EPERM);
	check_eq(vfs_rename(w->user, "/t/mine", "/t/theirs"), -EPERM);
	check_ok(vfs_rename(w->user, "/t/mine", "/t/x"));
	check_ok(vfs_unlink(w->user, "/t/x"));
	check_ok(vfs_unlink(w->task, "/t/theirs"));
	vfs_task_unref(other);
}

static void test_names__time_changes(void **state)
{
	struct world *w = *state;
	struct vfs_stat before, after;

	put_file(w->task, "/f", "data");
	check_ok(vfs_stat(w->task, "/f", &before));
	test_clock_advance(&w->clock, 1000000000);
	check_ok(vfs_link(w->task, "/f", "/g"));
	check_ok(vfs_stat(w->task, "/f", &after));
	check_eq(after.ctime.sec, before.ctime.sec + 1);
	check_eq(after.mtime.sec, before.mtime.sec);
	check_ok(vfs_stat(w->task, "/", &after));
	check_eq(after.mtime.sec, before.ctime.sec + 1);
	test_clock_advance(&w->clock, 1000000000);
	check_ok(vfs_rename(w->task, "/g", "/h"));
	check_ok(vfs_stat(w->task, "/f", &after));
	check_eq(after.ctime.sec, before.ctime.sec + 2);
	check_eq(after.mtime.sec, before.mtime.sec);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		world_test(test_names__mkdir),
		world_test(test_names__mkdir_in_setgid_directory),
		world_test(test_names__errors_in_order),
		world_test(test_names__unlink),
		world_test(test_names__rmdir),
		world_test(test_names__removed_directory),
		world_test(test_names__link),
		world_test(test_names__symlink),
		world_test(test_names__mknod),
		world_test(test_names__sticky),
		world_test(test_names__time_changes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL) ? 1 : 0;
}
