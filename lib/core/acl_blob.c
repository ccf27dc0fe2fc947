/* SPDX-License-Identifier: MIT */
/*
 * ACLs by themselves: blobs, sense, and what they are as permission bits.
 * Contract: acl.h. The blob is what the kernel gives and takes: a version,
 * then tag, permissions and id of each entry, little-endian.
 */
#include <assert.h>
#include <errno.h>

#include "core/acl.h"
#include "core/perm.h"
#include "util/domain.h"

#define BLOB_VERSION 2u
#define NO_ID UINT32_MAX

static uint32_t get16(const unsigned char *p)
{
	return p[0] | (uint32_t)p[1] << 8;
}

static uint32_t get32(const unsigned char *p)
{
	return get16(p) | get16(p + 2) << 16;
}

static void put16(unsigned char *p, uint32_t value)
{
	p[0] = (unsigned char)value;
	p[1] = (unsigned char)(value >> 8);
}

static void put32(unsigned char *p, uint32_t value)
{
	put16(p, value & 0xffff);
	put16(p + 2, value >> 16);
}

static bool has_id(uint32_t tag)
{
	return tag == VFS__ACL_USER || tag == VFS__ACL_GROUP;
}

static int parse_entry(const unsigned char *p, struct vfs__acl_entry *entry)
{
	entry->tag = (uint16_t)get16(p);
	entry->perm = (uint16_t)get16(p + 2);
	entry->id = NO_ID;
	switch (entry->tag) {
	case VFS__ACL_USER:
	case VFS__ACL_GROUP:
		entry->id = get32(p + 4);
		return entry->id == NO_ID ? -EINVAL : 0;
	case VFS__ACL_USER_OBJ:
	case VFS__ACL_GROUP_OBJ:
	case VFS__ACL_MASK:
	case VFS__ACL_OTHER:
		return 0;
	default:
		return -EINVAL;
	}
}

int vfs__acl_parse(struct vfs__thread *thread, const void *blob, size_t size,
		   struct vfs__acl **out)
{
	const unsigned char *p = blob;
	struct vfs__acl *acl;
	uint32_t count;
	int err = 0;

	if (size < 4)
		return -EINVAL;
	if (get32(p) != BLOB_VERSION)
		return -EOPNOTSUPP;
	if ((size - 4) % 8 || (size - 4) / 8 > UINT16_MAX)
		return -EINVAL;
	count = (uint32_t)((size - 4) / 8);
	if (!count) {
		*out = NULL;
		return 0;
	}
	acl = vfs__mem_alloc(thread, vfs__acl_size(count));
	if (!acl)
		return -ENOMEM;
	acl->count = count;
	for (uint32_t i = 0; !err && i < count; i++)
		err = parse_entry(p + vfs__acl_blob_size(i), &acl->entries[i]);
	if (err)
		vfs__mem_free(thread, acl, vfs__acl_size(count));
	else
		*out = acl;
	return err;
}

void vfs__acl_format(const struct vfs__acl *acl, void *blob)
{
	unsigned char *p = blob;

	put32(p, BLOB_VERSION);
	for (uint32_t i = 0; i < acl->count; i++) {
		const struct vfs__acl_entry *entry = &acl->entries[i];
		unsigned char *at = p + vfs__acl_blob_size(i);

		put16(at, entry->tag);
		put16(at + 2, entry->perm);
		put32(at + 4, entry->id);
	}
}

static enum vfs__id_kind kind_of(const struct vfs__acl_entry *entry)
{
	return entry->tag == VFS__ACL_USER ? VFS__UID : VFS__GID;
}

void vfs__acl_show(const struct vfs_cred *cred, const struct vfs_userns *idmap,
		   const struct vfs_super *super, const struct vfs__acl *acl,
		   void *blob)
{
	unsigned char *p = blob;

	vfs__acl_format(acl, blob);
	if (!idmap && !cred->mapped)
		return;
	for (uint32_t i = 0; i < acl->count; i++) {
		const struct vfs__acl_entry *entry = &acl->entries[i];
		enum vfs__id_kind kind = kind_of(entry);
		uint32_t id;

		if (!has_id(entry->tag))
			continue;
		id = vfs__idmap_out(idmap, super, kind, entry->id);
		put32(p + vfs__acl_blob_size(i) + 4,
		      vfs__id_show(cred->userns, kind, id));
	}
}

int vfs__acl_make_ids(const struct vfs_userns *ns, struct vfs__acl *acl)
{
	for (uint32_t i = 0; i < acl->count; i++) {
		struct vfs__acl_entry *entry = &acl->entries[i];

		if (!has_id(entry->tag))
			continue;
		entry->id = vfs__id_make(ns, kind_of(entry), entry->id);
		if (entry->id == VFS__NO_ID)
			return -EINVAL;
	}
	return 0;
}

int vfs__acl_store_ids(const struct vfs_userns *idmap,
		       const struct vfs_super *super, struct vfs__acl *acl)
{
	for (uint32_t i = 0; i < acl->count; i++) {
		struct vfs__acl_entry *entry = &acl->entries[i];
		enum vfs__id_kind kind = kind_of(entry);

		if (!has_id(entry->tag))
			continue;
		entry->id = vfs__idmap_in(idmap, super, kind, entry->id);
		if (!vfs__id_is_of_super(super, kind, entry->id))
			return -EINVAL;
	}
	return 0;
}

