/* SPDX-License-Identifier: MIT */
/* Mounting: what is refused, and how it is told; roots that go away. */
#include "hostfs/host_world.h"

#include <sys/mount.h>
#include <sys/syscall.h>

static int mount_plain(struct host_world *w, const char *source,
		       const char *options)
{
	return vfs_mount_type(w->task, &vfs_hostfs_type, source, "/h", 0,
			      options);
}

static void expect_log(struct host_world *w, const char *part)
{
	if (!strstr(w->log, part))
		fail_msg("the log says '%s', not '%s'", w->log, part);
	w->log[0] = '\0';
}

static void test_unknown_options(void **state)
{
	static const char *const bad[] = {"nonsense",
					  "cache=sometimes",
					  "owner=nobody",
					  "maxfds=7",
					  "maxfds=x",
					  "maxfds=",
					  "uid=1",
					  "gid=1",
					  "rootfd=x",
					  "rootfd=-1",
					  "ro=1",
					  "xdev=",
					  "cache",
					  "cache=",
					  "owner",
					  "=",
					  "maxfds=99999999999999999999999"};
	struct host_world w;

	(void)state;
	check_ok(host_open(&w, NULL));
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		check_eq(mount_plain(&w, w.dir, bad[i]), -EINVAL);
		expect_log(&w, *bad[i] == 'u' || *bad[i] == 'g' ? "owner=squash"
								: bad[i]);
	}
	check_ok(mount_plain(&w, w.dir, ",,ro,,cache=exclusive,"));
	check_eq(vfs_mkdir(w.task, "/h/x", 0755), -EROFS);
	assert_true(host_close(&w));
}

static void test_sources(void **state)
{
	struct host_world w;
	char path[HOSTDIR_PATH + 8];

	(void)state;
	check_ok(host_open(&w, NULL));
	host_put(&w, "file", "x");
	host_mkdir(&w, "dir");
	check_eq(mount_plain(&w, NULL, ""), -EINVAL);
	expect_log(&w, "no directory");
	check_eq(mount_plain(&w, "", NULL), -EINVAL);
	snprintf(path, sizeof(path), "%s/file", w.dir);
	check_eq(mount_plain(&w, path, ""), -ENOTDIR);
	snprintf(path, sizeof(path), "%s/none", w.dir);
	check_eq(mount_plain(&w, path, ""), -ENOENT);
	snprintf(path, sizeof(path), "%s/dir", w.dir);
	check_ok(mount_plain(&w, path, ""));
	assert_true(host_close(&w));
}

static int mount_fd(struct host_world *w, int fd)
{
	char options[32];

	snprintf(options, sizeof(options), "rootfd=%d", fd);
	return mount_plain(w, NULL, options);
}

static void test_rootfd(void **state)
{
	struct host_world w;
	int fd;

	(void)state;
	check_ok(host_open(&w, NULL));
	host_put(&w, "file", "x");
	fd = openat(w.dirfd, "file", O_RDONLY);
	assert_true(fd >= 0);
	check_eq(mount_fd(&w, fd), -ENOTDIR);
	close(fd);
	check_eq(mount_fd(&w, fd), -EBADF);
	check_eq(mount_fd(&w, 1000000), -EBADF);
	fd = openat(w.dirfd, "file", O_PATH);
	check_eq(mount_fd(&w, fd), -ENOTDIR);
	close(fd);
	/* it stays the caller's, and may be closed */
	fd = open(w.dir, O_PATH | O_DIRECTORY);
	check_ok(mount_fd(&w, fd));
	close(fd);
	check_file(w.task, "/h/file", "x");
	assert_true(host_close(&w));
}

/* Whoever may not search it cannot mount it. */
static void test_no_permission(void **state)
{
	struct host_world w;
	int fd, err;

	(void)state;
	if (geteuid())
		skip();
	check_ok(host_open(&w, NULL));
	host_mkdir(&w, "closed");
	check_ok(fchmodat(w.dirfd, "closed", 0700, 0));
	fd = openat(w.dirfd, "closed", O_PATH | O_DIRECTORY);
	check_ok(seteuid(1000));
	err = mount_fd(&w, fd);
	check_ok(seteuid(0));
	close(fd);
	check_eq(err, -EACCES);
	assert_true(host_close(&w));
}

