/* SPDX-License-Identifier: MIT */
/*
 * Files of memory without a name, and the seals that keep them from changing
 * (memfd_create(2), F_ADD_SEALS in fcntl(2)).
 *
 * Only what memfd_create makes with MFD_ALLOW_SEALING has seals of its own, in
 * its vfs__inode_ext, and says so by VFS_INODE_SEALABLE. Whatever else is of a
 * type with VFS_FS_SEALS counts as sealed against sealing. Seals are added
 * under the inode's excl lock and never taken away.
 */
#ifndef VFS__SEAL_H
#define VFS__SEAL_H

#include "core/task.h"

#define VFS__SEAL_SEAL 0x01u
#define VFS__SEAL_SHRINK 0x02u
#define VFS__SEAL_GROW 0x04u
#define VFS__SEAL_WRITE 0x08u
#define VFS__SEAL_FUTURE_WRITE 0x10u
#define VFS__SEAL_EXEC 0x20u
#define VFS__SEAL_ALL 0x3fu

static inline bool vfs__inode_sealable(const struct vfs_inode *inode)
{
	return VFS_READ_ONCE(inode->flags) & VFS_INODE_SEALABLE;
}

/* - F_GET_SEALS: the seals, or -EINVAL. */
int vfs__seals_get(const struct vfs_file *file);
/* - F_ADD_SEALS. 0, -EPERM, -EINVAL, -EBUSY. */
int vfs__seals_add(struct vfs_file *file, uint32_t seals);

/* What seals forbid: 0 or -EPERM. Inode's lock: excl. */

/* - A write at offset; *length is cut to what may still be written. */
int vfs__seal_write(const struct vfs_inode *inode, int64_t offset,
		    size_t *length);
int vfs__seal_resize(const struct vfs_inode *inode, int64_t size);
int vfs__seal_fallocate(const struct vfs_inode *inode, bool punch, int64_t end);
int vfs__seal_chmod(const struct vfs_inode *inode, uint32_t mode);
/* - A shared mapping; *writable becomes false where it is to stay without
 *   write permission. */
int vfs__seal_mmap(const struct vfs_inode *inode, bool write, bool *writable);

/* - memfd_create(2): a descriptor, or an error. */
int vfs__memfd_create(struct vfs__thread *thread, struct vfs_task *task,
		      const char *name, uint32_t flags);

#endif
