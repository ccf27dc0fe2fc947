/* SPDX-License-Identifier: MIT */
/*
 * Pipes and FIFOs: one buffer an inode (inode->core_special), made by the
 * first open and kept with the inode; what is in it goes when the last file
 * is closed. Readers and writers are counted, opens of a FIFO meet each
 * other, reads and writes block and wake.
 */
#ifndef VFS__PIPE_H
#define VFS__PIPE_H

#include "core/file.h"
#include "core/task.h"

struct vfs__pipe;

/* - A FIFO is opened: may block until the other side comes. file is complete,
 *   of mode READ and/or WRITE. 0, -ENXIO, -EINTR, -ENOMEM, -EINVAL (neither
 *   READ nor WRITE, or O_DIRECT). On failure there is nothing to release. */
int vfs__fifo_open(struct vfs__thread *thread, struct vfs_task *task,
		   struct vfs_file *file);
/* - The last reference of such a file went. */
void vfs__fifo_release(struct vfs__thread *thread, struct vfs_file *file);
/* - The inode goes. */
void vfs__pipe_free(struct vfs__thread *thread, struct vfs_inode *inode);

/* - pipe2: two files with a reference each; files[0] reads. flags: O_CLOEXEC
 *   is the caller's; O_NONBLOCK, O_DIRECT. 0, -ENOMEM. */
int vfs__pipe_create(struct vfs__thread *thread, struct vfs_task *task,
		     uint32_t flags, struct vfs_file *files[2]);

/* - file referenced, of mode STREAM and READ (WRITE). As pipe(7). A NULL base
 *   of a segment that is not empty is -EFAULT when it is reached. */
int64_t vfs__pipe_readv(struct vfs__thread *thread, struct vfs_task *task,
			struct vfs_file *file, const struct vfs_iovec *iov,
			int iovcnt, bool nonblock);
int64_t vfs__pipe_writev(struct vfs__thread *thread, struct vfs_task *task,
			 struct vfs_file *file, const struct vfs_iovec *iov,
			 int iovcnt, bool nonblock);
/* - The same for sendfile: what there is room for, when there is any; nothing
 * is added to what a write left, and a FIFO's times do not change. from: iov is
 *   of pages of a file, and begins there. */
int64_t vfs__pipe_splice(struct vfs__thread *thread, struct vfs_task *task,
			 struct vfs_file *file, const struct vfs_iovec *iov,
			 int64_t from, bool nonblock);
/* What F_SETPIPE_SZ lets anybody have. */
#define VFS__PIPE_SIZE_MAX (UINT32_C(1) << 20)
/* F_GETPIPE_SZ, F_SETPIPE_SZ (arg ignored for the first). -EBADF: no pipe. */
int vfs__pipe_fcntl(struct vfs__thread *thread, struct vfs_task *task,
		    struct vfs_file *file, int cmd, int64_t arg);
/* FIONREAD; others -ENOTTY. file of mode STREAM. */
int vfs__pipe_ioctl(struct vfs_file *file, uint64_t request, void *arg);
/* - The POLL* that hold now, of a file of mode STREAM. */
uint32_t vfs__pipe_poll(struct vfs_file *file);
/* - The two queues where changes of that are told. */
void vfs__pipe_poll_queues(struct vfs_file *file,
			   struct vfs__waitqueue *queues[2]);

/* poll(2). fds may be NULL when nfds is 0; timeout in milliseconds. */
struct vfs_pollfd;
int vfs__poll(struct vfs__thread *thread, struct vfs_task *task,
	      struct vfs_pollfd *fds, uint64_t nfds, int timeout);

#endif
