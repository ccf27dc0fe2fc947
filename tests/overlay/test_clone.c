/* SPDX-License-Identifier: MIT */
/* vfs_layer_clone: what a copy is, what is left to the long way, and that what
 * fails leaves nothing. */
#include <stdlib.h>
#include <sys/mount.h>
#include <unistd.h>

#include <vfs/sys/layer.h>

#include "support/check.h"

#define NAME "trusted.x"

/* A task for layers, and in it the file /a/from and the directory /b. */
struct places {
	struct vfs_task *task;
	struct vfs_layer_clone order;
};

static void open_places(struct world *w, struct places *p)
{
	const struct vfs_layer_clone order = {
		.size = sizeof(order),
		.name = "to",
	};

	check_ok(vfs_layer_task_create(w->vfs, w->task, &p->task));
	p->order = order;
	p->order.dirfd =
		vfs_layer_open(p->task, w->task, AT_FDCWD, "/b", 0, -1);
	check_fd(p->order.dirfd);
	p->order.from =
		vfs_layer_open(p->task, w->task, AT_FDCWD, "/a/from", 0, -1);
	check_fd(p->order.from);
}

static void prepare(struct world *w, struct places *p)
{
	static const struct vfs_timespec times[2] = {{100, 1, 0}, {200, 2, 0}};

	check_ok(vfs_mkdir(w->task, "/a", 0755));
	check_ok(vfs_mkdir(w->task, "/b", 0755));
	check_ok(vfs_mount(w->task, "a", "/a", "tmpfs", 0, NULL));
	check_ok(vfs_mount(w->task, "b", "/b", "tmpfs", 0, "nr_inodes=3"));
	put_file(w->task, "/a/from", "text");
	check_ok(vfs_chown(w->task, "/a/from", 7, 8));
	check_ok(vfs_chmod(w->task, "/a/from", 06741));
	check_ok(vfs_utimensat(w->task, AT_FDCWD, "/a/from", times, 0));
	open_places(w, p);
}

static void finish(struct places *p)
{
	vfs_task_unref(p->task);
}

static int refused(struct places *p)
{
	struct vfs_layer_clone before = p->order;
	int err = vfs_layer_clone(p->task, &p->order);

	assert_memory_equal(&before, &p->order, sizeof(before));
	return err;
}

static void check_nothing(struct world *w)
{
	struct vfs_statfs fs;
	struct vfs_stat st;

	check_eq(vfs_stat(w->task, "/b/to", &st), -ENOENT);
	check_ok(vfs_statfs(w->task, "/b", &fs));
	check_eq(fs.files - fs.ffree, 1);
}

static int remount_read_only(struct world *w)
{
	return vfs_mount(w->task, NULL, "/b", NULL, MS_REMOUNT | MS_RDONLY,
			 NULL);
}

/* Of the copy, and of nothing but its name. */
static void check_descriptor(struct world *w, struct places *p)
{
	struct vfs_stat st;
	char byte;

	check_eq(vfs_pwrite(p->task, p->order.fd, "T", 1, 0), -EBADF);
	check_eq(vfs_pread(p->task, p->order.fd, &byte, 1, 0), -EBADF);
	check_eq(vfs_fcntl(p->task, p->order.fd, F_GETFL, 0), O_PATH);
	check_ok(vfs_fstat(p->task, p->order.fd, &st));
	check_eq(st.ino, p->order.st.ino);
	/* no writer is left */
	check_ok(remount_read_only(w));
	check_ok(vfs_mount(w->task, NULL, "/b", NULL, MS_REMOUNT, NULL));
}

