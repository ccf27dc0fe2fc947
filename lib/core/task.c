/* SPDX-License-Identifier: MIT */
/* Tasks. Contract: task.h. */
#include "core/task.h"

#include <errno.h>
#include <string.h>
#include <sys/resource.h>

#include "core/instance.h"
#include "core/mount_calls.h"
#include "core/namespace.h"
#include "core/notify.h"
#include "core/tasks.h"
#include "util/atomic.h"
#include "util/epoch.h"

/* ---- root and working directory ---- */

/* The references of `at` pass on success. */
static int fs_create(struct vfs__thread *thread, struct vfs *vfs,
		     const struct vfs__fspaths *at, uint32_t umask,
		     struct vfs__fs **out)
{
	struct vfs__fs *fs = vfs__mem_alloc(thread, sizeof(*fs));

	if (!fs)
		return -ENOMEM;
	fs->paths = vfs__mem_alloc(thread, sizeof(*fs->paths));
	if (!fs->paths) {
		vfs__mem_free(thread, fs, sizeof(*fs));
		return -ENOMEM;
	}
	*fs->paths = *at;
	fs->ref = 1;
	fs->umask = umask;
	fs->dead = false;
	vfs__mutex_init(&fs->lock);
	vfs__mutex_lock(&vfs->views_lock, VFS__RANK_TASKS);
	vfs__list_add(&vfs->views, &fs->link);
	vfs__mutex_unlock(&vfs->views_lock, VFS__RANK_TASKS);
	*out = fs;
	return 0;
}

static void fs_unref(struct vfs__thread *thread, struct vfs *vfs,
		     struct vfs__fs *fs)
{
	struct vfs__fspaths *paths;

	if (__atomic_sub_fetch(&fs->ref, 1, __ATOMIC_ACQ_REL))
		return;
	vfs__mutex_lock(&vfs->views_lock, VFS__RANK_TASKS);
	vfs__list_del(&fs->link);
	vfs__mutex_unlock(&vfs->views_lock, VFS__RANK_TASKS);
	/* not before: another task may have changed them until it let go */
	vfs__mutex_lock(&fs->lock, VFS__RANK_LEAF);
	paths = fs->paths;
	fs->dead = true;
	vfs__mutex_unlock(&fs->lock, VFS__RANK_LEAF);
	vfs__path_unref(thread, &paths->root);
	vfs__path_unref(thread, &paths->cwd);
	vfs__epoch_free(thread, paths, sizeof(*paths));
	vfs__epoch_free(thread, fs, sizeof(*fs));
}

/* References found inside a section; false: try again. */
static bool ref_paths(struct vfs__thread *thread, const struct vfs__fspaths *at)
{
	if (!vfs__dentry_tryref(at->root.dentry))
		return false;
	vfs__mount_ref(thread, at->root.mnt);
	if (vfs__dentry_tryref(at->cwd.dentry)) {
		vfs__mount_ref(thread, at->cwd.mnt);
		return true;
	}
	vfs__epoch_leave(thread);
	vfs__path_unref(thread, &at->root);
	vfs__epoch_enter(thread);
	return false;
}

void vfs__task_paths(struct vfs__thread *thread, struct vfs_task *task,
		     struct vfs__fspaths *out)
{
	bool ok;

	do {
		vfs__epoch_enter(thread);
		*out = *VFS_LOAD_POINTER(VFS_LOAD_POINTER(task->fs)->paths);
		ok = ref_paths(thread, out);
		vfs__epoch_leave(thread);
	} while (!ok);
}

/* The task's fs, locked; inside a section. Another thread may be replacing it:
 * then the old one is dead. */
static struct vfs__fs *lock_fs(struct vfs_task *task)
{
	struct vfs__fs *fs;

	for (;;) {
		fs = VFS_LOAD_POINTER(task->fs);
		vfs__mutex_lock(&fs->lock, VFS__RANK_LEAF);
		if (!fs->dead)
			return fs;
		vfs__mutex_unlock(&fs->lock, VFS__RANK_LEAF);
	}
}

