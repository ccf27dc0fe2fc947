/* SPDX-License-Identifier: MIT */
/* A clock that stands still until it is told to move. */
#ifndef TEST_CLOCK_H
#define TEST_CLOCK_H

#include <vfs/instance.h>

struct test_clock {
	int64_t ns; /* since the epoch; atomic */
};

/* 2001-09-09 01:46:40 UTC, and half a second. */
void test_clock_init(struct test_clock *clock);
void test_clock_advance(struct test_clock *clock, int64_t ns);
/* Makes config's instance read this clock. */
void test_clock_install(struct test_clock *clock, struct vfs_config *config);

#endif
