/* SPDX-License-Identifier: MIT */
/*
 * The loops that are timed, written once and compiled for each side. The
 * including file has defined, as static inline functions that return a result
 * or a negative errno, call_stat, call_fstat, call_fstatat, call_open,
 * call_openat, call_close, call_unlink, call_mkdir, call_mknod, call_rmdir,
 * call_rename, call_lseek, call_pread, call_pwrite, call_write, call_mount,
 * call_mount_data, call_umount, call_unshare_mounts and call_getdents, each
 * with the side first, the type call_stat_buf with call_is_dir(), and
 * op_own_files and op_leave (side.h).
 */
#ifndef BENCH_LOOPS_H
#define BENCH_LOOPS_H

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#define CREATE_FLAGS (O_WRONLY | O_CREAT | O_EXCL)
#define LIST_BUFFER 32768

/* Keeps the compiler from moving what is timed, or leaving it out. */
#define CONSUME(pointer) __asm__ volatile("" : : "r"(pointer) : "memory")

#define EXPECT(side, what, result)                          \
	do {                                                \
		int64_t expect_ = (result);                 \
		if (__builtin_expect(expect_ < 0, 0))       \
			side_fail((side), (what), expect_); \
	} while (0)

static void op_mkdir(const struct side *side, const char *path)
{
	char full[BENCH_PATH];

	side_path(side, full, path);
	EXPECT(side, "mkdir", call_mkdir(side, full));
}

static int op_open(const struct side *side, const char *path, int flags)
{
	char full[BENCH_PATH];
	int fd;

	side_path(side, full, path);
	fd = call_open(side, full, flags);
	EXPECT(side, "open", fd);
	return fd;
}

static void op_close(const struct side *side, int fd)
{
	EXPECT(side, "close", call_close(side, fd));
}

static void op_mkfile(const struct side *side, const char *path, size_t size)
{
	int fd = op_open(side, path, CREATE_FLAGS);
	char *block = calloc(1, LIST_BUFFER);

	if (!block)
		side_fail(side, "memory", -ENOMEM);
	while (size > 0) {
		size_t part = size < LIST_BUFFER ? size : LIST_BUFFER;
		int64_t done = call_write(side, fd, block, part);

		EXPECT(side, "write", done);
		size -= (size_t)done;
	}
	free(block);
	op_close(side, fd);
}

static void op_unlink(const struct side *side, const char *path)
{
	char full[BENCH_PATH];

	side_path(side, full, path);
	EXPECT(side, "unlink", call_unlink(side, full));
}

static int dots(const char *name)
{
	return name[0] == '.' && (!name[1] || (name[1] == '.' && !name[2]));
}

/* Entries vanish while the directory is read, so it is read from its start
 * until nothing is left. */
static int remove_some(const struct side *side, int fd, char *buffer)
{
	int64_t got = call_getdents(side, fd, buffer, LIST_BUFFER);
	int removed = 0;
	int64_t at;

	EXPECT(side, "getdents", got);
	for (at = 0; at < got;) {
		struct dirent *entry = (struct dirent *)(buffer + at);

		at += entry->d_reclen;
		if (dots(entry->d_name))
			continue;
		EXPECT(side, "unlinkat",
		       call_unlinkat(side, fd, entry->d_name));
		removed++;
	}
	EXPECT(side, "lseek", call_lseek(side, fd, 0, SEEK_SET));
	return removed;
}

static void op_remove_dir(const struct side *side, const char *path)
{
	int fd = op_open(side, path, O_RDONLY | O_DIRECTORY);
	char *buffer = malloc(LIST_BUFFER);
	char full[BENCH_PATH];

	if (!buffer)
		side_fail(side, "memory", -ENOMEM);
	while (remove_some(side, fd, buffer) > 0)
		;
	free(buffer);
	op_close(side, fd);
	side_path(side, full, path);
	EXPECT(side, "rmdir", call_rmdir(side, full));
}

static int op_lowest_fd(const struct side *side, const char *path, int count)
{
	int fds[64];
	int right = 0;
	int i;

	count = count < 64 ? count : 64;
	for (i = 0; i < count; i++)
		fds[i] = op_open(side, path, O_RDONLY);
	for (i = 0; i + 2 < count; i += 3) {
		int lower = fds[i] < fds[i + 1] ? fds[i] : fds[i + 1];
		int fd;

		op_close(side, fds[i + 1]);
		op_close(side, fds[i]);
		fd = op_open(side, path, O_RDONLY);
		right += fd == lower;
		fds[i] = fd;
		fds[i + 1] = op_open(side, path, O_RDONLY);
	}
	for (i = 0; i < count; i++)
		op_close(side, fds[i]);
	return right;
}

