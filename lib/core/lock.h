/* SPDX-License-Identifier: MIT */
/*
 * File locks: POSIX record locks (owner: descriptor table), OFD locks and
 * flock (owner: open file). All lists and the waits-for graph are under
 * vfs->locks_lock.
 */
#ifndef VFS__LOCK_H
#define VFS__LOCK_H

#include <vfs/lock.h>

#include "core/task.h"

struct vfs__locks;

/* - May block (LOCK_NB, F_SETLK: not). See flock(2), fcntl_locking(2). */
int vfs__flock(struct vfs__thread *thread, struct vfs_task *task, int fd,
	       int operation);
int vfs__record_lock(struct vfs__thread *thread, struct vfs_task *task, int fd,
		     int cmd, struct vfs_flock *lock);
/* - A descriptor of table was closed: its POSIX locks on inode go. Needs no
 *   memory. */
void vfs__locks_close(struct vfs__thread *thread, struct vfs *vfs,
		      struct vfs__fdtable *table, struct vfs_inode *inode);
/* - The open file's last reference went: its flock and OFD locks go. Needs no
 *   memory. */
void vfs__locks_release(struct vfs__thread *thread, struct vfs_file *file);
/* - The inode goes: nobody holds or waits for a lock on it. */
void vfs__locks_free(struct vfs__thread *thread, struct vfs__locks *locks);

#endif
