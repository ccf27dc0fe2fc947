/* SPDX-License-Identifier: MIT */
/* vfs_import_fd: pipes, FIFOs, sockets and devices; waiting for them, being
 * interrupted, and polling them together with pipes of the instance. */
#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/sysmacros.h>
#include <sys/time.h>
#include <sys/uio.h>

#include "import_calls.h"

#define ALL 0x7fff

static int import(struct vfs_task *task, int host)
{
	return check_fd(vfs_import_fd(task, host, 0));
}

/* A pipe of which the library has end `end`; the other one. */
static int half_pipe(struct vfs_task *task, int end, int *fd)
{
	int p[2];

	assert_int_equal(pipe(p), 0);
	*fd = import(task, p[end]);
	return p[!end];
}

static int half_socket(struct vfs_task *task, int type, int *fd)
{
	int s[2];

	assert_int_equal(socketpair(AF_UNIX, type, 0, s), 0);
	*fd = import(task, s[0]);
	return s[1];
}

static int events_of(struct vfs_task *task, int fd)
{
	struct vfs_pollfd p = {.fd = fd, .events = ALL, .revents = 0x55};
	int ready = vfs_poll(task, &p, 1, 0);

	check_eq(ready, p.revents != 0);
	return (uint16_t)p.revents;
}

static void set_nonblock(struct vfs_task *task, int fd)
{
	int on = 1;

	check_ok(vfs_ioctl(task, fd, FIONBIO, &on));
}

/* Nothing of it reaches the process. */
static void no_signal(int number)
{
	(void)number;
	abort();
}

static void watch_sigpipe(void)
{
	const struct sigaction action = {.sa_handler = no_signal};
	sigset_t set;

	assert_int_equal(sigaction(SIGPIPE, &action, NULL), 0);
	sigemptyset(&set);
	sigaddset(&set, SIGPIPE);
	pthread_sigmask(SIG_UNBLOCK, &set, NULL);
}

/* ---- pipes ---- */

static void test_stream__pipes(void **state)
{
	struct vfs_task *task = ((struct world *)*state)->task;
	int r, host = half_pipe(task, 0, &r), bytes;
	struct vfs_stat st;
	char b[16];

	check_ok(vfs_fstat(task, r, &st));
	assert_true(S_ISFIFO(st.mode));
	check_eq(vfs_fcntl(task, r, F_GETFL, 0) & O_ACCMODE, O_RDONLY);
	check_eq(vfs_write(task, r, "x", 1), -EBADF);
	check_eq(vfs_pread(task, r, b, 1, 0), -ESPIPE);
	check_eq(vfs_lseek(task, r, 0, SEEK_CUR), -ESPIPE);
	check_eq(vfs_ftruncate(task, r, 0), -EINVAL);
	check_eq(vfs_fsync(task, r), -EINVAL);
	check_ok(vfs_syncfs(task, r));
	check_eq(vfs_fadvise(task, r, 0, 0, 0), -ESPIPE);
	check_eq(vfs_fsetxattr(task, r, "user.a", "1", 1, 0), -EPERM);
	check_eq(vfs_getdents(task, r, b, sizeof(b)), -ENOTDIR);
	check_eq(vfs_fchdir(task, r), -ENOTDIR);
	check_eq(vfs_mmap(task, NULL, 1, 1, 2, r, 0, (void **)&st), -ENODEV);
	assert_int_equal(write(host, "hello", 5), 5);
	check_ok(vfs_ioctl(task, r, FIONREAD, &bytes));
	assert_int_equal(bytes, 5);
	check_eq(vfs_ioctl(task, r, TIOCGWINSZ, b), -ENOTTY);
	check_eq(vfs_read(task, r, b, 0), 0);
	check_eq(vfs_read(task, r, b, 3), 3);
	check_eq(vfs_read(task, r, NULL, 3), -EFAULT);
	check_eq(vfs_read(task, r, b, 16), 2);
	assert_int_equal(fcntl(host, F_SETPIPE_SZ, 8192), 8192);
	check_eq(vfs_fcntl(task, r, F_GETPIPE_SZ, 0), 8192);
	check_eq(vfs_fcntl(task, r, F_SETPIPE_SZ, 16384), 16384);
	check_eq(vfs_fcntl(task, r, F_SETPIPE_SZ, 1 << 20), 1 << 20);
	check_eq(vfs_fcntl(task, r, F_SETPIPE_SZ, (1 << 20) + 1), -EPERM);
	check_eq(vfs_fcntl(task, r, F_SETPIPE_SZ, 4096), 4096);
	check_ok(vfs_fchmod(task, r, 0400));
	host_close(host);
	check_eq(vfs_read(task, r, b, 16), 0);
	check_eq(events_of(task, r), POLLHUP);
}

