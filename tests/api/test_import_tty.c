/* SPDX-License-Identifier: MIT */
/* vfs_import_fd: terminals, by way of a pseudo-terminal whose master is the
 * test's, and masters. */
#include <poll.h>
#include <sys/ioctl.h>
#include <termios.h>

#include "import_calls.h"

#define READ_WRITE (O_RDWR | O_NOCTTY)

/* A terminal without lines and echo; its master. */
static int make_terminal(int *slave)
{
	int master = posix_openpt(READ_WRITE);
	struct termios t;

	assert_true(master >= 0);
	assert_int_equal(grantpt(master), 0);
	assert_int_equal(unlockpt(master), 0);
	*slave = open(ptsname(master), READ_WRITE);
	assert_true(*slave >= 0);
	assert_int_equal(tcgetattr(*slave, &t), 0);
	cfmakeraw(&t);
	assert_int_equal(tcsetattr(*slave, TCSANOW, &t), 0);
	return master;
}

static int import(struct vfs_task *task, int host)
{
	return check_fd(vfs_import_fd(task, host, 0));
}

static void set_raw(struct vfs_task *task, int fd, int min, int tenths)
{
	struct termios t;

	check_ok(vfs_ioctl(task, fd, TCGETS, &t));
	t.c_cc[VMIN] = (cc_t)min;
	t.c_cc[VTIME] = (cc_t)tenths;
	check_ok(vfs_ioctl(task, fd, TCSETS, &t));
}

static void test_tty__what_it_is(void **state)
{
	struct vfs_task *task = ((struct world *)*state)->task;
	int before = host_fds(), slave, master = make_terminal(&slave), fd;
	char name[64] = "", *expected = ptsname(master), b[4];
	struct vfs_stat st;
	struct stat hst;

	check_ok(vfs_mkdir(task, "/proc", 0755));
	check_ok(vfs_mount(task, "proc", "/proc", "proc", 0, NULL));
	assert_int_equal(fstat(slave, &hst), 0);
	fd = import(task, slave);
	check_ok(vfs_fstat(task, fd, &st));
	assert_int_equal(st.mode, hst.st_mode);
	assert_true(S_ISCHR(st.mode));
	assert_int_equal(st.rdev, hst.st_rdev);
	assert_int_equal(st.ino, hst.st_ino);
	check_fd(vfs_readlink(task, "/proc/self/fd/0", name, 63));
	assert_string_equal(name, expected);
	check_eq(vfs_lseek(task, fd, 0, SEEK_CUR), -ESPIPE);
	check_eq(vfs_pread(task, fd, b, 1, 0), -ESPIPE);
	check_eq(vfs_fsync(task, fd), -EINVAL);
	check_eq(vfs_fchdir(task, fd), -ENOTDIR);
	check_ok(vfs_fchmod(task, fd, 0611));
	assert_int_equal(stat(expected, &hst), 0);
	assert_int_equal(hst.st_mode, S_IFCHR | 0611);
	check_ok(vfs_close(task, fd));
	host_close(master);
	assert_int_equal(host_fds(), before);
}

static void test_tty__reads_and_writes(void **state)
{
	struct vfs_task *task = ((struct world *)*state)->task;
	struct call c = {.task = task, .make = make_read, .size = 8};
	int slave, master = make_terminal(&slave), n;
	struct vfs_pollfd p = {.events = POLLIN | POLLOUT};
	char b[8];

	c.buffer = b;
	p.fd = c.fd = import(task, dup(slave));
	check_eq(vfs_poll(task, &p, 1, 0), 1);
	assert_int_equal(p.revents, POLLOUT);
	check_eq(vfs_write(task, c.fd, "out", 3), 3);
	assert_int_equal(read(master, b, 8), 3);
	call_start(&c);
	assert_int_equal(write(master, "in", 2), 2);
	check_eq(call_join(&c), 2);
	assert_int_equal(write(master, "more", 4), 4);
	check_eq(vfs_poll(task, &p, 1, 1000), 1);
	p.events = POLLIN;
	check_eq(vfs_poll(task, &p, 1, 1000), 1);
	check_ok(vfs_ioctl(task, c.fd, FIONREAD, &n));
	assert_int_equal(n, 4);
	check_eq(vfs_read(task, c.fd, b, 8), 4);
	call_start(&c);
	check_eq(call_interrupt(&c), -EINTR);
	check_ok(vfs_fcntl(task, c.fd, F_SETFL, O_NONBLOCK));
	check_eq(vfs_read(task, c.fd, b, 8), -EAGAIN);
	assert_false(fcntl(slave, F_GETFL) & O_NONBLOCK);
	/* nobody is there any more */
	host_close(master);
	check_eq(vfs_read(task, c.fd, b, 8), 0);
	check_eq(vfs_write(task, c.fd, b, 8), -EIO);
	p.events = 0;
	check_eq(vfs_poll(task, &p, 1, 1000), 1);
	assert_true(p.revents & POLLHUP);
	host_close(slave);
}

