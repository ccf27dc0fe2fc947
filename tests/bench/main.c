/* SPDX-License-Identifier: MIT */
/*
 * vfs-bench: libvfs and the kernel's own tmpfs, side by side in one run. The
 * rows and their goals are numbered as the project's table of performance
 * goals numbers them; rows that are not here belong to other file systems.
 */
#include "bench.h"
#include "kernel_tree.h"

#include <ctype.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static const struct benchmark *const groups[] = {
	rows_path,   rows_dir,	rows_io,      rows_memory, rows_threads,
	rows_mounts, rows_host, rows_overlay, rows_fuse,
};

#define GROUPS (sizeof(groups) / sizeof(groups[0]))
#define ROW_MAX 19

static const char usage[] =
	"usage: vfs-bench [OPTION]...\n"
	"Measures libvfs against the kernel's tmpfs, in alternating batches.\n"
	"\n"
	"  --json           one JSON object a line, instead of the table\n"
	"  --filter WHAT    rows by number (1,5,7-9) or by a part of their "
	"name\n"
	"  --quick          fewer and shorter batches: all in under a minute\n"
	"  --median         quote medians instead of the best batches\n"
	"  --list           only say which rows there are\n"
	"  --help           this text\n";

static bool is_numbers(const char *text)
{
	return *text && strspn(text, "0123456789,-") == strlen(text);
}

static bool in_numbers(const char *text, long row)
{
	while (*text) {
		char *end;
		long first = strtol(text, &end, 10);
		long last = first;

		if (*end == '-')
			last = strtol(end + 1, &end, 10);
		if (row >= first && row <= last)
			return true;
		if (end == text || *end != ',')
			return false;
		text = end + 1;
	}
	return false;
}

static bool contains(const char *text, const char *part)
{
	size_t length = strlen(part);

	for (; *text; text++)
		if (strncasecmp(text, part, length) == 0)
			return true;
	return length == 0;
}

static bool wanted(const struct options *options,
		   const struct benchmark *benchmark)
{
	const char *filter = options->filter;

	if (!filter)
		return true;
	if (is_numbers(filter))
		return in_numbers(filter, benchmark->row);
	return contains(benchmark->name, filter);
}

/* Calls fn for every row that is wanted, in the order of their numbers;
 * returns how many there were. */
static int each_row(struct bench *bench, const struct options *options,
		    void (*fn)(struct bench *bench,
			       const struct benchmark *benchmark))
{
	int row, count = 0;
	size_t g;

	for (row = 1; row <= ROW_MAX; row++)
		for (g = 0; g < GROUPS; g++) {
			const struct benchmark *b;

			for (b = groups[g]; b->row; b++) {
				if (b->row != row || !wanted(options, b))
					continue;
				fn(bench, b);
				count++;
			}
		}
	return count;
}

static void print_name(struct bench *bench, const struct benchmark *benchmark)
{
	(void)bench;
	printf("%3d  %s\n", benchmark->row, benchmark->name);
}

static void run_row(struct bench *bench, const struct benchmark *benchmark)
{
	benchmark->run(bench, benchmark->row);
}

/* Row 10 wants a process in which nothing has been allocated and freed. */
static void before_all(struct bench *bench, const struct benchmark *benchmark)
{
	if (benchmark->row == 10)
		bench->bytes_per_file = memory_of_file();
}

static void parse(int argc, char **argv, struct options *options)
{
	static const struct option longs[] = {
		{"json", no_argument, NULL, 'j'},
		{"filter", required_argument, NULL, 'f'},
		{"quick", no_argument, NULL, 'q'},
		{"median", no_argument, NULL, 'm'},
		{"list", no_argument, NULL, 'l'},
		{"help", no_argument, NULL, 'h'},
		{NULL, 0, NULL, 0},
	};
	int c;

	while ((c = getopt_long(argc, argv, "", longs, NULL)) != -1) {
		if (c == 'j')
			options->json = true;
		else if (c == 'f')
			options->filter = optarg;
		else if (c == 'q')
			options->quick = true;
		else if (c == 'm')
			options->median = true;
		else if (c == 'l')
			options->list = true;
		else if (c == 'h')
			exit(fputs(usage, stdout) < 0);
		else
			exit(2);
	}
	if (optind < argc) {
		fprintf(stderr, "vfs-bench: unexpected: %s\n%s", argv[optind],
			usage);
		exit(2);
	}
}

static void nothing(struct bench *bench, const struct benchmark *benchmark)
{
	(void)bench;
	(void)benchmark;
}

int main(int argc, char **argv)
{
	struct options options = {0};
	struct bench bench = {.options = &options};
	const char *kernel_tree;

	parse(argc, argv, &options);
	if (each_row(&bench, &options, options.list ? print_name : nothing) ==
	    0) {
		fprintf(stderr, "vfs-bench: no row is called %s; see --list\n",
			options.filter);
		return 2;
	}
	if (options.list)
		return 0;
	each_row(&bench, &options, before_all);
	kernel_tree = kernel_tree_enter();
	side_vfs_init(&bench.vfs);
	side_kernel_init(&bench.kernel);
	deep_tree(&bench.vfs);
	deep_tree(&bench.kernel);
	output_begin(&bench, kernel_tree);
	each_row(&bench, &options, run_row);
	output_end(&bench);
	side_vfs_fini(&bench.vfs);
	return 0;
}
