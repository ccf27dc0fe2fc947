/* SPDX-License-Identifier: MIT */
/* Descriptors of the host: never more than maxfds, what is open, and a few. */
#include "hostfs/host_world.h"

#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>

#define MAXFDS 64
/* The root, procfs, one that a call is using, and one on its way. */
#define FEW 6

/* Descriptors that hostfs has, when `open` files are open. */
static void check_bound(struct host_world *w, int open)
{
	int has = hostdir_count_fds() - w->fds - 1;

	if (has > MAXFDS + FEW + open)
		fail_msg("%d descriptors with %d files open", has, open);
}

static const char *const modes[] = {
	"cache=revalidate,owner=host,maxfds=64",
	"cache=exclusive,owner=host,maxfds=64",
	"cache=revalidate,owner=xattr,maxfds=64",
};

/* ---- a walk of many files and deep directories ---- */

#define WIDE 100
#define FILES 1000
#define DEEP 1000
#define NAME "directory" /* deeper than a path may be long */

static void fill(struct host_world *w)
{
	int at = dup(w->dirfd), next;
	char name[32];

	for (int d = 0; d < WIDE; d++) {
		int fd;

		snprintf(name, sizeof(name), "d%d", d);
		host_mkdir(w, name);
		fd = openat(w->dirfd, name, O_RDONLY | O_DIRECTORY);
		for (int f = 0; f < FILES; f++) {
			snprintf(name, sizeof(name), "f%d", f);
			check_ok(mknodat(fd, name, S_IFREG | 0644, 0));
		}
		close(fd);
	}
	for (int d = 0; d < DEEP; d++) {
		check_ok(mkdirat(at, NAME, 0755));
		next = openat(at, NAME, O_RDONLY | O_DIRECTORY);
		assert_true(next >= 0);
		close(at);
		at = next;
	}
	check_ok(mknodat(at, "bottom", S_IFREG | 0644, 0));
	close(at);
}

struct walk {
	struct host_world *w;
	int open;
	unsigned files, directories;
};

static void walk_below(struct walk *k, int parent, const char *name);

static void walk_entry(struct walk *k, int fd, const struct vfs_dirent *d)
{
	struct vfs_stat st;

	if (!strcmp(d->name, ".") || !strcmp(d->name, ".."))
		return;
	check_ok(
		vfs_fstatat(k->w->task, fd, d->name, &st, AT_SYMLINK_NOFOLLOW));
	assert_true(st.ino == d->ino);
	if (S_ISDIR(st.mode)) {
		walk_below(k, fd, d->name);
	} else if (++k->files % 1000 == 0) {
		check_bound(k->w, k->open);
	}
}

/* Each directory stays open until what is below it has been walked. */
static void walk_below(struct walk *k, int parent, const char *name)
{
	char *records = malloc(2048);
	int fd = check_fd(vfs_openat(k->w->task, parent, name,
				     O_RDONLY | O_DIRECTORY, 0));
	int64_t n;

	k->directories++;
	k->open++;
	while ((n = vfs_getdents(k->w->task, fd, records, 2048)) > 0) {
		for (int64_t at = 0; at < n;) {
			struct vfs_dirent *d =
				(struct vfs_dirent *)(void *)(records + at);

			at += d->reclen;
			walk_entry(k, fd, d);
		}
	}
	check_eq(n, 0);
	check_ok(vfs_close(k->w->task, fd));
	k->open--;
	free(records);
}

/* Down and up again without a directory open; then the bottom by what is left
 * of its route. */
static void go_deep(struct host_world *w)
{
	struct vfs_stat st;
	int fd;

	check_ok(vfs_chdir(w->task, "/h"));
	for (int d = 0; d < DEEP; d++)
		check_ok(vfs_chdir(w->task, NAME));
	fd = check_fd(vfs_open(w->task, "bottom", O_RDWR, 0));
	check_eq(vfs_write(w->task, fd, "deep", 4), 4);
	check_ok(vfs_close(w->task, fd));
	check_bound(w, 0);
	/* every cached one is used for something else meanwhile */
	for (int d = 0; d < WIDE; d++) {
		char path[32];

		snprintf(path, sizeof(path), "/h/d%d/f0", d);
		check_file(w->task, path, "");
	}
	check_bound(w, 0);
	check_file(w->task, "bottom", "deep");
	check_ok(vfs_stat(w->task, "../../../../" NAME, &st));
	check_ok(vfs_chdir(w->task, "/"));
}

