/* SPDX-License-Identifier: MIT */
/* Tables by name, and the hash under them: util/table.h, util/hash.h. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "support/alloc.h"
#include "util/domain.h"
#include "util/hash.h"
#include "util/table.h"

#define COUNT 500

static const uint64_t seed[2] = {11, 22};

struct ground {
	struct test_alloc alloc;
	struct vfs__domain *domain;
	struct vfs__table table;
	int values[COUNT];
};

static int setup(void **state)
{
	struct ground *g = calloc(1, sizeof(*g));

	if (!g)
		return -1;
	test_alloc_init(&g->alloc);
	if (vfs__domain_create(&g->alloc.hooks, NULL, NULL, &g->domain))
		return -1;
	vfs__table_init(&g->table, g->domain, seed);
	*state = g;
	return 0;
}

static int teardown(void **state)
{
	struct ground *g = *state;
	bool balanced;

	vfs__table_fini(&g->table);
	vfs__domain_destroy(g->domain);
	balanced = test_alloc_balanced(&g->alloc);
	free(g);
	return balanced ? 0 : -1;
}

static const char *name_of(int i)
{
	static char name[32];

	snprintf(name, sizeof(name), "name-%d", i);
	return name;
}

static void test_table__add_find_remove(void **state)
{
	struct ground *g = *state;

	assert_null(vfs__table_find(&g->table, "name-0"));
	for (int i = 0; i < COUNT; i++)
		assert_int_equal(
			vfs__table_add(&g->table, name_of(i), &g->values[i]),
			0);
	assert_int_equal(vfs__table_add(&g->table, "name-7", g), -EEXIST);
	assert_int_equal(vfs__table_add(&g->table, "", g), 0);
	for (int i = 0; i < COUNT; i++)
		assert_ptr_equal(vfs__table_find(&g->table, name_of(i)),
				 &g->values[i]);
	assert_ptr_equal(vfs__table_find(&g->table, ""), g);
	assert_null(vfs__table_find(&g->table, "name"));
	assert_null(vfs__table_remove(&g->table, "name"));
	for (int i = 0; i < COUNT; i += 2)
		assert_ptr_equal(vfs__table_remove(&g->table, name_of(i)),
				 &g->values[i]);
	for (int i = 0; i < COUNT; i++)
		assert_ptr_equal(vfs__table_find(&g->table, name_of(i)),
				 i % 2 ? &g->values[i] : NULL);
}

struct walk {
	struct ground *g;
	int seen, stop;
};

static int see(void *context, const char *key, void *value)
{
	struct walk *walk = context;

	assert_string_equal(key, name_of(walk->seen));
	assert_ptr_equal(value, &walk->g->values[walk->seen]);
	return ++walk->seen == walk->stop ? -77 : 0;
}

static void test_table__foreach(void **state)
{
	struct ground *g = *state;
	struct walk walk = {g, 0, -1};

	assert_int_equal(vfs__table_foreach(&g->table, see, &walk), 0);
	assert_int_equal(walk.seen, 0);
	for (int i = 0; i < 20; i++)
		assert_int_equal(
			vfs__table_add(&g->table, name_of(i), &g->values[i]),
			0);
	assert_int_equal(vfs__table_foreach(&g->table, see, &walk), 0);
	assert_int_equal(walk.seen, 20);
	walk = (struct walk){g, 0, 5};
	assert_int_equal(vfs__table_foreach(&g->table, see, &walk), -77);
	assert_int_equal(walk.seen, 5);
}

static void test_table__every_allocation_may_fail(void **state)
{
	struct ground *g = *state;
	uint64_t refused = 0;

	for (int i = 0; i < COUNT; i++) {
		for (uint64_t nth = 1;; nth++) {
			int err;

			test_alloc_fail(&g->alloc, nth, 1);
			err = vfs__table_add(&g->table, name_of(i),
					     &g->values[i]);
			if (!test_alloc_heal(&g->alloc)) {
				assert_int_equal(err, 0);
				break;
			}
			refused += err != 0;
			/* growing may fail and the adding not */
			if (!err)
				break;
			assert_int_equal(err, -ENOMEM);
			assert_null(vfs__table_find(&g->table, name_of(i)));
		}
	}
	assert_true(refused >= COUNT);
	for (int i = 0; i < COUNT; i++)
		assert_ptr_equal(vfs__table_find(&g->table, name_of(i)),
				 &g->values[i]);
}

static void test_hash__depends_on_all(void **state)
{
	static const char text[] = "a name that is long enough for any path "
				   "through the function, or nearly so";
	const uint64_t other[2] = {12, 22}, third[2] = {11, 23};

	(void)state;
	for (size_t n = 1; n < sizeof(text); n++) {
		uint64_t hash = vfs__hash_bytes(seed, text, n);

		assert_true(hash == vfs__hash_bytes(seed, text, n));
		assert_false(hash == vfs__hash_bytes(seed, text, n - 1));
		assert_false(hash == vfs__hash_bytes(other, text, n));
		assert_false(hash == vfs__hash_bytes(third, text, n));
	}
}

int main(void)
{
#define TEST(function) \
	cmocka_unit_test_setup_teardown(function, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_table__add_find_remove),
		TEST(test_table__foreach),
		TEST(test_table__every_allocation_may_fail),
		cmocka_unit_test(test_hash__depends_on_all),
	};

	return cmocka_run_group_tests(tests, NULL, NULL) ? 1 : 0;
}
