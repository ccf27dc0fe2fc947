/* SPDX-License-Identifier: MIT */
/* Inodes: life, attributes as stat shows them, times. Contract: inode.h. */
#include "core/inode.h"

#include <assert.h>
#include <errno.h>
#include <sched.h>
#include <string.h>
#include <sys/stat.h>

#include "core/acl.h"
#include "core/atime.h"
#include "core/endpoint.h"
#include "core/handle.h"
#include "core/inode_stat.h"
#include "core/instance.h"
#include "core/lock.h"
#include "core/pipe.h"
#include "core/synthdir.h"
#include "util/atomic.h"
#include "util/epoch.h"
#include "util/time.h"

/* No bit of an inode has two meanings: then a sum is what one gets by or. */
_Static_assert(
	(UINT64_C(0) + VFS_INODE_ACL + VFS_INODE_DEFACL + VFS_INODE_DEAD +
	 VFS_INODE_XATTR + VFS_INODE_NOATIME + VFS_INODE_LINKABLE +
	 VFS_INODE_MAPPED + VFS_INODE_SEALABLE + VFS_INODE_HANDLE +
	 VFS_INODE_STALE + VFS_INODE_REMOTE + VFS_INODE_ACL_UNKNOWN +
	 VFS_INODE_REFUSED + VFS_INODE_FOREIGN + VFS_INODE_MISSED +
	 VFS_INODE_CLAIMED + VFS_INODE_UNNAMED + VFS_INODE_IMMUTABLE +
	 VFS_INODE_APPEND + VFS_INODE_NODUMP + VFS_INODE_VOLATILE +
	 VFS_INODE_SYNTHETIC + VFS_INODE_MERGED) ==
		(VFS_INODE_ACL | VFS_INODE_DEFACL | VFS_INODE_DEAD |
		 VFS_INODE_XATTR | VFS_INODE_NOATIME | VFS_INODE_LINKABLE |
		 VFS_INODE_MAPPED | VFS_INODE_SEALABLE | VFS_INODE_HANDLE |
		 VFS_INODE_STALE | VFS_INODE_REMOTE | VFS_INODE_ACL_UNKNOWN |
		 VFS_INODE_REFUSED | VFS_INODE_FOREIGN | VFS_INODE_MISSED |
		 VFS_INODE_CLAIMED | VFS_INODE_UNNAMED | VFS_INODE_IMMUTABLE |
		 VFS_INODE_APPEND | VFS_INODE_NODUMP | VFS_INODE_VOLATILE |
		 VFS_INODE_SYNTHETIC | VFS_INODE_MERGED),
	"each flag of an inode has a bit of its own");

/* ---- life ---- */

static size_t inode_size(const struct vfs_super *super)
{
	return sizeof(struct vfs_inode) + super->type->inode_size;
}

/* Of an inode whose attributes are not the core's. */
static uint32_t first_flags(const struct vfs_super *super, uint32_t mode)
{
	if (!(VFS_READ_ONCE(super->flags) & VFS_SUPER_POSIXACL) ||
	    S_ISLNK(mode))
		return VFS_INODE_REMOTE;
	return VFS_INODE_REMOTE | VFS_INODE_ACL_UNKNOWN | VFS_INODE_ACL |
	       (S_ISDIR(mode) ? VFS_INODE_DEFACL : 0);
}

VFS_HOT
struct vfs_inode *vfs_inode_create(struct vfs_super *super,
				   const struct vfs_inode_ops *ops,
				   uint64_t ino, uint32_t mode)
{
	struct vfs__thread *thread = vfs__self(super->vfs);
	size_t size = inode_size(super);
	struct vfs_inode *inode;
	struct vfs_timespec now;

	if (!thread)
		return NULL;
	inode = vfs__mem_alloc(thread, size);
	if (!inode)
		return NULL;
	vfs_now(super->vfs, &now);
	/* one by one: cleared as a whole it would be by an instruction that
	 * takes longer than all of this */
	inode->ops = ops;
	inode->super = super;
	inode->mode = mode;
	inode->flags = 0;
	inode->ino = ino;
	inode->nlink = S_ISDIR(mode) ? 2 : 1;
	inode->uid = inode->gid = 0;
	inode->core_ref = 1;
	inode->size = 0;
	inode->blocks = 0;
	if (super->type->flags & VFS_FS_OWN_ATTR)
		inode->flags = first_flags(super, mode);
	inode->atime_sec = inode->mtime_sec = now.sec;
	inode->ctime_packed = inode->btime_packed = vfs__time_pack(&now);
	inode->atime_nsec = inode->mtime_nsec = now.nsec;
	inode->core_lock = inode->core_seq = 0;
	inode->data = NULL;
	inode->core_ext = NULL;
	if (size > sizeof(*inode))
		memset(inode + 1, 0, size - sizeof(*inode));
	return inode;
}