static void test_walk(void **state)
{
	struct host_world w;

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct walk k = {.w = &w};
		struct rlimit limit = {4096, 4096}, before;

		check_ok(host_open(&w, modes[i]));
		fill(&w);
		check_ok(getrlimit(RLIMIT_NOFILE, &before));
		if (before.rlim_max > limit.rlim_max)
			limit.rlim_max = before.rlim_max;
		check_ok(setrlimit(RLIMIT_NOFILE, &limit));
		walk_below(&k, AT_FDCWD, "/h");
		check_eq(k.files, WIDE * FILES + 1);
		check_eq(k.directories, WIDE + DEEP + 1);
		check_bound(&w, 0);
		go_deep(&w);
		check_ok(setrlimit(RLIMIT_NOFILE, &before));
		assert_true(host_close(&w));
	}
}

/* ---- what might keep one each ---- */

#define MANY 300

static void path_of(char path[64], const char *dir, int i)
{
	snprintf(path, 64, "%s/f%d", dir, i);
}

/* Files that are made, used, mapped, linked; one of their names goes. */
static void use_many(struct host_world *w)
{
	struct vfs_task *t = w->task;
	char a[64], b[64];
	struct vfs_stat st;
	void *at;
	int fd;

	for (int i = 0; i < MANY; i++) {
		path_of(a, "/h/a", i);
		path_of(b, "/h/b", i);
		fd = check_fd(vfs_open(t, a, O_RDWR | O_CREAT, 0644));
		check_eq(vfs_write(t, fd, a, 5), 5);
		check_ok(vfs_mmap(t, NULL, 4096, PROT_READ | PROT_WRITE,
				  MAP_SHARED, fd, 0, &at));
		check_ok(vfs_close(t, fd));
		check_ok(vfs_munmap(t, at, 4096));
		check_ok(vfs_link(t, a, b));
		check_ok(vfs_stat(t, b, &st));
	}
	check_bound(w, 0);
	for (int i = 0; i < MANY; i++) {
		path_of(a, "/h/a", i);
		check_ok(vfs_unlink(t, a));
	}
	check_bound(w, 0);
}

static void test_links(void **state)
{
	struct host_world w;
	char b[64], text[8];
	struct vfs_stat st;
	int fd;

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		check_ok(host_open(&w, modes[i]));
		check_ok(vfs_mkdir(w.task, "/h/a", 0755));
		check_ok(vfs_mkdir(w.task, "/h/b", 0755));
		use_many(&w);
		for (int f = 0; f < MANY; f++) {
			path_of(b, "/h/b", f);
			check_ok(vfs_stat(w.task, b, &st));
			check_eq(st.nlink, 1);
			fd = check_fd(vfs_open(w.task, b, O_RDONLY, 0));
			check_eq(vfs_read(w.task, fd, text, 8), 5);
			check_ok(vfs_close(w.task, fd));
		}
		check_bound(&w, 0);
		assert_true(host_close(&w));
	}
}

/* Another name of a file whose first one went, after its descriptor did. */
static void test_moved_names(void **state)
{
	struct host_world w;
	struct vfs_stat st;
	char a[64], b[64];
	int fd;

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		check_ok(host_open(&w, "cache=revalidate,maxfds=8"));
		check_ok(vfs_mkdir(w.task, "/h/a", 0755));
		check_ok(vfs_mkdir(w.task, "/h/b", 0755));
		for (int f = 0; f < 40; f++) {
			path_of(a, "/h/a", f);
			put_file(w.task, a, a);
			check_ok(vfs_stat(w.task, a, &st));
		}
		for (int f = 0; f < 40; f++) {
			path_of(a, "a", f);
			path_of(b, "b", f);
			host_rename(&w, a, b);
		}
		for (int f = 0; f < 40; f++) {
			path_of(a, "/h/a", f);
			path_of(b, "/h/b", f);
			check_file(w.task, b, a);
			fd = check_fd(vfs_open(w.task, b, O_RDWR, 0));
			check_ok(vfs_ftruncate(w.task, fd, 1));
			check_ok(vfs_close(w.task, fd));
			check_eq(vfs_stat(w.task, a, &st), -ENOENT);
		}
		assert_true(host_close(&w));
	}
}

