/* SPDX-License-Identifier: MIT */
/* Memory that goes at once. Contract: bundle.h. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "bundle.h"

#define CHUNK 4096u
#define ALIGN 16u

struct bundle_chunk {
	struct bundle_chunk *next;
	size_t size; /* all of it */
	size_t used;
	size_t zero; /* so that what follows is aligned */
};

static void *take(struct bundle_chunk *chunk, size_t size)
{
	char *at = (char *)chunk + chunk->used;

	chunk->used += size;
	memset(at, 0, size);
	return at;
}

void *bundle_alloc(struct bundle_arena *arena, size_t size)
{
	struct bundle_chunk *chunk = arena->chunks;
	size_t whole;

	if (size > SIZE_MAX / 2)
		return NULL;
	size = (size + ALIGN - 1) & ~(size_t)(ALIGN - 1);
	if (chunk && chunk->size - chunk->used >= size)
		return take(chunk, size);
	whole = size + sizeof(*chunk);
	if (whole < CHUNK)
		whole = CHUNK;
	chunk = vfs_alloc(arena->vfs, whole);
	if (!chunk)
		return NULL;
	chunk->next = arena->chunks;
	chunk->size = whole;
	chunk->used = sizeof(*chunk);
	arena->chunks = chunk;
	return take(chunk, size);
}

void *bundle_array(struct bundle_arena *arena, uint64_t count, size_t size)
{
	if (count > SIZE_MAX / 2 / size)
		return NULL;
	return bundle_alloc(arena, (size_t)count * size);
}

char *bundle_copy(struct bundle_arena *arena, const char *text, size_t len)
{
	char *copy = bundle_alloc(arena, len + 1);

	if (copy)
		memcpy(copy, text, len);
	return copy;
}

char *bundle_printf(struct bundle_arena *arena, const char *format, ...)
{
	va_list args;
	char *text;
	int len;

	va_start(args, format);
	len = vsnprintf(NULL, 0, format, args);
	va_end(args);
	text = len < 0 ? NULL : bundle_alloc(arena, (size_t)len + 1);
	if (text) {
		va_start(args, format);
		vsnprintf(text, (size_t)len + 1, format, args);
		va_end(args);
	}
	return text;
}

void bundle_arena_fini(struct bundle_arena *arena)
{
	struct bundle_chunk *chunk, *next;

	for (chunk = arena->chunks; chunk; chunk = next) {
		next = chunk->next;
		vfs_free(arena->vfs, chunk, chunk->size);
	}
	arena->chunks = NULL;
}
