/* SPDX-License-Identifier: MIT */
/* RESOLVE_BENEATH and RESOLVE_IN_ROOT while somebody moves what is walked. */
#include <linux/openat2.h>
#include <pthread.h>
#include <vfs/sys/backend.h>

#include "support/check.h"

/* Moves the directory on a thread of its own: the walk holds a lock. */
struct mover {
	struct vfs_task *task;
	const char *from, *to;
	int result;
};

static struct mover *mover; /* NULL: nothing is moved */

static void *move(void *argument)
{
	struct mover *m = argument;

	m->result = vfs_rename(m->task, m->from, m->to);
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

/* Every name is a directory. */
static int moving_lookup(struct vfs_inode *dir, const struct vfs_name *name,
			 struct vfs_inode **inode, uint64_t *cookie)
{
	pthread_t thread;

	(void)name;
	(void)cookie;
	if (mover) {
		assert_int_equal(pthread_create(&thread, NULL, move, mover), 0);
		assert_int_equal(pthread_join(thread, NULL), 0);
		mover = NULL;
	}
	*inode = vfs_inode_create(dir->super, &dir_ops,
				  vfs_super_next_ino(dir->super),
				  S_IFDIR | 0755);
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

static int beneath(struct vfs_task *task, int dirfd, const char *path,
		   uint64_t resolve)
{
	const struct vfs_open_how how = {.flags = O_RDONLY, .resolve = resolve};

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
	check_eq(beneath(w->task, jail, path, resolve), -EAGAIN);
	check_ok(m.result);
	check_ok(vfs_rename(w->task, "/out/in", "/jail/in"));
	/* made again, it is told the truth */
	check_eq(beneath(w->task, jail, path, resolve), -ENOENT);
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		world_test(test_scoped__moved_out_of_the_scope),
	};

	return cmocka_run_group_tests(tests, NULL, NULL) ? 1 : 0;
}
