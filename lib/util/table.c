/* SPDX-License-Identifier: MIT */
/* Contract: table.h. Memory comes from the domain, failure to find any is an
 * error, and the hash is seeded: uthash is told so below. */
#include "util/table.h"

#include <errno.h>
#include <string.h>

#include "util/domain.h"
#include "util/hash.h"

/* The table at work, for the macros below; each function names it so. */
#define uthash_malloc(size) vfs__domain_alloc(table->domain, (size), 16)
#define uthash_free(pointer, size) \
	vfs__domain_free(table->domain, (pointer), (size), 16)
#define HASH_NONFATAL_OOM 1
#define uthash_nonfatal_oom(entry) (failed = 1)
#define HASH_FUNCTION(key, length, hash) \
	((hash) = (unsigned)vfs__hash_bytes(table->seed, (key), (length)))
#include <uthash.h>

struct vfs__table_entry {
	UT_hash_handle hh;
	void *value;
	size_t size;
	char key[];
};

void vfs__table_init(struct vfs__table *table, struct vfs__domain *domain,
		     const uint64_t seed[2])
{
	table->domain = domain;
	memcpy(table->seed, seed, sizeof(table->seed));
	table->entries = NULL;
}

static struct vfs__table_entry *find(struct vfs__table *table, const char *key)
{
	struct vfs__table_entry *entry = NULL;

	HASH_FIND_STR(table->entries, key, entry);
	return entry;
}

void *vfs__table_find(struct vfs__table *table, const char *key)
{
	struct vfs__table_entry *entry = find(table, key);

	return entry ? entry->value : NULL;
}

int vfs__table_add(struct vfs__table *table, const char *key, void *value)
{
	struct vfs__table_entry *entry;
	size_t length = strlen(key);
	int failed = 0;

	if (find(table, key))
		return -EEXIST;
	entry = vfs__domain_alloc(table->domain, sizeof(*entry) + length + 1,
				  16);
	if (!entry)
		return -ENOMEM;
	memset(entry, 0, sizeof(*entry));
	entry->value = value;
	entry->size = sizeof(*entry) + length + 1;
	memcpy(entry->key, key, length + 1);
	HASH_ADD_KEYPTR(hh, table->entries, entry->key, length, entry);
	if (failed) {
		vfs__domain_free(table->domain, entry, entry->size, 16);
		return -ENOMEM;
	}
	return 0;
}

static void forget(struct vfs__table *table, struct vfs__table_entry *entry)
{
	HASH_DELETE(hh, table->entries, entry);
	vfs__domain_free(table->domain, entry, entry->size, 16);
}

void *vfs__table_remove(struct vfs__table *table, const char *key)
{
	struct vfs__table_entry *entry = find(table, key);
	void *value;

	if (!entry)
		return NULL;
	value = entry->value;
	forget(table, entry);
	return value;
}

int vfs__table_foreach(const struct vfs__table *table,
		       int (*fn)(void *context, const char *key, void *value),
		       void *context)
{
	const struct vfs__table_entry *entry = table->entries;
	int result = 0;

	for (; entry && !result; entry = entry->hh.next)
		result = fn(context, entry->key, entry->value);
	return result;
}

void vfs__table_fini(struct vfs__table *table)
{
	struct vfs__table_entry *entry, *next;

	for (entry = table->entries; entry; entry = next) {
		next = entry->hh.next;
		forget(table, entry);
	}
}
