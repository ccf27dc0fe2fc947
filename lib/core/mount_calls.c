/* SPDX-License-Identifier: MIT */
/*
 * mount(2): new mounts, binds, moves, propagation. Contract: mount_calls.h.
 * The order of checks is Linux's, because the order of errors is.
 */
#include "core/mount_calls.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <string.h>

#include "core/cred.h"
#include "core/namespace.h"
#include "core/nsfs.h"
#include "core/pathname.h"
#include "core/propagate.h"
#include "core/walk.h"
#include "util/epoch.h"

#define MAGIC UINT64_C(0xc0ed0000)
#define MAGIC_MASK UINT64_C(0xffff0000)
#define NOUSER (UINT64_C(1) << 31)
#define PROPAGATION \
	(UINT64_C(0) | MS_SHARED | MS_PRIVATE | MS_SLAVE | MS_UNBINDABLE)

/* ---- who may ---- */

bool vfs__may_administer(struct vfs__thread *thread, struct vfs_task *task,
			 const struct vfs_userns *userns)
{
	bool may;

	vfs__epoch_enter(thread);
	may = vfs__capable_in(vfs__task_cred_peek(task), userns,
			      VFS_CAP_SYS_ADMIN);
	vfs__epoch_leave(thread);
	return may;
}

bool vfs__may_mount_in(struct vfs__thread *thread, struct vfs_task *task,
		       const struct vfs__namespace *ns)
{
	return vfs__may_administer(thread, task, ns->owner);
}

bool vfs__may_mount(struct vfs__thread *thread, struct vfs_task *task)
{
	bool may;

	vfs__epoch_enter(thread);
	may = vfs__may_mount_in(thread, task, VFS_LOAD_POINTER(task->ns));
	vfs__epoch_leave(thread);
	return may;
}

/* ---- places to mount on ---- */

/*
 * Locks the directory (shared) that dentry has its name in. False: it has
 * another by now, and *left, which it had, is to be given back without the tree
 * lock, as the reference may be the last.
 */
static bool lock_parent(struct vfs__thread *thread, struct vfs_dentry *dentry,
			struct vfs_dentry **left)
{
	struct vfs_dentry *parent;

	vfs__epoch_enter(thread);
	do {
		parent = vfs__dentry_parent(dentry);
	} while (!vfs__dentry_tryref(parent));
	vfs__epoch_leave(thread);
	vfs__inode_lock_shared(parent->inode);
	if (vfs__dentry_parent(dentry) != parent) {
		vfs__inode_unlock_shared(parent->inode);
		*left = parent;
		return false;
	}
	/* dentry has one too, and keeps it while it cannot be moved */
	vfs__dentry_unref(thread, parent);
	return true;
}

static bool is_removed(const struct vfs_dentry *dentry)
{
	if (VFS_READ_ONCE(dentry->inode->flags) & VFS_INODE_DEAD)
		return true;
	return !vfs__dentry_is_root(dentry) && !vfs__dentry_hashed(dentry);
}

/* Sets MOUNTED while the name is there and nobody can take it away: who removes
 * or forgets it afterwards looks for mounts. 0, -ENOENT, or as lock_parent
 * -EAGAIN. Tree lock held. */
static int pin_place(struct vfs__thread *thread, struct vfs_dentry *dentry,
		     struct vfs_dentry **left)
{
	struct vfs_inode *parent;
	bool removed;

	if (!lock_parent(thread, dentry, left))
		return -EAGAIN;
	parent = dentry->parent->inode;
	removed = is_removed(dentry);
	if (!removed)
		vfs__dentry_set(dentry, VFS__DENTRY_MOUNTED);
	vfs__epoch_enter(thread);
	vfs__inode_unlock_shared(parent);
	vfs__epoch_leave(thread);
	return removed ? -ENOENT : 0;
}

int vfs__attach_lock(struct vfs__thread *thread, struct vfs_task *task,
		     struct vfs__path *at, bool beneath)
{
	struct vfs_dentry *place, *left = NULL;
	int err;

	do {
		vfs__dentry_unref(thread, left);
		left = NULL;
		vfs__tree_lock(task->vfs);
		/* what is in a namespace under the lock is not dying: giving it
		 * back is no more than that */
		while (at->mnt->ns && vfs__mount_down(thread, task->vfs, at))
			;
		/* on the core's own nothing is mounted: the callers say so */
		place = beneath ? at->mnt->mountpoint : at->dentry;
		err = -ENOENT;
		if (at->mnt->ns ||
		    (vfs__mount_flags(at->mnt) & VFS__MNT_INTERNAL))
			err = pin_place(thread, place, &left);
		if (err)
			vfs__tree_unlock(task->vfs);
	} while (err == -EAGAIN);
	return err;
}

