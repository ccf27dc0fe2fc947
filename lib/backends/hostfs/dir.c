/* SPDX-License-Identifier: MIT */
/*
 * Listing. Contract: backend.h.
 *
 * The host's positions are ours, moved behind those of the core's own entries,
 * where they are small; some file systems' are hashes that fill 63 bits, of
 * which the core needs the upper half for itself. For large ones, which come
 * last, an open file keeps a list of those that it has been told, and ours are
 * places in that list. A listing begins anew at its start, as rewinddir wants
 * it.
 *
 * No more is read than the caller has room for, so that nothing is told later
 * than the host said it.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "hostfs.h"

#define BUFFER ((size_t)32768)
/* Where the core's own entries end. */
#define FIRST INT64_C(3)
/* Positions of the host's from here on are in the list, and our positions from
 * here on are places there. */
#define LARGE (INT64_C(1) << 61)

/* linux_dirent64, whose name has no length of its own. */
struct record {
	uint64_t ino;
	int64_t off;
	uint16_t reclen;
	uint8_t type;
	char name[];
};

/* The shortest there is. */
#define RECORD_MIN ((size_t)24)

struct hostfs_scan {
	int64_t at;    /* ours, where the host's descriptor stands; -1 */
	int64_t *list; /* the host's */
	size_t count, capacity;
	_Alignas(8) char buffer[BUFFER];
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

/* ---- positions ---- */

static int grow(struct vfs *vfs, struct hostfs_scan *scan)
{
	size_t capacity = scan->capacity ? scan->capacity * 2 : 256;
	int64_t *list = vfs_alloc(vfs, capacity * sizeof(list[0]));

	if (!list)
		return -ENOMEM;
	if (scan->count)
		memcpy(list, scan->list, scan->count * sizeof(list[0]));
	vfs_free(vfs, scan->list, scan->capacity * sizeof(list[0]));
	scan->list = list;
	scan->capacity = capacity;
	return 0;
}

/* Our position for the host's that follows ours at `at`; -ENOMEM. */
static int64_t position_of(struct vfs *vfs, struct hostfs_scan *scan,
			   int64_t at, int64_t host)
{
	size_t next = at >= LARGE ? (size_t)(at - LARGE) + 1 : 0;
	int err;

	if (host >= 0 && host < LARGE - FIRST)
		return host + FIRST;
	/* what is listed again has been told already, if it is the same */
	while (next < scan->count && scan->list[next] != host)
		next++;
	if (next == scan->count) {
		err = scan->count == scan->capacity ? grow(vfs, scan) : 0;
		if (err)
			return err;
		scan->list[scan->count++] = host;
	}
	return LARGE + (int64_t)next;
}

/* The host's position for ours. A number that was never given: its end. */
static int64_t host_position(const struct hostfs_scan *scan, int64_t position)
{
	if (position < FIRST)
		return 0;
	if (position < LARGE)
		return position - FIRST;
	return (uint64_t)(position - LARGE) < scan->count
		       ? scan->list[position - LARGE]
		       : INT64_MAX;
}

/* Puts the host's descriptor where position is. */
static int stand_at(struct hostfs_super *s, struct hostfs_fd *fd,
		    int64_t position)
{
	struct hostfs_scan *scan = fd->scan;
	int64_t host;

	if (position < FIRST)
		scan->count = 0;
	else if (scan->at == position)
		return 0;
	scan->at = -1;
	host = hostfs_lseek(s, fd->fd, host_position(scan, position), SEEK_SET);
	if (host < 0)
		return (int)host;
	scan->at = position;
	return 0;
}

/* ---- entries ---- */

static bool is_dot(const char *name)
{
	return name[0] == '.' && (!name[1] || (name[1] == '.' && !name[2]));
}

static uint32_t type_of(struct hostfs_super *s, struct hostfs_fd *fd,
			const struct record *r)
{
	if (r->type == DT_REG && s->options.owner == HOSTFS_OWNER_XATTR)
		return hostfs_owner_type(s, fd->fd, r->name);
	return r->type;
}

/* 0, or -ENOMEM; context->full when there was no room. */
static int emit(struct vfs_inode *dir, struct hostfs_fd *fd,
		const struct record *r, struct vfs_dir_context *context)
{
	struct hostfs_super *s = hostfs_of(dir);
	struct hostfs_scan *scan = fd->scan;
	int64_t next = position_of(s->vfs, scan, scan->at, r->off);

	if (next < 0)
		return (int)next;
	if (!is_dot(r->name) &&
	    !vfs_dir_emit(context, r->name, (uint32_t)strlen(r->name),
			  hostfs_number(dir, r->ino), type_of(s, fd, r), next))
		return 0;
	scan->at = next;
	return 0;
}

/* The host's descriptor is behind them all. */
static int emit_all(struct vfs_inode *dir, struct hostfs_fd *fd, size_t size,
		    struct vfs_dir_context *context)
{
	struct hostfs_scan *scan = fd->scan;
	int err = 0;

	for (size_t at = 0; at < size && !err && !context->full;) {
		const struct record *r = (const void *)(scan->buffer + at);

		err = emit(dir, fd, r, context);
		at += r->reclen;
	}
	/* it is not where the listing will go on */
	if (err || context->full)
		scan->at = -1;
	return err;
}

int hostfs_iterate(struct vfs_inode *dir, struct vfs_file *file,
		   struct vfs_dir_context *context)
{
	struct hostfs_super *s = hostfs_of(dir);
	struct hostfs_fd *fd = vfs_file_private(file);
	struct hostfs_scan *scan;
	bool asked = false;
	char none;
	int err = scan_of(fd, &scan);

	if (!err)
		err = hostfs_sync_status(s, fd, file);
	if (!err)
		err = stand_at(s, fd, context->position);
	while (!err && !context->full) {
		size_t room = (size_t)(context->end - context->cursor);
		int64_t n;

		if (room > BUFFER)
			room = BUFFER;
		/* the least will do to see whether there is anything */
		n = hostfs_getdents(s, fd->fd, scan->buffer,
				    room < RECORD_MIN ? RECORD_MIN : room);
		asked = true;
		if (n == -EINVAL) {
			context->full = 1;
			break;
		}
		if (n <= 0)
			return (int)n;
		err = emit_all(dir, fd, (size_t)n, context);
	}
	/* listing leaves a time, wherever the names come from: with no room
	 * for any, nothing else happens */
	if (!err && !asked)
		(void)hostfs_getdents(s, fd->fd, &none, 0);
	return err;
}
