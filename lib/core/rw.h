/* SPDX-License-Identifier: MIT */
/*
 * Reading and writing, positions, sizes. Regular files of a non-blocking type
 * are read inside a read section, without a reference or a lock.
 */
#ifndef VFS__RW_H
#define VFS__RW_H

#include <vfs/file.h>

#include "core/task.h"

/* What one call transfers at the most, as Linux has it. */
#define VFS__IO_MAX ((size_t)0x7ffff000)
/* Among the RWF_ flags: not a vector. A plain read of no bytes is an access, a
 * vector of no bytes is nothing at all. */
#define VFS__IO_PLAIN 0x80000000u
/* The same: asks whether it could be done, and does nothing. */
#define VFS__IO_PROBE 0x40000000u
/* What F_GETFL shows of a 64-bit kernel, whatever the C library defines. */
#define VFS__O_LARGEFILE 0100000u

struct vfs__io {
	const struct vfs_iovec *iov;
	int count;
	int64_t offset; /* -1: the file's position, which moves */
	uint32_t flags; /* RWF_* */
};

/*
 * Who reads at the position and moves it holds position_lock, so that no two
 * get the same bytes. A seek to a place that does not depend on it just stores
 * it: then a transfer that is under way loses its move, as if it had come
 * first.
 */
static inline void vfs__position_move(struct vfs_file *file, int64_t from,
				      int64_t to)
{
	__atomic_compare_exchange_n(&file->position, &from, to, false,
				    __ATOMIC_RELAXED, __ATOMIC_RELAXED);
}

int64_t vfs__read(struct vfs__thread *thread, struct vfs_task *task, int fd,
		  const struct vfs__io *io);
/* - A vector of no bytes was read from a directory: that is an access. */
void vfs__read_nothing(struct vfs__thread *thread, struct vfs_task *task,
		       int fd);
int64_t vfs__write(struct vfs__thread *thread, struct vfs_task *task, int fd,
		   const struct vfs__io *io);
int64_t vfs__lseek(struct vfs__thread *thread, struct vfs_task *task, int fd,
		   int64_t offset, int whence);

/* - After a read that returned n: its trace, if it leaves one. Cold. */
void vfs__file_accessed(struct vfs__thread *thread, const struct vfs_file *file,
			int64_t n);

/* - On a referenced file, at *offset or its position (NULL). */
int64_t vfs__file_read(struct vfs__thread *thread, struct vfs_task *task,
		       struct vfs_file *file, const struct vfs_iovec *iov,
		       int count, int64_t *offset);
int64_t vfs__file_write(struct vfs__thread *thread, struct vfs_task *task,
			struct vfs_file *file, const struct vfs_iovec *iov,
			int count, int64_t *offset, uint32_t flags);

/* - Sets a regular file's size; always: mtime changes even when the size does
 *   not. Takes the lock. */
int vfs__truncate_path(struct vfs__thread *thread, struct vfs_task *task,
		       const struct vfs_cred *cred,
		       const struct vfs__path *path, int64_t size, bool always);

int vfs__truncate(struct vfs__thread *thread, struct vfs_task *task,
		  const char *path, int64_t length);
int vfs__ftruncate(struct vfs__thread *thread, struct vfs_task *task, int fd,
		   int64_t length);
int vfs__fallocate(struct vfs__thread *thread, struct vfs_task *task, int fd,
		   int mode, int64_t offset, int64_t length);
int64_t vfs__copy_file_range(struct vfs__thread *thread, struct vfs_task *task,
			     int fd_in, int64_t *off_in, int fd_out,
			     int64_t *off_out, size_t len, uint32_t flags);
/* - FICLONE of fd_in to out (referenced), or FICLONERANGE as *range has it. */
struct file_clone_range;
int vfs__clone(struct vfs__thread *thread, struct vfs_task *task, int fd_in,
	       struct vfs_file *out, const struct file_clone_range *range);
/* - copy_file_range at offsets, between file systems, too. */
int64_t vfs__copy_across(struct vfs__thread *thread, struct vfs_task *task,
			 int fd_in, int64_t in, int fd_out, int64_t out,
			 size_t len);
int64_t vfs__sendfile(struct vfs__thread *thread, struct vfs_task *task,
		      int out_fd, int in_fd, int64_t *offset, size_t count);

/* - getdents64(2) and the shared part of readdir. */
int64_t vfs__getdents(struct vfs__thread *thread, struct vfs_task *task, int fd,
		      void *buffer, size_t size);

#endif
