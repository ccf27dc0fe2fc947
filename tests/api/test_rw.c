/* SPDX-License-Identifier: MIT */
/* Reading, writing, truncating and copying data. */
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/uio.h>

#include "support/check.h"

static int open_rw(struct vfs_task *t, const char *path)
{
	return check_fd(vfs_open(t, path, O_RDWR | O_CREAT, 0644));
}

static int64_t size_of(struct vfs_task *t, int fd)
{
	struct vfs_stat st;

	check_ok(vfs_fstat(t, fd, &st));
	return st.size;
}

static void test_rw__position(void **state)
{
	struct vfs_task *t = ((struct world *)*state)->task;
	char text[16] = "";
	int fd = open_rw(t, "/f");

	check_eq(vfs_write(t, fd, "hello world", 11), 11);
	check_eq(vfs_read(t, fd, text, 4), 0);
	check_eq(vfs_lseek(t, fd, 6, SEEK_SET), 6);
	check_eq(vfs_read(t, fd, text, 16), 5);
	assert_memory_equal(text, "world", 5);
	check_eq(vfs_pread(t, fd, text, 5, 0), 5);
	assert_memory_equal(text, "hello", 5);
	check_eq(vfs_pwrite(t, fd, "J", 1, 0), 1);
	check_eq(vfs_lseek(t, fd, 0, SEEK_CUR), 11);
	check_file(t, "/f", "Jello world");
	check_eq(vfs_pread(t, fd, text, 5, 11), 0);
	check_eq(vfs_pread(t, fd, text, 5, 1000), 0);
	check_eq(vfs_pread(t, fd, text, 5, -1), -EINVAL);
	check_eq(vfs_pwrite(t, fd, text, 5, -1), -EINVAL);
	check_eq(vfs_read(t, fd, text, 0), 0);
	check_eq(vfs_write(t, fd, text, 0), 0);
}

static void test_rw__append(void **state)
{
	struct vfs_task *t = ((struct world *)*state)->task;
	int fd;

	put_file(t, "/f", "one");
	fd = check_fd(vfs_open(t, "/f", O_WRONLY | O_APPEND, 0));
	check_eq(vfs_lseek(t, fd, 0, SEEK_SET), 0);
	check_eq(vfs_write(t, fd, "two", 3), 3);
	check_eq(vfs_lseek(t, fd, 0, SEEK_CUR), 6);
	check_eq(vfs_pwrite(t, fd, "three", 5, 0), 5);
	check_file(t, "/f", "onetwothree");
	check_ok(vfs_fcntl(t, fd, F_SETFL, 0));
	check_eq(vfs_pwrite(t, fd, "O", 1, 0), 1);
	check_file(t, "/f", "Onetwothree");
	check_ok(vfs_fcntl(t, fd, F_SETFL, O_APPEND));
	check_eq(vfs_pwritev2(t, fd, &(struct vfs_iovec){"!", 1}, 1, 0, 0), 1);
	check_file(t, "/f", "Onetwothree!");
}

