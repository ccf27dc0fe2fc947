/* SPDX-License-Identifier: MIT */
/* A queue of events behind a descriptor. Contract: inotify.h. */
#include "core/inotify.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>
#ifdef __linux__
#include <sys/inotify.h>

_Static_assert(VFS_IN_ALL_EVENTS == IN_ALL_EVENTS && VFS_IN_ISDIR == IN_ISDIR &&
		       VFS_IN_ONESHOT == (uint32_t)IN_ONESHOT &&
		       VFS_IN_IGNORED == IN_IGNORED,
	       "the host's numbers");
#endif

#include "core/task.h"

/* What an event without a name takes, and what names are padded to. */
#define UNIT 16u

_Static_assert(offsetof(struct vfs_inotify_event, name) == UNIT, "layout");

/* ---- life ---- */

/* A name of its own for the inode that all these files have. */
static struct vfs_dentry *make_dentry(struct vfs__thread *thread,
				      struct vfs *vfs)
{
	struct vfs_dentry *dentry = vfs__dentry_alloc(thread, NULL, NULL);

	if (dentry)
		vfs__dentry_instantiate(dentry, vfs_inode_ref(vfs->anon_inode),
					0);
	return dentry;
}

int vfs__inotify_create(struct vfs__thread *thread, struct vfs_task *task,
			uint32_t flags, struct vfs_file **out)
{
	struct vfs *vfs = task->vfs;
	struct vfs__path path = {vfs->anon_mount, make_dentry(thread, vfs)};
	struct vfs__group *group = vfs__mem_alloc(thread, sizeof(*group));
	struct vfs_file *file = vfs__file_reserve(thread);
	struct vfs_cred *cred = vfs__task_cred(thread, task);
	int err = -ENOMEM;

	if (path.dentry && group && file)
		err = vfs__group_init(thread, vfs, group, cred->fsuid, true);
	if (!err) {
		vfs__mount_ref(thread, path.mnt);
		vfs__file_init(file, vfs, &path, cred, flags,
			       VFS__FILE_READ | VFS__FILE_NOTIFY |
				       VFS__FILE_OPENED);
		file->private_data = group;
		*out = file;
	} else {
		vfs__file_discard(thread, file);
		vfs__mem_free(thread, group, sizeof(*group));
		vfs__dentry_unref(thread, path.dentry);
	}
	vfs__task_cred_put(thread, cred);
	return err;
}

void vfs__inotify_release(struct vfs__thread *thread, struct vfs_file *file)
{
	struct vfs__group *group = vfs__inotify_group(file);

	vfs__group_close(thread, group);
	vfs__mem_free(thread, group, sizeof(*group));
}

/* ---- reading ---- */

static size_t event_size(const struct vfs__event *event)
{
	size_t name = event->name_len ? event->name_len + 1 : 0;

	return UNIT + ((name + UNIT - 1) & ~(size_t)(UNIT - 1));
}

static void copy_event(const struct vfs__event *event, char *to)
{
	size_t size = event_size(event);
	const uint32_t head[4] = {(uint32_t)event->wd, event->mask,
				  event->cookie, (uint32_t)(size - UNIT)};

	memcpy(to, head, UNIT);
	memset(to + UNIT, 0, size - UNIT);
	memcpy(to + UNIT, event->name, event->name_len);
}

/* Lock held, a queue that is not empty. */
static void pop(struct vfs__thread *thread, struct vfs__group *group)
{
	struct vfs__event *event = group->first;

	group->first = event->next;
	if (!group->first)
		group->last = NULL;
	group->length--;
	if (event == group->overflow)
		group->overflown = false;
	else
		vfs__mem_free(thread, event,
			      sizeof(*event) + event->name_len + 1);
}

/* What fits into one segment; 0: the queue is empty. Lock held. An event that
 * faults is lost, as in Linux. */
static int64_t take(struct vfs__thread *thread, struct vfs__group *group,
		    const struct vfs_iovec *iov)
{
	int64_t done = 0;

	while (group->first) {
		size_t size = event_size(group->first);

		if (size > iov->len - (size_t)done)
			return done ? done : -EINVAL;
		if (iov->base)
			copy_event(group->first, (char *)iov->base + done);
		pop(thread, group);
		if (!iov->base)
			return -EFAULT;
		done += (int64_t)size;
	}
	return done;
}

/* A read that may have to wait. */
struct reading {
	struct vfs_task *task;
	bool nonblock;
	bool queued;
	struct vfs__waiter waiter;
	struct vfs__wait_link link;
};

/* Until something is queued; the lock is given back meanwhile. */
static int block(struct vfs__group *group, struct reading *r)
{
	int err;

	if (r->nonblock)
		return -EAGAIN;
	if (!r->queued) {
		vfs__waiter_init(&r->waiter, r->task);
		vfs__wait_add(&group->readable, &r->link, &r->waiter);
		r->queued = true;
	}
	vfs__notify_unlock(group->vfs);
	err = vfs__wait_sleep(&r->waiter, -1);
	vfs__notify_lock(group->vfs);
	return err;
}

static int64_t read_segment(struct vfs__thread *thread,
			    struct vfs__group *group,
			    const struct vfs_iovec *iov, struct reading *r)
{
	int64_t n;

	while (!(n = take(thread, group, iov))) {
		n = block(group, r);
		if (n)
			break;
	}
	return n;
}

/* Linux reads into each segment as if by a call of its own. */
int64_t vfs__inotify_readv(struct vfs__thread *thread, struct vfs_task *task,
			   struct vfs_file *file, const struct vfs_iovec *iov,
			   int count, bool nonblock)
{
	struct vfs__group *group = vfs__inotify_group(file);
	struct reading r = {.task = task, .nonblock = nonblock};
	int64_t done = 0, n = 0;

	vfs__notify_lock(group->vfs);
	for (int i = 0; i < count; i++) {
		n = read_segment(thread, group, &iov[i], &r);
		if (n < 0)
			break;
		done += n;
		if ((size_t)n < iov[i].len)
			break;
	}
	vfs__notify_unlock(group->vfs);
	if (r.queued) {
		vfs__wait_remove(&r.link);
		vfs__waiter_fini(&r.waiter);
	}
	return done ? done : n;
}

/* ---- the rest ---- */

int vfs__inotify_ioctl(struct vfs_file *file, uint64_t request, void *arg)
{
	struct vfs__group *group = vfs__inotify_group(file);
	size_t bytes = 0;

	if (request != FIONREAD)
		return -ENOTTY;
	if (!arg)
		return -EFAULT;
	vfs__notify_lock(group->vfs);
	for (const struct vfs__event *e = group->first; e; e = e->next)
		bytes += event_size(e);
	vfs__notify_unlock(group->vfs);
	memcpy(arg, &(int){(int)bytes}, sizeof(int));
	return 0;
}

/* Under the lock, so that who has just entered the queue's list of waiters
 * misses nothing. */
uint32_t vfs__inotify_poll(struct vfs_file *file)
{
	struct vfs__group *group = vfs__inotify_group(file);
	bool empty;

	vfs__notify_lock(group->vfs);
	empty = !group->first;
	vfs__notify_unlock(group->vfs);
	return empty ? 0 : POLLIN | POLLRDNORM;
}
