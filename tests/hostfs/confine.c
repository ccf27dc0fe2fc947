/* SPDX-License-Identifier: MIT */
/*
 * Nothing leads out of a hostfs: HOSTFS_SECONDS (default 20) of threads that
 * walk and change through libvfs, while another process exchanges directories
 * for symlinks to a marked tree outside, chains them, moves directories about,
 * mounts the outside and procfs over what is inside, and puts FIFOs, sockets
 * and devices in the place of files.
 *
 * The outside is on the same file system and belongs to somebody that nothing
 * inside belongs to; its bytes, names, targets and attributes hold a mark. It
 * was left alone when libvfs never says any of these, when inotify tells of
 * nothing (opening and reading included), and when at the end every time of
 * it, of access as well, is what it was (strictatime). A device or FIFO that
 * was opened is told of by inotify, too. The attacker looks at the same paths
 * without care, to show that there is a way out to be found.
 *
 * HOSTFS_OLD_HOST: without openat2 and what else is recent.
 *
 * In a mount namespace of its own: needs root; skipped (77) otherwise.
 */
#include "hostfs/confine.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <vfs/hostfs.h>
#include <vfs/sys/backend.h>
#include <vfs/vfs.h>

#include "support/alloc.h"

#ifndef RENAME_EXCHANGE
#define RENAME_EXCHANGE 2
#endif

#define MOUNTS 4
#define WORKERS 4
#define STUCK_SECONDS 60

static const char *const options[MOUNTS] = {
	"cache=revalidate,owner=host,maxfds=16",
	"cache=exclusive,owner=host,maxfds=16",
	"cache=revalidate,owner=xattr,maxfds=16",
	"cache=exclusive,owner=xattr",
};

struct worker {
	pthread_t thread;
	unsigned number;
	struct vfs_task *task;
	uint64_t random;
	uint64_t done, good, stale, crossed; /* done: atomic */
	char what[96];
};

static struct {
	struct test_alloc alloc;
	struct vfs *vfs;
	struct worker workers[WORKERS];
} t;

/* ---- through libvfs ---- */

static void count(struct worker *w, int64_t result)
{
	w->good += result >= 0;
	w->stale += result == -ESTALE;
	w->crossed += result == -EXDEV;
}

static void check_stat(struct worker *w, const struct vfs_stat *st)
{
	if (st->uid == OWNER || st->gid == OWNER || st->size == LENGTH)
		problem("stat'ed the outside", w->what);
}

static void check_bytes(struct worker *w, const void *data, int64_t n)
{
	if (n > 0 && memmem(data, (size_t)n, MARK, strlen(MARK)))
		problem("read the outside", w->what);
}

static void make_path(struct worker *w, char path[256])
{
	static const char *const parts[] = {
		"d0",  "d1",  "d2",   "d3",	"e",	   "f",	   "s0",  "s1",
		"s",   "c0",  "..",   "secret", "secret2", "link", "dir", "in",
		"out", "lot", "self", "root",	"g",	   "h"};
	unsigned n = 1 + pick(&w->random, 4);
	size_t at = 0;

	/* from the root, or from where the worker is */
	if (pick(&w->random, 4))
		at = (size_t)snprintf(path, 256, "/m%u",
				      pick(&w->random, MOUNTS));
	else
		at = (size_t)snprintf(path, 256, ".");
	while (n--)
		at += (size_t)snprintf(path + at, 256 - at, "/%s",
				       any(&w->random, parts, COUNT(parts)));
}

static void list(struct worker *w, int fd)
{
	char records[2048];
	int64_t n, at = 0;

	while ((n = vfs_getdents(w->task, fd, records, sizeof(records))) > 0 &&
	       at++ < 20)
		check_bytes(w, records, n);
	count(w, n);
}

static void use_file(struct worker *w, int fd)
{
	char text[512];
	struct vfs_stat st;

	if (!vfs_fstat(w->task, fd, &st))
		check_stat(w, &st);
	check_bytes(w, text, vfs_pread(w->task, fd, text, sizeof(text), 0));
	switch (pick(&w->random, 6)) {
	case 0:
		count(w, vfs_pwrite(w->task, fd, "written", 7, 0));
		break;
	case 1:
		count(w, vfs_ftruncate(w->task, fd, 100));
		break;
	case 2:
		list(w, fd);
		break;
	case 3:
		count(w, vfs_fchmod(w->task, fd, 0777));
		break;
	case 4:
		count(w, vfs_fchdir(w->task, fd));
		break;
	default:
		count(w, vfs_fallocate(w->task, fd, 0, 0, 100));
	}
}

