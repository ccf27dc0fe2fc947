/* SPDX-License-Identifier: MIT */
/* Operations on attributes. */
#include <errno.h>
#include <fcntl.h>
#include <linux/fuse.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "ops.h"

/* FUSE_STATX since Linux 6.6; the headers may be older. Layout: the protocol's
 * (fuse_statx_in, fuse_statx_out). */
struct statx_in {
	uint32_t getattr_flags, reserved;
	uint64_t fh;
	uint32_t sx_flags, sx_mask;
};

struct statx_time {
	int64_t sec;
	uint32_t nsec;
	int32_t reserved;
};

struct statx_out {
	uint64_t attr_valid;
	uint32_t attr_valid_nsec, flags;
	uint64_t spare[2];
	uint32_t mask, blksize;
	uint64_t attributes;
	uint32_t nlink, uid, gid;
	uint16_t mode, spare0;
	uint64_t ino, size, blocks, attributes_mask;
	struct statx_time atime, btime, ctime, mtime;
	uint32_t rdev_major, rdev_minor, dev_major, dev_minor;
	uint64_t spare2[14];
};

static struct statx_time time_of(const struct vfs_timespec *t)
{
	return (struct statx_time){.sec = t->sec, .nsec = t->nsec};
}

static void fill_statx(const struct session *session, const struct node *node,
		       const struct vfs_stat *stat, struct statx_out *out)
{
	memset(out, 0, sizeof(*out));
	out->attr_valid = (uint64_t)node_timeout(session, node);
	out->mask = stat->mask & (STATX_BASIC_STATS | STATX_BTIME);
	out->blksize = stat->blksize;
	out->attributes = stat->attributes;
	out->attributes_mask = stat->attributes;
	out->nlink = stat->nlink;
	out->uid = stat->uid;
	out->gid = stat->gid;
	out->mode = (uint16_t)stat->mode;
	out->ino = node->shown_ino;
	out->size = (uint64_t)stat->size;
	out->blocks = (uint64_t)stat->blocks;
	out->atime = time_of(&stat->atime);
	out->btime = time_of(&stat->btime);
	out->ctime = time_of(&stat->ctime);
	out->mtime = time_of(&stat->mtime);
	out->rdev_major = major(stat->rdev);
	out->rdev_minor = minor(stat->rdev);
}

void op_statx(struct session *session, uint64_t unique, fuse_ino_t ino,
	      const void *in, size_t size)
{
	struct fuse_out_header header = {.unique = unique};
	struct iovec iov[2] = {{&header, sizeof(header)}};
	const struct node *node = node_of(session->nodes, ino);
	struct statx_out out;
	struct vfs_stat stat;
	int err, count = 1;

	(void)in;
	err = size < sizeof(struct statx_in)
		      ? -EINVAL
		      : vfs_fstat(session->server->root, node->fd, &stat);
	header.error = err;
	header.len = sizeof(header);
	if (!err) {
		fill_statx(session, node, &stat, &out);
		iov[1].iov_base = &out;
		iov[1].iov_len = sizeof(out);
		header.len += sizeof(out);
		count = 2;
	}
	/* -ENOENT: who asked is gone */
	if (writev(fuse_session_fd(session->fuse), iov, count) < 0)
		return;
}

static void reply_attr(fuse_req_t req, struct session *session,
		       struct node *node)
{
	struct vfs_stat stat;
	struct stat out;
	int err = vfs_fstat(session->server->root, node->fd, &stat);

	if (err) {
		fuse_reply_err(req, -err);
		return;
	}
	fill_stat(session, node, &stat, &out);
	fuse_reply_attr(req, &out, node_timeout(session, node));
}

void op_getattr(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct session *session = session_of(req);

	(void)fi;
	reply_attr(req, session, node_of(session->nodes, ino));
}

static int set_owner(struct call *call, const struct node *node,
		     const struct stat *attr, int to_set)
{
	const struct user *user = call->user_task->user;
	uint32_t uid = UINT32_MAX, gid = UINT32_MAX;

	/* whoever it is given to, it stays whose everything is */
	if (call->session->squash)
		to_set = 0;
	if (to_set & FUSE_SET_ATTR_UID) {
		uid = user_uid(user, attr->st_uid);
		if (uid == UINT32_MAX)
			return -EINVAL;
	}
	if (to_set & FUSE_SET_ATTR_GID) {
		gid = user_gid(user, attr->st_gid);
		if (gid == UINT32_MAX)
			return -EINVAL;
	}
	return vfs_fchownat(call->task, node->fd, "", uid, gid, AT_EMPTY_PATH);
}

static int set_size(struct call *call, const struct node *node, off_t size,
		    const struct fuse_file_info *fi)
{
	char buffer[FD_NAME_SIZE];

	if (fi)
		return vfs_ftruncate(call->task, handle_of(fi)->fd, size);
	return vfs_truncate(call->task, fd_name(node->fd, buffer), size);
}

