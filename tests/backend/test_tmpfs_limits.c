/* SPDX-License-Identifier: MIT */
/*
 * tmpfs's options and what they limit. The expected numbers are what the
 * kernel's tmpfs shows for the same options and calls.
 */
#include <sys/statfs.h>
#include <sys/sysmacros.h>

#include "support/check.h"

#define TMPFS_MAGIC 0x01021994

static void mount_with(struct world *world, const char *options)
{
	struct vfs_config config = {.size = sizeof(config),
				    .root_options = options};

	check_ok(world_open(world, &config));
}

static struct vfs_statfs statfs_of(struct world *world)
{
	struct vfs_statfs st;

	check_ok(vfs_statfs(world->task, "/", &st));
	return st;
}

static int64_t inodes_used(struct world *world)
{
	struct vfs_statfs st = statfs_of(world);

	return (int64_t)(st.files - st.ffree);
}

static int64_t blocks_used(struct world *world)
{
	struct vfs_statfs st = statfs_of(world);

	return (int64_t)(st.blocks - st.bfree);
}

/* -- options -- */

static void test_tmpfs__good_options(void **state)
{
	static const struct {
		const char *options;
		uint64_t blocks, files;
		uint32_t mode, uid, gid;
	} cases[] = {
		{"size=4096,nr_inodes=10", 1, 10, 01777, 0, 0},
		{"size=4097,nr_inodes=1", 2, 1, 01777, 0, 0},
		{"size=1,nr_inodes=1k", 1, 1024, 01777, 0, 0},
		{"size=10K,nr_inodes=1M", 3, 1048576, 01777, 0, 0},
		{"size=1g,nr_inodes=0x10", 262144, 16, 01777, 0, 0},
		{"size=010000,nr_inodes=5", 1, 5, 01777, 0, 0},
		{"nr_blocks=10k,nr_inodes=5", 10240, 5, 01777, 0, 0},
		{"size=8k,nr_blocks=5,nr_inodes=5", 5, 5, 01777, 0, 0},
		{"nr_blocks=5,size=8k,nr_inodes=5", 2, 5, 01777, 0, 0},
		{",size=4k,,nr_inodes=7,mode=700,", 1, 7, 0700, 0, 0},
		{"size=0,nr_inodes=0", 0, 0, 01777, 0, 0},
		{"size=4k,nr_inodes=2,mode=17777", 1, 2, 07777, 0, 0},
		{"size=4k,nr_inodes=2,uid=010,gid=0x10", 1, 2, 01777, 8, 16},
		{"size=4k,nr_inodes=2,uid=4294967294", 1, 2, 01777,
		 UINT32_MAX - 1, 0},
		{"size=4k,nr_inodes=2,huge=never,noswap,inode64", 1, 2, 01777,
		 0, 0},
		{"size=4k,nr_inodes=2,mpol=bind:0,0,mode=711", 1, 2, 0711, 0,
		 0},
	};
	struct vfs_statfs st;
	struct vfs_stat root;
	struct world world;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		mount_with(&world, cases[i].options);
		st = statfs_of(&world);
		check_eq(st.type, TMPFS_MAGIC);
		check_eq(st.bsize, 4096);
		check_eq(st.blocks, cases[i].blocks);
		check_eq(st.bfree, cases[i].blocks);
		check_eq(st.bavail, cases[i].blocks);
		check_eq(st.files, cases[i].files);
		check_eq(st.ffree, cases[i].files ? cases[i].files - 1 : 0);
		check_ok(vfs_stat(world.task, "/", &root));
		check_eq(root.mode, S_IFDIR | cases[i].mode);
		check_eq(root.uid, cases[i].uid);
		check_eq(root.gid, cases[i].gid);
		assert_true(world_close(&world));
	}
}

