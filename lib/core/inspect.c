/* SPDX-License-Identifier: MIT */
/* What <vfs/sys/task.h> tells of a task's descriptors, places and mounts: with
 * a reference on the task, therefore without a lock held. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <vfs/sys/task.h>

#include "core/hostfile.h"
#include "core/jump.h"
#include "core/mountinfo.h"
#include "core/nsfs.h"
#include "core/path.h"
#include "core/pathname.h"
#include "core/tasks.h"

static void fill(const struct vfs_file *file, struct vfs_fd_info *out)
{
	uint32_t mode = vfs__file_mode(file);

	out->position = VFS_READ_ONCE(file->position);
	out->flags = VFS_READ_ONCE(file->flags);
	out->access = (mode & VFS__FILE_READ ? VFS_FD_READ : 0) |
		      (mode & VFS__FILE_WRITE ? VFS_FD_WRITE : 0);
	out->mnt_id = file->path.mnt->id;
	out->ino = file->inode->ino;
}

int vfs_task_fd(struct vfs *vfs, int32_t id, int fd, struct vfs_fd_info *info)
{
	struct vfs__thread *thread = vfs__self(vfs);
	struct vfs_task *task;
	struct vfs_file *file;
	int err = 0;

	if (!thread)
		return -ENOMEM;
	if (info->size < sizeof(*info))
		return -EINVAL;
	task = vfs__tasks_get(vfs, id);
	if (!task)
		return -ESRCH;
	file = vfs__fd_get(thread, task, fd);
	if (file) {
		fill(file, info);
		if (vfs__fd_get_cloexec(thread, task, fd) == 1)
			info->flags |= O_CLOEXEC;
		vfs__file_unref(thread, file);
	} else {
		err = -EBADF;
	}
	vfs_task_unref(task);
	return err;
}

/* A place of task, referenced. */
static int find_place(struct vfs__thread *thread, struct vfs_task *task,
		      int place, struct vfs__path *out)
{
	struct vfs__fspaths paths;
	struct vfs_file *file;

	if (place >= 0) {
		file = vfs__fd_get(thread, task, place);
		if (!file)
			return -ENOENT;
		*out = file->path;
		vfs__path_ref(thread, out);
		vfs__file_unref(thread, file);
		return 0;
	}
	if (place != VFS_PLACE_CWD && place != VFS_PLACE_ROOT)
		return -ENOENT;
	vfs__task_paths(thread, task, &paths);
	*out = place == VFS_PLACE_CWD ? paths.cwd : paths.root;
	vfs__path_unref(thread,
			place == VFS_PLACE_CWD ? &paths.root : &paths.cwd);
	return 0;
}

static int place_of(struct vfs__thread *thread, struct vfs *vfs, int32_t id,
		    int place, struct vfs__path *out)
{
	struct vfs_task *task = vfs__tasks_get(vfs, id);
	int err;

	if (!task)
		return -ENOENT;
	err = find_place(thread, task, place, out);
	vfs_task_unref(task);
	return err;
}

int vfs_jump_to(struct vfs_jump *jump, int32_t id, int place)
{
	int err = place_of(jump->thread, jump->vfs, id, place, &jump->to);

	jump->set = !err;
	return err;
}

/* What has no name of its own, in no tree: its kind, and its number. */
static int64_t describe_nameless(const struct vfs_dentry *dentry, char *scratch)
{
	struct vfs_inode *inode = dentry->inode;
	const char *type = inode->super->type->name;
	unsigned long long ino = inode->ino;

	if (vfs__inode_is_foreign(inode))
		return vfs__hostfile_describe(inode, scratch, VFS__PATH_MAX);
	if (S_ISFIFO(vfs__inode_mode(inode)))
		return snprintf(scratch, VFS__PATH_MAX, "pipe:[%llu]", ino);
	if (!strcmp(type, "nsfs"))
		return snprintf(scratch, VFS__PATH_MAX, "%s:[%llu]",
				vfs__nsfs_userns(inode) ? "user" : "mnt", ino);
	return snprintf(scratch, VFS__PATH_MAX, "anon_inode:%s",
			inode == inode->super->vfs->anon_inode ? "inotify"
							       : "[fscontext]");
}

/* What a place is called by task, in scratch; its length. */
static int64_t describe(struct vfs__thread *thread, struct vfs_task *task,
			const struct vfs__path *at, char *scratch, char **start)
{
	struct vfs__fspaths paths;
	int64_t len;

	*start = scratch;
	if (at->dentry != at->mnt->root && vfs__dentry_is_root(at->dentry))
		return describe_nameless(at->dentry, scratch);
	vfs__task_paths(thread, task, &paths);
	len = vfs__path_describe(thread, task->vfs, at, &paths.root, scratch,
				 VFS__PATH_MAX, start);
	vfs__path_unref(thread, &paths.root);
	vfs__path_unref(thread, &paths.cwd);
	return len;
}

int64_t vfs_task_place(struct vfs *vfs, int32_t id, int place, char *buffer,
		       size_t size)
{
	struct vfs__thread *thread = vfs__self(vfs);
	char *scratch, *start;
	struct vfs__path at;
	int64_t len;
	int err;

	scratch = thread ? vfs__mem_alloc(thread, VFS__PATH_MAX) : NULL;
	if (!scratch)
		return -ENOMEM;
	err = thread->task ? place_of(thread, vfs, id, place, &at) : -ENOENT;
	len = err;
	if (!err) {
		len = describe(thread, thread->task, &at, scratch, &start);
		vfs__path_unref(thread, &at);
	}
	if (len > (int64_t)size)
		len = (int64_t)size;
	if (len > 0)
		memcpy(buffer, start, (size_t)len);
	vfs__mem_free(thread, scratch, VFS__PATH_MAX);
	return len;
}

int vfs_task_mounts(struct vfs *vfs, int32_t id, uint32_t form, char **text,
		    size_t *size)
{
	struct vfs__thread *thread = vfs__self(vfs);
	struct vfs_task *task;
	int err;

	if (!thread)
		return -ENOMEM;
	if (form != VFS_MOUNTS_INFO && form != VFS_MOUNTS_OLD)
		return -EINVAL;
	task = vfs__tasks_get(vfs, id);
	if (!task)
		return -ESRCH;
	err = vfs__mountinfo(thread, task, form == VFS_MOUNTS_OLD, text, size);
	vfs_task_unref(task);
	return err;
}

struct each_type {
	int (*each)(void *context, const struct vfs_filesystem_type *type);
	void *context;
};

static int each_type(void *context, const char *key, void *value)
{
	struct each_type *e = context;

	(void)key;
	return e->each(e->context, value);
}

int vfs_filesystems(struct vfs *vfs,
		    int (*each)(void *context,
				const struct vfs_filesystem_type *type),
		    void *context)
{
	struct each_type e = {each, context};
	int result;

	vfs__mutex_lock(&vfs->types_lock, VFS__RANK_LEAF);
	result = vfs__table_foreach(&vfs->types, each_type, &e);
	vfs__mutex_unlock(&vfs->types_lock, VFS__RANK_LEAF);
	return result;
}
