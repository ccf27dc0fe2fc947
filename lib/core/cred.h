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

struct vfs_cred {
	struct vfs *vfs; /* without a reference: tasks hold it */
	uint64_t id;	 /* no two of an instance have the same */
	uint32_t ref;	 /* atomic */
	uint32_t uid, gid;
	uint32_t fsuid, fsgid;
	uint32_t group_count;
	uint64_t cap_effective;
	uint64_t cap_permitted;
	uint32_t groups[]; /* sorted */
};

static inline bool vfs__capable(const struct vfs_cred *cred, int cap)
{
	return cred->cap_effective >> cap & 1;
}

/* fsgid or one of the supplementary groups. */
bool vfs__cred_in_group(const struct vfs_cred *cred, uint32_t gid);

/* - Whether access() must ask as somebody else than the task is: see next. */
bool vfs__cred_access_differs(const struct vfs_cred *cred);

/* - For access(): the real ids as effective, capabilities as Linux gives them
 *   (permitted when the real uid is 0, else none). New reference; -ENOMEM. */
int vfs__cred_for_access(const struct vfs_cred *cred, struct vfs_cred **out);

#endif
