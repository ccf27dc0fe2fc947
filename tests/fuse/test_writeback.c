/* SPDX-License-Identifier: MIT */
/*
 * vfs-fuse with writeback: what the kernel keeps comes to the layer when it is
 * synced or closed, whole, with the times that were seen before, and from those
 * who may write and neither read nor own a file. Of an overlay on a tmpfs,
 * whose upper directory is looked at, too.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "mounted.h"

#define PAGE 4096

static const struct somebody bob = {1002, 1002, NULL, 0};
static struct mounted m;

static const char *in_layer(const char *name, char path[128])
{
	snprintf(path, 128, "%s/u/%s", m.layers, name);
	return path;
}

static bool has(const char *path, const char *text)
{
	size_t length = strlen(text);
	char got[256] = "";
	int fd = open(path, O_RDONLY);
	ssize_t n = fd < 0 ? -1 : read(fd, got, sizeof(got) - 1);

	close(fd);
	return n == (ssize_t)length && !memcmp(got, text, length);
}

static void fill_lower(void)
{
	int fd = open("lower", O_WRONLY | O_CREAT, 0622);

	check(fd >= 0 && !fchmod(fd, 0622));
	check_eq(write(fd, "from below", 10), 10);
	close(fd);
}

static void test_kept_and_synced(void)
{
	char path[128];
	int fd = open("kept", O_WRONLY | O_CREAT, 0644);

	check(fd >= 0);
	check_eq(write(fd, "one ", 4), 4);
	check_eq(write(fd, "two ", 4), 4);
	/* it is seen here, and not yet there */
	check_eq(stat_of("kept").st_size, 8);
	check_eq(stat_of(in_layer("kept", path)).st_size, 0);
	check(has("kept", "one two "));
	check_eq(fsync(fd), 0);
	check(has(path, "one two "));
	check_eq(write(fd, "three", 5), 5);
	check_eq(close(fd), 0);
	check(has(path, "one two three"));
}

/* The kernel reads the page before it writes a part of it. */
static void bob_changes(void)
{
	int fd = open("lower", O_WRONLY);

	check(fd >= 0);
	check_eq(pwrite(fd, "F", 1, 0), 1);
	check_eq(pwrite(fd, "!", 1, 10), 1);
	check_eq(close(fd), 0);
	check_errno(open("lower", O_RDONLY), EACCES);
	check_errno(open("lower", O_RDWR), EACCES);
	fd = open("lower", O_WRONLY | O_APPEND);
	check(fd >= 0);
	check_eq(write(fd, "?", 1), 1);
	check_eq(ftruncate(fd, 11), 0);
	check_eq(write(fd, ".", 1), 1);
	check_eq(close(fd), 0);
}

static void test_of_others(void)
{
	char path[128];

	as(&bob, bob_changes);
	check(has("lower", "From below!."));
	check(has(in_layer("lower", path), "From below!."));
	check_eq(stat_of(path).st_uid, 0);
	check_eq(truncate("lower", 4), 0);
	check(has(path, "From"));
}

