/* SPDX-License-Identifier: MIT */
/*
 * The states between the calls are known from a first run on layers of the same
 * contents, which nobody ends. Calls whose data the host may have taken in part
 * only are not made.
 */
#define _GNU_SOURCE
#include "kill.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define LENGTH_MAX 200
#define PAUSE_MAX 60000 /* nanoseconds: a copy-up takes less */
#define LINE_SIZE 9000

struct journal {
	unsigned done; /* atomic: calls that have returned */
	unsigned count;
	char lines[LENGTH_MAX][LINE_SIZE];
};

static uint64_t random_number(uint64_t *state)
{
	uint64_t z = (*state += UINT64_C(0x9e3779b97f4a7c15));

	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

/* Is it whole or not done at all on any host? Cutting a file takes its set-id
 * bits away first. */
static bool is_whole(const char *line)
{
	static const char *const not_whole[] = {
		"write", "copy_file_range", "sendfile",	 "poke",
		"mmap",	 "truncate",	    "clone",	 "newuser",
		"task ", "chroot",	    "fallocate", "O_TRUNC"};

	for (unsigned i = 0; i < sizeof(not_whole) / sizeof(not_whole[0]); i++)
		if (strstr(line, not_whole[i]))
			return false;
	return strlen(line) < LINE_SIZE;
}

/* The calls, and the trees before the first and after each. */
static bool rehearse(const struct exchange *exchange,
		     const struct layers *layers, uint64_t sequence,
		     struct journal *journal, struct text *states)
{
	struct stage stage;
	bool ok;

	stage_open(&stage, exchange->kind, layers, exchange->seed, sequence);
	stage_seed(&stage, exchange->seed, sequence);
	ok = stage_enter(&stage, stage.library);
	if (ok)
		stage_look(stage.library, DETAIL_PLAIN, &states[0]);
	while (ok && journal->count < exchange->length) {
		struct side *side = stage.library;
		const char *line = stage_line(&stage, side);

		if (!is_whole(line))
			continue;
		strcpy(journal->lines[journal->count++], line);
		stage_run(&stage, side, line);
		gen_learn(&stage.gen, &stage.call, side);
		stage_look(side, DETAIL_PLAIN, &states[journal->count]);
	}
	stage_leave(&stage, stage.library);
	stage_close(&stage);
	return ok;
}

/* In the process that is to be killed. */
static _Noreturn void perform(struct stage *stage, struct journal *journal)
{
	if (!stage_enter(stage, stage->library))
		_exit(1);
	for (unsigned i = 0; i < journal->count; i++) {
		stage_run(stage, stage->library, journal->lines[i]);
		__atomic_store_n(&journal->done, i + 1, __ATOMIC_RELEASE);
	}
	_exit(0);
}

static int64_t now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec * INT64_C(1000000000) + time.tv_nsec;
}

/* It dies somewhere in or after the call that is waited for. */
static bool kill_one(struct stage *stage, struct journal *journal,
		     uint64_t *state)
{
	unsigned at = (unsigned)(random_number(state) % journal->count);
	int64_t pause = (int64_t)(random_number(state) % PAUSE_MAX), start;
	int status;
	pid_t pid;

	fflush(NULL);
	pid = fork();
	if (!pid)
		perform(stage, journal);
	if (pid < 0)
		die("no child");
	while (__atomic_load_n(&journal->done, __ATOMIC_ACQUIRE) < at &&
	       !waitpid(pid, &status, WNOHANG))
		;
	/* a sleep would be longer than most calls */
	for (start = now(); now() - start < pause;)
		;
	if (!kill(pid, SIGKILL))
		waitpid(pid, &status, 0);
	return true;
}

/* The line of a tree that is about path, which ends in a blank; or none. */
static bool find(const char *tree, const char *line, size_t path,
		 const char **out, size_t *len)
{
	for (const char *p = tree; *p; p += *len + (p[*len] == '\n')) {
		*len = strcspn(p, "\n");
		if (*len >= path && !memcmp(p, line, path)) {
			*out = p;
			return true;
		}
	}
	*len = 0;
	return false;
}

