/* SPDX-License-Identifier: MIT */
/*
 * Open files and their data.
 *
 * An open file has a descriptor of the real file. One that was opened for
 * reading before the copy-up reads the lower file until then; from the next
 * read on it has a second descriptor, of the upper file, and so sees what is
 * written. Both are closed with the file, so that a read that is under way
 * keeps its own. One that was upper's from the beginning needs no more than a
 * number; it may be that of the inode's own descriptor, which is open then, and
 * settled when the file is closed.
 *
 * Opening for writing copies up, as does every change. Contract: overlay.h.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <vfs/file.h>

#include "overlay.h"

/* What is kept of how a file was opened. */
#define PASSED (O_ACCMODE | O_SYNC | O_DSYNC)

/* What the file has, if it was a lower layer's when it was opened; of others it
 * is a word with these bits, and the descriptor above them. */
struct overlay_file {
	int fd;	   /* lower's */
	int upper; /* atomic: -1 */
};

#define WORD_UPPER 1u
#define WORD_BORROWED 2u /* the inode's own */
#define WORD_SHIFT 2

void *overlay_upper_word(int fd, bool is_inodes)
{
	uintptr_t word = (uintptr_t)(unsigned)fd << WORD_SHIFT | WORD_UPPER;

	return (void *)(word | (is_inodes ? WORD_BORROWED : 0));
}

static bool is_upper_word(const void *data)
{
	return (uintptr_t)data & WORD_UPPER;
}

static bool is_borrowed(const void *data)
{
	return (uintptr_t)data & WORD_BORROWED;
}

static int upper_fd(const void *data)
{
	return (int)((uintptr_t)data >> WORD_SHIFT);
}

/* ---- the real file ---- */

static bool has_upper_data(const struct overlay_inode *oi)
{
	return overlay_upper(oi) >= 0 &&
	       !(overlay_state(oi) & OVERLAY_METACOPY);
}

/* Where the bytes are. */
static int data_place(const struct overlay_inode *oi)
{
	return has_upper_data(oi) ? overlay_upper(oi)
				  : oi->lower[oi->lower_count - 1].fd;
}

int overlay_open_data(struct overlay_inode *oi, int flags)
{
	int fd = vfs_fault(oi->fs->vfs, "overlay:open");

	if (!fd)
		fd = vfs_layer_reopen(oi->fs->task, data_place(oi), flags);
	return fd == -EMFILE ? -ENFILE : fd;
}

