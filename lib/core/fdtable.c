/* SPDX-License-Identifier: MIT */
/*
 * Descriptor tables. Contract: fdtable.h.
 *
 * A number that is reserved has its bit set in `open` and no file yet: to
 * every other call it is -EBADF (dup3 onto it: -EBUSY, as Linux).
 */
#include "core/fdtable.h"

#include <errno.h>
#include <string.h>

#include "core/lock.h"
#include "core/task.h"
#include "util/epoch.h"

#define FIRST_SIZE 64u

/* ---- arrays ---- */

static size_t words_of(uint32_t size)
{
	return size / 64;
}

static size_t array_bytes(uint32_t size)
{
	size_t words = words_of(size);

	return sizeof(struct vfs__fdarray) + size * sizeof(struct vfs_file *) +
	       (2 * words + (words + 63) / 64) * sizeof(uint64_t);
}

static struct vfs__fdarray *array_alloc(struct vfs__thread *thread,
					uint32_t size)
{
	struct vfs__fdarray *a = vfs__mem_alloc(thread, array_bytes(size));

	if (!a)
		return NULL;
	memset(a, 0, array_bytes(size));
	a->size = size;
	a->open = (uint64_t *)(void *)&a->files[size];
	a->cloexec = a->open + words_of(size);
	a->full = a->cloexec + words_of(size);
	return a;
}

static void array_copy(struct vfs__fdarray *to, const struct vfs__fdarray *from)
{
	size_t words = words_of(from->size);

	memcpy(to->open, from->open, words * sizeof(uint64_t));
	memcpy(to->cloexec, from->cloexec, words * sizeof(uint64_t));
	memcpy(to->full, from->full, (words + 63) / 64 * sizeof(uint64_t));
	for (uint32_t i = 0; i < from->size; i++)
		to->files[i] = VFS_READ_ONCE(from->files[i]);
}

static bool bit_test(const uint64_t *map, uint32_t i)
{
	return map[i / 64] >> (i % 64) & 1;
}

static void bit_put(uint64_t *map, uint32_t i, bool value)
{
	uint64_t bit = UINT64_C(1) << (i % 64);

	if (value)
		map[i / 64] |= bit;
	else
		map[i / 64] &= ~bit;
}

static void mark_open(struct vfs__fdtable *table, uint32_t fd, bool cloexec)
{
	struct vfs__fdarray *a = table->array;

	bit_put(a->open, fd, true);
	bit_put(a->cloexec, fd, cloexec);
	if (a->open[fd / 64] == UINT64_MAX)
		bit_put(a->full, fd / 64, true);
	if (fd == table->lowest)
		table->lowest = fd + 1;
}

static void mark_closed(struct vfs__fdtable *table, uint32_t fd)
{
	struct vfs__fdarray *a = table->array;

	bit_put(a->open, fd, false);
	bit_put(a->cloexec, fd, false);
	bit_put(a->full, fd / 64, false);
	if (fd < table->lowest)
		table->lowest = fd;
}

/* The lowest number >= from that is not open; array->size when none is. */
static uint32_t find_free(const struct vfs__fdarray *a, uint32_t from)
{
	uint32_t words = (uint32_t)words_of(a->size);
	uint32_t w = from / 64;
	uint64_t free_bits;

	if (from >= a->size)
		return a->size;
	free_bits = ~a->open[w] & ~UINT64_C(0) << (from % 64);
	if (free_bits)
		return w * 64 + (uint32_t)__builtin_ctzll(free_bits);
	for (w++; w < words; w++) {
		if (w % 64 == 0 && a->full[w / 64] == UINT64_MAX) {
			w += 63;
			continue;
		}
		if (a->open[w] != UINT64_MAX)
			return w * 64 + (uint32_t)__builtin_ctzll(~a->open[w]);
	}
	return a->size;
}

/* A larger array for at least `need` numbers, published. Lock held. */
static int grow(struct vfs__thread *thread, struct vfs *vfs,
		struct vfs__fdtable *table, uint32_t need,
		struct vfs__fdarray **old)
{
	struct vfs__fdarray *a;
	uint32_t size = table->array->size;

	(void)vfs;
	while (size < need)
		size *= 2;
	a = array_alloc(thread, size);
	if (!a)
		return -ENOMEM;
	array_copy(a, table->array);
	*old = table->array;
	VFS_STORE_POINTER(table->array, a);
	return 0;
}

static void retire_array(struct vfs__thread *thread, struct vfs__fdarray *a)
{
	if (a)
		vfs__epoch_retire(thread, vfs__free_later, a,
				  array_bytes(a->size));
}

