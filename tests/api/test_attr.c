/* SPDX-License-Identifier: MIT */
/* chmod, chown and utimens in all their forms. */
#include "support/check.h"

#define START_SEC 1000000000
#define START_NSEC 500000000
#define SECOND INT64_C(1000000000)
#define SAME UINT32_MAX

static uint32_t mode_of(struct vfs_task *task, const char *path)
{
	struct vfs_stat st;

	check_ok(vfs_lstat(task, path, &st));
	return st.mode & 07777;
}

static void check_owner(struct vfs_task *task, const char *path, uint32_t uid,
			uint32_t gid)
{
	struct vfs_stat st;

	check_ok(vfs_lstat(task, path, &st));
	check_eq(st.uid, uid);
	check_eq(st.gid, gid);
}

/* 1000:1000, also in groups 2000 and 3000. */
static struct vfs_task *member(struct world *w, uint64_t caps)
{
	const uint32_t groups[] = {3000, 2000};
	const struct vfs_cred_spec spec = {
		.size = sizeof(spec),
		.uid = 1000,
		.gid = 1000,
		.fsuid = 1000,
		.fsgid = 1000,
		.groups = groups,
		.group_count = 2,
		.cap_effective = caps,
		.cap_permitted = caps,
	};
	struct vfs_cred *cred;
	struct vfs_task *task;

	check_ok(vfs_cred_create(w->vfs, &spec, &cred));
	check_ok(vfs_task_create(w->vfs, cred, &task));
	vfs_cred_unref(cred);
	return task;
}

/* A file of root's with this owner and mode. */
static void reset(struct world *w, const char *path, uint32_t uid, uint32_t gid,
		  uint32_t mode)
{
	check_ok(vfs_chown(w->task, path, uid, gid));
	check_ok(vfs_chmod(w->task, path, mode));
}

/* ---- chmod ---- */

static void test_attr__chmod(void **state)
{
	struct world *w = *state;
	struct vfs_task *t = w->task;
	int fd;

	put_file(t, "/f", "");
	check_ok(vfs_mkdir(t, "/d", 0755));
	check_ok(vfs_chmod(t, "/f", 07777));
	check_eq(mode_of(t, "/f"), 07777);
	/* bits beyond are ignored, the type stays */
	check_ok(vfs_chmod(t, "/f", 0170644));
	check_eq(mode_of(t, "/f"), 0644);
	check_ok(vfs_chmod(t, "/d/", 01777));
	check_eq(mode_of(t, "/d"), 01777);
	check_eq(vfs_chmod(t, "/f/", 0600), -ENOTDIR);
	fd = check_fd(vfs_open(t, "/f", O_RDONLY, 0));
	check_ok(vfs_fchmod(t, fd, 0604));
	check_eq(mode_of(t, "/f"), 0604);
	check_ok(vfs_fchmodat(t, AT_FDCWD, "f", 0611));
	check_ok(vfs_fchmodat2(t, fd, "", 0622, AT_EMPTY_PATH));
	check_eq(mode_of(t, "/f"), 0622);
	check_eq(vfs_chmod(t, "/none", 0600), -ENOENT);
	check_eq(vfs_chmod(t, NULL, 0600), -EFAULT);
	check_eq(vfs_chmod(NULL, "/f", 0600), -EFAULT);
	check_eq(vfs_fchmod(NULL, fd, 0600), -EFAULT);
	check_eq(vfs_fchmod(t, -1, 0600), -EBADF);
	check_eq(vfs_fchmodat2(t, AT_FDCWD, "/f", 0600, 1), -EINVAL);
	check_eq(vfs_fchmodat2(t, fd, NULL, 0600, AT_EMPTY_PATH), -EFAULT);
}