static void test_rw__vectors(void **state)
{
	struct vfs_task *t = ((struct world *)*state)->task;
	char a[3] = "", b[5] = "";
	struct vfs_iovec out[] = {{"abc", 3}, {NULL, 0}, {"defgh", 5}};
	struct vfs_iovec in[] = {{a, 3}, {b, 5}};
	static struct vfs_iovec many[1025];
	int fd = open_rw(t, "/f");

	check_eq(vfs_writev(t, fd, out, 3), 8);
	check_eq(vfs_lseek(t, fd, 1, SEEK_SET), 1);
	check_eq(vfs_readv(t, fd, in, 2), 7);
	assert_memory_equal(a, "bcd", 3);
	assert_memory_equal(b, "efgh", 4);
	check_eq(vfs_preadv(t, fd, in, 2, 0), 8);
	assert_memory_equal(b, "defgh", 5);
	check_eq(vfs_pwritev(t, fd, out, 1, 8), 3);
	check_eq(size_of(t, fd), 11);
	check_eq(vfs_preadv2(t, fd, in, 1, 8, 0), 3);
	assert_memory_equal(a, "abc", 3);
	/* -1: at the position, which moves. */
	check_eq(vfs_lseek(t, fd, 0, SEEK_SET), 0);
	check_eq(vfs_preadv2(t, fd, in, 1, -1, 0), 3);
	check_eq(vfs_lseek(t, fd, 0, SEEK_CUR), 3);
	check_eq(vfs_pwritev2(t, fd, out, 1, 0, RWF_APPEND), 3);
	check_eq(size_of(t, fd), 14);
	check_eq(vfs_preadv2(t, fd, in, 1, 0, 0x40000000), -EOPNOTSUPP);
	check_eq(vfs_readv(t, fd, in, 0), 0);
	check_eq(vfs_readv(t, fd, in, -1), -EINVAL);
	check_eq(vfs_readv(t, fd, many, 1025), -EINVAL);
	check_eq(vfs_readv(t, fd, many, 1024), 0);
	in[1].len = SIZE_MAX;
	check_eq(vfs_readv(t, fd, in, 2), -EINVAL);
}

static void test_rw__sparse(void **state)
{
	struct vfs_task *t = ((struct world *)*state)->task;
	struct vfs_stat st;
	char text[8], zero[8] = "";
	int fd = open_rw(t, "/f");

	check_eq(vfs_pwrite(t, fd, "end", 3, INT64_C(1) << 40), 3);
	check_ok(vfs_fstat(t, fd, &st));
	check_eq(st.size, (INT64_C(1) << 40) + 3);
	assert_true(st.blocks <= 16);
	check_eq(vfs_pread(t, fd, text, 8, 12345678), 8);
	assert_memory_equal(text, zero, 8);
	check_eq(vfs_pread(t, fd, text, 8, INT64_C(1) << 40), 3);
	assert_memory_equal(text, "end", 3);
}

static void test_rw__truncate(void **state)
{
	struct world *w = *state;
	struct vfs_task *t = w->task;
	char text[8];
	int fd = open_rw(t, "/f");

	check_eq(vfs_write(t, fd, "0123456789", 10), 10);
	check_ok(vfs_ftruncate(t, fd, 4));
	check_ok(vfs_ftruncate(t, fd, 8));
	check_eq(vfs_pread(t, fd, text, 8, 0), 8);
	assert_memory_equal(text, "0123\0\0\0\0", 8);
	check_ok(vfs_truncate(t, "/f", 2));
	check_file(t, "/f", "01");
	check_eq(vfs_ftruncate(t, fd, -1), -EINVAL);
	check_eq(vfs_truncate(t, "/f", -1), -EINVAL);
	check_eq(vfs_truncate(t, "/", 0), -EISDIR);
	check_eq(vfs_truncate(t, "/none", 0), -ENOENT);
	check_eq(vfs_truncate(w->user, "/f", 0), -EACCES);
	check_eq(vfs_ftruncate(t, fd, INT64_MAX), 0);
	check_eq(size_of(t, fd), INT64_MAX);
	check_ok(vfs_mkfifo(t, "/p", 0644));
	check_eq(vfs_truncate(t, "/p", 0), -EINVAL);
}

static void test_rw__file_size_limit(void **state)
{
	struct vfs_task *t = ((struct world *)*state)->task;
	struct vfs_rlimit limit = {.cur = 10, .max = VFS_RLIM_INFINITY};
	int fd = open_rw(t, "/f");

	check_ok(vfs_setrlimit(t, RLIMIT_FSIZE, &limit));
	check_eq(vfs_write(t, fd, "0123456", 7), 7);
	check_eq(vfs_write(t, fd, "789abc", 6), 3);
	check_eq(vfs_write(t, fd, "d", 1), -EFBIG);
	check_eq(vfs_ftruncate(t, fd, 11), -EFBIG);
	check_ok(vfs_ftruncate(t, fd, 10));
	check_eq(vfs_pwrite(t, fd, "x", 1, 10), -EFBIG);
	check_eq(vfs_fallocate(t, fd, 0, 0, 11), -EFBIG);
	check_file(t, "/f", "0123456789");
}

