/* SPDX-License-Identifier: MIT */
/* open(2), openat(2), openat2(2), creat(2): flags, types, paths, modes. */
#include <linux/openat2.h>

#include "support/check.h"

static uint32_t mode_of(struct vfs_task *task, const char *path)
{
	struct vfs_stat st;

	check_ok(vfs_lstat(task, path, &st));
	return st.mode;
}

static int open_close(struct vfs_task *task, const char *path, int flags)
{
	int fd = vfs_open(task, path, flags, 0644);

	return fd < 0 ? fd : vfs_close(task, fd);
}

static void test_open__create(void **state)
{
	struct world *w = *state;

	check_eq(open_close(w->task, "/f", O_RDWR), -ENOENT);
	check_ok(open_close(w->task, "/f", O_RDWR | O_CREAT));
	check_eq(mode_of(w->task, "/f"), S_IFREG | 0644);
	check_ok(open_close(w->task, "/f", O_RDWR | O_CREAT));
	check_eq(open_close(w->task, "/f", O_CREAT | O_EXCL), -EEXIST);
	check_eq(open_close(w->task, "", O_RDWR | O_CREAT), -ENOENT);
	check_eq(open_close(w->task, "/no/f", O_RDWR | O_CREAT), -ENOENT);
	check_eq(open_close(w->task, "/f/g", O_RDWR | O_CREAT), -ENOTDIR);
	check_eq(open_close(w->task, "/f/", O_RDWR), -ENOTDIR);
	check_eq(open_close(w->task, "/new/", O_RDWR | O_CREAT), -EISDIR);
	check_fd(vfs_creat(w->task, "/c", 0600));
	check_eq(mode_of(w->task, "/c"), S_IFREG | 0600);
}

static void test_open__mode_and_umask(void **state)
{
	struct world *w = *state;
	int fd;

	check_eq(vfs_umask(w->user, 027), 0);
	check_eq(vfs_umask(w->user, 027), 027);
	check_fd(vfs_open(w->user, "/a", O_CREAT | O_RDWR, 0666));
	check_eq(mode_of(w->task, "/a"), S_IFREG | 0640);
	/* The descriptor may do what the new file's mode forbids. */
	fd = check_fd(vfs_open(w->user, "/b", O_CREAT | O_RDWR, 0));
	check_eq(vfs_write(w->user, fd, "x", 1), 1);
	check_eq(open_close(w->user, "/b", O_RDONLY), -EACCES);
	check_ok(open_close(w->task, "/b", O_RDONLY));
	check_fd(vfs_open(w->task, "/c", O_CREAT, 07777));
	check_eq(mode_of(w->task, "/c"), S_IFREG | 07777);
}

static void test_open__directory(void **state)
{
	struct world *w = *state;

	check_ok(vfs_mkdir(w->task, "/d", 0755));
	put_file(w->task, "/f", "");
	check_ok(open_close(w->task, "/d", O_RDONLY));
	check_ok(open_close(w->task, "/d/", O_RDONLY | O_DIRECTORY));
	check_ok(open_close(w->task, "/d/.", O_RDONLY | O_DIRECTORY));
	check_eq(open_close(w->task, "/f", O_RDONLY | O_DIRECTORY), -ENOTDIR);
	check_eq(open_close(w->task, "/d", O_WRONLY), -EISDIR);
	check_eq(open_close(w->task, "/d", O_RDWR), -EISDIR);
	check_eq(open_close(w->task, "/d", O_RDONLY | O_TRUNC), -EISDIR);
	check_eq(open_close(w->task, "/d", O_RDONLY | O_CREAT), -EISDIR);
	check_eq(open_close(w->task, "/d", O_CREAT | O_EXCL), -EEXIST);
	check_eq(open_close(w->task, "/d2", O_CREAT | O_DIRECTORY), -EINVAL);
	check_eq(open_close(w->task, "/", O_CREAT), -EISDIR);
	assert_false(exists(w->task, "/d2"));
}

