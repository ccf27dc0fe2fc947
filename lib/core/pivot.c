/* SPDX-License-Identifier: MIT */
/* pivot_root(2). Contract: mount_calls.h. */
#include <errno.h>
#include <fcntl.h>

#include "core/mount_calls.h"
#include "core/walk.h"

struct pivot {
	struct vfs__thread *thread;
	struct vfs_task *task;
	struct vfs__path old_root; /* the task's root: referenced */
	struct vfs__path new_root; /* referenced */
	struct vfs__path put_old;  /* referenced */
};

static int check(const struct pivot *p)
{
	const struct vfs_mount *root = p->old_root.mnt;
	const struct vfs_mount *new = p->new_root.mnt;

	if (p->put_old.mnt->group || new->parent->group || root->parent->group)
		return -EINVAL;
	if (!vfs__in_own_namespace(p->task, root) ||
	    !vfs__in_own_namespace(p->task, new) ||
	    (vfs__mount_flags(new) & VFS__MNT_LOCKED))
		return -EINVAL;
	if (VFS_READ_ONCE(p->new_root.dentry->inode->flags) & VFS_INODE_DEAD)
		return -ENOENT;
	if (new == root || p->put_old.mnt == root)
		return -EBUSY;
	if (!vfs__path_is_mount(&p->old_root) || vfs__mount_is_root(root) ||
	    !vfs__path_is_mount(&p->new_root) || vfs__mount_is_root(new))
		return -EINVAL;
	if (!vfs__is_reachable(p->thread, &p->put_old, &p->new_root) ||
	    !vfs__is_reachable(p->thread, &p->new_root, &p->old_root))
		return -EINVAL;
	return 0;
}

/* new goes where the root was, the root onto put_old. */
static void turn(const struct pivot *p)
{
	struct vfs *vfs = p->task->vfs;
	struct vfs_mount *root = p->old_root.mnt, *new = p->new_root.mnt;
	struct vfs_mount *above = root->parent;
	struct vfs_dentry *left[2];

	vfs__dcache_rename_begin(vfs);
	left[0] = vfs__mount_unhash(new);
	left[1] = vfs__mount_unhash(root);
	if (vfs__mount_flags(root) & VFS__MNT_LOCKED) {
		vfs__mount_set_flags(new, VFS__MNT_LOCKED, VFS__MNT_LOCKED);
		vfs__mount_set_flags(root, VFS__MNT_LOCKED, 0);
	}
	vfs__mount_hash(new, above, left[1]);
	vfs__mount_hash(root, p->put_old.mnt, p->put_old.dentry);
	vfs__dcache_rename_end(vfs);
	vfs__mount_left(vfs, left[0]);
	VFS_WRITE_ONCE(new->expiring, false);
	vfs__dentry_unref(p->thread, left[0]);
	vfs__dentry_unref(p->thread, left[1]);
}

static int pivot(struct pivot *p)
{
	struct vfs__list out;
	struct vfs__moved moved;
	int err;

	err = vfs__moved_prepare(p->thread, p->task->vfs, &moved);
	if (err)
		return err;
	vfs__list_init(&out);
	err = vfs__attach_lock(p->thread, p->task, &p->put_old, false);
	if (!err) {
		err = check(p);
		if (!err)
			turn(p);
		vfs__attach_unlock(p->thread, p->task, &p->put_old, &out);
	}
	vfs__moved_finish(p->thread, p->task->vfs, &moved,
			  err ? NULL : &p->old_root, &p->new_root);
	return err;
}

int vfs__pivot_root(struct vfs__thread *thread, struct vfs_task *task,
		    const char *new_root, const char *put_old)
{
	const uint32_t how = VFS__WALK_FOLLOW | VFS__WALK_DIRECTORY;
	struct pivot p = {.thread = thread, .task = task};
	struct vfs__fspaths paths;
	int err;

	if (!vfs__may_mount(thread, task))
		return -EPERM;
	err = vfs__path_lookup(thread, task, AT_FDCWD, new_root, how,
			       &p.new_root);
	if (err)
		return err;
	err = vfs__path_lookup(thread, task, AT_FDCWD, put_old, how,
			       &p.put_old);
	if (!err) {
		vfs__task_paths(thread, task, &paths);
		vfs__path_unref(thread, &paths.cwd);
		p.old_root = paths.root;
		err = pivot(&p);
		vfs__path_unref(thread, &p.old_root);
		vfs__path_unref(thread, &p.put_old);
	}
	vfs__path_unref(thread, &p.new_root);
	return err;
}
