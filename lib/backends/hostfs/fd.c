/* SPDX-License-Identifier: MIT */
/*
 * Host descriptors: counted, cached at inodes up to a limit, opened again
 * through places. Contract: hostfs.h.
 *
 * A chain of places leads to the root, whose handle is never dropped. To open
 * an inode the chain is copied up to the first one that is open, and walked by
 * the host in one call (or in several, where it is longer than a path may be).
 * What it leads to is compared with what the inode is, because the names may
 * mean something else by now; a file's other places are tried then.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>

#include "hostfs.h"

/* How often a chain that changed while it was walked is walked anew. */
#define TRIES 3u
/* A path for one call, with its NUL. */
#define CALL_PATH ((size_t)PATH_MAX)

/* ---- counted descriptors ---- */

struct hostfs_fd *hostfs_fd_wrap(struct hostfs_super *s, int fd, int access)
{
	struct hostfs_fd *f = vfs_zalloc(s->vfs, sizeof(*f));

	if (!f) {
		hostfs_close(s->vfs, fd);
		return NULL;
	}
	f->vfs = s->vfs;
	f->fd = fd;
	f->access = access;
	f->ref = 1;
	return f;
}

int hostfs_fd_copy(struct hostfs_super *s, struct hostfs_fd *fd, int access,
		   struct hostfs_fd **out)
{
	int copy = hostfs_dup(s, fd->fd);
	struct hostfs_fd *f;

	if (copy < 0)
		return copy;
	f = hostfs_fd_wrap(s, copy, access);
	if (!f)
		return -ENOMEM;
	f->lender = hostfs_fd_ref(fd->lender ? fd->lender : fd);
	*out = f;
	return 0;
}

struct hostfs_fd *hostfs_fd_ref(struct hostfs_fd *fd)
{
	__atomic_fetch_add(&fd->ref, 1, __ATOMIC_RELAXED);
	return fd;
}

void hostfs_fd_unref(struct hostfs_fd *fd)
{
	if (!fd || __atomic_sub_fetch(&fd->ref, 1, __ATOMIC_ACQ_REL))
		return;
	hostfs_fd_unref(fd->lender);
	hostfs_close(fd->vfs, fd->fd);
	hostfs_scan_free(fd->vfs, fd->scan);
	vfs_free(fd->vfs, fd, sizeof(*fd));
}

/* ---- the list of cached ones; fd_lock is held ---- */

static void list_remove(struct hostfs_super *s, struct hostfs_inode *h)
{
	*(h->newer ? &h->newer->older : &s->newest) = h->older;
	*(h->older ? &h->older->newer : &s->oldest) = h->newer;
	h->newer = h->older = NULL;
	s->cached--;
}

static void list_add(struct hostfs_super *s, struct hostfs_inode *h)
{
	h->older = s->newest;
	h->newer = NULL;
	*(s->newest ? &s->newest->newer : &s->oldest) = h;
	s->newest = h;
	s->cached++;
}

/* Takes inode's handle away: a reference for the caller to give back. */
static struct hostfs_fd *detach(struct hostfs_super *s, struct hostfs_inode *h)
{
	struct hostfs_fd *fd = h->handle;

	if (fd && !h->pinned)
		list_remove(s, h);
	h->handle = NULL;
	h->pinned = false;
	return fd;
}

void hostfs_name_gone(struct vfs_inode *inode)
{
	struct hostfs_super *s = hostfs_of(inode);
	struct hostfs_inode *h = hostfs_inode(inode);
	struct hostfs_fd *fd = NULL;

	pthread_mutex_lock(&s->fd_lock);
	if (h->places && s->options.exclusive)
		fd = detach(s, h);
	pthread_mutex_unlock(&s->fd_lock);
	hostfs_fd_unref(fd);
}

bool hostfs_drop_oldest(struct hostfs_super *s)
{
	struct hostfs_fd *fd = NULL;

	pthread_mutex_lock(&s->fd_lock);
	if (s->oldest)
		fd = detach(s, s->oldest);
	pthread_mutex_unlock(&s->fd_lock);
	hostfs_fd_unref(fd);
	return fd;
}

static void shrink(struct hostfs_super *s)
{
	struct hostfs_fd *fd;

	do {
		fd = NULL;
		pthread_mutex_lock(&s->fd_lock);
		if (s->cached > s->options.maxfds)
			fd = detach(s, s->oldest);
		pthread_mutex_unlock(&s->fd_lock);
		hostfs_fd_unref(fd);
	} while (fd);
}

