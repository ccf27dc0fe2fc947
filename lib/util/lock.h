/* SPDX-License-Identifier: MIT */
/*
 * Locks of four bytes: a mutex and a reader-writer lock, asleep on a futex
 * where there is one, yielding elsewhere. No lock is recursive.
 *
 * Debug builds (VFS__DEBUG_LOCKS) abort when locks are taken against the order
 * of ranks, when a lock is waited for inside a read section under which
 * somebody may retire, and when a thread gives back what it does not hold.
 * docs/locking.md has the table.
 */
#ifndef VFS__LOCK_UTIL_H
#define VFS__LOCK_UTIL_H

#include <stdbool.h>
#include <stdint.h>

/* In the order in which they are taken. */
enum vfs__lock_rank {
	VFS__RANK_CONTEXT = 3,
	VFS__RANK_SUPER = 5,
	VFS__RANK_TASKS = 7,
	VFS__RANK_NAMESPACE = 10,
	VFS__RANK_RENAME = 20,
	VFS__RANK_POS = 30,
	VFS__RANK_DIR = 40,
	VFS__RANK_INODE = 50,
	VFS__RANK_FDTABLE = 60,
	VFS__RANK_LOCKS = 70,
	VFS__RANK_WAIT = 75,
	VFS__RANK_LRU = 78,
	VFS__RANK_DCACHE = 80,
	VFS__RANK_XATTR = 82,
	/* from here on nobody retires, or takes another but SLAB */
	VFS__RANK_LEAF = 90,
	VFS__RANK_SLAB = 100
};

#ifdef VFS__DEBUG_LOCKS
void vfs__rank_take(const void *lock, int rank, bool nested, bool tried);
void vfs__rank_drop(const void *lock);
/* This thread entered (1) or left (-1) a section. */
void vfs__rank_section(int delta);
/* Aborts when this thread holds a lock under which nobody may retire. */
void vfs__rank_retiring(void);
#else
static inline void vfs__rank_take(const void *lock, int rank, bool nested,
				  bool tried)
{
	(void)lock;
	(void)rank;
	(void)nested;
	(void)tried;
}
static inline void vfs__rank_drop(const void *lock)
{
	(void)lock;
}
static inline void vfs__rank_section(int delta)
{
	(void)delta;
}
static inline void vfs__rank_retiring(void)
{
}
#endif

/* -- the mutex -- */

struct vfs__mutex {
	uint32_t word; /* 0 free, 1 held, 2 held and somebody may sleep */
};

/* The slow halves. */
void vfs__mutex_lock_slow(struct vfs__mutex *mutex);
void vfs__mutex_unlock_slow(struct vfs__mutex *mutex);

static inline void vfs__mutex_init(struct vfs__mutex *mutex)
{
	mutex->word = 0;
}

static inline bool vfs__mutex_trylock(struct vfs__mutex *mutex, int rank)
{
	uint32_t expected = 0;

	if (!__atomic_compare_exchange_n(&mutex->word, &expected, 1, false,
					 __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
		return false;
	vfs__rank_take(mutex, rank, false, true);
	return true;
}

static inline void vfs__mutex_lock(struct vfs__mutex *mutex, int rank)
{
	uint32_t expected = 0;

	vfs__rank_take(mutex, rank, false, false);
	if (__builtin_expect(!__atomic_compare_exchange_n(
				     &mutex->word, &expected, 1, false,
				     __ATOMIC_ACQUIRE, __ATOMIC_RELAXED),
			     0))
		vfs__mutex_lock_slow(mutex);
}

static inline void vfs__mutex_unlock(struct vfs__mutex *mutex, int rank)
{
	(void)rank;
	vfs__rank_drop(mutex);
	if (__builtin_expect(
		    __atomic_exchange_n(&mutex->word, 0, __ATOMIC_RELEASE) == 2,
		    0))
		vfs__mutex_unlock_slow(mutex);
}

/*
 * -- the reader-writer lock, in a bare word --
 *
 * Writers do not starve: one that has to wait sets WRITER, which keeps new
 * readers out and stays until a writer has had its turn.
 */
#define VFS__RW_EXCL 0x80000000u   /* a writer is in */
#define VFS__RW_WRITER 0x40000000u /* a writer waits */
#define VFS__RW_SLEEP 0x20000000u  /* a reader may sleep */
#define VFS__RW_READERS 0x1fffffffu

void vfs__rw_lock_excl_slow(uint32_t *word);
void vfs__rw_lock_shared_slow(uint32_t *word);
void vfs__rw_wake_all(uint32_t *word);
void vfs__rw_wake_writer(uint32_t *word);

static inline bool vfs__rw_take_excl(uint32_t *word)
{
	uint32_t expected = 0;

	return __atomic_compare_exchange_n(word, &expected, VFS__RW_EXCL, false,
					   __ATOMIC_ACQUIRE, __ATOMIC_RELAXED);
}

static inline bool vfs__rw_try_excl(uint32_t *word, int rank)
{
	if (!vfs__rw_take_excl(word))
		return false;
	vfs__rank_take(word, rank, false, true);
	return true;
}

static inline void vfs__rw_lock_excl(uint32_t *word, int rank)
{
	vfs__rank_take(word, rank, false, false);
	if (__builtin_expect(!vfs__rw_take_excl(word), 0))
		vfs__rw_lock_excl_slow(word);
}

/* A second lock of the same rank, in an order of the caller's. */
static inline void vfs__rw_lock_excl_nested(uint32_t *word, int rank)
{
	vfs__rank_take(word, rank, true, false);
	if (__builtin_expect(!vfs__rw_take_excl(word), 0))
		vfs__rw_lock_excl_slow(word);
}

static inline void vfs__rw_unlock_excl(uint32_t *word)
{
	vfs__rank_drop(word);
	if (__builtin_expect(__atomic_exchange_n(word, 0, __ATOMIC_RELEASE) !=
				     VFS__RW_EXCL,
			     0))
		vfs__rw_wake_all(word);
}

static inline bool vfs__rw_take_shared(uint32_t *word)
{
	uint32_t now = __atomic_load_n(word, __ATOMIC_RELAXED);

	while (!(now & ~VFS__RW_READERS))
		if (__atomic_compare_exchange_n(word, &now, now + 1, true,
						__ATOMIC_ACQUIRE,
						__ATOMIC_RELAXED))
			return true;
	return false;
}

static inline bool vfs__rw_try_shared(uint32_t *word, int rank)
{
	if (!vfs__rw_take_shared(word))
		return false;
	vfs__rank_take(word, rank, false, true);
	return true;
}

static inline void vfs__rw_lock_shared(uint32_t *word, int rank)
{
	vfs__rank_take(word, rank, false, false);
	if (__builtin_expect(!vfs__rw_take_shared(word), 0))
		vfs__rw_lock_shared_slow(word);
}

static inline void vfs__rw_unlock_shared(uint32_t *word)
{
	uint32_t left;

	vfs__rank_drop(word);
	left = __atomic_sub_fetch(word, 1, __ATOMIC_RELEASE);
	if (__builtin_expect(left && !(left & VFS__RW_READERS), 0))
		vfs__rw_wake_writer(word);
}

#endif
