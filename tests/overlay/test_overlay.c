/* SPDX-License-Identifier: MIT */
/* overlay: what is merged, what is written to the layers, and what a mount
 * refuses. The kernel's answers for the same are in tests/oracle. */
#include "layers.h"

#include <stdlib.h>
#include <sys/mman.h>
#include <sys/mount.h>

static void set_own(struct vfs_task *task, const char *path, const char *name,
		    const char *value)
{
	check_ok(vfs_lsetxattr(task, path, name, value, strlen(value), 0));
}

static bool is_whiteout(struct vfs_task *task, const char *path)
{
	struct vfs_stat st;

	return !vfs_lstat(task, path, &st) && S_ISCHR(st.mode) && !st.rdev;
}

/* ---- mounting ---- */

static void test_mount_refuses(void **state)
{
	struct world *w = *state;
	static const struct {
		const char *options;
		int error;
	} cases[] = {
		{NULL, -EINVAL},
		{"lowerdir=/l/bottom", -EINVAL},
		{"upperdir=/l/up,workdir=/l/work", -EINVAL},
		{"lowerdir=l/bottom:/l/top", -EINVAL},
		{"lowerdir=/l/none:/l/top", -ENOENT},
		{"lowerdir=/l/top:/l/bottom/f", -EINVAL},
		{"lowerdir=/l/top,upperdir=/l/up", -EINVAL},
		{ONE ",nonsense", -EINVAL},
		{ONE ",xino=perhaps", -EINVAL},
		{ONE ",nfs_export=on", -EINVAL},
		{ONE ",redirect_dir=on,userxattr", -EINVAL},
		{"lowerdir=/l/bottom,upperdir=/l/up,workdir=/l/up/w", -EINVAL},
		{"lowerdir=/l/bottom,upperdir=/l/up,workdir=/l/up", -EINVAL},
		{"lowerdir=/l/bottom,upperdir=/l/up,workdir=/t/work", -EINVAL},
		{"lowerdir=/l/bottom:/l/bottom/d", -ELOOP},
	};

	make_layers(w->task);
	fill_lower(w->task);
	check_ok(vfs_mkdir(w->task, "/l/up/w", 0755));
	check_ok(vfs_mkdir(w->task, "/t", 0755));
	check_ok(vfs_mount(w->task, "t", "/t", "tmpfs", 0, NULL));
	check_ok(vfs_mkdir(w->task, "/t/work", 0755));
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		if (cases[i].options)
			print_message("%s\n", cases[i].options);
		w->log[0] = '\0';
		check_eq(mount_overlay(w->task, cases[i].options),
			 cases[i].error);
		if (cases[i].error == -EINVAL)
			assert_non_null(strstr(w->log, "overlay"));
	}
	check_eq(mount_overlay(w->user, ONE), -EPERM);
}

/* On a full file system what is there can be read. */
static void test_mount_without_room(void **state)
{
	struct world *w = *state;
	char path[32], *tree;
	int err = 0;

	check_ok(vfs_mkdir(w->task, "/l", 0755));
	check_ok(vfs_mkdir(w->task, "/m", 0755));
	check_ok(vfs_mount(w->task, "t", "/l", "tmpfs", 0, "nr_inodes=16"));
	for (int i = 0; i < 3; i++) {
		static const char *const dirs[] = {"/l/bottom", "/l/up",
						   "/l/work"};

		check_ok(vfs_mkdir(w->task, dirs[i], 0755));
	}
	put_file(w->task, "/l/bottom/f", "lower");
	put_file(w->task, "/l/up/g", "upper");
	for (int i = 0; !err; i++) {
		snprintf(path, sizeof(path), "/l/%d", i);
		err = vfs_mkdir(w->task, path, 0755);
	}
	check_eq(err, -ENOSPC);
	check_ok(mount_overlay(w->task, ONE ",index=on"));
	assert_non_null(strstr(w->log, "read-only"));
	assert_string_equal(names_in(w->task, "/m"), "f g ");
	tree = dump_tree(w->task, "/m");
	assert_non_null(strstr(tree, "lower"));
	assert_non_null(strstr(tree, "upper"));
	free(tree);
	check_eq(vfs_unlink(w->task, "/m/g"), -EROFS);
	check_eq(vfs_chmod(w->task, "/m/f", 0600), -EROFS);
	check_eq(vfs_open(w->task, "/m/g", O_WRONLY, 0), -EROFS);
	check_ok(vfs_rmdir(w->task, "/l/0"));
	check_ok(vfs_rmdir(w->task, "/l/1"));
	check_ok(vfs_rmdir(w->task, "/l/2"));
	check_eq(vfs_mount(w->task, NULL, "/m", NULL, MS_REMOUNT, NULL),
		 -EROFS);
	check_ok(vfs_umount2(w->task, "/m", 0));
	check_ok(mount_overlay(w->task, ONE ",index=on"));
	check_ok(vfs_unlink(w->task, "/m/g"));
	check_ok(vfs_umount2(w->task, "/m", 0));
}

