/* SPDX-License-Identifier: MIT */
/*
 * Trees of mounts. Contract: mount_tree.h. mounts.lock is held throughout.
 *
 * Attaching takes all memory first: the copies that propagation makes are
 * complete before the first of them is put at its place.
 */
#include "core/mount_tree.h"

#include <assert.h>
#include <sched.h>

#include "core/instance.h"
#include "core/nsfs.h"
#include "core/path.h"
#include "core/propagate.h"
#include "core/userns.h"
#include "util/epoch.h"

#define CHILD(at) VFS__LIST_ENTRY(at, struct vfs_mount, child_link)
#define OUT(at) VFS__LIST_ENTRY(at, struct vfs_mount, out_link)

/* ---- going through ---- */

struct vfs_mount *vfs__tree_skip(struct vfs_mount *mnt,
				 const struct vfs_mount *root)
{
	while (mnt != root) {
		struct vfs__list *next = mnt->child_link.next;

		if (next != &mnt->parent->children)
			return CHILD(next);
		mnt = mnt->parent;
	}
	return NULL;
}

struct vfs_mount *vfs__tree_next(struct vfs_mount *mnt,
				 const struct vfs_mount *root)
{
	if (!vfs__list_empty(&mnt->children))
		return CHILD(mnt->children.next);
	return vfs__tree_skip(mnt, root);
}

bool vfs__tree_contains(const struct vfs_mount *root,
			const struct vfs_mount *mnt)
{
	while (mnt != root && !vfs__mount_is_root(mnt))
		mnt = mnt->parent;
	return mnt == root;
}

bool vfs__dentry_below(struct vfs__thread *thread, struct vfs *vfs,
		       const struct vfs_dentry *dentry,
		       const struct vfs_dentry *top)
{
	const struct vfs_dentry *d, *parent;
	uint64_t renames;
	bool valid;

	do {
		renames =
			__atomic_load_n(&vfs->dcache.renames, __ATOMIC_ACQUIRE);
		vfs__epoch_enter(thread);
		for (d = dentry; d != top; d = parent) {
			parent = vfs__dentry_parent(d);
			if (parent == d)
				break;
		}
		valid = vfs__dcache_unchanged(&vfs->dcache, renames);
		vfs__epoch_leave(thread);
		if (!valid)
			sched_yield();
	} while (!valid);
	return d == top;
}

bool vfs__is_reachable(struct vfs__thread *thread,
		       const struct vfs__path *place,
		       const struct vfs__path *root)
{
	struct vfs__path at = *place;

	while (at.mnt != root->mnt && !vfs__mount_is_root(at.mnt)) {
		at.dentry = at.mnt->mountpoint;
		at.mnt = at.mnt->parent;
	}
	return at.mnt == root->mnt &&
	       vfs__dentry_below(thread, at.mnt->vfs, at.dentry, root->dentry);
}

/* ---- copying ---- */

/* What others may not undo: see mount_namespaces(7), restrictions. */
static uint32_t locked_flags(uint32_t flags)
{
	flags |= VFS__MNT_LOCK_ATIME;
	if (flags & VFS__MNT_RDONLY)
		flags |= VFS__MNT_LOCK_READONLY;
	if (flags & VFS__MNT_NODEV)
		flags |= VFS__MNT_LOCK_NODEV;
	if (flags & VFS__MNT_NOSUID)
		flags |= VFS__MNT_LOCK_NOSUID;
	if (flags & VFS__MNT_NOEXEC)
		flags |= VFS__MNT_LOCK_NOEXEC;
	return flags;
}

static int copy_relations(struct vfs__thread *thread, struct vfs_mount *copy,
			  struct vfs_mount *mnt, uint32_t how)
{
	if (how & VFS__COPY_PRIVATE)
		return 0;
	if (how & VFS__COPY_SLAVE) {
		/* of a mount that is not shared: of nobody */
		vfs__peers_enslave(copy, mnt->group ? mnt->group : mnt->master);
		return how & VFS__COPY_SHARED ? vfs__peers_share(thread, copy)
					      : 0;
	}
	if (mnt->group)
		vfs__peers_join(copy, mnt);
	vfs__peers_enslave(copy, mnt->master);
	return how & VFS__COPY_SHARED ? vfs__peers_share(thread, copy) : 0;
}

