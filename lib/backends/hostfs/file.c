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
#include <linux/fs.h>
#include <string.h>

#include "call.h"

#define STATUS ((uint32_t)(O_APPEND | O_DIRECT | O_NOATIME))
#define PASSED_ON (STATUS | (uint32_t)(O_SYNC | O_DSYNC))

/* ---- opening ---- */

static int open_list(struct hostfs_super *s, struct hostfs_fd *handle, int how)
{
	int fd = hostfs_openat2(s, handle->fd, ".", (uint64_t)how, 0);

	/* who may read it, but not go into it */
	return fd == -EACCES ? hostfs_reopen(s, handle->fd, how) : fd;
}

static int open_dir(struct vfs_inode *inode, struct hostfs_fd *handle,
		    uint32_t flags)
{
	struct hostfs_super *s = hostfs_of(inode);
	int how = O_RDONLY | O_DIRECTORY | (int)(flags & O_NOATIME);
	int fd = open_list(s, handle, how);

	/* the owner is whoever libvfs says; the host may see another */
	if (fd == -EPERM && (how & O_NOATIME))
		fd = open_list(s, handle, how & ~O_NOATIME);
	return fd;
}

/* The access that the host's descriptor has. */
static int host_access(uint32_t flags)
{
	/* 3 is for ioctl only */
	return (flags & O_ACCMODE) == O_ACCMODE ? O_RDONLY
						: (int)(flags & O_ACCMODE);
}

static int open_regular(struct vfs_inode *inode, struct hostfs_fd *handle,
			uint32_t flags)
{
	struct hostfs_super *s = hostfs_of(inode);
	int how = host_access(flags) | (int)(flags & PASSED_ON) | O_NONBLOCK;
	int fd = hostfs_reopen(s, handle->fd, how);

	if (fd == -EPERM && (how & O_NOATIME))
		fd = hostfs_reopen(s, handle->fd, how & ~O_NOATIME);
	return fd;
}

static int open_one(struct vfs_inode *inode, struct hostfs_fd *handle,
		    uint32_t flags, struct hostfs_fd **out)
{
	struct hostfs_super *s = hostfs_of(inode);
	int access = host_access(flags);
	int fd = S_ISDIR(hostfs_mode(inode))
			 ? open_dir(inode, handle, flags)
			 : open_regular(inode, handle, flags);

	/* whoever makes a file may use it so, whatever its mode allows */
	if (fd == -EACCES && handle->access == O_RDWR)
		return hostfs_fd_copy(s, handle, access, out);
	if (fd < 0)
		return fd;
	*out = hostfs_fd_wrap(s, fd, access);
	if (!*out)
		return -ENOMEM;
	(*out)->status = flags & STATUS;
	return 0;
}

/* How large a file may be: the furthest place that the host goes to. Asked for
 * once, of the first file that is opened. */
static void ask_size(struct vfs_super *super, int fd)
{
	struct hostfs_super *s = hostfs_super(super);
	int64_t low = 0, high = INT64_MAX;
	int64_t at = hostfs_lseek(s, fd, high, SEEK_SET);

	if (at == high)
		low = high;
	else if (at != -EINVAL)
		return;
	while (low < high) {
		int64_t middle = low + (high - low) / 2 + 1;

		if (hostfs_lseek(s, fd, middle, SEEK_SET) == middle)
			low = middle;
		else
			high = middle - 1;
	}
	if (low < super->max_file_size)
		VFS_WRITE_ONCE(super->max_file_size, low);
	VFS_WRITE_ONCE(s->knows_size, true);
}

static int open_anew(struct vfs_inode *inode, uint32_t flags,
		     struct hostfs_fd **out)
{
	struct hostfs_fd *handle;
	int err = hostfs_handle(inode, &handle);

	if (err)
		return err;
	err = open_one(inode, handle, flags, out);
	hostfs_fd_unref(handle);
	return err;
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
	if (S_ISREG(VFS_READ_ONCE(inode->mode)) &&
	    !VFS_READ_ONCE(hostfs_of(inode)->knows_size))
		ask_size(inode->super, fd->fd);
	vfs_file_set_private(file, fd);
	hostfs_add_opened(inode, fd);
	return 0;
}

/*
 * What was written to is looked at while there is a descriptor of it: the host
 * would have to be asked for another. Where others change files that would say
 * nothing for long.
 */
static void hostfs_release(struct vfs_inode *inode, struct vfs_file *file)
{
	if (hostfs_of(inode)->options.exclusive &&
	    (VFS_READ_ONCE(inode->flags) & VFS_INODE_STALE))
		(void)hostfs_refresh(inode);
	hostfs_remove_opened(inode, vfs_file_private(file));
}

int hostfs_sync_status(struct hostfs_super *s, struct hostfs_fd *fd,
		       const struct vfs_file *file)
{
	uint32_t flags = vfs_file_flags(file) & STATUS;
	struct hostfs_fd *of = fd->lender ? fd->lender : fd;
	int err;

	if (__builtin_expect(VFS_READ_ONCE(of->status) == flags, 1))
		return 0;
	err = hostfs_set_status(s, fd->fd, (int)flags | O_NONBLOCK);
	/* an append-only file's stays what it is */
	if (err == -EPERM && ((flags ^ of->status) & O_APPEND)) {
		flags ^= O_APPEND;
		err = hostfs_set_status(s, fd->fd, (int)flags | O_NONBLOCK);
	}
	if (err == -EPERM && (flags & O_NOATIME))
		err = hostfs_set_status(s, fd->fd,
					(int)(flags & ~(uint32_t)O_NOATIME) |
						O_NONBLOCK);
	if (!err)
		VFS_WRITE_ONCE(of->status, flags);
	return err == -EPERM ? 0 : err;
}

