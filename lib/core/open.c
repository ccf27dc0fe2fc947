/* SPDX-License-Identifier: MIT */
/*
 * Opening files. Contract: open.h.
 *
 * Stages, as in Linux, because errors come in that order: a descriptor is
 * reserved; the path is walked (with O_CREAT to the parent, and the last
 * component is looked up, or made, under the directory's lock); the result is
 * checked against flags and permissions; the file is made, told to the
 * backend, truncated, and put behind the descriptor.
 */
#include "core/open.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>

#include "core/attr.h"
#include "core/device.h"
#include "core/hostfile.h"
#include "core/jump.h"
#include "core/lookup.h"
#include "core/names.h"
#include "core/notify.h"
#include "core/pathname.h"
#include "core/perm.h"
#include "core/pipe.h"
#include "core/place.h"
#include "core/rw.h"

#ifndef O_TMPFILE
#define O_TMPFILE (020000000 | O_DIRECTORY)
#endif
#define TMPFILE_BIT (O_TMPFILE & ~O_DIRECTORY)

/* How often what changes without the core's doing is looked up anew. */
#define STALE_TRIES 3u

struct opening {
	struct vfs__thread *thread;
	struct vfs_task *task;
	struct vfs_cred *cred; /* referenced */
	const struct vfs__open_how *how;
	uint32_t walk;	 /* VFS__WALK_* */
	uint32_t access; /* VFS__MAY_* */
	bool created;
	struct vfs_file *file; /* memory taken before anything is made */
	struct vfs__path path; /* referenced, when found */
};

static uint32_t access_of(uint32_t flags)
{
	static const uint32_t wanted[4] = {VFS__MAY_READ, VFS__MAY_WRITE,
					   VFS__MAY_READ | VFS__MAY_WRITE,
					   VFS__MAY_READ | VFS__MAY_WRITE};
	uint32_t access = wanted[flags & O_ACCMODE];

	if (flags & O_TRUNC)
		access |= VFS__MAY_WRITE;
	return access;
}

/* ---- finding or making the file ---- */

VFS_HOT
static int find_plain(struct opening *o, int dirfd, const char *path)
{
	if (o->how->place) {
		if (S_ISLNK(vfs__inode_mode(o->how->place->dentry->inode)) &&
		    !(o->how->flags & O_PATH))
			return -ELOOP;
		o->path = *o->how->place;
		vfs__path_ref(o->thread, &o->path);
		return 0;
	}
	return vfs__path_lookup(o->thread, o->task, dirfd, path, o->walk,
				&o->path);
}

/*
 * The last component under its directory's lock: *dentry is what is there
 * (referenced), made if it was not.
 */
static int find_or_make(struct opening *o, const struct vfs__path *parent,
			const struct vfs_name *name, int readonly,
			struct vfs_dentry **dentry)
{
	struct vfs_inode *dir = parent->dentry->inode;
	bool likely = o->thread->made_in == parent->dentry;
	int may = 0, err;

	vfs__inode_lock(dir);
	/* before the look that waits for memory, if it is to be asked anyway */
	if (likely)
		may = vfs__may_create(o->thread, o->cred,
				      vfs__mount_idmap(parent->mnt), dir);
	err = vfs__lookup_one(o->thread, o->task->vfs, parent->dentry, name,
			      dentry);
	if (!err && !(*dentry)->inode) {
		err = readonly;
		if (!err)
			err = likely ? may
				     : vfs__may_create(
					       o->thread, o->cred,
					       vfs__mount_idmap(parent->mnt),
					       dir);
		if (!err)
			err = vfs__make_node(
				o->thread, o->task, o->cred, parent, *dentry,
				S_IFREG | (o->how->mode & 07777), 0, NULL);
		o->created = !err;
		if (err) {
			vfs__inode_unlock(dir);
			vfs__dentry_unref(o->thread, *dentry);
			return err;
		}
	}
	vfs__inode_unlock(dir);
	return err;
}

/* A name that is there, without the directory's lock; -ENOENT: look closer. */
static int find_existing(struct opening *o, const struct vfs__path *parent,
			 const struct vfs_name *name,
			 struct vfs_dentry **dentry)
{
	if (name->len > parent->dentry->inode->super->name_max)
		return -ENOENT;
	*dentry =
		vfs__dcache_get(o->thread, o->task->vfs, parent->dentry, name);
	if (!*dentry)
		return -ENOENT;
	if (vfs__dentry_inode(*dentry) &&
	    !(vfs__dentry_flags(*dentry) & VFS__DENTRY_VOLATILE))
		return 0;
	vfs__dentry_unref(o->thread, *dentry);
	return -ENOENT;
}

