/* SPDX-License-Identifier: MIT */
/*
 * Telling of changes: what stands between the calls that make them and the
 * queues that somebody reads (inotify.c) or has called back (watch.c).
 *
 * A mark is one queue's interest in one inode, on which it holds a reference;
 * it hangs from the inode's ext and is in its queue's table of numbers. It goes
 * when the queue's owner removes it, with the inode's last name, with the file
 * system, and with the queue.
 *
 * Cost. vfs->watched counts marks and lies beside what every call reads: while
 * it is 0, that is all a call looks at. (A mount that was made strictatime
 * counts, too: files that were opened before are read the straight way.) Else
 * the inode's and its directory's masks are looked at, in a section; a lock is
 * taken only to queue.
 *
 * Locks. notify.lock (rank NOTIFY) protects marks and queues of the whole
 * instance, so events are in one order everywhere. It is taken under the locks
 * of the change where that decides the order (names, attributes). Nothing is
 * given back under it; marks and events taken out are freed after it.
 * Callbacks run when the thread holds no lock: vfs__notify_flush().
 */
#ifndef VFS__NOTIFY_H
#define VFS__NOTIFY_H

#include <vfs/inotify.h>

#include "core/file.h"
#include "core/instance.h"
#include "core/wait.h"
#include "util/epoch.h"

struct vfs__group;

struct vfs__event {
	struct vfs__event *next;  /* in a queue: lock; a thread's: its own */
	struct vfs__group *group; /* referenced in a thread's list only */
	uint64_t sequence;
	int32_t wd;
	uint32_t mask;
	uint32_t cookie;
	uint32_t name_len;
	char name[]; /* ends in a NUL */
};

struct vfs__mark {
	struct vfs__mark *next; /* of the inode; later of those to be freed */
	struct vfs__mark *older, **newer; /* of the instance */
	struct vfs__mark *same;		  /* chain of the group's table */
	struct vfs_inode *inode;	  /* constant; referenced */
	struct vfs__group *group;	  /* constant; it outlives the mark */
	int32_t wd;			  /* constant */
	uint32_t mask;			  /* events; VFS_IN_UNMOUNT always */
	uint32_t flags; /* VFS_IN_EXCL_UNLINK, VFS_IN_ONESHOT */
};

/* What a user has; counted while there is any. */
struct vfs__notify_user {
	struct vfs__notify_user *next;
	uint32_t uid;
	uint32_t groups, marks;
};

/* One queue; all but the constant fields and ref: lock. */
struct vfs__group {
	struct vfs *vfs; /* constant; callbacks hold a reference */
	struct vfs__notify_user *user; /* constant; NULL: nobody is charged */
	struct vfs__mark **table;      /* by number; NULL: no marks yet */
	uint32_t table_size;	       /* a power of two */
	uint32_t marks;
	int32_t last_wd;
	/* the queue of a descriptor */
	struct vfs__event *first, *last;
	uint32_t length;
	uint32_t max_length; /* constant */
	bool overflown;	     /* overflow is in the queue */
	struct vfs__waitqueue readable;
	/* the callback instead */
	struct vfs_watch_spec spec;  /* constant; event NULL: a descriptor's */
	bool lost;		     /* atomic: events since the last call */
	bool closed;		     /* atomic */
	uint32_t ref;		     /* atomic: the owner, events under way */
	struct vfs__event *overflow; /* constant: taken beforehand */
};

/* ---- queues: notify_group.c ---- */

/* - Begins group, zeroed, in vfs. uid: who is charged, if charge. 0, -ENOMEM,
 *   -EMFILE. One reference. */
int vfs__group_init(struct vfs__thread *thread, struct vfs *vfs,
		    struct vfs__group *group, uint32_t uid, bool charge);
/* - Takes its marks and events away; nothing is told any more. */
void vfs__group_close(struct vfs__thread *thread, struct vfs__group *group);
/* - inotify_add_watch's argument; the number, or -EINVAL. */
int vfs__group_check(uint32_t arg);
/* - A mark for what path leads to, by arg, or the one that is there changed:
 *   its number, -EEXIST, -ENOSPC, -ENOMEM, the walk's, -EACCES. */
int vfs__group_watch(struct vfs__thread *thread, struct vfs_task *task,
		     struct vfs__group *group, int dirfd, const char *path,
		     uint32_t arg);
/* - 0, -EINVAL. IGNORED is told. */
int vfs__group_unwatch(struct vfs__thread *thread, struct vfs__group *group,
		       int32_t wd);
/* - Takes a mark out of its inode and its group; the caller frees it by
 *   vfs__marks_free when it has given the lock back. Lock held. */
void vfs__mark_detach(struct vfs__mark *mark, struct vfs__mark **gone);
void vfs__marks_free(struct vfs__thread *thread, struct vfs__mark *gone);

static inline void vfs__notify_lock(struct vfs *vfs)
{
	vfs__mutex_lock(&vfs->notify.lock, VFS__RANK_NOTIFY);
}

