/* SPDX-License-Identifier: MIT */
/* Numbers taken in runs: each thread draws from a run of its own, and only
 * fetches the next run from the shared word. */
#ifndef VFS__RUN_H
#define VFS__RUN_H

#include "util/domain.h"

/* - A number never given before under key (not 0), from *next on. */
uint64_t vfs__run_next(struct vfs__thread *thread, uint64_t key,
		       uint64_t *next);

#endif
