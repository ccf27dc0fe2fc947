/* SPDX-License-Identifier: MIT */
/*
 * Places: a directory and a name there, by which an inode can be opened again.
 * Contract: hostfs.h.
 *
 * A file has as many as it was found by, for any of its names may go, and with
 * names that others change an old one says nothing. A directory has one, as it
 * has one inode for each place. A place has a reference on its directory's
 * inode; they are given back one after the other, however deep the tree is.
 */
#include <errno.h>
#include <string.h>

#include "hostfs.h"

/* How many of a file's are remembered: of names that come and go, and of those
 * that do not. */
#define VOLATILE_MAX 16u
#define EXCLUSIVE_MAX 1024u

struct hostfs_place *hostfs_place_new(struct vfs_inode *parent,
				      const struct vfs_name *name)
{
	struct hostfs_place *place =
		vfs_alloc(parent->super->vfs, sizeof(*place) + name->len + 1);

	if (!place)
		return NULL;
	place->next = NULL;
	place->parent = vfs_inode_ref(parent);
	place->len = name->len;
	memcpy(place->name, name->str, name->len);
	place->name[name->len] = '\0';
	return place;
}

/* The last references on directories may go, which then come back here. */
static void free_list(struct hostfs_super *s, struct hostfs_place *list)
{
	while (list) {
		struct hostfs_place *place = list;
		struct vfs_inode *parent = place->parent;

		list = place->next;
		vfs_free(s->vfs, place, sizeof(*place) + place->len + 1);
		vfs_inode_unref(parent);
	}
}

/* This thread's, if it is giving back places. fd_lock is held. */
static struct hostfs_release *own_release(struct hostfs_super *s)
{
	struct hostfs_release *r = s->releases;

	while (r && !pthread_equal(r->thread, pthread_self()))
		r = r->next;
	return r;
}

/* Takes what waits in r; r ends when that is nothing. */
static struct hostfs_place *next_waiting(struct hostfs_super *s,
					 struct hostfs_release *r)
{
	struct hostfs_release **link = &s->releases;
	struct hostfs_place *list;

	pthread_mutex_lock(&s->fd_lock);
	list = r->waiting;
	r->waiting = NULL;
	if (!list) {
		while (*link != r)
			link = &(*link)->next;
		*link = r->next;
	}
	pthread_mutex_unlock(&s->fd_lock);
	return list;
}

void hostfs_places_free(struct hostfs_super *s, struct hostfs_place *list)
{
	struct hostfs_release r = {.thread = pthread_self()}, *outer;
	struct hostfs_place **end = &list;

	if (!list)
		return;
	while (*end)
		end = &(*end)->next;
	pthread_mutex_lock(&s->fd_lock);
	outer = own_release(s);
	if (outer) {
		*end = outer->waiting;
		outer->waiting = list;
	} else {
		r.next = s->releases;
		s->releases = &r;
	}
	pthread_mutex_unlock(&s->fd_lock);
	if (outer)
		return;
	do
		free_list(s, list);
	while ((list = next_waiting(s, &r)));
}

static bool is_there(const struct hostfs_place *place,
		     const struct vfs_inode *parent, const char *name,
		     uint32_t len)
{
	return place->parent == parent && place->len == len &&
	       !memcmp(place->name, name, len);
}

/* Where the pointer to that place is, or to none. fd_lock is held. */
static struct hostfs_place **find(struct hostfs_inode *h,
				  const struct vfs_inode *parent,
				  const char *name, uint32_t len)
{
	struct hostfs_place **link = &h->places;

	while (*link && !is_there(*link, parent, name, len))
		link = &(*link)->next;
	return link;
}

static struct hostfs_place *take(struct hostfs_place **link)
{
	struct hostfs_place *place = *link;

	if (place) {
		*link = place->next;
		place->next = NULL;
	}
	return place;
}

/* Cuts off what is more than is remembered. fd_lock is held. */
static struct hostfs_place *cut(struct hostfs_super *s, struct vfs_inode *inode)
{
	struct hostfs_place **link = &hostfs_inode(inode)->places, *rest;
	unsigned max = s->options.exclusive ? EXCLUSIVE_MAX : VOLATILE_MAX;

