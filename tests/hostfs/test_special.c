/* SPDX-License-Identifier: MIT */
/* What hostfs has of libvfs's own: mount points in memory, FIFOs, sockets'
 * names, devices; and what it refuses of the host's. */
#include "hostfs/host_world.h"

#include <linux/fs.h>
#include <sys/sysmacros.h>
#include <vfs/inotify.h>

#ifndef RENAME_WHITEOUT
#define RENAME_WHITEOUT 4
#endif

/* The names in a directory, sorted out of the way: how often each was told. */
static int listed(struct vfs_task *task, const char *path, const char *name,
		  size_t buffer)
{
	_Alignas(8) char records[4096];
	int fd = check_fd(vfs_open(task, path, O_RDONLY | O_DIRECTORY, 0));
	int64_t n, last = 0;
	int count = 0;

	while ((n = vfs_getdents(task, fd, records, buffer)) > 0) {
		for (int64_t at = 0; at < n;) {
			struct vfs_dirent *d =
				(struct vfs_dirent *)(records + at);

			assert_true(d->off > last);
			last = d->off;
			count += !strcmp(d->name, name);
			at += d->reclen;
		}
	}
	check_eq(n, 0);
	check_ok(vfs_close(task, fd));
	return count;
}

static void test_synthetic(void **state)
{
	static const char *const options[] = {
		"cache=revalidate", "cache=exclusive",
		"cache=revalidate,owner=xattr,maxfds=8"};
	struct host_world w;
	struct vfs_stat st;

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		check_ok(host_open(&w, options[i]));
		host_put(&w, "real", "bytes");
		check_ok(vfs_mkdirat2(w.task, AT_FDCWD, "/h/m", 0755,
				      VFS_MKDIR_SYNTHETIC));
		check_ok(vfs_make_mountpoint(w.task, "/h/p/q", 0));
		for (size_t buffer = 32; buffer <= 4096; buffer *= 2) {
			check_eq(listed(w.task, "/h", "m", buffer), 1);
			check_eq(listed(w.task, "/h", "p", buffer), 1);
			check_eq(listed(w.task, "/h", "real", buffer), 1);
		}
		check_eq(vfs_mkdir(w.task, "/h/m/x", 0755), -EPERM);
		check_eq(vfs_open(w.task, "/h/m/f", O_CREAT | O_RDWR, 0644),
			 -EPERM);
		check_eq(vfs_rename(w.task, "/h/real", "/h/m/real"), -EPERM);
		/* the host knows nothing of them */
		check_eq(faccessat(w.dirfd, "m", F_OK, 0), -1);
		check_ok(vfs_umount2(w.task, "/h", 0));
		check_eq(vfs_stat(w.task, "/h/m", &st), -ENOENT);
		check_ok(host_mount(&w, "/h", options[i]));
		check_eq(vfs_stat(w.task, "/h/m", &st), -ENOENT);
		assert_true(host_close(&w));
	}
}

/* What the host makes there is what is there. */
static void test_uncovered_wins(void **state)
{
	struct host_world w;
	struct vfs_stat st;

	(void)state;
	check_ok(host_open(&w, "cache=revalidate"));
	check_ok(vfs_mkdirat2(w.task, AT_FDCWD, "/h/m", 0755,
			      VFS_MKDIR_SYNTHETIC));
	check_ok(vfs_stat(w.task, "/h/m", &st));
	assert_true(S_ISDIR(st.mode));
	host_put(&w, "m", "the host's");
	check_file(w.task, "/h/m", "the host's");
	check_eq(listed(w.task, "/h", "m", 4096), 1);
	host_unlink(&w, "m");
	check_eq(vfs_stat(w.task, "/h/m", &st), -ENOENT);
	assert_true(host_close(&w));
}

