/* SPDX-License-Identifier: MIT */
/*
 * The engine of path resolution, inline for walk.c, which compiles it twice:
 * `fast` is a constant in both. The fast one runs inside a read section, holds
 * nothing, and gives up with -ECHILD where only the slow one can decide; all
 * that it saw is believed only if no rename took place meanwhile, errors too.
 * The slow one holds a reference on where it stands and on each symlink whose
 * text it is reading; it locks a directory (shared) to ask its backend.
 */
#ifndef VFS__WALK_ENGINE_H
#define VFS__WALK_ENGINE_H

#include <errno.h>
#include <linux/openat2.h>
#include <sched.h>

#include "core/acl.h"
#include "core/dcache_find.h"
#include "core/inode.h"
#include "core/jump.h"
#include "core/lookup.h"
#include "core/path.h"
#include "core/perm.h"
#include "core/walk.h"
#include "util/epoch.h"

#define ALWAYS_INLINE static inline __attribute__((always_inline))
/* first words of names, as vfs__load_le has them; no name begins with the
 * last */
#define DOT UINT64_C(0x2e)
#define DOTDOT UINT64_C(0x2e2e)
#define LONG_WORD UINT64_C(0)

#define RESOLVE(bit) ((uint32_t)(bit) << VFS__WALK_RESOLVE_SHIFT)
#define SCOPED RESOLVE(RESOLVE_BENEATH | RESOLVE_IN_ROOT)

/* Where the walk stands; kept in registers by the fast engine. */
struct spot {
	const char *p, *end; /* the rest of the present string */
	struct vfs__path at;
	struct vfs_inode *inode; /* of at.dentry */
	uint32_t mode;		 /* of inode, when it was reached */
};

struct walk {
	struct vfs__thread *thread;
	struct vfs *vfs;
	struct vfs_task *task;
	const struct vfs_cred *cred;
	uint32_t flags;
	uint32_t links;
	struct vfs__path root;	  /* referenced when slow */
	struct vfs__last *last;	  /* of a walk to a parent: the caller's */
	struct vfs_dentry *found; /* vfs__child_fast's */
	int err;		  /* rare_arrival's */
	/* strings left for later, by links in the middle */
	unsigned depth;
	struct {
		const char *p, *end;
	} stack[VFS__SYMLINKS_MAX];
	uint64_t renames; /* slow and SCOPED: when it began */
	/* slow: what keeps the strings alive */
	unsigned pin_count;
	struct {
		struct vfs_dentry *dentry;
		char *text;
	} pins[VFS__SYMLINKS_MAX + 1];
};

/* ---- places ---- */

/* at has changed: the inode there. */
ALWAYS_INLINE void look_around(struct spot *s)
{
	s->inode = vfs__dentry_inode(s->at.dentry);
	s->mode = vfs__inode_mode(s->inode);
}

/* Slow: at becomes (mnt, dentry), whose references pass. */
static void stand_on(struct walk *w, struct spot *s, struct vfs_mount *mnt,
		     struct vfs_dentry *dentry)
{
	vfs__path_unref(w->thread, &s->at);
	s->at.mnt = mnt;
	s->at.dentry = dentry;
}

/* Slow: d's parent, referenced, as it is between two renames. */
static struct vfs_dentry *parent_ref(struct walk *w, struct vfs_dentry *d)
{
	struct vfs_dentry *parent;

	for (;;) {
		bool got, still;

		vfs__epoch_enter(w->thread);
		parent = vfs__dentry_parent(d);
		got = vfs__dentry_tryref(parent);
		still = vfs__dentry_parent(d) == parent;
		vfs__epoch_leave(w->thread);
		if (got && still)
			return parent;
		if (got)
			vfs__dentry_unref(w->thread, parent);
		sched_yield();
	}
}

/* Goes down to what is mounted on at, while anything is. */
ALWAYS_INLINE int cross(struct walk *w, struct vfs__path *at, const bool fast)
{
	while (vfs__dentry_flags(at->dentry) & VFS__DENTRY_MOUNTED) {
		struct vfs_mount *mnt;

		if (fast) {
			mnt = vfs__mount_lookup(w->vfs, at->mnt, at->dentry);
			if (!mnt)
				return 0;
			at->mnt = mnt;
			at->dentry = mnt->root;
		} else if (!vfs__mount_down(w->thread, w->vfs, at)) {
			return 0;
		}
		if (__builtin_expect(VFS_READ_ONCE(at->mnt->expiring), 0) &&
		    !(w->flags & VFS__WALK_QUIET))
			VFS_WRITE_ONCE(at->mnt->expiring, false);
		if (w->flags & RESOLVE(RESOLVE_NO_XDEV))
			return -EXDEV;
	}
	return 0;
}

