/* SPDX-License-Identifier: MIT */
/* mount(2) and its relatives: what a script for the oracle cannot ask. */
#include <linux/mount.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <time.h>

#include "support/check.h"

#ifndef AT_RECURSIVE
#define AT_RECURSIVE 0x8000
#endif

static void mount_tmpfs(struct world *w, const char *at)
{
	check_ok(vfs_mkdir(w->task, at, 0755));
	check_ok(vfs_mount(w->task, "t", at, "tmpfs", 0, NULL));
}

static void test_mount__expires_when_not_used(void **state)
{
	struct world *w = *state;
	struct vfs_stat st;

	mount_tmpfs(w, "/m");
	check_ok(vfs_mkdir(w->task, "/m/d", 0755));
	check_eq(vfs_umount2(w->task, "/m", MNT_EXPIRE), -EAGAIN);
	check_ok(vfs_stat(w->task, "/m/d", &st));
	check_eq(vfs_umount2(w->task, "/m", MNT_EXPIRE), -EAGAIN);
	check_ok(vfs_umount2(w->task, "/m", MNT_EXPIRE));
	check_eq(vfs_stat(w->task, "/m/d", &st), -ENOENT);
}

static void test_mount__options_are_told_to_the_log(void **state)
{
	struct world *w = *state;

	check_ok(vfs_mkdir(w->task, "/m", 0755));
	check_eq(vfs_mount(w->task, "t", "/m", "tmpfs", 0, "size=1m,bogus"),
		 -EINVAL);
	assert_non_null(strstr(w->log, "bogus"));
	check_eq(vfs_rmdir(w->task, "/m"), 0);
}

static void test_mount__clone_flags(void **state)
{
	struct world *w = *state;
	struct vfs_task *other;
	struct vfs_stat st;

	check_eq(
		vfs_task_clone(w->task, VFS_CLONE_FS | VFS_CLONE_NEWNS, &other),
		-EINVAL);
	check_eq(vfs_task_clone(w->user, VFS_CLONE_NEWNS, &other), -EPERM);
	check_ok(vfs_task_clone(w->task, VFS_CLONE_NEWNS | VFS_CLONE_FILES,
				&other));
	mount_tmpfs(w, "/m");
	put_file(w->task, "/m/f", "");
	check_eq(vfs_stat(other, "/m/f", &st), -ENOENT);
	vfs_task_unref(other);
}

static void test_mount__new_tasks_begin_in_the_first_namespace(void **state)
{
	struct world *w = *state;
	struct vfs_task *other;
	struct vfs_stat st;
	char cwd[8];

	check_ok(vfs_mkdir(w->task, "/below", 0755));
	/* over the root: who comes later sees it */
	check_ok(vfs_mount(w->task, "t", "/", "tmpfs", 0, NULL));
	check_ok(vfs_stat(w->task, "/below", &st));
	check_ok(vfs_task_create(w->vfs, NULL, &other));
	check_eq(vfs_stat(other, "/below", &st), -ENOENT);
	check_eq(vfs_getcwd(other, cwd, sizeof(cwd)), 2);
	vfs_task_unref(other);
	check_ok(vfs_umount2(w->task, "/..", 0));
}

static void test_mount__open_namespace(void **state)
{
	struct world *w = *state;
	struct vfs_task *other;
	struct vfs_stat a, b;
	int fd, again;

	check_eq(vfs_open_namespace(w->task, NULL, VFS_CLONE_NEWNS, 0),
		 -EFAULT);
	check_eq(vfs_open_namespace(w->task, w->task, VFS_CLONE_FS, 0),
		 -EINVAL);
	check_eq(vfs_open_namespace(w->task, w->task, VFS_CLONE_NEWNS, O_RDWR),
		 -EINVAL);
	check_ok(vfs_task_clone(w->task, VFS_CLONE_NEWNS, &other));
	fd = vfs_open_namespace(w->task, other, VFS_CLONE_NEWNS, O_CLOEXEC);
	assert_true(fd >= 0);
	again = vfs_open_namespace(w->task, other, VFS_CLONE_NEWNS, 0);
	assert_true(again >= 0);
	check_eq(vfs_fcntl(w->task, fd, F_GETFD, 0), FD_CLOEXEC);
	check_ok(vfs_fstat(w->task, fd, &a));
	check_ok(vfs_fstat(w->task, again, &b));
	assert_true(a.ino == b.ino && a.dev == b.dev);
	/* the descriptor keeps it */
	vfs_task_unref(other);
	check_ok(vfs_close(w->task, again));
	check_ok(vfs_setns(w->task, fd, 0));
	mount_tmpfs(w, "/m");
	check_ok(vfs_close(w->task, fd));
	check_eq(vfs_setns(w->task, fd, 0), -EBADF);
}

