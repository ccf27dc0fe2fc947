/* SPDX-License-Identifier: MIT */
#include "kernel_tree.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#define TMPFS_OPTIONS "mode=755,nr_inodes=4000000"
#define TMPFS_MAGIC_NUMBER 0x01021994

/* Set only in the last resort: what leave_directory() removes. */
static char scratch[PATH_MAX];
static char words[PATH_MAX + 64];

/* Whether what is mounted there would hide this program, and those beside it
 * that a row may start. */
static int hides_us(const char *place)
{
	char self[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	size_t length = strlen(place);

	return n > (ssize_t)length && !strncmp(self, place, length) &&
	       self[length] == '/';
}

/* A private mount needs a place; hidden in a namespace of our own, any
 * directory will do, and nothing is left behind. */
static int mount_private(void)
{
	static const char *const places[] = {"/tmp", "/mnt", "/var/tmp",
					     "/dev/shm"};
	size_t i;

	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return -errno;
	for (i = 0; i < sizeof(places) / sizeof(places[0]); i++)
		if (!hides_us(places[i]) &&
		    mount("vfs-bench", places[i], "tmpfs", 0, TMPFS_OPTIONS) ==
			    0 &&
		    chdir(places[i]) == 0)
			return 0;
	return -errno;
}

static int write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY);
	ssize_t written;

	if (fd < 0)
		return -errno;
	written = write(fd, text, strlen(text));
	close(fd);
	return written == (ssize_t)strlen(text) ? 0 : -EIO;
}

static int user_namespace(void)
{
	char map[64];
	uid_t uid = geteuid();
	gid_t gid = getegid();

	if (unshare(CLONE_NEWUSER | CLONE_NEWNS) < 0)
		return -errno;
	if (write_file("/proc/self/setgroups", "deny") < 0)
		return -EPERM;
	snprintf(map, sizeof(map), "0 %u 1", (unsigned)uid);
	if (write_file("/proc/self/uid_map", map) < 0)
		return -EPERM;
	snprintf(map, sizeof(map), "0 %u 1", (unsigned)gid);
	return write_file("/proc/self/gid_map", map);
}

static int remove_one(const char *path, const struct stat *st, int type,
		      struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

static void leave_directory(void)
{
	if (chdir("/") == 0)
		nftw(scratch, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static int enter_directory(const char *parent)
{
	struct statfs fs;

	if (!parent || statfs(parent, &fs) < 0)
		return -ENOENT;
	snprintf(scratch, sizeof(scratch), "%s/vfs-bench-XXXXXX", parent);
	if (!mkdtemp(scratch))
		return -errno;
	if (chdir(scratch) < 0)
		return -errno;
	atexit(leave_directory);
	snprintf(words, sizeof(words), "%s, a directory on %s", scratch,
		 fs.f_type == TMPFS_MAGIC_NUMBER
			 ? "a tmpfs that others use"
			 : "a file system that is not tmpfs");
	return 0;
}

const char *kernel_tree_enter(void)
{
	if (geteuid() == 0 && unshare(CLONE_NEWNS) == 0 && mount_private() == 0)
		return "a private tmpfs mount";
	if (user_namespace() == 0 && mount_private() == 0)
		return "a private tmpfs mount in a user namespace";
	if (enter_directory("/dev/shm") == 0 ||
	    enter_directory(getenv("TMPDIR")) == 0 ||
	    enter_directory("/tmp") == 0)
		return words;
	fprintf(stderr, "vfs-bench: no place for the kernel's files\n");
	exit(1);
}
