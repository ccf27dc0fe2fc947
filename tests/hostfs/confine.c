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
 * In a mount namespace of its own: needs root; skipped (77) otherwise.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <linux/openat2.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <time.h>
#include <unistd.h>

#include <vfs/hostfs.h>
#include <vfs/sys/backend.h>
#include <vfs/vfs.h>

#include "support/alloc.h"
#include "support/hostdir.h"

#ifndef RENAME_EXCHANGE
#define RENAME_EXCHANGE 2
#endif

#define MARK "OUTSIDE-MARK"
#define OWNER 54321u
#define LENGTH 31337
#define MOUNTS 4
#define WORKERS 4
#define ATTACKERS 2
#define STUCK_SECONDS 60

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const char *const options[MOUNTS] = {
	"cache=revalidate,owner=host,maxfds=16",
	"cache=exclusive,owner=host,maxfds=16",
	"cache=revalidate,owner=xattr,maxfds=16",
	"cache=exclusive,owner=xattr",
};

/* Everything that is outside. */
static const char *const outside[] = {
	"out",	     "out/secret", "out/dir", "out/dir/secret2", "out/link",
	"out/" MARK, "out/fifo",   "out/dev", "out/dir/" MARK,	 "out/dir/e",
	"out/dir/f", "out/f",	   "out/e",   "out/e/f",
};

/* What the attacker's process and ours share. */
struct shared {
	uint32_t stop;	  /* atomic, and the rest */
	uint64_t attacks; /* that succeeded */
	uint64_t escapes; /* of a careless look at the same paths */
	uint64_t problems;
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
	char base[HOSTDIR_PATH];
	int basefd;
	struct shared *shared;
	struct test_alloc alloc;
	struct vfs *vfs;
	struct worker workers[WORKERS];
	struct stat before[COUNT(outside)];
	int notify;
} t;

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static void problem(const char *what, const char *how)
{
	if (__atomic_add_fetch(&t.shared->problems, 1, __ATOMIC_RELAXED) < 20)
		fprintf(stderr, "%s: %s\n", what, how);
}

static uint32_t pick(uint64_t *random, uint32_t below)
{
	*random ^= *random << 13;
	*random ^= *random >> 7;
	*random ^= *random << 17;
	return (uint32_t)((*random >> 11) % below);
}

static bool stopped(void)
{
	return __atomic_load_n(&t.shared->stop, __ATOMIC_RELAXED);
}

/* ---- the host's tree ---- */

static void host_path(char path[256], const char *below)
{
	snprintf(path, 256, "%s/%s", t.base, below);
}

static void must(int result, const char *what)
{
	if (result < 0)
		die(what);
}

static void make_dir(const char *below)
{
	char path[256];

	host_path(path, below);
	if (mkdir(path, 0777) && errno != EEXIST)
		die(below);
}

static void make_file(const char *below, const char *text, off_t length)
{
	char path[256];
	int fd;

	host_path(path, below);
	fd = open(path, O_WRONLY | O_CREAT, 0666);
	must(fd, below);
	must((int)write(fd, text, strlen(text)), below);
	must(ftruncate(fd, length), below);
	close(fd);
}

static void mark(const char *below)
{
	char path[256];

	host_path(path, below);
	lsetxattr(path, "user.mark", MARK, strlen(MARK), 0);
	lsetxattr(path, "user.vfs.owner", "54321:54321:100666", 18, 0);
	must(lchown(path, OWNER, OWNER), below);
}

static void make_outside(void)
{
	char path[256];

	make_dir("out");
	make_dir("out/dir");
	make_dir("out/dir/e");
	make_dir("out/e");
	make_file("out/secret", MARK, LENGTH);
	make_file("out/f", MARK, LENGTH);
	make_file("out/e/f", MARK, LENGTH);
	make_file("out/dir/f", MARK, LENGTH);
	make_file("out/dir/secret2", MARK, LENGTH);
	make_file("out/dir/" MARK, MARK, LENGTH);
	make_file("out/" MARK, MARK, LENGTH);
	host_path(path, "out/link");
	must(symlink(MARK, path), path);
	host_path(path, "out/fifo");
	must(mkfifo(path, 0666), path);
	host_path(path, "out/dev");
	must(mknod(path, S_IFCHR | 0666, makedev(1, 5)), path);
	for (size_t i = 0; i < COUNT(outside); i++)
		mark(outside[i]);
	/* and what is to be put in files' places: not outside, but not to be
	 * opened; a directory beside it is moved in and out */
	make_dir("lot");
	host_path(path, "lot/fifo");
	must(mkfifo(path, 0666), path);
	host_path(path, "lot/dev");
	must(mknod(path, S_IFCHR | 0666, makedev(1, 5)), path);
	host_path(path, "lot/sock");
	must(mknod(path, S_IFSOCK | 0666, 0), path);
	make_file("lot/secret", MARK, LENGTH);
	mark("lot/secret");
}

