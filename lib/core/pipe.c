/* SPDX-License-Identifier: MIT */
/* What goes through pipes: bytes, packets, sleepers. Contract: pipe.h. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>

#include "core/inode.h"
#include "core/pipe_state.h"
#include "util/epoch.h"

/* What its result can express. */
#define SIZE_MAX_AT_ALL (UINT32_C(1) << 30)

/* ---- waiting ---- */

int vfs__pipe_block(struct vfs__pipe *pipe, struct vfs__waitqueue *queue,
		    struct vfs__pipe_sleep *b)
{
	int err;

	if (!b->queued) {
		vfs__waiter_init(&b->waiter, b->task);
		vfs__wait_add(queue, &b->link, &b->waiter);
		b->queued = true;
	}
	vfs__pipe_unlock(pipe);
	err = vfs__wait_sleep(&b->waiter, -1);
	vfs__pipe_lock(pipe);
	return err;
}

void vfs__pipe_block_end(struct vfs__pipe_sleep *b)
{
	if (!b->queued)
		return;
	vfs__wait_remove(&b->link);
	vfs__waiter_fini(&b->waiter);
}

/* ---- reading and writing ---- */

/* Pipes without a name keep the times they were made with. */
static bool keeps_times(const struct vfs_file *file)
{
	return file->inode->super == file->vfs->pipe_super;
}

static void was_read(struct vfs_file *file)
{
	if (!keeps_times(file) && !(VFS_READ_ONCE(file->flags) & O_NOATIME))
		vfs__path_accessed(&file->path, file->inode);
}

static void was_written(struct vfs__thread *thread, struct vfs_file *file)
{
	struct vfs_inode *inode = file->inode;

	if (keeps_times(file) || vfs__mount_write_begin(thread, file->path.mnt))
		return;
	vfs__inode_lock(inode);
	vfs__inode_modified(file->vfs, inode);
	vfs__inode_unlock(inode);
	vfs__mount_write_end(thread, file->path.mnt);
}

static int take_locked(struct vfs__thread *thread, struct vfs__pipe *pipe,
		       struct vfs__pipe_cursor *to, bool nonblock,
		       struct vfs__pipe_sleep *b, int64_t *done)
{
	uint32_t tail = pipe->buffer.tail;
	int err = vfs__pipe_buffer_take(thread, &pipe->buffer, to, done);

	while (!err && !*done && pipe->writers) {
		if (nonblock)
			return -EAGAIN;
		err = vfs__pipe_block(pipe, &pipe->readable, b);
		tail = pipe->buffer.tail;
		if (!err)
			err = vfs__pipe_buffer_take(thread, &pipe->buffer, to,
						    done);
	}
	if (pipe->buffer.tail != tail)
		vfs__wait_wake(&pipe->writable);
	return err;
}

int64_t vfs__pipe_readv(struct vfs__thread *thread, struct vfs_task *task,
			struct vfs_file *file, const struct vfs_iovec *iov,
			int iovcnt, bool nonblock)
{
	struct vfs__pipe *pipe = vfs__pipe_of(file);
	struct vfs__pipe_sleep b = {.task = task};
	struct vfs__pipe_cursor to;
	int64_t done = 0;
	int err;

	vfs__pipe_cursor_init(&to, iov, iovcnt);
	if (!to.left)
		return 0;
	vfs__pipe_lock(pipe);
	err = take_locked(thread, pipe, &to, nonblock, &b, &done);
	vfs__pipe_unlock(pipe);
	vfs__pipe_block_end(&b);
	if (!done)
		return err;
	was_read(file);
	return done;
}

static int put_locked(struct vfs__thread *thread, struct vfs_file *file,
		      struct vfs__pipe *pipe, struct vfs__pipe_cursor *from,
		      bool nonblock, bool splice, struct vfs__pipe_sleep *b,
		      int64_t *done)
{
	bool merge = !splice;
	int err = 0;

	while (!err) {
		int64_t before = *done;

		if (!pipe->readers)
			return -EPIPE;
		err = vfs__pipe_buffer_put(
			thread, &pipe->buffer, from, merge,
			VFS_READ_ONCE(file->flags) & O_DIRECT, done);
		merge = false;
		if (*done != before)
			vfs__wait_wake(&pipe->readable);
		if (err || !from->left || (splice && *done))
			break;
		if (nonblock)
			return -EAGAIN;
		err = vfs__pipe_block(pipe, &pipe->writable, b);
	}
	return err;
}

static int64_t put(struct vfs__thread *thread, struct vfs_task *task,
		   struct vfs_file *file, struct vfs__pipe_cursor *from,
		   bool nonblock, bool splice)
{
	struct vfs__pipe *pipe = vfs__pipe_of(file);
	struct vfs__pipe_sleep b = {.task = task};
	int64_t done = 0;
	int err;

	if (!from->left)
		return 0;
	vfs__pipe_lock(pipe);
	err = put_locked(thread, file, pipe, from, nonblock, splice, &b, &done);
	vfs__pipe_unlock(pipe);
	vfs__pipe_block_end(&b);
	return done ? done : err;
}