void hostfs_update_pin(struct hostfs_super *s, struct hostfs_inode *h)
{
	/* of a name that others changed, one that is walked is told of */
	bool pinned = !h->places && (h->gone || h->nameless || h->is_root ||
				     s->options.exclusive);

	if (!h->handle || pinned == h->pinned)
		return;
	h->pinned = pinned;
	if (pinned)
		list_remove(s, h);
	else
		list_add(s, h);
}

/* h's handle becomes fd, whose reference passes; the old one's comes back.
 * fd_lock is held. */
static struct hostfs_fd *attach(struct hostfs_super *s, struct hostfs_inode *h,
				struct hostfs_fd *fd)
{
	struct hostfs_fd *old = detach(s, h);

	h->handle = fd;
	list_add(s, h);
	hostfs_update_pin(s, h);
	return old;
}

void hostfs_keep_handle(struct vfs_inode *inode, struct hostfs_fd *fd)
{
	struct hostfs_super *s = hostfs_of(inode);
	struct hostfs_fd *old;

	pthread_mutex_lock(&s->fd_lock);
	old = attach(s, hostfs_inode(inode), fd);
	pthread_mutex_unlock(&s->fd_lock);
	hostfs_fd_unref(old);
	shrink(s);
}

void hostfs_offer_handle(struct vfs_inode *inode, struct hostfs_fd *fd)
{
	struct hostfs_super *s = hostfs_of(inode);
	struct hostfs_inode *h = hostfs_inode(inode);

	pthread_mutex_lock(&s->fd_lock);
	if (!h->handle)
		fd = attach(s, h, fd);
	pthread_mutex_unlock(&s->fd_lock);
	hostfs_fd_unref(fd);
	shrink(s);
}

struct hostfs_fd *hostfs_take_made(struct vfs_inode *inode)
{
	struct hostfs_super *s = hostfs_of(inode);
	struct hostfs_inode *h = hostfs_inode(inode);
	struct hostfs_fd *fd = NULL;

	pthread_mutex_lock(&s->fd_lock);
	if (h->handle && h->handle->made) {
		fd = detach(s, h);
		fd->made = false;
	}
	pthread_mutex_unlock(&s->fd_lock);
	return fd;
}

void hostfs_add_opened(struct vfs_inode *inode, struct hostfs_fd *fd)
{
	struct hostfs_super *s = hostfs_of(inode);
	struct hostfs_inode *h = hostfs_inode(inode);

	pthread_mutex_lock(&s->fd_lock);
	fd->next = h->opened;
	VFS_WRITE_ONCE(h->opened, fd);
	pthread_mutex_unlock(&s->fd_lock);
}

void hostfs_remove_opened(struct vfs_inode *inode, struct hostfs_fd *fd)
{
	struct hostfs_super *s = hostfs_of(inode);
	struct hostfs_inode *h = hostfs_inode(inode);
	struct hostfs_fd **link = &h->opened;

	pthread_mutex_lock(&s->fd_lock);
	while (*link != fd)
		link = &(*link)->next;
	VFS_WRITE_ONCE(*link, fd->next);
	/* whoever has the file without having it open comes by this one */
	if (!h->opened && !h->handle && !h->places)
		fd = attach(s, h, fd);
	pthread_mutex_unlock(&s->fd_lock);
	hostfs_fd_unref(fd);
}

bool hostfs_is_opened(struct vfs_inode *inode)
{
	return VFS_READ_ONCE(hostfs_inode(inode)->opened);
}

void hostfs_drop_handles(struct vfs_inode *inode)
{
	struct hostfs_super *s = hostfs_of(inode);
	struct hostfs_inode *h = hostfs_inode(inode);
	struct hostfs_place *places;
	struct hostfs_fd *fd;

	pthread_mutex_lock(&s->fd_lock);
	fd = detach(s, h);
	places = h->places;
	h->places = NULL;
	pthread_mutex_unlock(&s->fd_lock);
	hostfs_fd_unref(fd);
	hostfs_places_free(s, places);
}

/* ---- opening through places ---- */

/* A chain of places, as a path from `base`. */
struct route {
	struct hostfs_fd *base; /* referenced */
	char *path;
	size_t size;			  /* of the allocation */
	const struct hostfs_place *first; /* where the inode is, to compare */
};

