/* SPDX-License-Identifier: MIT */
/* vfs_mount_type: a file system that no task can name; and vfs_config.fault
 * with it, which stands in for a host that fails. */
#include <stdlib.h>
#include <sys/mount.h>
#include <unistd.h>
#include <vfs/hostfs.h>
#include <vfs/sys/backend.h>

#include "support/check.h"

/* A directory of the host with one file, in `path`. */
static void host_dir(char path[32])
{
	char file[64];
	FILE *f;

	strcpy(path, "/tmp/vfs-type-XXXXXX");
	assert_non_null(mkdtemp(path));
	snprintf(file, sizeof(file), "%s/file", path);
	f = fopen(file, "w");
	assert_non_null(f);
	assert_true(fputs("host", f) >= 0);
	assert_int_equal(fclose(f), 0);
}

static void host_gone(const char *path)
{
	char file[64];

	snprintf(file, sizeof(file), "%s/file", path);
	assert_int_equal(unlink(file), 0);
	assert_int_equal(rmdir(path), 0);
}

static void test_mount_type__needs_no_registration(void **state)
{
	struct world *w = *state;
	char dir[32];

	host_dir(dir);
	check_ok(vfs_mkdir(w->task, "/m", 0755));
	check_eq(vfs_mount(w->task, dir, "/m", "hostfs", 0, NULL), -ENODEV);
	check_ok(vfs_mount_type(w->task, &vfs_hostfs_type, dir, "/m", MS_RDONLY,
				"cache=exclusive"));
	check_file(w->task, "/m/file", "host");
	check_eq(vfs_unlink(w->task, "/m/file"), -EROFS);
	/* it stays unnamed */
	check_eq(vfs_mount(w->task, dir, "/m", "hostfs", 0, NULL), -ENODEV);
	check_ok(vfs_umount(w->task, "/m"));
	host_gone(dir);
}

static void test_mount_type__refuses_nonsense(void **state)
{
	struct world *w = *state;
	const struct vfs_filesystem_type *type = &vfs_hostfs_type;
	struct vfs_filesystem_type broken = vfs_hostfs_type;

	check_ok(vfs_mkdir(w->task, "/m", 0755));
	check_eq(vfs_mount_type(NULL, type, "/", "/m", 0, NULL), -EFAULT);
	check_eq(vfs_mount_type(w->task, NULL, "/", "/m", 0, NULL), -EFAULT);
	check_eq(vfs_mount_type(w->task, type, "/", NULL, 0, NULL), -EFAULT);
	check_eq(vfs_mount_type(w->task, type, "/", "/no", 0, NULL), -ENOENT);
	check_eq(vfs_mount_type(w->task, type, "/", "/m", MS_BIND, NULL),
		 -EINVAL);
	check_eq(vfs_mount_type(w->task, type, "/", "/m", MS_REMOUNT, NULL),
		 -EINVAL);
	check_eq(vfs_mount_type(w->task, type, "/", "/m", MS_SHARED, NULL),
		 -EINVAL);
	check_eq(vfs_mount_type(w->user, type, "/", "/m", 0, NULL), -EPERM);
	check_eq(vfs_mount_type(w->task, type, "/", "/m", 0, "colour=blue"),
		 -EINVAL);
	assert_non_null(strstr(w->log, "colour=blue"));
	check_eq(vfs_mount_type(w->task, type, NULL, "/m", 0, NULL), -EINVAL);
	broken.mount = NULL;
	check_eq(vfs_mount_type(w->task, &broken, "/", "/m", 0, NULL), -EINVAL);
	broken = vfs_hostfs_type;
	broken.flags |= VFS_FS_NONBLOCKING;
	check_eq(vfs_mount_type(w->task, &broken, "/", "/m", 0, NULL), -EINVAL);
}

/* ---- faults ---- */

struct fault {
	const char *call;
	int error;
	unsigned seen;
};

static int fail_call(void *context, const char *call)
{
	struct fault *fault = context;

	if (!fault->call || strcmp(fault->call, call))
		return 0;
	fault->seen++;
	return fault->error;
}

