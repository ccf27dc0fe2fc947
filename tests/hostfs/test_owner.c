/* SPDX-License-Identifier: MIT */
/* owner=xattr, as a process without privilege uses it, and owner=squash. */
#include "hostfs/host_world.h"

#include <grp.h>
#include <stdlib.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <sys/xattr.h>

#define RECORD "user.vfs.owner"
#define OPTIONS "cache=revalidate,owner=xattr"

struct entry {
	const char *name;
	uint32_t mode, uid, gid;
	uint64_t rdev;
	const char *text; /* a file's bytes, a symlink's target */
};

/* What a package would hold. */
static const struct entry tree[] = {
	{"bin", S_IFDIR | 0755, 0, 0, 0, NULL},
	{"bin/su", S_IFREG | 04755, 0, 0, 0, "setuid"},
	{"bin/wall", S_IFREG | 02755, 0, 5, 0, "setgid"},
	{"bin/sh", S_IFLNK | 0777, 0, 0, 0, "../usr/bin/dash"},
	{"tmp", S_IFDIR | 01777, 0, 0, 0, NULL},
	{"home", S_IFDIR | 0711, 1000, 100, 0, NULL},
	{"home/secret", S_IFREG | 0000, 1000, 100, 0, "mode 0"},
	{"home/link", S_IFLNK | 0777, 1000, 100, 0, "secret"},
	{"home/ro", S_IFDIR | 0500, 1000, 100, 0, NULL},
	{"dev", S_IFDIR | 0755, 0, 0, 0, NULL},
	{"dev/null", S_IFCHR | 0666, 0, 0, 0x103, NULL},
	{"dev/sda", S_IFBLK | 0660, 0, 6, 0x800, NULL},
	{"dev/fifo", S_IFIFO | 0600, 7, 8, 0, NULL},
	{"dev/sock", S_IFSOCK | 0700, 9, 10, 0, NULL},
	{"big", S_IFREG | 0644, 4000000000u, 3999999999u, 0, "large ids"},
};

#define ENTRIES (sizeof(tree) / sizeof(tree[0]))

static void path_of(char path[64], const struct entry *e)
{
	snprintf(path, 64, "/h/%s", e->name);
}

static void unpack(struct vfs_task *t)
{
	char path[64];

	for (size_t i = 0; i < ENTRIES; i++) {
		const struct entry *e = &tree[i];

		path_of(path, e);
		switch (e->mode & S_IFMT) {
		case S_IFDIR:
			check_ok(vfs_mkdir(t, path, 0700));
			break;
		case S_IFLNK:
			check_ok(vfs_symlink(t, e->text, path));
			break;
		case S_IFREG:
			put_file(t, path, e->text);
			break;
		default:
			check_ok(vfs_mknod(t, path, (e->mode & S_IFMT) | 0600,
					   e->rdev));
		}
		check_ok(vfs_lchown(t, path, e->uid, e->gid));
		if (!S_ISLNK(e->mode))
			check_ok(vfs_chmod(t, path, e->mode & 07777));
	}
}

static void compare(struct vfs_task *t)
{
	char path[64], text[64];
	struct vfs_stat st;
	int64_t n;

	for (size_t i = 0; i < ENTRIES; i++) {
		const struct entry *e = &tree[i];

		path_of(path, e);
		check_ok(vfs_lstat(t, path, &st));
		check_eq(st.mode, e->mode);
		check_eq(st.uid, e->uid);
		check_eq(st.gid, e->gid);
		if (S_ISCHR(e->mode) || S_ISBLK(e->mode))
			check_eq(st.rdev, e->rdev);
		if (S_ISREG(e->mode))
			check_file(t, path, e->text);
		if (!S_ISLNK(e->mode))
			continue;
		n = vfs_readlink(t, path, text, sizeof(text));
		check_eq(n, strlen(e->text));
		check_eq(st.size, n);
		assert_true(!memcmp(text, e->text, (size_t)n));
	}
}