/* The task's table, locked and not dead: a dead one is the task's no more. */
static struct vfs__fdtable *lock_files(struct vfs_task *task)
{
	struct vfs__fdtable *table;

	for (;;) {
		table = VFS_LOAD_POINTER(task->files);
		vfs__mutex_lock(&table->lock, VFS__RANK_FDTABLE);
		if (__builtin_expect(!table->dead, 1))
			return table;
		vfs__mutex_unlock(&table->lock, VFS__RANK_FDTABLE);
	}
}

static void unlock_files(struct vfs__fdtable *table)
{
	vfs__mutex_unlock(&table->lock, VFS__RANK_FDTABLE);
}

/* ---- taking numbers ---- */

static uint32_t limit_of(const struct vfs_task *task)
{
	uint64_t limit = VFS_READ_ONCE(task->nofile_cur);

	return limit > task->vfs->max_descriptors ? task->vfs->max_descriptors
						  : (uint32_t)limit;
}

/* Marks the lowest free number >= minimum open. Lock held. */
static int take(struct vfs__thread *thread, struct vfs_task *task,
		struct vfs__fdtable *table, uint32_t minimum, bool cloexec,
		struct vfs__fdarray **old)
{
	uint32_t from = minimum > table->lowest ? minimum : table->lowest;
	uint32_t fd = find_free(table->array, from);

	if (fd < from)
		fd = from;
	if (fd >= limit_of(task))
		return -EMFILE;
	if (fd >= table->array->size) {
		int err;

		fd = fd > from ? fd : from;
		err = grow(thread, task->vfs, table, fd + 1, old);
		if (err)
			return err;
	}
	mark_open(table, fd, cloexec);
	return (int)fd;
}

int vfs__fd_reserve(struct vfs__thread *thread, struct vfs_task *task,
		    uint32_t minimum, bool cloexec, struct vfs__fdtable **table)
{
	struct vfs__fdarray *old = NULL;
	int fd;

	if (minimum >= limit_of(task))
		return minimum ? -EINVAL : -EMFILE;
	*table = lock_files(task);
	fd = take(thread, task, *table, minimum, cloexec, &old);
	unlock_files(*table);
	retire_array(thread, old);
	return fd;
}

void vfs__fd_fill(struct vfs__thread *thread, struct vfs__fdtable *table,
		  int fd, struct vfs_file *file)
{
	bool dead;

	vfs__mutex_lock(&table->lock, VFS__RANK_FDTABLE);
	dead = table->dead;
	if (!dead)
		VFS_STORE_POINTER(table->array->files[fd], file);
	vfs__mutex_unlock(&table->lock, VFS__RANK_FDTABLE);
	/* all its descriptors were closed: this one, too */
	if (__builtin_expect(dead, 0))
		vfs__file_unref(thread, file);
}

void vfs__fd_release(struct vfs__fdtable *table, int fd)
{
	vfs__mutex_lock(&table->lock, VFS__RANK_FDTABLE);
	mark_closed(table, (uint32_t)fd);
	vfs__mutex_unlock(&table->lock, VFS__RANK_FDTABLE);
}

int vfs__fd_install(struct vfs__thread *thread, struct vfs_task *task,
		    struct vfs_file *file, uint32_t minimum, bool cloexec)
{
	struct vfs__fdtable *table;
	struct vfs__fdarray *old = NULL;
	int fd;

	if (minimum >= limit_of(task))
		return minimum ? -EINVAL : -EMFILE;
	table = lock_files(task);
	fd = take(thread, task, table, minimum, cloexec, &old);
	if (fd >= 0)
		VFS_STORE_POINTER(table->array->files[fd], file);
	unlock_files(table);
	retire_array(thread, old);
	return fd;
}

int vfs__fd_install_pair(struct vfs__thread *thread, struct vfs_task *task,
			 struct vfs_file *const files[2], bool cloexec,
			 int fds[2])
{
	struct vfs__fdtable *tables[2];
	int first = vfs__fd_reserve(thread, task, 0, cloexec, &tables[0]);
	int second;

	if (first < 0)
		return first;
	second = vfs__fd_reserve(thread, task, 0, cloexec, &tables[1]);
	if (second < 0) {
		vfs__fd_release(tables[0], first);
		return second;
	}
	vfs__fd_fill(thread, tables[0], first, files[0]);
	vfs__fd_fill(thread, tables[1], second, files[1]);
	fds[0] = first;
	fds[1] = second;
	return 0;
}

/* ---- finding files ---- */

static struct vfs_file *get(struct vfs__thread *thread, struct vfs_task *task,
			    int fd, uint32_t refused)
{
	struct vfs_file *file;

	vfs__epoch_enter(thread);
	do {
		file = vfs__fd_peek(VFS_LOAD_POINTER(task->files), fd);
	} while (file && !vfs__file_tryref(file));
	vfs__epoch_leave(thread);
	if (file && (vfs__file_mode(file) & refused)) {
		vfs__file_unref(thread, file);
		return NULL;
	}
	return file;
}

