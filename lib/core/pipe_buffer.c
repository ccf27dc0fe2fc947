/* SPDX-License-Identifier: MIT */
/* The ring of pages in a pipe. Contract: pipe_buffer.h. */
#include "core/pipe_buffer.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "core/rw.h"
#include "util/domain.h"

#define PAGE VFS_PAGE_SIZE

/* ---- the caller's memory ---- */

void vfs__pipe_cursor_init(struct vfs__pipe_cursor *cursor,
			   const struct vfs_iovec *iov, int count)
{
	size_t left = 0;

	for (int i = 0; i < count; i++) {
		if (iov[i].len > VFS__IO_MAX - left) {
			left = VFS__IO_MAX;
			break;
		}
		left += iov[i].len;
	}
	cursor->iov = iov;
	cursor->count = count;
	cursor->offset = 0;
	cursor->left = left;
	cursor->skip = 0;
}

/* Copies up to size bytes between the cursor and memory, and moves the cursor.
 * Fewer: a segment was NULL. */
static size_t copy(struct vfs__pipe_cursor *cursor, char *memory, size_t size,
		   bool in)
{
	size_t done = 0;

	if (size > cursor->left)
		size = cursor->left;
	while (done < size) {
		const struct vfs_iovec *iov = cursor->iov;
		size_t part = iov->len - cursor->offset;

		if (!part) {
			cursor->iov++;
			cursor->offset = 0;
			continue;
		}
		if (!iov->base)
			break;
		if (part > size - done)
			part = size - done;
		if (in)
			memcpy(memory + done,
			       (char *)iov->base + cursor->offset, part);
		else
			memcpy((char *)iov->base + cursor->offset,
			       memory + done, part);
		cursor->offset += part;
		done += part;
	}
	cursor->left -= done;
	return done;
}

/* ---- slots ---- */

static struct vfs__pipe_slot *slot_at(const struct vfs__pipe_buffer *buffer,
				      uint32_t index)
{
	return &buffer->slots[index & (buffer->size - 1)];
}

static void free_slots(struct vfs__thread *thread,
		       struct vfs__pipe_buffer *buffer)
{
	if (buffer->slots)
		vfs__mem_free(thread, buffer->slots,
			      buffer->size * sizeof(*buffer->slots));
	buffer->slots = NULL;
}

void vfs__pipe_buffer_init(struct vfs__pipe_buffer *buffer)
{
	buffer->slots = NULL;
	buffer->size = VFS__PIPE_SLOTS;
	buffer->head = buffer->tail = 0;
}

void vfs__pipe_buffer_reset(struct vfs__thread *thread,
			    struct vfs__pipe_buffer *buffer)
{
	for (; !vfs__pipe_buffer_empty(buffer); buffer->tail++)
		vfs__page_unref(thread, slot_at(buffer, buffer->tail)->page);
	free_slots(thread, buffer);
	vfs__pipe_buffer_init(buffer);
}

static struct vfs__pipe_slot *alloc_slots(struct vfs__thread *thread,
					  uint32_t size)
{
	return vfs__mem_alloc(thread, size * sizeof(struct vfs__pipe_slot));
}

int vfs__pipe_buffer_resize(struct vfs__thread *thread,
			    struct vfs__pipe_buffer *buffer, uint32_t size)
{
	uint32_t used = vfs__pipe_buffer_used(buffer);
	struct vfs__pipe_slot *slots;

	assert(size && !(size & (size - 1)));
	if (size < used)
		return -EBUSY;
	slots = alloc_slots(thread, size);
	if (!slots)
		return -ENOMEM;
	for (uint32_t i = 0; i < used; i++)
		slots[i] = *slot_at(buffer, buffer->tail + i);
	free_slots(thread, buffer);
	buffer->slots = slots;
	buffer->size = size;
	buffer->tail = 0;
	buffer->head = used;
	return 0;
}

int64_t vfs__pipe_buffer_bytes(const struct vfs__pipe_buffer *buffer)
{
	int64_t bytes = 0;

	for (uint32_t i = buffer->tail; i != buffer->head; i++)
		bytes += slot_at(buffer, i)->length;
	return bytes;
}

/* ---- in ---- */

/* The bytes of a write that do not fill a page go behind the last run, all or
 * none: so that a write of a page or less is never torn. */
static int put_behind(struct vfs__pipe_buffer *buffer,
		      struct vfs__pipe_cursor *from, int64_t *done)
{
	size_t odd = from->left % PAGE;
	struct vfs__pipe_slot *last;
	size_t end;

	if (!odd || vfs__pipe_buffer_empty(buffer))
		return 0;
	last = slot_at(buffer, buffer->head - 1);
	end = (size_t)last->offset + last->length;
	if (last->packet || end + odd > PAGE)
		return 0;
	if (copy(from, last->page + end, odd, true) < odd)
		return -EFAULT;
	last->length = (uint16_t)(last->length + odd);
	*done += (int64_t)odd;
	return 0;
}

/* Fills the slot at head; one is free. */
static int put_page(struct vfs__thread *thread, struct vfs__pipe_buffer *buffer,
		    struct vfs__pipe_cursor *from, bool packet, int64_t *done)
{
	size_t room = PAGE - from->skip;
	size_t size = from->left < room ? from->left : room;
	char *page = vfs__page_alloc(thread);

	if (!page)
		return -ENOMEM;
	if (copy(from, page, size, true) < size) {
		vfs__page_unref(thread, page);
		return -EFAULT;
	}
	*slot_at(buffer, buffer->head) = (struct vfs__pipe_slot){
		.page = page,
		.length = (uint16_t)size,
		.packet = packet,
	};
	buffer->head++;
	from->skip = 0;
	*done += (int64_t)size;
	return 0;
}

int vfs__pipe_buffer_put(struct vfs__thread *thread,
			 struct vfs__pipe_buffer *buffer,
			 struct vfs__pipe_cursor *from, bool merge, bool packet,
			 int64_t *done)
{
	int err = merge ? put_behind(buffer, from, done) : 0;

	if (!err && !buffer->slots) {
		buffer->slots = alloc_slots(thread, buffer->size);
		if (!buffer->slots)
			return -ENOMEM;
	}
	while (!err && from->left && !vfs__pipe_buffer_full(buffer))
		err = put_page(thread, buffer, from, packet, done);
	return err;
}

/* ---- out ---- */

int vfs__pipe_buffer_take(struct vfs__thread *thread,
			  struct vfs__pipe_buffer *buffer,
			  struct vfs__pipe_cursor *to, int64_t *done)
{
	bool packet = false;

	while (to->left && !packet && !vfs__pipe_buffer_empty(buffer)) {
		struct vfs__pipe_slot *slot = slot_at(buffer, buffer->tail);
		size_t size = slot->length < to->left ? slot->length : to->left;

		if (copy(to, slot->page + slot->offset, size, false) < size)
			return -EFAULT;
		*done += (int64_t)size;
		slot->offset = (uint16_t)(slot->offset + size);
		slot->length = (uint16_t)(slot->length - size);
		packet = slot->packet;
		/* what a packet has left over is lost */
		if (packet || !slot->length) {
			vfs__page_unref(thread, slot->page);
			buffer->tail++;
		}
	}
	return 0;
}
