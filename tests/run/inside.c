/* SPDX-License-Identifier: MIT */
/*
 * The program that runs inside: a static one, so that a root file system is a
 * directory with one file. inside WHAT [ARGUMENT...]: does it, prints what the
 * test compares, and ends with 0; a check that fails says so and ends with 1.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#define SELF "/bin/inside"

#define CHECK(condition) check(condition, #condition, __LINE__)

static void check(int condition, const char *text, int line)
{
	if (condition)
		return;
	printf("inside.c:%d: %s: %s\n", line, text, strerror(errno));
	exit(1);
}

static void print_line(const char *path, const char *name)
{
	char line[256];
	FILE *file = fopen(path, "re");

	CHECK(file != NULL);
	while (fgets(line, sizeof(line), file)) {
		if (!strncmp(line, name, strlen(name)))
			fputs(line, stdout);
	}
	fclose(file);
}

/* Everything that the config says of a process. */
static int do_who(int argc, char **argv)
{
	char where[256];
	struct rlimit limit;
	gid_t groups[16];
	mode_t mask = umask(0);
	int i, n = getgroups(16, groups);

	CHECK(getcwd(where, sizeof(where)) != NULL);
	for (i = 0; i < argc; i++)
		printf("arg %s\n", argv[i]);
	printf("ids %d %d %d %d\n", (int)getuid(), (int)geteuid(),
	       (int)getgid(), (int)getegid());
	printf("groups");
	for (i = 0; i < n; i++)
		printf(" %d", (int)groups[i]);
	printf("\ncwd %s\numask %03o\nhome %s\nvalue %s\n", where, mask,
	       getenv("HOME"), getenv("VALUE"));
	CHECK(!getrlimit(RLIMIT_NOFILE, &limit));
	printf("nofile %d %d\n", (int)limit.rlim_cur, (int)limit.rlim_max);
	CHECK(!getrlimit(RLIMIT_CORE, &limit));
	printf("core %d\n", (int)limit.rlim_cur);
	printf("new %d\n", prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0));
	fflush(stdout);
	print_line("/proc/self/status", "Cap");
	/* nobody's descriptors but these */
	for (i = 3; i < 256; i++)
		CHECK(fcntl(i, F_GETFD) < 0 && errno == EBADF);
	return 0;
}

static int do_exit(int argc, char **argv)
{
	return argc > 2 ? atoi(argv[2]) : 0;
}

static int do_kill(int argc, char **argv)
{
	(void)argc;
	raise(atoi(argv[2]));
	return 1;
}

/* ---- what every container has ---- */

static int do_devices(int argc, char **argv)
{
	char bytes[16] = "";
	int fd;

	(void)argc;
	(void)argv;
	fd = open("/dev/null", O_RDWR);
	CHECK(fd >= 0 && write(fd, "x", 1) == 1 && read(fd, bytes, 1) == 0);
	fd = open("/dev/zero", O_RDONLY);
	bytes[0] = 'x';
	CHECK(fd >= 0 && read(fd, bytes, 16) == 16 && !bytes[0]);
	fd = open("/dev/full", O_WRONLY);
	CHECK(fd >= 0 && write(fd, "x", 1) < 0 && errno == ENOSPC);
	fd = open("/dev/random", O_RDONLY);
	CHECK(fd >= 0 && read(fd, bytes, 4) == 4);
	fd = open("/dev/urandom", O_RDONLY);
	CHECK(fd >= 0 && read(fd, bytes, 16) == 16);
	/* a terminal of this container's */
	fd = open("/dev/ptmx", O_RDWR | O_NOCTTY);
	CHECK(fd >= 0 && !unlockpt(fd) && ptsname(fd));
	CHECK(!strncmp(ptsname(fd), "/dev/pts/", 9));
	CHECK(open(ptsname(fd), O_RDWR | O_NOCTTY) >= 0);
	return 0;
}

static int do_shm(int argc, char **argv)
{
	int fd = open("/dev/shm/segment", O_RDWR | O_CREAT | O_EXCL, 0600);
	char *shared, byte = 0;
	int status;

	(void)argc;
	(void)argv;
	CHECK(fd >= 0 && !ftruncate(fd, 8192));
	shared = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	CHECK(shared != MAP_FAILED);
	if (!fork()) {
		shared[5000] = 'x';
		_exit(0);
	}
	CHECK(wait(&status) > 0 && !status && shared[5000] == 'x');
	CHECK(!msync(shared, 8192, MS_SYNC));
	CHECK(pread(fd, &byte, 1, 5000) == 1 && byte == 'x');
	return 0;
}

