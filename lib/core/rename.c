/* SPDX-License-Identifier: MIT */
/*
 * rename. Contract: names.h. The only file that locks two directories.
 *
 * Order: the rename lock, the ancestor directory before the descendant
 * (otherwise by address), then the inodes that are moved, directories first
 * and by address.
 *
 * The rename lock is held by who locks two directories of which none is the
 * other's parent, or changes a directory's place. Everybody else locks
 * downwards, parent and child; addresses and the tree together are no order
 * that two threads could keep at the same time. A rename inside one directory
 * finds out late that both names are directories: it tries, or begins again.
 */
#include <errno.h>
#include <linux/fs.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "core/acl.h"
#include "core/lookup.h"
#include "core/names.h"
#include "core/notify.h"
#include "core/perm.h"
#include "core/synthdir.h"
#include "core/uncover.h"

#ifndef RENAME_NOREPLACE
#define RENAME_NOREPLACE (1 << 0)
#define RENAME_EXCHANGE (1 << 1)
#define RENAME_WHITEOUT (1 << 2)
#endif

struct side {
	struct vfs__path parent;
	struct vfs__last last;
	struct vfs_dentry *dentry; /* referenced once looked up; NULL: none */
	struct vfs__longname *longname; /* for the name it may be given */
};

struct renaming {
	struct vfs__thread *thread;
	struct vfs_task *task;
	struct vfs_cred *cred;
	uint32_t flags;
	struct side from, to;
	struct vfs_inode *source, *target; /* target NULL: there is none */
	struct vfs_dentry *trap; /* an ancestor of one of the directories */
	bool serial;		 /* the rename lock is held */
};

/* ---- locks ---- */

/* The child of `above` through which `d` is reached, or NULL. The rename lock
 * is held: parents of directories stay. */
static struct vfs_dentry *child_towards(const struct vfs_dentry *above,
					struct vfs_dentry *d)
{
	while (!vfs__dentry_is_root(d)) {
		/* a rename inside its directory stores the same again */
		struct vfs_dentry *parent = vfs__dentry_parent(d);

		if (parent == above)
			return d;
		d = parent;
	}
	return NULL;
}

/* Of the file system that both sides are on: one that is a layer of another
 * has its own, so that a rename may lead to one further down. */
static struct vfs__mutex *rename_lock(const struct renaming *r)
{
	return vfs__super_rename_lock(r->from.parent.mnt->super);
}

static void lock_renames(struct renaming *r)
{
	vfs__mutex_lock(rename_lock(r), VFS__RANK_RENAME);
	r->serial = true;
}

static void lock_directories(struct renaming *r)
{
	struct vfs_dentry *old = r->from.parent.dentry;
	struct vfs_dentry *new = r->to.parent.dentry;
	bool new_first;

	if (old == new) {
		vfs__inode_lock(old->inode);
		return;
	}
	lock_renames(r);
	r->trap = child_towards(new, old);
	new_first = r->trap != NULL;
	if (!r->trap) {
		r->trap = child_towards(old, new);
		if (!r->trap)
			new_first = new->inode < old->inode;
	}
	vfs__inode_lock(new_first ? new->inode : old->inode);
	vfs__inode_lock_nested(new_first ? old->inode : new->inode);
}

static void unlock_directories(struct renaming *r)
{
	struct vfs_dentry *old = r->from.parent.dentry;
	struct vfs_dentry *new = r->to.parent.dentry;

	vfs__inode_unlock(old->inode);
	if (old != new)
		vfs__inode_unlock(new->inode);
	if (r->serial)
		vfs__mutex_unlock(rename_lock(r), VFS__RANK_RENAME);
}

/* The inodes that change places; b may be NULL, or the same. */
static void lock_inodes(struct vfs_inode *a, struct vfs_inode *b)
{
	bool b_first = b && (vfs__inode_is_dir(b) && !vfs__inode_is_dir(a));

	if (b && vfs__inode_is_dir(b) == vfs__inode_is_dir(a))
		b_first = b < a;
	if (b_first)
		vfs__inode_lock_nested(b);
	vfs__inode_lock_nested(a);
	if (b && b != a && !b_first)
		vfs__inode_lock_nested(b);
}