static struct vfs_timespec time_to_set(const struct timespec *time, bool set,
				       bool now)
{
	struct vfs_timespec t = {.nsec = UTIME_OMIT};

	if (now) {
		t.nsec = UTIME_NOW;
	} else if (set) {
		t.sec = time->tv_sec;
		t.nsec = (uint32_t)time->tv_nsec;
	}
	return t;
}

static int set_times(struct call *call, const struct node *node,
		     const struct stat *attr, int to_set)
{
	/* the kernel says what it has noted, whoever it is that it does that
	 * for; whoever wanted it was asked by the kernel (bridge.h) */
	struct vfs_task *task = call->session->writeback
					? call->session->server->root
					: call->task;
	struct vfs_timespec times[2];

	times[0] = time_to_set(&attr->st_atim, to_set & FUSE_SET_ATTR_ATIME,
			       to_set & FUSE_SET_ATTR_ATIME_NOW);
	times[1] = time_to_set(&attr->st_mtim, to_set & FUSE_SET_ATTR_MTIME,
			       to_set & FUSE_SET_ATTR_MTIME_NOW);
	return vfs_utimensat(task, node->fd, "", times, AT_EMPTY_PATH);
}

#define SET_OWNER (FUSE_SET_ATTR_UID | FUSE_SET_ATTR_GID)
#define SET_TIMES                                                              \
	(FUSE_SET_ATTR_ATIME | FUSE_SET_ATTR_ATIME_NOW | FUSE_SET_ATTR_MTIME | \
	 FUSE_SET_ATTR_MTIME_NOW)

#define SET_ANY \
	(FUSE_SET_ATTR_SIZE | FUSE_SET_ATTR_MODE | SET_OWNER | SET_TIMES)

static int set_attributes(struct call *call, const struct node *node,
			  const struct stat *attr, int to_set,
			  const struct fuse_file_info *fi)
{
	int err = 0;

	if (to_set & FUSE_SET_ATTR_SIZE)
		err = set_size(call, node, attr->st_size, fi);
	if (!err && to_set & SET_OWNER)
		err = set_owner(call, node, attr, to_set);
	if (!err && to_set & FUSE_SET_ATTR_MODE)
		err = vfs_fchmodat2(call->task, node->fd, "",
				    attr->st_mode & 07777, AT_EMPTY_PATH);
	if (!err && to_set & SET_TIMES)
		err = set_times(call, node, attr, to_set);
	return err;
}

/*
 * Either chown(-1, -1), which clears set-id bits and is a change in time, or
 * that the bits are to go because of a write that comes next: nothing tells
 * them apart. Who may not do the first gets 0 for the second, which the write
 * will do by itself.
 */
static int set_nothing(struct call *call, const struct node *node)
{
	return vfs_fchownat(call->task, node->fd, "", UINT32_MAX, UINT32_MAX,
			    AT_EMPTY_PATH);
}

void op_setattr(fuse_req_t req, fuse_ino_t ino, struct stat *attr, int to_set,
		struct fuse_file_info *fi)
{
	struct node *node = node_of(session_of(req)->nodes, ino);
	struct call call;
	bool fresh;
	int err;

	/* set-id bits that go depend on who asks */
	fresh = has_killable_bits(session_of(req), node) ||
		(to_set & FUSE_SET_ATTR_MODE &&
		 attr->st_mode & (S_ISUID | S_ISGID));
	if (!call_begin_fresh(&call, req, fresh))
		return;
	do
		err = to_set & SET_ANY
			      ? set_attributes(&call, node, attr, to_set, fi)
			      : set_nothing(&call, node);
	while (call_again(&call, err));
	if (err == -EPERM && !(to_set & SET_ANY))
		err = 0;
	if (err)
		fuse_reply_err(req, -err);
	else
		reply_attr(req, call.session, node);
	call_end(&call);
}

void op_statfs(fuse_req_t req, fuse_ino_t ino)
{
	struct session *session = session_of(req);
	struct vfs_statfs stat;
	struct statvfs out;
	int err;

	err = vfs_fstatfs(session->server->root,
			  node_of(session->nodes, ino ? ino : FUSE_ROOT_ID)->fd,
			  &stat);
	if (err) {
		fuse_reply_err(req, -err);
		return;
	}
	memset(&out, 0, sizeof(out));
	out.f_bsize = stat.bsize;
	out.f_frsize = stat.frsize;
	out.f_blocks = stat.blocks;
	out.f_bfree = stat.bfree;
	out.f_bavail = stat.bavail;
	out.f_files = stat.files;
	out.f_ffree = stat.ffree;
	out.f_namemax = stat.namelen;
	fuse_reply_statfs(req, &out);
}
