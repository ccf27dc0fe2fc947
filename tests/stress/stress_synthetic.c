/* SPDX-License-Identifier: MIT */
/* Names that come and go without the core's doing: mount points in memory,
 * what procfs shows of tasks and descriptors, devices. */
#include <sys/sysmacros.h>

#include <vfs/sys/device.h>

#include "stress/stress.h"

#define NAMES 4

/* -- mount points -- */

static void prepare_directory(struct stress *s)
{
	STRESS(s, vfs_mkdir(s->task, "/d", 0777) == 0);
	STRESS(s, vfs_mkdir(s->task, "/d/real", 0777) == 0);
}

static void make_and_remove(struct stress_thread *t)
{
	struct stress *s = t->stress;
	char path[64];

	while (stress_goes_on(t)) {
		snprintf(path, sizeof(path), "/d/m%u", stress_random(t, NAMES));
		switch (stress_random(t, 5)) {
		case 0:
			STRESS_CALL(s, vfs_rmdir(t->task, path), ENOENT,
				    ENOTEMPTY);
			break;
		case 1:
			STRESS_CALL(s, vfs_mkdir(t->task, path, 0755), EEXIST);
			break;
		case 2:
			STRESS_CALL(s, vfs_rename(t->task, path, "/d/m0"),
				    ENOENT, EPERM, ENOTEMPTY);
			break;
		default:
			STRESS_CALL(s,
				    vfs_mkdirat2(t->task, AT_FDCWD, path, 0755,
						 VFS_MKDIR_SYNTHETIC),
				    EEXIST);
			break;
		}
	}
}

static void look_at_names(struct stress_thread *t)
{
	struct stress *s = t->stress;
	struct vfs_stat st;
	char path[64];

	while (stress_goes_on(t)) {
		snprintf(path, sizeof(path), "/d/m%u/../real",
			 stress_random(t, NAMES));
		STRESS_CALL(s, vfs_stat(t->task, path, &st), ENOENT);
		/* what goes and comes again may come twice */
		if (!stress_random(t, 8))
			STRESS(s, stress_list(s, t->task, "/d") != 0);
	}
}

static void finish_directory(struct stress *s)
{
	struct vfs_stat st;
	char path[64];

	for (int i = 0; i < NAMES; i++) {
		snprintf(path, sizeof(path), "/d/m%d", i);
		STRESS_CALL(s, vfs_rmdir(s->task, path), ENOENT);
	}
	STRESS(s, stress_list(s, s->task, "/d") == 3);
	STRESS(s, vfs_stat(s->task, "/d", &st) == 0 && st.nlink == 3);
}

/* -- tasks and descriptors, in a procfs that is the root -- */

static void no_preparation(struct stress *s)
{
	(void)s;
}

static void open_and_close(struct stress_thread *t)
{
	struct stress *s = t->stress;
	int64_t fd;

	while (stress_goes_on(t)) {
		fd = STRESS_CALL(
			s, vfs_open(s->task, "/filesystems", O_RDONLY, 0), 0);
		if (stress_random(t, 2))
			fd = STRESS_CALL(s, vfs_dup2(s->task, (int)fd, 9), 0);
		STRESS_CALL(s, vfs_close(s->task, (int)fd), EBADF);
		if (fd == 9)
			STRESS_CALL(s, vfs_close_range(s->task, 0, 3, 0), 0);
	}
}

static void come_and_go(struct stress_thread *t)
{
	struct stress *s = t->stress;
	struct vfs_task *task;
	struct vfs_stat st;
	char path[64];

	while (stress_goes_on(t)) {
		if (STRESS_CALL(s, vfs_task_clone(s->task, 0, &task), 0))
			continue;
		snprintf(path, sizeof(path), "/%d/cwd/self", vfs_task_id(task));
		STRESS(s, vfs_stat(t->task, path, &st) == 0);
		vfs_task_unref(task);
		STRESS(s, vfs_stat(t->task, path, &st) == -ENOENT);
	}
}

