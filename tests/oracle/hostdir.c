/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "hostdir.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/loop.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "instants.h"
#include "kuser.h"
#include "side.h"

#define IMAGE_SIZE (INT64_C(24) << 20)
#define LOOP_MAJOR 7
#ifndef SYS_fchmodat2
#define SYS_fchmodat2 452
#endif

/* Of an ext4 with nothing in it. */
static int image_fd = -1;

/* ---- images ---- */

static bool run_mkfs(int fd)
{
	char path[40];
	int status;
	pid_t pid;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	fflush(NULL);
	pid = fork();
	if (!pid) {
		fcntl(fd, F_SETFD, 0);
		execlp("mkfs.ext4", "mkfs.ext4", "-q", "-F", "-b", "4096", "-I",
		       "256", "-N", "2000", "-m", "0", "-O",
		       "^has_journal,^resize_inode", "-E",
		       "lazy_itable_init=0,nodiscard", path, (char *)NULL);
		_exit(127);
	}
	return pid > 0 && waitpid(pid, &status, 0) == pid && !status;
}

static bool make_image(void)
{
	int fd = memfd_create("image", MFD_CLOEXEC);

	if (fd < 0 || ftruncate(fd, IMAGE_SIZE))
		return false;
	image_fd = private_fd(fd);
	return run_mkfs(image_fd);
}

/* What of the image is no hole. */
static int copy_image(void)
{
	static char buffer[65536];
	int fd = memfd_create("ext4", MFD_CLOEXEC);
	int64_t at = 0, n;

	if (fd < 0 || ftruncate(fd, IMAGE_SIZE))
		die("no memory for an image");
	while ((at = lseek(image_fd, at, SEEK_DATA)) >= 0) {
		n = pread(image_fd, buffer, sizeof(buffer), at);
		if (n <= 0 || pwrite(fd, buffer, (size_t)n, at) != n)
			die("cannot copy the image");
		at += n;
	}
	return fd;
}

/* The node may be missing where nobody makes one. */
static int open_loop(int number)
{
	char path[40];
	int fd;

	snprintf(path, sizeof(path), "/dev/loop%d", number);
	fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT &&
	    !mknod(path, S_IFBLK | 0600, makedev(LOOP_MAJOR, (unsigned)number)))
		fd = open(path, O_RDWR | O_CLOEXEC);
	return fd;
}

/* A loop device for fd, in path; -1: none. Others look for one, too. */
static int loop_for(int fd, char path[40])
{
	struct loop_config config = {
		.fd = (uint32_t)fd,
		.info.lo_flags = LO_FLAGS_AUTOCLEAR,
	};
	int control = open("/dev/loop-control", O_RDWR | O_CLOEXEC);
	int loop = -1;

	for (int i = 0; control >= 0 && loop < 0 && i < 100; i++) {
		int number = ioctl(control, LOOP_CTL_GET_FREE);

		loop = number < 0 ? -1 : open_loop(number);
		if (loop < 0)
			break;
		snprintf(path, 40, "/dev/loop%d", number);
		if (!ioctl(loop, LOOP_CONFIGURE, &config))
			break;
		close(loop);
		loop = -1;
		usleep(1000);
	}
	if (control >= 0)
		close(control);
	return loop;
}

/* ---- file systems ---- */

/* A word, or key=value. */
static bool set_option(int fs, const char *option)
{
	char key[64];
	const char *equals = strchr(option, '=');

	if (!equals)
		return !fsconfig(fs, FSCONFIG_SET_FLAG, option, NULL, 0);
	snprintf(key, sizeof(key), "%.*s", (int)(equals - option), option);
	return !fsconfig(fs, FSCONFIG_SET_STRING, key, equals + 1, 0);
}

static bool set_options(int fs, const char *options)
{
	char *copy = strdup(options), *rest = copy, *option;
	bool ok = copy;

	while (ok && (option = strsep(&rest, ",")))
		ok = !*option || set_option(fs, option);
	free(copy);
	return ok;
}

