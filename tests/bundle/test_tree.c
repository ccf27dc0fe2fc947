/* SPDX-License-Identifier: MIT */
/* vfs_bundle_load: mount points, devices, /tmp, what is hidden and read-only.
 */
#include "fixture.h"

#include <stdlib.h>
#include <sys/mount.h>
#include <sys/sysmacros.h>
#include <unistd.h>

/* ---- mount points ---- */

static void put_file_there(struct fixture *f)
{
	host_file(f, "file", "file", 0644);
}

static void test_points__missing_ones_are_made(void **state)
{
	struct fixture *f = *state;
	const char *file;

	put_file_there(f);
	file = host_path(f, "file");
	LIST(f, mounts, mount_count,
	     MOUNTS(PLAIN_MOUNT("/x/y/z", "tmpfs", NULL),
		    MOUNT("/x/f/g", NULL, file, "bind")));
	load(f);
	assert_true(host_exists(f, "rootfs/x/y/z"));
	assert_true(host_exists(f, "rootfs/x/f/g"));
	check_file(f->task, "/x/f/g", "file");
	unload(f);
}

static void test_points__in_memory_where_nothing_is_written(void **state)
{
	struct fixture *f = *state;
	const char *file;

	put_file_there(f);
	file = host_path(f, "file");
	f->spec.flags = VFS_BUNDLE_ROOT_READONLY;
	LIST(f, mounts, mount_count,
	     MOUNTS(PLAIN_MOUNT("/x/y/z", "tmpfs", NULL),
		    MOUNT("/x/f/g", NULL, file, "bind"),
		    MOUNT("/etc/new", NULL, file, "bind"),
		    MOUNT("/t", "tmpfs", NULL, "ro"),
		    PLAIN_MOUNT("/t/in", "tmpfs", NULL),
		    PLAIN_MOUNT("/proc", "proc", NULL),
		    PLAIN_MOUNT("/proc/extra", "tmpfs", NULL)));
	load(f);
	put_file(f->task, "/x/y/z/new", "text");
	check_file(f->task, "/x/f/g", "file");
	check_file(f->task, "/etc/new", "file");
	put_file(f->task, "/t/in/new", "text");
	put_file(f->task, "/proc/extra/new", "text");
	check_eq(vfs_mkdir(f->task, "/x/q", 0755), -EROFS);
	unload(f);
	assert_false(host_exists(f, "rootfs/x"));
	assert_false(host_exists(f, "rootfs/etc/new"));
	assert_false(host_exists(f, "rootfs/t"));
}

/* ---- tmpcopyup ---- */

static void test_tmpcopyup(void **state)
{
	struct fixture *f = *state;
	struct vfs_stat st;
	char target[8] = "";

	host_dir(f, "rootfs/data", 0750);
	host_dir(f, "rootfs/data/sub", 0711);
	host_file(f, "rootfs/data/sub/file", "content", 0640);
	host_link(f, "file", "rootfs/data/sub/link");
	assert_int_equal(mkfifo(host_path(f, "rootfs/data/fifo"), 0600), 0);
	host_give(f, "rootfs/data/sub/file", 7, 8);
	f->spec.cap_effective = f->spec.cap_permitted = VFS_CAP_ALL;
	LIST(f, mounts, mount_count,
	     MOUNTS(MOUNT("/data", "tmpfs", NULL, "tmpcopyup", "ro")));
	load(f);
	check_file(f->task, "/data/sub/file", "content");
	check_ok(vfs_stat(f->task, "/data/sub/file", &st));
	assert_int_equal(st.uid, 7);
	assert_int_equal(st.gid, 8);
	assert_int_equal(st.mode, S_IFREG | 0640);
	check_ok(vfs_stat(f->task, "/data", &st));
	assert_int_equal(st.mode, S_IFDIR | 0750);
	check_ok(vfs_stat(f->task, "/data/sub", &st));
	assert_int_equal(st.mode, S_IFDIR | 0711);
	check_ok(vfs_stat(f->task, "/data/fifo", &st));
	assert_int_equal(st.mode, S_IFIFO | 0600);
	check_eq(vfs_readlink(f->task, "/data/sub/link", target, 8), 4);
	assert_memory_equal(target, "file", 4);
	check_eq(vfs_mkdir(f->task, "/data/new", 0755), -EROFS);
	unload(f);
	LIST(f, mounts, mount_count,
	     MOUNTS(MOUNT("/data", "tmpfs", NULL, "tmpcopyup", "nr_inodes=3")));
	load_fails(f, -ENOSPC, "/mounts/0 (/data, tmpfs): tmpcopyup: No space");
}

/* ---- /tmp ---- */

