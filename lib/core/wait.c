/* SPDX-License-Identifier: MIT */
/*
 * Sleeping and waking. Contract: wait.h.
 *
 * Order of locks: a queue's or the sleepers' lock (never both), then one
 * waiter's mutex. Whoever holds the lock of a list may touch the waiters in
 * it; removing oneself therefore waits until a waker is done.
 */
#include "core/wait.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <stddef.h>
#include <time.h>
#include <vfs/sys/backend.h>

#include "core/hostio.h"
#include "core/task.h"

#define NSEC_PER_SEC INT64_C(1000000000)

/* ---- one waiter ---- */

static void init_condition(pthread_cond_t *cond)
{
#ifdef __APPLE__
	pthread_cond_init(cond, NULL);
#else
	pthread_condattr_t attr;

	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(cond, &attr);
	pthread_condattr_destroy(&attr);
#endif
}

static int64_t monotonic_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * NSEC_PER_SEC + ts.tv_nsec;
}

int64_t vfs__wait_deadline(int milliseconds)
{
	return monotonic_ns() + milliseconds * INT64_C(1000000);
}

void vfs__waiter_init(struct vfs__waiter *waiter, struct vfs_task *task)
{
	struct vfs__sleepers *sleepers;

	waiter->task = task;
	waiter->woken = false;
	waiter->interrupted = false;
	waiter->event = -1;
	pthread_mutex_init(&waiter->mutex, NULL);
	init_condition(&waiter->cond);
	if (!task)
		return;
	sleepers = &task->sleepers;
	vfs__mutex_lock(&sleepers->lock, VFS__RANK_WAIT);
	waiter->next = sleepers->first;
	waiter->prev = &sleepers->first;
	if (waiter->next)
		waiter->next->prev = &waiter->next;
	sleepers->first = waiter;
	vfs__mutex_unlock(&sleepers->lock, VFS__RANK_WAIT);
}

void vfs__waiter_fini(struct vfs__waiter *waiter)
{
	if (waiter->task) {
		struct vfs__sleepers *sleepers = &waiter->task->sleepers;

		vfs__mutex_lock(&sleepers->lock, VFS__RANK_WAIT);
		*waiter->prev = waiter->next;
		if (waiter->next)
			waiter->next->prev = waiter->prev;
		vfs__mutex_unlock(&sleepers->lock, VFS__RANK_WAIT);
	}
	if (waiter->event >= 0)
		vfs__host_close(waiter->event);
	pthread_cond_destroy(&waiter->cond);
	pthread_mutex_destroy(&waiter->mutex);
}

static void tell(struct vfs__waiter *waiter, bool interrupt)
{
	pthread_mutex_lock(&waiter->mutex);
	if (interrupt)
		waiter->interrupted = true;
	else
		waiter->woken = true;
	/* inside, because the waiter's memory may go when it has seen this */
	pthread_cond_signal(&waiter->cond);
	if (waiter->event >= 0)
		vfs__host_event_set(waiter->event);
	pthread_mutex_unlock(&waiter->mutex);
}

void vfs__waiter_wake(struct vfs__waiter *waiter)
{
	tell(waiter, false);
}

/* Waits once; mutex held. ETIMEDOUT when the deadline has passed. */
static int wait_once(struct vfs__waiter *waiter, int64_t deadline_ns)
{
	struct timespec ts;

	if (deadline_ns < 0)
		return pthread_cond_wait(&waiter->cond, &waiter->mutex);
#ifdef __APPLE__
	deadline_ns -= monotonic_ns();
	if (deadline_ns <= 0)
		return ETIMEDOUT;
#endif
	ts.tv_sec = (time_t)(deadline_ns / NSEC_PER_SEC);
	ts.tv_nsec = (long)(deadline_ns % NSEC_PER_SEC);
#ifdef __APPLE__
	return pthread_cond_timedwait_relative_np(&waiter->cond, &waiter->mutex,
						  &ts);
#else
	return pthread_cond_timedwait(&waiter->cond, &waiter->mutex, &ts);
#endif
}

/* The call goes on at another time than it began. */
static void later(const struct vfs__waiter *waiter)
{
	if (waiter->task)
		vfs__self_always(waiter->task->vfs)->now_valid = false;
}