static void test_mount_many_layers(void **state)
{
	struct world *w = *state;
	char *options = calloc(1, 16384), path[32];

	make_layers(w->task);
	strcpy(options, "lowerdir=");
	for (int i = 0; i <= 500; i++) {
		snprintf(path, sizeof(path), "%s/l/%d", i ? ":" : "", i);
		check_ok(vfs_mkdir(w->task, path + (i > 0), 0755));
		if (i == 500)
			check_ok(mount_overlay(w->task, options));
		strcat(options, path);
	}
	check_ok(vfs_umount(w->task, "/m"));
	check_eq(mount_overlay(w->task, options), -EINVAL);
	free(options);
}

static void test_mount_escapes(void **state)
{
	struct world *w = *state;

	make_layers(w->task);
	check_ok(vfs_mkdir(w->task, "/l/a:b", 0755));
	check_ok(vfs_mkdir(w->task, "/l/c,d", 0755));
	put_file(w->task, "/l/a:b/colon", "1");
	put_file(w->task, "/l/c,d/comma", "2");
	check_ok(mount_overlay(w->task, "lowerdir=/l/a\\:b:/l/c\\,d"));
	assert_string_equal(names_in(w->task, "/m"), "colon comma ");
	check_ok(vfs_umount(w->task, "/m"));
	check_ok(mount_overlay(w->task, "lowerdir+=/l/a:b,lowerdir+=/l/top"));
	assert_string_equal(names_in(w->task, "/m"), "colon ");
}

static void test_mount_by_descriptors(void **state)
{
	struct world *w = *state;
	int32_t lower[2];
	struct vfs_overlay_spec spec = {.size = sizeof(spec),
					.lower = lower,
					.lower_count = 2,
					.options = "metacopy=on"};

	make_layers(w->task);
	fill_lower(w->task);
	lower[0] = check_fd(vfs_open(w->task, "/l/top", O_PATH, 0));
	lower[1] = check_fd(
		vfs_open_tree(w->task, AT_FDCWD, "/l/bottom", OPEN_TREE_CLONE));
	spec.upper = check_fd(vfs_open(w->task, "/l/up", O_PATH, 0));
	spec.work = check_fd(vfs_open(w->task, "/l/work", O_PATH, 0));
	check_ok(vfs_overlay_mount(w->task, &spec, "/m", 0));
	vfs_close(w->task, lower[0]);
	vfs_close(w->task, lower[1]);
	vfs_close(w->task, spec.upper);
	vfs_close(w->task, spec.work);
	check_file(w->task, "/m/d/e/deep", "deep");
	put_file(w->task, "/m/new", "new");
	check_file(w->task, "/l/up/new", "new");
	check_eq(vfs_overlay_mount(w->task, NULL, "/m", 0), -EFAULT);
	check_eq(vfs_overlay_mount(w->task, &spec, "/m", 0), -EBADF);
	spec.lower_count = 0;
	check_eq(vfs_overlay_mount(w->task, &spec, "/m", 0), -EINVAL);
}

