/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "worker.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "gen.h"

#define EXIT_DIFFERENT 3
#define EXIT_MALFORMED 4
/* A child that makes no call for this long hangs. */
#define POLL_MICROSECONDS 2000
#define HANG_POLLS (20 * 1000000 / POLL_MICROSECONDS)

void worker_init(struct worker *worker)
{
	memset(worker, 0, sizeof(*worker));
	worker->report =
		mmap(NULL, sizeof(*worker->report), PROT_READ | PROT_WRITE,
		     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (worker->report == MAP_FAILED)
		die("out of memory");
}

void worker_fini(struct worker *worker)
{
	munmap(worker->report, sizeof(*worker->report));
}

/* Starts a child; true in the child. */
static bool start(struct worker *worker)
{
	fflush(NULL);
	worker->last_beat = worker->report->beat;
	worker->idle = 0;
	worker->pid = fork();
	if (worker->pid < 0)
		die("cannot fork: %s", strerror(errno));
	return !worker->pid;
}

static _Noreturn void finish(struct run *run, enum outcome outcome)
{
	fflush(NULL);
	if (run->set_up->place == PLACE_DIRECTORY && outcome != SAME)
		run_fini(run);
	if (outcome == DIFFERENT)
		_exit(EXIT_DIFFERENT);
	if (outcome == MALFORMED)
		_exit(EXIT_MALFORMED);
	run_fini(run);
	exit(0);
}

static enum outcome generate_one(struct run *run, struct gen *gen,
				 unsigned length)
{
	enum outcome outcome = SAME;

	run_begin(run);
	for (unsigned i = 0; i < length && outcome == SAME;) {
		const char *line = gen_line(gen);

		i += !gen->first_rest;
		if (!gen->first_rest && gen_unclear(line, run->oracle))
			continue;
		outcome = run_line(run, line);
		gen_learn(gen, &run->call, run->oracle);
	}
	if (outcome == SAME || outcome == ABANDONED)
		outcome = run_end(run, outcome == SAME);
	return outcome;
}

static void begin_with_layers(const struct plan *plan, uint64_t sequence,
			      struct gen *gen)
{
	struct layers layers = layers_of(&plan->layers, sequence);
	struct layers_script script = {0};

	if (!plan->layers.on)
		return;
	layers_make(&layers, &script.lines);
	layers_fill(&layers, plan->seed * UINT64_C(0x1000003) + sequence, "",
		    &script);
	layers_mount(&layers, "", &script.lines);
	gen_begin_with(gen, &script);
	text_fini(&script.lines);
}

void plan_set_up(const struct plan *plan, uint64_t sequence,
		 struct set_up *set_up)
{
	static const char *const options[] = {
		"size=2m,nr_inodes=500",  "size=2m,nr_inodes=500",
		"size=48k,nr_inodes=40",  "size=64m,nr_inodes=500",
		"size=256k,nr_inodes=24",
	};
	uint64_t chunk = sequence / CHUNK_SEQUENCES;

	memset(set_up, 0, sizeof(*set_up));
	set_up->place = plan->place;
	set_up->self = plan->self;
	set_up->inlined = plan->inlined;
	set_up->mounts = plan->mounts || plan->layers.on;
	set_up->overlay = plan->layers.on;
	set_up->verbose = plan->verbose;
	set_up->lenient = plan->lenient;
	set_up->interval = plan->interval;
	set_up->host = plan->host;
	set_up->slow = chunk % 4 == 1;
	/* Elsewhere than on tmpfs there is room, and has to be where records
	 * take some. */
	strcpy(set_up->options, plan->place == PLACE_DIRECTORY ||
						plan->host.xattr ||
						plan->layers.on
					? "size=256m,nr_inodes=100k"
					: options[chunk % 5]);
}

void header_write(const struct set_up *set_up, struct text *out)
{
	char host[128];

	if (set_up->host.kind != HOST_NONE) {
		host_describe(&set_up->host, host, sizeof(host));
		text_printf(out, "# with %s\n", host);
	}
	text_printf(out, "mount %s\n", set_up->options);
	if (set_up->slow)
		text_printf(out, "walk slow\n");
	if (set_up->mounts)
		text_printf(out, "need mounts\n");
	if (set_up->overlay)
		text_printf(out, "need overlay\n");
}

static bool has_line(const char *text, const char *line)
{
	size_t len = strlen(line);

	for (const char *p = text; p; p = strchr(p, '\n')) {
		p += *p == '\n';
		if (!strncmp(p, line, len) && (!p[len] || p[len] == '\n'))
			return true;
	}
	return false;
}

/* Where the library may be on a hostfs. */
static bool has_host(const char *text, const struct host *host)
{
	if (host->kind != HOST_NONE && has_line(text, "need own"))
		return false;
	/* records take room, too */
	if (host->xattr && strstr(text, "\nmount "))
		return false;
	/* who has one identity mounts nothing, and maps little */
	if (HOST_SINGLE(host) &&
	    (has_line(text, "need mounts") || has_line(text, "need userns")))
		return false;
	return host->kind != HOST_EXT4 || !has_line(text, "need tmpfs");
}

bool header_read(const char *text, struct set_up *set_up)
{
	const char *mount = strstr(text, "mount ");

	if (mount && (mount == text || mount[-1] == '\n'))
		snprintf(set_up->options, sizeof(set_up->options), "%.*s",
			 (int)strcspn(mount + 6, "\n"), mount + 6);
	if (has_line(text, "walk slow"))
		set_up->slow = true;
	if (has_line(text, "need mounts"))
		set_up->mounts = true;
	if (has_line(text, "need overlay"))
		set_up->overlay = true;
	if (set_up->place == PLACE_DIRECTORY)
		return false;
	if (!has_host(text, &set_up->host))
		return false;
	if (has_line(text, "need userns") &&
	    (set_up->place != PLACE_MOUNT || !kernel_has_userns()))
		return false;
	/* layers are mounts of their own, which hostfs has no say in */
	if (set_up->overlay &&
	    (set_up->host.kind != HOST_NONE || !kernel_has_overlay()))
		return false;
	/* /proc/self is the calling process, whose descriptors only task 0 has
	 * that is the calling thread */
	if (has_line(text, "need self") && !set_up->inlined)
		return false;
	return set_up->place == PLACE_MOUNT ||
	       (!has_line(text, "need privileged") &&
		!has_line(text, "need mounts"));
}

void worker_generate(struct worker *worker, const struct plan *plan,
		     uint64_t from, uint64_t to)
{
	struct set_up set_up;
	struct run run;
	struct gen gen = {0};
	enum outcome outcome = SAME;

	worker->from = from;
	worker->to = to;
	if (!start(worker))
		return;
	plan_set_up(plan, from, &set_up);
	run_init(&run, &set_up, worker->report);
	for (uint64_t i = from;
	     i < to && outcome != DIFFERENT && outcome != MALFORMED; i++) {
		worker->report->sequence = i;
		gen_init(&gen, plan->seed, i, plan->place, plan->mounts,
			 &plan->host);
		begin_with_layers(plan, i, &gen);
		outcome = generate_one(&run, &gen, plan->length);
	}
	gen_fini(&gen);
	finish(&run, outcome);
}

void worker_script(struct worker *worker, const struct set_up *set_up,
		   const char *text)
{
	struct run run;
	enum outcome outcome = SAME;
	char *copy, *line, *rest;
	bool different = false;

	if (!start(worker))
		return;
	copy = strdup(text);
	if (!copy)
		die("out of memory");
	run_init(&run, set_up, worker->report);
	run_begin(&run);
	rest = copy;
	while (outcome == SAME && (line = strsep(&rest, "\n"))) {
		outcome = run_line(&run, line);
		if (outcome == DIFFERENT && set_up->lenient) {
			fputs(run.report->message, stdout);
			different = true;
			outcome = SAME;
		}
	}
	if (different && outcome == SAME)
		outcome = DIFFERENT;
	if (outcome == SAME || outcome == ABANDONED)
		outcome = run_end(&run, outcome == SAME);
	free(copy);
	finish(&run, outcome);
}

static enum ending describe(struct worker *worker, int status)
{
	struct report *report = worker->report;

	if (WIFEXITED(status)) {
		switch (WEXITSTATUS(status)) {
		case 0:
			return ENDED_SAME;
		case EXIT_DIFFERENT:
			return ENDED_DIFFERENT;
		case EXIT_MALFORMED:
			return ENDED_MALFORMED;
		}
	}
	strcpy(report->signature, "crash");
	snprintf(report->message, sizeof(report->message),
		 "line %u: crash: %s %d\n", report->line,
		 WIFSIGNALED(status) ? "signal" : "exit status",
		 WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
	return ENDED_CRASH;
}

bool worker_poll(struct worker *worker, enum ending *ending)
{
	int status;
	pid_t pid = waitpid(worker->pid, &status, WNOHANG);

	if (pid == worker->pid) {
		worker->pid = 0;
		*ending = describe(worker, status);
		return true;
	}
	if (worker->report->beat != worker->last_beat) {
		worker->last_beat = worker->report->beat;
		worker->idle = 0;
	} else if (++worker->idle > HANG_POLLS) {
		kill(worker->pid, SIGKILL);
		waitpid(worker->pid, &status, 0);
		worker->pid = 0;
		strcpy(worker->report->signature, "hang");
		snprintf(worker->report->message,
			 sizeof(worker->report->message),
			 "line %u: no answer\n", worker->report->line);
		*ending = ENDED_HANG;
		return true;
	}
	return false;
}

enum ending worker_wait(struct worker *worker)
{
	enum ending ending;

	while (!worker_poll(worker, &ending))
		usleep(POLL_MICROSECONDS);
	return ending;
}
