/* SPDX-License-Identifier: MIT */
/*
 * Descriptor tables. Contract: fdtable.h.
 *
 * A number that is reserved has its bit set and no file yet: to every other
 * call it is -EBADF (dup3 onto it: -EBUSY, as Linux).
 */
#include "core/fdtable.h"

#include <errno.h>
#include <sched.h>
#include <string.h>

#include "core/lock.h"
#include "core/task.h"
#include "util/atomic.h"
#include "util/epoch.h"

#define FIRST_INDEX 8u
/* dup3 onto a number that is being opened gives up after so many looks; one
 * that is being closed is free before, if who closes it gets a processor: which
 * is given up now and then. */
#define BUSY_LOOKS 10000u
#define BUSY_YIELD 1000u

static uint64_t bit_of(uint32_t fd)
{
	return UINT64_C(1) << (fd % VFS__FDCHUNK);
}

static uintptr_t *slot_of(struct vfs__fdchunk *chunk, uint32_t fd)
{
	return &chunk->files[fd % VFS__FDCHUNK];
}

/* ---- chunks ---- */

static size_t index_bytes(uint32_t count)
{
	return sizeof(struct vfs__fdindex) +
	       count * sizeof(struct vfs__fdchunk *);
}

/* - An index that has room for chunk n, published. Lock held. */
static int index_grow(struct vfs__thread *thread, struct vfs__fdtable *table,
		      uint32_t n, struct vfs__fdindex **old)
{
	struct vfs__fdindex *index;
	uint32_t count = FIRST_INDEX;

	*old = table->index;
	while (count <= n)
		count *= 2;
	index = vfs__mem_alloc(thread, index_bytes(count));
	if (!index)
		return -ENOMEM;
	memset(index, 0, index_bytes(count));
	index->count = count;
	index->chunks[0] = &table->first;
	if (*old)
		memcpy(index->chunks, (*old)->chunks,
		       (*old)->count * sizeof(index->chunks[0]));
	VFS_STORE_POINTER(table->index, index);
	return 0;
}

static void index_retire(struct vfs__thread *thread, struct vfs__fdindex *index)
{
	if (index)
		vfs__epoch_free(thread, index, index_bytes(index->count));
}

/* - The chunk of number fd, made if there is none; NULL: out of memory. */
static struct vfs__fdchunk *chunk_make(struct vfs__thread *thread,
				       struct vfs__fdtable *table, uint32_t fd)
{
	struct vfs__fdindex *old = NULL;
	struct vfs__fdchunk *chunk;
	uint32_t n = fd / VFS__FDCHUNK;
	int err = 0;

	vfs__mutex_lock(&table->lock, VFS__RANK_FDTABLE);
	chunk = vfs__fd_chunk(table, fd);
	if (!chunk && (!table->index || table->index->count <= n))
		err = index_grow(thread, table, n, &old);
	if (!chunk && !err) {
		chunk = vfs__mem_alloc(thread, sizeof(*chunk));
		if (chunk) {
			memset(chunk, 0, sizeof(*chunk));
			VFS_STORE_POINTER(table->index->chunks[n], chunk);
		}
	}
	vfs__mutex_unlock(&table->lock, VFS__RANK_FDTABLE);
	index_retire(thread, old);
	return chunk;
}

/* - The same, not inside a section; chunks stay when it ends. */
static struct vfs__fdchunk *chunk_get(struct vfs__thread *thread,
				      struct vfs__fdtable *table, uint32_t fd,
				      bool make)
{
	struct vfs__fdchunk *chunk;

	if (fd < VFS__FDCHUNK)
		return &table->first;
	vfs__epoch_enter(thread);
	chunk = vfs__fd_chunk(table, fd);
	vfs__epoch_leave(thread);
	return chunk || !make ? chunk : chunk_make(thread, table, fd);
}

/* - The number of chunks, those that are not there included. */
static uint32_t chunk_count(struct vfs__thread *thread,
			    struct vfs__fdtable *table)
{
	struct vfs__fdindex *index;
	uint32_t count;

