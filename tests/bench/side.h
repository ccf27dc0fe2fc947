/* SPDX-License-Identifier: MIT */
/*
 * The two sides of every comparison. Both run the very same loops (loops.h),
 * compiled twice: once over the library's public calls (side_vfs.c), once
 * over system calls (side_kernel.c). Paths are relative to the side's tree;
 * side_path() makes them what the side's calls take.
 *
 * A call that fails where the benchmark needs it to work ends the program:
 * a figure for work that was not done would be a lie.
 */
#ifndef BENCH_SIDE_H
#define BENCH_SIDE_H

#include <stddef.h>
#include <stdint.h>

#define BENCH_PATH 256

struct side;

/* What a loop works on. Each thread has its own, on cache lines of its own. */
struct work {
	char path[BENCH_PATH];	/* with a name of digits at its end: see tail */
	char path2[BENCH_PATH]; /* rename's other name */
	char *tail;		/* the digits in path that name_step() counts */
	uint64_t name_count;	/* the digits go round after so many names */
	uint64_t name_next;
	int fd;
	void *buffer;
	size_t size;
	int64_t offset;
	uint64_t entries; /* out: what walk has seen */
} __attribute__((aligned(128)));

typedef void (*loop_fn)(const struct side *side, struct work *work,
			uint64_t count);

struct side_ops {
	/* Building trees. */
	void (*mkdir)(const struct side *side, const char *path);
	void (*mkfile)(const struct side *side, const char *path, size_t size);
	int (*open)(const struct side *side, const char *path, int flags);
	void (*close)(const struct side *side, int fd);
	/* Removes path, or every file in it (not those in directories below)
	 * and then path. */
	void (*unlink)(const struct side *side, const char *path);
	void (*remove_dir)(const struct side *side, const char *path);
	/* How many consecutive opens got the lowest free descriptor. */
	int (*lowest_fd)(const struct side *side, const char *path, int count);

	/* mount(2) by the tree's paths; try_mount: a negative errno. */
	int (*try_mount)(const struct side *side, const char *source,
			 const char *target, const char *type, uint64_t flags);
	void (*mount)(const struct side *side, const char *source,
		      const char *target, const char *type, uint64_t flags);
	void (*umount)(const struct side *side, const char *target);
	/* An overlay on target; layers by the tree's paths, topmost first. */
	int (*overlay)(const struct side *side, const char *const *lower,
		       size_t count, const char *upper, const char *work,
		       const char *target);
	/* In a second thread: *own is side with a descriptor table of its own,
	 * given back by leave. */
	void (*own_files)(const struct side *side, struct side *own);
	void (*leave)(struct side *own);

	/* What is measured. count is the number of rounds. */
	loop_fn stat_hit;	/* path */
	loop_fn stat_miss;	/* path, which must not exist */
	loop_fn open_close;	/* path */
	loop_fn open_write;	/* path: for writing, and closed; names step */
	loop_fn fstat;		/* fd */
	loop_fn lseek;		/* fd */
	loop_fn create_remove;	/* create, close, unlink path's next name */
	loop_fn mknod_remove;	/* the same without a descriptor */
	loop_fn create;		/* create, close path's next name */
	loop_fn rename;		/* path to path2; back in the next round */
	loop_fn mkdir_rmdir;	/* path's next name */
	loop_fn pread;		/* size bytes at offset of fd */
	loop_fn pwrite;		/* size bytes at offset of fd */
	loop_fn append;		/* count writes of size bytes to fd */
	loop_fn list;		/* the whole of directory fd */
	loop_fn bind_umount;	/* path onto path2, and off again */
	loop_fn unshare_mounts; /* into a copy of the mount namespace */
	loop_fn walk; /* list and stat the tree below path; adds to entries */
};

struct side {
	const struct side_ops *ops;
	const char *name;
	const char *prefix; /* "/" or "": what makes a path of a tree's path */
	struct vfs *vfs;    /* libvfs only */
	struct vfs_task *task; /* libvfs only */
};

/* A new instance with an empty tmpfs and one task; side_vfs_fini frees it. */
void side_vfs_init(struct side *side);
/* The same, but that it walks each path. */
void side_vfs_init_walking(struct side *side);
void side_vfs_fini(struct side *side);

/* The kernel's side works in the current directory, which kernel_tree_enter()
 * (kernel_tree.h) has chosen. */
void side_kernel_init(struct side *side);

/* Writes the side's form of path into out, of BENCH_PATH bytes. */
void side_path(const struct side *side, char *out, const char *path);

/* Sets work->path to dir/NNNNNNN and the count of names that go round. */
void work_names(const struct side *side, struct work *work, const char *dir,
		uint64_t count);

/* Says what failed and ends the program. error: a negative errno. */
void side_fail(const struct side *side, const char *what, int64_t error)
	__attribute__((noreturn, cold));

/* How many digits a counted name has. */
#define NAME_DIGITS 7

/* Makes path's tail the next name. Cheap: it is inside of what is timed, on
 * both sides alike. */
static inline void name_step(struct work *work)
{
	char *p = work->tail + NAME_DIGITS - 1;

	if (++work->name_next == work->name_count) {
		work->name_next = 0;
		__builtin_memset(work->tail, '0', NAME_DIGITS);
		return;
	}
	while (*p == '9')
		*p-- = '0';
	++*p;
}

#endif