/* One last component. 1: it is a symlink, *dentry, to be followed. */
static int last_component(struct opening *o, const struct vfs__path *parent,
			  const struct vfs__last *last,
			  struct vfs_dentry **dentry)
{
	int readonly, err = -ENOENT;

	if (last->type != VFS__LAST_NORM)
		return o->how->flags & O_EXCL ? -EEXIST : -EISDIR;
	if (last->slash)
		return -EISDIR;
	for (unsigned tries = 0; tries < STALE_TRIES; tries++) {
		/* who has just made a name here makes another: no look first */
		if (!(o->how->flags & O_EXCL) &&
		    (tries || o->thread->made_in != parent->dentry))
			err = find_existing(o, parent, &last->name, dentry);
		if (!err)
			break;
		readonly = vfs__mount_write_begin(o->thread, parent->mnt);
		err = find_or_make(o, parent, &last->name, readonly, dentry);
		if (!readonly)
			vfs__mount_write_end(o->thread, parent->mnt);
		/* somebody else may have made it since it was looked up */
		if (err != -EEXIST || (o->how->flags & O_EXCL))
			break;
	}
	if (err)
		return err;
	return S_ISLNK(vfs__inode_mode((*dentry)->inode)) &&
	       (o->walk & VFS__WALK_FOLLOW);
}

/* `..` as the last component cannot be made; it may lead out, though. */
static int check_escape(struct opening *o, int dirfd, const char *path,
			const struct vfs__last *last, int otherwise)
{
	struct vfs__path at;
	int err;

	if (last->type != VFS__LAST_DOTDOT || !o->how->resolve)
		return otherwise;
	err = vfs__path_lookup(o->thread, o->task, dirfd, path, o->walk, &at);
	if (err)
		return err;
	vfs__path_unref(o->thread, &at);
	return otherwise;
}

/* A last magic link leads to the file itself. The references of parent and
 * dentry pass. */
static int jump_creating(struct opening *o, const struct vfs__resume *resume,
			 struct vfs_dentry *dentry,
			 const struct vfs__path *parent)
{
	int err = vfs__walk_may_follow(resume, parent->mnt);

	if (!err)
		err = vfs__jump(o->thread, o->task, dentry->inode,
				o->how->resolve, parent->mnt, &o->path);
	vfs__dentry_unref(o->thread, dentry);
	vfs__path_unref(o->thread, parent);
	return err;
}

static int find_creating(struct opening *o, int dirfd, const char *path)
{
	struct vfs__resume resume;
	struct vfs__path parent;
	struct vfs__last last;
	struct vfs_dentry *dentry;
	int err = vfs__walk_parent(o->thread, o->task, dirfd, path, o->walk,
				   &resume, &parent, &last);

	while (!err) {
		err = last_component(o, &parent, &last, &dentry);
		if (err < 0) {
			vfs__path_unref(o->thread, &parent);
			err = check_escape(o, dirfd, path, &last, err);
			break;
		}
		if (!err) {
			/* the parent's reference becomes the file's */
			vfs__dentry_unref(o->thread, parent.dentry);
			o->path.mnt = parent.mnt;
			o->path.dentry = dentry;
			if (vfs__dentry_flags(dentry) & VFS__DENTRY_MOUNTED)
				err = vfs__walk_cross(o->thread, o->task,
						      o->walk, &o->path);
			if (err)
				vfs__path_unref(o->thread, &o->path);
			break;
		}
		if (vfs__is_magic(dentry->inode)) {
			err = jump_creating(o, &resume, dentry, &parent);
			break;
		}
		err = vfs__walk_resume(o->thread, o->task, &resume,
				       dentry->inode, &parent, &last);
		vfs__dentry_unref(o->thread, dentry);
	}
	vfs__walk_fini(o->thread, &resume);
	return err;
}

static int may_make_tmpfile(struct opening *o, const struct vfs__path *dir)
{
	const struct vfs_userns *idmap = vfs__mount_idmap(dir->mnt);
	struct vfs_inode *inode = dir->dentry->inode;

	if (!vfs__can_own(o->cred, idmap, inode->super))
		return -EOVERFLOW;
	return vfs__permission_load(o->thread, o->cred, idmap, inode,
				    VFS__MAY_WRITE | VFS__MAY_EXEC);
}

