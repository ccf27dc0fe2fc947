/* SPDX-License-Identifier: MIT */
/* Copying between descriptors: copy_file_range, sendfile. Contract: rw.h. */
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <poll.h>
#include <sys/stat.h>

#include "core/attr.h"
#include "core/hostfile.h"
#include "core/inode.h"
#include "core/notify.h"
#include "core/pipe.h"
#include "core/rw.h"
#include "core/seal.h"

#define BOUNCE ((size_t)65536)

struct copy {
	struct vfs_file *in, *out;
	int64_t *in_offset, *out_offset; /* NULL: there are no offsets */
	size_t left;
};

/* Into a pipe goes what there is room for, as Linux has it: nobody waits for
 * more room. from: where in its file iov was. */
static int64_t put(struct vfs__thread *thread, struct vfs_task *task,
		   struct copy *c, const struct vfs_iovec *iov, int64_t from,
		   bool first)
{
	if (vfs__file_mode(c->out) & VFS__FILE_STREAM)
		return vfs__pipe_splice(
			thread, task, c->out, iov, from,
			!first || (VFS_READ_ONCE(c->out->flags) & O_NONBLOCK));
	return vfs__file_write(thread, task, c->out, iov, 1, c->out_offset, 0);
}

/* Bytes copied, or the first error. */
static int64_t copy_loop(struct vfs__thread *thread, struct vfs_task *task,
			 struct copy *c)
{
	char *buffer = vfs__mem_alloc(thread, BOUNCE);
	int64_t done = 0, n = 0;

	if (!buffer)
		return -ENOMEM;
	while (c->left) {
		size_t want = c->left < BOUNCE ? c->left : BOUNCE;
		struct vfs_iovec iov = {buffer, want};
		int64_t start = c->in_offset ? *c->in_offset : 0;
		int64_t got = vfs__file_read(thread, task, c->in, &iov, 1,
					     c->in_offset);

		if (got <= 0) {
			n = got;
			break;
		}
		iov.len = (size_t)got;
		n = put(thread, task, c, &iov, start, !done);
		/* what was read and not written is to be read again */
		if (n < got && c->in_offset)
			*c->in_offset = start + (n > 0 ? n : 0);
		if (n < 0)
			break;
		done += n;
		c->left -= (size_t)n;
		if (n < (int64_t)want)
			break;
	}
	vfs__mem_free(thread, buffer, BOUNCE);
	return done ? done : n;
}

static void was_copied(struct vfs__thread *thread, const struct copy *c,
		       int64_t n)
{
	if (n > 0) {
		vfs__notify_file(thread, c->in, VFS_IN_ACCESS);
		vfs__notify_file(thread, c->out, VFS_IN_MODIFY);
	} else {
		vfs__notify_flush(thread);
	}
}

/* ---- copy_file_range ---- */

/* Two files, one to be changed; by address, as nobody else locks two that are
 * no directories and have no common name. */
static void lock_pair(struct vfs_inode *in, struct vfs_inode *out)
{
	if (in < out)
		vfs__rw_lock_shared(&in->core_lock, VFS__RANK_INODE);
	vfs__rw_lock_excl_nested(&out->core_lock, VFS__RANK_INODE);
	if (in > out)
		vfs__rw_lock_shared_nested(&in->core_lock, VFS__RANK_INODE);
}

static void unlock_pair(struct vfs_inode *in, struct vfs_inode *out)
{
	vfs__inode_unlock(out);
	if (in != out)
		vfs__inode_unlock_shared(in);
}

/* By the backend itself. -EOPNOTSUPP: it cannot. */
static int64_t copy_inside(struct vfs__thread *thread, struct vfs_task *task,
			   struct copy *c)
{
	struct vfs_inode *in = c->in->inode, *out = c->out->inode;
	struct vfs_cred *cred;
	int64_t n = 0;

	if (!VFS__HAS_OP(out->ops, copy_range) ||
	    in->super->type != out->super->type || vfs__inode_sealable(out) ||
	    (VFS_READ_ONCE(in->flags) & VFS_INODE_SYNTHETIC))
		return -EOPNOTSUPP;
	cred = vfs__task_cred(thread, task);
	lock_pair(in, out);
	/* what is to be taken away may have been given by others */
	n = vfs__inode_refresh(thread, out);
	if (!n)
		n = vfs__attr_kill_file(thread, cred, c->out);
	if (!n)
		n = out->ops->copy_range(in, c->in, *c->in_offset, out, c->out,
					 *c->out_offset, c->left);
	if (n > 0)
		vfs__inode_modified(task->vfs, out);
	unlock_pair(in, out);
	vfs__task_cred_put(thread, cred);
	if (n > 0) {
		*c->in_offset += n;
		*c->out_offset += n;
		/* whether it leaves a time there is for others' to say */
		if (vfs__inode_is_remote(in))
			vfs_inode_set_flags(in, VFS_INODE_STALE, 0);
		else if (!(VFS_READ_ONCE(c->in->flags) & O_NOATIME))
			vfs__path_accessed(&c->in->path, in);
	}
	/* a read and a write that find no room leave times: by these, then */
	if (n == -ENOSPC && !vfs__inode_is_remote(out))
		n = -EOPNOTSUPP;
	return n;
}

