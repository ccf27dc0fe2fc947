/* SPDX-License-Identifier: MIT */
/*
 * An instance with a tmpfs as its root and hostfs on /h, over a fresh directory
 * of the host: every call that hostfs makes is counted, and any can be made to
 * fail. Descriptors that are left open afterwards are a failure.
 */
#ifndef TEST_HOST_WORLD_H
#define TEST_HOST_WORLD_H

#include "support/check.h"
#include "support/hostdir.h"

#include <pthread.h>
#include <unistd.h>

#include <vfs/hostfs.h>
#include <vfs/sys/backend.h>

#define HOST_CALLS_MAX 48

struct host_world {
	struct test_alloc alloc;
	char dir[HOSTDIR_PATH]; /* on the host */
	int dirfd;		/* of it */
	int fds;		/* descriptors without the instance */
	struct vfs *vfs;
	struct vfs_task *task, *user; /* root's, and 1000's; umask 0 */
	char log[512];		      /* last line */
	unsigned lines;
	/* before each call of the host, if set: what others do meanwhile */
	void (*before)(struct host_world *w, const char *call);
	int stage; /* for it */

	pthread_mutex_t lock; /* the rest */
	uint64_t calls;	      /* of the host, closes aside */
	const char *names[HOST_CALLS_MAX];
	uint64_t counts[HOST_CALLS_MAX];
	unsigned name_count;
	const char *fail_call; /* NULL: any */
	uint64_t fail_at;      /* 1: the next; 0: never */
	uint64_t fail_count;   /* how many from there on */
	int fail_error;
	uint64_t failed;
};

/* A directory and an instance; hostfs is mounted with the options. 0 or a
 * negative errno. options NULL: not mounted. */
int host_open(struct host_world *w, const char *options);
/* Mounts it at target, with rootfd= added to the options. */
int host_mount(struct host_world *w, const char *target, const char *options);
/* The instance alone goes, and comes again with the directory as it is. */
bool host_shut(struct host_world *w);
int host_start(struct host_world *w, const char *options);
/* Everything goes; false: memory or descriptors are left. */
bool host_close(struct host_world *w);

/* From now on the nth call named `call` fails, and count - 1 behind it. */
void host_fail(struct host_world *w, const char *call, uint64_t nth,
	       uint64_t count, int error);
/* No more failures: how many there were. */
uint64_t host_heal(struct host_world *w);
/* Calls since the last time. */
uint64_t host_calls(struct host_world *w);
/* Calls of that name so far. */
uint64_t host_count(struct host_world *w, const char *call);

/* What is mounted from here on is this process's own, where it may mount. */
void host_own_mounts(void);

/* On the host, below the directory. Failures abort. */
void host_put(struct host_world *w, const char *path, const char *text);
void host_mkdir(struct host_world *w, const char *path);
void host_rename(struct host_world *w, const char *from, const char *to);
void host_unlink(struct host_world *w, const char *path);

#endif
