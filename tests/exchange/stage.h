/* SPDX-License-Identifier: MIT */
/*
 * A file system of the host's with an overlay's layers in it, and two who mount
 * them in turn: the kernel, and the library over a hostfs of that directory.
 * They are the sides of the oracle, and take the same lines.
 */
#ifndef EXCHANGE_STAGE_H
#define EXCHANGE_STAGE_H

#include "gen.h"
#include "layers.h"
#include "script.h"
#include "side.h"

#define STAGE_TREES 3

struct stage {
	struct host host;
	/* mounts of its directory for others, each for one use; -1 */
	int trees[STAGE_TREES];
	char *made; /* lines that stage_open made the layers with */
	struct layers layers;
	struct side *kernel;
	struct side *library;
	struct call call;
	struct gen gen;
	struct layers_script script;
	struct text log; /* every line that was run, and by whom */
	char upper[16];	 /* the upper directory, on the host's file system */
};

/* To one file system, which is what a hostfs is. Of a mixture, those that would
 * have each layer on its own keep their marks in user attributes. */
void stage_limit(struct layers *layers);
/* The layers of sequence are made and filled, on a new file system. */
void stage_open(struct stage *stage, enum host_kind kind,
		const struct layers *layers, uint64_t seed, uint64_t sequence);
/* The same with layers that these lines make and fill. */
void stage_open_with(struct stage *stage, enum host_kind kind,
		     const struct layers *layers, const char *lines);
/* The layers are what these lines make of them. */
void stage_refill(struct stage *stage, const char *lines);
void stage_close(struct stage *stage);

/* side has the overlay as its root until it leaves. */
bool stage_enter(struct stage *stage, struct side *side);
/* The same with lines that mount something and make it the root. */
bool stage_enter_by(struct stage *stage, struct side *side, const char *lines);
void stage_leave(struct stage *stage, struct side *side);

/* Lines of a generator that begins anew with number. */
void stage_seed(struct stage *stage, uint64_t seed, uint64_t number);
/* The next one; skipped where its answer would be chance. */
const char *stage_line(struct stage *stage, struct side *side);
void stage_run(struct stage *stage, struct side *side, const char *line);
void stage_lines(struct stage *stage, struct side *side, const char *lines);
/* The same. False: the kernel has to mount anew to show what it has done
 * (removed.h). */
bool stage_step(struct stage *stage, struct side *side, const char *line);
/* That many of the generator's, which learns of them, or up to such a one. */
bool stage_work(struct stage *stage, struct side *side, unsigned length);

/* The whole tree as text, without what is only open. */
void stage_look(struct side *side, enum detail detail, struct text *out);
/* The kernel keeps that the root is immutable or append-only (`protattr`), and
 * does not read it when it mounts: got, which is the kernel's, gets it. */
void stage_recall_root(const struct text *expected, struct text *got);
/* Where two such texts differ: printed, with the log. */
bool stage_same(const struct stage *stage, const char *what,
		const struct text *expected, const struct text *got);

#endif