void vfs_inode_discard(struct vfs_inode *inode)
{
	struct vfs__thread *thread;

	if (!inode)
		return;
	assert(inode->core_ref == 1);
	thread = vfs__self_always(inode->super->vfs);
	/* has the backend's extra, if anything */
	vfs__mem_free(thread, inode->core_ext, sizeof(*inode->core_ext));
	vfs__mem_free(thread, inode, inode_size(inode->super));
}

struct vfs_inode *vfs_inode_ref(struct vfs_inode *inode)
{
	if (inode)
		vfs__fetch_add_u32(&inode->core_ref, 1);
	return inode;
}

struct vfs_inode *vfs_inode_tryref(struct vfs_inode *inode)
{
	uint32_t ref = VFS_READ_ONCE(inode->core_ref);

	do {
		if (!ref)
			return NULL;
	} while (!__atomic_compare_exchange_n(&inode->core_ref, &ref, ref + 1,
					      true, __ATOMIC_ACQUIRE,
					      __ATOMIC_RELAXED));
	return inode;
}

void vfs_inode_unref(struct vfs_inode *inode)
{
	if (inode)
		vfs__inode_unref(vfs__self_always(inode->super->vfs), inode);
}

static void free_ext(struct vfs__thread *thread, struct vfs__inode_ext *ext)
{
	if (ext->locks)
		vfs__locks_free(thread, ext->locks);
	vfs__synthetic_free(thread, ext);
	vfs__acl_free(thread, ext);
	/* somebody may still be asking about permission */
	vfs__epoch_free(thread, ext, sizeof(*ext));
}

/* Nobody has a reference: nobody can hold the lock for long or come for it. */
VFS_HOT
static void inode_evict(struct vfs__thread *thread, struct vfs_inode *inode)
{
	struct vfs_super *super = inode->super;

	while (!vfs__inode_trylock(inode))
		sched_yield();
	/* nobody else changes flags any more */
	VFS_WRITE_ONCE(inode->flags, inode->flags | VFS_INODE_DEAD);
	if (inode->flags & VFS_INODE_HANDLE)
		vfs__handle_evict(thread, inode);
	if (super->ops->evict && !vfs__is_synthetic(inode))
		super->ops->evict(inode);
	if (inode->core_ext)
		free_ext(thread, inode->core_ext);
	if (S_ISFIFO(inode->mode) && inode->core_special)
		vfs__pipe_free(thread, inode);
	else if (S_ISSOCK(inode->mode))
		vfs__endpoint_evict(thread, inode);
	vfs__inode_unlock(inode);
	vfs__epoch_free(thread, inode, inode_size(super));
}

VFS_HOT
void vfs__inode_unref(struct vfs__thread *thread, struct vfs_inode *inode)
{
	if (inode && vfs__fetch_add_u32(&inode->core_ref, UINT32_MAX) == 1)
		inode_evict(thread, inode);
}

struct vfs__inode_ext *vfs__inode_ext(struct vfs__thread *thread,
				      struct vfs_inode *inode)
{
	struct vfs__inode_ext *ext = vfs__inode_ext_peek(inode);
	struct vfs__inode_ext *other = NULL;

	if (ext)
		return ext;
	ext = vfs__mem_alloc(thread, sizeof(*ext));
	if (!ext)
		return NULL;
	memset(ext, 0, sizeof(*ext));
	if (vfs__alone())
		VFS_STORE_POINTER(inode->core_ext, ext);
	else if (!__atomic_compare_exchange_n(&inode->core_ext, &other, ext,
					      false, __ATOMIC_ACQ_REL,
					      __ATOMIC_ACQUIRE)) {
		vfs__mem_free(thread, ext, sizeof(*ext));
		ext = other;
	}
	return ext;
}

