/* SPDX-License-Identifier: MIT */
/*
 * POSIX ACLs: parsed from and formatted to the system.posix_acl_* blobs
 * (version 2, little-endian), checked, inherited, and kept equal with the
 * mode. The parsed form is cached at the inode (vfs__inode_ext) and retired
 * when replaced; flags VFS_INODE_ACL and VFS_INODE_DEFACL tell of it.
 */
#ifndef VFS__ACL_H
#define VFS__ACL_H

#include <string.h>

#include "core/cred.h"
#include "core/inode.h"

#define VFS__ACL_USER_OBJ 0x01u
#define VFS__ACL_USER 0x02u
#define VFS__ACL_GROUP_OBJ 0x04u
#define VFS__ACL_GROUP 0x08u
#define VFS__ACL_MASK 0x10u
#define VFS__ACL_OTHER 0x20u

struct vfs__acl_entry {
	uint16_t tag;
	uint16_t perm;
	uint32_t id;
};

struct vfs__acl {
	uint32_t count;
	struct vfs__acl_entry entries[];
};

#define VFS__ACL_ACCESS "system.posix_acl_access"
#define VFS__ACL_DEFAULT "system.posix_acl_default"

/* A new inode's share of its directory's default ACL. */
struct vfs__acl_inherit {
	uint32_t mode; /* in: as asked; out: as it is to be */
	struct vfs_xattr_init xattrs[2];
	uint64_t count;
	void *blobs[2];
	size_t sizes[2];
	struct vfs__acl *access, *default_;
	struct vfs__inode_ext *ext; /* where they will be published */
};

/*
 * - What a file of mode (type and permissions, before umask) made in dir gets:
 *   the umask when dir has no default ACL, else the ACLs. dir locked. 0,
 *   -ENOMEM.
 * - vfs__acl_inherited publishes the parsed ACLs at the new inode, which nobody
 *   else has seen; everything was allocated before: 0.
 * - vfs__acl_inherit_fini frees what was not used.
 */
int vfs__acl_inherit_slow(struct vfs__thread *thread, struct vfs_inode *dir,
			  uint32_t mode, struct vfs__acl_inherit *out);
void vfs__acl_inherited_slow(struct vfs__thread *thread,
			     struct vfs_inode *inode,
			     struct vfs__acl_inherit *inherit);
void vfs__acl_inherit_free(struct vfs__thread *thread,
			   struct vfs__acl_inherit *inherit);

static inline int vfs__acl_inherit(struct vfs__thread *thread,
				   struct vfs_inode *dir, uint32_t mode,
				   uint32_t umask, struct vfs__acl_inherit *out)
{
	out->mode = S_ISLNK(mode) ? mode : mode & ~umask;
	out->count = 0;
	out->access = out->default_ = NULL;
	out->ext = NULL;
	if (__builtin_expect(!(VFS_READ_ONCE(dir->flags) & VFS_INODE_DEFACL) ||
				     S_ISLNK(mode),
			     1))
		return 0;
	return vfs__acl_inherit_slow(thread, dir, mode, out);
}

static inline void vfs__acl_inherited(struct vfs__thread *thread,
				      struct vfs_inode *inode,
				      struct vfs__acl_inherit *inherit)
{
	if (__builtin_expect(inherit->ext != NULL, 0))
		vfs__acl_inherited_slow(thread, inode, inherit);
}

static inline void vfs__acl_inherit_fini(struct vfs__thread *thread,
					 struct vfs__acl_inherit *inherit)
{
	/* without blobs there is nothing else */
	if (__builtin_expect(inherit->count != 0, 0))
		vfs__acl_inherit_free(thread, inherit);
}

/* - chmod: the ACL's mask (or group) entry follows the mode; excl lock. */
int vfs__acl_chmod(struct vfs__thread *thread, struct vfs_inode *inode,
		   uint32_t mode);
