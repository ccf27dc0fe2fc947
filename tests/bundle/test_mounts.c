/* SPDX-License-Identifier: MIT */
/* vfs_bundle_load: options, types, destinations, binds. */
#include "fixture.h"

#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <unistd.h>

/* ---- options ---- */

/* Each by itself, on a tmpfs: what mountinfo shows of the mount and, behind the
 * dash, of the file system. */
static const struct {
	const char *options[3];
	const char *shown;  /* in the mount's own */
	const char *absent; /* not in the whole line; NULL: anything */
	const char *super;  /* in the file system's; NULL: anything */
} options[] = {
	{{"defaults"}, "rw,relatime ", NULL, NULL},
	{{"ro"}, "ro,relatime ", NULL, NULL},
	{{"ro", "rw"}, "rw,relatime ", NULL, NULL},
	{{"nosuid"}, ",nosuid", NULL, NULL},
	{{"nosuid", "suid"}, "rw", "nosuid", NULL},
	{{"nodev"}, ",nodev", NULL, NULL},
	{{"nodev", "dev"}, "rw", "nodev", NULL},
	{{"noexec"}, ",noexec", NULL, NULL},
	{{"noexec", "exec"}, "rw", "noexec", NULL},
	{{"sync"}, "rw", NULL, "sync"},
	{{"sync", "async"}, "rw", "sync", NULL},
	{{"dirsync"}, "rw", NULL, "dirsync"},
	{{"noatime"}, ",noatime", NULL, NULL},
	{{"noatime", "atime"}, ",relatime", "noatime", NULL},
	{{"nodiratime"}, ",nodiratime", NULL, NULL},
	{{"nodiratime", "diratime"}, "rw", "nodiratime", NULL},
	{{"relatime"}, ",relatime", NULL, NULL},
	{{"noatime", "relatime"}, ",relatime", "noatime", NULL},
	{{"norelatime"}, ",relatime", NULL, NULL},
	{{"strictatime"}, "rw ", "relatime", NULL},
	{{"strictatime", "nostrictatime"}, ",relatime", NULL, NULL},
	{{"lazytime"}, "rw", NULL, "lazytime"},
	{{"lazytime", "nolazytime"}, "rw", "lazytime", NULL},
	{{"nosymfollow"}, ",nosymfollow", NULL, NULL},
	{{"nosymfollow", "symfollow"}, "rw", "nosymfollow", NULL},
	{{"silent", "loud"}, "rw,relatime ", NULL, NULL},
	{{"mand", "nomand"}, "rw,relatime ", NULL, NULL},
	{{"iversion", "noiversion"}, "rw,relatime ", NULL, NULL},
	{{"rro"}, "ro,relatime ", NULL, "rw"},
	{{"ro", "rrw"}, "rw,", NULL, "ro"},
	{{"rnosuid"}, ",nosuid", NULL, NULL},
	{{"nosuid", "rsuid"}, "rw", "nosuid", NULL},
	{{"rnodev"}, ",nodev", NULL, NULL},
	{{"nodev", "rdev"}, "rw", "nodev", NULL},
	{{"rnoexec"}, ",noexec", NULL, NULL},
	{{"noexec", "rexec"}, "rw", "noexec", NULL},
	{{"rnodiratime"}, ",nodiratime", NULL, NULL},
	{{"nodiratime", "rdiratime"}, "rw", "nodiratime", NULL},
	{{"rnosymfollow"}, ",nosymfollow", NULL, NULL},
	{{"nosymfollow", "rsymfollow"}, "rw", "nosymfollow", NULL},
	{{"rnoatime"}, ",noatime", NULL, NULL},
	{{"noatime", "ratime"}, ",relatime", "noatime", NULL},
	{{"noatime", "rrelatime"}, ",relatime", "noatime", NULL},
	{{"noatime", "rnorelatime"}, ",noatime", NULL, NULL},
	{{"rstrictatime"}, "rw ", "relatime", NULL},
	{{"strictatime", "rnostrictatime"}, ",relatime", NULL, NULL},
	{{"rro", "rrw"}, "rw,relatime ", NULL, NULL},
	{{"private"}, "rw,relatime -", NULL, NULL},
	{{"rprivate"}, "rw,relatime -", NULL, NULL},
	{{"shared"}, "shared:", NULL, NULL},
	{{"rshared"}, "shared:", NULL, NULL},
	{{"slave"}, "rw,relatime -", NULL, NULL},
	{{"rslave"}, "rw,relatime -", NULL, NULL},
	{{"shared", "slave", "shared"}, "shared:", NULL, NULL},
	{{"unbindable"}, "unbindable", NULL, NULL},
	{{"runbindable"}, "unbindable", NULL, NULL},
	{{"size=64k", "nr_inodes=9"}, "rw", NULL, "size=64k,nr_inodes=9"},
	{{"mode=700", "ro", "uid=5"}, "ro", NULL, "mode=700,uid=5"},
	{{"size=64k,mode=711"}, "rw", NULL, "mode=711"},
	{{""}, "rw,relatime ", NULL, NULL},
};

