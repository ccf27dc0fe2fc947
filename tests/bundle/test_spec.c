/* SPDX-License-Identifier: MIT */
/* vfs_bundle_load: the root and the process. */
#include "fixture.h"

#include <pty.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <termios.h>
#include <unistd.h>

/* ---- the root ---- */

static void test_bundle__a_root_alone(void **state)
{
	struct fixture *f = *state;

	load(f);
	check_file(f->task, "/bin/sh", "a shell");
	assert_null(vfs_bundle_arg(f->bundle, 0));
	assert_string_equal(vfs_bundle_env(f->bundle, 0), "HOME=/root");
	assert_null(vfs_bundle_env(f->bundle, 1));
	assert_null(vfs_bundle_executable(f->bundle));
	/* the task has no descriptor, and is alone in its namespace */
	check_eq(vfs_close(f->task, 0), -EBADF);
	check_fd(vfs_open(f->task, "/", O_RDONLY, 0));
	assert_string_equal(mount_line(f, "/lower"), "");
	assert_non_null(strstr(mount_line(f, "/"), "hostfs"));
	assert_false(exists(f->world.task, "/bin"));
	/* what is written is in the rootfs */
	put_file(f->task, "/new", "text");
	assert_true(host_exists(f, "rootfs/new"));
	unload(f);
}

static void test_bundle__a_root_that_is_read_only(void **state)
{
	struct fixture *f = *state;

	f->spec.flags = VFS_BUNDLE_ROOT_READONLY;
	load(f);
	check_eq(vfs_open(f->task, "/new", O_WRONLY | O_CREAT, 0644), -EROFS);
	check_eq(vfs_mkdir(f->task, "/etc/new", 0755), -EROFS);
	assert_int_equal(strncmp(mount_line(f, "/"), "ro", 2), 0);
	/* and yet there are /tmp and devices */
	put_file(f->task, "/tmp/new", "text");
	assert_true(exists(f->task, "/dev/null"));
	assert_false(host_exists(f, "rootfs/tmp"));
	assert_false(host_exists(f, "rootfs/dev"));
	unload(f);
}

static void test_bundle__a_root_by_its_descriptor(void **state)
{
	struct fixture *f = *state;
	int fd = open(f->rootfs, O_PATH | O_DIRECTORY | O_CLOEXEC);

	assert_true(fd >= 0);
	f->fds++;
	f->spec.flags = VFS_BUNDLE_ROOT_FD;
	f->spec.root_fd = fd;
	f->spec.root_path = NULL;
	load(f);
	check_file(f->task, "/bin/sh", "a shell");
	unload(f);
	f->spec.root_path = "/shown";
	load(f);
	assert_non_null(strstr(mount_line(f, "/"), "/shown"));
	unload(f);
	assert_int_equal(close(fd), 0);
	f->fds--;
	load_fails(f, -EBADF, "/root/path: \"/shown\"");
}

static void test_bundle__roots_that_are_none(void **state)
{
	struct fixture *f = *state;

	f->spec.root_path = host_path(f, "nowhere");
	load_fails(f, -ENOENT, "/root/path: \"/tmp/");
	f->spec.root_path = host_path(f, "rootfs/bin/sh");
	load_fails(f, -ENOTDIR, "/root/path");
	f->spec.root_path = NULL;
	load_fails(f, -EINVAL, "/root/path: missing");
	f->spec.root_path = "";
	load_fails(f, -EINVAL, "/root/path: missing");
	f->spec.root_path = f->rootfs;
	f->spec.root_options = "cache=sometimes";
	load_fails(f, -EINVAL, "/root/path");
	f->spec.root_options = "ro,rootfd=0";
	load_fails(f, -EINVAL, "/root: the option rootfd");
}

static void test_bundle__options_of_the_root(void **state)
{
	struct fixture *f = *state;
	struct vfs_stat st;

	f->spec.root_options = "owner=squash,uid=5,gid=6";
	load(f);
	check_ok(vfs_stat(f->task, "/bin/sh", &st));
	assert_int_equal(st.uid, 5);
	assert_int_equal(st.gid, 6);
	unload(f);
}

