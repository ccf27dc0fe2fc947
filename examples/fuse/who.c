/* SPDX-License-Identifier: MIT */
/* Threads that ask, as /proc has them. Contract: who.h. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "who.h"

#define FIRST_SIZE 4096u

/* PIDFD_THREAD of Linux 6.9: not a process's first one. */
#define OF_A_THREAD O_EXCL

/* The whole of a file in /proc, NUL-terminated; NULL: it cannot be read. */
static char *read_all(const char *path)
{
	size_t size = FIRST_SIZE, length = 0;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	char *text, *more;
	ssize_t n;

	if (fd < 0)
		return NULL;
	text = malloc(size);
	while (text && (n = read(fd, text + length, size - length - 1)) > 0) {
		length += (size_t)n;
		if (size - length > 1)
			continue;
		more = realloc(text, size *= 2);
		if (!more)
			free(text);
		text = more;
	}
	close(fd);
	if (text)
		text[length] = '\0';
	return text;
}

/* ---- which number a thread has there ---- */

static bool numbers_known;

static void compare_numbers(void)
{
	char text[16] = "";

	numbers_known = readlink("/proc/self", text, sizeof(text) - 1) > 0 &&
			atoi(text) == getpid();
}

bool who_knows_numbers(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, compare_numbers);
	return numbers_known;
}

/* The number that thread tid of this process's pid namespace has in /proc,
 * which may be of one above; -1: nobody knows. */
static pid_t number_of(pid_t tid)
{
	char path[64], *text = NULL;
	const char *line;
	int fd;

	if (who_knows_numbers())
		return tid;
	fd = (int)syscall(SYS_pidfd_open, tid, OF_A_THREAD);
	if (fd < 0)
		fd = (int)syscall(SYS_pidfd_open, tid, 0);
	if (fd < 0)
		return -1;
	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	text = read_all(path);
	close(fd);
	line = text ? strstr(text, "\nPid:") : NULL;
	tid = line ? atoi(line + 5) : -1;
	free(text);
	return tid > 0 ? tid : -1;
}

/* ---- what is there ---- */

static char *read_proc(pid_t tid, const char *name)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)tid, name);
	return read_all(path);
}

/* What stands behind a line's name. */
static const char *line_of(const char *text, const char *name)
{
	const char *at = strstr(text, name);

	return at ? at + strlen(name) : "";
}

static int read_groups(struct who *who, const char *list)
{
	const char *at = list;
	size_t count = 0;
	char *end;

	while (*at && *at != '\n')
		count += *at++ == ' ';
	who->groups = malloc((count + 1) * sizeof(*who->groups));
	if (!who->groups)
		return -ENOMEM;
	for (at = list; who->group_count <= count; at = end) {
		while (*at == ' ' || *at == '\t')
			at++;
		if (*at < '0' || *at > '9')
			break;
		who->groups[who->group_count++] =
			(uint32_t)strtoul(at, &end, 10);
	}
	return 0;
}

/* The fourth number of a line of ids: the one for files. */
static uint32_t file_id(const char *line)
{
	unsigned long ids[4] = {UINT32_MAX, UINT32_MAX, UINT32_MAX, UINT32_MAX};

	sscanf(line, "%lu %lu %lu %lu", &ids[0], &ids[1], &ids[2], &ids[3]);
	return (uint32_t)ids[3];
}

static int read_maps(struct who *who, int which, pid_t tid)
{
	char *text = read_proc(tid, which ? "gid_map" : "uid_map");
	size_t lines = 0;
	char *at;
	int err = 0;

	if (!text)
		return 0;
	for (at = text; *at; at++)
		lines += *at == '\n';
	who->maps[which] = calloc(lines + 1, sizeof(*who->maps[which]));
	if (!who->maps[which])
		err = -ENOMEM;
	for (at = text; !err && at && *at; at = strchr(at, '\n')) {
		unsigned long in, out, count;
		struct vfs_id_map *map;

		at += *at == '\n';
		if (sscanf(at, "%lu %lu %lu", &in, &out, &count) != 3)
			break;
		/* what has no number here counts for nothing */
		if (out == UINT32_MAX || who->map_counts[which] >= lines)
			continue;
		map = &who->maps[which][who->map_counts[which]++];
		map->inside = (uint32_t)in;
		map->outside = (uint32_t)out;
		map->count = (uint32_t)count;
	}
	free(text);
	return err;
}

