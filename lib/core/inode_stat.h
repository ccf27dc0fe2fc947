/* SPDX-License-Identifier: MIT */
/*
 * The hot half of stat, inline: what an inode says, copied without a lock. A
 * copy that a change fell into is thrown away; inode.c tries again.
 */
#ifndef VFS__INODE_STAT_H
#define VFS__INODE_STAT_H

#include <stddef.h>
#include <string.h>
#include <sys/stat.h>

#include "core/inode.h"
#include "util/barrier.h"
#include "util/time.h"

/* Inside the sequence, where a torn value is never believed, and of words that
 * are looked at once, the compiler may merge loads with what they are for; the
 * thread sanitizer wants to see atomics. */
#if defined(__SANITIZE_THREAD__) || defined(VFS__TSAN)
#define VFS__SEQ_READ(lvalue) VFS_READ_ONCE(lvalue)
#define VFS__SEQ_FENCE() __atomic_signal_fence(__ATOMIC_ACQUIRE)
#else
#define VFS__SEQ_READ(lvalue) (lvalue)
#define VFS__SEQ_FENCE() __atomic_thread_fence(__ATOMIC_ACQUIRE)
#endif

/* STATX_ATTR_IMMUTABLE, _APPEND and _NODUMP of an inode's flags. */
static inline uint64_t vfs__stat_attributes(uint64_t flags)
{
	return flags >> 8 & 0x70;
}

_Static_assert(VFS_INODE_IMMUTABLE >> 8 == STATX_ATTR_IMMUTABLE &&
		       VFS_INODE_APPEND >> 8 == STATX_ATTR_APPEND &&
		       VFS_INODE_NODUMP >> 8 == STATX_ATTR_NODUMP,
	       "flags are shown by shifting them");

/* nsec and the zero behind it in one store; it is as wide as that from where it
 * is loaded, or the compiler would widen it in a register of its own. */
static inline void vfs__stat_time(struct vfs_timespec *out, int64_t sec,
				  uint64_t nsec)
{
	out->sec = sec;
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
	memcpy(&out->nsec, &nsec, sizeof(nsec));
#else
	out->nsec = (uint32_t)nsec;
	out->zero = 0;
#endif
}

/* Times of the core's own form: see util/time.h. */
static inline void vfs__stat_time_packed(struct vfs_timespec *out,
					 int64_t packed)
{
	const uint64_t low = (UINT64_C(1) << VFS__TIME_SHIFT) - 1;

	vfs__stat_time(out, packed >> VFS__TIME_SHIFT, (uint64_t)packed & low);
}

/* Neighbours, of which there is no order that matters, in one load and one
 * store. */
static inline void vfs__stat_sixteen(void *out, const void *from)
{
	memcpy(out, from, 16);
}

_Static_assert(offsetof(struct vfs_inode, uid) -
				       offsetof(struct vfs_inode, nlink) ==
			       offsetof(struct vfs_stat, uid) -
				       offsetof(struct vfs_stat, nlink) &&
		       offsetof(struct vfs_inode, gid) -
				       offsetof(struct vfs_inode, nlink) ==
			       offsetof(struct vfs_stat, gid) -
				       offsetof(struct vfs_stat, nlink) &&
		       offsetof(struct vfs_inode, blocks) -
				       offsetof(struct vfs_inode, size) ==
			       offsetof(struct vfs_stat, blocks) -
				       offsetof(struct vfs_stat, size),
	       "neighbours in an inode are neighbours in what stat shows");

/* Whether all of an inode is as vfs__inode_copy's plain way takes it, for good:
 * a remote one may become another file, whose birth is not known. */
static inline bool vfs__inode_stat_plain(const struct vfs_inode *inode)
{
	uint32_t mode = vfs__inode_mode(inode);

	return !inode->ops->getattr && !S_ISCHR(mode) && !S_ISBLK(mode) &&
	       !vfs__inode_is_remote(inode) &&
	       VFS_READ_ONCE(inode->btime_packed) != INT64_MIN;
}

/*
 * - Fills *out, but for mnt_id and attributes, from the inode alone, as if it
 *   had no getattr. False: *out is not consistent.
 * - plain, a constant: vfs__inode_stat_plain is known.
 * - The fences keep the compiler from gathering all values before it stores
 *   the first: it would save registers for that, and stores are what this
 *   costs.
 */
static inline __attribute__((always_inline)) bool
vfs__inode_copy_as(const struct vfs_inode *inode, struct vfs_stat *out,
		   const bool plain)
{
	const struct vfs_super *super = inode->super;
	uint32_t seq = __atomic_load_n(&inode->core_seq, __ATOMIC_ACQUIRE);
	uint64_t nsec;
	uint32_t mode;
	int64_t sec;

	out->dev = super->dev;
	VFS__COMPILER_FENCE();
	out->ino = inode->ino;
	out->rdev = 0;
	nsec = __atomic_load_n(&inode->atime_nsec, __ATOMIC_ACQUIRE);
	sec = __atomic_load_n(&inode->atime_sec, __ATOMIC_ACQUIRE);
	if (__builtin_expect((seq & 1) || (uint32_t)nsec == VFS__ATIME_BUSY ||
				     VFS__SEQ_READ(inode->atime_nsec) !=
					     (uint32_t)nsec,
			     0))
		return false;
	vfs__stat_time(&out->atime, sec, nsec);
	VFS__COMPILER_FENCE();
	mode = VFS__SEQ_READ(inode->mode);
	out->mask = STATX_BASIC_STATS | STATX_BTIME | STATX_MNT_ID;
	out->mode = mode;
	VFS__COMPILER_FENCE();
	vfs__stat_time_packed(&out->btime, VFS__SEQ_READ(inode->btime_packed));
	VFS__COMPILER_FENCE();
	vfs__stat_time_packed(&out->ctime, VFS__SEQ_READ(inode->ctime_packed));
	VFS__COMPILER_FENCE();
	vfs__stat_time(&out->mtime, VFS__SEQ_READ(inode->mtime_sec),
		       VFS__SEQ_READ(inode->mtime_nsec));
	VFS__COMPILER_FENCE();
#if VFS__THREAD_SANITIZER
	out->nlink = VFS_READ_ONCE(inode->nlink);
	out->uid = VFS_READ_ONCE(inode->uid);
	out->gid = VFS_READ_ONCE(inode->gid);
	out->size = VFS_READ_ONCE(inode->size);
	out->blocks = VFS_READ_ONCE(inode->blocks);
#else
	/* blksize with the first three: it comes after them */
	vfs__stat_sixteen(&out->nlink, &inode->nlink);
	vfs__stat_sixteen(&out->size, &inode->size);
	VFS__COMPILER_FENCE();
#endif
	out->blksize = super->block_size;
	if (!plain && __builtin_expect(S_ISCHR(mode) || S_ISBLK(mode), 0)) {
		out->rdev = VFS_READ_ONCE(inode->rdev);
		out->blocks = 0;
	}
	if (!plain &&
	    __builtin_expect(VFS_READ_ONCE(inode->btime_packed) == INT64_MIN,
			     0)) {
		memset(&out->btime, 0, sizeof(out->btime));
		out->mask &= ~(uint32_t)STATX_BTIME;
	}
	VFS__SEQ_FENCE();
	return VFS__SEQ_READ(inode->core_seq) == seq;
}

static inline bool vfs__inode_copy(const struct vfs_inode *inode,
				   struct vfs_stat *out)
{
	return vfs__inode_copy_as(inode, out, false);
}

#endif
