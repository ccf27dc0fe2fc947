/* SPDX-License-Identifier: MIT */
/*
 * What is behind a socket's name: an endpoint of the embedder's.
 *
 * The node's inode has it in core_special, with a reference that eviction gives
 * back; it is put there once, under the lock of the directory that the name is
 * made in, and never replaced. A type that keeps its inodes elsewhere could
 * forget it with the inode, so binding is for complete types only.
 */
#ifndef VFS__ENDPOINT_H
#define VFS__ENDPOINT_H

#include <vfs/socket.h>

#include "core/task.h"

/* - bind(2) and connect(2); *out has a reference. */
int vfs__socket_bind(struct vfs__thread *thread, struct vfs_task *task,
		     int dirfd, const char *path, uint32_t mode,
		     struct vfs_endpoint *endpoint);
int vfs__socket_connect(struct vfs__thread *thread, struct vfs_task *task,
			int dirfd, const char *path, uint32_t walk,
			struct vfs_endpoint **out);

/* - The inode, a socket's, is being evicted. */
void vfs__endpoint_evict(struct vfs__thread *thread, struct vfs_inode *inode);

#endif
