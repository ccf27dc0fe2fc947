/* SPDX-License-Identifier: MIT */
/*
 * vfs-fuse: two mounts of one server. What a name is may change at one between
 * the kernel's two questions about it at the other.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "mounted.h"

#define TEST_SECONDS 2
#define PATIENCE_MSEC 10000
#define OPENS 300

static struct mounted m;
static char other[64]; /* the second mount */

static int run_fuse(char **argv, const char *arguments)
{
	char line[1024];

	snprintf(line, sizeof(line), "'%s' %s", argv[1], arguments);
	return system(line);
}

/* Until it is killed. */
static pid_t start_maker(void)
{
	pid_t pid = child_start();

	if (pid)
		return pid;
	if (chdir(other))
		_exit(1);
	while (mkfifo("name", 0666) == 0 || errno == EEXIST)
		unlink("name");
	_exit(1);
}

/* Who finds a FIFO waits for its reader, in the kernel. */
static pid_t start_opener(void)
{
	pid_t pid = child_start();
	int i, fd;

	if (pid)
		return pid;
	for (i = 0; i < OPENS; i++) {
		fd = open("name", O_WRONLY | O_CREAT, 0666);
		if (fd >= 0)
			close(fd);
	}
	_exit(0);
}

static bool ended(pid_t child, int msec)
{
	int i;

	for (i = 0; i < msec; i++) {
		if (waitpid(child, NULL, WNOHANG) == child)
			return true;
		usleep(1000);
	}
	return false;
}

static void test_fifos(void)
{
	pid_t maker = start_maker(), opener;
	time_t end = time(NULL) + TEST_SECONDS;
	bool well = true;

	while (well && time(NULL) < end) {
		opener = start_opener();
		if (!ended(opener, 200)) {
			check_eq(kill(opener, SIGKILL), 0);
			well = ended(opener, PATIENCE_MSEC);
		}
		check(well);
	}
	check_eq(kill(maker, SIGKILL), 0);
	check_eq(waitpid(maker, NULL, 0), maker);
	unlink("name");
}

/* The same with directories, and with links that lead nowhere: what comes of it
 * is what either order would give, or that it has changed twice (ESTALE). */
static void test_others(void)
{
	pid_t maker = child_start();
	int i, fd;

	if (!maker) {
		while (!chdir(other)) {
			if (mkdir("other", 0777) || rmdir("other") ||
			    symlink("target", "other") || unlink("other"))
				unlink("other");
		}
		_exit(1);
	}
	for (i = 0; i < 3000; i++) {
		fd = open("other", O_WRONLY | O_CREAT, 0666);
		check(fd >= 0 || errno == EISDIR || errno == ESTALE);
		if (fd >= 0)
			close(fd);
		unlink("other");
		unlink("target");
	}
	check_eq(kill(maker, SIGKILL), 0);
	check_eq(waitpid(maker, NULL, 0), maker);
	unlink("other");
	rmdir("other");
}

int main(int argc, char **argv)
{
	char options[128], line[256];
	int status = -1;

	/* the working directory is going to be the mount */
	if (argc != 4 || !(argv[1] = realpath(argv[1], NULL)))
		return 1;
	snprintf(options, sizeof(options), "%s,server=joined-%d", argv[3],
		 getpid());
	argv[3] = options;
	mounted_begin(&m, argc, argv, NULL);
	strcpy(other, "/tmp/vfs-fuse-XXXXXX");
	check(mkdtemp(other));
	snprintf(line, sizeof(line), "%s '%s' -o '%s'", argv[2], other,
		 options);
	check_eq(run_fuse(argv, line), 0);
	test_fifos();
	test_others();
	check_eq(chdir("/"), 0);
	snprintf(line, sizeof(line), "--stop joined-%d", getpid());
	check_eq(run_fuse(argv, line), 0);
	check_eq(waitpid(m.server, &status, 0), m.server);
	check_eq(status, 0);
	m.server = 0;
	check_eq(rmdir(other), 0);
	return mounted_end(&m);
}
