/* SPDX-License-Identifier: MIT */
/* Queues of events whose owner is called: vfs_watch_create and its family. */
#ifndef VFS__WATCH_H
#define VFS__WATCH_H

#include <vfs/inotify.h>

struct vfs__thread;
struct vfs__group;

/* - spec is complete. 0, -ENOMEM. */
int vfs__watch_create(struct vfs__thread *thread, struct vfs *vfs,
		      const struct vfs_watch_spec *spec,
		      struct vfs_watch **out);
struct vfs__group *vfs__watch_group(struct vfs_watch *watch);
/* - No lock is held: may give back the instance's last reference. */
void vfs__watch_destroy(struct vfs__thread *thread, struct vfs_watch *watch);

#endif