	vfs__epoch_enter(thread);
	index = VFS_LOAD_POINTER(table->index);
	count = index ? index->count : 1;
	vfs__epoch_leave(thread);
	return count;
}

/* ---- bits ---- */

static uintptr_t word_of(struct vfs_file *file, bool cloexec)
{
	return (uintptr_t)file | (cloexec ? VFS__FD_CLOEXEC : 0);
}

static uintptr_t load(const uintptr_t *slot)
{
	return __atomic_load_n(slot, __ATOMIC_ACQUIRE);
}

static bool swap(uintptr_t *slot, uintptr_t *expected, uintptr_t word)
{
	return vfs__cas_word(slot, expected, word);
}

/* - Takes the lowest free number of mask; VFS__FDCHUNK when there is none. */
static inline uint32_t bit_take(struct vfs__fdchunk *chunk, uint64_t mask)
{
	uint64_t open = __atomic_load_n(&chunk->open, __ATOMIC_RELAXED);
	uint64_t left;

	do {
		left = ~open & mask;
		if (!left)
			return VFS__FDCHUNK;
	} while (!vfs__cas_u64(&chunk->open, &open, open | (left & -left)));
	return (uint32_t)__builtin_ctzll(left);
}

/* A full chunk has a free number again. That is counted even when the hint is
 * low enough: somebody may have seen the chunk full, and be about to move the
 * hint past it. */
static void hint_lower(struct vfs__fdtable *table, uint32_t n)
{
	uint64_t hint = __atomic_load_n(&table->hint, __ATOMIC_RELAXED);
	uint64_t lower;

	do {
		lower = (uint32_t)hint < n ? (uint32_t)hint : n;
		lower |= ((hint >> 32) + 1) << 32;
	} while (!vfs__cas_u64(&table->hint, &hint, lower));
}

/* - The number is free again. It has no file. */
static void bit_clear(struct vfs__fdtable *table, struct vfs__fdchunk *chunk,
		      uint32_t fd)
{
	if (vfs__fetch_and_u64(&chunk->open, ~bit_of(fd)) == UINT64_MAX)
		hint_lower(table, fd / VFS__FDCHUNK);
}

/* ---- taking numbers ---- */

static uint32_t limit_of(const struct vfs_task *task)
{
	uint64_t limit = VFS_READ_ONCE(task->nofile_cur);

	if (__builtin_expect(task->inner, 0))
		return INT32_MAX;
	return limit > task->vfs->max_descriptors ? task->vfs->max_descriptors
						  : (uint32_t)limit;
}

/* The task's table; a dead one is the task's no more. It stays, whatever
 * becomes of it, as long as the task. */
static struct vfs__fdtable *table_of(struct vfs_task *task)
{
	struct vfs__fdtable *table;

	do {
		table = VFS_LOAD_POINTER(task->files);
	} while (__builtin_expect(
		VFS_READ_ONCE(table->state) == VFS__FDTABLE_DEAD, 0));
	return table;
}

/* The numbers of chunk n that are at least minimum and below limit. */
static uint64_t mask_of(uint32_t n, uint32_t minimum, uint32_t limit)
{
	uint64_t mask = UINT64_MAX;

	if (minimum > n * VFS__FDCHUNK)
		mask &= UINT64_MAX << (minimum - n * VFS__FDCHUNK);
	if (limit - n * VFS__FDCHUNK < VFS__FDCHUNK)
		mask &= bit_of(limit) - 1;
	return mask;
}

/* - Takes the lowest free number >= minimum. */
static int take(struct vfs__thread *thread, struct vfs_task *task,
		struct vfs__fdtable *table, uint32_t minimum)
{
	uint64_t hint = __atomic_load_n(&table->hint, __ATOMIC_SEQ_CST);
	uint32_t limit = limit_of(task), n = minimum / VFS__FDCHUNK, bit;
	struct vfs__fdchunk *chunk;
	uint64_t mask;