#define check_tmp(f, mounted)                                             \
	do {                                                              \
		load(f);                                                  \
		assert_int_equal(*mount_line(f, "/tmp") != 0, (mounted)); \
		if (mounted)                                              \
			check_tmp_mode(f);                                \
		unload(f);                                                \
	} while (0)

static void check_tmp_mode(struct fixture *f)
{
	struct vfs_stat st;

	check_ok(vfs_stat(f->task, "/tmp", &st));
	assert_int_equal(st.mode, S_IFDIR | 01777);
}

static void test_tmp__rule(void **state)
{
	struct fixture *f = *state;

	/* absent, on a root that cannot be written and on one that can */
	f->spec.flags = VFS_BUNDLE_ROOT_READONLY;
	check_tmp(f, true);
	assert_false(host_exists(f, "rootfs/tmp"));
	f->spec.flags = 0;
	check_tmp(f, true);
	/* empty, with whatever count of links */
	assert_true(host_exists(f, "rootfs/tmp"));
	check_tmp(f, true);
	/* a file of any kind, hidden or not */
	host_file(f, "rootfs/tmp/.hidden", "", 0644);
	check_tmp(f, false);
	assert_int_equal(unlink(host_path(f, "rootfs/tmp/.hidden")), 0);
	host_dir(f, "rootfs/tmp/dir", 0755);
	check_tmp(f, false);
	assert_int_equal(rmdir(host_path(f, "rootfs/tmp/dir")), 0);
	/* no directory */
	assert_int_equal(rmdir(host_path(f, "rootfs/tmp")), 0);
	host_file(f, "rootfs/tmp", "", 0644);
	check_tmp(f, false);
	assert_int_equal(unlink(host_path(f, "rootfs/tmp")), 0);
	host_link(f, "etc", "rootfs/tmp");
	check_tmp(f, false);
}

static void test_tmp__mounted_by_the_spec(void **state)
{
	struct fixture *f = *state;

	LIST(f, mounts, mount_count,
	     MOUNTS(MOUNT("/etc/../tmp/", "tmpfs", "own", "mode=700")));
	load(f);
	assert_non_null(strstr(mount_line(f, "/tmp"), "- tmpfs own"));
	unload(f);
	/* something in it makes it not empty */
	LIST(f, mounts, mount_count,
	     MOUNTS(PLAIN_MOUNT("/tmp/x", "tmpfs", NULL)));
	check_tmp(f, false);
	f->spec.flags = VFS_BUNDLE_ROOT_READONLY;
	check_tmp(f, false);
}

/* ---- what is hidden, what cannot be changed ---- */

static void test_masks__hidden(void **state)
{
	struct fixture *f = *state;
	struct vfs_stat st;
	char text[4];
	int fd;

	host_dir(f, "rootfs/secret", 0755);
	host_file(f, "rootfs/secret/key", "key", 0644);
	host_link(f, "/etc/passwd", "rootfs/link");
	LIST(f, masked_paths, masked_path_count,
	     STRINGS("/secret", "/link", "/nowhere", "/bin/sh/none"));
	load(f);
	assert_false(exists(f->task, "/secret/key"));
	check_eq(vfs_mkdir(f->task, "/secret/new", 0755), -EROFS);
	fd = check_fd(vfs_open(f->task, "/etc/passwd", O_RDONLY, 0));
	check_eq(vfs_read(f->task, fd, text, sizeof(text)), 0);
	check_ok(vfs_stat(f->task, "/etc/passwd", &st));
	assert_int_equal(st.rdev, makedev(1, 3));
	assert_string_equal(vfs_bundle_env(f->bundle, 0), "HOME=/");
	unload(f);
	LIST(f, masked_paths, masked_path_count, STRINGS("/secret", "etc"));
	load_fails(f, -EINVAL, "/linux/maskedPaths/1: \"etc\" is not absol");
	host_link(f, "loop", "rootfs/loop");
	LIST(f, masked_paths, masked_path_count, STRINGS("/loop"));
	load_fails(f, -ELOOP, "/linux/maskedPaths/0 (/loop)");
}

static void test_masks__read_only(void **state)
{
	struct fixture *f = *state;

	LIST(f, mounts, mount_count,
	     MOUNTS(PLAIN_MOUNT("/etc/in", "tmpfs", NULL)));
	LIST(f, readonly_paths, readonly_path_count,
	     STRINGS("/etc", "/bin/sh", "/nowhere"));
	load(f);
	check_eq(vfs_mkdir(f->task, "/etc/new", 0755), -EROFS);
	check_eq(vfs_mkdir(f->task, "/etc/in/new", 0755), -EROFS);
	check_eq(vfs_open(f->task, "/bin/sh", O_WRONLY, 0), -EROFS);
	check_file(f->task, "/bin/sh", "a shell");
	check_ok(vfs_mkdir(f->task, "/bin/new", 0755));
	unload(f);
	LIST(f, readonly_paths, readonly_path_count, STRINGS("x"));
	load_fails(f, -EINVAL, "/linux/readonlyPaths/0: \"x\" is not");
}

