/* SPDX-License-Identifier: MIT */
/*
 * vfs-fuse: locks, and above all those that are waited for: they keep nobody
 * from work, and who waits can be killed. The session has two threads for all
 * requests here.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "mounted.h"

#define WAITERS 24
#define PATIENCE_MSEC 10000

static int lock_range(int fd, int cmd, int type, off_t start, off_t length)
{
	struct flock lock = {.l_type = (short)type,
			     .l_whence = SEEK_SET,
			     .l_start = start,
			     .l_len = length};

	return fcntl(fd, cmd, &lock);
}

static void on_signal(int signal)
{
	(void)signal;
}

/* Ended within the time that a test has? Then with *status. */
static bool ended(pid_t child, int *status)
{
	int i;

	for (i = 0; i < PATIENCE_MSEC / 10; i++) {
		if (waitpid(child, status, WNOHANG) == child)
			return true;
		usleep(10000);
	}
	return false;
}

/* Is the thread in the call that takes a lock, and stays there? */
static bool waits(pid_t child)
{
	char path[64], text[256];
	int i, fd, seen = 0;
	long call;

	snprintf(path, sizeof(path), "/proc/%d/syscall", child);
	for (i = 0; i < PATIENCE_MSEC / 10 && seen < 3; i++) {
		memset(text, 0, sizeof(text));
		fd = open(path, O_RDONLY);
		if (fd >= 0 && read(fd, text, sizeof(text) - 1) > 0 &&
		    sscanf(text, "%ld", &call) == 1 &&
		    (call == SYS_flock || call == SYS_fcntl))
			seen++;
		else
			seen = 0;
		close(fd);
		usleep(10000);
	}
	return seen == 3;
}

enum how {
	BY_FLOCK,
	BY_RECORD,
	BY_OFD
};

static int take(int fd, enum how how)
{
	if (how == BY_FLOCK)
		return flock(fd, LOCK_EX);
	return lock_range(fd, how == BY_OFD ? F_OFD_SETLKW : F_SETLKW, F_WRLCK,
			  0, 0);
}

static int let_go(int fd, enum how how)
{
	if (how == BY_FLOCK)
		return flock(fd, LOCK_UN);
	return lock_range(fd, how == BY_OFD ? F_OFD_SETLK : F_SETLK, F_UNLCK, 0,
			  0);
}

/* A child that opens the file and waits for its lock: 0 got, errno not. */
static pid_t start_waiter(enum how how)
{
	pid_t pid = fork();
	struct sigaction action = {.sa_handler = on_signal};
	int fd;

	if (pid)
		return pid;
	sigaction(SIGUSR1, &action, NULL);
	fd = open("lock", O_RDWR);
	_exit(take(fd, how) ? errno : 0);
}

static void test_waiters(enum how how)
{
	pid_t pids[WAITERS];
	int fd = open("lock", O_RDWR | O_CREAT, 0666), status, i;
	struct stat st;

	check_eq(take(fd, how), 0);
	for (i = 0; i < WAITERS; i++)
		pids[i] = start_waiter(how);
	for (i = 0; i < WAITERS; i++)
		check(waits(pids[i]));
	/* the session works on */
	check_eq(mkdir("meanwhile", 0755), 0);
	check_eq(stat("meanwhile", &st), 0);
	check_eq(rmdir("meanwhile"), 0);
	/* a signal with a handler, and one that kills */
	status = 0;
	check_eq(kill(pids[0], SIGUSR1), 0);
	check(ended(pids[0], &status));
	check(WIFEXITED(status) && WEXITSTATUS(status) == EINTR);
	check_eq(kill(pids[1], SIGKILL), 0);
	check(ended(pids[1], &status));
	check(WIFSIGNALED(status));
	/* the rest get it, one after the other */
	check_eq(let_go(fd, how), 0);
	for (i = 2; i < WAITERS; i++) {
		check(ended(pids[i], &status));
		check_eq(status, 0);
	}
	close(fd);
}