static void test_tmpfs__bad_options(void **state)
{
	static const char *const bad[] = {
		"size",
		"size=",
		"size=-1",
		"size=+1",
		"size= 1",
		"size=1 ",
		"size=1kk",
		"size=12abc",
		"size=50%%",
		"size=08",
		"size=0xg",
		"size=16e",
		"nr_blocks",
		"nr_blocks=",
		"nr_blocks=50%",
		"nr_blocks=-1",
		"nr_inodes=",
		"nr_inodes=x",
		"nr_inodes=50%",
		"nr_inodes=18014398509481984",
		"mode=",
		"mode=8",
		"mode=0x1ff",
		"mode=-1",
		"mode=40000000000",
		"uid=",
		"uid=-1",
		"uid=4294967295",
		"uid=abc",
		"uid=1k",
		"gid=08",
		"gid=4294967296",
		"huge=deny",
		"huge=",
		"mpol=nowhere",
		"noswap=1",
		"inode64=",
		"wrong",
		"wrong=1",
		"SIZE=4k",
		"size=4k,wrong",
		"size=18446744073709551616",
	};
	struct vfs_config config = {.size = sizeof(config)};
	const char *comma, *key;
	struct world world;
	char name[64];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		config.root_options = bad[i];
		check_eq(world_open(&world, &config), -EINVAL);
		/* The line names the option. */
		comma = strrchr(bad[i], ',');
		key = comma ? comma + 1 : bad[i];
		snprintf(name, sizeof(name), "'%.*s", (int)strcspn(key, "="),
			 key);
		assert_non_null(strstr(world.log, name));
	}
}

static void test_tmpfs__defaults_are_half_of_memory(void **state)
{
	struct world *world = *state;
	struct vfs_statfs st = statfs_of(world);

	assert_true(st.blocks > 0);
	assert_int_equal(st.blocks, st.files);
	assert_int_equal(st.ffree, st.files - 1);
}

/* -- inodes -- */

static void test_tmpfs__what_takes_inodes(void **state)
{
	struct world world;
	struct vfs_task *task;

	(void)state;
	mount_with(&world, "nr_inodes=5");
	task = world.task;
	put_file(task, "/a", "");
	check_eq(inodes_used(&world), 2);
	check_ok(vfs_link(task, "/a", "/b"));
	check_eq(inodes_used(&world), 3);
	check_ok(vfs_mkdir(task, "/d", 0755));
	check_ok(vfs_mknod(task, "/c", S_IFCHR, makedev(1, 3)));
	check_eq(inodes_used(&world), 5);
	check_eq(vfs_mkfifo(task, "/f", 0600), -ENOSPC);
	check_eq(vfs_link(task, "/a", "/f"), -ENOSPC);
	check_eq(vfs_symlink(task, "a", "/f"), -ENOSPC);
	check_eq(vfs_setxattr(task, "/a", "user.x", "", 0, 0), -ENOSPC);
	check_ok(vfs_rename(task, "/b", "/d/b"));
	check_ok(vfs_unlink(task, "/a"));
	check_eq(inodes_used(&world), 4);
	check_ok(vfs_unlink(task, "/d/b"));
	check_ok(vfs_unlink(task, "/c"));
	check_ok(vfs_rmdir(task, "/d"));
	check_eq(inodes_used(&world), 1);
	assert_true(world_close(&world));
}

static void test_tmpfs__what_xattrs_take(void **state)
{
	static const char value[1024];
	struct world world;
	struct vfs_task *task;

	(void)state;
	mount_with(&world, "nr_inodes=3");
	task = world.task;
	put_file(task, "/a", "");
	/* 40 bytes, the name and the value, of the 1024 an inode has. */
	check_eq(vfs_setxattr(task, "/a", "user.x", value, 979, 0), -ENOSPC);
	check_ok(vfs_setxattr(task, "/a", "user.x", value, 978, 0));
	check_eq(inodes_used(&world), 3);
	/* The new one comes before the old one goes. */
	check_eq(vfs_setxattr(task, "/a", "user.x", value, 1, 0), -ENOSPC);
	check_ok(vfs_removexattr(task, "/a", "user.x"));
	check_ok(vfs_setxattr(task, "/a", "user.x", value, 400, 0));
	check_ok(vfs_setxattr(task, "/a", "user.x", value, 1, 0));
	check_ok(vfs_setxattr(task, "/a", "trusted.y", value, 900, 0));
	check_ok(vfs_unlink(task, "/a"));
	check_eq(inodes_used(&world), 1);
	assert_true(world_close(&world));
}

/* -- blocks -- */

