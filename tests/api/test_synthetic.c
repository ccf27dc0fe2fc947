/* SPDX-License-Identifier: MIT */
/* Synthetic file systems as an embedder writes them: <vfs/sys/synthetic.h>. */
#include <dirent.h>
#include <stdlib.h>
#include <vfs/sys/synthetic.h>
#include <vfs/sys/task.h>

#include "support/check.h"

#define NODE .size = sizeof(struct vfs_synthetic_node)

/* What the callbacks look at; one test at a time. */
static struct state {
	int shown;
	char knob[64];
	int64_t items;	 /* in list/ */
	uint32_t mode;	 /* of these */
	int64_t lookups; /* that were answered */
	int64_t drops;
	int fail;
	const struct vfs_task *caller;
	int opens;
} now;

/* -- files -- */

static int show_count(const struct vfs_synthetic_call *call,
		      struct vfs_synthetic_text *text)
{
	now.caller = call->task;
	if (now.fail)
		return now.fail;
	vfs_synthetic_printf(text, "%d\n", ++now.shown);
	return 0;
}

static int show_knob(const struct vfs_synthetic_call *call,
		     struct vfs_synthetic_text *text)
{
	(void)call;
	vfs_synthetic_write(text, now.knob, strlen(now.knob));
	return 0;
}

static int64_t store_knob(const struct vfs_synthetic_call *call,
			  const void *data, size_t count, int64_t offset)
{
	(void)call;
	(void)offset;
	if (count >= sizeof(now.knob))
		return -EINVAL;
	memcpy(now.knob, data, count);
	now.knob[count] = '\0';
	return (int64_t)count;
}

static int show_large(const struct vfs_synthetic_call *call,
		      struct vfs_synthetic_text *text)
{
	(void)call;
	for (int i = 0; i < 10000; i++)
		vfs_synthetic_printf(text, "line %06d\n", i);
	return 0;
}

static int64_t read_bytes(const struct vfs_synthetic_call *call, void *buffer,
			  size_t count, int64_t offset)
{
	(void)call;
	if (offset >= 1000)
		return 0;
	if (count > (size_t)(1000 - offset))
		count = (size_t)(1000 - offset);
	memset(buffer, 'b', count);
	return (int64_t)count;
}

static int64_t length_bytes(const struct vfs_synthetic_call *call)
{
	(void)call;
	return 1000;
}

static int show_key(const struct vfs_synthetic_call *call,
		    struct vfs_synthetic_text *text)
{
	vfs_synthetic_printf(text, "%llu %s",
			     (unsigned long long)call->node->key,
			     call->node->context == &now ? "mine" : "none");
	return 0;
}

static int count_open(const struct vfs_synthetic_call *call, uint32_t flags)
{
	(void)call;
	now.opens++;
	return (flags & O_ACCMODE) == O_RDWR ? -ETXTBSY : 0;
}

static int where(const struct vfs_synthetic_call *call,
		 struct vfs_synthetic_text *text)
{
	vfs_synthetic_printf(text, "sub/%s", now.knob);
	return call->task ? 0 : -EIO;
}

static int jump_root(const struct vfs_synthetic_call *call,
		     struct vfs_jump *jump)
{
	return vfs_jump_to(jump, vfs_task_id(call->task), VFS_PLACE_ROOT);
}

static const struct vfs_synthetic_ops count_ops = {
	.size = sizeof(count_ops),
	.show = show_count,
};
static const struct vfs_synthetic_ops knob_ops = {
	.size = sizeof(knob_ops),
	.show = show_knob,
	.store = store_knob,
};
static const struct vfs_synthetic_ops large_ops = {
	.size = sizeof(large_ops),
	.show = show_large,
};
static const struct vfs_synthetic_ops bytes_ops = {
	.size = sizeof(bytes_ops),
	.read = read_bytes,
	.length = length_bytes,
};
static const struct vfs_synthetic_ops key_ops = {
	.size = sizeof(key_ops),
	.show = show_key,
	.open = count_open,
};
static const struct vfs_synthetic_ops where_ops = {
	.size = sizeof(where_ops),
	.readlink = where,
};
static const struct vfs_synthetic_ops magic_ops = {
	.size = sizeof(magic_ops),
	.follow = jump_root,
};

