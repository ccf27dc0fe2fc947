/* SPDX-License-Identifier: MIT */
/* The tables by which options.c sends each -o where it belongs. */
#ifndef OPTIONS_RULES_H
#define OPTIONS_RULES_H

#include "options.h"

/* To whom an option goes. */
#define TO_HOST 1u   /* libfuse, and through it the host's mount */
#define TO_INSIDE 2u /* the mount in the tree */
#define TO_SELF 4u   /* set does it */
#define REFUSED 8u   /* why says why not */

#define RULE_SAID (-2) /* it is refused, and stderr says why */

/* A table ends with a NULL name. */
struct rule {
	const char *name;
	unsigned int to;
	/* value: behind the =, or NULL. 0, -1: it makes no sense, or
	 * RULE_SAID. */
	int (*set)(struct options *options, const char *value);
	const char *why;
};

/* Behind the =, a number up to max. 0 or -1. */
int rule_number(const char *value, unsigned long max, unsigned long *out);

bool rule_is_given(const struct text *list, const char *name);
/* A whole option for libfuse, and for the kernel. */
void rule_to_host(struct options *options, const char *option);

/* options_overlay.c: an overlay of the host's directories. */
extern const struct rule rules_of_overlay[];
/* What goes without saying; -1 when something is missing or does not go
 * together, and stderr says what. Once all has been read. */
int overlay_settle(struct options *options);

#endif