void vfs__attach_unlock(struct vfs__thread *thread, struct vfs_task *task,
			struct vfs__path *at, struct vfs__list *out)
{
	vfs__mount_left(task->vfs, at->dentry);
	vfs__tree_unlock(task->vfs);
	vfs__mounts_release(thread, task->vfs, out);
}

int vfs__attach_new(struct vfs__thread *thread, struct vfs_mount *mnt,
		    const struct vfs__path *at, struct vfs__list *out)
{
	if (vfs__inode_is_dir(mnt->root->inode) !=
	    vfs__inode_is_dir(at->dentry->inode))
		return -ENOTDIR;
	return vfs__tree_attach(thread, mnt, at, out);
}

/* ---- new mounts ---- */

uint32_t vfs__mount_attributes(uint64_t flags)
{
	static const struct {
		uint64_t ms;
		uint32_t mnt;
	} table[] = {
		{MS_RDONLY, VFS__MNT_RDONLY},
		{MS_NOSUID, VFS__MNT_NOSUID},
		{MS_NODEV, VFS__MNT_NODEV},
		{MS_NOEXEC, VFS__MNT_NOEXEC},
		{MS_NOATIME, VFS__MNT_NOATIME},
		{MS_NODIRATIME, VFS__MNT_NODIRATIME},
		{MS_NOSYMFOLLOW, VFS__MNT_NOSYMFOLLOW},
	};
	uint32_t result = flags & MS_NOATIME ? 0 : VFS__MNT_RELATIME;

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		if (flags & table[i].ms)
			result |= table[i].mnt;
	if (flags & MS_STRICTATIME)
		result &= ~(VFS__MNT_RELATIME | VFS__MNT_NOATIME);
	return result;
}

bool vfs__may_make(const struct vfs_cred *cred,
		   const struct vfs_filesystem_type *type,
		   const struct vfs_userns *userns)
{
	if (!(type->flags & VFS_FS_USERNS))
		userns = NULL;
	return vfs__capable_in(cred, userns, VFS_CAP_SYS_ADMIN);
}

int vfs__mount_make(struct vfs__thread *thread, struct vfs_task *task,
		    const struct vfs_filesystem_type *type, const char *source,
		    uint64_t flags, const char *data, struct vfs_mount **out)
{
	struct vfs_cred *cred = vfs__task_cred(thread, task);
	struct vfs_mount_args args = {
		.size = sizeof(args),
		.source = source,
		.options = data,
		.uid = cred->fsuid,
		.gid = cred->fsgid,
		.userns = cred->userns,
	};
	struct vfs_super *super;
	struct vfs_dentry *root;
	int err = -EPERM;

	/* it belongs to the user namespace of who mounts it */
	if (vfs__may_make(cred, type, cred->userns))
		err = vfs__super_create(thread, task->vfs, type, &args, &super,
					&root);
	vfs__task_cred_put(thread, cred);
	if (err)
		return err;
	VFS_WRITE_ONCE(super->flags, super->flags | vfs__super_flags(flags));
	err = vfs__mount_create(thread, task->vfs, super, root,
				vfs__mount_attributes(flags), source, out);
	if (err) {
		vfs__dentry_unref(thread, root);
		vfs__super_unref(thread, super);
	}
	return err;
}

static int mount_type(struct vfs__thread *thread, struct vfs_task *task,
		      struct vfs__path *at, const char *source,
		      const struct vfs_filesystem_type *type, uint64_t flags,
		      const char *data)
{
	struct vfs_mount *mnt;
	struct vfs__list out;
	int err;

	err = vfs__mount_make(thread, task, type, source, flags, data, &mnt);
	if (err)
		return err;
	vfs__list_init(&out);
	err = vfs__attach_lock(thread, task, at, false);
	if (!err) {
		err = vfs__in_own_namespace(task, at->mnt) ? 0 : -EINVAL;
		if (!err)
			err = vfs__attach_new(thread, mnt, at, &out);
		vfs__attach_unlock(thread, task, at, &out);
	}
	if (err)
		vfs__mount_destroy(thread, mnt);
	return err;
}

