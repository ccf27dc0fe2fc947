/* SPDX-License-Identifier: MIT */
/*
 * Copies that share pages, against flat models: three files, two on one tmpfs
 * and one on another that is small, written, cut, punched and copied to each
 * other at random. After each step every file says what its model says, and at
 * the end every page is given back.
 */
#include <pthread.h>
#include <sched.h>
#include <unistd.h>

#include <vfs/sys/layer.h>

#include "support/check.h"

#define PAGE 4096
#define PAGES 200 /* three leaves and more of the page tree */
#define LIMIT ((int64_t)PAGES * PAGE)
#define FEW 3 /* so that many a file is a page and no more */
#define FILES 3
#define COPIERS 3
#define ROUNDS 500
#define SMALL_FS "size=400k"
#define SMALL_PAGES 100

struct file {
	int fd;
	int64_t size;
	unsigned char bytes[PAGES * PAGE];
};

static struct file files[FILES];
static unsigned char buffer[PAGES * PAGE];
static int64_t limit; /* so long the files become */
static uint64_t state_word;

static uint64_t some(uint64_t below)
{
	state_word ^= state_word << 13;
	state_word ^= state_word >> 7;
	state_word ^= state_word << 17;
	return (state_word * UINT64_C(0x9e3779b97f4a7c15) >> 16) % below;
}

static int64_t some_offset(void)
{
	int64_t offset = (int64_t)some((uint64_t)limit);

	return some(4) ? offset - offset % PAGE : offset;
}

static size_t some_length(int64_t offset)
{
	uint64_t length = 1 + some((uint64_t)limit / (some(4) ? 40 : 2));

	if (some(2))
		length = (length + PAGE - 1) / PAGE * PAGE;
	if (length > (uint64_t)(limit - offset))
		length = (uint64_t)(limit - offset);
	return length;
}

static void grow(struct file *f, int64_t size)
{
	if (f->size < size)
		f->size = size;
}

static void step_write(struct vfs_task *task, struct file *f)
{
	int64_t at = some_offset(), n;
	size_t length = some_length(at);

	for (size_t i = 0; i < length; i++)
		buffer[i] = (unsigned char)(some_offset() + 1);
	n = vfs_pwrite(task, f->fd, buffer, length, at);
	if (n == -ENOSPC)
		return;
	assert_true(n > 0);
	memcpy(f->bytes + at, buffer, (size_t)n);
	grow(f, at + n);
}

static void cut(struct vfs_task *task, struct file *f, int64_t size)
{
	check_ok(vfs_ftruncate(task, f->fd, size));
	if (size < f->size)
		memset(f->bytes + size, 0, (size_t)(f->size - size));
	f->size = size;
}

static void step_punch(struct vfs_task *task, struct file *f)
{
	int64_t at = some_offset();
	size_t length = some_length(at);

	check_ok(vfs_fallocate(task, f->fd,
			       FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, at,
			       (int64_t)length));
	memset(f->bytes + at, 0, length);
}

static void step_copy(struct vfs_task *task, struct file *in, struct file *out)
{
	int64_t from = some_offset(), to = some_offset(), n;
	size_t length = some_length(from > to ? from : to);

	if (some(3) == 0) { /* the whole file, as a copy-up does */
		from = to = 0;
		length = (size_t)limit;
		if (in != out && some(2))
			cut(task, out, 0);
	}
	if (in == out && from < to + (int64_t)length &&
	    to < from + (int64_t)length)
		return;
	n = vfs_layer_copy(task, in->fd, from, out->fd, to, length);
	if (n == -ENOSPC)
		return;
	assert_true(n >= 0);
	assert_true(from + n <= in->size || !n);
	memcpy(out->bytes + to, in->bytes + from, (size_t)n);
	if (n)
		grow(out, to + n);
}

static void compare(struct vfs_task *task, const struct file *f)
{
	struct vfs_stat st;

	check_ok(vfs_fstat(task, f->fd, &st));
	assert_int_equal(st.size, f->size);
	assert_true(st.blocks <= PAGES * 8);
	check_eq(vfs_pread(task, f->fd, buffer, sizeof(buffer), 0), f->size);
	assert_memory_equal(buffer, f->bytes, (size_t)f->size);
}

static void close_all(struct vfs_task *task)
{
	struct vfs_statfs fs;
	struct vfs_stat st;

	check_ok(vfs_fstat(task, files[2].fd, &st));
	check_ok(vfs_statfs(task, "/small", &fs));
	assert_int_equal(fs.blocks - fs.bfree, st.blocks / 8);
	for (int i = 0; i < FILES; i++)
		check_ok(vfs_close(task, files[i].fd));
	check_ok(vfs_unlink(task, "/small/c"));
	check_ok(vfs_statfs(task, "/small", &fs));
	assert_int_equal(fs.bfree, fs.blocks);
	assert_int_equal(fs.blocks, SMALL_PAGES);
}

static void run_models(void **state, int pages, int steps)
{
	static const char *const names[FILES] = {"/a", "/b", "/small/c"};
	struct vfs_task *task = ((struct world *)*state)->task;

	limit = (int64_t)pages * PAGE;
	state_word = 4711;
	memset(files, 0, sizeof(files));
	check_ok(vfs_mkdir(task, "/small", 0755));
	check_ok(vfs_mount(task, "none", "/small", "tmpfs", 0, SMALL_FS));
	for (int i = 0; i < FILES; i++)
		files[i].fd = check_fd(
			vfs_open(task, names[i], O_RDWR | O_CREAT, 0644));
	for (int i = 0; i < steps; i++) {
		struct file *f = &files[some(FILES)], *g = &files[some(FILES)];

		switch (some(8)) {
		case 0:
			cut(task, f, some(2) ? some_offset() : 0);
			break;
		case 1:
			step_punch(task, f);
			break;
		case 2:
		case 3:
			step_write(task, f);
			break;
		default:
			step_copy(task, f, g);
		}
		for (int j = 0; j < FILES; j++)
			compare(task, &files[j]);
	}
	close_all(task);
}

