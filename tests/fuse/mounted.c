/* SPDX-License-Identifier: MIT */
/* A mount to test in. Contract: mounted.h. */
#include "mounted.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>

#define SKIPPED 77
#define FUSE_MAGIC 0x65735546
#define PATIENCE_MSEC 20000

static int failed, checked;

void check_at(bool ok, const char *text, const char *file, int line)
{
	int number = errno;

	checked++;
	if (ok)
		return;
	failed++;
	fprintf(stderr, "%s:%d: not so: %s (errno: %s)\n", file, line, text,
		strerror(number));
}

void check_eq_at(long long a, long long b, const char *text, const char *file,
		 int line)
{
	checked++;
	if (a == b)
		return;
	failed++;
	fprintf(stderr, "%s:%d: not so: %s: %lld, %lld\n", file, line, text, a,
		b);
}

static void skip(const char *why)
{
	printf("SKIPPED: %s: %s\n", why, strerror(errno));
	exit(SKIPPED);
}

static void wait_for_mount(const struct mounted *m)
{
	struct statfs fs;
	int i;

	for (i = 0; i < PATIENCE_MSEC / 10; i++) {
		if (!statfs(m->place, &fs) && fs.f_type == FUSE_MAGIC)
			return;
		if (waitpid(m->server, NULL, WNOHANG) == m->server)
			break;
		usleep(10000);
	}
	fprintf(stderr, "vfs-fuse did not mount\n");
	exit(1);
}

static void must(bool done, const char *what)
{
	if (done)
		return;
	perror(what);
	exit(1);
}

/* A tmpfs with an overlay's directories. */
static void make_layers(struct mounted *m, void (*fill)(void))
{
	/* the program's name may be a relative one */
	int before = open(".", O_PATH | O_CLOEXEC);

	strcpy(m->layers, "/tmp/vfs-fuse-XXXXXX");
	must(mkdtemp(m->layers), m->layers);
	must(!mount("layers", m->layers, "tmpfs", 0, "size=64m,mode=0755"),
	     "a tmpfs");
	must(!chdir(m->layers) && !mkdir("l", 0755) && !mkdir("u", 0755) &&
		     !mkdir("w", 0755) && !chdir("l"),
	     m->layers);
	if (fill)
		fill();
	must(before >= 0 && !fchdir(before), "back");
	close(before);
}

static void serve(const struct mounted *m, char **argv)
{
	char options[512];

	if (*m->layers)
		snprintf(options, sizeof(options),
			 "lowerdir=%s/l,upperdir=%s/u,workdir=%s/w,%s",
			 m->layers, m->layers, m->layers, argv[3]);
	else
		snprintf(options, sizeof(options), "%s", argv[3]);
	execl(argv[1], argv[1], "-f", argv[2], m->place, "-o", options, NULL);
	_exit(127);
}

void mounted_begin(struct mounted *m, int argc, char **argv, void (*fill)(void))
{
	int fd;

	if (argc != 4) {
		fprintf(stderr, "usage: %s VFS-FUSE TYPE OPTIONS\n", argv[0]);
		exit(1);
	}
	errno = EPERM;
	if (geteuid())
		skip("not root, so there are no two users");
	fd = open("/dev/fuse", O_RDWR | O_CLOEXEC);
	if (fd < 0)
		skip("/dev/fuse");
	close(fd);
	if (unshare(CLONE_NEWNS) ||
	    mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL))
		skip("a mount namespace");
	strcpy(m->place, "/tmp/vfs-fuse-XXXXXX");
	must(mkdtemp(m->place), m->place);
	*m->layers = '\0';
	if (!strcmp(argv[2], "overlay"))
		make_layers(m, fill);
	m->server = fork();
	if (!m->server)
		serve(m, argv);
	wait_for_mount(m);
	if (chdir(m->place))
		perror(m->place);
}

int mounted_end(struct mounted *m)
{
	int status = -1;

	check_eq(chdir("/"), 0);
	if (m->server) {
		check_eq(umount(m->place), 0);
		check_eq(waitpid(m->server, &status, 0), m->server);
		check_eq(status, 0);
	}
	check_eq(rmdir(m->place), 0);
	if (*m->layers) {
		check_eq(umount(m->layers), 0);
		check_eq(rmdir(m->layers), 0);
	}
	printf("%d checks, %d failed\n", checked, failed);
	return failed || !checked;
}

struct stat stat_of(const char *path)
{
	struct stat st;

	memset(&st, 0xff, sizeof(st));
	check(!lstat(path, &st));
	return st;
}

pid_t child_start(void)
{
	pid_t pid;

	fflush(NULL);
	pid = fork();
	if (!pid)
		checked = failed = 0;
	return pid;
}

void child_end(void)
{
	_exit(failed < 254 ? failed : 254);
}

pid_t as_start(const struct somebody *who, void (*body)(void))
{
	pid_t pid = child_start();

	if (pid)
		return pid;
	if (setgroups(who->group_count, who->groups) ||
	    setresgid(who->gid, who->gid, who->gid) ||
	    setresuid(who->uid, who->uid, who->uid)) {
		perror("becoming somebody");
		_exit(255);
	}
	body();
	child_end();
	return -1;
}

void as_join(pid_t child)
{
	int status = 0;

	checked++;
	if (waitpid(child, &status, 0) != child || status) {
		failed++;
		fprintf(stderr, "a child ended with 0x%x\n", status);
	}
}

void as(const struct somebody *who, void (*body)(void))
{
	as_join(as_start(who, body));
}
