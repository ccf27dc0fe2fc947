/* SPDX-License-Identifier: MIT */
/* Attributes of a backend that answers for itself, blocks, and may refuse. */
#include <vfs/sys/backend.h>

#include "core/instance.h"
#include "support/check.h"

#define ACCESS "system.posix_acl_access"

/* What the backend is told to do; one test runs at a time. */
struct script {
	int getattr_error;
	int setattr_error;
	int stores;   /* xattrs set and removed */
	int evicted;  /* inodes that had their extra still */
	bool of_root; /* the ACL is the root's, not the file's */
	size_t acl_size;
	unsigned char acl[64];
};

static struct script script;

/* User 1000 may read. */
static const unsigned char reader_acl[44] = {
	2,  0, 0, 0,			     /* version */
	1,  0, 6, 0, 0xff, 0xff, 0xff, 0xff, /* owner */
	2,  0, 4, 0, 0xe8, 3,	 0,    0,    /* user 1000 */
	4,  0, 0, 0, 0xff, 0xff, 0xff, 0xff, /* group */
	16, 0, 4, 0, 0xff, 0xff, 0xff, 0xff, /* mask */
	32, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, /* others */
};

static int own_getattr(struct vfs_inode *inode, struct vfs_stat *out)
{
	(void)inode;
	out->size = 4242;
	return script.getattr_error;
}

static int own_setattr(struct vfs_inode *inode, const struct vfs_attr *attr)
{
	(void)inode;
	(void)attr;
	return script.setattr_error;
}

static int64_t own_getxattr(struct vfs_inode *inode, const char *name,
			    void *value, size_t size)
{
	if (S_ISREG(inode->mode) == script.of_root || strcmp(name, ACCESS) ||
	    !script.acl_size)
		return -ENODATA;
	if (size && size < script.acl_size)
		return -ERANGE;
	if (size)
		memcpy(value, script.acl, script.acl_size);
	return (int64_t)script.acl_size;
}

static int own_setxattr(struct vfs_inode *inode, const char *name,
			const void *value, size_t size, int flags)
{
	(void)inode;
	(void)flags;
	if (strcmp(name, ACCESS) || size > sizeof(script.acl))
		return -EOPNOTSUPP;
	memcpy(script.acl, value, size);
	script.acl_size = size;
	script.stores++;
	return 0;
}

static int own_removexattr(struct vfs_inode *inode, const char *name)
{
	(void)inode;
	(void)name;
	if (!script.acl_size)
		return -ENODATA;
	script.acl_size = 0;
	script.stores++;
	return 0;
}

static int own_lookup(struct vfs_inode *dir, const struct vfs_name *name,
		      struct vfs_inode **inode, uint64_t *cookie)
{
	struct vfs_inode *made;

	if (name->len != 1 || (*name->str != 'f' && *name->str != 'g'))
		return -ENOENT;
	made = vfs_inode_create(dir->super, dir->ops, 2, S_IFREG | 0640);
	if (!made)
		return -ENOMEM;
	/* nothing is nothing, and costs no memory */
	if (vfs_inode_extra(made) || vfs_inode_set_extra(made, NULL) ||
	    made->core_ext || vfs_inode_set_extra(made, &script) ||
	    vfs_inode_extra(made) != &script || *name->str == 'g') {
		vfs_inode_discard(made);
		return -ENOENT;
	}
	*inode = made;
	*cookie = 0;
	return 0;
}

static int own_iterate(struct vfs_inode *dir, struct vfs_file *file,
		       struct vfs_dir_context *context)
{
	(void)dir;
	(void)file;
	(void)context;
	return 0;
}

static const struct vfs_inode_ops own_ops = {
	.size = sizeof(own_ops),
	.lookup = own_lookup,
	.iterate = own_iterate,
	.getattr = own_getattr,
	.setattr = own_setattr,
	.getxattr = own_getxattr,
	.setxattr = own_setxattr,
	.removexattr = own_removexattr,
};

static int own_statfs(struct vfs_super *super, struct vfs_statfs *out)
{
	(void)super;
	out->type = 0x77;
	return 0;
}

static void own_evict(struct vfs_inode *inode)
{
	script.evicted += vfs_inode_extra(inode) == &script;
}

static const struct vfs_super_ops own_super_ops = {
	.size = sizeof(own_super_ops),
	.statfs = own_statfs,
	.evict = own_evict,
};

static int own_mount(struct vfs_super *super, const struct vfs_mount_args *args,
		     struct vfs_inode **root)
{
	(void)args;
	super->ops = &own_super_ops;
	super->flags = VFS_SUPER_POSIXACL;
	*root = vfs_inode_create(super, &own_ops, 1, S_IFDIR | 0755);
	return *root ? 0 : -ENOMEM;
}

static const struct vfs_filesystem_type own_type = {
	.size = sizeof(own_type),
	.name = "own",
	.mount = own_mount,
};

static void start(struct world *w, const void *acl, size_t acl_size,
		  bool of_root)
{
	static const struct vfs_filesystem_type *const types[] = {&own_type};
	const struct vfs_config config = {
		.size = sizeof(config),
		.root_type = "own",
		.types = types,
		.type_count = 1,
	};

	memset(&script, 0, sizeof(script));
	script.acl_size = acl_size;
	script.of_root = of_root;
	if (acl_size)
		memcpy(script.acl, acl, acl_size);
	check_ok(world_open(w, &config));
}

