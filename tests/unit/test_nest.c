/* SPDX-License-Identifier: MIT */
/* Calls inside calls: they are one to who made it. */
#include <unistd.h>
#include <vfs/sys/backend.h>

#include "core/instance.h"
#include "support/check.h"
#include "util/time.h"

static void check_time(const struct vfs_timespec *is,
		       const struct vfs_timespec *wanted)
{
	check_eq(is->sec, wanted->sec);
	check_eq(is->nsec, wanted->nsec);
}

/* Longer than the host's clock takes for a step. */
static void wait_a_moment(void)
{
	usleep(30000);
}

/* A call has one time, and what it calls inside has the same; by the straight
 * ways, too. */
static void test_nest__one_time(void **state)
{
	const struct vfs_config config = {.size = sizeof(config)};
	struct vfs_timespec before, after;
	struct vfs__thread *thread;
	struct vfs_nesting outer;
	struct vfs_task *task;
	struct vfs_stat st;
	struct vfs *vfs;
	char byte;
	int fd;

	(void)state;
	check_ok(vfs_create(&config, &vfs));
	check_ok(vfs_task_create(vfs, NULL, &task));
	fd = check_fd(vfs_open(task, "/f", O_CREAT | O_RDWR, 0644));
	check_eq(vfs_write(task, fd, "bytes", 5), 5);
	wait_a_moment();
	check_ok(vfs_fstat(task, fd, &st));
	thread = vfs__self(vfs);
	thread->now_valid = false;
	/* as in an operation */
	vfs_now(vfs, &before);
	vfs_nest_begin(vfs, &outer);
	wait_a_moment();
	check_eq(vfs_pread(task, fd, &byte, 1, 0), 1);
	check_ok(vfs_fstat(task, fd, &st));
	vfs_nest_end(vfs, &outer);
	vfs_now(vfs, &after);
	check_time(&after, &before);
	check_eq(thread->now_packed, vfs__time_pack(&before));
	check_time(&st.atime, &before);
	vfs_task_unref(task);
	vfs_unref(vfs);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nest__one_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL) ? 1 : 0;
}
