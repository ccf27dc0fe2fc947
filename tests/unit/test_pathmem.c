/* SPDX-License-Identifier: MIT */
/* Paths that are remembered: that they are, and that nothing outlives a change
 * by which they lead elsewhere. */
#include <pthread.h>
#include <sys/mount.h>

#include "core/instance.h"
#include "core/mount.h"
#include "core/pathmem.h"
#include "core/task.h"
#include "support/check.h"

#define DIR "/directory/below/this"
#define FILE_PATH DIR "/a-file"
#define ABSENT DIR "/nothing-there"

static bool remembers(struct world *w, const char *path)
{
	const struct vfs__thread *thread = vfs__self(w->vfs);

	for (unsigned i = 0; i < VFS__REMEMBERED; i++) {
		const struct vfs__remembered *e = &thread->remembered[i];

		if (e->len == strlen(path) && e->used &&
		    !memcmp(e->path, path, e->len))
			return true;
	}
	return false;
}

/* Walks until the path comes from memory; what the walks say. */
static int warm(struct vfs_task *task, const char *path)
{
	struct vfs_stat st;
	int result = 0;

	for (int i = 0; i < 4; i++)
		result = vfs_stat(task, path, &st);
	return result;
}

static int get(struct vfs_task *task, const char *path)
{
	struct vfs_stat st;

	return vfs_stat(task, path, &st);
}

static int tree(void **state)
{
	struct world *w;
	int err = world_setup(state);

	if (err)
		return err;
	w = *state;
	check_ok(vfs_mkdir(w->task, "/directory", 0755));
	check_ok(vfs_mkdir(w->task, "/directory/below", 0755));
	check_ok(vfs_mkdir(w->task, DIR, 0755));
	put_file(w->task, FILE_PATH, "here");
	check_ok(warm(w->user, FILE_PATH));
	assert_true(remembers(w, FILE_PATH));
	check_eq(warm(w->user, ABSENT), -ENOENT);
	assert_true(remembers(w, ABSENT));
	return 0;
}

/* ---- names ---- */

static void test_pathmem__removed(void **state)
{
	struct world *w = *state;

	check_ok(vfs_unlink(w->task, FILE_PATH));
	check_eq(get(w->user, FILE_PATH), -ENOENT);
	check_eq(warm(w->user, FILE_PATH), -ENOENT);
	put_file(w->task, FILE_PATH, "again");
	check_file(w->user, FILE_PATH, "again");
	check_ok(vfs_unlink(w->task, FILE_PATH));
	check_ok(vfs_mkdir(w->task, FILE_PATH, 0755));
	check_ok(warm(w->user, FILE_PATH));
	check_ok(vfs_rmdir(w->task, FILE_PATH));
	check_eq(get(w->user, FILE_PATH), -ENOENT);
	check_ok(vfs_rmdir(w->task, DIR));
	check_eq(get(w->user, ABSENT), -ENOENT);
	check_ok(vfs_mkdir(w->task, DIR, 0755));
	put_file(w->task, ABSENT, "");
	check_ok(get(w->user, ABSENT));
}

static void appears(struct world *w, int result)
{
	check_ok(result);
	check_ok(get(w->user, ABSENT));
	check_ok(warm(w->user, ABSENT));
	if (vfs_unlink(w->task, ABSENT) < 0)
		check_ok(vfs_rmdir(w->task, ABSENT));
	check_eq(get(w->user, ABSENT), -ENOENT);
	check_eq(warm(w->user, ABSENT), -ENOENT);
}

static void test_pathmem__appears(void **state)
{
	struct world *w = *state;
	struct vfs_task *t = w->task;
	int fd;

	appears(w, vfs_mknod(t, ABSENT, S_IFREG | 0644, 0));
	appears(w, vfs_mkdir(t, ABSENT, 0755));
	appears(w, vfs_symlink(t, FILE_PATH, ABSENT));
	appears(w, vfs_link(t, FILE_PATH, ABSENT));
	fd = check_fd(vfs_open(t, ABSENT, O_CREAT | O_WRONLY, 0644));
	check_ok(vfs_close(t, fd));
	appears(w, 0);
	put_file(t, "/directory/other", "");
	appears(w, vfs_rename(t, "/directory/other", ABSENT));
}

