/* SPDX-License-Identifier: MIT */
/*
 * The command line of a program with many options, as a table, from which its
 * help is made. A mistake prints that, and the exit status is 2.
 */
#ifndef TEST_OPTIONS_H
#define TEST_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

struct test_option {
	const char *name;
	const char *word; /* what the help calls its argument; NULL: none */
	const char *help; /* one line, or several */
	/* One of these: what it sets. */
	bool *flag;
	uint64_t *number;
	unsigned *small;
	bool *second; /* word is FIRST|SECOND: whether it is the second */
	bool (*take)(const char *argument); /* false: a mistake */
};

struct test_options {
	const char *program;
	const struct test_option *table; /* up to one without a name */
};

/* Nothing but options, all of them right; --help ends the program. */
void test_options_parse(const struct test_options *options, int argc,
			char **argv);
/* For what shows later. */
_Noreturn void test_options_usage(const struct test_options *options,
				  int status);
/* Decimal, octal or hexadecimal, and nothing else. */
bool test_options_number(const char *word, uint64_t *number);

#endif