static void test_attr__chmod_symlink(void **state)
{
	struct world *w = *state;
	struct vfs_task *t = w->task;

	put_file(t, "/f", "");
	check_ok(vfs_symlink(t, "f", "/l"));
	check_ok(vfs_chmod(t, "/l", 0640));
	check_eq(mode_of(t, "/f"), 0640);
	check_eq(vfs_fchmodat2(t, AT_FDCWD, "/l", 0600, AT_SYMLINK_NOFOLLOW),
		 -EOPNOTSUPP);
	check_eq(vfs_fchmodat2(w->user, AT_FDCWD, "/l", 0600,
			       AT_SYMLINK_NOFOLLOW),
		 -EOPNOTSUPP);
	check_ok(vfs_fchmodat2(t, AT_FDCWD, "/f", 0604, AT_SYMLINK_NOFOLLOW));
	check_eq(mode_of(t, "/f"), 0604);
}

static void test_attr__chmod_permission(void **state)
{
	struct world *w = *state;
	struct vfs_task *group = member(w, 0);
	struct vfs_task *fsetid = member(w, UINT64_C(1) << VFS_CAP_FSETID);
	struct vfs_task *fowner = member(w, UINT64_C(1) << VFS_CAP_FOWNER);

	put_file(w->task, "/f", "");
	check_eq(vfs_chmod(w->user, "/f", 0777), -EPERM);
	check_ok(vfs_chmod(fowner, "/f", 0700));
	reset(w, "/f", 1000, 1000, 0);
	check_ok(vfs_chmod(w->user, "/f", 02755));
	check_eq(mode_of(w->task, "/f"), 02755);
	/* setgid for a foreign group is dropped without a word */
	reset(w, "/f", 1000, 2000, 0);
	check_ok(vfs_chmod(w->user, "/f", 06755));
	check_eq(mode_of(w->task, "/f"), 04755);
	check_ok(vfs_chmod(group, "/f", 06755));
	check_eq(mode_of(w->task, "/f"), 06755);
	reset(w, "/f", 1000, 77, 0);
	check_ok(vfs_chmod(group, "/f", 02755));
	check_eq(mode_of(w->task, "/f"), 0755);
	check_ok(vfs_chmod(fsetid, "/f", 02755));
	check_eq(mode_of(w->task, "/f"), 02755);
	vfs_task_unref(group);
	vfs_task_unref(fsetid);
	vfs_task_unref(fowner);
}

/* ---- chown ---- */

static void test_attr__chown(void **state)
{
	struct world *w = *state;
	struct vfs_task *t = w->task;
	int fd, o_path;

	put_file(t, "/f", "");
	check_ok(vfs_symlink(t, "f", "/l"));
	check_ok(vfs_chown(t, "/l", 5, 6));
	check_owner(t, "/f", 5, 6);
	check_owner(t, "/l", 0, 0);
	check_ok(vfs_lchown(t, "/l", 7, 8));
	check_owner(t, "/l", 7, 8);
	check_ok(vfs_chown(t, "/f", SAME, 9));
	check_owner(t, "/f", 5, 9);
	check_ok(vfs_chown(t, "/f", 10, SAME));
	check_owner(t, "/f", 10, 9);
	fd = check_fd(vfs_open(t, "/f", O_RDONLY, 0));
	check_ok(vfs_fchown(t, fd, 11, 12));
	check_owner(t, "/f", 11, 12);
	check_ok(vfs_fchownat(t, fd, "", 13, 14, AT_EMPTY_PATH));
	check_owner(t, "/f", 13, 14);
	check_ok(vfs_fchownat(t, AT_FDCWD, "l", 15, 16, AT_SYMLINK_NOFOLLOW));
	check_owner(t, "/l", 15, 16);
	o_path = check_fd(vfs_open(t, "/f", O_PATH, 0));
	check_eq(vfs_fchown(t, o_path, 1, 1), -EBADF);
	check_eq(vfs_fchmod(t, o_path, 0600), -EBADF);
	check_ok(vfs_fchownat(t, o_path, "", 17, 18, AT_EMPTY_PATH));
	check_owner(t, "/f", 17, 18);
	check_eq(vfs_fchown(t, -1, 1, 1), -EBADF);
	check_eq(vfs_fchownat(t, AT_FDCWD, "/f", 1, 1, 1), -EINVAL);
	check_eq(vfs_fchownat(t, fd, NULL, 1, 1, AT_EMPTY_PATH), -EFAULT);
	check_eq(vfs_chown(t, "/none", 1, 1), -ENOENT);
	check_eq(vfs_chown(NULL, "/f", 1, 1), -EFAULT);
}