	if (__builtin_expect(
		    !minimum && !(uint32_t)hint && limit >= VFS__FDCHUNK, 1)) {
		bit = bit_take(&table->first, UINT64_MAX);
		if (__builtin_expect(bit < VFS__FDCHUNK, 1))
			return (int)bit;
	}
	for (n = n > (uint32_t)hint ? n : (uint32_t)hint;; n++) {
		if (n >= (limit + VFS__FDCHUNK - 1) / VFS__FDCHUNK)
			return -EMFILE;
		chunk = chunk_get(thread, table, n * VFS__FDCHUNK, true);
		if (!chunk)
			return -ENOMEM;
		mask = mask_of(n, minimum, limit);
		bit = bit_take(chunk, mask);
		if (bit < VFS__FDCHUNK)
			break;
		/* it was full after the hint was read; if the hint is still
		 * the same, it is */
		if (n == (uint32_t)hint && mask == UINT64_MAX &&
		    vfs__cas_u64(&table->hint, &hint, hint + 1))
			hint++;
	}
	return (int)(n * VFS__FDCHUNK + bit);
}

VFS_HOT
int vfs__fd_reserve(struct vfs__thread *thread, struct vfs_task *task,
		    uint32_t minimum, struct vfs__fdtable **table)
{
	if (minimum >= limit_of(task))
		return minimum ? -EINVAL : -EMFILE;
	*table = table_of(task);
	return take(thread, task, *table, minimum);
}

/*
 * What is behind numbers changes inside sections alone, and only in a table
 * that is alive: so that who freezes or buries it waits for the sections, and
 * then is alone with it. False: it is dead, and the section left again.
 */
VFS_HOT
static bool change_begin(struct vfs__thread *thread, struct vfs__fdtable *table)
{
	for (;;) {
		uint32_t state;

		vfs__epoch_enter(thread);
		state = VFS_READ_ONCE(table->state);
		if (__builtin_expect(state == VFS__FDTABLE_ALIVE, 1))
			return true;
		vfs__epoch_leave(thread);
		if (state == VFS__FDTABLE_DEAD)
			return false;
		/* whoever freezes it holds the lock */
		vfs__mutex_lock(&table->lock, VFS__RANK_FDTABLE);
		vfs__mutex_unlock(&table->lock, VFS__RANK_FDTABLE);
	}
}

static void change_end(struct vfs__thread *thread)
{
	vfs__epoch_leave(thread);
}

/* - Puts `word` behind a number that the caller reserved. False: the table is
 *   dead. */
static bool put(struct vfs__thread *thread, struct vfs__fdtable *table, int fd,
		uintptr_t word)
{
	struct vfs__fdchunk *chunk;

	if (!change_begin(thread, table))
		return false;
	chunk = vfs__fd_chunk(table, (uint32_t)fd);
	__atomic_store_n(slot_of(chunk, (uint32_t)fd), word, __ATOMIC_RELEASE);
	change_end(thread);
	return true;
}

VFS_HOT
void vfs__fd_fill(struct vfs__thread *thread, struct vfs__fdtable *table,
		  int fd, struct vfs_file *file, bool cloexec)
{
	/* all its descriptors were closed: this one, too */
	if (__builtin_expect(!put(thread, table, fd, word_of(file, cloexec)),
			     0))
		vfs__file_unref(thread, file);
}

void vfs__fd_release(struct vfs__thread *thread, struct vfs__fdtable *table,
		     int fd)
{
	bit_clear(table, chunk_get(thread, table, (uint32_t)fd, false),
		  (uint32_t)fd);
}

int vfs__fd_install(struct vfs__thread *thread, struct vfs_task *task,
		    struct vfs_file *file, uint32_t minimum, bool cloexec)
{
	struct vfs__fdtable *table;
	int fd = vfs__fd_reserve(thread, task, minimum, &table);

	if (fd >= 0)
		vfs__fd_fill(thread, table, fd, file, cloexec);
	return fd;
}

