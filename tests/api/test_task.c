/* SPDX-License-Identifier: MIT */
/* Tasks: what a clone shares, credentials, limits, interruption. */
#include <pthread.h>
#include <sys/resource.h>

#include "support/check.h"

static void test_task__new(void **state)
{
	struct world *w = *state;
	struct vfs_task *t;
	char path[8];

	check_ok(vfs_task_create(w->vfs, NULL, &t));
	check_eq(vfs_umask(t, 022), 022);
	check_eq(vfs_getcwd(t, path, 8), 2);
	check_eq(vfs_close(t, 0), -EBADF);
	assert_ptr_equal(vfs_task_instance(t), w->vfs);
	assert_int_not_equal(vfs_task_id(t), vfs_task_id(w->task));
	assert_true(vfs_task_id(t) > 0);
	check_eq(vfs_task_id(NULL), 0);
	assert_null(vfs_task_ref(NULL));
	assert_ptr_equal(vfs_task_ref(t), t);
	vfs_task_unref(t);
	vfs_task_unref(t);
	vfs_task_unref(NULL);
}

static void test_task__clone_copies(void **state)
{
	struct vfs_task *t = ((struct world *)*state)->task;
	struct vfs_task *twin;
	char path[16];
	int fd;

	check_ok(vfs_mkdir(t, "/d", 0755));
	put_file(t, "/f", "0123");
	fd = check_fd(vfs_open(t, "/f", O_RDONLY | O_CLOEXEC, 0));
	check_ok(vfs_chdir(t, "/d"));
	vfs_umask(t, 027);
	check_ok(vfs_task_clone(t, 0, &twin));
	check_eq(vfs_getcwd(twin, path, 16), 3);
	check_eq(vfs_umask(twin, 0), 027);
	check_eq(vfs_umask(t, 0), 027);
	check_eq(vfs_fcntl(twin, fd, F_GETFD, 0), FD_CLOEXEC);
	/* One open file behind both descriptors. */
	check_eq(vfs_lseek(twin, fd, 2, SEEK_SET), 2);
	check_eq(vfs_lseek(t, fd, 0, SEEK_CUR), 2);
	check_ok(vfs_close(twin, fd));
	check_eq(vfs_lseek(t, fd, 0, SEEK_CUR), 2);
	check_ok(vfs_chdir(twin, "/"));
	check_eq(vfs_getcwd(t, path, 16), 3);
	vfs_task_unref(twin);
}

static void test_task__clone_shares(void **state)
{
	struct vfs_task *t = ((struct world *)*state)->task;
	struct vfs_task *twin;
	char path[16];
	int fd;

	check_ok(vfs_mkdir(t, "/d", 0755));
	check_ok(vfs_task_clone(t, VFS_CLONE_FS | VFS_CLONE_FILES, &twin));
	check_ok(vfs_chdir(twin, "/d"));
	check_eq(vfs_getcwd(t, path, 16), 3);
	vfs_umask(t, 077);
	check_eq(vfs_umask(twin, 0), 077);
	fd = check_fd(vfs_open(twin, "/", O_RDONLY, 0));
	check_eq(vfs_fcntl(t, fd, F_GETFD, 0), 0);
	vfs_task_unref(twin);
	check_ok(vfs_close(t, fd));
	check_eq(vfs_task_clone(t, 0x1, &twin), -EINVAL);
	check_eq(vfs_task_clone(t, UINT64_MAX, &twin), -EINVAL);
}

static void test_task__set_cred(void **state)
{
	struct world *w = *state;
	struct vfs_cred *user = vfs_task_cred(w->user), *own;
	struct vfs_stat st;

	assert_non_null(user);
	put_file(w->task, "/secret", "");
	check_ok(vfs_chmod(w->task, "/secret", 0600));
	own = vfs_task_cred(w->task);
	check_ok(vfs_task_set_cred(w->task, user));
	check_eq(vfs_open(w->task, "/secret", O_RDONLY, 0), -EACCES);
	check_fd(vfs_open(w->task, "/mine", O_CREAT | O_RDWR, 0644));
	check_ok(vfs_stat(w->task, "/mine", &st));
	check_eq(st.uid, 1000);
	check_eq(st.gid, 1000);
	check_ok(vfs_task_set_cred(w->task, own));
	check_fd(vfs_open(w->task, "/secret", O_RDONLY, 0));
	vfs_cred_unref(own);
	vfs_cred_unref(user);
	assert_null(vfs_task_cred(NULL));
}

