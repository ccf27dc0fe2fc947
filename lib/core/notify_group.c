/* SPDX-License-Identifier: MIT */
/* Queues and what they watch: making, finding and removing marks. Contract:
 * notify.h. */
#include <assert.h>
#include <errno.h>
#include <string.h>

#include "core/notify.h"
#include "core/perm.h"
#include "core/task.h"
#include "core/walk.h"

#define FIRST_TABLE 8u
#define HOW                                                         \
	(VFS_IN_ONLYDIR | VFS_IN_DONT_FOLLOW | VFS_IN_EXCL_UNLINK | \
	 VFS_IN_MASK_CREATE | VFS_IN_MASK_ADD | VFS_IN_ONESHOT)
#define KNOWN                                                     \
	(VFS_IN_ALL_EVENTS | VFS_IN_UNMOUNT | VFS_IN_Q_OVERFLOW | \
	 VFS_IN_IGNORED | VFS_IN_ISDIR | HOW)

/* ---- who has how much; lock held ---- */

static struct vfs__notify_user *user_find(struct vfs *vfs, uint32_t uid)
{
	struct vfs__notify_user *user = vfs->notify.users;

	while (user && user->uid != uid)
		user = user->next;
	return user;
}

/* The user is charged for one more queue; *fresh (zeroed) is used when it had
 * none, and then NULL. */
static int user_charge(struct vfs *vfs, uint32_t uid,
		       struct vfs__notify_user **fresh,
		       struct vfs__notify_user **out)
{
	struct vfs__notify_user *user = user_find(vfs, uid);

	if (user && user->groups >= vfs->notify.max_groups)
		return -EMFILE;
	if (!user) {
		user = *fresh;
		*fresh = NULL;
		user->uid = uid;
		user->next = vfs->notify.users;
		vfs->notify.users = user;
	}
	user->groups++;
	*out = user;
	return 0;
}

/* One queue fewer; the user, if it has none left. */
static struct vfs__notify_user *user_release(struct vfs *vfs,
					     struct vfs__notify_user *user)
{
	struct vfs__notify_user **link = &vfs->notify.users;

	if (!user || --user->groups)
		return NULL;
	assert(!user->marks);
	while (*link != user)
		link = &(*link)->next;
	*link = user->next;
	return user;
}

/* ---- queues ---- */

int vfs__group_init(struct vfs__thread *thread, struct vfs *vfs,
		    struct vfs__group *group, uint32_t uid, bool charge)
{
	struct vfs__notify_user *fresh = NULL;
	int err = -ENOMEM;

	memset(group, 0, sizeof(*group));
	group->vfs = vfs;
	group->ref = 1;
	group->max_length = vfs->notify.max_events;
	vfs__waitqueue_init(&group->readable);
	group->overflow = vfs__mem_alloc(thread, sizeof(*group->overflow) + 1);
	if (charge)
		fresh = vfs__mem_alloc(thread, sizeof(*fresh));
	if (!group->overflow || (charge && !fresh))
		goto free;
	memset(group->overflow, 0, sizeof(*group->overflow) + 1);
	group->overflow->group = group;
	group->overflow->wd = -1;
	group->overflow->mask = VFS_IN_Q_OVERFLOW;
	if (fresh)
		memset(fresh, 0, sizeof(*fresh));
	vfs__notify_lock(vfs);
	err = charge ? user_charge(vfs, uid, &fresh, &group->user) : 0;
	vfs__notify_unlock(vfs);
free:
	vfs__mem_free(thread, fresh, sizeof(*fresh));
	if (err && group->overflow)
		vfs__mem_free(thread, group->overflow,
			      sizeof(*group->overflow) + 1);
	return err;
}

static void free_events(struct vfs__thread *thread, struct vfs__group *group)
{
	struct vfs__event *event;

	while ((event = group->first)) {
		group->first = event->next;
		if (event != group->overflow)
			vfs__mem_free(thread, event,
				      sizeof(*event) + event->name_len + 1);
	}
	vfs__mem_free(thread, group->overflow, sizeof(*group->overflow) + 1);
}