static int new_mount(struct vfs__thread *thread, struct vfs_task *task,
		     struct vfs__path *at, const char *source, const char *name,
		     uint64_t flags, const char *data)
{
	const struct vfs_filesystem_type *type;

	if (!name)
		return -EINVAL;
	type = vfs__type_find(task->vfs, name);
	return type ? mount_type(thread, task, at, source, type, flags, data)
		    : -ENODEV;
}

int vfs__mount_type(struct vfs__thread *thread, struct vfs_task *task,
		    const struct vfs_filesystem_type *type, const char *source,
		    const char *target, uint64_t flags, const char *data)
{
	struct vfs__path at;
	int err = vfs__type_check(type);

	if (!err && ((flags & (MS_REMOUNT | MS_BIND | MS_MOVE | NOUSER)) ||
		     (flags & PROPAGATION)))
		err = -EINVAL;
	if (!err && !vfs__string_fits(source, VFS__PATH_MAX))
		err = -EINVAL;
	if (!err)
		err = vfs__path_lookup(thread, task, AT_FDCWD, target,
				       VFS__WALK_FOLLOW, &at);
	if (err)
		return err;
	err = vfs__may_mount(thread, task)
		      ? mount_type(thread, task, &at, source, type, flags, data)
		      : -EPERM;
	vfs__path_unref(thread, &at);
	return err;
}

/* ---- binds ---- */

static bool has_locked_children(struct vfs__thread *thread,
				const struct vfs__path *from)
{
	VFS__LIST_EACH (at, &from->mnt->children) {
		const struct vfs_mount *child =
			VFS__LIST_ENTRY(at, struct vfs_mount, child_link);

		if ((vfs__mount_flags(child) & VFS__MNT_LOCKED) &&
		    vfs__dentry_below(thread, child->vfs, child->mountpoint,
				      from->dentry))
			return true;
	}
	return false;
}

/* In a detached tree that was made from what the task's namespace has. */
static bool is_usable(struct vfs__thread *thread, struct vfs_task *task,
		      const struct vfs_mount *mnt)
{
	const struct vfs__namespace *ns = mnt->ns;
	bool usable;

	if (!ns || !ns->anonymous)
		return false;
	vfs__epoch_enter(thread);
	usable = !ns->origin || ns->origin == VFS_LOAD_POINTER(task->ns)->id;
	vfs__epoch_leave(thread);
	return usable;
}

/* A mount of the task's namespace, of a detached tree, or a namespace's file.
 */
static bool may_copy(struct vfs__thread *thread, struct vfs_task *task,
		     const struct vfs__path *from)
{
	return vfs__in_own_namespace(task, from->mnt) ||
	       vfs__nsfs_is_ns(from->dentry) ||
	       is_usable(thread, task, from->mnt);
}

int vfs__bind_copy(struct vfs__thread *thread, struct vfs_task *task,
		   const struct vfs__path *from, bool recursive,
		   struct vfs_mount **out)
{
	int err;

	if (vfs__mount_flags(from->mnt) & VFS__MNT_UNBINDABLE)
		return -EINVAL;
	if (!may_copy(thread, task, from))
		return -EINVAL;
	if (!recursive && has_locked_children(thread, from))
		return -EINVAL;
	if (recursive)
		return vfs__tree_copy(thread, from->mnt, from->dentry,
				      VFS__COPY_NSFILES, out);
	err = vfs__mount_copy(thread, from->mnt, from->dentry, 0, out);
	if (!err)
		vfs__mount_set_flags(*out, VFS__MNT_LOCKED, 0);
	return err;
}

/* A namespace bound into one that is as old or younger would hold itself. */
static bool makes_loop(struct vfs__thread *thread, struct vfs_task *task,
		       const struct vfs__path *from)
{
	const struct vfs__namespace *ns =
		vfs__nsfs_namespace(from->dentry->inode);
	bool loop;

	vfs__epoch_enter(thread);
	loop = ns && ns->id <= VFS_LOAD_POINTER(task->ns)->id;
	vfs__epoch_leave(thread);
	return loop;
}

/* What is to be bound or moved. */
static int look_up_source(struct vfs__thread *thread, struct vfs_task *task,
			  const char *source, struct vfs__path *from)
{
	if (!source || !*source)
		return -EINVAL;
	return vfs__path_lookup(thread, task, AT_FDCWD, source,
				VFS__WALK_FOLLOW, from);
}

static int bind(struct vfs__thread *thread, struct vfs_task *task,
		struct vfs__path *at, const char *source, bool recursive)
{
	struct vfs__path from;
	struct vfs_mount *copy;
	struct vfs__list out;
	int err;

