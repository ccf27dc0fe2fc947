/* SPDX-License-Identifier: MIT */
/*
 * Who is told what, in which order. Contract: notify.h.
 *
 * The order is Linux's: for one change the directory's watchers come before
 * the file's own, a lost link before a lost inode, a rename's two names before
 * what it replaced and what it moved.
 */
#include "core/notify.h"

#include <assert.h>
#include <string.h>
#include <sys/stat.h>

#include "core/place.h"

/* What a directory tells of the files in it. */
#define OF_CHILDREN                                                           \
	(VFS_IN_ACCESS | VFS_IN_MODIFY | VFS_IN_ATTRIB | VFS_IN_CLOSE_WRITE | \
	 VFS_IN_CLOSE_NOWRITE | VFS_IN_OPEN)
/* What is about the watched inode alone, whatever its type. */
#define OF_SELF (VFS_IN_DELETE_SELF | VFS_IN_MOVE_SELF)

/* One thing that happened, to be told under the lock. */
struct telling {
	struct vfs__thread *thread;
	struct vfs *vfs;
	uint32_t mask;
	uint32_t cookie;
	bool unlinked;		/* through a name that is no more */
	struct vfs__mark *gone; /* to be freed when the lock is given back */
};

static void begin(struct telling *t, struct vfs__thread *thread,
		  struct vfs *vfs)
{
	memset(t, 0, sizeof(*t));
	t->thread = thread;
	t->vfs = vfs;
	vfs__notify_lock(vfs);
}

static void end(struct telling *t)
{
	vfs__notify_unlock(t->vfs);
	vfs__marks_free(t->thread, t->gone);
}

/* ---- queues ---- */

static bool same_event(const struct vfs__event *old, uint32_t mask, int32_t wd,
		       const struct vfs_name *name)
{
	uint32_t len = name ? name->len : 0;

	return old && !(old->mask & VFS_IN_IGNORED) && old->mask == mask &&
	       old->wd == wd && old->name_len == len &&
	       (!len || !memcmp(old->name, name->str, len));
}

static void append(struct vfs__group *group, struct vfs__event *event)
{
	event->next = NULL;
	if (group->last)
		group->last->next = event;
	else
		group->first = event;
	group->last = event;
	group->length++;
	vfs__wait_wake(&group->readable);
}

static void overflow(struct vfs__group *group)
{
	if (group->overflown)
		return;
	group->overflown = true;
	append(group, group->overflow);
}

static struct vfs__event *make_event(struct telling *t,
				     const struct vfs__mark *mark,
				     uint32_t mask, const struct vfs_name *name)
{
	uint32_t len = name ? name->len : 0;
	struct vfs__event *event =
		vfs__mem_alloc(t->thread, sizeof(*event) + len + 1);

	if (!event)
		return NULL;
	event->next = NULL;
	event->group = mark->group;
	event->sequence = ++t->vfs->notify.sequence;
	event->wd = mark->wd;
	event->mask = mask;
	event->cookie = t->cookie;
	event->name_len = len;
	if (len)
		memcpy(event->name, name->str, len);
	event->name[len] = '\0';
	return event;
}

/* The thread's last event for callbacks, if it is this group's. */
static const struct vfs__event *last_pending(const struct telling *t,
					     const struct vfs__group *group)
{
	const struct vfs__event *last = t->thread->events_last;

	return last && last->group == group ? last : NULL;
}

/* A full queue takes no more, not even what is there already. */
static void put(struct telling *t, struct vfs__mark *mark, uint32_t mask,
		const struct vfs_name *name)
{
	struct vfs__group *group = mark->group;
	bool called = group->spec.event;
	struct vfs__event *event;

	if (!called && group->length >= group->max_length) {
		overflow(group);
		return;
	}
	if (same_event(called ? last_pending(t, group) : group->last, mask,
		       mark->wd, name))
		return;
	event = make_event(t, mark, mask, name);
	if (event && called)
		vfs__watch_pend(t->thread, event);
	else if (event)
		append(group, event);
	else if (called)
		VFS_WRITE_ONCE(group->lost, true);
	else
		overflow(group);
}

static void drop(struct telling *t, struct vfs__mark *mark)
{
	const uint32_t cookie = t->cookie;

	t->cookie = 0;
	put(t, mark, VFS_IN_IGNORED, NULL);
	t->cookie = cookie;
	vfs__mark_detach(mark, &t->gone);
}

void vfs__notify_ignored(struct vfs__thread *thread, struct vfs__mark *mark)
{
	struct telling t = {.thread = thread, .vfs = mark->group->vfs};

	put(&t, mark, VFS_IN_IGNORED, NULL);
}

