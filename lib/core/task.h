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
	struct vfs__fspaths *next; /* of those that nobody uses */
};

/* What CLONE_FS shares. */
struct vfs__fs {
	uint32_t ref;		    /* atomic: tasks */
	uint32_t umask;		    /* atomic */
	bool dead;		    /* no task has it any more: lock */
	struct vfs__mutex lock;	    /* serialises changes */
	struct vfs__fspaths *paths; /* atomic */
	struct vfs__list link;	    /* vfs.views: views_lock */
};

struct vfs__namespace;

struct vfs_task {
	struct vfs *vfs;       /* referenced, but by an inner one */
	struct vfs_cred *cred; /* atomic; referenced */
	uint32_t mapped;       /* atomic: some cred was mapped; never cleared */
	struct vfs__fs *fs;    /* atomic: unshare may replace it */
	struct vfs__namespace *ns;  /* atomic; counted */
	struct vfs__fdtable *files; /* atomic: close_range may unshare it */
	uint64_t domain_id;	    /* constant: of its instance's domain */
	struct vfs__past *past;	    /* tables before it: their locks */
	uint32_t ref;		    /* atomic */
	int32_t id;
	bool inner; /* constant: a file system's, see <vfs/sys/layer.h> */
	struct vfs_task *below, *above;	 /* core/tasks.c: the table's lock */
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

/* - root and cwd become paths, whose references pass on success; of an fs that
 *   nobody else has. 0, -ENOMEM. */
int vfs__task_set_paths(struct vfs__thread *thread, struct vfs_task *task,
			const struct vfs__fspaths *paths);
/* - Whether another task has the same root, working directory and umask. */
bool vfs__task_shares_fs(struct vfs__thread *thread, struct vfs_task *task);
/* - Its mask, as it is now. */
uint32_t vfs__task_umask(struct vfs__thread *thread, struct vfs_task *task);
/* - The task gets an fs of its own with these paths, whose references pass on
 *   success. 0, -ENOMEM. */
int vfs__task_replace_fs(struct vfs__thread *thread, struct vfs_task *task,
			 const struct vfs__fspaths *paths);
/*
 * What pivot_root does to every task whose root or working directory is the
 * old root. _prepare takes the lock on all tasks' views and the memory (0,
 * -ENOMEM: nothing is held); _finish changes them, if old is not NULL, and
 * gives the lock back. Before NAMESPACE.
 */
struct vfs__moved {
	struct vfs__fspaths *spare; /* by next */
};
int vfs__moved_prepare(struct vfs__thread *thread, struct vfs *vfs,
		       struct vfs__moved *moved);
void vfs__moved_finish(struct vfs__thread *thread, struct vfs *vfs,
		       struct vfs__moved *moved, const struct vfs__path *old,
		       const struct vfs__path *new_root);

/* - ns's reference passes; the old one is given back. */
void vfs__task_set_namespace(struct vfs__thread *thread, struct vfs_task *task,
			     struct vfs__namespace *ns);

/* - A task for calls on layers: <vfs/sys/layer.h>. 0, -ENOMEM. */
int vfs__task_create_inner(struct vfs__thread *thread, struct vfs *vfs,
			   struct vfs_task *like, struct vfs_task **out);

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
