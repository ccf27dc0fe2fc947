/* SPDX-License-Identifier: MIT */
/* The threads of a session, which read requests and answer them. */
#ifndef WORKERS_H
#define WORKERS_H

#include "bridge.h"

/* 0 or a negative errno. */
int workers_start(struct session *session);
/* How many requests there have been, of threads that are there; busy: whether
 * one is at work. */
unsigned int workers_count(struct session *session, bool *busy);
/* Ends all, and waits for their ends. */
void workers_stop(struct session *session);

/* session.c: what libfuse does not know, or does not say. True: it was
 * answered. */
bool session_look_into(struct session *session, struct fuse_buf *buf);

#endif
