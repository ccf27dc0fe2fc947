/* SPDX-License-Identifier: MIT */
/*
 * Pipes and FIFOs: one buffer an inode (inode->core_special), made by the
 * first open and freed with the inode. Readers and writers are counted, opens
 * of a FIFO meet each other, reads and writes block and wake.
 */
#ifndef VFS__PIPE_H
#define VFS__PIPE_H

#include "core/file.h"
#include "core/task.h"

struct vfs__pipe;

/* - A FIFO is opened: may block until the other side comes. file is complete,
 *   of mode READ and/or WRITE. 0, -ENXIO, -EINTR, -ENOMEM. */
int vfs__fifo_open(struct vfs__thread *thread, struct vfs_task *task,
		   struct vfs_file *file);
/* - The last reference of such a file went. */
void vfs__fifo_release(struct vfs__thread *thread, struct vfs_file *file);
/* - The inode goes. */
void vfs__pipe_free(struct vfs__thread *thread, struct vfs_inode *inode);

/* - pipe2: two files with a reference each; files[0] reads. flags: O_CLOEXEC
 *   is the caller's; O_NONBLOCK, O_DIRECT. */
int vfs__pipe_create(struct vfs__thread *thread, struct vfs_task *task,
		     uint32_t flags, struct vfs_file *files[2]);

int64_t vfs__pipe_readv(struct vfs__thread *thread, struct vfs_task *task,
			struct vfs_file *file, const struct vfs_iovec *iov,
			int iovcnt, bool nonblock);
int64_t vfs__pipe_writev(struct vfs__thread *thread, struct vfs_task *task,
			 struct vfs_file *file, const struct vfs_iovec *iov,
			 int iovcnt, bool nonblock);
/* F_GETPIPE_SZ, F_SETPIPE_SZ (arg ignored for the first). */
int vfs__pipe_fcntl(struct vfs__thread *thread, struct vfs_task *task,
		    struct vfs_file *file, int cmd, int64_t arg);
/* FIONREAD. */
int vfs__pipe_ioctl(struct vfs_file *file, uint64_t request, void *arg);
/* POLL* that hold now; queue: where changes are told. */
uint32_t vfs__pipe_poll(struct vfs_file *file, struct vfs__waitqueue **queue);

#endif
