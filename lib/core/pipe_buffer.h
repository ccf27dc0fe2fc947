/* SPDX-License-Identifier: MIT */
/*
 * The buffer of a pipe: a ring of slots, each with a page of its own and a
 * run of bytes in it. As in Linux, capacity counts slots: a write fills new
 * pages, but for its odd bytes, which go behind the last run when there is
 * room for all of them. Pages come with the bytes and go with them.
 *
 * No waiting and no locks here: the pipe's lock protects it.
 */
#ifndef VFS__PIPE_BUFFER_H
#define VFS__PIPE_BUFFER_H

#include <stdbool.h>
#include <stdint.h>
#include <vfs/base.h>

struct vfs__thread;

struct vfs__pipe_slot {
	char *page;
	uint16_t offset;
	uint16_t length; /* never 0 while the slot is used */
	bool packet;	 /* a packet: read as one, never added to */
};

struct vfs__pipe_buffer {
	struct vfs__pipe_slot *slots; /* NULL: none needed so far */
	uint32_t size;		      /* slots there may be: a power of two */
	uint32_t head, tail; /* count for ever: next to fill, to drain */
};

/* Where a transfer is in the caller's memory. */
struct vfs__pipe_cursor {
	const struct vfs_iovec *iov;
	int count;
	size_t offset; /* in iov[0] */
	size_t left;   /* in all */
	size_t skip;   /* so far into a page it begins that is given as it is */
};

#define VFS__PIPE_SLOTS 16u

static inline uint32_t
vfs__pipe_buffer_used(const struct vfs__pipe_buffer *buffer)
{
	return buffer->head - buffer->tail;
}

static inline bool vfs__pipe_buffer_empty(const struct vfs__pipe_buffer *buffer)
{
	return buffer->head == buffer->tail;
}

static inline bool vfs__pipe_buffer_full(const struct vfs__pipe_buffer *buffer)
{
	return vfs__pipe_buffer_used(buffer) >= buffer->size;
}

void vfs__pipe_buffer_init(struct vfs__pipe_buffer *buffer);
/* - Empty, and as large as at first. */
void vfs__pipe_buffer_reset(struct vfs__thread *thread,
			    struct vfs__pipe_buffer *buffer);
/* - size: a power of two. -EBUSY: more is in use; -ENOMEM. */
int vfs__pipe_buffer_resize(struct vfs__thread *thread,
			    struct vfs__pipe_buffer *buffer, uint32_t size);
/* - Bytes in it. */
int64_t vfs__pipe_buffer_bytes(const struct vfs__pipe_buffer *buffer);

/* - At the beginning of iov; left is cut to what one call may transfer. */
void vfs__pipe_cursor_init(struct vfs__pipe_cursor *cursor,
			   const struct vfs_iovec *iov, int count);

/*
 * - Puts what fits; added to *done. merge: the odd bytes may go behind the last
 *   run, which is for the beginning of a write only.
 * - 0 (the cursor tells whether all went), -EFAULT, -ENOMEM.
 */
int vfs__pipe_buffer_put(struct vfs__thread *thread,
			 struct vfs__pipe_buffer *buffer,
			 struct vfs__pipe_cursor *from, bool merge, bool packet,
			 int64_t *done);
/* - Takes what there is, or one packet; added to *done. 0 or -EFAULT. */
int vfs__pipe_buffer_take(struct vfs__thread *thread,
			  struct vfs__pipe_buffer *buffer,
			  struct vfs__pipe_cursor *to, int64_t *done);

#endif
