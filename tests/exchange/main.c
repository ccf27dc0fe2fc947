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
#include "support/options.h"

struct options {
	struct exchange exchange;
	uint64_t first, sequences, kills, stacks;
	bool keep_going, faults, no_fuse;
};

static struct options given = {
	.exchange = {.kind = HOST_TMPFS,
		     .layers = {.on = true, .mix = true},
		     .seed = 1,
		     .length = 80},
};

static bool take_host(const char *word)
{
	return host_parse(word, &given.exchange.kind);
}

static bool take_layers(const char *words)
{
	return layers_parse(&given.exchange.layers, words);
}

static const struct test_option table[] = {
	{"sequences", "N", "sequences of generated calls (default 0)",
	 .number = &given.sequences},
	{"first", "N", "starting with number N (default 0)",
	 .number = &given.first},
	{"kills", "N", "sequences that SIGKILL ends (default 0)",
	 .number = &given.kills},
	{"stacks", "N", "sequences on three overlays, one on another",
	 .number = &given.stacks},
	{"faults", NULL, "every step of every call fails in turn",
	 .flag = &given.faults},
	{"all-errors", NULL, "with each errno", .flag = &given.exchange.all},
	{"length", "L", "calls by each side in turn (default 80)",
	 .small = &given.exchange.length},
	{"seed", "S", "of this family (default 1)",
	 .number = &given.exchange.seed},
	{"host", "tmpfs|ext4", "what layers are on (default tmpfs)",
	 .take = take_host},
	{"overlay", "WORDS", "as for oracle (default mix)",
	 .take = take_layers},
	{"no-fuse", NULL, "without fuse-overlayfs", .flag = &given.no_fuse},
	{"keep-going", NULL, "do not stop at the first difference",
	 .flag = &given.keep_going},
	{.name = NULL},
};

static const struct test_options command_line = {"overlay-exchange", table};

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
	struct host asked = {.kind = HOST_NONE};
	const char *why;
	uint64_t differing, broken, stacked, faulty;

	test_options_parse(&command_line, argc, argv);
	asked.kind = given.exchange.kind;
	if (kernel_place() != PLACE_MOUNT || !kernel_has_overlay() ||
	    !host_prepare(&asked, &why)) {
		puts("overlay-exchange: wants root, overlayfs and that file "
		     "system: skipped");
		return 0;
	}
	given.exchange.fuse = start_fuse(&given);
	kernel_has_userns();
	kernel_fine_times();
	differing =
		given.sequences && !in_child(removed_case, &given.exchange, 0);
	differing += run(&given, exchange_sequence, given.sequences);
	broken = run(&given, kill_sequence, given.kills);
	stacked = run(&given, stack_sequence, given.stacks);
	faulty = run(&given, faults_case, given.faults ? faults_count() : 0);
	printf("overlay-exchange: %llu sequences, %llu with differences; "
	       "%llu kills, %llu left something else; %llu stacks, %llu with "
	       "differences; faults in %llu calls, %llu answered wrongly\n",
	       (unsigned long long)given.sequences,
	       (unsigned long long)differing, (unsigned long long)given.kills,
	       (unsigned long long)broken, (unsigned long long)given.stacks,
	       (unsigned long long)stacked,
	       (unsigned long long)(given.faults ? faults_count() : 0),
	       (unsigned long long)faulty);
	if (!end_fuse(given.exchange.fuse))
		return 1;
	return differing || broken || stacked || faulty ? 1 : 0;
}
