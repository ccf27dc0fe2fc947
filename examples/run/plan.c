/* SPDX-License-Identifier: MIT */
/*
 * What of a bundle is the host kernel's to do: proc, because programs want to
 * see their own processes, and those are the kernel's, not tasks of libvfs;
 * terminals; and what no library could show (sysfs, mqueue). In the tree there
 * is an empty directory at each of these places, which the kernel mounts them
 * on. Every other mount has flags that are the kernel's to heed as well
 * (noexec, nosuid, nosymfollow), as it runs the programs and walks their paths:
 * each is bound to its own place with them. Contract: run.h.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>

#include "run.h"
#include "text.h"
#include "tree.h"

#define PROPAGATION_FLAGS \
	(UINT64_C(0) | MS_PRIVATE | MS_SHARED | MS_SLAVE | MS_UNBINDABLE)

static const struct kernel_type {
	const char *type;
	bool optional; /* programs can do without */
} kernel_types[] = {
	{"proc", false},
	{"devpts", false},
	{"sysfs", true},
	{"mqueue", true},
};

static const struct kernel_type *find_type(const struct vfs_bundle_mount *m)
{
	size_t i;

	for (i = 0; m->type && i < sizeof(kernel_types) / sizeof(*kernel_types);
	     i++) {
		if (!strcmp(kernel_types[i].type, m->type))
			return &kernel_types[i];
	}
	return NULL;
}

char *run_clean(const char *path, unsigned int *depth)
{
	char *out = text_need(calloc(1, strlen(path) + 2));
	size_t length = 0, n;

	*depth = 0;
	for (; *path; path += n + (path[n] == '/')) {
		n = strcspn(path, "/");
		if (n == 2 && !strncmp(path, "..", 2)) {
			while (length && out[--length] != '/')
				;
			*depth -= *depth > 0;
		} else if (n && !(n == 1 && *path == '.')) {
			out[length++] = '/';
			memcpy(out + length, path, n);
			length += n;
			++*depth;
		}
	}
	out[length] = '\0';
	if (!length)
		strcpy(out, "/");
	return out;
}

uint64_t run_propagation(const char *name)
{
	uint64_t flags = 0;

	vfs_mount_option(name, strlen(name), &flags);
	return flags & PROPAGATION_FLAGS ? flags : 0;
}

static bool take_propagation(struct run_mount *mount, const char *option)
{
	uint64_t flags = run_propagation(option);

	if (flags && mount->propagations < PROPAGATIONS)
		mount->propagation[mount->propagations++] = flags;
	return flags;
}

/* Old mount(8) has its words. */
static bool is_idle(const char *option)
{
	static const char *const words[] = {"silent", "loud",	  "mand",
					    "nomand", "iversion", "noiversion"};
	size_t i;

	for (i = 0; i < sizeof(words) / sizeof(*words); i++) {
		if (!strcmp(option, words[i]))
			return true;
	}
	return false;
}

static bool take_word(const char *option, uint64_t *flags)
{
	return is_idle(option) || tree_flag(option, strlen(option), flags);
}

/* One option of a mount; an r in front says the same of everything below. */
static bool take_flag(const char *option, uint64_t *flags)
{
	return take_word(option, flags) ||
	       (*option == 'r' && take_word(option + 1, flags));
}

static void read_options(struct run_mount *mount,
			 const struct vfs_bundle_mount *m)
{
	struct text data = {0};
	uint64_t i;

	for (i = 0; i < m->option_count; i++) {
		if (!strcmp(m->options[i], "remount"))
			mount->remount = true;
		else if (!take_propagation(mount, m->options[i]) &&
			 !take_flag(m->options[i], &mount->flags))
			text_option(&data, m->options[i],
				    strlen(m->options[i]));
	}
	mount->data = data.at;
}

static int compare(const void *left, const void *right)
{
	const struct run_mount *l = left, *r = right;

	if (l->depth != r->depth)
		return l->depth < r->depth ? -1 : 1;
	return l->index < r->index ? -1 : 1;
}

/* A type that nobody has is told of; but not of control groups, which every
 * config mounts, and hardly a program looks for. */
static void tell_unknown(const struct run *run, size_t i,
			 const struct vfs_bundle_mount *m)
{
	static const char *const known[] = {"tmpfs",  "devtmpfs", "overlay",
					    "cgroup", "cgroup2",  "none"};
	size_t k;

	for (k = 0; k < sizeof(known) / sizeof(*known); k++) {
		if (!m->type || !strcmp(m->type, known[k]))
			return;
	}
	fprintf(stderr,
		"vfs-run: %s: /mounts/%zu (%s, %s): not mounted: nothing here "
		"is of that type\n",
		run->directory, i, m->destination, m->type);
}

