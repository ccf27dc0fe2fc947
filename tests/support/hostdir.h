/* SPDX-License-Identifier: MIT */
/*
 * Directories of the host for tests: made afresh, taken away with all that is
 * in them, and the process's descriptors, counted.
 */
#ifndef TEST_HOSTDIR_H
#define TEST_HOSTDIR_H

#include <stdbool.h>
#include <stddef.h>

#define HOSTDIR_PATH 64

/* An empty directory, mode 0755, in $HOSTFS_DIR, else where a tmpfs usually
 * is, else in /tmp. 0 or a negative errno. */
int hostdir_make(char path[HOSTDIR_PATH]);
/* Removes path and everything below it, mounts of others excepted. */
void hostdir_remove(const char *path);
/* How many descriptors this process has. */
int hostdir_count_fds(void);

#endif
