/* SPDX-License-Identifier: MIT */
#ifndef EXCHANGE_EXCHANGE_H
#define EXCHANGE_EXCHANGE_H

#include "stage.h"

/* How often fuse-overlayfs was asked, and answered: shared by processes. It may
 * fail, or never be ready, by mistakes of its own. */
struct fuse_counts {
	unsigned asked, answered; /* atomic */
};

struct exchange {
	enum host_kind kind;
	struct layers layers; /* mixed, or one configuration */
	uint64_t seed;
	unsigned length;	  /* calls between two who look */
	bool all;		  /* faults: every errno at every step */
	struct fuse_counts *fuse; /* fuse-overlayfs takes part, too; or NULL */
};

/* Both work on one sequence's layers in turn, and each sees what the other has
 * left. False: not so, and it was printed. */
bool exchange_sequence(const struct exchange *exchange, uint64_t sequence);
/* fuse-overlayfs is installed, and works here. */
bool fuse_possible(void);
/* Whether it shows the stage's layers like that. It has no numbers of its own,
 * and neither redirects nor metacopies. False: not so, and it was printed. */
bool fuse_agrees(struct stage *stage, struct fuse_counts *counts,
		 struct text *expected);
/* It does that many of the stage's lines. The library and the kernel see what
 * it sees itself then. */
bool fuse_works(struct stage *stage, struct fuse_counts *counts,
		unsigned length);

#endif
