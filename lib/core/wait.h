/* SPDX-License-Identifier: MIT */
/*
 * Sleeping and waking. A wait queue is a list of waiters that a waker tells;
 * a waiter may be in several queues (poll). A task knows who of its calls is
 * asleep, so that vfs_task_interrupt can wake them. Nothing is held while
 * asleep but references; no read section is open.
 *
 * A waiter, and its places in queues, live on the stack of the call that
 * sleeps (or in memory of its own): init, add, check the condition, sleep,
 * check again ..., remove, fini.
 */
#ifndef VFS__WAIT_H
#define VFS__WAIT_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "util/lock.h"

struct pollfd;
struct vfs_task;
struct vfs__waiter;
struct vfs__wait_link;

struct vfs__waitqueue {
	struct vfs__mutex lock;	      /* rank WAIT */
	struct vfs__wait_link *first; /* lock; peeked at without it */
	struct vfs__wait_link **last; /* lock; where the next one goes */
};

struct vfs__sleepers {
	struct vfs__mutex lock; /* rank WAIT */
	struct vfs__waiter *first;
};

/* On a sleeping call's stack. */
struct vfs__waiter {
	struct vfs_task *task;		  /* NULL: nobody interrupts it */
	struct vfs__waiter *next, **prev; /* task->sleepers.lock */
	pthread_mutex_t mutex;
	pthread_cond_t cond;
	bool woken;	  /* mutex */
	bool interrupted; /* mutex */
	int event; /* mutex: an eventfd, once it sleeps in the host; -1 */
};

/* A waiter's place in one queue. */
struct vfs__wait_link {
	struct vfs__waiter *waiter;
	struct vfs__waitqueue *queue;	     /* NULL: not queued */
	struct vfs__wait_link *next, **prev; /* queue->lock */
};

void vfs__waitqueue_init(struct vfs__waitqueue *queue);
/* - task may be NULL. From here on vfs_task_interrupt ends the next sleep. */
void vfs__waiter_init(struct vfs__waiter *waiter, struct vfs_task *task);
/* - In no queue any more, and nobody else knows it. */
void vfs__waiter_fini(struct vfs__waiter *waiter);
/* - At the end of the queue. */
void vfs__wait_add(struct vfs__waitqueue *queue, struct vfs__wait_link *link,
		   struct vfs__waiter *waiter);
/* - Nothing happens when link is in no queue. */
void vfs__wait_remove(struct vfs__wait_link *link);
/*
 * - Sleeps until woken since the last return (0), interrupted (-EINTR) or the
 *   deadline on CLOCK_MONOTONIC has passed (-ETIMEDOUT). deadline_ns < 0:
 *   none. The condition is to be checked again in a loop.
 */
int vfs__wait_sleep(struct vfs__waiter *waiter, int64_t deadline_ns);
/*
 * - The same, or until the host says of one of fds that it is ready (0). fds[0]
 *   is the waiter's own; the caller fills the others, of which there may be
 *   none. Also -ENOMEM: the host has no descriptor left to be woken by. May
 *   return 0 for nothing.
 */
int vfs__wait_host(struct vfs__waiter *waiter, struct pollfd *fds,
		   uint64_t count, int64_t deadline_ns);
/* - Wakes everybody in the queue, in the order in which they came. To be
 *   called with the lock that protects the condition held, or after it was. */
void vfs__wait_wake(struct vfs__waitqueue *queue);
/* - Wakes this one. */
void vfs__waiter_wake(struct vfs__waiter *waiter);
/* - The time that is milliseconds from now, for vfs__wait_sleep. */
int64_t vfs__wait_deadline(int milliseconds);

void vfs__sleepers_init(struct vfs__sleepers *sleepers);
/* - Everybody who has a waiter now: -EINTR. */
void vfs__sleepers_interrupt(struct vfs__sleepers *sleepers);

#endif
