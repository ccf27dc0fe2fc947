/* SPDX-License-Identifier: MIT */
/* Inode flags by ioctl: the plain cases. Everything that they forbid is
 * compared with the kernel in tests/oracle/scripts/inode-flags*.txt. */
#include <linux/fs.h>
#include <sys/ioctl.h>

#include "support/check.h"

static int set_flags(struct vfs_task *task, int fd, uint32_t flags)
{
	return vfs_ioctl(task, fd, FS_IOC_SETFLAGS, &flags);
}

static uint32_t get_flags(struct vfs_task *task, int fd)
{
	uint32_t flags = UINT32_MAX;

	check_ok(vfs_ioctl(task, fd, FS_IOC_GETFLAGS, &flags));
	return flags;
}

static void test_flags__immutable(void **state)
{
	struct vfs_task *t = ((struct world *)*state)->task;
	struct vfs_stat st;
	int fd;

	put_file(t, "/f", "text");
	fd = check_fd(vfs_open(t, "/f", O_RDWR, 0));
	check_eq(get_flags(t, fd), 0);
	check_ok(set_flags(t, fd, FS_IMMUTABLE_FL));
	check_ok(vfs_stat(t, "/f", &st));
	check_eq(st.attributes, 0x10);
	check_eq(vfs_open(t, "/f", O_WRONLY, 0), -EPERM);
	check_eq(vfs_unlink(t, "/f"), -EPERM);
	check_eq(vfs_rename(t, "/f", "/g"), -EPERM);
	check_eq(vfs_link(t, "/f", "/g"), -EPERM);
	check_eq(vfs_chmod(t, "/f", 0), -EPERM);
	check_eq(vfs_truncate(t, "/f", 0), -EPERM);
	check_eq(vfs_setxattr(t, "/f", "user.a", "", 0, 0), -EPERM);
	check_file(t, "/f", "text");
	check_ok(set_flags(t, fd, 0));
	check_ok(vfs_unlink(t, "/f"));
}

static void test_flags__append(void **state)
{
	struct vfs_task *t = ((struct world *)*state)->task;
	int fd;

	put_file(t, "/f", "te");
	fd = check_fd(vfs_open(t, "/f", O_RDWR, 0));
	check_ok(set_flags(t, fd, FS_APPEND_FL));
	check_eq(vfs_open(t, "/f", O_RDWR, 0), -EPERM);
	check_eq(vfs_ftruncate(t, fd, 0), -EPERM);
	fd = check_fd(vfs_open(t, "/f", O_WRONLY | O_APPEND, 0));
	check_eq(vfs_pwrite(t, fd, "xt", 2, 0), 2);
	check_eq(vfs_fcntl(t, fd, F_SETFL, 0), -EPERM);
	check_file(t, "/f", "text");
	check_eq(vfs_unlink(t, "/f"), -EPERM);
}

static void test_flags__who(void **state)
{
	struct world *w = *state;
	int fd;

	put_file(w->user, "/f", "");
	fd = check_fd(vfs_open(w->user, "/f", O_RDONLY, 0));
	check_eq(set_flags(w->user, fd, FS_IMMUTABLE_FL), -EPERM);
	check_eq(set_flags(w->user, fd, FS_APPEND_FL), -EPERM);
	check_ok(set_flags(w->user, fd, FS_NODUMP_FL | FS_NOATIME_FL));
	check_eq(get_flags(w->user, fd), FS_NODUMP_FL | FS_NOATIME_FL);
	check_eq(set_flags(w->user, fd, FS_COMPR_FL), -EOPNOTSUPP);
	check_eq(get_flags(w->user, fd), FS_NODUMP_FL | FS_NOATIME_FL);
	check_ok(vfs_chown(w->task, "/f", 0, 0));
	check_eq(set_flags(w->user, fd, 0), -EPERM);
}

static void test_flags__other_forms(void **state)
{
	struct vfs_task *t = ((struct world *)*state)->task;
	struct fsxattr attr;
	int fds[2], size = 0;
	int64_t bytes = -1;
	int fd;

	put_file(t, "/f", "x");
	fd = check_fd(vfs_open(t, "/f", O_RDONLY, 0));
	memset(&attr, 0xff, sizeof(attr));
	check_ok(vfs_ioctl(t, fd, FS_IOC_FSGETXATTR, &attr));
	check_eq(attr.fsx_xflags | attr.fsx_extsize | attr.fsx_projid, 0);
	attr.fsx_xflags = FS_XFLAG_APPEND;
	check_ok(vfs_ioctl(t, fd, FS_IOC_FSSETXATTR, &attr));
	check_eq(get_flags(t, fd), FS_APPEND_FL);
	attr.fsx_projid = 7;
	check_eq(vfs_ioctl(t, fd, FS_IOC_FSSETXATTR, &attr), -EOPNOTSUPP);
	check_ok(vfs_ioctl(t, fd, FIOQSIZE, &bytes));
	check_eq(bytes, 4096);
	check_ok(vfs_ioctl(t, fd, FIGETBSZ, &size));
	check_eq(size, 4096);
	check_ok(vfs_pipe(t, fds));
	check_eq(vfs_ioctl(t, fds[0], FIOQSIZE, &bytes), -ENOTTY);
	check_eq(vfs_ioctl(t, fds[0], FS_IOC_GETFLAGS, &size), -ENOTTY);
	check_eq(vfs_ioctl(t, fd, FS_IOC_GETFLAGS, NULL), -EFAULT);
	check_eq(vfs_ioctl(t, fd, FS_IOC_SETFLAGS, NULL), -EFAULT);
	check_eq(vfs_ioctl(t, fd, FS_IOC_FSGETXATTR, NULL), -EFAULT);
	check_eq(vfs_ioctl(t, fd, FS_IOC_FSSETXATTR, NULL), -EFAULT);
	check_eq(vfs_ioctl(t, fd, FIOQSIZE, NULL), -EFAULT);
	check_eq(vfs_ioctl(t, fd, FIGETBSZ, NULL), -EFAULT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		world_test(test_flags__immutable),
		world_test(test_flags__append),
		world_test(test_flags__who),
		world_test(test_flags__other_forms),
	};

	return cmocka_run_group_tests(tests, NULL, NULL) ? 1 : 0;
}
