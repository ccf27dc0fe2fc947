/* SPDX-License-Identifier: MIT */
/*
 * Locks of four bytes: a mutex and a reader-writer lock, asleep on a futex
 * where there is one, yielding elsewhere. No lock is recursive.
 *
 * What says that a lock is held exclusively has a byte of the word to itself,
 * so that giving it back is a plain store, and then a look at who waits. The
 * processor may look before others see the store: in these few nanoseconds
 * somebody may go to sleep whom nobody wakes. That is why sleepers look for
 * themselves now and then (lock.c), and why whoever unlocks keeps the lock's
 * memory alive, by a reference or a section, until unlocking returns.
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

#include "util/atomic.h"
#include "util/barrier.h"
#include "util/sanitize.h"

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
	VFS__RANK_ACL = 55,
	VFS__RANK_FDTABLE = 60,
	VFS__RANK_MAPPINGS = 65,
	VFS__RANK_NOTIFY = 66,
	VFS__RANK_LOCKS = 70,
	VFS__RANK_WAIT = 75,
	VFS__RANK_DCACHE = 80,
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
/* Aborts when this thread holds any lock, or is in a section: a function of
 * the embedder's is about to be called. */
void vfs__rank_calling(void);
/* What this thread holds is another call's from here on, and no matter for the
 * order of locks until unnest, which gets nest's result. */
uint32_t vfs__rank_nest(void);
void vfs__rank_unnest(uint32_t outer);
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
static inline void vfs__rank_calling(void)
{
}
static inline uint32_t vfs__rank_nest(void)
{
	return 0;
}
static inline void vfs__rank_unnest(uint32_t outer)
{
	(void)outer;
}
#endif

/* -- a lock's word: two bytes of flags, two of readers -- */

#define VFS__LOCK_HELD 0x01000000u   /* somebody is in, alone */
#define VFS__LOCK_WRITER 0x00020000u /* a writer waits */
#define VFS__LOCK_SLEEP 0x00010000u  /* somebody else may sleep */
#define VFS__LOCK_READERS 0x0000ffffu

#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define VFS__LOCK_BYTE(n) (3 - (n))
#else
#define VFS__LOCK_BYTE(n) (n)
#endif

/* - Clears HELD. Whether somebody seems to wait. Looks at another byte than it
 *   stores to: loads that a store covers in part wait for it. */
static inline bool vfs__lock_release(uint32_t *word)
{
#if VFS__THREAD_SANITIZER
	/* it takes a byte for another variable than the word */
	return __atomic_and_fetch(word, ~VFS__LOCK_HELD, __ATOMIC_RELEASE) &
	       ~VFS__LOCK_READERS;
#else
	uint8_t *bytes = (uint8_t *)word;

	__atomic_store_n(&bytes[VFS__LOCK_BYTE(0)], 0, __ATOMIC_RELEASE);
	VFS__COMPILER_FENCE();
	return __atomic_load_n(&bytes[VFS__LOCK_BYTE(1)], __ATOMIC_RELAXED);
#endif
}

static inline bool vfs__lock_take(uint32_t *word)
{
	uint32_t expected = 0;

	return vfs__cas_u32(word, &expected, VFS__LOCK_HELD);
}

/* -- the mutex -- */

struct vfs__mutex {
	uint32_t word; /* HELD and SLEEP */
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
	if (!vfs__lock_take(&mutex->word))
		return false;
	vfs__rank_take(mutex, rank, false, true);
	return true;
}

static inline void vfs__mutex_lock(struct vfs__mutex *mutex, int rank)
{
	vfs__rank_take(mutex, rank, false, false);
	if (__builtin_expect(!vfs__lock_take(&mutex->word), 0))
		vfs__mutex_lock_slow(mutex);
}

static inline void vfs__mutex_unlock(struct vfs__mutex *mutex, int rank)
{
	(void)rank;
	vfs__rank_drop(mutex);
	if (__builtin_expect(vfs__lock_release(&mutex->word), 0))
		vfs__mutex_unlock_slow(mutex);
}

/*
 * -- the reader-writer lock, in a bare word --
 *
 * Writers do not starve: one that has to wait sets WRITER, which keeps new
 * readers out and stays until a writer has had its turn.
 */

void vfs__rw_lock_excl_slow(uint32_t *word);
void vfs__rw_lock_shared_slow(uint32_t *word);
void vfs__rw_wake_all(uint32_t *word);
void vfs__rw_wake_writer(uint32_t *word);

static inline bool vfs__rw_try_excl(uint32_t *word, int rank)
{
	if (!vfs__lock_take(word))
		return false;
	vfs__rank_take(word, rank, false, true);
	return true;
}

static inline void vfs__rw_lock_excl(uint32_t *word, int rank)
{
	vfs__rank_take(word, rank, false, false);
	if (__builtin_expect(!vfs__lock_take(word), 0))
		vfs__rw_lock_excl_slow(word);
}

/* A second lock of the same rank, in an order of the caller's. */
static inline void vfs__rw_lock_excl_nested(uint32_t *word, int rank)
{
	vfs__rank_take(word, rank, true, false);
	if (__builtin_expect(!vfs__lock_take(word), 0))
		vfs__rw_lock_excl_slow(word);
}

static inline void vfs__rw_unlock_excl(uint32_t *word)
{
	vfs__rank_drop(word);
	if (__builtin_expect(vfs__lock_release(word), 0))
		vfs__rw_wake_all(word);
}

static inline bool vfs__rw_take_shared(uint32_t *word)
{
	uint32_t now = __atomic_load_n(word, __ATOMIC_RELAXED);

	while (now < VFS__LOCK_READERS)
		if (vfs__cas_u32(word, &now, now + 1))
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

static inline void vfs__rw_lock_shared_nested(uint32_t *word, int rank)
{
	vfs__rank_take(word, rank, true, false);
	if (__builtin_expect(!vfs__rw_take_shared(word), 0))
		vfs__rw_lock_shared_slow(word);
}

static inline void vfs__rw_unlock_shared(uint32_t *word)
{
	uint32_t left;

	vfs__rank_drop(word);
	left = vfs__fetch_add_u32(word, UINT32_MAX) - 1;
	if (__builtin_expect(left && !(left & VFS__LOCK_READERS), 0))
		vfs__rw_wake_writer(word);
}

#endif
