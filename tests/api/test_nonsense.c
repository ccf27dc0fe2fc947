/* SPDX-License-Identifier: MIT */
/*
 * Bad input for every call of the public headers: an error, never a crash,
 * and nothing changed.
 */
#include <linux/openat2.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <vfs/sys/device.h>

#include "support/check.h"

static const struct vfs_timespec some_times[2] = {{1, 1, 0}, {2, 2, 0}};

static void test_nonsense__no_task(void **state)
{
	struct vfs_open_how how = {0};
	struct vfs_stat st;
	struct vfs_statfs fs;
	struct vfs_iovec iov = {&st, 1};
	struct vfs_flock lock = {.type = F_WRLCK};
	struct vfs_pollfd pollfd = {.fd = 0};
	struct vfs_rlimit limit;
	struct vfs_dir *dir;
	struct vfs_task *task;
	char b[64];
	int fds[2];

	(void)state;
	check_eq(vfs_open(NULL, "/", O_RDONLY, 0), -EFAULT);
	check_eq(vfs_openat(NULL, AT_FDCWD, "/", O_RDONLY, 0), -EFAULT);
	check_eq(vfs_openat2(NULL, AT_FDCWD, "/", &how, sizeof(how)), -EFAULT);
	check_eq(vfs_creat(NULL, "/x", 0), -EFAULT);
	check_eq(vfs_close(NULL, 0), -EFAULT);
	check_eq(vfs_close_range(NULL, 0, 1, 0), -EFAULT);
	check_eq(vfs_dup(NULL, 0), -EFAULT);
	check_eq(vfs_dup2(NULL, 0, 1), -EFAULT);
	check_eq(vfs_dup3(NULL, 0, 1, 0), -EFAULT);
	check_eq(vfs_fcntl(NULL, 0, F_GETFD, 0), -EFAULT);
	check_eq(vfs_ioctl(NULL, 0, 0, NULL), -EFAULT);
	check_eq(vfs_read(NULL, 0, b, 1), -EFAULT);
	check_eq(vfs_write(NULL, 0, b, 1), -EFAULT);
	check_eq(vfs_pread(NULL, 0, b, 1, 0), -EFAULT);
	check_eq(vfs_pwrite(NULL, 0, b, 1, 0), -EFAULT);
	check_eq(vfs_readv(NULL, 0, &iov, 1), -EFAULT);
	check_eq(vfs_writev(NULL, 0, &iov, 1), -EFAULT);
	check_eq(vfs_preadv(NULL, 0, &iov, 1, 0), -EFAULT);
	check_eq(vfs_pwritev(NULL, 0, &iov, 1, 0), -EFAULT);
	check_eq(vfs_preadv2(NULL, 0, &iov, 1, 0, 0), -EFAULT);
	check_eq(vfs_pwritev2(NULL, 0, &iov, 1, 0, 0), -EFAULT);
	check_eq(vfs_lseek(NULL, 0, 0, 0), -EFAULT);
	check_eq(vfs_truncate(NULL, "/", 0), -EFAULT);
	check_eq(vfs_ftruncate(NULL, 0, 0), -EFAULT);
	check_eq(vfs_fallocate(NULL, 0, 0, 0, 1), -EFAULT);
	check_eq(vfs_fsync(NULL, 0), -EFAULT);
	check_eq(vfs_fdatasync(NULL, 0), -EFAULT);
	check_eq(vfs_syncfs(NULL, 0), -EFAULT);
	check_eq(vfs_sync(NULL), -EFAULT);
	check_eq(vfs_copy_file_range(NULL, 0, NULL, 1, NULL, 1, 0), -EFAULT);
	check_eq(vfs_sendfile(NULL, 0, 1, NULL, 1), -EFAULT);
	check_eq(vfs_fadvise(NULL, 0, 0, 0, 0), -EFAULT);
	check_eq(vfs_pipe(NULL, fds), -EFAULT);
	check_eq(vfs_pipe2(NULL, fds, 0), -EFAULT);
	check_eq(vfs_poll(NULL, &pollfd, 1, 0), -EFAULT);
	check_eq(vfs_flock(NULL, 0, 1), -EFAULT);
	check_eq(vfs_fcntl_lock(NULL, 0, F_SETLK, &lock), -EFAULT);
	check_eq(vfs_getdents(NULL, 0, b, 64), -EFAULT);
	check_eq(vfs_opendir(NULL, "/", &dir), -EFAULT);
	check_eq(vfs_fdopendir(NULL, 0, &dir), -EFAULT);
	check_eq(vfs_stat(NULL, "/", &st), -EFAULT);
	check_eq(vfs_lstat(NULL, "/", &st), -EFAULT);
	check_eq(vfs_fstat(NULL, 0, &st), -EFAULT);
	check_eq(vfs_fstatat(NULL, AT_FDCWD, "/", &st, 0), -EFAULT);
	check_eq(vfs_statx(NULL, AT_FDCWD, "/", 0, 0, &st), -EFAULT);
	check_eq(vfs_statfs(NULL, "/", &fs), -EFAULT);
	check_eq(vfs_fstatfs(NULL, 0, &fs), -EFAULT);
	check_eq(vfs_fidentity(NULL, 0, NULL), -EFAULT);
	check_eq(vfs_getrlimit(NULL, RLIMIT_FSIZE, &limit), -EFAULT);
	check_eq(vfs_setrlimit(NULL, RLIMIT_FSIZE, &limit), -EFAULT);
	check_eq(vfs_umask(NULL, 0), -EFAULT);
	check_eq(vfs_import_fd(NULL, 0, 0), -EFAULT);
	check_eq(vfs_task_interrupt(NULL), -EFAULT);
	check_eq(vfs_task_set_cred(NULL, NULL), -EFAULT);
	check_eq(vfs_task_clone(NULL, 0, &task), -EFAULT);
	check_eq(vfs_task_create(NULL, NULL, &task), -EFAULT);
	check_eq(vfs_create(NULL, NULL), -EFAULT);
	assert_null(vfs_task_instance(NULL));
}

