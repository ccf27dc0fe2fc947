/* SPDX-License-Identifier: MIT */
/*
 * Mixed load on a mount, for soak.sh: processes of two users make, change, lock
 * and remove files, all that the bridge serves, for some seconds, in a bounded
 * space; then what they made is removed. An errno that no such call should give
 * ends it with 1, and so does a kind of work that never succeeded.
 *
 *	load make DIRECTORY FILES    a tree for an overlay's lowest layer
 *	load run DIRECTORY FILES SECONDS SEED
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <time.h>
#include <unistd.h>

#define PROCESSES 4
#define DIRECTORIES 6
#define NAMES 40
#define MAX_SIZE (96 * 1024)
#define SHARD 20 /* files of the lower tree in one directory */
#define TREE_FILES 30

struct worker {
	int number;
	uint64_t random;
	int lower_files, lower_next; /* of this one's share */
	struct timespec begun;
	int seconds;
	unsigned int trees;
	uint64_t *done; /* by kind of work */
	char data[MAX_SIZE];
};

static uint32_t below(struct worker *w, uint32_t limit)
{
	w->random ^= w->random << 13;
	w->random ^= w->random >> 7;
	w->random ^= w->random << 17;
	return (uint32_t)(w->random >> 16) % limit;
}

/* A name that others use as well; the last but few are not there. */
static const char *some(struct worker *w, char name[32])
{
	snprintf(name, 32, "d%u/f%u", below(w, DIRECTORIES), below(w, NAMES));
	return name;
}

static double elapsed(const struct worker *w)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)(now.tv_sec - w->begun.tv_sec) +
	       (double)(now.tv_nsec - w->begun.tv_nsec) / 1e9;
}

/*
 * What may happen where several work on the same names, and one of them is not
 * root. -1 of anything else is a failure of what is tested.
 */
static bool usual(int error)
{
	static const int errors[] = {ENOENT, EEXIST, ENOTDIR, EISDIR,
				     EACCES, EPERM,  EAGAIN,  ENODATA,
				     EINVAL, ELOOP,  ESTALE,  ENOTEMPTY,
				     ENXIO,  EXDEV,  ETXTBSY};
	size_t i;

	for (i = 0; i < sizeof(errors) / sizeof(*errors); i++) {
		if (errors[i] == error)
			return true;
	}
	return false;
}

static void fail(const char *what)
{
	perror(what);
	_exit(1);
}

/* Whether it worked. */
static bool did(long long result, const char *what)
{
	if (result >= 0)
		return true;
	if (!usual(errno))
		fail(what);
	return false;
}

static int open_some(struct worker *w, int flags)
{
	char name[32];
	int fd = open(some(w, name), flags | O_CLOEXEC | O_NONBLOCK, 0666);
	struct stat st;

	/* the names are also those of FIFOs, devices and directories */
	if (did(fd, "open") && did(fstat(fd, &st), "fstat") &&
	    S_ISREG(st.st_mode))
		return fd;
	if (fd >= 0)
		close(fd);
	errno = EINVAL;
	return -1;
}

/* ---- the kinds of work: each says whether something was done ---- */

static bool work_write(struct worker *w)
{
	int fd = open_some(w, O_RDWR | O_CREAT | (below(w, 3) ? 0 : O_TRUNC));
	bool done;

	if (fd < 0)
		return false;
	done = did(pwrite(fd, w->data, below(w, MAX_SIZE / 4),
			  below(w, MAX_SIZE / 2)),
		   "pwrite");
	if (!below(w, 8))
		done &= did(fsync(fd), "fsync");
	close(fd);
	return done;
}

static bool work_append(struct worker *w)
{
	int fd = open_some(w, O_WRONLY | O_APPEND);
	bool done = fd >= 0 && did(write(fd, w->data, 100), "append");

	if (fd >= 0 && lseek(fd, 0, SEEK_END) > MAX_SIZE)
		did(ftruncate(fd, below(w, MAX_SIZE)), "ftruncate");
	if (fd >= 0)
		close(fd);
	return done;
}

