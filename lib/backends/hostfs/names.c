/* SPDX-License-Identifier: MIT */
/* Names that go and move. Contract: backend.h. */
#include <errno.h>
#include <fcntl.h>

#include "hostfs.h"

/* inode, which had so many links, has one less, or none; the host was told
 * already, and others may have asked it. */
static void lost_name(struct vfs_inode *inode, uint32_t nlink,
		      struct vfs_inode *dir, const struct vfs_name *name)
{
	bool directory = S_ISDIR(hostfs_mode(inode));
	struct vfs_stat stat = {.nlink = 0};

	if (!directory && nlink)
		stat.nlink = nlink - 1;
	vfs_now(inode->super->vfs, &stat.ctime);
	hostfs_clear_place(inode, dir, name, !stat.nlink);
	hostfs_changed_to(inode, &stat, STATX_NLINK | STATX_CTIME);
	if (!stat.nlink)
		hostfs_unkeep(inode);
	else
		hostfs_name_gone(inode);
}

/*
 * What stays in use without a name is reached by a descriptor: an open file has
 * one; so that one that is not open any more when it is asked for is known to
 * be gone, its links must be known before.
 */
static int before_removal(struct vfs_inode *inode, uint32_t *nlink)
{
	int err = 0;

	if ((VFS_READ_ONCE(inode->flags) & VFS_INODE_STALE) &&
	    !S_ISDIR(hostfs_mode(inode)))
		err = hostfs_refresh(inode);
	*nlink = VFS_READ_ONCE(inode->nlink);
	return err;
}

int hostfs_remove(struct vfs_inode *dir, const struct vfs_name *name,
		  struct vfs_inode *inode, uint64_t cookie)
{
	struct hostfs_super *s = hostfs_of(dir);
	struct hostfs_name host;
	struct hostfs_fd *fd;
	uint32_t nlink;
	int err = hostfs_name(name, &host);

	(void)cookie;
	if (!err)
		err = before_removal(inode, &nlink);
	if (!err)
		err = hostfs_handle(dir, &fd);
	if (err)
		return err;
	err = hostfs_unlinkat(s, fd->fd, host.str, S_ISDIR(hostfs_mode(inode)));
	hostfs_fd_unref(fd);
	hostfs_changed(dir);
	if (err)
		return err;
	lost_name(inode, nlink, dir, name);
	return 0;
}

/* Not what somebody put in its place, which is not to be given away. */
static bool is_whiteout(const struct vfs_inode *inode)
{
	return S_ISCHR(hostfs_mode(inode)) && !inode->rdev;
}

/* The 0:0 device that RENAME_WHITEOUT left. The rename has happened: when the
 * device cannot be had now, the core finds it when somebody asks. */
static void find_whiteout(struct vfs_rename_args *args)
{
	const struct vfs_create_args *wanted = args->whiteout_args;
	struct vfs_attr attr = {
		.size_of = sizeof(attr),
		.mask = VFS_ATTR_UID | VFS_ATTR_GID,
	};
	uint64_t cookie;

	if (!(args->flags & VFS_RENAME_WHITEOUT) ||
	    hostfs_lookup(args->old_dir, &args->old_name, &args->whiteout,
			  &cookie) ||
	    !is_whiteout(args->whiteout) ||
	    (args->whiteout->uid == wanted->uid &&
	     args->whiteout->gid == wanted->gid))
		return;
	attr.uid = wanted->uid;
	attr.gid = wanted->gid;
	/* it is there, whoever it belongs to */
	(void)hostfs_setattr(args->whiteout, &attr);
}

/* Where things will be, in memory that is taken before they move. */
struct new_places {
	struct hostfs_place *of_old, *of_new;
};

static int reserve(const struct vfs_rename_args *args, struct new_places *p)
{
	p->of_old = hostfs_place_new(args->new_dir, &args->new_name);
	p->of_new = args->flags & VFS_RENAME_EXCHANGE
			    ? hostfs_place_new(args->old_dir, &args->old_name)
			    : NULL;
	if (p->of_old && (p->of_new || !(args->flags & VFS_RENAME_EXCHANGE)))
		return 0;
	hostfs_places_free(hostfs_of(args->old_dir), p->of_old);
	hostfs_places_free(hostfs_of(args->old_dir), p->of_new);
	return -ENOMEM;
}

static void move(struct vfs_inode *inode, struct vfs_inode *from,
		 const struct vfs_name *name, struct hostfs_place *to)
{
	hostfs_add_place(inode, to);
	hostfs_clear_place(inode, from, name, false);
	hostfs_changed(inode);
}

/* The host has done it: where things are now. new_nlink: new_inode's before. */
static void moved(const struct vfs_rename_args *args, struct new_places *p,
		  uint32_t new_nlink)
{
	struct vfs_inode *other = args->new_inode;

	hostfs_changed(args->old_dir);
	if (args->new_dir != args->old_dir)
		hostfs_changed(args->new_dir);
	if (other && !p->of_new)
		lost_name(other, new_nlink, args->new_dir, &args->new_name);
	else if (other)
		move(other, args->new_dir, &args->new_name, p->of_new);
	move(args->old_inode, args->old_dir, &args->old_name, p->of_old);
}

static int call_host(struct vfs_rename_args *args, const char *old_name,
		     const char *new_name)
{
	struct hostfs_super *s = hostfs_of(args->old_dir);
	struct hostfs_fd *from, *to;
	int err = hostfs_handle(args->old_dir, &from);

	if (err)
		return err;
	err = hostfs_handle(args->new_dir, &to);
	if (!err) {
		err = hostfs_renameat2(s, from->fd, old_name, to->fd, new_name,
				       args->flags);
		hostfs_fd_unref(to);
	}
	hostfs_fd_unref(from);
	return err;
}

static int check_flags(const struct vfs_rename_args *args)
{
	if (args->flags & ~(VFS_RENAME_EXCHANGE | VFS_RENAME_WHITEOUT))
		return -EINVAL;
	/* a whiteout would have to be recorded where the host makes it */
	if ((args->flags & VFS_RENAME_WHITEOUT) &&
	    hostfs_of(args->old_dir)->options.owner == HOSTFS_OWNER_XATTR)
		return -EINVAL;
	return 0;
}

int hostfs_rename(struct vfs_rename_args *args)
{
	struct hostfs_name old_name, new_name;
	struct new_places places;
	uint32_t new_nlink = 0;
	int err = check_flags(args);

	if (!err)
		err = hostfs_name(&args->old_name, &old_name);
	if (!err)
		err = hostfs_name(&args->new_name, &new_name);
	if (!err && args->new_inode)
		err = before_removal(args->new_inode, &new_nlink);
	if (!err)
		err = reserve(args, &places);
	if (err)
		return err;
	err = call_host(args, old_name.str, new_name.str);
	/* what fails may have been begun, and have left its times */
	if (err) {
		hostfs_changed(args->old_dir);
		hostfs_changed(args->new_dir);
		hostfs_places_free(hostfs_of(args->old_dir), places.of_old);
		hostfs_places_free(hostfs_of(args->old_dir), places.of_new);
		return err;
	}
	moved(args, &places, new_nlink);
	find_whiteout(args);
	return 0;
}
