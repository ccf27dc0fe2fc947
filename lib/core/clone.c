/* SPDX-License-Identifier: MIT */
/*
 * A file like another one, made in one go: vfs_layer_clone. Contract: layer.h.
 *
 * The new inode's name is nowhere to be seen until it has everything else, so
 * that who looks finds nothing or all of it, and what fails leaves nothing: a
 * listing waits for the directory's lock, and looking up finds what is in the
 * core's cache alone. Only for what the
 * core knows all about: files in memory, of plain ways, copied by who may do
 * anything with them. Everything else is told to take the long way.
 *
 * Locks: the directory's, then the original's (shared). The copy's is not
 * taken, for nobody else has seen it.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/attr.h"
#include "core/inode_stat.h"
#include "core/layer.h"
#include "core/lookup.h"
#include "core/names.h"
#include "core/notify.h"
#include "core/pathname.h"
#include "core/perm.h"
#include "core/rw.h"

/* So much is shared while the directory is locked. */
#define LENGTH_MAX ((int64_t)4 << 20)

/* Flags of an original that do not matter, or that its copy does not get. */
#define HARMLESS                                                      \
	(VFS_INODE_LINKABLE | VFS_INODE_MAPPED | VFS_INODE_SEALABLE | \
	 VFS_INODE_HANDLE | VFS_INODE_NODUMP | VFS_INODE_CLAIMED)
/* And of a directory in which one is not made so. */
#define PECULIAR                                                      \
	(VFS_INODE_NOATIME | VFS_INODE_IMMUTABLE | VFS_INODE_APPEND | \
	 VFS_INODE_NODUMP | VFS_INODE_SYNTHETIC)

struct cloning {
	struct vfs__thread *thread;
	struct vfs_task *task;
	struct vfs_cred *cred;	       /* referenced */
	struct vfs_layer_clone *order; /* the caller's */
	struct vfs_file *from, *at;    /* referenced */
	struct vfs_name name;
	struct vfs_inode *inode;   /* the copy; passes to dentry */
	struct vfs_dentry *dentry; /* referenced */
	uint64_t cookie;	   /* of the name */
	/* Taken before anything is made. */
	struct vfs_file *file;
	struct vfs__fdtable *table;
	int fd;
};

/* ---- whether it can be done here ---- */

/* Nobody would be refused what is done without being asked about here. */
static bool may_all(const struct vfs_cred *cred)
{
	const uint64_t needed = UINT64_C(1) << VFS_CAP_CHOWN |
				UINT64_C(1) << VFS_CAP_FOWNER |
				UINT64_C(1) << VFS_CAP_FSETID |
				UINT64_C(1) << VFS_CAP_DAC_OVERRIDE |
				UINT64_C(1) << VFS_CAP_SYS_ADMIN;

	return !cred->mapped && !(needed & ~cred->cap_effective);
}

static bool is_plain_super(const struct vfs_mount *mnt)
{
	uint64_t flags = mnt->super->type->flags;

	return (flags & VFS_FS_COMPLETE) && !(flags & VFS_FS_OWN_ATTR) &&
	       !mnt->super->userns && !vfs__mount_idmap(mnt);
}

static bool is_plain_file(const struct vfs_inode *in)
{
	return S_ISREG(vfs__inode_mode(in)) &&
	       !(VFS_READ_ONCE(in->flags) & ~(uint64_t)HARMLESS) &&
	       VFS_READ_ONCE(in->nlink) == 1;
}

/* Files that no operation opens, with attributes that are the core's alone. */
static bool has_plain_ops(const struct vfs_inode *in,
			  const struct vfs_inode *dir)
{
	return !in->ops->open && !in->ops->setattr &&
	       VFS__HAS_OP(in->ops, copy_range) && !dir->ops->setattr &&
	       dir->ops->create && dir->ops->remove;
}

static int check(const struct cloning *c)
{
	const struct vfs_inode *in = c->from->inode, *dir = c->at->inode;

	if (!vfs__inode_is_dir(dir))
		return -ENOTDIR;
	if (!is_plain_super(c->from->path.mnt) ||
	    !is_plain_super(c->at->path.mnt) ||
	    in->super->type != dir->super->type || !is_plain_file(in) ||
	    !has_plain_ops(in, dir) || (VFS_READ_ONCE(dir->flags) & PECULIAR) ||
	    !may_all(c->cred))
		return -EOPNOTSUPP;
	return 0;
}

