/* SPDX-License-Identifier: MIT */
/* The command line. Contract: options.h. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include "options_rules.h"

int rule_number(const char *value, unsigned long max, unsigned long *out)
{
	char *end;

	if (!value || *value < '0' || *value > '9')
		return -1;
	errno = 0;
	*out = strtoul(value, &end, 10);
	return *end || errno || *out > max ? -1 : 0;
}

bool rule_is_given(const struct text *list, const char *name)
{
	const char *at = list->at, *option, *value;
	size_t length;

	while (at && (length = option_next(&at, &option))) {
		if (option_is(option, length, name, &value))
			return true;
	}
	return false;
}

void rule_to_host(struct options *options, const char *option)
{
	struct text whole = {0};
	char before = 0;

	/* a comma within quotes would be another option's beginning */
	for (; *option; before = *option++) {
		if (*option == ',' && before != '\\')
			text_add(&whole, "\\");
		text_add(&whole, (char[]){*option, 0});
	}
	text_option(&options->fuse, whole.at, whole.length);
	free(whole.at);
}

static int set_remount(struct options *options, const char *value)
{
	options->remount = true;
	return value ? -1 : 0;
}

static int set_debug(struct options *options, const char *value)
{
	options->debug = true;
	return value ? -1 : 0;
}

static int set_type(struct options *options, const char *value)
{
	if (!value || !*value)
		return -1;
	free(options->own_type);
	options->own_type = text_need(strdup(value));
	options->type = options->own_type;
	return 0;
}

static int set_server(struct options *options, const char *value)
{
	if (!value || !*value)
		return -1;
	free(options->server);
	options->server = text_need(strdup(value));
	return 0;
}

static int set_cache(struct options *options, const char *value)
{
	options->cache_chosen = true;
	if (value && !strcmp(value, "kernel"))
		options->session.cache = CACHE_KERNEL;
	else if (value && !strcmp(value, "none"))
		options->session.cache = CACHE_NONE;
	else
		return -1;
	return 0;
}

static int set_threads(struct options *options, const char *value)
{
	unsigned long n;

	if (rule_number(value, 4096, &n) || !n)
		return -1;
	options->session.max_threads = (unsigned int)n;
	return 0;
}

/* -1, in libfuse's words: all of them */
static int set_idle(struct options *options, const char *value)
{
	unsigned long n = 4096;

	if (value && strcmp(value, "-1") && rule_number(value, 4096, &n))
		return -1;
	options->session.max_idle = (unsigned int)n;
	return value ? 0 : -1;
}

static int set_size(unsigned int *size, const char *value)
{
	unsigned long n;

	if (rule_number(value, UINT32_MAX, &n) || n < 4096)
		return -1;
	*size = (unsigned int)n;
	return 0;
}

static int set_max_write(struct options *options, const char *value)
{
	return set_size(&options->session.max_write, value);
}

static int set_max_read(struct options *options, const char *value)
{
	return set_size(&options->session.max_read, value);
}

static int set_timeout(struct options *options, const char *value)
{
	double seconds;
	char *end;

	if (!value || !*value)
		return -1;
	seconds = strtod(value, &end);
	if (*end || !(seconds >= 0))
		return -1;
	options->session.timeout = seconds;
	options->session.has_timeout = true;
	return 0;
}

static int need_value(struct options *options, const char *value)
{
	(void)options;
	return value && *value ? 0 : -1;
}

static int set_noatime(struct options *options, const char *value)
{
	options->session.noatime = true;
	return value ? -1 : 0;
}

static int set_writeback(struct options *options, const char *value)
{
	unsigned long on = 1;

	if (value && rule_number(value, 1, &on))
		return -1;
	options->session.writeback = on;
	return 0;
}

