/* SPDX-License-Identifier: MIT */
/* plainfs: bytes and extended attributes. */
#include <errno.h>
#include <string.h>
#include <sys/xattr.h>

#include "backend/plainfs_node.h"

/* -- data -- */

/* Room for size bytes, what is new zeroed. The node's lock is held. */
static int make_room(struct vfs_inode *inode, size_t size)
{
	struct vfs *vfs = inode->super->vfs;
	struct plain_node *node = plain_node(inode);
	size_t room = node->room ? node->room : 64;
	char *data;

	if (size <= node->room)
		return 0;
	while (room < size)
		room *= 2;
	data = vfs_zalloc(vfs, room);
	if (!data)
		return -ENOMEM;
	if (node->data)
		memcpy(data, node->data, node->room);
	vfs_free(vfs, node->data, node->room);
	node->data = data;
	node->room = room;
	return 0;
}

int plain_put_data(struct vfs_inode *inode, const char *data, size_t size)
{
	int error = make_room(inode, size);

	if (!error && size)
		memcpy(plain_node(inode)->data, data, size);
	return error;
}

void plain_free_data(struct vfs_inode *inode)
{
	struct vfs *vfs = inode->super->vfs;
	struct plain_node *node = plain_node(inode);
	struct plain_xattr *x;

	while ((x = node->xattrs)) {
		node->xattrs = x->next;
		vfs_free(vfs, x, sizeof(*x) + x->name_len + x->size);
	}
	vfs_free(vfs, node->data, node->room);
	node->data = NULL;
	node->room = 0;
	pthread_mutex_destroy(&node->lock);
}

int64_t plain_readlink(struct vfs_inode *inode, char *buffer, size_t size)
{
	if (size > (size_t)inode->size)
		size = (size_t)inode->size;
	memcpy(buffer, plain_node(inode)->data, size);
	return (int64_t)size;
}

int64_t plain_read(struct vfs_inode *inode, struct vfs_file *file, void *buffer,
		   size_t count, int64_t offset)
{
	struct plain_node *node = plain_node(inode);
	int64_t size;

	(void)file;
	pthread_mutex_lock(&node->lock);
	size = inode->size;
	if (offset >= size)
		count = 0;
	else if (count > (size_t)(size - offset))
		count = (size_t)(size - offset);
	if (count) {
		size_t stored = (size_t)offset < node->room
					? node->room - (size_t)offset
					: 0;

		if (stored > count)
			stored = count;
		if (stored)
			memcpy(buffer, node->data + offset, stored);
		memset((char *)buffer + stored, 0, count - stored);
	}
	pthread_mutex_unlock(&node->lock);
	return (int64_t)count;
}

static void set_size(struct vfs_inode *inode, int64_t size)
{
	VFS_WRITE_ONCE(inode->size, size);
	VFS_WRITE_ONCE(inode->blocks, (size + 511) / 512);
}

int64_t plain_write(struct vfs_inode *inode, struct vfs_file *file,
		    const void *buffer, size_t count, int64_t offset)
{
	struct plain_node *node = plain_node(inode);
	int64_t end = offset + (int64_t)count;
	int error;

	(void)file;
	pthread_mutex_lock(&node->lock);
	error = make_room(inode, (size_t)end);
	if (!error) {
		memcpy(node->data + offset, buffer, count);
		if (end > inode->size)
			set_size(inode, end);
	}
	pthread_mutex_unlock(&node->lock);
	return error ? error : (int64_t)count;
}

int plain_truncate(struct vfs_inode *inode, int64_t size)
{
	struct plain_node *node = plain_node(inode);

	pthread_mutex_lock(&node->lock);
	/* What lies beyond must read as zeros when the file grows again. */
	if ((size_t)size < node->room)
		memset(node->data + size, 0, node->room - (size_t)size);
	set_size(inode, size);
	pthread_mutex_unlock(&node->lock);
	return 0;
}

/* -- extended attributes -- */

static struct plain_xattr **xattr_at(struct vfs_inode *inode, const char *name)
{
	struct plain_xattr **at = &plain_node(inode)->xattrs;

	while (*at && strcmp((*at)->bytes, name))
		at = &(*at)->next;
	return at;
}

static void xattr_drop(struct vfs_inode *inode, struct plain_xattr **at)
{
	struct plain_xattr *x = *at;

	*at = x->next;
	vfs_free(inode->super->vfs, x, sizeof(*x) + x->name_len + x->size);
}

int64_t plain_getxattr(struct vfs_inode *inode, const char *name, void *value,
		       size_t size)
{
	const struct plain_xattr *x = *xattr_at(inode, name);

	if (!x)
		return -ENODATA;
	if (size && size < x->size)
		return -ERANGE;
	if (size && x->size)
		memcpy(value, x->bytes + x->name_len, x->size);
	return (int64_t)x->size;
}

int plain_setxattr(struct vfs_inode *inode, const char *name, const void *value,
		   size_t size, int flags)
{
	struct plain_xattr **at = xattr_at(inode, name);
	size_t name_len = strlen(name) + 1;
	struct plain_xattr *x;

	if (*at && flags & XATTR_CREATE)
		return -EEXIST;
	if (!*at && flags & XATTR_REPLACE)
		return -ENODATA;
	x = vfs_zalloc(inode->super->vfs, sizeof(*x) + name_len + size);
	if (!x)
		return -ENOMEM;
	x->name_len = name_len;
	x->size = size;
	memcpy(x->bytes, name, name_len);
	if (size)
		memcpy(x->bytes + name_len, value, size);
	if (*at)
		xattr_drop(inode, at);
	x->next = *at;
	*at = x;
	vfs_inode_set_flags(inode, VFS_INODE_XATTR, 0);
	return 0;
}

int64_t plain_listxattr(struct vfs_inode *inode, char *list, size_t size)
{
	const struct plain_xattr *x;
	size_t length = 0;

	for (x = plain_node(inode)->xattrs; x; x = x->next) {
		if (size && length + x->name_len > size)
			return -ERANGE;
		if (size)
			memcpy(list + length, x->bytes, x->name_len);
		length += x->name_len;
	}
	return (int64_t)length;
}

int plain_removexattr(struct vfs_inode *inode, const char *name)
{
	struct plain_xattr **at = xattr_at(inode, name);

	if (!*at)
		return -ENODATA;
	xattr_drop(inode, at);
	return 0;
}
