/* SPDX-License-Identifier: MIT */
/*
 * Locks, pipes and FIFOs under threads. Each part keeps a model beside the
 * library that must never be contradicted: who holds which byte, which record
 * of which writer comes next. Threads count what went wrong; the main thread
 * asserts.
 */
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/file.h>
#include <unistd.h>

#include "support/check.h"

#define THREADS 6
#define BYTES 16

struct shared {
	struct world *world;
	int wrong;   /* atomic: contradictions */
	int running; /* atomic: workers that have not ended */
	int rounds;
	/* atomic: -1 held for writing, else how many hold it for reading */
	int holders[BYTES];
	int deadlocks, interrupts; /* atomic */
};

struct worker {
	struct shared *shared;
	pthread_t thread;
	unsigned index;
	uint64_t seed;
	struct vfs_task *task;
	int fd;
};

static unsigned random_below(struct worker *w, unsigned n)
{
	w->seed = w->seed * UINT64_C(6364136223846793005) +
		  UINT64_C(1442695040888963407);
	return (unsigned)(w->seed >> 33) % n;
}

static void wrong(struct worker *w)
{
	__atomic_fetch_add(&w->shared->wrong, 1, __ATOMIC_RELAXED);
}

static void count(int *counter)
{
	__atomic_fetch_add(counter, 1, __ATOMIC_RELAXED);
}

/* Runs them all; meanwhile tasks are interrupted when that is asked for. */
static void run(struct shared *shared, struct worker *workers, int number,
		void *(*body)(void *), bool interrupt)
{
	shared->running = number;
	for (int i = 0; i < number; i++) {
		workers[i].shared = shared;
		workers[i].index = (unsigned)i;
		workers[i].seed = (uint64_t)i * 7919 + 1;
		assert_int_equal(pthread_create(&workers[i].thread, NULL, body,
						&workers[i]),
				 0);
	}
	while (interrupt &&
	       __atomic_load_n(&shared->running, __ATOMIC_ACQUIRE)) {
		for (int i = 0; i < number; i++)
			vfs_task_interrupt(workers[i].task);
		usleep(500);
	}
	for (int i = 0; i < number; i++)
		pthread_join(workers[i].thread, NULL);
	assert_int_equal(shared->wrong, 0);
}

static void ended(struct worker *w)
{
	__atomic_fetch_sub(&w->shared->running, 1, __ATOMIC_RELEASE);
}

/* ---- the model of locks ---- */

static void model_take(struct worker *w, unsigned from, unsigned to, bool write)
{
	for (unsigned i = from; i < to; i++) {
		int *h = &w->shared->holders[i];

		if (write) {
			if (__atomic_exchange_n(h, -1, __ATOMIC_RELAXED))
				wrong(w);
		} else if (__atomic_fetch_add(h, 1, __ATOMIC_RELAXED) < 0) {
			wrong(w);
		}
	}
}

static void model_drop(struct worker *w, unsigned from, unsigned to, bool write)
{
	for (unsigned i = from; i < to; i++) {
		int *h = &w->shared->holders[i];

		if (write) {
			if (__atomic_exchange_n(h, 0, __ATOMIC_RELAXED) != -1)
				wrong(w);
		} else if (__atomic_fetch_sub(h, 1, __ATOMIC_RELAXED) <= 0) {
			wrong(w);
		}
	}
}

static int record(struct worker *w, int cmd, int type, unsigned from,
		  unsigned to)
{
	struct vfs_flock lock = {
		.type = (int16_t)type,
		.start = from,
		.len = (int64_t)to - from,
	};

	return vfs_fcntl_lock(w->task, w->fd, cmd, &lock);
}

/* ---- ranges of POSIX and OFD locks ---- */

