/* SPDX-License-Identifier: MIT */
/* RESOLVE_BENEATH and RESOLVE_IN_ROOT while somebody moves what is walked, or
 * takes away the descriptor that the walk began at. */
#include <linux/openat2.h>
#include <pthread.h>
#include <vfs/sys/backend.h>

#include "support/check.h"

/* Moves a directory, or (from NULL) puts another behind a descriptor, on a
 * thread of its own: the walk holds a lock. */
struct mover {
	struct vfs_task *task;
	const char *from, *to;
	int fd, other;
	int result;
};

static struct mover *mover; /* NULL: nothing is moved */

static void *move(void *argument)
{
	struct mover *m = argument;

	m->result = m->from ? vfs_rename(m->task, m->from, m->to)
			    : vfs_dup2(m->task, m->other, m->fd);
	return NULL;
}

static int moving_lookup(struct vfs_inode *dir, const struct vfs_name *name,
			 struct vfs_inode **inode, uint64_t *cookie);

static int empty_iterate(struct vfs_inode *dir, struct vfs_file *file,
			 struct vfs_dir_context *context)
{
	(void)dir;
	(void)file;
	(void)context;
	return 0;
}

static const struct vfs_inode_ops dir_ops = {
	.size = sizeof(dir_ops),
	.lookup = moving_lookup,
	.iterate = empty_iterate,
};

static int64_t climb(struct vfs_inode *inode, char *buffer, size_t size)
{
	static const char target[] = "../../secret";

	(void)inode;
	assert_true(size >= sizeof(target));
	memcpy(buffer, target, sizeof(target) - 1);
	return sizeof(target) - 1;
}

static const struct vfs_inode_ops link_ops = {
	.size = sizeof(link_ops),
	.readlink = climb,
};

/* Every name is a directory, but `link`. */
static int moving_lookup(struct vfs_inode *dir, const struct vfs_name *name,
			 struct vfs_inode **inode, uint64_t *cookie)
{
	bool link = name->len == 4 && !memcmp(name->str, "link", 4);
	pthread_t thread;

	(void)cookie;
	if (mover) {
		assert_int_equal(pthread_create(&thread, NULL, move, mover), 0);
		assert_int_equal(pthread_join(thread, NULL), 0);
		mover = NULL;
	}
	*inode = vfs_inode_create(dir->super, link ? &link_ops : &dir_ops,
				  vfs_super_next_ino(dir->super),
				  link ? S_IFLNK | 0777 : S_IFDIR | 0755);
	return *inode ? 0 : -ENOMEM;
}

static int moving_statfs(struct vfs_super *super, struct vfs_statfs *out)
{
	(void)super;
	(void)out;
	return 0;
}

static const struct vfs_super_ops super_ops = {
	.size = sizeof(super_ops),
	.statfs = moving_statfs,
};

static int moving_mount(struct vfs_super *super,
			const struct vfs_mount_args *args,
			struct vfs_inode **root)
{
	(void)args;
	super->ops = &super_ops;
	*root = vfs_inode_create(super, &dir_ops, 1, S_IFDIR | 0755);
	return *root ? 0 : -ENOMEM;
}

static const struct vfs_filesystem_type moving_type = {
	.size = sizeof(moving_type),
	.name = "moving",
	.mount = moving_mount,
};

static int open_scoped(struct vfs_task *task, int dirfd, const char *path,
		       uint64_t flags, uint64_t resolve)
{
	const struct vfs_open_how how = {.flags = flags, .resolve = resolve};

	return vfs_openat2(task, dirfd, path, &how, sizeof(how));
}

/* /jail/in, with something mounted on /jail/in/q, goes to /out while a walk
 * from /jail is below it: what is above it then is nobody's to see. */
static void walk_out(struct world *w, const char *name, uint64_t resolve)
{
	struct mover m = {.task = w->user,
			  .from = "/jail/in",
			  .to = "/out/in",
			  .result = 1};
	char path[64];
	int jail = check_fd(vfs_open(w->task, "/jail", O_RDONLY, 0));

	snprintf(path, sizeof(path), "in/q/%s/../../../secret", name);
	mover = &m;
	check_eq(open_scoped(w->task, jail, path, O_RDONLY, resolve), -EAGAIN);
	check_ok(m.result);
	check_ok(vfs_rename(w->task, "/out/in", "/jail/in"));
	/* made again, it is told the truth */
	check_eq(open_scoped(w->task, jail, path, O_RDONLY, resolve), -ENOENT);
	check_ok(vfs_close(w->task, jail));
}

static void test_scoped__moved_out_of_the_scope(void **state)
{
	struct world *w = *state;

	check_ok(vfs_register_filesystem(w->vfs, &moving_type, 0));
	check_ok(vfs_mkdir(w->task, "/jail", 0777));
	check_ok(vfs_mkdir(w->task, "/jail/in", 0777));
	check_ok(vfs_mkdir(w->task, "/jail/in/q", 0755));
	check_ok(vfs_mkdir(w->task, "/out", 0777));
	put_file(w->task, "/out/secret", "not to be seen");
	check_ok(vfs_mount(w->task, "m", "/jail/in/q", "moving", 0, NULL));
	walk_out(w, "a", RESOLVE_BENEATH);
	walk_out(w, "b", RESOLVE_IN_ROOT);
}

/* The descriptor is another directory's by the time that the last link is
 * followed: the scope is still the one that the walk began in. */
static void test_scoped__another_behind_the_descriptor(void **state)
{
	struct world *w = *state;
	struct mover m = {.task = w->task, .result = -1};
	struct vfs_stat st, seen;
	int fd;

	check_ok(vfs_register_filesystem(w->vfs, &moving_type, 0));
	check_ok(vfs_mkdir(w->task, "/out", 0777));
	check_ok(vfs_mkdir(w->task, "/out/jail", 0777));
	check_ok(vfs_mkdir(w->task, "/out/jail/q", 0755));
	check_ok(vfs_mkdir(w->task, "/other", 0777));
	put_file(w->task, "/out/secret", "not to be seen");
	put_file(w->task, "/out/jail/secret", "to be seen");
	check_ok(vfs_mount(w->task, "m", "/out/jail/q", "moving", 0, NULL));
	m.fd = check_fd(vfs_open(w->task, "/out/jail", O_RDONLY, 0));
	m.other = check_fd(vfs_open(w->task, "/other", O_RDONLY, 0));
	mover = &m;
	fd = check_fd(open_scoped(w->task, m.fd, "q/link", O_RDWR | O_CREAT,
				  RESOLVE_IN_ROOT));
	check_eq(m.result, m.fd);
	check_ok(vfs_stat(w->task, "/out/jail/secret", &st));
	check_ok(vfs_fstat(w->task, fd, &seen));
	check_eq(seen.ino, st.ino);
	for (int i = m.fd; i <= fd; i++)
		check_ok(vfs_close(w->task, i));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		world_test(test_scoped__moved_out_of_the_scope),
		world_test(test_scoped__another_behind_the_descriptor),
	};

	return cmocka_run_group_tests(tests, NULL, NULL) ? 1 : 0;
}
