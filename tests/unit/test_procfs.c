/* SPDX-License-Identifier: MIT */
/* procfs, and magic links as walks follow them. What is right, a program that
 * asked Linux's procfs the same has said. */
#include <dirent.h>
#include <linux/openat2.h>
#include <stdlib.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "unit/mounting.h"

struct proc {
	struct world world;
	int file; /* /d/f, open for reading and writing */
};

static void open_flags(struct proc *p, uint32_t flags)
{
	struct vfs_config config = {.size = sizeof(config), .flags = flags};
	struct world *w = &p->world;

	check_ok(world_open(w, &config));
	check_ok(vfs_mkdir(w->task, "/proc", 0555));
	mount_type_at(w->task, "proc", "/proc");
	check_ok(vfs_mkdir(w->task, "/d", 0755));
	put_file(w->task, "/d/f", "hello");
	p->file = check_fd(vfs_open(w->task, "/d/f", O_RDWR, 0));
}

static void close_proc(struct proc *p)
{
	check_ok(vfs_close(p->world.task, p->file));
	check_ok(vfs_chdir(p->world.task, "/"));
	check_ok(vfs_chdir(p->world.user, "/"));
	unmount_it(p->world.task, "/proc");
	assert_true(world_close(&p->world));
}

static int setup(void **state)
{
	struct proc *p = malloc(sizeof(*p));

	*state = p;
	open_flags(p, 0);
	return 0;
}

static int setup_slow(void **state)
{
	struct proc *p = malloc(sizeof(*p));

	*state = p;
	open_flags(p, VFS_CONFIG_SLOW_WALK);
	return 0;
}

static int teardown(void **state)
{
	close_proc(*state);
	free(*state);
	return 0;
}

static const char *at(const char *format, int number)
{
	static char path[4][128];
	static unsigned next;
	char *text = path[next++ % 4];

	snprintf(text, 128, format, number);
	return text;
}

static void check_link(struct vfs_task *task, const char *path,
		       const char *target)
{
	char text[4096];
	int64_t n = vfs_readlink(task, path, text, sizeof(text));

	check_eq(n, (int64_t)strlen(target));
	assert_memory_equal(text, target, (size_t)n);
}

static char *read_all(struct vfs_task *task, const char *path, char *text,
		      size_t size)
{
	int fd = check_fd(vfs_open(task, path, O_RDONLY, 0));
	int64_t n = vfs_read(task, fd, text, size - 1);

	assert_true(n >= 0);
	text[n] = '\0';
	check_ok(vfs_close(task, fd));
	return text;
}

static void check_stat(struct vfs_task *task, const char *path, uint32_t mode,
		       int64_t size)
{
	struct vfs_stat st;

	check_ok(vfs_lstat(task, path, &st));
	assert_int_equal(st.mode, mode);
	assert_int_equal(st.size, size);
}

/* -- what there is -- */

#ifndef MS_NOSYMFOLLOW
#define MS_NOSYMFOLLOW 256
#endif

static void remount(struct proc *p, uint64_t flags)
{
	check_ok(vfs_mount(p->world.task, NULL, "/proc", NULL,
			   MS_REMOUNT | MS_BIND | flags, NULL));
}