/* -- a directory that lists itself -- */

static void item_drop(struct vfs_super *super,
		      const struct vfs_synthetic_node *node)
{
	(void)super;
	(void)node;
	now.drops++;
}

static const struct vfs_synthetic_ops item_ops = {
	.size = sizeof(item_ops),
	.drop = item_drop,
};

static const struct vfs_synthetic_node item_nodes[] = {
	{NODE, .name = "key", .mode = S_IFREG | 0444, .ops = &key_ops},
	{NODE, .name = "owned", .mode = S_IFREG | 0400,
	 .flags = VFS_SYNTHETIC_OWNED, .ops = &key_ops},
	{NODE},
};

static void fill_item(int64_t number, struct vfs_synthetic_node *node)
{
	node->mode = S_IFDIR | now.mode;
	node->uid = 1000;
	node->key = (uint64_t)number;
	node->context = &now;
	node->children = item_nodes;
	node->ops = &item_ops;
}

static int list_lookup(const struct vfs_synthetic_call *call, const char *name,
		       uint32_t len, struct vfs_synthetic_node *node)
{
	char text[16] = "";
	int64_t number;

	(void)call;
	if (now.fail)
		return now.fail;
	if (len >= sizeof(text))
		return -ENOENT;
	memcpy(text, name, len);
	number = strtoll(text, NULL, 10);
	if (number <= 0 || number > now.items)
		return -ENOENT;
	fill_item(number, node);
	now.lookups++;
	return 0;
}

static int list_iterate(const struct vfs_synthetic_call *call, int64_t from,
			struct vfs_synthetic_listing *listing)
{
	struct vfs_synthetic_node node = {NODE};
	char name[16];

	(void)call;
	for (int64_t i = from ? from : 1; i <= now.items; i++) {
		uint32_t len = (uint32_t)snprintf(name, sizeof(name), "%lld",
						  (long long)i);

		fill_item(i, &node);
		if (!vfs_synthetic_emit(listing, name, len, &node, i))
			break;
	}
	return 0;
}

static const struct vfs_synthetic_ops list_ops = {
	.size = sizeof(list_ops),
	.lookup = list_lookup,
	.iterate = list_iterate,
};

/* -- the tree -- */

static const struct vfs_synthetic_node sub_nodes[] = {
	{NODE, .name = "key", .mode = S_IFREG | 0444, .ops = &key_ops},
	{NODE, .name = "own", .mode = S_IFREG | 0444, .key = 9, .ino = 4711,
	 .ops = &key_ops},
	{NODE},
};

static const struct vfs_synthetic_node list_nodes[] = {
	{NODE, .name = "2", .mode = S_IFREG | 0444, .ops = &key_ops},
	{NODE, .name = "all", .mode = S_IFREG | 0444},
	{NODE},
};

static const struct vfs_synthetic_node root_nodes[] = {
	{NODE, .name = "live", .mode = S_IFREG | 0444, .ops = &count_ops},
	{NODE, .name = "kept", .mode = S_IFREG | 0444,
	 .flags = VFS_SYNTHETIC_AT_OPEN, .ops = &count_ops},
	{NODE, .name = "knob", .mode = S_IFREG | 0644, .ops = &knob_ops},
	{NODE, .name = "large", .mode = S_IFREG | 0444, .ops = &large_ops},
	{NODE, .name = "bytes", .mode = S_IFREG | 0440, .gid = 7,
	 .ops = &bytes_ops},
	{NODE, .name = "empty", .mode = S_IFREG | 0666},
	{NODE, .name = "link", .mode = S_IFLNK | 0777, .target = "sub/key"},
	{NODE, .name = "where", .mode = S_IFLNK | 0777, .ops = &where_ops},
	{NODE, .name = "magic", .mode = S_IFLNK | 0777, .target = "shown",
	 .ops = &magic_ops},
	{NODE, .name = "null", .mode = S_IFCHR | 0666, .rdev = 0x103},
	{NODE, .name = "sub", .mode = S_IFDIR | 0755, .key = 5, .context = &now,
	 .children = sub_nodes},
	{NODE, .name = "fixed", .mode = S_IFDIR | 0755,
	 .flags = VFS_SYNTHETIC_FIXED | VFS_SYNTHETIC_CLOSED,
	 .children = sub_nodes},
	{NODE, .name = "list", .mode = S_IFDIR | 0755, .children = list_nodes,
	 .ops = &list_ops},
	{NODE},
};

