/* SPDX-License-Identifier: MIT */
/* libvfs's side: the public API only, as an application links it. */
#include "side.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <vfs/vfs.h>

typedef struct vfs_stat call_stat_buf;

static inline int call_is_dir(const call_stat_buf *st)
{
	return S_ISDIR(st->mode);
}

static inline int call_stat(const struct side *side, const char *path,
			    call_stat_buf *st)
{
	return vfs_stat(side->task, path, st);
}

static inline int call_fstat(const struct side *side, int fd, call_stat_buf *st)
{
	return vfs_fstat(side->task, fd, st);
}

static inline int call_fstatat(const struct side *side, int fd,
			       const char *path, call_stat_buf *st)
{
	return vfs_fstatat(side->task, fd, path, st, AT_SYMLINK_NOFOLLOW);
}

static inline int call_open(const struct side *side, const char *path,
			    int flags)
{
	return vfs_open(side->task, path, flags, 0644);
}

static inline int call_openat(const struct side *side, int fd, const char *path,
			      int flags)
{
	return vfs_openat(side->task, fd, path, flags, 0644);
}

static inline int call_close(const struct side *side, int fd)
{
	return vfs_close(side->task, fd);
}

static inline int call_unlink(const struct side *side, const char *path)
{
	return vfs_unlink(side->task, path);
}

static inline int call_unlinkat(const struct side *side, int fd,
				const char *path)
{
	return vfs_unlinkat(side->task, fd, path, 0);
}

static inline int call_mkdir(const struct side *side, const char *path)
{
	return vfs_mkdir(side->task, path, 0755);
}

static inline int call_mknod(const struct side *side, const char *path)
{
	return vfs_mknod(side->task, path, S_IFREG | 0644, 0);
}

static inline int call_rmdir(const struct side *side, const char *path)
{
	return vfs_rmdir(side->task, path);
}

static inline int call_rename(const struct side *side, const char *from,
			      const char *to)
{
	return vfs_rename(side->task, from, to);
}

static inline int64_t call_lseek(const struct side *side, int fd,
				 int64_t offset, int whence)
{
	return vfs_lseek(side->task, fd, offset, whence);
}

static inline int64_t call_pread(const struct side *side, int fd, void *buffer,
				 size_t size, int64_t offset)
{
	return vfs_pread(side->task, fd, buffer, size, offset);
}

static inline int64_t call_pwrite(const struct side *side, int fd,
				  const void *buffer, size_t size,
				  int64_t offset)
{
	return vfs_pwrite(side->task, fd, buffer, size, offset);
}

static inline int64_t call_write(const struct side *side, int fd,
				 const void *buffer, size_t size)
{
	return vfs_write(side->task, fd, buffer, size);
}

static inline int64_t call_getdents(const struct side *side, int fd,
				    void *buffer, size_t size)
{
	return vfs_getdents(side->task, fd, buffer, size);
}

static inline int call_mount(const struct side *side, const char *source,
			     const char *target, const char *type,
			     uint64_t flags)
{
	return vfs_mount(side->task, source, target, type, flags, NULL);
}

static inline int call_mount_data(const struct side *side, const char *target,
				  const char *type, const char *data)
{
	return vfs_mount(side->task, "bench", target, type, 0, data);
}

static inline int call_umount(const struct side *side, const char *target)
{
	return vfs_umount2(side->task, target, 0);
}

static inline int call_unshare_mounts(const struct side *side)
{
	return vfs_unshare(side->task, VFS_CLONE_NEWNS);
}

static void op_own_files(const struct side *side, struct side *own)
{
	int error;

	*own = *side;
	error = vfs_task_clone(side->task, VFS_CLONE_FS, &own->task);
	if (error < 0)
		side_fail(side, "vfs_task_clone", error);
}

static void op_leave(struct side *own)
{
	vfs_task_unref(own->task);
}

#include "loops.h"

static void init(struct side *side, uint32_t flags)
{
	/* Room for a million files on machines with little memory too. */
	struct vfs_config config = {
		.size = sizeof(config),
		.flags = flags,
		.root_options = "nr_inodes=4000000,mode=755",
	};
	int error;

	memset(side, 0, sizeof(*side));
	side->ops = &loops_table;
	side->name = "libvfs";
	side->prefix = "/";
	error = vfs_create(&config, &side->vfs);
	if (error < 0)
		side_fail(side, "vfs_create", error);
	error = vfs_task_create(side->vfs, NULL, &side->task);
	if (error < 0)
		side_fail(side, "vfs_task_create", error);
}

void side_vfs_init(struct side *side)
{
	init(side, 0);
}

void side_vfs_init_walking(struct side *side)
{
	init(side, VFS_CONFIG_NO_PATH_MEMORY);
}

void side_vfs_fini(struct side *side)
{
	vfs_task_unref(side->task);
	vfs_unref(side->vfs);
	side->task = NULL;
	side->vfs = NULL;
}
