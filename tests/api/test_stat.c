/* SPDX-License-Identifier: MIT */
/* stat, statx, statfs in all their forms. */
#include <sys/statfs.h>
#include <sys/sysmacros.h>

#include "support/check.h"

#define START_SEC 1000000000
#define START_NSEC 500000000
#define SECOND INT64_C(1000000000)

static void check_time(const struct vfs_timespec *time, int64_t sec,
		       uint32_t nsec)
{
	check_eq(time->sec, sec);
	check_eq(time->nsec, nsec);
	check_eq(time->zero, 0);
}

static void test_stat__members(void **state)
{
	struct world *w = *state;
	struct vfs_stat st;

	put_file(w->task, "/f", "hello");
	check_ok(vfs_chown(w->task, "/f", 12, 34));
	check_ok(vfs_chmod(w->task, "/f", 06712));
	check_ok(vfs_link(w->task, "/f", "/g"));
	memset(&st, 0xff, sizeof(st));
	check_ok(vfs_stat(w->task, "/f", &st));
	check_eq(st.mode, S_IFREG | 06712);
	check_eq(st.uid, 12);
	check_eq(st.gid, 34);
	check_eq(st.nlink, 2);
	check_eq(st.size, 5);
	check_eq(st.blocks, 8);
	check_eq(st.blksize, 4096);
	check_eq(st.rdev, 0);
	check_eq(st.ino, ino_of(w->task, "/g"));
	check_eq(st.mask, STATX_BASIC_STATS | STATX_BTIME | STATX_MNT_ID);
	check_eq(st.attributes, 0);
	check_time(&st.atime, START_SEC, START_NSEC);
	check_time(&st.mtime, START_SEC, START_NSEC);
	check_time(&st.ctime, START_SEC, START_NSEC);
	check_time(&st.btime, START_SEC, START_NSEC);
}

static void test_stat__root(void **state)
{
	struct world *w = *state;
	struct vfs_stat root, file;

	put_file(w->task, "/f", "");
	check_ok(vfs_stat(w->task, "/", &root));
	check_ok(vfs_stat(w->task, "/f", &file));
	check_eq(root.mode & S_IFMT, S_IFDIR);
	check_eq(root.nlink, 2);
	check_eq(root.dev, file.dev);
	check_eq(root.mnt_id, file.mnt_id);
	/* STATX_ATTR_MOUNT_ROOT */
	check_eq(root.attributes, 0x2000);
	check_eq(file.attributes, 0);
	check_ok(vfs_fstatat(w->task, AT_FDCWD, "", &file, AT_EMPTY_PATH));
	check_eq(memcmp(&root, &file, sizeof(root)), 0);
}

static void test_stat__types(void **state)
{
	struct world *w = *state;
	struct vfs_stat st;

	check_ok(vfs_mknod(w->task, "/c", S_IFCHR | 0600, makedev(5, 259)));
	check_ok(vfs_mknod(w->task, "/b", S_IFBLK | 0600, makedev(8, 1)));
	check_ok(vfs_mkfifo(w->task, "/p", 0600));
	check_ok(vfs_mknod(w->task, "/s", S_IFSOCK | 0600, 7));
	check_ok(vfs_stat(w->task, "/c", &st));
	check_eq(st.mode, S_IFCHR | 0600);
	check_eq(st.rdev, makedev(5, 259));
	check_eq(st.blocks, 0);
	check_ok(vfs_stat(w->task, "/b", &st));
	check_eq(st.mode, S_IFBLK | 0600);
	check_eq(st.rdev, makedev(8, 1));
	check_ok(vfs_stat(w->task, "/p", &st));
	check_eq(st.mode, S_IFIFO | 0600);
	check_eq(st.rdev, 0);
	check_ok(vfs_stat(w->task, "/s", &st));
	check_eq(st.mode, S_IFSOCK | 0600);
	check_eq(st.size, 0);
}

