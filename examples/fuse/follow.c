/* SPDX-License-Identifier: MIT */
/* Following clients. Contract: follow.h. */
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "follow.h"
#include "who.h"

/* Nanoseconds that it may wait for others: of each tick, and more than that all
 * in all. */
#define PATIENCE UINT64_C(250000)
#define DEBT_MAX UINT64_C(4000000)
#define BAN_FIRST 16u /* ticks */
#define BAN_MAX 1024u
#define GOOD 512u /* ticks after which what was is forgotten */

#define STEADY 4u

/* Answers from one look at the own sleep to the next: while that finds the
 * client elsewhere, and otherwise. */
#define ASKED_MIN 4u
#define ASKED_MAX 64u

/* ---- what proc says of threads ---- */

/* A file of a thread's, as text; false: there is none. */
static bool read_proc(pid_t tid, const char *name, char *text, size_t size)
{
	char path[64];
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)tid, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	n = read(fd, text, size - 1);
	close(fd);
	if (n <= 0)
		return false;
	text[n] = '\0';
	return true;
}

/* The processor that the thread ran on last, or -1. */
static int processor_of(pid_t tid)
{
	char text[512], *at;
	int i;

	if (!read_proc(tid, "stat", text, sizeof(text)))
		return -1;
	/* behind the name, which may be of anything, and 36 numbers */
	at = strrchr(text, ')');
	for (i = 0; at && i < 37; i++)
		at = strchr(at + 1, ' ');
	return at ? atoi(at) : -1;
}

/* Nanoseconds that the thread had a processor, and waited for one. */
static bool read_times(pid_t tid, uint64_t *ran, uint64_t *waited)
{
	char text[128];

	return read_proc(tid, "schedstat", text, sizeof(text)) &&
	       sscanf(text, "%" SCNu64 " %" SCNu64, ran, waited) == 2;
}

/* ---- where, and how ---- */

static bool set_policy(pthread_t thread, int policy)
{
	const struct sched_param param = {.sched_priority = 0};

	return !pthread_setschedparam(thread, policy, &param);
}

static void set_modest(struct follow *f, bool modest)
{
	if (f->modest != modest &&
	    set_policy(f->thread, modest ? SCHED_IDLE : SCHED_OTHER))
		__atomic_store_n(&f->modest, modest, __ATOMIC_RELAXED);
}

static void set_cpu(struct follow *f, int cpu)
{
	cpu_set_t set = f->freedom->processors;

	if (f->cpu == cpu)
		return;
	if (cpu >= 0) {
		CPU_ZERO(&set);
		CPU_SET((unsigned int)cpu, &set);
	}
	/* one that is not ours to use: never mind */
	if (!pthread_setaffinity_np(f->thread, sizeof(set), &set))
		f->cpu = cpu;
}

static void *try_both(void *argument)
{
	bool *can = argument;
	int policy;
	struct sched_param param;

	*can = !pthread_getschedparam(pthread_self(), &policy, &param) &&
	       policy == SCHED_OTHER &&
	       set_policy(pthread_self(), SCHED_IDLE) &&
	       set_policy(pthread_self(), SCHED_OTHER);
	return NULL;
}

void freedom_find(struct freedom *freedom)
{
	uint64_t ran, waited;
	pthread_t thread;

	freedom->modest = false;
	/* there may be more than fit; and who asks has to be found */
	if (!who_knows_numbers() ||
	    sched_getaffinity(0, sizeof(freedom->processors),
			      &freedom->processors)) {
		CPU_ZERO(&freedom->processors);
		return;
	}
	/* in a thread of its own, which may stay what it becomes */
	if (read_times(getpid(), &ran, &waited) &&
	    !pthread_create(&thread, NULL, try_both, &freedom->modest))
		pthread_join(thread, NULL);
}

void freedom_attr(const struct freedom *freedom, pthread_attr_t *attr)
{
	const struct sched_param param = {.sched_priority = 0};

	if (CPU_COUNT(&freedom->processors))
		pthread_attr_setaffinity_np(attr, sizeof(freedom->processors),
					    &freedom->processors);
	if (!freedom->modest)
		return;
	pthread_attr_setinheritsched(attr, PTHREAD_EXPLICIT_SCHED);
	pthread_attr_setschedpolicy(attr, SCHED_OTHER);
	pthread_attr_setschedparam(attr, &param);
}