static bool work_read(struct worker *w)
{
	char buffer[8192];
	int fd = open_some(w, O_RDONLY);
	ssize_t n = -1;

	if (fd < 0)
		return false;
	while (did(n = read(fd, buffer, sizeof(buffer)), "read") && n)
		;
	close(fd);
	return n == 0;
}

static bool work_map(struct worker *w)
{
	int fd = open_some(w, O_RDWR);
	char *at;

	if (fd < 0)
		return false;
	at = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (at == MAP_FAILED)
		fail("mmap");
	/* others make it shorter: the kernel is the one that writes there */
	did(pread(fd, w->data, 512, 0), "pread");
	if (pwrite(fd, at, 512, 4096) < 0 && errno != EFAULT)
		fail("from a mapping");
	did(msync(at, 4096, MS_SYNC), "msync");
	munmap(at, 4096);
	close(fd);
	return true;
}

static bool work_holes(struct worker *w)
{
	int fd = open_some(w, O_RDWR);
	bool done;

	if (fd < 0)
		return false;
	done = did(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
			     4096, 4096 * 3),
		   "fallocate");
	done &= did(lseek(fd, 0, SEEK_HOLE), "lseek");
	did(ftruncate(fd, below(w, MAX_SIZE)), "ftruncate");
	close(fd);
	return done;
}

static bool work_copy(struct worker *w)
{
	int from = open_some(w, O_RDONLY);
	int to = open_some(w, O_WRONLY);
	bool done = from >= 0 && to >= 0 &&
		    did(copy_file_range(from, NULL, to, NULL, MAX_SIZE / 4, 0),
			"copy_file_range");

	if (from >= 0)
		close(from);
	if (to >= 0)
		close(to);
	return done;
}

static bool work_rename(struct worker *w)
{
	char from[32], to[32];
	unsigned int flags = below(w, 3);

	some(w, from);
	some(w, to);
	return did(renameat2(AT_FDCWD, from, AT_FDCWD, to, flags), "rename");
}

static bool work_link(struct worker *w)
{
	char from[32], to[32];
	struct stat st;

	some(w, from);
	some(w, to);
	/* as many as there are names, at most */
	return did(link(from, to), "link") && did(lstat(to, &st), "lstat");
}

static bool work_remove(struct worker *w)
{
	char name[32];

	some(w, name);
	return did(unlink(name), "unlink") ||
	       (errno != ENOENT && did(rmdir(name), "rmdir"));
}

static bool work_directory(struct worker *w)
{
	char name[64], new[64];

	some(w, name);
	if (!did(mkdir(name, 0777), "mkdir"))
		return false;
	snprintf(new, sizeof(new), "d%u/moved%d", below(w, DIRECTORIES),
		 w->number);
	if (!did(rename(name, new), "renaming a directory"))
		return false;
	return did(rmdir(new), "rmdir");
}

static bool work_special(struct worker *w)
{
	char name[32], text[64];

	some(w, name);
	switch (below(w, 3)) {
	case 0:
		return did(symlink("f0", name), "symlink") &&
		       did(readlink(name, text, sizeof(text)), "readlink");
	case 1:
		return did(mkfifo(name, 0666), "mkfifo");
	default:
		return did(mknod(name, S_IFCHR | 0666, makedev(1, 3)), "mknod");
	}
}

static bool work_list(struct worker *w)
{
	char name[32];
	struct dirent *entry;
	struct stat st;
	DIR *dir;

	snprintf(name, sizeof(name), "d%u", below(w, DIRECTORIES));
	dir = opendir(name);
	if (!dir)
		fail(name);
	while ((entry = readdir(dir)))
		did(fstatat(dirfd(dir), entry->d_name, &st,
			    AT_SYMLINK_NOFOLLOW),
		    "a listed name");
	closedir(dir);
	return true;
}