/* Everybody who watches inode and wants to know. */
static void tell(struct telling *t, struct vfs_inode *inode,
		 const struct vfs_name *name)
{
	struct vfs__inode_ext *ext = vfs__inode_ext_peek(inode);
	const uint32_t wanted = t->mask & ~(uint32_t)VFS_IN_ISDIR;
	const uint32_t shown =
		t->mask & OF_SELF ? t->mask & ~(uint32_t)VFS_IN_ISDIR : t->mask;
	struct vfs__mark *mark, *next;

	for (mark = ext ? ext->marks : NULL; mark; mark = next) {
		next = mark->next;
		if (!(mark->mask & wanted) ||
		    (t->unlinked && (mark->flags & VFS_IN_EXCL_UNLINK)))
			continue;
		put(t, mark, shown, name);
		if (mark->flags & VFS_IN_ONESHOT)
			drop(t, mark);
	}
}

static void tell_self(struct telling *t, struct vfs_inode *inode, uint32_t mask)
{
	t->mask = mask;
	t->unlinked = false;
	if (vfs__inode_is_dir(inode))
		t->mask |= VFS_IN_ISDIR;
	tell(t, inode, NULL);
}

/* A change of dir's names. */
static void tell_name(struct telling *t, struct vfs_inode *dir, uint32_t mask,
		      const struct vfs_inode *child,
		      const struct vfs_name *name)
{
	t->mask = mask;
	t->unlinked = false;
	if (vfs__inode_is_dir(child))
		t->mask |= VFS_IN_ISDIR;
	tell(t, dir, name);
}

/* ---- who is interested ---- */

static uint32_t wanted_of(const struct vfs_inode *inode)
{
	const struct vfs__inode_ext *ext = vfs__inode_ext_peek(inode);

	return ext ? VFS_READ_ONCE(ext->notify_mask) : 0;
}

/* Inside a section. */
static uint32_t wanted_of_children(const struct vfs_dentry *dentry)
{
	const struct vfs_inode *dir;

	if (vfs__dentry_is_root(dentry))
		return 0;
	dir = vfs__dentry_inode(vfs__dentry_parent(dentry));
	return dir ? wanted_of(dir) & OF_CHILDREN : 0;
}

bool vfs__notify_wants(const struct vfs_file *file, uint32_t mask)
{
	return (wanted_of(file->inode) & mask) ||
	       (wanted_of_children(file->path.dentry) & mask);
}

/* ---- events ---- */

static bool is_special(const struct vfs_inode *inode)
{
	uint32_t mode = vfs__inode_mode(inode);

	return S_ISFIFO(mode) || S_ISCHR(mode) || S_ISBLK(mode) ||
	       S_ISSOCK(mode);
}

void vfs__notify_path_slow(struct vfs__thread *thread, struct vfs *vfs,
			   struct vfs_dentry *dentry, uint32_t mask,
			   bool opened)
{
	struct vfs_inode *inode = vfs__dentry_inode(dentry);
	struct vfs__place place = {.parent = NULL};
	uint32_t to_parent = mask, wanted;
	struct telling t;

	/* what goes through a FIFO or a device is not the directory's affair */
	if (opened && is_special(inode))
		to_parent &= ~(uint32_t)(VFS_IN_ACCESS | VFS_IN_MODIFY);
	vfs__epoch_enter(thread);
	wanted = wanted_of_children(dentry) & to_parent;
	vfs__epoch_leave(thread);
	if (wanted)
		vfs__place_of(thread, vfs, dentry, &place);
	if (!place.parent && !(wanted_of(inode) & mask))
		return;
	begin(&t, thread, vfs);
	t.mask = mask | (vfs__inode_is_dir(inode) ? VFS_IN_ISDIR : 0);
	t.unlinked = opened && !vfs__dentry_hashed(dentry) &&
		     !vfs__dentry_is_root(dentry);
	if (place.parent)
		tell(&t, place.parent->inode, &place.name);
	tell(&t, inode, NULL);
	end(&t);
	vfs__dentry_unref(thread, place.parent);
}

void vfs__notify_file_slow(struct vfs__thread *thread,
			   const struct vfs_file *file, uint32_t mask)
{
	if (!(vfs__file_mode(file) & VFS__FILE_QUIET))
		vfs__notify_path_slow(thread, file->vfs, file->path.dentry,
				      mask, true);
	vfs__notify_flush(thread);
}

void vfs__notify_attr_slow(struct vfs__thread *thread, struct vfs *vfs,
			   struct vfs_dentry *dentry, uint32_t changed)
{
	const uint32_t times = VFS_ATTR_ATIME | VFS_ATTR_MTIME;
	uint32_t mask = 0;