/* Is tid's user namespace the server's? -1: nobody knows. */
static int same_namespace(pid_t tid)
{
	struct stat mine, theirs;
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/ns/user", (int)tid);
	if (stat("/proc/self/ns/user", &mine) || stat(path, &theirs))
		return -1;
	return mine.st_ino == theirs.st_ino && mine.st_dev == theirs.st_dev;
}

static int read_capabilities(struct who *who, const char *status, pid_t tid)
{
	int same = same_namespace(tid), err = 0;

	/* the kernel has checked root, whom a user's server may not look at */
	if (same < 0 && who->uid)
		return 0;
	who->effective =
		strtoull(line_of(status, "\nCapEff:"), NULL, 16) & VFS_CAP_ALL;
	who->permitted =
		strtoull(line_of(status, "\nCapPrm:"), NULL, 16) & VFS_CAP_ALL;
	/* ids of the moment that are not the thread's own: the kernel asks, for
	 * access(2), or for a file system that it has put on top of this one.
	 * It has checked what that one may. */
	if (file_id(line_of(status, "\nUid:")) != who->uid)
		who->effective = who->uid ? 0 : VFS_CAP_ALL;
	if (same < 0)
		who->effective &= ~(UINT64_C(1) << VFS_CAP_SYS_ADMIN);
	who->permitted |= who->effective;
	if (!same) {
		who->foreign = true;
		err = read_maps(who, 0, tid);
		if (!err)
			err = read_maps(who, 1, tid);
	}
	return err;
}

/* Groups of the server's numbers that have none in there are lost; one who has
 * no number himself there has no power there. */
static void enter_namespace(struct who *who)
{
	size_t i, kept = 0;

	if (who_inside(who, 0, who->uid) == UINT32_MAX ||
	    who_inside(who, 1, who->gid) == UINT32_MAX) {
		who->foreign = false;
		who->effective = who->permitted = 0;
		return;
	}
	for (i = 0; i < who->group_count; i++) {
		if (who_inside(who, 1, who->groups[i]) != UINT32_MAX)
			who->groups[kept++] = who->groups[i];
	}
	who->group_count = kept;
}

int who_read(struct who *who, uid_t uid, gid_t gid, pid_t tid)
{
	char *status = NULL;
	int err;

	memset(who, 0, sizeof(*who));
	who->uid = uid;
	who->gid = gid;
	if (tid)
		tid = number_of(tid);
	if (tid > 0)
		status = read_proc(tid, "status");
	if (!status) {
		if (!uid && !tid)
			who->effective = who->permitted = VFS_CAP_ALL;
		return 0;
	}
	err = read_groups(who, line_of(status, "\nGroups:"));
	if (!err)
		err = read_capabilities(who, status, tid);
	if (!err && who->foreign)
		enter_namespace(who);
	free(status);
	if (err)
		who_free(who);
	return err;
}

void who_free(struct who *who)
{
	free(who->groups);
	free(who->maps[0]);
	free(who->maps[1]);
	memset(who, 0, sizeof(*who));
}

static bool same_bytes(const void *a, size_t count_a, const void *b,
		       size_t count_b, size_t size)
{
	return count_a == count_b &&
	       (!count_a || !memcmp(a, b, count_a * size));
}

bool who_equal(const struct who *a, const struct who *b)
{
	int i;

	if (a->uid != b->uid || a->gid != b->gid ||
	    a->effective != b->effective || a->permitted != b->permitted ||
	    a->foreign != b->foreign)
		return false;
	for (i = 0; a->foreign && i < 2; i++) {
		if (!same_bytes(a->maps[i], a->map_counts[i], b->maps[i],
				b->map_counts[i], sizeof(*a->maps[i])))
			return false;
	}
	return same_bytes(a->groups, a->group_count, b->groups, b->group_count,
			  sizeof(*a->groups));
}

uint32_t who_inside(const struct who *who, int which, uint32_t id)
{
	size_t i;

	if (!who->foreign || id == UINT32_MAX)
		return id;
	for (i = 0; i < who->map_counts[which]; i++) {
		const struct vfs_id_map *map = &who->maps[which][i];

		if (id >= map->outside && id - map->outside < map->count)
			return map->inside + (id - map->outside);
	}
	return UINT32_MAX;
}