static void test_attr__backend_answers(void **state)
{
	struct world w;
	struct vfs_stat st, before;
	struct vfs_statfs sfs;
	int fd;

	(void)state;
	start(&w, NULL, 0, false);
	check_ok(vfs_stat(w.task, "/f", &st));
	check_eq(st.size, 4242);
	check_eq(st.ino, 2);
	fd = check_fd(vfs_open(w.task, "/f", O_PATH, 0));
	check_ok(vfs_fstat(w.task, fd, &st));
	check_eq(st.size, 4242);
	check_ok(vfs_stat(w.task, "/", &st));
	check_eq(st.attributes, 0x2000);
	/* what fails leaves the caller's buffer alone */
	script.getattr_error = -EIO;
	before = st;
	check_eq(vfs_stat(w.task, "/f", &st), -EIO);
	check_eq(vfs_fstat(w.task, fd, &st), -EIO);
	check_eq(memcmp(&st, &before, sizeof(st)), 0);
	check_ok(vfs_statfs(w.task, "/f", &sfs));
	check_eq(sfs.type, 0x77);
	check_eq(sfs.frsize, 4096);
	check_ok(vfs_close(w.task, fd));
	assert_true(world_close(&w));
}

/* It is there until the end, and of no consequence for what the core keeps. */
static void test_attr__extra(void **state)
{
	struct world w;
	struct vfs_stat st;

	(void)state;
	start(&w, reader_acl, sizeof(reader_acl), false);
	check_ok(vfs_access(w.user, "/f", 4));
	check_eq(vfs_stat(w.task, "/g", &st), -ENOENT);
	assert_true(world_close(&w));
	check_eq(script.evicted, 1);
}

static void test_attr__backend_refuses(void **state)
{
	struct world w;
	struct vfs_stat before, after;
	const struct vfs_timespec times[2] = {{1, 1, 0}, {2, 2, 0}};
	unsigned char blob[44];

	(void)state;
	start(&w, reader_acl, sizeof(reader_acl), false);
	check_ok(vfs_stat(w.task, "/f", &before));
	test_clock_advance(&w.clock, 1000000000);
	script.setattr_error = -EDQUOT;
	check_eq(vfs_chmod(w.task, "/f", 0777), -EDQUOT);
	check_eq(vfs_chown(w.task, "/f", 5, 5), -EDQUOT);
	check_eq(vfs_utimensat(w.task, AT_FDCWD, "/f", times, 0), -EDQUOT);
	check_eq(vfs_removexattr(w.task, "/f", ACCESS), -EDQUOT);
	check_ok(vfs_stat(w.task, "/f", &after));
	check_eq(memcmp(&before, &after, sizeof(after)), 0);
	/* the ACL was put back, here and there */
	assert_true(script.stores >= 4);
	check_eq(script.acl_size, sizeof(reader_acl));
	assert_memory_equal(script.acl, reader_acl, sizeof(reader_acl));
	check_eq(vfs_getxattr(w.task, "/f", ACCESS, blob, sizeof(blob)),
		 sizeof(blob));
	assert_memory_equal(blob, reader_acl, sizeof(blob));
	script.setattr_error = 0;
	check_ok(vfs_chmod(w.task, "/f", 0777));
	check_ok(vfs_stat(w.task, "/f", &after));
	check_eq(after.mode, S_IFREG | 0777);
	check_eq(script.acl[4 + 3 * 8 + 2], 7);
	assert_true(world_close(&w));
}

static void test_attr__stored_acl_decides(void **state)
{
	struct world w;

	(void)state;
	start(&w, reader_acl, sizeof(reader_acl), false);
	check_ok(vfs_access(w.user, "/f", 4));
	check_eq(vfs_access(w.user, "/f", 2), -EACCES);
	check_ok(vfs_removexattr(w.task, "/f", ACCESS));
	check_eq(script.acl_size, 0);
	check_eq(vfs_access(w.user, "/f", 4), -EACCES);
	assert_true(world_close(&w));
}

/* It gives user 1000 no search permission, whatever the mode says. */
static void test_attr__stored_acl_of_the_root(void **state)
{
	struct world w;
	struct vfs_stat st;

	(void)state;
	start(&w, reader_acl, sizeof(reader_acl), true);
	check_eq(vfs_stat(w.user, "/f", &st), -EACCES);
	check_ok(vfs_access(w.user, "/", 4));
	assert_true(world_close(&w));
}

static void test_attr__stored_acl_is_none(void **state)
{
	struct world w;
	struct vfs_stat st;

	(void)state;
	start(&w, reader_acl, sizeof(reader_acl) - 8, false);
	check_eq(vfs_stat(w.task, "/f", &st), -EINVAL);
	script.acl_size = 0;
	check_ok(vfs_stat(w.task, "/f", &st));
	assert_true(world_close(&w));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_attr__backend_answers),
		cmocka_unit_test(test_attr__extra),
		cmocka_unit_test(test_attr__backend_refuses),
		cmocka_unit_test(test_attr__stored_acl_decides),
		cmocka_unit_test(test_attr__stored_acl_of_the_root),
		cmocka_unit_test(test_attr__stored_acl_is_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL) ? 1 : 0;
}
