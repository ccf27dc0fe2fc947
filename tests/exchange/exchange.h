/* SPDX-License-Identifier: MIT */
#ifndef EXCHANGE_EXCHANGE_H
#define EXCHANGE_EXCHANGE_H

#include "stage.h"

struct exchange {
	enum host_kind kind;
	struct layers layers; /* mixed, or one configuration */
	uint64_t seed;
	unsigned length; /* calls between two who look */
	bool all;	 /* faults: every errno at every step */
	bool fuse;	 /* fuse-overlayfs looks, too */
};

/* Both work on one sequence's layers in turn, and each sees what the other has
 * left. False: not so, and it was printed. */
bool exchange_sequence(const struct exchange *exchange, uint64_t sequence);
/* fuse-overlayfs is installed, and works here. */
bool fuse_possible(void);
/* What it shows of the stage's layers, into out. False: it does not work. */
bool fuse_look(struct stage *stage, struct text *out);

#endif
