/* SPDX-License-Identifier: MIT */
/* getdents, and readdir's family on top of it. */
#include <fcntl.h>
#include <sys/stat.h>
#include <vfs/dir.h>
#include <vfs/file.h>

#include "api/call.h"
#include "core/rw.h"

#define DIR_BUFFER 32768u

struct vfs_dir {
	struct vfs_task *task; /* referenced */
	int fd;
	struct vfs__mutex lock; /* protects the rest */
	int64_t position;	/* behind the record returned last */
	size_t used, at;
	uint64_t buffer[DIR_BUFFER / 8];
};

int64_t vfs_getdents(struct vfs_task *task, int fd, void *buffer, size_t size)
{
	struct vfs__thread *thread;
	int err = vfs__enter(task, &thread);

	if (err)
		return err;
	return vfs__getdents(thread, task, fd, buffer, size);
}

static int dir_alloc(struct vfs__thread *thread, struct vfs_task *task, int fd,
		     struct vfs_dir **out)
{
	struct vfs_dir *dir = vfs__mem_alloc(thread, sizeof(*dir));

	if (!dir)
		return -ENOMEM;
	dir->task = vfs_task_ref(task);
	dir->fd = fd;
	vfs__mutex_init(&dir->lock);
	dir->position = 0;
	dir->used = dir->at = 0;
	*out = dir;
	return 0;
}

int vfs_opendir(struct vfs_task *task, const char *path, struct vfs_dir **out)
{
	struct vfs__thread *thread;
	int err = vfs__enter(task, &thread);
	int fd;

	if (err)
		return err;
	if (!out)
		return -EFAULT;
	fd = vfs_open(task, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
	if (fd < 0)
		return fd;
	err = dir_alloc(thread, task, fd, out);
	if (err)
		vfs_close(task, fd);
	return err;
}

int vfs_fdopendir(struct vfs_task *task, int fd, struct vfs_dir **out)
{
	struct vfs__thread *thread;
	struct vfs_file *file;
	int err = vfs__enter(task, &thread);

	if (err)
		return err;
	if (!out)
		return -EFAULT;
	file = vfs__fd_get_io(thread, task, fd);
	if (!file)
		return -EBADF;
	if (!(vfs__file_mode(file) & VFS__FILE_DIR))
		err = -ENOTDIR;
	else
		err = dir_alloc(thread, task, fd, out);
	if (!err)
		(*out)->position = VFS_READ_ONCE(file->position);
	vfs__file_unref(thread, file);
	return err;
}

int vfs_readdir(struct vfs_dir *dir, const struct vfs_dirent **out)
{
	const struct vfs_dirent *entry;
	int64_t n = 0;

	if (!dir || !out)
		return -EFAULT;
	vfs__mutex_lock(&dir->lock, VFS__RANK_POS);
	if (dir->at == dir->used) {
		/* the file's own position lock has the same rank */
		vfs__mutex_unlock(&dir->lock, VFS__RANK_POS);
		n = vfs_getdents(dir->task, dir->fd, dir->buffer, DIR_BUFFER);
		vfs__mutex_lock(&dir->lock, VFS__RANK_POS);
		dir->at = 0;
		dir->used = n > 0 ? (size_t)n : 0;
	}
	if (dir->at < dir->used) {
		entry = (const void *)((const char *)dir->buffer + dir->at);
		dir->at += entry->reclen;
		dir->position = entry->off;
		*out = entry;
		n = 1;
	} else if (!n) {
		*out = NULL;
	}
	vfs__mutex_unlock(&dir->lock, VFS__RANK_POS);
	return (int)n;
}

int64_t vfs_telldir(struct vfs_dir *dir)
{
	int64_t position;

	if (!dir)
		return -EFAULT;
	vfs__mutex_lock(&dir->lock, VFS__RANK_POS);
	position = dir->position;
	vfs__mutex_unlock(&dir->lock, VFS__RANK_POS);
	return position;
}

int vfs_seekdir(struct vfs_dir *dir, int64_t position)
{
	int64_t at;

	if (!dir)
		return -EFAULT;
	at = vfs_lseek(dir->task, dir->fd, position, 0);
	if (at < 0)
		return (int)at;
	vfs__mutex_lock(&dir->lock, VFS__RANK_POS);
	dir->position = at;
	dir->at = dir->used = 0;
	vfs__mutex_unlock(&dir->lock, VFS__RANK_POS);
	return 0;
}

int vfs_rewinddir(struct vfs_dir *dir)
{
	return vfs_seekdir(dir, 0);
}

int vfs_dirfd(struct vfs_dir *dir)
{
	return dir ? dir->fd : -EFAULT;
}

int vfs_closedir(struct vfs_dir *dir)
{
	struct vfs__thread *thread;
	struct vfs_task *task;
	int err;

	if (!dir)
		return -EFAULT;
	task = dir->task;
	thread = vfs__self_always(task->vfs);
	err = vfs_close(task, dir->fd);
	vfs__mem_free(thread, dir, sizeof(*dir));
	vfs_task_unref(task);
	return err;
}