static void test_pathmem__renamed(void **state)
{
	struct world *w = *state;
	uint64_t ino = ino_of(w->task, FILE_PATH);

	check_ok(vfs_rename(w->task, FILE_PATH, ABSENT));
	check_eq(get(w->user, FILE_PATH), -ENOENT);
	check_ok(get(w->user, ABSENT));
	check_ok(warm(w->user, ABSENT));
	put_file(w->task, "/directory/other", "");
	check_ok(vfs_rename(w->task, "/directory/other", ABSENT));
	assert_true(ino_of(w->user, ABSENT) != ino);
	check_ok(warm(w->user, ABSENT));
	check_ok(vfs_rename(w->task, "/directory/below", "/directory/above"));
	check_eq(get(w->user, ABSENT), -ENOENT);
	check_ok(get(w->user, "/directory/above/this/nothing-there"));
}

/* ---- who may ---- */

struct acl {
	uint32_t version;
	struct {
		uint16_t tag, perm;
		uint32_t id;
	} entries[5];
};

static void set_acl(struct vfs_task *task, const char *path,
		    const struct acl *acl)
{
	check_ok(vfs_setxattr(task, path, "system.posix_acl_access", acl,
			      sizeof(*acl), 0));
}

static void test_pathmem__permissions(void **state)
{
	static const struct acl acl = {2,
				       {{1, 7, UINT32_MAX},
					{2, 0, 1000},
					{4, 5, UINT32_MAX},
					{16, 7, UINT32_MAX},
					{32, 5, UINT32_MAX}}};
	struct world *w = *state;
	struct vfs_task *t = w->task;

	check_ok(vfs_chmod(t, "/directory/below", 0700));
	check_eq(get(w->user, FILE_PATH), -EACCES);
	check_eq(get(w->user, ABSENT), -EACCES);
	check_ok(get(t, FILE_PATH));
	check_ok(vfs_chown(t, "/directory/below", 1000, 1000));
	check_ok(warm(w->user, FILE_PATH));
	check_ok(vfs_chown(t, "/directory/below", 0, 1000));
	check_eq(get(w->user, FILE_PATH), -EACCES);
	check_ok(vfs_chmod(t, "/directory/below", 0755));
	check_ok(warm(w->user, FILE_PATH));
	set_acl(t, "/directory/below", &acl);
	check_eq(get(w->user, FILE_PATH), -EACCES);
	check_ok(vfs_removexattr(t, "/directory/below",
				 "system.posix_acl_access"));
	check_ok(warm(w->user, FILE_PATH));
}

/* An ACL that goes takes with it what it allowed, and leaves the mode. */
static void test_pathmem__acl_goes(void **state)
{
	static const struct acl acl = {2,
				       {{1, 7, UINT32_MAX},
					{2, 5, 1000},
					{4, 0, UINT32_MAX},
					{16, 5, UINT32_MAX},
					{32, 0, UINT32_MAX}}};
	struct world *w = *state;

	set_acl(w->task, DIR, &acl);
	check_ok(warm(w->user, FILE_PATH));
	assert_true(remembers(w, FILE_PATH));
	check_ok(vfs_removexattr(w->task, DIR, "system.posix_acl_access"));
	check_eq(get(w->user, FILE_PATH), -EACCES);
}

static void test_pathmem__credentials(void **state)
{
	struct world *w = *state;

	check_ok(vfs_chmod(w->task, DIR, 0700));
	check_ok(warm(w->task, FILE_PATH));
	check_eq(warm(w->task, ABSENT), -ENOENT);
	check_eq(get(w->user, FILE_PATH), -EACCES);
	check_eq(get(w->user, ABSENT), -EACCES);
	check_eq(warm(w->user, FILE_PATH), -EACCES);
	check_ok(get(w->task, FILE_PATH));
}

/* ---- where paths begin ---- */

