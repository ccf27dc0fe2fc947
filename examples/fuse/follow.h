/* SPDX-License-Identifier: MIT */
/*
 * A thread that is kept on the processor of whoever waits for its answers.
 *
 * To be there is not enough: when it answers, the kernel sees that one's
 * processor at work, and takes it to another that is idle, which has to be
 * woken up. A processor that does nothing but SCHED_IDLE's work counts as idle,
 * so while it follows somebody the thread is of that kind, which is also put
 * aside at once for whoever it has answered.
 *
 * What is not followed may have all of that processor: the thread would come
 * last. So it is seen to that the thread waits for nobody but the one that it
 * follows, and if it does it goes back, for a while, to what it was.
 */
#ifndef FOLLOW_H
#define FOLLOW_H

#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* What this process's threads may do. */
struct freedom {
	cpu_set_t processors; /* where they may be; or none: nobody knows */
	/* SCHED_IDLE, and be what they were again afterwards */
	bool modest;
};

struct follow {
	const struct freedom *freedom;
	pthread_t thread;
	pid_t tid;   /* atomic */
	int cpu;     /* where it has to be, or -1 */
	bool modest; /* of SCHED_IDLE: atomic */
	bool ready;  /* what is known below is of client */
	pid_t client;
	uint64_t
		waited; /* nanoseconds that the thread waited for a processor */
	uint64_t ran;	/* that client had one */
	uint64_t debt;	/* that the thread waited for others, of late */
	unsigned int banned; /* ticks that it is to be left alone */
	unsigned int ban;    /* how many the next time */
	unsigned int good;   /* ticks that all went well */
	/* the thread's own */
	unsigned int asked; /* follow_has_lost */
	unsigned int patience;
	long slept; /* times, when it answered last */
};

void freedom_find(struct freedom *freedom);
/* A thread that is started by one that follows somebody does not. */
void freedom_attr(const struct freedom *freedom, pthread_attr_t *attr);

void follow_init(struct follow *f, const struct freedom *freedom);
/* By the thread itself, before it has answered anybody. */
void follow_begin(struct follow *f);
/* Now and then, ticks after the last time: client is whom to follow, 0: nobody.
 */
void follow_update(struct follow *f, pid_t client, unsigned int ticks);
/* It goes well. */
bool follow_is_steady(const struct follow *f);
/* By the thread itself, behind each answer: does it follow somebody who is not
 * there any more? */
bool follow_has_lost(struct follow *f);
/* If so: it goes there. What keeps follow_update out keeps this out, too. */
void follow_catch_up(struct follow *f);

#endif
