/* SPDX-License-Identifier: MIT */
/* Requests. Contract: call.h. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "call.h"

#define ROOM_USEC 500
#define ROOM_TRIES 40

static int get_task(struct call *call)
{
	const struct fuse_ctx *ctx = fuse_req_ctx(call->req);
	int err;

	err = user_task_get(call->session->server->users, ctx->uid, ctx->gid,
			    ctx->pid, &call->fresh, &call->user_task);
	if (!err)
		call->task = call->user_task->task;
	return err;
}

bool call_begin_fresh(struct call *call, fuse_req_t req, bool fresh)
{
	int err;

	call->req = req;
	call->session = session_of(req);
	call->fresh = fresh;
	call->waited = false;
	err = get_task(call);
	if (err)
		fuse_reply_err(req, -err);
	return !err;
}

bool call_begin(struct call *call, fuse_req_t req)
{
	return call_begin_fresh(call, req, false);
}

bool call_begin_create(struct call *call, fuse_req_t req, uint32_t mode)
{
	/* whose group has a say in this bit */
	if (!call_begin_fresh(call, req, mode & S_ISGID))
		return false;
	vfs_umask(call->task, fuse_req_ctx(req)->umask);
	return true;
}

/* With fresh credentials; false: they are the same. */
static bool look_again(struct call *call)
{
	struct user_task *old = call->user_task;
	bool again = false;

	call->fresh = true;
	if (get_task(call)) {
		call->user_task = old;
		return false;
	}
	if (call->user_task->user != old->user) {
		vfs_umask(call->task, fuse_req_ctx(call->req)->umask);
		again = true;
	}
	user_task_put(call->session->server->users, old);
	return again;
}

/*
 * A file that is removed gives its room back when the kernel forgets it, which
 * it tells behind the answer to unlink; another thread may be just at that.
 */
static bool wait_for_room(struct call *call)
{
	const unsigned int *busy = &call->session->forgetting;
	int i;

	call->waited = true;
	usleep(ROOM_USEC);
	for (i = 0; i < ROOM_TRIES && __atomic_load_n(busy, __ATOMIC_ACQUIRE);
	     i++)
		usleep(ROOM_USEC);
	return true;
}

bool call_again(struct call *call, int64_t result)
{
	if (!call->fresh && (result == -EACCES || result == -EPERM))
		return look_again(call);
	if (!call->waited && result == -ENOSPC)
		return wait_for_room(call);
	return false;
}

void call_end(struct call *call)
{
	user_task_put(call->session->server->users, call->user_task);
}

const char *fd_name(int fd, char name[FD_NAME_SIZE])
{
	char *at = name + FD_NAME_SIZE - 1;

	*at = '\0';
	do
		*--at = (char)('0' + fd % 10);
	while ((fd /= 10) > 0);
	return at;
}

void fill_stat(const struct session *session, struct node *node,
	       const struct vfs_stat *stat, struct stat *out)
{
	memset(out, 0, sizeof(*out));
	out->st_ino = node->shown_ino;
	out->st_mode = stat->mode;
	__atomic_store_n(&node->mode, stat->mode, __ATOMIC_RELAXED);
	out->st_nlink =
		session->static_nlink && S_ISDIR(stat->mode) ? 1 : stat->nlink;
	out->st_uid = stat->uid;
	out->st_gid = stat->gid;
	out->st_rdev = stat->rdev;
	out->st_size = stat->size;
	out->st_blksize = stat->blksize;
	out->st_blocks = stat->blocks;
	out->st_atim.tv_sec = stat->atime.sec;
	out->st_atim.tv_nsec = stat->atime.nsec;
	out->st_mtim.tv_sec = stat->mtime.sec;
	out->st_mtim.tv_nsec = stat->mtime.nsec;
	out->st_ctim.tv_sec = stat->ctime.sec;
	out->st_ctim.tv_nsec = stat->ctime.nsec;
}

bool has_killable_bits(struct session *session, const struct node *node)
{
	struct vfs_stat stat;

	if (!node_is_asked(session, node))
		stat.mode = __atomic_load_n(&node->mode, __ATOMIC_RELAXED);
	else if (vfs_fstat(session->server->root, node->fd, &stat))
		return false;
	return stat.mode & (S_ISUID | S_ISGID);
}

void forget_attributes(struct session *session, const struct node *node)
{
	/* nobody waits for this: below offset 0 there is no data */
	fuse_lowlevel_notify_inval_inode(
		session->fuse, node_number(session->nodes, node), -1, 0);
}

void reply_error(struct call *call, int64_t result)
{
	fuse_reply_err(call->req, (int)-result);
	call_end(call);
}

/* An O_PATH descriptor of name in parent, or of the open file fd. */
static int open_place(struct call *call, struct node *parent, const char *name,
		      int fd)
{
	char buffer[FD_NAME_SIZE];

	if (name)
		return vfs_openat(call->task, parent->fd, name,
				  O_PATH | O_NOFOLLOW, 0);
	return vfs_openat(call->task, call->user_task->fds, fd_name(fd, buffer),
			  O_PATH, 0);
}

int entry_find(struct call *call, struct node *parent, const char *name, int fd,
	       struct fuse_entry_param *entry)
{
	struct session *session = call->session;
	struct vfs_task *root = session->server->root;
	struct vfs_stat stat;
	struct node *node;
	int err;

	fd = open_place(call, parent, name, fd);
	if (fd < 0)
		return fd;
	/* ids as the server's namespace numbers them */
	err = vfs_fstat(root, fd, &stat);
	if (err) {
		vfs_close(root, fd);
		return err;
	}
	node = node_insert(session->nodes, fd, &stat);
	if (!node)
		return -ENOMEM;
	memset(entry, 0, sizeof(*entry));
	entry->ino = node_number(session->nodes, node);
	entry->generation = node->generation;
	entry->attr_timeout = node_timeout(session, node);
	entry->entry_timeout =
		parent && parent->shared ? 0 : node_timeout(session, node);
	fill_stat(session, node, &stat, &entry->attr);
	return 0;
}

void reply_entry(struct call *call, struct node *parent, const char *name,
		 int result)
{
	struct session *session = call->session;
	struct fuse_entry_param entry;

	if (!result)
		result = entry_find(call, parent, name, -1, &entry);
	if (result) {
		reply_error(call, result);
		return;
	}
	/* who asked may be gone, and the kernel does not count then */
	if (fuse_reply_entry(call->req, &entry) < 0)
		node_forget(session->nodes, node_of(session->nodes, entry.ino),
			    1);
	call_end(call);
}