static void check_options(struct fixture *f, size_t i)
{
	const char *line, *dash;
	struct vfs_bundle_mount mount = {.size = sizeof(mount),
					 .destination = "/m",
					 .type = "tmpfs",
					 .options = options[i].options};

	while (mount.option_count < 3 && options[i].options[mount.option_count])
		mount.option_count++;
	f->spec.mounts = &mount;
	f->spec.mount_count = 1;
	load(f);
	line = mount_line(f, "/m");
	dash = strstr(line, " - ");
	if (!dash || !strstr(line, options[i].shown) ||
	    strstr(line, options[i].shown) > dash ||
	    (options[i].absent && strstr(line, options[i].absent)) ||
	    (options[i].super && !strstr(dash, options[i].super)))
		fail_msg("%s,%s: %s", options[i].options[0],
			 options[i].options[1] ? options[i].options[1] : "",
			 line);
	unload(f);
}

static void test_mounts__every_option(void **state)
{
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++)
		check_options(f, i);
}

static void test_mounts__options_that_are_none(void **state)
{
	struct fixture *f = *state;

	LIST(f, mounts, mount_count,
	     MOUNTS(MOUNT("/m", "tmpfs", NULL, "size=1m", "sizzle=1")));
	load_fails(f, -EINVAL,
		   "/mounts/0 (/m, tmpfs): options "
		   "\"size=1m,sizzle=1\"");
	LIST(f, mounts, mount_count,
	     MOUNTS(MOUNT("/m", "tmpfs", NULL, "ro"),
		    MOUNT("/p", "proc", "proc", "what")));
	load_fails(f, -EINVAL, "/mounts/1 (/p, proc): options \"what\"");
	LIST(f, mounts, mount_count,
	     MOUNTS(MOUNT("/m", "tmpfs", NULL, "private", "shared", "slave",
			  "shared", "shared", "shared", "shared", "shared",
			  "shared")));
	load_fails(f, -EINVAL, "/mounts/0/options: more than 8");
	LIST(f, mounts, mount_count,
	     MOUNTS(MOUNT("/m", "tmpfs", NULL, "ro", NULL)));
	load_fails(f, -EFAULT, "/mounts/0/options: number 1 is NULL");
	LIST(f, mounts, mount_count,
	     MOUNTS(MOUNT("/m", "tmpfs", NULL, "idmap")));
	load_fails(f, -EINVAL, "/mounts/0 (/m, tmpfs): idmap is for binds");
	LIST(f, mounts, mount_count,
	     MOUNTS(MOUNT("/m", "proc", NULL, "tmpcopyup")));
	load_fails(f, -EINVAL, "tmpcopyup is for tmpfs");
	LIST(f, mounts, mount_count,
	     MOUNTS(MOUNT("/m", NULL, "/tmp", "bind", "rootfd=0")));
	load_fails(f, -EINVAL, "the option rootfd");
}

/* ---- types ---- */

