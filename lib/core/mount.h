/* SPDX-License-Identifier: MIT */
/*
 * Mounts: a file system's subtree at a place in the tree.
 *
 * Life. A mount is made alone (vfs__mount_create, _clone), belongs to a tree
 * under a namespace, and is taken out by umount. In the tree it is held by the
 * tree; `refs` counts users besides (open files, working directories, walks).
 * It is sharded by thread: inc and dec touch the thread's own line, without a
 * locked instruction. Once taken out a mount is `dying`: users then give back
 * under the zombies' lock, which makes the sum exact, and whoever makes it 0
 * waits a grace period, sums again (a walk that had found the mount without a
 * reference may have taken one meanwhile) and destroys.
 *
 * A user that looked at `dying` just before it was set may still give back
 * without looking again: such a mount is found by the next umount, or at the
 * instance's end.
 *
 * A mount holds its root dentry, its mount point's dentry and its super. Its
 * parent is not counted: a mount with children is never destroyed.
 *
 * Found without locks by (parent mount, mount point dentry) in a hash table.
 * What changes a place that a walk may be standing on, or takes one away,
 * happens inside the name cache's rename sequence, so that walks without locks
 * notice.
 */
#ifndef VFS__MOUNT_H
#define VFS__MOUNT_H

#include <errno.h>
#include <stdbool.h>
#include <vfs/sys/backend.h>

#include "core/dentry.h"
#include "core/inode.h"
#include "util/domain.h"
#include "util/list.h"
#include "util/lock.h"
#include "util/shard.h"

struct vfs__namespace;
struct vfs__peers;

/* vfs_mount.flags; the first are values of statvfs's ST_* */
#define VFS__MNT_RDONLY 0x1u
#define VFS__MNT_NOSUID 0x2u
#define VFS__MNT_NODEV 0x4u
#define VFS__MNT_NOEXEC 0x8u
#define VFS__MNT_NOATIME 0x400u
#define VFS__MNT_NODIRATIME 0x800u
#define VFS__MNT_RELATIME 0x1000u
#define VFS__MNT_NOSYMFOLLOW 0x2000u
/* what statfs, mountinfo and mount_setattr speak of */
#define VFS__MNT_SHOWN 0x3c0fu
#define VFS__MNT_ATIME \
	(VFS__MNT_NOATIME | VFS__MNT_NODIRATIME | VFS__MNT_RELATIME)
#define VFS__MNT_UNBINDABLE 0x10000u
/* may not be taken off its place, nor lose these flags */
#define VFS__MNT_LOCKED 0x20000u
#define VFS__MNT_LOCK_ATIME 0x40000u
#define VFS__MNT_LOCK_NOEXEC 0x80000u
#define VFS__MNT_LOCK_NOSUID 0x100000u
#define VFS__MNT_LOCK_NODEV 0x200000u
#define VFS__MNT_LOCK_READONLY 0x400000u
/* somebody counts the writers, of the mount or of all of its file system's: who
 * wants to write waits */
#define VFS__MNT_HOLD 0x800000u
#define VFS__MNT_HOLD_ALL 0x2000000u
#define VFS__MNT_HELD (VFS__MNT_HOLD | VFS__MNT_HOLD_ALL)
/* the core's own: nothing is mounted on, bound or unmounted */
#define VFS__MNT_INTERNAL 0x1000000u

/* in vfs_super.flags, beside the public ones: new mounts are held, too;
 * super_lock and options_lock */
#define VFS__SUPER_HELD (UINT64_C(1) << 63)

struct vfs_mount {
	/* what walks read */
	struct vfs_super *super;       /* constant; counted */
	struct vfs_dentry *root;       /* constant; referenced */
	struct vfs_userns *idmap;      /* see userns.h; atomic, set once,
					* referenced; NULL: none */
	struct vfs_mount *parent;      /* itself for a root; lock, atomic */
	struct vfs_dentry *mountpoint; /* root for a root; lock, atomic */
	struct vfs_mount *next;	       /* chain by place: lock, atomic */
	uint32_t flags;		       /* atomic: VFS__MNT_* */
	uint8_t dying;		       /* atomic: out of the tree for good */
	uint8_t expiring;	       /* atomic: MNT_EXPIRE, not used since */
	uint8_t zombie;		       /* in zombies: zombie_lock */
	uint8_t mark;		       /* of one operation: lock */
	struct vfs__refs refs;
	struct vfs *vfs;
	uint64_t id; /* constant */

