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

#endif
