/* SPDX-License-Identifier: MIT */
/*
 * What file systems that are made of others need of the core. Contracts:
 * <vfs/sys/layer.h>. Outside sections.
 */
#ifndef VFS__LAYER_H
#define VFS__LAYER_H

#include <vfs/sys/layer.h>

#include "core/task.h"

/* - `at` (referenced) as the root of a private mount, behind a descriptor. */
int vfs__layer_open(struct vfs__thread *thread, struct vfs_task *layers,
		    struct vfs_task *from, const struct vfs__path *at,
		    uint32_t flags);
/* - `at` in the mount that the descriptor beside has. */
int vfs__layer_open_beside(struct vfs__thread *thread, struct vfs_task *layers,
			   int beside, const struct vfs__path *at);
/* - from and at (the directory), referenced by the caller. */
int vfs__layer_clone(struct vfs__thread *thread, struct vfs_task *layers,
		     struct vfs_file *from, struct vfs_file *at,
		     struct vfs_layer_clone *order);
/* - file, as clone left it open, names its inode alone from here on.
 *   Also inside a section. */
int vfs__layer_settle(struct vfs__thread *thread, struct vfs_file *file);
int vfs__layer_info(const struct vfs_file *file, struct vfs_layer_info *info);
int vfs__layer_claim(struct vfs_inode *inode);
int vfs__layer_setattr(struct vfs__thread *thread, struct vfs_inode *inode,
		       const struct vfs_attr *attr);
int vfs__layer_accessed(struct vfs_inode *inode);
int vfs__layer_mmap(struct vfs_file *file, int *host_fd);
void vfs__layer_mmap_sync(struct vfs_inode *inode);

#endif
