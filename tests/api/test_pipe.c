/* SPDX-License-Identifier: MIT */
/* Pipes and FIFOs: bytes, packets, capacity, blocking, opening, times. */
#include <pthread.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "support/check.h"

#define PAGE 4096
#define CAPACITY 65536

/* ---- helpers ---- */

static char bytes[2 * CAPACITY];

static void make_pipe(struct vfs_task *task, int p[2], int flags)
{
	check_ok(vfs_pipe2(task, p, flags));
}

static int64_t put(struct vfs_task *task, int fd, size_t count)
{
	return vfs_write(task, fd, bytes, count);
}

static int64_t get(struct vfs_task *task, int fd, size_t count)
{
	static char buffer[sizeof(bytes)];

	return vfs_read(task, fd, buffer, count);
}

static int pending(struct vfs_task *task, int fd)
{
	int n = -1;

	check_ok(vfs_ioctl(task, fd, FIONREAD, &n));
	return n;
}

/* One call on a thread of its own. */
struct call {
	pthread_t thread;
	struct vfs_task *task;
	enum {
		READ,
		WRITE,
		OPEN
	} what;
	int fd; /* OPEN: the flags */
	size_t count;
	char *buffer;
	int64_t result;
	int started, done; /* atomic */
};

static void *call_run(void *arg)
{
	struct call *c = arg;

	__atomic_store_n(&c->started, 1, __ATOMIC_RELEASE);
	if (c->what == READ)
		c->result = vfs_read(c->task, c->fd, c->buffer, c->count);
	else if (c->what == WRITE)
		c->result = vfs_write(c->task, c->fd, c->buffer, c->count);
	else
		c->result = vfs_open(c->task, "/fifo", c->fd, 0);
	__atomic_store_n(&c->done, 1, __ATOMIC_RELEASE);
	return NULL;
}

static bool call_done(struct call *c)
{
	return __atomic_load_n(&c->done, __ATOMIC_ACQUIRE);
}

static void call_start(struct call *c)
{
	c->started = c->done = 0;
	assert_int_equal(pthread_create(&c->thread, NULL, call_run, c), 0);
	while (!__atomic_load_n(&c->started, __ATOMIC_ACQUIRE))
		usleep(1000);
	usleep(20000);
	assert_false(call_done(c));
}

static int64_t call_join(struct call *c)
{
	assert_int_equal(pthread_join(c->thread, NULL), 0);
	return c->result;
}

/* Interrupts its task until it has ended. */
static int64_t call_interrupt(struct call *c)
{
	do {
		check_ok(vfs_task_interrupt(c->task));
		usleep(1000);
	} while (!__atomic_load_n(&c->done, __ATOMIC_ACQUIRE));
	return call_join(c);
}

/* ---- making ---- */

static void test_pipe__flags(void **state)
{
	struct vfs_task *task = ((struct world *)*state)->task;
	int p[2] = {-7, -7};

	check_eq(vfs_pipe2(NULL, p, 0), -EFAULT);
	check_eq(vfs_pipe2(task, NULL, 0), -EFAULT);
	check_eq(vfs_pipe2(task, p, O_APPEND), -EINVAL);
	check_eq(vfs_pipe2(task, p, O_EXCL), -ENOPKG);
	assert_int_equal(p[0], -7);
	make_pipe(task, p, O_CLOEXEC | O_NONBLOCK | O_DIRECT);
	check_eq(vfs_fcntl(task, p[0], F_GETFD, 0), FD_CLOEXEC);
	check_eq(vfs_fcntl(task, p[1], F_GETFD, 0), FD_CLOEXEC);
	check_eq(vfs_fcntl(task, p[0], F_GETFL, 0), O_RDONLY | O_NONBLOCK);
	check_eq(vfs_fcntl(task, p[1], F_GETFL, 0),
		 O_WRONLY | O_NONBLOCK | O_DIRECT);
	check_ok(vfs_pipe(task, p));
	check_eq(vfs_fcntl(task, p[0], F_GETFD, 0), 0);
	check_eq(vfs_fcntl(task, p[0], F_GETFL, 0), O_RDONLY);
	check_eq(vfs_fcntl(task, p[1], F_GETFL, 0), O_WRONLY);
}

