/* SPDX-License-Identifier: MIT */
/*
 * Events for the embedder's functions. Contract: notify.h, <vfs/inotify.h>.
 *
 * An event waits in the list of the thread that made it until that thread
 * holds no lock; then its function is called. What a function changes is put
 * at the end of the same list, and told by the same loop.
 */
#include <errno.h>
#include <string.h>

#include "core/inotify.h"
#include "core/watch.h"

struct vfs_watch {
	struct vfs__group group; /* first */
};

static void group_unref(struct vfs__thread *thread, struct vfs__group *group)
{
	struct vfs *vfs = group->vfs;

	if (__atomic_sub_fetch(&group->ref, 1, __ATOMIC_ACQ_REL))
		return;
	if (group->spec.release)
		group->spec.release(group->spec.context);
	vfs__mem_free(thread, group, sizeof(struct vfs_watch));
	vfs_unref(vfs);
}

void vfs__watch_pend(struct vfs__thread *thread, struct vfs__event *event)
{
	__atomic_fetch_add(&event->group->ref, 1, __ATOMIC_RELAXED);
	if (thread->events_last)
		thread->events_last->next = event;
	else
		thread->events_first = event;
	thread->events_last = event;
}

static void call(struct vfs__group *group, const struct vfs__event *event)
{
	const struct vfs_watch_event shown = {
		.size = sizeof(shown),
		.sequence = event->sequence,
		.name = event->name_len ? event->name : NULL,
		.name_len = event->name_len,
		.wd = event->wd,
		.mask = event->mask,
		.cookie = event->cookie,
	};

	group->spec.event(group->spec.context, &shown);
}

static void deliver(const struct vfs__event *event)
{
	struct vfs__group *group = event->group;
	const struct vfs__event lost = {
		.sequence = event->sequence,
		.wd = -1,
		.mask = VFS_IN_Q_OVERFLOW,
	};

	if (VFS_READ_ONCE(group->closed))
		return;
	if (__atomic_exchange_n(&group->lost, false, __ATOMIC_RELAXED))
		call(group, &lost);
	if (!VFS_READ_ONCE(group->closed))
		call(group, event);
}

void vfs__notify_flush_slow(struct vfs__thread *thread)
{
	struct vfs_task *task = thread->task;
	struct vfs__event *event;

	if (thread->nesting)
		return; /* the outer call has locks, and will tell */
	vfs__rank_calling();
	if (thread->telling)
		return; /* further out */
	thread->telling = true;
	while ((event = thread->events_first)) {
		struct vfs__group *group = event->group;

		thread->events_first = event->next;
		if (!event->next)
			thread->events_last = NULL;
		deliver(event);
		vfs__mem_free(thread, event,
			      sizeof(*event) + event->name_len + 1);
		group_unref(thread, group);
	}
	thread->telling = false;
	/* what the functions called were other calls, and this one may go on */
	thread->task = task;
	thread->fresh = NULL;
	thread->now_valid = false;
}

/* ---- the calls ---- */

int vfs__watch_create(struct vfs__thread *thread, struct vfs *vfs,
		      const struct vfs_watch_spec *spec, struct vfs_watch **out)
{
	struct vfs_watch *watch = vfs__mem_alloc(thread, sizeof(*watch));
	int err;

	if (!watch)
		return -ENOMEM;
	err = vfs__group_init(thread, vfs, &watch->group, 0, false);
	if (err) {
		vfs__mem_free(thread, watch, sizeof(*watch));
		return err;
	}
	watch->group.spec = *spec;
	vfs_ref(vfs);
	*out = watch;
	return 0;
}

struct vfs__group *vfs__watch_group(struct vfs_watch *watch)
{
	return &watch->group;
}

void vfs__watch_destroy(struct vfs__thread *thread, struct vfs_watch *watch)
{
	VFS_WRITE_ONCE(watch->group.closed, true);
	vfs__group_close(thread, &watch->group);
	group_unref(thread, &watch->group);
}
