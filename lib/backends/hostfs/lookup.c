/* SPDX-License-Identifier: MIT */
/* Names of the host's: finding them, and whether they are still what they
 * were. Contract: hostfs.h, backend.h. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>

#include "call.h"

/* How often a symlink that is replaced while it is read is read again, and what
 * loses a name while it is looked at is looked at. */
#define TRIES 3u

struct target {
	char text[PATH_MAX];
	int64_t len; /* -1: no symlink */
};

/* What a name was found to be. */
struct found {
	struct hostfs_facts facts;
	struct target target;
	int fd; /* O_PATH; or -1 */
};

static int check_target(struct target *t)
{
	if (t->len < 0)
		return (int)t->len;
	/* a record may say what no symlink does */
	return t->len && t->len < (int64_t)sizeof(t->text) &&
			       !memchr(t->text, '\0', (size_t)t->len)
		       ? 0
		       : -EIO;
}

/* ---- by name: what is found is compared with what was read ---- */

/* Where the symlink leads that facts are of. -EAGAIN: it is no more. */
static int read_target(struct hostfs_super *s, int dir, const char *name,
		       const struct hostfs_facts *facts, struct target *out)
{
	struct hostfs_facts now;
	int err;

	out->len = -1;
	if (!S_ISLNK(facts->id.type))
		return 0;
	out->len =
		hostfs_readlinkat(s, dir, name, out->text, sizeof(out->text));
	/* EINVAL: it is something else by now */
	if (out->len == -EINVAL || out->len == -ENOENT)
		return -EAGAIN;
	err = check_target(out);
	if (err || s->options.exclusive)
		return err;
	err = hostfs_look_at(s, dir, name, &now);
	if (!err && !hostfs_same(&now.id, &facts->id))
		err = -EAGAIN;
	return err == -ENOENT ? -EAGAIN : err;
}

static int find_by_name(struct hostfs_super *s, int dir, const char *name,
			struct found *f)
{
	int err = -EAGAIN;

	for (unsigned tries = 0; err == -EAGAIN && tries < TRIES; tries++) {
		err = hostfs_look_at(s, dir, name, &f->facts);
		if (!err)
			err = read_target(s, dir, name, &f->facts, &f->target);
	}
	return err == -EAGAIN ? -ESTALE : err;
}

/* ---- by descriptor: a record is of the file that it is found with ---- */

/* The bytes of a symlink that is recorded in the regular file behind fd. */
static int64_t read_recorded(struct hostfs_super *s, int fd, char *buffer,
			     size_t size)
{
	int real = hostfs_reopen(s, fd, O_RDONLY | O_NONBLOCK);
	int64_t n;

	if (real < 0)
		return real;
	n = hostfs_pread(s, real, buffer, size, 0);
	hostfs_close(s->vfs, real);
	return n;
}

static int read_target_fd(struct hostfs_super *s, struct found *f)
{
	struct target *t = &f->target;

	t->len = -1;
	if (!S_ISLNK(f->facts.stat.mode))
		return 0;
	t->len = S_ISLNK(f->facts.id.type)
			 ? hostfs_readlinkat(s, f->fd, "", t->text,
					     sizeof(t->text))
			 : read_recorded(s, f->fd, t->text, sizeof(t->text));
	return check_target(t);
}

static int find_by_fd(struct hostfs_super *s, int dir, const char *name,
		      struct found *f)
{
	int fd = hostfs_openat2(s, dir, name, O_PATH | O_NOFOLLOW, 0);
	int err;

	if (fd < 0)
		return fd;
	f->fd = fd;
	err = hostfs_look_fd(s, fd, &f->facts);
	if (!err)
		err = read_target_fd(s, f);
	if (err) {
		hostfs_close(s->vfs, fd);
		f->fd = -1;
	}
	return err;
}

/*
 * A descriptor tells more, and is needed at once by who asks for attributes of
 * everything that it finds, as overlay does; a look at a name tells sooner that
 * there is nothing. What was the case last in a directory is expected again.
 */
static int find(struct vfs_inode *dir, int dirfd, const char *name,
		struct found *f)
{
	struct hostfs_super *s = hostfs_of(dir);
	bool *wanted = &hostfs_inode(dir)->open_found;
	int err;

	f->fd = -1;
	if (s->options.owner == HOSTFS_OWNER_XATTR)
		return find_by_fd(s, dirfd, name, f);
	if (VFS_READ_ONCE(*wanted)) {
		err = find_by_fd(s, dirfd, name, f);
		if (!err)
			return 0;
		VFS_WRITE_ONCE(*wanted, false);
		if (err == -ENOENT)
			return err;
	}
	return find_by_name(s, dirfd, name, f);
}