static void test_pipe__descriptor_limit(void **state)
{
	struct vfs_task *task = ((struct world *)*state)->task;
	struct vfs_rlimit limit = {1, 1024};
	int p[2] = {-7, -7};

	check_ok(vfs_setrlimit(task, RLIMIT_NOFILE, &limit));
	check_eq(vfs_pipe(task, p), -EMFILE);
	assert_int_equal(p[0], -7);
	limit.cur = 2;
	check_ok(vfs_setrlimit(task, RLIMIT_NOFILE, &limit));
	check_ok(vfs_pipe(task, p));
	assert_int_equal(p[0], 0);
	assert_int_equal(p[1], 1);
}

static void test_pipe__attributes(void **state)
{
	struct world *world = *state;
	struct vfs_task *task = world->user;
	struct vfs_stat a, b;
	struct vfs_statfs fs;
	int p[2], q[2];

	make_pipe(task, p, 0);
	make_pipe(task, q, 0);
	check_ok(vfs_fstat(task, p[0], &a));
	check_ok(vfs_fstat(task, p[1], &b));
	check_eq(a.mode, S_IFIFO | 0600);
	check_eq(a.nlink, 1);
	check_eq(a.uid, 1000);
	check_eq(a.gid, 1000);
	check_eq(a.size, 0);
	check_eq(a.blocks, 0);
	check_eq(a.blksize, PAGE);
	check_eq(a.ino, b.ino);
	check_eq(a.dev, b.dev);
	check_ok(vfs_fstat(task, q[0], &b));
	assert_true(a.ino != b.ino);
	check_ok(vfs_fstatfs(task, p[0], &fs));
	check_eq(fs.type, 0x50495045);
	check_eq(fs.bsize, PAGE);
	check_eq(fs.frsize, PAGE);
	check_eq(fs.namelen, 255);
	check_eq(fs.blocks, 0);
	check_eq(fs.files, 0);
	check_ok(vfs_fchmod(task, p[0], 0777));
	check_ok(vfs_fstat(task, p[1], &a));
	check_eq(a.mode, S_IFIFO | 0777);
}

static void test_pipe__calls_that_do_not_fit(void **state)
{
	struct vfs_task *task = ((struct world *)*state)->task;
	char c = 0;
	int p[2];

	make_pipe(task, p, 0);
	check_eq(vfs_lseek(task, p[0], 0, SEEK_SET), -ESPIPE);
	check_eq(vfs_pread(task, p[0], &c, 1, 0), -ESPIPE);
	check_eq(vfs_pwrite(task, p[1], &c, 1, 0), -ESPIPE);
	check_eq(vfs_write(task, p[0], &c, 1), -EBADF);
	check_eq(vfs_read(task, p[1], &c, 1), -EBADF);
	check_eq(vfs_ftruncate(task, p[1], 0), -EINVAL);
	check_eq(vfs_fallocate(task, p[1], 0, 0, 1), -ESPIPE);
	check_eq(vfs_fsync(task, p[1]), -EINVAL);
	check_eq(vfs_fchdir(task, p[0]), -ENOTDIR);
}

/* ---- bytes ---- */

static void test_pipe__bytes_in_order(void **state)
{
	struct vfs_task *task = ((struct world *)*state)->task;
	unsigned in = 0, out = 0;
	int p[2];

	make_pipe(task, p, O_NONBLOCK);
	for (unsigned round = 0; round < 400; round++) {
		unsigned char buffer[3000];
		size_t want = (round * 977) % sizeof(buffer) + 1;
		int64_t n;

		for (size_t i = 0; i < want; i++)
			buffer[i] = (unsigned char)((in + i) * 7 + 3);
		n = vfs_write(task, p[1], buffer, want);
		if (n > 0)
			in += (unsigned)n;
		else
			check_eq(n, -EAGAIN);
		n = vfs_read(task, p[0], buffer, (round * 1201) % 3000);
		for (int64_t i = 0; i < n; i++, out++)
			assert_int_equal(buffer[i],
					 (unsigned char)(out * 7 + 3));
		assert_int_equal(pending(task, p[0]), in - out);
	}
	assert_true(out > 100000);
}