/* Whether at is under its mount's root: a directory may have been moved out of
 * what is bound, or come from a handle, and nothing above it is this mount's
 * to show. */
ALWAYS_INLINE bool is_connected(struct walk *w, const struct vfs__path *at,
				const bool fast)
{
	bool connected;

	if (__builtin_expect(vfs__dentry_is_root(at->mnt->root), 1))
		return true;
	if (!fast)
		vfs__epoch_enter(w->thread);
	connected = vfs__path_connected(at);
	if (!fast)
		vfs__epoch_leave(w->thread);
	return connected;
}

/*
 * From mnt's root upwards: 1 it goes on where mnt is mounted, 0 there is
 * nothing above. RESOLVE_NO_XDEV minds a directory above only: roots on roots
 * are one place, and the topmost has nothing above itself.
 */
ALWAYS_INLINE int leaves_mount(struct walk *w, const struct vfs_mount *mnt,
			       const bool fast)
{
	if (VFS_READ_ONCE(mnt->parent) == mnt)
		return 0;
	if (!(w->flags & RESOLVE(RESOLVE_NO_XDEV)))
		return 1;
	if (fast)
		return -ECHILD;
	return vfs__mount_leads_up(w->thread, w->vfs, mnt, &w->root) ? -EXDEV
								     : 0;
}

/* `..` */
ALWAYS_INLINE int step_up(struct walk *w, struct spot *s, const bool fast)
{
	for (;;) {
		struct vfs_mount *mnt = s->at.mnt;
		struct vfs_dentry *dentry = s->at.dentry;
		int leaves;

		/* it stays, and is whatever is mounted there */
		if (mnt == w->root.mnt && dentry == w->root.dentry) {
			if (w->flags & RESOLVE(RESOLVE_BENEATH))
				return -EXDEV;
			break;
		}
		if (dentry != mnt->root) {
			if (fast)
				s->at.dentry = vfs__dentry_parent(dentry);
			else {
				dentry = parent_ref(w, dentry);
				vfs__mount_ref(w->thread, mnt);
				stand_on(w, s, mnt, dentry);
			}
			if (!is_connected(w, &s->at, fast))
				return -ENOENT;
			break;
		}
		leaves = leaves_mount(w, mnt, fast);
		if (leaves < 0)
			return leaves;
		if (!leaves) {
			if (w->flags & RESOLVE(RESOLVE_BENEATH))
				return -EXDEV;
			break;
		}
		if (fast) {
			s->at.dentry = VFS_LOAD_POINTER(mnt->mountpoint);
			s->at.mnt = VFS_LOAD_POINTER(mnt->parent);
		} else {
			struct vfs__path up;

			if (vfs__mount_up(w->thread, w->vfs, mnt, &up))
				stand_on(w, s, up.mnt, up.dentry);
		}
	}
	/* moved meanwhile, it could be out of the scope, and never meet root */
	if (!fast && w->flags & SCOPED &&
	    !vfs__dcache_unchanged(&w->vfs->dcache, w->renames))
		return -EAGAIN;
	return cross(w, &s->at, fast);
}

/* ---- symlinks ---- */

/* Slow: the text of link, which stays until the walk ends. The dentry's
 * reference passes to the pins, on failure as well. */
static int slow_text(struct walk *w, struct vfs_dentry *dentry,
		     struct vfs_inode *link, const char **text, size_t *len)
{
	int64_t n;
	unsigned i = w->pin_count++;

	w->pins[i].dentry = dentry;
	w->pins[i].text = NULL;
	if (link->link) {
		*text = link->link;
		*len = (size_t)link->size;
		return 0;
	}
	if (!link->ops->readlink)
		return -EINVAL;
	w->pins[i].text = vfs__mem_alloc(w->thread, VFS__PATH_MAX);
	if (!w->pins[i].text)
		return -ENOMEM;
	n = link->ops->readlink(link, w->pins[i].text, VFS__PATH_MAX);
	if (n < 0)
		return (int)n;
	*text = w->pins[i].text;
	*len = (size_t)n;
	return n ? 0 : -ENOENT;
}