static void test_procfs__tree(void **state)
{
	struct proc *p = *state;
	struct vfs_task *task = p->world.task;
	struct vfs_statfs fs;
	struct vfs_stat st;
	char text[4096];

	check_link(task, "/proc/self", at("%d", vfs_task_id(task)));
	check_link(p->world.user, "/proc/self",
		   at("%d", vfs_task_id(p->world.user)));
	check_link(task, "/proc/mounts", "self/mounts");
	check_stat(task, "/proc", S_IFDIR | 0555, 0);
	check_stat(task, "/proc/self", S_IFLNK | 0777, 0);
	check_stat(task, "/proc/mounts", S_IFLNK | 0777, 11);
	check_stat(task, "/proc/filesystems", S_IFREG | 0444, 0);
	check_stat(task, "/proc/self/", S_IFDIR | 0555, 0);
	check_stat(task, "/proc/self/mounts", S_IFREG | 0444, 0);
	check_stat(task, "/proc/self/mountinfo", S_IFREG | 0444, 0);
	check_stat(task, "/proc/self/fd", S_IFDIR | 0500, 1);
	check_stat(task, "/proc/self/fdinfo", S_IFDIR | 0555, 0);
	check_stat(task, "/proc/self/cwd", S_IFLNK | 0777, 0);
	check_stat(task, "/proc/self/root", S_IFLNK | 0777, 0);
	check_eq(vfs_lstat(task, "/proc/self/exe", &st), -ENOENT);
	check_eq(vfs_lstat(task, "/proc/0", &st), -ENOENT);
	check_eq(vfs_lstat(task, "/proc/01", &st), -ENOENT);
	check_eq(vfs_lstat(task, "/proc/-1", &st), -ENOENT);
	check_eq(vfs_lstat(task, "/proc/99999999999", &st), -ENOENT);
	check_eq(vfs_lstat(task, "/proc/self/fd/999", &st), -ENOENT);
	check_eq(vfs_lstat(task, "/proc/self/fd/4294967295", &st), -ENOENT);
	check_ok(vfs_statfs(task, "/proc", &fs));
	assert_int_equal(fs.type, 0x9fa0);
	assert_int_equal(fs.bsize, 4096);
	assert_string_equal(
		read_all(task, "/proc/filesystems", text, sizeof(text)),
		"nodev\ttmpfs\nnodev\tproc\nnodev\tdevtmpfs\n"
		"nodev\toverlay\n");
	assert_non_null(strstr(
		read_all(task, "/proc/mounts", text, sizeof(text)), " /proc "));
	assert_non_null(strstr(
		read_all(task, "/proc/self/mountinfo", text, sizeof(text)),
		" /proc "));
	/* who stands below sees what is below */
	check_ok(vfs_stat(p->world.user, "/proc/self/", &st));
	assert_int_equal(st.uid, 1000);
	assert_int_equal(st.gid, 1000);
	check_ok(vfs_stat(p->world.user, "/proc/self/fd", &st));
	assert_int_equal(st.uid, 1000);
}

static void test_procfs__no_names(void **state)
{
	struct proc *p = *state;
	struct vfs_task *task = p->world.task;
	struct vfs_timespec times[2] = {{.sec = 1}, {.sec = 2}};

	check_eq(vfs_mkdir(task, "/proc/x", 0755), -ENOENT);
	check_eq(vfs_mkdir(task, "/proc/self/x", 0755), -ENOENT);
	check_eq(vfs_mkdir(task, "/proc/self/fd/x", 0755), -ENOENT);
	check_eq(vfs_open(task, "/proc/x", O_CREAT | O_RDWR, 0600), -ENOENT);
	check_eq(vfs_symlink(task, "a", "/proc/x"), -ENOENT);
	check_eq(vfs_link(task, "/proc/filesystems", "/proc/x"), -ENOENT);
	check_eq(vfs_rename(task, "/proc/filesystems", "/proc/x"), -ENOENT);
	check_eq(vfs_rename(task, "/proc/filesystems", "/proc/mounts"), -EPERM);
	check_eq(vfs_unlink(task, "/proc/filesystems"), -EPERM);
	check_eq(vfs_unlink(task, at("/proc/self/fd/%d", p->file)), -EPERM);
	check_eq(vfs_rmdir(task, "/proc/self/fd"), -EPERM);
	check_eq(vfs_chmod(task, "/proc/self/fdinfo", 0500), -EPERM);
	check_eq(vfs_chmod(task, "/proc/self/mountinfo", 0400), -EPERM);
	check_ok(vfs_chown(task, "/proc/self/mountinfo", 0, 0));
	check_ok(vfs_utimensat(task, AT_FDCWD, "/proc/self/mountinfo", times,
			       0));
	check_eq(vfs_getxattr(task, "/proc/self/mountinfo", "user.x", NULL, 0),
		 -EOPNOTSUPP);
	check_ok(vfs_close(task, check_fd(vfs_open(task, "/proc/filesystems",
						   O_RDONLY | O_TRUNC, 0))));
}

