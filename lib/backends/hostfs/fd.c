/* SPDX-License-Identifier: MIT */
/*
 * Host descriptors: counted, cached at inodes up to a limit, opened again
 * through places. Contract: hostfs.h.
 *
 * An inode's place is a directory and a name there. A chain of places leads to
 * the root, whose handle is never dropped. To open an inode the chain is copied
 * up to the first one that is open, and walked by the host in one call (or in
 * several, where it is longer than a path may be). What it leads to is compared
 * with what the inode is, because the names may mean something else by now.
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

struct hostfs_fd *hostfs_fd_ref(struct hostfs_fd *fd)
{
	__atomic_fetch_add(&fd->ref, 1, __ATOMIC_RELAXED);
	return fd;
}

void hostfs_fd_unref(struct hostfs_fd *fd)
{
	if (!fd || __atomic_sub_fetch(&fd->ref, 1, __ATOMIC_ACQ_REL))
		return;
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
	while (VFS_READ_ONCE(s->cached) > s->options.maxfds)
		if (!hostfs_drop_oldest(s))
			break;
}

void hostfs_keep_handle(struct vfs_inode *inode, struct hostfs_fd *fd,
			bool pinned)
{
	struct hostfs_super *s = hostfs_of(inode);
	struct hostfs_inode *h = hostfs_inode(inode);
	struct hostfs_fd *old;

	pthread_mutex_lock(&s->fd_lock);
	old = detach(s, h);
	h->handle = fd;
	h->pinned = pinned;
	if (!pinned)
		list_add(s, h);
	pthread_mutex_unlock(&s->fd_lock);
	hostfs_fd_unref(old);
	shrink(s);
}

void hostfs_add_opened(struct vfs_inode *inode, struct hostfs_fd *fd)
{
	struct hostfs_super *s = hostfs_of(inode);
	struct hostfs_inode *h = hostfs_inode(inode);

	pthread_mutex_lock(&s->fd_lock);
	fd->next = h->opened;
	h->opened = fd;
	pthread_mutex_unlock(&s->fd_lock);
}

void hostfs_remove_opened(struct vfs_inode *inode, struct hostfs_fd *fd)
{
	struct hostfs_super *s = hostfs_of(inode);
	struct hostfs_fd **link = &hostfs_inode(inode)->opened;

	pthread_mutex_lock(&s->fd_lock);
	while (*link != fd)
		link = &(*link)->next;
	*link = fd->next;
	pthread_mutex_unlock(&s->fd_lock);
}

bool hostfs_is_opened(struct vfs_inode *inode)
{
	return VFS_READ_ONCE(hostfs_inode(inode)->opened);
}

/* ---- places ---- */

static void place_drop(struct hostfs_inode *h, struct vfs_inode **parent,
		       char **name, uint32_t *len)
{
	*parent = h->parent;
	*name = h->name;
	*len = h->name_len;
	h->parent = NULL;
	h->name = NULL;
	h->name_len = 0;
}

static void place_free(struct hostfs_super *s, struct vfs_inode *parent,
		       char *name, uint32_t len)
{
	if (!parent)
		return;
	vfs_free(s->vfs, name, (size_t)len + 1);
	vfs_inode_unref(parent);
}

static bool place_is(const struct hostfs_inode *h,
		     const struct vfs_inode *parent,
		     const struct vfs_name *name)
{
	return h->parent == parent && h->name_len == name->len &&
	       !memcmp(h->name, name->str, name->len);
}

static int set_place(struct vfs_inode *inode, struct vfs_inode *parent,
		     const struct vfs_name *name, bool replace)
{
	struct hostfs_super *s = hostfs_of(inode);
	struct hostfs_inode *h = hostfs_inode(inode);
	char *copy = vfs_alloc(s->vfs, (size_t)name->len + 1);
	struct vfs_inode *old = NULL;
	char *old_name = NULL;
	uint32_t old_len = 0;

	if (!copy)
		return -ENOMEM;
	memcpy(copy, name->str, name->len);
	copy[name->len] = '\0';
	pthread_mutex_lock(&s->fd_lock);
	if (!h->parent || replace) {
		place_drop(h, &old, &old_name, &old_len);
		h->parent = vfs_inode_ref(parent);
		h->name = copy;
		h->name_len = name->len;
		h->gone = false;
		copy = NULL;
		if (h->pinned) {
			h->pinned = false;
			list_add(s, h);
		}
	}
	pthread_mutex_unlock(&s->fd_lock);
	vfs_free(s->vfs, copy, (size_t)name->len + 1);
	place_free(s, old, old_name, old_len);
	return 0;
}

