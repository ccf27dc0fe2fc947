/* SPDX-License-Identifier: MIT */
/*
 * Threads' records: found, made, given back. Contract: domain.h.
 *
 * A record is found through the thread's own cache, then through the domain's
 * thread key, whose destructor gives the record back when the thread exits.
 * A process has 1024 keys or so; domains beyond that find records by
 * pthread_self() in the list of them all, and a thread that exits leaves its
 * record behind for the next that the system gives the same name.
 *
 * The list grows at its head only, so that it can be read without the lock.
 */
#include <sched.h>
#include <string.h>
#include <unistd.h>
#ifdef __linux__
#include <sys/syscall.h>
#endif

#include "util/domain_private.h"

__thread struct vfs__tls vfs__tls[VFS__TLS_SLOTS] VFS__TLS_MODEL;

static void cache_set(const struct vfs__domain *domain,
		      struct vfs__thread *thread)
{
	struct vfs__tls *slot = vfs__tls_slot(domain->head.id);

	slot->id = domain->head.id;
	slot->thread = thread;
}

static void cache_clear(const struct vfs__domain *domain)
{
	struct vfs__tls *slot = vfs__tls_slot(domain->head.id);

	if (slot->id == domain->head.id)
		slot->id = 0;
}

bool vfs__thread_is_main(void)
{
#ifdef __linux__
	return syscall(SYS_gettid) == getpid();
#else
	return false;
#endif
}

static struct vfs__thread *first_thread(const struct vfs__domain *domain)
{
	return __atomic_load_n(&domain->threads, __ATOMIC_ACQUIRE);
}

/* The record of the calling thread; threads_lock held. A namesake that was
 * left behind by fork() may have been in the middle of something: its record
 * is not touched. */
static struct vfs__thread *find_own(const struct vfs__domain *domain, pid_t pid)
{
	struct vfs__thread *thread = first_thread(domain);

	for (; thread; thread = thread->next)
		if (thread->in_use &&
		    pthread_equal(thread->owner, pthread_self()) &&
		    (thread->pid == pid || vfs__thread_is_main()))
			return thread;
	return NULL;
}

/* A record that nobody uses; threads_lock held. */
static struct vfs__thread *find_free(const struct vfs__domain *domain)
{
	struct vfs__thread *thread = first_thread(domain);

	while (thread && thread->in_use)
		thread = thread->next;
	return thread;
}

static struct vfs__thread *record_create(struct vfs__domain *domain)
{
	struct vfs__thread *thread =
		vfs__domain_alloc(domain, sizeof(*thread), 64);

	if (!thread)
		return NULL;
	memset(thread, 0, sizeof(*thread));
	thread->domain = domain;
	vfs__slab_thread_init(thread);
	vfs__epoch_thread_init(thread);
	return thread;
}

/* The domain gets its second thread: from now on who retires looks for the
 * sections of others. The store is a barrier, too: see order_sections. */
static void domain_share(struct vfs__domain *domain)
{
	if (__atomic_exchange_n(&domain->shared, 1, __ATOMIC_SEQ_CST))
		return;
	if (domain->asymmetric)
		vfs__barrier_prepare();
}

static void record_claim(struct vfs__thread *thread, pid_t pid)
{
	thread->in_use = true;
	thread->owner = pthread_self();
	__atomic_store_n(&thread->pid, pid, __ATOMIC_RELAXED);
}

static struct vfs__thread *record_adopt(struct vfs__domain *domain)
{
	struct vfs__thread *thread = NULL;
	pid_t pid = getpid();

	vfs__mutex_lock(&domain->threads_lock, VFS__RANK_SLAB);
	if (!domain->has_key)
		thread = find_own(domain, pid);
	if (!thread) {
		thread = find_free(domain);
		if (thread)
			record_claim(thread, pid);
	}
	vfs__mutex_unlock(&domain->threads_lock, VFS__RANK_SLAB);
	if (thread)
		return thread;
	if (first_thread(domain))
		domain_share(domain);
	/* the embedder's allocator is called without a lock */
	thread = record_create(domain);
	if (!thread)
		return NULL;
	vfs__mutex_lock(&domain->threads_lock, VFS__RANK_SLAB);
	record_claim(thread, pid);
	thread->index = domain->next_index++;
	thread->next = domain->threads;
	__atomic_store_n(&domain->threads, thread, __ATOMIC_RELEASE);
	vfs__mutex_unlock(&domain->threads_lock, VFS__RANK_SLAB);
	return thread;
}

static void record_release(struct vfs__thread *thread)
{
	struct vfs__domain *domain = thread->domain;

	vfs__mutex_lock(&domain->threads_lock, VFS__RANK_SLAB);
	thread->in_use = false;
	vfs__mutex_unlock(&domain->threads_lock, VFS__RANK_SLAB);
}

struct vfs__thread *vfs__thread_lookup(struct vfs__domain *domain)
{
	struct vfs__thread *thread = NULL;

