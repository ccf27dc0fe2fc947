/* SPDX-License-Identifier: MIT */
/* vfs_bundle_load: an overlay over the rootfs. */
#include "fixture.h"

#include <stdlib.h>
#include <sys/mount.h>
#include <unistd.h>

/* What a container does to its root. */
static void change(struct fixture *f)
{
	put_file(f->task, "/etc/passwd", "changed");
	put_file(f->task, "/new", "new");
	check_ok(vfs_unlink(f->task, "/bin/sh"));
	check_ok(vfs_mkdir(f->task, "/dir", 0755));
	check_file(f->task, "/etc/passwd", "changed");
	check_file(f->task, "/new", "new");
	assert_false(exists(f->task, "/bin/sh"));
}

static void check_untouched(struct fixture *f)
{
	char text[16] = "";
	FILE *file = fopen(host_path(f, "rootfs/bin/sh"), "r");

	assert_non_null(file);
	assert_non_null(fgets(text, sizeof(text), file));
	fclose(file);
	assert_string_equal(text, "a shell");
	assert_false(host_exists(f, "rootfs/new"));
	assert_false(host_exists(f, "rootfs/dir"));
	assert_false(host_exists(f, "rootfs/tmp"));
	assert_false(host_exists(f, "rootfs/mounted"));
}

static void prepare(struct fixture *f)
{
	f->spec.cap_effective = f->spec.cap_permitted = VFS_CAP_ALL;
	assert_int_equal(chmod(f->rootfs, 0751), 0);
	host_give(f, "rootfs", 3, 4);
}

static void check_root(struct fixture *f)
{
	struct vfs_stat st;

	check_ok(vfs_stat(f->task, "/", &st));
	assert_int_equal(st.mode, S_IFDIR | 0751);
	assert_int_equal(st.uid, 3);
	assert_int_equal(st.gid, 4);
	assert_non_null(strstr(mount_line(f, "/"), "- overlay"));
	assert_string_equal(mount_line(f, "/lower"), "");
}

static void test_overlay__in_memory(void **state)
{
	struct fixture *f = *state;

	prepare(f);
	LIST(f, mounts, mount_count,
	     MOUNTS(PLAIN_MOUNT("/mounted/here", "tmpfs", NULL),
		    PLAIN_MOUNT("/proc", "proc", "proc"),
		    MOUNT("/dev", "tmpfs", NULL, "mode=755")));
	f->spec.overlay = VFS_BUNDLE_OVERLAY_MEMORY;
	f->spec.memory_options = "size=1m";
	load(f);
	check_root(f);
	change(f);
	put_file(f->task, "/mounted/here/x", "y");
	put_file(f->task, "/tmp/x", "y");
	unload(f);
	check_untouched(f);
	/* and another time it begins anew */
	load(f);
	check_file(f->task, "/bin/sh", "a shell");
	assert_false(exists(f->task, "/new"));
	unload(f);
	f->spec.flags = VFS_BUNDLE_ROOT_READONLY;
	load(f);
	check_eq(vfs_mkdir(f->task, "/dir", 0755), -EROFS);
	put_file(f->task, "/mounted/here/x", "y");
	unload(f);
	check_untouched(f);
}

static void test_overlay__in_a_directory(void **state)
{
	struct fixture *f = *state;
	const char *changes = strdup(host_path(f, "changes"));

	prepare(f);
	host_dir(f, "changes", 0755);
	f->spec.overlay = VFS_BUNDLE_OVERLAY_DIRECTORY;
	f->spec.overlay_path = changes;
	load(f);
	check_root(f);
	change(f);
	unload(f);
	check_untouched(f);
	assert_true(host_exists(f, "changes/upper/new"));
	/* what was changed is there the next time */
	load(f);
	check_root(f);
	check_file(f->task, "/etc/passwd", "changed");
	check_file(f->task, "/new", "new");
	assert_false(exists(f->task, "/bin/sh"));
	unload(f);
	free((void *)(uintptr_t)changes);
}

static void test_overlay__times_of_the_root(void **state)
{
	const struct timespec times[2] = {{12, 34}, {56, 78}};
	struct fixture *f = *state;
	struct vfs_stat st;

	/* no mount point has to be made */
	host_dir(f, "rootfs/tmp", 01777);
	host_dir(f, "rootfs/dev", 0755);
	assert_int_equal(utimensat(AT_FDCWD, f->rootfs, times, 0), 0);
	f->spec.overlay = VFS_BUNDLE_OVERLAY_MEMORY;
	load(f);
	check_ok(vfs_stat(f->task, "/", &st));
	assert_int_equal(st.mtime.sec, 56);
	assert_int_equal(st.mtime.nsec, 78);
	unload(f);
}

static void test_overlay__of_a_user_namespace(void **state)
{
	struct fixture *f = *state;
	static const struct vfs_id_map map = {0, 0, 2000};

	prepare(f);
	f->spec.uid_maps = f->spec.gid_maps = &map;
	f->spec.uid_map_count = f->spec.gid_map_count = 1;
	f->spec.overlay = VFS_BUNDLE_OVERLAY_MEMORY;
	load(f);
	change(f);
	unload(f);
	check_untouched(f);
}

static void test_overlay__that_cannot_be(void **state)
{
	struct fixture *f = *state;

	f->spec.overlay = VFS_BUNDLE_OVERLAY_DIRECTORY;
	f->spec.overlay_path = "/nowhere/at/all";
	load_fails(f, -ENOENT, "/overlay: \"/nowhere/at/all\": No such");
	f->spec.overlay = VFS_BUNDLE_OVERLAY_MEMORY;
	f->spec.overlay_options = "what";
	load_fails(f, -EINVAL, "/overlay: overlay (\"what\")");
	f->spec.overlay_options = NULL;
	f->spec.memory_options = "size=many";
	load_fails(f, -EINVAL, "/overlay: tmpfs (\"size=many\")");
	f->spec.memory_options = NULL;
	f->spec.root_path = "/nowhere";
	load_fails(f, -ENOENT, "/root/path: \"/nowhere\"");
	f->spec.root_path = f->rootfs;
	/* a layer that others may change is none */
	f->spec.root_options = "cache=revalidate";
	load_fails(f, -EINVAL, "/overlay: overlay");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		fixture_test(test_overlay__in_memory),
		fixture_test(test_overlay__in_a_directory),
		fixture_test(test_overlay__times_of_the_root),
		fixture_test(test_overlay__of_a_user_namespace),
		fixture_test(test_overlay__that_cannot_be),
	};

	return cmocka_run_group_tests(tests, NULL, NULL) ? 1 : 0;
}