struct vfs_file *vfs__fd_get(struct vfs__thread *thread, struct vfs_task *task,
			     int fd)
{
	return get(thread, task, fd, 0);
}

struct vfs_file *vfs__fd_get_io(struct vfs__thread *thread,
				struct vfs_task *task, int fd)
{
	return get(thread, task, fd, VFS__FILE_PATH);
}

/* ---- closing ---- */

/* A descriptor of file is gone; its reference is given back. A file that ends
 * by that is put before *gone, for vfs__files_release: Linux ends the files of
 * one call in the opposite order. gone NULL: at once. */
static void closed(struct vfs__thread *thread, struct vfs *vfs,
		   struct vfs__fdtable *table, struct vfs_file *file,
		   struct vfs_file **gone)
{
	if (__atomic_load_n(&table->posix_locks, __ATOMIC_ACQUIRE) &&
	    !(vfs__file_mode(file) & VFS__FILE_PATH))
		vfs__locks_close(thread, vfs, table, file->inode);
	if (gone)
		vfs__file_unref_later(file, gone);
	else
		vfs__file_unref(thread, file);
}

/* What is behind fd, or NULL; then nothing is any more. Lock held. */
static struct vfs_file *detach(struct vfs__fdtable *table, int fd)
{
	struct vfs_file *file = NULL;

	if ((uint32_t)fd < table->array->size)
		file = table->array->files[fd];
	if (file) {
		VFS_STORE_POINTER(table->array->files[fd], NULL);
		mark_closed(table, (uint32_t)fd);
	}
	return file;
}

static int close_fd(struct vfs__thread *thread, struct vfs_task *task, int fd,
		    struct vfs_file **gone)
{
	struct vfs__fdtable *table = lock_files(task);
	struct vfs_file *file = detach(table, fd);

	unlock_files(table);
	if (!file)
		return -EBADF;
	closed(thread, task->vfs, table, file, gone);
	return 0;
}

int vfs__fd_close(struct vfs__thread *thread, struct vfs_task *task, int fd)
{
	return close_fd(thread, task, fd, NULL);
}

int vfs__fd_replace(struct vfs__thread *thread, struct vfs_task *task, int fd,
		    struct vfs_file *file, bool cloexec)
{
	struct vfs__fdtable *table;
	struct vfs__fdarray *old = NULL;
	struct vfs_file *before = NULL;
	int err = 0;

	if (fd < 0 || (uint32_t)fd >= limit_of(task))
		return -EBADF;
	table = lock_files(task);
	if ((uint32_t)fd >= table->array->size)
		err = grow(thread, task->vfs, table, (uint32_t)fd + 1, &old);
	if (!err) {
		before = table->array->files[fd];
		if (!before && bit_test(table->array->open, (uint32_t)fd))
			err = -EBUSY;
	}
	if (!err) {
		VFS_STORE_POINTER(table->array->files[fd], file);
		mark_open(table, (uint32_t)fd, cloexec);
	}
	unlock_files(table);
	retire_array(thread, old);
	if (!err && before)
		closed(thread, task->vfs, table, before, NULL);
	return err ? err : fd;
}

/* The first open number in [fd, last], or -1; reserved ones are passed. */
static int64_t next_open(struct vfs__fdtable *table, uint64_t fd, uint64_t last)
{
	const struct vfs__fdarray *a = table->array;

	for (; fd <= last && fd < a->size; fd++) {
		if (fd % 64 == 0 && !a->open[fd / 64])
			fd += 63;
		else if (a->files[fd])
			return (int64_t)fd;
	}
	return -1;
}

void vfs__fd_close_range(struct vfs__thread *thread, struct vfs_task *task,
			 uint32_t first, uint32_t last, bool cloexec)
{
	struct vfs_file *gone = NULL;
	int64_t fd = first;

	for (;; fd++) {
		struct vfs__fdtable *table = lock_files(task);

		fd = next_open(table, (uint64_t)fd, last);
		if (fd >= 0 && cloexec)
			bit_put(table->array->cloexec, (uint32_t)fd, true);
		unlock_files(table);
		if (fd < 0)
			break;
		if (!cloexec)
			close_fd(thread, task, (int)fd, &gone);
	}
	vfs__files_release(thread, gone);
}

int vfs__fd_get_cloexec(struct vfs_task *task, int fd)
{
	struct vfs__fdtable *table = lock_files(task);
	int value = -EBADF;

	if ((uint32_t)fd < table->array->size && table->array->files[fd])
		value = bit_test(table->array->cloexec, (uint32_t)fd);
	unlock_files(table);
	return value;
}

