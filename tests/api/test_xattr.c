/* SPDX-License-Identifier: MIT */
/* Extended attributes: names, values, lists, and who may do what. */
#include <stdlib.h>
#include <sys/xattr.h>
#include <vfs/sys/backend.h>

#include "support/check.h"

#define SECOND INT64_C(1000000000)

static struct vfs_task *with_caps(struct world *w, uint64_t caps)
{
	const struct vfs_cred_spec spec = {
		.size = sizeof(spec),
		.uid = 1000,
		.gid = 1000,
		.fsuid = 1000,
		.fsgid = 1000,
		.cap_effective = caps,
		.cap_permitted = caps,
	};
	struct vfs_cred *cred;
	struct vfs_task *task;

	check_ok(vfs_cred_create(w->vfs, &spec, &cred));
	check_ok(vfs_task_create(w->vfs, cred, &task));
	vfs_cred_unref(cred);
	return task;
}

static int set(struct vfs_task *task, const char *path, const char *name,
	       const char *text)
{
	return vfs_setxattr(task, path, name, text, strlen(text), 0);
}

/* The value is text, and its length is told. */
static void check_value(struct vfs_task *task, const char *path,
			const char *name, const char *text)
{
	char value[100];
	int64_t len = vfs_getxattr(task, path, name, value, sizeof(value));

	check_eq(len, strlen(text));
	check_eq(memcmp(value, text, strlen(text)), 0);
	check_eq(vfs_getxattr(task, path, name, NULL, 0), len);
}

static void test_xattr__round_trip(void **state)
{
	struct world *w = *state;
	struct vfs_task *t = w->task;
	int fd;

	put_file(t, "/f", "");
	check_ok(vfs_symlink(t, "f", "/l"));
	check_eq(vfs_getxattr(t, "/f", "user.a", NULL, 0), -ENODATA);
	check_ok(set(t, "/f", "user.a", "one"));
	check_value(t, "/f", "user.a", "one");
	check_value(t, "/l", "user.a", "one");
	check_ok(set(t, "/l", "user.a", "longer than one"));
	check_value(t, "/f", "user.a", "longer than one");
	check_ok(set(t, "/f", "user.a", ""));
	check_value(t, "/f", "user.a", "");
	fd = check_fd(vfs_open(t, "/f", O_RDONLY, 0));
	check_ok(vfs_fsetxattr(t, fd, "user.b", "2", 1, 0));
	check_value(t, "/f", "user.b", "2");
	check_eq(vfs_fgetxattr(t, fd, "user.b", NULL, 0), 1);
	check_ok(vfs_fremovexattr(t, fd, "user.b"));
	check_eq(vfs_fgetxattr(t, fd, "user.b", NULL, 0), -ENODATA);
	check_ok(vfs_removexattr(t, "/l", "user.a"));
	check_eq(vfs_removexattr(t, "/f", "user.a"), -ENODATA);
	check_eq(vfs_flistxattr(t, fd, NULL, 0), 0);
}

static void test_xattr__create_and_replace(void **state)
{
	struct world *w = *state;
	struct vfs_task *t = w->task;
	const int both = XATTR_CREATE | XATTR_REPLACE;

	put_file(t, "/f", "");
	check_eq(vfs_setxattr(t, "/f", "user.a", "1", 1, XATTR_REPLACE),
		 -ENODATA);
	check_eq(vfs_setxattr(t, "/f", "user.a", "1", 1, both), -ENODATA);
	check_ok(vfs_setxattr(t, "/f", "user.a", "1", 1, XATTR_CREATE));
	check_eq(vfs_setxattr(t, "/f", "user.a", "2", 1, XATTR_CREATE),
		 -EEXIST);
	check_eq(vfs_setxattr(t, "/f", "user.a", "2", 1, both), -EEXIST);
	check_value(t, "/f", "user.a", "1");
	check_ok(vfs_setxattr(t, "/f", "user.a", "2", 1, XATTR_REPLACE));
	check_value(t, "/f", "user.a", "2");
}

