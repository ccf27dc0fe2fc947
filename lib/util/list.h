/* SPDX-License-Identifier: MIT */
/* Circular doubly linked lists; whoever owns the head says what protects it. */
#ifndef VFS__LIST_H
#define VFS__LIST_H

#include <stdbool.h>
#include <stddef.h>

struct vfs__list {
	struct vfs__list *next, *prev;
};

static inline void vfs__list_init(struct vfs__list *list)
{
	list->next = list->prev = list;
}

static inline bool vfs__list_empty(const struct vfs__list *list)
{
	return list->next == list;
}

/* At the end of list. */
static inline void vfs__list_add(struct vfs__list *list, struct vfs__list *item)
{
	item->next = list;
	item->prev = list->prev;
	list->prev->next = item;
	list->prev = item;
}

/* Takes item out of whatever list it is in, if any. */
static inline void vfs__list_del(struct vfs__list *item)
{
	item->next->prev = item->prev;
	item->prev->next = item->next;
	vfs__list_init(item);
}

/* Everything that from has goes to the end of to. */
static inline void vfs__list_splice(struct vfs__list *to,
				    struct vfs__list *from)
{
	if (vfs__list_empty(from))
		return;
	from->next->prev = to->prev;
	to->prev->next = from->next;
	from->prev->next = to;
	to->prev = from->prev;
	vfs__list_init(from);
}

#define VFS__LIST_ENTRY(item, type, member) \
	((type *)(void *)((char *)(item)-offsetof(type, member)))
#define VFS__LIST_FIRST(list, type, member) \
	VFS__LIST_ENTRY((list)->next, type, member)
#define VFS__LIST_EACH(at, list) \
	for (struct vfs__list *at = (list)->next; at != (list); at = at->next)
/* The body may take `at` out. */
#define VFS__LIST_EACH_SAFE(at, after, list)                         \
	for (struct vfs__list *at = (list)->next, *after = at->next; \
	     at != (list); at = after, after = at->next)

#endif
