/* SPDX-License-Identifier: MIT */
/*
 * A growing text, and how results are written into it. Both sides write what
 * they saw as text; two texts that are equal are two equal results.
 */
#ifndef ORACLE_TEXT_H
#define ORACLE_TEXT_H

#include <stddef.h>
#include <stdint.h>

struct text {
	char *data; /* always ends in a NUL once anything was written */
	size_t len;
	size_t cap;
};

void text_fini(struct text *text);
void text_clear(struct text *text);
void text_add(struct text *text, const char *data, size_t len);
void text_printf(struct text *text, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/* A quoted string with escapes; a long one as its length and a hash. */
void text_bytes(struct text *text, const void *data, size_t len);
/* Adds " 1 2 3" sorted: the lines of a NUL-separated list. */
void text_sorted(struct text *text, char *list, size_t len);
/* `value`, or `-ENAME` when it is a negative errno. */
void text_result(struct text *text, int64_t value);

uint64_t hash_bytes(uint64_t seed, const void *data, size_t len);

/* Stops the program: what cannot go on without memory or set-up. */
_Noreturn void die(const char *format, ...)
	__attribute__((format(printf, 1, 2)));

#endif