bool vfs__task_shares_fs(struct vfs__thread *thread, struct vfs_task *task)
{
	bool shared;

	vfs__epoch_enter(thread);
	shared = VFS_READ_ONCE(VFS_LOAD_POINTER(task->fs)->ref) > 1;
	vfs__epoch_leave(thread);
	return shared;
}

/* Replaces root, cwd, or both, where path is not NULL; the references pass. In
 * a section, because unshare may be replacing the fs. */
static int set_paths(struct vfs__thread *thread, struct vfs_task *task,
		     const struct vfs__path *root, const struct vfs__path *cwd)
{
	struct vfs__fspaths *paths = vfs__mem_alloc(thread, sizeof(*paths));
	struct vfs__fspaths *old;
	struct vfs__fs *fs;

	if (!paths)
		return -ENOMEM;
	vfs__epoch_enter(thread);
	fs = lock_fs(task);
	old = fs->paths;
	*paths = *old;
	if (root)
		paths->root = *root;
	if (cwd)
		paths->cwd = *cwd;
	VFS_STORE_POINTER(fs->paths, paths);
	vfs__mutex_unlock(&fs->lock, VFS__RANK_LEAF);
	vfs__epoch_leave(thread);
	if (root)
		vfs__path_unref(thread, &old->root);
	if (cwd)
		vfs__path_unref(thread, &old->cwd);
	vfs__epoch_free(thread, old, sizeof(*old));
	return 0;
}

int vfs__task_set_path(struct vfs__thread *thread, struct vfs_task *task,
		       const struct vfs__path *path, bool root)
{
	int err;

	vfs__path_ref(thread, path);
	err = set_paths(thread, task, root ? path : NULL, root ? NULL : path);
	if (err)
		vfs__path_unref(thread, path);
	return err;
}

int vfs__task_set_paths(struct vfs__thread *thread, struct vfs_task *task,
			const struct vfs__fspaths *paths)
{
	return set_paths(thread, task, &paths->root, &paths->cwd);
}

VFS_HOT
uint32_t vfs__task_umask(struct vfs__thread *thread, struct vfs_task *task)
{
	uint32_t umask;

	vfs__epoch_enter(thread);
	umask = VFS_READ_ONCE(VFS_LOAD_POINTER(task->fs)->umask);
	vfs__epoch_leave(thread);
	return umask;
}

int vfs__task_replace_fs(struct vfs__thread *thread, struct vfs_task *task,
			 const struct vfs__fspaths *paths)
{
	struct vfs__fs *fs;
	int err = fs_create(thread, task->vfs, paths,
			    vfs__task_umask(thread, task), &fs);

	if (!err)
		fs_unref(thread, task->vfs,
			 __atomic_exchange_n(&task->fs, fs, __ATOMIC_ACQ_REL));
	return err;
}

void vfs__task_set_namespace(struct vfs__thread *thread, struct vfs_task *task,
			     struct vfs__namespace *ns)
{
	vfs__namespace_unref(
		thread, __atomic_exchange_n(&task->ns, ns, __ATOMIC_ACQ_REL));
}

/* ---- tasks ---- */

static struct vfs_cred *cred_ref(struct vfs__thread *thread,
				 struct vfs_task *task);

/* Without a reference on the instance. */
static int task_alloc_inner(struct vfs__thread *thread, struct vfs *vfs,
			    struct vfs_cred *cred, struct vfs_task **out)
{
	struct vfs_task *task = vfs__mem_alloc(thread, sizeof(*task));

	if (!task)
		return -ENOMEM;
	memset(task, 0, sizeof(*task));
	task->vfs = vfs;
	task->domain_id = vfs__domain_id(vfs->domain);
	task->cred = vfs_cred_ref(cred);
	task->mapped = cred->mapped;
	task->ref = 1;
	task->fsize_cur = task->fsize_max = VFS_RLIM_INFINITY;
	task->nofile_cur = task->nofile_max = vfs->max_descriptors;
	vfs__sleepers_init(&task->sleepers);
	*out = task;
	return 0;
}