/* Entries' types as a listing tells them. */
static void check_types(struct vfs_task *t, const char *dir)
{
	const struct vfs_dirent *d;
	struct vfs_dir *stream;
	struct vfs_stat st;
	char path[600];
	int more;

	check_ok(vfs_opendir(t, dir, &stream));
	while ((more = vfs_readdir(stream, &d)) == 1) {
		if (*d->name == '.')
			continue;
		snprintf(path, sizeof(path), "%s/%s", dir, d->name);
		check_ok(vfs_lstat(t, path, &st));
		check_eq(d->type, (st.mode & S_IFMT) >> 12);
		check_eq(d->ino, st.ino);
	}
	check_eq(more, 0);
	check_ok(vfs_closedir(stream));
}

static struct vfs_stat stat_of(struct host_world *w, const char *path)
{
	struct vfs_stat st;

	check_ok(vfs_lstat(w->task, path, &st));
	return st;
}

/* The owner may; others may not; setuid bits go by the kernel's rules. */
static void change(struct host_world *w)
{
	check_eq(vfs_open(w->user, "/h/home/secret", O_RDONLY, 0), -EACCES);
	check_ok(vfs_chmod(w->user, "/h/home/secret", 0600));
	check_file(w->user, "/h/home/secret", "mode 0");
	check_eq(vfs_chown(w->user, "/h/home/secret", 0, 0), -EPERM);
	check_eq(vfs_chmod(w->user, "/h/bin/su", 0777), -EPERM);
	check_eq(vfs_open(w->user, "/h/bin/su", O_WRONLY, 0), -EACCES);
	check_ok(vfs_chown(w->task, "/h/bin/su", 1000, 1000));
	check_eq(stat_of(w, "/h/bin/su").mode, S_IFREG | 0755);
	check_ok(vfs_rename(w->task, "/h/dev/null", "/h/tmp/null"));
	check_ok(vfs_link(w->task, "/h/bin/sh", "/h/tmp/sh"));
}

static void round_trip(struct host_world *w)
{
	check_ok(host_start(w, OPTIONS));
	unpack(w->task);
	compare(w->task);
	check_types(w->task, "/h");
	check_types(w->task, "/h/dev");
	assert_true(host_shut(w));
	/* the same directory, mounted anew */
	check_ok(host_start(w, "cache=exclusive,owner=xattr,maxfds=8"));
	compare(w->task);
	change(w);
	assert_true(host_shut(w));
	check_ok(host_start(w, OPTIONS));
	check_eq(stat_of(w, "/h/bin/su").uid, 1000);
	check_eq(stat_of(w, "/h/tmp/null").mode, S_IFCHR | 0666);
	check_eq(stat_of(w, "/h/tmp/null").rdev, 0x103);
	check_eq(stat_of(w, "/h/tmp/sh").mode, S_IFLNK | 0777);
	check_eq(stat_of(w, "/h/tmp/sh").nlink, 2);
	assert_true(host_shut(w));
}

/* In a child without privileges, if there are any to give up. */
static void test_unprivileged(void **state)
{
	struct host_world w;
	int status;
	pid_t child;

	(void)state;
	check_ok(host_open(&w, NULL));
	assert_true(host_shut(&w));
	if (!geteuid())
		check_ok(fchown(w.dirfd, 1234, 1234));
	child = fork();
	assert_true(child >= 0);
	if (!child) {
		if (!geteuid() &&
		    (setgroups(0, NULL) || setresgid(1234, 1234, 1234) ||
		     setresuid(1234, 1234, 1234)))
			_exit(2);
		round_trip(&w);
		_exit(0);
	}
	check_eq(waitpid(child, &status, 0), child);
	check_eq(status, 0);
	check_ok(host_start(&w, OPTIONS));
	assert_true(host_close(&w));
}

static void test_privileged(void **state)
{
	struct host_world w;

	(void)state;
	check_ok(host_open(&w, NULL));
	assert_true(host_shut(&w));
	round_trip(&w);
	check_ok(host_start(&w, OPTIONS));
	assert_true(host_close(&w));
}

