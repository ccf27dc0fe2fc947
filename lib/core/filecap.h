/* SPDX-License-Identifier: MIT */
/*
 * File capabilities (security.capability): which of the two formats, and whose
 * user namespace they are for. A file holds them with the number that the
 * namespace's root has for the file system; a caller gives and sees numbers of
 * its own. Contract of the value: capabilities(7).
 */
#ifndef VFS__FILECAP_H
#define VFS__FILECAP_H

#include "core/cred.h"
#include "core/inode.h"

#define VFS__FILECAP_NAME "security.capability"
#define VFS__FILECAP_SIZE 24u /* bytes of the longer format */

/* - What a caller sets becomes what is stored: *size bytes in out. -EINVAL: it
 *   is none, or for nobody; -EPERM without CAP_SETFCAP over inode. */
int vfs__filecap_convert(const struct vfs_cred *cred,
			 const struct vfs_userns *idmap,
			 const struct vfs_inode *inode, const void *value,
			 size_t *size, unsigned char out[VFS__FILECAP_SIZE]);

/* - The stored value as cred is to see it; its length, also for size 0.
 *   -ENODATA: none; -EINVAL: it is broken; -EOVERFLOW: it is for a namespace
 *   that cred has no number for; -ERANGE. inode locked, shared. */
int64_t vfs__filecap_get(const struct vfs_cred *cred,
			 const struct vfs_userns *idmap,
			 struct vfs_inode *inode, void *value, size_t size);

#endif