void *vfs_inode_extra(const struct vfs_inode *inode)
{
	const struct vfs__inode_ext *ext = vfs__inode_ext_peek(inode);

	return ext ? ext->extra : NULL;
}

int vfs_inode_set_extra(struct vfs_inode *inode, void *extra)
{
	struct vfs__inode_ext *ext = vfs__inode_ext_peek(inode);
	struct vfs__thread *thread;

	if (!ext) {
		if (!extra)
			return 0;
		thread = vfs__self(inode->super->vfs);
		ext = thread ? vfs__inode_ext(thread, inode) : NULL;
		if (!ext)
			return -ENOMEM;
	}
	ext->extra = extra;
	return 0;
}

/* In one order with what the caller counts: a backend that counts a change and
 * finds its flag set knows that who clears it will look at the count. */
VFS_HOT
void vfs_inode_set_flags(struct vfs_inode *inode, uint32_t set, uint32_t clear)
{
	if (clear)
		__atomic_fetch_and(&inode->flags, ~clear, __ATOMIC_SEQ_CST);
	/* those of somebody else's file are set more often than they change */
	if (set & ~__atomic_load_n(&inode->flags, __ATOMIC_SEQ_CST))
		__atomic_fetch_or(&inode->flags, set, __ATOMIC_SEQ_CST);
}

/* ---- attributes ---- */

static void fill_stat(const struct vfs_inode *inode, uint64_t mnt_id,
		      struct vfs_stat *out)
{
	while (!vfs__inode_copy(inode, out))
		sched_yield();
	out->mnt_id = mnt_id;
	out->attributes = vfs__stat_attributes(VFS_READ_ONCE(inode->flags));
}

int vfs__inode_stat(struct vfs_inode *inode, uint64_t mnt_id,
		    struct vfs_stat *out)
{
	struct vfs_stat full;
	int err;

	if (!inode->ops->getattr) {
		fill_stat(inode, mnt_id, out);
		return 0;
	}
	fill_stat(inode, mnt_id, &full);
	err = inode->ops->getattr(inode, &full);
	if (!err)
		*out = full;
	return err;
}

/* ---- times ---- */

void vfs__inode_set_atime(struct vfs_inode *inode,
			  const struct vfs_timespec *atime)
{
	uint32_t nsec = VFS_READ_ONCE(inode->atime_nsec);

	for (;;) {
		if (nsec == VFS__ATIME_BUSY) {
			sched_yield();
			nsec = VFS_READ_ONCE(inode->atime_nsec);
		} else if (vfs__cas_u32(&inode->atime_nsec, &nsec,
					VFS__ATIME_BUSY)) {
			break;
		}
	}
	__atomic_store_n(&inode->atime_sec, atime->sec, __ATOMIC_RELEASE);
	__atomic_store_n(&inode->atime_nsec, atime->nsec, __ATOMIC_RELEASE);
}

/* The second that it is: the host's clock costs as much to look at as a read,
 * so what it shows is kept for the next reads. */
static int64_t second_now(struct vfs *vfs)
{
	struct vfs__thread *thread = vfs->host_clock ? vfs__self(vfs) : NULL;
	struct vfs_timespec now;

	if (thread && thread->clock_left) {
		thread->clock_left--;
		return thread->clock_sec;
	}
	vfs_now(vfs, &now);
	if (thread) {
		thread->clock_sec = now.sec;
		thread->clock_left = VFS__CLOCK_USES - 1;
	}
	return now.sec;
}

static bool needs_atime(const struct vfs_inode *inode, int64_t sec,
			uint32_t nsec)
{
	if (vfs__atime_behind(inode, sec, nsec))
		return true;
	return (int64_t)((uint64_t)second_now(inode->super->vfs) -
			 (uint64_t)sec) >= VFS__RELATIME_SECONDS;
}

