/* SPDX-License-Identifier: MIT */
/* flock, POSIX and OFD record locks: ranges, conflicts, owners, memory. */
#include <sys/file.h>

#include "lock_calls.h"

/* ---- flock ---- */

static void test_flock__shared_and_exclusive(void **state)
{
	struct world *world = *state;
	struct vfs_task *task = world->task;
	int a = open_f(world), b = open_f(world), c = open_f(world);

	check_ok(vfs_flock(task, a, LOCK_SH));
	check_ok(vfs_flock(task, b, LOCK_SH));
	check_eq(vfs_flock(task, c, LOCK_EX | LOCK_NB), -EWOULDBLOCK);
	check_ok(vfs_flock(task, a, LOCK_UN));
	check_ok(vfs_flock(task, b, LOCK_EX | LOCK_NB));
	check_ok(vfs_flock(task, b, LOCK_EX));
	check_eq(vfs_flock(task, c, LOCK_SH | LOCK_NB), -EWOULDBLOCK);
	check_ok(vfs_flock(task, c, LOCK_UN));
	check_ok(vfs_close(task, b));
	check_ok(vfs_flock(task, c, LOCK_SH | LOCK_NB));
}

static void test_flock__follows_the_open_file(void **state)
{
	struct world *world = *state;
	struct vfs_task *task = world->task;
	int a = open_f(world), b = open_f(world);
	int dup = check_fd(vfs_dup(task, a));

	check_ok(vfs_flock(task, a, LOCK_EX));
	check_ok(vfs_flock(task, dup, LOCK_EX | LOCK_NB));
	check_ok(vfs_close(task, a));
	check_eq(vfs_flock(task, b, LOCK_SH | LOCK_NB), -EWOULDBLOCK);
	check_ok(vfs_flock(task, dup, LOCK_UN));
	check_ok(vfs_flock(task, b, LOCK_SH | LOCK_NB));
}

static void test_flock__failed_conversion_loses_the_lock(void **state)
{
	struct world *world = *state;
	struct vfs_task *task = world->task;
	int a = open_f(world), b = open_f(world), c = open_f(world);

	check_ok(vfs_flock(task, a, LOCK_SH));
	check_ok(vfs_flock(task, b, LOCK_SH));
	check_eq(vfs_flock(task, a, LOCK_EX | LOCK_NB), -EWOULDBLOCK);
	check_ok(vfs_flock(task, b, LOCK_UN));
	check_ok(vfs_flock(task, c, LOCK_EX | LOCK_NB));
}

static void test_flock__errors(void **state)
{
	struct world *world = *state;
	struct vfs_task *task = world->task;
	int fd = open_f(world);
	int path = check_fd(vfs_open(task, "/f", O_PATH, 0));
	int none = check_fd(vfs_open(task, "/f", 3, 0));
	int dir = check_fd(vfs_open(task, "/", O_RDONLY, 0));

	check_eq(vfs_flock(NULL, fd, LOCK_SH), -EFAULT);
	check_eq(vfs_flock(task, 99, LOCK_SH), -EBADF);
	check_eq(vfs_flock(task, -1, LOCK_UN), -EBADF);
	check_eq(vfs_flock(task, path, LOCK_SH), -EBADF);
	check_eq(vfs_flock(task, path, LOCK_UN), -EBADF);
	check_eq(vfs_flock(task, none, LOCK_SH), -EBADF);
	check_ok(vfs_flock(task, none, LOCK_UN));
	check_eq(vfs_flock(task, 99, 77), -EINVAL);
	check_eq(vfs_flock(task, fd, LOCK_SH | LOCK_EX), -EINVAL);
	check_eq(vfs_flock(task, fd, 0), -EINVAL);
	check_eq(vfs_flock(task, fd, LOCK_NB), -EINVAL);
	/* LOCK_MAND, which Linux has given up */
	check_ok(vfs_flock(task, 99, 32));
	check_ok(vfs_flock(task, dir, LOCK_EX));
	check_ok(vfs_flock(task, fd, LOCK_UN | LOCK_NB));
}

/* ---- ranges ---- */

