/* SPDX-License-Identifier: MIT */
/* Credentials: who is asking. Immutable once made, shared by tasks. */
#ifndef VFS_CRED_H
#define VFS_CRED_H

#include <vfs/base.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Capabilities that file systems ask for; bit numbers as in
 * capabilities(7). */
#define VFS_CAP_CHOWN 0
#define VFS_CAP_DAC_OVERRIDE 1
#define VFS_CAP_DAC_READ_SEARCH 2
#define VFS_CAP_FOWNER 3
#define VFS_CAP_FSETID 4
#define VFS_CAP_LINUX_IMMUTABLE 9
#define VFS_CAP_SYS_CHROOT 18
#define VFS_CAP_SYS_ADMIN 21
#define VFS_CAP_SYS_RESOURCE 24
#define VFS_CAP_MKNOD 27
#define VFS_CAP_SETFCAP 31
/* Every capability. */
#define VFS_CAP_ALL UINT64_C(0x1ffffffffff)

struct vfs_cred_spec {
	uint64_t size;		/* sizeof(struct vfs_cred_spec) */
	uint32_t uid, gid;	/* real ids: what access() asks about */
	uint32_t fsuid, fsgid;	/* effective for files: everything else */
	const uint32_t *groups; /* supplementary, in any order; copied */
	uint64_t group_count;	/* at most 65536 */
	uint64_t cap_effective; /* 1 << VFS_CAP_* */
	uint64_t cap_permitted; /* for access() by a real uid 0 */
	/* What the ids are numbers of, and where the capabilities count. NULL:
	 * the instance's root namespace. */
	struct vfs_userns *userns;
};

/*
 * Makes credentials of vfs's as spec says: nothing is derived, so that a user
 * other than 0 has exactly the capabilities that are given.
 *
 * Returns 0 or: -EFAULT a NULL (groups may be NULL when group_count is 0);
 * -EINVAL size too small, more than 65536 groups, an id of 0xffffffff or one
 * that userns does not map, an effective capability that is not permitted, or
 * another instance's userns; -E2BIG a larger size whose tail
 * is not zero, or one above 4096; -ENOMEM. *out gets one reference and is
 * untouched on failure. Credentials belong to vfs, and do not keep it: give
 * them back before the instance's last reference. Any thread. Since 0.1. See
 * credentials(7).
 */
VFS_API int vfs_cred_create(struct vfs *vfs, const struct vfs_cred_spec *spec,
			    struct vfs_cred **out);

/* One more reference; returns cred. NULL gives NULL. Any thread. Since 0.1. */
VFS_API struct vfs_cred *vfs_cred_ref(struct vfs_cred *cred);

/* Gives a reference back. NULL is accepted. Any thread. Since 0.1. */
VFS_API void vfs_cred_unref(struct vfs_cred *cred);

#ifdef __cplusplus
}
#endif

#endif
