/* SPDX-License-Identifier: MIT */
/*
 * Credentials: immutable once made. A task's pointer is replaced and the old
 * one given back after a grace period, so that a walk reads it without a
 * reference.
 */
#ifndef VFS__CRED_H
#define VFS__CRED_H

#include <stdbool.h>
#include <vfs/cred.h>

#include "core/userns.h"

/* All ids are internal: see userns.h. */
struct vfs_cred {
	struct vfs *vfs; /* without a reference: tasks hold it */
	uint64_t id;	 /* no two of an instance have the same */
	uint32_t ref;	 /* atomic */
	uint32_t uid, gid;
	uint32_t fsuid, fsgid;
	uint32_t group_count;
	uint64_t cap_effective; /* in userns */
	uint64_t cap_permitted;
	struct vfs_userns *userns; /* referenced */
	uint32_t mapped;	   /* userns is not the root */
	uint32_t groups[];	   /* sorted */
};

/* In the root namespace: for what concerns the whole instance. */
static inline bool vfs__capable(const struct vfs_cred *cred, int cap)
{
	return !cred->mapped && (cred->cap_effective >> cap & 1);
}

/* In the namespace of the credentials: for what concerns the task alone. */
static inline bool vfs__capable_own(const struct vfs_cred *cred, int cap)
{
	return cred->cap_effective >> cap & 1;
}

/* - In ns: those who have it there or above, and the owner of a namespace
 *   from its parent. ns NULL: the root namespace. */
bool vfs__capable_in(const struct vfs_cred *cred, const struct vfs_userns *ns,
		     int cap);

/* - The same with every capability in ns, a namespace below cred's or the
 *   same; 0 or -ENOMEM. */
int vfs__cred_in_userns(const struct vfs_cred *cred, struct vfs_userns *ns,
			struct vfs_cred **out);

/* fsgid or one of the supplementary groups. */
bool vfs__cred_in_group(const struct vfs_cred *cred, uint32_t gid);

/* - Whether access() must ask as somebody else than the task is: see next. */
bool vfs__cred_access_differs(const struct vfs_cred *cred);

/* - For access(): the real ids as effective, capabilities as Linux gives them
 *   (permitted when the real uid is 0, else none). New reference; -ENOMEM. */
int vfs__cred_for_access(const struct vfs_cred *cred, struct vfs_cred **out);

#endif
