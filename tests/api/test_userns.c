/* SPDX-License-Identifier: MIT */
/* User namespaces: what maps may be, whose they are, and bad input. What ids
 * and capabilities mean inside is compared with the kernel in tests/oracle. */
#include <stdlib.h>
#include <sys/resource.h>

#include "support/check.h"

#define DEEPEST 33

static const struct vfs_id_map thousand = {0, 100000, 2000};

static struct vfs_userns *child_of(struct vfs_userns *parent,
				   const struct vfs_id_map *map)
{
	struct vfs_userns *ns = NULL;

	check_ok(vfs_userns_create(parent, map, 1, map, 1, &ns));
	return ns;
}

static struct vfs_userns *child(struct world *w, const struct vfs_id_map *map)
{
	struct vfs_userns *root = vfs_userns_root(w->vfs);
	struct vfs_userns *ns = child_of(root, map);

	vfs_userns_unref(root);
	return ns;
}

static int try_cred(struct world *w, struct vfs_userns *ns, uint32_t uid,
		    uint64_t caps, struct vfs_cred **out)
{
	const struct vfs_cred_spec spec = {
		.size = sizeof(spec),
		.uid = uid,
		.gid = uid,
		.fsuid = uid,
		.fsgid = uid,
		.cap_effective = caps,
		.cap_permitted = caps,
		.userns = ns,
	};

	return vfs_cred_create(w->vfs, &spec, out);
}

static struct vfs_task *task_in(struct world *w, struct vfs_userns *ns,
				uint32_t uid, uint64_t caps)
{
	struct vfs_task *task;
	struct vfs_cred *cred;

	check_ok(try_cred(w, ns, uid, caps, &cred));
	check_ok(vfs_task_create(w->vfs, cred, &task));
	vfs_cred_unref(cred);
	return task;
}

static void check_ids(struct vfs_task *task, const char *path, uint32_t uid,
		      uint32_t gid)
{
	struct vfs_stat st;
	int fd;

	check_ok(vfs_stat(task, path, &st));
	check_eq(st.uid, uid);
	check_eq(st.gid, gid);
	fd = check_fd(vfs_open(task, path, O_PATH, 0));
	check_ok(vfs_fstat(task, fd, &st));
	check_eq(st.uid, uid);
	check_eq(st.gid, gid);
	check_ok(vfs_close(task, fd));
}

static void test_userns__ids_are_shown(void **state)
{
	struct world *w = *state;
	struct vfs_userns *ns = child(w, &thousand);
	struct vfs_task *t = task_in(w, ns, 7, 0);

	put_file(w->task, "/in", "");
	put_file(w->task, "/out", "");
	check_ok(vfs_chown(w->task, "/in", 100005, 101999));
	check_ok(vfs_chown(w->task, "/out", 99999, 102000));
	check_ids(t, "/in", 5, 1999);
	check_ids(t, "/out", VFS_OVERFLOW_ID, VFS_OVERFLOW_ID);
	check_ids(w->task, "/in", 100005, 101999);
	put_file(t, "/mine", "");
	check_ids(t, "/mine", 7, 7);
	check_ids(w->task, "/mine", 100007, 100007);
	vfs_task_unref(t);
	vfs_userns_unref(ns);
}

static void test_userns__task_changes_namespace(void **state)
{
	struct world *w = *state;
	struct vfs_userns *ns = child(w, &thousand), *root, *seen;
	struct vfs_cred *before = vfs_task_cred(w->task), *cred;

	root = vfs_task_userns(w->task);
	seen = vfs_userns_root(w->vfs);
	assert_ptr_equal(root, seen);
	vfs_userns_unref(seen);
	put_file(w->task, "/f", "");
	check_ok(try_cred(w, ns, 0, VFS_CAP_ALL, &cred));
	check_ok(vfs_task_set_cred(w->task, cred));
	vfs_cred_unref(cred);
	seen = vfs_task_userns(w->task);
	assert_ptr_equal(seen, ns);
	vfs_userns_unref(seen);
	check_ids(w->task, "/f", VFS_OVERFLOW_ID, VFS_OVERFLOW_ID);
	check_ok(vfs_task_set_cred(w->task, before));
	check_ids(w->task, "/f", 0, 0);
	vfs_cred_unref(before);
	vfs_userns_unref(root);
	vfs_userns_unref(ns);
}