/* The record itself is nobody's to see or to touch. */
static void check_hidden(struct vfs_task *t)
{
	char list[128], value[64];

	check_eq(vfs_listxattr(t, "/h/f", list, sizeof(list)), 0);
	check_eq(vfs_listxattr(t, "/h/f", list, 0), 0);
	check_eq(vfs_getxattr(t, "/h/f", RECORD, value, sizeof(value)),
		 -ENODATA);
	check_eq(vfs_setxattr(t, "/h/f", RECORD, "0:0:100777", 10, 0), -EPERM);
	check_eq(vfs_removexattr(t, "/h/f", RECORD), -ENODATA);
	check_ok(vfs_setxattr(t, "/h/f", "user.mine", "1", 1, 0));
	check_eq(vfs_listxattr(t, "/h/f", list, sizeof(list)), 10);
	check_eq(vfs_listxattr(t, "/h/f", list, 0), 10);
	check_eq(vfs_listxattr(t, "/h/f", list, 10), 10);
	check_eq(vfs_listxattr(t, "/h/f", list, 9), -ERANGE);
	assert_true(!strcmp(list, "user.mine"));
	check_ok(vfs_removexattr(t, "/h/f", "user.mine"));
}

static void test_hidden(void **state)
{
	struct host_world w;

	(void)state;
	check_ok(host_open(&w, OPTIONS));
	put_file(w.task, "/h/f", "x");
	check_ok(vfs_chown(w.task, "/h/f", 5, 6));
	check_hidden(w.task);
	assert_true(host_close(&w));
}

/* Nor elsewhere: what a task would plant in its own file by another mount is
 * believed by this one. */
static void test_planted(void **state)
{
	static const char *const options[] = {
		"owner=squash,uid=1000,gid=1000",
		"owner=host",
		"owner=host,cache=exclusive",
	};
	struct host_world w;
	struct vfs_task *t;
	struct vfs_stat st;

	(void)state;
	for (int i = 0; i < 3; i++) {
		check_ok(host_open(&w, OPTIONS));
		put_file(w.task, "/h/f", "x");
		check_ok(vfs_chmod(w.task, "/h/f", 0777));
		check_ok(vfs_chown(w.task, "/h/f", 5, 6));
		check_ok(vfs_umount2(w.task, "/h", 0));
		check_ok(host_mount(&w, "/h", options[i]));
		check_hidden(w.task);
		t = geteuid() ? w.task : w.user;
		if (!geteuid())
			check_ok(vfs_chown(w.task, "/h/f", 1000, 1000));
		check_hidden(t);
		check_eq(vfs_setxattr(t, "/h/f", RECORD, "0:0:104777", 10, 0),
			 -EPERM);
		check_ok(vfs_umount2(w.task, "/h", 0));
		check_ok(host_mount(&w, "/h", OPTIONS));
		check_ok(vfs_stat(w.task, "/h/f", &st));
		check_eq(st.uid, 5);
		check_eq(st.mode, S_IFREG | 0777);
		assert_true(host_close(&w));
	}
}

static const struct {
	const char *text;
	size_t size;
} bad[] = {
	{"", 0},
	{"x", 1},
	{"1:2", 3},
	{"1:2:", 4},
	{"1:2:100644:", 11},
	{"1:2:100644:1:2", 14}, /* a device that is none */
	{"1:2:100648", 10},
	{"1:2:040755", 10}, /* a directory that is none */
	{"-1:2:100644", 11},
	{"4294967295:2:100644", 19},
	{"4294967296:2:100644", 19},
	{"1:2:777100644", 13},
	{"1:2:100644\0", 11},
	{" 1:2:100644", 11},
	{"1:2:0644", 8},
};

static void test_malformed(void **state)
{
	char path[HOSTDIR_PATH + 8], large[200];
	struct host_world w;
	struct vfs_stat st;
	unsigned lines;

	(void)state;
	memset(large, '1', sizeof(large));
	check_ok(host_open(&w, OPTIONS));
	host_put(&w, "f", "x");
	snprintf(path, sizeof(path), "%s/f", w.dir);
	for (size_t i = 0; i <= sizeof(bad) / sizeof(bad[0]); i++) {
		bool last = i == sizeof(bad) / sizeof(bad[0]);

		check_ok(setxattr(path, RECORD, last ? large : bad[i].text,
				  last ? sizeof(large) : bad[i].size, 0));
		lines = w.lines;
		check_ok(vfs_stat(w.task, "/h/f", &st));
		if (st.mode != (S_IFREG | 0644) || st.uid != geteuid() ||
		    w.lines == lines || !strstr(w.log, RECORD))
			fail_msg("record %zu: mode %o, uid %u, log '%s'", i,
				 st.mode, st.uid, w.log);
	}
	check_ok(setxattr(path, RECORD, "1:2:100600", 10, 0));
	check_ok(vfs_stat(w.task, "/h/f", &st));
	check_eq(st.uid, 1);
	assert_true(host_close(&w));
}

