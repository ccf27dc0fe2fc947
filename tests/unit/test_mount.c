/* SPDX-License-Identifier: MIT */
/* Mounts from the inside: how long they live, and who counts. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>

#include <cmocka.h>
#include <vfs/vfs.h>

#include "core/mountinfo.h"
#include "core/namespace.h"
#include "core/walk.h"
#include "support/check.h"

static unsigned supers(struct vfs *vfs)
{
	unsigned n = 0;

	VFS__LIST_EACH (at, &vfs->mounts.supers)
		n++;
	return n;
}

static void check_crossing(struct world *w)
{
	struct vfs_stat above, top, inside, up;
	char path[64];

	check_ok(vfs_mkdir(w->task, "/m", 0755));
	check_ok(vfs_mkdir(w->task, "/m/covered", 0755));
	check_ok(vfs_mount(w->task, "s", "/m", "tmpfs", 0, NULL));
	check_ok(vfs_mkdir(w->task, "/m/inside", 0755));
	check_ok(vfs_stat(w->task, "/", &above));
	check_ok(vfs_stat(w->task, "/m", &top));
	check_ok(vfs_stat(w->task, "/m/inside", &inside));
	assert_true(top.dev != above.dev && top.dev == inside.dev);
	assert_true(top.mnt_id != above.mnt_id);
	/* what is below the mount point is covered */
	check_eq(vfs_stat(w->task, "/m/covered", &up), -ENOENT);
	/* `..` climbs out again, and a path leads back */
	check_ok(vfs_stat(w->task, "/m/inside/../..", &up));
	assert_true(up.dev == above.dev && up.ino == above.ino);
	check_ok(vfs_chdir(w->task, "/m/inside"));
	check_eq(vfs_getcwd(w->task, path, sizeof(path)), 10);
	assert_string_equal(path, "/m/inside");
	check_ok(vfs_stat(w->task, "../../m", &up));
	assert_true(up.dev == top.dev && up.ino == top.ino);
	check_eq(vfs_rename(w->task, "/m/inside", "/x"), -EXDEV);
	check_eq(vfs_rmdir(w->task, "/m"), -EBUSY);
	check_eq(vfs_rename(w->task, "/m", "/n"), -EBUSY);
	check_eq(vfs_umount(w->task, "/m"), -EBUSY);
	check_ok(vfs_chdir(w->task, "/"));
	check_ok(vfs_umount(w->task, "/m"));
	check_ok(vfs_stat(w->task, "/m/covered", &up));
}

static void test_mount__crossing_fast(void **state)
{
	check_crossing(*state);
}

static void test_mount__crossing_slow(void **state)
{
	struct world *w = *state;

	w->vfs->flags |= VFS_CONFIG_SLOW_WALK;
	check_crossing(w);
}

static void test_mount__lazy_lives_while_used(void **state)
{
	struct world *w = *state;
	unsigned before = supers(w->vfs);
	int fd;

	check_ok(vfs_mkdir(w->task, "/m", 0755));
	check_ok(vfs_mount(w->task, "s", "/m", "tmpfs", 0, NULL));
	put_file(w->task, "/m/f", "text");
	fd = vfs_open(w->task, "/m/f", O_RDWR, 0);
	assert_true(fd >= 0);
	check_eq(vfs_umount(w->task, "/m"), -EBUSY);
	check_ok(vfs_umount2(w->task, "/m", MNT_DETACH));
	check_eq(supers(w->vfs), before + 1);
	check_eq(vfs_write(w->task, fd, "more", 4), 4);
	check_ok(vfs_close(w->task, fd));
	check_eq(supers(w->vfs), before);
	check_ok(vfs_rmdir(w->task, "/m"));
}

static void test_mount__many_in_one_tree(void **state)
{
	struct world *w = *state;
	uint64_t chains = w->vfs->mounts.table->mask;
	char path[32];
	struct vfs_stat st;

	check_ok(vfs_mkdir(w->task, "/src", 0755));
	for (int i = 0; i < 1000; i++) {
		snprintf(path, sizeof(path), "/d%d", i);
		check_ok(vfs_mkdir(w->task, path, 0755));
		check_ok(vfs_mount(w->task, "/src", path, NULL, MS_BIND, NULL));
	}
	assert_true(w->vfs->mounts.table->mask > chains);
	check_ok(vfs_mkdir(w->task, "/src/x", 0755));
	for (int i = 0; i < 1000; i++) {
		snprintf(path, sizeof(path), "/d%d/x", i);
		check_ok(vfs_stat(w->task, path, &st));
		snprintf(path, sizeof(path), "/d%d", i);
		check_ok(vfs_umount(w->task, path));
	}
	check_eq(w->vfs->mounts.count, 1);
}

static void test_mount__namespace_ends_with_its_task(void **state)
{
	struct world *w = *state;
	unsigned before = supers(w->vfs);
	struct vfs_task *other;

	check_ok(vfs_mkdir(w->task, "/m", 0755));
	check_ok(vfs_task_clone(w->task, VFS_CLONE_NEWNS, &other));
	check_ok(vfs_mount(other, "s", "/m", "tmpfs", 0, NULL));
	put_file(other, "/m/f", "text");
	check_eq(supers(w->vfs), before + 1);
	vfs_task_unref(other);
	check_eq(supers(w->vfs), before);
	check_ok(vfs_rmdir(w->task, "/m"));
}

