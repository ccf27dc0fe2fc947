/* SPDX-License-Identifier: MIT */
/* The confinement test's tree: what is outside, and whether it was left alone.
 * Contract: confine.h. */
#include "hostfs/confine.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

struct confine confine;

/* Everything that is outside. */
static const char *const outside[] = {
	"out",	     "out/secret", "out/dir", "out/dir/secret2", "out/link",
	"out/" MARK, "out/fifo",   "out/dev", "out/dir/" MARK,	 "out/dir/e",
	"out/dir/f", "out/f",	   "out/e",   "out/e/f",
};

static struct stat before[COUNT(outside)];

void die(const char *what)
{
	perror(what);
	exit(1);
}

void problem(const char *what, const char *how)
{
	if (__atomic_add_fetch(&confine.shared->problems, 1, __ATOMIC_RELAXED) <
	    20)
		fprintf(stderr, "%s: %s\n", what, how);
}

uint32_t pick(uint64_t *random, uint32_t below)
{
	*random ^= *random << 13;
	*random ^= *random >> 7;
	*random ^= *random << 17;
	return (uint32_t)((*random >> 11) % below);
}

bool stopped(void)
{
	return __atomic_load_n(&confine.shared->stop, __ATOMIC_RELAXED);
}

void host_path(char path[256], const char *below)
{
	snprintf(path, 256, "%s/%s", confine.base, below);
}

void must(int result, const char *what)
{
	if (result < 0)
		die(what);
}

const char *any(uint64_t *random, const char *const *list, size_t n)
{
	return list[pick(random, (uint32_t)n)];
}

void make_dir(const char *below)
{
	char path[256];

	host_path(path, below);
	if (mkdir(path, 0777) && errno != EEXIST)
		die(below);
}

void make_file(const char *below, const char *text, off_t length)
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

void make_outside(void)
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

void look_before(void)
{
	char path[256];

	for (size_t i = 0; i < COUNT(outside); i++) {
		host_path(path, outside[i]);
		must(lstat(path, &before[i]), path);
	}
}

void watch(void)
{
	static const char *const never_opened[] = {"lot/fifo", "lot/dev",
						   "lot/sock", "lot/secret"};
	const uint32_t opened =
		IN_OPEN | IN_ACCESS | IN_MODIFY | IN_CLOSE | IN_DONT_FOLLOW;
	char path[256];

	confine.notify = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	must(confine.notify, "inotify");
	for (size_t i = 0; i < COUNT(outside); i++) {
		host_path(path, outside[i]);
		must(inotify_add_watch(confine.notify, path,
				       IN_ALL_EVENTS | IN_DONT_FOLLOW),
		     path);
	}
	for (size_t i = 0; i < COUNT(never_opened); i++) {
		host_path(path, never_opened[i]);
		must(inotify_add_watch(confine.notify, path, opened), path);
	}
}

void check_events(void)
{
	_Alignas(8) char buffer[4096];
	ssize_t n;
	char text[64];

	while ((n = read(confine.notify, buffer, sizeof(buffer))) > 0) {
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

void check_after(void)
{
	const struct stat *b = before;
	char path[256];
	struct stat st;

	for (size_t i = 0; i < COUNT(outside); i++, b++) {
		host_path(path, outside[i]);
		if (lstat(path, &st)) {
			problem(outside[i], "is gone");
			continue;
		}
		/* the careless look follows a link of a worker's that says
		 * "../out/link"; what a worker reads of it, it knows */
		if (!S_ISLNK(st.st_mode) && !same_time(st.st_atim, b->st_atim))
			problem(outside[i], "was read");
		if (!same_time(st.st_mtim, b->st_mtim) ||
		    !same_time(st.st_ctim, b->st_ctim) ||
		    st.st_size != b->st_size || st.st_mode != b->st_mode ||
		    st.st_uid != b->st_uid || st.st_gid != b->st_gid ||
		    st.st_nlink != b->st_nlink || st.st_ino != b->st_ino)
			problem(outside[i], "was changed");
	}
}