	if (S_ISDIR(hostfs_mode(inode)))
		max = 1;
	for (unsigned i = 0; *link && i < max; i++)
		link = &(*link)->next;
	rest = *link;
	*link = NULL;
	return rest;
}

/* fd_lock is held. What it takes the place of is to be freed. */
static void add(struct hostfs_super *s, struct vfs_inode *inode,
		struct hostfs_place *place, struct hostfs_place *old[2])
{
	struct hostfs_inode *h = hostfs_inode(inode);

	old[0] = take(find(h, place->parent, place->name, place->len));
	place->next = h->places;
	h->places = place;
	old[1] = cut(s, inode);
	VFS_WRITE_ONCE(h->gone, false);
	hostfs_update_pin(s, h);
}

void hostfs_add_place(struct vfs_inode *inode, struct hostfs_place *place)
{
	struct hostfs_super *s = hostfs_of(inode);
	struct hostfs_place *old[2];

	pthread_mutex_lock(&s->fd_lock);
	add(s, inode, place, old);
	pthread_mutex_unlock(&s->fd_lock);
	hostfs_places_free(s, old[0]);
	hostfs_places_free(s, old[1]);
}

/* Whether it is known, which it is first then. */
static bool is_known(struct vfs_inode *inode, const struct vfs_inode *parent,
		     const struct vfs_name *name)
{
	struct hostfs_super *s = hostfs_of(inode);
	struct hostfs_inode *h = hostfs_inode(inode);
	struct hostfs_place *place;

	pthread_mutex_lock(&s->fd_lock);
	place = h->places;
	/* a directory's does not change but by a rename of ours */
	if (place && !S_ISDIR(hostfs_mode(inode)) &&
	    !is_there(place, parent, name->str, name->len)) {
		place = take(find(h, parent, name->str, name->len));
		if (place) {
			place->next = h->places;
			h->places = place;
		}
	}
	pthread_mutex_unlock(&s->fd_lock);
	return place;
}

int hostfs_offer_place(struct vfs_inode *inode, struct vfs_inode *parent,
		       const struct vfs_name *name)
{
	struct hostfs_place *place;

	if (is_known(inode, parent, name))
		return 0;
	place = hostfs_place_new(parent, name);
	if (!place)
		return -ENOMEM;
	hostfs_add_place(inode, place);
	return 0;
}

uint32_t hostfs_cleared(const struct vfs_inode *inode)
{
	return __atomic_load_n(&hostfs_inode(inode)->cleared, __ATOMIC_ACQUIRE);
}

int hostfs_confirm_place(struct vfs_inode *inode, struct vfs_inode *parent,
			 const struct vfs_name *name, uint32_t cleared)
{
	struct hostfs_super *s = hostfs_of(inode);
	struct hostfs_place *place, *old[2] = {NULL, NULL};
	bool stale;

	if (is_known(inode, parent, name))
		return 0;
	place = hostfs_place_new(parent, name);
	if (!place)
		return -ENOMEM;
	pthread_mutex_lock(&s->fd_lock);
	stale = hostfs_inode(inode)->cleared != cleared;
	if (stale)
		old[0] = place;
	else
		add(s, inode, place, old);
	pthread_mutex_unlock(&s->fd_lock);
	hostfs_places_free(s, old[0]);
	hostfs_places_free(s, old[1]);
	return stale ? -EAGAIN : 0;
}

void hostfs_clear_place(struct vfs_inode *inode, struct vfs_inode *parent,
			const struct vfs_name *name, bool gone)
{
	struct hostfs_super *s = hostfs_of(inode);
	struct hostfs_inode *h = hostfs_inode(inode);
	struct hostfs_place *place, *rest = NULL;

	pthread_mutex_lock(&s->fd_lock);
	place = take(find(h, parent, name->str, name->len));
	__atomic_store_n(&h->cleared, h->cleared + 1, __ATOMIC_RELEASE);
	if (gone) {
		rest = h->places;
		h->places = NULL;
		VFS_WRITE_ONCE(h->gone, true);
	}
	hostfs_update_pin(s, h);
	pthread_mutex_unlock(&s->fd_lock);
	hostfs_places_free(s, place);
	hostfs_places_free(s, rest);
}