static void test_copy(void **state)
{
	struct world *w = *state;
	struct vfs_stat dir, before, st;
	struct places p;
	char value[8];

	prepare(w, &p);
	check_ok(vfs_stat(w->task, "/a/from", &before));
	check_ok(vfs_stat(w->task, "/b", &dir));
	p.order.xattr = NAME;
	p.order.value = "val";
	p.order.value_size = 3;
	check_ok(vfs_layer_clone(p.task, &p.order));
	check_ok(vfs_stat(w->task, "/b/to", &st));
	check_eq(st.mode, S_IFREG | 06741);
	check_eq(st.uid, 7);
	check_eq(st.gid, 8);
	check_eq(st.nlink, 1);
	check_eq(st.size, 4);
	check_eq(st.blocks, before.blocks);
	check_eq(st.atime.sec, 100);
	check_eq(st.atime.nsec, 1);
	check_eq(st.mtime.sec, 200);
	check_eq(st.mtime.nsec, 2);
	assert_true(st.ctime.sec > 200);
	check_eq(p.order.st.ino, st.ino);
	check_eq(p.order.st.size, 4);
	check_eq(p.order.st.mode, st.mode);
	check_file(w->task, "/b/to", "text");
	check_eq(vfs_getxattr(w->task, "/b/to", NAME, value, sizeof(value)), 3);
	check_ok(vfs_stat(w->task, "/b", &st));
	check_eq(st.mtime.sec, dir.mtime.sec);
	check_eq(st.mtime.nsec, dir.mtime.nsec);
	check_descriptor(w, &p);
	check_file(w->task, "/b/to", "text");
	check_eq(refused(&p), -EEXIST);
	finish(&p);
}

/* Open for as long as it is wanted. */
static void test_open_copy(void **state)
{
	struct world *w = *state;
	struct vfs_stat st;
	struct places p;

	prepare(w, &p);
	p.order.open = 1;
	check_ok(vfs_layer_clone(p.task, &p.order));
	check_eq(vfs_pwrite(p.task, p.order.fd, "T", 1, 0), 1);
	check_file(w->task, "/b/to", "Text");
	check_file(w->task, "/a/from", "text");
	check_eq(remount_read_only(w), -EBUSY);
	check_ok(vfs_layer_settle(p.task, p.order.fd));
	check_descriptor(w, &p);
	check_ok(vfs_fstat(p.task, p.order.fd, &st));
	check_eq(st.size, 4);
	check_eq(vfs_layer_settle(p.task, p.order.fd), -EINVAL);
	check_eq(vfs_layer_settle(p.task, p.order.from), -EINVAL);
	check_eq(vfs_layer_settle(p.task, 99), -EBADF);
	check_eq(vfs_layer_settle(NULL, p.order.fd), -EFAULT);
	finish(&p);
}

static void test_copy_is_shared(void **state)
{
	struct world *w = *state;
	static char page[3 * 4096 + 5];
	char *text = malloc(sizeof(page));
	struct places p;
	int fd;

	assert_non_null(text);
	memset(page, 'x', sizeof(page));
	prepare(w, &p);
	fd = check_fd(vfs_open(w->task, "/a/from", O_WRONLY, 0));
	check_eq(vfs_write(w->task, fd, page, sizeof(page)), sizeof(page));
	p.order.open = 1;
	check_ok(vfs_layer_clone(p.task, &p.order));
	/* whoever writes has one of its own from then on */
	check_eq(vfs_pwrite(w->task, fd, "y", 1, 4096), 1);
	check_eq(vfs_pread(p.task, p.order.fd, text, sizeof(page), 0),
		 sizeof(page));
	assert_memory_equal(text, page, sizeof(page));
	check_ok(vfs_close(w->task, fd));
	free(text);
	finish(&p);
}

static void test_without_data(void **state)
{
	struct world *w = *state;
	struct places p;

	prepare(w, &p);
	p.order.empty = 1;
	check_ok(vfs_layer_clone(p.task, &p.order));
	check_eq(p.order.st.size, 0);
	check_file(w->task, "/b/to", "");
	finish(&p);
}

static void test_names(void **state)
{
	struct world *w = *state;
	struct places p;
	char name[300];

	prepare(w, &p);
	for (size_t i = 0; i < 5; i++) {
		static const char *const bad[] = {"", ".", "..", "a/b", "a/"};

		p.order.name = bad[i];
		check_eq(refused(&p), -EINVAL);
	}
	memset(name, 'n', sizeof(name));
	name[sizeof(name) - 1] = '\0';
	p.order.name = name;
	check_eq(refused(&p), -ENAMETOOLONG);
	name[255] = '\0';
	check_ok(vfs_layer_clone(p.task, &p.order));
	finish(&p);
}

