/* SPDX-License-Identifier: MIT */
/* poll: what is ready when, and waiting for it. */
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "support/check.h"

#define ALL 0x7fff
#define READY (POLLIN | POLLOUT | POLLRDNORM | POLLWRNORM)
#define READABLE (POLLIN | POLLRDNORM)
#define WRITABLE (POLLOUT | POLLWRNORM)

static int events_of(struct vfs_task *task, int fd, int wanted)
{
	struct vfs_pollfd p = {
		.fd = fd, .events = (int16_t)wanted, .revents = 0x55};
	int ready = vfs_poll(task, &p, 1, 0);

	check_eq(ready, p.revents != 0);
	return (uint16_t)p.revents;
}

static int64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* A poll of two descriptors on a thread of its own. */
struct call {
	pthread_t thread;
	struct vfs_task *task;
	struct vfs_pollfd fds[2];
	int timeout;
	int result;
	int started, done; /* atomic */
};

static void *call_run(void *arg)
{
	struct call *c = arg;

	__atomic_store_n(&c->started, 1, __ATOMIC_RELEASE);
	c->result = vfs_poll(c->task, c->fds, 2, c->timeout);
	__atomic_store_n(&c->done, 1, __ATOMIC_RELEASE);
	return NULL;
}

static void call_start(struct call *c)
{
	c->started = c->done = 0;
	assert_int_equal(pthread_create(&c->thread, NULL, call_run, c), 0);
	while (!__atomic_load_n(&c->started, __ATOMIC_ACQUIRE))
		usleep(1000);
	usleep(20000);
	assert_int_equal(__atomic_load_n(&c->done, __ATOMIC_ACQUIRE), 0);
}

static int call_join(struct call *c)
{
	assert_int_equal(pthread_join(c->thread, NULL), 0);
	return c->result;
}

/* Interrupts its task until it has ended. */
static int call_interrupt(struct call *c)
{
	do {
		check_ok(vfs_task_interrupt(c->task));
		usleep(1000);
	} while (!__atomic_load_n(&c->done, __ATOMIC_ACQUIRE));
	return call_join(c);
}

/* ---- what is ready ---- */

static void test_poll__files_are_always_ready(void **state)
{
	struct vfs_task *task = ((struct world *)*state)->task;
	int in, none, dir, path;

	put_file(task, "/f", "x");
	in = check_fd(vfs_open(task, "/f", O_RDONLY, 0));
	none = check_fd(vfs_open(task, "/f", 3, 0));
	path = check_fd(vfs_open(task, "/f", O_PATH, 0));
	dir = check_fd(vfs_open(task, "/", O_RDONLY, 0));
	check_eq(events_of(task, in, ALL), READY);
	check_eq(events_of(task, in, POLLOUT), POLLOUT);
	check_eq(events_of(task, in, POLLPRI), 0);
	check_eq(events_of(task, none, ALL), READY);
	check_eq(events_of(task, dir, ALL), READY);
	check_eq(events_of(task, path, 0), POLLNVAL);
	check_eq(events_of(task, 99, 0), POLLNVAL);
	check_eq(events_of(task, -1, ALL), 0);
	check_eq(events_of(task, INT32_MIN, ALL), 0);
}

static void test_poll__pipes(void **state)
{
	struct vfs_task *task = ((struct world *)*state)->task;
	static char page[4096];
	int p[2];

	check_ok(vfs_pipe2(task, p, O_NONBLOCK));
	check_eq(events_of(task, p[0], ALL), 0);
	check_eq(events_of(task, p[1], ALL), WRITABLE);
	check_eq(vfs_write(task, p[1], "x", 1), 1);
	check_eq(events_of(task, p[0], ALL), READABLE);
	check_eq(events_of(task, p[0], POLLIN), POLLIN);
	for (int i = 0; i < 15; i++)
		check_eq(vfs_write(task, p[1], page, 4096), 4096);
	/* every page is begun, though there is room in one */
	check_eq(events_of(task, p[1], ALL), 0);
	check_ok(vfs_close(task, p[1]));
	check_eq(events_of(task, p[0], ALL), READABLE | POLLHUP);
	while (vfs_read(task, p[0], page, sizeof(page)) > 0)
		;
	check_eq(events_of(task, p[0], ALL), POLLHUP);
	check_eq(events_of(task, p[0], 0), POLLHUP);

	check_ok(vfs_pipe2(task, p, O_NONBLOCK));
	check_ok(vfs_close(task, p[0]));
	check_eq(events_of(task, p[1], ALL), WRITABLE | POLLERR);
	check_eq(events_of(task, p[1], 0), POLLERR);
}