static void test_layers_are_kept(void **state)
{
	struct world *w = *state;

	make_layers(w->task);
	fill_lower(w->task);
	check_ok(mount_overlay(w->task, ONE));
	/* what is mounted over a layer later is not the layer */
	check_ok(vfs_mount(w->task, "t", "/l", "tmpfs", 0, NULL));
	check_file(w->task, "/m/f", "lower");
	put_file(w->task, "/m/f", "upper");
	check_ok(vfs_umount(w->task, "/l"));
	check_file(w->task, "/l/up/f", "upper");
	check_file(w->task, "/l/bottom/f", "lower");
}

static void test_read_only(void **state)
{
	struct world *w = *state;
	struct vfs_stat st;

	make_layers(w->task);
	fill_lower(w->task);
	put_file(w->task, "/l/top/f", "top");
	check_ok(vfs_mkdir(w->task, "/l/top/d", 0755));
	check_ok(mount_overlay(w->task, "lowerdir=/l/top:/l/bottom"));
	check_file(w->task, "/m/f", "top");
	check_eq(vfs_open(w->task, "/m/f", O_WRONLY, 0), -EROFS);
	check_eq(vfs_mkdir(w->task, "/m/n", 0755), -EROFS);
	check_eq(vfs_unlink(w->task, "/m/f"), -EROFS);
	check_eq(vfs_chmod(w->task, "/m/d", 0700), -EROFS);
	check_ok(vfs_stat(w->task, "/m/d", &st));
	assert_int_equal(st.nlink, 1);
}

static void test_volatile_leftover(void **state)
{
	struct world *w = *state;

	make_layers(w->task);
	check_ok(mount_overlay(w->task, ONE ",volatile"));
	check_ok(vfs_umount(w->task, "/m"));
	assert_true(exists(w->task, "/l/work/work/incompat/volatile"));
	check_eq(mount_overlay(w->task, ONE), -EINVAL);
	check_ok(vfs_unlink(w->task, "/l/work/work/incompat/volatile/dirty"));
	check_ok(vfs_rmdir(w->task, "/l/work/work/incompat/volatile"));
	check_ok(vfs_rmdir(w->task, "/l/work/work/incompat"));
	check_ok(mount_overlay(w->task, ONE));
}

static void test_work_leftovers(void **state)
{
	struct world *w = *state;

	make_layers(w->task);
	check_ok(vfs_mkdir(w->task, "/l/work/work", 0));
	check_ok(vfs_mkdir(w->task, "/l/work/work/#1", 0700));
	put_file(w->task, "/l/work/work/#1/half", "half");
	put_file(w->task, "/l/work/work/#2", "half");
	check_ok(mount_overlay(w->task, ONE));
	assert_string_equal(names_in(w->task, "/l/work/work"), "");
}

/* ---- merging ---- */

static void test_merge(void **state)
{
	struct world *w = *state;

	make_layers(w->task);
	fill_lower(w->task);
	check_ok(vfs_mkdir(w->task, "/l/top/d", 0711));
	put_file(w->task, "/l/top/d/x", "top");
	put_file(w->task, "/l/top/d/y", "why");
	check_ok(vfs_mknod(w->task, "/l/top/f", S_IFCHR, 0));
	check_ok(mount_overlay(w->task, TWO));
	assert_string_equal(names_in(w->task, "/m"), "d one s two ");
	assert_string_equal(names_in(w->task, "/m/d"), "e x y ");
	check_file(w->task, "/m/d/x", "top");
	check_file(w->task, "/m/s", "top");
	check_eq(vfs_open(w->task, "/m/f", O_RDONLY, 0), -ENOENT);
	put_file(w->task, "/m/f", "again");
	check_file(w->task, "/l/up/f", "again");
	/* an opaque directory hides what is below it */
	check_ok(vfs_umount(w->task, "/m"));
	set_own(w->task, "/l/top/d", "trusted.overlay.opaque", "y");
	check_ok(mount_overlay(w->task, TWO));
	assert_string_equal(names_in(w->task, "/m/d"), "x y ");
}

