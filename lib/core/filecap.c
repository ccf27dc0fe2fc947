/* SPDX-License-Identifier: MIT */
/* File capabilities. Contract: filecap.h. */
#include "core/filecap.h"

#include <errno.h>
#include <string.h>

#include "core/perm.h"

#define V2 0x02000000u
#define V2_SIZE 20u
#define V3 0x03000000u
#define V3_SIZE VFS__FILECAP_SIZE
#define EFFECTIVE 0x1u /* the one flag beside the version */

static uint32_t get32(const unsigned char *p)
{
	return p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 |
	       (uint32_t)p[3] << 24;
}

static void put32(unsigned char *p, uint32_t value)
{
	for (int i = 0; i < 4; i++)
		p[i] = (unsigned char)(value >> 8 * i);
}

/* 2 or 3: the format; 0: none that is known. */
static int version_of(const unsigned char *value, size_t size)
{
	uint32_t version;

	if (size < V2_SIZE)
		return 0;
	version = get32(value) & ~EFFECTIVE;
	if (size == V2_SIZE && version == V2)
		return 2;
	return size == V3_SIZE && version == V3 ? 3 : 0;
}

static void set_version(unsigned char *value, uint32_t version)
{
	put32(value, (get32(value) & EFFECTIVE) | version);
}

/* The root that a value is for. */
static uint32_t root_of(const unsigned char *value, int version)
{
	return version == 3 ? get32(value + V2_SIZE) : 0;
}

int vfs__filecap_convert(const struct vfs_cred *cred,
			 const struct vfs_userns *idmap,
			 const struct vfs_inode *inode, const void *value,
			 size_t *size, unsigned char out[VFS__FILECAP_SIZE])
{
	const struct vfs_super *super = inode->super;
	int version = version_of(value, *size);
	uint32_t root;

	if (!version)
		return -EINVAL;
	if (!vfs__capable_over(cred, idmap, inode, VFS_CAP_SETFCAP))
		return -EPERM;
	memcpy(out, value, *size);
	/* for everybody, by one who may say so */
	if (version == 2 && !idmap &&
	    vfs__capable_in(cred, super->userns, VFS_CAP_SETFCAP))
		return 0;
	root = vfs__id_make(cred->userns, VFS__UID, root_of(out, version));
	root = vfs__idmap_in(idmap, super, VFS__UID, root);
	if (super->userns && root != VFS__NO_ID)
		root = vfs__id_show(super->userns, VFS__UID, root);
	if (root == VFS__NO_ID)
		return -EINVAL;
	set_version(out, V3);
	put32(out + V2_SIZE, root);
	*size = V3_SIZE;
	return 0;
}

/* Whether an internal id is user 0 of cred's namespace or one above it. */
static bool is_a_root(const struct vfs_cred *cred, uint32_t root)
{
	const struct vfs_userns *ns = cred->userns;

	for (; root != VFS__NO_ID && ns; ns = ns->parent)
		if (!vfs__id_show(ns, VFS__UID, root))
			return true;
	return false;
}

/* The stored value in buffer becomes what cred sees: its length. */
static int64_t show(const struct vfs_cred *cred, const struct vfs_userns *idmap,
		    const struct vfs_super *super,
		    unsigned char buffer[VFS__FILECAP_SIZE], int version)
{
	uint32_t root = root_of(buffer, version), shown;

	if (super->userns)
		root = vfs__id_make(super->userns, VFS__UID, root);
	root = vfs__idmap_out(idmap, super, VFS__UID, root);
	shown = vfs__id_show(cred->userns, VFS__UID, root);
	if (root != VFS__NO_ID && shown && shown != VFS__NO_ID) {
		set_version(buffer, V3);
		put32(buffer + V2_SIZE, shown);
		return V3_SIZE;
	}
	/* one for a root of user 0 is one for everybody: the older format */
	if (!is_a_root(cred, root))
		return -EOVERFLOW;
	set_version(buffer, V2);
	return V2_SIZE;
}

int64_t vfs__filecap_get(const struct vfs_cred *cred,
			 const struct vfs_userns *idmap,
			 struct vfs_inode *inode, void *value, size_t size)
{
	unsigned char buffer[VFS__FILECAP_SIZE] = {0};
	int64_t len;
	int version;

	len = inode->ops->getxattr(inode, VFS__FILECAP_NAME, buffer,
				   sizeof(buffer));
	if (len == -ERANGE)
		return -EINVAL;
	if (len < 0)
		return len;
	version = version_of(buffer, (size_t)len);
	if (!version)
		return -EINVAL;
	len = show(cred, idmap, inode->super, buffer, version);
	if (len < 0)
		return len;
	if (size && size < (size_t)len)
		return -ERANGE;
	if (size)
		memcpy(value, buffer, (size_t)len);
	return len;
}
