/* SPDX-License-Identifier: MIT */
/*
 * The virtual tree and the host's, behind one table, so that cp copies from
 * any to any. The host's half speaks the host's own calls and turns errno
 * into the library's form.
 */
#include <sys/xattr.h>

#include "vfsh.h"

/* ---- the virtual tree ---- */

static int virtual_stat(struct shell *sh, const char *path, bool follow,
			struct vfs_stat *out)
{
	return follow ? vfs_stat(sh->task, path, out)
		      : vfs_lstat(sh->task, path, out);
}

static int virtual_open(struct shell *sh, const char *path, int flags,
			uint32_t mode)
{
	return vfs_open(sh->task, path, flags, mode);
}

static int64_t virtual_read(struct shell *sh, int fd, void *buffer, size_t size)
{
	return vfs_read(sh->task, fd, buffer, size);
}

static int64_t virtual_write(struct shell *sh, int fd, const void *buffer,
			     size_t size)
{
	return vfs_write(sh->task, fd, buffer, size);
}

static int64_t virtual_seek(struct shell *sh, int fd, int64_t offset,
			    int whence)
{
	return vfs_lseek(sh->task, fd, offset, whence);
}

static int virtual_resize(struct shell *sh, int fd, int64_t size)
{
	return vfs_ftruncate(sh->task, fd, size);
}

static int virtual_close(struct shell *sh, int fd)
{
	return vfs_close(sh->task, fd);
}

static int virtual_mkdir(struct shell *sh, const char *path, uint32_t mode)
{
	return vfs_mkdir(sh->task, path, mode);
}

static int virtual_mknod(struct shell *sh, const char *path, uint32_t mode,
			 uint64_t dev)
{
	return vfs_mknod(sh->task, path, mode, dev);
}

static int virtual_symlink(struct shell *sh, const char *target,
			   const char *path)
{
	return vfs_symlink(sh->task, target, path);
}

static int virtual_link(struct shell *sh, const char *from, const char *path)
{
	return vfs_link(sh->task, from, path);
}

static int virtual_unlink(struct shell *sh, const char *path)
{
	return vfs_unlink(sh->task, path);
}

static int virtual_chmod(struct shell *sh, const char *path, uint32_t mode)
{
	return vfs_fchmodat2(sh->task, AT_FDCWD, path, mode,
			     AT_SYMLINK_NOFOLLOW);
}

static int virtual_chown(struct shell *sh, const char *path, uint32_t uid,
			 uint32_t gid)
{
	return vfs_lchown(sh->task, path, uid, gid);
}

static int virtual_utimes(struct shell *sh, const char *path,
			  const struct vfs_timespec times[2])
{
	return vfs_utimensat(sh->task, AT_FDCWD, path, times,
			     AT_SYMLINK_NOFOLLOW);
}

static int64_t virtual_listxattr(struct shell *sh, const char *path, char *list,
				 size_t size)
{
	return vfs_llistxattr(sh->task, path, list, size);
}

static int64_t virtual_getxattr(struct shell *sh, const char *path,
				const char *name, void *value, size_t size)
{
	return vfs_lgetxattr(sh->task, path, name, value, size);
}

static int virtual_setxattr(struct shell *sh, const char *path,
			    const char *name, const void *value, size_t size)
{
	return vfs_lsetxattr(sh->task, path, name, value, size, 0);
}

const struct side sh_virtual_side = {
	.stat = virtual_stat,
	.list = sh_list,
	.readlink = sh_readlink,
	.open = virtual_open,
	.read = virtual_read,
	.write = virtual_write,
	.seek = virtual_seek,
	.resize = virtual_resize,
	.close = virtual_close,
	.mkdir = virtual_mkdir,
	.mknod = virtual_mknod,
	.symlink = virtual_symlink,
	.link = virtual_link,
	.unlink = virtual_unlink,
	.chmod = virtual_chmod,
	.chown = virtual_chown,
	.utimes = virtual_utimes,
	.listxattr = virtual_listxattr,
	.getxattr = virtual_getxattr,
	.setxattr = virtual_setxattr,
};

/* ---- the host ---- */

static int result(int value)
{
	return value < 0 ? -errno : value;
}

static int64_t count(int64_t value)
{
	return value < 0 ? -errno : value;
}

static struct vfs_timespec from_host(const struct timespec *when)
{
	return (struct vfs_timespec){.sec = when->tv_sec,
				     .nsec = (uint32_t)when->tv_nsec};
}

static int host_stat(struct shell *sh, const char *path, bool follow,
		     struct vfs_stat *out)
{
	struct stat stat;
	int error = fstatat(AT_FDCWD, path, &stat,
			    follow ? 0 : AT_SYMLINK_NOFOLLOW);