static void test_tmpfs__a_full_file_system(void **state)
{
	static char data[100000];
	struct world world;
	struct vfs_task *task;
	struct vfs_stat st;
	int fd;

	(void)state;
	mount_with(&world, "size=64k");
	task = world.task;
	fd = check_fd(vfs_open(task, "/a", O_RDWR | O_CREAT, 0644));
	check_eq(vfs_pwrite(task, fd, data, sizeof(data), 0), 65536);
	check_eq(blocks_used(&world), 16);
	check_eq(vfs_pwrite(task, fd, data, 1000, 65536), -ENOSPC);
	check_eq(vfs_pwrite(task, fd, data, 1000, 65000), 536);
	check_eq(vfs_fallocate(task, fd, 0, 60000, 10000), -ENOSPC);
	check_ok(vfs_fstat(task, fd, &st));
	check_eq(st.size, 65536);
	check_eq(st.blocks, 128);
	check_eq(vfs_fallocate(task, fd, 0, 0, 65537), -ENOSPC);
	/* What needs no block works. */
	check_ok(vfs_mkdir(task, "/d", 0755));
	check_ok(vfs_symlink(task, "a", "/s"));
	put_file(task, "/empty", "");
	check_ok(vfs_unlink(task, "/empty"));
	check_ok(vfs_fallocate(
		task, fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 8192));
	check_eq(blocks_used(&world), 14);
	check_ok(vfs_unlink(task, "/a"));
	check_eq(blocks_used(&world), 14);
	check_ok(vfs_close(task, fd));
	check_eq(blocks_used(&world), 0);
	assert_true(world_close(&world));
}

static void test_tmpfs__long_symlinks_take_a_block(void **state)
{
	char target[201];
	struct world world;
	struct vfs_stat st;

	(void)state;
	memset(target, 'x', sizeof(target));
	mount_with(&world, "nr_blocks=1");
	target[127] = '\0';
	check_ok(vfs_symlink(world.task, target, "/short"));
	check_eq(blocks_used(&world), 0);
	target[127] = 'x';
	target[128] = '\0';
	check_ok(vfs_symlink(world.task, target, "/long"));
	check_ok(vfs_lstat(world.task, "/long", &st));
	check_eq(st.size, 128);
	check_eq(st.blocks, 8);
	check_eq(blocks_used(&world), 1);
	check_eq(vfs_symlink(world.task, target, "/other"), -ENOSPC);
	check_ok(vfs_unlink(world.task, "/long"));
	check_eq(blocks_used(&world), 0);
	assert_true(world_close(&world));
}

static int64_t size_of(struct vfs_task *task, const char *path)
{
	struct vfs_stat st;

	check_ok(vfs_stat(task, path, &st));
	check_eq(st.blocks, 0);
	return st.size;
}

static void test_tmpfs__directories_sizes(void **state)
{
	struct world *world = *state;
	struct vfs_task *task = world->task;

	check_eq(size_of(task, "/"), 40);
	check_ok(vfs_mkdir(task, "/d", 0755));
	put_file(task, "/a", "");
	put_file(task, "/b", "");
	check_eq(size_of(task, "/"), 100);
	check_eq(size_of(task, "/d"), 40);
	check_ok(vfs_rename(task, "/a", "/d/a"));
	check_eq(size_of(task, "/"), 80);
	check_eq(size_of(task, "/d"), 60);
	check_ok(vfs_rename(task, "/b", "/d/a"));
	check_eq(size_of(task, "/"), 60);
	check_eq(size_of(task, "/d"), 60);
	check_ok(vfs_renameat2(task, AT_FDCWD, "/d/a", AT_FDCWD, "/c", 4));
	check_eq(size_of(task, "/"), 80);
	check_eq(size_of(task, "/d"), 60);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tmpfs__good_options),
		cmocka_unit_test(test_tmpfs__bad_options),
		world_test(test_tmpfs__defaults_are_half_of_memory),
		cmocka_unit_test(test_tmpfs__what_takes_inodes),
		cmocka_unit_test(test_tmpfs__what_xattrs_take),
		cmocka_unit_test(test_tmpfs__a_full_file_system),
		cmocka_unit_test(test_tmpfs__long_symlinks_take_a_block),
		world_test(test_tmpfs__directories_sizes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL) ? 1 : 0;
}