static void test_open__symlink(void **state)
{
	struct world *w = *state;

	put_file(w->task, "/f", "data");
	check_ok(vfs_mkdir(w->task, "/d", 0755));
	check_ok(vfs_symlink(w->task, "f", "/l"));
	check_ok(vfs_symlink(w->task, "d", "/ld"));
	check_ok(vfs_symlink(w->task, "target", "/dangling"));
	check_file(w->task, "/l", "data");
	check_eq(open_close(w->task, "/l", O_NOFOLLOW), -ELOOP);
	check_eq(open_close(w->task, "/ld", O_NOFOLLOW | O_DIRECTORY),
		 -ENOTDIR);
	check_ok(open_close(w->task, "/ld/", O_NOFOLLOW));
	check_ok(open_close(w->task, "/l", O_NOFOLLOW | O_PATH));
	check_eq(open_close(w->task, "/dangling", O_RDONLY), -ENOENT);
	check_eq(open_close(w->task, "/dangling", O_CREAT | O_EXCL), -EEXIST);
	check_ok(open_close(w->task, "/dangling", O_CREAT | O_RDWR));
	assert_true(exists(w->task, "/target"));
	check_eq(open_close(w->task, "/l/", O_RDONLY), -ENOTDIR);
}

static void test_open__symlink_depth(void **state)
{
	struct world *w = *state;
	char from[16], to[16];

	put_file(w->task, "/l0", "end");
	for (int i = 1; i <= 41; i++) {
		snprintf(from, sizeof(from), "/l%d", i);
		snprintf(to, sizeof(to), "l%d", i - 1);
		check_ok(vfs_symlink(w->task, to, from));
	}
	check_file(w->task, "/l40", "end");
	check_eq(open_close(w->task, "/l41", O_RDONLY), -ELOOP);
	check_ok(vfs_symlink(w->task, "self", "/self"));
	check_eq(open_close(w->task, "/self", O_RDONLY), -ELOOP);
	check_eq(open_close(w->task, "/self/x", O_CREAT), -ELOOP);
}

static void test_open__truncate(void **state)
{
	struct world *w = *state;

	put_file(w->task, "/f", "data");
	check_ok(vfs_chmod(w->task, "/f", 0444));
	check_eq(open_close(w->user, "/f", O_RDONLY | O_TRUNC), -EACCES);
	check_file(w->task, "/f", "data");
	check_ok(vfs_chmod(w->task, "/f", 0666));
	check_ok(open_close(w->user, "/f", O_RDONLY | O_TRUNC));
	check_file(w->task, "/f", "");
}

static void test_open__access_modes(void **state)
{
	struct world *w = *state;
	char byte;
	int fd;

	put_file(w->task, "/f", "data");
	fd = check_fd(vfs_open(w->task, "/f", O_RDONLY, 0));
	check_eq(vfs_write(w->task, fd, "x", 1), -EBADF);
	check_eq(vfs_ftruncate(w->task, fd, 0), -EINVAL);
	check_eq(vfs_fallocate(w->task, fd, 0, 0, 1), -EBADF);
	fd = check_fd(vfs_open(w->task, "/f", O_WRONLY, 0));
	check_eq(vfs_read(w->task, fd, &byte, 1), -EBADF);
	/* Access mode 3 asks for both rights and gives neither. */
	fd = check_fd(vfs_open(w->task, "/f", 3, 0));
	check_eq(vfs_read(w->task, fd, &byte, 1), -EBADF);
	check_eq(vfs_write(w->task, fd, "x", 1), -EBADF);
	check_eq(vfs_fcntl(w->task, fd, F_GETFL, 0) & O_ACCMODE, 3);
	check_file(w->task, "/f", "data");
}

