/* SPDX-License-Identifier: MIT */
/*
 * What is not there, or belongs to another instance, given to the calls that
 * test_nonsense.c does not know: an error, never a crash, and nothing changed.
 */
#include <sys/mount.h>
#include <unistd.h>

#include <vfs/exec.h>
#include <vfs/handle.h>
#include <vfs/hostfs.h>
#include <vfs/overlay.h>
#include <vfs/socket.h>
#include <vfs/sys/backend.h>
#include <vfs/sys/layer.h>

#include "support/check.h"

static void no_event(void *context, const struct vfs_watch_event *event)
{
	(void)context;
	(void)event;
}

/* ---- NULL ---- */

static void test_strangers__no_task(void **state)
{
	static const struct vfs_mount_attr attr = {.attr_set = 1};
	const struct vfs_overlay_layers layers = {.size = sizeof(layers)};
	const struct vfs_overlay_spec spec = {.size = sizeof(spec)};
	const struct vfs_mnt_id_req req = {.size = sizeof(req)};
	struct vfs_file_handle handle = {.handle_bytes = VFS_MAX_HANDLE_SIZE};
	struct world *w = *state;
	struct vfs_overlay_diff *diff;
	struct vfs_endpoint *endpoint;
	struct vfs_statmount sm;
	uint64_t id;
	void *out;
	char b[64];

	check_eq(vfs_mount(NULL, "s", "/", "tmpfs", 0, NULL), -EFAULT);
	check_eq(vfs_mount_type(NULL, &vfs_hostfs_type, "/", "/", 0, NULL),
		 -EFAULT);
	check_eq(vfs_umount(NULL, "/"), -EFAULT);
	check_eq(vfs_umount2(NULL, "/", 0), -EFAULT);
	check_eq(vfs_pivot_root(NULL, "/", "/"), -EFAULT);
	check_eq(vfs_unshare(NULL, VFS_CLONE_NEWNS), -EFAULT);
	check_eq(vfs_setns(NULL, 0, 0), -EFAULT);
	check_eq(vfs_open_namespace(NULL, w->task, VFS_CLONE_NEWNS, 0),
		 -EFAULT);
	check_eq(vfs_open_tree(NULL, AT_FDCWD, "/", 0), -EFAULT);
	check_eq(vfs_move_mount(NULL, AT_FDCWD, "/", AT_FDCWD, "/", 0),
		 -EFAULT);
	check_eq(vfs_fsopen(NULL, "tmpfs", 0), -EFAULT);
	check_eq(vfs_fspick(NULL, AT_FDCWD, "/", 0), -EFAULT);
	check_eq(vfs_fsconfig(NULL, 0, 0, "key", NULL, 0), -EFAULT);
	check_eq(vfs_fsmount(NULL, 0, 0, 0), -EFAULT);
	check_eq(vfs_mount_setattr(NULL, AT_FDCWD, "/", 0, &attr, sizeof(attr)),
		 -EFAULT);
	check_eq(vfs_statmount(NULL, &req, &sm, sizeof(sm), 0), -EFAULT);
	check_eq(vfs_listmount(NULL, &req, &id, 1, 0), -EFAULT);
	check_eq(vfs_mountinfo(NULL, 0, b, sizeof(b)), -EFAULT);
	check_eq(vfs_make_mountpoint(NULL, "/x", 0), -EFAULT);
	check_eq(vfs_mkdirat2(NULL, AT_FDCWD, "/x", 0, 0), -EFAULT);
	check_eq(vfs_overlay_mount(NULL, &spec, "/", 0), -EFAULT);
	check_eq(vfs_overlay_diff(NULL, 0, "", &diff), -EFAULT);
	check_eq(vfs_overlay_commit(NULL, &layers), -EFAULT);
	check_eq(vfs_overlay_discard(NULL, &layers), -EFAULT);
	check_eq(vfs_mmap(NULL, NULL, 1, 1, 1, 0, 0, &out), -EFAULT);
	check_eq(vfs_munmap(NULL, b, 1), -EFAULT);
	check_eq(vfs_msync(NULL, b, 1, 4), -EFAULT);
	check_eq(vfs_memfd_create(NULL, "m", 0), -EFAULT);
	check_eq(vfs_inotify_init(NULL), -EFAULT);
	check_eq(vfs_inotify_init1(NULL, 0), -EFAULT);
	check_eq(vfs_inotify_add_watch(NULL, 0, "/", 1), -EFAULT);
	check_eq(vfs_inotify_rm_watch(NULL, 0, 1), -EFAULT);
	check_eq(vfs_name_to_handle_at(NULL, AT_FDCWD, "/", &handle, &id, 0),
		 -EFAULT);
	check_eq(vfs_open_by_handle_at(NULL, AT_FDCWD, &handle, 0), -EFAULT);
	check_eq(vfs_connect_socket(NULL, AT_FDCWD, "/", 0, &endpoint),
		 -EFAULT);
	check_eq(vfs_resolve_executable(NULL, "x", "/bin", b, sizeof(b)),
		 -EFAULT);
	check_eq(vfs_resolve_script(NULL, "/x", b, sizeof(b)), -EFAULT);
}