static void test_changes(void **state)
{
	struct world *w = *state;
	char *before, *after;

	make_layers(w->task);
	fill_lower(w->task);
	before = dump_tree(w->task, "/l/bottom");
	check_ok(mount_overlay(w->task, ONE));
	check_ok(vfs_unlink(w->task, "/m/f"));
	assert_true(is_whiteout(w->task, "/l/up/f"));
	check_eq(vfs_rmdir(w->task, "/m/d"), -ENOTEMPTY);
	check_ok(vfs_unlink(w->task, "/m/d/x"));
	check_ok(vfs_unlink(w->task, "/m/d/e/deep"));
	check_ok(vfs_rmdir(w->task, "/m/d/e"));
	check_ok(vfs_rmdir(w->task, "/m/d"));
	assert_true(is_whiteout(w->task, "/l/up/d"));
	check_ok(vfs_mkdir(w->task, "/m/d", 0755));
	check_own(w->task, "/l/up/d", "trusted.overlay.opaque", "y");
	assert_string_equal(names_in(w->task, "/m/d"), "");
	check_ok(vfs_rename(w->task, "/m/one", "/m/d/moved"));
	check_file(w->task, "/m/d/moved", "linked");
	assert_true(is_whiteout(w->task, "/l/up/one"));
	remount(w->task, ONE);
	assert_string_equal(names_in(w->task, "/m"), "d s two ");
	after = dump_tree(w->task, "/l/bottom");
	assert_string_equal(before, after);
	assert_string_equal(names_in(w->task, "/l/work/work"), "");
	free(before);
	free(after);
}

static void test_copy_up(void **state)
{
	struct world *w = *state;
	struct vfs_stat lower, upper;
	int fd;

	make_layers(w->task);
	fill_lower(w->task);
	check_ok(vfs_chown(w->task, "/l/bottom/d/e/deep", 1000, 1000));
	check_ok(vfs_chmod(w->task, "/l/bottom/d/e/deep", 04755));
	check_ok(mount_overlay(w->task, ONE));
	check_ok(vfs_stat(w->task, "/m/d/e/deep", &lower));
	/* a change by its own user, below directories that only root writes */
	check_ok(vfs_chmod(w->task, "/m/d/e", 0755));
	fd = check_fd(vfs_open(w->user, "/m/d/e/deep", O_WRONLY, 0));
	check_eq(vfs_pwrite(w->user, fd, "DEE", 3, 0), 3);
	check_ok(vfs_close(w->user, fd));
	check_file(w->task, "/l/up/d/e/deep", "DEEp");
	check_file(w->task, "/l/bottom/d/e/deep", "deep");
	check_ok(vfs_stat(w->task, "/m/d/e/deep", &upper));
	assert_int_equal(upper.mode, S_IFREG | 0755); /* the write took suid */
	assert_int_equal(upper.uid, 1000);
	assert_int_equal(upper.ino, lower.ino);
	assert_int_equal(upper.dev, lower.dev);
	check_ok(vfs_chmod(w->task, "/m/f", 0600));
	check_own(w->task, "/l/up/f", "user.a", "b");
	assert_int_equal(vfs_lgetxattr(w->task, "/m/f",
				       "trusted.overlay.origin", NULL, 0),
			 -ENODATA);
}

static void test_open_before_copy_up(void **state)
{
	struct world *w = *state;
	char data[8] = "";
	int reader, writer;

	make_layers(w->task);
	fill_lower(w->task);
	check_ok(mount_overlay(w->task, ONE));
	reader = check_fd(vfs_open(w->task, "/m/f", O_RDONLY, 0));
	check_eq(vfs_read(w->task, reader, data, 2), 2);
	writer = check_fd(vfs_open(w->task, "/m/f", O_WRONLY, 0));
	check_eq(vfs_write(w->task, writer, "LOWER", 5), 5);
	check_eq(vfs_read(w->task, reader, data + 2, 5), 3);
	assert_string_equal(data, "loWER");
	check_ok(vfs_unlink(w->task, "/m/f"));
	check_eq(vfs_pread(w->task, reader, data, 5, 0), 5);
	assert_memory_equal(data, "LOWER", 5);
	check_ok(vfs_close(w->task, reader));
	check_ok(vfs_close(w->task, writer));
}