int vfs__fd_install_pair(struct vfs__thread *thread, struct vfs_task *task,
			 struct vfs_file *const files[2], bool cloexec,
			 int fds[2])
{
	struct vfs__fdtable *tables[2];
	int first = vfs__fd_reserve(thread, task, 0, &tables[0]);
	int second;

	if (first < 0)
		return first;
	second = vfs__fd_reserve(thread, task, 0, &tables[1]);
	if (second < 0) {
		vfs__fd_release(thread, tables[0], first);
		return second;
	}
	vfs__fd_fill(thread, tables[0], first, files[0], cloexec);
	vfs__fd_fill(thread, tables[1], second, files[1], cloexec);
	fds[0] = first;
	fds[1] = second;
	return 0;
}

/* ---- finding files ---- */

VFS_HOT
struct vfs_file *vfs__fd_get(struct vfs__thread *thread, struct vfs_task *task,
			     int fd)
{
	struct vfs_file *file;

	vfs__epoch_enter(thread);
	do {
		file = vfs__fd_peek(VFS_LOAD_POINTER(task->files), fd);
	} while (file && !vfs__file_tryref(file));
	vfs__epoch_leave(thread);
	return file;
}

struct vfs_file *vfs__fd_get_io(struct vfs__thread *thread,
				struct vfs_task *task, int fd)
{
	struct vfs_file *file = vfs__fd_get(thread, task, fd);

	if (!file || !(vfs__file_mode(file) & VFS__FILE_PATH))
		return file;
	vfs__file_unref(thread, file);
	return NULL;
}

bool vfs__fd_is(struct vfs__thread *thread, struct vfs__fdtable *table, int fd,
		const struct vfs_file *file)
{
	bool same;

	/* a barrier, for whoever has set a lock: pairs with the exchange in
	 * detach, behind which posix_locks is looked at */
	__atomic_fetch_or(&table->posix_locks, 0, __ATOMIC_SEQ_CST);
	vfs__epoch_enter(thread);
	same = vfs__fd_peek(table, fd) == file;
	vfs__epoch_leave(thread);
	return same;
}

int vfs__fd_next(struct vfs__thread *thread, struct vfs_task *task, uint32_t fd)
{
	struct vfs__fdtable *table = table_of(task);
	uint32_t count = chunk_count(thread, table);

	for (uint32_t n = fd / VFS__FDCHUNK; n < count; n++) {
		struct vfs__fdchunk *chunk =
			chunk_get(thread, table, n * VFS__FDCHUNK, false);

		fd = fd > n * VFS__FDCHUNK ? fd : n * VFS__FDCHUNK;
		for (; chunk && fd / VFS__FDCHUNK == n; fd++)
			if (load(slot_of(chunk, fd)))
				return (int)fd;
	}
	return -EBADF;
}

/* ---- closing ---- */

/* A descriptor of file is gone; its reference is given back. A file that ends
 * by that is put before *gone, for vfs__files_release: Linux ends the files of
 * one call in the opposite order. gone NULL: at once. */
static void closed(struct vfs__thread *thread, struct vfs *vfs,
		   struct vfs__fdtable *table, struct vfs_file *file,
		   struct vfs_file **gone)
{
	if (__atomic_load_n(&table->posix_locks, __ATOMIC_SEQ_CST) &&
	    !(vfs__file_mode(file) & VFS__FILE_PATH))
		vfs__locks_close(thread, vfs, table, file->inode);
	if (gone)
		vfs__file_unref_later(file, gone);
	else
		vfs__file_unref(thread, file);
}

/* What is behind fd, or NULL; then nothing is any more. The number is the
 * caller's to clear. */
static struct vfs_file *detach(struct vfs__fdchunk *chunk, uint32_t fd)
{
	uintptr_t *slot;

	if (!chunk)
		return NULL;
	slot = slot_of(chunk, fd);
	if (!load(slot))
		return NULL;
	return vfs__fd_file(vfs__exchange_word(slot, 0));
}

