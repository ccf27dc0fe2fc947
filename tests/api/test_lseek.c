/* SPDX-License-Identifier: MIT */
/* lseek(2): edges of 63 bits, data and holes, what cannot seek. */
#include "support/check.h"

#define KB4 INT64_C(4096)

static void test_lseek__set_cur_end(void **state)
{
	struct vfs_task *t = ((struct world *)*state)->task;
	int fd;

	put_file(t, "/f", "0123456789");
	fd = check_fd(vfs_open(t, "/f", O_RDWR, 0));
	check_eq(vfs_lseek(t, fd, 4, SEEK_SET), 4);
	check_eq(vfs_lseek(t, fd, 3, SEEK_CUR), 7);
	check_eq(vfs_lseek(t, fd, -2, SEEK_CUR), 5);
	check_eq(vfs_lseek(t, fd, -1, SEEK_END), 9);
	check_eq(vfs_lseek(t, fd, 90, SEEK_END), 100);
	check_eq(vfs_lseek(t, fd, -101, SEEK_CUR), -EINVAL);
	check_eq(vfs_lseek(t, fd, -1, SEEK_SET), -EINVAL);
	check_eq(vfs_lseek(t, fd, -11, SEEK_END), -EINVAL);
	check_eq(vfs_lseek(t, fd, 0, 5), -EINVAL);
	check_eq(vfs_lseek(t, fd, 0, -1), -EINVAL);
	check_eq(vfs_lseek(t, fd, 0, SEEK_CUR), 100);
	check_eq(vfs_lseek(t, 55, 0, SEEK_CUR), -EBADF);
}

static void test_lseek__edges(void **state)
{
	struct vfs_task *t = ((struct world *)*state)->task;
	char byte = 0;
	int fd;

	put_file(t, "/f", "0123456789");
	fd = check_fd(vfs_open(t, "/f", O_RDWR, 0));
	check_eq(vfs_lseek(t, fd, INT64_MAX, SEEK_SET), INT64_MAX);
	check_eq(vfs_read(t, fd, &byte, 1), -EINVAL);
	check_eq(vfs_write(t, fd, &byte, 1), -EINVAL);
	check_eq(vfs_lseek(t, fd, 1, SEEK_CUR), -EINVAL);
	check_eq(vfs_lseek(t, fd, 0, SEEK_CUR), INT64_MAX);
	check_eq(vfs_lseek(t, fd, INT64_MAX, SEEK_END), -EINVAL);
	check_eq(vfs_lseek(t, fd, INT64_MIN, SEEK_CUR), -EINVAL);
	check_eq(vfs_lseek(t, fd, INT64_MIN, SEEK_SET), -EINVAL);
	check_eq(vfs_pwrite(t, fd, "ab", 2, INT64_MAX - 1), -EINVAL);
	check_eq(vfs_pwrite(t, fd, "a", 1, INT64_MAX - 1), 1);
	check_eq(vfs_pread(t, fd, &byte, 1, INT64_MAX - 1), 1);
	check_eq(byte, 'a');
}

static void test_lseek__data_and_holes(void **state)
{
	struct vfs_task *t = ((struct world *)*state)->task;
	int fd = check_fd(vfs_open(t, "/f", O_RDWR | O_CREAT, 0644));

	check_eq(vfs_lseek(t, fd, 0, SEEK_DATA), -ENXIO);
	check_eq(vfs_lseek(t, fd, 0, SEEK_HOLE), -ENXIO);
	check_eq(vfs_pwrite(t, fd, "x", 1, 10 * KB4), 1);
	check_ok(vfs_ftruncate(t, fd, 20 * KB4));
	check_eq(vfs_lseek(t, fd, 0, SEEK_DATA), 10 * KB4);
	check_eq(vfs_lseek(t, fd, 0, SEEK_HOLE), 0);
	check_eq(vfs_lseek(t, fd, 10 * KB4 + 7, SEEK_DATA), 10 * KB4 + 7);
	check_eq(vfs_lseek(t, fd, 10 * KB4, SEEK_HOLE), 11 * KB4);
	check_eq(vfs_lseek(t, fd, 11 * KB4, SEEK_DATA), -ENXIO);
	check_eq(vfs_lseek(t, fd, 20 * KB4, SEEK_HOLE), -ENXIO);
	check_eq(vfs_lseek(t, fd, -1, SEEK_DATA), -ENXIO);
	check_eq(vfs_lseek(t, fd, 20 * KB4 - 1, SEEK_HOLE), 20 * KB4 - 1);
}

static void test_lseek__unseekable(void **state)
{
	struct vfs_task *t = ((struct world *)*state)->task;
	char byte;
	int fds[2];

	check_ok(vfs_pipe(t, fds));
	check_eq(vfs_lseek(t, fds[0], 0, SEEK_SET), -ESPIPE);
	check_eq(vfs_pread(t, fds[0], &byte, 1, 0), -ESPIPE);
	check_eq(vfs_pwrite(t, fds[1], "x", 1, 0), -ESPIPE);
}

static void test_lseek__shared_by_dup(void **state)
{
	struct vfs_task *t = ((struct world *)*state)->task;
	int fd, copy, other;

	put_file(t, "/f", "0123456789");
	fd = check_fd(vfs_open(t, "/f", O_RDONLY, 0));
	copy = check_fd(vfs_dup(t, fd));
	other = check_fd(vfs_open(t, "/f", O_RDONLY, 0));
	check_eq(vfs_lseek(t, fd, 5, SEEK_SET), 5);
	check_eq(vfs_lseek(t, copy, 0, SEEK_CUR), 5);
	check_eq(vfs_lseek(t, other, 0, SEEK_CUR), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		world_test(test_lseek__set_cur_end),
		world_test(test_lseek__edges),
		world_test(test_lseek__data_and_holes),
		world_test(test_lseek__unseekable),
		world_test(test_lseek__shared_by_dup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL) ? 1 : 0;
}
