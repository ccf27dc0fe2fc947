/* SPDX-License-Identifier: MIT */
/* Contract: fence.h. */
#include "util/fence.h"

#include <stdint.h>

#include <sched.h>
#ifdef __linux__
#include <linux/membarrier.h>
#include <sys/syscall.h>
#include <unistd.h>

static int barrier(int command)
{
	return (int)syscall(SYS_membarrier, command, 0, 0);
}
#endif

void vfs__heavy_fence(void)
{
	uint32_t word = 0;

	/* an exchange is a fence too, and one that ThreadSanitizer knows */
	__atomic_exchange_n(&word, 0, __ATOMIC_SEQ_CST);
#ifdef __linux__
	if (!barrier(MEMBARRIER_CMD_PRIVATE_EXPEDITED))
		return;
	if (!barrier(MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED) &&
	    !barrier(MEMBARRIER_CMD_PRIVATE_EXPEDITED))
		return;
#endif
	/* a store that is not seen by now has left its buffer soon after */
	for (int i = 0; i < 8; i++)
		sched_yield();
}
