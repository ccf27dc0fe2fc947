/* SPDX-License-Identifier: MIT */
/* vfs_config.fault counts the steps of one call and lets the nth fail, and the
 * one behind it no more. */
#define _GNU_SOURCE
#include "faults.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/alloc.h"

#define STEPS_MAX 5000u

enum how {
	PLAIN,
	REDIRECT, /* only with redirects */
	/* What fails goes on failing: a listing has told of `.` and `..` when
	 * the rest fails, and says so when it is asked again. */
	LASTING
};

struct faults_call {
	const char *before; /* lines that make the state, or "" */
	const char *line;
	enum how how;
};

static const char layers_lines[] =
	"mkdir /u/upper 0755\nmkdir /u/work 0755\n"
	"mkdir /l2/d 0750\nchown /l2/d 1000 1000\n"
	"mkdir /l2/d/in 0755\n"
	"open /l2/d/f O_CREAT|O_RDWR 0644 -> $0\n"
	"write $0 \"lower\"*1000\npwrite $0 \"end\" 70000\nclose $0\n"
	"chown /l2/d/f 1000 100\nchmod /l2/d/f 04755\n"
	"setxattr /l2/d/f user.a \"value\" 0\n"
	"setxattr /l2/d/f trusted.b \"value\"*100 0\n"
	"setxattr /l2/d/f system.posix_acl_access "
	"acl:u::rwx,u:1000:rwx,g::r-x,m::rwx,o::r-x 0\n"
	"symlink target /l2/d/s\nmkfifo /l2/d/p 0600\n"
	"mknod /l2/d/c S_IFCHR|0600 dev:4000:7\n"
	"mkdir /l2/e 0755\nmkdir /l2/m 0755\n"
	"open /l2/m/a O_CREAT|O_RDWR 0600 -> $0\nclose $0\n"
	"open /l2/m/b O_CREAT|O_RDWR 0600 -> $0\nclose $0\n"
	"open /l2/gone O_CREAT|O_RDWR 0600 -> $0\nclose $0\n"
	"open /l2/top O_CREAT|O_RDWR 0600 -> $0\nwrite $0 \"t\"\nclose $0\n"
	"open /l2/hard O_CREAT|O_RDWR 0644 -> $0\nwrite $0 \"h\"\nclose $0\n"
	"link /l2/hard /l2/d/hard\n"
	"mkdir /l1/m 0755\nmknod /l1/gone S_IFCHR 0\n"
	"open /l1/m/c O_CREAT|O_RDWR 0600 -> $0\nclose $0\n"
	"chmod /u/upper 0777\n";

#define EMPTY_M "unlink m/a\nunlink m/b\nunlink m/c\n"
#define UPPER "mkdir up 0755\nmkdir up/in 0755\nmknod up/f S_IFREG|0644 0\n"