	err = look_up_source(thread, task, source, &from);
	if (err)
		return err;
	vfs__list_init(&out);
	err = makes_loop(thread, task, &from) ? -EINVAL : 0;
	if (!err)
		err = vfs__attach_lock(thread, task, at, false);
	if (!err) {
		err = vfs__in_own_namespace(task, at->mnt) ? 0 : -EINVAL;
		if (!err)
			err = vfs__bind_copy(thread, task, &from, recursive,
					     &copy);
		if (!err) {
			err = vfs__attach_new(thread, copy, at, &out);
			if (err)
				vfs__tree_discard(copy, &out);
		}
		vfs__attach_unlock(thread, task, at, &out);
	}
	vfs__path_unref(thread, &from);
	return err;
}

/* ---- moves ---- */

static bool contains_unbindable(struct vfs_mount *mnt)
{
	for (struct vfs_mount *m = mnt; m; m = vfs__tree_next(m, mnt))
		if (vfs__mount_flags(m) & VFS__MNT_UNBINDABLE)
			return true;
	return false;
}

/* A tree with the namespace that it is going to be in. */
static bool contains_loop(struct vfs_mount *mnt,
			  const struct vfs__namespace *into)
{
	for (struct vfs_mount *m = mnt; m; m = vfs__tree_next(m, mnt)) {
		const struct vfs__namespace *ns =
			vfs__nsfs_namespace(m->root->inode);

		if (ns && ns->id <= into->id)
			return true;
	}
	return false;
}

int vfs__move_locked(struct vfs__thread *thread, struct vfs_task *task,
		     const struct vfs__path *from, const struct vfs__path *to,
		     struct vfs__list *out)
{
	struct vfs_mount *mnt = from->mnt;
	bool attached = !vfs__mount_is_root(mnt);

	if (vfs__in_own_namespace(task, mnt)) {
		if (!attached || !vfs__in_own_namespace(task, to->mnt))
			return -EINVAL;
	} else {
		/* only a whole detached tree may come from elsewhere, and may
		 * go into another */
		if (!mnt->ns || !mnt->ns->anonymous || attached ||
		    mnt->ns == to->mnt->ns)
			return -EINVAL;
		if (!vfs__in_own_namespace(task, to->mnt) &&
		    !is_usable(thread, task, to->mnt))
			return -EINVAL;
	}
	if ((vfs__mount_flags(mnt) & VFS__MNT_LOCKED) ||
	    !vfs__path_is_mount(from) ||
	    vfs__inode_is_dir(to->dentry->inode) !=
		    vfs__inode_is_dir(from->dentry->inode))
		return -EINVAL;
	if (attached && mnt->parent->group)
		return -EINVAL;
	if (to->mnt->group && contains_unbindable(mnt))
		return -EINVAL;
	if (contains_loop(mnt, to->mnt->ns))
		return -ELOOP;
	if (vfs__tree_contains(mnt, to->mnt))
		return -ELOOP;
	return vfs__tree_attach(thread, mnt, to, out);
}

/* Does what is mounted on dentry of from come to cover to by propagation? */
static bool would_cover(const struct vfs_mount *from,
			const struct vfs_mount *to,
			const struct vfs_dentry *dentry)
{
	const struct vfs__peers *peers = to->master;

	if (!from->group || to->root != dentry)
		return false;
	while (peers && peers != from->group)
		peers = VFS__LIST_FIRST(&peers->members, struct vfs_mount,
					peer_link)
				->master;
	return to->group == from->group || peers;
}

int vfs__move_beneath(struct vfs__thread *thread, struct vfs_task *task,
		      const struct vfs__path *from, const struct vfs__path *to,
		      struct vfs__list *out)
{
	struct vfs_mount *mnt = from->mnt, *top = to->mnt;
	struct vfs__path place = {top->parent, top->mountpoint};
	bool task_root;

	if (!vfs__path_is_mount(to) || vfs__mount_is_root(top))
		return -EINVAL;
	vfs__epoch_enter(thread);
	task_root =
		VFS_LOAD_POINTER(VFS_LOAD_POINTER(task->fs)->paths)->root.mnt ==
		top;
	vfs__epoch_leave(thread);
	if ((vfs__mount_flags(top) & VFS__MNT_LOCKED) || task_root ||
	    (top->ns && top->ns->root == place.mnt) ||
	    vfs__mount_lookup(task->vfs, mnt, mnt->root) ||
	    vfs__tree_contains(top, mnt))
		return -EINVAL;
	if (would_cover(place.mnt, top, place.dentry) ||
	    (vfs__in_own_namespace(task, mnt) &&
	     would_cover(place.mnt, mnt, place.dentry)))
		return -EINVAL;
	return vfs__move_locked(thread, task, from, &place, out);
}