/* A pipe that nobody reads; whatever the caller does with the signal. */
static void check_broken(struct vfs_task *task, int w)
{
	sigset_t set, old;

	watch_sigpipe();
	check_eq(vfs_write(task, w, "x", 1), -EPIPE);
	check_eq(vfs_write(task, w, "", 0), 0);
	assert_true(events_of(task, w) & POLLERR);
	/* a caller that blocks the signal finds none waiting, and one that
	 * was waiting still there */
	sigemptyset(&set);
	sigaddset(&set, SIGPIPE);
	pthread_sigmask(SIG_BLOCK, &set, &old);
	check_eq(vfs_write(task, w, "x", 1), -EPIPE);
	sigpending(&set);
	assert_false(sigismember(&set, SIGPIPE));
	pthread_kill(pthread_self(), SIGPIPE);
	check_eq(vfs_write(task, w, "x", 1), -EPIPE);
	sigpending(&set);
	assert_true(sigismember(&set, SIGPIPE));
	signal(SIGPIPE, SIG_IGN);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	watch_sigpipe();
}

static void test_stream__no_reader_and_no_signal(void **state)
{
	struct vfs_task *task = ((struct world *)*state)->task;
	int w, s, host = half_pipe(task, 1, &w);

	check_eq(vfs_write(task, w, "x", 1), 1);
	host_close(host);
	check_broken(task, w);
	host = half_socket(task, SOCK_STREAM, &s);
	host_close(host);
	check_eq(vfs_write(task, s, "x", 1), -EPIPE);
	signal(SIGPIPE, SIG_DFL);
}

static void test_stream__nonblocking_is_the_descriptors(void **state)
{
	struct vfs_task *task = ((struct world *)*state)->task;
	static char big[1 << 20];
	int r, w, hw = half_pipe(task, 0, &r), hr = half_pipe(task, 1, &w);
	struct vfs_iovec iov = {big, 1};

	check_eq(vfs_preadv2(task, r, &iov, 1, -1, RWF_NOWAIT), -EAGAIN);
	check_ok(vfs_fcntl(task, r, F_SETFL, O_NONBLOCK));
	set_nonblock(task, w);
	check_eq(vfs_read(task, r, big, 1), -EAGAIN);
	assert_int_equal(write(hw, "ab", 2), 2);
	check_eq(vfs_read(task, r, big, 9), 2);
	check_eq(vfs_write(task, w, big, sizeof(big)), 65536);
	check_eq(vfs_write(task, w, big, 1), -EAGAIN);
	check_eq(events_of(task, w), 0);
	/* nobody else's description has changed */
	assert_false(fcntl(hw, F_GETFL) & O_NONBLOCK);
	assert_false(fcntl(hr, F_GETFL) & O_NONBLOCK);
	host_close(hw);
	host_close(hr);
}

/* The description that others share does not become non-blocking, and one
 * that is makes nobody here get -EAGAIN who did not ask for it. */
