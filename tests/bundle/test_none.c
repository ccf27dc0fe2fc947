/* SPDX-License-Identifier: MIT */
/* A library without JSON says so, and takes the structure. */
#include "fixture.h"

static void test_none__says_so(void **state)
{
	struct fixture *f = *state;
	struct vfs_bundle_spec *spec = NULL;

	check_eq(vfs_bundle_read(f->world.vfs, f->dir, 0, &spec, f->why,
				 sizeof(f->why)),
		 -EOPNOTSUPP);
	assert_non_null(strstr(f->why, "without JSON"));
	check_eq(vfs_bundle_parse(f->world.vfs, "{}", 2, NULL, 0, &spec, f->why,
				  sizeof(f->why)),
		 -EOPNOTSUPP);
	assert_null(spec);
	load(f);
	unload(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {fixture_test(test_none__says_so)};

	return cmocka_run_group_tests(tests, NULL, NULL) ? 1 : 0;
}
