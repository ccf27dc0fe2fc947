/* SPDX-License-Identifier: MIT */
/*
 * A host that does not answer one call: whoever waits for it waits, and nobody
 * else but for the file, or for the directory that it changes.
 */
#include "hostfs/host_world.h"

#include <poll.h>
#include <sys/fanotify.h>
#include <sys/mman.h>

#include <vfs/import.h>
#include <vfs/mmap.h>

#include "hostfs/fuse_server.h"

/* The call that this thread gets stuck in, NULL: none. */
static __thread const char *stuck_in;
static pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;
static int stuck; /* atomic */

static void get_stuck(struct host_world *w, const char *call)
{
	(void)w;
	if (!stuck_in || strcmp(stuck_in, call))
		return;
	stuck_in = NULL;
	__atomic_store_n(&stuck, 1, __ATOMIC_SEQ_CST);
	pthread_mutex_lock(&gate);
	pthread_mutex_unlock(&gate);
}

/* A thread with something to do. */
struct job {
	const char *name;
	int (*body)(struct vfs_task *task, const char *dir);
	const char *stuck_in;
	struct vfs_task *task;
	const char *dir;
	int result;
	int done; /* atomic */
	pthread_t thread;
};

static void *run(void *context)
{
	struct job *job = context;

	stuck_in = job->stuck_in;
	job->result = job->body(job->task, job->dir);
	stuck_in = NULL;
	__atomic_store_n(&job->done, 1, __ATOMIC_SEQ_CST);
	return NULL;
}

static void start(struct job *job, struct vfs_task *task, const char *dir)
{
	job->task = task;
	job->dir = dir;
	job->done = 0;
	assert_int_equal(pthread_create(&job->thread, NULL, run, job), 0);
}

static bool comes(int *flag)
{
	for (int i = 0; i < 5000; i++) {
		if (__atomic_load_n(flag, __ATOMIC_SEQ_CST))
			return true;
		usleep(1000);
	}
	return false;
}

static int open_file(struct vfs_task *task, const char *dir, const char *name,
		     int flags)
{
	char path[64];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	return vfs_open(task, path, flags, 0666);
}

static int read_file(struct vfs_task *task, const char *dir)
{
	int fd = open_file(task, dir, "file", O_RDONLY);
	char text[8];
	int64_t n = vfs_pread(task, fd, text, sizeof(text), 0);

	vfs_close(task, fd);
	return n == 5 ? 0 : (int)n;
}

static int write_file(struct vfs_task *task, const char *dir)
{
	int fd = open_file(task, dir, "file", O_WRONLY);
	int64_t n = vfs_pwrite(task, fd, "x", 1, 0);

	vfs_close(task, fd);
	return n == 1 ? 0 : (int)n;
}

static int stat_file(struct vfs_task *task, const char *dir)
{
	struct vfs_stat st;
	char path[64];

	snprintf(path, sizeof(path), "%s/file", dir);
	return vfs_stat(task, path, &st);
}

static int make_file(struct vfs_task *task, const char *dir)
{
	int fd = open_file(task, dir, "made", O_RDWR | O_CREAT | O_EXCL);

	vfs_close(task, fd);
	return fd < 0 ? fd : 0;
}

static int move_file(struct vfs_task *task, const char *dir)
{
	char from[64], to[64];

	snprintf(from, sizeof(from), "%s/other", dir);
	snprintf(to, sizeof(to), "%s/moved", dir);
	return vfs_rename(task, from, to);
}

static int list_files(struct vfs_task *task, const char *dir)
{
	_Alignas(8) char records[1024];
	int fd = open_file(task, dir, ".", O_RDONLY | O_DIRECTORY);
	int64_t n = vfs_getdents(task, fd, records, sizeof(records));

	vfs_close(task, fd);
	return n > 0 ? 0 : (int)n;
}

static void fill(struct host_world *w, const char *dir)
{
	char path[64];

	host_mkdir(w, dir);
	check_ok(fchmodat(w->dirfd, dir, 0777, 0));
	snprintf(path, sizeof(path), "%s/file", dir);
	host_put(w, path, "bytes");
	check_ok(fchmodat(w->dirfd, path, 0666, 0));
	snprintf(path, sizeof(path), "%s/other", dir);
	host_put(w, path, "bytes");
}

/* All the others while slow is stuck. */
static void check_others(struct host_world *w, const char *how)
{
	struct job others[] = {
		{.name = "read", .body = read_file},
		{.name = "write", .body = write_file},
		{.name = "stat", .body = stat_file},
		{.name = "create", .body = make_file},
		{.name = "rename", .body = move_file},
		{.name = "list", .body = list_files},
	};
	size_t count = sizeof(others) / sizeof(others[0]);
	bool good = true;

	for (size_t i = 0; i < count; i++) {
		start(&others[i], i % 2 ? w->task : w->user, "/h/fast");
		if (comes(&others[i].done))
			continue;
		print_error("%s waits for %s\n", others[i].name, how);
		good = false;
	}
	pthread_mutex_unlock(&gate);
	for (size_t i = 0; i < count; i++) {
		pthread_join(others[i].thread, NULL);
		check_ok(others[i].result);
	}
	assert_true(good);
}