static void test_posix__split_and_merge(void **state)
{
	struct world *world = *state;
	struct vfs_task *task = world->task;
	int fd = open_f(world), ofd;
	struct vfs_task *other = other_task(world, &ofd);

	check_ok(set(task, fd, F_WRLCK, 10, 90));
	check_held(other, ofd, 0, 0, F_WRLCK, 10, 90);
	check_ok(set(task, fd, F_UNLCK, 40, 20));
	check_held(other, ofd, 0, 50, F_WRLCK, 10, 30);
	check_free(other, ofd, 40, 20);
	check_held(other, ofd, 50, 0, F_WRLCK, 60, 40);
	/* touching on both sides: one again */
	check_ok(set(task, fd, F_WRLCK, 40, 20));
	check_held(other, ofd, 99, 1, F_WRLCK, 10, 90);
	/* a downgrade in the middle makes three */
	check_ok(set(task, fd, F_RDLCK, 50, 10));
	check_held(other, ofd, 10, 1, F_WRLCK, 10, 40);
	check_held(other, ofd, 50, 10, F_RDLCK, 50, 10);
	check_held(other, ofd, 60, 100, F_WRLCK, 60, 40);
	/* an upgrade over all of it makes one */
	check_ok(set(task, fd, F_WRLCK, 0, 0));
	check_held(other, ofd, 77, 1, F_WRLCK, 0, 0);
	check_ok(set(task, fd, F_UNLCK, 0, 5));
	check_held(other, ofd, 0, 0, F_WRLCK, 5, 0);
	check_ok(set(task, fd, F_UNLCK, 0, 0));
	check_free(other, ofd, 0, 0);
	vfs_task_unref(other);
}

static void test_posix__overlap_of_many(void **state)
{
	struct world *world = *state;
	struct vfs_task *task = world->task;
	int fd = open_f(world), ofd;
	struct vfs_task *other = other_task(world, &ofd);

	for (int i = 0; i < 5; i++)
		check_ok(set(task, fd, F_RDLCK, i * 20, 10));
	check_ok(set(task, fd, F_WRLCK, 15, 30));
	check_held(other, ofd, 0, 10, F_RDLCK, 0, 10);
	check_free(other, ofd, 10, 5);
	check_held(other, ofd, 15, 1, F_WRLCK, 15, 30);
	check_held(other, ofd, 45, 10, F_RDLCK, 45, 5);
	check_held(other, ofd, 60, 10, F_RDLCK, 60, 10);
	check_ok(set(task, fd, F_RDLCK, 0, 100));
	check_held(other, ofd, 50, 1, F_RDLCK, 0, 100);
	vfs_task_unref(other);
}

static void test_posix__whence_and_negative_length(void **state)
{
	struct world *world = *state;
	struct vfs_task *task = world->task;
	int fd = open_f(world), ofd;
	struct vfs_task *other = other_task(world, &ofd);
	struct vfs_flock lock = {.type = F_WRLCK, .whence = SEEK_END};

	check_ok(vfs_ftruncate(task, fd, 100));
	check_eq(vfs_lseek(task, fd, 50, SEEK_SET), 50);
	lock.start = -10;
	lock.len = 5;
	check_ok(vfs_fcntl_lock(task, fd, F_SETLK, &lock));
	check_held(other, ofd, 0, 0, F_WRLCK, 90, 5);
	lock.whence = SEEK_CUR;
	lock.start = 0;
	lock.len = -10;
	check_ok(vfs_fcntl_lock(task, fd, F_SETLK, &lock));
	check_held(other, ofd, 0, 80, F_WRLCK, 40, 10);
	check_ok(set(task, fd, F_UNLCK, 50, -50));
	check_held(other, ofd, 0, 0, F_WRLCK, 90, 5);
	vfs_task_unref(other);
}

