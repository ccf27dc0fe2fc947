/* SPDX-License-Identifier: MIT */
/* The kernel's mappings, files without a name, handles and sockets. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include "kernel_calls.h"
#include "ktask.h"

#define P(pointer) (long)(pointer)
#define CALL(name, ...)                              \
	ktask_call((struct ktask *)task, SYS_##name, \
		   (const long[6]){__VA_ARGS__})

int kernel_mmap(struct vfs_task *task, void *addr, size_t length, int prot,
		int flags, int fd, int64_t offset, void **out)
{
	long at = CALL(mmap, P(addr), (long)length, prot, flags, fd, offset);

	if (at < 0 && at > -4096)
		return (int)at;
	*out = (void *)at;
	return 0;
}

int kernel_munmap(struct vfs_task *task, void *addr, size_t length)
{
	return (int)CALL(munmap, P(addr), (long)length);
}

int kernel_msync(struct vfs_task *task, void *addr, size_t length, int flags)
{
	return (int)CALL(msync, P(addr), (long)length, flags);
}

int kernel_memfd_create(struct vfs_task *task, const char *name, uint32_t flags)
{
	return (int)CALL(memfd_create, P(name), flags);
}

int kernel_name_to_handle_at(struct vfs_task *task, int dirfd, const char *path,
			     struct vfs_file_handle *handle, void *mount_id,
			     int flags)
{
	return (int)CALL(name_to_handle_at, dirfd, P(path), P(handle),
			 P(mount_id), flags);
}

int kernel_open_by_handle_at(struct vfs_task *task, int mount_fd,
			     const struct vfs_file_handle *handle, int flags)
{
	return (int)CALL(open_by_handle_at, mount_fd, P(handle), flags);
}

/* ---- sockets: an endpoint is one, its descriptor plus 1 ---- */

struct socket_request {
	const char *path;
	uint32_t mode;
	int result;
};

static bool fill_address(struct sockaddr_un *address, const char *path)
{
	memset(address, 0, sizeof(*address));
	address->sun_family = AF_UNIX;
	if (strlen(path) >= sizeof(address->sun_path))
		die("a socket's path is too long: %s", path);
	strcpy(address->sun_path, path);
	return *path;
}

/* On the task's thread. */
static void bind_socket(void *argument)
{
	struct socket_request *r = argument;
	int low = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int fd = fcntl(low, F_DUPFD_CLOEXEC, FIRST_PRIVATE_FD);
	struct sockaddr_un address;

	close(low);
	if (fd < 0)
		die("no socket: %s", strerror(errno));
	fill_address(&address, r->path);
	if (fchmod(fd, r->mode) ||
	    bind(fd, (const struct sockaddr *)&address, sizeof(address)) ||
	    listen(fd, 64)) {
		r->result = -errno;
		close(fd);
	} else {
		r->result = fd;
	}
}

static void connect_socket(void *argument)
{
	struct socket_request *r = argument;
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sockaddr_un address;

	fill_address(&address, r->path);
	r->result =
		connect(fd, (const struct sockaddr *)&address, sizeof(address))
			? -errno
			: 0;
	close(fd);
}

int kernel_bind(struct side *side, unsigned number, const char *path,
		uint32_t mode)
{
	struct socket_request r = {path, mode, 0};

	ktask_run((struct ktask *)side_task(side), bind_socket, &r);
	if (r.result < 0)
		return r.result;
	side->endpoints[number] = (void *)((intptr_t)r.result + 1);
	return 0;
}

int kernel_connect(struct side *side, const char *path)
{
	struct socket_request r = {path, 0, 0};

	ktask_run((struct ktask *)side_task(side), connect_socket, &r);
	return r.result;
}

static void close_socket(void *argument)
{
	close((int)((intptr_t)argument - 1));
}

void kernel_hang_up(struct side *side, unsigned number)
{
	if (side->endpoints[number])
		ktask_run((struct ktask *)side_task(side), close_socket,
			  side->endpoints[number]);
	side->endpoints[number] = NULL;
}