VFS_HOT
static int close_in(struct vfs__thread *thread, struct vfs *vfs,
		    struct vfs__fdtable *table, uint32_t fd,
		    struct vfs_file **gone)
{
	struct vfs__fdchunk *chunk;
	struct vfs_file *file;

	if (!change_begin(thread, table))
		return -EBADF;
	chunk = vfs__fd_chunk(table, fd);
	file = detach(chunk, fd);
	change_end(thread);
	if (!file)
		return -EBADF;
	bit_clear(table, chunk, fd);
	closed(thread, vfs, table, file, gone);
	return 0;
}

enum outcome {
	DONE,
	AGAIN, /* somebody was faster */
	BUSY,  /* reserved, or about to be free */
};

/* One try to put `word` behind fd; between change_begin and change_end. */
static enum outcome try_replace(struct vfs__fdchunk *chunk, uint32_t fd,
				uintptr_t word, uintptr_t *before)
{
	uint64_t open = __atomic_load_n(&chunk->open, __ATOMIC_RELAXED);

	if (!(open & bit_of(fd))) {
		if (!vfs__cas_u64(&chunk->open, &open, open | bit_of(fd)))
			return AGAIN;
		__atomic_store_n(slot_of(chunk, fd), word, __ATOMIC_RELEASE);
		return DONE;
	}
	*before = load(slot_of(chunk, fd));
	if (!*before)
		return BUSY;
	return swap(slot_of(chunk, fd), before, word) ? DONE : AGAIN;
}

VFS_HOT
int vfs__fd_close(struct vfs__thread *thread, struct vfs_task *task, int fd)
{
	return close_in(thread, task->vfs, table_of(task), (uint32_t)fd, NULL);
}

int vfs__fd_replace(struct vfs__thread *thread, struct vfs_task *task, int fd,
		    struct vfs_file *file, bool cloexec)
{
	struct vfs__fdtable *table;
	struct vfs__fdchunk *chunk;
	uintptr_t before;
	enum outcome outcome;
	unsigned looks = 0;

	if (fd < 0 || (uint32_t)fd >= limit_of(task))
		return -EBADF;
	do {
		before = 0;
		table = table_of(task);
		chunk = chunk_get(thread, table, (uint32_t)fd, true);
		if (!chunk)
			return -ENOMEM;
		outcome = AGAIN;
		if (change_begin(thread, table)) {
			outcome = try_replace(chunk, (uint32_t)fd,
					      word_of(file, cloexec), &before);
			change_end(thread);
		}
		if (outcome == BUSY && ++looks == BUSY_LOOKS)
			return -EBUSY;
		if (outcome == BUSY && looks % BUSY_YIELD == 0)
			sched_yield();
	} while (outcome != DONE);
	if (before)
		closed(thread, task->vfs, table, vfs__fd_file(before), NULL);
	return fd;
}

static int set_cloexec(struct vfs__thread *thread, struct vfs__fdtable *table,
		       uint32_t fd, bool cloexec)
{
	struct vfs__fdchunk *chunk;
	uintptr_t word = 0;

	if (!change_begin(thread, table))
		return -EBADF;
	chunk = vfs__fd_chunk(table, fd);
	if (chunk)
		word = load(slot_of(chunk, fd));
	while (word && !swap(slot_of(chunk, fd), &word,
			     word_of(vfs__fd_file(word), cloexec)))
		;
	change_end(thread);
	return word ? 0 : -EBADF;
}

/* The numbers of chunk n from first to last. */
static uint64_t range_of(uint32_t n, uint32_t first, uint32_t last)
{
	uint64_t mask = UINT64_MAX;

	if (n == first / VFS__FDCHUNK)
		mask &= UINT64_MAX << (first % VFS__FDCHUNK);
	if (n == last / VFS__FDCHUNK)
		mask &= UINT64_MAX >> (VFS__FDCHUNK - 1 - last % VFS__FDCHUNK);
	return mask;
}