static int check_pair(const struct vfs_file *in, const struct vfs_file *out,
		      bool across)
{
	uint32_t in_type = vfs__inode_mode(in->inode) & S_IFMT;
	uint32_t out_type = vfs__inode_mode(out->inode) & S_IFMT;

	if (in_type == S_IFDIR || out_type == S_IFDIR)
		return -EISDIR;
	if (in_type != S_IFREG || out_type != S_IFREG)
		return -EINVAL;
	if (!(vfs__file_mode(in) & VFS__FILE_READ) ||
	    !(vfs__file_mode(out) & VFS__FILE_WRITE) ||
	    (VFS_READ_ONCE(out->flags) & O_APPEND))
		return -EBADF;
	return across || in->inode->super == out->inode->super ? 0 : -EXDEV;
}

/* Cuts c->left to what there is to read and room to write, in the order in
 * which Linux looks. */
static int check_ranges(struct vfs_task *task, struct copy *c, int64_t in,
			int64_t out)
{
	int64_t size = VFS_READ_ONCE(c->in->inode->size);
	uint64_t limit = VFS_READ_ONCE(task->fsize_cur);
	uint64_t max = (uint64_t)c->out->inode->super->max_file_size;

	if (VFS_READ_ONCE(c->out->inode->flags) & VFS_INODE_IMMUTABLE)
		return -EPERM;
	if ((uint64_t)in + c->left < (uint64_t)in ||
	    (uint64_t)out + c->left < (uint64_t)out)
		return -EOVERFLOW;
	if (in >= size)
		c->left = 0;
	else if (c->left > (uint64_t)size - (uint64_t)in)
		c->left = (uint64_t)size - (uint64_t)in;
	if (limit > max)
		limit = max;
	if (out >= 0 && (uint64_t)out >= limit)
		return -EFBIG;
	if (out >= 0 && c->left > limit - (uint64_t)out)
		c->left = limit - (uint64_t)out;
	if (c->in->inode == c->out->inode &&
	    (uint64_t)out + c->left > (uint64_t)in &&
	    (uint64_t)out < (uint64_t)in + c->left)
		return -EINVAL;
	if (in < 0 || out < 0)
		return -EINVAL;
	if (c->left > VFS__IO_MAX)
		c->left = VFS__IO_MAX;
	return 0;
}

static int64_t copy_range(struct vfs__thread *thread, struct vfs_task *task,
			  int fd_in, int64_t *off_in, int fd_out,
			  int64_t *off_out, size_t len, bool across)
{
	struct copy c = {.left = len};
	int64_t in, out, n = -EBADF;

	c.in = vfs__fd_get_io(thread, task, fd_in);
	c.out = vfs__fd_get_io(thread, task, fd_out);
	if (!c.in || !c.out)
		goto unref;
	in = off_in ? *off_in : VFS_READ_ONCE(c.in->position);
	out = off_out ? *off_out : VFS_READ_ONCE(c.out->position);
	n = check_pair(c.in, c.out, across);
	if (!n)
		n = vfs__inode_refresh(thread, c.in->inode);
	if (!n)
		n = check_ranges(task, &c, in, out);
	if (n || !c.left)
		goto unref;
	c.in_offset = &in;
	c.out_offset = &out;
	n = copy_inside(thread, task, &c);
	if (n == -EOPNOTSUPP)
		n = copy_loop(thread, task, &c);
	if (n > 0) {
		if (off_in)
			*off_in = in;
		else
			VFS_WRITE_ONCE(c.in->position, in);
		if (off_out)
			*off_out = out;
		else
			VFS_WRITE_ONCE(c.out->position, out);
	}
	was_copied(thread, &c, n);
unref:
	if (c.in)
		vfs__file_unref(thread, c.in);
	if (c.out)
		vfs__file_unref(thread, c.out);
	return n;
}

static bool is_open(struct vfs__thread *thread, struct vfs_task *task, int fd)
{
	struct vfs_file *file = vfs__fd_get_io(thread, task, fd);

	if (file)
		vfs__file_unref(thread, file);
	return file;
}