/* What is the same whatever the type. */
static const struct rule rules_of_all[] = {
	{"type", TO_SELF, set_type, NULL},
	{"cache", TO_SELF, set_cache, NULL},
	{"server", TO_SELF, set_server, NULL},
	{"max_threads", TO_SELF, set_threads, NULL},
	{"max_idle_threads", TO_SELF, set_idle, NULL},
	{"max_write", TO_SELF, set_max_write, NULL},
	{"timeout", TO_SELF, set_timeout, NULL},
	{"remount", TO_SELF, set_remount, NULL},
	{"debug", TO_SELF, set_debug, NULL},
	{"ro", TO_HOST | TO_INSIDE, NULL, NULL},
	{"rw", TO_HOST | TO_INSIDE, NULL, NULL},
	{"noatime", TO_HOST | TO_INSIDE | TO_SELF, set_noatime, NULL},
	{"atime", TO_HOST | TO_INSIDE, NULL, NULL},
	{"nodiratime", TO_INSIDE, NULL, NULL},
	{"diratime", TO_INSIDE, NULL, NULL},
	{"relatime", TO_INSIDE, NULL, NULL},
	{"norelatime", TO_INSIDE, NULL, NULL},
	{"strictatime", TO_INSIDE, NULL, NULL},
	{"nostrictatime", TO_INSIDE, NULL, NULL},
	{"lazytime", TO_INSIDE, NULL, NULL},
	{"nolazytime", TO_INSIDE, NULL, NULL},
	{"suid", TO_HOST, NULL, NULL},
	{"nosuid", TO_HOST, NULL, NULL},
	{"dev", TO_HOST, NULL, NULL},
	{"nodev", TO_HOST, NULL, NULL},
	{"exec", TO_HOST, NULL, NULL},
	{"noexec", TO_HOST, NULL, NULL},
	{"sync", TO_HOST, NULL, NULL},
	{"async", TO_HOST, NULL, NULL},
	{"dirsync", TO_HOST, NULL, NULL},
	{"allow_other", TO_HOST, NULL, NULL},
	{"allow_root", TO_HOST, NULL, NULL},
	{"auto_unmount", TO_HOST, NULL, NULL},
	{"fsname", TO_HOST | TO_SELF, need_value, NULL},
	{"subtype", TO_HOST | TO_SELF, need_value, NULL},
	{"max_read", TO_HOST | TO_SELF, set_max_read, NULL},
	{"context", TO_HOST, NULL, NULL},
	{"fscontext", TO_HOST, NULL, NULL},
	{"defcontext", TO_HOST, NULL, NULL},
	{"rootcontext", TO_HOST, NULL, NULL},
	/* what mount(8) finds in the list of mounts, and gives to a remount */
	{"user_id", 0, NULL, NULL},
	{"group_id", 0, NULL, NULL},
	{"rootmode", 0, NULL, NULL},
	/* it is always so */
	{"default_permissions", 0, NULL, NULL},
	{"big_writes", 0, NULL, NULL},
	{"clone_fd", 0, NULL, NULL},
	{"nonempty", 0, NULL, NULL},
	{"writeback", TO_SELF, set_writeback, NULL},
	{"writeback_cache", TO_SELF, set_writeback, NULL},
	{"blkdev", REFUSED, NULL, "the tree is in memory, not on a device"},
	{NULL, 0, NULL, NULL},
};

/*
 * What a type has besides, when its options are not simply its own: each table
 * is looked at before the one above.
 */
static const struct type_rules {
	const char *type;
	const struct rule *rules;
} rules_of_types[] = {
	{"overlay", rules_of_overlay},
	{NULL, NULL},
};

static const struct rule *find_in(const struct rule *rules, const char *option,
				  size_t length, const char **value)
{
	for (; rules && rules->name; rules++) {
		if (option_is(option, length, rules->name, value))
			return rules;
	}
	return NULL;
}

static const struct rule *find_rule(const struct options *options,
				    const char *option, size_t length,
				    const char **value)
{
	const struct type_rules *t;
	const struct rule *rule = NULL;

	for (t = rules_of_types; t->type && !rule; t++) {
		if (options->type && !strcmp(t->type, options->type))
			rule = find_in(t->rules, option, length, value);
	}
	return rule ? rule : find_in(rules_of_all, option, length, value);
}