static void test_strangers__no_argument(void **state)
{
	struct vfs_task *t = ((struct world *)*state)->task;
	struct vfs_file_handle handle = {.handle_bytes = VFS_MAX_HANDLE_SIZE};
	const struct vfs_mnt_id_req req = {.size = sizeof(req), .mnt_id = 1};
	int dir = check_fd(vfs_open(t, "/", O_RDONLY | O_DIRECTORY, 0));
	int queue = check_fd(vfs_inotify_init(t));
	struct vfs_overlay_diff *diff;
	uint64_t id;
	char b[64];

	check_eq(vfs_mount(t, "s", NULL, "tmpfs", 0, NULL), -EFAULT);
	check_eq(vfs_mount(t, "s", "/", NULL, 0, NULL), -EINVAL);
	check_eq(vfs_mount(t, NULL, "/", NULL, MS_BIND, NULL), -EINVAL);
	check_eq(vfs_mount(t, NULL, "/", NULL, MS_MOVE, NULL), -EINVAL);
	check_eq(vfs_mount_type(t, NULL, "s", "/", 0, NULL), -EFAULT);
	check_eq(vfs_mount_type(t, &vfs_hostfs_type, NULL, "/", 0, NULL),
		 -EINVAL);
	check_eq(vfs_mount_type(t, &vfs_overlay_type, NULL, "/", 0, NULL),
		 -EINVAL);
	check_eq(vfs_umount2(t, NULL, 0), -EFAULT);
	check_eq(vfs_pivot_root(t, NULL, "/"), -EFAULT);
	check_eq(vfs_pivot_root(t, "/", NULL), -EFAULT);
	check_eq(vfs_open_namespace(t, NULL, VFS_CLONE_NEWNS, 0), -EFAULT);
	check_eq(vfs_open_tree(t, AT_FDCWD, NULL, 0), -EFAULT);
	check_eq(vfs_move_mount(t, AT_FDCWD, NULL, AT_FDCWD, "/", 0), -EFAULT);
	check_eq(vfs_move_mount(t, AT_FDCWD, "/", AT_FDCWD, NULL, 0), -EFAULT);
	check_eq(vfs_fsopen(t, NULL, 0), -EFAULT);
	check_eq(vfs_fspick(t, AT_FDCWD, NULL, 0), -EFAULT);
	check_eq(vfs_mount_setattr(t, AT_FDCWD, "/", 0, NULL, 32), -EFAULT);
	check_eq(vfs_statmount(t, NULL, NULL, 0, 0), -EFAULT);
	check_eq(vfs_statmount(t, &req, NULL, 4096, 0), -EFAULT);
	check_eq(vfs_listmount(t, NULL, &id, 1, 0), -EFAULT);
	check_eq(vfs_listmount(t, &req, &id, SIZE_MAX, 0), -EOVERFLOW);
	check_eq(vfs_mountinfo(t, 0, NULL, 9), -EFAULT);
	check_eq(vfs_mkdirat2(t, AT_FDCWD, NULL, 0, 0), -EFAULT);
	check_eq(vfs_make_mountpoint(t, NULL, 0), -EFAULT);
	check_eq(vfs_overlay_mount(t, NULL, "/", 0), -EFAULT);
	check_eq(vfs_overlay_diff(t, dir, NULL, &diff), -EFAULT);
	check_eq(vfs_overlay_diff(t, dir, "", NULL), -EFAULT);
	check_eq(vfs_overlay_diff_next(NULL, NULL), -EFAULT);
	check_eq(vfs_overlay_commit(t, NULL), -EFAULT);
	check_eq(vfs_overlay_discard(t, NULL), -EFAULT);
	check_eq(vfs_mmap(t, NULL, 1, 1, 1, dir, 0, NULL), -EFAULT);
	check_eq(vfs_memfd_create(t, NULL, 0), -EFAULT);
	check_eq(vfs_inotify_add_watch(t, queue, NULL, 1), -EFAULT);
	check_eq(vfs_name_to_handle_at(t, AT_FDCWD, NULL, &handle, &id, 0),
		 -EFAULT);
	check_eq(vfs_name_to_handle_at(t, AT_FDCWD, "/", NULL, &id, 0),
		 -EFAULT);
	check_eq(vfs_name_to_handle_at(t, AT_FDCWD, "/", &handle, NULL, 0),
		 -EFAULT);
	check_eq(vfs_open_by_handle_at(t, dir, NULL, 0), -EFAULT);
	check_eq(vfs_bind_socket(t, AT_FDCWD, "/s", 0, NULL), -EFAULT);
	check_eq(vfs_connect_socket(t, AT_FDCWD, "/", 0, NULL), -EFAULT);
	check_eq(vfs_resolve_executable(t, NULL, "/bin", b, 9), -EFAULT);
	check_eq(vfs_resolve_executable(t, "x", "/bin", NULL, 9), -EFAULT);
	check_eq(vfs_resolve_script(t, NULL, b, 9), -EFAULT);
	check_eq(vfs_resolve_script(t, "/", NULL, 9), -EFAULT);
}

