/* SPDX-License-Identifier: MIT */
/*
 * oracle: the same calls on the library and on the kernel.
 *
 *	oracle [OPTION]... [--script FILE]... [--scripts DIRECTORY]
 *	oracle --sequences N [--length L] [--seed S] [--jobs J]
 *	oracle --hostfs tmpfs|ext4 [--cache MODE] [--owner MODE] ...
 *
 * The exit status is 0 when there was no difference, 1 when there was one, 2
 * for a mistake in the use.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "worker.h"

#define MAX_JOBS 64
#define POLL_MICROSECONDS 2000

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED 1
#endif
#endif
#ifndef SANITIZED
#define SANITIZED 0
#endif

struct totals {
	uint64_t succeeded[MAX_CALL_KINDS];
	uint64_t failed[MAX_CALL_KINDS];
	uint64_t ruled[MAX_RULES];
	uint64_t sequences;
	uint64_t abandoned;
	uint64_t scripts;
	uint64_t skipped;
	uint64_t differences;
};

struct options {
	struct plan plan;
	uint64_t sequences;
	uint64_t first;
	unsigned jobs;
	bool keep_going;
	bool stats;
	bool directory; /* even where a mount is possible */
	bool raw;	/* do not minimise */
};

static struct totals totals;

static void add_totals(struct report *report)
{
	for (unsigned i = 0; i < MAX_CALL_KINDS; i++) {
		totals.succeeded[i] += report->succeeded[i];
		totals.failed[i] += report->failed[i];
	}
	for (unsigned i = 0; i < rule_count; i++)
		totals.ruled[i] += report->ruled[i];
	totals.sequences += report->sequences;
	totals.abandoned += report->abandoned;
	memset(report, 0, offsetof(struct report, signature));
}

static void show_failure(struct worker *worker, const struct set_up *set_up,
			 const char *origin)
{
	struct text header = {0};

	text_clear(&header);
	header_write(set_up, &header);
	totals.differences++;
	printf("--- %s: %s\n%s# the script:\n%s%s---\n", origin,
	       worker->report->signature, worker->report->message, header.data,
	       worker->report->text);
	fflush(stdout);
	text_fini(&header);
}

static char *read_file(const char *path)
{
	struct text text = {0};
	char buffer[4096];
	size_t n;
	FILE *file = fopen(path, "r");

	if (!file)
		die("%s: %s", path, strerror(errno));
	text_clear(&text);
	while ((n = fread(buffer, 1, sizeof(buffer), file)))
		text_add(&text, buffer, n);
	fclose(file);
	return text.data;
}

static void run_script(const struct options *options, const char *path)
{
	struct set_up set_up;
	struct worker worker;
	enum ending ending;
	char *text = read_file(path);

	plan_set_up(&options->plan, 0, &set_up);
	set_up.interval = 1;
	if (!header_read(text, &set_up)) {
		printf("%s: skipped: needs more than there is here\n", path);
		totals.skipped++;
		free(text);
		return;
	}
	worker_init(&worker);
	worker_script(&worker, &set_up, text);
	ending = worker_wait(&worker);
	totals.scripts++;
	if (ending != ENDED_SAME) {
		if (ending != ENDED_MALFORMED && !options->raw &&
		    !options->plan.lenient)
			minimise(&worker, &set_up, ending);
		show_failure(&worker, &set_up, path);
	}
	add_totals(worker.report);
	worker_fini(&worker);
	free(text);
}

static int is_script(const struct dirent *entry)
{
	size_t len = strlen(entry->d_name);

	return len > 4 && !strcmp(entry->d_name + len - 4, ".txt");
}

static void run_scripts(const struct options *options, const char *dir)
{
	struct dirent **entries;
	char path[PATH_MAX];
	int count = scandir(dir, &entries, is_script, alphasort);

	if (count < 0)
		die("%s: %s", dir, strerror(errno));
	for (int i = 0; i < count; i++) {
		snprintf(path, sizeof(path), "%s/%s", dir, entries[i]->d_name);
		if (!totals.differences || options->keep_going)
			run_script(options, path);
		free(entries[i]);
	}
	free(entries);
}