static void test_task__foreign_cred(void **state)
{
	struct world *w = *state, other;
	struct vfs_cred *cred;
	struct vfs_task *t = NULL;

	check_ok(world_open(&other, NULL));
	cred = vfs_task_cred(other.user);
	check_eq(vfs_task_set_cred(w->task, cred), -EINVAL);
	check_eq(vfs_task_create(w->vfs, cred, &t), -EINVAL);
	assert_null(t);
	vfs_cred_unref(cred);
	assert_true(world_close(&other));
}

static void test_task__limits(void **state)
{
	struct world *w = *state;
	struct vfs_rlimit limit;

	check_ok(vfs_getrlimit(w->user, RLIMIT_FSIZE, &limit));
	check_eq(limit.cur == VFS_RLIM_INFINITY, 1);
	limit = (struct vfs_rlimit){.cur = 5, .max = 10};
	check_ok(vfs_setrlimit(w->user, RLIMIT_FSIZE, &limit));
	check_ok(vfs_getrlimit(w->user, RLIMIT_FSIZE, &limit));
	check_eq(limit.cur, 5);
	check_eq(limit.max, 10);
	limit.cur = 11;
	check_eq(vfs_setrlimit(w->user, RLIMIT_FSIZE, &limit), -EINVAL);
	limit.max = 11;
	check_eq(vfs_setrlimit(w->user, RLIMIT_FSIZE, &limit), -EPERM);
	check_ok(vfs_setrlimit(w->task, RLIMIT_FSIZE, &limit));
	check_eq(vfs_getrlimit(w->task, RLIMIT_STACK, &limit), -EINVAL);
	check_eq(vfs_getrlimit(w->task, -1, &limit), -EINVAL);
	limit = (struct vfs_rlimit){.cur = 1, .max = UINT64_C(1) << 40};
	check_eq(vfs_setrlimit(w->task, RLIMIT_NOFILE, &limit), -EPERM);
}

static void *interrupt_soon(void *argument)
{
	/* Until the reader has returned, which may not have begun yet. */
	struct world *w = argument;

	while (!__atomic_load_n(&w->log[0], __ATOMIC_ACQUIRE))
		vfs_task_interrupt(w->task);
	return NULL;
}

static void test_task__interrupt(void **state)
{
	struct world *w = *state;
	pthread_t thread;
	char byte;
	int fds[2];

	check_ok(vfs_pipe(w->task, fds));
	/* Nothing was blocked: the next call is not affected. */
	check_ok(vfs_task_interrupt(w->task));
	check_eq(vfs_write(w->task, fds[1], "x", 1), 1);
	check_eq(vfs_read(w->task, fds[0], &byte, 1), 1);
	assert_int_equal(pthread_create(&thread, NULL, interrupt_soon, w), 0);
	int64_t result = vfs_read(w->task, fds[0], &byte, 1);

	__atomic_store_n(&w->log[0], 1, __ATOMIC_RELEASE);
	pthread_join(thread, NULL);
	check_eq(result, -EINTR);
}

static void test_task__end_closes_files(void **state)
{
	struct world *w = *state;
	struct vfs_task *t;
	struct vfs_statfs before, after;

	put_file(w->task, "/f", "some data");
	check_ok(vfs_statfs(w->task, "/", &before));
	check_ok(vfs_task_clone(w->task, 0, &t));
	check_fd(vfs_open(t, "/f", O_RDONLY, 0));
	check_ok(vfs_unlink(t, "/f"));
	check_ok(vfs_statfs(w->task, "/", &after));
	check_eq(after.ffree, before.ffree);
	vfs_task_unref(t);
	check_ok(vfs_statfs(w->task, "/", &after));
	check_eq(after.ffree, before.ffree + 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		world_test(test_task__new),
		world_test(test_task__clone_copies),
		world_test(test_task__clone_shares),
		world_test(test_task__set_cred),
		world_test(test_task__foreign_cred),
		world_test(test_task__limits),
		world_test(test_task__interrupt),
		world_test(test_task__end_closes_files),
	};

	return cmocka_run_group_tests(tests, NULL, NULL) ? 1 : 0;
}