static int follow_rule(struct options *options, const struct rule *rule,
		       const char *option, size_t length, const char *value)
{
	uint64_t flags = options->host_flags;
	int err = 0;

	if (rule->to & REFUSED) {
		fprintf(stderr, "vfs-fuse: option %.*s: not here: %s\n",
			(int)length, option, rule->why);
		return -1;
	}
	if (rule->to & TO_SELF)
		err = rule->set(options, value);
	if (err == -1)
		fprintf(stderr, "vfs-fuse: option %.*s makes no sense\n",
			(int)length, option);
	if (err)
		return -1;
	if (rule->to & TO_HOST) {
		rule_to_host(options, option);
		tree_flag(option, length, &flags);
		options->host_flags = (unsigned long)flags;
	}
	if (rule->to & TO_INSIDE)
		text_option(&options->inside, option, length);
	return 0;
}

static int parse_one(struct options *options, const char *option, size_t length)
{
	char *word = text_need(strndup(option, length));
	const struct rule *rule;
	const char *value = NULL;
	uint64_t ignored = 0;
	int err = 0;

	rule = find_rule(options, word, length, &value);
	if (rule)
		err = follow_rule(options, rule, word, length, value);
	else if (tree_flag(word, length, &ignored) != 2)
		text_option(&options->inside, word, length);
	free(word);
	return err;
}

static int parse_list(struct options *options, const char *list)
{
	const char *option;
	size_t length;

	while ((length = option_next(&list, &option))) {
		if (parse_one(options, option, length))
			return -1;
	}
	return 0;
}

/* An overlay's layers are enough to know what it is: fuse-overlayfs's command
 * line has no word for it. */
static bool has_layers(const char *list)
{
	const char *option, *value;
	size_t length;

	while (list && (length = option_next(&list, &option))) {
		if (option_is(option, length, "lowerdir", &value) ||
		    option_is(option, length, "lowerdir+", &value))
			return true;
	}
	return false;
}

/* What is left of the command line: [SOURCE] MOUNTPOINT. */
static int parse_places(struct options *options, const char *list, int count,
			char **words)
{
	bool described = options->described;

	if (options->help || options->version || options->stop)
		return 0;
	if (count == 1 && !described && !options->type && has_layers(list))
		options->source = options->type = "overlay";
	if (count < 1 || count > 2 ||
	    (count < 2 && !described && !options->type)) {
		fputs("vfs-fuse: say what to mount, and where; --help says "
		      "more\n",
		      stderr);
		return -1;
	}
	options->mountpoint = words[count - 1];
	if (count == 2)
		options->source = words[0];
	else if (!options->source)
		options->source = options->type ? options->type : "vfs-fuse";
	if (!options->type && count == 2)
		options->type = options->source;
	return 0;
}

static const struct option long_options[] = {
	{"help", no_argument, NULL, 'h'},
	{"version", no_argument, NULL, 'V'},
	{"foreground", no_argument, NULL, 'f'},
	{"debug", no_argument, NULL, 'd'},
	{"fstab", required_argument, NULL, 'F'},
	{"stop", required_argument, NULL, 'S'},
	{"types", required_argument, NULL, 't'},
	{"options", required_argument, NULL, 'o'},
	{NULL, 0, NULL, 0},
};

static int take(struct options *options, struct text *list, int letter)
{
	switch (letter) {
	case 'h':
		options->help = true;
		return 0;
	case 'V':
		options->version = true;
		return 0;
	case 'd':
		options->debug = true;
		return 0;
	case 'f':
		options->foreground = true;
		return 0;
	case 's':
		options->session.max_threads = 1;
		return 0;
	case 'n':
	case 'v':
		return 0; /* mount(8) gives these to its helpers */
	case 't':
		options->type = optarg;
		return 0;
	case 'o':
		text_option(list, optarg, strlen(optarg));
		return 0;
	case 'S':
		options->stop = optarg;
		return 0;
	case 'F':
		options->described = true;
		return tree_load(&options->tree, optarg) ? -1 : 0;
	default:
		return -1;
	}
}

