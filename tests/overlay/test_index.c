/* SPDX-License-Identifier: MIT */
/* overlay: files of which upper has less than everything (metacopy), and hard
 * links that are kept together (index). */
#include "layers.h"

static void test_metacopy(void **state)
{
	struct world *w = *state;
	struct vfs_stat st;
	int fd;

	make_layers(w->task);
	fill_lower(w->task);
	check_ok(mount_overlay(w->task, ONE ",metacopy=on"));
	check_ok(vfs_chmod(w->task, "/m/f", 0600));
	assert_true(vfs_lgetxattr(w->task, "/l/up/f",
				  "trusted.overlay.metacopy", NULL, 0) >= 0);
	check_ok(vfs_stat(w->task, "/l/up/f", &st));
	assert_true(st.size == 5 && st.blocks == 0);
	check_file(w->task, "/m/f", "lower");
	check_ok(vfs_rename(w->task, "/m/f", "/m/d/g"));
	check_own(w->task, "/l/up/d/g", "trusted.overlay.redirect", "/f");
	remount(w->task, ONE ",metacopy=on");
	check_file(w->task, "/m/d/g", "lower");
	fd = check_fd(vfs_open(w->task, "/m/d/g", O_WRONLY | O_APPEND, 0));
	check_eq(vfs_write(w->task, fd, "!", 1), 1);
	check_ok(vfs_close(w->task, fd));
	check_file(w->task, "/l/up/d/g", "lower!");
	check_eq(vfs_lgetxattr(w->task, "/l/up/d/g", "trusted.overlay.metacopy",
			       NULL, 0),
		 -ENODATA);
}

static void test_index(void **state)
{
	struct world *w = *state;

	make_layers(w->task);
	fill_lower(w->task);
	check_ok(mount_overlay(w->task, ONE ",index=on"));
	check_eq(ino_of(w->task, "/m/one"), ino_of(w->task, "/m/two"));
	put_file(w->task, "/m/one", "changed");
	check_file(w->task, "/m/two", "changed");
	check_eq(nlink_of(w->task, "/m/two"), 2);
	check_eq(ino_of(w->task, "/m/one"), ino_of(w->task, "/m/two"));
	remount(w->task, ONE ",index=on");
	check_file(w->task, "/m/two", "changed");
	check_ok(vfs_unlink(w->task, "/m/one"));
	check_eq(nlink_of(w->task, "/m/two"), 1);
	check_ok(vfs_unlink(w->task, "/m/two"));
	assert_string_equal(names_in(w->task, "/l/work/index"), "");
	/* the upper directory is this overlay's, and so is its index */
	check_ok(vfs_mkdir(w->task, "/m2", 0755));
	check_eq(vfs_mount(w->task, "o", "/m2", "overlay", 0, ONE ",index=on"),
		 -EBUSY);
	check_ok(vfs_umount(w->task, "/m"));
	check_eq(mount_overlay(w->task,
			       "lowerdir=/l/top,upperdir=/l/up,workdir=/l/work,"
			       "index=on"),
		 -ESTALE);
}

/* The index has the only name of what upper has, and a lower name leads there.
 */
static void test_index_alone(void **state)
{
	struct world *w = *state;

	make_layers(w->task);
	fill_lower(w->task);
	check_ok(mount_overlay(w->task, ONE ",index=on"));
	put_file(w->task, "/m/one", "changed");
	check_ok(vfs_unlink(w->task, "/m/one"));
	remount(w->task, ONE ",index=on");
	check_file(w->task, "/m/two", "changed");
	check_eq(nlink_of(w->task, "/m/two"), 1);
}

/* What is in the index may be a copy without data, and a copy that Linux was
 * making when it stopped. */
