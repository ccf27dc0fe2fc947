/* SPDX-License-Identifier: MIT */
/* Synthetic mount points, on file systems that cannot be written: tmpfs, which
 * is complete, and plainfs, which is asked for names. */
#include <dirent.h>
#include <stdlib.h>
#include <sys/sysmacros.h>

#include "backend/plainfs.h"
#include "unit/mounting.h"

struct place {
	struct world world;
	struct vfs_mount *root;
};

static void open_type(struct place *p, const char *type, uint64_t names)
{
	const struct vfs_filesystem_type *types[] = {&plainfs_type};
	struct vfs_config config = {.size = sizeof(config),
				    .root_type = type,
				    .types = types,
				    .type_count = 1,
				    .max_cached_names = names};

	check_ok(world_open(&p->world, &config));
	check_ok(vfs_mkdir(p->world.task, "/d", 0755));
	check_ok(vfs_mkdir(p->world.task, "/d/real", 0755));
	put_file(p->world.task, "/d/file", "bytes");
	p->root = p->world.task->fs->paths->root.mnt;
}

static void set_readonly(struct place *p, bool on)
{
	if (on)
		p->root->super->flags |= VFS_SUPER_RDONLY;
	else
		p->root->super->flags &= ~VFS_SUPER_RDONLY;
}

static int setup_tmpfs(void **state)
{
	struct place *p = malloc(sizeof(*p));

	*state = p;
	open_type(p, "tmpfs", 0);
	return 0;
}

static int setup_plainfs(void **state)
{
	struct place *p = malloc(sizeof(*p));

	*state = p;
	open_type(p, "plainfs", 0);
	return 0;
}

/* Names fall out of the cache all the time. */
static int setup_tiny(void **state)
{
	struct place *p = malloc(sizeof(*p));

	*state = p;
	open_type(p, "plainfs", 1);
	return 0;
}

static int teardown(void **state)
{
	struct place *p = *state;

	assert_true(world_close(&p->world));
	free(p);
	return 0;
}

/* How often name is listed (NULL: any); buffer: getdents' size. */
static int listed(struct vfs_task *task, const char *path, const char *name,
		  size_t buffer)
{
	_Alignas(8) char records[4096];
	int fd = check_fd(vfs_open(task, path, O_RDONLY | O_DIRECTORY, 0));
	int count = 0;
	int64_t n;

	while ((n = vfs_getdents(task, fd, records, buffer)) > 0) {
		for (int64_t at = 0; at < n;) {
			const struct vfs_dirent *d = (void *)(records + at);

			if (!name || !strcmp(d->name, name))
				count++;
			at += d->reclen;
		}
	}
	check_ok(n);
	check_ok(vfs_close(task, fd));
	return count;
}

static void churn(struct vfs_task *task)
{
	struct vfs_stat st;
	char path[32];

	for (int i = 0; i < 200; i++) {
		snprintf(path, sizeof(path), "/d/none%d", i);
		check_eq(vfs_stat(task, path, &st), -ENOENT);
	}
}

static void test_mountpoint__on_readonly(void **state)
{
	struct place *p = *state;
	struct vfs_task *task = p->world.task;
	struct vfs_stat st, above;
	uint64_t ino;
	char text[64];

	set_readonly(p, true);
	check_eq(vfs_mkdir(task, "/d/m", 0755), -EROFS);
	check_ok(vfs_mkdirat2(task, AT_FDCWD, "/d/m", 0750,
			      VFS_MKDIR_SYNTHETIC));
	check_eq(
		vfs_mkdirat2(task, AT_FDCWD, "/d/m", 0750, VFS_MKDIR_SYNTHETIC),
		-EEXIST);
	check_eq(vfs_mkdirat2(task, AT_FDCWD, "/d/real", 0750,
			      VFS_MKDIR_SYNTHETIC),
		 -EEXIST);
	check_ok(vfs_stat(task, "/d/m", &st));
	check_ok(vfs_stat(task, "/d", &above));
	assert_int_equal(st.mode, S_IFDIR | 0750);
	assert_int_equal(st.dev, above.dev);
	assert_int_equal(st.nlink, 2);
	ino = st.ino;
	churn(task);
	assert_int_equal(ino_of(task, "/d/m"), ino);
	check_ok(vfs_stat(task, "/d/m/..", &st));
	assert_int_equal(st.ino, above.ino);
	/* in it: synthetic ones, and nothing else */
	check_ok(vfs_make_mountpoint(task, "/d/m/n/o", 0));
	check_ok(vfs_make_mountpoint(task, "/d/m/f", VFS_MOUNTPOINT_FILE));
	check_file(task, "/d/m/f", "");
	assert_int_equal(listed(task, "/d/m", NULL, 4096), 4);
	assert_int_equal(listed(task, "/d/m/n", "o", 4096), 1);
	check_ok(vfs_chdir(task, "/d/m/n/o"));
	assert_true(vfs_getcwd(task, text, sizeof(text)) > 0);
	assert_string_equal(text, "/d/m/n/o");
	check_ok(vfs_chdir(task, "/"));
	set_readonly(p, false);
	check_eq(vfs_mkdir(task, "/d/m/x", 0755), -EPERM);
	check_eq(vfs_open(task, "/d/m/x", O_CREAT | O_RDWR, 0600), -EPERM);
	check_eq(vfs_symlink(task, "x", "/d/m/x"), -EPERM);
	check_eq(vfs_link(task, "/d/file", "/d/m/x"), -EPERM);
	check_eq(vfs_rename(task, "/d/file", "/d/m/x"), -EPERM);
	check_eq(vfs_open(task, "/d/m", O_TMPFILE | O_RDWR, 0600), -EOPNOTSUPP);
	check_eq(vfs_setxattr(task, "/d/m", "user.x", "y", 1, 0), -EOPNOTSUPP);
	check_eq(vfs_open(task, "/d/m/f", O_CREAT | O_EXCL | O_RDWR, 0600),
		 -EEXIST);
}

