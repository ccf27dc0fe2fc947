/* SPDX-License-Identifier: MIT */
/* Sockets' names: binding, finding, and how long an endpoint lasts. */
#include <unistd.h>

#include "support/check.h"

static void count_release(void *object)
{
	++*(int *)object;
}

static struct vfs_endpoint *make(struct world *w, int *released)
{
	struct vfs_endpoint *e = NULL;

	check_ok(vfs_endpoint_create(w->vfs, released, count_release, &e));
	return e;
}

static int bind_at(struct vfs_task *t, const char *path, struct vfs_endpoint *e)
{
	return vfs_bind_socket(t, AT_FDCWD, path, 0777, e);
}

static int connect_to(struct vfs_task *t, const char *path)
{
	struct vfs_endpoint *e = NULL;
	int result = vfs_connect_socket(t, AT_FDCWD, path, 0, &e);

	if (!result)
		vfs_endpoint_unref(e);
	return result;
}

static void test_socket__is_found_by_its_name(void **state)
{
	struct world *w = *state;
	struct vfs_endpoint *e, *found = NULL;
	struct vfs_stat st;
	static int released; /* outlives the test's frame */

	e = make(w, &released);
	check_ok(bind_at(w->task, "/s", e));
	check_ok(vfs_lstat(w->task, "/s", &st));
	assert_int_equal(st.mode, S_IFSOCK | 0777);
	check_ok(vfs_connect_socket(w->task, AT_FDCWD, "/s", 0, &found));
	assert_ptr_equal(found, e);
	assert_ptr_equal(vfs_endpoint_object(found), &released);
	vfs_endpoint_unref(found);
	/* as any name: renamed, linked, by a symlink, by a descriptor */
	check_ok(vfs_rename(w->task, "/s", "/t"));
	check_eq(connect_to(w->task, "/s"), -ENOENT);
	check_ok(connect_to(w->task, "/t"));
	check_ok(vfs_link(w->task, "/t", "/u"));
	check_ok(vfs_symlink(w->task, "u", "/v"));
	check_ok(connect_to(w->task, "/v"));
	check_ok(vfs_connect_socket(
		w->task, check_fd(vfs_open(w->task, "/u", O_PATH, 0)), "",
		AT_EMPTY_PATH, &found));
	vfs_endpoint_unref(found);
	assert_int_equal(released, 0);
	vfs_endpoint_unref(e);
}

static void test_socket__ends_with_the_node(void **state)
{
	struct world *w = *state;
	struct vfs_endpoint *found = NULL;
	static int released; /* outlives the test's frame */

	struct vfs_endpoint *e = make(w, &released);

	check_ok(bind_at(w->task, "/s", e));
	vfs_endpoint_unref(e);
	check_ok(vfs_connect_socket(w->task, AT_FDCWD, "/s", 0, &found));
	check_ok(vfs_unlink(w->task, "/s"));
	check_eq(connect_to(w->task, "/s"), -ENOENT);
	assert_ptr_equal(vfs_endpoint_object(found), &released);
	assert_int_equal(released, 0);
	vfs_endpoint_unref(found);
	/* the node's own goes after a grace period: at the latest here */
	vfs_task_unref(w->task);
	vfs_task_unref(w->user);
	w->task = w->user = NULL;
	vfs_unref(w->vfs);
	w->vfs = NULL;
	assert_int_equal(released, 1);
	assert_int_equal(world_open(w, NULL), 0);
}

static void test_socket__closed(void **state)
{
	struct world *w = *state;
	static int released; /* outlives the test's frame */
	struct vfs_endpoint *e = make(w, &released);

	check_ok(bind_at(w->task, "/s", e));
	vfs_endpoint_close(e);
	check_eq(connect_to(w->task, "/s"), -ECONNREFUSED);
	check_eq(bind_at(w->task, "/s", e), -EADDRINUSE);
	vfs_endpoint_unref(e);
	vfs_endpoint_close(NULL);
	vfs_endpoint_unref(NULL);
}