/* -- descriptors -- */

static void test_procfs__fd_links(void **state)
{
	struct proc *p = *state;
	struct vfs_task *task = p->world.task;
	int rd = check_fd(vfs_open(task, "/d/f", O_RDONLY, 0));
	int wr = check_fd(vfs_open(task, "/d/f", O_WRONLY, 0));
	int place = check_fd(vfs_open(task, "/d", O_PATH, 0));
	int ends[2];
	char text[64];
	struct vfs_stat st;

	check_ok(vfs_pipe(task, ends));
	check_link(task, at("/proc/self/fd/%d", p->file), "/d/f");
	check_link(task, at("/proc/self/fd/%d", place), "/d");
	check_stat(task, at("/proc/self/fd/%d", p->file), S_IFLNK | 0700, 64);
	check_stat(task, at("/proc/self/fd/%d", rd), S_IFLNK | 0500, 64);
	check_stat(task, at("/proc/self/fd/%d", wr), S_IFLNK | 0300, 64);
	check_stat(task, at("/proc/self/fd/%d", place), S_IFLNK, 64);
	check_stat(task, "/proc/self/fd", S_IFDIR | 0500, 6);
	check_ok(vfs_fstat(task, ends[0], &st));
	snprintf(text, sizeof(text), "pipe:[%llu]", (unsigned long long)st.ino);
	check_link(task, at("/proc/self/fd/%d", ends[0]), text);
	check_eq(vfs_readlink(task, at("/proc/self/fd/%d", rd), text, 3), 3);
	/* the same number, another file: the link goes along */
	check_eq(vfs_dup3(task, place, rd, 0), rd);
	check_link(task, at("/proc/self/fd/%d", rd), "/d");
	check_stat(task, at("/proc/self/fd/%d", rd), S_IFLNK, 64);
	check_ok(vfs_rename(task, "/d", "/e"));
	check_link(task, at("/proc/self/fd/%d", p->file), "/e/f");
	check_ok(vfs_unlink(task, "/e/f"));
	check_link(task, at("/proc/self/fd/%d", p->file), "/e/f (deleted)");
	check_ok(vfs_rmdir(task, "/e"));
	check_link(task, at("/proc/self/fd/%d", place), "/e (deleted)");
	check_ok(vfs_close_range(task, (uint32_t)rd, UINT32_MAX, 0));
	check_eq(vfs_lstat(task, at("/proc/self/fd/%d", rd), &st), -ENOENT);
}

