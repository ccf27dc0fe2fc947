/* SPDX-License-Identifier: MIT */
/* Waiting for locks, and the check of their ranks. Contract: lock.h. */
#include "util/lock.h"

#include <errno.h>
#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>

#ifdef __linux__
#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

static void sleep_on(uint32_t *word, uint32_t value)
{
	/* woken, changed or interrupted: the caller looks again; errno is the
	 * application's */
	int saved = errno;

	syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, value, NULL, NULL, 0);
	errno = saved;
}

static void wake(uint32_t *word, int count)
{
	int saved = errno;

	syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, count, NULL, NULL, 0);
	errno = saved;
}
#else
static void sleep_on(uint32_t *word, uint32_t value)
{
	if (__atomic_load_n(word, __ATOMIC_RELAXED) == value)
		sched_yield();
}

static void wake(uint32_t *word, int count)
{
	(void)word;
	(void)count;
}
#endif

#define SPINS 100u

static void pause_cpu(void)
{
#if defined(__x86_64__) || defined(__i386__)
	__builtin_ia32_pause();
#endif
}

void vfs__mutex_lock_slow(struct vfs__mutex *mutex)
{
	for (unsigned i = 0; i < SPINS; i++) {
		uint32_t expected = 0;

		if (__atomic_compare_exchange_n(&mutex->word, &expected, 1,
						true, __ATOMIC_ACQUIRE,
						__ATOMIC_RELAXED))
			return;
		pause_cpu();
	}
	while (__atomic_exchange_n(&mutex->word, 2, __ATOMIC_ACQUIRE))
		sleep_on(&mutex->word, 2);
}

void vfs__mutex_unlock_slow(struct vfs__mutex *mutex)
{
	wake(&mutex->word, 1);
}

/* Says that we wait, and sleeps while the word is as it was. */
static void rw_sleep(uint32_t *word, uint32_t now)
{
	if (!(now & VFS__RW_WAIT) &&
	    !__atomic_compare_exchange_n(word, &now, now | VFS__RW_WAIT, false,
					 __ATOMIC_RELAXED, __ATOMIC_RELAXED))
		return;
	sleep_on(word, now | VFS__RW_WAIT);
}

void vfs__rw_lock_excl_slow(uint32_t *word)
{
	for (unsigned i = 0;; i++) {
		uint32_t now = __atomic_load_n(word, __ATOMIC_RELAXED);

		if (!(now & (VFS__RW_EXCL | VFS__RW_READERS))) {
			if (__atomic_compare_exchange_n(
				    word, &now, now | VFS__RW_EXCL, true,
				    __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
				return;
		} else if (i < SPINS) {
			pause_cpu();
		} else {
			rw_sleep(word, now);
		}
	}
}

void vfs__rw_lock_shared_slow(uint32_t *word)
{
	for (unsigned i = 0;; i++) {
		uint32_t now = __atomic_load_n(word, __ATOMIC_RELAXED);

		if (!(now & (VFS__RW_EXCL | VFS__RW_WAIT)) || !now ||
		    now == VFS__RW_WAIT) {
			if (__atomic_compare_exchange_n(
				    word, &now, now + 1, true,
				    __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
				return;
		} else if (i < SPINS) {
			pause_cpu();
		} else {
			rw_sleep(word, now);
		}
	}
}

void vfs__rw_wake(uint32_t *word)
{
	wake(word, INT_MAX);
}

#ifdef VFS__DEBUG_LOCKS
#define HELD_MAX 32

/* What this thread holds; debug builds only. */
static __thread struct {
	const void *lock;
	int rank;
} held[HELD_MAX];
static __thread int held_count;

void vfs__rank_take(const void *lock, int rank, bool nested, bool tried)
{
	int top = 0;

	for (int i = 0; i < held_count; i++)
		if (held[i].rank > top)
			top = held[i].rank;
	if (!tried && (rank < top || (rank == top && !nested))) {
		fprintf(stderr, "libvfs: lock of rank %d taken under %d\n",
			rank, top);
		abort();
	}
	if (held_count == HELD_MAX)
		abort();
	held[held_count].lock = lock;
	held[held_count++].rank = rank;
}

void vfs__rank_drop(const void *lock)
{
	int i = held_count;

	while (i > 0 && held[i - 1].lock != lock)
		i--;
	if (!i) {
		fprintf(stderr, "libvfs: unlocking what is not held\n");
		abort();
	}
	for (; i < held_count; i++)
		held[i - 1] = held[i];
	held_count--;
}
#endif