int vfs__mount_copy(struct vfs__thread *thread, struct vfs_mount *mnt,
		    struct vfs_dentry *root, uint32_t how,
		    struct vfs_mount **out)
{
	uint32_t flags =
		vfs__mount_flags(mnt) &
		~(VFS__MNT_HELD | VFS__MNT_INTERNAL | VFS__MNT_UNBINDABLE);
	struct vfs_mount *copy;
	int err;

	if (how & VFS__COPY_LOCKED)
		flags = locked_flags(flags);
	err = vfs__mount_create(thread, mnt->vfs, vfs__super_ref(mnt->super),
				vfs__dentry_ref(root), flags, mnt->source,
				&copy);
	if (err) {
		vfs__dentry_unref(thread, root);
		vfs__super_unref(thread, mnt->super);
		return err;
	}
	copy->idmap = vfs_userns_ref(VFS_LOAD_POINTER(mnt->idmap));
	err = copy_relations(thread, copy, mnt, how);
	if (err) {
		vfs__peers_leave(thread, copy);
		vfs__mount_destroy(thread, copy);
		return err;
	}
	*out = copy;
	return 0;
}

/* Is m, in the tree that is copied from root of mnt, left out? -EPERM: that
 * would show what it covers. */
static int is_left_out(struct vfs__thread *thread, const struct vfs_mount *mnt,
		       const struct vfs_mount *m, const struct vfs_dentry *root,
		       uint32_t how)
{
	if (m->parent == mnt &&
	    !vfs__dentry_below(thread, m->vfs, m->mountpoint, root))
		return 1;
	if (!(how & VFS__COPY_UNBINDABLE) &&
	    (vfs__mount_flags(m) & VFS__MNT_UNBINDABLE))
		return vfs__mount_flags(m) & VFS__MNT_LOCKED ? -EPERM : 1;
	return !(how & VFS__COPY_NSFILES) && vfs__nsfs_is_mount_ns(m->root);
}

/* m and what is below have no twin; what comes next. */
static struct vfs_mount *leave_out(struct vfs_mount *m,
				   const struct vfs_mount *mnt)
{
	for (struct vfs_mount *p = m; p; p = vfs__tree_next(p, m))
		p->twin = NULL;
	return vfs__tree_skip(m, mnt);
}

int vfs__tree_copy(struct vfs__thread *thread, struct vfs_mount *mnt,
		   struct vfs_dentry *root, uint32_t how,
		   struct vfs_mount **out)
{
	struct vfs_mount *m, *copy;
	struct vfs__list gone;
	int err;

	if (!(how & VFS__COPY_UNBINDABLE) &&
	    (vfs__mount_flags(mnt) & VFS__MNT_UNBINDABLE))
		return -EINVAL;
	err = vfs__mount_copy(thread, mnt, root, how, &mnt->twin);
	if (err)
		return err;
	vfs__mount_set_flags(mnt->twin, VFS__MNT_LOCKED, 0);
	for (m = vfs__tree_next(mnt, mnt); m;) {
		err = is_left_out(thread, mnt, m, root, how);
		if (err > 0) {
			m = leave_out(m, mnt);
			err = 0;
			continue;
		}
		if (!err)
			err = vfs__mount_copy(thread, m, m->root, how, &copy);
		if (err)
			break;
		if (how & VFS__COPY_LOCKED)
			vfs__mount_set_flags(copy, VFS__MNT_LOCKED,
					     VFS__MNT_LOCKED);
		vfs__mount_hash(copy, m->parent->twin, m->mountpoint);
		m->twin = copy;
		m = vfs__tree_next(m, mnt);
	}
	if (err) {
		vfs__list_init(&gone);
		vfs__tree_discard(mnt->twin, &gone);
		while (!vfs__list_empty(&gone)) {
			copy = OUT(gone.next);
			vfs__list_del(&copy->out_link);
			vfs__mount_drop(thread, copy);
			vfs__mount_destroy(thread, copy);
		}
		return err;
	}
	*out = mnt->twin;
	return 0;
}