static void test_attr__chown_permission(void **state)
{
	struct world *w = *state;
	struct vfs_task *group = member(w, 0);
	struct vfs_task *capable = member(w, UINT64_C(1) << VFS_CAP_CHOWN);

	put_file(w->task, "/f", "");
	/* nothing to change: open to anybody */
	check_ok(vfs_chown(w->user, "/f", SAME, SAME));
	check_eq(vfs_chown(w->user, "/f", 0, SAME), -EPERM);
	check_eq(vfs_chown(w->user, "/f", SAME, 1000), -EPERM);
	reset(w, "/f", 1000, 55, 0600);
	check_ok(vfs_chown(w->user, "/f", 1000, 55));
	check_eq(vfs_chown(w->user, "/f", 1001, SAME), -EPERM);
	check_eq(vfs_chown(w->user, "/f", SAME, 2000), -EPERM);
	check_ok(vfs_chown(w->user, "/f", SAME, 1000));
	check_ok(vfs_chown(group, "/f", SAME, 2000));
	check_ok(vfs_chown(group, "/f", 1000, 3000));
	check_owner(w->task, "/f", 1000, 3000);
	check_eq(vfs_chown(group, "/f", 1000, 55), -EPERM);
	check_ok(vfs_chown(capable, "/f", 4, 5));
	check_owner(w->task, "/f", 4, 5);
	vfs_task_unref(group);
	vfs_task_unref(capable);
}

static void test_attr__chown_clears_set_id(void **state)
{
	struct world *w = *state;
	struct vfs_task *group = member(w, 0);
	struct vfs_task *t = w->task;

	put_file(t, "/f", "");
	check_ok(vfs_mkdir(t, "/d", 0755));
	reset(w, "/f", 0, 0, 06755);
	check_ok(vfs_chown(t, "/f", 1, 1));
	check_eq(mode_of(t, "/f"), 0755);
	/* without group-execute setgid means something else, and stays */
	reset(w, "/f", 0, 0, 06745);
	check_ok(vfs_chown(t, "/f", 1, 1));
	check_eq(mode_of(t, "/f"), 02745);
	reset(w, "/f", 0, 0, 06755);
	check_ok(vfs_chown(t, "/f", SAME, SAME));
	check_eq(mode_of(t, "/f"), 0755);
	reset(w, "/d", 0, 0, 06755);
	check_ok(vfs_chown(t, "/d", 1, 1));
	check_eq(mode_of(t, "/d"), 06755);
	/* clearing is a change of mode, which only the owner may make */
	reset(w, "/f", 0, 55, 04755);
	check_eq(vfs_chown(w->user, "/f", SAME, SAME), -EPERM);
	reset(w, "/f", 0, 55, 02745);
	check_eq(vfs_chown(w->user, "/f", SAME, SAME), -EPERM);
	check_eq(mode_of(t, "/f"), 02745);
	/* the owner is in the group, and gives it to another of its own */
	reset(w, "/f", 1000, 1000, 02740);
	check_ok(vfs_chown(group, "/f", SAME, 2000));
	check_eq(mode_of(t, "/f"), 02740);
	/* the owner is not in the group */
	reset(w, "/f", 1000, 55, 02740);
	check_ok(vfs_chown(w->user, "/f", SAME, SAME));
	check_eq(mode_of(t, "/f"), 0740);
	vfs_task_unref(group);
}

static void test_attr__write_clears_set_id(void **state)
{
	struct world *w = *state;
	int fd, root_fd;

	put_file(w->task, "/f", "abc");
	reset(w, "/f", 1000, 1000, 06777);
	fd = check_fd(vfs_open(w->user, "/f", O_RDWR, 0));
	root_fd = check_fd(vfs_open(w->task, "/f", O_RDWR, 0));
	check_eq(vfs_write(w->task, root_fd, "x", 1), 1);
	check_eq(mode_of(w->task, "/f"), 06777);
	check_eq(vfs_write(w->user, fd, "x", 0), 0);
	check_eq(mode_of(w->task, "/f"), 06777);
	check_eq(vfs_write(w->user, fd, "x", 1), 1);
	check_eq(mode_of(w->task, "/f"), 0777);
	reset(w, "/f", 1000, 1000, 06767);
	check_eq(vfs_write(w->user, fd, "x", 1), 1);
	check_eq(mode_of(w->task, "/f"), 02767);
	reset(w, "/f", 1000, 1000, 06777);
	check_ok(vfs_ftruncate(w->user, fd, 1));
	check_eq(mode_of(w->task, "/f"), 0777);
}