static int task_alloc(struct vfs__thread *thread, struct vfs *vfs,
		      struct vfs_cred *cred, struct vfs_task **out)
{
	int err = task_alloc_inner(thread, vfs, cred, out);

	if (!err)
		vfs_ref(vfs);
	return err;
}

/* A task whose fs or files are still missing. */
static void task_discard(struct vfs__thread *thread, struct vfs_task *task)
{
	struct vfs *vfs = task->vfs;

	vfs_cred_unref(task->cred);
	vfs__mem_free(thread, task, sizeof(*task));
	vfs_unref(vfs);
}

int vfs_task_create(struct vfs *vfs, struct vfs_cred *cred,
		    struct vfs_task **out)
{
	struct vfs__thread *thread;
	struct vfs__fspaths at;
	struct vfs_task *task;
	int err;

	if (!vfs || !out)
		return -EFAULT;
	if (cred && cred->vfs != vfs)
		return -EINVAL;
	thread = vfs__self(vfs);
	if (!thread)
		return -ENOMEM;
	err = task_alloc(thread, vfs, cred ? cred : vfs->root_cred, &task);
	if (err)
		return err;
	err = vfs__namespace_root(thread, vfs->root_ns, &at.root);
	if (err)
		goto discard;
	at.cwd = at.root;
	vfs__path_ref(thread, &at.cwd);
	err = fs_create(thread, vfs, &at, 022, &task->fs);
	if (err)
		goto unref_paths;
	err = vfs__fdtable_create(thread, &task->files);
	if (err)
		goto unref_fs;
	task->ns = vfs__namespace_ref(vfs->root_ns);
	vfs__tasks_add(task);
	*out = task;
	return 0;

unref_fs:
	fs_unref(thread, vfs, task->fs);
	goto discard;
unref_paths:
	vfs__path_unref(thread, &at.root);
	vfs__path_unref(thread, &at.cwd);
discard:
	task_discard(thread, task);
	return err;
}

/* Its root is a directory of the core's that leads nowhere. */
int vfs__task_create_inner(struct vfs__thread *thread, struct vfs *vfs,
			   struct vfs_task *like, struct vfs_task **out)
{
	struct vfs_cred *cred =
		like ? cred_ref(thread, like) : vfs_cred_ref(vfs->root_cred);
	struct vfs__fspaths at;
	struct vfs_task *task;
	int err = task_alloc_inner(thread, vfs, cred, &task);

	vfs_cred_unref(cred);
	if (err)
		return err;
	task->inner = true;
	task->nofile_cur = task->nofile_max = INT32_MAX;
	at.root.mnt = at.cwd.mnt = vfs->anon_mount;
	at.root.dentry = at.cwd.dentry = vfs->anon_mount->root;
	vfs__path_ref(thread, &at.root);
	vfs__path_ref(thread, &at.cwd);
	err = -ENOMEM;
	task->ns = vfs__namespace_create(thread, vfs, true);
	if (task->ns)
		err = fs_create(thread, vfs, &at, 0, &task->fs);
	if (err)
		goto unref_paths;
	err = vfs__fdtable_create(thread, &task->files);
	if (err)
		goto unref_fs;
	*out = task;
	return 0;

unref_fs:
	fs_unref(thread, vfs, task->fs);
	goto unref_namespace;
unref_paths:
	vfs__path_unref(thread, &at.root);
	vfs__path_unref(thread, &at.cwd);
unref_namespace:
	vfs__namespace_unref(thread, task->ns);
	vfs_cred_unref(task->cred);
	vfs__mem_free(thread, task, sizeof(*task));
	return err;
}

static struct vfs__fs *share_fs(struct vfs__thread *thread,
				struct vfs_task *task)
{
	struct vfs__fs *fs;
	uint32_t ref;