int vfs__fd_set_cloexec(struct vfs_task *task, int fd, bool cloexec)
{
	struct vfs__fdtable *table = lock_files(task);
	int err = -EBADF;

	if ((uint32_t)fd < table->array->size && table->array->files[fd]) {
		bit_put(table->array->cloexec, (uint32_t)fd, cloexec);
		err = 0;
	}
	unlock_files(table);
	return err;
}

/* ---- tables ---- */

static struct vfs__fdtable *table_alloc(struct vfs__thread *thread,
					uint32_t size)
{
	struct vfs__fdtable *table = vfs__mem_alloc(thread, sizeof(*table));

	if (!table)
		return NULL;
	memset(table, 0, sizeof(*table));
	table->ref = 1;
	table->keepers = 1;
	vfs__mutex_init(&table->lock);
	table->array = array_alloc(thread, size);
	if (!table->array) {
		vfs__mem_free(thread, table, sizeof(*table));
		return NULL;
	}
	return table;
}

int vfs__fdtable_create(struct vfs__thread *thread, struct vfs *vfs,
			struct vfs__fdtable **out)
{
	struct vfs__fdtable *table = table_alloc(thread, FIRST_SIZE);

	(void)vfs;
	if (!table)
		return -ENOMEM;
	*out = table;
	return 0;
}

/* Copies from's files into `to`, which is large enough. from's lock held. */
static void copy_files(struct vfs__fdtable *to, const struct vfs__fdarray *from)
{
	array_copy(to->array, from);
	to->lowest = 0;
	for (uint32_t fd = 0; fd < from->size; fd++) {
		if (to->array->files[fd])
			vfs__file_ref(to->array->files[fd]);
		else if (bit_test(to->array->open, fd))
			mark_closed(to, fd); /* reserved by an open */
	}
}

int vfs__fdtable_clone(struct vfs__thread *thread, struct vfs_task *task,
		       struct vfs__fdtable **out)
{
	struct vfs__fdtable *table, *from;
	uint32_t size;
	bool done;

	do {
		from = lock_files(task);
		size = from->array->size;
		unlock_files(from);
		table = table_alloc(thread, size);
		if (!table)
			return -ENOMEM;
		from = lock_files(task);
		done = from->array->size <= size;
		if (done)
			copy_files(table, from->array);
		unlock_files(from);
		if (!done) {
			vfs__mem_free(thread, table->array, array_bytes(size));
			vfs__mem_free(thread, table, sizeof(*table));
		}
	} while (!done);
	*out = table;
	return 0;
}

struct vfs__fdtable *vfs__fdtable_share(struct vfs_task *task)
{
	struct vfs__fdtable *table = lock_files(task);

	/* not dead and locked: the last task has not let go yet */
	__atomic_fetch_add(&table->ref, 1, __ATOMIC_RELAXED);
	unlock_files(table);
	return table;
}

void vfs__fdtable_let_go(struct vfs__thread *thread, struct vfs__fdtable *table)
{
	if (__atomic_sub_fetch(&table->keepers, 1, __ATOMIC_ACQ_REL))
		return;
	retire_array(thread, table->array);
	vfs__epoch_retire(thread, vfs__free_later, table, sizeof(*table));
}

/* Gives a task's reference back; true: it was the last, the table is dead. */
static bool last_task(struct vfs__fdtable *table)
{
	bool last;

	vfs__mutex_lock(&table->lock, VFS__RANK_FDTABLE);
	last = !__atomic_sub_fetch(&table->ref, 1, __ATOMIC_ACQ_REL);
	if (last)
		table->dead = true;
	vfs__mutex_unlock(&table->lock, VFS__RANK_FDTABLE);
	return last;
}

void vfs__fdtable_unref(struct vfs__thread *thread, struct vfs *vfs,
			struct vfs__fdtable *table)
{
	struct vfs_file *file, *gone = NULL;
	uint32_t size;

	if (!last_task(table))
		return;
	/* nothing is put into a dead table, and it does not grow */
	size = table->array->size;
	for (uint32_t fd = 0; fd < size; fd++) {
		if (!VFS_READ_ONCE(table->array->files[fd]))
			continue;
		vfs__mutex_lock(&table->lock, VFS__RANK_FDTABLE);
		file = detach(table, (int)fd);
		vfs__mutex_unlock(&table->lock, VFS__RANK_FDTABLE);
		if (file)
			closed(thread, vfs, table, file, &gone);
	}
	vfs__files_release(thread, gone);
	vfs__fdtable_let_go(thread, table);
}