static bool work_attributes(struct worker *w)
{
	char name[32], value[64];
	bool done;

	some(w, name);
	done = did(setxattr(name, "user.a", w->data, below(w, 60), 0),
		   "setxattr");
	did(getxattr(name, "user.a", value, sizeof(value)), "getxattr");
	did(listxattr(name, value, sizeof(value)), "listxattr");
	if (below(w, 2))
		did(removexattr(name, "user.a"), "removexattr");
	return done;
}

static bool work_mode(struct worker *w)
{
	char name[32];
	bool done;

	some(w, name);
	done = did(fchmodat(AT_FDCWD, name, 0600 | below(w, 0100), 0), "chmod");
	did(lchown(name, (uid_t)-1, 2001), "chown");
	did(utimensat(AT_FDCWD, name, NULL, 0), "utimensat");
	return done;
}

static bool work_lock(struct worker *w)
{
	struct flock lock = {.l_type = F_WRLCK, .l_start = 10, .l_len = 20};
	int fd = open_some(w, O_RDWR), kind = (int)below(w, 3);
	bool done;

	if (fd < 0)
		return false;
	/* one at a time, so nobody waits for ever */
	if (kind == 0)
		done = did(flock(fd, LOCK_EX), "flock");
	else if (kind == 1)
		done = did(fcntl(fd, F_SETLKW, &lock), "F_SETLKW");
	else
		done = did(fcntl(fd, F_OFD_SETLK, &lock), "F_OFD_SETLK");
	did(pwrite(fd, w->data, 30, 0), "pwrite");
	close(fd);
	return done;
}

static bool work_nameless(struct worker *w)
{
	char path[64], name[32];
	int fd = open("d0", O_TMPFILE | O_RDWR | O_CLOEXEC, 0666);
	bool done;

	if (fd < 0)
		fail("O_TMPFILE");
	done = did(write(fd, w->data, 5000), "write");
	if (below(w, 2)) {
		snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
		did(linkat(AT_FDCWD, path, AT_FDCWD, some(w, name),
			   AT_SYMLINK_FOLLOW),
		    "linkat");
	}
	close(fd);
	return done;
}

static bool work_removed(struct worker *w)
{
	char name[32];
	int fd;
	bool done;

	snprintf(name, sizeof(name), "open%d", w->number);
	fd = open(name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0 || unlink(name))
		fail(name);
	done = did(pwrite(fd, w->data, 9000, 5), "pwrite") &&
	       did(pread(fd, w->data, 9000, 0), "pread");
	close(fd);
	return done;
}

static void remove_tree(const char *top)
{
	DIR *dir = opendir(top);
	struct dirent *entry;

	if (!dir)
		fail(top);
	while ((entry = readdir(dir))) {
		if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, ".."))
			continue;
		if (!unlinkat(dirfd(dir), entry->d_name, 0))
			continue;
		if (errno != EISDIR ||
		    (unlinkat(dirfd(dir), entry->d_name, AT_REMOVEDIR) &&
		     errno != ENOTEMPTY))
			fail(entry->d_name);
	}
	closedir(dir);
	if (rmdir(top))
		fail(top);
}

/* One file of work_tree, or its check. */
static void tree_file(struct worker *w, const char *name, int i, bool check)
{
	size_t size = (size_t)(i * 37 % 9000);
	char buffer[9000], read_back[9000];
	int fd = open(name, (check ? O_RDONLY : O_RDWR | O_CREAT) | O_CLOEXEC,
		      0644);

	memset(buffer, i + w->number + (int)w->trees, size);
	if (fd < 0)
		fail(name);
	errno = EIO;
	if (!check && write(fd, buffer, size) != (ssize_t)size)
		fail(name);
	if (check && (read(fd, read_back, sizeof(read_back)) != (ssize_t)size ||
		      memcmp(buffer, read_back, size)))
		fail(name);
	close(fd);
}