static void test_nonsense__no_task_names(void **state)
{
	char b[64];

	(void)state;
	check_eq(vfs_link(NULL, "/a", "/b"), -EFAULT);
	check_eq(vfs_linkat(NULL, 0, "/a", 0, "/b", 0), -EFAULT);
	check_eq(vfs_symlink(NULL, "/a", "/b"), -EFAULT);
	check_eq(vfs_symlinkat(NULL, "/a", 0, "/b"), -EFAULT);
	check_eq(vfs_readlink(NULL, "/a", b, 64), -EFAULT);
	check_eq(vfs_readlinkat(NULL, 0, "/a", b, 64), -EFAULT);
	check_eq(vfs_unlink(NULL, "/a"), -EFAULT);
	check_eq(vfs_unlinkat(NULL, 0, "/a", 0), -EFAULT);
	check_eq(vfs_rmdir(NULL, "/a"), -EFAULT);
	check_eq(vfs_mkdir(NULL, "/a", 0), -EFAULT);
	check_eq(vfs_mkdirat(NULL, 0, "/a", 0), -EFAULT);
	check_eq(vfs_mknod(NULL, "/a", 0, 0), -EFAULT);
	check_eq(vfs_mknodat(NULL, 0, "/a", 0, 0), -EFAULT);
	check_eq(vfs_mkfifo(NULL, "/a", 0), -EFAULT);
	check_eq(vfs_mkfifoat(NULL, 0, "/a", 0), -EFAULT);
	check_eq(vfs_rename(NULL, "/a", "/b"), -EFAULT);
	check_eq(vfs_renameat(NULL, 0, "/a", 0, "/b"), -EFAULT);
	check_eq(vfs_renameat2(NULL, 0, "/a", 0, "/b", 0), -EFAULT);
	check_eq(vfs_chdir(NULL, "/"), -EFAULT);
	check_eq(vfs_fchdir(NULL, 0), -EFAULT);
	check_eq(vfs_chroot(NULL, "/"), -EFAULT);
	check_eq(vfs_getcwd(NULL, b, 64), -EFAULT);
	check_eq(vfs_realpath(NULL, "/", b, 64), -EFAULT);
	check_eq(vfs_access(NULL, "/", 0), -EFAULT);
	check_eq(vfs_faccessat(NULL, 0, "/", 0), -EFAULT);
	check_eq(vfs_faccessat2(NULL, 0, "/", 0, 0), -EFAULT);
	check_eq(vfs_chmod(NULL, "/", 0), -EFAULT);
	check_eq(vfs_fchmod(NULL, 0, 0), -EFAULT);
	check_eq(vfs_fchmodat(NULL, 0, "/", 0), -EFAULT);
	check_eq(vfs_fchmodat2(NULL, 0, "/", 0, 0), -EFAULT);
	check_eq(vfs_chown(NULL, "/", 0, 0), -EFAULT);
	check_eq(vfs_lchown(NULL, "/", 0, 0), -EFAULT);
	check_eq(vfs_fchown(NULL, 0, 0, 0), -EFAULT);
	check_eq(vfs_fchownat(NULL, 0, "/", 0, 0, 0), -EFAULT);
	check_eq(vfs_utimensat(NULL, 0, "/", some_times, 0), -EFAULT);
	check_eq(vfs_futimens(NULL, 0, some_times), -EFAULT);
	check_eq(vfs_getxattr(NULL, "/", "user.a", b, 64), -EFAULT);
	check_eq(vfs_lgetxattr(NULL, "/", "user.a", b, 64), -EFAULT);
	check_eq(vfs_fgetxattr(NULL, 0, "user.a", b, 64), -EFAULT);
	check_eq(vfs_setxattr(NULL, "/", "user.a", b, 4, 0), -EFAULT);
	check_eq(vfs_lsetxattr(NULL, "/", "user.a", b, 4, 0), -EFAULT);
	check_eq(vfs_fsetxattr(NULL, 0, "user.a", b, 4, 0), -EFAULT);
	check_eq(vfs_listxattr(NULL, "/", b, 64), -EFAULT);
	check_eq(vfs_llistxattr(NULL, "/", b, 64), -EFAULT);
	check_eq(vfs_flistxattr(NULL, 0, b, 64), -EFAULT);
	check_eq(vfs_removexattr(NULL, "/", "user.a"), -EFAULT);
	check_eq(vfs_lremovexattr(NULL, "/", "user.a"), -EFAULT);
	check_eq(vfs_fremovexattr(NULL, 0, "user.a"), -EFAULT);
}