static void test_stream__a_shared_description(void **state)
{
	struct vfs_task *task = ((struct world *)*state)->task;
	struct call c = {.task = task, .make = make_read, .size = 4};
	char b[4];
	int p[2];

	assert_int_equal(pipe2(p, O_NONBLOCK), 0);
	c.fd = import(task, dup(p[0]));
	c.buffer = b;
	assert_true(vfs_fcntl(task, c.fd, F_GETFL, 0) & O_NONBLOCK);
	check_eq(vfs_read(task, c.fd, b, 4), -EAGAIN);
	check_ok(vfs_fcntl(task, c.fd, F_SETFL, 0));
	call_start(&c);
	assert_true(fcntl(p[0], F_GETFL) & O_NONBLOCK);
	assert_int_equal(write(p[1], "x", 1), 1);
	check_eq(call_join(&c), 1);
	host_close(p[0]);
	host_close(p[1]);
}

static void test_stream__waits_and_is_woken(void **state)
{
	struct vfs_task *task = ((struct world *)*state)->task;
	struct call c = {.task = task, .make = make_read, .size = 16};
	char b[16];
	int host = half_pipe(task, 0, &c.fd);

	c.buffer = b;
	call_start(&c);
	assert_int_equal(write(host, "abc", 3), 3);
	check_eq(call_join(&c), 3);
	call_start(&c);
	host_close(host);
	check_eq(call_join(&c), 0);
}

static void test_stream__a_write_goes_on_until_all_is_written(void **state)
{
	struct vfs_task *task = ((struct world *)*state)->task;
	struct call c = {.task = task, .make = make_write, .size = 1 << 20};
	int host = half_pipe(task, 1, &c.fd);
	int64_t start = now_ms();
	size_t got = 0;
	ssize_t n;
	char *in;

	c.buffer = malloc(c.size);
	in = malloc(c.size);
	for (size_t i = 0; i < c.size; i++)
		c.buffer[i] = (char)(i * 31 >> 4);
	call_start(&c);
	while (got < c.size && (n = read(host, in + got, 7000)) > 0)
		got += (size_t)n;
	check_eq(call_join(&c), c.size);
	assert_memory_equal(in, c.buffer, c.size);
	/* no pauses where the other side is willing */
	assert_true(now_ms() - start < 5000);
	free(c.buffer);
	free(in);
	host_close(host);
}

/* The rest of a vector, whose parts the first attempt has cut somewhere. */
static void test_stream__a_vector_of_many(void **state)
{
	struct vfs_task *task = ((struct world *)*state)->task;
	static char part[1000], in[100000];
	struct vfs_iovec iov[100];
	int w, host = half_pipe(task, 1, &w);
	size_t got = 0;

	for (int i = 0; i < 100; i++)
		iov[i] = (struct vfs_iovec){part, i % 7 ? 1000 : 0};
	memset(part, 'v', sizeof(part));
	set_nonblock(task, w);
	check_eq(vfs_writev(task, w, iov, 100), 65536);
	assert_int_equal(read(host, in, 65536), 65536);
	check_eq(vfs_writev(task, w, iov, 30), 25000);
	while (got < 25000)
		got += (size_t)read(host, in + got, sizeof(in) - got);
	for (size_t i = 0; i < got; i++)
		assert_int_equal(in[i], 'v');
	host_close(host);
}

static void test_stream__is_interrupted(void **state)
{
	struct vfs_task *task = ((struct world *)*state)->task;
	struct call c = {.task = task, .make = make_read, .size = 16};
	static char big[1 << 18];
	int before = host_fds(), hr, hw, w;

	c.buffer = big;
	hw = half_pipe(task, 0, &c.fd);
	call_start(&c);
	check_eq(call_interrupt(&c), -EINTR);
	hr = half_pipe(task, 1, &w);
	c.fd = w;
	c.make = make_write;
	c.size = sizeof(big);
	call_start(&c);
	/* what it has done so far */
	check_eq(call_interrupt(&c), 65536);
	call_start(&c);
	check_eq(call_interrupt(&c), -EINTR);
	check_ok(vfs_close_range(task, 0, 9, 0));
	host_close(hr);
	host_close(hw);
	assert_int_equal(host_fds(), before);
}

/* ---- FIFOs ---- */

