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
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "support/options.h"
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
	bool threads;	/* for all of the kernel's tasks */
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

static struct options given = {
	.plan = {.seed = 1,
		 .length = 200,
		 .interval = 20,
		 .inlined = !SANITIZED},
	.jobs = 1,
};

/* The scripts on the command line, in their order. */
static struct named {
	const char *path;
	void (*run)(const struct options *options, const char *path);
} * named;
static size_t named_count;

static bool add_named(const char *path, __typeof__(run_script) *run)
{
	named = realloc(named, (named_count + 1) * sizeof(*named));
	if (!named)
		die("out of memory");
	named[named_count++] = (struct named){path, run};
	return true;
}

static bool take_script(const char *path)
{
	return add_named(path, run_script);
}

static bool take_scripts(const char *path)
{
	return add_named(path, run_scripts);
}

static bool take_host(const char *word)
{
	return host_parse(word, &given.plan.host.kind);
}

static bool take_layers(const char *words)
{
	return layers_parse(&given.plan.layers, words);
}

static const struct test_option table[] = {
	{"script", "FILE", "run a script (may be given several times)",
	 .take = take_script},
	{"scripts", "DIR", "run every .txt file in DIR", .take = take_scripts},
	{"sequences", "N", "run N generated sequences",
	 .number = &given.sequences},
	{"first", "N", "starting with number N (default 0)",
	 .number = &given.first},
	{"length", "L", "of L calls each (default 200)",
	 .small = &given.plan.length},
	{"seed", "S", "of this family (default 1)", .number = &given.plan.seed},
	{"jobs", "J", "in J processes at a time (default 1)",
	 .small = &given.jobs},
	{"interval", "I", "compare the whole state after every I calls",
	 .small = &given.plan.interval},
	{"directory", NULL, "use a temporary directory, not a mount",
	 .flag = &given.directory},
	{"mounts", NULL, "mount histories (needs privileges)",
	 .flag = &given.plan.mounts},
	{"self", NULL, "the kernel against itself", .flag = &given.plan.self},
	{"threads", NULL, "keep the kernel's tasks in their own threads",
	 .flag = &given.threads},
	{"keep-going", NULL, "do not stop at the first difference",
	 .flag = &given.keep_going},
	{"raw", NULL, "do not minimise", .flag = &given.raw},
	{"lenient", NULL, "go on in a script after a difference",
	 .flag = &given.plan.lenient},
	{"stats", NULL, "count calls by kind", .flag = &given.stats},
	{"verbose", NULL, "show each call and its result",
	 .flag = &given.plan.verbose},
	{"hostfs", "tmpfs|ext4",
	 "the library on a hostfs on one of these,\n"
	 "the kernel on another one of that kind",
	 .take = take_host},
	{"cache", "revalidate|exclusive", "of the hostfs",
	 .second = &given.plan.host.exclusive},
	{"owner", "host|xattr", "of the hostfs",
	 .second = &given.plan.host.xattr},
	{"unprivileged", NULL,
	 "the library in a thread without capabilities;\n"
	 "with --owner host, all are one user",
	 .flag = &given.plan.host.unprivileged},
	{"overlay", "WORDS",
	 "generated sequences run on an overlay:\n"
	 "lowers=1..9,redirect_dir=on|off,metacopy=,\n"
	 "index=,xino=,fs=one|lower|each; or mix,\n"
	 "or mix,index=off",
	 .take = take_layers},
	{.name = NULL},
};

static const struct test_options command_line = {"oracle", table};

static void run_named(const struct options *options)
{
	for (size_t i = 0; i < named_count; i++)
		if (!totals.differences || options->keep_going)
			named[i].run(options, named[i].path);
	free(named);
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

/* False: not here, and said so. */
static bool prepare(struct options *options)
{
	struct plan *plan = &options->plan;

	plan->place = options->directory ? PLACE_DIRECTORY : kernel_place();
	plan->inlined = plan->inlined && !options->threads;
	/* once for all workers */
	kernel_has_userns();
	kernel_fine_times();
	side_reduced = plan->place == PLACE_DIRECTORY;
	if (plan->mounts && plan->place != PLACE_MOUNT) {
		puts("oracle: mount histories want root: skipped");
		return false;
	}
	if (plan->layers.on &&
	    (plan->place != PLACE_MOUNT || !kernel_has_overlay())) {
		puts("oracle: overlays want root, and a kernel that has them: "
		     "skipped");
		return false;
	}
	return prepare_host(options);
}

int main(int argc, char **argv)
{
	const char *sequences = getenv("ORACLE_SEQUENCES");

	test_options_parse(&command_line, argc, argv);
	if (!given.jobs || given.jobs > MAX_JOBS || !given.plan.interval ||
	    (sequences && given.sequences &&
	     !test_options_number(sequences, &given.sequences)))
		test_options_usage(&command_line, 2);
	if (!prepare(&given))
		return 0;
	run_named(&given);
	if (!totals.differences || given.keep_going)
		run_generated(&given);
	if (given.stats)
		show_stats();
	show_summary(&given);
	return totals.differences ? 1 : 0;
}
