/* SPDX-License-Identifier: MIT */
/*
 * Everything at once on few names: threads that come and go, some with a task
 * of their own and some with one that all share. Which call wins is not
 * looked at, only that nothing breaks, no error comes that has no business
 * there, and that everything can be cleaned up afterwards.
 */
#include <sched.h>

#include "backend/plainfs.h"
#include "stress/stress.h"

#ifndef CLOSE_RANGE_UNSHARE
#define CLOSE_RANGE_UNSHARE 2u
#define CLOSE_RANGE_CLOEXEC 4u
#endif

#define FDS 24
#define HELPERS 3 /* threads of a body at a time: more than the shards */
#define LIFE 150  /* calls in a helper's life */

#define LONG "-a-name-that-does-not-fit-into-a-dentry"

static const char *const dirs[] = {"", "/d", "/d/e", ("/f" LONG)};
static const char *const names[] = {
	"a",	    "bb",      "ccccccc", "eightchr", "nineteen-characters",
	("g" LONG), ("h" LONG)};

#define COUNT(array) ((uint32_t)(sizeof(array) / sizeof((array)[0])))

/* Shared by the helpers: the calls' errors that say that something is broken,
 * whatever the others were doing. */
static void check(struct stress_thread *t, int64_t result, const char *what)
{
	static const int never[] = {EFAULT, EIO,     ENOMEM,	  ENOSYS,
				    ECHILD, EDEADLK, ENAMETOOLONG};

	for (uint32_t i = 0; i < COUNT(never); i++)
		if (result == -never[i])
			stress_problem(t->stress, what, __FILE__, __LINE__,
				       result);
}

#define CHECK(t, call) check(t, (int64_t)(call), #call)

static const char *random_name(struct stress_thread *t)
{
	return names[stress_random(t, COUNT(names))];
}

static void random_path(struct stress_thread *t, char path[256])
{
	static const char *const prefixes[] = {"", "", "/d/e/../..", "/d/."};
	uint32_t dir = stress_random(t, COUNT(dirs));

	switch (stress_random(t, 8)) {
	case 0: /* from wherever the task is */
		snprintf(path, 256, "%s", random_name(t));
		break;
	case 1: /* a directory itself */
		snprintf(path, 256, "%s", dir ? dirs[dir] : "/");
		break;
	case 2:
		snprintf(path, 256, "../%s", random_name(t));
		break;
	default:
		snprintf(path, 256, "%s%s/%s",
			 dir ? "" : prefixes[stress_random(t, 4)], dirs[dir],
			 random_name(t));
	}
}

static int random_fd(struct stress_thread *t)
{
	return (int)stress_random(t, FDS);
}

/* -- calls by kind -- */

static void open_something(struct stress_thread *t, struct vfs_task *task)
{
	static const int flags[] = {O_RDWR | O_CREAT,
				    O_RDWR | O_CREAT | O_EXCL,
				    O_RDWR | O_CREAT | O_TRUNC,
				    O_RDONLY | O_CLOEXEC,
				    O_WRONLY | O_APPEND | O_CREAT,
				    O_RDONLY | O_DIRECTORY,
				    O_PATH};
	char path[256];
	int fd;

	random_path(t, path);
	fd = vfs_open(task, path,
		      flags[stress_random(t, COUNT(flags))] | O_NONBLOCK, 0666);
	check(t, fd, "open");
	if (fd >= FDS)
		CHECK(t, vfs_close(task, fd));
}

static void use_descriptor(struct stress_thread *t, struct vfs_task *task)
{
	char buffer[5000] = "";
	struct vfs_stat st;
	size_t size = 1 + stress_random(t, sizeof(buffer));
	int64_t at = stress_random(t, 9000);
	int fd = random_fd(t);

	switch (stress_random(t, 10)) {
	case 0:
		CHECK(t, vfs_read(task, fd, buffer, size));
		break;
	case 1:
		CHECK(t, vfs_write(task, fd, buffer, size));
		break;
	case 2:
	case 3:
		CHECK(t, vfs_pread(task, fd, buffer, size, at));
		break;
	case 4:
		CHECK(t, vfs_pwrite(task, fd, buffer, size, at));
		break;
	case 5:
		CHECK(t, vfs_lseek(task, fd, at, SEEK_SET));
		break;
	case 6:
		CHECK(t, vfs_ftruncate(task, fd, at));
		break;
	case 7:
		CHECK(t, vfs_getdents(task, fd, buffer, sizeof(buffer)));
		break;
	case 8:
		CHECK(t, vfs_fchdir(task, fd));
		break;
	default:
		CHECK(t, vfs_fstat(task, fd, &st));
	}
}