static void test_nonsense__no_stream(void **state)
{
	struct vfs_task *t = ((struct world *)*state)->task;
	const struct vfs_dirent *entry;
	struct vfs_dir *dir;

	check_eq(vfs_readdir(NULL, &entry), -EFAULT);
	check_eq(vfs_telldir(NULL), -EFAULT);
	check_eq(vfs_seekdir(NULL, 0), -EFAULT);
	check_eq(vfs_rewinddir(NULL), -EFAULT);
	check_eq(vfs_dirfd(NULL), -EFAULT);
	check_eq(vfs_closedir(NULL), -EFAULT);
	check_eq(vfs_opendir(t, "/", NULL), -EFAULT);
	check_ok(vfs_opendir(t, "/", &dir));
	check_eq(vfs_readdir(dir, NULL), -EFAULT);
	check_eq(vfs_seekdir(dir, -1), -EINVAL);
	check_ok(vfs_closedir(dir));
}

/* Every call that takes a path, through one signature. */
typedef int64_t path_call(struct vfs_task *t, const char *path);

#define PATH_CALL(name, expression)                                      \
	static int64_t path_##name(struct vfs_task *t, const char *path) \
	{                                                                \
		char b[64];                                              \
		struct vfs_stat st;                                      \
		struct vfs_statfs fs;                                    \
		struct vfs_dir *dir;                                     \
		struct vfs_open_how how = {.flags = O_RDONLY};           \
                                                                         \
		(void)b, (void)st, (void)fs, (void)dir, (void)how;       \
		return (expression);                                     \
	}

PATH_CALL(open, vfs_open(t, path, O_RDONLY, 0))
PATH_CALL(open_creat, vfs_open(t, path, O_RDWR | O_CREAT, 0600))
PATH_CALL(openat, vfs_openat(t, AT_FDCWD, path, O_RDONLY, 0))
PATH_CALL(openat2, vfs_openat2(t, AT_FDCWD, path, &how, sizeof(how)))
PATH_CALL(creat, vfs_creat(t, path, 0600))
PATH_CALL(truncate, vfs_truncate(t, path, 0))
PATH_CALL(link_from, vfs_link(t, path, "/new"))
PATH_CALL(link_to, vfs_link(t, "/f", path))
PATH_CALL(linkat, vfs_linkat(t, AT_FDCWD, path, AT_FDCWD, "/new", 0))
PATH_CALL(symlink_target, vfs_symlink(t, path, "/new"))
PATH_CALL(symlink, vfs_symlink(t, "/f", path))
PATH_CALL(symlinkat, vfs_symlinkat(t, "/f", AT_FDCWD, path))
PATH_CALL(readlink, vfs_readlink(t, path, b, sizeof(b)))
PATH_CALL(unlink, vfs_unlink(t, path))
PATH_CALL(unlinkat, vfs_unlinkat(t, AT_FDCWD, path, 0))
PATH_CALL(rmdir, vfs_rmdir(t, path))
PATH_CALL(mkdir, vfs_mkdir(t, path, 0700))
PATH_CALL(mkdirat, vfs_mkdirat(t, AT_FDCWD, path, 0700))
PATH_CALL(mknod, vfs_mknod(t, path, S_IFREG, 0))
PATH_CALL(mknodat, vfs_mknodat(t, AT_FDCWD, path, S_IFREG, 0))
PATH_CALL(mkfifo, vfs_mkfifo(t, path, 0600))
PATH_CALL(mkfifoat, vfs_mkfifoat(t, AT_FDCWD, path, 0600))
PATH_CALL(rename_from, vfs_rename(t, path, "/new"))
PATH_CALL(rename_to, vfs_rename(t, "/f", path))
PATH_CALL(renameat, vfs_renameat(t, AT_FDCWD, path, AT_FDCWD, "/new"))
PATH_CALL(renameat2, vfs_renameat2(t, AT_FDCWD, path, AT_FDCWD, "/new", 0))
PATH_CALL(chdir, vfs_chdir(t, path))
PATH_CALL(chroot, vfs_chroot(t, path))
PATH_CALL(realpath, vfs_realpath(t, path, b, sizeof(b)))
PATH_CALL(opendir, vfs_opendir(t, path, &dir))
PATH_CALL(stat, vfs_stat(t, path, &st))
PATH_CALL(lstat, vfs_lstat(t, path, &st))
PATH_CALL(fstatat, vfs_fstatat(t, AT_FDCWD, path, &st, 0))
PATH_CALL(statfs, vfs_statfs(t, path, &fs))
PATH_CALL(access, vfs_access(t, path, 0))
PATH_CALL(faccessat, vfs_faccessat(t, AT_FDCWD, path, 0))
PATH_CALL(faccessat2, vfs_faccessat2(t, AT_FDCWD, path, 0, 0))
PATH_CALL(chmod, vfs_chmod(t, path, 0700))
PATH_CALL(fchmodat, vfs_fchmodat(t, AT_FDCWD, path, 0700))
PATH_CALL(fchmodat2, vfs_fchmodat2(t, AT_FDCWD, path, 0700, 0))
PATH_CALL(chown, vfs_chown(t, path, 1, 1))
PATH_CALL(lchown, vfs_lchown(t, path, 1, 1))
PATH_CALL(fchownat, vfs_fchownat(t, AT_FDCWD, path, 1, 1, 0))
PATH_CALL(getxattr, vfs_getxattr(t, path, "user.a", b, 64))
PATH_CALL(lgetxattr, vfs_lgetxattr(t, path, "user.a", b, 64))
PATH_CALL(setxattr, vfs_setxattr(t, path, "user.a", "v", 1, 0))
PATH_CALL(lsetxattr, vfs_lsetxattr(t, path, "user.a", "v", 1, 0))
PATH_CALL(listxattr, vfs_listxattr(t, path, b, 64))
PATH_CALL(llistxattr, vfs_llistxattr(t, path, b, 64))
PATH_CALL(removexattr, vfs_removexattr(t, path, "user.a"))
PATH_CALL(lremovexattr, vfs_lremovexattr(t, path, "user.a"))