static bool leaves_no_trace(const struct vfs_inode *inode)
{
	return (VFS_READ_ONCE(inode->flags) & VFS_INODE_NOATIME) ||
	       (VFS_READ_ONCE(inode->super->flags) & VFS_SUPER_RDONLY);
}

bool vfs__inode_access_due(const struct vfs_inode *inode)
{
	struct vfs_timespec atime = vfs__inode_atime(inode);

	return (VFS_READ_ONCE(inode->flags) & VFS_INODE_STALE) ||
	       needs_atime(inode, atime.sec, atime.nsec);
}

/* Where the backend is told of accesses, what the times are now matters. */
static void refresh_times(struct vfs_inode *inode)
{
	if (vfs__inode_is_remote(inode) && VFS__HAS_OP(inode->ops, accessed) &&
	    (VFS_READ_ONCE(inode->flags) & VFS_INODE_STALE) &&
	    VFS__HAS_OP(inode->ops, refresh))
		(void)inode->ops->refresh(inode);
}

void vfs__inode_accessed(struct vfs_inode *inode)
{
	struct vfs_timespec atime;

	refresh_times(inode);
	atime = vfs__inode_atime(inode);
	if (__builtin_expect(needs_atime(inode, atime.sec, atime.nsec), 0))
		vfs__inode_accessed_strictly(inode);
}

void vfs__inode_accessed_strictly(struct vfs_inode *inode)
{
	struct vfs_timespec atime, now;

	if (leaves_no_trace(inode))
		return;
	if (vfs__inode_is_remote(inode)) {
		/* whoever has the bytes has the times, too */
		if (VFS__HAS_OP(inode->ops, accessed))
			inode->ops->accessed(inode);
		else
			vfs_inode_set_flags(inode, VFS_INODE_STALE, 0);
		return;
	}
	atime = vfs__inode_atime(inode);
	vfs_now(inode->super->vfs, &now);
	if (atime.sec != now.sec || atime.nsec != now.nsec)
		vfs__inode_set_atime(inode, &now);
}

static void set_times(struct vfs_inode *inode, const struct vfs_timespec *now,
		      int64_t packed, uint32_t which)
{
	vfs__inode_change_begin(inode);
	if (which & VFS_TOUCH_MTIME) {
		VFS_WRITE_ONCE(inode->mtime_sec, now->sec);
		VFS_WRITE_ONCE(inode->mtime_nsec, now->nsec);
	}
	if (which & VFS_TOUCH_CTIME)
		VFS_WRITE_ONCE(inode->ctime_packed, packed);
	vfs__inode_change_end(inode);
}

void vfs__inode_modified(struct vfs *vfs, struct vfs_inode *inode)
{
	struct vfs_timespec now;

	if (vfs__inode_is_remote(inode))
		return;
	vfs_now(vfs, &now);
	set_times(inode, &now, vfs__time_pack(&now),
		  VFS_TOUCH_MTIME | VFS_TOUCH_CTIME);
}

void vfs__inode_modified_once(const struct vfs *vfs, struct vfs_inode *inode)
{
	struct vfs_timespec now;

	vfs->now(vfs->now_context, &now);
	set_times(inode, &now, vfs__time_pack(&now),
		  VFS_TOUCH_MTIME | VFS_TOUCH_CTIME);
}

VFS_HOT
static __attribute__((noinline)) void touch_slow(struct vfs_inode *inode,
						 uint32_t which)
{
	struct vfs_timespec now;

	vfs_now(inode->super->vfs, &now);
	if (which & VFS_TOUCH_ATIME)
		vfs__inode_set_atime(inode, &now);
	if (which & (VFS_TOUCH_MTIME | VFS_TOUCH_CTIME))
		set_times(inode, &now, vfs__time_pack(&now), which);
}

VFS_HOT
void vfs_inode_touch(struct vfs_inode *inode, uint32_t which)
{
	struct vfs *vfs = inode->super->vfs;
	const struct vfs__thread *thread = vfs__thread_peek(vfs->domain);

	/* the time of this call, if it was asked for already */
	if (__builtin_expect(thread && thread->now_valid && vfs->host_clock &&
				     !(which & VFS_TOUCH_ATIME),
			     1))
		set_times(inode, &thread->now, thread->now_packed, which);
	else
		touch_slow(inode, which);
}