static const struct vfs_synthetic_node root_node = {
	NODE, .mode = S_IFDIR | 0755, .children = root_nodes};
static const struct vfs_synthetic_tree tree = {
	.size = sizeof(tree), .magic = 0x1234, .root = &root_node};

static int toy_mount(struct vfs_super *super, const struct vfs_mount_args *args,
		     struct vfs_inode **root)
{
	return vfs_synthetic_mount(super, args, &tree, root);
}

static const struct vfs_filesystem_type toy_type = {
	.size = sizeof(toy_type),
	.name = "toy",
	.inode_size = VFS_SYNTHETIC_INODE_SIZE,
	.super_size = VFS_SYNTHETIC_SUPER_SIZE,
	.mount = toy_mount,
	.unmount = vfs_synthetic_unmount,
};

static int open_toy(struct world *w, uint32_t flags, uint64_t names,
		    const char *options)
{
	const struct vfs_filesystem_type *types[] = {&toy_type};
	struct vfs_config config = {.size = sizeof(config),
				    .flags = flags,
				    .max_cached_names = names,
				    .root_type = "toy",
				    .root_options = options,
				    .types = types,
				    .type_count = 1};

	now = (struct state){.items = 3, .mode = 0755, .knob = "key"};
	return world_open(w, &config);
}

static int setup(void **state)
{
	*state = malloc(sizeof(struct world));
	return open_toy(*state, 0, 0, NULL);
}

static int setup_tiny(void **state)
{
	*state = malloc(sizeof(struct world));
	return open_toy(*state, VFS_CONFIG_SLOW_WALK, 1, NULL);
}

static int teardown(void **state)
{
	bool clean = world_close(*state);

	free(*state);
	/* each node that lookup gave was dropped once */
	return clean && now.drops == now.lookups ? 0 : -1;
}

/* -- tests -- */

