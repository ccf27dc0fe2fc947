/* SPDX-License-Identifier: MIT */
/*
 * Listing. Contract: backend.h.
 *
 * The host's positions are ours where they are small; some file systems' are
 * hashes that fill 63 bits, of which the core needs the upper half for itself.
 * Then an open file keeps a list of the positions that it has been told, and
 * ours are places in that list. A listing begins anew at its start, as
 * rewinddir wants it.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "hostfs.h"

#define BUFFER ((size_t)32768)
/* Where the core's own entries end, and places in a list begin. */
#define FIRST INT64_C(3)
/* Positions of the host's below this are passed on as they are. */
#define LARGE (INT64_C(1) << 61)
/* And from here on those are that would be the core's: 0, 1 and 2. */
#define SMALL (INT64_C(1) << 61)

/* linux_dirent64, whose name has no length of its own. */
struct record {
	uint64_t ino;
	int64_t off;
	uint16_t reclen;
	uint8_t type;
	char name[];
};

struct hostfs_scan {
	int64_t at;	 /* where the host's descriptor stands */
	size_t pos, len; /* of buffer, what was not emitted yet */
	bool listed;	 /* positions are in the list */
	int64_t *list;
	size_t count, capacity;
	char buffer[BUFFER];
};

void hostfs_scan_free(struct vfs *vfs, struct hostfs_scan *scan)
{
	if (!scan)
		return;
	vfs_free(vfs, scan->list, scan->capacity * sizeof(scan->list[0]));
	vfs_free(vfs, scan, sizeof(*scan));
}

static int scan_of(struct hostfs_fd *fd, struct hostfs_scan **out)
{
	if (!fd->scan) {
		fd->scan = vfs_alloc(fd->vfs, sizeof(*fd->scan));
		if (!fd->scan)
			return -ENOMEM;
		memset(fd->scan, 0, offsetof(struct hostfs_scan, buffer));
		fd->scan->at = -1;
	}
	*out = fd->scan;
	return 0;
}

/* Our position for the host's; -ENOMEM. */
static int64_t position_of(struct hostfs_fd *fd, int64_t host)
{
	struct hostfs_scan *scan = fd->scan;

	if (!scan->listed && host >= LARGE)
		scan->listed = true;
	if (!scan->listed)
		return host >= FIRST ? host : SMALL + host;
	if (scan->count == scan->capacity) {
		size_t capacity = scan->capacity ? scan->capacity * 2 : 256;
		int64_t *list = vfs_alloc(fd->vfs, capacity * sizeof(list[0]));

		if (!list)
			return -ENOMEM;
		if (scan->count)
			memcpy(list, scan->list, scan->count * sizeof(list[0]));
		vfs_free(fd->vfs, scan->list, scan->capacity * sizeof(list[0]));
		scan->list = list;
		scan->capacity = capacity;
	}
	scan->list[scan->count++] = host;
	return FIRST + (int64_t)scan->count - 1;
}

/* The host's position for ours. */
static int64_t host_position(const struct hostfs_scan *scan, int64_t position)
{
	if (position < FIRST)
		return 0;
	if (!scan->listed)
		return position >= SMALL ? position - SMALL : position;
	position -= FIRST;
	/* a number that was never given: at the end */
	return (uint64_t)position < scan->count ? scan->list[position]
						: INT64_MAX;
}

/* Puts the host's descriptor, and the buffer, where position is. */
static int stand_at(struct hostfs_super *s, struct hostfs_fd *fd,
		    int64_t position)
{
	struct hostfs_scan *scan = fd->scan;
	int64_t host;

	if (position < FIRST)
		scan->count = 0;
	host = host_position(scan, position);
	if (scan->at == host)
		return 0;
	scan->pos = scan->len = 0;
	scan->at = -1;
	host = hostfs_lseek(s, fd->fd, host, SEEK_SET);
	if (host < 0)
		return (int)host;
	scan->at = host;
	return 0;
}

static bool is_dot(const char *name)
{
	return name[0] == '.' && (!name[1] || (name[1] == '.' && !name[2]));
}

/* 1: it was emitted, or is none of ours; 0: no room; -ENOMEM. */
static int emit(struct hostfs_super *s, struct hostfs_fd *fd,
		const struct record *r, struct vfs_dir_context *context)
{
	uint32_t type = r->type;
	int64_t next;

	if (is_dot(r->name))
		return 1;
	next = position_of(fd, r->off);
	if (next < 0)
		return (int)next;
	if (type == DT_REG && s->options.owner == HOSTFS_OWNER_XATTR)
		type = hostfs_owner_type(s, fd->fd, r->name);
	if (vfs_dir_emit(context, r->name, (uint32_t)strlen(r->name), r->ino,
			 type, next))
		return 1;
	if (fd->scan->listed)
		fd->scan->count--;
	return 0;
}

static int emit_buffer(struct hostfs_super *s, struct hostfs_fd *fd,
		       struct vfs_dir_context *context)
{
	struct hostfs_scan *scan = fd->scan;

	while (scan->pos < scan->len) {
		const struct record *r =
			(const void *)(scan->buffer + scan->pos);
		int done = emit(s, fd, r, context);

		if (done <= 0)
			return done;
		scan->pos += r->reclen;
		scan->at = r->off;
	}
	return 1;
}

int hostfs_iterate(struct vfs_inode *dir, struct vfs_file *file,
		   struct vfs_dir_context *context)
{
	struct hostfs_super *s = hostfs_of(dir);
	struct hostfs_fd *fd = vfs_file_private(file);
	struct hostfs_scan *scan;
	bool asked = false;
	int64_t n;
	char none;
	int err = scan_of(fd, &scan);

	if (!err)
		err = hostfs_sync_status(s, fd, file);
	if (!err)
		err = stand_at(s, fd, context->position);
	while (!err) {
		err = emit_buffer(s, fd, context);
		if (err <= 0)
			break;
		n = hostfs_getdents(s, fd->fd, scan->buffer, BUFFER);
		asked = true;
		scan->pos = 0;
		scan->len = n > 0 ? (size_t)n : 0;
		if (n <= 0)
			return (int)n;
		err = 0;
	}
	/* listing leaves a time, wherever the names come from: with no room
	 * for any, nothing else happens */
	if (!err && !asked)
		(void)hostfs_getdents(s, fd->fd, &none, 0);
	return err;
}
