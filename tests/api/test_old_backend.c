/* SPDX-License-Identifier: MIT */
/* A backend that was built against the first header: its tables end before the
 * operations that came later, and what lies behind them is no operation. */
#include <dirent.h>
#include <stdlib.h>
#include <vfs/sys/backend.h>

#include "support/check.h"

static int crash_follow(struct vfs_inode *link, struct vfs_jump *jump)
{
	(void)link;
	(void)jump;
	abort();
}

static int crash_revalidate(struct vfs_inode *dir, const struct vfs_name *name,
			    struct vfs_inode *inode)
{
	(void)dir;
	(void)name;
	(void)inode;
	abort();
}

static int64_t old_readlink(struct vfs_inode *inode, char *buffer, size_t size)
{
	(void)inode;
	if (size < 3)
		return (int64_t)size;
	memcpy(buffer, "dir", 3);
	return 3;
}

static const struct vfs_inode_ops link_ops = {
	.size = offsetof(struct vfs_inode_ops, revalidate),
	.readlink = old_readlink,
	.follow = crash_follow,
};

static int old_lookup(struct vfs_inode *dir, const struct vfs_name *name,
		      struct vfs_inode **inode, uint64_t *cookie);

static int old_iterate(struct vfs_inode *dir, struct vfs_file *file,
		       struct vfs_dir_context *context)
{
	(void)dir;
	(void)file;
	(void)context;
	return 0;
}

static const struct vfs_inode_ops dir_ops = {
	.size = offsetof(struct vfs_inode_ops, revalidate),
	.lookup = old_lookup,
	.iterate = old_iterate,
	.revalidate = crash_revalidate,
};

/* "dir" is a directory, everything of three letters a link to it. */
static int old_lookup(struct vfs_inode *dir, const struct vfs_name *name,
		      struct vfs_inode **inode, uint64_t *cookie)
{
	(void)cookie;
	if (name->len != 3)
		return -ENOENT;
	if (!memcmp(name->str, "dir", 3))
		*inode = vfs_inode_create(dir->super, &dir_ops, 7,
					  S_IFDIR | 0755);
	else
		*inode = vfs_inode_create(dir->super, &link_ops, 8,
					  S_IFLNK | 0777);
	return *inode ? 0 : -ENOMEM;
}

static int old_statfs(struct vfs_super *super, struct vfs_statfs *out)
{
	(void)super;
	(void)out;
	return 0;
}

static const struct vfs_super_ops super_ops = {
	.size = sizeof(super_ops),
	.statfs = old_statfs,
};

static int old_mount(struct vfs_super *super, const struct vfs_mount_args *args,
		     struct vfs_inode **root)
{
	(void)args;
	super->ops = &super_ops;
	*root = vfs_inode_create(super, &dir_ops, 1, S_IFDIR | 0755);
	if (*root)
		(*root)->flags |= VFS_INODE_VOLATILE;
	return *root ? 0 : -ENOMEM;
}

static const struct vfs_filesystem_type old_type = {
	.size = sizeof(old_type),
	.name = "old",
	.mount = old_mount,
};

static void test_old_backend__later_operations(void **state)
{
	const struct vfs_filesystem_type *types[] = {&old_type};
	struct vfs_config config = {.size = sizeof(config),
				    .root_type = "old",
				    .types = types,
				    .type_count = 1};
	struct vfs_stat st;
	struct world w;

	(void)state;
	check_ok(world_open(&w, &config));
	for (int i = 0; i < 2; i++) {
		check_ok(vfs_stat(w.task, "/lnk", &st));
		assert_int_equal(st.ino, 7);
		check_ok(vfs_lstat(w.task, "/lnk", &st));
		assert_int_equal(st.ino, 8);
		check_eq(vfs_open(w.task, "/lnk", O_RDWR | O_CREAT, 0600),
			 -EISDIR);
	}
	assert_true(world_close(&w));
}

/* ---- files that can nothing, of a file system that others change ---- */

static void no_trace(struct vfs_inode *inode)
{
	(void)inode;
}

static const struct vfs_inode_ops bare_ops = {
	.size = sizeof(bare_ops),
	.accessed = no_trace,
};

static int bare_lookup(struct vfs_inode *dir, const struct vfs_name *name,
		       struct vfs_inode **inode, uint64_t *cookie)
{
	(void)name;
	(void)cookie;
	*inode = vfs_inode_create(dir->super, &bare_ops, 2, S_IFREG | 0644);
	if (*inode)
		vfs_inode_set_flags(*inode, VFS_INODE_STALE, 0);
	return *inode ? 0 : -ENOMEM;
}

static const struct vfs_inode_ops bare_dir_ops = {
	.size = sizeof(bare_dir_ops),
	.lookup = bare_lookup,
};

static int bare_mount(struct vfs_super *super,
		      const struct vfs_mount_args *args,
		      struct vfs_inode **root)
{
	(void)args;
	super->ops = &super_ops;
	*root = vfs_inode_create(super, &bare_dir_ops, 1, S_IFDIR | 0755);
	return *root ? 0 : -ENOMEM;
}

static const struct vfs_filesystem_type bare_type = {
	.size = sizeof(bare_type),
	.name = "bare",
	.flags = VFS_FS_OWN_ATTR,
	.mount = bare_mount,
};

static void test_old_backend__no_operations(void **state)
{
	struct world *w = *state;
	char byte;
	int fd, out;

	check_ok(vfs_register_filesystem(w->vfs, &bare_type, 0));
	check_ok(vfs_mkdir(w->task, "/m", 0755));
	check_ok(vfs_mount(w->task, "m", "/m", "bare", 0, NULL));
	out = check_fd(vfs_open(w->task, "/out", O_CREAT | O_RDWR, 0644));
	fd = check_fd(vfs_open(w->task, "/m/f", O_RDONLY, 0));
	check_eq(vfs_read(w->task, fd, &byte, 1), -EINVAL);
	check_eq(vfs_sendfile(w->task, out, fd, NULL, 1), -EINVAL);
	check_ok(vfs_close(w->task, fd));
	check_ok(vfs_close(w->task, out));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_old_backend__later_operations),
		world_test(test_old_backend__no_operations),
	};

	return cmocka_run_group_tests(tests, NULL, NULL) ? 1 : 0;
}