/* ---- utimens ---- */

static const struct vfs_timespec now = {0, UTIME_NOW, 0};
static const struct vfs_timespec omit = {0, UTIME_OMIT, 0};

static int set_times(struct vfs_task *task, const char *path,
		     struct vfs_timespec atime, struct vfs_timespec mtime)
{
	const struct vfs_timespec times[2] = {atime, mtime};

	return vfs_utimensat(task, AT_FDCWD, path, times, 0);
}

static void check_times(struct vfs_task *task, const char *path,
			struct vfs_timespec atime, struct vfs_timespec mtime,
			struct vfs_timespec ctime)
{
	struct vfs_stat st;

	check_ok(vfs_lstat(task, path, &st));
	check_eq(st.atime.sec, atime.sec);
	check_eq(st.atime.nsec, atime.nsec);
	check_eq(st.mtime.sec, mtime.sec);
	check_eq(st.mtime.nsec, mtime.nsec);
	check_eq(st.ctime.sec, ctime.sec);
	check_eq(st.ctime.nsec, ctime.nsec);
}

static struct vfs_timespec at(int64_t sec, uint32_t nsec)
{
	return (struct vfs_timespec){sec, nsec, 0};
}

static void test_attr__utimens(void **state)
{
	struct world *w = *state;
	struct vfs_task *t = w->task;
	const struct vfs_timespec one = at(START_SEC + 1, START_NSEC);
	const struct vfs_timespec two = at(START_SEC + 2, START_NSEC);

	put_file(t, "/f", "");
	test_clock_advance(&w->clock, SECOND);
	check_ok(set_times(t, "/f", at(1, 2), at(-3, 999999999)));
	check_times(t, "/f", at(1, 2), at(-3, 999999999), one);
	test_clock_advance(&w->clock, SECOND);
	check_ok(set_times(t, "/f", omit, at(5, 6)));
	check_times(t, "/f", at(1, 2), at(5, 6), two);
	check_ok(set_times(t, "/f", now, omit));
	check_times(t, "/f", two, at(5, 6), two);
	check_ok(vfs_utimensat(t, AT_FDCWD, "/f", NULL, 0));
	check_times(t, "/f", two, two, two);
	check_ok(set_times(t, "/f", at(INT64_MAX - 1, 5), at(INT64_MIN, 6)));
	check_times(t, "/f", at(INT64_MAX - 1, 5), at(INT64_MIN, 0), two);
}

static void test_attr__utimens_places(void **state)
{
	struct world *w = *state;
	struct vfs_task *t = w->task;
	const struct vfs_timespec start = at(START_SEC, START_NSEC);
	const struct vfs_timespec times[2] = {at(1, 1), at(2, 2)};
	int fd, o_path;

	put_file(t, "/f", "");
	check_ok(vfs_symlink(t, "f", "/l"));
	check_ok(vfs_utimensat(t, AT_FDCWD, "/l", times, AT_SYMLINK_NOFOLLOW));
	check_times(t, "/l", at(1, 1), at(2, 2), start);
	check_times(t, "/f", start, start, start);
	fd = check_fd(vfs_open(t, "/f", O_RDONLY, 0));
	check_ok(vfs_futimens(t, fd, times));
	check_times(t, "/f", at(1, 1), at(2, 2), start);
	check_ok(vfs_utimensat(t, fd, NULL, NULL, 0));
	check_times(t, "/f", start, start, start);
	check_ok(vfs_utimensat(t, fd, "", times, AT_EMPTY_PATH));
	check_times(t, "/f", at(1, 1), at(2, 2), start);
	check_eq(vfs_utimensat(t, fd, NULL, NULL, AT_EMPTY_PATH), -EINVAL);
	check_eq(vfs_utimensat(t, AT_FDCWD, NULL, NULL, 0), -EFAULT);
	check_eq(vfs_utimensat(t, -1, NULL, NULL, 0), -EBADF);
	o_path = check_fd(vfs_open(t, "/f", O_PATH, 0));
	check_eq(vfs_futimens(t, o_path, NULL), -EBADF);
	check_ok(vfs_utimensat(t, o_path, "", NULL, AT_EMPTY_PATH));
	check_eq(vfs_utimensat(t, AT_FDCWD, "/none", NULL, 77), -EINVAL);
	check_eq(vfs_utimensat(NULL, AT_FDCWD, "/f", NULL, 0), -EFAULT);
	check_eq(vfs_futimens(NULL, fd, NULL), -EFAULT);
}