static int scan_name(struct cloning *c)
{
	const char *name = c->order->name;
	size_t len = strlen(name);
	const struct vfs *vfs = c->task->vfs;

	c->name.str = name;
	c->name.len = vfs__component_scan(vfs->dcache.seed, name, name + len,
					  &c->name.hash);
	/* the scan ends at a slash */
	if (!len || c->name.len != len ||
	    (name[0] == '.' && (len == 1 || (len == 2 && name[1] == '.'))))
		return -EINVAL;
	return len > VFS__NAME_MAX ? -ENAMETOOLONG : 0;
}

/* ---- the copy ---- */

static int create(struct cloning *c)
{
	const struct vfs_layer_clone *order = c->order;
	const struct vfs_inode *in = c->from->inode;
	struct vfs_inode *dir = c->at->inode;
	const struct vfs_xattr_init xattr = {
		.name = order->xattr,
		.value = order->value,
		.size = (size_t)order->value_size,
	};
	const struct vfs_create_args args = {
		.size = sizeof(args),
		.mode = vfs__inode_mode(in),
		.uid = VFS_READ_ONCE(in->uid),
		.gid = VFS_READ_ONCE(in->gid),
		.xattrs = &xattr,
		.xattr_count = order->xattr ? 1 : 0,
	};

	return dir->ops->create(dir, &c->name, &args, &c->inode, &c->cookie);
}

/* All of the original's bytes; both are locked. */
static int share_data(struct cloning *c)
{
	struct vfs_inode *in = c->from->inode;
	int64_t size = in->size, at = 0, n;

	if (c->order->empty || !size)
		return 0;
	if (size > LENGTH_MAX || size > c->inode->super->max_file_size)
		return -EOPNOTSUPP;
	/* a hole is to stay one */
	if (in->ops->seek && in->ops->seek(in, 0, SEEK_HOLE) < size)
		return -EOPNOTSUPP;
	while (at < size) {
		n = in->ops->copy_range(in, c->from, at, c->inode, c->file, at,
					(size_t)(size - at));
		if (n <= 0)
			return n ? (int)n : -EIO;
		at += n;
	}
	return 0;
}

/* The copy's, which nobody else has seen. */
static void copy_times(const struct cloning *c)
{
	const struct vfs_inode *in = c->from->inode;
	const struct vfs_timespec atime = vfs__inode_atime(in);
	struct vfs_inode *inode = c->inode;

	inode->atime_sec = atime.sec;
	inode->atime_nsec = atime.nsec;
	inode->mtime_sec = in->mtime_sec;
	inode->mtime_nsec = in->mtime_nsec;
}

/* The copy needs no lock: nobody comes by it before its name is seen. */
static int fill(struct cloning *c)
{
	struct vfs_inode *in = c->from->inode;
	int err;

	vfs__rw_lock_shared(&in->core_lock, VFS__RANK_INODE);
	err = is_plain_file(in) ? create(c) : -EOPNOTSUPP;
	if (!err)
		err = share_data(c);
	if (!err)
		copy_times(c);
	vfs__inode_unlock_shared(in);
	return err;
}

/* Makes the copy. dir's time of change is told, and no other; of a failure
 * none. */
static int make(struct cloning *c)
{
	struct vfs_inode *dir = c->at->inode;
	const int64_t sec = dir->mtime_sec, changed = dir->ctime_packed;
	const uint32_t nsec = dir->mtime_nsec;
	int err = fill(c);

	if (err && c->inode)
		(void)dir->ops->remove(dir, &c->name, c->inode, c->cookie);
	vfs__inode_change_begin(dir);
	VFS_WRITE_ONCE(dir->mtime_sec, sec);
	VFS_WRITE_ONCE(dir->mtime_nsec, nsec);
	if (err)
		VFS_WRITE_ONCE(dir->ctime_packed, changed);
	vfs__inode_change_end(dir);
	return err;
}

/* Shows it. */
static void name_it(struct cloning *c)
{
	(void)vfs__inode_copy(c->inode, &c->order->st);
	vfs__dentry_instantiate(c->dentry, c->inode, c->cookie);
	c->inode = NULL;
	if (!vfs__dentry_hashed(c->dentry))
		vfs__dcache_insert(c->thread, c->task->vfs, c->dentry);
	vfs__notify_created(c->thread, c->task->vfs, c->at->path.dentry,
			    c->dentry, false);
}

