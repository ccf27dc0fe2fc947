/* SPDX-License-Identifier: MIT */
/* From a line of text to a call. */
#define _GNU_SOURCE
#include "script.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_WORDS 16

void call_init(struct call *call)
{
	memset(call, 0, sizeof(*call));
	call->pool = malloc(LINE_POOL);
	if (!call->pool)
		die("out of memory");
}

void call_fini(struct call *call)
{
	free(call->pool);
}

static bool pool_add(struct call *call, const char *data, size_t len)
{
	if (call->pool_used + len + 1 > LINE_POOL)
		return false;
	memcpy(call->pool + call->pool_used, data, len);
	call->pool_used += len;
	return true;
}

static int hex(char c)
{
	const char *digits = "0123456789abcdef", *found = strchr(digits, c);

	return c && found ? (int)(found - digits) : 0;
}

/* One escape; returns what follows it. */
static const char *parse_escape(struct call *call, const char *p)
{
	char c = *p++;

	if (c == 'n')
		c = '\n';
	else if (c == 't')
		c = '\t';
	else if (c == '0')
		c = '\0';
	else if (c == 'x' && p[0] && p[1]) {
		c = (char)(hex(p[0]) << 4 | hex(p[1]));
		p += 2;
	}
	return pool_add(call, &c, 1) ? p : NULL;
}

/* "…" with an optional *N; returns what follows it, or NULL. */
static const char *parse_quoted(struct call *call, const char *p)
{
	size_t start = call->pool_used, len;
	long count = 1;
	char *end;

	while (p && *p && *p != '"') {
		if (*p == '\\' && p[1])
			p = parse_escape(call, p + 1);
		else if (pool_add(call, p, 1))
			p++;
		else
			return NULL;
	}
	if (!p || *p++ != '"')
		return NULL;
	if (*p == '*') {
		count = strtol(p + 1, &end, 10);
		p = end;
	}
	len = call->pool_used - start;
	if (!count)
		call->pool_used = start;
	while (--count > 0) {
		if (!pool_add(call, call->pool + start, len))
			return NULL;
	}
	return p;
}

static bool parse_string(struct call *call, const char *word, struct arg *arg)
{
	size_t start = call->pool_used;

	if (!strcmp(word, "NULL"))
		return true;
	while (*word) {
		if (*word == '"') {
			word = parse_quoted(call, word + 1);
			if (!word)
				return false;
		} else {
			size_t len = strcspn(word, "+");

			if (!pool_add(call, word, len))
				return false;
			word += len;
		}
		if (*word == '+')
			word++;
		else if (*word)
			return false;
	}
	arg->string = call->pool + start;
	arg->len = call->pool_used - start;
	call->pool[call->pool_used++] = '\0';
	return true;
}

static bool parse_bytes(struct call *call, const char *word, struct arg *arg)
{
	unsigned char blob[1024];

	if (strncmp(word, "acl:", 4))
		return parse_string(call, word, arg);
	arg->len = acl_parse(word + 4, blob, sizeof(blob));
	arg->string = call->pool + call->pool_used;
	return arg->len && pool_add(call, (const char *)blob, arg->len);
}

static bool parse_slot(const char *word, int *slot)
{
	*slot = -1;
	if (word[0] != '$')
		return true;
	*slot = atoi(word + 1);
	return *slot >= 0 && *slot < MAX_SLOTS;
}

static bool parse_arg(struct call *call, char kind, const char *word,
		      struct arg *arg)
{
	arg->given = true;
	switch (kind) {
	case 's':
		return parse_string(call, word, arg);
	case 'b':
		return parse_bytes(call, word, arg);
	case 'v':
		arg->string = word;
		return true;
	default:
		if (!parse_slot(word, &arg->slot))
			return false;
		return arg->slot >= 0 || number_parse(word, &arg->number);
	}
}

/* Cuts the line into words, in the pool; quotes keep blanks. */
static int split(struct call *call, const char *line, char *words[MAX_WORDS])
{
	int count = 0;
	char *p = call->pool;

	call->pool_used = 0;
	if (!pool_add(call, line, strlen(line)))
		return -1;
	call->pool[call->pool_used++] = '\0';
	while (*(p += strspn(p, " \t\n")) && *p != '#') {
		bool quoted = false;

		if (count == MAX_WORDS)
			return -1;
		words[count++] = p;
		for (; *p && (quoted || !strchr(" \t\n", *p)); p++) {
			if (*p == '"')
				quoted = !quoted;
			else if (*p == '\\' && quoted && p[1])
				p++;
		}
		if (*p)
			*p++ = '\0';
	}
	return count;
}

/* -> $N [$M] and => R at the end; returns how many words are left. */
static int parse_tail(struct call *call, int count, char *words[MAX_WORDS])
{
	int left = count;

	for (int i = count - 1; i > 0; i--) {
		if (!strcmp(words[i], "=>")) {
			if (i + 2 != left)
				return -1;
			snprintf(call->expect, sizeof(call->expect), "%s",
				 words[i + 1]);
			left = i;
		} else if (!strcmp(words[i], "->")) {
			for (int j = 0; j < 2 && i + 1 + j < left; j++) {
				if (!parse_slot(words[i + 1 + j], &call->to[j]))
					return -1;
			}
			left = i;
		}
	}
	return left;
}

static bool parse_args(struct call *call, int count, char *words[])
{
	const char *kinds = call->def->args;
	bool optional = false;
	unsigned n = 0;

	for (; *kinds; kinds++) {
		if (*kinds == '?') {
			optional = true;
		} else if ((int)n < count) {
			if (!parse_arg(call, *kinds, words[n], &call->args[n]))
				return false;
			n++;
		} else if (!optional) {
			return false;
		}
	}
	call->arg_count = n;
	return (int)n == count;
}

bool call_parse(struct call *call, const char *line)
{
	char *words[MAX_WORDS];
	int count = split(call, line, words);

	call->def = NULL;
	call->expect[0] = '\0';
	call->to[0] = call->to[1] = -1;
	memset(call->args, 0, sizeof(call->args));
	for (int i = 0; i < MAX_ARGS; i++)
		call->args[i].slot = -1;
	if (!count || (count > 0 && (!strcmp(words[0], "mount") ||
				     !strcmp(words[0], "need") ||
				     !strcmp(words[0], "walk"))))
		return true;
	if (count > 0)
		count = parse_tail(call, count, words);
	if (count > 0)
		call->def = call_find(words[0], &call->index);
	if (call->def && parse_args(call, count - 1, words + 1))
		return true;
	fprintf(stderr, "oracle: not understood: %s\n", line);
	return false;
}

bool call_expected(const struct call *call, const struct side *side)
{
	int64_t number;

	if (!call->expect[0])
		return true;
	if (number_parse(call->expect, &number))
		return side->result == number;
	return side->result < 0 &&
	       !strcmp(strerrorname_np((int)-side->result), call->expect);
}