static void test_mounts__types(void **state)
{
	struct fixture *f = *state;
	struct vfs_statfs fs;

	LIST(f, mounts, mount_count,
	     MOUNTS(PLAIN_MOUNT("/proc", "proc", "proc"),
		    MOUNT("/sys", "sysfs", "sysfs", "ro", "nosuid"),
		    PLAIN_MOUNT("/sys/fs/cgroup", "cgroup", "cgroup"),
		    PLAIN_MOUNT("/d", "devtmpfs", NULL),
		    PLAIN_MOUNT("/none", "none", NULL),
		    PLAIN_MOUNT("/untyped", NULL, NULL)));
	load(f);
	assert_true(exists(f->task, "/proc/self/mountinfo"));
	assert_true(exists(f->task, "/d/null"));
	assert_non_null(strstr(mount_line(f, "/sys"), "- sysfs sysfs ro"));
	check_ok(vfs_statfs(f->task, "/sys", &fs));
	assert_int_not_equal(fs.type, 0x62656572);
	check_eq(vfs_mkdir(f->task, "/sys/new", 0755), -EROFS);
	/* passed over, and not even made */
	assert_string_equal(mount_line(f, "/sys/fs/cgroup"), "");
	assert_false(exists(f->task, "/sys/fs"));
	assert_false(exists(f->task, "/none"));
	assert_false(exists(f->task, "/untyped"));
	assert_non_null(strstr(f->world.log, "/mounts/2 (/sys/fs/cgroup, "
					     "cgroup): not mounted"));
	unload(f);
	f->spec.flags = VFS_BUNDLE_ALL_MOUNTS;
	load_fails(f, -ENODEV, "/mounts/4 (/none, none): type \"none\"");
}

static void use_terminal(struct fixture *f)
{
	struct vfs_stat st;
	char path[32], text[8];
	unsigned number;
	int master, slave, zero = 0;

	master = check_fd(vfs_open(f->task, "/dev/ptmx", O_RDWR | O_NOCTTY, 0));
	check_ok(vfs_ioctl(f->task, master, TIOCGPTN, &number));
	check_ok(vfs_ioctl(f->task, master, TIOCSPTLCK, &zero));
	snprintf(path, sizeof(path), "/dev/pts/%u", number);
	check_ok(vfs_stat(f->task, path, &st));
	assert_int_equal(st.uid, 1000);
	assert_int_equal(st.gid, 5);
	slave = check_fd(vfs_open(f->task, path, O_RDWR | O_NOCTTY, 0));
	check_eq(vfs_write(f->task, slave, "hi", 2), 2);
	check_eq(vfs_read(f->task, master, text, sizeof(text)), 2);
	/* both are left open, and go with the task */
}

static void test_mounts__devpts(void **state)
{
	struct fixture *f = *state;
	static const struct vfs_id_map map = {0, 100000, 2000};

	LIST(f, mounts, mount_count,
	     MOUNTS(MOUNT("/dev/pts", "devpts", "devpts", "nosuid", "noexec",
			  "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"),
		    MOUNT("/dev", "tmpfs", "tmpfs", "mode=755")));
	f->spec.uid = 1000;
	load(f);
	use_terminal(f);
	unload(f);
	f->spec.uid_maps = f->spec.gid_maps = &map;
	f->spec.uid_map_count = f->spec.gid_map_count = 1;
	load(f);
	use_terminal(f);
	unload(f);
}