static void test_socket__refusals(void **state)
{
	struct world *w = *state;
	static int released; /* outlives the test's frame */
	struct vfs_endpoint *e = make(w, &released), *found = NULL;

	put_file(w->task, "/f", "x");
	check_ok(vfs_chmod(w->task, "/f", 0666));
	check_ok(vfs_symlink(w->task, "nowhere", "/dangling"));
	check_ok(vfs_mkdir(w->task, "/d", 0755));
	check_ok(vfs_mknod(w->task, "/node", S_IFSOCK | 0666, 0));
	check_eq(bind_at(w->task, "/f", e), -EADDRINUSE);
	check_eq(bind_at(w->task, "/dangling", e), -EADDRINUSE);
	check_eq(bind_at(w->task, ".", e), -EADDRINUSE);
	check_eq(bind_at(w->task, "/none/s", e), -ENOENT);
	check_eq(bind_at(w->task, "/new/", e), -ENOENT);
	check_eq(bind_at(w->task, "/f/s", e), -ENOTDIR);
	check_eq(bind_at(w->user, "/d/s", e), -EACCES);
	check_eq(bind_at(w->task, "/s", NULL), -EFAULT);
	check_eq(bind_at(NULL, "/s", e), -EFAULT);
	assert_false(exists(w->task, "/s"));
	check_eq(connect_to(w->task, "/f"), -ECONNREFUSED);
	check_eq(connect_to(w->task, "/d"), -ECONNREFUSED);
	check_eq(connect_to(w->task, "/node"), -ECONNREFUSED);
	check_eq(connect_to(w->task, "/dangling"), -ENOENT);
	check_eq(connect_to(w->task, NULL), -EFAULT);
	check_eq(vfs_connect_socket(w->task, AT_FDCWD, "/node", 0, NULL),
		 -EFAULT);
	check_eq(vfs_connect_socket(w->task, AT_FDCWD, "/node",
				    AT_SYMLINK_NOFOLLOW, &found),
		 -EINVAL);
	/* writing to the node is what it takes */
	check_ok(bind_at(w->task, "/s", e));
	check_ok(vfs_chmod(w->task, "/s", 0755));
	check_eq(connect_to(w->user, "/s"), -EACCES);
	check_ok(connect_to(w->task, "/s"));
	check_eq(connect_to(w->task, "/s/"), -ENOTDIR);
	check_ok(vfs_chmod(w->task, "/s", 0722));
	check_ok(connect_to(w->user, "/s"));
	check_eq(vfs_open(w->task, "/s", O_RDWR, 0), -ENXIO);
	assert_null(found);
	vfs_endpoint_unref(e);
	check_eq(vfs_endpoint_create(NULL, NULL, NULL, &e), -EFAULT);
	check_eq(vfs_endpoint_create(w->vfs, NULL, NULL, NULL), -EFAULT);
	assert_null(vfs_endpoint_object(NULL));
}

static void test_socket__umask(void **state)
{
	struct world *w = *state;
	struct vfs_endpoint *e = NULL;
	struct vfs_stat st;

	check_ok(vfs_endpoint_create(w->vfs, NULL, NULL, &e));
	vfs_umask(w->task, 027);
	check_ok(bind_at(w->task, "/s", e));
	vfs_umask(w->task, 0);
	check_ok(vfs_lstat(w->task, "/s", &st));
	assert_int_equal(st.mode, S_IFSOCK | 0750);
	vfs_endpoint_unref(e);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		world_test(test_socket__is_found_by_its_name),
		world_test(test_socket__ends_with_the_node),
		world_test(test_socket__closed),
		world_test(test_socket__refusals),
		world_test(test_socket__umask),
	};

	return cmocka_run_group_tests(tests, NULL, NULL) ? 1 : 0;
}
