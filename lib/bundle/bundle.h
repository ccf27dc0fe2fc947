/* SPDX-License-Identifier: MIT */
/*
 * What the files of lib/bundle share: memory, what is said of a failure, and a
 * container in the making. Contract of the whole: <vfs/bundle.h>.
 *
 * Two tasks make a tree. `stage` stands in a tmpfs that nobody else sees, where
 * layers, sources of binds and device nodes are put together; `task` has the
 * container's root for its own, so that whatever a symlink of the rootfs says
 * leads nowhere else. They share a mount namespace and a table of descriptors.
 * At the end the container's root becomes the namespace's, the stage goes, and
 * task is given to the caller. On failure both go, and with them everything
 * that was mounted and opened.
 *
 * A bundle is made by one thread and takes no lock.
 */
#ifndef BUNDLE_H
#define BUNDLE_H

#include <stdbool.h>
#include <vfs/bundle.h>
#include <vfs/sys/backend.h>

#define BUNDLE_PATH_MAX 4096u

/* ---- memory (arena.c) ---- */

struct bundle_chunk;

/* Everything in it goes at once. */
struct bundle_arena {
	struct vfs *vfs;
	struct bundle_chunk *chunks;
};

/* - Zeroed, aligned to 16 bytes. NULL: out of memory. */
void *bundle_alloc(struct bundle_arena *arena, size_t size);
void *bundle_array(struct bundle_arena *arena, uint64_t count, size_t size);
char *bundle_copy(struct bundle_arena *arena, const char *text, size_t len);
char *bundle_printf(struct bundle_arena *arena, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
void bundle_arena_fini(struct bundle_arena *arena);

/* ---- what is said (report.c) ---- */

/* Longest line of the log. */
#define BUNDLE_LINE 512u

struct bundle_report {
	struct vfs *vfs;
	char *message; /* the caller's; may be NULL */
	size_t size;
	char where[BUNDLE_LINE]; /* the field or mount that is being done */
};

void bundle_where(struct bundle_report *r, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/* - "where: text: words for err" for the caller and the log; returns err. */
int bundle_fail(struct bundle_report *r, int err, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/* - The same without words, and -EINVAL: the text says it all. */
int bundle_refuse(struct bundle_report *r, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/* - A line to the log and no more. */
void bundle_note(struct bundle_report *r, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/* - -ENOMEM. */
int bundle_no_memory(struct bundle_report *r);

/* ---- a mount's options (options.c) ---- */

#define BUNDLE_PROPAGATIONS 8u

struct bundle_options {
	uint64_t flags; /* MS_* of a mount and a file system */
	uint64_t set;	/* MOUNT_ATTR_*, of all that is mounted below too */
	uint64_t clear;
	bool bind;
	bool rbind;
	bool remount;
	bool idmap;
	bool copy_up;
	uint32_t propagations;
	uint64_t propagation[BUNDLE_PROPAGATIONS]; /* in the order given */
	char *data;				   /* of the file system; "" */
};

/* - 0; -EINVAL and -ENOMEM with a report. */
int bundle_options_parse(struct bundle_arena *arena, struct bundle_report *r,
			 const char *const *options, uint64_t count,
			 struct bundle_options *out);
/* - MS_* of a kind of propagation; 0: there is none of that name. */
uint64_t bundle_propagation(const char *name);
/* - Whether text, options of hostfs, has one that only the bundle may give. */
bool bundle_takes_root(const char *text);

/* ---- a container in the making ---- */

/* One mount, as it will be made (plan.c). */
struct bundle_plan {
	const struct vfs_bundle_mount *spec;
	uint64_t index; /* in the spec */
	const char *type;
	const char *destination; /* clean: no `.`, `..`, double slash */
	uint32_t depth;		 /* components of it */
	int fd;			 /* given for its source; -1: none */
	bool seal;		 /* read-only as soon as it is filled */
	bool mounted;		 /* not passed over, and no remount */
	struct bundle_options options;
};

struct bundle_load {
	const struct vfs_bundle_spec *spec;
	struct bundle_report report;
	struct bundle_arena arena; /* for the time of the call */
	struct bundle_plan *plans; /* in the order in which they are made */
	struct vfs_userns *userns; /* NULL: none of its own */
	struct vfs_cred *outer;	   /* the instance's root */
	struct vfs_cred *inner;	   /* root of the container's namespace */
	struct vfs_task *stage;
	struct vfs_task *task; /* NULL: there is no root yet */
	uint32_t nodes;	       /* device nodes on the stage */
};

struct vfs_bundle {
	struct bundle_arena arena; /* it is in it, with everything but task */
	struct vfs_task *task;
	const char *executable;
	const char **args;
	uint64_t arg_count;
	const char **env;
	uint64_t env_count;
};

/* - Who task is from now on. */
void bundle_be_inner(struct bundle_load *b);
void bundle_be_outer(struct bundle_load *b);

/* An element of an array whose elements say how large they are. */
#define BUNDLE_AT(array, i)                                        \
	((__typeof__(array))(const void *)((const char *)(array) + \
					   (i) * (array)->size))

/* ---- the steps, in order; each reports its failure ---- */

/* check.c: everything that can be said without doing anything. */
int bundle_check(struct bundle_report *r, const struct vfs_bundle_spec *spec);
/* plan.c: mounts with their descriptors, sorted. */
int bundle_plan(struct bundle_load *b);
/* root.c: the namespace, the stage, the root; task exists afterwards. */
int bundle_make_root(struct bundle_load *b);
/* mount.c */
int bundle_make_mounts(struct bundle_load *b);
int bundle_make_tmp(struct bundle_load *b);
/* device.c */
int bundle_make_devices(struct bundle_load *b);
/* mask.c */
int bundle_mask(struct bundle_load *b);
/* root.c: the container's root becomes the namespace's. */
int bundle_enter_root(struct bundle_load *b);
/* process.c: credentials, places, descriptors, environment, program. */
int bundle_make_process(struct bundle_load *b, struct vfs_bundle *bundle);

/* ---- shared by some of them ---- */

/* source.c: the host's directory or file of a bind on the stage, as a tree that
 * is nowhere: a descriptor of the tasks, and whether it is a directory. */
int bundle_open_source(struct bundle_load *b, const struct bundle_plan *plan,
		       bool *is_dir);
/* source.c: a host's path, O_PATH | flags. */
int bundle_open_host(struct bundle_load *b, const char *path, int flags);
/* device.c: the same for a device node of the stage: a descriptor. */
int bundle_stage_node(struct bundle_load *b,
		      const struct vfs_bundle_device *device);
/* point.c: puts such a tree at path of the task's, and closes fd whatever
 * comes. The mount point is made, flags: VFS_MOUNTPOINT_*. */
int bundle_place(struct bundle_load *b, int fd, const char *path,
		 uint32_t flags);
/* - vfs_make_mountpoint, in memory also where a file system says that what is
 *   not there cannot be, as procfs does, and where a dangling link leads to. */
int bundle_make_point(struct bundle_load *b, const char *path, uint32_t flags);
/* copy.c: what is below from_fd into to_fd, directories of task's. */
int bundle_copy_tree(struct bundle_load *b, int from_fd, int to_fd);
/* - Host ids of the container's numbers; UINT32_MAX: they are not mapped. */
uint32_t bundle_uid(const struct bundle_load *b, uint32_t uid);
uint32_t bundle_gid(const struct bundle_load *b, uint32_t gid);

#endif