static void test_pipe__capacity_counts_pages(void **state)
{
	struct vfs_task *task = ((struct world *)*state)->task;
	int p[2];

	make_pipe(task, p, O_NONBLOCK);
	check_eq(put(task, p[1], CAPACITY + 1), CAPACITY);
	check_eq(put(task, p[1], 1), -EAGAIN);
	check_eq(get(task, p[0], PAGE - 1), PAGE - 1);
	check_eq(put(task, p[1], 1), -EAGAIN);
	check_eq(get(task, p[0], 1), 1);
	/* a page or less is never torn */
	check_eq(put(task, p[1], PAGE), PAGE);
	check_eq(get(task, p[0], PAGE), PAGE);
	check_eq(put(task, p[1], 100), 100);
	check_eq(put(task, p[1], PAGE), -EAGAIN);
	check_eq(put(task, p[1], PAGE - 100), PAGE - 100);
	check_eq(pending(task, p[1]), CAPACITY);
	check_eq(get(task, p[0], 2 * CAPACITY), CAPACITY);
	check_eq(get(task, p[0], 1), -EAGAIN);

	/* runs that do not fit behind one another take a page each */
	for (int i = 0; i < 16; i++)
		check_eq(put(task, p[1], PAGE - 1), PAGE - 1);
	check_eq(put(task, p[1], PAGE - 1), -EAGAIN);
	check_eq(put(task, p[1], 1), 1);
	check_eq(put(task, p[1], 1), -EAGAIN);
	check_eq(pending(task, p[0]), 16 * (PAGE - 1) + 1);
}

static void test_pipe__size(void **state)
{
	struct world *world = *state;
	struct vfs_task *task = world->task;
	int p[2], q[2], fd;

	make_pipe(task, p, O_NONBLOCK);
	check_eq(vfs_fcntl(task, p[0], F_GETPIPE_SZ, 0), CAPACITY);
	check_eq(vfs_fcntl(task, p[0], F_SETPIPE_SZ, 0), PAGE);
	check_eq(vfs_fcntl(task, p[1], F_SETPIPE_SZ, PAGE + 1), 2 * PAGE);
	check_eq(put(task, p[1], CAPACITY), 2 * PAGE);
	check_eq(vfs_fcntl(task, p[1], F_SETPIPE_SZ, PAGE), -EBUSY);
	check_eq(vfs_fcntl(task, p[1], F_SETPIPE_SZ, 3 * PAGE), 4 * PAGE);
	check_eq(get(task, p[0], PAGE), PAGE);
	check_eq(put(task, p[1], CAPACITY), 3 * PAGE);
	check_eq(get(task, p[0], 3 * PAGE), 3 * PAGE);
	check_eq(vfs_fcntl(task, p[1], F_SETPIPE_SZ, PAGE), PAGE);
	check_eq(vfs_fcntl(task, p[1], F_SETPIPE_SZ, -1), -EINVAL);
	check_eq(vfs_fcntl(task, p[1], F_SETPIPE_SZ, 1 << 21), 1 << 21);

	make_pipe(world->user, q, 0);
	check_eq(vfs_fcntl(world->user, q[0], F_SETPIPE_SZ, (1 << 20) + 1),
		 -EPERM);
	check_eq(vfs_fcntl(world->user, q[0], F_SETPIPE_SZ, 1 << 20), 1 << 20);

	fd = check_fd(vfs_open(task, "/f", O_CREAT | O_RDWR, 0600));
	check_eq(vfs_fcntl(task, fd, F_GETPIPE_SZ, 0), -EBADF);
	check_eq(vfs_fcntl(task, fd, F_SETPIPE_SZ, PAGE), -EBADF);
}

static void test_pipe__packets(void **state)
{
	struct vfs_task *task = ((struct world *)*state)->task;
	int p[2];

	make_pipe(task, p, O_NONBLOCK | O_DIRECT);
	check_eq(put(task, p[1], 10), 10);
	check_eq(put(task, p[1], 20), 20);
	check_eq(put(task, p[1], PAGE + 5), PAGE + 5);
	check_eq(get(task, p[0], 100), 10);
	/* what is not asked for is lost */
	check_eq(get(task, p[0], 5), 5);
	check_eq(get(task, p[0], 2 * PAGE), PAGE);
	check_eq(get(task, p[0], 100), 5);
	check_eq(get(task, p[0], 100), -EAGAIN);
	for (int i = 0; i < 16; i++)
		check_eq(put(task, p[1], 1), 1);
	check_eq(put(task, p[1], 1), -EAGAIN);
	/* the flag is looked at by each write */
	check_eq(get(task, p[0], 1), 1);
	check_ok(vfs_fcntl(task, p[1], F_SETFL, O_NONBLOCK));
	check_eq(put(task, p[1], 1), 1);
	check_eq(put(task, p[1], 1), 1);
	for (int i = 0; i < 15; i++)
		check_eq(get(task, p[0], 9), 1);
	check_eq(get(task, p[0], 9), 2);
}