static int do_proc(int argc, char **argv)
{
	char path[256];
	ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - 1);

	(void)argc;
	(void)argv;
	CHECK(n > 0);
	path[n] = '\0';
	printf("exe %s\n", path);
	CHECK(getpid() > 1 && getppid() == 1);
	snprintf(path, sizeof(path), "/proc/%d/status", (int)getpid());
	CHECK(!access(path, R_OK));
	/* the host's processes are not to be seen */
	CHECK(access("/proc/1", F_OK) == 0);
	CHECK(access("/proc/99", F_OK) && errno == ENOENT);
	CHECK(open("/proc/sys/kernel/hostname", O_WRONLY) < 0);
	CHECK(errno == EROFS || errno == EACCES);
	return 0;
}

/* Somebody else's child goes to process 1, and does not stay a zombie. */
static int do_orphan(int argc, char **argv)
{
	int ends[2], status, tries;
	char path[64];
	pid_t pid;

	(void)argc;
	(void)argv;
	CHECK(!pipe(ends));
	if (!fork()) {
		pid = fork();
		if (!pid)
			_exit(0);
		CHECK(write(ends[1], &pid, sizeof(pid)) == sizeof(pid));
		_exit(0);
	}
	CHECK(wait(&status) > 0);
	CHECK(read(ends[0], &pid, sizeof(pid)) == sizeof(pid));
	snprintf(path, sizeof(path), "/proc/%d", (int)pid);
	for (tries = 0; !access(path, F_OK) && tries < 1000; tries++)
		usleep(10000);
	CHECK(access(path, F_OK) && errno == ENOENT);
	return 0;
}

/* ---- signals ---- */

static volatile sig_atomic_t caught;

static void on_signal(int number)
{
	caught = number;
}

/* Says that it is ready, and ends with the number of what comes. */
static int do_wait(int argc, char **argv)
{
	static const int numbers[] = {SIGTERM, SIGINT, SIGHUP, SIGUSR1,
				      SIGUSR2};
	size_t i;

	(void)argc;
	(void)argv;
	for (i = 0; i < sizeof(numbers) / sizeof(*numbers); i++)
		signal(numbers[i], on_signal);
	puts("ready");
	fflush(stdout);
	while (!caught)
		usleep(1000);
	return caught;
}

static int do_sleep(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	puts("ready");
	fflush(stdout);
	sleep(60);
	return 1;
}

/* ignore PROGRAM...: runs it where ended children are ignored. */
static int do_ignore(int argc, char **argv)
{
	(void)argc;
	signal(SIGCHLD, SIG_IGN);
	execv(argv[2], argv + 2);
	return 1;
}

/* ---- terminals ---- */

static int do_terminal(int argc, char **argv)
{
	struct stat own, console;
	struct winsize size;
	char line[64];
	int fd;

	(void)argc;
	(void)argv;
	CHECK(isatty(0) && isatty(1) && isatty(2));
	CHECK(getsid(0) == getpid() && tcgetpgrp(0) == getpid());
	CHECK(!ioctl(0, TIOCGWINSZ, &size));
	printf("%s %d %d\n", ttyname(0), size.ws_row, size.ws_col);
	CHECK(open("/dev/tty", O_RDWR) >= 0);
	fd = open("/dev/console", O_WRONLY | O_NOCTTY);
	CHECK(fd >= 0 && isatty(fd) && !stat("/dev/console", &console));
	CHECK(!fstat(0, &own) && own.st_rdev == console.st_rdev);
	CHECK(fgets(line, sizeof(line), stdin) != NULL);
	printf("said %s", line);
	return 0;
}

/* Closes its terminal, and comes back to it with more than fits at once. */
static int do_late(int argc, char **argv)
{
	char text[60000];
	size_t done = 0;
	ssize_t n;
	int i, fd;

	(void)argc;
	(void)argv;
	for (i = 0; i < 3; i++)
		close(i);
	usleep(300000);
	fd = open("/dev/tty", O_RDWR);
	memset(text, 'x', sizeof(text));
	memcpy(text + sizeof(text) - 6, "\nlate\n", 6);
	while (fd >= 0 && done < sizeof(text)) {
		n = write(fd, text + done, sizeof(text) - done);
		if (n < 0)
			return 1;
		done += (size_t)n;
	}
	return fd < 0 ? 2 : 5;
}

/* ---- its own tree ---- */

static int files;

