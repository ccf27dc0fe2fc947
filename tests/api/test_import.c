/* SPDX-License-Identifier: MIT */
/* vfs_import_fd: who owns what, what is refused, and regular files. Pipes,
 * sockets and terminals are in test_import_*.c. */
#include <linux/falloc.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <sys/xattr.h>

#include "import_calls.h"

/* What the host reads at the start of its file. */
#define check_host(fd, text)                                                \
	do {                                                                \
		char b__[64] = "";                                          \
		check_eq(pread(fd, b__, sizeof(b__) - 1, 0), strlen(text)); \
		assert_string_equal(b__, text);                             \
	} while (0)

static int import(struct vfs_task *task, int host, uint32_t flags)
{
	return check_fd(vfs_import_fd(task, host, flags));
}

/* ---- ownership ---- */

static void test_import__the_lowest_free_number(void **state)
{
	struct vfs_task *task = ((struct world *)*state)->task;
	int before = host_fds(), a, b;

	a = import(task, host_file("a"), 0);
	b = import(task, host_file("b"), VFS_IMPORT_CLOEXEC);
	assert_int_equal(a, 0);
	assert_int_equal(b, 1);
	check_eq(vfs_fcntl(task, a, F_GETFD, 0), 0);
	check_eq(vfs_fcntl(task, b, F_GETFD, 0), FD_CLOEXEC);
	check_ok(vfs_close(task, a));
	assert_int_equal(import(task, host_file("c"), 0), 0);
	check_ok(vfs_close_range(task, 0, 5, 0));
	assert_int_equal(host_fds(), before);
}

static void test_import__the_host_descriptor_goes_with_the_last(void **state)
{
	struct vfs_task *task = ((struct world *)*state)->task;
	int host = host_file("text"), fd, copy;
	struct vfs_task *other;
	char b[8];

	fd = import(task, host, 0);
	assert_int_equal(fcntl(host, F_GETFD), FD_CLOEXEC);
	copy = check_fd(vfs_dup(task, fd));
	check_ok(vfs_task_clone(task, 0, &other));
	check_ok(vfs_close(task, fd));
	check_eq(vfs_read(task, copy, b, 2), 2);
	check_ok(vfs_close(task, copy));
	/* the clone's descriptors are of the same open file */
	check_eq(vfs_read(other, copy, b, 8), 2);
	check_eq(vfs_read(other, fd, b, 8), 0);
	assert_true(host_is_open(host));
	vfs_task_unref(other);
	assert_false(host_is_open(host));
}

static void test_import__a_shared_table(void **state)
{
	struct vfs_task *task = ((struct world *)*state)->task;
	int host = host_file("text"), fd;
	struct vfs_task *other;
	char b[8];

	check_ok(vfs_task_clone(task, VFS_CLONE_FILES, &other));
	fd = import(task, host, 0);
	check_eq(vfs_read(other, fd, b, 8), 4);
	check_ok(vfs_close(other, fd));
	assert_false(host_is_open(host));
	check_eq(vfs_read(task, fd, b, 8), -EBADF);
	vfs_task_unref(other);
}

static void test_import__a_copy_that_the_caller_keeps(void **state)
{
	struct vfs_task *task = ((struct world *)*state)->task;
	int host = host_file(""), fd = import(task, dup(host), 0);

	check_eq(vfs_write(task, fd, "ours", 4), 4);
	check_ok(vfs_close(task, fd));
	check_host(host, "ours");
	host_close(host);
}

/* ---- what is refused, and then untouched ---- */

static void check_refused(struct vfs_task *task, int host, uint32_t flags,
			  int expected)
{
	int fd_flags = fcntl(host, F_GETFD), status = fcntl(host, F_GETFL);
	int before = host_fds();

	check_eq(vfs_import_fd(task, host, flags), expected);
	assert_int_equal(host_fds(), before);
	assert_int_equal(fcntl(host, F_GETFD), fd_flags);
	assert_int_equal(fcntl(host, F_GETFL), status);
}