static int may_follow(struct walk *w, const struct vfs__path *at)
{
	if (++w->links > VFS__SYMLINKS_MAX)
		return -ELOOP;
	if ((w->flags & RESOLVE(RESOLVE_NO_SYMLINKS)) ||
	    (vfs__mount_flags(at->mnt) & VFS__MNT_NOSYMFOLLOW))
		return -ELOOP;
	return 0;
}

/* At a string's beginning; within it, slashes are skipped with the component
 * that they follow. */
ALWAYS_INLINE void skip_slashes(struct spot *s)
{
	while (s->p < s->end && *s->p == '/')
		s->p++;
}

/* The walk goes on with text; what is left of the present string waits. */
ALWAYS_INLINE int enter_text(struct walk *w, struct spot *s, const char *text,
			     size_t len, const bool fast)
{
	if (s->p != s->end) {
		w->stack[w->depth].p = s->p;
		w->stack[w->depth++].end = s->end;
	}
	s->p = text;
	s->end = text + len;
	if (*text != '/')
		return 0;
	skip_slashes(s);
	if (w->flags & RESOLVE(RESOLVE_BENEATH))
		return -EXDEV;
	if ((w->flags & RESOLVE(RESOLVE_NO_XDEV)) && s->at.mnt != w->root.mnt)
		return -EXDEV;
	if (fast) {
		s->at = w->root;
	} else {
		vfs__path_ref(w->thread, &w->root);
		stand_on(w, s, w->root.mnt, w->root.dentry);
	}
	look_around(s);
	return 0;
}

/* Slow: to where a magic link leads. The dentry's reference passes. */
static int jump(struct walk *w, struct spot *s, struct vfs_dentry *dentry,
		struct vfs_inode *link)
{
	struct vfs__path to;
	int err =
		vfs__jump(w->thread, w->task, link,
			  w->flags >> VFS__WALK_RESOLVE_SHIFT, s->at.mnt, &to);

	vfs__dentry_unref(w->thread, dentry);
	if (err)
		return err;
	stand_on(w, s, to.mnt, to.dentry);
	look_around(s);
	return 0;
}

/* link was found in s->at as dentry (slow: its reference passes). */
ALWAYS_INLINE int follow(struct walk *w, struct spot *s,
			 struct vfs_dentry *dentry, struct vfs_inode *link,
			 const bool fast)
{
	const char *text = NULL;
	size_t len = 0;
	int err = may_follow(w, &s->at);

	if (err) {
		if (!fast)
			vfs__dentry_unref(w->thread, dentry);
		return err;
	}
	if (fast) {
		text = link->link;
		len = (size_t)link->size;
		/* what has to be told of an access may block */
		if (!text || (vfs__inode_is_remote(link) &&
			      vfs__path_access_due(&s->at, link)))
			return -ECHILD;
	} else if (vfs__is_magic(link)) {
		return jump(w, s, dentry, link);
	} else {
		err = slow_text(w, dentry, link, &text, &len);
		if (err)
			return err;
	}
	/* it was not due a moment ago, which is as good as now */
	if (!fast || !vfs__inode_is_remote(link))
		vfs__path_accessed(&s->at, link);
	return enter_text(w, s, text, len, fast);
}

/* ---- the engine ---- */

/*
 * What is rare, for the fast engine: functions of their own, which are given a
 * copy of the spot, so that the spot itself stays in registers.
 */
static __attribute__((noinline)) int rare_follow(struct walk *w, struct spot *s,
						 struct vfs_dentry *d,
						 struct vfs_inode *link)
{
	return follow(w, s, d, link, true);
}

static __attribute__((noinline)) int rare_up(struct walk *w, struct spot *s)
{
	int err = step_up(w, s, true);

	look_around(s);
	return err;
}

/* at is a dentry with these flags, some of which matter: where that leads, and
 * an error in w. In and out in registers: a path through mounts comes by for
 * each. */
static __attribute__((noinline)) struct vfs__path
rare_arrival(struct walk *w, struct vfs__path at, uint32_t flags)
{
	w->err = -ECHILD;
	if ((flags & (VFS__DENTRY_VOLATILE | VFS__DENTRY_MOUNTED)) ==
	    VFS__DENTRY_VOLATILE)
		return at;
	if (flags & VFS__DENTRY_COLD)
		vfs__dentry_clear(at.dentry, VFS__DENTRY_COLD);
	w->err = cross(w, &at, true);
	return at;
}