/* ---- devices ---- */

#define DEVICE(p, m, ma, mi, u, g)                                     \
	{                                                              \
		.size = sizeof(struct vfs_bundle_device), .path = (p), \
		.mode = (m), .major = (ma), .minor = (mi), .uid = (u), \
		.gid = (g)                                             \
	}

static void check_device(struct fixture *f, const char *path, uint32_t mode,
			 unsigned major, unsigned minor, uint32_t uid)
{
	struct vfs_stat st;

	check_ok(vfs_lstat(f->task, path, &st));
	assert_int_equal(st.mode, mode);
	assert_int_equal(st.rdev, makedev(major, minor));
	assert_int_equal(st.uid, uid);
}

static void check_devices(struct fixture *f)
{
	char bytes[4] = "ab";
	int fd;

	check_device(f, "/dev/fuse", S_IFCHR | 0620, 10, 229, 7);
	check_device(f, "/dev/disk/0", S_IFBLK | 0600, 8, 0, 0);
	check_device(f, "/dev/pipe", S_IFIFO | 0644, 0, 0, 0);
	check_device(f, "/dev/null", S_IFCHR | 0600, 1, 3, 5);
	check_device(f, "/dev/full", S_IFCHR | 0666, 1, 7, 0);
	check_device(f, "/dev/random", S_IFCHR | 0666, 1, 8, 0);
	check_device(f, "/dev/urandom", S_IFCHR | 0666, 1, 9, 0);
	check_device(f, "/dev/tty", S_IFCHR | 0666, 5, 0, 0);
	fd = check_fd(vfs_open(f->task, "/dev/zero", O_RDONLY, 0));
	check_eq(vfs_read(f->task, fd, bytes, 2), 2);
	assert_int_equal(bytes[0] | bytes[1], 0);
	check_eq(vfs_open(f->task, "/dev/fuse", O_RDONLY, 0), -ENXIO);
}

static void test_devices__on_what_there_is(void **state)
{
	struct fixture *f = *state;
	static const struct vfs_bundle_device devices[] = {
		DEVICE("/dev/fuse", S_IFCHR | 0620, 10, 229, 7, 8),
		DEVICE("/dev/disk/0", S_IFBLK | 0600, 8, 0, 0, 0),
		DEVICE("/dev/pipe", S_IFIFO | 0644, 0, 0, 0, 0),
		DEVICE("/dev/null", S_IFCHR | 0600, 1, 3, 5, 5)};
	char target[32] = "";

	f->spec.devices = devices;
	f->spec.device_count = 4;
	f->spec.cap_effective = f->spec.cap_permitted = VFS_CAP_ALL;
	/* on a root that cannot be written */
	f->spec.flags = VFS_BUNDLE_ROOT_READONLY;
	load(f);
	check_devices(f);
	assert_string_not_equal(mount_line(f, "/dev/fuse"), "");
	unload(f);
	assert_false(host_exists(f, "rootfs/dev"));
	f->spec.flags = 0;
	/* in a tmpfs of its own */
	LIST(f, mounts, mount_count,
	     MOUNTS(MOUNT("/dev", "tmpfs", "tmpfs", "nosuid", "mode=755")));
	load(f);
	check_devices(f);
	assert_string_equal(mount_line(f, "/dev/fuse"), "");
	check_eq(vfs_readlink(f->task, "/dev/stderr", target, 32), 15);
	assert_false(exists(f->task, "/dev/ptmx"));
	unload(f);
	/* in one that is read-only when it is done */
	LIST(f, mounts, mount_count,
	     MOUNTS(MOUNT("/dev", "tmpfs", "tmpfs", "ro")));
	load(f);
	check_devices(f);
	assert_true(exists(f->task, "/dev/fd"));
	check_eq(vfs_mkdir(f->task, "/dev/new", 0755), -EROFS);
	unload(f);
}

static void test_devices__of_a_devtmpfs(void **state)
{
	struct fixture *f = *state;

	LIST(f, mounts, mount_count,
	     MOUNTS(PLAIN_MOUNT("/dev", "devtmpfs", NULL)));
	load(f);
	check_device(f, "/dev/null", S_IFCHR | 0666, 1, 3, 0);
	assert_string_equal(mount_line(f, "/dev/null"), "");
	unload(f);
	f->spec.devices = &(const struct vfs_bundle_device)DEVICE(
		"/dev/fuse", S_IFCHR | 0666, 10, 229, 0, 0);
	f->spec.device_count = 1;
	load(f);
	check_device(f, "/dev/fuse", S_IFCHR | 0666, 10, 229, 0);
	unload(f);
}

