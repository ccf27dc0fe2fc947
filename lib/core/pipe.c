/* SPDX-License-Identifier: MIT */
/*
 * Pipes and FIFOs: ends, blocking, times. Contract: pipe.h; the bytes:
 * pipe_buffer.h.
 *
 * pipe->lock (rank LOCKS) protects everything in a pipe and is held while
 * bytes are copied, but never while asleep. Queues are woken inside it. A
 * caller that must wait enters its queue inside it too, so that it misses
 * nothing. The inode's lock is taken after it was given back, for the times.
 */
#include "core/pipe.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>

#include "core/inode.h"
#include "core/pipe_buffer.h"
#include "core/pipefs.h"
#include "util/epoch.h"

/* What F_SETPIPE_SZ lets anybody have. */
#define SIZE_MAX_UNPRIVILEGED (UINT32_C(1) << 20)
/* What its result can express. */
#define SIZE_MAX_AT_ALL (UINT32_C(1) << 30)

struct vfs__pipe {
	struct vfs__mutex lock;
	/* all: lock */
	uint32_t files;		   /* open, or being opened */
	uint32_t readers, writers; /* of these */
	uint32_t reader_opens;	   /* since the pipe was empty of files */
	uint32_t writer_opens;
	struct vfs__pipe_buffer buffer;
	struct vfs__waitqueue readable; /* for bytes, or for writers */
	struct vfs__waitqueue writable; /* for room, or for readers */
};

/* A call that may have to wait: see block(). */
struct blocking {
	struct vfs_task *task;
	bool queued;
	struct vfs__waiter waiter;
	struct vfs__wait_link link;
};

static void lock_pipe(struct vfs__pipe *pipe)
{
	vfs__mutex_lock(&pipe->lock, VFS__RANK_LOCKS);
}

static void unlock_pipe(struct vfs__pipe *pipe)
{
	vfs__mutex_unlock(&pipe->lock, VFS__RANK_LOCKS);
}

static struct vfs__pipe *pipe_of(const struct vfs_file *file)
{
	return VFS_LOAD_POINTER(file->inode->core_special);
}

/* ---- life ---- */

static struct vfs__pipe *pipe_alloc(struct vfs__thread *thread)
{
	struct vfs__pipe *pipe = vfs__mem_alloc(thread, sizeof(*pipe));

	if (!pipe)
		return NULL;
	memset(pipe, 0, sizeof(*pipe));
	vfs__mutex_init(&pipe->lock);
	vfs__pipe_buffer_init(&pipe->buffer);
	vfs__waitqueue_init(&pipe->readable);
	vfs__waitqueue_init(&pipe->writable);
	return pipe;
}

void vfs__pipe_free(struct vfs__thread *thread, struct vfs_inode *inode)
{
	struct vfs__pipe *pipe = inode->core_special;

	if (!pipe)
		return;
	assert(!pipe->files);
	vfs__pipe_buffer_reset(thread, &pipe->buffer);
	vfs__mem_free(thread, pipe, sizeof(*pipe));
	inode->core_special = NULL;
}

/* The pipe of a FIFO, made when it is opened for the first time. */
static struct vfs__pipe *fifo_pipe(struct vfs__thread *thread,
				   struct vfs_inode *inode)
{
	struct vfs__pipe *pipe = VFS_LOAD_POINTER(inode->core_special);
	void *other = NULL;

	if (pipe)
		return pipe;
	pipe = pipe_alloc(thread);
	if (!pipe)
		return NULL;
	if (__atomic_compare_exchange_n(&inode->core_special, &other, pipe,
					false, __ATOMIC_ACQ_REL,
					__ATOMIC_ACQUIRE))
		return pipe;
	vfs__mem_free(thread, pipe, sizeof(*pipe));
	return other;
}

/* Counts an end; whoever waits for one like it is told. lock held. */
static void attach(struct vfs__pipe *pipe, uint32_t mode)
{
	pipe->files++;
	if (mode & VFS__FILE_READ) {
		pipe->readers++;
		pipe->reader_opens++;
		vfs__wait_wake(&pipe->writable);
	}
	if (mode & VFS__FILE_WRITE) {
		pipe->writers++;
		pipe->writer_opens++;
		vfs__wait_wake(&pipe->readable);
	}
}

/* lock held. With the last file the bytes go. */
static void detach(struct vfs__thread *thread, struct vfs__pipe *pipe,
		   uint32_t mode)
{
	if (mode & VFS__FILE_READ)
		pipe->readers--;
	if (mode & VFS__FILE_WRITE)
		pipe->writers--;
	if (!pipe->readers != !pipe->writers) {
		vfs__wait_wake(&pipe->readable);
		vfs__wait_wake(&pipe->writable);
	}
	if (--pipe->files)
		return;
	pipe->reader_opens = pipe->writer_opens = 0;
	vfs__pipe_buffer_reset(thread, &pipe->buffer);
}