static void test_bundle__how_the_root_propagates(void **state)
{
	struct fixture *f = *state;

	f->spec.propagation = "shared";
	load(f);
	assert_non_null(strstr(mount_line(f, "/"), "shared:"));
	assert_null(strstr(mount_line(f, "/tmp"), "shared:"));
	unload(f);
	f->spec.propagation = "rshared";
	load(f);
	assert_non_null(strstr(mount_line(f, "/tmp"), "shared:"));
	unload(f);
	f->spec.propagation = "runbindable";
	load(f);
	assert_non_null(strstr(mount_line(f, "/"), "unbindable"));
	unload(f);
	f->spec.propagation = "rslave";
	load(f);
	unload(f);
	f->spec.propagation = "loud";
	load_fails(f, -EINVAL, "/linux/rootfsPropagation: \"loud\" is no kind");
}

/* A namespace whose mounts are shared sees nothing of what is made. */
static void test_bundle__nothing_gets_out(void **state)
{
	struct fixture *f = *state;

	check_ok(vfs_mount(f->world.task, NULL, "/", NULL, MS_SHARED, NULL));
	check_ok(vfs_mkdir(f->world.task, "/m", 0755));
	check_ok(vfs_mount(f->world.task, "t", "/m", "tmpfs", 0, NULL));
	check_fd(vfs_mountinfo(f->world.task, 0, f->before, sizeof(f->before)));
	load(f);
	check_eq(vfs_chdir(f->task, "/m"), -ENOENT);
	unload(f);
	check_ok(vfs_umount(f->world.task, "/m"));
	check_ok(vfs_rmdir(f->world.task, "/m"));
	check_fd(vfs_mountinfo(f->world.task, 0, f->before, sizeof(f->before)));
}

/* ---- the process ---- */

static void test_process__ids_and_capabilities(void **state)
{
	struct fixture *f = *state;
	struct vfs_stat st;

	host_dir(f, "rootfs/open", 0777);
	host_file(f, "rootfs/group", "text", 0640);
	host_file(f, "rootfs/closed", "text", 0600);
	host_give(f, "rootfs/group", 0, 77);
	f->spec.uid = 1000;
	f->spec.gid = 1001;
	LIST(f, groups, group_count, (const uint32_t[]){50, 77});
	load(f);
	put_file(f->task, "/open/new", "text");
	check_ok(vfs_stat(f->task, "/open/new", &st));
	assert_int_equal(st.uid, 1000);
	assert_int_equal(st.gid, 1001);
	assert_int_equal(st.mode, S_IFREG | 0644);
	check_file(f->task, "/group", "text");
	check_eq(vfs_open(f->task, "/closed", O_RDONLY, 0), -EACCES);
	assert_string_equal(vfs_bundle_env(f->bundle, 0), "HOME=/home/user");
	check_eq(vfs_mount(f->task, "x", "/open", "tmpfs", 0, NULL), -EPERM);
	unload(f);
	f->spec.cap_effective = 1 << VFS_CAP_DAC_OVERRIDE;
	f->spec.cap_permitted = 1 << VFS_CAP_DAC_OVERRIDE;
	load(f);
	check_file(f->task, "/closed", "text");
	unload(f);
	f->spec.cap_permitted = 0;
	load_fails(f, -EINVAL, "/process/capabilities/effective: capability 1");
}

