/* SPDX-License-Identifier: MIT */
/*
 * Listing directories. The library's positions are the kernel's offsets: they
 * stay good while names come and go. A reply ends where the kernel's buffer
 * is full, and what was read too much is read again.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/fuse.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ops.h"

/* Records of the library's in a buffer. */
#define RECORDS 4096u

/* A reply in the making. */
struct listing {
	struct call *call;
	struct handle *handle;
	char *buffer;
	size_t size, used;
	bool plus; /* with look-ups */
};

static bool is_dots(const char *name)
{
	return name[0] == '.' && (!name[1] || (name[1] == '.' && !name[2]));
}

static struct stat plain_stat(struct session *session, const struct node *dir,
			      const struct vfs_dirent *record)
{
	return (struct stat){
		.st_ino = node_shown_ino(session->nodes, dir->dev, record->ino),
		.st_mode = (mode_t)record->type << 12,
	};
}

/* Adds a record; false: it does not fit. */
static bool add_plain(struct listing *l, const struct vfs_dirent *record)
{
	struct stat stat =
		plain_stat(l->call->session, l->handle->node, record);
	size_t need = fuse_add_direntry(l->call->req, l->buffer + l->used,
					l->size - l->used, record->name, &stat,
					record->off);

	if (need > l->size - l->used)
		return false;
	l->used += need;
	return true;
}

/* The same with a look-up, for which the kernel will count one; an entry whose
 * number is 0 says that there was none. */
static bool add_plus(struct listing *l, const struct vfs_dirent *record)
{
	struct session *session = l->call->session;
	struct node *dir = l->handle->node;
	struct fuse_entry_param entry;
	size_t need;

	/* before anything is counted */
	if (fuse_add_direntry_plus(l->call->req, NULL, 0, record->name, NULL,
				   0) > l->size - l->used)
		return false;
	if (is_dots(record->name) ||
	    entry_find(l->call, dir, record->name, -1, &entry)) {
		memset(&entry, 0, sizeof(entry));
		entry.attr = plain_stat(session, dir, record);
	}
	need = fuse_add_direntry_plus(l->call->req, l->buffer + l->used,
				      l->size - l->used, record->name, &entry,
				      record->off);
	l->used += need;
	return true;
}

/* Fills the reply from position off on. Handle's lock held. */
static int fill(struct listing *l, int64_t off)
{
	struct vfs_task *root = l->call->session->server->root;
	struct handle *h = l->handle;
	char records[RECORDS];
	bool room = true;

	while (room) {
		int64_t n, at;

		if (off != h->position) {
			n = vfs_lseek(root, h->fd, off, SEEK_SET);
			if (n < 0)
				return l->used ? 0 : (int)n;
		}
		n = vfs_getdents(root, h->fd, records, sizeof(records));
		if (n <= 0) {
			h->position = -1;
			return n && !l->used ? (int)n : 0;
		}
		for (at = 0; at < n && room;) {
			struct vfs_dirent *record = (void *)(records + at);

			room = l->plus ? add_plus(l, record)
				       : add_plain(l, record);
			if (room)
				off = record->off;
			at += record->reclen;
		}
		/* where the library is now, if all of it was taken */
		h->position = room ? off : -1;
	}
	return 0;
}

/* The kernel did not take the reply: it has counted no look-up in it. */
static void forget_all(struct listing *l)
{
	struct session *session = l->call->session;
	size_t at = 0;

	while (at + FUSE_NAME_OFFSET_DIRENTPLUS < l->used) {
		struct fuse_direntplus *d = (void *)(l->buffer + at);

		if (d->entry_out.nodeid)
			node_forget(
				session->nodes,
				node_of(session->nodes, d->entry_out.nodeid),
				1);
		at += FUSE_DIRENTPLUS_SIZE(d);
	}
}

static void list(fuse_req_t req, size_t size, off_t off,
		 struct fuse_file_info *fi, bool plus)
{
	struct handle *h = handle_of(fi);
	struct call call;
	struct listing l = {
		.call = &call, .handle = h, .size = size, .plus = plus};
	int err = 0;

	if (!call_begin(&call, req))
		return;
	l.buffer = malloc(size ? size : 1);
	if (!l.buffer)
		err = -ENOMEM;
	pthread_mutex_lock(&h->lock);
	if (!err)
		err = fill(&l, off);
	pthread_mutex_unlock(&h->lock);
	if (err)
		fuse_reply_err(req, -err);
	else if (fuse_reply_buf(req, l.buffer, l.used) < 0 && plus)
		forget_all(&l);
	free(l.buffer);
	call_end(&call);
}

void op_readdir(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off,
		struct fuse_file_info *fi)
{
	(void)ino;
	list(req, size, off, fi, false);
}

void op_readdirplus(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off,
		    struct fuse_file_info *fi)
{
	(void)ino;
	list(req, size, off, fi, true);
}