static path_call *const path_calls[] = {
	path_open,	 path_open_creat,  path_openat,		path_openat2,
	path_creat,	 path_truncate,	   path_link_from,	path_link_to,
	path_linkat,	 path_symlink,	   path_symlink_target, path_symlinkat,
	path_readlink,	 path_unlink,	   path_unlinkat,	path_rmdir,
	path_mkdir,	 path_mkdirat,	   path_mknod,		path_mknodat,
	path_mkfifo,	 path_mkfifoat,	   path_rename_from,	path_rename_to,
	path_renameat,	 path_renameat2,   path_chdir,		path_chroot,
	path_realpath,	 path_opendir,	   path_stat,		path_lstat,
	path_fstatat,	 path_statfs,	   path_access,		path_faccessat,
	path_faccessat2, path_chmod,	   path_fchmodat,	path_fchmodat2,
	path_chown,	 path_lchown,	   path_fchownat,	path_getxattr,
	path_lgetxattr,	 path_setxattr,	   path_lsetxattr,	path_listxattr,
	path_llistxattr, path_removexattr, path_lremovexattr,
};
#define PATH_CALLS (sizeof(path_calls) / sizeof(path_calls[0]))

static void test_nonsense__paths(void **state)
{
	struct vfs_task *t = ((struct world *)*state)->task;
	static char name[300], path[5000];

	put_file(t, "/f", "data");
	memset(name, 'n', 256);
	memset(path, '/', sizeof(path) - 1);
	path[4500] = 'x';
	for (size_t i = 0; i < PATH_CALLS; i++) {
		check_eq(path_calls[i](t, NULL), -EFAULT);
		check_eq(path_calls[i](t, ""), -ENOENT);
		check_eq(path_calls[i](t, path), -ENAMETOOLONG);
		if (path_calls[i] == path_symlink_target)
			continue; /* a target is any text */
		check_eq(path_calls[i](t, name), -ENAMETOOLONG);
		check_eq(path_calls[i](t, "/f/x"), -ENOTDIR);
		check_eq(path_calls[i](t, "/none/x"), -ENOENT);
	}
	check_file(t, "/f", "data");
	assert_false(exists(t, "/new"));
}