static void test_process__umask_and_limits(void **state)
{
	struct fixture *f = *state;
	struct vfs_rlimit limit;

	f->spec.flags = VFS_BUNDLE_UMASK;
	f->spec.umask = 0;
	LIST(f, rlimits, rlimit_count,
	     (const struct vfs_bundle_rlimit[]){{RLIMIT_CORE, 0, 1, 2},
						{RLIMIT_NOFILE, 0, 20, 30},
						{RLIMIT_FSIZE, 0, 9, 10}});
	load(f);
	check_eq(vfs_umask(f->task, 0), 0);
	check_ok(vfs_getrlimit(f->task, RLIMIT_NOFILE, &limit));
	assert_int_equal(limit.cur, 20);
	assert_int_equal(limit.max, 30);
	check_ok(vfs_getrlimit(f->task, RLIMIT_FSIZE, &limit));
	assert_int_equal(limit.cur, 9);
	unload(f);
	f->spec.umask = 01000;
	load_fails(f, -EINVAL, "/process/user/umask");
	f->spec.flags = 0;
	LIST(f, rlimits, rlimit_count,
	     (const struct vfs_bundle_rlimit[]){{RLIMIT_NOFILE, 0, 30, 20}});
	load_fails(f, -EINVAL, "/process/rlimits/0");
	LIST(f, rlimits, rlimit_count,
	     (const struct vfs_bundle_rlimit[]){{RLIMIT_CORE, 0, 1, 2},
						{RLIMIT_CORE, 0, 2, 1}});
	load_fails(f, -EINVAL, "/process/rlimits/1");
	LIST(f, rlimits, rlimit_count,
	     (const struct vfs_bundle_rlimit[]){{RLIM_NLIMITS, 0, 1, 1}});
	load_fails(f, -EINVAL, "/process/rlimits/0");
}

static void test_process__working_directory(void **state)
{
	struct fixture *f = *state;
	char cwd[64];

	load(f);
	check_fd(vfs_getcwd(f->task, cwd, sizeof(cwd)));
	assert_string_equal(cwd, "/");
	unload(f);
	f->spec.cwd = "/etc";
	load(f);
	check_fd(vfs_getcwd(f->task, cwd, sizeof(cwd)));
	assert_string_equal(cwd, "/etc");
	unload(f);
	/* root may stand where the user may not go */
	f->spec.cwd = "/root";
	f->spec.uid = 1000;
	load(f);
	check_fd(vfs_getcwd(f->task, cwd, sizeof(cwd)));
	assert_string_equal(cwd, "/root");
	unload(f);
	f->spec.cwd = "etc";
	load_fails(f, -EINVAL, "/process/cwd: \"etc\" is not absolute");
	f->spec.cwd = "";
	load_fails(f, -EINVAL, "/process/cwd: \"\" is not absolute");
	f->spec.cwd = "/nowhere";
	load_fails(f, -ENOENT, "/process/cwd: \"/nowhere\": No such");
	f->spec.cwd = "/bin/sh";
	load_fails(f, -ENOTDIR, "/process/cwd");
}

#define check_home(f, text)                                         \
	do {                                                        \
		load(f);                                            \
		assert_string_equal(vfs_bundle_env((f)->bundle, 0), \
				    "HOME=" text);                  \
		unload(f);                                          \
	} while (0)

static void test_process__home(void **state)
{
	struct fixture *f = *state;
	char *text = malloc(20000);

	f->spec.uid = 1000;
	check_home(f, "/home/user");
	f->spec.uid = 1001;
	check_home(f, "/");
	f->spec.uid = 7;
	/* the first of that number; what is no line is passed over */
	host_file(f, "rootfs/etc/passwd",
		  "\n:\n::::::\na:b:7\nx:x:seven:7:a:/wrong:\n"
		  "x:x:7x:7:a:/wrong:\ny:x:7:0:a:relative:\n"
		  "z:x:7:0:a:/right:/bin/sh\nz:x:7:0:a:/late:\n",
		  0600);
	check_home(f, "/right");
	/* without an end of line, behind one that is too long */
	assert_non_null(text);
	memset(text, 'l', 10000);
	strcpy(text + 10000, ":x:7:0::/wrong:\na:x:7:0::/behind");
	host_file(f, "rootfs/etc/passwd", text, 0600);
	check_home(f, "/behind");
	free(text);
	/* what would make one wait is not read */
	assert_int_equal(unlink(host_path(f, "rootfs/etc/passwd")), 0);
	check_home(f, "/");
	assert_int_equal(mkfifo(host_path(f, "rootfs/etc/passwd"), 0644), 0);
	check_home(f, "/");
	assert_int_equal(unlink(host_path(f, "rootfs/etc/passwd")), 0);
	/* a link leads into the tree, not out of it */
	host_link(f, "/etc/group", "rootfs/etc/passwd");
	host_file(f, "rootfs/etc/group", "z:x:7:0:a:/linked:/bin/sh", 0600);
	check_home(f, "/linked");
}

