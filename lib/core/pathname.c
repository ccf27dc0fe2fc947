/* SPDX-License-Identifier: MIT */
/* Scanning components of any length. Contract: pathname.h. */
#include "core/pathname.h"

void vfs__component_scan(const uint64_t seed[2], const char *s,
			 const char *end, struct vfs__component *out)
{
	uint64_t hash = seed[0];
	uint32_t len = 0, index = 0;

	out->words[0] = out->words[1] = out->words[2] = 0;
	for (;;) {
		uint64_t word = vfs__load_le(s + len, (size_t)(end - s) - len);
		uint64_t found = vfs__find_end(word);

		if (found) {
			word = vfs__cut(word, found);
			len += (uint32_t)__builtin_ctzll(found) >> 3;
		} else {
			len += 8;
		}
		if (index < VFS__NAME_INLINE / 8)
			out->words[index++] = word;
		hash = vfs__mix(hash ^ word, seed[1] ^ (found ? len : 0));
		if (found)
			break;
	}
	out->name.str = s;
	out->name.len = len;
	out->name.hash = (uint32_t)(hash ^ hash >> 32);
}

void vfs__component_of(const struct vfs_name *name, struct vfs__component *out)
{
	uint32_t len = name->len;
	const char *str = name->str;

	out->name.str = str;
	out->name.len = len;
	out->name.hash = name->hash;
	out->words[0] = vfs__load_le(str, len);
	out->words[1] = len > 8 ? vfs__load_le(str + 8, len - 8) : 0;
	out->words[2] = len > 16 ? vfs__load_le(str + 16, len - 16) : 0;
}