static void test_open__permissions(void **state)
{
	struct world *w = *state;

	put_file(w->task, "/f", "");
	check_ok(vfs_chmod(w->task, "/f", 0600));
	check_eq(open_close(w->user, "/f", O_RDONLY), -EACCES);
	check_eq(open_close(w->user, "/f", O_WRONLY), -EACCES);
	check_ok(open_close(w->user, "/f", O_PATH));
	check_ok(vfs_mkdir(w->task, "/closed", 0755));
	put_file(w->task, "/closed/f", "");
	check_ok(vfs_chmod(w->task, "/closed", 0700));
	check_eq(open_close(w->user, "/closed/f", O_RDONLY), -EACCES);
	check_eq(open_close(w->user, "/closed/none", O_RDONLY), -EACCES);
	check_ok(vfs_chmod(w->task, "/closed", 0755));
	check_eq(open_close(w->user, "/closed/new", O_CREAT), -EACCES);
	check_ok(open_close(w->user, "/closed/f", O_CREAT));
	check_eq(open_close(w->user, "/closed/f", O_NOATIME), -EPERM);
	check_ok(open_close(w->task, "/closed/f", O_NOATIME));
}

static void test_open__path_descriptor(void **state)
{
	struct world *w = *state;
	struct vfs_stat st;
	char byte;
	int fd, dir;

	put_file(w->task, "/f", "data");
	check_ok(vfs_mkdir(w->task, "/d", 0755));
	put_file(w->task, "/d/g", "inner");
	fd = check_fd(vfs_open(w->task, "/f", O_PATH, 0));
	check_eq(vfs_read(w->task, fd, &byte, 1), -EBADF);
	check_eq(vfs_write(w->task, fd, "x", 1), -EBADF);
	check_eq(vfs_lseek(w->task, fd, 0, SEEK_SET), -EBADF);
	check_eq(vfs_fchmod(w->task, fd, 0600), -EBADF);
	check_eq(vfs_fgetxattr(w->task, fd, "user.a", NULL, 0), -EBADF);
	check_ok(vfs_fstat(w->task, fd, &st));
	check_eq(st.size, 4);
	check_eq(vfs_fcntl(w->task, fd, F_GETFL, 0) & O_PATH, O_PATH);
	dir = check_fd(vfs_open(w->task, "/d", O_PATH, 0));
	check_fd(vfs_openat(w->task, dir, "g", O_RDONLY, 0));
	check_ok(vfs_fchdir(w->task, dir));
	check_file(w->task, "g", "inner");
}

static void test_open__special(void **state)
{
	struct world *w = *state;

	check_ok(vfs_mknod(w->task, "/sock", S_IFSOCK | 0666, 0));
	check_ok(vfs_mkfifo(w->task, "/fifo", 0666));
	check_ok(vfs_mknod(w->task, "/dev", S_IFCHR | 0666, 0x0fff));
	check_eq(open_close(w->task, "/sock", O_RDONLY), -ENXIO);
	check_ok(open_close(w->task, "/sock", O_PATH));
	check_eq(open_close(w->task, "/fifo", O_WRONLY | O_NONBLOCK), -ENXIO);
	check_ok(open_close(w->task, "/fifo", O_RDONLY | O_NONBLOCK));
	check_ok(open_close(w->task, "/fifo", O_RDWR));
	check_eq(open_close(w->task, "/dev", O_RDONLY), -ENXIO);
}

static void test_open__dirfd(void **state)
{
	struct world *w = *state;
	int dir, file;

	check_ok(vfs_mkdir(w->task, "/d", 0755));
	put_file(w->task, "/d/f", "x");
	dir = check_fd(vfs_open(w->task, "/d", O_RDONLY | O_DIRECTORY, 0));
	file = check_fd(vfs_openat(w->task, dir, "f", O_RDONLY, 0));
	check_eq(vfs_openat(w->task, file, "f", O_RDONLY, 0), -ENOTDIR);
	check_eq(vfs_openat(w->task, 999, "f", O_RDONLY, 0), -EBADF);
	check_eq(vfs_openat(w->task, -1, "f", O_RDONLY, 0), -EBADF);
	check_fd(vfs_openat(w->task, 999, "/d/f", O_RDONLY, 0));
	check_eq(vfs_openat(w->task, dir, "", O_RDONLY, 0), -ENOENT);
	check_eq(vfs_openat(w->task, AT_FDCWD, "f", O_RDONLY, 0), -ENOENT);
	check_fd(vfs_openat(w->task, AT_FDCWD, "d/f", O_RDONLY, 0));
}