static void test_import__refused(void **state)
{
	struct vfs_task *task = ((struct world *)*state)->task;
	struct vfs_rlimit limit = {0, 1024};
	int host = host_file("x"), other;
	char path[40];

	check_refused(task, host, 4, -EINVAL);
	check_refused(task, host, UINT32_MAX, -EINVAL);
	check_refused(NULL, host, 0, -EFAULT);
	check_eq(vfs_import_fd(task, -1, 0), -EBADF);
	check_eq(vfs_import_fd(task, INT32_MAX, 0), -EBADF);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", host);
	other = open(path, O_PATH);
	check_refused(task, other, 0, -EBADF);
	host_close(other);
	other = open(path, O_WRONLY);
	check_refused(task, other, VFS_IMPORT_RDONLY, -EBADF);
	host_close(other);
	other = open("/", O_RDONLY | O_DIRECTORY);
	check_refused(task, other, 0, -EISDIR);
	host_close(other);
	other = eventfd(0, 0);
	check_refused(task, other, 0, -EOPNOTSUPP);
	host_close(other);
	other = epoll_create1(0);
	check_refused(task, other, 0, -EOPNOTSUPP);
	host_close(other);
	check_ok(vfs_setrlimit(task, RLIMIT_NOFILE, &limit));
	check_refused(task, host, 0, -EMFILE);
	/* the descriptor before the limit, as dup has it */
	check_eq(vfs_import_fd(task, -1, 0), -EBADF);
	host_close(host);
}

/* Each allocation in turn fails; the host's descriptor stays. */
static void sweep(int (*make)(void))
{
	const struct vfs_config plain = {.size = sizeof(plain),
					 .flags = VFS_CONFIG_PLAIN_MEMORY};
	struct world world;
	uint64_t nth = 1;
	int before, host, fd;

	do {
		assert_int_equal(world_open(&world, &plain), 0);
		before = host_fds();
		host = make();
		test_alloc_fail(&world.alloc, nth, 1);
		fd = vfs_import_fd(world.task, host, 0);
		if (test_alloc_heal(&world.alloc)) {
			check_eq(fd, -ENOMEM);
			assert_int_equal(host_fds(), before + 1);
			assert_true(host_is_open(host));
			assert_int_equal(fcntl(host, F_GETFD), 0);
			/* made again, it works */
			check_eq(vfs_import_fd(world.task, host, 0), 0);
			nth++;
		} else {
			assert_int_equal(fd, 0);
			nth = 0;
		}
		check_ok(vfs_close(world.task, 0));
		assert_int_equal(host_fds(), before);
		assert_true(world_close(&world));
	} while (nth);
}

static int make_file(void)
{
	return host_file("text");
}

static int make_pipe(void)
{
	int p[2];

	assert_int_equal(pipe(p), 0);
	host_close(p[1]);
	return p[0];
}

static int make_null(void)
{
	return open("/dev/null", O_RDWR);
}

static void test_import__out_of_memory(void **state)
{
	(void)state;
	sweep(make_file);
	sweep(make_pipe);
	sweep(make_null);
}

/* ---- regular files ---- */

static void test_import__reads_and_writes(void **state)
{
	struct vfs_task *task = ((struct world *)*state)->task;
	int host = host_file("0123456789"), fd = import(task, dup(host), 0);
	struct vfs_iovec iov[2];
	char a[4] = "", b[4] = "";

	check_eq(vfs_read(task, fd, a, 3), 3);
	assert_memory_equal(a, "012", 3);
	check_eq(vfs_pread(task, fd, a, 3, 8), 2);
	assert_memory_equal(a, "89", 2);
	check_eq(vfs_write(task, fd, "x", 1), 1);
	check_eq(vfs_pwrite(task, fd, "yz", 2, 9), 2);
	check_host(host, "012x45678yz");
	iov[0] = (struct vfs_iovec){a, 2};
	iov[1] = (struct vfs_iovec){b, 3};
	check_eq(vfs_readv(task, fd, iov, 2), 5);
	assert_memory_equal(a, "45", 2);
	assert_memory_equal(b, "678", 3);
	check_eq(vfs_lseek(task, fd, 0, SEEK_CUR), 9);
	check_eq(vfs_lseek(task, fd, 0, SEEK_END), 11);
	check_eq(vfs_read(task, fd, a, 3), 0);
	/* others write, too */
	check_eq(pwrite(host, "more", 4, 11), 4);
	check_eq(vfs_lseek(task, fd, -1, SEEK_END), 14);
	check_eq(vfs_read(task, fd, a, 3), 1);
	check_eq(vfs_preadv2(task, fd, iov, 2, 0, RWF_NOWAIT), -EOPNOTSUPP);
	check_eq(vfs_pwritev2(task, fd, iov, 1, 0, RWF_DSYNC), 2);
	check_eq(vfs_read(task, fd, NULL, 1), 0);
	check_eq(vfs_pread(task, fd, NULL, 1, 0), -EFAULT);
	check_eq(vfs_pread(task, fd, a, 1, -1), -EINVAL);
	host_close(host);
}

