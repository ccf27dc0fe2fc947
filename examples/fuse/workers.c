/* SPDX-License-Identifier: MIT */
/*
 * Threads. Contract: workers.h.
 *
 * Waking a thread up costs more than most requests do, and several times as
 * much on another processor, so as few as can be are woken: one thread reads
 * and does what it has read itself, on the processor that whoever asks runs on
 * (follow.h). There it goes on where that one waits for the answer, and finds
 * the next request where that one runs again. The others are parked. One of
 * them is called
 *
 *	- before something that takes its time (is_slow);
 *	- when a thread has been at one request for longer than a tick, so that
 *	  nothing waits for what waits;
 *	- when requests queue up: then more of them read, up to MAX_READERS.
 *
 * The latter two are looked after by a thread that wakes up once a tick, while
 * there is anything to do.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/fuse.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "session.h"
#include "workers.h"

#define TICK_NSEC 2000000
/* Between two looks, while one thread does all there is to do. */
#define STEADY_TICKS 5
/* Ticks without a request until the one that looks after them sleeps. */
#define QUIET_TICKS 25u
#define MAX_READERS 8u
/* Until there may be memory for a request. */
#define NO_MEMORY_USEC 1000
/* Requests of a tick that say something about it. */
#define MANY 8u

/* Every how many requests one looks whether more are waiting: not as many as
 * what programs do again and again may consist of. */
#define SAMPLE 17u
/* Samples that say something. */
#define SAMPLES_MIN 8u

struct worker {
	struct session *session;
	pthread_t thread;
	pthread_cond_t called;
	struct worker *next;	/* of all: under the session's lock */
	struct worker *parked;	/* of the parked ones: the same */
	bool is_parked;		/* is one: the same */
	bool reading;		/* it is its turn: atomic; set under the lock */
	bool busy;		/* at a request: atomic */
	unsigned int requests;	/* atomic */
	unsigned int seen;	/* requests at the last tick: under the lock */
	unsigned int unsampled; /* since the last sample: its own */
	unsigned int data;	/* of these READ and WRITE: atomic */
	pid_t client;		/* whose the last ones were: atomic */
	unsigned int streak;	/* how many of these there were: atomic */
	unsigned int seen_data; /* as seen */
	struct follow follow;	/* the same */
};

static void *work(void *argument);

static void on_wake(int signal)
{
	(void)signal;
}

/* ---- whose turn it is; lock held ---- */

static int start_thread(struct session *session)
{
	struct worker *worker = calloc(1, sizeof(*worker));
	pthread_attr_t attr;
	int err;

	if (!worker)
		return -ENOMEM;
	worker->session = session;
	worker->reading = true;
	follow_init(&worker->follow, &session->freedom);
	pthread_cond_init(&worker->called, NULL);
	pthread_attr_init(&attr);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	freedom_attr(&session->freedom, &attr);
	err = pthread_create(&worker->thread, &attr, work, worker);
	pthread_attr_destroy(&attr);
	if (err) {
		pthread_cond_destroy(&worker->called);
		free(worker);
		return -err;
	}
	worker->next = session->workers;
	session->workers = worker;
	session->threads++;
	session->readers++;
	return 0;
}

static void set_reading(struct worker *worker, bool reading)
{
	struct session *session = worker->session;

	if (worker->reading == reading)
		return;
	session->readers += reading ? 1 : -1u;
	__atomic_store_n(&worker->reading, reading, __ATOMIC_RELEASE);
}

/* False: there are enough parked ones. One that is stays. */
static bool park(struct worker *worker)
{
	struct session *session = worker->session;

	if (worker->is_parked)
		return true;
	if (session->parked_count >= session->max_idle)
		return false;
	worker->is_parked = true;
	worker->parked = session->parked;
	session->parked = worker;
	session->parked_count++;
	return true;
}

/* The one that was parked last, signalled; there is one. */
static struct worker *unpark(struct session *session)
{
	struct worker *worker = session->parked;

	session->parked = worker->parked;
	session->parked_count--;
	worker->is_parked = false;
	pthread_cond_signal(&worker->called);
	return worker;
}