static void test_xattr__sizes(void **state)
{
	struct world *w = *state;
	struct vfs_task *t = w->task;
	char *big = calloc(1, 65537), name[300], small[2];

	put_file(t, "/f", "");
	check_ok(vfs_setxattr(t, "/f", "user.big", big, 65536, 0));
	check_eq(vfs_setxattr(t, "/f", "user.big", big, 65537, 0), -E2BIG);
	check_eq(vfs_getxattr(t, "/f", "user.big", big, 65536), 65536);
	check_eq(vfs_getxattr(t, "/f", "user.big", small, 2), -ERANGE);
	memset(name, 'x', sizeof(name));
	memcpy(name, "user.", 5);
	name[256] = 0;
	check_eq(vfs_setxattr(t, "/f", name, "", 0, 0), -ERANGE);
	check_eq(vfs_getxattr(t, "/f", name, NULL, 0), -ERANGE);
	check_eq(vfs_removexattr(t, "/f", name), -ERANGE);
	name[255] = 0;
	check_ok(vfs_setxattr(t, "/f", name, "", 0, 0));
	check_ok(vfs_removexattr(t, "/f", name));
	check_eq(vfs_setxattr(t, "/f", "", "", 0, 0), -ERANGE);
	free(big);
}

static void test_xattr__arguments_in_order(void **state)
{
	struct world *w = *state;
	struct vfs_task *t = w->task;
	char value[4];
	int fd;

	put_file(t, "/f", "");
	check_ok(set(t, "/f", "user.a", "123"));
	/* flags, name, size, value, and only then the path */
	check_eq(vfs_setxattr(t, "/no", "", NULL, 70000, 8), -EINVAL);
	check_eq(vfs_setxattr(t, "/no", "", NULL, 70000, 0), -ERANGE);
	check_eq(vfs_setxattr(t, "/no", NULL, NULL, 70000, 0), -EFAULT);
	check_eq(vfs_setxattr(t, "/no", "u", NULL, 70000, 0), -E2BIG);
	check_eq(vfs_setxattr(t, "/no", "u", NULL, 1, 0), -EFAULT);
	check_eq(vfs_setxattr(t, "/no", "u", NULL, 0, 0), -ENOENT);
	check_eq(vfs_getxattr(t, "/no", "", NULL, 0), -ERANGE);
	check_eq(vfs_getxattr(t, "/no", NULL, NULL, 0), -EFAULT);
	check_eq(vfs_getxattr(t, NULL, "u", NULL, 0), -EFAULT);
	check_eq(vfs_fsetxattr(t, 99, "u", NULL, 0, 8), -EINVAL);
	check_eq(vfs_fsetxattr(t, 99, "u", NULL, 0, 0), -EBADF);
	/* a wrong buffer is noticed when there is something to copy */
	check_eq(vfs_getxattr(t, "/f", "user.no", NULL, 9), -ENODATA);
	check_eq(vfs_getxattr(t, "/f", "user.a", NULL, 9), -EFAULT);
	check_eq(vfs_getxattr(t, "/f", "user.a", NULL, 2), -ERANGE);
	check_eq(vfs_listxattr(t, "/f", NULL, 9), -EFAULT);
	check_eq(vfs_listxattr(t, "/f", NULL, 2), -ERANGE);
	fd = check_fd(vfs_open(t, "/f", O_PATH, 0));
	check_eq(vfs_fgetxattr(t, fd, "user.a", value, 4), -EBADF);
	check_eq(vfs_flistxattr(t, fd, value, 4), -EBADF);
	check_eq(vfs_fremovexattr(t, fd, "user.a"), -EBADF);
	check_eq(vfs_getxattr(NULL, "/f", "user.a", value, 4), -EFAULT);
	check_eq(vfs_listxattr(NULL, "/f", NULL, 0), -EFAULT);
	check_eq(vfs_removexattr(NULL, "/f", "user.a"), -EFAULT);
}

static void test_xattr__namespaces(void **state)
{
	struct world *w = *state;
	static const struct {
		const char *name;
		int error;
	} cases[] = {
		{"user.", -EINVAL},	   {"security.", -EINVAL},
		{"trusted.", -EINVAL},	   {"system.", -EOPNOTSUPP},
		{"system.x", -EOPNOTSUPP}, {"user", -EOPNOTSUPP},
		{"other.x", -EOPNOTSUPP},  {"x", -EOPNOTSUPP},
		{"USER.x", -EOPNOTSUPP},   {".", -EOPNOTSUPP},
		{"security", -EOPNOTSUPP},
	};

	put_file(w->task, "/f", "");
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const char *name = cases[i].name;

		check_eq(set(w->task, "/f", name, "1"), cases[i].error);
		check_eq(vfs_getxattr(w->task, "/f", name, NULL, 0),
			 cases[i].error);
		check_eq(vfs_removexattr(w->task, "/f", name), cases[i].error);
	}
	/* permission comes before a namespace that nobody knows */
	check_ok(vfs_chmod(w->task, "/f", 0600));
	check_eq(set(w->user, "/f", "other.x", "1"), -EACCES);
	check_eq(vfs_getxattr(w->user, "/f", "other.x", NULL, 0), -EACCES);
	check_eq(set(w->user, "/f", "system.x", "1"), -EOPNOTSUPP);
}

