/* SPDX-License-Identifier: MIT */
/* What the one has written, the other one reads: the kernel's overlayfs and the
 * library on the same directories, one after the other. */
#define _GNU_SOURCE
#include "exchange.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define ROUNDS 3

/* The text without what begins with " ino=", up to the next blank. */
static void without_numbers(const struct text *from, struct text *to)
{
	const char *at = from->data, *number;

	text_clear(to);
	while ((number = strstr(at, " ino="))) {
		text_add(to, at, (size_t)(number - at));
		at = number + 1 + strcspn(number + 1, " \n");
	}
	text_add(to, at, strlen(at));
}

/*
 * Special files have no user attributes, so that with userxattr their origin is
 * not stored, and the kernel knows it until it forgets. Whether the library has
 * shown (got) what the kernel shows itself when it mounts anew what it has
 * written, and what it showed before (live) differs from that by numbers of
 * inodes alone. Then *live is what is to be seen from now on.
 */
static bool forgets(struct stage *stage, struct text *live,
		    const struct text *got)
{
	struct text again = {0}, a = {0}, b = {0};
	bool same = stage_enter(stage, stage->kernel);

	if (same) {
		stage_look(stage->kernel, DETAIL_EXACT, &again);
		without_numbers(live, &a);
		without_numbers(&again, &b);
		same = !strcmp(again.data, got->data) &&
		       !strcmp(a.data, b.data);
	}
	stage_leave(stage, stage->kernel);
	if (same) {
		puts("the kernel has other numbers when it mounts anew");
		text_clear(live);
		text_add(live, again.data, again.len);
	}
	text_fini(&again);
	text_fini(&a);
	text_fini(&b);
	return same;
}

static bool look_again(struct stage *stage, struct side *side,
		       struct text *expected, const char *what)
{
	struct text got = {0};
	bool same = stage_enter(stage, side);

	if (same) {
		stage_look(side, DETAIL_EXACT, &got);
		if (side == stage->kernel)
			stage_recall_root(expected, &got);
		same = (stage->layers.userxattr && side == stage->library &&
			strcmp(expected->data, got.data) &&
			forgets(stage, expected, &got)) ||
		       stage_same(stage, what, expected, &got);
	} else {
		printf("# what was done:\n%s---\n", stage->log.data);
	}
	stage_leave(stage, side);
	text_fini(&got);
	return same;
}

/* What side does, and how it looks then. */
static bool work(struct stage *stage, struct side *side, unsigned length,
		 struct text *plain, struct text *exact)
{
	struct text before = {0};
	bool shown = stage_work(stage, side, length), ok = true;

	if (!shown) {
		stage_look(side, DETAIL_EXACT, &before);
		stage_leave(stage, side);
		ok = stage_enter(stage, side);
	}
	if (ok) {
		stage_look(side, DETAIL_PLAIN, plain);
		stage_look(side, DETAIL_EXACT, exact);
	}
	if (ok && !shown) {
		stage_recall_root(&before, plain);
		stage_recall_root(&before, exact);
	}
	text_fini(&before);
	return ok;
}

static bool round_of(struct stage *stage, const struct exchange *exchange,
		     bool by_library, bool fuse)
{
	struct side *writer = by_library ? stage->library : stage->kernel;
	struct side *reader = by_library ? stage->kernel : stage->library;
	struct text exact = {0}, plain = {0};
	bool ok = stage_enter(stage, writer) &&
		  work(stage, writer, exchange->length, &plain, &exact);

	stage_leave(stage, writer);
	if (ok)
		ok = look_again(stage, reader, &exact,
				by_library ? "library, then kernel"
					   : "kernel, then library");
	if (ok)
		ok = look_again(stage, writer, &exact, "once more by itself");
	if (ok && fuse)
		ok = fuse_agrees(stage, exchange->fuse, &plain);
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
	/* it takes the root's origin, which an index needs, for a path */
	fuse = exchange->fuse && !layers.redirect && !layers.userxattr &&
	       !layers.index;
	stage_open(&stage, exchange->kind, &layers, exchange->seed, sequence);
	for (unsigned i = 0; ok && i < ROUNDS; i++) {
		stage_seed(&stage, exchange->seed, sequence * ROUNDS + i);
		ok = round_of(&stage, exchange, (sequence + i) % 2 == 0,
			      fuse && i == ROUNDS - 1);
	}
	if (ok && fuse) {
		stage_seed(&stage, exchange->seed, sequence * ROUNDS);
		ok = fuse_works(&stage, exchange->fuse, exchange->length);
	}
	stage_close(&stage);
	return ok;
}