/* Somebody reads, if there are fewer than there should be. */
static void call_another(struct session *session)
{
	if (session->stopping || session->readers >= session->readers_wanted)
		return;
	if (session->parked) {
		set_reading(unpark(session), true);
	} else if (session->threads < session->max_threads) {
		start_thread(session);
	}
}

static void unpark_all(struct session *session)
{
	while (session->parked)
		unpark(session);
	pthread_cond_broadcast(&session->tick);
}

/* ---- a worker ---- */

/* The request is answered: is it to read the next one? Waits until it is;
 * false: it is not needed. */
static bool await_turn(struct worker *worker)
{
	struct session *session = worker->session;
	bool turn;

	if (__atomic_load_n(&worker->reading, __ATOMIC_ACQUIRE))
		return true;
	pthread_mutex_lock(&session->lock);
	if (session->readers < session->readers_wanted)
		set_reading(worker, true);
	while (!worker->reading && !session->stopping && park(worker))
		pthread_cond_wait(&worker->called, &session->lock);
	turn = worker->reading;
	pthread_mutex_unlock(&session->lock);
	return turn;
}

static void step_aside(struct worker *worker)
{
	struct session *session = worker->session;

	pthread_mutex_lock(&session->lock);
	set_reading(worker, false);
	call_another(session);
	pthread_mutex_unlock(&session->lock);
}

/* What waits for a disk, or moves as much as it likes. */
static bool is_slow(const struct fuse_buf *buf)
{
	const struct fuse_in_header *header = buf->mem;

	switch (header->opcode) {
	case FUSE_FSYNC:
	case FUSE_FSYNCDIR:
	case FUSE_FALLOCATE:
	case FUSE_COPY_FILE_RANGE:
	case FUSE_INIT:
		return true;
	default:
		return false;
	}
}

/* Now and then: do more requests wait than the one that was read? Others could
 * be at them. Where nobody waits for that one (pid 0), whoever has caused it
 * goes on with the next. */
static void sample(struct worker *worker, const struct fuse_buf *buf)
{
	const struct fuse_in_header *header = buf->mem;
	struct session *session = worker->session;
	struct pollfd poll_fd = {.fd = fuse_session_fd(session->fuse),
				 .events = POLLIN};

	if (++worker->unsampled < SAMPLE || !header->pid)
		return;
	worker->unsampled = 0;
	__atomic_add_fetch(&session->samples, 1, __ATOMIC_RELAXED);
	if (poll(&poll_fd, 1, 0) > 0)
		__atomic_add_fetch(&session->queued, 1, __ATOMIC_RELAXED);
}

static void note(struct worker *worker, const struct fuse_buf *buf)
{
	const struct fuse_in_header *header = buf->mem;

	if (header->opcode == FUSE_READ || header->opcode == FUSE_WRITE)
		__atomic_store_n(&worker->data, worker->data + 1,
				 __ATOMIC_RELAXED);
	if (!header->pid)
		return;
	if ((pid_t)header->pid != worker->client)
		__atomic_store_n(&worker->streak, 0, __ATOMIC_RELAXED);
	__atomic_store_n(&worker->client, (pid_t)header->pid, __ATOMIC_RELAXED);
	__atomic_store_n(&worker->streak, worker->streak + 1, __ATOMIC_RELAXED);
}

/* ---- where they run ---- */

/* Whether it is the only one that reads, for one client that waits for each of
 * its answers: data goes faster where both sides copy at once. */
static bool is_followed(const struct worker *worker)
{
	unsigned int requests =
		__atomic_load_n(&worker->requests, __ATOMIC_RELAXED) -
		worker->seen;
	unsigned int data = __atomic_load_n(&worker->data, __ATOMIC_RELAXED) -
			    worker->seen_data;

	return CPU_COUNT(&worker->session->freedom.processors) > 1 &&
	       worker->reading && worker->session->readers == 1 &&
	       requests >= MANY && data <= requests / 2 &&
	       __atomic_load_n(&worker->streak, __ATOMIC_RELAXED) >= MANY;
}

