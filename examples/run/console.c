/* SPDX-License-Identifier: MIT */
/*
 * A terminal of the container's own: process 1 makes it in the container's
 * devpts and sends its master to the server, which carries what is typed and
 * printed between it and the terminal that vfs-run was started on; that one is
 * raw meanwhile. Contract: run.h.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include "run.h"
#include "text.h"

#define CONSOLE_ROOM 4096u

struct console {
	int master;
	bool raw;     /* the terminal outside is one, and was changed */
	bool more;    /* its input has not ended */
	bool writing; /* the program has not ended its side */
	struct termios before;
	/* what was typed, and does not fit yet */
	char typed[CONSOLE_ROOM];
	size_t length;
};

union passed_fd {
	struct cmsghdr header;
	char room[CMSG_SPACE(sizeof(int))];
};

static int send_fd(int sock, int fd)
{
	struct iovec iov = {(void *)(uintptr_t) "", 1};
	union passed_fd passed;
	struct msghdr msg = {.msg_iov = &iov,
			     .msg_iovlen = 1,
			     .msg_control = &passed,
			     .msg_controllen = sizeof(passed)};

	memset(&passed, 0, sizeof(passed));
	passed.header.cmsg_level = SOL_SOCKET;
	passed.header.cmsg_type = SCM_RIGHTS;
	passed.header.cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(&passed.header), &fd, sizeof(int));
	return sendmsg(sock, &msg, MSG_NOSIGNAL) < 0 ? -1 : 0;
}

static int receive_fd(int sock)
{
	char byte;
	struct iovec iov = {&byte, 1};
	union passed_fd passed;
	struct msghdr msg = {.msg_iov = &iov,
			     .msg_iovlen = 1,
			     .msg_control = &passed,
			     .msg_controllen = sizeof(passed)};
	struct cmsghdr *header;
	int fd = -1;

	if (recvmsg(sock, &msg, MSG_CMSG_CLOEXEC) <= 0)
		return -1;
	header = CMSG_FIRSTHDR(&msg);
	if (header && header->cmsg_level == SOL_SOCKET &&
	    header->cmsg_type == SCM_RIGHTS)
		memcpy(&fd, CMSG_DATA(header), sizeof(int));
	return fd;
}

/* ---- process 1 ---- */

static void set_size(const struct run *run, int master)
{
	const struct winsize size = {
		.ws_row = (unsigned short)run->config->console_rows,
		.ws_col = (unsigned short)run->config->console_columns};

	if (size.ws_row && size.ws_col)
		ioctl(master, TIOCSWINSZ, &size);
}

/* Also as /dev/console, if that is there or can be made. */
static int show_console(int slave)
{
	static const char path[] = "/dev/console";
	int err, tree;

	if (mknod(path, S_IFREG | 0600, 0) && errno != EEXIST)
		return 0;
	tree = open_tree(slave, "",
			 AT_EMPTY_PATH | OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
	if (tree < 0)
		return -1;
	err = move_mount(tree, "", AT_FDCWD, path,
			 MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_SYMLINKS);
	close(tree);
	/* a symlink that leads nowhere */
	return err && errno != ENOENT ? -1 : 0;
}

int run_console_make(struct run *run, int *terminal)
{
	int master = open("/dev/pts/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC);
	int slave = -1, unlock = 0;

	if (master >= 0 && !ioctl(master, TIOCSPTLCK, &unlock))
		slave = ioctl(master, TIOCGPTPEER,
			      O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (slave < 0)
		return run_fail("/process/terminal: /dev/pts: %s",
				strerror(errno));
	set_size(run, master);
	if (fchown(slave, run->spec.uid, (gid_t)-1) || show_console(slave) ||
	    send_fd(run->socket, master))
		return run_fail("/process/terminal: %s", strerror(errno));
	close(master);
	*terminal = slave;
	return 0;
}

/* ---- the server ---- */

/* As the terminal outside; what the config says is for where there is none. */
void console_resize(struct console *console)
{
	struct winsize size;
	int fd;

	for (fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
		if (ioctl(fd, TIOCGWINSZ, &size))
			continue;
		if (size.ws_row && size.ws_col)
			ioctl(console->master, TIOCSWINSZ, &size);
		return;
	}
}

struct console *console_start(struct run *run)
{
	struct console *console;
	struct termios raw;
	int master = receive_fd(run->socket);

	if (master < 0)
		return NULL;
	console = text_need(calloc(1, sizeof(*console)));
	console->master = master;
	console->more = console->writing = true;
	fcntl(master, F_SETFL, fcntl(master, F_GETFL) | O_NONBLOCK);
	console_resize(console);
	if (tcgetattr(STDIN_FILENO, &console->before))
		return console;
	raw = console->before;
	cfmakeraw(&raw);
	console->raw = !tcsetattr(STDIN_FILENO, TCSANOW, &raw);
	return console;
}

nfds_t console_poll(const struct console *console, struct pollfd *fds)
{
	bool room = console->length < CONSOLE_ROOM;

	fds[0] = (struct pollfd){.fd = console->writing ? console->master : -1,
				 .events = POLLIN};
	if (console->length)
		fds[0].events |= POLLOUT;
	fds[1] =
		(struct pollfd){.fd = console->more && room ? STDIN_FILENO : -1,
				.events = POLLIN};
	return 2;
}

static void print(const char *text, size_t length)
{
	ssize_t n;

	for (; length; text += n, length -= (size_t)n) {
		n = write(STDOUT_FILENO, text, length);
		if (n < 0 && errno != EINTR)
			return;
		n = n < 0 ? 0 : n;
	}
}

/* What the program has written; false: there is no more for now. */
static bool pass_out(struct console *console)
{
	char text[CONSOLE_ROOM];
	ssize_t n = read(console->master, text, sizeof(text));

	if (n > 0)
		print(text, (size_t)n);
	/* EIO: nobody has it open inside, for now or for good */
	if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
		console->writing = false;
	return n > 0;
}

/* What is typed; at its end, what the terminal's end of a file is. */
static void read_typed(struct console *console)
{
	ssize_t n = read(STDIN_FILENO, console->typed + console->length,
			 CONSOLE_ROOM - console->length);

	if (n > 0) {
		console->length += (size_t)n;
	} else if (n == 0 || errno != EINTR) {
		console->more = false;
		console->typed[console->length++] = '\4';
	}
}

static void pass_in(struct console *console)
{
	ssize_t n = write(console->master, console->typed, console->length);

	if (n > 0) {
		console->length -= (size_t)n;
		memmove(console->typed, console->typed + n, console->length);
	} else if (n < 0 && errno != EAGAIN && errno != EINTR) {
		console->length = 0;
	}
}

void console_pass(struct console *console, const struct pollfd *fds)
{
	if (fds[0].revents & (POLLIN | POLLHUP | POLLERR))
		pass_out(console);
	if (fds[1].revents)
		read_typed(console);
	if (console->length)
		pass_in(console);
}

void console_end(struct console *console)
{
	if (!console)
		return;
	while (pass_out(console))
		;
	if (console->raw)
		tcsetattr(STDIN_FILENO, TCSADRAIN, &console->before);
	close(console->master);
	free(console);
}
