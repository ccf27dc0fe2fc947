/* SPDX-License-Identifier: MIT */
/*
 * What is below one directory, in another: files, links, nodes, with owners,
 * permissions and times. Contract: bundle.h.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <vfs/dir.h>
#include <vfs/file.h>
#include <vfs/path.h>
#include <vfs/stat.h>

#include "bundle.h"

#define DEPTH_MAX 200u
#define STEP (1 << 20)

static int copy_dir(struct bundle_load *b, int from, int to, unsigned depth);

static int copy_data(struct vfs_task *task, int from, const char *name, int to)
{
	int64_t n;
	int out, in = vfs_openat(task, from, name,
				 O_RDONLY | O_NOFOLLOW | O_CLOEXEC, 0);

	if (in < 0)
		return in;
	out = vfs_openat(task, to, name,
			 O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	n = out;
	while (out >= 0 && (n = vfs_sendfile(task, out, in, NULL, STEP)) > 0)
		;
	if (out >= 0)
		vfs_close(task, out);
	vfs_close(task, in);
	return n < 0 ? (int)n : 0;
}

static int copy_link(struct bundle_load *b, int from, const char *name, int to)
{
	char *target = vfs_alloc(b->report.vfs, BUNDLE_PATH_MAX);
	int64_t n;
	int err;

	if (!target)
		return -ENOMEM;
	n = vfs_readlinkat(b->task, from, name, target, BUNDLE_PATH_MAX - 1);
	err = n < 0 ? (int)n : 0;
	if (!err) {
		target[n] = 0;
		err = vfs_symlinkat(b->task, target, to, name);
	}
	vfs_free(b->report.vfs, target, BUNDLE_PATH_MAX);
	return err;
}

static int copy_below(struct bundle_load *b, int from, const char *name, int to,
		      unsigned depth)
{
	const int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
	int in, out, err = vfs_mkdirat(b->task, to, name, 0700);

	if (err)
		return err;
	in = vfs_openat(b->task, from, name, flags, 0);
	if (in < 0)
		return in;
	out = vfs_openat(b->task, to, name, flags, 0);
	err = out < 0 ? out : copy_dir(b, in, out, depth + 1);
	if (out >= 0)
		vfs_close(b->task, out);
	vfs_close(b->task, in);
	return err;
}

/* What a copy is besides its content. */
static int copy_attributes(struct vfs_task *task, int to, const char *name,
			   const struct vfs_stat *st)
{
	const struct vfs_timespec times[2] = {st->atime, st->mtime};
	int err = vfs_fchownat(task, to, name, st->uid, st->gid,
			       AT_SYMLINK_NOFOLLOW);

	if (!err && !S_ISLNK(st->mode))
		err = vfs_fchmodat(task, to, name, st->mode & 07777);
	return err ? err
		   : vfs_utimensat(task, to, name, times, AT_SYMLINK_NOFOLLOW);
}

static int copy_one(struct bundle_load *b, int from, const char *name, int to,
		    unsigned depth)
{
	struct vfs_stat st;
	int err = vfs_fstatat(b->task, from, name, &st, AT_SYMLINK_NOFOLLOW);

	if (err)
		return err;
	switch (st.mode & S_IFMT) {
	case S_IFREG:
		err = copy_data(b->task, from, name, to);
		break;
	case S_IFLNK:
		err = copy_link(b, from, name, to);
		break;
	case S_IFDIR:
		err = copy_below(b, from, name, to, depth);
		break;
	default:
		err = vfs_mknodat(b->task, to, name, st.mode, st.rdev);
		break;
	}
	return err ? err : copy_attributes(b->task, to, name, &st);
}

static int copy_dir(struct bundle_load *b, int from, int to, unsigned depth)
{
	const struct vfs_dirent *entry;
	struct vfs_dir *dir;
	int err, fd;

	if (depth > DEPTH_MAX)
		return -ELOOP;
	/* closing the directory closes its descriptor */
	fd = vfs_dup(b->task, from);
	if (fd < 0)
		return fd;
	err = vfs_fdopendir(b->task, fd, &dir);
	if (err) {
		vfs_close(b->task, fd);
		return err;
	}
	while ((err = vfs_readdir(dir, &entry)) == 1) {
		if (!strcmp(entry->name, ".") || !strcmp(entry->name, ".."))
			continue;
		err = copy_one(b, from, entry->name, to, depth);
		if (err)
			break;
	}
	vfs_closedir(dir);
	return err;
}

int bundle_copy_tree(struct bundle_load *b, int from_fd, int to_fd)
{
	struct vfs_stat st;
	int err = vfs_fstat(b->task, from_fd, &st);

	if (!err)
		err = copy_dir(b, from_fd, to_fd, 0);
	if (!err)
		err = vfs_fchown(b->task, to_fd, st.uid, st.gid);
	return err ? err : vfs_fchmod(b->task, to_fd, st.mode & 07777);
}
