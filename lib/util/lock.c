/* SPDX-License-Identifier: MIT */
/* Waiting for locks, and the check of their ranks. Contract: lock.h. */
#include "util/lock.h"

#include <errno.h>
#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>

#define READERS_BIT 1u
#define WRITERS_BIT 2u
#define ALL_BITS 3u

/*
 * A sleeper looks for itself after a millisecond, then less and less often: see
 * lock.h for why it may have to. To lose a wake takes an unlock whose store
 * is still on its way when another processor has been to the kernel to sleep.
 */
#define NAP_FIRST 1000000
#define NAP_LAST 512000000

/*
 * sleep_on: until woken by one of `bits`, or at once when *word is not value;
 * may wake for no reason, and does before long. *nap: 0 at first. errno is the
 * application's and stays.
 */
#ifdef __linux__
#include <linux/futex.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static void sleep_on(uint32_t *word, uint32_t value, uint32_t bits, long *nap)
{
	int saved = errno;
	struct timespec until;

	*nap = *nap ? *nap < NAP_LAST ? 2 * *nap : NAP_LAST : NAP_FIRST;
	/* with a mask of bits the kernel wants to know when, not how long */
	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_nsec += *nap;
	if (until.tv_nsec >= 1000000000) {
		until.tv_nsec -= 1000000000;
		until.tv_sec++;
	}
	syscall(SYS_futex, word, FUTEX_WAIT_BITSET_PRIVATE, value, &until, NULL,
		bits);
	errno = saved;
}

static void wake(uint32_t *word, int count, uint32_t bits)
{
	int saved = errno;

	syscall(SYS_futex, word, FUTEX_WAKE_BITSET_PRIVATE, count, NULL, NULL,
		bits);
	errno = saved;
}
#else
static void sleep_on(uint32_t *word, uint32_t value, uint32_t bits, long *nap)
{
	(void)bits;
	(void)nap;
	if (__atomic_load_n(word, __ATOMIC_RELAXED) == value)
		sched_yield();
}

static void wake(uint32_t *word, int count, uint32_t bits)
{
	(void)word;
	(void)count;
	(void)bits;
}
#endif

#define SPINS 100u

static void pause_cpu(void)
{
#if defined(__x86_64__) || defined(__i386__)
	__builtin_ia32_pause();
#elif defined(__aarch64__)
	__asm__ volatile("yield");
#endif
}

/* Adds `flag` to the word, which was `now`, and sleeps while it is so. */
static void sleep_while(uint32_t *word, uint32_t now, uint32_t flag,
			uint32_t bits, long *nap)
{
	if (!(now & flag) &&
	    !__atomic_compare_exchange_n(word, &now, now | flag, false,
					 __ATOMIC_RELAXED, __ATOMIC_RELAXED))
		return;
	sleep_on(word, now | flag, bits, nap);
}

