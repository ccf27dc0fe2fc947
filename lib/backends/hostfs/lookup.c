/* SPDX-License-Identifier: MIT */
/* Names of the host's: finding them, and whether they are still what they
 * were. Contract: hostfs.h, backend.h. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>

#include "call.h"

/* How often a symlink that is replaced while it is read is read again. */
#define TRIES 3u

struct target {
	char text[PATH_MAX];
	int64_t len; /* -1: no symlink */
};

/* The bytes of a symlink that is recorded (owner=xattr) in a regular file. */
static int64_t read_recorded(struct hostfs_super *s, int dir, const char *name,
			     char *buffer, size_t size)
{
	int fd = hostfs_openat2(s, dir, name, O_PATH | O_NOFOLLOW, 0);
	int real;
	int64_t n;

	if (fd < 0)
		return fd;
	real = hostfs_reopen(s, fd, O_RDONLY | O_NONBLOCK);
	hostfs_close(s->vfs, fd);
	if (real < 0)
		return real;
	n = hostfs_pread(s, real, buffer, size, 0);
	hostfs_close(s->vfs, real);
	return n;
}

/* Where the symlink leads that facts are of. -EAGAIN: it is no more. */
static int read_target(struct hostfs_super *s, int dir, const char *name,
		       const struct hostfs_facts *facts, struct target *out)
{
	bool recorded = !S_ISLNK(facts->id.type);
	struct hostfs_facts now;
	int err;

	out->len = -1;
	if (!S_ISLNK(facts->stat.mode))
		return 0;
	out->len = recorded ? read_recorded(s, dir, name, out->text,
					    sizeof(out->text))
			    : hostfs_readlinkat(s, dir, name, out->text,
						sizeof(out->text));
	/* EINVAL: it is something else by now */
	if (out->len == -EINVAL || out->len == -ENOENT)
		return -EAGAIN;
	if (out->len < 0)
		return (int)out->len;
	if (!out->len || out->len == sizeof(out->text))
		return -EIO;
	if (s->options.exclusive)
		return 0;
	err = hostfs_look(s, dir, name, &now);
	if (!err && !hostfs_same(&now.id, &facts->id))
		err = -EAGAIN;
	return err == -ENOENT ? -EAGAIN : err;
}

static int find(struct hostfs_super *s, int dir, const char *name,
		struct hostfs_facts *facts, struct target *target)
{
	int err = -EAGAIN;

	for (unsigned tries = 0; err == -EAGAIN && tries < TRIES; tries++) {
		err = hostfs_look(s, dir, name, facts);
		if (!err)
			err = read_target(s, dir, name, facts, target);
	}
	return err == -EAGAIN ? -ESTALE : err;
}

int hostfs_lookup(struct vfs_inode *dir, const struct vfs_name *name,
		  struct vfs_inode **inode, uint64_t *cookie)
{
	struct hostfs_super *s = hostfs_of(dir);
	struct hostfs_facts facts;
	struct hostfs_name host;
	struct hostfs_fd *fd;
	struct target target;
	uint32_t dirty;
	int err = hostfs_name(name, &host);

	(void)cookie;
	if (!err)
		err = hostfs_handle(dir, &fd);
	if (err)
		return err;
	err = find(s, fd->fd, host.str, &facts, &target);
	hostfs_fd_unref(fd);
	if (err)
		return err;
	err = hostfs_inode_get(dir->super, &facts,
			       target.len < 0 ? NULL : target.text,
			       (size_t)target.len, inode);
	if (err)
		return err;
	err = hostfs_offer_place(*inode, dir, name);
	if (err) {
		vfs_inode_unref(*inode);
		*inode = NULL;
		return err;
	}
	/* one that was known may have been looked at before a change */
	dirty = hostfs_dirty(*inode);
	if (dirty)
		hostfs_changed(*inode);
	else
		hostfs_publish(*inode, &facts, dirty);
	return 0;
}

int hostfs_revalidate(struct vfs_inode *dir, const struct vfs_name *name,
		      struct vfs_inode *inode)
{
	struct hostfs_super *s = hostfs_of(dir);
	struct hostfs_facts facts;
	struct hostfs_name host;
	struct hostfs_fd *fd;
	uint32_t dirty = hostfs_dirty(inode);
	int err = hostfs_name(name, &host);

	if (!err)
		err = hostfs_handle(dir, &fd);
	if (err)
		return err;
	err = hostfs_look(s, fd->fd, host.str, &facts);
	hostfs_fd_unref(fd);
	if (err)
		return err == -ENOENT ? 0 : err;
	if (!hostfs_same(&facts.id, &hostfs_inode(inode)->id) ||
	    (facts.stat.mode & S_IFMT) != (inode->mode & S_IFMT))
		return 0;
	err = hostfs_offer_place(inode, dir, name);
	if (err)
		return err;
	hostfs_publish(inode, &facts, dirty);
	return 1;
}
