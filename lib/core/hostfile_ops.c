/* SPDX-License-Identifier: MIT */
/*
 * Inodes of imported descriptors: attributes, and the data of regular files.
 * Contract: hostfile.h. Whoever comes with an open file has the descriptor kept
 * open by it; an operation on the inode alone keeps it open itself.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/hostfile.h"
#include "core/inode_stat.h"
#include "core/instance.h"

#define USER_PREFIX "user."
#define USER_PREFIX_LEN (sizeof(USER_PREFIX) - 1)

/* What is left of a file whose descriptor is closed. */
#define GONE (-ESTALE)

bool vfs__hostfile_take(struct vfs__hostfile *host)
{
	uint32_t users = VFS_READ_ONCE(host->users);

	do {
		if (!users)
			return false;
	} while (!__atomic_compare_exchange_n(&host->users, &users, users + 1,
					      true, __ATOMIC_ACQUIRE,
					      __ATOMIC_RELAXED));
	return true;
}

void vfs__hostfile_give(struct vfs__hostfile *host)
{
	if (__atomic_sub_fetch(&host->users, 1, __ATOMIC_ACQ_REL))
		return;
	if (host->own >= 0 && host->own != host->fd)
		vfs__host_close(host->own);
	vfs__host_close(host->fd);
}

/* ---- attributes ---- */

static struct vfs_timespec time_of(const struct timespec *ts)
{
	return (struct vfs_timespec){ts->tv_sec, (uint32_t)ts->tv_nsec, 0};
}

#define KNOWN                                                            \
	(STATX_MODE | STATX_UID | STATX_GID | STATX_NLINK | STATX_SIZE | \
	 STATX_BLOCKS | STATX_ATIME | STATX_MTIME | STATX_CTIME)

/* What the host has said; mask: as far as it was asked. */
static void publish(struct vfs_inode *inode, const struct stat *st)
{
	struct vfs__hostfile *host = vfs__hostfile(inode);
	const struct vfs_stat stat = {
		.mode = st->st_mode,
		.uid = st->st_uid,
		.gid = st->st_gid,
		.nlink = (uint32_t)st->st_nlink,
		.size = st->st_size,
		.blocks = st->st_blocks,
		.atime = time_of(&st->st_atim),
		.mtime = time_of(&st->st_mtim),
		.ctime = time_of(&st->st_ctim),
	};

	vfs__mutex_lock(&host->lock, VFS__RANK_LEAF);
	vfs_inode_set_stat(inode, &stat, KNOWN);
	vfs__mutex_unlock(&host->lock, VFS__RANK_LEAF);
	vfs_inode_set_flags(inode, 0, VFS_INODE_STALE);
}

static void set_size(struct vfs_inode *inode, int64_t size)
{
	struct vfs__hostfile *host = vfs__hostfile(inode);
	const struct vfs_stat stat = {.size = size};

	vfs__mutex_lock(&host->lock, VFS__RANK_LEAF);
	vfs_inode_set_stat(inode, &stat, STATX_SIZE);
	vfs__mutex_unlock(&host->lock, VFS__RANK_LEAF);
}

static int host_refresh(struct vfs_inode *inode)
{
	struct vfs__hostfile *host = vfs__hostfile(inode);
	struct stat st;
	int err;

	/* who has the place alone sees what was last */
	if (!vfs__hostfile_take(host))
		return 0;
	err = vfs__host_stat(host->fd, &st);
	if (!err)
		publish(inode, &st);
	vfs__hostfile_give(host);
	return err;
}

/* The rest the inode says, which was brought up to date just now. */
static int host_getattr(struct vfs_inode *inode, struct vfs_stat *out)
{
	out->dev = vfs__hostfile(inode)->dev;
	out->blksize = vfs__hostfile(inode)->blksize;
	return 0;
}

/* The owner, whom the mode follows: all or nothing. */
static int change_owner(struct vfs_inode *inode, int fd,
			const struct vfs_attr *attr)
{
	bool mode = attr->mask & VFS_ATTR_MODE;
	int err = mode ? vfs__host_chmod(fd, attr->mode) : 0;

	if (err)
		return err;
	err = vfs__host_chown(
		fd, attr->mask & VFS_ATTR_UID ? attr->uid : UINT32_MAX,
		attr->mask & VFS_ATTR_GID ? attr->gid : UINT32_MAX);
	if (err && mode)
		(void)vfs__host_chmod(fd, VFS_READ_ONCE(inode->mode));
	return err;
}

