/* SPDX-License-Identifier: MIT */
/* The confinement test's attacker, who changes the inside, and only that.
 * Contract: confine.h. */
#include "hostfs/confine.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <linux/openat2.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef RENAME_EXCHANGE
#define RENAME_EXCHANGE 2
#endif
#define ATTACKERS 2

static const char *const dirs[] = {"in/d0",   "in/d1",	 "in/d2",
				   "in/d3",   "in/d0/e", "in/d1/e",
				   "in/d2/e", "in/d3/e", "in/d0/e/e"};
static const char *const files[] = {"in/f",	 "in/d0/f",	 "in/d1/f",
				    "in/d2/f",	 "in/d3/f",	 "in/d0/e/f",
				    "in/d1/e/f", "in/d0/secret", "in/secret"};
static const char *const links[] = {"in/s0",   "in/s1",	    "in/s2",
				    "in/s3",   "in/d0/s",   "in/d1/s",
				    "in/d2/s", "in/d0/e/s", "in/c0"};

/* He, too, must not change the outside: a path that is really inside, opened
 * as a place. */
static int careful(const char *below)
{
	struct open_how how = {
		.flags = O_PATH | O_NOFOLLOW | O_CLOEXEC,
		.resolve =
			RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV,
	};

	return (int)syscall(SYS_openat2, confine.basefd, below, &how,
			    sizeof(how));
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

	/* no chmod afterwards: the other one may have mounted the outside
	 * there by then, and it would be us who changed that */
	umask(0);
	if (fd >= 0)
		(void)mkdirat(fd, name, 0777);
	close(fd);
	return put_file(random, self);
}

static bool attack(uint64_t *random, unsigned self)
{
	const char *dir = any(random, dirs, COUNT(dirs));
	const char *other = any(random, dirs, COUNT(dirs));
	const char *link = any(random, links, COUNT(links));

	bool there, back;

	switch (pick(random, 12)) {
	case 0:
	case 1:
	case 2: /* a directory for a symlink, and back */
		there = exchange(dir, link);
		back = exchange(dir, link);
		return there || back;
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
		there = move("in/d3", self ? "lot/a" : "lot/b");
		back = move(self ? "lot/a" : "lot/b", "in/d3");
		return there || back;
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
		__atomic_add_fetch(&confine.shared->escapes, 1,
				   __ATOMIC_RELAXED);
}

static void *attack_on(void *context)
{
	unsigned self = (unsigned)(uintptr_t)context;
	uint64_t random = 77 + self;

	while (!stopped()) {
		if (attack(&random, self))
			__atomic_add_fetch(&confine.shared->attacks, 1,
					   __ATOMIC_RELAXED);
		look_carelessly(&random);
	}
	return NULL;
}

pid_t start_attacker(void)
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

void make_inside(void)
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
