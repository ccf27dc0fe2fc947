/* SPDX-License-Identifier: MIT */
/*
 * Importing: from a descriptor of the host to one of the task. Contract:
 * hostfile.h.
 *
 * Everything that can fail comes before the host's descriptor is the
 * library's, so that on failure nothing has happened to it.
 */
#include "core/hostfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <unistd.h>
#include <vfs/import.h>

#include "core/pathname.h"
#include "core/pipefs.h"

/* What of F_GETFL is the open file's, too. */
#define KEPT_FLAGS                                                           \
	(O_ACCMODE | O_APPEND | O_NONBLOCK | O_DIRECT | O_NOATIME | O_SYNC | \
	 O_DSYNC)

/* A descriptor of the host, and what it is to become. */
struct import {
	struct vfs__thread *thread;
	struct vfs_task *task;
	int fd;
	uint32_t flags; /* O_*: the open file's */
	bool rdonly;
	bool appends;
	bool ours; /* a description that nobody else has, with O_NONBLOCK */
	enum vfs__host_kind kind;
	struct stat st;
};

/* ---- where they live ---- */

static int mount_create(struct vfs__thread *thread, struct vfs *vfs,
			uint32_t flags, struct vfs_mount **out)
{
	struct vfs_mount_args args = {.size = sizeof(args)};
	struct vfs_super *super;
	struct vfs_dentry *root;
	int err = vfs__super_create(thread, vfs, &vfs__importfs_type, &args,
				    &super, &root);

	if (err)
		return err;
	err = vfs__mount_create(thread, vfs, super, root,
				VFS__MNT_INTERNAL | VFS__MNT_NOATIME | flags,
				NULL, out);
	if (err) {
		vfs__dentry_unref(thread, root);
		vfs__super_unref(thread, super);
	}
	return err;
}

/* The instance's, which last as long as it: one where nothing is changed. */
static int mount_get(struct vfs__thread *thread, struct vfs *vfs, bool rdonly,
		     struct vfs_mount **out)
{
	struct vfs_mount **slot = &vfs->hosts.mounts[rdonly];
	struct vfs_mount *mnt = VFS_LOAD_POINTER(*slot);
	struct vfs_mount *first = NULL;
	int err;

	if (!mnt) {
		err = mount_create(thread, vfs, rdonly ? VFS__MNT_RDONLY : 0,
				   &mnt);
		if (err)
			return err;
		if (!__atomic_compare_exchange_n(slot, &first, mnt, false,
						 __ATOMIC_ACQ_REL,
						 __ATOMIC_ACQUIRE)) {
			/* another thread was faster */
			vfs__mount_destroy(thread, mnt);
			mnt = first;
		}
	}
	*out = mnt;
	return 0;
}

/* ---- devices of the host ---- */

static int grow(struct vfs__thread *thread, struct vfs *vfs)
{
	uint32_t capacity = vfs->hosts.capacity ? vfs->hosts.capacity * 2 : 4;
	struct vfs__host_dev *devs =
		vfs__mem_alloc(thread, capacity * sizeof(*devs));

	if (!devs)
		return -ENOMEM;
	if (vfs->hosts.count)
		memcpy(devs, vfs->hosts.devs, vfs->hosts.count * sizeof(*devs));
	vfs__mem_free(thread, vfs->hosts.devs,
		      vfs->hosts.capacity * sizeof(*devs));
	vfs->hosts.devs = devs;
	vfs->hosts.capacity = capacity;
	return 0;
}

static int dev_locked(struct vfs__thread *thread, struct vfs *vfs,
		      uint64_t host, uint64_t *out)
{
	struct vfs__host_dev *dev = vfs->hosts.devs;
	uint32_t i = 0;
	int err;

	while (i < vfs->hosts.count && dev[i].host != host)
		i++;
	if (i == vfs->hosts.count) {
		err = i == vfs->hosts.capacity ? grow(thread, vfs) : 0;
		if (err)
			return err;
		dev = vfs->hosts.devs;
		dev[i].host = host;
		dev[i].shown = makedev(0, __atomic_add_fetch(&vfs->next_dev, 1,
							     __ATOMIC_RELAXED));
		vfs->hosts.count++;
	}
	*out = dev[i].shown;
	return 0;
}

/* The number in this instance for a device of the host: inode numbers are the
 * host's, and two of its file systems have the same ones. */
static int find_dev(struct vfs__thread *thread, struct vfs *vfs, uint64_t host,
		    uint64_t *out)
{
	int err;

	vfs__mutex_lock(&vfs->hosts.lock, VFS__RANK_LEAF);
	err = dev_locked(thread, vfs, host, out);
	vfs__mutex_unlock(&vfs->hosts.lock, VFS__RANK_LEAF);
	return err;
}

