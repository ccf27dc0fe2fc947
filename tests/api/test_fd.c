/* SPDX-License-Identifier: MIT */
/* The descriptor table: dup's family, close_range, fcntl, limits. */
#include <linux/close_range.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/resource.h>

#include "support/check.h"

static int open_root(struct vfs_task *t)
{
	return check_fd(vfs_open(t, "/", O_RDONLY, 0));
}

static void test_fd__lowest_free(void **state)
{
	struct vfs_task *t = ((struct world *)*state)->task;

	for (int i = 0; i < 200; i++)
		check_eq(open_root(t), i);
	check_ok(vfs_close(t, 7));
	check_ok(vfs_close(t, 3));
	check_ok(vfs_close(t, 150));
	check_eq(vfs_dup(t, 0), 3);
	check_eq(open_root(t), 7);
	check_eq(open_root(t), 150);
	check_eq(open_root(t), 200);
	check_eq(vfs_close(t, 999), -EBADF);
	check_eq(vfs_close(t, -1), -EBADF);
	check_eq(vfs_close(t, INT32_MIN), -EBADF);
	check_ok(vfs_close(t, 5));
	check_eq(vfs_close(t, 5), -EBADF);
}

static void test_fd__dup2_and_dup3(void **state)
{
	struct vfs_task *t = ((struct world *)*state)->task;
	int fd = open_root(t);

	check_eq(vfs_dup2(t, fd, 1000), 1000);
	check_eq(vfs_fcntl(t, 1000, F_GETFD, 0), 0);
	check_eq(vfs_dup2(t, fd, fd), fd);
	check_eq(vfs_dup2(t, 77, 77), -EBADF);
	check_eq(vfs_dup2(t, 77, 5), -EBADF);
	check_eq(vfs_dup2(t, fd, -1), -EBADF);
	check_eq(vfs_dup2(t, fd, INT32_MAX), -EBADF);
	check_eq(vfs_dup3(t, fd, fd, 0), -EINVAL);
	check_eq(vfs_dup3(t, fd, 9, O_APPEND), -EINVAL);
	check_eq(vfs_dup3(t, fd, 9, O_CLOEXEC), 9);
	check_eq(vfs_fcntl(t, 9, F_GETFD, 0), FD_CLOEXEC);
	/* The old occupant of the number is closed. */
	put_file(t, "/f", "data");
	check_eq(vfs_open(t, "/f", O_RDONLY, 0), 1);
	check_eq(vfs_dup2(t, 1, 9), 9);
	check_eq(vfs_fcntl(t, 9, F_GETFD, 0), 0);
	check_eq(vfs_lseek(t, 9, 2, SEEK_SET), 2);
	check_eq(vfs_lseek(t, 1, 0, SEEK_CUR), 2);
}

static void test_fd__fcntl(void **state)
{
	struct vfs_task *t = ((struct world *)*state)->task;
	int fd, copy;

	fd = check_fd(vfs_open(t, "/f", O_RDWR | O_CREAT | O_CLOEXEC, 0644));
	check_eq(vfs_fcntl(t, fd, F_GETFD, 0), FD_CLOEXEC);
	check_ok(vfs_fcntl(t, fd, F_SETFD, 0));
	check_eq(vfs_fcntl(t, fd, F_GETFD, 0), 0);
	check_eq(vfs_fcntl(t, fd, F_DUPFD, 50), 50);
	check_eq(vfs_fcntl(t, fd, F_DUPFD, 50), 51);
	copy = check_fd(vfs_fcntl(t, fd, F_DUPFD_CLOEXEC, 0));
	check_eq(vfs_fcntl(t, copy, F_GETFD, 0), FD_CLOEXEC);
	check_eq(vfs_fcntl(t, fd, F_DUPFD, -1), -EINVAL);
	check_eq(vfs_fcntl(t, fd, F_DUPFD, 1 << 30), -EINVAL);
	check_eq(vfs_fcntl(t, fd, F_GETFL, 0) & (O_ACCMODE | O_CREAT), O_RDWR);
	/* F_SETFL changes what it may and passes over the rest. */
	check_ok(vfs_fcntl(t, fd, F_SETFL, O_APPEND | O_NONBLOCK | O_RDONLY));
	check_eq(vfs_fcntl(t, copy, F_GETFL, 0) &
			 (O_ACCMODE | O_APPEND | O_NONBLOCK),
		 O_RDWR | O_APPEND | O_NONBLOCK);
	check_eq(vfs_fcntl(t, fd, 12345, 0), -EINVAL);
	check_eq(vfs_fcntl(t, 99, F_GETFL, 0), -EBADF);
}

