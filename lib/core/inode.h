/* SPDX-License-Identifier: MIT */
/*
 * Inodes: the core's side of struct vfs_inode (<vfs/sys/backend.h>).
 *
 * Life. Made by vfs_inode_create with one reference; each dentry holds one,
 * and whoever else needs it. With the last one the inode is evicted (its
 * backend accounts for it) and freed after a grace period.
 *
 * core_lock is the inode's lock (rank DIR or INODE); core_seq is even when
 * attributes are at rest, so that stat copies a consistent set without a lock.
 */
#ifndef VFS__INODE_H
#define VFS__INODE_H

#include <stddef.h>
#include <sys/stat.h>
#include <vfs/sys/backend.h>

#include "util/lock.h"

struct vfs__thread;
struct vfs__locks;
struct vfs__acl;
struct vfs__synthetic;

/* What few inodes need; made on first use, freed with the inode. */
struct vfs__inode_ext {
	struct vfs__locks *locks; /* core/lock.c; vfs.locks_lock */
	struct vfs__acl *access;  /* cached ACLs: pointer published under the */
	struct vfs__acl *default_;	  /* excl lock, retired when replaced */
	uint32_t seals;			  /* core/seal.h; excl, read without */
	uint32_t mappings;		  /* core/mapping.c; atomic */
	uint32_t writable_mappings;	  /* of them; atomic */
	uint32_t notify_mask;		  /* atomic: what they want, together */
	struct vfs__mark *marks;	  /* core/notify.c; notify.lock */
	struct vfs__synthetic *synthetic; /* core/synthdir.c: the lock */
	void *extra;			  /* the backend's: the lock */
};

/* An operation that was appended to the table: tables may end before it. */
#define VFS__HAS_OP(ops, op)                                               \
	((ops)->size >=                                                    \
		 offsetof(struct vfs_inode_ops, op) + sizeof((ops)->op) && \
	 (ops)->op)

/* - The ext, made when missing. NULL: out of memory. Any thread. */
struct vfs__inode_ext *vfs__inode_ext(struct vfs__thread *thread,
				      struct vfs_inode *inode);

static inline struct vfs__inode_ext *
vfs__inode_ext_peek(const struct vfs_inode *inode)
{
	return VFS_LOAD_POINTER(
		((struct vfs_inode *)(uintptr_t)inode)->core_ext);
}

static inline uint32_t vfs__inode_mode(const struct vfs_inode *inode)
{
	return VFS_READ_ONCE(inode->mode);
}

static inline bool vfs__inode_is_dir(const struct vfs_inode *inode)
{
	return S_ISDIR(vfs__inode_mode(inode));
}

/* Attributes that somebody else changes: VFS_FS_OWN_ATTR. */
static inline bool vfs__inode_is_remote(const struct vfs_inode *inode)
{
	return VFS_READ_ONCE(inode->flags) & VFS_INODE_REMOTE;
}

/* No name leads to it any more. */
static inline bool vfs__inode_is_unnamed(const struct vfs_inode *inode)
{
	return !VFS_READ_ONCE(inode->nlink) ||
	       (VFS_READ_ONCE(inode->flags) & VFS_INODE_UNNAMED);
}

/* What says that refresh is to be asked before attributes are used. */
#define VFS__INODE_ASK (VFS_INODE_STALE | VFS_INODE_VOLATILE)

/* - Brings attributes up to date where they may not be, and this call has not
 *   asked already. May block; any lock or none, not inside a section. 0, or
 *   the backend's error. */
int vfs__inode_refresh_slow(struct vfs__thread *thread,
			    struct vfs_inode *inode);

static inline int vfs__inode_refresh(struct vfs__thread *thread,
				     struct vfs_inode *inode)
{
	if (__builtin_expect(!(VFS_READ_ONCE(inode->flags) & VFS__INODE_ASK),
			     1))
		return 0;
	return vfs__inode_refresh_slow(thread, inode);
}

/* - Unref for callers that have their thread's record. Not inside a section. */
void vfs__inode_unref(struct vfs__thread *thread, struct vfs_inode *inode);

