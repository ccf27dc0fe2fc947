/* SPDX-License-Identifier: MIT */
/* Contract: hash.h. */
#include "util/hash.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

uint64_t vfs__hash_bytes(const uint64_t seed[2], const void *bytes, size_t size)
{
	return XXH3_64bits_withSeed(bytes, size, seed[0] ^ seed[1]);
}