static void test_mounts__destinations(void **state)
{
	struct fixture *f = *state;

	LIST(f, mounts, mount_count, MOUNTS(PLAIN_MOUNT("m", "tmpfs", NULL)));
	load_fails(f, -EINVAL, "/mounts/0/destination: \"m\" is not absolute");
	LIST(f, mounts, mount_count, MOUNTS(PLAIN_MOUNT(NULL, "tmpfs", NULL)));
	load_fails(f, -EINVAL, "/mounts/0/destination: missing");
	LIST(f, mounts, mount_count,
	     MOUNTS(PLAIN_MOUNT("/a/../..", "tmpfs", NULL)));
	load_fails(f, -EINVAL, "/mounts/0 (/a/../.., tmpfs): the root");
	LIST(f, mounts, mount_count,
	     MOUNTS(PLAIN_MOUNT("//a/./b/../c//", "tmpfs", NULL)));
	load(f);
	assert_string_not_equal(mount_line(f, "/a/c"), "");
	unload(f);
	LIST(f, mounts, mount_count,
	     MOUNTS(PLAIN_MOUNT("/bin/sh", "tmpfs", NULL)));
	load_fails(f, -ENOTDIR, "/mounts/0 (/bin/sh, tmpfs): mount point");
	LIST(f, mounts, mount_count,
	     MOUNTS(PLAIN_MOUNT("/bin/sh/x", "tmpfs", NULL)));
	load_fails(f, -ENOTDIR, "/mounts/0 (/bin/sh/x, tmpfs): mount point");
}

/* What a symlink of the rootfs says stays in the tree. */
static void test_mounts__symlinks_stay_inside(void **state)
{
	struct fixture *f = *state;

	host_dir(f, "rootfs/inside", 0755);
	host_dir(f, "outside", 0755);
	host_link(f, "/inside", "rootfs/absolute");
	host_link(f, "../../../../../inside", "rootfs/upwards");
	LIST(f, mounts, mount_count,
	     MOUNTS(PLAIN_MOUNT("/absolute/a", "tmpfs", NULL),
		    PLAIN_MOUNT("/upwards/b", "tmpfs", NULL)));
	load(f);
	assert_string_not_equal(mount_line(f, "/inside/a"), "");
	assert_string_not_equal(mount_line(f, "/inside/b"), "");
	unload(f);
}

/* So do those that lead nowhere: what they lead to is made. */
static void test_mounts__symlinks_that_lead_nowhere(void **state)
{
	struct fixture *f = *state;
	const char *file = host_path(f, "file");

	host_file(f, "file", "file", 0644);
	host_link(f, "../run/resolve/conf", "rootfs/etc/conf");
	host_link(f, "/there", "rootfs/first");
	host_link(f, "first", "rootfs/second");
	host_link(f, "../../../../above/it", "rootfs/upwards");
	host_link(f, "round", "rootfs/round");
	LIST(f, mounts, mount_count,
	     MOUNTS(MOUNT("/etc/conf", NULL, file, "bind"),
		    PLAIN_MOUNT("/second/in", "tmpfs", NULL),
		    PLAIN_MOUNT("/upwards", "tmpfs", NULL)));
	for (int i = 0; i < 2; i++) {
		f->spec.flags = i ? 0 : VFS_BUNDLE_ROOT_READONLY;
		load(f);
		check_file(f->task, "/run/resolve/conf", "file");
		check_file(f->task, "/etc/conf", "file");
		put_file(f->task, "/there/in/new", "text");
		put_file(f->task, "/above/it/new", "text");
		unload(f);
		assert_int_equal(host_exists(f, "rootfs/run"), i);
		assert_int_equal(host_exists(f, "rootfs/above"), i);
	}
	assert_false(host_exists(f, "above"));
	LIST(f, mounts, mount_count,
	     MOUNTS(PLAIN_MOUNT("/round", "tmpfs", NULL)));
	load_fails(f, -ELOOP, "/mounts/0 (/round, tmpfs): mount point");
	host_link(f, "/bin/sh/none", "rootfs/nodir");
	LIST(f, mounts, mount_count,
	     MOUNTS(PLAIN_MOUNT("/nodir", "tmpfs", NULL)));
	load_fails(f, -ENOTDIR, "/mounts/0 (/nodir, tmpfs): mount point");
}

/* ---- order and descriptors ---- */