/* Returns the sequence to go on with, or past the end to stop. */
static uint64_t handle_ending(const struct options *options,
			      struct worker *worker, enum ending ending)
{
	char origin[96];
	struct set_up set_up;
	uint64_t sequence = worker->report->sequence;

	if (ending != ENDED_SAME) {
		plan_set_up(&options->plan, worker->from, &set_up);
		snprintf(origin, sizeof(origin), "seed %llu sequence %llu",
			 (unsigned long long)options->plan.seed,
			 (unsigned long long)sequence);
		if (!options->raw)
			minimise(worker, &set_up, ending);
		show_failure(worker, &set_up, origin);
	}
	add_totals(worker->report);
	return ending == ENDED_SAME ? worker->to : sequence + 1;
}

static void start_chunk(const struct options *options, struct worker *worker,
			uint64_t from, uint64_t end)
{
	uint64_t to = (from / CHUNK_SEQUENCES + 1) * CHUNK_SEQUENCES;

	worker_generate(worker, &options->plan, from, to < end ? to : end);
}

static void run_generated(const struct options *options)
{
	static struct worker workers[MAX_JOBS];
	uint64_t next = options->first;
	uint64_t end = options->first + options->sequences;
	unsigned active = 0;
	bool stop = false;

	for (unsigned i = 0; i < options->jobs; i++)
		worker_init(&workers[i]);
	do {
		for (unsigned i = 0; i < options->jobs; i++) {
			struct worker *worker = &workers[i];
			enum ending ending;
			uint64_t from;

			if (!worker->pid && !stop && next < end) {
				start_chunk(options, worker, next, end);
				next = worker->to;
				active++;
			}
			if (!worker->pid || !worker_poll(worker, &ending))
				continue;
			active--;
			from = handle_ending(options, worker, ending);
			if (ending != ENDED_SAME && !options->keep_going)
				stop = true;
			if (from < worker->to && !stop) {
				start_chunk(options, worker, from, worker->to);
				active++;
			}
		}
		usleep(POLL_MICROSECONDS);
	} while (active || (!stop && next < end));
	for (unsigned i = 0; i < options->jobs; i++)
		worker_fini(&workers[i]);
}

static void show_stats(void)
{
	printf("%-18s %12s %12s\n", "call", "succeeded", "failed");
	for (unsigned i = 0; i < call_count(); i++) {
		if (totals.succeeded[i] + totals.failed[i])
			printf("%-18s %12llu %12llu\n", call_at(i)->name,
			       (unsigned long long)totals.succeeded[i],
			       (unsigned long long)totals.failed[i]);
	}
}

static void show_summary(const struct options *options)
{
	static const char *const places[] = {
		"a tmpfs in a mount namespace",
		"a tmpfs in a user namespace (one identity only)",
		"a temporary directory (results, data and modes only)"};
	uint64_t good = 0, bad = 0;

	for (unsigned i = 0; i < MAX_CALL_KINDS; i++) {
		good += totals.succeeded[i];
		bad += totals.failed[i];
	}
	for (unsigned i = 0; i < rule_count; i++) {
		if (totals.ruled[i])
			printf("rule %s: %llu times: %s\n", rules[i].name,
			       (unsigned long long)totals.ruled[i],
			       rules[i].reason);
	}
	if (!kernel_fine_times())
		printf("this kernel's stamps are coarse: they were not "
		       "compared\n");
	printf("the kernel's side: %s\n", places[options->plan.place]);
	printf("oracle: %llu scripts, %llu skipped, %llu sequences (%llu ended "
	       "by a rule), %llu calls: %llu succeeded, %llu failed; "
	       "%llu differences\n",
	       (unsigned long long)totals.scripts,
	       (unsigned long long)totals.skipped,
	       (unsigned long long)totals.sequences,
	       (unsigned long long)totals.abandoned,
	       (unsigned long long)(good + bad), (unsigned long long)good,
	       (unsigned long long)bad, (unsigned long long)totals.differences);
}