static void test_poll__fifos(void **state)
{
	struct vfs_task *task = ((struct world *)*state)->task;
	int r, w, rw;

	check_ok(vfs_mkfifo(task, "/fifo", 0600));
	r = check_fd(vfs_open(task, "/fifo", O_RDONLY | O_NONBLOCK, 0));
	/* no writer has been there: not hung up */
	check_eq(events_of(task, r, ALL), 0);
	w = check_fd(vfs_open(task, "/fifo", O_WRONLY, 0));
	check_eq(events_of(task, r, ALL), 0);
	check_ok(vfs_close(task, w));
	check_eq(events_of(task, r, ALL), POLLHUP);
	w = check_fd(vfs_open(task, "/fifo", O_WRONLY, 0));
	check_eq(events_of(task, r, ALL), 0);
	check_ok(vfs_close(task, r));
	check_eq(events_of(task, w, ALL), WRITABLE | POLLERR);
	check_ok(vfs_close(task, w));
	rw = check_fd(vfs_open(task, "/fifo", O_RDWR, 0));
	check_eq(events_of(task, rw, ALL), WRITABLE);
	check_eq(vfs_write(task, rw, "x", 1), 1);
	check_eq(events_of(task, rw, ALL), WRITABLE | READABLE);
}

static void test_poll__errors(void **state)
{
	struct vfs_task *task = ((struct world *)*state)->task;
	struct vfs_rlimit limit = {3, 1024};
	struct vfs_pollfd fds[4] = {
		{.fd = -1}, {.fd = -1}, {.fd = -1}, {.fd = -1}};

	check_eq(vfs_poll(NULL, fds, 1, 0), -EFAULT);
	check_eq(vfs_poll(task, NULL, 1, 0), -EFAULT);
	check_eq(vfs_poll(task, NULL, 0, 0), 0);
	check_ok(vfs_setrlimit(task, RLIMIT_NOFILE, &limit));
	check_eq(vfs_poll(task, fds, 3, 0), 0);
	check_eq(vfs_poll(task, fds, 4, 0), -EINVAL);
	check_eq(vfs_poll(task, NULL, 4, 0), -EINVAL);
	check_eq(vfs_poll(task, fds, UINT64_MAX, 0), -EINVAL);
}

/* ---- waiting ---- */

static void test_poll__times_out(void **state)
{
	struct vfs_task *task = ((struct world *)*state)->task;
	struct vfs_pollfd fds[2] = {{.events = POLLIN, .revents = 9},
				    {.fd = -1, .revents = 9}};
	int64_t start = now_ms();
	int p[2];

	check_eq(vfs_poll(task, NULL, 0, 30), 0);
	assert_true(now_ms() - start >= 30);
	check_ok(vfs_pipe(task, p));
	fds[0].fd = p[0];
	start = now_ms();
	check_eq(vfs_poll(task, fds, 2, 50), 0);
	assert_true(now_ms() - start >= 50);
	assert_int_equal(fds[0].revents, 0);
	assert_int_equal(fds[1].revents, 0);
}