static void test_who_has_it(void)
{
	int fd = open("lock", O_RDWR), pipe_fds[2];
	struct flock lock = {.l_type = F_RDLCK, .l_whence = SEEK_SET};
	char byte;
	pid_t pid;

	check_eq(pipe(pipe_fds), 0);
	pid = fork();
	if (!pid) {
		int again;

		lock_range(fd, F_SETLK, F_WRLCK, 10, 20);
		if (write(pipe_fds[1], "1", 1) != 1)
			_exit(1);
		pause();
		again = open("lock", O_RDONLY);
		close(again);
		_exit(0);
	}
	check_eq(read(pipe_fds[0], &byte, 1), 1);
	check_eq(fcntl(fd, F_GETLK, &lock), 0);
	check_eq(lock.l_type, F_WRLCK);
	check_eq(lock.l_start, 10);
	check_eq(lock.l_len, 20);
	check_eq(lock.l_pid, pid);
	check_errno(lock_range(fd, F_SETLK, F_RDLCK, 29, 5), EAGAIN);
	check_eq(lock_range(fd, F_SETLK, F_RDLCK, 30, 5), 0);
	check_eq(kill(pid, SIGKILL), 0);
	check_eq(waitpid(pid, NULL, 0), pid);
	/* its end was the lock's */
	check_eq(lock_range(fd, F_SETLK, F_WRLCK, 0, 0), 0);
	close(fd);
}

/* The close of any descriptor of the file ends a process's record locks; those
 * of an open file go with that. */
static void test_ends(void)
{
	int fd = open("lock", O_RDWR), other = open("lock", O_RDWR), dup_fd;
	struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};

	check_eq(lock_range(fd, F_SETLK, F_WRLCK, 0, 10), 0);
	check_eq(fcntl(other, F_OFD_GETLK, &lock), 0);
	check_eq(lock.l_type, F_WRLCK);
	close(open("lock", O_RDONLY));
	lock.l_pid = 0;
	check_eq(fcntl(other, F_OFD_GETLK, &lock), 0);
	check_eq(lock.l_type, F_UNLCK);

	check_eq(lock_range(fd, F_OFD_SETLK, F_WRLCK, 0, 10), 0);
	/* its own, not another's */
	check_eq(lock_range(other, F_OFD_SETLK, F_WRLCK, 20, 5), 0);
	lock = (struct flock){.l_type = F_UNLCK, .l_whence = SEEK_SET};
	check_eq(fcntl(other, F_OFD_GETLK, &lock), 0);
	check_eq(lock.l_type, F_WRLCK);
	check_eq(lock.l_start, 20);
	check_eq(lock.l_len, 5);
	check_eq(lock_range(other, F_OFD_SETLK, F_UNLCK, 20, 5), 0);
	dup_fd = dup(fd);
	close(fd);
	check_errno(lock_range(other, F_OFD_SETLK, F_WRLCK, 0, 1), EAGAIN);
	close(dup_fd);
	/* the kernel tells of the end behind the close */
	for (fd = 0; fd < PATIENCE_MSEC / 10 &&
		     lock_range(other, F_OFD_SETLK, F_WRLCK, 0, 1);
	     fd++)
		usleep(10000);
	check_eq(lock_range(other, F_OFD_SETLK, F_WRLCK, 0, 1), 0);
	close(other);
}

struct waiting {
	int fd, error;
	pid_t tid;
};

static void *wait_in_thread(void *argument)
{
	struct waiting *w = argument;

	__atomic_store_n(&w->tid, gettid(), __ATOMIC_RELAXED);
	w->error = lock_range(w->fd, F_SETLKW, F_WRLCK, 0, 0) ? errno : 0;
	return NULL;
}

/* A process of two threads: what one gets after the other has closed the file
 * is the process's. */
static void wait_and_close(int told, int tell)
{
	struct waiting w = {.fd = open("lock", O_RDWR)};
	int other = open("lock", O_RDWR), i;
	pthread_t thread;
	pid_t tid = 0;
	char byte;

	check_eq(pthread_create(&thread, NULL, wait_in_thread, &w), 0);
	for (i = 0; i < PATIENCE_MSEC && !tid; i++) {
		usleep(1000);
		tid = __atomic_load_n(&w.tid, __ATOMIC_RELAXED);
	}
	check(waits(tid));
	check_eq(close(other), 0);
	check_eq(write(tell, "1", 1), 1);
	check_eq(pthread_join(thread, NULL), 0);
	check_eq(w.error, 0);
	check_eq(write(tell, "2", 1), 1);
	check_eq(read(told, &byte, 1), 1);
	close(w.fd);
}