static void unlock_inodes(struct vfs_inode *a, struct vfs_inode *b)
{
	vfs__inode_unlock(a);
	if (b && b != a)
		vfs__inode_unlock(b);
}

/* ---- checks ---- */

static struct vfs_inode *inode_of(const struct vfs_dentry *d)
{
	return d ? d->inode : NULL;
}

static bool is_same_name(const struct renaming *r)
{
	const struct vfs_name *from = &r->from.last.name;
	const struct vfs_name *to = &r->to.last.name;

	return r->from.parent.dentry == r->to.parent.dentry &&
	       from->hash == to->hash && from->len == to->len &&
	       !memcmp(from->str, to->str, to->len);
}

/* A name that is both is looked up once: where others change names a second
 * look may find another file, and the first one's dentry forgotten. */
VFS_HOT
static int look_up_target(struct renaming *r)
{
	if (__builtin_expect(is_same_name(r), 0)) {
		r->to.dentry = vfs__dentry_ref(r->from.dentry);
		return 0;
	}
	return vfs__lookup_there(r->thread, r->task->vfs, r->to.parent.dentry,
				 &r->to.last.name, &r->to.dentry);
}

/* What can be said from the two names, in Linux's order. */
VFS_HOT
static int check_names(struct renaming *r)
{
	struct vfs_inode *source, *target;
	int err = vfs__lookup_there(r->thread, r->task->vfs,
				    r->from.parent.dentry, &r->from.last.name,
				    &r->from.dentry);

	if (err)
		return err;
	r->source = source = inode_of(r->from.dentry);
	if (!source)
		return -ENOENT;
	err = look_up_target(r);
	if (err)
		return err;
	r->target = target = inode_of(r->to.dentry);
	if ((r->flags & RENAME_NOREPLACE) && target)
		return -EEXIST;
	if (r->flags & RENAME_EXCHANGE) {
		if (!target)
			return -ENOENT;
		if (!vfs__inode_is_dir(target) && r->to.last.slash)
			return -ENOTDIR;
	}
	if (!vfs__inode_is_dir(source)) {
		if (r->from.last.slash)
			return -ENOTDIR;
		if (!(r->flags & RENAME_EXCHANGE) && r->to.last.slash)
			return -ENOTDIR;
	}
	if (r->from.dentry == r->trap)
		return -EINVAL;
	if (r->to.dentry && r->to.dentry == r->trap)
		return r->flags & RENAME_EXCHANGE ? -EINVAL : -ENOTEMPTY;
	return 0;
}

/* Whether two directories are to be locked without the rename lock. */
static bool needs_serial(const struct renaming *r)
{
	return !r->serial && r->target && r->target != r->source &&
	       vfs__inode_is_dir(r->source) && vfs__inode_is_dir(r->target);
}

/* check_names, and the rename lock if what they name needs it. */
static int look_up(struct renaming *r)
{
	struct vfs_inode *dir = r->from.parent.dentry->inode;
	int err = check_names(r);

	if (err || !needs_serial(r))
		return err;
	if (vfs__mutex_trylock(rename_lock(r), VFS__RANK_RENAME)) {
		r->serial = true;
		return 0;
	}
	vfs__inode_unlock(dir);
	vfs__dentry_unref(r->thread, r->from.dentry);
	vfs__dentry_unref(r->thread, r->to.dentry);
	r->from.dentry = r->to.dentry = NULL;
	lock_renames(r);
	vfs__inode_lock(dir);
	return check_names(r);
}