static void test_stream__fifos(void **state)
{
	struct vfs_task *task = ((struct world *)*state)->task;
	struct call c = {.task = task, .make = make_read, .size = 16};
	char path[] = "/tmp/vfs-import-fifo-XXXXXX", b[16];
	int before = host_fds(), r, w, rw;

	assert_non_null(mkdtemp(path));
	assert_int_equal(rmdir(path), 0);
	assert_int_equal(mkfifo(path, 0600), 0);
	rw = open(path, O_RDWR);
	r = import(task, open(path, O_RDONLY));
	w = import(task, open(path, O_WRONLY));
	assert_int_equal(unlink(path), 0);
	host_close(rw);
	c.fd = r;
	c.buffer = b;
	call_start(&c);
	check_eq(vfs_write(task, w, "abc", 3), 3);
	check_eq(call_join(&c), 3);
	call_start(&c);
	check_eq(call_interrupt(&c), -EINTR);
	set_nonblock(task, r);
	check_eq(vfs_read(task, r, b, 1), -EAGAIN);
	check_eq(events_of(task, r), 0);
	check_ok(vfs_close(task, w));
	check_eq(vfs_read(task, r, b, 1), 0);
	check_eq(events_of(task, r), POLLHUP);
	check_ok(vfs_close(task, r));
	assert_int_equal(host_fds(), before);
}

/* A writer whose reader is gone when it comes here: there can be no second
 * description, and it works all the same. */
static void test_stream__a_fifo_without_a_reader(void **state)
{
	struct vfs_task *task = ((struct world *)*state)->task;
	char path[] = "/tmp/vfs-import-fifo-XXXXXX", in[10000];
	struct call c = {.task = task, .make = make_write, .size = 200000};
	int rw, host;

	assert_non_null(mkdtemp(path));
	assert_int_equal(rmdir(path), 0);
	assert_int_equal(mkfifo(path, 0600), 0);
	rw = open(path, O_RDWR);
	host = open(path, O_WRONLY);
	host_close(rw);
	c.fd = import(task, host);
	check_broken(task, c.fd);
	signal(SIGPIPE, SIG_DFL);
	rw = open(path, O_RDONLY | O_NONBLOCK);
	assert_int_equal(unlink(path), 0);
	c.buffer = calloc(1, c.size);
	call_start(&c);
	/* PIPE_BUF at a time, as long as there is room */
	check_eq(call_interrupt(&c), 65536);
	call_start(&c);
	for (size_t got = 0; got < 65536 + c.size;) {
		ssize_t n = read(rw, in, sizeof(in));

		if (n > 0)
			got += (size_t)n;
		else
			usleep(1000);
	}
	check_eq(call_join(&c), c.size);
	free(c.buffer);
	host_close(rw);
}

/* ---- sockets ---- */

static void test_stream__sockets(void **state)
{
	struct vfs_task *task = ((struct world *)*state)->task;
	struct call c = {.task = task, .make = make_read, .size = 16};
	int host = half_socket(task, SOCK_STREAM, &c.fd), n;
	struct vfs_stat st;
	char b[16];

	check_ok(vfs_mkdir(task, "/proc", 0755));
	check_ok(vfs_mount(task, "proc", "/proc", "proc", 0, NULL));
	check_ok(vfs_fstat(task, c.fd, &st));
	assert_true(S_ISSOCK(st.mode));
	check_eq(vfs_lseek(task, c.fd, 0, SEEK_CUR), -ESPIPE);
	check_eq(vfs_pwrite(task, c.fd, "x", 1, 0), -ESPIPE);
	check_eq(vfs_ftruncate(task, c.fd, 0), -EINVAL);
	check_eq(vfs_fallocate(task, c.fd, 0, 0, 1), -ENODEV);
	check_eq(vfs_open(task, "/proc/self/fd/0", O_RDWR, 0), -ENXIO);
	check_fd(vfs_readlink(task, "/proc/self/fd/0", b, 8));
	assert_memory_equal(b, "socket:[", 8);
	c.buffer = b;
	call_start(&c);
	assert_int_equal(write(host, "abc", 3), 3);
	check_eq(call_join(&c), 3);
	assert_int_equal(write(host, "abc", 3), 3);
	check_ok(vfs_ioctl(task, c.fd, FIONREAD, &n));
	assert_int_equal(n, 3);
	check_eq(vfs_ioctl(task, c.fd, 0x8912 /* SIOCGIFCONF */, b), -ENOTTY);
	check_eq(vfs_fcntl(task, c.fd, F_GETPIPE_SZ, 0), -EBADF);
	check_eq(vfs_write(task, c.fd, "defg", 4), 4);
	assert_int_equal(read(host, b, 16), 4);
	assert_int_equal(shutdown(host, SHUT_WR), 0);
	check_eq(vfs_read(task, c.fd, b, 16), 3);
	check_eq(vfs_read(task, c.fd, b, 16), 0);
	host_close(host);
}

