/* SPDX-License-Identifier: MIT */
/*
 * What others do between a call's looks and its change. A call runs in a thread
 * of its own and comes to wait for a lock that the test has; the test then
 * makes the other's change and lets it go on.
 */
#include <linux/mount.h>
#include <pthread.h>
#include <sched.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/xattr.h>

#include <vfs/sys/layer.h>

#include "core/dcache.h"
#include "core/inode.h"
#include "core/synthdir.h"
#include "core/walk.h"
#include "support/check.h"

struct call {
	struct vfs_task *task;
	int (*make)(struct vfs_task *task);
	int result;
	uint32_t done; /* atomic */
	pthread_t thread;
};

static void *run(void *argument)
{
	struct call *call = argument;

	call->result = call->make(call->task);
	__atomic_store_n(&call->done, 1, __ATOMIC_RELEASE);
	return NULL;
}

static void begin(struct call *call, struct vfs_task *task,
		  int (*make)(struct vfs_task *task))
{
	call->task = task;
	call->make = make;
	call->done = 0;
	assert_int_equal(pthread_create(&call->thread, NULL, run, call), 0);
}

/* Until the call waits for inode's lock, which the caller has. */
static void until_it_waits(struct call *call, struct vfs_inode *inode)
{
	while (!(__atomic_load_n(&inode->core_lock, __ATOMIC_ACQUIRE) &
		 (VFS__LOCK_WRITER | VFS__LOCK_SLEEP)) &&
	       !__atomic_load_n(&call->done, __ATOMIC_ACQUIRE))
		sched_yield();
}

static int result_of(struct call *call)
{
	assert_int_equal(pthread_join(call->thread, NULL), 0);
	return call->result;
}

static void look_up(struct vfs_task *task, const char *path,
		    struct vfs__path *out)
{
	check_ok(vfs__path_lookup(vfs__self(task->vfs), task, AT_FDCWD, path, 0,
				  out));
}

/* ---- attributes ---- */

static const struct vfs_timespec past[2] = {{1, 0, 0}, {1, 0, 0}};

static int set_times(struct vfs_task *task)
{
	return vfs_utimensat(task, AT_FDCWD, "/f", past, 0);
}

static int touch(struct vfs_task *task)
{
	return vfs_utimensat(task, AT_FDCWD, "/f", NULL, 0);
}

static int set_xattr(struct vfs_task *task)
{
	return vfs_setxattr(task, "/f", "user.b", "2", 1, 0);
}

static int remove_xattr(struct vfs_task *task)
{
	return vfs_removexattr(task, "/f", "user.a");
}

static int (*const changes[])(struct vfs_task *task) = {
	set_times,
	touch,
	set_xattr,
	remove_xattr,
};

/* /f is user 1000's; the user comes to change it, and the inode is locked. */
static struct vfs_inode *meet(struct world *w, struct vfs__path *at,
			      struct call *call,
			      int (*change)(struct vfs_task *task))
{
	put_file(w->task, "/f", "x");
	check_ok(vfs_setxattr(w->task, "/f", "user.a", "1", 1, 0));
	check_ok(vfs_chmod(w->task, "/f", 0600));
	check_ok(vfs_chown(w->task, "/f", 1000, 1000));
	look_up(w->task, "/f", at);
	vfs__inode_lock(at->dentry->inode);
	begin(call, w->user, change);
	until_it_waits(call, at->dentry->inode);
	return at->dentry->inode;
}

