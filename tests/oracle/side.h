/* SPDX-License-Identifier: MIT */
/*
 * A side: something that answers file-system calls. There are two kinds, the
 * kernel (side_kernel.c) and the library (side_vfs.c), behind one table of
 * functions whose types are those of the public API. The interpreter knows
 * only this table, so that every call is decoded once for both.
 */
#ifndef ORACLE_SIDE_H
#define ORACLE_SIDE_H

#include <stdbool.h>
#include <stdint.h>

#include <vfs/vfs.h>

#include "hostdir.h"
#include "text.h"

#define MAX_TASKS 4
#define MAX_SLOTS 16
#define MAX_MAPPINGS 8
#define MAX_HANDLES 8
#define MAX_ENDPOINTS 4
/* Descriptors from here on belong to the program, not to the script. */
#define FIRST_PRIVATE_FD 900
/* And from here on only until the script ends. */
#define KEPT_FD 950
/* The largest buffer that a call is given. */
#define BUFFER_SIZE (1u << 20)

/* Every call of the API that the two sides share. */
struct side_calls {
#define X(name) __typeof__(vfs_##name) *name;
#include "api_calls.inc"
#undef X
};

/* Set once at the start, for a kernel side that is a directory of some other
 * file system: what only tmpfs has is not compared. */
extern bool side_reduced;

/* Who a script can be: `as NAME`. */
struct who {
	const char *name;
	uint32_t uid; /* the real ids */
	uint32_t gid;
	uint32_t fsuid; /* the effective ids */
	uint32_t fsgid;
	uint32_t groups[4];
	uint32_t group_count;
	uint64_t caps; /* effective; every capability is permitted */
};

extern const struct who whos[];
extern const unsigned who_count;
/* This process as it is. */
const struct who *who_self(void);
/* NULL when there is none of that name. */
const struct who *who_find(const char *name);

struct side;

struct side_class {
	const char *name;
	struct side_calls calls;
	/* Makes an empty tree and task 0; called before each sequence. */
	void (*begin)(struct side *side);
	/* Everything that begin and clone made, but the mount. */
	void (*end)(struct side *side);
	void (*destroy)(struct side *side);
	/* A new instant: no later stamp equals an earlier one. */
	void (*tick)(struct side *side);
	/* The number of the instant of a stamp. */
	unsigned (*instant)(const struct side *side,
			    const struct vfs_timespec *time);
	int (*become)(struct side *side, const struct who *who);
	int (*limit)(struct side *side, int resource, uint64_t cur);
	/* tasks[to] := a clone of the current task. */
	int (*clone)(struct side *side, unsigned to, uint64_t flags);
	/* The maps of task's user namespace, which the current one made. */
	int (*set_maps)(struct side *side, unsigned task,
			const struct vfs_id_map *uids, size_t uid_count,
			const struct vfs_id_map *gids, size_t gid_count);
	void (*drop)(struct side *side, unsigned task);
	/* A descriptor of the current task's for task's mount namespace. */
	int (*open_ns)(struct side *side, unsigned task, uint64_t type);
	/* mountinfo as the current task sees it: its length, or an errno. */
	int64_t (*mountinfo)(struct side *side, char *buffer, size_t size);
	/* Sockets' names: bind(2) and connect(2); the endpoint of that number
	 * is then there, until it hangs up. */
	int (*bind)(struct side *side, unsigned number, const char *path,
		    uint32_t mode);
	int (*connect)(struct side *side, const char *path);
	void (*hang_up)(struct side *side, unsigned number);
	/* Runs function where task's calls are cheapest. */
	void (*run_on)(struct vfs_task *task, void (*function)(void *),
		       void *argument);
};

/* Numbers that are compared by identity: the first seen is 1. */
struct idmap {
	struct {
		uint64_t dev;
		uint64_t ino;
		unsigned number; /* 0: empty */
	} * slots;
	unsigned mask;
	unsigned count;
};

struct mapping {
	char *at; /* NULL: none yet */
	size_t length;
	uint64_t gone;	/* which of the pages, 64 at the most, were unmapped */
	bool inside;	/* of another one, which is the one to unmap */
	bool by_reader; /* its descriptor was open for reading alone */
};

