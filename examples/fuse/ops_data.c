/* SPDX-License-Identifier: MIT */
/* The data of open files. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/uio.h>

#include "ops.h"

/* Bytes that one copy_file_range moves at most: it cannot be interrupted. */
#define COPY_MAX (64u << 20)

void op_read(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off,
	     struct fuse_file_info *fi)
{
	struct vfs_task *root = session_of(req)->server->root;
	int fd = handle_of(fi)->fd;
	char *data = malloc(size ? size : 1);
	int64_t n = 0;
	size_t got = 0;

	(void)ino;
	if (!data) {
		fuse_reply_err(req, ENOMEM);
		return;
	}
	/* fewer bytes than asked for would stand for the file's end */
	while (got < size) {
		n = vfs_pread(root, fd, data + got, size - got,
			      off + (off_t)got);
		if (n <= 0)
			break;
		got += (size_t)n;
	}
	if (n < 0 && !got)
		fuse_reply_err(req, (int)-n);
	else
		fuse_reply_buf(req, data, got);
	free(data);
}

/* Of pages that the kernel has kept it forgets what is not written, unless that
 * is an error. */
static int64_t write_all(struct call *call, const struct handle *h,
			 const char *data, size_t size, off_t off)
{
	size_t done = 0;
	int64_t n;

	while (done < size) {
		n = vfs_pwrite(call->task, h->fd, data + done, size - done,
			       off + (off_t)done);
		if (n <= 0)
			return n ? n : -EIO;
		done += (size_t)n;
	}
	return (int64_t)done;
}

/* Where the kernel has kept no size, it does not know the end. */
static int64_t write_at(struct call *call, const struct handle *h,
			const char *data, size_t size, off_t off, int flags)
{
	struct vfs_iovec iov = {(void *)(uintptr_t)data, size};

	if (node_is_asked(call->session, h->node) && flags & O_APPEND)
		return vfs_pwritev2(call->task, h->fd, &iov, 1, off,
				    RWF_APPEND);
	return vfs_pwrite(call->task, h->fd, data, size, off);
}

void op_write(fuse_req_t req, fuse_ino_t ino, const char *data, size_t size,
	      off_t off, struct fuse_file_info *fi)
{
	struct session *session = session_of(req);
	struct handle *h = handle_of(fi);
	struct call call;
	int64_t n;
	bool bits;

	(void)ino;
	bits = has_killable_bits(session, h->node);
	if (!call_begin_fresh(&call, req, bits))
		return;
	do
		n = fi->writepage
			    ? write_all(&call, h, data, size, off)
			    : write_at(&call, h, data, size, off, fi->flags);
	while (call_again(&call, n));
	if (bits)
		forget_attributes(session, h->node);
	if (n < 0)
		fuse_reply_err(req, (int)-n);
	else
		fuse_reply_write(req, (size_t)n);
	call_end(&call);
}

void op_fallocate(fuse_req_t req, fuse_ino_t ino, int mode, off_t offset,
		  off_t length, struct fuse_file_info *fi)
{
	struct session *session = session_of(req);
	struct handle *h = handle_of(fi);
	struct call call;
	bool bits;
	int err;

	(void)ino;
	bits = has_killable_bits(session, h->node);
	if (!call_begin_fresh(&call, req, bits))
		return;
	do
		err = vfs_fallocate(call.task, h->fd, mode, offset, length);
	while (call_again(&call, err));
	if (bits)
		forget_attributes(session, h->node);
	reply_error(&call, err);
}

void op_copy_file_range(fuse_req_t req, fuse_ino_t ino_in, off_t off_in,
			struct fuse_file_info *fi_in, fuse_ino_t ino_out,
			off_t off_out, struct fuse_file_info *fi_out,
			size_t length, int flags)
{
	struct session *session = session_of(req);
	struct handle *from = handle_of(fi_in), *to = handle_of(fi_out);
	int64_t in = off_in, out = off_out, n;
	struct call call;
	bool bits;

	(void)ino_in;
	(void)ino_out;
	bits = has_killable_bits(session, to->node);
	if (!call_begin_fresh(&call, req, bits))
		return;
	do
		n = vfs_copy_file_range(call.task, from->fd, &in, to->fd, &out,
					length < COPY_MAX ? length : COPY_MAX,
					(uint32_t)flags);
	while (call_again(&call, n));
	if (bits)
		forget_attributes(session, to->node);
	if (n < 0)
		fuse_reply_err(req, (int)-n);
	else
		fuse_reply_write(req, (size_t)n);
	call_end(&call);
}

void op_lseek(fuse_req_t req, fuse_ino_t ino, off_t off, int whence,
	      struct fuse_file_info *fi)
{
	int64_t position;

	(void)ino;
	/* what the kernel has not written yet is no hole: it looks itself */
	if (session_of(req)->writeback) {
		fuse_reply_err(req, ENOSYS);
		return;
	}
	/* moves a position that nothing uses: all reads say where */
	position = vfs_lseek(session_of(req)->server->root, handle_of(fi)->fd,
			     off, whence);
	if (position < 0)
		fuse_reply_err(req, (int)-position);
	else
		fuse_reply_lseek(req, position);
}