static void test_index_metacopy(void **state)
{
	static const char options[] =
		ONE ",index=on,redirect_dir=on,metacopy=on";
	struct world *w = *state;

	make_layers(w->task);
	fill_lower(w->task);
	check_ok(mount_overlay(w->task, options));
	check_ok(vfs_chmod(w->task, "/m/one", 0600));
	remount(w->task, options);
	check_file(w->task, "/m/two", "linked");
	check_file(w->task, "/m/one", "linked");
	check_eq(vfs_truncate(w->task, "/m/two", 2), 0);
	check_ok(vfs_umount(w->task, "/m"));
	put_file(w->task, "/l/work/index/#1f", "half");
	check_ok(mount_overlay(w->task, options));
	check_file(w->task, "/m/one", "li");
	check_eq(nlink_of(w->task, "/m/one"), 2);
	check_eq(vfs_access(w->task, "/l/work/index/#1f", F_OK), -ENOENT);
}

/* The name that a file was found by first is gone when its data is wanted. */
static void test_index_other_name(void **state)
{
	static const char options[] =
		ONE ",index=on,redirect_dir=on,metacopy=on";
	struct world *w = *state;
	int fd;

	make_layers(w->task);
	fill_lower(w->task);
	check_ok(mount_overlay(w->task, options));
	check_eq(ino_of(w->task, "/m/one"), ino_of(w->task, "/m/two"));
	check_ok(vfs_unlink(w->task, "/m/one"));
	fd = check_fd(vfs_open(w->task, "/m/two", O_WRONLY | O_APPEND, 0));
	check_eq(vfs_write(w->task, fd, "!", 1), 1);
	check_ok(vfs_close(w->task, fd));
	check_file(w->task, "/m/two", "linked!");
}

static void test_without_index(void **state)
{
	struct world *w = *state;
	uint64_t one, two;

	make_layers(w->task);
	fill_lower(w->task);
	check_ok(mount_overlay(w->task, ONE));
	check_eq(ino_of(w->task, "/m/one"), ino_of(w->task, "/m/two"));
	check_ok(vfs_fidentity(w->task,
			       check_fd(vfs_open(w->task, "/m/one", O_PATH, 0)),
			       &one));
	check_ok(vfs_fidentity(w->task,
			       check_fd(vfs_open(w->task, "/m/two", O_PATH, 0)),
			       &two));
	assert_true(one != two);
	put_file(w->task, "/m/one", "changed");
	check_file(w->task, "/m/two", "linked"); /* as Linux */
}

/* Data that comes later takes no capability away. */
static void test_metacopy_capability(void **state)
{
	static const unsigned char cap[20] = {1, 0, 0, 2, 0, 0x20};
	struct world *w = *state;
	char got[32];
	int fd;

	make_layers(w->task);
	fill_lower(w->task);
	check_ok(vfs_setxattr(w->task, "/l/bottom/f", "security.capability",
			      cap, sizeof(cap), 0));
	check_ok(mount_overlay(w->task, ONE ",metacopy=on"));
	check_ok(vfs_chmod(w->task, "/m/f", 0700));
	fd = check_fd(vfs_open(w->task, "/m/f", O_RDWR, 0));
	check_eq(vfs_getxattr(w->task, "/l/up/f", "security.capability", got,
			      sizeof(got)),
		 sizeof(cap));
	check_eq(vfs_getxattr(w->task, "/l/up/f", "trusted.overlay.metacopy",
			      got, sizeof(got)),
		 -ENODATA);
	check_file(w->task, "/l/up/f", "lower");
	check_eq(vfs_write(w->task, fd, "L", 1), 1);
	check_eq(vfs_getxattr(w->task, "/m/f", "security.capability", got,
			      sizeof(got)),
		 -ENODATA);
	check_ok(vfs_close(w->task, fd));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		world_test(test_metacopy),
		world_test(test_metacopy_capability),
		world_test(test_index),
		world_test(test_index_alone),
		world_test(test_index_metacopy),
		world_test(test_index_other_name),
		world_test(test_without_index),
	};

	return cmocka_run_group_tests_name("overlay index", tests, NULL, NULL);
}
