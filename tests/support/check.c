/* SPDX-License-Identifier: MIT */
#include "support/check.h"

#include <stdlib.h>

static void world_log(void *context, int32_t level, const char *message)
{
	struct world *world = context;

	(void)level;
	snprintf(world->log, sizeof(world->log), "%s", message);
}

struct vfs_task *world_user(struct world *world, uint32_t uid, uint32_t gid)
{
	struct vfs_cred_spec spec = {.size = sizeof(spec),
				     .uid = uid,
				     .gid = gid,
				     .fsuid = uid,
				     .fsgid = gid};
	struct vfs_cred *cred;
	struct vfs_task *task = NULL;

	if (vfs_cred_create(world->vfs, &spec, &cred))
		return NULL;
	if (vfs_task_create(world->vfs, cred, &task))
		task = NULL;
	vfs_cred_unref(cred);
	if (task)
		vfs_umask(task, 0);
	return task;
}

int world_open(struct world *world, const struct vfs_config *config)
{
	struct vfs_config own = {.size = sizeof(own)};
	int error;

	memset(world, 0, sizeof(*world));
	if (config)
		own = *config;
	test_alloc_init(&world->alloc);
	test_clock_init(&world->clock);
	own.allocator = &world->alloc.hooks;
	test_clock_install(&world->clock, &own);
	own.log = world_log;
	own.log_context = world;
	error = vfs_create(&own, &world->vfs);
	if (error)
		return error;
	error = vfs_task_create(world->vfs, NULL, &world->task);
	if (error)
		goto put_vfs;
	vfs_umask(world->task, 0);
	world->user = world_user(world, 1000, 1000);
	error = world->user ? 0 : -ENOMEM;
	if (!error)
		return 0;
	vfs_task_unref(world->task);
put_vfs:
	vfs_unref(world->vfs);
	world->vfs = NULL;
	return error;
}

bool world_close(struct world *world)
{
	vfs_task_unref(world->user);
	vfs_task_unref(world->task);
	vfs_unref(world->vfs);
	if (test_alloc_balanced(&world->alloc))
		return true;
	fprintf(stderr,
		"leak: %lld blocks, %lld bytes; freed with a wrong size: "
		"%llu\n",
		(long long)world->alloc.live_blocks,
		(long long)world->alloc.live_bytes,
		(unsigned long long)world->alloc.mismatches);
	return false;
}

int world_setup(void **state)
{
	struct world *world = malloc(sizeof(*world));

	*state = world;
	return world ? world_open(world, NULL) : -1;
}

int world_teardown(void **state)
{
	struct world *world = *state;
	bool clean = world_close(world);

	free(world);
	return clean ? 0 : -1;
}

/* A number, or an errno's name. */
static const char *name_of(int64_t value, char *text, size_t size)
{
	if (value < 0 && value > -4096)
		return vfs_errno_name((int)value);
	snprintf(text, size, "%lld", (long long)value);
	return text;
}

int64_t check__eq(int64_t got, int64_t expected, const char *what,
		  const char *file, int line)
{
	char left[32], right[32];

	if (got == expected)
		return got;
	print_error("%s\n  is %s, not %s\n", what,
		    name_of(got, left, sizeof(left)),
		    name_of(expected, right, sizeof(right)));
	_fail(file, line);
	return got;
}

int64_t check__ge(int64_t got, const char *what, const char *file, int line)
{
	if (got >= 0)
		return got;
	print_error("%s\n  is %s\n", what, vfs_errno_name((int)got));
	_fail(file, line);
	return got;
}

int check__fd(int64_t got, const char *what, const char *file, int line)
{
	return (int)check__ge(got, what, file, line);
}

void put_file(struct vfs_task *task, const char *path, const char *text)
{
	int fd = check_fd(
		vfs_open(task, path, O_WRONLY | O_CREAT | O_TRUNC, 0644));

	check_eq(vfs_write(task, fd, text, strlen(text)), strlen(text));
	check_ok(vfs_close(task, fd));
}

void check__file(struct vfs_task *task, const char *path, const char *text,
		 const char *file, int line)
{
	char have[4096];
	int fd = (int)check__ge(vfs_open(task, path, O_RDONLY, 0), path, file,
				line);
	int64_t n = check__eq(vfs_read(task, fd, have, sizeof(have)),
			      (int64_t)strlen(text), path, file, line);

	_assert_memory_equal(have, text, (size_t)n, file, line);
	check__eq(vfs_close(task, fd), 0, "close", file, line);
}

bool exists(struct vfs_task *task, const char *path)
{
	struct vfs_stat st;

	return vfs_lstat(task, path, &st) == 0;
}

uint64_t ino_of(struct vfs_task *task, const char *path)
{
	struct vfs_stat st;

	check_ok(vfs_lstat(task, path, &st));
	return st.ino;
}

uint32_t nlink_of(struct vfs_task *task, const char *path)
{
	struct vfs_stat st;

	check_ok(vfs_lstat(task, path, &st));
	return st.nlink;
}