static const struct faults_call calls[] = {
	{"", "chmod d/f 0600", PLAIN},
	{"", "chown d/f 1001 1001", PLAIN},
	{"", "utimensat AT_FDCWD d/f 5:6,7:8 0", PLAIN},
	{"", "setxattr d/f user.c \"new\" 0", PLAIN},
	{"", "removexattr d/f user.a", PLAIN},
	{"", "setxattr d/f system.posix_acl_access acl:u::r--,g::r--,o::r-- 0",
	 PLAIN},
	{"", "truncate d/f 10", PLAIN},
	{"", "truncate d/f 100000", PLAIN},
	{"", "open d/f O_RDWR 0 -> $1", PLAIN},
	{"", "open d/f O_RDWR|O_TRUNC 0 -> $1", PLAIN},
	{"chmod d/f 0600\n", "open d/f O_RDWR 0 -> $1", PLAIN},
	{"", "chmod d 0700", PLAIN},
	{"", "chmod d/p 0640", PLAIN},
	{"", "lchown d/s 1 1", PLAIN},
	{"", "chmod d/c 0640", PLAIN},
	{"", "link d/f d/g", PLAIN},
	{"", "link d/f m/a2", PLAIN},
	{"", "link top gone", PLAIN},
	{"", "unlink d/f", PLAIN},
	{"chmod d/f 0600\n", "unlink d/f", PLAIN},
	{"", "unlink d/s", PLAIN},
	{"", "rmdir e", PLAIN},
	{"", "rmdir d/in", PLAIN},
	{EMPTY_M, "rmdir m", PLAIN},
	{UPPER, "rmdir up/in", PLAIN},
	{"", "rename d/f d/g", PLAIN},
	{"", "rename d/f m/a", PLAIN},
	{"", "rename top gone", PLAIN},
	{"", "rename d/s e/s", PLAIN},
	{UPPER, "rename up gone", PLAIN},
	{UPPER, "rename up m/up", PLAIN},
	{UPPER EMPTY_M, "rename up m", PLAIN},
	{UPPER, "rename up e", PLAIN},
	{"", "rename d/in e", REDIRECT},
	{"", "rename d moved", REDIRECT},
	{"", "rename d m/moved", REDIRECT},
	{"", "rename m gone", REDIRECT},
	{"", "renameat2 AT_FDCWD d/f AT_FDCWD top RENAME_EXCHANGE", PLAIN},
	{"", "renameat2 AT_FDCWD d AT_FDCWD m RENAME_EXCHANGE", REDIRECT},
	{"", "renameat2 AT_FDCWD d/f AT_FDCWD d/g RENAME_NOREPLACE", PLAIN},
	{"", "open gone O_CREAT|O_RDWR 0640 -> $1", PLAIN},
	{"", "open d/new O_CREAT|O_RDWR 0640 -> $1", PLAIN},
	{"", "mkdir gone 0700", PLAIN},
	{"", "mkdir m/new 0700", PLAIN},
	{"", "symlink x gone", PLAIN},
	{"", "symlink x d/l", PLAIN},
	{"", "mknod gone S_IFIFO|0600 0", PLAIN},
	{"", "mknod d/b S_IFBLK|0600 dev:4000:7", PLAIN},
	{"", "open d O_TMPFILE|O_RDWR 0600 -> $1", PLAIN},
	{"open d O_TMPFILE|O_RDWR 0600 -> $1\n",
	 "linkat $1 \"\" AT_FDCWD d/named AT_EMPTY_PATH", PLAIN},
	{"", "chmod hard 0600", PLAIN},
	{"", "open hard O_RDWR 0 -> $1", PLAIN},
	{"", "unlink hard", PLAIN},
	{"chmod hard 0600\n", "unlink d/hard", PLAIN},
	{"chmod d/hard 0600\n", "link hard m/hard", PLAIN},
	{"", "rename hard m/hard", PLAIN},
	{"chmod d/hard 0600\n", "rename top hard", PLAIN},
	{"", "open m O_RDONLY|O_DIRECTORY 0 -> $1", PLAIN},
	{"open m O_RDONLY|O_DIRECTORY 0 -> $1\n", "listdir $1", LASTING},
	{"open d O_RDONLY|O_DIRECTORY 0 -> $1\n", "listdir $1", LASTING},
	{"chmod d/f 0600\nopen d O_RDONLY|O_DIRECTORY 0 -> $1\n", "listdir $1",
	 LASTING},
	{"", "stat d/f", PLAIN},
	{"", "readlink d/s", PLAIN},
	{"", "getxattr d/f user.a", PLAIN},
	{"", "listxattr d/f", PLAIN},
	{"open d/f O_RDONLY 0 -> $1\n", "read $1 10", PLAIN},
	{"open d/f O_RDWR 0 -> $1\n", "write $1 \"x\"", PLAIN},
	{"open d/f O_RDWR 0 -> $1\n", "fallocate $1 0 0 200000", PLAIN},
};

#define ERRORS 4u
static const int errors[ERRORS] = {EIO, ENOSPC, EDQUOT, ENOMEM};

struct injection {
	bool armed, fired, lasting;
	unsigned step, at;
	int error;
	const char *call; /* what failed */
};

struct trial {
	struct stage stage;
	struct injection injection;
	struct test_alloc alloc;
	const struct faults_call *call;
	bool memory; /* allocations, not calls */
	struct text before, after, got;
	struct text answer; /* as it is printed, without a fault */
	int64_t result;	    /* without a fault */
	/* steps that failed with each of errors, and calls that answered so */
	unsigned fired[ERRORS], answered[ERRORS];
};

uint64_t faults_count(void)
{
	return sizeof(calls) / sizeof(calls[0]);
}

static int inject(void *context, const char *call)
{
	struct injection *injection = context;

	if (!injection->armed || ++injection->step < injection->at ||
	    (injection->fired && !injection->lasting))
		return 0;
	injection->fired = true;
	injection->call = call;
	return -injection->error;
}

static void run_lines(struct stage *stage, const char *lines)
{
	char *copy = strdup(lines), *rest = copy, *line;

	while (copy && (line = strsep(&rest, "\n")))
		stage_run(stage, stage->library, line);
	free(copy);
}

static bool enter(struct trial *t)
{
	if (!stage_enter(&t->stage, t->stage.library))
		return false;
	run_lines(&t->stage, t->call->before);
	return true;
}

/* The call, with its step `at` failing; 0: none. */
static int64_t perform(struct trial *t, unsigned at, int error)
{
	struct injection *injection = &t->injection;

	*injection = (struct injection){
		.armed = !t->memory && at,
		.lasting = t->call->how == LASTING,
		.at = at,
		.error = error,
	};
	if (t->memory && at)
		test_alloc_fail(&t->alloc, at, 1);
	stage_run(&t->stage, t->stage.library, t->call->line);
	if (t->memory && at)
		injection->fired = test_alloc_heal(&t->alloc) > 0;
	injection->armed = false;
	return t->stage.library->result;
}

static void look(struct trial *t, struct text *out)
{
	stage_look(t->stage.library, DETAIL_PLAIN, out);
}