static void test_open__tmpfile(void **state)
{
	struct world *w = *state;
	struct vfs_stat st;
	int fd;

	check_ok(vfs_mkdir(w->task, "/d", 0777));
	check_eq(vfs_open(w->task, "/d", O_TMPFILE | O_RDONLY, 0600), -EINVAL);
	fd = check_fd(vfs_open(w->task, "/d", O_TMPFILE | O_RDWR, 0600));
	check_ok(vfs_fstat(w->task, fd, &st));
	check_eq(st.nlink, 0);
	check_eq(vfs_write(w->task, fd, "kept", 4), 4);
	check_ok(vfs_linkat(w->task, fd, "", AT_FDCWD, "/d/named",
			    AT_EMPTY_PATH));
	check_file(w->task, "/d/named", "kept");
	fd = check_fd(
		vfs_open(w->task, "/d", O_TMPFILE | O_RDWR | O_EXCL, 0600));
	check_eq(vfs_linkat(w->task, fd, "", AT_FDCWD, "/d/other",
			    AT_EMPTY_PATH),
		 -ENOENT);
	check_eq(vfs_open(w->task, "/d/named", O_TMPFILE | O_RDWR, 0600),
		 -ENOTDIR);
	check_eq(vfs_open(w->task, "/none", O_TMPFILE | O_RDWR, 0600), -ENOENT);
}

static void test_open__lengths(void **state)
{
	struct world *w = *state;
	static char path[4200];

	memset(path, 'n', 255);
	check_ok(open_close(w->task, path, O_CREAT | O_RDWR));
	path[255] = 'n';
	check_eq(open_close(w->task, path, O_CREAT | O_RDWR), -ENAMETOOLONG);
	check_eq(open_close(w->task, path, O_RDONLY), -ENAMETOOLONG);
	memset(path, '/', sizeof(path));
	path[4094] = '.';
	path[4095] = 0;
	check_ok(open_close(w->task, path, O_RDONLY));
	path[4095] = '.';
	path[4096] = 0;
	check_eq(open_close(w->task, path, O_RDONLY), -ENAMETOOLONG);
}

static void test_open__openat2_arguments(void **state)
{
	struct world *w = *state;
	struct vfs_open_how how = {.flags = O_RDONLY};
	struct {
		struct vfs_open_how how;
		uint64_t more;
	} longer = {.how = {.flags = O_RDONLY}};

	check_fd(vfs_openat2(w->task, AT_FDCWD, "/", &how, sizeof(how)));
	check_eq(vfs_openat2(w->task, AT_FDCWD, "/", &how, 16), -EINVAL);
	check_fd(vfs_openat2(w->task, AT_FDCWD, "/", &longer.how,
			     sizeof(longer)));
	longer.more = 1;
	check_eq(vfs_openat2(w->task, AT_FDCWD, "/", &longer.how,
			     sizeof(longer)),
		 -E2BIG);
	check_eq(vfs_openat2(w->task, AT_FDCWD, "/", NULL, sizeof(how)),
		 -EFAULT);
	how.flags = UINT64_C(1) << 40;
	check_eq(vfs_openat2(w->task, AT_FDCWD, "/", &how, sizeof(how)),
		 -EINVAL);
	how = (struct vfs_open_how){.flags = O_RDONLY, .mode = 0644};
	check_eq(vfs_openat2(w->task, AT_FDCWD, "/", &how, sizeof(how)),
		 -EINVAL);
	how = (struct vfs_open_how){.flags = O_CREAT, .mode = 010000};
	check_eq(vfs_openat2(w->task, AT_FDCWD, "/f", &how, sizeof(how)),
		 -EINVAL);
	how = (struct vfs_open_how){.resolve = 1u << 30};
	check_eq(vfs_openat2(w->task, AT_FDCWD, "/", &how, sizeof(how)),
		 -EINVAL);
	how = (struct vfs_open_how){.resolve =
					    RESOLVE_BENEATH | RESOLVE_IN_ROOT};
	check_eq(vfs_openat2(w->task, AT_FDCWD, "/", &how, sizeof(how)),
		 -EINVAL);
}