static void test_mount__mountinfo(void **state)
{
	struct world *w = *state;
	char text[512];
	int64_t len;

	mount_tmpfs(w, "/m");
	len = vfs_mountinfo(w->task, VFS_MOUNTINFO_SHORT, NULL, 0);
	assert_true(len > 0);
	check_eq(vfs_mountinfo(w->task, VFS_MOUNTINFO_SHORT, text, (size_t)len),
		 -ERANGE);
	check_eq(vfs_mountinfo(w->task, VFS_MOUNTINFO_SHORT, text,
			       (size_t)len + 1),
		 len);
	assert_string_equal(text, "none / tmpfs rw,relatime 0 0\n"
				  "t /m tmpfs rw,relatime 0 0\n");
	check_eq(vfs_mountinfo(w->task, 2, text, sizeof(text)), -EINVAL);
	check_eq(vfs_mountinfo(w->task, 0, NULL, 1), -EFAULT);
	check_eq(vfs_mountinfo(NULL, 0, NULL, 0), -EFAULT);
}

static void test_mount__requests_grow(void **state)
{
	struct {
		struct vfs_mnt_id_req req;
		uint64_t more;
	} large = {.req = {.size = sizeof(large), .mnt_id = VFS_LSMT_ROOT}};
	struct world *w = *state;
	struct vfs_statmount sm;
	uint64_t ids[4];

	check_eq(vfs_listmount(w->task, &large.req, ids, 4, 0), 1);
	large.more = 1;
	check_eq(vfs_listmount(w->task, &large.req, ids, 4, 0), -E2BIG);
	large.req.size = 24;
	check_eq(vfs_listmount(w->task, &large.req, ids, 4, 0), 1);
	large.req.size = 16;
	check_eq(vfs_listmount(w->task, &large.req, ids, 4, 0), -EINVAL);
	large.req.size = 24;
	large.req.mnt_id = 999;
	check_eq(vfs_listmount(w->task, &large.req, ids, 4, 0), -ENOENT);
	check_eq(vfs_statmount(w->task, &large.req, &sm, sizeof(sm), 0),
		 -ENOENT);
	check_eq(vfs_statmount(w->task, &large.req, NULL, 0, 0), -EFAULT);
	check_eq(vfs_statmount(w->task, NULL, &sm, sizeof(sm), 0), -EFAULT);
	large.req.mnt_id = VFS_LSMT_ROOT;
	check_eq(vfs_listmount(w->task, &large.req, NULL, 1, 0), -EFAULT);
	check_eq(vfs_listmount(w->task, NULL, ids, 4, 0), -EFAULT);
	check_eq(vfs_listmount(w->task, &large.req, ids, 1000001, 0),
		 -EOVERFLOW);
	large.req.zero = 1;
	check_eq(vfs_listmount(w->task, &large.req, ids, 4, 0), -EINVAL);
}

static void test_mount__context_has_no_messages(void **state)
{
	struct world *w = *state;
	char b[16];
	int fd = vfs_fsopen(w->task, "tmpfs", FSOPEN_CLOEXEC);

	assert_true(fd >= 0);
	check_eq(vfs_read(w->task, fd, b, sizeof(b)), -ENODATA);
	check_eq(vfs_fsconfig(w->task, fd, FSCONFIG_SET_STRING, "source", "s",
			      0),
		 0);
	check_eq(vfs_fsconfig(w->task, fd, FSCONFIG_SET_FD, "x", NULL, fd),
		 -EINVAL);
	check_ok(vfs_close(w->task, fd));
}

static void test_mount__fsmount_may_be_tried_again(void **state)
{
	struct world *w = *state;
	const struct vfs_rlimit none = {1, 1024}, some = {16, 1024};
	int fd = check_fd(vfs_fsopen(w->task, "tmpfs", 0));

	check_ok(vfs_fsconfig(w->task, fd, FSCONFIG_CMD_CREATE, NULL, NULL, 0));
	check_ok(vfs_setrlimit(w->task, RLIMIT_NOFILE, &none));
	check_eq(vfs_fsmount(w->task, fd, 0, 0), -EMFILE);
	check_ok(vfs_setrlimit(w->task, RLIMIT_NOFILE, &some));
	check_fd(vfs_fsmount(w->task, fd, 0, 0));
	check_eq(vfs_fsmount(w->task, fd, 0, 0), -EBUSY);
}