static inline void vfs__notify_unlock(struct vfs *vfs)
{
	vfs__mutex_unlock(&vfs->notify.lock, VFS__RANK_NOTIFY);
}

/* ---- events: notify.c ---- */

static inline bool vfs__notify_on(const struct vfs *vfs)
{
	return __builtin_expect(VFS_READ_ONCE(vfs->watched) != 0, 0);
}

/* - Whether anybody wants to know that one of mask happens to file. Inside a
 *   section. */
bool vfs__notify_wants(const struct vfs_file *file, uint32_t mask);

/* - The slow halves of what follows. Not inside a section. */
void vfs__notify_file_slow(struct vfs__thread *thread,
			   const struct vfs_file *file, uint32_t mask);
void vfs__notify_path_slow(struct vfs__thread *thread, struct vfs *vfs,
			   struct vfs_dentry *dentry, uint32_t mask,
			   bool opened);
void vfs__notify_attr_slow(struct vfs__thread *thread, struct vfs *vfs,
			   struct vfs_dentry *dentry, uint32_t changed);
void vfs__notify_created_slow(struct vfs__thread *thread, struct vfs *vfs,
			      struct vfs_dentry *dir,
			      const struct vfs_dentry *dentry, bool link);
void vfs__notify_removed_slow(struct vfs__thread *thread, struct vfs *vfs,
			      struct vfs_dentry *victim);
void vfs__notify_gone_slow(struct vfs__thread *thread, struct vfs_inode *inode);
void vfs__notify_flush_slow(struct vfs__thread *thread);

/* - Callbacks for what this thread did. It holds no lock, and no section is
 *   open. */
static inline void vfs__notify_flush(struct vfs__thread *thread)
{
	if (__builtin_expect(thread->events_first != NULL, 0))
		vfs__notify_flush_slow(thread);
}

/* - mask happened to an open file, referenced. Flushes. */
static inline void vfs__notify_file(struct vfs__thread *thread,
				    const struct vfs_file *file, uint32_t mask)
{
	if (vfs__notify_on(file->vfs))
		vfs__notify_file_slow(thread, file, mask);
}

/* - mask happened to what dentry, referenced, is a name of. */
static inline void vfs__notify_dentry(struct vfs__thread *thread,
				      struct vfs *vfs,
				      struct vfs_dentry *dentry, uint32_t mask)
{
	if (vfs__notify_on(vfs))
		vfs__notify_path_slow(thread, vfs, dentry, mask, false);
}

/* - Attributes were set: changed is VFS_ATTR_*, whether or not to what they
 *   were. */
static inline void vfs__notify_attr(struct vfs__thread *thread, struct vfs *vfs,
				    struct vfs_dentry *dentry, uint32_t changed)
{
	if (vfs__notify_on(vfs))
		vfs__notify_attr_slow(thread, vfs, dentry, changed);
}

/* - dentry was made in dir, whose lock is held; link: its inode was there
 *   before. */
static inline void vfs__notify_created(struct vfs__thread *thread,
				       struct vfs *vfs, struct vfs_dentry *dir,
				       const struct vfs_dentry *dentry,
				       bool link)
{
	if (vfs__notify_on(vfs))
		vfs__notify_created_slow(thread, vfs, dir, dentry, link);
}

/* - victim, of which the caller has a reference, is no name any more. Its
 *   directory's lock is held. */
static inline void vfs__notify_removed(struct vfs__thread *thread,
				       struct vfs *vfs,
				       struct vfs_dentry *victim)
{
	if (vfs__notify_on(vfs))
		vfs__notify_removed_slow(thread, vfs, victim);
}

/* - A name of inode, on which the caller has a reference, is freed. */
static inline void vfs__notify_gone(struct vfs__thread *thread,
				    struct vfs_inode *inode)
{
	if (vfs__inode_is_unnamed(inode) && vfs__notify_on(inode->super->vfs))
		vfs__notify_gone_slow(thread, inode);
}

/* - source's name moved; target (NULL: none) was there before. Both
 *   directories' locks are held. */
struct vfs__notify_move {
	struct vfs_inode *old_dir, *new_dir;
	const struct vfs_name *old_name, *new_name;
	struct vfs_inode *source, *target;
};
void vfs__notify_moved(struct vfs__thread *thread, struct vfs *vfs,
		       const struct vfs__notify_move *move);

/* - super is about to go: whoever watches inodes of it is told. */
void vfs__notify_super(struct vfs__thread *thread, struct vfs_super *super);

/* - For marks that go: IGNORED. Lock held. */
void vfs__notify_ignored(struct vfs__thread *thread, struct vfs__mark *mark);

/* ---- callbacks: watch.c ---- */

/* - event, whose group has a callback, waits for the thread's flush. Its
 *   reference on the group is taken here. */
void vfs__watch_pend(struct vfs__thread *thread, struct vfs__event *event);

#endif