	(void)sh;
	if (error)
		return -errno;
	*out = (struct vfs_stat){
		.mode = stat.st_mode,
		.dev = stat.st_dev,
		.ino = stat.st_ino,
		.rdev = stat.st_rdev,
		.nlink = (uint32_t)stat.st_nlink,
		.uid = stat.st_uid,
		.gid = stat.st_gid,
		.blksize = (uint32_t)stat.st_blksize,
		.size = stat.st_size,
		.blocks = stat.st_blocks,
		.atime = from_host(&stat.st_atim),
		.mtime = from_host(&stat.st_mtim),
		.ctime = from_host(&stat.st_ctim),
	};
	return 0;
}

static int host_list(struct shell *sh, const char *path, struct names *out)
{
	struct dirent *entry;
	DIR *dir = opendir(path);
	int error;

	(void)sh;
	if (!dir)
		return -errno;
	for (;;) {
		errno = 0;
		entry = readdir(dir);
		if (!entry)
			break;
		if (strcmp(entry->d_name, ".") != 0 &&
		    strcmp(entry->d_name, "..") != 0)
			sh_names_add(out, sh_strdup(entry->d_name),
				     entry->d_type);
	}
	error = -errno;
	closedir(dir);
	if (error)
		sh_names_free(out);
	else
		sh_names_sort(out);
	return error;
}

static char *host_readlink(struct shell *sh, const char *path)
{
	char target[SH_PATH_SIZE];
	ssize_t length = readlink(path, target, sizeof(target));

	(void)sh;
	if (length < 0 || (size_t)length >= sizeof(target))
		return NULL;
	target[length] = '\0';
	return sh_strdup(target);
}

static int host_open(struct shell *sh, const char *path, int flags,
		     uint32_t mode)
{
	(void)sh;
	return result(open(path, flags | O_CLOEXEC | O_NOCTTY, mode));
}

static int64_t host_read(struct shell *sh, int fd, void *buffer, size_t size)
{
	(void)sh;
	return count(read(fd, buffer, size));
}

static int64_t host_write(struct shell *sh, int fd, const void *buffer,
			  size_t size)
{
	(void)sh;
	return count(write(fd, buffer, size));
}

static int64_t host_seek(struct shell *sh, int fd, int64_t offset, int whence)
{
	(void)sh;
	return count(lseek(fd, offset, whence));
}

static int host_resize(struct shell *sh, int fd, int64_t size)
{
	(void)sh;
	return result(ftruncate(fd, size));
}

static int host_close(struct shell *sh, int fd)
{
	(void)sh;
	return result(close(fd));
}

static int host_mkdir(struct shell *sh, const char *path, uint32_t mode)
{
	(void)sh;
	return result(mkdir(path, mode));
}

static int host_mknod(struct shell *sh, const char *path, uint32_t mode,
		      uint64_t dev)
{
	(void)sh;
	return result(mknod(path, mode, dev));
}

static int host_symlink(struct shell *sh, const char *target, const char *path)
{
	(void)sh;
	return result(symlink(target, path));
}

static int host_link(struct shell *sh, const char *from, const char *path)
{
	(void)sh;
	return result(link(from, path));
}

static int host_unlink(struct shell *sh, const char *path)
{
	(void)sh;
	return result(unlink(path));
}

/* The caller never asks this of a symbolic link. */
static int host_chmod(struct shell *sh, const char *path, uint32_t mode)
{
	(void)sh;
	return result(chmod(path, mode));
}

static int host_chown(struct shell *sh, const char *path, uint32_t uid,
		      uint32_t gid)
{
	(void)sh;
	return result(lchown(path, uid, gid));
}

static int host_utimes(struct shell *sh, const char *path,
		       const struct vfs_timespec times[2])
{
	struct timespec both[2] = {
		{.tv_sec = times[0].sec, .tv_nsec = times[0].nsec},
		{.tv_sec = times[1].sec, .tv_nsec = times[1].nsec},
	};

	(void)sh;
	return result(utimensat(AT_FDCWD, path, both, AT_SYMLINK_NOFOLLOW));
}

static int64_t host_listxattr(struct shell *sh, const char *path, char *list,
			      size_t size)
{
	(void)sh;
	return count(llistxattr(path, list, size));
}

static int64_t host_getxattr(struct shell *sh, const char *path,
			     const char *name, void *value, size_t size)
{
	(void)sh;
	return count(lgetxattr(path, name, value, size));
}

static int host_setxattr(struct shell *sh, const char *path, const char *name,
			 const void *value, size_t size)
{
	(void)sh;
	return result(lsetxattr(path, name, value, size, 0));
}

const struct side sh_host_side = {
	.stat = host_stat,
	.list = host_list,
	.readlink = host_readlink,
	.open = host_open,
	.read = host_read,
	.write = host_write,
	.seek = host_seek,
	.resize = host_resize,
	.close = host_close,
	.mkdir = host_mkdir,
	.mknod = host_mknod,
	.symlink = host_symlink,
	.link = host_link,
	.unlink = host_unlink,
	.chmod = host_chmod,
	.chown = host_chown,
	.utimes = host_utimes,
	.listxattr = host_listxattr,
	.getxattr = host_getxattr,
	.setxattr = host_setxattr,
};