/* Steps from s->at to its child d (slow: reference passes). */
ALWAYS_INLINE int step_down(struct walk *w, struct spot *s,
			    struct vfs_dentry *d, bool final, bool slash,
			    const bool fast)
{
	uint32_t flags = vfs__dentry_flags(d);
	struct vfs_inode *inode = vfs__dentry_inode(d);
	struct spot copy;
	uint32_t mode;
	int err;

	if (__builtin_expect(!inode, 0))
		return -ENOENT; /* negative; slow_child has seen to its own */
	mode = vfs__inode_mode(inode);
	if (__builtin_expect(S_ISLNK(mode), 0) &&
	    (!final || slash || (w->flags & VFS__WALK_FOLLOW))) {
		if (fast && (flags & VFS__DENTRY_VOLATILE))
			return -ECHILD;
		if (final && slash)
			w->flags |= VFS__WALK_FOLLOW | VFS__WALK_DIRECTORY;
		if (!fast)
			return follow(w, s, d, inode, false);
		copy = *s;
		err = rare_follow(w, &copy, d, inode);
		*s = copy;
		return err;
	}
	if (final && slash)
		w->flags |= VFS__WALK_DIRECTORY;
	if (fast) {
		s->at.dentry = d;
	} else {
		vfs__dentry_unref(w->thread, s->at.dentry);
		s->at.dentry = d;
	}
	s->inode = inode;
	s->mode = mode;
	if (__builtin_expect(flags & (VFS__DENTRY_MOUNTED | VFS__DENTRY_COLD |
				      VFS__DENTRY_VOLATILE),
			     0)) {
		if (fast) {
			s->at = rare_arrival(w, s->at, flags);
			look_around(s);
			return w->err;
		}
		if (flags & VFS__DENTRY_COLD)
			vfs__dentry_clear(d, VFS__DENTRY_COLD);
		err = cross(w, &s->at, false);
		look_around(s);
		return err;
	}
	return 0;
}

/* Slow: what s says may be wrong, or not known yet. An ACL that nobody has
 * asked for keeps the fast engine from seeing that there is none. */
static int search_remote(struct walk *w, struct spot *s)
{
	uint32_t flags = VFS_READ_ONCE(s->inode->flags);
	int err = 0;

	if (flags & VFS_INODE_VOLATILE) {
		err = vfs__inode_refresh(w->thread, s->inode);
		s->mode = vfs__inode_mode(s->inode);
	} else if ((flags & VFS_INODE_ACL_UNKNOWN) && S_ISDIR(s->mode)) {
		err = vfs__acl_load(w->thread, s->inode);
	}
	return err;
}

ALWAYS_INLINE int search(struct walk *w, struct spot *s, const bool fast)
{
	int err;

	if (!fast) {
		err = search_remote(w, s);
		if (err)
			return err;
	}
	/* a directory that everybody may search, without an ACL */
	if (__builtin_expect((s->mode & (S_IFMT | 0111)) == (S_IFDIR | 0111),
			     1) &&
	    __builtin_expect(!(VFS_READ_ONCE(s->inode->flags) & VFS_INODE_ACL),
			     1))
		return 0;
	if (!S_ISDIR(s->mode))
		return -ENOTDIR;
	if (fast && (VFS_READ_ONCE(s->inode->flags) & VFS_INODE_VOLATILE))
		return -ECHILD; /* it may say something else by now */
	err = vfs__permission(w->cred, vfs__mount_idmap(s->at.mnt), s->inode,
			      VFS__MAY_EXEC);
	if (!fast && err == -ECHILD)
		err = vfs__permission_load(w->thread, w->cred,
					   vfs__mount_idmap(s->at.mnt),
					   s->inode, VFS__MAY_EXEC);
	return err;
}

/* A string is at its end: what waits below it. False: nothing does. */
ALWAYS_INLINE bool pop(struct walk *w, struct spot *s)
{
	if (!w->depth)
		return false;
	s->p = w->stack[--w->depth].p;
	s->end = w->stack[w->depth].end;
	return true;
}

/* The component at s->p; *word holds all of a short one, else LONG_WORD. Its
 * length. The parts are apart, and not a structure, to be in registers. */
