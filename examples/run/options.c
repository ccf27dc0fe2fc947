/* SPDX-License-Identifier: MIT */
/* The command line. Contract: run.h. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "run.h"

enum {
	OVERLAY = 256,
	DIFF,
	CACHE,
	STRICT
};

static const struct option long_options[] = {
	{"overlay", required_argument, NULL, OVERLAY},
	{"diff", no_argument, NULL, DIFF},
	{"cache", required_argument, NULL, CACHE},
	{"strict", no_argument, NULL, STRICT},
	{"debug", no_argument, NULL, 'd'},
	{"help", no_argument, NULL, 'h'},
	{"version", no_argument, NULL, 'V'},
	{NULL, 0, NULL, 0},
};

static void take_overlay(struct run *run, const char *value)
{
	run->overlay_path = NULL;
	if (!strcmp(value, "none")) {
		run->overlay = VFS_BUNDLE_OVERLAY_NONE;
	} else if (!strcmp(value, "memory")) {
		run->overlay = VFS_BUNDLE_OVERLAY_MEMORY;
	} else {
		run->overlay = VFS_BUNDLE_OVERLAY_DIRECTORY;
		run->overlay_path = value;
	}
}

static int take_cache(struct run *run, const char *value)
{
	if (!strcmp(value, "kernel"))
		run->cache = CACHE_KERNEL;
	else if (!strcmp(value, "none"))
		run->cache = CACHE_NONE;
	else
		return run_fail("--cache=%s: it is kernel or none", value);
	return 0;
}

static int take(struct run *run, int letter)
{
	switch (letter) {
	case OVERLAY:
		take_overlay(run, optarg);
		return 0;
	case DIFF:
		run->diff = true;
		return 0;
	case CACHE:
		return take_cache(run, optarg);
	case STRICT:
		run->strict = true;
		return 0;
	case 'd':
		run->debug = true;
		return 0;
	case 'h':
		run->help = true;
		return 0;
	case 'V':
		run->version = true;
		return 0;
	default: /* getopt has said what */
		return EXIT_RUN;
	}
}

int run_options(struct run *run, int argc, char **argv)
{
	int letter, status = 0;

	run->overlay = VFS_BUNDLE_OVERLAY_MEMORY;
	/* options end at the first word that is none, and at -- */
	while (!status && (letter = getopt_long(argc, argv, "+dhV",
						long_options, NULL)) != -1)
		status = take(run, letter);
	if (status || run->help || run->version)
		return status;
	if (optind == argc)
		return run_fail("say which bundle; --help says more");
	run->directory = argv[optind++];
	if (optind < argc && strcmp(argv[optind], "--"))
		return run_fail("%s: the program's words come behind --",
				argv[optind]);
	if (optind < argc) {
		run->args = argv + optind + 1;
		run->arg_count = (size_t)(argc - optind - 1);
		if (!run->arg_count)
			return run_fail("there is no program behind --");
	}
	if (run->diff && !run->overlay)
		return run_fail("--diff: without an overlay nobody knows");
	return 0;
}
