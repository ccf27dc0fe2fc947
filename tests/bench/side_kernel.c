/* SPDX-License-Identifier: MIT */
/* The kernel's side: system calls on the tmpfs that is the current directory.
 * fstat goes to its own system call where the structures agree, because some
 * C libraries take a longer way. */
#include "side.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

typedef struct stat call_stat_buf;

static inline int64_t negative(int64_t result)
{
	return result < 0 ? -errno : result;
}

static inline int call_is_dir(const call_stat_buf *st)
{
	return S_ISDIR(st->st_mode);
}

static inline int call_stat(const struct side *side, const char *path,
			    call_stat_buf *st)
{
	(void)side;
	return (int)negative(stat(path, st));
}

static inline int call_fstat(const struct side *side, int fd, call_stat_buf *st)
{
	(void)side;
#if (defined(__x86_64__) && defined(__LP64__)) || defined(__aarch64__)
	return (int)negative(syscall(SYS_fstat, fd, st));
#else
	return (int)negative(fstat(fd, st));
#endif
}

static inline int call_fstatat(const struct side *side, int fd,
			       const char *path, call_stat_buf *st)
{
	(void)side;
	return (int)negative(fstatat(fd, path, st, AT_SYMLINK_NOFOLLOW));
}

static inline int call_open(const struct side *side, const char *path,
			    int flags)
{
	(void)side;
	return (int)negative(open(path, flags, 0644));
}

static inline int call_openat(const struct side *side, int fd, const char *path,
			      int flags)
{
	(void)side;
	return (int)negative(openat(fd, path, flags, 0644));
}

static inline int call_close(const struct side *side, int fd)
{
	(void)side;
	return (int)negative(close(fd));
}

static inline int call_unlink(const struct side *side, const char *path)
{
	(void)side;
	return (int)negative(unlink(path));
}

static inline int call_unlinkat(const struct side *side, int fd,
				const char *path)
{
	(void)side;
	return (int)negative(unlinkat(fd, path, 0));
}

static inline int call_mkdir(const struct side *side, const char *path)
{
	(void)side;
	return (int)negative(mkdir(path, 0755));
}

static inline int call_mknod(const struct side *side, const char *path)
{
	(void)side;
	return (int)negative(mknod(path, S_IFREG | 0644, 0));
}

static inline int call_rmdir(const struct side *side, const char *path)
{
	(void)side;
	return (int)negative(rmdir(path));
}

static inline int call_rename(const struct side *side, const char *from,
			      const char *to)
{
	(void)side;
	return (int)negative(rename(from, to));
}

static inline int64_t call_lseek(const struct side *side, int fd,
				 int64_t offset, int whence)
{
	(void)side;
	return negative(lseek(fd, offset, whence));
}

static inline int64_t call_pread(const struct side *side, int fd, void *buffer,
				 size_t size, int64_t offset)
{
	(void)side;
	return negative(pread(fd, buffer, size, offset));
}

static inline int64_t call_pwrite(const struct side *side, int fd,
				  const void *buffer, size_t size,
				  int64_t offset)
{
	(void)side;
	return negative(pwrite(fd, buffer, size, offset));
}

static inline int64_t call_write(const struct side *side, int fd,
				 const void *buffer, size_t size)
{
	(void)side;
	return negative(write(fd, buffer, size));
}

static inline int64_t call_getdents(const struct side *side, int fd,
				    void *buffer, size_t size)
{
	(void)side;
	return negative(syscall(SYS_getdents64, fd, buffer, size));
}

static inline int call_mount(const struct side *side, const char *source,
			     const char *target, const char *type,
			     uint64_t flags)
{
	(void)side;
	return (int)negative(mount(source, target, type, flags, NULL));
}

static inline int call_mount_data(const struct side *side, const char *target,
				  const char *type, const char *data)
{
	(void)side;
	return (int)negative(mount("bench", target, type, 0, data));
}

static inline int call_umount(const struct side *side, const char *target)
{
	(void)side;
	return (int)negative(umount2(target, 0));
}

static inline int call_unshare_mounts(const struct side *side)
{
	(void)side;
	return (int)negative(unshare(CLONE_NEWNS));
}

static void op_own_files(const struct side *side, struct side *own)
{
	*own = *side;
	if (unshare(CLONE_FILES))
		side_fail(side, "unshare", -errno);
}

/* The table goes with the thread. */
static void op_leave(struct side *own)
{
	(void)own;
}

#include "loops.h"

void side_kernel_init(struct side *side)
{
	memset(side, 0, sizeof(*side));
	side->ops = &loops_table;
	side->name = "kernel";
	side->prefix = "";
}