static bool is_in(const char *tree, const char *line, size_t len)
{
	const char *other;
	size_t size;

	return find(tree, line, strcspn(line, " ") + 1, &other, &size) &&
	       size == len && !memcmp(other, line, len);
}

static void show_line(const char *when, const char *tree, const char *line)
{
	const char *other;
	size_t size;

	if (find(tree, line, strcspn(line, " ") + 1, &other, &size))
		printf("    %s: %.*s\n", when, (int)size, other);
}

/* Each line is one of before or after, and what both have is there. */
static bool between(const char *got, const char *before, const char *after)
{
	const char *other;
	size_t len, size;

	for (const char *p = got; *p; p += len + (p[len] == '\n')) {
		len = strcspn(p, "\n");
		if (is_in(before, p, len) || is_in(after, p, len))
			continue;
		printf("    neither before nor after: %.*s\n", (int)len, p);
		show_line("before", before, p);
		show_line("after", after, p);
		return false;
	}
	for (const char *p = before; *p; p += len + (p[len] == '\n')) {
		size_t path = strcspn(p, " ") + 1;

		len = strcspn(p, "\n");
		if (find(got, p, path, &other, &size) ||
		    !find(after, p, path, &other, &size))
			continue;
		printf("    lost: %.*s\n", (int)len, p);
		return false;
	}
	return true;
}

static bool look(struct stage *stage, struct side *side, struct text *plain,
		 struct text *exact)
{
	bool ok = stage_enter(stage, side);

	if (ok) {
		stage_look(side, DETAIL_PLAIN, plain);
		stage_look(side, DETAIL_EXACT, exact);
	}
	stage_leave(stage, side);
	return ok;
}

static bool check(struct stage *stage, const struct journal *journal,
		  const struct text *states, bool kernel_first)
{
	struct side *first = kernel_first ? stage->kernel : stage->library;
	struct side *second = kernel_first ? stage->library : stage->kernel;
	struct text plain[2] = {{0}, {0}}, exact[2] = {{0}, {0}};
	unsigned done = journal->done;
	unsigned next = done < journal->count ? done + 1 : done;
	bool ok = look(stage, first, &plain[0], &exact[0]) &&
		  look(stage, second, &plain[1], &exact[1]);

	if (ok) {
		stage_recall_root(&exact[kernel_first], &exact[!kernel_first]);
		ok = stage_same(stage,
				kernel_first ? "kernel, then library"
					     : "library, then kernel",
				&exact[0], &exact[1]) &&
		     between(plain[0].data, states[done].data,
			     states[next].data);
	}
	if (!ok) {
		printf("killed in call %u:", next);
		for (unsigned i = 0; i < next; i++)
			printf("\n    %s", journal->lines[i]);
		puts("");
	}
	for (unsigned i = 0; i < 2; i++) {
		text_fini(&plain[i]);
		text_fini(&exact[i]);
	}
	return ok;
}

bool kill_sequence(const struct exchange *exchange, uint64_t sequence)
{
	struct layers layers = layers_of(&exchange->layers, sequence);
	static struct text states[LENGTH_MAX + 1];
	struct exchange bounded = *exchange;
	struct journal *journal =
		mmap(NULL, sizeof(*journal), PROT_READ | PROT_WRITE,
		     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	uint64_t state =
		exchange->seed * UINT64_C(0x5851f42d4c957f2d) + sequence;
	struct stage stage;
	bool ok;

	if (journal == MAP_FAILED)
		die("out of memory");
	if (bounded.length > LENGTH_MAX)
		bounded.length = LENGTH_MAX;
	stage_limit(&layers);
	ok = rehearse(&bounded, &layers, sequence, journal, states);
	if (ok) {
		stage_open(&stage, exchange->kind, &layers, exchange->seed,
			   sequence);
		ok = kill_one(&stage, journal, &state) &&
		     check(&stage, journal, states, sequence % 2);
		stage_close(&stage);
	}
	for (unsigned i = 0; i <= LENGTH_MAX; i++)
		text_fini(&states[i]);
	munmap(journal, sizeof(*journal));
	return ok;
}