	if (domain->has_key)
		thread = pthread_getspecific(domain->key);
	if (!thread) {
		thread = record_adopt(domain);
		if (!thread)
			return NULL;
		if (domain->has_key &&
		    pthread_setspecific(domain->key, thread)) {
			record_release(thread);
			return NULL;
		}
	}
	cache_set(domain, thread);
	return thread;
}

/* ---- threads that exit, and domains that end ---- */

/*
 * The C library calls the destructor of a thread key when a thread exits,
 * whatever becomes of the key meanwhile; and languages that join a thread may
 * go on before the system's thread has come so far. So the destructor cannot
 * believe the record that it is given: it looks whether a living domain has it,
 * and a domain that ends waits for those that found it. This list, and the
 * lock, are what all instances of a process share; they mean nothing else.
 */
static pthread_mutex_t registry_lock = PTHREAD_MUTEX_INITIALIZER;
static struct vfs__domain *registry;

void vfs__domain_enlist(struct vfs__domain *domain)
{
	pthread_mutex_lock(&registry_lock);
	domain->next = registry;
	registry = domain;
	pthread_mutex_unlock(&registry_lock);
}

void vfs__domain_delist(struct vfs__domain *domain)
{
	struct vfs__domain **link = &registry;

	pthread_mutex_lock(&registry_lock);
	while (*link != domain)
		link = &(*link)->next;
	*link = domain->next;
	while (domain->exiting) {
		pthread_mutex_unlock(&registry_lock);
		sched_yield();
		pthread_mutex_lock(&registry_lock);
	}
	pthread_mutex_unlock(&registry_lock);
}

/* The calling thread's record, if it is still one; its domain then waits for
 * exit_end. It may be another domain's at the same address, with a destructor
 * of its own: that one finds nothing to do. */
static struct vfs__thread *exit_begin(const void *record)
{
	struct vfs__thread *thread = NULL;
	struct vfs__domain *domain;

	pthread_mutex_lock(&registry_lock);
	for (domain = registry; domain && !thread; domain = domain->next)
		for (thread = first_thread(domain); thread && thread != record;)
			thread = thread->next;
	if (thread) {
		vfs__mutex_lock(&thread->domain->threads_lock, VFS__RANK_SLAB);
		if (!thread->in_use ||
		    !pthread_equal(thread->owner, pthread_self()))
			domain = NULL;
		else
			domain = thread->domain;
		vfs__mutex_unlock(&thread->domain->threads_lock,
				  VFS__RANK_SLAB);
		if (domain)
			domain->exiting++;
		else
			thread = NULL;
	}
	pthread_mutex_unlock(&registry_lock);
	return thread;
}

static void exit_end(struct vfs__domain *domain)
{
	pthread_mutex_lock(&registry_lock);
	domain->exiting--;
	pthread_mutex_unlock(&registry_lock);
}

void vfs__thread_exited(void *record)
{
	struct vfs__thread *thread = exit_begin(record);
	struct vfs__domain *domain;

	if (!thread)
		return;
	domain = thread->domain;
	/* callbacks look this thread up: it is still there */
	pthread_setspecific(domain->key, thread);
	if (domain->thread_exit)
		domain->thread_exit(thread);
	while (vfs__epoch_pending(thread))
		vfs__epoch_synchronize(thread);
	vfs__slab_thread_flush(thread);
	vfs__page_thread_flush(thread);
	pthread_setspecific(domain->key, NULL);
	cache_clear(domain);
	record_release(thread);
	exit_end(domain);
}

/* Whether the thread behind the record is gone, or this process is not its. */
static bool left_behind(const struct vfs__thread *thread,
			const struct vfs__thread *self)
{
	return self && thread != self && thread->pid != self->pid;
}

/* - Runs all callbacks, and those that they retire. self may be NULL. */
void vfs__threads_drain(struct vfs__domain *domain, struct vfs__thread *self)
{
	struct vfs__thread *thread;
	bool again;

	if (self)
		vfs__epoch_after_fork(self);
	for (thread = first_thread(domain); thread; thread = thread->next)
		if (domain->thread_exit && !left_behind(thread, self))
			domain->thread_exit(thread);
	do {
		again = false;
		thread = first_thread(domain);
		for (; thread; thread = thread->next) {
			/* what another process's thread was about to do with
			 * its lists is not known: they go with the arenas */
			if (left_behind(thread, self))
				continue;
			if (!vfs__epoch_pending(thread))
				continue;
			vfs__epoch_synchronize(thread);
			again = true;
		}
	} while (again);
}

/* - Nothing is pending any more; frees the records. */
void vfs__threads_fini(struct vfs__domain *domain)
{
	struct vfs__thread *thread = domain->threads, *next;

	for (; thread; thread = next) {
		next = thread->next;
		vfs__epoch_thread_fini(thread);
		vfs__domain_free(domain, thread, sizeof(*thread), 64);
	}
	domain->threads = NULL;
	cache_clear(domain);
}
