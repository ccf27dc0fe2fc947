/* SPDX-License-Identifier: MIT */
/* Mapped files: what is seen where, growing and shrinking, what a mapping
 * holds, parts of mappings, accounting, refusals. */
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "support/check.h"

#define PAGE 4096

static int open_rw(struct vfs_task *t, const char *path)
{
	return check_fd(vfs_open(t, path, O_RDWR | O_CREAT, 0644));
}

static char *map(struct vfs_task *t, size_t length, int prot, int flags, int fd,
		 int64_t offset)
{
	void *at = NULL;

	check_ok(vfs_mmap(t, NULL, length, prot, flags, fd, offset, &at));
	return at;
}

static char *map_shared(struct vfs_task *t, size_t length, int fd)
{
	return map(t, length, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
}

static int64_t blocks_of(struct vfs_task *t, int fd)
{
	struct vfs_stat st;

	check_ok(vfs_fstat(t, fd, &st));
	return st.blocks;
}

static uint64_t free_blocks(struct vfs_task *t)
{
	struct vfs_statfs st;

	check_ok(vfs_statfs(t, "/", &st));
	return st.bfree;
}

/* Whether touching this byte raises a signal: the kernel, asked to read it,
 * answers EFAULT then. */
static bool raises(const char *at)
{
	char byte;
	bool raised;
	int p[2];

	assert_int_equal(pipe(p), 0);
	raised = write(p[1], at, 1) < 0;
	assert_true(raised ? errno == EFAULT : read(p[0], &byte, 1) == 1);
	close(p[0]);
	close(p[1]);
	return raised;
}

/* ---- what is seen where ---- */

static void test_mmap__shared_is_coherent(void **state)
{
	struct world *w = *state;
	char text[16] = {0};
	int fd = open_rw(w->task, "/f");
	char *at;

	check_eq(vfs_pwrite(w->task, fd, "before", 6, 0), 6);
	at = map_shared(w->task, PAGE, fd);
	assert_memory_equal(at, "before", 6);
	memcpy(at, "BE", 2);
	check_eq(vfs_pread(w->task, fd, text, 16, 0), 6);
	assert_string_equal(text, "BEfore");
	check_eq(vfs_pwrite(w->task, fd, "after all", 9, 0), 9);
	assert_memory_equal(at, "after all", 9);
	check_eq(vfs_read(w->task, fd, text, 5), 5);
	assert_memory_equal(text, "after", 5);
	check_ok(vfs_munmap(w->task, at, PAGE));
	check_file(w->task, "/f", "after all");
}

static void test_mmap__two_mappings_and_offsets(void **state)
{
	struct world *w = *state;
	int fd = open_rw(w->task, "/f"), other;
	char *a, *b;

	check_ok(vfs_ftruncate(w->task, fd, 3 * PAGE));
	other = check_fd(vfs_open(w->user, "/f", O_RDONLY, 0));
	a = map_shared(w->task, 3 * PAGE, fd);
	b = map(w->user, PAGE, PROT_READ, MAP_SHARED, other, 2 * PAGE);
	a[2 * PAGE + 7] = 'x';
	assert_int_equal(b[7], 'x');
	check_ok(vfs_munmap(w->task, a, 3 * PAGE));
	assert_int_equal(b[7], 'x');
	check_ok(vfs_munmap(w->task, b, PAGE));
}

static void test_mmap__private_keeps_its_own(void **state)
{
	struct world *w = *state;
	char text[4] = {0};
	int fd, ro;
	char *at;

	put_file(w->task, "/f", "abc");
	fd = open_rw(w->task, "/f");
	ro = check_fd(vfs_open(w->task, "/f", O_RDONLY, 0));
	at = map(w->task, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, ro, 0);
	at[0] = 'X';
	check_eq(vfs_pread(w->task, fd, text, 3, 0), 3);
	assert_string_equal(text, "abc");
	check_ok(vfs_munmap(w->task, at, PAGE));
	check_file(w->task, "/f", "abc");
}

/* A file of a page, longer than its data and shorter, and not what was copied
 * from it. */
static void test_mmap__one_page(void **state)
{
	static const int64_t sizes[] = {PAGE, 3 * PAGE, 3000};
	struct world *w = *state;
	char page[PAGE], text[4] = {0};

	memset(page, 'p', PAGE);
	for (size_t i = 0; i < 3; i++) {
		int fd = open_rw(w->task, "/f"), copy = open_rw(w->task, "/g");
		char *at;

		check_eq(vfs_pwrite(w->task, fd, page, PAGE, 0), PAGE);
		check_eq(vfs_copy_file_range(w->task, fd, &(int64_t){0}, copy,
					     &(int64_t){0}, PAGE, 0),
			 PAGE);
		check_ok(vfs_ftruncate(w->task, fd, sizes[i]));
		at = map_shared(w->task, 3 * PAGE, fd);
		assert_int_equal(blocks_of(w->task, fd), 8);
		assert_memory_equal(at, page, 3000);
		assert_int_equal(at[3000], sizes[i] > 3000 ? 'p' : 0);
		at[5] = 'x';
		check_eq(vfs_pread(w->task, fd, text, 3, 4), 3);
		assert_string_equal(text, "pxp");
		check_eq(vfs_pread(w->task, copy, text, 3, 4), 3);
		assert_string_equal(text, "ppp");
		check_ok(vfs_munmap(w->task, at, 3 * PAGE));
		check_ok(vfs_close(w->task, fd));
		check_ok(vfs_close(w->task, copy));
		check_ok(vfs_unlink(w->task, "/f"));
		check_ok(vfs_unlink(w->task, "/g"));
	}
}

/* The file as it was before it was mapped for the first time. */
static void test_mmap__large_sparse_and_promised(void **state)
{
	struct world *w = *state;
	const int64_t far = 70 * PAGE;
	int fd = open_rw(w->task, "/f");
	char page[PAGE];
	int64_t blocks;
	char *at;

	memset(page, 'p', PAGE);
	check_eq(vfs_pwrite(w->task, fd, page, PAGE, far), PAGE);
	check_eq(vfs_pwrite(w->task, fd, page, 10, 3 * PAGE), 10);
	check_ok(vfs_fallocate(w->task, fd, FALLOC_FL_KEEP_SIZE, 10 * PAGE,
			       2 * PAGE));
	check_ok(vfs_fallocate(w->task, fd, 0, 11 * PAGE, PAGE));
	blocks = blocks_of(w->task, fd);
	assert_int_equal(blocks, 4 * 8);
	at = map(w->task, 71 * PAGE, PROT_READ, MAP_PRIVATE, fd, 0);
	assert_int_equal(blocks_of(w->task, fd), blocks);
	check_eq(vfs_lseek(w->task, fd, 0, SEEK_DATA), 3 * PAGE);
	check_eq(vfs_lseek(w->task, fd, 4 * PAGE, SEEK_DATA), 11 * PAGE);
	check_eq(vfs_lseek(w->task, fd, 12 * PAGE, SEEK_DATA), far);
	check_eq(vfs_lseek(w->task, fd, 3 * PAGE, SEEK_HOLE), 4 * PAGE);
	assert_memory_equal(at + far, page, PAGE);
	assert_int_equal(at[3 * PAGE + 10], 0);
	check_ok(vfs_munmap(w->task, at, 71 * PAGE));
	check_ok(vfs_fallocate(w->task, fd,
			       FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, far,
			       PAGE));
	check_eq(vfs_pread(w->task, fd, page, 1, far), 1);
	assert_int_equal(page[0], 0);
	check_ok(vfs_ftruncate(w->task, fd, 0));
	assert_int_equal(blocks_of(w->task, fd), 0);
}

static void test_mmap__follows_the_size(void **state)
{
	struct world *w = *state;
	int fd = open_rw(w->task, "/f");
	char byte, *at;

	check_eq(vfs_write(w->task, fd, "data", 4), 4);
	at = map_shared(w->task, 4 * PAGE, fd);
	assert_false(raises(at + PAGE - 1));
	assert_true(raises(at + PAGE));
	check_eq(vfs_pwrite(w->task, fd, "far", 3, 2 * PAGE), 3);
	assert_memory_equal(at + 2 * PAGE, "far", 3);
	assert_int_equal(at[PAGE], 0);
	assert_true(raises(at + 3 * PAGE));
	check_ok(vfs_ftruncate(w->task, fd, 2));
	assert_true(raises(at + 2 * PAGE));
	assert_int_equal(at[2], 0);
	check_ok(vfs_truncate(w->task, "/f", 4 * PAGE));
	assert_int_equal(at[3 * PAGE], 0);
	at[3 * PAGE] = 'z';
	check_eq(vfs_pread(w->task, fd, &byte, 1, 3 * PAGE), 1);
	assert_int_equal(byte, 'z');
	check_ok(vfs_munmap(w->task, at, 4 * PAGE));
}

/* ---- what a mapping holds ---- */

static void test_mmap__outlives_name_and_descriptor(void **state)
{
	struct world *w = *state;
	uint64_t before = free_blocks(w->task);
	int fd = open_rw(w->task, "/f");
	char *at;

	check_eq(vfs_write(w->task, fd, "kept", 4), 4);
	at = map_shared(w->task, PAGE, fd);
	check_ok(vfs_unlink(w->task, "/f"));
	check_ok(vfs_close(w->task, fd));
	assert_int_equal(free_blocks(w->task), before - 1);
	assert_memory_equal(at, "kept", 4);
	at[0] = 'K';
	check_ok(vfs_munmap(w->task, at, PAGE));
	assert_int_equal(free_blocks(w->task), before);
}

/* The instance takes away what was left: world_teardown finds no leak. */
static void test_mmap__left_mapped(void **state)
{
	struct world *w = *state;
	int fd = open_rw(w->task, "/f");

	check_ok(vfs_ftruncate(w->task, fd, 5 * PAGE));
	for (int i = 0; i < 20; i++)
		map_shared(w->task, PAGE, fd)[i] = 'x';
}

static void test_mmap__parts(void **state)
{
	struct world *w = *state;
	int fd = open_rw(w->task, "/f");
	char *at;

	check_ok(vfs_ftruncate(w->task, fd, 8 * PAGE));
	at = map_shared(w->task, 8 * PAGE, fd);
	check_ok(vfs_msync(w->task, at, 8 * PAGE, MS_SYNC));
	check_ok(vfs_munmap(w->task, at + 2 * PAGE, 1));
	check_eq(vfs_msync(w->task, at, 8 * PAGE, MS_SYNC), -ENOMEM);
	check_ok(vfs_msync(w->task, at + 3 * PAGE, 5 * PAGE, MS_ASYNC));
	at[3 * PAGE] = 'a';
	check_ok(vfs_munmap(w->task, at + 4 * PAGE, 100 * PAGE));
	check_ok(vfs_munmap(w->task, at, PAGE));
	at[PAGE] = 'b';
	check_ok(vfs_close(w->task, fd));
	/* twice is no error, and what is left is found in one go */
	check_ok(vfs_munmap(w->task, at, PAGE));
	check_ok(vfs_munmap(w->task, at, 8 * PAGE));
	check_eq(vfs_msync(w->task, at, 8 * PAGE, 0), -ENOMEM);
}

/* A range that is not the instance's stays. */
static void test_mmap__leaves_others_alone(void **state)
{
	struct world *w = *state;
	char *own = mmap(NULL, PAGE, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	assert_ptr_not_equal(own, MAP_FAILED);
	check_ok(vfs_munmap(w->task, own, PAGE));
	own[0] = 1;
	munmap(own, PAGE);
}

static void test_mmap__fixed(void **state)
{
	struct world *w = *state;
	int a = open_rw(w->task, "/a"), b = open_rw(w->task, "/b");
	void *out = NULL;
	char *at;

	check_ok(vfs_ftruncate(w->task, a, 3 * PAGE));
	check_ok(vfs_ftruncate(w->task, b, 3 * PAGE));
	at = map_shared(w->task, 3 * PAGE, a);
	check_eq(vfs_mmap(w->task, at + PAGE, PAGE, PROT_READ,
			  MAP_SHARED | MAP_FIXED_NOREPLACE, b, 0, &out),
		 -EEXIST);
	check_eq(vfs_mmap(w->task, at + 1, PAGE, PROT_READ,
			  MAP_SHARED | MAP_FIXED, b, 0, &out),
		 -EINVAL);
	assert_null(out);
	/* a's mapping in two parts, with b in between */
	check_ok(vfs_mmap(w->task, at + PAGE, PAGE, PROT_READ | PROT_WRITE,
			  MAP_SHARED | MAP_FIXED, b, 0, &out));
	assert_ptr_equal(out, at + PAGE);
	memset(at, 'q', 3 * PAGE);
	check_ok(vfs_munmap(w->task, at, 3 * PAGE));
	assert_int_equal(blocks_of(w->task, a), 16);
	assert_int_equal(blocks_of(w->task, b), 8);
}

/* ---- accounting and times ---- */

static void test_mmap__pages_are_counted(void **state)
{
	struct world *w = *state;
	uint64_t before = free_blocks(w->task);
	int fd = open_rw(w->task, "/f");
	struct vfs_stat st;
	char *at;

	check_ok(vfs_ftruncate(w->task, fd, 100 * PAGE));
	at = map_shared(w->task, 100 * PAGE, fd);
	assert_int_equal(blocks_of(w->task, fd), 0);
	at[5 * PAGE] = 1;
	assert_int_equal(blocks_of(w->task, fd), 8);
	at[6 * PAGE] = 1;
	check_ok(vfs_stat(w->task, "/f", &st));
	assert_int_equal(st.blocks, 16);
	at[7 * PAGE] = 1;
	assert_int_equal(free_blocks(w->task), before - 3);
	check_ok(vfs_munmap(w->task, at, 100 * PAGE));
	check_ok(vfs_unlink(w->task, "/f"));
	check_ok(vfs_close(w->task, fd));
	assert_int_equal(free_blocks(w->task), before);
}

/* In the last page that there is the host sees no data. */
static void test_mmap__limit_at_the_end(void **state)
{
	const int64_t last = INT64_MAX - (PAGE - 1);
	struct vfs_config config = {
		.size = sizeof(config),
		.root_options = "nr_blocks=2",
	};
	struct world small = {0};
	struct vfs_stat st;
	char page[PAGE] = {0};
	int there, hole, full;

	(void)state;
	check_ok(world_open(&small, &config));
	there = open_rw(small.task, "/there");
	hole = open_rw(small.task, "/hole");
	full = open_rw(small.task, "/full");
	check_eq(vfs_pwrite(small.task, there, "kk", 2, last), 2);
	check_ok(vfs_ftruncate(small.task, hole, 7));
	map_shared(small.task, PAGE, there);
	map_shared(small.task, PAGE, hole);
	check_eq(vfs_pwrite(small.task, full, page, PAGE, 0), PAGE);
	check_eq(vfs_pwrite(small.task, there, "ccc", 3, last), 3);
	check_eq(vfs_pwrite(small.task, hole, "ccc", 3, last), -ENOSPC);
	check_ok(vfs_fstat(small.task, hole, &st));
	check_eq(st.size, 7);
	check_eq(st.blocks, 0);
	assert_int_equal(free_blocks(small.task), 0);
	check_eq(vfs_pread(small.task, there, page, 5, last), 3);
	assert_memory_equal(page, "ccc", 3);
	assert_true(world_close(&small));
}

static void test_mmap__limit(void **state)
{
	struct vfs_config config = {
		.size = sizeof(config),
		.root_options = "nr_blocks=4",
	};
	struct world *w = *state, small = {0};
	char page[2 * PAGE] = {0};
	int fd;
	char *at;

	(void)w;
	check_ok(world_open(&small, &config));
	fd = open_rw(small.task, "/f");
	check_eq(vfs_write(small.task, fd, page, PAGE), PAGE);
	check_ok(vfs_fallocate(small.task, fd, FALLOC_FL_KEEP_SIZE, 8 * PAGE,
			       PAGE));
	at = map_shared(small.task, PAGE, fd);
	check_eq(vfs_pwrite(small.task, fd, page, PAGE, 2 * PAGE), PAGE);
	/* one page left: as many bytes as fit */
	check_eq(vfs_pwrite(small.task, fd, page, 2 * PAGE, 4 * PAGE), PAGE);
	check_eq(vfs_pwrite(small.task, fd, page, 1, 6 * PAGE), -ENOSPC);
	check_eq(vfs_fallocate(small.task, fd, 0, 6 * PAGE, PAGE), -ENOSPC);
	/* what was promised is kept */
	check_eq(vfs_pwrite(small.task, fd, page, PAGE, 8 * PAGE), PAGE);
	assert_int_equal(free_blocks(small.task), 0);
	check_eq(vfs_pwrite(small.task, fd, page, PAGE, 0), PAGE);
	/* a mapping cannot be refused, but it is counted */
	check_ok(vfs_munmap(small.task, at, PAGE));
	at = map_shared(small.task, 9 * PAGE, fd);
	at[6 * PAGE] = 'x';
	assert_int_equal(blocks_of(small.task, fd), 5 * 8);
	assert_int_equal(free_blocks(small.task), 0);
	check_ok(vfs_ftruncate(small.task, fd, PAGE));
	assert_int_equal(free_blocks(small.task), 3);
	assert_true(world_close(&small));
}

static void test_mmap__times(void **state)
{
	struct world *w = *state;
	int fd = open_rw(w->task, "/f");
	struct vfs_stat first, st;
	char *at;

	check_ok(vfs_ftruncate(w->task, fd, PAGE));
	at = map_shared(w->task, PAGE, fd);
	check_ok(vfs_fstat(w->task, fd, &first));
	usleep(20000);
	test_clock_advance(&w->clock, INT64_C(5000000000));
	check_ok(vfs_fstat(w->task, fd, &st));
	assert_int_equal(st.mtime.sec, first.mtime.sec);
	at[0] = 'x';
	check_ok(vfs_msync(w->task, at, PAGE, MS_SYNC));
	check_ok(vfs_fstat(w->task, fd, &st));
	assert_int_equal(st.mtime.sec, first.mtime.sec + 5);
	assert_int_equal(st.ctime.sec, first.mtime.sec + 5);
	check_ok(vfs_munmap(w->task, at, PAGE));
}

/* ---- refusals ---- */

static void test_mmap__refusals(void **state)
{
	struct world *w = *state;
	struct vfs_task *t = w->task;
	int rw = open_rw(t, "/f"), ro, wo, dir, path, p[2];
	void *out = NULL;

	ro = check_fd(vfs_open(t, "/f", O_RDONLY, 0));
	wo = check_fd(vfs_open(t, "/f", O_WRONLY, 0));
	dir = check_fd(vfs_open(t, "/", O_RDONLY, 0));
	path = check_fd(vfs_open(t, "/f", O_PATH, 0));
	check_ok(vfs_pipe(t, p));
#define REFUSED(len, prot, flags, fd, offset, error) \
	check_eq(vfs_mmap(t, NULL, len, prot, flags, fd, offset, &out), error)
	REFUSED(0, PROT_READ, MAP_SHARED, rw, 0, -EINVAL);
	REFUSED(0, PROT_READ, MAP_SHARED, 99, 0, -EBADF);
	REFUSED(PAGE, PROT_READ, MAP_SHARED, 99, 1, -EINVAL);
	REFUSED(PAGE, PROT_READ, MAP_SHARED, rw, 1, -EINVAL);
	REFUSED(PAGE, PROT_READ, MAP_SHARED, path, 0, -EBADF);
	REFUSED(PAGE, PROT_READ, MAP_SHARED, dir, 0, -ENODEV);
	REFUSED(PAGE, PROT_READ, MAP_SHARED, p[0], 0, -ENODEV);
	REFUSED(PAGE, PROT_READ, MAP_SHARED, p[1], 0, -EACCES);
	REFUSED(PAGE, PROT_READ, MAP_SHARED, wo, 0, -EACCES);
	REFUSED(PAGE, PROT_WRITE, MAP_SHARED, ro, 0, -EACCES);
	REFUSED(PAGE, PROT_WRITE, MAP_PRIVATE, wo, 0, -EACCES);
	REFUSED(PAGE, PROT_READ, 0, rw, 0, -EINVAL);
	REFUSED(PAGE, PROT_READ, MAP_SHARED | MAP_ANONYMOUS, rw, 0, -EINVAL);
	REFUSED(PAGE, PROT_READ, MAP_SHARED | MAP_HUGETLB, rw, 0, -EINVAL);
	REFUSED(SIZE_MAX, PROT_READ, MAP_SHARED, rw, 0, -ENOMEM);
	REFUSED((size_t)1 << 62, PROT_READ, MAP_SHARED, rw, 0, -ENOMEM);
	REFUSED(PAGE, PROT_READ, MAP_SHARED, rw, -4096, -EOVERFLOW);
	REFUSED(2 * PAGE, PROT_READ, MAP_SHARED, rw, INT64_MAX - 2 * PAGE + 1,
		-EOVERFLOW);
#undef REFUSED
	check_eq(vfs_mmap(t, NULL, PAGE, PROT_READ, MAP_SHARED, rw, 0, NULL),
		 -EFAULT);
	check_eq(vfs_mmap(NULL, NULL, PAGE, PROT_READ, MAP_SHARED, rw, 0, &out),
		 -EFAULT);
	assert_null(out);
	check_eq(vfs_munmap(t, (void *)1, PAGE), -EINVAL);
	check_eq(vfs_munmap(t, (void *)PAGE, 0), -EINVAL);
	check_eq(vfs_munmap(t, NULL, SIZE_MAX), -EINVAL);
	check_eq(vfs_munmap(NULL, NULL, PAGE), -EFAULT);
	check_eq(vfs_msync(t, (void *)1, PAGE, 0), -EINVAL);
	check_eq(vfs_msync(t, NULL, 0, MS_SYNC | MS_ASYNC), -EINVAL);
	check_eq(vfs_msync(t, NULL, 0, 64), -EINVAL);
	check_eq(vfs_msync(NULL, NULL, 0, 0), -EFAULT);
}

/* Pages that are locked must stay as they are. */
static void test_mmap__locked(void **state)
{
	struct world *w = *state;
	int fd = open_rw(w->task, "/f");
	void *at = NULL;

	check_ok(vfs_ftruncate(w->task, fd, PAGE));
	check_ok(vfs_mmap(w->task, NULL, PAGE, PROT_READ | PROT_WRITE,
			  MAP_SHARED, fd, 0, &at));
	/* the host itself: a sanitizer has its own idea of mlock */
	if (syscall(SYS_mlock, at, (long)PAGE))
		skip();
	check_eq(vfs_msync(w->task, at, PAGE, MS_SYNC | MS_INVALIDATE), -EBUSY);
	check_ok(vfs_msync(w->task, at, PAGE, MS_SYNC));
	assert_int_equal(syscall(SYS_munlock, at, (long)PAGE), 0);
	check_ok(vfs_msync(w->task, at, PAGE, MS_SYNC | MS_INVALIDATE));
	check_ok(vfs_munmap(w->task, at, PAGE));
}

/* The host has no descriptors left: the file is as it was. */
static void test_mmap__no_descriptors(void **state)
{
	struct world *w = *state;
	int fd = open_rw(w->task, "/f"), lowest = dup(0);
	struct rlimit before, none;
	void *at = NULL;

	check_eq(vfs_write(w->task, fd, "kept", 4), 4);
	assert_true(lowest > 0);
	close(lowest);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	none = before;
	none.rlim_cur = (rlim_t)lowest;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	check_eq(vfs_mmap(w->task, NULL, PAGE, PROT_READ, MAP_SHARED, fd, 0,
			  &at),
		 -ENFILE);
	setrlimit(RLIMIT_NOFILE, &before);
	assert_null(at);
	check_file(w->task, "/f", "kept");
	at = map_shared(w->task, PAGE, fd);
	assert_memory_equal(at, "kept", 4);
	check_ok(vfs_munmap(w->task, at, PAGE));
}

static void test_mmap__readonly_stays_readonly(void **state)
{
	struct world *w = *state;
	int fd = open_rw(w->task, "/f"), ro;
	char *at;

	check_ok(vfs_ftruncate(w->task, fd, PAGE));
	ro = check_fd(vfs_open(w->task, "/f", O_RDONLY, 0));
	at = map(w->task, PAGE, PROT_READ, MAP_SHARED, ro, 0);
	assert_int_equal(mprotect(at, PAGE, PROT_READ | PROT_WRITE), -1);
	check_ok(vfs_munmap(w->task, at, PAGE));
	at = map(w->task, PAGE, PROT_READ, MAP_SHARED, fd, 0);
	assert_int_equal(mprotect(at, PAGE, PROT_READ | PROT_WRITE), 0);
	at[0] = 'x';
	check_ok(vfs_munmap(w->task, at, PAGE));
}

static void test_mmap__errno_is_left_alone(void **state)
{
	struct world *w = *state;
	int fd = open_rw(w->task, "/f");
	void *at = NULL;

	errno = 77;
	check_eq(vfs_mmap(w->task, (void *)PAGE, (size_t)1 << 50, PROT_READ,
			  MAP_SHARED, fd, 0, &at),
		 -ENOMEM);
	check_ok(vfs_mmap(w->task, NULL, PAGE, PROT_READ, MAP_SHARED, fd, 0,
			  &at));
	check_eq(vfs_lseek(w->task, fd, 0, SEEK_DATA), -ENXIO);
	check_eq(vfs_msync(w->task, at, 1000 * PAGE, 64), -EINVAL);
	check_ok(vfs_munmap(w->task, at, PAGE));
	assert_int_equal(errno, 77);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		world_test(test_mmap__shared_is_coherent),
		world_test(test_mmap__two_mappings_and_offsets),
		world_test(test_mmap__private_keeps_its_own),
		world_test(test_mmap__one_page),
		world_test(test_mmap__large_sparse_and_promised),
		world_test(test_mmap__follows_the_size),
		world_test(test_mmap__outlives_name_and_descriptor),
		world_test(test_mmap__left_mapped),
		world_test(test_mmap__parts),
		world_test(test_mmap__leaves_others_alone),
		world_test(test_mmap__fixed),
		world_test(test_mmap__pages_are_counted),
		world_test(test_mmap__limit),
		world_test(test_mmap__limit_at_the_end),
		world_test(test_mmap__times),
		world_test(test_mmap__refusals),
		world_test(test_mmap__locked),
		world_test(test_mmap__no_descriptors),
		world_test(test_mmap__readonly_stays_readonly),
		world_test(test_mmap__errno_is_left_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL) ? 1 : 0;
}