/* What others make of a file: a symlink, by its bytes. */
static void test_rewritten(void **state)
{
	char path[HOSTDIR_PATH + 8], text[64];
	struct host_world w;
	struct vfs_stat st;

	(void)state;
	check_ok(host_open(&w, OPTIONS));
	host_put(&w, "f", "x");
	snprintf(path, sizeof(path), "%s/f", w.dir);
	check_ok(vfs_stat(w.task, "/h/f", &st));
	check_ok(setxattr(path, RECORD, "3:4:120777", 10, 0));
	check_ok(vfs_lstat(w.task, "/h/f", &st));
	check_eq(st.mode, S_IFLNK | 0777);
	check_eq(vfs_readlink(w.task, "/h/f", text, 8), 1);
	host_put(&w, "f", "longer than it was");
	check_eq(vfs_readlink(w.task, "/h/f", text, 64), 18);
	check_ok(vfs_lstat(w.task, "/h/f", &st));
	check_eq(st.size, 18);
	host_put(&w, "target", "x");
	host_put(&w, "f", "target");
	check_file(w.task, "/h/f", "x");
	/* no symlink says that */
	check_ok(truncate(path, 20));
	check_eq(vfs_stat(w.task, "/h/f/x", &st), -EIO);
	check_ok(truncate(path, 0));
	check_ok(truncate(path, 20));
	check_eq(vfs_stat(w.task, "/h/f", &st), -EIO);
	assert_true(host_close(&w));
}

/* While it is open, and so known as what it was. */
static void test_retyped(void **state)
{
	static const struct {
		const char *record;
		uint32_t mode;
	} rows[] = {
		{"0:0:120777", S_IFLNK | 0777},
		{"0:0:100644", S_IFREG | 0644},
		{"0:0:20666:1:3", S_IFCHR | 0666},
		{"0:0:10600", S_IFIFO | 0600},
		{"0:0:100600", S_IFREG | 0600},
	};
	char path[HOSTDIR_PATH + 8];
	struct host_world w;
	struct vfs_stat st;
	int fd;

	(void)state;
	check_ok(host_open(&w, OPTIONS));
	put_file(w.task, "/h/f", "target");
	fd = check_fd(vfs_open(w.task, "/h/f", O_RDWR, 0));
	snprintf(path, sizeof(path), "%s/f", w.dir);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const char *record = rows[i].record;

		check_ok(setxattr(path, RECORD, record, strlen(record), 0));
		check_ok(vfs_lstat(w.task, "/h/f", &st));
		check_eq(st.mode, rows[i].mode);
		check_ok(vfs_fstat(w.task, fd, &st));
		check_eq(st.mode & S_IFMT, S_IFREG);
	}
	check_file(w.task, "/h/f", "target");
	check_eq(vfs_pwrite(w.task, fd, "T", 1, 0), 1);
	check_file(w.task, "/h/f", "Target");
	assert_true(host_close(&w));
}

static void test_squash(void **state)
{
	struct host_world w;
	struct vfs_stat st;

	(void)state;
	check_ok(host_open(&w, "owner=squash,uid=1000,gid=50"));
	host_put(&w, "f", "x");
	check_ok(vfs_stat(w.task, "/h/f", &st));
	check_eq(st.uid, 1000);
	check_eq(st.gid, 50);
	check_eq(vfs_chown(w.task, "/h/f", 0, 0), -EPERM);
	check_ok(vfs_chown(w.task, "/h/f", 1000, 50));
	put_file(w.user, "/h/g", "y");
	check_ok(vfs_stat(w.task, "/h/g", &st));
	check_eq(st.uid, 1000);
	check_ok(vfs_chmod(w.user, "/h/g", 0600));
	check_file(w.user, "/h/g", "y");
	assert_true(host_close(&w));
}