static void juggle(struct stress_thread *t, struct vfs_task *task)
{
	uint32_t first = stress_random(t, FDS), flags = 0;
	int fds[2];

	switch (stress_random(t, 8)) {
	case 0:
		CHECK(t, vfs_dup2(task, random_fd(t), random_fd(t)));
		break;
	case 1:
		CHECK(t, vfs_dup3(task, random_fd(t), FDS + 80, O_CLOEXEC));
		CHECK(t, vfs_close(task, FDS + 80));
		break;
	case 2:
		if (!stress_random(t, 4))
			flags |= CLOSE_RANGE_UNSHARE;
		if (!stress_random(t, 4))
			flags |= CLOSE_RANGE_CLOEXEC;
		CHECK(t, vfs_close_range(task, first, first + 3, flags));
		break;
	case 3:
		if (vfs_pipe2(task, fds, O_NONBLOCK) == 0) {
			CHECK(t, vfs_write(task, fds[1], "pipe", 4));
			CHECK(t, vfs_close(task, fds[0]));
			CHECK(t, vfs_close(task, fds[1]));
		}
		break;
	default:
		CHECK(t, vfs_close(task, (int)first));
	}
}

static void change_names(struct stress_thread *t, struct vfs_task *task)
{
	static const uint32_t flags[] = {0, 0, RENAME_NOREPLACE,
					 RENAME_EXCHANGE};
	char a[256], b[256];

	random_path(t, a);
	random_path(t, b);
	switch (stress_random(t, 10)) {
	case 0:
		CHECK(t, vfs_unlink(task, a));
		break;
	case 1:
		CHECK(t, vfs_mkdir(task, a, 0777));
		break;
	case 2:
		CHECK(t, vfs_rmdir(task, a));
		break;
	case 3:
		CHECK(t, vfs_link(task, a, b));
		break;
	case 4:
		CHECK(t, vfs_symlink(task, b, a));
		break;
	case 5:
		CHECK(t, vfs_mknod(task, a, S_IFREG | 0666, 0));
		break;
	default:
		CHECK(t, vfs_renameat2(task, AT_FDCWD, a, AT_FDCWD, b,
				       flags[stress_random(t, COUNT(flags))]));
	}
}

static void look(struct stress_thread *t, struct vfs_task *task)
{
	char path[256], text[4096];
	struct vfs_stat st;

	random_path(t, path);
	switch (stress_random(t, 8)) {
	case 0:
		CHECK(t, vfs_readlink(task, path, text, sizeof(text)));
		break;
	case 1:
		CHECK(t, vfs_realpath(task, path, text, sizeof(text)));
		break;
	case 2:
		CHECK(t, vfs_getcwd(task, text, sizeof(text)));
		break;
	case 3:
		CHECK(t, vfs_access(task, path, R_OK | W_OK));
		break;
	case 4:
		CHECK(t, vfs_lstat(task, path, &st));
		break;
	default:
		CHECK(t, vfs_stat(task, path, &st));
	}
}

static void change_task(struct stress_thread *t, struct vfs_task *task)
{
	struct vfs_cred_spec spec = {.size = sizeof(spec),
				     .cap_effective = VFS_CAP_ALL,
				     .cap_permitted = VFS_CAP_ALL};
	struct vfs_cred *cred;
	struct vfs_task *copy;
	char path[256];

	random_path(t, path);
	switch (stress_random(t, 6)) {
	case 0:
		spec.uid = spec.fsuid = stress_random(t, 3);
		if (vfs_cred_create(t->stress->vfs, &spec, &cred) == 0) {
			CHECK(t, vfs_task_set_cred(task, cred));
			vfs_cred_unref(cred);
		}
		break;
	case 1:
		if (vfs_task_clone(task,
				   stress_random(t, 2) * VFS_CLONE_FILES |
					   stress_random(t, 2) * VFS_CLONE_FS,
				   &copy) == 0) {
			open_something(t, copy);
			CHECK(t, vfs_chdir(copy, path));
			CHECK(t, vfs_close_range(copy, 0, 2,
						 stress_random(t, 2) *
							 CLOSE_RANGE_UNSHARE));
			vfs_task_unref(copy);
		}
		break;
	case 2:
		CHECK(t, vfs_truncate(task, path, stress_random(t, 9000)));
		break;
	case 3:
		CHECK(t, vfs_chmod(task, path, 0700 + stress_random(t, 64)));
		break;
	default:
		CHECK(t, vfs_chdir(task, path));
	}
}