static void test_mounts__parents_come_first(void **state)
{
	struct fixture *f = *state;

	LIST(f, mounts, mount_count,
	     MOUNTS(MOUNT("/a/b/c", "tmpfs", "deep", "mode=711"),
		    PLAIN_MOUNT("/a", "tmpfs", "first"),
		    PLAIN_MOUNT("/a/b", "tmpfs", "middle"),
		    PLAIN_MOUNT("/a/", "tmpfs", "second")));
	load(f);
	/* of two at one place the later one is on top */
	assert_non_null(strstr(mount_line(f, "/a"), "second"));
	assert_non_null(strstr(mount_line(f, "/a/b"), "middle"));
	assert_non_null(strstr(mount_line(f, "/a/b/c"), "deep"));
	assert_true(exists(f->task, "/a/b/c"));
	unload(f);
}

static int open_host(struct fixture *f, const char *path)
{
	int fd = open(host_path(f, path), O_PATH | O_CLOEXEC);

	assert_true(fd >= 0);
	f->fds++;
	return fd;
}

static void make_sources(struct fixture *f)
{
	host_dir(f, "one", 0755);
	host_dir(f, "two", 0755);
	host_file(f, "one/name", "one", 0644);
	host_file(f, "two/name", "two", 0644);
	host_file(f, "file", "file", 0644);
}

static void test_binds__descriptors(void **state)
{
	struct fixture *f = *state;
	int fds[3];

	make_sources(f);
	fds[0] = open_host(f, "one");
	fds[1] = open_host(f, "file");
	fds[2] = open_host(f, "two");
	/* given in this order, though the second is mounted last */
	LIST(f, mounts, mount_count,
	     MOUNTS(MOUNT("/deep/er", NULL, NULL, "bind"),
		    PLAIN_MOUNT("/t", "tmpfs", NULL),
		    MOUNT("/deep/est/file", "bind", "shown", "ro"),
		    MOUNT("/deep", "none", "shown", "rbind")));
	f->spec.mount_fds = fds;
	f->spec.mount_fd_count = 3;
	load(f);
	check_file(f->task, "/deep/er/name", "one");
	check_file(f->task, "/deep/est/file", "file");
	check_file(f->task, "/deep/name", "two");
	check_eq(vfs_open(f->task, "/deep/est/file", O_WRONLY, 0), -EROFS);
	unload(f);
	f->spec.mount_fd_count = 2;
	load_fails(f, -EINVAL,
		   "/mounts/3 (/deep, bind): no descriptor is left for it");
	f->spec.mount_fd_count = 3;
	f->spec.mount_count = 3;
	load_fails(f, -EINVAL, "/mounts: descriptor ");
	load_fails(f, -EINVAL, "is left over: there are 2 binds for 3");
	f->spec.mount_count = 0;
	load_fails(f, -EINVAL, "is left over");
	f->spec.mount_count = 4;
	for (int i = 0; i < 3; i++)
		assert_int_equal(close(fds[i]), 0);
	f->fds -= 3;
	fds[2] = 999;
	load_fails(f, -EBADF, "/mounts/3 (/deep, bind): source \"shown\"");
	fds[0] = -1;
	load_fails(f, -EBADF, "/mounts/0 (/deep/er, bind): descriptor -1");
}

