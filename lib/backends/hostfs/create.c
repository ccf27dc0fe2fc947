/* SPDX-License-Identifier: MIT */
/*
 * Making files on the host. Contract: backend.h.
 *
 * The host makes a file as the process that we are. What the caller asked for
 * (owner, mode beyond the process's umask, ACLs) is set afterwards; until then
 * a file that is to be somebody else's has no permissions at all. When one of
 * these steps fails, the name is taken away again.
 *
 * What is no regular file is made by name, and opened by that name then. Who
 * may write to the directory may have put something else there, which must not
 * get an owner or permissions: what is found has to look as it was made.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "call.h"

#define PERMISSIONS 07777u

/* A file in the making. */
struct making {
	struct hostfs_super *s;
	const struct vfs_create_args *args;
	const char *name; /* NULL: O_TMPFILE's */
	int dir;
	int fd;	      /* O_PATH, or real */
	int access;   /* as struct hostfs_fd has it */
	bool exposed; /* others may change the directory, too */
	bool foreign; /* somebody put something else there */
	bool changed; /* since facts */
	struct hostfs_facts facts;
};

static bool is_recorded(const struct making *m)
{
	return m->s->options.owner == HOSTFS_OWNER_XATTR;
}

/* The type that the host's file has. */
static uint32_t host_type(const struct making *m)
{
	uint32_t type = m->args->mode & S_IFMT;

	return is_recorded(m) && type != S_IFDIR ? S_IFREG : type;
}

/* Which of the owner's ids the host's file is to have: *uid and *gid, or
 * HOSTFS_ID_HOST where it is not for the host to know. */
static void host_ids(const struct making *m, uint32_t *uid, uint32_t *gid)
{
	const struct hostfs_options *o = &m->s->options;
	bool squash = o->owner == HOSTFS_OWNER_SQUASH;

	*uid = squash && o->uid != HOSTFS_ID_HOST ? HOSTFS_ID_HOST
						  : m->args->uid;
	*gid = squash && o->gid != HOSTFS_ID_HOST ? HOSTFS_ID_HOST
						  : m->args->gid;
}

static bool is_ours(const struct making *m)
{
	uint32_t uid, gid;

	host_ids(m, &uid, &gid);
	return is_recorded(m) || ((uid == HOSTFS_ID_HOST || uid == geteuid()) &&
				  (gid == HOSTFS_ID_HOST || gid == getegid()));
}

/* Whether it is made without permissions, by which it is known again. */
static bool is_closed_first(const struct making *m)
{
	return !is_ours(m) || (m->exposed && host_type(m) != S_IFREG);
}

/* Permissions to make it with. */
static uint32_t first_mode(const struct making *m)
{
	if (is_recorded(m))
		return hostfs_owner_mode(m->args->mode) & 0700;
	return is_closed_first(m) ? 0 : m->args->mode & 0777;
}

/* Whether somebody else than this process may replace a name of ours in dir:
 * in a sticky directory its owner may. */
static bool is_exposed(const struct vfs_inode *dir)
{
	uint32_t mode = hostfs_mode(dir);

	/* elsewhere it is not known whose it is on the host */
	if (hostfs_of(dir)->options.owner != HOSTFS_OWNER_HOST)
		return false;
	return VFS_READ_ONCE(dir->uid) != geteuid() ||
	       ((mode & 022) && !(mode & S_ISVTX));
}

static int make_regular(struct making *m)
{
	m->fd = hostfs_openat2(m->s, m->dir, m->name,
			       O_CREAT | O_EXCL | O_RDWR | O_NOFOLLOW,
			       first_mode(m));
	m->access = O_RDWR;
	return m->fd < 0 ? m->fd : 0;
}

/* Makes the name, and opens what it leads to. */
static int make_special(struct making *m, uint32_t type)
{
	int err;

	if (type == S_IFDIR)
		err = hostfs_mkdirat(m->s, m->dir, m->name, first_mode(m));
	else if (type == S_IFLNK)
		err = hostfs_symlinkat(m->s, m->args->target, m->dir, m->name);
	else
		err = hostfs_mknodat(m->s, m->dir, m->name,
				     type | first_mode(m), m->args->rdev);
	if (err)
		return err;
	m->fd = hostfs_open_made(m->s, m->dir, m->name);
	m->access = O_PATH;
	if (m->fd >= 0)
		return 0;
	hostfs_unlinkat(m->s, m->dir, m->name, type == S_IFDIR);
	return m->fd;
}

static bool is_device(uint32_t mode)
{
	return S_ISCHR(mode) || S_ISBLK(mode);
}

/* A symlink has no permissions to be known by: what it says is kept, and whose
 * it is may be about to change, for all its names. */