void vfs__tree_discard(struct vfs_mount *mnt, struct vfs__list *out)
{
	struct vfs__thread *thread = vfs__self_always(mnt->vfs);
	struct vfs__list tree;

	vfs__list_init(&tree);
	for (struct vfs_mount *m = mnt; m; m = vfs__tree_next(m, mnt))
		vfs__list_add(&tree, &m->out_link);
	VFS__LIST_EACH (at, &tree) {
		vfs__mount_take_off(OUT(at));
		vfs__peers_leave(thread, OUT(at));
	}
	vfs__list_splice(out, &tree);
}

/* ---- attaching ---- */

/* Everything in mnt's tree is shared; what was not before is marked. */
static int share_tree(struct vfs__thread *thread, struct vfs_mount *mnt)
{
	int err = 0;

	for (struct vfs_mount *m = mnt; m && !err; m = vfs__tree_next(m, mnt)) {
		m->mark = m->group ? 0 : VFS__MARK_SHARED;
		err = vfs__peers_share(thread, m);
		if (err)
			m->mark = 0;
	}
	return err;
}

static void settle_shares(struct vfs__thread *thread, struct vfs_mount *mnt,
			  bool undo)
{
	for (struct vfs_mount *m = mnt; m; m = vfs__tree_next(m, mnt)) {
		struct vfs__peers *master = m->master;

		if (m->mark && undo) {
			vfs__peers_leave(thread, m);
			vfs__peers_enslave(m, master);
		}
		m->mark = 0;
	}
}

static struct vfs_mount *topmost(struct vfs_mount *mnt)
{
	struct vfs_mount *cover;

	while ((cover = vfs__mount_lookup(mnt->vfs, mnt, mnt->root)))
		mnt = cover;
	return mnt;
}

/* Puts mnt where something may be already: that then covers it. */
static void place(struct vfs__thread *thread, struct vfs_mount *mnt,
		  struct vfs_mount *parent, struct vfs_dentry *dentry)
{
	struct vfs_mount *old = vfs__mount_lookup(mnt->vfs, parent, dentry);
	struct vfs_mount *top = topmost(mnt);

	if (old)
		vfs__dentry_unref(thread, vfs__mount_unhash(old));
	vfs__mount_hash(mnt, parent, dentry);
	if (mnt->ns != parent->ns)
		vfs__namespace_adopt(parent->ns, mnt);
	if (old)
		vfs__mount_hash(old, top, top->root);
}

static void undo_copies(struct vfs__list *copies, struct vfs__list *out)
{
	while (!vfs__list_empty(copies)) {
		struct vfs_mount *copy = OUT(copies->next);

		vfs__list_del(&copy->out_link);
		copy->to->ns->pending = 0;
		vfs__tree_discard(copy, out);
	}
}

static void commit(struct vfs__thread *thread, struct vfs_mount *mnt,
		   const struct vfs__path *at, struct vfs__list *copies)
{
	struct vfs *vfs = mnt->vfs;
	struct vfs_dentry *left = NULL;

	/* it may slip below what is there, and a moved one had a place */
	vfs__dcache_rename_begin(vfs);
	if (!vfs__mount_is_root(mnt))
		left = vfs__mount_unhash(mnt);
	place(thread, mnt, at->mnt, at->dentry);
	at->mnt->ns->pending = 0;
	while (!vfs__list_empty(copies)) {
		struct vfs_mount *copy = OUT(copies->next);

		vfs__list_del(&copy->out_link);
		copy->to->ns->pending = 0;
		place(thread, copy, copy->to, at->dentry);
	}
	vfs__dcache_rename_end(vfs);
	if (left)
		vfs__mount_left(vfs, left);
	vfs__dentry_unref(thread, left);
	vfs__mounts_grow(thread, vfs);
}

