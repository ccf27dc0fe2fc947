/* SPDX-License-Identifier: MIT */
/* What may differ, each with its reason; docs/deviations.md lists the same.
 * Everything else is a defect. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <stdio.h>
#include <string.h>

#include "run.h"

/* Is a protection of links on that the library does not have, or the other
 * way round? The library is as with protected_hardlinks=1 and the other
 * three 0. */
static bool protection_differs(void)
{
	static const struct {
		const char *path;
		int expected;
	} files[] = {
		{"/proc/sys/fs/protected_hardlinks", 1},
		{"/proc/sys/fs/protected_symlinks", 0},
		{"/proc/sys/fs/protected_regular", 0},
		{"/proc/sys/fs/protected_fifos", 0},
	};
	static int known = -1;

	for (size_t i = 0; known < 0 && i < 4; i++) {
		FILE *file = fopen(files[i].path, "r");
		int value = files[i].expected;

		if (!file)
			continue;
		if (fscanf(file, "%d", &value) == 1 &&
		    value != files[i].expected)
			known = 1;
		fclose(file);
	}
	if (known < 0)
		known = 0;
	return known;
}

static bool protected_links(const struct call *call, const struct side *subject,
			    const struct side *oracle)
{
	(void)call;
	return protection_differs() &&
	       (subject->result == -EPERM || subject->result == -EACCES ||
		oracle->result == -EPERM || oracle->result == -EACCES);
}

const struct rule rules[] = {
	{"protected-links", true, protected_links,
	 "the machine's fs.protected_* settings are not the library's"},
};
const unsigned rule_count = sizeof(rules) / sizeof(rules[0]);
