/* SPDX-License-Identifier: MIT */
/* Scanning components of any length. Contract: pathname.h. */
#include "core/pathname.h"

/* The hash of a name of eight bytes or more: its words, and the last eight
 * bytes, which may overlap the word before. */
static uint32_t hash_long(const uint64_t seed[2], const char *s, uint32_t len)
{
	uint64_t mixed = seed[0], last = vfs__load_le(s + len - 8, 8);

	for (uint32_t at = 0; at + 8 < len; at += 8)
		mixed = vfs__mix(mixed ^ vfs__load_le(s + at, 8), seed[1]);
	mixed = vfs__mix(mixed ^ (last & (UINT64_MAX >> 8)), seed[1] ^ len);
	return vfs__hash_end(mixed, s[len - 1]);
}

VFS_HOT
uint32_t vfs__component_scan(const uint64_t seed[2], const char *s,
			     const char *end, uint32_t *hash)
{
	const char *p = s;
	uint64_t found;
	uint32_t len;

	while (!(found = vfs__find_end(vfs__load_le(p, (size_t)(end - p)))))
		p += 8;
	len = (uint32_t)(p - s) + ((uint32_t)__builtin_ctzll(found) >> 3);
	if (len >= 8)
		*hash = hash_long(seed, s, len);
	else
		*hash = len ? vfs__hash_short(seed, vfs__load_le(s, len - 1),
					      s[len - 1])
			    : 0;
	return len;
}

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) || \
	defined(VFS__TSAN) || __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#define BYTES_ONLY 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(memory_sanitizer)
#define BYTES_ONLY 1
#endif
#endif

#ifdef BYTES_ONLY
VFS_HOT
size_t vfs__path_length(const char *path)
{
	return strnlen(path, VFS__PATH_MAX);
}
#else
typedef uint64_t __attribute__((may_alias)) any_word;

VFS_HOT
size_t vfs__path_length(const char *path)
{
	const uint64_t ones = UINT64_C(0x0101010101010101);
	size_t skip = (uintptr_t)path & 7;
	const any_word *p = (const any_word *)(const void *)(path - skip);
	/* what lies before the path is made not to look like its end */
	uint64_t word = *p | ~(~UINT64_C(0) << (8 * skip));
	const char *at = path - skip;
	uint64_t found;

	while (!(found = (word - ones) & ~word & (ones << 7))) {
		at += 8;
		if (at - path >= (ptrdiff_t)VFS__PATH_MAX)
			return VFS__PATH_MAX;
		word = *++p;
	}
	at += __builtin_ctzll(found) >> 3;
	return at - path < (ptrdiff_t)VFS__PATH_MAX ? (size_t)(at - path)
						    : VFS__PATH_MAX;
}
#endif

VFS_HOT
void vfs__component_of(const struct vfs_name *name, struct vfs__component *out)
{
	out->name.str = name->str;
	out->name.len = name->len;
	out->name.hash = name->hash;
	vfs__name_words(name->str, name->len, out->words);
}
