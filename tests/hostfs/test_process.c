/* SPDX-License-Identifier: MIT */
/*
 * What a process may have become while it has a hostfs or an imported file:
 * each case in a child, which must not die of it.
 */
#include "hostfs/host_world.h"

#include <sched.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <sys/xattr.h>

#include <vfs/import.h>

#define LIMIT 4096

static struct host_world w;

/* In a child: nothing of cmocka's. */
#define want(call, expected) want__((call), (expected), #call)

static void want__(int64_t got, int64_t expected, const char *what)
{
	if (got == expected)
		return;
	fprintf(stderr, "%s is %lld, not %lld\n", what, (long long)got,
		(long long)expected);
	_exit(1);
}

/* The child ends with status 0. A file f of 5 bytes is there. */
static void in_child(const char *options, void (*body)(void))
{
	int status;
	pid_t child;

	check_ok(host_open(&w, NULL));
	host_put(&w, "f", "12345");
	child = fork();
	assert_true(child >= 0);
	if (!child) {
		if (options)
			want(host_mount(&w, "/h", options), 0);
		body();
		_exit(0);
	}
	assert_true(waitpid(child, &status, 0) == child);
	if (WIFSIGNALED(status))
		fail_msg("killed by signal %d", WTERMSIG(status));
	check_eq(WEXITSTATUS(status), 0);
	assert_true(host_close(&w));
}

/* ---- a limit of the size of files ---- */

