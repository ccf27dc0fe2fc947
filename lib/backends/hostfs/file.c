/* SPDX-License-Identifier: MIT */
/*
 * Open files, and their bytes. Contract: backend.h.
 *
 * A file's private word is a real descriptor of the host, which the inode knows
 * of as long as it is open: a file whose names are all gone is reached by
 * it. Sizes that writing makes are known without asking; times and blocks are
 * asked for when somebody wants them.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <string.h>

#include "hostfs.h"

#define STATUS ((uint32_t)(O_APPEND | O_DIRECT))
#define PASSED_ON (STATUS | (uint32_t)(O_SYNC | O_DSYNC | O_NOATIME))

/* ---- opening ---- */

static int open_dir(struct vfs_inode *inode, struct hostfs_fd *handle)
{
	struct hostfs_super *s = hostfs_of(inode);

	return hostfs_openat2(s, handle->fd, ".", O_RDONLY | O_DIRECTORY, 0);
}

/* The host's form of flags; O_ACCMODE itself is for ioctl only. */
static int host_flags(uint32_t flags)
{
	int how = (int)(flags & (O_ACCMODE | PASSED_ON)) | O_NONBLOCK;

	return (how & O_ACCMODE) == O_ACCMODE ? how & ~O_ACCMODE : how;
}

static int open_regular(struct vfs_inode *inode, struct hostfs_fd *handle,
			uint32_t flags)
{
	struct hostfs_super *s = hostfs_of(inode);
	int how = host_flags(flags);
	int fd = hostfs_reopen(s, handle->fd, how);

	/* the owner is whoever libvfs says; the host may see another */
	if (fd == -EPERM && (how & O_NOATIME))
		fd = hostfs_reopen(s, handle->fd, how & ~O_NOATIME);
	return fd;
}

static int open_anew(struct vfs_inode *inode, uint32_t flags,
		     struct hostfs_fd **out)
{
	struct hostfs_fd *handle;
	int err = hostfs_handle(inode, &handle);
	int fd;

	if (err)
		return err;
	fd = S_ISDIR(hostfs_mode(inode)) ? open_dir(inode, handle)
					 : open_regular(inode, handle, flags);
	hostfs_fd_unref(handle);
	if (fd < 0)
		return fd;
	*out = hostfs_fd_wrap(hostfs_of(inode), fd,
			      host_flags(flags) & O_ACCMODE);
	if (!*out)
		return -ENOMEM;
	(*out)->status = flags & STATUS;
	return 0;
}

/* What cannot be asked for of a descriptor that is open already. */
static bool is_special(uint32_t flags)
{
	return flags & (O_SYNC | O_DSYNC | O_NOATIME | O_DIRECT);
}

static int hostfs_open(struct vfs_inode *inode, struct vfs_file *file)
{
	uint32_t flags = vfs_file_flags(file);
	struct hostfs_fd *fd = NULL;
	int err = 0;

	/* a file that was made for this has been opened, too: nothing can go
	 * wrong between the two */
	if (S_ISREG(hostfs_mode(inode)) && !is_special(flags))
		fd = hostfs_take_made(inode);
	if (!fd)
		err = open_anew(inode, flags, &fd);
	if (err)
		return err;
	vfs_file_set_private(file, fd);
	hostfs_add_opened(inode, fd);
	return 0;
}

static void hostfs_release(struct vfs_inode *inode, struct vfs_file *file)
{
	hostfs_remove_opened(inode, vfs_file_private(file));
}

/* F_SETFL changed what the host has to know. */
static int sync_status(struct hostfs_super *s, struct hostfs_fd *fd,
		       const struct vfs_file *file)
{
	uint32_t flags = vfs_file_flags(file) & STATUS;
	int err;

	if (__builtin_expect(VFS_READ_ONCE(fd->status) == flags, 1))
		return 0;
	err = hostfs_set_status(s, fd->fd, (int)flags | O_NONBLOCK);
	if (!err)
		VFS_WRITE_ONCE(fd->status, flags);
	return err;
}

/* ---- reading and writing ---- */

static int64_t hostfs_read(struct vfs_inode *inode, struct vfs_file *file,
			   void *buffer, size_t count, int64_t offset)
{
	struct hostfs_super *s = hostfs_of(inode);
	struct hostfs_fd *fd = vfs_file_private(file);
	int err = sync_status(s, fd, file);

	return err ? err : hostfs_pread(s, fd->fd, buffer, count, offset);
}

/* The file ends at `end` now, or further on. inode is locked. */
static void grown_to(struct vfs_inode *inode, int64_t end)
{
	struct vfs_stat stat = {.size = end};

	hostfs_changed_to(inode, &stat,
			  end > VFS_READ_ONCE(inode->size) ? STATX_SIZE : 0);
}

static int64_t hostfs_write(struct vfs_inode *inode, struct vfs_file *file,
			    const void *buffer, size_t count, int64_t offset)
{
	struct hostfs_super *s = hostfs_of(inode);
	struct hostfs_fd *fd = vfs_file_private(file);
	int64_t n = sync_status(s, fd, file);

	if (!n)
		n = hostfs_pwrite(s, fd->fd, buffer, count, offset);
	if (n > 0)
		grown_to(inode, offset + n);
	else
		hostfs_changed(inode);
	return n;
}

