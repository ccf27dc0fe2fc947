/* SPDX-License-Identifier: MIT */
/*
 * Reading and writing one file from many threads. Writers put blocks that
 * begin and end at the same places and are filled with one byte each; readers
 * see such bytes or zeros, never anything else, and appends are never lost.
 */
#include "stress/stress.h"

#define BLOCK 6000u
#define BLOCKS 16u

static void prepare(struct stress *s)
{
	int fd = vfs_open(s->task, "/f", O_CREAT | O_RDWR, 0644);

	STRESS(s, fd == 0);
	STRESS(s, vfs_open(s->task, "/log", O_CREAT | O_RDWR, 0644) == 1);
}

/* Bytes 'a' + thread number, a whole block at a time. */
static void write_blocks(struct stress_thread *t)
{
	char block[BLOCK];
	int fd = vfs_open(t->task, "/f", O_RDWR, 0);

	memset(block, 'a' + (int)t->number, sizeof(block));
	while (stress_goes_on(t)) {
		int64_t at = (int64_t)stress_random(t, BLOCKS) * BLOCK;

		STRESS(t->stress,
		       vfs_pwrite(t->task, fd, block, BLOCK, at) == BLOCK);
		if (stress_random(t, 16) == 0)
			STRESS(t->stress,
			       vfs_ftruncate(t->task, fd,
					     (int64_t)stress_random(
						     t, BLOCKS * BLOCK)) == 0);
	}
}

static void read_blocks(struct stress_thread *t)
{
	char block[BLOCK];
	int fd = vfs_open(t->task, "/f", O_RDONLY, 0);

	while (stress_goes_on(t)) {
		int64_t at = (int64_t)stress_random(t, BLOCKS * BLOCK);
		int64_t n = vfs_pread(t->task, fd, block, BLOCK, at);

		STRESS(t->stress, n >= 0 && n <= BLOCK);
		for (int64_t i = 0; i < n; i++)
			STRESS(t->stress,
			       block[i] == 0 ||
				       (block[i] >= 'a' &&
					block[i] < 'a' + STRESS_THREADS));
	}
}

struct record {
	uint32_t thread, number;
};

static void append(struct stress_thread *t)
{
	struct record record = {t->number, 0};
	int fd = vfs_open(t->task, "/log", O_WRONLY | O_APPEND, 0);

	while (stress_goes_on(t) && record.number < 20000) {
		STRESS(t->stress, vfs_write(t->task, fd, &record,
					    sizeof(record)) == sizeof(record));
		record.number++;
	}
}

/* Each thread's records are all there, in order, none torn. */
static void check_log(struct stress *s)
{
	uint32_t next[STRESS_THREADS] = {0};
	struct record record;
	struct vfs_stat st;
	int64_t n, total = 0;

	while ((n = vfs_read(s->task, 1, &record, sizeof(record))) > 0) {
		STRESS(s, n == sizeof(record));
		STRESS(s, record.thread < STRESS_THREADS);
		if (n != sizeof(record) || record.thread >= STRESS_THREADS)
			return;
		STRESS(s, record.number == next[record.thread]);
		next[record.thread] = record.number + 1;
		total += n;
	}
	STRESS(s, vfs_fstat(s->task, 1, &st) == 0);
	STRESS(s, st.size == total);
}

/* All through one open file: the shared position loses nothing either. */
static void write_shared(struct stress_thread *t)
{
	struct record record = {t->number, 0};

	while (stress_goes_on(t) && record.number < 20000) {
		STRESS(t->stress, vfs_write(t->stress->task, 0, &record,
					    sizeof(record)) == sizeof(record));
		record.number++;
	}
}

static void check_shared(struct stress *s)
{
	STRESS(s, vfs_lseek(s->task, 0, 0, SEEK_SET) == 0);
	STRESS(s, vfs_dup2(s->task, 0, 1) == 1);
	check_log(s);
}

int main(void)
{
	stress_body *const blocks[] = {write_blocks, read_blocks};
	stress_body *const logs[] = {append};
	stress_body *const shared[] = {write_shared};
	int failed = 0;

	failed |= stress_run("data-blocks", prepare, blocks, 2, NULL);
	failed |= stress_run("data-append", prepare, logs, 1, check_log);
	failed |= stress_run("data-position", prepare, shared, 1, check_shared);
	return failed;
}