static void test_stream__datagrams(void **state)
{
	struct vfs_task *task = ((struct world *)*state)->task;
	int fd, host = half_socket(task, SOCK_DGRAM, &fd);
	struct vfs_iovec iov[20];
	char b[32];

	check_eq(vfs_write(task, fd, "one", 3), 3);
	check_eq(vfs_write(task, fd, "", 0), 0);
	/* a vector is one, however many parts it has */
	for (int i = 0; i < 20; i++)
		iov[i] = (struct vfs_iovec){"x", 1};
	check_eq(vfs_writev(task, fd, iov, 20), 20);
	assert_int_equal(read(host, b, 32), 3);
	assert_int_equal(read(host, b, 32), 0);
	assert_int_equal(read(host, b, 32), 20);
	assert_int_equal(write(host, "abcdef", 6), 6);
	/* what did not fit is gone */
	check_eq(vfs_read(task, fd, b, 2), 2);
	set_nonblock(task, fd);
	check_eq(vfs_read(task, fd, b, 2), -EAGAIN);
	host_close(host);
}

static void test_stream__a_sockets_own_timeout(void **state)
{
	struct vfs_task *task = ((struct world *)*state)->task;
	const struct timeval limit = {0, 50000};
	int64_t start;
	char b[4];
	int s[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, s), 0);
	assert_int_equal(setsockopt(s[0], SOL_SOCKET, SO_RCVTIMEO, &limit,
				    sizeof(limit)),
			 0);
	start = now_ms();
	check_eq(vfs_read(task, import(task, s[0]), b, 4), -EAGAIN);
	assert_true(now_ms() - start >= 50);
	host_close(s[1]);
}

static void test_stream__a_full_socket(void **state)
{
	struct vfs_task *task = ((struct world *)*state)->task;
	struct call c = {.task = task, .make = make_write, .size = 4 << 20};
	int host = half_socket(task, SOCK_STREAM, &c.fd);
	size_t got = 0;
	ssize_t n;
	char *in;

	c.buffer = calloc(1, c.size);
	in = malloc(65536);
	call_start(&c);
	while (got < c.size && (n = read(host, in, 65536)) > 0)
		got += (size_t)n;
	check_eq(call_join(&c), c.size);
	free(c.buffer);
	free(in);
	host_close(host);
}

/* ---- devices ---- */

static void test_stream__devices(void **state)
{
	struct vfs_task *task = ((struct world *)*state)->task;
	int null = import(task, open("/dev/null", O_RDWR));
	int zero = import(task, open("/dev/zero", O_RDONLY));
	struct vfs_stat st;
	char b[8] = "1234567";

	check_ok(vfs_fstat(task, null, &st));
	assert_true(S_ISCHR(st.mode));
	assert_int_equal(st.rdev, makedev(1, 3));
	check_eq(vfs_read(task, null, b, 8), 0);
	check_eq(vfs_write(task, null, b, 8), 8);
	check_eq(vfs_pwrite(task, null, b, 8, 100), 8);
	check_eq(vfs_lseek(task, null, 5, SEEK_SET), 0);
	check_eq(vfs_fsync(task, null), -EINVAL);
	check_eq(vfs_ioctl(task, null, FIONREAD, b), -ENOTTY);
	check_eq(vfs_ioctl(task, null, 0x5401 /* TCGETS */, b), -ENOTTY);
	check_eq(vfs_pread(task, zero, b, 4, 1000), 4);
	assert_memory_equal(b, "\0\0\0\0005", 5);
	check_eq(vfs_write(task, zero, b, 1), -EBADF);
	assert_true(events_of(task, zero) & POLLIN);
}