static bool leave(struct trial *t)
{
	stage_leave(&t->stage, t->stage.library);
	if (!t->memory || test_alloc_balanced(&t->alloc))
		return true;
	printf("--- %s: memory was left\n", t->call->line);
	return false;
}

/* What the call does when all goes well. */
static bool rehearse(struct trial *t)
{
	if (!enter(t))
		return false;
	look(t, &t->before);
	t->result = perform(t, 0, 0);
	text_clear(&t->answer);
	text_add(&t->answer, t->stage.library->out.data,
		 t->stage.library->out.len);
	look(t, &t->after);
	return leave(t);
}

static bool complain(struct trial *t, unsigned at, int error, const char *what)
{
	printf("--- %s: step %u (%s) fails with %s: %s; the answer was %s\n",
	       t->call->line, at,
	       t->memory	   ? "an allocation"
	       : t->injection.call ? t->injection.call
				   : "none",
	       strerrorname_np(error), what, t->stage.library->out.data);
	return false;
}

static void note(struct trial *t, int error, int64_t result)
{
	for (unsigned i = 0; i < ERRORS; i++) {
		if (errors[i] != error)
			continue;
		t->fired[i] += t->injection.fired;
		t->answered[i] += t->injection.fired && result == -error;
	}
}

/* One step fails. *more: there may be further ones; *dirty: it was done. */
static bool try_step(struct trial *t, unsigned at, int error, bool *more,
		     bool *dirty)
{
	int64_t result = perform(t, at, error);
	const struct text *expected = &t->before;

	note(t, error, result);
	*more = t->injection.fired;
	*dirty = result >= 0;
	if (result >= 0)
		expected = &t->after;
	else if (result != t->result && result != -error)
		return complain(t, at, error, "that is another error");
	if (result >= 0 && strcmp(t->answer.data, t->stage.library->out.data))
		return complain(t, at, error, "that is another answer");
	look(t, &t->got);
	if (!stage_same(&t->stage, t->call->line, expected, &t->got))
		return complain(t, at, error, "the tree is another");
	return true;
}

static bool all_steps(struct trial *t, unsigned first, unsigned stride)
{
	bool ok = true, more = true, dirty = true, inside = false;

	for (unsigned at = 1; ok && more && at < STEPS_MAX; at++) {
		int error = t->memory ? ENOMEM
				      : errors[(first + at * stride) % ERRORS];

		if (dirty && inside)
			ok = leave(t);
		if (dirty) {
			text_clear(&t->stage.log);
			stage_refill(&t->stage, layers_lines);
			ok = ok && enter(t);
			inside = true;
		}
		ok = ok && try_step(t, at, error, &more, &dirty);
	}
	return (!inside || leave(t)) && ok;
}

/* Whether every errno was given to every step, and came out. */
static bool is_covered(const struct trial *t)
{
	bool ok = true;

	for (unsigned i = 0; i < ERRORS; i++)
		ok = ok && t->answered[i] && t->fired[i] == t->fired[0];
	for (unsigned i = 0; !ok && i < ERRORS; i++)
		printf("--- %s: %u steps failed with %s, %u answers were "
		       "that\n",
		       t->call->line, t->fired[i], strerrorname_np(errors[i]),
		       t->answered[i]);
	return ok;
}

/* With each errno, from the first step to the last. */
static bool all_errors(struct trial *t)
{
	bool ok = true;

	for (unsigned i = 0; ok && i < ERRORS; i++)
		ok = all_steps(t, i, 0);
	return ok && is_covered(t);
}

static bool run_trial(const struct exchange *exchange,
		      const struct layers *layers,
		      const struct faults_call *call, bool memory)
{
	struct trial *t = calloc(1, sizeof(*t));
	bool ok;

	if (!t)
		die("out of memory");
	t->call = call;
	t->memory = memory;
	test_alloc_init(&t->alloc);
	stage_open_with(&t->stage, exchange->kind, layers, layers_lines);
	t->stage.library->fault = inject;
	t->stage.library->fault_context = &t->injection;
	if (memory)
		t->stage.library->allocator = &t->alloc.hooks;
	ok = rehearse(t);
	if (ok)
		ok = memory || !exchange->all ? all_steps(t, 0, 1)
					      : all_errors(t);
	stage_close(&t->stage);
	text_fini(&t->before);
	text_fini(&t->after);
	text_fini(&t->got);
	text_fini(&t->answer);
	free(t);
	return ok;
}

bool faults_case(const struct exchange *exchange, uint64_t number)
{
	const struct faults_call *call = &calls[number % faults_count()];
	bool ok = true;

	for (unsigned i = 0; ok && i < 4; i++) {
		struct layers layers = {
			.on = true,
			.lowers = 2,
			.redirect = i > 0,
			.metacopy = i > 1,
			.index = i > 2,
		};

		if (call->how == REDIRECT && !layers.redirect)
			continue;
		ok = run_trial(exchange, &layers, call, false) &&
		     run_trial(exchange, &layers, call, true);
	}
	return ok;
}