/* The inode for what was found as name in dir. f->fd passes. */
static int adopt(struct vfs_inode *dir, const struct vfs_name *name,
		 struct found *f, struct vfs_inode **inode)
{
	struct hostfs_super *s = hostfs_of(dir);
	struct hostfs_fd *fd = NULL;
	struct vfs_inode *got;
	int err = hostfs_inode_get(dir->super, &f->facts,
				   f->target.len < 0 ? NULL : f->target.text,
				   (size_t)f->target.len, &got);

	if (err) {
		if (f->fd >= 0)
			hostfs_close(s->vfs, f->fd);
		return err;
	}
	err = hostfs_offer_place(got, dir, name);
	if (f->fd >= 0)
		fd = hostfs_fd_wrap(s, f->fd, O_PATH);
	if (!err && fd)
		hostfs_offer_handle(got, fd);
	else
		hostfs_fd_unref(fd);
	if (err)
		vfs_inode_unref(got);
	else
		*inode = got;
	return err;
}

int hostfs_lookup(struct vfs_inode *dir, const struct vfs_name *name,
		  struct vfs_inode **inode, uint64_t *cookie)
{
	struct hostfs_super *s = hostfs_of(dir);
	struct hostfs_name host;
	struct hostfs_look look;
	struct hostfs_fd *fd;
	struct found f;
	int err = hostfs_name(name, &host);

	(void)cookie;
	if (!err)
		err = hostfs_handle(dir, &fd);
	if (err)
		return err;
	look = hostfs_look_begin(s, NULL);
	err = find(dir, fd->fd, host.str, &f);
	hostfs_fd_unref(fd);
	if (!err)
		err = adopt(dir, name, &f, inode);
	/* one that was known may have been changed before it was looked at */
	if (!err && !hostfs_publish(*inode, &f.facts, &look))
		hostfs_changed(*inode);
	return err;
}

/* ---- is it still what it was? ---- */

/* The record of inode, which facts are of already. */
static int look_at_record(struct vfs_inode *inode, struct hostfs_facts *facts)
{
	struct hostfs_super *s = hostfs_of(inode);
	struct hostfs_fd *fd;
	int err;

	if (s->options.owner != HOSTFS_OWNER_XATTR)
		return 0;
	err = hostfs_handle(inode, &fd);
	if (err)
		return err;
	err = hostfs_look_record(s, fd->fd, facts);
	hostfs_fd_unref(fd);
	return err;
}

/* What name in dir is. *same: what inode is. dir need not be locked. -EAGAIN:
 * inode lost a name meanwhile. */
static int compare(struct vfs_inode *dir, const struct vfs_name *name,
		   struct vfs_inode *inode, struct hostfs_facts *facts,
		   bool *same)
{
	struct hostfs_super *s = hostfs_of(dir);
	struct hostfs_name host;
	struct hostfs_fd *fd;
	uint32_t cleared = hostfs_cleared(inode);
	int err = hostfs_name(name, &host);

	*same = false;
	if (!err)
		err = hostfs_handle(dir, &fd);
	if (err)
		return err;
	err = hostfs_look_at(s, fd->fd, host.str, facts);
	hostfs_fd_unref(fd);
	if (err)
		return err == -ENOENT ? 0 : err;
	if (!hostfs_same(&facts->id, &hostfs_inode(inode)->id) ||
	    hostfs_may_lead_elsewhere(inode, facts))
		return 0;
	err = hostfs_confirm_place(inode, dir, name, cleared);
	if (!err)
		err = look_at_record(inode, facts);
	*same = !err &&
		(facts->stat.mode & S_IFMT) == (hostfs_mode(inode) & S_IFMT);
	return err == -ESTALE ? 0 : err;
}

int hostfs_revalidate(struct vfs_inode *dir, const struct vfs_name *name,
		      struct vfs_inode *inode)
{
	struct hostfs_facts facts;
	struct hostfs_look look;
	bool same = false;
	int err = -EAGAIN;

	for (unsigned tries = 0; err == -EAGAIN && tries < TRIES; tries++) {
		look = hostfs_look_begin(hostfs_of(dir), inode);
		err = compare(dir, name, inode, &facts, &same);
	}
	if (err || !same)
		return err == -EAGAIN ? 0 : err;
	hostfs_publish(inode, &facts, &look);
	return 1;
}
