/* SPDX-License-Identifier: MIT */
/* The ends of pipes and FIFOs: made, opened, closed. Contract: pipe.h. */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "core/inode.h"
#include "core/pipe_state.h"
#include "core/pipefs.h"

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
	struct vfs__pipe *pipe = vfs__pipe_of(file);

	vfs__pipe_lock(pipe);
	detach(thread, pipe, file->mode);
	vfs__pipe_unlock(pipe);
}

/* ---- opening FIFOs ---- */

/* Until *opens is no longer what it was: the other side came, even if it has
 * gone again. lock held. */
static int meet(struct vfs_task *task, struct vfs__pipe *pipe,
		struct vfs__waitqueue *queue, const uint32_t *opens)
{
	struct vfs__pipe_sleep b = {.task = task};
	uint32_t before = *opens;
	int err = 0;

	while (*opens == before && !err)
		err = vfs__pipe_block(pipe, queue, &b);
	vfs__pipe_block_end(&b);
	return *opens == before ? err : 0;
}

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
	/* Linux looks at this when the other side has come; F_SETFL may */
	if (!err && (file->flags & O_DIRECT))
		err = -EINVAL;
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
	vfs__pipe_lock(pipe);
	err = open_locked(thread, task, pipe, file);
	vfs__pipe_unlock(pipe);
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
		vfs__path_ref(thread, &path);
		vfs__pipe_lock(vfs__pipe_of(file));
		attach(vfs__pipe_of(file), mode);
		vfs__pipe_unlock(vfs__pipe_of(file));
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
	vfs__task_cred_put(thread, cred);
	return err;
}
