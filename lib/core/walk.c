/* SPDX-License-Identifier: MIT */
/*
 * Path resolution. Contract: walk.h.
 *
 * One engine, compiled twice. The fast one runs inside a read section, holds
 * nothing, and gives up with -ECHILD where only the slow one can decide; all
 * that it saw is believed only if no rename took place meanwhile, errors too.
 * The slow one holds a reference on where it stands and on each symlink whose
 * text it is reading; it locks a directory (shared) to ask its backend.
 */
#include "core/walk.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include "core/acl.h"
#include "core/dcache_find.h"
#include "core/inode.h"
#include "core/perm.h"
#include "util/epoch.h"

#define ALWAYS_INLINE static inline __attribute__((always_inline))
#define FAST_TRIES 4u
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
	struct vfs__path root; /* referenced when slow */
	struct vfs__last last;
	struct vfs_dentry *found; /* find_child's */
	/* strings left for later, by links in the middle */
	unsigned depth;
	struct {
		const char *p, *end;
	} stack[VFS__SYMLINKS_MAX];
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
		vfs__epoch_enter(w->thread);
		parent = vfs__dentry_parent(d);
		if (vfs__dentry_tryref(parent) &&
		    vfs__dentry_parent(d) == parent) {
			vfs__epoch_leave(w->thread);
			return parent;
		}
		vfs__epoch_leave(w->thread);
		sched_yield();
	}
}

/* Goes down to what is mounted on at, while anything is. */
ALWAYS_INLINE int cross(struct walk *w, struct vfs__path *at, const bool fast)
{
	while (vfs__dentry_flags(at->dentry) & VFS__DENTRY_MOUNTED) {
		struct vfs_mount *mnt;

		if (!fast)
			vfs__epoch_enter(w->thread);
		mnt = vfs__mount_lookup(w->vfs, at->mnt, at->dentry);
		if (mnt && !fast) {
			vfs__mount_ref(w->thread, mnt);
			vfs__dentry_ref(mnt->root);
		}
		if (!fast)
			vfs__epoch_leave(w->thread);
		if (!mnt)
			return 0;
		if (!fast)
			vfs__path_unref(w->thread, at);
		at->mnt = mnt;
		at->dentry = mnt->root;
		if (w->flags & RESOLVE(RESOLVE_NO_XDEV))
			return -EXDEV;
	}
	return 0;
}

/* `..` */
ALWAYS_INLINE int step_up(struct walk *w, struct spot *s, const bool fast)
{
	for (;;) {
		struct vfs_mount *mnt = s->at.mnt;
		struct vfs_dentry *dentry = s->at.dentry;

		if (mnt == w->root.mnt && dentry == w->root.dentry)
			return w->flags & RESOLVE(RESOLVE_BENEATH) ? -EXDEV : 0;
		if (dentry != mnt->root) {
			if (fast)
				s->at.dentry = vfs__dentry_parent(dentry);
			else {
				dentry = parent_ref(w, dentry);
				vfs__mount_ref(w->thread, mnt);
				stand_on(w, s, mnt, dentry);
			}
			break;
		}
		if (mnt->parent == mnt)
			return w->flags & RESOLVE(RESOLVE_BENEATH) ? -EXDEV : 0;
		if (w->flags & RESOLVE(RESOLVE_NO_XDEV))
			return -EXDEV;
		if (fast) {
			s->at.dentry = mnt->mountpoint;
			s->at.mnt = mnt->parent;
		} else {
			struct vfs__path up = { mnt->parent, mnt->mountpoint };

			vfs__path_ref(w->thread, &up);
			stand_on(w, s, up.mnt, up.dentry);
		}
	}
	return cross(w, &s->at, fast);
}

/* ---- one name ---- */

/* Asks the backend of dir (locked, shared or excl) for name; a dentry with a
 * reference, maybe negative, is in the cache afterwards. */
static int ask_backend(struct vfs__thread *thread, struct vfs *vfs,
		       struct vfs_dentry *dir, const struct vfs_name *name,
		       struct vfs_dentry **out)
{
	struct vfs_inode *inode = NULL;
	struct vfs_dentry *d, *other;
	uint64_t cookie = 0;
	int err;

