/* SPDX-License-Identifier: MIT */
/* Permission checks that no call reaches on its own, and mounts' say. */
#include <unistd.h>

#include "core/instance.h"
#include "core/perm.h"
#include "core/task.h"
#include "support/check.h"

#define CAP(name) (UINT64_C(1) << VFS_CAP_##name)

static struct vfs_cred *make_cred(struct world *w, uint32_t uid, uint32_t gid,
				  uint64_t caps)
{
	const struct vfs_cred_spec spec = {
		.size = sizeof(spec),
		.uid = uid,
		.gid = gid,
		.fsuid = uid,
		.fsgid = gid,
		.cap_effective = caps,
		.cap_permitted = caps,
	};
	struct vfs_cred *cred;

	check_ok(vfs_cred_create(w->vfs, &spec, &cred));
	return cred;
}

/* Every mode, every mask: the class that fits first decides. */
static void test_perm__classes(void **state)
{
	struct world *w = *state;
	struct vfs_cred *creds[3] = {
		make_cred(w, 40, 50, 0),
		make_cred(w, 41, 50, 0),
		make_cred(w, 41, 51, 0),
	};

	for (uint32_t mode = 0; mode < 01000; mode++) {
		struct vfs_inode inode = {
			.mode = S_IFREG | mode,
			.uid = 40,
			.gid = 50,
		};

		for (int class = 0; class < 3; class ++) {
			uint32_t bits = mode >> (6 - 3 * class) & 7;

			for (uint32_t mask = 0; mask < 8; mask++)
				if (vfs__permission(creds[class], NULL, &inode,
						    mask) !=
				    (mask & ~bits ? -EACCES : 0))
					fail_msg("mode %o mask %o class %d",
						 mode, mask, class);
		}
	}
	for (int class = 0; class < 3; class ++)
		vfs_cred_unref(creds[class]);
}

static void test_perm__capabilities(void **state)
{
	struct world *w = *state;
	struct vfs_cred *search = make_cred(w, 1, 1, CAP(DAC_READ_SEARCH));
	struct vfs_cred *override = make_cred(w, 1, 1, CAP(DAC_OVERRIDE));
	struct vfs_inode file = {.mode = S_IFREG};
	struct vfs_inode program = {.mode = S_IFREG | 0100};
	struct vfs_inode dir = {.mode = S_IFDIR};

	for (uint32_t mask = 1; mask < 8; mask++) {
		bool writes = mask & VFS__MAY_WRITE;
		bool executes = mask & VFS__MAY_EXEC;

		check_eq(vfs__permission(search, NULL, &file, mask),
			 mask == VFS__MAY_READ ? 0 : -EACCES);
		check_eq(vfs__permission(search, NULL, &dir, mask),
			 writes ? -EACCES : 0);
		check_eq(vfs__permission(override, NULL, &file, mask),
			 executes ? -EACCES : 0);
		check_ok(vfs__permission(override, NULL, &program, mask));
		check_ok(vfs__permission(override, NULL, &dir, mask));
	}
	vfs_cred_unref(search);
	vfs_cred_unref(override);
}

/* A flag without an ACL: it has to be read first. */
static void test_perm__acl_not_loaded(void **state)
{
	struct world *w = *state;
	struct vfs_cred *owner = make_cred(w, 40, 50, 0);
	struct vfs_cred *other = make_cred(w, 41, 50, CAP(DAC_OVERRIDE));
	struct vfs_inode inode = {
		.mode = S_IFREG | 0770,
		.uid = 40,
		.gid = 50,
		.flags = VFS_INODE_ACL,
	};

	check_ok(vfs__permission(owner, NULL, &inode, VFS__MAY_READ));
	check_eq(vfs__permission(other, NULL, &inode, VFS__MAY_READ), -ECHILD);
	/* an empty mask leaves nothing to ask */
	inode.mode = S_IFREG | 0704;
	check_ok(vfs__permission(other, NULL, &inode, VFS__MAY_READ));
	vfs_cred_unref(owner);
	vfs_cred_unref(other);
}

static void test_perm__sticky(void **state)
{
	struct world *w = *state;
	struct vfs_cred *user = make_cred(w, 40, 40, 0);
	struct vfs_cred *fowner = make_cred(w, 40, 40, CAP(FOWNER));
	struct vfs_inode dir = {.mode = S_IFDIR | 01777};
	struct vfs_inode file = {.mode = S_IFREG | 0666};

	check_eq(vfs__sticky(user, NULL, &dir, &file), -EPERM);
	check_ok(vfs__sticky(fowner, NULL, &dir, &file));
	file.uid = 40;
	check_ok(vfs__sticky(user, NULL, &dir, &file));
	file.uid = 0;
	dir.uid = 40;
	check_ok(vfs__sticky(user, NULL, &dir, &file));
	dir.uid = 0;
	dir.mode = S_IFDIR | 0777;
	check_ok(vfs__sticky(user, NULL, &dir, &file));
	vfs_cred_unref(user);
	vfs_cred_unref(fowner);
}

static void test_perm__mount_flags(void **state)
{
	struct world *w = *state;
	struct vfs__fspaths *paths = w->task->fs->paths;
	struct vfs_mount *mnt = paths->root.mnt;
	const uint32_t flags = mnt->flags;
	struct vfs_statfs sfs;

	put_file(w->task, "/f", "");
	check_ok(vfs_chmod(w->task, "/f", 0755));
	check_ok(vfs_mkdir(w->task, "/d", 0755));
	check_ok(vfs_mkfifo(w->task, "/p", 0755));
	mnt->flags = flags | VFS__MNT_NOEXEC;
	check_eq(vfs_access(w->task, "/f", X_OK), -EACCES);
	check_ok(vfs_access(w->task, "/d", X_OK));
	check_ok(vfs_access(w->task, "/p", X_OK));
	mnt->flags = flags | VFS__MNT_RDONLY;
	check_eq(vfs_access(w->task, "/f", W_OK), -EROFS);
	check_eq(vfs_access(w->task, "/d", W_OK), -EROFS);
	/* permission is asked before the mount; nodes are not on it */
	check_eq(vfs_access(w->user, "/f", W_OK), -EACCES);
	check_ok(vfs_access(w->task, "/p", W_OK));
	check_eq(vfs_chmod(w->task, "/f", 0), -EROFS);
	check_eq(vfs_setxattr(w->task, "/f", "user.a", "", 0, 0), -EROFS);
	check_ok(vfs_statfs(w->task, "/f", &sfs));
	check_eq(sfs.flags & VFS__MNT_RDONLY, VFS__MNT_RDONLY);
	mnt->flags = flags;
	check_ok(vfs_access(w->task, "/f", W_OK | X_OK));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		world_test(test_perm__classes),
		world_test(test_perm__capabilities),
		world_test(test_perm__acl_not_loaded),
		world_test(test_perm__sticky),
		world_test(test_perm__mount_flags),
	};

	return cmocka_run_group_tests(tests, NULL, NULL) ? 1 : 0;
}
