/* SPDX-License-Identifier: MIT */
/* Two sides, the same calls, and what is done when they differ. */
#ifndef ORACLE_RUN_H
#define ORACLE_RUN_H

#include "script.h"

#define MAX_CALL_KINDS 256
#define MAX_RULES 32

/* What a child tells its parent, in memory that both see. */
struct report {
	uint64_t beat; /* grows with every call: a stalled child hangs */
	uint64_t sequences;
	uint64_t abandoned; /* sequences ended early by a rule */
	uint64_t sequence;  /* the one in work */
	uint64_t succeeded[MAX_CALL_KINDS];
	uint64_t failed[MAX_CALL_KINDS];
	uint64_t ruled[MAX_RULES]; /* how often each rule applied */
	/* A difference: what kind, and how it shows. */
	char signature[128];
	char message[32768];
	/* The script so far, a line a call. */
	uint32_t line;
	uint32_t text_len;
	char text[1 << 20];
};

struct set_up {
	enum place place;
	bool self;    /* the kernel on both sides */
	bool inlined; /* see kernel_create */
	bool slow;    /* VFS_CONFIG_SLOW_WALK */
	bool mounts;  /* a namespace of its own for each sequence */
	bool overlay; /* its tree is an overlay: layers.h */
	bool verbose;
	bool lenient;	   /* scripts: show differences and go on */
	unsigned interval; /* calls between two looks at the whole state */
	char options[128]; /* of the mount */
	struct host host;  /* what the library works on */
};

struct run {
	const struct set_up *set_up;
	struct side *subject; /* the library */
	struct side *oracle;  /* the kernel */
	struct call call;
	struct report *report;
	struct text states[2];
	bool apart; /* lenient: the states were different before */
};

enum outcome {
	SAME,
	DIFFERENT,
	ABANDONED,
	MALFORMED
};

void run_init(struct run *run, const struct set_up *set_up,
	      struct report *report);
void run_fini(struct run *run);
/* One sequence is begin, line…, end. */
void run_begin(struct run *run);
enum outcome run_line(struct run *run, const char *line);
enum outcome run_end(struct run *run, bool compare);

/*
 * Deliberate differences (docs/deviations.md): a rule looks at a call that was
 * answered differently, or, a silent one, at one that was answered the same.
 */
struct rule {
	const char *name;
	/* The states may be different as well: the sequence ends here. */
	bool abandon;
	/* It is about what is left behind, and only asked where the states
	 * differ; then the sequence ends. */
	bool silent;
	bool (*applies)(const struct call *call, const struct side *subject,
			const struct side *oracle);
	const char *reason;
};

extern const struct rule rules[];
extern const unsigned rule_count;

#endif