static void one_range(struct worker *w, bool ofd)
{
	unsigned from = random_below(w, BYTES);
	unsigned to = from + 1 + random_below(w, BYTES - from);
	bool write = random_below(w, 2);
	bool wait = random_below(w, 4);
	int set = wait ? (ofd ? F_OFD_SETLKW : F_SETLKW)
		       : (ofd ? F_OFD_SETLK : F_SETLK);
	unsigned middle = from + random_below(w, to - from);
	int err = record(w, set, write ? F_WRLCK : F_RDLCK, from, to);

	if (err == -EINTR && wait) {
		count(&w->shared->interrupts);
		return;
	}
	if (err == -EAGAIN && !wait)
		return;
	if (err) {
		wrong(w);
		return;
	}
	model_take(w, from, to, write);
	sched_yield();
	/* in two steps, so that it is cut */
	model_drop(w, from, middle, write);
	if (middle > from &&
	    record(w, ofd ? F_OFD_SETLK : F_SETLK, F_UNLCK, from, middle))
		wrong(w);
	sched_yield();
	model_drop(w, middle, to, write);
	if (record(w, ofd ? F_OFD_SETLK : F_SETLK, F_UNLCK, middle, to))
		wrong(w);
}

static void *ranges_body(void *arg)
{
	struct worker *w = arg;

	for (int i = 0; i < w->shared->rounds; i++)
		one_range(w, w->index % 3 == 0);
	ended(w);
	return NULL;
}

static void open_for_all(struct world *world, struct worker *workers,
			 int number)
{
	for (int i = 0; i < number; i++) {
		check_ok(vfs_task_create(world->vfs, NULL, &workers[i].task));
		workers[i].fd = check_fd(vfs_open(workers[i].task, "/f",
						  O_RDWR | O_CREAT, 0600));
	}
}

static void unref_all(struct worker *workers, int number)
{
	for (int i = 0; i < number; i++)
		vfs_task_unref(workers[i].task);
}

static void test_locks__ranges(void **state)
{
	struct shared shared = {.world = *state, .rounds = 2000};
	struct worker workers[THREADS];

	open_for_all(shared.world, workers, THREADS);
	run(&shared, workers, THREADS, ranges_body, false);
	run(&shared, workers, THREADS, ranges_body, true);
	for (int i = 0; i < BYTES; i++)
		assert_int_equal(shared.holders[i], 0);
	/* nothing is left behind */
	check_ok(record(&workers[0], F_SETLK, F_WRLCK, 0, BYTES));
	unref_all(workers, THREADS);
}

/* ---- deadlocks are always broken ---- */

/* Takes single bytes in any order; whoever is refused lets all of his go. If
 * one deadlock were overlooked, this would not end. */
static void *deadlock_body(void *arg)
{
	struct worker *w = arg;

	for (int i = 0; i < w->shared->rounds; i++) {
		uint32_t mine = 0;
		int err = 0;

		for (int n = 0; n < 3 && !err; n++) {
			unsigned at = random_below(w, 5);

			err = record(w, F_SETLKW, F_WRLCK, at, at + 1);
			if (!err && !(mine & 1u << at)) {
				mine |= 1u << at;
				model_take(w, at, at + 1, true);
			}
			sched_yield();
		}
		if (err == -EDEADLK)
			count(&w->shared->deadlocks);
		else if (err)
			wrong(w);
		for (unsigned at = 0; at < 5; at++)
			if (mine & 1u << at)
				model_drop(w, at, at + 1, true);
		if (record(w, F_SETLK, F_UNLCK, 0, BYTES))
			wrong(w);
	}
	ended(w);
	return NULL;
}

static void test_locks__deadlocks(void **state)
{
	struct shared shared = {.world = *state, .rounds = 1500};
	struct worker workers[THREADS];

	open_for_all(shared.world, workers, THREADS);
	run(&shared, workers, THREADS, deadlock_body, false);
	assert_true(shared.deadlocks > 0);
	unref_all(workers, THREADS);
}

/* ---- closing against setting ---- */

/* Every round opens the file anew, sets locks in one thread of the task and
 * closes in another. No lock may survive its descriptors. */
struct closing {
	struct vfs_task *task;
	int fd;	  /* atomic; -1: none */
	int stop; /* atomic */
};

static void *closing_body(void *arg)
{
	struct closing *c = arg;

	while (!__atomic_load_n(&c->stop, __ATOMIC_ACQUIRE)) {
		int fd = __atomic_exchange_n(&c->fd, -1, __ATOMIC_ACQ_REL);

		if (fd >= 0)
			vfs_close(c->task, fd);
		else
			sched_yield();
	}
	return NULL;
}