static bool same(struct timespec a, struct timespec b)
{
	return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

static void bob_writes_timed(void)
{
	int fd = open("timed", O_WRONLY);

	check_eq(write(fd, "later", 5), 5);
	close(fd);
}

static void test_times(void)
{
	const struct timespec times[2] = {{1000, 1}, {2000, 2}};
	struct stat before, st;
	char path[128];
	int fd = open("timed", O_RDWR | O_CREAT, 0666);

	check(fd >= 0 && !fchmod(fd, 0666));
	check_eq(write(fd, "x", 1), 1);
	before = stat_of("timed");
	check(before.st_mtim.tv_sec >= time(NULL) - 60);
	check_eq(fsync(fd), 0);
	close(fd);
	st = stat_of(in_layer("timed", path));
	check(same(st.st_mtim, before.st_mtim));
	check(same(stat_of("timed").st_mtim, before.st_mtim));
	/* what is set stays set, whatever is written before */
	fd = open("timed", O_RDWR);
	check_eq(write(fd, "y", 1), 1);
	check_eq(futimens(fd, times), 0);
	close(fd);
	check_eq(stat_of(path).st_mtim.tv_sec, 2000);
	check_eq(stat_of("timed").st_atim.tv_nsec, 1);
	/* whose file it is not may not set its time, but changes it */
	as(&bob, bob_writes_timed);
	check(stat_of(path).st_mtim.tv_sec > 2000);
	check(same(stat_of("timed").st_mtim, stat_of(path).st_mtim));
}

static void test_holes(void)
{
	struct stat st;
	char path[128];
	int fd = open("holes", O_RDWR | O_CREAT, 0644);

	check(fd >= 0);
	check_eq(ftruncate(fd, 100 * PAGE), 0);
	check_eq(pwrite(fd, "data", 4, 50 * PAGE), 4);
	/* not one that it has not written yet */
	check(lseek(fd, 0, SEEK_DATA) <= 50 * PAGE);
	check(lseek(fd, 50 * PAGE, SEEK_HOLE) > 50 * PAGE);
	check_eq(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
			   50 * PAGE, 2),
		 0);
	check_eq(close(fd), 0);
	st = stat_of(in_layer("holes", path));
	check_eq(st.st_size, 100 * PAGE);
	check(st.st_blocks < 100);
	fd = open(path, O_RDONLY);
	check_eq(lseek(fd, 0, SEEK_DATA), 50 * PAGE);
	close(fd);
}

static void test_mapping(void)
{
	char path[128], *at;
	int fd = open("mapped", O_RDWR | O_CREAT, 0644), other;

	check(fd >= 0);
	check_eq(write(fd, "0123456789", 10), 10);
	at = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	check(at != MAP_FAILED);
	at[1] = 'b';
	other = open("mapped", O_WRONLY | O_APPEND);
	check_eq(write(other, "c", 1), 1);
	check(at[10] == 'c' && at[1] == 'b');
	at[2] = 'd';
	check_eq(close(other), 0);
	munmap(at, PAGE);
	check_eq(close(fd), 0);
	check(has(in_layer("mapped", path), "0bd3456789c"));
}

static void test_append_only(void)
{
	char path[128];
	int fd = open("log", O_WRONLY | O_CREAT, 0644), flags = FS_APPEND_FL;

	check(fd >= 0);
	check_eq(write(fd, "a line\n", 7), 7);
	check_eq(fsync(fd), 0);
	close(fd);
	fd = open("log", O_RDONLY);
	if (ioctl(fd, FS_IOC_SETFLAGS, &flags)) {
		printf("no append-only files here: %m\n");
		close(fd);
		return;
	}
	close(fd);
	check_errno(open("log", O_WRONLY), EPERM);
	fd = open("log", O_WRONLY | O_APPEND);
	check(fd >= 0);
	check_eq(write(fd, "one ", 4), 4);
	check_eq(write(fd, "more\n", 5), 5);
	close(fd);
	check(has("log", "a line\none more\n"));
	check(has(in_layer("log", path), "a line\none more\n"));
	fd = open("log", O_RDONLY);
	flags = 0;
	check_eq(ioctl(fd, FS_IOC_SETFLAGS, &flags), 0);
	close(fd);
}

/* A full file system is told of by whoever syncs or closes. */
static void test_full(void)
{
	char page[PAGE] = "";
	int fd, err = 0, i;

	check_eq(mount("layers", m.layers, NULL, MS_REMOUNT, "size=256k"), 0);
	fd = open("full", O_WRONLY | O_CREAT, 0644);
	check(fd >= 0);
	for (i = 0; i < 128 && !err; i++)
		err = write(fd, page, PAGE) == PAGE ? 0 : errno;
	if (!err)
		err = fsync(fd) ? errno : 0;
	if (!err)
		err = close(fd) ? errno : 0;
	else
		close(fd);
	check_eq(err, ENOSPC);
	check_eq(unlink("full"), 0);
	fd = open("full", O_WRONLY | O_CREAT, 0644);
	check_eq(write(fd, "x", 1), 1);
	check_eq(fsync(fd), 0);
	close(fd);
}

int main(int argc, char **argv)
{
	mounted_begin(&m, argc, argv, fill_lower);
	umask(022);
	test_kept_and_synced();
	test_of_others();
	test_times();
	test_holes();
	test_mapping();
	test_append_only();
	test_full();
	return mounted_end(&m);
}