static void test_process__environment(void **state)
{
	struct fixture *f = *state;
	struct vfs_bundle *b;

	LIST(f, env, env_count, STRINGS("A=1", "HOME=", "B"));
	LIST(f, args, arg_count, STRINGS("/bin/sh", "-c", ""));
	load(f);
	b = f->bundle;
	assert_string_equal(vfs_bundle_env(b, 0), "A=1");
	assert_string_equal(vfs_bundle_env(b, 1), "HOME=");
	assert_string_equal(vfs_bundle_env(b, 2), "B");
	assert_null(vfs_bundle_env(b, 3));
	assert_string_equal(vfs_bundle_arg(f->bundle, 2), "");
	assert_null(vfs_bundle_arg(f->bundle, 3));
	unload(f);
	/* the last one counts, and stands where it stood; what sets nothing
	 * is left alone */
	LIST(f, env, env_count,
	     STRINGS("HOME=/1", "A=1", "AB=2", "A=", "B", "=x", "B", "=x=y",
		     "HOME=/2", "A==3"));
	load(f);
	b = f->bundle;
	assert_string_equal(vfs_bundle_env(b, 0), "AB=2");
	assert_string_equal(vfs_bundle_env(b, 1), "B");
	assert_string_equal(vfs_bundle_env(b, 2), "B");
	assert_string_equal(vfs_bundle_env(b, 3), "=x=y");
	assert_string_equal(vfs_bundle_env(b, 4), "HOME=/2");
	assert_string_equal(vfs_bundle_env(b, 5), "A==3");
	assert_null(vfs_bundle_env(b, 6));
	unload(f);
	LIST(f, env, env_count, STRINGS("HOMER=/x", "XHOME=/y"));
	load(f);
	assert_string_equal(vfs_bundle_env(f->bundle, 2), "HOME=/root");
	unload(f);
}

static void test_process__program(void **state)
{
	struct fixture *f = *state;

	host_file(f, "rootfs/bin/script", "#!/bin/sh -e\n", 0755);
	host_file(f, "rootfs/bin/broken", "#!\n", 0755);
	host_file(f, "rootfs/bin/lost", "#!/bin/none\n", 0755);
	host_file(f, "rootfs/bin/plain", "text", 0644);
	host_link(f, "/bin/sh", "rootfs/etc/link");
	LIST(f, args, arg_count, STRINGS("script", "a"));
	LIST(f, env, env_count, STRINGS("PATH=/etc", "PATH=/nowhere:/bin"));
	load(f);
	assert_string_equal(vfs_bundle_executable(f->bundle), "/bin/script");
	unload(f);
	f->spec.cwd = "/etc";
	f->spec.args = STRINGS("./link", "a");
	load(f);
	assert_string_equal(vfs_bundle_executable(f->bundle), "/etc/./link");
	unload(f);
	f->spec.args = STRINGS("none", "");
	load_fails(f, -ENOENT, "/process/args/0: \"none\": No such");
	f->spec.args = STRINGS("", "");
	load_fails(f, -ENOENT, "/process/args/0: \"\"");
	f->spec.args = STRINGS("plain", "");
	load_fails(f, -EACCES, "/process/args/0: \"plain\": Permission");
	f->spec.args = STRINGS("/bin", "");
	load_fails(f, -EACCES, "/process/args/0: \"/bin\": Permission");
	f->spec.args = STRINGS("broken", "");
	load_fails(f, -ENOEXEC, "\"/bin/broken\", its interpreter: Exec");
	f->spec.args = STRINGS("lost", "");
	load_fails(f, -ENOENT, "\"/bin/lost\", its interpreter: No such");
	LIST(f, mounts, mount_count,
	     MOUNTS(MOUNT("/bin", "tmpfs", NULL, "noexec", "tmpcopyup")));
	f->spec.args = STRINGS("/bin/script", "");
	load_fails(f, -EACCES, "\"/bin/script\": Permission");
}