/* The call goes on, is refused, and has changed nothing. */
static void check_refused(struct world *w, struct call *call,
			  const struct vfs__path *at, int expected)
{
	struct vfs_stat before, after;
	char value[4];

	check_ok(vfs_stat(w->task, "/f", &before));
	vfs__inode_unlock(at->dentry->inode);
	check_eq(result_of(call), expected);
	check_ok(vfs_stat(w->task, "/f", &after));
	assert_memory_equal(&before, &after, sizeof(after));
	check_eq(vfs_getxattr(w->task, "/f", "user.a", value, 4), 1);
	check_eq(vfs_getxattr(w->task, "/f", "user.b", value, 4), -ENODATA);
	vfs_inode_set_flags(at->dentry->inode, 0, VFS_INODE_IMMUTABLE);
	vfs__path_unref(vfs__self(w->vfs), at);
	check_ok(vfs_unlink(w->task, "/f"));
}

static void test_between__it_becomes_immutable(void **state)
{
	struct world *w = *state;

	for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
		struct vfs__path at;
		struct call call;
		struct vfs_inode *inode = meet(w, &at, &call, changes[i]);

		vfs_inode_set_flags(inode, VFS_INODE_IMMUTABLE, 0);
		check_refused(w, &call, &at, -EPERM);
	}
}

static void test_between__it_gets_another_owner(void **state)
{
	struct world *w = *state;

	for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
		struct vfs__path at;
		struct call call;
		struct vfs_inode *inode = meet(w, &at, &call, changes[i]);

		VFS_WRITE_ONCE(inode->uid, 0);
		VFS_WRITE_ONCE(inode->gid, 0);
		check_refused(w, &call, &at, i ? -EACCES : -EPERM);
	}
}

/* ---- mounts ---- */

static int mount_it(struct vfs_task *task)
{
	return vfs_mount(task, "m", "/d/m", "tmpfs", 0, NULL);
}

/* The name is found to be no longer what it was, which is done with the
 * directory locked, while somebody mounts on it. */
static void test_between__a_name_is_forgotten(void **state)
{
	struct world *w = *state;
	struct vfs__thread *thread = vfs__self(w->vfs);
	const struct vfs_dentry *m;
	struct vfs__path dir, at;
	struct vfs_name name;
	struct call call;

	check_ok(vfs_mkdir(w->task, "/d", 0755));
	check_ok(vfs_mkdir(w->task, "/d/m", 0755));
	look_up(w->task, "/d", &dir);
	look_up(w->task, "/d/m", &at);
	m = at.dentry;
	name.str = vfs__dentry_name(m, &name.len);
	name.hash = m->hash;
	vfs__inode_lock(dir.dentry->inode);
	begin(&call, w->task, mount_it);
	until_it_waits(&call, dir.dentry->inode);
	assert_false(vfs__dentry_flags(m) & VFS__DENTRY_MOUNTED);
	vfs__forget_name(thread, w->vfs, dir.dentry, &name, at.dentry);
	assert_false(vfs__dentry_hashed(m));
	vfs__inode_unlock(dir.dentry->inode);
	check_eq(result_of(&call), -ENOENT);
	assert_false(vfs__dentry_flags(m) & VFS__DENTRY_MOUNTED);
	vfs__path_unref(thread, &at);
	vfs__path_unref(thread, &dir);
}

/* What a rename does to the cache, with both directories locked. */
static void move_name(struct world *w, struct vfs_dentry *d,
		      struct vfs_dentry *from, struct vfs_dentry *to)
{
	struct vfs__thread *thread = vfs__self(w->vfs);
	struct vfs__longname *old;
	struct vfs_name name;

	name.str = vfs__dentry_name(d, &name.len);
	name.hash = d->hash;
	vfs__dentry_ref(to);
	vfs__dcache_rename_begin(w->vfs);
	vfs__dcache_move(thread, w->vfs, d, to, &name, NULL, &old);
	vfs__dcache_rename_end(w->vfs);
	vfs__dentry_unref(thread, from);
}

