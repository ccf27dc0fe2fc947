/* SPDX-License-Identifier: MIT */
/*
 * What the server's first thread does while others answer requests: it waits
 * for process 1's end, passes signals on to it, and carries what goes between
 * the two terminals, if there are two. Contract: run.h.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "run.h"

/* Signals that are not passed on: of faults and of job control, and the one
 * that a session's threads use. */
static const int own_signals[] = {SIGSEGV, SIGBUS,  SIGILL,  SIGFPE,
				  SIGTRAP, SIGSYS,  SIGABRT, SIGTSTP,
				  SIGTTIN, SIGTTOU, SIGCONT, SIGPIPE};

static void passed_signals(sigset_t *set)
{
	size_t i;

	sigfillset(set);
	for (i = 0; i < sizeof(own_signals) / sizeof(*own_signals); i++)
		sigdelset(set, own_signals[i]);
	sigdelset(set, SIGRTMAX);
}

/* Process 1 and the threads have the same mask from the beginning. */
void run_hold_signals(struct run *run)
{
	sigset_t set;

	passed_signals(&set);
	sigprocmask(SIG_BLOCK, &set, &run->signals);
}

static bool has_ended(const struct run *run, int *status)
{
	int wait_status;

	if (waitpid(run->init, &wait_status, WNOHANG) != run->init)
		return false;
	*status = WIFSIGNALED(wait_status)
			  ? EXIT_SIGNAL_BASE + WTERMSIG(wait_status)
			  : WEXITSTATUS(wait_status);
	return true;
}

static void on_signal(struct run *run, struct console *console, int signals)
{
	struct signalfd_siginfo info;

	if (read(signals, &info, sizeof(info)) != sizeof(info))
		return;
	if (info.ssi_signo == SIGWINCH && console)
		console_resize(console);
	else if (info.ssi_signo != SIGCHLD && info.ssi_code != SI_KERNEL)
		/* the terminal has sent its own to the program as well */
		kill(run->init, (int)info.ssi_signo);
}

int run_watch(struct run *run)
{
	struct console *console = NULL;
	struct pollfd fds[4] = {{0}};
	int status = EXIT_RUN;
	nfds_t count;
	sigset_t set;

	passed_signals(&set);
	fds[0].fd = signalfd(-1, &set, SFD_CLOEXEC);
	fds[0].events = POLLIN;
	fds[1].fd = run->terminal ? run->socket : -1;
	fds[1].events = POLLIN;
	signal(SIGPIPE, SIG_IGN);
	while (!has_ended(run, &status)) {
		count = 2 + (console ? console_poll(console, fds + 2) : 0);
		if (poll(fds, count, -1) < 0)
			continue;
		if (fds[0].revents)
			on_signal(run, console, fds[0].fd);
		if (fds[1].revents) {
			console = console_start(run);
			fds[1].fd = -1;
		} else if (console) {
			console_pass(console, fds + 2);
		}
	}
	console_end(console);
	close(fds[0].fd);
	if (run->socket >= 0)
		close(run->socket);
	run->socket = -1;
	return status;
}
