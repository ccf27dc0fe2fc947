/* SPDX-License-Identifier: MIT */
/* What the one has written, the other one reads: the kernel's overlayfs and the
 * library on the same directories, one after the other. */
#define _GNU_SOURCE
#include "exchange.h"

#include <stdio.h>

#define ROUNDS 3

static void work(struct stage *stage, struct side *side, unsigned length)
{
	for (unsigned i = 0; i < length; i++) {
		stage_run(stage, side, stage_line(stage, side));
		gen_learn(&stage->gen, &stage->call, side);
	}
}

static bool look_again(struct stage *stage, struct side *side,
		       const struct text *expected, const char *what)
{
	struct text got = {0};
	bool same = stage_enter(stage, side);

	if (same) {
		stage_look(side, DETAIL_EXACT, &got);
		same = stage_same(stage, what, expected, &got);
	} else {
		printf("# what was done:\n%s---\n", stage->log.data);
	}
	stage_leave(stage, side);
	text_fini(&got);
	return same;
}

/* It has no numbers of its own, and neither redirects nor metacopies. */
static bool fuse_agrees(struct stage *stage, const struct text *expected)
{
	struct text got = {0};
	bool same = !fuse_look(stage, &got) ||
		    stage_same(stage, "fuse-overlayfs", expected, &got);

	text_fini(&got);
	return same;
}

static bool round_of(struct stage *stage, const struct exchange *exchange,
		     bool by_library, bool fuse)
{
	struct side *writer = by_library ? stage->library : stage->kernel;
	struct side *reader = by_library ? stage->kernel : stage->library;
	struct text exact = {0}, plain = {0};
	bool ok = stage_enter(stage, writer);

	if (ok) {
		work(stage, writer, exchange->length);
		stage_look(writer, DETAIL_PLAIN, &plain);
		stage_look(writer, DETAIL_EXACT, &exact);
	}
	stage_leave(stage, writer);
	if (ok)
		ok = look_again(stage, reader, &exact,
				by_library ? "library, then kernel"
					   : "kernel, then library");
	if (ok)
		ok = look_again(stage, writer, &exact, "once more by itself");
	if (ok && fuse)
		ok = fuse_agrees(stage, &plain);
	text_fini(&exact);
	text_fini(&plain);
	return ok;
}

bool exchange_sequence(const struct exchange *exchange, uint64_t sequence)
{
	struct layers layers = layers_of(&exchange->layers, sequence);
	struct stage stage;
	bool fuse, ok = true;

	stage_limit(&layers);
	fuse = exchange->fuse && !layers.redirect;
	stage_open(&stage, exchange->kind, &layers, exchange->seed, sequence);
	for (unsigned i = 0; ok && i < ROUNDS; i++) {
		stage_seed(&stage, exchange->seed, sequence * ROUNDS + i);
		ok = round_of(&stage, exchange, (sequence + i) % 2 == 0,
			      fuse && i == ROUNDS - 1);
	}
	stage_close(&stage);
	return ok;
}