int64_t vfs__pipe_writev(struct vfs__thread *thread, struct vfs_task *task,
			 struct vfs_file *file, const struct vfs_iovec *iov,
			 int iovcnt, bool nonblock)
{
	struct vfs__pipe_cursor from;
	int64_t n;

	vfs__pipe_cursor_init(&from, iov, iovcnt);
	n = put(thread, task, file, &from, nonblock, false);
	if (n > 0)
		was_written(thread, file);
	return n;
}

int64_t vfs__pipe_splice(struct vfs__thread *thread, struct vfs_task *task,
			 struct vfs_file *file, const struct vfs_iovec *iov,
			 int64_t from, bool nonblock)
{
	struct vfs__pipe_cursor cursor;

	vfs__pipe_cursor_init(&cursor, iov, 1);
	cursor.skip = (size_t)from % VFS_PAGE_SIZE;
	return put(thread, task, file, &cursor, nonblock, true);
}

/* ---- control ---- */

/* In bytes, as a power of two of pages; 0: too large. */
static uint32_t round_size(uint32_t size)
{
	if (size > UINT32_C(1) << 31)
		return 0;
	if (size <= VFS_PAGE_SIZE)
		return VFS_PAGE_SIZE;
	return UINT32_C(1) << (32 - __builtin_clz(size - 1));
}

static bool may_exceed(struct vfs__thread *thread, struct vfs_task *task)
{
	bool may;

	vfs__epoch_enter(thread);
	may = vfs__capable(vfs__task_cred_peek(task), VFS_CAP_SYS_RESOURCE);
	vfs__epoch_leave(thread);
	return may;
}

/* lock held. */
static int set_size(struct vfs__thread *thread, struct vfs__pipe *pipe,
		    uint32_t size, bool privileged)
{
	uint32_t slots = size / VFS_PAGE_SIZE;
	int err;

	if (!slots)
		return -EINVAL;
	if (slots > pipe->buffer.size && size > VFS__PIPE_SIZE_MAX &&
	    !privileged)
		return -EPERM;
	if (size > SIZE_MAX_AT_ALL)
		return -ENOMEM;
	err = vfs__pipe_buffer_resize(thread, &pipe->buffer, slots);
	if (err)
		return err;
	vfs__wait_wake(&pipe->writable);
	return (int)size;
}

int vfs__pipe_fcntl(struct vfs__thread *thread, struct vfs_task *task,
		    struct vfs_file *file, int cmd, int64_t arg)
{
	struct vfs__pipe *pipe;
	bool privileged;
	int result;

	if (!(vfs__file_mode(file) & VFS__FILE_STREAM))
		return -EBADF;
	pipe = vfs__pipe_of(file);
	privileged = may_exceed(thread, task);
	vfs__pipe_lock(pipe);
	switch (cmd) {
	case F_GETPIPE_SZ:
		result = (int)(pipe->buffer.size * VFS_PAGE_SIZE);
		break;
	case F_SETPIPE_SZ:
		result = set_size(thread, pipe, round_size((uint32_t)arg),
				  privileged);
		break;
	default:
		result = -EINVAL;
		break;
	}
	vfs__pipe_unlock(pipe);
	return result;
}

int vfs__pipe_ioctl(struct vfs_file *file, uint64_t request, void *arg)
{
	struct vfs__pipe *pipe = vfs__pipe_of(file);
	int64_t bytes;

	if (request != FIONREAD)
		return -ENOTTY;
	if (!arg)
		return -EFAULT;
	vfs__pipe_lock(pipe);
	bytes = vfs__pipe_buffer_bytes(&pipe->buffer);
	vfs__pipe_unlock(pipe);
	memcpy(arg, &(int){(int)bytes}, sizeof(int));
	return 0;
}

uint32_t vfs__pipe_poll(struct vfs_file *file)
{
	struct vfs__pipe *pipe = vfs__pipe_of(file);
	uint32_t mode = vfs__file_mode(file);
	uint32_t events = 0;

	vfs__pipe_lock(pipe);
	if (mode & VFS__FILE_READ) {
		if (!vfs__pipe_buffer_empty(&pipe->buffer))
			events |= POLLIN | POLLRDNORM;
		if (!pipe->writers && (uint32_t)(uintptr_t)file->private_data !=
					      pipe->writer_opens)
			events |= POLLHUP;
	}
	if (mode & VFS__FILE_WRITE) {
		if (!vfs__pipe_buffer_full(&pipe->buffer))
			events |= POLLOUT | POLLWRNORM;
		if (!pipe->readers)
			events |= POLLERR;
	}
	vfs__pipe_unlock(pipe);
	return events;
}

void vfs__pipe_poll_queues(struct vfs_file *file,
			   struct vfs__waitqueue *queues[2])
{
	struct vfs__pipe *pipe = vfs__pipe_of(file);

	queues[0] = &pipe->readable;
	queues[1] = &pipe->writable;
}