static void test_strangers__no_object(void **state)
{
	const struct vfs_id_map map = {0, 0, 1};
	struct world *w = *state;
	struct vfs_userns *root = vfs_userns_root(w->vfs), *userns;
	struct vfs_endpoint *endpoint;
	struct vfs_watch *watch;

	check_eq(vfs_register_filesystem(NULL, &vfs_hostfs_type, 0), -EFAULT);
	check_eq(vfs_register_filesystem(w->vfs, NULL, 0), -EFAULT);
	check_eq(vfs_endpoint_create(NULL, NULL, NULL, &endpoint), -EFAULT);
	check_eq(vfs_endpoint_create(w->vfs, NULL, NULL, NULL), -EFAULT);
	assert_null(vfs_endpoint_ref(NULL));
	assert_null(vfs_endpoint_object(NULL));
	vfs_endpoint_unref(NULL);
	vfs_endpoint_close(NULL);
	check_eq(vfs_watch_create(NULL, NULL, &watch), -EFAULT);
	check_eq(vfs_watch_create(w->vfs, NULL, &watch), -EFAULT);
	check_eq(vfs_watch_add(NULL, w->task, AT_FDCWD, "/", 1), -EFAULT);
	check_eq(vfs_watch_remove(NULL, 1), -EFAULT);
	vfs_watch_destroy(NULL);
	check_eq(vfs_userns_create(NULL, &map, 1, &map, 1, &userns), -EFAULT);
	check_eq(vfs_userns_create(root, NULL, 1, &map, 1, &userns), -EFAULT);
	check_eq(vfs_userns_create(root, &map, 1, &map, 1, NULL), -EFAULT);
	check_eq(vfs_userns_create(root, &map, SIZE_MAX, &map, 1, &userns),
		 -EINVAL);
	check_eq(vfs_userns_set_maps(NULL, &map, 1, &map, 1), -EFAULT);
	assert_null(vfs_userns_root(NULL));
	assert_null(vfs_userns_ref(NULL));
	vfs_userns_unref(NULL);
	assert_null(vfs_task_userns(NULL));
	assert_null(vfs_task_cred(NULL));
	assert_null(vfs_task_ref(NULL));
	vfs_task_unref(NULL);
	check_eq(vfs_task_id(NULL), 0);
	assert_null(vfs_ref(NULL));
	vfs_unref(NULL);
	vfs_userns_unref(root);
}

/* ---- another instance's ---- */

static void test_strangers__another_instance(void **state)
{
	const struct vfs_watch_spec events = {.size = sizeof(events),
					      .event = no_event};
	struct vfs_cred_spec ids = {.size = sizeof(ids)};
	struct world *w = *state, other;
	struct vfs_endpoint *endpoint;
	struct vfs_watch *watch;
	struct vfs_task *made = NULL, *layers;
	struct vfs_cred *cred, *root;

	check_ok(world_open(&other, NULL));
	root = vfs_task_cred(other.task);
	check_eq(vfs_task_create(w->vfs, root, &made), -EINVAL);
	check_eq(vfs_task_set_cred(w->task, root), -EINVAL);
	vfs_cred_unref(root);
	ids.userns = vfs_userns_root(other.vfs);
	check_eq(vfs_cred_create(w->vfs, &ids, &cred), -EINVAL);
	vfs_userns_unref(ids.userns);
	check_eq(vfs_open_namespace(w->task, other.task, VFS_CLONE_NEWNS, 0),
		 -EINVAL);
	check_ok(vfs_watch_create(other.vfs, &events, &watch));
	check_eq(vfs_watch_add(watch, w->task, AT_FDCWD, "/", VFS_IN_MODIFY),
		 -EINVAL);
	vfs_watch_destroy(watch);
	check_ok(vfs_endpoint_create(other.vfs, NULL, NULL, &endpoint));
	check_eq(vfs_bind_socket(w->task, AT_FDCWD, "/s", 0666, endpoint),
		 -EINVAL);
	assert_false(exists(w->task, "/s"));
	vfs_endpoint_unref(endpoint);
	check_eq(vfs_layer_task_create(w->vfs, other.task, &made), -EINVAL);
	check_ok(vfs_layer_task_create(other.vfs, NULL, &layers));
	check_eq(vfs_layer_open(layers, w->task, AT_FDCWD, "/", 0, -1),
		 -EINVAL);
	vfs_task_unref(layers);
	assert_null(made);
	assert_true(world_close(&other));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		world_test(test_strangers__no_task),
		world_test(test_strangers__no_argument),
		world_test(test_strangers__no_object),
		world_test(test_strangers__another_instance),
	};

	return cmocka_run_group_tests(tests, NULL, NULL) ? 1 : 0;
}