void vfs__mutex_lock_slow(struct vfs__mutex *mutex)
{
	uint32_t *word = &mutex->word;
	uint32_t slept = 0;
	long nap = 0;

	for (unsigned i = 0;; i++) {
		uint32_t now = __atomic_load_n(word, __ATOMIC_RELAXED);

		if (!(now & VFS__LOCK_HELD)) {
			/* one is woken at a time, and leaves the flag for the
			 * others, if it has been asleep */
			if (__atomic_compare_exchange_n(
				    word, &now, now | VFS__LOCK_HELD | slept,
				    true, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
				return;
		} else if (i < SPINS) {
			pause_cpu();
		} else {
			slept = VFS__LOCK_SLEEP;
			sleep_while(word, now, VFS__LOCK_SLEEP, ALL_BITS, &nap);
		}
	}
}

void vfs__mutex_unlock_slow(struct vfs__mutex *mutex)
{
	__atomic_fetch_and(&mutex->word, ~VFS__LOCK_SLEEP, __ATOMIC_RELAXED);
	wake(&mutex->word, 1, ALL_BITS);
}

void vfs__rw_lock_excl_slow(uint32_t *word)
{
	long nap = 0;

	for (unsigned i = 0;; i++) {
		uint32_t now = __atomic_load_n(word, __ATOMIC_RELAXED);

		if (!(now & (VFS__LOCK_HELD | VFS__LOCK_READERS))) {
			/* the flags stay for the others who wait: unlocking
			 * clears them and wakes everybody */
			if (__atomic_compare_exchange_n(
				    word, &now, now | VFS__LOCK_HELD, true,
				    __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
				return;
		} else if (i < SPINS) {
			pause_cpu();
		} else {
			sleep_while(word, now, VFS__LOCK_WRITER, WRITERS_BIT,
				    &nap);
		}
	}
}

void vfs__rw_lock_shared_slow(uint32_t *word)
{
	long nap = 0;

	for (unsigned i = 0;; i++) {
		uint32_t now = __atomic_load_n(word, __ATOMIC_RELAXED);

		if (!(now & (VFS__LOCK_HELD | VFS__LOCK_WRITER)) &&
		    (now & VFS__LOCK_READERS) != VFS__LOCK_READERS) {
			if (__atomic_compare_exchange_n(word, &now, now + 1,
							true, __ATOMIC_ACQUIRE,
							__ATOMIC_RELAXED))
				return;
		} else if (i < SPINS) {
			pause_cpu();
		} else {
			sleep_while(word, now, VFS__LOCK_SLEEP, READERS_BIT,
				    &nap);
		}
	}
}

void vfs__rw_wake_all(uint32_t *word)
{
	__atomic_fetch_and(word, ~(VFS__LOCK_WRITER | VFS__LOCK_SLEEP),
			   __ATOMIC_RELAXED);
	wake(word, INT_MAX, ALL_BITS);
}

/*
 * The last reader left with a flag set. While a writer waits it keeps readers
 * out until a writer had its turn. SLEEP alone is from a reader that came too
 * late to be woken, and has been in meanwhile or soon will be: who only tries
 * would never find the lock free again.
 */
void vfs__rw_wake_writer(uint32_t *word)
{
	if (__atomic_load_n(word, __ATOMIC_RELAXED) & VFS__LOCK_WRITER)
		wake(word, 1, WRITERS_BIT);
	else
		vfs__rw_wake_all(word);
}

#ifdef VFS__DEBUG_LOCKS
#define HELD_MAX 32

/* What this thread holds; debug builds only. */
static __thread struct {
	const void *lock;
	int rank;
} held[HELD_MAX];
static __thread int held_count;
static __thread int held_outside; /* of these, an outer call's: the first */
static __thread int sections;

static int highest(void)
{
	int top = 0;

	for (int i = held_outside; i < held_count; i++)
		if (held[i].rank > top)
			top = held[i].rank;
	return top;
}

void vfs__rank_take(const void *lock, int rank, bool nested, bool tried)
{
	int top = highest();

	if (!tried && (rank < top || (rank == top && !nested))) {
		fprintf(stderr, "libvfs: lock of rank %d taken under %d\n",
			rank, top);
		abort();
	}
	if (!tried && sections && rank < VFS__RANK_LEAF) {
		fprintf(stderr, "libvfs: lock of rank %d taken in a section\n",
			rank);
		abort();
	}
	if (held_count == HELD_MAX) {
		fprintf(stderr, "libvfs: too many locks held\n");
		abort();
	}
	held[held_count].lock = lock;
	held[held_count++].rank = rank;
}

void vfs__rank_drop(const void *lock)
{
	int i = held_count;

	while (i > held_outside && held[i - 1].lock != lock)
		i--;
	if (i == held_outside) {
		fprintf(stderr, "libvfs: a lock given back that is not held\n");
		abort();
	}
	for (; i < held_count; i++)
		held[i - 1] = held[i];
	held_count--;
}

void vfs__rank_section(int delta)
{
	sections += delta;
}

void vfs__rank_retiring(void)
{
	if (highest() >= VFS__RANK_LEAF) {
		fprintf(stderr, "libvfs: retiring under a lock of rank %d\n",
			highest());
		abort();
	}
}

uint32_t vfs__rank_nest(void)
{
	uint32_t outer = (uint32_t)held_outside;

	held_outside = held_count;
	return outer;
}

void vfs__rank_unnest(uint32_t outer)
{
	if (held_count != held_outside) {
		fprintf(stderr, "libvfs: a nested call kept a lock\n");
		abort();
	}
	held_outside = (int)outer;
}

void vfs__rank_calling(void)
{
	if (held_count || sections) {
		fprintf(stderr,
			"libvfs: a callback under a lock of rank %d, "
			"in %d sections\n",
			highest(), sections);
		abort();
	}
}
#endif
