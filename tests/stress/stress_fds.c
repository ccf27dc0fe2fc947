/* SPDX-License-Identifier: MIT */
/* Descriptors of one table, opened, duplicated and closed by all threads. */
#include "stress/stress.h"

#define FILES 4

static void prepare(struct stress *s)
{
	char path[16];

	for (int i = 0; i < FILES; i++) {
		int fd;

		snprintf(path, sizeof(path), "/f%d", i);
		fd = vfs_open(s->task, path, O_CREAT | O_RDWR, 0644);
		STRESS(s, fd >= 0);
		STRESS(s, vfs_write(s->task, fd, path, 4) == 4);
		STRESS(s, vfs_close(s->task, fd) == 0);
	}
}

/* Whatever a number stands for now, what it reads is a file's first byte. */
static void use(struct stress_thread *t)
{
	struct stress *s = t->stress;
	struct vfs_task *task = s->task;
	char path[16], byte;
	int fd, other;

	while (stress_goes_on(t)) {
		fd = (int)stress_random(t, 40);
		other = (int)stress_random(t, 40);
		snprintf(path, sizeof(path), "/f%u", stress_random(t, FILES));
		switch (stress_random(t, 8)) {
		case 0:
			STRESS_CALL(s, vfs_open(task, path, O_RDWR, 0), 0);
			break;
		case 1:
			STRESS_CALL(s, vfs_close(task, fd), EBADF);
			break;
		case 2:
			STRESS_CALL(s, vfs_dup2(task, fd, other), EBADF, EBUSY);
			break;
		case 3:
			STRESS_CALL(s, vfs_dup(task, fd), EBADF);
			break;
		case 4:
			STRESS_CALL(s,
				    vfs_close_range(task, (uint32_t)fd + 10,
						    (uint32_t)fd + 12, 0),
				    0);
			break;
		case 5:
			STRESS_CALL(s, vfs_fcntl(task, fd, F_GETFL, 0), EBADF);
			break;
		default:
			if (STRESS_CALL(s, vfs_pread(task, fd, &byte, 1, 0),
					EBADF) == 1)
				STRESS(s, byte == '/');
			break;
		}
	}
}

/* A descriptor of one's own, in the same table, keeps its file. */
static void own(struct stress_thread *t)
{
	struct stress *s = t->stress;
	char path[16], text[4];
	int fd;

	snprintf(path, sizeof(path), "/f%u", t->number % FILES);
	while (stress_goes_on(t)) {
		int64_t n;

		fd = vfs_open(t->task, path, O_RDONLY, 0);
		STRESS(s, fd >= 0);
		n = vfs_read(t->task, fd, text, 4);
		STRESS(s, n >= 3 && !memcmp(text, path, 3));
		STRESS(s, vfs_dup2(t->task, fd, 100) == 100);
		STRESS(s, vfs_close(t->task, fd) == 0);
		STRESS(s, vfs_lseek(t->task, 100, 0, SEEK_CUR) == n);
		STRESS(s, vfs_close(t->task, 100) == 0);
	}
}

#define HELD 100

/* Who has a number has it alone, and no number is left free below it: there are
 * never more than everybody may hold. */
static void hold(struct stress_thread *t)
{
	static uint32_t taken[STRESS_THREADS * HELD];
	struct stress *s = t->stress;
	int held[HELD], count = 0;

	while (stress_goes_on(t)) {
		int fd, n = (int)stress_random(t, HELD);

		if (n < count) {
			fd = held[n];
			held[n] = held[--count];
			STRESS(s, __atomic_exchange_n(&taken[fd], 0,
						      __ATOMIC_RELAXED) == 1);
			STRESS(s, vfs_close(s->task, fd) == 0);
			continue;
		}
		fd = vfs_open(s->task, "/f0", O_RDONLY, 0);
		STRESS(s, fd >= 0 && fd < STRESS_THREADS * HELD);
		if (fd < 0 || fd >= STRESS_THREADS * HELD)
			return;
		STRESS(s, __atomic_exchange_n(&taken[fd], 1,
					      __ATOMIC_RELAXED) == 0);
		held[count++] = fd;
	}
	while (count) {
		int fd = held[--count];

		__atomic_store_n(&taken[fd], 0, __ATOMIC_RELAXED);
		STRESS(s, vfs_close(s->task, fd) == 0);
	}
}

#define HERE 500
#define THERE 77

static void prepare_move(struct stress *s)
{
	prepare(s);
	STRESS(s, vfs_open(s->task, "/f0", O_RDONLY, 0) == 0);
	STRESS(s, vfs_dup2(s->task, 0, HERE) == HERE);
}

/* One descriptor, which is always behind one of two numbers at least. */
static void move(struct stress_thread *t)
{
	struct vfs_task *task = t->stress->task;

	if (t->number)
		return;
	while (stress_goes_on(t)) {
		STRESS(t->stress, vfs_dup2(task, HERE, THERE) == THERE);
		STRESS(t->stress, vfs_close(task, HERE) == 0);
		STRESS(t->stress, vfs_dup2(task, THERE, HERE) == HERE);
		STRESS(t->stress, vfs_close(task, THERE) == 0);
	}
}

/* A copy of the table has what the table had at one moment. */
static void copy(struct stress_thread *t)
{
	struct stress *s = t->stress;
	struct vfs_task *twin;
	int here, there;

	while (stress_goes_on(t)) {
		STRESS(s, vfs_task_clone(s->task, 0, &twin) == 0);
		here = vfs_fcntl(twin, HERE, F_GETFD, 0);
		there = vfs_fcntl(twin, THERE, F_GETFD, 0);
		STRESS(s, here == 0 || there == 0);
		vfs_task_unref(twin);
	}
}

static void finish(struct stress *s)
{
	STRESS(s, vfs_close_range(s->task, 0, UINT32_MAX, 0) == 0);
	STRESS(s, vfs_open(s->task, "/f0", O_RDONLY, 0) == 0);
}

int main(void)
{
	stress_body *const shared[] = {use};
	stress_body *const mixed[] = {use, own};
	stress_body *const holders[] = {hold};
	stress_body *const copiers[] = {move, copy};
	int failed = 0;

	failed |= stress_run("fds-shared", prepare, shared, 1, finish);
	failed |= stress_run("fds-own", prepare, mixed, 2, finish);
	failed |= stress_run("fds-held", prepare, holders, 1, finish);
	failed |= stress_run("fds-copied", prepare_move, copiers, 2, finish);
	return failed;
}
