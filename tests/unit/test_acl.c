/* SPDX-License-Identifier: MIT */
/* ACLs by themselves: blobs, sense, modes. */
#include <stdlib.h>

#include "core/acl.h"
#include "core/instance.h"
#include "support/check.h"

#define ANY UINT32_MAX

/* The entries of text, as "U7 u5:1000 G4 g6:20 M7 O0". */
static struct vfs__acl *acl_of(const char *text)
{
	static const char letters[] = "UuGgMO";
	struct vfs__acl *acl = calloc(1, vfs__acl_size(16));
	char *end;

	for (; *text; text = *end ? end + 1 : end) {
		struct vfs__acl_entry *entry = &acl->entries[acl->count++];

		entry->tag =
			(uint16_t)(1 << (strchr(letters, *text) - letters));
		entry->perm = (uint16_t)strtoul(text + 1, &end, 8);
		entry->id = *end == ':' ? (uint32_t)strtoul(end + 1, &end, 10)
					: ANY;
	}
	return acl;
}

static void test_acl__blob(void **state)
{
	struct world *w = *state;
	struct vfs__thread *thread = vfs__self(w->vfs);
	struct vfs__acl *acl = acl_of("U7 u5:66051 G4 M7 O0"), *back;
	static const unsigned char expected[] = {
		2,  0, 0, 0,			     /* version */
		1,  0, 7, 0, 0xff, 0xff, 0xff, 0xff, /* U7 */
		2,  0, 5, 0, 3,	   2,	 1,    0,    /* u5:0x10203 */
		4,  0, 4, 0, 0xff, 0xff, 0xff, 0xff, /* G4 */
		16, 0, 7, 0, 0xff, 0xff, 0xff, 0xff, /* M7 */
		32, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, /* O0 */
	};
	unsigned char blob[sizeof(expected)];

	check_eq(vfs__acl_blob_size(acl->count), sizeof(expected));
	vfs__acl_format(acl, blob);
	assert_memory_equal(blob, expected, sizeof(expected));
	check_ok(vfs__acl_parse(thread, blob, sizeof(blob), &back));
	assert_memory_equal(back, acl, vfs__acl_size(acl->count));
	vfs__mem_free(thread, back, vfs__acl_size(back->count));
	back = acl;
	check_ok(vfs__acl_parse(thread, blob, 4, &back));
	assert_null(back);
	for (size_t size = 0; size < sizeof(blob); size++)
		if (size < 4 || size % 8 != 4)
			check_eq(vfs__acl_parse(thread, blob, size, &back),
				 -EINVAL);
	free(acl);
}

static void test_acl__check(void **state)
{
	static const struct {
		const char *text;
		int result;
	} cases[] = {
		{"U7 G4 O0", 0},
		{"U0 G0 O0", 0},
		{"U7 G4 M7 O0", 0},
		{"U7 u5:1 G4 M7 O0", 0},
		{"U7 u5:1 u5:1 G4 g1:2 g1:2 M7 O0", 0},
		{"U7 G4 g1:2 M7 O0", 0},
		{"U7 u5:1 G4 O0", -EINVAL},
		{"U7 G4 g1:2 O0", -EINVAL},
		{"G4 U7 O0", -EINVAL},
		{"U7 O0", -EINVAL},
		{"U7 G4", -EINVAL},
		{"U7 G4 M7", -EINVAL},
		{"U7 U7 G4 O0", -EINVAL},
		{"U7 G4 G4 O0", -EINVAL},
		{"U7 G4 O0 O0", -EINVAL},
		{"U7 G4 M7 M7 O0", -EINVAL},
		{"u5:1 U7 G4 M7 O0", -EINVAL},
		{"U7 g5:1 G4 M7 O0", -EINVAL},
		{"U7 G4 u5:1 M7 O0", -EINVAL},
		{"U7 G4 M7 g5:1 O0", -EINVAL},
		{"U7 G4 M7 O0 g5:1", -EINVAL},
		{"U7 G4 O0 M7", -EINVAL},
		{"U10 G4 O0", -EINVAL},
		{"", -EINVAL},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct vfs__acl *acl = acl_of(cases[i].text);

		if (vfs__acl_check(acl) != cases[i].result)
			fail_msg("%s", cases[i].text);
		free(acl);
	}
}