static void test_attr__utimens_values(void **state)
{
	struct world *w = *state;
	const struct vfs_timespec omits[2] = {omit, omit};

	put_file(w->task, "/f", "");
	/* nothing to do: nothing is looked at */
	check_ok(vfs_utimensat(w->task, 99, "none", omits, 77));
	check_ok(vfs_futimens(w->task, -1, omits));
	check_eq(set_times(w->task, "/f", at(0, 1000000000), omit), -EINVAL);
	check_eq(set_times(w->task, "/f", now, at(0, UINT32_MAX)), -EINVAL);
	check_eq(set_times(w->task, "/none", at(0, UINT32_MAX), now), -ENOENT);
	check_ok(set_times(w->task, "/f", at(0, 999999999), omit));
}

static void test_attr__utimens_permission(void **state)
{
	struct world *w = *state;
	struct vfs_task *u = w->user;

	put_file(w->task, "/f", "");
	check_eq(vfs_utimensat(u, AT_FDCWD, "/f", NULL, 0), -EACCES);
	check_eq(set_times(u, "/f", now, now), -EACCES);
	check_eq(set_times(u, "/f", now, omit), -EPERM);
	check_eq(set_times(u, "/f", at(1, 1), now), -EPERM);
	check_ok(set_times(u, "/f", omit, omit));
	/* who may write may say "now", but nothing else */
	check_ok(vfs_chmod(w->task, "/f", 0666));
	check_ok(vfs_utimensat(u, AT_FDCWD, "/f", NULL, 0));
	check_ok(set_times(u, "/f", now, now));
	check_eq(set_times(u, "/f", omit, now), -EPERM);
	/* the owner needs no permission */
	reset(w, "/f", 1000, 1000, 0);
	check_ok(vfs_utimensat(u, AT_FDCWD, "/f", NULL, 0));
	check_ok(set_times(u, "/f", at(1, 1), omit));
}

/* ---- read-only ---- */

static void test_attr__read_only(void **state)
{
	const struct vfs_config config = {
		.size = sizeof(config),
		.root_options = "ro,mode=0755",
	};
	struct world w;

	(void)state;
	check_ok(world_open(&w, &config));
	check_eq(vfs_chmod(w.task, "/", 0700), -EROFS);
	check_eq(vfs_chmod(w.user, "/", 0700), -EROFS);
	check_eq(vfs_chown(w.user, "/", SAME, SAME), -EROFS);
	check_eq(vfs_utimensat(w.user, AT_FDCWD, "/", NULL, 0), -EROFS);
	check_eq(vfs_chmod(w.task, "/none", 0700), -ENOENT);
	assert_true(world_close(&w));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		world_test(test_attr__chmod),
		world_test(test_attr__chmod_symlink),
		world_test(test_attr__chmod_permission),
		world_test(test_attr__chown),
		world_test(test_attr__chown_permission),
		world_test(test_attr__chown_clears_set_id),
		world_test(test_attr__write_clears_set_id),
		world_test(test_attr__utimens),
		world_test(test_attr__utimens_places),
		world_test(test_attr__utimens_values),
		world_test(test_attr__utimens_permission),
		cmocka_unit_test(test_attr__read_only),
	};

	return cmocka_run_group_tests(tests, NULL, NULL) ? 1 : 0;
}