void vfs__fifo_release(struct vfs__thread *thread, struct vfs_file *file)
{
	struct vfs__pipe *pipe = pipe_of(file);

	lock_pipe(pipe);
	detach(thread, pipe, file->mode);
	unlock_pipe(pipe);
}

/* ---- waiting ---- */

/* Sleeps until queue is told of something; lock held before and after. */
static int block(struct vfs__pipe *pipe, struct vfs__waitqueue *queue,
		 struct blocking *b)
{
	int err;

	if (!b->queued) {
		vfs__waiter_init(&b->waiter, b->task);
		vfs__wait_add(queue, &b->link, &b->waiter);
		b->queued = true;
	}
	unlock_pipe(pipe);
	err = vfs__wait_sleep(&b->waiter, -1);
	lock_pipe(pipe);
	return err;
}

static void block_end(struct blocking *b)
{
	if (!b->queued)
		return;
	vfs__wait_remove(&b->link);
	vfs__waiter_fini(&b->waiter);
}

/* Until *opens is no longer what it was: the other side came, even if it has
 * gone again. lock held. */
static int meet(struct vfs_task *task, struct vfs__pipe *pipe,
		struct vfs__waitqueue *queue, const uint32_t *opens)
{
	struct blocking b = {.task = task};
	uint32_t before = *opens;
	int err = 0;

	while (*opens == before && !err)
		err = block(pipe, queue, &b);
	block_end(&b);
	return *opens == before ? err : 0;
}

/* ---- opening FIFOs ---- */

static int open_locked(struct vfs__thread *thread, struct vfs_task *task,
		       struct vfs__pipe *pipe, struct vfs_file *file)
{
	uint32_t mode = file->mode & (VFS__FILE_READ | VFS__FILE_WRITE);
	bool nonblock = file->flags & O_NONBLOCK;
	int err = 0;

	if (!mode)
		return -EINVAL;
	if (mode == VFS__FILE_WRITE && nonblock && !pipe->readers)
		return -ENXIO;
	attach(pipe, mode);
	if (mode == VFS__FILE_READ && !pipe->writers) {
		/* no POLLHUP before a writer has come and gone */
		if (nonblock)
			file->private_data =
				(void *)(uintptr_t)pipe->writer_opens;
		else
			err = meet(task, pipe, &pipe->readable,
				   &pipe->writer_opens);
	} else if (mode == VFS__FILE_WRITE && !pipe->readers) {
		err = meet(task, pipe, &pipe->writable, &pipe->reader_opens);
	}
	if (err)
		detach(thread, pipe, mode);
	return err;
}

int vfs__fifo_open(struct vfs__thread *thread, struct vfs_task *task,
		   struct vfs_file *file)
{
	struct vfs__pipe *pipe = fifo_pipe(thread, file->inode);
	int err;

	if (!pipe)
		return -ENOMEM;
	lock_pipe(pipe);
	err = open_locked(thread, task, pipe, file);
	unlock_pipe(pipe);
	return err;
}

/* ---- making pipes ---- */

/* The only name of a new pipe, with its one reference. */
static struct vfs_dentry *make_dentry(struct vfs__thread *thread,
				      struct vfs *vfs,
				      const struct vfs_cred *cred)
{
	struct vfs_dentry *dentry = vfs__dentry_alloc(thread, NULL, NULL);
	struct vfs_inode *inode;

	if (!dentry)
		return NULL;
	inode = vfs__pipefs_inode(vfs->pipe_super, cred->fsuid, cred->fsgid);
	if (inode)
		inode->core_special = pipe_alloc(thread);
	if (!inode || !inode->core_special) {
		vfs_inode_discard(inode);
		vfs__dentry_unref(thread, dentry);
		return NULL;
	}
	vfs__dentry_instantiate(dentry, inode, 0);
	return dentry;
}

static struct vfs_file *make_end(struct vfs__thread *thread, struct vfs *vfs,
				 struct vfs_dentry *dentry,
				 struct vfs_cred *cred, uint32_t flags,
				 uint32_t mode)
{
	struct vfs__path path = {vfs->pipe_mount, dentry};
	struct vfs_file *file = vfs__file_alloc(thread, vfs, &path, cred, flags,
						mode | VFS__FILE_STREAM);

	if (file) {
		lock_pipe(pipe_of(file));
		attach(pipe_of(file), mode);
		unlock_pipe(pipe_of(file));
	}
	return file;
}