static int check_link(struct making *m)
{
	const struct vfs_create_args *args = m->args;
	int64_t n = (int64_t)args->target_len;
	const char *said = args->target;
	char text[PATH_MAX];

	if (is_closed_first(m) &&
	    (m->facts.stat.uid != geteuid() || m->facts.stat.nlink != 1))
		return -ESTALE;
	if (m->exposed || !m->s->options.exclusive) {
		said = text;
		n = hostfs_readlinkat(m->s, m->fd, "", text, sizeof(text));
	}
	if (n >= 0 && ((uint64_t)n != args->target_len ||
		       memcmp(said, args->target, (size_t)n)))
		return -ESTALE;
	m->foreign = false;
	return n < 0 ? (int)n : 0;
}

/* Whether the descriptor is of what was made, and of nothing that somebody put
 * in its place: it is going to be given away. */
static int check_made(struct making *m)
{
	int err = hostfs_look_fd(m->s, m->fd, &m->facts);

	if (err || m->access != O_PATH)
		return err;
	m->foreign = true;
	if (m->facts.id.type != host_type(m))
		return -ESTALE;
	if (is_device(m->facts.id.type) && m->facts.stat.rdev != m->args->rdev)
		return -ESTALE;
	if (S_ISLNK(m->facts.id.type))
		return check_link(m);
	if (is_closed_first(m) &&
	    (m->facts.stat.uid != geteuid() || (m->facts.stat.mode & 0777)))
		return -ESTALE;
	m->foreign = false;
	return 0;
}

static int write_target(struct making *m)
{
	int64_t n;

	if (!S_ISLNK(m->args->mode))
		return 0;
	n = hostfs_pwrite(m->s, m->fd, m->args->target, m->args->target_len, 0);
	if (n < 0)
		return (int)n;
	return (uint64_t)n == m->args->target_len ? 0 : -ENOSPC;
}

/* Owner and permissions as they were asked for. */
static int set_owner(struct making *m)
{
	const struct vfs_create_args *args = m->args;
	const struct vfs_stat *stat = &m->facts.stat;
	uint32_t mode = hostfs_kept_mode(m->s, args->mode, args->mode);
	uint32_t uid, gid;
	bool moved = false;
	int err = 0;

	m->changed = is_recorded(m) || args->xattr_count;
	if (is_recorded(m)) {
		err = write_target(m);
		if (!err)
			err = hostfs_owner_store(m->s, m->fd, args->mode,
						 args->uid, args->gid,
						 args->rdev);
		return err ? err
			   : hostfs_chmod(m->s, m->fd,
					  hostfs_owner_mode(args->mode));
	}
	host_ids(m, &uid, &gid);
	if (m->s->options.owner != HOSTFS_OWNER_XATTR &&
	    ((uid != HOSTFS_ID_HOST && stat->uid != uid) ||
	     (gid != HOSTFS_ID_HOST && stat->gid != gid))) {
		err = hostfs_chown(m->s, m->fd, uid, gid);
		moved = true;
	}
	if (!err && !S_ISLNK(args->mode) &&
	    (moved || (stat->mode & PERMISSIONS) != mode)) {
		err = hostfs_chmod(m->s, m->fd, mode);
		m->changed = true;
	}
	m->changed |= moved;
	return err;
}

static int set_attributes(struct making *m)
{
	const struct vfs_create_args *args = m->args;
	int err = set_owner(m);

	for (uint64_t i = 0; !err && i < args->xattr_count; i++)
		err = hostfs_fsetxattr(m->s, m->fd, args->xattrs[i].name,
				       args->xattrs[i].value,
				       args->xattrs[i].size, 0);
	if (err || !m->changed)
		return err;
	return hostfs_look_fd(m->s, m->fd, &m->facts);
}

static void unmake(struct making *m)
{
	/* what somebody else put there is not ours to remove */
	if (m->name && !m->foreign)
		hostfs_unlinkat(m->s, m->dir, m->name, S_ISDIR(m->args->mode));
	hostfs_close(m->s->vfs, m->fd);
}

/* A device, for whoever finds it on the host, of a task that is nobody there;
 * 0:0, a whiteout, is none. */
static bool is_refused(const struct making *m)
{
	return m->s->options.owner == HOSTFS_OWNER_SQUASH &&
	       is_device(m->args->mode) &&
	       !(S_ISCHR(m->args->mode) && !m->args->rdev);
}

static int make(struct making *m)
{
	uint32_t type = host_type(m);
	int err;

	if (is_refused(m))
		return -EPERM;
	err = type == S_IFREG ? make_regular(m) : make_special(m, type);
	if (err)
		return err;
	err = check_made(m);
	if (!err)
		err = set_attributes(m);
	if (err)
		unmake(m);
	return err;
}

/* An inode for what was made; the descriptor becomes its handle, and is the
 * open file's if it is opened at once. place (NULL: it has none) passes. */