static void test_holes(void **state)
{
	struct world *w = *state;
	struct vfs_stat st;
	int fd;

	make_layers(w->task);
	fd = check_fd(vfs_open(w->task, "/l/bottom/h", O_RDWR | O_CREAT, 0644));
	check_eq(vfs_pwrite(w->task, fd, "end", 3, 1 << 20), 3);
	check_ok(vfs_close(w->task, fd));
	check_ok(mount_overlay(w->task, ONE));
	fd = check_fd(vfs_open(w->task, "/m/h", O_RDWR, 0));
	check_eq(vfs_lseek(w->task, fd, 0, SEEK_DATA), 1 << 20);
	check_ok(vfs_fstat(w->task, fd, &st));
	assert_true(st.size == (1 << 20) + 3 && st.blocks <= 16);
	check_ok(vfs_close(w->task, fd));
	assert_true(exists(w->task, "/l/up/h"));
}

/* ---- features ---- */

static void test_redirect(void **state)
{
	struct world *w = *state;

	make_layers(w->task);
	fill_lower(w->task);
	check_ok(mount_overlay(w->task, ONE));
	check_eq(vfs_rename(w->task, "/m/d", "/m/moved"), -EXDEV);
	remount(w->task, ONE ",redirect_dir=on");
	check_ok(vfs_rename(w->task, "/m/d/e", "/m/d/e2"));
	check_own(w->task, "/l/up/d/e2", "trusted.overlay.redirect", "e");
	check_ok(vfs_rename(w->task, "/m/d/e2", "/m/e3"));
	check_own(w->task, "/l/up/e3", "trusted.overlay.redirect", "/d/e");
	check_file(w->task, "/m/e3/deep", "deep");
	check_ok(vfs_rename(w->task, "/m/d", "/m/moved"));
	remount(w->task, ONE);
	check_file(w->task, "/m/e3/deep", "deep");
	check_file(w->task, "/m/moved/x", "ex");
	assert_string_equal(names_in(w->task, "/m"), "e3 f moved one s two ");
	remount(w->task, ONE ",redirect_dir=nofollow");
	check_eq(vfs_open(w->task, "/m/e3", O_RDONLY, 0), -EPERM);
}

/* A path that a redirect says stops where a directory on the way is opaque. */
static void test_redirect_stops(void **state)
{
	struct world *w = *state;
	struct vfs_task *t = w->task;

	make_layers(t);
	check_ok(vfs_mkdir(t, "/l/bottom/d", 0755));
	check_ok(vfs_mkdir(t, "/l/bottom/d/e", 0755));
	put_file(t, "/l/bottom/d/e/hidden", "");
	check_ok(vfs_mkdir(t, "/l/top/d", 0755));
	check_ok(vfs_setxattr(t, "/l/top/d", "trusted.overlay.opaque", "y", 1,
			      0));
	check_ok(vfs_mkdir(t, "/l/top/d/e", 0755));
	put_file(t, "/l/top/d/e/shown", "");
	check_ok(mount_overlay(t, TWO ",redirect_dir=on"));
	check_ok(vfs_rename(t, "/m/d/e", "/m/e"));
	check_own(t, "/l/up/e", "trusted.overlay.redirect", "/d/e");
	remount(t, TWO ",redirect_dir=on");
	assert_string_equal(names_in(t, "/m/e"), "shown ");
}

static void test_redirect_copy(void **state)
{
	struct world *w = *state;

	make_layers(w->task);
	fill_lower(w->task);
	check_ok(mount_overlay(w->task, ONE ",redirect_dir=copy"));
	check_ok(vfs_rename(w->task, "/m/d", "/m/moved"));
	check_file(w->task, "/l/up/moved/e/deep", "deep");
	check_file(w->task, "/l/up/moved/x", "ex");
	assert_true(is_whiteout(w->task, "/l/up/d"));
	remount(w->task, ONE ",redirect_dir=nofollow");
	assert_string_equal(names_in(w->task, "/m/moved"), "e x ");
}

