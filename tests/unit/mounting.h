/* SPDX-License-Identifier: MIT */
/* Mounting for tests, by the core's own functions: what is attached is taken
 * off in the reverse order before the instance ends. */
#ifndef TEST_MOUNTING_H
#define TEST_MOUNTING_H

#include "core/task.h"
#include "core/walk.h"
#include "support/check.h"
#include "util/epoch.h"

/* Where the mount is afterwards; source and options: none. */
static inline struct vfs_mount *
mount_type_at(struct vfs_task *task, const char *type, const char *path)
{
	struct vfs_mount_args args = {.size = sizeof(args)};
	struct vfs *vfs = vfs_task_instance(task);
	struct vfs__thread *self = vfs__self(vfs);
	struct vfs_super *super;
	struct vfs_dentry *root;
	struct vfs_mount *mnt;
	struct vfs__path at;

	check_ok(vfs__super_create(self, vfs, vfs__type_find(vfs, type), &args,
				   &super, &root));
	check_ok(vfs__mount_create(self, vfs, super, root, VFS__MNT_RELATIME,
				   &mnt));
	check_ok(vfs__path_lookup(self, task, AT_FDCWD, path, VFS__WALK_FOLLOW,
				  &at));
	check_ok(vfs__mount_attach(self, vfs, mnt, &at));
	vfs__path_unref(self, &at);
	return mnt;
}

static inline void unmount_it(struct vfs_task *task, struct vfs_mount *mnt)
{
	struct vfs *vfs = vfs_task_instance(task);
	struct vfs__thread *self = vfs__self(vfs);

	vfs__mount_detach(self, vfs, mnt);
	assert_int_equal(vfs__refs_sum(&mnt->refs, VFS__REFS_USERS), 0);
	vfs__mount_destroy(self, vfs, mnt);
}

#endif
