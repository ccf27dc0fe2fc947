/* SPDX-License-Identifier: MIT */
/*
 * Files of tmpfs against a flat model: random writes, truncations and
 * fallocates, with the contents, the size, st_blocks, SEEK_DATA and SEEK_HOLE
 * checked after each. The model's rules are what the kernel's tmpfs answers.
 */
#include <unistd.h>

#include "support/check.h"

#define PAGE 4096
#define PAGES 160 /* more than two leaves of the page tree */
#define LIMIT ((int64_t)PAGES * PAGE)
#define FEW 3 /* so that many a file is a page and no more */
#define STEPS 300

/* What a page is to the kernel. */
enum page {
	NONE,
	PROMISED, /* by fallocate, once: a hole to lseek */
	DATA
};

struct model {
	uint64_t random;
	int64_t limit; /* so long it becomes */
	int64_t size;
	uint8_t page[PAGES];
	uint8_t byte[PAGES * PAGE];
	uint8_t buffer[PAGES * PAGE];
};

static struct model model;

static uint64_t next_random(struct model *m, uint64_t below)
{
	m->random ^= m->random << 13;
	m->random ^= m->random >> 7;
	m->random ^= m->random << 17;
	return (m->random * UINT64_C(0x9e3779b97f4a7c15) >> 16) % below;
}

static int64_t some_offset(struct model *m)
{
	int64_t offset = (int64_t)next_random(m, (uint64_t)m->limit);

	if (next_random(m, 3) == 0)
		offset %= 3000;
	if (next_random(m, 3) == 0)
		offset -= offset % PAGE;
	return offset;
}

static int64_t some_length(struct model *m, int64_t offset)
{
	int64_t length = 1 + (int64_t)next_random(m, 9000);

	if (next_random(m, 8) == 0)
		length = 1 + (int64_t)next_random(m, 300000);
	if (next_random(m, 4) == 0)
		length = PAGE - offset % PAGE;
	return length < m->limit - offset ? length : m->limit - offset;
}

/* -- the model's operations -- */

static void model_write(struct model *m, int64_t offset, int64_t length)
{
	int64_t i;

	for (i = 0; i < length; i++)
		m->buffer[i] = (uint8_t)next_random(m, 256);
	memcpy(m->byte + offset, m->buffer, (size_t)length);
	for (i = offset / PAGE; i <= (offset + length - 1) / PAGE; i++)
		m->page[i] = DATA;
	if (m->size < offset + length)
		m->size = offset + length;
}

static void model_erase(struct model *m, int64_t offset, int64_t end)
{
	int64_t i;

	memset(m->byte + offset, 0, (size_t)(end - offset));
	for (i = (offset + PAGE - 1) / PAGE; i < end / PAGE; i++)
		m->page[i] = NONE;
}

static void model_truncate(struct model *m, int64_t size)
{
	if (size <= m->size)
		model_erase(m, size, LIMIT);
	m->size = size;
}

static void model_allocate(struct model *m, int64_t offset, int64_t length,
			   bool keep)
{
	int64_t i;

	for (i = offset / PAGE; i <= (offset + length - 1) / PAGE; i++)
		m->page[i] = m->page[i] == NONE ? PROMISED : DATA;
	if (!keep && m->size < offset + length)
		m->size = offset + length;
}

static int64_t model_seek(const struct model *m, int64_t offset, bool data)
{
	int64_t i;

	if (offset >= m->size)
		return -ENXIO;
	for (i = offset / PAGE; i * PAGE < m->size; i++) {
		if ((m->page[i] == DATA) == data)
			return i * PAGE > offset ? i * PAGE : offset;
	}
	return data ? -ENXIO : m->size;
}

static int64_t model_blocks(const struct model *m)
{
	int64_t blocks = 0, i;

	for (i = 0; i < PAGES; i++)
		blocks += m->page[i] == NONE ? 0 : PAGE / 512;
	return blocks;
}

/* -- both -- */

static void one_change(struct vfs_task *task, int fd, struct model *m)
{
	int64_t offset = some_offset(m), length = some_length(m, offset);
	int keep = (int)next_random(m, 2);

	switch (next_random(m, 5)) {
	case 0:
	case 1:
		model_write(m, offset, length);
		check_eq(
			vfs_pwrite(task, fd, m->buffer, (size_t)length, offset),
			length);
		break;
	case 2:
		if (next_random(m, 4) == 0)
			offset = next_random(m, 2) ? m->size : 0;
		model_truncate(m, offset);
		check_ok(vfs_ftruncate(task, fd, offset));
		break;
	case 3:
		model_allocate(m, offset, length, keep);
		check_ok(vfs_fallocate(task, fd, keep ? FALLOC_FL_KEEP_SIZE : 0,
				       offset, length));
		break;
	default:
		model_erase(m, offset, offset + length);
		check_ok(vfs_fallocate(
			task, fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
			offset, length));
	}
}

