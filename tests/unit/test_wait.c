/* SPDX-License-Identifier: MIT */
/* Sleeping without a task. */
#include <poll.h>

#include "core/wait.h"
#include "support/check.h"

/* Nobody interrupts it, and nobody's time goes on. */
static void test_wait__of_no_task(void **state)
{
	struct vfs__waiter waiter;
	struct pollfd fds[1];

	(void)state;
	vfs__waiter_init(&waiter, NULL);
	check_eq(vfs__wait_sleep(&waiter, vfs__wait_deadline(1)), -ETIMEDOUT);
	vfs__waiter_wake(&waiter);
	check_ok(vfs__wait_sleep(&waiter, -1));
	check_eq(vfs__wait_host(&waiter, fds, 1, vfs__wait_deadline(1)),
		 -ETIMEDOUT);
	vfs__waiter_fini(&waiter);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_wait__of_no_task),
	};

	return cmocka_run_group_tests(tests, NULL, NULL) ? 1 : 0;
}
