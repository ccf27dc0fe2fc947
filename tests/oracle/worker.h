/* SPDX-License-Identifier: MIT */
/* Children that run scripts. Each has a mount of its own, and takes a crash
 * or a hang with it. */
#ifndef ORACLE_WORKER_H
#define ORACLE_WORKER_H

#include <sys/types.h>

#include "layers.h"
#include "run.h"

/* How a child ended. */
enum ending {
	ENDED_SAME,
	ENDED_DIFFERENT,
	ENDED_MALFORMED,
	ENDED_CRASH,
	ENDED_HANG
};

struct worker {
	pid_t pid;	       /* 0: none */
	struct report *report; /* shared with the child */
	uint64_t last_beat;
	unsigned idle; /* polls since the beat moved */
	uint64_t from;
	uint64_t to;
};

struct plan {
	uint64_t seed;
	unsigned length;
	enum place place;
	bool self;
	bool mounts; /* mount histories */
	bool inlined;
	bool verbose;
	bool lenient;
	unsigned interval;
	struct host host;
	struct layers layers;
};

void worker_init(struct worker *worker);
void worker_fini(struct worker *worker);

/* Runs the sequences from..to-1, all with the settings of from. */
void worker_generate(struct worker *worker, const struct plan *plan,
		     uint64_t from, uint64_t to);
/* Runs one script. */
void worker_script(struct worker *worker, const struct set_up *set_up,
		   const char *text);
/* False: still running. A crash or a hang fills in the report's message. */
bool worker_poll(struct worker *worker, enum ending *ending);
enum ending worker_wait(struct worker *worker);

/* The settings of a sequence, and the header lines that repeat them. */
void plan_set_up(const struct plan *plan, uint64_t sequence,
		 struct set_up *set_up);
void header_write(const struct set_up *set_up, struct text *out);
/* Applies a script's header lines. False: it asks for what is not here. */
bool header_read(const char *text, struct set_up *set_up);

/* Shortens the script in worker's report as long as it fails alike. */
void minimise(struct worker *worker, const struct set_up *set_up,
	      enum ending ending);

/* Sequences with the same settings are run in one child. */
#define CHUNK_SEQUENCES 200u

#endif
