/* SPDX-License-Identifier: MIT */
/*
 * The state of a side as text: every name in the tree in sorted order with
 * attributes, data, links, extended attributes and times, the file system's
 * counters, and the descriptors in the slots. Looking changes no time but a
 * symbolic link's access time, and that on both sides.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "side.h"

#define CHUNK 65536
#define LAST_CHUNK (INT64_MAX - CHUNK)
#define LARGE 262144
#define MAX_CHUNKS 1024
#define MAX_NAMES 512
#define DEEPEST 256

struct shot {
	struct side *side;
	const struct side_calls *c;
	struct vfs_task *task; /* the observer */
	struct text path;
	unsigned depth;
	unsigned slot;
};

static void read_link(struct shot *shot, const char *name)
{
	char target[4200];
	int64_t len = shot->c->readlinkat(shot->task, AT_FDCWD, name, target,
					  sizeof(target));

	text_add(&shot->side->out, " -> ", 4);
	if (len < 0)
		text_result(&shot->side->out, len);
	else
		text_bytes(&shot->side->out, target, (size_t)len);
}

/* The bytes that are not 0, wherever holes are said to be. */
static void read_data(struct shot *shot, const char *name)
{
	static const char zeros[4096];
	struct text *out = &shot->side->out;
	uint64_t hash = 0;
	int64_t at = 0, n;
	int fd = shot->c->openat(shot->task, AT_FDCWD, name,
				 O_RDONLY | O_NOATIME | O_NOFOLLOW, 0);

	if (fd < 0) {
		text_add(out, " data=", 6);
		text_result(out, fd);
		return;
	}
	for (int i = 0; i < MAX_CHUNKS; i++) {
		/* how often it is read is told of, and Linux's overlays have
		 * fewer holes */
		if (!shot->side->overlay || at >= LARGE)
			at = shot->c->lseek(shot->task, fd, at, SEEK_DATA);
		/* The kernel does not find the last page of all. */
		if (at < 0 || at > INT64_MAX - 4096)
			break;
		n = shot->c->pread(
			shot->task, fd, shot->side->buffer,
			at > LAST_CHUNK ? (size_t)(INT64_MAX - at) : CHUNK, at);
		if (n <= 0)
			break;
		for (int64_t page = 0; page < n;) {
			int64_t len = 4096 - (at + page) % 4096;

			if (len > n - page)
				len = n - page;
			if (memcmp(shot->side->buffer + page, zeros,
				   (size_t)len))
				hash += hash_bytes((uint64_t)(at + page),
						   shot->side->buffer + page,
						   (size_t)len);
			page += len;
		}
		at += n;
	}
	if (hash)
		text_printf(out, " data=%016llx", (unsigned long long)hash);
	shot->c->close(shot->task, fd);
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static unsigned sort_list(char *list, size_t len, char *names[MAX_NAMES])
{
	unsigned count = 0;

	for (size_t i = 0; i < len; i += strlen(list + i) + 1) {
		if (count == MAX_NAMES)
			die("a directory is too large");
		names[count++] = list + i;
	}
	qsort(names, count, sizeof(names[0]), by_name);
	return count;
}

static void read_xattrs(struct shot *shot, const char *name)
{
	struct text *out = &shot->side->out;
	static __thread char list[CHUNK];
	char *names[MAX_NAMES];
	unsigned count;
	int64_t len = shot->c->llistxattr(shot->task, name, list, sizeof(list));

	if (len < 0) {
		text_add(out, " xattrs=", 8);
		text_result(out, len);
		return;
	}
	count = sort_list(list, (size_t)len, names);
	for (unsigned i = 0; i < count; i++) {
		int64_t size =
			shot->c->lgetxattr(shot->task, name, names[i],
					   shot->side->buffer, BUFFER_SIZE);

		text_printf(out, " %s=", names[i]);
		if (size < 0)
			text_result(out, size);
		else
			text_bytes(out, shot->side->buffer, (size_t)size);
	}
}

static void walk_directory(struct shot *shot);

/* A procfs shows who looks: what is in it is not part of the state. */
static bool is_proc(struct shot *shot, const char *name,
		    const struct vfs_stat *stat)
{
	struct vfs_statfs statfs;

	return stat->mode == (S_IFDIR | 0555) && stat->ino == 1 &&
	       shot->c->statfs(shot->task, name, &statfs) >= 0 &&
	       statfs.type == 0x9fa0;
}

/* A mount point is listed with what is below; and Linux's overlays list what is
 * on a layer in many cases, the library's never. */
static bool lists_numbers(const struct side *side)
{
	return side->overlay ? side->class == &vfs_class : !side->mounts;
}

/* name is looked up in the observer's working directory. */
static void show_entry(struct shot *shot, const char *name, uint64_t listed)
{
	struct text *out = &shot->side->out;
	size_t len = shot->path.len;
	struct vfs_stat stat;
	int result = shot->c->lstat(shot->task, name, &stat);

	text_printf(&shot->path, "/%s", name);
	text_add(out, shot->path.data, shot->path.len);
	if (result >= 0 && is_proc(shot, name, &stat)) {
		text_add(out, " proc\n", 6);
		shot->path.len = len;
		return;
	}
	if (result < 0) {
		text_add(out, " ", 1);
		text_result(out, result);
	} else {
		side_stat(shot->side, &stat);
		read_xattrs(shot, name);
		if (listed && listed != stat.ino && lists_numbers(shot->side))
			text_printf(out, " LISTED WITH ANOTHER INODE NUMBER");
		if (S_ISLNK(stat.mode))
			read_link(shot, name);
		else if (S_ISREG(stat.mode) && stat.size)
			read_data(shot, name);
	}
	text_add(out, "\n", 1);
	if (result >= 0 && S_ISDIR(stat.mode) && listed &&
	    shot->depth < DEEPEST && shot->c->chdir(shot->task, name) >= 0) {
		shot->depth++;
		walk_directory(shot);
		shot->depth--;
		shot->c->chdir(shot->task, "..");
	}
	shot->path.len = len;
}

struct record {
	uint64_t ino;
	int64_t off;
	uint16_t reclen;
	uint8_t type;
	char name[];
};

/* The names of the working directory, each with its number behind it. */
static void list_names(struct shot *shot, struct text *names)
{
	int64_t n;
	int fd = shot->c->openat(shot->task, AT_FDCWD, ".",
				 O_RDONLY | O_DIRECTORY | O_NOATIME, 0);

	if (fd < 0) {
		text_add(&shot->side->out, " unlistable: ", 13);
		text_result(&shot->side->out, fd);
		return;
	}
	while ((n = shot->c->getdents(shot->task, fd, shot->side->buffer,
				      CHUNK)) > 0) {
		for (int64_t at = 0; at < n;) {
			const struct record *record =
				(const void *)(shot->side->buffer + at);

			if (strcmp(record->name, ".") &&
			    strcmp(record->name, "..")) {
				text_add(names, record->name,
					 strlen(record->name) + 1);
				text_add(names, (const char *)&record->ino, 8);
			}
			at += record->reclen;
		}
	}
	shot->c->close(shot->task, fd);
}

static void walk_directory(struct shot *shot)
{
	struct text names = {0};
	char *sorted[MAX_NAMES];
	unsigned count = 0;

	list_names(shot, &names);
	for (size_t i = 0; i < names.len; i += strlen(names.data + i) + 9) {
		if (count == MAX_NAMES)
			die("a directory is too large");
		sorted[count++] = names.data + i;
	}
	qsort(sorted, count, sizeof(sorted[0]), by_name);
	for (unsigned i = 0; i < count; i++) {
		uint64_t ino;

		memcpy(&ino, sorted[i] + strlen(sorted[i]) + 1, 8);
		show_entry(shot, sorted[i], ino);
	}
	text_fini(&names);
}

static void show_tree(void *argument)
{
	struct shot *shot = argument;
	struct vfs_statfs statfs;
	int result;

	text_clear(&shot->path);
	text_add(&shot->path, ".", 1);
	show_entry(shot, ".", 0);
	shot->path.len = 1;
	walk_directory(shot);
	/* mounts of the sequence before may still be on their way out */
	if (side_reduced || shot->side->mounts || shot->side->host->xattr)
		return;
	result = shot->c->statfs(shot->task, ".", &statfs);
	if (result < 0 && HOST_SINGLE(shot->side->host))
		return;
	if (result < 0)
		die("statfs fails");
	if (side_free_is_vague(shot->side))
		statfs.bfree = statfs.ffree = 0;
	text_printf(&shot->side->out, "free blocks=%llu inodes=%llu\n",
		    (unsigned long long)statfs.bfree,
		    (unsigned long long)statfs.ffree);
}

static void show_slot(void *argument)
{
	struct shot *shot = argument;
	struct text *out = &shot->side->out;
	struct vfs_stat stat;
	int fd = shot->side->slots[shot->slot];
	int flags = (int)shot->c->fcntl(shot->task, fd, F_GETFL, 0);
	int result;

	text_printf(out, "$%u fd=%d", shot->slot, fd);
	/* what O_PATH leads to is asked for by a name, which this process may
	 * not reach any more */
	if (shot->side->host->unprivileged && flags >= 0 && (flags & O_PATH)) {
		text_add(out, " O_PATH\n", 8);
		return;
	}
	result = shot->c->fstat(shot->task, fd, &stat);
	if (result < 0) {
		text_add(out, " ", 1);
		text_result(out, result);
	} else {
		shot->side->opened = true;
		side_stat(shot->side, &stat);
		shot->side->opened = false;
		text_printf(
			out, " flags=%o,%o",
			(unsigned)shot->c->fcntl(shot->task, fd, F_GETFL, 0),
			(unsigned)shot->c->fcntl(shot->task, fd, F_GETFD, 0));
		if (!S_ISDIR(stat.mode)) {
			text_add(out, " at=", 4);
			text_result(out, shot->c->lseek(shot->task, fd, 0,
							SEEK_CUR));
		}
	}
	text_add(out, "\n", 1);
}

void side_snapshot(struct side *side, struct text *out)
{
	struct shot shot = {
		.side = side,
		.c = &side->class->calls,
		.task = side->observer,
	};

	text_clear(&side->out);
	/* Reading links leaves a stamp, which must be later than all others. */
	side->class->tick(side);
	side->class->run_on(shot.task, show_tree, &shot);
	shot.task = side_task(side);
	for (unsigned i = 0; i < MAX_SLOTS; i++) {
		if (side->slots[i] < 0)
			continue;
		shot.slot = i;
		side->class->run_on(shot.task, show_slot, &shot);
	}
	text_clear(out);
	text_add(out, side->out.data, side->out.len);
	text_fini(&shot.path);
}
