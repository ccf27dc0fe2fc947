/* SPDX-License-Identifier: MIT */
/*
 * A removed FIFO, socket, device or directory of a lower layer gets its name
 * again when the kernel's overlay changes it by a descriptor
 * (overlay-removed-special in docs/deviations.md). Whoever looked in between
 * has made the kernel remember what was there, so that it does not show what it
 * has done until it mounts anew.
 */
#ifndef EXCHANGE_REMOVED_H
#define EXCHANGE_REMOVED_H

#include <limits.h>
#include <sys/types.h>

#include "exchange.h"

struct removed {
	char path[PATH_MAX]; /* below the upper directory; or "" */
	mode_t type;
	ino_t there; /* what is in that place; 0: nothing */
};

/* The file that the stage's call is about to change, if that is such a one. */
void removed_find(const struct stage *stage, const struct side *side,
		  struct removed *removed);
/* Whether the call has put it there again. */
bool removed_is_back(const struct stage *stage, const struct removed *removed);

/* A script of a few lines in which the kernel does that, and of some in which
 * it does not: whether the stage tells them apart, and the library shows what
 * the kernel shows when it mounts anew. False: not so, and it was printed. */
bool removed_case(const struct exchange *exchange, uint64_t number);

#endif
