/* SPDX-License-Identifier: MIT */
/* Contract: fence.h. */
#include "util/fence.h"

#include <sched.h>
#include <stdint.h>

#include "util/barrier.h"

void vfs__heavy_fence(void)
{
	uint32_t word = 0;

	/* an exchange is a fence too, and one that ThreadSanitizer knows */
	__atomic_exchange_n(&word, 0, __ATOMIC_SEQ_CST);
	if (vfs__barrier_everywhere())
		return;
	/* a store that is not seen by now has left its buffer soon after */
	for (int i = 0; i < 8; i++)
		sched_yield();
}