static int check_permissions(struct renaming *r)
{
	struct vfs_inode *source = r->source;
	struct vfs_inode *target = r->target;
	struct vfs_inode *old_dir = r->from.parent.dentry->inode;
	struct vfs_inode *new_dir = r->to.parent.dentry->inode;
	bool is_dir = vfs__inode_is_dir(source);
	bool exchange = r->flags & RENAME_EXCHANGE;
	const struct vfs_userns *idmap = vfs__mount_idmap(r->from.parent.mnt);
	int err = vfs__may_delete(r->thread, r->cred, idmap, old_dir,
				  r->from.dentry, is_dir);

	if (err)
		return err;
	if (!target)
		err = vfs__may_create(r->thread, r->cred, idmap, new_dir);
	else
		err = vfs__may_delete(
			r->thread, r->cred, idmap, new_dir, r->to.dentry,
			exchange ? vfs__inode_is_dir(target) : is_dir);
	if (!err && (!old_dir->ops->rename || !new_dir->ops->rename))
		err = -EPERM;
	/* `..` of a directory changes: that is a write to it */
	if (!err && old_dir != new_dir && is_dir)
		err = vfs__permission_load(r->thread, r->cred, idmap, source,
					   VFS__MAY_WRITE);
	if (!err && old_dir != new_dir && exchange && vfs__inode_is_dir(target))
		err = vfs__permission_load(r->thread, r->cred, idmap, target,
					   VFS__MAY_WRITE);
	return err;
}

/* ---- the change ---- */

static int call_backend(struct renaming *r, struct vfs_rename_args *args)
{
	struct vfs_inode *target = r->target;
	int err;

	lock_inodes(args->old_inode, target);
	if (vfs__mounted_for(r->thread, r->task, r->from.dentry) ||
	    (target && vfs__mounted_for(r->thread, r->task, r->to.dentry)))
		err = -EBUSY;
	else
		err = vfs__synthetic_rename(args);
	if (!err)
		err = args->old_dir->ops->rename(args);
	if (!err && target && !(r->flags & RENAME_EXCHANGE) &&
	    vfs__inode_is_dir(target))
		vfs_inode_set_flags(target, VFS_INODE_DEAD, 0);
	unlock_inodes(args->old_inode, target);
	return err;
}

/* Gives d the name and parent of a side; the old long name in *old. */
static void move_to(struct renaming *r, struct vfs_dentry *d,
		    struct vfs_dentry *parent, const struct vfs_name *name,
		    struct vfs__longname **longname, uint64_t cookie,
		    struct vfs__longname **old)
{
	vfs__dentry_ref(parent);
	vfs__dcache_move(r->thread, r->task->vfs, d, parent, name, *longname,
			 old);
	*longname = NULL;
	vfs__dentry_set_cookie(d, cookie);
}

/* The names in the cache follow what the backend did. Cannot fail. */
static void move_names(struct renaming *r, const struct vfs_rename_args *args,
		       struct vfs_dentry *whiteout)
{
	struct vfs *vfs = r->task->vfs;
	struct vfs_dentry *old_parent = r->from.parent.dentry;
	struct vfs_dentry *new_parent = r->to.parent.dentry;
	struct vfs__longname *gone[2] = {NULL, NULL};

	/* there is no moment without the name: who looks it up finds either */
	if (whiteout && args->whiteout) {
		vfs__dentry_instantiate(whiteout, args->whiteout,
					args->old_name_cookie);
		vfs__lookup_mark(whiteout, args->old_dir);
		vfs__dcache_insert(r->thread, vfs, whiteout);
	}
	/* a reference of ours on the parent that is left: given back by the
	 * caller of rename through unref_moved */
	vfs__dcache_rename_begin(vfs);
	if (!(r->flags & RENAME_EXCHANGE) && r->to.dentry)
		vfs__dcache_remove(r->thread, vfs, r->to.dentry);
	move_to(r, r->from.dentry, new_parent, &args->new_name, &r->to.longname,
		args->new_name_cookie, &gone[0]);
	if (r->flags & RENAME_EXCHANGE)
		move_to(r, r->to.dentry, old_parent, &args->old_name,
			&r->from.longname, args->old_name_cookie, &gone[1]);
	vfs__dcache_rename_end(vfs);
	if (args->new_inode && !(r->flags & RENAME_EXCHANGE))
		vfs__dcache_orphaned(r->thread, vfs, r->to.dentry);
	vfs__longname_retire(r->thread, gone[0]);
	vfs__longname_retire(r->thread, gone[1]);
	/* the references that the moved names had on their old parents; the
	 * paths hold others, so nothing is freed under the locks */
	vfs__dentry_unref(r->thread, old_parent);
	if (r->flags & RENAME_EXCHANGE)
		vfs__dentry_unref(r->thread, new_parent);
}

