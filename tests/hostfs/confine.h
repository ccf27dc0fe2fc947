/* SPDX-License-Identifier: MIT */
/* What the confinement test's own process and its attacker know of each other,
 * and the tree they work on. */
#ifndef TEST_CONFINE_H
#define TEST_CONFINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "support/hostdir.h"

#define MARK "OUTSIDE-MARK"
#define OWNER 54321u
#define LENGTH 31337

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* What the attacker's process and ours share. */
struct shared {
	uint32_t stop;	  /* atomic, and the rest */
	uint64_t attacks; /* that succeeded */
	uint64_t escapes; /* of a careless look at the same paths */
	uint64_t problems;
};

struct confine {
	char base[HOSTDIR_PATH]; /* holds in, out and lot */
	int basefd;
	struct shared *shared;
	int notify;
};

extern struct confine confine;

void die(const char *what);
void must(int result, const char *what);
void problem(const char *what, const char *how);
uint32_t pick(uint64_t *random, uint32_t below);
const char *any(uint64_t *random, const char *const *list, size_t n);
bool stopped(void);
void host_path(char path[256], const char *below);

/* The tree, in confine_tree.c. */
void make_outside(void);
void make_dir(const char *below);
void make_file(const char *below, const char *text, off_t length);
void look_before(void);
void watch(void);
/* Records what inotify tells, and what is not as it was. */
void check_events(void);
void check_after(void);

/* The other process, in confine_attack.c. */
void make_inside(void);
pid_t start_attacker(void);

#endif
