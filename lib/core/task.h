/* SPDX-License-Identifier: MIT */
/*
 * Tasks: credentials, root and working directory, umask, descriptors, limits.
 *
 * cred and fs->paths are replaced whole and retired, so a walk reads them
 * inside its section without a reference.
 */
#ifndef VFS__TASK_H
#define VFS__TASK_H

#include <vfs/task.h>

#include "core/cred.h"
#include "core/fdtable.h"
#include "core/instance.h"
#include "core/wait.h"

/* An immutable pair of places; both referenced. */
struct vfs__fspaths {
	struct vfs__path root;
	struct vfs__path cwd;
};

/* What CLONE_FS shares. */
struct vfs__fs {
	uint32_t ref;		    /* atomic: tasks */
	uint32_t umask;		    /* atomic */
	struct vfs__mutex lock;	    /* serialises changes */
	struct vfs__fspaths *paths; /* atomic */
};

struct vfs_task {
	struct vfs *vfs;	    /* referenced */
	struct vfs_cred *cred;	    /* atomic; referenced */
	struct vfs__fs *fs;	    /* constant */
	struct vfs__fdtable *files; /* atomic: close_range may unshare it */
	struct vfs__past *past;	    /* tables before it: their locks */
	uint32_t ref;		    /* atomic */
	int32_t id;
	struct vfs_task *id_next;	 /* core/tasks.c: the table's lock */
	uint64_t fsize_cur, fsize_max;	 /* atomic: RLIMIT_FSIZE */
	uint64_t nofile_cur, nofile_max; /* atomic: RLIMIT_NOFILE */
	struct vfs__sleepers sleepers;	 /* core/wait.c: who to interrupt */
};

/* - Inside a section; valid until its end. */
static inline const struct vfs_cred *vfs__task_cred_peek(struct vfs_task *task)
{
	return VFS_LOAD_POINTER(task->cred);
}

/* - Both places as they are now, referenced. */
void vfs__task_paths(struct vfs__thread *thread, struct vfs_task *task,
		     struct vfs__fspaths *out);

/* - The working directory (or root) becomes path, which gets a reference of
 *   the task's own. 0, -ENOMEM. */
int vfs__task_set_path(struct vfs__thread *thread, struct vfs_task *task,
		       const struct vfs__path *path, bool root);

/* - The task gets a descriptor table of its own, if it shares one. */
int vfs__task_unshare_files(struct vfs__thread *thread, struct vfs_task *task);

/* - The task's credentials, until vfs__task_cred_put, which nests as calls do:
 *   what was got last is put first. */
struct vfs_cred *vfs__task_cred(struct vfs__thread *thread,
				struct vfs_task *task);
void vfs__task_cred_put(struct vfs__thread *thread, struct vfs_cred *cred);
/* - The thread will not come back: gives up what it keeps. */
void vfs__task_thread_exit(struct vfs__thread *thread);

#endif