static void test_mount__descriptors_without_a_task(void **state)
{
	struct vfs_mount_attr attr = {.attr_set = MOUNT_ATTR_RDONLY};
	struct world *w = *state;

	check_eq(vfs_mount(NULL, "a", "/", "tmpfs", 0, NULL), -EFAULT);
	check_eq(vfs_umount(NULL, "/"), -EFAULT);
	check_eq(vfs_umount2(NULL, "/", 0), -EFAULT);
	check_eq(vfs_pivot_root(NULL, "/", "/"), -EFAULT);
	check_eq(vfs_pivot_root(w->task, NULL, "/"), -EFAULT);
	check_eq(vfs_unshare(NULL, 0), -EFAULT);
	check_eq(vfs_setns(NULL, 0, 0), -EFAULT);
	check_eq(vfs_open_tree(NULL, 0, "/", 0), -EFAULT);
	check_eq(vfs_open_tree(w->task, 0, NULL, 0), -EFAULT);
	check_eq(vfs_move_mount(NULL, 0, "/", 0, "/", 0), -EFAULT);
	check_eq(vfs_fsopen(NULL, "tmpfs", 0), -EFAULT);
	check_eq(vfs_fspick(NULL, 0, "/", 0), -EFAULT);
	check_eq(vfs_fsconfig(NULL, 0, 0, NULL, NULL, 0), -EFAULT);
	check_eq(vfs_fsmount(NULL, 0, 0, 0), -EFAULT);
	check_eq(vfs_mount_setattr(NULL, 0, "/", 0, &attr, sizeof(attr)),
		 -EFAULT);
	check_eq(vfs_mount_setattr(w->task, AT_FDCWD, "/", 0, NULL,
				   sizeof(attr)),
		 -EFAULT);
	check_eq(vfs_statmount(NULL, NULL, NULL, 0, 0), -EFAULT);
	check_eq(vfs_listmount(NULL, NULL, NULL, 0, 0), -EFAULT);
}

/* Read-only while somebody waits to write, many times over. */
static void test_mount__read_only_counts_writers(void **state)
{
	struct world *w = *state;
	int fd;

	mount_tmpfs(w, "/m");
	fd = vfs_open(w->task, "/m/f", O_CREAT | O_RDWR, 0644);
	assert_true(fd >= 0);
	check_eq(vfs_mount(w->task, NULL, "/m", NULL,
			   MS_REMOUNT | MS_BIND | MS_RDONLY, NULL),
		 -EBUSY);
	check_eq(vfs_mount(w->task, NULL, "/m", NULL, MS_REMOUNT | MS_RDONLY,
			   NULL),
		 -EBUSY);
	check_eq(vfs_write(w->task, fd, "x", 1), 1);
	check_ok(vfs_close(w->task, fd));
	check_ok(vfs_mount(w->task, NULL, "/m", NULL,
			   MS_REMOUNT | MS_BIND | MS_RDONLY, NULL));
	check_eq(vfs_open(w->task, "/m/f", O_RDWR, 0), -EROFS);
	check_eq(vfs_utimensat(w->task, AT_FDCWD, "/m/f", NULL, 0), -EROFS);
	check_eq(vfs_access(w->task, "/m/f", W_OK), -EROFS);
}

/* Atime of a file after a while and a read of one byte. */
static int64_t read_later(struct vfs_task *task, int fd, bool at_position)
{
	struct timespec pause = {0, 20000000};
	struct vfs_stat st;
	char byte;

	nanosleep(&pause, NULL);
	if (at_position)
		check_eq(vfs_read(task, fd, &byte, 1), 1);
	else
		check_eq(vfs_pread(task, fd, &byte, 1, 0), 1);
	check_ok(vfs_fstat(task, fd, &st));
	return st.atime.sec * INT64_C(1000000000) + st.atime.nsec;
}

/* By the host's clock: with another one every read takes the long way. */
static void test_mount__strictatime_is_for_open_files_too(void **state)
{
	struct vfs_task *task;
	struct vfs *vfs;
	int64_t first, second;
	int fd;

	(void)state;
	check_ok(vfs_create(NULL, &vfs));
	check_ok(vfs_task_create(vfs, NULL, &task));
	put_file(task, "/f", "text");
	fd = vfs_open(task, "/f", O_RDONLY, 0);
	first = read_later(task, fd, false);
	check_eq(read_later(task, fd, false), first);
	check_eq(read_later(task, fd, true), first);
	check_ok(vfs_mount(task, NULL, "/", NULL,
			   MS_REMOUNT | MS_BIND | MS_STRICTATIME, NULL));
	second = read_later(task, fd, false);
	assert_true(second > first);
	assert_true(read_later(task, fd, true) > second);
	vfs_task_unref(task);
	vfs_unref(vfs);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		world_test(test_mount__expires_when_not_used),
		world_test(test_mount__options_are_told_to_the_log),
		world_test(test_mount__clone_flags),
		world_test(test_mount__new_tasks_begin_in_the_first_namespace),
		world_test(test_mount__open_namespace),
		world_test(test_mount__mountinfo),
		world_test(test_mount__requests_grow),
		world_test(test_mount__context_has_no_messages),
		world_test(test_mount__fsmount_may_be_tried_again),
		world_test(test_mount__descriptors_without_a_task),
		world_test(test_mount__read_only_counts_writers),
		cmocka_unit_test(test_mount__strictatime_is_for_open_files_too),
	};

	return cmocka_run_group_tests(tests, NULL, NULL) ? 1 : 0;
}
