/* SPDX-License-Identifier: MIT */
#include "support/options.h"

#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define OPTIONS_MAX 40
#define FIRST_VALUE 256 /* no letter */
#define HELP_COLUMN 20

static void show(const struct test_option *option, FILE *file)
{
	const char *help = option->help, *end;
	int width = fprintf(file, "  --%s%s%s", option->name,
			    option->word ? " " : "",
			    option->word ? option->word : "");

	if (width >= HELP_COLUMN) {
		fputc('\n', file);
		width = 0;
	}
	for (; (end = strchr(help, '\n')); help = end + 1, width = 0)
		fprintf(file, "%*s%.*s\n", HELP_COLUMN - width, "",
			(int)(end - help), help);
	fprintf(file, "%*s%s\n", HELP_COLUMN - width, "", help);
}

_Noreturn void test_options_usage(const struct test_options *options,
				  int status)
{
	FILE *file = status ? stderr : stdout;

	fprintf(file, "usage: %s [OPTION]...\n", options->program);
	for (const struct test_option *o = options->table; o->name; o++)
		show(o, file);
	exit(status);
}

bool test_options_number(const char *word, uint64_t *number)
{
	char *end;
	uint64_t value;

	if (!isdigit((unsigned char)*word))
		return false;
	errno = 0;
	value = strtoull(word, &end, 0);
	if (*end || errno)
		return false;
	*number = value;
	return true;
}

static bool choose(const char *words, const char *argument, bool *second)
{
	const char *other = strchr(words, '|') + 1;
	size_t len = strlen(argument);

	*second = !strcmp(argument, other);
	return *second ||
	       (words + len + 1 == other && !strncmp(argument, words, len));
}

static bool apply(const struct test_option *option, const char *argument)
{
	uint64_t number;

	if (option->flag)
		return *option->flag = true;
	if (option->take)
		return option->take(argument);
	if (option->second)
		return choose(option->word, argument, option->second);
	if (!test_options_number(argument, &number))
		return false;
	if (option->number)
		*option->number = number;
	else if (number <= UINT_MAX)
		*option->small = (unsigned)number;
	else
		return false;
	return true;
}

void test_options_parse(const struct test_options *options, int argc,
			char **argv)
{
	struct option longs[OPTIONS_MAX + 2] = {
		{"help", no_argument, NULL, 'h'}};
	const struct test_option *table = options->table;
	int letter;

	for (int i = 0; table[i].name; i++) {
		if (i == OPTIONS_MAX)
			abort();
		longs[i + 1].name = table[i].name;
		longs[i + 1].has_arg =
			table[i].word ? required_argument : no_argument;
		longs[i + 1].val = FIRST_VALUE + i;
	}
	while ((letter = getopt_long(argc, argv, "h", longs, NULL)) != -1) {
		if (letter < FIRST_VALUE)
			test_options_usage(options, letter == 'h' ? 0 : 2);
		if (!apply(&table[letter - FIRST_VALUE], optarg))
			test_options_usage(options, 2);
	}
	if (optind != argc)
		test_options_usage(options, 2);
}