static void test_copy__is_the_models(void **state)
{
	run_models(state, PAGES, 1500);
}

static void test_copy__of_a_page_is_the_models(void **state)
{
	run_models(state, FEW, 20000);
}

/* What both have is one page; a write makes a second. */
static void test_copy__shares_memory(void **state)
{
	struct world *w = *state;
	struct vfs_task *task = w->task;
	int64_t before;
	int a = check_fd(vfs_open(task, "/a", O_RDWR | O_CREAT, 0644));
	int b = check_fd(vfs_open(task, "/b", O_RDWR | O_CREAT, 0644));

	memset(buffer, 7, sizeof(buffer));
	for (int i = 0; i < 40; i++)
		check_eq(vfs_pwrite(task, a, buffer, sizeof(buffer), i * LIMIT),
			 LIMIT);
	before = w->alloc.live_bytes;
	check_eq(vfs_layer_copy(task, a, 0, b, 0, SIZE_MAX / 4), 40 * LIMIT);
	assert_true(w->alloc.live_bytes - before < 40 * LIMIT / 16);
	check_eq(vfs_pwrite(task, a, "x", 1, 5), 1);
	check_eq(vfs_pread(task, b, buffer, 8, 0), 8);
	assert_int_equal(buffer[5], 7);
	check_eq(vfs_pread(task, a, buffer, 8, 0), 8);
	assert_int_equal(buffer[5], 'x');
	assert_int_equal(buffer[6], 7);
	check_ok(vfs_close(task, a));
	check_ok(vfs_close(task, b));
}

static uint32_t copiers_left; /* atomic */

struct copier {
	struct vfs_task *task;
	int source;
	int number;
	int problems;
};

/* Copies a page that others copy and one writes: it is what one write has left,
 * and the copier's own to change. */
static void *copy_again(void *arg)
{
	struct copier *c = arg;
	char path[16], page[PAGE], before[PAGE];
	int fd;

	snprintf(path, sizeof(path), "/copy%d", c->number);
	fd = vfs_open(c->task, path, O_RDWR | O_CREAT, 0644);
	for (int i = 0; i < ROUNDS; i++) {
		char mark = (char)('a' + c->number);

		c->problems += vfs_layer_copy(c->task, c->source, 0, fd, 0,
					      PAGE) != PAGE;
		c->problems += vfs_pread(c->task, fd, before, PAGE, 0) != PAGE;
		sched_yield();
		c->problems +=
			vfs_lseek(c->task, c->source, 0, SEEK_HOLE) != PAGE;
		c->problems += vfs_pwrite(c->task, fd, &mark, 1, 9) != 1;
		c->problems += vfs_pread(c->task, fd, page, PAGE, 0) != PAGE;
		c->problems += page[9] != mark;
		page[9] = page[0];
		c->problems += memcmp(page, page + 1, PAGE - 1) != 0;
		c->problems += memcmp(page, before, PAGE) != 0;
		c->problems += vfs_ftruncate(c->task, fd, 0) != 0;
	}
	vfs_close(c->task, fd);
	__atomic_fetch_sub(&copiers_left, 1, __ATOMIC_RELAXED);
	return NULL;
}

static void *write_again(void *arg)
{
	struct copier *c = arg;
	char page[PAGE];

	for (int i = 0; __atomic_load_n(&copiers_left, __ATOMIC_RELAXED); i++) {
		memset(page, i, PAGE);
		c->problems +=
			vfs_pwrite(c->task, c->source, page, PAGE, 0) != PAGE;
		sched_yield();
	}
	return NULL;
}

static void test_copy__of_a_page_by_many(void **state)
{
	struct vfs_task *task = ((struct world *)*state)->task;
	struct copier copiers[COPIERS + 1] = {0};
	pthread_t threads[COPIERS + 1];
	int fd = check_fd(vfs_open(task, "/a", O_RDWR | O_CREAT, 0644));

	memset(buffer, 0, PAGE);
	copiers_left = COPIERS;
	check_eq(vfs_pwrite(task, fd, buffer, PAGE, 0), PAGE);
	for (int i = 0; i <= COPIERS; i++) {
		copiers[i].source = fd;
		copiers[i].number = i;
		check_ok(vfs_task_clone(task, VFS_CLONE_FILES,
					&copiers[i].task));
		assert_int_equal(pthread_create(&threads[i], NULL,
						i ? copy_again : write_again,
						&copiers[i]),
				 0);
	}
	for (int i = 0; i <= COPIERS; i++) {
		pthread_join(threads[i], NULL);
		assert_int_equal(copiers[i].problems, 0);
		vfs_task_unref(copiers[i].task);
	}
	check_ok(vfs_close(task, fd));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		world_test(test_copy__is_the_models),
		world_test(test_copy__of_a_page_is_the_models),
		world_test(test_copy__shares_memory),
		world_test(test_copy__of_a_page_by_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL) ? 1 : 0;
}
