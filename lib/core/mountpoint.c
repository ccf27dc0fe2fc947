/* SPDX-License-Identifier: MIT */
/*
 * Making mount points. Contract: mountpoint.h.
 *
 * The path is gone through from its beginning, prefix after prefix: what is
 * there is left alone, from the first missing one on everything is made, and
 * unmade from the end when something fails.
 */
#include "core/mountpoint.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "core/names.h"
#include "core/pathname.h"
#include "core/synthdir.h"
#include "core/walk.h"

struct making {
	struct vfs__thread *thread;
	struct vfs_task *task;
	uint32_t flags;
	char *path;   /* a copy, cut behind the present component */
	size_t len;   /* of the whole path, without slashes at the end */
	size_t first; /* where the first prefix ends that was made; 0: none */
};

/* The file system cannot have it: memory can. */
static bool wants_synthetic(int err)
{
	return err == -EROFS || err == -EACCES || err == -EPERM ||
	       err == -EOPNOTSUPP || err == -ENOSPC || err == -EDQUOT;
}

/* What is at the prefix: 0, or -ENOENT; *mode. */
static int look(struct making *m, uint32_t *mode)
{
	struct vfs__path at;
	int err = vfs__path_lookup(m->thread, m->task, AT_FDCWD, m->path,
				   VFS__WALK_FOLLOW, &at);

	if (err)
		return err;
	*mode = vfs__inode_mode(at.dentry->inode);
	vfs__path_unref(m->thread, &at);
	return 0;
}

static int make(struct making *m, bool file)
{
	uint32_t mode = file ? S_IFREG | 0644 : S_IFDIR | 0755;
	int err = -EROFS;

	if (!(m->flags & VFS_MOUNTPOINT_SYNTHETIC))
		err = file ? vfs__mknod(m->thread, m->task, AT_FDCWD, m->path,
					mode, 0)
			   : vfs__mkdir(m->thread, m->task, AT_FDCWD, m->path,
					mode & 07777);
	if (wants_synthetic(err))
		err = vfs__synthetic_make(m->thread, m->task, AT_FDCWD, m->path,
					  mode);
	/* a link that leads nowhere is there, and is no place */
	return err == -EEXIST ? -ENOENT : err;
}

/* The prefix that ends at `end` is there afterwards. */
static int step(struct making *m, size_t end)
{
	bool last = end == m->len;
	bool file = last && (m->flags & VFS_MOUNTPOINT_FILE);
	uint32_t mode = 0;
	int err;

	m->path[end] = '\0';
	err = look(m, &mode);
	if (err == -ENOENT) {
		err = make(m, file);
		if (!err && !m->first)
			m->first = end;
	} else if (!err && file) {
		err = S_ISDIR(mode) ? -EISDIR : 0;
	} else if (!err) {
		err = S_ISDIR(mode) ? 0 : -ENOTDIR;
	}
	if (!last)
		m->path[end] = '/';
	return err;
}

/* Removes what was made up to the prefix that ends at `end`. */
static void unmake(struct making *m, size_t end)
{
	while (m->first && end >= m->first) {
		m->path[end] = '\0';
		if (vfs__synthetic_undo(m->thread, m->task, m->path))
			(void)vfs__rmdir(m->thread, m->task, AT_FDCWD, m->path);
		while (end && m->path[end - 1] != '/')
			end--;
		while (end && m->path[end - 1] == '/')
			end--;
	}
}

static int make_all(struct making *m)
{
	size_t end = 0, done = 0;
	int err = 0;

	while (end < m->len) {
		while (end < m->len && m->path[end] == '/')
			end++;
		while (end < m->len && m->path[end] != '/')
			end++;
		err = step(m, end);
		if (err)
			break;
		done = end;
	}
	if (err)
		unmake(m, done);
	return err;
}

int vfs__make_mountpoint(struct vfs__thread *thread, struct vfs_task *task,
			 const char *path, uint32_t flags)
{
	struct making m = {.thread = thread, .task = task, .flags = flags};
	int err;

	m.len = vfs__path_length(path);
	if (m.len == VFS__PATH_MAX)
		return -ENAMETOOLONG;
	if (!m.len)
		return -ENOENT;
	while (m.len > 1 && path[m.len - 1] == '/')
		m.len--;
	m.path = vfs__mem_alloc(thread, VFS__PATH_MAX);
	if (!m.path)
		return -ENOMEM;
	memcpy(m.path, path, m.len);
	m.path[m.len] = '\0';
	err = make_all(&m);
	vfs__mem_free(thread, m.path, VFS__PATH_MAX);
	return err;
}