/* The descriptor to read by; between nest calls. */
static int read_fd(struct overlay_inode *oi, void *data)
{
	struct overlay_file *open = data;
	int fd, none = -1;

	if (is_upper_word(data))
		return upper_fd(data);
	if (!has_upper_data(oi))
		return open->fd;
	fd = __atomic_load_n(&open->upper, __ATOMIC_ACQUIRE);
	if (fd >= 0)
		return fd;
	fd = overlay_open_data(oi, O_RDONLY);
	if (fd < 0)
		return fd;
	if (__atomic_compare_exchange_n(&open->upper, &none, fd, false,
					__ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
		return fd;
	overlay_close(oi->fs, fd); /* another thread was faster */
	return none;
}

/* Mode 3 is for neither. */
static bool writes(uint32_t flags)
{
	return (flags & O_ACCMODE) == O_WRONLY || (flags & O_ACCMODE) == O_RDWR;
}

/* ---- open and release ---- */

int overlay_make_ready(struct overlay_inode *oi)
{
	int fd;

	if (!S_ISREG(VFS_READ_ONCE(oi->inode->mode)))
		return 0;
	fd = overlay_open_data(oi, O_RDWR);
	if (fd < 0)
		return fd;
	__atomic_store_n(&oi->ready, overlay_upper_word(fd, false),
			 __ATOMIC_RELEASE);
	return 0;
}

static void file_close(struct overlay_super *fs, void *data)
{
	struct overlay_file *open = data;

	if (!data)
		return;
	if (is_borrowed(data)) {
		(void)vfs_layer_settle(fs->task, upper_fd(data));
		return;
	}
	if (is_upper_word(data)) {
		overlay_close(fs, upper_fd(data));
		return;
	}
	overlay_close(fs, open->fd);
	overlay_close(fs, open->upper);
	vfs_free(fs->vfs, open, sizeof(*open));
}

static void *take_ready(struct overlay_inode *oi)
{
	if (!VFS_READ_ONCE(oi->ready))
		return NULL;
	return __atomic_exchange_n(&oi->ready, NULL, __ATOMIC_ACQ_REL);
}

void overlay_drop_ready(struct overlay_inode *oi)
{
	file_close(oi->fs, take_ready(oi));
}

static int open_lower(struct overlay_inode *oi, int flags, void **out)
{
	struct overlay_super *fs = oi->fs;
	struct overlay_file *open = vfs_alloc(fs->vfs, sizeof(*open));
	int fd;

	if (!open)
		return -ENOMEM;
	fd = overlay_open_data(oi, flags);
	if (fd < 0) {
		vfs_free(fs->vfs, open, sizeof(*open));
		return fd;
	}
	open->fd = fd;
	open->upper = -1;
	*out = open;
	return 0;
}

static int open_upper_file(struct overlay_inode *oi, int flags, void **out)
{
	int fd = overlay_open_data(oi, flags);

	if (fd < 0)
		return fd;
	*out = overlay_upper_word(fd, false);
	return 0;
}

/* flags as in open; *out is untouched on failure. */
static int open_nested(struct overlay_inode *oi, uint32_t flags, void **out)
{
	int passed = (int)(flags & PASSED);
	void *ready = NULL;
	int err = writes(flags) ? overlay_copy_up_ready(oi, &ready) : 0;

	if (!err && !ready)
		ready = take_ready(oi);
	if (!err && ready && !(passed & ~O_ACCMODE)) {
		*out = ready;
		return 0;
	}
	file_close(oi->fs, ready);
	if (err)
		return err;
	return has_upper_data(oi) ? open_upper_file(oi, passed, out)
				  : open_lower(oi, passed, out);
}

static int overlay_open(struct vfs_inode *inode, struct vfs_file *file)
{
	struct vfs *vfs = inode->super->vfs;
	struct vfs_nesting nesting;
	void *data;
	int err;

	vfs_nest_begin(vfs, &nesting);
	err = open_nested(overlay_inode(inode), vfs_file_flags(file), &data);
	vfs_nest_end(vfs, &nesting);
	if (!err)
		vfs_file_set_private(file, data);
	return err;
}

static void overlay_release(struct vfs_inode *inode, struct vfs_file *file)
{
	struct overlay_super *fs = overlay_super(inode->super);
	void *data = vfs_file_private(file);
	struct vfs_nesting nesting;

	if (is_borrowed(data)) {
		file_close(fs, data);
		return;
	}
	vfs_nest_begin(fs->vfs, &nesting);
	file_close(fs, data);
	vfs_nest_end(fs->vfs, &nesting);
}

/* ---- bytes ---- */

static int64_t overlay_read(struct vfs_inode *inode, struct vfs_file *file,
			    void *buffer, size_t count, int64_t offset)
{
	struct overlay_inode *oi = overlay_inode(inode);
	struct vfs_nesting nesting;
	int64_t n;
	int fd;

	vfs_nest_begin(oi->fs->vfs, &nesting);
	fd = read_fd(oi, vfs_file_private(file));
	n = fd < 0 ? fd : vfs_fault(oi->fs->vfs, "overlay:read");
	if (!n)
		n = vfs_pread(oi->fs->task, fd, buffer, count, offset);
	vfs_nest_end(oi->fs->vfs, &nesting);
	return n;
}

/* The size is right at once; the rest when it is asked for. */
static void was_written(struct overlay_inode *oi, int64_t end)
{
	struct vfs_stat st = {.size = end};

	pthread_mutex_lock(&oi->stat_lock);
	if (end > VFS_READ_ONCE(oi->inode->size))
		vfs_inode_set_stat(oi->inode, &st, STATX_SIZE);
	pthread_mutex_unlock(&oi->stat_lock);
	overlay_stale(oi->inode);
}

static int64_t overlay_write(struct vfs_inode *inode, struct vfs_file *file,
			     const void *buffer, size_t count, int64_t offset)
{
	struct overlay_inode *oi = overlay_inode(inode);
	int fd = upper_fd(vfs_file_private(file));
	struct vfs_nesting nesting;
	int64_t n;

	vfs_nest_begin(oi->fs->vfs, &nesting);
	n = vfs_fault(oi->fs->vfs, "overlay:write");
	if (!n)
		n = vfs_pwrite(oi->fs->task, fd, buffer, count, offset);
	vfs_nest_end(oi->fs->vfs, &nesting);
	was_written(oi, n > 0 ? offset + n : 0);
	return n;
}

/* Opens upper's for the time of one call. */
static int open_upper(struct overlay_inode *oi)
{
	int err = overlay_copy_up(oi, OVERLAY_ALL);

	return err ? err : overlay_open_data(oi, O_WRONLY);
}

static int overlay_truncate(struct vfs_inode *inode, int64_t size)
{
	struct overlay_inode *oi = overlay_inode(inode);
	struct overlay_super *fs = oi->fs;
	struct vfs_nesting nesting;
	struct vfs_stat st;
	int fd, err;

	vfs_nest_begin(fs->vfs, &nesting);
	/* all of it: should cutting fail, nothing is lost */
	fd = open_upper(oi);
	err = fd < 0 ? fd : overlay_stat(fs, fd, &st);
	/* as truncate(2): by a descriptor it is always a change */
	if (!err && (st.size != size || st.blocks ||
		     VFS_READ_ONCE(inode->size) != size))
		err = vfs_ftruncate(fs->task, fd, size);
	overlay_close(fs, fd);
	if (err || overlay_publish(oi))
		overlay_stale(inode);
	vfs_nest_end(fs->vfs, &nesting);
	return err;
}

static int overlay_fallocate(struct vfs_inode *inode, int mode, int64_t offset,
			     int64_t length)
{
	struct overlay_inode *oi = overlay_inode(inode);
	struct overlay_super *fs = oi->fs;
	struct vfs_nesting nesting;
	int fd, err;

	vfs_nest_begin(fs->vfs, &nesting);
	fd = open_upper(oi);
	err = fd < 0 ? fd : vfs_fallocate(fs->task, fd, mode, offset, length);
	overlay_close(fs, fd);
	/* a disk that was full in between has left its times */
	if (err || overlay_publish(oi))
		overlay_stale(inode);
	vfs_nest_end(fs->vfs, &nesting);
	return err;
}

static int64_t overlay_seek(struct vfs_inode *inode, int64_t offset, int whence)
{
	struct overlay_inode *oi = overlay_inode(inode);
	struct overlay_super *fs = oi->fs;
	struct vfs_nesting nesting;
	int64_t at;
	int fd;

	vfs_nest_begin(fs->vfs, &nesting);
	fd = overlay_open_data(oi, O_RDONLY);
	at = fd < 0 ? fd : vfs_lseek(fs->task, fd, offset, whence);
	overlay_close(fs, fd);
	vfs_nest_end(fs->vfs, &nesting);
	return at;
}

static int overlay_fsync(struct vfs_inode *inode, struct vfs_file *file,
			 int datasync)
{
	struct overlay_inode *oi = overlay_inode(inode);
	struct overlay_super *fs = oi->fs;
	struct vfs_nesting nesting;
	int fd, err;

	/* what was never written lasts already */
	if (fs->is_volatile || overlay_upper(oi) < 0)
		return 0;
	vfs_nest_begin(fs->vfs, &nesting);
	fd = read_fd(oi, vfs_file_private(file));
	if (fd < 0)
		err = fd;
	else
		err = datasync ? vfs_fdatasync(fs->task, fd)
			       : vfs_fsync(fs->task, fd);
	vfs_nest_end(fs->vfs, &nesting);
	return err;
}

/* Both on one overlay: their real files may share what is copied. */
static int64_t overlay_copy_range(struct vfs_inode *in,
				  struct vfs_file *in_file, int64_t in_offset,
				  struct vfs_inode *out,
				  struct vfs_file *out_file, int64_t out_offset,
				  size_t length)
{
	struct overlay_inode *from = overlay_inode(in),
			     *to = overlay_inode(out);
	int to_fd = upper_fd(vfs_file_private(out_file));
	struct vfs_nesting nesting;
	int64_t n;
	int fd;

	if (from->fs != to->fs)
		return -EOPNOTSUPP;
	vfs_nest_begin(to->fs->vfs, &nesting);
	fd = read_fd(from, vfs_file_private(in_file));
	n = fd < 0 ? fd
		   : vfs_layer_copy(to->fs->task, fd, in_offset, to_fd,
				    out_offset, length);
	vfs_nest_end(to->fs->vfs, &nesting);
	was_written(to, n > 0 ? out_offset + n : 0);
	return n;
}

/* ---- mappings ---- */

/* The descriptor that a mapping shows lives as long as the inode, because the
 * mapping may outlive the open file. lock held. */
static int open_mapped(struct overlay_inode *oi)
{
	int fd;

	if (oi->map_fd >= 0 && oi->map_upper == has_upper_data(oi))
		return 0;
	fd = overlay_open_data(oi, has_upper_data(oi) ? O_RDWR : O_RDONLY);
	if (fd < 0)
		return fd;
	if (oi->map_fd >= 0)
		oi->old_map_fd = oi->map_fd; /* lower's: once */
	oi->map_fd = fd;
	oi->map_upper = has_upper_data(oi);
	return 0;
}

static int overlay_mmap(struct vfs_inode *inode, struct vfs_file *file,
			int *host_fd)
{
	struct overlay_inode *oi = overlay_inode(inode);
	struct vfs_nesting nesting;
	int err;

	(void)file;
	vfs_nest_begin(oi->fs->vfs, &nesting);
	pthread_mutex_lock(&oi->lock);
	err = open_mapped(oi);
	if (!err)
		err = vfs_layer_mmap(oi->fs->task, oi->map_fd, host_fd);
	pthread_mutex_unlock(&oi->lock);
	vfs_nest_end(oi->fs->vfs, &nesting);
	return err;
}

static void overlay_mmap_sync(struct vfs_inode *inode)
{
	struct overlay_inode *oi = overlay_inode(inode);
	struct vfs_nesting nesting;

	vfs_nest_begin(oi->fs->vfs, &nesting);
	pthread_mutex_lock(&oi->lock);
	if (oi->map_fd >= 0)
		(void)vfs_layer_mmap_sync(oi->fs->task, oi->map_fd);
	pthread_mutex_unlock(&oi->lock);
	if (overlay_publish(oi))
		overlay_stale(inode);
	vfs_nest_end(oi->fs->vfs, &nesting);
}

/* ---- tables ---- */

#define EVERY_TYPE                                                          \
	.size = sizeof(struct vfs_inode_ops), .setattr = overlay_setattr,   \
	.getxattr = overlay_getxattr, .setxattr = overlay_setxattr,         \
	.listxattr = overlay_listxattr, .removexattr = overlay_removexattr, \
	.refresh = overlay_refresh, .accessed = overlay_accessed

#define REGULAR                                                           \
	EVERY_TYPE, .open = overlay_open, .release = overlay_release,     \
		    .read = overlay_read, .write = overlay_write,         \
		    .truncate = overlay_truncate,                         \
		    .fallocate = overlay_fallocate, .seek = overlay_seek, \
		    .fsync = overlay_fsync, .mmap = overlay_mmap,         \
		    .mmap_sync = overlay_mmap_sync,                       \
		    .copy_range = overlay_copy_range

const struct vfs_inode_ops overlay_dir_ops = {
	EVERY_TYPE,
	.lookup = overlay_lookup,
	.create = overlay_create,
	.link = overlay_link,
	.remove = overlay_remove,
	.rename = overlay_rename,
	.tmpfile = overlay_tmpfile,
	.iterate = overlay_iterate,
	.open = overlay_dir_open,
	.release = overlay_dir_release,
	.ioctl = overlay_dir_ioctl,
};

const struct vfs_inode_ops overlay_file_ops = {REGULAR};
const struct vfs_inode_ops overlay_file_split_ops = {
	REGULAR,
	.getattr = overlay_getattr,
};

const struct vfs_inode_ops overlay_other_ops = {EVERY_TYPE};
const struct vfs_inode_ops overlay_other_split_ops = {
	EVERY_TYPE,
	.getattr = overlay_getattr,
};