static void test_rw__fallocate(void **state)
{
	struct vfs_task *t = ((struct world *)*state)->task;
	static char text[8192];
	int fd = open_rw(t, "/f");

	check_ok(vfs_fallocate(t, fd, 0, 0, 100));
	check_eq(size_of(t, fd), 100);
	check_ok(vfs_fallocate(t, fd, FALLOC_FL_KEEP_SIZE, 0, 10000));
	check_eq(size_of(t, fd), 100);
	check_eq(vfs_fallocate(t, fd, 0, 0, 0), -EINVAL);
	check_eq(vfs_fallocate(t, fd, 0, -1, 10), -EINVAL);
	check_eq(vfs_fallocate(t, fd, 0, 0, -1), -EINVAL);
	check_eq(vfs_fallocate(t, fd, 0, INT64_MAX, 10), -EFBIG);
	check_eq(vfs_fallocate(t, fd, FALLOC_FL_PUNCH_HOLE, 0, 10),
		 -EOPNOTSUPP);
	memset(text, 'x', sizeof(text));
	check_eq(vfs_pwrite(t, fd, text, sizeof(text), 0), sizeof(text));
	check_ok(vfs_fallocate(
		t, fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 100, 5000));
	check_eq(vfs_pread(t, fd, text, sizeof(text), 0), sizeof(text));
	check_eq(text[99], 'x');
	check_eq(text[100], 0);
	check_eq(text[5099], 0);
	check_eq(text[5100], 'x');
}

static void test_rw__directories(void **state)
{
	struct vfs_task *t = ((struct world *)*state)->task;
	char byte;
	int fd = check_fd(vfs_open(t, "/", O_RDONLY, 0));

	check_eq(vfs_read(t, fd, &byte, 1), -EISDIR);
	check_eq(vfs_pread(t, fd, &byte, 1, 0), -EISDIR);
	check_eq(vfs_write(t, fd, &byte, 1), -EBADF);
	check_eq(vfs_ftruncate(t, fd, 0), -EINVAL);
	check_ok(vfs_fsync(t, fd));
	check_ok(vfs_fdatasync(t, fd));
	check_ok(vfs_syncfs(t, fd));
	check_ok(vfs_sync(t));
}

static void test_rw__copy_file_range(void **state)
{
	struct vfs_task *t = ((struct world *)*state)->task;
	int64_t from = 2, to = 1;
	int in, out, log, dir;

	put_file(t, "/in", "0123456789");
	in = check_fd(vfs_open(t, "/in", O_RDONLY, 0));
	out = open_rw(t, "/out");
	log = check_fd(vfs_open(t, "/out", O_WRONLY | O_APPEND, 0));
	dir = check_fd(vfs_open(t, "/", O_RDONLY, 0));
	check_eq(vfs_copy_file_range(t, in, NULL, out, NULL, 4, 0), 4);
	check_eq(vfs_lseek(t, in, 0, SEEK_CUR), 4);
	check_file(t, "/out", "0123");
	check_eq(vfs_copy_file_range(t, in, &from, out, &to, 3, 0), 3);
	check_eq(from, 5);
	check_eq(to, 4);
	check_file(t, "/out", "0234");
	from = 8;
	check_eq(vfs_copy_file_range(t, in, &from, out, NULL, 100, 0), 2);
	check_eq(vfs_copy_file_range(t, in, &from, out, NULL, 100, 0), 0);
	check_eq(vfs_copy_file_range(t, in, NULL, out, NULL, 1, 1), -EINVAL);
	check_eq(vfs_copy_file_range(t, in, NULL, log, NULL, 1, 0), -EBADF);
	check_eq(vfs_copy_file_range(t, out, NULL, in, NULL, 1, 0), -EBADF);
	check_eq(vfs_copy_file_range(t, dir, NULL, out, NULL, 1, 0), -EISDIR);
	/* Within one file the two ranges must not overlap. */
	from = 0;
	to = 2;
	check_eq(vfs_copy_file_range(t, out, &from, out, &to, 4, 0), -EINVAL);
}