static void test_pathmem__beginnings(void **state)
{
	static const char path[] = "below/this/a-file";
	struct world *w = *state;
	struct vfs_task *t = w->user;
	struct vfs_stat st;
	int fd;

	check_ok(vfs_chdir(t, "/directory"));
	check_ok(warm(t, path));
	assert_true(remembers(w, path));
	fd = check_fd(vfs_open(t, "/", O_RDONLY | O_DIRECTORY, 0));
	check_eq(vfs_fstatat(t, fd, path, &st, 0), -ENOENT);
	check_ok(vfs_close(t, fd));
	check_ok(vfs_chdir(t, "/"));
	check_eq(get(t, path), -ENOENT);
	check_ok(vfs_mkdir(w->task, "/directory/directory", 0755));
	check_ok(vfs_chroot(w->task, "/directory"));
	check_eq(get(w->task, FILE_PATH), -ENOENT);
	/* a name that is one file is no directory */
	check_eq(get(t, FILE_PATH "/"), -ENOTDIR);
	check_eq(get(t, FILE_PATH "/."), -ENOTDIR);
	check_eq(warm(t, FILE_PATH "/."), -ENOTDIR);
	check_eq(vfs_open(t, FILE_PATH, O_DIRECTORY, 0), -ENOTDIR);
}

static void test_pathmem__up_and_links(void **state)
{
	static const char up[] = "/directory/below/../below/this/a-file";
	static const char over[] = "/directory/link/this/a-file";
	struct world *w = *state;

	check_ok(vfs_symlink(w->task, "below", "/directory/link"));
	check_ok(warm(w->user, up));
	check_ok(warm(w->user, over));
	assert_false(remembers(w, up) || remembers(w, over));
	check_ok(vfs_unlink(w->task, "/directory/link"));
	check_eq(get(w->user, over), -ENOENT);
	check_ok(vfs_symlink(w->task, DIR "/a-file", "/directory/the-link"));
	check_ok(warm(w->user, "/directory/the-link"));
	check_ok(vfs_unlink(w->task, FILE_PATH));
	check_eq(get(w->user, "/directory/the-link"), -ENOENT);
}

/* ---- mounts ---- */

static void test_pathmem__mounts(void **state)
{
	struct world *w = *state;
	struct vfs_task *t = w->task;

	check_ok(vfs_mount(t, "s", "/directory/below", "tmpfs", 0, NULL));
	check_eq(get(w->user, FILE_PATH), -ENOENT);
	check_ok(vfs_mkdir(t, DIR, 0755));
	put_file(t, ABSENT, "covering");
	check_ok(warm(w->user, ABSENT));
	check_ok(vfs_umount(t, "/directory/below"));
	check_eq(get(w->user, ABSENT), -ENOENT);
	check_ok(get(w->user, FILE_PATH));
	check_ok(warm(w->user, FILE_PATH));
	put_file(t, "/directory/other", "bound");
	check_ok(vfs_mount(t, "/directory/other", FILE_PATH, NULL, MS_BIND,
			   NULL));
	check_file(w->user, FILE_PATH, "bound");
	check_ok(warm(w->user, FILE_PATH));
	check_file(w->user, FILE_PATH, "bound");
	check_ok(vfs_umount2(t, FILE_PATH, MNT_DETACH));
	check_file(w->user, FILE_PATH, "here");
}

static void test_pathmem__expiry_sees_a_use(void **state)
{
	struct world *w = *state;
	struct vfs_task *t = w->task;

	check_ok(vfs_mount(t, "s", DIR, "tmpfs", 0, NULL));
	put_file(t, FILE_PATH, "mounted");
	check_ok(warm(w->user, FILE_PATH));
	check_eq(vfs_umount2(t, DIR, MNT_EXPIRE), -EAGAIN);
	check_ok(get(w->user, FILE_PATH));
	check_eq(vfs_umount2(t, DIR, MNT_EXPIRE), -EAGAIN);
	check_ok(vfs_umount2(t, DIR, MNT_EXPIRE));
	check_file(w->user, FILE_PATH, "here");
}