static void test_fd__path_descriptor_fcntl(void **state)
{
	struct vfs_task *t = ((struct world *)*state)->task;
	int fd = check_fd(vfs_open(t, "/", O_PATH, 0));

	check_eq(vfs_fcntl(t, fd, F_GETFD, 0), 0);
	check_ok(vfs_fcntl(t, fd, F_SETFD, FD_CLOEXEC));
	check_fd(vfs_fcntl(t, fd, F_DUPFD, 0));
	check_fd(vfs_dup(t, fd));
	check_eq(vfs_fcntl(t, fd, F_SETFL, O_APPEND), -EBADF);
	check_eq(vfs_ioctl(t, fd, FIONREAD, NULL), -EBADF);
	check_ok(vfs_close(t, fd));
}

static void test_fd__close_range(void **state)
{
	struct vfs_task *t = ((struct world *)*state)->task;

	for (int i = 0; i < 20; i++)
		check_eq(open_root(t), i);
	check_ok(vfs_close_range(t, 5, 9, 0));
	for (int i = 0; i < 20; i++)
		check_eq(vfs_fcntl(t, i, F_GETFD, 0),
			 i >= 5 && i <= 9 ? -EBADF : 0);
	check_eq(vfs_close_range(t, 9, 5, 0), -EINVAL);
	check_eq(vfs_close_range(t, 0, 5, 0x80), -EINVAL);
	check_ok(vfs_close_range(t, 10, 12, CLOSE_RANGE_CLOEXEC));
	check_eq(vfs_fcntl(t, 10, F_GETFD, 0), FD_CLOEXEC);
	check_eq(vfs_fcntl(t, 13, F_GETFD, 0), 0);
	check_ok(vfs_close_range(t, 10, UINT32_MAX, 0));
	check_eq(vfs_fcntl(t, 19, F_GETFD, 0), -EBADF);
	check_eq(vfs_fcntl(t, 4, F_GETFD, 0), 0);
	check_ok(vfs_close_range(t, 100, 200, 0));
}

static void test_fd__close_range_unshares(void **state)
{
	struct vfs_task *t = ((struct world *)*state)->task;
	struct vfs_task *twin;

	check_ok(vfs_task_clone(t, VFS_CLONE_FILES, &twin));
	for (int i = 0; i < 4; i++)
		check_eq(open_root(t), i);
	check_ok(vfs_close_range(twin, 2, UINT32_MAX, CLOSE_RANGE_UNSHARE));
	check_eq(vfs_fcntl(twin, 2, F_GETFD, 0), -EBADF);
	check_eq(vfs_fcntl(twin, 1, F_GETFD, 0), 0);
	check_eq(vfs_fcntl(t, 2, F_GETFD, 0), 0);
	vfs_task_unref(twin);
}

