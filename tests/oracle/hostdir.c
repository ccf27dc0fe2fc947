/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "hostdir.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "instants.h"
#include "kuser.h"
#include "side.h"
#include "support/image.h"

#define IMAGE_SIZE (INT64_C(128) << 20)
#ifndef SYS_fchmodat2
#define SYS_fchmodat2 452
#endif

/* Of an ext4 with nothing in it. */
static int image_fd = -1;

/* ---- images ---- */

static bool make_image(void)
{
	static const char *const command[] = {
		"mkfs.ext4",
		"-q",
		"-F",
		"-b",
		"4096",
		"-I",
		"256",
		"-N",
		"2000",
		"-m",
		"0",
		"-O",
		"^has_journal,^resize_inode",
		"-E",
		"lazy_itable_init=0,nodiscard",
		NULL,
	};
	int fd = image_make(IMAGE_SIZE, command);

	if (fd < 0)
		return false;
	image_fd = private_fd(fd);
	return true;
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
	char path[IMAGE_PATH], options[80];
	int image = copy_image();
	int loop = image_attach(image, path), mnt = -1;

	/* blocks are where they are at once, and counted */
	snprintf(options, sizeof(options), "source=%s,nodelalloc", path);
	if (loop >= 0)
		mnt = mount_detached("ext4", options);
	if (loop >= 0)
		close(loop);
	close(image);
	/* empty, and anybody's, as a tmpfs is made: who has no privilege could
	 * do neither */
	if (mnt >= 0 && (unlinkat(mnt, "lost+found", AT_REMOVEDIR) ||
			 fchmodat(mnt, ".", 0777, 0)))
		die("cannot prepare an ext4: %s", strerror(errno));
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

bool host_parse(const char *word, enum host_kind *kind)
{
	*kind = strcmp(word, "ext4") ? HOST_TMPFS : HOST_EXT4;
	return *kind == HOST_EXT4 || !strcmp(word, "tmpfs");
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
