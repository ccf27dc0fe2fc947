/* SPDX-License-Identifier: MIT */
/* Texts and lists of options. Contract: text.h. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "text.h"

void *text_need(void *pointer)
{
	if (!pointer) {
		fprintf(stderr, "%s: out of memory\n",
			program_invocation_short_name);
		exit(1);
	}
	return pointer;
}

static void add_bytes(struct text *text, const char *more, size_t length)
{
	text->at = text_need(realloc(text->at, text->length + length + 1));
	memcpy(text->at + text->length, more, length);
	text->length += length;
	text->at[text->length] = '\0';
}

void text_add(struct text *text, const char *more)
{
	add_bytes(text, more, strlen(more));
}

void text_option(struct text *text, const char *option, size_t length)
{
	if (text->length)
		add_bytes(text, ",", 1);
	add_bytes(text, option, length);
}

/* The end of an option, which begins at at. What is between quotes is one piece
 * (an SELinux context has commas). */
static const char *option_end(const char *at)
{
	const char *name = at, *end;

	while (*at && *at != ',' && *at != '=')
		at += *at == '\\' && at[1] ? 2 : 1;
	if (at > name && at[0] == '=' && at[1] == '"') {
		end = strchr(at + 2, '"');
		if (end && (!end[1] || end[1] == ','))
			return end + 1;
	}
	while (*at && *at != ',')
		at += *at == '\\' && at[1] ? 2 : 1;
	return at;
}

size_t option_next(const char **list, const char **option)
{
	const char *at = *list;

	while (*at == ',')
		at++;
	*option = at;
	*list = option_end(at);
	return (size_t)(*list - at);
}

bool option_is(const char *option, size_t length, const char *name,
	       const char **value)
{
	size_t n = strlen(name);

	if (length < n || strncmp(option, name, n))
		return false;
	if (length > n && option[n] != '=')
		return false;
	*value = length > n ? option + n + 1 : NULL;
	return true;
}