static void test_userns__many_extents(void **state)
{
	struct world *w = *state;
	struct vfs_userns *root = vfs_userns_root(w->vfs), *ns = NULL;
	struct vfs_id_map maps[VFS_ID_MAPS_MAX + 1];
	struct vfs_task *t;

	/* in no order: 340 of 3 ids each, backwards outside */
	for (uint32_t i = 0; i <= VFS_ID_MAPS_MAX; i++) {
		uint32_t place = i * 7 % (VFS_ID_MAPS_MAX + 1);

		maps[i] =
			(struct vfs_id_map){place * 10, 100000 - place * 10, 3};
	}
	check_eq(vfs_userns_create(root, maps, VFS_ID_MAPS_MAX + 1, maps, 1,
				   &ns),
		 -EINVAL);
	assert_null(ns);
	check_ok(vfs_userns_create(root, maps, VFS_ID_MAPS_MAX, maps,
				   VFS_ID_MAPS_MAX, &ns));
	t = task_in(w, ns, maps[17].inside + 2, 0);
	put_file(w->task, "/f", "");
	for (uint32_t i = 0; i < VFS_ID_MAPS_MAX; i++) {
		check_ok(vfs_chown(w->task, "/f", maps[i].outside + 2,
				   maps[i].outside));
		check_ids(t, "/f", maps[i].inside + 2, maps[i].inside);
	}
	/* between two of them */
	check_ok(vfs_chown(w->task, "/f", maps[5].outside + 3, 5));
	check_ids(t, "/f", VFS_OVERFLOW_ID, VFS_OVERFLOW_ID);
	vfs_task_unref(t);
	vfs_userns_unref(ns);
	vfs_userns_unref(root);
}

static void test_userns__maps_are_set_once(void **state)
{
	struct world *w = *state;
	struct vfs_userns *root = vfs_userns_root(w->vfs), *ns;
	struct vfs_cred *cred = NULL;

	check_ok(vfs_userns_create(root, NULL, 0, NULL, 0, &ns));
	check_eq(try_cred(w, ns, 0, 0, &cred), -EINVAL);
	check_eq(vfs_userns_set_maps(ns, NULL, 0, NULL, 0), -EINVAL);
	check_ok(vfs_userns_set_maps(ns, &thousand, 1, NULL, 0));
	check_eq(try_cred(w, ns, 0, 0, &cred), -EINVAL);
	/* both or none */
	check_eq(vfs_userns_set_maps(ns, &thousand, 1, &thousand, 1), -EPERM);
	check_eq(try_cred(w, ns, 0, 0, &cred), -EINVAL);
	check_ok(vfs_userns_set_maps(ns, NULL, 0, &thousand, 1));
	check_ok(try_cred(w, ns, 0, 0, &cred));
	vfs_cred_unref(cred);
	check_eq(vfs_userns_set_maps(root, &thousand, 1, NULL, 0), -EPERM);
	vfs_userns_unref(ns);
	vfs_userns_unref(root);
}

static void test_userns__depth(void **state)
{
	struct world *w = *state;
	const struct vfs_id_map same = {0, 0, 1000};
	struct vfs_userns *levels[DEEPEST + 1], *more = NULL;
	struct vfs_task *task, *twin = NULL;

	levels[0] = vfs_userns_root(w->vfs);
	for (int i = 1; i <= DEEPEST; i++)
		levels[i] = child_of(levels[i - 1], &same);
	check_eq(vfs_userns_create(levels[DEEPEST], &same, 1, &same, 1, &more),
		 -ENOSPC);
	task = task_in(w, levels[DEEPEST], 0, VFS_CAP_ALL);
	check_eq(vfs_task_clone(task, VFS_CLONE_NEWUSER, &twin), -ENOSPC);
	check_eq(vfs_unshare(task, VFS_CLONE_NEWUSER), -ENOSPC);
	check_eq(vfs_unshare(task, VFS_CLONE_NEWUSER | VFS_CLONE_NEWNS),
		 -ENOSPC);
	assert_null(twin);
	vfs_task_unref(task);
	/* each keeps its parent */
	for (int i = 0; i <= DEEPEST; i++)
		vfs_userns_unref(levels[i]);
}

