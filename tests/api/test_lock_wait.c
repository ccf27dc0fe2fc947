/* SPDX-License-Identifier: MIT */
/* Locks that are waited for: order, interrupts, closing, deadlocks. */
#include <pthread.h>
#include <sys/file.h>
#include <unistd.h>

#include "lock_calls.h"

/* ---- threads ---- */

/* A call on a thread of its own. */
struct call {
	pthread_t thread;
	struct vfs_task *task;
	int fd, cmd; /* cmd 0: flock, with type its operation */
	int type;
	int64_t start, len;
	int result;
	int started, done; /* atomic */
};

static void *call_run(void *arg)
{
	struct call *c = arg;

	__atomic_store_n(&c->started, 1, __ATOMIC_RELEASE);
	if (c->cmd)
		c->result = lock_cmd(c->task, c->fd, c->cmd, c->type, c->start,
				     c->len);
	else
		c->result = vfs_flock(c->task, c->fd, c->type);
	__atomic_store_n(&c->done, 1, __ATOMIC_RELEASE);
	return NULL;
}

static bool call_done(struct call *c)
{
	return __atomic_load_n(&c->done, __ATOMIC_ACQUIRE);
}

/* Starts it and sees that it blocks. */
static void call_start(struct call *c)
{
	c->started = c->done = 0;
	assert_int_equal(pthread_create(&c->thread, NULL, call_run, c), 0);
	while (!__atomic_load_n(&c->started, __ATOMIC_ACQUIRE))
		usleep(1000);
	usleep(20000);
	assert_false(call_done(c));
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

/* ---- flock ---- */

static void test_flock__blocks_and_is_granted(void **state)
{
	struct world *world = *state;
	struct vfs_task *task = world->task;
	int a = open_f(world), b = open_f(world), d = open_f(world);
	struct call c = {.task = task, .fd = b, .type = LOCK_EX};

	check_ok(vfs_flock(task, a, LOCK_EX));
	call_start(&c);
	check_ok(vfs_flock(task, a, LOCK_UN));
	check_ok(call_join(&c));
	check_eq(vfs_flock(task, d, LOCK_SH | LOCK_NB), -EWOULDBLOCK);

	check_ok(vfs_flock(task, b, LOCK_UN));
	check_ok(vfs_flock(task, a, LOCK_SH));
	check_ok(vfs_flock(task, d, LOCK_SH));
	/* the converter gives up its own lock and waits for the other */
	c.fd = a;
	call_start(&c);
	check_ok(vfs_flock(task, d, LOCK_UN));
	check_ok(call_join(&c));
	check_eq(vfs_flock(task, b, LOCK_SH | LOCK_NB), -EWOULDBLOCK);
}

static void test_flock__is_interrupted(void **state)
{
	struct world *world = *state;
	struct vfs_task *task = world->task;
	int a = open_f(world), b = open_f(world);
	struct call c = {.task = task, .fd = b, .type = LOCK_SH};

	check_ok(vfs_flock(task, a, LOCK_EX));
	call_start(&c);
	check_eq(call_interrupt(&c), -EINTR);
	check_ok(vfs_flock(task, a, LOCK_UN));
	check_ok(vfs_flock(task, b, LOCK_EX | LOCK_NB));
}

/* ---- waiting ---- */

static void test_wait__is_granted_in_order(void **state)
{
	struct world *world = *state;
	struct vfs_task *task = world->task;
	int fd = open_f(world);
	struct call calls[3] = {
		{.cmd = F_SETLKW, .type = F_WRLCK, .len = 10},
		{.cmd = F_SETLKW, .type = F_WRLCK, .start = 5, .len = 10},
		{.cmd = F_SETLKW, .type = F_WRLCK, .start = 12, .len = 1},
	};

	check_ok(set(task, fd, F_WRLCK, 0, 0));
	for (int i = 0; i < 3; i++) {
		calls[i].task = other_task(world, &calls[i].fd);
		call_start(&calls[i]);
	}
	check_ok(set(task, fd, F_UNLCK, 0, 0));
	/* the first, and the third, which is in nobody's way */
	check_ok(call_join(&calls[0]));
	check_ok(call_join(&calls[2]));
	usleep(20000);
	assert_false(call_done(&calls[1]));
	vfs_task_unref(calls[2].task);
	check_ok(set(calls[0].task, calls[0].fd, F_UNLCK, 5, 0));
	check_ok(call_join(&calls[1]));
	check_held(task, fd, 5, 0, F_WRLCK, 5, 10);
	vfs_task_unref(calls[0].task);
	vfs_task_unref(calls[1].task);
}

static void test_wait__threads_of_one_owner(void **state)
{
	struct world *world = *state;
	struct vfs_task *task = world->task;
	int fd = open_f(world), ofd;
	struct vfs_task *other = other_task(world, &ofd);
	struct call a = {.cmd = F_SETLKW, .type = F_WRLCK, .len = 10};
	struct call b = {.cmd = F_SETLKW, .type = F_RDLCK, .len = 10};

	a.task = b.task = other;
	a.fd = b.fd = ofd;
	check_ok(set(task, fd, F_WRLCK, 0, 0));
	call_start(&a);
	call_start(&b);
	check_ok(set(task, fd, F_UNLCK, 0, 0));
	check_ok(call_join(&a));
	check_ok(call_join(&b));
	/* both had it; the later one's type is what is left */
	check_held(task, fd, 0, 0, F_RDLCK, 0, 10);
	vfs_task_unref(other);
}

static void test_wait__downgrade_lets_readers_in(void **state)
{
	struct world *world = *state;
	struct vfs_task *task = world->task;
	int fd = open_f(world);
	struct call a = {.cmd = F_SETLKW, .type = F_RDLCK};
	struct call b = {.cmd = F_OFD_SETLKW, .type = F_RDLCK};

	a.task = other_task(world, &a.fd);
	b.task = task;
	b.fd = open_f(world);
	check_ok(set(task, fd, F_WRLCK, 0, 0));
	call_start(&a);
	call_start(&b);
	check_ok(set(task, fd, F_RDLCK, 0, 0));
	check_ok(call_join(&a));
	check_ok(call_join(&b));
	vfs_task_unref(a.task);
}

static void test_wait__close_wakes(void **state)
{
	struct world *world = *state;
	struct vfs_task *task = world->task;
	int fd = open_f(world);
	struct call a = {.cmd = F_SETLKW, .type = F_WRLCK};

	a.task = other_task(world, &a.fd);
	check_ok(set(task, fd, F_WRLCK, 0, 0));
	call_start(&a);
	check_ok(vfs_close(task, fd));
	check_ok(call_join(&a));
	vfs_task_unref(a.task);
}

static void test_wait__own_close_undoes_it(void **state)
{
	struct world *world = *state;
	struct vfs_task *task = world->task;
	int fd = open_f(world), ofd;
	struct vfs_task *other = other_task(world, &ofd);
	struct call a = {.cmd = F_SETLKW, .type = F_WRLCK};

	a.task = other;
	a.fd = ofd;
	check_ok(set(task, fd, F_WRLCK, 0, 0));
	call_start(&a);
	check_ok(vfs_close(other, ofd));
	check_ok(set(task, fd, F_UNLCK, 0, 0));
	check_eq(call_join(&a), -EBADF);
	vfs_task_unref(other);
	check_ok(set(task, fd, F_WRLCK, 0, 0));
}

static void test_wait__is_interrupted(void **state)
{
	struct world *world = *state;
	struct vfs_task *task = world->task;
	int fd = open_f(world);
	struct call a = {.cmd = F_SETLKW, .type = F_WRLCK};

	a.task = other_task(world, &a.fd);
	check_ok(vfs_task_interrupt(a.task));
	check_ok(set(task, fd, F_WRLCK, 0, 0));
	call_start(&a);
	check_eq(call_interrupt(&a), -EINTR);
	check_ok(set(task, fd, F_UNLCK, 0, 0));
	check_free(task, fd, 0, 0);
	vfs_task_unref(a.task);
}

/* ---- deadlocks ---- */

static void test_deadlock__of_two(void **state)
{
	struct world *world = *state;
	struct vfs_task *task = world->task;
	int fd = open_f(world);
	struct call a = {
		.cmd = F_SETLKW, .type = F_WRLCK, .start = 0, .len = 1};

	a.task = other_task(world, &a.fd);
	check_ok(set(task, fd, F_WRLCK, 0, 1));
	check_ok(set(a.task, a.fd, F_WRLCK, 1, 1));
	call_start(&a);
	check_eq(lock_cmd(task, fd, F_SETLKW, F_WRLCK, 1, 1), -EDEADLK);
	/* without waiting there is none */
	check_eq(set(task, fd, F_WRLCK, 1, 1), -EAGAIN);
	check_ok(set(task, fd, F_UNLCK, 0, 0));
	check_ok(call_join(&a));
	vfs_task_unref(a.task);
}

static void test_deadlock__of_a_ring_over_files(void **state)
{
	struct world *world = *state;
	struct call calls[4];
	char path[8];

	for (int i = 0; i < 4; i++) {
		struct vfs_task *task;

		check_ok(vfs_task_create(world->vfs, NULL, &task));
		for (int j = 0; j < 4; j++) {
			snprintf(path, sizeof(path), "/f%d", j);
			check_eq(vfs_open(task, path, O_RDWR | O_CREAT, 0644),
				 j);
		}
		check_ok(set(task, i, F_WRLCK, 0, 0));
		calls[i] = (struct call){
			.task = task,
			.fd = (i + 1) % 4,
			.cmd = F_SETLKW,
			.type = F_WRLCK,
		};
	}
	for (int i = 0; i < 3; i++)
		call_start(&calls[i]);
	check_eq(lock_cmd(calls[3].task, 0, F_SETLKW, F_RDLCK, 0, 0), -EDEADLK);
	/* it unwinds from the last one on */
	for (int i = 3; i >= 0; i--) {
		if (i < 3)
			check_ok(call_join(&calls[i]));
		vfs_task_unref(calls[i].task);
	}
}

static void test_deadlock__of_open_files_is_not_found(void **state)
{
	struct world *world = *state;
	struct vfs_task *task = world->task;
	int fd = open_f(world);
	struct call a = {.cmd = F_SETLKW, .type = F_WRLCK, .len = 1};
	struct call b = {
		.cmd = F_OFD_SETLKW, .type = F_WRLCK, .start = 1, .len = 1};

	a.task = other_task(world, &a.fd);
	b.task = task;
	b.fd = fd;
	check_ok(lock_cmd(task, fd, F_OFD_SETLK, F_WRLCK, 0, 1));
	check_ok(set(a.task, a.fd, F_WRLCK, 1, 1));
	call_start(&a);
	call_start(&b);
	check_eq(call_interrupt(&b), -EINTR);
	/* the other way round the table would wait for itself */
	call_start(&b);
	check_eq(call_interrupt(&a), -EINTR);
	check_eq(lock_cmd(a.task, a.fd, F_SETLKW, F_WRLCK, 0, 1), -EDEADLK);
	check_ok(set(a.task, a.fd, F_UNLCK, 0, 0));
	check_ok(call_join(&b));
	vfs_task_unref(a.task);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		world_test(test_flock__blocks_and_is_granted),
		world_test(test_flock__is_interrupted),
		world_test(test_wait__is_granted_in_order),
		world_test(test_wait__threads_of_one_owner),
		world_test(test_wait__downgrade_lets_readers_in),
		world_test(test_wait__close_wakes),
		world_test(test_wait__own_close_undoes_it),
		world_test(test_wait__is_interrupted),
		world_test(test_deadlock__of_two),
		world_test(test_deadlock__of_a_ring_over_files),
		world_test(test_deadlock__of_open_files_is_not_found),
	};

	return cmocka_run_group_tests(tests, NULL, NULL) ? 1 : 0;
}