/* At what other threads do to s->task. */
static void look_at_tasks(struct stress_thread *t)
{
	struct stress *s = t->stress;
	int id = vfs_task_id(s->task);
	char path[64], text[128];
	struct vfs_stat st;
	int64_t fd;

	while (stress_goes_on(t)) {
		snprintf(path, sizeof(path), "/%d/%s/%u", id,
			 stress_random(t, 2) ? "fd" : "fdinfo",
			 stress_random(t, 10));
		STRESS_CALL(s, vfs_readlink(t->task, path, text, sizeof(text)),
			    ENOENT, EINVAL);
		STRESS_CALL(s, vfs_stat(t->task, path, &st), ENOENT);
		fd = STRESS_CALL(s, vfs_open(t->task, path, O_RDONLY, 0),
				 ENOENT);
		if (fd >= 0) {
			STRESS_CALL(
				s,
				vfs_read(t->task, (int)fd, text, sizeof(text)),
				0);
			STRESS_CALL(s, vfs_close(t->task, (int)fd), 0);
		}
		if (!stress_random(t, 16)) {
			STRESS(s, stress_list(s, t->task, "/") >= 6);
			snprintf(path, sizeof(path), "/%d/fd", id);
			STRESS(s, stress_list(s, t->task, path) >= 2);
		}
	}
}

static void finish_tasks(struct stress *s)
{
	STRESS_CALL(s, vfs_close_range(s->task, 0, UINT32_MAX, 0), 0);
}

/* -- devices, in a devfs that is the root -- */

static int64_t read_one(struct vfs_device *device, struct vfs_file *file,
			void *buffer, size_t count, int64_t *position)
{
	(void)file;
	(void)position;
	if (count)
		*(char *)buffer = *(char *)vfs_device_context(device);
	return count ? 1 : 0;
}

static const struct vfs_device_ops ops = {.size = sizeof(ops),
					  .read = read_one};

static void plug(struct stress_thread *t)
{
	struct vfs_device_spec spec = {.size = sizeof(spec),
				       .type = S_IFCHR,
				       .major = 200,
				       .count = 2,
				       .name = "d",
				       .ops = &ops};
	struct stress *s = t->stress;
	struct vfs_device *device;
	char byte;

	spec.context = &byte;
	spec.minor = 2 * t->number;
	while (stress_goes_on(t)) {
		byte = (char)stress_random(t, 100);
		STRESS(s, vfs_register_device(t->stress->vfs, &spec, &device) ==
				  0);
		while (vfs_unregister_device(device) == -EBUSY)
			stress_goes_on(t);
	}
}

static void use(struct stress_thread *t)
{
	struct stress *s = t->stress;
	struct vfs_stat st;
	char path[32], byte;
	int64_t fd;

	while (stress_goes_on(t)) {
		uint32_t minor = stress_random(t, 8);

		snprintf(path, sizeof(path), "/d%u", minor);
		fd = STRESS_CALL(s, vfs_open(t->task, path, O_RDONLY, 0),
				 ENOENT, ENXIO);
		if (fd >= 0) {
			STRESS(s, vfs_read(t->task, (int)fd, &byte, 1) == 1);
			STRESS(s, vfs_fstat(t->task, (int)fd, &st) == 0);
			STRESS(s, st.rdev == makedev(200, minor));
			STRESS_CALL(s, vfs_close(t->task, (int)fd), 0);
		}
		if (!stress_random(t, 8))
			STRESS(s, stress_list(s, t->task, "/") != 0);
	}
}

int main(void)
{
	stress_body *const points[] = {make_and_remove, look_at_names};
	stress_body *const tasks[] = {open_and_close, look_at_tasks,
				      come_and_go, look_at_tasks};
	stress_body *const devices[] = {plug, use};
	struct vfs_config config = {.size = sizeof(config),
				    .root_type = "proc",
				    .max_cached_names = 8};
	int failed = 0;

	failed |= stress_run("mountpoints", prepare_directory, points, 2,
			     finish_directory);
	failed |= stress_run_with(&config, "tasks", no_preparation, tasks, 4,
				  finish_tasks);
	config.root_type = "devtmpfs";
	failed |= stress_run_with(&config, "devices", no_preparation, devices,
				  2, no_preparation);
	return failed;
}