static void test_redirect_copy_links(void **state)
{
	struct world *w = *state;

	make_layers(w->task);
	fill_lower(w->task);
	check_ok(vfs_link(w->task, "/l/bottom/one", "/l/bottom/d/three"));
	check_ok(vfs_link(w->task, "/l/bottom/one", "/l/bottom/d/e/four"));
	check_ok(mount_overlay(w->task, ONE ",redirect_dir=copy,index=on"));
	/* found, and copied up, by a name elsewhere */
	put_file(w->task, "/m/two", "changed");
	check_ok(vfs_rename(w->task, "/m/d", "/m/moved"));
	check_file(w->task, "/m/moved/three", "changed");
	check_file(w->task, "/l/up/moved/e/four", "changed");
	check_eq(nlink_of(w->task, "/m/one"), 4);
	remount(w->task, ONE ",redirect_dir=nofollow,index=on");
	assert_string_equal(names_in(w->task, "/m/moved"), "e three x ");
	check_eq(nlink_of(w->task, "/m/moved/three"), 4);
}

static void test_device_numbers(void **state)
{
	struct world *w = *state;
	struct vfs_stat root, lower, upper;

	make_layers(w->task);
	check_ok(vfs_mount(w->task, "t", "/l/bottom", "tmpfs", 0, NULL));
	fill_lower(w->task);
	check_ok(mount_overlay(w->task, ONE));
	put_file(w->task, "/m/u", "");
	check_ok(vfs_stat(w->task, "/m", &root));
	check_ok(vfs_stat(w->task, "/m/f", &lower));
	check_ok(vfs_stat(w->task, "/m/u", &upper));
	assert_true(lower.dev != root.dev && upper.dev != root.dev);
	assert_true(lower.dev != upper.dev);
	check_ok(vfs_stat(w->task, "/m/d", &lower));
	assert_int_equal(lower.dev, root.dev);
	remount(w->task, ONE ",xino=on");
	check_ok(vfs_stat(w->task, "/m", &root));
	check_ok(vfs_stat(w->task, "/m/f", &lower));
	check_ok(vfs_stat(w->task, "/m/u", &upper));
	assert_int_equal(lower.dev, root.dev);
	assert_int_equal(upper.dev, root.dev);
	assert_true(lower.ino != upper.ino);
}

static void test_userxattr(void **state)
{
	struct world *w = *state;

	make_layers(w->task);
	fill_lower(w->task);
	check_ok(mount_overlay(w->task, ONE ",userxattr"));
	check_ok(vfs_unlink(w->task, "/m/d/e/deep"));
	check_ok(vfs_rmdir(w->task, "/m/d/e"));
	check_ok(vfs_mkdir(w->task, "/m/d/e", 0755));
	check_own(w->task, "/l/up/d/e", "user.overlay.opaque", "y");
	assert_int_equal(vfs_lgetxattr(w->task, "/m/d/e", "user.overlay.opaque",
				       NULL, 0),
			 -ENODATA);
}

static void test_nested(void **state)
{
	struct world *w = *state;

	make_layers(w->task);
	fill_lower(w->task);
	check_ok(mount_overlay(w->task, ONE));
	check_ok(vfs_unlink(w->task, "/m/f"));
	for (int i = 2; i <= 3; i++) {
		char path[64], options[128];

		snprintf(path, sizeof(path), "/n%d", i);
		check_ok(vfs_mkdir(w->task, path, 0755));
		check_ok(vfs_mount(w->task, "t", path, "tmpfs", 0, NULL));
		snprintf(path, sizeof(path), "/n%d/up", i);
		check_ok(vfs_mkdir(w->task, path, 0755));
		snprintf(path, sizeof(path), "/n%d/work", i);
		check_ok(vfs_mkdir(w->task, path, 0755));
		snprintf(path, sizeof(path), "/m%d", i);
		check_ok(vfs_mkdir(w->task, path, 0755));
		snprintf(options, sizeof(options),
			 "lowerdir=/m%s,upperdir=/n%d/up,workdir=/n%d/work",
			 i > 2 ? "2" : "", i, i);
		check_ok(vfs_mount(w->task, "o", path, "overlay", 0, options));
	}
	check_file(w->task, "/m2/d/e/deep", "deep");
	check_eq(vfs_open(w->task, "/m2/f", O_RDONLY, 0), -ENOENT);
	put_file(w->task, "/m3/d/x", "three");
	check_file(w->task, "/n3/up/d/x", "three");
	check_file(w->task, "/m2/d/x", "ex");
	check_file(w->task, "/m/d/x", "ex");
}

