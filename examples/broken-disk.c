/* SPDX-License-Identifier: MIT */
/*
 * A test with disks that are full, broken and slow on purpose. What is tested
 * is save(), which replaces a file by another: whatever happens, the old text
 *or the new one is there afterwards, whole, and save() has said which.
 *
 * A full disk is a small tmpfs. What breaks or waits is a hostfs on a directory
 * of this machine: before each call that it makes of the host it asks
 * vfs_config.fault, which lets that call fail, or takes its time.
 *
 *	cc broken-disk.c $(pkg-config --cflags --libs vfs) && ./a.out
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <vfs/vfs.h>

#define TEXT_MAX 64

/* -- what is tested -- */

static int write_all(struct vfs_task *task, int fd, const char *text)
{
	size_t length = strlen(text);

	while (length) {
		int64_t n = vfs_write(task, fd, text, length);

		if (n < 0)
			return (int)n;
		text += n;
		length -= (size_t)n;
	}
	return vfs_fsync(task, fd);
}

static int save(struct vfs_task *task, const char *text)
{
	int error, fd = vfs_open(task, "/note.new",
				 O_WRONLY | O_CREAT | O_TRUNC, 0644);

	if (fd < 0)
		return fd;
	error = write_all(task, fd, text);
	vfs_close(task, fd);
	if (!error)
		error = vfs_rename(task, "/note.new", "/note");
	if (error)
		vfs_unlink(task, "/note.new");
	return error;
}

/* -- the disk -- */

struct disk {
	const char *call; /* NULL: whichever comes */
	int fails_at;	  /* the call of that number; 0: none */
	int calls;
	long waits_ms;
};

static int fault(void *context, const char *call)
{
	struct disk *disk = context;

	if (disk->call && strcmp(disk->call, call) != 0)
		return 0;
	disk->calls++;
	if (disk->waits_ms) {
		struct timespec ms = {.tv_nsec = disk->waits_ms * 1000000};

		nanosleep(&ms, NULL);
	}
	return disk->calls == disk->fails_at ? -EIO : 0;
}

static struct vfs_task *mount(struct vfs_config *config, struct disk *disk)
{
	static const struct vfs_filesystem_type *const types[] = {
		&vfs_hostfs_type};
	struct vfs_task *task;
	struct vfs *vfs;
	int error;

	config->size = sizeof(*config);
	config->types = types;
	config->type_count = 1;
	config->fault = disk ? fault : NULL;
	config->fault_context = disk;
	error = vfs_create(config, &vfs);
	if (!error) {
		error = vfs_task_create(vfs, NULL, &task);
		vfs_unref(vfs); /* the task keeps it */
	}
	if (!error)
		return task;
	fprintf(stderr, "no disk: %s\n", vfs_strerror(error));
	exit(1);
}

/* -- the tests -- */

static int failures;

static void expect(const char *what, int good)
{
	if (good)
		return;
	printf("FAILED: %s\n", what);
	failures++;
}

static void expect_note(struct vfs_task *task, const char *text)
{
	int fd = vfs_open(task, "/note", O_RDONLY, 0);
	char found[TEXT_MAX] = "";

	vfs_read(task, fd, found, sizeof(found) - 1);
	vfs_close(task, fd);
	expect(text, !strcmp(found, text));
}

static void test_full(void)
{
	struct vfs_config config = {.root_options = "size=8k"};
	struct vfs_task *task = mount(&config, NULL);
	static const char zeros[4096];
	int error, fd;

	expect("save", save(task, "first") == 0);
	fd = vfs_open(task, "/filler", O_WRONLY | O_CREAT, 0644);
	expect("fill", vfs_write(task, fd, zeros, sizeof(zeros)) == 4096);
	error = save(task, "second");
	printf("full disk: %s\n", vfs_strerror(error));
	expect("full", error == -ENOSPC);
	expect_note(task, "first");
	vfs_task_unref(task);
}

/* Each call that save() causes fails once. */
static void test_broken(const char *directory)
{
	struct vfs_config config = {.root_type = "hostfs",
				    .root_source = directory};
	struct disk disk = {.fails_at = 0};
	struct vfs_task *task = mount(&config, &disk);
	int error, number = 0, told = 0;

	expect("save", save(task, "before") == 0);
	do {
		disk.fails_at = 0;
		expect("save", save(task, "before") == 0);
		disk.calls = 0;
		disk.fails_at = ++number;
		error = save(task, "after");
		disk.fails_at = 0;
		told += error == -EIO;
		expect("EIO", !error || error == -EIO);
		expect_note(task, error ? "before" : "after");
	} while (disk.calls >= number && number < 1000);
	printf("broken disk: %d of %d calls are told as EIO\n", told,
	       number - 1);
	expect("some", told > 0);
	vfs_unlink(task, "/note");
	vfs_task_unref(task);
}

static void test_slow(const char *directory)
{
	struct vfs_config config = {.root_type = "hostfs",
				    .root_source = directory};
	struct disk disk = {.call = "fsync", .waits_ms = 20};
	struct vfs_task *task = mount(&config, &disk);

	expect("save", save(task, "slowly") == 0);
	printf("slow disk: %d fsync of %ld ms\n", disk.calls, disk.waits_ms);
	expect("fsync", disk.calls == 1);
	vfs_unlink(task, "/note");
	vfs_task_unref(task);
}

int main(void)
{
	char directory[] = "/tmp/broken-disk-XXXXXX";

	if (!mkdtemp(directory)) {
		perror(directory);
		return 1;
	}
	test_full();
	test_broken(directory);
	test_slow(directory);
	expect("nothing is left", rmdir(directory) == 0);
	return failures ? 1 : 0;
}