/* ---- reading and writing ---- */

static int64_t hostfs_read(struct vfs_inode *inode, struct vfs_file *file,
			   void *buffer, size_t count, int64_t offset)
{
	struct hostfs_super *s = hostfs_of(inode);
	struct hostfs_fd *fd = vfs_file_private(file);
	int err = hostfs_sync_status(s, fd, file);

	return err ? err : hostfs_pread(s, fd->fd, buffer, count, offset);
}

/* The file ends at `end` now, or further on. inode is locked. */
static void grown_to(struct vfs_inode *inode, int64_t end)
{
	struct vfs_stat stat;

	if (end <= VFS_READ_ONCE(inode->size)) {
		hostfs_changed(inode);
		return;
	}
	stat.size = end;
	hostfs_changed_to(inode, &stat, STATX_SIZE);
}

static int64_t hostfs_write(struct vfs_inode *inode, struct vfs_file *file,
			    const void *buffer, size_t count, int64_t offset)
{
	struct hostfs_super *s = hostfs_of(inode);
	struct hostfs_fd *fd = vfs_file_private(file);
	int64_t n = hostfs_sync_status(s, fd, file);

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
	err = size == VFS_READ_ONCE(inode->size)
		      ? hostfs_truncate_name(s, fd->fd, size)
		      : -EACCES;
	/* what is open for writing needs no permission any more, and no name */
	if (err == -EACCES || err == -EPERM || err == -ENOENT)
		err = hostfs_truncate_fd(s, fd->fd, size);
	hostfs_fd_unref(fd);
	hostfs_changed_to(inode, &stat, err ? 0 : STATX_SIZE);
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

/* Both descriptors of the host's have the flags that the files have now. */
static int sync_both(struct vfs_inode *in, struct vfs_file *in_file,
		     struct vfs_inode *out, struct vfs_file *out_file)
{
	int err = hostfs_sync_status(hostfs_of(in), vfs_file_private(in_file),
				     in_file);

	return err ? err
		   : hostfs_sync_status(hostfs_of(out),
					vfs_file_private(out_file), out_file);
}

static int64_t hostfs_copy_range(struct vfs_inode *in, struct vfs_file *in_file,
				 int64_t in_offset, struct vfs_inode *out,
				 struct vfs_file *out_file, int64_t out_offset,
				 size_t length)
{
	struct hostfs_fd *from = vfs_file_private(in_file);
	struct hostfs_fd *to = vfs_file_private(out_file);
	int64_t n = sync_both(in, in_file, out, out_file);

	if (!n)
		n = hostfs_copy(hostfs_of(out), from->fd, in_offset, to->fd,
				out_offset, length);
	/* what fails may have left its times */
	if (n <= 0) {
		hostfs_changed(in);
		hostfs_changed(out);
	}
	/* nothing at all is how some file systems say that they cannot */
	if (n == -EXDEV || n == -EINVAL || n == -ENOSYS || !n)
		return -EOPNOTSUPP;
	if (n > 0)
		grown_to(out, out_offset + n);
	return n;
}

static int hostfs_clone_range(struct vfs_inode *in, struct vfs_file *in_file,
			      int64_t in_offset, struct vfs_inode *out,
			      struct vfs_file *out_file, int64_t out_offset,
			      int64_t length)
{
	struct hostfs_fd *from = vfs_file_private(in_file);
	struct hostfs_fd *to = vfs_file_private(out_file);
	int err = sync_both(in, in_file, out, out_file);

	if (!err)
		err = hostfs_clone(hostfs_of(out), from->fd, in_offset, to->fd,
				   out_offset, length);
	hostfs_changed(in);
	hostfs_changed(out);
	return err;
}

/* Times of access are not kept, says a flag that is in no attribute. */
static int hostfs_ioctl(struct vfs_inode *inode, struct vfs_file *file,
			uint64_t request, void *argument)
{
	struct hostfs_fd *fd = vfs_file_private(file);
	int flags = 0, err;

	if (request != FS_IOC_GETFLAGS)
		return -ENOTTY;
	err = hostfs_flags(hostfs_of(inode), fd->fd, false, &flags);
	if (err)
		return err;
	vfs_inode_set_flags(inode,
			    flags & FS_NOATIME_FL ? VFS_INODE_NOATIME : 0,
			    flags & FS_NOATIME_FL ? 0 : VFS_INODE_NOATIME);
	*(uint32_t *)argument = (uint32_t)flags;
	return 0;
}

/* ---- mappings ---- */

/* A mapping keeps its file open; it leaves a time of access, or not. */
static int hostfs_mmap(struct vfs_inode *inode, struct vfs_file *file,
		       int *host_fd)
{
	struct hostfs_fd *fd = vfs_file_private(file);
	int err = hostfs_sync_status(hostfs_of(inode), fd, file);

	if (!err)
		*host_fd = fd->fd;
	return err;
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
	.ioctl = hostfs_ioctl,
	.mmap = hostfs_mmap,
	.mmap_sync = hostfs_mmap_sync,
	.refresh = hostfs_refresh,
	.copy_range = hostfs_copy_range,
	.clone_range = hostfs_clone_range,
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
	.ioctl = hostfs_ioctl,
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
