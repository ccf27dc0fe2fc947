/* SPDX-License-Identifier: MIT */
/*
 * Open files: position, flags, the dentry and mount they were opened by.
 *
 * Life. One reference a descriptor, and one for each call that may block. A
 * call that cannot block uses the file inside a read section without one. The
 * last reference releases (locks dropped, backend's release called) at once
 * and frees the memory after a grace period.
 */
#ifndef VFS__FILE_H
#define VFS__FILE_H

#include <stdbool.h>
#include <vfs/sys/backend.h>

#include "core/mount.h"
#include "util/atomic.h"
#include "util/lock.h"

struct vfs__thread;
struct vfs_task;
struct vfs_cred;
struct vfs__pollers;
struct vfs_device;
struct vfs__hostfile;

/* vfs_file.mode */
#define VFS__FILE_READ 0x1u
#define VFS__FILE_WRITE 0x2u
#define VFS__FILE_PATH 0x4u	/* O_PATH: names a place only */
#define VFS__FILE_SEEKABLE 0x8u /* has a position */
#define VFS__FILE_STREAM 0x10u	/* a pipe or FIFO */
#define VFS__FILE_LOCKED 0x20u	/* may own flock or OFD locks (atomic) */
#define VFS__FILE_WRITER 0x40u	/* counted as a writer of its mount */
#define VFS__FILE_DIR 0x80u
#define VFS__FILE_OPENED 0x100u /* the backend was told: release it */
/* Opened for it, seekable, no directory, and an operation that never blocks:
 * one test decides for the straight ways of rw_plain.h. */
#define VFS__FILE_PLAIN_READ 0x200u
#define VFS__FILE_PLAIN_WRITE 0x400u
/* fstat copies the inode, and nothing is special about it. */
#define VFS__FILE_PLAIN_STAT 0x400000u
#define VFS__FILE_DEVICE 0x20000u /* of a device node: see device.h */
/* What has other operations than its inode's. */
#define VFS__FILE_SPECIAL                                         \
	(VFS__FILE_STREAM | VFS__FILE_DEVICE | VFS__FILE_NOTIFY | \
	 VFS__FILE_HOST)
/* Holds a detached tree (its namespace is private_data), or a namespace. */
#define VFS__FILE_TREE 0x800u
#define VFS__FILE_NOTIFY 0x10000u /* a queue of events */
/* The same where the operation may block and the attributes are not ours. */
#define VFS__FILE_DIRECT_READ 0x80000u
#define VFS__FILE_DIRECT_WRITE 0x100000u
#define VFS__FILE_QUIET 0x40000u /* nobody is told of what it does */
#define VFS__FILE_HOST 0x200000u /* imported, no regular file: hostfile.h */

/* No bit has two meanings: then a sum is what one gets by or. */
_Static_assert((VFS__FILE_READ + VFS__FILE_WRITE + VFS__FILE_PATH +
		VFS__FILE_SEEKABLE + VFS__FILE_STREAM + VFS__FILE_LOCKED +
		VFS__FILE_WRITER + VFS__FILE_DIR + VFS__FILE_OPENED +
		VFS__FILE_PLAIN_READ + VFS__FILE_PLAIN_WRITE +
		VFS__FILE_PLAIN_STAT + VFS__FILE_DEVICE + VFS__FILE_TREE +
		VFS__FILE_NOTIFY + VFS__FILE_DIRECT_READ +
		VFS__FILE_DIRECT_WRITE + VFS__FILE_QUIET + VFS__FILE_HOST) ==
		       (VFS__FILE_READ | VFS__FILE_WRITE | VFS__FILE_PATH |
			VFS__FILE_SEEKABLE | VFS__FILE_STREAM |
			VFS__FILE_LOCKED | VFS__FILE_WRITER | VFS__FILE_DIR |
			VFS__FILE_OPENED | VFS__FILE_PLAIN_READ |
			VFS__FILE_PLAIN_WRITE | VFS__FILE_PLAIN_STAT |
			VFS__FILE_DEVICE | VFS__FILE_TREE | VFS__FILE_NOTIFY |
			VFS__FILE_DIRECT_READ | VFS__FILE_DIRECT_WRITE |
			VFS__FILE_QUIET | VFS__FILE_HOST),
	       "the bits of an open file's mode are different ones");

struct vfs_file {
	struct vfs_inode *inode; /* constant; the dentry's reference */
	struct vfs__path path;	 /* constant; referenced */
	uint32_t flags;		 /* O_*: atomic, F_SETFL */
	uint32_t mode;		 /* VFS__FILE_*: atomic or */
	uint32_t ref;		 /* atomic */
	struct vfs__mutex position_lock;
	int64_t position;	   /* atomic; see vfs__position_move in rw.h */
	uint64_t cred_id;	   /* the opener's */
	struct vfs_userns *userns; /* the opener's; referenced; NULL: the root
				    */
	void *private_data;	   /* the backend's, or the pipe */
	struct vfs *vfs;
	union {
		struct vfs_device *device;  /* VFS__FILE_DEVICE; NULL: none */
		struct vfs__hostfile *host; /* VFS__FILE_HOST */
	};				    /* constant once open */
	struct vfs_file *gone; /* without references: see unref_later */
};

/* - Memory for an open file, so that what is created for it is not left behind
 *   when there is none. NULL: out of memory. */
struct vfs_file *vfs__file_reserve(struct vfs__thread *thread);
/* - Gives it back unused. NULL is accepted. */
void vfs__file_discard(struct vfs__thread *thread, struct vfs_file *file);
/* - Fills it: one reference; path's pass to it. */
void vfs__file_init(struct vfs_file *file, struct vfs *vfs,
		    const struct vfs__path *path, const struct vfs_cred *cred,
		    uint32_t flags, uint32_t mode);
/* - An open file on path, whose references pass to it on success. NULL: out of
 *   memory. One reference. */
struct vfs_file *vfs__file_alloc(struct vfs__thread *thread, struct vfs *vfs,
				 const struct vfs__path *path,
				 const struct vfs_cred *cred, uint32_t flags,
				 uint32_t mode);
static inline struct vfs_file *vfs__file_ref(struct vfs_file *file)
{
	vfs__fetch_add_u32(&file->ref, 1);
	return file;
}
/* - A reference on a file found inside a section; false when it is gone. */
static inline bool vfs__file_tryref(struct vfs_file *file)
{
	uint32_t ref = VFS_READ_ONCE(file->ref);

	do {
		if (!ref)
			return false;
	} while (!vfs__cas_u32(&file->ref, &ref, ref + 1));
	return true;
}
/* - Not inside a section. With the last one: release. */
void vfs__file_unref(struct vfs__thread *thread, struct vfs_file *file);

/* - The same, but a last reference puts the file in front of *gone instead. */
void vfs__file_unref_later(struct vfs_file *file, struct vfs_file **gone);
/* - Releases what is in that list, from the front. */
void vfs__files_release(struct vfs__thread *thread, struct vfs_file *gone);

static inline uint32_t vfs__file_mode(const struct vfs_file *file)
{
	return VFS_READ_ONCE(file->mode);
}

#endif
