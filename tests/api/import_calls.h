/* SPDX-License-Identifier: MIT */
/* What the tests of vfs_import_fd share: descriptors of the host, counting
 * them, and calls on threads of their own that wait and are interrupted. */
#ifndef IMPORT_CALLS_H
#define IMPORT_CALLS_H

#include <dirent.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "support/check.h"

/* How many descriptors of the host are open. */
static inline int host_fds(void)
{
	DIR *dir = opendir("/proc/self/fd");
	int n = 0;

	assert_non_null(dir);
	while (readdir(dir))
		n++;
	closedir(dir);
	return n;
}

static inline bool host_is_open(int fd)
{
	return fcntl(fd, F_GETFD) >= 0;
}

/* A file of the host without a name, with these bytes. */
static inline int host_file(const char *text)
{
	char path[] = "/tmp/vfs-import-XXXXXX";
	int fd = mkstemp(path);

	assert_true(fd >= 0);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	return fd;
}

/* One that the library never had, for the end of a test. */
static inline void host_close(int fd)
{
	assert_int_equal(close(fd), 0);
}

static inline int64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* Processor time of the whole process. */
static inline int64_t used_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	return ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* A call that is expected to wait. */
struct call {
	pthread_t thread;
	struct vfs_task *task;
	int64_t (*make)(struct call *c);
	int fd;
	char *buffer;
	size_t size;
	struct vfs_pollfd fds[4];
	int nfds, timeout;
	int64_t result;
	int done; /* atomic */
};

static inline void *call_run(void *arg)
{
	struct call *c = arg;

	c->result = c->make(c);
	__atomic_store_n(&c->done, 1, __ATOMIC_RELEASE);
	return NULL;
}

static inline bool call_is_done(struct call *c)
{
	return __atomic_load_n(&c->done, __ATOMIC_ACQUIRE);
}

/* Makes it, and sees it wait for a while. */
static inline void call_start(struct call *c)
{
	c->done = 0;
	assert_int_equal(pthread_create(&c->thread, NULL, call_run, c), 0);
	usleep(30000);
	assert_false(call_is_done(c));
}

static inline int64_t call_join(struct call *c)
{
	assert_int_equal(pthread_join(c->thread, NULL), 0);
	return c->result;
}

/* Interrupts its task until it has ended. */
static inline int64_t call_interrupt(struct call *c)
{
	do {
		check_ok(vfs_task_interrupt(c->task));
		usleep(1000);
	} while (!call_is_done(c));
	return call_join(c);
}

static inline int64_t make_read(struct call *c)
{
	return vfs_read(c->task, c->fd, c->buffer, c->size);
}

static inline int64_t make_write(struct call *c)
{
	return vfs_write(c->task, c->fd, c->buffer, c->size);
}

static inline int64_t make_poll(struct call *c)
{
	return vfs_poll(c->task, c->fds, (uint64_t)c->nfds, c->timeout);
}

#endif
