/* SPDX-License-Identifier: MIT */
/*
 * Calls on mounts, and mountinfo in a form that two sides can be compared by:
 * the lines in the order of the tree, with identities numbered as they come.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "script.h"

#define MAX_MOUNTS 4096

/* A line of mountinfo, cut into pieces. */
struct line {
	unsigned long id, parent;
	unsigned major, minor;
	char *root, *point, *options, *tags, *tail;
	unsigned level; /* of mounts stacked on one point */
	unsigned number;
};

static void run_domount(struct exec *exec)
{
	exec_result(exec, CALL(mount, STR(0), STR(1), STR(2), (uint64_t)NUM(3),
			       STR(4)));
}

static void run_umount2(struct exec *exec)
{
	exec_result(exec, CALL(umount2, STR(0), INT(1)));
}

static void run_pivot_root(struct exec *exec)
{
	exec_result(exec, CALL(pivot_root, STR(0), STR(1)));
}

static void run_unshare(struct exec *exec)
{
	exec_result(exec, CALL(unshare, (uint64_t)NUM(0)));
}

static void run_setns(struct exec *exec)
{
	exec_result(exec, CALL(setns, INT(0), INT(1)));
}

static void run_nsopen(struct exec *exec)
{
	int64_t task = NUM(0);

	if (task < 0 || task >= MAX_TASKS || !exec->side->tasks[task])
		exec_result(exec, -ESRCH);
	else
		exec_fd(exec,
			exec->side->class->open_ns(exec->side, (unsigned)task));
}

/* ---- mountinfo ---- */

static bool parse(char *text, struct line *line)
{
	char *save = NULL, *word;
	char *dash = strstr(text, " - ");

	if (!dash || sscanf(text, "%lu %lu %u:%u", &line->id, &line->parent,
			    &line->major, &line->minor) != 4)
		return false;
	*dash = '\0';
	line->tail = dash + 3;
	for (int i = 0; i < 3; i++)
		word = strtok_r(i ? NULL : text, " ", &save);
	line->root = strtok_r(NULL, " ", &save);
	line->point = strtok_r(NULL, " ", &save);
	line->options = strtok_r(NULL, " ", &save);
	line->tags = save;
	(void)word;
	return line->options != NULL;
}

static int by_place(const void *a, const void *b)
{
	const struct line *x = a, *y = b;
	int order = strcmp(x->point, y->point);

	if (!order && x->level != y->level)
		order = x->level < y->level ? -1 : 1;
	if (!order)
		order = strcmp(x->tail, y->tail);
	return order ? order : strcmp(x->root, y->root);
}

static struct line *find(struct line *lines, unsigned count, unsigned long id)
{
	for (unsigned i = 0; i < count; i++)
		if (lines[i].id == id)
			return &lines[i];
	return NULL;
}

/* What only one of the sides says. */
static void cut_options(char *tail)
{
	static const char *const words[] = {",inode64", ",inode32"};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		char *at = strstr(tail, words[i]);

		if (at)
			memmove(at, at + strlen(words[i]),
				strlen(at + strlen(words[i])) + 1);
	}
}

static void show_tags(struct side *side, char *tags)
{
	char *save = NULL;

	for (char *word = strtok_r(tags, " ", &save); word;
	     word = strtok_r(NULL, " ", &save)) {
		char *colon = strchr(word, ':');

		if (!colon) {
			text_printf(&side->out, " %s", word);
			continue;
		}
		text_printf(&side->out, " %.*s:%u", (int)(colon - word), word,
			    side_number(&side->groups, 1,
					strtoul(colon + 1, NULL, 10)));
	}
}

static void show_line(struct side *side, struct line *line,
		      const struct line *parent)
{
	struct text *out = &side->out;

	text_printf(out, "\n    %u %u %u ", line->number,
		    parent ? parent->number : 0,
		    side_number(&side->devices,
				(uint64_t)line->major << 32 | line->minor, 1));
	if (!strncmp(line->root, "mnt:[", 5))
		text_printf(out, "mnt:[%u]",
			    side_number(&side->groups, 2,
					strtoul(line->root + 5, NULL, 10)));
	else
		text_printf(out, "%s", line->root);
	text_printf(out, " %s %s", line->point, line->options);
	show_tags(side, line->tags);
	cut_options(line->tail);
	text_printf(out, " - %s", line->tail);
}

static void run_mountinfo(struct exec *exec)
{
	struct side *side = exec->side;
	int64_t len = side->class->mountinfo(side, side->buffer, BUFFER_SIZE);
	struct line *lines = calloc(MAX_MOUNTS, sizeof(*lines));
	unsigned count = 0;
	char *save = NULL;

	if (!lines)
		die("out of memory");
	if (len >= 0)
		for (char *text = strtok_r(side->buffer, "\n", &save); text;
		     text = strtok_r(NULL, "\n", &save))
			if (count == MAX_MOUNTS ||
			    !parse(text, &lines[count++]))
				die("mountinfo: %s", text);
	for (unsigned i = 0; i < count; i++) {
		struct line *p = &lines[i];

		while ((p = find(lines, count, p->parent)) &&
		       lines[i].level < count)
			lines[i].level++;
	}
	qsort(lines, count, sizeof(*lines), by_place);
	for (unsigned i = 0; i < count; i++)
		lines[i].number = i + 1;
	/* groups' numbers are given anew when they are free */
	side_number_reset(&side->groups);
	exec_result(exec, len < 0 ? len : count);
	for (unsigned i = 0; i < count; i++)
		show_line(side, &lines[i], find(lines, count, lines[i].parent));
	free(lines);
}

const struct call_def mount_calls[] = {
	{"domount", "sssn?s", run_domount},   {"umount2", "sn", run_umount2},
	{"pivot_root", "ss", run_pivot_root}, {"unshare", "n", run_unshare},
	{"setns", "nn", run_setns},	      {"nsopen", "n", run_nsopen},
	{"mountinfo", "", run_mountinfo},     {NULL, NULL, NULL},
};