void vfs__hosts_fini(struct vfs__thread *thread, struct vfs *vfs)
{
	for (int i = 0; i < 2; i++)
		if (vfs->hosts.mounts[i])
			vfs__mount_destroy(thread, vfs->hosts.mounts[i]);
	if (vfs->hosts.devs)
		vfs__mem_free(thread, vfs->hosts.devs,
			      vfs->hosts.capacity * sizeof(*vfs->hosts.devs));
}

/* ---- what it is ---- */

static int find_kind(struct import *im)
{
	switch (im->st.st_mode & S_IFMT) {
	case S_IFREG:
		im->kind = VFS__HOST_REGULAR;
		return 0;
	case S_IFIFO:
		im->kind = VFS__HOST_PIPE;
		return 0;
	case S_IFSOCK:
		im->kind = VFS__HOST_SOCKET;
		return 0;
	case S_IFCHR:
		im->kind = vfs__host_is_terminal(im->fd) ? VFS__HOST_TERMINAL
							 : VFS__HOST_DEVICE;
		return 0;
	case S_IFDIR:
		return -EISDIR;
	default:
		return -EOPNOTSUPP;
	}
}

static bool reads(uint32_t flags)
{
	return (flags & O_ACCMODE) == O_RDONLY || (flags & O_ACCMODE) == O_RDWR;
}

static bool writes(uint32_t flags)
{
	return (flags & O_ACCMODE) == O_WRONLY || (flags & O_ACCMODE) == O_RDWR;
}

/* Fills the rest of im, of which fd and rdonly are given. */
static int look_at(struct import *im)
{
	int flags = vfs__host_flags(im->fd);
	int err = flags < 0 ? flags : vfs__host_stat(im->fd, &im->st);

	if (err)
		return err;
	if (flags & O_PATH)
		return -EBADF;
	err = find_kind(im);
	if (err)
		return err;
	im->appends = flags & O_APPEND;
	im->flags = ((uint32_t)flags & KEPT_FLAGS) | VFS__O_LARGEFILE;
	if (!im->rdonly)
		return 0;
	if (!reads(im->flags))
		return -EBADF;
	im->flags &= ~(uint32_t)O_ACCMODE;
	return 0;
}

/* ---- making one ---- */

/* The host's answer to "at once or not at all" where RWF_NOWAIT is not known:
 * our own description. A terminal's other end is made anew by opening it. */
static int own_description(const struct import *im)
{
	uint32_t access = im->flags & O_ACCMODE;
	int own;

	if (im->ours)
		return im->fd;
	if (im->kind != VFS__HOST_TERMINAL && im->kind != VFS__HOST_PIPE)
		return -1;
	if (im->kind == VFS__HOST_PIPE ? vfs__host_is_plain_pipe(im->fd)
				       : vfs__host_is_master(im->fd))
		return -1;
	own = vfs__host_reopen(im->fd, (int)access | O_NONBLOCK);
	return own < 0 ? -1 : own;
}

/* The descriptor is the inode's from here on. */
static void fill_host(const struct import *im, uint64_t dev,
		      struct vfs__hostfile *host)
{
	host->fd = im->fd;
	host->own = own_description(im);
	host->users = 1;
	host->kind = im->kind;
	host->appends = im->appends;
	host->stream =
		im->kind != VFS__HOST_SOCKET || vfs__host_is_stream(im->fd);
	host->rdonly = im->rdonly;
	host->limited = im->kind == VFS__HOST_REGULAR && vfs__host_is_limited();
	host->access = im->flags & O_ACCMODE;
	host->host_dev = im->st.st_dev;
	host->rdev = im->st.st_rdev;
	host->dev = dev;
}

static uint32_t file_mode(const struct import *im)
{
	uint32_t mode = VFS__FILE_OPENED;

	if (reads(im->flags))
		mode |= VFS__FILE_READ;
	if (writes(im->flags))
		mode |= VFS__FILE_WRITE;
	if (im->kind != VFS__HOST_REGULAR)
		mode |= VFS__FILE_HOST;
	if (im->kind == VFS__HOST_REGULAR ||
	    (im->kind == VFS__HOST_DEVICE &&
	     vfs__host_seek(im->fd, 0, SEEK_CUR) >= 0))
		mode |= VFS__FILE_SEEKABLE;
	return mode;
}

/* The only name, with its one reference, of a new inode. */
static int make_dentry(struct import *im, struct vfs_super *super, uint64_t dev,
		       struct vfs_dentry **out)
{
	struct vfs_dentry *dentry = vfs__dentry_alloc(im->thread, NULL, NULL);
	struct vfs_inode *inode;