static int host_setattr(struct vfs_inode *inode, const struct vfs_attr *attr)
{
	struct vfs__hostfile *host = vfs__hostfile(inode);
	uint32_t mask = attr->mask;
	int err = 0;

	if (!vfs__hostfile_take(host))
		return GONE;
	if (mask & (VFS_ATTR_UID | VFS_ATTR_GID))
		err = change_owner(inode, host->fd, attr);
	else if (mask & VFS_ATTR_MODE)
		err = vfs__host_chmod(host->fd, attr->mode);
	else if (mask & (VFS_ATTR_ATIME | VFS_ATTR_MTIME))
		err = vfs__host_utimens(
			host->fd, mask & VFS_ATTR_ATIME ? &attr->atime : NULL,
			mask & VFS_ATTR_MTIME ? &attr->mtime : NULL);
	vfs__hostfile_give(host);
	vfs_inode_set_flags(inode, VFS_INODE_STALE, 0);
	/* set-id bits before a write: who may not change the mode on the host
	 * is one whose write takes them away there */
	return err == -EPERM && mask == VFS_ATTR_MODE ? 0 : err;
}

/* ---- extended attributes: those of users ---- */

static bool is_user(const char *name)
{
	return !strncmp(name, USER_PREFIX, USER_PREFIX_LEN);
}

/* 0: the descriptor stays open, to be asked for it, until it is given back. */
static int take_for(struct vfs__hostfile *host, const char *name)
{
	if (!is_user(name))
		return -EOPNOTSUPP;
	return vfs__hostfile_take(host) ? 0 : GONE;
}

static int64_t host_getxattr(struct vfs_inode *inode, const char *name,
			     void *value, size_t size)
{
	struct vfs__hostfile *host = vfs__hostfile(inode);
	int64_t n = take_for(host, name);

	if (n)
		return n;
	n = vfs__host_getxattr(host->fd, name, value, size);
	vfs__hostfile_give(host);
	return n;
}

static int host_setxattr(struct vfs_inode *inode, const char *name,
			 const void *value, size_t size, int flags)
{
	struct vfs__hostfile *host = vfs__hostfile(inode);
	int err = take_for(host, name);

	if (err)
		return err;
	err = vfs__host_setxattr(host->fd, name, value, size, flags);
	vfs__hostfile_give(host);
	return err;
}

static int host_removexattr(struct vfs_inode *inode, const char *name)
{
	struct vfs__hostfile *host = vfs__hostfile(inode);
	int err = take_for(host, name);

	if (err)
		return err;
	err = vfs__host_removexattr(host->fd, name);
	vfs__hostfile_give(host);
	return err;
}

/* Moves the users' names of all[0..len) to its front; their length. */
static size_t keep_users(char *all, size_t len)
{
	size_t kept = 0, size;

	for (size_t at = 0; at < len; at += size) {
		size = strlen(all + at) + 1;
		if (!is_user(all + at))
			continue;
		memmove(all + kept, all + at, size);
		kept += size;
	}
	return kept;
}

static int64_t list_users(struct vfs *vfs, int fd, char *list, size_t size)
{
	size_t room = 0;
	char *all = NULL;
	int64_t len;

	/* another may come between the two questions */
	do {
		vfs_free(vfs, all, room);
		len = vfs__host_listxattr(fd, NULL, 0);
		if (len <= 0)
			return len;
		room = (size_t)len;
		all = vfs_alloc(vfs, room);
		if (!all)
			return -ENOMEM;
		len = vfs__host_listxattr(fd, all, room);
	} while (len == -ERANGE);
	if (len > 0)
		len = (int64_t)keep_users(all, (size_t)len);
	if (len > 0 && size) {
		if ((uint64_t)len > size)
			len = -ERANGE;
		else
			memcpy(list, all, (size_t)len);
	}
	vfs_free(vfs, all, room);
	return len;
}

static int64_t host_listxattr(struct vfs_inode *inode, char *list, size_t size)
{
	struct vfs__hostfile *host = vfs__hostfile(inode);
	int64_t n;

	if (!vfs__hostfile_take(host))
		return GONE;
	n = list_users(inode->super->vfs, host->fd, list, size);
	vfs__hostfile_give(host);
	return n;
}

/* ---- open files ---- */

static void host_release(struct vfs_inode *inode, struct vfs_file *file)
{
	struct vfs__hostfile *host = vfs__hostfile(inode);
	struct stat st;

	(void)file;
	/* what is shown from now on to who has the place alone */
	if (!vfs__host_stat(host->fd, &st))
		publish(inode, &st);
	vfs__hostfile_give(host);
}

static int host_fsync(struct vfs_inode *inode, struct vfs_file *file,
		      int datasync)
{
	(void)file;
	return vfs__host_sync(vfs__hostfile(inode)->fd, datasync);
}

static int64_t host_read(struct vfs_inode *inode, struct vfs_file *file,
			 void *buffer, size_t count, int64_t offset)
{
	const struct vfs_iovec iov = {buffer, count};

	(void)file;
	return vfs__host_readv(vfs__hostfile(inode)->fd, &iov, 1, offset, 0);
}