/* Who may change a file of a namespace's without a capability there. */
static void test_userns__linkat_by_who_is_above(void **state)
{
	struct world *w = *state;
	struct vfs_userns *ns = child(w, &thousand);
	struct vfs_task *inside = task_in(w, ns, 0, VFS_CAP_ALL);
	struct vfs_task *above, *beside;
	struct vfs_userns *other;
	int fd;

	put_file(w->task, "/f", "");
	check_ok(vfs_chown(w->task, "/f", 100000, 100000));
	fd = check_fd(vfs_open(inside, "/f", O_RDONLY, 0));
	/* the namespace's owner is the parent's user 0, who needs no
	 * capability: CAP_FOWNER is what refuses next */
	check_ok(vfs_task_clone(inside, VFS_CLONE_FILES, &above));
	check_ok(vfs_task_clone(inside, VFS_CLONE_FILES, &beside));
	other = child(w, &thousand);
	for (int who = 0; who < 3; who++) {
		struct vfs_task *task = who == 2 ? beside : above;
		struct vfs_cred *cred;

		check_ok(try_cred(w, who == 2 ? other : NULL, who == 1 ? 5 : 0,
				  who == 2 ? VFS_CAP_ALL
					   : UINT64_C(1) << VFS_CAP_FOWNER,
				  &cred));
		check_ok(vfs_task_set_cred(task, cred));
		vfs_cred_unref(cred);
		check_eq(vfs_linkat(task, fd, "", AT_FDCWD,
				    who ? "/not" : "/linked", AT_EMPTY_PATH),
			 who ? -ENOENT : 0);
	}
	assert_true(exists(w->task, "/linked"));
	vfs_task_unref(beside);
	vfs_task_unref(above);
	vfs_task_unref(inside);
	vfs_userns_unref(other);
	vfs_userns_unref(ns);
}

static void test_userns__clone(void **state)
{
	struct world *w = *state;
	struct vfs_userns *ns;
	struct vfs_task *t = NULL;

	check_eq(vfs_task_clone(w->user, VFS_CLONE_NEWUSER | VFS_CLONE_FS, &t),
		 -EINVAL);
	check_ok(vfs_mkdir(w->task, "/root", 0755));
	check_ok(vfs_chroot(w->task, "/root"));
	check_eq(vfs_task_clone(w->task, VFS_CLONE_NEWUSER, &t), -EPERM);
	assert_null(t);
	put_file(w->user, "/f", "");
	check_ok(vfs_chmod(w->user, "/f", 0));
	check_ok(vfs_task_clone(w->user, VFS_CLONE_NEWUSER, &t));
	check_ids(t, "/f", VFS_OVERFLOW_ID, VFS_OVERFLOW_ID);
	/* its capabilities are for nobody's files yet, and it owns this one */
	check_eq(vfs_open(t, "/f", O_RDONLY, 0), -EACCES);
	check_ok(vfs_chmod(t, "/f", 0400));
	ns = vfs_task_userns(t);
	check_ok(vfs_userns_set_maps(ns, &(struct vfs_id_map){0, 1000, 1}, 1,
				     &(struct vfs_id_map){0, 1000, 1}, 1));
	check_ids(t, "/f", 0, 0);
	check_ok(vfs_chmod(t, "/f", 0));
	check_fd(vfs_open(t, "/f", O_RDWR, 0));
	check_eq(vfs_chown(t, "/f", 1, 0), -EINVAL);
	/* what is the whole instance's stays so */
	check_eq(vfs_mknod(t, "/dev", S_IFCHR | 0600, 5), -EPERM);
	check_ok(vfs_setrlimit(t, RLIMIT_FSIZE, &(struct vfs_rlimit){5, 5}));
	check_eq(vfs_setrlimit(t, RLIMIT_FSIZE, &(struct vfs_rlimit){5, 6}),
		 -EPERM);
	vfs_userns_unref(ns);
	vfs_task_unref(t);
}