static void test_process__descriptors(void **state)
{
	struct fixture *f = *state;
	int ends[2];
	char text[8];

	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	f->fds += 2;
	f->spec.flags = VFS_BUNDLE_STDIO;
	f->spec.stdio[0] = -1;
	f->spec.stdio[1] = ends[1];
	f->spec.stdio[2] = -1;
	load(f);
	check_eq(vfs_fcntl(f->task, 0, F_GETFD, 0), -EBADF);
	check_eq(vfs_fcntl(f->task, 2, F_GETFD, 0), -EBADF);
	check_eq(vfs_write(f->task, 1, "hello", 5), 5);
	assert_int_equal(read(ends[0], text, sizeof(text)), 5);
	/* the caller's is open still, and closed by nobody */
	unload(f);
	f->spec.stdio[0] = ends[0];
	f->spec.stdio[2] = ends[1];
	load(f);
	check_eq(vfs_write(f->task, 2, "error", 5), 5);
	check_eq(vfs_read(f->task, 0, text, sizeof(text)), 5);
	unload(f);
	assert_int_equal(close(ends[0]), 0);
	assert_int_equal(close(ends[1]), 0);
	f->fds -= 2;
	load_fails(f, -EBADF, "/stdio/0: descriptor");
	f->spec.stdio[0] = -1;
	load_fails(f, -EBADF, "/stdio/1: descriptor");
}

static void test_process__terminal(void **state)
{
	struct fixture *f = *state;
	struct winsize size;
	int master, slave, pipes[2];
	char text[16];

	assert_int_equal(openpty(&master, &slave, NULL, NULL, NULL), 0);
	f->fds += 2;
	f->spec.flags = VFS_BUNDLE_STDIO | VFS_BUNDLE_TERMINAL;
	f->spec.stdio[0] = slave;
	load(f);
	check_eq(vfs_write(f->task, 2, "hi\n", 3), 3);
	assert_int_equal(read(master, text, sizeof(text)), 4);
	assert_memory_equal(text, "hi\r\n", 4);
	check_ok(vfs_ioctl(f->task, 1, TIOCGWINSZ, &size));
	/* one open file: they share its flags */
	check_ok(vfs_fcntl(f->task, 0, F_SETFL, O_NONBLOCK));
	assert_true(check_fd(vfs_fcntl(f->task, 2, F_GETFL, 0)) & O_NONBLOCK);
	unload(f);
	f->spec.console_rows = 33;
	load(f);
	check_ok(vfs_ioctl(f->task, 1, TIOCGWINSZ, &size));
	assert_int_equal(size.ws_row, 0);
	unload(f);
	f->spec.console_columns = 77;
	load(f);
	check_ok(vfs_ioctl(f->task, 1, TIOCGWINSZ, &size));
	assert_int_equal(size.ws_row, 33);
	assert_int_equal(size.ws_col, 77);
	unload(f);
	f->spec.console_columns = 65536;
	load_fails(f, -EINVAL, "/process/consoleSize: no terminal");
	f->spec.console_columns = 0;
	close(master);
	close(slave);
	assert_int_equal(pipe2(pipes, O_CLOEXEC), 0);
	f->spec.stdio[0] = pipes[0];
	load_fails(f, -ENOTTY, "/process/terminal: descriptor");
	close(pipes[0]);
	close(pipes[1]);
	f->fds -= 2;
	/* a terminal that nobody gives */
	f->spec.flags = VFS_BUNDLE_TERMINAL;
	load(f);
	check_eq(vfs_fcntl(f->task, 0, F_GETFD, 0), -EBADF);
	unload(f);
}

/* ---- user namespaces ---- */

#define MAPS(...) ((const struct vfs_id_map[]){__VA_ARGS__})