static struct hostfs_inode *above(const struct hostfs_inode *h)
{
	return h->places ? hostfs_inode(h->places->parent) : NULL;
}

/* h's nearest ancestor that is open, and the length of the path from there.
 * fd_lock is held. NULL: there is none. */
static struct hostfs_inode *find_base(struct hostfs_inode *h, size_t *size)
{
	*size = 0;
	while (h && !h->handle) {
		*size += h->places ? (size_t)h->places->len + 1 : 0;
		h = above(h);
	}
	return h;
}

/* Copies the chain from h up to base, backwards. fd_lock is held. */
static void write_path(const struct hostfs_inode *h,
		       const struct hostfs_inode *base, char *path, size_t size)
{
	char *at = path + size;

	for (; h != base; h = above(h)) {
		*--at = '\0';
		if (at + 1 != path + size)
			*at = '/';
		at -= h->places->len;
		memcpy(at, h->places->name, h->places->len);
	}
}

/* 0; -ESTALE: inode has no place; -ENOMEM. An inode that is open has a path of
 * no bytes. */
static int plan_route(struct hostfs_super *s, struct hostfs_inode *h,
		      struct route *r)
{
	struct hostfs_inode *base;
	size_t size = 0;

	r->path = NULL;
	r->size = 0;
	for (;;) {
		pthread_mutex_lock(&s->fd_lock);
		base = find_base(h, &size);
		if (!base || size <= r->size)
			break;
		pthread_mutex_unlock(&s->fd_lock);
		vfs_free(s->vfs, r->path, r->size);
		r->size = size;
		r->path = vfs_alloc(s->vfs, size);
		if (!r->path)
			return -ENOMEM;
	}
	if (base) {
		r->base = hostfs_fd_ref(base->handle);
		r->first = h->places;
		if (!base->pinned && base != s->newest) {
			list_remove(s, base);
			list_add(s, base);
		}
		if (size)
			write_path(h, base, r->path, size);
		else if (r->size)
			r->path[0] = '\0';
	}
	pthread_mutex_unlock(&s->fd_lock);
	if (base)
		return 0;
	vfs_free(s->vfs, r->path, r->size);
	return -ESTALE;
}

/* Walks what does not fit one call: path[0..] from dir. A new descriptor. */
static int open_long(struct hostfs_super *s, int dir, char *path, int flags)
{
	int at = dir, fd;

	while (strlen(path) >= CALL_PATH) {
		char *cut = path + CALL_PATH - 1;

		while (*cut != '/')
			cut--;
		*cut = '\0';
		fd = hostfs_openat2(s, at, path, O_PATH | O_DIRECTORY, 0);
		if (at != dir)
			hostfs_close(s->vfs, at);
		if (fd < 0)
			return fd;
		at = fd;
		path = cut + 1;
	}
	fd = hostfs_openat2(s, at, path, (uint64_t)flags, 0);
	if (at != dir)
		hostfs_close(s->vfs, at);
	return fd;
}

/* Opens inode along r and compares. */
static int open_route(struct vfs_inode *inode, const struct route *r,
		      struct hostfs_fd **out)
{
	struct hostfs_super *s = hostfs_of(inode);
	bool dir = S_ISDIR(hostfs_inode(inode)->id.type);
	struct hostfs_facts facts;
	int err;
	int fd = open_long(s, r->base->fd, r->path,
			   O_PATH | O_NOFOLLOW | (dir ? O_DIRECTORY : 0));

	if (fd < 0)
		return fd == -ENOENT || fd == -ENOTDIR || fd == -ELOOP ||
				       fd == -EXDEV
			       ? -ESTALE
			       : fd;
	err = hostfs_look_fd(s, fd, &facts);
	if (!err && !hostfs_same(&facts.id, &hostfs_inode(inode)->id))
		err = -ESTALE;
	if (err) {
		hostfs_close(s->vfs, fd);
		return err;
	}
	*out = hostfs_fd_wrap(s, fd, O_PATH);
	return *out ? 0 : -ENOMEM;
}

/* Another place may lead there: this one is of something else by now, or below
 * a directory that the process may not search. */
static bool has_another_way(int err)
{
	return err == -ESTALE || err == -EACCES;
}