	d = vfs__dentry_alloc(thread, dir, name);
	if (!d)
		return -ENOMEM;
	err = dir->inode->ops->lookup(dir->inode, name, &inode, &cookie);
	if (!err)
		err = vfs__acl_load(thread, inode);
	if (err && err != -ENOENT) {
		vfs__inode_unref(thread, inode);
		vfs__dentry_unref(thread, d);
		return err;
	}
	if (!err)
		vfs__dentry_instantiate(d, inode, cookie);
	vfs__dentry_set(d, VFS__DENTRY_EVICTABLE | VFS__DENTRY_USED);
	other = vfs__dcache_insert_unique(thread, vfs, d);
	if (other) {
		vfs__dentry_unref(thread, d);
		d = other;
	}
	*out = d;
	return 0;
}

static bool is_complete(const struct vfs_inode *inode)
{
	return inode->super->type->flags & VFS_FS_COMPLETE;
}

/* In a removed directory there is nothing, whatever its name. */
static int too_long(const struct vfs_inode *dir)
{
	return VFS_READ_ONCE(dir->flags) & VFS_INODE_DEAD ? -ENOENT
							  : -ENAMETOOLONG;
}

int vfs__lookup_one(struct vfs__thread *thread, struct vfs *vfs,
		    struct vfs_dentry *dir, const struct vfs_name *name,
		    struct vfs_dentry **out)
{
	struct vfs_inode *inode = dir->inode;
	struct vfs_dentry *d;

	if (VFS_READ_ONCE(inode->flags) & VFS_INODE_DEAD)
		return -ENOENT;
	if (name->len > inode->super->name_max)
		return -ENAMETOOLONG;
	d = vfs__dcache_get(thread, vfs, dir, name);
	if (!d && !is_complete(inode))
		return ask_backend(thread, vfs, dir, name, out);
	if (!d)
		d = vfs__dentry_alloc(thread, dir, name);
	*out = d;
	return d ? 0 : -ENOMEM;
}

/* Slow: the child of s->at of that name, referenced, positive. */
static int slow_child(struct walk *w, const struct spot *s,
		      const struct vfs_name *name, struct vfs_dentry **out)
{
	struct vfs_dentry *d;
	int err = 0;

	if (name->len > s->inode->super->name_max)
		return too_long(s->inode);
	d = vfs__dcache_get(w->thread, w->vfs, s->at.dentry, name);
	if (!d && !is_complete(s->inode)) {
		vfs__inode_lock_shared(s->inode);
		if (VFS_READ_ONCE(s->inode->flags) & VFS_INODE_DEAD)
			err = -ENOENT;
		else
			err = ask_backend(w->thread, w->vfs, s->at.dentry,
					  name, &d);
		vfs__inode_unlock_shared(s->inode);
		vfs__dcache_trim(w->thread, w->vfs);
	}
	if (!err && (!d || !vfs__dentry_inode(d))) {
		vfs__dentry_unref(w->thread, d);
		err = -ENOENT;
	}
	if (err)
		return err;
	*out = d;
	return 0;
}

/* Fast: the child named by str, whatever its length and wherever it lies.
 * -ENOENT is a fact, if no rename took place. */
static __attribute__((noinline)) int
find_child(struct vfs *vfs, const struct vfs_dentry *parent,
	   const struct vfs_name *name, struct vfs_dentry **out)
{
	const struct vfs_inode *inode = vfs__dentry_inode(parent);
	struct vfs__component c;
	struct vfs_dentry *d;
	bool certain;

	vfs__component_of(name, &c);
	d = vfs__dcache_find(&vfs->dcache, parent, &c, &certain);
	if (d) {
		*out = d;
		return 0;
	}
	if (name->len > inode->super->name_max)
		return too_long(inode);
	return certain && is_complete(inode) ? -ENOENT : -ECHILD;
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
	if ((w->flags & RESOLVE(RESOLVE_NO_XDEV)) &&
	    s->at.mnt != w->root.mnt)
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
		if (!text)
			return -ECHILD;
	} else {
		err = slow_text(w, dentry, link, &text, &len);
		if (err)
			return err;
	}
	vfs__path_accessed(&s->at, link);
	return enter_text(w, s, text, len, fast);
}

/* ---- the engine ---- */