int64_t vfs__copy_file_range(struct vfs__thread *thread, struct vfs_task *task,
			     int fd_in, int64_t *off_in, int fd_out,
			     int64_t *off_out, size_t len, uint32_t flags)
{
	if (flags)
		return is_open(thread, task, fd_in) &&
				       is_open(thread, task, fd_out)
			       ? -EINVAL
			       : -EBADF;
	return copy_range(thread, task, fd_in, off_in, fd_out, off_out, len,
			  false);
}

int64_t vfs__copy_across(struct vfs__thread *thread, struct vfs_task *task,
			 int fd_in, int64_t in, int fd_out, int64_t out,
			 size_t len)
{
	return copy_range(thread, task, fd_in, &in, fd_out, &out, len, true);
}

/* ---- clones ---- */

/* Whether the task's limit leaves no room for what would be cloned otherwise.
 * Both files are locked, and their sizes are known. */
static bool is_limited(const struct vfs_task *task, const struct vfs_inode *in,
		       const struct file_clone_range *range)
{
	int64_t from = (int64_t)range->src_offset;
	int64_t to = (int64_t)range->dest_offset;
	int64_t length = (int64_t)range->src_length;
	int64_t left = VFS_READ_ONCE(in->size) - from;

	if (from < 0 || to < 0 || length < 0 || left <= 0 ||
	    length > INT64_MAX - from || length > INT64_MAX - to)
		return false;
	if (!length)
		length = left;
	return (uint64_t)to + (uint64_t)length > VFS_READ_ONCE(task->fsize_cur);
}

/* What Linux looks at before the limit is the file system's business: it is
 * asked to clone more than there is, of which nothing comes. */
static int clone_limited(const struct vfs_task *task, const struct copy *c,
			 const struct file_clone_range *range)
{
	struct vfs_inode *in = c->in->inode, *out = c->out->inode;
	int64_t from = (int64_t)range->src_offset;
	int64_t to = (int64_t)range->dest_offset;
	int64_t length = INT64_MAX - (from > to ? from : to);
	int err;

	if (length == VFS_READ_ONCE(in->size) - from)
		length--;
	err = out->ops->clone_range(in, c->in, from, out, c->out, to, length);
	if (err && err != -EINVAL)
		return err;
	return (uint64_t)to >= VFS_READ_ONCE(task->fsize_cur) &&
			       !((from | to) & (out->super->block_size - 1))
		       ? -EFBIG
		       : -EINVAL;
}

/* Both files are there and open for it. */
static int clone_inside(struct vfs__thread *thread, struct vfs_task *task,
			const struct copy *c,
			const struct file_clone_range *range)
{
	struct vfs_inode *in = c->in->inode, *out = c->out->inode;
	struct vfs_cred *cred = vfs__task_cred(thread, task);
	int err;

	lock_pair(in, out);
	err = vfs__inode_refresh(thread, in);
	if (!err)
		err = vfs__inode_refresh(thread, out);
	if (!err && is_limited(task, in, range))
		err = clone_limited(task, c, range);
	else if (!err)
		err = out->ops->clone_range(in, c->in,
					    (int64_t)range->src_offset, out,
					    c->out, (int64_t)range->dest_offset,
					    (int64_t)range->src_length);
	if (!err)
		err = vfs__attr_kill_file(thread, cred, c->out);
	if (!err)
		vfs__inode_modified(task->vfs, out);
	unlock_pair(in, out);
	vfs__task_cred_put(thread, cred);
	return err;
}

int vfs__clone(struct vfs__thread *thread, struct vfs_task *task, int fd_in,
	       struct vfs_file *out, const struct file_clone_range *range)
{
	static const struct file_clone_range whole;
	struct copy c = {.out = out};
	int err = 0;

	if (!range)
		range = &whole;
	c.in = vfs__fd_get_io(thread, task, fd_in);
	if (!c.in)
		return -EBADF;
	if (c.in->inode->super != out->inode->super)
		err = -EXDEV;
	if (!err)
		err = check_pair(c.in, out, false);
	if (!err && !VFS__HAS_OP(out->inode->ops, clone_range))
		err = -EOPNOTSUPP;
	if (!err)
		err = clone_inside(thread, task, &c, range);
	was_copied(thread, &c, err ? err : 1);
	vfs__file_unref(thread, c.in);
	return err;
}

/* ---- sendfile ---- */

