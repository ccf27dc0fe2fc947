/* SPDX-License-Identifier: MIT */
/* access and its forms. */
#include <unistd.h>

#include "support/check.h"

static struct vfs_task *make_task(struct world *w, uint32_t uid, uint32_t fsuid,
				  uint64_t effective, uint64_t permitted)
{
	const struct vfs_cred_spec spec = {
		.size = sizeof(spec),
		.uid = uid,
		.gid = uid,
		.fsuid = fsuid,
		.fsgid = fsuid,
		.cap_effective = effective,
		.cap_permitted = permitted,
	};
	struct vfs_cred *cred;
	struct vfs_task *task;

	check_ok(vfs_cred_create(w->vfs, &spec, &cred));
	check_ok(vfs_task_create(w->vfs, cred, &task));
	vfs_cred_unref(cred);
	return task;
}

static void test_access__modes(void **state)
{
	struct world *w = *state;
	struct vfs_task *u = w->user;

	put_file(w->task, "/f", "");
	for (uint32_t bits = 0; bits < 8; bits++) {
		check_ok(vfs_chmod(w->task, "/f", bits));
		for (uint32_t asked = 0; asked < 8; asked++)
			check_eq(vfs_access(u, "/f", (int)asked),
				 asked & ~bits ? -EACCES : 0);
	}
	/* the first class that fits decides: here the owner's */
	check_ok(vfs_chown(w->task, "/f", 1000, 1000));
	check_ok(vfs_chmod(w->task, "/f", 0077));
	check_eq(vfs_access(u, "/f", R_OK), -EACCES);
	check_ok(vfs_access(u, "/f", F_OK));
	check_ok(vfs_chown(w->task, "/f", 0, 1000));
	check_ok(vfs_chmod(w->task, "/f", 0707));
	check_eq(vfs_access(u, "/f", R_OK), -EACCES);
	check_ok(vfs_chmod(w->task, "/f", 0040));
	check_ok(vfs_access(u, "/f", R_OK));
}

static void test_access__root(void **state)
{
	struct world *w = *state;

	put_file(w->task, "/f", "");
	check_ok(vfs_mkdir(w->task, "/d", 0));
	check_ok(vfs_mkfifo(w->task, "/p", 0));
	check_ok(vfs_chmod(w->task, "/f", 0));
	check_ok(vfs_access(w->task, "/f", R_OK | W_OK));
	/* nobody executes what has no x bit at all */
	check_eq(vfs_access(w->task, "/f", X_OK), -EACCES);
	check_eq(vfs_access(w->task, "/p", X_OK), -EACCES);
	check_ok(vfs_access(w->task, "/d", R_OK | W_OK | X_OK));
	check_ok(vfs_chmod(w->task, "/f", 0001));
	check_ok(vfs_access(w->task, "/f", R_OK | W_OK | X_OK));
}

static void test_access__real_ids(void **state)
{
	struct world *w = *state;
	/* a set-user-id program: real 1000, acting as 0 with everything */
	struct vfs_task *suid = make_task(w, 1000, 0, VFS_CAP_ALL, VFS_CAP_ALL);
	/* root that acts as 1000 */
	struct vfs_task *acting = make_task(w, 0, 1000, 0, VFS_CAP_ALL);

	put_file(w->task, "/f", "");
	check_ok(vfs_chmod(w->task, "/f", 0600));
	check_eq(vfs_access(suid, "/f", R_OK), -EACCES);
	check_eq(vfs_faccessat(suid, AT_FDCWD, "/f", R_OK), -EACCES);
	check_ok(vfs_faccessat2(suid, AT_FDCWD, "/f", R_OK, AT_EACCESS));
	check_ok(vfs_access(acting, "/f", R_OK));
	check_eq(vfs_faccessat2(acting, AT_FDCWD, "/f", R_OK, AT_EACCESS),
		 -EACCES);
	/* the way there is walked as the same person */
	check_ok(vfs_mkdir(w->task, "/closed", 0700));
	put_file(w->task, "/closed/f", "");
	check_eq(vfs_access(suid, "/closed/f", F_OK), -EACCES);
	check_ok(vfs_faccessat2(suid, AT_FDCWD, "/closed/f", F_OK, AT_EACCESS));
	check_ok(vfs_access(acting, "/closed/f", F_OK));
	vfs_task_unref(suid);
	vfs_task_unref(acting);
}