static void test_stat__symlinks(void **state)
{
	struct world *w = *state;
	struct vfs_stat st;

	put_file(w->task, "/f", "abc");
	check_ok(vfs_symlink(w->task, "f", "/l"));
	check_ok(vfs_symlink(w->task, "none", "/dangling"));
	check_ok(vfs_stat(w->task, "/l", &st));
	check_eq(st.size, 3);
	check_ok(vfs_lstat(w->task, "/l", &st));
	check_eq(st.mode, S_IFLNK | 0777);
	check_eq(st.size, 1);
	check_ok(
		vfs_fstatat(w->task, AT_FDCWD, "/l", &st, AT_SYMLINK_NOFOLLOW));
	check_eq(st.mode, S_IFLNK | 0777);
	check_ok(vfs_fstatat(w->task, AT_FDCWD, "/l", &st, 0));
	check_eq(st.mode & S_IFMT, S_IFREG);
	check_eq(vfs_stat(w->task, "/dangling", &st), -ENOENT);
	check_ok(vfs_lstat(w->task, "/dangling", &st));
	check_eq(vfs_lstat(w->task, "/l/", &st), -ENOTDIR);
	check_eq(vfs_lstat(w->task, "/dangling/", &st), -ENOENT);
}

static void test_fidentity__tells_files_apart(void **state)
{
	struct world *w = *state;
	uint64_t one, same, other;
	int fd, linked, second;

	put_file(w->task, "/f", "");
	check_ok(vfs_link(w->task, "/f", "/g"));
	put_file(w->task, "/h", "");
	fd = check_fd(vfs_open(w->task, "/f", O_PATH, 0));
	linked = check_fd(vfs_open(w->task, "/g", O_RDONLY, 0));
	second = check_fd(vfs_open(w->task, "/h", O_PATH, 0));
	check_ok(vfs_fidentity(w->task, fd, &one));
	check_ok(vfs_fidentity(w->task, linked, &same));
	check_ok(vfs_fidentity(w->task, second, &other));
	check_eq(one, same);
	assert_true(one != other);
	check_ok(vfs_unlink(w->task, "/g"));
	check_ok(vfs_fidentity(w->task, linked, &same));
	check_eq(one, same);
	check_ok(vfs_close(w->task, second));
	check_eq(vfs_fidentity(w->task, second, &other), -EBADF);
}

static void test_stat__descriptors(void **state)
{
	struct world *w = *state;
	struct vfs_stat st, by_path;
	struct vfs_statfs sfs;
	int fd, o_path, dir;

	put_file(w->task, "/f", "abc");
	check_ok(vfs_stat(w->task, "/f", &by_path));
	fd = check_fd(vfs_open(w->task, "/f", O_WRONLY, 0));
	o_path = check_fd(vfs_open(w->task, "/f", O_PATH, 0));
	dir = check_fd(vfs_open(w->task, "/", O_RDONLY, 0));
	check_ok(vfs_fstat(w->task, fd, &st));
	check_eq(memcmp(&st, &by_path, sizeof(st)), 0);
	check_ok(vfs_fstat(w->task, o_path, &st));
	check_eq(memcmp(&st, &by_path, sizeof(st)), 0);
	check_ok(vfs_fstatat(w->task, dir, "f", &st, 0));
	check_eq(st.ino, by_path.ino);
	check_eq(vfs_fstatat(w->task, fd, "f", &st, 0), -ENOTDIR);
	check_ok(vfs_fstatat(w->task, fd, "/f", &st, 0));
	check_ok(vfs_fstatfs(w->task, fd, &sfs));
	check_ok(vfs_fstatfs(w->task, o_path, &sfs));
	check_ok(vfs_unlink(w->task, "/f"));
	check_ok(vfs_fstat(w->task, fd, &st));
	check_eq(st.nlink, 0);
	check_eq(st.size, 3);
	check_ok(vfs_close(w->task, fd));
	check_eq(vfs_fstat(w->task, fd, &st), -EBADF);
	check_eq(vfs_fstatfs(w->task, fd, &sfs), -EBADF);
	for (int bad = -2; bad < 0; bad++)
		check_eq(vfs_fstat(w->task, bad, &st), -EBADF);
	check_eq(vfs_fstat(w->task, INT32_MAX, &st), -EBADF);
	check_eq(vfs_fstat(w->task, INT32_MIN, &st), -EBADF);
}

