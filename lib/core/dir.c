/* SPDX-License-Identifier: MIT */
/*
 * Listing directories: getdents64. Positions 0 and 1 are `.` and `..`, the
 * others the backend's. Contract: rw.h, backend.h.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <vfs/dir.h>

#include "core/inode.h"
#include "core/notify.h"
#include "core/rw.h"
#include "core/synthdir.h"
#include "util/epoch.h"

#define HEADER offsetof(struct vfs_dirent, name)

/* Two overlapping copies of a fixed size beat a call. */
#define COPY_ENDS(type, to, name, len)                                       \
	do {                                                                 \
		type first_, last_;                                          \
                                                                             \
		memcpy(&first_, (name), sizeof(type));                       \
		memcpy(&last_, (name) + (len) - sizeof(type), sizeof(type)); \
		memcpy((to), &first_, sizeof(type));                         \
		memcpy((to) + (len) - sizeof(type), &last_, sizeof(type));   \
	} while (0)

/* The last thing that vfs_dir_emit does, and its result: so that names of the
 * usual length need no registers saved for a call. */
static int __attribute__((noinline))
copy_long_name(char *to, const char *name, uint32_t len)
{
	memcpy(to, name, len);
	return 1;
}

static inline int copy_name(char *to, const char *name, uint32_t len)
{
	if (len > 16)
		return copy_long_name(to, name, len);
	if (len >= 8)
		COPY_ENDS(uint64_t, to, name, len);
	else if (len >= 4)
		COPY_ENDS(uint32_t, to, name, len);
	else if (len >= 2)
		COPY_ENDS(uint16_t, to, name, len);
	else
		*to = *name;
	return 1;
}

int vfs_dir_emit(struct vfs_dir_context *context, const char *name,
		 uint32_t len, uint64_t ino, uint32_t type, int64_t next)
{
	size_t reclen = (HEADER + len + 1 + 7) & ~(size_t)7;
	uint16_t reclen16 = (uint16_t)reclen;
	char *at = context->cursor;

	if ((size_t)(context->end - at) < reclen) {
		context->full = 1;
		return 0;
	}
	context->last = at;
	context->cursor = at + reclen;
	context->position = next;
	/* the last word holds the NUL and the padding; names overwrite it */
	memset(at + reclen - 8, 0, 8);
	memcpy(at, &ino, 8);
	memcpy(at + 8, &next, 8);
	memcpy(at + 16, &reclen16, 2);
	at[18] = (char)type;
	return copy_name(at + HEADER, name, len);
}

/* The directory may be moved meanwhile, and the one that it was in removed. */
static uint64_t parent_ino(struct vfs__thread *thread,
			   const struct vfs_dentry *d)
{
	uint64_t ino;

	vfs__epoch_enter(thread);
	ino = vfs__dentry_inode(vfs__dentry_parent(d))->ino;
	vfs__epoch_leave(thread);
	return ino;
}

/* `.` and `..`, when the position is before them. False: no room. */
static bool emit_dots(struct vfs__thread *thread, struct vfs_file *file,
		      struct vfs_dir_context *context)
{
	if (context->position == 0 &&
	    !vfs_dir_emit(context, ".", 1, file->inode->ino, DT_DIR, 1))
		return false;
	if (context->position == 1 &&
	    !vfs_dir_emit(context, "..", 2,
			  parent_ino(thread, file->path.dentry), DT_DIR, 2))
		return false;
	return true;
}

static int64_t list(struct vfs__thread *thread, struct vfs_file *file,
		    void *buffer, size_t size, bool *read)
{
	struct vfs_inode *inode = file->inode;
	int64_t before = VFS_READ_ONCE(file->position);
	struct vfs_dir_context context = {.position = before,
					  .cursor = buffer,
					  .end = (char *)buffer + size};
	int err = 0;

	vfs__inode_lock_shared(inode);
	if (VFS_READ_ONCE(inode->flags) & VFS_INODE_DEAD)
		err = -ENOENT;
	else if (emit_dots(thread, file, &context) &&
		 (VFS_READ_ONCE(inode->flags) & VFS_INODE_MERGED))
		err = vfs__synthetic_iterate(thread, inode, file, &context);
	else if (!context.full || vfs__inode_is_remote(inode))
		err = inode->ops->iterate(inode, file, &context);
	vfs__inode_unlock_shared(inode);
	if (!err && !context.last && context.position == before && context.full)
		err = -EINVAL;
	/* a buffer too small for anything is an access all the same */
	*read = err != -ENOENT;
	if (err != -ENOENT && !(VFS_READ_ONCE(file->flags) & O_NOATIME))
		vfs__path_accessed(&file->path, inode);
	if (err && !context.last)
		return err;
	vfs__position_move(file, before, context.position);
	return context.cursor - (char *)buffer;
}

int64_t vfs__getdents(struct vfs__thread *thread, struct vfs_task *task, int fd,
		      void *buffer, size_t size)
{
	struct vfs_file *file = vfs__fd_get_io(thread, task, fd);
	bool read = false;
	int64_t n;

	if (!file)
		return -EBADF;
	if (!(vfs__file_mode(file) & VFS__FILE_DIR)) {
		n = -ENOTDIR;
	} else if (!buffer && size) {
		n = -EFAULT;
	} else {
		vfs__mutex_lock(&file->position_lock, VFS__RANK_POS);
		n = list(thread, file, buffer, size, &read);
		vfs__mutex_unlock(&file->position_lock, VFS__RANK_POS);
		if (read)
			vfs__notify_file(thread, file, VFS_IN_ACCESS);
	}
	vfs__file_unref(thread, file);
	return n;
}