	/* vfs.mounts.lock: */
	struct vfs__namespace *ns; /* atomic; NULL: in none */
	struct vfs_mount *next_at; /* chain by mount point: atomic */
	struct vfs__list children; /* of child_link, in order of mounting */
	struct vfs__list child_link;
	struct vfs__list ns_link;
	struct vfs__list out_link;   /* being taken out, or a zombie */
	struct vfs__list super_link; /* super's list: super_lock */
	struct vfs_dentry *drop;     /* the mount point that it had */
	struct vfs_mount *twin;	     /* of one copying: its copy */
	struct vfs_mount *to;	     /* of one propagation: what gets it */
	/* propagate.c */
	struct vfs__peers *group;  /* NULL: not shared */
	struct vfs__peers *master; /* NULL: nobody's slave */
	struct vfs__list peer_link;
	struct vfs__list slave_link;
	char *source; /* constant; NULL: none */
};

/* A place in the tree. */
struct vfs__path {
	struct vfs_mount *mnt;
	struct vfs_dentry *dentry;
};

/* Member by member: a load of both at once would wait until the stores of each,
 * if they are not long past, have reached the cache. */
static inline void vfs__path_set(struct vfs__path *to,
				 const struct vfs__path *from)
{
	to->mnt = from->mnt;
	VFS__COMPILER_FENCE();
	to->dentry = from->dentry;
}

/* Chains by place, then as many by mount point. */
struct vfs__mount_table {
	uint64_t mask; /* constant */
	struct vfs_mount *chains[];
};

struct vfs__mounts {
	/* rank NAMESPACE: the trees, namespaces and peer groups */
	struct vfs__mutex lock;
	struct vfs__mount_table *table; /* atomic */
	uint64_t count;			/* hashed: lock */
	uint32_t next_group;		/* lock */
	uint64_t next_ns;		/* atomic */
	uint64_t max;			/* constant: in one namespace */

	struct vfs__mutex zombie_lock; /* a leaf: zombies, dying refs */
	struct vfs__list zombies;
	struct vfs__list namespaces;  /* without a reference: zombie_lock */
	struct vfs__mutex super_lock; /* a leaf: the supers' lists */
	struct vfs__list supers;
};

/* -- supers: super.c -- */

/* - The registered type of that name, or NULL. */
const struct vfs_filesystem_type *vfs__type_find(struct vfs *vfs,
						 const char *name);
/* - Whether a type's table makes sense: 0 or -EINVAL. */
int vfs__type_check(const struct vfs_filesystem_type *type);
/* - A super of type with its root dentry (one reference) in *root.
 * - Errors: those of the type's mount, -ENOMEM. */
int vfs__super_create(struct vfs__thread *thread, struct vfs *vfs,
		      const struct vfs_filesystem_type *type,
		      const struct vfs_mount_args *args, struct vfs_super **out,
		      struct vfs_dentry **root);
struct vfs_super *vfs__super_ref(struct vfs_super *super);
/* - With the last one: shuts the cache of it down, evicts, calls unmount,
 *   frees. Not inside a section, no inode locked. */
void vfs__super_unref(struct vfs__thread *thread, struct vfs_super *super);
/*
 * - For who has a name or an inode of super without having a mount: super's end
 *   waits for _unpin, which comes when that has been given back. What is
 * between the two waits for nobody who may be ending a super.
 * - Under the lock under which the end of super would find the piece.
 */
void vfs__super_pin(struct vfs_super *super);
void vfs__super_unpin(struct vfs_super *super);
/* - Its root, without a reference of its own. */
struct vfs__mutex *vfs__super_rename_lock(struct vfs_super *super);
struct vfs__mutex *vfs__super_acl_lock(struct vfs_super *super);
/* - How often ACLs of inode, or of some others, were no longer believed: under
 *   that lock. */
