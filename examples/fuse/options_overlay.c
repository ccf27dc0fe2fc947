/* SPDX-License-Identifier: MIT */
/*
 * The options of an overlay of the host's directories: those of Linux's
 * overlayfs and of fuse-overlayfs, so that who calls that one can call this.
 * What is the type's own (redirect_dir=, metacopy=, index=, xino=, volatile,
 * userxattr, whiteouts=) goes to it as it is.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "options_rules.h"

/* Of the kernel's: who has no number. */
#define NOBODY 65534u

static int set_path(char **out, const char *value)
{
	if (!value || !*value)
		return -1;
	free(*out);
	*out = text_need(strdup(value));
	return 0;
}

static int set_lower(struct options *options, const char *value)
{
	if (!value || strncmp(value, "//", 2))
		return set_path(&options->layers->lower, value);
	fputs("vfs-fuse: option lowerdir=//...: there are no plugins here\n",
	      stderr);
	return RULE_SAID;
}

static int add_lower(struct options *options, const char *value)
{
	struct layers *layers = options->layers;
	struct text list = {0};
	char one[2] = "";

	if (!value || !*value)
		return -1;
	if (layers->lower) {
		text_add(&list, layers->lower);
		text_add(&list, ":");
	}
	/* here a colon is one of the name's */
	for (; *value; value++) {
		if (*value == ':')
			text_add(&list, "\\");
		one[0] = *value;
		text_add(&list, one);
	}
	free(layers->lower);
	layers->lower = list.at;
	return 0;
}

static int set_upper(struct options *options, const char *value)
{
	return set_path(&options->layers->upper, value);
}

static int set_work(struct options *options, const char *value)
{
	return set_path(&options->layers->work, value);
}

/* ---- who owns what ---- */

static int squash(int64_t *out, const char *value)
{
	unsigned long id;

	if (rule_number(value, UINT32_MAX - 1, &id))
		return -1;
	*out = (int64_t)id;
	return 0;
}

static int set_squash_uid(struct options *options, const char *value)
{
	return squash(&options->layers->squash[0], value);
}

static int set_squash_gid(struct options *options, const char *value)
{
	return squash(&options->layers->squash[1], value);
}

static int set_squash_root(struct options *options, const char *value)
{
	options->layers->squash_root = true;
	return value ? -1 : 0;
}

/* ID:MAPPED:LEN, any number of them with colons between, and one before the
 * first, as podman writes them. */
static int read_map(struct layers *layers, int which, const char *value)
{
	struct vfs_id_map *maps = NULL;
	unsigned long n[3];
	size_t count = 0;
	int used, length;

	if (value && *value == ':')
		value++;
	while (value && *value) {
		used = sscanf(value, "%lu:%lu:%lu%n", &n[0], &n[1], &n[2],
			      &length);
		if (used != 3 || n[0] > UINT32_MAX || n[1] > UINT32_MAX ||
		    !n[2] || n[2] > UINT32_MAX || strchr("+-", *value))
			break;
		maps = text_need(realloc(maps, (count + 1) * sizeof(*maps)));
		maps[count].inside = (uint32_t)n[0];
		maps[count].outside = (uint32_t)n[1];
		maps[count++].count = (uint32_t)n[2];
		value += length;
		if (*value == ':' && value[1])
			value++;
		else if (*value)
			break;
	}
	free(layers->maps[which]);
	layers->maps[which] = maps;
	layers->map_counts[which] = count;
	return count && !*value ? 0 : -1;
}

static int set_uidmapping(struct options *options, const char *value)
{
	return read_map(options->layers, 0, value);
}

static int set_gidmapping(struct options *options, const char *value)
{
	return read_map(options->layers, 1, value);
}

static int set_owner(struct options *options, const char *value)
{
	if (!value || (strcmp(value, "host") && strcmp(value, "xattr")))
		return -1;
	options->layers->owner = !strcmp(value, "xattr") ? "xattr" : "host";
	return 0;
}

static int set_permissions(struct options *options, const char *value)
{
	unsigned long mode;

	(void)options;
	if (rule_number(value, 2, &mode))
		return -1;
	if (!mode)
		return 0;
	fputs("vfs-fuse: option xattr_permissions: fuse-overlayfs's records of "
	      "owners are not read here; owner=xattr keeps libvfs's\n",
	      stderr);
	return RULE_SAID;
}

/* ---- what the kernel is told ---- */

static int set_noxattrs(struct options *options, const char *value)
{
	unsigned long on = 1;

	if (value && rule_number(value, 1, &on))
		return -1;
	options->session.no_xattrs = on;
	return 0;
}

static int set_noacl(struct options *options, const char *value)
{
	options->session.no_acls = true;
	return value ? -1 : 0;
}

static int set_fsync(struct options *options, const char *value)
{
	unsigned long on;

	if (rule_number(value, 1, &on))
		return -1;
	options->session.no_sync = !on;
	return 0;
}

static int set_threaded(struct options *options, const char *value)
{
	unsigned long on = 1;

	if (value && rule_number(value, 1, &on))
		return -1;
	if (!on)
		options->session.max_threads = 1;
	return 0;
}

static int set_static_nlink(struct options *options, const char *value)
{
	unsigned long on = 1;

	if (value && rule_number(value, 1, &on))
		return -1;
	options->session.static_nlink = on;
	return 0;
}

/* Says what all files are labelled as; an engine says it whether or not there
 * is somebody to hear it: SELinux, which does not where there is a user
 * namespace. */