static int check_source(const struct copy *c, const int64_t *offset)
{
	uint32_t mode = vfs__file_mode(c->in);
	int64_t from = offset ? *offset : VFS_READ_ONCE(c->in->position);

	if (!(mode & VFS__FILE_READ))
		return -EBADF;
	if (offset && !(mode & VFS__FILE_SEEKABLE))
		return -ESPIPE;
	if (from < 0 || c->left > (uint64_t)(INT64_MAX - from))
		return -EINVAL;
	return 0;
}

/* Whether there is room comes before whether there is anything to copy. */
static int check_pipe(struct vfs_file *file)
{
	uint32_t now = vfs__pipe_poll(file);

	if (now & POLLERR)
		return -EPIPE;
	return !(now & POLLOUT) && (VFS_READ_ONCE(file->flags) & O_NONBLOCK)
		       ? -EAGAIN
		       : 0;
}

/* A look at the source that leaves a time, if times are left. */
static void source_accessed(const struct copy *c)
{
	struct vfs_inode *inode = c->in->inode;
	char byte;

	if (vfs__inode_is_remote(inode) && S_ISREG(vfs__inode_mode(inode)) &&
	    inode->ops->read)
		(void)inode->ops->read(inode, c->in, &byte, 1, 0);
	if (!(VFS_READ_ONCE(c->in->flags) & O_NOATIME))
		vfs__path_accessed(&c->in->path, inode);
}

/* Cuts c->left to where files of either file system end. */
static int check_end(struct copy *c, int64_t from)
{
	int64_t max = c->in->inode->super->max_file_size;

	if (max > c->out->inode->super->max_file_size)
		max = c->out->inode->super->max_file_size;
	if ((uint64_t)from + c->left <= (uint64_t)max)
		return 0;
	if (from >= max)
		return -EOVERFLOW;
	c->left = (size_t)(max - from);
	return 0;
}

static int check_target(struct copy *c, const int64_t *offset)
{
	int64_t from = offset ? *offset : VFS_READ_ONCE(c->in->position);
	uint32_t mode = vfs__file_mode(c->out);
	int64_t to = VFS_READ_ONCE(c->out->position);
	int err;

	if (!(mode & VFS__FILE_WRITE))
		return -EBADF;
	err = check_end(c, from);
	if (err)
		return err;
	if (c->left > (uint64_t)(INT64_MAX - to))
		return -EINVAL;
	if (mode & VFS__FILE_STREAM)
		return check_pipe(c->out);
	if ((VFS_READ_ONCE(c->out->flags) & O_APPEND) ||
	    !(vfs__file_mode(c->in) & (VFS__FILE_SEEKABLE | VFS__FILE_NOTIFY)))
		return -EINVAL;
	/* even when there is nothing to copy, or nothing that can be */
	source_accessed(c);
	return 0;
}

/* From and to where the positions are at first, also if both are one: it is
 * moved at the end. */
static int64_t send(struct vfs__thread *thread, struct vfs_task *task,
		    struct copy *c, int64_t *offset)
{
	int64_t in = offset ? *offset : VFS_READ_ONCE(c->in->position);
	int64_t out = VFS_READ_ONCE(c->out->position), n;

	if (vfs__file_mode(c->in) & VFS__FILE_SEEKABLE)
		c->in_offset = &in;
	if (vfs__file_mode(c->out) & VFS__FILE_SEEKABLE)
		c->out_offset = &out;
	n = copy_loop(thread, task, c);
	if (n <= 0)
		return n;
	if (c->out_offset)
		VFS_WRITE_ONCE(c->out->position, out);
	/* relatime: it was changed since check_target looked */
	if (c->in->inode == c->out->inode)
		source_accessed(c);
	if (offset)
		*offset = in;
	else if (c->in_offset)
		VFS_WRITE_ONCE(c->in->position, in);
	return n;
}

int64_t vfs__sendfile(struct vfs__thread *thread, struct vfs_task *task,
		      int out_fd, int in_fd, int64_t *offset, size_t count)
{
	struct copy c = {.left = count};
	int64_t n;

	c.in = vfs__fd_get_io(thread, task, in_fd);
	c.out = vfs__fd_get_io(thread, task, out_fd);
	n = c.in ? check_source(&c, offset) : -EBADF;
	if (c.left > VFS__IO_MAX)
		c.left = VFS__IO_MAX;
	if (!n)
		n = c.out ? check_target(&c, offset) : -EBADF;
	if (!n && c.left && !S_ISREG(vfs__inode_mode(c.in->inode)))
		n = -EINVAL;
	if (!n) {
		n = send(thread, task, &c, offset);
		was_copied(thread, &c, n);
	}
	if (c.in)
		vfs__file_unref(thread, c.in);
	if (c.out)
		vfs__file_unref(thread, c.out);
	return n;
}
