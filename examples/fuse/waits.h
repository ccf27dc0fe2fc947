/* SPDX-License-Identifier: MIT */
/*
 * Requests that wait: each gets a thread of its own, so that any number of
 * them never keeps the session from its work. A signal for the process that
 * waits comes as an interrupt of the request; the call is then interrupted
 * until it has noticed, because an interrupt that comes a moment before a call
 * blocks does not reach it.
 *
 * Thread safe. waits_stop ends all of them, and waits for their ends.
 */
#ifndef WAITS_H
#define WAITS_H

#include <stdbool.h>

#include <fuse_lowlevel.h>

#include <vfs/vfs.h>

struct freedom;
struct waits;

/* freedom: of all of them, whoever starts one; stays. */
struct waits *waits_create(const struct freedom *freedom);
void waits_stop(struct waits *waits);
void waits_destroy(struct waits *waits);

/*
 * Calls work(context, task) in a new thread, again for as long as it returns
 * -EINTR and nobody has interrupted req, and answers req with its result.
 * done(context) is called behind that. Takes a reference on task over.
 * 0, or -ENOLCK: there are no threads left, and nothing was called.
 */
int wait_start(struct waits *waits, fuse_req_t req, struct vfs_task *task,
	       int (*work)(void *context, struct vfs_task *task),
	       void (*done)(void *context), void *context);

#endif