static int make_tmpfile(struct opening *o, int dirfd, const char *path)
{
	struct vfs_dentry *dentry = NULL;
	struct vfs__path dir;
	struct vfs_inode *inode;
	int err;

	o->walk |= VFS__WALK_DIRECTORY;
	err = find_plain(o, dirfd, path);
	if (err)
		return err;
	dir = o->path;
	inode = dir.dentry->inode;
	/* a place that was given may be anything */
	err = vfs__inode_is_dir(inode)
		      ? vfs__mount_write_begin(o->thread, dir.mnt)
		      : -ENOTDIR;
	if (!err) {
		vfs__inode_lock(inode);
		err = may_make_tmpfile(o, &dir);
		if (!err)
			err = vfs__make_tmpfile(
				o->thread, o->task, o->cred, &dir,
				S_IFREG | (o->how->mode & 07777), &dentry);
		vfs__inode_unlock(inode);
		vfs__mount_write_end(o->thread, dir.mnt);
	}
	if (err) {
		vfs__path_unref(o->thread, &dir);
		return err;
	}
	if (!(o->how->flags & O_EXCL))
		vfs_inode_set_flags(dentry->inode, VFS_INODE_LINKABLE, 0);
	vfs__dentry_unref(o->thread, dir.dentry);
	o->path.mnt = dir.mnt;
	o->path.dentry = dentry;
	o->created = true;
	return 0;
}

/* ---- may it be opened? ---- */

static int check_type(const struct opening *o, const struct vfs_inode *inode)
{
	uint32_t flags = vfs__mount_flags(o->path.mnt);

	if (VFS_READ_ONCE(inode->flags) & VFS_INODE_REFUSED)
		return -EACCES;
	switch (vfs__inode_mode(inode) & S_IFMT) {
	case S_IFLNK:
		return -ELOOP;
	case S_IFDIR:
		return o->access & VFS__MAY_WRITE ? -EISDIR : 0;
	case S_IFCHR:
	case S_IFBLK:
		/* nor on what a user namespace mounted */
		return (flags & VFS__MNT_NODEV) ||
				       (inode->super->userns &&
					!vfs__inode_opens_host(inode))
			       ? -EACCES
			       : 0;
	default:
		return 0;
	}
}

/* An append-only file is written at its end, or not at all. */
static int check_append(const struct opening *o, const struct vfs_inode *inode)
{
	uint32_t flags = o->how->flags;

	if (!(VFS_READ_ONCE(inode->flags) & VFS_INODE_APPEND))
		return 0;
	if ((flags & O_ACCMODE) != O_RDONLY && !(flags & O_APPEND))
		return -EPERM;
	return flags & O_TRUNC ? -EPERM : 0;
}

static int may_open(struct opening *o)
{
	struct vfs_inode *inode = o->path.dentry->inode;
	const struct vfs_userns *idmap = vfs__mount_idmap(o->path.mnt);
	uint32_t type = vfs__inode_mode(inode) & S_IFMT;
	int err = check_type(o, inode);

	/* a magic link has not asked as a walk does */
	if (!err && !o->created &&
	    (VFS_READ_ONCE(inode->flags) & VFS_INODE_VOLATILE))
		err = vfs__inode_refresh(o->thread, inode);
	if (err)
		return err;
	if (!o->created) {
		if ((o->access & VFS__MAY_WRITE) &&
		    (VFS_READ_ONCE(inode->super->flags) & VFS_SUPER_RDONLY) &&
		    type == S_IFREG)
			return -EROFS;
		err = vfs__permission_load(o->thread, o->cred, idmap, inode,
					   o->access);
		if (err)
			return err;
	}
	err = check_append(o, inode);
	if (err)
		return err;
	if ((o->how->flags & O_NOATIME) &&
	    !vfs__owner_or_capable(o->cred, idmap, inode))
		return -EPERM;
	return 0;
}

/* In a sticky directory that others may write, O_CREAT opens of what others
 * made only files and FIFOs (those are a matter of fs.protected_*, off). */
static int may_create_in_sticky(struct opening *o,
				const struct vfs_inode *inode)
{
	uint32_t type = vfs__inode_mode(inode) & S_IFMT;
	const struct vfs_inode *dir;
	int err = 0;

	if (type == S_IFREG || type == S_IFIFO)
		return 0;
	vfs__epoch_enter(o->thread);
	dir = VFS_READ_ONCE(vfs__dentry_parent(o->path.dentry)->inode);
	if (dir && (~vfs__inode_mode(dir) & (S_ISVTX | S_IWOTH)) == 0 &&
	    VFS_READ_ONCE(inode->uid) != VFS_READ_ONCE(dir->uid) &&
	    vfs__inode_uid(vfs__mount_idmap(o->path.mnt), inode) !=
		    o->cred->fsuid)
		err = -EACCES;
	vfs__epoch_leave(o->thread);
	return err;
}