static void test_mountpoint__listing(void **state)
{
	struct place *p = *state;
	struct vfs_task *task = p->world.task;
	const struct vfs_dirent *d;
	struct vfs_dir *dir;
	int64_t place = -1;
	char path[64];

	for (int i = 0; i < 20; i++) {
		snprintf(path, sizeof(path), "/d/r%d", i);
		put_file(task, path, "");
		snprintf(path, sizeof(path), "/d/s%d", i);
		check_ok(vfs_make_mountpoint(task, path,
					     VFS_MOUNTPOINT_SYNTHETIC));
	}
	for (size_t buffer = 32; buffer <= 4096; buffer *= 2) {
		assert_int_equal(listed(task, "/d", NULL, buffer), 44);
		assert_int_equal(listed(task, "/d", "s7", buffer), 1);
		assert_int_equal(listed(task, "/d", "r7", buffer), 1);
	}
	/* positions stay, whatever goes before them */
	check_ok(vfs_opendir(task, "/d", &dir));
	while (vfs_readdir(dir, &d) == 1 && strcmp(d->name, "s9"))
		;
	place = vfs_telldir(dir);
	check_ok(vfs_rmdir(task, "/d/s3"));
	check_ok(vfs_unlink(task, "/d/r3"));
	check_ok(vfs_seekdir(dir, place));
	check_eq(vfs_readdir(dir, &d), 1);
	assert_string_equal(d->name, "s10");
	assert_int_equal(d->type, DT_DIR);
	assert_int_equal(d->ino, ino_of(task, "/d/s10"));
	check_ok(vfs_closedir(dir));
	assert_int_equal(listed(task, "/d", NULL, 64), 42);
	for (int i = 0; i < 20; i++) {
		snprintf(path, sizeof(path), "/d/s%d", i);
		check_eq(vfs_rmdir(task, path), i == 3 ? -ENOENT : 0);
	}
	assert_int_equal(listed(task, "/d", NULL, 64), 23);
}

static void test_mountpoint__removing(void **state)
{
	struct place *p = *state;
	struct vfs_task *task = p->world.task;
	struct vfs_stat st;
	int fd;

	check_ok(vfs_make_mountpoint(task, "/d/real/m",
				     VFS_MOUNTPOINT_SYNTHETIC));
	/* a directory that the file system thinks empty */
	check_eq(vfs_rmdir(task, "/d/real"), -ENOTEMPTY);
	check_ok(vfs_mkdir(task, "/d/other", 0755));
	check_eq(vfs_rename(task, "/d/other", "/d/real"), -ENOTEMPTY);
	check_eq(vfs_rename(task, "/d/real/m", "/d/x"), -EPERM);
	check_eq(vfs_rename(task, "/d/other", "/d/real/m"), -EPERM);
	/* along with its parent it moves */
	check_ok(vfs_rename(task, "/d/real", "/d/moved"));
	check_ok(vfs_stat(task, "/d/moved/m", &st));
	check_eq(vfs_unlink(task, "/d/moved/m"), -EISDIR);
	fd = check_fd(vfs_open(task, "/d/moved/m", O_RDONLY, 0));
	check_ok(vfs_rmdir(task, "/d/moved/m"));
	check_ok(vfs_fstat(task, fd, &st));
	assert_int_equal(st.nlink, 0);
	check_ok(vfs_close(task, fd));
	check_eq(vfs_stat(task, "/d/moved/m", &st), -ENOENT);
	assert_int_equal(listed(task, "/d/moved", NULL, 512), 2);
	check_ok(vfs_mkdir(task, "/d/moved/m", 0755));
	check_ok(vfs_rmdir(task, "/d/moved/m"));
	check_ok(vfs_rmdir(task, "/d/moved"));
	check_ok(vfs_make_mountpoint(
		task, "/d/f", VFS_MOUNTPOINT_FILE | VFS_MOUNTPOINT_SYNTHETIC));
	check_eq(vfs_link(task, "/d/f", "/d/g"), -EPERM);
	check_eq(vfs_rmdir(task, "/d/f"), -ENOTDIR);
	check_ok(vfs_unlink(task, "/d/f"));
	check_ok(vfs_make_mountpoint(task, "/d/f", VFS_MOUNTPOINT_SYNTHETIC));
	check_ok(vfs_make_mountpoint(task, "/d/f/g", 0));
	check_eq(vfs_rmdir(task, "/d/f"), -ENOTEMPTY);
}

