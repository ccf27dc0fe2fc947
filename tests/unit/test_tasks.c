/* SPDX-License-Identifier: MIT */
/* The table of tasks: core/tasks.h. */
#include "core/task.h"
#include "core/tasks.h"
#include "support/check.h"

/* After two thousand million tasks the numbers begin anew. */
static void test_tasks__a_number_is_given_once(void **state)
{
	struct world *w = *state;
	struct vfs_task *second, *last, *next;

	check_ok(vfs_task_clone(w->task, 0, &second));
	w->vfs->next_task = INT32_MAX - 1;
	check_ok(vfs_task_clone(w->task, 0, &last));
	check_eq(vfs_task_id(last), INT32_MAX);
	/* what comes before and after second is taken or not: that is */
	w->vfs->next_task = INT64_C(0x100000000) - 1;
	for (int i = 0; i < 5; i++) {
		check_ok(vfs_task_clone(w->task, 0, &next));
		assert_true(vfs_task_id(next) > 0);
		assert_int_not_equal(vfs_task_id(next), vfs_task_id(second));
		assert_int_not_equal(vfs_task_id(next), vfs_task_id(w->task));
		vfs_task_unref(next);
	}
	vfs_task_unref(second);
	vfs_task_unref(last);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		world_test(test_tasks__a_number_is_given_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