/* The first place does not lead there: the others' turn. */
static void pass_place(struct hostfs_super *s, struct hostfs_inode *h,
		       const struct hostfs_place *first)
{
	struct hostfs_place **link = &h->places, *passed;

	pthread_mutex_lock(&s->fd_lock);
	passed = h->places;
	if (passed && passed == first && passed->next) {
		h->places = passed->next;
		while (*link)
			link = &(*link)->next;
		passed->next = NULL;
		*link = passed;
	}
	pthread_mutex_unlock(&s->fd_lock);
}

static unsigned count_places(struct hostfs_super *s,
			     const struct hostfs_inode *h)
{
	const struct hostfs_place *place;
	unsigned count = 0;

	pthread_mutex_lock(&s->fd_lock);
	for (place = h->places; place; place = place->next)
		count++;
	pthread_mutex_unlock(&s->fd_lock);
	return count;
}

/* Where others change names each look at one is compared with what it was, and
 * that is done by name. */
static void expect_more(struct vfs_inode *inode)
{
	struct hostfs_super *s = hostfs_of(inode);
	struct hostfs_inode *h = hostfs_inode(inode);

	if (!s->options.exclusive)
		return;
	pthread_mutex_lock(&s->fd_lock);
	if (h->places)
		VFS_WRITE_ONCE(hostfs_inode(h->places->parent)->open_found,
			       true);
	pthread_mutex_unlock(&s->fd_lock);
}

static int try_handle(struct vfs_inode *inode, struct hostfs_fd **out)
{
	struct hostfs_super *s = hostfs_of(inode);
	struct route r;
	int err = plan_route(s, hostfs_inode(inode), &r);

	if (err)
		return err;
	if (!r.path || !r.path[0]) {
		*out = r.base;
	} else {
		err = open_route(inode, &r, out);
		if (!err) {
			hostfs_keep_handle(inode, hostfs_fd_ref(*out));
			expect_more(inode);
		}
		hostfs_fd_unref(r.base);
	}
	vfs_free(s->vfs, r.path, r.size);
	if (has_another_way(err))
		pass_place(s, hostfs_inode(inode), r.first);
	return err;
}

/* Every place of inode's, and a few times more for chains that change. */
static int try_places(struct vfs_inode *inode, struct hostfs_fd **out)
{
	int err = try_handle(inode, out);
	unsigned tries;

	if (!has_another_way(err))
		return err;
	tries = TRIES + count_places(hostfs_of(inode), hostfs_inode(inode));
	while (has_another_way(err) && --tries)
		err = try_handle(inode, out);
	return err;
}

/* A descriptor of an open file, whichever. */
static struct hostfs_fd *any_opened(struct vfs_inode *inode, bool write,
				    bool any)
{
	struct hostfs_super *s = hostfs_of(inode);
	struct hostfs_fd *fd;

	pthread_mutex_lock(&s->fd_lock);
	fd = hostfs_inode(inode)->opened;
	while (fd && !any && fd->access == (write ? O_RDONLY : O_WRONLY))
		fd = fd->next;
	if (fd)
		hostfs_fd_ref(fd);
	pthread_mutex_unlock(&s->fd_lock);
	return fd;
}

int hostfs_handle(struct vfs_inode *inode, struct hostfs_fd **out)
{
	struct hostfs_fd *fd = NULL;

	/* one that is open leads to the file wherever it is */
	if (VFS_READ_ONCE(hostfs_inode(inode)->opened))
		fd = any_opened(inode, false, true);
	if (!fd)
		return try_places(inode, out);
	*out = fd;
	return 0;
}

int hostfs_real(struct vfs_inode *inode, bool write, struct hostfs_fd **out)
{
	struct hostfs_super *s = hostfs_of(inode);
	struct hostfs_fd *handle, *fd;
	int err, opened;

	fd = any_opened(inode, write, false);
	if (fd) {
		*out = fd;
		return 0;
	}
	/* nothing else is ever opened */
	if (!S_ISREG(hostfs_inode(inode)->id.type) &&
	    !S_ISDIR(hostfs_inode(inode)->id.type))
		return -EOPNOTSUPP;
	err = hostfs_handle(inode, &handle);
	if (err)
		return err;
	opened = hostfs_reopen(s, handle->fd,
			       (write ? O_WRONLY : O_RDONLY) | O_NONBLOCK);
	hostfs_fd_unref(handle);
	if (opened < 0)
		return opened;
	*out = hostfs_fd_wrap(s, opened, write ? O_WRONLY : O_RDONLY);
	return *out ? 0 : -ENOMEM;
}
