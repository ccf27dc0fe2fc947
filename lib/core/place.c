/* SPDX-License-Identifier: MIT */
/* Where a dentry is. Contract: place.h. */
#include "core/place.h"

#include <errno.h>
#include <sched.h>
#include <string.h>

#include "core/instance.h"

static void copy_name(struct vfs__place *place, const struct vfs_dentry *d)
{
	if (VFS_LOAD_POINTER(d->flags) & VFS__DENTRY_LONG) {
		place->name.str = vfs__dentry_name(d, &place->name.len);
		if (place->name.len > NAME_MAX)
			place->name.len = NAME_MAX; /* a torn look */
		memcpy(place->text.chars, place->name.str, place->name.len);
	} else {
		for (unsigned i = 0; i < VFS__NAME_INLINE / 8; i++)
			place->text.words[i] =
				VFS_LOAD_POINTER(d->name.words[i]);
		place->name.len = VFS_LOAD_POINTER(d->name_len);
	}
	place->name.str = place->text.chars;
}

/* Who unmounts keeps the sequence odd until the sections have ended. */
void vfs__place_of(struct vfs__thread *thread, struct vfs *vfs,
		   const struct vfs_dentry *d, struct vfs__place *place)
{
	uint64_t renames;
	bool got;

	place->name.hash = 0;
	for (;;) {
		renames =
			__atomic_load_n(&vfs->dcache.renames, __ATOMIC_ACQUIRE);
		vfs__epoch_enter(thread);
		place->parent = vfs__dentry_parent(d);
		copy_name(place, d);
		got = vfs__dcache_unchanged(&vfs->dcache, renames) &&
		      vfs__dentry_tryref(place->parent);
		vfs__epoch_leave(thread);
		if (got)
			return;
		sched_yield();
	}
}

int vfs_current_name(struct vfs *vfs, const struct vfs_inode *inode,
		     struct vfs_inode **dir, char *name)
{
	struct vfs__thread *thread = vfs__self_always(vfs);
	const struct vfs_dentry *d = thread->by_name;
	struct vfs__place place;

	if (!d || vfs__dentry_inode(d) != inode || !vfs__dentry_hashed(d) ||
	    vfs__dentry_is_root(d))
		return -ENOENT;
	vfs__place_of(thread, vfs, d, &place);
	memcpy(name, place.name.str, place.name.len);
	name[place.name.len] = '\0';
	*dir = vfs_inode_ref(vfs__dentry_inode(place.parent));
	vfs__dentry_unref(thread, place.parent);
	return 0;
}
