/* SPDX-License-Identifier: MIT */
/*
 * The generator: lines over a small set of names, so that collisions, loops,
 * links and renames abound. It learns from the answers which names exist and
 * what the slots hold; the same seed and the same answers give the same lines.
 * No line can block: whatever is opened is opened O_NONBLOCK.
 */
#ifndef ORACLE_GEN_H
#define ORACLE_GEN_H

#include "layers.h"
#include "script.h"

#define GEN_SLOTS 8
#define GEN_KNOWN 32
#define GEN_PATH 64
/* Everybody's ids have a number, but not always the same; some that the
 * generator uses outside have none. */
#define GEN_UID_MAP "0:1000:1,100:100:1,1000:1001:1,1001:5001:1,1002:77:1"
#define GEN_GID_MAP \
	"0:1000:1,100:100:1,1000:1001:1,1001:5001:1,1002:77:1,1003:1003:1"

enum slot_kind {
	SLOT_CLOSED,
	SLOT_FILE,
	SLOT_DIRECTORY,
	SLOT_EVENTS,
	SLOT_OTHER
};

struct gen {
	uint64_t state;
	enum place place;
	bool mounts; /* mount histories: gen_mounts.c */
	const struct host *host;
	bool overlay; /* the tree is one */
	char *first;  /* lines that come first, or NULL */
	char *first_rest;
	unsigned mount_count; /* in the last mountinfo */
	unsigned line;
	enum slot_kind slots[GEN_SLOTS];
	unsigned current; /* the task */
	bool tasks[MAX_TASKS];
	struct {
		char path[GEN_PATH];
		bool directory;
	} known[GEN_KNOWN]; /* what was made and not removed */
	unsigned known_count;
	bool watching;		  /* with queues of events */
	bool away;		  /* the working directory is not the root */
	bool memory;		  /* memfd_create was there */
	char chosen[4][GEN_PATH]; /* the paths in the last line */
	unsigned chosen_count;
	struct text text;
};

void gen_init(struct gen *gen, uint64_t seed, uint64_t sequence,
	      enum place place, bool mounts, const struct host *host);
/* What the sequence begins with, and the names that are there then. */
void gen_begin_with(struct gen *gen, const struct layers_script *script);
void gen_fini(struct gen *gen);
/* The next line; valid until the next call. */
const char *gen_line(struct gen *gen);
/* How the kernel answered it. */
void gen_learn(struct gen *gen, const struct call *call, struct side *side);

/* Would the answer be chance, or the file system's own business?
 * - Reading and writing one file in a call: whether the later of the two stamps
 *   is really later, and with it every later update of the access time.
 * - What a position in a directory is, as a number.
 * - What locks there are on the inode that queues of events share.
 * - What a pipe holds of a file: its bytes, or the file's page, which may
 *   change before it is read.
 * - What becomes of bytes that a mapping writes past the end of a file. */
bool gen_unclear(const char *line, struct side *side);

/* The same for mount histories. */
const char *gen_mount_line(struct gen *gen);
void gen_mount_learn(struct gen *gen, const struct call *call,
		     struct side *side);
void gen_mount_value(struct gen *gen, char kind);

/* 0 to n - 1. */
unsigned gen_below(struct gen *gen, unsigned n);
/* Appends a random value of a kind that a template names. */
void gen_value(struct gen *gen, char kind);

#endif
