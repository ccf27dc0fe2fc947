/* SPDX-License-Identifier: MIT */
/*
 * Extended attributes, and ACLs through them. The calls take a path: the
 * node's name in the task's working directory, which is that of descriptors.
 *
 * The ids in ACLs and in security.capability are numbers of the server's
 * namespace here. Reading needs no permission, so the server reads those
 * itself; writing is the caller's, whose own numbers they become.
 */
#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "ops.h"

#define ACL_PREFIX "system.posix_acl_"
#define CAPABILITY "security.capability"
#define ACL_USER 0x02
#define ACL_GROUP 0x08

struct acl_entry {
	uint16_t tag, perm;
	uint32_t id;
};

static bool is_acl(const char *name)
{
	return !strncmp(name, ACL_PREFIX, strlen(ACL_PREFIX));
}

/* -o noxattrs, noacl. ENOSYS is for the kernel, which will not ask again; true:
 * req was answered. */
static bool refuse(fuse_req_t req, const char *name)
{
	const struct session *session = session_of(req);

	if (session->no_xattrs)
		fuse_reply_err(req, ENOSYS);
	else if (session->no_acls && name && is_acl(name))
		fuse_reply_err(req, EOPNOTSUPP);
	else
		return false;
	return true;
}

/* The server's own numbers are what the kernel wants to be given. */
static struct vfs_task *reader(const struct call *call, const char *name)
{
	if (is_acl(name) || !strcmp(name, CAPABILITY))
		return call->session->server->root;
	return call->task;
}

/* A copy of an ACL with the caller's numbers; NULL: no memory. */
static char *own_numbers(const struct user *user, const char *value,
			 size_t size)
{
	char *copy = malloc(size ? size : 1);
	struct acl_entry entry;
	size_t at;

	if (!copy)
		return NULL;
	memcpy(copy, value, size);
	for (at = 4; at + sizeof(entry) <= size; at += sizeof(entry)) {
		uint32_t id;

		memcpy(&entry, copy + at, sizeof(entry));
		id = le32toh(entry.id);
		if (le16toh(entry.tag) == ACL_USER)
			id = user_uid(user, id);
		else if (le16toh(entry.tag) == ACL_GROUP)
			id = user_gid(user, id);
		entry.id = htole32(id);
		memcpy(copy + at, &entry, sizeof(entry));
	}
	return copy;
}

static int set_acl(struct call *call, const char *file, const char *name,
		   const char *value, size_t size, int flags)
{
	char *own = own_numbers(call->user_task->user, value, size);
	int err;

	if (!own)
		return -ENOMEM;
	err = vfs_setxattr(call->task, file, name, own, size, flags);
	free(own);
	return err;
}

void op_setxattr(fuse_req_t req, fuse_ino_t ino, const char *name,
		 const char *value, size_t size, int flags)
{
	struct node *node = node_of(session_of(req)->nodes, ino);
	char buffer[FD_NAME_SIZE];
	const char *file = fd_name(node->fd, buffer);
	struct call call;
	int err;

	if (refuse(req, name))
		return;
	/* an ACL may take a set-group-id bit away */
	if (!call_begin_fresh(&call, req, is_acl(name)))
		return;
	do
		err = is_acl(name)
			      ? set_acl(&call, file, name, value, size, flags)
			      : vfs_setxattr(call.task, file, name, value, size,
					     flags);
	while (call_again(&call, err));
	if (!err && is_acl(name))
		forget_attributes(call.session, node);
	reply_error(&call, err);
}

void op_removexattr(fuse_req_t req, fuse_ino_t ino, const char *name)
{
	struct node *node = node_of(session_of(req)->nodes, ino);
	char buffer[FD_NAME_SIZE];
	struct call call;
	int err;

	if (refuse(req, name))
		return;
	if (!call_begin(&call, req))
		return;
	do
		err = vfs_removexattr(call.task, fd_name(node->fd, buffer),
				      name);
	while (call_again(&call, err));
	/* the kernel's own, before a write, which will do it: from a program
	 * without the right to it nothing like this comes here */
	if (err == -EPERM && !strcmp(name, CAPABILITY))
		err = 0;
	if (!err && is_acl(name))
		forget_attributes(call.session, node);
	reply_error(&call, err);
}

/* size 0: how long it is; else what it is, which value has room for. */
static void reply_value(struct call *call, const char *value, size_t size,
			int64_t length)
{
	if (length < 0)
		fuse_reply_err(call->req, (int)-length);
	else if (!size)
		fuse_reply_xattr(call->req, (size_t)length);
	else
		fuse_reply_buf(call->req, value, (size_t)length);
	call_end(call);
}

static char *make_room(struct call *call, size_t size)
{
	char *value = malloc(size ? size : 1);

	if (!value)
		reply_error(call, -ENOMEM);
	return value;
}

void op_getxattr(fuse_req_t req, fuse_ino_t ino, const char *name, size_t size)
{
	struct node *node = node_of(session_of(req)->nodes, ino);
	char buffer[FD_NAME_SIZE];
	const char *file = fd_name(node->fd, buffer);
	struct call call;
	int64_t length;
	char *value;

	if (refuse(req, name))
		return;
	if (!call_begin(&call, req))
		return;
	value = make_room(&call, size);
	if (!value)
		return;
	do
		length = vfs_getxattr(reader(&call, name), file, name, value,
				      size);
	while (call_again(&call, length));
	/* the kernel has been told of ACLs, and checks permissions with them:
	 * a file system of the tree that has none has none for this file */
	if (length == -EOPNOTSUPP && is_acl(name))
		length = -ENODATA;
	reply_value(&call, value, size, length);
	free(value);
}

void op_listxattr(fuse_req_t req, fuse_ino_t ino, size_t size)
{
	struct node *node = node_of(session_of(req)->nodes, ino);
	char buffer[FD_NAME_SIZE];
	struct call call;
	int64_t length;
	char *list;

	if (refuse(req, NULL))
		return;
	/* not everybody is told of all */
	if (!call_begin_fresh(&call, req, true))
		return;
	list = make_room(&call, size);
	if (!list)
		return;
	length =
		vfs_listxattr(call.task, fd_name(node->fd, buffer), list, size);
	reply_value(&call, list, size, length);
	free(list);
}