/* Names that were never there before, and will not be again. */
static bool work_tree(struct worker *w)
{
	char top[32], moved[64], name[128];
	int i;

	w->trees++;
	snprintf(top, sizeof(top), "tree-%d-%u", w->number, w->trees);
	snprintf(moved, sizeof(moved), "%s-moved", top);
	if (mkdir(top, 0755))
		fail(top);
	for (i = 0; i < TREE_FILES; i++) {
		snprintf(name, sizeof(name), "%s/a file with a name %d", top,
			 i);
		tree_file(w, name, i, false);
	}
	if (rename(top, moved))
		fail(moved);
	for (i = 0; i < TREE_FILES; i++) {
		snprintf(name, sizeof(name), "%s/a file with a name %d", moved,
			 i);
		tree_file(w, name, i, true);
	}
	remove_tree(moved);
	return true;
}

/* Files of the lower layer are copied up and removed, at an even pace. */
static bool work_lower(struct worker *w)
{
	int n = w->lower_next, fd;
	char name[64];

	if (n >= w->lower_files ||
	    elapsed(w) * w->lower_files < (double)n * w->seconds)
		return false;
	snprintf(name, sizeof(name), "lower%d/%d/%d", w->number, n / SHARD,
		 n % SHARD);
	fd = open(name, O_RDWR | O_APPEND | O_CLOEXEC);
	if (fd < 0 || write(fd, "more", 4) != 4 || pread(fd, w->data, 9, 0) < 4)
		fail(name);
	close(fd);
	if (unlink(name))
		fail(name);
	w->lower_next++;
	snprintf(name, sizeof(name), "lower%d/%d", w->number, n / SHARD);
	if (n % SHARD == SHARD - 1 && rmdir(name))
		fail(name);
	return true;
}

static bool work_statfs(struct worker *w)
{
	struct statvfs fs;

	(void)w;
	return did(statvfs(".", &fs), "statvfs");
}

static bool work_process(struct worker *w);

static const struct kind {
	const char *name;
	bool (*work)(struct worker *w);
	unsigned int weight;
} kinds[] = {
	{"write", work_write, 12},
	{"append", work_append, 6},
	{"read", work_read, 12},
	{"map", work_map, 4},
	{"holes", work_holes, 4},
	{"copy", work_copy, 4},
	{"rename", work_rename, 8},
	{"link", work_link, 4},
	{"remove", work_remove, 8},
	{"directory", work_directory, 5},
	{"special", work_special, 2},
	{"list", work_list, 3},
	{"attributes", work_attributes, 5},
	{"mode", work_mode, 5},
	{"lock", work_lock, 5},
	{"nameless", work_nameless, 4},
	{"removed", work_removed, 4},
	{"tree", work_tree, 1},
	{"lower", work_lower, 3},
	{"statfs", work_statfs, 1},
	{"process", work_process, 1},
};

#define KINDS (sizeof(kinds) / sizeof(*kinds))

static void work(struct worker *w)
{
	unsigned int total = 0, pick;
	size_t i;

	for (i = 0; i < KINDS; i++)
		total += kinds[i].weight;
	pick = below(w, total);
	for (i = 0; pick >= kinds[i].weight; i++)
		pick -= kinds[i].weight;
	if (kinds[i].work(w))
		__atomic_fetch_add(&w->done[i], 1, __ATOMIC_RELAXED);
}

/* Somebody whom the bridge has never seen, for a moment. */
static bool work_process(struct worker *w)
{
	pid_t pid = fork();
	int i, status = -1;

	if (pid < 0)
		fail("fork");
	if (!pid) {
		gid_t groups[] = {2001, 3000 + below(w, 1000)};

		if (!geteuid() &&
		    (setgroups(2, groups) || setresgid(1001, 1001, 1001) ||
		     setresuid(1001, 1001, 1001)))
			fail("becoming somebody");
		w->lower_next = w->lower_files;
		for (i = 0; i < 5; i++)
			if (work_write(w))
				work_read(w);
		_exit(0);
	}
	return waitpid(pid, &status, 0) == pid && !status;
}