	if (!dentry)
		return -ENOMEM;
	inode = vfs__hostfile_inode(super, &im->st);
	if (!inode) {
		vfs__dentry_unref(im->thread, dentry);
		return -ENOMEM;
	}
	fill_host(im, dev, vfs__hostfile(inode));
	vfs__dentry_instantiate(dentry, inode, 0);
	*out = dentry;
	return 0;
}

/* An open file with one reference; on success the descriptor is its own. */
static int make_file(struct import *im, struct vfs_file **out)
{
	struct vfs *vfs = im->task->vfs;
	struct vfs_file *file = vfs__file_reserve(im->thread);
	struct vfs_cred *cred;
	struct vfs__path path;
	uint64_t dev;
	int err = file ? 0 : -ENOMEM;

	if (!err)
		err = mount_get(im->thread, vfs, im->rdonly, &path.mnt);
	if (!err)
		err = find_dev(im->thread, vfs, im->st.st_dev, &dev);
	if (!err)
		err = make_dentry(im, path.mnt->super, dev, &path.dentry);
	if (err) {
		vfs__file_discard(im->thread, file);
		return err;
	}
	vfs__mount_ref(im->thread, path.mnt);
	cred = vfs__task_cred(im->thread, im->task);
	vfs__file_init(file, vfs, &path, cred, im->flags, file_mode(im));
	vfs__task_cred_put(im->thread, cred);
	if (file->mode & VFS__FILE_HOST)
		file->host = vfs__hostfile(file->inode);
	if (im->kind == VFS__HOST_REGULAR) {
		int64_t at = vfs__host_seek(im->fd, 0, SEEK_CUR);

		file->position = at < 0 ? 0 : at;
	}
	vfs__host_cloexec(im->fd);
	*out = file;
	return 0;
}

/* ---- one terminal, one open file ---- */

static bool is_terminal(const struct import *im, const struct vfs_file *file)
{
	const struct vfs__hostfile *host;

	if (!(vfs__file_mode(file) & VFS__FILE_HOST) ||
	    !vfs__inode_is_foreign(file->inode))
		return false;
	host = file->host;
	return host->kind == VFS__HOST_TERMINAL && host->rdonly == im->rdonly &&
	       host->host_dev == im->st.st_dev &&
	       file->inode->ino == im->st.st_ino &&
	       host->rdev == im->st.st_rdev &&
	       !((VFS_READ_ONCE(file->flags) ^ im->flags) & O_ACCMODE);
}

/* The task's open file of the same terminal, referenced, or NULL. */
static struct vfs_file *find_terminal(const struct import *im)
{
	struct vfs_file *file;
	int fd = -1;

	if (im->kind != VFS__HOST_TERMINAL)
		return NULL;
	while ((fd = vfs__fd_next(im->thread, im->task, (uint32_t)fd + 1)) >=
	       0) {
		file = vfs__fd_get(im->thread, im->task, fd);
		if (!file)
			continue;
		if (is_terminal(im, file))
			return file;
		vfs__file_unref(im->thread, file);
	}
	return NULL;
}

int vfs__import(struct vfs__thread *thread, struct vfs_task *task, int host_fd,
		uint32_t flags)
{
	struct import im = {
		.thread = thread,
		.task = task,
		.fd = host_fd,
		.rdonly = flags & VFS_IMPORT_RDONLY,
	};
	struct vfs__fdtable *table;
	struct vfs_file *file;
	int fd, err = look_at(&im);

	if (err)
		return err;
	fd = vfs__fd_reserve(thread, task, 0, &table);
	if (fd < 0)
		return fd;
	file = find_terminal(&im);
	if (!file)
		err = make_file(&im, &file);
	else if (file->host->fd != host_fd)
		vfs__host_close(host_fd);
	if (err) {
		vfs__fd_release(thread, table, fd);
		return err;
	}
	vfs__fd_fill(thread, table, fd, file, flags & VFS_IMPORT_CLOEXEC);
	return fd;
}

/* ---- opened again ---- */

static int open_flags(const struct vfs__hostfile *host, uint32_t flags)
{
	const uint32_t gone = O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;

	/* nobody may be made to wait where he cannot be woken */
	if (host->kind != VFS__HOST_REGULAR)
		flags |= O_NONBLOCK;
	return (int)(flags & ~gone);
}

/* The host would ask what the process may do; what was handed in is less than
 * that, and must not become more. */