/* Steps from s->at to its child d (slow: reference passes). */
ALWAYS_INLINE int step_down(struct walk *w, struct spot *s,
			    struct vfs_dentry *d, bool final, bool slash,
			    const bool fast)
{
	uint32_t flags = vfs__dentry_flags(d);
	struct vfs_inode *inode = vfs__dentry_inode(d);
	uint32_t mode;

	if (__builtin_expect(!inode, 0))
		return -ENOENT; /* negative; slow_child has seen to its own */
	mode = vfs__inode_mode(inode);
	if (__builtin_expect(S_ISLNK(mode), 0) &&
	    (!final || slash || (w->flags & VFS__WALK_FOLLOW))) {
		if (final && slash)
			w->flags |= VFS__WALK_FOLLOW | VFS__WALK_DIRECTORY;
		return follow(w, s, d, inode, fast);
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
	if (__builtin_expect(flags & (VFS__DENTRY_MOUNTED |
				      VFS__DENTRY_EVICTABLE),
			     0)) {
		int err;

		if (!(flags & VFS__DENTRY_USED))
			vfs__dentry_set(d, VFS__DENTRY_USED);
		err = cross(w, &s->at, fast);
		look_around(s);
		return err;
	}
	return 0;
}

ALWAYS_INLINE int search(struct walk *w, struct spot *s, const bool fast)
{
	int err;

	/* a directory that everybody may search, without an ACL */
	if (__builtin_expect((s->mode & (S_IFMT | 0111)) ==
				     (S_IFDIR | 0111),
			     1) &&
	    __builtin_expect(!(VFS_READ_ONCE(s->inode->flags) &
			       VFS_INODE_ACL),
			     1))
		return 0;
	if (!S_ISDIR(s->mode))
		return -ENOTDIR;
	err = vfs__permission(w->cred, s->inode, VFS__MAY_EXEC);
	if (!fast && err == -ECHILD)
		err = vfs__permission_load(w->thread, w->cred, s->inode,
					   VFS__MAY_EXEC);
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
		*hash = vfs__hash_short(seed, *word, len);
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
		err = step_up(w, s, fast);
		look_around(s);
		return err;
	}
	if (fast)
		d = vfs__dcache_find_short(&w->vfs->dcache, s->at.dentry, hash,
					   word);
	if (__builtin_expect(!d, 0)) {
		struct vfs_name name = { str, len, hash };

		if (fast)
			err = find_child(w->vfs, s->at.dentry, &name,
					 &w->found);
		else
			err = slow_child(w, s, &name, &w->found);
		if (err)
			return err;
		d = w->found;
	}
	return step_down(w, s, d, final, slash, fast);
}

/* Stops before the last component? Then it is noted. */
ALWAYS_INLINE bool stops(struct walk *w, const char *str, uint32_t len,
			 uint32_t hash, uint64_t word, bool slash)
{
	if (w->depth || !(w->flags & VFS__WALK_PARENT))
		return false;
	w->last.name.str = str;
	w->last.name.len = len;
	w->last.name.hash = hash;
	w->last.slash = slash;
	w->last.type = word == DOT    ? VFS__LAST_DOT :
		       word == DOTDOT ? VFS__LAST_DOTDOT :
					VFS__LAST_NORM;
	return true;
}

ALWAYS_INLINE int engine(struct walk *w, struct spot *s, const bool fast)
{
	w->last.type = VFS__LAST_ROOT;
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
			if (stops(w, str, len, hash, word, slash))
				return 0;
			err = step(w, s, str, len, hash, word, !w->depth,
				   slash, fast);
		}
		if (__builtin_expect(err, 0))
			return err;
	}
}

/* ---- beginnings and ends ---- */

/* Inside a section: where the walk begins; nothing is referenced. */
ALWAYS_INLINE int start(struct walk *w, struct spot *s, int dirfd)
{
	const struct vfs__fspaths *paths = VFS_LOAD_POINTER(w->task->fs->paths);
	bool absolute = s->p < s->end && *s->p == '/';

	w->root = paths->root;
	w->depth = 0;
	if (absolute && !(w->flags & RESOLVE(RESOLVE_IN_ROOT))) {
		if (w->flags & RESOLVE(RESOLVE_BENEATH))
			return -EXDEV;
		s->at = w->root;
	} else if (dirfd == AT_FDCWD) {
		s->at = paths->cwd;
	} else {
		struct vfs_file *file = vfs__fd_peek(w->task->files, dirfd);

		if (!file)
			return -EBADF;
		s->at = file->path;
		if (s->p < s->end && !vfs__inode_is_dir(file->inode))
			return -ENOTDIR;
	}
	if (w->flags & SCOPED)
		w->root = s->at;
	look_around(s);
	return 0;
}