/* To be mounted on is what they are for. */
static void test_mountpoint__mounted(void **state)
{
	struct place *p = *state;
	struct vfs_task *task = p->world.task;
	struct vfs_stat st;

	set_readonly(p, true);
	check_ok(vfs_make_mountpoint(task, "/d/a/b", 0));
	mount_type_at(task, "tmpfs", "/d/a/b");
	put_file(task, "/d/a/b/x", "in it");
	churn(task);
	check_file(task, "/d/a/b/x", "in it");
	check_ok(vfs_stat(task, "/d/a/b/../../real", &st));
	set_readonly(p, false);
	check_eq(vfs_rmdir(task, "/d/a/b"), -EBUSY);
	assert_int_equal(listed(task, "/d/a", "b", 512), 1);
	unmount_it(task, "/d/a/b");
	check_eq(vfs_stat(task, "/d/a/b/x", &st), -ENOENT);
	check_ok(vfs_rmdir(task, "/d/a/b"));
	check_ok(vfs_rmdir(task, "/d/a"));
}

static void test_mountpoint__errors(void **state)
{
	struct place *p = *state;
	struct vfs_task *task = p->world.task, *user = p->world.user;
	char path[600];
	struct vfs_stat st;

	check_eq(vfs_make_mountpoint(task, NULL, 0), -EFAULT);
	check_eq(vfs_make_mountpoint(NULL, "/d", 0), -EFAULT);
	check_eq(vfs_make_mountpoint(task, "", 0), -ENOENT);
	check_eq(vfs_make_mountpoint(task, "/d/x", 4), -EINVAL);
	check_eq(vfs_mkdirat2(task, AT_FDCWD, "/d/x", 0755, 2), -EINVAL);
	check_eq(vfs_mkdirat2(NULL, AT_FDCWD, "/d/x", 0755, 0), -EFAULT);
	check_ok(vfs_make_mountpoint(task, "/", 0));
	check_ok(vfs_make_mountpoint(task, "/d", 0));
	check_ok(vfs_make_mountpoint(task, "//d///real//", 0));
	check_ok(vfs_make_mountpoint(task, "/d/file", VFS_MOUNTPOINT_FILE));
	check_eq(vfs_make_mountpoint(task, "/d/file", 0), -ENOTDIR);
	check_eq(vfs_make_mountpoint(task, "/d/file/x", 0), -ENOTDIR);
	check_eq(vfs_make_mountpoint(task, "/d", VFS_MOUNTPOINT_FILE), -EISDIR);
	check_eq(vfs_make_mountpoint(task, "/", VFS_MOUNTPOINT_FILE), -EISDIR);
	/* what a failed call made is gone again, of either kind */
	snprintf(path, sizeof(path), "/d/new/and/%0300d", 7);
	check_eq(vfs_make_mountpoint(task, path, 0), -ENAMETOOLONG);
	check_eq(vfs_stat(task, "/d/new", &st), -ENOENT);
	check_eq(vfs_make_mountpoint(task, path, VFS_MOUNTPOINT_SYNTHETIC),
		 -ENAMETOOLONG);
	check_eq(vfs_stat(task, "/d/new", &st), -ENOENT);
	assert_int_equal(listed(task, "/d", NULL, 512), 4);
	check_ok(vfs_symlink(task, "nowhere", "/d/dangling"));
	check_eq(vfs_make_mountpoint(task, "/d/dangling", 0), -ENOENT);
	check_eq(vfs_make_mountpoint(task, "/d/dangling/x", 0), -ENOENT);
	check_ok(vfs_symlink(task, "real", "/d/link"));
	check_ok(vfs_make_mountpoint(task, "/d/link/x", 0));
	check_ok(vfs_stat(task, "/d/real/x", &st));
	/* not for everybody */
	check_eq(vfs_make_mountpoint(user, "/d/u", 0), -EPERM);
	check_eq(vfs_make_mountpoint(user, "/d/u", VFS_MOUNTPOINT_SYNTHETIC),
		 -EPERM);
	check_eq(
		vfs_mkdirat2(user, AT_FDCWD, "/d/u", 0755, VFS_MKDIR_SYNTHETIC),
		-EPERM);
	check_ok(vfs_chmod(task, "/d", 0777));
	check_ok(vfs_make_mountpoint(user, "/d/u", 0));
	check_eq(vfs_rmdir(task, "/d/u"), 0);
	check_eq(vfs_make_mountpoint(task, "/d/real/../via/dots", 0), 0);
	check_ok(vfs_stat(task, "/d/via/dots", &st));
}