static void test_binds__paths(void **state)
{
	struct fixture *f = *state;
	const char *file = host_path(f, "file"), *one = host_path(f, "one"),
		   *link = host_path(f, "link"), *none = host_path(f, "none");

	make_sources(f);
	host_link(f, "two/name", "link");
	LIST(f, mounts, mount_count,
	     MOUNTS(MOUNT("/etc/file", NULL, file, "bind", "noexec"),
		    MOUNT("/made/one", "bind", one, "rbind", "ro"),
		    MOUNT("/bin/sh", NULL, link, "bind"),
		    MOUNT("/squashed", NULL, one, "bind", "owner=squash",
			  "uid=3", "gid=4")));
	load(f);
	check_file(f->task, "/etc/file", "file");
	check_file(f->task, "/made/one/name", "one");
	check_file(f->task, "/bin/sh", "two");
	/* writing to the source shows, and the neighbours of a file do not */
	put_file(f->task, "/etc/file", "new");
	check_file(f->task, "/etc/file", "new");
	check_eq(vfs_open(f->task, "/made/one/name", O_WRONLY, 0), -EROFS);
	assert_false(exists(f->task, "/etc/one"));
	assert_non_null(strstr(mount_line(f, "/etc/file"), "noexec"));
	assert_int_equal(nlink_of(f->task, "/etc/file"), 1);
	/* another file of the name is another file */
	host_file(f, "other", "other", 0644);
	assert_int_equal(rename(host_path(f, "other"), file), 0);
	check_file(f->task, "/etc/file", "new");
	unload(f);
	LIST(f, mounts, mount_count, MOUNTS(MOUNT("/m", NULL, none, "bind")));
	load_fails(f, -ENOENT, "/mounts/0 (/m, bind): source \"/tmp/vfs-");
	LIST(f, mounts, mount_count, MOUNTS(MOUNT("/m", NULL, NULL, "bind")));
	load_fails(f, -EINVAL, "/mounts/0 (/m, bind): a bind without a source");
	LIST(f, mounts, mount_count, MOUNTS(MOUNT("/etc", NULL, file, "bind")));
	load_fails(f, -EISDIR, "/mounts/0 (/etc, bind): mount point");
	LIST(f, mounts, mount_count,
	     MOUNTS(MOUNT("/bin/sh", NULL, one, "bind")));
	load_fails(f, -ENOTDIR, "/mounts/0 (/bin/sh, bind): mount point");
	LIST(f, mounts, mount_count,
	     MOUNTS(MOUNT("/m", NULL, one, "bind", "cache=no")));
	load_fails(f, -EINVAL, "/mounts/0 (/m, bind): hostfs (\"cache=no\")");
}

/* A mount of the host's inside is seen with rbind alone. */
static void test_binds__what_the_host_mounted(void **state)
{
	struct fixture *f = *state;
	const char *one = host_path(f, "one");
	int fd;

	/* mounting on the host takes its root */
	if (geteuid())
		return;
	make_sources(f);
	host_dir(f, "one/in", 0755);
	assert_int_equal(mount("x", host_path(f, "one/in"), "tmpfs", 0, NULL),
			 0);
	host_file(f, "one/in/file", "inside", 0644);
	LIST(f, mounts, mount_count,
	     MOUNTS(MOUNT("/plain", NULL, one, "bind"),
		    MOUNT("/deep", NULL, one, "rbind")));
	load(f);
	check_file(f->task, "/deep/in/file", "inside");
	fd = vfs_open(f->task, "/plain/in/file", O_RDONLY, 0);
	check_eq(fd, -EXDEV);
	unload(f);
	assert_int_equal(umount(host_path(f, "one/in")), 0);
}

static void test_binds__ids(void **state)
{
	struct fixture *f = *state;
	const char *one = host_path(f, "one"), *file = host_path(f, "file");
	const struct vfs_id_map map = {0, 5000, 10};
	struct vfs_bundle_mount mounts[] = {
		MOUNT("/own", NULL, one, "bind", "idmap"),
		MOUNT("/file", NULL, file, "bind", "ridmap")};
	struct vfs_stat st;

	make_sources(f);
	f->spec.mounts = mounts;
	f->spec.mount_count = 2;
	load_fails(f, -EINVAL,
		   "/mounts/0 (/own, bind): idmap, and nothing is mapped");
	for (int i = 0; i < 2; i++) {
		mounts[i].uid_maps = mounts[i].gid_maps = &map;
		mounts[i].uid_map_count = mounts[i].gid_map_count = 1;
	}
	load(f);
	check_ok(vfs_stat(f->task, "/own/name", &st));
	assert_int_equal(st.uid, 5000);
	check_ok(vfs_stat(f->task, "/file", &st));
	assert_int_equal(st.uid, 5000);
	assert_int_equal(st.gid, 5000);
	unload(f);
	/* maps are enough to say it */
	mounts[0].options = mounts[1].options = STRINGS("bind", "rw");
	load(f);
	check_ok(vfs_stat(f->task, "/own/name", &st));
	assert_int_equal(st.uid, 5000);
	check_ok(vfs_stat(f->task, "/file", &st));
	assert_int_equal(st.gid, 5000);
	unload(f);
	mounts[1].uid_map_count = 0;
	load_fails(f, -EINVAL,
		   "/mounts/1 (/file, bind): uidMappings and gidMappings "
		   "belong together");
	mounts[1].options = STRINGS("ro", "noexec");
	mounts[1].type = "tmpfs";
	mounts[1].uid_map_count = 1;
	load_fails(f, -EINVAL, "/mounts/1 (/file, tmpfs): idmap is for binds");
	mounts[0].gid_map_count = 0;
	mounts[0].uid_maps = NULL;
	load_fails(f, -EFAULT, "/mounts/0/uidMappings: NULL");
}

