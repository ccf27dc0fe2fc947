/* SPDX-License-Identifier: MIT */
/*
 * Instants of the kernel's stamps.
 *
 * Touching a file whose time was just looked at makes the kernel (6.13 and
 * later) give it a fine-grained stamp, and no later stamp in the system is
 * older. Doing so before each call tells which call made a stamp, on whatever
 * file system keeps such times. One thread of the process marks.
 */
#ifndef ORACLE_INSTANTS_H
#define ORACLE_INSTANTS_H

#include <stdbool.h>
#include <stdint.h>

#include <vfs/vfs.h>

struct instants {
	int64_t *marks; /* when each began, in nanoseconds */
	unsigned count;
	unsigned cap;
};

/* A stamp that no other one in the system is older and none younger than that
 * was given before it. */
int64_t instants_stamp(void);
/* The next one begins. */
void instants_mark(struct instants *instants);
/* The number of the one that a stamp was made in; 0: before the first. */
unsigned instants_find(const struct instants *instants,
		       const struct vfs_timespec *time);
void instants_fini(struct instants *instants);

/* A descriptor of this program's: from FIRST_PRIVATE_FD on. */
int private_fd(int fd);

#endif