/* Where it can be real it is, and lasts. */
static void test_mountpoint__real(void **state)
{
	struct place *p = *state;
	struct vfs_task *task = p->world.task;

	check_ok(vfs_make_mountpoint(task, "/d/p/q/r", 0));
	check_ok(vfs_make_mountpoint(task, "/d/p/f", VFS_MOUNTPOINT_FILE));
	check_ok(vfs_mkdir(task, "/d/p/q/r/mine", 0755));
	put_file(task, "/d/p/f", "written");
	check_file(task, "/d/p/f", "written");
}

/* An entry that the file system gets behind the core's back. */
static void add_behind(struct place *p, const char *dir, const char *name)
{
	struct vfs__thread *self = vfs__self(p->world.vfs);
	struct vfs_create_args args = {.size = sizeof(args),
				       .mode = S_IFDIR | 0711};
	struct vfs_name n = {.str = name, .len = (uint32_t)strlen(name)};
	struct vfs_inode *made;
	struct vfs__path at;
	uint64_t cookie;

	check_ok(vfs__path_lookup(self, p->world.task, AT_FDCWD, dir, 0, &at));
	vfs__inode_lock(at.dentry->inode);
	check_ok(at.dentry->inode->ops->create(at.dentry->inode, &n, &args,
					       &made, &cookie));
	vfs__inode_unlock(at.dentry->inode);
	vfs_inode_unref(made);
	vfs__path_unref(self, &at);
}

static void test_mountpoint__real_wins(void **state)
{
	struct place *p = *state;
	struct vfs_task *task = p->world.task;
	struct vfs_stat st;
	uint64_t ino;

	set_readonly(p, true);
	check_ok(vfs_make_mountpoint(task, "/d/m/below", 0));
	check_ok(vfs_make_mountpoint(task, "/d/n", 0));
	ino = ino_of(task, "/d/m");
	add_behind(p, "/d", "m");
	/* first in a listing, then by name */
	assert_int_equal(listed(task, "/d", "m", 512), 1);
	assert_int_equal(listed(task, "/d", "n", 512), 1);
	check_ok(vfs_stat(task, "/d/m", &st));
	assert_int_equal(st.mode, S_IFDIR | 0711);
	assert_int_not_equal(st.ino, ino);
	check_eq(vfs_stat(task, "/d/m/below", &st), -ENOENT);
	assert_int_equal(listed(task, "/d", "m", 512), 1);
	set_readonly(p, false);
	check_ok(vfs_mkdir(task, "/d/m/mine", 0755));
	add_behind(p, "/d", "n");
	check_eq(
		vfs_mkdirat2(task, AT_FDCWD, "/d/n", 0755, VFS_MKDIR_SYNTHETIC),
		-EEXIST);
	check_ok(vfs_rmdir(task, "/d/n"));
	assert_int_equal(listed(task, "/d", "n", 512), 0);
	check_eq(vfs_stat(task, "/d/n", &st), -ENOENT);
}

#define EVERYWHERE(function)                                              \
	{#function "_tmpfs", function, setup_tmpfs, teardown, NULL},      \
		{#function "_plainfs", function, setup_plainfs, teardown, \
		 NULL},                                                   \
	{                                                                 \
#function "_tiny", function, setup_tiny, teardown, NULL   \
	}

int main(void)
{
	const struct CMUnitTest tests[] = {
		EVERYWHERE(test_mountpoint__on_readonly),
		EVERYWHERE(test_mountpoint__listing),
		EVERYWHERE(test_mountpoint__removing),
		EVERYWHERE(test_mountpoint__mounted),
		EVERYWHERE(test_mountpoint__errors),
		EVERYWHERE(test_mountpoint__real),
		{"real_wins_plainfs", test_mountpoint__real_wins, setup_plainfs,
		 teardown, NULL},
		{"real_wins_tiny", test_mountpoint__real_wins, setup_tiny,
		 teardown, NULL},
	};

	return cmocka_run_group_tests(tests, NULL, NULL) ? 1 : 0;
}
