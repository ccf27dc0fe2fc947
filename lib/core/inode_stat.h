/* SPDX-License-Identifier: MIT */
/*
 * The hot half of stat, inline: what an inode says, copied without a lock. A
 * copy that a change fell into is thrown away; inode.c tries again.
 */
#ifndef VFS__INODE_STAT_H
#define VFS__INODE_STAT_H

#include <string.h>
#include <sys/stat.h>

#include "core/inode.h"
#include "util/barrier.h"
#include "util/time.h"

/* Inside the sequence, where a torn value is never believed, the compiler may
 * merge loads; the thread sanitizer wants to see atomics. */
#if defined(__SANITIZE_THREAD__) || defined(VFS__TSAN)
#define VFS__SEQ_READ(lvalue) VFS_READ_ONCE(lvalue)
#define VFS__SEQ_FENCE() __atomic_signal_fence(__ATOMIC_ACQUIRE)
#else
#define VFS__SEQ_READ(lvalue) (lvalue)
#define VFS__SEQ_FENCE() __atomic_thread_fence(__ATOMIC_ACQUIRE)
#endif

/* STATX_ATTR_IMMUTABLE, _APPEND and _NODUMP of an inode's flags. */
static inline uint64_t vfs__stat_attributes(uint32_t flags)
{
	return flags >> 8 & 0x70;
}

_Static_assert(VFS_INODE_IMMUTABLE >> 8 == STATX_ATTR_IMMUTABLE &&
		       VFS_INODE_APPEND >> 8 == STATX_ATTR_APPEND &&
		       VFS_INODE_NODUMP >> 8 == STATX_ATTR_NODUMP,
	       "flags are shown by shifting them");

/* nsec and the zero behind it in one store. */
static inline void vfs__stat_time(struct vfs_timespec *out, int64_t sec,
				  uint32_t nsec)
{
	out->sec = sec;
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
	uint64_t both = nsec;

	memcpy(&out->nsec, &both, sizeof(both));
#else
	out->nsec = nsec;
	out->zero = 0;
#endif
}

/* Two neighbours in one store. */
static inline void vfs__stat_pair(uint32_t *out, uint32_t first,
				  uint32_t second)
{
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
	uint64_t both = first | (uint64_t)second << 32;

	memcpy(out, &both, sizeof(both));
#else
	out[0] = first;
	out[1] = second;
#endif
}

/* Times of the core's own form: see util/time.h. */
static inline void vfs__stat_time_packed(struct vfs_timespec *out,
					 int64_t packed)
{
	struct vfs_timespec time = vfs__time_unpack(packed);

	vfs__stat_time(out, time.sec, time.nsec);
}

/*
 * - Fills *out, but for mnt_id and attributes, from the inode alone, as if it
 *   had no getattr. False: *out is not consistent.
 * - The fences keep the compiler from gathering all values before it stores
 *   the first: it would save registers for that, and stores are what this
 *   costs.
 */
static inline bool vfs__inode_copy(const struct vfs_inode *inode,
				   struct vfs_stat *out)
{
	const struct vfs_super *super = inode->super;
	uint32_t seq = __atomic_load_n(&inode->core_seq, __ATOMIC_ACQUIRE);
	uint64_t special;
	uint32_t mode, nsec;
	int64_t btime, sec;

	out->dev = super->dev;
	out->ino = inode->ino;
	out->blksize = super->block_size;
	VFS__COMPILER_FENCE();
	nsec = __atomic_load_n(&inode->atime_nsec, __ATOMIC_ACQUIRE);
	sec = __atomic_load_n(&inode->atime_sec, __ATOMIC_ACQUIRE);
	if (__builtin_expect((seq & 1) || nsec == VFS__ATIME_BUSY ||
				     VFS_READ_ONCE(inode->atime_nsec) != nsec,
			     0))
		return false;
	vfs__stat_time(&out->atime, sec, nsec);
	VFS__COMPILER_FENCE();
	mode = VFS__SEQ_READ(inode->mode);
	special = VFS__SEQ_READ(inode->rdev);
	if (__builtin_expect(S_ISCHR(mode) || S_ISBLK(mode), 0)) {
		out->rdev = special;
		out->blocks = 0;
	} else {
		out->rdev = 0;
		out->blocks = (int64_t)special;
	}
	VFS__COMPILER_FENCE();
	btime = VFS__SEQ_READ(inode->btime_packed);
	vfs__stat_pair(&out->mask,
		       STATX_BASIC_STATS | STATX_BTIME | STATX_MNT_ID, mode);
	if (__builtin_expect(btime == INT64_MIN, 0)) {
		btime = 0;
		out->mask &= ~(uint32_t)STATX_BTIME;
	}
	vfs__stat_time_packed(&out->btime, btime);
	VFS__COMPILER_FENCE();
	vfs__stat_time_packed(&out->ctime, VFS__SEQ_READ(inode->ctime_packed));
	VFS__COMPILER_FENCE();
	vfs__stat_time(&out->mtime, VFS__SEQ_READ(inode->mtime_sec),
		       VFS__SEQ_READ(inode->mtime_nsec));
	VFS__COMPILER_FENCE();
	vfs__stat_pair(&out->uid, VFS__SEQ_READ(inode->uid),
		       VFS__SEQ_READ(inode->gid));
	out->nlink = VFS__SEQ_READ(inode->nlink);
	out->size = VFS__SEQ_READ(inode->size);
	VFS__SEQ_FENCE();
	return VFS_READ_ONCE(inode->core_seq) == seq;
}

#endif
