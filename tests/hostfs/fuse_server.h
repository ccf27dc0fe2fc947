/* SPDX-License-Identifier: MIT */
/*
 * A file system of the host's that answers when it likes: FUSE's protocol, by a
 * thread of the test. In its root are "sub", a directory, and "file", of a
 * page; what it was asked is counted.
 */
#ifndef TEST_FUSE_SERVER_H
#define TEST_FUSE_SERVER_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

struct fuse_server {
	char dir[128];
	int dev;
	pthread_t thread;
	uint32_t asked; /* questions about files: atomic */
	/* held by whoever wants reads to wait */
	pthread_mutex_t gate;
	int waiting; /* a read does: atomic */
};

/* Mounts it on dir. False: that is not possible here. */
bool fuse_server_start(struct fuse_server *server, const char *dir);
/* Unmounts it; nobody is waiting any more. */
void fuse_server_stop(struct fuse_server *server);

#endif