static void test_posix__ends_of_the_range(void **state)
{
	struct world *world = *state;
	struct vfs_task *task = world->task;
	int fd = open_f(world), ofd;
	struct vfs_task *other = other_task(world, &ofd);
	struct vfs_flock lock = {.type = F_WRLCK, .whence = SEEK_CUR};

	check_eq(set(task, fd, F_WRLCK, -1, 1), -EINVAL);
	check_eq(set(task, fd, F_WRLCK, 0, -1), -EINVAL);
	check_eq(set(task, fd, F_WRLCK, 5, -6), -EINVAL);
	check_eq(set(task, fd, F_WRLCK, INT64_MIN, 0), -EINVAL);
	check_eq(set(task, fd, F_WRLCK, 0, INT64_MIN), -EINVAL);
	check_eq(set(task, fd, F_WRLCK, INT64_MAX, 2), -EOVERFLOW);
	check_eq(set(task, fd, F_WRLCK, 2, INT64_MAX), -EOVERFLOW);
	check_eq(vfs_lseek(task, fd, 1, SEEK_SET), 1);
	lock.start = INT64_MAX;
	check_eq(vfs_fcntl_lock(task, fd, F_SETLK, &lock), -EOVERFLOW);
	lock.start = INT64_MAX - 1;
	lock.len = 1;
	check_ok(vfs_fcntl_lock(task, fd, F_SETLK, &lock));
	check_held(other, ofd, 0, 0, F_WRLCK, INT64_MAX, 0);
	check_ok(set(task, fd, F_WRLCK, 1, INT64_MAX));
	check_held(other, ofd, 5, 1, F_WRLCK, 1, 0);
	check_ok(set(task, fd, F_UNLCK, INT64_MAX, -10));
	check_held(other, ofd, INT64_MAX, 1, F_WRLCK, INT64_MAX, 0);
	check_held(other, ofd, 0, 10, F_WRLCK, 1, INT64_MAX - 11);
	check_ok(set(task, fd, F_WRLCK, 0, 1));
	check_held(other, ofd, 0, 1, F_WRLCK, 0, INT64_MAX - 10);
	vfs_task_unref(other);
}

/* ---- owners ---- */

static void test_posix__errors(void **state)
{
	struct world *world = *state;
	struct vfs_task *task = world->task;
	int fd = open_f(world);
	int in = check_fd(vfs_open(task, "/f", O_RDONLY, 0));
	int out = check_fd(vfs_open(task, "/f", O_WRONLY, 0));
	int path = check_fd(vfs_open(task, "/f", O_PATH, 0));
	struct vfs_flock lock = {.type = F_WRLCK, .whence = 9};

	check_eq(vfs_fcntl_lock(NULL, fd, F_SETLK, &lock), -EFAULT);
	check_eq(vfs_fcntl_lock(task, 99, F_SETLK, &lock), -EBADF);
	check_eq(vfs_fcntl_lock(task, path, F_SETLK, NULL), -EBADF);
	check_eq(vfs_fcntl_lock(task, path, 9999, NULL), -EBADF);
	check_eq(vfs_fcntl_lock(task, fd, F_SETLK, NULL), -EFAULT);
	check_eq(vfs_fcntl_lock(task, fd, 9999, &lock), -EINVAL);
	check_eq(vfs_fcntl_lock(task, fd, F_SETLK, &lock), -EINVAL);
	check_eq(vfs_fcntl_lock(task, fd, F_GETLK, &lock), -EINVAL);
	check_eq(set(task, fd, 7, 0, 0), -EINVAL);
	check_eq(set(task, in, F_WRLCK, 0, 0), -EBADF);
	check_eq(set(task, out, F_RDLCK, 0, 0), -EBADF);
	check_eq(set(task, in, F_WRLCK, -1, 0), -EINVAL);
	check_ok(set(task, out, F_UNLCK, 0, 0));
	check_eq(lock_cmd(task, fd, F_GETLK, F_UNLCK, 0, 0), -EINVAL);
	/* the mode matters for setting only */
	check_ok(lock_cmd(task, in, F_GETLK, F_WRLCK, 0, 0));
	check_ok(set(task, in, F_RDLCK, 0, 0));
	lock = (struct vfs_flock){.type = F_RDLCK, .pid = 3};
	check_eq(vfs_fcntl_lock(task, fd, F_OFD_GETLK, &lock), -EINVAL);
	check_eq(vfs_fcntl_lock(task, fd, F_OFD_SETLK, &lock), -EINVAL);
	check_eq(vfs_fcntl_lock(task, out, F_OFD_SETLKW, &lock), -EBADF);
	check_ok(vfs_fcntl_lock(task, fd, F_SETLK, &lock));
}

