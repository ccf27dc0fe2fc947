/* SPDX-License-Identifier: MIT */
#include "support/alloc.h"

#include <stdlib.h>
#include <string.h>

#define MAGIC UINT64_C(0x7e57b10cfeedface)

/* Stands right before each block. */
struct header {
	uint64_t magic;
	void *base; /* what malloc gave */
	size_t size;
	size_t align;
};

static uint64_t load(const uint64_t *counter)
{
	return __atomic_load_n(counter, __ATOMIC_RELAXED);
}

static void *test_alloc_get(void *context, size_t size, size_t align)
{
	struct test_alloc *a = context;
	bool paused = __atomic_load_n(&a->paused, __ATOMIC_RELAXED);
	uint64_t call =
		__atomic_add_fetch(&a->calls, !paused, __ATOMIC_RELAXED);
	uint64_t fail_at = load(&a->fail_at);

	if (!paused && call == load(&a->visit_at))
		a->visit(a->argument);
	if (!paused && fail_at && call >= fail_at &&
	    call - fail_at < load(&a->fail_count)) {
		__atomic_add_fetch(&a->failed, 1, __ATOMIC_RELAXED);
		return NULL;
	}
	if (align < sizeof(void *))
		align = sizeof(void *);
	char *base = malloc(size + align + sizeof(struct header));

	if (!base)
		return NULL;
	uintptr_t at = (uintptr_t)base + sizeof(struct header);

	at = (at + align - 1) & ~(uintptr_t)(align - 1);
	char *block = base + (at - (uintptr_t)base);
	struct header header = {
		.magic = MAGIC, .base = base, .size = size, .align = align};

	memcpy(block - sizeof(header), &header, sizeof(header));
	__atomic_add_fetch(&a->live_blocks, 1, __ATOMIC_RELAXED);
	__atomic_add_fetch(&a->live_bytes, (int64_t)size, __ATOMIC_RELAXED);
	return block;
}

static void test_alloc_put(void *context, void *pointer, size_t size,
			   size_t align)
{
	struct test_alloc *a = context;
	struct header header;

	if (!pointer)
		return;
	if (align < sizeof(void *))
		align = sizeof(void *);
	memcpy(&header, (char *)pointer - sizeof(header), sizeof(header));
	if (header.magic != MAGIC)
		abort();
	if (header.size != size || header.align != align)
		__atomic_add_fetch(&a->mismatches, 1, __ATOMIC_RELAXED);
	__atomic_sub_fetch(&a->live_blocks, 1, __ATOMIC_RELAXED);
	__atomic_sub_fetch(&a->live_bytes, (int64_t)header.size,
			   __ATOMIC_RELAXED);
	memset((char *)pointer - sizeof(header), 0xdd, sizeof(header));
	free(header.base);
}

void test_alloc_init(struct test_alloc *a)
{
	*a = (struct test_alloc){.hooks = {.alloc = test_alloc_get,
					   .free = test_alloc_put,
					   .context = a}};
}

void test_alloc_fail(struct test_alloc *a, uint64_t nth, uint64_t count)
{
	__atomic_store_n(&a->failed, 0, __ATOMIC_RELAXED);
	__atomic_store_n(&a->fail_count, count, __ATOMIC_RELAXED);
	__atomic_store_n(&a->fail_at, load(&a->calls) + nth, __ATOMIC_RELAXED);
}

uint64_t test_alloc_heal(struct test_alloc *a)
{
	__atomic_store_n(&a->fail_at, 0, __ATOMIC_RELAXED);
	return load(&a->failed);
}

void test_alloc_visit(struct test_alloc *a, uint64_t nth,
		      void (*visit)(void *argument), void *argument)
{
	a->visit = visit;
	a->argument = argument;
	__atomic_store_n(&a->visit_at, load(&a->calls) + nth, __ATOMIC_RELAXED);
}

bool test_alloc_pause(struct test_alloc *a, bool paused)
{
	return __atomic_exchange_n(&a->paused, paused, __ATOMIC_RELAXED);
}

bool test_alloc_balanced(const struct test_alloc *a)
{
	return __atomic_load_n(&a->live_blocks, __ATOMIC_RELAXED) == 0 &&
	       __atomic_load_n(&a->live_bytes, __ATOMIC_RELAXED) == 0 &&
	       load(&a->mismatches) == 0;
}