static void test_locks__close_while_setting(void **state)
{
	struct world *world = *state;
	struct closing c = {.task = world->task, .fd = -1};
	struct worker other = {.seed = 1};
	struct vfs_flock lock = {.type = F_WRLCK, .len = 5};
	pthread_t thread;

	open_for_all(world, &other, 1);
	assert_int_equal(pthread_create(&thread, NULL, closing_body, &c), 0);
	for (int i = 0; i < 5000; i++) {
		int fd = vfs_open(world->task, "/f", O_RDWR, 0);
		int err;

		__atomic_store_n(&c.fd, fd, __ATOMIC_RELEASE);
		lock.start = i % 3;
		err = vfs_fcntl_lock(world->task, fd, F_SETLK, &lock);
		if (err && err != -EBADF)
			fail();
		while (__atomic_load_n(&c.fd, __ATOMIC_ACQUIRE) >= 0)
			sched_yield();
		/* the number is free again: everything of it is over */
		while (vfs_fcntl(world->task, fd, F_GETFD, 0) != -EBADF)
			sched_yield();
		if (i % 100)
			continue;
		/* closing takes the number first and the locks then */
		for (int n = 0; n < 2000; n++) {
			if (!record(&other, F_SETLK, F_WRLCK, 0, BYTES))
				break;
			usleep(1000);
		}
		check_ok(record(&other, F_SETLK, F_WRLCK, 0, BYTES));
		check_ok(record(&other, F_SETLK, F_UNLCK, 0, BYTES));
	}
	__atomic_store_n(&c.stop, 1, __ATOMIC_RELEASE);
	pthread_join(thread, NULL);
	unref_all(&other, 1);
}

/* ---- descriptors that are replaced while others wait for their locks ---- */

#define NUMBERS 400 /* in a table that has to grow for them */

struct replacing {
	struct vfs_task *task;
	int stop; /* atomic */
};

/* The table is copied, grows, and has others come and go. */
static void *churning_body(void *arg)
{
	struct replacing *r = arg;
	struct worker w = {.seed = 5};

	while (!__atomic_load_n(&r->stop, __ATOMIC_ACQUIRE)) {
		int fd = NUMBERS + (int)random_below(&w, NUMBERS);
		struct vfs_task *twin;

		vfs_dup2(r->task, 0, fd);
		vfs_close(r->task, NUMBERS + (int)random_below(&w, NUMBERS));
		if (random_below(&w, 16))
			continue;
		if (!vfs_task_clone(r->task, 0, &twin))
			vfs_task_unref(twin);
	}
	return NULL;
}

static void *waiting_body(void *arg)
{
	struct worker *w = arg;

	__atomic_store_n(&w->shared->running, 1, __ATOMIC_RELEASE);
	if (record(w, F_SETLKW, F_WRLCK, 0, BYTES) ||
	    record(w, F_SETLK, F_UNLCK, 0, BYTES))
		wrong(w);
	return NULL;
}

/* Who waits gets the lock when its holder's descriptor is closed, by close
 * or by dup2. */
static void test_locks__replaced_while_waiting(void **state)
{
	struct world *world = *state;
	struct shared shared = {.world = world};
	struct worker other = {.seed = 3, .shared = &shared};
	struct worker own = {.seed = 4, .shared = &shared};
	struct replacing r = {0};
	pthread_t churn;

	open_for_all(world, &other, 1);
	check_ok(vfs_task_create(world->vfs, NULL, &r.task));
	check_eq(vfs_open(r.task, "/f", O_RDWR, 0), 0);
	own.task = r.task;
	assert_int_equal(pthread_create(&churn, NULL, churning_body, &r), 0);
	for (int i = 0; i < 3000; i++) {
		pthread_t waiter;

		own.fd = 1 + (int)random_below(&own, NUMBERS - 1);
		check_eq(vfs_dup2(r.task, 0, own.fd), own.fd);
		check_ok(record(&own, F_SETLK, F_WRLCK, 0, BYTES));
		__atomic_store_n(&shared.running, 0, __ATOMIC_RELAXED);
		assert_int_equal(
			pthread_create(&waiter, NULL, waiting_body, &other), 0);
		while (!__atomic_load_n(&shared.running, __ATOMIC_ACQUIRE))
			sched_yield();
		if (i % 2)
			check_eq(vfs_dup2(r.task, 0, own.fd), own.fd);
		else
			check_ok(vfs_close(r.task, own.fd));
		pthread_join(waiter, NULL);
		assert_int_equal(shared.wrong, 0);
		if (i % 2)
			check_ok(vfs_close(r.task, own.fd));
	}
	__atomic_store_n(&r.stop, 1, __ATOMIC_RELEASE);
	pthread_join(churn, NULL);
	vfs_task_unref(r.task);
	unref_all(&other, 1);
}

