/* SPDX-License-Identifier: MIT */
/* Crossing mounts: the public calls on a tree of two file systems that the
 * core's own functions put together. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <vfs/vfs.h>

#include "core/task.h"
#include "core/walk.h"

struct tree {
	struct vfs *vfs;
	struct vfs_task *task;
	struct vfs_mount *mnt;
};

static void tree_create(struct tree *t, uint32_t flags)
{
	struct vfs_config config = {.size = sizeof(config), .flags = flags};
	struct vfs_mount_args args = {.size = sizeof(args)};
	struct vfs__thread *self;
	struct vfs_super *super;
	struct vfs_dentry *root;
	struct vfs__path at;

	assert_int_equal(vfs_create(&config, &t->vfs), 0);
	assert_int_equal(vfs_task_create(t->vfs, NULL, &t->task), 0);
	assert_int_equal(vfs_mkdir(t->task, "/m", 0755), 0);
	assert_int_equal(vfs_mkdir(t->task, "/m/covered", 0755), 0);
	self = vfs__self(t->vfs);
	assert_int_equal(vfs__super_create(self, t->vfs,
					   vfs__type_find(t->vfs, "tmpfs"),
					   &args, &super, &root),
			 0);
	assert_int_equal(
		vfs__mount_create(self, t->vfs, super, root, 0, &t->mnt), 0);
	assert_int_equal(
		vfs__path_lookup(self, t->task, AT_FDCWD, "/m", 0, &at), 0);
	assert_int_equal(vfs__mount_attach(self, t->vfs, t->mnt, &at), 0);
	vfs__path_unref(self, &at);
}

static void tree_destroy(struct tree *t)
{
	struct vfs__thread *self = vfs__self(t->vfs);
	struct vfs_stat st;

	assert_int_equal(vfs_chdir(t->task, "/"), 0);
	vfs__mount_detach(self, t->vfs, t->mnt);
	assert_int_equal(vfs_stat(t->task, "/m/covered", &st), 0);
	assert_int_equal(vfs_stat(t->task, "/m/inside", &st), -ENOENT);
	assert_int_equal(vfs__refs_sum(&t->mnt->refs, VFS__REFS_USERS), 0);
	vfs__mount_destroy(self, t->vfs, t->mnt);
	vfs_task_unref(t->task);
	vfs_unref(t->vfs);
}

static void check_crossing(uint32_t flags)
{
	struct tree t;
	struct vfs_stat above, top, inside, up;
	char path[64];

	tree_create(&t, flags);
	assert_int_equal(vfs_mkdir(t.task, "/m/inside", 0755), 0);
	assert_int_equal(vfs_stat(t.task, "/", &above), 0);
	assert_int_equal(vfs_stat(t.task, "/m", &top), 0);
	assert_int_equal(vfs_stat(t.task, "/m/inside", &inside), 0);
	assert_true(top.dev != above.dev && top.dev == inside.dev);
	assert_true(top.mnt_id != above.mnt_id);
	/* what is below the mount point is covered */
	assert_int_equal(vfs_stat(t.task, "/m/covered", &up), -ENOENT);
	/* `..` climbs out again, and a path leads back */
	assert_int_equal(vfs_stat(t.task, "/m/inside/../..", &up), 0);
	assert_true(up.dev == above.dev && up.ino == above.ino);
	assert_int_equal(vfs_chdir(t.task, "/m/inside"), 0);
	assert_int_equal(vfs_getcwd(t.task, path, sizeof(path)), 10);
	assert_string_equal(path, "/m/inside");
	assert_int_equal(vfs_stat(t.task, "../../m", &up), 0);
	assert_true(up.dev == top.dev && up.ino == top.ino);
	/* two file systems share no names, and a mount point stays */
	assert_int_equal(vfs_rename(t.task, "/m/inside", "/x"), -EXDEV);
	assert_int_equal(vfs_rmdir(t.task, "/m"), -EBUSY);
	assert_int_equal(vfs_rename(t.task, "/m", "/n"), -EBUSY);
	tree_destroy(&t);
}

static void test_mount__crossing_fast(void **state)
{
	(void)state;
	check_crossing(0);
}

static void test_mount__crossing_slow(void **state)
{
	(void)state;
	check_crossing(VFS_CONFIG_SLOW_WALK);
}

static void test_mount__no_xdev(void **state)
{
	struct vfs_open_how how = {.flags = O_RDONLY, .resolve = 0x01};
	struct tree t;

	(void)state;
	tree_create(&t, 0);
	assert_int_equal(vfs_openat2(t.task, AT_FDCWD, "/m", &how, sizeof(how)),
			 -EXDEV);
	assert_int_equal(vfs_mkdir(t.task, "/m/inside", 0755), 0);
	assert_int_equal(vfs_chdir(t.task, "/m/inside"), 0);
	assert_int_equal(
		vfs_openat2(t.task, AT_FDCWD, "../..", &how, sizeof(how)),
		-EXDEV);
	tree_destroy(&t);
}

/* Watches end with the file system, whoever holds the queue. */
static void test_mount__watches_are_told(void **state)
{
	struct {
		int32_t wd;
		uint32_t mask, cookie, len;
	} event;
	static const struct {
		int32_t wd;
		uint32_t mask;
	} expected[] = {{3, VFS_IN_UNMOUNT},
			{3, VFS_IN_IGNORED},
			{2, VFS_IN_UNMOUNT},
			{2, VFS_IN_IGNORED}};
	struct vfs_task *task;
	struct tree t;
	struct vfs *vfs;
	int fd;

	(void)state;
	tree_create(&t, 0);
	assert_int_equal(vfs_mkdir(t.task, "/m/inside", 0755), 0);
	assert_int_equal(vfs_task_create(t.vfs, NULL, &task), 0);
	fd = vfs_inotify_init1(task, O_NONBLOCK);
	assert_true(fd >= 0);
	assert_int_equal(vfs_inotify_add_watch(task, fd, "/", VFS_IN_OPEN), 1);
	assert_int_equal(vfs_inotify_add_watch(task, fd, "/m", VFS_IN_OPEN), 2);
	assert_int_equal(
		vfs_inotify_add_watch(task, fd, "/m/inside", VFS_IN_OPEN), 3);
	vfs = vfs_ref(t.vfs);
	tree_destroy(&t);
	for (int i = 0; i < 4; i++) {
		assert_int_equal(vfs_read(task, fd, &event, 16), 16);
		assert_int_equal(event.wd, expected[i].wd);
		assert_int_equal(event.mask, expected[i].mask);
	}
	assert_int_equal(vfs_read(task, fd, &event, 16), -EAGAIN);
	assert_int_equal(vfs_inotify_rm_watch(task, fd, 2), -EINVAL);
	assert_int_equal(vfs_inotify_rm_watch(task, fd, 1), 0);
	vfs_task_unref(task);
	vfs_unref(vfs);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_mount__crossing_fast),
		cmocka_unit_test(test_mount__crossing_slow),
		cmocka_unit_test(test_mount__no_xdev),
		cmocka_unit_test(test_mount__watches_are_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL) ? 1 : 0;
}
