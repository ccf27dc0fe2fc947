/* SPDX-License-Identifier: MIT */
/*
 * The container's process: who it is, where it stands, what it has open, its
 * environment and its program. Contract: bundle.h.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <vfs/cred.h>
#include <vfs/exec.h>
#include <vfs/file.h>
#include <vfs/path.h>
#include <vfs/task.h>

#include "bundle.h"
#include "fds.h"
#include "home.h"

/* ---- who ---- */

static int check_id(struct bundle_load *b, const char *where, uint32_t id,
		    uint32_t mapped)
{
	bundle_where(&b->report, "%s", where);
	return id == UINT32_MAX || mapped == UINT32_MAX
		       ? bundle_refuse(&b->report,
				       "%u is nobody in the container", id)
		       : 0;
}

/* Which of the ids it is that is not mapped. */
static int check_ids(struct bundle_load *b)
{
	const struct vfs_bundle_spec *spec = b->spec;
	int err = check_id(b, "/process/user/uid", spec->uid,
			   bundle_uid(b, spec->uid));

	if (!err)
		err = check_id(b, "/process/user/gid", spec->gid,
			       bundle_gid(b, spec->gid));
	for (uint64_t i = 0; !err && i < spec->group_count; i++)
		err = check_id(b, "/process/user/additionalGids",
			       spec->groups[i], bundle_gid(b, spec->groups[i]));
	return err;
}

static int make_cred(struct bundle_load *b, struct vfs_cred **out)
{
	const struct vfs_bundle_spec *spec = b->spec;
	const struct vfs_cred_spec cred = {
		.size = sizeof(cred),
		.uid = spec->uid,
		.gid = spec->gid,
		.fsuid = spec->uid,
		.fsgid = spec->gid,
		.groups = spec->groups,
		.group_count = spec->group_count,
		.cap_effective = spec->cap_effective,
		.cap_permitted = spec->cap_permitted,
		.userns = b->userns,
	};
	int err = check_ids(b);

	if (err)
		return err;
	bundle_where(&b->report, "/process/user");
	err = vfs_cred_create(b->report.vfs, &cred, out);
	return err ? bundle_fail(&b->report, err, "credentials") : 0;
}

/* ---- where ---- */

/* A directory that root of the container may not search, its user may. */
static int enter_cwd(struct bundle_load *b, struct vfs_cred *cred)
{
	const char *cwd = b->spec->cwd ? b->spec->cwd : "/";
	int err = vfs_chdir(b->task, cwd);

	if (err == -EACCES) {
		(void)vfs_task_set_cred(b->task, cred);
		err = vfs_chdir(b->task, cwd);
		bundle_be_inner(b);
	}
	bundle_where(&b->report, "/process/cwd");
	return err ? bundle_fail(&b->report, err, "\"%s\"", cwd) : 0;
}

static int set_limits(struct bundle_load *b)
{
	const struct vfs_bundle_spec *spec = b->spec;
	int err = 0;

	bundle_be_outer(b);
	for (uint64_t i = 0; !err && i < spec->rlimit_count; i++) {
		const struct vfs_bundle_rlimit *limit = &spec->rlimits[i];
		const struct vfs_rlimit value = {limit->cur, limit->max};

		bundle_where(&b->report, "/process/rlimits/%llu",
			     (unsigned long long)i);
		if (limit->resource < 0 || limit->resource >= RLIM_NLIMITS ||
		    limit->cur > limit->max)
			err = -EINVAL;
		else if (limit->resource == RLIMIT_FSIZE ||
			 limit->resource == RLIMIT_NOFILE)
			err = vfs_setrlimit(b->task, limit->resource, &value);
		if (err)
			err = bundle_fail(&b->report, err, "limit");
	}
	bundle_be_inner(b);
	return err;
}

/* ---- arguments and environment ---- */

static const char **copy_strings(struct bundle_arena *arena,
				 const char *const *strings, uint64_t count,
				 uint64_t room)
{
	const char **copy = bundle_array(arena, count + room, sizeof(*copy));

	for (uint64_t i = 0; copy && i < count; i++) {
		copy[i] = bundle_copy(arena, strings[i], strlen(strings[i]));
		if (!copy[i])
			return NULL;
	}
	return copy;
}

/* Where a variable stands, to find those that are set twice. */
struct variable {
	const char *text;
	uint64_t index;
};

/* By what is in front of the value. */
static int compare_names(const char *left, const char *right)
{
	while (*left == *right && *left && *left != '=') {
		left++;
		right++;
	}
	return (unsigned char)*left - (unsigned char)*right;
}

static int compare(const void *left, const void *right)
{
	const struct variable *l = left, *r = right;
	int order = compare_names(l->text, r->text);

	return order ? order : l->index < r->index ? -1 : 1;
}