int vfs__acl_check(const struct vfs__acl *acl)
{
	/* the tag whose turn it is; entries with ids come in any number */
	uint32_t turn = VFS__ACL_USER_OBJ;
	bool needs_mask = false;

	for (uint32_t i = 0; i < acl->count; i++) {
		const struct vfs__acl_entry *entry = &acl->entries[i];

		if (entry->perm & ~7u)
			return -EINVAL;
		needs_mask |= has_id(entry->tag);
		if (entry->tag == VFS__ACL_USER_OBJ &&
		    turn == VFS__ACL_USER_OBJ)
			turn = VFS__ACL_USER;
		else if (entry->tag == VFS__ACL_GROUP_OBJ &&
			 turn == VFS__ACL_USER)
			turn = VFS__ACL_GROUP;
		else if (entry->tag == VFS__ACL_MASK && turn == VFS__ACL_GROUP)
			turn = VFS__ACL_OTHER;
		else if (entry->tag == VFS__ACL_OTHER &&
			 (turn == VFS__ACL_OTHER ||
			  (turn == VFS__ACL_GROUP && !needs_mask)))
			turn = 0;
		else if (!has_id(entry->tag) || entry->tag != turn)
			return -EINVAL;
	}
	return turn ? -EINVAL : 0;
}

bool vfs__acl_to_mode(const struct vfs__acl *acl, uint32_t *mode)
{
	uint32_t bits = 0;
	bool minimal = true;

	for (uint32_t i = 0; i < acl->count; i++) {
		uint32_t perm = acl->entries[i].perm;

		switch (acl->entries[i].tag) {
		case VFS__ACL_USER_OBJ:
			bits |= perm << 6;
			break;
		case VFS__ACL_GROUP_OBJ:
			bits |= perm << 3;
			break;
		case VFS__ACL_MASK:
			bits = (bits & ~070u) | perm << 3;
			minimal = false;
			break;
		case VFS__ACL_OTHER:
			bits |= perm;
			break;
		default:
			minimal = false;
		}
	}
	*mode = bits;
	return minimal;
}

/* The entry that the group bits of the mode stand for. */
static struct vfs__acl_entry *group_class(struct vfs__acl *acl)
{
	struct vfs__acl_entry *found = NULL;

	for (uint32_t i = 0; i < acl->count; i++) {
		uint32_t tag = acl->entries[i].tag;

		if (tag == VFS__ACL_MASK ||
		    (tag == VFS__ACL_GROUP_OBJ && !found))
			found = &acl->entries[i];
	}
	assert(found);
	return found;
}

void vfs__acl_from_mode(struct vfs__acl *acl, uint32_t mode)
{
	for (uint32_t i = 0; i < acl->count; i++) {
		struct vfs__acl_entry *entry = &acl->entries[i];

		if (entry->tag == VFS__ACL_USER_OBJ)
			entry->perm = mode >> 6 & 7;
		else if (entry->tag == VFS__ACL_OTHER)
			entry->perm = mode & 7;
	}
	group_class(acl)->perm = mode >> 3 & 7;
}

bool vfs__acl_create_mask(struct vfs__acl *acl, uint32_t *mode)
{
	struct vfs__acl_entry *group = group_class(acl);
	uint32_t bits = *mode & 0777;
	bool minimal = group->tag == VFS__ACL_GROUP_OBJ;

	for (uint32_t i = 0; i < acl->count; i++) {
		struct vfs__acl_entry *entry = &acl->entries[i];
		int shift;

		if (entry->tag == VFS__ACL_USER_OBJ)
			shift = 6;
		else if (entry->tag == VFS__ACL_OTHER)
			shift = 0;
		else if (entry == group)
			shift = 3;
		else
			continue;
		entry->perm &= (uint16_t)(bits >> shift);
		bits &= (uint32_t)entry->perm << shift | ~(7u << shift);
	}
	*mode = (*mode & ~0777u) | bits;
	return minimal;
}

int vfs__acl_permission(const struct vfs_cred *cred,
			const struct vfs_userns *idmap,
			const struct vfs_inode *inode,
			const struct vfs__acl *acl, uint32_t mask)
{
	const struct vfs__acl_entry *found = NULL;
	bool in_group = false;
	uint32_t limit = 7;

	for (uint32_t i = 0; i < acl->count; i++) {
		const struct vfs__acl_entry *entry = &acl->entries[i];
		uint32_t tag = entry->tag;

		if (tag == VFS__ACL_MASK)
			limit = entry->perm;
		if (found)
			continue;
		if (tag == VFS__ACL_USER_OBJ &&
		    cred->fsuid == vfs__inode_uid(idmap, inode))
			return mask & ~(uint32_t)entry->perm ? -EACCES : 0;
		if (tag == VFS__ACL_USER &&
		    cred->fsuid == vfs__idmap_out(idmap, inode->super, VFS__UID,
						  entry->id)) {
			found = entry;
		} else if (tag == VFS__ACL_GROUP_OBJ || tag == VFS__ACL_GROUP) {
			uint32_t gid = tag == VFS__ACL_GROUP
					       ? entry->id
					       : VFS_READ_ONCE(inode->gid);

			gid = vfs__idmap_out(idmap, inode->super, VFS__GID,
					     gid);
			if (!vfs__cred_in_group(cred, gid))
				continue;
			in_group = true;
			if (!(mask & ~(uint32_t)entry->perm))
				found = entry;
		} else if (tag == VFS__ACL_OTHER) {
			if (in_group)
				return -EACCES;
			return mask & ~(uint32_t)entry->perm ? -EACCES : 0;
		}
	}
	if (!found)
		return -EACCES;
	return mask & ~(found->perm & limit) ? -EACCES : 0;
}