void vfs__group_close(struct vfs__thread *thread, struct vfs__group *group)
{
	struct vfs *vfs = group->vfs;
	struct vfs__notify_user *user;
	struct vfs__mark *gone = NULL;

	vfs__notify_lock(vfs);
	for (uint32_t i = 0; i < group->table_size; i++)
		while (group->table[i])
			vfs__mark_detach(group->table[i], &gone);
	user = user_release(vfs, group->user);
	vfs__notify_unlock(vfs);
	/* nobody else knows the queue any more */
	vfs__marks_free(thread, gone);
	vfs__mem_free(thread, user, sizeof(*user));
	if (group->table)
		vfs__mem_free(thread, group->table,
			      group->table_size * sizeof(*group->table));
	free_events(thread, group);
}

/* ---- marks by number; lock held ---- */

static struct vfs__mark **slot_of(const struct vfs__group *group, int32_t wd)
{
	return &group->table[(uint32_t)wd & (group->table_size - 1)];
}

static struct vfs__mark *mark_find(const struct vfs__group *group, int32_t wd)
{
	struct vfs__mark *mark = group->table ? *slot_of(group, wd) : NULL;

	while (mark && mark->wd != wd)
		mark = mark->same;
	return mark;
}

/* The next number that no mark has; Linux counts those refused, too. */
static int32_t next_wd(struct vfs__group *group)
{
	do {
		group->last_wd =
			group->last_wd == INT32_MAX ? 1 : group->last_wd + 1;
	} while (mark_find(group, group->last_wd));
	return group->last_wd;
}

/* Room for one more mark: a table twice as large when this one is full. */
static int table_grow(struct vfs__thread *thread, struct vfs__group *group)
{
	uint32_t old_size = group->table_size;
	uint32_t size = old_size ? 2 * old_size : FIRST_TABLE;
	struct vfs__mark **old = group->table, *mark;

	if (group->marks < old_size)
		return 0;
	group->table = vfs__mem_alloc(thread, size * sizeof(*old));
	if (!group->table) {
		group->table = old;
		return old ? 0 : -ENOMEM; /* longer chains do as well */
	}
	memset(group->table, 0, size * sizeof(*old));
	group->table_size = size;
	for (uint32_t i = 0; i < old_size; i++) {
		while ((mark = old[i])) {
			struct vfs__mark **slot = slot_of(group, mark->wd);

			old[i] = mark->same;
			mark->same = *slot;
			*slot = mark;
		}
	}
	if (old)
		vfs__mem_free(thread, old, old_size * sizeof(*old));
	return 0;
}

static void recount(struct vfs_inode *inode)
{
	struct vfs__inode_ext *ext = vfs__inode_ext_peek(inode);
	uint32_t mask = 0;

	for (const struct vfs__mark *m = ext->marks; m; m = m->next)
		mask |= m->mask;
	VFS_WRITE_ONCE(ext->notify_mask, mask);
}

static void mark_attach(struct vfs__mark *mark)
{
	struct vfs__inode_ext *ext = vfs__inode_ext_peek(mark->inode);
	struct vfs__group *group = mark->group;
	struct vfs__mark **slot = slot_of(group, mark->wd);

	mark->same = *slot;
	*slot = mark;
	mark->next = ext->marks;
	ext->marks = mark;
	mark->older = group->vfs->notify.marks;
	mark->newer = &group->vfs->notify.marks;
	if (mark->older)
		mark->older->newer = &mark->older;
	group->vfs->notify.marks = mark;
	group->marks++;
	if (group->user)
		group->user->marks++;
	recount(mark->inode);
	__atomic_fetch_add(&group->vfs->watched, 1, __ATOMIC_RELAXED);
}

void vfs__mark_detach(struct vfs__mark *mark, struct vfs__mark **gone)
{
	struct vfs__mark **link = &vfs__inode_ext_peek(mark->inode)->marks;
	struct vfs__group *group = mark->group;

	while (*link != mark)
		link = &(*link)->next;
	*link = mark->next;
	link = slot_of(group, mark->wd);
	while (*link != mark)
		link = &(*link)->same;
	*link = mark->same;
	/* its file system may be about to end: not before marks_free */
	vfs__super_pin(mark->inode->super);
	*mark->newer = mark->older;
	if (mark->older)
		mark->older->newer = mark->newer;
	group->marks--;
	if (group->user)
		group->user->marks--;
	recount(mark->inode);
	__atomic_fetch_sub(&group->vfs->watched, 1, __ATOMIC_RELAXED);
	mark->next = *gone;
	*gone = mark;
}