/* A whiteout is the host's like any name: it may go, or be another file. */
static void test_whiteout(void **state)
{
	struct host_world w;
	struct vfs_stat st;

	(void)state;
	check_ok(host_open(&w, "cache=revalidate,owner=host"));
	host_put(&w, "a", "bytes");
	if (vfs_renameat2(w.task, AT_FDCWD, "/h/a", AT_FDCWD, "/h/b",
			  RENAME_WHITEOUT)) {
		assert_true(host_close(&w));
		skip();
	}
	check_ok(vfs_stat(w.task, "/h/a", &st));
	assert_true(S_ISCHR(st.mode) && !st.rdev);
	host_unlink(&w, "a");
	check_eq(vfs_stat(w.task, "/h/a", &st), -ENOENT);
	host_put(&w, "a", "another");
	check_file(w.task, "/h/a", "another");
	assert_true(host_close(&w));
}

/* The ways to change a file's bytes. */
static int64_t change(struct vfs_task *task, int how, int fd, int from)
{
	int64_t in = 0, out = 0;

	switch (how) {
	case 0:
		return vfs_write(task, fd, "x", 1);
	case 1:
		return vfs_pwrite(task, fd, "x", 1, 0);
	case 2:
		return vfs_ftruncate(task, fd, 2);
	case 3:
		return vfs_fallocate(task, fd, 0, 0, 9);
	case 4:
		return vfs_sendfile(task, fd, from, &in, 1);
	default:
		return vfs_copy_file_range(task, from, &in, fd, &out, 1, 0);
	}
}

/* Set-id bits that the host gave a file while it was open do not outlast a
 * change by who may not give them. */
static void test_setid(void **state)
{
	struct host_world w;
	struct stat st;

	(void)state;
	check_ok(host_open(&w, "cache=revalidate,owner=host"));
	host_put(&w, "from", "bytes");
	for (int how = 0; how < 6; how++) {
		int fd, from;

		host_put(&w, "f", "bytes");
		check_ok(fchmodat(w.dirfd, "f", 0777, 0));
		fd = check_fd(vfs_open(w.user, "/h/f", O_WRONLY, 0));
		from = check_fd(vfs_open(w.user, "/h/from", O_RDONLY, 0));
		check_ok(fchmodat(w.dirfd, "f", 06777, 0));
		assert_true(change(w.user, how, fd, from) >= 0);
		check_ok(fstatat(w.dirfd, "f", &st, 0));
		if (st.st_mode != (S_IFREG | 0777))
			print_error("way %d\n", how);
		check_eq(st.st_mode, S_IFREG | 0777);
		check_ok(vfs_close(w.user, from));
		check_ok(vfs_close(w.user, fd));
	}
	assert_true(host_close(&w));
}

/* What a descriptor is good for goes by what its file is now. */
static void test_descriptors(void **state)
{
	struct host_world w;
	int flags = FS_NODUMP_FL, fd, dir;

	(void)state;
	check_ok(host_open(&w, "cache=revalidate,owner=host"));
	host_put(&w, "f", "bytes");
	host_mkdir(&w, "d");
	check_ok(fchownat(w.dirfd, "f", 1000, 1000, 0));
	check_ok(fchmodat(w.dirfd, "d", 0777, 0));
	fd = check_fd(vfs_open(w.user, "/h/f", O_RDONLY, 0));
	dir = check_fd(vfs_open(w.user, "/h/d", O_RDONLY, 0));
	check_ok(vfs_fchdir(w.user, dir));
	check_ok(vfs_chdir(w.user, "/"));
	check_ok(fchownat(w.dirfd, "f", 0, 0, 0));
	check_ok(fchmodat(w.dirfd, "d", 0700, 0));
	check_eq(vfs_fchdir(w.user, dir), -EACCES);
	check_eq(vfs_ioctl(w.user, fd, FS_IOC_SETFLAGS, &flags), -EPERM);
	check_eq(vfs_fchmod(w.user, fd, 0777), -EPERM);
	check_ok(fchownat(w.dirfd, "f", 1000, 1000, 0));
	check_ok(vfs_fchmod(w.user, fd, 0600));
	check_ok(fchownat(w.dirfd, "f", 0, 0, 0));
	check_eq(vfs_fcntl(w.user, fd, F_SETFL, O_NOATIME), -EPERM);
	check_ok(vfs_close(w.user, dir));
	check_ok(vfs_close(w.user, fd));
	assert_true(host_close(&w));
}