static void open_one(struct worker *w, const char *path)
{
	static const int flags[] = {O_RDONLY,
				    O_RDWR,
				    O_WRONLY | O_TRUNC,
				    O_RDWR | O_CREAT,
				    O_RDWR | O_CREAT | O_EXCL,
				    O_RDONLY | O_DIRECTORY,
				    O_RDONLY | O_NOFOLLOW,
				    O_PATH,
				    O_PATH | O_NOFOLLOW,
				    O_TMPFILE | O_RDWR};
	int fd = vfs_open(w->task, path,
			  flags[pick(&w->random, COUNT(flags))] | O_NONBLOCK,
			  0666);

	count(w, fd);
	if (fd < 0)
		return;
	use_file(w, fd);
	if (!pick(&w->random, 4)) {
		int at =
			vfs_openat(w->task, fd, pick(&w->random, 2) ? "f" : "e",
				   O_RDWR | O_CREAT | O_NONBLOCK, 0666);

		if (at >= 0) {
			use_file(w, at);
			vfs_close(w->task, at);
		}
	}
	vfs_close(w->task, fd);
}

static void look_at(struct worker *w, const char *path)
{
	char text[512];
	struct vfs_stat st;
	int64_t n;

	if (!vfs_lstat(w->task, path, &st))
		check_stat(w, &st);
	if (!vfs_stat(w->task, path, &st))
		check_stat(w, &st);
	n = vfs_readlink(w->task, path, text, sizeof(text));
	check_bytes(w, text, n);
	n = vfs_getxattr(w->task, path, "user.mark", text, sizeof(text));
	check_bytes(w, text, n);
	n = vfs_llistxattr(w->task, path, text, sizeof(text));
	if (n > 0 && memmem(text, (size_t)n, "user.mark", 9))
		problem("listed the outside's attributes", w->what);
	count(w, n);
}

static void change_names(struct worker *w, const char *path, const char *other)
{
	switch (pick(&w->random, 8)) {
	case 0:
		count(w, vfs_mkdir(w->task, path, 0777));
		break;
	case 1:
		count(w, vfs_symlink(w->task, other, path));
		break;
	case 2:
		count(w, vfs_mknod(w->task, path, S_IFIFO | 0666, 0));
		break;
	case 3:
		count(w, vfs_rename(w->task, path, other));
		break;
	case 4:
		count(w, vfs_renameat2(w->task, AT_FDCWD, path, AT_FDCWD, other,
				       RENAME_EXCHANGE));
		break;
	case 5:
		count(w, vfs_link(w->task, path, other));
		break;
	case 6:
		count(w, vfs_unlink(w->task, path));
		break;
	default:
		if (!pick(&w->random, 4))
			count(w, vfs_rmdir(w->task, path));
	}
}

static void change_attributes(struct worker *w, const char *path)
{
	uint32_t id = pick(&w->random, 3) * 1000;

	switch (pick(&w->random, 6)) {
	case 0:
		count(w, vfs_chmod(w->task, path, 0777));
		break;
	case 1:
		count(w, vfs_lchown(w->task, path, id, id));
		break;
	case 2:
		count(w, vfs_setxattr(w->task, path, "user.x", "x", 1, 0));
		break;
	case 3:
		count(w, vfs_truncate(w->task, path, id));
		break;
	case 4:
		count(w, vfs_utimensat(w->task, AT_FDCWD, path, NULL, 0));
		break;
	default:
		count(w, vfs_removexattr(w->task, path, "user.x"));
	}
}

static void *work(void *context)
{
	struct worker *w = context;
	char path[256], other[256];

	while (!stopped()) {
		make_path(w, path);
		make_path(w, other);
		snprintf(w->what, sizeof(w->what), "%.45s, %.45s", path, other);
		switch (pick(&w->random, 6)) {
		case 0:
		case 1:
			open_one(w, path);
			break;
		case 2:
		case 3:
			look_at(w, path);
			break;
		case 4:
			change_names(w, path, other);
			break;
		default:
			change_attributes(w, path);
		}
		if (!pick(&w->random, 32))
			vfs_chdir(w->task, pick(&w->random, 4) ? path : "/");
		__atomic_add_fetch(&w->done, 1, __ATOMIC_RELAXED);
	}
	return NULL;
}

/* ---- life ---- */

static void make_namespace(void)
{
	must(unshare(CLONE_NEWNS), "unshare");
	must(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), "private");
	must(hostdir_make(confine.base), "directory");
	must(mount("none", confine.base, "tmpfs", MS_STRICTATIME, "mode=755"),
	     "tmpfs");
	confine.basefd = open(confine.base, O_PATH | O_DIRECTORY | O_CLOEXEC);
	must(confine.basefd, confine.base);
}

static void check_ok(int64_t result, const char *what)
{
	if (result >= 0)
		return;
	fprintf(stderr, "%s: %s\n", what, vfs_errno_name((int)result));
	exit(1);
}

/* From now on the host is as one before Linux 5.6, but that it tells which
 * mount a file is on. */
