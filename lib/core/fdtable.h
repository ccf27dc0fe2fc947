/* SPDX-License-Identifier: MIT */
/*
 * Descriptor tables: fd -> open file. Also the owner of POSIX record locks, as
 * a process's file table is in Linux.
 *
 * Nobody takes a lock to open, find or close a descriptor. Numbers come in
 * chunks of 64: a word of bits says which are taken, and 64 words have pointers
 * to files and whether they are close-on-exec. Chunks never go before the table
 * does; the index of them is replaced when it grows, and freed after a grace
 * period.
 */
#ifndef VFS__FDTABLE_H
#define VFS__FDTABLE_H

#include "core/file.h"

#define VFS__FDCHUNK 64u

/* vfs__fdtable.state */
#define VFS__FDTABLE_ALIVE 0u
#define VFS__FDTABLE_FROZEN 1u /* being copied: nothing changes meanwhile */
#define VFS__FDTABLE_DEAD 2u   /* no task uses it */
#define VFS__FD_CLOEXEC ((uintptr_t)1) /* beside the file's address */

/*
 * Bits and the first files share a line on purpose: who opens or closes needs
 * both. A number's life: its bit is set (reserved), its file is stored (open),
 * the file is taken away again, its bit is cleared. Only who set the bit, or
 * took the file, does the next step.
 */
struct vfs__fdchunk {
	uint64_t open;		       /* atomic: taken numbers */
	uintptr_t files[VFS__FDCHUNK]; /* atomic: struct vfs_file *, CLOEXEC */
} __attribute__((aligned(64)));

struct vfs__fdindex {
	uint32_t count;		       /* constant */
	struct vfs__fdchunk *chunks[]; /* atomic; NULL: none is taken */
};

struct vfs__lock_wait;

/*
 * A task's table changes when close_range unshares it, while other threads of
 * the task may be in calls that began with the old one. So there are two
 * counts: with the last task the descriptors are closed and the table is dead;
 * its memory stays as long as a task keeps it that once used it.
 */
struct vfs__fdtable {
	struct vfs__fdchunk first; /* numbers below 64 */
	/* read by every call; of other chunks, NULL while there are none */
	struct vfs__fdindex *index; /* atomic; changed under lock */
	uint32_t posix_locks;	    /* atomic: any POSIX lock was ever set */
	uint32_t state;		    /* atomic: VFS__FDTABLE_*; lock */
	/* Chunks below the one in the low half have no free number. The high
	 * half counts the full chunks that had one freed. Atomic. */
	uint64_t hint;
	uint32_t ref;	  /* atomic: tasks */
	uint32_t keepers; /* atomic: all tasks together, and each former one */
	struct vfs__lock_wait *lock_waits; /* blocked F_SETLKW: locks_lock */
	struct vfs__mutex lock;		   /* FDTABLE: index, ref */
};

static inline struct vfs_file *vfs__fd_file(uintptr_t word)
{
	return (void *)(word & ~VFS__FD_CLOEXEC);
}

/* - Inside a section: the chunk of number fd, or NULL. */
static inline struct vfs__fdchunk *vfs__fd_chunk(struct vfs__fdtable *table,
						 uint32_t fd)
{
	struct vfs__fdindex *index;

	if (__builtin_expect(fd < VFS__FDCHUNK, 1))
		return &table->first;
	index = VFS_LOAD_POINTER(table->index);
	if (!index || fd / VFS__FDCHUNK >= index->count)
		return NULL;
	return VFS_LOAD_POINTER(index->chunks[fd / VFS__FDCHUNK]);
}

/* - Inside a section: the file of fd, or NULL. No reference. */
static inline struct vfs_file *vfs__fd_peek(struct vfs__fdtable *table, int fd)
{
	struct vfs__fdchunk *chunk;

	if (__builtin_expect((uint32_t)fd < VFS__FDCHUNK, 1))
		return vfs__fd_file(__atomic_load_n(&table->first.files[fd],
						    __ATOMIC_ACQUIRE));
	chunk = vfs__fd_chunk(table, (uint32_t)fd);
	if (!chunk)
		return NULL;
	return vfs__fd_file(__atomic_load_n(
		&chunk->files[(uint32_t)fd % VFS__FDCHUNK], __ATOMIC_ACQUIRE));
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
		    uint32_t minimum, struct vfs__fdtable **table);
void vfs__fd_fill(struct vfs__thread *thread, struct vfs__fdtable *table,
		  int fd, struct vfs_file *file, bool cloexec);
void vfs__fd_release(struct vfs__thread *thread, struct vfs__fdtable *table,
		     int fd);
/* - Whether fd still names file. */
bool vfs__fd_is(struct vfs__thread *thread, struct vfs__fdtable *table, int fd,
		const struct vfs_file *file);
/* - dup3: file's reference passes on success; what was there is closed. */
int vfs__fd_replace(struct vfs__thread *thread, struct vfs_task *task, int fd,
		    struct vfs_file *file, bool cloexec);
/* - close: 0 or -EBADF. */
int vfs__fd_close(struct vfs__thread *thread, struct vfs_task *task, int fd);
/* - close_range without its flags' checks; cloexec: mark instead of closing. */
void vfs__fd_close_range(struct vfs__thread *thread, struct vfs_task *task,
			 uint32_t first, uint32_t last, bool cloexec);
/* - FD_CLOEXEC of fd: 0, 1 or -EBADF. */
int vfs__fd_get_cloexec(struct vfs__thread *thread, struct vfs_task *task,
			int fd);
int vfs__fd_set_cloexec(struct vfs__thread *thread, struct vfs_task *task,
			int fd, bool cloexec);

/* - The first open number that is not below fd, or -EBADF. */
int vfs__fd_next(struct vfs__thread *thread, struct vfs_task *task,
		 uint32_t fd);

/* -- tables -- */

int vfs__fdtable_create(struct vfs__thread *thread, struct vfs__fdtable **out);
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
