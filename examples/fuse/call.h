/* SPDX-License-Identifier: MIT */
/*
 * What every request begins and ends with.
 *
 *	struct call call;
 *
 *	if (!call_begin(&call, req))
 *		return;
 *	do
 *		err = vfs_…(call.task, …);
 *	while (call_again(&call, err));
 *	reply_error(&call, err);
 *
 * call_begin answers the request itself when it fails. Each reply_ function
 * answers and ends the call. Operations that no permission depends on take no
 * call: they work as session->server->root.
 */
#ifndef CALL_H
#define CALL_H

#include "bridge.h"

struct call {
	fuse_req_t req;
	struct session *session;
	struct user_task *user_task;
	struct vfs_task *task; /* the caller's */
	bool fresh;	       /* the credentials are not remembered ones */
	bool waited;	       /* for room */
};

bool call_begin(struct call *call, fuse_req_t req);
/* As call_begin, with the caller's umask: for what makes files. */
bool call_begin_create(struct call *call, fuse_req_t req, uint32_t mode);
/* As call_begin, with fresh credentials: where they decide not only whether
 * something is done, but what. */
bool call_begin_fresh(struct call *call, fuse_req_t req, bool fresh);
/* Is the call to be made again? Once when it was refused by credentials that
 * are no longer right; once when there was no room, and some is just being made
 * by files that the kernel forgets. */
bool call_again(struct call *call, int64_t result);
void call_end(struct call *call);

/* The name that leads to descriptor fd in call->user_task->fds, which is the
 * task's working directory, too. */
#define FD_NAME_SIZE 12
const char *fd_name(int fd, char name[FD_NAME_SIZE]);

/* result: 0 or a negative errno. */
void reply_error(struct call *call, int64_t result);
/* A node for name in parent: the answer of everything that finds or makes a
 * name. result below 0: that. */
void reply_entry(struct call *call, struct node *parent, const char *name,
		 int result);

/* The node of name in parent (as the caller, with a look-up), or of the open
 * file fd when name is NULL, and what the kernel is to know of it. */
int entry_find(struct call *call, struct node *parent, const char *name, int fd,
	       struct fuse_entry_param *entry);

/* What stat says of node, as the kernel takes it. */
void fill_stat(const struct session *session, struct node *node,
	       const struct vfs_stat *stat, struct stat *out);

/* May a change of the file take permission bits away? That depends on who makes
 * it. Where all changes of modes are the kernel's, what it was told is so, or
 * was. */
bool has_killable_bits(struct session *session, const struct node *node);

/* Permission bits that a write took away: the kernel forgets what it knows of
 * the node's attributes. */
void forget_attributes(struct session *session, const struct node *node);

#endif