ALWAYS_INLINE uint32_t scan(const struct walk *w, const struct spot *s,
			    uint32_t *hash, uint64_t *word)
{
	const uint64_t *seed = w->vfs->dcache.seed;
	uint64_t first = vfs__load_le(s->p, (size_t)(s->end - s->p));
	uint64_t found = vfs__find_end(first);
	uint32_t len;

	if (__builtin_expect(found != 0, 1)) {
		len = (uint32_t)__builtin_ctzll(found) >> 3;
		*word = vfs__cut(first, found);
		/* a link's text may say anything, also nothing: not from the
		 * string */
		*hash = vfs__hash_short(seed, vfs__cut_last(first, found),
					vfs__last_of(*word, len));
		return len;
	}
	*word = LONG_WORD;
	return vfs__component_scan(seed, s->p, s->end, hash);
}

/* From s->at to the child that str[0..len) names. */
ALWAYS_INLINE int step(struct walk *w, struct spot *s, const char *str,
		       uint32_t len, uint32_t hash, uint64_t word, bool final,
		       bool slash, const bool fast)
{
	struct vfs_dentry *d = NULL;
	int err;

	if (__builtin_expect(word == DOT, 0))
		return 0;
	if (__builtin_expect(word == DOTDOT, 0)) {
		if (fast) {
			struct spot copy = *s;

			err = rare_up(w, &copy);
			*s = copy;
			return err;
		}
		err = step_up(w, s, false);
		look_around(s);
		return err;
	}
	if (fast && __builtin_expect(word != LONG_WORD, 1))
		d = vfs__dcache_find_short(&w->vfs->dcache, s->at.dentry, hash,
					   word);
	if (__builtin_expect(!d, 0)) {
		struct vfs_name name = {str, len, hash};

		if (fast)
			err = vfs__child_fast(w->vfs, s->at.dentry, &name,
					      !final && word == LONG_WORD,
					      &w->found);
		else
			err = vfs__child_slow(w->thread, w->vfs, s->at.dentry,
					      &name, &w->found);
		if (err)
			return err;
		d = w->found;
	}
	return step_down(w, s, d, final, slash, fast);
}

/* What is to be looked up next, under the directory's lock: from memory. */
ALWAYS_INLINE void announce(const struct walk *w, const struct spot *s,
			    uint32_t hash)
{
	struct vfs__dtable *table = VFS_LOAD_POINTER(
		((struct vfs__dcache *)(uintptr_t)&w->vfs->dcache)->table);

	__builtin_prefetch(vfs__dcache_bucket(
		table, vfs__dcache_hash(s->at.dentry, hash)));
}

/* Stops before the last component? Then it is noted. */
ALWAYS_INLINE bool stops(struct walk *w, const char *str, uint32_t len,
			 uint32_t hash, uint64_t word, bool slash)
{
	if (w->depth || !(w->flags & VFS__WALK_PARENT))
		return false;
	w->last->name.str = str;
	w->last->name.len = len;
	w->last->name.hash = hash;
	w->last->slash = slash;
	w->last->type = word == DOT	 ? VFS__LAST_DOT
			: word == DOTDOT ? VFS__LAST_DOTDOT
					 : VFS__LAST_NORM;
	return true;
}

ALWAYS_INLINE int engine(struct walk *w, struct spot *s, const bool fast)
{
	skip_slashes(s);
	for (;;) {
		const char *str = s->p;
		uint32_t len, hash;
		uint64_t word;
		bool slash;
		int err;

		if (__builtin_expect(str == s->end, 0)) {
			if (!pop(w, s))
				return 0;
			continue;
		}
		err = search(w, s, fast);
		if (__builtin_expect(err, 0))
			return err;
		len = scan(w, s, &hash, &word);
		s->p += len;
		slash = s->p != s->end;
		if (slash) {
			s->p++;
			skip_slashes(s);
		}
		if (__builtin_expect(s->p != s->end, 1)) {
			err = step(w, s, str, len, hash, word, false, true,
				   fast);
		} else {
			/* the string's last, and the path's if none waits */
			if (stops(w, str, len, hash, word, slash)) {
				if (fast)
					announce(w, s, hash);
				return 0;
			}
			err = step(w, s, str, len, hash, word, !w->depth, slash,
				   fast);
		}
		if (__builtin_expect(err, 0))
			return err;
	}
}

#endif
