/* SPDX-License-Identifier: MIT */
/* What is said of a failure: one line. Contract: bundle.h. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "bundle.h"

/* Names come from anywhere: a line stays one line. */
static void make_one_line(char *text)
{
	for (; *text; text++)
		if ((unsigned char)*text < ' ' || *text == 0x7f)
			*text = '?';
}

static void say(struct bundle_report *r, const char *text, const char *words)
{
	char line[3 * BUNDLE_LINE];

	snprintf(line, sizeof(line), "%s%s%s%s%s", r->where,
		 *r->where ? ": " : "", text, words ? ": " : "",
		 words ? words : "");
	make_one_line(line);
	if (r->message && r->size)
		snprintf(r->message, r->size, "%s", line);
	vfs_log(r->vfs, VFS_LOG_ERROR, "bundle: %s", line);
}

void bundle_where(struct bundle_report *r, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(r->where, sizeof(r->where), format, args);
	va_end(args);
}

int bundle_fail(struct bundle_report *r, int err, const char *format, ...)
{
	char text[BUNDLE_LINE];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	say(r, text, vfs_strerror(err));
	return err;
}

int bundle_refuse(struct bundle_report *r, const char *format, ...)
{
	char text[BUNDLE_LINE];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	say(r, text, NULL);
	return -EINVAL;
}

void bundle_note(struct bundle_report *r, const char *format, ...)
{
	char text[BUNDLE_LINE];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	make_one_line(text);
	vfs_log(r->vfs, VFS_LOG_WARNING, "bundle: %s%s%s", r->where,
		*r->where ? ": " : "", text);
}

int bundle_no_memory(struct bundle_report *r)
{
	return bundle_fail(r, -ENOMEM, "it was given up");
}