/* ---- flock ---- */

static void *flock_body(void *arg)
{
	struct worker *w = arg;

	for (int i = 0; i < w->shared->rounds; i++) {
		bool write = random_below(w, 3) == 0;
		int wait = random_below(w, 3) ? 0 : LOCK_NB;
		int err = vfs_flock(w->task, w->fd,
				    (write ? LOCK_EX : LOCK_SH) | wait);

		if (err == (wait ? -EWOULDBLOCK : -EINTR))
			continue;
		if (err) {
			wrong(w);
			continue;
		}
		model_take(w, 0, 1, write);
		sched_yield();
		model_drop(w, 0, 1, write);
		if (random_below(w, 2) && vfs_flock(w->task, w->fd, LOCK_UN))
			wrong(w);
		/* else the next round converts it */
	}
	vfs_flock(w->task, w->fd, LOCK_UN);
	ended(w);
	return NULL;
}

static void test_locks__flock(void **state)
{
	struct shared shared = {.world = *state, .rounds = 3000};
	struct worker workers[THREADS];

	open_for_all(shared.world, workers, THREADS);
	run(&shared, workers, THREADS, flock_body, true);
	check_ok(vfs_flock(workers[0].task, workers[0].fd, LOCK_EX | LOCK_NB));
	unref_all(workers, THREADS);
}

/* ---- pipes ---- */

#define WRITERS 3
#define RECORD 48
#define RECORDS 6000

struct message {
	uint32_t writer, number;
	unsigned char fill[RECORD - 8];
};

struct traffic {
	struct shared shared; /* first */
	int received;	      /* atomic */
};

static void write_messages(struct worker *w, int fd)
{
	struct message m = {.writer = w->index};

	for (uint32_t i = 0; i < RECORDS; i++) {
		int64_t n;

		m.number = i;
		memset(m.fill, (int)(i * 5 + w->index), sizeof(m.fill));
		do {
			n = vfs_write(w->task, fd, &m, RECORD);
		} while (n == -EINTR);
		/* smaller than PIPE_BUF: all or nothing */
		if (n != RECORD)
			wrong(w);
	}
	if (vfs_close(w->task, fd))
		wrong(w);
}

/* -EINTR: try again. */
static int64_t receive(struct worker *w, int fd, struct message *m)
{
	struct vfs_pollfd p = {.fd = fd, .events = POLLIN};

	if (w->index % 2) {
		int ready = vfs_poll(w->task, &p, 1, 5);

		if (ready <= 0)
			return -EINTR;
		if (!(p.revents & (POLLIN | POLLHUP)))
			wrong(w);
	}
	return vfs_read(w->task, fd, m, RECORD);
}

static void read_messages(struct worker *w, int fd)
{
	struct traffic *t = (struct traffic *)w->shared;
	uint32_t next[WRITERS] = {0};
	struct message m;
	int64_t n;

	for (;;) {
		n = receive(w, fd, &m);
		if (n == -EINTR)
			continue;
		if (n != RECORD)
			break;
		if (m.writer >= WRITERS || m.number < next[m.writer] ||
		    m.fill[0] != (unsigned char)(m.number * 5 + m.writer) ||
		    memcmp(m.fill, m.fill + 1, sizeof(m.fill) - 1)) {
			wrong(w);
			continue;
		}
		next[m.writer] = m.number + 1;
		count(&t->received);
	}
	if (n)
		wrong(w);
}

/* A writer's descriptor is made before it starts, so that no reader sees the
 * end too early. */
