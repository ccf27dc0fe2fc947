/* SPDX-License-Identifier: MIT */
/*
 * Path resolution: where walks begin and end. Contract: walk.h; the steps are
 * in walk_engine.h.
 */
#include "core/walk.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <string.h>

#include "core/pathmem.h"
#include "core/walk_engine.h"
#include "util/barrier.h"

#define FAST_TRIES 4u
/* How often a walk begins anew when what it stood on had gone elsewhere. */
#define STALE_TRIES 3u

/* ---- beginnings and ends ---- */

/* Inside a section: where the walk begins; nothing is referenced. */
ALWAYS_INLINE int start(struct walk *w, struct spot *s, int dirfd)
{
	const struct vfs__fspaths *paths =
		VFS_LOAD_POINTER(VFS_LOAD_POINTER(w->task->fs)->paths);
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
		struct vfs_file *file =
			vfs__fd_peek(VFS_LOAD_POINTER(w->task->files), dirfd);

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

ALWAYS_INLINE int finish(const struct walk *w, const struct spot *s,
			 const bool fast)
{
	if (__builtin_expect(
		    VFS_READ_ONCE(s->inode->flags) & VFS_INODE_VOLATILE, 0)) {
		int err = fast ? -ECHILD
			       : vfs__inode_refresh(w->thread, s->inode);

		if (err)
			return err;
	}
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
	struct vfs__path *at;
	struct vfs__last *last; /* for a walk to a parent; if it fails, too */
	uint32_t links;
};

/* Where e says that the path leads. */
ALWAYS_INLINE int recall(struct vfs__remembered *e, struct spot *s)
{
	if (__builtin_expect(!e->used, 0))
		e->used = true;
	if (e->absent)
		return -ENOENT;
	s->at.mnt = e->mnt;
	s->at.dentry = e->dentry;
	look_around(s);
	return 0;
}

/* What a walk takes to its end to be remembered. */
struct memory {
	struct vfs__remembered *entry;
	uint64_t tag; /* 0: it will not be */
	struct vfs__pathmem_start start;
};

/* Whether the path need not be walked: *err is what came of it. */
ALWAYS_INLINE bool remembers(struct memory *m, const struct walk *w,
			     struct spot *s, const struct request *q,
			     uint64_t renames, int *err)
{
	m->entry = vfs__pathmem_entry(w->thread, m->tag);
	m->start.renames = renames;
	m->start.changes =
		__atomic_load_n(&w->vfs->dcache.changes, __ATOMIC_ACQUIRE);
	m->start.at = s->at;
	m->start.cred = w->cred;
	if (!vfs__pathmem_holds(m->entry, m->tag, q->path, q->len, &m->start))
		return false;
	*err = recall(m->entry, s);
	return true;
}

/* Such a walk has ended at `at`. A function of its own, which is given copies,
 * so that the spot stays in registers; absent: the last name is not there. */
static __attribute__((noinline)) void remember(const struct memory *m,
					       struct vfs *vfs,
					       const struct request *q,
					       struct vfs__path at, bool absent)
{
	vfs__pathmem_walked(m->entry, vfs, m->tag, q->path, q->len, &m->start,
			    &at, absent);
}

/*
 * Leaves the thread inside a section when it succeeds. -ECHILD: not to be
 * decided here. A function of its own, so that its state can be in registers.
 */
VFS_HOT
static __attribute__((noinline)) int fast_walk(const struct request *q,
					       struct result *out)
{
	struct vfs__thread *thread = q->thread;
	struct vfs *vfs = q->task->vfs;
	struct vfs__dcache *dcache = &vfs->dcache;
	struct walk w;
	struct spot s;
	struct memory m;

	if (vfs->flags & VFS_CONFIG_SLOW_WALK)
		return -ECHILD;
	m.tag = vfs__pathmem_tag(vfs, q->path, q->len, q->flags);
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
		if (q->flags & VFS__WALK_PARENT) {
			w.last = out->last;
			w.last->type = VFS__LAST_ROOT;
		}
		err = start(&w, &s, q->dirfd);
		if (!err &&
		    !(m.tag && remembers(&m, &w, &s, q, renames, &err))) {
			err = engine(&w, &s, true);
			if (m.tag && !w.links &&
			    (!err || (err == -ENOENT && s.p == s.end)))
				remember(&m, vfs, q, s.at, err);
		}
		if (!err)
			err = finish(&w, &s, true);
		if (__builtin_expect(vfs__dcache_unchanged(dcache, renames),
				     1)) {
			if (__builtin_expect(err, 0)) {
				vfs__epoch_leave(thread);
				return err;
			}
			vfs__path_set(out->at, &s.at);
			out->links = w.links;
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

/* The number of renames, between two of them. */
static uint64_t count_renames(struct vfs *vfs)
{
	uint64_t n;

	while ((n = __atomic_load_n(&vfs->dcache.renames, __ATOMIC_ACQUIRE)) &
	       1)
		sched_yield();
	return n;
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
		err = finish(w, s, false);
	drop_pins(w);
	if (err)
		vfs__path_unref(w->thread, &s->at);
	return err;
}

/* From the beginning, with references. root: where those on w->root pass to
 * when it succeeds, if anywhere. */
static int slow_try(struct walk *w, const struct request *q, struct result *out,
		    struct vfs__path *root)
{
	struct spot s;
	bool held;
	int err;

	w->flags = q->flags;
	w->links = 0;
	if (w->flags & VFS__WALK_PARENT) {
		w->last = out->last;
		w->last->type = VFS__LAST_ROOT;
	}
	if (w->flags & SCOPED)
		w->renames = count_renames(w->vfs);
	do {
		vfs__epoch_enter(w->thread);
		s.p = q->path;
		s.end = q->path + q->len;
		err = start(w, &s, q->dirfd);
		held = !err && reference_start(w, &s);
		vfs__epoch_leave(w->thread);
	} while (!err && !held);
	if (!err) {
		err = slow_run(w, &s);
		if (!err && root)
			*root = w->root;
		else
			vfs__path_unref(w->thread, &w->root);
	}
	vfs__path_set(out->at, &s.at);
	out->links = w->links;
	return err;
}

/* As that; as: other credentials than the task's. */
static __attribute__((noinline)) int slow_walk(const struct request *q,
					       const struct vfs_cred *as,
					       struct result *out,
					       struct vfs__path *root)
{
	struct vfs_cred *cred = as ? NULL : vfs__task_cred(q->thread, q->task);
	struct walk w;
	unsigned tries = 0;
	int err;

	w.thread = q->thread;
	w.vfs = q->task->vfs;
	w.task = q->task;
	w.cred = as ? as : cred;
	do
		err = slow_try(&w, q, out, root);
	while (err == -ESTALE && ++tries < STALE_TRIES);
	if (cred)
		vfs__task_cred_put(q->thread, cred);
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
	struct request q = {thread, task, path, 0, dirfd, flags};
	struct result r; /* as a whole it would be cleared first */
	int err = check_path(path, flags, &q.len);

	if (__builtin_expect(err, 0))
		return err;
	r.at = &out->path;
	err = fast_walk(&q, &r);
	out->referenced = false;
	if (__builtin_expect(err == -ECHILD, 0)) {
		err = slow_walk(&q, NULL, &r, NULL);
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

VFS_HOT
static int walk_referenced(const struct request *q, struct result *out)
{
	int err = fast_walk(q, out);

	if (!err && !legitimize(q->thread, out->at))
		err = -ECHILD;
	if (err != -ECHILD)
		return err;
	if (q->flags & RESOLVE(RESOLVE_CACHED))
		return -EAGAIN;
	return slow_walk(q, NULL, out, NULL);
}

VFS_HOT
int vfs__path_lookup(struct vfs__thread *thread, struct vfs_task *task,
		     int dirfd, const char *path, uint32_t flags,
		     struct vfs__path *out)
{
	struct request q = {thread, task, path, 0, dirfd, flags};
	struct vfs__path at;
	struct result r;
	int err = check_path(path, flags, &q.len);

	r.at = &at;
	if (!err)
		err = walk_referenced(&q, &r);
	if (!err)
		vfs__path_set(out, &at);
	return err;
}

int vfs__path_lookup_as(struct vfs__thread *thread, struct vfs_task *task,
			const struct vfs_cred *cred, int dirfd,
			const char *path, uint32_t flags, struct vfs__path *out)
{
	struct request q = {thread, task, path, 0, dirfd, flags};
	struct vfs__path at;
	struct result r;
	int err = check_path(path, flags, &q.len);

	r.at = &at;
	if (!err)
		err = slow_walk(&q, cred, &r, NULL);
	if (!err)
		vfs__path_set(out, &at);
	return err;
}

VFS_HOT
int vfs__path_parent(struct vfs__thread *thread, struct vfs_task *task,
		     int dirfd, const char *path, uint32_t flags,
		     struct vfs__path *parent, struct vfs__last *last)
{
	struct request q = {thread, task,  path,
			    0,	    dirfd, flags | VFS__WALK_PARENT};
	struct vfs__path at;
	struct result r;
	int err = check_path(path, flags, &q.len);

	r.at = &at;
	r.last = last;
	if (!err)
		err = walk_referenced(&q, &r);
	if (!err)
		vfs__path_set(parent, &at);
	return err;
}

VFS_HOT
bool vfs__path_sibling(struct vfs__thread *thread, struct vfs_task *task,
		       const char *first, const struct vfs__path *first_parent,
		       const struct vfs__last *first_last, const char *path,
		       struct vfs__path *parent, struct vfs__last *last)
{
	size_t before = (size_t)(first_last->name.str - first), len;
	const char *name, *end;

	if (!path || first_last->type != VFS__LAST_NORM ||
	    strncmp(path, first, before) != 0)
		return false;
	name = path + before;
	len = vfs__path_length(path) - before;
	if (!len || len >= VFS__PATH_MAX - before || *name == '/' ||
	    *name == '.')
		return false;
	end = name + len;
	last->type = VFS__LAST_NORM;
	last->name.str = name;
	last->name.len = vfs__component_scan(task->vfs->dcache.seed, name, end,
					     &last->name.hash);
	name += last->name.len;
	last->slash = name != end;
	while (name < end && *name == '/')
		name++;
	if (name != end)
		return false;
	vfs__path_set(parent, first_parent);
	vfs__path_ref(thread, parent);
	return true;
}

/* ---- walks that go on ---- */

/* The root that absolute links and `..` refer to, referenced, of a walk whose
 * scope is nothing else. */
static void resume_root(struct vfs__thread *thread, struct vfs_task *task,
			struct vfs__resume *resume)
{
	struct vfs__fspaths paths;

	vfs__task_paths(thread, task, &paths);
	vfs__path_unref(thread, &paths.cwd);
	resume->root = paths.root;
	resume->rooted = true;
}

VFS_HOT
int vfs__walk_parent(struct vfs__thread *thread, struct vfs_task *task,
		     int dirfd, const char *path, uint32_t flags,
		     struct vfs__resume *resume, struct vfs__path *parent,
		     struct vfs__last *last)
{
	struct request q = {thread, task,  path,
			    0,	    dirfd, flags | VFS__WALK_PARENT};
	struct vfs__path at;
	struct result r;
	int err = check_path(path, flags, &q.len);

	memset(resume, 0, sizeof(*resume));
	resume->flags = flags;
	r.at = &at;
	r.last = last;
	if (!err && (flags & SCOPED)) {
		/* the descriptor may be another place's when the walk goes on,
		 * and that is no scope of this one's: it keeps its own */
		resume->renames = count_renames(task->vfs);
		err = slow_walk(&q, NULL, &r, &resume->root);
		resume->rooted = !err;
	} else if (!err) {
		err = walk_referenced(&q, &r);
	}
	if (err)
		return err;
	resume->links = r.links;
	vfs__path_set(parent, &at);
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
		n = VFS_READ_ONCE(link->size);
		memcpy(resume->target, link->link, (size_t)n);
	} else {
		n = link->ops->readlink
			    ? link->ops->readlink(link, resume->target,
						  VFS__PATH_MAX)
			    : -EINVAL;
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
	struct spot s = {.at = *parent};
	int err;

	look_around(&s);
	w.thread = thread;
	w.vfs = task->vfs;
	w.task = task;
	w.flags = resume->flags | VFS__WALK_PARENT;
	w.links = resume->links;
	w.renames = resume->renames;
	w.last = last;
	w.last->type = VFS__LAST_ROOT;
	if (!resume->rooted)
		resume_root(thread, task, resume);
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
	return 0;
}

int vfs__walk_may_follow(const struct vfs__resume *resume,
			 const struct vfs_mount *mnt)
{
	struct vfs__path at = {(struct vfs_mount *)(uintptr_t)mnt, NULL};
	struct walk w;

	w.flags = resume->flags;
	w.links = resume->links;
	return may_follow(&w, &at);
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

void vfs__walk_fini_slow(struct vfs__thread *thread, struct vfs__resume *resume)
{
	vfs__mem_free(thread, resume->target, VFS__PATH_MAX);
	if (resume->rooted)
		vfs__path_unref(thread, &resume->root);
}