static int op_try_mount(const struct side *side, const char *source,
			const char *target, const char *type, uint64_t flags)
{
	char from[BENCH_PATH], to[BENCH_PATH];

	side_path(side, from, source);
	side_path(side, to, target);
	return call_mount(side, type ? source : from, to, type, flags);
}

static void op_mount(const struct side *side, const char *source,
		     const char *target, const char *type, uint64_t flags)
{
	EXPECT(side, "mount", op_try_mount(side, source, target, type, flags));
}

static int op_overlay(const struct side *side, const char *const *lower,
		      size_t count, const char *upper, const char *work,
		      const char *target)
{
	char options[4096], full[BENCH_PATH];
	size_t used = 0;

	for (size_t i = 0; i < count; i++) {
		side_path(side, full, lower[i]);
		used += (size_t)snprintf(options + used, sizeof(options) - used,
					 "%s%s", i ? ":" : "lowerdir=", full);
	}
	side_path(side, full, upper);
	used += (size_t)snprintf(options + used, sizeof(options) - used,
				 ",upperdir=%s", full);
	side_path(side, full, work);
	snprintf(options + used, sizeof(options) - used, ",workdir=%s", full);
	side_path(side, full, target);
	return call_mount_data(side, full, "overlay", options);
}

static void op_umount(const struct side *side, const char *target)
{
	char full[BENCH_PATH];

	side_path(side, full, target);
	EXPECT(side, "umount", call_umount(side, full));
}

static void loop_bind_umount(const struct side *side, struct work *work,
			     uint64_t count)
{
	while (count--) {
		EXPECT(side, "mount",
		       call_mount(side, work->path, work->path2, NULL,
				  MS_BIND));
		EXPECT(side, "umount", call_umount(side, work->path2));
	}
}

static void loop_unshare_mounts(const struct side *side, struct work *work,
				uint64_t count)
{
	(void)work;
	while (count--)
		EXPECT(side, "unshare", call_unshare_mounts(side));
}

static void loop_stat_hit(const struct side *side, struct work *work,
			  uint64_t count)
{
	call_stat_buf st;

	while (count--) {
		EXPECT(side, "stat", call_stat(side, work->path, &st));
		CONSUME(&st);
	}
}

static void loop_stat_miss(const struct side *side, struct work *work,
			   uint64_t count)
{
	call_stat_buf st;
	int64_t result;

	while (count--) {
		result = call_stat(side, work->path, &st);
		if (__builtin_expect(result != -ENOENT, 0))
			side_fail(side, "stat of a missing name", result);
	}
}

static void loop_open_close(const struct side *side, struct work *work,
			    uint64_t count)
{
	while (count--) {
		int fd = call_open(side, work->path, O_RDONLY);

		EXPECT(side, "open", fd);
		EXPECT(side, "close", call_close(side, fd));
	}
}

static void loop_open_write(const struct side *side, struct work *work,
			    uint64_t count)
{
	while (count--) {
		int fd = call_open(side, work->path, O_WRONLY);

		EXPECT(side, "open", fd);
		EXPECT(side, "close", call_close(side, fd));
		name_step(work);
	}
}

static void loop_fstat(const struct side *side, struct work *work,
		       uint64_t count)
{
	call_stat_buf st;

	while (count--) {
		EXPECT(side, "fstat", call_fstat(side, work->fd, &st));
		CONSUME(&st);
	}
}

static void loop_lseek(const struct side *side, struct work *work,
		       uint64_t count)
{
	while (count--)
		EXPECT(side, "lseek",
		       call_lseek(side, work->fd, (int64_t)(count & 4095),
				  SEEK_SET));
}

static void loop_create(const struct side *side, struct work *work,
			uint64_t count)
{
	while (count--) {
		int fd = call_open(side, work->path, CREATE_FLAGS);

		EXPECT(side, "create", fd);
		EXPECT(side, "close", call_close(side, fd));
		name_step(work);
	}
}

static void loop_create_remove(const struct side *side, struct work *work,
			       uint64_t count)
{
	while (count--) {
		int fd = call_open(side, work->path, CREATE_FLAGS);

		EXPECT(side, "create", fd);
		EXPECT(side, "close", call_close(side, fd));
		EXPECT(side, "unlink", call_unlink(side, work->path));
		name_step(work);
	}
}

static void loop_mknod_remove(const struct side *side, struct work *work,
			      uint64_t count)
{
	while (count--) {
		EXPECT(side, "mknod", call_mknod(side, work->path));
		EXPECT(side, "unlink", call_unlink(side, work->path));
		name_step(work);
	}
}