static void test_procfs__reopen(void **state)
{
	struct proc *p = *state;
	struct vfs_task *task = p->world.task;
	const char *link = at("/proc/self/fd/%d", p->file);
	char slashed[64], below[64], text[8] = "";
	int fd, dir = check_fd(vfs_open(task, "/d", O_RDONLY, 0));
	struct vfs_stat st;

	snprintf(slashed, sizeof(slashed), "%s/", link);
	snprintf(below, sizeof(below), "%s/x", link);
	check_eq(vfs_lseek(task, p->file, 3, SEEK_SET), 3);
	check_ok(vfs_unlink(task, "/d/f"));
	/* a file of its own, from the beginning, though the name is gone */
	fd = check_fd(vfs_open(task, link, O_RDWR, 0));
	check_eq(vfs_read(task, fd, text, 8), 5);
	assert_memory_equal(text, "hello", 5);
	check_ok(vfs_close(task, fd));
	fd = check_fd(vfs_open(task, link, O_RDWR | O_CREAT, 0600));
	check_ok(vfs_close(task, fd));
	fd = check_fd(vfs_open(task, link, O_PATH, 0));
	check_ok(vfs_fstat(task, fd, &st));
	assert_true(S_ISREG(st.mode));
	check_ok(vfs_close(task, fd));
	fd = check_fd(vfs_open(task, link, O_PATH | O_NOFOLLOW, 0));
	check_ok(vfs_fstat(task, fd, &st));
	assert_true(S_ISLNK(st.mode));
	check_eq(vfs_readlinkat(task, fd, "", text, sizeof(text)), 8);
	check_ok(vfs_close(task, fd));
	check_eq(vfs_open(task, link, O_RDWR | O_CREAT | O_EXCL, 0600),
		 -EEXIST);
	check_eq(vfs_open(task, link, O_RDONLY | O_NOFOLLOW, 0), -ELOOP);
	check_eq(vfs_open(task, slashed, O_RDONLY, 0), -ENOTDIR);
	check_eq(vfs_open(task, below, O_RDONLY, 0), -ENOTDIR);
	check_eq(vfs_open(task, "/proc/self/fd/777", O_CREAT | O_RDWR, 0600),
		 -ENOENT);
	check_ok(vfs_stat(task, link, &st));
	assert_int_equal(st.size, 5);
	assert_int_equal(st.nlink, 0);
	put_file(task, "/d/g", "there");
	check_file(task, at("/proc/self/fd/%d/g", dir), "there");
	check_file(task, at("/proc/self/fd/%d/../d/g", dir), "there");
	check_file(task, at("/proc/self/fd/%d/./g", dir), "there");
	check_eq(vfs_stat(task, at("/proc/self/fd/%d/nothing", dir), &st),
		 -ENOENT);
	put_file(task, at("/proc/self/fd/%d/made", dir), "so");
	check_file(task, "/d/made", "so");
	check_ok(vfs_close(task, dir));
}

static void test_procfs__link_of_tmpfile(void **state)
{
	struct proc *p = *state;
	struct vfs_task *task = p->world.task;
	int fd = check_fd(vfs_open(task, "/d", O_TMPFILE | O_RDWR, 0600));

	check_eq(vfs_write(task, fd, "new", 3), 3);
	check_ok(vfs_linkat(task, AT_FDCWD, at("/proc/self/fd/%d", fd),
			    AT_FDCWD, "/d/named", AT_SYMLINK_FOLLOW));
	check_ok(vfs_close(task, fd));
	check_file(task, "/d/named", "new");
}

static int open_how(struct vfs_task *task, const char *path, uint64_t resolve)
{
	struct vfs_open_how how = {.flags = O_RDONLY, .resolve = resolve};

	return vfs_openat2(task, AT_FDCWD, path, &how, sizeof(how));
}

static void test_procfs__resolve(void **state)
{
	struct proc *p = *state;
	struct vfs_task *task = p->world.task;
	const char *link = at("/proc/self/fd/%d", p->file);
	int self = check_fd(vfs_open(task, "/proc/self", O_PATH, 0)), fd;
	struct vfs_open_how how = {.flags = O_RDONLY};

	check_eq(open_how(task, link, RESOLVE_NO_MAGICLINKS), -ELOOP);
	check_eq(open_how(task, link, RESOLVE_NO_SYMLINKS), -ELOOP);
	check_eq(open_how(task, link, RESOLVE_IN_ROOT), -EXDEV);
	/* a symlink that is none of that kind */
	fd = check_fd(
		open_how(task, "/proc/self/mounts", RESOLVE_NO_MAGICLINKS));
	check_ok(vfs_close(task, fd));
	how.resolve = RESOLVE_NO_XDEV;
	check_eq(vfs_openat2(task, self, "cwd", &how, sizeof(how)), -EXDEV);
	how.resolve = RESOLVE_BENEATH;
	check_eq(vfs_openat2(task, self, "cwd", &how, sizeof(how)), -EXDEV);
	/* onto the same mount it may lead */
	check_ok(vfs_chdir(task, "/proc"));
	how.resolve = RESOLVE_NO_XDEV;
	fd = check_fd(vfs_openat2(task, self, "cwd", &how, sizeof(how)));
	check_ok(vfs_close(task, fd));
	/* each counts as a link that was followed */
	check_ok(vfs_symlink(task, "loop", "/d/loop"));
	check_eq(vfs_open(task, "/d/loop", O_RDONLY, 0), -ELOOP);
	check_ok(vfs_close(task, self));
	remount(p, MS_NOSYMFOLLOW);
	check_eq(vfs_open(task, at("/proc/%d/cwd", vfs_task_id(task)), O_RDONLY,
			  0),
		 -ELOOP);
	remount(p, 0);
}

