/* SPDX-License-Identifier: MIT */
/*
 * User namespaces and the translation of ids.
 *
 * An internal id is one of the instance's root namespace. Inodes, credentials,
 * ACLs and everything between the API and a backend hold internal ids; they
 * are made of what a caller gives, and shown as a caller sees them, at the
 * API's edge alone.
 *
 * An id-mapped mount has a user namespace too (vfs_mount.idmap): what a file's
 * id is in the file system's namespace is taken for one in the mount's, and
 * what that is internally is what the mount's users deal with. NULL: the mount
 * changes nothing. Whoever compares an inode's ids with a caller's asks
 * vfs__inode_uid and vfs__inode_gid (perm.h) with the mount's idmap.
 *
 * Life. A namespace holds its parent; credentials, supers, mounts and files
 * hold theirs. Maps are set once and read without a lock, inside a section or
 * with a reference; memory goes after a grace period.
 */
#ifndef VFS__USERNS_H
#define VFS__USERNS_H

#include <stdbool.h>
#include <vfs/sys/backend.h>
#include <vfs/userns.h>

struct vfs_task;
struct vfs__thread;
struct vfs__id_map;

/* An id that is none. */
#define VFS__NO_ID UINT32_MAX

enum vfs__id_kind {
	VFS__UID,
	VFS__GID
};

struct vfs_userns {
	struct vfs *vfs;	     /* without a reference, as credentials */
	struct vfs_userns *parent;   /* referenced; NULL: the root */
	struct vfs__id_map *maps[2]; /* atomic; by kind; NULL: no ids */
	uint32_t ref;		     /* atomic */
	uint32_t owner;		     /* internal */
	uint32_t level;		     /* 0: the root */
};

/* - The root namespace of an instance that is being made: -ENOMEM. */
int vfs__userns_create_root(struct vfs *vfs, struct vfs_userns **out);

/* - A namespace without maps, below parent and owned by an internal user.
 *   -ENOSPC: too deep; -ENOMEM. */
int vfs__userns_create_child(struct vfs__thread *thread,
			     struct vfs_userns *parent, uint32_t owner,
			     struct vfs_userns **out);

/* - The internal id of one in ns, or VFS__NO_ID. */
uint32_t vfs__id_make(const struct vfs_userns *ns, enum vfs__id_kind kind,
		      uint32_t id);
/* - The number of an internal id in ns, or VFS__NO_ID. */
uint32_t vfs__id_show(const struct vfs_userns *ns, enum vfs__id_kind kind,
		      uint32_t id);

static inline bool vfs__id_is_mapped(const struct vfs_userns *ns,
				     enum vfs__id_kind kind, uint32_t id)
{
	return vfs__id_show(ns, kind, id) != VFS__NO_ID;
}

/* - Whether an internal id has a number in the namespace that owns super. */
static inline bool vfs__id_is_of_super(const struct vfs_super *super,
				       enum vfs__id_kind kind, uint32_t id)
{
	return super->userns ? vfs__id_is_mapped(super->userns, kind, id)
			     : id != VFS__NO_ID;
}

/* - An id of super's files as a mount with idmap has it, and back; VFS__NO_ID:
 *   there is none. idmap NULL: the id as it is. */
uint32_t vfs__idmap_out(const struct vfs_userns *idmap,
			const struct vfs_super *super, enum vfs__id_kind kind,
			uint32_t id);
uint32_t vfs__idmap_in(const struct vfs_userns *idmap,
		       const struct vfs_super *super, enum vfs__id_kind kind,
		       uint32_t id);

/*
 * - CLONE_NEWUSER: credentials as task's, in a new namespace without maps that
 *   task's user owns, and with every capability there. One reference.
 * - -EPERM: task is not in its namespace's root, or its ids have no number in
 *   its own namespace; -ENOSPC: too deep; -ENOMEM. Not inside a section.
 */
int vfs__userns_unshare(struct vfs__thread *thread, struct vfs_task *task,
			struct vfs_cred **out);

#endif
