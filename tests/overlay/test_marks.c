/* SPDX-License-Identifier: MIT */
/* overlay: whiteouts by name (whiteouts=names), as image tools leave them where
 * no device nodes can be made: what they hide, and what becomes of those that
 * an upper layer has. */
#include "layers.h"

#include <stdlib.h>

#define NAMES ",whiteouts=names"

static const char *const files[] = {
	"/l/bottom/gone",     "/l/bottom/both",	 "/l/bottom/dir/old",
	"/l/bottom/opaque/a", "/l/bottom/stays", "/l/bottom/d/e/below",
	"/l/top/.wh.gone",    "/l/top/.wh.both", "/l/top/both",
	"/l/top/.wh.dir",     "/l/top/dir/new",	 "/l/top/opaque/.wh..wh..opq",
	"/l/top/opaque/b",    "/l/top/.wh.none", "/l/top/d/.wh.e",
};

static void make(struct vfs_task *task)
{
	static const char *const dirs[] = {
		"/l/bottom/dir", "/l/top/dir",	"/l/bottom/opaque",
		"/l/top/opaque", "/l/bottom/d", "/l/bottom/d/e",
		"/l/top/d",
	};

	make_layers(task);
	for (size_t i = 0; i < sizeof(dirs) / sizeof(*dirs); i++)
		check_ok(vfs_mkdir(task, dirs[i], 0755));
	for (size_t i = 0; i < sizeof(files) / sizeof(*files); i++)
		put_file(task, files[i], files[i]);
}

static bool is_there(struct vfs_task *task, const char *path)
{
	struct vfs_stat st;

	return !vfs_lstat(task, path, &st);
}

/* What the lower layers show, and nothing else. */
static void check_lower(struct vfs_task *task)
{
	assert_string_equal(names_in(task, "/m"), "both d dir opaque stays ");
	assert_string_equal(names_in(task, "/m/dir"), "new ");
	assert_string_equal(names_in(task, "/m/opaque"), "b ");
	assert_string_equal(names_in(task, "/m/d"), "");
	check_file(task, "/m/both", "/l/top/both");
	assert_false(is_there(task, "/m/gone"));
	assert_false(is_there(task, "/m/.wh.gone"));
	assert_false(is_there(task, "/m/dir/old"));
	assert_false(is_there(task, "/m/opaque/a"));
	assert_false(is_there(task, "/m/opaque/.wh..wh..opq"));
	assert_false(is_there(task, "/m/d/e/below"));
}

static void test_marks_hide(void **state)
{
	struct world *w = *state;

	make(w->task);
	/* looked at by name before anything is listed, and after */
	check_ok(mount_overlay(w->task, TWO NAMES));
	assert_false(is_there(w->task, "/m/gone"));
	assert_false(is_there(w->task, "/m/dir/old"));
	check_lower(w->task);
	remount(w->task, "lowerdir=/l/top:/l/bottom" NAMES);
	check_lower(w->task);
	/* without the option they are files */
	remount(w->task, TWO);
	assert_true(is_there(w->task, "/m/gone"));
	assert_true(is_there(w->task, "/m/.wh.gone"));
	check_ok(vfs_umount(w->task, "/m"));
	check_eq(mount_overlay(w->task, TWO ",whiteouts=none"), -EINVAL);
}

static void test_marks_of_a_root(void **state)
{
	struct world *w = *state;

	make(w->task);
	put_file(w->task, "/l/top/.wh..wh..opq", "");
	check_ok(mount_overlay(w->task, TWO NAMES));
	assert_string_equal(names_in(w->task, "/m"), "both d dir opaque ");
	assert_false(is_there(w->task, "/m/stays"));
}

static void test_marks_cannot_be_made(void **state)
{
	struct world *w = *state;

	make(w->task);
	check_ok(mount_overlay(w->task, TWO NAMES));
	check_eq(vfs_open(w->task, "/m/.wh.x", O_CREAT | O_WRONLY, 0600),
		 -EINVAL);
	check_eq(vfs_mkdir(w->task, "/m/.wh.gone", 0755), -EINVAL);
	check_eq(vfs_link(w->task, "/m/both", "/m/.wh.x"), -EINVAL);
	check_eq(vfs_rename(w->task, "/m/both", "/m/.wh.x"), -EINVAL);
	check_eq(vfs_unlink(w->task, "/m/.wh.gone"), -ENOENT);
	check_lower(w->task);
	/* no marks, for all that they look like some */
	put_file(w->task, "/m/.wh", "");
	put_file(w->task, "/m/x.wh.x", "");
	assert_string_equal(names_in(w->task, "/m"),
			    ".wh both d dir opaque stays x.wh.x ");
}