static void test_procfs__places(void **state)
{
	struct proc *p = *state;
	struct vfs_task *task = p->world.task, *other;
	struct vfs_stat st, root;
	char text[256];

	check_link(task, "/proc/self/cwd", "/");
	check_ok(vfs_chdir(task, "/d"));
	check_link(task, "/proc/self/cwd", "/d");
	check_file(task, "/proc/self/cwd/f", "hello");
	check_link(task, "/proc/self/root", "/");
	check_ok(vfs_task_clone(task, 0, &other));
	check_ok(vfs_chroot(other, "/d"));
	check_link(task, at("/proc/%d/root", vfs_task_id(other)), "/d");
	check_file(task, at("/proc/%d/root/f", vfs_task_id(other)), "hello");
	/* `..` at another's root is not bounded by it */
	check_ok(vfs_stat(task, at("/proc/%d/root/..", vfs_task_id(other)),
			  &st));
	check_ok(vfs_stat(task, "/", &root));
	assert_int_equal(st.ino, root.ino);
	/* a descriptor from outside leads out of a chroot */
	check_ok(vfs_mkdir(task, "/d/proc", 0755));
	check_ok(vfs_chdir(task, "/proc/self/fd"));
	assert_true(vfs_getcwd(task, text, sizeof(text)) > 0);
	assert_string_equal(text, at("/proc/%d/fd", vfs_task_id(task)));
	check_ok(vfs_chdir(task, "/"));
	vfs_task_unref(other);
}

static void test_procfs__fdinfo(void **state)
{
	struct proc *p = *state;
	struct vfs_task *task = p->world.task;
	struct vfs_stat st;
	char text[256], wanted[256];
	int fd = check_fd(
		vfs_open(task, "/d/f", O_RDWR | O_APPEND | O_CLOEXEC, 0));

	check_ok(vfs_fstat(task, fd, &st));
	check_eq(vfs_lseek(task, fd, 3, SEEK_SET), 3);
	snprintf(wanted, sizeof(wanted),
		 "pos:\t3\nflags:\t02102002\nmnt_id:\t%llu\nino:\t%llu\n",
		 (unsigned long long)st.mnt_id, (unsigned long long)st.ino);
	assert_string_equal(read_all(task, at("/proc/self/fdinfo/%d", fd), text,
				     sizeof(text)),
			    wanted);
	check_ok(vfs_close(task, fd));
	check_eq(vfs_open(task, at("/proc/self/fdinfo/%d", fd), O_RDONLY, 0),
		 -ENOENT);
}

/* -- others -- */