static void test_access__capabilities(void **state)
{
	struct world *w = *state;
	const uint64_t search = UINT64_C(1) << VFS_CAP_DAC_READ_SEARCH;
	/* access() of a real user other than 0 has no capabilities */
	struct vfs_task *t = make_task(w, 1000, 1000, search, search);

	put_file(w->task, "/f", "");
	check_ok(vfs_mkdir(w->task, "/d", 0));
	check_ok(vfs_chmod(w->task, "/f", 0111));
	check_eq(vfs_access(t, "/f", R_OK), -EACCES);
	check_ok(vfs_faccessat2(t, AT_FDCWD, "/f", R_OK, AT_EACCESS));
	check_eq(vfs_faccessat2(t, AT_FDCWD, "/f", R_OK | X_OK, AT_EACCESS),
		 -EACCES);
	check_eq(vfs_faccessat2(t, AT_FDCWD, "/f", W_OK, AT_EACCESS), -EACCES);
	check_ok(vfs_faccessat2(t, AT_FDCWD, "/d", R_OK | X_OK, AT_EACCESS));
	check_eq(vfs_faccessat2(t, AT_FDCWD, "/d", W_OK, AT_EACCESS), -EACCES);
	vfs_task_unref(t);
}

static void test_access__places(void **state)
{
	struct world *w = *state;
	struct vfs_task *t = w->task;
	int fd, o_path;

	put_file(t, "/f", "");
	check_ok(vfs_symlink(t, "f", "/l"));
	check_ok(vfs_symlink(t, "none", "/dangling"));
	check_ok(vfs_chmod(t, "/f", 0));
	fd = check_fd(vfs_open(t, "/f", O_RDONLY, 0));
	o_path = check_fd(vfs_open(t, "/f", O_PATH, 0));
	check_eq(vfs_access(w->user, "/l", R_OK), -EACCES);
	check_ok(vfs_faccessat2(w->user, AT_FDCWD, "/l", R_OK | W_OK | X_OK,
				AT_SYMLINK_NOFOLLOW));
	check_eq(vfs_access(t, "/dangling", F_OK), -ENOENT);
	check_ok(vfs_faccessat2(t, AT_FDCWD, "/dangling", F_OK,
				AT_SYMLINK_NOFOLLOW));
	check_ok(vfs_faccessat2(t, fd, "", R_OK, AT_EMPTY_PATH));
	check_ok(vfs_faccessat2(t, o_path, "", R_OK, AT_EMPTY_PATH));
	check_eq(vfs_faccessat2(t, fd, NULL, R_OK, AT_EMPTY_PATH), -EFAULT);
	check_eq(vfs_faccessat2(t, 99, "", R_OK, AT_EMPTY_PATH), -EBADF);
	check_eq(vfs_faccessat(t, 99, "f", R_OK), -EBADF);
	check_ok(vfs_faccessat(t, 99, "/f", R_OK));
	check_eq(vfs_access(t, "/none", 8), -EINVAL);
	check_eq(vfs_access(t, "/f", -1), -EINVAL);
	check_eq(vfs_faccessat2(t, AT_FDCWD, "/none", F_OK, 1), -EINVAL);
	check_eq(vfs_access(t, "", F_OK), -ENOENT);
	check_eq(vfs_access(t, NULL, F_OK), -EFAULT);
	check_eq(vfs_access(NULL, "/f", F_OK), -EFAULT);
}

static void test_access__slow_walk(void **state)
{
	const struct vfs_config config = {
		.size = sizeof(config),
		.flags = VFS_CONFIG_SLOW_WALK,
	};
	struct world w;
	struct vfs_stat st;

	(void)state;
	check_ok(world_open(&w, &config));
	check_ok(vfs_mkdir(w.task, "/d", 0755));
	put_file(w.task, "/d/f", "abc");
	check_ok(vfs_access(w.user, "/d/f", R_OK));
	check_eq(vfs_access(w.user, "/d/f", W_OK), -EACCES);
	check_eq(vfs_access(w.user, "/d/none", W_OK), -ENOENT);
	check_ok(vfs_stat(w.user, "/d/f", &st));
	check_eq(st.size, 3);
	assert_true(world_close(&w));
}

static void test_access__read_only(void **state)
{
	const struct vfs_config config = {
		.size = sizeof(config),
		.root_options = "ro,mode=0755",
	};
	struct world w;

	(void)state;
	check_ok(world_open(&w, &config));
	check_eq(vfs_access(w.task, "/", W_OK), -EROFS);
	/* a read-only file system says so before permissions are asked */
	check_eq(vfs_access(w.user, "/", W_OK), -EROFS);
	check_ok(vfs_access(w.user, "/", R_OK | X_OK));
	assert_true(world_close(&w));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		world_test(test_access__modes),
		world_test(test_access__root),
		world_test(test_access__real_ids),
		world_test(test_access__capabilities),
		world_test(test_access__places),
		cmocka_unit_test(test_access__slow_walk),
		cmocka_unit_test(test_access__read_only),
	};

	return cmocka_run_group_tests(tests, NULL, NULL) ? 1 : 0;
}