static int mount_detached(const char *type, const char *options)
{
	int fs = fsopen(type, FSOPEN_CLOEXEC), mnt = -1;

	if (fs < 0)
		return -1;
	if (set_options(fs, options) &&
	    !fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0))
		mnt = fsmount(fs, FSMOUNT_CLOEXEC, 0);
	close(fs);
	return mnt;
}

static int try_ext4(void)
{
	char path[40], options[80];
	int image = copy_image();
	int loop = loop_for(image, path), mnt = -1;

	/* blocks are where they are at once, and counted */
	snprintf(options, sizeof(options), "source=%s,nodelalloc", path);
	if (loop >= 0)
		mnt = mount_detached("ext4", options);
	if (loop >= 0)
		close(loop);
	close(image);
	return mnt;
}

static int try_create(const struct host *host, const char *options)
{
	char full[256];

	if (host->kind == HOST_EXT4)
		return try_ext4();
	snprintf(full, sizeof(full), "source=kernel,mode=0777,%s", options);
	return mount_detached("tmpfs", full);
}

int host_create(const struct host *host, const char *options)
{
	int fd = try_create(host, options);

	if (fd < 0)
		die("no file system for hostfs: %s", strerror(errno));
	return private_fd(fd);
}

bool host_prepare(const struct host *host, const char **why)
{
	int fd;

	*why = "mkfs.ext4 is missing, or fails";
	if (host->kind == HOST_EXT4 && !make_image())
		return false;
	*why = host->kind == HOST_EXT4
		       ? "no loop device, or no ext4, or no privilege"
		       : "no file system can be mounted";
	fd = try_create(host, "size=64k");
	if (fd < 0)
		return false;
	close(fd);
	*why = NULL;
	return true;
}

/* ---- who the library is ---- */

/* Threads have credentials of their own; the C library's calls would change
 * those of all. */
void host_drop(const struct host *host)
{
	struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3,
						  0};
	struct __user_cap_data_struct data[2] = {{0, 0, 0}, {0, 0, 0}};
	unsigned id = HOST_UID(host);

	if (syscall(SYS_setgroups, 0, NULL) ||
	    syscall(SYS_setresgid, id, id, id) ||
	    syscall(SYS_setresuid, id, id, id) ||
	    syscall(SYS_capset, &header, data))
		die("cannot drop privileges: %s", strerror(errno));
}

void host_reset(int dir)
{
	char list[4096];
	ssize_t len;
	int fd;

	/* what it has become may be in the way; and flags in the chmod's */
	if (syscall(SYS_fchmodat2, dir, "", 0700, AT_EMPTY_PATH))
		kuser_clear_flags(dir, NULL);
	syscall(SYS_fchmodat2, dir, "", 0700, AT_EMPTY_PATH);
	fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		die("the library's directory is lost: %s", strerror(errno));
	kuser_purge(fd);
	len = flistxattr(fd, list, sizeof(list));
	for (ssize_t i = 0; i < len; i += (ssize_t)strlen(list + i) + 1)
		fremovexattr(fd, list + i);
	if (fchown(fd, geteuid(), getegid()) || fchmod(fd, 0777) ||
	    futimens(fd, NULL))
		die("cannot reset the library's directory: %s",
		    strerror(errno));
	close(fd);
}

void host_options(const struct host *host, int dir, char *out, size_t size)
{
	snprintf(out, size, "rootfd=%d,cache=%s,owner=%s,devices", dir,
		 host->exclusive ? "exclusive" : "revalidate",
		 host->xattr ? "xattr" : "host");
}

void host_describe(const struct host *host, char *out, size_t size)
{
	snprintf(out, size, "--hostfs %s --cache %s --owner %s%s",
		 host->kind == HOST_EXT4 ? "ext4" : "tmpfs",
		 host->exclusive ? "exclusive" : "revalidate",
		 host->xattr ? "xattr" : "host",
		 host->unprivileged ? " --unprivileged" : "");
}