/* What was hidden stays so, whatever is made in its place. */
static void test_marks_in_upper(void **state)
{
	struct world *w = *state;
	char *before, *after;

	make(w->task);
	put_file(w->task, "/l/up/.wh.stays", "");
	put_file(w->task, "/l/up/.wh.both", "");
	put_file(w->task, "/l/up/.wh.d", "");
	put_file(w->task, "/l/up/.wh.opaque", "");
	check_ok(vfs_mkdir(w->task, "/l/up/.wh.dir", 0755));
	check_ok(mount_overlay(w->task, TWO NAMES ",redirect_dir=on"));
	assert_string_equal(names_in(w->task, "/m"), "");
	check_ok(vfs_mkdir(w->task, "/m/d", 0755));
	assert_string_equal(names_in(w->task, "/m/d"), "");
	put_file(w->task, "/m/both", "new");
	check_ok(vfs_link(w->task, "/m/both", "/m/stays"));
	check_ok(vfs_mkdir(w->task, "/m/fresh", 0755));
	put_file(w->task, "/m/fresh/in", "");
	check_ok(vfs_rename(w->task, "/m/fresh", "/m/dir"));
	before = dump_tree(w->task, "/m");
	remount(w->task, TWO NAMES);
	after = dump_tree(w->task, "/m");
	assert_string_equal(before, after);
	assert_string_equal(names_in(w->task, "/m"), "both d dir stays ");
	/* what took their place says so without them */
	assert_false(is_there(w->task, "/l/up/.wh.both"));
	assert_false(is_there(w->task, "/l/up/.wh.dir"));
	check_own(w->task, "/l/up/d", "trusted.overlay.opaque", "y");
	check_ok(vfs_unlink(w->task, "/m/stays"));
	check_ok(vfs_unlink(w->task, "/m/both"));
	remount(w->task, TWO NAMES);
	assert_string_equal(names_in(w->task, "/m"), "d dir ");
	free(before);
	free(after);
}

/* A mark beside a directory does not follow it, and what it hid is not below
 * its new name. */
static void test_marks_and_renames(void **state)
{
	struct world *w = *state;

	make(w->task);
	check_ok(vfs_mkdir(w->task, "/l/up/dir", 0755));
	put_file(w->task, "/l/up/dir/mine", "");
	put_file(w->task, "/l/up/.wh.dir", "");
	put_file(w->task, "/l/up/.wh.opaque", "");
	check_ok(mount_overlay(w->task, TWO NAMES ",redirect_dir=on"));
	assert_string_equal(names_in(w->task, "/m/dir"), "mine ");
	check_ok(vfs_rename(w->task, "/m/dir", "/m/opaque"));
	remount(w->task, TWO NAMES);
	assert_string_equal(names_in(w->task, "/m"), "both d opaque stays ");
	assert_string_equal(names_in(w->task, "/m/opaque"), "mine ");
	/* a merged directory takes a hidden one's place, with all that it has
	 */
	remount(w->task, TWO NAMES ",redirect_dir=on");
	put_file(w->task, "/l/bottom/d/low", "");
	put_file(w->task, "/l/up/.wh.gone2", "");
	check_ok(vfs_rename(w->task, "/m/d", "/m/gone2"));
	remount(w->task, TWO NAMES);
	assert_string_equal(names_in(w->task, "/m/gone2"), "low ");
	assert_false(is_there(w->task, "/m/d"));
}

static void test_marks_and_empty_directories(void **state)
{
	struct world *w = *state;

	make(w->task);
	check_ok(vfs_mkdir(w->task, "/l/up/dir", 0755));
	put_file(w->task, "/l/up/dir/.wh.new", "");
	check_ok(vfs_mkdir(w->task, "/l/up/own", 0755));
	put_file(w->task, "/l/up/own/.wh.x", "");
	check_ok(mount_overlay(w->task, TWO NAMES));
	assert_string_equal(names_in(w->task, "/m/dir"), "");
	check_ok(vfs_mkdir(w->task, "/m/new", 0755));
	check_ok(vfs_rename(w->task, "/m/new", "/m/dir"));
	assert_string_equal(names_in(w->task, "/m/dir"), "");
	check_ok(vfs_rmdir(w->task, "/m/own"));
	check_ok(vfs_rmdir(w->task, "/m/dir"));
	remount(w->task, TWO NAMES);
	assert_string_equal(names_in(w->task, "/m"), "both d opaque stays ");
}

static void test_marks_in_a_diff(void **state)
{
	struct world *w = *state;
	const struct vfs_overlay_change *change;
	struct vfs_overlay_diff *diff;
	bool stays = false, made = false;

	make(w->task);
	put_file(w->task, "/l/up/.wh.stays", "");
	put_file(w->task, "/l/up/.wh.both", "");
	put_file(w->task, "/l/up/.wh.never", "");
	put_file(w->task, "/l/up/both", "mine");
	check_ok(mount_overlay(w->task, TWO NAMES));
	check_ok(vfs_overlay_diff(w->task, AT_FDCWD, "/m", &diff));
	while (vfs_overlay_diff_next(diff, &change) == 1) {
		bool is_both = !strcmp(change->path, "both");

		if (!is_both)
			assert_string_equal(change->path, "stays");
		check_eq(change->kind,
			 is_both ? VFS_OVERLAY_MODIFIED : VFS_OVERLAY_DELETED);
		assert_false(is_both ? made : stays);
		*(is_both ? &made : &stays) = true;
	}
	assert_true(stays && made);
	check_ok(vfs_overlay_diff_close(diff));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		world_test(test_marks_hide),
		world_test(test_marks_of_a_root),
		world_test(test_marks_cannot_be_made),
		world_test(test_marks_in_upper),
		world_test(test_marks_and_renames),
		world_test(test_marks_and_empty_directories),
		world_test(test_marks_in_a_diff),
	};

	return cmocka_run_group_tests(tests, NULL, NULL) ? 1 : 0;
}