ALWAYS_INLINE int finish(const struct walk *w, const struct spot *s)
{
	if ((w->flags & VFS__WALK_DIRECTORY) &&
	    !(w->flags & VFS__WALK_PARENT) && !S_ISDIR(s->mode))
		return -ENOTDIR;
	return 0;
}

/* What a walk is asked, and what it found. */
struct request {
	struct vfs__thread *thread;
	struct vfs_task *task;
	const char *path;
	size_t len;
	int dirfd;
	uint32_t flags;
};

struct result {
	struct vfs__path *at; /* the caller's: member by member, because a copy
			       * of both at once would wait for the stores */
	uint32_t links;
	struct vfs__last last;
};

/*
 * Leaves the thread inside a section when it succeeds. -ECHILD: not to be
 * decided here. A function of its own, so that its state can be in registers.
 */
static __attribute__((noinline)) int fast_walk(const struct request *q,
					       struct result *out)
{
	struct vfs__thread *thread = q->thread;
	struct vfs *vfs = q->task->vfs;
	struct vfs__dcache *dcache = &vfs->dcache;
	struct walk w;
	struct spot s;

	if (vfs->flags & VFS_CONFIG_SLOW_WALK)
		return -ECHILD;
	w.thread = thread;
	w.vfs = vfs;
	w.task = q->task;
	for (unsigned tries = 0; tries < FAST_TRIES; tries++) {
		uint64_t renames;
		int err;

		vfs__epoch_enter(thread);
		renames = __atomic_load_n(&dcache->renames, __ATOMIC_ACQUIRE);
		s.p = q->path;
		s.end = q->path + q->len;
		w.flags = q->flags;
		w.links = 0;
		w.cred = vfs__task_cred_peek(q->task);
		err = start(&w, &s, q->dirfd);
		if (!err)
			err = engine(&w, &s, true);
		if (!err)
			err = finish(&w, &s);
		if (__builtin_expect(!(renames & 1) &&
					     __atomic_load_n(
						     &dcache->renames,
						     __ATOMIC_ACQUIRE) ==
						     renames,
				     1)) {
			if (__builtin_expect(err, 0)) {
				vfs__epoch_leave(thread);
				return err;
			}
			out->at->mnt = s.at.mnt;
			out->at->dentry = s.at.dentry;
			if (q->flags & VFS__WALK_PARENT) {
				out->links = w.links;
				out->last = w.last;
			}
			return 0;
		}
		vfs__epoch_leave(thread);
	}
	return -ECHILD;
}

static void drop_pins(struct walk *w)
{
	while (w->pin_count) {
		unsigned i = --w->pin_count;

		vfs__mem_free(w->thread, w->pins[i].text, VFS__PATH_MAX);
		vfs__dentry_unref(w->thread, w->pins[i].dentry);
	}
}

/* References what start found, or says that it is going away. */
static bool reference_start(struct walk *w, struct spot *s)
{
	if (!vfs__dentry_tryref(w->root.dentry))
		return false;
	vfs__mount_ref(w->thread, w->root.mnt);
	if (!vfs__dentry_tryref(s->at.dentry)) {
		vfs__epoch_leave(w->thread);
		vfs__path_unref(w->thread, &w->root);
		vfs__epoch_enter(w->thread);
		return false;
	}
	vfs__mount_ref(w->thread, s->at.mnt);
	return true;
}

/* s->at and w->root are referenced; s->at stays so on success, and w->root
 * and the pins are given back. */
static int slow_run(struct walk *w, struct spot *s)
{
	int err;

	w->depth = 0;
	w->pin_count = 0;
	err = engine(w, s, false);
	if (!err)
		err = finish(w, s);
	drop_pins(w);
	if (err)
		vfs__path_unref(w->thread, &s->at);
	return err;
}

/* With references; as: other credentials than the task's. */
static __attribute__((noinline)) int slow_walk(const struct request *q,
					       const struct vfs_cred *as,
					       struct result *out)
{
	struct vfs_cred *cred = as ? NULL : vfs__task_cred(q->thread, q->task);
	struct walk w;
	struct spot s;
	int err;
	bool held;