/* Options of the mount that every one of ours has. */
static void add_own(struct options *options)
{
	struct text *fuse = &options->fuse;
	struct text name = {0};
	const char *at;

	if (!rule_is_given(fuse, "fsname")) {
		text_add(&name, "fsname=");
		/* a comma would begin another option */
		for (at = options->source; *at; at++)
			text_add(&name, (char[]){*at == ',' ? '_' : *at, 0});
		text_option(fuse, name.at, name.length);
		free(name.at);
	}
	if (!rule_is_given(fuse, "subtype"))
		text_option(fuse, "subtype=vfs-fuse", 16);
	/* files are everybody's, with their permissions */
	if (!geteuid() && !rule_is_given(fuse, "allow_root") &&
	    !rule_is_given(fuse, "allow_other"))
		text_option(fuse, "allow_other", 11);
	/* what is in layers is to run as it would have where they come from */
	if (!geteuid() && options->layers->lower &&
	    !rule_is_given(fuse, "nosuid"))
		text_option(fuse, "suid", 4);
	/* the library checks everything that it is asked; devices, FIFOs and
	 * walks over kept names it is not asked about */
	text_option(fuse, "default_permissions", 19);
	if (options->debug)
		text_option(fuse, "debug", 5);
	options->session.fuse = fuse->at;
}

/* Of what is seen at two places the kernel knows nothing at one when it changes
 * at the other. */
static int settle_cache(struct options *options)
{
	const char *with = options->server ? "server=" : "a bind";

	if (!options->server && !tree_has_binds(&options->tree))
		return 0;
	if (options->cache_chosen && options->session.cache == CACHE_KERNEL) {
		fprintf(stderr,
			"vfs-fuse: option cache=kernel: not with %s: a change "
			"at one place would not be seen at the other\n",
			with);
		return -1;
	}
	options->session.cache = CACHE_NONE;
	return 0;
}

/* Where the kernel knows sizes and times better, it must know all changes. */
static int settle_writeback(const struct options *options)
{
	const char *why = NULL;

	if (options->session.cache == CACHE_NONE)
		why = "not with cache=none and server=";
	else if (options->described || (strcmp(options->type, "tmpfs") &&
					strcmp(options->type, "overlay")))
		why = "for a tmpfs or an overlay alone";
	if (!why)
		return 0;
	fprintf(stderr, "vfs-fuse: option writeback: %s\n", why);
	return -1;
}

/* What the command line alone says of the tree. */
static int settle_root(struct options *options)
{
	bool layered = !strcmp(options->type, "overlay");

	if (layered && !options->remount) {
		if (overlay_settle(options))
			return -1;
		options->tree.layers = options->layers;
	}
	tree_add(&options->tree, options->type, options->source, "/",
		 options->inside.at);
	return 0;
}

int options_parse(struct options *options, int argc, char **argv)
{
	struct text list = {0};
	int letter, err = 0;

	memset(options, 0, sizeof(*options));
	options->layers = layers_create();
	while (!err && (letter = getopt_long(argc, argv, "hVdfsnvt:o:F:",
					     long_options, NULL)) != -1)
		err = take(options, &list, letter);
	if (!err)
		err = parse_places(options, list.at, argc - optind,
				   argv + optind);
	if (!err && list.at)
		err = parse_list(options, list.at);
	free(list.at);
	if (err || options->help || options->version || options->stop)
		return err;
	if (settle_cache(options))
		return -1;
	if (options->session.writeback && settle_writeback(options))
		return -1;
	if (options->debug)
		options->foreground = true;
	add_own(options);
	return options->described ? 0 : settle_root(options);
}

void options_free(struct options *options)
{
	tree_free(&options->tree);
	layers_free(options->layers);
	free(options->server);
	free(options->own_type);
	free(options->fuse.at);
	free(options->inside.at);
}