static void test_xattr__user(void **state)
{
	struct world *w = *state;
	struct vfs_task *t = w->task, *u = w->user;

	put_file(t, "/f", "");
	check_ok(vfs_mkdir(t, "/d", 01777));
	check_ok(vfs_mkfifo(t, "/p", 0666));
	check_ok(vfs_symlink(t, "f", "/l"));
	check_ok(set(t, "/f", "user.a", "1"));
	check_ok(vfs_chmod(t, "/f", 0644));
	check_eq(set(u, "/f", "user.a", "2"), -EACCES);
	check_eq(vfs_removexattr(u, "/f", "user.a"), -EACCES);
	check_value(u, "/f", "user.a", "1");
	check_ok(vfs_chmod(t, "/f", 0622));
	check_eq(vfs_getxattr(u, "/f", "user.a", NULL, 0), -EACCES);
	check_ok(set(u, "/f", "user.a", "2"));
	/* only of files and directories */
	check_eq(vfs_lsetxattr(t, "/l", "user.a", "1", 1, 0), -EPERM);
	check_eq(vfs_lgetxattr(t, "/l", "user.a", NULL, 0), -ENODATA);
	check_eq(vfs_lremovexattr(t, "/l", "user.a"), -EPERM);
	check_eq(set(t, "/p", "user.a", "1"), -EPERM);
	check_eq(vfs_getxattr(t, "/p", "user.a", NULL, 0), -ENODATA);
	/* a sticky directory is its owner's */
	check_eq(set(u, "/d", "user.a", "1"), -EPERM);
	check_eq(vfs_removexattr(u, "/d", "user.a"), -EPERM);
	check_ok(vfs_chown(t, "/d", 1000, 1000));
	check_ok(set(u, "/d", "user.a", "1"));
	check_ok(vfs_chown(t, "/d", 0, 0));
	check_ok(vfs_chmod(t, "/d", 0777));
	check_ok(set(u, "/d", "user.a", "2"));
}

static void test_xattr__trusted(void **state)
{
	struct world *w = *state;
	struct vfs_task *t = w->task, *u = w->user;
	struct vfs_task *admin = with_caps(w, UINT64_C(1) << VFS_CAP_SYS_ADMIN);

	put_file(t, "/f", "");
	check_ok(vfs_symlink(t, "f", "/l"));
	check_ok(vfs_chmod(t, "/f", 0666));
	check_ok(set(t, "/f", "trusted.a", "1"));
	check_eq(set(u, "/f", "trusted.a", "2"), -EPERM);
	check_eq(vfs_getxattr(u, "/f", "trusted.a", NULL, 0), -ENODATA);
	check_eq(vfs_removexattr(u, "/f", "trusted.a"), -EPERM);
	check_ok(vfs_chmod(t, "/f", 0));
	check_ok(set(admin, "/f", "trusted.a", "3"));
	check_value(admin, "/f", "trusted.a", "3");
	check_ok(vfs_lsetxattr(t, "/l", "trusted.b", "1", 1, 0));
	check_eq(vfs_llistxattr(t, "/l", NULL, 0), 10);
	check_eq(vfs_llistxattr(u, "/l", NULL, 0), 0);
	vfs_task_unref(admin);
}

static void test_xattr__security(void **state)
{
	struct world *w = *state;
	struct vfs_task *t = w->task, *u = w->user;

	put_file(t, "/f", "");
	check_ok(vfs_chown(t, "/f", 1000, 1000));
	check_eq(set(u, "/f", "security.a", "1"), -EPERM);
	check_eq(vfs_removexattr(u, "/f", "security.a"), -EPERM);
	check_ok(set(t, "/f", "security.a", "1"));
	check_ok(vfs_chmod(t, "/f", 0));
	check_ok(vfs_chown(t, "/f", 0, 0));
	check_value(u, "/f", "security.a", "1");
}