/* Those of env that are set again later become NULL. */
static int drop_doubles(struct bundle_load *b, const char **env, uint64_t count)
{
	struct variable *list = bundle_array(&b->arena, count, sizeof(*list));

	if (!list)
		return -ENOMEM;
	for (uint64_t i = 0; i < count; i++)
		list[i] = (struct variable){env[i], i};
	if (count)
		qsort(list, count, sizeof(*list), compare);
	for (uint64_t i = 1; i < count; i++)
		if (strchr(list[i].text, '=') &&
		    !compare_names(list[i - 1].text, list[i].text))
			env[list[i - 1].index] = NULL;
	return 0;
}

/* With room for HOME. */
static int copy_env(struct bundle_load *b, struct vfs_bundle *bundle)
{
	const struct vfs_bundle_spec *spec = b->spec;
	uint64_t n = 0;

	bundle->env =
		copy_strings(&bundle->arena, spec->env, spec->env_count, 1);
	if (!bundle->env || drop_doubles(b, bundle->env, spec->env_count))
		return -ENOMEM;
	for (uint64_t i = 0; i < spec->env_count; i++)
		if (bundle->env[i])
			bundle->env[n++] = bundle->env[i];
	bundle->env_count = n;
	bundle->env[n] = NULL;
	return 0;
}

/* The value of a variable. NULL: it is not set. */
static const char *get_env(const struct vfs_bundle *bundle, const char *name)
{
	size_t len = strlen(name);

	for (uint64_t i = 0; i < bundle->env_count; i++)
		if (!strncmp(bundle->env[i], name, len) &&
		    bundle->env[i][len] == '=')
			return bundle->env[i] + len + 1;
	return NULL;
}

/* HOME, behind the rest of the environment. */
static int add_home(struct bundle_load *b, struct vfs_bundle *bundle)
{
	const char *home;
	int err;

	bundle_where(&b->report, "HOME");
	err = bundle_home(b, &home);
	if (err)
		return bundle_fail(&b->report, err, "/etc/passwd");
	home = bundle_printf(&bundle->arena, "HOME=%s", home);
	if (!home)
		return bundle_no_memory(&b->report);
	bundle->env[bundle->env_count++] = home;
	return 0;
}

static int make_environment(struct bundle_load *b, struct vfs_bundle *bundle)
{
	const struct vfs_bundle_spec *spec = b->spec;

	bundle_where(&b->report, "/process/env");
	bundle->args =
		copy_strings(&bundle->arena, spec->args, spec->arg_count, 0);
	if (!bundle->args || copy_env(b, bundle))
		return bundle_no_memory(&b->report);
	bundle->arg_count = spec->arg_count;
	return get_env(bundle, "HOME") ? 0 : add_home(b, bundle);
}

/* ---- the program ---- */

static int find_program(struct bundle_load *b, struct vfs_bundle *bundle)
{
	const char *name = b->spec->args[0];
	char *path = bundle_alloc(&b->arena, BUNDLE_PATH_MAX);
	char *strings = bundle_alloc(&b->arena, VFS_SCRIPT_MAX);
	int64_t n;
	int err;

	bundle_where(&b->report, "/process/args/0");
	if (!path || !strings)
		return bundle_no_memory(&b->report);
	err = vfs_resolve_executable(b->task, name, get_env(bundle, "PATH"),
				     path, BUNDLE_PATH_MAX);
	if (err)
		return bundle_fail(&b->report, err, "\"%s\"", name);
	n = vfs_resolve_script(b->task, path, strings, VFS_SCRIPT_MAX);
	if (n < 0)
		return bundle_fail(&b->report, (int)n,
				   "\"%s\", its interpreter", path);
	bundle->executable = bundle_copy(&bundle->arena, path, strlen(path));
	return bundle->executable ? 0 : bundle_no_memory(&b->report);
}

int bundle_make_process(struct bundle_load *b, struct vfs_bundle *bundle)
{
	const struct vfs_bundle_spec *spec = b->spec;
	struct vfs_cred *cred = NULL;
	int err = make_cred(b, &cred);

	if (err)
		return err;
	err = enter_cwd(b, cred);
	if (!err)
		err = make_environment(b, bundle);
	if (!err)
		err = set_limits(b);
	if (!err)
		err = bundle_import_stdio(b);
	if (!err) {
		(void)vfs_umask(b->task, spec->flags & VFS_BUNDLE_UMASK
						 ? spec->umask
						 : 022);
		(void)vfs_task_set_cred(b->task, cred);
		if (spec->arg_count)
			err = find_program(b, bundle);
	}
	vfs_cred_unref(cred);
	return err;
}