/* -- threads that live for a while -- */

static void *live(void *argument)
{
	struct stress_thread *t = argument;

	for (int i = 0; i < LIFE && stress_goes_on(t); i++) {
		struct vfs_task *task =
			stress_random(t, 2) ? t->task : t->stress->task;

		switch (stress_random(t, 6)) {
		case 0:
			open_something(t, task);
			break;
		case 1:
			use_descriptor(t, task);
			break;
		case 2:
			juggle(t, task);
			break;
		case 3:
			change_names(t, task);
			break;
		case 4:
			look(t, task);
			break;
		default:
			change_task(t, task);
		}
	}
	return NULL;
}

static void body(struct stress_thread *t)
{
	struct stress_thread helpers[HELPERS];
	pthread_t threads[HELPERS];

	while (stress_goes_on(t)) {
		for (int i = 0; i < HELPERS; i++) {
			helpers[i] = *t;
			helpers[i].random += stress_random(t, 1000000);
			if (pthread_create(&threads[i], NULL, live,
					   &helpers[i]))
				abort();
		}
		for (int i = 0; i < HELPERS; i++)
			pthread_join(threads[i], NULL);
	}
}

/* -- beginning and end -- */

static void prepare(struct stress *s)
{
	for (uint32_t i = 1; i < COUNT(dirs); i++)
		STRESS(s, vfs_mkdir(s->task, dirs[i], 0777) == 0);
}

/* Removes what is in the directory that the task is in, level by level. */
static void empty(struct stress *s)
{
	char all[COUNT(names) + COUNT(dirs)][64];
	uint32_t count = 0;

	for (uint32_t i = 0; i < COUNT(names); i++)
		snprintf(all[count++], 64, "%s", names[i]);
	snprintf(all[count++], 64, "d");
	snprintf(all[count++], 64, "e");
	snprintf(all[count++], 64, "f" LONG);
	for (uint32_t i = 0; i < count; i++) {
		if (STRESS_CALL(s, vfs_unlink(s->task, all[i]), ENOENT,
				EISDIR) != -EISDIR)
			continue;
		STRESS(s, vfs_chdir(s->task, all[i]) == 0);
		empty(s);
		STRESS(s, vfs_chdir(s->task, "..") == 0);
		STRESS(s, vfs_rmdir(s->task, all[i]) == 0);
	}
}

static void finish(struct stress *s)
{
	struct vfs_task *root;
	struct vfs_statfs fs;

	/* a task that nothing has happened to */
	STRESS(s, vfs_task_create(s->vfs, NULL, &root) == 0);
	vfs_task_unref(s->task);
	s->task = root;
	empty(s);
	STRESS(s, stress_list(s, s->task, "/") == 2); /* . and .. */
	STRESS(s, vfs_statfs(s->task, "/", &fs) == 0);
	/* nothing holds an inode any more but the root */
	if (fs.type == 0x01021994) {
		STRESS(s, fs.files - fs.ffree == 1);
		STRESS(s, fs.bfree == fs.blocks);
	}
	STRESS(s, __atomic_load_n(&plainfs_counts.open_files,
				  __ATOMIC_RELAXED) == 0);
}

/* -- names that move inside their directories, each thread in its own -- */

static void prepare_own(struct stress *s)
{
	char path[64];

	for (int i = 0; i < STRESS_THREADS; i++) {
		snprintf(path, sizeof(path), "/own%d", i);
		STRESS(s, vfs_mkdir(s->task, path, 0777) == 0);
		snprintf(path, sizeof(path), "/own%d/0", i);
		STRESS(s, vfs_mknod(s->task, path, S_IFREG | 0666, 0) == 0);
	}
}