static void test_close_while_waiting(void)
{
	int fd = open("lock", O_RDWR), there[2], back[2];
	char byte;
	pid_t pid;

	check_eq(pipe(there), 0);
	check_eq(pipe(back), 0);
	check_eq(lock_range(fd, F_SETLK, F_WRLCK, 0, 0), 0);
	pid = child_start();
	if (!pid) {
		wait_and_close(there[0], back[1]);
		child_end();
	}
	check_eq(read(back[0], &byte, 1), 1);
	check_eq(lock_range(fd, F_SETLK, F_UNLCK, 0, 0), 0);
	check_eq(read(back[0], &byte, 1), 1);
	check_errno(lock_range(fd, F_SETLK, F_WRLCK, 0, 0), EAGAIN);
	check_eq(write(there[1], "3", 1), 1);
	as_join(pid);
	check_eq(lock_range(fd, F_SETLK, F_WRLCK, 0, 0), 0);
	close(fd);
}

static unsigned long long free_blocks(void)
{
	struct statfs fs = {0};

	check_eq(statfs(".", &fs), 0);
	return fs.f_bfree;
}

/* Who has only asked for a lock, or let go of one that was not there, keeps
 * nothing of a file that is gone. */
static void test_who_asks(void)
{
	struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
	unsigned long long before = free_blocks();
	int fd = open("asked", O_RDWR | O_CREAT, 0600), i;

	check_eq(fallocate(fd, 0, 0, 1 << 20), 0);
	check_eq(fcntl(fd, F_OFD_GETLK, &lock), 0);
	check_eq(lock.l_type, F_UNLCK);
	close(fd);
	fd = open("asked", O_RDWR);
	check_eq(lock_range(fd, F_OFD_SETLK, F_UNLCK, 0, 0), 0);
	close(fd);
	check_eq(unlink("asked"), 0);
	for (i = 0; i < PATIENCE_MSEC / 10 && free_blocks() < before; i++)
		usleep(10000);
	check(free_blocks() >= before);
}

static void test_deadlock(void)
{
	int fd = open("lock", O_RDWR), pipe_fds[2], status = 0;
	char byte;
	pid_t pid;

	check_eq(pipe(pipe_fds), 0);
	check_eq(lock_range(fd, F_SETLK, F_WRLCK, 0, 1), 0);
	pid = fork();
	if (!pid) {
		lock_range(fd, F_SETLK, F_WRLCK, 1, 1);
		if (write(pipe_fds[1], "1", 1) != 1)
			_exit(1);
		_exit(lock_range(fd, F_SETLKW, F_WRLCK, 0, 1) ? errno : 0);
	}
	check_eq(read(pipe_fds[0], &byte, 1), 1);
	check(waits(pid));
	check_eq(lock_range(fd, F_SETLKW, F_WRLCK, 1, 1), -1);
	check_eq(errno, EDEADLK);
	check_eq(lock_range(fd, F_SETLK, F_UNLCK, 0, 1), 0);
	check(ended(pid, &status));
	check_eq(status, 0);
	close(fd);
}

/* The server ends, whoever waits. Where it keeps the locks who waits is woken;
 * where the kernel does, it waits for the one who has it, as on any mount. */
static void test_end_while_waiting(struct mounted *m, bool kept_by_kernel)
{
	int fd = open("lock", O_RDWR), status = -1;
	pid_t pid;

	check_eq(flock(fd, LOCK_EX), 0);
	pid = start_waiter(BY_FLOCK);
	check(waits(pid));
	check_eq(kill(m->server, SIGTERM), 0);
	if (!kept_by_kernel) {
		check(ended(pid, &status));
		check(WIFEXITED(status) && WEXITSTATUS(status) == ENOTCONN);
	}
	check(ended(m->server, &status));
	check_eq(status, 0);
	m->server = 0;
	if (kept_by_kernel) {
		check(waits(pid));
		check_eq(flock(fd, LOCK_UN), 0);
		check(ended(pid, &status));
		check_eq(status, 0);
	}
	close(fd);
}

int main(int argc, char **argv)
{
	struct mounted m;

	mounted_begin(&m, argc, argv, NULL);
	test_waiters(BY_FLOCK);
	test_waiters(BY_RECORD);
	test_waiters(BY_OFD);
	test_who_has_it();
	test_ends();
	test_close_while_waiting();
	test_who_asks();
	test_deadlock();
	test_end_while_waiting(&m, !strstr(argv[3], "cache=none"));
	return mounted_end(&m);
}