	w.thread = q->thread;
	w.vfs = q->task->vfs;
	w.task = q->task;
	w.flags = q->flags;
	w.cred = as ? as : cred;
	w.links = 0;
	do {
		vfs__epoch_enter(w.thread);
		s.p = q->path;
		s.end = q->path + q->len;
		err = start(&w, &s, q->dirfd);
		held = !err && reference_start(&w, &s);
		vfs__epoch_leave(w.thread);
	} while (!err && !held);
	if (!err) {
		err = slow_run(&w, &s);
		vfs__path_unref(w.thread, &w.root);
	}
	if (cred)
		vfs__task_cred_put(q->thread, cred);
	*out->at = s.at;
	out->links = w.links;
	out->last = w.last;
	return err;
}

/* The length of path, or why it cannot be walked. */
static int check_path(const char *path, uint32_t flags, size_t *len)
{
	if (!path)
		return -EFAULT;
	*len = vfs__path_length(path);
	if (*len == VFS__PATH_MAX)
		return -ENAMETOOLONG;
	if (!*len && !(flags & VFS__WALK_EMPTY))
		return -ENOENT;
	return 0;
}

int vfs__lookup_begin(struct vfs__thread *thread, struct vfs_task *task,
		      int dirfd, const char *path, uint32_t flags,
		      struct vfs__lookup *out)
{
	struct request q = { thread, task, path, 0, dirfd, flags };
	struct result r = { .at = &out->path };
	int err = check_path(path, flags, &q.len);

	if (__builtin_expect(err, 0))
		return err;
	err = fast_walk(&q, &r);
	out->referenced = false;
	if (__builtin_expect(err == -ECHILD, 0)) {
		err = slow_walk(&q, NULL, &r);
		out->referenced = true;
	}
	return err;
}

void vfs__lookup_end(struct vfs__thread *thread, struct vfs__lookup *lookup)
{
	if (lookup->referenced)
		vfs__path_unref(thread, &lookup->path);
	else
		vfs__epoch_leave(thread);
}

/* Turns a fast walk's result into references and leaves the section; false
 * when it is going away. */
static bool legitimize(struct vfs__thread *thread, const struct vfs__path *at)
{
	bool ok = vfs__dentry_tryref(at->dentry);

	if (ok)
		vfs__mount_ref(thread, at->mnt);
	vfs__epoch_leave(thread);
	return ok;
}

static int walk_referenced(const struct request *q, struct result *out)
{
	int err = fast_walk(q, out);

	if (!err && !legitimize(q->thread, out->at))
		err = -ECHILD;
	if (err != -ECHILD)
		return err;
	if (q->flags & RESOLVE(RESOLVE_CACHED))
		return -EAGAIN;
	return slow_walk(q, NULL, out);
}

int vfs__path_lookup(struct vfs__thread *thread, struct vfs_task *task,
		     int dirfd, const char *path, uint32_t flags,
		     struct vfs__path *out)
{
	struct request q = { thread, task, path, 0, dirfd, flags };
	struct vfs__path at;
	struct result r = { .at = &at };
	int err = check_path(path, flags, &q.len);

	if (!err)
		err = walk_referenced(&q, &r);
	if (!err)
		*out = at;
	return err;
}

int vfs__path_lookup_as(struct vfs__thread *thread, struct vfs_task *task,
			const struct vfs_cred *cred, int dirfd,
			const char *path, uint32_t flags,
			struct vfs__path *out)
{
	struct request q = { thread, task, path, 0, dirfd, flags };
	struct vfs__path at;
	struct result r = { .at = &at };
	int err = check_path(path, flags, &q.len);

	if (!err)
		err = slow_walk(&q, cred, &r);
	if (!err)
		*out = at;
	return err;
}

int vfs__path_parent(struct vfs__thread *thread, struct vfs_task *task,
		     int dirfd, const char *path, uint32_t flags,
		     struct vfs__path *parent, struct vfs__last *last)
{
	struct request q = { thread, task, path, 0, dirfd,
			     flags | VFS__WALK_PARENT };
	struct vfs__path at;
	struct result r = { .at = &at };
	int err = check_path(path, flags, &q.len);

	if (!err)
		err = walk_referenced(&q, &r);
	if (err)
		return err;
	parent->mnt = at.mnt;
	parent->dentry = at.dentry;
	*last = r.last;
	return 0;
}

/* ---- walks that go on ---- */

