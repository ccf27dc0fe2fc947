/* SPDX-License-Identifier: MIT */
/* Contract: hostdir.h. */
#include "support/hostdir.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int make_in(const char *where, char path[HOSTDIR_PATH])
{
	if (snprintf(path, HOSTDIR_PATH, "%s/vfs-test-XXXXXX", where) >=
	    HOSTDIR_PATH)
		return -ENAMETOOLONG;
	if (!mkdtemp(path))
		return -errno;
	return chmod(path, 0755) ? -errno : 0;
}

int hostdir_make(char path[HOSTDIR_PATH])
{
	const char *wanted = getenv("HOSTFS_DIR");

	if (wanted && *wanted)
		return make_in(wanted, path);
	return make_in("/dev/shm", path) ? make_in("/tmp", path) : 0;
}

/* An entry, without recursion into what is deep: the tree may be deeper than
 * the stack, so what is below a directory is first brought up to the top. */
static void remove_entry(int top, int dir, const char *name, unsigned *serial)
{
	char unique[32];

	if (!unlinkat(dir, name, 0) || !unlinkat(dir, name, AT_REMOVEDIR))
		return;
	if (dir == top)
		return;
	snprintf(unique, sizeof(unique), ".gone-%u", (*serial)++);
	(void)renameat(dir, name, top, unique);
}

/* Empties the directory `name` of top, one level. */
static void empty(int top, const char *name, unsigned *serial)
{
	int fd = openat(top, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
	struct dirent *d;
	DIR *stream;

	if (fd < 0)
		return;
	fchmod(fd, 0700);
	stream = fdopendir(fd);
	if (!stream) {
		close(fd);
		return;
	}
	while ((d = readdir(stream)))
		if (strcmp(d->d_name, ".") && strcmp(d->d_name, ".."))
			remove_entry(top, fd, d->d_name, serial);
	closedir(stream);
}

/* One pass over top; how many entries were left. */
static int pass(int top, unsigned *serial)
{
	int fd = openat(top, ".", O_RDONLY | O_DIRECTORY), left = 0;
	struct dirent *d;
	DIR *stream = fd < 0 ? NULL : fdopendir(fd);

	if (!stream)
		return 0;
	while ((d = readdir(stream))) {
		if (!strcmp(d->d_name, ".") || !strcmp(d->d_name, ".."))
			continue;
		left++;
		if (!unlinkat(top, d->d_name, 0))
			continue;
		empty(top, d->d_name, serial);
		unlinkat(top, d->d_name, AT_REMOVEDIR);
	}
	closedir(stream);
	return left;
}

void hostdir_remove(const char *path)
{
	int top = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
	unsigned serial = 0;

	if (top >= 0) {
		for (int i = 0; i < 100000 && pass(top, &serial) > 0; i++)
			;
		close(top);
	}
	rmdir(path);
}

int hostdir_count_fds(void)
{
	DIR *stream = opendir("/proc/self/fd");
	int count = 0;

	if (!stream)
		return -1;
	while (readdir(stream))
		count++;
	closedir(stream);
	return count - 3; /* `.`, `..` and the stream's own */
}