static void test_synthetic__files(void **state)
{
	struct world *w = *state;
	struct vfs_stat st;
	char text[64] = "";
	int fd;

	check_file(w->user, "/live", "1\n");
	assert_ptr_equal(now.caller, w->user);
	fd = check_fd(vfs_open(w->task, "/live", O_RDONLY, 0));
	check_eq(vfs_read(w->task, fd, text, 1), 1);
	assert_int_equal(text[0], '2');
	/* made anew, from where it went on */
	check_eq(vfs_read(w->task, fd, text, 8), 1);
	assert_int_equal(text[0], '\n');
	check_eq(vfs_read(w->task, fd, text, 8), 0);
	check_eq(vfs_pread(w->task, fd, text, 8, 0), 2);
	assert_int_equal(text[0], '5');
	check_eq(vfs_pread(w->task, fd, text, 8, 99), 0);
	check_ok(vfs_close(w->task, fd));
	fd = check_fd(vfs_open(w->task, "/kept", O_RDONLY, 0));
	assert_int_equal(now.shown, 7);
	for (int i = 0; i < 3; i++) {
		check_eq(vfs_pread(w->task, fd, text, 8, 0), 2);
		assert_int_equal(text[0], '7');
	}
	check_ok(vfs_close(w->task, fd));
	now.fail = -EIO;
	check_eq(vfs_open(w->task, "/kept", O_RDONLY, 0), -EIO);
	fd = check_fd(vfs_open(w->task, "/live", O_RDONLY, 0));
	check_eq(vfs_read(w->task, fd, text, 8), -EIO);
	check_ok(vfs_close(w->task, fd));
	check_ok(vfs_stat(w->task, "/bytes", &st));
	assert_int_equal(st.size, 1000);
	assert_int_equal(st.gid, 7);
	check_eq(vfs_open(w->user, "/bytes", O_RDONLY, 0), -EACCES);
	fd = check_fd(vfs_open(w->task, "/bytes", O_RDONLY, 0));
	check_eq(vfs_pread(w->task, fd, text, 64, 990), 10);
	assert_int_equal(text[9], 'b');
	check_ok(vfs_close(w->task, fd));
	fd = check_fd(vfs_open(w->task, "/empty", O_RDWR, 0));
	check_eq(vfs_read(w->task, fd, text, 8), -EINVAL);
	check_eq(vfs_write(w->task, fd, "x", 1), -EINVAL);
	check_ok(vfs_close(w->task, fd));
	fd = check_fd(vfs_open(w->task, "/null", O_WRONLY, 0));
	check_eq(vfs_write(w->task, fd, "x", 1), 1);
	check_ok(vfs_close(w->task, fd));
	check_ok(vfs_stat(w->task, "/live", &st));
	assert_int_equal(st.size, 0);
	assert_int_equal(st.nlink, 1);
}

static void test_synthetic__large(void **state)
{
	struct world *w = *state;
	char *text = malloc(200000);
	int fd = check_fd(vfs_open(w->task, "/large", O_RDONLY, 0));

	check_eq(vfs_read(w->task, fd, text, 200000), 120000);
	assert_memory_equal(text + 119988, "line 009999\n", 12);
	check_eq(vfs_pread(w->task, fd, text, 12, 12 * 5000), 12);
	assert_memory_equal(text, "line 005000\n", 12);
	check_ok(vfs_close(w->task, fd));
	free(text);
}

static void test_synthetic__writing(void **state)
{
	struct world *w = *state;
	char long_text[100] = "";
	int fd;

	put_file(w->task, "/knob", "turned"); /* with O_TRUNC */
	check_file(w->task, "/knob", "turned");
	check_eq(vfs_open(w->user, "/knob", O_WRONLY, 0), -EACCES);
	fd = check_fd(vfs_open(w->task, "/knob", O_RDWR, 0));
	check_eq(vfs_write(w->task, fd, long_text, 100), -EINVAL);
	check_ok(vfs_ftruncate(w->task, fd, 0));
	check_file(w->task, "/knob", "turned");
	check_ok(vfs_close(w->task, fd));
}

static void test_synthetic__links(void **state)
{
	struct world *w = *state;
	struct vfs_stat st, root;
	char text[64];

	check_file(w->task, "/link", "5 mine");
	check_eq(vfs_readlink(w->task, "/link", text, 64), 7);
	check_ok(vfs_lstat(w->task, "/link", &st));
	assert_int_equal(st.size, 7);
	check_file(w->task, "/where", "5 mine");
	snprintf(now.knob, sizeof(now.knob), "own");
	check_file(w->task, "/where", "9 none");
	check_eq(vfs_readlink(w->task, "/where", text, 5), 5);
	assert_memory_equal(text, "sub/o", 5);
	check_eq(vfs_readlink(w->task, "/magic", text, 64), 5);
	assert_memory_equal(text, "shown", 5);
	check_ok(vfs_stat(w->task, "/magic", &st));
	check_ok(vfs_stat(w->task, "/", &root));
	assert_int_equal(st.ino, root.ino);
	check_file(w->task, "/magic/sub/key", "5 mine");
}