uint32_t *vfs__super_acl_turn(const struct vfs_inode *inode);
struct vfs_dentry *vfs__super_root(struct vfs_super *super);
/* - Mounts of it: super_lock. */
struct vfs__list *vfs__super_mounts(struct vfs_super *super);
/* - Takes and gives the right to change super's options. */
void vfs__super_lock(struct vfs_super *super);
void vfs__super_unlock(struct vfs_super *super);
/* - Calls sync of every super there is. */
void vfs__supers_sync(struct vfs__thread *thread, struct vfs *vfs);

/* -- mounts: mount.c -- */

int vfs__mounts_init(struct vfs *vfs, uint64_t max);
void vfs__mounts_fini(struct vfs *vfs);

/* - A mount in no tree. References on super and root pass on success; source
 *   is copied, NULL is accepted. 0, -ENOMEM. */
int vfs__mount_create(struct vfs__thread *thread, struct vfs *vfs,
		      struct vfs_super *super, struct vfs_dentry *root,
		      uint32_t flags, const char *source,
		      struct vfs_mount **out);
/* - One that was never in a tree, or is out of it without a user left. */
void vfs__mount_destroy(struct vfs__thread *thread, struct vfs_mount *mnt);

/* - Puts mnt at (parent, dentry), where no other mount is. Takes a reference
 *   on dentry. Lock held. */
void vfs__mount_hash(struct vfs_mount *mnt, struct vfs_mount *parent,
		     struct vfs_dentry *dentry);
/* - Off its place; the reference on the mount point's dentry is the caller's.
 *   Lock held, inside the rename sequence if a walk may be there. */
struct vfs_dentry *vfs__mount_unhash(struct vfs_mount *mnt);
/* - For that dentry, when no other mount will be put there: who removes its
 * name need not look for mounts any more. Lock held. */
void vfs__mount_left(struct vfs *vfs, struct vfs_dentry *dentry);
/* - The same for good: mnt is dying, keeps the dentry, and keeps the file
 * system that it is of alive until vfs__mount_drop. A root has nothing to keep.
 */
void vfs__mount_take_off(struct vfs_mount *mnt);
void vfs__mount_drop(struct vfs__thread *thread, struct vfs_mount *mnt);
/* - Room for more, so that chains stay short. Lock held, not inside the
 *   rename sequence. */
void vfs__mounts_grow(struct vfs__thread *thread, struct vfs *vfs);

/* - The mount on (mnt, dentry), or NULL; inside a section and to be validated,
 *   or with the lock held; no reference. */
struct vfs_mount *vfs__mount_lookup(const struct vfs *vfs,
				    const struct vfs_mount *mnt,
				    const struct vfs_dentry *dentry);
/* - Some mount on dentry, by whatever parent, or NULL. Lock held. */
struct vfs_mount *vfs__mount_on(struct vfs *vfs,
				const struct vfs_dentry *dentry);
/* - One step down onto what is mounted on *at, with references; false: nothing
 *   is. Takes sections of its own. */
bool vfs__mount_down(struct vfs__thread *thread, struct vfs *vfs,
		     struct vfs__path *at);
/* - Where mnt (referenced) is mounted, referenced; false: nowhere. */
bool vfs__mount_up(struct vfs__thread *thread, struct vfs *vfs,
		   const struct vfs_mount *mnt, struct vfs__path *up);
/* - Is there a directory above mnt's root, that is not one itself and comes
 *   before *root is met? mnt is referenced. Takes sections of its own. */
bool vfs__mount_leads_up(struct vfs__thread *thread, struct vfs *vfs,
			 const struct vfs_mount *mnt,
			 const struct vfs__path *root);
/* - Whether anything of namespace ns (NULL: of any) is mounted on dentry. */
bool vfs__mounted_in(struct vfs__thread *thread, struct vfs *vfs,
		     const struct vfs__namespace *ns,
		     const struct vfs_dentry *dentry);

