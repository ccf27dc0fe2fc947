/* SPDX-License-Identifier: MIT */
/*
 * What somebody mounts on the host inside the directory, without "xdev": it is
 * -EXDEV, and whoever is behind it, who may never answer, is not asked.
 */
#include "hostfs/host_world.h"

#include "hostfs/fuse_server.h"

/* Everything that comes by a name. */
static void check_refused(struct vfs_task *t, const char *path)
{
	char text[8];
	struct vfs_stat st;

	check_eq(vfs_stat(t, path, &st), -EXDEV);
	check_eq(vfs_lstat(t, path, &st), -EXDEV);
	check_eq(vfs_open(t, path, O_RDONLY, 0), -EXDEV);
	check_eq(vfs_open(t, path, O_PATH, 0), -EXDEV);
	check_eq(vfs_open(t, path, O_RDWR | O_CREAT, 0600), -EXDEV);
	check_eq(vfs_readlink(t, path, text, sizeof(text)), -EXDEV);
	check_eq(vfs_chmod(t, path, 0777), -EXDEV);
	check_eq(vfs_rename(t, path, "/h/new"), -EXDEV);
	check_eq(vfs_rmdir(t, path), -EXDEV);
	check_eq(vfs_listxattr(t, path, text, sizeof(text)), -EXDEV);
}

static void list(struct vfs_task *t)
{
	_Alignas(8) char records[1024];
	int fd = check_fd(vfs_open(t, "/h", O_RDONLY | O_DIRECTORY, 0));

	assert_true(vfs_getdents(t, fd, records, sizeof(records)) > 0);
	check_ok(vfs_close(t, fd));
}

/* With the hostfs on dir of the host, in which sub is. known: it was found
 * before something was mounted there. False: nothing can be mounted. */
static bool ask(struct host_world *w, const char *dir, const char *options,
		bool known)
{
	struct fuse_server server;
	struct vfs_stat st;
	struct stat stat;
	char path[128];

	snprintf(path, sizeof(path), "%s/sub", dir);
	check_ok(vfs_mount_type(w->task, &vfs_hostfs_type, dir, "/h", 0,
				options));
	if (known)
		check_ok(vfs_stat(w->task, "/h/sub", &st));
	if (!fuse_server_start(&server, path))
		return false;
	check_refused(w->task, "/h/sub");
	list(w->task);
	check_eq(__atomic_load_n(&server.asked, __ATOMIC_SEQ_CST), 0);
	/* it is by others */
	check_ok(fstatat(AT_FDCWD, path, &stat, 0));
	assert_true(__atomic_load_n(&server.asked, __ATOMIC_SEQ_CST) > 0);
	fuse_server_stop(&server);
	check_ok(vfs_umount2(w->task, "/h", 0));
	return true;
}

static const char *const options[] = {
	"cache=revalidate,owner=host",
	"cache=revalidate,owner=squash",
	"cache=revalidate,owner=xattr",
	"cache=exclusive,owner=host",
};

static void test_local(void **state)
{
	struct host_world w;
	bool mounted = true;

	(void)state;
	check_ok(host_open(&w, NULL));
	host_mkdir(&w, "sub");
	/* with cache=exclusive nobody mounts over what was found */
	for (int i = 0; mounted && i < 7; i++)
		mounted = ask(&w, w.dir, options[i / 2], i & 1);
	assert_true(host_close(&w));
	if (!mounted)
		skip();
}

/* On a file system that has to ask for its own attributes. */
static void test_remote(void **state)
{
	struct fuse_server server;
	struct host_world w;
	bool mounted;

	(void)state;
	check_ok(host_open(&w, NULL));
	mounted = fuse_server_start(&server, w.dir);
	for (int i = 0; mounted && i < 4; i++)
		assert_true(ask(&w, w.dir, options[i / 2], i & 1));
	if (mounted)
		fuse_server_stop(&server);
	assert_true(host_close(&w));
	if (!mounted)
		skip();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_local),
		cmocka_unit_test(test_remote),
	};

	host_own_mounts();
	return cmocka_run_group_tests(tests, NULL, NULL) ? 1 : 0;
}
