/* SPDX-License-Identifier: MIT */
/*
 * Read-modify-write on words that threads share, without the price of sharing
 * where the C library says that there is one thread: an instruction that locks
 * costs 2 to 4 ns and waits for the stores before it, and a create and unlink
 * had twenty of them. The C library changes its mind before it starts a
 * second thread, in the thread that starts it, so that no operation is under
 * way then. Elsewhere, and under the thread sanitizer, all of them are atomic.
 *
 * In words with several writers all writers use these; orders are acquire and
 * release, and sequential where the operation changed the word.
 */
#ifndef VFS__ATOMIC_H
#define VFS__ATOMIC_H

#include <stdbool.h>
#include <stdint.h>

#include "util/sanitize.h"

#if defined(__has_include) && !VFS__THREAD_SANITIZER
#if __has_include(<sys/single_threaded.h>)
#include <sys/single_threaded.h>
#define VFS__HAS_SINGLE_THREADED 1
#endif
#endif

/* - Whether the process has one thread, and that is here. */
static inline bool vfs__alone(void)
{
#ifdef VFS__HAS_SINGLE_THREADED
	return __libc_single_threaded;
#else
	return false;
#endif
}

/*
 * For a type:
 * - fetch_add, fetch_and, fetch_or, exchange: the word before.
 * - cas: stores `to` if the word is *expected, which else becomes what it is.
 */
#define VFS__ATOMICS(suffix, type)                                           \
	static inline type vfs__load_##suffix(const type *word)              \
	{                                                                    \
		return __atomic_load_n(word, __ATOMIC_RELAXED);              \
	}                                                                    \
	static inline type vfs__replace_##suffix(type *word, type from,      \
						 type to)                    \
	{                                                                    \
		__atomic_store_n(word, to, __ATOMIC_RELAXED);                \
		return from;                                                 \
	}                                                                    \
	static inline type vfs__fetch_add_##suffix(type *word, type n)       \
	{                                                                    \
		type was = vfs__load_##suffix(word);                         \
                                                                             \
		if (vfs__alone())                                            \
			return vfs__replace_##suffix(word, was,              \
						     (type)(was + n));       \
		return __atomic_fetch_add(word, n, __ATOMIC_ACQ_REL);        \
	}                                                                    \
	static inline type vfs__fetch_and_##suffix(type *word, type mask)    \
	{                                                                    \
		type was = vfs__load_##suffix(word);                         \
                                                                             \
		if (vfs__alone())                                            \
			return vfs__replace_##suffix(word, was,              \
						     (type)(was & mask));    \
		return __atomic_fetch_and(word, mask, __ATOMIC_SEQ_CST);     \
	}                                                                    \
	static inline type vfs__fetch_or_##suffix(type *word, type bits)     \
	{                                                                    \
		type was = vfs__load_##suffix(word);                         \
                                                                             \
		if (vfs__alone())                                            \
			return vfs__replace_##suffix(word, was,              \
						     (type)(was | bits));    \
		return __atomic_fetch_or(word, bits, __ATOMIC_SEQ_CST);      \
	}                                                                    \
	static inline type vfs__exchange_##suffix(type *word, type to)       \
	{                                                                    \
		type was = vfs__load_##suffix(word);                         \
                                                                             \
		if (vfs__alone())                                            \
			return vfs__replace_##suffix(word, was, to);         \
		return __atomic_exchange_n(word, to, __ATOMIC_SEQ_CST);      \
	}                                                                    \
	static inline bool vfs__cas_##suffix(type *word, type *expected,     \
					     type to)                        \
	{                                                                    \
		type was;                                                    \
                                                                             \
		if (!vfs__alone())                                           \
			return __atomic_compare_exchange_n(                  \
				word, expected, to, false, __ATOMIC_SEQ_CST, \
				__ATOMIC_ACQUIRE);                           \
		was = vfs__load_##suffix(word);                              \
		if (was == *expected) {                                      \
			vfs__replace_##suffix(word, was, to);                \
			return true;                                         \
		}                                                            \
		*expected = was;                                             \
		return false;                                                \
	}

VFS__ATOMICS(u8, uint8_t)
VFS__ATOMICS(u32, uint32_t)
VFS__ATOMICS(u64, uint64_t)
VFS__ATOMICS(i64, int64_t)
VFS__ATOMICS(word, uintptr_t)

#endif