/* Memory for long names is taken before anything changes. */
static int reserve_names(struct renaming *r, const struct vfs_rename_args *args)
{
	if (args->new_name.len > VFS__NAME_INLINE ||
	    (vfs__dentry_flags(r->from.dentry) & VFS__DENTRY_LONG)) {
		r->to.longname =
			vfs__longname_alloc(r->thread, &args->new_name);
		if (!r->to.longname)
			return -ENOMEM;
	}
	if ((r->flags & RENAME_EXCHANGE) &&
	    (args->old_name.len > VFS__NAME_INLINE ||
	     (vfs__dentry_flags(r->to.dentry) & VFS__DENTRY_LONG))) {
		r->from.longname =
			vfs__longname_alloc(r->thread, &args->old_name);
		if (!r->from.longname)
			return -ENOMEM;
	}
	return 0;
}

/* What RENAME_WHITEOUT leaves behind: a character device 0:0. */
struct whiteout {
	struct vfs_dentry *dentry; /* NULL: none is wanted */
	struct vfs_create_args args;
	struct vfs__acl_inherit acl;
};

static int prepare_whiteout(struct renaming *r, struct whiteout *w,
			    struct vfs_rename_args *args)
{
	int err;

	w->dentry = NULL;
	w->acl.count = 0;
	w->acl.ext = NULL;
	if (!(r->flags & RENAME_WHITEOUT))
		return 0;
	memset(&w->args, 0, sizeof(w->args));
	w->args.size = sizeof(w->args);
	w->args.mode = S_IFCHR;
	err = vfs__create_attributes(r->thread, r->task, r->cred,
				     vfs__mount_idmap(r->from.parent.mnt),
				     args->old_dir, &w->args, &w->acl);
	if (err)
		return err;
	args->whiteout_args = &w->args;
	w->dentry = vfs__dentry_alloc(r->thread, r->from.parent.dentry,
				      &args->old_name);
	return w->dentry ? 0 : -ENOMEM;
}

static __attribute__((noinline)) void
notify_slow(struct renaming *r, const struct vfs_rename_args *args)
{
	struct vfs__notify_move move = {
		.old_dir = args->old_dir,
		.new_dir = args->new_dir,
		.old_name = &args->old_name,
		.new_name = &args->new_name,
		.source = args->old_inode,
		.target = args->new_inode,
	};

	if (!(r->flags & RENAME_EXCHANGE)) {
		vfs__notify_moved(r->thread, r->task->vfs, &move);
		return;
	}
	move.target = NULL;
	vfs__notify_moved(r->thread, r->task->vfs, &move);
	move = (struct vfs__notify_move){
		.old_dir = args->new_dir,
		.new_dir = args->old_dir,
		.old_name = &args->new_name,
		.new_name = &args->old_name,
		.source = args->new_inode,
	};
	vfs__notify_moved(r->thread, r->task->vfs, &move);
}

/* One by one: it would be cleared by an instruction that takes longer. */
static inline void fill_args(const struct renaming *r,
			     struct vfs_rename_args *args)
{
	args->size = sizeof(*args);
	args->old_dir = r->from.parent.dentry->inode;
	args->new_dir = r->to.parent.dentry->inode;
	args->old_name = r->from.last.name;
	args->new_name = r->to.last.name;
	args->old_inode = r->source;
	args->new_inode = r->target;
	args->old_cookie = vfs__dentry_cookie(r->from.dentry);
	args->new_cookie = r->target ? vfs__dentry_cookie(r->to.dentry) : 0;
	args->flags = r->flags & (RENAME_EXCHANGE | RENAME_WHITEOUT);
	args->zero = 0;
	args->whiteout_args = NULL;
	args->new_name_cookie = args->old_name_cookie = 0;
	args->whiteout = NULL;
}

