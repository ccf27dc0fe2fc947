/* SPDX-License-Identifier: MIT */
/* Timestamps as nanoseconds since the epoch, and back. */
#ifndef VFS__TIME_H
#define VFS__TIME_H

#include <vfs/base.h>

#define VFS__NSEC 1000000000

/* - Saturates where 64 bits of nanoseconds do not reach. */
static inline int64_t vfs__timespec_to_ns(const struct vfs_timespec *ts)
{
	int64_t ns;

	if (__builtin_mul_overflow(ts->sec, (int64_t)VFS__NSEC, &ns) ||
	    __builtin_add_overflow(ns, (int64_t)ts->nsec, &ns))
		return ts->sec < 0 ? INT64_MIN : INT64_MAX;
	return ns;
}

static inline struct vfs_timespec vfs__ns_to_timespec(int64_t ns)
{
	struct vfs_timespec ts = { ns / VFS__NSEC, 0, 0 };
	int64_t rest = ns % VFS__NSEC;

	if (rest < 0) {
		ts.sec--;
		rest += VFS__NSEC;
	}
	ts.nsec = (uint32_t)rest;
	return ts;
}

#endif