	vfs__epoch_enter(thread);
	do {
		fs = VFS_LOAD_POINTER(task->fs);
		ref = VFS_READ_ONCE(fs->ref);
	} while (!ref || !__atomic_compare_exchange_n(&fs->ref, &ref, ref + 1,
						      true, __ATOMIC_ACQUIRE,
						      __ATOMIC_RELAXED));
	vfs__epoch_leave(thread);
	return fs;
}

/* What a clone has of root, cwd, umask and mount namespace; *ns counted. */
static int clone_view(struct vfs__thread *thread, struct vfs_task *task,
		      uint64_t flags, struct vfs_task *copy)
{
	struct vfs__namespace *ns = vfs__task_namespace(thread, task);
	struct vfs__fspaths at;
	int err = 0;

	if (flags & VFS_CLONE_FS) {
		copy->fs = share_fs(thread, task);
		copy->ns = ns;
		return 0;
	}
	vfs__task_paths(thread, task, &at);
	copy->ns = ns;
	if (flags & VFS_CLONE_NEWNS) {
		err = vfs__namespace_copy(thread, ns, copy->cred->userns, &at,
					  &copy->ns);
		vfs__namespace_unref(thread, ns);
	}
	if (!err) {
		err = fs_create(thread, task->vfs, &at,
				vfs__task_umask(thread, task), &copy->fs);
		if (err)
			vfs__namespace_unref(thread, copy->ns);
	}
	if (err) {
		vfs__path_unref(thread, &at.root);
		vfs__path_unref(thread, &at.cwd);
	}
	return err;
}

static void drop_view(struct vfs__thread *thread, struct vfs_task *task)
{
	fs_unref(thread, task->vfs, task->fs);
	vfs__namespace_unref(thread, task->ns);
}

static int clone_cred(struct vfs__thread *thread, struct vfs_task *task,
		      uint64_t flags, struct vfs_cred **out)
{
	if (flags & VFS_CLONE_NEWUSER)
		return vfs__userns_unshare(thread, task, out);
	*out = cred_ref(thread, task);
	return 0;
}

int vfs_task_clone(struct vfs_task *task, uint64_t flags, struct vfs_task **out)
{
	struct vfs__thread *thread;
	struct vfs_task *copy;
	struct vfs_cred *cred;
	int err;

	if (!task || !out)
		return -EFAULT;
	if (flags & ~(uint64_t)(VFS_CLONE_FS | VFS_CLONE_FILES |
				VFS_CLONE_NEWNS | VFS_CLONE_NEWUSER))
		return -EINVAL;
	if ((flags & VFS_CLONE_FS) &&
	    (flags & (VFS_CLONE_NEWNS | VFS_CLONE_NEWUSER)))
		return -EINVAL;
	thread = vfs__self(task->vfs);
	if (!thread)
		return -ENOMEM;
	err = clone_cred(thread, task, flags, &cred);
	if (err)
		return err;
	if ((flags & VFS_CLONE_NEWNS) &&
	    !vfs__capable_own(cred, VFS_CAP_SYS_ADMIN))
		err = -EPERM;
	else
		err = task_alloc(thread, task->vfs, cred, &copy);
	vfs_cred_unref(cred);
	if (err)
		return err;
	err = clone_view(thread, task, flags, copy);
	if (err)
		goto discard;
	if (flags & VFS_CLONE_FILES) {
		copy->files = vfs__fdtable_share(task);
	} else {
		err = vfs__fdtable_clone(thread, task, &copy->files);
		if (err)
			goto drop_view;
	}
	copy->fsize_cur = VFS_READ_ONCE(task->fsize_cur);
	copy->fsize_max = VFS_READ_ONCE(task->fsize_max);
	copy->nofile_cur = VFS_READ_ONCE(task->nofile_cur);
	copy->nofile_max = VFS_READ_ONCE(task->nofile_max);
	vfs__tasks_add(copy);
	*out = copy;
	return 0;

drop_view:
	drop_view(thread, copy);
discard:
	task_discard(thread, copy);
	return err;
}

struct vfs_task *vfs_task_ref(struct vfs_task *task)
{
	if (task)
		__atomic_fetch_add(&task->ref, 1, __ATOMIC_RELAXED);
	return task;
}

