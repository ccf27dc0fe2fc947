/* SPDX-License-Identifier: MIT */
/*
 * Timestamps in one word, for the inode: 34 bits of signed seconds above 30
 * bits of nanoseconds (the years 1698 to 2242), in order as numbers, and
 * unpacked without a division.
 */
#ifndef VFS__TIME_H
#define VFS__TIME_H

#include <vfs/base.h>

#define VFS__TIME_SHIFT 30
#define VFS__TIME_SECONDS (INT64_C(1) << 33)

/* - Saturates where 34 bits of seconds do not reach. */
static inline int64_t vfs__time_pack(const struct vfs_timespec *ts)
{
	int64_t sec = ts->sec;

	if (sec >= VFS__TIME_SECONDS)
		sec = VFS__TIME_SECONDS - 1;
	if (sec < -VFS__TIME_SECONDS)
		sec = -VFS__TIME_SECONDS;
	return (int64_t)((uint64_t)sec << VFS__TIME_SHIFT | ts->nsec);
}

static inline struct vfs_timespec vfs__time_unpack(int64_t packed)
{
	struct vfs_timespec ts = {
		packed >> VFS__TIME_SHIFT,
		(uint32_t)packed & ((1u << VFS__TIME_SHIFT) - 1), 0};

	return ts;
}

#endif