/* It has another directory when the one that it was in can be had. */
static void test_between__a_place_is_moved(void **state)
{
	struct world *w = *state;
	struct vfs__thread *thread = vfs__self(w->vfs);
	struct vfs__path from, to, at;
	struct vfs_stat st;
	struct call call;

	check_ok(vfs_mkdir(w->task, "/d", 0755));
	check_ok(vfs_mkdir(w->task, "/e", 0755));
	check_ok(vfs_mkdir(w->task, "/d/m", 0755));
	look_up(w->task, "/d", &from);
	look_up(w->task, "/e", &to);
	look_up(w->task, "/d/m", &at);
	vfs__inode_lock(from.dentry->inode);
	begin(&call, w->task, mount_it);
	until_it_waits(&call, from.dentry->inode);
	vfs__rw_lock_excl_nested(&to.dentry->inode->core_lock, VFS__RANK_DIR);
	move_name(w, at.dentry, from.dentry, to.dentry);
	vfs__inode_unlock(from.dentry->inode);
	/* there it waits again */
	until_it_waits(&call, to.dentry->inode);
	assert_false(vfs__dentry_flags(at.dentry) & VFS__DENTRY_MOUNTED);
	vfs__inode_unlock(to.dentry->inode);
	check_ok(result_of(&call));
	check_eq(vfs_stat(w->task, "/d/m", &st), -ENOENT);
	check_ok(vfs_mkdir(w->task, "/e/m/inside", 0755));
	check_ok(vfs_umount(w->task, "/e/m"));
	check_eq(vfs_stat(w->task, "/e/m/inside", &st), -ENOENT);
	/* as the file system has it */
	move_name(w, at.dentry, to.dentry, from.dentry);
	vfs__path_unref(thread, &at);
	vfs__path_unref(thread, &to);
	vfs__path_unref(thread, &from);
}

/* Somebody is about to mount on a name that a file system on top of this one
 * removes, or replaces: it may not wait for what becomes of that. */
static void test_between__a_layer_is_mounted_on(void **state)
{
	struct world *w = *state;
	struct vfs_task *layers;
	struct vfs__path at;
	int fd;

	check_ok(vfs_mkdir(w->task, "/d", 0755));
	check_ok(vfs_mkdir(w->task, "/d/m", 0755));
	check_ok(vfs_mkdir(w->task, "/d/n", 0755));
	check_ok(vfs_layer_task_create(w->vfs, NULL, &layers));
	fd = check_fd(vfs_layer_open(layers, w->task, AT_FDCWD, "/d", 0, -1));
	look_up(w->task, "/d/m", &at);
	vfs__dentry_set(at.dentry, VFS__DENTRY_MOUNTED);
	check_eq(vfs_unlinkat(layers, fd, "m", AT_REMOVEDIR), -EBUSY);
	check_eq(vfs_renameat(layers, fd, "n", fd, "m"), -EBUSY);
	check_eq(vfs_renameat(layers, fd, "m", fd, "o"), -EBUSY);
	vfs__dentry_clear(at.dentry, VFS__DENTRY_MOUNTED);
	check_ok(vfs_renameat(layers, fd, "n", fd, "m"));
	check_ok(vfs_unlinkat(layers, fd, "m", AT_REMOVEDIR));
	vfs__path_unref(vfs__self(w->vfs), &at);
	check_ok(vfs_close(layers, fd));
	vfs_task_unref(layers);
}

/* ---- copies of trees ---- */

struct removal {
	struct world *world;
	struct vfs_task *task; /* in a mount namespace of its own */
	bool came;
};

static void *remove_it(void *argument)
{
	const struct removal *r = argument;

	(void)vfs_rmdir(r->task, "/d/m");
	return NULL;
}

/* Unless the trees are locked: then nobody can come in between. */
static void visit_removing(void *argument)
{
	struct removal *r = argument;
	struct vfs *vfs = r->world->vfs;
	pthread_t thread;

	r->came = true;
	if (!vfs__mutex_trylock(&vfs->mounts.lock, VFS__RANK_NAMESPACE))
		return;
	vfs__mutex_unlock(&vfs->mounts.lock, VFS__RANK_NAMESPACE);
	assert_int_equal(pthread_create(&thread, NULL, remove_it, r), 0);
	assert_int_equal(pthread_join(thread, NULL), 0);
}