static int check_result(struct opening *o)
{
	struct vfs_inode *inode = o->path.dentry->inode;
	uint32_t flags = o->how->flags;

	if ((flags & O_CREAT) && !(flags & O_PATH)) {
		if ((flags & O_EXCL) && !o->created)
			return -EEXIST;
		if (vfs__inode_is_dir(inode))
			return -EISDIR;
		if (!o->created && may_create_in_sticky(o, inode))
			return -EACCES;
	}
	if ((flags & O_DIRECTORY) && !(flags & TMPFILE_BIT) &&
	    !vfs__inode_is_dir(inode))
		return -ENOTDIR;
	return flags & O_PATH ? 0 : may_open(o);
}

/* ---- the open file ---- */

static uint32_t file_mode(const struct opening *o, uint32_t type)
{
	uint32_t flags = o->how->flags;
	uint32_t mode = 0;

	if (flags & O_PATH)
		return VFS__FILE_PATH | (type == S_IFDIR ? VFS__FILE_DIR : 0);
	if ((flags & O_ACCMODE) == O_RDONLY || (flags & O_ACCMODE) == O_RDWR)
		mode |= VFS__FILE_READ;
	if ((flags & O_ACCMODE) == O_WRONLY || (flags & O_ACCMODE) == O_RDWR)
		mode |= VFS__FILE_WRITE;
	if (type == S_IFIFO)
		mode |= VFS__FILE_STREAM;
	else if (type == S_IFCHR || type == S_IFBLK)
		mode |= VFS__FILE_DEVICE;
	else
		mode |= VFS__FILE_SEEKABLE;
	if (type == S_IFDIR)
		mode |= VFS__FILE_DIR;
	return mode;
}

/* O_DIRECT of what has no blocks is refused when it was opened already: Linux
 * tells that it is closed, though not that it was opened. */
static int refuse_direct(struct opening *o, struct vfs_file *file)
{
	vfs__notify_file(o->thread, file,
			 file->mode & VFS__FILE_WRITE ? VFS_IN_CLOSE_WRITE
						      : VFS_IN_CLOSE_NOWRITE);
	return -EINVAL;
}

/* Tells whoever serves the type; file->mode says what is to be undone. */
static int tell_backend(struct opening *o, struct vfs_file *file, uint32_t type)
{
	struct vfs_inode *inode = file->inode;
	const struct vfs_dentry *name;
	int err;

	switch (type) {
	case S_IFIFO:
		file->mode &= ~VFS__FILE_STREAM;
		err = vfs__fifo_open(o->thread, o->task, file);
		if (!err)
			file->mode |= VFS__FILE_STREAM;
		else if (err == -EINVAL &&
			 (file->mode & (VFS__FILE_READ | VFS__FILE_WRITE)))
			err = refuse_direct(o, file);
		return err;
	case S_IFCHR:
	case S_IFBLK:
		return vfs__inode_opens_host(inode)
			       ? vfs__hostfile_attach(o->thread, file)
			       : vfs__device_open(o->thread, file);
	case S_IFSOCK:
		return -ENXIO; /* nothing serves it */
	case S_IFDIR:
		if (o->how->flags & O_DIRECT)
			return refuse_direct(o, file);
		break;
	default:
		break;
	}
	if ((file->mode & VFS__FILE_WRITE)) {
		err = vfs__mount_write_begin(o->thread, o->path.mnt);
		if (err)
			return err;
		file->mode |= VFS__FILE_WRITER;
	}
	name = vfs__by_name(o->thread, file->path.dentry);
	err = inode->ops->open ? inode->ops->open(inode, file) : 0;
	vfs__by_name(o->thread, name);
	if (!err)
		file->mode |= VFS__FILE_OPENED;
	return err;
}

static int truncate_opened(struct opening *o, uint32_t type)
{
	int err;

	if (!(o->how->flags & O_TRUNC) || o->created || type != S_IFREG)
		return 0;
	err = vfs__mount_write_begin(o->thread, o->path.mnt);
	if (!err) {
		err = vfs__truncate_path(o->thread, o->task, o->cred, &o->path,
					 0, true);
		vfs__mount_write_end(o->thread, o->path.mnt);
	}
	return err;
}

static uint32_t status_flags(uint32_t flags)
{
	const uint32_t gone = O_CREAT | O_EXCL | O_NOCTTY | O_TRUNC | O_CLOEXEC;

	return (flags & ~gone) | (flags & O_PATH ? 0 : VFS__O_LARGEFILE);
}

/* What was imported is opened by the host, and is another file then. */
static int open_foreign(struct opening *o, struct vfs_file **out)
{
	int err = vfs__hostfile_open(o->thread, o->task, o->path.dentry->inode,
				     o->how->flags, out);

	vfs__path_unref(o->thread, &o->path);
	if (!err)
		vfs__notify_file(o->thread, *out, VFS_IN_OPEN);
	return err;
}