static void test_no_attributes(void **state)
{
	struct host_world w;
	char path[HOSTDIR_PATH + 8];

	(void)state;
	check_ok(host_open(&w, NULL));
	/* told so by the host */
	host_fail(&w, "getxattr", 1, 1, -EOPNOTSUPP);
	check_eq(host_mount(&w, "/h", "owner=xattr"), -EOPNOTSUPP);
	host_heal(&w);
	expect_log(&w, "owner=xattr");
	/* and a file system that has none */
	snprintf(path, sizeof(path), "%s/ram", w.dir);
	host_mkdir(&w, "ram");
	if (!mount("none", path, "ramfs", 0, NULL)) {
		check_eq(mount_plain(&w, path, "owner=xattr"), -EOPNOTSUPP);
		expect_log(&w, "owner=xattr");
		check_ok(mount_plain(&w, path, "owner=host"));
		put_file(w.task, "/h/f", "x");
		check_ok(vfs_umount2(w.task, "/h", 0));
		check_ok(umount(path));
	}
	assert_true(host_close(&w));
}

/* The root goes while it is mounted. */
static void test_root_removed(void **state)
{
	static const char *const options[] = {
		"cache=revalidate", "cache=exclusive",
		"cache=revalidate,owner=xattr,maxfds=8"};
	struct host_world w;
	struct vfs_stat st;
	int64_t err;
	int fd;

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		check_ok(host_open(&w, NULL));
		host_mkdir(&w, "root");
		host_mkdir(&w, "root/sub");
		fd = openat(w.dirfd, "root", O_PATH | O_DIRECTORY);
		char all[64];
		snprintf(all, sizeof(all), "%s,rootfd=%d", options[i], fd);
		check_ok(mount_plain(&w, NULL, all));
		close(fd);
		check_ok(vfs_stat(w.task, "/h/sub", &st));
		check_ok(vfs_chdir(w.task, "/h/sub"));
		host_unlink(&w, "root/sub");
		host_unlink(&w, "root");
		err = vfs_mkdir(w.task, "/h/x", 0755);
		assert_true(err == -ENOENT || err == -ESTALE);
		err = vfs_open(w.task, "/h/f", O_CREAT | O_RDWR, 0644);
		assert_true(err == -ENOENT || err == -ESTALE);
		err = vfs_open(w.task, "new", O_CREAT | O_RDWR, 0644);
		assert_true(err == -ENOENT || err == -ESTALE);
		err = vfs_stat(w.task, "/h", &st);
		assert_true(!err || err == -ENOENT || err == -ESTALE);
		err = vfs_stat(w.task, "/h/none", &st);
		assert_true(err == -ENOENT || err == -ESTALE);
		err = vfs_stat(w.task, "../sub", &st);
		assert_true((!err && i == 1) || err == -ENOENT ||
			    err == -ESTALE);
		check_ok(vfs_chdir(w.task, "/"));
		check_ok(vfs_umount2(w.task, "/h", 0));
		assert_true(host_close(&w));
	}
}

static void test_remount(void **state)
{
	struct host_world w;
	char text[256];

	(void)state;
	check_ok(host_open(&w, "cache=exclusive,maxfds=8"));
	check_eq(vfs_mount(w.task, NULL, "/h", NULL, MS_REMOUNT,
			   "cache=revalidate"),
		 -EINVAL);
	expect_log(&w, "remount");
	check_ok(vfs_mount(w.task, NULL, "/h", NULL, MS_REMOUNT, "ro"));
	check_eq(vfs_mkdir(w.task, "/h/x", 0755), -EROFS);
	check_ok(vfs_mount(w.task, NULL, "/h", NULL, MS_REMOUNT, "rw"));
	check_ok(vfs_mkdir(w.task, "/h/x", 0755));
	snprintf(text, sizeof(text), "%s/x", w.dir);
	check_ok(access(text, F_OK));
	assert_true(host_close(&w));
}

/* The same directory twice, one inside the other. */
static void test_twice(void **state)
{
	struct host_world w;

	(void)state;
	check_ok(host_open(&w, "cache=revalidate"));
	check_ok(vfs_mkdir(w.task, "/h/in", 0755));
	check_ok(host_mount(&w, "/h/in", "cache=revalidate"));
	put_file(w.task, "/h/in/f", "one");
	check_file(w.task, "/h/f", "one");
	check_eq(vfs_rename(w.task, "/h/in/f", "/h/g"), -EXDEV);
	check_eq(vfs_umount2(w.task, "/h", 0), -EBUSY);
	assert_true(host_close(&w));
}

/* ---- mounts of the host's ---- */

static bool without_mounts;

/* The library's, too: the host as it was before Linux 5.8. */
VFS_API int statx(int dir, const char *restrict path, int flags,
		  unsigned int mask, struct statx *restrict out)
{
	int n = (int)syscall(SYS_statx, dir, path, flags, mask, out);

	if (!n && without_mounts) {
		out->stx_mask &= ~(unsigned int)STATX_MNT_ID;
		out->stx_mnt_id = 0;
	}
	return n;
}