void hostfs_set_place(struct vfs_inode *inode, struct vfs_inode *parent,
		      const struct vfs_name *name)
{
	/* without, it is found by what it had before, or by a new look-up */
	(void)set_place(inode, parent, name, true);
}

int hostfs_offer_place(struct vfs_inode *inode, struct vfs_inode *parent,
		       const struct vfs_name *name)
{
	/* a directory of volatile names has one, or is just being made */
	if (VFS_LOAD_POINTER(hostfs_inode(inode)->parent) || inode == parent)
		return 0;
	return set_place(inode, parent, name, false);
}

void hostfs_clear_place(struct vfs_inode *inode, struct vfs_inode *parent,
			const struct vfs_name *name, bool gone)
{
	struct hostfs_super *s = hostfs_of(inode);
	struct hostfs_inode *h = hostfs_inode(inode);
	struct vfs_inode *old = NULL;
	char *old_name = NULL;
	uint32_t old_len = 0;

	pthread_mutex_lock(&s->fd_lock);
	if (place_is(h, parent, name))
		place_drop(h, &old, &old_name, &old_len);
	if (gone)
		h->gone = true;
	/* what cannot be opened again is not closed before its time */
	if (!h->parent && h->handle && !h->pinned) {
		list_remove(s, h);
		h->pinned = true;
	}
	pthread_mutex_unlock(&s->fd_lock);
	place_free(s, old, old_name, old_len);
}

void hostfs_drop_handles(struct vfs_inode *inode)
{
	struct hostfs_super *s = hostfs_of(inode);
	struct hostfs_inode *h = hostfs_inode(inode);
	struct vfs_inode *parent = NULL;
	struct hostfs_fd *fd;
	char *name = NULL;
	uint32_t len = 0;

	pthread_mutex_lock(&s->fd_lock);
	fd = detach(s, h);
	place_drop(h, &parent, &name, &len);
	pthread_mutex_unlock(&s->fd_lock);
	hostfs_fd_unref(fd);
	for (int i = 0; i < 2; i++) {
		hostfs_fd_unref(h->maps[i]);
		h->maps[i] = NULL;
	}
	place_free(s, parent, name, len);
}

/* ---- opening through places ---- */

/* A chain of places, as a path from `base`. */
struct route {
	struct hostfs_fd *base; /* referenced */
	char *path;
	size_t size; /* of the allocation, and the path's with its NUL */
};

/* h's nearest ancestor that is open, and the length of the path from there.
 * fd_lock is held. NULL: there is none. */
static struct hostfs_inode *find_base(struct hostfs_inode *h, size_t *size)
{
	*size = 0;
	while (h && !h->handle) {
		*size += (size_t)h->name_len + 1;
		h = h->parent ? hostfs_inode(h->parent) : NULL;
	}
	return h;
}

/* Copies the chain from h up to base, backwards. fd_lock is held. */
static void write_path(const struct hostfs_inode *h,
		       const struct hostfs_inode *base, char *path, size_t size)
{
	char *at = path + size;

	for (; h != base; h = hostfs_inode(h->parent)) {
		*--at = '\0';
		if (at + 1 != path + size)
			*at = '/';
		at -= h->name_len;
		memcpy(at, h->name, h->name_len);
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
		if (!err)
			hostfs_keep_handle(inode, hostfs_fd_ref(*out), false);
		hostfs_fd_unref(r.base);
	}
	vfs_free(s->vfs, r.path, r.size);
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
	int err = -ESTALE;

	/* one that is open leads to the file wherever it is */
	if (VFS_READ_ONCE(hostfs_inode(inode)->opened))
		fd = any_opened(inode, false, true);
	if (fd)
		err = 0;
	for (unsigned tries = 0; err == -ESTALE && tries < TRIES; tries++)
		err = try_handle(inode, &fd);
	if (!err)
		*out = fd;
	return err;
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