static void test_synthetic__nodes(void **state)
{
	struct world *w = *state;
	struct vfs_statfs fs;
	struct vfs_stat st;
	uint64_t ino = ino_of(w->task, "/sub/key");

	check_ok(vfs_statfs(w->task, "/", &fs));
	assert_int_equal(fs.type, 0x1234);
	check_ok(vfs_stat(w->task, "/", &st));
	assert_int_equal(st.ino, 1);
	assert_int_equal(st.nlink, 5);
	assert_int_equal(ino_of(w->task, "/sub/own"), 4711);
	assert_int_equal(nlink_of(w->task, "/sub"), 2);
	assert_int_equal(nlink_of(w->task, "/list"), 1);
	/* attributes that were set last with a table's nodes */
	check_ok(vfs_chmod(w->task, "/sub/key", 0400));
	check_ok(vfs_chown(w->task, "/sub/key", 1000, 1000));
	for (int i = 0; i < 50; i++)
		check_eq(vfs_stat(w->task, "/sub/none", &st), -ENOENT);
	check_ok(vfs_stat(w->task, "/sub/key", &st));
	assert_int_equal(st.mode, S_IFREG | 0400);
	assert_int_equal(st.uid, 1000);
	assert_int_equal(st.ino, ino);
	check_eq(vfs_chmod(w->task, "/fixed", 0700), -EPERM);
	check_ok(vfs_chmod(w->task, "/fixed/key", 0400));
	check_eq(vfs_mkdir(w->task, "/sub/x", 0755), -EPERM);
	check_eq(vfs_mkdir(w->task, "/fixed/x", 0755), -ENOENT);
	check_eq(vfs_unlink(w->task, "/sub/key"), -EPERM);
	check_eq(vfs_rename(w->task, "/sub/key", "/sub/x"), -EPERM);
	check_eq(vfs_symlink(w->task, "x", "/sub/x"), -EPERM);
	now.opens = 0;
	check_eq(vfs_open(w->task, "/sub/own", O_RDWR, 0), -ETXTBSY);
	check_file(w->task, "/sub/own", "9 none");
	assert_int_equal(now.opens, 2);
}

static int listed(struct vfs_task *task, const char *path, size_t buffer)
{
	_Alignas(8) char records[4096];
	char name[300];
	int fd = check_fd(vfs_open(task, path, O_RDONLY, 0)), count = 0;
	int64_t n;

	while ((n = vfs_getdents(task, fd, records, buffer)) > 0) {
		for (int64_t at = 0; at < n; count++) {
			const struct vfs_dirent *d = (void *)(records + at);
			struct vfs_stat st;

			at += d->reclen;
			snprintf(name, sizeof(name), "%s/%s", path, d->name);
			if (!strcmp(d->name, ".") || !strcmp(d->name, ".."))
				continue;
			check_ok(vfs_lstat(task, name, &st));
			assert_int_equal(st.ino, d->ino);
			assert_int_equal(IFTODT(st.mode), d->type);
		}
	}
	check_ok(n);
	check_ok(vfs_close(task, fd));
	return count;
}

static void test_synthetic__listing(void **state)
{
	struct world *w = *state;

	now.items = 40;
	for (size_t buffer = 32; buffer <= 4096; buffer *= 2) {
		assert_int_equal(listed(w->task, "/", buffer), 15);
		/* the table's "2" hides the listed one */
		assert_int_equal(listed(w->task, "/list", buffer), 43);
		assert_int_equal(listed(w->task, "/list/7", buffer), 4);
	}
	now.items = 0;
	assert_int_equal(listed(w->task, "/list", 512), 4);
}