/* A descriptor without the file open: by whichever of its names is left. */
static void test_other_name(void **state)
{
	struct host_world w;
	struct vfs_stat st;
	char path[64];
	int fd;

	(void)state;
	check_ok(host_open(&w, "cache=revalidate,owner=host,maxfds=8"));
	check_ok(vfs_mkdir(w.task, "/h/a", 0755));
	put_file(w.task, "/h/one", "x");
	check_ok(vfs_link(w.task, "/h/one", "/h/two"));
	check_ok(vfs_stat(w.task, "/h/one", &st));
	fd = check_fd(vfs_open(w.task, "/h/two", O_PATH, 0));
	host_unlink(&w, "two");
	for (int f = 0; f < 40; f++) {
		path_of(path, "/h/a", f);
		put_file(w.task, path, "y");
		check_file(w.task, path, "y");
		check_eq(vfs_lgetxattr(w.task, path, "user.x", path, 8),
			 -ENODATA);
	}
	check_ok(vfs_fstat(w.task, fd, &st));
	check_eq(st.nlink, 1);
	check_ok(vfs_close(w.task, fd));
	assert_true(host_close(&w));
}

/* A file made here is not busy once it is closed. */
static void test_not_busy(void **state)
{
	struct host_world w;
	struct stat st;
	char path[300];
	int fd;

	(void)state;
	check_ok(host_open(&w, "cache=exclusive,owner=host"));
	fd = check_fd(vfs_open(w.task, "/h/script", O_WRONLY | O_CREAT, 0755));
	check_eq(vfs_write(w.task, fd, "x", 1), 1);
	check_ok(vfs_close(w.task, fd));
	snprintf(path, sizeof(path), "%s/script", w.dir);
	check_ok(stat(path, &st));
	/* a lease to read is given only if nobody has it open to write */
	fd = open(path, O_RDONLY);
	check_ok(fcntl(fd, F_SETLEASE, F_RDLCK));
	check_ok(fcntl(fd, F_SETLEASE, F_UNLCK));
	close(fd);
	assert_true(host_close(&w));
}

/* ---- the host has no more ---- */

static int open_files(struct host_world *w, int *fds, int max)
{
	char path[64];
	int n;

	for (n = 0; n < max; n++) {
		path_of(path, "/h/a", n);
		fds[n] = vfs_open(w->task, path, O_RDONLY, 0);
		if (fds[n] < 0)
			return fds[n];
	}
	return 0;
}

static void test_no_more(void **state)
{
	struct rlimit before, limit;
	struct vfs_stat st;
	struct host_world w;
	int fds[MANY], n = 0, err;
	char path[64];

	(void)state;
	check_ok(host_open(&w, "cache=revalidate,owner=host,maxfds=1000"));
	check_ok(vfs_mkdir(w.task, "/h/a", 0755));
	for (int i = 0; i < MANY; i++) {
		path_of(path, "/h/a", i);
		put_file(w.task, path, "x");
		check_fd(vfs_open(w.task, path, O_PATH, 0));
		check_eq(vfs_lgetxattr(w.task, path, "user.x", path, 8),
			 -ENODATA);
	}
	/* all of them are kept: there is no reason not to */
	assert_true(hostdir_count_fds() > MANY);
	check_ok(getrlimit(RLIMIT_NOFILE, &before));
	limit = before;
	limit.rlim_cur = (rlim_t)hostdir_count_fds() + 2;
	for (int i = 0; i < MANY; i++)
		fds[i] = -1;
	check_ok(setrlimit(RLIMIT_NOFILE, &limit));
	err = open_files(&w, fds, MANY);
	for (; n < MANY && fds[n] >= 0; n++)
		;
	/* each file took the place of what was kept */
	assert_true(n > MANY / 2);
	if (err) {
		check_eq(err, -EMFILE);
		check_ok(vfs_close(w.task, fds[0]));
		fds[0] = check_fd(vfs_open(w.task, "/h/a/f0", O_RDONLY, 0));
	}
	check_ok(vfs_stat(w.task, "/h/a/f1", &st));
	check_ok(setrlimit(RLIMIT_NOFILE, &before));
	assert_true(host_close(&w));
}

