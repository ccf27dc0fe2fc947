/* SPDX-License-Identifier: MIT */
/* The life of a process that serves. */
#ifndef RUN_H
#define RUN_H

#include "options.h"

/*
 * Makes the tree and its mount, writes 0 to status_fd (or not, -1) when that
 * is done, and serves: until a signal comes, and without a name until it is
 * unmounted. Returns the exit status, or RUN_EXISTS: the name is somebody
 * else's, and nothing was done.
 */
#define RUN_EXISTS 2
int run_server(const struct options *options, int status_fd);

/* Mounts, has the server of that name serve it, and ends the process. -ENOENT:
 * there is none; another negative errno, and stderr says what. */
int run_join(const struct options *options);
/* Ends the server of that name. Returns the exit status. */
int run_stop(const char *name);
/* -o remount. Returns the exit status. */
int run_remount(const struct options *options);

#endif