static void test_tty__a_write_that_waits(void **state)
{
	struct vfs_task *task = ((struct world *)*state)->task;
	struct call c = {.task = task, .make = make_write, .size = 300000};
	int slave, master = make_terminal(&slave);
	size_t got = 0;
	ssize_t n;
	char *in;

	c.buffer = calloc(1, c.size);
	in = malloc(c.size);
	c.fd = import(task, slave);
	call_start(&c);
	n = (ssize_t)call_interrupt(&c);
	assert_true(n > 0 && n < (ssize_t)c.size);
	call_start(&c);
	while (got < (size_t)n + c.size)
		got += (size_t)read(master, in, c.size);
	check_eq(call_join(&c), c.size);
	assert_int_equal(got, (size_t)n + c.size);
	free(c.buffer);
	free(in);
	host_close(master);
}

static void test_tty__settings(void **state)
{
	struct vfs_task *task = ((struct world *)*state)->task;
	int slave, master = make_terminal(&slave), fd, n;
	struct winsize size = {24, 80, 0, 0}, seen = {0};
	struct termios t, host;

	fd = import(task, dup(slave));
	check_ok(vfs_ioctl(task, fd, TIOCSWINSZ, &size));
	assert_int_equal(ioctl(master, TIOCGWINSZ, &seen), 0);
	assert_int_equal(seen.ws_col, 80);
	size.ws_row = 50;
	assert_int_equal(ioctl(master, TIOCSWINSZ, &size), 0);
	check_ok(vfs_ioctl(task, fd, TIOCGWINSZ, &seen));
	assert_int_equal(seen.ws_row, 50);
	check_eq(vfs_ioctl(task, fd, TIOCGWINSZ, NULL), -EFAULT);
	check_ok(vfs_ioctl(task, fd, TCGETS, &t));
	assert_false(t.c_lflag & ECHO);
	t.c_lflag |= ECHO | ICANON;
	check_ok(vfs_ioctl(task, fd, TCSETSF, &t));
	assert_int_equal(tcgetattr(slave, &host), 0);
	assert_true(host.c_lflag & ECHO);
	check_ok(vfs_ioctl(task, fd, TCFLSH, (void *)(uintptr_t)TCIOFLUSH));
	check_ok(vfs_ioctl(task, fd, TIOCOUTQ, &n));
	check_ok(vfs_ioctl(task, fd, TCSBRK, (void *)(uintptr_t)1));
	/* nobody's controlling terminal: the host's own answer */
	check_eq(vfs_ioctl(task, fd, TIOCGSID, &n), -ENOTTY);
	host_close(slave);
	host_close(master);
}

static void test_tty__what_is_refused(void **state)
{
	struct vfs_task *task = ((struct world *)*state)->task;
	static const uint64_t refused[] = {
		TIOCSCTTY, TIOCNOTTY, TIOCSTI,	   TIOCSETD,
		TIOCCONS,  TIOCLINUX, TIOCVHANGUP, TIOCGPTPEER,
	};
	int slave, master = make_terminal(&slave), fd;
	int n = 0;

	fd = import(task, slave);
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++)
		check_eq(vfs_ioctl(task, fd, refused[i], &n), -EPERM);
	check_eq(vfs_ioctl(task, fd, 0x12345678, &n), -ENOTTY);
	check_eq(vfs_ioctl(task, fd, UINT64_C(1) << 32 | TCGETS, NULL),
		 -EFAULT);
	/* nothing was put into it */
	check_ok(vfs_ioctl(task, fd, FIONREAD, &n));
	assert_int_equal(n, 0);
	host_close(master);
}