void follow_init(struct follow *f, const struct freedom *freedom)
{
	memset(f, 0, sizeof(*f));
	f->freedom = freedom;
	f->cpu = -1;
	f->ban = BAN_FIRST;
	f->patience = ASKED_MIN;
}

void follow_begin(struct follow *f)
{
	f->thread = pthread_self();
	__atomic_store_n(&f->tid, gettid(), __ATOMIC_RELEASE);
}

/* Looks at the client, who has the processor first, and at the thread, which
 * may have waited for others, too; false: it is gone already. */
static bool look_at_both(struct follow *f, pid_t client, unsigned int ticks)
{
	uint64_t ran, waited, unused, others = 0, allowed = PATIENCE * ticks;
	bool compare = f->ready && f->client == client;

	f->ready = read_times(client, &ran, &unused) &&
		   read_times(f->tid, &unused, &waited);
	f->client = client;
	if (!f->ready)
		return false;
	if (compare && waited - f->waited > ran - f->ran)
		others = waited - f->waited - (ran - f->ran);
	f->ran = ran;
	f->waited = waited;
	f->debt += others;
	f->debt -= f->debt < allowed ? f->debt : allowed;
	return true;
}

/* Whether it may be modest now. */
static bool may_be_modest(struct follow *f, pid_t client, unsigned int ticks)
{
	if (f->banned) {
		f->banned -= ticks < f->banned ? ticks : f->banned;
		return false;
	}
	if (!look_at_both(f, client, ticks))
		return false;
	if (f->debt <= DEBT_MAX) {
		f->good += ticks;
		if (f->good >= GOOD)
			f->ban = BAN_FIRST;
		return true;
	}
	f->good = 0;
	f->debt = 0;
	f->banned = f->ban;
	if (f->ban < BAN_MAX)
		f->ban *= 2;
	return false;
}

void follow_update(struct follow *f, pid_t client, unsigned int ticks)
{
	bool modest, same = client == f->client;
	int cpu = -1;

	/* nothing was changed either */
	if (!__atomic_load_n(&f->tid, __ATOMIC_ACQUIRE))
		return;
	modest =
		client && f->freedom->modest && may_be_modest(f, client, ticks);
	if (!modest) {
		f->ready = false;
		f->good = 0;
	}
	/* a tick's own work disturbs the client: where that is now says less
	 * than what the thread finds out by itself */
	if (modest && same && f->modest)
		return;
	if (client && modest == f->freedom->modest)
		cpu = processor_of(client);
	set_modest(f, modest && cpu >= 0);
	set_cpu(f, cpu);
}

/*
 * Who has got an answer goes on at once where it waited: there the thread is
 * put aside, and finds the next request when it comes back. Elsewhere it has
 * time to look for one in vain, and sleeps.
 */
bool follow_has_lost(struct follow *f)
{
	struct rusage usage;
	bool lost;
	long slept;

	if (!__atomic_load_n(&f->modest, __ATOMIC_RELAXED) ||
	    ++f->asked < f->patience || getrusage(RUSAGE_THREAD, &usage))
		return false;
	slept = usage.ru_nvcsw - f->slept;
	lost = slept > (long)f->asked / 2 && slept <= (long)f->asked;
	f->slept = usage.ru_nvcsw;
	f->asked = 0;
	if (!lost)
		f->patience = ASKED_MIN;
	return lost;
}

void follow_catch_up(struct follow *f)
{
	int cpu;

	if (!f->modest || !f->ready)
		return;
	cpu = processor_of(f->client);
	/* it is here, and sleeps for other reasons, too */
	if (cpu == f->cpu && f->patience < ASKED_MAX)
		f->patience *= 2;
	if (cpu >= 0)
		set_cpu(f, cpu);
}

bool follow_is_steady(const struct follow *f)
{
	return f->modest && f->good >= STEADY;
}