static int rename_locked(struct renaming *r)
{
	struct vfs_rename_args args;
	struct whiteout whiteout;
	int err = look_up(r);

	if (err)
		return err;
	if (r->source == r->target)
		return 0; /* two names of one file: both stay */
	err = check_permissions(r);
	if (err)
		return err;
	fill_args(r, &args);
	err = prepare_whiteout(r, &whiteout, &args);
	if (!err)
		err = reserve_names(r, &args);
	if (!err)
		err = call_backend(r, &args);
	if (!err && args.whiteout) /* cannot fail */
		vfs__acl_inherited(r->thread, args.whiteout, &whiteout.acl);
	if (!err)
		move_names(r, &args, whiteout.dentry);
	if (!err && vfs__notify_on(r->task->vfs))
		notify_slow(r, &args);
	vfs__acl_inherit_fini(r->thread, &whiteout.acl);
	vfs__dentry_unref(r->thread, whiteout.dentry);
	vfs__longname_free(r->thread, r->from.longname);
	vfs__longname_free(r->thread, r->to.longname);
	return err;
}

static int check_parents(const struct renaming *r)
{
	if (r->from.parent.mnt != r->to.parent.mnt)
		return -EXDEV;
	if (r->from.last.type != VFS__LAST_NORM)
		return -EBUSY;
	if (r->to.last.type != VFS__LAST_NORM)
		return r->flags & RENAME_NOREPLACE ? -EEXIST : -EBUSY;
	return 0;
}

static int with_parents(struct renaming *r)
{
	int err = check_parents(r);

	if (!err)
		err = vfs__mount_write_begin(r->thread, r->from.parent.mnt);
	if (err)
		return err;
	r->cred = vfs__task_cred(r->thread, r->task);
	lock_directories(r);
	err = rename_locked(r);
	unlock_directories(r);
	if (!err && !(r->flags & RENAME_EXCHANGE) && r->to.dentry)
		vfs__uncover(r->thread, r->task->vfs, r->to.dentry);
	vfs__dentry_unref(r->thread, r->from.dentry);
	vfs__dentry_unref(r->thread, r->to.dentry);
	vfs__task_cred_put(r->thread, r->cred);
	vfs__mount_write_end(r->thread, r->from.parent.mnt);
	return err;
}

VFS_HOT
int vfs__rename(struct vfs__thread *thread, struct vfs_task *task, int olddirfd,
		const char *oldpath, int newdirfd, const char *newpath,
		uint32_t flags)
{
	struct renaming r;
	int err;

	if (flags &
	    ~(uint32_t)(RENAME_NOREPLACE | RENAME_EXCHANGE | RENAME_WHITEOUT))
		return -EINVAL;
	if ((flags & RENAME_EXCHANGE) &&
	    (flags & (RENAME_NOREPLACE | RENAME_WHITEOUT)))
		return -EINVAL;
	err = vfs__path_parent(thread, task, olddirfd, oldpath, 0,
			       &r.from.parent, &r.from.last);
	if (err)
		return err;
	r.thread = thread;
	r.task = task;
	r.flags = flags;
	r.from.dentry = r.to.dentry = NULL;
	r.from.longname = r.to.longname = NULL;
	r.trap = NULL;
	r.serial = false;
	if (olddirfd != newdirfd ||
	    !vfs__path_sibling(thread, task, oldpath, &r.from.parent,
			       &r.from.last, newpath, &r.to.parent, &r.to.last))
		err = vfs__path_parent(thread, task, newdirfd, newpath, 0,
				       &r.to.parent, &r.to.last);
	if (!err) {
		err = with_parents(&r);
		vfs__path_unref(thread, &r.to.parent);
	}
	vfs__path_unref(thread, &r.from.parent);
	vfs__notify_flush(thread);
	return err;
}
