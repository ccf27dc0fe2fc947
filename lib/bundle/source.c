/* SPDX-License-Identifier: MIT */
/*
 * What a bind shows: a directory or a file of the host, made a tree that is
 * nowhere yet. hostfs has directories only, so a file is taken from a mount of
 * the directory that it lies in, of which nothing else is to be seen.
 * Contract: bundle.h.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>
#include <vfs/cred.h>
#include <vfs/file.h>
#include <vfs/hostfs.h>
#include <vfs/mount.h>
#include <vfs/mountpoint.h>
#include <vfs/path.h>
#include <vfs/stat.h>
#include <vfs/task.h>

#include "bundle.h"

#define STAGE_SOURCE "/source"

/* A source on the host. */
struct source {
	int dir; /* what hostfs gets */
	bool is_dir;
	char name[256]; /* of the file in it */
};

static int host_stat(struct bundle_load *b, int fd, const char *name, int flags,
		     struct stat *st)
{
	int err = vfs_fault(b->report.vfs, "fstatat");

	if (!err && fstatat(fd, name, st, flags))
		err = -errno;
	return err;
}

int bundle_open_host(struct bundle_load *b, const char *path, int flags)
{
	int fd, err = vfs_fault(b->report.vfs, "open");

	if (err)
		return err;
	fd = open(path, O_PATH | O_CLOEXEC | flags);
	return fd < 0 ? -errno : fd;
}

/* The path that the host knows an open file by. */
static int host_path(struct bundle_load *b, int fd, char *path)
{
	char link[48];
	ssize_t n;
	int err = vfs_fault(b->report.vfs, "readlink");

	if (err)
		return err;
	snprintf(link, sizeof(link), "/proc/thread-self/fd/%d", fd);
	n = readlink(link, path, BUNDLE_PATH_MAX);
	if (n < 0)
		return -errno;
	if (n == BUNDLE_PATH_MAX)
		return -ENAMETOOLONG;
	path[n] = 0;
	return *path == '/' ? 0 : -EINVAL;
}

/* The directory of the open file fd, which must still have its name there. */
static int open_parent(struct bundle_load *b, int fd, const struct stat *st,
		       struct source *out)
{
	struct stat found;
	char *path = bundle_alloc(&b->arena, BUNDLE_PATH_MAX), *slash;
	int dir, err;

	if (!path)
		return -ENOMEM;
	err = host_path(b, fd, path);
	if (err)
		return err;
	slash = strrchr(path, '/');
	if (strlen(slash + 1) >= sizeof(out->name))
		return -ENAMETOOLONG;
	strcpy(out->name, slash + 1);
	slash[slash == path] = 0;
	dir = bundle_open_host(b, path, O_DIRECTORY);
	if (dir < 0)
		return dir;
	err = host_stat(b, dir, out->name, AT_SYMLINK_NOFOLLOW, &found);
	if (!err && (found.st_dev != st->st_dev || found.st_ino != st->st_ino))
		err = -ESTALE;
	if (err)
		close(dir);
	else
		out->dir = dir;
	return err;
}

/* out->dir is the caller's to close. */
static int open_source(struct bundle_load *b, const struct bundle_plan *plan,
		       struct source *out)
{
	struct stat st;
	int err, fd = plan->fd;

	if (fd < 0)
		fd = bundle_open_host(b, plan->spec->source, 0);
	if (fd < 0)
		return fd;
	err = host_stat(b, fd, "", AT_EMPTY_PATH, &st);
	out->is_dir = !err && S_ISDIR(st.st_mode);
	if (out->is_dir && fd != plan->fd) {
		out->dir = fd;
		return 0;
	}
	if (out->is_dir) {
		out->dir = fcntl(fd, F_DUPFD_CLOEXEC, 0);
		return out->dir < 0 ? -errno : 0;
	}
	if (!err)
		err = open_parent(b, fd, &st, out);
	if (fd != plan->fd)
		close(fd);
	return err;
}

/* A copy of what is mounted on the stage, or of a file in it. */
static int copy_tree(struct bundle_load *b, const struct source *source)
{
	char path[sizeof(STAGE_SOURCE) + 260];
	struct vfs_stat st;
	int fd, err;

	snprintf(path, sizeof(path), STAGE_SOURCE "%s%s",
		 source->is_dir ? "" : "/", source->is_dir ? "" : source->name);
	fd = vfs_open_tree(b->stage, AT_FDCWD, path,
			   OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC |
				   AT_SYMLINK_NOFOLLOW);
	if (fd < 0)
		return fd;
	/* hostfs opens it for that: from now on the host may give its name to
	 * another file */
	err = vfs_fstat(b->stage, fd, &st);
	if (err)
		vfs_close(b->stage, fd);
	return err ? err : fd;
}

/* Mounted on the stage for a moment. */
static int take_tree(struct bundle_load *b, const struct bundle_plan *plan,
		     const struct source *source, const char *options)
{
	const char *shown = plan->spec->source ? plan->spec->source : "none";
	int fd, err;

	err = vfs_make_mountpoint(b->stage, STAGE_SOURCE, 0);
	if (!err)
		err = vfs_mount_type(b->stage, &vfs_hostfs_type, shown,
				     STAGE_SOURCE, plan->options.flags,
				     options);
	if (err)
		return err;
	fd = copy_tree(b, source);
	err = vfs_umount2(b->stage, STAGE_SOURCE, MNT_DETACH);
	if (err && fd >= 0)
		vfs_close(b->stage, fd);
	return err ? err : fd;
}

int bundle_open_source(struct bundle_load *b, const struct bundle_plan *plan,
		       bool *is_dir)
{
	struct source source = {.dir = -1};
	const char *options;
	int fd, err = open_source(b, plan, &source);

	if (err)
		return bundle_fail(&b->report, err, "source \"%s\"",
				   plan->spec->source ? plan->spec->source
						      : "(a descriptor)");
	options = bundle_printf(&b->arena, "rootfd=%d,devices%s%s%s",
				source.dir, plan->options.rbind ? ",xdev" : "",
				*plan->options.data ? "," : "",
				plan->options.data);
	fd = options ? take_tree(b, plan, &source, options) : -ENOMEM;
	close(source.dir);
	if (fd < 0)
		return bundle_fail(&b->report, fd, "hostfs (\"%s\")",
				   plan->options.data);
	*is_dir = source.is_dir;
	return fd;
}