int vfs__tree_attach(struct vfs__thread *thread, struct vfs_mount *mnt,
		     const struct vfs__path *at, struct vfs__list *out)
{
	struct vfs__list copies;
	uint64_t n = 0;
	int err = 0;

	/* as in Linux, where something might come to be mounted on it */
	if (vfs__dentry_is_removed(topmost(mnt)->root))
		return -ENOENT;
	vfs__list_init(&copies);
	if (mnt->ns != at->mnt->ns) {
		for (struct vfs_mount *m = mnt; m; m = vfs__tree_next(m, mnt))
			n++;
		err = vfs__namespace_reserve(at->mnt->ns, n);
	}
	if (!err && at->mnt->group) {
		err = share_tree(thread, mnt);
		if (!err)
			err = vfs__propagate_attach(thread, mnt, at, &copies);
	}
	if (err) {
		at->mnt->ns->pending = 0;
		undo_copies(&copies, out);
	}
	if (at->mnt->group)
		settle_shares(thread, mnt, err);
	if (!err)
		commit(thread, mnt, at, &copies);
	return err;
}

/* ---- taking apart ---- */

/* Its parent goes too, and keeps it: it is seen by who is below already. */
static bool stays_connected(const struct vfs_mount *mnt, uint32_t how)
{
	return !(how & VFS__UMOUNT_SYNC) && !vfs__mount_is_root(mnt) &&
	       mnt->parent->mark &&
	       ((how & VFS__UMOUNT_CONNECTED) ||
		(vfs__mount_flags(mnt) & VFS__MNT_LOCKED));
}

static void take_out(struct vfs_mount *mnt, uint32_t how)
{
	if (mnt->ns) {
		mnt->ns->count--;
		if (mnt->ns->root == mnt)
			mnt->ns->root = NULL;
		VFS_WRITE_ONCE(mnt->ns, NULL);
	}
	vfs__list_del(&mnt->ns_link);
	if (stays_connected(mnt, how)) {
		mnt->mark |= VFS__MARK_STAYS;
		return;
	}
	vfs__mount_take_off(mnt);
}

void vfs__tree_umount(struct vfs__thread *thread, struct vfs_mount *mnt,
		      uint32_t how, struct vfs__list *out)
{
	struct vfs *vfs = mnt->vfs;
	struct vfs__list set, covers;

	vfs__list_init(&set);
	vfs__list_init(&covers);
	for (struct vfs_mount *m = mnt; m; m = vfs__tree_next(m, mnt)) {
		m->mark = VFS__MARK_GOES;
		vfs__list_add(&set, &m->out_link);
	}
	if (how & VFS__UMOUNT_PROPAGATE)
		vfs__propagate_umount(&set);
	if (!(how & VFS__UMOUNT_SYNC))
		vfs__dcache_rename_begin(vfs);
	VFS__LIST_EACH (at, &set)
		vfs__propagate_slide(thread, OUT(at), &covers);
	/* before what was there goes: the name stays MOUNTED */
	while (!vfs__list_empty(&covers)) {
		struct vfs_mount *cover = OUT(covers.next);

		vfs__list_del(&cover->out_link);
		vfs__mount_hash(cover, cover->to, cover->drop);
		vfs__dentry_unref(thread, cover->drop);
		cover->drop = NULL;
	}
	VFS__LIST_EACH (at, &set)
		take_out(OUT(at), how);
	vfs__dcache_rename_end(vfs);
	while (!vfs__list_empty(&set)) {
		struct vfs_mount *m = OUT(set.next);

		vfs__list_del(&m->out_link);
		vfs__peers_leave(thread, m);
		if (!(m->mark & VFS__MARK_STAYS))
			vfs__list_add(out, &m->out_link);
		m->mark = 0;
	}
}

void vfs__tree_uncover(struct vfs__thread *thread, struct vfs *vfs,
		       struct vfs_dentry *dentry)
{
	struct vfs__list out;
	struct vfs_mount *m;

	vfs__list_init(&out);
	vfs__tree_lock(vfs);
	while ((m = vfs__mount_on(vfs, dentry))) {
		if (m->ns) {
			vfs__tree_umount(thread, m, VFS__UMOUNT_CONNECTED,
					 &out);
			continue;
		}
		/* one that had stayed on a mount that is gone */
		vfs__dcache_rename_begin(vfs);
		vfs__mount_take_off(m);
		vfs__dcache_rename_end(vfs);
		vfs__list_add(&out, &m->out_link);
	}
	vfs__tree_unlock(vfs);
	vfs__mounts_release(thread, vfs, &out);
}