/* The mount of an earlier one at the same place, if that is the kernel's. */
static const char *type_below(const struct run *run, const char *destination)
{
	const char *type = NULL;
	size_t i;

	for (i = 0; i < run->mount_count; i++) {
		const struct run_mount *mount = &run->mounts[i];

		if (!mount->remount && !strcmp(mount->destination, destination))
			type = mount->type;
	}
	return type;
}

/* What the tree has is remounted there, and its flags here. */
static void plan_remount(struct run *run, struct run_mount *mount,
			 struct vfs_bundle_mount *m)
{
	static const char *const nothing[] = {"remount", "bind"};

	mount->type = type_below(run, mount->destination);
	run->mount_count++;
	if (!mount->type)
		return;
	m->options = nothing;
	m->option_count = 2;
}

static void plan_new(struct run *run, struct run_mount *mount,
		     struct vfs_bundle_mount *m)
{
	const struct kernel_type *type = NULL;

	if (mount->flags & MS_BIND)
		mount->shown = "bind";
	else
		type = find_type(m);
	run->mount_count++;
	if (!type) {
		if (!(mount->flags & MS_BIND))
			tell_unknown(run, mount->index, m);
		return;
	}
	mount->type = type->type;
	mount->optional = type->optional;
	mount->source = m->source ? m->source : type->type;
	/* an empty directory */
	m->type = "sysfs";
	m->options = NULL;
	m->option_count = 0;
}

/* The mount, for the kernel, and as the tree is to have it. */
static void plan_mount(struct run *run, size_t i, struct vfs_bundle_mount *m)
{
	struct run_mount *mount = &run->mounts[run->mount_count];

	mount->index = i;
	mount->tree = -1;
	mount->shown = m->type ? m->type : "none";
	read_options(mount, m);
	if (m->type && !strcmp(m->type, "bind"))
		mount->flags |= MS_BIND;
	mount->destination = run_clean(m->destination, &mount->depth);
	if (!mount->depth) {
		/* which the library will not have */
		free(mount->data);
		free(mount->destination);
		memset(mount, 0, sizeof(*mount));
	} else if (mount->remount) {
		plan_remount(run, mount, m);
	} else {
		plan_new(run, mount, m);
	}
}

static void plan_mounts(struct run *run)
{
	const struct vfs_bundle_spec *config = run->config;
	struct vfs_bundle_mount *copy =
		text_need(calloc(config->mount_count + 1, sizeof(*copy)));
	size_t i;

	run->mounts = text_need(
		calloc(config->mount_count + 1, sizeof(*run->mounts)));
	for (i = 0; i < config->mount_count; i++) {
		copy[i] = config->mounts[i];
		plan_mount(run, i, &copy[i]);
	}
	run->spec.mounts = copy;
	qsort(run->mounts, run->mount_count, sizeof(*run->mounts), compare);
}

bool run_is_kernels(const struct run *run, const char *path)
{
	size_t i;

	for (i = 0; i < run->mount_count; i++) {
		const char *place = run->mounts[i].destination;
		size_t length = strlen(place);

		if (run->mounts[i].type && !strncmp(path, place, length) &&
		    (path[length] == '/' || !path[length]))
			return true;
	}
	return false;
}

int run_plan(struct run *run)
{
	struct vfs_bundle_spec *spec = &run->spec;

	*spec = *run->config;
	if (run->args) {
		spec->args = (const char *const *)run->args;
		spec->arg_count = run->arg_count;
	}
	if (!spec->arg_count)
		return run_fail("%s: config.json: /process/args: missing or "
				"empty, and no program is behind --",
				run->directory);
	spec->overlay = run->overlay;
	spec->overlay_path = run->overlay_path;
	/* the program's own are the kernel's to heed */
	spec->rlimits = NULL;
	spec->rlimit_count = 0;
	run->terminal = spec->flags & VFS_BUNDLE_TERMINAL;
	spec->flags &= ~VFS_BUNDLE_TERMINAL;
	plan_mounts(run);
	return 0;
}

void run_plan_free(struct run *run)
{
	size_t i;

	for (i = 0; i < run->mount_count; i++) {
		free(run->mounts[i].destination);
		free(run->mounts[i].data);
	}
	free(run->mounts);
	free(run->fds);
	/* run->config still has those that were read */
	if (run->mounts)
		free((void *)(uintptr_t)run->spec.mounts);
}