static void test_mount__limit(void **state)
{
	struct world *w = *state;

	check_ok(vfs_mkdir(w->task, "/m", 0755));
	w->vfs->mounts.max = w->vfs->root_ns->count + 1;
	check_ok(vfs_mount(w->task, "/m", "/m", NULL, MS_BIND, NULL));
	check_eq(vfs_mount(w->task, "/m", "/m", NULL, MS_BIND, NULL), -ENOSPC);
	check_eq(vfs_mount(w->task, "t", "/m", "tmpfs", 0, NULL), -ENOSPC);
	check_ok(vfs_umount(w->task, "/m"));
}

/* What is on a mount without execution is not mapped for it either; a mapping
 * keeps its mount busy. */
static void test_mount__mappings(void **state)
{
	struct world *w = *state;
	void *at = NULL;
	int fd;

	check_ok(vfs_mkdir(w->task, "/m", 0755));
	check_ok(vfs_mount(w->task, "s", "/m", "tmpfs", 0, NULL));
	fd = check_fd(vfs_open(w->task, "/m/f", O_CREAT | O_RDWR, 0755));
	check_ok(vfs_ftruncate(w->task, fd, 4096));
	check_ok(vfs_mmap(w->task, NULL, 4096, PROT_READ | PROT_EXEC,
			  MAP_PRIVATE, fd, 0, &at));
	check_ok(vfs_munmap(w->task, at, 4096));
	check_ok(vfs_mount(w->task, NULL, "/m", NULL,
			   MS_REMOUNT | MS_BIND | MS_NOEXEC, NULL));
	check_eq(vfs_mmap(w->task, NULL, 4096, PROT_READ | PROT_EXEC,
			  MAP_PRIVATE, fd, 0, &at),
		 -EPERM);
	check_ok(vfs_mmap(w->task, NULL, 4096, PROT_READ, MAP_SHARED, fd, 0,
			  &at));
	check_ok(vfs_close(w->task, fd));
	check_eq(vfs_umount(w->task, "/m"), -EBUSY);
	check_ok(vfs_munmap(w->task, at, 4096));
	check_ok(vfs_umount(w->task, "/m"));
}

/* Watches end with the file system, and a function is told by who unmounts. */
static void count_event(void *context, const struct vfs_watch_event *event)
{
	uint32_t *masks = context;

	*masks |= event->mask;
}

static void test_mount__watches_are_told(void **state)
{
	struct {
		int32_t wd;
		uint32_t mask, cookie, len;
	} event;
	static const struct {
		int32_t wd;
		uint32_t mask;
	} expected[] = {{3, VFS_IN_UNMOUNT | VFS_IN_ISDIR},
			{3, VFS_IN_IGNORED},
			{2, VFS_IN_UNMOUNT | VFS_IN_ISDIR},
			{2, VFS_IN_IGNORED}};
	struct world *w = *state;
	int fd;

	check_ok(vfs_mkdir(w->task, "/m", 0755));
	check_ok(vfs_mount(w->task, "s", "/m", "tmpfs", 0, NULL));
	check_ok(vfs_mkdir(w->task, "/m/inside", 0755));
	fd = check_fd(vfs_inotify_init1(w->task, O_NONBLOCK));
	check_eq(vfs_inotify_add_watch(w->task, fd, "/", VFS_IN_OPEN), 1);
	check_eq(vfs_inotify_add_watch(w->task, fd, "/m", VFS_IN_OPEN), 2);
	check_eq(vfs_inotify_add_watch(w->task, fd, "/m/inside", VFS_IN_OPEN),
		 3);
	check_ok(vfs_umount2(w->task, "/m", 0));
	for (int i = 0; i < 4; i++) {
		check_eq(vfs_read(w->task, fd, &event, 16), 16);
		check_eq(event.wd, expected[i].wd);
		check_eq(event.mask, expected[i].mask);
	}
	check_eq(vfs_read(w->task, fd, &event, 16), -EAGAIN);
	check_eq(vfs_inotify_rm_watch(w->task, fd, 2), -EINVAL);
	check_ok(vfs_inotify_rm_watch(w->task, fd, 1));
}

/* A file system ends for whoever watches with its last mount. */
static void test_mount__binds_tell_nothing(void **state)
{
	uint32_t masks = 0;
	struct vfs_watch_spec spec = {
		.size = sizeof(spec), .event = count_event, .context = &masks};
	struct world *w = *state;
	struct vfs_watch *watch;

	check_ok(vfs_mkdir(w->task, "/m", 0755));
	check_ok(vfs_mount(w->task, "s", "/m", "tmpfs", 0, NULL));
	check_ok(vfs_watch_create(w->vfs, &spec, &watch));
	check_eq(vfs_watch_add(watch, w->task, AT_FDCWD, "/m", VFS_IN_OPEN), 1);
	check_ok(vfs_mount(w->task, "/m", "/m", NULL, MS_BIND, NULL));
	check_ok(vfs_umount(w->task, "/m"));
	check_eq(masks, 0);
	check_ok(vfs_umount(w->task, "/m"));
	check_eq(masks, VFS_IN_UNMOUNT | VFS_IN_ISDIR | VFS_IN_IGNORED);
	check_eq(vfs_watch_remove(watch, 1), -EINVAL);
	vfs_watch_destroy(watch);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		world_test(test_mount__crossing_fast),
		world_test(test_mount__crossing_slow),
		world_test(test_mount__lazy_lives_while_used),
		world_test(test_mount__many_in_one_tree),
		world_test(test_mount__namespace_ends_with_its_task),
		world_test(test_mount__limit),
		world_test(test_mount__mappings),
		world_test(test_mount__watches_are_told),
		world_test(test_mount__binds_tell_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL) ? 1 : 0;
}
