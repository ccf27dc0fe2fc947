/* SPDX-License-Identifier: MIT */
/*
 * Row 18: the bridge with an overlay of the host's directories, against
 * fuse-overlayfs on the same kind of layers, as programs see them. Not measured
 * where one of the two, or /dev/fuse, is missing.
 */
#include "bench.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef BENCH_VFS_FUSE
#define BENCH_VFS_FUSE ""
#endif
#define FUSE_MAGIC_NUMBER 0x65735546
#define TOP "fuse18"
#define LOWER TOP "/low"
#define LOWER2 TOP "/low2"
#define DIRS 40
#define FILES_OF_DIR 100
#define LISTED 10000 /* names of two lower layers */
#define SOURCE_DIRS 50
#define SOURCE_FILES 40 /* of a directory */
#define PATIENCE 500	/* hundredths of a second */

extern char **environ;

/* One server, and where its mount is. */
struct server {
	const char *program;
	const char *name;
	struct work work;
};

static void fail(const char *what)
{
	fprintf(stderr, "vfs-bench: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void must(bool done, const char *what)
{
	if (!done)
		fail(what);
}

static int run(char *const *argv)
{
	int status = -1;
	pid_t pid;

	if (posix_spawnp(&pid, argv[0], NULL, NULL, argv, environ))
		return -1;
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return status;
}

/* ---- the mounts ---- */

static void place_of(const struct server *server, const char *name, char *out)
{
	snprintf(out, BENCH_PATH, TOP "/%s-%s", server->name, name);
}

static void mount_server(const struct server *server)
{
	char at[BENCH_PATH], options[5 * PATH_MAX], top[PATH_MAX];
	char *argv[] = {(char *)(uintptr_t)server->program, (char *)"-o",
			options, at, NULL};
	struct statfs fs;
	int i;

	must(getcwd(top, sizeof(top)), "getcwd");
	place_of(server, "mnt", at);
	snprintf(options, sizeof(options),
		 "lowerdir=%s/" LOWER ":%s/" LOWER2 ",upperdir=%s/" TOP
		 "/%s-up,workdir=%s/" TOP "/%s-work",
		 top, top, top, server->name, top, server->name);
	must(!run(argv), server->program);
	for (i = 0; i < PATIENCE; i++) {
		if (!statfs(at, &fs) && fs.f_type == FUSE_MAGIC_NUMBER)
			return;
		usleep(10000);
	}
	fail(at);
}

static void umount_server(const struct server *server)
{
	char at[BENCH_PATH];
	int i;

	place_of(server, "mnt", at);
	for (i = 0; umount2(at, 0) && errno == EBUSY && i < PATIENCE; i++)
		usleep(10000);
}

/* Neither the kernel nor the server knows anything. */
static void mount_afresh(struct series *s)
{
	const struct server *server =
		(void *)((char *)s->work - offsetof(struct server, work));

	umount_server(server);
	mount_server(server);
}

/* ---- what is in the layers ---- */

static void put(const char *path, size_t size)
{
	static const char text[65536];
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);

	must(fd >= 0 && write(fd, text, size) == (ssize_t)size, path);
	close(fd);
}

static void fill_lower(void)
{
	char path[BENCH_PATH];
	int i, j;

	must(!mkdir(TOP, 0755) && !mkdir(LOWER, 0755) && !mkdir(LOWER2, 0755),
	     TOP);
	for (i = 0; i < DIRS; i++) {
		snprintf(path, sizeof(path), LOWER "/d%02d", i);
		must(!mkdir(path, 0755), path);
		for (j = 0; j < FILES_OF_DIR; j++) {
			snprintf(path, sizeof(path), LOWER "/d%02d/f%02d", i,
				 j);
			put(path, 100);
		}
	}
	must(!mkdir(LOWER "/list", 0755) && !mkdir(LOWER2 "/list", 0755), TOP);
	for (i = 0; i < LISTED; i++) {
		snprintf(path, sizeof(path), "%s/list/name%05d",
			 i % 2 ? LOWER : LOWER2, i);
		put(path, 0);
	}
}

/* A tree as of a program's sources, packed. */
static void pack_source(void)
{
	char *argv[] = {(char *)"tar",
			(char *)"-C",
			(char *)TOP,
			(char *)"-cf",
			(char *)TOP "/source.tar",
			(char *)"source",
			NULL};
	char path[BENCH_PATH];
	unsigned int size = 1;
	int i, j;

	must(!mkdir(TOP "/source", 0755), TOP);
	for (i = 0; i < SOURCE_DIRS; i++) {
		snprintf(path, sizeof(path), TOP "/source/dir%02d", i);
		must(!mkdir(path, 0755), path);
		for (j = 0; j < SOURCE_FILES; j++) {
			snprintf(path, sizeof(path),
				 TOP "/source/dir%02d/source%02d.c", i, j);
			/* 0 to 64 KiB, most of them small */
			size = size * 1103515245u + 12345u;
			put(path, (size >> 8) % 65536 >> (size >> 28) % 8);
		}
	}
	must(!run(argv), "tar");
}

static void make_places(const struct server *server)
{
	static const char *const names[] = {"mnt", "up", "work"};
	char path[BENCH_PATH];

	for (size_t i = 0; i < 3; i++) {
		place_of(server, names[i], path);
		must(!mkdir(path, 0755), path);
	}
}

static void remove_tree(const char *path)
{
	char *argv[] = {(char *)"rm", (char *)"-rf", (char *)(uintptr_t)path,
			NULL};

	must(!run(argv), path);
}

/* ---- what is measured ---- */

static void cycle(const struct side *side, struct work *work, uint64_t count)
{
	static const char text[1024];

	(void)side;
	while (count--) {
		int fd = open(work->path, O_WRONLY | O_CREAT | O_EXCL, 0644);

		must(fd >= 0 && write(fd, text, sizeof(text)) == sizeof(text) &&
			     !close(fd) && !unlink(work->path),
		     work->path);
		name_step(work);
	}
}

static void stat_all(const struct side *side, struct work *work, uint64_t count)
{
	char path[BENCH_PATH + 32];
	struct stat st;
	int i, j;

	(void)side;
	(void)count;
	for (i = 0; i < DIRS; i++) {
		for (j = 0; j < FILES_OF_DIR; j++) {
			snprintf(path, sizeof(path), "%s/d%02d/f%02d",
				 work->path2, i, j);
			must(!stat(path, &st) && st.st_size == 100, path);
		}
	}
}

static void list_all(const struct side *side, struct work *work, uint64_t count)
{
	char path[BENCH_PATH + 32];
	struct dirent *entry;
	int names;
	DIR *dir;

	(void)side;
	snprintf(path, sizeof(path), "%s/list", work->path2);
	while (count--) {
		dir = opendir(path);
		must(dir, path);
		for (names = 0; (entry = readdir(dir));)
			names += *entry->d_name != '.';
		closedir(dir);
		errno = EIO;
		must(names == LISTED, path);
	}
}

static void unpack(const struct side *side, struct work *work, uint64_t count)
{
	char *argv[] = {(char *)"tar",
			(char *)"-C",
			work->path2,
			(char *)"-xf",
			(char *)TOP "/source.tar",
			NULL};

	(void)side;
	(void)count;
	must(!run(argv), "tar");
}

static void drop_unpacked(struct series *s)
{
	char path[BENCH_PATH + 32];

	snprintf(path, sizeof(path), "%s/source", s->work->path2);
	remove_tree(path);
}

/* Why there is nothing to be measured, or NULL. */
static const char *missing(void)
{
	char *argv[] = {(char *)"sh", (char *)"-c",
			(char *)"command -v fuse-overlayfs >/dev/null", NULL};
	int fd;

	if (!*BENCH_VFS_FUSE || access(BENCH_VFS_FUSE, X_OK))
		return "vfs-fuse was not built";
	if (run(argv))
		return "there is no fuse-overlayfs";
	fd = open("/dev/fuse", O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return "/dev/fuse cannot be opened";
	close(fd);
	return NULL;
}

static const struct line {
	const char *name;
	loop_fn loop;
	void (*before)(struct series *series);
	void (*after)(struct series *series);
	double units; /* 0: not a whole */
	double goal;
} lines[] = {
	{"create, write 1 KiB, unlink", cycle, NULL, NULL, 0, 2},
	{"stat, never seen before", stat_all, mount_afresh, NULL,
	 DIRS *FILES_OF_DIR, 2},
	{"readdir of 10,000, the first", list_all, mount_afresh, NULL, LISTED,
	 2},
	/* the kernel answers for both */
	{"readdir of 10,000, again", list_all, NULL, NULL, LISTED, 0},
	{"tar x of 2,000 files", unpack, NULL, drop_unpacked,
	 SOURCE_DIRS *SOURCE_FILES, 2},
};

static void measure(struct bench *bench, int row, const struct line *line,
		    struct server *servers)
{
	struct series s[2] = {{.side = NULL}, {.side = NULL}};
	char name[96];

	for (int i = 0; i < 2; i++) {
		s[i].work = &servers[i].work;
		s[i].loop = line->loop;
		s[i].before = line->before;
		s[i].after = line->after;
		s[i].units = line->units;
		s[i].whole = line->units > 0;
	}
	series_run(bench, s, 2);
	snprintf(name, sizeof(name), "bridge, fuse-overlayfs: %s", line->name);
	report_pair(bench, row, name, s[0].out, s[1].out, line->goal);
}

static void row_fuse(struct bench *bench, int row)
{
	static struct server servers[2] = {
		{.program = BENCH_VFS_FUSE, .name = "own"},
		{.program = "fuse-overlayfs", .name = "other"},
	};
	const char *why = missing();

	if (why) {
		fprintf(stderr, "vfs-bench: row %d: not measured: %s\n", row,
			why);
		return;
	}
	fill_lower();
	pack_source();
	for (int i = 0; i < 2; i++) {
		struct work *work = &servers[i].work;

		place_of(&servers[i], "mnt", work->path2);
		work_names(&bench->kernel, work, work->path2, 1000);
		make_places(&servers[i]);
		mount_server(&servers[i]);
	}
	for (size_t i = 0; i < sizeof(lines) / sizeof(*lines); i++)
		measure(bench, row, &lines[i], servers);
	for (int i = 0; i < 2; i++)
		umount_server(&servers[i]);
	remove_tree(TOP);
}

const struct benchmark rows_fuse[] = {
	{18, "fuse: overlay, against fuse-overlayfs", row_fuse},
	{0, NULL, NULL},
};
