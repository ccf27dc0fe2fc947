/* SPDX-License-Identifier: MIT */
/* vfs_bundle_load: the steps, one after the other. Contract: <vfs/bundle.h>. */
#include <errno.h>
#include <vfs/cred.h>
#include <vfs/file.h>
#include <vfs/instance.h>
#include <vfs/task.h>

#include "bundle.h"

static int make_tree(struct bundle_load *b)
{
	int err = bundle_plan(b);

	if (!err)
		err = bundle_make_root(b);
	if (!err)
		err = bundle_make_mounts(b);
	if (!err)
		err = bundle_make_devices(b);
	if (!err)
		err = bundle_make_tmp(b);
	if (!err)
		err = bundle_mask(b);
	if (!err)
		err = bundle_enter_root(b);
	return err;
}

/* The task keeps nothing of what it took to make the tree. */
static int make_bundle(struct bundle_load *b, struct vfs_bundle *bundle)
{
	int err = make_tree(b);

	if (err)
		return err;
	(void)vfs_close_range(b->task, 0, UINT32_MAX, 0);
	vfs_task_unref(b->stage);
	b->stage = NULL;
	return bundle_make_process(b, bundle);
}

static struct vfs_bundle *alloc_bundle(struct vfs *vfs)
{
	struct bundle_arena arena = {.vfs = vfs};
	struct vfs_bundle *bundle = bundle_alloc(&arena, sizeof(*bundle));

	if (bundle)
		bundle->arena = arena;
	return bundle;
}

/* With the last task of the namespace everything that is mounted goes. */
static void load_fini(struct bundle_load *b)
{
	vfs_task_unref(b->task);
	vfs_task_unref(b->stage);
	vfs_cred_unref(b->inner);
	vfs_cred_unref(b->outer);
	vfs_userns_unref(b->userns);
	bundle_arena_fini(&b->arena);
}

int vfs_bundle_load(struct vfs *vfs, const struct vfs_bundle_spec *spec,
		    struct vfs_bundle **out, char *message, size_t size)
{
	struct bundle_load b = {
		.spec = spec,
		.report = {.vfs = vfs, .message = message, .size = size},
		.arena = {.vfs = vfs},
	};
	struct vfs_bundle *bundle;
	int err, saved = errno; /* calls of the host are made on the way */

	if (!vfs || !spec || !out)
		return -EFAULT;
	err = bundle_check(&b.report, spec);
	if (err)
		return err;
	bundle = alloc_bundle(vfs);
	err = bundle ? make_bundle(&b, bundle) : bundle_no_memory(&b.report);
	if (!err) {
		bundle->task = b.task;
		b.task = NULL;
		*out = bundle;
		bundle = NULL;
	}
	load_fini(&b);
	if (bundle)
		vfs_bundle_free(bundle);
	errno = saved;
	return err;
}

void vfs_bundle_free(struct vfs_bundle *bundle)
{
	struct bundle_arena arena;
	struct vfs *vfs;

	if (!bundle)
		return;
	/* the task may be what keeps the instance */
	vfs = vfs_ref(bundle->arena.vfs);
	vfs_task_unref(bundle->task);
	arena = bundle->arena;
	bundle_arena_fini(&arena);
	vfs_unref(vfs);
}

struct vfs_task *vfs_bundle_task(const struct vfs_bundle *bundle)
{
	return bundle ? bundle->task : NULL;
}

const char *vfs_bundle_executable(const struct vfs_bundle *bundle)
{
	return bundle ? bundle->executable : NULL;
}

const char *vfs_bundle_arg(const struct vfs_bundle *bundle, uint64_t i)
{
	return bundle && i < bundle->arg_count ? bundle->args[i] : NULL;
}

const char *vfs_bundle_env(const struct vfs_bundle *bundle, uint64_t i)
{
	return bundle && i < bundle->env_count ? bundle->env[i] : NULL;
}
