/* SPDX-License-Identifier: MIT */
/* Servers with a name. Contract: control.h. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "control.h"

/* Where name's socket is, with its directory. 0 or a negative errno. */
static int place_of(const char *name, const char *suffix,
		    struct sockaddr_un *out)
{
	const char *run = geteuid() ? getenv("XDG_RUNTIME_DIR") : "/run";
	int n;

	memset(out, 0, sizeof(*out));
	out->sun_family = AF_UNIX;
	if (!run || !*name || strchr(name, '/') || name[0] == '.')
		return -EINVAL;
	n = snprintf(out->sun_path, sizeof(out->sun_path), "%s/vfs-fuse", run);
	if (n < 0 || (size_t)n >= sizeof(out->sun_path))
		return -ENAMETOOLONG;
	if (mkdir(out->sun_path, 0700) && errno != EEXIST)
		return -errno;
	n = snprintf(out->sun_path, sizeof(out->sun_path), "%s/vfs-fuse/%s%s",
		     run, name, suffix);
	return n < 0 || (size_t)n >= sizeof(out->sun_path) ? -ENAMETOOLONG : 0;
}

/* Is what is open at fd still what has the name? A server that ends takes its
 * file away. */
static bool is_there(int fd, const char *path)
{
	struct stat open_one, named;

	return !fstat(fd, &open_one) && !stat(path, &named) &&
	       open_one.st_ino == named.st_ino &&
	       open_one.st_dev == named.st_dev;
}

static int take_name(const char *name, int *lock_fd)
{
	struct sockaddr_un place;
	int err = place_of(name, ".lock", &place), fd = -1;

	while (!err) {
		fd = open(place.sun_path,
			  O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
		if (fd < 0)
			return -errno;
		if (flock(fd, LOCK_EX | LOCK_NB))
			err = errno == EWOULDBLOCK ? -EEXIST : -errno;
		else if (is_there(fd, place.sun_path))
			break;
		close(fd);
	}
	if (!err)
		*lock_fd = fd;
	return err;
}

int control_listen(const char *name, int *lock_fd)
{
	struct sockaddr_un place;
	int err = take_name(name, lock_fd), fd;

	if (err) {
		if (err != -EEXIST)
			fprintf(stderr, "vfs-fuse: server %s: %s\n", name,
				strerror(-err));
		return err;
	}
	err = place_of(name, ".sock", &place);
	fd = err ? -1 : socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	/* what is there is a server's that did not end by itself */
	if (fd >= 0)
		unlink(place.sun_path);
	if (fd < 0 || bind(fd, (struct sockaddr *)&place, sizeof(place)) ||
	    listen(fd, 16)) {
		err = err ? err : -errno;
		fprintf(stderr, "vfs-fuse: server %s: %s\n", name,
			strerror(-err));
		if (fd >= 0)
			close(fd);
		close(*lock_fd);
		return err;
	}
	return fd;
}

void control_unlisten(const char *name, int listen_fd, int lock_fd)
{
	struct sockaddr_un place;

	if (!place_of(name, ".sock", &place))
		unlink(place.sun_path);
	close(listen_fd);
	if (!place_of(name, ".lock", &place))
		unlink(place.sun_path);
	close(lock_fd);
}

/* ---- messages ---- */

void control_namespaces(uint64_t namespaces[2])
{
	static const char *const names[] = {"/proc/self/ns/user",
					    "/proc/self/ns/pid"};
	struct stat st;
	int i;

	for (i = 0; i < 2; i++)
		namespaces[i] = stat(names[i], &st) ? 0 : st.st_ino;
}

union passed_fd {
	struct cmsghdr header;
	char room[CMSG_SPACE(sizeof(int))];
};

static int fd_in(struct msghdr *msg)
{
	struct cmsghdr *c = CMSG_FIRSTHDR(msg);
	int fd = -1;

	if (c && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS &&
	    c->cmsg_len == CMSG_LEN(sizeof(int)))
		memcpy(&fd, CMSG_DATA(c), sizeof(int));
	return fd;
}

static int check_peer(int fd)
{
	struct ucred peer;
	socklen_t size = sizeof(peer);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size))
		return -errno;
	return peer.uid && peer.uid != geteuid() ? -EPERM : 0;
}

int control_receive(int listen_fd, struct control_message *message,
		    int *fuse_fd, int *answer_fd)
{
	struct timeval patience = {.tv_sec = 5};
	struct iovec iov = {message, sizeof(*message)};
	union passed_fd passed;
	struct msghdr msg = {.msg_iov = &iov,
			     .msg_iovlen = 1,
			     .msg_control = &passed,
			     .msg_controllen = sizeof(passed)};
	int fd = accept4(listen_fd, NULL, NULL, SOCK_CLOEXEC), err;
	ssize_t n;

	if (fd < 0)
		return -errno;
	err = check_peer(fd);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	n = err ? 0 : recvmsg(fd, &msg, MSG_CMSG_CLOEXEC);
	if (!err && n != sizeof(*message))
		err = -EBADMSG;
	*fuse_fd = n > 0 ? fd_in(&msg) : -1;
	if (err) {
		if (*fuse_fd >= 0)
			close(*fuse_fd);
		control_answer(fd, err);
		return err;
	}
	message->fuse[sizeof(message->fuse) - 1] = '\0';
	message->mountpoint[sizeof(message->mountpoint) - 1] = '\0';
	*answer_fd = fd;
	return 0;
}

void control_answer(int answer_fd, int status)
{
	if (send(answer_fd, &status, sizeof(status), MSG_NOSIGNAL) < 0)
		fprintf(stderr, "vfs-fuse: answering: %m\n");
	close(answer_fd);
}

static int send_message(int fd, const struct control_message *message,
			int fuse_fd)
{
	struct iovec iov = {(void *)(uintptr_t)message, sizeof(*message)};
	union passed_fd passed;
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};

	if (fuse_fd >= 0) {
		memset(&passed, 0, sizeof(passed));
		msg.msg_control = &passed;
		msg.msg_controllen = sizeof(passed);
		passed.header.cmsg_level = SOL_SOCKET;
		passed.header.cmsg_type = SCM_RIGHTS;
		passed.header.cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(&passed.header), &fuse_fd, sizeof(int));
	}
	return sendmsg(fd, &msg, MSG_NOSIGNAL) < 0 ? -errno : 0;
}

int control_send(const char *name, const struct control_message *message,
		 int fuse_fd)
{
	struct sockaddr_un place;
	int err = place_of(name, ".sock", &place), fd, status;

	if (err)
		return err;
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	if (connect(fd, (struct sockaddr *)&place, sizeof(place)))
		err = errno == ECONNREFUSED ? -ENOENT : -errno;
	if (!err)
		err = send_message(fd, message, fuse_fd);
	if (!err) {
		ssize_t n = recv(fd, &status, sizeof(status), 0);

		err = n == sizeof(status) ? status : n < 0 ? -errno : -EPIPE;
	}
	close(fd);
	return err;
}