/* With the directory locked. */
static int clone_locked(struct cloning *c)
{
	struct vfs_inode *dir = c->at->inode;
	int err = vfs__lookup_one(c->thread, c->task->vfs, c->at->path.dentry,
				  &c->name, &c->dentry);

	if (err)
		return err;
	if (c->dentry->inode)
		return -EEXIST;
	err = vfs__may_create(c->thread, c->cred, NULL, dir);
	if (!err)
		err = make(c);
	if (!err)
		name_it(c);
	return err;
}

/* ---- its descriptor ---- */

static int reserve(struct cloning *c)
{
	c->fd = vfs__fd_reserve(c->thread, c->task, 0, &c->table);
	if (c->fd < 0)
		return c->fd;
	c->file = vfs__file_reserve(c->thread);
	return c->file ? 0 : -ENOMEM;
}

static void give_back(struct cloning *c)
{
	vfs__file_discard(c->thread, c->file);
	if (c->fd >= 0)
		vfs__fd_release(c->thread, c->table, c->fd);
}

/* The dentry's reference passes, and the mount's writer, if it is to be open.
 */
static void open_copy(struct cloning *c)
{
	const struct vfs__path path = {c->at->path.mnt, c->dentry};
	const bool open = c->order->open;

	vfs__mount_ref(c->thread, path.mnt);
	vfs__file_init(c->file, c->task->vfs, &path, c->cred,
		       open ? O_RDWR | VFS__O_LARGEFILE : O_PATH,
		       open ? VFS__FILE_READ | VFS__FILE_WRITE |
				       VFS__FILE_SEEKABLE | VFS__FILE_QUIET |
				       VFS__FILE_WRITER | VFS__FILE_OPENED
			    : VFS__FILE_PATH);
	vfs__fd_fill(c->thread, c->table, c->fd, c->file, false);
	c->order->fd = c->fd;
	c->order->st.mnt_id = path.mnt->id;
	c->order->st.attributes = 0;
	if (!open)
		vfs__mount_write_end(c->thread, path.mnt);
}

int vfs__layer_settle(struct vfs__thread *thread, struct vfs_file *file)
{
	const uint32_t open = VFS__FILE_READ | VFS__FILE_WRITE |
			      VFS__FILE_SEEKABLE | VFS__FILE_WRITER |
			      VFS__FILE_OPENED | VFS__FILE_PLAIN_READ |
			      VFS__FILE_PLAIN_WRITE;
	uint32_t mode = vfs__file_mode(file);

	if (!(mode & VFS__FILE_QUIET) || !(mode & VFS__FILE_WRITER) ||
	    !S_ISREG(vfs__inode_mode(file->inode)) || file->inode->ops->release)
		return -EINVAL;
	VFS_WRITE_ONCE(file->flags, O_PATH);
	VFS_WRITE_ONCE(file->mode, (mode & ~open) | VFS__FILE_PATH);
	vfs__mount_write_end(thread, file->path.mnt);
	return 0;
}

static int clone_reserved(struct cloning *c)
{
	struct vfs_mount *mnt = c->at->path.mnt;
	struct vfs_inode *dir = c->at->inode;
	int err = vfs__mount_write_begin(c->thread, mnt);

	if (err)
		return err;
	vfs__inode_lock(dir);
	err = clone_locked(c);
	vfs__inode_unlock(dir);
	if (!err) {
		open_copy(c);
		return 0;
	}
	vfs__dentry_unref(c->thread, c->dentry);
	vfs__inode_unref(c->thread, c->inode);
	vfs__mount_write_end(c->thread, mnt);
	return err;
}

int vfs__layer_clone(struct vfs__thread *thread, struct vfs_task *layers,
		     struct vfs_file *from, struct vfs_file *at,
		     struct vfs_layer_clone *order)
{
	struct cloning c = {
		.thread = thread,
		.task = layers,
		.order = order,
		.from = from,
		.at = at,
		.fd = -1,
	};
	int err = scan_name(&c);

	if (err)
		return err;
	c.cred = vfs__task_cred(thread, layers);
	err = check(&c);
	if (!err)
		err = reserve(&c);
	if (!err)
		err = clone_reserved(&c);
	if (err)
		give_back(&c);
	vfs__task_cred_put(thread, c.cred);
	vfs__notify_flush(thread);
	return err;
}
