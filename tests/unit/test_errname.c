/* SPDX-License-Identifier: MIT */
/* Names of errors and words for them. */
#include <limits.h>

#include "support/check.h"

static void test_errname__known(void **state)
{
	(void)state;
	assert_string_equal(vfs_errno_name(-EACCES), "EACCES");
	assert_string_equal(vfs_errno_name(EACCES), "EACCES");
	assert_string_equal(vfs_strerror(-EACCES), "Permission denied");
	assert_string_equal(vfs_strerror(EACCES), "Permission denied");
	assert_string_equal(vfs_errno_name(-EWOULDBLOCK), "EAGAIN");
	assert_string_equal(vfs_errno_name(-ENOTSUP), "EOPNOTSUPP");
	assert_string_equal(vfs_errno_name(0), "0");
	assert_string_equal(vfs_strerror(0), "Success");
}

static void test_errname__unknown(void **state)
{
	static const int unknown[] = {41, 58, 134, 4096, INT_MAX, INT_MIN};

	(void)state;
	for (size_t i = 0; i < sizeof(unknown) / sizeof(unknown[0]); i++) {
		assert_string_equal(vfs_errno_name(unknown[i]), "EUNKNOWN");
		assert_string_equal(vfs_strerror(unknown[i]), "Unknown error");
	}
}

/* Linux has 1 to 133 but for two; no name and no words come twice. */
static void test_errname__all(void **state)
{
	(void)state;
	for (int error = 1; error <= 133; error++) {
		bool gap = error == 41 || error == 58;

		check_eq(strcmp(vfs_errno_name(error), "EUNKNOWN") == 0, gap);
		for (int other = 1; other < error && !gap; other++) {
			assert_string_not_equal(vfs_errno_name(other),
						vfs_errno_name(error));
			assert_string_not_equal(vfs_strerror(other),
						vfs_strerror(error));
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_errname__known),
		cmocka_unit_test(test_errname__unknown),
		cmocka_unit_test(test_errname__all),
	};

	return cmocka_run_group_tests(tests, NULL, NULL) ? 1 : 0;
}
