/* SPDX-License-Identifier: MIT */
/*
 * Servers with a name: a tree that outlives its mounts. -o server=NAME starts
 * one, or, when there is one, shows its tree at another place: the process
 * that was started mounts, and hands the open /dev/fuse over. The server's
 * socket is NAME.sock in /run/vfs-fuse, or $XDG_RUNTIME_DIR/vfs-fuse for who
 * is not root, and answers root and its own user.
 */
#ifndef CONTROL_H
#define CONTROL_H

#include <limits.h>
#include <stdint.h>

#include "session.h"

#define CONTROL_ASK 0u /* are you there? */
#define CONTROL_JOIN 1u
#define CONTROL_STOP 2u

struct control_message {
	uint32_t kind;
	uint32_t noatime;
	uint32_t max_threads, max_idle, max_write, max_read;
	uint64_t device;	/* of the mount */
	uint64_t namespaces[2]; /* of users and of processes, of who asks */
	char fuse[4096];	/* options of libfuse's */
	char mountpoint[PATH_MAX];
};

/*
 * Makes this process the server of that name: a listening socket, and in
 * *lock_fd what keeps the name. -EEXIST: there is one. Another negative errno:
 * stderr says what.
 */
int control_listen(const char *name, int *lock_fd);
/* The name is free from now on. */
void control_unlisten(const char *name, int listen_fd, int lock_fd);

/* Those of this process. A mount's requests have the numbers of whoever has
 * made it. */
void control_namespaces(uint64_t namespaces[2]);

/* The next message, and the descriptor that came with it, or -1, and where to
 * answer (control_answer). 0 or a negative errno. */
int control_receive(int listen_fd, struct control_message *message,
		    int *fuse_fd, int *answer_fd);
/* Answers with status, 0 or a negative errno, and closes. */
void control_answer(int answer_fd, int status);

/* What the server of that name answers to message. -ENOENT: there is none. For
 * CONTROL_STOP the answer comes when all is unmounted. */
int control_send(const char *name, const struct control_message *message,
		 int fuse_fd);

#endif