static void test_import__the_position_is_its_own(void **state)
{
	struct vfs_task *task = ((struct world *)*state)->task;
	int host = host_file("0123456789"), fd;
	char b[4];

	assert_int_equal(lseek(host, 4, SEEK_SET), 4);
	fd = import(task, dup(host), 0);
	check_eq(vfs_lseek(task, fd, 0, SEEK_CUR), 4);
	check_eq(vfs_read(task, fd, b, 3), 3);
	assert_memory_equal(b, "456", 3);
	check_eq(vfs_lseek(task, fd, 3, SEEK_DATA), 3);
	check_eq(vfs_lseek(task, fd, 3, SEEK_HOLE), 10);
	check_eq(vfs_lseek(task, fd, 10, SEEK_DATA), -ENXIO);
	check_eq(vfs_lseek(task, fd, 0, 9), -EINVAL);
	check_eq(vfs_lseek(task, fd, -1, SEEK_SET), -EINVAL);
	assert_int_equal(lseek(host, 0, SEEK_CUR), 4);
	host_close(host);
}

static void test_import__access_is_the_hosts(void **state)
{
	struct vfs_task *task = ((struct world *)*state)->task;
	int host = host_file("text"), r, w;
	char path[40], b[4];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", host);
	r = import(task, open(path, O_RDONLY), 0);
	w = import(task, open(path, O_WRONLY), 0);
	check_eq(vfs_fcntl(task, r, F_GETFL, 0) & O_ACCMODE, O_RDONLY);
	check_eq(vfs_fcntl(task, w, F_GETFL, 0) & O_ACCMODE, O_WRONLY);
	check_eq(vfs_write(task, r, "x", 1), -EBADF);
	check_eq(vfs_ftruncate(task, r, 0), -EINVAL);
	check_eq(vfs_fallocate(task, r, 0, 0, 1), -EBADF);
	check_eq(vfs_read(task, w, b, 1), -EBADF);
	check_eq(vfs_write(task, w, "T", 1), 1);
	check_eq(vfs_read(task, r, b, 4), 4);
	assert_memory_equal(b, "Text", 4);
	/* attributes do not depend on it */
	check_ok(vfs_fchmod(task, r, 0640));
	host_close(host);
}

static void test_import__read_only(void **state)
{
	struct vfs_task *task = ((struct world *)*state)->task;
	const struct vfs_timespec times[2] = {{1, 0, 0}, {2, 0, 0}};
	int host = host_file("text"), fd;
	struct vfs_statfs fs;
	struct stat st, now;
	char b[4];
	void *at;

	assert_int_equal(fstat(host, &st), 0);
	fd = import(task, dup(host), VFS_IMPORT_RDONLY);
	check_eq(vfs_fcntl(task, fd, F_GETFL, 0) & O_ACCMODE, O_RDONLY);
	check_eq(vfs_read(task, fd, b, 4), 4);
	check_eq(vfs_write(task, fd, "x", 1), -EBADF);
	check_eq(vfs_pwrite(task, fd, "x", 1, 0), -EBADF);
	check_eq(vfs_ftruncate(task, fd, 0), -EINVAL);
	check_eq(vfs_fallocate(task, fd, 0, 0, 100), -EBADF);
	check_eq(vfs_fchmod(task, fd, 0), -EROFS);
	check_eq(vfs_fchown(task, fd, 1, 1), -EROFS);
	check_eq(vfs_futimens(task, fd, times), -EROFS);
	check_eq(vfs_fsetxattr(task, fd, "user.a", "1", 1, 0), -EROFS);
	check_eq(vfs_fremovexattr(task, fd, "user.a"), -EROFS);
	check_eq(vfs_mmap(task, NULL, 4, PROT_READ | PROT_WRITE, MAP_SHARED, fd,
			  0, &at),
		 -EACCES);
	check_ok(vfs_fstatfs(task, fd, &fs));
	assert_true(fs.flags & 1);
	assert_int_equal(fstat(host, &now), 0);
	assert_int_equal(now.st_size, 4);
	assert_int_equal(now.st_mode, st.st_mode);
	assert_int_equal(now.st_mtim.tv_nsec, st.st_mtim.tv_nsec);
	host_close(host);
}