static void test_acl__modes(void **state)
{
	struct vfs__acl *acl = acl_of("U6 G4 O1"), *expected;
	uint32_t mode;

	(void)state;
	assert_true(vfs__acl_to_mode(acl, &mode));
	check_eq(mode, 0641);
	vfs__acl_from_mode(acl, 07735);
	expected = acl_of("U7 G3 O5");
	assert_memory_equal(acl, expected, vfs__acl_size(acl->count));
	free(acl);
	free(expected);
	acl = acl_of("U6 u7:1 G4 M2 O1");
	assert_false(vfs__acl_to_mode(acl, &mode));
	check_eq(mode, 0621);
	vfs__acl_from_mode(acl, 0153);
	expected = acl_of("U1 u7:1 G4 M5 O3");
	assert_memory_equal(acl, expected, vfs__acl_size(acl->count));
	free(acl);
	free(expected);
}

static void check_created(const char *from, uint32_t asked, const char *to,
			  uint32_t mode, bool minimal)
{
	struct vfs__acl *acl = acl_of(from), *expected = acl_of(to);
	uint32_t got = asked;

	check_eq(vfs__acl_create_mask(acl, &got), minimal);
	check_eq(got, mode);
	assert_memory_equal(acl, expected, vfs__acl_size(expected->count));
	free(acl);
	free(expected);
}

static void test_acl__create(void **state)
{
	(void)state;
	check_created("U7 G5 O1", 0777, "U7 G5 O1", 0751, true);
	check_created("U7 G5 O1", 0646, "U6 G4 O0", 0640, true);
	check_created("U7 u7:1 G7 M7 O0", 0100664, "U6 u7:1 G7 M6 O0", 0100660,
		      false);
	check_created("U5 u7:1 G7 M3 O7", 0042727, "U5 u7:1 G7 M2 O7", 0042527,
		      false);
	check_created("U7 G7 M0 O7", 0777, "U7 G7 M0 O7", 0707, false);
}

/* What a member of the file's group 50, and of these groups, is granted. */
static uint32_t granted(const struct vfs__acl *acl, struct world *w,
			uint32_t uid, uint32_t gid, uint32_t group)
{
	struct vfs_cred_spec spec = {
		.size = sizeof(spec),
		.uid = uid,
		.gid = gid,
		.fsuid = uid,
		.fsgid = gid,
		.groups = &group,
		.group_count = 1,
	};
	struct vfs_inode inode = {.uid = 40, .gid = 50};
	struct vfs_cred *cred;
	uint32_t bits = 0;

	check_ok(vfs_cred_create(w->vfs, &spec, &cred));
	for (uint32_t mask = 1; mask < 8; mask++) {
		int err = vfs__acl_permission(cred, NULL, &inode, acl, mask);

		if (!err && !(mask & (mask - 1)))
			bits |= mask;
		/* bits that are granted one by one may lie in two groups */
		if (!err)
			check_eq(mask & ~bits, 0);
	}
	vfs_cred_unref(cred);
	return bits;
}

static void test_acl__permission(void **state)
{
	struct world *w = *state;
	struct vfs__acl *acl = acl_of("U1 u7:41 G4 g2:60 g1:61 M6 O5");

	/* the mask is not for the owner and for others */
	check_eq(granted(acl, w, 40, 50, 60), 1);
	check_eq(granted(acl, w, 99, 99, 99), 5);
	check_eq(granted(acl, w, 41, 50, 99), 6);
	/* any of one's groups may grant, but together they do not */
	check_eq(granted(acl, w, 99, 50, 99), 4);
	check_eq(granted(acl, w, 99, 50, 60), 6);
	check_eq(granted(acl, w, 99, 60, 61), 2);
	/* a member is never one of the others */
	check_eq(granted(acl, w, 99, 99, 61), 0);
	free(acl);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		world_test(test_acl__blob),
		cmocka_unit_test(test_acl__check),
		cmocka_unit_test(test_acl__modes),
		cmocka_unit_test(test_acl__create),
		world_test(test_acl__permission),
	};

	return cmocka_run_group_tests(tests, NULL, NULL) ? 1 : 0;
}
