/* SPDX-License-Identifier: MIT */
/* Hashing of bytes with an instance's secret; not for the walk, which hashes
 * while it scans (core/pathname.h). */
#ifndef VFS__HASH_H
#define VFS__HASH_H

#include <stddef.h>
#include <stdint.h>

uint64_t vfs__hash_bytes(const uint64_t seed[2], const void *bytes,
			 size_t size);

#endif
