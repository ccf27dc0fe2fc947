/* SPDX-License-Identifier: MIT */
/*
 * The instance: what every object of one virtual machine's file systems hangs
 * from. Reference-counted; each task holds one reference.
 */
#ifndef VFS__INSTANCE_H
#define VFS__INSTANCE_H

#include <vfs/instance.h>
#include <vfs/sys/backend.h>

#include "core/dcache.h"
#include "core/mount.h"
#include "util/domain.h"
#include "util/lock.h"
#include "util/table.h"

struct vfs__namespace;
struct vfs__mapping;
struct vfs__handle;

/* core/mapping.h */
struct vfs__mappings {
	struct vfs__mutex lock;	    /* rank MAPPINGS; protects the rest */
	uint32_t count;		    /* atomic */
	uint32_t capacity;	    /* of list */
	struct vfs__mapping **list; /* sorted by address */
};

/* core/handle.h */
struct vfs__handles {
	struct vfs__mutex lock; /* a leaf; protects the rest */
	uint32_t count;		/* of entries */
	uint32_t size;		/* of buckets: a power of two, or 0 */
	uint32_t zero;
	struct vfs__handle **buckets;
};

/* A device of the host, and what it is called here. */
struct vfs__host_dev {
	uint64_t host, shown;
};

/* core/hostfile.c */
struct vfs__hosts {
	struct vfs__mutex lock;	     /* a leaf; protects devs */
	struct vfs_mount *mounts[2]; /* atomic; NULL: not yet; [1]: readonly */
	struct vfs__host_dev *devs;
	uint32_t count, capacity;
};

struct vfs__mark;
struct vfs__notify_user;

struct vfs {
	/* constant after vfs_create */
	struct vfs__domain *domain;
	/* atomic: how much is watched, and 1 if strict. Every call has just
	 * read the line */
	uint32_t watched;
	const struct vfs_allocator *allocator; /* NULL: malloc's family */
	void (*now)(void *context, struct vfs_timespec *now);
	void *now_context;
	bool host_clock; /* now is the host's */
	bool strict;	 /* tree lock: some mount has been made strictatime */
	void (*log)(void *context, int32_t level, const char *message);
	void *log_context;
	int (*fault)(void *context, const char *call); /* NULL: none */
	void *fault_context;
	uint64_t hash_seed[2];
	uint32_t flags;
	uint32_t max_descriptors;
	struct vfs__namespace *root_ns;
	struct vfs_userns *root_userns;
	struct vfs_cred *root_cred;   /* ids 0, every capability */
	struct vfs_super *pipe_super; /* inodes of pipe2() */
	struct vfs_mount
		*pipe_mount; /* where their files live: not in the tree */
	struct vfs_mount *ns_mount;   /* the same for namespaces' files */
	struct vfs_mount *anon_mount; /* the same for what has no name at all */
	struct vfs_inode *anon_inode; /* and the one inode there */
	struct vfs_dentry *context;   /* what fsopen's files are */

	uint32_t ref;	     /* atomic */
	uint64_t next_task;  /* tasks_lock */
	uint32_t next_dev;   /* atomic: minor numbers of anonymous devices */
	uint64_t next_mount; /* atomic */
	uint64_t next_cred;  /* atomic */
	uint64_t next_synthetic; /* atomic: core/synthdir.c */

	struct vfs__mutex views_lock;  /* rank TASKS: views */
	struct vfs__list views;	       /* every struct vfs__fs */
	struct vfs__mutex userns_lock; /* who sets a map; a leaf */

	struct vfs__mutex types_lock; /* protects types; a leaf */
	struct vfs__table types;

	struct vfs__mutex devices_lock; /* the two: a leaf; core/device.c */
	struct vfs_device *devices;
	uint64_t next_device;

	struct vfs__mutex tasks_lock; /* protects tasks; a leaf */
	struct vfs_task *tasks;	      /* core/tasks.c: the tree's top */

	/* POSIX locks' waiters-for graph, and the lock lists: core/lock.c */
	struct vfs__mutex locks_lock;

	/* core/notify.c */
	struct {
		struct vfs__mutex lock;	 /* rank NOTIFY; of the rest: */
		struct vfs__mark *marks; /* all, newest first */
		struct vfs__notify_user *users;
		uint64_t sequence;
		uint32_t cookie;
		uint32_t max_groups, max_marks, max_events; /* constant */
	} notify;

	struct vfs__mounts mounts;     /* core/mount.c */
	struct vfs_mount *memfd_mount; /* atomic; core/memfd.c; NULL: not yet */
	struct vfs__mappings mappings; /* core/mapping.c */
	struct vfs__handles handles;   /* core/handle.c */
	struct vfs__hosts hosts;       /* core/hostfile.c */
	struct vfs__dcache dcache;     /* core/dcache.c */
};

/* - vfs_create, with the types that every instance knows: NULL-terminated. */
int vfs__instance_create(const struct vfs_config *config,
			 const struct vfs_filesystem_type *const *builtin,
			 struct vfs **out);

/* The calling thread's record; NULL: -ENOMEM is what the call returns. */
static inline struct vfs__thread *vfs__self(struct vfs *vfs)
{
	return vfs__thread_self(vfs->domain);
}

/* The same where the call cannot fail (giving a last reference back): waits
 * for memory if this thread comes by for the first time and there is none. */
struct vfs__thread *vfs__self_always(struct vfs *vfs);

#endif