/* Whiteouts and attributes of an overlay that is kept in an overlay. */
static void test_escaped(void **state)
{
	struct world *w = *state;

	make_layers(w->task);
	fill_lower(w->task);
	check_ok(mount_overlay(w->task, ONE));
	set_own(w->task, "/m/d", "trusted.overlay.opaque", "y");
	check_own(w->task, "/m/d", "trusted.overlay.opaque", "y");
	check_own(w->task, "/l/up/d", "trusted.overlay.overlay.opaque", "y");
	assert_string_equal(names_in(w->task, "/m/d"), "e x ");
	check_eq(vfs_mknod(w->task, "/m/w", S_IFCHR, 0), -EPERM);
}

static void test_listing_is_stable(void **state)
{
	struct world *w = *state;
	char path[512];
	struct vfs_dir *dir;
	const struct vfs_dirent *entry;
	int seen = 0;

	make_layers(w->task);
	for (int i = 0; i < 300; i++) {
		snprintf(path, sizeof(path), "/l/%s/f%d",
			 i % 3 ? "bottom" : "top", i);
		put_file(w->task, path, "");
	}
	check_ok(mount_overlay(w->task, TWO));
	check_ok(vfs_opendir(w->task, "/m", &dir));
	/* each name once, though half of them go while it is read */
	while (check_fd(vfs_readdir(dir, &entry)) == 1) {
		if (entry->name[0] != 'f')
			continue;
		seen++;
		snprintf(path, sizeof(path), "/m/%s", entry->name);
		assert_int_equal(entry->ino, ino_of(w->task, path));
		if (seen % 2)
			check_ok(vfs_unlink(w->task, path));
	}
	check_ok(vfs_closedir(dir));
	assert_int_equal(seen, 300);
}

static void test_mapping(void **state)
{
	struct world *w = *state;
	void *map = NULL;
	int fd;

	make_layers(w->task);
	fill_lower(w->task);
	check_ok(mount_overlay(w->task, ONE));
	fd = check_fd(vfs_open(w->task, "/m/f", O_RDWR, 0));
	check_ok(vfs_mmap(w->task, NULL, 4096, PROT_READ | PROT_WRITE,
			  MAP_SHARED, fd, 0, &map));
	memcpy(map, "MAPPE", 5);
	check_ok(vfs_msync(w->task, map, 4096, MS_SYNC));
	check_file(w->task, "/m/f", "MAPPE");
	check_ok(vfs_munmap(w->task, map, 4096));
	check_ok(vfs_close(w->task, fd));
	check_file(w->task, "/l/bottom/f", "lower");
}

static int compare_lines(const void *a, const void *b)
{
	return strcmp(a, b);
}

/* The changes as lines, sorted. */
static void check_diff(struct vfs_task *task, const char *expected)
{
	static const char letters[] = "?AMTDRN";
	const struct vfs_overlay_change *change;
	struct vfs_overlay_diff *diff = NULL;
	char lines[16][64], text[1024] = "";
	size_t count = 0;

	check_ok(vfs_overlay_diff(task, AT_FDCWD, "/m", &diff));
	while (check_fd(vfs_overlay_diff_next(diff, &change)) == 1) {
		assert_true(count < 16);
		snprintf(lines[count++], sizeof(lines[0]), "%c %s%s%s\n",
			 letters[change->kind], change->path,
			 change->from ? " < " : "",
			 change->from ? change->from : "");
	}
	check_ok(vfs_overlay_diff_close(diff));
	qsort(lines, count, sizeof(lines[0]), compare_lines);
	for (size_t i = 0; i < count; i++)
		strcat(text, lines[i]);
	assert_string_equal(text, expected);
}