static int set_context(struct options *options, const char *value)
{
	struct text option = {0};

	if (!value || !*value)
		return -1;
	if (!layers_may_trust() || access("/sys/fs/selinux/enforce", F_OK))
		return 0;
	text_add(&option, "context=");
	text_add(&option, value);
	rule_to_host(options, option.at);
	free(option.at);
	return 0;
}

const struct rule rules_of_overlay[] = {
	{"lowerdir", TO_SELF, set_lower, NULL},
	{"lowerdir+", TO_SELF, add_lower, NULL},
	{"upperdir", TO_SELF, set_upper, NULL},
	{"workdir", TO_SELF, set_work, NULL},
	{"squash_to_uid", TO_SELF, set_squash_uid, NULL},
	{"squash_to_gid", TO_SELF, set_squash_gid, NULL},
	{"squash_to_root", TO_SELF, set_squash_root, NULL},
	{"uidmapping", TO_SELF, set_uidmapping, NULL},
	{"gidmapping", TO_SELF, set_gidmapping, NULL},
	{"owner", TO_SELF, set_owner, NULL},
	{"xattr_permissions", TO_SELF, set_permissions, NULL},
	{"static_nlink", TO_SELF, set_static_nlink, NULL},
	{"noxattrs", TO_SELF, set_noxattrs, NULL},
	{"noacl", TO_SELF, set_noacl, NULL},
	{"fsync", TO_SELF, set_fsync, NULL},
	{"threaded", TO_SELF, set_threaded, NULL},
	{"context", TO_SELF, set_context, NULL},
	/* it is as fast as it can be made */
	{"fast_ino", 0, NULL, NULL},
	{"kernel_cache", 0, NULL, NULL},
	{"splice_read", 0, NULL, NULL},
	{"splice_write", 0, NULL, NULL},
	{"splice_move", 0, NULL, NULL},
	{"plugins", REFUSED, NULL, "there are no plugins"},
	{"ino32_t", REFUSED, NULL, "inode numbers have 64 bits"},
	{"lowerfd", REFUSED, NULL, "layers are named by their paths"},
	{"upperfd", REFUSED, NULL, "layers are named by their paths"},
	{"workfd", REFUSED, NULL, "layers are named by their paths"},
	{"server", REFUSED, NULL,
	 "the tree is on disk, and outlives its mount"},
	{NULL, 0, NULL, NULL},
};

/* ---- when all is known ---- */

static int missing(const char *what)
{
	fprintf(stderr, "vfs-fuse: overlay: %s\n", what);
	return -1;
}

static void add(struct text *list, const char *option)
{
	text_option(list, option, strlen(option));
}

static void add_map(struct layers *layers, int which, struct vfs_id_map map)
{
	size_t count = layers->map_counts[which]++;

	layers->maps[which] = text_need(
		realloc(layers->maps[which], (count + 1) * sizeof(map)));
	layers->maps[which][count] = map;
}

/* Who mounts makes files there before it is somebody's of the map (a container
 * engine does): the kernel's number for nobody on the disk, or, where that is
 * somebody, the next behind all. */
static void add_own(struct layers *layers, int which, uint32_t own)
{
	struct vfs_id_map map = {NOBODY, own, 1};
	uint32_t end = 0;
	size_t i;

	for (i = 0; i < layers->map_counts[which]; i++) {
		const struct vfs_id_map *m = &layers->maps[which][i];

		if (own - m->outside < m->count)
			return;
		if (NOBODY - m->inside < m->count)
			map.inside = 0;
		if (m->inside + m->count > end)
			end = m->inside + m->count;
	}
	if (!map.inside)
		map.inside = end;
	add_map(layers, which, map);
}

/* Who is squashed needs no map; of two one alone leaves the other ids alone. */
static void settle_maps(struct layers *layers)
{
	static const struct vfs_id_map all = {0, 0, UINT32_MAX};
	int i;

	for (i = 0; i < 2; i++) {
		if (layers->squash[i] >= 0)
			layers->map_counts[i] = 0;
	}
	for (i = 0; i < 2; i++) {
		if (layers->map_counts[i])
			add_own(layers, i, i ? getegid() : geteuid());
		else if (layers->map_counts[!i])
			add_map(layers, i, all);
	}
}

int overlay_settle(struct options *options)
{
	struct layers *layers = options->layers;
	struct text *inside = &options->inside;

	if (!layers->lower)
		return missing("lowerdir= is missing");
	if (layers->upper && !layers->work)
		return missing("workdir= is missing");
	if (layers->squash_root) {
		for (int i = 0; i < 2; i++)
			if (layers->squash[i] < 0)
				layers->squash[i] = 0;
	}
	options->session.squash =
		layers->squash[0] >= 0 || layers->squash[1] >= 0;
	if (options->session.squash && layers->owner)
		return missing("owner= does not go with squash_to_...");
	settle_maps(layers);
	/* trusted.* is for who is privileged outside of all user namespaces */
	if (!layers_may_trust() && !rule_is_given(inside, "userxattr"))
		add(inside, "userxattr");
	/* a file keeps its number when it is copied up */
	if (!rule_is_given(inside, "xino"))
		add(inside, "xino=on");
	/* layers that image tools have unpacked without device nodes */
	if (!rule_is_given(inside, "whiteouts"))
		add(inside, "whiteouts=names");
	/* directories can be renamed, and whoever reads the layers needs to
	 * know nothing of redirects */
	if (!rule_is_given(inside, "redirect_dir") &&
	    !rule_is_given(inside, "metacopy"))
		add(inside, "redirect_dir=copy");
	return layers_find(layers) ? -1 : 0;
}