static void test_procfs__permission(void **state)
{
	struct proc *p = *state;
	struct vfs_task *task = p->world.task, *user = p->world.user;
	struct vfs_task *friend = world_user(&p->world, 1000, 1000);
	int id = vfs_task_id(task), own;
	char path[64], text[64];

	snprintf(path, sizeof(path), "/proc/%d/fd/%d", id, p->file);
	check_eq(vfs_open(user, at("/proc/%d/fd", id), O_RDONLY, 0), -EACCES);
	check_eq(vfs_readlink(user, path, text, sizeof(text)), -EACCES);
	check_eq(vfs_open(user, path, O_RDONLY, 0), -EACCES);
	check_eq(vfs_readlink(user, at("/proc/%d/cwd", id), text, 64), -EACCES);
	check_eq(vfs_chdir(user, at("/proc/%d/root", id)), -EACCES);
	check_eq(vfs_open(user, at("/proc/%d/fdinfo/3", id), O_RDONLY, 0),
		 -EACCES);
	check_eq(vfs_open(user, at("/proc/%d/fdinfo", id), O_RDONLY, 0),
		 -EACCES);
	check_ok(vfs_close(user,
			   check_fd(vfs_open(user, at("/proc/%d/mounts", id),
					     O_RDONLY, 0))));
	/* of the same user, and from above */
	own = check_fd(vfs_open(user, "/d/f", O_RDONLY, 0));
	snprintf(path, sizeof(path), "/proc/%d/fd/%d", vfs_task_id(user), own);
	check_link(user, path, "/d/f");
	check_link(friend, path, "/d/f");
	check_link(task, path, "/d/f");
	check_file(friend, path, "hello");
	/* the file itself is still asked */
	check_ok(vfs_chmod(task, "/d/f", 0600));
	check_eq(vfs_open(friend, path, O_RDONLY, 0), -EACCES);
	check_ok(vfs_close(user, own));
	vfs_task_unref(friend);
}

/* Capabilities in a user namespace of one's own are none outside. */
static void test_procfs__user_namespace(void **state)
{
	struct proc *p = *state;
	struct vfs_task *task = p->world.task, *inner, *below;
	int id = vfs_task_id(task);
	char text[64], path[64];

	snprintf(path, sizeof(path), "/proc/%d/fd/%d", id, p->file);
	check_ok(vfs_task_clone(task, VFS_CLONE_NEWUSER | VFS_CLONE_NEWNS,
				&inner));
	check_eq(vfs_readlink(inner, path, text, sizeof(text)), -EACCES);
	check_eq(vfs_open(inner, path, O_RDONLY, 0), -EACCES);
	check_eq(vfs_chdir(inner, at("/proc/%d/cwd", id)), -EACCES);
	/* its own, and what is below it, it sees; and is seen from above */
	check_link(inner, "/proc/self/cwd", "/");
	check_link(task, at("/proc/%d/cwd", vfs_task_id(inner)), "/");
	check_ok(vfs_task_clone(inner, 0, &below));
	check_link(inner, at("/proc/%d/cwd", vfs_task_id(below)), "/");
	/* where it may mount it may make a place for that */
	check_ok(vfs_mkdirat2(inner, AT_FDCWD, "/d/point", 0755,
			      VFS_MKDIR_SYNTHETIC));
	vfs_task_unref(below);
	vfs_task_unref(inner);
	check_ok(vfs_task_clone(task, VFS_CLONE_NEWUSER, &inner));
	check_eq(vfs_mkdirat2(inner, AT_FDCWD, "/d/other", 0755,
			      VFS_MKDIR_SYNTHETIC),
		 -EPERM);
	vfs_task_unref(inner);
}

static int count_entries(struct vfs_task *task, const char *path)
{
	const struct vfs_dirent *d;
	struct vfs_dir *dir;
	int count = 0;

	check_ok(vfs_opendir(task, path, &dir));
	while (vfs_readdir(dir, &d) == 1)
		count++;
	check_ok(vfs_closedir(dir));
	return count;
}

