/* SPDX-License-Identifier: MIT */
/*
 * Mounts: a file system's subtree at a place in the tree, and the namespace
 * that the tree belongs to.
 *
 * References. `refs` is sharded by thread, because every open file counts:
 * inc and dec touch the thread's own line, the sum is taken by umount only.
 * A mount holds its root dentry, its mount point dentry, its parent and its
 * super. Found without locks by (parent mount, mount point dentry) in a hash
 * table whose entries are freed after a grace period.
 */
#ifndef VFS__MOUNT_H
#define VFS__MOUNT_H

#include <stdbool.h>
#include <vfs/sys/backend.h>

#include "core/dentry.h"
#include "core/inode.h"
#include "util/domain.h"
#include "util/lock.h"
#include "util/shard.h"

struct vfs__namespace;

/* vfs_mount.flags; values are ST_* of statvfs */
#define VFS__MNT_RDONLY 0x1u
#define VFS__MNT_NOSUID 0x2u
#define VFS__MNT_NODEV 0x4u
#define VFS__MNT_NOEXEC 0x8u
#define VFS__MNT_NOATIME 0x400u
#define VFS__MNT_NODIRATIME 0x800u
#define VFS__MNT_RELATIME 0x1000u
#define VFS__MNT_NOSYMFOLLOW 0x2000u

struct vfs_mount {
	struct vfs_super *super;       /* constant; counted */
	struct vfs_dentry *root;       /* constant; referenced */
	struct vfs_mount *parent;      /* itself for a root; namespace lock */
	struct vfs_dentry *mountpoint; /* in parent; namespace lock */
	struct vfs_mount *next;	       /* hash chain: mounts.lock */
	struct vfs__namespace *ns;
	struct vfs *vfs;
	uint64_t id;
	uint32_t flags; /* atomic: VFS__MNT_* */
	struct vfs__refs refs;
};

struct vfs__namespace {
	uint32_t ref;
	struct vfs_mount *root;
};

/* A place in the tree. */
struct vfs__path {
	struct vfs_mount *mnt;
	struct vfs_dentry *dentry;
};

#define VFS__MOUNT_BUCKETS 64u

struct vfs__mounts {
	struct vfs__mutex lock;			       /* rank NAMESPACE */
	struct vfs_mount *buckets[VFS__MOUNT_BUCKETS]; /* atomic heads */
};

/* -- supers -- */

/* - The registered type of that name, or NULL. */
const struct vfs_filesystem_type *vfs__type_find(struct vfs *vfs,
						 const char *name);
/* - A super of type with its root dentry (one reference) in *root.
 * - Errors: those of the type's mount, -ENOMEM. */
int vfs__super_create(struct vfs__thread *thread, struct vfs *vfs,
		      const struct vfs_filesystem_type *type,
		      const struct vfs_mount_args *args, struct vfs_super **out,
		      struct vfs_dentry **root);
/* - Shuts the cache of it down, evicts, calls unmount, frees. */
void vfs__super_destroy(struct vfs__thread *thread, struct vfs_super *super);

/* -- mounts -- */

/* - Takes super and root over on success. One reference for the caller. */
int vfs__mount_create(struct vfs__thread *thread, struct vfs *vfs,
		      struct vfs_super *super, struct vfs_dentry *root,
		      uint32_t flags, struct vfs_mount **out);
/* - Puts mnt on top of `at`. Takes the lock. */
int vfs__mount_attach(struct vfs__thread *thread, struct vfs *vfs,
		      struct vfs_mount *mnt, const struct vfs__path *at);
/* - Takes mnt off its place again. */
void vfs__mount_detach(struct vfs__thread *thread, struct vfs *vfs,
		       struct vfs_mount *mnt);
/* - Frees a detached mount that nobody uses, with its super. */
void vfs__mount_destroy(struct vfs__thread *thread, struct vfs *vfs,
			struct vfs_mount *mnt);
/* - The mount on (mnt, dentry), or NULL; inside a section, no reference. */
struct vfs_mount *vfs__mount_lookup(const struct vfs *vfs,
				    const struct vfs_mount *mnt,
				    const struct vfs_dentry *dentry);

static inline void vfs__mount_ref(struct vfs__thread *thread,
				  struct vfs_mount *mnt)
{
	vfs__refs_add(&mnt->refs, thread, VFS__REFS_USERS, 1);
}

static inline void vfs__mount_unref(struct vfs__thread *thread,
				    struct vfs_mount *mnt)
{
	vfs__refs_add(&mnt->refs, thread, VFS__REFS_USERS, -1);
}

static inline uint32_t vfs__mount_flags(const struct vfs_mount *mnt)
{
	return VFS_READ_ONCE(mnt->flags);
}

/* Whether a change is refused here; -EROFS or 0. Paired with _write_end. */
static inline int vfs__mount_write_begin(struct vfs__thread *thread,
					 struct vfs_mount *mnt)
{
	vfs__refs_add(&mnt->refs, thread, VFS__REFS_WRITERS, 1);
	if ((vfs__mount_flags(mnt) & VFS__MNT_RDONLY) ||
	    (VFS_READ_ONCE(mnt->super->flags) & VFS_SUPER_RDONLY)) {
		vfs__refs_add(&mnt->refs, thread, VFS__REFS_WRITERS, -1);
		return -30; /* EROFS */
	}
	return 0;
}

static inline void vfs__mount_write_end(struct vfs__thread *thread,
					struct vfs_mount *mnt)
{
	vfs__refs_add(&mnt->refs, thread, VFS__REFS_WRITERS, -1);
}

static inline bool vfs__mount_readonly(const struct vfs_mount *mnt)
{
	return (vfs__mount_flags(mnt) & VFS__MNT_RDONLY) ||
	       (VFS_READ_ONCE(mnt->super->flags) & VFS_SUPER_RDONLY);
}

/* Something at path was read: atime, unless the mount says otherwise. */
static inline void vfs__path_accessed(const struct vfs__path *path,
				      struct vfs_inode *inode)
{
	uint32_t flags = vfs__mount_flags(path->mnt);

	if (flags & (VFS__MNT_NOATIME | VFS__MNT_RDONLY))
		return;
	if ((flags & VFS__MNT_NODIRATIME) && vfs__inode_is_dir(inode))
		return;
	if (__builtin_expect(!(flags & VFS__MNT_RELATIME), 0))
		vfs__inode_accessed_strictly(inode);
	else
		vfs__inode_accessed(inode);
}

static inline void vfs__path_ref(struct vfs__thread *thread,
				 const struct vfs__path *path)
{
	vfs__mount_ref(thread, path->mnt);
	vfs__dentry_ref(path->dentry);
}

/* - Not inside a section. */
static inline void vfs__path_unref(struct vfs__thread *thread,
				   const struct vfs__path *path)
{
	vfs__dentry_unref(thread, path->dentry);
	vfs__mount_unref(thread, path->mnt);
}

#endif