/* o->path passes to the file. */
static int make_file(struct opening *o, struct vfs_file **out)
{
	uint32_t type = vfs__inode_mode(o->path.dentry->inode) & S_IFMT;
	struct vfs_file *file = o->file;
	int err = 0;

	if (vfs__inode_is_foreign(o->path.dentry->inode) &&
	    !(o->how->flags & O_PATH))
		return open_foreign(o, out);
	vfs__file_init(file, o->task->vfs, &o->path, o->cred,
		       status_flags(o->how->flags), file_mode(o, type));
	o->file = NULL;
	if (o->how->quiet)
		file->mode |= VFS__FILE_QUIET;
	if (!(file->mode & VFS__FILE_PATH)) {
		err = tell_backend(o, file, type);
		if (!err) {
			vfs__notify_file(o->thread, file, VFS_IN_OPEN);
			err = truncate_opened(o, type);
		}
	}
	if (err) {
		vfs__file_unref(o->thread, file);
		return err;
	}
	*out = file;
	return 0;
}

static int open_path(struct opening *o, int dirfd, const char *path,
		     struct vfs_file **out)
{
	uint32_t flags = o->how->flags;
	int err;

	if (flags & TMPFILE_BIT)
		err = make_tmpfile(o, dirfd, path);
	else if ((flags & O_CREAT) && !(flags & O_PATH) && !o->how->place)
		err = find_creating(o, dirfd, path);
	else
		err = find_plain(o, dirfd, path);
	if (err)
		return err;
	err = check_result(o);
	if (!err)
		return make_file(o, out);
	vfs__path_unref(o->thread, &o->path);
	return err;
}

/* The same, again when the file was replaced while it was being opened. */
static int open_fresh(struct opening *o, int dirfd, const char *path,
		      struct vfs_file **out)
{
	uint32_t walk = o->walk;
	int err = open_path(o, dirfd, path, out);

	for (unsigned tries = 1; err == -ESTALE && tries < STALE_TRIES;
	     tries++) {
		if (!o->file)
			o->file = vfs__file_reserve(o->thread);
		if (!o->file)
			return -ENOMEM;
		o->walk = walk;
		o->created = false;
		o->thread->fresh = NULL;
		err = open_path(o, dirfd, path, out);
	}
	return err;
}

/* A path that cannot be one is told of before a full table. */
static int no_descriptor(const char *path, int otherwise)
{
	size_t len = vfs__path_length(path);

	if (len == VFS__PATH_MAX)
		return -ENAMETOOLONG;
	return len ? otherwise : -ENOENT;
}

VFS_HOT
int vfs__open(struct vfs__thread *thread, struct vfs_task *task, int dirfd,
	      const char *path, const struct vfs__open_how *how)
{
	struct opening o = {.thread = thread, .task = task, .how = how};
	struct vfs_file *file = NULL;
	struct vfs__fdtable *table;
	int fd, err;

	o.access =
		how->flags & (O_PATH | TMPFILE_BIT) ? 0 : access_of(how->flags);
	o.walk = how->resolve << VFS__WALK_RESOLVE_SHIFT;
	if (!(how->flags & O_NOFOLLOW) &&
	    !((how->flags & O_CREAT) && (how->flags & O_EXCL) &&
	      !(how->flags & (O_PATH | TMPFILE_BIT))))
		o.walk |= VFS__WALK_FOLLOW;
	if (how->flags & O_DIRECTORY)
		o.walk |= VFS__WALK_DIRECTORY;
	if (!path)
		return -EFAULT;
	if ((how->flags & O_CREAT) && thread->made_in &&
	    VFS_READ_ONCE(task->vfs->dcache.large))
		vfs__lookup_expect(thread, task->vfs, path);
	fd = vfs__fd_reserve(thread, task, 0, &table);
	if (fd < 0)
		return no_descriptor(path, fd);
	o.file = vfs__file_reserve(thread);
	if (!o.file) {
		vfs__fd_release(thread, table, fd);
		return -ENOMEM;
	}
	o.cred = vfs__task_cred(thread, task);
	err = open_fresh(&o, dirfd, path, &file);
	vfs__task_cred_put(thread, o.cred);
	vfs__file_discard(thread, o.file);
	if (err) {
		vfs__notify_flush(thread);
		vfs__fd_release(thread, table, fd);
		return err;
	}
	vfs__fd_fill(thread, table, fd, file, how->flags & O_CLOEXEC);
	return fd;
}