static void test_pipe__vectors_and_bad_memory(void **state)
{
	struct vfs_task *task = ((struct world *)*state)->task;
	char a[8], b[8];
	struct vfs_iovec in[] = {{"abc", 3}, {NULL, 0}, {"defgh", 5}};
	struct vfs_iovec out[] = {{a, 2}, {b, 8}};
	struct vfs_iovec bad[] = {{"xy", 2}, {NULL, 4}};
	int p[2];

	make_pipe(task, p, O_NONBLOCK);
	check_eq(vfs_writev(task, p[1], in, 3), 8);
	check_eq(vfs_readv(task, p[0], out, 2), 8);
	assert_memory_equal(a, "ab", 2);
	assert_memory_equal(b, "cdefgh", 6);
	check_eq(vfs_write(task, p[1], NULL, 1), -EFAULT);
	check_eq(vfs_writev(task, p[1], bad, 2), -EFAULT);
	check_eq(pending(task, p[0]), 0);
	check_eq(vfs_write(task, p[1], "hello", 5), 5);
	check_eq(vfs_read(task, p[0], NULL, 3), -EFAULT);
	check_eq(pending(task, p[0]), 5);
	check_eq(vfs_read(task, p[0], NULL, 0), 0);
	check_eq(vfs_ioctl(task, p[0], FIONREAD, NULL), -EFAULT);
	check_eq(vfs_ioctl(task, p[0], 0x1234, a), -ENOTTY);
}

/* ---- the other side ---- */

static void test_pipe__end_and_broken(void **state)
{
	struct vfs_task *task = ((struct world *)*state)->task;
	int p[2], dup;

	make_pipe(task, p, 0);
	dup = check_fd(vfs_dup(task, p[1]));
	check_eq(put(task, p[1], 3), 3);
	check_ok(vfs_close(task, p[1]));
	check_eq(put(task, dup, 3), 3);
	check_ok(vfs_close(task, dup));
	check_eq(get(task, p[0], 100), 6);
	check_eq(get(task, p[0], 100), 0);

	make_pipe(task, p, 0);
	check_eq(put(task, p[1], 3), 3);
	check_ok(vfs_close(task, p[0]));
	check_eq(put(task, p[1], 3), -EPIPE);
	check_eq(put(task, p[1], 0), 0);
}

static void test_pipe__read_blocks(void **state)
{
	struct vfs_task *task = ((struct world *)*state)->task;
	char buffer[16];
	struct call c = {.what = READ, .count = 16, .buffer = buffer};
	int p[2];

	make_pipe(task, p, 0);
	c.task = task;
	c.fd = p[0];
	call_start(&c);
	check_eq(vfs_write(task, p[1], "abc", 3), 3);
	check_eq(call_join(&c), 3);
	assert_memory_equal(buffer, "abc", 3);
	call_start(&c);
	check_ok(vfs_close(task, p[1]));
	check_eq(call_join(&c), 0);
}

static void test_pipe__write_blocks_until_all_is_in(void **state)
{
	struct vfs_task *task = ((struct world *)*state)->task;
	struct call c = {.what = WRITE, .buffer = bytes};
	int p[2];

	make_pipe(task, p, 0);
	c.task = task;
	c.fd = p[1];
	c.count = CAPACITY + 2 * PAGE;
	call_start(&c);
	check_eq(get(task, p[0], PAGE), PAGE);
	usleep(20000);
	assert_false(call_done(&c));
	check_eq(get(task, p[0], PAGE), PAGE);
	check_eq(call_join(&c), CAPACITY + 2 * PAGE);
	check_eq(pending(task, p[0]), CAPACITY);
	/* the reader goes: what was written counts, or it is an error */
	check_eq(get(task, p[0], PAGE), PAGE);
	c.count = 2 * PAGE;
	call_start(&c);
	check_ok(vfs_close(task, p[0]));
	check_eq(call_join(&c), PAGE);
	check_eq(put(task, p[1], 1), -EPIPE);
}

