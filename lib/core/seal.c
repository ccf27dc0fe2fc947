/* SPDX-License-Identifier: MIT */
/* Seals. Contract: seal.h. */
#include "core/seal.h"

#include <errno.h>
#include <sys/stat.h>

#include "core/inode.h"

static uint32_t seals_of(const struct vfs_inode *inode)
{
	if (!vfs__inode_sealable(inode))
		return 0;
	return VFS_READ_ONCE(vfs__inode_ext_peek(inode)->seals);
}

static bool has_seals(const struct vfs_inode *inode)
{
	return S_ISREG(vfs__inode_mode(inode)) &&
	       (inode->super->type->flags & VFS_FS_SEALS);
}

int vfs__seals_get(const struct vfs_file *file)
{
	const struct vfs_inode *inode = file->inode;

	if (!has_seals(inode))
		return -EINVAL;
	return vfs__inode_sealable(inode) ? (int)seals_of(inode)
					  : (int)VFS__SEAL_SEAL;
}

static int add_locked(struct vfs_inode *inode, uint32_t seals)
{
	struct vfs__inode_ext *ext = vfs__inode_ext_peek(inode);

	if (!vfs__inode_sealable(inode) || (ext->seals & VFS__SEAL_SEAL))
		return -EPERM;
	/* who may run it shall not find other bytes in it */
	if ((seals & VFS__SEAL_EXEC) && (VFS_READ_ONCE(inode->mode) & 0111))
		seals |= VFS__SEAL_SHRINK | VFS__SEAL_GROW | VFS__SEAL_WRITE |
			 VFS__SEAL_FUTURE_WRITE;
	if ((seals & VFS__SEAL_WRITE) && !(ext->seals & VFS__SEAL_WRITE) &&
	    VFS_READ_ONCE(ext->writable_mappings))
		return -EBUSY;
	VFS_WRITE_ONCE(ext->seals, ext->seals | seals);
	return 0;
}

int vfs__seals_add(struct vfs_file *file, uint32_t seals)
{
	struct vfs_inode *inode = file->inode;
	int err;

	if (!(vfs__file_mode(file) & VFS__FILE_WRITE))
		return -EPERM;
	if ((seals & ~VFS__SEAL_ALL) || !has_seals(inode))
		return -EINVAL;
	vfs__inode_lock(inode);
	err = add_locked(inode, seals);
	vfs__inode_unlock(inode);
	return err;
}

/* ---- what they forbid ---- */

int vfs__seal_write(const struct vfs_inode *inode, int64_t offset,
		    size_t *length)
{
	uint32_t seals = seals_of(inode);
	int64_t whole;

	if (seals & (VFS__SEAL_WRITE | VFS__SEAL_FUTURE_WRITE))
		return -EPERM;
	if (!(seals & VFS__SEAL_GROW) ||
	    offset + (int64_t)*length <= VFS_READ_ONCE(inode->size))
		return 0;
	/* the kernel writes page by page, and comes as far as that */
	whole = VFS_READ_ONCE(inode->size) -
		VFS_READ_ONCE(inode->size) % VFS_PAGE_SIZE;
	if (offset >= whole)
		return -EPERM;
	*length = (size_t)(whole - offset);
	return 0;
}

int vfs__seal_resize(const struct vfs_inode *inode, int64_t size)
{
	uint32_t seals = seals_of(inode);

	if ((size < VFS_READ_ONCE(inode->size) && (seals & VFS__SEAL_SHRINK)) ||
	    (size > VFS_READ_ONCE(inode->size) && (seals & VFS__SEAL_GROW)))
		return -EPERM;
	return 0;
}

int vfs__seal_fallocate(const struct vfs_inode *inode, bool punch, int64_t end)
{
	uint32_t seals = seals_of(inode);

	if (punch)
		return seals & (VFS__SEAL_WRITE | VFS__SEAL_FUTURE_WRITE)
			       ? -EPERM
			       : 0;
	return (seals & VFS__SEAL_GROW) && end > VFS_READ_ONCE(inode->size)
		       ? -EPERM
		       : 0;
}

int vfs__seal_chmod(const struct vfs_inode *inode, uint32_t mode)
{
	return (seals_of(inode) & VFS__SEAL_EXEC) &&
			       ((VFS_READ_ONCE(inode->mode) ^ mode) & 0111)
		       ? -EPERM
		       : 0;
}

int vfs__seal_mmap(const struct vfs_inode *inode, bool write, bool *writable)
{
	if (!(seals_of(inode) & (VFS__SEAL_WRITE | VFS__SEAL_FUTURE_WRITE)))
		return 0;
	if (write)
		return -EPERM;
	*writable = false;
	return 0;
}