/* How files are shown. */
enum detail {
	DETAIL_FULL,  /* times by which call made them */
	DETAIL_EXACT, /* times as they are */
	DETAIL_PLAIN  /* what does not depend on who made the tree, or when */
};

struct side {
	const struct side_class *class;
	const char *options; /* of the mount */
	const struct host *host;
	bool mounts;  /* the script mounts: see kernel_begin */
	bool overlay; /* its tree is one */
	bool keep;    /* the kernel's tree is not emptied at the beginning */
	bool opened;  /* what is shown is open, and may have no name */
	enum detail detail;
	/* Of the library's instance: what fails, asked with fault_context; and
	 * where its memory is from, an object at a time. NULL: as always. */
	int (*fault)(void *context, const char *call);
	void *fault_context;
	const struct vfs_allocator *allocator;
	struct vfs_task *tasks[MAX_TASKS];
	unsigned current;
	struct vfs_task *observer; /* root, for looking at the result */
	int slots[MAX_SLOTS];
	struct mapping mappings[MAX_MAPPINGS];
	bool ever_mapped; /* a file, since side_begin */
	bool removed;	  /* a name, since then */
	bool path_only;	  /* something was opened by O_PATH */
	bool was_old;	  /* the kernel had an old time of access: rules */
	struct vfs_file_handle handles[MAX_HANDLES];
	void *endpoints[MAX_ENDPOINTS]; /* as the class has them */
	struct idmap inodes;
	struct idmap devices;
	struct idmap groups; /* and namespaces: what mountinfo has */
	struct idmap cookies;
	char *buffer; /* BUFFER_SIZE */
	struct text out;
	int64_t result; /* of the last call */
	void *private;
};

static inline struct vfs_task *side_task(struct side *side)
{
	return side->tasks[side->current];
}

/* Whether what is free says nothing: a disk takes its time; a removed directory
 * may be held by a file that is open, or, where names are others', by any; and
 * O_PATH holds nothing on a host. */
static inline bool side_free_is_vague(const struct side *side)
{
	bool open = false;

	for (unsigned i = 0; i < MAX_SLOTS; i++)
		open |= side->slots[i] >= 0;
	return side->host->kind == HOST_EXT4 ||
	       (side->host->kind && side->removed &&
		(open || side->path_only || !side->host->exclusive));
}

/* What the kernel side runs in, best first. */
enum place {
	PLACE_MOUNT,	  /* root: a mount namespace */
	PLACE_USER_MOUNT, /* a user and mount namespace: one id only */
	PLACE_DIRECTORY	  /* a temporary directory: no root of its own */
};

extern const struct side_class kernel_class;
extern const struct side_class vfs_class;

/* What this process may do; tried in a child. */
enum place kernel_place(void);
/* Tasks in user namespaces of their own are possible: tried in a child. */
bool kernel_has_userns(void);
/* Overlays can be mounted: tried in a child. */
bool kernel_has_overlay(void);
/* Fine-grained stamps (Linux 6.13): instants can be told apart. */
bool kernel_fine_times(void);
/* inlined: task 0 is the calling thread, which then lives in the new root. */
struct side *kernel_create(enum place place, const char *options,
			   const struct host *host, bool inlined);
/* slow: VFS_CONFIG_SLOW_WALK and hardly a cache. On a hostfs, the calling
 * thread is the one that is to be the library's, and not the kernel's. */
struct side *vfs_side_create(enum place place, const char *options,
			     const struct host *host, bool slow);

struct side *side_create(const struct side_class *class, const char *options);
void side_begin(struct side *side);
void side_end(struct side *side);
void side_destroy(struct side *side);

/* The number of what was seen first as such. */
unsigned side_number(struct idmap *map, uint64_t dev, uint64_t ino);
void side_number_reset(struct idmap *map);
/* What is left of a mapping goes. */
void side_unmap(struct side *side, struct mapping *mapping);

/* Before a time of access that is an overlay's own business. */
#define SIDE_LOOSE " ~"
/* As text, comparable between sides. */
unsigned side_cookie(struct side *side, uint32_t cookie);
void side_time(struct side *side, const struct vfs_timespec *time);
void side_stat(struct side *side, const struct vfs_stat *stat);
/* The whole tree and the open descriptors, into out. */
void side_snapshot(struct side *side, struct text *out);

#endif