/* One of the two is the host's, and new files get what asks for them there. */
static void test_squash_one(void **state)
{
	struct host_world w;
	struct vfs_stat st;
	struct stat host;

	(void)state;
	if (geteuid())
		skip();
	check_ok(host_open(&w, "owner=squash,uid=1234,gid=host"));
	host_put(&w, "f", "x");
	check_ok(fchownat(w.dirfd, "f", 7, 8, 0));
	check_ok(vfs_stat(w.task, "/h/f", &st));
	check_eq(st.uid, 1234);
	check_eq(st.gid, 8);
	check_eq(vfs_chown(w.task, "/h/f", 1234, 9), -EPERM);
	check_ok(vfs_chmod(w.task, "/h", 0777));
	put_file(w.user, "/h/g", "y");
	check_ok(vfs_stat(w.task, "/h/g", &st));
	check_eq(st.uid, 1234);
	check_eq(st.gid, 1000);
	check_ok(fstatat(w.dirfd, "g", &host, 0));
	check_eq(host.st_uid, 0);
	check_eq(host.st_gid, 1000);
	assert_true(host_close(&w));
}

/* On the host they would be this process's, for whoever finds the file. */
static void test_squash_privilege(void **state)
{
	struct host_world w;
	struct vfs_stat st;
	int fd;

	(void)state;
	check_ok(host_open(&w, "owner=squash,uid=1000,gid=1000"));
	fd = check_fd(vfs_open(w.user, "/h/f", O_CREAT | O_RDWR, 06755));
	for (int i = 0; i < 2; i++) {
		struct stat host;

		check_ok(fstatat(w.dirfd, "f", &host, 0));
		check_eq(host.st_mode, S_IFREG | 0755);
		check_ok(vfs_fstat(w.user, fd, &st));
		check_eq(st.mode, S_IFREG | 0755);
		check_ok(vfs_fchmod(w.user, fd, 06755));
	}
	check_eq(vfs_mknod(w.task, "/h/null", S_IFCHR | 0666, 0x103), -EPERM);
	check_eq(vfs_mknod(w.task, "/h/null", S_IFBLK | 0666, 0), -EPERM);
	if (!geteuid())
		check_ok(vfs_mknod(w.task, "/h/white", S_IFCHR | 0666, 0));
	/* a directory's set-group-ID bit says something else */
	check_ok(vfs_mkdir(w.user, "/h/d", 0755));
	check_ok(vfs_chmod(w.user, "/h/d", 02755));
	check_ok(vfs_stat(w.user, "/h/d", &st));
	check_eq(st.mode, S_IFDIR | 02755);
	assert_true(host_close(&w));
}

/* Where root inside is not root on the host, what it may is not either. */
static void test_capabilities(void **state)
{
	static const struct {
		const char *options;
		int answer;
	} rows[] = {{"owner=xattr", -EPERM},
		    {"owner=squash,uid=0,gid=0", -EPERM},
		    {"owner=host", 0}};
	/* version 2, effective, CAP_SYS_ADMIN */
	static const unsigned char caps[20] = {1, 0, 0, 2, 0, 0, 0x20};
	struct host_world w;

	(void)state;
	if (geteuid())
		skip();
	for (int i = 0; i < 3; i++) {
		char path[HOSTDIR_PATH + 8];

		check_ok(host_open(&w, rows[i].options));
		put_file(w.task, "/h/f", "x");
		check_eq(vfs_setxattr(w.task, "/h/f", "security.capability",
				      caps, sizeof(caps), 0),
			 rows[i].answer);
		snprintf(path, sizeof(path), "%s/f", w.dir);
		check_eq(getxattr(path, "security.capability", NULL, 0),
			 rows[i].answer ? -1 : (int64_t)sizeof(caps));
		assert_true(host_close(&w));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_unprivileged),
		cmocka_unit_test(test_privileged),
		cmocka_unit_test(test_hidden),
		cmocka_unit_test(test_planted),
		cmocka_unit_test(test_malformed),
		cmocka_unit_test(test_rewritten),
		cmocka_unit_test(test_retyped),
		cmocka_unit_test(test_squash),
		cmocka_unit_test(test_squash_one),
		cmocka_unit_test(test_squash_privilege),
		cmocka_unit_test(test_capabilities),
	};

	return cmocka_run_group_tests(tests, NULL, NULL) ? 1 : 0;
}