/* A table that the task no longer uses, but calls of other threads may:
 * they began when it was the task's. Its memory stays until the task's
 * end. */
struct vfs__past {
	struct vfs__past *next;
	struct vfs__fdtable *table;
};

static void drop_past(struct vfs__thread *thread, struct vfs_task *task)
{
	struct vfs__past *past;

	while ((past = task->past)) {
		task->past = past->next;
		vfs__fdtable_let_go(thread, past->table);
		vfs__mem_free(thread, past, sizeof(*past));
	}
}

void vfs_task_unref(struct vfs_task *task)
{
	struct vfs__thread *thread;
	struct vfs *vfs;
	bool inner;

	if (!task || __atomic_sub_fetch(&task->ref, 1, __ATOMIC_ACQ_REL))
		return;
	vfs = task->vfs;
	inner = task->inner;
	thread = vfs__self_always(vfs);
	if (!inner)
		vfs__tasks_remove(task);
	vfs__fdtable_unref(thread, vfs, task->files);
	drop_past(thread, task);
	drop_view(thread, task);
	vfs__notify_flush(thread);
	vfs_cred_unref(task->cred);
	if (thread->task == task)
		thread->task = NULL;
	vfs__mem_free(thread, task, sizeof(*task));
	if (!inner)
		vfs_unref(vfs);
}

int vfs_task_set_cred(struct vfs_task *task, struct vfs_cred *cred)
{
	if (!task || !cred)
		return -EFAULT;
	if (cred->vfs != task->vfs)
		return -EINVAL;
	vfs_cred_ref(cred);
	/* first: stat believes a 0 without a look at the credentials */
	if (cred->mapped)
		VFS_WRITE_ONCE(task->mapped, 1);
	/* its memory outlives the sections that may be looking at it */
	vfs_cred_unref(
		__atomic_exchange_n(&task->cred, cred, __ATOMIC_ACQ_REL));
	return 0;
}

static struct vfs_cred *cred_ref(struct vfs__thread *thread,
				 struct vfs_task *task)
{
	struct vfs_cred *cred;
	uint32_t ref;

	vfs__epoch_enter(thread);
	do {
		cred = VFS_LOAD_POINTER(task->cred);
		ref = VFS_READ_ONCE(cred->ref);
	} while (!ref || !vfs__cas_u32(&cred->ref, &ref, ref + 1));
	vfs__epoch_leave(thread);
	return cred;
}

/*
 * The thread keeps a reference on the credentials that it used last, so
 * that threads of one task do not meet at the counter.
 */
VFS_HOT
struct vfs_cred *vfs__task_cred(struct vfs__thread *thread,
				struct vfs_task *task)
{
	struct vfs_cred *cred = VFS_LOAD_POINTER(task->cred);

	if (__builtin_expect(cred == thread->cred, 1)) {
		thread->cred_pins++;
		return cred;
	}
	cred = cred_ref(thread, task);
	if (!thread->cred_pins) {
		vfs_cred_unref(thread->cred);
		thread->cred = cred;
		thread->cred_pins = 1;
	}
	return cred;
}

VFS_HOT
void vfs__task_cred_put(struct vfs__thread *thread, struct vfs_cred *cred)
{
	if (__builtin_expect(cred == thread->cred, 1))
		thread->cred_pins--;
	else
		vfs_cred_unref(cred);
}

void vfs__task_thread_exit(struct vfs__thread *thread)
{
	struct vfs_cred *cred = thread->cred;

	vfs__notify_flush(thread);
	thread->cred = NULL;
	vfs_cred_unref(cred);
}

struct vfs_cred *vfs_task_cred(struct vfs_task *task)
{
	struct vfs__thread *thread = task ? vfs__self(task->vfs) : NULL;

	return thread ? cred_ref(thread, task) : NULL;
}

struct vfs *vfs_task_instance(struct vfs_task *task)
{
	return task ? task->vfs : NULL;
}