/* The end of a file is where it is now, for a lock, too. */
static void test_lock_at_the_end(void **state)
{
	struct vfs_flock lock = {.type = F_WRLCK, .whence = SEEK_END, .len = 1};
	struct host_world w;
	int fd;

	(void)state;
	check_ok(host_open(&w, "cache=revalidate,owner=host"));
	host_put(&w, "f", "bytes");
	fd = check_fd(vfs_open(w.task, "/h/f", O_RDWR, 0));
	host_put(&w, "f", "more bytes");
	check_ok(vfs_fcntl_lock(w.task, fd, F_OFD_SETLK, &lock));
	lock = (struct vfs_flock){.type = F_WRLCK, .whence = SEEK_SET};
	check_ok(vfs_fcntl_lock(w.task,
				check_fd(vfs_open(w.task, "/h/f", O_RDWR, 0)),
				F_OFD_GETLK, &lock));
	check_eq(lock.type, F_WRLCK);
	check_eq(lock.start, 10);
	check_eq(lock.len, 1);
	assert_true(host_close(&w));
}

/* What the host has changed is no event of a truncation's. */
static void test_truncate_event(void **state)
{
	_Alignas(8) char events[256];
	struct host_world w;
	int fd, in;

	(void)state;
	check_ok(host_open(&w, "cache=revalidate,owner=host"));
	host_put(&w, "f", "bytes");
	fd = check_fd(vfs_open(w.task, "/h/f", O_RDWR, 0));
	in = check_fd(vfs_inotify_init1(w.task, O_NONBLOCK));
	check_fd(vfs_inotify_add_watch(w.task, in, "/h/f", VFS_IN_ATTRIB));
	check_ok(fchmodat(w.dirfd, "f", 0600, 0));
	check_ok(vfs_ftruncate(w.task, fd, 1));
	check_eq(vfs_read(w.task, in, events, sizeof(events)), -EAGAIN);
	assert_true(host_close(&w));
}

static void test_fifo(void **state)
{
	static const char *const options[] = {
		"cache=revalidate", "cache=exclusive",
		"cache=revalidate,owner=xattr,maxfds=8"};
	struct host_world w;
	char text[8];
	int in, out;

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		check_ok(host_open(&w, options[i]));
		check_ok(vfs_mkfifo(w.task, "/h/p", 0666));
		in = check_fd(
			vfs_open(w.user, "/h/p", O_RDONLY | O_NONBLOCK, 0));
		out = check_fd(vfs_open(w.task, "/h/p", O_WRONLY, 0));
		check_eq(vfs_write(w.task, out, "through", 7), 7);
		check_eq(vfs_read(w.user, in, text, 8), 7);
		check_ok(vfs_close(w.task, out));
		check_eq(vfs_read(w.user, in, text, 8), 0);
		check_ok(vfs_close(w.user, in));
		/* from another mount of the same directory it is the host's */
		check_ok(vfs_mkdir(w.task, "/h2", 0755));
		check_ok(host_mount(&w, "/h2", options[i]));
		check_eq(vfs_open(w.task, "/h2/p", O_RDONLY | O_NONBLOCK, 0),
			 -EACCES);
		check_ok(vfs_unlink(w.task, "/h/p"));
		assert_true(host_close(&w));
	}
}