static void test_userns__ids_are_the_containers(void **state)
{
	struct fixture *f = *state;
	struct vfs_stat st;
	struct stat host;

	host_give(f, "rootfs", 100000, 100000);
	host_give(f, "rootfs/bin", 100007, 100000);
	LIST(f, uid_maps, uid_map_count, MAPS({0, 100000, 1000}));
	LIST(f, gid_maps, gid_map_count, MAPS({0, 100000, 1000}));
	LIST(f, mounts, mount_count,
	     MOUNTS(MOUNT("/made", "tmpfs", NULL, "uid=7,gid=8"),
		    MOUNT("/dev", "tmpfs", NULL, "mode=755"),
		    PLAIN_MOUNT("/proc", "proc", "proc")));
	f->spec.cap_effective = f->spec.cap_permitted = VFS_CAP_ALL;
	load(f);
	check_ok(vfs_stat(f->task, "/bin", &st));
	assert_int_equal(st.uid, 7);
	/* what is not mapped is nobody's */
	check_ok(vfs_stat(f->task, "/etc", &st));
	assert_int_equal(st.uid, 65534);
	check_ok(vfs_stat(f->task, "/made", &st));
	assert_int_equal(st.uid, 7);
	assert_int_equal(st.gid, 8);
	/* the mount point is the container root's on the host */
	assert_int_equal(stat(host_path(f, "rootfs/made"), &host), 0);
	assert_int_equal(host.st_uid, geteuid() ? geteuid() : 100000);
	/* devices can be used, and belong to root of the container */
	check_ok(vfs_stat(f->task, "/dev/null", &st));
	assert_int_equal(st.uid, 0);
	check_eq(
		vfs_write(f->task,
			  check_fd(vfs_open(f->task, "/dev/null", O_WRONLY, 0)),
			  "x", 1),
		1);
	/* the namespace is its own */
	check_ok(vfs_mount(f->task, "x", "/made", "tmpfs", 0, NULL));
	check_ok(vfs_umount(f->task, "/made"));
	check_eq(vfs_mknod(f->task, "/made/node", S_IFCHR, 0x103), -EPERM);
	unload(f);
}

static void test_userns__who_is_not_mapped(void **state)
{
	struct fixture *f = *state;

	LIST(f, uid_maps, uid_map_count, MAPS({0, 0, 10}, {100, 100, 1}));
	load_fails(f, -EINVAL, "/linux");
	LIST(f, gid_maps, gid_map_count, MAPS({0, 0, 10}));
	f->spec.uid = 10;
	load_fails(f, -EINVAL, "/process/user/uid: 10 is nobody");
	f->spec.uid = 100;
	f->spec.gid = 100;
	load_fails(f, -EINVAL, "/process/user/gid: 100 is nobody");
	f->spec.gid = 9;
	LIST(f, groups, group_count, (const uint32_t[]){9, 11});
	load_fails(f, -EINVAL, "/process/user/additionalGids: 11 is nobody");
	f->spec.groups = NULL;
	f->spec.group_count = 0;
	load(f);
	unload(f);
	LIST(f, uid_maps, uid_map_count, MAPS({1, 0, 10}));
	load_fails(f, -EINVAL, "no user 0");
	LIST(f, uid_maps, uid_map_count, MAPS({0, 0, 10}, {5, 20, 1}));
	load_fails(f, -EINVAL, "/linux/uidMappings, /linux/gidMappings: an ");
	LIST(f, uid_maps, uid_map_count, MAPS({0, 0, 0}));
	load_fails(f, -EINVAL, "/linux/uidMappings");
}

/* ---- nonsense ---- */

