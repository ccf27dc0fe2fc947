/* SPDX-License-Identifier: MIT */
/*
 * Threads that work on one instance at once, each part for STRESS_MS
 * milliseconds (default 1000), and checks that nothing is
 * lost, doubled or torn.
 */
#ifndef TEST_STRESS_H
#define TEST_STRESS_H

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <vfs/vfs.h>

#include "support/alloc.h"

#define STRESS_THREADS 4

struct stress {
	struct test_alloc alloc;
	struct vfs *vfs;
	struct vfs_task *task; /* shared by all threads */
	uint32_t stop;	       /* atomic */
	uint32_t problems;     /* atomic */
	uint64_t operations;   /* atomic */
	void *data;	       /* the test's */
};

struct stress_thread {
	struct stress *stress;
	uint32_t number;
	uint64_t random;
	struct vfs_task *task; /* its own */
};

typedef void stress_body(struct stress_thread *thread);

/* Runs prepare, the bodies on STRESS_THREADS threads (in turn over the
 * bodies), finish: on a fresh tmpfs, and on a fresh plainfs and a fresh overlay
 * with a tiny cache of names. 0 when all went well. */
int stress_run(const char *name, void (*prepare)(struct stress *stress),
	       stress_body *const *bodies, size_t body_count,
	       void (*finish)(struct stress *stress));

static inline bool stress_goes_on(struct stress_thread *thread)
{
	__atomic_add_fetch(&thread->stress->operations, 1, __ATOMIC_RELAXED);
	return !__atomic_load_n(&thread->stress->stop, __ATOMIC_RELAXED);
}

/* The same on an instance of this configuration, whose allocator is set. */
int stress_run_with(const struct vfs_config *config, const char *name,
		    void (*prepare)(struct stress *stress),
		    stress_body *const *bodies, size_t body_count,
		    void (*finish)(struct stress *stress));

uint32_t stress_random(struct stress_thread *thread, uint32_t below);

/* Records (and prints the first few) what must not be. */
#define STRESS(stress, condition)                                              \
	do {                                                                   \
		if (!(condition))                                              \
			stress_problem(stress, #condition, __FILE__, __LINE__, \
				       0);                                     \
	} while (0)
/* result is 0 or more, or one of the errnos that the race allows. */
#define STRESS_CALL(stress, call, ...)                                    \
	stress_result(stress, (int64_t)(call), #call, __FILE__, __LINE__, \
		      (const int[]){__VA_ARGS__, 0})
int64_t stress_result(struct stress *stress, int64_t result, const char *what,
		      const char *file, int line, const int *allowed);
void stress_problem(struct stress *stress, const char *what, const char *file,
		    int line, int64_t result);

/* How many entries, and -1 when one came twice. */
int stress_list(struct stress *stress, struct vfs_task *task, const char *path);

#endif
