/* SPDX-License-Identifier: MIT */
/* Where a user is at home. */
#ifndef BUNDLE_HOME_H
#define BUNDLE_HOME_H

#include "bundle.h"

/* - The directory of the spec's user in the tree's /etc/passwd, as root of the
 *   container reads it; "/" where there is none. *out lies in b's memory.
 *   -ENOMEM, and what reading it may say. */
int bundle_home(struct bundle_load *b, const char **out);

#endif
