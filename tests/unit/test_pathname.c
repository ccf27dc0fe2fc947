/* SPDX-License-Identifier: MIT */
/* Scanning paths: any length, any alignment, up to the end of a page. */
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "core/pathname.h"
#include "support/check.h"

static const uint64_t seed[2] = {UINT64_C(0x1234567890abcdef),
				 UINT64_C(0xfedcba0987654321)};

/* The end of readable memory: what lies behind faults. */
static char *edge(void)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	char *memory = mmap(NULL, 4 * page, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	assert_true(memory != MAP_FAILED);
	assert_int_equal(mprotect(memory + 3 * page, page, PROT_NONE), 0);
	return memory + 3 * page;
}

static void test_pathname__length_up_to_the_edge(void **state)
{
	char *end = edge();

	(void)state;
	for (size_t len = 0; len < 300; len++) {
		char *path = end - len - 1;

		memset(path, 'p', len);
		path[len] = 0;
		assert_int_equal(vfs__path_length(path), len);
	}
	/* Without an end there is a limit, and what is behind is not read. */
	memset(end - 4096, 'p', 4096);
	assert_int_equal(vfs__path_length(end - 4096), VFS__PATH_MAX);
	end[-1] = 0;
	assert_int_equal(vfs__path_length(end - 4096), 4095);
}

static void test_pathname__length_ignores_what_is_before(void **state)
{
	_Alignas(8) char text[64];

	(void)state;
	for (size_t before = 0; before < 8; before++) {
		memset(text, 0, sizeof(text));
		memset(text + before, 'x', 20);
		assert_int_equal(vfs__path_length(text + before), 20);
		memset(text, 0x80, before);
		assert_int_equal(vfs__path_length(text + before), 20);
	}
}

static void check_scan(const char *s, const char *end, uint32_t len)
{
	uint32_t hash, again;
	char copy[600];

	assert_int_equal(vfs__component_scan(seed, s, end, &hash), len);
	/* The same name elsewhere, and with something else behind it. */
	memcpy(copy + 3, s, len);
	memcpy(copy + 3 + len, "/tail", 6);
	assert_int_equal(
		vfs__component_scan(seed, copy + 3, copy + 8 + len, &again),
		len);
	assert_int_equal(hash, again);
	if (len <= 7)
		assert_int_equal(hash,
				 vfs__hash_short(seed, vfs__load_le(s, len - 1),
						 s[len - 1]));
}

static void test_pathname__components(void **state)
{
	char *end = edge();

	(void)state;
	for (uint32_t len = 1; len < 300; len++) {
		char *s = end - len - 1;

		for (uint32_t i = 0; i < len; i++)
			s[i] = (char)(i * 37 % 200 + 50 == '/'
					      ? 'x'
					      : i * 37 % 200 + 50);
		s[len] = 0;
		check_scan(s, s + len, len);
		s[len] = '/';
		check_scan(s, s + len + 1, len);
	}
}

/* Bytes beside the slash and those with the top bit are bytes of a name. */
static void test_pathname__no_byte_is_special(void **state)
{
	char name[24];
	uint32_t hash;

	(void)state;
	for (int byte = 1; byte < 256; byte++) {
		for (size_t at = 0; at < 10; at++) {
			uint32_t len = byte == '/' ? (uint32_t)at : 10;

			memset(name, 'n', sizeof(name));
			name[at] = (char)byte;
			name[10] = 0;
			assert_int_equal(vfs__component_scan(seed, name,
							     name + 10, &hash),
					 len);
		}
	}
}

static void test_pathname__hashes_spread(void **state)
{
	enum {
		COUNT = 4096
	};
	static uint8_t buckets[COUNT];
	char name[16];
	uint32_t hash, used = 0, len;

	(void)state;
	for (int i = 0; i < COUNT; i++) {
		len = (uint32_t)snprintf(name, sizeof(name), "file%d", i);
		vfs__component_scan(seed, name, name + len, &hash);
		used += !buckets[hash % COUNT]++;
	}
	/* At random about 63 in a hundred are used. */
	assert_in_range(used, COUNT * 58 / 100, COUNT * 68 / 100);
}

static void test_pathname__last_bytes(void **state)
{
	(void)state;
	check_eq(vfs__last_of(0x6c6b6a, 3), 'l');
	check_eq(vfs__last_of(0x6a, 1), 'j');
	/* between two zero bytes of what is said to be a link's text */
	check_eq(vfs__last_of(0, 0), 0);
}

/* Names that differ in the last digit lie side by side, others do not. */
static void test_pathname__numbered_names_are_neighbours(void **state)
{
	uint32_t first, hash, len, near = 0;
	char name[40];

	(void)state;
	for (uint32_t width = 2; width < 30; width++) {
		for (uint32_t tens = 0; tens < 100; tens++) {
			len = (uint32_t)snprintf(name, sizeof(name), "%0*u",
						 (int)width + 1, tens * 10);
			vfs__component_scan(seed, name, name + len, &first);
			for (uint32_t i = 1; i < 10; i++) {
				name[len - 1]++;
				vfs__component_scan(seed, name, name + len,
						    &hash);
				assert_int_equal(hash - first, i);
			}
			name[len - 2] ^= 1;
			vfs__component_scan(seed, name, name + len, &hash);
			near += hash - first + 64 < 128;
			vfs__component_scan(seed, name, name + len - 1, &hash);
			near += hash - first + 64 < 128;
		}
	}
	assert_in_range(near, 0, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pathname__length_up_to_the_edge),
		cmocka_unit_test(test_pathname__length_ignores_what_is_before),
		cmocka_unit_test(test_pathname__components),
		cmocka_unit_test(test_pathname__no_byte_is_special),
		cmocka_unit_test(test_pathname__hashes_spread),
		cmocka_unit_test(test_pathname__last_bytes),
		cmocka_unit_test(test_pathname__numbered_names_are_neighbours),
	};

	return cmocka_run_group_tests(tests, NULL, NULL) ? 1 : 0;
}