/* What is too long is not looked at any further: there may be nothing. */
static void test_nonsense__paths_without_an_end(void **state)
{
	struct vfs_task *t = ((struct world *)*state)->task;
	char *pages = mmap(NULL, 8192, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char *name = pages + 4096 - 256, out[64];

	assert_true(pages != MAP_FAILED);
	assert_int_equal(mprotect(pages + 4096, 4096, PROT_NONE), 0);
	for (int i = 0; i < 4096; i++)
		pages[i] = i % 100 ? 'n' : '/';
	put_file(t, "/f", "data");
	for (size_t i = 0; i < PATH_CALLS; i++)
		check_eq(path_calls[i](t, pages), -ENAMETOOLONG);
	check_eq(vfs_mount(t, pages, "/", "tmpfs", 0, NULL), -EINVAL);
	check_eq(vfs_mount(t, "x", "/", pages, 0, NULL), -EINVAL);
	check_eq(vfs_mount(t, "x", pages, "tmpfs", 0, NULL), -ENAMETOOLONG);
	check_eq(vfs_umount(t, pages), -ENAMETOOLONG);
	check_eq(vfs_make_mountpoint(t, pages, 0), -ENAMETOOLONG);
	check_eq(vfs_resolve_executable(t, pages, "/bin", out, 64),
		 -ENAMETOOLONG);
	check_eq(vfs_resolve_script(t, pages, out, 64), -ENAMETOOLONG);
	memset(name, 'n', 256);
	check_eq(vfs_getxattr(t, "/f", name, NULL, 0), -ERANGE);
	check_eq(vfs_setxattr(t, "/f", name, "", 1, 0), -ERANGE);
	check_eq(vfs_removexattr(t, "/f", name), -ERANGE);
	check_eq(vfs_memfd_create(t, name, 0), -EINVAL);
	munmap(pages, 8192);
	check_file(t, "/f", "data");
	assert_false(exists(t, "/new"));
}

/* Every call that takes a descriptor. */
typedef int64_t fd_call(struct vfs_task *t, int fd);

#define FD_CALL(name, expression)                                    \
	static int64_t fd_##name(struct vfs_task *t, int fd)         \
	{                                                            \
		char b[64] = "";                                     \
		struct vfs_stat st;                                  \
		struct vfs_statfs fs;                                \
		struct vfs_dir *dir;                                 \
		struct vfs_iovec iov = {b, 1};                       \
		struct vfs_open_how how = {.flags = O_RDONLY};       \
		struct vfs_flock lock = {.type = F_WRLCK};           \
		uint64_t number;                                     \
                                                                     \
		(void)st, (void)fs, (void)dir, (void)iov, (void)how; \
		(void)lock, (void)number;                            \
		return (expression);                                 \
	}

FD_CALL(openat, vfs_openat(t, fd, "x", O_RDONLY, 0))
FD_CALL(openat2, vfs_openat2(t, fd, "x", &how, sizeof(how)))
FD_CALL(close, vfs_close(t, fd))
FD_CALL(dup, vfs_dup(t, fd))
FD_CALL(dup2, vfs_dup2(t, fd, 20))
FD_CALL(dup3, vfs_dup3(t, fd, 20, 0))
FD_CALL(getfd, vfs_fcntl(t, fd, F_GETFD, 0))
FD_CALL(getfl, vfs_fcntl(t, fd, F_GETFL, 0))
FD_CALL(ioctl, vfs_ioctl(t, fd, 0, NULL))
FD_CALL(read, vfs_read(t, fd, b, 1))
FD_CALL(write, vfs_write(t, fd, b, 1))
FD_CALL(pread, vfs_pread(t, fd, b, 1, 0))
FD_CALL(pwrite, vfs_pwrite(t, fd, b, 1, 0))
FD_CALL(readv, vfs_readv(t, fd, &iov, 1))
FD_CALL(writev, vfs_writev(t, fd, &iov, 1))
FD_CALL(preadv, vfs_preadv(t, fd, &iov, 1, 0))
FD_CALL(pwritev, vfs_pwritev(t, fd, &iov, 1, 0))
FD_CALL(preadv2, vfs_preadv2(t, fd, &iov, 1, 0, 0))
FD_CALL(pwritev2, vfs_pwritev2(t, fd, &iov, 1, 0, 0))
FD_CALL(lseek, vfs_lseek(t, fd, 0, SEEK_SET))
FD_CALL(ftruncate, vfs_ftruncate(t, fd, 0))
FD_CALL(fallocate, vfs_fallocate(t, fd, 0, 0, 1))
FD_CALL(fsync, vfs_fsync(t, fd))
FD_CALL(fdatasync, vfs_fdatasync(t, fd))
FD_CALL(syncfs, vfs_syncfs(t, fd))
FD_CALL(copy_in, vfs_copy_file_range(t, fd, NULL, 0, NULL, 1, 0))
FD_CALL(copy_out, vfs_copy_file_range(t, 0, NULL, fd, NULL, 1, 0))
FD_CALL(sendfile, vfs_sendfile(t, 0, fd, NULL, 1))
FD_CALL(fadvise, vfs_fadvise(t, fd, 0, 0, 0))
FD_CALL(flock, vfs_flock(t, fd, 2))
FD_CALL(setlk, vfs_fcntl_lock(t, fd, F_SETLK, &lock))
FD_CALL(getdents, vfs_getdents(t, fd, b, 64))
FD_CALL(fdopendir, vfs_fdopendir(t, fd, &dir))
FD_CALL(fstat, vfs_fstat(t, fd, &st))
FD_CALL(fstatat, vfs_fstatat(t, fd, "x", &st, 0))
FD_CALL(statx, vfs_statx(t, fd, "", AT_EMPTY_PATH, STATX_ALL, &st))
FD_CALL(fstatfs, vfs_fstatfs(t, fd, &fs))
FD_CALL(fidentity, vfs_fidentity(t, fd, &number))
FD_CALL(faccessat, vfs_faccessat(t, fd, "x", 0))
FD_CALL(fchmod, vfs_fchmod(t, fd, 0600))
FD_CALL(fchown, vfs_fchown(t, fd, 1, 1))
FD_CALL(fchownat, vfs_fchownat(t, fd, "", 1, 1, AT_EMPTY_PATH))
FD_CALL(futimens, vfs_futimens(t, fd, NULL))
FD_CALL(utimensat, vfs_utimensat(t, fd, "x", NULL, 0))
FD_CALL(fgetxattr, vfs_fgetxattr(t, fd, "user.a", b, 64))
FD_CALL(fsetxattr, vfs_fsetxattr(t, fd, "user.a", b, 1, 0))
FD_CALL(flistxattr, vfs_flistxattr(t, fd, b, 64))
FD_CALL(fremovexattr, vfs_fremovexattr(t, fd, "user.a"))
FD_CALL(linkat, vfs_linkat(t, fd, "x", AT_FDCWD, "/new", 0))
FD_CALL(symlinkat, vfs_symlinkat(t, "x", fd, "y"))
FD_CALL(readlinkat, vfs_readlinkat(t, fd, "x", b, 64))
FD_CALL(unlinkat, vfs_unlinkat(t, fd, "x", 0))
FD_CALL(mkdirat, vfs_mkdirat(t, fd, "x", 0700))
FD_CALL(mknodat, vfs_mknodat(t, fd, "x", S_IFREG, 0))
FD_CALL(mkfifoat, vfs_mkfifoat(t, fd, "x", 0600))
FD_CALL(renameat, vfs_renameat(t, fd, "x", fd, "y"))
FD_CALL(fchdir, vfs_fchdir(t, fd))

static fd_call *const fd_calls[] = {
	fd_openat,    fd_openat2,   fd_close,	   fd_dup,
	fd_dup2,      fd_dup3,	    fd_getfd,	   fd_getfl,
	fd_ioctl,     fd_read,	    fd_write,	   fd_pread,
	fd_pwrite,    fd_readv,	    fd_writev,	   fd_preadv,
	fd_pwritev,   fd_preadv2,   fd_pwritev2,   fd_lseek,
	fd_ftruncate, fd_fallocate, fd_fsync,	   fd_fdatasync,
	fd_syncfs,    fd_copy_in,   fd_copy_out,   fd_sendfile,
	fd_fadvise,   fd_flock,	    fd_setlk,	   fd_getdents,
	fd_fdopendir, fd_fstat,	    fd_fstatat,	   fd_statx,
	fd_fstatfs,   fd_fidentity, fd_faccessat,  fd_fchmod,
	fd_fchown,    fd_fchownat,  fd_futimens,   fd_utimensat,
	fd_fgetxattr, fd_fsetxattr, fd_flistxattr, fd_fremovexattr,
	fd_linkat,    fd_symlinkat, fd_readlinkat, fd_unlinkat,
	fd_mkdirat,   fd_mknodat,   fd_mkfifoat,   fd_renameat,
	fd_fchdir,
};

static void test_nonsense__descriptors(void **state)
{
	struct vfs_task *t = ((struct world *)*state)->task;
	const int bad[] = {-1, -2, 5, 1023, 1 << 20, INT32_MAX, INT32_MIN};

	check_eq(vfs_open(t, "/f", O_RDWR | O_CREAT, 0600), 0);
	for (size_t i = 0; i < sizeof(fd_calls) / sizeof(fd_calls[0]); i++)
		for (size_t j = 0; j < sizeof(bad) / sizeof(bad[0]); j++)
			check_eq(fd_calls[i](t, bad[j]), -EBADF);
	assert_false(exists(t, "/new"));
	check_file(t, "/f", "");
}

static void test_nonsense__buffers(void **state)
{
	struct vfs_task *t = ((struct world *)*state)->task;
	struct vfs_iovec iov = {NULL, 4};
	char b[8];
	int fd;

	put_file(t, "/f", "data");
	check_ok(vfs_symlink(t, "f", "/l"));
	check_ok(vfs_setxattr(t, "/f", "user.a", "v", 1, 0));
	fd = check_fd(vfs_open(t, "/f", O_RDWR, 0));
	check_eq(vfs_read(t, fd, NULL, 4), -EFAULT);
	check_eq(vfs_write(t, fd, NULL, 4), -EFAULT);
	check_eq(vfs_pread(t, fd, NULL, 4, 0), -EFAULT);
	check_eq(vfs_pwrite(t, fd, NULL, 4, 0), -EFAULT);
	check_eq(vfs_readv(t, fd, NULL, 1), -EFAULT);
	check_eq(vfs_writev(t, fd, NULL, 1), -EFAULT);
	check_eq(vfs_readv(t, fd, &iov, 1), -EFAULT);
	check_eq(vfs_writev(t, fd, &iov, 1), -EFAULT);
	check_eq(vfs_preadv2(t, fd, &iov, 1, 0, 0), -EFAULT);
	check_eq(vfs_pwritev2(t, fd, &iov, 1, 0, 0), -EFAULT);
	check_eq(vfs_getdents(t, fd, NULL, 64), -ENOTDIR);
	check_eq(vfs_stat(t, "/f", NULL), -EFAULT);
	check_eq(vfs_lstat(t, "/f", NULL), -EFAULT);
	check_eq(vfs_fstat(t, fd, NULL), -EFAULT);
	check_eq(vfs_fstatat(t, AT_FDCWD, "/f", NULL, 0), -EFAULT);
	check_eq(vfs_statx(t, AT_FDCWD, "/f", 0, STATX_ALL, NULL), -EFAULT);
	check_eq(vfs_statfs(t, "/f", NULL), -EFAULT);
	check_eq(vfs_fstatfs(t, fd, NULL), -EFAULT);
	check_eq(vfs_fidentity(t, fd, NULL), -EFAULT);
	check_eq(vfs_readlink(t, "/l", NULL, 8), -EFAULT);
	check_eq(vfs_getcwd(t, NULL, 8), -EFAULT);
	check_eq(vfs_realpath(t, "/f", NULL, 8), -EFAULT);
	check_eq(vfs_pipe(t, NULL), -EFAULT);
	check_eq(vfs_pipe2(t, NULL, 0), -EFAULT);
	check_eq(vfs_poll(t, NULL, 1, 0), -EFAULT);
	check_eq(vfs_fcntl_lock(t, fd, F_SETLK, NULL), -EFAULT);
	check_eq(vfs_getxattr(t, "/f", NULL, b, 8), -EFAULT);
	check_eq(vfs_getxattr(t, "/f", "user.a", NULL, 8), -EFAULT);
	check_eq(vfs_setxattr(t, "/f", NULL, b, 8, 0), -EFAULT);
	check_eq(vfs_setxattr(t, "/f", "user.b", NULL, 8, 0), -EFAULT);
	check_eq(vfs_listxattr(t, "/f", NULL, 64), -EFAULT);
	check_eq(vfs_removexattr(t, "/f", NULL), -EFAULT);
	check_eq(vfs_getrlimit(t, RLIMIT_FSIZE, NULL), -EFAULT);
	check_eq(vfs_setrlimit(t, RLIMIT_FSIZE, NULL), -EFAULT);
	check_eq(vfs_task_clone(t, 0, NULL), -EFAULT);
	check_eq(vfs_task_set_cred(t, NULL), -EFAULT);
	check_eq(vfs_read(t, fd, NULL, 0), 0);
	check_file(t, "/f", "data");
}

static void test_nonsense__flags(void **state)
{
	struct vfs_task *t = ((struct world *)*state)->task;
	struct vfs_stat st;
	char b[8];
	int fds[2], fd;

	put_file(t, "/f", "data");
	fd = check_fd(vfs_open(t, "/f", O_RDWR, 0));
	check_eq(vfs_fstatat(t, AT_FDCWD, "/f", &st, 1 << 20), -EINVAL);
	check_eq(vfs_statx(t, AT_FDCWD, "/f", 1 << 20, 0, &st), -EINVAL);
	check_eq(vfs_statx(t, AT_FDCWD, "/f", 0, 0x80000000u, &st), -EINVAL);
	check_eq(vfs_access(t, "/f", 8), -EINVAL);
	check_eq(vfs_access(t, "/f", -1), -EINVAL);
	check_eq(vfs_faccessat2(t, AT_FDCWD, "/f", 0, 1 << 20), -EINVAL);
	check_eq(vfs_fchmodat2(t, AT_FDCWD, "/f", 0, 1 << 20), -EINVAL);
	check_eq(vfs_fchownat(t, AT_FDCWD, "/f", 0, 0, 1 << 20), -EINVAL);
	check_eq(vfs_utimensat(t, AT_FDCWD, "/f", NULL, 1 << 20), -EINVAL);
	check_eq(vfs_linkat(t, AT_FDCWD, "/f", AT_FDCWD, "/g", 1 << 20),
		 -EINVAL);
	check_eq(vfs_unlinkat(t, AT_FDCWD, "/f", 1 << 20), -EINVAL);
	check_eq(vfs_renameat2(t, AT_FDCWD, "/f", AT_FDCWD, "/g", 1 << 20),
		 -EINVAL);
	check_eq(vfs_setxattr(t, "/f", "user.a", b, 0, 4), -EINVAL);
	check_eq(vfs_pipe2(t, fds, 1), -EINVAL);
	check_eq(vfs_dup3(t, fd, 9, 1), -EINVAL);
	check_eq(vfs_flock(t, fd, 0), -EINVAL);
	check_eq(vfs_flock(t, fd, 64), -EINVAL);
	check_eq(vfs_fallocate(t, fd, 0x100, 0, 1), -EOPNOTSUPP);
	check_eq(vfs_fcntl(t, fd, -1, 0), -EINVAL);
	check_eq(vfs_lseek(t, fd, 0, 99), -EINVAL);
	/* open passes over flags it does not know, as the kernel does. */
	check_fd(vfs_open(t, "/f", O_RDONLY | 1 << 28, 0));
	check_file(t, "/f", "data");
	assert_false(exists(t, "/g"));
}

static void test_nonsense__sizes(void **state)
{
	struct vfs_task *t = ((struct world *)*state)->task;
	char b[8] = "";
	int64_t before = -1, edge = INT64_MAX;
	int fd, in;

	put_file(t, "/f", "data");
	put_file(t, "/in", "0123456789");
	fd = check_fd(vfs_open(t, "/f", O_RDWR, 0));
	in = check_fd(vfs_open(t, "/in", O_RDONLY, 0));
	check_eq(vfs_pread(t, fd, b, 8, INT64_MAX), -EINVAL);
	check_eq(vfs_pread(t, fd, b, 8, INT64_MIN), -EINVAL);
	check_eq(vfs_pwrite(t, fd, b, 8, INT64_MAX), -EINVAL);
	check_eq(vfs_pwrite(t, fd, b, 8, INT64_MIN), -EINVAL);
	check_eq(vfs_ftruncate(t, fd, INT64_MIN), -EINVAL);
	check_eq(vfs_truncate(t, "/f", INT64_MIN), -EINVAL);
	check_eq(vfs_fallocate(t, fd, 0, INT64_MAX, INT64_MAX), -EFBIG);
	check_eq(vfs_fallocate(t, fd, 0, INT64_MIN, 1), -EINVAL);
	check_eq(vfs_fadvise(t, fd, INT64_MIN, INT64_MIN, 0), -EINVAL);
	check_eq(vfs_copy_file_range(t, in, &before, fd, NULL, 1, 0),
		 -EOVERFLOW);
	check_eq(before, -1);
	check_eq(vfs_copy_file_range(t, in, &edge, fd, NULL, 1, 0), 0);
	check_eq(vfs_sendfile(t, fd, in, &before, 1), -EINVAL);
	check_eq(vfs_poll(t, NULL, UINT64_MAX, 0), -EINVAL);
	check_file(t, "/f", "data");
}

static void test_nonsense__credentials(void **state)
{
	struct world *w = *state;
	struct vfs_cred_spec spec = {.size = sizeof(spec)};
	struct vfs_cred *cred = NULL;
	struct {
		struct vfs_cred_spec spec;
		uint64_t more;
	} longer = {.spec = {.size = sizeof(longer)}, .more = 1};

	check_eq(vfs_cred_create(NULL, &spec, &cred), -EFAULT);
	check_eq(vfs_cred_create(w->vfs, NULL, &cred), -EFAULT);
	check_eq(vfs_cred_create(w->vfs, &spec, NULL), -EFAULT);
	check_eq(vfs_cred_create(w->vfs, &longer.spec, &cred), -E2BIG);
	spec.size = 4;
	check_eq(vfs_cred_create(w->vfs, &spec, &cred), -EINVAL);
	spec = (struct vfs_cred_spec){.size = sizeof(spec), .group_count = 1};
	check_eq(vfs_cred_create(w->vfs, &spec, &cred), -EFAULT);
	spec.group_count = UINT64_MAX;
	check_eq(vfs_cred_create(w->vfs, &spec, &cred), -EINVAL);
	spec = (struct vfs_cred_spec){.size = sizeof(spec), .uid = UINT32_MAX};
	check_eq(vfs_cred_create(w->vfs, &spec, &cred), -EINVAL);
	spec = (struct vfs_cred_spec){.size = sizeof(spec), .cap_effective = 1};
	check_eq(vfs_cred_create(w->vfs, &spec, &cred), -EINVAL);
	assert_null(cred);
	assert_null(vfs_cred_ref(NULL));
	vfs_cred_unref(NULL);
}

/* What a structure that begins with its size is given to. */
typedef int64_t sized_call(struct world *w, void *structure);

static int64_t sized_config(struct world *w, void *structure)
{
	struct vfs *vfs;

	(void)w;
	return vfs_create(structure, &vfs);
}

static int64_t sized_cred(struct world *w, void *structure)
{
	struct vfs_cred *cred;

	return vfs_cred_create(w->vfs, structure, &cred);
}

static int64_t sized_watch(struct world *w, void *structure)
{
	struct vfs_watch *watch;

	return vfs_watch_create(w->vfs, structure, &watch);
}

static int64_t sized_device(struct world *w, void *structure)
{
	return vfs_register_device(w->vfs, structure, NULL);
}

static int64_t sized_bundle(struct world *w, void *structure)
{
	struct vfs_bundle *bundle;

	return vfs_bundle_load(w->vfs, structure, &bundle, NULL, 0);
}

static int64_t sized_overlay(struct world *w, void *structure)
{
	return vfs_overlay_mount(w->task, structure, "/", 0);
}

static int64_t sized_commit(struct world *w, void *structure)
{
	return vfs_overlay_commit(w->task, structure);
}

static int64_t sized_discard(struct world *w, void *structure)
{
	return vfs_overlay_discard(w->task, structure);
}

static const struct {
	sized_call *call;
	size_t known;
} sized_calls[] = {
	{sized_config, sizeof(struct vfs_config)},
	{sized_cred, sizeof(struct vfs_cred_spec)},
	{sized_watch, sizeof(struct vfs_watch_spec)},
	{sized_device, sizeof(struct vfs_device_spec)},
	{sized_bundle, sizeof(struct vfs_bundle_spec)},
	{sized_overlay, sizeof(struct vfs_overlay_spec)},
	{sized_commit, sizeof(struct vfs_overlay_layers)},
	{sized_discard, sizeof(struct vfs_overlay_layers)},
};

/* A size that nobody set is no reason to look at what is not there. */
static void test_nonsense__sizes_of_structures(void **state)
{
	static const uint64_t sizes[] = {4097, 1 << 20, INT64_MAX,
					 UINT64_C(0xaaaaaaaaaaaaaaaa),
					 UINT64_MAX};
	char *page = mmap(NULL, 8192, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	assert_true(page != MAP_FAILED);
	assert_int_equal(mprotect(page + 4096, 4096, PROT_NONE), 0);
	for (size_t i = 0; i < sizeof(sized_calls) / sizeof(*sized_calls);
	     i++) {
		uint64_t *size = (void *)(page + 4096 - sized_calls[i].known);

		for (size_t j = 0; j < sizeof(sizes) / sizeof(*sizes); j++) {
			*size = sizes[j];
			check_eq(sized_calls[i].call(*state, size), -E2BIG);
		}
		for (*size = 0; *size < 8; ++*size)
			check_eq(sized_calls[i].call(*state, size), -EINVAL);
		/* the last byte of a page is one of a newer structure's */
		size = (void *)page;
		memset(page, 0, 4096);
		*size = 4096;
		page[4095] = 1;
		check_eq(sized_calls[i].call(*state, size), -E2BIG);
		memset(page, 0, 4096);
	}
	munmap(page, 8192);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nonsense__no_task),
		cmocka_unit_test(test_nonsense__no_task_names),
		world_test(test_nonsense__no_stream),
		world_test(test_nonsense__paths),
		world_test(test_nonsense__paths_without_an_end),
		world_test(test_nonsense__descriptors),
		world_test(test_nonsense__buffers),
		world_test(test_nonsense__flags),
		world_test(test_nonsense__sizes),
		world_test(test_nonsense__credentials),
		world_test(test_nonsense__sizes_of_structures),
	};

	return cmocka_run_group_tests(tests, NULL, NULL) ? 1 : 0;
}
