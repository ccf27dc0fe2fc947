/* SPDX-License-Identifier: MIT */
/*
 * Input: a config.json. What can be read is also loaded, on a root of this
 * program's own that is read-only, and without binds: which directories of the
 * host there are is nobody's business here.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <vfs/bundle.h>
#include <vfs/mount.h>

#include "fuzz/fuzz.h"

#define INFO 65536

static char root[32];

static const char *make_root(void)
{
	if (*root)
		return root;
	strcpy(root, "/tmp/vfs-fuzz-XXXXXX");
	FUZZ_CHECK(mkdtemp(root) != NULL);
	return root;
}

static void remove_root(void) __attribute__((destructor));
static void remove_root(void)
{
	if (*root)
		rmdir(root);
}

static bool is_bind(const struct vfs_bundle_mount *mount)
{
	for (uint64_t i = 0; i < mount->option_count; i++)
		if (strstr(mount->options[i], "bind"))
			return true;
	return mount->type && !strcmp(mount->type, "bind");
}

/* 0, or a negative errno and one line that says why. */
static void check_result(int err, const char *why, size_t size)
{
	FUZZ_CHECK(err <= 0 && err > -4096);
	FUZZ_CHECK(memchr(why, 0, size) != NULL);
	FUZZ_CHECK(!err || (*why && !strchr(why, '\n')));
}

static void load(struct vfs *vfs, struct vfs_task *task,
		 struct vfs_bundle_spec *spec)
{
	static char before[INFO], after[INFO];
	struct vfs_bundle *bundle = NULL;
	char why[300] = "";
	int err;

	for (uint64_t i = 0; i < spec->mount_count; i++)
		if (is_bind(&spec->mounts[i]))
			return;
	spec->root_path = make_root();
	spec->flags |= VFS_BUNDLE_ROOT_READONLY;
	FUZZ_CHECK(vfs_mountinfo(task, 0, before, sizeof(before)) > 0);
	err = vfs_bundle_load(vfs, spec, &bundle, why, sizeof(why));
	check_result(err, why, sizeof(why));
	FUZZ_CHECK(!err == !!bundle);
	vfs_bundle_free(bundle);
	FUZZ_CHECK(vfs_mountinfo(task, 0, after, sizeof(after)) > 0);
	FUZZ_CHECK(!strcmp(before, after));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct vfs_bundle_spec *spec = NULL;
	struct vfs_task *task;
	struct vfs *vfs;
	char why[100] = "";
	int err;

	fuzz_open(&vfs, &task);
	err = vfs_bundle_parse(vfs, (const char *)data, size, "/nowhere",
			       size & 1 ? VFS_BUNDLE_STRICT : 0, &spec, why,
			       sizeof(why));
	check_result(err, why, sizeof(why));
	FUZZ_CHECK(!err == !!spec);
	if (spec)
		load(vfs, task, spec);
	vfs_bundle_spec_free(spec);
	fuzz_check_tree(task);
	vfs_task_unref(task);
	vfs_unref(vfs);
	return 0;
}