static void test_nonsense(void **state)
{
	struct world *w = *state;
	struct places p;
	int dirfd;

	prepare(w, &p);
	check_eq(vfs_layer_clone(NULL, &p.order), -EFAULT);
	check_eq(vfs_layer_clone(p.task, NULL), -EFAULT);
	p.order.size--;
	check_eq(refused(&p), -EINVAL);
	p.order.size++;
	dirfd = p.order.dirfd;
	p.order.dirfd = 99;
	check_eq(refused(&p), -EBADF);
	p.order.dirfd = p.order.from;
	check_eq(refused(&p), -ENOTDIR);
	p.order.from = dirfd;
	p.order.dirfd = dirfd;
	check_eq(refused(&p), -EOPNOTSUPP);
	p.order.from = 99;
	check_eq(refused(&p), -EBADF);
	p.order.name = NULL;
	check_eq(refused(&p), -EFAULT);
	finish(&p);
}

/* What is not as simple, each made simple again. */
static void test_long_way(void **state)
{
	struct world *w = *state;
	struct places p;
	uint32_t flags = 0x80; /* FS_NOATIME_FL */
	int fd;

	prepare(w, &p);
	check_ok(vfs_link(w->task, "/a/from", "/a/other"));
	check_eq(refused(&p), -EOPNOTSUPP);
	check_ok(vfs_unlink(w->task, "/a/other"));

	fd = check_fd(vfs_open(w->task, "/a/from", O_RDWR, 0));
	check_ok(vfs_ftruncate(w->task, fd, 3 * 4096));
	check_eq(refused(&p), -EOPNOTSUPP);
	check_nothing(w);
	check_ok(vfs_ftruncate(w->task, fd, (5 << 20)));
	check_ok(vfs_fallocate(w->task, fd, 0, 0, 5 << 20));
	check_eq(refused(&p), -EOPNOTSUPP);
	check_nothing(w);
	check_ok(vfs_ftruncate(w->task, fd, 4));
	check_ok(vfs_ioctl(w->task, fd, 0x40086602, &flags));
	check_eq(refused(&p), -EOPNOTSUPP);
	flags = 0;
	check_ok(vfs_ioctl(w->task, fd, 0x40086602, &flags));

	check_ok(vfs_fsetxattr(w->task, fd, "user.a", "b", 1, 0));
	check_eq(refused(&p), -EOPNOTSUPP);
	check_nothing(w);
	check_ok(vfs_close(w->task, fd));
	finish(&p);
}

/* By who may not do everything. */
static void test_mounter(void **state)
{
	struct world *w = *state;
	struct vfs_task *own;
	struct places p;

	prepare(w, &p);
	own = p.task;
	check_ok(vfs_layer_task_create(w->vfs, w->user, &p.task));
	p.order.dirfd = vfs_layer_open(p.task, w->task, AT_FDCWD, "/b", 0, -1);
	p.order.from =
		vfs_layer_open(p.task, w->task, AT_FDCWD, "/a/from", 0, -1);
	check_eq(refused(&p), -EOPNOTSUPP);
	finish(&p);
	p.task = own;
	finish(&p);
}

static void test_read_only(void **state)
{
	struct world *w = *state;
	struct places p;

	prepare(w, &p);
	p.order.dirfd = vfs_layer_open(p.task, w->task, AT_FDCWD, "/b",
				       VFS_LAYER_READONLY, -1);
	check_eq(refused(&p), -EROFS);
	check_nothing(w);
	finish(&p);
}

static void test_no_room(void **state)
{
	struct world *w = *state;
	struct places p;

	prepare(w, &p);
	put_file(w->task, "/b/1", "");
	put_file(w->task, "/b/2", "");
	check_eq(refused(&p), -ENOSPC);
	check_ok(vfs_unlink(w->task, "/b/1"));
	check_ok(vfs_layer_clone(p.task, &p.order));
	finish(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		world_test(test_copy),	    world_test(test_copy_is_shared),
		world_test(test_open_copy), world_test(test_without_data),
		world_test(test_names),	    world_test(test_nonsense),
		world_test(test_long_way),  world_test(test_mounter),
		world_test(test_read_only), world_test(test_no_room),
	};

	return cmocka_run_group_tests_name("overlay-clone", tests, NULL, NULL);
}