static void test_import__appending(void **state)
{
	struct vfs_task *task = ((struct world *)*state)->task;
	int host = host_file("abc"), fd;
	char path[40];

	/* ours alone */
	fd = import(task, dup(host), 0);
	check_ok(vfs_fcntl(task, fd, F_SETFL, O_APPEND));
	check_eq(vfs_write(task, fd, "d", 1), 1);
	check_eq(pwrite(host, "e", 1, 4), 1);
	check_eq(vfs_write(task, fd, "f", 1), 1);
	check_eq(vfs_pwrite(task, fd, "g", 1, 0), 1);
	check_host(host, "abcdefg");
	check_eq(vfs_lseek(task, fd, 0, SEEK_CUR), 6);
	assert_false(fcntl(host, F_GETFL) & O_APPEND);
	check_ok(vfs_fcntl(task, fd, F_SETFL, 0));
	check_eq(vfs_pwrite(task, fd, "A", 1, 0), 1);
	check_host(host, "Abcdefg");
	/* the host's, and then no more ours */
	snprintf(path, sizeof(path), "/proc/self/fd/%d", host);
	fd = import(task, open(path, O_RDWR | O_APPEND), 0);
	assert_true(vfs_fcntl(task, fd, F_GETFL, 0) & O_APPEND);
	check_eq(vfs_write(task, fd, "h", 1), 1);
	check_host(host, "Abcdefgh");
	check_ok(vfs_fcntl(task, fd, F_SETFL, 0));
	check_eq(vfs_pwrite(task, fd, "B", 1, 1), 1);
	check_host(host, "ABcdefgh");
	host_close(host);
}

static void test_import__sizes(void **state)
{
	struct vfs_task *task = ((struct world *)*state)->task;
	int host = host_file("0123456789"), fd = import(task, dup(host), 0);
	struct vfs_rlimit limit = {100, 1000};
	struct stat st;
	int left;

	check_ok(vfs_ftruncate(task, fd, 5));
	check_host(host, "01234");
	check_eq(vfs_ftruncate(task, fd, -1), -EINVAL);
	check_ok(vfs_fallocate(task, fd, 0, 0, 8192));
	assert_int_equal(fstat(host, &st), 0);
	assert_int_equal(st.st_size, 8192);
	assert_true(st.st_blocks >= 16);
	check_ok(vfs_fallocate(
		task, fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 8192));
	check_eq(vfs_lseek(task, fd, 0, SEEK_DATA), -ENXIO);
	check_ok(vfs_ftruncate(task, fd, 20));
	check_eq(vfs_lseek(task, fd, 4, SEEK_SET), 4);
	check_ok(vfs_ioctl(task, fd, FIONREAD, &left));
	assert_int_equal(left, 16);
	check_eq(ftruncate(host, 30), 0);
	check_ok(vfs_ioctl(task, fd, FIONREAD, &left));
	assert_int_equal(left, 26);
	check_ok(vfs_setrlimit(task, RLIMIT_FSIZE, &limit));
	check_eq(vfs_ftruncate(task, fd, 101), -EFBIG);
	check_eq(vfs_pwrite(task, fd, "abc", 3, 98), 2);
	check_eq(vfs_pwrite(task, fd, "abc", 3, 100), -EFBIG);
	check_ok(vfs_fsync(task, fd));
	check_ok(vfs_fdatasync(task, fd));
	check_ok(vfs_syncfs(task, fd));
	check_ok(vfs_fadvise(task, fd, 0, 0, POSIX_FADV_NORMAL));
	check_eq(vfs_ioctl(task, fd, TIOCGWINSZ, &st), -ENOTTY);
	check_eq(vfs_fcntl(task, fd, F_GETPIPE_SZ, 0), -EBADF);
	check_eq(vfs_fcntl(task, fd, F_GET_SEALS, 0), -EINVAL);
	check_eq(vfs_fcntl(task, fd, F_SETFL, O_DIRECT), -EINVAL);
	host_close(host);
}

