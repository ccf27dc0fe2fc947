/* SPDX-License-Identifier: MIT */
/* What plainfs keeps behind an inode. */
#ifndef TEST_PLAINFS_NODE_H
#define TEST_PLAINFS_NODE_H

#include <pthread.h>

#include <vfs/sys/backend.h>

#define PLAIN_FILE_MAX (INT64_C(16) << 20)

struct plain_entry {
	struct plain_entry *next;
	struct vfs_inode *inode; /* a reference */
	int64_t position;
	uint32_t len;
	char name[];
};

struct plain_xattr {
	struct plain_xattr *next;
	size_t size;	 /* of the value */
	size_t name_len; /* with its NUL */
	char bytes[];	 /* name, then value */
};

struct plain_node {
	/* directories, in order of position: the inode's lock */
	struct plain_entry *entries;
	int64_t last_position; /* the last one given */
	struct plain_xattr *xattrs;
	/* data, or a symlink's target: lock, because reading has no other */
	pthread_mutex_t lock;
	char *data;
	size_t room;
};

static inline struct plain_node *plain_node(const struct vfs_inode *inode)
{
	return vfs_inode_private(inode);
}

extern const struct vfs_inode_ops plain_ops;

int plain_put_data(struct vfs_inode *inode, const char *data, size_t size);
/* Data and xattrs; the node is as it was made. */
void plain_free_data(struct vfs_inode *inode);

int64_t plain_readlink(struct vfs_inode *inode, char *buffer, size_t size);
int64_t plain_read(struct vfs_inode *inode, struct vfs_file *file, void *buffer,
		   size_t count, int64_t offset);
int64_t plain_write(struct vfs_inode *inode, struct vfs_file *file,
		    const void *buffer, size_t count, int64_t offset);
int plain_truncate(struct vfs_inode *inode, int64_t size);

int64_t plain_getxattr(struct vfs_inode *inode, const char *name, void *value,
		       size_t size);
int plain_setxattr(struct vfs_inode *inode, const char *name, const void *value,
		   size_t size, int flags);
int64_t plain_listxattr(struct vfs_inode *inode, char *list, size_t size);
int plain_removexattr(struct vfs_inode *inode, const char *name);

#endif