static void test_synthetic__volatile(void **state)
{
	struct world *w = *state;
	struct vfs_stat st, again;
	char text[16];
	int fd, dir;

	check_file(w->task, "/list/1/key", "1 mine");
	check_file(w->task, "/list/3/key", "3 mine");
	check_ok(vfs_stat(w->task, "/list/2", &st));
	assert_int_equal(st.mode, S_IFREG | 0444);
	check_eq(vfs_stat(w->task, "/list/4", &st), -ENOENT);
	now.items = 4;
	check_ok(vfs_stat(w->task, "/list/4", &st));
	assert_int_equal(st.uid, 1000);
	check_ok(vfs_stat(w->task, "/list/4/key", &again));
	assert_int_equal(again.uid, 0);
	check_ok(vfs_stat(w->task, "/list/4/owned", &again));
	assert_int_equal(again.uid, 1000);
	dir = check_fd(vfs_open(w->task, "/list/4", O_RDONLY, 0));
	fd = check_fd(vfs_openat(w->task, dir, "key", O_RDONLY, 0));
	/* it goes; who has it keeps it */
	now.items = 3;
	check_eq(vfs_stat(w->task, "/list/4", &again), -ENOENT);
	check_eq(vfs_stat(w->task, "/list/4/key", &again), -ENOENT);
	check_ok(vfs_fstat(w->task, dir, &again));
	assert_int_equal(again.ino, st.ino);
	check_eq(vfs_read(w->task, fd, text, 16), 6);
	check_ok(vfs_close(w->task, fd));
	/* it comes again, with other permissions: the same number */
	now.items = 4;
	now.mode = 0700;
	check_ok(vfs_stat(w->task, "/list/4", &again));
	assert_int_equal(again.mode, S_IFDIR | 0700);
	assert_int_equal(again.ino, st.ino);
	check_eq(vfs_stat(w->task, "/list/1/../../list/1/../4/.", &again), 0);
	check_ok(vfs_close(w->task, dir));
	now.fail = -EIO;
	check_eq(vfs_stat(w->task, "/list/4", &again), -EIO);
	check_eq(vfs_stat(w->task, "/list/9", &again), -EIO);
	check_eq(vfs_mkdir(w->task, "/list/4", 0755), -EIO);
	check_eq(vfs_open(w->task, "/list/4", O_CREAT | O_RDWR, 0), -EIO);
	now.fail = 0;
	check_eq(vfs_mkdir(w->task, "/list/4", 0755), -EEXIST);
	check_eq(vfs_mkdir(w->task, "/list/9", 0755), -EPERM);
	check_eq(vfs_rmdir(w->task, "/list/4"), -EPERM);
}

static void test_synthetic__bad_types(void **state)
{
	const struct vfs_filesystem_type *types[1];
	struct vfs_filesystem_type type = toy_type;
	struct vfs_config config = {.size = sizeof(config),
				    .root_type = "toy",
				    .types = types,
				    .type_count = 1};
	struct vfs *vfs;

	(void)state;
	types[0] = &type;
	type.inode_size = VFS_SYNTHETIC_INODE_SIZE - 1;
	check_eq(vfs_create(&config, &vfs), -EINVAL);
	type.inode_size = VFS_SYNTHETIC_INODE_SIZE;
	type.super_size = 0;
	check_eq(vfs_create(&config, &vfs), -EINVAL);
	type.super_size = 4096;
	config.root_options = "x=y";
	check_eq(vfs_create(&config, &vfs), -EINVAL);
	config.root_options = "";
	check_ok(vfs_create(&config, &vfs));
	vfs_unref(vfs);
}

#define BOTH(function)                                                  \
	cmocka_unit_test_setup_teardown(function, setup, teardown),     \
	{                                                               \
#function "_tiny", function, setup_tiny, teardown, NULL \
	}

int main(void)
{
	const struct CMUnitTest tests[] = {
		BOTH(test_synthetic__files),
		BOTH(test_synthetic__large),
		BOTH(test_synthetic__writing),
		BOTH(test_synthetic__links),
		BOTH(test_synthetic__nodes),
		BOTH(test_synthetic__listing),
		BOTH(test_synthetic__volatile),
		cmocka_unit_test(test_synthetic__bad_types),
	};

	return cmocka_run_group_tests(tests, NULL, NULL) ? 1 : 0;
}