/* ---- from beginning to end ---- */

static int run_worker(struct worker *w)
{
	gid_t groups[] = {2001};

	/* every other one is not root */
	if (w->number % 2 &&
	    (setgroups(1, groups) || setresgid(1000, 1000, 1000) ||
	     setresuid(1000, 1000, 1000)))
		fail("becoming a user");
	umask(0);
	while (elapsed(w) < w->seconds)
		work(w);
	return 0;
}

static int make_lower(int files)
{
	char name[64];
	int number, i, fd;

	for (number = 0; number < PROCESSES; number++) {
		snprintf(name, sizeof(name), "lower%d", number);
		if (mkdir(name, 0777))
			fail(name);
		for (i = 0; i < files; i++) {
			snprintf(name, sizeof(name), "lower%d/%d", number,
				 i / SHARD);
			if (i % SHARD == 0 && mkdir(name, 0777))
				fail(name);
			snprintf(name, sizeof(name), "lower%d/%d/%d", number,
				 i / SHARD, i % SHARD);
			fd = open(name, O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
			if (fd < 0 || write(fd, name, 9) != 9)
				fail(name);
			close(fd);
		}
	}
	return 0;
}

static void remove_all(void)
{
	char name[32];
	int i;

	for (i = 0; i < DIRECTORIES; i++) {
		snprintf(name, sizeof(name), "d%d", i);
		remove_tree(name);
	}
}

static int report(const uint64_t *done, bool lower)
{
	uint64_t sum = 0;
	size_t i;
	int missing = 0;

	for (i = 0; i < KINDS; i++) {
		sum += done[i];
		if (done[i] || (kinds[i].work == work_lower && !lower))
			continue;
		printf("never done: %s\n", kinds[i].name);
		missing++;
	}
	printf("%llu done\n", (unsigned long long)sum);
	return missing;
}

static int run(int files, int seconds, uint64_t seed)
{
	struct worker *w = calloc(1, sizeof(*w));
	pid_t pids[PROCESSES];
	char name[32];
	int i, status, failed = 0;

	w->done = mmap(NULL, KINDS * sizeof(*w->done), PROT_READ | PROT_WRITE,
		       MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	w->seconds = seconds;
	w->lower_files = files;
	clock_gettime(CLOCK_MONOTONIC, &w->begun);
	for (i = 0; i < DIRECTORIES; i++) {
		snprintf(name, sizeof(name), "d%d", i);
		if (mkdir(name, 0777))
			fail(name);
	}
	for (i = 0; i < PROCESSES; i++) {
		w->number = i;
		w->random = seed * PROCESSES + (uint64_t)i + 1;
		pids[i] = fork();
		if (!pids[i])
			_exit(run_worker(w));
	}
	for (i = 0; i < PROCESSES; i++)
		failed |= waitpid(pids[i], &status, 0) != pids[i] || status;
	if (!failed)
		remove_all();
	failed |= report(w->done, files);
	free(w);
	return failed;
}

int main(int argc, char **argv)
{
	umask(0);
	if (argc >= 4 && chdir(argv[2]))
		fail(argv[2]);
	if (argc == 4 && !strcmp(argv[1], "make"))
		return make_lower(atoi(argv[3]));
	if (argc == 6 && !strcmp(argv[1], "run"))
		return run(atoi(argv[3]), atoi(argv[4]),
			   strtoull(argv[5], NULL, 10));
	fputs("usage: load make DIRECTORY FILES\n"
	      "       load run DIRECTORY FILES SECONDS SEED\n",
	      stderr);
	return 1;
}