/* By a fault: retried as long as there is something to give up. */
static void test_told_so(void **state)
{
	static const int errors[] = {-EMFILE, -ENFILE};
	struct host_world w;
	char path[64];
	int fd;

	(void)state;
	for (int e = 0; e < 2; e++) {
		check_ok(host_open(&w, "cache=revalidate,owner=host"));
		check_ok(vfs_mkdir(w.task, "/h/a", 0755));
		for (int i = 0; i < 20; i++) {
			path_of(path, "/h/a", i);
			put_file(w.task, path, "x");
			check_eq(vfs_lgetxattr(w.task, path, "user.x", path, 8),
				 -ENODATA);
		}
		host_fail(&w, "openat", 1, 5, errors[e]);
		fd = check_fd(vfs_open(w.task, "/h/a/f3", O_RDONLY, 0));
		check_eq(host_heal(&w), 5);
		check_ok(vfs_close(w.task, fd));
		host_fail(&w, "openat", 1, 1000, errors[e]);
		check_eq(vfs_open(w.task, "/h/a/f3", O_RDONLY, 0), errors[e]);
		assert_true(host_heal(&w) > 10);
		check_file(w.task, "/h/a/f3", "x");
		assert_true(host_close(&w));
	}
}

/* ---- no stack as deep as the tree ---- */

#define FATHOMS 20000

static void *dive(void *context)
{
	struct host_world *w = context;

	check_ok(vfs_chdir(w->task, "/h"));
	for (int i = 0; i < FATHOMS; i++) {
		check_ok(vfs_mkdir(w->task, "d", 0755));
		check_ok(vfs_chdir(w->task, "d"));
	}
	/* one that stays as long as it has a name, and with it the chain */
	check_ok(vfs_mkfifo(w->task, "p", 0644));
	check_ok(vfs_chdir(w->task, "/"));
	check_ok(vfs_umount2(w->task, "/h", 0));
	return NULL;
}

static void test_depth(void **state)
{
	struct host_world w;
	pthread_attr_t attr;
	pthread_t thread;

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		check_ok(host_open(&w, modes[i]));
		pthread_attr_init(&attr);
		pthread_attr_setstacksize(&attr, 1 << 20);
		check_ok(pthread_create(&thread, &attr, dive, &w));
		check_ok(pthread_join(thread, NULL));
		pthread_attr_destroy(&attr);
		assert_true(host_close(&w));
	}
}

/* What was looked for in vain in a directory keeps it, until it is removed;
 * also when the cache of names is about to have more room. */
static void test_absences(void **state)
{
	struct host_world w;
	struct vfs_stat st;
	char path[64];
	int fds;

	(void)state;
	check_ok(host_open(&w, "cache=exclusive,owner=host"));
	for (int names = 0; names < 2600; names += 100) {
		for (int i = names; i < names + 100; i++) {
			snprintf(path, sizeof(path), "/%d", i);
			check_ok(vfs_mknod(w.task, path, S_IFREG | 0644, 0));
		}
		fds = hostdir_count_fds();
		check_ok(vfs_mkdir(w.task, "/h/d", 0755));
		for (int i = 0; i < 20; i++) {
			snprintf(path, sizeof(path), "/h/d/%d", i);
			check_eq(vfs_stat(w.task, path, &st), -ENOENT);
		}
		check_ok(vfs_rmdir(w.task, "/h/d"));
		check_eq(hostdir_count_fds(), fds);
	}
	assert_true(host_close(&w));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_walk),
		cmocka_unit_test(test_links),
		cmocka_unit_test(test_moved_names),
		cmocka_unit_test(test_other_name),
		cmocka_unit_test(test_not_busy),
		cmocka_unit_test(test_no_more),
		cmocka_unit_test(test_told_so),
		cmocka_unit_test(test_depth),
		cmocka_unit_test(test_absences),
	};

	return cmocka_run_group_tests(tests, NULL, NULL) ? 1 : 0;
}
