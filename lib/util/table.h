/* SPDX-License-Identifier: MIT */
/*
 * A small table from strings to pointers, for what is looked up rarely. The
 * only user of uthash is table.c. The caller locks.
 */
#ifndef VFS__TABLE_H
#define VFS__TABLE_H

#include <stdint.h>

struct vfs__domain;
struct vfs__table_entry;

struct vfs__table {
	struct vfs__domain *domain;
	uint64_t seed[2];
	struct vfs__table_entry *entries;
};

void vfs__table_init(struct vfs__table *table, struct vfs__domain *domain,
		     const uint64_t seed[2]);
void vfs__table_fini(struct vfs__table *table);
/* - NULL: no such key. */
void *vfs__table_find(struct vfs__table *table, const char *key);
/* - key is copied. 0, -EEXIST, -ENOMEM. */
int vfs__table_add(struct vfs__table *table, const char *key, void *value);
/* - The value that was there, or NULL. */
void *vfs__table_remove(struct vfs__table *table, const char *key);
/* - Calls fn in the order of adding until it returns other than 0, which is
 *   then returned; 0 otherwise. fn leaves the table alone. */
int vfs__table_foreach(const struct vfs__table *table,
		       int (*fn)(void *context, const char *key, void *value),
		       void *context);

#endif