static void compare(struct vfs_task *task, int fd, struct model *m)
{
	int64_t offset = some_offset(m), length = some_length(m, offset);
	int64_t want = m->size - offset;
	struct vfs_stat st;

	check_ok(vfs_fstat(task, fd, &st));
	check_eq(st.size, m->size);
	check_eq(st.blocks, model_blocks(m));
	check_eq(vfs_lseek(task, fd, offset, SEEK_DATA),
		 model_seek(m, offset, true));
	check_eq(vfs_lseek(task, fd, offset, SEEK_HOLE),
		 model_seek(m, offset, false));
	if (next_random(m, 4) == 0) {
		offset = 0;
		want = m->size;
		length = LIMIT;
	}
	want = want < 0 ? 0 : want < length ? want : length;
	memset(m->buffer, 0xee, (size_t)length);
	check_eq(vfs_pread(task, fd, m->buffer, (size_t)length, offset), want);
	assert_memory_equal(m->buffer, m->byte + offset, (size_t)want);
}

static void one_file(struct vfs_task *task, uint64_t seed, int pages)
{
	int step, fd;

	memset(&model, 0, sizeof(model));
	model.random = seed * UINT64_C(0x2545f4914f6cdd1d) + 1;
	model.limit = (int64_t)pages * PAGE;
	fd = check_fd(vfs_open(task, "/file", O_RDWR | O_CREAT | O_EXCL, 0644));
	for (step = 0; step < STEPS; step++) {
		one_change(task, fd, &model);
		compare(task, fd, &model);
	}
	check_ok(vfs_unlink(task, "/file"));
	check_ok(vfs_close(task, fd));
}

static void test_tmpfs__data_is_the_models(void **state)
{
	struct world *world = *state;
	struct vfs_statfs before, after;
	uint64_t seed;

	check_ok(vfs_statfs(world->task, "/", &before));
	for (seed = 1; seed <= 12; seed++)
		one_file(world->task, seed, PAGES);
	for (; seed <= 72; seed++)
		one_file(world->task, seed, FEW);
	check_ok(vfs_statfs(world->task, "/", &after));
	assert_int_equal(before.bfree, after.bfree);
	assert_int_equal(before.ffree, after.ffree);
}

static void test_tmpfs__ends_of_the_offsets(void **state)
{
	struct world *world = *state;
	struct vfs_task *task = world->task;
	const int64_t last = INT64_MAX - 1;
	char text[8] = "";
	int fd;

	fd = check_fd(vfs_open(task, "/file", O_RDWR | O_CREAT, 0644));
	check_ok(vfs_ftruncate(task, fd, INT64_MAX));
	check_eq(vfs_pwrite(task, fd, "z", 1, last), 1);
	check_eq(vfs_pread(task, fd, text, 1, last), 1);
	assert_int_equal(text[0], 'z');
	check_eq(vfs_lseek(task, fd, 5, SEEK_DATA), last - last % PAGE);
	check_eq(vfs_lseek(task, fd, last, SEEK_HOLE), INT64_MAX);
	check_eq(vfs_pwrite(task, fd, "a", 1, 0), 1);
	check_eq(vfs_lseek(task, fd, 0, SEEK_HOLE), PAGE);
	check_ok(vfs_ftruncate(task, fd, 1));
	check_ok(vfs_ftruncate(task, fd, INT64_MAX));
	check_eq(vfs_pread(task, fd, text, 1, last), 1);
	assert_int_equal(text[0], 0);
	check_eq(vfs_lseek(task, fd, PAGE, SEEK_DATA), -ENXIO);
	check_ok(vfs_close(task, fd));
}

static void test_tmpfs__other_modes_of_fallocate(void **state)
{
	struct world *world = *state;
	struct vfs_task *task = world->task;
	int fd;

	fd = check_fd(vfs_open(task, "/file", O_RDWR | O_CREAT, 0644));
	check_eq(vfs_pwrite(task, fd, "a", 1, 10000), 1);
	check_eq(vfs_fallocate(task, fd, FALLOC_FL_COLLAPSE_RANGE, 0, PAGE),
		 -EOPNOTSUPP);
	check_eq(vfs_fallocate(task, fd, FALLOC_FL_INSERT_RANGE, 0, PAGE),
		 -EOPNOTSUPP);
	check_eq(vfs_fallocate(task, fd, FALLOC_FL_ZERO_RANGE, 0, PAGE),
		 -EOPNOTSUPP);
	check_ok(vfs_close(task, fd));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		world_test(test_tmpfs__data_is_the_models),
		world_test(test_tmpfs__ends_of_the_offsets),
		world_test(test_tmpfs__other_modes_of_fallocate),
	};

	return cmocka_run_group_tests(tests, NULL, NULL) ? 1 : 0;
}