static void look_before(void)
{
	char path[256];

	for (size_t i = 0; i < COUNT(outside); i++) {
		host_path(path, outside[i]);
		must(lstat(path, &t.before[i]), path);
	}
}

static void watch(void)
{
	static const char *const never_opened[] = {"lot/fifo", "lot/dev",
						   "lot/sock", "lot/secret"};
	const uint32_t opened =
		IN_OPEN | IN_ACCESS | IN_MODIFY | IN_CLOSE | IN_DONT_FOLLOW;
	char path[256];

	t.notify = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	must(t.notify, "inotify");
	for (size_t i = 0; i < COUNT(outside); i++) {
		host_path(path, outside[i]);
		must(inotify_add_watch(t.notify, path,
				       IN_ALL_EVENTS | IN_DONT_FOLLOW),
		     path);
	}
	for (size_t i = 0; i < COUNT(never_opened); i++) {
		host_path(path, never_opened[i]);
		must(inotify_add_watch(t.notify, path, opened), path);
	}
}

static void check_events(void)
{
	_Alignas(8) char buffer[4096];
	ssize_t n;
	char text[64];

	while ((n = read(t.notify, buffer, sizeof(buffer))) > 0) {
		for (ssize_t at = 0; at < n;) {
			const struct inotify_event *e =
				(const void *)(buffer + at);

			snprintf(text, sizeof(text), "watch %d, event %x",
				 e->wd, e->mask);
			problem("inotify", text);
			at += (ssize_t)(sizeof(*e) + e->len);
		}
	}
}