/* Lock held. */
static void follow(struct worker *worker, unsigned int ticks)
{
	pid_t client = __atomic_load_n(&worker->client, __ATOMIC_RELAXED);

	follow_update(&worker->follow, is_followed(worker) ? client : 0, ticks);
}

/* Behind an answer: what would be late at the next tick. */
static void keep_up(struct worker *worker)
{
	struct session *session = worker->session;
	bool lost = follow_has_lost(&worker->follow);

	if (!lost && worker->streak != MANY * 2)
		return;
	pthread_mutex_lock(&session->lock);
	if (lost)
		follow_catch_up(&worker->follow);
	else if (worker->follow.client != worker->client)
		follow(worker, 0);
	pthread_mutex_unlock(&session->lock);
}

/* ---- requests ---- */

static void process(struct worker *worker, struct fuse_buf *buf)
{
	struct session *session = worker->session;

	__atomic_store_n(&worker->busy, true, __ATOMIC_RELAXED);
	/* counted first and looked at then; look_after has it the other way
	 * round, so that one of the two notices */
	__atomic_store_n(&worker->requests, worker->requests + 1,
			 __ATOMIC_SEQ_CST);
	if (__atomic_load_n(&session->quiet, __ATOMIC_SEQ_CST)) {
		pthread_mutex_lock(&session->lock);
		__atomic_store_n(&session->quiet, false, __ATOMIC_SEQ_CST);
		pthread_cond_signal(&session->tick);
		pthread_mutex_unlock(&session->lock);
	}
	note(worker, buf);
	sample(worker, buf);
	if (is_slow(buf))
		step_aside(worker);
	if (!session_look_into(session, buf))
		fuse_session_process_buf(session->fuse, buf);
	keep_up(worker);
	__atomic_store_n(&worker->busy, false, __ATOMIC_RELEASE);
}

/* hung_up: there are no more requests. */
static void leave(struct worker *worker, bool hung_up)
{
	struct session *session = worker->session;
	struct worker **at = &session->workers;
	uint64_t one = 1;

	pthread_mutex_lock(&session->lock);
	while (*at != worker)
		at = &(*at)->next;
	*at = worker->next;
	session->threads--;
	set_reading(worker, false);
	if (hung_up) {
		/* whoever waits for that is told */
		session->stopping = true;
		unpark_all(session);
		fuse_session_exit(session->fuse);
		if (write(session->ended_fd, &one, sizeof(one)) < 0)
			fprintf(stderr, "%s: eventfd: %m\n",
				program_invocation_short_name);
	}
	pthread_cond_broadcast(&session->ended);
	pthread_mutex_unlock(&session->lock);
	pthread_cond_destroy(&worker->called);
	free(worker);
}

static void *work(void *argument)
{
	struct worker *worker = argument;
	struct fuse_session *fuse = worker->session->fuse;
	struct fuse_buf buf = {.mem = NULL};
	bool hung_up = false;

	follow_begin(&worker->follow);
	while (!hung_up && await_turn(worker) && !fuse_session_exited(fuse)) {
		int n = fuse_session_receive_buf(fuse, &buf);

		if (n > 0)
			process(worker, &buf);
		else if (n == -ENOMEM)
			usleep(NO_MEMORY_USEC);
		else
			hung_up = n != -EINTR;
	}
	free(buf.mem);
	/* libfuse may end it by itself, too */
	leave(worker, hung_up || fuse_session_exited(fuse));
	return NULL;
}

/* ---- the one that looks after them ---- */

/* Lock held. More readers where most requests find others waiting. */
static void adapt(struct session *session)
{
	unsigned int samples =
		__atomic_load_n(&session->samples, __ATOMIC_RELAXED);
	unsigned int queued;
	struct worker *worker;

	if (samples >= SAMPLES_MIN) {
		queued = __atomic_exchange_n(&session->queued, 0,
					     __ATOMIC_RELAXED);
		__atomic_store_n(&session->samples, 0, __ATOMIC_RELAXED);
		if (queued > samples / 2 &&
		    session->readers_wanted < MAX_READERS)
			session->readers_wanted++;
		else if (queued < samples / 3 && session->readers_wanted > 1)
			session->readers_wanted--;
	}
	for (worker = session->workers;
	     worker && session->readers > session->readers_wanted;
	     worker = worker->next)
		set_reading(worker, false);
	call_another(session);
}