	if (changed & (VFS_ATTR_MODE | VFS_ATTR_UID | VFS_ATTR_GID))
		mask |= VFS_IN_ATTRIB;
	/* one time alone looks like the reading or writing that it stands for
	 */
	if ((changed & times) == times)
		mask |= VFS_IN_ATTRIB;
	else if (changed & VFS_ATTR_ATIME)
		mask |= VFS_IN_ACCESS;
	else if (changed & VFS_ATTR_MTIME)
		mask |= VFS_IN_MODIFY;
	if (mask)
		vfs__notify_path_slow(thread, vfs, dentry, mask, false);
}

void vfs__notify_created_slow(struct vfs__thread *thread, struct vfs *vfs,
			      struct vfs_dentry *dir,
			      const struct vfs_dentry *dentry, bool link)
{
	struct vfs_name name = {.hash = 0};
	struct telling t;

	if (!(wanted_of(dir->inode) & VFS_IN_CREATE) &&
	    !(link && (wanted_of(dentry->inode) & VFS_IN_ATTRIB)))
		return;
	name.str = vfs__dentry_name(dentry, &name.len);
	begin(&t, thread, vfs);
	if (link)
		tell_self(&t, dentry->inode, VFS_IN_ATTRIB);
	tell_name(&t, dir->inode, VFS_IN_CREATE, dentry->inode, &name);
	end(&t);
}

static void drop_all(struct telling *t, struct vfs_inode *inode)
{
	struct vfs__inode_ext *ext = vfs__inode_ext_peek(inode);

	while (ext && ext->marks)
		drop(t, ext->marks);
}

/* The inode's last name went: nobody can watch it any more. */
static void tell_gone(struct telling *t, struct vfs_inode *inode)
{
	tell_self(t, inode, VFS_IN_DELETE_SELF);
	drop_all(t, inode);
}

void vfs__notify_gone_slow(struct vfs__thread *thread, struct vfs_inode *inode)
{
	struct telling t;

	if (!wanted_of(inode))
		return;
	begin(&t, thread, inode->super->vfs);
	tell_gone(&t, inode);
	end(&t);
}

/*
 * If nobody uses the name any more, the inode goes before the directory is
 * told, as Linux has it; else when the last user lets go of the name.
 */
void vfs__notify_removed_slow(struct vfs__thread *thread, struct vfs *vfs,
			      struct vfs_dentry *victim)
{
	struct vfs_inode *dir = victim->parent->inode, *inode = victim->inode;
	struct vfs_name name = {.hash = 0};
	struct telling t;

	if (!(wanted_of(dir) & VFS_IN_DELETE) && !wanted_of(inode))
		return;
	name.str = vfs__dentry_name(victim, &name.len);
	begin(&t, thread, vfs);
	if (!vfs__inode_is_dir(inode))
		tell_self(&t, inode, VFS_IN_ATTRIB);
	if (VFS_READ_ONCE(victim->ref) == 1 && vfs__inode_is_unnamed(inode))
		tell_gone(&t, inode);
	tell_name(&t, dir, VFS_IN_DELETE, inode, &name);
	end(&t);
}

void vfs__notify_moved(struct vfs__thread *thread, struct vfs *vfs,
		       const struct vfs__notify_move *move)
{
	struct telling t;

	if (!vfs__notify_on(vfs) ||
	    !((wanted_of(move->old_dir) | wanted_of(move->new_dir) |
	       wanted_of(move->source) |
	       (move->target ? wanted_of(move->target) : 0))))
		return;
	begin(&t, thread, vfs);
	t.cookie = ++vfs->notify.cookie;
	tell_name(&t, move->old_dir, VFS_IN_MOVED_FROM, move->source,
		  move->old_name);
	tell_name(&t, move->new_dir, VFS_IN_MOVED_TO, move->source,
		  move->new_name);
	t.cookie = 0;
	if (move->target)
		tell_self(&t, move->target, VFS_IN_ATTRIB);
	tell_self(&t, move->source, VFS_IN_MOVE_SELF);
	end(&t);
}

/* In Linux's order: what was watched last comes first, and an inode counts from
 * its first watch on. The others of that inode are before it in the list. */
void vfs__notify_super(struct vfs__thread *thread, struct vfs_super *super)
{
	struct vfs__mark *mark, *next;
	struct telling t;

	/* also when there are none: who took the last one has pinned it under
	 * the lock */
	begin(&t, thread, super->vfs);
	for (mark = super->vfs->notify.marks; mark; mark = next) {
		struct vfs_inode *inode = mark->inode;

		next = mark->older;
		if (inode->super != super || mark->next)
			continue;
		tell_self(&t, inode, VFS_IN_UNMOUNT);
		drop_all(&t, inode);
	}
	end(&t);
}