/* Nobody else comes here: every rename works, and is seen. */
static void rename_own(struct stress_thread *t)
{
	char from[64], to[64];
	struct vfs_stat st;
	unsigned n = 0;

	while (stress_goes_on(t)) {
		snprintf(from, sizeof(from), "/own%u/%u", t->number, n % 7);
		snprintf(to, sizeof(to), "/own%u/%u", t->number, ++n % 7);
		STRESS_CALL(t->stress, vfs_rename(t->task, from, to), 0);
		STRESS_CALL(t->stress, vfs_stat(t->task, to, &st), 0);
		STRESS(t->stress, vfs_stat(t->task, from, &st) == -ENOENT);
	}
}

/* -- locks of directories, in every order that there is -- */

/* What is made later lies below the two siblings, if anything can be said about
 * that: who locks by address then begins with the child. */
static void prepare_locks(struct stress *s)
{
	char path[64];

	for (int i = 0; i < 300; i++) {
		snprintf(path, sizeof(path), "/hole%d", i);
		STRESS(s, vfs_mkdir(s->task, path, 0777) == 0);
	}
	STRESS(s, vfs_mkdir(s->task, "/p", 0777) == 0);
	STRESS(s, vfs_mkdir(s->task, "/p/x", 0777) == 0);
	STRESS(s, vfs_mkdir(s->task, "/p/y", 0777) == 0);
	for (int i = 0; i < 300; i++) {
		snprintf(path, sizeof(path), "/hole%d", i);
		STRESS(s, vfs_rmdir(s->task, path) == 0);
	}
}

/* Two directories of one directory change places. */
static void exchange_siblings(struct stress_thread *t)
{
	while (stress_goes_on(t))
		STRESS_CALL(t->stress,
			    vfs_renameat2(t->task, AT_FDCWD, "/p/x", AT_FDCWD,
					  "/p/y", RENAME_EXCHANGE),
			    0);
}

/* A directory and its child. */
static void remove_child(struct stress_thread *t)
{
	while (stress_goes_on(t)) {
		STRESS_CALL(t->stress, vfs_mkdir(t->task, "/p/y/w", 0777),
			    EEXIST);
		sched_yield();
		STRESS_CALL(t->stress, vfs_rmdir(t->task, "/p/y/w"), ENOENT,
			    ENOTEMPTY);
	}
}

/* Directories that have no relation but one far above. */
static void move_across(struct stress_thread *t)
{
	while (stress_goes_on(t)) {
		STRESS_CALL(t->stress, vfs_mkdir(t->task, "/p/x/f", 0777),
			    EEXIST, ENOENT);
		STRESS_CALL(t->stress,
			    vfs_rename(t->task, "/p/x/f", "/p/y/w/f"), ENOENT,
			    ENOTEMPTY);
		STRESS_CALL(t->stress,
			    vfs_rename(t->task, "/p/y/w/f", "/p/x/f"), ENOENT,
			    ENOTEMPTY);
	}
}

int main(void)
{
	static const struct vfs_filesystem_type *const types[] = {
		&plainfs_type};
	struct vfs_config config = {.size = sizeof(config)};
	stress_body *const bodies[] = {body};
	stress_body *const own[] = {rename_own};
	stress_body *const locks[] = {exchange_siblings, remove_child,
				      move_across, remove_child};
	int failed = 0;

	failed |= stress_run("rename-own", prepare_own, own, 1, NULL);
	failed |= stress_run("directory-locks", prepare_locks, locks, 4, NULL);
	failed |= stress_run("mix", prepare, bodies, 1, finish);
	config.flags = VFS_CONFIG_SLOW_WALK;
	failed |= stress_run_with(&config, "mix-slow", prepare, bodies, 1,
				  finish);
	config.flags = 0;
	config.types = types;
	config.type_count = 1;
	config.root_type = "plainfs";
	config.max_cached_names = 4;
	failed |= stress_run_with(&config, "mix-plainfs", prepare, bodies, 1,
				  finish);
	if (plainfs_counts.inodes) {
		fprintf(stderr, "%lld inodes of plainfs are left\n",
			(long long)plainfs_counts.inodes);
		failed = 1;
	}
	return failed;
}
