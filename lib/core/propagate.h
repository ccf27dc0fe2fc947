/* SPDX-License-Identifier: MIT */
/*
 * Propagation (the kernel's sharedsubtree document): peer groups, slaves, and
 * where a mount or an umount goes besides.
 *
 * A shared mount is in one peer group; a slave has a master group, which is
 * the same for all members of a group. A group whose last member leaves hands
 * its slaves to that member's master. Everything here wants vfs.mounts.lock.
 */
#ifndef VFS__PROPAGATE_H
#define VFS__PROPAGATE_H

#include "core/mount_tree.h"

struct vfs__peers {
	uint32_t id;		  /* constant: shared:N */
	bool queued;		  /* of one propagation */
	struct vfs__list members; /* peer_link of mounts */
	struct vfs__list slaves;  /* slave_link of mounts */
	struct vfs__list work;	  /* of one propagation */
	struct vfs_mount *from;	  /* of one propagation: what is copied */
};

/* - mnt is shared, in a group of its own if it was not. 0, -ENOMEM. It may be
 *   undone: UNBINDABLE is cleared by the caller, when nothing else can fail. */
int vfs__peers_share(struct vfs__thread *thread, struct vfs_mount *mnt);
/* - mnt becomes old's peer (which is shared). */
void vfs__peers_join(struct vfs_mount *mnt, const struct vfs_mount *old);
void vfs__peers_enslave(struct vfs_mount *mnt, struct vfs__peers *master);
/* - mnt is neither shared nor a slave any more. */
void vfs__peers_leave(struct vfs__thread *thread, struct vfs_mount *mnt);
/* - type: MS_SHARED (0 or -ENOMEM), MS_PRIVATE, MS_SLAVE, MS_UNBINDABLE. */
int vfs__propagation_change(struct vfs__thread *thread, struct vfs_mount *mnt,
			    uint64_t type);
/* - The first group from mnt's master on upwards of which a member is in ns and
 *   reachable from root; its number, or 0: propagate_from. */
uint32_t vfs__peers_dominating(struct vfs__thread *thread,
			       const struct vfs_mount *mnt,
			       const struct vfs__path *root);

/*
 * - Copies of source for everything that receives what is mounted at `at`: in
 *   *copies by out_link, each with `to`.
 * - On failure *copies has what was made so far.
 */
int vfs__propagate_attach(struct vfs__thread *thread, struct vfs_mount *source,
			  const struct vfs__path *at, struct vfs__list *copies);
/* - Adds what goes with the mounts of *set (out_link, marked) to it, marked. */
void vfs__propagate_umount(struct vfs__list *set);
/* - What covers mnt, which goes, and stays: off its place, in *covers by
 *   out_link, and to be put at (to, drop). Inside the rename sequence. */
void vfs__propagate_slide(struct vfs__thread *thread, struct vfs_mount *mnt,
			  struct vfs__list *covers);
/* - Whether somebody uses mnt (besides `users` references) or one that would go
 *   with it. */
bool vfs__propagate_busy(struct vfs_mount *mnt, int64_t users);

#endif
