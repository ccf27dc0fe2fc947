/* SPDX-License-Identifier: MIT */
/*
 * Handles of lower files, in the form in which the format stores them: in an
 * upper file's `origin`, and as names in the index.
 *
 *	version 0, magic 0xfb, length of all, flags (1: big-endian, 4: of the
 *	upper directory), type, 16 bytes for the file system, the handle
 *
 * Of a host's file system the last two are what the kernel puts there, so that
 * each finds what the other one has stored.
 */
#include <errno.h>
#include <string.h>

#include "overlay.h"

#define MAGIC 0xfbu
#define HEADER 21u
#define BIG_ENDIAN_FLAG 1u
#define UPPER_FLAG 4u

static unsigned char host_flags(void)
{
	const uint16_t one = 1;

	return *(const unsigned char *)&one ? 0 : BIG_ENDIAN_FLAG;
}

int64_t overlay_encode_origin(struct overlay_super *fs,
			      const struct overlay_place *place,
			      unsigned char out[OVERLAY_ORIGIN_MAX])
{
	struct vfs_layer_handle handle;
	int err;

	if (!fs->layers[place->layer].handles)
		return 0;
	err = vfs_layer_encode(fs->task, place->fd, &handle);
	if (err == -EOPNOTSUPP || (!err && handle.type > 0xff))
		return 0;
	if (err)
		return err;
	out[0] = 0;
	out[1] = MAGIC;
	out[2] = (unsigned char)(HEADER + handle.length);
	out[3] = host_flags();
	if (place->layer == OVERLAY_UPPER && fs->has_upper)
		out[3] |= UPPER_FLAG;
	out[4] = (unsigned char)handle.type;
	memcpy(out + 5, handle.fs, sizeof(handle.fs));
	memcpy(out + HEADER, handle.bytes, handle.length);
	return out[2];
}

/* Of a lower file, made by a machine like this one. */
static bool is_handle(const unsigned char *bytes, size_t size)
{
	return size > HEADER && bytes[0] == 0 && bytes[1] == MAGIC &&
	       bytes[2] == size && bytes[3] == host_flags() &&
	       size - HEADER <= VFS_LAYER_HANDLE_MAX;
}

/*
 * The number that a handle has in it, of tmpfs or of a disk's file system
 * (ext2 to 4 and others with numbers of 32 bits); 0: it is something else.
 */
static uint64_t number_in(const struct vfs_layer_handle *handle)
{
	uint32_t words[3];

	memcpy(words, handle->bytes, sizeof(words));
	if (handle->type != 1)
		return 0;
	if (handle->length == 8)
		return words[0];
	return handle->length == 12 ? words[1] | (uint64_t)words[2] << 32 : 0;
}

bool overlay_has_numbers(const struct vfs_layer_handle *handle, uint64_t ino)
{
	return ino && number_in(handle) == ino;
}

/* On the layers that the handle is of. -ENODATA: *ino, if it is not 0, is the
 * file's number there, in layer place->layer. */
static int find_handle(struct overlay_super *fs,
		       struct vfs_layer_handle *handle,
		       struct overlay_place *place, uint64_t *ino)
{
	int fd = -ENODATA;

	*ino = 0;
	for (uint32_t i = 1; i < fs->layer_count && fd == -ENODATA; i++) {
		const struct overlay_layer *layer = &fs->layers[i];

		if (!layer->handles ||
		    memcmp(layer->handle_fs, handle->fs, sizeof(handle->fs)))
			continue;
		handle->dev = layer->handle_dev;
		fd = vfs_layer_decode(fs->task, layer->fd, handle);
		place->fd = fd;
		place->layer = i;
		if (layer->numbers)
			*ino = number_in(handle);
	}
	return fd;
}

int overlay_decode(struct overlay_super *fs, const unsigned char *bytes,
		   size_t size, struct overlay_place *place, uint64_t *ino)
{
	struct vfs_layer_handle handle = {0};
	int fd;

	if (!is_handle(bytes, size))
		return -ENODATA;
	handle.type = bytes[4];
	handle.length = (uint32_t)(size - HEADER);
	memcpy(handle.fs, bytes + 5, sizeof(handle.fs));
	memcpy(handle.bytes, bytes + HEADER, handle.length);
	fd = find_handle(fs, &handle, place, ino);
	if (fd >= 0 || fd != -ENODATA || !*ino)
		return fd < 0 ? fd : 0;
	place->fd = -1;
	return 0;
}

int overlay_decode_origin(struct overlay_super *fs, int fd,
			  struct overlay_place *place, uint64_t *ino)
{
	unsigned char bytes[OVERLAY_ORIGIN_MAX];
	int64_t n = overlay_get_own(fs, fd, "origin", bytes, sizeof(bytes));

	if (n == -ERANGE)
		return -ENODATA;
	if (n >= 0)
		n = overlay_decode(fs, bytes, (size_t)n, place, ino);
	return n == -ESTALE ? -ENODATA : (int)n;
}