static int move(struct vfs__thread *thread, struct vfs_task *task,
		struct vfs__path *at, const char *source)
{
	struct vfs__path from;
	struct vfs__list out;
	int err;

	err = look_up_source(thread, task, source, &from);
	if (err)
		return err;
	vfs__list_init(&out);
	err = vfs__path_is_mount(&from) ? 0 : -EINVAL;
	if (!err)
		err = vfs__attach_lock(thread, task, at, false);
	if (!err) {
		err = vfs__move_locked(thread, task, &from, at, &out);
		vfs__attach_unlock(thread, task, at, &out);
	}
	vfs__path_unref(thread, &from);
	return err;
}

/* ---- propagation ---- */

/* Groups for a whole tree, or for none of it. */
static int share(struct vfs__thread *thread, struct vfs_mount *mnt,
		 bool recursive)
{
	struct vfs_mount *m;
	int err = 0;

	for (m = mnt; m && !err;
	     m = recursive ? vfs__tree_next(m, mnt) : NULL) {
		m->mark = m->group ? 0 : VFS__MARK_SHARED;
		err = vfs__peers_share(thread, m);
	}
	for (m = mnt; m; m = recursive ? vfs__tree_next(m, mnt) : NULL) {
		struct vfs__peers *master = m->master;

		if (err && m->mark && m->group) {
			vfs__peers_leave(thread, m);
			vfs__peers_enslave(m, master);
		}
		if (!err)
			vfs__mount_set_flags(m, VFS__MNT_UNBINDABLE, 0);
		m->mark = 0;
	}
	return err;
}

int vfs__change_type(struct vfs__thread *thread, struct vfs_task *task,
		     const struct vfs__path *path, uint64_t flags)
{
	uint64_t type = flags & ~(UINT64_C(0) | MS_REC | MS_SILENT);
	struct vfs_mount *mnt = path->mnt, *m;
	int err = 0;

	if (!vfs__path_is_mount(path))
		return -EINVAL;
	if ((type & ~PROPAGATION) || (type & (type - 1)))
		return -EINVAL;
	vfs__tree_lock(task->vfs);
	if (!mnt->ns)
		err = -EINVAL;
	else if (!vfs__may_mount_in(thread, task, mnt->ns))
		err = -EPERM;
	else if (type == MS_SHARED)
		err = share(thread, mnt, flags & MS_REC);
	else
		for (m = mnt; m;
		     m = flags & MS_REC ? vfs__tree_next(m, mnt) : NULL)
			vfs__propagation_change(thread, m, type);
	vfs__tree_unlock(task->vfs);
	return err;
}

/* ---- the call ---- */

static int dispatch(struct vfs__thread *thread, struct vfs_task *task,
		    struct vfs__path *at, const char *source, const char *type,
		    uint64_t flags, const char *data)
{
	if ((flags & MAGIC_MASK) == MAGIC)
		flags &= ~MAGIC_MASK;
	if (flags & NOUSER)
		return -EINVAL;
	if (!vfs__may_mount(thread, task))
		return -EPERM;
	if ((flags & MS_REMOUNT) && (flags & MS_BIND))
		return vfs__remount_bind(task, at, flags);
	if (flags & MS_REMOUNT)
		return vfs__remount(thread, task, at, flags, data);
	if (flags & MS_BIND)
		return bind(thread, task, at, source, flags & MS_REC);
	if (flags & PROPAGATION)
		return vfs__change_type(thread, task, at, flags);
	if (flags & MS_MOVE)
		return move(thread, task, at, source);
	return new_mount(thread, task, at, source, type, flags, data);
}

int vfs__mount(struct vfs__thread *thread, struct vfs_task *task,
	       const char *source, const char *target, const char *type,
	       uint64_t flags, const char *data)
{
	struct vfs__path at;
	int err;

	/* also where source is a path */
	if (!vfs__string_fits(type, VFS__PATH_MAX) ||
	    !vfs__string_fits(source, VFS__PATH_MAX))
		return -EINVAL;
	err = vfs__path_lookup(thread, task, AT_FDCWD, target, VFS__WALK_FOLLOW,
			       &at);
	if (err)
		return err;
	err = dispatch(thread, task, &at, source, type, flags, data);
	vfs__path_unref(thread, &at);
	return err;
}