/* - An inode fresh from a backend: reads and caches the ACLs that it stores, so
 *   that vfs__permission can ask them. Called by the slow walk after lookup
 *   (the parent's lock may be held) and for a super's root, and when somebody
 *   has to know, for remote ones. Takes the inode's lock; a remote one's
 *   super's ACL lock instead. 0, -ENOMEM, the backend's error, -EINVAL for a
 * blob that is none. */
int vfs__acl_load(struct vfs__thread *thread, struct vfs_inode *inode);
/* - A remote inode's are to be asked for again. Any lock, any thread. */
void vfs__acl_forget(struct vfs_inode *inode);
/* - Frees the cached ACLs of an inode that goes away. */
void vfs__acl_free(struct vfs__thread *thread, struct vfs__inode_ext *ext);

/* - The xattr calls for the two names: mode and ACL change together; excl lock
 *   held. value NULL: remove. Ids are numbers of cred's namespace. */
int vfs__acl_set(struct vfs__thread *thread, const struct vfs_cred *cred,
		 const struct vfs_userns *idmap, struct vfs_inode *inode,
		 const char *name, const void *value, size_t size);

/* - Reads an ACL back as a blob, its size when size is 0; shared lock held.
 *   -ENODATA: none; -ERANGE. */
int64_t vfs__acl_get(struct vfs__thread *thread, const struct vfs_cred *cred,
		     const struct vfs_userns *idmap, struct vfs_inode *inode,
		     const char *name, void *value, size_t size);

static inline bool vfs__acl_is_name(const char *name)
{
	return !strcmp(name, VFS__ACL_ACCESS) ||
	       !strcmp(name, VFS__ACL_DEFAULT);
}

/* -- acl_blob.c: the blobs -- */

static inline size_t vfs__acl_size(uint32_t count)
{
	return sizeof(struct vfs__acl) + count * sizeof(struct vfs__acl_entry);
}

static inline size_t vfs__acl_blob_size(uint32_t count)
{
	return 4 + 8 * (size_t)count;
}

/* - *out: NULL for one without entries. -EINVAL, -EOPNOTSUPP, -ENOMEM. */
int vfs__acl_parse(struct vfs__thread *thread, const void *blob, size_t size,
		   struct vfs__acl **out);
/* - blob: vfs__acl_blob_size() bytes. */
void vfs__acl_format(const struct vfs__acl *acl, void *blob);
/* - The same with ids as cred, who comes through idmap, sees them; what has no
 *   number there is VFS__NO_ID. */
void vfs__acl_show(const struct vfs_cred *cred, const struct vfs_userns *idmap,
		   const struct vfs_super *super, const struct vfs__acl *acl,
		   void *blob);
/* - Numbers of ns become internal ids: -EINVAL: one has none. */
int vfs__acl_make_ids(const struct vfs_userns *ns, struct vfs__acl *acl);
/* - Internal ids of who comes through idmap become those of super's files:
 *   -EINVAL: one has none there. */
int vfs__acl_store_ids(const struct vfs_userns *idmap,
		       const struct vfs_super *super, struct vfs__acl *acl);
/* - Entries in order, unambiguous, with a mask where one is needed: 0 or
 *   -EINVAL. */
int vfs__acl_check(const struct vfs__acl *acl);
/* - The permission bits that acl stands for; true when they say all of it. */
bool vfs__acl_to_mode(const struct vfs__acl *acl, uint32_t *mode);
/* - acl gets the permissions of mode: chmod. */
void vfs__acl_from_mode(struct vfs__acl *acl, uint32_t mode);
/* - A new file's access ACL, out of a copy of its directory's default one, and
 *   its mode: as both allow. True: the mode says all. */
bool vfs__acl_create_mask(struct vfs__acl *acl, uint32_t *mode);

/* - The check itself: 0, -EACCES, for the ACL `acl` of inode. */
int vfs__acl_permission(const struct vfs_cred *cred,
			const struct vfs_userns *idmap,
			const struct vfs_inode *inode,
			const struct vfs__acl *acl, uint32_t mask);

#endif