static void test_pipe__interrupted(void **state)
{
	struct vfs_task *task = ((struct world *)*state)->task;
	char buffer[16];
	struct call r = {.what = READ, .count = 16, .buffer = buffer};
	struct call w = {.what = WRITE, .buffer = bytes};
	int p[2];

	make_pipe(task, p, 0);
	r.task = w.task = task;
	r.fd = p[0];
	w.fd = p[1];
	call_start(&r);
	check_eq(call_interrupt(&r), -EINTR);
	w.count = CAPACITY + 1;
	call_start(&w);
	check_eq(call_interrupt(&w), CAPACITY);
	call_start(&w);
	check_eq(call_interrupt(&w), -EINTR);
}

/* ---- FIFOs ---- */

static void test_fifo__without_blocking(void **state)
{
	struct vfs_task *task = ((struct world *)*state)->task;
	int r, w, rw;

	check_ok(vfs_mkfifo(task, "/fifo", 0600));
	check_eq(vfs_open(task, "/fifo", O_WRONLY | O_NONBLOCK, 0), -ENXIO);
	check_eq(vfs_open(task, "/fifo", 3, 0), -EINVAL);
	r = check_fd(vfs_open(task, "/fifo", O_RDONLY | O_NONBLOCK, 0));
	check_eq(get(task, r, 1), 0);
	w = check_fd(vfs_open(task, "/fifo", O_WRONLY | O_NONBLOCK, 0));
	check_eq(get(task, r, 1), -EAGAIN);
	check_eq(put(task, w, 5), 5);
	rw = check_fd(vfs_open(task, "/fifo", O_RDWR, 0));
	check_eq(get(task, rw, 3), 3);
	check_ok(vfs_close(task, r));
	check_ok(vfs_close(task, w));
	check_eq(put(task, rw, 1), 1);
	check_eq(pending(task, rw), 3);
	/* with the last one the bytes and the size are gone */
	check_eq(vfs_fcntl(task, rw, F_SETPIPE_SZ, PAGE), PAGE);
	check_ok(vfs_close(task, rw));
	rw = check_fd(vfs_open(task, "/fifo", O_RDWR, 0));
	check_eq(pending(task, rw), 0);
	check_eq(vfs_fcntl(task, rw, F_GETPIPE_SZ, 0), CAPACITY);
}

static void test_fifo__opens_meet(void **state)
{
	struct vfs_task *task = ((struct world *)*state)->task;
	struct call c = {.task = task, .what = OPEN, .fd = O_RDONLY};
	int fd;

	check_ok(vfs_mkfifo(task, "/fifo", 0600));
	call_start(&c);
	fd = check_fd(vfs_open(task, "/fifo", O_WRONLY, 0));
	check_fd(call_join(&c));
	check_eq(put(task, fd, 3), 3);
	check_eq(get(task, (int)c.result, 9), 3);
	check_ok(vfs_close(task, fd));
	check_ok(vfs_close(task, (int)c.result));

	c.fd = O_WRONLY;
	call_start(&c);
	/* a reader that has gone again counts */
	fd = check_fd(vfs_open(task, "/fifo", O_RDONLY | O_NONBLOCK, 0));
	check_ok(vfs_close(task, fd));
	check_fd(call_join(&c));
	check_eq(put(task, (int)c.result, 1), -EPIPE);
	check_ok(vfs_close(task, (int)c.result));

	c.fd = O_RDONLY;
	call_start(&c);
	fd = check_fd(vfs_open(task, "/fifo", O_RDWR, 0));
	check_fd(call_join(&c));
}

static void test_fifo__open_is_interrupted(void **state)
{
	struct vfs_task *task = ((struct world *)*state)->task;
	struct call c = {.task = task, .what = OPEN, .fd = O_RDONLY};

	check_ok(vfs_mkfifo(task, "/fifo", 0600));
	call_start(&c);
	check_eq(call_interrupt(&c), -EINTR);
	/* nothing of it is left */
	check_eq(vfs_open(task, "/fifo", O_WRONLY | O_NONBLOCK, 0), -ENXIO);
	c.fd = O_WRONLY;
	call_start(&c);
	check_eq(call_interrupt(&c), -EINTR);
	check_eq(vfs_open(task, "/fifo", O_RDONLY | O_NONBLOCK, 0), 0);
	check_eq(get(task, 0, 1), 0);
}

static void test_fifo__survives_its_name(void **state)
{
	struct vfs_task *task = ((struct world *)*state)->task;
	int fd;

	check_ok(vfs_mkfifo(task, "/fifo", 0600));
	fd = check_fd(vfs_open(task, "/fifo", O_RDWR, 0));
	check_eq(put(task, fd, CAPACITY), CAPACITY);
	check_ok(vfs_unlink(task, "/fifo"));
	check_eq(get(task, fd, 10), 10);
	check_eq(pending(task, fd), CAPACITY - 10);
}

