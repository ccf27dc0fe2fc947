/* SPDX-License-Identifier: MIT */
/* Descriptors 0, 1 and 2. */
#ifndef BUNDLE_FDS_H
#define BUNDLE_FDS_H

#include "bundle.h"

/* - Those of the spec, in task, which has none. */
int bundle_import_stdio(struct bundle_load *b);

#endif
