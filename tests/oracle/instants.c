/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "instants.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "side.h"

static int clock_fd = -1;

int private_fd(int fd)
{
	int high = fcntl(fd, F_DUPFD_CLOEXEC, FIRST_PRIVATE_FD);

	if (high < 0)
		die("no descriptor: %s", strerror(errno));
	close(fd);
	return high;
}

static int64_t nanoseconds(int64_t sec, int64_t nsec)
{
	return sec * INT64_C(1000000000) + nsec;
}

static int64_t clock_step(void)
{
	struct statx now;

	if (syscall(SYS_utimensat, clock_fd, NULL, NULL, 0) ||
	    statx(clock_fd, "", AT_EMPTY_PATH, STATX_CTIME, &now))
		die("no clock: %s", strerror(errno));
	return nanoseconds(now.stx_ctime.tv_sec, now.stx_ctime.tv_nsec);
}

/* One stamp may be the coarse clock's, or what another process was given: the
 * stamps of the last call may be the same. The next one is later than that. */
int64_t instants_stamp(void)
{
	int64_t first, second;

	if (clock_fd < 0) {
		clock_fd = private_fd(memfd_create("clock", MFD_CLOEXEC));
		fchmod(clock_fd, 0777);
		clock_step();
	}
	first = clock_step();
	second = clock_step();
	for (int i = 0; i < 10 && second <= first; i++)
		second = clock_step();
	return second;
}

bool kernel_fine_times(void)
{
	static int known = -1;
	int64_t last = 0;

	if (known >= 0)
		return known;
	known = 1;
	for (int i = 0; i < 100; i++) {
		int64_t now = instants_stamp();

		if (now <= last)
			known = 0;
		last = now;
	}
	return known;
}

void instants_mark(struct instants *instants)
{
	if (instants->count == instants->cap) {
		instants->cap = instants->cap ? instants->cap * 2 : 1024;
		instants->marks = realloc(instants->marks,
					  instants->cap * sizeof(int64_t));
		if (!instants->marks)
			die("out of memory");
	}
	instants->marks[instants->count++] = instants_stamp();
}

unsigned instants_find(const struct instants *instants,
		       const struct vfs_timespec *time)
{
	int64_t stamp = nanoseconds(time->sec, time->nsec);
	unsigned low = 0, high = instants->count;

	while (low < high) {
		unsigned middle = (low + high) / 2;

		if (instants->marks[middle] <= stamp)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

void instants_fini(struct instants *instants)
{
	free(instants->marks);
	memset(instants, 0, sizeof(*instants));
}
