/* SPDX-License-Identifier: MIT */
/*
 * Requests that wait. Contract: waits.h.
 *
 * libfuse calls the interrupt function with the request locked, so it does no
 * more than to mark the wait. One thread, the nagger, is there while something
 * is marked, and interrupts the calls that are.
 */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "waits.h"
#include "workers.h"

#define STACK (256u * 1024)
#define NAG_NSEC 2000000 /* between two interrupts of the same call */

struct wait {
	struct waits *waits;
	fuse_req_t req;
	struct vfs_task *task;
	int (*work)(void *context, struct vfs_task *task);
	void (*done)(void *context);
	void *context;
	bool interrupted; /* under the lock */
	struct wait *prev, *next;
};

struct waits {
	const struct freedom *freedom; /* constant */
	pthread_mutex_t lock;
	pthread_cond_t changed;
	/* below: under the lock */
	struct wait *first;
	unsigned int count;
	bool stopping;
	bool nagging; /* the nagger is there */
	pthread_t nagger;
};

struct waits *waits_create(const struct freedom *freedom)
{
	struct waits *waits = calloc(1, sizeof(*waits));

	if (!waits)
		return NULL;
	waits->freedom = freedom;
	pthread_mutex_init(&waits->lock, NULL);
	pthread_cond_init(&waits->changed, NULL);
	return waits;
}

static bool is_interrupted(const struct wait *w)
{
	return w->interrupted || w->waits->stopping;
}

static struct timespec after(long nsec)
{
	struct timespec at;

	clock_gettime(CLOCK_REALTIME, &at);
	at.tv_nsec += nsec;
	at.tv_sec += at.tv_nsec / 1000000000;
	at.tv_nsec %= 1000000000;
	return at;
}

static void *nag(void *argument)
{
	struct waits *waits = argument;

	pthread_mutex_lock(&waits->lock);
	while (!waits->stopping || waits->count) {
		struct timespec at = after(NAG_NSEC);
		bool busy = false;
		struct wait *w;

		for (w = waits->first; w; w = w->next) {
			if (is_interrupted(w)) {
				vfs_task_interrupt(w->task);
				busy = true;
			}
		}
		if (busy)
			pthread_cond_timedwait(&waits->changed, &waits->lock,
					       &at);
		else
			pthread_cond_wait(&waits->changed, &waits->lock);
	}
	pthread_mutex_unlock(&waits->lock);
	return NULL;
}

static void on_interrupt(fuse_req_t req, void *data)
{
	struct wait *w = data;

	(void)req;
	pthread_mutex_lock(&w->waits->lock);
	w->interrupted = true;
	pthread_cond_broadcast(&w->waits->changed);
	pthread_mutex_unlock(&w->waits->lock);
}

static bool go_on(struct wait *w)
{
	bool result;

	pthread_mutex_lock(&w->waits->lock);
	result = !is_interrupted(w);
	pthread_mutex_unlock(&w->waits->lock);
	return result;
}

static void leave(struct wait *w)
{
	struct waits *waits = w->waits;

	pthread_mutex_lock(&waits->lock);
	if (w->prev)
		w->prev->next = w->next;
	else
		waits->first = w->next;
	if (w->next)
		w->next->prev = w->prev;
	waits->count--;
	pthread_cond_broadcast(&waits->changed);
	pthread_mutex_unlock(&waits->lock);
}

static void *run(void *argument)
{
	struct wait *w = argument;
	int err = -EINTR;

	fuse_req_interrupt_func(w->req, on_interrupt, w);
	while (go_on(w)) {
		err = w->work(w->context, w->task);
		if (err != -EINTR)
			break;
	}
	/* from here on nobody marks it */
	fuse_req_interrupt_func(w->req, NULL, NULL);
	/* nobody's signal but the end of the mount; to the kernel EINTR would
	 * mean that it is to begin anew */
	if (err == -EINTR && !w->interrupted)
		err = -ENOTCONN;
	fuse_reply_err(w->req, -err);
	w->done(w->context);
	vfs_task_unref(w->task);
	leave(w);
	free(w);
	return NULL;
}

/* Makes the wait and its thread known. 0 or -ENOLCK. Lock held. */
static int start_threads(struct waits *waits, struct wait *w)
{
	pthread_attr_t attr;
	pthread_t thread;
	int err = 0;

	if (waits->stopping)
		return -ENOLCK;
	pthread_attr_init(&attr);
	freedom_attr(waits->freedom, &attr);
	if (!waits->nagging) {
		if (pthread_create(&waits->nagger, &attr, nag, waits)) {
			pthread_attr_destroy(&attr);
			return -ENOLCK;
		}
		waits->nagging = true;
	}
	pthread_attr_setstacksize(&attr, STACK);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	w->next = waits->first;
	if (w->next)
		w->next->prev = w;
	waits->first = w;
	waits->count++;
	if (pthread_create(&thread, &attr, run, w)) {
		waits->first = w->next;
		if (w->next)
			w->next->prev = NULL;
		waits->count--;
		err = -ENOLCK;
	}
	pthread_attr_destroy(&attr);
	return err;
}

int wait_start(struct waits *waits, fuse_req_t req, struct vfs_task *task,
	       int (*work)(void *context, struct vfs_task *task),
	       void (*done)(void *context), void *context)
{
	struct wait *w = calloc(1, sizeof(*w));
	int err;

	if (!w)
		return -ENOLCK;
	w->waits = waits;
	w->req = req;
	w->task = task;
	w->work = work;
	w->done = done;
	w->context = context;
	pthread_mutex_lock(&waits->lock);
	err = start_threads(waits, w);
	pthread_mutex_unlock(&waits->lock);
	if (err)
		free(w);
	return err;
}

void waits_stop(struct waits *waits)
{
	bool nagging;

	pthread_mutex_lock(&waits->lock);
	waits->stopping = true;
	pthread_cond_broadcast(&waits->changed);
	while (waits->count)
		pthread_cond_wait(&waits->changed, &waits->lock);
	nagging = waits->nagging;
	waits->nagging = false;
	pthread_mutex_unlock(&waits->lock);
	if (nagging)
		pthread_join(waits->nagger, NULL);
}

void waits_destroy(struct waits *waits)
{
	if (!waits)
		return;
	pthread_cond_destroy(&waits->changed);
	pthread_mutex_destroy(&waits->lock);
	free(waits);
}
