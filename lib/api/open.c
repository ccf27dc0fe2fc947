/* SPDX-License-Identifier: MIT */
/* open, openat, openat2, creat, open_by_handle_at. */
#include <fcntl.h>
#include <linux/openat2.h>
#include <vfs/file.h>
#include <vfs/handle.h>

#include "api/call.h"
#include "core/fdtable.h"
#include "core/handle.h"
#include "core/open.h"
#include "util/grown.h"

#ifndef O_TMPFILE
#define O_TMPFILE (020000000 | O_DIRECTORY)
#endif
#define TMPFILE_BIT (O_TMPFILE & ~O_DIRECTORY)
#define LARGEFILE 0100000

/* What open(2) knows; it ignores the rest, openat2(2) refuses it. */
#define KNOWN_FLAGS                                                       \
	(O_ACCMODE | O_CREAT | O_EXCL | O_NOCTTY | O_TRUNC | O_APPEND |   \
	 O_NONBLOCK | O_SYNC | O_DSYNC | O_ASYNC | O_DIRECT | LARGEFILE | \
	 O_DIRECTORY | O_NOFOLLOW | O_NOATIME | O_CLOEXEC | O_PATH |      \
	 TMPFILE_BIT)
#define PATH_FLAGS (O_DIRECTORY | O_NOFOLLOW | O_PATH | O_CLOEXEC)
#define KNOWN_RESOLVE                                                    \
	(RESOLVE_NO_XDEV | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_SYMLINKS | \
	 RESOLVE_BENEATH | RESOLVE_IN_ROOT | RESOLVE_CACHED)

/* What both kinds of call refuse. */
static int check_flags(uint64_t flags)
{
	if ((flags & (O_CREAT | O_DIRECTORY)) == (O_CREAT | O_DIRECTORY))
		return -EINVAL;
	if (flags & TMPFILE_BIT) {
		if (!(flags & O_DIRECTORY))
			return -EINVAL;
		if ((flags & O_ACCMODE) == O_RDONLY)
			return -EINVAL;
	}
	return 0;
}

int vfs_openat(struct vfs_task *task, int dirfd, const char *path, int flags,
	       uint32_t mode)
{
	struct vfs__open_how how = {.flags = (uint32_t)flags & KNOWN_FLAGS};
	struct vfs__thread *thread;
	int err = vfs__enter(task, &thread);

	if (err)
		return err;
	if (how.flags & O_PATH)
		how.flags &= PATH_FLAGS;
	if (how.flags & (O_CREAT | TMPFILE_BIT))
		how.mode = mode & 07777;
	err = check_flags(how.flags);
	return err ? err : vfs__open(thread, task, dirfd, path, &how);
}

VFS_HOT
int vfs_open(struct vfs_task *task, const char *path, int flags, uint32_t mode)
{
	return vfs_openat(task, AT_FDCWD, path, flags, mode);
}

int vfs_creat(struct vfs_task *task, const char *path, uint32_t mode)
{
	return vfs_openat(task, AT_FDCWD, path, O_CREAT | O_WRONLY | O_TRUNC,
			  mode);
}

static int check_how(const struct vfs_open_how *how)
{
	if (how->flags & ~(uint64_t)KNOWN_FLAGS)
		return -EINVAL;
	if (how->resolve & ~(uint64_t)KNOWN_RESOLVE)
		return -EINVAL;
	if ((how->resolve & RESOLVE_BENEATH) &&
	    (how->resolve & RESOLVE_IN_ROOT))
		return -EINVAL;
	if (how->flags & (O_CREAT | TMPFILE_BIT)) {
		if (how->mode & ~UINT64_C(07777))
			return -EINVAL;
	} else if (how->mode) {
		return -EINVAL;
	}
	if ((how->flags & O_PATH) && (how->flags & ~(uint64_t)PATH_FLAGS))
		return -EINVAL;
	if ((how->resolve & RESOLVE_CACHED) &&
	    (how->flags & (O_TRUNC | O_CREAT | TMPFILE_BIT)))
		return -EAGAIN;
	return check_flags(how->flags);
}

int vfs_openat2(struct vfs_task *task, int dirfd, const char *path,
		const struct vfs_open_how *how, size_t size)
{
	struct vfs__open_how wanted = {.place = NULL};
	struct vfs__thread *thread;
	int err = vfs__enter(task, &thread);

	if (err)
		return err;
	if (size < sizeof(*how))
		return -EINVAL;
	err = vfs__grown_check(how, size, sizeof(*how));
	if (!err)
		err = check_how(how);
	if (err)
		return err;
	wanted.flags = (uint32_t)how->flags;
	wanted.mode = (uint32_t)how->mode;
	wanted.resolve = (uint32_t)how->resolve;
	wanted.place = NULL;
	return vfs__open(thread, task, dirfd, path, &wanted);
}

/* Linux takes the descriptor before it looks at a handle's flags. */
static int check_flags_late(struct vfs__thread *thread, struct vfs_task *task,
			    uint64_t flags)
{
	struct vfs__fdtable *table;
	int err = check_flags(flags), fd;

	if (!err)
		return 0;
	fd = vfs__fd_reserve(thread, task, 0, &table);
	if (fd < 0)
		return fd;
	vfs__fd_release(thread, table, fd);
	return err;
}

int vfs_open_by_handle_at(struct vfs_task *task, int mount_fd,
			  const struct vfs_file_handle *handle, int flags)
{
	struct vfs__path place;
	struct vfs__open_how how = {
		.flags = (uint32_t)flags & KNOWN_FLAGS,
		.place = &place,
	};
	struct vfs__thread *thread;
	int result = vfs__enter(task, &thread);

	if (!result)
		result = vfs__handle_place(thread, task, mount_fd, handle,
					   &place);
	if (result)
		return result;
	if (how.flags & O_PATH)
		how.flags &= PATH_FLAGS;
	result = check_flags_late(thread, task, how.flags);
	if (!result)
		result = vfs__open(thread, task, AT_FDCWD, ".", &how);
	vfs__path_unref(thread, &place);
	return result;
}