static void *traffic_body(void *arg)
{
	struct worker *w = arg;

	if (w->index < WRITERS)
		write_messages(w, w->fd);
	else
		read_messages(w, w->fd);
	ended(w);
	return NULL;
}

static void run_traffic(struct world *world, int in, int out, bool interrupt)
{
	struct traffic t = {.shared = {.world = world}};
	struct worker workers[THREADS];

	for (int i = 0; i < THREADS; i++) {
		workers[i].task = world->task;
		workers[i].fd =
			i < WRITERS ? check_fd(vfs_dup(world->task, in)) : out;
	}
	check_ok(vfs_close(world->task, in));
	run(&t.shared, workers, THREADS, traffic_body, interrupt);
	assert_int_equal(t.received, WRITERS * RECORDS);
	check_ok(vfs_close(world->task, out));
}

static void test_pipes__messages(void **state)
{
	struct world *world = *state;
	int p[2];

	check_ok(vfs_pipe(world->task, p));
	run_traffic(world, p[1], p[0], false);
	check_ok(vfs_pipe(world->task, p));
	check_eq(vfs_fcntl(world->task, p[0], F_SETPIPE_SZ, 4096), 4096);
	run_traffic(world, p[1], p[0], true);
}

static void test_pipes__fifo_messages(void **state)
{
	struct world *world = *state;
	int in, out;

	check_ok(vfs_mkfifo(world->task, "/fifo", 0600));
	out = check_fd(
		vfs_open(world->task, "/fifo", O_RDONLY | O_NONBLOCK, 0));
	in = check_fd(vfs_open(world->task, "/fifo", O_WRONLY, 0));
	check_ok(vfs_fcntl(world->task, out, F_SETFL, 0));
	run_traffic(world, in, out, true);
}

/* ---- FIFOs that are opened and closed all the time ---- */

static void *opens_body(void *arg)
{
	struct worker *w = arg;
	static const int flags[] = {
		O_RDONLY,
		O_WRONLY,
		O_RDWR,
		O_RDONLY | O_NONBLOCK,
		O_WRONLY | O_NONBLOCK,
	};

	for (int i = 0; i < w->shared->rounds; i++) {
		int how = flags[random_below(w, 5)];
		int fd = vfs_open(w->task, "/fifo", how, 0);
		char byte = 'x';
		int64_t n = 0;

		if (fd == -EINTR ||
		    (fd == -ENXIO && how == (O_WRONLY | O_NONBLOCK)))
			continue;
		if (fd < 0) {
			wrong(w);
			continue;
		}
		if (how & (O_WRONLY | O_RDWR))
			n = vfs_write(w->task, fd, &byte, 1);
		else
			n = vfs_read(w->task, fd, &byte, 1);
		if (n < 0 && n != -EPIPE && n != -EAGAIN && n != -EINTR)
			wrong(w);
		if (vfs_close(w->task, fd))
			wrong(w);
	}
	ended(w);
	return NULL;
}

static void test_fifos__opens(void **state)
{
	struct shared shared = {.world = *state, .rounds = 2000};
	struct vfs_task *task = shared.world->task;
	struct worker workers[THREADS];
	char byte;
	int fd;

	check_ok(vfs_mkfifo(task, "/fifo", 0666));
	for (int i = 0; i < THREADS; i++)
		workers[i].task = i % 2 ? task : shared.world->user;
	run(&shared, workers, THREADS, opens_body, true);
	/* nobody is counted any more, and nothing is left in it */
	check_eq(vfs_open(task, "/fifo", O_WRONLY | O_NONBLOCK, 0), -ENXIO);
	fd = check_fd(vfs_open(task, "/fifo", O_RDONLY | O_NONBLOCK, 0));
	check_eq(vfs_read(task, fd, &byte, 1), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		world_test(test_locks__ranges),
		world_test(test_locks__deadlocks),
		world_test(test_locks__close_while_setting),
		world_test(test_locks__replaced_while_waiting),
		world_test(test_locks__flock),
		world_test(test_pipes__messages),
		world_test(test_pipes__fifo_messages),
		world_test(test_fifos__opens),
	};

	return cmocka_run_group_tests(tests, NULL, NULL) ? 1 : 0;
}
