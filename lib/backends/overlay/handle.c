/* SPDX-License-Identifier: MIT */
/*
 * Handles of lower files, in the form in which the format stores them: in an
 * upper file's `origin`, and as names in the index.
 *
 *	version 0, magic 0xfb, length of all, flags (1: big-endian), type,
 *	16 bytes for the file system, the handle
 *
 * The kernel puts the file system's UUID there. Ours says that the handle is an
 * instance's, which makes sense to no one else.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include <vfs/file.h>
#include <vfs/handle.h>

#include "overlay.h"

#define MAGIC 0xfbu
#define HEADER 21u
#define BIG_ENDIAN_FLAG 1u
#define OTHER_FLAGS 0xf8u /* that nobody has defined */

static const unsigned char owner[8] = {'v', 'f', 's', 0, 'l', 'i', 'b', 1};

static unsigned char host_flags(void)
{
	const uint16_t one = 1;

	return *(const unsigned char *)&one ? 0 : BIG_ENDIAN_FLAG;
}

int64_t overlay_encode_origin(struct overlay_super *fs,
			      const struct overlay_place *place,
			      unsigned char out[OVERLAY_ORIGIN_MAX])
{
	const struct overlay_layer *layer = &fs->layers[place->layer];
	struct vfs_file_handle handle;
	int err;

	if (!layer->handles)
		return 0;
	handle.handle_bytes =
		VFS_MAX_HANDLE_SIZE; /* the rest need not be set */
	err = vfs_layer_handle(fs->task, place->fd, &handle);
	if (err == -EOPNOTSUPP || err == -EOVERFLOW ||
	    (!err && (handle.handle_type & ~0xff)))
		return 0;
	if (err)
		return err;
	out[0] = 0;
	out[1] = MAGIC;
	out[2] = (unsigned char)(HEADER + handle.handle_bytes);
	out[3] = host_flags();
	out[4] = (unsigned char)handle.handle_type;
	memcpy(out + 5, owner, sizeof(owner));
	memcpy(out + 13, &layer->dev, 8);
	memcpy(out + HEADER, handle.f_handle, handle.handle_bytes);
	return out[2];
}

static bool is_ours(const unsigned char *bytes, size_t size)
{
	return size > HEADER && bytes[0] == 0 && bytes[1] == MAGIC &&
	       bytes[2] == size && bytes[3] == host_flags() &&
	       !memcmp(bytes + 5, owner, sizeof(owner)) &&
	       size - HEADER <= VFS_MAX_HANDLE_SIZE;
}

/* On one layer: a descriptor, or an error. */
static int open_handle(struct overlay_super *fs,
		       const struct overlay_layer *layer,
		       const unsigned char *bytes, size_t size)
{
	struct vfs_file_handle handle;
	int fd;

	handle.handle_bytes = (uint32_t)(size - HEADER);
	handle.handle_type = bytes[4];
	memcpy(handle.f_handle, bytes + HEADER, size - HEADER);
	/* O_PATH: not everything that has a handle can be opened for O_PATH by
	 * who may not search; the mounter may */
	fd = vfs_open_by_handle_at(fs->task, layer->open_fd, &handle,
				   O_PATH | O_NOFOLLOW);
	return fd == -ESTALE || fd == -EPERM || fd == -EOPNOTSUPP ? -ENODATA
								  : fd;
}

int overlay_decode(struct overlay_super *fs, const unsigned char *bytes,
		   size_t size, struct overlay_place *place)
{
	uint64_t dev;

	if (!is_ours(bytes, size))
		return -ENODATA;
	memcpy(&dev, bytes + 13, 8);
	for (uint32_t i = 1; i < fs->layer_count; i++) {
		int fd;

		if (fs->layers[i].dev != dev || !fs->layers[i].handles)
			continue;
		fd = open_handle(fs, &fs->layers[i], bytes, size);
		if (fd < 0)
			return fd;
		place->fd = fd;
		place->layer = i;
		return 0;
	}
	return -ENODATA;
}

int overlay_decode_origin(struct overlay_super *fs, int fd,
			  struct overlay_place *place)
{
	unsigned char bytes[OVERLAY_ORIGIN_MAX];
	int64_t n = overlay_get_own(fs, fd, "origin", bytes, sizeof(bytes));

	if (n == -ERANGE)
		return -ENODATA;
	return n < 0 ? (int)n : overlay_decode(fs, bytes, (size_t)n, place);
}