static _Noreturn void usage(int status)
{
	fputs("usage: oracle [OPTION]...\n"
	      "  --script FILE    run a script (may be given several times)\n"
	      "  --scripts DIR    run every .txt file in DIR\n"
	      "  --sequences N    run N generated sequences\n"
	      "  --first N        starting with number N (default 0)\n"
	      "  --length L       of L calls each (default 200)\n"
	      "  --seed S         of this family (default 1)\n"
	      "  --jobs J         in J processes at a time (default 1)\n"
	      "  --interval I     compare the whole state after every I calls\n"
	      "  --directory      use a temporary directory, not a mount\n"
	      "  --mounts         mount histories (needs privileges)\n"
	      "  --self           the kernel against itself\n"
	      "  --threads        keep the kernel's tasks in their own "
	      "threads\n"
	      "  --keep-going     do not stop at the first difference\n"
	      "  --raw            do not minimise\n"
	      "  --lenient        go on in a script after a difference\n"
	      "  --stats          count calls by kind\n"
	      "  --verbose        show each call and its result\n"
	      "  --hostfs FS      the library on a hostfs on tmpfs or ext4,\n"
	      "                   the kernel on another one of these\n"
	      "  --cache MODE     revalidate (the default) or exclusive\n"
	      "  --owner MODE     host (the default) or xattr\n"
	      "  --unprivileged   the library in a thread without "
	      "capabilities;\n"
	      "                   with --owner host, all are one user\n"
	      "  --overlay WORDS  generated sequences run on an overlay:\n"
	      "                   lowers=1..9,redirect_dir=on|off,metacopy=,\n"
	      "                   index=,xino=,fs=one|lower|each; or mix,\n"
	      "                   or mix,index=off\n",
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

static const char *const short_options = "h";
static const struct option long_options[] = {
	{"script", required_argument, NULL, 'f'},
	{"scripts", required_argument, NULL, 'd'},
	{"sequences", required_argument, NULL, 'n'},
	{"first", required_argument, NULL, 'F'},
	{"length", required_argument, NULL, 'l'},
	{"seed", required_argument, NULL, 's'},
	{"jobs", required_argument, NULL, 'j'},
	{"interval", required_argument, NULL, 'i'},
	{"self", no_argument, NULL, 'S'},
	{"threads", no_argument, NULL, 't'},
	{"keep-going", no_argument, NULL, 'k'},
	{"raw", no_argument, NULL, 'r'},
	{"directory", no_argument, NULL, 'D'},
	{"lenient", no_argument, NULL, 'L'},
	{"mounts", no_argument, NULL, 'm'},
	{"stats", no_argument, NULL, 'c'},
	{"verbose", no_argument, NULL, 'v'},
	{"hostfs", required_argument, NULL, 'H'},
	{"cache", required_argument, NULL, 'C'},
	{"owner", required_argument, NULL, 'O'},
	{"unprivileged", no_argument, NULL, 'U'},
	{"overlay", required_argument, NULL, 'y'},
	{"help", no_argument, NULL, 'h'},
	{NULL, 0, NULL, 0},
};

/* The second of two words: true; the first: false. */
static bool second_of(const char *first, const char *second)
{
	if (strcmp(optarg, first) && strcmp(optarg, second))
		usage(2);
	return !strcmp(optarg, second);
}

static bool apply_host(struct host *host, int option)
{
	switch (option) {
	case 'H':
		host->kind =
			second_of("tmpfs", "ext4") ? HOST_EXT4 : HOST_TMPFS;
		break;
	case 'C':
		host->exclusive = second_of("revalidate", "exclusive");
		break;
	case 'O':
		host->xattr = second_of("host", "xattr");
		break;
	case 'U':
		host->unprivileged = true;
		break;
	default:
		return false;
	}
	return true;
}

static bool apply(struct options *options, int option)
{
	switch (option) {
	case 'n':
		options->sequences = number(optarg);
		break;
	case 'F':
		options->first = number(optarg);
		break;
	case 'l':
		options->plan.length = (unsigned)number(optarg);
		break;
	case 's':
		options->plan.seed = number(optarg);
		break;
	case 'j':
		options->jobs = (unsigned)number(optarg);
		break;
	case 'i':
		options->plan.interval = (unsigned)number(optarg);
		break;
	case 'S':
		options->plan.self = true;
		break;
	case 't':
		options->plan.inlined = false;
		break;
	case 'k':
		options->keep_going = true;
		break;
	case 'r':
		options->raw = true;
		break;
	case 'D':
		options->directory = true;
		break;
	case 'm':
		options->plan.mounts = true;
		break;
	case 'L':
		options->plan.lenient = true;
		break;
	case 'c':
		options->stats = true;
		break;
	case 'v':
		options->plan.verbose = true;
		break;
	case 'y':
		if (!layers_parse(&options->plan.layers, optarg))
			usage(2);
		break;
	default:
		return option == 'f' || option == 'd' ||
		       apply_host(&options->plan.host, option);
	}
	return true;
}

/* The scripts on the command line, in their order. */
static void run_named(const struct options *options, int argc, char **argv)
{
	int option;

	optind = 1;
	while ((option = getopt_long(argc, argv, short_options, long_options,
				     NULL)) != -1) {
		if (totals.differences && !options->keep_going)
			break;
		if (option == 'f')
			run_script(options, optarg);
		else if (option == 'd')
			run_scripts(options, optarg);
	}
}

/* False: not here, and said so. */
static bool prepare_host(struct options *options)
{
	struct host *host = &options->plan.host;
	enum place place = options->plan.place;
	const char *why = NULL;

	if (host->kind == HOST_NONE)
		return true;
	/* the library's thread is not the kernel's */
	options->plan.inlined = false;
	if (place == PLACE_DIRECTORY)
		why = "no file system can be mounted";
	else if (place == PLACE_USER_MOUNT &&
		 (host->kind == HOST_EXT4 || host->unprivileged))
		why = "that wants root";
	else if (place == PLACE_MOUNT)
		host_prepare(host, &why);
	if (!why)
		return true;
	printf("oracle: no hostfs here: %s: skipped\n", why);
	return false;
}

int main(int argc, char **argv)
{
	struct options options = {
		.plan = {.seed = 1,
			 .length = 200,
			 .interval = 20,
			 .inlined = !SANITIZED},
		.jobs = 1,
	};
	const char *sequences = getenv("ORACLE_SEQUENCES");
	int option;

	while ((option = getopt_long(argc, argv, short_options, long_options,
				     NULL)) != -1) {
		if (!apply(&options, option))
			usage(option == 'h' ? 0 : 2);
	}
	if (optind != argc || !options.jobs || options.jobs > MAX_JOBS ||
	    !options.plan.interval)
		usage(2);
	if (sequences && options.sequences)
		options.sequences = number(sequences);
	options.plan.place = kernel_place();
	/* once for all workers */
	kernel_has_userns();
	kernel_fine_times();
	if (options.directory)
		options.plan.place = PLACE_DIRECTORY;
	side_reduced = options.plan.place == PLACE_DIRECTORY;
	if (options.plan.mounts && options.plan.place != PLACE_MOUNT) {
		puts("oracle: mount histories want root: skipped");
		return 0;
	}
	if (options.plan.layers.on &&
	    (options.plan.place != PLACE_MOUNT || !kernel_has_overlay())) {
		puts("oracle: overlays want root, and a kernel that has them: "
		     "skipped");
		return 0;
	}
	if (!prepare_host(&options))
		return 0;
	run_named(&options, argc, argv);
	if (!totals.differences || options.keep_going)
		run_generated(&options);
	if (options.stats)
		show_stats();
	show_summary(&options);
	return totals.differences ? 1 : 0;
}
