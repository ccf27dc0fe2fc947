/* SPDX-License-Identifier: MIT */
#include "support/clock.h"

#define SECOND INT64_C(1000000000)

void test_clock_init(struct test_clock *clock)
{
	clock->ns = SECOND * SECOND + SECOND / 2;
}

void test_clock_advance(struct test_clock *clock, int64_t ns)
{
	__atomic_add_fetch(&clock->ns, ns, __ATOMIC_RELAXED);
}

static void test_clock_now(void *context, struct vfs_timespec *now)
{
	struct test_clock *clock = context;
	int64_t ns = __atomic_load_n(&clock->ns, __ATOMIC_RELAXED);

	now->sec = ns / SECOND;
	now->nsec = (uint32_t)(ns % SECOND);
	now->zero = 0;
}

void test_clock_install(struct test_clock *clock, struct vfs_config *config)
{
	config->now = test_clock_now;
	config->now_context = clock;
}