/* A signal would be the process's end, of which the caller knows nothing. */
static uint32_t limit_flag(const struct vfs__hostfile *host)
{
	return host->limited ? VFS__HOST_LIMITED : 0;
}

/* The host's description may append, and the open file may not, or the other
 * way round. */
static uint32_t write_flags(const struct vfs__hostfile *host,
			    const struct vfs_file *file)
{
	if (VFS_READ_ONCE(file->flags) & O_APPEND)
		return VFS__HOST_APPEND;
	return host->appends ? VFS__HOST_INPLACE : 0;
}

static int64_t host_write(struct vfs_inode *inode, struct vfs_file *file,
			  const void *buffer, size_t count, int64_t offset)
{
	const struct vfs_iovec iov = {(void *)(uintptr_t)buffer, count};
	struct vfs__hostfile *host = vfs__hostfile(inode);
	int64_t n =
		vfs__host_writev(host->fd, &iov, 1, offset,
				 write_flags(host, file) | limit_flag(host));

	if (n > 0 && offset + n > VFS_READ_ONCE(inode->size))
		set_size(inode, offset + n);
	return n;
}

static int host_truncate(struct vfs_inode *inode, int64_t size)
{
	struct vfs__hostfile *host = vfs__hostfile(inode);
	int err;

	if (!vfs__hostfile_take(host))
		return GONE;
	err = vfs__host_truncate(host->fd, size, limit_flag(host));
	vfs__hostfile_give(host);
	if (!err)
		set_size(inode, size);
	return err;
}

static int host_fallocate(struct vfs_inode *inode, int mode, int64_t offset,
			  int64_t length)
{
	struct vfs__hostfile *host = vfs__hostfile(inode);
	int err = vfs__host_allocate(host->fd, mode, offset, length,
				     limit_flag(host));

	return err ? err : host_refresh(inode);
}

/* Asking moves a position, which is not to be that of the description that was
 * imported. Where there is no /proc it is, for a moment; the open file's
 * position_lock keeps a second question away. */
static int64_t host_seek(struct vfs_inode *inode, int64_t offset, int whence)
{
	int fd = vfs__hostfile(inode)->fd;
	int other = vfs__host_reopen(fd, O_RDONLY);
	int64_t before, at;

	if (other >= 0) {
		at = vfs__host_seek(other, offset, whence);
		vfs__host_close(other);
		return at;
	}
	before = vfs__host_seek(fd, 0, SEEK_CUR);
	at = vfs__host_seek(fd, offset, whence);
	if (at >= 0 && before >= 0)
		(void)vfs__host_seek(fd, before, SEEK_SET);
	return at;
}

/* The mapping keeps the open file, and that the descriptor. */
static int host_mmap(struct vfs_inode *inode, struct vfs_file *file,
		     int *host_fd)
{
	(void)file;
	*host_fd = vfs__hostfile(inode)->fd;
	return 0;
}

static const struct vfs_inode_ops file_ops = {
	.size = sizeof(struct vfs_inode_ops),
	.setattr = host_setattr,
	.getattr = host_getattr,
	.getxattr = host_getxattr,
	.setxattr = host_setxattr,
	.listxattr = host_listxattr,
	.removexattr = host_removexattr,
	.release = host_release,
	.read = host_read,
	.write = host_write,
	.truncate = host_truncate,
	.fallocate = host_fallocate,
	.seek = host_seek,
	.fsync = host_fsync,
	.mmap = host_mmap,
	.refresh = host_refresh,
};

/* Reading, writing and the like are not by the inode. */
static const struct vfs_inode_ops stream_ops = {
	.size = sizeof(struct vfs_inode_ops),
	.setattr = host_setattr,
	.getattr = host_getattr,
	.release = host_release,
	.fsync = host_fsync,
	.refresh = host_refresh,
};

struct vfs_inode *vfs__hostfile_inode(struct vfs_super *super,
				      const struct stat *st)
{
	bool regular = S_ISREG(st->st_mode);
	struct vfs_inode *inode =
		vfs_inode_create(super, regular ? &file_ops : &stream_ops,
				 st->st_ino, st->st_mode);

	if (!inode)
		return NULL;
	inode->btime_packed = INT64_MIN; /* not asked for */
	if (S_ISCHR(st->st_mode))
		inode->rdev = st->st_rdev;
	vfs__mutex_init(&vfs__hostfile(inode)->lock);
	vfs__hostfile(inode)->blksize = (uint32_t)st->st_blksize;
	vfs_inode_set_flags(
		inode,
		VFS_INODE_FOREIGN | VFS_INODE_REMOTE | VFS_INODE_VOLATILE, 0);
	publish(inode, st);
	return inode;
}
