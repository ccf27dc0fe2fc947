/* SPDX-License-Identifier: MIT */
/*
 * User namespaces: which numbers users and groups have where. Ids of the
 * instance's root namespace are the internal ones; a child says which of its
 * own ids stand for which of its parent's. Ids are translated where they enter
 * and leave the library: what has no number in the caller's namespace shows as
 * 65534, and cannot be given as an argument. A capability that credentials of
 * a child hold counts for files whose user and group both have a number there.
 */
#ifndef VFS_USERNS_H
#define VFS_USERNS_H

#include <vfs/base.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What an id without a number in the caller's namespace shows as. */
#define VFS_OVERFLOW_ID 65534u
/* The most extents that a map has. */
#define VFS_ID_MAPS_MAX 340u

/* One extent of a map: count ids, from inside on in the namespace, from outside
 * on in its parent. */
struct vfs_id_map {
	uint32_t inside;
	uint32_t outside;
	uint32_t count;
};

/*
 * The instance's root namespace, with a reference for the caller. NULL for
 * NULL. Any thread. Since 0.1.
 */
VFS_API struct vfs_userns *vfs_userns_root(struct vfs *vfs);

/*
 * A child of parent with these maps. A map without extents leaves every id of
 * its kind without a number, until vfs_userns_set_maps. The namespace's owner
 * is user 0 of parent: credentials of parent that are that user's hold every
 * capability in it, as those hold who have a capability in parent.
 *
 * Returns 0 or: -EFAULT a NULL (a map may be NULL when its count is 0);
 * -EINVAL more than 340 extents, one that is empty, runs past the last id or
 * overlaps another, inside or outside; -EPERM an extent's outside ids are not
 * all in one extent of parent's; -ENOSPC more than 33 namespaces deep;
 * -ENOMEM. *out gets one reference and is untouched on failure. A namespace
 * belongs to its instance, and does not keep it: give it back before the
 * instance's last reference. Any thread. Since 0.1. See user_namespaces(7).
 */
VFS_API int vfs_userns_create(struct vfs_userns *parent,
			      const struct vfs_id_map *uid_map, size_t uid_maps,
			      const struct vfs_id_map *gid_map, size_t gid_maps,
			      struct vfs_userns **out);

/*
 * Gives userns the maps that it does not have yet: what writing to a process's
 * uid_map and gid_map does. A count of 0 leaves that map as it is.
 *
 * Returns 0 or: -EFAULT a NULL, as above; -EINVAL as above, or both counts are
 * 0; -EPERM as above, or a map has been set before (the root's is); -ENOMEM.
 * Any thread. Since 0.1. See user_namespaces(7).
 */
VFS_API int vfs_userns_set_maps(struct vfs_userns *userns,
				const struct vfs_id_map *uid_map,
				size_t uid_maps,
				const struct vfs_id_map *gid_map,
				size_t gid_maps);

/* One more reference; returns userns. NULL gives NULL. Any thread. Since 0.1.
 */
VFS_API struct vfs_userns *vfs_userns_ref(struct vfs_userns *userns);

/* Gives a reference back. NULL is accepted. Any thread. Since 0.1. */
VFS_API void vfs_userns_unref(struct vfs_userns *userns);

/* The namespace of the task's credentials, with a reference for the caller.
 * NULL for NULL. Any thread. Since 0.1. */
VFS_API struct vfs_userns *vfs_task_userns(struct vfs_task *task);

#ifdef __cplusplus
}
#endif

#endif