static void test_xattr__file_capabilities(void **state)
{
	struct world *w = *state;
	struct vfs_task *t = w->task;
	struct vfs_task *setfcap = with_caps(w, UINT64_C(1) << VFS_CAP_SETFCAP);
	const char *name = "security.capability";
	const char v2[20] = {1, 0, 0, 2, 4};
	char v3[24] = {1, 0, 0, 3, 4}, got[24];
	int fd;

	put_file(t, "/f", "abc");
	check_eq(vfs_setxattr(w->user, "/f", name, "xx", 2, 0), -EINVAL);
	check_eq(vfs_setxattr(w->user, "/f", name, v2, 19, 0), -EINVAL);
	check_eq(vfs_setxattr(w->user, "/f", name, v3, 20, 0), -EINVAL);
	check_eq(vfs_setxattr(w->user, "/f", name, v2, 20, 0), -EPERM);
	check_ok(vfs_setxattr(setfcap, "/f", name, v2, 20, 0));
	check_eq(vfs_getxattr(w->user, "/f", name, got, sizeof(got)), 20);
	check_eq(memcmp(got, v2, 20), 0);
	check_eq(vfs_getxattr(w->user, "/f", name, got, 19), -ERANGE);
	/* of root 0 it is for everybody, and shown so */
	check_ok(vfs_setxattr(t, "/f", name, v3, 24, 0));
	check_eq(vfs_getxattr(t, "/f", name, got, sizeof(got)), 20);
	check_eq(memcmp(got, v2, 20), 0);
	v3[20] = 77;
	check_ok(vfs_setxattr(t, "/f", name, v3, 24, 0));
	check_eq(vfs_getxattr(t, "/f", name, got, sizeof(got)), 24);
	check_eq(memcmp(got, v3, 24), 0);
	check_eq(vfs_removexattr(w->user, "/f", name), -EPERM);
	/* a write and a chown take them away, root's too */
	fd = check_fd(vfs_open(t, "/f", O_RDWR, 0));
	check_eq(vfs_write(t, fd, "x", 1), 1);
	check_eq(vfs_getxattr(t, "/f", name, NULL, 0), -ENODATA);
	check_ok(vfs_setxattr(t, "/f", name, v2, 20, 0));
	check_ok(vfs_chown(t, "/f", 5, 5));
	check_eq(vfs_getxattr(t, "/f", name, NULL, 0), -ENODATA);
	check_ok(vfs_setxattr(t, "/f", name, v2, 20, 0));
	check_ok(vfs_removexattr(setfcap, "/f", name));
	vfs_task_unref(setfcap);
}

static void test_xattr__list(void **state)
{
	struct world *w = *state;
	/* in the order of the kernel's tmpfs */
	static const char all[] = "user.c\0user.b\0trusted.m\0security.m";
	static const char shown[] = "user.c\0user.b\0security.m";
	char list[100];

	put_file(w->task, "/f", "");
	check_eq(vfs_listxattr(w->task, "/f", list, sizeof(list)), 0);
	check_ok(set(w->task, "/f", "user.b", ""));
	check_ok(set(w->task, "/f", "user.c", "12"));
	check_ok(set(w->task, "/f", "security.m", ""));
	check_ok(set(w->task, "/f", "trusted.m", ""));
	check_eq(vfs_listxattr(w->task, "/f", NULL, 0), sizeof(all));
	check_eq(vfs_listxattr(w->task, "/f", list, sizeof(list)), sizeof(all));
	check_eq(memcmp(list, all, sizeof(all)), 0);
	check_eq(vfs_listxattr(w->task, "/f", list, sizeof(all)), sizeof(all));
	memset(list, '?', sizeof(list));
	check_eq(vfs_listxattr(w->task, "/f", list, sizeof(all) - 1), -ERANGE);
	check_eq(list[0], '?');
	check_eq(vfs_listxattr(w->user, "/f", NULL, 0), sizeof(shown));
	check_eq(vfs_listxattr(w->user, "/f", list, sizeof(shown)),
		 sizeof(shown));
	check_eq(memcmp(list, shown, sizeof(shown)), 0);
	check_eq(list[sizeof(shown)], '?');
	check_eq(vfs_listxattr(w->user, "/f", list, sizeof(shown) - 1),
		 -ERANGE);
}

