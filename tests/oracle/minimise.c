/* SPDX-License-Identifier: MIT */
/* Delta debugging: leave out as many lines as possible, in ever smaller
 * pieces, while the script still fails in the same way. */
#define _GNU_SOURCE
#include <stdlib.h>
#include <string.h>

#include "worker.h"

#define MAX_LINES 4096

struct lines {
	const char *start[MAX_LINES];
	size_t len[MAX_LINES];
	unsigned count;
};

struct search {
	struct worker worker;
	struct set_up set_up;
	enum ending ending;
	char signature[128];
	char *message; /* of the shortest one so far */
	struct text text;
};

static void split(const char *text, struct lines *lines)
{
	lines->count = 0;
	while (*text && lines->count < MAX_LINES) {
		size_t len = strcspn(text, "\n");

		lines->start[lines->count] = text;
		lines->len[lines->count++] = len;
		text += len + (text[len] == '\n');
	}
}

/* Without the lines from..to-1. */
static void join(const struct lines *lines, unsigned from, unsigned to,
		 struct text *text)
{
	text_clear(text);
	for (unsigned i = 0; i < lines->count; i++) {
		if (i >= from && i < to)
			continue;
		text_add(text, lines->start[i], lines->len[i]);
		text_add(text, "\n", 1);
	}
}

static bool fails_alike(struct search *search)
{
	enum ending ending;

	worker_script(&search->worker, &search->set_up, search->text.data);
	ending = worker_wait(&search->worker);
	if (ending != search->ending ||
	    strcmp(search->worker.report->signature, search->signature))
		return false;
	free(search->message);
	search->message = strdup(search->worker.report->message);
	return true;
}

static void leave_out(struct lines *lines, unsigned from, unsigned to)
{
	unsigned gone = to - from;

	memmove(lines->start + from, lines->start + to,
		(lines->count - to) * sizeof(lines->start[0]));
	memmove(lines->len + from, lines->len + to,
		(lines->count - to) * sizeof(lines->len[0]));
	lines->count -= gone;
}

/* One round with pieces of one size; true when something could go. */
static bool round_of(struct search *search, struct lines *lines, unsigned size)
{
	bool progress = false;
	unsigned end = lines->count;

	/* From the end: what comes late depends on what came early. */
	while (end > 0) {
		unsigned from = end > size ? end - size : 0;

		join(lines, from, end, &search->text);
		if (fails_alike(search)) {
			leave_out(lines, from, end);
			progress = true;
		}
		end = from;
	}
	return progress;
}

static void shorten(struct search *search, struct lines *lines)
{
	unsigned size = lines->count / 2;

	while (size > 0) {
		bool progress = round_of(search, lines, size);

		if (size == 1 && !progress)
			break;
		size = size > 1 ? size / 2 : 1;
	}
}

static void store(struct report *report, const struct text *text,
		  const char *message)
{
	memcpy(report->text, text->data, text->len + 1);
	report->text_len = (uint32_t)text->len;
	if (message)
		strcpy(report->message, message);
}

void minimise(struct worker *worker, const struct set_up *set_up,
	      enum ending ending)
{
	struct search search = {.set_up = *set_up, .ending = ending};
	char *original = strdup(worker->report->text);
	struct lines *lines = malloc(sizeof(*lines));
	bool found;

	if (!original || !lines)
		die("out of memory");
	worker_init(&search.worker);
	strcpy(search.signature, worker->report->signature);
	search.set_up.interval = 1;
	search.set_up.verbose = false;
	split(original, lines);
	join(lines, 0, 0, &search.text);
	found = fails_alike(&search);
	if (!found) {
		/* Looking at the state closely hides it, or the first look
		 * shows it under another name. */
		if (ending == ENDED_DIFFERENT &&
		    search.worker.report->signature[0]) {
			strcpy(search.signature,
			       search.worker.report->signature);
			found = fails_alike(&search);
		}
		if (!found) {
			search.set_up.interval = set_up->interval;
			strcpy(search.signature, worker->report->signature);
			found = fails_alike(&search);
		}
	}
	if (found) {
		shorten(&search, lines);
		join(lines, 0, 0, &search.text);
		store(worker->report, &search.text, search.message);
	}
	worker_fini(&search.worker);
	text_fini(&search.text);
	free(search.message);
	free(lines);
	free(original);
}
