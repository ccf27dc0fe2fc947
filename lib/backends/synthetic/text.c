/* SPDX-License-Identifier: MIT */
/* Text that callbacks write. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "synthetic.h"

#define FIRST_ROOM 256

void synthetic_text_init(struct vfs_synthetic_text *text, struct vfs *vfs)
{
	memset(text, 0, sizeof(*text));
	text->vfs = vfs;
}

void synthetic_text_fini(struct vfs_synthetic_text *text)
{
	vfs_free(text->vfs, text->data, text->room);
	text->data = NULL;
	text->len = text->room = 0;
}

/* Room for size bytes more. */
static bool make_room(struct vfs_synthetic_text *text, size_t size)
{
	size_t room = text->room ? text->room : FIRST_ROOM;
	char *data;

	if (text->err)
		return false;
	if (size <= text->room - text->len)
		return true;
	while (room - text->len < size) {
		if (room > SIZE_MAX / 2) {
			text->err = -ENOMEM;
			return false;
		}
		room *= 2;
	}
	data = vfs_alloc(text->vfs, room);
	if (!data) {
		text->err = -ENOMEM;
		return false;
	}
	if (text->len)
		memcpy(data, text->data, text->len);
	vfs_free(text->vfs, text->data, text->room);
	text->data = data;
	text->room = room;
	return true;
}

void vfs_synthetic_write(struct vfs_synthetic_text *text, const void *data,
			 size_t size)
{
	if (!size || !make_room(text, size))
		return;
	memcpy(text->data + text->len, data, size);
	text->len += size;
}

void vfs_synthetic_printf(struct vfs_synthetic_text *text, const char *format,
			  ...)
{
	va_list args, again;
	int n;

	va_start(args, format);
	va_copy(again, args);
	n = vsnprintf(NULL, 0, format, args);
	if (n < 0)
		text->err = text->err ? text->err : -EINVAL;
	else if (make_room(text, (size_t)n + 1)) {
		vsnprintf(text->data + text->len, (size_t)n + 1, format, again);
		text->len += (size_t)n;
	}
	va_end(again);
	va_end(args);
}

int64_t synthetic_text_copy(const struct vfs_synthetic_text *text, void *buffer,
			    size_t count, int64_t offset)
{
	if ((uint64_t)offset >= text->len)
		return 0;
	if (count > text->len - (size_t)offset)
		count = text->len - (size_t)offset;
	memcpy(buffer, text->data + offset, count);
	return (int64_t)count;
}
