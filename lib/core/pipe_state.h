/* SPDX-License-Identifier: MIT */
/*
 * What is in a pipe, for the files that implement pipe.h: fifo.c has its ends,
 * pipe.c what goes through it.
 *
 * pipe->lock (rank LOCKS) protects everything in a pipe and is held while
 * bytes are copied, but never while asleep. Queues are woken inside it. A
 * caller that must wait enters its queue inside it too, so that it misses
 * nothing. The inode's lock is taken after it was given back, for the times.
 */
#ifndef VFS__PIPE_STATE_H
#define VFS__PIPE_STATE_H

#include "core/pipe.h"
#include "core/pipe_buffer.h"
#include "core/wait.h"

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

/* A call that may have to wait: see vfs__pipe_block(). */
struct vfs__pipe_sleep {
	struct vfs_task *task;
	bool queued;
	struct vfs__waiter waiter;
	struct vfs__wait_link link;
};

static inline void vfs__pipe_lock(struct vfs__pipe *pipe)
{
	vfs__mutex_lock(&pipe->lock, VFS__RANK_LOCKS);
}

static inline void vfs__pipe_unlock(struct vfs__pipe *pipe)
{
	vfs__mutex_unlock(&pipe->lock, VFS__RANK_LOCKS);
}

/* - The pipe of an open file of mode STREAM. */
static inline struct vfs__pipe *vfs__pipe_of(const struct vfs_file *file)
{
	return VFS_LOAD_POINTER(file->inode->core_special);
}

/* - Sleeps until queue, one of pipe's, is told of something: 0, -EINTR. lock
 *   held, and given back while asleep. */
int vfs__pipe_block(struct vfs__pipe *pipe, struct vfs__waitqueue *queue,
		    struct vfs__pipe_sleep *b);
/* - After the last of these, if there was any. */
void vfs__pipe_block_end(struct vfs__pipe_sleep *b);

#endif
