/* SPDX-License-Identifier: MIT */
/* A server: one instance with its tree. */
#ifndef SERVER_H
#define SERVER_H

#include <sys/ioctl.h>

#include "bridge.h"

struct server_options {
	/* Makes the tree in server->vfs: sets root and place. 0, or a negative
	 * errno, and stderr says what. */
	int (*make)(struct server *server, const void *context);
	const void *context;
	int32_t log_level; /* VFS_LOG_*: what stderr is told */
};

/* Makes the instance and the tree. 0, or a negative errno, and stderr says
 * what. */
int server_create(const struct server_options *options, struct server **out);
/* For make: task is whoever the process is, with every capability. */
int server_become_user(struct server *server, struct vfs_task *task);
void server_destroy(struct server *server);

/* The process serves: its own limits are not its callers'. */
void server_raise_limits(void);

/* New options for the tree's root, NUL-terminated, to the root directory of a
 * mount: how -o remount reaches the server. */
struct server_remount {
	char options[4096];
};
#define SERVER_IOC_REMOUNT _IOW('V', 0x72, struct server_remount)

/* in: a struct server_remount. Who asks may do so. */
int server_remount(struct server *server, const void *in, size_t size);

#endif