void vfs__fd_close_range(struct vfs__thread *thread, struct vfs_task *task,
			 uint32_t first, uint32_t last, bool cloexec)
{
	struct vfs__fdtable *table = table_of(task);
	uint32_t count = chunk_count(thread, table);
	struct vfs_file *gone = NULL;

	for (uint32_t n = first / VFS__FDCHUNK;
	     n < count && n <= last / VFS__FDCHUNK; n++) {
		struct vfs__fdchunk *chunk =
			chunk_get(thread, table, n * VFS__FDCHUNK, false);
		uint64_t open;

		if (!chunk)
			continue;
		open = __atomic_load_n(&chunk->open, __ATOMIC_ACQUIRE) &
		       range_of(n, first, last);
		for (; open; open &= open - 1) {
			uint32_t fd = n * VFS__FDCHUNK +
				      (uint32_t)__builtin_ctzll(open);

			if (!cloexec)
				close_in(thread, task->vfs, table, fd, &gone);
			else
				set_cloexec(thread, table, fd, true);
		}
	}
	vfs__files_release(thread, gone);
}

int vfs__fd_get_cloexec(struct vfs__thread *thread, struct vfs_task *task,
			int fd)
{
	struct vfs__fdchunk *chunk =
		chunk_get(thread, table_of(task), (uint32_t)fd, false);
	uintptr_t word = chunk ? load(slot_of(chunk, (uint32_t)fd)) : 0;

	return word ? (int)(word & VFS__FD_CLOEXEC) : -EBADF;
}

int vfs__fd_set_cloexec(struct vfs__thread *thread, struct vfs_task *task,
			int fd, bool cloexec)
{
	return set_cloexec(thread, table_of(task), (uint32_t)fd, cloexec);
}

/* ---- tables ---- */

int vfs__fdtable_create(struct vfs__thread *thread, struct vfs__fdtable **out)
{
	struct vfs__fdtable *table = vfs__mem_alloc(thread, sizeof(*table));

	if (!table)
		return -ENOMEM;
	memset(table, 0, sizeof(*table));
	table->ref = 1;
	table->keepers = 1;
	vfs__mutex_init(&table->lock);
	*out = table;
	return 0;
}

void vfs__fdtable_let_go(struct vfs__thread *thread, struct vfs__fdtable *table)
{
	struct vfs__fdindex *index;

	if (__atomic_sub_fetch(&table->keepers, 1, __ATOMIC_ACQ_REL))
		return;
	/* not before: other tasks may have replaced it until they let go */
	index = table->index;
	for (uint32_t n = 1; index && n < index->count; n++)
		if (index->chunks[n])
			vfs__epoch_free(thread, index->chunks[n],
					sizeof(*index->chunks[n]));
	index_retire(thread, index);
	vfs__epoch_free(thread, table, sizeof(*table));
}

/* - Closes everything in a table that nothing is put into any more. */
static void close_all(struct vfs__thread *thread, struct vfs *vfs,
		      struct vfs__fdtable *table)
{
	uint32_t count = chunk_count(thread, table);
	struct vfs_file *gone = NULL;

	for (uint32_t n = 0; n < count; n++) {
		struct vfs__fdchunk *chunk =
			chunk_get(thread, table, n * VFS__FDCHUNK, false);

		for (uint32_t i = 0; chunk && i < VFS__FDCHUNK; i++) {
			struct vfs_file *file = detach(chunk, i);

			if (file)
				closed(thread, vfs, table, file, &gone);
		}
	}
	vfs__files_release(thread, gone);
}

/* - Gives `to` the chunks that `from` has. */
static int copy_shape(struct vfs__thread *thread, struct vfs__fdtable *to,
		      struct vfs__fdtable *from)
{
	uint32_t count = chunk_count(thread, from);

	for (uint32_t n = 1; n < count; n++)
		if (chunk_get(thread, from, n * VFS__FDCHUNK, false) &&
		    !chunk_get(thread, to, n * VFS__FDCHUNK, true))
			return -ENOMEM;
	return 0;
}

