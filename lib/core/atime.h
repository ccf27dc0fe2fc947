/* SPDX-License-Identifier: MIT */
/*
 * relatime, inline: whether a read leaves a trace. It does when nothing has
 * been read since the last change, or when the last trace is a day old.
 *
 * Most reads leave none, and asking must cost less than reading does: no call,
 * no store but to the thread's own record. So the clock is looked at once in so
 * many questions (VFS__CLOCK_USES), by the slow half in inode.c; only there is
 * looked whether the mount, the file or the inode want a trace at all.
 */
#ifndef VFS__ATIME_H
#define VFS__ATIME_H

#include "core/inode.h"
#include "util/epoch.h"
#include "util/time.h"

#define VFS__RELATIME_SECONDS INT64_C(86400)
/* How often a thread believes the second it has seen. With a clock of the
 * embedder's: never. */
#define VFS__CLOCK_USES 64u

/* Whether something changed after the last access, or just then. */
static inline bool vfs__atime_behind(const struct vfs_inode *inode, int64_t sec,
				     uint32_t nsec)
{
	int64_t mtime = VFS_READ_ONCE(inode->mtime_sec);
	int64_t packed = VFS_READ_ONCE(inode->ctime_packed);
	int64_t ctime = packed >> VFS__TIME_SHIFT;

	if (sec > mtime && sec > ctime)
		return false;
	return sec < mtime || sec < ctime ||
	       (sec == mtime && nsec <= VFS_READ_ONCE(inode->mtime_nsec)) ||
	       (sec == ctime && nsec <= vfs__time_unpack(packed).nsec);
}

/* - True: a read leaves no trace. False: vfs__inode_accessed knows. */
static inline bool vfs__atime_is_fresh(struct vfs__thread *thread,
				       const struct vfs_inode *inode)
{
	uint32_t nsec = __atomic_load_n(&inode->atime_nsec, __ATOMIC_ACQUIRE);
	int64_t sec = __atomic_load_n(&inode->atime_sec, __ATOMIC_ACQUIRE);
	uint32_t left = thread->clock_left;

	if (nsec == VFS__ATIME_BUSY ||
	    VFS_READ_ONCE(inode->atime_nsec) != nsec || !left ||
	    vfs__atime_behind(inode, sec, nsec))
		return false;
	thread->clock_left = left - 1;
	return (int64_t)((uint64_t)thread->clock_sec - (uint64_t)sec) <
	       VFS__RELATIME_SECONDS;
}

#endif