static void test_import__attributes(void **state)
{
	struct vfs_task *task = ((struct world *)*state)->task;
	const struct vfs_timespec times[2] = {{1000, 1, 0}, {2000, 2, 0}};
	int host = host_file("text"), fd = import(task, dup(host), 0);
	struct vfs_statfs fs;
	struct vfs_stat st;
	struct stat hst;

	assert_int_equal(fchmod(host, 0604), 0);
	assert_int_equal(fstat(host, &hst), 0);
	check_ok(vfs_fstat(task, fd, &st));
	assert_int_equal(st.mode, S_IFREG | 0604);
	assert_int_equal(st.ino, hst.st_ino);
	assert_int_equal(st.uid, hst.st_uid);
	assert_int_equal(st.nlink, 0);
	assert_int_equal(st.size, 4);
	assert_int_equal(st.blocks, hst.st_blocks);
	assert_int_equal(st.mtime.sec, hst.st_mtim.tv_sec);
	assert_int_equal(st.mtime.nsec, hst.st_mtim.tv_nsec);
	assert_int_not_equal(st.dev, hst.st_dev);
	check_ok(vfs_fchmod(task, fd, 0751));
	check_ok(vfs_futimens(task, fd, times));
	assert_int_equal(fstat(host, &hst), 0);
	assert_int_equal(hst.st_mode, S_IFREG | 0751);
	assert_int_equal(hst.st_atim.tv_sec, 1000);
	assert_int_equal(hst.st_mtim.tv_nsec, 2);
	check_ok(vfs_fstat(task, fd, &st));
	assert_int_equal(st.atime.sec, 1000);
	if (!geteuid()) {
		check_ok(vfs_fchmod(task, fd, 06755));
		check_ok(vfs_fchown(task, fd, 77, 78));
		assert_int_equal(fstat(host, &hst), 0);
		assert_int_equal(hst.st_uid, 77);
		assert_int_equal(hst.st_gid, 78);
		assert_int_equal(hst.st_mode, S_IFREG | 0755);
	}
	check_ok(vfs_fstatfs(task, fd, &fs));
	assert_true(fs.bsize > 0 && fs.type != 0);
	check_eq(vfs_fchdir(task, fd), -ENOTDIR);
	check_eq(vfs_getdents(task, fd, &st, sizeof(st)), -ENOTDIR);
	host_close(host);
}