static void test_tty__read_only(void **state)
{
	struct vfs_task *task = ((struct world *)*state)->task;
	int slave, master = make_terminal(&slave), fd;
	struct termios t;
	char b[4];
	int n;

	fd = check_fd(vfs_import_fd(task, slave, VFS_IMPORT_RDONLY));
	check_eq(vfs_write(task, fd, "x", 1), -EBADF);
	check_eq(vfs_fchmod(task, fd, 0), -EROFS);
	check_ok(vfs_ioctl(task, fd, TCGETS, &t));
	/* a password is asked for without echo */
	check_ok(vfs_ioctl(task, fd, TCSETS, &t));
	check_eq(vfs_ioctl(task, fd, TCSBRK, NULL), -EPERM);
	/* nothing is put out, not even a sign to stop */
	check_eq(vfs_ioctl(task, fd, TCXONC, (void *)(uintptr_t)TCIOFF),
		 -EPERM);
	check_eq(vfs_ioctl(task, fd, TCXONC, (void *)(uintptr_t)TCION), -EPERM);
	check_ok(vfs_ioctl(task, fd, TCXONC, (void *)(uintptr_t)TCOON));
	assert_int_equal(ioctl(master, FIONREAD, &n), 0);
	assert_int_equal(n, 0);
	assert_int_equal(write(master, "in", 2), 2);
	check_eq(vfs_read(task, fd, b, 4), 2);
	host_close(master);
}

/* ---- one open file ---- */

static bool same(struct vfs_task *task, int a, int b)
{
	return check_fd(vfs_fcntl(task, a, 1027 /* F_DUPFD_QUERY */, b)) == 1;
}

static void test_tty__three_descriptors_are_one(void **state)
{
	struct world *w = *state;
	int before = host_fds(), slave, master = make_terminal(&slave);
	int other, other_master = make_terminal(&other), fds[3], own, held;

	for (int i = 0; i < 3; i++)
		fds[i] = import(w->task, i ? dup(slave) : slave);
	assert_true(same(w->task, fds[0], fds[1]));
	assert_true(same(w->task, fds[0], fds[2]));
	check_ok(vfs_fcntl(w->task, fds[0], F_SETFL, O_NONBLOCK));
	assert_true(vfs_fcntl(w->task, fds[2], F_GETFL, 0) & O_NONBLOCK);
	/* the surplus ones are closed: two masters, this one, the other
	 * terminal, and a description without waiting */
	assert_int_equal(host_fds(), before + 5);
	/* not another terminal, access, or task; not when imported otherwise */
	own = import(w->task, other);
	assert_false(same(w->task, fds[0], own));
	own = import(w->task, open(ptsname(master), O_WRONLY | O_NOCTTY));
	assert_false(same(w->task, fds[0], own));
	held = open(ptsname(master), READ_WRITE);
	own = check_fd(vfs_import_fd(w->task, held, VFS_IMPORT_RDONLY));
	assert_false(same(w->task, fds[0], own));
	held = open(ptsname(master), READ_WRITE);
	check_fd(vfs_import_fd(w->user, held, 0));
	assert_true(host_is_open(held));
	/* opened by name, it is the same terminal still */
	own = import(w->task, open(ptsname(master), READ_WRITE));
	assert_true(same(w->task, fds[0], own));
	check_ok(vfs_close_range(w->task, 0, 99, 0));
	check_ok(vfs_close_range(w->user, 0, 99, 0));
	host_close(master);
	host_close(other_master);
	assert_int_equal(host_fds(), before);
}

static void test_tty__failure_leaves_the_third_alone(void **state)
{
	struct vfs_task *task = ((struct world *)*state)->task;
	struct vfs_rlimit limit = {2, 1024};
	int slave, master = make_terminal(&slave), third = dup(slave);

	import(task, dup(slave));
	import(task, slave);
	check_ok(vfs_setrlimit(task, RLIMIT_NOFILE, &limit));
	check_eq(vfs_import_fd(task, third, 0), -EMFILE);
	assert_true(host_is_open(third));
	host_close(third);
	host_close(master);
}