/* The host's own: never opened, whoever asks and however. */
static void test_foreign(void **state)
{
	static const int flags[] = {O_RDONLY, O_WRONLY | O_NONBLOCK, O_RDWR,
				    O_RDONLY | O_NONBLOCK | O_CREAT,
				    O_WRONLY | O_TRUNC};
	static const char *const names[] = {"/h/fifo", "/h/null", "/h/block",
					    "/h/sock"};
	struct host_world w;
	struct vfs_stat st;

	(void)state;
	check_ok(host_open(&w, "cache=revalidate,owner=host"));
	check_ok(mkfifoat(w.dirfd, "fifo", 0666));
	check_ok(mknodat(w.dirfd, "sock", S_IFSOCK | 0666, 0));
	if (mknodat(w.dirfd, "null", S_IFCHR | 0666, makedev(1, 3)) ||
	    mknodat(w.dirfd, "block", S_IFBLK | 0666, makedev(7, 0))) {
		assert_true(host_close(&w));
		skip();
	}
	for (size_t n = 0; n < 4; n++) {
		check_ok(vfs_stat(w.task, names[n], &st));
		for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++)
			check_eq(vfs_open(w.task, names[n], flags[i], 0666),
				 -EACCES);
		check_eq(vfs_truncate(w.task, names[n], 0), -EINVAL);
		check_fd(vfs_open(w.task, names[n], O_PATH, 0));
	}
	check_ok(vfs_stat(w.task, "/h/null", &st));
	assert_true(st.rdev == makedev(1, 3));
	assert_true(host_close(&w));
}

/* With "devices" they lead to the instance's, and to pipes of its own. */
static void test_devices(void **state)
{
	struct host_world w;
	char text[8];
	int in, out;

	(void)state;
	check_ok(host_open(&w, "cache=revalidate,owner=host,devices"));
	check_ok(mkfifoat(w.dirfd, "fifo", 0666));
	in = check_fd(vfs_open(w.task, "/h/fifo", O_RDONLY | O_NONBLOCK, 0));
	out = check_fd(vfs_open(w.task, "/h/fifo", O_WRONLY, 0));
	check_eq(vfs_write(w.task, out, "x", 1), 1);
	check_eq(vfs_read(w.task, in, text, 8), 1);
	if (!mknodat(w.dirfd, "zero", S_IFCHR | 0666, makedev(1, 5))) {
		int fd = check_fd(vfs_open(w.task, "/h/zero", O_RDONLY, 0));

		check_eq(vfs_read(w.task, fd, text, 8), 8);
	}
	assert_true(host_close(&w));
}

static void test_sockets(void **state)
{
	static const char *const options[] = {
		"cache=revalidate", "cache=exclusive",
		"cache=revalidate,owner=xattr,maxfds=8"};
	struct vfs_endpoint *e, *found;
	struct host_world w;

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		check_ok(host_open(&w, options[i]));
		check_ok(vfs_endpoint_create(w.vfs, &w, NULL, &e));
		check_ok(vfs_bind_socket(w.task, AT_FDCWD, "/h/s", 0777, e));
		check_eq(vfs_bind_socket(w.task, AT_FDCWD, "/h/s", 0777, e),
			 -EADDRINUSE);
		check_ok(vfs_connect_socket(w.user, AT_FDCWD, "/h/s", 0,
					    &found));
		assert_true(found == e);
		vfs_endpoint_unref(found);
		check_eq(vfs_open(w.task, "/h/s", O_RDONLY, 0), -ENXIO);
		check_ok(vfs_rename(w.task, "/h/s", "/h/t"));
		check_ok(vfs_connect_socket(w.user, AT_FDCWD, "/h/t", 0,
					    &found));
		vfs_endpoint_unref(found);
		/* the name goes, on the host, too */
		check_ok(vfs_unlink(w.task, "/h/t"));
		check_eq(faccessat(w.dirfd, "t", F_OK, 0), -1);
		check_eq(
			vfs_connect_socket(w.user, AT_FDCWD, "/h/t", 0, &found),
			-ENOENT);
		vfs_endpoint_unref(e);
		assert_true(host_close(&w));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_synthetic),
		cmocka_unit_test(test_uncovered_wins),
		cmocka_unit_test(test_whiteout),
		cmocka_unit_test(test_setid),
		cmocka_unit_test(test_descriptors),
		cmocka_unit_test(test_lock_at_the_end),
		cmocka_unit_test(test_truncate_event),
		cmocka_unit_test(test_fifo),
		cmocka_unit_test(test_foreign),
		cmocka_unit_test(test_devices),
		cmocka_unit_test(test_sockets),
	};

	return cmocka_run_group_tests(tests, NULL, NULL) ? 1 : 0;
}