static void copy_chunk(struct vfs__fdchunk *to, const struct vfs__fdchunk *from)
{
	for (uint32_t i = 0; i < VFS__FDCHUNK; i++) {
		to->files[i] = load(&from->files[i]);
		if (!to->files[i])
			continue;
		vfs__file_ref(vfs__fd_file(to->files[i]));
		to->open |= bit_of(i);
	}
}

/* - From a frozen table. False: it has got chunks that `to` has not. */
static bool copy_files(struct vfs__fdtable *to, struct vfs__fdtable *from)
{
	uint32_t count = from->index ? from->index->count : 1;

	for (uint32_t n = 0; n < count; n++)
		if (vfs__fd_chunk(from, n * VFS__FDCHUNK) &&
		    !vfs__fd_chunk(to, n * VFS__FDCHUNK))
			return false;
	for (uint32_t n = 0; n < count; n++)
		if (vfs__fd_chunk(from, n * VFS__FDCHUNK))
			copy_chunk(vfs__fd_chunk(to, n * VFS__FDCHUNK),
				   vfs__fd_chunk(from, n * VFS__FDCHUNK));
	return true;
}

/* The task's table, locked and alive. */
static struct vfs__fdtable *lock_table(struct vfs_task *task)
{
	for (;;) {
		struct vfs__fdtable *table = table_of(task);

		vfs__mutex_lock(&table->lock, VFS__RANK_FDTABLE);
		if (table->state == VFS__FDTABLE_ALIVE)
			return table;
		vfs__mutex_unlock(&table->lock, VFS__RANK_FDTABLE);
	}
}

/* What the task's table has at one moment. */
int vfs__fdtable_clone(struct vfs__thread *thread, struct vfs_task *task,
		       struct vfs__fdtable **out)
{
	struct vfs__fdtable *table, *from;
	bool done;
	int err = vfs__fdtable_create(thread, &table);

	if (err)
		return err;
	do {
		err = copy_shape(thread, table, table_of(task));
		if (err) {
			vfs__fdtable_let_go(thread, table);
			return err;
		}
		from = lock_table(task);
		VFS_WRITE_ONCE(from->state, VFS__FDTABLE_FROZEN);
		vfs__epoch_wait(thread);
		done = copy_files(table, from);
		VFS_WRITE_ONCE(from->state, VFS__FDTABLE_ALIVE);
		vfs__mutex_unlock(&from->lock, VFS__RANK_FDTABLE);
	} while (!done);
	*out = table;
	return 0;
}

struct vfs__fdtable *vfs__fdtable_share(struct vfs_task *task)
{
	struct vfs__fdtable *table = lock_table(task);

	/* not dead and locked: the last task has not let go yet */
	__atomic_fetch_add(&table->ref, 1, __ATOMIC_RELAXED);
	vfs__mutex_unlock(&table->lock, VFS__RANK_FDTABLE);
	return table;
}

/* Gives a task's reference back; true: it was the last, the table is dead. */
static bool last_task(struct vfs__fdtable *table)
{
	bool last;

	vfs__mutex_lock(&table->lock, VFS__RANK_FDTABLE);
	last = !__atomic_sub_fetch(&table->ref, 1, __ATOMIC_ACQ_REL);
	if (last)
		VFS_WRITE_ONCE(table->state, VFS__FDTABLE_DEAD);
	vfs__mutex_unlock(&table->lock, VFS__RANK_FDTABLE);
	return last;
}

void vfs__fdtable_unref(struct vfs__thread *thread, struct vfs *vfs,
			struct vfs__fdtable *table)
{
	if (!last_task(table))
		return;
	/* a task that left it behind may have calls in it that saw it alive */
	if (__atomic_load_n(&table->keepers, __ATOMIC_ACQUIRE) > 1)
		vfs__epoch_wait(thread);
	close_all(thread, vfs, table);
	vfs__fdtable_let_go(thread, table);
}