static void loop_rename(const struct side *side, struct work *work,
			uint64_t count)
{
	/* Even, so that the next batch finds the file under its first name. */
	for (count = (count + 1) / 2; count--;) {
		EXPECT(side, "rename",
		       call_rename(side, work->path, work->path2));
		EXPECT(side, "rename",
		       call_rename(side, work->path2, work->path));
	}
}

static void loop_mkdir_rmdir(const struct side *side, struct work *work,
			     uint64_t count)
{
	while (count--) {
		EXPECT(side, "mkdir", call_mkdir(side, work->path));
		EXPECT(side, "rmdir", call_rmdir(side, work->path));
		name_step(work);
	}
}

/* A short count would flatter the figure. */
static void expect_all(const struct side *side, const char *what, int64_t got,
		       size_t size)
{
	if (__builtin_expect(got != (int64_t)size, 0))
		side_fail(side, what, got < 0 ? got : -EIO);
}

static void loop_pread(const struct side *side, struct work *work,
		       uint64_t count)
{
	while (count--) {
		expect_all(side, "pread",
			   call_pread(side, work->fd, work->buffer, work->size,
				      work->offset),
			   work->size);
		CONSUME(work->buffer);
	}
}

static void loop_pwrite(const struct side *side, struct work *work,
			uint64_t count)
{
	while (count--)
		expect_all(side, "pwrite",
			   call_pwrite(side, work->fd, work->buffer, work->size,
				       work->offset),
			   work->size);
}

static void loop_append(const struct side *side, struct work *work,
			uint64_t count)
{
	while (count--)
		expect_all(side, "write",
			   call_write(side, work->fd, work->buffer, work->size),
			   work->size);
}

static void loop_list(const struct side *side, struct work *work,
		      uint64_t count)
{
	char buffer[LIST_BUFFER] __attribute__((aligned(64)));
	int64_t got;

	while (count--) {
		EXPECT(side, "lseek", call_lseek(side, work->fd, 0, SEEK_SET));
		do {
			got = call_getdents(side, work->fd, buffer,
					    sizeof(buffer));
			EXPECT(side, "getdents", got);
			CONSUME(buffer);
		} while (got > 0);
	}
}

/* What du and find do: list a directory, stat each entry against its
 * descriptor, go down. */
static uint64_t walk_dir(const struct side *side, int fd)
{
	char *buffer = malloc(LIST_BUFFER);
	uint64_t seen = 0;
	call_stat_buf st;
	int64_t got, at;

	if (!buffer)
		side_fail(side, "memory", -ENOMEM);
	for (;;) {
		got = call_getdents(side, fd, buffer, LIST_BUFFER);
		EXPECT(side, "getdents", got);
		if (got == 0)
			break;
		for (at = 0; at < got;) {
			struct dirent *entry = (struct dirent *)(buffer + at);
			int sub;

			at += entry->d_reclen;
			if (dots(entry->d_name))
				continue;
			EXPECT(side, "fstatat",
			       call_fstatat(side, fd, entry->d_name, &st));
			seen++;
			if (!call_is_dir(&st))
				continue;
			sub = call_openat(side, fd, entry->d_name,
					  O_RDONLY | O_DIRECTORY);
			EXPECT(side, "openat", sub);
			seen += walk_dir(side, sub);
			EXPECT(side, "close", call_close(side, sub));
		}
	}
	free(buffer);
	return seen;
}

static void loop_walk(const struct side *side, struct work *work,
		      uint64_t count)
{
	while (count--) {
		int fd = call_open(side, work->path, O_RDONLY | O_DIRECTORY);

		EXPECT(side, "open", fd);
		work->entries += walk_dir(side, fd);
		EXPECT(side, "close", call_close(side, fd));
	}
}

static const struct side_ops loops_table = {
	.mkdir = op_mkdir,
	.mkfile = op_mkfile,
	.open = op_open,
	.close = op_close,
	.unlink = op_unlink,
	.remove_dir = op_remove_dir,
	.lowest_fd = op_lowest_fd,
	.try_mount = op_try_mount,
	.mount = op_mount,
	.umount = op_umount,
	.overlay = op_overlay,
	.own_files = op_own_files,
	.leave = op_leave,
	.stat_hit = loop_stat_hit,
	.stat_miss = loop_stat_miss,
	.open_close = loop_open_close,
	.open_write = loop_open_write,
	.fstat = loop_fstat,
	.lseek = loop_lseek,
	.create_remove = loop_create_remove,
	.mknod_remove = loop_mknod_remove,
	.create = loop_create,
	.rename = loop_rename,
	.mkdir_rmdir = loop_mkdir_rmdir,
	.pread = loop_pread,
	.pwrite = loop_pwrite,
	.append = loop_append,
	.list = loop_list,
	.walk = loop_walk,
	.bind_umount = loop_bind_umount,
	.unshare_mounts = loop_unshare_mounts,
};

#endif
