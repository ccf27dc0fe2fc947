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

struct faults_call {
	const char *before; /* lines that make the state, or "" */
	const char *line;
	bool redirect; /* only with redirects */
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
	"mkdir /l1/m 0755\nmknod /l1/gone S_IFCHR 0\n"
	"open /l1/m/c O_CREAT|O_RDWR 0600 -> $0\nclose $0\n"
	"chmod /u/upper 0777\n";

#define EMPTY_M "unlink m/a\nunlink m/b\nunlink m/c\n"
#define UPPER "mkdir up 0755\nmkdir up/in 0755\nmknod up/f S_IFREG|0644 0\n"

static const struct faults_call calls[] = {
	{"", "chmod d/f 0600", false},
	{"", "chown d/f 1001 1001", false},
	{"", "utimensat AT_FDCWD d/f 5:6,7:8 0", false},
	{"", "setxattr d/f user.c \"new\" 0", false},
	{"", "removexattr d/f user.a", false},
	{"", "setxattr d/f system.posix_acl_access acl:u::r--,g::r--,o::r-- 0",
	 false},
	{"", "truncate d/f 10", false},
	{"", "truncate d/f 100000", false},
	{"", "open d/f O_RDWR 0 -> $1", false},
	{"", "open d/f O_RDWR|O_TRUNC 0 -> $1", false},
	{"chmod d/f 0600\n", "open d/f O_RDWR 0 -> $1", false},
	{"", "chmod d 0700", false},
	{"", "chmod d/p 0640", false},
	{"", "lchown d/s 1 1", false},
	{"", "chmod d/c 0640", false},
	{"", "link d/f d/g", false},
	{"", "link d/f m/a2", false},
	{"", "link top gone", false},
	{"", "unlink d/f", false},
	{"chmod d/f 0600\n", "unlink d/f", false},
	{"", "unlink d/s", false},
	{"", "rmdir e", false},
	{"", "rmdir d/in", false},
	{EMPTY_M, "rmdir m", false},
	{UPPER, "rmdir up/in", false},
	{"", "rename d/f d/g", false},
	{"", "rename d/f m/a", false},
	{"", "rename top gone", false},
	{"", "rename d/s e/s", false},
	{UPPER, "rename up gone", false},
	{UPPER, "rename up m/up", false},
	{UPPER EMPTY_M, "rename up m", false},
	{UPPER, "rename up e", false},
	{"", "rename d/in e", true},
	{"", "rename d moved", true},
	{"", "rename d m/moved", true},
	{"", "rename m gone", true},
	{"", "renameat2 AT_FDCWD d/f AT_FDCWD top RENAME_EXCHANGE", false},
	{"", "renameat2 AT_FDCWD d AT_FDCWD m RENAME_EXCHANGE", true},
	{"", "renameat2 AT_FDCWD d/f AT_FDCWD d/g RENAME_NOREPLACE", false},
	{"", "open gone O_CREAT|O_RDWR 0640 -> $1", false},
	{"", "open d/new O_CREAT|O_RDWR 0640 -> $1", false},
	{"", "mkdir gone 0700", false},
	{"", "mkdir m/new 0700", false},
	{"", "symlink x gone", false},
	{"", "symlink x d/l", false},
	{"", "mknod gone S_IFIFO|0600 0", false},
	{"", "mknod d/b S_IFBLK|0600 dev:4000:7", false},
	{"", "open d O_TMPFILE|O_RDWR 0600 -> $1", false},
	{"open d O_TMPFILE|O_RDWR 0600 -> $1\n",
	 "linkat $1 \"\" AT_FDCWD d/named AT_EMPTY_PATH", false},
	{"", "open m O_RDONLY|O_DIRECTORY 0 -> $1", false},
	{"open m O_RDONLY|O_DIRECTORY 0 -> $1\n", "listdir $1", false},
	{"open d O_RDONLY|O_DIRECTORY 0 -> $1\n", "listdir $1", false},
	{"", "stat d/f", false},
	{"", "readlink d/s", false},
	{"", "getxattr d/f user.a", false},
	{"", "listxattr d/f", false},
	{"open d/f O_RDONLY 0 -> $1\n", "read $1 10", false},
	{"open d/f O_RDWR 0 -> $1\n", "write $1 \"x\"", false},
	{"open d/f O_RDWR 0 -> $1\n", "fallocate $1 0 0 200000", false},
};

static const int errors[] = {EIO, ENOSPC, EDQUOT, ENOMEM};

struct injection {
	bool armed, fired;
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
	int64_t result; /* without a fault */
};

uint64_t faults_count(void)
{
	return sizeof(calls) / sizeof(calls[0]);
}

static int inject(void *context, const char *call)
{
	struct injection *injection = context;

	if (!injection->armed || ++injection->step != injection->at)
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
		.armed = !t->memory && at, .at = at, .error = error};
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

/* One step fails. *more: there may be further ones; *dirty: it was done. */
static bool try_step(struct trial *t, unsigned at, int error, bool *more,
		     bool *dirty)
{
	int64_t result = perform(t, at, error);
	const struct text *expected = &t->before;

	*more = t->injection.fired;
	*dirty = result >= 0;
	if (result >= 0)
		expected = &t->after;
	else if (result != t->result && result != -error)
		return complain(t, at, error, "that is another error");
	look(t, &t->got);
	if (!stage_same(&t->stage, t->call->line, expected, &t->got))
		return complain(t, at, error, "the tree is another");
	return true;
}

static bool all_steps(struct trial *t, unsigned first, unsigned stride)
{
	bool ok = true, more = true, dirty = true, inside = false;

	for (unsigned at = 1; ok && more && at < STEPS_MAX; at++) {
		int error =
			t->memory ? ENOMEM : errors[(first + at * stride) % 4];

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
	if (memory || !exchange->all) {
		ok = ok && all_steps(t, 0, 1);
	} else {
		for (unsigned i = 0; i < 4; i++)
			ok = ok && all_steps(t, i, 0);
	}
	stage_close(&t->stage);
	text_fini(&t->before);
	text_fini(&t->after);
	text_fini(&t->got);
	free(t);
	return ok;
}

bool faults_case(const struct exchange *exchange, uint64_t number)
{
	const struct faults_call *call = &calls[number % faults_count()];
	bool ok = true;

	for (unsigned i = 0; ok && i < 3; i++) {
		struct layers layers = {
			.on = true,
			.lowers = 2,
			.redirect = i > 0,
			.metacopy = i > 1,
		};

		if (call->redirect && !layers.redirect)
			continue;
		ok = run_trial(exchange, &layers, call, false) &&
		     run_trial(exchange, &layers, call, true);
	}
	return ok;
}
