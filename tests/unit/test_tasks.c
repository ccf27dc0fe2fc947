/* SPDX-License-Identifier: MIT */
/* The table of tasks: core/tasks.h. */
#include <stdlib.h>

#include <vfs/sys/task.h>

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

#define MANY 3000

static int compare(const void *a, const void *b)
{
	const struct vfs_task *const *one = a, *const *other = b;

	return (*one)->id < (*other)->id ? -1 : (*one)->id > (*other)->id;
}

static unsigned depth(const struct vfs_task *task)
{
	unsigned below, above;

	if (!task)
		return 0;
	below = depth(task->below);
	above = depth(task->above);
	return 1 + (below > above ? below : above);
}

/* The numbers that there are, in order, and no more; nothing is far down. */
static void check_table(struct world *w, struct vfs_task **tasks, size_t count)
{
	int32_t id = 0;

	qsort(tasks, count, sizeof(*tasks), compare);
	for (size_t i = 0; i < count; i++) {
		id = vfs_task_next(w->vfs, id);
		/* those of the world come first */
		while (id == vfs_task_id(w->task) || id == vfs_task_id(w->user))
			id = vfs_task_next(w->vfs, id);
		assert_int_equal(id, vfs_task_id(tasks[i]));
		assert_ptr_equal(vfs__tasks_get(w->vfs, id), tasks[i]);
		vfs_task_unref(tasks[i]);
	}
	assert_int_equal(vfs_task_next(w->vfs, id), 0);
	assert_int_equal(vfs_task_next(w->vfs, INT32_MAX), 0);
	assert_null(vfs__tasks_get(w->vfs, id + 1));
	assert_null(vfs__tasks_get(w->vfs, 0));
	assert_null(vfs__tasks_get(w->vfs, -1));
	assert_true(depth(w->vfs->tasks) <= 40);
}

/* One after another, or far apart, and every other one ends. */
static void come_and_go(struct world *w, uint64_t apart)
{
	struct vfs_task **tasks = calloc(MANY, sizeof(*tasks));

	for (size_t i = 0; i < MANY; i++) {
		check_ok(vfs_task_clone(w->task, 0, &tasks[i]));
		w->vfs->next_task += apart;
	}
	check_table(w, tasks, MANY);
	for (size_t i = 0; i < MANY; i += 2) {
		vfs_task_unref(tasks[i]);
		tasks[i / 2] = tasks[i + 1];
	}
	check_table(w, tasks, MANY / 2);
	for (size_t i = 0; i < MANY / 2; i++)
		vfs_task_unref(tasks[i]);
	free(tasks);
}

static void test_tasks__come_and_go(void **state)
{
	come_and_go(*state, 0);
}

static void test_tasks__far_apart(void **state)
{
	come_and_go(*state, 700001);
	/* and all over the numbers, again and again */
	come_and_go(*state, 1000000007);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		world_test(test_tasks__a_number_is_given_once),
		world_test(test_tasks__come_and_go),
		world_test(test_tasks__far_apart),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
