/* SPDX-License-Identifier: MIT */
/* Operations on names: finding, making, linking, renaming, removing. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>

#include "ops.h"

static struct node *node_at(fuse_req_t req, fuse_ino_t number)
{
	return node_of(session_of(req)->nodes, number);
}

void op_lookup(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	struct node *dir = node_at(req, parent);
	struct fuse_entry_param entry = {0};
	struct call call;
	int err;

	if (!call_begin(&call, req))
		return;
	do
		err = entry_find(&call, dir, name, -1, &entry);
	while (call_again(&call, err));
	if (err == -ENOENT && node_timeout(call.session, dir) > 0) {
		/* a name that is not there, which the kernel may remember */
		entry.ino = 0;
		entry.entry_timeout = node_timeout(call.session, dir);
		err = 0;
	}
	if (err)
		fuse_reply_err(req, -err);
	else if (fuse_reply_entry(req, &entry) < 0 && entry.ino)
		node_forget(call.session->nodes, node_at(req, entry.ino), 1);
	call_end(&call);
}

void op_forget(fuse_req_t req, fuse_ino_t ino, uint64_t nlookup)
{
	struct fuse_forget_data one = {ino, nlookup};

	op_forget_multi(req, 1, &one);
}

void op_forget_multi(fuse_req_t req, size_t count,
		     struct fuse_forget_data *forgets)
{
	struct session *session = session_of(req);
	size_t i;

	__atomic_add_fetch(&session->forgetting, 1, __ATOMIC_ACQ_REL);
	for (i = 0; i < count; i++)
		node_forget(session->nodes,
			    node_of(session->nodes, forgets[i].ino),
			    forgets[i].nlookup);
	__atomic_sub_fetch(&session->forgetting, 1, __ATOMIC_ACQ_REL);
	fuse_reply_none(req);
}

void op_mknod(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode,
	      dev_t rdev)
{
	struct node *dir = node_at(req, parent);
	struct call call;
	int err;

	if (!call_begin_create(&call, req, mode))
		return;
	do
		err = vfs_mknodat(call.task, dir->fd, name, mode, rdev);
	while (call_again(&call, err));
	reply_entry(&call, dir, name, err);
}

void op_mkdir(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode)
{
	struct node *dir = node_at(req, parent);
	struct call call;
	int err;

	if (!call_begin_create(&call, req, 0))
		return;
	do
		err = vfs_mkdirat(call.task, dir->fd, name, mode);
	while (call_again(&call, err));
	reply_entry(&call, dir, name, err);
}

void op_symlink(fuse_req_t req, const char *target, fuse_ino_t parent,
		const char *name)
{
	struct node *dir = node_at(req, parent);
	struct call call;
	int err;

	if (!call_begin(&call, req))
		return;
	do
		err = vfs_symlinkat(call.task, target, dir->fd, name);
	while (call_again(&call, err));
	reply_entry(&call, dir, name, err);
}

void op_link(fuse_req_t req, fuse_ino_t ino, fuse_ino_t newparent,
	     const char *newname)
{
	struct node *dir = node_at(req, newparent);
	char buffer[FD_NAME_SIZE];
	const char *old = fd_name(node_at(req, ino)->fd, buffer);
	struct call call;
	int err;

	if (!call_begin(&call, req))
		return;
	do
		err = vfs_linkat(call.task, call.user_task->fds, old, dir->fd,
				 newname, AT_SYMLINK_FOLLOW);
	while (call_again(&call, err));
	reply_entry(&call, dir, newname, err);
}

static void remove_name(fuse_req_t req, fuse_ino_t parent, const char *name,
			int flags)
{
	struct node *dir = node_at(req, parent);
	struct call call;
	int err;

	if (!call_begin(&call, req))
		return;
	do
		err = vfs_unlinkat(call.task, dir->fd, name, flags);
	while (call_again(&call, err));
	reply_error(&call, err);
}

void op_unlink(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	remove_name(req, parent, name, 0);
}

void op_rmdir(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	remove_name(req, parent, name, AT_REMOVEDIR);
}

void op_rename(fuse_req_t req, fuse_ino_t parent, const char *name,
	       fuse_ino_t newparent, const char *newname, unsigned int flags)
{
	struct node *from = node_at(req, parent), *to = node_at(req, newparent);
	struct call call;
	int err;

	if (!call_begin(&call, req))
		return;
	do
		err = vfs_renameat2(call.task, from->fd, name, to->fd, newname,
				    flags);
	while (call_again(&call, err));
	reply_error(&call, err);
}

void op_readlink(fuse_req_t req, fuse_ino_t ino)
{
	struct session *session = session_of(req);
	char target[PATH_MAX];
	int64_t length;

	length = vfs_readlinkat(session->server->root,
				node_of(session->nodes, ino)->fd, "", target,
				sizeof(target) - 1);
	if (length < 0) {
		fuse_reply_err(req, (int)-length);
		return;
	}
	target[length] = '\0';
	fuse_reply_readlink(req, target);
}