static void test_mount_type__faults_are_the_hosts_errors(void **state)
{
	struct fault fault = {NULL, 0, 0};
	struct vfs_config config = {
		.size = sizeof(config),
		.fault = fail_call,
		.fault_context = &fault,
	};
	struct vfs_stat st;
	struct world w;
	char dir[32];
	int fd;

	(void)state;
	host_dir(dir);
	check_ok(world_open(&w, &config));
	check_ok(vfs_mkdir(w.task, "/m", 0755));
	fault = (struct fault){"statx", -EIO, 0};
	check_eq(vfs_mount_type(w.task, &vfs_hostfs_type, dir, "/m", 0, NULL),
		 -EIO);
	fault.call = NULL;
	check_ok(vfs_mount_type(w.task, &vfs_hostfs_type, dir, "/m", 0, NULL));
	check_ok(vfs_stat(w.task, "/m/file", &st));
	fd = check_fd(vfs_open(w.task, "/m/file", O_RDWR, 0));
	fault = (struct fault){"statx", -EIO, 0};
	check_eq(vfs_stat(w.task, "/m/file", &st), -EIO);
	fault = (struct fault){"pwrite", -ENOSPC, 0};
	check_eq(vfs_pwrite(w.task, fd, "x", 1, 0), -ENOSPC);
	assert_int_equal(fault.seen, 1);
	/* forgetting the sign makes no descriptor and no count */
	fault = (struct fault){"pwrite", EIO, 0};
	check_eq(vfs_pwrite(w.task, fd, "x", 1, 0), -EIO);
	fault = (struct fault){"open", EIO, 0};
	check_eq(vfs_mount_type(w.task, &vfs_hostfs_type, dir, "/m", 0, NULL),
		 -EIO);
	assert_int_equal(fault.seen, 1);
	fault.call = NULL;
	check_ok(vfs_stat(w.task, "/m/file", &st));
	assert_int_equal(st.size, 4);
	check_ok(vfs_close(w.task, fd));
	assert_true(world_close(&w));
	host_gone(dir);
}

static void test_mount_type__by_name(void **state)
{
	static const char *const names[] = {"tmpfs",	"overlay", "proc",
					    "devtmpfs", "hostfs",  "devpts",
					    "sysfs"};
	struct vfs_task *task = ((struct world *)*state)->task;
	char dir[32];

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		assert_non_null(vfs_builtin_type(names[i]));
		assert_string_equal(vfs_builtin_type(names[i])->name, names[i]);
	}
	assert_ptr_equal(vfs_builtin_type("hostfs"), &vfs_hostfs_type);
	assert_null(vfs_builtin_type("hostf"));
	assert_null(vfs_builtin_type(""));
	assert_null(vfs_builtin_type(NULL));
	host_dir(dir);
	check_ok(vfs_mkdir(task, "/m", 0755));
	check_ok(vfs_mount_type(task, vfs_builtin_type("hostfs"), dir, "/m", 0,
				NULL));
	check_file(task, "/m/file", "host");
	check_ok(vfs_umount(task, "/m"));
	host_gone(dir);
}

static void test_mount_type__errno_is_left_alone(void **state)
{
	struct vfs_task *task = ((struct world *)*state)->task;
	struct vfs_stat st;
	char dir[32];

	host_dir(dir);
	check_ok(vfs_mkdir(task, "/m", 0755));
	errno = 4711;
	check_eq(vfs_mount_type(task, &vfs_hostfs_type, "/none/x", "/m", 0,
				NULL),
		 -ENOENT);
	assert_int_equal(errno, 4711);
	check_ok(vfs_mount_type(task, &vfs_hostfs_type, dir, "/m", 0, NULL));
	check_eq(vfs_stat(task, "/m/none", &st), -ENOENT);
	check_eq(vfs_mkdir(task, "/m/file", 0755), -EEXIST);
	check_eq(vfs_rmdir(task, "/m/file"), -ENOTDIR);
	check_eq(vfs_open(task, "/m/file/x", O_RDONLY, 0), -ENOTDIR);
	check_eq(vfs_getxattr(task, "/m/file", "user.none", NULL, 0), -ENODATA);
	check_ok(vfs_umount(task, "/m"));
	assert_int_equal(errno, 4711);
	host_gone(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		world_test(test_mount_type__needs_no_registration),
		world_test(test_mount_type__refuses_nonsense),
		cmocka_unit_test(test_mount_type__faults_are_the_hosts_errors),
		world_test(test_mount_type__by_name),
		world_test(test_mount_type__errno_is_left_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL) ? 1 : 0;
}