static bool same_time(struct timespec a, struct timespec b)
{
	return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

static void check_after(void)
{
	const struct stat *b = t.before;
	char path[256];
	struct stat st;

	for (size_t i = 0; i < COUNT(outside); i++, b++) {
		host_path(path, outside[i]);
		if (lstat(path, &st)) {
			problem(outside[i], "is gone");
			continue;
		}
		if (!same_time(st.st_atim, b->st_atim))
			problem(outside[i], "was read");
		if (!same_time(st.st_mtim, b->st_mtim) ||
		    !same_time(st.st_ctim, b->st_ctim) ||
		    st.st_size != b->st_size || st.st_mode != b->st_mode ||
		    st.st_uid != b->st_uid || st.st_gid != b->st_gid ||
		    st.st_nlink != b->st_nlink || st.st_ino != b->st_ino)
			problem(outside[i], "was changed");
	}
}

/* ---- the attacker ---- */

static const char *const dirs[] = {"in/d0",   "in/d1",	 "in/d2",
				   "in/d3",   "in/d0/e", "in/d1/e",
				   "in/d2/e", "in/d3/e", "in/d0/e/e"};
static const char *const files[] = {"in/f",	 "in/d0/f",	 "in/d1/f",
				    "in/d2/f",	 "in/d3/f",	 "in/d0/e/f",
				    "in/d1/e/f", "in/d0/secret", "in/secret"};
static const char *const links[] = {"in/s0",   "in/s1",	    "in/s2",
				    "in/s3",   "in/d0/s",   "in/d1/s",
				    "in/d2/s", "in/d0/e/s", "in/c0"};

static const char *any(uint64_t *random, const char *const *list, size_t n)
{
	return list[pick(random, (uint32_t)n)];
}

/* He, too, must not change the outside: a path that is really inside, opened
 * as a place. */
static int careful(const char *below)
{
	struct open_how how = {
		.flags = O_PATH | O_NOFOLLOW | O_CLOEXEC,
		.resolve =
			RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV,
	};

	return (int)syscall(SYS_openat2, t.basefd, below, &how, sizeof(how));
}

/* The directory of a path, and the name in it. */
static int parent_of(const char *below, const char **name)
{
	char path[256];
	char *slash;

	snprintf(path, sizeof(path), "%s", below);
	slash = strrchr(path, '/');
	*slash = '\0';
	*name = below + (slash + 1 - path);
	return careful(path);
}

static bool rename_to(const char *a, const char *b, unsigned flags)
{
	const char *from, *to;
	int from_dir = parent_of(a, &from), to_dir = parent_of(b, &to);
	bool good = from_dir >= 0 && to_dir >= 0 &&
		    !syscall(SYS_renameat2, from_dir, from, to_dir, to, flags);

	close(from_dir);
	close(to_dir);
	return good;
}

static bool exchange(const char *a, const char *b)
{
	return rename_to(a, b, RENAME_EXCHANGE);
}

static bool move(const char *a, const char *b)
{
	return rename_to(a, b, 0);
}

/* Where attackers' symlinks lead. */
static void target_of(uint64_t *random, char target[256])
{
	static const char *const relative[] = {"../out",
					       "../../out",
					       "../../../out",
					       "../out/dir",
					       "../out/secret",
					       "../../out/secret",
					       "..",
					       "../..",
					       "c1",
					       "c0",
					       "s1",
					       "d1/../../out",
					       "../lot",
					       "/proc/self/root",
					       "/proc/self/cwd/../out"};
	static const char *const absolute[] = {"out", "out/dir", "out/secret",
					       "in/../out", "in/d0/../../out"};
	char path[256];

	switch (pick(random, 3)) {
	case 0:
		host_path(target, any(random, absolute, COUNT(absolute)));
		break;
	case 1:
		host_path(path, any(random, absolute, COUNT(absolute)));
		snprintf(target, 256, "/proc/self/root%.200s", path);
		break;
	default:
		snprintf(target, 256, "%s",
			 any(random, relative, COUNT(relative)));
	}
}

static bool make_link(uint64_t *random, unsigned self)
{
	char target[256], path[256], fresh[32];

	target_of(random, target);
	snprintf(fresh, sizeof(fresh), "lot/new%u", self);
	host_path(path, fresh);
	unlink(path);
	return !symlink(target, path) &&
	       move(fresh, any(random, links, COUNT(links)));
}

/* A special file takes a file's place. */
static bool put_special(uint64_t *random, unsigned self)
{
	static const char *const special[] = {"lot/fifo", "lot/dev",
					      "lot/sock"};
	char from[256], to[256], fresh[32];

	snprintf(fresh, sizeof(fresh), "lot/new%u", self);
	host_path(from, any(random, special, COUNT(special)));
	host_path(to, fresh);
	unlink(to);
	return !link(from, to) && move(fresh, any(random, files, COUNT(files)));
}

static bool put_file(uint64_t *random, unsigned self)
{
	char fresh[32], path[256];

	snprintf(fresh, sizeof(fresh), "lot/new%u", self);
	host_path(path, fresh);
	unlink(path);
	make_file(fresh, "inside", 6);
	return move(fresh, any(random, files, COUNT(files)));
}

static bool mount_over(uint64_t *random)
{
	bool file = !pick(random, 3), good;
	int fd = careful(file ? any(random, files, COUNT(files))
			      : any(random, dirs, COUNT(dirs)));
	char from[256], to[64];

	if (fd < 0)
		return false;
	snprintf(to, sizeof(to), "/proc/self/fd/%d", fd);
	host_path(from, file		  ? "out/secret"
			: pick(random, 2) ? "out"
					  : "out/dir");
	if (!file && !pick(random, 4))
		good = !mount("/proc", to, NULL, MS_BIND, NULL);
	else
		good = !mount(from, to, NULL, MS_BIND, NULL);
	close(fd);
	return good;
}

static void unmount_all(uint64_t *random)
{
	char path[256];

	for (size_t i = 0; i < COUNT(dirs); i++) {
		host_path(path, dirs[i]);
		if (!random || pick(random, 2))
			while (!umount2(path, MNT_DETACH | UMOUNT_NOFOLLOW))
				;
	}
	for (size_t i = 0; i < COUNT(files); i++) {
		host_path(path, files[i]);
		if (!random || pick(random, 2))
			while (!umount2(path, MNT_DETACH | UMOUNT_NOFOLLOW))
				;
	}
}

/* What libvfs removed, or the attacker himself. */
static bool restore(uint64_t *random, unsigned self)
{
	const char *name;
	int fd = parent_of(any(random, dirs, COUNT(dirs)), &name);

	if (fd >= 0 && !mkdirat(fd, name, 0777))
		(void)fchmodat(fd, name, 0777, AT_SYMLINK_NOFOLLOW);
	close(fd);
	return put_file(random, self);
}

static bool attack(uint64_t *random, unsigned self)
{
	const char *dir = any(random, dirs, COUNT(dirs));
	const char *other = any(random, dirs, COUNT(dirs));
	const char *link = any(random, links, COUNT(links));

	switch (pick(random, 12)) {
	case 0:
	case 1:
	case 2: /* a directory for a symlink, and back */
		return exchange(dir, link) | exchange(dir, link);
	case 3:
		return exchange(dir, link);
	case 4: /* up, down, sideways */
		return exchange(dir, other) || move(dir, other);
	case 5:
		return make_link(random, self);
	case 6:
		return put_special(random, self);
	case 7: /* a file for a symlink */
		return exchange(any(random, files, COUNT(files)), link);
	case 8:
		return mount_over(random);
	case 9:
		unmount_all(random);
		return true;
	case 10: /* out of the tree, and back */
		return move("in/d3", self ? "lot/a" : "lot/b") |
		       move(self ? "lot/a" : "lot/b", "in/d3");
	default:
		return restore(random, self);
	}
}

/* What an open without care would lead to. */
static void look_carelessly(uint64_t *random)
{
	char path[256];
	struct stat st;

	host_path(path, pick(random, 2) ? any(random, files, COUNT(files))
					: any(random, dirs, COUNT(dirs)));
	if (!stat(path, &st) && st.st_uid == OWNER)
		__atomic_add_fetch(&t.shared->escapes, 1, __ATOMIC_RELAXED);
}

static void *attack_on(void *context)
{
	unsigned self = (unsigned)(uintptr_t)context;
	uint64_t random = 77 + self;

	while (!stopped()) {
		if (attack(&random, self))
			__atomic_add_fetch(&t.shared->attacks, 1,
					   __ATOMIC_RELAXED);
		look_carelessly(&random);
	}
	return NULL;
}

static pid_t start_attacker(void)
{
	pthread_t threads[ATTACKERS];
	pid_t child = fork();

	must(child, "fork");
	if (child)
		return child;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	umask(0);
	for (uintptr_t i = 0; i < ATTACKERS; i++)
		if (pthread_create(&threads[i], NULL, attack_on, (void *)i))
			_exit(1);
	for (int i = 0; i < ATTACKERS; i++)
		pthread_join(threads[i], NULL);
	unmount_all(NULL);
	_exit(0);
}

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
	must(hostdir_make(t.base), "directory");
	must(mount("none", t.base, "tmpfs", MS_STRICTATIME, "mode=755"),
	     "tmpfs");
	t.basefd = open(t.base, O_PATH | O_DIRECTORY | O_CLOEXEC);
	must(t.basefd, t.base);
}

