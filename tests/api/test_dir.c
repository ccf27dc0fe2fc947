/* SPDX-License-Identifier: MIT */
/* getdents64(2), readdir(3) and its family; positions while names come and
 * go. */
#include <dirent.h>

#include "support/check.h"

#define NAMES 1000

/* How often each of the names f0, f1, … came in a listing. */
struct seen {
	int count[NAMES];
	int dots;
	int others;
};

static void note(struct seen *seen, const char *name)
{
	int number = -1;

	if (!strcmp(name, ".") || !strcmp(name, ".."))
		seen->dots++;
	else if (sscanf(name, "f%d", &number) == 1 && number >= 0 &&
		 number < NAMES)
		seen->count[number]++;
	else
		seen->others++;
}

static void make_names(struct vfs_task *t, int from, int to)
{
	char path[32];

	for (int i = from; i < to; i++) {
		snprintf(path, sizeof(path), "/d/f%d", i);
		check_ok(vfs_mknod(t, path, S_IFREG | 0644, 0));
	}
}

/* One buffer's worth: how many records, 0 at the end. */
static int list_some(struct vfs_task *t, int fd, size_t size, struct seen *seen)
{
	_Alignas(8) char buffer[4096];
	int64_t n = vfs_getdents(t, fd, buffer, size);
	int records = 0;

	assert_true(n >= 0);
	for (int64_t at = 0; at < n; records++) {
		struct vfs_dirent *d = (struct vfs_dirent *)(buffer + at);

		assert_true(d->reclen >= 24 && d->reclen % 8 == 0);
		assert_true(at + d->reclen <= n);
		assert_true(d->ino != 0);
		note(seen, d->name);
		at += d->reclen;
	}
	return records;
}

static void test_dir__records(void **state)
{
	struct vfs_task *t = ((struct world *)*state)->task;
	static struct seen seen;
	_Alignas(8) char buffer[512];
	struct vfs_dirent *d = (struct vfs_dirent *)buffer;
	int fd;

	check_ok(vfs_mkdir(t, "/d", 0755));
	fd = check_fd(vfs_open(t, "/d", O_RDONLY | O_DIRECTORY, 0));
	check_eq(vfs_getdents(t, fd, buffer, sizeof(buffer)), 48);
	assert_string_equal(d->name, ".");
	check_eq(d->ino, ino_of(t, "/d"));
	check_eq(d->type, DT_DIR);
	check_eq(d->reclen, 24);
	d = (struct vfs_dirent *)(buffer + 24);
	assert_string_equal(d->name, "..");
	check_eq(d->ino, ino_of(t, "/"));
	check_eq(vfs_getdents(t, fd, buffer, sizeof(buffer)), 0);
	make_names(t, 0, NAMES);
	check_eq(vfs_lseek(t, fd, 0, SEEK_SET), 0);
	while (list_some(t, fd, 4096, &seen) > 0)
		;
	check_eq(seen.dots, 2);
	check_eq(seen.others, 0);
	for (int i = 0; i < NAMES; i++)
		check_eq(seen.count[i], 1);
}

static void test_dir__types(void **state)
{
	struct vfs_task *t = ((struct world *)*state)->task;
	const struct vfs_dirent *d;
	struct vfs_dir *dir;
	int found = 0;

	check_ok(vfs_mkdir(t, "/dir", 0755));
	put_file(t, "/reg", "");
	check_ok(vfs_symlink(t, "x", "/lnk"));
	check_ok(vfs_mkfifo(t, "/fifo", 0600));
	check_ok(vfs_mknod(t, "/sock", S_IFSOCK | 0600, 0));
	check_ok(vfs_mknod(t, "/chr", S_IFCHR | 0600, 1));
	check_ok(vfs_mknod(t, "/blk", S_IFBLK | 0600, 1));
	check_ok(vfs_opendir(t, "/", &dir));
	while (vfs_readdir(dir, &d) == 1) {
		struct vfs_stat st;
		char path[300];

		snprintf(path, sizeof(path), "/%s", d->name);
		check_ok(vfs_lstat(t, path, &st));
		check_eq(d->type, IFTODT(st.mode));
		check_eq(d->ino, st.ino);
		found++;
	}
	check_eq(found, 9);
	check_ok(vfs_closedir(dir));
}

static void test_dir__errors(void **state)
{
	struct world *w = *state;
	struct vfs_dir *dir = NULL;
	char buffer[64];
	int fd;

	put_file(w->task, "/f", "");
	check_ok(vfs_mkdir(w->task, "/d", 0700));
	check_eq(vfs_opendir(w->task, "/f", &dir), -ENOTDIR);
	check_eq(vfs_opendir(w->task, "/none", &dir), -ENOENT);
	check_eq(vfs_opendir(w->user, "/d", &dir), -EACCES);
	assert_null(dir);
	fd = check_fd(vfs_open(w->task, "/f", O_RDONLY, 0));
	check_eq(vfs_getdents(w->task, fd, buffer, 64), -ENOTDIR);
	check_eq(vfs_fdopendir(w->task, fd, &dir), -ENOTDIR);
	check_ok(vfs_close(w->task, fd));
	fd = check_fd(vfs_open(w->task, "/d", O_RDONLY, 0));
	check_eq(vfs_getdents(w->task, fd, buffer, 23), -EINVAL);
	check_eq(vfs_getdents(w->task, fd, buffer, 24), 24);
	check_eq(vfs_getdents(w->task, fd, buffer, 0), -EINVAL);
	check_eq(vfs_getdents(w->task, fd, buffer, 24), 24);
	check_eq(vfs_getdents(w->task, fd, buffer, 24), 0);
	fd = check_fd(vfs_open(w->task, "/d", O_PATH, 0));
	check_eq(vfs_getdents(w->task, fd, buffer, 64), -EBADF);
	check_eq(vfs_getdents(w->task, 99, buffer, 64), -EBADF);
}

