/* SPDX-License-Identifier: MIT */
/*
 * overlay-exchange: the library's overlay and the kernel's on the same
 * directories of the host, one after the other.
 *
 *	overlay-exchange [OPTION]...
 *
 * The exit status is 0 when each saw what the other one left, 1 when not, 2 for
 * a mistake in the use.
 */
#define _GNU_SOURCE
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "exchange.h"
#include "faults.h"
#include "kill.h"
#include "removed.h"
#include "stack.h"

struct options {
	struct exchange exchange;
	uint64_t first, sequences, kills, stacks;
	bool keep_going, faults, no_fuse;
};

static _Noreturn void usage(int status)
{
	fputs("usage: overlay-exchange [OPTION]...\n"
	      "  --sequences N   sequences of generated calls (default 0)\n"
	      "  --first N       starting with number N (default 0)\n"
	      "  --kills N       sequences that SIGKILL ends (default 0)\n"
	      "  --stacks N      sequences on three overlays, one on another\n"
	      "  --faults        every step of every call fails in turn\n"
	      "  --all-errors    with each errno\n"
	      "  --length L       calls by each side in turn (default 80)\n"
	      "  --seed S        of this family (default 1)\n"
	      "  --host FS       layers on tmpfs (the default) or ext4\n"
	      "  --overlay WORDS as for oracle (default mix)\n"
	      "  --no-fuse       without fuse-overlayfs\n"
	      "  --keep-going    do not stop at the first difference\n",
	      status ? stderr : stdout);
	exit(status);
}

static uint64_t number(const char *word)
{
	char *end;
	uint64_t value = strtoull(word, &end, 0);

	if (*end || !*word)
		usage(2);
	return value;
}

static void apply(struct options *options, int option)
{
	switch (option) {
	case 'n':
		options->sequences = number(optarg);
		break;
	case 'F':
		options->first = number(optarg);
		break;
	case 'K':
		options->kills = number(optarg);
		break;
	case 'S':
		options->stacks = number(optarg);
		break;
	case 'l':
		options->exchange.length = (unsigned)number(optarg);
		break;
	case 's':
		options->exchange.seed = number(optarg);
		break;
	case 'H':
		if (strcmp(optarg, "tmpfs") && strcmp(optarg, "ext4"))
			usage(2);
		options->exchange.kind =
			strcmp(optarg, "ext4") ? HOST_TMPFS : HOST_EXT4;
		break;
	case 'y':
		if (!layers_parse(&options->exchange.layers, optarg))
			usage(2);
		break;
	case 'U':
		options->no_fuse = true;
		break;
	case 'f':
		options->faults = true;
		break;
	case 'A':
		options->exchange.all = true;
		break;
	case 'k':
		options->keep_going = true;
		break;
	default:
		usage(option == 'h' ? 0 : 2);
	}
}

static void parse(struct options *options, int argc, char **argv)
{
	static const struct option long_options[] = {
		{"sequences", required_argument, NULL, 'n'},
		{"first", required_argument, NULL, 'F'},
		{"kills", required_argument, NULL, 'K'},
		{"stacks", required_argument, NULL, 'S'},
		{"length", required_argument, NULL, 'l'},
		{"seed", required_argument, NULL, 's'},
		{"host", required_argument, NULL, 'H'},
		{"overlay", required_argument, NULL, 'y'},
		{"no-fuse", no_argument, NULL, 'U'},
		{"faults", no_argument, NULL, 'f'},
		{"all-errors", no_argument, NULL, 'A'},
		{"keep-going", no_argument, NULL, 'k'},
		{"help", no_argument, NULL, 'h'},
		{NULL, 0, NULL, 0},
	};
	int option;

	while ((option = getopt_long(argc, argv, "h", long_options, NULL)) !=
	       -1)
		apply(options, option);
	if (optind != argc)
		usage(2);
}

typedef bool sequence_function(const struct exchange *exchange,
			       uint64_t sequence);

/* In a child, which takes its mounts with it. */
static bool in_child(sequence_function *function,
		     const struct exchange *exchange, uint64_t sequence)
{
	int status;
	pid_t pid;

	fflush(NULL);
	pid = fork();
	if (!pid) {
		bool ok = function(exchange, sequence);

		fflush(NULL);
		_exit(ok ? 0 : 1);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		die("no child");
	if (status)
		printf("sequence %llu of seed %llu: status %x\n",
		       (unsigned long long)sequence,
		       (unsigned long long)exchange->seed, (unsigned)status);
	return !status;
}

static uint64_t run(const struct options *options, sequence_function *function,
		    uint64_t count)
{
	uint64_t failed = 0;

	for (uint64_t i = 0; i < count; i++) {
		if (failed && !options->keep_going)
			break;
		failed += !in_child(function, &options->exchange,
				    options->first + i);
	}
	return failed;
}

/* Counts that children share; NULL: it takes no part. */
static struct fuse_counts *start_fuse(const struct options *options)
{
	struct fuse_counts *counts;

	if (options->no_fuse)
		return NULL;
	if (!fuse_possible()) {
		puts("overlay-exchange: no fuse-overlayfs: without it");
		return NULL;
	}
	counts = mmap(NULL, sizeof(*counts), PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (counts == MAP_FAILED)
		die("out of memory");
	return counts;
}

/* What does not work says nothing of who wrote, unless it never works. */
static bool end_fuse(struct fuse_counts *counts)
{
	bool ok = !counts || counts->answered >= counts->asked / 2;

	if (counts && counts->asked)
		printf("overlay-exchange: fuse-overlayfs answered %u of %u "
		       "times%s\n",
		       counts->answered, counts->asked,
		       ok ? "" : ", which is too seldom");
	if (counts)
		munmap(counts, sizeof(*counts));
	return ok;
}

int main(int argc, char **argv)
{
	struct options options = {
		.exchange = {.kind = HOST_TMPFS,
			     .layers = {.on = true, .mix = true},
			     .seed = 1,
			     .length = 80},
	};
	const struct host host = {.kind = HOST_TMPFS};
	struct host asked = host;
	const char *why;
	uint64_t differing, broken, stacked, faulty;

	parse(&options, argc, argv);
	asked.kind = options.exchange.kind;
	if (kernel_place() != PLACE_MOUNT || !kernel_has_overlay() ||
	    !host_prepare(&asked, &why)) {
		puts("overlay-exchange: wants root, overlayfs and that file "
		     "system: skipped");
		return 0;
	}
	options.exchange.fuse = start_fuse(&options);
	kernel_has_userns();
	kernel_fine_times();
	differing = options.sequences &&
		    !in_child(removed_case, &options.exchange, 0);
	differing += run(&options, exchange_sequence, options.sequences);
	broken = run(&options, kill_sequence, options.kills);
	stacked = run(&options, stack_sequence, options.stacks);
	faulty =
		run(&options, faults_case, options.faults ? faults_count() : 0);
	printf("overlay-exchange: %llu sequences, %llu with differences; "
	       "%llu kills, %llu left something else; %llu stacks, %llu with "
	       "differences; faults in %llu calls, %llu answered wrongly\n",
	       (unsigned long long)options.sequences,
	       (unsigned long long)differing, (unsigned long long)options.kills,
	       (unsigned long long)broken, (unsigned long long)options.stacks,
	       (unsigned long long)stacked,
	       (unsigned long long)(options.faults ? faults_count() : 0),
	       (unsigned long long)faulty);
	if (!end_fuse(options.exchange.fuse))
		return 1;
	return differing || broken || stacked || faulty ? 1 : 0;
}