static void test_stat__empty_path(void **state)
{
	struct world *w = *state;
	struct vfs_task *t = w->task;
	struct vfs_stat st;
	int fd;

	put_file(t, "/f", "abc");
	fd = check_fd(vfs_open(t, "/f", O_RDONLY, 0));
	check_eq(vfs_fstatat(t, fd, "", &st, 0), -ENOENT);
	check_eq(vfs_fstatat(t, fd, NULL, &st, 0), -EFAULT);
	check_ok(vfs_fstatat(t, fd, "", &st, AT_EMPTY_PATH));
	check_ok(vfs_fstatat(t, fd, NULL, &st, AT_EMPTY_PATH));
	check_eq(st.size, 3);
	check_ok(vfs_statx(t, fd, "", AT_EMPTY_PATH, 0, &st));
	check_ok(vfs_statx(t, AT_FDCWD, NULL, AT_EMPTY_PATH, 0, &st));
	check_eq(st.mode & S_IFMT, S_IFDIR);
	check_eq(vfs_fstatat(t, -1, "", &st, AT_EMPTY_PATH), -EBADF);
	check_eq(vfs_fstatat(t, -1, NULL, &st, AT_EMPTY_PATH), -EBADF);
	/* flags are looked at only when a path is */
	check_ok(vfs_fstatat(t, fd, "", &st, AT_EMPTY_PATH | 1));
	check_eq(vfs_fstatat(t, AT_FDCWD, "", &st, AT_EMPTY_PATH | 1), -EINVAL);
	check_eq(vfs_fstatat(t, fd, "f", &st, AT_EMPTY_PATH | 1), -EINVAL);
	check_eq(vfs_fstatat(t, fd, "f", &st, AT_EMPTY_PATH), -ENOTDIR);
}

static void test_stat__arguments(void **state)
{
	struct world *w = *state;
	struct vfs_stat st, before;
	struct vfs_statfs sfs;
	const int both = AT_STATX_FORCE_SYNC | AT_STATX_DONT_SYNC;

	put_file(w->task, "/f", "");
	memset(&st, 0x5a, sizeof(st));
	before = st;
	check_eq(vfs_stat(NULL, "/f", &st), -EFAULT);
	check_eq(vfs_fstat(NULL, 0, &st), -EFAULT);
	check_eq(vfs_fstatat(NULL, AT_FDCWD, "/f", &st, 0), -EFAULT);
	check_eq(vfs_statx(NULL, AT_FDCWD, "/f", 0, 0, &st), -EFAULT);
	check_eq(vfs_statfs(NULL, "/f", &sfs), -EFAULT);
	check_eq(vfs_fstatfs(NULL, 0, &sfs), -EFAULT);
	check_eq(vfs_stat(w->task, NULL, &st), -EFAULT);
	check_eq(vfs_stat(w->task, "", &st), -ENOENT);
	/* a wrong buffer is noticed last */
	check_eq(vfs_stat(w->task, "/none", NULL), -ENOENT);
	check_eq(vfs_stat(w->task, "/f", NULL), -EFAULT);
	check_eq(vfs_fstat(w->task, 99, NULL), -EBADF);
	check_eq(vfs_statfs(w->task, "/none", NULL), -ENOENT);
	check_eq(vfs_statfs(w->task, "/f", NULL), -EFAULT);
	check_eq(vfs_statfs(w->task, "/f/", &sfs), -ENOTDIR);
	check_eq(vfs_statx(w->task, AT_FDCWD, "/none", 1, 0, &st), -EINVAL);
	check_eq(vfs_statx(w->task, AT_FDCWD, "/none", both, 0, &st), -EINVAL);
	check_eq(vfs_statx(w->task, AT_FDCWD, NULL, 0, 0x80000000u, &st),
		 -EINVAL);
	check_eq(vfs_statx(w->task, AT_FDCWD, NULL, 0, 0, &st), -EFAULT);
	check_eq(vfs_fstatat(w->task, AT_FDCWD, "/none", &st, both), -ENOENT);
	check_eq(vfs_fstatat(w->task, 99, "f", &st, 0), -EBADF);
	check_eq(memcmp(&st, &before, sizeof(st)), 0);
	check_ok(vfs_statx(w->task, AT_FDCWD, "/f",
			   AT_NO_AUTOMOUNT | AT_STATX_DONT_SYNC, 0x7fffffff,
			   &st));
}

