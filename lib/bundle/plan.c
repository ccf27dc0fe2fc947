/* SPDX-License-Identifier: MIT */
/*
 * Mounts as they will be made: options read, descriptors given in the order of
 * the spec, then parents before children. Contract: bundle.h.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>

#include "bundle.h"

/* path, which is absolute, without `.`, `..` and double slashes, as text: what
 * symlinks make of it shows when it is walked. */
static char *clean(struct bundle_arena *arena, const char *path,
		   uint32_t *depth)
{
	char *out = bundle_alloc(arena, strlen(path) + 2);
	size_t len = 0;

	*depth = 0;
	while (out && *path) {
		size_t n = strcspn(path, "/");

		if (n == 2 && path[0] == '.' && path[1] == '.') {
			while (len && out[--len] != '/')
				;
			*depth -= *depth > 0;
		} else if (n && !(n == 1 && *path == '.')) {
			out[len++] = '/';
			memcpy(out + len, path, n);
			len += n;
			++*depth;
		}
		path += n + (path[n] == '/');
	}
	if (out) {
		out[len] = 0;
		if (!len)
			strcpy(out, "/");
	}
	return out;
}

static const char *type_of(const struct bundle_plan *plan)
{
	if (plan->options.bind)
		return "bind";
	return plan->spec->type ? plan->spec->type : "none";
}

/* Only the first mount tells what a descriptor is for: in the spec's order. */
static int give_descriptor(struct bundle_load *b, struct bundle_plan *plan,
			   uint64_t *given)
{
	const struct vfs_bundle_spec *spec = b->spec;

	plan->fd = -1;
	if (!plan->options.bind || plan->options.remount ||
	    !spec->mount_fd_count)
		return 0;
	if (*given == spec->mount_fd_count)
		return bundle_refuse(&b->report,
				     "no descriptor is left for it");
	plan->fd = spec->mount_fds[(*given)++];
	return plan->fd >= 0 ? 0
			     : bundle_fail(&b->report, -EBADF, "descriptor %d",
					   plan->fd);
}

/* Maps say it without the option, too. */
static int check_maps(struct bundle_load *b, struct bundle_plan *plan)
{
	const struct vfs_bundle_mount *m = plan->spec;

	if (!m->uid_map_count && !m->gid_map_count)
		return 0;
	plan->options.idmap = true;
	return m->uid_map_count && m->gid_map_count
		       ? 0
		       : bundle_refuse(&b->report, "uidMappings and "
						   "gidMappings belong "
						   "together");
}

static int check_plan(struct bundle_load *b, const struct bundle_plan *plan)
{
	const struct bundle_options *o = &plan->options;

	if (!plan->depth)
		return bundle_refuse(&b->report,
				     "the root is no place for a mount");
	if (o->bind && !o->remount && plan->fd < 0 &&
	    (!plan->spec->source || !*plan->spec->source))
		return bundle_refuse(&b->report, "a bind without a source");
	if (o->bind && bundle_takes_root(o->data))
		return bundle_refuse(&b->report,
				     "the option rootfd is the bundle's");
	if (o->idmap && (!o->bind || o->remount))
		return bundle_refuse(&b->report, "idmap is for binds");
	if (o->copy_up && (o->bind || strcmp(plan->type, "tmpfs")))
		return bundle_refuse(&b->report, "tmpcopyup is for tmpfs");
	return 0;
}

static int plan_one(struct bundle_load *b, uint64_t index, uint64_t *given)
{
	struct bundle_plan *plan = &b->plans[index];
	int err;

	plan->spec = BUNDLE_AT(b->spec->mounts, index);
	plan->index = index;
	bundle_where(&b->report, "/mounts/%llu/options",
		     (unsigned long long)index);
	err = bundle_options_parse(&b->arena, &b->report, plan->spec->options,
				   plan->spec->option_count, &plan->options);
	if (err)
		return err;
	if (plan->spec->type && !strcmp(plan->spec->type, "bind"))
		plan->options.bind = true;
	plan->type = type_of(plan);
	bundle_where(&b->report, "/mounts/%llu (%s, %s)",
		     (unsigned long long)index, plan->spec->destination,
		     plan->type);
	plan->destination =
		clean(&b->arena, plan->spec->destination, &plan->depth);
	if (!plan->destination)
		return bundle_no_memory(&b->report);
	err = give_descriptor(b, plan, given);
	if (!err)
		err = check_maps(b, plan);
	return err ? err : check_plan(b, plan);
}

/* With the index in it no two are equal. */
static int compare(const void *left, const void *right)
{
	const struct bundle_plan *l = left, *r = right;

	if (l->depth != r->depth)
		return l->depth < r->depth ? -1 : 1;
	return l->index < r->index ? -1 : 1;
}

int bundle_plan(struct bundle_load *b)
{
	uint64_t count = b->spec->mount_count, given = 0;
	int err = 0;

	b->plans = bundle_array(&b->arena, count, sizeof(*b->plans));
	if (!b->plans)
		return bundle_no_memory(&b->report);
	for (uint64_t i = 0; !err && i < count; i++)
		err = plan_one(b, i, &given);
	if (err)
		return err;
	if (given < b->spec->mount_fd_count) {
		bundle_where(&b->report, "/mounts");
		return bundle_refuse(
			&b->report,
			"descriptor %d is left over: there are %llu binds for "
			"%llu descriptors",
			b->spec->mount_fds[given], (unsigned long long)given,
			(unsigned long long)b->spec->mount_fd_count);
	}
	if (count)
		qsort(b->plans, count, sizeof(*b->plans), compare);
	return 0;
}