/* Lock held, ticks after the last time. How many requests there were. */
static unsigned int look_at_workers(struct session *session, unsigned int ticks,
				    bool *steady)
{
	unsigned int requests, sum = 0;
	struct worker *worker;

	*steady = false;
	for (worker = session->workers; worker; worker = worker->next) {
		requests = __atomic_load_n(&worker->requests, __ATOMIC_SEQ_CST);
		/* at the same one as before: nobody is to wait for that */
		if (requests == worker->seen &&
		    __atomic_load_n(&worker->busy, __ATOMIC_ACQUIRE))
			set_reading(worker, false);
		follow(worker, ticks);
		if (follow_is_steady(&worker->follow))
			*steady = true;
		sum += requests - worker->seen;
		worker->seen = requests;
		worker->seen_data =
			__atomic_load_n(&worker->data, __ATOMIC_RELAXED);
	}
	return sum;
}

static void *look_after(void *argument)
{
	struct session *session = argument;
	unsigned int quiet = 0, requests, ticks;
	bool steady = false;

	pthread_mutex_lock(&session->lock);
	while (!session->stopping) {
		if (session->quiet) {
			pthread_cond_wait(&session->tick, &session->lock);
			continue;
		}
		/* to look disturbs */
		ticks = steady ? STEADY_TICKS : 1;
		pthread_mutex_unlock(&session->lock);
		nanosleep(&(struct timespec){.tv_nsec = TICK_NSEC * ticks},
			  NULL);
		pthread_mutex_lock(&session->lock);
		requests = look_at_workers(session, ticks, &steady);
		adapt(session);
		quiet = requests ? 0 : quiet + 1;
		if (quiet < QUIET_TICKS)
			continue;
		quiet = 0;
		__atomic_store_n(&session->quiet, true, __ATOMIC_SEQ_CST);
		if (look_at_workers(session, 0, &steady))
			__atomic_store_n(&session->quiet, false,
					 __ATOMIC_SEQ_CST);
	}
	pthread_mutex_unlock(&session->lock);
	return NULL;
}

/* ---- beginning and end ---- */

int workers_start(struct session *session)
{
	struct sigaction wake = {.sa_handler = on_wake};
	int err;

	sigaction(SESSION_SIGNAL, &wake, NULL);
	session->readers_wanted = 1;
	session->quiet = true;
	err = -pthread_create(&session->after, NULL, look_after, session);
	if (err)
		return err;
	session->has_after = true;
	pthread_mutex_lock(&session->lock);
	err = start_thread(session);
	pthread_mutex_unlock(&session->lock);
	return err;
}

unsigned int workers_count(struct session *session, bool *busy)
{
	const struct worker *worker;
	unsigned int sum = 0;

	*busy = false;
	pthread_mutex_lock(&session->lock);
	for (worker = session->workers; worker; worker = worker->next) {
		sum += __atomic_load_n(&worker->requests, __ATOMIC_SEQ_CST);
		*busy |= __atomic_load_n(&worker->busy, __ATOMIC_ACQUIRE);
	}
	pthread_mutex_unlock(&session->lock);
	return sum;
}

/* A signal may come a moment before its thread sleeps: it comes again. */
void workers_stop(struct session *session)
{
	struct worker *worker;
	struct timespec at;

	fuse_session_exit(session->fuse);
	pthread_mutex_lock(&session->lock);
	session->stopping = true;
	unpark_all(session);
	while (session->threads) {
		for (worker = session->workers; worker; worker = worker->next)
			pthread_kill(worker->thread, SESSION_SIGNAL);
		clock_gettime(CLOCK_REALTIME, &at);
		at.tv_nsec += 2000000;
		at.tv_sec += at.tv_nsec / 1000000000;
		at.tv_nsec %= 1000000000;
		pthread_cond_timedwait(&session->ended, &session->lock, &at);
	}
	pthread_mutex_unlock(&session->lock);
	if (session->has_after)
		pthread_join(session->after, NULL);
	session->has_after = false;
}
