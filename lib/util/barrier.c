/* SPDX-License-Identifier: MIT */
/* Barriers on all threads. Contract: barrier.h. */
#include "util/barrier.h"

#include <stdint.h>
#include <time.h>
#ifdef __linux__
#include <errno.h>
#include <sys/syscall.h>
#include <unistd.h>

/* <linux/membarrier.h> is younger than some systems. */
#define CMD_QUERY 0
#define CMD_PRIVATE_EXPEDITED (1 << 3)
#define CMD_REGISTER_PRIVATE_EXPEDITED (1 << 4)

static long membarrier(int command)
{
#ifdef SYS_membarrier
	int saved = errno;
	long result = syscall(SYS_membarrier, command, 0, 0);

	if (result < 0)
		result = -errno;
	errno = saved;
	return result;
#else
	(void)command;
	return -ENOSYS;
#endif
}

bool vfs__barrier_supported(void)
{
	long commands = membarrier(CMD_QUERY);

	return commands > 0 && (commands & CMD_PRIVATE_EXPEDITED) &&
	       (commands & CMD_REGISTER_PRIVATE_EXPEDITED);
}

void vfs__barrier_prepare(void)
{
	membarrier(CMD_REGISTER_PRIVATE_EXPEDITED);
}

bool vfs__barrier_everywhere(void)
{
	long result = membarrier(CMD_PRIVATE_EXPEDITED);

	if (result == -EPERM) {
		vfs__barrier_prepare();
		result = membarrier(CMD_PRIVATE_EXPEDITED);
	}
	return !result;
}
#else
bool vfs__barrier_supported(void)
{
	return false;
}

void vfs__barrier_prepare(void)
{
}

bool vfs__barrier_everywhere(void)
{
	return false;
}
#endif

void vfs__barrier_force(void)
{
	struct timespec nap = {0, 1000000};

	__atomic_exchange_n(&(uint32_t){0}, 1, __ATOMIC_SEQ_CST);
	if (!vfs__barrier_everywhere())
		nanosleep(&nap, NULL);
}