static void test_slow(void **state)
{
	static const char *const options[] = {"cache=revalidate",
					      "cache=exclusive"};
	static const struct job rows[] = {
		{.body = read_file, .stuck_in = "getxattr"},
		{.body = read_file, .stuck_in = "statx"},
		{.body = read_file, .stuck_in = "openat"},
		{.body = read_file, .stuck_in = "pread"},
		{.body = write_file, .stuck_in = "pwrite"},
		{.body = make_file, .stuck_in = "openat2"},
		{.body = move_file, .stuck_in = "renameat2"},
		{.body = list_files, .stuck_in = "getdents64"},
	};
	struct host_world w;
	struct job slow;

	(void)state;
	for (size_t i = 0; i < 2 * sizeof(rows) / sizeof(rows[0]); i++) {
		slow = rows[i / 2];
		check_ok(host_open(&w, NULL));
		fill(&w, "slow");
		fill(&w, "fast");
		check_ok(host_mount(&w, "/h", options[i % 2]));
		w.before = get_stuck;
		pthread_mutex_lock(&gate);
		stuck = 0;
		start(&slow, w.user, "/h/slow");
		/* without ACLs nobody asks for one */
		assert_true(comes(&stuck) || comes(&slow.done));
		check_others(&w, slow.stuck_in);
		pthread_join(slow.thread, NULL);
		check_ok(slow.result);
		w.before = NULL;
		assert_true(host_close(&w));
	}
}

/* A name that is being made in the directory above all: others have names. */
static void test_slow_above(void **state)
{
	static const char *const options[] = {"cache=revalidate",
					      "cache=exclusive"};
	struct job slow = {.body = make_file, .stuck_in = "openat2"};
	struct host_world w;

	(void)state;
	for (int i = 0; i < 2; i++) {
		check_ok(host_open(&w, NULL));
		check_ok(fchmod(w.dirfd, 0777));
		fill(&w, "fast");
		check_ok(host_mount(&w, "/h", options[i]));
		check_ok(stat_file(w.task, "/h/fast"));
		w.before = get_stuck;
		pthread_mutex_lock(&gate);
		stuck = 0;
		start(&slow, w.user, "/h");
		assert_true(comes(&stuck));
		check_others(&w, "a name above");
		pthread_join(slow.thread, NULL);
		check_ok(slow.result);
		w.before = NULL;
		assert_true(host_close(&w));
	}
}

/* ---- mappings: a file that the host opens again ---- */

static int map(struct vfs_task *task, int fd)
{
	void *at;
	int err = vfs_mmap(task, NULL, 4096, PROT_READ, MAP_SHARED, fd, 0, &at);

	return err ? err : vfs_munmap(task, at, 4096);
}

static int map_slow(struct vfs_task *task, const char *dir)
{
	(void)dir;
	return map(task, 0);
}

static int map_other(struct vfs_task *task, const char *dir)
{
	int fd = open_file(task, dir, "other", O_RDWR | O_CREAT);
	int err = map(task, fd);

	vfs_close(task, fd);
	return err;
}

/* The host asks somebody who does not answer, until he goes. */
static void test_slow_mapping(void **state)
{
	struct job slow = {.body = map_slow}, other = {.body = map_other};
	struct pollfd asked = {.events = POLLIN};
	struct host_world w;

	(void)state;
	check_ok(host_open(&w, NULL));
	host_put(&w, "f", "bytes");
	check_eq(vfs_import_fd(w.task, openat(w.dirfd, "f", O_RDWR),
			       VFS_IMPORT_RDONLY),
		 0);
	asked.fd = fanotify_init(FAN_CLASS_CONTENT | FAN_CLOEXEC, O_RDONLY);
	if (asked.fd < 0 || fanotify_mark(asked.fd, FAN_MARK_ADD, FAN_OPEN_PERM,
					  w.dirfd, "f")) {
		close(asked.fd);
		assert_true(host_close(&w));
		skip();
	}
	start(&slow, w.task, "");
	check_eq(poll(&asked, 1, 5000), 1);
	start(&other, w.task, "/");
	check_eq(comes(&other.done), true);
	close(asked.fd);
	pthread_join(slow.thread, NULL);
	pthread_join(other.thread, NULL);
	check_ok(slow.result);
	check_ok(other.result);
	assert_true(host_close(&w));
}

static int map_whole(struct vfs_task *task, const char *dir)
{
	int fd = open_file(task, dir, "file", O_RDWR), err;
	void *at;

	err = vfs_mmap(task, NULL, 4096, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_POPULATE, fd, 0, &at);
	vfs_close(task, fd);
	return err ? err : vfs_munmap(task, at, 4096);
}

/* The pages that are wanted at once are not there. */
static void test_slow_pages(void **state)
{
	struct job slow = {.body = map_whole}, other = {.body = map_other};
	struct fuse_server server;
	struct host_world w;
	bool waits;

	(void)state;
	check_ok(host_open(&w, NULL));
	if (!fuse_server_start(&server, w.dir)) {
		assert_true(host_close(&w));
		skip();
	}
	check_ok(vfs_mount_type(w.task, &vfs_hostfs_type, w.dir, "/h", 0, ""));
	pthread_mutex_lock(&server.gate);
	start(&slow, w.task, "/h");
	waits = comes(&server.waiting);
	start(&other, w.task, "/");
	waits = waits && comes(&other.done);
	pthread_mutex_unlock(&server.gate);
	pthread_join(slow.thread, NULL);
	pthread_join(other.thread, NULL);
	assert_true(waits);
	check_ok(slow.result);
	check_ok(other.result);
	check_ok(vfs_umount2(w.task, "/h", 0));
	fuse_server_stop(&server);
	assert_true(host_close(&w));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_slow),
		cmocka_unit_test(test_slow_above),
		cmocka_unit_test(test_slow_mapping),
		cmocka_unit_test(test_slow_pages),
	};

	host_own_mounts();
	return cmocka_run_group_tests(tests, NULL, NULL) ? 1 : 0;
}