/* ---- poll ---- */

struct mix {
	int host_pipe, host_socket, own_write;
};

/* A pipe and a socket of the host's, and a pipe of the instance's. */
static void poll_mix(struct vfs_task *task, struct call *c, struct mix *m)
{
	int fds[3], p[2];

	m->host_pipe = half_pipe(task, 0, &fds[0]);
	m->host_socket = half_socket(task, SOCK_STREAM, &fds[1]);
	check_ok(vfs_pipe(task, p));
	fds[2] = p[0];
	m->own_write = p[1];
	*c = (struct call){.task = task, .make = make_poll, .nfds = 3};
	c->timeout = -1;
	for (int i = 0; i < 3; i++)
		c->fds[i] = (struct vfs_pollfd){fds[i], POLLIN, 0};
}

static void check_events(const struct call *c, int a, int b, int own)
{
	assert_int_equal(c->fds[0].revents, a);
	assert_int_equal(c->fds[1].revents, b);
	assert_int_equal(c->fds[2].revents, own);
}

static void test_stream__poll_of_a_mixture(void **state)
{
	struct vfs_task *task = ((struct world *)*state)->task;
	struct call c;
	struct mix m;
	char b[4];

	poll_mix(task, &c, &m);
	call_start(&c);
	assert_int_equal(write(m.host_pipe, "x", 1), 1);
	check_eq(call_join(&c), 1);
	check_events(&c, POLLIN, 0, 0);
	check_eq(vfs_read(task, c.fds[0].fd, b, 4), 1);
	call_start(&c);
	assert_int_equal(write(m.host_socket, "x", 1), 1);
	check_eq(call_join(&c), 1);
	check_events(&c, 0, POLLIN, 0);
	check_eq(vfs_read(task, c.fds[1].fd, b, 4), 1);
	call_start(&c);
	check_eq(vfs_write(task, m.own_write, "x", 1), 1);
	check_eq(call_join(&c), 1);
	check_events(&c, 0, 0, POLLIN);
	check_eq(vfs_read(task, c.fds[2].fd, b, 4), 1);
	call_start(&c);
	check_eq(call_interrupt(&c), -EINTR);
	call_start(&c);
	host_close(m.host_pipe);
	check_eq(call_join(&c), 1);
	check_events(&c, POLLHUP, 0, 0);
	check_ok(vfs_close(task, m.own_write));
	check_eq(vfs_poll(task, c.fds, 3, -1), 2);
	check_events(&c, POLLHUP, 0, POLLHUP);
	host_close(m.host_socket);
	check_eq(vfs_poll(task, c.fds, 3, -1), 3);
}

/* While it waits it takes no time, and it waits as long as it should. */
static void test_stream__poll_does_not_spin(void **state)
{
	struct vfs_task *task = ((struct world *)*state)->task;
	int64_t start, used;
	struct call c;
	struct mix m;
	int before = host_fds();

	poll_mix(task, &c, &m);
	start = now_ms();
	used = used_ms();
	check_eq(vfs_poll(task, c.fds, 3, 300), 0);
	assert_true(now_ms() - start >= 300);
	assert_true(used_ms() - used < 100);
	check_events(&c, 0, 0, 0);
	/* nobody is interested in what there is */
	assert_int_equal(write(m.host_pipe, "x", 1), 1);
	c.fds[0].events = 0;
	start = now_ms();
	used = used_ms();
	check_eq(vfs_poll(task, c.fds, 3, 300), 0);
	assert_true(now_ms() - start >= 300);
	assert_true(used_ms() - used < 100);
	check_ok(vfs_close_range(task, 0, 9, 0));
	host_close(m.host_pipe);
	host_close(m.host_socket);
	assert_int_equal(host_fds(), before);
}