/* - The end of taking mounts (of out_link, dying or with a parent that is) out
 *   of the tree: those that nobody uses are destroyed, now or when their last
 *   user goes. Without the lock, outside sections; may wait. */
void vfs__mounts_release(struct vfs__thread *thread, struct vfs *vfs,
			 struct vfs__list *out);
/* - Destroys what nobody uses any more, and namespaces that nobody has. */
void vfs__mounts_collect(struct vfs__thread *thread, struct vfs *vfs);
/* - Gives back a reference on a dying mount. */
void vfs__mount_unref_dying(struct vfs__thread *thread, struct vfs_mount *mnt);

static inline void vfs__mount_ref(struct vfs__thread *thread,
				  struct vfs_mount *mnt)
{
	vfs__refs_add(&mnt->refs, thread, VFS__REFS_USERS, 1);
}

/* - Not inside a section, no inode locked. */
static inline void vfs__mount_unref(struct vfs__thread *thread,
				    struct vfs_mount *mnt)
{
	if (__builtin_expect(VFS_READ_ONCE(mnt->dying), 0))
		vfs__mount_unref_dying(thread, mnt);
	else
		vfs__refs_add(&mnt->refs, thread, VFS__REFS_USERS, -1);
}

/* - What the mount does to ids: valid as long as mnt is. */
static inline const struct vfs_userns *
vfs__mount_idmap(const struct vfs_mount *mnt)
{
	return VFS_LOAD_POINTER(mnt->idmap);
}
/* - mnt's ids go through ns from now on, which gets a reference. -EPERM: mnt
 *   has a mapping already. */
int vfs__mount_set_idmap(struct vfs_mount *mnt, struct vfs_userns *ns);

static inline uint32_t vfs__mount_flags(const struct vfs_mount *mnt)
{
	return VFS_READ_ONCE(mnt->flags);
}

/* - Lock held; the flags of mounts in use change one bit or more at a time,
 *   HOLD without the lock. */
void vfs__mount_set_flags(struct vfs_mount *mnt, uint32_t mask, uint32_t flags);

static inline bool vfs__mount_is_root(const struct vfs_mount *mnt)
{
	return mnt->parent == mnt;
}

/* -- writers: remount.c counts them -- */

/* - What _write_begin does when it is not plain: waits while somebody counts
 *   writers. 0 (counted), -EROFS. */
int vfs__mount_write_wait(struct vfs__thread *thread, struct vfs_mount *mnt);

/* Whether a change is refused here; -EROFS or 0. Paired with _write_end. */
static inline int vfs__mount_write_begin(struct vfs__thread *thread,
					 struct vfs_mount *mnt)
{
	vfs__refs_add(&mnt->refs, thread, VFS__REFS_WRITERS, 1);
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
	if (__builtin_expect((vfs__mount_flags(mnt) &
			      (VFS__MNT_RDONLY | VFS__MNT_HELD)) ||
				     (VFS_READ_ONCE(mnt->super->flags) &
				      VFS_SUPER_RDONLY),
			     0))
		return vfs__mount_write_wait(thread, mnt);
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

/* Every read leaves a trace: relatime was taken off the mount after a file was
 * opened, perhaps, that is read the straight way. */
static inline bool vfs__mount_traces_all(const struct vfs_mount *mnt)
{
	return !(vfs__mount_flags(mnt) &
		 (VFS__MNT_RELATIME | VFS__MNT_NOATIME));
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
	if (flags & VFS__MNT_RELATIME)
		vfs__inode_accessed(inode);
	else
		vfs__inode_accessed_strictly(inode);
}

/* Whether that would leave a time. */
static inline bool vfs__path_access_due(const struct vfs__path *path,
					const struct vfs_inode *inode)
{
	uint32_t flags = vfs__mount_flags(path->mnt);

	if (flags & (VFS__MNT_NOATIME | VFS__MNT_RDONLY))
		return false;
	return !(flags & VFS__MNT_RELATIME) || vfs__inode_access_due(inode);
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