static void test_procfs__listing(void **state)
{
	struct proc *p = *state;
	struct vfs_task *task = p->world.task, *other;
	_Alignas(8) char record[512];
	int64_t n;
	int dir, names = 0, seen = 0;

	/* `.`, `..`, three files, two tasks */
	assert_int_equal(count_entries(task, "/proc"), 7);
	check_ok(vfs_task_clone(task, 0, &other));
	assert_int_equal(count_entries(task, "/proc"), 8);
	assert_int_equal(count_entries(task, "/proc/self"), 8);
	/* the listing's own descriptor is there, too */
	assert_int_equal(count_entries(task, "/proc/self/fd"), 4);
	assert_int_equal(count_entries(task, "/proc/self/fdinfo"), 4);
	vfs_task_unref(other);
	assert_int_equal(count_entries(task, "/proc"), 7);
	/* entry by entry, while descriptors go: each that stays comes once */
	for (int i = 0; i < 20; i++)
		check_fd(vfs_dup(task, p->file));
	dir = check_fd(vfs_open(task, "/proc/self/fd", O_RDONLY, 0));
	while ((n = vfs_getdents(task, dir, record, 32)) > 0) {
		const struct vfs_dirent *d = (void *)record;
		int fd = atoi(d->name);

		names++;
		if (d->name[0] == '.')
			continue;
		assert_int_equal(d->type, DT_LNK);
		seen += fd % 2 ? 0 : 1;
		assert_int_equal(d->ino,
				 ino_of(task, at("/proc/self/fd/%d", fd)));
		if (fd % 2 == 0 && fd + 1 < dir && fd)
			check_ok(vfs_close(task, fd + 1));
	}
	check_ok(n);
	assert_int_equal(seen, 11);
	assert_true(names < 22);
	check_ok(vfs_close_range(task, (uint32_t)p->file + 1, UINT32_MAX, 0));
}

/* What a task leaves behind says that it is gone. */
static void test_procfs__ended(void **state)
{
	struct proc *p = *state;
	struct vfs_task *task = p->world.task, *other;
	struct vfs_stat st;
	char text[64];
	int dir, fds, id;

	check_ok(vfs_task_clone(task, 0, &other));
	id = vfs_task_id(other);
	dir = check_fd(vfs_open(task, at("/proc/%d", id), O_RDONLY, 0));
	fds = check_fd(vfs_open(task, at("/proc/%d/fd", id), O_RDONLY, 0));
	check_ok(vfs_fstatat(task, fds, "0", &st, 0));
	vfs_task_unref(other);
	check_eq(vfs_stat(task, at("/proc/%d", id), &st), -ENOENT);
	check_eq(vfs_stat(task, at("/proc/%d/fd", id), &st), -ENOENT);
	check_eq(vfs_fstatat(task, fds, "0", &st, 0), -ENOENT);
	check_eq(vfs_readlinkat(task, dir, "cwd", text, 64), -ENOENT);
	check_eq(vfs_openat(task, dir, "cwd", O_RDONLY, 0), -ENOENT);
	check_eq(vfs_openat(task, dir, "mounts", O_RDONLY, 0), -EINVAL);
	check_ok(vfs_close(task, dir));
	check_ok(vfs_close(task, fds));
}

/* The owner is the one that the task has now. */
static void test_procfs__new_credentials(void **state)
{
	struct proc *p = *state;
	struct vfs_task *task = p->world.task, *other;
	struct vfs_cred *cred = vfs_task_cred(p->world.user);
	struct vfs_stat st;

	check_ok(vfs_task_clone(task, 0, &other));
	check_ok(vfs_stat(task, at("/proc/%d/fd", vfs_task_id(other)), &st));
	assert_int_equal(st.uid, 0);
	check_ok(vfs_task_set_cred(other, cred));
	vfs_cred_unref(cred);
	check_ok(vfs_stat(task, at("/proc/%d/fd", vfs_task_id(other)), &st));
	assert_int_equal(st.uid, 1000);
	vfs_task_unref(other);
}

#define TEST(function)                                                  \
	cmocka_unit_test_setup_teardown(function, setup, teardown),     \
	{                                                               \
#function "_slow", function, setup_slow, teardown, NULL \
	}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_procfs__tree),
		TEST(test_procfs__no_names),
		TEST(test_procfs__fd_links),
		TEST(test_procfs__reopen),
		TEST(test_procfs__link_of_tmpfile),
		TEST(test_procfs__resolve),
		TEST(test_procfs__places),
		TEST(test_procfs__fdinfo),
		TEST(test_procfs__permission),
		TEST(test_procfs__user_namespace),
		TEST(test_procfs__listing),
		TEST(test_procfs__ended),
		TEST(test_procfs__new_credentials),
	};

	return cmocka_run_group_tests(tests, NULL, NULL) ? 1 : 0;
}
