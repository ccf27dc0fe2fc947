/* SPDX-License-Identifier: MIT */
/*
 * Process 1 of the container: makes its mounts, starts the program, passes
 * signals on to it, takes the exit statuses of whoever is left to it, and ends
 * with the program's; the kernel ends all others then. One thread; it looks at
 * no file once the program runs. Contract: run.h.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "run.h"

/* Those that the server has are not the container's; 0, 1 and 2 stay. */
static void close_others(int *mount_fd, int *sock)
{
	int fd, last = 5;

	/* both above what they are moved to */
	*mount_fd = fcntl(*mount_fd, F_DUPFD_CLOEXEC, last);
	*sock = fcntl(*sock, F_DUPFD_CLOEXEC, last);
	*mount_fd = dup3(*mount_fd, 3, O_CLOEXEC);
	*sock = dup3(*sock, 4, O_CLOEXEC);
#ifdef SYS_close_range
	if (!syscall(SYS_close_range, (unsigned int)last, ~0u, 0u))
		return;
#endif
	for (fd = last; fd < (int)sysconf(_SC_OPEN_MAX); fd++)
		close(fd);
}

static int status_of(int status)
{
	return WIFSIGNALED(status) ? EXIT_SIGNAL_BASE + WTERMSIG(status)
				   : WEXITSTATUS(status);
}

/* Until program has ended: its exit status. All signals are blocked. */
static int reap(pid_t program)
{
	sigset_t all;
	siginfo_t info;
	int status;
	pid_t pid;

	sigfillset(&all);
	for (;;) {
		while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
			if (pid == program)
				return status_of(status);
		}
		if (sigwaitinfo(&all, &info) < 0 || info.si_signo == SIGCHLD)
			continue;
		/* the terminal's are sent to the program as well */
		if (info.si_code != SI_KERNEL)
			kill(program, info.si_signo);
	}
}

static int start_program(struct run *run)
{
	int status, terminal = -1;
	pid_t program;

	if (run->terminal) {
		status = run_console_make(run, &terminal);
		if (status)
			return status;
	}
	program = fork();
	if (!program)
		run_program(run, terminal);
	if (program < 0)
		return run_fail("process: %s", strerror(errno));
	close(run->socket);
	/* the terminal stays open: when the program has closed it, it can open
	 * it again */
	/* nobody inside is to see what this process is, which is the host's */
	prctl(PR_SET_DUMPABLE, 0);
	return reap(program);
}

static _Noreturn void be_init(struct run *run, int mount_fd, int sock)
{
	int status;
	char go;

	/* with the server the tree ends */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	close_others(&mount_fd, &sock);
	run->socket = sock;
	if (read(sock, &go, 1) != 1)
		_exit(EXIT_RUN);
	status = run_enter(run, mount_fd);
	if (!status)
		status = start_program(run);
	_exit(status);
}

/* fork(2), into new namespaces. unshare(2) would keep this process from having
 * threads. */
static pid_t fork_apart(void)
{
	struct clone_args args = {.flags = CLONE_NEWPID | CLONE_NEWNS,
				  .exit_signal = SIGCHLD};

	return (pid_t)syscall(SYS_clone3, &args, sizeof(args));
}

int run_init(struct run *run, int mount_fd)
{
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair))
		return run_fail("socket: %s", strerror(errno));
	run->init = fork_apart();
	if (!run->init)
		be_init(run, mount_fd, pair[1]);
	close(pair[1]);
	if (run->init < 0) {
		close(pair[0]);
		return run_fail("no pid and mount namespaces can be made: %s",
				strerror(errno));
	}
	run->socket = pair[0];
	return 0;
}

int run_go(struct run *run)
{
	if (write(run->socket, "", 1) == 1)
		return 0;
	return run_fail("process 1: %s", strerror(errno));
}