static void set_limit(void)
{
	struct rlimit limit = {LIMIT, RLIM_INFINITY};

	want(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

/* Nothing is left of the signal, and its mask is as it was. */
static void want_no_signal(void)
{
	sigset_t set;

	want(sigpending(&set), 0);
	want(sigismember(&set, SIGXFSZ), 0);
	want(pthread_sigmask(SIG_BLOCK, NULL, &set), 0);
	want(sigismember(&set, SIGXFSZ), 0);
}

static void import_and_write(void)
{
	int fd;

	set_limit();
	fd = vfs_import_fd(w.task, openat(w.dirfd, "f", O_RDWR), 0);
	want(vfs_pwrite(w.task, fd, "x", 1, 2 * LIMIT), -EFBIG);
	want(vfs_ftruncate(w.task, fd, 2 * LIMIT), -EFBIG);
	want(vfs_fallocate(w.task, fd, 0, 0, 2 * LIMIT), -EFBIG);
	want(vfs_pwrite(w.task, fd, "ab", 2, LIMIT - 1), 1);
	want_no_signal();
}

static void test_import_limit(void **state)
{
	(void)state;
	in_child(NULL, import_and_write);
}

/* Others make the file longer between a look at it and the write. */
static void grow(struct host_world *world, const char *call)
{
	int status;
	pid_t child;

	if (strcmp(call, "pwrite"))
		return;
	child = fork();
	if (!child) {
		struct rlimit limit = {RLIM_INFINITY, RLIM_INFINITY};

		_exit(setrlimit(RLIMIT_FSIZE, &limit) ||
		      ftruncate(openat(world->dirfd, "f", O_RDWR), 2 * LIMIT));
	}
	want(waitpid(child, &status, 0), child);
	want(status, 0);
}

static void append(void)
{
	int fd;

	want(vfs_umount2(w.task, "/h", 0), 0);
	set_limit();
	want(host_mount(&w, "/h", "cache=revalidate"), 0);
	fd = vfs_open(w.task, "/h/f", O_RDWR | O_APPEND, 0);
	want(vfs_write(w.task, fd, "x", 1), 1);
	w.before = grow;
	want(vfs_write(w.task, fd, "x", 1), -EFBIG);
	w.before = NULL;
	want(vfs_pwrite(w.task, fd, "x", 1, 3 * LIMIT), -EFBIG);
	want(vfs_ftruncate(w.task, fd, 3 * LIMIT), -EFBIG);
	want_no_signal();
}

static void test_limit(void **state)
{
	(void)state;
	in_child("cache=revalidate", append);
}

/* ---- the first thread ends ---- */

/* Not by joining it, which the thread sanitizer does not know how to do. */
static void wait_for_first(void)
{
	char path[64], text[256], *end;
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/proc/thread-self/../%d/stat",
		 (int)getpid());
	do {
		usleep(1000);
		fd = open(path, O_RDONLY | O_CLOEXEC);
		n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
		close(fd);
		text[n < 0 ? 0 : n] = '\0';
		end = strrchr(text, ')');
	} while (n > 0 && end && end[2] != 'Z');
	want(n > 0 && end, true);
}

static void *use_it(void *unused)
{
	char text[8];
	int fd;

	(void)unused;
	wait_for_first();
	fd = vfs_open(w.task, "/h/f", O_RDWR, 0);
	want(vfs_pread(w.task, fd, text, 8, 0), 5);
	want(vfs_ftruncate(w.task, fd, 5), 0);
	fd = vfs_open(w.task, "/h/new", O_RDWR | O_CREAT, 0600);
	want(fd >= 0, true);
	want(vfs_link(w.task, "/h/new", "/h/link"), 0);
	want(vfs_setxattr(w.task, "/h/f", "user.x", "x", 1, 0), 0);
	_exit(0);
}

static void end_first_thread(void)
{
	pthread_t thread;

	want(pthread_create(&thread, NULL, use_it, NULL), 0);
	pthread_exit(NULL);
}

static void test_first_thread(void **state)
{
	(void)state;
	in_child("cache=revalidate", end_first_thread);
}

/* ---- descriptors that are the thread's own ---- */

/* Where the other threads have another file by that number. */
static void *have_own_files(void *unused)
{
	struct vfs_stat st;
	char text[8] = "";
	int fd;

	(void)unused;
	want(unshare(CLONE_FILES), 0);
	/* what the first thread has open at these numbers */
	for (int i = 3; i < 64; i++)
		if (i != w.dirfd)
			close(i);
	want(host_mount(&w, "/h", "cache=exclusive"), 0);
	fd = vfs_open(w.task, "/h/f", O_RDWR | O_TRUNC, 0);
	want(vfs_pwrite(w.task, fd, "inside", 6, 0), 6);
	want(vfs_pread(w.task, fd, text, 8, 0), 6);
	want(vfs_stat(w.task, "/h/f", &st), 0);
	want(st.size, 6);
	return NULL;
}

static void unshare_files(void)
{
	char text[8] = "";
	pthread_t thread;
	int fd = openat(w.dirfd, "other", O_RDWR | O_CREAT, 0600);

	want(write(fd, "outside", 7), 7);
	for (int i = 0; i < 32; i++)
		dup(fd);
	want(pthread_create(&thread, NULL, have_own_files, NULL), 0);
	want(pthread_join(thread, NULL), 0);
	want(pread(fd, text, 8, 0), 7);
	want(strcmp(text, "outside"), 0);
}

static void test_own_descriptors(void **state)
{
	(void)state;
	in_child(NULL, unshare_files);
}

/* ---- a child whose thread has the number that its parent's has ---- */

static void want_mark(const char *path, char mark)
{
	char value = 0;

	want(vfs_getxattr(w.task, path, "user.mark", &value, 1), 1);
	want(value, mark);
}

/* The child is the first process of a namespace. */
static pid_t fork_as_first(void)
{
	pid_t child;

	want(unshare(CLONE_NEWPID), 0);
	child = fork();
	if (child > 0 || getpid() == 1)
		return child;
	want(child, 0);
	return -1;
}

static void want_child(pid_t child)
{
	int status;

	want(waitpid(child, &status, 0), child);
	want(status, 0);
}

/* What parent and child open from here on has the same number in both. */
static void ask_on_both_sides(void)
{
	int ready[2];
	char byte = 0;
	pid_t child;

	want_mark("/h/f", 'f');
	want(pipe(ready), 0);
	child = fork_as_first();
	if (!child) {
		want(read(ready[0], &byte, 1), 1);
		want_mark("/h/childs", 'c');
		_exit(0);
	}
	want_mark("/h/parents", 'p');
	want(write(ready[1], &byte, 1), 1);
	want_child(child);
}

static void ask_in_namespaces(void)
{
	static const char *const names[] = {"f", "childs", "parents"};
	pid_t child;

	for (size_t i = 0; i < 3; i++) {
		int fd = openat(w.dirfd, names[i], O_RDWR | O_CREAT, 0644);

		want(fsetxattr(fd, "user.mark", names[i], 1, 0), 0);
		close(fd);
	}
	child = fork_as_first();
	if (child) {
		want_child(child);
		return;
	}
	ask_on_both_sides();
	_exit(0);
}

static void *ask_in_thread(void *number)
{
	*(pid_t *)number = gettid();
	want_mark("/h/f", 'f');
	return NULL;
}

/* What the answer is does not matter: what the mount has open is in the other
 * thread's table. */
static void *ask_in_vain(void *number)
{
	char value;

	*(pid_t *)number = gettid();
	for (int i = 0; i < 2; i++)
		(void)vfs_getxattr(w.task, "/h/f", "user.mark", &value, 1);
	return NULL;
}

/* Its number. */
static pid_t run_thread(void *(*body)(void *number))
{
	pthread_t thread;
	pid_t number = 0;

	want(pthread_create(&thread, NULL, body, &number), 0);
	want(pthread_join(thread, NULL), 0);
	return number;
}

static pid_t ask_once(void)
{
	return run_thread(ask_in_thread);
}

/* Where nobody else takes numbers of threads; false: that was done, in a
 * child. */
static bool in_own_numbers(void)
{
	pid_t child;

	want(fsetxattr(openat(w.dirfd, "f", O_RDWR), "user.mark", "f", 1, 0),
	     0);
	child = fork_as_first();
	if (child)
		want_child(child);
	return !child;
}

/* By a thread that has the number of one that has ended. */
static void ask_with_number(pid_t number, void *(*ask)(void *number))
{
	int fd = open("/proc/sys/kernel/ns_last_pid", O_WRONLY | O_CLOEXEC);
	pid_t next = 0;
	char text[16];

	snprintf(text, sizeof(text), "%d", (int)number - 1);
	/* that one has it for a moment still */
	for (int i = 0; i < 1000 && next != number; i++) {
		usleep(1000);
		want(pwrite(fd, text, strlen(text), 0), (int64_t)strlen(text));
		next = run_thread(ask);
	}
	want(next, number);
	close(fd);
}

static void ask_as_another(void)
{
	if (!in_own_numbers())
		return;
	ask_with_number(ask_once(), ask_in_thread);
	_exit(0);
}

/* Threads come and go: what they kept goes, too, but for the last one's. */
static void ask_in_many(void)
{
	int before;

	want(fsetxattr(openat(w.dirfd, "f", O_RDWR), "user.mark", "f", 1, 0),
	     0);
	ask_once();
	before = hostdir_count_fds();
	for (int i = 0; i < 100; i++)
		ask_once();
	if (hostdir_count_fds() > before + 8)
		want(hostdir_count_fds(), before);
}

static void test_many_threads(void **state)
{
	(void)state;
	in_child("cache=revalidate", ask_in_many);
}

static void *ask_with_own_files(void *number)
{
	want(unshare(CLONE_FILES), 0);
	return ask_in_thread(number);
}

/* What a thread kept in a table of its own is at numbers that are others' in
 * the process's, where a thread comes that has its number. */
static void ask_after_own_files(void)
{
	struct stat st, null;
	int others[16];
	pid_t first;

	if (!in_own_numbers())
		return;
	first = run_thread(ask_with_own_files);
	want(stat("/dev/null", &null), 0);
	for (int i = 0; i < 16; i++)
		others[i] = open("/dev/null", O_RDONLY);
	ask_with_number(first, ask_in_vain);
	for (int i = 0; i < 16; i++) {
		want(fstat(others[i], &st), 0);
		want((int64_t)st.st_rdev, (int64_t)null.st_rdev);
	}
	_exit(0);
}

static void test_same_number(void **state)
{
	(void)state;
	if (geteuid() || access("/proc/sys/kernel/ns_last_pid", W_OK))
		skip();
	in_child("cache=exclusive", ask_in_namespaces);
	in_child("cache=exclusive", ask_as_another);
	in_child("cache=exclusive", ask_after_own_files);
}

/* ---- another root ---- */

/* A root that somebody made for us, whose /proc leads to what he likes. */
static void make_root(void)
{
	char link[32];
	int fd;

	host_mkdir(&w, "root");
	host_mkdir(&w, "root/proc");
	host_mkdir(&w, "root/proc/thread-self");
	host_mkdir(&w, "root/proc/thread-self/fd");
	host_put(&w, "root/victim", "a victim");
	for (int i = 0; i < 32; i++) {
		snprintf(link, sizeof(link), "root/proc/thread-self/fd/%d", i);
		want(symlinkat("/victim", w.dirfd, link), 0);
	}
	host_mkdir(&w, "in");
	host_put(&w, "in/f", "12345");
	fd = openat(w.dirfd, "in", O_PATH | O_DIRECTORY);
	snprintf(link, sizeof(link), "rootfd=%d", fd);
	want(vfs_mount_type(w.task, &vfs_hostfs_type, NULL, "/h", 0, link), 0);
}

static void change_root(void)
{
	char text[16] = "";
	struct stat st;
	int fd;

	make_root();
	want(fchdir(w.dirfd) || chroot("root") || chdir("/"), 0);
	fd = vfs_open(w.task, "/h/f", O_RDWR, 0);
	want(vfs_pread(w.task, fd, text, sizeof(text), 0), 5);
	want(vfs_ftruncate(w.task, fd, 5), 0);
	want(vfs_setxattr(w.task, "/h/f", "user.x", "x", 1, 0), 0);
	want(vfs_mkdir(w.task, "/h/d", 0700), 0);
	want(vfs_chmod(w.task, "/h/d", 0750), 0);
	want(vfs_link(w.task, "/h/f", "/h/g"), 0);
	want(stat("/victim", &st), 0);
	want(st.st_size, 8);
}

/* An imported file is opened again, by its link in the instance's /proc. */
static void reopen_import(void)
{
	struct stat st;

	make_root();
	want(vfs_mkdir(w.task, "/proc", 0755), 0);
	want(vfs_mount(w.task, "proc", "/proc", "proc", 0, NULL), 0);
	want(vfs_import_fd(w.task, openat(w.dirfd, "f", O_RDWR), 0), 0);
	want(vfs_open(w.task, "/proc/self/fd/0", O_RDWR, 0), 1);
	want(fchdir(w.dirfd) || chroot("root") || chdir("/"), 0);
	want(vfs_open(w.task, "/proc/self/fd/0", O_RDWR, 0), -ENXIO);
	want(vfs_open(w.task, "/proc/self/fd/0", O_RDWR | O_TRUNC, 0), -ENXIO);
	want(vfs_lseek(w.task, 0, 0, SEEK_HOLE), 5);
	want(stat("/victim", &st), 0);
	want(st.st_size, 8);
}

static void test_root(void **state)
{
	(void)state;
	if (geteuid())
		skip();
	in_child(NULL, change_root);
	in_child(NULL, reopen_import);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_import_limit),
		cmocka_unit_test(test_limit),
		cmocka_unit_test(test_first_thread),
		cmocka_unit_test(test_own_descriptors),
		cmocka_unit_test(test_many_threads),
		cmocka_unit_test(test_same_number),
		cmocka_unit_test(test_root),
	};

	return cmocka_run_group_tests(tests, NULL, NULL) ? 1 : 0;
}