int vfs__wait_sleep(struct vfs__waiter *waiter, int64_t deadline_ns)
{
	int late = 0;
	int err = 0;

	pthread_mutex_lock(&waiter->mutex);
	while (!waiter->woken && !waiter->interrupted && late != ETIMEDOUT)
		late = wait_once(waiter, deadline_ns);
	if (waiter->woken)
		waiter->woken = false;
	else
		err = waiter->interrupted ? -EINTR : -ETIMEDOUT;
	pthread_mutex_unlock(&waiter->mutex);
	later(waiter);
	return err;
}

/* ---- in the host ---- */

/* From here on whoever tells the waiter something writes to fds[0], too. */
static int host_begin(struct vfs__waiter *waiter, struct pollfd *fds)
{
	int event = waiter->event;

	if (event < 0)
		event = vfs__host_event_create();
	if (event < 0)
		return -ENOMEM;
	fds[0] = (struct pollfd){.fd = event, .events = POLLIN};
	pthread_mutex_lock(&waiter->mutex);
	waiter->event = event;
	pthread_mutex_unlock(&waiter->mutex);
	return 0;
}

/* Whether the waiter has been told something: 1, -EINTR or 0. Being woken is
 * over with that, being interrupted is not. */
static int was_told(struct vfs__waiter *waiter)
{
	int told = 1;

	pthread_mutex_lock(&waiter->mutex);
	if (waiter->woken)
		waiter->woken = false;
	else
		told = waiter->interrupted ? -EINTR : 0;
	pthread_mutex_unlock(&waiter->mutex);
	return told;
}

int vfs__wait_host(struct vfs__waiter *waiter, struct pollfd *fds,
		   uint64_t count, int64_t deadline_ns)
{
	int ready = 0, told, err = host_begin(waiter, fds);

	if (err)
		return err;
	told = was_told(waiter);
	if (!told) {
		ready = vfs__host_wait(fds, count, deadline_ns);
		if (ready > 0 && fds[0].revents) {
			vfs__host_event_clear(fds[0].fd);
			ready--;
		}
		told = was_told(waiter);
	}
	later(waiter);
	if (ready > 0 || told > 0)
		return 0;
	if (told || ready < 0)
		return told ? told : -ENOMEM;
	return deadline_ns >= 0 && vfs__wait_deadline(0) >= deadline_ns
		       ? -ETIMEDOUT
		       : 0;
}

/* ---- queues ---- */

void vfs__waitqueue_init(struct vfs__waitqueue *queue)
{
	vfs__mutex_init(&queue->lock);
	queue->first = NULL;
	queue->last = &queue->first;
}

void vfs__wait_add(struct vfs__waitqueue *queue, struct vfs__wait_link *link,
		   struct vfs__waiter *waiter)
{
	link->waiter = waiter;
	link->queue = queue;
	link->next = NULL;
	vfs__mutex_lock(&queue->lock, VFS__RANK_WAIT);
	link->prev = queue->last;
	VFS_WRITE_ONCE(*queue->last, link);
	queue->last = &link->next;
	vfs__mutex_unlock(&queue->lock, VFS__RANK_WAIT);
}

void vfs__wait_remove(struct vfs__wait_link *link)
{
	struct vfs__waitqueue *queue = link->queue;

	if (!queue)
		return;
	vfs__mutex_lock(&queue->lock, VFS__RANK_WAIT);
	VFS_WRITE_ONCE(*link->prev, link->next);
	if (link->next)
		link->next->prev = link->prev;
	else
		queue->last = link->prev;
	vfs__mutex_unlock(&queue->lock, VFS__RANK_WAIT);
	link->queue = NULL;
}

void vfs__wait_wake(struct vfs__waitqueue *queue)
{
	/* who comes later has yet to look at the condition */
	if (!VFS_READ_ONCE(queue->first))
		return;
	vfs__mutex_lock(&queue->lock, VFS__RANK_WAIT);
	for (struct vfs__wait_link *l = queue->first; l; l = l->next)
		tell(l->waiter, false);
	vfs__mutex_unlock(&queue->lock, VFS__RANK_WAIT);
}

/* ---- interrupts ---- */

void vfs__sleepers_init(struct vfs__sleepers *sleepers)
{
	vfs__mutex_init(&sleepers->lock);
	sleepers->first = NULL;
}

void vfs__sleepers_interrupt(struct vfs__sleepers *sleepers)
{
	vfs__mutex_lock(&sleepers->lock, VFS__RANK_WAIT);
	for (struct vfs__waiter *w = sleepers->first; w; w = w->next)
		tell(w, true);
	vfs__mutex_unlock(&sleepers->lock, VFS__RANK_WAIT);
}