/* unshare and setns: out of memory at each step, nothing has changed. */
static void test_userns__unshare(void **state)
{
	struct vfs_config config = {.size = sizeof(config),
				    .flags = VFS_CONFIG_PLAIN_MEMORY};
	struct vfs_userns *before, *after;
	uint64_t failed = 1;
	struct world w;
	int err, fd;

	(void)state;
	check_ok(world_open(&w, &config));
	before = vfs_task_userns(w.user);
	for (uint64_t nth = 1; failed; nth++) {
		test_alloc_fail(&w.alloc, nth, 1);
		err = vfs_unshare(w.user, VFS_CLONE_NEWUSER | VFS_CLONE_NEWNS);
		failed = test_alloc_heal(&w.alloc);
		check_eq(err, failed ? -ENOMEM : 0);
		after = vfs_task_userns(w.user);
		assert_true((after == before) == (failed != 0));
		vfs_userns_unref(after);
	}
	check_eq(vfs_open_namespace(w.task, w.user, 7, 0), -EINVAL);
	for (uint64_t nth = failed = 1; failed; nth++) {
		test_alloc_fail(&w.alloc, nth, 1);
		fd = vfs_open_namespace(w.task, w.user, VFS_CLONE_NEWUSER, 0);
		failed = test_alloc_heal(&w.alloc);
		assert_true(failed ? fd == -ENOMEM : fd >= 0);
	}
	check_eq(vfs_setns(w.task, fd, VFS_CLONE_NEWNS), -EINVAL);
	for (uint64_t nth = failed = 1; failed; nth++) {
		test_alloc_fail(&w.alloc, nth, 1);
		err = vfs_setns(w.task, fd, VFS_CLONE_NEWUSER);
		failed = test_alloc_heal(&w.alloc);
		check_eq(err, failed ? -ENOMEM : 0);
	}
	check_eq(vfs_setns(w.task, fd, 0), -EINVAL);
	vfs_userns_unref(before);
	assert_true(world_close(&w));
}

/* A mapping by the public calls; what it means is in tests/unit/test_idmap.c
 * and tests/oracle. */
static void test_userns__idmapped_mount(void **state)
{
	struct world *w = *state;
	struct vfs_userns *ns = child(w, &thousand);
	struct vfs_task *inside = task_in(w, ns, 0, 0);
	struct vfs_mount_attr attr = {.attr_set = 0x00100000};
	int tree, fd;

	check_ok(vfs_mkdir(w->task, "/src", 0755));
	check_ok(vfs_mkdir(w->task, "/m", 0755));
	put_file(w->task, "/src/f", "");
	check_ok(vfs_chown(w->task, "/src/f", 5, 6));
	fd = check_fd(
		vfs_open_namespace(w->task, inside, VFS_CLONE_NEWUSER, 0));
	attr.userns_fd = (uint64_t)fd;
	tree = check_fd(vfs_open_tree(w->task, AT_FDCWD, "/src", 1));
	check_ok(vfs_mount_setattr(w->task, tree, "", AT_EMPTY_PATH, &attr,
				   sizeof(attr)));
	check_eq(vfs_mount_setattr(w->task, tree, "", AT_EMPTY_PATH, &attr,
				   sizeof(attr)),
		 -EPERM);
	check_ok(vfs_move_mount(w->task, tree, "", AT_FDCWD, "/m", 4));
	check_eq(vfs_mount_setattr(w->task, AT_FDCWD, "/m", 0, &attr,
				   sizeof(attr)),
		 -EPERM);
	check_ids(w->task, "/m/f", 100005, 100006);
	check_ids(inside, "/m/f", 5, 6);
	check_ids(inside, "/src/f", VFS_OVERFLOW_ID, VFS_OVERFLOW_ID);
	vfs_task_unref(inside);
	vfs_userns_unref(ns);
}