static void test_posix__owner_is_the_table(void **state)
{
	struct world *world = *state;
	struct vfs_task *task = world->task;
	struct vfs_flock lock = {.type = F_RDLCK};
	struct vfs_task *thread, *child;
	int fd = open_f(world);

	check_ok(vfs_task_clone(task, VFS_CLONE_FILES, &thread));
	check_ok(vfs_task_clone(task, 0, &child));
	check_ok(set(task, fd, F_WRLCK, 0, 10));
	check_ok(set(thread, fd, F_WRLCK, 5, 10));
	check_eq(set(child, fd, F_RDLCK, 0, 1), -EAGAIN);
	check_ok(vfs_fcntl_lock(child, fd, F_GETLK, &lock));
	check_eq(lock.pid, vfs_task_id(task));
	check_eq(lock.start, 0);
	check_eq(lock.len, 15);
	check_ok(set(thread, fd, F_UNLCK, 0, 0));
	check_ok(set(child, fd, F_WRLCK, 0, 0));
	vfs_task_unref(thread);
	vfs_task_unref(child);
	/* the child's table went, and its locks with it */
	check_ok(set(task, fd, F_WRLCK, 0, 0));
}

static void test_posix__any_close_drops_them(void **state)
{
	struct world *world = *state;
	struct vfs_task *task = world->task;
	int fd = open_f(world), ofd;
	int again = check_fd(vfs_open(task, "/f", O_RDONLY, 0));
	int path = check_fd(vfs_open(task, "/f", O_PATH, 0));
	struct vfs_task *other = other_task(world, &ofd);

	check_ok(set(task, fd, F_WRLCK, 0, 0));
	check_ok(vfs_close(task, path));
	check_eq(set(other, ofd, F_WRLCK, 0, 0), -EAGAIN);
	check_ok(vfs_close(task, again));
	check_ok(set(other, ofd, F_WRLCK, 0, 0));
	check_ok(set(other, ofd, F_UNLCK, 0, 0));
	/* dup2 closes too */
	again = check_fd(vfs_open(task, "/f", O_RDONLY, 0));
	check_ok(set(task, fd, F_WRLCK, 0, 0));
	check_eq(vfs_dup2(task, fd, again), again);
	check_ok(set(other, ofd, F_WRLCK, 0, 0));
	vfs_task_unref(other);
}

static void test_ofd__owner_is_the_open_file(void **state)
{
	struct world *world = *state;
	struct vfs_task *task = world->task;
	struct vfs_flock lock = {.type = F_WRLCK};
	int a = open_f(world), b = open_f(world);
	int dup = check_fd(vfs_dup(task, a));

	check_ok(lock_cmd(task, a, F_OFD_SETLK, F_WRLCK, 0, 10));
	check_eq(lock_cmd(task, b, F_OFD_SETLK, F_RDLCK, 5, 1), -EAGAIN);
	/* and against the locks of the same task's table */
	check_eq(set(task, a, F_RDLCK, 9, 1), -EAGAIN);
	check_ok(set(task, a, F_WRLCK, 10, 10));
	check_eq(lock_cmd(task, a, F_OFD_SETLK, F_WRLCK, 10, 1), -EAGAIN);
	check_ok(vfs_fcntl_lock(task, b, F_OFD_GETLK, &lock));
	check_eq(lock.pid, -1);
	check_eq(lock.start, 0);
	check_eq(lock.len, 10);
	/* F_OFD_GETLK of F_UNLCK asks for what the file itself has */
	lock = (struct vfs_flock){.type = F_UNLCK, .start = 4, .len = 1};
	check_ok(vfs_fcntl_lock(task, dup, F_OFD_GETLK, &lock));
	check_eq(lock.type, F_WRLCK);
	check_eq(lock.len, 10);
	lock = (struct vfs_flock){.type = F_UNLCK};
	check_ok(vfs_fcntl_lock(task, b, F_OFD_GETLK, &lock));
	check_eq(lock.type, F_UNLCK);
	check_ok(vfs_close(task, a));
	check_eq(lock_cmd(task, b, F_OFD_SETLK, F_RDLCK, 5, 1), -EAGAIN);
	check_ok(vfs_close(task, dup));
	check_ok(lock_cmd(task, b, F_OFD_SETLK, F_WRLCK, 0, 0));
}

static void test_kinds__are_independent(void **state)
{
	struct world *world = *state;
	struct vfs_task *task = world->task;
	int fd = open_f(world), ofd;
	struct vfs_task *other = other_task(world, &ofd);

	check_ok(vfs_flock(task, fd, LOCK_EX));
	check_ok(set(other, ofd, F_WRLCK, 0, 0));
	check_eq(vfs_flock(other, ofd, LOCK_SH | LOCK_NB), -EWOULDBLOCK);
	check_ok(vfs_flock(task, fd, LOCK_UN));
	check_ok(vfs_flock(other, ofd, LOCK_EX | LOCK_NB));
	vfs_task_unref(other);
}

