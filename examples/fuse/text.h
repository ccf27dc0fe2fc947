/* SPDX-License-Identifier: MIT */
/* A text that grows, and lists of options in it: a,b=c,… with \, and \\. */
#ifndef TEXT_H
#define TEXT_H

#include <stdbool.h>
#include <stddef.h>

struct text {
	char *at; /* NULL: empty */
	size_t length;
};

/* All of these end the program when there is no memory: they are for its
 * beginning. */
void *text_need(void *pointer);
void text_add(struct text *text, const char *more);
/* Adds option[0..length) behind a comma. */
void text_option(struct text *text, const char *option, size_t length);

/*
 * The next option of a list: its length, and *list goes behind it. 0: there is
 * none. A comma behind a backslash belongs to the option, and so do those of a
 * value that is in quotes, which stay.
 */
size_t option_next(const char **list, const char **option);
/* Is the option name, or name=…? Then value is what is behind it, or NULL. */
bool option_is(const char *option, size_t length, const char *name,
	       const char **value);

#endif