static void test_devices__none_but_those(void **state)
{
	struct fixture *f = *state;

	f->spec.flags = VFS_BUNDLE_NO_DEVICES;
	LIST(f, mounts, mount_count,
	     MOUNTS(PLAIN_MOUNT("/dev", "tmpfs", NULL)));
	load(f);
	assert_false(exists(f->task, "/dev/null"));
	assert_false(exists(f->task, "/dev/fd"));
	unload(f);
}

/* What the rootfs has in /dev stays, and is not written. */
static void test_devices__the_rootfs_has_some(void **state)
{
	struct fixture *f = *state;

	host_dir(f, "rootfs/dev", 0755);
	host_file(f, "rootfs/dev/null", "a file", 0644);
	load(f);
	check_file(f->task, "/dev/null", "a file");
	assert_string_not_equal(mount_line(f, "/dev/zero"), "");
	unload(f);
	assert_false(host_exists(f, "rootfs/dev/zero"));
	/* what the spec wants is put over it */
	f->spec.devices = &(const struct vfs_bundle_device)DEVICE(
		"/dev/null", S_IFCHR | 0666, 1, 3, 0, 0);
	f->spec.device_count = 1;
	load(f);
	check_device(f, "/dev/null", S_IFCHR | 0666, 1, 3, 0);
	unload(f);
}

/* Nor is what is bound from the host. */
static void test_devices__of_the_hosts(void **state)
{
	struct fixture *f = *state;
	const char *host = host_path(f, "hostdev");

	host_dir(f, "hostdev", 0755);
	host_dir(f, "hostdev/sub", 0755);
	f->spec.devices = (const struct vfs_bundle_device[]){
		DEVICE("/dev/fuse", S_IFCHR | 0620, 10, 229, 7, 8),
		DEVICE("/dev/sub/x", S_IFCHR | 0666, 1, 3, 0, 0),
		DEVICE("/dev/own/x", S_IFCHR | 0666, 1, 3, 0, 0)};
	f->spec.device_count = 3;
	LIST(f, mounts, mount_count,
	     MOUNTS(MOUNT("/dev", NULL, host, "bind"),
		    PLAIN_MOUNT("/dev/own", "tmpfs", NULL)));
	load(f);
	check_device(f, "/dev/fuse", S_IFCHR | 0620, 10, 229, 7);
	check_device(f, "/dev/sub/x", S_IFCHR | 0666, 1, 3, 0);
	check_device(f, "/dev/own/x", S_IFCHR | 0666, 1, 3, 0);
	check_device(f, "/dev/null", S_IFCHR | 0666, 1, 3, 0);
	assert_string_equal(mount_line(f, "/dev/own/x"), "");
	assert_false(exists(f->task, "/dev/fd"));
	unload(f);
	assert_false(host_exists(f, "hostdev/fuse"));
	assert_false(host_exists(f, "hostdev/sub/x"));
	assert_false(host_exists(f, "hostdev/null"));
	assert_false(host_exists(f, "hostdev/fd"));
}

static void test_devices__that_are_none(void **state)
{
	struct fixture *f = *state;
	struct vfs_bundle_device device =
		DEVICE("/dev/x", S_IFCHR | 0666, 1, 3, 0, 0);

	f->spec.devices = &device;
	f->spec.device_count = 1;
	device.mode = S_IFREG | 0666;
	load_fails(f, -EINVAL, "/linux/devices/0: neither a device nor");
	device.mode = S_IFCHR | 0666;
	device.path = "dev/x";
	load_fails(f, -EINVAL, "/linux/devices/0/path: \"dev/x\" is not abs");
	device.path = NULL;
	load_fails(f, -EINVAL, "/linux/devices/0/path: missing");
	device.path = "/bin/sh/x";
	load_fails(f, -ENOTDIR, "/linux/devices/0 (/bin/sh/x): device");
	device.path = "/etc";
	load_fails(f, -EISDIR, "/linux/devices/0 (/etc): device");
	device.size--;
	load_fails(f, -EINVAL, "/linux/devices/0: size");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		fixture_test(test_points__missing_ones_are_made),
		fixture_test(test_points__in_memory_where_nothing_is_written),
		fixture_test(test_tmpcopyup),
		fixture_test(test_tmp__rule),
		fixture_test(test_tmp__mounted_by_the_spec),
		fixture_test(test_masks__hidden),
		fixture_test(test_masks__read_only),
		fixture_test(test_devices__on_what_there_is),
		fixture_test(test_devices__of_a_devtmpfs),
		fixture_test(test_devices__none_but_those),
		fixture_test(test_devices__the_rootfs_has_some),
		fixture_test(test_devices__of_the_hosts),
		fixture_test(test_devices__that_are_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL) ? 1 : 0;
}
