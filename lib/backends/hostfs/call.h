/* SPDX-License-Identifier: MIT */
/* How each call of the host is made: a fault of a test's first, and again when
 * it was interrupted or there were too many descriptors. errno is left as it
 * was. */
#ifndef HOSTFS_CALL_H
#define HOSTFS_CALL_H

#include <errno.h>
#include <unistd.h>

#include "hostfs.h"

/* - Whether a call that failed with err is to be made again. */
bool hostfs_again(struct hostfs_super *s, int64_t err);

#define HOSTFS_CALL(s, out, name, expression)                       \
	do {                                                        \
		int *const hostfs_errno = &errno;                   \
		const int hostfs_saved = *hostfs_errno;             \
                                                                    \
		do {                                                \
			(out) = vfs_fault((s)->vfs, (name));        \
			if (__builtin_expect(!(out), 1)) {          \
				(out) = (expression);               \
				if (__builtin_expect((out) < 0, 0)) \
					(out) = -*hostfs_errno;     \
			}                                           \
		} while (__builtin_expect((out) < 0, 0) &&          \
			 hostfs_again((s), (out)));                 \
		*hostfs_errno = hostfs_saved;                       \
	} while (0)

/* These two are inline: after a call of the system's the processor mispredicts
 * each return. */
static inline int64_t hostfs_pread(struct hostfs_super *s, int fd, void *buffer,
				   size_t size, int64_t offset)
{
	int64_t n;

	HOSTFS_CALL(s, n, "pread", pread(fd, buffer, size, offset));
	return n;
}

static inline int64_t hostfs_pwrite(struct hostfs_super *s, int fd,
				    const void *buffer, size_t size,
				    int64_t offset)
{
	int64_t n;

	if (__builtin_expect(s->limited, 0))
		return hostfs_pwrite_limited(s, fd, buffer, size, offset);
	HOSTFS_CALL(s, n, "pwrite", pwrite(fd, buffer, size, offset));
	return n;
}

#endif
