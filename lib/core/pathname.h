/* SPDX-License-Identifier: MIT */
/*
 * Splitting a path into components. A component is hashed while it is
 * scanned, eight bytes at a time, with the instance's secret seed; its words,
 * zero-padded, are what dentries are compared with. The end of the string is
 * known, and nothing beyond it is read.
 */
#ifndef VFS__PATHNAME_H
#define VFS__PATHNAME_H

#include <stdbool.h>
#include <string.h>
#include <vfs/sys/backend.h>

#include "core/dentry.h"

#define VFS__PATH_MAX 4096u
#define VFS__NAME_MAX 255u
#define VFS__SYMLINKS_MAX 40u

/* Strings that are no paths have a limit, too: NULL, or with its NUL at most
 * size bytes? */
static inline bool vfs__string_fits(const char *s, size_t size)
{
	return !s || strnlen(s, size) < size;
}

struct vfs__component {
	uint64_t words[VFS__NAME_INLINE / 8];
	struct vfs_name name;
};

static inline uint64_t vfs__mix(uint64_t a, uint64_t b)
{
#ifdef __SIZEOF_INT128__
	unsigned __int128 product = (unsigned __int128)a * b;

	return (uint64_t)product ^ (uint64_t)(product >> 64);
#else
	uint64_t low = (a & 0xffffffffu) * (b & 0xffffffffu);
	uint64_t high = (a >> 32) * (b >> 32);
	uint64_t cross =
		(a >> 32) * (b & 0xffffffffu) + (a & 0xffffffffu) * (b >> 32);

	return low ^ high ^ (cross << 32 | cross >> 32);
#endif
}

/* Bytes of s[0..left), at most 8, the first in the lowest byte. */
static inline uint64_t vfs__load_le(const char *s, size_t left)
{
	uint64_t word = 0;

#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
	if (left >= 8) {
		memcpy(&word, s, 8);
		return word;
	}
	if (left >= 4) {
		uint32_t low, high;

		memcpy(&low, s, 4);
		memcpy(&high, s + left - 4, 4);
		return low | (uint64_t)high << (8 * (left - 4));
	}
#endif
	for (size_t i = 0; i < left && i < 8; i++)
		word |= (uint64_t)(unsigned char)s[i] << (8 * i);
	return word;
}

/* Where the first slash or NUL of word is: its top bit is set in the result,
 * which is 0 when there is none. */
static inline uint64_t vfs__find_end(uint64_t word)
{
	const uint64_t ones = UINT64_C(0x0101010101010101);
	const uint64_t high = UINT64_C(0x8080808080808080);
	uint64_t slash = word ^ (ones * '/');

	return (((word - ones) & ~word) | ((slash - ones) & ~slash)) & high;
}

/* The bytes of word below the end that vfs__find_end found. */
static inline uint64_t vfs__cut(uint64_t word, uint64_t found)
{
	return word & (((found & -found) >> 7) - 1);
}

/* The same without the last of them. */
static inline uint64_t vfs__cut_last(uint64_t word, uint64_t found)
{
	return word & (((found & -found) >> 15) - 1);
}

/* The last of len bytes in word; 0 if it has none. */
static inline char vfs__last_of(uint64_t word, uint32_t len)
{
	return (char)(word >> ((8 * len - 8) & 63));
}

/*
 * Scans one component of any length that begins at s (not a slash) in a string
 * that ends at end: its length, and its hash in *hash. Longer than
 * VFS__NAME_MAX is for the caller to refuse.
 */
uint32_t vfs__component_scan(const uint64_t seed[2], const char *s,
			     const char *end, uint32_t *hash);

/* The length of a path, at most VFS__PATH_MAX. Reads whole words, which do not
 * cross a page; sanitizers are shown bytes. */
size_t vfs__path_length(const char *path);

/*
 * What mixing made of all of a name but its last byte, and that byte, which is
 * added: names that differ in nothing else, as numbered ones do ten by ten, lie
 * in buckets side by side, which the processor has from memory before they are
 * asked for. Where the ten lie is as random as ever, and no two of them share a
 * bucket.
 */
static inline uint32_t vfs__hash_end(uint64_t mixed, char last)
{
	return (uint32_t)(mixed ^ mixed >> 32) + (unsigned char)last;
}

/* The hash of a name of seven bytes or fewer: all but the last are in rest,
 * which tells how many they are, for no byte of a name is zero. */
static inline uint32_t vfs__hash_short(const uint64_t seed[2], uint64_t rest,
				       char last)
{
	return vfs__hash_end(vfs__mix(seed[0] ^ rest, seed[1]), last);
}

/* The words that a name is compared by, zero-padded; a name that does not fit
 * gives its first bytes. */
static inline void vfs__name_words(const char *str, uint32_t len,
				   uint64_t words[VFS__NAME_INLINE / 8])
{
	words[1] = words[2] = 0;
	if (len < 8) {
		words[0] = vfs__load_le(str, len);
		return;
	}
	/* the last word is loaded to end with the name, and moved down */
	words[0] = vfs__load_le(str, 8);
	if (len > 16) {
		words[1] = vfs__load_le(str + 8, 8);
		if (len <= VFS__NAME_INLINE)
			words[2] = vfs__load_le(str + len - 8, 8) >>
				   (8 * (24 - len));
	} else if (len > 8) {
		words[1] = vfs__load_le(str + len - 8, 8) >> (8 * (16 - len));
	}
}

/* The words that a name is compared by. */
void vfs__component_of(const struct vfs_name *name, struct vfs__component *out);

#endif