static void test_fd__limit(void **state)
{
	struct vfs_task *t = ((struct world *)*state)->task;
	struct vfs_rlimit limit = {.cur = 10, .max = 20};
	int fds[2] = {-7, -7};

	check_ok(vfs_setrlimit(t, RLIMIT_NOFILE, &limit));
	for (int i = 0; i < 10; i++)
		check_eq(open_root(t), i);
	check_eq(vfs_open(t, "/", O_RDONLY, 0), -EMFILE);
	check_eq(vfs_open(t, "/new", O_CREAT | O_RDWR, 0600), -EMFILE);
	assert_false(exists(t, "/new"));
	check_eq(vfs_dup(t, 0), -EMFILE);
	check_eq(vfs_dup2(t, 0, 10), -EBADF);
	check_eq(vfs_dup2(t, 0, 9), 9);
	check_eq(vfs_fcntl(t, 0, F_DUPFD, 10), -EINVAL);
	check_eq(vfs_fcntl(t, 0, F_DUPFD, 9), -EMFILE);
	check_ok(vfs_close(t, 4));
	check_eq(vfs_pipe(t, fds), -EMFILE);
	check_eq(fds[0], -7);
	check_eq(open_root(t), 4);
}

static void test_fd__table_grows(void **state)
{
	struct vfs_task *t = ((struct world *)*state)->task;
	struct vfs_rlimit limit = {.cur = 100000, .max = 100000};

	check_ok(vfs_setrlimit(t, RLIMIT_NOFILE, &limit));
	for (int i = 0; i < 5000; i++)
		check_eq(open_root(t), i);
	check_eq(vfs_dup2(t, 0, 99999), 99999);
	check_eq(vfs_fcntl(t, 0, F_DUPFD, 99999), -EMFILE);
	check_eq(vfs_fcntl(t, 0, F_DUPFD, 90000), 90000);
	check_eq(open_root(t), 5000);
	check_ok(vfs_close_range(t, 0, UINT32_MAX, 0));
	check_eq(open_root(t), 0);
}

static void test_fd__ioctl(void **state)
{
	struct vfs_task *t = ((struct world *)*state)->task;
	int fd, waiting = -1, fds[2], on = 1;

	put_file(t, "/f", "12345");
	fd = check_fd(vfs_open(t, "/f", O_RDONLY, 0));
	check_eq(vfs_lseek(t, fd, 2, SEEK_SET), 2);
	check_ok(vfs_ioctl(t, fd, FIONREAD, &waiting));
	check_eq(waiting, 3);
	check_ok(vfs_ioctl(t, fd, FIOCLEX, NULL));
	check_eq(vfs_fcntl(t, fd, F_GETFD, 0), FD_CLOEXEC);
	check_ok(vfs_ioctl(t, fd, FIONCLEX, NULL));
	check_eq(vfs_fcntl(t, fd, F_GETFD, 0), 0);
	check_ok(vfs_ioctl(t, fd, FIONBIO, &on));
	check_eq(vfs_fcntl(t, fd, F_GETFL, 0) & O_NONBLOCK, O_NONBLOCK);
	check_eq(vfs_ioctl(t, fd, TIOCGWINSZ, &waiting), -ENOTTY);
	check_eq(vfs_ioctl(t, 99, FIONREAD, &waiting), -EBADF);
	/* as a register has it: with its sign, or whatever else */
	check_ok(vfs_ioctl(t, fd, (uint64_t)(int)FS_IOC_GETFLAGS, &waiting));
	check_ok(vfs_ioctl(t, fd, UINT64_C(1) << 32 | FIONBIO, &on));
	check_ok(vfs_pipe(t, fds));
	check_eq(vfs_write(t, fds[1], "abc", 3), 3);
	check_ok(vfs_ioctl(t, fds[0], FIONREAD, &waiting));
	check_eq(waiting, 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		world_test(test_fd__lowest_free),
		world_test(test_fd__dup2_and_dup3),
		world_test(test_fd__fcntl),
		world_test(test_fd__path_descriptor_fcntl),
		world_test(test_fd__close_range),
		world_test(test_fd__close_range_unshares),
		world_test(test_fd__limit),
		world_test(test_fd__table_grows),
		world_test(test_fd__ioctl),
	};

	return cmocka_run_group_tests(tests, NULL, NULL) ? 1 : 0;
}