static void test_fifo__times(void **state)
{
	struct world *world = *state;
	struct vfs_task *task = world->task;
	struct vfs_stat made, st;
	int fd;

	check_ok(vfs_mkfifo(task, "/fifo", 0600));
	fd = check_fd(vfs_open(task, "/fifo", O_RDWR | O_NONBLOCK, 0));
	check_ok(vfs_fstat(task, fd, &made));
	test_clock_advance(&world->clock, INT64_C(1000000000));
	check_eq(get(task, fd, 1), -EAGAIN);
	check_eq(put(task, fd, 0), 0);
	check_ok(vfs_fstat(task, fd, &st));
	assert_memory_equal(&st, &made, sizeof(st));
	check_eq(put(task, fd, 5), 5);
	check_ok(vfs_fstat(task, fd, &st));
	check_eq(st.size, 0);
	check_eq(st.mtime.sec, made.mtime.sec + 1);
	check_eq(st.ctime.sec, made.ctime.sec + 1);
	check_eq(st.atime.sec, made.atime.sec);
	test_clock_advance(&world->clock, INT64_C(1000000000));
	check_eq(get(task, fd, 1), 1);
	check_ok(vfs_fstat(task, fd, &st));
	check_eq(st.atime.sec, made.atime.sec + 2);
	check_eq(st.mtime.sec, made.mtime.sec + 1);
}

static void test_pipe__has_no_times(void **state)
{
	struct world *world = *state;
	struct vfs_task *task = world->task;
	struct vfs_stat made, st;
	int p[2];

	make_pipe(task, p, 0);
	check_ok(vfs_fstat(task, p[0], &made));
	test_clock_advance(&world->clock, INT64_C(1000000000));
	check_eq(put(task, p[1], 5), 5);
	check_eq(get(task, p[0], 5), 5);
	check_ok(vfs_fstat(task, p[0], &st));
	assert_memory_equal(&st, &made, sizeof(st));
}

/* ---- memory ---- */

static void test_memory__every_failure(void **state)
{
	struct world *world = *state;
	struct vfs_task *task = world->task;
	int p[2];

	check_ok(vfs_mkfifo(task, "/fifo", 0600));
	for (uint64_t nth = 1; nth < 100; nth++) {
		uint64_t failed;
		int64_t n;
		int err, fd;

		test_alloc_fail(&world->alloc, nth, 1);
		err = vfs_pipe2(task, p, O_NONBLOCK);
		n = err ? 0 : put(task, p[1], CAPACITY);
		fd = vfs_open(task, "/fifo", O_RDWR | O_NONBLOCK, 0);
		failed = test_alloc_heal(&world->alloc);
		if (err)
			check_eq(err, -ENOMEM);
		else
			assert_true(n == -ENOMEM || n % PAGE == 0);
		if (!err) {
			check_eq(get(task, p[0], CAPACITY),
				 n > 0 ? n : -EAGAIN);
			check_ok(vfs_close(task, p[0]));
			check_ok(vfs_close(task, p[1]));
		}
		if (fd >= 0)
			check_ok(vfs_close(task, fd));
		else
			check_eq(fd, -ENOMEM);
		if (!failed)
			break;
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		world_test(test_pipe__flags),
		world_test(test_pipe__descriptor_limit),
		world_test(test_pipe__attributes),
		world_test(test_pipe__calls_that_do_not_fit),
		world_test(test_pipe__bytes_in_order),
		world_test(test_pipe__capacity_counts_pages),
		world_test(test_pipe__size),
		world_test(test_pipe__packets),
		world_test(test_pipe__vectors_and_bad_memory),
		world_test(test_pipe__end_and_broken),
		world_test(test_pipe__read_blocks),
		world_test(test_pipe__write_blocks_until_all_is_in),
		world_test(test_pipe__interrupted),
		world_test(test_fifo__without_blocking),
		world_test(test_fifo__opens_meet),
		world_test(test_fifo__open_is_interrupted),
		world_test(test_fifo__survives_its_name),
		world_test(test_fifo__times),
		world_test(test_pipe__has_no_times),
		world_test(test_memory__every_failure),
	};

	return cmocka_run_group_tests(tests, NULL, NULL) ? 1 : 0;
}