static bool grants(const struct vfs__hostfile *host, uint32_t flags)
{
	uint32_t wanted = flags & O_ACCMODE;

	if (wanted == O_ACCMODE || host->access == O_ACCMODE)
		return false;
	if (reads(wanted) && !reads(host->access))
		return false;
	return !(writes(wanted) || (flags & O_TRUNC)) || writes(host->access);
}

int vfs__hostfile_open(struct vfs__thread *thread, struct vfs_task *task,
		       struct vfs_inode *inode, uint32_t flags,
		       struct vfs_file **out)
{
	struct vfs__hostfile *host = vfs__hostfile(inode);
	struct import im = {
		.thread = thread,
		.task = task,
		.rdonly = host->rdonly,
		.ours = host->kind != VFS__HOST_REGULAR,
	};
	int err;

	if (!grants(host, flags))
		return -EACCES;
	if (!vfs__hostfile_take(host))
		return -ENXIO;
	im.fd = vfs__host_reopen(host->fd, open_flags(host, flags));
	err = im.fd < 0 ? im.fd : 0;
	if (!err && (flags & O_TRUNC) && host->kind == VFS__HOST_REGULAR)
		err = vfs__host_truncate(host->fd, 0, 0);
	vfs__hostfile_give(host);
	if (im.fd < 0)
		return err == -ENOENT ? -ENXIO : err;
	if (!err)
		err = look_at(&im);
	im.flags = (im.flags & ~(uint32_t)O_NONBLOCK) | (flags & O_NONBLOCK);
	if (!err)
		err = make_file(&im, out);
	if (err)
		vfs__host_close(im.fd);
	return err;
}

/* ---- opened by a backend ---- */

int vfs__hostfile_attach(struct vfs__thread *thread, struct vfs_file *file)
{
	struct vfs__hostfile *host = vfs__mem_alloc(thread, sizeof(*host));
	struct vfs_inode *inode = file->inode;
	struct import im = {.thread = thread, .fd = -1, .ours = true};
	int err;

	file->mode &= ~(VFS__FILE_DEVICE | VFS__FILE_SEEKABLE);
	if (!host)
		return -ENOMEM;
	err = file->flags & O_DIRECT ? -EINVAL : 0;
	if (!err)
		err = inode->ops->open_host(inode, file, &im.fd);
	if (err) {
		vfs__mem_free(thread, host, sizeof(*host));
		return err;
	}
	file->mode |= VFS__FILE_OPENED | VFS__FILE_HOST;
	file->host = host;
	memset(host, 0, sizeof(*host));
	vfs__mutex_init(&host->lock);
	/* closed with the file, whatever it turns out to be */
	host->fd = host->own = im.fd;
	host->users = 1;
	err = look_at(&im);
	if (!err && im.kind != VFS__HOST_TERMINAL &&
	    im.kind != VFS__HOST_DEVICE)
		err = -EIO;
	if (!err)
		fill_host(&im, 0, host);
	vfs__host_cloexec(im.fd);
	return err;
}

void vfs__hostfile_detach(struct vfs__thread *thread, struct vfs_file *file)
{
	struct vfs__hostfile *host = file->host;

	if (vfs__inode_is_foreign(file->inode))
		return;
	vfs__hostfile_give(host);
	vfs__mem_free(thread, host, sizeof(*host));
}

/* ---- the rest ---- */

int64_t vfs__hostfile_describe(struct vfs_inode *inode, char *out, size_t size)
{
	struct vfs__hostfile *host = vfs__hostfile(inode);
	unsigned long long ino = inode->ino;
	int64_t len = -ENOENT;

	switch (host->kind) {
	case VFS__HOST_PIPE:
		return snprintf(out, size, "pipe:[%llu]", ino);
	case VFS__HOST_SOCKET:
		return snprintf(out, size, "socket:[%llu]", ino);
	case VFS__HOST_REGULAR:
		return snprintf(out, size, "file:[%llu]", ino);
	default:
		break;
	}
	/* ttyname(3) asks for it */
	if (vfs__hostfile_take(host)) {
		len = vfs__host_name(host->fd, out, size);
		vfs__hostfile_give(host);
	}
	if (len > 0 && out[0] == '/')
		return len;
	return snprintf(out, size, "char:[%u:%u]", major(host->rdev),
			minor(host->rdev));
}

int vfs__hostfile_syncfs(struct vfs_inode *inode)
{
	return vfs__host_syncfs(vfs__hostfile(inode)->fd);
}

int vfs__hostfile_statfs(struct vfs_inode *inode, struct vfs_statfs *out)
{
	struct vfs__hostfile *host = vfs__hostfile(inode);
	int err;

	if (!vfs__hostfile_take(host))
		return -ESTALE;
	err = vfs__host_statfs(host->fd, out);
	vfs__hostfile_give(host);
	return err;
}