/* As the directory that it covers, which may be closed to most. */
static void test_mounts__mode_of_a_tmpfs(void **state)
{
	struct fixture *f = *state;
	struct vfs_stat st;

	host_dir(f, "rootfs/closed", 0700);
	host_dir(f, "rootfs/open", 01777);
	LIST(f, mounts, mount_count,
	     MOUNTS(PLAIN_MOUNT("/closed", "tmpfs", NULL),
		    MOUNT("/open", "tmpfs", NULL, "size=1m", "ro"),
		    MOUNT("/root", "tmpfs", NULL, "size=1m", "mode=711"),
		    MOUNT("/new", "tmpfs", NULL, "size=1m")));
	load(f);
	check_ok(vfs_stat(f->task, "/closed", &st));
	assert_int_equal(st.mode, S_IFDIR | 0700);
	check_ok(vfs_stat(f->task, "/open", &st));
	assert_int_equal(st.mode, S_IFDIR | 01777);
	assert_non_null(strstr(mount_line(f, "/open"), "size=1024k"));
	check_ok(vfs_stat(f->task, "/root", &st));
	assert_int_equal(st.mode, S_IFDIR | 0711);
	/* there was none */
	check_ok(vfs_stat(f->task, "/new", &st));
	assert_int_equal(st.mode, S_IFDIR | 01777);
	unload(f);
}

static void test_mounts__again(void **state)
{
	struct fixture *f = *state;

	LIST(f, mounts, mount_count,
	     MOUNTS(MOUNT("/m", "tmpfs", NULL, "size=1m"),
		    MOUNT("/m", "tmpfs", NULL, "remount", "ro", "size=2m")));
	load(f);
	assert_non_null(strstr(mount_line(f, "/m"), "size=2048k"));
	assert_int_equal(strncmp(mount_line(f, "/m"), "ro", 2), 0);
	unload(f);
	LIST(f, mounts, mount_count,
	     MOUNTS(MOUNT("/m", "tmpfs", NULL, "size=1m"),
		    MOUNT("/m", NULL, NULL, "remount", "bind", "ro")));
	load(f);
	assert_int_equal(strncmp(mount_line(f, "/m"), "ro", 2), 0);
	assert_non_null(strstr(mount_line(f, "/m"), "rw,size=1024k"));
	unload(f);
	LIST(f, mounts, mount_count,
	     MOUNTS(MOUNT("/etc", NULL, NULL, "remount", "ro")));
	load_fails(f, -EINVAL, "/mounts/0 (/etc, none): remount");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		fixture_test(test_mounts__every_option),
		fixture_test(test_mounts__options_that_are_none),
		fixture_test(test_mounts__types),
		fixture_test(test_mounts__devpts),
		fixture_test(test_mounts__destinations),
		fixture_test(test_mounts__symlinks_stay_inside),
		fixture_test(test_mounts__symlinks_that_lead_nowhere),
		fixture_test(test_mounts__parents_come_first),
		fixture_test(test_binds__descriptors),
		fixture_test(test_binds__paths),
		fixture_test(test_binds__what_the_host_mounted),
		fixture_test(test_binds__ids),
		fixture_test(test_mounts__mode_of_a_tmpfs),
		fixture_test(test_mounts__again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL) ? 1 : 0;
}