/* The inode's lock; a directory's has rank DIR, others' INODE. */
static inline void vfs__inode_lock(struct vfs_inode *inode)
{
	vfs__rw_lock_excl(&inode->core_lock, vfs__inode_is_dir(inode)
						     ? VFS__RANK_DIR
						     : VFS__RANK_INODE);
}

static inline void vfs__inode_lock_nested(struct vfs_inode *inode)
{
	vfs__rw_lock_excl_nested(&inode->core_lock, vfs__inode_is_dir(inode)
							    ? VFS__RANK_DIR
							    : VFS__RANK_INODE);
}

static inline bool vfs__inode_trylock(struct vfs_inode *inode)
{
	return vfs__rw_try_excl(&inode->core_lock, vfs__inode_is_dir(inode)
							   ? VFS__RANK_DIR
							   : VFS__RANK_INODE);
}

static inline void vfs__inode_unlock(struct vfs_inode *inode)
{
	vfs__rw_unlock_excl(&inode->core_lock);
}

static inline void vfs__inode_lock_shared(struct vfs_inode *inode)
{
	vfs__rw_lock_shared(&inode->core_lock, vfs__inode_is_dir(inode)
						       ? VFS__RANK_DIR
						       : VFS__RANK_INODE);
}

static inline void vfs__inode_unlock_shared(struct vfs_inode *inode)
{
	vfs__rw_unlock_shared(&inode->core_lock);
}

/* Around changes of several attributes; excl lock held. Readers retry. */
static inline void vfs__inode_change_begin(struct vfs_inode *inode)
{
	__atomic_store_n(&inode->core_seq, inode->core_seq + 1,
			 __ATOMIC_RELAXED);
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
#if !defined(__SANITIZE_THREAD__) && !defined(VFS__TSAN)
	__atomic_thread_fence(__ATOMIC_RELEASE);
#endif
}

static inline void vfs__inode_change_end(struct vfs_inode *inode)
{
	__atomic_store_n(&inode->core_seq, inode->core_seq + 1,
			 __ATOMIC_RELEASE);
}

/* - Fills *out from the inode (and the backend's getattr); dev, mnt_id are
 *   included. Inside a section when the type is non-blocking, else with a
 *   reference. */
int vfs__inode_stat(struct vfs_inode *inode, uint64_t mnt_id,
		    struct vfs_stat *out);

/*
 * atime changes without the inode's lock (by reading), so it is not under
 * core_seq: whoever sets it owns it while atime_nsec is BUSY, and who reads it
 * believes the seconds between two equal looks at atime_nsec.
 */
#define VFS__ATIME_BUSY UINT32_MAX

static inline struct vfs_timespec
vfs__inode_atime(const struct vfs_inode *inode)
{
	struct vfs_timespec t = {.zero = 0};

	do {
		t.nsec = __atomic_load_n(&inode->atime_nsec, __ATOMIC_ACQUIRE);
		t.sec = __atomic_load_n(&inode->atime_sec, __ATOMIC_ACQUIRE);
	} while (__builtin_expect(t.nsec == VFS__ATIME_BUSY ||
					  VFS_READ_ONCE(inode->atime_nsec) !=
						  t.nsec,
				  0));
	return t;
}

/* - Sets atime; any thread, with or without the lock. */
void vfs__inode_set_atime(struct vfs_inode *inode,
			  const struct vfs_timespec *atime);

/* - Whether reading now might update atime under relatime. */
bool vfs__inode_access_due(const struct vfs_inode *inode);
/* - Whether reading now should update atime under relatime, and does it. Of a
 *   remote inode not inside a section. */
void vfs__inode_accessed(struct vfs_inode *inode);
/* - The same under strictatime: always. */
void vfs__inode_accessed_strictly(struct vfs_inode *inode);

/* - mtime and ctime to now. excl. */
void vfs__inode_modified(struct vfs *vfs, struct vfs_inode *inode);
/* - The same for a call that asks for the time once only: does without what
 *   keeps it the same throughout a call. */
void vfs__inode_modified_once(const struct vfs *vfs, struct vfs_inode *inode);

#endif
