/* SPDX-License-Identifier: MIT */
/*
 * Locks of four bytes: a mutex and a reader-writer lock, asleep on a futex
 * where there is one, yielding elsewhere. Debug builds (VFS__DEBUG_LOCKS)
 * check the order of ranks; docs/locking.md has the table.
 */
#ifndef VFS__LOCK_UTIL_H
#define VFS__LOCK_UTIL_H

#include <stdbool.h>
#include <stdint.h>

/* In the order in which they are taken. */
enum vfs__lock_rank {
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
	VFS__RANK_LEAF = 90,
	VFS__RANK_SLAB = 100
};

struct vfs__mutex {
	uint32_t word; /* 0 free, 1 held, 2 held and somebody sleeps */
};

/* The slow halves. */
void vfs__mutex_lock_slow(struct vfs__mutex *mutex);
void vfs__mutex_unlock_slow(struct vfs__mutex *mutex);
void vfs__rw_lock_excl_slow(uint32_t *word);
void vfs__rw_lock_shared_slow(uint32_t *word);
void vfs__rw_wake(uint32_t *word);

#ifdef VFS__DEBUG_LOCKS
void vfs__rank_take(const void *lock, int rank, bool nested, bool tried);
void vfs__rank_drop(const void *lock);
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
#endif

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
	if (!__atomic_compare_exchange_n(&mutex->word, &expected, 1, false,
					 __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
		vfs__mutex_lock_slow(mutex);
}

static inline void vfs__mutex_unlock(struct vfs__mutex *mutex, int rank)
{
	(void)rank;
	vfs__rank_drop(mutex);
	if (__atomic_exchange_n(&mutex->word, 0, __ATOMIC_RELEASE) == 2)
		vfs__mutex_unlock_slow(mutex);
}

/*
 * A reader-writer lock in a bare word: bit 31 held by a writer, bit 30
 * somebody sleeps (which also keeps new readers out, so that writers get their
 * turn), the rest counts readers.
 */
#define VFS__RW_EXCL 0x80000000u
#define VFS__RW_WAIT 0x40000000u
#define VFS__RW_READERS 0x3fffffffu

static inline bool vfs__rw_try_excl(uint32_t *word, int rank)
{
	uint32_t expected = 0;

	if (!__atomic_compare_exchange_n(word, &expected, VFS__RW_EXCL, false,
					 __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
		return false;
	vfs__rank_take(word, rank, false, true);
	return true;
}

static inline void vfs__rw_take_excl(uint32_t *word)
{
	uint32_t expected = 0;

	if (!__atomic_compare_exchange_n(word, &expected, VFS__RW_EXCL, false,
					 __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
		vfs__rw_lock_excl_slow(word);
}

static inline void vfs__rw_lock_excl(uint32_t *word, int rank)
{
	vfs__rank_take(word, rank, false, false);
	vfs__rw_take_excl(word);
}

/* A second lock of the same rank, in an order of the caller's. */
static inline void vfs__rw_lock_excl_nested(uint32_t *word, int rank)
{
	vfs__rank_take(word, rank, true, false);
	vfs__rw_take_excl(word);
}

static inline void vfs__rw_unlock_excl(uint32_t *word)
{
	vfs__rank_drop(word);
	if (__atomic_exchange_n(word, 0, __ATOMIC_RELEASE) & VFS__RW_WAIT)
		vfs__rw_wake(word);
}

static inline bool vfs__rw_try_shared(uint32_t *word, int rank)
{
	uint32_t now = __atomic_load_n(word, __ATOMIC_RELAXED);

	if ((now & (VFS__RW_EXCL | VFS__RW_WAIT)) ||
	    !__atomic_compare_exchange_n(word, &now, now + 1, false,
					 __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
		return false;
	vfs__rank_take(word, rank, false, true);
	return true;
}

static inline void vfs__rw_lock_shared(uint32_t *word, int rank)
{
	uint32_t now = __atomic_load_n(word, __ATOMIC_RELAXED);

	vfs__rank_take(word, rank, false, false);
	if ((now & (VFS__RW_EXCL | VFS__RW_WAIT)) ||
	    !__atomic_compare_exchange_n(word, &now, now + 1, false,
					 __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
		vfs__rw_lock_shared_slow(word);
}

static inline void vfs__rw_unlock_shared(uint32_t *word)
{
	uint32_t left;

	vfs__rank_drop(word);
	left = __atomic_sub_fetch(word, 1, __ATOMIC_RELEASE);
	/* the last reader lets the sleepers try */
	if (left == VFS__RW_WAIT &&
	    __atomic_compare_exchange_n(word, &left, 0, false,
					__ATOMIC_RELAXED, __ATOMIC_RELAXED))
		vfs__rw_wake(word);
}

#endif