static void test_poll__wakes(void **state)
{
	struct vfs_task *task = ((struct world *)*state)->task;
	struct call c = {.task = task, .timeout = -1};
	static char full[65536];
	int p[2], q[2];

	check_ok(vfs_pipe2(task, p, O_NONBLOCK));
	check_ok(vfs_pipe2(task, q, O_NONBLOCK));
	check_eq(vfs_write(task, q[1], full, sizeof(full)), sizeof(full));
	c.fds[0] = (struct vfs_pollfd){.fd = p[0], .events = POLLIN};
	c.fds[1] = (struct vfs_pollfd){.fd = q[1], .events = POLLOUT};
	call_start(&c);
	check_eq(vfs_write(task, p[1], "x", 1), 1);
	check_eq(call_join(&c), 1);
	assert_int_equal(c.fds[0].revents, POLLIN);
	assert_int_equal(c.fds[1].revents, 0);

	c.timeout = 10000;
	c.fds[0].fd = -1;
	call_start(&c);
	check_eq(vfs_read(task, q[0], full, 4096), 4096);
	check_eq(call_join(&c), 1);
	assert_int_equal(c.fds[0].revents, 0);
	assert_int_equal(c.fds[1].revents, POLLOUT);

	check_eq(vfs_write(task, q[1], full, 4096), 4096);
	call_start(&c);
	check_ok(vfs_close(task, q[0]));
	check_eq(call_join(&c), 1);
	assert_int_equal(c.fds[1].revents, POLLERR);
}

static void test_poll__the_same_pipe_twice(void **state)
{
	struct vfs_task *task = ((struct world *)*state)->task;
	struct call c = {.task = task, .timeout = -1};
	int p[2];

	check_ok(vfs_pipe(task, p));
	c.fds[0] = (struct vfs_pollfd){.fd = p[0], .events = POLLIN};
	c.fds[1] = (struct vfs_pollfd){.fd = p[0], .events = 0};
	call_start(&c);
	check_ok(vfs_close(task, p[1]));
	check_eq(call_join(&c), 2);
	assert_int_equal(c.fds[0].revents, POLLHUP);
	assert_int_equal(c.fds[1].revents, POLLHUP);
}

static void test_poll__is_interrupted(void **state)
{
	struct vfs_task *task = ((struct world *)*state)->task;
	struct call c = {.task = task, .timeout = -1};
	int p[2];

	check_ok(vfs_pipe(task, p));
	c.fds[0] = (struct vfs_pollfd){.fd = p[0], .events = POLLIN};
	c.fds[1] = (struct vfs_pollfd){.fd = -1, .events = POLLIN};
	call_start(&c);
	check_eq(call_interrupt(&c), -EINTR);
	/* the pipe was kept by the call; nothing of it is left */
	check_ok(vfs_close(task, p[0]));
	check_eq(vfs_write(task, p[1], "x", 1), -EPIPE);
}

static void test_poll__of_many(void **state)
{
	struct world *world = *state;
	struct vfs_task *task = world->task;
	struct vfs_pollfd fds[200];
	int p[2];

	for (int i = 0; i < 200; i++) {
		check_ok(vfs_pipe(task, p));
		fds[i] = (struct vfs_pollfd){.fd = p[0], .events = POLLIN};
	}
	check_eq(vfs_poll(task, fds, 200, 10), 0);
	check_eq(vfs_write(task, p[1], "x", 1), 1);
	check_eq(vfs_poll(task, fds, 200, -1), 1);
	assert_int_equal(fds[199].revents, POLLIN);
	/* a call that must sleep needs memory for its places in the queues */
	test_alloc_fail(&world->alloc, 1, UINT64_MAX);
	check_eq(vfs_poll(task, fds, 199, 1000), -ENOMEM);
	check_eq(vfs_poll(task, fds, 200, 1000), 1);
	test_alloc_heal(&world->alloc);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		world_test(test_poll__files_are_always_ready),
		world_test(test_poll__pipes),
		world_test(test_poll__fifos),
		world_test(test_poll__errors),
		world_test(test_poll__times_out),
		world_test(test_poll__wakes),
		world_test(test_poll__the_same_pipe_twice),
		world_test(test_poll__is_interrupted),
		world_test(test_poll__of_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL) ? 1 : 0;
}
