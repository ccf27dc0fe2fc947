/* SPDX-License-Identifier: MIT */
/*
 * Handles of the host's files, for who stores them (overlay's `origin` and its
 * index). Contract: hostfs.h, backend.h.
 *
 * The host's kernel opens a handle wherever the file is on its file system, so
 * that what it opens says nothing: the descriptor is a place (O_PATH), is asked
 * for its path, and is closed. The path, if it goes on from the root's, is
 * where the core then walks, name by name below the root as always, and what it
 * comes to is the file only if its handle is the same. So a handle of something
 * outside leads nowhere, and a path that is not true any more, or never was,
 * leads to nothing or to another file.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>

#include "hostfs.h"

enum uuid_state {
	UUID_UNKNOWN,
	UUID_NONE,
	UUID_KNOWN
};

static int ask_uuid(struct hostfs_super *s, uint8_t uuid[16])
{
	int err, fd = hostfs_reopen(s, s->root_fd->fd, O_RDONLY | O_DIRECTORY);

	if (fd < 0)
		return fd;
	err = hostfs_read_uuid(s, fd, uuid);
	hostfs_close(s->vfs, fd);
	return err;
}

/* Whether it has none, or does not tell us; anything else may be otherwise the
 * next time. */
static bool is_none(int err)
{
	return err == -ENOTTY || err == -EOPNOTSUPP || err == -EINVAL ||
	       err == -EACCES || err == -EPERM;
}

/* The host's file system has a UUID, which is in s then: 0, -EOPNOTSUPP, or
 * another error. */
static int know_uuid(struct hostfs_super *s)
{
	uint32_t state = __atomic_load_n(&s->uuid_state, __ATOMIC_ACQUIRE);
	uint8_t uuid[16];
	int err;

	if (state != UUID_UNKNOWN)
		return state == UUID_KNOWN ? 0 : -EOPNOTSUPP;
	err = ask_uuid(s, uuid);
	if (err && !is_none(err))
		return err;
	pthread_mutex_lock(&s->fd_lock);
	if (s->uuid_state == UUID_UNKNOWN) {
		if (!err)
			memcpy(s->uuid, uuid, sizeof(uuid));
		__atomic_store_n(&s->uuid_state, err ? UUID_NONE : UUID_KNOWN,
				 __ATOMIC_RELEASE);
	}
	pthread_mutex_unlock(&s->fd_lock);
	return err ? -EOPNOTSUPP : 0;
}

int hostfs_encode(struct vfs_inode *inode, struct vfs_layer_handle *out)
{
	struct hostfs_super *s = hostfs_of(inode);
	struct hostfs_fd *fd;
	int err;

	/* of what others change a handle says nothing for long, and another
	 * file system has another UUID */
	if (!s->options.exclusive || hostfs_inode(inode)->id.dev != s->root.dev)
		return -EOPNOTSUPP;
	err = know_uuid(s);
	if (!err)
		err = hostfs_handle(inode, &fd);
	if (err)
		return err;
	err = hostfs_name_to_handle(s, fd->fd, out);
	hostfs_fd_unref(fd);
	if (err)
		return err == -EOVERFLOW ? -EOPNOTSUPP : err;
	memcpy(out->fs, s->uuid, sizeof(out->fs));
	out->dev = s->root.dev;
	return 0;
}

/* What is behind top in path, which becomes just that. */
static int strip(char *path, const char *top)
{
	size_t len = strlen(top);
	const char *rest;

	/* the host's root has its slash at the end already */
	if (len && top[len - 1] == '/')
		len--;
	if (strncmp(path, top, len) || (path[len] && path[len] != '/'))
		return -ENODATA;
	rest = path + len + (path[len] == '/');
	memmove(path, rest, strlen(rest) + 1);
	return 0;
}

/* Where the file behind fd is, below the root as the host names it now. */
static int find_path(struct hostfs_super *s, int fd, char *path, size_t size)
{
	char *top = vfs_alloc(s->vfs, PATH_MAX);
	int err;

	if (!top)
		return -ENOMEM;
	err = hostfs_read_path(s, s->root_fd->fd, top, PATH_MAX);
	if (!err)
		err = hostfs_read_path(s, fd, path, size);
	if (!err)
		err = strip(path, top);
	vfs_free(s->vfs, top, PATH_MAX);
	return err;
}

int hostfs_locate(struct vfs_super *super,
		  const struct vfs_layer_handle *handle, char *path,
		  size_t size)
{
	struct hostfs_super *s = hostfs_super(super);
	int fd, root, err = know_uuid(s);

	if (err)
		return err;
	if (memcmp(handle->fs, s->uuid, sizeof(s->uuid)))
		return -ENODATA;
	root = hostfs_reopen(s, s->root_fd->fd, O_RDONLY | O_DIRECTORY);
	if (root < 0)
		return root;
	fd = hostfs_open_handle(s, root, handle);
	hostfs_close(s->vfs, root);
	/* gone, or not the host's; which of them is nobody's business */
	if (fd == -ESTALE || fd == -EINVAL || fd == -ENOENT)
		return -ENODATA;
	if (fd == -EPERM)
		return -EOPNOTSUPP;
	if (fd < 0)
		return fd;
	err = find_path(s, fd, path, size);
	hostfs_close(s->vfs, fd);
	return err == -ENAMETOOLONG || err == -ENOENT ? -ENODATA : err;
}