static void test_stat__times(void **state)
{
	struct world *w = *state;
	struct vfs_stat st;
	int fd;
	char byte;

	put_file(w->task, "/f", "abc");
	fd = check_fd(vfs_open(w->task, "/f", O_RDWR, 0));
	test_clock_advance(&w->clock, SECOND);
	check_ok(vfs_chmod(w->task, "/f", 0600));
	check_ok(vfs_fstat(w->task, fd, &st));
	check_time(&st.ctime, START_SEC + 1, START_NSEC);
	check_time(&st.mtime, START_SEC, START_NSEC);
	/* relatime: the change was later than the last access */
	test_clock_advance(&w->clock, SECOND);
	check_eq(vfs_pread(w->task, fd, &byte, 1, 0), 1);
	check_ok(vfs_fstat(w->task, fd, &st));
	check_time(&st.atime, START_SEC + 2, START_NSEC);
	/* and now it was not */
	test_clock_advance(&w->clock, 86399 * SECOND);
	check_eq(vfs_pread(w->task, fd, &byte, 1, 0), 1);
	check_ok(vfs_fstat(w->task, fd, &st));
	check_time(&st.atime, START_SEC + 2, START_NSEC);
	/* but after a day it is time again */
	test_clock_advance(&w->clock, SECOND);
	check_eq(vfs_pread(w->task, fd, &byte, 1, 0), 1);
	check_ok(vfs_fstat(w->task, fd, &st));
	check_time(&st.atime, START_SEC + 86402, START_NSEC);
	check_time(&st.btime, START_SEC, START_NSEC);
	/* an access in the same instant as the change counts as before it */
	check_eq(vfs_pwrite(w->task, fd, "x", 1, 0), 1);
	test_clock_advance(&w->clock, SECOND);
	check_eq(vfs_pread(w->task, fd, &byte, 1, 0), 1);
	check_ok(vfs_fstat(w->task, fd, &st));
	check_time(&st.atime, START_SEC + 86403, START_NSEC);
	check_time(&st.mtime, START_SEC + 86402, START_NSEC);
	check_time(&st.ctime, START_SEC + 86402, START_NSEC);
}

static void test_stat__statfs(void **state)
{
	struct world *w = *state;
	struct vfs_statfs before, after;

	check_ok(vfs_statfs(w->task, "/", &before));
	check_eq(before.type, 0x01021994);
	check_eq(before.bsize, 4096);
	check_eq(before.frsize, 4096);
	check_eq(before.namelen, 255);
	/* ST_RELATIME and the kernel's mark of validity */
	check_eq(before.flags, 0x1020);
	put_file(w->task, "/f", "abc");
	check_ok(vfs_statfs(w->task, "/f", &after));
	check_eq(after.fsid, before.fsid);
	check_eq(after.blocks, before.blocks);
	check_eq(after.bfree, before.bfree - 1);
	check_eq(after.bavail, before.bavail - 1);
	check_eq(after.ffree, before.ffree - 1);
}

static void test_stat__needs_search_permission_only(void **state)
{
	struct world *w = *state;
	struct vfs_stat st;

	check_ok(vfs_mkdir(w->task, "/d", 0711));
	check_ok(vfs_mkdir(w->task, "/closed", 0700));
	put_file(w->task, "/d/f", "");
	put_file(w->task, "/closed/f", "");
	check_ok(vfs_chmod(w->task, "/d/f", 0));
	check_ok(vfs_stat(w->user, "/d/f", &st));
	check_eq(vfs_stat(w->user, "/closed/f", &st), -EACCES);
	check_eq(vfs_stat(w->user, "/closed/none", &st), -EACCES);
	check_ok(vfs_stat(w->user, "/closed", &st));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		world_test(test_stat__members),
		world_test(test_stat__root),
		world_test(test_stat__types),
		world_test(test_stat__symlinks),
		world_test(test_stat__descriptors),
		world_test(test_fidentity__tells_files_apart),
		world_test(test_stat__empty_path),
		world_test(test_stat__arguments),
		world_test(test_stat__times),
		world_test(test_stat__statfs),
		world_test(test_stat__needs_search_permission_only),
	};

	return cmocka_run_group_tests(tests, NULL, NULL) ? 1 : 0;
}