static void look(const char *path, int depth)
{
	char name[512], block[4096];
	const struct dirent *entry;
	struct stat st;
	DIR *directory;
	int fd;

	if (lstat(path, &st))
		return;
	files++;
	if (S_ISREG(st.st_mode)) {
		fd = open(path, O_RDONLY);
		while (fd >= 0 && read(fd, block, sizeof(block)) > 0)
			;
		close(fd);
	}
	if (!S_ISDIR(st.st_mode) || depth > 8)
		return;
	directory = opendir(path);
	CHECK(directory != NULL);
	while ((entry = readdir(directory))) {
		if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, ".."))
			continue;
		snprintf(name, sizeof(name), "%s/%s", path, entry->d_name);
		if (strcmp(name, "//proc") && strcmp(name, "//sys") &&
		    strcmp(name, "//dev"))
			look(name, depth + 1);
	}
	closedir(directory);
}

/* All at once: processes that look at the tree, make, map and run what is in
 * it. */
static int do_busy(int argc, char **argv)
{
	char name[64], *shared;
	int i, fd, status, bad = 0;

	(void)argc;
	(void)argv;
	for (i = 0; i < 6; i++) {
		if (fork())
			continue;
		look("/", 0);
		snprintf(name, sizeof(name), "/tmp/file%d", i);
		fd = open(name, O_RDWR | O_CREAT, 0600);
		CHECK(fd >= 0 && !ftruncate(fd, 100000));
		shared = mmap(NULL, 100000, PROT_READ | PROT_WRITE, MAP_SHARED,
			      fd, 0);
		CHECK(shared != MAP_FAILED);
		/* from a file of the tree into memory that is another's */
		fd = open(SELF, O_RDONLY);
		CHECK(fd >= 0 && read(fd, shared, 100000) == 100000);
		CHECK(!memcmp(shared, "\177ELF", 4) && files > 3);
		execl(SELF, SELF, "exit", "0", NULL);
		_exit(1);
	}
	while (wait(&status) > 0)
		bad |= status;
	return bad != 0;
}

static void put(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);

	CHECK(fd >= 0 &&
	      write(fd, text, strlen(text)) == (ssize_t)strlen(text));
	close(fd);
}

static int do_change(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	put("/etc/new", "new\n");
	put("/etc/changed", "other");
	CHECK(!chmod("/etc/mode", 0600));
	CHECK(!unlink("/etc/removed"));
	CHECK(!mkdir("/etc/directory", 0755));
	put("/etc/directory/a\nb", "");
	CHECK(!unlink("/etc/replaced/file") && !rmdir("/etc/replaced"));
	CHECK(!mkdir("/etc/replaced", 0755));
	put("/tmp/nobody-cares", "x");
	return 0;
}

/* read PATH, write PATH TEXT, list PATH, missing PATH, run PATH */
static int do_read(int argc, char **argv)
{
	char text[256];
	int fd = open(argv[2], O_RDONLY);
	ssize_t n;

	(void)argc;
	if (fd < 0) {
		printf("%s\n", strerror(errno));
		return 1;
	}
	n = read(fd, text, sizeof(text));
	CHECK(n >= 0);
	return fwrite(text, 1, (size_t)n, stdout) != (size_t)n;
}

static int do_write(int argc, char **argv)
{
	int fd = open(argv[2], O_WRONLY | O_CREAT | O_TRUNC, 0644);

	(void)argc;
	if (fd < 0 || write(fd, argv[3], strlen(argv[3])) < 0) {
		printf("%s\n", strerror(errno));
		return 1;
	}
	return 0;
}

static int do_owner(int argc, char **argv)
{
	struct stat st;

	(void)argc;
	CHECK(!stat(argv[2], &st));
	printf("%d %d\n", (int)st.st_uid, (int)st.st_gid);
	return 0;
}

/* What others see of what is mounted at path, which the kernel tells. */
static void print_propagation(const char *path)
{
	FILE *file = fopen("/proc/self/mountinfo", "re");
	char line[1024], at[256], shown[256] = "";

	CHECK(file != NULL);
	while (fgets(line, sizeof(line), file)) {
		if (sscanf(line, "%*s %*s %*s %*s %255s %*s %255s", at,
			   shown) != 2 ||
		    strcmp(at, path))
			continue;
		shown[strcspn(shown, ":")] = '\0';
		if (strcmp(shown, "-"))
			printf(" %s", shown);
	}
	fclose(file);
}