static void test_dir__remove_while_listing(void **state)
{
	struct vfs_task *t = ((struct world *)*state)->task;
	const struct vfs_dirent *d;
	struct vfs_dir *dir;
	int removed = 0;

	check_ok(vfs_mkdir(t, "/d", 0755));
	make_names(t, 0, NAMES);
	check_ok(vfs_opendir(t, "/d", &dir));
	while (vfs_readdir(dir, &d) == 1) {
		if (d->name[0] == '.')
			continue;
		check_ok(vfs_unlinkat(t, vfs_dirfd(dir), d->name, 0));
		removed++;
	}
	check_ok(vfs_closedir(dir));
	check_eq(removed, NAMES);
	check_ok(vfs_rmdir(t, "/d"));
}

static void test_dir__stays_exact_under_churn(void **state)
{
	struct vfs_task *t = ((struct world *)*state)->task;
	static struct seen seen;
	char path[32], other[32];
	int fd, step = 0;

	check_ok(vfs_mkdir(t, "/d", 0755));
	make_names(t, 0, NAMES);
	fd = check_fd(vfs_open(t, "/d", O_RDONLY, 0));
	/* Odd names go, names of another kind come and go and are renamed;
	 * each even name must come exactly once. */
	while (list_some(t, fd, 72, &seen) > 0) {
		snprintf(path, sizeof(path), "/d/f%d", (step * 2 + 1) % NAMES);
		vfs_unlink(t, path);
		snprintf(path, sizeof(path), "/d/x%d", step);
		check_ok(vfs_mknod(t, path, S_IFREG | 0644, 0));
		snprintf(other, sizeof(other), "/d/y%d", step);
		check_ok(vfs_rename(t, path, other));
		if (step % 3 == 0)
			check_ok(vfs_unlink(t, other));
		assert_true(++step < 100 * NAMES);
	}
	check_eq(seen.dots, 2);
	for (int i = 0; i < NAMES; i += 2)
		check_eq(seen.count[i], 1);
	for (int i = 1; i < NAMES; i += 2)
		assert_true(seen.count[i] <= 1);
}

static void test_dir__tell_and_seek(void **state)
{
	struct vfs_task *t = ((struct world *)*state)->task;
	const struct vfs_dirent *d;
	struct vfs_dir *dir;
	int64_t place[NAMES];
	char names[NAMES][16];
	int n = 0;

	check_ok(vfs_mkdir(t, "/d", 0755));
	make_names(t, 0, 100);
	check_ok(vfs_opendir(t, "/d", &dir));
	for (;;) {
		place[n] = vfs_telldir(dir);
		if (vfs_readdir(dir, &d) != 1)
			break;
		snprintf(names[n++], 16, "%.15s", d->name);
	}
	check_eq(n, 102);
	for (int i = n - 1; i >= 0; i -= 7) {
		check_ok(vfs_seekdir(dir, place[i]));
		check_eq(vfs_telldir(dir), place[i]);
		check_eq(vfs_readdir(dir, &d), 1);
		assert_string_equal(d->name, names[i]);
	}
	/* A place stays good when what stood before it is gone. */
	for (int i = 2; i < 50; i++) {
		check_ok(vfs_unlinkat(t, vfs_dirfd(dir), names[i], 0));
	}
	check_ok(vfs_seekdir(dir, place[60]));
	check_eq(vfs_readdir(dir, &d), 1);
	assert_string_equal(d->name, names[60]);
	check_ok(vfs_rewinddir(dir));
	check_eq(vfs_readdir(dir, &d), 1);
	assert_string_equal(d->name, ".");
	check_ok(vfs_seekdir(dir, place[n]));
	check_eq(vfs_readdir(dir, &d), 0);
	assert_null(d);
	check_ok(vfs_closedir(dir));
}

static void test_dir__descriptor_of_a_stream(void **state)
{
	struct vfs_task *t = ((struct world *)*state)->task;
	struct vfs_dir *dir;
	int fd;

	fd = check_fd(vfs_open(t, "/", O_RDONLY | O_DIRECTORY, 0));
	check_ok(vfs_fdopendir(t, fd, &dir));
	check_eq(vfs_dirfd(dir), fd);
	check_ok(vfs_closedir(dir));
	check_eq(vfs_close(t, fd), -EBADF);
	check_ok(vfs_opendir(t, "/", &dir));
	check_eq(vfs_fcntl(t, vfs_dirfd(dir), F_GETFD, 0), FD_CLOEXEC);
	check_ok(vfs_closedir(dir));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		world_test(test_dir__records),
		world_test(test_dir__types),
		world_test(test_dir__errors),
		world_test(test_dir__remove_while_listing),
		world_test(test_dir__stays_exact_under_churn),
		world_test(test_dir__tell_and_seek),
		world_test(test_dir__descriptor_of_a_stream),
	};

	return cmocka_run_group_tests(tests, NULL, NULL) ? 1 : 0;
}