static void make_inside(void)
{
	uint64_t random = 5;

	make_dir("in");
	for (size_t i = 0; i < COUNT(dirs); i++)
		make_dir(dirs[i]);
	for (size_t i = 0; i < COUNT(files); i++)
		make_file(files[i], "inside", 6);
	for (size_t i = 0; i < 3 * COUNT(links); i++)
		make_link(&random, 0);
}

static void check_ok(int64_t result, const char *what)
{
	if (result >= 0)
		return;
	fprintf(stderr, "%s: %s\n", what, vfs_errno_name((int)result));
	exit(1);
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
	umount2(t.base, MNT_DETACH);
	rmdir(t.base);
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
	t.shared = mmap(NULL, sizeof(*t.shared), PROT_READ | PROT_WRITE,
			MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (t.shared == MAP_FAILED)
		die("mmap");
	make_outside();
	make_inside();
	look_before();
	attacker = start_attacker();
	watch();
	fds = hostdir_count_fds();
	open_instance(&task);
	start_workers(task);
	supervise(seconds);
	__atomic_store_n(&t.shared->stop, 1, __ATOMIC_RELAXED);
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
	       (unsigned long long)t.shared->attacks,
	       (unsigned long long)t.shared->escapes,
	       (unsigned long long)t.shared->problems, seconds);
	if (!t.shared->escapes)
		problem("the attacker", "found no way out himself");
	return t.shared->problems != 0;
}