static void test_rw__sendfile(void **state)
{
	struct vfs_task *t = ((struct world *)*state)->task;
	int64_t from = 3;
	int in, out;

	put_file(t, "/in", "0123456789");
	in = check_fd(vfs_open(t, "/in", O_RDONLY, 0));
	out = open_rw(t, "/out");
	check_eq(vfs_sendfile(t, out, in, NULL, 3), 3);
	check_eq(vfs_sendfile(t, out, in, &from, 100), 7);
	check_eq(from, 10);
	check_eq(vfs_lseek(t, in, 0, SEEK_CUR), 3);
	check_file(t, "/out", "0123456789");
	check_eq(vfs_sendfile(t, in, out, NULL, 1), -EBADF);
	check_eq(vfs_sendfile(t, out, 99, NULL, 1), -EBADF);
}

static void test_rw__advice(void **state)
{
	struct vfs_task *t = ((struct world *)*state)->task;
	int fd = open_rw(t, "/f"), fds[2];

	check_ok(vfs_fadvise(t, fd, 0, 0, POSIX_FADV_SEQUENTIAL));
	check_ok(vfs_fadvise(t, fd, 0, 10, POSIX_FADV_DONTNEED));
	check_eq(vfs_fadvise(t, fd, 0, 0, 99), -EINVAL);
	check_eq(vfs_fadvise(t, fd, 0, -1, POSIX_FADV_NORMAL), -EINVAL);
	check_eq(vfs_fadvise(t, 99, 0, 0, POSIX_FADV_NORMAL), -EBADF);
	check_ok(vfs_pipe(t, fds));
	check_eq(vfs_fadvise(t, fds[0], 0, 0, POSIX_FADV_NORMAL), -ESPIPE);
}

static void test_rw__large(void **state)
{
	struct vfs_task *t = ((struct world *)*state)->task;
	size_t size = 5 * 1024 * 1024 + 123;
	uint8_t *data = malloc(size), *back = malloc(size);
	int fd = open_rw(t, "/f");

	assert_non_null(data);
	assert_non_null(back);
	for (size_t i = 0; i < size; i++)
		data[i] = (uint8_t)(i * 2654435761u >> 13);
	for (size_t at = 0, step; at < size; at += step) {
		step = size - at < 70001 ? size - at : 70001;
		check_eq(vfs_write(t, fd, data + at, step), step);
	}
	check_eq(vfs_pread(t, fd, back, size, 0), size);
	assert_memory_equal(data, back, size);
	check_eq(vfs_pread(t, fd, back, 9000, 4095), 9000);
	assert_memory_equal(data + 4095, back, 9000);
	free(data);
	free(back);
}

static void test_rw__setid_bits(void **state)
{
	struct world *w = *state;
	struct vfs_stat st;
	int fd;

	put_file(w->task, "/f", "x");
	check_ok(vfs_chmod(w->task, "/f", 06777));
	fd = check_fd(vfs_open(w->task, "/f", O_WRONLY, 0));
	check_eq(vfs_write(w->task, fd, "y", 1), 1);
	check_ok(vfs_fstat(w->task, fd, &st));
	check_eq(st.mode & 07777, 06777);
	fd = check_fd(vfs_open(w->user, "/f", O_WRONLY, 0));
	check_eq(vfs_write(w->user, fd, "z", 1), 1);
	check_ok(vfs_fstat(w->user, fd, &st));
	check_eq(st.mode & 07777, 0777);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		world_test(test_rw__position),
		world_test(test_rw__append),
		world_test(test_rw__vectors),
		world_test(test_rw__sparse),
		world_test(test_rw__truncate),
		world_test(test_rw__file_size_limit),
		world_test(test_rw__fallocate),
		world_test(test_rw__directories),
		world_test(test_rw__copy_file_range),
		world_test(test_rw__sendfile),
		world_test(test_rw__advice),
		world_test(test_rw__large),
		world_test(test_rw__setid_bits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL) ? 1 : 0;
}