int vfs__pipe_create(struct vfs__thread *thread, struct vfs_task *task,
		     uint32_t flags, struct vfs_file *files[2])
{
	struct vfs *vfs = task->vfs;
	struct vfs_cred *cred = vfs__task_cred(thread, task);
	struct vfs_dentry *dentry = make_dentry(thread, vfs, cred);
	struct vfs_file *in = NULL, *out = NULL;
	int err = -ENOMEM;

	if (!dentry)
		goto put_cred;
	in = make_end(thread, vfs, dentry, cred,
		      O_RDONLY | (flags & O_NONBLOCK), VFS__FILE_READ);
	if (!in)
		goto put_dentry;
	out = make_end(thread, vfs, dentry, cred,
		       O_WRONLY | (flags & (O_NONBLOCK | O_DIRECT)),
		       VFS__FILE_WRITE);
	if (!out) {
		vfs__file_unref(thread, in);
		goto put_dentry;
	}
	files[0] = in;
	files[1] = out;
	err = 0;
put_dentry:
	vfs__dentry_unref(thread, dentry);
put_cred:
	vfs_cred_unref(cred);
	return err;
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
		       struct blocking *b, int64_t *done)
{
	uint32_t tail = pipe->buffer.tail;
	int err = vfs__pipe_buffer_take(thread, &pipe->buffer, to, done);

	while (!err && !*done && pipe->writers) {
		if (nonblock)
			return -EAGAIN;
		err = block(pipe, &pipe->readable, b);
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
	struct vfs__pipe *pipe = pipe_of(file);
	struct blocking b = {.task = task};
	struct vfs__pipe_cursor to;
	int64_t done = 0;
	int err;

	vfs__pipe_cursor_init(&to, iov, iovcnt);
	if (!to.left)
		return 0;
	lock_pipe(pipe);
	err = take_locked(thread, pipe, &to, nonblock, &b, &done);
	unlock_pipe(pipe);
	block_end(&b);
	if (!done)
		return err;
	was_read(file);
	return done;
}

static int put_locked(struct vfs__thread *thread, struct vfs_file *file,
		      struct vfs__pipe *pipe, struct vfs__pipe_cursor *from,
		      bool nonblock, struct blocking *b, int64_t *done)
{
	bool merge = true;
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
		if (err || !from->left)
			break;
		if (nonblock)
			return -EAGAIN;
		err = block(pipe, &pipe->writable, b);
	}
	return err;
}

int64_t vfs__pipe_writev(struct vfs__thread *thread, struct vfs_task *task,
			 struct vfs_file *file, const struct vfs_iovec *iov,
			 int iovcnt, bool nonblock)
{
	struct vfs__pipe *pipe = pipe_of(file);
	struct blocking b = {.task = task};
	struct vfs__pipe_cursor from;
	int64_t done = 0;
	int err;

	vfs__pipe_cursor_init(&from, iov, iovcnt);
	if (!from.left)
		return 0;
	lock_pipe(pipe);
	err = put_locked(thread, file, pipe, &from, nonblock, &b, &done);
	unlock_pipe(pipe);
	block_end(&b);
	if (!done)
		return err;
	was_written(thread, file);
	return done;
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
	if (slots > pipe->buffer.size && size > SIZE_MAX_UNPRIVILEGED &&
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
	pipe = pipe_of(file);
	privileged = may_exceed(thread, task);
	lock_pipe(pipe);
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
	unlock_pipe(pipe);
	return result;
}

int vfs__pipe_ioctl(struct vfs_file *file, uint64_t request, void *arg)
{
	struct vfs__pipe *pipe = pipe_of(file);
	int64_t bytes;

	if (request != FIONREAD)
		return -ENOTTY;
	if (!arg)
		return -EFAULT;
	lock_pipe(pipe);
	bytes = vfs__pipe_buffer_bytes(&pipe->buffer);
	unlock_pipe(pipe);
	memcpy(arg, &(int){(int)bytes}, sizeof(int));
	return 0;
}

uint32_t vfs__pipe_poll(struct vfs_file *file)
{
	struct vfs__pipe *pipe = pipe_of(file);
	uint32_t mode = vfs__file_mode(file);
	uint32_t events = 0;

	lock_pipe(pipe);
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
	unlock_pipe(pipe);
	return events;
}

void vfs__pipe_poll_queues(struct vfs_file *file,
			   struct vfs__waitqueue *queues[2])
{
	struct vfs__pipe *pipe = pipe_of(file);

	queues[0] = &pipe->readable;
	queues[1] = &pipe->writable;
}