/* The place of a mount is removed where it is none, at each allocation of a
 * copy of the tree. */
static void test_between__a_copied_tree_loses_a_place(void **state)
{
	static const struct vfs_config config = {
		.size = sizeof(config), .flags = VFS_CONFIG_PLAIN_MEMORY};
	struct removal r = {.came = true};
	struct world w;

	(void)state;
	check_ok(world_open(&w, &config));
	r.world = &w;
	check_ok(vfs_mkdir(w.task, "/d", 0777));
	check_ok(vfs_task_clone(w.task, VFS_CLONE_NEWNS, &r.task));
	for (uint64_t n = 1; r.came; n++) {
		int fd;

		check_ok(vfs_mkdir(w.task, "/d/m", 0755));
		check_ok(mount_it(w.task));
		check_ok(
			vfs_mount(w.task, NULL, "/d/m", NULL, MS_SHARED, NULL));
		r.came = false;
		test_alloc_visit(&w.alloc, n, visit_removing, &r);
		fd = check_fd(vfs_open_tree(w.task, AT_FDCWD, "/d",
					    OPEN_TREE_CLONE | AT_RECURSIVE));
		check_ok(vfs_close(w.task, fd));
		(void)vfs_umount2(w.task, "/d/m", MNT_DETACH);
		(void)vfs_rmdir(w.task, "/d/m");
	}
	vfs_task_unref(r.task);
	assert_true(world_close(&w));
}

/* ---- files of namespaces ---- */

struct opening {
	struct vfs_task *task;
	int type;
	int fd;
	bool came;
};

static void *open_it(void *argument)
{
	struct opening *opening = argument;

	opening->fd = vfs_open_namespace(opening->task, opening->task,
					 opening->type, 0);
	return NULL;
}

static void visit(void *argument)
{
	struct opening *opening = argument;
	pthread_t thread;

	opening->came = true;
	assert_int_equal(pthread_create(&thread, NULL, open_it, opening), 0);
	assert_int_equal(pthread_join(thread, NULL), 0);
}

/* Another opens it at each allocation of the opening: it is one file. */
static void open_twice(int type)
{
	static const struct vfs_config config = {
		.size = sizeof(config), .flags = VFS_CONFIG_PLAIN_MEMORY};
	struct opening other = {.type = type, .came = true};
	struct world w;

	check_ok(world_open(&w, &config));
	check_ok(vfs_task_clone(w.task, 0, &other.task));
	for (uint64_t n = 1; other.came; n++) {
		int fd;

		other.came = false;
		test_alloc_visit(&w.alloc, n, visit, &other);
		fd = check_fd(vfs_open_namespace(w.task, w.task, type, 0));
		check_ok(vfs_flock(w.task, fd, LOCK_EX | LOCK_NB));
		if (other.came) {
			check_fd(other.fd);
			check_eq(vfs_flock(other.task, other.fd,
					   LOCK_EX | LOCK_NB),
				 -EAGAIN);
			check_ok(vfs_close(other.task, other.fd));
		}
		check_ok(vfs_close(w.task, fd));
	}
	vfs_task_unref(other.task);
	assert_true(world_close(&w));
}

static void test_between__a_namespace_has_one_file(void **state)
{
	(void)state;
	open_twice(VFS_CLONE_NEWNS);
	open_twice(VFS_CLONE_NEWUSER);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		world_test(test_between__it_becomes_immutable),
		world_test(test_between__it_gets_another_owner),
		world_test(test_between__a_name_is_forgotten),
		world_test(test_between__a_place_is_moved),
		world_test(test_between__a_layer_is_mounted_on),
		cmocka_unit_test(test_between__a_copied_tree_loses_a_place),
		cmocka_unit_test(test_between__a_namespace_has_one_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL) ? 1 : 0;
}
