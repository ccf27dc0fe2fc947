/* SPDX-License-Identifier: MIT */
/* Credentials. */
#include <stdlib.h>

#include "core/cred.h"
#include "support/check.h"

static struct vfs_cred_spec plain_spec(void)
{
	return (struct vfs_cred_spec){
		.size = sizeof(struct vfs_cred_spec),
		.uid = 1,
		.gid = 2,
		.fsuid = 3,
		.fsgid = 4,
	};
}

static void test_cred__holds_what_it_was_made_with(void **state)
{
	struct world *w = *state;
	const uint32_t groups[] = {9, 5, 7, 5};
	struct vfs_cred_spec spec = plain_spec();
	struct vfs_cred *cred;

	spec.groups = groups;
	spec.group_count = 4;
	spec.cap_permitted = 6;
	spec.cap_effective = 2;
	check_ok(vfs_cred_create(w->vfs, &spec, &cred));
	check_eq(cred->uid, 1);
	check_eq(cred->gid, 2);
	check_eq(cred->fsuid, 3);
	check_eq(cred->fsgid, 4);
	assert_true(vfs__capable(cred, VFS_CAP_DAC_OVERRIDE));
	assert_false(vfs__capable(cred, VFS_CAP_DAC_READ_SEARCH));
	assert_false(vfs__capable(cred, VFS_CAP_CHOWN));
	assert_true(vfs__cred_in_group(cred, 4));
	assert_true(vfs__cred_in_group(cred, 5));
	assert_true(vfs__cred_in_group(cred, 7));
	assert_true(vfs__cred_in_group(cred, 9));
	for (uint32_t gid = 0; gid < 12; gid++)
		if (gid != 4 && gid != 5 && gid != 7 && gid != 9)
			assert_false(vfs__cred_in_group(cred, gid));
	vfs_cred_unref(cred);
}

static void test_cred__many_groups(void **state)
{
	struct world *w = *state;
	struct vfs_cred_spec spec = plain_spec();
	uint32_t *groups = malloc(65536 * sizeof(*groups));
	struct vfs_cred *cred;

	for (uint32_t i = 0; i < 65536; i++)
		groups[i] = (65536 - i) * 3;
	spec.groups = groups;
	spec.group_count = 65536;
	check_ok(vfs_cred_create(w->vfs, &spec, &cred));
	free(groups);
	for (uint32_t gid = 6; gid < 65536 * 3; gid += 1001)
		check_eq(vfs__cred_in_group(cred, gid), gid % 3 == 0);
	assert_true(vfs__cred_in_group(cred, 65536 * 3));
	vfs_cred_unref(cred);
}

static void test_cred__refused(void **state)
{
	struct world *w = *state;
	const uint32_t groups[] = {1, UINT32_MAX};
	struct {
		struct vfs_cred_spec spec;
		uint64_t tail;
	} larger = {.spec = plain_spec(), .tail = 1};
	struct vfs_cred_spec spec = plain_spec();
	struct vfs_cred *cred = NULL;
	uint32_t *ids[] = {&spec.uid, &spec.gid, &spec.fsuid, &spec.fsgid};

	check_eq(vfs_cred_create(NULL, &spec, &cred), -EFAULT);
	check_eq(vfs_cred_create(w->vfs, NULL, &cred), -EFAULT);
	check_eq(vfs_cred_create(w->vfs, &spec, NULL), -EFAULT);
	for (int i = 0; i < 4; i++) {
		uint32_t id = *ids[i];

		*ids[i] = UINT32_MAX;
		check_eq(vfs_cred_create(w->vfs, &spec, &cred), -EINVAL);
		*ids[i] = id;
	}
	spec.group_count = 2;
	check_eq(vfs_cred_create(w->vfs, &spec, &cred), -EFAULT);
	spec.groups = groups;
	check_eq(vfs_cred_create(w->vfs, &spec, &cred), -EINVAL);
	spec.group_count = 65537;
	check_eq(vfs_cred_create(w->vfs, &spec, &cred), -EINVAL);
	spec.group_count = 0;
	spec.cap_effective = 1;
	check_eq(vfs_cred_create(w->vfs, &spec, &cred), -EINVAL);
	spec.cap_effective = 0;
	spec.size--;
	check_eq(vfs_cred_create(w->vfs, &spec, &cred), -EINVAL);
	/* the first version's, which ends before the user namespace */
	spec.size = offsetof(struct vfs_cred_spec, userns);
	spec.userns = (void *)16;
	check_ok(vfs_cred_create(w->vfs, &spec, &cred));
	vfs_cred_unref(cred);
	cred = NULL;
	larger.spec.size = sizeof(larger);
	check_eq(vfs_cred_create(w->vfs, &larger.spec, &cred), -E2BIG);
	assert_null(cred);
	larger.tail = 0;
	check_ok(vfs_cred_create(w->vfs, &larger.spec, &cred));
	assert_ptr_equal(vfs_cred_ref(cred), cred);
	vfs_cred_unref(cred);
	vfs_cred_unref(cred);
	assert_null(vfs_cred_ref(NULL));
	vfs_cred_unref(NULL);
}

static void check_access_cred(struct world *w, const struct vfs_cred_spec *spec,
			      bool differs, uint64_t caps)
{
	struct vfs_cred *cred, *other;

	check_ok(vfs_cred_create(w->vfs, spec, &cred));
	check_eq(vfs__cred_access_differs(cred), differs);
	check_ok(vfs__cred_for_access(cred, &other));
	check_eq(other->fsuid, cred->uid);
	check_eq(other->fsgid, cred->gid);
	check_eq(other->cap_effective, caps);
	assert_false(vfs__cred_access_differs(other));
	vfs_cred_unref(other);
	vfs_cred_unref(cred);
}

static void test_cred__for_access(void **state)
{
	struct world *w = *state;
	struct vfs_cred_spec spec = plain_spec();

	check_access_cred(w, &spec, true, 0);
	spec.fsuid = 1;
	spec.fsgid = 2;
	check_access_cred(w, &spec, false, 0);
	spec.cap_permitted = 3;
	check_access_cred(w, &spec, false, 0);
	spec.cap_effective = 1;
	check_access_cred(w, &spec, true, 0);
	spec.uid = spec.fsuid = 0;
	check_access_cred(w, &spec, true, 3);
	spec.cap_effective = 3;
	check_access_cred(w, &spec, false, 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		world_test(test_cred__holds_what_it_was_made_with),
		world_test(test_cred__many_groups),
		world_test(test_cred__refused),
		world_test(test_cred__for_access),
	};

	return cmocka_run_group_tests(tests, NULL, NULL) ? 1 : 0;
}