int vfs__task_unshare_files(struct vfs__thread *thread, struct vfs_task *task)
{
	struct vfs__fdtable *old = VFS_LOAD_POINTER(task->files), *copy;
	struct vfs__past *past;
	bool mine;
	int err;

	if (VFS_READ_ONCE(old->ref) == 1)
		return 0;
	past = vfs__mem_alloc(thread, sizeof(*past));
	if (!past)
		return -ENOMEM;
	err = vfs__fdtable_clone(thread, task, &copy);
	if (err) {
		vfs__mem_free(thread, past, sizeof(*past));
		return err;
	}
	past->table = old;
	vfs__mutex_lock(&old->lock, VFS__RANK_FDTABLE);
	mine = task->files == old;
	if (mine) {
		vfs__fdtable_keep(old);
		past->next = task->past;
		task->past = past;
		VFS_STORE_POINTER(task->files, copy);
	}
	vfs__mutex_unlock(&old->lock, VFS__RANK_FDTABLE);
	if (!mine) {
		/* another thread of the task was faster */
		vfs__mem_free(thread, past, sizeof(*past));
		old = copy;
	}
	vfs__fdtable_unref(thread, task->vfs, old);
	return 0;
}

int32_t vfs_task_id(struct vfs_task *task)
{
	return task ? task->id : 0;
}

int vfs_task_interrupt(struct vfs_task *task)
{
	if (!task)
		return -EFAULT;
	vfs__sleepers_interrupt(&task->sleepers);
	return 0;
}

int vfs_umask(struct vfs_task *task, uint32_t mask)
{
	struct vfs__thread *thread = task ? vfs__self(task->vfs) : NULL;
	uint32_t old;

	if (!task)
		return -EFAULT;
	if (!thread)
		return -ENOMEM;
	vfs__epoch_enter(thread);
	old = __atomic_exchange_n(&VFS_LOAD_POINTER(task->fs)->umask,
				  mask & 0777, __ATOMIC_RELAXED);
	vfs__epoch_leave(thread);
	return (int)old;
}

/* ---- limits ---- */

static int limit_fields(struct vfs_task *task, int resource, uint64_t **cur,
			uint64_t **max)
{
	switch (resource) {
	case RLIMIT_FSIZE:
		*cur = &task->fsize_cur;
		*max = &task->fsize_max;
		return 0;
	case RLIMIT_NOFILE:
		*cur = &task->nofile_cur;
		*max = &task->nofile_max;
		return 0;
	default:
		return -EINVAL;
	}
}

int vfs_getrlimit(struct vfs_task *task, int resource, struct vfs_rlimit *limit)
{
	uint64_t *cur, *max;
	int err;

	if (!task || !limit)
		return -EFAULT;
	err = limit_fields(task, resource, &cur, &max);
	if (err)
		return err;
	limit->cur = VFS_READ_ONCE(*cur);
	limit->max = VFS_READ_ONCE(*max);
	return 0;
}

int vfs_setrlimit(struct vfs_task *task, int resource,
		  const struct vfs_rlimit *limit)
{
	struct vfs__thread *thread;
	uint64_t *cur, *max;
	bool capable;
	int err;

	if (!task || !limit)
		return -EFAULT;
	err = limit_fields(task, resource, &cur, &max);
	if (err)
		return err;
	if (limit->cur > limit->max)
		return -EINVAL;
	thread = vfs__self(task->vfs);
	if (!thread)
		return -ENOMEM;
	vfs__epoch_enter(thread);
	capable = vfs__capable(vfs__task_cred_peek(task), VFS_CAP_SYS_RESOURCE);
	vfs__epoch_leave(thread);
	if (resource == RLIMIT_NOFILE &&
	    limit->max > task->vfs->max_descriptors)
		return -EPERM;
	if (limit->max > VFS_READ_ONCE(*max) && !capable)
		return -EPERM;
	VFS_WRITE_ONCE(*cur, limit->cur);
	VFS_WRITE_ONCE(*max, limit->max);
	return 0;
}