/* Two readers of one description: who comes too late waits again. */
static void test_stream__somebody_else_was_faster(void **state)
{
	struct vfs_task *task = ((struct world *)*state)->task;
	struct call c = {.task = task, .make = make_read, .size = 1};
	struct call d = {.task = task, .make = make_read, .size = 1};
	int64_t used = used_ms();
	char a[1], b[1];
	int host = half_pipe(task, 0, &c.fd);

	d.fd = c.fd;
	c.buffer = a;
	d.buffer = b;
	call_start(&c);
	call_start(&d);
	assert_int_equal(write(host, "1", 1), 1);
	usleep(200000);
	assert_int_equal(call_is_done(&c) + call_is_done(&d), 1);
	assert_int_equal(write(host, "2", 1), 1);
	check_eq(call_join(&c) + call_join(&d), 2);
	assert_int_equal(a[0] + b[0], '1' + '2');
	assert_true(used_ms() - used < 150);
	host_close(host);
}

static void test_stream__out_of_descriptors(void **state)
{
	struct vfs_task *task = ((struct world *)*state)->task;
	struct rlimit limit, none;
	int fd, host = half_pipe(task, 0, &fd);
	struct vfs_pollfd p = {.fd = fd, .events = POLLIN};
	char b[4];

	assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
	none = limit;
	none.rlim_cur = (rlim_t)dup(host);
	host_close((int)none.rlim_cur);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	check_eq(vfs_read(task, fd, b, 4), -ENOMEM);
	check_eq(vfs_poll(task, &p, 1, 1000), -ENOMEM);
	assert_int_equal(write(host, "x", 1), 1);
	check_eq(vfs_poll(task, &p, 1, 1000), 1);
	check_eq(vfs_read(task, fd, b, 4), 1);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
	host_close(host);
}

static void test_stream__sendfile(void **state)
{
	struct vfs_task *task = ((struct world *)*state)->task;
	int w, host = half_pipe(task, 1, &w), in;
	char b[16];

	put_file(task, "/f", "0123456789");
	in = check_fd(vfs_open(task, "/f", O_RDONLY, 0));
	check_eq(vfs_sendfile(task, w, in, NULL, 4), 4);
	assert_int_equal(read(host, b, 16), 4);
	assert_memory_equal(b, "0123", 4);
	check_eq(vfs_copy_file_range(task, in, NULL, w, NULL, 4, 0), -EINVAL);
	host_close(host);
	check_eq(vfs_sendfile(task, w, in, NULL, 4), -EPIPE);
	check_eq(vfs_lseek(task, in, 0, SEEK_CUR), 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		world_test(test_stream__pipes),
		world_test(test_stream__no_reader_and_no_signal),
		world_test(test_stream__nonblocking_is_the_descriptors),
		world_test(test_stream__a_shared_description),
		world_test(test_stream__waits_and_is_woken),
		world_test(test_stream__a_write_goes_on_until_all_is_written),
		world_test(test_stream__a_vector_of_many),
		world_test(test_stream__is_interrupted),
		world_test(test_stream__fifos),
		world_test(test_stream__a_fifo_without_a_reader),
		world_test(test_stream__sockets),
		world_test(test_stream__datagrams),
		world_test(test_stream__a_sockets_own_timeout),
		world_test(test_stream__a_full_socket),
		world_test(test_stream__devices),
		world_test(test_stream__poll_of_a_mixture),
		world_test(test_stream__poll_does_not_spin),
		world_test(test_stream__somebody_else_was_faster),
		world_test(test_stream__out_of_descriptors),
		world_test(test_stream__sendfile),
	};

	return cmocka_run_group_tests(tests, NULL, NULL) ? 1 : 0;
}