static void test_pathmem__ids_of_a_mount(void **state)
{
	const struct vfs_id_map map = {0, 100000, 2000};
	struct world *w = *state;
	struct vfs_userns *root = vfs_userns_root(w->vfs), *ns;

	check_ok(vfs_userns_create(root, &map, 1, &map, 1, &ns));
	check_ok(vfs_chown(w->task, DIR, 1000, 1000));
	check_ok(vfs_chmod(w->task, DIR, 0700));
	check_ok(warm(w->user, FILE_PATH));
	assert_true(remembers(w, FILE_PATH));
	/* in place, as only a mount that is nowhere yet can be changed */
	check_ok(vfs__mount_set_idmap(w->task->fs->paths->root.mnt, ns));
	check_eq(get(w->user, FILE_PATH), -EACCES);
	vfs_userns_unref(root);
	vfs_userns_unref(ns);
}

/* ---- what it costs ---- */

/* What comes and goes is not remembered each time. */
static void test_pathmem__gives_up(void **state)
{
	struct world *w = *state;
	uint64_t before;

	for (int i = 0; i < 100; i++) {
		put_file(w->task, ABSENT, "");
		check_ok(get(w->user, ABSENT));
		check_ok(vfs_unlink(w->task, ABSENT));
	}
	before = w->vfs->dcache.changes;
	for (int i = 0; i < 100; i++) {
		put_file(w->task, ABSENT, "");
		check_ok(get(w->user, ABSENT));
		check_ok(vfs_unlink(w->task, ABSENT));
	}
	if (VFS__PATHMEM_PATIENCE)
		assert_in_range(w->vfs->dcache.changes - before, 0, 10);
}

/* ---- others ---- */

struct others {
	struct world *w;
	pthread_barrier_t barrier;
	bool over;	  /* written between two barriers */
	int file, absent; /* what the two paths are to say */
	int wrong;
};

/* Whatever this thread remembers, it sees what the other has done before. */
static void *look(void *argument)
{
	struct others *o = argument;

	for (;;) {
		pthread_barrier_wait(&o->barrier);
		if (o->over)
			return NULL;
		o->wrong += get(o->w->user, FILE_PATH) != o->file;
		o->wrong += get(o->w->user, ABSENT) != o->absent;
		o->wrong += warm(o->w->user, FILE_PATH) != o->file;
		o->wrong += warm(o->w->user, ABSENT) != o->absent;
		pthread_barrier_wait(&o->barrier);
	}
}

static void test_pathmem__across_threads(void **state)
{
	struct others o = {.w = *state};
	struct vfs_task *t = o.w->task;
	pthread_t thread;

	check_ok(pthread_barrier_init(&o.barrier, NULL, 2));
	check_ok(pthread_create(&thread, NULL, look, &o));
	for (int turn = 0; turn < 2000; turn++) {
		bool closed = turn & 2;

		if (turn & 1)
			check_ok(vfs_unlink(t, ABSENT));
		else
			put_file(t, ABSENT, "");
		check_ok(vfs_chmod(t, DIR, closed ? 0700 : 0755));
		o.file = closed ? -EACCES : 0;
		o.absent = closed ? -EACCES : turn & 1 ? -ENOENT : 0;
		pthread_barrier_wait(&o.barrier);
		pthread_barrier_wait(&o.barrier);
		check_eq(o.wrong, 0);
	}
	o.over = true;
	pthread_barrier_wait(&o.barrier);
	pthread_join(thread, NULL);
	pthread_barrier_destroy(&o.barrier);
}

#define tree_test(function) \
	cmocka_unit_test_setup_teardown(function, tree, world_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		tree_test(test_pathmem__removed),
		tree_test(test_pathmem__appears),
		tree_test(test_pathmem__renamed),
		tree_test(test_pathmem__permissions),
		tree_test(test_pathmem__acl_goes),
		tree_test(test_pathmem__credentials),
		tree_test(test_pathmem__beginnings),
		tree_test(test_pathmem__up_and_links),
		tree_test(test_pathmem__mounts),
		tree_test(test_pathmem__expiry_sees_a_use),
		tree_test(test_pathmem__ids_of_a_mount),
		tree_test(test_pathmem__gives_up),
		tree_test(test_pathmem__across_threads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL) ? 1 : 0;
}