static void test_userns__bad_input(void **state)
{
	struct world *w = *state;
	static const struct vfs_id_map wrong[] = {
		{0, 0, 0},	    {UINT32_MAX, 0, 1}, {0, UINT32_MAX, 1},
		{1, 0, UINT32_MAX}, {0, 1, UINT32_MAX}, {UINT32_MAX - 1, 0, 2},
	};
	const struct vfs_id_map overlap[2] = {{0, 0, 10}, {9, 100, 10}};
	const struct vfs_id_map outside[2] = {{0, 0, 10}, {100, 9, 10}};
	const struct vfs_id_map all = {0, 0, UINT32_MAX};
	struct vfs_userns *root = vfs_userns_root(w->vfs), *ns = NULL;
	struct world other;
	struct vfs_cred *cred = NULL;

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		check_eq(vfs_userns_create(root, &wrong[i], 1, NULL, 0, &ns),
			 -EINVAL);
		check_eq(vfs_userns_create(root, &all, 1, &wrong[i], 1, &ns),
			 -EINVAL);
	}
	check_eq(vfs_userns_create(root, overlap, 2, NULL, 0, &ns), -EINVAL);
	check_eq(vfs_userns_create(root, outside, 2, NULL, 0, &ns), -EINVAL);
	check_eq(vfs_userns_create(root, NULL, 1, NULL, 0, &ns), -EFAULT);
	check_eq(vfs_userns_create(root, &all, 1, NULL, 1, &ns), -EFAULT);
	check_eq(vfs_userns_create(NULL, &all, 1, NULL, 0, &ns), -EFAULT);
	check_eq(vfs_userns_create(root, &all, 1, NULL, 0, NULL), -EFAULT);
	check_eq(vfs_userns_create(root, &all, SIZE_MAX, NULL, 0, &ns),
		 -EINVAL);
	check_eq(vfs_userns_set_maps(NULL, &all, 1, NULL, 0), -EFAULT);
	assert_null(ns);
	assert_null(vfs_userns_root(NULL));
	assert_null(vfs_userns_ref(NULL));
	assert_null(vfs_task_userns(NULL));
	vfs_userns_unref(NULL);
	/* another instance's */
	check_ok(world_open(&other, NULL));
	check_eq(try_cred(&other, root, 0, 0, &cred), -EINVAL);
	assert_null(cred);
	assert_true(world_close(&other));
	vfs_userns_unref(root);
}

/* Every allocation fails once: nothing is left, nothing half done. */
static void test_userns__out_of_memory(void **state)
{
	struct vfs_config config = {.size = sizeof(config),
				    .flags = VFS_CONFIG_PLAIN_MEMORY};
	struct vfs_userns *root, *ns;
	struct vfs_task *twin;
	uint64_t failed = 1;
	struct world w;

	(void)state;
	check_ok(world_open(&w, &config));
	root = vfs_userns_root(w.vfs);
	for (uint64_t nth = 1; failed; nth++) {
		int err;

		ns = NULL;
		test_alloc_fail(&w.alloc, nth, 1);
		err = vfs_userns_create(root, &thousand, 1, &thousand, 1, &ns);
		failed = test_alloc_heal(&w.alloc);
		check_eq(err, failed ? -ENOMEM : 0);
		vfs_userns_unref(ns);
	}
	for (uint64_t nth = failed = 1; failed; nth++) {
		int err;

		twin = NULL;
		test_alloc_fail(&w.alloc, nth, 1);
		err = vfs_task_clone(w.user, VFS_CLONE_NEWUSER, &twin);
		failed = test_alloc_heal(&w.alloc);
		check_eq(err, failed ? -ENOMEM : 0);
		vfs_task_unref(twin);
	}
	vfs_userns_unref(root);
	assert_true(world_close(&w));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		world_test(test_userns__ids_are_shown),
		world_test(test_userns__task_changes_namespace),
		world_test(test_userns__many_extents),
		world_test(test_userns__maps_are_set_once),
		world_test(test_userns__depth),
		world_test(test_userns__linkat_by_who_is_above),
		world_test(test_userns__clone),
		cmocka_unit_test(test_userns__unshare),
		world_test(test_userns__idmapped_mount),
		world_test(test_userns__bad_input),
		cmocka_unit_test(test_userns__out_of_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL) ? 1 : 0;
}