static void test_nonsense__sizes_and_flags(void **state)
{
	struct fixture *f = *state;
	struct {
		struct vfs_bundle_spec spec;
		uint64_t more;
	} large;
	struct vfs_bundle *bundle;
	char small[8];

	check_eq(vfs_bundle_load(NULL, &f->spec, &bundle, NULL, 0), -EFAULT);
	check_eq(vfs_bundle_load(f->world.vfs, NULL, &bundle, NULL, 0),
		 -EFAULT);
	check_eq(vfs_bundle_load(f->world.vfs, &f->spec, NULL, NULL, 0),
		 -EFAULT);
	large.spec = f->spec;
	large.spec.size = sizeof(large);
	large.more = 0;
	check_ok(vfs_bundle_load(f->world.vfs, &large.spec, &bundle, NULL, 0));
	vfs_bundle_free(bundle);
	large.more = 1;
	check_eq(vfs_bundle_load(f->world.vfs, &large.spec, &bundle, small,
				 sizeof(small)),
		 -E2BIG);
	assert_int_equal(strlen(small), 7);
	f->spec.size--;
	load_fails(f, -EINVAL, "size");
	f->spec.size++;
	f->spec.flags = 0x80000000;
	load_fails(f, -EINVAL, "flags");
	f->spec.flags = 0;
	f->spec.overlay = 3;
	load_fails(f, -EINVAL, "/overlay: 3");
	f->spec.overlay = VFS_BUNDLE_OVERLAY_DIRECTORY;
	load_fails(f, -EINVAL, "/overlay: it has no directory");
	f->spec.overlay = 0;
	vfs_bundle_free(NULL);
	vfs_bundle_spec_free(NULL);
	assert_null(vfs_bundle_task(NULL));
	assert_null(vfs_bundle_executable(NULL));
	assert_null(vfs_bundle_arg(NULL, 0));
	assert_null(vfs_bundle_env(NULL, 0));
}

static void test_nonsense__arrays_that_are_not_there(void **state)
{
	struct fixture *f = *state;
	static const struct {
		size_t member;
		const char *where;
	} counts[] = {
#define COUNT(name, text) {offsetof(struct vfs_bundle_spec, name), text}
		COUNT(mount_count, "/mounts"),
		COUNT(mount_fd_count, "/mounts"),
		COUNT(uid_map_count, "/linux/uidMappings"),
		COUNT(gid_map_count, "/linux/gidMappings"),
		COUNT(device_count, "/linux/devices"),
		COUNT(masked_path_count, "/linux/maskedPaths"),
		COUNT(readonly_path_count, "/linux/readonlyPaths"),
		COUNT(arg_count, "/process/args"),
		COUNT(env_count, "/process/env"),
		COUNT(group_count, "/process/user/additionalGids"),
		COUNT(rlimit_count, "/process/rlimits"),
	};

	for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
		uint64_t *count = (uint64_t *)(void *)((char *)&f->spec +
						       counts[i].member);

		*count = 1;
		load_fails(f, -EFAULT, counts[i].where);
		*count = 0;
	}
	LIST(f, args, arg_count, STRINGS("a", NULL));
	load_fails(f, -EFAULT, "/process/args: number 1 is NULL");
}

static void test_nonsense__names_that_are_long_or_odd(void **state)
{
	struct fixture *f = *state;
	char *name = malloc(6000);

	assert_non_null(name);
	memset(name, 'n', 5999);
	name[5999] = 0;
	f->spec.args = (const char *const *)(void *)&name;
	f->spec.arg_count = 1;
	load_fails(f, -ENOENT, "/process/args/0");
	name[0] = '/';
	f->spec.cwd = name;
	load_fails(f, -ENAMETOOLONG, "/process/cwd");
	f->spec.cwd = "/with\na\tline\x7f";
	load_fails(f, -ENOENT, "/process/cwd: \"/with?a?line?\"");
	free(name);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		fixture_test(test_bundle__a_root_alone),
		fixture_test(test_bundle__a_root_that_is_read_only),
		fixture_test(test_bundle__a_root_by_its_descriptor),
		fixture_test(test_bundle__roots_that_are_none),
		fixture_test(test_bundle__options_of_the_root),
		fixture_test(test_bundle__how_the_root_propagates),
		fixture_test(test_bundle__nothing_gets_out),
		fixture_test(test_process__ids_and_capabilities),
		fixture_test(test_process__umask_and_limits),
		fixture_test(test_process__working_directory),
		fixture_test(test_process__home),
		fixture_test(test_process__environment),
		fixture_test(test_process__program),
		fixture_test(test_process__descriptors),
		fixture_test(test_process__terminal),
		fixture_test(test_userns__ids_are_the_containers),
		fixture_test(test_userns__who_is_not_mapped),
		fixture_test(test_nonsense__sizes_and_flags),
		fixture_test(test_nonsense__arrays_that_are_not_there),
		fixture_test(test_nonsense__names_that_are_long_or_odd),
	};

	return cmocka_run_group_tests(tests, NULL, NULL) ? 1 : 0;
}