/* A bind mount of the same file system would be a directory like others. */
static void test_mounts_not_told(void **state)
{
	struct host_world w;

	(void)state;
	check_ok(host_open(&w, NULL));
	without_mounts = true;
	check_eq(mount_plain(&w, w.dir, ""), -EOPNOTSUPP);
	expect_log(&w, "xdev");
	check_ok(mount_plain(&w, w.dir, "xdev"));
	put_file(w.task, "/h/f", "x");
	without_mounts = false;
	assert_true(host_close(&w));
}

/* Everything can be made in what is mounted inside, if it is shown. */
static void test_xdev(void **state)
{
	struct host_world w;
	char path[HOSTDIR_PATH + 8];
	struct vfs_stat st;

	(void)state;
	check_ok(host_open(&w, "cache=revalidate,xdev"));
	host_mkdir(&w, "ram");
	snprintf(path, sizeof(path), "%s/ram", w.dir);
	if (mount("none", path, "tmpfs", 0, NULL)) {
		assert_true(host_close(&w));
		skip();
	}
	put_file(w.task, "/h/ram/f", "x");
	check_ok(vfs_mkdir(w.task, "/h/ram/d", 0755));
	check_ok(vfs_symlink(w.task, "f", "/h/ram/l"));
	check_ok(vfs_mkfifo(w.task, "/h/ram/p", 0644));
	check_file(w.task, "/h/ram/l", "x");
	check_eq(vfs_rename(w.task, "/h/ram/f", "/h/f"), -EXDEV);
	check_ok(vfs_mkdir(w.task, "/h2", 0755));
	check_ok(host_mount(&w, "/h2", "cache=revalidate"));
	check_eq(vfs_stat(w.task, "/h2/ram", &st), -EXDEV);
	check_ok(vfs_umount2(w.task, "/h2", 0));
	check_ok(vfs_umount2(w.task, "/h", 0));
	check_ok(umount(path));
	assert_true(host_close(&w));
}

/* An overlay of layers on two file systems is one mount whose files have
 * several devices. */
static void test_several_devices(void **state)
{
	static const char *const dirs[] = {"ram",	  "ram/lower",
					   "ram/upper",	  "ram/upper/u",
					   "ram/upper/w", "ov"};
	char path[HOSTDIR_PATH + 16], options[512];
	struct host_world w;
	bool mounted = false;

	(void)state;
	check_ok(host_open(&w, NULL));
	snprintf(path, sizeof(path), "%s/ram", w.dir);
	host_mkdir(&w, "ram");
	if (!geteuid() && !mount("none", path, "tmpfs", 0, NULL)) {
		for (int i = 1; i < 6; i++)
			host_mkdir(&w, dirs[i]);
		snprintf(path, sizeof(path), "%s/ram/upper", w.dir);
		check_ok(mount("none", path, "tmpfs", 0, NULL));
		host_mkdir(&w, dirs[3]);
		host_mkdir(&w, dirs[4]);
		host_put(&w, "ram/lower/f", "lower");
		snprintf(options, sizeof(options),
			 "xino=off,lowerdir=%s/ram/lower,upperdir=%s/u,"
			 "workdir=%s/w",
			 w.dir, path, path);
		snprintf(path, sizeof(path), "%s/ov", w.dir);
		mounted = !mount("none", path, "overlay", 0, options);
	}
	if (mounted) {
		check_ok(mount_plain(&w, path, "cache=revalidate"));
		check_file(w.task, "/h/f", "lower");
		put_file(w.task, "/h/new", "upper");
		check_file(w.task, "/h/new", "upper");
		check_ok(vfs_mkfifo(w.task, "/h/p", 0644));
		check_ok(vfs_umount2(w.task, "/h", 0));
		check_ok(umount(path));
	}
	snprintf(path, sizeof(path), "%s/ram", w.dir);
	umount2(path, MNT_DETACH);
	assert_true(host_close(&w));
	if (!mounted)
		skip();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_unknown_options),
		cmocka_unit_test(test_sources),
		cmocka_unit_test(test_rootfd),
		cmocka_unit_test(test_no_permission),
		cmocka_unit_test(test_no_attributes),
		cmocka_unit_test(test_root_removed),
		cmocka_unit_test(test_remount),
		cmocka_unit_test(test_twice),
		cmocka_unit_test(test_mounts_not_told),
		cmocka_unit_test(test_xdev),
		cmocka_unit_test(test_several_devices),
	};

	return cmocka_run_group_tests(tests, NULL, NULL) ? 1 : 0;
}