/* How each of these is mounted. */
static int do_flags(int argc, char **argv)
{
	static const struct {
		unsigned long flag;
		const char *name;
	} names[] = {{ST_RDONLY, "ro"},
		     {ST_NOEXEC, "noexec"},
		     {ST_NOSUID, "nosuid"},
		     {ST_NODEV, "nodev"}};
	struct statvfs st;
	size_t k;
	int i;

	for (i = 2; i < argc; i++) {
		CHECK(!statvfs(argv[i], &st));
		printf("%s", argv[i]);
		for (k = 0; k < sizeof(names) / sizeof(*names); k++) {
			if (st.f_flag & names[k].flag)
				printf(" %s", names[k].name);
		}
		print_propagation(argv[i]);
		putchar('\n');
	}
	return 0;
}

/* ---- a directory that somebody outside changes ---- */

#define LOOKS 5000

/* Says that it is there; goes on when the file is. */
static void tell_and_wait(const char *word, const char *path)
{
	int i;

	printf("%s\n", word);
	fflush(stdout);
	for (i = 0; access(path, F_OK); i++) {
		CHECK(i < 1000 && errno == ENOENT);
		usleep(10000);
	}
}

static int has_name(const char *directory, const char *name)
{
	DIR *dir = opendir(directory);
	struct dirent *entry;
	int found = 0;

	CHECK(dir != NULL);
	while ((entry = readdir(dir)))
		found |= !strcmp(entry->d_name, name);
	closedir(dir);
	return found;
}

static void check_content(int fd, const char *want)
{
	char text[64] = "";
	struct stat st;

	CHECK(pread(fd, text, sizeof(text) - 1, 0) == (ssize_t)strlen(want));
	CHECK(!strcmp(text, want));
	CHECK(!fstat(fd, &st) && st.st_size == (off_t)strlen(want));
}

static void look_often(const char *path)
{
	struct stat st;
	int i;

	for (i = 0; i < LOOKS; i++)
		CHECK(!stat(path, &st));
}

/* What it knows before is not what it sees after. */
static int do_outside(int argc, char **argv)
{
	int file = open("/bound/file", O_RDWR | O_APPEND);
	int again;

	(void)argc;
	(void)argv;
	CHECK(file >= 0);
	check_content(file, "outside\n");
	CHECK(!access("/bound/gone", F_OK));
	CHECK(access("/bound/later", F_OK) && errno == ENOENT);
	CHECK(has_name("/bound", "gone") && !has_name("/bound", "later"));
	tell_and_wait("ready", "/bound/changed");
	check_content(file, "changed outside\n");
	CHECK(access("/bound/gone", F_OK) && errno == ENOENT);
	CHECK(!access("/bound/later", F_OK));
	CHECK(!has_name("/bound", "gone") && has_name("/bound", "later"));
	again = open("/bound/file", O_RDONLY);
	CHECK(again >= 0);
	check_content(again, "changed outside\n");
	/* at the end, wherever that is now */
	CHECK(write(file, "and inside\n", 11) == 11);
	check_content(again, "changed outside\nand inside\n");
	again = open("/bound/new", O_RDONLY);
	CHECK(again >= 0);
	check_content(again, "another file\n");
	tell_and_wait("seen", "/bound/count");
	look_often("/etc/mode");
	tell_and_wait("kept", "/bound/go");
	look_often("/bound/file");
	tell_and_wait("asked", "/bound/end");
	return 0;
}

static int do_run(int argc, char **argv)
{
	(void)argc;
	execl(argv[2], argv[2], "exit", "0", NULL);
	printf("%s\n", strerror(errno));
	return 1;
}

static const struct {
	const char *name;
	int (*act)(int argc, char **argv);
} acts[] = {
	{"who", do_who},	   {"exit", do_exit},	  {"kill", do_kill},
	{"devices", do_devices},   {"shm", do_shm},	  {"proc", do_proc},
	{"orphan", do_orphan},	   {"wait", do_wait},	  {"sleep", do_sleep},
	{"terminal", do_terminal}, {"busy", do_busy},	  {"change", do_change},
	{"read", do_read},	   {"write", do_write},	  {"run", do_run},
	{"outside", do_outside},   {"ignore", do_ignore}, {"flags", do_flags},
	{"owner", do_owner},	   {"late", do_late},
};

int main(int argc, char **argv)
{
	size_t i;

	for (i = 0; argc > 1 && i < sizeof(acts) / sizeof(*acts); i++) {
		if (!strcmp(argv[1], acts[i].name))
			return acts[i].act(argc, argv);
	}
	printf("hello, world\n");
	return 0;
}
