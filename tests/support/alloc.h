/* SPDX-License-Identifier: MIT */
/*
 * An allocator for tests: it counts, it checks that every block is given back
 * with the size and alignment it was asked for with, and it can fail the nth
 * allocation. Any thread may use it.
 */
#ifndef TEST_ALLOC_H
#define TEST_ALLOC_H

#include <stdbool.h>
#include <stdint.h>

#include <vfs/instance.h>

struct test_alloc {
	struct vfs_allocator hooks; /* what an instance is given */
	/* all atomic */
	uint64_t calls;	     /* allocations asked for so far */
	uint64_t fail_at;    /* the call that fails; 0: none */
	uint64_t fail_count; /* how many calls from there on fail */
	bool paused;	     /* neither counted nor made to fail */
	uint64_t failed;     /* allocations that were made to fail */
	uint64_t visit_at; /* the call before which visit is called; 0: none */
	int64_t live_blocks;
	int64_t live_bytes;
	uint64_t mismatches; /* blocks freed with another size or alignment */
	/* not atomic: */
	void (*visit)(void *argument);
	void *argument;
};

void test_alloc_init(struct test_alloc *a);
/* From the next allocation on the nth fails, and count - 1 more behind it. */
void test_alloc_fail(struct test_alloc *a, uint64_t nth, uint64_t count);
/* No more failures. Returns how many there were since test_alloc_fail. */
uint64_t test_alloc_heal(struct test_alloc *a);
/* Before the nth allocation from here on visit is called, by whoever makes it:
 * for what another thread does in between, and the visitor waits for. */
void test_alloc_visit(struct test_alloc *a, uint64_t nth,
		      void (*visit)(void *argument), void *argument);
/* While paused, allocations are neither counted nor made to fail. Returns what
 * was. */
bool test_alloc_pause(struct test_alloc *a, bool paused);
/* Nothing is live and nothing was freed wrongly. */
bool test_alloc_balanced(const struct test_alloc *a);

#endif
