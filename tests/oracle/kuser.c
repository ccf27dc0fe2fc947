/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "kuser.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

struct map_request {
	int proc;
	char path[64];
	char text[4000]; /* less than a page is written at once */
	size_t len;
	int result;
};

/* On the writer's thread. */
static void write_map(void *argument)
{
	struct map_request *request = argument;
	int fd;

	/* its files belong to the process again, whoever it became */
	prctl(PR_SET_DUMPABLE, 1);
	fd = openat(request->proc, request->path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		die("cannot open %s: %s", request->path, strerror(errno));
	request->result = 0;
	if (write(fd, request->text, request->len) < 0)
		request->result = -errno;
	close(fd);
}

int kuser_write_map(struct ktask *writer, int proc, pid_t process,
		    const char *file, const struct vfs_id_map *maps,
		    size_t count)
{
	struct map_request request = {.proc = proc};

	snprintf(request.path, sizeof(request.path), "%d/%s", (int)process,
		 file);
	for (size_t i = 0; i < count; i++) {
		size_t room = sizeof(request.text) - request.len;
		int n = snprintf(request.text + request.len, room, "%u %u %u\n",
				 maps[i].inside, maps[i].outside,
				 maps[i].count);

		if ((size_t)n >= room)
			die("a map is too long");
		request.len += (size_t)n;
	}
	ktask_run(writer, write_map, &request);
	return request.result;
}

void kuser_clear_flags(int dir, const char *name)
{
	int none = 0;
	int fd = openat(dir, name ? name : ".",
			O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0)
		return;
	/* not every file has any */
	if (ioctl(fd, FS_IOC_SETFLAGS, &none))
		errno = 0;
	close(fd);
}

void kuser_purge(int dir)
{
	struct dirent *entry;
	DIR *stream;
	int copy = openat(dir, ".", O_RDONLY | O_DIRECTORY);

	if (copy < 0 || !(stream = fdopendir(copy)))
		die("cannot empty the tree: %s", strerror(errno));
	kuser_clear_flags(copy, NULL);
	while ((entry = readdir(stream))) {
		int child, refused;

		if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, ".."))
			continue;
		if (!unlinkat(dir, entry->d_name, 0))
			continue;
		kuser_clear_flags(dir, entry->d_name);
		if (!unlinkat(dir, entry->d_name, 0))
			continue;
		refused = errno;
		/* Without privileges its mode may be in the way. */
		fchmodat(dir, entry->d_name, 0700, 0);
		child = openat(dir, entry->d_name,
			       O_PATH | O_DIRECTORY | O_NOFOLLOW);
		if (child < 0)
			die("cannot remove %s: %s", entry->d_name,
			    strerror(refused));
		kuser_purge(child);
		close(child);
		if (unlinkat(dir, entry->d_name, AT_REMOVEDIR))
			die("cannot remove: %s", strerror(errno));
	}
	closedir(stream);
}
