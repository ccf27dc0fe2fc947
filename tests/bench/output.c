/* SPDX-License-Identifier: MIT */
/* The table, and its lines as JSON objects. */
#include "bench.h"

#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>
#include <vfs/base.h>

double output_pick(const struct bench *bench, struct timing timing)
{
	return bench->options->median ? timing.median : timing.best;
}

static void json_string(const char *name, const char *text)
{
	printf("\"%s\": \"", name);
	for (; *text; text++) {
		unsigned char c = (unsigned char)*text;

		if (c == '"' || c == '\\')
			printf("\\%c", c);
		else if (c < 0x20)
			printf("\\u%04x", c);
		else
			putchar(c);
	}
	putchar('"');
}

static void json_number(const char *name, double value)
{
	if (value > 0)
		printf(", \"%s\": %.6g", name, value);
	else
		printf(", \"%s\": null", name);
}

void output_begin(const struct bench *bench, const char *kernel_tree)
{
	struct utsname system;
	uint32_t version = vfs_version();
	char line[256];

	if (uname(&system) < 0)
		memset(&system, 0, sizeof(system));
	snprintf(line, sizeof(line), "libvfs %u.%u.%u, %s %s, %s, %ld cpus",
		 version / 10000, version / 100 % 100, version % 100,
		 system.sysname, system.release, system.machine,
		 sysconf(_SC_NPROCESSORS_ONLN));
	if (bench->options->json) {
		printf("{\"environment\": {");
		json_string("system", line);
		printf(", ");
		json_string("kernel_tree", kernel_tree);
		printf(", ");
		json_string("statistic",
			    bench->options->median ? "median" : "best");
		printf(", \"quick\": %s}}\n",
		       bench->options->quick ? "true" : "false");
		return;
	}
	printf("%s\nkernel: %s; %s of alternating batches%s\n\n", line,
	       kernel_tree, bench->options->median ? "median" : "best",
	       bench->options->quick ? ", quick" : "");
	printf("%3s  %-42s %11s %11s %8s  %-12s %s\n", "row", "operation",
	       "libvfs", "kernel", "ratio", "goal", "");
	fflush(stdout);
}

static bool goal_met(const struct result *result)
{
	return result->kind == GOAL_AT_LEAST ? result->figure >= result->goal
					     : result->figure <= result->goal;
}

/* 0.25 means that a quarter is missing, or a quarter is too much. */
static double goal_distance(const struct result *result)
{
	if (result->kind == GOAL_AT_LEAST)
		return 1 - result->figure / result->goal;
	return result->figure / result->goal - 1;
}

static void figure_text(char *out, size_t size, double value, const char *unit)
{
	const char *gap = strcmp(unit, "x") == 0 ? "" : " ";

	if (value <= 0)
		snprintf(out, size, "-");
	else if (value >= 100)
		snprintf(out, size, "%.0f%s%s", value, gap, unit);
	else if (value >= 10)
		snprintf(out, size, "%.1f%s%s", value, gap, unit);
	else
		snprintf(out, size, "%.2f%s%s", value, gap, unit);
}

static void print_json(const struct bench *bench, const struct result *r)
{
	double vfs = output_pick(bench, r->vfs);
	double kernel = output_pick(bench, r->kernel);

	printf("{\"row\": %d, ", r->row);
	json_string("name", r->name);
	printf(", ");
	json_string("unit", r->unit);
	json_number("libvfs", vfs);
	json_number("libvfs_best", r->vfs.best);
	json_number("libvfs_median", r->vfs.median);
	json_number("kernel", kernel);
	json_number("kernel_best", r->kernel.best);
	json_number("kernel_median", r->kernel.median);
	json_number("figure", r->figure);
	printf(", ");
	json_string("figure_unit", r->figure_unit ? r->figure_unit : "");
	if (r->kind == GOAL_NONE) {
		printf(", \"goal\": null, \"goal_kind\": null, \"met\": null");
	} else {
		json_number("goal", r->goal);
		printf(", \"goal_kind\": \"%s\", \"met\": %s",
		       r->kind == GOAL_AT_LEAST ? "at_least" : "at_most",
		       goal_met(r) ? "true" : "false");
	}
	printf(", ");
	json_string("note", r->note ? r->note : "");
	printf("}\n");
}

static void print_row(const struct bench *bench, const struct result *r)
{
	char vfs[32], kernel[32], figure[32] = "", goal[40] = "";
	char bound[32];

	figure_text(vfs, sizeof(vfs), output_pick(bench, r->vfs), r->unit);
	figure_text(kernel, sizeof(kernel), output_pick(bench, r->kernel),
		    r->unit);
	if (r->figure > 0 && strcmp(r->figure_unit, "x") == 0)
		figure_text(figure, sizeof(figure), r->figure, "x");
	if (r->kind != GOAL_NONE) {
		snprintf(bound, sizeof(bound), "%g%s%s", r->goal,
			 strcmp(r->figure_unit, "x") == 0 ? "" : " ",
			 r->figure_unit);
		snprintf(goal, sizeof(goal), "%s %s",
			 r->kind == GOAL_AT_LEAST ? ">=" : "<=", bound);
	}
	printf("%3d  %-42s %11s %11s %8s  %-12s ", r->row, r->name, vfs, kernel,
	       figure, goal);
	if (r->kind != GOAL_NONE && goal_met(r))
		printf("met");
	else if (r->kind != GOAL_NONE)
		printf("misses by %.0f %%", goal_distance(r) * 100);
	if (r->note)
		printf("%s(%s)", r->kind == GOAL_NONE ? "" : " ", r->note);
	putchar('\n');
}

void output_result(struct bench *bench, const struct result *result)
{
	if (result->kind != GOAL_NONE) {
		bench->goals++;
		bench->goals_met += goal_met(result);
	}
	if (bench->options->json)
		print_json(bench, result);
	else
		print_row(bench, result);
	fflush(stdout);
}

void output_end(const struct bench *bench)
{
	if (!bench->options->json)
		printf("\n%u of %u goals met\n", bench->goals_met,
		       bench->goals);
}

void report_pair(struct bench *bench, int row, const char *name,
		 struct timing vfs, struct timing kernel, double goal)
{
	struct result result = {
		.row = row,
		.name = name,
		.unit = "ns",
		.vfs = vfs,
		.kernel = kernel,
		.figure_unit = "x",
		.kind = goal > 0 ? GOAL_AT_LEAST : GOAL_NONE,
		.goal = goal,
	};

	result.figure = output_pick(bench, kernel) / output_pick(bench, vfs);
	output_result(bench, &result);
}

void report_self(struct bench *bench, int row, const char *name,
		 const char *unit, double figure, enum goal_kind kind,
		 double goal, const char *note)
{
	struct result result = {
		.row = row,
		.name = name,
		.unit = unit,
		.figure = figure,
		.figure_unit = unit,
		.kind = kind,
		.goal = goal,
		.note = note,
	};

	/* A ratio stands in the column of ratios alone. */
	if (strcmp(unit, "x") != 0) {
		result.vfs.best = figure;
		result.vfs.median = figure;
	}
	output_result(bench, &result);
}