static void test_diff(void **state)
{
	struct world *w = *state;
	struct vfs_overlay_diff *diff;

	make_layers(w->task);
	fill_lower(w->task);
	check_ok(mount_overlay(w->task, ONE ",redirect_dir=on,metacopy=on"));
	check_diff(w->task, "");
	test_clock_advance(&w->clock, 1000000000);
	put_file(w->task, "/m/d/e/deep", "DEEP");
	check_diff(w->task, "M d/e/deep\n");
	check_ok(vfs_chmod(w->task, "/m/d/e", 0700));
	check_diff(w->task, "M d/e/deep\nT d/e\n");
	check_ok(vfs_unlink(w->task, "/m/d/e/deep"));
	check_ok(vfs_rmdir(w->task, "/m/d/e"));
	check_diff(w->task, "D d/e\n");
	check_ok(vfs_mkdir(w->task, "/m/d/e", 0755));
	put_file(w->task, "/m/d/e/new", "");
	check_diff(w->task, "A d/e/new\nR d/e\n");
	check_ok(vfs_unlink(w->task, "/m/d/e/new"));
	check_ok(vfs_chmod(w->task, "/m/d/x", 0600));
	check_ok(vfs_rmdir(w->task, "/m/d/e"));
	check_diff(w->task, "D d/e\nT d/x\n");
	check_ok(vfs_rename(w->task, "/m/d/x", "/m/f"));
	check_diff(w->task, "D d/e\nD d/x\nM f\n");
	check_ok(vfs_unlink(w->task, "/m/f"));
	check_ok(vfs_rename(w->task, "/m/d", "/m/g"));
	check_diff(w->task, "D d\nD f\nD g/e\nD g/x\nN g < d\n");
	check_eq(vfs_overlay_diff(w->task, AT_FDCWD, "/l", &diff), -EINVAL);
	check_eq(vfs_overlay_diff(w->task, AT_FDCWD, "/m/s", &diff), -ENOENT);
}

/* What may not be read is told of, and left out. */
static void test_diff_of_what_is_closed(void **state)
{
	static const struct vfs_overlay_change mine;
	const struct vfs_overlay_change *change = &mine;
	struct world *w = *state;
	struct vfs_overlay_diff *diff;
	int told = 0, seen = 0, next;

	make_layers(w->task);
	fill_lower(w->task);
	check_ok(mount_overlay(w->task, ONE));
	check_ok(vfs_mkdir(w->task, "/m/closed", 0700));
	check_ok(vfs_mkdir(w->task, "/m/open", 0755));
	put_file(w->task, "/m/closed/f", "");
	put_file(w->task, "/m/open/f", "");
	check_ok(vfs_overlay_diff(w->user, AT_FDCWD, "/m", &diff));
	while ((next = vfs_overlay_diff_next(diff, &change))) {
		if (next == 1) {
			seen++;
			change = &mine;
			continue;
		}
		check_eq(next, -EACCES);
		assert_ptr_equal(change, &mine);
		told++;
	}
	assert_null(change);
	assert_int_equal(told, 1);
	assert_int_equal(seen, 3);
	check_eq(vfs_overlay_diff_next(diff, &change), 0);
	check_ok(vfs_overlay_diff_close(diff));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		world_test(test_mount_refuses),
		world_test(test_mount_without_room),
		world_test(test_mount_many_layers),
		world_test(test_mount_escapes),
		world_test(test_mount_by_descriptors),
		world_test(test_layers_are_kept),
		world_test(test_read_only),
		world_test(test_volatile_leftover),
		world_test(test_work_leftovers),
		world_test(test_merge),
		world_test(test_changes),
		world_test(test_copy_up),
		world_test(test_open_before_copy_up),
		world_test(test_holes),
		world_test(test_redirect),
		world_test(test_redirect_stops),
		world_test(test_redirect_copy),
		world_test(test_redirect_copy_links),
		world_test(test_device_numbers),
		world_test(test_userxattr),
		world_test(test_nested),
		world_test(test_escaped),
		world_test(test_listing_is_stable),
		world_test(test_mapping),
		world_test(test_diff),
		world_test(test_diff_of_what_is_closed),
	};

	return cmocka_run_group_tests_name("overlay", tests, NULL, NULL);
}