static int hostfs_truncate(struct vfs_inode *inode, int64_t size)
{
	struct vfs_stat stat = {.size = size};
	struct hostfs_super *s = hostfs_of(inode);
	struct hostfs_fd *fd;
	int err = hostfs_real(inode, true, &fd);

	if (err)
		return err;
	err = hostfs_truncate_fd(s, fd->fd, size);
	hostfs_fd_unref(fd);
	if (!err)
		hostfs_changed_to(inode, &stat, STATX_SIZE);
	return err;
}

/* How long a file of size is afterwards. */
static int64_t size_after(int mode, int64_t size, int64_t offset,
			  int64_t length)
{
	if (mode & FALLOC_FL_COLLAPSE_RANGE)
		return size - length;
	if (mode & FALLOC_FL_INSERT_RANGE)
		return size + length;
	if (mode & FALLOC_FL_KEEP_SIZE)
		return size;
	return offset + length > size ? offset + length : size;
}

static int hostfs_fallocate(struct vfs_inode *inode, int mode, int64_t offset,
			    int64_t length)
{
	struct hostfs_super *s = hostfs_of(inode);
	struct vfs_stat stat;
	struct hostfs_fd *fd;
	int err = hostfs_real(inode, true, &fd);

	if (err)
		return err;
	err = hostfs_fallocate_fd(s, fd->fd, mode, offset, length);
	hostfs_fd_unref(fd);
	/* the core tells of the new size at once */
	stat.size =
		size_after(mode, VFS_READ_ONCE(inode->size), offset, length);
	hostfs_changed_to(inode, &stat, err ? 0 : STATX_SIZE);
	return err;
}

static int64_t hostfs_seek(struct vfs_inode *inode, int64_t offset, int whence)
{
	struct hostfs_super *s = hostfs_of(inode);
	struct hostfs_fd *fd;
	int64_t at = hostfs_real(inode, false, &fd);

	/* a file that is open for writing only has holes, too */
	if (at == -EACCES)
		at = hostfs_real(inode, true, &fd);
	if (at)
		return at;
	at = hostfs_lseek(s, fd->fd, offset, whence);
	hostfs_fd_unref(fd);
	return at;
}

static int hostfs_fsync(struct vfs_inode *inode, struct vfs_file *file,
			int datasync)
{
	struct hostfs_fd *fd = vfs_file_private(file);

	return hostfs_fsync_fd(hostfs_of(inode), fd->fd, datasync);
}

static int64_t hostfs_copy_range(struct vfs_inode *in, struct vfs_file *in_file,
				 int64_t in_offset, struct vfs_inode *out,
				 struct vfs_file *out_file, int64_t out_offset,
				 size_t length)
{
	struct hostfs_fd *from = vfs_file_private(in_file);
	struct hostfs_fd *to = vfs_file_private(out_file);
	int64_t n = hostfs_copy(hostfs_of(out), from->fd, in_offset, to->fd,
				out_offset, length);

	(void)in; /* its time of access is the host's, and the core's to ask */
	/* nothing at all is how some file systems say that they cannot */
	if (n == -EXDEV || n == -EINVAL || n == -ENOSYS || !n)
		return -EOPNOTSUPP;
	if (n > 0)
		grown_to(out, out_offset + n);
	return n;
}

/* ---- mappings ---- */

/* A mapping keeps its file open. */
static int hostfs_mmap(struct vfs_inode *inode, struct vfs_file *file,
		       int *host_fd)
{
	const struct hostfs_fd *fd = vfs_file_private(file);

	(void)inode;
	*host_fd = fd->fd;
	return 0;
}

static void hostfs_mmap_sync(struct vfs_inode *inode)
{
	hostfs_changed(inode);
}

/* ---- tables ---- */

const struct vfs_inode_ops hostfs_file_ops = {
	.size = sizeof(hostfs_file_ops),
	.setattr = hostfs_setattr,
	.getxattr = hostfs_getxattr,
	.setxattr = hostfs_setxattr,
	.listxattr = hostfs_listxattr,
	.removexattr = hostfs_removexattr,
	.open = hostfs_open,
	.release = hostfs_release,
	.read = hostfs_read,
	.write = hostfs_write,
	.truncate = hostfs_truncate,
	.fallocate = hostfs_fallocate,
	.seek = hostfs_seek,
	.fsync = hostfs_fsync,
	.mmap = hostfs_mmap,
	.mmap_sync = hostfs_mmap_sync,
	.refresh = hostfs_refresh,
	.copy_range = hostfs_copy_range,
};

const struct vfs_inode_ops hostfs_dir_ops = {
	.size = sizeof(hostfs_dir_ops),
	.lookup = hostfs_lookup,
	.create = hostfs_create,
	.link = hostfs_link,
	.remove = hostfs_remove,
	.rename = hostfs_rename,
	.tmpfile = hostfs_tmpfile,
	.iterate = hostfs_iterate,
	.setattr = hostfs_setattr,
	.getxattr = hostfs_getxattr,
	.setxattr = hostfs_setxattr,
	.listxattr = hostfs_listxattr,
	.removexattr = hostfs_removexattr,
	.open = hostfs_open,
	.release = hostfs_release,
	.fsync = hostfs_fsync,
	.revalidate = hostfs_revalidate,
	.refresh = hostfs_refresh,
};

/* Symlinks, and what the core serves: FIFOs, sockets, devices. */
const struct vfs_inode_ops hostfs_other_ops = {
	.size = sizeof(hostfs_other_ops),
	.setattr = hostfs_setattr,
	.getxattr = hostfs_getxattr,
	.setxattr = hostfs_setxattr,
	.listxattr = hostfs_listxattr,
	.removexattr = hostfs_removexattr,
	.refresh = hostfs_refresh,
};