static void test_xattr__times(void **state)
{
	struct world *w = *state;
	struct vfs_stat before, after;

	put_file(w->task, "/f", "");
	check_ok(vfs_stat(w->task, "/f", &before));
	test_clock_advance(&w->clock, SECOND);
	check_ok(set(w->task, "/f", "user.a", "1"));
	check_ok(vfs_stat(w->task, "/f", &after));
	check_eq(after.ctime.sec, before.ctime.sec + 1);
	check_eq(after.mtime.sec, before.mtime.sec);
	test_clock_advance(&w->clock, SECOND);
	check_eq(vfs_getxattr(w->task, "/f", "user.a", NULL, 0), 1);
	check_eq(vfs_removexattr(w->task, "/f", "user.b"), -ENODATA);
	check_ok(vfs_stat(w->task, "/f", &after));
	check_eq(after.ctime.sec, before.ctime.sec + 1);
	check_ok(vfs_removexattr(w->task, "/f", "user.a"));
	check_ok(vfs_stat(w->task, "/f", &after));
	check_eq(after.ctime.sec, before.ctime.sec + 2);
	check_eq(after.atime.sec, before.atime.sec);
}

static void test_xattr__read_only(void **state)
{
	const struct vfs_config config = {
		.size = sizeof(config),
		.root_options = "ro,mode=0755",
	};
	struct world w;

	(void)state;
	check_ok(world_open(&w, &config));
	check_eq(set(w.task, "/", "user.a", "1"), -EROFS);
	check_eq(set(w.user, "/", "other.a", "1"), -EROFS);
	check_eq(vfs_removexattr(w.task, "/", "user.a"), -EROFS);
	check_eq(
		vfs_setxattr(w.task, "/", "system.posix_acl_access", "x", 1, 0),
		-EROFS);
	check_eq(vfs_getxattr(w.task, "/", "user.a", NULL, 0), -ENODATA);
	assert_true(world_close(&w));
}

/* -- names that come while they are listed -- */

static const char growing[] = "user.a\0user.b\0user.c";
static size_t grown;

/* One name more each time, as far as there are any. */
static int64_t grow_list(struct vfs_inode *inode, char *list, size_t size)
{
	(void)inode;
	if (grown < sizeof(growing))
		grown += sizeof("user.a");
	if (size && size < grown)
		return -ERANGE;
	if (size)
		memcpy(list, growing, grown);
	return (int64_t)grown;
}

static const struct vfs_inode_ops growing_ops = {
	.size = sizeof(growing_ops),
	.listxattr = grow_list,
};

static int growing_statfs(struct vfs_super *super, struct vfs_statfs *out)
{
	(void)super;
	(void)out;
	return 0;
}

static const struct vfs_super_ops growing_super_ops = {
	.size = sizeof(growing_super_ops),
	.statfs = growing_statfs,
};

static int growing_mount(struct vfs_super *super,
			 const struct vfs_mount_args *args,
			 struct vfs_inode **root)
{
	(void)args;
	super->ops = &growing_super_ops;
	*root = vfs_inode_create(super, &growing_ops, 1, S_IFDIR | 0755);
	return *root ? 0 : -ENOMEM;
}

static const struct vfs_filesystem_type growing_type = {
	.size = sizeof(growing_type),
	.name = "growing",
	.mount = growing_mount,
};

/* A buffer that is large enough, or none, is never too small. */
static void test_xattr__a_list_that_grows(void **state)
{
	struct world *w = *state;
	char list[64];

	check_ok(vfs_register_filesystem(w->vfs, &growing_type, 0));
	check_ok(vfs_mkdir(w->task, "/m", 0755));
	check_ok(vfs_mount(w->task, "m", "/m", "growing", 0, NULL));
	grown = 0;
	check_eq(vfs_listxattr(w->user, "/m", NULL, 0), sizeof(growing));
	grown = 0;
	check_eq(vfs_listxattr(w->user, "/m", list, sizeof(list)),
		 sizeof(growing));
	assert_memory_equal(list, growing, sizeof(growing));
	check_eq(vfs_listxattr(w->user, "/m", list, sizeof(growing) - 1),
		 -ERANGE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		world_test(test_xattr__round_trip),
		world_test(test_xattr__create_and_replace),
		world_test(test_xattr__sizes),
		world_test(test_xattr__arguments_in_order),
		world_test(test_xattr__namespaces),
		world_test(test_xattr__user),
		world_test(test_xattr__trusted),
		world_test(test_xattr__security),
		world_test(test_xattr__file_capabilities),
		world_test(test_xattr__list),
		world_test(test_xattr__a_list_that_grows),
		world_test(test_xattr__times),
		cmocka_unit_test(test_xattr__read_only),
	};

	return cmocka_run_group_tests(tests, NULL, NULL) ? 1 : 0;
}
