/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "run.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define OVERLAY_TYPE 0x794c7630

void run_init(struct run *run, const struct set_up *set_up,
	      struct report *report)
{
	memset(run, 0, sizeof(*run));
	run->set_up = set_up;
	run->report = report;
	run->oracle = kernel_create(set_up->place, set_up->options,
				    &set_up->host, set_up->inlined);
	run->subject = set_up->self
			       ? kernel_create(set_up->place, set_up->options,
					       &set_up->host, false)
			       : vfs_side_create(set_up->place, set_up->options,
						 &set_up->host, set_up->slow);
	run->oracle->mounts = run->subject->mounts = set_up->mounts;
	run->oracle->overlay = run->subject->overlay = set_up->overlay;
	call_init(&run->call);
}

void run_fini(struct run *run)
{
	side_destroy(run->subject);
	side_destroy(run->oracle);
	call_fini(&run->call);
	text_fini(&run->states[0]);
	text_fini(&run->states[1]);
}

void run_begin(struct run *run)
{
	side_begin(run->oracle);
	side_begin(run->subject);
	run->report->line = 0;
	run->report->text_len = 0;
}

static void remember(struct report *report, const char *line)
{
	size_t len = strlen(line);

	if (report->text_len + len + 2 > sizeof(report->text))
		die("a script is too long");
	memcpy(report->text + report->text_len, line, len);
	report->text_len += (uint32_t)len;
	report->text[report->text_len++] = '\n';
	report->text[report->text_len] = '\0';
	report->line++;
	report->beat++;
}

static void complain(struct run *run, const char *kind, const char *line,
		     const char *subject, const char *oracle)
{
	struct report *report = run->report;

	snprintf(report->signature, sizeof(report->signature), "%s %s",
		 run->call.def ? run->call.def->name : "end", kind);
	snprintf(report->message, sizeof(report->message),
		 "line %u: %s\n%-8s %s\n%-8s %s\n", report->line, line,
		 run->set_up->self ? "kernel" : "libvfs", subject, "kernel",
		 oracle);
}

/* The lines that only one of two texts has, both being in the same order. */
static void differing_lines(const char *a, const char *b, struct text *out_a,
			    struct text *out_b)
{
	while (*a || *b) {
		size_t la = strcspn(a, "\n"), lb = strcspn(b, "\n");
		bool same = la == lb && !memcmp(a, b, la);

		if (!same && la) {
			text_add(out_a, "\n    ", 5);
			text_add(out_a, a, la);
		}
		if (!same && lb) {
			text_add(out_b, "\n    ", 5);
			text_add(out_b, b, lb);
		}
		a += la + (a[la] == '\n');
		b += lb + (b[lb] == '\n');
	}
}

/* Which part of the state: the name before the last = of what is equal. */
static void first_word(const char *a, const char *b, char *out, size_t size)
{
	size_t i = 0, equal = 0, start;

	for (; a[i] && a[i] == b[i]; i++) {
		if (a[i] == '=')
			equal = i;
		else if (a[i] == '\n')
			equal = 0;
	}
	for (start = equal; start > 0 && a[start - 1] != ' ';)
		start--;
	snprintf(out, size, "state %.*s", (int)(equal - start), a + start);
}

/* Layers have names and attributes in them that are anybody's: what is compared
 * is what an overlay shows, once it is the root and nothing lies over it. */
static bool shows_layers(const struct run *run)
{
	const struct side *side = run->oracle;
	struct vfs_statfs statfs;

	return run->set_up->overlay &&
	       (side->class->calls.statfs(side->observer, "/..", &statfs) < 0 ||
		statfs.type != OVERLAY_TYPE);
}

static bool same_states(struct run *run)
{
	side_snapshot(run->subject, &run->states[0]);
	side_snapshot(run->oracle, &run->states[1]);
	return !strcmp(run->states[0].data, run->states[1].data);
}

static enum outcome compare_states(struct run *run, const char *line)
{
	struct text a = {0}, b = {0};
	char kind[64];

	if (shows_layers(run))
		return SAME;
	if (same_states(run)) {
		run->apart = false;
		return SAME;
	}
	if (run->apart)
		return SAME;
	run->apart = run->set_up->lenient;
	text_clear(&a);
	text_clear(&b);
	differing_lines(run->states[0].data, run->states[1].data, &a, &b);
	first_word(a.data, b.data, kind, sizeof(kind));
	complain(run, kind, line, a.data, b.data);
	text_fini(&a);
	text_fini(&b);
	return DIFFERENT;
}

/* What scripts say is what root's tasks are told on tmpfs. */
static bool expects(const struct set_up *set_up)
{
	return set_up->host.kind != HOST_EXT4 && !HOST_SINGLE(&set_up->host);
}

/* The rule for what is different; NULL: there is none. */
static const struct rule *find_rule(struct run *run, bool silent)
{
	for (unsigned i = 0; i < rule_count; i++) {
		if (rules[i].silent != silent ||
		    !rules[i].applies(&run->call, run->subject, run->oracle) ||
		    (silent && same_states(run)))
			continue;
		run->report->ruled[i]++;
		return &rules[i];
	}
	return NULL;
}

static enum outcome compare_results(struct run *run, const char *line)
{
	const char *subject = run->subject->out.data;
	const char *oracle = run->oracle->out.data;
	const struct rule *rule;

	if (expects(run->set_up) && !call_expected(&run->call, run->oracle)) {
		complain(run, "expectation", line, subject, oracle);
		return DIFFERENT;
	}
	if (strcmp(subject, oracle)) {
		rule = find_rule(run, false);
		if (!rule) {
			complain(run, "result", line, subject, oracle);
			return DIFFERENT;
		}
		if (rule->abandon)
			return ABANDONED;
	}
	return find_rule(run, true) ? ABANDONED : SAME;
}

static void count(struct run *run)
{
	uint64_t *counts = run->oracle->result < 0 ? run->report->failed
						   : run->report->succeeded;

	if (run->call.index < MAX_CALL_KINDS)
		counts[run->call.index]++;
}

enum outcome run_line(struct run *run, const char *line)
{
	enum outcome outcome;

	remember(run->report, line);
	if (!call_parse(&run->call, line))
		return MALFORMED;
	if (!run->call.def)
		return SAME;
	call_run(&run->call, run->oracle);
	call_run(&run->call, run->subject);
	count(run);
	if (run->set_up->verbose)
		printf("%s = %s\n", line, run->oracle->out.data);
	outcome = compare_results(run, line);
	if (outcome == SAME && run->report->line % run->set_up->interval == 0)
		outcome = compare_states(run, line);
	if (outcome == ABANDONED)
		run->report->abandoned++;
	return outcome;
}

enum outcome run_end(struct run *run, bool compare)
{
	enum outcome outcome = SAME;

	if (compare)
		outcome = compare_states(run, "(the end)");
	side_end(run->subject);
	side_end(run->oracle);
	run->report->sequences++;
	return outcome;
}