static int resolve(struct vfs_task *task, int dir, const char *path,
		   uint64_t flags)
{
	struct vfs_open_how how = {.flags = O_RDONLY, .resolve = flags};
	int fd = vfs_openat2(task, dir, path, &how, sizeof(how));

	return fd < 0 ? fd : vfs_close(task, fd);
}

static void test_open__openat2_resolve(void **state)
{
	struct world *w = *state;
	struct vfs_task *t = w->task;
	int d;

	check_ok(vfs_mkdir(t, "/d", 0755));
	check_ok(vfs_mkdir(t, "/d/sub", 0755));
	put_file(t, "/outside", "out");
	put_file(t, "/d/f", "in");
	check_ok(vfs_symlink(t, "../outside", "/d/up"));
	check_ok(vfs_symlink(t, "/f", "/d/abs"));
	check_ok(vfs_symlink(t, "f", "/d/near"));
	d = check_fd(vfs_open(t, "/d", O_PATH | O_DIRECTORY, 0));
	check_ok(resolve(t, d, "sub/../f", RESOLVE_BENEATH));
	check_eq(resolve(t, d, "../outside", RESOLVE_BENEATH), -EXDEV);
	check_eq(resolve(t, d, "up", RESOLVE_BENEATH), -EXDEV);
	check_eq(resolve(t, d, "abs", RESOLVE_BENEATH), -EXDEV);
	check_eq(resolve(t, d, "/d/f", RESOLVE_BENEATH), -EXDEV);
	check_ok(resolve(t, d, "near", RESOLVE_BENEATH));
	check_ok(resolve(t, d, "abs", RESOLVE_IN_ROOT));
	check_ok(resolve(t, d, "../../f", RESOLVE_IN_ROOT));
	check_eq(resolve(t, d, "up", RESOLVE_IN_ROOT), -ENOENT);
	check_eq(resolve(t, d, "near", RESOLVE_NO_SYMLINKS), -ELOOP);
	check_ok(resolve(t, d, "f", RESOLVE_NO_SYMLINKS));
	check_ok(resolve(t, d, "near", RESOLVE_NO_MAGICLINKS));
	check_ok(resolve(t, d, "../outside", RESOLVE_NO_XDEV));
}

static void test_open__unlinked_file_lives(void **state)
{
	struct world *w = *state;
	struct vfs_stat st;
	char text[5] = "";
	int fd = check_fd(vfs_open(w->task, "/f", O_RDWR | O_CREAT, 0644));

	check_eq(vfs_write(w->task, fd, "body", 4), 4);
	check_ok(vfs_unlink(w->task, "/f"));
	check_ok(vfs_fstat(w->task, fd, &st));
	check_eq(st.nlink, 0);
	check_eq(vfs_pread(w->task, fd, text, 4, 0), 4);
	assert_string_equal(text, "body");
	check_eq(vfs_linkat(w->task, fd, "", AT_FDCWD, "/g", AT_EMPTY_PATH),
		 -ENOENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		world_test(test_open__create),
		world_test(test_open__mode_and_umask),
		world_test(test_open__directory),
		world_test(test_open__symlink),
		world_test(test_open__symlink_depth),
		world_test(test_open__truncate),
		world_test(test_open__access_modes),
		world_test(test_open__permissions),
		world_test(test_open__path_descriptor),
		world_test(test_open__special),
		world_test(test_open__dirfd),
		world_test(test_open__tmpfile),
		world_test(test_open__lengths),
		world_test(test_open__openat2_arguments),
		world_test(test_open__openat2_resolve),
		world_test(test_open__unlinked_file_lives),
	};

	return cmocka_run_group_tests(tests, NULL, NULL) ? 1 : 0;
}