void vfs__marks_free(struct vfs__thread *thread, struct vfs__mark *gone)
{
	struct vfs__mark *mark;

	while ((mark = gone)) {
		struct vfs_super *super = mark->inode->super;

		gone = mark->next;
		vfs__inode_unref(thread, mark->inode);
		vfs__super_unpin(super);
		vfs__mem_free(thread, mark, sizeof(*mark));
	}
}

/* ---- watching ---- */

int vfs__group_check(uint32_t arg)
{
	return (arg & ~KNOWN) || !(arg & KNOWN) ? -EINVAL : 0;
}

static void mark_set(struct vfs__mark *mark, uint32_t arg)
{
	mark->mask |= VFS_IN_UNMOUNT | (arg & VFS_IN_ALL_EVENTS);
	mark->flags |= arg & (VFS_IN_EXCL_UNLINK | VFS_IN_ONESHOT);
}

/* Lock held. The number, or 0: there is none. */
static int change_mark(const struct vfs__group *group, struct vfs_inode *inode,
		       uint32_t arg)
{
	struct vfs__mark *mark = vfs__inode_ext_peek(inode)->marks;

	while (mark && mark->group != group)
		mark = mark->next;
	if (!mark)
		return 0;
	if (arg & VFS_IN_MASK_CREATE)
		return -EEXIST;
	if (!(arg & VFS_IN_MASK_ADD))
		mark->mask = mark->flags = 0;
	mark_set(mark, arg);
	recount(inode);
	return mark->wd;
}

/* Lock held. *fresh is used, and then NULL. */
static int add_mark(struct vfs__thread *thread, struct vfs__group *group,
		    struct vfs_inode *inode, uint32_t arg,
		    struct vfs__mark **fresh)
{
	struct vfs__mark *mark = *fresh;
	int err = table_grow(thread, group);

	if (err)
		return err;
	mark->wd = next_wd(group);
	if (group->user && group->user->marks >= group->vfs->notify.max_marks)
		return -ENOSPC;
	mark->inode = vfs_inode_ref(inode);
	mark->group = group;
	mark->mask = mark->flags = 0;
	mark_set(mark, arg);
	mark_attach(mark);
	*fresh = NULL;
	return mark->wd;
}

static int watch_inode(struct vfs__thread *thread, struct vfs__group *group,
		       struct vfs_inode *inode, uint32_t arg)
{
	struct vfs__mark *fresh = vfs__mem_alloc(thread, sizeof(*fresh));
	int wd;

	if (!fresh || !vfs__inode_ext(thread, inode)) {
		vfs__mem_free(thread, fresh, sizeof(*fresh));
		return -ENOMEM;
	}
	vfs__notify_lock(group->vfs);
	wd = change_mark(group, inode, arg);
	if (!wd)
		wd = add_mark(thread, group, inode, arg, &fresh);
	vfs__notify_unlock(group->vfs);
	vfs__mem_free(thread, fresh, sizeof(*fresh));
	return wd;
}

int vfs__group_watch(struct vfs__thread *thread, struct vfs_task *task,
		     struct vfs__group *group, int dirfd, const char *path,
		     uint32_t arg)
{
	uint32_t walk = arg & VFS_IN_DONT_FOLLOW ? 0 : VFS__WALK_FOLLOW;
	struct vfs_cred *cred;
	struct vfs__path at;
	int wd;

	if (arg & VFS_IN_ONLYDIR)
		walk |= VFS__WALK_DIRECTORY;
	wd = vfs__path_lookup(thread, task, dirfd, path, walk, &at);
	if (wd)
		return wd;
	cred = vfs__task_cred(thread, task);
	wd = vfs__permission_load(thread, cred, vfs__mount_idmap(at.mnt),
				  at.dentry->inode, VFS__MAY_READ);
	vfs__task_cred_put(thread, cred);
	if (!wd)
		wd = watch_inode(thread, group, at.dentry->inode, arg);
	vfs__path_unref(thread, &at);
	return wd;
}

int vfs__group_unwatch(struct vfs__thread *thread, struct vfs__group *group,
		       int32_t wd)
{
	struct vfs__mark *mark, *gone = NULL;

	vfs__notify_lock(group->vfs);
	mark = mark_find(group, wd);
	if (mark) {
		vfs__notify_ignored(thread, mark);
		vfs__mark_detach(mark, &gone);
	}
	vfs__notify_unlock(group->vfs);
	vfs__marks_free(thread, gone);
	return mark ? 0 : -EINVAL;
}