static void test_tty__out_of_memory(void **state)
{
	const struct vfs_config plain = {.size = sizeof(plain),
					 .flags = VFS_CONFIG_PLAIN_MEMORY};
	struct world world;
	uint64_t nth = 1;

	(void)state;
	while (nth) {
		int before = host_fds(), slave, master = make_terminal(&slave);

		assert_int_equal(world_open(&world, &plain), 0);
		test_alloc_fail(&world.alloc, nth, 1);
		int fd = vfs_import_fd(world.task, slave, 0);

		if (test_alloc_heal(&world.alloc)) {
			check_eq(fd, -ENOMEM);
			assert_int_equal(host_fds(), before + 2);
			assert_true(host_is_open(slave));
			host_close(slave);
			nth++;
		} else {
			assert_int_equal(fd, 0);
			nth = 0;
		}
		assert_true(world_close(&world));
		host_close(master);
		assert_int_equal(host_fds(), before);
	}
}

/* ---- without lines: VMIN and VTIME ---- */

static void test_tty__min_and_time(void **state)
{
	struct vfs_task *task = ((struct world *)*state)->task;
	struct call c = {.task = task, .make = make_read, .size = 2};
	int slave, master = make_terminal(&slave);
	int64_t start;
	char b[8];

	c.buffer = b;
	c.fd = import(task, slave);
	set_raw(task, c.fd, 0, 0);
	check_eq(vfs_read(task, c.fd, b, 8), 0);
	set_raw(task, c.fd, 0, 1);
	start = now_ms();
	check_eq(vfs_read(task, c.fd, b, 8), 0);
	assert_true(now_ms() - start >= 100);
	assert_int_equal(write(master, "x", 1), 1);
	check_eq(vfs_read(task, c.fd, b, 8), 1);
	/* as much as is asked for, though the terminal waits for more */
	set_raw(task, c.fd, 5, 0);
	call_start(&c);
	assert_int_equal(write(master, "xy", 2), 2);
	check_eq(call_join(&c), 2);
	host_close(master);
}

/* ---- masters ---- */

static void test_tty__masters(void **state)
{
	struct vfs_task *task = ((struct world *)*state)->task;
	struct call c = {.task = task, .make = make_read, .size = 8};
	int slave, host = make_terminal(&slave), number, n;
	char b[8], *big;
	struct stat st;

	assert_int_equal(ioctl(host, TIOCGPTN, &n), 0);
	c.buffer = b;
	c.fd = import(task, host);
	check_ok(vfs_ioctl(task, c.fd, TIOCGPTN, &number));
	assert_int_equal(number, n);
	call_start(&c);
	assert_int_equal(write(slave, "abc", 3), 3);
	check_eq(call_join(&c), 3);
	call_start(&c);
	check_eq(call_interrupt(&c), -EINTR);
	check_ok(vfs_fcntl(task, c.fd, F_SETFL, O_NONBLOCK));
	check_eq(vfs_read(task, c.fd, b, 8), -EAGAIN);
	check_eq(vfs_write(task, c.fd, "hello", 5), 5);
	for (n = 0; n < 5;)
		n += (int)read(slave, b, 8);
	/* more than the slave takes: interrupted all the same */
	check_ok(vfs_fcntl(task, c.fd, F_SETFL, 0));
	c.size = 300000;
	c.buffer = big = calloc(1, c.size);
	c.make = make_write;
	c.done = 0;
	assert_int_equal(pthread_create(&c.thread, NULL, call_run, &c), 0);
	usleep(300000);
	assert_false(call_is_done(&c));
	assert_true(call_interrupt(&c) > 0);
	/* the last slave goes: the host's answer */
	assert_int_equal(fstat(slave, &st), 0);
	host_close(slave);
	check_eq(vfs_read(task, c.fd, b, 8), -EIO);
	free(big);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		world_test(test_tty__what_it_is),
		world_test(test_tty__reads_and_writes),
		world_test(test_tty__a_write_that_waits),
		world_test(test_tty__settings),
		world_test(test_tty__what_is_refused),
		world_test(test_tty__read_only),
		world_test(test_tty__three_descriptors_are_one),
		world_test(test_tty__failure_leaves_the_third_alone),
		cmocka_unit_test(test_tty__out_of_memory),
		world_test(test_tty__min_and_time),
		world_test(test_tty__masters),
	};

	return cmocka_run_group_tests(tests, NULL, NULL) ? 1 : 0;
}
