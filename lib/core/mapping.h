/* SPDX-License-Identifier: MIT */
/*
 * Mappings: which ranges of the process's address space show files of an
 * instance.
 *
 * The host's kernel maps; the backend says what (vfs_inode_ops.mmap). Here is
 * what it does not know: which file a range belongs to, so that the file stays
 * (a mapping holds a reference on the open file, and by that on the mount and
 * the inode, as Linux's does), that F_SEAL_WRITE finds writable mappings, and
 * that attributes are asked for where a mapping may have changed them.
 *
 * A list sorted by address, under its own lock (rank MAPPINGS), which is held
 * while the host maps and unmaps, so that list and address space agree. Inode
 * locks come before it; references are given back after it.
 */
#ifndef VFS__MAPPING_H
#define VFS__MAPPING_H

#include "core/task.h"

struct vfs__mapping {
	struct vfs_file *file;	   /* constant; referenced */
	struct vfs__mapping *next; /* among those that are to be freed */
	uintptr_t start, end;	   /* lock */
	bool writable; /* constant: shared, and may be made writable */
};

/* - The instance's end, before its mounts': unmaps what is left. */
void vfs__mappings_fini(struct vfs__thread *thread, struct vfs *vfs);

/* - mmap(2); *out is untouched on failure. */
int vfs__mmap(struct vfs__thread *thread, struct vfs_task *task, void *addr,
	      size_t length, int prot, int flags, int fd, int64_t offset,
	      void **out);
int vfs__munmap(struct vfs__thread *thread, struct vfs *vfs, void *addr,
		size_t length);
int vfs__msync(struct vfs__thread *thread, struct vfs *vfs, void *addr,
	       size_t length, int flags);

/* - Attributes of a mapped inode (VFS_INODE_MAPPED) become what its mappings
 *   made of them. Referenced, not inside a section, no lock held. */
void vfs__mapping_refresh(struct vfs_inode *inode);
/* - The same for every mapped inode of super. */
void vfs__mappings_refresh(struct vfs__thread *thread, struct vfs_super *super);

static inline bool vfs__inode_mapped(const struct vfs_inode *inode)
{
	return VFS_READ_ONCE(inode->flags) & VFS_INODE_MAPPED;
}

#endif