static void test_posix__works_on_pipes_and_directories(void **state)
{
	struct world *world = *state;
	struct vfs_task *task = world->task;
	int dir = check_fd(vfs_open(task, "/", O_RDONLY, 0));
	int p[2];

	check_ok(vfs_pipe(task, p));
	check_ok(set(task, dir, F_RDLCK, 0, 0));
	check_eq(set(task, dir, F_WRLCK, 0, 0), -EBADF);
	check_ok(set(task, p[0], F_RDLCK, 0, 0));
	check_ok(set(task, p[1], F_WRLCK, 0, 0));
	check_ok(vfs_flock(task, p[0], LOCK_EX | LOCK_NB));
	check_eq(vfs_flock(task, p[1], LOCK_EX | LOCK_NB), -EWOULDBLOCK);
}

/* ---- memory ---- */

static void test_memory__unlocking_needs_none(void **state)
{
	struct world *world = *state;
	struct vfs_task *task = world->task;
	int fd = open_f(world), ofd;
	struct vfs_task *other = other_task(world, &ofd);

	check_ok(set(task, fd, F_WRLCK, 0, 100));
	test_alloc_fail(&world->alloc, 1, UINT64_MAX);
	check_ok(set(task, fd, F_UNLCK, 0, 10));
	check_ok(set(task, fd, F_UNLCK, 90, 10));
	check_ok(set(task, fd, F_UNLCK, 0, 0));
	check_ok(vfs_flock(task, fd, LOCK_UN));
	check_ok(vfs_close(task, fd));
	test_alloc_heal(&world->alloc);
	check_free(other, ofd, 0, 0);
	vfs_task_unref(other);
}

/* A lock that could not be set has changed nothing. */
static void test_memory__every_failure(void **state)
{
	struct world *world = *state;
	struct vfs_task *task = world->task;
	int fd = open_f(world), ofd;
	struct vfs_task *other = other_task(world, &ofd);
	uint64_t nth = 1, failed = 1;

	for (; failed; nth++) {
		int posix, whole, ofile;

		test_alloc_fail(&world->alloc, nth, 1);
		posix = set(task, fd, F_WRLCK, 10, 10);
		whole = vfs_flock(task, fd, LOCK_EX);
		ofile = lock_cmd(task, fd, F_OFD_SETLK, F_RDLCK, 0, 5);
		failed = test_alloc_heal(&world->alloc);
		assert_true(!posix || posix == -ENOLCK || posix == -ENOMEM);
		assert_true(!ofile || ofile == -ENOLCK || ofile == -ENOMEM);
		assert_true(!whole || whole == -ENOMEM);
		check_eq(set(other, ofd, F_WRLCK, 12, 1), posix ? 0 : -EAGAIN);
		check_eq(set(other, ofd, F_WRLCK, 4, 1), ofile ? 0 : -EAGAIN);
		check_eq(vfs_flock(other, ofd, LOCK_SH | LOCK_NB),
			 whole ? 0 : -EWOULDBLOCK);
		check_ok(set(other, ofd, F_UNLCK, 0, 0));
		check_ok(vfs_flock(other, ofd, LOCK_UN));
		check_ok(vfs_close(task, fd));
		fd = open_f(world);
	}
	vfs_task_unref(other);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		world_test(test_flock__shared_and_exclusive),
		world_test(test_flock__follows_the_open_file),
		world_test(test_flock__failed_conversion_loses_the_lock),
		world_test(test_flock__errors),
		world_test(test_posix__split_and_merge),
		world_test(test_posix__overlap_of_many),
		world_test(test_posix__whence_and_negative_length),
		world_test(test_posix__ends_of_the_range),
		world_test(test_posix__errors),
		world_test(test_posix__owner_is_the_table),
		world_test(test_posix__any_close_drops_them),
		world_test(test_ofd__owner_is_the_open_file),
		world_test(test_kinds__are_independent),
		world_test(test_posix__works_on_pipes_and_directories),
		world_test(test_memory__unlocking_needs_none),
		world_test(test_memory__every_failure),
	};

	return cmocka_run_group_tests(tests, NULL, NULL) ? 1 : 0;
}
