/* SPDX-License-Identifier: MIT */
/*
 * Descriptor tables: fd -> open file, read without a lock inside a section.
 * The arrays are replaced when they grow and freed after a grace period. The
 * lowest free number is found by a bitmap of two levels. Also the owner of
 * POSIX record locks, as a process's file table is in Linux.
 */
#ifndef VFS__FDTABLE_H
#define VFS__FDTABLE_H

#include "core/file.h"

struct vfs__fdarray {
	uint32_t size;		  /* constant: a power of two, at least 64 */
	uint64_t *open;		  /* bitmap: lock */
	uint64_t *full;		  /* bitmap of full words of open: lock */
	uint64_t *cloexec;	  /* bitmap: lock */
	struct vfs_file *files[]; /* atomic */
};

struct vfs__lock_wait;

/*
 * A task's table changes when close_range unshares it, while other threads of
 * the task may be in calls that began with the old one. So there are two
 * counts: with the last task the descriptors are closed and the table is dead;
 * its memory stays as long as a task keeps it that once used it.
 */
struct vfs__fdtable {
	struct vfs__fdarray *array; /* atomic: read by every call */
	uint32_t ref;		    /* atomic: tasks */
	uint32_t keepers; /* atomic: all tasks together, and each former one */
	uint32_t posix_locks; /* atomic: any POSIX lock was ever set */
	struct vfs__lock_wait *lock_waits; /* blocked F_SETLKW: locks_lock */
	/* written by every open and close: on a line of its own */
	struct vfs__mutex lock __attribute__((aligned(64))); /* FDTABLE */
	uint32_t lowest; /* no free number below: lock */
	bool dead;	 /* no task uses it: lock */
};

/* - Inside a section: the file of fd, or NULL. No reference. */
static inline struct vfs_file *vfs__fd_peek(struct vfs__fdtable *table, int fd)
{
	struct vfs__fdarray *array = VFS_LOAD_POINTER(table->array);

	if ((uint32_t)fd >= array->size)
		return NULL;
	return VFS_LOAD_POINTER(array->files[(uint32_t)fd]);
}

/* - The file of fd with a reference, or NULL. Takes a section of its own. */
struct vfs_file *vfs__fd_get(struct vfs__thread *thread, struct vfs_task *task,
			     int fd);
/* - The same, but NULL (-EBADF) for O_PATH files too. */
struct vfs_file *vfs__fd_get_io(struct vfs__thread *thread,
				struct vfs_task *task, int fd);

/* - Installs file (its reference passes on success) at the lowest free number
 *   >= minimum. The number, -EMFILE, -ENOMEM, -EINVAL (minimum too high). */
int vfs__fd_install(struct vfs__thread *thread, struct vfs_task *task,
		    struct vfs_file *file, uint32_t minimum, bool cloexec);
/* - Two at once, both or none (pipe2). */
int vfs__fd_install_pair(struct vfs__thread *thread, struct vfs_task *task,
			 struct vfs_file *const files[2], bool cloexec,
			 int fds[2]);
/* - Takes a number for a file that does not exist yet, so that open fails
 *   before it has done anything: fill or release it, in *table, which may not
 *   be the task's any more by then. file's reference passes. */
int vfs__fd_reserve(struct vfs__thread *thread, struct vfs_task *task,
		    uint32_t minimum, bool cloexec,
		    struct vfs__fdtable **table);
void vfs__fd_fill(struct vfs__thread *thread, struct vfs__fdtable *table,
		  int fd, struct vfs_file *file);
void vfs__fd_release(struct vfs__fdtable *table, int fd);
/* - dup3: file's reference passes on success; what was there is closed. */
int vfs__fd_replace(struct vfs__thread *thread, struct vfs_task *task, int fd,
		    struct vfs_file *file, bool cloexec);
/* - close: 0 or -EBADF. */
int vfs__fd_close(struct vfs__thread *thread, struct vfs_task *task, int fd);
/* - close_range without its flags' checks; cloexec: mark instead of closing. */
void vfs__fd_close_range(struct vfs__thread *thread, struct vfs_task *task,
			 uint32_t first, uint32_t last, bool cloexec);
/* - FD_CLOEXEC of fd: 0, 1 or -EBADF. */
int vfs__fd_get_cloexec(struct vfs_task *task, int fd);
int vfs__fd_set_cloexec(struct vfs_task *task, int fd, bool cloexec);

/* -- tables -- */

int vfs__fdtable_create(struct vfs__thread *thread, struct vfs *vfs,
			struct vfs__fdtable **out);
/* - The task's, with a reference for another task. */
struct vfs__fdtable *vfs__fdtable_share(struct vfs_task *task);
/* - A copy of the task's, as fork makes it: the same open files. */
int vfs__fdtable_clone(struct vfs__thread *thread, struct vfs_task *task,
		       struct vfs__fdtable **out);
/* - With the last reference every descriptor is closed. */
void vfs__fdtable_unref(struct vfs__thread *thread, struct vfs *vfs,
			struct vfs__fdtable *table);
/* - The memory is needed for longer than the reference; until let_go. */
static inline void vfs__fdtable_keep(struct vfs__fdtable *table)
{
	__atomic_fetch_add(&table->keepers, 1, __ATOMIC_RELAXED);
}
void vfs__fdtable_let_go(struct vfs__thread *thread,
			 struct vfs__fdtable *table);

#endif
