/* SPDX-License-Identifier: MIT */
/*
 * Structures that grow: a caller's, whose headers may be newer than this
 * library.
 */
#ifndef VFS__GROWN_H
#define VFS__GROWN_H

#include <errno.h>
#include <stddef.h>
#include <stdint.h>

/* As much as Linux believes of a structure's size. */
#define VFS__GROWN_MAX 4096u

/*
 * Whether a structure of size bytes says nothing but what is in the first
 * known ones: 0, -EFAULT it is NULL, or -E2BIG one of the others is not 0, or
 * size is no size of a structure. Too small a size is the caller's to tell.
 */
static inline int vfs__grown_check(const void *structure, uint64_t size,
				   size_t known)
{
	const char *bytes = structure;

	if (size > VFS__GROWN_MAX)
		return -E2BIG;
	if (!structure)
		return -EFAULT;
	for (size_t i = known; i < size; i++)
		if (bytes[i])
			return -E2BIG;
	return 0;
}

#endif