static int adopt(struct making *m, struct vfs_super *super,
		 struct hostfs_place *place, struct vfs_inode **inode)
{
	const struct vfs_create_args *args = m->args;
	struct hostfs_fd *fd = NULL;
	int err = hostfs_inode_get(super, &m->facts,
				   S_ISLNK(args->mode) ? args->target : NULL,
				   args->target_len, inode);

	if (!err)
		fd = hostfs_fd_wrap(m->s, m->fd, m->access);
	if (!err && !fd) {
		m->fd = -1;
		vfs_inode_unref(*inode);
		err = -ENOMEM;
	}
	if (err) {
		unmake(m);
		return err;
	}
	fd->made = m->access != O_PATH;
	if (place)
		hostfs_add_place(*inode, place);
	else
		hostfs_inode(*inode)->nameless = true;
	hostfs_keep_handle(*inode, fd);
	return 0;
}

/* Not on what only looks like one of these, for FIFOs live in the inode. */
static bool has_life(uint32_t mode)
{
	return S_ISFIFO(mode) || S_ISSOCK(mode);
}

static int create_at(struct vfs_inode *dir, struct making *m,
		     struct hostfs_place *place, struct vfs_inode **inode)
{
	int err = make(m);

	if (!err)
		err = adopt(m, dir->super, place, inode);
	if (!err && has_life(m->args->mode))
		hostfs_keep(*inode);
	hostfs_changed(dir);
	return err;
}

int hostfs_create(struct vfs_inode *dir, const struct vfs_name *name,
		  const struct vfs_create_args *args, struct vfs_inode **inode,
		  uint64_t *cookie)
{
	struct making m = {.s = hostfs_of(dir), .args = args};
	struct hostfs_place *place;
	struct hostfs_name host;
	struct hostfs_fd *fd;
	int err = hostfs_name(name, &host);

	(void)cookie;
	if (!err)
		err = hostfs_handle(dir, &fd);
	if (err)
		return err;
	m.dir = fd->fd;
	m.name = host.str;
	/* a regular file is what it was made with */
	m.exposed = host_type(&m) != S_IFREG && is_exposed(dir);
	place = hostfs_place_new(dir, name);
	err = place ? create_at(dir, &m, place, inode) : -ENOMEM;
	if (err)
		hostfs_places_free(m.s, place);
	hostfs_fd_unref(fd);
	return err;
}

int hostfs_tmpfile(struct vfs_inode *dir, const struct vfs_create_args *args,
		   struct vfs_inode **inode)
{
	struct making m = {.s = hostfs_of(dir), .args = args, .access = O_RDWR};
	struct hostfs_fd *fd;
	int err = hostfs_handle(dir, &fd);

	if (err)
		return err;
	m.dir = fd->fd;
	m.fd = hostfs_openat2(m.s, m.dir, ".", O_TMPFILE | O_RDWR,
			      first_mode(&m));
	err = m.fd < 0 ? m.fd : hostfs_look_fd(m.s, m.fd, &m.facts);
	if (!err)
		err = set_attributes(&m);
	if (err && m.fd >= 0)
		hostfs_close(m.s->vfs, m.fd);
	if (!err)
		err = adopt(&m, dir->super, NULL, inode);
	hostfs_fd_unref(fd);
	return err;
}

/* The host's file has the name. */
static int link_at(struct vfs_inode *dir, struct vfs_inode *inode,
		   const char *name)
{
	struct hostfs_super *s = hostfs_of(dir);
	struct hostfs_fd *to, *file;
	int err = hostfs_handle(dir, &to);

	if (err)
		return err;
	err = hostfs_handle(inode, &file);
	if (!err) {
		err = hostfs_linkfd(s, file->fd, to->fd, name);
		hostfs_fd_unref(file);
	}
	hostfs_fd_unref(to);
	return err;
}

int hostfs_link(struct vfs_inode *dir, const struct vfs_name *name,
		struct vfs_inode *inode, uint64_t *cookie)
{
	struct hostfs_place *place;
	struct vfs_stat stat = {.nlink = VFS_READ_ONCE(inode->nlink) + 1};
	struct hostfs_name host;
	int err = hostfs_name(name, &host);

	(void)cookie;
	if (err)
		return err;
	place = hostfs_place_new(dir, name);
	if (!place)
		return -ENOMEM;
	err = link_at(dir, inode, host.str);
	if (err) {
		hostfs_places_free(hostfs_of(dir), place);
		return err;
	}
	hostfs_add_place(inode, place);
	/* the core counts links by what the inode says */
	hostfs_changed_to(inode, &stat, STATX_NLINK);
	hostfs_changed(dir);
	/* it has happened, whether it can be looked at or not */
	(void)hostfs_refresh(inode);
	return 0;
}