/* The root that absolute links and `..` of this walk refer to, referenced. */
static int resume_root(struct vfs__thread *thread, struct vfs_task *task,
		       int dirfd, struct vfs__resume *resume)
{
	struct vfs_file *file;

	if (resume->flags & SCOPED && dirfd != AT_FDCWD) {
		file = vfs__fd_get(thread, task, dirfd);
		if (!file)
			return -EBADF;
		resume->root = file->path;
		vfs__path_ref(thread, &resume->root);
		vfs__file_unref(thread, file);
	} else {
		struct vfs__fspaths paths;

		vfs__task_paths(thread, task, &paths);
		if (resume->flags & SCOPED) {
			resume->root = paths.cwd;
			vfs__path_unref(thread, &paths.root);
		} else {
			resume->root = paths.root;
			vfs__path_unref(thread, &paths.cwd);
		}
	}
	resume->rooted = true;
	return 0;
}

int vfs__walk_parent(struct vfs__thread *thread, struct vfs_task *task,
		     int dirfd, const char *path, uint32_t flags,
		     struct vfs__resume *resume, struct vfs__path *parent,
		     struct vfs__last *last)
{
	struct request q = { thread, task, path, 0, dirfd,
			     flags | VFS__WALK_PARENT };
	struct vfs__path at;
	struct result r = { .at = &at };
	int err = check_path(path, flags, &q.len);

	memset(resume, 0, sizeof(*resume));
	resume->flags = flags;
	resume->dirfd = dirfd;
	if (!err)
		err = walk_referenced(&q, &r);
	if (err)
		return err;
	resume->links = r.links;
	parent->mnt = at.mnt;
	parent->dentry = at.dentry;
	*last = r.last;
	return 0;
}

/* A copy of link's text, for as long as the walk lasts. */
static int copy_text(struct vfs__thread *thread, struct vfs__resume *resume,
		     struct vfs_inode *link)
{
	int64_t n;

	vfs__mem_free(thread, resume->target, VFS__PATH_MAX);
	resume->target = vfs__mem_alloc(thread, VFS__PATH_MAX);
	if (!resume->target)
		return -ENOMEM;
	if (link->link) {
		n = link->size;
		memcpy(resume->target, link->link, (size_t)n);
	} else {
		n = link->ops->readlink ?
			    link->ops->readlink(link, resume->target,
						VFS__PATH_MAX) :
			    -EINVAL;
	}
	if (n < 0)
		return (int)n;
	resume->target_len = (size_t)n;
	return n ? 0 : -ENOENT;
}

int vfs__walk_resume(struct vfs__thread *thread, struct vfs_task *task,
		     struct vfs__resume *resume, struct vfs_inode *link,
		     struct vfs__path *parent, struct vfs__last *last)
{
	struct vfs_cred *cred;
	struct walk w;
	struct spot s = { .at = *parent };
	int err = 0;

	look_around(&s);
	w.thread = thread;
	w.vfs = task->vfs;
	w.task = task;
	w.flags = resume->flags | VFS__WALK_PARENT;
	w.links = resume->links;
	if (!resume->rooted)
		err = resume_root(thread, task, resume->dirfd, resume);
	if (!err)
		err = may_follow(&w, parent);
	/* the text that last.name pointed into may go now */
	if (!err)
		err = copy_text(thread, resume, link);
	if (err) {
		vfs__path_unref(thread, parent);
		return err;
	}
	w.root = resume->root;
	w.depth = 0;
	s.p = s.end = resume->target;
	vfs__path_accessed(parent, link);
	err = enter_text(&w, &s, resume->target, resume->target_len, false);
	if (err) {
		vfs__path_unref(thread, &s.at);
		return err;
	}
	cred = vfs__task_cred(thread, task);
	w.cred = cred;
	err = slow_run(&w, &s);
	vfs__task_cred_put(thread, cred);
	if (err)
		return err;
	resume->links = w.links;
	*parent = s.at;
	*last = w.last;
	return 0;
}

int vfs__walk_cross(struct vfs__thread *thread, struct vfs_task *task,
		    uint32_t flags, struct vfs__path *path)
{
	struct walk w;

	w.thread = thread;
	w.vfs = task->vfs;
	w.flags = flags;
	return cross(&w, path, false);
}

void vfs__walk_fini(struct vfs__thread *thread, struct vfs__resume *resume)
{
	vfs__mem_free(thread, resume->target, VFS__PATH_MAX);
	if (resume->rooted)
		vfs__path_unref(thread, &resume->root);
}
