/* SPDX-License-Identifier: MIT */
/* Looking at a whole tree: what it is, and whether it makes sense. */
#ifndef TEST_KIT_TREE_H
#define TEST_KIT_TREE_H

#include "backend/kit.h"

/* A number for names, types, modes, owners, links, sizes, times but atime,
 * contents and xattrs of everything. */
uint64_t kit_tree_state(struct kit *kit);
/* Records what does not fit together. */
void kit_tree_check(struct kit *kit);

#endif