static void grow_old(void)
{
	struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
			 offsetof(struct seccomp_data, nr)),
		/* openat2, fchmodat2, setxattrat and its like */
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 437, 3, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 452, 2, 0),
		BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, 466, 2, 0),
		BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, 463, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = {COUNT(filter), filter};

	must(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "no_new_privs");
	must(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program), "seccomp");
	if (syscall(437, -1, "", NULL, 0) != -1 || errno != ENOSYS)
		die("the filter");
}

static void open_instance(struct vfs_task **task)
{
	struct vfs_config config = {.size = sizeof(config),
				    .allocator = &t.alloc.hooks,
				    .max_cached_names = 100};
	char source[256], target[8];

	test_alloc_init(&t.alloc);
	check_ok(vfs_create(&config, &t.vfs), "vfs_create");
	check_ok(vfs_task_create(t.vfs, NULL, task), "task");
	vfs_umask(*task, 0);
	host_path(source, "in");
	for (int i = 0; i < MOUNTS; i++) {
		snprintf(target, sizeof(target), "/m%d", i);
		check_ok(vfs_mkdir(*task, target, 0755), target);
		check_ok(vfs_mount_type(*task, &vfs_hostfs_type, source, target,
					0, options[i]),
			 options[i]);
	}
}

static void start_workers(struct vfs_task *task)
{
	for (unsigned i = 0; i < WORKERS; i++) {
		struct worker *w = &t.workers[i];

		w->number = i;
		w->random = 1000 + i;
		check_ok(vfs_task_clone(task, 0, &w->task), "clone");
		if (pthread_create(&w->thread, NULL, work, w))
			die("thread");
	}
}

/* Nobody blocks: each worker gets on. */
static void supervise(unsigned seconds)
{
	uint64_t seen[WORKERS] = {0}, now;
	unsigned idle[WORKERS] = {0};

	while (seconds--) {
		sleep(1);
		check_events();
		for (unsigned i = 0; i < WORKERS; i++) {
			now = __atomic_load_n(&t.workers[i].done,
					      __ATOMIC_RELAXED);
			idle[i] = now == seen[i] ? idle[i] + 1 : 0;
			seen[i] = now;
			if (idle[i] == STUCK_SECONDS) {
				problem("stuck", t.workers[i].what);
				_exit(1);
			}
		}
	}
}

static void stop_workers(void)
{
	uint64_t done = 0, good = 0, stale = 0, crossed = 0;

	for (unsigned i = 0; i < WORKERS; i++) {
		struct worker *w = &t.workers[i];

		pthread_join(w->thread, NULL);
		vfs_task_unref(w->task);
		done += w->done;
		good += w->good;
		stale += w->stale;
		crossed += w->crossed;
	}
	printf("%llu operations, %llu calls succeeded, %llu ESTALE, "
	       "%llu EXDEV\n",
	       (unsigned long long)done, (unsigned long long)good,
	       (unsigned long long)stale, (unsigned long long)crossed);
	if (good < done / 100)
		problem("the test", "hardly anything succeeded");
}

static void clean_up(pid_t attacker)
{
	int status;

	waitpid(attacker, &status, 0);
	if (status)
		problem("the attacker", "failed");
	/* what is mounted further down goes with it */
	umount2(confine.base, MNT_DETACH);
	rmdir(confine.base);
}

static unsigned seconds_wanted(void)
{
	const char *text = getenv("HOSTFS_SECONDS");

	return text && *text ? (unsigned)strtoul(text, NULL, 10) : 20;
}

int main(void)
{
	unsigned seconds = seconds_wanted();
	struct vfs_task *task;
	pid_t attacker;
	int fds;

	if (geteuid()) {
		puts("not root: skipped");
		return 77;
	}
	umask(0);
	make_namespace();
	confine.shared =
		mmap(NULL, sizeof(*confine.shared), PROT_READ | PROT_WRITE,
		     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (confine.shared == MAP_FAILED)
		die("mmap");
	make_outside();
	make_inside();
	look_before();
	attacker = start_attacker();
	watch();
	if (getenv("HOSTFS_OLD_HOST"))
		grow_old();
	fds = hostdir_count_fds();
	open_instance(&task);
	start_workers(task);
	supervise(seconds);
	__atomic_store_n(&confine.shared->stop, 1, __ATOMIC_RELAXED);
	stop_workers();
	vfs_task_unref(task);
	vfs_unref(t.vfs);
	if (!test_alloc_balanced(&t.alloc))
		problem("memory", "is left");
	if (hostdir_count_fds() != fds)
		problem("descriptors", "are left");
	check_events();
	check_after();
	clean_up(attacker);
	printf("%llu attacks, %llu careless looks went outside, %llu "
	       "problems in %u seconds\n",
	       (unsigned long long)confine.shared->attacks,
	       (unsigned long long)confine.shared->escapes,
	       (unsigned long long)confine.shared->problems, seconds);
	if (!confine.shared->escapes)
		problem("the attacker", "found no way out himself");
	return confine.shared->problems != 0;
}