/* Who may change what is asked by the host's attributes and the task's ids. */
static void test_import__permissions(void **state)
{
	struct world *w = *state;
	int host = host_file("text"), fd = import(w->user, dup(host), 0);
	struct stat st;

	assert_int_equal(fstat(host, &st), 0);
	if (st.st_uid != 1000) {
		check_eq(vfs_fchmod(w->user, fd, 0777), -EPERM);
		check_eq(vfs_fchown(w->user, fd, 1000, 1000), -EPERM);
	}
	check_ok(vfs_fchmod(w->task, import(w->task, dup(host), 0), 04755));
	/* an ordinary task's write takes the bit away */
	check_eq(vfs_write(w->user, fd, "x", 1), 1);
	assert_int_equal(fstat(host, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0755);
	host_close(host);
}

static void test_import__xattrs(void **state)
{
	struct vfs_task *task = ((struct world *)*state)->task;
	int host = host_file("x"), fd = import(task, dup(host), 0);
	char b[64];

	if (fsetxattr(host, "user.probe", "1", 1, 0)) {
		/* the host's /tmp has none: the error is the host's */
		check_eq(vfs_fsetxattr(task, fd, "user.a", "1", 1, 0), -errno);
		host_close(host);
		return;
	}
	check_ok(vfs_fsetxattr(task, fd, "user.a", "one", 3, 0));
	check_eq(vfs_fsetxattr(task, fd, "user.a", "2", 1, XATTR_CREATE),
		 -EEXIST);
	check_eq(fgetxattr(host, "user.a", b, sizeof(b)), 3);
	check_eq(vfs_fgetxattr(task, fd, "user.probe", b, sizeof(b)), 1);
	check_eq(vfs_fgetxattr(task, fd, "user.b", b, sizeof(b)), -ENODATA);
	check_eq(vfs_fgetxattr(task, fd, "trusted.a", b, 1), -EOPNOTSUPP);
	check_eq(vfs_fsetxattr(task, fd, "trusted.a", "1", 1, 0), -EOPNOTSUPP);
	(void)fsetxattr(host, "trusted.hidden", "1", 1, 0);
	check_eq(vfs_flistxattr(task, fd, NULL, 0), 18);
	check_eq(vfs_flistxattr(task, fd, b, 17), -ERANGE);
	check_eq(vfs_flistxattr(task, fd, b, sizeof(b)), 18);
	check_ok(vfs_fremovexattr(task, fd, "user.a"));
	check_eq(vfs_fremovexattr(task, fd, "user.a"), -ENODATA);
	host_close(host);
}

static void test_import__mapped(void **state)
{
	struct vfs_task *task = ((struct world *)*state)->task;
	int before = host_fds(), host = host_file("text"), fd;
	char b[4] = "";
	void *at, *ro;

	fd = import(task, host, 0);
	check_ok(vfs_mmap(task, NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED,
			  fd, 0, &at));
	check_ok(
		vfs_mmap(task, NULL, 4096, PROT_READ, MAP_PRIVATE, fd, 0, &ro));
	assert_memory_equal(at, "text", 4);
	memcpy(at, "T", 1);
	check_eq(vfs_pread(task, fd, b, 4, 0), 4);
	assert_memory_equal(b, "Text", 4);
	check_ok(vfs_msync(task, at, 4096, MS_SYNC));
	/* the mapping keeps the open file, and that the host's descriptor */
	check_ok(vfs_close(task, fd));
	assert_true(host_is_open(host));
	assert_memory_equal(ro, "Text", 4);
	check_ok(vfs_munmap(task, at, 4096));
	check_ok(vfs_munmap(task, ro, 4096));
	assert_int_equal(host_fds(), before);
}

static void test_import__copying(void **state)
{
	struct vfs_task *task = ((struct world *)*state)->task;
	int a = host_file("0123456789"), b = host_file("");
	int in = import(task, dup(a), 0), out = import(task, dup(b), 0), tmp;
	int64_t at = 2;

	check_eq(vfs_copy_file_range(task, in, &at, out, NULL, 3, 0), 3);
	check_host(b, "234");
	check_eq(pwrite(a, "ab", 2, 10), 2);
	check_eq(vfs_copy_file_range(task, in, &at, out, NULL, 99, 0), 7);
	check_host(b, "23456789ab");
	check_eq(at, 12);
	tmp = check_fd(vfs_open(task, "/tmp-file", O_RDWR | O_CREAT, 0600));
	check_eq(vfs_copy_file_range(task, in, NULL, tmp, NULL, 3, 0), -EXDEV);
	check_eq(vfs_sendfile(task, tmp, in, NULL, 4), 4);
	check_file(task, "/tmp-file", "0123");
	check_eq(vfs_lseek(task, tmp, 0, SEEK_SET), 0);
	check_eq(vfs_lseek(task, out, 0, SEEK_SET), 0);
	check_eq(vfs_sendfile(task, out, tmp, NULL, 4), 4);
	check_host(b, "01236789ab");
	host_close(a);
	host_close(b);
}

/* Record locks are the instance's, and an import is a file of its own. */
static void test_import__locks(void **state)
{
	struct world *w = *state;
	int host = host_file("x"), fd = import(w->task, dup(host), 0), again;
	struct vfs_flock lock = {.type = F_WRLCK};
	struct vfs_task *other;

	check_ok(vfs_task_clone(w->task, 0, &other));
	check_ok(vfs_fcntl_lock(w->task, fd, F_SETLK, &lock));
	check_eq(vfs_fcntl_lock(other, fd, F_SETLK, &lock), -EAGAIN);
	again = import(other, dup(host), 0);
	check_ok(vfs_fcntl_lock(other, again, F_SETLK, &lock));
	check_ok(vfs_flock(w->task, fd, 2));
	vfs_task_unref(other);
	host_close(host);
}

/* ---- /proc ---- */

static void check_link(struct vfs_task *task, int fd, const char *format,
		       unsigned long long number)
{
	char path[40], got[64] = "", expected[64];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	check_fd(vfs_readlink(task, path, got, sizeof(got) - 1));
	snprintf(expected, sizeof(expected), format, number);
	assert_string_equal(got, expected);
}

static void test_import__names_in_proc(void **state)
{
	struct vfs_task *task = ((struct world *)*state)->task;
	int host = host_file("x"), p[2];
	struct stat st;

	check_ok(vfs_mkdir(task, "/proc", 0755));
	check_ok(vfs_mount(task, "proc", "/proc", "proc", 0, NULL));
	assert_int_equal(fstat(host, &st), 0);
	check_link(task, import(task, host, 0), "file:[%llu]", st.st_ino);
	assert_int_equal(pipe(p), 0);
	assert_int_equal(fstat(p[0], &st), 0);
	check_link(task, import(task, p[0], 0), "pipe:[%llu]", st.st_ino);
	host_close(p[1]);
	check_link(task, import(task, make_null(), 0), "/dev/null", 0);
}

static void test_import__opened_again(void **state)
{
	struct vfs_task *task = ((struct world *)*state)->task;
	int before = host_fds(), host = host_file("0123"), fd, again, p[2];
	char b[8];

	check_ok(vfs_mkdir(task, "/proc", 0755));
	check_ok(vfs_mount(task, "proc", "/proc", "proc", 0, NULL));
	fd = import(task, host, 0);
	check_eq(vfs_read(task, fd, b, 2), 2);
	again = check_fd(vfs_open(task, "/proc/self/fd/0", O_RDWR, 0));
	check_eq(vfs_read(task, again, b, 8), 4);
	check_eq(vfs_write(task, again, "4", 1), 1);
	check_eq(vfs_read(task, fd, b, 8), 3);
	check_fd(vfs_open(task, "/proc/self/fd/0", O_WRONLY | O_TRUNC, 0));
	check_eq(vfs_pread(task, fd, b, 8, 0), 0);
	check_ok(vfs_truncate(task, "/proc/self/fd/0", 3));
	check_eq(vfs_pread(task, fd, b, 8, 0), 3);
	check_eq(vfs_open(task, "/proc/self/fd/0", O_RDONLY | O_DIRECTORY, 0),
		 -ENOTDIR);
	check_eq(vfs_open(task, "/proc/self/fd/0", O_RDONLY | O_CREAT | O_EXCL,
			  0600),
		 -EEXIST);
	check_ok(vfs_close_range(task, 0, 9, 0));
	/* read-only stays read-only */
	fd = import(task, host_file("abc"), VFS_IMPORT_RDONLY);
	check_eq(vfs_open(task, "/proc/self/fd/0", O_RDWR, 0), -EACCES);
	check_eq(vfs_truncate(task, "/proc/self/fd/0", 0), -EROFS);
	again = check_fd(vfs_open(task, "/proc/self/fd/0", O_RDONLY, 0));
	check_eq(vfs_fchmod(task, again, 0777), -EROFS);
	check_ok(vfs_close_range(task, 0, 9, 0));
	/* a pipe, whose writer others have */
	assert_int_equal(pipe(p), 0);
	import(task, p[0], 0);
	again = check_fd(vfs_open(task, "/proc/self/fd/0", O_RDONLY, 0));
	check_eq(vfs_fcntl(task, again, F_GETFL, 0) & O_NONBLOCK, 0);
	assert_int_equal(write(p[1], "hello", 5), 5);
	check_eq(vfs_read(task, again, b, 8), 5);
	check_eq(vfs_open(task, "/proc/self/fd/0", O_WRONLY, 0), -EACCES);
	host_close(p[1]);
	check_eq(vfs_read(task, again, b, 8), 0);
	check_ok(vfs_close_range(task, 0, 9, 0));
	assert_int_equal(host_fds(), before);
}

/* Nobody gets more than was handed in, whatever the host's process may do. */
static void test_import__no_more_access_than_imported(void **state)
{
	struct vfs_task *task = ((struct world *)*state)->task;
	int host = host_file("text");
	char path[40];

	check_ok(vfs_mkdir(task, "/proc", 0755));
	check_ok(vfs_mount(task, "proc", "/proc", "proc", 0, NULL));
	snprintf(path, sizeof(path), "/proc/self/fd/%d", host);
	import(task, open(path, O_RDONLY), 0);
	import(task, open(path, O_WRONLY), 0);
	check_eq(vfs_open(task, "/proc/self/fd/0", O_RDWR, 0), -EACCES);
	check_eq(vfs_open(task, "/proc/self/fd/0", O_WRONLY, 0), -EACCES);
	check_eq(vfs_open(task, "/proc/self/fd/0", O_RDONLY | O_TRUNC, 0),
		 -EACCES);
	check_eq(vfs_truncate(task, "/proc/self/fd/0", 0), -EINVAL);
	check_eq(vfs_open(task, "/proc/self/fd/1", O_RDONLY, 0), -EACCES);
	check_eq(vfs_open(task, "/proc/self/fd/1", 3, 0), -EACCES);
	check_fd(vfs_open(task, "/proc/self/fd/0", O_RDONLY, 0));
	check_fd(vfs_open(task, "/proc/self/fd/1", O_WRONLY, 0));
	check_host(host, "text");
	host_close(host);
}

/* An O_PATH descriptor keeps what is known, not the host's descriptor. */
static void test_import__only_a_place_is_left(void **state)
{
	struct vfs_task *task = ((struct world *)*state)->task;
	int host = host_file("text"), fd, path;
	struct vfs_stat st;

	check_ok(vfs_mkdir(task, "/proc", 0755));
	check_ok(vfs_mount(task, "proc", "/proc", "proc", 0, NULL));
	fd = import(task, host, 0);
	path = check_fd(vfs_open(task, "/proc/self/fd/0", O_PATH, 0));
	check_ok(vfs_close(task, fd));
	assert_false(host_is_open(host));
	check_ok(vfs_fstat(task, path, &st));
	assert_int_equal(st.size, 4);
	assert_int_equal(path, 1);
	check_eq(vfs_open(task, "/proc/self/fd/1", O_RDONLY, 0), -ENXIO);
	check_eq(vfs_chmod(task, "/proc/self/fd/1", 0), -ESTALE);
	check_eq(vfs_truncate(task, "/proc/self/fd/1", 0), -ESTALE);
	check_eq(vfs_getxattr(task, "/proc/self/fd/1", "user.a", &st, 1),
		 -ESTALE);
}

/* Devices of the host keep apart what has the same inode number there. */
static void test_import__device_numbers(void **state)
{
	struct vfs_task *task = ((struct world *)*state)->task;
	struct vfs_stat a, b, c;
	int p[2];

	check_ok(vfs_fstat(task, import(task, host_file("a"), 0), &a));
	check_ok(vfs_fstat(task, import(task, host_file("b"), 0), &b));
	assert_int_equal(pipe(p), 0);
	check_ok(vfs_fstat(task, import(task, p[0], 0), &c));
	host_close(p[1]);
	assert_int_equal(a.dev, b.dev);
	assert_int_not_equal(a.dev, c.dev);
	assert_int_not_equal(a.ino, b.ino);
}

/* One thread asks by name what another one closes. */
struct race {
	struct vfs_task *task;
	int stop; /* atomic */
	int seen;
};

static void *ask_by_name(void *arg)
{
	struct race *race = arg;
	struct vfs_stat st;
	char b[64];

	while (!__atomic_load_n(&race->stop, __ATOMIC_ACQUIRE)) {
		int fd = vfs_open(race->task, "/proc/self/fd/0", O_RDONLY, 0);

		if (fd >= 0)
			check_ok(vfs_close(race->task, fd));
		if (!vfs_stat(race->task, "/proc/self/fd/0", &st))
			race->seen += st.size == 4;
		(void)vfs_readlink(race->task, "/proc/self/fd/0", b, 64);
		(void)vfs_chmod(race->task, "/proc/self/fd/0", 0600);
		(void)vfs_read(race->task, 0, b, 1);
	}
	return NULL;
}

static void test_import__closed_while_it_is_asked(void **state)
{
	struct world *w = *state;
	struct race race = {.task = w->task};
	int before = host_fds(), host = host_file("text");
	pthread_t thread;

	check_ok(vfs_mkdir(w->task, "/proc", 0755));
	check_ok(vfs_mount(w->task, "proc", "/proc", "proc", 0, NULL));
	assert_int_equal(pthread_create(&thread, NULL, ask_by_name, &race), 0);
	for (int i = 0; i < 500; i++) {
		int fd = import(w->task, dup(host), 0);

		usleep(200);
		check_ok(vfs_close(w->task, fd));
	}
	__atomic_store_n(&race.stop, 1, __ATOMIC_RELEASE);
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_true(race.seen > 0);
	host_close(host);
	assert_int_equal(host_fds(), before);
}

static void test_import__errno_is_left_alone(void **state)
{
	struct vfs_task *task = ((struct world *)*state)->task;
	int fd = import(task, host_file("x"), 0);
	char b[4];

	errno = 4711;
	check_eq(vfs_import_fd(task, -1, 0), -EBADF);
	check_eq(vfs_fallocate(task, fd, FALLOC_FL_COLLAPSE_RANGE, 1, 1) < 0,
		 true);
	check_eq(vfs_lseek(task, fd, 5, SEEK_DATA), -ENXIO);
	check_eq(vfs_read(task, fd, b, 4), 1);
	assert_int_equal(errno, 4711);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		world_test(test_import__the_lowest_free_number),
		world_test(test_import__the_host_descriptor_goes_with_the_last),
		world_test(test_import__a_shared_table),
		world_test(test_import__a_copy_that_the_caller_keeps),
		world_test(test_import__refused),
		cmocka_unit_test(test_import__out_of_memory),
		world_test(test_import__reads_and_writes),
		world_test(test_import__the_position_is_its_own),
		world_test(test_import__access_is_the_hosts),
		world_test(test_import__read_only),
		world_test(test_import__appending),
		world_test(test_import__sizes),
		world_test(test_import__attributes),
		world_test(test_import__permissions),
		world_test(test_import__xattrs),
		world_test(test_import__mapped),
		world_test(test_import__copying),
		world_test(test_import__locks),
		world_test(test_import__names_in_proc),
		world_test(test_import__opened_again),
		world_test(test_import__no_more_access_than_imported),
		world_test(test_import__only_a_place_is_left),
		world_test(test_import__device_numbers),
		world_test(test_import__closed_while_it_is_asked),
		world_test(test_import__errno_is_left_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL) ? 1 : 0;
}
